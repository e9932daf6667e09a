"""What the escrow refuses at its desk in Liaocheng, with the clause. GUARDS is the index."""

from contracts.events.case import (
    CaseCompleted,
    CaseOpened,
    ClosingRequested,
)
from contracts.events.registry import (
    RegistrationReturned,
    TransferRegistered,
)
from contracts.procedures import PROCEDURES
from services.escrow.facts import (
    ApplicationMended,
    Deposits,
    ReturnOrdered,
    SaleBrought,
    Signed,
    WithdrawalAgreed,
)
from services.runtime.core.facts import (
    PaymentOrderedAgain,
    Purpose,
)
from services.runtime.core.file import Refusal
from services.runtime.core.money import Ledger
from services.runtime.core.rule import All, Guard


def refuse_a_sale_that_cannot_be_opened(sale: SaleBrought, there: SaleBrought | None) -> Refusal | None:
    """LC-F1: procedure and edition are known, every role it needs is named, and the case is new."""
    procedure = PROCEDURES.get((sale.procedure, sale.edition))
    if there is not None:
        return Refusal("case exists", "this case has been brought already", "LC-F1")
    if procedure is None:
        known = ", ".join(f"{name} {edition}" for name, edition in PROCEDURES)
        return Refusal("unknown procedure", f"{sale.procedure} {sale.edition} is none of: {known}", "LC-F1", 422)
    missing = [role.value for role in procedure.needed if role not in sale.institutions]
    if missing:
        return Refusal("institution missing", f"{sale.procedure} needs {', '.join(missing)}", "LC-F1", 422)
    return None


def refuse_a_signature_out_of_place(
    signed: Signed, sale: SaleBrought | None, signatures: All[Signed], opened: CaseOpened | None
) -> Refusal | None:
    """LC-F1: buyers and sellers sign, each paper once, and before the case is opened."""
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


def refuse_to_mend_what_was_not_returned(
    mended: ApplicationMended, returned: All[RegistrationReturned], done: All[ApplicationMended]
) -> Refusal | None:
    """X-3: only an application that the registry gave back can be made again, once."""
    if mended.application not in {r.fact.application for r in returned}:
        return Refusal("not returned", f"the registry has not returned {mended.application}", "X-3")
    if mended.application in {d.fact.application for d in done}:
        return Refusal("mended already", f"{mended.application} was made again already", "X-3")
    return None


def refuse_to_return_what_is_not_to_go_back(order: ReturnOrdered, deposits: Deposits | None) -> Refusal | None:
    """X-1: only money that no article covers, of a stranger or after the end, is sent back by order."""
    if deposits is None or order.money not in {m.id for m in deposits.to_send_back}:
        return Refusal("nothing to return", f"{order.money} is no receipt that waits to be sent back", "X-1")
    return None


def refuse_to_pay_twice(order: PaymentOrderedAgain, ledger: Ledger | None) -> Refusal | None:
    """X-1: only a payment that the rail refused or returned can be ordered again, once."""
    if ledger is None or order.payment not in {failed.id for failed in ledger.failed}:
        return Refusal("not failed", f"{order.payment} is no failed payment of this case", "X-1")
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


GUARDS = (
    Guard(refuse_a_sale_that_cannot_be_opened),
    Guard(refuse_a_signature_out_of_place),
    Guard(refuse_a_withdrawal_too_late),
    Guard(refuse_to_mend_what_was_not_returned),
    Guard(refuse_to_return_what_is_not_to_go_back),
    Guard(refuse_to_pay_twice),
    Guard(refuse_to_send_the_payoff_elsewhere),
)
