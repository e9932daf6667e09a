"""The envelope: CloudEvents 1.0 in binary mode on a Kafka record, strictly.

One record carries one fact. Key and `partitionkey` are the subject in the sense of architecture decision 2 (mostly
the unit number of the folio); CloudEvents' own `subject` is the case. Reading is strict: whatever is missing, twice,
not UTF-8, not JSON, too large or in a partition where its key does not belong is Malformed, with the place and why,
and the record goes to the dead letters as it came.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from contracts.event import Role
from contracts.values import canonical_json

PARTITIONS = 6
MAX_VALUE_BYTES = 256 * 1024
CONTENT_TYPE = b"application/json"

_REQUIRED = ("id", "source", "specversion", "type", "time", "partitionkey", "signature")
_KNOWN = frozenset((*_REQUIRED, "subject", "sequence", "causationid"))
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SOURCE = re.compile(r"/([a-z_]+)/([a-z0-9][a-z0-9-]{1,40})")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_SEQUENCE = re.compile(r"[1-9][0-9]{0,11}")
_TYPE = re.compile(r"daiya\.[a-z0-9.-]{1,100}\.v[0-9]{1,3}")


class Malformed(ValueError):
    """A record that is no envelope. `where` is the header or the part, `why` what is wrong with it."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record as it goes over the wire, without its topic."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A fact on its way: the attributes of CloudEvents that we use, and its JSON bytes."""

    id: str
    source: str
    type: str
    case: str
    time: datetime
    key: str
    sequence: int | None
    cause: str | None
    data: bytes
    signature: str = ""

    @property
    def speaker(self) -> tuple[Role, str]:
        """Role and name of the institution that says it."""
        return parse_source(self.source)

    def signed_bytes(self) -> bytes:
        """What the signature covers: every attribute, each with its name and length, and the data."""
        parts = [f"{name}:{len(value.encode())}:{value}\n" for name, value in _attributes(self) if name != "signature"]
        return "".join(parts).encode() + self.data

    def digest(self) -> str:
        """The same for the same words however they travel: type, case, key, sequence and data; sha256, hex."""
        head = f"{self.type}\n{self.case}\n{self.key}\n{self.sequence}\n"
        return hashlib.sha256(head.encode() + self.data).hexdigest()


def source(role: Role, institution: str) -> str:
    """`/escrow/liaocheng-notary`."""
    return f"/{role.value}/{institution}"


def parse_source(text: str) -> tuple[Role, str]:
    """Role and institution of a source. Raises Malformed."""
    match = _SOURCE.fullmatch(text)
    if match is None or match[1] not in Role:
        raise Malformed("ce_source", f"{text[:80]!r} is not /role/institution")
    return Role(match[1]), match[2]


def inbox(role: Role, institution: str) -> str:
    """The topic that an institution owns and alone reads."""
    return f"daiya.{role.value}.{institution}"


def dead_letters(role: Role, institution: str) -> str:
    """The topic of what an institution could not accept."""
    return f"{inbox(role, institution)}.dead"


def wire_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: one form only, so that equal times are equal bytes."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def encode(envelope: Envelope) -> Record:
    """The record that carries this envelope."""
    headers = [(f"ce_{name}", value.encode()) for name, value in _attributes(envelope)]
    headers.append(("content-type", CONTENT_TYPE))
    return Record(envelope.key.encode(), envelope.data, tuple(headers))


def decode(record: Record, partition: int | None = None, partitions: int = PARTITIONS) -> Envelope:
    """The envelope in a record; with `partition` given, that its key belongs there is checked too.

    Raises Malformed.
    """
    if record.value is None:
        raise Malformed("value", "empty (a tombstone)")
    if len(record.value) > MAX_VALUE_BYTES:
        raise Malformed("value", f"{len(record.value)} bytes, more than {MAX_VALUE_BYTES}")
    attributes = _read_headers(record.headers)
    key = attributes["partitionkey"]
    if record.key != key.encode():
        raise Malformed("key", "differs from ce_partitionkey")
    if partition is not None and partition_of(key, partitions) != partition:
        raise Malformed("partition", f"{partition}, but its key belongs to {partition_of(key, partitions)}")
    _check_json(record.value)
    sequence = attributes.get("sequence")
    return Envelope(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        case=attributes.get("subject", ""),
        time=datetime.fromisoformat(attributes["time"]),
        key=key,
        sequence=int(sequence) if sequence is not None else None,
        cause=attributes.get("causationid"),
        data=record.value,
        signature=attributes["signature"],
    )


def _attributes(envelope: Envelope) -> list[tuple[str, str]]:
    """CloudEvents' attributes in their order on the wire, leaving out what is not there."""
    named: list[tuple[str, str | None]] = [
        ("specversion", "1.0"),
        ("id", envelope.id),
        ("source", envelope.source),
        ("type", envelope.type),
        ("subject", envelope.case or None),
        ("time", wire_time(envelope.time)),
        ("partitionkey", envelope.key),
        ("sequence", str(envelope.sequence) if envelope.sequence is not None else None),
        ("causationid", envelope.cause),
        ("signature", envelope.signature),
    ]
    return [(name, value) for name, value in named if value is not None]


