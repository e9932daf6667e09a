"""A way out that was played."""

from dataclasses import dataclass

from deploy.evidence import Check
from deploy.ways_out.way import WayOut


@dataclass(frozen=True, slots=True)
class Played:
    """A way out that was played: how it ended, every check, how long it took in seconds; `trouble`, a line each, where
    it did not end."""

    way: WayOut
    end: str
    checks: tuple[Check, ...]
    took_s: float
    trouble: tuple[str, ...] = ()

    @property
    def as_it_must(self) -> bool:
        """Whether it came to its end, and every check passed."""
        return not self.trouble and bool(self.checks) and all(check.passed for check in self.checks)
