"""A round on a peer, or on the ceiling: Kafka and MongoDB of the embedded stack, as Daiya has them, and nothing else.

The peer's round is measured as Daiya's: cases are complete when every record of their trace stands in an inbox of a
database; processor time is the kernel's. The ceiling is the same bytes and counts without any work: each record
appended once by aiokafka and consumed once, and one document inserted for it in bulks.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection

from benchmarks.figures import Measured
from benchmarks.peers.peer import DATABASE, payload
from benchmarks.peers.trace import Step, Trace, read_trace
from benchmarks.processes import all_taken, machine_busy_s
from contracts.envelope import PARTITIONS, partition_of
from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.mongo import EmbeddedMongo
from deploy.embedded.processes import Child, Command, Ports, Running
from deploy.stack import CHECKOUT
from deploy.topics import KEPT

LANES = {"naive FastStream": 1, "FastStream, 16 lanes": 16}
CEILING = "ceiling: aiokafka and bulk inserts alone"
VARIANTS = (*LANES, CEILING)
WITHIN_S = 300.0
POLL_S = 0.2
BULK = 500
CEILING_WARMING = 5


@dataclass(frozen=True, slots=True)
class Brokers:
    """Kafka and MongoDB, running."""

    kafka: str
    mongodb: str
    children: dict[str, Running]


@contextmanager
def brokers() -> Iterator[Brokers]:
    """Of one's own, in a folder that goes with them."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(TemporaryDirectory(prefix="daiya-bench-")))
        ports, children = Ports(), dict[str, Running]()
        mongo = EmbeddedMongo(folder / "mongodb", folder / "mongodb.log", ports.take("mongodb"))
        kafka_ports = ports.take("kafka"), ports.take("kafka controller")
        kafka = EmbeddedKafka(folder / "kafka", folder / "kafka.log", *kafka_ports)
        for name, one, command in (
            ("mongodb", mongo, mongo.prepare()),
            ("kafka", kafka, kafka.prepare(CHECKOUT / "build" / "cache")),
        ):
            child = children[name] = Child(command, leashed=True)
            closing.callback(child.stop, 0)
            one.wait(child)
        yield Brokers(kafka.address, mongo.address, children)


def play(variant: str, cases: int) -> Measured:
    """A round. Raises TimeoutError where the peer does not come to an end."""
    trace = read_trace()
    with brokers() as on, ExitStack() as closing:
        asyncio.run(create_topics(on.kafka, trace))
        if variant == CEILING:
            return asyncio.run(_ceiling(on, trace, cases))
        logs = Path(closing.enter_context(TemporaryDirectory(prefix="daiya-bench-")))
        for n, topic in enumerate(trace.topics):
            argv = (sys.executable, "-m", "benchmarks.peers.peer", on.kafka, on.mongodb, topic, str(LANES[variant]))
            command = Command(f"peer {n}", argv, logs / f"{n}.log", cwd=CHECKOUT)
            child = on.children[command.name] = Child(command, leashed=True)
            closing.callback(child.stop, 0)
        return asyncio.run(_peer(on, trace, variant, cases))


