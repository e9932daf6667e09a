"""What a lender does in Liaocheng when the buyer borrows (聊自然资规发〔2023〕6号 二（二）), the buyer's bank and the
fund centre alike. RULES, WAITS, GUARDS and UNEXPECTED are the index; an institution composes its chapter from them.

No clock, no chance, no numbers, no Kafka, no MongoDB: the same file gives the same words.
"""

from contracts.document import Document
from contracts.events.case import (
    CaseCancelled,
    CaseCompleted,
    CaseOpened,
    DeadlineMissed,
    JoinRefused,
    PartyJoined,
)
from contracts.events.escrow import DepositConfirmed, DepositRefunded
from contracts.events.lender import (
    LendingEnded,
    LoanApproved,
    LoanDisbursed,
    LoanRejected,
    LoanReturned,
    MortgageApplicationMade,
)
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    ClosingRefused,
    FolioRefused,
    FolioReserved,
    MortgageReleased,
    RegistrationRefused,
    RegistrationReturned,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued, ConsentRefused
from contracts.values import DocumentNumber
from services.lending.facts import (
    ApplicationClosed,
    ApplicationMended,
    ContractsSigned,
    LoanAppliedFor,
    LoanDecided,
    LoanWithdrawn,
)
from services.lending.rules.liaocheng_loan_guards import GUARDS
from services.lending.rules.periods import PERIOD_RULES, named
from services.lending.views import (
    DECISION,
    Answer,
    Approval,
    Contracted,
    GivenBack,
    Granted,
    LendingOver,
    Lent,
    NotLetIn,
    OurMortgage,
    Part,
    PayableNotice,
    Undecided,
    Unfit,
    UnpayableNotice,
    Us,
    Whole,
    join_request,
)
from services.money.facts import ReturnOrdered
from services.money.rules.failed_payments import pay_again, report_a_failed_payment, wait_for_a_new_order
from services.money.rules.returns import pay_back
from services.runtime.core.facts import (
    Alarm,
    MoneyReceived,
    Pay,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    PeriodEnded,
    PeriodPassed,
    PeriodStarted,
    Purpose,
)
from services.runtime.core.file import Filed, Phase
from services.runtime.core.money import Ledger
from services.runtime.core.rule import Rule, Says, Wait, Waiting, alarm, noted
from services.runtime.core.verdicts import IN_A_CASE

OPEN, CLOSING, ENDED = Phase.OPEN, Phase.CLOSING, Phase.ENDED
OVER = (CLOSING, ENDED)
ALWAYS = (OPEN, *OVER)

LOAN_CONTRACT = ("借款合同", "({year}){house}借字第{n:07d}号")
MORTGAGE_CONTRACT = ("抵押合同", "({year}){house}抵字第{n:07d}号")
APPLICATION = ("不动产登记申请书", "({year}){house}登申字第{n:07d}号")


# --- from the application to the contracts ----------------------------------------------------------------------------


def ask_for_our_part(applied: LoanAppliedFor, opened: CaseOpened | None) -> Says:
    """LC-L2 买方持购房协议及首付款到账证明，联系银行申请贷款。 So the bank is often not known when the case is opened:
    it asks the keeper, by the proof that it was shown."""
    if opened is None:
        yield join_request(applied)


def close_the_application(refused: JoinRefused, opened: CaseOpened | None) -> Says:
    """X-3: the keeper has refused us a part for good, so nothing more can come of the application."""
    if refused.final and opened is None:
        yield ApplicationClosed(because=refused.because, clause=refused.clause)


def say_no(answer: Answer, _: CaseOpened) -> Says:
    """LC-L3 买方银行审核买方手续，对贷款申请进行审批。 Here the answer is no."""
    decided = answer.decided.fact
    if not decided.approve:
        yield LoanRejected(because=decided.because, clause=decided.clause)


def approve_the_loan(contracted: Contracted, _: CaseOpened, __: DepositConfirmed) -> Says:
    """LC-L4 若贷款审核通过…持房屋买卖协议、借（贷）款合同、抵押合同: the yes is said once both are signed by all.
    X-5: both contracts are issued with their numbers, to be checked online."""
    yield LoanApproved(
        loan_contract=Document.wanted(*LOAN_CONTRACT),
        mortgage_contract=Document.wanted(*MORTGAGE_CONTRACT),
        amount_fen=contracted.decided.fact.amount_fen,
        pays_from=contracted.applied.pays_from,
    )


def take_the_yes_back(withdrawn: LoanWithdrawn, _: CaseOpened) -> Says:
    """X-3 Every way out: here a lender's no after its yes."""
    yield LoanRejected(because=withdrawn.because, clause=withdrawn.clause)


