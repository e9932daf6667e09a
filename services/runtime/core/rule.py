"""A rule is a sentence; its parameters are its conditions.

A parameter's type says what must lie on the file for the sentence to speak:

=====================  ==============================================================================
`ConsentIssued`        the newest fact of this kind; without one the rule is silent
`Filed[ConsentIssued]` the same, with who said it and when
`ConsentIssued | None` the newest, or None; no condition
`All[A]`, `All[A | B]` every fact of these kinds on this file, in order; no condition
`Across[A | B]`        every fact of these kinds on every file of the subject, in order; no condition
a `View`               what several facts say together; where it says None the rule is silent
`SomeView | None`      the view, or None; no condition
=====================  ==============================================================================
"""

import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache, cached_property
from typing import Annotated, Any, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from contracts.event import Event, Fact
from services.runtime.core.facts import OwnFact
from services.runtime.core.file import STANDING, File, Filed, Phase, Refusal, Seen, Subject

T = TypeVar("T")
F = TypeVar("F", bound=Fact)


class _Scope(Enum):
    FILE = auto()
    SUBJECT = auto()


All = Annotated[tuple[Filed[F], ...], _Scope.FILE]
Across = Annotated[tuple[Filed[F], ...], _Scope.SUBJECT]


class View:
    """What several facts say together: a frozen dataclass with a class method `of`, whose parameters are
    conditions like a rule's, and which may answer None. A rule that speaks `per` view needs its `mark`."""

    @classmethod
    def of(cls, *args: Any, **kwargs: Any) -> Self | None:
        """The view of one file, or None where the file does not say it."""
        raise TypeError(f"{cls.__name__} has no `of`")

    @property
    def mark(self) -> str:
        """What tells one such view from the next, where a rule speaks once per view."""
        raise TypeError(f"{type(self).__name__} has no mark, so no rule can speak once per it")


@dataclass(frozen=True, slots=True)
class For:
    """Says an event in another case's file than the rule's own: mostly an answer to what belongs to the folio."""

    case: str
    event: Event


@dataclass(frozen=True, slots=True)
class Tell:
    """Tells another subject of this institution, through the own inbox."""

    subject: str
    case: str
    fact: OwnFact


Says = Iterator[Event | OwnFact | For | Tell]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something waits for a person here. `action` is the desk's word for what there is to do, `about` tells two such
    things of one case apart, `period` names the running period that ends it."""

    action: str
    clause: str
    what: str
    about: str = ""
    period: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One condition of a rule or a view, read from the annotation."""

    name: str
    kinds: tuple[type[Fact], ...]
    view: type[View] | None
    scope: _Scope | None
    with_header: bool
    required: bool


