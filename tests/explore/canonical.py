"""What of a subject can make a difference to what follows: two subjects that agree in it say the same from then on.

Sentences read facts, and the order of facts only by comparing one fact's place with another's. So each place knows the
kind of its fact, and each comparison is noted. Facts of one kind keep their order; how two kinds lie to one another is
kept where any sentence has ever compared the two. Files that differ in no order that is kept are one: whatever is
worked out on one of them takes the same turns on the other. Where two kinds are compared for the first time and files
that differ in their order have been taken for one, the exploration begins anew and keeps that order too.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from contracts.event import Event, Fact, Role
from services.runtime.core.facts import Pay, PaymentOrderedAgain
from services.runtime.core.file import File, Filed, Said, Subject

Kind = type[Fact]
Pair = tuple[str, str]


class TakenForOne(Exception):
    """Files were taken for one that differ in an order which makes a difference after all: begin anew."""


class Orders:
    """The pairs of kinds whose order among one another makes a difference, for each institution; `at` is the one whose
    files are looked at now."""

    def __init__(self) -> None:
        self.at = ""
        self.pairs: dict[str, set[Pair]] = defaultdict(set)
        self.new: dict[str, set[Pair]] = defaultdict(set)
        self.of: dict[str, dict[str, list[str]]] = defaultdict(dict)

    def compared(self, a: Kind, b: Kind) -> None:
        """Somebody looks which of two facts was filed first."""
        if a is not b:
            pair = (a.__name__, b.__name__) if a.__name__ < b.__name__ else (b.__name__, a.__name__)
            if pair not in self.pairs[self.at]:
                self.new[self.at].add(pair)

    def keep(self) -> None:
        """From now on the order of what was compared since the last time is kept too."""
        for name, pairs in self.new.items():
            self.pairs[name] |= pairs
            related = defaultdict[str, set[str]](set)
            for one, other in self.pairs[name]:
                related[one].add(other)
                related[other].add(one)
            self.of[name] = {kind: sorted(others) for kind, others in related.items()}
        self.new.clear()


ORDERS = Orders()
"""One for the process: what one world has taught serves the next."""


class Place(int):
    """A fact's place among those of its subject. It can be compared, and nothing else can be made of it."""

    kind: Kind

    def __lt__(self, other: int) -> bool:
        return self._seen(other) or int.__lt__(self, other)

    def __le__(self, other: int) -> bool:
        return self._seen(other) or int.__le__(self, other)

    def __gt__(self, other: int) -> bool:
        return self._seen(other) or int.__gt__(self, other)

    def __ge__(self, other: int) -> bool:
        return self._seen(other) or int.__ge__(self, other)

    def _seen(self, other: int) -> bool:
        if isinstance(other, Place):
            ORDERS.compared(self.kind, other.kind)
        return False

    def _never(self, *_: object) -> Any:
        raise TypeError("a fact's place can be compared with another's, and nothing else")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __floordiv__ = __mod__ = __neg__ = __abs__ = __bool__ = _never


_order: Any = Filed.__dict__["order"]


@contextmanager
def comparisons_noted() -> Iterator[None]:
    """Meanwhile each fact's place notes with what it is compared."""

    def get(filed: Filed[Fact]) -> Place:
        place = Place(_order.__get__(filed))
        place.kind = type(filed.fact)
        return place

    def put(filed: Filed[Fact], order: int) -> None:
        _order.__set__(filed, int(order))

    setattr(Filed, "order", property(get, put))  # noqa: B010
    try:
        yield
    finally:
        setattr(Filed, "order", _order)  # noqa: B010


def place_of(filed: Filed[Any]) -> int:
    """A fact's place, for those who only look on."""
    return _order.__get__(filed)


def canonical(subject: Subject, newcomers: frozenset[Role]) -> bytes:
    """A digest of all that can make a difference at ORDERS.at. `newcomers` are the roles that may still join: they are
    told what was said before in the order in which it was said."""
    parts: list[object] = [subject.key, sorted(subject.incoming.items()), sorted(subject.outgoing.items())]
    parts += [sorted((s, sorted(held)) for s, held in subject.held.items()), sorted(subject.struck)]
    parts += [sorted(subject.passed), sorted(subject.decided), subject.stopped, [x.envelope.id for x in subject.queue]]
    parts += [_file(file) for file in subject.files.values()]
    facts = [fact for file in subject.files.values() for some in file.facts.values() for fact in some]
    facts.sort(key=place_of)
    kept, before, lie = ORDERS.of[ORDERS.at], dict[str, int](), list[tuple[str, int, list[int]]]()
    for fact in facts:
        name = type(fact.fact).__name__
        n = before[name] = before.get(name, 0) + 1
        if name in kept:
            lie.append((name, n, [before.get(other, 0) for other in kept[name]]))
    parts.append(sorted(lie))
    if newcomers:
        parts.append([i.filed.id for i in subject.items if isinstance(i, Said) and _heard_by(i, newcomers)])
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def kinds_in_order(subjects: Mapping[str, Subject]) -> tuple[str, ...]:
    """The kinds of all facts of these subjects, in the order in which they were filed on each."""
    found: list[str] = []
    for key in sorted(subjects):
        facts = [fact for file in subjects[key].files.values() for some in file.facts.values() for fact in some]
        found += [type(fact.fact).__name__ for fact in sorted(facts, key=place_of)]
    return tuple(found)


def _heard_by(said: Said, roles: frozenset[Role]) -> bool:
    return isinstance(said.filed.fact, Event) and bool(said.filed.fact.heard_by & roles)


def _file(file: File) -> object:
    commands = {f.id for f in file.every(PaymentOrderedAgain)}
    return (
        file.case, file.procedure, file.edition, file.phase.value,
        sorted((role.value, sorted(names)) for role, names in file.parties.items()),
        sorted(file.spoken), [fact.id for fact in file.parked],
        sorted((kind.__name__, [_fact(fact, commands) for fact in facts]) for kind, facts in file.facts.items()),
    )  # fmt: skip


def _fact(filed: Filed[Fact], commands: set[str]) -> object:
    # Of all sentences only the ledger reads a cause: which payment a clerk's order to pay again has led to.
    cause = filed.cause if isinstance(filed.fact, Pay) and filed.cause in commands else None
    return filed.id, filed.case, filed.speaker, filed.time.isoformat(), filed.at.isoformat(), cause, _text(filed.fact)


_texts: dict[int, tuple[Fact, str]] = {}


def _text(fact: Fact) -> str:
    """A fact's values; facts are frozen and shared by many files."""
    known = _texts.get(id(fact))
    if known is None:
        known = _texts[id(fact)] = fact, hashlib.blake2b(fact.model_dump_json().encode(), digest_size=12).hexdigest()
    return known[1]
