"""One case from beginning to end, on a stack of its own: `python -m deploy.demo`.

Starts everything, lets clerks play the case by their worklists, shows each event as it is said, then lays what
everybody has on file beside the rail's own books. With a way out (deploy/ways_out) people and clerks do what that says
otherwise, and the case must end as it says. Exit status: 0 all agree, 1 something differs, 2 the case does not go
on, 130 after Ctrl-C.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from contracts.envelope import inbox
from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.escrow import DepositConfirmed
from contracts.procedures import PROCEDURES
from deploy import collecting
from deploy.clerks import ACTS, People, Rail, Stuck, keep_looking
from deploy.collecting import OBSERVED_WITHIN_S
from deploy.embedded.jars import CannotFetch, WrongJar
from deploy.embedded.processes import StartFailed
from deploy.evidence import Evidence, Registered, checks
from deploy.report import Report, list_ways_out, make_console
from deploy.stack import CHECKOUT, ENDS, Stack
from deploy.topics import TopicMismatch, TopicsRefused
from deploy.ways_out import WAYS_OUT, UnknownWayOut, way_out
from deploy.ways_out.checks import checks as checks_of_a_way
from deploy.ways_out.way import Deed, Done, WayOut
from deploy.witness import Place, Witness, WitnessLost
from services.desk_client import Desk, DeskRefused, DeskUnreachable
from services.sale_file import BadSaleFile, LoanSought, SaleFile, load_sale
from services.sale_opening import open_case, prepare

EXAMPLES = {
    "LC-LOAN": CHECKOUT / "examples" / "liaocheng-loan.yaml",
    "LC-FULL": CHECKOUT / "examples" / "liaocheng-full.yaml",
}
"""A sale for each procedure that can be played; the first is played where none is named."""

PLAYED_WITHIN_S = 60
COME_AGAIN_S = 0.1
PATIENT_TRIES = 1000
LOG_LINES = 12
LIST = "list"

TROUBLES = (Stuck, DeskRefused, DeskUnreachable, WitnessLost, TimeoutError)
ALL_AGREE, DIFFERS, NO_PROGRESS, INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True)
class Arguments:
    """What the demo was asked for. `planted_fen`: by how much the rail's books are falsified on the way; `way_out`: the
    name of a way out, `list`, or empty."""

    procedure: str
    file: Path
    planted_fen: int
    way_out: str = ""


class Demo:
    """One case on a running stack."""

    def __init__(
        self, stack: Stack, file: SaleFile, arguments: Arguments, report: Report, way: WayOut | None = None
    ) -> None:
        self.file = way.sale(file) if way is not None else file
        self.arguments = arguments
        self.report = report
        self.procedure = PROCEDURES[file.sale.procedure, file.sale.edition]
        self.way = way
        self.case = ""
        self.observed_within_s: float = OBSERVED_WITHIN_S
        self.stack = stack
        self.desks: dict[Role, Desk] = {}
        self.at: dict[str, Desk] = {}
        self.rail = Rail(stack.addresses.rail)
        named = [*self.file.institutions.items(), *((one.role, one.name) for one in (way.also if way else ()))]
        self.places = tuple(Place(role, name, inbox(role, name)) for role, name in named)
        self.witness = Witness(stack.addresses.kafka, self.places, report.said)
        self.people = People(self.file, self.desks, self.rail, self.acted)
        self.before: Registered | None = None
        self.done: list[Done] = []
        self.settled: list[str] = []
        self._deeds: tuple[Deed, ...] = ()
        if way is not None:
            self.people.acts = {**ACTS, **way.acts}
            self.people.most_tries = PATIENT_TRIES  # a desk refuses what is early again and again while another is away
            self._deeds = way.deeds

    def acted(self, role: Role, what: str, clause: str) -> None:
        """Tell that a person does something at a desk or at the rail."""
        self.report.acted(self.stack.now(), role, what, clause)

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Desks, rail and witness, closed at the end."""
        async with contextlib.AsyncExitStack() as closing:
            closing.push_async_callback(self.rail.aclose)
            for place in self.places:
                url = self.stack.addresses.desks.get(place.role.value, {}).get(place.name, "")
                if not url:
                    raise BadSaleFile(f"{place.name} takes part in this sale, and no service of it runs here")
                token = self.stack.token(place.role.value, place.name)
                self.at[place.name] = await closing.enter_async_context(Desk(place.name, url, token))
            self.desks.update({role: self.at[name] for role, name in self.file.institutions.items()})
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
        self.acted(Role.REGISTRY, "the folio is imported as the register has it", "X-2")
        self.acted(Role.SELLER_BANK, "the loan is imported as the bank's own system has it", "LC-F2")
        if self.file.pool:
            self.acted(Role.FUND_CENTER, "the provident fund's figures are stated as its books have them", "LC-R2")
        await prepare(self.desks, self.file, occasion)
        self.before = await collecting.register_of(self)
        for deed in self._deeds:
            if deed.early:
                await self._do(deed)
        self.case = await open_case(self.desks[Role.ESCROW], self.file, occasion)
        self.acted(Role.ESCROW, f"buyers and seller bring the sale: case {self.case}", "LC-F1")
        self.people.holds.update(hold for deed in self._deeds for hold in deed.holds)
        async with asyncio.timeout(PLAYED_WITHIN_S), asyncio.TaskGroup() as group:
            clerks = [group.create_task(self._clerk(place)) for place in self.places]
            others = [group.create_task(self._do(deed)) for deed in self._deeds if not deed.early]
            if self.arguments.planted_fen:
                others.append(group.create_task(self._plant()))
            clerks.append(group.create_task(self._borrow()))
            await self._ended()
            for task in others:
                await task
            if self.way is not None:
                await collecting.settle_incidents(self, self.way.incidents, self.settled)
            for task in clerks:
                task.cancel()

    async def _clerk(self, place: Place) -> None:
        """The clerk of an institution, who comes again where a service is away that this way lets be away."""
        while True:
            try:
                await keep_looking(self.people, place.role, self.case, self.witness.changed[place.inbox])
            except DeskUnreachable:
                if self.way is None:
                    raise
                await asyncio.sleep(COME_AGAIN_S)

    async def _do(self, deed: Deed) -> None:
        """Let somebody interfere once the moment has come."""
        await deed.once(self)
        self.acted(deed.role, deed.what, deed.clause)
        await deed.do(self)
        said = frozenset(one.kind for one in self.witness.spoken if one.case == self.case)
        self.done.append(Done(deed, said))
        self.people.holds.difference_update(hold for hold in deed.holds if not hold.for_good)

    async def _ended(self) -> None:
        """Until the keeper has said the end."""
        ends = (CaseCompleted, CaseCancelled)
        await self.witness.until(lambda: any(self.witness.heard(self.case, kind) for kind in ends))

    async def _borrow(self) -> None:
        """Once the notary has certified the buyers' own part, they turn to the lenders."""
        await self.witness.until(lambda: self.witness.heard(self.case, DepositConfirmed))
        async with asyncio.TaskGroup() as group:
            for loan in self.file.loans:
                group.create_task(self._apply(loan))

    async def _apply(self, loan: LoanSought) -> None:
        while True:
            try:
                return await self.people.apply_for_loan(self.case, loan)
            except DeskUnreachable:
                if self.way is None:
                    raise
                await asyncio.sleep(COME_AGAIN_S)

    async def _plant(self) -> None:
        """Falsify the deposit account at the rail while money lies there."""
        account, fen = self.file.sale.deposit_account.account, self.arguments.planted_fen
        await self.witness.until(lambda: self.witness.heard(self.case, DepositConfirmed))
        await self.rail.plant(account, fen)
        self.acted(Role.ESCROW, f"somebody falsifies account {account} at the rail by {fen:+d} fen", "X-1")

    # --- collecting -----------------------------------------------------------------------------------------

    async def collect(self) -> Evidence:
        """What everybody has on file now. Raises DeskRefused, DeskUnreachable, Stuck."""
        expected = self.way.incidents if self.way is not None else ()
        found = await collecting.collect(self, self.procedure, self.observed_within_s, expected)
        return replace(found, before=self.before, done=tuple(self.done), settled=tuple(self.settled))

    async def explain(self) -> list[str]:
        """What is known about why a case does not go on: worklists, incidents, dead letters, refusals, logs."""
        lines = [f"{role.value}: refused: {why}" for (role, _), why in self.people.refusals.items()]
        lines += self.witness.dead
        for place in self.places:
            for path in ("/worklist", "/incidents"):
                try:
                    found: Any = await self.at[place.name].get(path)
                except (DeskRefused, DeskUnreachable) as error:
                    found = [{"action": "no answer", "what": str(error)}]
                lines += [f"{place.name}{path}: {collecting.brief(one)}" for one in found]
        done = [one.deed for one in self.done]
        lines += [f"not done: {deed.what}" for deed in self._deeds if deed not in done]
        return lines


