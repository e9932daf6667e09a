"""What runs underneath: Kafka and MongoDB from nothing, topics, processes never mistaken for others."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import MongoClient, WriteConcern

from contracts.envelope import PARTITIONS
from contracts.event import Role
from deploy import topics
from deploy.city import load_city
from deploy.embedded import jars
from deploy.embedded.choose import Infrastructure, docker_answers, infrastructure
from deploy.embedded.kafka import EmbeddedKafka, cluster_id
from deploy.embedded.mongo import EmbeddedMongo
from deploy.embedded.processes import (
    Child,
    Command,
    Identity,
    Ports,
    StartFailed,
    alive,
    identify,
    send,
    stop,
)
from deploy.nursery import Nursery
from deploy.stack import CHECKOUT, Stack
from deploy.stack_files import Busy, Record, locked, read_record, write_record
from services.runtime.settings import HouseSettings

CACHE = CHECKOUT / "build" / "cache"
SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


def sleeper(folder: Path, leashed: bool = True) -> Child:
    return Child(Command("sleeper", SLEEP, folder / "sleeper.log"), leashed)


def eventually(true: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


# -- Kafka and MongoDB --


class Nodes:
    """An embedded Kafka and MongoDB in one folder, that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        ports = Ports()
        self.kafka = EmbeddedKafka(folder / "kafka", folder / "kafka.log", ports.take("a"), ports.take("b"))
        self.mongo = EmbeddedMongo(folder / "mongodb", folder / "mongodb.log", ports.take("c"))
        self.children: list[Child] = []

    def start(self) -> None:
        mongod = Child(self.mongo.prepare(), leashed=True)
        self.children = [mongod]
        kafka = Child(self.kafka.prepare(CACHE), leashed=True)
        self.children.append(kafka)
        self.mongo.wait(mongod)
        self.kafka.wait(kafka)

    def kill(self) -> None:
        for child in self.children:
            child.stop(0)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path_factory.mktemp("nodes"))
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.kill()


async def produce(address: str, topic: str, key: bytes, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, value, key=key)


async def first_records(address: str, topic: str, count: int) -> list[bytes | None]:
    reader = AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest")
    async with reader, asyncio.timeout(20):
        return [(await reader.getone()).value for _ in range(count)]


async def test_what_was_written_is_still_there_after_both_were_killed(nodes: Nodes) -> None:
    inboxes = [("escrow", "here")]
    inbox = topics.inbox("escrow", "here")
    assert await topics.create_topics(nodes.kafka.address, inboxes) == [inbox, inbox + ".dead", inbox + ".public"]
    await produce(nodes.kafka.address, inbox, b"a folio", b"before")
    client: AsyncIOMotorClient[dict[str, int]] = AsyncIOMotorClient(nodes.mongo.address)
    journaled = client["test"]["kept"].with_options(write_concern=WriteConcern(w="majority", j=True))
    await journaled.insert_one({"number": 1})
    client.close()

    nodes.kill()
    await asyncio.to_thread(nodes.start)

    assert await topics.create_topics(nodes.kafka.address, inboxes) == []  # formatted anew it would be empty
    await produce(nodes.kafka.address, inbox, b"a folio", b"after")
    assert await first_records(nodes.kafka.address, inbox, 2) == [b"before", b"after"]
    with MongoClient[dict[str, int]](nodes.mongo.address) as again:
        assert [kept["number"] for kept in again["test"]["kept"].find()] == [1]


async def test_an_inbox_keeps_everything_and_has_the_partitions_of_the_contract(nodes: Nodes) -> None:
    await topics.create_topics(nodes.kafka.address, [("registry", "here")])
    inbox, dead = topics.inbox("registry", "here"), topics.dead_letters("registry", "here")
    feed = topics.public_feed("registry", "here")
    admin = AIOKafkaAdminClient(bootstrap_servers=nodes.kafka.address)
    await admin.start()
    try:
        described = {topic["topic"]: topic for topic in await admin.describe_topics([inbox, dead, feed])}
        answers = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name) for name in (inbox, dead, feed)]
        )
    finally:
        await admin.close()
    configs = {
        resource["resource_name"]: {
            entry["config_names"]: entry["config_value"] for entry in resource["config_entries"]
        }
        for answer in answers
        for resource in answer.to_object()["resources"]
    }
    assert len(described[inbox]["partitions"]) == PARTITIONS
    assert len(described[feed]["partitions"]) == PARTITIONS
    assert len(described[dead]["partitions"]) == 1
    for name in (inbox, dead, feed):
        assert configs[name]["retention.ms"] == "-1"
        assert configs[name]["retention.bytes"] == "-1"
        assert configs[name]["message.timestamp.type"] == "LogAppendTime"
    assert int(configs[dead]["max.message.bytes"]) > int(configs[inbox]["max.message.bytes"])


