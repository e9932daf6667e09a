"""What a lender refuses at its desk in Liaocheng when the buyer borrows, with the clause. GUARDS is the index."""

from contracts.events.case import CaseOpened
from contracts.events.registry import AdvanceNoticeRegistered, TransferRegistered
from contracts.procedures import PROCEDURES
from services.lending.facts import (
    ApplicationMended,
    ContractsSigned,
    LoanAppliedFor,
    LoanDecided,
    LoanWithdrawn,
)
from services.lending.views import (
    Answer,
    Approval,
    Asking,
    Contracted,
    Gap,
    GivenBack,
    Granted,
    Lent,
    NotLetIn,
    OurMortgage,
    OurNotice,
    Over,
    Unfit,
    join_request,
)
from services.money.facts import ReturnOrdered
from services.money.rules.failed_payments import pay_only_what_failed
from services.money.rules.returns import nothing_to_return
from services.runtime.core.facts import PaymentOrderedAgain, Purpose
from services.runtime.core.file import Filed, Refusal
from services.runtime.core.money import Ledger
from services.runtime.core.periods import day_in_china
from services.runtime.core.rule import Guard

# --- the application --------------------------------------------------------------------------------------------------


def take_no_application_after_the_end(_: LoanAppliedFor, over: Over | None) -> Refusal | None:
    """X-3: nothing is lent in a case that is over."""
    return Refusal("too late", over.why, "X-3") if over is not None else None


def take_no_application_of_another_procedure(command: LoanAppliedFor) -> Refusal | None:
    """LC-L2: a loan has its place in the sale in which the buyer borrows, in an edition that is known."""
    if (command.procedure, command.edition) in PROCEDURES:
        return None
    return Refusal("unknown procedure", f"{command.procedure} {command.edition} is not known here", "LC-L2", 422)


def ask_the_keeper_nothing_twice(command: LoanAppliedFor, asking: Asking | None) -> Refusal | None:
    """LC-L2: the keeper is asked once by one proof; one that does not answer may have been named wrongly."""
    if asking is None or asking.asked != join_request(command):
        return None
    return Refusal("keeper is asked", f"{command.keeper} has not answered whether we have a part in the case", "LC-L2")


def take_no_application_beside_a_yes(_: LoanAppliedFor, answer: Answer | None) -> Refusal | None:
    """LC-L3: who was refused can apply again, and an application can be corrected until it is decided."""
    if answer is None or not answer.stands:
        return None
    return Refusal("granted already", "a loan is granted in this case; it can be taken back", "LC-L3")


def take_the_application_for_the_cases_sale(
    command: LoanAppliedFor, opened: CaseOpened | None, former: LoanAppliedFor | None
) -> Refusal | None:
    """LC-L2: a case is about one home, under one procedure."""
    known = opened or former
    if known is None:
        return None
    if known.unit_number != command.unit_number:
        return Refusal("another home", f"this case is about {known.unit_number.shown}", "LC-L2", 422)
    if (known.procedure, known.edition) != (command.procedure, command.edition):
        return Refusal("another procedure", f"this case is one of {known.procedure} {known.edition}", "LC-L2", 422)
    return None


def take_each_applicant_once(command: LoanAppliedFor) -> Refusal | None:
    """LC-L2: an applicant is one person."""
    if len({person.id_number for person in command.applicants}) == len(command.applicants):
        return None
    return Refusal("named twice", "one person is named as two applicants", "LC-L2", 422)


# --- the decision -----------------------------------------------------------------------------------------------------


def decide_nothing_after_the_end(
    _: LoanDecided, over: Over | None, registered: TransferRegistered | None
) -> Refusal | None:
    """X-3: nothing is decided in a case that is over, or once the transfer is entered."""
    if over is not None:
        return Refusal("too late", over.why, "X-3")
    if registered is not None:
        return Refusal("too late", f"the transfer is registered, entry {registered.entry_number}", "X-3")
    return None


def decide_nothing_before_the_opening(
    command: LoanDecided, opened: CaseOpened | None, refused: NotLetIn | None
) -> Refusal | None:
    """LC-L2: as long as the keeper has not let us in, there is nothing to decide; an application that it has refused
    can be let rest by a no, which nobody else hears."""
    if opened is not None or (refused is not None and not command.approve):
        return None
    return Refusal("not open here", "the keeper has not said that we have a part in this case", "LC-L2")


def decide_once(_: LoanDecided, answer: Answer | None) -> Refusal | None:
    """LC-L3: one answer to an application. A yes is taken back by its own command."""
    if answer is None:
        return None
    word = "said yes" if answer.decided.fact.approve else "said no"
    return Refusal("decided already", f"the lender has {word} in this case", "LC-L3")


def give_a_yes_its_amount_and_a_no_its_reason(command: LoanDecided) -> Refusal | None:
    """LC-R2, X-3: whoever is refused is told why; what is approved has an amount."""
    if command.approve and command.amount_fen is None:
        return Refusal("no amount given", "a yes says how much is lent", "LC-R2", 422)
    if not command.approve and not command.because.strip():
        return Refusal("no reason given", "a no says why, and under which clause", "X-3", 422)
    return None


def approve_only_what_is_applied_for(
    command: LoanDecided, applied: LoanAppliedFor | None, unfit: Unfit | None
) -> Refusal | None:
    """LC-L2, LC-R2: the application is for the sale of the case, by its buyers, and the proof of the down payment is
    the one that the escrow has issued."""
    if not command.approve:
        return None
    if applied is None:
        return Refusal("no application", "nobody has applied for a loan here", "LC-L2")
    if unfit is not None:
        return Refusal("application cannot be approved", unfit.why, "LC-L2, LC-R2")
    if (command.amount_fen or 0) > applied.amount_fen:
        return Refusal("more than applied for", f"applied for are {applied.amount_fen} fen", "LC-R2")
    return None


