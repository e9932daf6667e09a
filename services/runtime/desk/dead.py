"""Dead letters at the desk: what could not be accepted, why, what to do, and a person's decision on it. For clerks
only: a record is shown as it came, and may hold personal data."""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict

from contracts.envelope import MAX_VALUE_BYTES, Malformed, decode, to_data
from services.runtime.core.dead import KeptBytes, KeptHeader, KeptRecord
from services.runtime.core.facts import DeadLetterRetried, DeadLetterSkipped
from services.runtime.core.file import Subject
from services.runtime.core.rows import Row, decided_row
from services.runtime.dead_letters import DeadLetter, reason_of
from services.runtime.desk.access import Clerk, Here
from services.runtime.desk.actions import Action, Handed, Place
from services.runtime.desk.problems import Problem
from services.runtime.institution import Institution

router = APIRouter(tags=["operations"])

UNREADABLE = "dead-letters"
"""The subject on which decisions about records lie that nobody can read the subject of."""
MOST_RETRIED_BYTES = MAX_VALUE_BYTES - 16 * 1024
"""A command goes through the inbox like any other record; this leaves room for what stands around the record in it."""
MOST_SHOWN = 200
CLAUSE = "architecture, decision 6"
HELP = "docs/operations.md#{}"

Status = Literal["open", "retried", "skipped"]


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True)


class LetterDecision(_Page):
    """What a person decided: `by` is the clerk, `command` where it can be looked up."""

    how: Literal["retried", "skipped"]
    by: str
    at: datetime
    command: str
    note: str | None = None


class DeadLetterLine(_Page):
    """A dead letter. `number` is its place in the institution's topic of them, `name` is the same for every copy of it,
    `place` partition and offset in the inbox. Type, speaker, case and subject are what its headers and key say."""

    number: int
    name: str
    status: Status
    reason: str
    where: str
    why: str
    at: datetime
    place: tuple[int, int]
    type: str | None
    speaker: str | None
    case: str | None
    subject: str | None
    decision: LetterDecision | None = None


class DeadLetterList(_Page):
    """A page; `next` is the number where the next one starts, if there is more."""

    letters: tuple[DeadLetterLine, ...]
    next: int | None


class DeadLetterPage(DeadLetterLine):
    """A dead letter as it came: bytes as `text` where they are UTF-8, else as `base64`. `became` says where a retried
    one is now."""

    what_to_do: str
    help: str
    became: Literal["heard", "parked", "held", "refused", "struck"] | None
    key: KeptBytes | None
    value: KeptBytes | None
    headers: tuple[KeptHeader, ...]


Start = Annotated[int, Query(ge=0, lt=2**62, description="from this number on")]
Limit = Annotated[int, Query(ge=1, le=200, description="look at so many records at most")]
Every = Annotated[bool, Query(alias="all", description="also those that were decided on")]
Number = Annotated[int, Path(ge=0, lt=2**62)]


@router.get("/dead-letters", summary="Dead letters, oldest first")
async def list_dead_letters(
    _: Clerk, institution: Here, start: Start = 0, limit: Limit = 50, every: Every = False
) -> DeadLetterList:
    """Those that nobody has decided on, or with `all` all of them; a page may have none and yet not be the last.
    Copies of one on the same page are shown once."""
    found, following = await institution.dead_letters.page(start, limit)
    first = {letter.name: letter for letter in reversed(found)}
    lines = await asyncio.gather(*(_line(institution, letter) for letter in reversed(first.values())))
    return DeadLetterList(letters=tuple(one for one in lines if every or one.status == "open"), next=following)


@router.get("/dead-letters/{dead_letter}", summary="One dead letter, whole")
async def read_dead_letter(_: Clerk, institution: Here, dead_letter: Number) -> DeadLetterPage:
    """What, where, why, what to do, and what has become of it. 404 where there is none of this number."""
    letter = await _numbered(institution, dead_letter)
    line = await _line(institution, letter)
    subject = await institution.turns.read_subject(_subject_of(letter))
    reason, kept = reason_of(letter.where, letter.why), KeptRecord.of(letter.received.record)
    return DeadLetterPage(
        **dict(line),
        what_to_do=reason.what_to_do,
        help=HELP.format(reason.name),
        became=_became(subject, letter.name),
        key=kept.key,
        value=kept.value,
        headers=kept.headers,
    )


