"""Reading a page of one partition of a topic on Kafka, over a connection of its own and as a member of no group."""

from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.runtime.inbox.session import received
from services.runtime.log import Received


async def read_page(addresses: Sequence[str], topic: str, partition: int, start: int, limit: int) -> Sequence[Received]:
    """At most `limit` records from the offset `start` on, up to where the partition ends now. Raises KafkaError; where
    there is no such partition it waits for one to come."""
    servers: Any = list(addresses)
    reader = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest")
    await reader.start()
    try:
        return await _read(reader, TopicPartition(topic, partition), start, limit)
    finally:
        await reader.stop()


async def _read(reader: AIOKafkaConsumer, place: TopicPartition, start: int, limit: int) -> Sequence[Received]:
    reader.assign([place])
    begins, ends = await reader.beginning_offsets([place]), await reader.end_offsets([place])
    found: list[Received] = []
    at, end = max(start, begins[place]), ends[place]
    reader.seek(place, at)
    while at < end and len(found) < limit:
        batch: Any = await reader.getmany(place, timeout_ms=1000, max_records=limit - len(found))
        found += [received(record) for record in batch.get(place, ())]
        at = await reader.position(place)  # also past what is no record: marks of transactions
    return found
