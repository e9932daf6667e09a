"""The inbox on a real Kafka: nothing is skipped or committed before it is taken, and it goes on by itself."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from contracts.envelope import PARTITIONS, Record
from deploy.embedded.choose import Infrastructure
from services.runtime.inbox.inbox import Inbox
from services.runtime.log import LogUnavailable, Received
from services.runtime.log.kafka import KafkaLog
from tests.live.conftest import MortalKafka
from tests.support import kafka

pytestmark = pytest.mark.live
ALL = frozenset(range(PARTITIONS))


class Reader:
    """A member of the group `readers`, and what it was told."""

    def __init__(self, address: str, topic: str, watch_s: float = 15.0) -> None:
        self.taken: list[Received] = []
        self.batches: list[list[tuple[int, int]]] = []
        self.known: dict[int, int] = {}  # what its database knows
        self.asked: list[frozenset[int]] = []
        self.topics: list[str] = []
        self.gone: list[frozenset[int]] = []
        self.anew: list[int] = []
        self.failures = 0  # so many batches fail
        self.refusals = 0  # so many times the database does not answer where to start
        self.slow_s = 0.0
        self.inbox = Inbox(
            [address],
            topic,
            "readers",
            take=self.take,
            starts=self.starts,
            remade=self.remade,
            revoked=self.revoked,
            watch_s=watch_s,
        )

    async def take(self, batch: Sequence[Received]) -> None:
        self.batches.append([(one.partition, one.offset) for one in batch])
        await asyncio.sleep(self.slow_s)
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the database is away")
        self.taken += batch
        self.known |= {one.partition: one.offset + 1 for one in batch}

    async def starts(self, partitions: Collection[int], topic: str) -> Mapping[int, int]:
        self.asked.append(frozenset(partitions))
        self.topics.append(topic)
        await asyncio.sleep(self.slow_s)
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("the database is away")
        return self.known

    async def remade(self, partitions: Collection[int]) -> None:
        self.anew += partitions
        self.known = {}

    def revoked(self, partitions: Collection[int]) -> None:
        self.gone.append(frozenset(partitions))

    @property
    def places(self) -> list[tuple[int, int]]:
        return [(one.partition, one.offset) for one in self.taken]

    def caught_up(self) -> bool:
        return bool(self.inbox.held) and all(map(self.inbox.caught_up, self.inbox.held))


class City:
    """A topic with a log to append to it and any number of readers."""

    def __init__(self, address: str, topic: str) -> None:
        self.address = address
        self.topic = topic
        self.log = KafkaLog([address])
        self.readers: list[Reader] = []

    def reader(self, watch_s: float = 15.0) -> Reader:
        self.readers.append(Reader(self.address, self.topic, watch_s))
        return self.readers[-1]

    async def append(self, numbers: Collection[int]) -> None:
        records = [Record(f"folio-{n % 40}".encode(), str(n).encode(), ()) for n in numbers]
        await asyncio.gather(*(self.log.append(self.topic, one) for one in records))

    async def everything(self) -> list[tuple[int, int]]:
        return [(one.partition, one.offset) for one in await kafka.everything(self.address, self.topic)]


@pytest.fixture
async def city(infrastructure: Infrastructure) -> AsyncIterator[City]:
    topic = f"daiya.test.{uuid.uuid4().hex[:12]}"
    await kafka.create_topics(infrastructure.kafka, {topic: PARTITIONS})
    city = City(infrastructure.kafka, topic)
    yield city
    await asyncio.gather(*(reader.inbox.stop() for reader in city.readers))
    await city.log.close()


async def until(true: Callable[[], bool], within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110  another member's doing, or the broker's
            await asyncio.sleep(0.02)


def by_partition(places: Collection[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for partition, offset in places:
        found[partition].append(offset)
    return found


def in_order(places: Collection[tuple[int, int]]) -> bool:
    """Whether every partition was taken from its beginning, one after another, each once."""
    return all(offsets == list(range(len(offsets))) for offsets in by_partition(places).values())


# --- taking -----------------------------------------------------------------------------------------------


async def test_everything_is_taken_once_in_order_and_then_committed(city: City) -> None:
    await city.append(range(1200))
    reader = city.reader()
    assert not reader.inbox.held
    assert not reader.inbox.caught_up(0)
    await reader.inbox.start()
    await until(lambda: len(reader.taken) == 1200)
    assert in_order(reader.places)
    assert sorted(reader.places) == await city.everything()
    await until(reader.caught_up)
    assert reader.inbox.held == ALL
    assert set(reader.inbox.lag.values()) == {0}
    assert max(map(len, reader.batches)) <= 500
    stands = (await kafka.everything(city.address, city.topic))[0]
    mine = next(one for one in reader.taken if (one.partition, one.offset) == (stands.partition, 0))
    assert mine.record == Record(stands.key, stands.value, ())
    assert mine.at.timestamp() == pytest.approx(stands.timestamp / 1000, abs=0.0005)
    await reader.inbox.stop()
    assert reader.gone == [ALL]
    assert not reader.inbox.held
    ends = {partition: len(offsets) for partition, offsets in by_partition(reader.places).items()}
    assert await kafka.committed(city.address, city.topic, "readers") == ends


class _NotText(str):
    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


async def append_odd(city: City) -> None:
    """Records that a careless or hostile sender can write, with good ones around them, all in one batch."""
    producer = AIOKafkaProducer(bootstrap_servers=city.address)
    await producer.start()
    batch: Any = producer.create_batch()
    batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 16384)
    for key, value, headers in (
        (b"k", b"good", [("ce_id", b"1")]),
        (b"k", b"null header", [("ce_id", None)]),
        (b"k", b"header of bytes", [("ce_id", b"\xff\xfe")]),
        (b"k", b"name of bytes", [("a", b"1"), (_NotText("x"), b"v"), ("b", None)]),
        (None, None, []),
        (b"\xff", b"\xff", [("reply_to", b"\xff"), ("content-type", b"\xff"), ("correlation_id", b"\xff")]),
        (b"k", b"good again", [("ce_id", b"2")]),
    ):
        assert batch.append(key=key, value=value, timestamp=None, headers=headers)
    await (await producer.send_batch(batch, city.topic, partition=2))
    await producer.stop()


async def test_a_record_that_no_parser_can_read_still_arrives(city: City) -> None:
    await append_odd(city)
    reader = city.reader()
    await reader.inbox.start()
    await until(lambda: len(reader.taken) == 7)
    odd: list[Any] = [
        Record(b"k", b"good", (("ce_id", b"1"),)),
        Record(b"k", b"null header", (("ce_id", None),)),  # pyright: ignore[reportArgumentType]
        Record(b"k", b"header of bytes", (("ce_id", b"\xff\xfe"),)),
        Record(b"k", b"name of bytes", (("a", b"1"), ("\\xff\\xfe", b"v"), ("b", None))),  # pyright: ignore[reportArgumentType]
        Record(None, None, ()),
        Record(b"\xff", b"\xff", tuple((n, b"\xff") for n in ("reply_to", "content-type", "correlation_id"))),
        Record(b"k", b"good again", (("ce_id", b"2"),)),
    ]
    assert [one.record for one in reader.taken] == odd
    for one in odd:  # and each can be buried as it came
        await city.log.append(city.topic, Record(one.key or b"none", one.value, one.headers))


async def test_a_batch_that_fails_comes_again_after_a_rest_and_nothing_is_skipped(city: City) -> None:
    await city.append(range(300))
    reader = city.reader()
    reader.failures = 3
    await reader.inbox.start()
    began = asyncio.get_running_loop().time()
    await until(lambda: reader.failures == 0)
    assert asyncio.get_running_loop().time() - began > 0.2 + 0.4  # the rests grow
    assert not await kafka.committed(city.address, city.topic, "readers")
    await until(lambda: len(reader.taken) == 300)
    reader.failures = 1
    await city.append(range(300, 400))
    await until(lambda: len(reader.taken) == 400)
    assert in_order(reader.places)
    assert len(reader.batches) < 40


async def test_stopping_finishes_the_batch_in_hand(city: City) -> None:
    await city.append(range(100))
    reader = city.reader()
    await reader.inbox.start()
    await until(lambda: reader.inbox.held == ALL)
    await until(lambda: len(reader.taken) == 100)
    reader.slow_s = 1.0
    await city.append(range(100, 101))
    await until(lambda: reader.batches[-1] not in ([], None) and len(reader.taken) == 100 and len(reader.batches) > 1)
    await reader.inbox.stop()
    assert len(reader.taken) == 101
    ends = {partition: len(offsets) for partition, offsets in by_partition(reader.places).items()}
    assert await kafka.committed(city.address, city.topic, "readers") == ends


async def test_stopping_does_not_wait_for_a_database_that_is_away(city: City) -> None:
    await city.append(range(10))
    reader = city.reader()
    reader.failures = 1000
    await reader.inbox.start()
    await until(lambda: len(reader.batches) >= 5)  # by now it rests for seconds
    async with asyncio.timeout(3):
        await reader.inbox.stop()
    assert not await kafka.committed(city.address, city.topic, "readers")


async def test_what_a_failing_fetch_had_unpacked_is_fetched_again(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka's issue 1046: the consumer goes on behind records that it never handed out."""
    fetch, dropped = AIOKafkaConsumer.getmany, list[int]()

    async def lossy(self: Any, *places: Any, **limits: Any) -> Any:
        found = await fetch(self, *places, **limits)
        if found and not dropped:
            dropped.append(sum(map(len, found.values())))
            raise KafkaError("another partition's records are corrupt")
        return found

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", lossy)
    await city.append(range(200))
    reader = city.reader()
    await reader.inbox.start()
    await until(lambda: len(reader.taken) == 200)
    assert dropped[0] > 0
    assert in_order(reader.places)