async def create_topics(kafka: str, trace: Trace) -> None:
    """The trace's topics, as Daiya's are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=dict(KEPT)) for topic in trace.topics])
        while True:
            described = await admin.describe_topics(list(trace.topics))
            if all(part["leader"] >= 0 for one in described for part in one["partitions"]):
                return
            await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def _peer(on: Brokers, trace: Trace, variant: str, cases: int) -> Measured:
    producer = AIOKafkaProducer(bootstrap_servers=on.kafka, acks="all", enable_idempotence=True)
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(on.mongodb)
    await producer.start()
    try:
        await _bring(producer, trace, "warming", 1)
        await _taken(client, trace, 1)
        before, busy_s, began = _processes(on), machine_busy_s(), time.monotonic()
        await _bring(producer, trace, "case", cases)
        inboxes = await _taken(client, trace, 1 + cases)
        took_s = time.monotonic() - began
    finally:
        await producer.stop()
        await client.close()
    return _measured(on, trace, variant, cases, took_s, before, busy_s, min(inboxes) - 1)


def _processes(on: Brokers) -> dict[str, float]:
    pids = {name: child.identity.pid for name, child in on.children.items()}
    return {name: one.processor_s for name, one in all_taken(pids).items()}


def _measured(
    on: Brokers,
    trace: Trace,
    variant: str,
    cases: int,
    took_s: float,
    before: dict[str, float],
    busy_s: float,
    completed: int,
) -> Measured:
    taken = all_taken({name: child.identity.pid for name, child in on.children.items()})
    processor_s: dict[str, float] = {}
    memory: dict[str, int] = {}
    for name, one in taken.items():
        kind = name.split()[0]
        processor_s[kind] = processor_s.get(kind, 0.0) + one.processor_s - before[name]
        memory[kind] = memory.get(kind, 0) + one.memory_bytes
    counts = [sum(step.topic == n for step in trace.steps) * cases for n in range(len(trace.topics))]
    return Measured(
        variant=variant,
        cases=cases,
        completed=completed,
        paid=completed,
        took_s=took_s,
        drained_s=took_s,
        records=dict(zip(trace.topics, counts, strict=True)),
        processor_s=processor_s,
        memory_bytes=memory,
        others_s=max(0.0, machine_busy_s() - busy_s - sum(processor_s.values())),
    )


async def _bring(producer: AIOKafkaProducer, trace: Trace, name: str, cases: int) -> None:
    for n in range(cases):
        case = f"{name}-{n}"
        for step in trace.roots:
            topic, place = trace.topics[step.topic], partition_of(case)
            await producer.send(topic, payload(case, step), case.encode(), partition=place)
    await producer.flush()


async def _taken(client: AsyncMongoClient[dict[str, object]], trace: Trace, cases: int) -> list[int]:
    """Wait until every service has taken every record of so many cases; how many cases each has taken whole."""
    steps = [sum(step.topic == n for step in trace.steps) for n in range(len(trace.topics))]
    async with asyncio.timeout(WITHIN_S):
        while True:
            counts = [
                await client[f"{DATABASE}_{n}"].inbox.estimated_document_count() for n in range(len(trace.topics))
            ]
            whole = [count // of_case for count, of_case in zip(counts, steps, strict=True) if of_case]
            if min(whole) >= cases:
                return whole
            await asyncio.sleep(POLL_S)


async def _ceiling(on: Brokers, trace: Trace, cases: int) -> Measured:
    """This process is the peer: what it takes counts."""
    producer = AIOKafkaProducer(bootstrap_servers=on.kafka, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(bootstrap_servers=on.kafka, auto_offset_reset="earliest", group_id=None)
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(on.mongodb)
    inserted = client.get_database(DATABASE, write_concern=WriteConcern("majority", j=True)).inserted
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(topic, p) for topic in trace.topics for p in range(PARTITIONS)])
    try:
        await _through(producer, consumer, inserted, trace, "warming", CEILING_WARMING)
        before, busy_s, began, mine = _processes(on), machine_busy_s(), time.monotonic(), time.process_time()
        await _through(producer, consumer, inserted, trace, "case", cases)
        took_s, mine = time.monotonic() - began, time.process_time() - mine
        completed = await inserted.count_documents({"case": "case"}) // len(trace.steps)
    finally:
        await consumer.stop()
        await producer.stop()
        await client.close()
    found = _measured(on, trace, CEILING, cases, took_s, before, busy_s, completed)
    return replace(
        found, processor_s={**found.processor_s, "peer": mine}, memory_bytes={**found.memory_bytes, "peer": 0}
    )


async def _through(
    producer: AIOKafkaProducer,
    consumer: AIOKafkaConsumer,
    inserted: AsyncCollection[dict[str, object]],
    trace: Trace,
    name: str,
    cases: int,
) -> None:
    """Append every record of so many cases, consume it, insert it."""
    whole = [(step, f"{name}-{n}") for n in range(cases) for step in trace.steps]
    sending = asyncio.create_task(_append_all(producer, trace, whole))
    left = len(whole)
    async with asyncio.timeout(WITHIN_S):
        while left:
            for records in (await consumer.getmany(timeout_ms=200, max_records=BULK)).values():
                documents: list[dict[str, object]] = [{"case": name, "value": record.value} for record in records]
                await inserted.insert_many(documents, ordered=False)
                left -= len(records)
        await sending


async def _append_all(producer: AIOKafkaProducer, trace: Trace, whole: list[tuple[Step, str]]) -> None:
    for step, case in whole:
        topic = trace.topics[step.topic]
        await producer.send(topic, payload(case, step), case.encode(), partition=partition_of(case))
    await producer.flush()
