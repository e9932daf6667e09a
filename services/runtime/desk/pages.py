"""Reading at a desk: cases, what waits for a person, incidents, what has happened to a subject. For clerks
only: these pages hold personal data."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from contracts.envelope import parse_source, to_data
from contracts.event import Event, Fact
from contracts.procedures import PROCEDURES
from services.runtime.core.facts import Pay, PeriodStarted
from services.runtime.core.file import (
    STANDING,
    File,
    Filed,
    Phase,
    Subject,
)
from services.runtime.core.money import Ledger, OrderState
from services.runtime.core.periods import Unpublished, due
from services.runtime.core.rows import Row
from services.runtime.core.rule import view
from services.runtime.desk.access import Clerk, Here
from services.runtime.desk.actions import Action, case_place, case_row
from services.runtime.desk.documents import documents_in
from services.runtime.institution import Institution
from services.runtime.store import PAGE_ROWS, all_rows

router = APIRouter(tags=["reading"])


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True)


class CaseLine(_Page):
    """A case in the list."""

    case: str
    procedure: str
    edition: str
    phase: Phase
    unit_number: str
    since: datetime


class FactLine(_Page):
    """A fact on file: who said it and when (`time`, theirs), when it came here (`at`), what caused it,
    under which article."""

    id: str
    type: str
    by: str
    time: datetime
    at: datetime
    cause: str | None
    article: str | None
    data: dict[str, Any]


class WorkItem(_Page):
    """Something that waits for a person here. `until` is the last day, by the running period of that name;
    None where none runs, or where the year's holidays are not published (`calendar_unpublished`). `link`
    takes the POST."""

    action: str
    case: str
    subject: str
    about: str
    what: str
    clause: str
    since: datetime
    until: date | None = None
    calendar_unpublished: int | None = None
    link: str | None = None


class MoneyLine(_Page):
    """Money that came in, or was ordered out; `state` says how far an order has come."""

    direction: Literal["in", "out"]
    id: str
    at: datetime
    amount_fen: int
    account: str
    purpose: str | None = None
    state: OrderState | None = None
    about: str | None = None
    because: str | None = None
    reference: str
    rail_transfer: str | None = None


class Money(_Page):
    """A case's money by this institution's own statement and orders: in = out + held, in fen."""

    in_fen: int
    out_fen: int
    held_fen: int
    lines: tuple[MoneyLine, ...]


class DocumentLine(_Page):
    """A numbered document of the case; number and code can be checked at its issuer's desk."""

    number: str
    title: str
    code: str
    issuer: str
    event: str


class Incident(_Page):
    """Something that a person must see. `kind`: `incident` is closed by a clerk, `stopped` is a subject
    that operations resume, `held` is a line that waits for a word that is missing, `struck` one that waits
    until a person decides on a dead letter of it. `help` says where to read what to do."""

    id: str
    kind: Literal["incident", "stopped", "held", "struck"]
    subject: str
    case: str
    since: datetime
    data: dict[str, Any]
    link: str | None = None
    help: str


class CasePage(_Page):
    """One case as this institution has it on file."""

    case: str
    procedure: str
    edition: str
    phase: Phase
    subject: str
    unit_number: str
    facts: tuple[FactLine, ...]
    waiting: tuple[WorkItem, ...]
    money: Money | None
    documents: tuple[DocumentLine, ...]
    incidents: tuple[Incident, ...]


Limit = Annotated[int, Query(ge=1, le=1000, description="at most so many")]
Before = Annotated[str, Query(description="a case's number: only those older than it, for the next page")]
AtMost = Annotated[int | None, Query(ge=1, description="at most so many; all where it is left out")]