# --- the joint applications -------------------------------------------------------------------------------------------


def apply_for_our_mortgage(part: Part) -> Says:
    """LC-L4 由买卖双方及买方贷款银行…向不动产登记部门申请办理不动产转移预告登记和抵押权预告登记;
    LC-L5 买卖双方与买方贷款银行，向不动产登记部门申请不动产转移登记及抵押登记。 This is the lender's part.
    X-5: it is issued with its number, to be checked online."""
    approved, applied = part.approval.said.fact, part.approval.applied
    yield MortgageApplicationMade(
        application=Document.wanted(*APPLICATION),
        stage=part.stage,
        round=part.round,
        contract_number=part.contract_number,
        loan_contract=approved.loan_contract.number,
        mortgage_contract=approved.mortgage_contract.number,
        consent=part.consent,
        amount_fen=part.approval.amount_fen,
        debtors=applied.applicants,
        notice=part.notice,
    )


# --- the loan ---------------------------------------------------------------------------------------------------------


def pay_the_loan(payable: PayableNotice, approval: Approval, us: Us, opened: CaseOpened) -> Says:
    """LC-L5 买方贷款银行领取抵押预告登记不动产登记证明后，将买方贷款资金转至公证机构提存账户;
    LC-R3 将原过户及抵押后放款的流程调整为预告登记后即放款;
    X-2 a lender disburses only on its registered mortgage or advance notice: once on each certificate."""
    assert opened.deposit_account is not None and approval.said.fact.pays_from is not None
    yield Pay(
        purpose=Purpose.LOAN,
        from_account=approval.said.fact.pays_from,
        to_account=opened.deposit_account.account,
        amount_fen=approval.amount_fen,
        reference=Purpose.LOAN.value,
        about=payable.certificate,
        because=us.pays_by,
    )


def report_a_notice_that_we_do_not_pay_on(unpayable: UnpayableNotice) -> Says:
    """X-2: a lender disburses only on its own notice, while it is valid; a person must see why it does not."""
    number = unpayable.notice.entry_number
    yield Alarm(what=f"nothing is paid on the advance notices of entry {number}", why=unpayable.why, clause="X-2")


def say_that_the_loan_is_on_its_way(accepted: PaymentAccepted, ledger: Ledger) -> Says:
    """LC-L5, LC-R3: whoever waits for the loan hears that the rail has taken the order."""
    order = ledger.order(accepted.payment)
    if order is not None and order.pay.purpose is Purpose.LOAN:
        yield LoanDisbursed(
            notice=DocumentNumber(order.pay.about),
            amount_fen=order.pay.amount_fen,
            to_account=order.pay.to_account,
            rail_transfer=accepted.rail_transfer,
        )


def report_an_entry_without_our_mortgage(registered: TransferRegistered, _: Approval, ours: OurMortgage | None) -> Says:
    """LC-L6 买方贷款银行领取不动产抵押登记证明。 Where the entry names no mortgage of ours, a person must see it."""
    if ours is None:
        what = f"the transfer is entered, number {registered.entry_number}, and our mortgage is not"
        yield Alarm(what=what, why="our loan stands approved, and the entry names no mortgage of ours", clause="LC-L6")


# --- money ------------------------------------------------------------------------------------------------------------


def report_money_that_is_no_return(money: Filed[MoneyReceived], lent: Lent) -> Says:
    """X-1: on a loan account only what we have sent comes back; what is beside that, a clerk sends back."""
    for receipt, amount in lent.not_ours:
        if receipt.id == money.id:
            what = f"{amount} fen on {money.fact.account} are no return of our loan (receipt {money.id})"
            yield Alarm(what=what, why="order its return at the desk", clause="X-1")


def send_it_back(order: ReturnOrdered, lent: Lent) -> Says:
    """X-1: a clerk has ordered the return of money that no article covers."""
    for receipt, amount in lent.not_ours:
        if receipt.id == order.money:
            yield pay_back(receipt, amount)


# --- ways out ---------------------------------------------------------------------------------------------------------


def say_that_lending_has_ended(over: LendingOver) -> Says:
    """X-3: no entry will be made, so nothing more goes out; X-1: how much had been sent, as the rail has answered."""
    yield LendingEnded(sent_fen=over.sent_fen)


def say_that_the_loan_is_back(whole: Whole) -> Says:
    """X-1: each yuan of a cancelled case returns to whoever paid it; ours is booked, so our notice may end."""
    yield LoanReturned(amount_fen=whole.amount_fen)


def report_a_lapse_with_our_loan_out(_: AdvanceNoticeLapsed, lent: Lent) -> Says:
    """X-3: the notices have lost their force, and the keeper calls the case off; until then our loan is not secured."""
    if lent.out_fen:
        what = f"our notice has lapsed, and {lent.out_fen} fen of our loan are out"
        yield Alarm(what=what, why="the keeper calls the case off and sends it back", clause="X-3, Civil Code 221")


