"""The log on Kafka: appending, through aiokafka's idempotent producer, and reading a page.

FastStream's `publish` is built on the same producer, but takes headers as text only, adds some of its own,
and has no deadline: a record must be appended byte by byte as it was encoded, and one topic that is not there
must stop nobody.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerClosed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from contracts.envelope import Record
from services.runtime.log import LogUnavailable, Received
from services.runtime.log.page import read_page
from services.runtime.log.place import partition_in_topic

MAX_REQUEST_BYTES = 4 * 1024 * 1024  # more than a dead letter's topic takes: what is too large, the broker says
RETRY_FOR_MS = 300_000
START_S = 30
# The producer refuses these before it gives the record a number, so its numbering is still whole.
REFUSED_BEFORE_SENDING = (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

log = structlog.get_logger(__name__)


class KafkaLog:
    """`Log` on Kafka. It connects with the first record, and again by itself.

    A record that was not taken within the deadline stays with the producer, which goes on trying for five
    minutes: it may still be written. Appending it again in the meantime waits for the same delivery and does
    not add another.
    """

    def __init__(self, addresses: Sequence[str], deadline_s: float = 5.0) -> None:
        self._addresses = list(addresses)
        self._deadline_s = deadline_s
        self._producer: AIOKafkaProducer | None = None
        self._starting: asyncio.Task[AIOKafkaProducer] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._pending: dict[tuple[str, Record], asyncio.Future[Any]] = {}

    async def append(self, topic: str, record: Record) -> None:
        try:
            async with asyncio.timeout(self._deadline_s):
                delivery = self._pending.get((topic, record))
                if delivery is None:
                    delivery = await self._send(topic, record)
                await asyncio.shield(delivery)
        except TimeoutError:
            raise LogUnavailable(f"{topic} took nothing within {self._deadline_s} s") from None
        except (KafkaError, OSError) as failure:
            raise LogUnavailable(f"{topic}: {failure!r}") from failure

    async def page(self, topic: str, partition: int, start: int, limit: int) -> Sequence[Received]:
        try:
            async with asyncio.timeout(self._deadline_s):
                return await read_page(self._addresses, topic, partition, start, limit)
        except TimeoutError:
            raise LogUnavailable(f"{topic} was not read within {self._deadline_s} s") from None
        except (KafkaError, OSError) as failure:
            raise LogUnavailable(f"{topic}: {failure!r}") from failure

    async def close(self) -> None:
        """Give what is under way the deadline's time, then give the connections back."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        self._replace(self._producer)
        if self._closing:
            await asyncio.wait(self._closing)

    async def _send(self, topic: str, record: Record) -> asyncio.Future[Any]:
        producer = self._producer or await self._connected()
        partition = partition_in_topic(topic, record)
        try:
            delivery = await _enqueue(producer, topic, partition, record)
        except KafkaError as failure:
            if not isinstance(failure, REFUSED_BEFORE_SENDING):
                self._replace(producer)
            raise
        self._pending[topic, record] = delivery

        def delivered(done: asyncio.Future[Any]) -> None:
            self._pending.pop((topic, record), None)
            if not done.cancelled() and (failure := done.exception()) is not None:
                # The number that this record had in its partition is used up; from now on the broker would
                # refuse whatever this producer sends there as out of order (aiokafka issue 1017). A new one
                # counts anew.
                log.warning("a record was not taken", topic=topic, partition=partition, failure=repr(failure))
                self._replace(producer)

        delivery.add_done_callback(delivered)
        return delivery

    async def _connected(self) -> AIOKafkaProducer:
        """The producer; many who wait for it wait for the same one, and none of them stops it by giving
        up."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(self._started)
        return await asyncio.shield(self._starting)

    def _started(self, task: asyncio.Task[AIOKafkaProducer]) -> None:
        self._starting = None
        if not task.cancelled() and task.exception() is None:
            self._producer = task.result()

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._addresses,  # pyright: ignore[reportArgumentType]  a list is fine
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            request_timeout_ms=RETRY_FOR_MS,
            max_request_size=MAX_REQUEST_BYTES,
        )
        try:
            async with asyncio.timeout(START_S):
                await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    def _replace(self, producer: AIOKafkaProducer | None) -> None:
        """Use another from now on; what this one has under way may still arrive."""
        if producer is not None and producer is self._producer:
            self._producer = None
            task = asyncio.create_task(self._retire(producer))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _retire(self, producer: AIOKafkaProducer) -> None:
        try:
            async with asyncio.timeout(self._deadline_s):
                await producer.stop()
        except (TimeoutError, KafkaError):
            # stop() waits for every record under way, for one whose topic is gone for ever.
            producer._message_accumulator.fail_all(ProducerClosed())
            sender: Any = producer._sender.sender_task
            sender.cancel()
            await producer.client.close()
            await asyncio.wait({sender}, timeout=self._deadline_s)  # it waits for the broker's last answers
            sender.cancel()


async def _enqueue(producer: AIOKafkaProducer, topic: str, partition: int, record: Record) -> asyncio.Future[Any]:
    """Give a record to the producer; the future is done when the broker has it."""
    known = await producer.partitions_for(topic)
    if partition not in known:
        raise UnknownTopicOrPartitionError(f"{topic} has no partition {partition}")
    if record.key is None and record.value is None:
        # A dead letter may be as empty as this; `send` would not take it.
        batch = producer.create_batch()
        batch.append(key=None, value=None, timestamp=None, headers=list(record.headers))
        return await producer.send_batch(batch, topic, partition=partition)
    headers = list(record.headers)
    return await producer.send(topic, record.value, record.key, partition=partition, headers=headers)