# --- where it starts ----------------------------------------------------------------------------------------


async def read_and_stop(city: City, count: int) -> None:
    reader = city.reader()
    await reader.inbox.start()
    await until(lambda: len(reader.taken) == count)
    await reader.inbox.stop()


async def test_it_starts_where_the_database_ends_if_that_is_lower(city: City) -> None:
    """A database that was restored knows less than was committed."""
    await city.append(range(200))
    await read_and_stop(city, 200)
    ends = {partition: len(offsets) for partition, offsets in by_partition(await city.everything()).items()}
    reader = city.reader()
    low = min(ends)
    reader.known = ends | {low: ends[low] - 3}
    await reader.inbox.start()
    await until(reader.caught_up)
    assert sorted(reader.places) == [(low, ends[low] - n) for n in (3, 2, 1)]
    assert reader.anew == []


async def test_it_starts_at_the_beginning_if_the_database_knows_nothing(city: City) -> None:
    await city.append(range(200))
    await read_and_stop(city, 200)
    reader = city.reader()
    await reader.inbox.start()
    await until(lambda: len(reader.taken) == 200)
    assert in_order(reader.places)


async def test_it_starts_at_the_beginning_if_nothing_was_committed(city: City) -> None:
    """The newest place in the database may be one of many in a batch of which others were not written."""
    await city.append(range(200))
    reader = city.reader()
    reader.known = dict.fromkeys(ALL, 1)
    await reader.inbox.start()
    await until(lambda: len(reader.taken) == 200)
    assert in_order(reader.places)


