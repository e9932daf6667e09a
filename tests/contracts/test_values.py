"""The values that events are made of: what each accepts, what it refuses, and what it says then."""

import copy
import json
import pickle
import re
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError, create_model

from contracts import values
from contracts.values import (
    AccountNumber,
    CaseId,
    Clause,
    Day,
    DocumentNumber,
    Fen,
    IdentityNumber,
    Instant,
    InstitutionName,
    Person,
    PersonName,
    PositiveFen,
    ResidentId,
    Share,
    UnitNumber,
    Uscc,
    VerificationCode,
    document_number,
    instant_text,
    masked,
    require_whole,
    verification_code,
)
from tests.support.people import example_person, example_resident_id, example_uscc, resident_check, uscc_check

ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
UNIT = "340121261006GB00014F00220045"
UNIT_SHOWN = "340121 261006 GB00014 F00220045"
CERTIFICATE = "鲁(2026)聊城市不动产权第0012345号"


def read(kind: Any, value: object) -> Any:
    """`value` as Python gives it."""
    return TypeAdapter(kind).validate_python(value)


def read_json(kind: Any, value: object, *, strict: bool | None = None) -> Any:
    """`value` as the wire gives it."""
    return TypeAdapter(kind).validate_json(json.dumps(value), strict=strict)


def refusal(kind: Any, value: object) -> str:
    """What is said when `value` is refused, from Python and from the wire alike."""
    with pytest.raises(ValidationError) as refused:
        read(kind, value)
    for strict in (None, True):
        with pytest.raises(ValidationError):
            read_json(kind, value, strict=strict)
    return "; ".join(error["msg"] for error in refused.value.errors())


# Money


@pytest.mark.parametrize("kind", [Fen, PositiveFen])
@pytest.mark.parametrize("fen", [1, 80_000_000, 10**15])
def test_fen_is_an_integer(kind: Any, fen: int) -> None:
    assert read_json(kind, fen, strict=True) == read(kind, fen) == fen


@pytest.mark.parametrize("kind", [Fen, PositiveFen])
@pytest.mark.parametrize("wrong", [-1, 10**15 + 1, True, False, 1.0, 1.5, "1", "", None, [1]])
def test_fen_refuses_what_is_not_an_amount(kind: Any, wrong: object) -> None:
    assert refusal(kind, wrong)


def test_no_money_is_fen_but_not_positive_fen() -> None:
    assert read(Fen, 0) == 0
    assert "greater than 0" in refusal(PositiveFen, 0)


# The unit number


def test_a_unit_number_has_28_characters_with_letters() -> None:
    number = read_json(UnitNumber, UNIT, strict=True)
    assert type(number) is UnitNumber and number == UNIT and len(number) == 28
    assert number.shown == UNIT_SHOWN


def test_a_unit_number_is_parsed_as_people_write_it() -> None:
    assert UnitNumber.parse(UNIT_SHOWN) == UnitNumber.parse(UNIT) == UnitNumber.parse(f" {UNIT_SHOWN}\n") == UNIT
    with pytest.raises(ValueError, match="in one piece or in groups of 6-6-7-9"):
        UnitNumber.parse("340121 261006 GB00014F 00220045")
    with pytest.raises(ValueError, match="in one piece or in groups of 6-6-7-9"):
        UnitNumber.parse("340121  261006 GB00014 F00220045")
    with pytest.raises(ValueError, match="has 28 characters"):
        UnitNumber.parse("340121261006GB00014")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (UNIT_SHOWN, "has 28 characters"),
        (UNIT[:-1], "has 28 characters"),
        (UNIT + "0", "has 28 characters"),
        ("", "has 28 characters"),
        (UNIT[:-1] + "\n", "characters 21-28"),
        ("3401212610061100014F00220045", "character 13"),
        ("A" + UNIT[1:], "characters 1-12"),
        (UNIT[:12] + "X" + UNIT[13:], "character 13 .* must be G, J or Z"),
        (UNIT[:13] + "b" + UNIT[14:], "character 14"),
        (UNIT[:14] + "0001X" + UNIT[19:], "characters 15-19"),
        (UNIT[:19] + "1" + UNIT[20:], "character 20"),
        (UNIT[:20] + "0022004X", "characters 21-28"),
        (UNIT.translate(ARABIC_INDIC), "characters 1-12"),
        (UNIT.lower(), "character 13"),
        (28, "must be a string, not int"),
        (None, "must be a string, not NoneType"),
    ],
)
def test_a_unit_number_refuses_and_says_where(wrong: object, why: str) -> None:
    said = refusal(UnitNumber, wrong)
    assert said.startswith("unit number (不动产单元号): ") and re.search(why, said)


