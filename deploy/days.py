"""Letting days pass on a stack that was started for it: the one place that writes a sandbox's clock.

On one machine only: the services, the broker and the rail must have the same clock, for the moment from which a jump
counts is taken while none of them reads the file.
"""

import fcntl
import time
from datetime import datetime, timedelta
from pathlib import Path

from services.runtime.clock import SystemClock
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
