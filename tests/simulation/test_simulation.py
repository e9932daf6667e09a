"""Seeds of every procedure, on all cores; that a run replays from its seed; that what is planted is found."""

import pytest

from tests.simulation.__main__ import name, read, runs, told
from tests.simulation.chance import Plan
from tests.simulation.city import SEATS, run
from tests.simulation.shrink import shrink

SEEDS = 150


@pytest.mark.parametrize("procedure", SEATS)
def test_X_1_X_2_X_3_X_4_no_seed_breaks_an_invariant(procedure: str) -> None:
    failed = [ran for ran in runs([Plan(seed, procedure) for seed in range(SEEDS)]) if ran.violation is not None]
    if failed:
        first = min(failed, key=lambda ran: ran.plan.seed)
        pytest.fail(f"{len(failed)} of {SEEDS} seeds; {first.violation}\n{told(shrink(first))}", pytrace=False)


@pytest.mark.parametrize("procedure", SEATS)
def test_a_seed_replays_exactly(procedure: str) -> None:
    first, again = run(Plan(11, procedure)), run(Plan(11, procedure))
    assert (first.steps, first.story, first.happened) == (again.steps, again.story, again.happened)
    assert len(first.story) > 20


def test_a_plan_is_read_from_its_name() -> None:
    plan = Plan(7, "LC-FULL", in_order=True, calm_after=99).leaving_out(("fault", 12), ("act", 3))
    assert read(name(plan)) == plan
