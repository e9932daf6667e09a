"""The periods that run on a file: started, and neither ended nor passed. A view for every institution that has some."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from services.runtime.core.facts import PeriodEnded, PeriodPassed, PeriodStarted
from services.runtime.core.file import Filed
from services.runtime.core.periods import CHINA, Unpublished, due, kept
from services.runtime.core.rule import All, View


@dataclass(frozen=True, slots=True)
class Running(View):
    """The periods of this file that have been started and neither ended nor passed."""

    periods: tuple[Filed[PeriodStarted], ...]

    @classmethod
    def of(cls, started: All[PeriodStarted], ended: All[PeriodEnded], passed: All[PeriodPassed]) -> Self | None:
        over = {f.fact.started for f in passed}
        running = tuple(
            s
            for s in started
            if s.id not in over and not any(e.fact.name == s.fact.period.name and e.order > s.order for e in ended)
        )
        return cls(running) if running else None

    @property
    def mark(self) -> str:
        """Once per period."""
        return self.periods[0].id


def in_time(started: PeriodStarted, act: datetime) -> bool:
    """Whether an act has kept a period, as far as the published calendar says."""
    last_day = due(started.start, started.period, CHINA)
    return isinstance(last_day, Unpublished) or kept(act, last_day)