# --- deciding -------------------------------------------------------------------------------------------------------


async def _of_dead_letter(handed: Handed) -> Place:
    """`/dead-letters/{dead_letter}/…`: the subject that its record is about, as far as it can be read."""
    return Place(_subject_of(await _named(handed.institution, handed.path)))


async def _name(institution: Institution, path: Mapping[str, str]) -> Mapping[str, Any]:
    return {"letter": (await _named(institution, path)).name}


async def _name_and_record(institution: Institution, path: Mapping[str, str]) -> Mapping[str, Any]:
    """What a retry hands in again: the record as it came, byte by byte."""
    letter = await _named(institution, path)
    record = KeptRecord.of(letter.received.record).model_dump(mode="json", exclude_none=True)
    if len(to_data(record)) > MOST_RETRIED_BYTES:
        detail = (
            f"with its headers it has more than {MOST_RETRIED_BYTES} bytes: its speaker says it anew, or it is skipped"
        )
        raise Problem(422, "too large to be retried", detail, clause=CLAUSE)
    return {"letter": letter.name, "place": [letter.received.partition, letter.received.offset], "record": record}


ACTIONS = (
    Action(
        command=DeadLetterRetried,
        path="/dead-letters/{dead_letter}/retry",
        summary="Hand a dead letter in again: the same bytes, through the same checks",
        clause=CLAUSE,
        example={"note": "Release 0.2.0 knows this type."},
        where=_of_dead_letter,
        find=_name_and_record,
        looked_up=("letter", "place", "record"),
    ),
    Action(
        command=DeadLetterSkipped,
        path="/dead-letters/{dead_letter}/skip",
        summary="Pass over a dead letter, so that its line goes on",
        clause=CLAUSE,
        example={"note": "Called the bank: said by mistake, and nothing rests on it."},
        where=_of_dead_letter,
        find=_name,
        looked_up=("letter",),
    ),
)


async def _named(institution: Institution, path: Mapping[str, str]) -> DeadLetter:
    number = path["dead_letter"]
    if re.fullmatch("[0-9]{1,18}", number) is None:
        raise _unknown()
    return await _numbered(institution, int(number))


async def _numbered(institution: Institution, number: int) -> DeadLetter:
    found = await institution.dead_letters.one(number)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> Problem:
    return Problem(404, "unknown dead letter", "there is no dead letter of this number here")


# --- the lines of pages ---------------------------------------------------------------------------------------------


async def _line(institution: Institution, letter: DeadLetter) -> DeadLetterLine:
    row = await institution.store.row(decided_row(letter.name))
    decision = _decision(row) if row is not None else None
    said = {name: _shown(value) for name, value in letter.received.record.headers}
    return DeadLetterLine(
        number=letter.number,
        name=letter.name,
        status=decision.how if decision is not None else "open",
        reason=reason_of(letter.where, letter.why).name,
        where=letter.where,
        why=letter.why,
        at=letter.received.at,
        place=(letter.received.partition, letter.received.offset),
        type=said.get("ce_type"),
        speaker=said.get("ce_source"),
        case=said.get("ce_subject"),
        subject=_shown(letter.received.record.key),
        decision=decision,
    )


def _decision(row: Row) -> LetterDecision:
    return LetterDecision.model_validate({**row.data, "at": row.since})


def _subject_of(letter: DeadLetter) -> str:
    """Whose file the decision belongs to. In which partition the record stood does not matter for that."""
    try:
        return decode(letter.received.record).key
    except Malformed:
        return UNREADABLE


def _shown(value: bytes | None) -> str | None:
    """Text of a sender's for a line: no longer than a line, whatever it is."""
    return None if value is None else value.decode(errors="replace")[:MOST_SHOWN]


def _became(subject: Subject, name: str) -> Literal["heard", "parked", "held", "refused", "struck"] | None:
    """Where the word of a retried dead letter is on its subject now."""
    decided = subject.decided.get(name)
    if decided is None or decided.how == "skipped":
        return None
    if any(struck.id == decided.word for struck in subject.struck.values()):
        return "struck"
    if any(parked.id == decided.word for file in subject.files.values() for parked in file.parked):
        return "parked"
    if any(kept.envelope.id == decided.word for held in subject.held.values() for kept in held.values()):
        return "held"
    return "refused" if subject.outcomes.get(decided.word) is not None else "heard"
