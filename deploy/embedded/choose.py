"""Kafka and MongoDB for tests: at given addresses, else in containers where Docker answers, else embedded.

`DAIYA_KAFKA` and `DAIYA_MONGODB` count each for itself. Containers run the images that a deployment would;
the embedded stack runs the same Kafka version and MongoDB 6.0 as child processes that end with the test run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deploy.embedded.kafka import PROPERTIES, EmbeddedKafka
from deploy.embedded.mongo import REPLICA_SET, EmbeddedMongo, await_container
from deploy.embedded.processes import Child, Command, Ports

KAFKA_IMAGE = "apache/kafka:4.3.1"
MONGO_IMAGE = "mongo:8.0"
DOCKER_WITHIN_S = 2
KAFKA_INSIDE, CONTROLLER_INSIDE, MONGO_INSIDE = 9092, 9093, 27017


@dataclass(frozen=True)
class Infrastructure:
    """Addresses for clients, and by which way each was come by: `given`, `container` or `embedded`."""

    kafka: str
    mongodb: str
    kafka_by: str
    mongodb_by: str

    def __str__(self) -> str:
        return f"Kafka {self.kafka} ({self.kafka_by}), MongoDB {self.mongodb} ({self.mongodb_by})"


def docker_answers() -> bool:
    """Whether a Docker daemon answers within two seconds."""
    import docker  # comes with testcontainers; a second of imports that given addresses do not need
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=DOCKER_WITHIN_S)
    except DockerException:
        return False
    try:
        return client.ping()
    except (DockerException, OSError):
        return False
    finally:
        client.close()


@dataclass(frozen=True)
class Started:
    """Something that comes up: where it will be, and how to wait until it is there."""

    address: str
    wait: Callable[[], None]


@contextmanager
def infrastructure(directory: Path, cache: Path, say: Callable[[str], None] = print) -> Iterator[Infrastructure]:
    """Kafka and MongoDB while the block runs; `say` hears what was chosen.

    `directory` is for data and logs, `cache` the project's `build/cache`. Raises StartFailed, CannotFetch,
    WrongJar, and Docker's own errors where a container does not start.
    """
    kafka, mongodb = os.environ.get("DAIYA_KAFKA"), os.environ.get("DAIYA_MONGODB")
    kafka_by = mongodb_by = "given"
    containers = not (kafka and mongodb) and docker_answers()
    here = "container" if containers else "embedded"
    with ExitStack() as kept:
        started: list[Started] = []
        ports = Ports()
        if not mongodb:
            started.append(_mongo_container(kept) if containers else _mongo_child(kept, directory, ports))
            mongodb, mongodb_by = started[-1].address, here
        if not kafka:
            kafka_child = partial(_kafka_child, kept, directory, cache, ports, say)
            started.append(_kafka_container(kept, ports) if containers else kafka_child())
            kafka, kafka_by = started[-1].address, here
        for one in started:  # both come up at the same time
            one.wait()
        chosen = Infrastructure(kafka, mongodb, kafka_by, mongodb_by)
        say(str(chosen))
        yield chosen


def _mongo_child(kept: ExitStack, directory: Path, ports: Ports) -> Started:
    mongo = EmbeddedMongo(directory / "mongodb", directory / "logs" / "mongodb.log", ports.take("mongodb"))
    child = _child(kept, mongo.prepare())
    return Started(mongo.address, lambda: mongo.wait(child))


def _kafka_child(kept: ExitStack, directory: Path, cache: Path, ports: Ports, say: Callable[[str], None]) -> Started:
    listeners = ports.take("kafka"), ports.take("kafka controller")
    node = EmbeddedKafka(directory / "kafka", directory / "logs" / "kafka.log", *listeners)
    child = _child(kept, node.prepare(cache, say))
    return Started(node.address, lambda: node.wait(child))


def _child(kept: ExitStack, command: Command) -> Child:
    child = Child(command, leashed=True)
    kept.callback(child.stop, 0)  # its data is thrown away: nothing it could still write matters
    return child


def _kafka_container(kept: ExitStack, ports: Ports) -> Started:
    """Plain DockerContainer: testcontainers' KafkaContainer starts Confluent's images only."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    port = ports.take("kafka")  # known beforehand, since the broker tells it to its clients
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(KAFKA_INSIDE, port)
    address = f"{container.get_container_host_ip()}:{port}"
    settings: dict[str, str] = {}
    for line in PROPERTIES.splitlines():
        name, _, value = line.partition("=")
        settings[name] = value
    settings |= {
        "listeners": f"PLAINTEXT://:{KAFKA_INSIDE},CONTROLLER://:{CONTROLLER_INSIDE}",
        "advertised.listeners": f"PLAINTEXT://{address}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "controller.quorum.voters": f"1@localhost:{CONTROLLER_INSIDE}",
        "log.dirs": "/tmp/kafka-data",  # noqa: S108  in the container, which goes away
    }
    for name, value in settings.items():
        container.with_env(f"KAFKA_{name.replace('.', '_').upper()}", value)
    container.waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    kept.enter_context(container)  # waits until it is up
    return Started(address, lambda: None)


def _mongo_container(kept: ExitStack) -> Started:
    """Plain DockerContainer: testcontainers' MongoDbContainer makes no replica set."""
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(MONGO_IMAGE).with_exposed_ports(MONGO_INSIDE)
    container.with_command(f"--replSet {REPLICA_SET} --bind_ip_all")
    kept.enter_context(container)
    # Directly: the member's own name is one that only the container knows.
    at = f"{container.get_container_host_ip()}:{container.get_exposed_port(MONGO_INSIDE)}"
    return Started(f"mongodb://{at}/?directConnection=true", lambda: await_container(at))
