"""What a clerk's command may not do in Liaocheng's sale with a loan, beyond what holds in both modes. GUARDS has the
order of asking."""

from collections.abc import Iterator

from contracts.events.lender import LoanApproved, MortgageApplicationMade
from contracts.events.registry import Stage
from contracts.events.seller_bank import ConsentIssued
from services.registry.applications import Applications, Financing, JointApplication, JointApplications, Lender
from services.registry.facts import Decision, NoticesEntered, RegistrationDecided, TransferAppliedFor
from services.registry.notices import NoticePeriod, StandingNotices
from services.registry.rules import liaocheng_guards as in_both_modes
from services.registry.rules.liaocheng_guards import the_application
from services.registry.views import DownPaymentHeld, Terms
from services.runtime.core.file import Refusal
from services.runtime.core.rule import Guard

# --- at the counter -----------------------------------------------------------------------------------------


def take_the_application_that_is_due(
    command: TransferAppliedFor, entered: NoticesEntered | None, notices: StandingNotices | None
) -> Refusal | None:
    """LC-L4 申请办理不动产转移预告登记和抵押权预告登记 first, and once.
    LC-L5 领取抵押预告登记不动产登记证明后…申请不动产转移登记及抵押登记."""
    if command.stage is Stage.NOTICE and entered is not None:
        return _entered(entered)
    if command.stage is Stage.REGISTRATION and notices is None:
        return Refusal("no advance notice", "no advance notices of this case stand yet", "LC-L4, LC-L5")
    return None


# --- the decision -------------------------------------------------------------------------------------------


def decide_no_notice_twice(
    command: RegistrationDecided, applications: Applications | None, entered: NoticesEntered | None
) -> Refusal | None:
    """LC-L4, X-2: once the notices are entered, another application for them is decided no more."""
    application = the_application(command, applications)
    if application is None or application.stage is not Stage.NOTICE or entered is None:
        return None
    return _entered(entered)


def decide_only_the_whole_joint_application(
    command: RegistrationDecided, joint: JointApplications | None
) -> Refusal | None:
    """LC-L4 由买卖双方及买方贷款银行…申请; LC-L5 买卖双方与买方贷款银行…申请: before every lender's part is there, and
    the loans fill what the buyers do not pay themselves, there is nothing to approve or to give back. A refusal is
    possible at any time."""
    of_it = joint.led_by(command.application) if joint is not None else None
    if command.decision is Decision.REFUSE or of_it is None:
        return None
    lacking = of_it.missing or (() if of_it.parts else ("a lender's part",))
    if lacking:
        return Refusal("joint application is not complete", "; ".join(lacking), "LC-L4, LC-L5")
    return None


def approve_no_notice_before_the_down_payment(
    command: RegistrationDecided, applications: Applications | None, held: DownPaymentHeld | None
) -> Refusal | None:
    """LC-L1 将买方首付款提交至公证机构提存账户，由公证机构出具首付款到账提存公证书。X-2: no notice before it."""
    application = the_application(command, applications)
    if command.decision is not Decision.APPROVE or application is None or application.stage is not Stage.NOTICE:
        return None
    if held is None:
        detail = "no advance notice before the deposit certificate of the down payment"
        return Refusal("down payment is not held", detail, "X-2, LC-L1")
    return None


def approve_no_entry_without_the_notices(
    command: RegistrationDecided,
    applications: Applications | None,
    notices: StandingNotices | None,
    running: NoticePeriod | None,
) -> Refusal | None:
    """LC-L5, X-2: the notices stand and are turned into transfer and mortgages.
    民法典 221 自能够进行不动产登记之日起九十日内未申请登记的，预告登记失效: X-3, as long as the period runs without an
    application that was surely in time, it may turn out that they have lapsed."""
    application = the_application(command, applications)
    if command.decision is not Decision.APPROVE or application is None or application.stage is not Stage.REGISTRATION:
        return None
    if notices is None:
        return Refusal("no advance notice", "no advance notices of this case stand", "LC-L5, X-2")
    if running is not None:
        detail = (
            f"nobody applied by {notices.said.valid_until}: whether this was in time shows when the period has passed"
        )
        return Refusal("notices may have lapsed", detail, "X-3, Civil Code 221")
    return None


