"""The envelope: CloudEvents 1.0 in binary mode on a Kafka record, strictly.

One record carries one fact. Key and `partitionkey` are the subject in the sense of architecture decision 2
(mostly the unit number of the folio); CloudEvents' own `subject` is the case. Reading is strict: whatever is
missing, twice, null, not UTF-8, not JSON that every reader reads alike, too large or in a partition where its
key does not belong is Malformed, with the place and why, and the record goes to the dead letters as it came.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NoReturn

from contracts.canonical import MAX_SAFE_INTEGER
from contracts.event import Role
from contracts.values import canonical_json, instant_text

PARTITIONS = 6
MAX_VALUE_BYTES = 256 * 1024
CONTENT_TYPE = b"application/json"

ROLES = {role.value: role for role in Role}
REQUIRED = ("id", "source", "specversion", "type", "time", "partitionkey", "signature")
"""The attributes that every record has."""

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
FORMS = {
    "specversion": r"1\.0",
    "id": _UUID,
    "source": "/({})/[a-z0-9][a-z0-9-]{{1,40}}".format("|".join(ROLES)),
    "type": r"daiya\.[a-z0-9.-]{1,100}\.v[0-9]{1,3}",
    "subject": "[A-Z0-9-]{6,40}",
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z",
    "partitionkey": r"[^\x00-\x20\x7f]([^\x00-\x1f\x7f]{0,198}[^\x00-\x20\x7f])?",
    "sequence": "[1-9][0-9]{0,11}",
    "causationid": _UUID,
    "signature": "[!-~]{1,1000}",
}
"""The form of each attribute that we use, whole: regular expressions that every reader understands alike.
Printable ASCII for the signature, since comparing secrets in constant time works on ASCII alone."""

_REQUIRED_HEADERS = tuple(f"ce_{name}" for name in REQUIRED)
_PATTERNS = {name: re.compile(form) for name, form in FORMS.items()}


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
        named = ((name, value.encode()) for name, value in _attributes(self) if name != "signature")
        return b"".join([b"%b:%d:%b\n" % (name.encode(), len(value), value) for name, value in named]) + self.data

    def digest(self) -> str:
        """The same for the same words however they travel: type, case, key, sequence, data; sha256 in hex."""
        head = f"{self.type}\n{self.case}\n{self.key}\n{self.sequence}\n"
        return hashlib.sha256(head.encode() + self.data).hexdigest()


def source(role: Role, institution: str) -> str:
    """`/escrow/liaocheng-notary`."""
    return f"/{role.value}/{institution}"


def parse_source(text: str) -> tuple[Role, str]:
    """Role and institution of a source. Raises Malformed."""
    if _PATTERNS["source"].fullmatch(text) is None:
        raise Malformed("ce_source", f"{text[:80]!r} is not /role/institution")
    _, role, institution = text.split("/")
    return ROLES[role], institution


def inbox(role: Role, institution: str) -> str:
    """The topic that an institution owns and alone reads."""
    return f"daiya.{role.value}.{institution}"


def dead_letters(role: Role, institution: str) -> str:
    """The topic of what an institution could not accept."""
    return f"{inbox(role, institution)}.dead"


def public_feed(role: Role, institution: str) -> str:
    """The topic in which an institution says everything once more, with what is personal masked, to whoever is
    entitled to read along."""
    return f"{inbox(role, institution)}.public"


def wire_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: one form only, so that equal times are equal bytes.

    Raises ValueError for a moment without a time zone, and for a year outside 1900 to 2999.
    """
    return instant_text(moment)


def encode(envelope: Envelope) -> Record:
    """The record that carries this envelope. Raises ValueError for a time without a zone."""
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
    found: dict[str, bytes] = {}
    for name, raw in headers:
        if name != "content-type" and not name.startswith("ce_"):
            continue
        if name in found:
            raise Malformed(name, "there twice")
        if not isinstance(raw, bytes):  # pyright: ignore[reportUnnecessaryIsInstance] Kafka's headers can be null
            raise Malformed(name, "null")
        found[name] = raw
    content_type = found.pop("content-type", b"")
    if content_type != CONTENT_TYPE:
        raise Malformed("content-type", f"{content_type[:60]!r}, not {CONTENT_TYPE.decode()}")
    for header in _REQUIRED_HEADERS:
        if not found.get(header):
            raise Malformed(header, "missing")
    attributes = {name[3:]: _text(name, raw) for name, raw in found.items()}
    return {name: _in_form(name, text) for name, text in attributes.items() if name in FORMS}


def _text(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Malformed(name, "not UTF-8") from None


def _in_form(attribute: str, text: str) -> str:
    if attribute == "source":
        parse_source(text)
    elif _PATTERNS[attribute].fullmatch(text) is None:
        raise Malformed(f"ce_{attribute}", f"{text[:80]!r} has not the form {FORMS[attribute]}")
    if attribute == "time":
        try:
            wire_time(datetime.fromisoformat(text))
        except ValueError as error:
            raise Malformed("ce_time", str(error)) from None
    return text


def _check_json(value: bytes) -> None:
    """The data is one JSON object that every reader reads alike: no name in it twice, no number that some
    readers round or do not know, no text that is not Unicode."""
    try:
        data = _STRICT.decode(value.decode())
        if b"\\u" in value:  # only an escape can smuggle a lone surrogate into UTF-8
            json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Malformed("value", "a lone surrogate is not Unicode text") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Malformed("value", f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise Malformed("value", "not a JSON object")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = sorted(name for name, _ in pairs)
        raise Malformed("value", f"a name is there twice among {[name[:40] for name in names[:20]]}")
    return found


def _whole_number(text: str) -> int:
    # The length first: Python refuses to convert very long numbers, with an error of its own.
    if len(text) > 17 or abs(int(text)) > MAX_SAFE_INTEGER:
        raise Malformed("value", f"{text[:20]} is beyond 2**53 - 1, not every reader reads it")
    return int(text)


def _no_number(text: str) -> NoReturn:
    raise Malformed("value", f"{text[:20]}: numbers here are whole, in the smallest unit")


_STRICT = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_int=_whole_number, parse_float=_no_number, parse_constant=_no_number
)


def to_data(values: object) -> bytes:
    """JSON values as the bytes of a record: canonical, so that the same words are the same bytes."""
    return canonical_json(values)


@lru_cache(maxsize=2**16)
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