async def _run(stack: Stack, file: SaleFile, arguments: Arguments, report: Report, way: WayOut | None) -> int:
    demo = Demo(stack, file, arguments, report, way)
    report.heading(f"{demo.procedure.name} ({demo.procedure.title}, {demo.procedure.document})")
    if way is not None:
        report.way_out(way)
    async with demo.connected():
        try:
            await demo.play()
            evidence = await demo.collect()
        except (ExceptionGroup, *TROUBLES) as trouble:
            report.trouble(f"The case does not go on: {_why(trouble)}", [*await demo.explain(), *_logs(stack, demo)])
            return NO_PROGRESS
    found = checks(evidence) if way is None else checks_of_a_way(evidence, way)
    report.timeline(evidence.spoken)
    report.documents(evidence.documents)
    report.loans(evidence)
    report.statements(evidence)
    report.money(evidence)
    report.register(evidence)
    report.observed(evidence.observed)
    report.checks(found)
    if way is not None:
        report.end(evidence)
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
    parser.add_argument("--way-out", default=environment.get("WAY_OUT") or "", help="its name, or list")
    found = parser.parse_args(given)
    procedure = found.procedure
    if found.way_out not in ("", LIST):
        try:
            procedure = way_out(found.way_out).procedure
        except UnknownWayOut as unknown:
            parser.error(f"WAY_OUT: {unknown}")
    if found.procedure not in EXAMPLES:  # argparse does not look at a default
        parser.error(f"PROCEDURE: {found.procedure} is none of {', '.join(EXAMPLES)}")
    try:
        planted_fen = int(found.planted_fen)
    except ValueError:
        parser.error(f"PLANTED_FEN: {found.planted_fen!r} is no whole number of fen")
    return Arguments(procedure, found.file or EXAMPLES[procedure], planted_fen, found.way_out)


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
    way = way_out(arguments.way_out) if arguments.way_out else None
    starts = way.starts if way is not None else None
    file = load_sale(arguments.file, starts or datetime.now(UTC))
    if (file.sale.procedure, file.sale.edition) not in PROCEDURES:
        raise BadSaleFile(f"{arguments.file}: {file.sale.procedure} {file.sale.edition} is no procedure known here")
    report = Report(console, PROCEDURES[file.sale.procedure, file.sale.edition])
    report.heading("Starting Kafka, MongoDB, the rail and one process per institution")
    with Stack(ephemeral=True, starts=starts, on_progress=report.started) as stack:
        try:
            status = asyncio.run(_until_interrupted(_run(stack, file, arguments, report, way)))
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
    if arguments.way_out == LIST:
        list_ways_out(make_console(), WAYS_OUT.values())
        return ALL_AGREE
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
