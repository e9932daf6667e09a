"""A subject's timeline for operations: everything that happened to it, in order, with its places in the
log."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from contracts.envelope import Envelope
from services.runtime.core.file import (
    Admitted,
    Decided,
    Heard,
    Item,
    Kept,
    Letter,
    Readdressed,
    Refused,
    Resumed,
    Said,
    Spoke,
    Stopped,
    Struck,
)
from services.runtime.desk.access import Clerk, Here
from services.runtime.desk.problems import Problem

router = APIRouter(tags=["operations"])


class JournalLine(BaseModel):
    """One thing that happened to a subject, in order; `place` is partition and offset in the inbox. Without
    contents."""

    number: int
    kind: str
    id: str | None = None
    type: str | None = None
    case: str | None = None
    by: str | None = None
    at: datetime | None = None
    place: tuple[int, int] | None = None
    cause: str | None = None
    note: dict[str, Any] = {}


@router.get("/subjects/{subject:path}/journal", summary="Everything that happened to a subject, with its places")
async def read_journal(subject: str, _: Clerk, institution: Here) -> list[JournalLine]:
    """For operations: every item of the journal in order, without the contents. 404 where there is none."""
    items = (await institution.turns.read_subject(subject)).items
    if not items:
        raise Problem(404, "unknown subject", "nothing is known here of this subject")
    return [_journal_line(number, item) for number, item in enumerate(items, start=1)]


def _journal_line(number: int, item: Item) -> JournalLine:
    match item:
        case Heard(letter=letter):
            return _of_letter(number, "heard", letter, {"parked": True} if item.parked else {})
        case Kept(letter=letter):
            return _of_letter(number, item.why, letter, {})
        case Said(filed=f):
            note: dict[str, Any] = {"rule": item.rule, "to": dict(item.to)}
            note |= {"tell": item.tell} if item.tell is not None else {}
            return JournalLine(
                number=number, kind="said", id=f.id, type=f.fact.type_name, case=f.case, by=f.speaker,
                at=f.at, cause=f.cause, note=note,
            )  # fmt: skip
        case Readdressed():
            note = {"to": dict(item.to)}
            return JournalLine(number=number, kind="readdressed", id=item.id, cause=item.cause, note=note)
        case Admitted():
            return JournalLine(number=number, kind="admitted", id=item.id, case=item.case, by=item.source)
        case Struck():
            note = {"why": item.why, "sequence": item.sequence}
            return JournalLine(
                number=number, kind="struck", id=item.id, case=item.case, by=item.source, at=item.at,
                place=item.place, note=note,
            )  # fmt: skip
        case Decided():
            note = {"how": item.how, "letter": item.letter}
            return JournalLine(number=number, kind="decided", id=item.word, cause=item.command, note=note)
        case Spoke():
            note = {"rule": item.rule, "mark": item.mark}
            return JournalLine(number=number, kind="spoke", case=item.case, note=note)
        case Refused(refusal=r):
            note = {"title": r.title, "detail": r.detail, "clause": r.clause, "status": r.status}
            return JournalLine(number=number, kind="refused", id=item.id, note=note)
        case Stopped():
            note = {"error": item.error}
            return JournalLine(number=number, kind="stopped", id=item.letter_id, note=note)
        case Resumed():
            return JournalLine(number=number, kind="resumed", id=item.id)


def _of_letter(number: int, kind: str, letter: Letter, note: dict[str, Any]) -> JournalLine:
    e: Envelope = letter.envelope
    note = note if e.sequence is None else {**note, "sequence": e.sequence}
    return JournalLine(
        number=number, kind=kind, id=e.id, type=e.type, case=e.case, by=e.source, at=letter.at,
        place=letter.place, cause=e.cause, note=note,
    )  # fmt: skip
