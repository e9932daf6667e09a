"""A payment of a case that the rail refused or gave back: a clerk sees it, and orders it again."""

from collections.abc import Iterable

from services.runtime.core.facts import Alarm, PaymentOrderedAgain, PaymentRefused, PaymentReturned
from services.runtime.core.file import Filed, Refusal
from services.runtime.core.money import Ledger, Order
from services.runtime.core.rule import Says, Waiting


def report_a_failed_payment(failed: Filed[PaymentRefused | PaymentReturned], ledger: Ledger) -> Says:
    """X-1: the rail did not carry a payment out; the money is still here, and a clerk decides."""
    order = ledger.order(failed.fact.payment)
    if order is not None:
        yield Alarm(
            what=f"payment {order.id} ({order.pay.purpose.value}, {order.pay.amount_fen} fen) failed on the rail",
            why=f"{failed.fact.why}; order it again at the desk, if need be to a corrected account",
            clause=order.pay.because,
        )


def pay_again(order: PaymentOrderedAgain, ledger: Ledger) -> Says:
    """X-1: a clerk orders a failed payment again; it is a payment of its own, with a key of its own."""
    failed = ledger.order(order.payment)
    if failed is not None:
        yield failed.pay.model_copy(update={"to_account": order.to_account or failed.pay.to_account})


def pay_only_what_failed(order: PaymentOrderedAgain, ledger: Ledger) -> Refusal | None:
    """X-1: only a payment that the rail refused or returned can be ordered again, once."""
    if any(failed.id == order.payment for failed in ledger.failed):
        return None
    return Refusal("not failed", f"{order.payment} is no failed payment on this file", "X-1")


def a_payment_has_failed(ledger: Ledger) -> Waiting | None:
    """X-1: the rail refused or returned a payment."""
    return wait_for_a_new_order(ledger.failed)


def wait_for_a_new_order(failed: Iterable[Order]) -> Waiting | None:
    """The verb of waiting for a clerk to order the first of these payments again."""
    for order in failed:
        what = f"{order.pay.purpose.value}, {order.pay.amount_fen} fen: the rail said no"
        return Waiting("order-payment-again", order.pay.because, what, about=order.id)
    return None
