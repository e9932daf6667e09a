"""Periods: when the last day of one is over, the clock says so through the own inbox."""

from collections.abc import Collection

from contracts.envelope import to_data
from services.runtime.clock import Clock
from services.runtime.core.facts import OwnFact, PeriodPassed, PeriodStarted, PeriodUnpublished
from services.runtime.core.fold import derived_id
from services.runtime.core.periods import Calendar, Unpublished, day_in_china, deadline, due
from services.runtime.core.rows import Row
from services.runtime.post import Post
from services.runtime.store import Store, all_rows

SAID = "said"
PASSED, UNPUBLISHED = "passed", "unpublished"


class Timers:
    """Watches the periods of the partitions it is given. An unpublished year leaves a period open; an incident says so
    once the clock has come to days that nobody knows, for no period can be over before."""

    def __init__(self, store: Store, post: Post, clock: Clock, calendar: Calendar) -> None:
        self.store = store
        self.post = post
        self.clock = clock
        self.calendar = calendar

    async def work(self, partitions: Collection[int]) -> int:
        """One look; the answer counts the periods that have passed. Raises LogUnavailable, StoreUnavailable."""
        passed = 0
        today_unpublished = isinstance(self.calendar.is_working_day(day_in_china(self.clock.now())), Unpublished)
        async for row in all_rows(self.store, "period", partitions):
            if row.data.get(SAID) == PASSED:
                continue
            started = PeriodStarted.read(to_data(row.data))  # passes over the row's own marks
            last_day = due(started.start, started.period, self.calendar)
            if isinstance(last_day, Unpublished):
                if today_unpublished and row.data.get(SAID) != UNPUBLISHED:
                    name = started.period.name
                    fact: OwnFact = PeriodUnpublished(started=row.id, name=name, year=last_day.year)
                    await self._say(row, fact, f"unpublished {last_day.year}", UNPUBLISHED)
            elif self.clock.now() >= deadline(last_day):
                fact = PeriodPassed(started=row.id, name=started.period.name, due=last_day)
                await self._say(row, fact, "passed", PASSED)
                passed += 1
        return passed

    async def look_again(self, partition: int) -> None:
        """What the clock said was told to a log that is gone: it is said once more."""
        async for row in all_rows(self.store, "period", [partition]):
            if row.data.get(SAID) is not None:
                await self.store.mark_row(row.id, SAID, "to say")

    async def _say(self, row: Row, fact: OwnFact, key: str, mark: str) -> None:
        await self.post.tell(fact, derived_id(row.id, key), row.case, row.subject, self.clock.now())
        await self.store.mark_row(row.id, SAID, mark)