@dataclass(frozen=True)
class Rule:
    """A sentence, with when it may speak. It speaks once per file, or once per fact (of one of the kinds) or view that
    `per` names."""

    then: Callable[..., Says]
    per: type[Fact] | tuple[type[Fact], ...] | type[View] | None = None
    during: tuple[Phase, ...] = (Phase.OPEN,)
    needs: tuple[Parameter, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", parameters_of(self.then))
        named = {kind for p in self.needs for kind in (p.kinds if p.view is None else (p.view,)) if p.scope is None}
        for kind in self.per_facts or ((self.per,) if self.per is not None else ()):
            if kind not in named:
                raise TypeError(f"{self.name} speaks per {kind}, which is none of its parameters")

    @property
    def name(self) -> str:
        """The verb: the function's name."""
        return self.then.__name__

    @cached_property
    def per_facts(self) -> tuple[type[Fact], ...]:
        """The kinds of fact of which it speaks once per each; empty where it speaks per view, or once."""
        if isinstance(self.per, tuple):
            return self.per
        return (self.per,) if self.per is not None and issubclass(self.per, Fact) else ()

    @cached_property
    def musts(self) -> frozenset[type[Fact]]:
        """Kinds of fact without which it is silent, through views too."""
        return musts_of(self.needs)

    @cached_property
    def reads(self) -> frozenset[type[Fact]]:
        """Every kind of fact that can change what it says, through views too."""
        return reads_of(self.needs)

    @cached_property
    def reads_across(self) -> frozenset[type[Fact]]:
        """Those that it reads from other files of the subject too."""
        return reads_of(self.needs, across_only=True)


@dataclass(frozen=True)
class Guard:
    """A sentence that may refuse a command; its first parameter is the command, the others are conditions that are
    never required to be met for it to be asked."""

    refuse: Callable[..., Refusal | None]
    needs: tuple[Parameter, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", parameters_of(self.refuse))

    @property
    def command(self) -> type[Fact]:
        """The kind of command it looks at."""
        return self.needs[0].kinds[0]


@dataclass(frozen=True)
class Wait:
    """A sentence that says what waits for a person, as long as its conditions are met."""

    says: Callable[..., Waiting | None]
    during: tuple[Phase, ...] = (Phase.OPEN,)
    needs: tuple[Parameter, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", parameters_of(self.says))

    @property
    def name(self) -> str:
        """The function's name."""
        return self.says.__name__

    @cached_property
    def musts(self) -> frozenset[type[Fact]]:
        """Kinds of fact without which nothing waits, through views too."""
        return musts_of(self.needs)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a fact in phases where no rule uses it: an alarm, or noted. Each spelled out, no wildcards."""

    kind: type[Fact]
    when: tuple[Phase, ...]
    why: str
    alarms: bool


def alarm(kind: type[Fact], when: Phase | tuple[Phase, ...], why: str) -> Verdict:
    """In these phases this fact is an incident that a person must see."""
    return Verdict(kind, when if isinstance(when, tuple) else (when,), why, alarms=True)


def noted(kind: type[Fact], when: Phase | tuple[Phase, ...], why: str) -> Verdict:
    """In these phases this fact is kept and nothing follows from it."""
    return Verdict(kind, when if isinstance(when, tuple) else (when,), why, alarms=False)


@dataclass(frozen=True)
class Chapter:
    """What an institution does under one procedure: one policy document's sentences."""

    procedure: str
    rules: tuple[Rule, ...]
    unexpected: tuple[Verdict, ...]
    guards: tuple[Guard, ...] = ()
    waits: tuple[Wait, ...] = ()

    @cached_property
    def alarms(self) -> Mapping[tuple[type[Fact], Phase], Verdict]:
        """The alarming verdicts by fact and phase."""
        return {(v.kind, phase): v for v in self.unexpected if v.alarms for phase in v.when}

    @cached_property
    def readers(self) -> Mapping[type[Fact], tuple[int, ...]]:
        """By kind of fact the places of the rules that read it."""
        return _places(rule.reads for rule in self.rules)

    @cached_property
    def readers_across(self) -> Mapping[type[Fact], tuple[int, ...]]:
        """By kind of fact the places of the rules that read it from other files of the subject too."""
        return _places(rule.reads_across for rule in self.rules)

    @cached_property
    def commands(self) -> frozenset[type[Fact]]:
        """The commands that this chapter knows: it has a rule or a verdict for each."""
        used = {kind for rule in self.rules for kind in rule.reads}
        return frozenset(used | {v.kind for v in self.unexpected} | {g.command for g in self.guards})


def _places(reads: Iterable[frozenset[type[Fact]]]) -> Mapping[type[Fact], tuple[int, ...]]:
    found: dict[type[Fact], tuple[int, ...]] = {}
    for place, kinds in enumerate(reads):
        for kind in sorted(kinds, key=lambda kind: kind.type_name):
            found[kind] = (*found.get(kind, ()), place)
    return found


@dataclass(frozen=True)
class Rulebook:
    """All chapters of an institution, and which facts move a case to which phase. `chapters[STANDING]` is what it does
    with what belongs to no case."""

    chapters: Mapping[str, Chapter]
    phases: Mapping[type[Fact], Phase]
    own_facts: tuple[type[OwnFact], ...]

    def chapter(self, file: File) -> Chapter | None:
        """The chapter a file is read under; None as long as its procedure is not known."""
        if file.case != STANDING and not file.procedure:
            return None
        return self.chapters.get(file.procedure)


def rulebook(*chapters: Chapter, phases: Mapping[type[Fact], Phase], own_facts: tuple[type[OwnFact], ...]) -> Rulebook:
    """A rulebook of these chapters. Raises TypeError where two have one procedure."""
    by_name = {chapter.procedure: chapter for chapter in chapters}
    if len(by_name) != len(chapters):
        raise TypeError("two chapters for one procedure")
    return Rulebook(by_name, phases, own_facts)


# --- reading annotations ---------------------------------------------------------------------------------------------


def parameters_of(sentence: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The conditions that a sentence's annotations state. Raises TypeError for one that states nothing."""
    hints = get_type_hints(sentence, include_extras=True)
    return tuple(_parameter(sentence, name, hints.get(name)) for name in inspect.signature(sentence).parameters)


def _parameter(sentence: Callable[..., Any], name: str, hint: Any) -> Parameter:
    if get_origin(hint) is Annotated:
        inner, scope = get_args(hint)[0], get_args(hint)[1]
        if isinstance(scope, _Scope):
            kinds = _kinds(get_args(get_args(inner)[0])[0])
            return Parameter(name, kinds, None, scope, with_header=True, required=False)
    required = True
    if get_origin(hint) in (Union, types.UnionType):
        options = [option for option in get_args(hint) if option is not type(None)]
        if len(options) == 1 and len(get_args(hint)) == 2:
            hint, required = options[0], False
    if get_origin(hint) is Filed:
        return Parameter(name, _kinds(get_args(hint)[0]), None, None, with_header=True, required=required)
    if isinstance(hint, type) and issubclass(hint, View):
        return Parameter(name, (), hint, None, with_header=False, required=required)
    if isinstance(hint, type) and issubclass(hint, Fact):
        return Parameter(name, (hint,), None, None, with_header=False, required=required)
    raise TypeError(f"{sentence.__qualname__}: the parameter {name!r}: {hint!r} is neither a fact nor a view")


def _kinds(hint: Any) -> tuple[type[Fact], ...]:
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Fact)):
            raise TypeError(f"{kind!r} is no kind of fact")
    return kinds


@cache
def view_parameters(view: type[View]) -> tuple[Parameter, ...]:
    """The conditions of a view."""
    return parameters_of(view.of)


@cache
def view_reads(view: type[View], *, across_only: bool = False) -> frozenset[type[Fact]]:
    """The kinds of fact behind a view; with `across_only` those read from other files too."""
    return reads_of(view_parameters(view), across_only=across_only)


def reads_of(needs: tuple[Parameter, ...], *, across_only: bool = False) -> frozenset[type[Fact]]:
    """The kinds of fact behind these conditions; with `across_only` those read from other files too."""
    found: set[type[Fact]] = set()
    for parameter in needs:
        if parameter.view is not None:
            found |= view_reads(parameter.view, across_only=across_only)
        elif parameter.scope is _Scope.SUBJECT or not across_only:
            found |= set(parameter.kinds)
    return frozenset(found)


def musts_of(needs: tuple[Parameter, ...]) -> frozenset[type[Fact]]:
    """Kinds of fact of which each must be on file for these conditions to be met."""
    found: set[type[Fact]] = set()
    for parameter in needs:
        if parameter.required and parameter.view is not None:
            found |= musts_of(view_parameters(parameter.view))
        elif parameter.required and len(parameter.kinds) == 1:
            found |= set(parameter.kinds)
    return frozenset(found)


# --- meeting conditions ----------------------------------------------------------------------------------------------


def is_worth_a_look(rule: Rule, file: File) -> bool:
    """Whether a rule can speak at all before another fact is on its file, as far as that is seen at a glance."""
    if file.phase not in rule.during or not rule.musts <= file.facts.keys():
        return False
    return rule.per is not None or (rule.name, "") not in file.spoken


def chances(rule: Rule, subject: Subject, file: File) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Each (mark, arguments) with which a rule could speak now and has not yet."""
    if not is_worth_a_look(rule, file):
        return
    if rule.per_facts:
        for chosen in file.every(*rule.per_facts):
            if (rule.name, chosen.mark) not in file.spoken:
                arguments = _arguments(rule.needs, subject, file, chosen)
                if arguments is not None:
                    yield chosen.mark, arguments
        return
    arguments = _arguments(rule.needs, subject, file, None)
    if arguments is None:
        return
    mark = ""
    if rule.per is not None:
        mark = next(a.mark for a, p in zip(arguments, rule.needs, strict=True) if p.view is rule.per)
    if (rule.name, mark) not in file.spoken:
        yield mark, arguments


def refusal(guard: Guard, command: Filed[Any], subject: Subject, file: File) -> Refusal | None:
    """What a guard answers to a command that is not on file yet."""
    first, *others = guard.needs
    arguments = [command if first.with_header else command.fact]
    arguments += [_argument(parameter, subject, file, None) for parameter in others]
    return guard.refuse(*arguments)


def waiting(wait: Wait, subject: Subject, file: File) -> Waiting | None:
    """What waits for a person here, if this sentence's conditions are met now."""
    if file.phase not in wait.during or not wait.musts <= file.facts.keys():
        return None
    arguments = _arguments(wait.needs, subject, file, None)
    return wait.says(*arguments) if arguments is not None else None


def view(kind: type[T], subject: Subject, file: File) -> T | None:
    """A view of a file, as desks and reports read it."""
    return _view(kind, subject, file)  # pyright: ignore[reportArgumentType, reportReturnType]


def _arguments(
    needs: tuple[Parameter, ...], subject: Subject, file: File, chosen: Filed[Any] | None
) -> tuple[Any, ...] | None:
    arguments: list[Any] = []
    for parameter in needs:
        argument = _argument(parameter, subject, file, chosen)
        if argument is None and parameter.required:
            return None
        arguments.append(argument)
    return tuple(arguments)


def _argument(parameter: Parameter, subject: Subject, file: File, chosen: Filed[Any] | None) -> Any:
    if parameter.view is not None:
        return _view(parameter.view, subject, file)
    if parameter.scope is _Scope.FILE:
        return file.every(*parameter.kinds)
    if parameter.scope is _Scope.SUBJECT:
        return across(subject, parameter.kinds)
    found = chosen if chosen is not None and type(chosen.fact) in parameter.kinds else file.newest(*parameter.kinds)
    if found is None or parameter.with_header:
        return found
    return found.fact


def across(subject: Subject, kinds: tuple[type[Fact], ...]) -> tuple[Filed[Any], ...]:
    """All facts of these kinds on all files of a subject, in the order they were filed."""
    found = [f for file in subject.files.values() for kind in kinds for f in file.facts.get(kind, ())]
    return tuple(sorted(found, key=lambda filed: filed.order))


def _view(kind: type[View], subject: Subject, file: File) -> Any:
    seen = subject.memo.get((file.case, kind))
    if seen is None:
        arguments = _arguments(view_parameters(kind), subject, file, None)
        said = kind.of(*arguments) if arguments is not None else None
        seen = subject.memo[file.case, kind] = Seen(said, view_reads(kind), view_reads(kind, across_only=True))
    return seen.said