@given(st.from_regex(r"[0-9]{12}[GJZ][A-Z][0-9]{5}[A-Z][0-9]{8}", fullmatch=True))
def test_every_unit_number_of_the_layout_is_read_and_shown(text: str) -> None:
    number = UnitNumber(text)
    assert UnitNumber.parse(number.shown) == number
    assert [len(group) for group in number.shown.split(" ")] == [6, 6, 7, 9]


# Types of their own


def test_a_value_of_one_type_is_not_taken_for_another() -> None:
    with pytest.raises(ValidationError, match="a value of type Uscc is something else"):
        read(ResidentId, example_uscc(1))
    with pytest.raises(ValidationError, match="a value of type UnitNumber is something else"):
        read(DocumentNumber, UnitNumber(UNIT))


@pytest.mark.parametrize(
    "value",
    [
        UnitNumber(UNIT),
        DocumentNumber(CERTIFICATE),
        example_resident_id(1),
        example_uscc(1),
        VerificationCode("7K3M-9QXA-0TWZ"),
    ],
)
def test_a_value_survives_copy_pickle_model_and_json(value: Any) -> None:
    kind = cast(Any, type(value))
    holder_type: Any = create_model("Holder", held=(kind, ...))
    holder = holder_type(held=value)
    copies: list[Any] = [
        copy.deepcopy(value),
        pickle.loads(pickle.dumps(value)),  # noqa: S301 just made
        holder_type.model_validate_json(holder.model_dump_json(), strict=True).held,
        holder_type.model_validate(holder.model_dump()).held,
    ]
    for again in copies:
        assert again == value and type(again) is type(value)
    assert holder.model_dump(mode="json") == {"held": str(value)}
    assert read(type(value), value) is value


@pytest.mark.parametrize("kind", [UnitNumber, DocumentNumber, ResidentId, Uscc, VerificationCode])
def test_the_json_schema_has_the_pattern_and_its_example_is_valid(kind: Any) -> None:
    schema = TypeAdapter(kind).json_schema()
    assert schema["type"] == "string" and r"\d" not in schema["pattern"]
    checker: Any = Draft202012Validator(schema)
    (example,) = schema["examples"]
    assert checker.is_valid(example) and read(kind, example) == example
    assert not checker.is_valid(example[:-1]) and not checker.is_valid(example.translate(ARABIC_INDIC))


# Document numbers


@pytest.mark.parametrize(
    ("text", "series", "year", "n"),
    [
        (CERTIFICATE, "鲁(2026)聊城市不动产权", 2026, 12345),
        ("鲁(2026)聊城市不动产证明第0012345号", "鲁(2026)聊城市不动产证明", 2026, 12345),
        ("(2026)聊城证提字第0000012号", "(2026)聊城证提字", 2026, 12),
        ("(2026)聊城工行同字第0000003号", "(2026)聊城工行同字", 2026, 3),
        ("粤(2023)深圳市不动产权第123号", "粤(2023)深圳市不动产权", 2023, 123),
        ("粤(2023)深圳市不动产权第12345678号", "粤(2023)深圳市不动产权", 2023, 12345678),
        ("聊房权证东字第0012345号", "聊房权证东字", None, 12345),
        ("聊房权证2011字第0012345号", "聊房权证2011字", None, 12345),
    ],
)
def test_document_numbers_of_every_form_are_read(text: str, series: str, year: int | None, n: int) -> None:
    number = read_json(DocumentNumber, text, strict=True)
    assert (number, number.series, number.year, number.n) == (text, series, year, n)


