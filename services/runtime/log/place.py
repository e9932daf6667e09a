"""Where in a topic a record belongs."""

from contracts.envelope import PARTITIONS, Record, murmur2

DEAD = ".dead"


def partitions_of_topic(topic: str) -> int:
    """How many partitions a topic has by the contract: a topic of dead letters has one."""
    return 1 if topic.endswith(DEAD) else PARTITIONS


def partition_in_topic(topic: str, record: Record) -> int:
    """The partition where a record's key belongs; a record without a key belongs in the first.

    The same as `contracts.envelope.partition_of`, for keys that need not be text.
    """
    return (murmur2(record.key or b"") & 0x7FFFFFFF) % partitions_of_topic(topic) if record.key else 0
