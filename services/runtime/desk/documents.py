"""The public check of a document (X-5): whoever holds its number and code learns whether it is genuine, and
what it says, with no personal data."""

import hmac
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from contracts.checked_text import CheckedText
from contracts.document import Document
from contracts.event import Event, Fact
from contracts.values import DocumentNumber, Instant, Person, VerificationCode, instant_text
from services.runtime.core.file import Filed, Subject
from services.runtime.desk.access import Here
from services.runtime.desk.problems import Problem
from services.runtime.institution import Institution

router = APIRouter(tags=["public"])


class CheckedDocument(BaseModel):
    """A document that this institution issued. `content` is what the event of this type says, without
    personal data: money in fen, days, numbers of things; people and accounts are left out or masked."""

    model_config = ConfigDict(frozen=True)

    number: DocumentNumber
    title: str
    issuer: str
    valid: Literal[True] = True
    issued_at: Instant
    event: str
    content: dict[str, Any]


@router.get("/documents/{number}", summary="Whether a document is genuine")
async def check_document(
    number: str,
    institution: Here,
    code: Annotated[str, Query(max_length=40, description="the verification code on it", examples=["7K3M-9QXA-0TWZ"])],
) -> CheckedDocument:
    """Open to everybody. 404 alike for a wrong code and for a number that was never given, so that nobody
    learns numbers here."""
    found = await genuine(institution, number, code)
    if found is None:
        raise Problem(404, "no such document", "no document of this number and code was issued here", clause="X-5")
    document, event = found
    return CheckedDocument(
        number=document.number,
        title=document.title,
        issuer=institution.house.title,
        issued_at=event.at,
        event=event.fact.type_name,
        content=without_personal_data(event.fact),
    )


async def genuine(institution: Institution, number: str, code: str) -> tuple[Document, Filed[Event]] | None:
    """The document of this number, and the event it was issued with; None where the code is not its own.

    The code follows from the number and the institution's key, so a wrong one is known as wrong without
    looking anything up: the time it takes is the same for every number.
    """
    house = institution.house
    wanted = _typed(DocumentNumber, number)
    given = _typed(VerificationCode, code)
    if not hmac.compare_digest(house.code(wanted).encode(), given.encode()):
        return None
    row = await institution.store.row(f"document/{wanted}")
    subject = await institution.turns.read_subject(row.subject) if row is not None else Subject("")
    for filed in _said(subject, house.source):
        for document in documents_in(filed.fact):
            if document.number == wanted:
                return document, filed
    return None  # it was numbered, and then not issued


def documents_in(value: object) -> Iterator[Document]:
    """Every numbered document in a fact."""
    if isinstance(value, Document):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from documents_in(getattr(value, name))
    elif isinstance(value, tuple | list):
        for one in cast(Iterable[object], value):
            yield from documents_in(one)


def without_personal_data(fact: Fact) -> dict[str, Any]:
    """What anybody may read of a fact: what is known to name nobody. People are masked; plain text is left
    out, for it may be an account or a name."""
    found = _public(fact)
    return {} if found is _LEFT_OUT else found


_LEFT_OUT: Any = object()


def _public(value: object) -> Any:
    match value:
        case Person():
            return value.masked()
        case Document():
            return {"title": value.title, "number": str(value.number)}
        case BaseModel():
            parts = {name: _public(getattr(value, name)) for name in type(value).model_fields}
            return {name: part for name, part in parts.items() if part is not _LEFT_OUT} or _LEFT_OUT
        case CheckedText():
            return value.masked() if value._personal else str(value)  # pyright: ignore[reportPrivateUsage]
        case Enum():
            return value.value
        case bool() | int():
            return value
        case datetime():
            return instant_text(value)
        case date():
            return value.isoformat()
        case tuple() | list():
            listed = [_public(one) for one in cast(Iterable[object], value)]
            return [part for part in listed if part is not _LEFT_OUT] or _LEFT_OUT
        case _:
            return _LEFT_OUT


def _typed(kind: type[DocumentNumber] | type[VerificationCode], text: str) -> str:
    """A number or a code as its issuer writes it, whatever brackets or case somebody typed."""
    try:
        return kind.parse(text) if issubclass(kind, VerificationCode) else kind(text)
    except ValueError:
        return text


def _said(subject: Subject, source: str) -> Iterator[Filed[Event]]:
    for file in subject.files.values():
        for facts in file.facts.values():
            for filed in facts:
                if isinstance(filed.fact, Event) and filed.speaker == source:
                    yield cast(Filed[Event], filed)
