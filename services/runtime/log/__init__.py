"""What the runtime asks of the log: to append, to be given batches of what was appended, and to read a page of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contracts.envelope import Record


class LogUnavailable(Exception):
    """The log did not answer in time; a record that it was given may or may not have been written."""


@dataclass(frozen=True, slots=True)
class Received:
    """A record as it was read: where it stands, and when the log took it (the log's clock, not the sender's)."""

    record: Record
    partition: int
    offset: int
    at: datetime


class Log(Protocol):
    """A record that `append` returned for is there for good."""

    async def append(self, topic: str, record: Record) -> None:
        """Append to the partition where the record's key belongs (contracts.envelope.partition_of; a topic of
        dead letters has one partition only). Raises LogUnavailable after a deadline of its own."""
        ...

    async def page(self, topic: str, partition: int, start: int, limit: int) -> Sequence[Received]:
        """The records of one partition from the offset `start` on, at most `limit`; fewer where it ends now. Raises
        LogUnavailable."""
        ...
