"""Records that no institution may believe, of every kind, each with what must become of it.

Made of records that stood in the inboxes, and of a seed: the same inboxes and the same seed give the same records. What
would hold a line, or stop one, is about a home of its own; everything else is about homes in the middle of a sale.
"""

import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from contracts.envelope import (
    MAX_VALUE_BYTES,
    PARTITIONS,
    REQUIRED,
    Envelope,
    Record,
    decode,
    encode,
    inbox,
    partition_of,
    to_data,
)
from contracts.event import EVENTS, Event, Role
from contracts.events.case import CaseOpened, JoinRefused, PartyJoined
from contracts.events.line import RepeatRequested
from contracts.values import MAX_FEN
from services.runtime.log import Received

Headers = tuple[tuple[str, Any], ...]
"""A record's headers, null ones too."""


class Fate(StrEnum):
    """What becomes of a record."""

    DEAD = "dead"  # a dead letter, with its bytes
    REFUSED = "refused"  # the broker does not take it
    WAITS = "waits"  # for the words before it, which are asked for
    PARKED = "parked"  # on file, until it is known whether its speaker has a part in the case
    KNOWN = "known"  # on file already: nothing is done again


@dataclass(frozen=True, slots=True)
class Bad:
    """One of them. `reasons`: those of which one must be given for its being dead; `where`: what must be named as the
    place, from its beginning. `holds`: it holds its speaker's line. `packed`: it is written packed."""

    kind: str
    fate: Fate
    to: tuple[Role, str]
    partition: int
    record: Record
    reasons: tuple[str, ...] = ()
    where: str = ""
    holds: bool = False
    packed: bool = False

    @property
    def topic(self) -> str:
        """The inbox that it is written to."""
        return inbox(*self.to)


@dataclass(frozen=True, slots=True)
class Heard:
    """A record that stood in an inbox, as its owner has read it."""

    at: tuple[Role, str]
    received: Received
    envelope: Envelope

    @property
    def own(self) -> bool:
        """Whether it is the owner's own."""
        return self.envelope.speaker == self.at

    @property
    def kind(self) -> type[Event]:
        """What it says."""
        return EVENTS[self.envelope.type]


