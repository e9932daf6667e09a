"""The log in memory, for tests and simulations: what Kafka may do to a record, and its faults set by hand or
by seed."""

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from contracts.envelope import Record
from services.runtime.log import LogUnavailable, Received
from services.runtime.log.place import partition_in_topic, partitions_of_topic


class MemoryLog:
    """A `Log`, and the reading side of it.

    `now` is its clock, moved by hand. Its faults: a topic set `down`; of `lost` appends in a hundred the
    reply is lost though the record is there; of `doubled` in a hundred the record is there twice. All chance
    comes from the seed.
    """

    def __init__(self, now: datetime, *, seed: int = 0, lost: int = 0, doubled: int = 0) -> None:
        self.now = now
        self.lost = lost
        self.doubled = doubled
        self.topics: dict[str, list[list[Received]]] = {}
        self._down: set[str] = set()
        self._chance = random.Random(seed)  # noqa: S311  a simulation's, that must be repeatable

    def create(self, *topics: str) -> None:
        """Create topics, with as many partitions as the contract says. One that is there stays as it is."""
        for topic in topics:
            self.topics.setdefault(topic, [[] for _ in range(partitions_of_topic(topic))])

    def down(self, topic: str) -> None:
        """From now on this topic takes nothing."""
        self._down.add(topic)

    def up(self, topic: str) -> None:
        """It takes records again."""
        self._down.discard(topic)

    async def append(self, topic: str, record: Record) -> None:
        await asyncio.sleep(0)  # as with a real one, others get their turn here
        if topic not in self.topics or topic in self._down:
            raise LogUnavailable(f"{topic} is {'down' if topic in self.topics else 'not there'}")
        partition = partition_in_topic(topic, record)
        for _ in range(2 if self._happens(self.doubled) else 1):
            stands = self.topics[topic][partition]
            stands.append(Received(record, partition, len(stands), self.now))
        if self._happens(self.lost):
            raise LogUnavailable(f"{topic} took it, but the reply was lost")

    async def page(self, topic: str, partition: int, start: int, limit: int) -> Sequence[Received]:
        await asyncio.sleep(0)
        if topic not in self.topics:
            raise LogUnavailable(f"{topic} is not there")
        return list(self.topics[topic][partition][start : start + limit])

    def ends(self, topic: str) -> Mapping[int, int]:
        """The offset that the next record of each partition will have."""
        return {partition: len(stands) for partition, stands in enumerate(self.topics[topic])}

    def batch(self, topic: str, places: Mapping[int, int], limit: int = 500) -> Sequence[Received]:
        """Up to `limit` records from these places on (offset by partition): in their order within each
        partition, in any order between partitions."""
        waiting = {p: self.topics[topic][p][start:] for p, start in places.items()}
        return tuple(self._interleave([stands for _, stands in sorted(waiting.items()) if stands], limit))

    def everything(self, topic: str) -> Sequence[Received]:
        """All records of a topic, partition after partition."""
        return tuple(received for stands in self.topics[topic] for received in stands)

    def _interleave(self, waiting: Collection[Sequence[Received]], limit: int) -> list[Received]:
        queues = [list(reversed(stands)) for stands in waiting]
        taken: list[Received] = []
        while queues and len(taken) < limit:
            queue = self._chance.choice(queues)
            taken.append(queue.pop())
            if not queue:
                queues.remove(queue)
        return taken

    def _happens(self, in_a_hundred: int) -> bool:
        return in_a_hundred > 0 and self._chance.randrange(100) < in_a_hundred
