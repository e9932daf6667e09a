"""Money that is on its way back, and money that no rule may book: the same sentences in every chapter
(X-1)."""

from services.money.rules.failed_payments import pay_again, pay_only_what_failed
from services.money.rules.returns import pay_back
from services.runtime.core.facts import (
    Alarm,
    MoneyReceived,
    Pay,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    Purpose,
)
from services.runtime.core.file import Filed, Phase, Refusal
from services.runtime.core.money import Ledger
from services.runtime.core.rule import All, Guard, Rule, Says, Tell, Wait, Waiting
from services.seller_bank.books import Books
from services.seller_bank.facts import MoneyDecided
from services.seller_bank.views import SurplusDue

ALWAYS = tuple(Phase)
LONGEST_REFERENCE = 98  # the rail takes 140, and a case with the longest name comes before it
BACK = " 退回"


def surplus_of(money: Filed[MoneyReceived], amount_fen: int) -> Pay:
    """The order to pay back what is no debt. Its text names the case where there is one, as every payment's
    does; else the payer's own words come first, so that the payer finds by them what it is about."""
    words = "" if money.case else money.fact.reference
    reference = f"{words[: LONGEST_REFERENCE - len(BACK)]}{BACK}".strip()
    return pay_back(money, amount_fen, Purpose.SURPLUS, reference)


def return_the_surplus(due: SurplusDue) -> Says:
    """X-1 Money: at every instant, what came into a case equals what went out plus what is held; each yuan of
    a cancelled case returns to whoever paid it. So what is no debt goes back to its payer."""
    yield surplus_of(due.money, due.amount_fen)


def do_as_decided_with_the_money(decided: Filed[MoneyDecided], here: All[MoneyReceived]) -> Says:
    """X-1: money that no rule may book goes back to whoever paid it, or to the loan that a clerk found for
    it."""
    money = next(filed for filed in here if filed.id == decided.fact.money)
    if decided.fact.unit_number is None:
        yield surplus_of(money, money.fact.amount_fen)
    else:
        yield Tell(decided.fact.unit_number, "", money.fact)


def report_money_that_no_rule_may_book(money: Filed[MoneyReceived], books: Books) -> Says:
    """X-1: no article covers money after the end of its case, or for a loan not known here; so a person
    must see it."""
    if any(held.id == money.id for held in books.held):
        what = f"{money.fact.amount_fen} fen arrived on {money.fact.account}, line {money.fact.line}"
        why = "its case is over" if books.loans else "no loan is known where it was put"
        yield Alarm(what=what, why=f"{why}: a clerk books it or sends it back", clause="X-1")


def report_a_failed_return(failed: Filed[PaymentRefused | PaymentReturned], ledger: Ledger) -> Says:
    """X-1: the money still has to go back to its payer, and the rail refused the order or gave the money
    back."""
    order = ledger.order(failed.fact.payment)
    if order is not None:
        what = f"{order.pay.amount_fen} fen are not back with their payer (payment {order.id})"
        why = f"{failed.fact.why}; order it again at the desk, if need be to a corrected account"
        yield Alarm(what=what, why=why, clause="X-1")


def refuse_to_decide_on_other_money(decided: MoneyDecided, books: Books, here: All[MoneyReceived]) -> Refusal | None:
    """X-1: what is booked or decided stands."""
    if all(filed.id != decided.money for filed in here):
        return Refusal("unknown money", f"no receipt {decided.money} is on this file", "X-1", status=404)
    if all(money.id != decided.money for money in books.held):
        return Refusal("nothing to decide", f"receipt {decided.money} is booked, or was decided on", "X-1")
    return None


def decide_on_money(books: Books, here: All[MoneyReceived]) -> Waiting | None:
    """X-1: money that no rule may book waits for a person."""
    ids = {filed.id for filed in here}
    held = [money for money in books.held if money.id in ids]
    if not held:
        return None
    first = held[0]
    where = f"{first.fact.account}, line {first.fact.line}"
    what = f"{first.fact.amount_fen} fen on {where}: book it, or send it back?"
    return Waiting("decide-money", "X-1", what, about=first.id)


def order_the_payment_again(ledger: Ledger) -> Waiting | None:
    """X-1: a return that failed waits for a person."""
    for order in ledger.failed:
        what = f"{order.pay.amount_fen} fen are not back with their payer: the rail said no"
        return Waiting("order-payment-again", "X-1", what, about=order.id)
    return None


MONEY_RULES = (
    Rule(report_money_that_no_rule_may_book, per=MoneyReceived, during=ALWAYS),
    Rule(return_the_surplus, per=SurplusDue, during=ALWAYS),
    Rule(do_as_decided_with_the_money, per=MoneyDecided, during=ALWAYS),
    Rule(report_a_failed_return, per=(PaymentRefused, PaymentReturned), during=ALWAYS),
    Rule(pay_again, per=PaymentOrderedAgain, during=ALWAYS),
)

MONEY_GUARDS = (Guard(pay_only_what_failed), Guard(refuse_to_decide_on_other_money))

MONEY_WAITS = (Wait(decide_on_money, during=ALWAYS), Wait(order_the_payment_again, during=ALWAYS))