class Maker:
    """Makes bad records of what stands in the inboxes. `harmed`: the home that words of no part and contradictions are
    about; its institutions must see them."""

    def __init__(self, seed: int, inboxes: Mapping[tuple[Role, str], Sequence[Received]], harmed: str) -> None:
        self.random = random.Random(seed)
        self.harmed = harmed
        read = [(at, one) for at, some in sorted(inboxes.items()) for one in some]
        self.true = [Heard(at, one, decode(one.record, one.partition)) for at, one in read]
        self.words = [t for t in self.true if not t.own and t.kind.numbered]
        self.institutions = sorted(inboxes)
        self.n = 0

    def everything(self, count: int) -> Iterator[Bad]:
        """So many, of all kinds alike but for the large ones, mixed."""
        shares = [kind for kind, share in KINDS.items() for _ in range(share)]
        kinds = [shares[n % len(shares)] for n in range(count)]
        self.random.shuffle(kinds)
        for kind in kinds:
            self.n += 1
            yield kind(self)

    # --- what they are made of ----------------------------------------------------------------------------------------

    def pick(self, what: Sequence[Any]) -> Any:
        return what[self.random.randrange(len(what))]

    def word(self, which: Callable[[Heard], bool] = lambda _: True) -> Heard:
        """A word of another institution that was heard."""
        return self.pick([t for t in self.words if which(t)])

    def id(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def home(self) -> str:
        """A home that nobody knows."""
        return f"371502777001GB{self.n // 10**8:05d}F{self.n % 10**8:08d}"

    def elsewhere(self, true: Heard, **other: Any) -> Envelope:
        """The same word as the first of its speaker about a home and a case that nobody knows."""
        data, home = json.loads(true.envelope.data), self.home()
        if "unit_number" in data:
            data["unit_number"] = home
        changed: dict[str, Any] = {"id": self.id(), "case": f"LCX-{self.n:09d}", "key": home, "sequence": 1}
        return replace(true.envelope, **(changed | {"data": to_data(data)} | other))

    def told(self, kind: str, at: tuple[Role, str], e: Envelope, *reasons: str, where: str = "", **other: Any) -> Bad:
        """An envelope in the partition where its key belongs; a dead letter, unless another fate is given."""
        given: dict[str, Any] = {"fate": Fate.DEAD, "reasons": reasons, "where": where} | other
        return Bad(kind=kind, to=at, partition=partition_of(e.key), record=encode(e), **given)

    def torn(self, kind: str, where: str, *reasons: str, of: Heard | None = None, **parts: Any) -> Bad:
        """A true record with its key, value or headers changed."""
        true = of or self.pick(self.true)
        record = replace(true.received.record, **parts)
        return Bad(kind, Fate.DEAD, true.at, true.received.partition, record, reasons or ("malformed",), where)


# --- records that are no envelope -------------------------------------------------------------------------------------

EVERY_HEADER = (*(f"ce_{name}" for name in REQUIRED), "content-type")


def header_missing(m: Maker) -> Bad:
    true, name = m.pick(m.true), m.pick(EVERY_HEADER)
    return m.torn("header missing", name, of=true, headers=_without(true, name))


def header_empty(m: Maker) -> Bad:
    true, name = m.pick(m.true), m.pick(EVERY_HEADER)
    return m.torn("header empty", name, of=true, headers=_with(true, name, b""))


def header_null(m: Maker) -> Bad:
    true = m.pick(m.true)
    name = m.pick([name for name, _ in true.received.record.headers])
    return m.torn("header null", name, of=true, headers=_with(true, name, None))


def header_twice(m: Maker) -> Bad:
    true = m.pick(m.true)
    headers = true.received.record.headers
    name, value = m.pick([*headers, ("ce_nothing-of-ours", b"1"), ("ce_", b""), ("ce_颜色", b"1")])
    again = ((name, value), (name, m.pick([value, b"", b"\xff"])))
    kept = tuple(one for one in headers if one[0] != name)
    return m.torn("header twice", name, of=true, headers=(*again, *kept))


def header_not_utf8(m: Maker) -> Bad:
    true = m.pick(m.true)
    name, value = m.pick([*true.received.record.headers, ("ce_dataschema", b"")])
    bytes_ = m.pick([b"\xff\xfe", value + b"\x80", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80"])
    return m.torn("header not UTF-8", name, of=true, headers=_with(true, name, bytes_))


def header_out_of_form(m: Maker) -> Bad:
    true = m.pick(m.true)
    name, value = m.pick([h for h in true.received.record.headers if h[0] != "content-type"])
    garbage = [value + b"\n", b" " + value, value + b"\x00", b"\x00", b"\x00" + value, value * 300, *OUT_OF_FORM[name]]
    return m.torn("header out of form", name, of=true, headers=_with(true, name, m.pick(garbage)))


OUT_OF_FORM: Mapping[str, tuple[bytes, ...]] = {
    "ce_specversion": (b"0.3", b"1", b"1.0.0", "１.0".encode()),
    "ce_id": (b"1", b"6F1C7A52-2F0E-5D0B-9A3F-6B2D1F0C4E11", b"6f1c7a522f0e5d0b9a3f6b2d1f0c4e11", b"../../etc/passwd"),
    "ce_source": (b"/escrow", b"/mayor/liaocheng", b"/escrow/Liaocheng", b"/escrow/a/b", b"//escrow/liaocheng-notary"),
    "ce_type": (b"daiya.case-opened", b"daiya.case-opened.v", b"DAIYA.case-opened.v1", b"daiya.case opened.v1"),
    "ce_subject": (b"lcf-1", b"LC", b"LCF'; drop table cases;--", "案件一".encode()),
    "ce_time": (
        b"2026-02-30T10:00:00.000Z",
        b"2026-03-20T10:00:00Z",
        b"2026-03-20T10:00:60.000Z",
        b"1026-03-20T10:00:00.000Z",
        b"2026-03-20T10:00:00.000+08:00",
        b"yesterday",
        b"20260320T100000.000Z",
    ),
    "ce_partitionkey": (b"\x7f", b"a\tb", b"x" * 201),
    "ce_sequence": (b"0", b"-1", b"01", b"1.0", b"1e3", b"9999999999999", "１".encode(), b"one"),
    "ce_causationid": (b"none", b"0"),
    "ce_signature": ("签".encode(), b"a b", b"x" * 1001),
}


def content_type_of_others(m: Maker) -> Bad:
    true = m.pick(m.true)
    other = m.pick(
        [b"application/json; charset=utf-8", b"text/plain", b"application/cloudevents+json", b"APPLICATION/JSON"]
    )
    return m.torn("content type of others", "content-type", of=true, headers=_with(true, "content-type", other))


def headers_none(m: Maker) -> Bad:
    return m.torn("no headers", "content-type", headers=())


def key_of_others(m: Maker) -> Bad:
    true = m.pick(m.true)
    key = true.received.record.key or b""
    other = m.pick([None, b"", b"\xff" + key, key + b" ", key[:-1], m.home().encode(), key * 100])
    return m.torn("key of others", "key", of=true, key=other)


def tombstone(m: Maker) -> Bad:
    return m.torn("tombstone", "value", value=None, **m.pick([{}, {"headers": ()}]))


def value_cut(m: Maker) -> Bad:
    true = m.pick(m.true)
    value = true.received.record.value or b""
    return m.torn("value cut short", "value", of=true, value=value[: m.random.randrange(len(value))])


def value_no_json(m: Maker) -> Bad:
    true = m.pick([t for t in m.true if len(t.envelope.data) > 2])
    value = true.envelope.data
    text = value.decode()
    other = m.pick(
        [
            value + value,
            value + b"}",
            value[:-1] + b",}",
            b"\xef\xbb\xbf" + value,
            value + b"\x00",
            b"// a note\n" + value,
            text.encode("utf-16"),
            text.encode("utf-32"),
            b"<xml/>",
            b"id: 1",
            m.random.randbytes(99),
            value.replace(b'"', b"'"),
            text.replace(":", "：", 1).encode(),
        ]
    )
    return m.torn("value no JSON", "value", of=true, value=other)


def value_no_object(m: Maker) -> Bad:
    true = m.pick(m.true)
    value = true.received.record.value or b""
    other = m.pick([b"[" + value + b"]", b"null", b"true", b"7", b'"' + b"x" * 40 + b'"', b"[]", b" 1 "])
    return m.torn("value no object", "value", of=true, value=other)


def value_names_twice(m: Maker) -> Bad:
    true = m.pick([t for t in m.true if len(t.envelope.data) > 2])
    value = true.envelope.data
    name = m.pick(list(json.loads(value)))
    twice = f"{json.dumps(name)}:{m.pick(['null', '1', '{}'])},".encode()
    inside = b'{"deep":[{"a":1,"a":2}],' + value[1:]
    return m.torn("names twice", "value", of=true, value=m.pick([b"{" + twice + value[1:], inside]))


def value_deep(m: Maker) -> Bad:
    depth = m.random.randrange(5_000, 40_000)
    opening, closing = m.pick([(b"[", b"]"), (b'{"a":', b"}")])
    inner = opening * depth + b"1" + closing * (depth if m.random.randrange(2) else 0)
    return m.torn("deep nesting", "value", value=b'{"a":' + inner + b"}")


def value_numbers(m: Maker) -> Bad:
    true = m.pick([t for t in m.true if len(t.envelope.data) > 2])
    number = m.pick(
        [
            str(2**53),
            str(-(2**53)),
            "1" + "0" * 4000,
            "9" * 100_000,
            "1.0",
            "1e2",
            "1E400",
            "-0.0",
            "NaN",
            "Infinity",
            "-Infinity",
            "0x10",
            "1_000",
            "01",
            "+1",
            ".5",
        ]
    )
    return m.torn("numbers no reader agrees on", "value", of=true, value=_put(true, f'"amount_fen":{number}'))


def value_unicode(m: Maker) -> Bad:
    true = m.pick([t for t in m.true if len(t.envelope.data) > 2])
    text: bytes = m.pick(
        [
            b"\\ud800",
            b"\\udfff\\ud800",
            b"a\\ude00",
            b"\x00",
            b"\x1f",
            b"\n",
            b"\xff",
            b"\xed\xa0\x80",
            b"\xc0\x80",
            b"\\x41",
            b"\\u12",
            b"\xf8\x88\x80\x80\x80",
        ]
    )
    return m.torn("wrong Unicode", "value", of=true, value=_put(true, b'"because":"' + text + b'"'))


def noise(m: Maker) -> Bad:
    """Whatever bytes there are, wherever they may stand."""
    at, r = m.pick(m.institutions), m.random
    names = ("content-type", "ce_id", "ce_type", "ce_source", "x", "daiya_where", "daiya_place", "", "\x00")
    headers: Headers = tuple(
        (m.pick(names), m.pick([None, r.randbytes(r.randrange(60))])) for _ in range(r.randrange(6))
    )
    key, value = m.pick([None, r.randbytes(r.randrange(1, 300))]), r.randbytes(r.randrange(3000))
    record = Record(key, value, headers)  # pyright: ignore[reportArgumentType] null headers
    return Bad("noise", Fate.DEAD, at, r.randrange(PARTITIONS), record, ("malformed",))


def one_bit(m: Maker) -> Bad:
    """One bit of a value turned over: no JSON any more, or other values, or other words under the same number."""
    true = m.word(lambda t: t.envelope.key == m.harmed)
    value = bytearray(true.envelope.data)
    value[m.random.randrange(len(value))] ^= 1 << m.random.randrange(8)
    reasons = ("malformed", "wrong-values", "another-home", "two-words")
    return m.torn("one bit", "", *reasons, of=true, value=bytes(value))


def too_large(m: Maker) -> Bad:
    size = m.random.randrange(MAX_VALUE_BYTES + 1, 960 * 1024)
    return m.torn("too large", "value", "too-large", value=b'{"a":"' + b"x" * size + b'"}')


def larger_than_the_broker_takes(m: Maker) -> Bad:
    size = m.random.randrange(1024 * 1024, 2 * 1024 * 1024)
    bad = m.torn("larger than the broker takes", "", value=b'{"a":"' + b"x" * size + b'"}')
    return replace(bad, fate=Fate.REFUSED, reasons=())


def packed(m: Maker) -> Bad:
    """A small batch that unpacks to more than any topic holds."""
    bad = m.torn("packed", "", value=b" " * m.random.randrange(3_000_000, 9_000_000))
    return replace(bad, fate=Fate.REFUSED, reasons=(), packed=True)


# --- misaddressed -----------------------------------------------------------------------------------------------------


def wrong_partition(m: Maker) -> Bad:
    true = m.pick(m.true)
    other = (true.received.partition + m.random.randrange(1, PARTITIONS)) % PARTITIONS
    bad = m.torn("wrong partition", "partition", "wrong-partition", of=true)
    return replace(bad, partition=other)


def not_for_us(m: Maker) -> Bad:
    at = m.pick(m.institutions)
    true = m.word(lambda t: at[0] not in t.kind.heard_by and t.envelope.speaker != at)
    return m.told("not for this role", at, m.elsewhere(true), "not-for-us", where="ce_type", holds=True)


def own_of_another(m: Maker) -> Bad:
    """What an institution told itself, in the inbox of another."""
    true = m.pick([t for t in m.true if t.own])
    at = m.pick([other for other in m.institutions if other != true.at])
    bad = m.told("own fact of another", at, true.envelope, "may-not-say", where="ce_type")
    return replace(bad, record=true.received.record)


# --- forged -----------------------------------------------------------------------------------------------------------


def forged_own(m: Maker) -> Bad:
    """What an institution told itself about a sale, with anything changed, under the signature that it had."""
    true = m.pick([t for t in m.true if t.own])
    e = true.envelope
    data = {**json.loads(e.data), m.pick(["because", "amount_fen", "approve", "note"]): m.pick([m.n, f"forged {m.n}"])}
    other = m.pick([t for t in m.true if t.own and t.at == true.at and t.envelope.signature != e.signature])
    key = m.home()
    forged = m.pick(
        [
            replace(e, id=m.id()),
            replace(e, time=e.time + timedelta(seconds=1)),
            replace(e, case=f"LCX-{m.n:09d}"),
            replace(e, key=key),
            replace(e, cause=m.id()),
            replace(e, sequence=1),
            replace(e, type="daiya.own.dead-letter-skipped.v1" if "skipped" not in e.type else "daiya.own.alarm.v1"),
            replace(e, data=to_data(data)),
            replace(e, signature=other.envelope.signature),
            replace(e, signature=f"hmac-sha256:{m.random.getrandbits(256):064x}"),
            replace(e, signature="ed25519:" + e.signature.removeprefix("hmac-sha256:")),
            replace(e, signature="none"),
        ]
    )
    return m.told("own fact forged", true.at, forged, "forged", where="ce_signature")


def word_in_our_name(m: Maker) -> Bad:
    """Another's word as if this institution had said it itself."""
    true = m.word()
    source = f"/{true.at[0].value}/{true.at[1]}"
    forged = m.elsewhere(true, source=source, sequence=m.pick([None, 1]))
    return m.told("word in our own name", true.at, forged, "forged", where="ce_signature")


def own_fact_of_a_stranger(m: Maker) -> Bad:
    """An own fact told by another institution in its own name."""
    true, by = m.pick([t for t in m.true if t.own]), m.pick(m.institutions)
    source = f"/{by[0].value}/{by[1]}" if by != true.at else "/escrow/made-up"
    own = m.elsewhere(true, source=source)
    return m.told("own fact by another", true.at, own, "may-not-say", where="ce_type", holds=True)


def not_its_to_say(m: Maker) -> Bad:
    """A word in the name of an institution whose role never says it."""
    true = m.word(lambda t: len(t.kind.spoken_by | {t.at[0]}) < len(Role))
    role = m.pick([role for role in Role if role not in true.kind.spoken_by | {true.at[0]}])
    name = next(name for known, name in m.institutions if known is role)
    word = m.elsewhere(true, source=f"/{role.value}/{name}")
    return m.told("another sender's source", true.at, word, "may-not-say", where="ce_type", holds=True)


def no_part(m: Maker) -> Bad:
    """A stranger about a sale whose parties are known, in a role in which nobody joins."""
    roles = (Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK)
    free = (CaseOpened, JoinRefused)
    true = m.word(
        lambda t: (
            t.envelope.key == m.harmed and t.envelope.speaker[0] in roles and not (t.kind in free or t.kind.standing)
        )
    )
    source = f"/{true.envelope.speaker[0].value}/stranger-{m.n}"
    word = replace(true.envelope, id=m.id(), source=source, sequence=1)
    return m.told("no part in the case", true.at, word, "no-part", where=f"case {word.case}", holds=True)


def may_not_open(m: Maker) -> Bad:
    true = m.word(lambda t: t.kind is CaseOpened)
    by = m.pick([Role.REGISTRY, Role.SELLER_BANK, Role.ESCROW])
    word = m.elsewhere(true, source=f"/{by.value}/stranger-{m.n}")
    return m.told("opened by a stranger", true.at, word, "may-not-open", where=f"case {word.case}", holds=True)


def part_of_another(m: Maker) -> Bad:
    """An opening that names another institution for our part."""
    true = m.word(lambda t: t.kind is CaseOpened)
    data = json.loads(m.elsewhere(true).data)
    data["institutions"][true.at[0].value] = f"another-{m.n}"
    word = m.elsewhere(true, data=to_data(data))
    return m.told("opened with another", true.at, word, "no-part-here", where=f"case {word.case}", holds=True)


def edition_of_the_future(m: Maker) -> Bad:
    true = m.word(lambda t: t.kind is CaseOpened)
    data = json.loads(m.elsewhere(true).data) | m.pick([{"edition": "2199-01-01"}, {"procedure": "LC-GIFT"}])
    word = m.elsewhere(true, data=to_data(data))
    return m.told("edition of the future", true.at, word, "unknown-procedure", where=f"case {word.case}", holds=True)


def two_words(m: Maker) -> Bad:
    """Other words under a number that was used."""
    true = m.word(lambda t: t.envelope.key == m.harmed)
    word = replace(true.envelope, case=f"LCX-{m.n:09d}", id=m.pick([true.envelope.id, m.id()]))
    return m.told("two words under one number", true.at, word, "two-words", where=f"case {word.case}")


# --- mutated words ----------------------------------------------------------------------------------------------------


def word_of_the_future(m: Maker) -> Bad:
    true = m.word()
    name = true.kind.type_name.removesuffix(".v1")
    kind = m.pick([f"{name}.v2", f"{name}.v999", f"{name}-again.v1", "daiya.home-teleported.v1", "daiya.x.v0"])
    word = m.elsewhere(true, type=kind)
    return m.told("word of the future", true.at, word, "unknown-type", where="ce_type", holds=True)


def no_number(m: Maker) -> Bad:
    true = m.word()
    return m.told(
        "word without a number", true.at, m.elsewhere(true, sequence=None), "wrong-number", where="ce_sequence"
    )


def number_without_line(m: Maker) -> Bad:
    """A request about a line, with a number as if it were of one."""
    at, by = m.random.sample(m.institutions, 2)
    data = to_data({"first_missing": 1, "last_missing": m.n})
    when = m.pick(m.true).envelope.time
    source = f"/{by[0].value}/{by[1]}"
    word = Envelope(m.id(), source, RepeatRequested.type_name, "", when, m.home(), 1, None, data, "ed25519:none")
    return m.told("number without a line", at, word, "wrong-number", where="ce_sequence")


def no_case(m: Maker) -> Bad:
    true = m.word(lambda t: not t.kind.standing)
    return m.told("word without a case", true.at, m.elsewhere(true, case=""), "no-case", where="ce_subject", holds=True)


def another_home(m: Maker) -> Bad:
    true = m.word(lambda t: "unit_number" in t.kind.model_fields)
    word = m.elsewhere(true, data=true.envelope.data)
    return m.told("about another home", true.at, word, "another-home", where="ce_partitionkey", holds=True)


def wrong_values(m: Maker) -> Bad:
    """Each field in turn of what was said: another type, or nothing where something must be."""
    kind = m.pick(sorted({t.kind.type_name for t in m.words if t.envelope.data != b"{}"}))
    true = m.word(lambda t: t.kind.type_name == kind)
    word = m.elsewhere(true)
    data = json.loads(word.data)
    field = m.pick(list(data))
    wrong: list[Any] = [{"x": []}, [[]], {"": {}}]
    if true.kind.model_fields[field].is_required():
        wrong += [None, "\u202e\u0000"] if not isinstance(data[field], str) else [None, 7, False]
    if field.endswith("_fen"):
        wrong += [-1, str(data[field]), True, MAX_FEN + 1]
    data[field] = m.pick(wrong)
    if m.random.randrange(8) == 0 and true.kind.model_fields[field].is_required():
        del data[field]
    word = replace(word, data=to_data(data))
    return m.told("wrong values", true.at, word, "wrong-values", where="value/", holds=True)


# --- what is no dead letter -------------------------------------------------------------------------------------------


def later_number(m: Maker) -> Bad:
    true = m.word()
    word = m.elsewhere(true, sequence=m.pick([2, 3, 1000, 999_999_999_999]))
    return m.told("later number", true.at, word, fate=Fate.WAITS)


def later_number_of_nobody(m: Maker) -> Bad:
    """Of a speaker who has no inbox that could be asked."""
    true = m.word()
    word = m.elsewhere(true, sequence=2, source=f"/{true.envelope.speaker[0].value}/nobody-{m.n % 10}")
    return m.told("later number of nobody", true.at, word, fate=Fate.WAITS)


def unknown_case(m: Maker) -> Bad:
    true = m.word(lambda t: t.kind not in (CaseOpened, JoinRefused, PartyJoined) and not t.kind.standing)
    return m.told("of a case that is not open", true.at, m.elsewhere(true), fate=Fate.PARKED)


def said_again(m: Maker) -> Bad:
    true = m.pick(m.true)
    bad = m.torn("said again", "", of=true)
    return replace(bad, fate=Fate.KNOWN, reasons=())


def said_again_otherwise(m: Maker) -> Bad:
    """The same word under another id, time, cause, signature, or with headers that are nobody's."""
    true = m.word(lambda t: t.envelope.key == m.harmed)
    e = true.envelope
    word = m.pick(
        [
            replace(e, id=m.id()),
            replace(e, time=e.time + timedelta(days=1)),
            replace(e, cause=m.id()),
            replace(e, signature="none"),
        ]
    )
    more: Headers = m.pick(
        [(), (("traceparent", b"00-1"),), (("x", None), ("x", b"\xff")), (("junk", b"x" * 400_000),)]
    )
    bad = m.told("said again otherwise", true.at, word, fate=Fate.KNOWN)
    return replace(bad, record=replace(bad.record, headers=(*bad.record.headers, *more)))


OFTEN = (wrong_values, forged_own, header_out_of_form)
USUAL = (
    header_missing, header_empty, header_null, header_twice, header_not_utf8, content_type_of_others, headers_none,
    key_of_others, tombstone, value_cut, value_no_json, value_no_object, value_names_twice, value_numbers,
    value_unicode, noise, one_bit, wrong_partition, not_for_us, own_of_another, word_in_our_name,
    own_fact_of_a_stranger,
    not_its_to_say, no_part, may_not_open, part_of_another, edition_of_the_future, two_words, word_of_the_future,
    no_number, number_without_line, no_case, another_home, later_number, unknown_case, said_again, said_again_otherwise,
)  # fmt: skip
SELDOM = (later_number_of_nobody, value_deep)
LARGE = (too_large, larger_than_the_broker_takes, packed)
KINDS: Mapping[Callable[[Maker], Bad], int] = {
    **dict.fromkeys(OFTEN, 18),
    **dict.fromkeys(USUAL, 9),
    **dict.fromkeys(SELDOM, 3),
    **dict.fromkeys(LARGE, 1),
}
"""Each kind with its share."""


# --- verbs ------------------------------------------------------------------------------------------------------------


def _with(true: Heard, name: str, value: bytes | None) -> Headers:
    """The headers with this one set."""
    headers = true.received.record.headers
    if name not in dict(headers):
        return (*headers, (name, value))
    return tuple((one, value if one == name else kept) for one, kept in headers)


def _without(true: Heard, name: str) -> Headers:
    return tuple(one for one in true.received.record.headers if one[0] != name)


def _put(true: Heard, field: str | bytes) -> bytes:
    """The value with one more field, as it is spelt."""
    text = field.encode() if isinstance(field, str) else field
    return b"{" + text + b"," + true.envelope.data[1:]
