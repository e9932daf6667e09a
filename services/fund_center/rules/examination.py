"""What the fund centre asks for before it decides on a loan, and what it refuses. Of that 聊自然资规发〔2023〕6号
says 三（二）, LC-R2: 梳理业务流程各环节存在的风险点，做好内控、审批、发放、管理等方面衔接. The figures are the city's
(policy.py)."""

from contracts.events.case import CaseOpened
from contracts.events.seller_bank import PayoffCompleted, PayoffQuoted, PayoffReturned
from services.fund_center.facts import BorrowerExamined, LentInCase
from services.fund_center.views import Examination
from services.lending.facts import LoanAppliedFor, LoanDecided
from services.lending.rules.liaocheng_loan import decide_on_the_loan
from services.lending.views import Over, Undecided, Unfit, Us
from services.runtime.core.file import Phase, Refusal
from services.runtime.core.rule import Guard, Wait, Waiting, noted

# --- what waits for a person ------------------------------------------------------------------------------------------


def examine_the_borrower(undecided: Undecided, examination: Examination | None) -> Waiting | None:
    """LC-R2: before a fund loan is decided, quota and ability are worked out."""
    if examination is not None:
        return None
    applied = undecided.applied.fact
    what = f"{applied.amount_fen} fen over {applied.months} months, applicants: {len(applied.applicants)}"
    return Waiting("examine-borrower", "LC-R2", what)


def decide_on_the_examined_loan(
    undecided: Undecided, examination: Examination, unfit: Unfit | None, opened: CaseOpened, us: Us
) -> Waiting | None:
    """LC-L3 对贷款申请进行审批: once the borrower is examined, a clerk says yes or no."""
    return decide_on_the_loan(undecided, unfit, opened, us)


# --- what is refused --------------------------------------------------------------------------------------------------


def examine_only_whoever_waits_for_a_decision(
    _: BorrowerExamined, over: Over | None, undecided: Undecided | None
) -> Refusal | None:
    """LC-R2: an examination is for an application that waits for the decision."""
    if over is not None:
        return Refusal("too late", over.why, "X-3")
    if undecided is None:
        return Refusal("nothing to examine", "no application waits for a decision in this case", "LC-R2")
    return None


def count_only_applicants_as_contributors(command: BorrowerExamined, applied: LoanAppliedFor | None) -> Refusal | None:
    """LC-R2: whose balance counts has applied, and counts once."""
    ids = [contributor.id_number for contributor in command.contributors]
    if len(set(ids)) != len(ids):
        return Refusal("named twice", "one person is named as two contributors", "LC-R2", 422)
    if applied is not None and not set(ids) <= {person.id_number for person in applied.applicants}:
        return Refusal("no applicant", "a contributor is none of the applicants", "LC-R2", 422)
    return None


def approve_only_who_is_examined(command: LoanDecided, examination: Examination | None) -> Refusal | None:
    """LC-R2: nothing is approved before quota and ability are known, and nothing to whom the city does not lend."""
    if not command.approve:
        return None
    if examination is None:
        return Refusal("not examined", "quota and ability are not worked out for this application", "LC-R2")
    if examination.unmet:
        return Refusal("conditions not met", "; ".join(examination.unmet), "LC-R2")
    return None


def approve_no_longer_than_the_term(command: LoanDecided, examination: Examination | None) -> Refusal | None:
    """LC-R2: the loan ends before the borrower or the building is too old."""
    if not command.approve or examination is None or examination.months <= examination.term.most_months:
        return None
    t = examination.term
    limits = (
        f"{t.city_limit_months} by the city, {t.age_limit_months} by age, {t.building_limit_months} by the building"
    )
    return Refusal("too long", f"applied for are {examination.months} months; at most {limits}", "LC-R2")


def approve_no_more_than_quota_and_ability(command: LoanDecided, examination: Examination | None) -> Refusal | None:
    """LC-R2: at most the least of both is lent."""
    if not command.approve or examination is None or (command.amount_fen or 0) <= examination.most_fen:
        return None
    most = f"quota is {examination.quota.quota_fen} fen, ability {examination.ability.ability_fen} fen"
    return Refusal("more than quota and ability", f"{command.amount_fen} fen are decided; {most}", "LC-R2")


def approve_nothing_out_of_a_full_pool(command: LoanDecided, examination: Examination | None) -> Refusal | None:
    """LC-R2: above the city's ratio of loans to deposits nothing is approved. Its model is Zaozhuang's Article 8,
    当公积金贷款个贷率大于90%时，可暂停商转公贷款政策."""
    if not command.approve or examination is None:
        return None
    limit = examination.examined.policy.pool_limit_ppm
    if command.pool_ratio_ppm is None:
        return Refusal("pool not stated", "what the pool holds and has lent is not on file: state it first", "LC-R2")
    if command.pool_ratio_ppm <= limit:
        return None
    detail = f"loans are {command.pool_ratio_ppm} ppm of deposits; above {limit} ppm nothing is approved"
    return Refusal("pool is lent out", detail, "LC-R2")


WAITS = (Wait(examine_the_borrower), Wait(decide_on_the_examined_loan))

GUARDS = (
    Guard(examine_only_whoever_waits_for_a_decision),
    Guard(count_only_applicants_as_contributors),
    Guard(approve_only_who_is_examined),
    Guard(approve_no_longer_than_the_term),
    Guard(approve_no_more_than_quota_and_ability),
    Guard(approve_nothing_out_of_a_full_pool),
)

UNEXPECTED = (
    noted(BorrowerExamined, (Phase.CLOSING, Phase.ENDED), "a guard refuses it"),
    noted(LentInCase, tuple(Phase), "told to the pool, which is a subject of its own"),
    noted(PayoffQuoted, tuple(Phase), "in a sale the escrow pays it"),
    noted(PayoffCompleted, tuple(Phase), "the old loan is the seller's; ours rests on our own mortgage"),
    noted(PayoffReturned, tuple(Phase), "it goes back to the escrow"),
)
