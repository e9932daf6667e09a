"""The envelope: what is written reads back equal; whatever is not exactly in form is refused, with why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import canonical_json
from contracts.envelope import (
    CONTENT_TYPE,
    MAX_VALUE_BYTES,
    PARTITIONS,
    REQUIRED,
    Envelope,
    Malformed,
    Record,
    dead_letters,
    decode,
    encode,
    inbox,
    murmur2,
    parse_source,
    partition_of,
    source,
    to_data,
    wire_time,
)
from contracts.event import Role
from tests.support.examples import CASE, UNIT

ID = "0b8ff6a4-9d0e-5c39-8a55-5f6f5f3c9a11"
MOMENT = datetime(2026, 11, 23, 4, 0, 0, 250_000, tzinfo=UTC)
LETTER = Envelope(
    id=ID,
    source=source(Role.SELLER_BANK, "liaocheng-icbc"),
    type="daiya.consent-issued.v1",
    case=CASE,
    time=MOMENT,
    key=UNIT,
    sequence=1,
    cause=ID,
    data=to_data({"lifts_no_transfer_clause": True, "because": "同意“带押过户”"}),
    signature="ed25519:AAAA",
)
RECORD = encode(LETTER)


def with_header(name: str, *values: bytes | None) -> Record:
    """RECORD with these values of a header in place of its own; none takes it away."""
    rest = tuple(header for header in RECORD.headers if header[0] != name)
    return replace(RECORD, headers=rest + tuple((name, value) for value in values))  # pyright: ignore[reportArgumentType]


def with_value(value: bytes | None) -> Record:
    return replace(RECORD, value=value)


def refused(record: Record, where: str, why: str, partition: int | None = None) -> None:
    with pytest.raises(Malformed) as caught:
        decode(record, partition)
    assert caught.value.where == where
    assert why in caught.value.why


# --- what is written reads back ----------------------------------------------------------------------

_ZONES = [UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-9, minutes=-30))]
_uuids = st.uuids().map(str)
_names = st.from_regex(r"[a-z0-9][a-z0-9-]{1,40}", fullmatch=True)
_FIRST, _LAST = datetime(1900, 1, 2), datetime(2999, 12, 30)  # noqa: DTZ001 (hypothesis puts the zone)
_moments = st.datetimes(_FIRST, _LAST, timezones=st.sampled_from(_ZONES)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_envelopes = st.builds(
    Envelope,
    id=_uuids,
    source=st.builds(source, st.sampled_from(list(Role)), _names),
    type=st.from_regex(r"daiya\.[a-z][a-z-]{0,60}\.v[1-9]", fullmatch=True),
    case=st.just("") | st.from_regex(r"[A-Z0-9-]{6,40}", fullmatch=True),
    time=_moments,
    key=st.from_regex(r"[0-9A-Za-z一-鿿:(){}-]{1,100}", fullmatch=True),
    sequence=st.none() | st.integers(1, 10**12 - 1),
    cause=st.none() | _uuids,
    data=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), _json, max_size=6).map(to_data),
    signature=st.from_regex(r"[a-z0-9-]{1,20}:[0-9A-Za-z+/=]{1,90}", fullmatch=True),
)


@given(_envelopes)
def test_what_is_written_reads_back_equal(envelope: Envelope) -> None:
    record = encode(envelope)
    assert decode(record, partition_of(envelope.key)) == envelope
    assert encode(decode(record)) == record


def test_what_is_not_there_is_left_out_of_the_record() -> None:
    headers = dict(encode(replace(LETTER, case="", sequence=None, cause=None)).headers)
    assert not {"ce_subject", "ce_sequence", "ce_causationid"} & set(headers)
    assert headers["content-type"] == CONTENT_TYPE


def test_headers_that_are_not_ours_are_passed_over() -> None:
    foreign = (("traceparent", b"\xff\xfe"), ("traceparent", b"twice"), ("ce_comeslater", b"1"))
    assert decode(replace(RECORD, headers=RECORD.headers + foreign)) == LETTER


def test_the_order_of_headers_means_nothing() -> None:
    assert decode(replace(RECORD, headers=RECORD.headers[::-1])) == LETTER


def test_time_has_one_spelling_down_to_the_millisecond() -> None:
    in_china = datetime(2026, 11, 23, 12, 0, 0, 250_999, tzinfo=timezone(timedelta(hours=8)))
    assert wire_time(in_china) == "2026-11-23T04:00:00.250Z" == wire_time(MOMENT)


def test_a_naive_time_is_not_written() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        encode(replace(LETTER, time=datetime(2026, 11, 23, 4)))  # noqa: DTZ001


# --- every way to be malformed --------------------------------------------------------------


@pytest.mark.parametrize("attribute", REQUIRED)
def test_a_required_attribute_must_be_there(attribute: str) -> None:
    refused(with_header(f"ce_{attribute}"), f"ce_{attribute}", "missing")
    refused(with_header(f"ce_{attribute}", b""), f"ce_{attribute}", "missing")


@pytest.mark.parametrize("name", [name for name, _ in RECORD.headers])
def test_a_header_is_there_once_as_utf8(name: str) -> None:
    value = dict(RECORD.headers)[name]
    refused(with_header(name, value, value), name, "there twice")
    refused(with_header(name, None), name, "null")
    if name != "content-type":
        refused(with_header(name, b"\xc3\x28"), name, "not UTF-8")


def test_an_optional_attribute_is_absent_or_whole_never_empty() -> None:
    for name in ("ce_subject", "ce_sequence", "ce_causationid"):
        refused(with_header(name, b""), name, "has not the form")


@pytest.mark.parametrize("text", [b"text/plain", b"application/json; charset=utf-8", b"APPLICATION/JSON"])
def test_the_content_is_json_and_says_so(text: bytes) -> None:
    refused(with_header("content-type", text), "content-type", "not application/json")
    refused(with_header("content-type"), "content-type", "not application/json")


FORMS = [
    ("id", "5", "0B8FF6A4-9D0E-5C39-8A55-5F6F5F3C9A11", "{" + ID + "}", ID.replace("-", ""), ID + "\n"),
    ("causationid", "x", ID[:-1], ID + ID),
    ("specversion", "1", "0.3", "1x0", "1.0 "),
    ("type", "consent-issued", "daiya.consent-issued", "daiya.Consent.v1", "daiya..v1x", "daiya.a.v1234"),
    ("subject", "lc-2026-1", "LC-26", "LC 2026 000001", "LC-2026-000001\n", "A" * 41, "LC-2026-$00001"),
    ("sequence", "0", "-1", "01", "+1", "1.0", "1e3", "٣", "1 ", "9" * 13, "9" * 5000),
    ("partitionkey", " x", "x ", "a\x00b", "a\nb", "\x7f", "k" * 201),
    ("signature", "ä", "a b", "x\n", "s" * 1001),
]  # fmt: skip


@pytest.mark.parametrize(("attribute", "text"), [(name, text) for name, *texts in FORMS for text in texts])
def test_an_attribute_out_of_form_is_refused(attribute: str, text: str) -> None:
    record = with_header(f"ce_{attribute}", text.encode())
    if attribute == "partitionkey":
        record = replace(record, key=text.encode())
    refused(record, f"ce_{attribute}", "has not the form")


TIMES = ["2026-11-23T04:00:00.250", "2026-11-23T12:00:00.250+08:00", "2026-11-23T04:00:00Z", "1795406400",
         "2026-11-23 04:00:00.250Z", "2026-02-30T04:00:00.250Z", "2026-11-23T24:00:00.000Z",
         "2026-11-23T04:00:60.000Z", "0000-01-01T00:00:00.000Z", "0500-01-01T00:00:00.000Z",
         "٢٠٢٦-11-23T04:00:00.250Z", "2026-11-23T04:00:00.250Z\n"]  # fmt: skip


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_utc_with_milliseconds_and_a_moment_there_is(text: str) -> None:
    refused(with_header("ce_time", text.encode()), "ce_time", "")


SOURCES = ["escrow/liaocheng-notary", "/escrow", "/escrow/", "/notary/liaocheng", "/ESCROW/liaocheng",
           "/escrow/Liaocheng", "/escrow/a", "/escrow/-ab", "/escrow/a/b", "/escrow/" + "a" * 42,
           "/escrow/liaocheng\n", "//escrow/liaocheng", "/escrow/聊城"]  # fmt: skip


@pytest.mark.parametrize("text", SOURCES)
def test_a_source_is_a_known_role_and_a_name(text: str) -> None:
    refused(with_header("ce_source", text.encode()), "ce_source", "is not /role/institution")


def test_a_key_that_differs_from_its_attribute_is_refused() -> None:
    for key in (None, b"", b"371502001001GB00012F00030046", b"\xff"):
        refused(replace(RECORD, key=key), "key", "differs from ce_partitionkey")


def test_a_record_in_a_wrong_partition_is_refused() -> None:
    home = partition_of(UNIT)
    assert decode(RECORD, home) == LETTER
    for other in set(range(PARTITIONS)) - {home}:
        refused(RECORD, "partition", f"belongs to {home}", other)


def test_a_tombstone_is_refused() -> None:
    refused(with_value(None), "value", "tombstone")


def test_the_value_has_a_limit() -> None:
    frame = len(b'{"a":""}')
    assert decode(with_value(b'{"a":"%s"}' % (b"x" * (MAX_VALUE_BYTES - frame))))
    refused(with_value(b'{"a":"%s"}' % (b"x" * (MAX_VALUE_BYTES - frame + 1))), "value", "more than")


VALUES: list[tuple[bytes, str]] = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"{} {}", "not JSON"),
    (b"{'a': 1}", "not JSON"),
    (b'{"a": 1,}', "not JSON"),
    (b'\xef\xbb\xbf{"a":1}', "not JSON"),
    (b'{"a":"\xff"}', "not JSON"),
    (b'{"a":"\xed\xa0\x80"}', "not JSON"),
    (b'{"a":"\x00"}', "not JSON"),
    (b'{"a":' * 50_000 + b"1", "not JSON"),
    (b"[" * 200_000, "not JSON"),
    (b"[]", "not a JSON object"),
    (b'"text"', "not a JSON object"),
    (b"null", "not a JSON object"),
    (b"1", "not a JSON object"),
    (b'{"a":1,"a":1}', "a name is there twice"),
    (b'{"a":{"b":1,"\\u0062":2}}', "a name is there twice"),
    (b'{"a":NaN}', "numbers here are whole"),
    (b'{"a":Infinity}', "numbers here are whole"),
    (b'{"a":-Infinity}', "numbers here are whole"),
    (b'{"a":1e400}', "numbers here are whole"),
    (b'{"a":1.0}', "numbers here are whole"),
    (b'{"a":9007199254740992}', "not every reader reads it"),
    (b'{"a":-9007199254740992}', "not every reader reads it"),
    (b'{"a":%s}' % (b"9" * 5000), "not every reader reads it"),
    (b'{"a":"\\ud800"}', "lone surrogate"),
    (b'{"a":["\\udc00\\ud800"]}', "lone surrogate"),
    (b'{"\\ud800":1}', "lone surrogate"),
]


@pytest.mark.parametrize(("value", "why"), VALUES, ids=[f"{value[:24]!r}" for value, _ in VALUES])
def test_the_value_is_one_json_object_that_every_reader_reads_alike(value: bytes, why: str) -> None:
    refused(with_value(value), "value", why)


def test_what_looks_alike_and_is_whole_is_read() -> None:
    for value in (b'{"a":"\\ud83c\\udfe0"}', b'{"a":9007199254740991}', b'{"a":-0}', b' {"a" : null}\n'):
        assert decode(with_value(value)).data == value


# --- any damage --------------------------------------------------------------------------------------

Damage = Callable[[bytes], bytes]


def _flip(place: int, bits: int) -> Damage:
    def flip(raw: bytes) -> bytes:
        at = place % len(raw)
        return raw[:at] + bytes([raw[at] ^ bits]) + raw[at + 1 :]

    return flip


_damage = st.builds(_flip, st.integers(0, 10_000), st.integers(1, 255))
_places = st.integers(0, len(RECORD.headers) + 1)


@given(st.lists(st.tuples(_places, _damage), min_size=1, max_size=4))
def test_a_damaged_record_is_malformed_or_an_envelope_and_nothing_else(
    hurt: list[tuple[int, Damage]],
) -> None:
    parts = [RECORD.key or b"", RECORD.value or b"", *(value for _, value in RECORD.headers)]
    for place, damage in hurt:
        parts[place] = damage(parts[place])
    headers = tuple((name, part) for (name, _), part in zip(RECORD.headers, parts[2:], strict=True))
    try:
        envelope = decode(Record(parts[0], parts[1], headers))
    except Malformed as error:
        assert error.where
        assert error.why
    else:
        again = encode(envelope)  # what is accepted can be written, and is the same
        assert (again.key, again.value, dict(again.headers)) == (parts[0], parts[1], dict(headers))


@given(st.binary(max_size=300))
def test_any_bytes_as_a_value_are_malformed_or_canonical_json_can_write_them(value: bytes) -> None:
    try:
        decode(with_value(value))
    except Malformed as error:
        assert error.where == "value"


@given(st.dictionaries(st.text(), _json, max_size=5))
def test_any_data_that_canonical_json_writes_is_read(values: dict[str, object]) -> None:
    try:
        data = canonical_json(values)
    except ValueError:  # a lone surrogate among the texts
        return
    assert decode(with_value(data)).data == data


# --- partitions, names, signatures ----------------------------------------------------------


@given(st.binary(max_size=64))
def test_murmur2_is_that_of_kafkas_clients(key: bytes) -> None:
    # aiokafka's is signed as Java's; ours is the same 32 bits without a sign.
    assert murmur2(key) == murmur2_of_aiokafka(bytearray(key)) & 0xFFFFFFFF


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(1, 50))
def test_a_key_belongs_where_aiokafkas_partitioner_sends_it(key: str, partitions: int) -> None:
    every = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key.encode(), every, every)


def test_murmur2_gives_the_numbers_of_kafkas_own_test() -> None:
    # org.apache.kafka.common.utils.UtilsTest.testMurmur2
    cases = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536,
             b"a-little-bit-longer-string": -1486304829, b"abc": 479470107,
             b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971}  # fmt: skip
    for key, number in cases.items():
        assert murmur2(key) == number & 0xFFFFFFFF


def test_the_names_of_topics_and_sources() -> None:
    assert inbox(Role.SELLER_BANK, "liaocheng-icbc") == "daiya.seller_bank.liaocheng-icbc"
    assert dead_letters(Role.ESCROW, "liaocheng-notary") == "daiya.escrow.liaocheng-notary.dead"
    for role in Role:
        assert parse_source(source(role, "liaocheng-1")) == (role, "liaocheng-1")
    assert LETTER.speaker == (Role.SELLER_BANK, "liaocheng-icbc")


@given(_envelopes, _envelopes)
def test_the_signature_covers_everything_but_itself(one: Envelope, other: Envelope) -> None:
    assert one.signed_bytes() == replace(one, signature="another").signed_bytes()
    for name in ("id", "source", "type", "case", "time", "key", "sequence", "cause", "data"):
        changed = replace(one, **{name: getattr(other, name)})
        if encode(changed) != encode(one):
            assert changed.signed_bytes() != one.signed_bytes()


def test_the_digest_is_that_of_the_words_not_of_the_way() -> None:
    again = replace(LETTER, id=ID[::-1], time=MOMENT + timedelta(days=1), cause=None, signature="another")
    assert again.digest() == LETTER.digest()
    for change in ({"type": "daiya.x.v1"}, {"case": ""}, {"key": "x"}, {"sequence": 2}, {"data": b"{}"}):
        assert replace(LETTER, **change).digest() != LETTER.digest()  # pyright: ignore[reportArgumentType]