@pytest.mark.parametrize("text", ["鲁（2026）聊城市不动产权第0012345号", "鲁（2026)聊城市不动产权第0012345号"])
def test_the_same_document_has_one_number_whatever_its_brackets(text: str) -> None:
    assert DocumentNumber(text) == CERTIFICATE == read_json(DocumentNumber, text)
    assert hash(DocumentNumber(text)) == hash(CERTIFICATE)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("", "1 to 64 characters"),
        ("鲁(2026)" + "聊" * 55 + "第0012345号", "1 to 64 characters"),
        ("鲁(2026)聊城市不动产权第12号", "must end in 第N号"),
        ("鲁(2026)聊城市不动产权第123456789号", "must end in 第N号"),
        ("鲁(2026)聊城市不动产权第0012345", "must end in 第N号"),
        ("鲁(2026)聊城市不动产权第0012345号\n", "must end in 第N号"),
        ("鲁(2026)聊城市不动产权第٠٠١٢٣٤٥号", "must end in 第N号"),
        ("鲁(٢٠٢٦)聊城市不动产权第0012345号", "nothing in brackets but one year"),
        ("鲁(2026)(2026)聊城市不动产权第0012345号", "nothing in brackets but one year"),
        ("鲁(206)聊城市不动产权第0012345号", "nothing in brackets but one year"),
        ("鲁(3026)聊城市不动产权第0012345号", "nothing in brackets but one year"),
        ("鲁(2026)第0012345号", "prefix, (year), word"),
        ("第0012345号", "prefix, (year), word"),
        ("鲁 (2026)聊城市不动产权第0012345号", "prefix, (year), word"),
        ("鲁(2026)聊城<b>第0012345号", "prefix, (year), word"),
        (12345, "must be a string, not int"),
    ],
)
def test_a_document_number_refuses_and_says_why(wrong: object, why: str) -> None:
    said = refusal(DocumentNumber, wrong)
    assert said.startswith("document number (证号): ") and why in said


def test_document_numbers_are_made_with_seven_digits() -> None:
    assert document_number("", 2026, "聊城证提字", 12) == "(2026)聊城证提字第0000012号"
    assert document_number("鲁", 2026, "聊城市不动产权", 99_999_999) == "鲁(2026)聊城市不动产权第99999999号"


@pytest.mark.parametrize("n", [0, -1, 100_000_000])
def test_document_numbers_are_not_made_beyond_the_series(n: int) -> None:
    with pytest.raises(ValueError, match="n must be 1 to 99999999"):
        document_number("", 2026, "聊城证提字", n)


@pytest.mark.parametrize(("year", "word"), [(206, "聊城证提字"), (2026, ""), (2026, "聊 城"), (2026, "(2026)")])
def test_document_numbers_are_not_made_of_wrong_parts(year: int, word: str) -> None:
    with pytest.raises(ValueError, match="document number"):
        document_number("", year, word, 1)


@given(
    prefix=st.sampled_from(["", "鲁", "粤", "辽"]),
    year=st.integers(1000, 2999),
    word=st.text("聊城市深圳不动产权证明字A-7", min_size=1, max_size=40),
    n=st.integers(1, 99_999_999),
)
def test_a_document_number_gives_back_its_parts(prefix: str, year: int, word: str, n: int) -> None:
    number = document_number(prefix, year, word, n)
    assert (number.series, number.year, number.n) == (f"{prefix}({year}){word}", year, n)


# Identity numbers


@given(st.dates(date(1800, 1, 1), date(2099, 12, 31)), st.integers(100_000, 999_999), st.integers(0, 999))
def test_resident_ids_are_checked_by_their_18th_character(born: date, area: int, sequence: int) -> None:
    first17 = f"{area}{born.year}{born:%m%d}{sequence:03d}"
    right = resident_check(first17)
    number = ResidentId(first17 + right)
    assert number.born == born
    for character in set("0123456789X") - {right}:
        with pytest.raises(ValueError, match="character 18 is not the check character"):
            ResidentId(first17 + character)


