"""What is measured, and the arithmetic on it. No input, no output."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over several rounds."""

    median: float
    least: float
    most: float
    rounds: int

    def text(self, digits: int = 0) -> str:
        """`103 (98–110)`; one round alone is its figure."""
        if self.rounds == 1:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f}–{self.most:,.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Median and range. Raises ValueError for no values."""
    if not values:
        raise ValueError("no round, no figure")
    return Spread(median(values), min(values), max(values), len(values))


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The least value that so many per cent of the values do not exceed (nearest rank). Raises ValueError for none."""
    if not values:
        raise ValueError("no values, no percentile")
    rank = max(1, math.ceil(len(values) * per_cent / 100))
    return sorted(values)[rank - 1]


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, in milliseconds, and how many there were of it."""

    p50_ms: float
    p99_ms: float
    n: int


def times(values_ms: Sequence[float]) -> Times | None:
    """None where nothing took any time."""
    return Times(percentile(values_ms, 50), percentile(values_ms, 99), len(values_ms)) if values_ms else None


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one variant.

    `cases` were brought, `completed` are whole by the database of every institution, `paid` by the rail's books.
    `took_s`: from the first record to the append of the last case's end; `drained_s`: until every service had consumed
    all that is in its topics. `records`: what services consumed meanwhile, by topic, each reader once. `processor_s`
    and `memory_bytes` by process, until drained; `others_s`: what else ran on the machine's processors.
    `records_per_turn`: at the institutions, 0 where it was not counted.
    """

    variant: str
    cases: int
    completed: int
    paid: int
    took_s: float
    drained_s: float
    records: Mapping[str, int]
    processor_s: Mapping[str, float]
    memory_bytes: Mapping[str, int]
    others_s: float
    records_per_turn: float = 0
    hop: Times | None = None
    case: Times | None = None

    @property
    def cases_per_s(self) -> float:
        """Complete cases, until the last one's end stands in the log."""
        return min(self.completed, self.paid) / self.took_s

    @property
    def all_records(self) -> int:
        """Every record that a service consumed, once for each that did."""
        return sum(self.records.values())

    @property
    def records_per_case(self) -> float:
        """Of the cases that were brought."""
        return self.all_records / self.cases

    @property
    def records_per_s(self) -> float:
        """Consumed, until none was left."""
        return self.all_records / self.drained_s

    @property
    def product_s(self) -> float:
        """Processor time of services, broker and database: all but who plays the people and the banks."""
        return sum(s for name, s in self.processor_s.items() if name not in OUTSIDE)

    @property
    def us_per_record(self) -> float:
        """Processor time for one record in all parts, in microseconds."""
        return self.product_s / self.all_records * 1e6

    def us_per_record_of(self, process: str) -> float:
        """The share of one process in it, or of one outside, in microseconds."""
        return self.processor_s[process] / self.all_records * 1e6


OUTSIDE = ("load", "rail")
"""Processes that stand for people, banks and other systems."""


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Each count's part of them all, in per cent, the largest first. Nothing of nothing."""
    whole = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {name: n / whole * 100 for name, n in ordered} if whole else {}


def read_measured(values: Mapping[str, Any]) -> Measured:
    """A round from its JSON values. Raises TypeError where they are none."""
    given = dict(values)
    for name in ("hop", "case"):
        given[name] = Times(**given[name]) if given.get(name) else None
    return Measured(**given)
