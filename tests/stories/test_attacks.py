"""What would pay twice, pay the wrong one, say what is not so, or never end: the escrow's money at its worst."""

from datetime import timedelta

import pytest

from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseCompleted, DeadlineMissed, Lateness
from contracts.events.registry import RegistrationClosed
from contracts.period import Days, Period, Source
from services.escrow.facts import ReturnOrdered, WithdrawalAgreed
from services.escrow.rules import RULEBOOK
from services.runtime.core.facts import (
    MoneyReceived,
    Pay,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentSettled,
    PeriodPassed,
    PeriodStarted,
    Purpose,
)
from services.runtime.core.file import Filed, Phase
from services.runtime.core.money import Ledger
from services.runtime.core.rule import view
from services.runtime.rail.memory import Fault
from tests.stories.world import World
from tests.support import liaocheng as lc
from tests.support.bench import NOON, Bench
from tests.support.liaocheng import BANK, PAYOFF_FEN, PRICE_FEN, REGISTRY, STRANGER_ACCOUNT


class Money:
    """The escrow on the bench, with a case that all have signed, and the rail's answers by hand."""

    def __init__(self, **terms: object) -> None:
        self.bench = Bench(*lc.NOTARY, RULEBOOK)
        self.bench.own(lc.sale(**terms))
        for signature in lc.signatures():
            self.bench.own(signature)

    def arrives(self, amount_fen: int, payer: str = lc.BUYER_ACCOUNT) -> Filed[MoneyReceived]:
        line = len(self.bench.file(MoneyReceived)) + 1
        self.bench.own(lc.money(amount_fen, payer, line=line))
        return self.bench.file(MoneyReceived)[-1]

    def entered(self) -> None:
        self.bench.hear(lc.reserved(), REGISTRY)
        self.bench.hear(lc.consent(), BANK)
        self.bench.hear(lc.registered(), REGISTRY)

    def orders(self, purpose: Purpose) -> list[Filed[Pay]]:
        return [p for p in self.bench.file(Pay) if p.fact.purpose is purpose]

    def fails(self, order: Filed[Pay]) -> None:
        self.bench.own(PaymentRefused(payment=order.id, why="the payee's bank says no"))

    def settles(self, order: Filed[Pay]) -> None:
        fen = order.fact.amount_fen
        self.bench.own(PaymentSettled(payment=order.id, account=lc.ESCROW_ACCOUNT, line=9, amount_fen=fen))

    def again(self, order: Filed[Pay]) -> None:
        self.bench.own(PaymentOrderedAgain(by_clerk="Li", payment=order.id))

    @property
    def ledger(self) -> Ledger:
        subject = self.bench.subject()
        found = view(Ledger, subject, subject.file(self.bench.case))
        assert found is not None
        return found

    def never_more_than_there_was(self) -> None:
        """Nothing is ordered that is not this case's money."""
        assert self.ledger.free_fen >= 0, [(o.pay.purpose.value, o.pay.amount_fen, o.state) for o in self.ledger.orders]

    def waits(self) -> list[str]:
        return [row.data["action"] for row in self.bench.rows("wait")]


@pytest.fixture
def money() -> Money:
    return Money()


def test_X_1_a_strangers_money_whose_return_failed_goes_back_once(money: Money) -> None:
    money.arrives(PRICE_FEN)
    theirs = money.arrives(700, STRANGER_ACCOUNT)
    money.bench.own(ReturnOrdered(by_clerk="Li", money=theirs.id))
    money.fails(money.orders(Purpose.REFUND)[0])
    assert money.waits() == ["order-payment-again"], "one way to send it back, not two"
    money.bench.own(ReturnOrdered(by_clerk="Li", money=theirs.id))
    money.again(money.orders(Purpose.REFUND)[0])
    assert sum(o.pay.amount_fen for o in money.ledger.orders if o.moves) == 700


def test_X_1_an_excess_whose_return_failed_is_not_the_sellers(money: Money) -> None:
    money.arrives(PRICE_FEN + 500)
    money.fails(money.orders(Purpose.EXCESS)[0])
    money.entered()
    quote = lc.quoted()
    money.bench.hear(quote, BANK)
    money.settles(money.orders(Purpose.PAYOFF)[0])
    money.bench.hear(lc.booked(quote), BANK)
    assert [o.fact.amount_fen for o in money.orders(Purpose.BALANCE)] == [PRICE_FEN - PAYOFF_FEN]
    money.again(money.orders(Purpose.EXCESS)[0])
    money.never_more_than_there_was()


