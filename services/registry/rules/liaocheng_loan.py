"""The registry in Liaocheng's sale with a loan (聊自然资规发〔2023〕6号 二（二）). RULES is the index; what it has in
common with the full-payment sale is in `liaocheng.py`.

No clock, no chance, no numbers: the same file gives the same words.
"""

from datetime import timedelta

from contracts.document import Document
from contracts.events.case import CaseCancelled, JoinRefused
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
    FolioReserved,
    NoticedMortgage,
    RegisteredMortgage,
    RegistrationRefused,
    Stage,
)
from contracts.events.seller_bank import ConsentIssued
from services.registry.applications import Applications, JointApplication, JointApplications
from services.registry.facts import (
    Decision,
    LendersMortgage,
    MortgagesEntered,
    NoticesEntered,
    RegistrationDecided,
)
from services.registry.notices import (
    NOTICE_PERIOD,
    AppliedInTime,
    LendersWhole,
    NoticePeriod,
    StandingNotices,
    applied_by,
    valid_until,
)
from services.registry.register import Register
from services.registry.rules.liaocheng import (
    CLOSING,
    ENDED,
    IN_BOTH_MODES,
    OPEN,
    UNEXPECTED_IN_BOTH_MODES,
    decision_due,
    ownership_entered,
    transfer_registered,
)
from services.registry.rules.liaocheng_loan_guards import GUARDS
from services.registry.title import objections_to_an_entry
from services.registry.views import DownPaymentHeld, PriceHeld, RegistrationPeriod, Terms
from services.runtime.core.facts import Alarm, PeriodEnded, PeriodPassed, PeriodStarted
from services.runtime.core.file import Filed
from services.runtime.core.rule import Chapter, Rule, Says, Wait, Waiting, alarm, noted

# 不动产登记证明: one series for notices and mortgages
CERTIFICATES = "鲁({year})聊城市不动产证明第{n:07d}号"
TRANSFER_NOTICE = Document.wanted("不动产登记证明（转移预告登记）", CERTIFICATES)
MORTGAGE_NOTICE = Document.wanted("不动产登记证明（抵押权预告登记）", CERTIFICATES)
MORTGAGE = Document.wanted("不动产登记证明", CERTIFICATES)

# --- the notices --------------------------------------------------------------------------------------------


def enter_the_notices(
    decided: Filed[RegistrationDecided],
    joint: JointApplications,
    terms: Terms,
    register: Register,
    consent: ConsentIssued,
    _held: DownPaymentHeld,
    _reserved: FolioReserved,
) -> Says:
    """LC-L4 由买卖双方及买方贷款银行持房屋买卖协议、借（贷）款合同、抵押合同及卖方贷款银行同意带押过户意见书
    向不动产登记部门申请办理不动产转移预告登记和抵押权预告登记。
    X-5: each notice has a certificate with a number, to be checked online.

    The title is read again in the decision itself (X-4), as for the transfer. Of several lenders whoever applied first
    has the first rank.
    """
    of_it = _approved(decided.fact, joint, Stage.NOTICE)
    if of_it is None:
        return
    against = objections_to_an_entry(register, terms, consent)
    if against:
        yield RegistrationRefused(application=decided.fact.application, reasons=against)
        return
    entered = NoticesEntered(
        application=decided.fact.application,
        entry_number=register.next_entry,
        entered_at=decided.at,
        valid_until=valid_until(decided.at),
        buyers=tuple(buyer.person for buyer in terms.opened.buyers or ()),
        mortgages=_applied_for(of_it),
    )
    yield entered
    yield AdvanceNoticeRegistered(
        application=entered.application,
        unit_number=register.unit_number,
        entry_number=entered.entry_number,
        registered_at=entered.entered_at,
        valid_until=entered.valid_until,
        transfer=TRANSFER_NOTICE,
        mortgages=tuple(
            NoticedMortgage(role=m.role, lender=m.lender, certificate=MORTGAGE_NOTICE) for m in entered.mortgages
        ),
    )


def count_from_the_notices(entered: NoticesEntered) -> Says:
    """X-3 Every way out: expiry. 民法典 221 自能够进行不动产登记之日起九十日内未申请登记的，预告登记失效。"""
    yield PeriodStarted(period=NOTICE_PERIOD, start=entered.entered_at)


def keep_the_notices(_applied: AppliedInTime, _running: NoticePeriod) -> Says:
    """X-3, 民法典 221: who has applied for the registration in time has kept the notices, also where the application is
    given back to be mended."""
    yield PeriodEnded(name=NOTICE_PERIOD.name)


def let_the_notices_lapse(
    passed: Filed[PeriodPassed], applications: Applications, notices: StandingNotices, register: Register
) -> Says:
    """X-3, 民法典 221 …九十日内未申请登记的，预告登记失效。Also while a case that was called off waits for its
    lenders. By the date of the application, not of its news."""
    due = passed.fact.due
    if passed.fact.name == NOTICE_PERIOD.name and applied_by(due, applications) is None:
        yield AdvanceNoticeLapsed(
            certificates=notices.certificates,
            entry_number=register.next_entry,
            lapsed_on=due + timedelta(days=1),
        )


def end_the_notices(
    _whole: LendersWhole, notices: StandingNotices, register: Register, running: NoticePeriod | None
) -> Says:
    """X-3 Each ends in a defined state with money and register consistent: a notice secures its lender until nothing
    of that lender's money is out, and not longer."""
    if running is not None:
        yield PeriodEnded(name=NOTICE_PERIOD.name)
    yield AdvanceNoticeEnded(certificates=notices.certificates, entry_number=register.next_entry)


