"""Asks the broker which topic a name stands for: one that was deleted and made anew has another id.

Kafka tells it since version 12 of its metadata request (Kafka 3.1), of which aiokafka knows version 5. Source: Kafka's
protocol guide, "Metadata API".
"""

from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import NodeNotReadyError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

METADATA = 3
VERSION = 12
# A UUID, in two halves.
ID = (("id_high", Int64), ("id_low", Int64))


class _Answer(Response):
    API_KEY = METADATA  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]  as aiokafka's own do
    API_VERSION = VERSION  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                *ID,
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("in_sync", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = METADATA
    API_VERSION = VERSION
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", CompactArray(*ID, ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Asked(Request[_Question]):
    API_KEY = METADATA

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class([(0, 0, self._topic, {})], False, False, {})


async def topic_id(consumer: AIOKafkaConsumer, topic: str) -> str:
    """The id of a topic as 32 hex digits, by a consumer's connection. Raises KafkaError where the broker does not
    answer or has no such topic."""
    client: Any = consumer._client
    node = client.get_random_node()
    if node is None:
        raise NodeNotReadyError("no broker is known")
    answer = await client.send(node, _Asked(topic))
    ((error, _, high, low, *_),) = answer.topics
    if error:
        raise for_code(error)(topic)
    return f"{high % 2**64:016x}{low % 2**64:016x}"
