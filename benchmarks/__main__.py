"""`python -m benchmarks WHAT`: README.md says what each part is; `--help` lists the options."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.daiya import WITHIN_S, Before, play, play_profiled, record_trace
from benchmarks.figures import Measured
from benchmarks.peers import trace
from benchmarks.peers.run import VARIANTS
from benchmarks.peers.run import play as play_peer
from benchmarks.profile import by_function, by_part, by_whole, read
from benchmarks.results import keep, write_table
from benchmarks.stand import Variant

SMOKE_CASES, SMOKE_WITHIN_S = 5, 240.0  # so long that only a case that cannot end is cut short


def told(one: Measured) -> str:
    """A round in a few lines."""
    lines = [
        f"{one.variant}: of {one.cases} cases {one.completed} complete in every database, {one.paid} at the rail",
        f"  {one.cases_per_s:.1f} cases/s   {one.records_per_case:.1f} records/case   {one.records_per_s:.0f} records/s"
        f"   {one.us_per_record:.0f} µs/record   {one.records_per_turn:.1f} records/turn",
        f"  took {one.took_s:.1f} s, drained {one.drained_s:.1f} s, others took {one.others_s:.1f} s of the processors",
    ]
    for name, s in sorted(one.processor_s.items(), key=lambda item: -item[1]):
        mb = one.memory_bytes[name] / 2**20
        lines.append(f"  {name:<12} {one.us_per_record_of(name):7.0f} µs/record {s:7.1f} s {mb:7.0f} MiB")
    for what, times in (("hop", one.hop), ("case", one.case)):
        if times is not None:
            lines.append(f"  {what}: p50 {times.p50_ms:.0f} ms, p99 {times.p99_ms:.0f} ms (n = {times.n})")
    return "\n".join(lines)


def show(raw: Path) -> None:
    """A profile, by part and by function."""
    stacks = read(raw.read_text().splitlines())
    print(f"{sum(n for _, n in stacks)} samples")
    for title, found in (
        ("part", by_part(stacks)),
        ("function", by_function(stacks)),
        ("with what it calls", by_whole(stacks)),
    ):
        print(f"by {title}")
        for at, per_cent in list(found.items())[:45]:
            print(f"  {per_cent:5.1f} %  {at}")


def rounds_of(plays: Sequence[Callable[[], Measured]], rounds: int, command: str = "") -> list[Measured]:
    """So many rounds of each, in turns, each told when it is done, and kept where a command is named."""
    found, began = list[Measured](), datetime.now(UTC)
    for _ in range(rounds):
        for play_one in plays:
            found.append(play_one())
            print(told(found[-1]), flush=True)
            if command:
                keep(command, began, found)
    return found


def main(given: list[str]) -> int:
    """The command line; exit status 0 where all cases have completed."""
    asked = read_arguments(given)
    variant, before = Variant(asked.rail, asked.workers), Before(folios=asked.folios, history=asked.history)
    daiya = partial(play, variant, asked.cases, asked.rate, before, asked.within)
    command = " ".join(("python -m benchmarks", *given))
    match asked.what:
        case "smoke":
            smoke = partial(play, Variant(), SMOKE_CASES, before=Before(warming=0), within_s=SMOKE_WITHIN_S)
            return status(rounds_of([smoke], 1))
        case "profile" | "show":
            if asked.what == "profile":
                play_profiled(asked.cases, asked.process, asked.py_spy, asked.out)
            show(asked.out)
            return 0
        case "trace":
            trace.write(record_trace())
            return 0
        case "table":
            write_table()
            return 0
        case "daiya":
            found = rounds_of([daiya], asked.rounds, command)
        case "peers":
            found = rounds_of(
                [daiya, *(partial(play_peer, one, asked.peer_cases) for one in VARIANTS)], asked.rounds, command
            )
        case _:
            variants = (Variant(), Variant("http"), Variant(workers=2))
            floods = [partial(play, one, asked.cases, within_s=asked.within) for one in variants]
            peers = [partial(play_peer, one, asked.peer_cases) for one in VARIANTS]
            found = rounds_of([*floods, *peers], asked.rounds, command)
    return status(found)


def status(found: Sequence[Measured]) -> int:
    """0 where every case of every round has completed."""
    return 0 if all(one.completed == one.paid == one.cases for one in found) else 1


def read_arguments(given: list[str]) -> argparse.Namespace:
    """The arguments. Exits with status 2 for what is none."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("what", choices=["all", "daiya", "peers", "smoke", "trace", "table", "profile", "show"])
    parser.add_argument("--cases", type=int, default=200, help="in a round on Daiya")
    parser.add_argument("--peer-cases", type=int, default=20, help="in a round on a peer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0, help="cases a second; 0: all at once")
    parser.add_argument("--rail", choices=["log", "http"], default="log", help="how payments reach the rail")
    parser.add_argument("--folios", type=int, default=0, help="other folios that are imported before")
    parser.add_argument("--history", type=int, default=0, help="restrictions entered and lifted before on each folio")
    parser.add_argument("--workers", type=int, default=1, help="processes of each institution")
    parser.add_argument("--within", type=float, default=WITHIN_S, help="seconds for a round's cases")
    parser.add_argument("--process", default="escrow", help="whose profile")
    parser.add_argument("--py-spy", default="py-spy", help="the program that samples")
    parser.add_argument("--out", type=Path, default=Path("build/profile.raw"), help="the samples")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
