"""What the runtime asks of the log: to append, and to be given batches of what was appended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contracts.envelope import Record


class LogUnavailable(Exception):
    """The log did not take a record in time; it may or may not have been written."""


@dataclass(frozen=True, slots=True)
class Received:
    """A record as it was read: where it stands, and when the log took it (the log's clock, not the sender's)."""

    record: Record
    partition: int
    offset: int
    at: datetime


class Log(Protocol):
    """Appending. A record that `append` returned for is there for good."""

    async def append(self, topic: str, record: Record) -> None:
        """Append to the partition where the record's key belongs (contracts.envelope.partition_of; a topic of
        dead letters has one partition only). Raises LogUnavailable after a deadline of its own."""
        ...
