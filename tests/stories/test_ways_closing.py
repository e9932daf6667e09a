"""Calling off while something is under way: at each stage, against the entry being made, with a loan on the rail.

X-3: the registry alone orders entry against closing; whatever was paid goes back to whoever paid it, to the fen."""

import pytest

from contracts.event import Role
from contracts.events.case import CaseCompleted, ClosingRequested
from contracts.events.lender import LendingEnded, LoanReturned
from contracts.events.registry import ClosingRefused, RegistrationClosed, TransferRegistered
from services.runtime.core.money import OrderState
from services.runtime.rail.memory import Fault
from tests.stories.acts import Registrar, withdrawal
from tests.stories.ends import cancelled
from tests.stories.loan_world import ACCOUNTS, BANK, FUND, LoanWorld, asks
from tests.stories.world import CASE, World

SEEDS = range(6)
STAGES = ("opened", "deposited", "approved", "noticed", "disbursed", "applied")
WITHDRAWN = [pytest.param(stage, marks=pytest.mark.way_out(f"withdrawal-once-{stage}")) for stage in STAGES]


async def withdrawn_once(world: World, stage: str) -> None:
    """Buyer and seller withdraw once the case has come to a stage, while nobody decides on the entry."""
    Registrar(world, enters=False)
    await world.opened()
    assert await world.until(world.stages()[stage])
    await world.tell(Role.ESCROW, withdrawal(), CASE)
    await world.run()
    assert [asked.fact.clause for asked in await world.said(ClosingRequested)] == ["X-3"]
    assert len(await world.said(RegistrationClosed)) == 1 and not await world.said(ClosingRefused)
    await cancelled(world, clause="X-3")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("stage", WITHDRAWN)
async def test_X_3_buyer_and_seller_withdraw_once_a_stage_is_reached(stage: str, seed: int) -> None:
    lenders = ((BANK,), (FUND,), (BANK, FUND))[seed % 3]
    await withdrawn_once(LoanWorld(seed, asks(*lenders)), stage)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("stage", ["opened", "deposited", "reserved", "applied"])
async def test_X_3_buyer_and_seller_of_a_home_paid_in_full_withdraw(stage: str, seed: int) -> None:
    await withdrawn_once(World(seed), stage)


async def called_off_against_the_entry(world: World) -> str:
    """Ask for the closing while the registrar decides on the entry; which of the two was first."""
    registrar = Registrar(world, enters=False)
    await world.opened()
    assert await world.until(world.stages()["applied"])
    registrar.enters = True
    await world.some_steps(16)
    await world.tell(Role.ESCROW, withdrawal(), CASE)
    await world.run()
    asked = await world.said(ClosingRequested)
    closed, too_late = await world.said(RegistrationClosed), await world.said(ClosingRefused)
    assert len(closed) + len(too_late) == len(asked) <= 1
    assert bool(closed) == (not await world.said(TransferRegistered))
    if not asked:
        return "the desk knew of the entry"
    return "closed" if closed else "too late"


async def in_the_loans_city(seed: int) -> str:
    """One seed of it, to its end."""
    world = LoanWorld(seed, asks(BANK))
    found = await called_off_against_the_entry(world)
    if found == "closed":
        await world.is_called_off(clause="X-3")
    else:
        await world.is_sold(BANK)
    return found


@pytest.mark.way_out("closing-against-entry")
async def test_X_3_closed_or_too_late_is_said_and_never_both() -> None:
    """Both are reached: the orders differ from seed to seed."""
    found = [await in_the_loans_city(seed) for seed in range(12)]
    assert {"closed", "too late"} <= set(found), found


@pytest.mark.way_out("closing-while-a-loan-is-on-the-rail")
@pytest.mark.parametrize("seed", range(8))
async def test_X_3_a_loan_on_the_rail_when_the_case_is_closed_comes_back_to_its_lender(seed: int) -> None:
    """It arrives and is sent back; or the rail itself gives it back, so that it was never here."""
    lenders = ((BANK,), (FUND,), (BANK, FUND))[seed % 3]
    world = LoanWorld(seed, asks(*lenders))
    world.rail.slow |= {ACCOUNTS[name] for name in lenders}
    if seed % 2:
        world.rail.arm(Fault(kind="return", from_account=ACCOUNTS[lenders[0]]))
    await world.opened()
    for name in lenders:
        assert await world.until(world.ordered(name, OrderState.ACCEPTED))
    await world.tell(Role.ESCROW, withdrawal(), CASE)
    await world.run()
    assert len(await world.said(RegistrationClosed)) == 1 and not await world.said(CaseCompleted)
    sent_fen = {name: (await world.said(LendingEnded, name))[0].fact.sent_fen for name in lenders}
    assert sent_fen == {name: world.asked[name].amount_fen for name in lenders}
    assert not await world.said(LoanReturned), "nothing has arrived, so nothing can have come back"
    world.rail.slow.clear()
    await world.run()
    end = await world.is_called_off(clause="X-3")
    came_fen = sum(sent_fen.values()) - (sent_fen[lenders[0]] if seed % 2 else 0)
    assert end.money is not None and end.money.in_fen == world.own_fen + came_fen
