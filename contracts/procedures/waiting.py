"""What a case waits for, as whoever looks on can tell from what was said. It drives nothing."""

from collections.abc import Mapping
from typing import Any

from contracts.event import Event, Fact, Role
from contracts.procedures.procedure import Procedure, Step, possible

Known = frozenset[type[Fact]]


def known_after(procedure: Procedure, known: Known, by: Role, event: type[Event], values: Mapping[str, Any]) -> Known:
    """What counts as said after one more word; `values` are its fields as JSON values, of whichever copy."""
    step = procedure.step(by, event)
    if step is None or (step.counts_if and not values.get(step.counts_if)):
        return known
    reopened = step.reopens if not step.reopens_if or values.get(step.reopens_if) else frozenset[type[Event]]()
    return (known | {event}) - reopened


def awaited_now(procedure: Procedure, known: Known) -> tuple[Step, ...]:
    """The steps that hold up a case now. Once a way out is waited for, nothing else is."""
    found = [step for step in possible(procedure, known) if _is_awaited(step, known)]
    return tuple([step for step in found if step.way_out] or found)


def _is_awaited(step: Step, known: Known) -> bool:
    when = step.awaited
    return when is not None and all(group & known for group in when.after) and not when.not_after & known