def _read_headers(headers: tuple[tuple[str, bytes], ...]) -> dict[str, str]:
    """CloudEvents' attributes by name, each checked for its form; other headers are passed over."""
    found: dict[str, str] = {}
    content_type: bytes | None = None
    for name, raw in headers:
        if name == "content-type":
            content_type = raw
        if not name.startswith("ce_"):
            continue
        attribute = name[3:]
        if attribute in found:
            raise Malformed(name, "there twice")
        try:
            found[attribute] = raw.decode()
        except (UnicodeDecodeError, AttributeError):
            raise Malformed(name, "not UTF-8") from None
    if content_type != CONTENT_TYPE:
        raise Malformed("content-type", f"{(content_type or b'')[:60]!r}, not {CONTENT_TYPE.decode()}")
    for attribute in _REQUIRED:
        if not found.get(attribute):
            raise Malformed(f"ce_{attribute}", "missing")
    _check_forms(found)
    return {name: value for name, value in found.items() if name in _KNOWN}


def _check_forms(found: Mapping[str, str]) -> None:
    forms = (("id", _UUID), ("causationid", _UUID), ("time", _TIME), ("sequence", _SEQUENCE), ("type", _TYPE))
    for name, form in forms:
        if name in found and form.fullmatch(found[name]) is None:
            raise Malformed(f"ce_{name}", f"{found[name][:80]!r} has not the form {form.pattern}")
    if found["specversion"] != "1.0":
        raise Malformed("ce_specversion", f"{found['specversion'][:20]!r}, not 1.0")
    parse_source(found["source"])
    try:
        datetime.fromisoformat(found["time"])
    except ValueError as error:
        raise Malformed("ce_time", str(error)) from None


def _check_json(value: bytes) -> None:
    """The data is one JSON object, with no name in it twice: two readers must not see two different values."""

    def no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        if len(names) != len(set(names)):
            raise Malformed("value", f"a name is there twice among {sorted(names)[:20]}")
        return dict(pairs)

    try:
        data = json.loads(value.decode(), object_pairs_hook=no_duplicates)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Malformed("value", f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise Malformed("value", "not a JSON object")


def to_data(values: object) -> bytes:
    """JSON values as the bytes that go into a record: canonical, so that the same words are the same bytes."""
    return canonical_json(values)


def partition_of(key: str, partitions: int = PARTITIONS) -> int:
    """Where a key belongs: murmur2, Kafka's own default partitioner. Part of the contract."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """The 32-bit murmur2 hash that Kafka's Java client uses (org.apache.kafka.common.utils.Utils.murmur2)."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    length = len(data)
    h = (0x9747B28C ^ length) & mask
    whole = length - length % 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)