@given(st.integers(0, 9_999_999), st.integers(0, 15), st.integers(1, 9))
def test_one_mistyped_digit_of_a_resident_id_is_found(n: int, place: int, by: int) -> None:
    right = example_resident_id(n)
    wrong = right[:place] + str((int(right[place]) + by) % 10) + right[place + 1 :]
    with pytest.raises(ValueError, match="resident identity number"):
        ResidentId(wrong)


def with_check(first17: str) -> str:
    return first17 + resident_check(first17)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("", "has 18 characters, this has 0"),
        ("371502900101001", "has 18 characters, this has 15"),
        (example_resident_id(1) + "\n", "has 18 characters, this has 19"),
        (with_check("37150219900101001").translate(ARABIC_INDIC), "characters 1-17 must be digits"),
        ("37150219900101X012", "characters 1-17 must be digits"),
        (with_check("37150219900101002")[:17] + "x", "character 18 must be a digit or X in upper case"),
        (with_check("07150219900101001"), "character 1 starts the area code"),
        (with_check("37150217990101001"), "characters 7-14 are no birth date: the year"),
        (with_check("37150221000101001"), "characters 7-14 are no birth date: the year"),
        (with_check("37150219900230001"), "characters 7-14 are no birth date: there is no such day"),
        (with_check("37150219910229001"), "characters 7-14 are no birth date: there is no such day"),
        (with_check("37150219901301001"), "characters 7-14 are no birth date: there is no such day"),
        ("371502199001010013", "character 18 is not the check character"),
        (371502199001010012, "must be a string, not int"),
    ],
)
def test_a_resident_id_refuses_says_where_and_never_repeats_it(wrong: object, why: str) -> None:
    said = refusal(ResidentId, wrong)
    assert said.startswith("resident identity number (居民身份证号): ") and why in said
    assert "1990" not in said and "371502" not in said


def test_the_29th_of_february_is_a_birthday_in_leap_years() -> None:
    assert ResidentId(with_check("37150220000229001")).born == date(2000, 2, 29)


USCC_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@given(
    st.text(USCC_LETTERS, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(USCC_LETTERS, min_size=9, max_size=9),
)
def test_usccs_are_checked_by_their_18th_character(head: str, area: str, body: str) -> None:
    first17 = head + area + body
    right = uscc_check(first17)
    assert Uscc(first17 + right) == first17 + right
    for character in set(USCC_LETTERS) - {right}:
        with pytest.raises(ValueError, match="character 18 is not the check character"):
            Uscc(first17 + character)


def test_a_uscc_whose_remainder_is_zero_ends_in_0() -> None:
    assert Uscc("000000000000000000")
    assert any(example_uscc(n).endswith("0") for n in range(100))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("", "has 18 characters, this has 0"),
        (example_uscc(1)[:-1], "has 18 characters, this has 17"),
        (example_uscc(1)[:-1] + "\n", "character 18 must be a digit or an upper-case letter"),
        (example_uscc(1).lower(), "character 17 must be a digit or an upper-case letter"),
        (example_uscc(1).translate(ARABIC_INDIC), "character 1 must be a digit or an upper-case letter"),
        *(("9" + letter + "371500MA3C000010", "character 2 must be") for letter in "IOSVZ"),
        ("91A71500MA3C00001J", "characters 3-8 are the area code and must be digits"),
        ("91371500MA3C00001K", "character 18 is not the check character"),
        (91371500, "must be a string, not int"),
    ],
)
def test_a_uscc_refuses_and_says_where(wrong: object, why: str) -> None:
    said = refusal(Uscc, wrong)
    assert said.startswith("unified social credit code (统一社会信用代码): ") and why in said
    assert "371500" not in said


def test_an_identity_number_is_a_residents_or_an_organisations() -> None:
    assert type(read_json(IdentityNumber, example_resident_id(7), strict=True)) is ResidentId
    assert type(read_json(IdentityNumber, example_uscc(7), strict=True)) is Uscc
    assert read(IdentityNumber, example_uscc(7)) == example_uscc(7)
    said = refusal(IdentityNumber, "123")
    assert "居民身份证号" in said and "统一社会信用代码" in said


