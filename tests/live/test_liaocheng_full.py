"""LC-FULL on a real broker and a real database, three separate processes, clerks at the desks' HTTP.

Killed in the middle with -9: a service, the broker, the database. The same end, the same money, and every service
working again by itself.
"""

import asyncio
from collections.abc import Iterator

import pytest

from contracts.event import Event
from contracts.events.case import CaseOpened
from contracts.events.escrow import DepositConfirmed, PayoffTransferred
from contracts.events.registry import FolioRefused, FolioReserved, TransferRegistered
from contracts.events.seller_bank import ConsentIssued, PayoffQuoted
from deploy.sales import Sales
from deploy.stack import CHECKOUT, Stack
from services.sale_opening import open_case, prepare
from tests.live.sales import WITHIN_S, agreed, demo, killed, sold

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A whole stack of its own: this test kills parts of it."""
    with Stack(CHECKOUT, ephemeral=True) as running:
        yield running


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Sales:
    return Sales(tmp_path_factory.mktemp("sales"))


async def test_LC_F4_a_home_is_sold_by_three_processes(stack: Stack, sales: Sales) -> None:
    case = demo(stack, sales.next())
    async with case.connected():
        await sold(case)
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
        await sold(case, killed(stack, victim, once))
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
