"""Lets aiokafka read records whose header names are not UTF-8.

Kafka does not look at header names. aiokafka unpacks them as UTF-8 and raises where one is not, for ever and
for every record of the batch, those before it included: one such record, from anyone who may write to an
inbox, and nothing more would be read from it. There is no way to give the consumer another parser, so
importing this module puts one in aiokafka's fetcher. It reads as before, and only where that fails again with
the bytes of the name escaped (`\\xff`).
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

# Kafka's record batch, version 2: base offset, length of what follows, leader epoch, then the version.
LENGTH_AT, HEAD, VERSION_AT = 8, 12, 16


class _Names(bytearray):
    """Bytes that can always be read as text."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Names(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace")


class _Batch:
    """aiokafka's batch of records; `raw` are its bytes."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                read += 1
                yield record
        except (UnicodeDecodeError, CorruptRecordException) as failure:
            if not isinstance(failure.__cause__ or failure, UnicodeDecodeError):
                raise
            again: Any = _DefaultRecordBatchPy(self._raw)
            again._maybe_uncompress()
            again._buffer = _Names(again._buffer)
            yield from islice(again, read, None)


class Records:
    """aiokafka's `MemoryRecords`: the batches of one answer to a fetch."""

    def __init__(self, data: bytes) -> None:
        self._records = MemoryRecords(data)
        self._data = memoryview(data)
        self._at = 0
        self.has_next = self._records.has_next
        self.size_in_bytes = self._records.size_in_bytes

    def next_batch(self) -> Any:
        """The next batch, or None."""
        batch: Any = self._records.next_batch()
        if batch is None:
            return None
        start = self._at
        (length,) = struct.unpack_from(">i", self._data, start + LENGTH_AT)
        self._at = start + HEAD + length
        return _Batch(batch, self._data[start : self._at]) if self._data[start + VERSION_AT] >= 2 else batch


fetcher.MemoryRecords = Records  # pyright: ignore[reportAttributeAccessIssue]
