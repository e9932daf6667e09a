"""Settling the seller's loan when the statement is out of date, the debt a fen more, or the price less than the debt.

X-2: the bank is paid just what it states, never by a statement past its date, and the seller never before the bank."""

from datetime import timedelta
from fractions import Fraction

import pytest

from contracts.event import Role
from contracts.events.case import CaseCompleted
from contracts.events.escrow import BalancePaid, DepositConfirmed, MoneyKind, PayoffTransferred, TransferApplicationMade
from contracts.events.registry import TransferRegistered
from contracts.events.seller_bank import PayoffCompleted, PayoffQuoted
from services.runtime.core.facts import PaymentOrderedAgain
from services.runtime.core.file import Phase
from services.runtime.rail.memory import Fault
from tests.stories import home
from tests.stories.acts import Registrar, nobody, withdrawal
from tests.stories.ends import cancelled, completed, debt_fen, stands
from tests.stories.loan_world import BANK, LoanWorld, asks
from tests.stories.world import CASE, World
from tests.support import liaocheng as lc

SEEDS = range(8)


@pytest.mark.way_out("quote-expired")
@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_L6_a_statement_past_its_date_is_not_paid_and_a_new_one_is(seed: int) -> None:
    """The escrow cannot be reached until the statement's last day is over."""
    world = LoanWorld(seed, asks(BANK))
    await world.opened()
    inbox = world.house(Role.ESCROW).institution.inbox
    ask = world.answers["ask-payoff"]
    world.answers["ask-payoff"] = nobody
    await world.run()
    world.answers["ask-payoff"] = ask
    world.log.down(inbox)
    await world.run()
    assert len(await world.said(PayoffQuoted)) == 1 and not await world.said(PayoffTransferred)
    world.log.now += timedelta(days=9)
    world.log.up(inbox)
    await world.run()
    quotes = await world.said(PayoffQuoted)
    assert len(quotes) == 2 and quotes[0].fact.good_through < quotes[1].fact.as_of
    assert [p.fact.quote for p in await world.said(PayoffTransferred)] == [quotes[1].fact.statement.number]
    await world.is_sold(BANK)


@pytest.mark.way_out("quote-expired")
@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_L6_a_payoff_that_failed_is_not_ordered_again_on_an_old_statement(seed: int) -> None:
    """The rail refuses the payoff until its statement has expired: a clerk's order comes too late, and the bank states
    the debt anew, which is paid without an order."""
    world = World(seed)
    world.rail.arm(Fault(kind="refuse", from_account=lc.ESCROW_ACCOUNT))
    again = world.answers["order-payment-again"]
    world.answers["order-payment-again"] = nobody
    await world.opened()
    await world.run()
    world.log.now += timedelta(days=9)
    world.answers["order-payment-again"] = again
    await world.run()
    assert not (await world.file(Role.ESCROW)).every(PaymentOrderedAgain)
    quotes = await world.said(PayoffQuoted)
    assert len(quotes) == 2 and quotes[0].fact.good_through < quotes[1].fact.as_of
    assert [p.fact.quote for p in await world.said(PayoffTransferred)] == [quotes[1].fact.statement.number]
    await completed(world)


@pytest.mark.way_out("payoff-one-fen-short")
@pytest.mark.parametrize("seed", SEEDS)
async def test_X_2_a_debt_that_grew_by_a_fen_on_the_way_is_paid_to_the_fen_before_the_seller(seed: int) -> None:
    """The loan costs a fen a day, and the payoff lies a night on the rail."""
    world = LoanWorld(seed, asks(BANK))
    await world.opened(loan=home.loan(annual_rate_ppm=6))
    assert await world.until(world.heard(Role.ESCROW, PayoffQuoted))
    world.rail.slow.add(lc.ESCROW_ACCOUNT)
    await world.run()
    assert len(await world.said(PayoffTransferred)) == 1
    world.log.now += timedelta(days=1)
    world.rail.slow.clear()
    await world.run()
    assert [booked.fact.open_fen for booked in await world.said(PayoffCompleted)] == [1, 0]
    first, rest = await world.said(PayoffTransferred)
    assert rest.fact.amount_fen == 1 and rest.at < (await world.said(BalancePaid))[0].at
    settled_fen = debt_fen(days=18, annual_rate_ppm=6)
    assert first.fact.amount_fen + 1 == settled_fen
    await world.is_sold(BANK, settled_fen=settled_fen)


