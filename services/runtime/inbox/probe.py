"""Asks the broker about an inbox over connections of its own, when the reader's own may be the trouble."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

STABLE = "Stable"
ANSWER_S = 10.0  # how long a broker that is there may take to answer


@dataclass(frozen=True, slots=True)
class Probe:
    """What is asked about."""

    addresses: tuple[str, ...]
    topic: str
    group: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`ends`: where each partition ends; empty where there is no such topic. `unowned`: partitions that no
    member of the group holds, while the group is at rest."""

    ends: Mapping[int, int]
    unowned: frozenset[int]


async def ask(probe: Probe) -> Answer:
    """What the broker says. Raises KafkaError where it does not answer."""
    addresses: Any = list(probe.addresses)
    admin = AIOKafkaAdminClient(bootstrap_servers=addresses)
    await admin.start()
    try:
        numbers = await _partitions(admin, probe.topic)
        owned = await _owned(admin, probe) if numbers else frozenset[int]()
    finally:
        await admin.close()
    reader = AIOKafkaConsumer(bootstrap_servers=addresses)
    await reader.start()
    try:
        ends = await reader.end_offsets([TopicPartition(probe.topic, number) for number in numbers])
    finally:
        await reader.stop()
    unowned = numbers - owned if owned is not None else frozenset[int]()
    return Answer({place.partition: end for place, end in ends.items()}, unowned)


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> frozenset[int]:
    if topic not in await admin.list_topics():
        return frozenset()
    (described,) = await admin.describe_topics([topic])
    return frozenset(partition["partition"] for partition in described["partitions"])


async def _owned(admin: AIOKafkaAdminClient, probe: Probe) -> frozenset[int] | None:
    """The partitions that members hold; None while members come and go, and nobody knows yet who holds
    what."""
    (answer,) = await admin.describe_consumer_groups([probe.group])
    group: Any = answer.to_object()["groups"][0]
    if group["members"] and group["state"] != STABLE:
        return None
    owned: set[int] = set()
    for member in group["members"]:
        assignment = ConsumerProtocolMemberAssignment.decode(member["member_assignment"])
        owned |= {number for topic, numbers in assignment.assignment for number in numbers if topic == probe.topic}
    return frozenset(owned)
