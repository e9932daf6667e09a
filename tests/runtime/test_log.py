"""One suite for the log in memory and for Kafka, then what each has of its own."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from aiokafka.errors import OutOfOrderSequenceNumber

from contracts.envelope import PARTITIONS, Record, partition_of
from services.runtime.log import Log, LogUnavailable, Received
from services.runtime.log.kafka import KafkaLog
from services.runtime.log.memory import MemoryLog
from tests.support import kafka

MORNING = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
DEADLINE_S = 4.0


@dataclass
class Bench:
    """A log with a topic and its dead letters' topic, and a way to read them."""

    log: Log
    topic: str
    read: Callable[[str], Awaitable[Sequence[Received]]]

    @property
    def dead(self) -> str:
        return f"{self.topic}.dead"


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.live)])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    topic = f"daiya.test.{uuid.uuid4().hex[:12]}"
    if request.param == "memory":
        memory = MemoryLog(MORNING)
        memory.create(topic, f"{topic}.dead")

        async def read_memory(name: str) -> Sequence[Received]:
            return memory.everything(name)

        yield Bench(memory, topic, read_memory)
        return
    address = request.getfixturevalue("infrastructure").kafka
    await kafka.create_topics(address, {topic: PARTITIONS, f"{topic}.dead": 1})

    async def read_kafka(name: str) -> Sequence[Received]:
        return [as_received(record) for record in await kafka.everything(address, name)]

    log = KafkaLog([address], DEADLINE_S)
    yield Bench(log, topic, read_kafka)
    await log.close()


def as_received(record: Any) -> Received:
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return Received(Record(record.key, record.value, record.headers), record.partition, record.offset, at)


def record(key: str = "folio", value: bytes = b"{}", **headers: bytes) -> Record:
    return Record(key.encode(), value, tuple(headers.items()))


# --- both ---------------------------------------------------------------------------------------------------


async def test_a_record_stands_where_its_key_belongs_as_it_was_given(bench: Bench) -> None:
    given = [record(f"folio-{n}", b"\x00\xff" * n, ce_id=b"\xff", twice=b"") for n in range(1, 30)]
    await asyncio.gather(*(bench.log.append(bench.topic, one) for one in given))
    stands = await bench.read(bench.topic)
    assert {one.record for one in stands} == set(given)
    assert len(stands) == len(given)
    for one in stands:
        assert one.record.key is not None
        assert one.partition == partition_of(one.record.key.decode())
        assert one.at.utcoffset() == timedelta(0)


async def test_one_key_stays_in_order(bench: Bench) -> None:
    given = [record(value=str(n).encode()) for n in range(50)]
    for one in given:
        await bench.log.append(bench.topic, one)
    stands = await bench.read(bench.topic)
    assert [one.record for one in stands] == given
    assert [one.offset for one in stands] == list(range(50))


async def test_a_dead_letter_is_kept_whatever_it_was(bench: Bench) -> None:
    """No key, no value, a key that is no text, a header that is null or there twice."""
    odd = (("a", None), ("a", b"\xff"), ("", b""))
    headers = cast("tuple[tuple[str, bytes], ...]", odd)
    given = [
        Record(None, None, headers),
        Record(b"\xff\xfe", None, ()),
        Record(None, b"x", headers),
        Record(b"", b"", ()),
    ]
    for one in given:
        await bench.log.append(bench.dead, one)
    assert [one.record for one in await bench.read(bench.dead)] == given


async def test_a_topic_that_is_not_there_is_unavailable_and_delays_nobody(bench: Bench) -> None:
    await bench.log.append(bench.topic, record())  # connected
    nowhere = asyncio.gather(
        *(bench.log.append("daiya.test.nowhere", record(str(n))) for n in range(50)), return_exceptions=True
    )
    for n in range(5):
        await bench.log.append(bench.topic, record(value=str(n).encode()))
    assert not nowhere.done() or isinstance(bench.log, MemoryLog)  # they still wait, and held up nobody
    assert {type(result) for result in await nowhere} == {LogUnavailable}
    assert len(await bench.read(bench.topic)) == 6


async def test_a_partition_is_read_page_by_page_as_it_stands(bench: Bench) -> None:
    odd = cast("tuple[tuple[str, bytes], ...]", (("a", None), ("a", b"\xff")))
    given = [Record(None, None, odd), *(Record(None, str(n).encode(), ()) for n in range(1, 8))]
    assert await bench.log.page(bench.dead, 0, 0, 5) == []
    for one in given:
        await bench.log.append(bench.dead, one)
    pages = [await bench.log.page(bench.dead, 0, start, 3) for start in (0, 3, 6, 8, 2**60)]
    assert [[one.record for one in page] for page in pages] == [given[:3], given[3:6], given[6:], [], []]
    assert [one.offset for page in pages for one in page] == list(range(8))
    assert [list(page) for page in pages[:1]] == [list((await bench.read(bench.dead))[:3])]
    with pytest.raises(LogUnavailable):
        await bench.log.page("daiya.test.nowhere", 0, 0, 1)


# --- in memory ----------------------------------------------------------------------------------------------


async def test_a_topic_set_down_takes_nothing_until_it_is_up() -> None:
    log = MemoryLog(MORNING)
    log.create("a", "b")
    log.down("a")
    with pytest.raises(LogUnavailable):
        await log.append("a", record())
    await log.append("b", record())
    log.up("a")
    await log.append("a", record())
    assert [len(log.everything(topic)) for topic in ("a", "b")] == [1, 1]


async def test_its_clock_is_moved_by_hand() -> None:
    log = MemoryLog(MORNING)
    log.create("a")
    await log.append("a", record())
    log.now += timedelta(days=30)
    await log.append("a", record())
    assert [one.at for one in log.everything("a")] == [MORNING, MORNING + timedelta(days=30)]


