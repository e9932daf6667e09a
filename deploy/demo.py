"""One case from beginning to end, on a stack of its own: `python -m deploy.demo`.

Starts everything, lets clerks play the case by their worklists, shows each event as it is said, then lays what
everybody has on file beside the rail's own books. Exit status: 0 all agree, 1 something differs, 2 the case does not go
on, 130 after Ctrl-C.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from contracts.document import Document, documents_in
from contracts.envelope import inbox
from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseCompleted, MoneyStatement
from contracts.events.escrow import DepositConfirmed
from contracts.procedures import PROCEDURES
from contracts.values import canonical_json
from deploy.city import OBSERVER
from deploy.clerks import People, Rail, Stuck, keep_looking
from deploy.embedded.jars import CannotFetch, WrongJar
from deploy.embedded.processes import StartFailed
from deploy.evidence import Evidence, Observed, Registered, Verified, checks, observed_apart
from deploy.report import Report, make_console
from deploy.stack import CHECKOUT, ENDS, Stack
from deploy.topics import TopicMismatch, TopicsRefused
from deploy.witness import Place, Spoken, Witness, WitnessLost
from services.desk_client import Desk, DeskRefused, DeskUnreachable, in_path
from services.sale_file import BadSaleFile, SaleFile, load_sale
from services.sale_opening import open_case, prepare

EXAMPLES = {
    "LC-LOAN": CHECKOUT / "examples" / "liaocheng-loan.yaml",
    "LC-FULL": CHECKOUT / "examples" / "liaocheng-full.yaml",
}
"""A sale for each procedure that can be played; the first is played where none is named."""

PLAYED_WITHIN_S = 60
QUIET_WITHIN_S = 5
OBSERVED_WITHIN_S = 5
POLL_S = 0.05
LOG_LINES = 12

TROUBLES = (Stuck, DeskRefused, DeskUnreachable, WitnessLost, TimeoutError)
ALL_AGREE, DIFFERS, NO_PROGRESS, INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True)
class Arguments:
    """What the demo was asked for. `planted_fen`: by how much the rail's books are falsified on the way."""

    procedure: str
    file: Path
    planted_fen: int