def test_digits_that_pass_both_checks_are_a_residents_wherever_they_are_read() -> None:
    both = next(
        text
        for n in range(100_000)
        for text in (
            with_check(f"91371519900101{n % 1000:03d}"),
            with_check(f"9137151990{n // 1000 + 101:04d}001"),
        )
        if "X" not in text and uscc_check(text[:17]) == text[17] and text[10:12] in ("01", "02")
    )
    assert Uscc(both) == ResidentId(both)
    assert type(read_json(IdentityNumber, both)) is ResidentId


@pytest.mark.parametrize("number", [example_resident_id(3), example_uscc(3)])
def test_masked_and_repr_hide_the_middle(number: ResidentId | Uscc) -> None:
    assert number.masked() == f"{number[:3]}***{number[-2:]}"
    assert number[3:16] not in repr(number) and repr(number) == f"{type(number).__name__}('{number.masked()}')"


def test_short_text_is_masked_whole() -> None:
    assert masked("1234567890") == masked("") == "***"
    assert masked("12345678901") == "123***01"


def test_the_builders_make_different_people() -> None:
    assert len({example_resident_id(n) for n in range(0, 50_000, 7)}) == 7_143
    assert len({example_uscc(n) for n in range(1_000)}) == 1_000


# Persons


def test_a_person_is_frozen_closed_and_shown_masked() -> None:
    person = example_person(12)
    assert Person.model_validate_json(person.model_dump_json(), strict=True) == person
    assert person.masked() == f"{person.name[0]}** {person.id_number.masked()}"
    assert person.name not in repr(person) and person.id_number[3:16] not in repr(person)
    with pytest.raises(ValidationError, match="frozen"):
        person.name = "别人"  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Person.model_validate({**person.model_dump(), "phone": "1"})


def test_a_refused_person_is_not_repeated_in_the_error() -> None:
    wrong = example_resident_id(5)[:-1] + "x"
    with pytest.raises(ValidationError) as refused:
        Person.model_validate({"name": "王伟", "id_number": wrong})
    assert wrong[3:16] not in str(refused.value) and "character 18" in str(refused.value)


def test_a_reader_may_pass_over_what_a_newer_writer_added_to_a_person() -> None:
    newer = json.dumps({**example_person(1).model_dump(), "phone": "1"})
    assert Person.model_validate_json(newer, strict=True, extra="ignore") == example_person(1)


@pytest.mark.parametrize("name", ["", " 王", "王 ", "王\n伟", "王" * 101, "\u3000王", "\x00", 5, None])
def test_a_name_has_1_to_100_characters_and_no_blank_at_the_ends(name: object) -> None:
    assert refusal(PersonName, name)


@pytest.mark.parametrize("name", ["王", "王伟", "买买提·吐尔逊", "Mary Ann O'Neill", "聊城市某某有限公司", "王" * 100])
def test_names_are_kept_as_written(name: str) -> None:
    assert read_json(PersonName, name, strict=True) == name


# Shares


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6))
def test_shares_of_any_split_sum_to_one(parts: list[int]) -> None:
    fractions = [Fraction(part, sum(parts)) for part in parts]
    shares = [Share(numerator=f.numerator, denominator=f.denominator) for f in fractions]
    assert [share.fraction for share in shares] == fractions
    require_whole(shares)
    with pytest.raises(ValueError, match="must sum to 1"):
        require_whole([*shares, shares[0]])
    with pytest.raises(ValueError, match="must sum to 1"):
        require_whole(shares[1:])