def see_that_our_notice_ends_only_when_we_are_whole(ended: AdvanceNoticeEnded, lent: Lent) -> Says:
    """X-2, X-3: the registry ends a notice once its lender has sent nothing, or has its own back."""
    if lent.out_fen:
        what = f"the advance notices are cancelled, entry {ended.entry_number}, and {lent.out_fen} fen are out"
        yield Alarm(what=what, why="they were to stand until our loan is back", clause="X-2, X-3")


def report_an_entry_after_the_end(_: TransferRegistered, completed: CaseCompleted | None) -> Says:
    """X-2, X-3: the registry makes no entry in a case that it has closed. One that completed rests on its entry, whose
    news may come after it, on another line."""
    if completed is None:
        yield Alarm(what="an entry in a case that the registry had closed", why="it is closed for ever", clause="X-3")


def see_that_no_case_is_cancelled_with_our_loan_out(_: CaseCancelled, lent: Lent) -> Says:
    """X-1, X-3: in a case that is called off our loan is back with us before its end is said."""
    if lent.out_fen:
        what = f"the case is cancelled, and {lent.out_fen} fen of our loan are out"
        yield Alarm(what=what, why="they are not back", clause="X-1, X-3")


def see_that_no_case_is_completed_with_our_loan_unsecured(
    _: CaseCompleted, __: TransferRegistered, lent: Lent, ours: OurMortgage | None
) -> Says:
    """X-1, X-2: at the good end our loan is secured by our mortgage, once the entry is known here too."""
    if lent.out_fen and ours is None:
        what = f"the case is completed, and {lent.out_fen} fen of our loan are out"
        yield Alarm(what=what, why="they are secured by no mortgage of ours in the entry", clause="X-1, X-2")


# --- what waits for a person ------------------------------------------------------------------------------------------


def apply_for_a_loan(
    opened: CaseOpened | None,
    applied: LoanAppliedFor | None,
    refused: NotLetIn | None,
    answer: Answer | None,
    noticed: AdvanceNoticeRegistered | None,
) -> Waiting | None:
    """LC-L2 联系银行申请贷款: a lender named at the opening waits for the buyer; one that the keeper has refused says
    why, and the application can be made again with other numbers."""
    if refused is not None:
        return Waiting("apply-for-loan", "LC-L2", f"the keeper has refused us a part: {refused.refused.because}")
    if opened is None or applied is not None or answer is not None or noticed is not None:
        return None
    return Waiting("apply-for-loan", "LC-L2", "the buyer applies, holding contract and proof of the down payment")


def decide_on_the_loan(undecided: Undecided, unfit: Unfit | None, opened: CaseOpened, us: Us) -> Waiting | None:
    """LC-L3 对贷款申请进行审批: a clerk says yes or no."""
    applied = undecided.applied.fact
    what = f"{applied.amount_fen} fen over {applied.months} months"
    period = DECISION if named(opened, DECISION, us) else None
    return Waiting("decide-loan", "LC-L3", f"{what}; {unfit.why}" if unfit is not None else what, period=period)


def contracts_are_to_be_signed(granted: Granted) -> Waiting | None:
    """LC-L4 借（贷）款合同、抵押合同: every applicant signs."""
    if not granted.unsigned:
        return None
    what = f"{len(granted.unsigned)} of {len(granted.applied.applicants)} applicants have not signed the contracts"
    return Waiting("sign-contracts", "LC-L4", what)


def an_application_was_given_back(back: GivenBack) -> Waiting | None:
    """X-3: the registry gave the whole joint application back; our part is made again."""
    for answer in back.unmended:
        reasons = "; ".join(reason.detail for reason in answer.fact.reasons)
        return Waiting("mend-application", "X-3", reasons, about=answer.fact.application)
    return None


def money_is_to_be_sent_back(lent: Lent) -> Waiting | None:
    """X-1: money that no article covers."""
    for receipt, amount in lent.not_ours:
        return Waiting("return-money", "X-1", f"{amount} fen that are no return of our loan", about=receipt.id)
    return None


def the_loan_was_not_paid(ledger: Ledger, _: Approval, lapsed: AdvanceNoticeLapsed | None) -> Waiting | None:
    """LC-L5, LC-R3: the rail refused or returned the loan, which can still be paid."""
    if lapsed is not None:
        return None
    return wait_for_a_new_order(order for order in ledger.failed if order.pay.purpose is Purpose.LOAN)


