"""One life of a FastStream subscriber on the inbox: from joining the group to leaving it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

import services.runtime.inbox.names  # noqa: F401  must be there before the first fetch
from contracts.envelope import Record
from services.runtime.inbox.probe import ANSWER_S
from services.runtime.inbox.topic_id import topic_id
from services.runtime.log import Received

MAX_RECORDS = 500
FIRST_REST_S = 0.2
LONGEST_REST_S = 5.0
HANDOVER_S = 3.0  # how long another member waits for the batch in hand here: half a session
STOP_S = 15.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger(__name__)

Take = Callable[[Sequence[Received]], Awaitable[None]]
Starts = Callable[[Collection[int], str], Awaitable[Mapping[int, int]]]
Remade = Callable[[Collection[int]], Awaitable[None]]
Revoked = Callable[[Collection[int]], None]


@dataclass(slots=True)
class Held:
    """A partition held now. Once it is settled where it starts, `next` is the offset up to which everything
    was taken; `end` is where it ended then."""

    settled: bool = False
    next: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the institution's service puts around its inbox."""

    addresses: tuple[str, ...]
    topic: str
    group: str
    take: Take
    starts: Starts
    remade: Remade
    revoked: Revoked


class Session(ConsumerRebalanceListener):  # pyright: ignore[reportUntypedBaseClass]
    """One life of a FastStream subscriber."""

    def __init__(self, wiring: Wiring, stopping: asyncio.Event) -> None:
        self._wiring = wiring
        self._stopping = stopping
        self._settling: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._busy = False
        self._doubt = False
        self._guarded = False
        self._active_at = time.monotonic()
        self._topic_id = ""
        self.parts: dict[int, Held] = {}
        self._broker = KafkaBroker(
            list(wiring.addresses),
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=2000,  # or a topic made anew some seconds late is never seen again
            apply_types=False,
            graceful_timeout=STOP_S,
            logger=None,
        )
        self._subscriber = self._broker.subscriber(
            wiring.topic,
            group_id=wiring.group,
            batch=True,
            max_records=MAX_RECORDS,
            batch_timeout_ms=10,
            fetch_max_wait_ms=100,
            session_timeout_ms=6000,
            heartbeat_interval_ms=1000,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            parser=_parse,
            decoder=_decode,
            listener=self,
        )
        self._subscriber(self._handle)

    async def open(self) -> None:
        """Join the group; done when partitions are assigned. Raises KafkaError where the broker is not
        there."""
        await self._broker.start()

    async def close(self) -> None:
        """Finish the batch in hand and leave the group."""
        stopping = asyncio.create_task(self._broker.stop())
        await asyncio.wait({stopping}, timeout=2 * STOP_S)
        if not stopping.done() or stopping.exception() is not None:
            log.warning("the inbox was left without a word", topic=self._wiring.topic)
        stopping.cancel()
        self._let_go(frozenset(self.parts))

    # --- what comes -----------------------------------------------------------------------------------------

    async def _handle(self, batch: list[Received]) -> None:
        self._busy = True
        try:
            parts = dict(self.parts)
            fresh = self._expected(batch, parts)
            if fresh:
                await self._take(fresh)
                for received in fresh:
                    parts[received.partition].next = received.offset + 1
        finally:
            self._busy = False
            self._active_at = time.monotonic()

    async def _take(self, batch: Sequence[Received]) -> None:
        try:
            await self._wiring.take(batch)
            self._failures = 0
        except Exception as failure:
            self._doubt = True
            self._failures += 1
            log.warning("a batch failed and comes again", topic=self._wiring.topic, failure=repr(failure))
            # FastStream would ask for it again at once, 1,500 times a second if it must.
            await rest(self._failures, self._stopping)
            raise

    def _expected(self, batch: Sequence[Received], parts: Mapping[int, Held]) -> list[Received]:
        """Those records of a batch that may be taken now. The others come again when it is known where their
        partition starts: it is not known yet, or the log begins anew below what was taken."""
        fresh: list[Received] = []
        early: dict[int, int] = {}
        for received in batch:
            number = received.partition
            part = parts.get(number)
            if number in early or part is None or not part.settled or received.offset < part.next:
                early.setdefault(number, received.offset)
            else:
                fresh.append(received)
        for number, offset in early.items():
            # What is committed is the consumer's position: it must not be beyond what is left out here.
            with suppress(IllegalStateError):  # no longer assigned
                self._consumer.seek(TopicPartition(self._wiring.topic, number), offset)
                if number in parts and parts[number].settled:
                    self._begin([number])
        return fresh

    def _guard(self) -> None:
        """Let the consumer agree with what was taken before each fetch.

        Where a fetch fails, aiokafka drops what it had unpacked of other partitions and goes on behind it
        (its issue 1046); where a batch fails after its partitions had gone and come, FastStream steps back to
        that batch, which may be beyond the place where they start now. Both would be committed with the next
        batch.
        """
        consumer, fetch = self._consumer, self._consumer.getmany

        async def getmany(*places: TopicPartition, **limits: Any) -> Any:
            await self._agree()
            try:
                return await fetch(*places, **limits)
            except Exception as failure:
                self._doubt = True
                # FastStream rests after one of these; any other ends its loop, which begins again at once.
                raise failure if isinstance(failure, KafkaError) else KafkaError(repr(failure)) from failure

        consumer.getmany = getmany

    async def _agree(self) -> None:
        """In doubt every partition goes back to what was taken; else what was passed over (marks of
        transactions) counts as taken."""
        for number, part in self.parts.items():
            place = TopicPartition(self._wiring.topic, number)
            with suppress(IllegalStateError):  # no longer assigned
                if not part.settled:
                    continue
                if self._doubt:
                    self._consumer.seek(place, part.next)
                else:
                    part.next = max(part.next, await self._consumer.position(place))
        self._doubt = False

    # --- partitions come and go -----------------------------------------------------------------------------

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]  aiokafka awaits it
        self, assigned: Collection[TopicPartition]
    ) -> None:
        """Partitions came; they rest until it is known where each starts."""
        self._active_at = time.monotonic()
        if not self._guarded:
            self._guarded = True
            self._guard()
        self.parts = {}
        if assigned:
            # Before any await: aiokafka hands out records while this still runs (its issue 738). And nothing
            # here waits for the database, or the group would take this member for dead.
            self._begin([place.partition for place in assigned])

    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, revoked: Collection[TopicPartition]
    ) -> None:
        """Partitions go; the batch in hand may be finished and committed first, so that nobody does it
        again."""
        lock: Any = self._subscriber.lock
        if revoked and hasattr(lock, "wait_release"):
            await lock.wait_release(HANDOVER_S)
        self._let_go([place.partition for place in revoked])

    def _begin(self, numbers: Collection[int]) -> None:
        self._consumer.pause(*self._places(numbers))
        self.parts = self.parts | {number: Held() for number in numbers}
        task = asyncio.create_task(self._settle(numbers))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    def _let_go(self, numbers: Collection[int]) -> None:
        for task in self._settling:
            task.cancel()
        gone = frozenset(numbers) & frozenset(self.parts)
        self.parts = {number: part for number, part in self.parts.items() if number not in gone}
        if gone:
            self._wiring.revoked(gone)

    async def _settle(self, numbers: Collection[int]) -> None:
        """Find out where these partitions start, however long it takes, then let them go on."""
        failures = 0
        while not self._stopping.is_set():
            try:
                settled = await self._find_starts(numbers)
                break
            except Exception as failure:
                failures += 1
                log.warning("no place to start from yet", topic=self._wiring.topic, failure=repr(failure))
                await rest(failures, self._stopping)
        else:
            return
        for number, part in settled.items():
            self.parts[number] = part
            self._consumer.seek(TopicPartition(self._wiring.topic, number), part.next)
        self._consumer.resume(*self._places(numbers))
        self._active_at = time.monotonic()

    async def _find_starts(self, numbers: Collection[int]) -> dict[int, Held]:
        places = self._places(numbers)
        async with asyncio.timeout(ANSWER_S):
            committed = {place: await self._consumer.committed(place) or 0 for place in places}
            begins = await self._consumer.beginning_offsets(places)
            ends = await self._consumer.end_offsets(places)
            self._topic_id = await topic_id(self._consumer, self._wiring.topic)
        known = await self._database(self._wiring.starts(numbers, self._topic_id))
        found: dict[int, Held] = {}
        remade: list[int] = []
        for number, place in zip(numbers, places, strict=True):
            done, there = committed[place], known.get(number, 0)
            if max(done, there) > ends[place]:
                remade.append(number)
                done = there = 0
            found[number] = Held(True, max(begins[place], min(done, there)), ends[place])
        if remade:
            log.error("the log was made anew", topic=self._wiring.topic, partitions=remade)
            await self._database(self._wiring.remade(remade))
        return found

    async def _database(self, answer: Awaitable[Any]) -> Any:
        """Who waits for the database is not stuck."""
        try:
            return await answer
        finally:
            self._active_at = time.monotonic()

    async def reads_another_topic(self) -> bool:
        """Whether the topic was made anew since it was found out where to start: where more stands in it already than
        was taken of the old one, a consumer does not notice. Raises KafkaError."""
        if not self._topic_id:
            return False
        async with asyncio.timeout(ANSWER_S):
            return await topic_id(self._consumer, self._wiring.topic) != self._topic_id

    # --- how it is doing ------------------------------------------------------------------------------------

    def idle_s(self) -> float:
        """How long nothing has happened here, in seconds; 0 while a batch is in hand."""
        return 0.0 if self._busy else time.monotonic() - self._active_at

    def is_behind(self, ends: Mapping[int, int], unowned: Collection[int]) -> bool:
        """Whether there is something to read here, or a partition to be had, that this session does not
        see."""
        if not self.parts:
            return bool(unowned)
        return any(not part.settled or part.next < ends.get(n, 0) for n, part in self.parts.items())

    def lag(self) -> dict[int, int]:
        """Records not taken, by partition."""
        consumer = self._subscriber.consumer
        found: dict[int, int] = {}
        for number, part in self.parts.items():
            end = part.end
            if not part.settled:
                continue
            if consumer is not None:
                with suppress(AssertionError):  # no longer assigned
                    end = max(end, consumer.highwater(TopicPartition(self._wiring.topic, number)) or 0)
            found[number] = max(0, end - part.next)
        return found

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        consumer = self._subscriber.consumer
        assert consumer is not None, "partitions are only dealt with between start and stop"
        return consumer

    def _places(self, numbers: Collection[int]) -> list[TopicPartition]:
        return [TopicPartition(self._wiring.topic, number) for number in numbers]


async def _decode(message: Any) -> Any:
    """Records as they are: reading them is the runtime's, which makes a dead letter of what it cannot
    read."""
    return [received(record) for record in message.raw_message]


async def _parse(records: Any, original: Callable[[Any], Awaitable[Any]]) -> Any:
    """FastStream's parser decodes every header, and where that fails skips the whole batch. It sees only one
    record without any; the batch takes its place afterwards."""
    message = await original((replace(records[0], headers=()),))
    message.raw_message = records
    return message


def received(record: ConsumerRecord) -> Received:
    """aiokafka's record as ours. A header that is null stays None, against its type: no valid one is."""
    try:
        at = EPOCH + timedelta(milliseconds=record.timestamp)
    except OverflowError:  # no time of any log: only a topic that takes senders' times can have it
        at = EPOCH
    kept = Record(record.key, record.value, tuple(record.headers))
    return Received(kept, record.partition, record.offset, at)


async def rest(failures: int, stopping: asyncio.Event) -> None:
    """Longer after each failure, and not at all when it is time to stop."""
    await set_within(stopping, min(LONGEST_REST_S, FIRST_REST_S * 2 ** min(failures - 1, 10)))


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