@pytest.mark.parametrize(
    ("numerator", "denominator", "why"),
    [
        (2, 4, "must be reduced"),
        (2, 2, "must be reduced"),
        (3, 2, "at most 1"),
        (0, 1, "greater than or equal to 1"),
        (1, 0, "greater than or equal to 1"),
        (-1, -2, "greater than or equal to 1"),
        (True, 2, "valid integer"),
        (1.0, 2, "valid integer"),
        ("1", 2, "valid integer"),
        (1, 10**9 + 1, "less than or equal to"),
    ],
)
def test_a_share_is_a_reduced_fraction_of_one(numerator: object, denominator: object, why: str) -> None:
    assert why in refusal(Share, {"numerator": numerator, "denominator": denominator})


# Plain strings


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (
            AccountNumber,
            ["1611", "6222-0216-1101-2345678", "A" * 34],
            ["161", "A" * 35, "abcd", "1611\n", "16 11", "١٦١١١", 1611, None],
        ),
        (
            InstitutionName,
            ["a1", "liaocheng-notary", "0" * 41],
            ["a", "-a", "0" * 42, "Liaocheng", "a_b", "a.b", "ab\n", "", 7],
        ),
        (
            CaseId,
            ["LC-001", "LC-2026-000001", "X" * 40],
            ["LC-01", "X" * 41, "lc-0001", "LC-0001\n", "LC 0001", 1],
        ),
        (
            Clause,
            ["LC-F1", "7", "Civil Code 203", "聊自然资规发〔2023〕6号 二", "c" * 120],
            ["", " LC-F1", "LC-F1 ", "LC\nF1", "LC-F1\n", "c" * 121, 203, None],
        ),
        (
            VerificationCode,
            ["7K3M-9QXA-0TWZ", "0000-0000-0000-0000"],
            ["7K3M9QXA0TWZ", "7K3M-9QXA", "7K3M-9QXA-0TWU", "7k3m-9qxa-0twz", "7K3M-9QXA-0TWZ\n", "", 1],
        ),
    ],
)
def test_codes_have_one_spelling(kind: Any, right: list[str], wrong: list[object]) -> None:
    assert [read_json(kind, text, strict=True) for text in right] == right
    for text in wrong:
        assert refusal(kind, text)


def test_bytes_are_no_text() -> None:
    for kind in (AccountNumber, InstitutionName, CaseId, Clause, PersonName, UnitNumber):
        with pytest.raises(ValidationError):
            read(kind, b"LC-0001")


def test_a_verification_code_is_read_as_people_type_it() -> None:
    assert VerificationCode.parse("7k3m 9qxa otwz") == VerificationCode.parse("7K3M9QXA0TWZ") == "7K3M-9QXA-0TWZ"
    assert VerificationCode.parse("iLo0-0000-0000") == "1100-0000-0000"
    with pytest.raises(ValueError, match="three or four groups"):
        VerificationCode.parse("7K3M-9QXA-0TW")


@given(st.binary(min_size=10, max_size=40))
def test_a_verification_code_stands_for_80_bits(material: bytes) -> None:
    code = verification_code(material)
    symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = 0
    for symbol in code.replace("-", ""):
        number = number * 32 + symbols.index(symbol)
    assert number == int.from_bytes(material[:10]) and len(code) == 19


def test_a_verification_code_needs_80_bits() -> None:
    with pytest.raises(ValueError, match="needs 10 bytes of material, not 9"):
        verification_code(b"123456789")