def see_that_no_notice_outlives_its_case(_cancelled: CaseCancelled, notices: StandingNotices) -> Says:
    """X-3: a keeper that cancels a case whose notices stand has left a lender alone with its money."""
    what = f"the case is cancelled, but notice {notices.said.transfer.number} stands in the register"
    yield Alarm(what=what, why="the lenders have their money back first, then the notices end", clause="X-3")


# --- the entry ----------------------------------------------------------------------------------------------


def enter_the_transfer_and_the_mortgages(
    decided: Filed[RegistrationDecided],
    joint: JointApplications,
    terms: Terms,
    register: Register,
    consent: ConsentIssued,
    notices: StandingNotices,
    _held: PriceHeld,
    _reserved: FolioReserved,
) -> Says:
    """LC-L5 买卖双方与买方贷款银行，向不动产登记部门申请不动产转移登记及抵押登记，登记部门审核办理过户手续及抵押登记。
    LC-L6 买方领取不动产权证书，买方贷款银行领取不动产抵押登记证明。
    X-5: every certificate is issued with its number, to be checked online.

    Everything is entered in one decision: the buyers, the mortgages behind those that stood, in the order of their
    notices and without gaps (X-2); the notices are gone. What was entered against the title since refuses the
    application for good (X-4), as in a sale paid in full: an advance notice is no bar to a court.
    """
    of_it = _approved(decided.fact, joint, Stage.REGISTRATION)
    if of_it is None:
        return
    against = objections_to_an_entry(register, terms, consent)
    if against:
        yield RegistrationRefused(application=decided.fact.application, reasons=against)
        return
    ranks = list(notices.of_lenders.items())
    applied = {(m.role, m.lender): m for m in _applied_for(of_it)}
    mortgages = tuple(applied[lender.role, lender.institution] for lender, _ in ranks)
    ownership = ownership_entered(decided, terms, register, consent)
    yield ownership
    yield MortgagesEntered(
        application=ownership.application,
        entry_number=ownership.entry_number + 1,
        entered_at=ownership.entered_at,
        mortgages=mortgages,
    )
    first_rank = len(register.mortgages) + 1
    numbered = tuple(
        RegisteredMortgage(role=m.role, lender=m.lender, rank=rank, certificate=MORTGAGE)
        for rank, m in enumerate(mortgages, first_rank)
    )
    yield transfer_registered(ownership, register, numbered)


def _approved(decided: RegistrationDecided, joint: JointApplications, stage: Stage) -> JointApplication | None:
    """The joint application of this stage that is approved; None where it is another decision."""
    of_it = joint.led_by(decided.application)
    if decided.decision is not Decision.APPROVE or of_it is None or of_it.leading.stage is not stage:
        return None
    return of_it


def _applied_for(of_it: JointApplication) -> tuple[LendersMortgage, ...]:
    """The mortgages of a joint application, in the order in which the lenders applied."""
    return tuple(
        LendersMortgage(
            role=lender.role,
            lender=lender.institution,
            principal_fen=part.amount_fen,
            application=part.application.number,
        )
        for lender, part in of_it.parts
    )


# --- what waits for a person --------------------------------------------------------------------------------


def decide_the_joint_application(
    applications: Applications, joint: JointApplications, running: RegistrationPeriod | None
) -> Waiting | None:
    """LC-L4 由买卖双方及买方贷款银行…申请; LC-L5 买卖双方与买方贷款银行…申请: a registrar decides once everybody has
    applied, first come, first served."""
    for first in applications.undecided[:1]:
        of_it = joint.led_by(first.number)
        if of_it is None or of_it.missing or not of_it.parts:
            return None
        if first.stage is Stage.NOTICE:
            what = f"application {first.number} for the advance notices of transfer and mortgage"
            return decision_due(first, "LC-L4", what, running)
        what = f"application {first.number} for the transfer of the home and the mortgage"
        return decision_due(first, "LC-L5", what, running)
    return None


RULES = (
    Rule(enter_the_notices, per=RegistrationDecided),
    Rule(count_from_the_notices),
    Rule(keep_the_notices),
    Rule(let_the_notices_lapse, per=PeriodPassed, during=(OPEN, CLOSING)),
    Rule(end_the_notices, during=(CLOSING, ENDED)),
    Rule(see_that_no_notice_outlives_its_case, during=(ENDED,)),
    Rule(enter_the_transfer_and_the_mortgages, per=RegistrationDecided),
    *IN_BOTH_MODES,
)

WAITS = (Wait(decide_the_joint_application),)

UNEXPECTED = (
    *UNEXPECTED_IN_BOTH_MODES,
    noted(JoinRefused, (OPEN, CLOSING, ENDED), "said to whoever asked to join, and that is no registry"),
    noted(LoanApproved, (CLOSING, ENDED), "nothing is entered any more, so no loan is waited for"),
    noted(LoanRejected, (CLOSING, ENDED), "nothing is entered any more, so no loan is waited for"),
    noted(MortgageApplicationMade, (CLOSING, ENDED), "its lender hears that no entry will be made"),
    noted(LoanDisbursed, (OPEN, CLOSING, ENDED), "money changes nothing in the register"),
    alarm(LendingEnded, OPEN, "a lender ends its part in a case that is not closed"),
    alarm(LoanReturned, OPEN, "a lender has its loan back in a case that is not closed"),
)

LOAN = Chapter("LC-LOAN", RULES, UNEXPECTED, guards=GUARDS, waits=WAITS)
