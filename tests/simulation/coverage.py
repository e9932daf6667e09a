"""Which facts no seed ever met, by institution and phase: a verdict for a pair that cannot be met is worth nothing."""

from collections.abc import Collection

from tests.simulation.city import SEATS
from tests.support.answers import HOUSES, heard, looked_at_in, own

Pair = tuple[str, str, str]


def never_met(procedure: str, met: Collection[tuple[str, str, str, str]]) -> dict[str, list[Pair]]:
    """(role, phase, kind of fact) of a procedure's cases that can come and that these runs have not put on any file:
    by what becomes of it there, `alarm` or `noted` by a verdict, or `read` by a sentence."""
    seen = {(role, phase, kind) for named, role, phase, kind in met if named == procedure}
    seated = {seat.role for seat in SEATS[procedure]}
    missing: dict[str, list[Pair]] = {"alarm": [], "noted": [], "read": []}
    for house in (one for one in HOUSES if one.role in seated):
        chapter = house.rulebook.chapters[procedure]
        verdicts = {(v.kind, phase): "alarm" if v.alarms else "noted" for v in chapter.unexpected for phase in v.when}
        for kind in sorted(heard(house, chapter) | own(house, chapter), key=lambda kind: kind.__name__):
            for phase in looked_at_in(house, chapter, kind):
                pair = (house.role.value, phase.value, kind.__name__)
                if pair not in seen:
                    missing[verdicts.get((kind, phase), "read")].append(pair)
    return missing