class Demo:
    """One case on a running stack."""

    def __init__(self, stack: Stack, file: SaleFile, arguments: Arguments, report: Report) -> None:
        self.file = file
        self.arguments = arguments
        self.report = report
        self.procedure = PROCEDURES[file.sale.procedure, file.sale.edition]
        self.case = ""
        self.observed_within_s: float = OBSERVED_WITHIN_S
        self._stack = stack
        self.desks: dict[Role, Desk] = {}
        self.rail = Rail(stack.addresses.rail)
        self.places = tuple(Place(role, name, inbox(role, name)) for role, name in file.institutions.items())
        self.witness = Witness(stack.addresses.kafka, self.places, report.said)
        self.people = People(file, self.desks, self.rail, self._acted)

    def _acted(self, role: Role, what: str, clause: str) -> None:
        self.report.acted(datetime.now(UTC), role, what, clause)

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Desks, rail and witness, closed at the end."""
        async with contextlib.AsyncExitStack() as closing:
            closing.push_async_callback(self.rail.aclose)
            for place in self.places:
                url = self._stack.addresses.desks.get(place.role.value, {}).get(place.name, "")
                if not url:
                    raise BadSaleFile(f"{place.name} takes part in this sale, and no service of it runs here")
                token = self._stack.token(place.role.value, place.name)
                self.desks[place.role] = await closing.enter_async_context(Desk(place.name, url, token))
            await closing.enter_async_context(self.witness)
            yield

    # --- playing --------------------------------------------------------------------------------------------

    async def play(self) -> None:
        """Import, open, and let the clerks work until the case has ended.

        Raises one of TROUBLES, or an ExceptionGroup of them.
        """
        occasion = str(uuid.uuid4())
        for account in self.file.rail:
            await self.rail.open_account(account.account, account.owner, account.opening_fen)
        self._acted(Role.REGISTRY, "the folio is imported as the register has it", "X-2")
        self._acted(Role.SELLER_BANK, "the loan is imported as the bank's own system has it", "LC-F2")
        if self.file.pool:
            self._acted(Role.FUND_CENTER, "the provident fund's figures are stated as its books have them", "LC-R2")
        await prepare(self.desks, self.file, occasion)
        self.case = await open_case(self.desks[Role.ESCROW], self.file, occasion)
        self._acted(Role.ESCROW, f"buyers and seller bring the sale: case {self.case}", "LC-F1")
        async with asyncio.timeout(PLAYED_WITHIN_S), asyncio.TaskGroup() as group:
            clerks = [
                group.create_task(keep_looking(self.people, p.role, self.case, self.witness.changed[p.inbox]))
                for p in self.places
            ]
            planting = group.create_task(self._plant()) if self.arguments.planted_fen else None
            clerks.append(group.create_task(self._borrow()))
            await self._ended()
            for task in clerks:
                task.cancel()
            if planting is not None:
                await planting

    async def _ended(self) -> None:
        """Until the keeper has said the end."""
        ends = (CaseCompleted, CaseCancelled)
        await self.witness.until(lambda: any(self.witness.heard(self.case, kind) for kind in ends))

    async def _borrow(self) -> None:
        """Once the notary has certified the buyers' own part, they turn to the lenders."""
        await self.witness.until(lambda: self.witness.heard(self.case, DepositConfirmed))
        await self.people.apply_for_loans(self.case)

    async def _plant(self) -> None:
        """Falsify the deposit account at the rail while money lies there."""
        account, fen = self.file.sale.deposit_account.account, self.arguments.planted_fen
        await self.witness.until(lambda: self.witness.heard(self.case, DepositConfirmed))
        await self.rail.plant(account, fen)
        self._acted(Role.ESCROW, f"somebody falsifies account {account} at the rail by {fen:+d} fen", "X-1")

    # --- collecting -----------------------------------------------------------------------------------------

    async def collect(self) -> Evidence:
        """What everybody has on file now. Raises DeskRefused, DeskUnreachable, Stuck."""
        pages = await self._quiet_pages()
        spoken = tuple(one for one in self.witness.spoken if one.case == self.case)
        documents: dict[str, tuple[Document, Role]] = {}
        for one in spoken:
            for document in documents_in(one.values):
                documents.setdefault(document.number, (document, one.by))
        verified = [await self._verify(document, issuer) for document, issuer in documents.values()]
        folio = await self.desks[Role.REGISTRY].get(f"/folios/{self.file.sale.unit_number}")
        return Evidence(
            file=self.file,
            case=self.case,
            procedure=self.procedure,
            spoken=spoken,
            money=_stated(pages[Role.ESCROW]),
            books=await self.rail.books(self.case),
            register=_registered(folio),
            documents=tuple(verified),
            phases={place.name: pages[place.role]["phase"] for place in self.places},
            waiting=tuple(line for place in self.places for line in _left(place.name, pages[place.role])),
            dead=tuple(self.witness.dead),
            observed=await self._observed(spoken),
        )

    async def _quiet_pages(self) -> dict[Role, dict[str, Any]]:
        """Every institution's page of the case, once all of them have heard of the end."""
        until = time.monotonic() + QUIET_WITHIN_S
        while True:
            pages = {p.role: await self.desks[p.role].get(f"/cases/{self.case}") for p in self.places}
            if all(page["phase"] == "ended" for page in pages.values()) or time.monotonic() > until:
                return pages
            await asyncio.sleep(POLL_S)

    async def _observed(self, spoken: Sequence[Spoken]) -> Observed:
        """What the observer says of the case, once it agrees with what was said; after a while, whatever it says."""
        until = time.monotonic() + self.observed_within_s
        addresses = self._stack.addresses
        if not addresses.observer:
            return Observed(trouble="this city has no observer")
        async with Desk(OBSERVER, addresses.observer, self._stack.token(OBSERVER)) as desk:
            while True:
                try:
                    found = _observed(await desk.get(f"/cases/{in_path(self.case)}"))
                except (DeskRefused, DeskUnreachable) as error:
                    found = Observed(trouble=str(error))
                if not observed_apart(found, spoken) or time.monotonic() > until:
                    return found
                await asyncio.sleep(POLL_S)

    async def _verify(self, document: Document, issuer: Role) -> Verified:
        """Ask the issuer's desk with the document's code, and with another one, which must not do."""
        path, code = f"/documents/{in_path(document.number)}", document.code
        try:
            await self.desks[issuer].get(path, code=code)
        except DeskRefused as refused:
            return Verified(document, issuer, refused.detail or refused.title)
        with contextlib.suppress(DeskRefused):
            await self.desks[issuer].get(path, code=("1" if code[0] != "1" else "2") + code[1:])
            return Verified(document, issuer, "it verifies with a wrong code too")
        return Verified(document, issuer, "")

    async def explain(self) -> list[str]:
        """What is known about why a case does not go on: worklists, incidents, dead letters, refusals, logs."""
        lines = [f"{role.value}: refused: {why}" for (role, _), why in self.people.refusals.items()]
        lines += self.witness.dead
        for place in self.places:
            for path in ("/worklist", "/incidents"):
                try:
                    found: Any = await self.desks[place.role].get(path)
                except (DeskRefused, DeskUnreachable) as error:
                    found = [{"action": "no answer", "what": str(error)}]
                lines += [f"{place.name}{path}: {_brief(one)}" for one in found]
        return lines


