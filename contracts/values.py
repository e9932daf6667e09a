"""The values that events are made of: money, numbers of things and documents, moments, shares, codes.

Each is strict: one spelling on the wire, `[0-9]` and never "any digit" (there are Arabic-Indic ones), no
number where a string belongs, no string where a number belongs. Identity numbers and canonical JSON have
their own files and are offered from here, so that a file of events imports one module.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from fractions import Fraction
from math import gcd
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)
from pydantic import WithJsonSchema as JsonSchemaOf
from pydantic_core import PydanticCustomError

from contracts.canonical import canonical_json, digest
from contracts.checked_text import CheckedText, masked
from contracts.identity import IdentityNumber, Person, PersonName, ResidentId, Uscc
from contracts.personal import hidden, personal

__all__ = [
    "MAX_FEN", "AccountNumber", "CaseId", "Clause", "Day", "DocumentNumber", "Fen", "FreeText",
    "IdentityNumber", "Instant", "InstitutionName", "Person", "PersonName", "PositiveFen", "ResidentId", "Share",
    "UnitNumber", "Uscc", "VerificationCode", "canonical_json", "digest", "document_number", "instant_text", "masked",
    "require_whole", "verification_code",
]  # fmt: skip

MAX_FEN = 10**15
"""Ten trillion yuan: more than any account holds, less than 2**53, which every JSON reader reads exactly."""

Fen = Annotated[int, Field(strict=True, ge=0, le=MAX_FEN)]
"""Money in fen (1/100 yuan), 0 to 10**15. An integer and nothing else: no bool, float or string."""

PositiveFen = Annotated[int, Field(strict=True, gt=0, le=MAX_FEN)]
"""Money in fen, at least one."""


class UnitNumber(CheckedText):
    """不动产单元号, which names one folio of the register: 28 characters, with letters.

    Layout: 6 county + 3 cadastral area + 3 cadastral block + 2 letters (`G` state land, `J` collective, `Z`
    disputed, then the kind of parcel) + 5 parcel + 1 letter of the fixture (`F` house, `W` none, others) +
    4 building + 4 unit. It has no check character. Source: GB/T 37346-2019; the second and the third letter
    are not looked up in its lists, which have grown before. On the wire always 28 characters; people also
    write it in groups of 6-6-7-9, which `parse` reads and `shown` gives. `UnitNumber(text)` raises
    `PydanticCustomError`.
    """

    __slots__ = ()
    _code = "unit_number"
    _what = "unit number (不动产单元号)"
    _pattern = r"^[0-9]{12}[GJZ][A-Z][0-9]{5}[A-Z][0-9]{8}$"
    _example = "371502001001GB00012F00030045"

    @classmethod
    def _check(cls, text: str) -> str:
        if len(text) != 28:
            raise cls._refuse(f"has 28 characters, this has {len(text)}")
        for start, end, pattern, must in _UNIT_PARTS:
            if not re.fullmatch(pattern, text[start:end]):
                raise cls._refuse(must)
        return text

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the number that a person wrote, in 28 characters or in groups of 6-6-7-9 with blanks.

        Raises `PydanticCustomError`; any other grouping is refused, as it hints at a slip.
        """
        groups = text.strip().split(" ")
        if len(groups) > 1 and [len(group) for group in groups] != [6, 6, 7, 9]:
            raise cls._refuse("is written in one piece or in groups of 6-6-7-9")
        return cls("".join(groups))

    @property
    def shown(self) -> str:
        """The number as certificates print it, in groups of 6-6-7-9."""
        return f"{self[:6]} {self[6:12]} {self[12:19]} {self[19:]}"


_UNIT_PARTS = (
    (0, 12, "[0-9]{12}", "characters 1-12 (county, cadastral area and block) must be digits 0-9"),
    (12, 13, "[GJZ]", "character 13 (right to the land) must be G, J or Z"),
    (13, 14, "[A-Z]", "character 14 (kind of parcel) must be an upper-case letter"),
    (14, 19, "[0-9]{5}", "characters 15-19 (parcel) must be digits 0-9"),
    (19, 20, "[A-Z]", "character 20 (fixture) must be an upper-case letter"),
    (20, 28, "[0-9]{8}", "characters 21-28 (building and unit) must be digits 0-9"),
)

_WORD = "[0-9A-Za-z〇㐀-䶿一-鿿-]"
_DOCUMENT = re.compile(
    rf"(?P<prefix>{_WORD}*?)(?:[(（](?P<year>[12][0-9]{{3}})[)）])?(?P<word>{_WORD}+?)第(?P<n>[0-9]{{3,8}})号"
)


