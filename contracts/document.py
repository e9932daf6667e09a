"""Numbered documents (X-5): what an event carries of a certificate, an opinion or a statement.

A rule cannot number a document, for numbers run through all cases of an institution. It says *wanted*, and the
runtime puts the number of the series there before the event is said.
"""

from collections.abc import Iterator
from typing import Any, Self, TypeGuard, cast

from pydantic import BaseModel, ConfigDict

from contracts.values import DocumentNumber, VerificationCode

WANTED = "?"


class Document(BaseModel):
    """A document as its issuer numbered it; anyone can check number and code at the issuer's desk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    number: DocumentNumber
    code: VerificationCode

    @classmethod
    def wanted(cls, title: str, form: str) -> Self:
        """A document still to be numbered. `form` names its series and gives the number's form, with the
        fields `{year}`, `{house}` (the issuer's short name) and `{n}`: `({year}){house}证提字第{n:07d}号`."""
        return cls.model_construct(title=title, number=WANTED + form, code=WANTED)


def is_wanted(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether these JSON values are a document that still wants its number."""
    return isinstance(value, dict) and bool(cast(dict[str, Any], value).get("code") == WANTED)


def documents_in(values: object) -> Iterator[Document]:
    """Every numbered document in an event's JSON values, in their order."""
    if isinstance(values, dict):
        named = cast(dict[str, Any], values)
        if set(named) == set(Document.model_fields):
            yield Document.model_validate(named)
            return
        values = list(named.values())
    if isinstance(values, list):
        for one in cast(list[Any], values):
            yield from documents_in(one)