async def test_nothing_is_taken_before_it_is_known_where_to_start(city: City) -> None:
    await city.append(range(100))
    reader = city.reader()
    reader.refusals, reader.slow_s = 2, 0.5
    await reader.inbox.start()
    await until(lambda: reader.inbox.held == ALL)
    for _ in range(20):
        assert reader.refusals == 0 or not reader.batches
        assert reader.taken or not reader.caught_up()
        await asyncio.sleep(0.05)
    await until(lambda: len(reader.taken) == 100)
    assert in_order(reader.places)
    assert len(reader.asked) == 3


async def test_a_log_made_anew_is_read_from_the_beginning_and_told(city: City) -> None:
    await city.append(range(20))
    reader = city.reader()
    reader.known = dict.fromkeys(ALL, 500)
    await reader.inbox.start()
    await until(lambda: len(reader.taken) == 20)
    assert sorted(reader.anew) == sorted(ALL)
    assert in_order(reader.places)


async def test_a_log_made_anew_while_it_is_read_is_read_from_the_beginning(city: City) -> None:
    await city.append(range(200))
    reader = city.reader(watch_s=2)
    await reader.inbox.start()
    await until(lambda: len(reader.taken) == 200)
    await kafka.delete_topic(city.address, city.topic)
    reader.taken.clear()
    await kafka.create_topics(city.address, {city.topic: PARTITIONS})
    await city.append(range(40))
    await until(lambda: len(set(reader.places)) == 40, within_s=60)
    assert sorted(set(reader.places)) == await city.everything()
    assert set(reader.anew) >= {partition for partition, _ in reader.places}