class DocumentNumber(CheckedText):
    """The number of a certificate or another document, such as `鲁(2026)聊城市不动产权第0012345号`.

    Prefix (省简称, or none), the year in brackets, word (place and series), `第N号` with 3 to 8 digits, 64
    characters at most. Source: the registry's certificate forms, 不动产权 for ownership and 不动产证明 for
    mortgages and notices; other documents follow them. House ownership certificates of before 2015 stay
    valid (不动产登记暂行条例 Article 33) and may name no year. Full-width brackets are read too and become
    `()`: both are in use, and one document must not have two numbers. `DocumentNumber(text)` raises
    `PydanticCustomError`.
    """

    __slots__ = ()
    _code = "document_number"
    _what = "document number (证号)"
    _pattern = rf"^{_WORD}*([(（][12][0-9]{{3}}[)）])?{_WORD}+第[0-9]{{3,8}}号$"
    _example = "鲁(2026)聊城市不动产权第0012345号"

    @classmethod
    def _check(cls, text: str) -> str:
        if not 0 < len(text) <= 64:
            raise cls._refuse(f"has 1 to 64 characters, this has {len(text)}")
        if not re.fullmatch("[^\n]*第[0-9]{3,8}号", text):
            raise cls._refuse("must end in 第N号 with 3 to 8 digits 0-9")
        if not _DOCUMENT.fullmatch(text):
            raise cls._refuse(
                "is prefix, (year), word, 第N号, of Chinese characters, Latin letters, digits and -, "
                + "with nothing in brackets but one year 1000-2999"
            )
        return text.replace("（", "(").replace("）", ")")

    @property
    def year(self) -> int | None:
        """The year in brackets, or None where an old certificate names none."""
        year = _parts(self)["year"]
        return None if year is None else int(year)

    @property
    def series(self) -> str:
        """All before `第`: documents of one series differ in their number alone."""
        return self[: self.rindex("第")]

    @property
    def n(self) -> int:
        """The number within the series."""
        return int(self[self.rindex("第") + 1 : -1])


def _parts(number: DocumentNumber) -> dict[str, str | None]:
    found = _DOCUMENT.fullmatch(number)
    return found.groupdict() if found else {"year": None}


def document_number(prefix: str, year: int, word: str, n: int) -> DocumentNumber:
    """Return the number `prefix(year)word第n号`, `n` with 7 digits, as in `(2026)聊城证提字第0000012号`.

    `prefix` may be empty. Raises `PydanticCustomError` where the parts make no document number:
    `n` beyond 1 to 99,999,999, a year beyond 1000 to 2999, a character that has no place there.
    """
    if not 1 <= n <= 99_999_999:
        raise PydanticCustomError(
            "document_number", "document number (证号): n must be 1 to 99999999, not {n}", {"n": n}
        )
    return DocumentNumber(f"{prefix}({year}){word}第{n:07d}号")


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class VerificationCode(CheckedText):
    """What somebody types in to check a document at its issuer, such as `7K3M-9QXA-0TWZ`.

    12 or 16 symbols of Crockford's base 32 (no I, L, O, U) by fours. `parse` reads what people type.
    `VerificationCode(text)` raises `PydanticCustomError`.
    """

    __slots__ = ()
    _code = "verification_code"
    _what = "verification code"
    _pattern = r"^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2,3}$"
    _example = "7K3M-9QXA-0TWZ"

    @classmethod
    def _check(cls, text: str) -> str:
        if not re.fullmatch(cls._pattern[1:-1], text):
            raise cls._refuse("is three or four groups of four, joined by -, of 0-9 and A-Z without I, L, O and U")
        return text

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the code that a person typed: any case, any grouping, o for 0, i and l for 1.

        Raises `PydanticCustomError` for anything else.
        """
        symbols = re.sub("[ -]", "", text).upper().translate(str.maketrans("OIL", "011"))
        return cls("-".join(symbols[start : start + 4] for start in range(0, len(symbols), 4)))


def verification_code(material: bytes) -> VerificationCode:
    """Return the code of 16 symbols for the first 80 bits of `material`, a MAC of the document.

    Made under a key, since nobody may guess codes. Raises `ValueError` for fewer than 10 bytes.
    """
    if len(material) < 10:
        raise ValueError(f"a verification code needs 10 bytes of material, not {len(material)}")
    bits = int.from_bytes(material[:10])
    return VerificationCode.parse("".join(_CROCKFORD[bits >> shift & 31] for shift in range(75, -5, -5)))


class Share(BaseModel):
    """A part of one thing, such as an owner's (按份共有, Civil Code 298): a reduced fraction, at most 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    numerator: Annotated[int, Field(strict=True, ge=1, le=10**9)]
    denominator: Annotated[int, Field(strict=True, ge=1, le=10**9)]

    @model_validator(mode="after")
    def _reduced(self) -> Self:
        if self.numerator > self.denominator:
            raise PydanticCustomError("share", "share: is at most 1, this is more")
        if gcd(self.numerator, self.denominator) != 1:
            raise PydanticCustomError("share", "share: must be reduced, so that equal shares are written alike")
        return self

    @property
    def fraction(self) -> Fraction:
        """The share as an exact number."""
        return Fraction(self.numerator, self.denominator)


