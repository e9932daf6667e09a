"""Apache Kafka's jars: exactly those of the lock file, fetched once, checked by SHA-256 on every machine.

The lock (`kafka.lock`) holds one line per jar, `sha256  group:artifact:version`, and no address: jgo, a Maven
resolver in Python, knows the public one. The jars lie in Maven's own local repository (`$M2_REPO`, else
`~/.m2/repository`; below the project's `build/cache` where the home folder cannot be written), because it is
shared by all checkouts of a user, survives `make clean`, and a poisoned file in it is found by the hash.
Write the lock anew with `python -m deploy.embedded.jars`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK = Path(__file__).with_name("kafka.lock")
PARALLEL = 8
ATTEMPTS = 3

# The trailing "!" keeps log4j's managed versions out: they would pull kafka-clients down to 3.9.1, and Kafka
# does not start. Without the logging artifact Kafka's log vanishes.
ROOTS = "org.apache.kafka:kafka_2.13:4.3.1+org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"


class WrongJar(RuntimeError):
    """A fetched file is not the one that was locked."""


class CannotFetch(RuntimeError):
    """A jar is neither cached nor to be had from the registry."""


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    sha256: str
    group: str
    artifact: str
    version: str

    @property
    def name(self) -> str:
        """`group:artifact:version`."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def path(self) -> str:
        """Where it lies below a Maven repository."""
        folder = f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}"
        return f"{folder}/{self.artifact}-{self.version}.jar"


def locked(lock: Path = LOCK) -> list[Jar]:
    """The jars of a lock file, in its order."""
    jars: list[Jar] = []
    for line in lock.read_text().splitlines():
        sha256, name = line.split()
        jars.append(Jar(sha256, *name.split(":")))
    return jars


def repository(cache: Path) -> Path:
    """The local Maven repository to use: see the head of this file.

    `cache` is the project's own `build/cache`.
    """
    if named := os.environ.get("M2_REPO"):
        return Path(named)
    shared = Path.home() / ".m2" / "repository"
    try:
        shared.mkdir(parents=True, exist_ok=True)
    except OSError:
        return cache / "m2"
    return shared if os.access(shared, os.W_OK) else cache / "m2"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(context: MavenContext, jar: Jar) -> Path:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            project = context.project(jar.group, jar.artifact)
            return Path(project.at_version(jar.version).artifact().resolve())
        except (OSError, RuntimeError) as reason:  # of requests; of jgo, which says so for "not found"
            (context.repo_cache / jar.path).unlink(missing_ok=True)  # half a file, or jgo would take it for whole
            if attempt == ATTEMPTS:
                raise CannotFetch(f"{jar.name} is not cached and cannot be fetched: {reason}") from reason
            time.sleep(attempt)
    raise AssertionError("the last attempt returns or raises")


def _fetch_one(jar: Jar, into: Path) -> None:
    """Fetch beside its place, check, then move: no half download ever lies where a good jar belongs."""
    from jgo.maven import MavenContext  # half a second of imports that a second start does not need

    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".fetching-") as aside:
        got = _download(MavenContext(repo_cache=Path(aside)), jar)
        if (found := _sha256(got)) != jar.sha256:
            raise WrongJar(f"{jar.name}: the registry gave a file with SHA-256 {found}, locked is {jar.sha256}")
        target = into / jar.path
        target.parent.mkdir(parents=True, exist_ok=True)
        got.replace(target)


def _facts(path: Path) -> list[int]:
    """What changes when a file does: size and time of change."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _stamped(stamp: Path) -> dict[str, list[object]]:
    try:
        return json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}


def class_path(cache: Path, say: Callable[[str], None] = lambda _: None, lock: Path = LOCK) -> str:
    """All jars of the lock, present and checked, as a Java class path. `say` hears what is fetched.

    After a check the size and time of every jar are noted in `cache`, and only what changed since is hashed
    again. A cached jar with another hash is fetched anew. CannotFetch offline with an empty cache, WrongJar
    for a forged file.
    """
    into, stamp = repository(cache), cache / "jars.json"
    known, jars = _stamped(stamp), locked(lock)

    def good(jar: Jar) -> bool:
        path = into / jar.path
        if not path.is_file():
            return False
        return known.get(str(path)) == [jar.sha256, *_facts(path)] or _sha256(path) == jar.sha256

    if missing := [jar for jar in jars if not good(jar)]:
        say(f"fetching {len(missing)} of Kafka's {len(jars)} jars (44 MB in all, once)")
        with ThreadPoolExecutor(PARALLEL) as pool:
            try:
                for _ in pool.map(lambda jar: _fetch_one(jar, into), missing):
                    pass
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    now = {str(into / jar.path): [jar.sha256, *_facts(into / jar.path)] for jar in jars}
    if now != known:
        cache.mkdir(parents=True, exist_ok=True)
        fresh = stamp.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(now))
        fresh.replace(stamp)
    return ":".join(now)


def write_lock(lock: Path = LOCK) -> int:
    """Resolve ROOTS against the registry and write down what was found; returns the number of jars."""
    import jgo

    found = tomllib.loads(Path(jgo.build(ROOTS).lock_path).read_text())["dependencies"]
    lines = sorted(f"{jar['sha256']}  {jar['groupId']}:{jar['artifactId']}:{jar['version']}\n" for jar in found)
    lock.write_text("".join(lines))
    return len(lines)


if __name__ == "__main__":
    print(write_lock(), "jars locked")
