"""Playing sales on a running stack in live tests, one by one or many at once."""

import asyncio
import contextlib
import io
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from rich.console import Console

from contracts.event import Event, Role
from contracts.events.case import CaseCompleted
from contracts.events.escrow import DepositConfirmed
from contracts.procedures import PROCEDURES
from deploy.clerks import RailAway, Task, keep_looking, worklist
from deploy.demo import Arguments, Demo
from deploy.evidence import checks
from deploy.report import Report
from deploy.sales import EXAMPLES
from deploy.stack import Stack
from deploy.witness import Witness
from services.desk_client import DeskRefused, DeskUnreachable
from services.sale_file import SaleFile
from services.sale_opening import open_case, prepare

WITHIN_S = 300
PAUSE_S = 0.1
OUT_OF_SERVICE = 503  # what is behind the desk is away: the same again, later
BETWEEN_LOOKS_S = 0.5
CROWD_WITHIN_S = 3600
TRIES = 1000  # while a service is away, or others wait for their turn, a desk refuses what is early again and again


def demo(stack: Stack, file: SaleFile) -> Demo:
    """One case of the demo, told to nobody."""
    procedure = file.sale.procedure
    arguments = Arguments(procedure, EXAMPLES[procedure], planted_fen=0)
    quiet = Report(Console(file=io.StringIO()), PROCEDURES[procedure, file.sale.edition])
    made = Demo(stack, file, arguments, quiet)
    made.people.most_tries = TRIES
    made.observed_within_s = WITHIN_S  # what killed the others' broker or database has hit the observer too
    return made


async def patiently(act: Callable[[], Awaitable[object]]) -> None:
    """Again and again while a desk or the rail is away."""
    while True:
        try:
            await act()
            return
        except (DeskUnreachable, RailAway):
            await asyncio.sleep(PAUSE_S)
        except DeskRefused as refused:
            if refused.status != OUT_OF_SERVICE:
                raise
            await asyncio.sleep(PAUSE_S)


async def begin(case: Demo, occasion: str = "live") -> None:
    """Open the people's accounts, bring the register and the loan, and open the case."""
    for account in case.file.rail:
        await case.rail.open_account(account.account, account.owner, account.opening_fen)
    await prepare(case.desks, case.file, occasion)
    case.case = await open_case(case.desks[Role.ESCROW], case.file, occasion)


async def borrow(case: Demo) -> None:
    """Once the buyers' own part is certified, they turn to the lenders that the file names."""
    await case.witness.until(lambda: case.witness.heard(case.case, DepositConfirmed))
    await patiently(lambda: case.people.apply_for_loans(case.case))


Meanwhile = Callable[[Demo], Awaitable[None]]
"""What happens to the stack while a case is played."""


async def sold(case: Demo, meanwhile: Meanwhile | None = None) -> None:
    """Play a case to its end."""
    await begin(case)
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        people = [
            group.create_task(
                patiently(lambda p=p: keep_looking(case.people, p.role, case.case, case.witness.changed[p.inbox]))
            )
            for p in case.places
        ]
        people.append(group.create_task(borrow(case)))
        if meanwhile is not None:
            await meanwhile(case)
        await case.witness.until(lambda: case.witness.heard(case.case, CaseCompleted))
        for task in people:
            task.cancel()


def killed(stack: Stack, victim: str, once: type[Event]) -> Meanwhile:
    """That process is killed as soon as the event was said, and started again."""

    async def kill(case: Demo) -> None:
        await case.witness.until(lambda: case.witness.heard(case.case, once))
        stack.kill(victim, signal.SIGKILL)
        await asyncio.to_thread(stack.restart, victim)

    return kill


async def agreed(case: Demo) -> list[str]:
    """What does not agree between desks, rail, register and procedure."""
    return [str(check) for check in checks(await case.collect()) if not check.passed]


@dataclass
class Crowd:
    """Many cases at once: one witness and one clerk at each desk for all of them."""

    stack: Stack
    files: Sequence[SaleFile]
    cases: dict[str, Demo] = field(default_factory=dict[str, Demo])

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Desks, rail and witness of the first case serve all the others."""
        demos = [demo(self.stack, file) for file in self.files]
        widest = max(demos, key=lambda one: len(one.places))
        async with widest.connected():
            for one in demos:
                if one is not widest:
                    await one.rail.aclose()
                one.rail = one.people.rail = widest.rail
                one.witness = widest.witness
                one.at.update({place.name: widest.at[place.name] for place in one.places})
                one.desks.update({place.role: one.at[place.name] for place in one.places})
                await begin(one)
                self.cases[one.case] = one
            self._widest = widest
            yield

    async def play(self, meanwhile: Callable[["Crowd"], Awaitable[None]] | None = None) -> None:
        """Until every case is completed."""
        async with asyncio.timeout(CROWD_WITHIN_S), asyncio.TaskGroup() as group:
            people = [group.create_task(self._clerk(place.role)) for place in self._widest.places]
            people += [group.create_task(borrow(one)) for one in self.cases.values()]
            if meanwhile is not None:
                await meanwhile(self)
            await self._widest.witness.until(lambda: self.completed() == len(self.cases))
            for task in people:
                task.cancel()

    def completed(self) -> int:
        """How many cases have come to their good end."""
        return self.said(CaseCompleted)

    def said(self, kind: type[Event]) -> int:
        """In how many cases this was said."""
        witness = self._widest.witness
        return sum(witness.heard(case, kind) for case in self.cases)

    async def until(self, kind: type[Event], count: int) -> None:
        """Wait until this was said in so many cases."""
        await self._widest.witness.until(lambda: self.said(kind) >= count)

    @property
    def witness(self) -> Witness:
        """The one that all cases have."""
        return self._widest.witness

    async def goes_on(self, words: int, by: Role | None = None) -> bool:
        """Wait until so many more words were said, by one role or by anybody; False where all cases are completed
        before."""

        def said() -> int:
            return sum(by in (None, one.by) for one in self.witness.spoken)

        until = said() + words
        await self.witness.until(lambda: self.completed() == len(self.cases) or said() >= until)
        return self.completed() < len(self.cases)

    async def next_record(self, role: Role) -> None:
        """Wait until something more lies in this role's inbox."""
        inbox = next(place.inbox for place in self._widest.places if place.role is role)
        self.witness.changed[inbox].clear()
        await self.witness.changed[inbox].wait()

    async def _clerk(self, role: Role) -> None:
        """Does what the worklist asks for; what was refused is tried again later, each time a little later still."""
        looks = 0
        rests: dict[Task, int] = {}
        while True:
            await patiently(partial(self._look, role, looks, rests))
            looks += 1
            await asyncio.sleep(BETWEEN_LOOKS_S)

    async def _look(self, role: Role, looks: int, rests: dict[Task, int]) -> None:
        tasks = [task for task in await worklist(self._widest.desks[role]) if task.case in self.cases]
        due = [task for task in tasks if rests.get(task, 0) <= looks]
        await asyncio.gather(*(self.cases[task.case].people.act(role, task) for task in due))
        rests.update({task: looks + self.cases[task.case].people.tries.get((role, task), 0) for task in due})
