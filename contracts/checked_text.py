"""Text that cannot be wrong: a `str` subclass whose every instance has passed its own check."""

from typing import Any, ClassVar, LiteralString, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def masked(text: str) -> str:
    """Return `text` for logs and public pages: its first 3 and last 2 characters, `***` between them.

    Text of up to 10 characters becomes `***`: never half of it or more is shown.
    """
    return f"{text[:3]}***{text[-2:]}" if len(text) > 10 else "***"


class CheckedText(str):
    """A `str` of a type of its own: made, copied or read from JSON, it has passed `_check`.

    A value of one such type is not accepted as another: an identity number is never taken for a unit number.
    A subclass sets the class variables and writes `_check`, which returns the wire form or calls `_refuse`.
    """

    __slots__ = ()

    _code: ClassVar[LiteralString]
    """The error's type, for programs."""
    _what: ClassVar[str]
    """What it is, for people."""
    _pattern: ClassVar[str]
    """What JSON Schema can say of it, in what every reader's regular expressions understand alike."""
    _example: ClassVar[str]
    """One made-up instance that is valid, for schemas and documentation."""
    _personal: ClassVar[bool] = False
    """Whether it is personal data: then `repr` hides it, so that no log or traceback shows it by accident."""

    def __new__(cls, text: str) -> Self:
        """Return `text` in its wire form. Raises `PydanticCustomError`, a `ValueError`: what, where, why."""
        return super().__new__(cls, cls._check(text))

    @classmethod
    def _check(cls, text: str) -> str:
        """The wire form of `text`; each kind of text says which that is. Raises `PydanticCustomError`."""
        raise TypeError(f"{cls.__name__} does not say which texts it takes")

    @classmethod
    def _refuse(cls, why: str) -> PydanticCustomError:
        return PydanticCustomError(cls._code, "{what}: {why}", {"what": cls._what, "why": why})

    @classmethod
    def _validated(cls, value: Any) -> Self:
        if type(value) is cls:
            return value
        if isinstance(value, CheckedText):
            raise cls._refuse(f"a value of type {type(value).__name__} is something else")
        if not isinstance(value, str):
            raise cls._refuse(f"must be a string, not {type(value).__name__}")
        return cls(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._validated)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": cls._pattern, "title": cls.__name__, "examples": [cls._example]}

    def masked(self) -> str:
        """The value for logs and public pages: first 3 and last 2 characters."""
        return masked(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({(self.masked() if self._personal else str(self))!r})"
