"""LC-FULL on a real broker and a real database, three separate processes, clerks at the desks' HTTP."""

import asyncio
from collections.abc import Iterator

import pytest

from contracts.events.registry import FolioRefused, FolioReserved
from deploy.sales import Sales
from deploy.stack import CHECKOUT, Stack
from services.sale_opening import open_case, prepare
from tests.live.sales import WITHIN_S, agreed, demo, sold

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
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