def a_return_was_not_paid(ledger: Ledger) -> Waiting | None:
    """X-1: the rail refused or returned what goes back to its payer."""
    return wait_for_a_new_order(order for order in ledger.failed if order.pay.purpose is not Purpose.LOAN)


# --- the index --------------------------------------------------------------------------------------------------------

RULES = (
    Rule(ask_for_our_part, per=LoanAppliedFor),
    Rule(close_the_application, per=JoinRefused),
    Rule(say_no, per=Answer),
    Rule(approve_the_loan, per=Contracted),
    Rule(take_the_yes_back, per=LoanWithdrawn),
    Rule(apply_for_our_mortgage, per=Part),
    Rule(pay_the_loan, per=PayableNotice),
    Rule(report_a_notice_that_we_do_not_pay_on, per=UnpayableNotice),
    Rule(say_that_the_loan_is_on_its_way, per=PaymentAccepted, during=ALWAYS),
    Rule(report_an_entry_without_our_mortgage),
    Rule(report_money_that_is_no_return, per=MoneyReceived, during=ALWAYS),
    Rule(send_it_back, per=ReturnOrdered, during=ALWAYS),
    Rule(report_a_failed_payment, per=(PaymentRefused, PaymentReturned), during=ALWAYS),
    Rule(pay_again, per=PaymentOrderedAgain, during=ALWAYS),
    Rule(say_that_lending_has_ended, during=(CLOSING,)),
    Rule(say_that_the_loan_is_back, during=(CLOSING,)),
    Rule(report_a_lapse_with_our_loan_out),
    Rule(see_that_our_notice_ends_only_when_we_are_whole, during=(CLOSING,)),
    Rule(report_an_entry_after_the_end, during=OVER),
    Rule(see_that_no_case_is_cancelled_with_our_loan_out, during=(ENDED,)),
    Rule(see_that_no_case_is_completed_with_our_loan_unsecured, during=(ENDED,)),
    *PERIOD_RULES,
)

WAITS = (
    Wait(apply_for_a_loan),
    Wait(decide_on_the_loan),
    Wait(contracts_are_to_be_signed),
    Wait(an_application_was_given_back),
    Wait(the_loan_was_not_paid),
    Wait(a_return_was_not_paid, during=ALWAYS),
    Wait(money_is_to_be_sent_back, during=ALWAYS),
)

UNEXPECTED = (
    *IN_A_CASE,
    noted(PeriodStarted, ENDED, "nothing runs any more in an ended case"),
    noted(PeriodEnded, ENDED, "nothing runs any more in an ended case"),
    noted(PeriodPassed, ENDED, "nothing has to be done in time any more"),
    noted(LoanAppliedFor, OVER, "a guard refuses it"),
    noted(LoanDecided, OVER, "a guard refuses it"),
    noted(ContractsSigned, OVER, "a guard refuses it"),
    noted(LoanWithdrawn, OVER, "a guard refuses it"),
    noted(ApplicationMended, OVER, "nothing is applied for any more"),
    noted(PartyJoined, ALWAYS, "the runtime reads whose part it is; the opening says the rest"),
    noted(JoinRefused, OVER, "who has no part does not hear the end"),
    noted(ApplicationClosed, ENDED, "it is itself the end of the case here"),
    noted(LoanApproved, OVER, "nothing is lent any more, by whomever"),
    noted(LoanRejected, OVER, "nothing is lent any more, by whomever"),
    noted(DepositConfirmed, OVER, "nothing is lent on it any more"),
    noted(DepositRefunded, ALWAYS, "the money itself is reported by the rail"),
    noted(FolioReserved, OVER, "it crossed the end on another line"),
    noted(FolioRefused, CLOSING, "nothing was lent, and nothing will be"),
    noted(ConsentIssued, OVER, "it crossed the end on another line"),
    noted(ConsentRefused, ALWAYS, "the keeper calls the case off"),
    noted(RegistrationReturned, OVER, "nothing is applied for any more"),
    noted(RegistrationRefused, OVER, "the case is being called off"),
    noted(AdvanceNoticeRegistered, OVER, "nothing is paid in a case that is called off"),
    alarm(AdvanceNoticeEnded, OPEN, "our notice is cancelled in a case that was not closed"),
    noted(AdvanceNoticeEnded, ENDED, "it crossed the end on another line"),
    noted(AdvanceNoticeLapsed, OVER, "what was sent comes back by the closing"),
    noted(ClosingRefused, ALWAYS, "the entry stands and the case goes on, as it did here"),
    noted(MortgageReleased, ALWAYS, "the old mortgage is gone; ours moves up by itself"),
    noted(DeadlineMissed, ALWAYS, "a warning; who is late sees it on the own worklist"),
)

__all__ = ["GUARDS", "RULES", "UNEXPECTED", "WAITS"]
