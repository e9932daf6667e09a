"""The registry in Liaocheng's two modes of sale (聊自然资规发〔2023〕6号 二): what both have in common, and the
full-payment sale (一) whole. RULES is the index; the loan's own sentences are in `liaocheng_loan.py`.

No clock, no chance, no numbers: the same file gives the same words.
"""

from contracts.document import Document
from contracts.event import Role
from contracts.events.case import (
    CaseCancelled,
    CaseCompleted,
    CaseOpened,
    ClosingRequested,
    DeadlineMissed,
    Lateness,
)
from contracts.events.escrow import BalancePaid, DepositConfirmed, TransferApplicationMade
from contracts.events.registry import (
    ClosingRefused,
    FolioRefused,
    FolioReserved,
    Owner,
    RegisteredMortgage,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued, ConsentRefused, PayoffCompleted
from services.registry.applications import Application, Applications
from services.registry.facts import (
    Decision,
    FolioImported,
    MortgageCancelled,
    MortgageEntered,
    MortgagesEntered,
    NoticeEnded,
    NoticesEntered,
    OwnershipEntered,
    RegistrationDecided,
    RestrictionEntered,
    RestrictionLifted,
    TransferAppliedFor,
)
from services.registry.notices import NumberedNotices
from services.registry.register import Register
from services.registry.rules.liaocheng_guards import GUARDS
from services.registry.title import lifted_clauses, objections, objections_to_an_entry
from services.registry.views import REGISTRATION, PriceHeld, RegistrationPeriod, Terms, UnheardRelease
from services.runtime.core.facts import (
    Alarm,
    DocumentVoided,
    PeriodEnded,
    PeriodPassed,
    PeriodStarted,
)
from services.runtime.core.file import Filed, Phase
from services.runtime.core.periods import kept
from services.runtime.core.rule import All, Chapter, Rule, Says, Wait, Waiting, alarm, noted
from services.runtime.core.verdicts import IN_A_CASE, without

OPEN, CLOSING, ENDED = Phase.OPEN, Phase.CLOSING, Phase.ENDED
OWNERSHIP_CERTIFICATE = Document.wanted("不动产权证书", "鲁({year})聊城市不动产权第{n:07d}号")

# --- the folio ----------------------------------------------------------------------------------------------


def check_the_title_and_claim_the_folio(terms: Terms, register: Register | None) -> Says:
    """X-4 A second case on a property under transfer is refused. A property with a freeze, seizure, right of
    residence or foreign mortgage is refused, with the reason. Checked and claimed in one step; what is
    refused stays refused."""
    reasons = objections(register, terms)
    if reasons or register is None:
        yield FolioRefused(reasons=reasons)
    else:
        yield FolioReserved(unit_number=register.unit_number, mortgages=register.ranked())


def see_that_terms_do_not_change(again: Filed[CaseOpened], terms: Terms, openings: All[CaseOpened]) -> Says:
    """X-2: the title was checked for the terms of the first opening; another opening is an incident."""
    if again.id != openings[0].id:
        what = f"case {terms.case} was opened a second time by {again.speaker}"
        yield Alarm(what=what, why="the first opening counts; its terms do not change", clause="X-2")


# --- the entry ----------------------------------------------------------------------------------------------


def enter_the_transfer(
    decided: Filed[RegistrationDecided],
    terms: Terms,
    register: Register,
    consent: ConsentIssued,
    _held: PriceHeld,
    _reserved: FolioReserved,
) -> Says:
    """LC-F3 买卖双方持买卖协议（合同）、卖方贷款银行出具的同意“带押过户”意见书，
    向不动产登记部门申请不动产转移登记。
    LC-F4 买方领取不动产权证书。
    X-5: the certificate is issued with its number, to be checked online.

    The title is read again in the entry's own decision. What was entered against it since the folio was
    claimed refuses the application for good: it is no flaw of the materials that the applicants could mend,
    nobody knows when a court lifts it, and the price must not lie bound for so long. Once it is lifted, a new
    case can be opened.
    """
    if decided.fact.decision is not Decision.APPROVE:
        return
    against = objections_to_an_entry(register, terms, consent)
    if against:
        yield RegistrationRefused(application=decided.fact.application, reasons=against)
        return
    ownership = ownership_entered(decided, terms, register, consent)
    yield ownership
    yield transfer_registered(ownership, register)


def ownership_entered(
    decided: Filed[RegistrationDecided], terms: Terms, register: Register, consent: ConsentIssued
) -> OwnershipEntered:
    """The entry of the buyers, in the shares that the case was opened with."""
    return OwnershipEntered(
        application=decided.fact.application,
        entry_number=register.next_entry,
        entered_at=decided.at,
        owners=tuple(Owner(person=buyer.person, share=buyer.share) for buyer in terms.opened.buyers or ()),
        lifted_clauses=lifted_clauses(register, consent),
    )


def transfer_registered(
    ownership: OwnershipEntered, register: Register, new_mortgages: tuple[RegisteredMortgage, ...] = ()
) -> TransferRegistered:
    """What is said of the entry, with the mortgages that stood before it and those made with it."""
    return TransferRegistered(
        application=ownership.application,
        unit_number=register.unit_number,
        entry_number=ownership.entry_number,
        entered_at=ownership.entered_at,
        owners=ownership.owners,
        ownership_certificate=OWNERSHIP_CERTIFICATE,
        mortgages=register.ranked(),
        new_mortgages=new_mortgages,
    )


def give_the_application_back(decided: RegistrationDecided) -> Says:
    """X-3: to be mended; the next application is decided anew. A joint application is given back whole, by the number
    of the one that leads it."""
    if decided.decision is Decision.RETURN:
        yield RegistrationReturned(application=decided.application, reasons=decided.reasons)


def refuse_the_application(decided: RegistrationDecided) -> Says:
    """X-3: for good; the keeper calls the case off."""
    if decided.decision is Decision.REFUSE:
        yield RegistrationRefused(application=decided.application, reasons=decided.reasons)


def say_again_what_was_released_unheard(unheard: UnheardRelease) -> Says:
    """LC-F4, LC-L7 信息共享至公证机构: a release is served at any time; if it came before the opening, or in another
    case of the home, all hear it now."""
    yield unheard.released


# --- closing and the end ------------------------------------------------------------------------------------


def close_the_case_for_ever(
    asked: ClosingRequested,
    entered: OwnershipEntered | None,
    closed: RegistrationClosed | None,
    running: RegistrationPeriod | None,
    _numbered: NumberedNotices,
) -> Says:
    """X-3 Every way out ends in a defined state: the registry alone orders entry against closing. Nothing is
    entered for this case any more; the folio stays claimed until the keeper has cancelled the case. Notices that are
    entered and not numbered yet are said first, so that all know of them who must."""
    if entered is not None or closed is not None:
        return
    if running is not None:
        yield PeriodEnded(name=REGISTRATION)
    yield RegistrationClosed(because=asked.because)


def say_that_the_entry_stands(_asked: ClosingRequested, entered: OwnershipEntered) -> Says:
    """X-3, 条例 15: an application is withdrawn only before the entry. So the case goes forward."""
    yield ClosingRefused(entry_number=entered.entry_number)


def see_that_no_entry_is_cancelled(_cancelled: CaseCancelled, entered: OwnershipEntered) -> Says:
    """X-3: nobody undoes an entry. A keeper that cancels such a case has the money and the register apart."""
    what = f"the case is cancelled, but the transfer stands in the register, entry {entered.entry_number}"
    yield Alarm(what=what, why="after the entry a case goes forward or stands", clause="X-3")


def see_that_nothing_is_completed_without_an_entry(_done: CaseCompleted, entered: OwnershipEntered | None) -> Says:
    """X-2: the seller is paid only after what the procedure requires is in the register."""
    if entered is None:
        what = "the case is completed, but no transfer is in the register"
        yield Alarm(what=what, why="a sale ends with the entry of the buyers", clause="X-2")


# --- the period ---------------------------------------------------------------------------------------------


def count_from_the_notarys_application(
    made: Filed[TransferApplicationMade],
    terms: Terms,
    applications: Applications,
    running: RegistrationPeriod | None,
) -> Says:
    """不动产登记暂行条例 20 不动产登记机构应当自受理登记申请之日起30个工作日内办结不动产登记手续。"""
    yield from _count(made.id, terms, applications, running)


def count_from_the_application_at_the_counter(
    made: Filed[TransferAppliedFor],
    terms: Terms,
    applications: Applications,
    running: RegistrationPeriod | None,
) -> Says:
    """不动产登记暂行条例 20 不动产登记机构应当自受理登记申请之日起30个工作日内办结不动产登记手续。"""
    yield from _count(made.id, terms, applications, running)


def stop_the_count(
    _decided: RegistrationDecided,
    terms: Terms,
    applications: Applications,
    running: RegistrationPeriod | None,
) -> Says:
    """不动产登记暂行条例 20: the decision keeps the period; it runs on for one that still waits."""
    if running is None:
        return
    yield PeriodEnded(name=REGISTRATION)
    for waiting in applications.undecided[:1]:
        yield from _count(waiting.id, terms, applications, None)


def _count(application_id: str, terms: Terms, applications: Applications, running: RegistrationPeriod | None) -> Says:
    """Start the period that the case pinned, if any, from the receipt of the first application that waits."""
    period = next((p for p in terms.opened.periods if p.name == REGISTRATION), None)
    first = next(iter(applications.undecided), None)
    if period is not None and running is None and first is not None and first.id == application_id:
        yield PeriodStarted(period=period, start=first.received_at)


def say_that_the_period_was_missed(passed: Filed[PeriodPassed], marks: All[PeriodStarted | PeriodEnded]) -> Says:
    """A missed period warns and ends nothing: the application waits on. It goes by the date of the act."""
    if passed.fact.name != REGISTRATION:
        return
    started = next(m for m in marks if m.id == passed.fact.started)
    ends = (m for m in marks if isinstance(m.fact, PeriodEnded) and m.fact.name == REGISTRATION)
    ended = next((end for end in ends if end.order > started.order), None)
    if ended is not None and kept(ended.at, passed.fact.due):
        return
    lateness = Lateness.NOT_DONE if ended is None else Lateness.DONE_LATE
    if isinstance(started.fact, PeriodStarted):
        period, due = started.fact.period, passed.fact.due
        yield DeadlineMissed(period=period, due=due, late=Role.REGISTRY, lateness=lateness)


# --- what waits for a person --------------------------------------------------------------------------------


def decide_registration(applications: Applications, running: RegistrationPeriod | None) -> Waiting | None:
    """LC-F3 向不动产登记部门申请不动产转移登记: a registrar decides, first come, first served."""
    for first in applications.undecided[:1]:
        return decision_due(first, "LC-F3", f"application {first.number} for the transfer of the home", running)
    return None


def decision_due(first: Application, clause: str, what: str, running: RegistrationPeriod | None) -> Waiting:
    """The worklist's line for an application, which it names by its number."""
    return Waiting("decide-registration", clause, what, first.number, REGISTRATION if running is not None else None)


IN_BOTH_MODES = (
    Rule(check_the_title_and_claim_the_folio),
    Rule(see_that_terms_do_not_change, per=CaseOpened, during=(OPEN, CLOSING, ENDED)),
    Rule(give_the_application_back, per=RegistrationDecided),
    Rule(refuse_the_application, per=RegistrationDecided),
    Rule(say_again_what_was_released_unheard, per=UnheardRelease, during=(OPEN, CLOSING)),
    Rule(close_the_case_for_ever, per=ClosingRequested, during=(OPEN, CLOSING)),
    Rule(say_that_the_entry_stands, per=ClosingRequested),
    Rule(see_that_no_entry_is_cancelled, during=(ENDED,)),
    Rule(see_that_nothing_is_completed_without_an_entry, during=(ENDED,)),
    Rule(count_from_the_notarys_application, per=TransferApplicationMade),
    Rule(count_from_the_application_at_the_counter, per=TransferAppliedFor),
    Rule(stop_the_count, per=RegistrationDecided),
    Rule(say_that_the_period_was_missed, per=PeriodPassed, during=(OPEN, CLOSING)),
)

RULES = (
    Rule(enter_the_transfer, per=RegistrationDecided),  # before the count, which looks at what still waits
    *IN_BOTH_MODES,
)

WAITS = (Wait(decide_registration),)

UNEXPECTED_IN_BOTH_MODES = (
    noted(DepositConfirmed, (CLOSING, ENDED), "nothing is entered any more, so no deposit is waited for"),
    noted(ConsentIssued, (CLOSING, ENDED), "nothing is entered any more, so no consent is waited for"),
    noted(ConsentRefused, (OPEN, CLOSING, ENDED), "the keeper calls the case off by closing-requested"),
    noted(TransferApplicationMade, CLOSING, "its applicant has heard that no entry will be made"),
    alarm(TransferApplicationMade, ENDED, "the keeper applies for a transfer in a case that it has ended"),
    noted(PayoffCompleted, (OPEN, CLOSING, ENDED), "the register changes when the release is applied for"),
    noted(BalancePaid, (OPEN, CLOSING, ENDED), "money changes nothing in the register"),
    alarm(ClosingRequested, ENDED, "the keeper asks to close a case that it has ended"),
    noted(CaseCompleted, CLOSING, "it ends the case at once, and is looked at as ended"),
    noted(CaseCancelled, CLOSING, "it ends the case at once, and is looked at as ended"),
    noted(DeadlineMissed, (OPEN, CLOSING, ENDED), "for the keeper and whoever is late"),
    # A clerk's decision or application in a case that is closing or ended is refused by the guards.
    noted(RegistrationDecided, (CLOSING, ENDED), "never on file then: a guard refuses it"),
    noted(TransferAppliedFor, (CLOSING, ENDED), "never on file then: a guard refuses it"),
    *without(IN_A_CASE, DocumentVoided),
    alarm(DocumentVoided, (OPEN, CLOSING, ENDED), "something is entered, but its certificates were not said"),
    noted(PeriodStarted, (ENDED,), "no period runs in a case that has ended"),
    noted(PeriodEnded, (ENDED,), "no period runs in a case that has ended"),
    noted(PeriodPassed, ENDED, "the act was done, or need not be done any more"),
)

UNEXPECTED = (
    *UNEXPECTED_IN_BOTH_MODES,
    # The register's own entries: what they change is read from the folio, whatever phase a case is in.
    noted(FolioImported, (CLOSING, ENDED), "counts in the register; this case claims nothing any more"),
    noted(RestrictionEntered, (CLOSING, ENDED), "counts in the register; this case claims nothing any more"),
    noted(RestrictionLifted, (CLOSING, ENDED), "counts in the register; this case claims nothing any more"),
    noted(MortgageEntered, (CLOSING, ENDED), "counts in the register; this case claims nothing any more"),
    noted(NoticeEnded, (CLOSING, ENDED), "counts in the register; this case claims nothing any more"),
    noted(MortgageCancelled, (CLOSING, ENDED), "counts in the register; the release was said with it"),
    noted(NoticesEntered, ENDED, "a sale paid in full has no advance notices"),
    noted(MortgagesEntered, (CLOSING, ENDED), "a sale paid in full enters no mortgages"),
)

FULL = Chapter("LC-FULL", RULES, UNEXPECTED, guards=GUARDS, waits=WAITS)
