"""Playing a case on a running stack: the clerks work by their worklists, and whoever interferes in a way out does so at
his moment; then everything is collected. Demo is one case, `many` plays several at once."""

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from contracts.envelope import inbox
from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.escrow import DepositConfirmed
from contracts.procedures import PROCEDURES
from deploy import collecting
from deploy.clerks import ACTS, People, Rail, Stuck, keep_looking
from deploy.collecting import OBSERVED_WITHIN_S
from deploy.days import Together
from deploy.evidence import Evidence, Registered
from deploy.report import Report
from deploy.stack import Stack
from deploy.ways_out.way import Deed, Done, WayOut
from deploy.witness import Place, Witness, WitnessLost
from services.desk_client import Desk, DeskRefused, DeskUnreachable
from services.sale_file import BadSaleFile, LoanSought, SaleFile
from services.sale_opening import open_case, prepare

PLAYED_WITHIN_S = 60
WAY_OUT_PLAYED_WITHIN_S = 180
"""Services are stopped and started in some, and days pass in others."""
COME_AGAIN_S = 0.1
PATIENT_TRIES = 1000
LOG_LINES = 12

T = TypeVar("T")
TROUBLES = (Stuck, DeskRefused, DeskUnreachable, WitnessLost, TimeoutError)


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
        self.played_within_s: float = PLAYED_WITHIN_S
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
        self.notes: dict[str, str] = {}
        self._deeds: tuple[Deed, ...] = ()
        if way is not None:
            self.people.acts = {**ACTS, **way.acts}
            self.people.most_tries = PATIENT_TRIES  # a desk refuses what is early again and again while another is away
            self.played_within_s = WAY_OUT_PLAYED_WITHIN_S
            self._deeds = way.deeds
        self._days: Together | None = None
        if way is not None and way.starts is not None:
            self.shares_days(Together(stack.days))

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
        try:
            await self._play()
        finally:
            if self._days is not None:
                self._days.leave(self)

    def shares_days(self, together: Together) -> None:
        """No day comes before this case waits for one, or is over."""
        self._days = together
        together.join(self)

    async def until_day(self, day: date) -> None:
        """See Scene. RuntimeError where no days can pass."""
        if self._days is None:
            raise RuntimeError("this way out has no day on which it starts")
        await self._days.until(self, day)

    async def _open(self) -> None:
        """Everything that is there before the sale, and the sale brought to the escrow."""
        occasion = str(uuid.uuid4())
        for account in self.file.rail:
            await self.rail.open_account(account.account, account.owner, account.opening_fen)
        self.acted(Role.REGISTRY, "the folio is imported as the register has it", "X-2")
        self.acted(Role.SELLER_BANK, "the loan is imported as the bank's own system has it", "LC-F2")
        if self.file.pool:
            self.acted(Role.FUND_CENTER, "the provident fund's figures are stated as its books have them", "LC-R2")
        await self._reaching(lambda: prepare(self.desks, self.file, occasion))
        self.before = await self._reaching(lambda: collecting.register_of(self))
        for deed in self._deeds:
            if deed.early:
                await self._do(deed)
        self.case = await self._reaching(lambda: open_case(self.desks[Role.ESCROW], self.file, occasion))
        self.acted(Role.ESCROW, f"buyers and seller bring the sale: case {self.case}", "LC-F1")
        self.people.holds.extend(hold for deed in self._deeds for hold in deed.holds)

    async def _play(self) -> None:
        async with asyncio.timeout(self.played_within_s):
            await self._open()
        async with asyncio.timeout(self.played_within_s), asyncio.TaskGroup() as group:
            clerks = [group.create_task(self._clerk(place)) for place in self.places]
            others = [group.create_task(self._do(deed)) for deed in self._deeds if not deed.early]
            if self.arguments.planted_fen:
                others.append(group.create_task(self._plant()))
            clerks.append(group.create_task(self._borrow()))
            await self._ended()
            for task in others:
                await task
            if self.way is not None:
                await collecting.settle_incidents(self, self.way.incidents, self.settled, self.observed_within_s)
            for task in clerks:
                task.cancel()

    async def _reaching(self, do: Callable[[], Awaitable[T]]) -> T:
        """Do something at a desk, and come again where its service is away and this way lets it be away."""
        while True:
            try:
                return await do()
            except DeskUnreachable:
                if self.way is None:
                    raise
                await asyncio.sleep(COME_AGAIN_S)

    async def _clerk(self, place: Place) -> None:
        """The clerk of an institution."""
        arrived = self.witness.changed[place.inbox]
        await self._reaching(lambda: keep_looking(self.people, place.role, self.case, arrived))

    async def _do(self, deed: Deed) -> None:
        """Let somebody interfere once the moment has come."""
        await deed.once(self)
        self.acted(deed.role, deed.what, deed.clause)
        await deed.do(self)
        spoken = [one for one in self.witness.spoken if one.case == self.case]
        self.done.append(Done(deed, frozenset(one.kind for one in spoken), Counter(one.by for one in spoken)))
        for hold in deed.holds:
            if not hold.for_good:
                self.people.holds.remove(hold)

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
        await self._reaching(lambda: self.people.apply_for_loan(self.case, loan))

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
        """What is known about why a case does not go on: refusals, dead letters, worklists, incidents, logs."""
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
        for place in self.places:
            log = self.stack.log(f"{place.role.value}.{place.name}")
            text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            lines += [f"{place.name} log: {line}" for line in text.splitlines()[-LOG_LINES:]]
        return lines


def why(trouble: BaseException) -> str:
    """The first cause in a few words. What nobody foresaw is raised again: it is a fault of the demo itself."""
    while isinstance(trouble, ExceptionGroup):
        trouble = trouble.exceptions[0]
    if not isinstance(trouble, TROUBLES):
        raise trouble
    return "no end in time" if isinstance(trouble, TimeoutError) else str(trouble)
