"""The infrastructure under its short name, and a Kafka of its own for a test that kills it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.choose import Infrastructure
from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.processes import Child, Ports
from tests.conftest import CACHE


class MortalKafka:
    """One node on a port and in a folder of its own, which keeps its data when it is killed."""

    def __init__(self, folder: Path) -> None:
        ports = Ports()
        listeners = ports.take("kafka"), ports.take("kafka controller")
        self._node = EmbeddedKafka(folder / "kafka", folder / "kafka.log", *listeners)
        self._child: Child | None = None
        self.address = self._node.address

    def start(self) -> None:
        self._child = Child(self._node.prepare(CACHE), leashed=True)
        self._node.wait(self._child)

    def kill(self) -> None:
        """As a power cut does, but for the disk."""
        if self._child is not None:
            self._child.signal(signal.SIGKILL)
            self._child.stop(0)


@pytest.fixture(scope="session")
def infra(infrastructure: Infrastructure) -> Infrastructure:
    """Addresses of the one Kafka and the one MongoDB of this run."""
    return infrastructure


@pytest.fixture
def mortal_kafka(tmp_path: Path) -> Iterator[MortalKafka]:
    kafka = MortalKafka(tmp_path)
    kafka.start()
    yield kafka
    kafka.kill()
