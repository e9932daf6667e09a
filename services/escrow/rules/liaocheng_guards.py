"""What the escrow refuses at its desk in Liaocheng, with the clause. FULL_GUARDS and LOAN_GUARDS are the indexes."""

from contracts.events.case import CaseCompleted, CaseOpened, ClosingRequested
from contracts.events.escrow import MoneyKind
from contracts.events.registry import TransferRegistered
from contracts.events.seller_bank import PayoffQuoted
from contracts.procedures import PROCEDURES
from services.escrow.applications import Applications
from services.escrow.deposits import Deposits
from services.escrow.facts import (
    ApplicationMended,
    RejectionAnswered,
    SaleBrought,
    Signed,
    WithdrawalAgreed,
)
from services.escrow.lenders import Lenders, Rejection
from services.money.facts import ReturnOrdered
from services.money.rules.failed_payments import pay_only_what_failed
from services.money.rules.returns import nothing_to_return
from services.runtime.core.facts import PaymentOrderedAgain, Purpose
from services.runtime.core.file import Filed, Refusal
from services.runtime.core.money import Ledger
from services.runtime.core.periods import day_in_china
from services.runtime.core.rule import All, Guard


def refuse_a_sale_that_cannot_be_opened(sale: SaleBrought, there: SaleBrought | None) -> Refusal | None:
    """LC-F1, LC-L1: procedure and edition are known, every role it needs is named, and the case is new."""
    procedure = PROCEDURES.get((sale.procedure, sale.edition))
    if there is not None:
        return Refusal("case exists", "this case has been brought already", "LC-F1")
    if procedure is None:
        known = ", ".join(f"{name} {edition}" for name, edition in PROCEDURES)
        return Refusal("unknown procedure", f"{sale.procedure} {sale.edition} is none of: {known}", "LC-F1", 422)
    missing = [role.value for role in procedure.needed if role not in sale.institutions]
    if missing:
        return Refusal("institution missing", f"{sale.procedure} needs {', '.join(missing)}", "LC-F1", 422)
    idle = [role.value for role in sale.institutions if role not in procedure.roles]
    if idle:
        return Refusal("institution without a part", f"{sale.procedure} has no {', '.join(idle)}", "LC-F1", 422)
    return None


def refuse_a_down_payment_where_the_price_is_paid_in_full(sale: SaleBrought) -> Refusal | None:
    """LC-F1: the buyers pay the whole price in themselves."""
    if sale.down_payment_fen is None:
        return None
    detail = f"{sale.procedure} has the whole price paid in; a sale with a loan is brought as LC-LOAN"
    return Refusal("no loan here", detail, "LC-F1", 422)


def refuse_a_sale_without_a_part_for_the_loan(sale: SaleBrought) -> Refusal | None:
    """LC-L1: the buyers pay a part of the price in themselves, and loans pay the rest."""
    if sale.down_payment_fen is None:
        return Refusal("down payment missing", "say how much of the price the buyers pay themselves", "LC-L1", 422)
    if sale.down_payment_fen >= sale.price_fen:
        detail = f"a down payment of {sale.down_payment_fen} fen leaves nothing to lend of {sale.price_fen} fen"
        return Refusal("nothing to lend", detail, "LC-L1", 422)
    return None


def refuse_a_signature_out_of_place(
    signed: Signed, sale: SaleBrought | None, signatures: All[Signed], opened: CaseOpened | None
) -> Refusal | None:
    """LC-F1, LC-L1: buyers and sellers sign, each paper once, and before the case is opened."""
    if sale is None:
        return Refusal("unknown case", "no sale was brought under this number", "LC-F1", 404)
    people = {party.person.id_number for party in (*sale.sellers, *sale.buyers)}
    if signed.person not in people:
        return Refusal("no party", "this person is neither buyer nor seller in the contract", "LC-F1")
    if any(s.fact.person == signed.person and s.fact.paper == signed.paper for s in signatures):
        return Refusal("signed already", f"this person has signed the {signed.paper.value}", "LC-F1")
    return None


def refuse_a_withdrawal_too_late(
    withdrawal: WithdrawalAgreed,
    sale: SaleBrought | None,
    opened: CaseOpened | None,
    registered: TransferRegistered | None,
    closing: ClosingRequested | None,
    ended: CaseCompleted | None,
) -> Refusal | None:
    """X-3: by agreement of all, and only before the entry (不动产登记暂行条例 第十五条)."""
    if sale is None or opened is None:
        return Refusal("not open", "the case is not open, so there is nothing to withdraw from", "X-3")
    if registered is not None or ended is not None:
        return Refusal("too late", "the transfer is registered; nobody undoes an entry", "X-3")
    if closing is not None:
        return Refusal("closing already", "the case is being called off", "X-3")
    people = {party.person.id_number for party in (*sale.sellers, *sale.buyers)}
    missing = len(people - set(withdrawal.signed_by))
    if missing:
        return Refusal("not agreed", f"{missing} of the buyers and sellers have not signed the withdrawal", "X-3")
    return None