def require_whole(shares: Iterable[Share]) -> None:
    """Return nothing if the shares sum to exactly 1. Raises `PydanticCustomError` with their sum if not."""
    total = sum((share.fraction for share in shares), Fraction(0))
    if total != 1:
        raise PydanticCustomError("shares", "shares: must sum to 1, these sum to {total}", {"total": str(total)})


AccountNumber = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9-]{4,34}$"), personal()]
"""A bank account's number: 4 to 34 characters, as an IBAN at most. Personal: logs take `masked(n)`."""

FreeText = Annotated[str, hidden()]
"""What people write in their own words, such as a reason. It may name persons, so nobody outside a case reads it."""

InstitutionName = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9][a-z0-9-]{1,40}$")]
"""An institution's name in topics, addresses and keys, such as `liaocheng-notary`."""

CaseId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9-]{6,40}$")]
"""The id of a case, such as `LC-2026-000001`."""

Clause = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,118}[^\s\x00-\x1f\x7f])?$"),
]
"""The clause that something rests on, `LC-F3` or `Civil Code 203`: one line of 1 to 120 characters."""

_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_ZONE = r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_INSTANT = rf"^(19|2[0-9])[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}T{_CLOCK}(\.[0-9]{{1,9}})?{_ZONE}$"


def _instant(value: Any) -> datetime:
    if isinstance(value, str):
        if not re.fullmatch(_INSTANT[1:-1], value):
            raise _no_instant("text must be YYYY-MM-DDTHH:MM:SS, up to 9 decimals, then Z or an offset such as +08:00")
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _no_instant("there is no such day") from None
    if not isinstance(value, datetime):
        raise _no_instant(f"must be a datetime or its text, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise _no_instant("has no time zone, so it names no moment")
    if value.tzinfo is not UTC:
        try:
            value = value.astimezone(UTC)
        except OverflowError:
            raise _no_instant("the year must lie in 1900-2999") from None
    if not 1900 <= value.year <= 2999:  # far enough from the ends of `datetime` for any later conversion
        raise _no_instant("the year must lie in 1900-2999")
    # Down, never to the nearest: a moment must not move into the next day, where it may be too late.
    finer = value.microsecond % 1000
    return value.replace(microsecond=value.microsecond - finer) if finer else value


def _no_instant(why: str) -> PydanticCustomError:
    return PydanticCustomError("instant", "instant: {why}", {"why": why})


def instant_text(moment: datetime) -> str:
    """Return `moment` as it stands on the wire: UTC with milliseconds, `2026-03-20T08:15:00.000Z`.

    Raises `PydanticCustomError` for a naive datetime.
    """
    return _instant(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(instant_text, return_type=str, when_used="json"),
    JsonSchemaOf(
        {
            "type": "string",
            "format": "date-time",
            "pattern": _INSTANT,
            "examples": ["2026-03-20T08:15:00.000Z"],
        }
    ),
]
"""A moment: a datetime with a time zone, kept in UTC to the millisecond, years 1900 to 2999.

Naive datetimes, dates and numbers are refused, in lax mode too. Text is RFC 3339 in upper case; it is
written in UTC with exactly three decimals. Finer parts of a second are cut off, so that what
is written reads back equal.
"""


def _day(value: Any) -> date:
    if isinstance(value, str) and re.fullmatch("(19|2[0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("day", "day: there is no such day") from None
    if isinstance(value, date) and not isinstance(value, datetime) and 1900 <= value.year <= 2999:
        return value
    raise PydanticCustomError(
        "day", "day: must be a date or YYYY-MM-DD from 1900 on, not {got}", {"got": type(value).__name__}
    )


Day = Annotated[
    date,
    BeforeValidator(_day),
    JsonSchemaOf(
        {
            "type": "string",
            "format": "date",
            "pattern": r"^(19|2[0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}$",
            "examples": ["2026-03-20"],
        }
    ),
]
"""A day of the calendar, 1900 to 2999, in China Standard Time: `YYYY-MM-DD`. No datetime, no number."""
