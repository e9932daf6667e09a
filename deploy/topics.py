"""The topics of a city: an inbox, a place for dead letters and a public feed per institution, kept for ever.

Run it before the services: a service that finds no topic waits instead of working, and a producer hangs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code

from contracts.envelope import PARTITIONS

READY_WITHIN_S = 60
RETRY_S = 0.2

TOPIC_ALREADY_EXISTS = 36  # Kafka's error code

# An inbox is the record of everything an institution has heard: nothing in it expires, and its times are the
# broker's. A record too large for the contracts must still arrive, to become a dead letter; a dead letter
# holds it and more. The broker measures a record as it is kept: packed, a thousand times as much would pass, which
# no dead letter could hold.
KEPT = {
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "LogAppendTime",
    "compression.type": "uncompressed",
}
INBOX_MAX_BYTES = 1024 * 1024
DEAD_MAX_BYTES = 2 * INBOX_MAX_BYTES


class TopicMismatch(RuntimeError):
    """A topic has another number of partitions than the contract says: events would go astray."""


class TopicsRefused(RuntimeError):
    """The broker did not create a topic, or not in time."""


def inbox(role: str, institution: str) -> str:
    """The name of an institution's inbox."""
    return f"daiya.{role}.{institution}"


def dead_letters(role: str, institution: str) -> str:
    """The name of the topic of what its inbox could not take."""
    return f"{inbox(role, institution)}.dead"


def public_feed(role: str, institution: str) -> str:
    """The name of the topic in which it says everything once more, with what is personal masked."""
    return f"{inbox(role, institution)}.public"


TOPICS = (
    (inbox, PARTITIONS, INBOX_MAX_BYTES),
    (dead_letters, 1, DEAD_MAX_BYTES),
    (public_feed, PARTITIONS, INBOX_MAX_BYTES),
)
"""What each institution has: name, number of partitions, bytes of the largest record."""


def wanted(institutions: Iterable[tuple[str, str]], brokers: int) -> list[NewTopic]:
    """The topics of these (role, institution) pairs; in three copies where there are three brokers."""
    copies = 3 if brokers >= 3 else 1
    kept = KEPT | {"min.insync.replicas": "2" if copies == 3 else "1"}
    topics: list[NewTopic] = []
    for role, institution in institutions:
        for name, partitions, max_bytes in TOPICS:
            configs = kept | {"max.message.bytes": str(max_bytes)}
            topics.append(NewTopic(name(role, institution), partitions, copies, topic_configs=configs))
    return topics


async def create_topics(bootstrap: str, institutions: Iterable[tuple[str, str]]) -> list[str]:
    """Create what is missing, wait until every partition has a leader; returns the names of new topics.

    `bootstrap`: `host:port`, several separated by commas. Asks again until READY_WITHIN_S seconds have
    passed, since a broker that has just started refuses for a moment; then TopicsRefused. TopicMismatch: see
    there.
    """
    admin, deadline, pairs = (
        AIOKafkaAdminClient(bootstrap_servers=bootstrap),
        time.monotonic() + READY_WITHIN_S,
        list(institutions),
    )
    created: set[str] = set()
    try:
        while True:
            try:
                if await _step(admin, pairs, created):
                    return sorted(created)
                reason = "a partition has no leader yet"
            except (KafkaError, OSError) as failure:
                reason = repr(failure)
            if time.monotonic() > deadline:
                raise TopicsRefused(f"topics are not ready at {bootstrap} after {READY_WITHIN_S} s: {reason}")
            await asyncio.sleep(RETRY_S)
    finally:
        await admin.close()


async def _step(admin: AIOKafkaAdminClient, pairs: list[tuple[str, str]], created: set[str]) -> bool:
    """Create what is missing; whether all topics are there with leaders.

    Raises KafkaError for another attempt.
    """
    await admin.start()
    topics = wanted(pairs, brokers=len((await admin.describe_cluster())["brokers"]))
    there = set(await admin.list_topics())
    if missing := [topic for topic in topics if topic.name not in there]:
        answer: dict[str, Any] = (await admin.create_topics(missing)).to_object()
        for failure in answer["topic_errors"]:
            if failure["error_code"] == 0:
                created.add(failure["topic"])
            elif failure["error_code"] != TOPIC_ALREADY_EXISTS:
                raise for_code(failure["error_code"])(f"{failure['topic']}: {failure.get('error_message')}")
    described = {topic["topic"]: topic for topic in await admin.describe_topics([topic.name for topic in topics])}
    return all(_has_leaders(topic, described[topic.name]) for topic in topics)


def _has_leaders(topic: NewTopic, described: Mapping[str, Any]) -> bool:
    if described["error_code"] != 0:
        return False
    if (found := len(described["partitions"])) != topic.num_partitions:
        raise TopicMismatch(f"{topic.name} has {found} partitions, not {topic.num_partitions}")
    return all(partition["error_code"] == 0 and partition["leader"] >= 0 for partition in described["partitions"])
