"""Collecting, after a case has ended, what everybody has on file of it: pages of desks, the register, documents, the
rail's books, the observer."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from contracts.document import Document, documents_in
from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseCompleted, MoneyStatement, Payment
from contracts.procedures import Procedure
from contracts.values import canonical_json
from deploy.city import OBSERVER
from deploy.evidence import Evidence, Observed, Registered, Verified, observed_apart
from deploy.stack import Stack
from deploy.ways_out.scene import Scene
from deploy.ways_out.way import Incident
from deploy.witness import Spoken
from services.desk_client import Desk, DeskRefused, DeskUnreachable, in_path, key_for

OBSERVED_WITHIN_S = 5
POLL_S = 0.05
NOT_FOUND = 404

Page = Mapping[str, Any]


async def register_of(scene: Scene) -> Registered:
    """The register of the sale's folio now. Raises DeskRefused, DeskUnreachable."""
    folio = await scene.desks[Role.REGISTRY].get(f"/folios/{scene.file.sale.unit_number}")
    return Registered(
        owners=frozenset(
            (o["person"]["id_number"], f"{o['share']['numerator']}/{o['share']['denominator']}")
            for o in folio["owners"]
        ),
        ownership_certificate=str(folio["ownership_certificate"]),
        mortgages=tuple((m["rank"], m["certificate"], m["mortgagee"]) for m in folio["mortgages"]),
        notices=tuple(notice["certificate"] for notice in folio["notices"]),
        reserved_for=str(folio["reserved_for"] or ""),
        restrictions=tuple(one["number"] for one in folio["restrictions"]),
    )


async def pages_of(scene: Scene) -> dict[str, Page]:
    """The page of the case at each desk that knows of it, by institution. Raises DeskRefused, DeskUnreachable."""
    found: dict[str, Page] = {}
    for name, desk in scene.at.items():
        try:
            found[name] = await desk.get(f"/cases/{in_path(scene.case)}")
        except DeskRefused as refused:
            if refused.status != NOT_FOUND:
                raise
    return found


async def quiet_pages(scene: Scene, within_s: float) -> dict[str, Page]:
    """The same, once all of them have heard of the end; after so long, as they are."""
    until = time.monotonic() + within_s
    while True:
        pages = await pages_of(scene)
        if all(page["phase"] == "ended" for page in pages.values()) or time.monotonic() > until:
            return pages
        await asyncio.sleep(POLL_S)


