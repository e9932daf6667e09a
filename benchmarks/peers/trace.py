"""The trace of one case: each record that a service has consumed, what caused it, and how large it was.

A peer replays it: whoever consumes a record appends those that this record caused at its reader. What nobody's record
caused (what people brought, what the rail reported) the load appends at the start, all at once: that favours the peers,
who never wait for a person.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.counting import Reading, Seen
from contracts.envelope import inbox, parse_source

RECORDED = Path(__file__).with_name("trace.json")
OUTSIDE = -1


@dataclass(frozen=True, slots=True)
class Step:
    """One record: its number in the trace, its topic's number, its bytes, and the number of the record that caused it
    (OUTSIDE where none did)."""

    n: int
    topic: int
    bytes: int
    cause: int


@dataclass(frozen=True, slots=True)
class Trace:
    """The steps of a case, in the order of their appends."""

    topics: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def roots(self) -> tuple[Step, ...]:
        """What the load appends."""
        return tuple(step for step in self.steps if step.cause == OUTSIDE)

    @property
    def caused(self) -> Mapping[int, tuple[Step, ...]]:
        """What each step causes."""
        found: dict[int, list[Step]] = {}
        for step in self.steps:
            if step.cause != OUTSIDE:
                found.setdefault(step.cause, []).append(step)
        return {n: tuple(steps) for n, steps in found.items()}


def recorded(seen: Collection[Seen], read: Collection[Reading]) -> Trace:
    """The trace of what stands in the topics that are read, where one case alone was played."""
    topics = tuple(one.topic for one in read)
    ordered = sorted((one for one in seen if one.topic in topics), key=lambda one: (one.at_ms, one.topic, one.offset))
    number: dict[tuple[str, str], int] = {}
    for n, one in enumerate(ordered):
        number.setdefault((one.topic, one.id), n)
    steps: list[Step] = []
    for n, one in enumerate(ordered):
        cause = number.get((inbox(*parse_source(one.source)), one.cause), OUTSIDE) if one.cause else OUTSIDE
        steps.append(Step(n, topics.index(one.topic), one.bytes, cause if cause != n else OUTSIDE))
    return Trace(topics, tuple(steps))


def write(trace: Trace, path: Path = RECORDED) -> None:
    """Keep a trace."""
    path.write_text(json.dumps(asdict(trace), separators=(",", ":")) + "\n", encoding="utf-8")


def read_trace(path: Path = RECORDED) -> Trace:
    """The trace that is kept."""
    values = json.loads(path.read_text(encoding="utf-8"))
    return Trace(tuple(values["topics"]), tuple(Step(**one) for one in values["steps"]))
