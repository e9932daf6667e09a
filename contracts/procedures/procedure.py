"""A procedure as data: who may say what, after what, not after what, under which article.

It guards what a service says, checks recorded traces, explains a case and draws its diagram. It drives nothing, and a
recipient does not judge order by it, for it has not heard all.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.event import Event, Fact, Role


@dataclass(frozen=True, slots=True)
class Awaited:
    """When a word that may be said holds up the case: once of each group in `after` one has been said, of `not_after`
    none, and as long as none of the roles in `absent` has a part in the case. `period` names the period that a case may
    pin for it."""

    after: tuple[frozenset[type[Event]], ...] = ()
    not_after: frozenset[type[Event]] = frozenset()
    period: str = ""
    absent: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that may be said. Of each group in `after` at least one must have been said before; of `not_after`
    none. The order of a procedure's steps is that of its document; a word that it has in two places, as the application
    for the notice and for the entry, is two steps, and may be said where either allows it.

    What follows is for who looks on (contracts.procedures.waiting), and guards nothing. `awaited` is None for what
    nobody waits for. A word counts as said only where its field `counts_if` is true, and makes what it `reopens` due
    again where its field `reopens_if` is; no name of a field stands for always.
    """

    event: type[Event]
    by: Role
    article: str
    after: tuple[frozenset[type[Event]], ...] = ()
    not_after: frozenset[type[Event]] = frozenset()
    way_out: bool = False
    awaited: Awaited | None = None
    counts_if: str = ""
    reopens: frozenset[type[Event]] = frozenset()
    reopens_if: str = ""


@dataclass(frozen=True, slots=True)
class Procedure:
    """One policy document's procedure in one edition, which a case pins when it opens. `may_join`: those of its roles
    that need not be known then, and whom a case can do without."""

    name: str
    edition: str
    title: str
    document: str
    openers: frozenset[Role]
    keeper: Role
    roles: tuple[Role, ...]
    steps: tuple[Step, ...]
    may_join: frozenset[Role] = frozenset()

    @property
    def needed(self) -> tuple[Role, ...]:
        """The roles that an opening must name."""
        return tuple(role for role in self.roles if role not in self.may_join)

    def ways(self, role: Role, event: type[Event]) -> tuple[Step, ...]:
        """The steps by which `role` may say `event`."""
        return tuple(s for s in self.steps if s.event is event and s.by == role)

    def step(
        self,
        role: Role,
        event: type[Event],
        known: frozenset[type[Fact]] = frozenset(),
        heard: frozenset[type[Fact]] | None = None,
    ) -> Step | None:
        """The step that `role` takes by saying `event`, as `permitted` judges it: the first that is allowed, or else
        the first; None if it has none."""
        ways = self.ways(role, event)
        return next((s for s in ways if not obstacle(s, known, heard)), next(iter(ways), None))

    def article(self, role: Role, event: type[Event]) -> str | None:
        """The article under which `role` says `event`: of all its steps; None if it has none."""
        return ", ".join(dict.fromkeys(s.article for s in self.ways(role, event))) or None


@dataclass(frozen=True, slots=True)
class Word:
    """One entry of a recorded trace: who said what."""

    by: Role
    event: type[Event]


def step(
    event: type[Event],
    by: Role,
    article: str,
    *,
    after: Iterable[type[Event] | tuple[type[Event], ...]] = (),
    not_after: Iterable[type[Event]] = (),
    way_out: bool = False,
    awaited: Awaited | None = None,
    unawaited: bool = False,
    counts_if: str = "",
    reopens: Iterable[type[Event]] = (),
    reopens_if: str = "",
) -> Step:
    """A step; an entry of `after` that is a tuple is met by any one of its events. Where nothing else is given, a step
    of the way through is awaited as soon as it may be taken, a way out never.

    Raises TypeError where the event's own contract does not let `by` say it, or it has no such field.
    """
    if by not in event.spoken_by:
        raise TypeError(f"{event.__name__} is not said by {by.value}")
    for name in filter(None, (counts_if, reopens_if)):
        if name not in event.model_fields:
            raise TypeError(f"{event.__name__} has no field {name}")
    if awaited is None and not way_out and not unawaited:
        awaited = Awaited()
    looked_at = (awaited, counts_if, frozenset(reopens), reopens_if)
    return Step(event, by, article, groups_of(after), frozenset(not_after), way_out, *looked_at)


def awaited(
    *after: type[Event] | tuple[type[Event], ...],
    not_after: Iterable[type[Event]] = (),
    period: str = "",
    absent: Iterable[Role] = (),
) -> Awaited:
    """When a word is awaited; an entry of `after` that is a tuple is met by any one of its events."""
    return Awaited(groups_of(after), frozenset(not_after), period, frozenset(absent))


def groups_of(after: Iterable[type[Event] | tuple[type[Event], ...]]) -> tuple[frozenset[type[Event]], ...]:
    """Groups of events, of each of which one is enough."""
    return tuple(frozenset(group if isinstance(group, tuple) else (group,)) for group in after)


def permitted(
    procedure: Procedure,
    role: Role,
    event: type[Event],
    known: frozenset[type[Fact]],
    heard: frozenset[type[Fact]] | None = None,
) -> str:
    """Why `role` may not say `event` now, when these kinds of fact are known; empty if it may.

    `heard`: those that the speaker knows for sure, where somebody else judges. A word that must not have been said
    binds whoever has heard it, and on its way it binds nobody: two words of two speakers cross. None: all of `known`.
    """
    found = procedure.step(role, event, known, heard)
    name = f"{procedure.name} ({procedure.edition})"
    if found is None:
        return f"{role.value} says no {event.__name__} in {name}"
    why = obstacle(found, known, heard)
    return f"{event.__name__} {why} in {name}, {found.article}" if why else ""


def obstacle(found: Step, known: frozenset[type[Fact]], heard: frozenset[type[Fact]] | None = None) -> str:
    """What stands against a step when these kinds of fact are known, and `heard` of them (None: all) by whoever takes
    it; empty if nothing does."""
    for group in found.after:
        if not group & known:
            return "comes after " + " or ".join(sorted(kind.__name__ for kind in group))
    against = found.not_after & (known if heard is None else heard)
    return "does not come after " + ", ".join(sorted(kind.__name__ for kind in against)) if against else ""


def violations(procedure: Procedure, trace: Iterable[Word]) -> list[str]:
    """What in a recorded trace, in the order of saying, the procedure does not allow. Of a speaker it is known for sure
    what it has said itself; what it had heard by then the trace does not tell."""
    known: set[type[Fact]] = set()
    own: dict[Role, set[type[Fact]]] = {}
    found: list[str] = []
    for number, word in enumerate(trace, start=1):
        theirs = own.setdefault(word.by, set())
        why = permitted(procedure, word.by, word.event, frozenset(known), frozenset(theirs))
        if why:
            found.append(f"word {number}: {why}")
        known.add(word.event)
        theirs.add(word.event)
    return found
