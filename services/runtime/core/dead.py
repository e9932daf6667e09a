"""What a dead letter is named by, and its record as JSON values, so that a command can hand it in again. Pure."""

import hashlib
from base64 import b64decode, b64encode
from typing import Self

from pydantic import BaseModel, ConfigDict

from contracts.envelope import Envelope, Malformed, Record, decode
from services.runtime.core.file import Struck, known_by


class KeptBytes(BaseModel):
    """Bytes as JSON can hold them: `text` where they are UTF-8, else `base64`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    text: str | None = None
    base64: str | None = None

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """These bytes."""
        try:
            return cls(text=raw.decode())
        except UnicodeDecodeError:
            return cls(base64=b64encode(raw).decode())

    @property
    def raw(self) -> bytes:
        """The bytes as they were. Raises ValueError where `base64` is not base64."""
        return self.text.encode() if self.text is not None else b64decode(self.base64 or "", validate=True)


class KeptHeader(BaseModel):
    """One header of a record; `value` None is Kafka's null."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    value: KeptBytes | None = None


class KeptRecord(BaseModel):
    """A record of the inbox, whole: key, value and every header in its order."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: KeptBytes | None = None
    value: KeptBytes | None = None
    headers: tuple[KeptHeader, ...] = ()

    @classmethod
    def of(cls, record: Record) -> Self:
        """This record. A null header is None in it, against its type."""
        headers = tuple(KeptHeader(name=name, value=_kept(value)) for name, value in record.headers)
        return cls(key=_kept(record.key), value=_kept(record.value), headers=headers)

    def record(self) -> Record:
        """The record as it was, byte by byte."""
        headers = tuple((header.name, _raw(header.value)) for header in self.headers)
        return Record(_raw(self.key), _raw(self.value), headers)  # pyright: ignore[reportArgumentType] null headers


def dead_letter_id(record: Record, place: tuple[int, int]) -> str:
    """The name of a dead letter: 32 hex digits. `place` is partition and offset of the record in the inbox.

    A word that can be told from others has one name, however often it came or was written among the dead letters; a
    record that is no envelope is told by its place and its bytes.
    """
    try:
        return word_id(decode(record, place[0]))
    except Malformed:
        content = hashlib.sha256((record.key or b"") + b"\n" + (record.value or b"")).hexdigest()
        return _name("record", str(place[0]), str(place[1]), content)


def word_id(envelope: Envelope) -> str:
    """The name of a dead letter whose envelope can be read."""
    e = envelope
    return _name("word", e.key, e.source, known_by(e.id, e.source, e.sequence), e.digest())


def struck_id(key: str, struck: Struck) -> str:
    """The same, from what is on file of it under a subject's key."""
    return _name("word", key, struck.source, struck.known_by, struck.digest)


def _name(*parts: str) -> str:
    return hashlib.sha256("\n".join(("dead letter", *parts)).encode()).hexdigest()[:32]


def _kept(raw: bytes | None) -> KeptBytes | None:
    return None if raw is None else KeptBytes.of(raw)


def _raw(kept: KeptBytes | None) -> bytes | None:
    return None if kept is None else kept.raw
