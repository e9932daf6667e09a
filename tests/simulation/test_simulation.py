"""Seeds of every procedure, on all cores; that a run replays from its seed; that what is planted is found."""

import pytest

from tests.simulation.__main__ import name, read, runs, told
from tests.simulation.chance import Plan
from tests.simulation.city import SEATS, Ran, run
from tests.simulation.mutants import MUTANTS, hunt, planted
from tests.simulation.shrink import shrink

SEEDS = 500
"""Of each procedure, as many as the suite has time for; `make simulate` runs any number."""

SOON_FOUND = ("refund to the wrong payer", "commit before write", "balance before payoff", "certificate number reused")
"""Some of the planted faults: `make mutants` hunts them all."""


@pytest.mark.parametrize("procedure", SEATS)
def test_X_1_X_2_X_3_X_4_no_seed_breaks_an_invariant(procedure: str) -> None:
    plans = [Plan(seed, procedure) for seed in range(SEEDS)]
    failed = [ran for ran in runs(plans) if ran.violation is not None]
    if failed:
        first = min(failed, key=lambda ran: ran.plan.seed)
        pytest.fail(f"{len(failed)} of {len(plans)} seeds; {first.violation}\n{told(shrink(first))}", pytrace=False)


@pytest.mark.parametrize("procedure", SEATS)
def test_a_seed_replays_exactly(procedure: str) -> None:
    first, again = run(Plan(11, procedure)), run(Plan(11, procedure))
    assert (first.steps, first.story, first.happened) == (again.steps, again.story, again.happened)
    assert len(first.story) > 20


@pytest.mark.parametrize("name", SOON_FOUND)
def test_X_1_X_2_a_planted_fault_is_found(name: str) -> None:
    _, seed, broken = hunt(next(mutant for mutant in MUTANTS if mutant.name == name), seeds=40)
    assert seed is not None and broken


def test_X_1_a_failing_seed_is_shrunk_to_what_it_needs() -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "commit before write")

    def again(plan: Plan) -> Ran:
        with planted(mutant) as seats:
            return run(plan, seats)

    rans = (again(Plan(seed, mutant.procedure)) for seed in range(100))
    first = next(ran for ran in rans if ran.violation is not None and len(ran.happened) > 5)
    found = shrink(first, again, most_runs=40)
    assert found.violation is not None and first.violation is not None
    assert found.violation.name == first.violation.name
    assert 0 < len(found.happened) < len(first.happened) and again(found.plan).story == found.story


def test_a_plan_is_read_from_its_name() -> None:
    plan = Plan(7, "LC-FULL", in_order=True, calm_after=99).leaving_out(("fault", 12), ("act", 3))
    assert read(name(plan)) == plan
