"""Commands at a desk: a table of what can be done there, and from it the calls that hand it in and tell
what became of it.

A desk changes nothing itself. It appends the command to the institution's own inbox, and reads the outcome
back.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.envelope import Envelope, to_data
from services.runtime import logs
from services.runtime.claims import CLAIM, TOLD, claim_id, told_text
from services.runtime.core.facts import Command, SubjectResumed
from services.runtime.core.file import Refusal, Subject
from services.runtime.core.fold import derived_id
from services.runtime.core.rows import Row
from services.runtime.desk.access import Clerk, Here
from services.runtime.desk.actions import Action, Handed, Place
from services.runtime.desk.body import read_object
from services.runtime.desk.outcome import Outcome, outcome_of
from services.runtime.desk.problems import Problem, field_errors
from services.runtime.institution import Institution

LONGEST_WAIT_S = 30
POLL_EVERY_S = 0.1


class Desk(APIRouter):
    """The calls of a table of actions; an institution adds its own for reading."""

    def __init__(self, *actions: Action) -> None:
        super().__init__()
        self.actions = actions
        for action in actions:
            self.add_api_route(
                action.path,
                _endpoint(action),
                methods=["POST"],
                status_code=202,
                name=_name(action),
                operation_id=_name(action),
                summary=action.summary,
                description=f"{action.command.__doc__}\n\nRests on {action.clause}.",
                tags=["commands"],
                response_model=None,
            )


def _name(action: Action) -> str:
    words = re.findall(r"[a-z]+", re.sub(r"{[^}]*}", "", action.path))
    return "-".join(("post", *words))


# --- handing in -------------------------------------------------------------------------------------------

IdempotencyKey = Annotated[
    str | None,
    Header(
        description="Required. The same key with the same body has the same outcome; with another body it is refused.",
        examples=["5f0c1c7e-sale-lc-ht-000123"],
    ),
]
Prefer = Annotated[
    list[str] | None,
    Header(
        description=f"`wait=N`: wait up to N seconds (at most {LONGEST_WAIT_S}) for the outcome (RFC 7240).",
        examples=[["wait=5"]],
    ),
]


def _endpoint(action: Action) -> Callable[..., Awaitable[Response]]:
    async def hand_in(
        request: Request,
        institution: Here,
        clerk: Clerk,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = None,
    ) -> Response:
        key = checked_key(idempotency_key)
        wait_s = preferred_wait_s(prefer)
        body = await read_object(request)
        path = dict(request.path_params)
        found = await action.looked_up_now(institution, path)
        order = Order(action, institution, request.url.path, path, body, clerk, key, found)
        claimed = await order.claim()
        if await order.must_be_told(claimed):
            await institution.tell(order.fact, order.id, claimed.case, claimed.subject)
            await institution.store.mark_row(claim_id(order.id), TOLD, told_text(order.fact))
            log = logs.log()
            log.info(
                "command",
                command=order.fact.type_name,
                id=order.id,
                case=claimed.case,
                subject=claimed.subject,
            )
        elif wait_s is None:
            wait_s = 0  # the outcome is known: there is nothing to wait for
        return await answer(institution, order.id, claimed, wait_s)

    return hand_in


def checked_key(key: str | None) -> str:
    """The Idempotency-Key. Raises Problem 400 for none, or for one that is not 1 to 200 printable ASCII
    characters."""
    if key is None or re.fullmatch("[!-~]([ -~]{0,198}[!-~])?", key) is None:
        detail = "the header Idempotency-Key is required: 1 to 200 printable ASCII characters"
        raise Problem(400, "no Idempotency-Key", detail)
    return key


def preferred_wait_s(prefer: Sequence[str] | None) -> int | None:
    """The seconds that `Prefer: wait=N` asks for, at most LONGEST_WAIT_S. None where it does not; what is
    not understood is passed over, as RFC 7240 has it."""
    for preference in ",".join(prefer or ()).split(","):
        found = re.fullmatch(r'\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(;.*)?', preference, re.IGNORECASE)
        if found:
            return min(LONGEST_WAIT_S, int(found[1]))
    return None


class Order:
    """One command as it was handed in. Raises Problem where it is no such command."""

    def __init__(
        self,
        action: Action,
        institution: Institution,
        url_path: str,
        path: Mapping[str, str],
        body: Mapping[str, Any],
        clerk: str,
        key: str,
        found: Mapping[str, Any],
    ) -> None:
        self.institution = institution
        self.action = action
        self.path = path
        self.body = body
        self.clerk = clerk
        self.found = dict(found)
        self.id = derived_id(institution.house.source, "desk", key)
        self.fact = self._read_with(self.found)
        request = {"path": url_path, "body": body, "clerk": clerk}
        self.is_new = True
        self.fingerprint = hashlib.sha256(to_data(request)).hexdigest()

    async def claim(self) -> Place:
        """Claim the key for this very request, and say where the command goes. Raises Problem 422 for a key
        that another request has used.

        The claim says nothing of any case: it only holds key and request together, whichever subject they
        name, before the log has either of two that came at once. It also lets a command be found again by
        its id alone, and keeps what was looked up for it: handed in again, it is the same command.
        """
        store = self.institution.store
        there = await store.row(claim_id(self.id))
        self.is_new = there is None
        if there is None:
            place = await self.action.where(Handed(self.institution, self.path, self.fact, self.id))
            data = {"subject": place.subject, "request": self.fingerprint, "found": self.found}
            now = self.institution.clock.now()
            await store.change_rows([Row(claim_id(self.id), CLAIM, "", 0, place.case, now, data)], ())
            there = await store.row(claim_id(self.id))
        if there is None or there.data["request"] != self.fingerprint:
            raise _key_used(self.id)
        self.fact = self._read_with(there.data.get("found", {}))
        return Place(there.data["subject"], there.case)

    def _read_with(self, found: Mapping[str, Any]) -> Command:
        return _read(self.action, self.institution, self.path, self.body, self.clerk, found)

    async def must_be_told(self, place: Place) -> bool:
        """Whether the command still has to be appended; False where its outcome is known. Telling it twice
        does no harm, so one that is still on its way is told again: the first telling may have failed.
        Raises Problem."""
        subject = await self.institution.turns.read_subject(place.subject)
        filed = subject.digests.get(self.id)
        if filed is not None:
            # A claim can be younger than the file: the database was made anew from the log.
            if self.is_new and filed != self._digest(place):
                raise _key_used(self.id)
            return False
        resumes = isinstance(self.fact, SubjectResumed)
        if subject.stopped is not None and not resumes:
            raise stopped(subject, self.id)
        if subject.stopped is None and resumes:
            raise Problem(409, "not stopped", "this subject is not stopped, so there is nothing to resume")
        return True

    def _digest(self, place: Place) -> str:
        data = to_data(self.fact.to_json())
        now, source = self.institution.clock.now(), self.institution.house.source
        return Envelope(self.id, source, self.fact.type_name, place.case, now, place.subject, None, None, data).digest()


def _key_used(command_id: str) -> Problem:
    detail = "this Idempotency-Key was used for another request; take a new key for each command"
    return Problem(422, "Idempotency-Key used before", detail, instance=f"/commands/{command_id}")


def _read(
    action: Action,
    institution: Institution,
    path: Mapping[str, str],
    body: Mapping[str, Any],
    clerk: str,
    found: Mapping[str, Any],
) -> Command:
    """The command in a body. Strict: an unknown field is an error, and nothing is converted."""
    if "by_clerk" in body:
        raise Problem.invalid([("by_clerk", "the desk knows the clerk by the token")])
    if said := [name for name in action.looked_up if name in body]:
        raise Problem.invalid([(name, "the desk looks it up itself") for name in said])
    known = {name: path[name] for name in action.in_path if name in action.command.model_fields}
    for name, value in known.items():
        if body.get(name, value) != value:
            raise Problem.invalid([(name, "differs from the path")])
    filled = action.fill(institution) if action.fill is not None else {}
    values = {**filled, **body, **known, **found, "by_clerk": clerk}
    try:
        return action.command.model_validate_json(to_data(values), strict=True)
    except ValidationError as error:
        raise Problem.invalid(field_errors(error)) from None


# --- outcomes ---------------------------------------------------------------------------------------------


class Pending(BaseModel):
    """The command is on its way; `outcome` is where to look."""

    model_config = ConfigDict(json_schema_extra={"example": {
        "command": "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11", "case": "LCF-0B1F3A526A4E", "status": "pending",
        "outcome": "/commands/0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11",
    }})  # fmt: skip

    command: str
    case: Annotated[str, Field(description="empty where it belongs to no case")]
    status: str
    outcome: str


async def answer(institution: Institution, command_id: str, place: Place, wait_s: int | None) -> Response:
    """What became of a command: 200 with the outcome, the refusal's own problem, or 202 as long as nothing
    has. With `wait_s` None nothing is looked up. Raises Problem for a refusal and for a subject that is
    stopped."""
    link = f"/commands/{command_id}"
    headers = {"Preference-Applied": f"wait={wait_s}"} if wait_s else {}
    if wait_s is not None:
        subject = await _wait_for(institution, place, command_id, wait_s)
        found = outcome_of(subject, command_id, place.case, link)
        if isinstance(found, Refusal):
            problem = Problem.refused(found, link)
            problem.headers |= headers
            raise problem
        if isinstance(found, Outcome):
            return JSONResponse(found.model_dump(mode="json"), 200, headers)
        if is_kept(subject, command_id):
            raise stopped(subject, command_id)
    pending = Pending(command=command_id, case=place.case, status="pending", outcome=link)
    return JSONResponse(pending.model_dump(mode="json"), 202, {**headers, "Location": link})


async def _wait_for(institution: Institution, place: Place, command_id: str, wait_s: int) -> Subject:
    """The subject once the command's outcome is on it, its documents have their numbers, or the time is
    over. This process' own turns say at once when they have heard it; another process may own the
    partition, so the database is asked too."""
    turns, loop = institution.turns, asyncio.get_running_loop()
    until = loop.time() + wait_s
    heard = turns.answered.setdefault(command_id, asyncio.Event())
    try:
        while True:
            subject = await turns.read_subject(place.subject)
            found = outcome_of(subject, command_id, place.case, "")
            settled = isinstance(found, Refusal) or (isinstance(found, Outcome) and not found.numbering)
            left_s = until - loop.time()
            if settled or is_kept(subject, command_id) or left_s <= 0:
                return subject
            pause_s = min(POLL_EVERY_S, left_s)
            if heard.is_set():
                await asyncio.sleep(pause_s)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(heard.wait(), pause_s)
    finally:
        if turns.answered.get(command_id) is heard:
            del turns.answered[command_id]


def is_kept(subject: Subject, command_id: str) -> bool:
    """Whether a command waits for its stopped subject to be resumed."""
    return any(letter.envelope.id == command_id for letter in subject.queue)


def stopped(subject: Subject, command_id: str) -> Problem:
    """A rule has failed on this subject: nothing goes on until operations resume it."""
    assert subject.stopped is not None
    incident = f"stopped/{subject.key}/{subject.stopped.letter_id}"
    kept = is_kept(subject, command_id)
    becomes = "this command is kept, and heard then" if kept else "this command was not taken"
    detail = f"a rule failed here (incident {incident}), so this subject stands until it is resumed; {becomes}"
    return Problem.later("subject stopped", detail)


async def read_outcome(request: Request, institution: Here, _: Clerk, command: str, prefer: Prefer = None) -> Response:
    """What became of a command: done (200), refused (problem details with the clause), or pending (202). A
    command that stays pending was perhaps never told: hand it in again, with the same Idempotency-Key."""
    row = await institution.store.row(claim_id(command))
    if row is None:
        raise Problem(404, "unknown command", "no command of this id was handed in here")
    return await answer(institution, command, Place(row.data["subject"], row.case), preferred_wait_s(prefer) or 0)
