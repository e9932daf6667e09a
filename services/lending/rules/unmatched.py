"""What a lender does with money that names no case it knows, and with what belongs to a subject as such."""

from services.lending.facts import ApplicationClosed, ReturnOrdered
from services.runtime.core.facts import (
    Alarm,
    MoneyReceived,
    Pay,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
    Purpose,
)
from services.runtime.core.file import STANDING as NO_CASE
from services.runtime.core.file import Filed, Phase, Refusal
from services.runtime.core.money import Ledger
from services.runtime.core.rule import All, Chapter, Guard, Rule, Says, Wait, Waiting, noted
from services.runtime.core.verdicts import OUTSIDE_A_CASE


def pay_back(money: Filed[MoneyReceived], amount_fen: int) -> Pay:
    """The order that sends money, or a part of it, back to whoever paid it."""
    return Pay(
        purpose=Purpose.REFUND,
        from_account=money.fact.account,
        to_account=money.fact.from_account,
        amount_fen=amount_fen,
        reference=Purpose.REFUND.value,
        about=money.id,
        because="X-1",
    )


def report_money_that_nobody_can_match(money: Filed[MoneyReceived]) -> Says:
    """X-1: money whose remittance text names no case; a clerk sends it back to whoever paid it."""
    yield Alarm(
        what=f"{money.fact.amount_fen} fen on {money.fact.account} name no case known here (receipt {money.id})",
        why="a lender is paid nothing but its own back; order its return at the desk",
        clause="X-1",
    )


def send_it_back(order: ReturnOrdered, received: All[MoneyReceived]) -> Says:
    """X-1: a clerk has ordered its return."""
    money = next(m for m in received if m.id == order.money)
    yield pay_back(money, money.fact.amount_fen)


def refuse_to_return_it_twice(order: ReturnOrdered, ledger: Ledger | None) -> Refusal | None:
    """X-1: each receipt goes back once."""
    there = {m.id for m in ledger.receipts} if ledger is not None else set[str]()
    if ledger is None or order.money not in there or ledger.paid_fen(Purpose.REFUND, order.money):
        return Refusal("nothing to return", f"{order.money} is no receipt that waits to be sent back", "X-1")
    return None


def order_a_return_by_its_receipt(order: PaymentOrderedAgain) -> Refusal | None:
    """X-1: money that names no case is sent back by its receipt, also where it was tried before."""
    detail = f"{order.payment} sends back money that names no case: order its return again"
    return Refusal("ordered by its receipt", detail, "X-1")


def unmatched_money_waits(ledger: Ledger) -> Waiting | None:
    """X-1: nobody's money stays here."""
    for money in ledger.receipts:
        if not ledger.paid_fen(Purpose.REFUND, money.id):
            return Waiting("return-money", "X-1", f"{money.fact.amount_fen} fen that name no case", about=money.id)
    return None


STANDING = Chapter(
    procedure=NO_CASE,
    rules=(
        Rule(report_money_that_nobody_can_match, per=MoneyReceived),
        Rule(send_it_back, per=ReturnOrdered),
    ),
    guards=(Guard(refuse_to_return_it_twice), Guard(order_a_return_by_its_receipt)),
    waits=(Wait(unmatched_money_waits),),
    unexpected=(
        *OUTSIDE_A_CASE,
        noted(ApplicationClosed, Phase.OPEN, why="it lies in the case that was applied for, never outside of one"),
        noted(PaymentAccepted, Phase.OPEN, why="the return of unmatched money is on its way"),
        noted(PaymentSettled, Phase.OPEN, why="unmatched money is back with its payer"),
        noted(PaymentRefused, Phase.OPEN, why="it waits in the worklist again"),
        noted(PaymentReturned, Phase.OPEN, why="it waits in the worklist again"),
        noted(PaymentOrderedAgain, Phase.OPEN, why="a guard refuses it"),
    ),
)