async def fill(log: MemoryLog, count: int = 200) -> None:
    log.create("a")
    for n in range(count):
        with suppress(LogUnavailable):
            await log.append("a", record(f"folio-{n % 17}", str(n).encode()))


async def test_chance_comes_from_the_seed_alone() -> None:
    def everything(log: MemoryLog) -> tuple[Received, ...]:
        return tuple(log.batch("a", dict.fromkeys(range(PARTITIONS), 0), 10_000))

    logs = [MemoryLog(MORNING, seed=seed, lost=20, doubled=20) for seed in (1, 1, 2)]
    for log in logs:
        await fill(log)
    first, same, other = map(everything, logs)
    assert first == same
    assert first != other
    assert len(first) > 200  # some stand there twice, and those whose reply was lost stand there too


async def test_a_batch_mixes_partitions_but_keeps_each_in_order() -> None:
    log = MemoryLog(MORNING, seed=3)
    await fill(log)
    places = {0: 2, 3: 0, 4: 5}
    batch = log.batch("a", places, limit=40)
    assert len(batch) == 40
    assert [one.partition for one in batch] != sorted(one.partition for one in batch)
    for partition, start in places.items():
        offsets = [one.offset for one in batch if one.partition == partition]
        assert offsets == list(range(start, start + len(offsets)))
    assert {one.partition for one in batch} <= set(places)
    ends = log.ends("a")
    assert log.batch("a", ends) == ()
    assert sum(ends.values()) == 200


# --- Kafka --------------------------------------------------------------------------------------------------


async def test_a_broker_that_is_not_there_is_unavailable_within_the_deadline() -> None:
    log = KafkaLog(["127.0.0.1:1"], 0.5)
    async with asyncio.timeout(30):  # its producer alone would try for minutes
        with pytest.raises(LogUnavailable):
            await log.append("a", record())
        await log.close()


@pytest.mark.live
async def test_a_record_that_waits_is_not_added_again(infrastructure: Any) -> None:
    """A row that is drained again and again while its topic is gone must not be there a hundred times
    after."""
    topic, other = (f"daiya.test.{uuid.uuid4().hex[:12]}" for _ in range(2))
    await kafka.create_topics(infrastructure.kafka, {topic: PARTITIONS, other: PARTITIONS})
    log = KafkaLog([infrastructure.kafka], 0.5)
    await log.append(topic, record())
    await kafka.delete_topic(infrastructure.kafka, topic)
    for _ in range(3):
        with pytest.raises(LogUnavailable):
            await log.append(topic, record(value=b"waits"))
        await log.append(other, record())
    await kafka.create_topics(infrastructure.kafka, {topic: PARTITIONS})
    async with asyncio.timeout(20):
        while not await taken(log, topic, record(value=b"waits")):
            pass
    values = [one.value for one in await kafka.everything(infrastructure.kafka, topic)]
    assert values.count(b"waits") <= 2  # the one that waited, and perhaps one that a new producer sent
    await log.append(topic, record(value=b"goes on"))
    await log.close()


async def taken(log: Log, topic: str, one: Record) -> bool:
    try:
        await log.append(topic, one)
    except LogUnavailable:
        return False
    return True


@pytest.mark.live
async def test_after_a_number_out_of_order_another_producer_goes_on(infrastructure: Any) -> None:
    """aiokafka's producer would refuse this partition for ever (its issue 1017)."""
    topic = f"daiya.test.{uuid.uuid4().hex[:12]}"
    await kafka.create_topics(infrastructure.kafka, {topic: PARTITIONS})
    log = KafkaLog([infrastructure.kafka], DEADLINE_S)
    await log.append(topic, record(value=b"first"))
    first = log._producer
    assert first is not None
    numbers: Any = first._txn_manager
    place = next(iter(numbers._sequence_numbers))
    numbers.increment_sequence_number(place, 7)
    with pytest.raises(LogUnavailable) as raised:
        await log.append(topic, record(value=b"second"))
    assert isinstance(raised.value.__cause__, OutOfOrderSequenceNumber)
    await log.append(topic, record(value=b"third"))
    assert log._producer is not first
    values = [one.value for one in await kafka.everything(infrastructure.kafka, topic)]
    assert values == [b"first", b"third"]
    await log.close()


@pytest.mark.live
async def test_a_record_too_large_for_the_broker_stops_nothing_else(infrastructure: Any) -> None:
    topic = f"daiya.test.{uuid.uuid4().hex[:12]}"
    await kafka.create_topics(infrastructure.kafka, {topic: PARTITIONS})
    log = KafkaLog([infrastructure.kafka], DEADLINE_S)
    for size in (3 * 1024 * 1024, 8 * 1024 * 1024):
        with pytest.raises(LogUnavailable):
            await log.append(topic, record(value=bytes(size)))
        await log.append(topic, record(value=b"small"))
    assert [one.value for one in await kafka.everything(infrastructure.kafka, topic)] == [b"small"] * 2
    await log.close()


@pytest.mark.live
async def test_closing_ends_though_a_record_can_never_arrive(infrastructure: Any) -> None:
    topic = f"daiya.test.{uuid.uuid4().hex[:12]}"
    await kafka.create_topics(infrastructure.kafka, {topic: PARTITIONS})
    log = KafkaLog([infrastructure.kafka], 0.5)
    await log.append(topic, record())
    await kafka.delete_topic(infrastructure.kafka, topic)
    with pytest.raises(LogUnavailable):
        await log.append(topic, record(value=b"never"))
    async with asyncio.timeout(30):  # its producer alone would try for minutes
        await log.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others