def approve_no_more_than_the_gap(command: LoanDecided, gap: Gap | None) -> Refusal | None:
    """LC-R2: down payment and loans make the price, and not more."""
    if not command.approve or gap is None or (command.amount_fen or 0) <= gap.open_fen:
        return None
    detail = f"{max(0, gap.open_fen)} fen of the price are covered neither by the down payment nor by another lender"
    return Refusal("more than is needed", detail, "LC-R2")


def approve_nothing_after_the_notice(command: LoanDecided, noticed: AdvanceNoticeRegistered | None) -> Refusal | None:
    """X-2: a lender disburses only on its notice, and those of this case are registered without it."""
    if not command.approve or noticed is None:
        return None
    return Refusal("too late", f"the advance notices are registered, entry {noticed.entry_number}", "X-2")


# --- contracts, and a no after the yes --------------------------------------------------------------------------------


def sign_only_what_is_granted(command: ContractsSigned, over: Over | None, granted: Granted | None) -> Refusal | None:
    """LC-L4: the applicants sign, each once, what the lender has granted."""
    if over is not None:
        return Refusal("too late", over.why, "X-3")
    if granted is None:
        return Refusal("nothing to sign", "no loan is granted in this case", "LC-L4")
    applicants = {person.id_number for person in granted.applied.applicants}
    if not set(command.signed_by) <= applicants:
        return Refusal("no applicant", "somebody who has signed is no applicant", "LC-L4")
    if not set(command.signed_by) <= set(granted.unsigned):
        return Refusal("signed already", "somebody of these has signed both contracts", "LC-L4")
    return None


def take_back_only_a_yes(
    _: LoanWithdrawn,
    over: Over | None,
    registered: TransferRegistered | None,
    granted: Granted | None,
    contracted: Contracted | None,
    approval: Approval | None,
) -> Refusal | None:
    """X-3: the lender's no after its yes, until the transfer is entered or the case is called off."""
    if over is not None:
        return Refusal("too late", over.why, "X-3")
    if registered is not None:
        return Refusal("too late", f"the transfer is registered, entry {registered.entry_number}", "X-3")
    if granted is None:
        return Refusal("nothing to take back", "no loan is granted in this case", "X-3")
    if contracted is not None and approval is None:
        return Refusal("being numbered", "the contracts are being numbered; take the yes back once it is said", "X-3")
    return None


# --- what the registry gave back, and money ---------------------------------------------------------------------------


def mend_only_what_was_given_back(command: ApplicationMended, back: GivenBack | None) -> Refusal | None:
    """X-3: only an application that the registry gave back can be made again, once."""
    if back is not None and any(answer.fact.application == command.application for answer in back.unmended):
        return None
    return Refusal("not given back", f"the registry has given back no {command.application} that waits", "X-3")


def return_only_what_is_not_ours(order: ReturnOrdered, lent: Lent | None) -> Refusal | None:
    """X-1: only money that no article covers is sent back by order."""
    if lent is not None and any(receipt.id == order.money for receipt, _ in lent.not_ours):
        return None
    return nothing_to_return(order)


def pay_the_loan_only_on_a_live_notice(
    order: Filed[PaymentOrderedAgain],
    ledger: Ledger | None,
    over: Over | None,
    approval: Approval | None,
    notice: OurNotice | None,
    entered: OurMortgage | None,
) -> Refusal | None:
    """LC-L5, X-2: a lender disburses only on its notice while it is valid, or on its mortgage once that is entered; to
    the deposit account, and never in a case that is called off."""
    failed = ledger.order(order.fact.payment) if ledger is not None else None
    if failed is None or failed.pay.purpose is not Purpose.LOAN:
        return None
    if over is not None:
        return Refusal("too late", over.why, "X-3")
    if approval is None or notice is None:
        return Refusal("no loan", "our loan was taken back", "X-2")
    valid_until = notice.notice.fact.valid_until
    if entered is None and day_in_china(order.at) > valid_until:
        return Refusal("too late", f"our notice was valid until {valid_until}", "LC-L5, X-2")
    if order.fact.to_account not in (None, failed.pay.to_account):
        return Refusal("another account", f"the loan goes to the deposit account {failed.pay.to_account}", "LC-L5")
    return None


GUARDS = (
    Guard(take_no_application_after_the_end),
    Guard(take_no_application_of_another_procedure),
    Guard(take_no_application_beside_a_yes),
    Guard(take_the_application_for_the_cases_sale),
    Guard(take_each_applicant_once),
    Guard(ask_the_keeper_nothing_twice),
    Guard(decide_nothing_after_the_end),
    Guard(decide_nothing_before_the_opening),
    Guard(decide_once),
    Guard(give_a_yes_its_amount_and_a_no_its_reason),
    Guard(approve_only_what_is_applied_for),
    Guard(approve_no_more_than_the_gap),
    Guard(approve_nothing_after_the_notice),
    Guard(sign_only_what_is_granted),
    Guard(take_back_only_a_yes),
    Guard(mend_only_what_was_given_back),
    Guard(return_only_what_is_not_ours),
    Guard(pay_only_what_failed),
    Guard(pay_the_loan_only_on_a_live_notice),
)