async def test_a_topic_with_another_number_of_partitions_is_refused(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await topics.create_topics(nodes.kafka.address, [("escrow", "elsewhere")])
    monkeypatch.setattr(topics, "TOPICS", ((topics.inbox, PARTITIONS + 1, topics.INBOX_MAX_BYTES),))
    with pytest.raises(topics.TopicMismatch):
        await topics.create_topics(nodes.kafka.address, [("escrow", "elsewhere")])


def test_a_cluster_id_is_never_mistaken_for_an_option() -> None:
    ids = {cluster_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert not [one for one in ids if one.startswith("-") or len(one) != 22]


def test_three_brokers_keep_three_copies_of_which_two_must_have_a_record() -> None:
    for topic in topics.wanted([("escrow", "here")], brokers=3):
        assert (topic.replication_factor, topic.topic_configs["min.insync.replicas"]) == (3, "2")
    for topic in topics.wanted([("escrow", "here")], brokers=1):
        assert (topic.replication_factor, topic.topic_configs["min.insync.replicas"]) == (1, "1")


def test_mongodb_moves_to_another_port_with_its_data(tmp_path: Path) -> None:
    ports = Ports()
    for port, expected in ((ports.take("first"), 0), (ports.take("second"), 1)):
        mongo = EmbeddedMongo(tmp_path / "data", tmp_path / "log", port)
        child = Child(mongo.prepare(), leashed=True)
        try:
            mongo.wait(child)
            with MongoClient[dict[str, int]](mongo.address) as client:
                kept = client["test"]["kept"]
                assert kept.count_documents({}) == expected
                kept.insert_one({})
        finally:
            child.stop(10)


def test_given_addresses_are_used_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAIYA_KAFKA", "kafka.example:9092")
    monkeypatch.setenv("DAIYA_MONGODB", "mongodb://mongo.example")
    said: list[str] = []
    with infrastructure(tmp_path, CACHE, said.append) as chosen:
        assert (chosen.kafka, chosen.mongodb) == ("kafka.example:9092", "mongodb://mongo.example")
    assert said == ["Kafka kafka.example:9092 (given), MongoDB mongodb://mongo.example (given)"]
    assert list(tmp_path.iterdir()) == []  # nothing was started


def test_without_docker_the_missing_one_is_embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-such.sock")
    monkeypatch.setenv("DAIYA_KAFKA", "kafka.example:9092")
    monkeypatch.delenv("DAIYA_MONGODB", raising=False)
    assert not docker_answers()
    said: list[str] = []
    with infrastructure(tmp_path, CACHE, said.append) as chosen:
        assert (chosen.kafka_by, chosen.mongodb_by) == ("given", "embedded")
        with MongoClient[dict[str, int]](chosen.mongodb) as client:
            assert client.admin.command("hello")["isWritablePrimary"]


# -- jars --


def test_a_forged_jar_in_the_cache_is_found_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = jars.locked()[0]
    genuine = Path(jars.class_path(CACHE).split(":")[0])
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    lock = tmp_path / "lock"
    lock.write_text(f"{good.sha256}  {good.name}\n")
    forged = tmp_path / "m2" / good.path
    forged.parent.mkdir(parents=True)
    forged.write_bytes(b"forged")

    def from_the_registry(_: object, jar: jars.Jar) -> Path:
        copy = tmp_path / "download.jar"
        copy.write_bytes(genuine.read_bytes() if jar == good else b"")
        return copy

    monkeypatch.setattr(jars, "_download", from_the_registry)
    assert jars.class_path(tmp_path / "cache", lock=lock) == str(forged)
    assert forged.read_bytes() == genuine.read_bytes()


def test_a_jar_that_the_registry_forges_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    lock = tmp_path / "lock"
    lock.write_text(f"{'0' * 64}  example:forged:1\n")

    def from_the_registry(_: object, __: jars.Jar) -> Path:
        download = tmp_path / "download.jar"
        download.write_bytes(b"not what was locked")
        return download

    monkeypatch.setattr(jars, "_download", from_the_registry)
    with pytest.raises(jars.WrongJar, match="example:forged:1"):
        jars.class_path(tmp_path / "cache", lock=lock)
    assert not list((tmp_path / "m2").rglob("*.jar"))


def test_a_checked_jar_is_hashed_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jars.class_path(tmp_path)  # checks and stamps
    hashed: list[Path] = []
    genuine = jars._sha256  # pyright: ignore[reportPrivateUsage]

    def counted(path: Path) -> str:
        hashed.append(path)
        return genuine(path)

    monkeypatch.setattr(jars, "_sha256", counted)
    first = Path(jars.class_path(tmp_path).split(":")[0])
    assert hashed == []
    stamp = tmp_path / "jars.json"
    noted = json.loads(stamp.read_text())
    noted[str(first)][2] -= 1  # as though the file had been touched since
    stamp.write_text(json.dumps(noted))
    jars.class_path(tmp_path)
    assert hashed == [first]


# -- processes --


def test_a_process_id_that_is_used_again_is_somebody_else(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    try:
        before = Identity(child.identity.pid, child.identity.started - 1, child.identity.boot)
        earlier_boot = Identity(child.identity.pid, child.identity.started, "another boot")
        for stale in (before, earlier_boot):
            assert not alive(stale)
            assert not send(stale, signal.SIGKILL)
            assert stop([stale], grace_s=0) == []
        assert alive(child.identity)
    finally:
        child.stop(0)
    assert not alive(child.identity)


def test_a_zombie_counts_as_ended(tmp_path: Path) -> None:
    process = subprocess.Popen(["true"])
    assert eventually(lambda: identify(process.pid) is None)  # nobody has waited for it yet
    process.wait()


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    deaf = f"{ignore}; print('deaf', flush=True); time.sleep(600)"
    child = Child(Command("deaf", (sys.executable, "-c", deaf), tmp_path / "log"), leashed=True)
    child.wait_until(lambda: "deaf" in (tmp_path / "log").read_text(), 10)
    assert stop([child.identity], grace_s=0.2) == [child.identity]
    assert child.ended() == -signal.SIGKILL or eventually(lambda: child.ended() == -signal.SIGKILL)


def test_a_child_that_ends_says_why_at_once(tmp_path: Path) -> None:
    child = Child(Command("broken", (sys.executable, "-c", "raise SystemExit('no paper')"), tmp_path / "log"), True)
    with pytest.raises(StartFailed, match=r"(?s)broken ended with status 1.*no paper"):
        child.wait_until(lambda: False, 30)


@pytest.mark.parametrize("leashed", [True, False])
def test_only_leashed_children_die_with_a_parent_that_is_killed(tmp_path: Path, leashed: bool) -> None:
    parent_code = f"""
import time
from pathlib import Path
from deploy.embedded.processes import Child, Command
child = Child(Command("sleeper", {SLEEP!r}, Path({str(tmp_path / "log")!r})), leashed={leashed})
print(child.identity.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, cwd=CHECKOUT)
    assert parent.stdout is not None
    child = identify(int(parent.stdout.readline()))
    assert child is not None
    parent.kill()
    parent.wait()
    try:
        assert eventually(lambda: not alive(child), within_s=5 if leashed else 0.5) == leashed
    finally:
        parent.stdout.close()
        send(child, signal.SIGKILL)


# -- the nursery --

FORKED = """
import os, sys, time
print(os.environ["WHO"], *sys.argv[1:], os.getcwd(), os.getsid(0) == os.getpid(), "json" in sys.modules, flush=True)
while sys.argv[1] == "stay":
    time.sleep(1)
raise SystemExit(3)
"""


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    """A nursery in a folder of its own, where the module `forked` is."""
    (tmp_path / "forked.py").write_text(FORKED)
    argv = (sys.executable, "-m", "deploy.nursery", "json")
    running = Nursery(Command("nursery", argv, tmp_path / "nursery.log", cwd=tmp_path), leashed=True)
    yield running
    running.close()


def forked(folder: Path, name: str, *arguments: str) -> Command:
    argv = (sys.executable, "-m", "forked", *arguments)
    return Command(name, argv, folder / f"{name}.log", {"WHO": name}, cwd=folder)


def test_what_a_nursery_forks_is_a_process_of_its_own(nursery: Nursery, tmp_path: Path) -> None:
    stays, ends = nursery.fork(forked(tmp_path, "one", "stay")), nursery.fork(forked(tmp_path, "two", "end"))
    for name, word in (("one", "stay"), ("two", "end")):
        log = tmp_path / f"{name}.log"
        assert eventually(lambda log=log: log.exists() and log.read_text().endswith("\n"))
        assert log.read_text() == f"{name} {word} {tmp_path} True True\n"
    assert eventually(lambda: ends.ended() == 3)
    assert stays.ended() is None
    stays.signal(signal.SIGKILL)
    assert eventually(lambda: stays.ended() == -signal.SIGKILL)
    assert ends.ended() == 3  # however often it is asked


def test_what_a_nursery_forks_on_a_leash_ends_with_it_and_nothing_more_comes(nursery: Nursery, tmp_path: Path) -> None:
    stays = nursery.fork(forked(tmp_path, "one", "stay"))
    nursery.close()
    assert eventually(lambda: stays.ended() is not None)
    with pytest.raises(StartFailed, match="two was not started: the nursery has ended"):
        nursery.fork(forked(tmp_path, "two", "stay"))


def test_a_nursery_that_cannot_import_says_why(tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "deploy.nursery", "no_such_module")
    broken = Nursery(Command("nursery", argv, tmp_path / "nursery.log"), leashed=True)
    with pytest.raises(StartFailed, match=r"(?s)one was not started.*No module named 'no_such_module'"):
        broken.fork(forked(tmp_path, "one", "stay"))
    broken.close()


def test_a_nursery_does_not_fork_a_process_with_threads(tmp_path: Path) -> None:
    (tmp_path / "threads.py").write_text(
        "import threading, time; threading.Thread(target=time.sleep, args=(2,)).start()"
    )
    argv = (sys.executable, "-m", "deploy.nursery", "threads")
    threaded = Nursery(Command("nursery", argv, tmp_path / "nursery.log", cwd=tmp_path), leashed=True)
    with pytest.raises(StartFailed, match="importing has started threads"):
        threaded.fork(forked(tmp_path, "one", "stay"))
    threaded.close()


# -- what a stack notes of itself --


@pytest.fixture
def noted(tmp_path: Path) -> Iterator[tuple[Path, dict[str, Child]]]:
    """A folder with the note of a complete stack of two processes, and those processes."""
    children = {name: sleeper(tmp_path, leashed=False) for name in ("kafka", "escrow.liaocheng-notary")}
    record = Record({name: child.identity for name, child in children.items()}, complete=True)
    write_record(tmp_path / "build" / "run" / "stack.json", record)
    yield tmp_path, children
    for child in children.values():
        child.stop(0)


def test_a_running_stack_is_recognised_and_stopped(noted: tuple[Path, dict[str, Child]]) -> None:
    root, children = noted
    stack = Stack(root)
    assert stack.status().verdict == "running"
    assert not stack.up()
    assert all(child.ended() is None for child in children.values())
    assert sorted(stack.down()) == sorted(children)
    assert all(eventually(lambda child=child: child.ended() is not None) for child in children.values())
    assert stack.status().verdict == "nothing"
    assert stack.down() == []


def test_a_stack_of_which_something_ended_is_broken_and_says_what(
    noted: tuple[Path, dict[str, Child]],
) -> None:
    root, children = noted
    children["kafka"].stop(0)
    status = Stack(root).status()
    assert (status.verdict, status.running, status.ended) == (
        "broken",
        ["escrow.liaocheng-notary"],
        ["kafka"],
    )


def test_a_stack_whose_start_was_cut_short_is_broken(noted: tuple[Path, dict[str, Child]]) -> None:
    root, _ = noted
    path = root / "build" / "run" / "stack.json"
    record = read_record(path)
    record.complete = False
    write_record(path, record)
    assert Stack(root).status().verdict == "broken"


def test_a_stale_note_kills_nobody(noted: tuple[Path, dict[str, Child]]) -> None:
    root, children = noted
    path = root / "build" / "run" / "stack.json"
    record = read_record(path)
    record.children = {n: Identity(who.pid, who.started - 1, who.boot) for n, who in record.children.items()}
    write_record(path, record)
    assert Stack(root).down() == []
    assert all(child.ended() is None for child in children.values())


def test_two_ups_at_once_are_refused(tmp_path: Path) -> None:
    with locked(tmp_path / "build" / "run" / "lock"), pytest.raises(Busy):
        Stack(tmp_path).up()


def test_keys_and_tokens_are_for_their_owner_alone_and_stay_the_same(
    noted: tuple[Path, dict[str, Child]],
) -> None:
    root, _ = noted
    before = os.umask(0)
    try:
        first, second = Stack(root), Stack(root)
        first.up()
        second.up()
    finally:
        os.umask(before)
    assert first.token("escrow") == second.token("escrow", "liaocheng-notary")
    assert len({first.token(role) for role in ("escrow", "registry", "seller_bank")}) == 3
    secret = [root / "build/run/tokens.json", *(root / "build/run/tokens").iterdir()]
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}


async def test_the_live_tests_get_a_kafka_and_a_mongodb_that_work(infra: Infrastructure) -> None:
    created = await topics.create_topics(infra.kafka, [("escrow", f"probe-{os.getpid()}")])
    assert len(created) == 3
    with MongoClient[dict[str, int]](infra.mongodb) as client:
        assert client["probe"]["probe"].with_options(write_concern=WriteConcern("majority", j=True)).insert_one({})


def test_every_institution_of_liaocheng_has_settings_that_its_service_takes() -> None:
    institutions = load_city("liaocheng").institutions
    assert [one.role for one in institutions] == list(Role)
    houses = {
        one.role.value: HouseSettings.model_validate({"title": one.title, **one.settings}) for one in institutions
    }
    assert houses["escrow"].deposit_account in houses["escrow"].accounts
    assert houses["seller_bank"].accounts
    for lender in ("buyer_bank", "fund_center"):
        assert houses[lender].loan_account in houses[lender].accounts
