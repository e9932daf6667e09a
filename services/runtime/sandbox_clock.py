"""A clock for demos and tests, on which days pass while everything runs; the log and the rail as they are seen by it.

A file lists from when on, by the machine's clock, how far ahead the sandbox's is. It is only ever added to
(`deploy/days.py`), so a moment of the machine is one and the same moment of the sandbox whoever asks, and whenever.
The broker and the rail go on by the machine's clock; what they have stamped is seen by this one. See decision 19.
"""

import fcntl
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Self, TextIO

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from contracts.envelope import Record
from services.runtime.clock import SystemClock
from services.runtime.log import Log, Received
from services.runtime.rail import Accepted, NotThere, Rail, Refused, StatementLine, Transfer, Unknown


class BadClock(ValueError):
    """The file is no sandbox clock. The text says where, and why."""


@dataclass(frozen=True, slots=True)
class Jump:
    """From `since` on, by the machine's clock, the sandbox's is `ahead` of it; it may be behind."""

    since: datetime
    ahead: timedelta

    @classmethod
    def read(cls, line: str) -> Self:
        """The jump in a line: RFC 3339, a blank, an ISO 8601 duration. Raises ValueError."""
        since, _, ahead = line.partition(" ")
        return cls(_SINCE.validate_strings(since), _AHEAD.validate_strings(ahead))

    def line(self) -> str:
        """The line that `read` reads."""
        return f"{self.since.isoformat(timespec='milliseconds')} {_AHEAD.dump_python(self.ahead, mode='json')}"


_SINCE: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_AHEAD: TypeAdapter[timedelta] = TypeAdapter(timedelta)


def read_jumps(file: TextIO) -> list[Jump]:
    """The jumps in a file, which the caller has locked. Raises BadClock, also where the clock would go back."""
    jumps: list[Jump] = []
    for number, line in enumerate(file, start=1):
        try:
            jump = Jump.read(line.rstrip("\n"))
        except ValidationError as error:
            raise BadClock(f"{file.name}, line {number}: {error.errors()[0]['msg']}") from error
        if jumps and not (jump.since > jumps[-1].since and jump.ahead >= jumps[-1].ahead):
            raise BadClock(f"{file.name}, line {number}: this clock does not go back")
        jumps.append(jump)
    if not jumps:
        raise BadClock(f"{file.name}: it is empty")
    return jumps


class SandboxClock:
    """The clock that a file makes of the machine's."""

    def __init__(self, path: str | Path) -> None:
        """Raises BadClock, or OSError where the file cannot be read; so does every later look."""
        self._path = Path(path)
        self._machine = SystemClock()
        self.now()

    def now(self) -> datetime:
        """This moment in UTC, to the millisecond."""
        return self.at(self._machine.now())

    def at(self, moment: datetime) -> datetime:
        """What this clock said when the machine's said `moment`, which is not to come. Before the first jump it is as
        far ahead as after it.

        The file is read after `moment`, and whoever adds to it takes the time while nobody reads it: what is added
        later begins later, so the answer stays the same.
        """
        return _seen(moment, self._jumps())

    def batch(self, batch: Sequence[Received]) -> list[Received]:
        """Records with the times of this clock instead of the broker's."""
        jumps = self._jumps()
        return [replace(received, at=_seen(received.at, jumps)) for received in batch]

    def _jumps(self) -> list[Jump]:
        with self._path.open(encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return read_jumps(file)


def _seen(moment: datetime, jumps: Sequence[Jump]) -> datetime:
    return moment + jumps[max(0, bisect_right(jumps, moment, key=attrgetter("since")) - 1)].ahead


class SandboxLog:
    """A `Log` as it is seen by a sandbox's clock."""

    def __init__(self, log: Log, clock: SandboxClock) -> None:
        self._log = log
        self._clock = clock

    async def append(self, topic: str, record: Record) -> None:
        """See `Log.append`."""
        await self._log.append(topic, record)

    async def page(self, topic: str, partition: int, start: int, limit: int) -> Sequence[Received]:
        """See `Log.page`."""
        return self._clock.batch(await self._log.page(topic, partition, start, limit))


class SandboxRail:
    """A `Rail` as it is seen by a sandbox's clock."""

    def __init__(self, rail: Rail, clock: SandboxClock) -> None:
        self._rail = rail
        self._clock = clock

    async def transfer(self, order: Transfer) -> Accepted | Refused | Unknown:
        """See `Rail.transfer`."""
        return await self._rail.transfer(order)

    async def find(self, key: str) -> Accepted | Refused | NotThere | Unknown:
        """See `Rail.find`."""
        return await self._rail.find(key)

    async def statement(self, account: str, after: int, wait_s: float = 0) -> tuple[StatementLine, ...]:
        """See `Rail.statement`."""
        lines = await self._rail.statement(account, after, wait_s)
        return tuple(line.model_copy(update={"booked_at": self._clock.at(line.booked_at)}) for line in lines)
