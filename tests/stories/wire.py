"""What the institutions of a story talk over and pay by: a wire that shuffles and doubles, a rail whose slow payers can
be held, a store that answers at once."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from contracts.envelope import Record
from services.runtime.log import LogUnavailable
from services.runtime.log.memory import MemoryLog
from services.runtime.rail import Accepted, Transfer, Unknown
from services.runtime.rail import Refused as RailRefused
from services.runtime.rail.memory import MemoryRail
from services.runtime.store import Entry, Snapshot, StoreUnavailable
from services.runtime.store.memory import MemoryStore
from tests.support.bench import NOON


class Wire(MemoryLog):
    """A log that delivers words between institutions late, in any order, and some of them twice. What an institution
    tells itself, and what it publishes, is there at once, as it is on a real log; now and then it is there twice, and
    always in the topics of `echoes`."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(NOON, seed=chance.randrange(10**9))
        self.chance = chance
        self.on_the_way: list[tuple[str, Record]] = []
        self.own: dict[str, bytes] = {}
        self.echoes: set[str] = set()

    async def append(self, topic: str, record: Record) -> None:
        speaker = dict(record.headers).get("ce_source")
        if topic in self._down:
            raise LogUnavailable(f"{topic} is down")
        if topic.endswith(".dead") or speaker == self.own.get(topic):
            for _ in range(2 if topic in self.echoes or self.chance.random() < 0.02 else 1):
                await super().append(topic, record)
            return
        self.on_the_way += [(topic, record)] * (2 if self.chance.random() < 0.1 else 1)

    async def deliver(self) -> None:
        """One record arrives: mostly one of the oldest, sometimes any."""
        last = len(self.on_the_way) - 1
        topic, record = self.on_the_way.pop(self.chance.randint(0, last) if self.chance.random() < 0.3 else 0)
        if topic in self._down:
            self.on_the_way.append((topic, record))
        else:
            await MemoryLog.append(self, topic, record)


class WatchedRail(MemoryRail):
    """The rail in memory, that knows whose money is on its way. What an account in `slow` pays stays there."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.slow: set[str] = set()
        self._payers: dict[str, str] = {}

    async def transfer(self, order: Transfer) -> Accepted | RailRefused | Unknown:
        self._payers[order.key] = order.from_account
        return await super().transfer(order)

    def moving(self) -> list[str]:
        """The keys of what can settle now."""
        return [key for key in self.on_its_way() if self.reachable and self._payers[key] not in self.slow]


class QuickStore(MemoryStore):
    """The store in memory, that lets nobody else have a turn while it answers: a world steps one thing at a time. It
    copies what comes in, and not what goes out: a turn only reads it, and the check of every world would see if not."""

    async def load(self, subjects: Collection[str]) -> Mapping[str, tuple[Snapshot | None, Sequence[Entry]]]:
        await self._answer()
        found: dict[str, tuple[Snapshot | None, Sequence[Entry]]] = {}
        for subject in subjects:
            newest = max((v for s, v in self._snapshots if s == subject), default=0)
            after = sorted(v for s, v in self.journal if s == subject and v > newest)
            found[subject] = self._snapshots.get((subject, newest)), tuple(self.journal[subject, v] for v in after)
        return found

    async def _answer(self) -> None:
        if self.down:
            raise StoreUnavailable("set down by hand")