async def test_a_log_made_anew_that_is_longer_already_than_what_was_taken_is_noticed(city: City) -> None:
    """Nothing in the offsets shows it: only the topic's id is another one."""
    await city.append(range(20))
    reader = city.reader(watch_s=2)
    await reader.inbox.start()
    await until(lambda: len(reader.taken) == 20)
    await kafka.delete_topic(city.address, city.topic)
    reader.taken.clear()
    await kafka.create_topics(city.address, {city.topic: PARTITIONS})
    await city.append(range(400))
    await until(lambda: len(set(reader.places)) == 400, within_s=60)
    assert sorted(set(reader.places)) == await city.everything()
    assert len(set(reader.topics)) == 2


# --- members and brokers come and go ------------------------------------------------------------------------


async def test_two_members_share_and_one_takes_over(city: City) -> None:
    first, second = city.reader(), city.reader()
    second.known = first.known
    await first.inbox.start()
    await until(lambda: first.inbox.held == ALL)
    numbers = iter(range(10**6))
    appending = True

    async def append() -> None:
        while appending:
            await city.append([next(numbers) for _ in range(5)])
            await asyncio.sleep(0.01)

    writer = asyncio.create_task(append())
    await asyncio.sleep(0.5)
    first.slow_s = second.slow_s = 0.1  # there is a batch in hand at any time
    await second.inbox.start()
    await until(lambda: len(first.inbox.held) == len(second.inbox.held) == PARTITIONS // 2)
    assert first.inbox.held | second.inbox.held == ALL
    await until(lambda: len(second.taken) > 20)
    await first.inbox.stop()
    assert first.gone[-1] and not first.inbox.held
    await until(lambda: second.inbox.held == ALL)
    appending = False
    await writer
    stands = await city.everything()
    await until(lambda: set(first.places) | set(second.places) == set(stands))
    for reader in (first, second):
        for offsets in by_partition(reader.places).values():
            assert offsets == sorted(offsets)
    # A batch in hand is finished before its partitions go: nothing is done twice where all is well.
    assert len(first.places) + len(second.places) == len(stands)


async def test_a_member_for_whom_nothing_is_left_is_left_alone(infrastructure: Infrastructure) -> None:
    topic = f"daiya.test.{uuid.uuid4().hex[:12]}"
    await kafka.create_topics(infrastructure.kafka, {topic: 1})
    readers = [Reader(infrastructure.kafka, topic, watch_s=0.5) for _ in range(2)]
    for reader in readers:
        await reader.inbox.start()
    await until(lambda: sorted(len(reader.inbox.held) for reader in readers) == [0, 1])
    await asyncio.sleep(4)
    assert [reader.inbox.restarts for reader in readers] == [0, 0]
    assert sorted(len(reader.inbox.held) for reader in readers) == [0, 1]
    await asyncio.gather(*(reader.inbox.stop() for reader in readers))


async def test_a_consumer_that_does_not_move_is_started_anew(city: City) -> None:
    reader = city.reader(watch_s=0.5)
    await reader.inbox.start()
    await until(reader.caught_up)
    await asyncio.sleep(2)
    assert reader.inbox.restarts == 0  # with nothing to read, not moving is right
    session: Any = reader.inbox._session
    session._consumer.pause(*[TopicPartition(city.topic, partition) for partition in ALL])
    await city.append(range(50))
    await until(lambda: len(reader.taken) == 50)
    assert reader.inbox.restarts == 1
    assert in_order(reader.places)


async def test_a_topic_that_comes_late_is_read(infrastructure: Infrastructure) -> None:
    city = City(infrastructure.kafka, f"daiya.test.{uuid.uuid4().hex[:12]}")
    reader = city.reader()
    await reader.inbox.start()
    await asyncio.sleep(1)
    assert not reader.inbox.held
    await kafka.create_topics(city.address, {city.topic: PARTITIONS})
    await city.append(range(10))
    await until(lambda: len(reader.taken) == 10)
    await reader.inbox.stop()
    await city.log.close()


async def test_an_inbox_that_never_met_a_broker_can_be_stopped() -> None:
    reader = Reader("127.0.0.1:1", "daiya.test.nowhere")
    await reader.inbox.start()
    await asyncio.sleep(0.5)
    async with asyncio.timeout(3):
        await reader.inbox.stop()
    assert not reader.inbox.held


async def test_marks_of_transactions_are_no_lag(city: City) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=city.address, transactional_id=city.topic)
    await producer.start()
    for n in range(3):
        async with producer.transaction():
            await producer.send_and_wait(city.topic, str(n).encode(), partition=1)
    await producer.stop()
    reader = city.reader(watch_s=0.5)
    await reader.inbox.start()
    await until(reader.caught_up)
    assert reader.places == [(1, 0), (1, 2), (1, 4)]
    await asyncio.sleep(2)
    assert reader.inbox.restarts == 0
    assert reader.inbox.lag[1] == 0


