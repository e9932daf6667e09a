"""Money that names no case known here. RULES, GUARDS, WAITS and UNEXPECTED are the index."""

from services.money.facts import ReturnOrdered
from services.money.rules.returns import nothing_to_return, send_it_back
from services.runtime.core.facts import (
    Alarm,
    MoneyReceived,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
    Purpose,
)
from services.runtime.core.file import Filed, Phase, Refusal
from services.runtime.core.money import Ledger
from services.runtime.core.rule import Guard, Rule, Says, Wait, Waiting, noted


def report_money_that_nobody_can_match(money: Filed[MoneyReceived]) -> Says:
    """X-1: money whose remittance text names no case; a clerk sends it back to whoever paid it."""
    yield Alarm(
        what=f"{money.fact.amount_fen} fen on {money.fact.account} name no case known here (receipt {money.id})",
        why="the remittance text must begin with the case number; order its return at the desk",
        clause="X-1",
    )


def refuse_to_return_it_twice(order: ReturnOrdered, ledger: Ledger) -> Refusal | None:
    """X-1: each receipt goes back once."""
    here = order.money in {money.id for money in ledger.receipts}
    return None if here and not ledger.paid_fen(Purpose.REFUND, order.money) else nothing_to_return(order)


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


RULES = (
    Rule(report_money_that_nobody_can_match, per=MoneyReceived),
    Rule(send_it_back, per=ReturnOrdered),
)
GUARDS = (Guard(refuse_to_return_it_twice), Guard(order_a_return_by_its_receipt))
WAITS = (Wait(unmatched_money_waits),)
UNEXPECTED = (
    noted(PaymentAccepted, Phase.OPEN, why="the return of unmatched money is on its way"),
    noted(PaymentSettled, Phase.OPEN, why="unmatched money is back with its payer"),
    noted(PaymentRefused, Phase.OPEN, why="it waits in the worklist again"),
    noted(PaymentReturned, Phase.OPEN, why="it waits in the worklist again"),
    noted(PaymentOrderedAgain, Phase.OPEN, why="a guard refuses it"),
)
