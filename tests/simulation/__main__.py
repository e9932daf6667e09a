"""`make simulate SEEDS=… FROM=… PROCEDURE=…`: many seeds on all cores, and what they met. One seed again with its
story: `python -m tests.simulation replay LC-FULL/17`. Planted faults: `python -m tests.simulation mutants`."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context

import structlog

from tests.simulation.chance import Plan
from tests.simulation.city import SEATS, Ran, run
from tests.simulation.coverage import never_met
from tests.simulation.shrink import shrink


def quiet() -> None:
    """What a service logs is for its operators."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))


def _run(plan: Plan) -> Ran:
    ran = run(plan)
    if ran.violation is None:
        ran.story.clear()
    return ran


def runs(plans: list[Plan]) -> Iterator[Ran]:
    """Every plan, on all cores, in the order in which they are done."""
    with get_context("fork").Pool(os.cpu_count(), initializer=quiet) as pool:
        yield from pool.imap_unordered(_run, plans, chunksize=4)


def simulate(procedures: list[str], first: int, seeds: int) -> int:
    """Run, say how far it is, and report. The answer is the number of seeds that failed."""
    failed: list[Ran] = []
    for procedure in procedures:
        failed += _simulate(procedure, first, seeds)
    for ran in sorted(failed, key=lambda ran: ran.plan.seed)[:3]:
        print(f"\nshrinking {name(ran.plan)}: {ran.violation}", flush=True)
        print(told(shrink(ran)))
    return len(failed)


def _simulate(procedure: str, first: int, seeds: int) -> list[Ran]:
    counted, met, ends, failed = Counter[str](), Counter[tuple[str, str, str, str]](), Counter[str](), list[Ran]()
    started, steps = time.monotonic(), 0
    print(f"{procedure}: seeds {first} to {first + seeds - 1} on {os.cpu_count()} cores", flush=True)
    for done, ran in enumerate(runs([Plan(seed, procedure) for seed in range(first, first + seeds)]), 1):
        counted.update(ran.counted)
        met.update(ran.met)
        ends.update(ran.ends)
        steps += ran.steps
        if ran.violation is not None:
            failed.append(ran)
            print(f"  FAILED {name(ran.plan)} after {ran.steps} steps: {str(ran.violation)[:300]}", flush=True)
        if done % max(1, seeds // 10) == 0:
            minutes = (time.monotonic() - started) / 60
            print(f"  {done} seeds, {done / minutes:.0f} a minute, {len(failed)} failed", flush=True)
    minutes = (time.monotonic() - started) / 60
    print(f"{procedure}: {seeds / minutes:.0f} seeds a minute, {steps // seeds} steps each, {len(failed)} failed")
    print("  ends: " + ", ".join(f"{kind} {n}" for kind, n in ends.most_common()))
    for stream, title in (("fault", "faults"), ("act", "unusual acts")):
        found = {k.removeprefix(stream + ": "): n for k, n in sorted(counted.items()) if k.startswith(stream)}
        print(f"  {title}: {sum(found.values())}: " + ", ".join(f"{kind} {n}" for kind, n in found.items()))
    print(f"  processes killed: {counted['process killed']}")
    for answer, missing in never_met(procedure, met).items():
        pairs = ", ".join(" ".join(pair) for pair in missing)
        print(f"  (institution, phase, fact) never met, {answer}: {len(missing)}: {pairs}")
    return failed


def name(plan: Plan) -> str:
    """A plan as `replay` takes it."""
    text = f"{plan.procedure}/{plan.seed}"
    if plan.without:
        text += "/" + ",".join(f"{stream}.{n}" for stream, n in sorted(plan.without))
    return text + (f"/until.{plan.calm_after}" if plan.calm_after is not None else "") + ("/in-order" * plan.in_order)


def read(text: str) -> Plan:
    """The plan of a name. Raises ValueError."""
    procedure, seed, *rest = text.split("/")
    plan = Plan(int(seed), procedure)
    for part in rest:
        if part == "in-order":
            plan = Plan(plan.seed, procedure, plan.without, plan.calm_after, True)
        elif part.startswith("until."):
            plan = Plan(plan.seed, procedure, plan.without, int(part.removeprefix("until.")), plan.in_order)
        else:
            pairs = (one.rsplit(".", 1) for one in part.split(","))
            plan = plan.leaving_out(*((stream, int(n)) for stream, n in pairs))
    return plan


def told(ran: Ran) -> str:
    """A run as a story, with how to see it again."""
    lines = [f"    {line[:200]}" for line in ran.story]
    happened = ", ".join(kind for _, kind in ran.happened) or "nothing"
    return "\n".join(
        [f"  went wrong or was unusual: {happened}", *lines, f"  python -m tests.simulation replay {name(ran.plan)}"]
    )


def main() -> int:
    """Exit status 0 where nothing failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    many = commands.add_parser("simulate")
    many.add_argument("--seeds", type=int, default=1000)
    many.add_argument("--first", type=int, default=0)
    many.add_argument("--procedure", default="")
    commands.add_parser("replay").add_argument("plan")
    planted = commands.add_parser("mutants")
    planted.add_argument("names", nargs="*")
    given = parser.parse_args()
    quiet()
    if given.command == "simulate":
        return min(1, simulate([given.procedure] if given.procedure else list(SEATS), given.first, given.seeds))
    if given.command == "mutants":
        from tests.simulation.mutants import table

        return table(given.names)
    ran = run(read(given.plan))
    print(told(ran))
    print(ran.violation or "nothing is wrong")
    return 1 if ran.violation is not None else 0


if __name__ == "__main__":
    sys.exit(main())
