"""`python -m benchmarks smoke|daiya …`: see README.md."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.daiya import play, play_profiled
from benchmarks.figures import Measured
from benchmarks.profile import by_function, by_part, by_whole, read
from benchmarks.stand import Variant


def told(one: Measured) -> str:
    """A round in a few lines."""
    lines = [
        f"{one.variant}: of {one.cases} cases {one.completed} complete in every database, {one.paid} at the rail",
        f"  {one.cases_per_s:.1f} cases/s   {one.records_per_case:.1f} records/case   {one.records_per_s:.0f} records/s"
        f"   {one.us_per_record:.0f} µs/record   took {one.took_s:.1f} s, drained {one.drained_s:.1f} s,"
        f" others took {one.others_s:.1f} s of the processors",
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


def main(given: list[str]) -> int:
    """The command line; exit status 0 where all cases have completed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("what", choices=["smoke", "daiya", "profile", "show"])
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--rail", choices=["log", "http"], default="log")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--within", type=float, default=420)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--process", default="escrow")
    parser.add_argument("--py-spy", default="py-spy")
    parser.add_argument("--out", type=Path, default=Path("profile.raw"))
    asked = parser.parse_args(given)
    if asked.what == "profile":
        play_profiled(asked.cases, asked.process, asked.py_spy, asked.out)
    if asked.what in ("profile", "show"):
        show(asked.out)
        return 0
    if asked.what == "smoke":
        one = play(Variant(), 5, warming=0, within_s=20)
    else:
        one = play(Variant(asked.rail, asked.workers), asked.cases, asked.rate, within_s=asked.within)
    print(told(one))
    if asked.json:
        print(json.dumps(asdict(one), ensure_ascii=False))
    return 0 if one.completed == one.paid == one.cases else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