def refuse_to_mend_what_was_not_returned(mended: ApplicationMended, applications: Applications) -> Refusal | None:
    """X-3: only an application of ours that the registry gave back can be made again, once."""
    if mended.application in {a.application.number for a in applications.mended}:
        return Refusal("mended already", f"{mended.application} was made again already", "X-3")
    if mended.application not in {r.application for r in applications.to_mend}:
        return Refusal("not returned", f"the registry has not returned {mended.application}", "X-3")
    return None


def refuse_to_return_what_is_not_to_go_back(order: ReturnOrdered, deposits: Deposits | None) -> Refusal | None:
    """X-1: only money that no article covers, of a stranger or after the end, is sent back by order."""
    if deposits is None or order.money not in {m.id for m in deposits.to_send_back}:
        return nothing_to_return(order)
    return None


def refuse_to_send_the_payoff_elsewhere(order: PaymentOrderedAgain, ledger: Ledger | None) -> Refusal | None:
    """X-2: a clerk may correct a person's account, but the debt is paid only to the account of the consent."""
    failed = ledger.order(order.payment) if ledger is not None else None
    if failed is None or order.to_account in (None, failed.pay.to_account):
        return None
    if failed.pay.purpose is Purpose.PAYOFF:
        detail = f"the payoff goes to {failed.pay.to_account}, as the opinion of consent says"
        return Refusal("another account", detail, "X-2")
    return None


def refuse_to_pay_on_an_old_statement(
    order: Filed[PaymentOrderedAgain], ledger: Ledger | None, quotes: All[PayoffQuoted]
) -> Refusal | None:
    """LC-L6 根据应还款余额证明: a payoff that failed is paid again only on the statement that holds that day. After its
    last day the bank states the debt anew, and that is paid without an order."""
    failed = ledger.order(order.fact.payment) if ledger is not None else None
    if failed is None or failed.pay.purpose is not Purpose.PAYOFF or not quotes:
        return None
    newest = quotes[-1].fact
    if failed.pay.about != newest.statement.number:
        return Refusal("stated anew", f"the bank has stated the debt anew: {newest.statement.number}", "LC-L6")
    if day_in_china(order.at) > newest.good_through:
        return Refusal("statement out of date", f"it was good through {newest.good_through}", "LC-L6")
    return None


def refuse_to_send_a_lenders_money_elsewhere(
    order: PaymentOrderedAgain, ledger: Ledger | None, deposits: Deposits | None, lenders: Lenders | None
) -> Refusal | None:
    """X-1: what a lender paid goes back to an account that this lender pays from, and to no other."""
    failed = ledger.order(order.payment) if ledger is not None else None
    payer = deposits.payer(failed.pay.about) if failed is not None and deposits is not None else None
    if payer is None or payer.kind is not MoneyKind.LOAN or order.to_account is None or lenders is None:
        return None
    theirs = {account for loan in lenders.loans if loan.lender == payer.lender for account in loan.accounts}
    if order.to_account in theirs:
        return None
    return Refusal("another account", f"a lender's money goes back to {', '.join(sorted(theirs))}", "X-1")


def refuse_an_answer_without_a_rejection(
    answer: RejectionAnswered, rejection: Rejection | None, closing: ClosingRequested | None
) -> Refusal | None:
    """LC-L3: there is something to answer as long as a lender's no has left a gap and nothing is applied for; a buyer
    who has turned to another bank may still let the sale go."""
    if rejection is None:
        return Refusal("nothing to answer", "no lender's no has left the price without its loans", "LC-L3")
    if rejection.applied or closing is not None:
        return Refusal("called off", "the sale is being called off already", "LC-L3")
    if rejection.answer is not None and answer.another_bank:
        return Refusal("answered already", "the case waits for another bank already", "LC-L3")
    return None


IN_BOTH = (
    Guard(refuse_a_sale_that_cannot_be_opened),
    Guard(refuse_a_signature_out_of_place),
    Guard(refuse_a_withdrawal_too_late),
    Guard(refuse_to_mend_what_was_not_returned),
    Guard(refuse_to_return_what_is_not_to_go_back),
    Guard(pay_only_what_failed),
    Guard(refuse_to_send_the_payoff_elsewhere),
    Guard(refuse_to_pay_on_an_old_statement),
    Guard(refuse_an_answer_without_a_rejection),
)
FULL_GUARDS = (
    *IN_BOTH,
    Guard(refuse_a_down_payment_where_the_price_is_paid_in_full),
)
LOAN_GUARDS = (
    *IN_BOTH,
    Guard(refuse_a_sale_without_a_part_for_the_loan),
    Guard(refuse_to_send_a_lenders_money_elsewhere),
)