OWED_FEN = lc.PRICE_FEN + 4_000_000


async def with_a_debt_above_the_price(seed: int) -> World:
    """The case rests: the bank has consented and estimated what it is owed, and the seller has not topped up."""
    world = World(seed)
    await world.opened(loan=home.loan(principal_fen=OWED_FEN, annual_rate_ppm=0))
    await world.run()
    await stands(world, Role.ESCROW, "top-up", clause="X-2")
    assert [held.fact.kind for held in await world.said(DepositConfirmed)] == [MoneyKind.PRICE]
    assert not await world.said(TransferApplicationMade), "applied for what cannot be settled"
    return world


@pytest.mark.way_out("price-below-payoff-topped-up")
@pytest.mark.parametrize("seed", SEEDS)
async def test_X_2_the_seller_tops_up_a_price_below_the_debt(seed: int) -> None:
    """In parts and too much: what is not needed for the debt is the seller's again at the end."""
    world = await with_a_debt_above_the_price(seed)
    for part_fen in (1_000_000, 2_999_999, 1 + 700):
        assert not await world.said(TransferApplicationMade)
        await world.pay(part_fen, payer=lc.SELLER_ACCOUNT)
        await world.run()
    kinds = [held.fact.kind for held in await world.said(DepositConfirmed)]
    assert kinds == [MoneyKind.PRICE, MoneyKind.TOP_UP]
    await completed(world, settled_fen=OWED_FEN)


@pytest.mark.way_out("price-below-payoff-without-top-up")
@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_a_price_below_the_debt_without_a_top_up_waits_and_is_called_off_by_agreement(seed: int) -> None:
    """A part of the top-up may be there: it is the seller's, as the price is the buyer's."""
    world = await with_a_debt_above_the_price(seed)
    if seed % 2:
        await world.pay(3_999_999, payer=lc.SELLER_ACCOUNT)
        await world.run()
        await stands(world, Role.ESCROW, "top-up", clause="X-2")
    await world.tell(Role.ESCROW, withdrawal(), CASE)
    await world.run()
    await cancelled(world, clause="X-3")


@pytest.mark.way_out("price-below-payoff-topped-up")
@pytest.mark.parametrize("seed", SEEDS)
async def test_X_2_a_debt_that_outgrew_the_money_after_the_entry_stands_until_the_seller_tops_up(seed: int) -> None:
    """The estimate was just the price. Nobody undoes an entry: the case stands under an incident until money comes."""
    principal_fen = lc.PRICE_FEN - 17 * int(Fraction(lc.PRICE_FEN * 31_000, 360_000_000))
    while debt_fen(principal_fen=principal_fen, days=17) < lc.PRICE_FEN:
        principal_fen += 1
    world = World(seed)
    await world.opened(loan=home.loan(principal_fen=principal_fen))
    registrar = Registrar(world, enters=False)
    await world.run()
    registrar.enters = True
    world.log.now += timedelta(days=3)
    await world.run()
    owed_fen = debt_fen(principal_fen=principal_fen, days=20)
    assert [quote.fact.total_fen for quote in await world.said(PayoffQuoted)] == [owed_fen]
    assert await world.said(TransferRegistered) and not await world.said(PayoffTransferred)
    assert set((await world.phases()).values()) == {Phase.OPEN} and not await world.said(CaseCompleted)
    assert [(name, "cannot be paid" in what) for name, what in await world.alarms()] == [(lc.NOTARY[1], True)]
    await world.pay(owed_fen - lc.PRICE_FEN, payer=lc.SELLER_ACCOUNT)
    await world.run()
    await completed(world, settled_fen=owed_fen)
