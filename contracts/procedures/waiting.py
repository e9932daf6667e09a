"""What a case waits for, as whoever looks on can tell from what was said. It drives nothing."""

from collections.abc import Collection, Mapping
from typing import Any

from contracts.event import ALL_ROLES, Event, Fact, Role
from contracts.procedures.procedure import Procedure, Step, obstacle

Known = frozenset[tuple[Role, type[Event]]]
"""What counts as said, and by whom: two lenders say the same words."""


def known_after(procedure: Procedure, known: Known, by: Role, event: type[Event], values: Mapping[str, Any]) -> Known:
    """What counts as said after one more word; `values` are its fields as JSON values, of whichever copy. What the
    speaker says itself it reopens for itself alone."""
    step = procedure.step(by, event, kinds(known))
    if step is None or (step.counts_if and not values.get(step.counts_if)):
        return known
    reopened = step.reopens if not step.reopens_if or values.get(step.reopens_if) else frozenset[type[Event]]()
    again = {(role, kind) for role, kind in known if kind in reopened and (role is by or by not in kind.spoken_by)}
    return (known | {(by, event)}) - again - ({(by, event)} if event in reopened else set())


def kinds(known: Known) -> frozenset[type[Fact]]:
    """The kinds of word that count as said, by whomever."""
    return frozenset(kind for _, kind in known)


def possible(procedure: Procedure, known: Known) -> tuple[Step, ...]:
    """The steps whose conditions are met by what has been said, and that have not been taken."""
    said = kinds(known)
    return tuple(s for s in procedure.steps if (s.by, s.event) not in known and not obstacle(s, said))


def awaited_now(procedure: Procedure, known: Known, present: Collection[Role] = ALL_ROLES) -> tuple[Step, ...]:
    """The steps that hold up a case now, of the roles that are present in it. Once a way out is waited for, nothing
    else is."""
    found = [s for s in possible(procedure, known) if s.by in present and _is_awaited(s, known, present)]
    return tuple([step for step in found if step.way_out] or found)


def _is_awaited(step: Step, known: Known, present: Collection[Role]) -> bool:
    when = step.awaited
    if when is None or when.absent & set(present):
        return False
    # Of the words that it says itself its own are meant, not another lender's.
    said = {kind for role, kind in known if role is step.by or step.by not in kind.spoken_by}
    return all(group & said for group in when.after) and not when.not_after & said