async def test_a_broker_that_is_killed_and_comes_back(mortal_kafka: MortalKafka) -> None:
    """Twice: reader and writer go on by themselves, and nothing is missing."""
    topic = "daiya.test.mortal"
    await kafka.create_topics(mortal_kafka.address, {topic: PARTITIONS})
    city = City(mortal_kafka.address, topic)
    reader = city.reader(watch_s=5)
    await reader.inbox.start()
    await until(lambda: reader.inbox.held == ALL)
    wanted, appending = set[bytes](), True

    async def append() -> None:
        number = 0
        while appending:
            number += 1
            record = Record(f"folio-{number % 40}".encode(), str(number).encode(), ())
            while True:
                try:
                    await city.log.append(topic, record)
                    break
                except LogUnavailable:
                    pass
            wanted.add(record.value or b"")
            await asyncio.sleep(0.005)

    writer = asyncio.create_task(append())
    for _ in range(2):
        count = len(wanted)
        await until(lambda count=count: len(wanted) > count + 100)
        mortal_kafka.kill()
        await asyncio.sleep(6)
        await asyncio.to_thread(mortal_kafka.start)
        count = len(wanted)
        await until(lambda count=count: len(wanted) > count + 100, within_s=60)
    appending = False
    await writer
    await until(lambda: {one.record.value for one in reader.taken} >= wanted, within_s=60)
    assert in_order(dict.fromkeys(reader.places))
    assert len(reader.taken) < len(wanted) + 600  # at most the batches in hand came twice
    await reader.inbox.stop()
    await city.log.close()
