"""LC-FULL on a real broker and a real database, three separate processes, clerks at the desks' HTTP.

Killed in the middle with -9: a service, the broker, the database. The same end, the same money, and every service
working again by itself.
"""

import asyncio
import io
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from contracts.event import Event
from contracts.events.case import CaseCompleted, CaseOpened
from contracts.events.escrow import DepositConfirmed, PayoffTransferred
from contracts.events.registry import FolioRefused, FolioReserved, TransferRegistered
from contracts.events.seller_bank import ConsentIssued, PayoffQuoted
from contracts.procedures import PROCEDURES
from deploy.clerks import keep_looking
from deploy.demo import EXAMPLES, Arguments, Demo
from deploy.evidence import checks
from deploy.report import Report
from deploy.stack import CHECKOUT, Stack
from services.desk_client import DeskUnreachable
from services.sale_file import SaleFile, load_sale
from services.sale_opening import open_case, prepare

pytestmark = pytest.mark.live
WITHIN_S = 120


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A whole stack of its own: this test kills parts of it."""
    with Stack(CHECKOUT, ephemeral=True) as running:
        yield running


@dataclass
class Sales:
    """Sales like the example's, each of another home, other people's accounts and another loan."""

    folder: Path
    n: int = 0

    def next(self) -> SaleFile:
        self.n += 1
        text = EXAMPLES["LC-FULL"].read_text(encoding="utf-8")
        for old, new in (
            ("371502001001GB00012F00030045", f"371502001001GB00012F0003{self.n:04d}"),
            ("62220216020000", f"622202160{self.n:02d}000"),
            ("第0001234号", f"第{9000 + self.n:07d}号"),
            ("LC-HT-000123", f"LC-HT-{self.n:06d}"),
            ("ICBC-LC-2021-0007788", f"ICBC-LC-2021-{self.n:07d}"),
        ):
            assert old in text
            text = text.replace(old, new)
        path = self.folder / f"sale-{self.n}.yaml"
        path.write_text(text, encoding="utf-8")
        return load_sale(path, datetime.now(UTC))


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Sales:
    return Sales(tmp_path_factory.mktemp("sales"))


def demo(stack: Stack, file: SaleFile) -> Demo:
    """One case of the demo, told to nobody."""
    arguments = Arguments("LC-FULL", EXAMPLES["LC-FULL"], planted_fen=0)
    quiet = Report(Console(file=io.StringIO()), PROCEDURES[file.sale.procedure, file.sale.edition])
    made = Demo(stack, file, arguments, quiet)
    made.observed_within_s = WITHIN_S  # what killed the others' broker or database has hit the observer too
    return made


async def patiently(act: Callable[[], Awaitable[object]]) -> None:
    """Again and again while a desk is away."""
    while True:
        try:
            await act()
            return
        except DeskUnreachable:
            await asyncio.sleep(0.1)


async def sold(stack: Stack, case: Demo, kill: str = "", once: type[Event] | None = None) -> None:
    """Play a case to its end; with `kill`, that process is killed as soon as the event was said, and started again."""
    for account in case.file.rail:
        await case.rail.open_account(account.account, account.owner, account.opening_fen)
    await prepare(case.desks, case.file, "live")
    case.case = await open_case(case.desks[case.places[0].role], case.file, "live")
    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        clerks = [
            group.create_task(
                patiently(lambda p=p: keep_looking(case.people, p.role, case.case, case.witness.changed[p.inbox]))
            )
            for p in case.places
        ]
        if once is not None:
            await case.witness.until(lambda: case.witness.heard(case.case, once))
            stack.kill(kill, signal.SIGKILL)
            await asyncio.to_thread(stack.restart, kill)
        await case.witness.until(lambda: case.witness.heard(case.case, CaseCompleted))
        for task in clerks:
            task.cancel()


async def agreed(case: Demo) -> list[str]:
    """What does not agree between desks, rail, register and procedure."""
    return [str(check) for check in checks(await case.collect()) if not check.passed]


async def test_LC_F4_a_home_is_sold_by_three_processes(stack: Stack, sales: Sales) -> None:
    case = demo(stack, sales.next())
    async with case.connected():
        await sold(stack, case)
        assert await agreed(case) == []


KILLS: list[tuple[str, type[Event]]] = [
    ("escrow", CaseOpened),
    ("escrow", TransferRegistered),
    ("registry", DepositConfirmed),
    ("registry", FolioReserved),
    ("seller_bank", ConsentIssued),
    ("seller_bank", PayoffTransferred),
    ("rail", PayoffQuoted),
    ("mongodb", ConsentIssued),
    ("kafka", TransferRegistered),
]


@pytest.mark.parametrize(("victim", "once"), KILLS, ids=[f"{v} once {e.__name__}" for v, e in KILLS])
async def test_X_1_killed_in_the_middle_the_case_ends_the_same(
    stack: Stack, sales: Sales, victim: str, once: type[Event]
) -> None:
    case = demo(stack, sales.next())
    async with case.connected():
        await sold(stack, case, victim, once)
        assert await agreed(case) == []


async def test_X_4_two_sales_of_one_home_meet_in_the_registry(stack: Stack, sales: Sales) -> None:
    file = sales.next()
    case = demo(stack, file)
    async with case.connected():
        for account in file.rail:
            await case.rail.open_account(account.account, account.owner, account.opening_fen)
        await prepare(case.desks, file, "twice")
        escrow = case.desks[case.places[0].role]
        first, second = [await open_case(escrow, file, occasion) for occasion in ("one", "two")]
        assert first != second
        case.case = first
        async with asyncio.timeout(WITHIN_S):
            for one in (first, second):
                while not await case.people.look(case.places[0].role, one):  # noqa: ASYNC110 a desk is asked, it calls nobody
                    await asyncio.sleep(0.05)
            await case.witness.until(lambda: any(case.witness.heard(one, FolioReserved) for one in (first, second)))
            await case.witness.until(lambda: any(case.witness.heard(one, FolioRefused) for one in (first, second)))
        claimed = [one for one in (first, second) if case.witness.heard(one, FolioReserved)]
        refused = [one for one in (first, second) if case.witness.heard(one, FolioRefused)]
        assert len(claimed) == len(refused) == 1 and claimed != refused