def _observed(page: Mapping[str, Any]) -> Observed:
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


def _stated(page: Mapping[str, Any]) -> MoneyStatement | None:
    """The money statement with which the keeper ended the case, from its own file."""
    for fact in reversed(page["facts"]):
        if fact["type"] in (CaseCompleted.type_name, CaseCancelled.type_name) and "money" in fact["data"]:
            return MoneyStatement.model_validate_json(canonical_json(fact["data"]["money"]))
    return None


def _registered(folio: Mapping[str, Any]) -> Registered:
    """The register in the registry's page of a folio."""
    return Registered(
        owners=frozenset(
            (o["person"]["id_number"], f"{o['share']['numerator']}/{o['share']['denominator']}")
            for o in folio["owners"]
        ),
        ownership_certificate=str(folio["ownership_certificate"]),
        mortgages=tuple((m["rank"], m["certificate"], m["mortgagee"]) for m in folio["mortgages"]),
        notices=tuple(notice["certificate"] for notice in folio["notices"]),
        reserved_for=str(folio["reserved_for"] or ""),
    )


def _left(name: str, page: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {_brief(one)}" for one in (*page["waiting"], *page["incidents"])]


def _brief(line: Mapping[str, Any]) -> str:
    data: Mapping[str, Any] = line.get("data") or {}
    words = (
        line.get("action") or line.get("kind"),
        line.get("what") or data.get("what"),
        data.get("why") or data.get("error"),
    )
    return ": ".join(str(word) for word in words if word)


async def _run(stack: Stack, file: SaleFile, arguments: Arguments, report: Report) -> int:
    demo = Demo(stack, file, arguments, report)
    report.heading(f"{demo.procedure.name} ({demo.procedure.title}, {demo.procedure.document})")
    async with demo.connected():
        try:
            await demo.play()
            evidence = await demo.collect()
        except (ExceptionGroup, *TROUBLES) as trouble:
            report.trouble(f"The case does not go on: {_why(trouble)}", [*await demo.explain(), *_logs(stack, demo)])
            return NO_PROGRESS
    found = checks(evidence)
    report.timeline(evidence.spoken)
    report.documents(evidence.documents)
    report.loans(evidence)
    report.statements(evidence)
    report.money(evidence)
    report.register(evidence)
    report.observed(evidence.observed)
    report.checks(found)
    report.verdict(evidence.case, found)
    return ALL_AGREE if all(check.passed for check in found) else DIFFERS


def _why(trouble: BaseException) -> str:
    """The first cause in a few words. What nobody foresaw is raised again: it is a fault of the demo itself."""
    while isinstance(trouble, ExceptionGroup):
        trouble = trouble.exceptions[0]
    if not isinstance(trouble, TROUBLES):
        raise trouble
    return f"no end after {PLAYED_WITHIN_S} s" if isinstance(trouble, TimeoutError) else str(trouble)


def _logs(stack: Stack, demo: Demo) -> list[str]:
    """The ends of the logs."""
    lines: list[str] = []
    for place in demo.places:
        log = stack.log(f"{place.role.value}.{place.name}")
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        lines += [f"{place.name} log: {line}" for line in text.splitlines()[-LOG_LINES:]]
    return lines


def read_arguments(given: list[str], environment: Mapping[str, str]) -> Arguments:
    """The arguments, else PROCEDURE and PLANTED_FEN of the environment. Exits with status 2 for what is no argument."""
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--procedure", default=environment.get("PROCEDURE") or next(iter(EXAMPLES)), choices=EXAMPLES)
    parser.add_argument("--file", type=Path, help="a sale; by default the procedure's own in examples/")
    parser.add_argument(
        "--planted-fen",
        default=environment.get("PLANTED_FEN") or "0",
        help="falsify the rail's books on the way by so many fen",
    )
    found = parser.parse_args(given)
    if found.procedure not in EXAMPLES:  # argparse does not look at a default
        parser.error(f"PROCEDURE: {found.procedure} is none of {', '.join(EXAMPLES)}")
    try:
        planted_fen = int(found.planted_fen)
    except ValueError:
        parser.error(f"PLANTED_FEN: {found.planted_fen!r} is no whole number of fen")
    return Arguments(found.procedure, found.file or EXAMPLES[found.procedure], planted_fen)


async def _until_interrupted(work: Coroutine[Any, Any, int]) -> int:
    """What `work` gives. Raises KeyboardInterrupt after the first signal to end, once `work` has cleared up: raised by
    the signal itself it could come in the middle of anybody's code."""
    loop, running = asyncio.get_running_loop(), asyncio.create_task(work)
    interrupted = asyncio.Event()

    def end() -> None:
        if not interrupted.is_set():
            interrupted.set()
            running.cancel()

    for kind in ENDS:
        loop.add_signal_handler(kind, end)
    try:
        return await running
    except asyncio.CancelledError:
        if interrupted.is_set():
            raise KeyboardInterrupt from None
        raise


def _end_by_interrupt() -> None:
    for kind in ENDS:
        signal.signal(kind, _interrupt_once)


def _interrupt_once(_: int, __: FrameType | None) -> None:
    _ignore_further()
    raise KeyboardInterrupt


def _ignore_further() -> None:
    """To be ended means to clear up; a second Ctrl-C (make passes its own on) must not cut that short."""
    for kind in ENDS:
        signal.signal(kind, signal.SIG_IGN)


def play(arguments: Arguments, console: Console) -> int:
    """Start a stack, play the case on it, stop it; returns the exit status."""
    file = load_sale(arguments.file, datetime.now(UTC))
    if (file.sale.procedure, file.sale.edition) not in PROCEDURES:
        raise BadSaleFile(f"{arguments.file}: {file.sale.procedure} {file.sale.edition} is no procedure known here")
    report = Report(console, PROCEDURES[file.sale.procedure, file.sale.edition])
    report.heading("Starting Kafka, MongoDB, the rail and one process per institution")
    with Stack(ephemeral=True, on_progress=report.started) as stack:
        try:
            status = asyncio.run(_until_interrupted(_run(stack, file, arguments, report)))
        except KeyboardInterrupt:
            _ignore_further()
            raise
        _end_by_interrupt()
        report.heading("Stopping")
    report.started("done")
    return status


def main(given: list[str]) -> int:
    """The command line; returns the exit status."""
    arguments = read_arguments(given, os.environ)
    _end_by_interrupt()
    try:
        return play(arguments, make_console())
    except KeyboardInterrupt:
        print("interrupted; nothing that was started is left running", file=sys.stderr)
        return INTERRUPTED
    except (BadSaleFile, CannotFetch, StartFailed, TopicMismatch, TopicsRefused, WrongJar) as failure:
        print(failure, file=sys.stderr)
        return NO_PROGRESS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
