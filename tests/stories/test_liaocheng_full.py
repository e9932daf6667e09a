"""LC-FULL told whole: three institutions, any order of arrival, doubled words, processes killed in the middle."""

import pytest

from contracts.envelope import PARTITIONS
from contracts.event import Role
from services.runtime.core.facts import Pay, Purpose
from tests.stories import home
from tests.stories.acts import withdrawal
from tests.stories.ends import cancelled, completed
from tests.stories.world import CASE, World
from tests.support import liaocheng as lc
from tests.support.bench import NOON

SEEDS = range(40)
THROUGH = ["CaseOpened", "FolioReserved", "DepositConfirmed", "ConsentIssued", "TransferApplicationMade"]
THROUGH += ["TransferRegistered", "PayoffQuoted", "PayoffTransferred", "PayoffCompleted"]
THROUGH += ["BalancePaid", "ReleaseApplied", "MortgageReleased", "CaseCompleted"]


@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_F4_a_home_is_sold(seed: int) -> None:
    world = World(seed)
    await world.opened()
    await world.run()
    await completed(world)
    assert sorted(await world.names()) == sorted(THROUGH)
    paid = {p.fact.purpose: p.fact.amount_fen for p in (await world.file(Role.ESCROW)).every(Pay)}
    assert set(paid) == {Purpose.PAYOFF, Purpose.BALANCE} and sum(paid.values()) == lc.PRICE_FEN
    assert await world.alarms() == []


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_withdrawal_before_the_application(seed: int) -> None:
    """A part of the price is there, or not yet."""
    world = World(seed)
    await world.opened(pays_fen=1_000_000)
    await world.some_steps(60)
    await world.tell(Role.ESCROW, withdrawal(), CASE)
    await world.run()
    await cancelled(world, clause="X-3")


@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_F4_a_borrower_who_settles_the_loan_himself_gets_the_whole_price(seed: int) -> None:
    world = World(seed)
    loan = home.loan(interest_paid_through=NOON.date(), annual_rate_ppm=0)
    await world.opened(pays_fen=0, loan=loan)
    await world.pay(61_000_000, payer=lc.SELLER_ACCOUNT, to=lc.BANK_ACCOUNT)
    world.rail.settle_all()
    while not await world.house(Role.SELLER_BANK).institution.read_statements(range(PARTITIONS)):
        await world.step()
    await world.pay(lc.PRICE_FEN)
    await world.run()
    await completed(world, settled_fen=61_000_000)
    names = await world.names()
    assert "PayoffQuoted" not in names and "PayoffTransferred" not in names
