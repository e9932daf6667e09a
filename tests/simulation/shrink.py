"""From a failing seed to a short story: whatever can be left out while the same invariant still breaks is left out."""

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.chance import Plan
from tests.simulation.city import Ran, run

MOST_RUNS = 150


def shrink(ran: Ran, again: Callable[[Plan], Ran] = run, most_runs: int = MOST_RUNS) -> Ran:
    """The shortest run found that breaks the same invariant; `ran` itself where nothing can be left out."""
    assert ran.violation is not None
    broken, runs = ran.violation.name, 0

    def fails(plan: Plan) -> Ran | None:
        nonlocal runs
        runs += 1
        found = again(plan)
        return found if found.violation is not None and found.violation.name == broken else None

    best = fails(replace(ran.plan, in_order=True)) or ran
    size = max(1, len(best.happened))
    while size and runs < most_runs:
        happened = [happening for happening, _ in best.happened]
        shorter = None
        for start in range(0, len(happened), size):
            if runs >= most_runs:
                break
            shorter = fails(best.plan.leaving_out(*happened[start : start + size]))
            if shorter is not None and len(shorter.happened) < len(best.happened):
                best = shorter
                break
            shorter = None
        if shorter is None:
            size //= 2
        else:
            size = min(size, max(1, len(best.happened)))
        if not best.happened:
            break
    return next(
        filter(None, (fails(replace(best.plan, calm_after=best.steps * part // 4)) for part in (1, 2, 3))), best
    )
