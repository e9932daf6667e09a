"""What the escrow does with money that names no case it knows."""

from services.escrow.facts import ReturnOrdered
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
from services.runtime.core.file import Filed, Phase, Refusal
from services.runtime.core.money import Ledger
from services.runtime.core.rule import All, Guard, Rule, Says, Wait, Waiting, noted


def report_money_that_nobody_can_match(money: Filed[MoneyReceived]) -> Says:
    """X-1: money whose remittance text names no case; a clerk sends it back to whoever paid it."""
    yield Alarm(
        what=f"{money.fact.amount_fen} fen on {money.fact.account} name no case known here (receipt {money.id})",
        why="the remittance text must begin with the case number; order its return at the desk",
        clause="X-1",
    )


def send_it_back(order: ReturnOrdered, received: All[MoneyReceived]) -> Says:
    """X-1: a clerk has ordered its return."""
    money = next(m for m in received if m.id == order.money)
    yield Pay(
        purpose=Purpose.REFUND,
        from_account=money.fact.account,
        to_account=money.fact.from_account,
        amount_fen=money.fact.amount_fen,
        reference=Purpose.REFUND.value,
        about=money.id,
        because="X-1",
    )


def refuse_to_return_it_twice(order: ReturnOrdered, ledger: Ledger | None) -> Refusal | None:
    """X-1: each receipt goes back once."""
    there = {m.id for m in ledger.receipts} if ledger is not None else set[str]()
    if ledger is None or order.money not in there or ledger.paid_fen(Purpose.REFUND, order.money):
        return Refusal("nothing to return", f"{order.money} is no receipt that waits to be sent back", "X-1")
    return None


def unmatched_money_waits(ledger: Ledger) -> Waiting | None:
    """X-1: nobody's money stays here."""
    for money in ledger.receipts:
        if not ledger.paid_fen(Purpose.REFUND, money.id):
            return Waiting("return-money", "X-1", f"{money.fact.amount_fen} fen that name no case", about=money.id)
    return None


RULES = (
    Rule(report_money_that_nobody_can_match, per=MoneyReceived),
    Rule(send_it_back, per=ReturnOrdered),
)
GUARDS = (Guard(refuse_to_return_it_twice),)
WAITS = (Wait(unmatched_money_waits),)
UNEXPECTED = (
    noted(PaymentAccepted, Phase.OPEN, why="the return of unmatched money is on its way"),
    noted(PaymentSettled, Phase.OPEN, why="unmatched money is back with its payer"),
    noted(PaymentRefused, Phase.OPEN, why="it waits in the worklist again"),
    noted(PaymentReturned, Phase.OPEN, why="it waits in the worklist again"),
    noted(PaymentOrderedAgain, Phase.OPEN, why="a return is ordered by its receipt"),
)
