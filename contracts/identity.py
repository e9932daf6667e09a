"""Who somebody is: identity numbers with their check characters, and persons. All of it is personal data."""

import re
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.checked_text import CheckedText
from contracts.personal import personal


class ResidentId(CheckedText):
    """居民身份证号码 of a natural person: 6 area + 8 birth date + 3 sequence + 1 check character, 18 in all.

    Source: GB 11643-1999; the check character is ISO 7064 MOD 11-2, `X` standing for 10, in upper case only.
    The birth date must exist; whether it lies in the past needs a clock and is not asked here. The area code
    is not looked up: areas are renamed and dissolved, the numbers stay. `ResidentId(text)` raises
    `PydanticCustomError`; like every error here it names places and never repeats the number.
    """

    __slots__ = ()
    _code = "resident_id"
    _what = "resident identity number (居民身份证号)"
    _pattern = r"^[1-9][0-9]{5}(18|19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]$"
    _example = "371502199001010012"
    _personal = True

    @classmethod
    def _check(cls, text: str) -> str:
        # The messages name places, never characters: they end up in logs.
        if len(text) != 18:
            raise cls._refuse(f"has 18 characters, this has {len(text)}")
        if not re.fullmatch("[0-9]{17}", text[:17]):
            raise cls._refuse("characters 1-17 must be digits 0-9")
        if text[17] not in "0123456789X":
            raise cls._refuse("character 18 must be a digit or X in upper case")
        if text[0] == "0":
            raise cls._refuse("character 1 starts the area code and is not 0")
        if text[6:8] not in ("18", "19", "20"):
            raise cls._refuse("characters 7-14 are no birth date: the year must lie in 1800-2099")
        try:
            date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
        except ValueError:
            raise cls._refuse("characters 7-14 are no birth date: there is no such day") from None
        weighed = sum(int(digit) * weight for digit, weight in zip(text, _RESIDENT_WEIGHTS, strict=False))
        if text[17] != "10X98765432"[weighed % 11]:
            raise cls._refuse("character 18 is not the check character of the other 17: one of them is mistyped")
        return text

    @property
    def born(self) -> date:
        """The birth date that the number names."""
        return date(int(self[6:10]), int(self[10:12]), int(self[12:14]))


_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


class Uscc(CheckedText):
    """统一社会信用代码 of an organisation: authority, category, 6 area digits, 9 body, 1 check character.

    Source: GB 32100-2015; the alphabet leaves out I, O, S, V and Z, weights are 3^i mod 31. The nine
    characters of the body (GB 11714) are not checked on their own. `Uscc(text)` raises `PydanticCustomError`.
    """

    __slots__ = ()
    _code = "uscc"
    _what = "unified social credit code (统一社会信用代码)"
    _pattern = r"^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$"
    _example = "91371500MA3C00001J"
    _personal = True  # a sole trader's code leads to one person

    @classmethod
    def _check(cls, text: str) -> str:
        if len(text) != 18:
            raise cls._refuse(f"has 18 characters, this has {len(text)}")
        for place, character in enumerate(text, start=1):
            if character not in _USCC_ALPHABET:
                raise cls._refuse(f"character {place} must be a digit or an upper-case letter other than I, O, S, V, Z")
        if not re.fullmatch("[0-9]{6}", text[2:8]):
            raise cls._refuse("characters 3-8 are the area code and must be digits")
        weighed = sum(_USCC_ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(text[:17]))
        if _USCC_ALPHABET.index(text[17]) != -weighed % 31:
            raise cls._refuse("character 18 is not the check character of the other 17: one of them is mistyped")
        return text


_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"

IdentityNumber = Annotated[ResidentId | Uscc, Field(union_mode="left_to_right"), personal()]
"""The identity number of a party, a natural person's or an organisation's.

The rare eighteen digits that pass both checks are read as a resident's, everywhere.
"""

PersonName = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,98}[^\s\x00-\x1f\x7f])?$"),
    personal(),
]
"""A name as the certificate writes it: 1 to 100 characters, no controls, no blank at either end."""


class Person(BaseModel):
    """A party as documents name it. Frozen; its `ValidationError` does not repeat the input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: PersonName = Field(repr=False)
    id_number: IdentityNumber

    def masked(self) -> str:
        """The person for logs and public pages: the first character of the name, and the masked number."""
        return f"{self.name[0]}** {self.id_number.masked()}"
