"""What the buyer pays in, in other ways than once and exactly: the price, or the down payment of who borrows.

X-1: nothing is certified before the whole is there, and what is not the buyer's part goes back to whoever paid it."""

from typing import Any

import pytest

from contracts.event import Role
from contracts.events.case import CaseCompleted
from contracts.events.escrow import DepositConfirmed
from contracts.events.lender import LoanDisbursed
from tests.stories.acts import withdrawal
from tests.stories.ends import cancelled, completed, stands
from tests.stories.loan_world import BANK, LoanWorld, asks
from tests.stories.world import CASE, World
from tests.support import liaocheng as lc

SEEDS = range(6)
BOTH = pytest.mark.parametrize("borrows", [False, True], ids=["full", "loan"])
EACH = pytest.mark.parametrize("seed", SEEDS)


def city(seed: int, borrows: bool) -> Any:
    """A city of a buyer who borrows, or who does not."""
    return LoanWorld(seed, asks(BANK)) if borrows else World(seed)


async def sold(world: World) -> None:
    """The sale has gone through, with the loan where there is one."""
    if isinstance(world, LoanWorld):
        await world.is_sold(BANK)
    else:
        await completed(world)


@pytest.mark.way_out("deposit-short")
@EACH
@BOTH
async def test_X_1_a_deposit_one_fen_short_waits_until_the_fen_comes_or_the_sale_is_off(
    seed: int, borrows: bool
) -> None:
    world = city(seed, borrows)
    await world.opened(pays_fen=world.own_fen - 1)
    await world.run()
    await stands(world, Role.ESCROW, "pay-in", clause="LC-L1" if borrows else "LC-F1")
    assert not await world.said(DepositConfirmed) and world.rail.balance_fen(lc.ESCROW_ACCOUNT) == world.own_fen - 1
    if seed % 2:
        await world.pay(1)
        await world.run()
        await sold(world)
    else:
        await world.tell(Role.ESCROW, withdrawal(), CASE)
        await world.run()
        await cancelled(world, clause="X-3")


@pytest.mark.way_out("deposit-over")
@EACH
@BOTH
async def test_X_1_what_is_paid_in_beyond_the_buyers_part_goes_back(seed: int, borrows: bool) -> None:
    """At once, or by the second of two payments."""
    world = city(seed, borrows)
    await world.opened(pays_fen=world.own_fen + 250 if seed % 2 else world.own_fen - 100)
    if not seed % 2:
        await world.pay(350)
    await world.run()
    await sold(world)


@pytest.mark.way_out("deposit-twice")
@EACH
@BOTH
async def test_X_1_who_pays_in_twice_has_the_second_back(seed: int, borrows: bool) -> None:
    world = city(seed, borrows)
    await world.opened()
    await world.some_steps(100)
    await world.pay(world.own_fen)
    await world.run()
    await sold(world)


@pytest.mark.way_out("deposit-in-instalments")
@EACH
@BOTH
async def test_X_1_instalments_are_certified_once_and_when_the_last_is_there(seed: int, borrows: bool) -> None:
    world = city(seed, borrows)
    parts = [world.own_fen - 3_000_000, 1_000_000, 1_999_999, 1]
    await world.opened(pays_fen=0)
    for part in parts:
        assert not await world.said(DepositConfirmed)
        await world.pay(part)
        await world.some_steps(30)
    await world.run()
    await sold(world)
    assert len(await world.said(DepositConfirmed)) == (2 if borrows else 1)


@pytest.mark.way_out("deposit-from-a-stranger")
@EACH
@BOTH
async def test_X_1_a_strangers_money_pays_for_nothing_and_goes_back(seed: int, borrows: bool) -> None:
    """A friend of the buyer's pays in the whole part, and the buyer only after a while."""
    world = city(seed, borrows)
    await world.opened(pays_fen=0)
    await world.pay(world.own_fen, payer=lc.STRANGER_ACCOUNT)
    await world.run()
    assert not await world.said(DepositConfirmed) and not await world.said(LoanDisbursed)
    assert not await world.said(CaseCompleted)
    assert world.rail.balance_fen(lc.STRANGER_ACCOUNT) == world.opening_fen[lc.STRANGER_ACCOUNT]
    await stands(world, Role.ESCROW, "pay-in", clause="LC-L1" if borrows else "LC-F1")
    assert any("from an account of nobody in this case" in what for _, what in await world.alarms())
    await world.pay(world.own_fen)
    await world.run()
    await sold(world)