@router.get("/cases", summary="The cases on file here, newest first")
async def list_cases(
    _: Clerk, institution: Here, phase: Phase | None = None, limit: Limit = 100, before: Before = ""
) -> list[CaseLine]:
    """Cases that anything is on file of, perhaps only those in one phase; the last one's number as `before` gives the
    next page. 404 where nothing is known of that case."""
    found: list[CaseLine] = []
    subjects: dict[str, Subject] = {}  # a folio may have had many cases
    last = await case_row(institution, before) if before else None
    async for row in all_rows(institution.store, "case", after=last, newest_first=True):
        if row.subject not in subjects:
            subjects[row.subject] = await institution.turns.read_subject(row.subject)
        subject = subjects[row.subject]
        file = subject.file(row.case)
        if phase in (None, file.phase):
            unit = unit_of(subject, file)
            line = CaseLine(
                case=row.case,
                procedure=file.procedure,
                edition=file.edition,
                phase=file.phase,
                unit_number=unit,
                since=row.since,
            )
            found.append(line)
            if len(found) == limit:
                break
    return found


@router.get("/cases/{case}", summary="One case: its file, what waits, its money, its documents")
async def read_case(case: str, request: Request, _: Clerk, institution: Here) -> CasePage:
    """Everything that is on file of a case, in order, with the article it rests on. 404 where nothing
    is."""
    place = await case_place(institution, case)
    subject = await institution.turns.read_subject(place.subject)
    file = subject.file(case)
    rows = list(await institution.store.rows_of(subject.key))
    of_case = [row for row in rows if row.case == case]
    incidents = [row for row in rows if row.kind in ("stopped", "held", "struck")]
    facts = facts_of(subject, file)
    return CasePage(
        case=case,
        procedure=file.procedure,
        edition=file.edition,
        phase=file.phase,
        subject=subject.key,
        unit_number=unit_of(subject, file),
        facts=tuple(_fact_line(f, file) for f in facts),
        waiting=tuple(work_items(institution, request.app.state.actions, of_case)),
        money=_money(institution, subject, file),
        documents=tuple(_documents(facts)),
        incidents=tuple(_incident(row) for row in (*of_case, *incidents) if row.kind in INCIDENT_LINKS),
    )


@router.get("/worklist", summary="What waits for a person here")
async def read_worklist(request: Request, _: Clerk, institution: Here, limit: AtMost = None) -> list[WorkItem]:
    """What there is to do, oldest first: since when, under which clause, until when, and where to hand it
    in."""
    waits = await _oldest(institution, "wait", limit)
    periods = await _oldest(institution, "period")
    return work_items(institution, request.app.state.actions, (*waits, *periods))


@router.get("/incidents", summary="Open incidents")
async def list_incidents(_: Clerk, institution: Here, limit: AtMost = None) -> list[Incident]:
    """What a person must see, oldest first: incidents, stopped subjects, lines that are held."""
    rows = [row for kind in INCIDENT_LINKS for row in await _oldest(institution, kind, limit)]
    return [_incident(row) for row in sorted(rows, key=lambda row: (row.since, row.id))][:limit]


async def _oldest(institution: Institution, kind: str, limit: int | None = None) -> Sequence[Row]:
    """The oldest rows of a kind, or all."""
    if limit is not None and limit <= PAGE_ROWS:
        return await institution.store.rows(kind, limit=limit)
    return [row async for row in all_rows(institution.store, kind)][:limit]


# --- the lines of pages -----------------------------------------------------------------------------------


def facts_of(subject: Subject, file: File) -> list[Filed[Fact]]:
    """A case's facts in order, with those that were said in it and lie on the folio's own file."""
    standing = subject.file(STANDING)
    of_it = [f for facts in standing.facts.values() for f in facts if f.case == file.case and file.case != STANDING]
    return sorted((f for facts in (*file.facts.values(), of_it) for f in facts), key=lambda f: f.order)


def unit_of(subject: Subject, file: File) -> str:
    """The folio that a case is about."""
    named = (getattr(f.fact, "unit_number", None) for facts in file.facts.values() for f in facts)
    return str(next((unit for unit in named if unit is not None), subject.key))


def _fact_line(f: Filed[Fact], file: File) -> FactLine:
    return FactLine(
        id=f.id, type=f.fact.type_name, by=f.speaker, time=f.time, at=f.at, cause=f.cause,
        article=_article(f, file), data=f.fact.to_json(),
    )  # fmt: skip


