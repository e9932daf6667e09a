"""A peer's service: FastStream as its tutorial leads to it, made safe. `python -m benchmarks.peers.peer KAFKA MONGODB
TOPIC LANES`.

One message is one MongoDB transaction: the message's id into the inbox (a second time changes nothing), a document of
the case, what is to be said into the outbox. Then each word is published and awaited, its outbox document goes, and the
offset is committed. With one lane messages are taken one after another; with 16, those of a batch side by side, each
case in its own lane and in its order, and the offset is committed after the batch.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from aiokafka import ConsumerRecord
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.errors import DuplicateKeyError

from benchmarks.peers.trace import Step, Trace, read_trace
from contracts.envelope import partition_of

DATABASE = "peer"
STATE_BYTES = 2_400
"""Of the document of a case: what `writepath.md` found of a design that keeps one."""


def payload(case: str, step: Step) -> bytes:
    """A record of the size that it had in the trace."""
    head = json.dumps({"case": case, "step": step.n})
    return f'{head[:-1]},"filler":"{"x" * max(0, step.bytes - len(head) - 12)}"}}'.encode()


class Peer:
    """One service."""

    def __init__(self, kafka: str, mongodb: str, topic: str, lanes: int) -> None:
        self.trace: Trace = read_trace()
        self.caused = self.trace.caused
        self.topic = topic
        self.lanes = lanes
        self.client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb)
        safe = WriteConcern("majority", j=True)
        self.db = self.client.get_database(f"{DATABASE}_{self.trace.topics.index(topic)}", write_concern=safe)
        self.broker = KafkaBroker(kafka, acks="all", enable_idempotence=True, linger_ms=0)
        settings: dict[str, Any] = {"group_id": topic, "auto_offset_reset": "earliest", "ack_policy": AckPolicy.MANUAL}
        if lanes == 1:
            self.broker.subscriber(topic, **settings)(self.take_one)
        else:
            self.broker.subscriber(topic, batch=True, max_records=500, **settings)(self.take_batch)

    async def take_one(self, _: Any, message: KafkaMessage) -> None:
        """One message, one transaction, then its words."""
        raw = message.raw_message
        assert isinstance(raw, ConsumerRecord)
        await self.handle(raw.value or b"")
        await message.ack()

    async def take_batch(self, _: list[Any], message: KafkaMessage) -> None:
        """The messages of a batch, in lanes by their key."""
        raws = message.raw_message
        assert isinstance(raws, tuple)
        lanes: dict[int, list[bytes]] = {}
        for raw in raws:
            lanes.setdefault(hash(raw.key) % self.lanes, []).append(raw.value or b"")
        await asyncio.gather(*(self.in_order(lane) for lane in lanes.values()))
        await message.ack()

    async def in_order(self, values: Sequence[bytes]) -> None:
        """One lane."""
        for value in values:
            await self.handle(value)

    async def handle(self, value: bytes) -> None:
        """The transaction, and what it says."""
        read = json.loads(value)
        case, step = str(read["case"]), self.trace.steps[read["step"]]
        words = self.caused.get(step.n, ())
        says = [(f"{case}/{word.n}", self.trace.topics[word.topic], payload(case, word)) for word in words]
        try:
            async with self.client.start_session() as session, await session.start_transaction():
                await self.db.inbox.insert_one({"_id": f"{case}/{step.n}"}, session=session)
                state = {"last": step.n, "state": "x" * STATE_BYTES}
                await self.db.cases.replace_one({"_id": case}, state, upsert=True, session=session)
                if says:
                    outbox = [{"_id": word, "topic": topic, "value": data} for word, topic, data in says]
                    await self.db.outbox.insert_many(outbox, session=session)
        except DuplicateKeyError:
            says = [(one["_id"], one["topic"], one["value"]) async for one in self.db.outbox.find(_of(says))]
        for _, topic, data in says:
            await self.broker.publish(data, topic, key=case.encode(), partition=partition_of(case))
        if says:
            await self.db.outbox.delete_many(_of(says))


def _of(says: Sequence[tuple[str, str, bytes]]) -> dict[str, Any]:
    return {"_id": {"$in": [word for word, _, _ in says]}}


async def main(kafka: str, mongodb: str, topic: str, lanes: str) -> None:
    """Serve until SIGTERM."""
    peer = Peer(kafka, mongodb, topic, int(lanes))
    for name in ("inbox", "cases", "outbox"):
        await peer.db.create_collection(name, check_exists=False)
    await FastStream(peer.broker).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
