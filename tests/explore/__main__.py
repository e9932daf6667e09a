"""`make explore`: all interleavings of small worlds, each on a core of its own, within ten minutes.

PROCEDURE: only this procedure's; DUPLICATES=0 CRASHES=0: nothing comes twice; WITHDRAWALS=0: nobody withdraws;
SECONDS: how long; SCOPES: only these. Exit status 1 where an invariant broke.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

from tests.explore.scopes import SCOPES, Scope, run
from tests.explore.search import Explored
from tests.simulation.__main__ import quiet

MOST_S = 570  # and what starting and the last level take makes ten minutes


def _explore(task: tuple[Scope, int], *, twice: bool, end: float) -> tuple[Scope, Explored]:
    """Explore one, in its share of the time that is left for it and those behind it."""
    scope, left = task
    until = time.monotonic() + (end - time.monotonic()) * min(1, (os.cpu_count() or 1) / left)

    def progress(found: Explored, in_front: int) -> None:
        print(f"  {scope.name}: {_numbers(found)}, {in_front} in front", flush=True)

    return scope, run(scope, twice=twice, until=until, progress=progress)


def _numbers(found: Explored) -> str:
    a_second = found.states / found.seconds if found.seconds else 0
    counts = f"{found.states:,} states, {found.transitions:,} transitions, depth {found.depth}"
    return f"{counts}, {found.seconds:.0f} s, {a_second:,.0f} states a second"


def told(scope: Scope, found: Explored) -> str:
    """What was found, for people."""
    how = "whole" if found.whole else "CUT SHORT, the rest was not looked at"
    ends = ", ".join(f"{end} {n}" for end, n in sorted(found.over.items()))
    lines = [f"{scope.name} ({scope.says}): {_numbers(found)}; {how}", f"  {found.ends} ends: {ends}"]
    lines += [f"  incident open at {n} of them: {what[:100]}" for what, n in sorted(found.incidents.items())]
    if found.broken is not None:
        lines += [f"VIOLATED {found.broken}", *(f"    {line[:200]}" for line in found.story)]
    return "\n".join(lines)


def explore_all(scopes: Sequence[Scope], *, twice: bool, seconds: float) -> bool:
    """Explore them, and say what came of it. Whether nothing broke."""
    work = partial(_explore, twice=twice, end=time.monotonic() + seconds)
    tasks = [(scope, len(scopes) - n) for n, scope in enumerate(scopes)]
    whole = states = transitions = 0
    broken: list[str] = []
    with get_context("fork").Pool(os.cpu_count(), initializer=quiet) as pool:
        for scope, found in pool.imap_unordered(work, tasks, chunksize=1):
            print(told(scope, found), flush=True)
            whole, states, transitions = whole + found.whole, states + found.states, transitions + found.transitions
            broken += [scope.name] if found.broken is not None else []
    print(
        f"{whole} of {len(scopes)} worlds whole, {states:,} states, {transitions:,} transitions, {len(broken)} broken"
    )
    return not broken


def main() -> int:
    """Exit status 0 where nothing broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.explore", description=__doc__)
    parser.add_argument("scopes", nargs="*", help="their names; all without")
    parser.add_argument("--procedure", default="")
    parser.add_argument("--duplicates", type=int, default=1)
    parser.add_argument("--crashes", type=int, default=1)
    parser.add_argument("--withdrawals", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=MOST_S)
    given = parser.parse_args()
    scopes = [
        s for s in SCOPES if given.procedure in ("", s.procedure) and (not given.scopes or s.name in given.scopes)
    ]
    if not given.withdrawals:
        scopes = [replace(s, extras=tuple(e for e in s.extras if e != "withdrawal")) for s in scopes]
    twice = bool(given.duplicates or given.crashes)
    return 0 if explore_all(scopes, twice=twice, seconds=given.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