def _article(f: Filed[Fact], file: File) -> str | None:
    """The article of the case's procedure by which a fact was said, else the one that the fact itself
    names."""
    if isinstance(f.fact, Event):
        procedure = PROCEDURES.get((file.procedure, file.edition))
        article = procedure.article(parse_source(f.speaker)[0], type(f.fact)) if procedure is not None else None
        return article or f.fact.article
    if isinstance(f.fact, Pay):
        return f.fact.because
    if isinstance(f.fact, PeriodStarted):
        return f.fact.period.clause
    return getattr(f.fact, "clause", None)


def work_items(institution: Institution, actions: Sequence[Action], rows: Sequence[Row]) -> list[WorkItem]:
    """What waits, from rows of kind `wait`; rows of kind `period` among them say until when."""
    running = {(r.subject, r.case, r.data["period"]["name"]): r for r in rows if r.kind == "period"}
    return [_work_item(institution, actions, row, running) for row in rows if row.kind == "wait"]


def _work_item(
    institution: Institution, actions: Sequence[Action], row: Row, running: Mapping[tuple[str, str, str], Row]
) -> WorkItem:
    period = running.get((row.subject, row.case, row.data.get("period", "")))
    until: date | Unpublished | None = None
    if period is not None:
        started = PeriodStarted.read(to_data(period.data))  # passes over what workers have marked
        until = due(started.start, started.period, institution.calendar)
    return WorkItem(
        action=row.data["action"],
        case=row.case,
        subject=row.subject,
        about=row.data["about"],
        what=row.data["what"],
        clause=row.data["clause"],
        since=row.since,
        until=until if isinstance(until, date) else None,
        calendar_unpublished=until.year if isinstance(until, Unpublished) else None,
        link=next((link for action in actions if (link := action.link(row)) is not None), None),
    )


def _money(institution: Institution, subject: Subject, file: File) -> Money | None:
    """The case's ledger; None for an institution without accounts."""
    ledger = view(Ledger, subject, file)
    if ledger is None or not (institution.settings.accounts or ledger.receipts or ledger.orders):
        return None
    at = {f.id: f.at for facts in file.facts.values() for f in facts}
    incoming = [
        MoneyLine(
            direction="in", id=r.id, at=r.at, amount_fen=r.fact.amount_fen, account=r.fact.from_account,
            reference=r.fact.reference, rail_transfer=r.fact.rail_transfer,
        )
        for r in ledger.receipts
    ]  # fmt: skip
    outgoing = [
        MoneyLine(
            direction="out", id=o.id, at=at[o.id], amount_fen=o.pay.amount_fen, account=o.pay.to_account,
            purpose=o.pay.purpose.value, state=o.state, about=o.pay.about, because=o.pay.because,
            reference=o.pay.reference,
        )
        for o in ledger.orders
    ]  # fmt: skip
    lines = tuple(sorted((*incoming, *outgoing), key=lambda line: (line.at, line.direction)))
    return Money(in_fen=ledger.in_fen, out_fen=ledger.out_fen, held_fen=ledger.held_fen, lines=lines)


def _documents(facts: Sequence[Filed[Fact]]) -> list[DocumentLine]:
    found: dict[str, DocumentLine] = {}
    for f in facts:
        if isinstance(f.fact, Event):
            for document in documents_in(f.fact):
                line = DocumentLine(
                    number=document.number,
                    title=document.title,
                    code=document.code,
                    issuer=f.speaker,
                    event=f.fact.type_name,
                )
                found.setdefault(document.number, line)
    return list(found.values())


INCIDENT_HELP = {
    "incident": "docs/operations.md#incidents",
    "stopped": "docs/operations.md#stopped-subjects",
    "held": "docs/operations.md#missing-words",
    "struck": "docs/operations.md#struck-words",
}
INCIDENT_LINKS = {"incident": "/incidents/{}/close", "stopped": "/subjects/{}/resume", "held": None, "struck": None}


def _incident(row: Row) -> Incident:
    link = INCIDENT_LINKS[row.kind]
    named = row.id if row.kind == "incident" else row.subject
    return Incident.model_validate(
        {
            "id": row.id, "kind": row.kind, "subject": row.subject, "case": row.case, "since": row.since,
            "data": row.data, "link": link.format(quote(named, safe="")) if link is not None else None,
            "help": INCIDENT_HELP[row.kind],
        }
    )  # fmt: skip
