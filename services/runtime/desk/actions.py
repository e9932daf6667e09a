"""What can be done at a desk: the table's lines, and where a command goes."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from contracts.procedures import PROCEDURES
from contracts.values import CaseId, UnitNumber
from services.runtime.core.facts import Command, Pay
from services.runtime.core.file import STANDING
from services.runtime.core.rows import Row
from services.runtime.desk.problems import Problem
from services.runtime.institution import Institution
from services.runtime.statement import UNMATCHED
from services.runtime.store import all_rows

_CASE_ID: TypeAdapter[str] = TypeAdapter(CaseId)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose file a command goes to: the subject, and the case (empty: what belongs to no case)."""

    subject: str
    case: str = STANDING


@dataclass(frozen=True, slots=True)
class Handed:
    """What was handed in at the desk: `path` has the path's parameters, `id` is the command's."""

    institution: Institution
    path: Mapping[str, str]
    fact: Command
    id: str


Where = Callable[[Handed], Awaitable[Place]]
Fill = Callable[[Institution], Mapping[str, Any]]
LookUp = Callable[[Institution], Awaitable[Mapping[str, Any]]]
Find = Callable[[Institution, Mapping[str, str]], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Action:
    """One thing that can be done at a desk. The body has the command's own fields, without `by_clerk`;
    those that the path names may be left out, and so may those that `fill` knows. Those in `looked_up` are
    never the clerk's to say: `look_up` finds them, perhaps in another subject, as it stands at that moment, or
    `find` where the path's parameters say of what.
    `answers` is the worklist's word for what it does."""

    command: type[Command]
    path: str
    summary: str
    clause: str
    example: Mapping[str, Any]
    where: Where
    answers: str = ""
    fill: Fill | None = None
    filled: tuple[str, ...] = ()
    look_up: LookUp | None = None
    find: Find | None = None
    looked_up: tuple[str, ...] = ()

    @property
    def in_path(self) -> tuple[str, ...]:
        """The path's parameters."""
        return tuple(re.findall(r"{(\w+)[:}]", self.path))

    @property
    def optional(self) -> tuple[str, ...]:
        """The command's fields that the body may leave out because the desk knows them."""
        return (*(name for name in self.in_path if name in self.command.model_fields), *self.filled)

    async def looked_up_now(self, institution: Institution, path: Mapping[str, str]) -> Mapping[str, Any]:
        """What the desk itself knows of a command to this path. Raises Problem where the path names nothing."""
        found = await self.look_up(institution) if self.look_up is not None else {}
        return {**found, **(await self.find(institution, path))} if self.find is not None else found

    def link(self, row: Row) -> str | None:
        """The path at which what waits in this row is done; None where this is not the action for it."""
        fits = {
            "cases": row.case != STANDING,
            "unmatched": row.subject.startswith(UNMATCHED),
            "payments": True,
        }
        fits["folios"] = row.case == STANDING and not fits["unmatched"]
        if row.data["action"] != self.answers or not fits.get(self.path.split("/")[1], False):
            return None
        values = {
            "case": row.case,
            "unit_number": row.subject,
            "account": row.subject.removeprefix(UNMATCHED),
        }
        values |= {"payment": row.data["about"]}
        return self.path.format_map({name: quote(value, safe="") for name, value in values.items()})


# --- where a command goes ---------------------------------------------------------------------------------


async def in_case(handed: Handed) -> Place:
    """`/cases/{case}/…`: the case's own subject."""
    return await case_place(handed.institution, handed.path["case"])


async def case_place(institution: Institution, case: str) -> Place:
    """Where a case lies. Raises Problem 404 where nothing is known of it here."""
    row = await case_row(institution, case)
    return Place(row.subject, row.case)


async def case_row(institution: Institution, case: str) -> Row:
    """The row by which a case is found. Raises Problem 404 where nothing is known of it here."""
    row = await institution.store.row(f"case/{case}")
    if row is None:
        raise Problem(404, "unknown case", f"nothing is known here of case {case[:40]}", clause="X-3")
    return row


async def in_case_on_folio(handed: Handed) -> Place:
    """`/cases/{case}/…`, for a command that may be the first that is heard of a case here: one that is known keeps its
    own subject, another lies on the folio that the command names. Raises Problem 422 for what is no case's name."""
    case = handed.path["case"]
    row = await handed.institution.store.row(f"case/{case}")
    if row is not None:
        return Place(row.subject, row.case)
    try:
        _CASE_ID.validate_python(case)
    except ValidationError as error:
        raise Problem.invalid([("path.case", error.errors(include_input=False)[0]["msg"])]) from None
    unit: str = getattr(handed.fact, "unit_number", "")
    return Place(unit, case)


async def in_case_that_waits(handed: Handed) -> Place:
    """`/cases/{case}/…`: the case's own subject; of a case that is not known here any more, wherever something of it
    still waits for a person. Raises Problem 404."""
    store, case = handed.institution.store, handed.path["case"]
    if await store.row(f"case/{case}") is None:
        async for wait in all_rows(store, "wait"):
            if wait.case == case:
                return Place(wait.subject, case)
    return await in_case(handed)


async def on_folio(handed: Handed) -> Place:
    """`/folios/{unit_number}/…`: the folio itself, whatever becomes of the cases."""
    return Place(unit_number(handed.path["unit_number"]))


def unit_number(text: str) -> UnitNumber:
    """The unit number in a path. Raises Problem 422."""
    try:
        return UnitNumber(text)
    except ValueError as error:
        raise Problem.invalid([("path.unit_number", str(error))]) from None


async def of_unmatched_money(handed: Handed) -> Place:
    """`/unmatched/{account}/…`: money on this account that names no case known here."""
    place = Place(UNMATCHED + handed.path["account"])
    if not (await handed.institution.turns.read_subject(place.subject)).items:
        raise Problem(404, "no unmatched money", "no money that names no case has come on this account")
    return place


async def of_incident(handed: Handed) -> Place:
    """`/incidents/{incident}/…`: wherever the incident lies."""
    row = await handed.institution.store.row(handed.path["incident"])
    if row is None or row.kind != "incident":
        raise Problem(404, "unknown incident", "no incident of this id is open here")
    return Place(row.subject, row.case)


async def of_payment(handed: Handed) -> Place:
    """`/payments/{payment}/…`: wherever the payment was ordered. One that failed has no row of its own any
    more: it is found through what waits for a clerk because of it."""
    store, payment = handed.institution.store, handed.path["payment"]
    row = await store.row(payment)
    if row is not None and row.kind == "payment":
        return Place(row.subject, row.case)
    places = {
        (w.subject, w.case): w.data["about"] == payment
        async for w in all_rows(store, "wait")
        if w.data["action"] == "order-payment-again"
    }
    for (key, case), named in sorted(places.items(), key=lambda place: not place[1]):
        subject = await handed.institution.turns.read_subject(key)
        if named or any(pay.id == payment for pay in subject.file(case).every(Pay)):
            return Place(key, case)
    raise Problem(404, "unknown payment", "no payment of this id is open here, or has failed", clause="X-1")


async def of_subject(handed: Handed) -> Place:
    """`/subjects/{subject}/…`: the subject itself, which must be known here."""
    subject = await handed.institution.turns.read_subject(handed.path["subject"])
    if not subject.items:
        raise Problem(404, "unknown subject", "nothing is known here of this subject")
    return Place(subject.key)


async def opens_case(handed: Handed) -> Place:
    """A new case on the folio that the command names. Its id follows from the command's, so that the same
    command opens the same case."""
    procedure: str = getattr(handed.fact, "procedure", "")
    known = any(procedure == name for name, _ in PROCEDURES)
    first, *others = procedure.split("-") if known else ("CASE",)
    prefix = first + "".join(word[0] for word in others)
    unit: str = getattr(handed.fact, "unit_number", "")
    return Place(unit, f"{prefix}-{handed.id.replace('-', '')[:12].upper()}")
