"""Letting days pass on a stack that was started for it: the one place that writes a sandbox's clock.

On one machine only: the services, the broker and the rail must have the same clock, for the moment from which a jump
counts is taken while none of them reads the file.
"""

import asyncio
import fcntl
import time
from datetime import date, datetime, timedelta
from pathlib import Path

from services.runtime.clock import SystemClock
from services.runtime.core.periods import day_in_china
from services.runtime.sandbox_clock import Jump, SandboxClock, read_jumps

MILLISECOND = timedelta(milliseconds=1)


class Days:
    """The clock of a sandbox, and the hand on it."""

    def __init__(self, path: Path, starts: datetime) -> None:
        """Make the file, which must not be there yet; now it is `starts` (aware)."""
        self.path = path
        now = SystemClock().now()
        with path.open("x", encoding="ascii") as file:
            file.write(f"{Jump(now, starts - now).line()}\n")
        self.clock = SandboxClock(path)

    def pass_by(self, days: int) -> None:
        """So many days pass at once, for everybody who has this clock. Raises ValueError for less than one."""
        if days < 1:
            raise ValueError(f"{days} days cannot pass")
        with self.path.open("r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            newest = read_jumps(file)[-1]
            # After whatever was stamped or asked before this, also in this millisecond.
            since = max(SystemClock().now(), newest.since) + MILLISECOND
            file.write(f"{Jump(since, newest.ahead + timedelta(days=days)).line()}\n")
        while SystemClock().now() < since:
            time.sleep(MILLISECOND.total_seconds())


class Together:
    """Several who wait for days on one clock. A day comes once everybody waits for it or a later one, so nobody's days
    pass before he has done what was to be done before. To be used in one event loop."""

    def __init__(self, days: Days) -> None:
        self._days = days
        self._there: set[object] = set()
        self._waiting: dict[object, tuple[date, asyncio.Event]] = {}

    def join(self, who: object) -> None:
        """From now on no day comes without this one."""
        self._there.add(who)

    def leave(self, who: object) -> None:
        """The others need not wait for this one any more."""
        self._there.discard(who)
        self._waiting.pop(who, None)
        self._go_on()

    async def until(self, who: object, day: date) -> None:
        """Wait for this day in China; at once where it has come."""
        come = asyncio.Event()
        self._waiting[who] = (day, come)
        self._go_on()
        await come.wait()

    def _go_on(self) -> None:
        if not self._waiting or self._there - self._waiting.keys():
            return
        first = min(day for day, _ in self._waiting.values())
        if (days := (first - day_in_china(self._days.clock.now())).days) > 0:
            self._days.pass_by(days)
        for who, (day, come) in list(self._waiting.items()):
            if day == first:
                del self._waiting[who]
                come.set()