# Moments and days


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-03-20T16:15:00+08:00", "2026-03-20T08:15:00.000Z"),
        ("2026-03-20T08:15:00Z", "2026-03-20T08:15:00.000Z"),
        ("2026-03-20T08:15:00.1Z", "2026-03-20T08:15:00.100Z"),
        ("2026-03-20T23:59:59.999999999Z", "2026-03-20T23:59:59.999Z"),
        ("2024-02-29T00:00:00.000-03:30", "2024-02-29T03:30:00.000Z"),
    ],
)
def test_an_instant_is_written_in_utc_with_milliseconds(text: str, canonical: str) -> None:
    moment = read_json(Instant, text, strict=True)
    assert TypeAdapter(Instant).dump_python(moment, mode="json") == canonical == instant_text(moment)
    assert read_json(Instant, canonical) == moment and moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("2026-03-20T08:15:00", "then Z or an offset"),
        ("2026-03-20", "then Z or an offset"),
        ("2026-03-20 08:15:00Z", "then Z or an offset"),
        ("2026-03-20t08:15:00z", "then Z or an offset"),
        ("2026-03-20T24:00:00Z", "then Z or an offset"),
        ("2026-03-20T23:59:60Z", "then Z or an offset"),
        ("2026-03-20T08:15Z", "then Z or an offset"),
        ("2026-03-20T08:15:00+0800", "then Z or an offset"),
        ("2026-03-20T08:15:00.Z", "then Z or an offset"),
        ("2026-03-20T08:15:00Z\n", "then Z or an offset"),
        ("٢٠٢٦-03-20T08:15:00Z", "then Z or an offset"),
        ("1773994500", "then Z or an offset"),
        ("", "then Z or an offset"),
        ("2026-02-29T08:15:00Z", "there is no such day"),
        ("2026-13-01T08:15:00Z", "there is no such day"),
        ("1900-01-01T00:00:00+08:00", "the year must lie in 1900-2999"),
        ("2999-12-31T23:59:59-08:00", "the year must lie in 1900-2999"),
        ("0001-01-01T00:00:00Z", "then Z or an offset"),
        (1773994500, "must be a datetime or its text, not int"),
        (1773994500.5, "must be a datetime or its text, not float"),
        (True, "must be a datetime or its text, not bool"),
        (None, "must be a datetime or its text, not NoneType"),
    ],
)
def test_an_instant_refuses_what_names_no_moment(wrong: object, why: str) -> None:
    said = refusal(Instant, wrong)
    assert said.startswith("instant: ") and why in said


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (datetime(2026, 3, 20, 8, 15), "has no time zone"),  # noqa: DTZ001 a naive one is what is refused
        (date(2026, 3, 20), "must be a datetime"),
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=8))), "the year must lie in"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=8))), "the year must lie in"),
    ],
)
def test_an_instant_refuses_naive_and_far_datetimes(wrong: object, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        read(Instant, wrong)


def test_instant_text_refuses_a_naive_datetime() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        instant_text(datetime(2026, 3, 20))  # noqa: DTZ001 a naive one is what is refused


@given(
    st.datetimes(
        datetime(1900, 1, 2),  # noqa: DTZ001 hypothesis wants the bounds naive
        datetime(2999, 12, 30),  # noqa: DTZ001
        timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
    )
)
def test_an_instant_reads_back_equal_and_moves_by_less_than_a_millisecond(moment: datetime) -> None:
    kept = read(Instant, moment)
    assert timedelta(0) <= moment - kept < timedelta(milliseconds=1)
    assert read_json(Instant, instant_text(kept), strict=True) == kept


@given(st.dates(date(1900, 1, 1), date(2999, 12, 31)))
def test_a_day_is_a_date(day: date) -> None:
    assert read_json(Day, day.isoformat(), strict=True) == read(Day, day) == day
    assert TypeAdapter(Day).dump_json(day) == f'"{day.isoformat()}"'.encode()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("2026-02-29", "there is no such day"),
        ("2026-2-9", "must be a date"),
        ("20260209", "must be a date"),
        ("2026-02-09T00:00:00", "must be a date"),
        ("1899-12-31", "must be a date"),
        ("2026-02-09\n", "must be a date"),
        ("٢٠٢٦-02-09", "must be a date"),
        (0, "must be a date or YYYY-MM-DD from 1900 on, not int"),
        (None, "must be a date"),
    ],
)
def test_a_day_refuses_everything_else(wrong: object, why: str) -> None:
    assert why in refusal(Day, wrong)


@pytest.mark.parametrize("wrong", [datetime(2026, 2, 9, tzinfo=UTC), date(1899, 12, 31), date(3000, 1, 1)])
def test_a_day_refuses_datetimes_and_far_dates(wrong: object) -> None:
    with pytest.raises(ValidationError, match="must be a date"):
        read(Day, wrong)


def test_every_exported_name_exists() -> None:
    assert all(hasattr(values, name) for name in values.__all__)
