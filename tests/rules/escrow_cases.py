"""The escrow on the bench: what a test of its rules does again and again, in both modes of sale."""

from contracts.event import Role
from contracts.events.escrow import DepositConfirmed, MoneyKind, TransferApplicationMade
from contracts.events.registry import Reason, RefusalReason, RegistrationClosed, Stage
from contracts.values import DocumentNumber
from services.escrow.facts import SaleBrought
from services.escrow.rules import RULEBOOK
from services.runtime.core.facts import MoneyReceived, Pay, PaymentAccepted, PaymentSettled, Purpose
from services.runtime.core.turn import Turn
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import Bench
from tests.support.liaocheng import BANK, BUYER_ACCOUNT, PRICE_FEN, REGISTRY

FREEZE = Reason(reason=RefusalReason.FREEZE, detail="frozen by the court", clause="X-4")


def signed(sale: SaleBrought) -> Bench:
    """A sale that was brought and that all have signed."""
    bench = Bench(*lc.NOTARY, RULEBOOK)
    bench.own(sale)
    for signature in lc.signatures():
        bench.own(signature)
    return bench


def opened(**terms: object) -> Bench:
    """A case whose price is paid in full."""
    return signed(lc.sale(**terms))


def paid_in(bench: Bench, amount_fen: int = PRICE_FEN, payer: str = BUYER_ACCOUNT) -> MoneyReceived:
    """Money arrives on the deposit account."""
    money = lc.money(amount_fen, payer, line=len(bench.file(MoneyReceived)) + 1)
    bench.own(money)
    return money


def carry_out(bench: Bench, purpose: Purpose) -> Pay:
    """The rail takes and settles the newest payment of this purpose."""
    order = [p for p in bench.file(Pay) if p.fact.purpose is purpose][-1]
    bench.own(PaymentAccepted(payment=order.id, rail_transfer="R"))
    settle(bench, order.id, order.fact.amount_fen)
    return order.fact


def settle(bench: Bench, payment: str, amount_fen: int) -> Turn:
    """The payee has the money."""
    return bench.own(PaymentSettled(payment=payment, account=lc.ESCROW_ACCOUNT, line=9, amount_fen=amount_fen))


def settle_all(bench: Bench) -> None:
    """The rail takes and settles everything that was ordered and has not settled, also what is ordered thereupon."""
    while left := [p for p in bench.file(Pay) if p.id not in {s.fact.payment for s in bench.file(PaymentSettled)}]:
        bench.own(PaymentAccepted(payment=left[0].id, rail_transfer="R"))
        settle(bench, left[0].id, left[0].fact.amount_fen)


def close(bench: Bench) -> None:
    """The registry will make no entry."""
    bench.hear(RegistrationClosed(because="asked for"), REGISTRY)


def alarms(bench: Bench) -> list[str]:
    """What a person must see."""
    return [row.data["what"] for row in bench.rows("incident")]


def waits(bench: Bench) -> list[str]:
    """What waits for a person."""
    return [row.data["action"] for row in bench.rows("wait")]


# --- the buyer borrows ------------------------------------------------------------------------------------------------


def borrowing(**terms: object) -> Bench:
    """A case whose buyer borrows; the bank is known from the start."""
    return signed(loan.sale(**{"institutions": loan.WITH_LENDER, **terms}))


def borrowing_from_both(**terms: object) -> Bench:
    """A case whose buyer borrows from the bank and from the fund centre, both known from the start."""
    return borrowing(**{"institutions": loan.WITH_BOTH, **terms})


def certified(bench: Bench) -> DepositConfirmed:
    """The down payment arrives; gives its certificate."""
    paid_in(bench, loan.DOWN_PAYMENT_FEN)
    return bench.said(DepositConfirmed)[-1]


def agreed(bench: Bench) -> Bench:
    """Up to the application for the notice: the down payment is there, the bank lends, the seller's bank agrees."""
    bench.hear(lc.reserved(), REGISTRY)
    certified(bench)
    bench.hear(loan.approved(), loan.LENDER)
    bench.hear(lc.consent(), BANK)
    return bench


def agreed_by_both(bench: Bench) -> Bench:
    """The same, with the fund centre lending a part of what the bank would have lent."""
    bench.hear(lc.reserved(), REGISTRY)
    certified(bench)
    bench.hear(loan.approved(loan.LOAN_FEN - loan.FUND_FEN), loan.LENDER)
    bench.hear(loan.approved(loan.FUND_FEN, loan.FUND_ACCOUNT, n=25), loan.FUND)
    bench.hear(lc.consent(), BANK)
    return bench


def noticed(bench: Bench, *lenders: tuple[Role, str]) -> Bench:
    """The advance notices that were applied for are registered."""
    bench.hear(loan.noticed(*lenders, application=applied(bench, Stage.NOTICE)), REGISTRY)
    return bench


def lent(bench: Bench) -> Bench:
    """The bank has paid on its notice."""
    noticed(agreed(bench))
    bench.hear(loan.disbursed(), loan.LENDER)
    paid_in(bench, loan.LOAN_FEN, loan.LENDER_ACCOUNT)
    return bench


def entered(bench: Bench) -> Bench:
    """Up to the entry of the transfer and of the bank's mortgage."""
    lent(bench).hear(loan.registered(application=applied(bench, Stage.REGISTRATION)), REGISTRY)
    return bench


def applied(bench: Bench, stage: Stage) -> DocumentNumber:
    """The number of the newest application of a stage."""
    return [a for a in bench.said(TransferApplicationMade) if a.stage is stage][-1].application.number


def kinds(bench: Bench) -> list[MoneyKind]:
    """What was certified, in order."""
    return [c.kind for c in bench.said(DepositConfirmed)]


def paid(bench: Bench) -> list[tuple[Purpose, str, int]]:
    """What was ordered to be paid: for what, to whom, how much."""
    return [(p.purpose, p.to_account, p.amount_fen) for p in bench.said(Pay)]