def approve_what_the_lenders_have_approved(
    command: RegistrationDecided,
    joint: JointApplications | None,
    terms: Terms | None,
    financing: Financing | None,
    consent: ConsentIssued | None,
    entered: NoticesEntered | None,
    notices: StandingNotices | None,
) -> Refusal | None:
    """LC-L4 持房屋买卖协议、借（贷）款合同、抵押合同及卖方贷款银行同意带押过户意见书: each lender's part is for the
    case's contract, on the contracts, the sum and the consent of its approval.
    LC-L5, X-2: and for the entry on its own notice, by the lenders that have one, for the sum that it secures."""
    of_it = joint.led_by(command.application) if joint is not None else None
    if command.decision is not Decision.APPROVE or of_it is None or terms is None:
        return None
    if financing is None or consent is None:
        return None
    wrong = [
        f"{part.application.number}: {what}"
        for lender, part in of_it.parts
        for what in _differences(part, financing.approval(lender), terms, consent)
    ]
    if of_it.leading.stage is Stage.REGISTRATION and entered is not None and notices is not None:
        wrong += _other_than_noticed(of_it, entered, notices)
    return Refusal("application differs from the case", "; ".join(wrong), "LC-L4, LC-L5") if wrong else None


def _differences(
    part: MortgageApplicationMade, approval: LoanApproved | None, terms: Terms, consent: ConsentIssued
) -> Iterator[str]:
    """In what a lender's part is not what it has approved."""
    if part.contract_number != terms.opened.contract_number:
        yield f"it is for contract {part.contract_number}, the case for {terms.opened.contract_number}"
    if approval is None or part.loan_contract != approval.loan_contract.number:
        yield f"loan contract {part.loan_contract} is not that of the approval"
    if approval is None or part.mortgage_contract != approval.mortgage_contract.number:
        yield f"mortgage contract {part.mortgage_contract} is not that of the approval"
    if approval is None or part.amount_fen != approval.amount_fen:
        yield f"the sum of {part.amount_fen} fen is not that of the approval"
    if part.consent != consent.opinion.number:
        yield f"it names consent {part.consent}, issued was {consent.opinion.number}"
    buyers = {buyer.person.id_number for buyer in terms.opened.buyers or ()}
    if buyers.isdisjoint(debtor.id_number for debtor in part.debtors):
        yield "no buyer is among its debtors"


def _other_than_noticed(of_it: JointApplication, entered: NoticesEntered, notices: StandingNotices) -> Iterator[str]:
    """In what a joint application for the entry is not for what has been noticed."""
    leading, parts = of_it.leading, dict(of_it.parts)
    if leading.notice not in (None, notices.said.transfer.number):
        yield f"{leading.number}: it names notice {leading.notice}, registered was {notices.said.transfer.number}"
    secured = {Lender(m.role, m.lender): m.principal_fen for m in entered.mortgages}
    for lender, part in parts.items():
        if part.notice != notices.of_lenders.get(lender):
            yield f"{part.application.number}: notice {part.notice} is not this lender's"
        elif part.amount_fen != secured[lender]:
            yield f"{part.application.number}: its notice secures {secured[lender]} fen, not {part.amount_fen}"
    for lender in notices.of_lenders:
        if lender not in parts:
            yield f"{leading.number}: {lender.institution} has a notice and no part in the application"


def _entered(entered: NoticesEntered) -> Refusal:
    return Refusal("notices are entered", f"entry {entered.entry_number} has the advance notices", "LC-L4, X-2")


GUARDS = (
    *in_both_modes.GUARDS,
    Guard(take_the_application_that_is_due),
    Guard(decide_no_notice_twice),
    Guard(decide_only_the_whole_joint_application),
    Guard(approve_no_notice_before_the_down_payment),
    Guard(approve_no_entry_without_the_notices),
    Guard(approve_what_the_lenders_have_approved),
)