def test_X_1_an_excess_whose_return_failed_is_not_refunded_beside_it(money: Money) -> None:
    money.arrives(PRICE_FEN + 500)
    money.fails(money.orders(Purpose.EXCESS)[0])
    signed = (lc.SELLER.id_number, lc.BUYER.id_number)
    money.bench.own(WithdrawalAgreed(by_clerk="Li", signed_by=signed, because="moved away"))
    money.bench.hear(RegistrationClosed(because="asked for"), REGISTRY)
    money.again(money.orders(Purpose.EXCESS)[0])
    money.never_more_than_there_was()
    for order in money.orders(Purpose.EXCESS)[1:] + money.orders(Purpose.REFUND):
        money.settles(order)
    assert money.bench.said(CaseCancelled) and money.ledger.held_fen == 0


def test_LC_F4_a_payoff_that_failed_and_was_quoted_anew_is_paid_once_and_the_case_ends(money: Money) -> None:
    money.arrives(PRICE_FEN)
    money.entered()
    money.bench.hear(lc.quoted(n=5), BANK)
    first = money.orders(Purpose.PAYOFF)[0]
    money.fails(first)
    quote = lc.quoted(n=6)
    money.bench.hear(quote, BANK)
    assert len(money.orders(Purpose.PAYOFF)) == 2
    money.again(first)
    assert len(money.orders(Purpose.PAYOFF)) == 2, "the newer statement is paid, so the older is not"
    money.settles(money.orders(Purpose.PAYOFF)[1])
    money.bench.hear(lc.booked(quote), BANK)
    money.settles(money.orders(Purpose.BALANCE)[0])
    money.bench.hear(lc.released(), REGISTRY)
    assert len(money.bench.said(CaseCompleted)) == 1 and money.waits() == []


def test_LC_F4_a_balance_that_failed_is_paid_once_though_more_money_comes(money: Money) -> None:
    money.arrives(PRICE_FEN)
    money.entered()
    quote = lc.quoted()
    money.bench.hear(quote, BANK)
    money.settles(money.orders(Purpose.PAYOFF)[0])
    money.bench.hear(lc.booked(quote), BANK)
    failed = money.orders(Purpose.BALANCE)[0]
    money.fails(failed)
    money.arrives(1, STRANGER_ACCOUNT)
    money.again(failed)
    money.never_more_than_there_was()
    assert sum(o.pay.amount_fen for o in money.ledger.orders if o.moves) == PRICE_FEN


PRICE_PERIOD = Period(
    name="price", whose=Role.ESCROW, days=3, count=Days.CALENDAR, clause="LC-F1", source=Source.PRACTICE
)


@pytest.mark.parametrize(("days", "said"), [(1, []), (20, [Lateness.DONE_LATE]), (None, [Lateness.NOT_DONE])])
def test_periods_a_price_is_late_by_the_day_on_which_it_came(days: int | None, said: list[Lateness]) -> None:
    money = Money(periods=(PRICE_PERIOD,))
    if days is not None:
        receipt = lc.money(PRICE_FEN).model_copy(update={"booked_at": NOON + timedelta(days=days)})
        money.bench.own(receipt)
    started = money.bench.file(PeriodStarted)[0]
    money.bench.own(PeriodPassed(started=started.id, name="price", due=NOON.date() + timedelta(days=3)))
    assert [word.lateness for word in money.bench.said(DeadlineMissed)] == said


@pytest.mark.parametrize("seed", range(12))
async def test_X_1_strangers_excess_and_a_rail_that_keeps_failing_pay_nobody_twice(seed: int) -> None:
    world = World(seed)
    await world.opened(pays_fen=0)
    for kind, n in (("refuse", 2), ("return", 2), ("timeout", 2), ("timeout-after", 2)):
        world.rail.arm(Fault(kind=kind, n=n, from_account=lc.ESCROW_ACCOUNT))  # type: ignore[arg-type]
    await world.pay(PRICE_FEN - 900)
    await world.pay(700, payer=STRANGER_ACCOUNT)
    await world.pay(1_300)
    await world.pay(50, reference="for my friend")
    await world.run()
    await world.check()
    assert set((await world.phases()).values()) == {Phase.ENDED}
    assert world.rail.balance_fen(lc.ESCROW_ACCOUNT) == 0
    assert world.rail.balance_fen(STRANGER_ACCOUNT) == PRICE_FEN
    assert world.rail.balance_fen(lc.BUYER_ACCOUNT) == 9 * PRICE_FEN
    names = await world.names()
    assert names.count("PayoffTransferred") >= 1 and names.count("BalancePaid") >= 1
    assert not await world.rows("payment") and not await world.rows("wait")
