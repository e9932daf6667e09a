"""Money after the end: to the keeper, to a lender, to the seller's bank. X-1: no article covers it, a person sees
it, and it goes back to whoever paid it; the case stays ended."""

from typing import Any

import pytest

from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.values import UnitNumber
from services.runtime.core.rows import Row
from services.seller_bank.facts import MoneyDecided
from tests.stories.acts import refuses
from tests.stories.ends import cancelled, completed
from tests.stories.loan_world import ACCOUNTS, BANK, LoanWorld, asks
from tests.stories.world import CASE, World
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO

SEEDS = range(6)
PAYERS = (lc.BUYER_ACCOUNT, lc.SELLER_ACCOUNT, lc.STRANGER_ACCOUNT)


def city(seed: int) -> Any:
    """A city of a buyer who borrows, or who does not."""
    return LoanWorld(seed, asks(BANK)) if seed % 2 else World(seed)


async def ended(world: World, *, sold: bool) -> None:
    """The case has come to its end."""
    if not sold:
        world.answers["decide-consent"] = refuses
    await world.opened()
    await world.run()
    await it_stands(world, sold=sold)


async def it_stands(world: World, *, sold: bool) -> None:
    """The same end, and nobody has anybody else's money."""
    if not sold:
        await cancelled(world)
    elif isinstance(world, LoanWorld):
        await world.is_sold(BANK)
    else:
        await completed(world)
    assert len(await world.said(CaseCompleted)) + len(await world.said(CaseCancelled)) == 1


@pytest.mark.way_out("money-after-the-end")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sold", [True, False], ids=["completed", "cancelled"])
async def test_X_1_money_that_comes_to_the_keeper_after_the_end_goes_back(seed: int, sold: bool) -> None:
    world = city(seed)
    await ended(world, sold=sold)
    for payer in PAYERS:
        await world.pay(70_000, payer=payer)
    await world.run()
    assert [name for name, _ in await world.alarms()] == [lc.NOTARY[1]] * len(PAYERS)
    await it_stands(world, sold=sold)


@pytest.mark.way_out("money-after-the-end")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sold", [True, False], ids=["completed", "cancelled"])
async def test_X_1_money_that_comes_to_a_lender_after_the_end_goes_back(seed: int, sold: bool) -> None:
    """With the case in its text, or with no text that anybody knows."""
    world = LoanWorld(seed, asks(BANK))
    await ended(world, sold=sold)
    await world.pay(90_000, payer=lc.BUYER_ACCOUNT, to=ACCOUNTS[BANK], reference=f"{CASE} first instalment")
    await world.pay(90_001, payer=lc.STRANGER_ACCOUNT, to=ACCOUNTS[BANK], reference="for my friend")
    await world.run()
    assert [name for name, _ in await world.alarms()] == [BANK] * 2
    await it_stands(world, sold=sold)


@pytest.mark.way_out("money-after-the-end")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("decided", ["books it", "sends it back"])
async def test_X_1_money_that_comes_to_the_sellers_bank_after_the_end_goes_back(seed: int, decided: str) -> None:
    """A clerk sends it back, or puts it to the loan: that is settled, so what is more goes back by itself."""

    def decide(row: Row) -> MoneyDecided:
        unit = UnitNumber(FOLIO) if decided == "books it" else None
        return MoneyDecided(by_clerk="Wang", money=row.data["about"], unit_number=unit)

    world = city(seed)
    await ended(world, sold=True)
    world.answers["decide-money"] = decide
    await world.pay(30_000, payer=lc.SELLER_ACCOUNT, to=lc.BANK_ACCOUNT, reference=CASE)
    await world.pay(30_001, payer=lc.STRANGER_ACCOUNT, to=lc.BANK_ACCOUNT, reference="for my friend's loan")
    await world.run()
    assert {name for name, _ in await world.alarms()} == {lc.BANK[1]}
    await it_stands(world, sold=True)
