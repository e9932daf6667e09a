"""Topics made and read directly, to see from outside what our own code wrote."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

LOG_TIME = {"message.timestamp.type": "LogAppendTime"}


async def create_topics(address: str, topics: Mapping[str, int]) -> None:
    """Create topics (partitions by name) and wait until each has its leaders."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(n, p, 1, topic_configs=LOG_TIME) for n, p in topics.items()])
        while not all(_complete(t, topics) for t in await admin.describe_topics(list(topics))):  # noqa: ASYNC110  only the broker knows
            await asyncio.sleep(0.05)
    finally:
        await admin.close()


def _complete(described: Any, topics: Mapping[str, int]) -> bool:
    partitions = described["partitions"]
    return len(partitions) == topics[described["topic"]] and all(p["leader"] >= 0 for p in partitions)


async def delete_topic(address: str, topic: str) -> None:
    """Delete a topic and wait until it is gone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        while topic in await admin.list_topics():  # noqa: ASYNC110  only the broker knows
            await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def everything(address: str, topic: str, within_s: float = 20) -> list[Any]:
    """Every record that stands in a topic now, partition after partition, as aiokafka gives it."""
    reader = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest")
    await reader.start()
    try:
        async with asyncio.timeout(within_s):
            await reader._client._wait_on_metadata(topic)
            places = [TopicPartition(topic, p) for p in sorted(reader.partitions_for_topic(topic) or ())]
            reader.assign(places)
            ends = await reader.end_offsets(places)
            found: list[Any] = []
            for place in places:
                while await reader.position(place) < ends[place]:
                    for records in (await reader.getmany(timeout_ms=100)).values():
                        found += records
            return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        await reader.stop()


async def committed(address: str, topic: str, group: str) -> dict[int, int]:
    """The offsets that a group has committed, by partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group)
        return {place.partition: meta.offset for place, meta in found.items() if place.topic == topic}
    finally:
        await admin.close()
