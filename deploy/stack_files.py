"""What a stack keeps on disk: what it started, its addresses, and the keys and tokens of its institutions."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy.city import Institution, Observer
from deploy.embedded.processes import Identity, alive

KEY_BYTES = 32
TOKEN_BYTES = 24


class Busy(RuntimeError):
    """Another `up` or `down` is at work on the same folder."""


@dataclass(frozen=True)
class Addresses:
    """Where everything listens.

    `kafka` is `host:port` (several by commas), `mongodb` a connection string, the others URLs.
    """

    kafka: str
    mongodb: str
    rail: str
    desks: Mapping[str, Mapping[str, str]]  # role → institution → URL
    observer: str = ""  # empty where the city has none


@dataclass
class Record:
    """What a stack noted of itself.

    `children` is in the order of starting; `complete` once everything was ready.
    """

    children: dict[str, Identity] = field(default_factory=dict[str, Identity])
    ports: dict[str, int] = field(default_factory=dict[str, int])
    addresses: Addresses | None = None
    complete: bool = False

    def running(self) -> list[str]:
        """The names of those children that still run."""
        return [name for name, who in self.children.items() if alive(who)]


def write_json(path: Path, value: Any, mode: int = 0o644) -> None:
    """Replace a file whole: a reader sees the old or the new one.

    It never has wider rights than `mode`, not even briefly.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.write("\n")
    fresh.replace(path)


def read_record(path: Path) -> Record:
    """The record at `path`, an empty one when there is none or it cannot be read."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return Record(
            children={name: Identity(**who) for name, who in raw["children"].items()},
            ports=raw["ports"],
            addresses=Addresses(**raw["addresses"]) if raw["addresses"] else None,
            complete=raw["complete"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Record()


def write_record(path: Path, record: Record) -> None:
    """Note `record` at `path`."""
    write_json(path, asdict(record))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; Busy when another process does.

    The kernel lets go of it when the holder ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"another up or down is at work in {path.parent}") from None
        yield


def _secret(path: Path, fresh: str) -> str:
    """The text in `path`; `fresh`, written there for the owner's eyes only, when there is none yet."""
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(fresh + "\n")
    return fresh


def give_key(folder: Path, institution: Institution) -> Path:
    """The file with its HMAC key in hexadecimal; made once, since what it signed lies in the log for ever."""
    path = folder / f"{institution.key}.hex"
    _secret(path, secrets.token_hex(KEY_BYTES))
    return path


def give_token(folder: Path, institution: Institution | Observer) -> tuple[Path, str]:
    """The file that tells the desk whose a bearer token is (`{token: clerk}`), and the clerk's token."""
    path = folder / f"{institution.key}.json"
    if path.exists():
        return path, next(iter(json.loads(path.read_text(encoding="utf-8"))))
    token = secrets.token_urlsafe(TOKEN_BYTES)
    write_json(path, {token: institution.clerk}, mode=0o600)
    return path, token
