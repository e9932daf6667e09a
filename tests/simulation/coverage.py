"""Which facts no seed ever met, by institution and phase: a verdict for a pair that cannot be met is worth nothing."""

from collections.abc import Collection

from contracts.event import heard_by
from contracts.procedures import PROCEDURES
from services.runtime.core.facts import RUNTIME_FACTS
from services.runtime.core.file import Phase
from tests.simulation.city import SEATS

Pair = tuple[str, str, str]


def never_met(procedure: str, met: Collection[tuple[str, str, str, str]]) -> list[Pair]:
    """(role, phase, kind of fact) of a procedure's cases that these runs have not put on any file."""
    seen = {(role, phase, kind) for named, role, phase, kind in met if named == procedure}
    steps = {step.event for (name, _), found in PROCEDURES.items() if name == procedure for step in found.steps}
    missing: dict[Pair, None] = {}
    for seat in SEATS[procedure]:
        heard = [event for event in heard_by(seat.role) if event in steps and not event.standing]
        for kind in (*heard, *RUNTIME_FACTS, *seat.rulebook.own_facts):
            for phase in Phase:
                pair = (seat.role.value, phase.value, kind.__name__)
                if pair not in seen:
                    missing[pair] = None
    return list(missing)