async def settle_incidents(scene: Scene, expected: Sequence[Incident], settled: list[str], within_s: float) -> None:
    """Until a clerk has closed each expected incident, nothing waits for a person or is on its way, and all files have
    ended; after so long, however it is. `settled` gets the text of each incident that was closed."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        with contextlib.suppress(DeskUnreachable):
            pages = await pages_of(scene)
            for name, page in pages.items():
                await _close(scene, name, page, expected, settled)
            books = await scene.rail.books(scene.case)
            ended = all(page["phase"] == "ended" and not page["waiting"] for page in pages.values())
            if ended and not on_their_way(books) and len(settled) >= sum(not one.stands for one in expected):
                return
        await asyncio.sleep(POLL_S)


async def _close(scene: Scene, name: str, page: Page, expected: Sequence[Incident], settled: list[str]) -> None:
    """A clerk closes what is expected and has been dealt with: nothing that it led to waits any more."""
    if page["waiting"]:
        return
    for line in page["incidents"]:
        known = meets(expected, name, scene.file.institutions, line)
        if known is not None and not known.stands and line["link"]:
            scene.acted(known.role, f"a clerk closes the incident: {brief(line)}", "X-1")
            body = {"note": "dealt with, see the case's money"}
            await scene.at[name].post(line["link"], body, key_for(scene.case, "close", line["id"]))
            settled.append(f"{name}: {brief(line)}")


def meets(
    expected: Sequence[Incident], name: str, institutions: Mapping[Role, str], line: Mapping[str, Any]
) -> Incident | None:
    """The expected incident that this line of a page of this institution is."""
    roles = {role for role, institution in institutions.items() if institution == name}
    return next((one for one in expected if one.role in roles and one.what in brief(line)), None)


def on_their_way(books: Mapping[str, Any]) -> set[str]:
    """The orders that the rail has accepted, and neither settled nor returned."""
    kinds: dict[str, set[str]] = {}
    for movement in books["movements"]:
        if movement["key"] is not None:
            kinds.setdefault(movement["key"], set()).add(movement["kind"])
    return {key for key, made in kinds.items() if made == {"accepted"}}


async def collect(
    scene: Scene, procedure: Procedure, heard_within_s: float, expected: Sequence[Incident] = ()
) -> Evidence:
    """What everybody has on file now; for so many seconds those are waited for who have not heard all yet.

    Raises DeskRefused, DeskUnreachable, Stuck.
    """
    pages = await quiet_pages(scene, heard_within_s)
    spoken = tuple(one for one in scene.witness.spoken if one.case == scene.case)
    documents: dict[str, tuple[Document, str]] = {}
    issuers: dict[str, Role] = {}
    for one in spoken:
        for document in documents_in(one.values):
            documents.setdefault(document.number, (document, one.institution))
            issuers.setdefault(document.number, one.by)
    verified = [
        Verified(document, issuers[number], await _objection(scene.at[name], document))
        for number, (document, name) in documents.items()
    ]
    keeper = pages.get(scene.file.institutions[Role.ESCROW], {})
    lines = [(name, line) for name, page in pages.items() for line in (*page["waiting"], *page["incidents"])]
    stands = [
        (name, line)
        for name, line in lines
        if (known := meets(expected, name, scene.file.institutions, line)) is not None and known.stands
    ]
    return Evidence(
        file=scene.file,
        case=scene.case,
        procedure=procedure,
        spoken=spoken,
        money=_stated(keeper),
        ledger=_ledger(keeper),
        books=await scene.rail.books(scene.case),
        register=await register_of(scene),
        documents=tuple(verified),
        phases={name: page["phase"] for name, page in pages.items()},
        waiting=tuple(f"{name}: {brief(line)}" for name, line in lines if (name, line) not in stands),
        standing=tuple(f"{name}: {brief(line)}" for name, line in stands),
        dead=tuple(scene.witness.dead),
        observed=await _observed(scene.stack, scene.case, spoken, heard_within_s),
    )


async def _objection(issuer: Desk, document: Document) -> str:
    """Ask the issuer's desk with the document's code, and with another one, which must not do."""
    path, code = f"/documents/{in_path(document.number)}", document.code
    try:
        await issuer.get(path, code=code)
    except DeskRefused as refused:
        return refused.detail or refused.title
    with contextlib.suppress(DeskRefused):
        await issuer.get(path, code=("1" if code[0] != "1" else "2") + code[1:])
        return "it verifies with a wrong code too"
    return ""


async def _observed(stack: Stack, case: str, spoken: Sequence[Spoken], within_s: float) -> Observed:
    """What the observer says of the case, once it agrees with what was said; after a while, whatever it says."""
    until = time.monotonic() + within_s
    if not stack.addresses.observer:
        return Observed(trouble="this city has no observer")
    async with Desk(OBSERVER, stack.addresses.observer, stack.token(OBSERVER)) as desk:
        while True:
            try:
                found = _seen(await desk.get(f"/cases/{in_path(case)}"))
            except (DeskRefused, DeskUnreachable) as error:
                found = Observed(trouble=str(error))
            if not observed_apart(found, spoken) or time.monotonic() > until:
                return found
            await asyncio.sleep(POLL_S)


def _seen(page: Page) -> Observed:
    """The observer's page of a case in what the checks look at."""
    waiting = [f"{one['event']} of {one['by']['institution']} ({one['clause']})" for one in page["waiting_for"]]
    money = page["money"]
    return Observed(
        status=page["status"],
        events=tuple(line["event"] for line in page["timeline"]),
        waiting_for=tuple(waiting),
        violations=tuple(one["why"] for one in page["violations"]),
        in_fen=money["in_fen"],
        out_fen=money["out_fen"],
        held_fen=money["held_fen"],
        documents=len(page["documents"]),
    )


def _stated(page: Page) -> MoneyStatement | None:
    """The money statement with which the keeper ended the case, from its own file."""
    for fact in reversed(page.get("facts", ())):
        if fact["type"] in (CaseCompleted.type_name, CaseCancelled.type_name) and "money" in fact["data"]:
            return MoneyStatement.model_validate_json(canonical_json(fact["data"]["money"]))
    return None


def _ledger(page: Page) -> MoneyStatement | None:
    """The keeper's ledger of the case as it stands now, with what has settled."""
    money = page.get("money")
    if money is None:
        return None
    settled = [line for line in money["lines"] if line["direction"] == "in" or line["state"] == "settled"]
    return MoneyStatement(
        in_fen=money["in_fen"],
        out_fen=money["out_fen"],
        held_fen=money["held_fen"],
        payments=tuple(
            Payment(
                direction=line["direction"],
                purpose=line["purpose"] or "",
                account=line["account"],
                amount_fen=line["amount_fen"],
            )
            for line in settled
        ),
    )


def brief(line: Mapping[str, Any]) -> str:
    """A line of a worklist, or an incident, in a few words."""
    data: Mapping[str, Any] = line.get("data") or {}
    words = (
        line.get("action") or line.get("kind"),
        line.get("what") or data.get("what"),
        data.get("why") or data.get("error"),
    )
    return ": ".join(str(word) for word in words if word)
