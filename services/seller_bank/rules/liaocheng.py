"""What the seller's bank does in Liaocheng (聊自然资规发〔2023〕6号 二). RULES is the index of what both modes have in
common, FULL the mode of full payment（一）; the mode with a loan（二）is in liaocheng_loan.py.

No clock, no chance, no numbers, no Kafka, no MongoDB: the same file gives the same words.
"""

from datetime import datetime, time

from contracts.document import Document
from contracts.event import Role
from contracts.events.case import CaseCompleted, CaseOpened, DeadlineMissed
from contracts.events.escrow import BalancePaid, DepositConfirmed, PayoffTransferred
from contracts.events.registry import ClosingRefused, FolioReserved, MortgageReleased, TransferRegistered
from contracts.events.seller_bank import (
    ConsentIssued,
    ConsentRefused,
    PayoffCompleted,
    PayoffQuoted,
    PayoffReturned,
    ReleaseApplied,
)
from contracts.period import Days, Period, Source
from services.runtime.core.facts import (
    Alarm,
    PaymentAccepted,
    PeriodEnded,
    PeriodPassed,
    PeriodStarted,
)
from services.runtime.core.file import Filed, Phase
from services.runtime.core.money import Ledger
from services.runtime.core.periods import CHINA_TIME
from services.runtime.core.rule import All, Chapter, Rule, Says, Wait, Waiting, alarm, noted
from services.runtime.core.verdicts import IN_A_CASE
from services.seller_bank.books import CaseLoan
from services.seller_bank.facts import Articles, ConsentDecided, PayoffAsked
from services.seller_bank.payoff import Payoff
from services.seller_bank.rules.liaocheng_guards import GUARDS
from services.seller_bank.rules.money import MONEY_RULES, MONEY_WAITS
from services.seller_bank.rules.periods import PERIOD_RULES, named, start_the_consent_period
from services.seller_bank.views import CONSENT, QUOTE, QuoteSettled, ReleaseDue, SettledUnquoted, Untold

CLOSING, ENDED = Phase.CLOSING, Phase.ENDED
ALWAYS = tuple(Phase)
OPINION = ("同意“带押过户”意见书", "({year}){house}同字第{n:07d}号")
STATEMENT = ("应还款余额证明", "({year}){house}余字第{n:07d}号")


# --- consent ------------------------------------------------------------------------------------------------


def issue_the_consent(decided: Filed[ConsentDecided], loan: CaseLoan) -> Says:
    """LC-F2 卖方通知其贷款银行，由卖方贷款银行出具同意“带押过户”意见书；
    X-5: issued with its number, to be checked online."""
    if not decided.fact.consents:
        return
    imported = loan.book.imported
    yield ConsentIssued(
        opinion=Document.wanted(*OPINION),
        mortgage_certificate=imported.mortgage_certificate,
        lifts_no_transfer_clause=imported.no_transfer_clause,
        estimated_payoff_fen=loan.book.payoff(decided.at).total_fen,
        payoff_account=imported.settlement_account,
    )


def refuse_the_consent(decided: ConsentDecided, articles: Articles) -> Says:
    """X-3 Every way out: rejection, refusal, failed registration, expiry, withdrawal by agreement. Here the bank does
    not agree."""
    if not decided.consents:
        yield ConsentRefused(because=decided.because, clause=decided.clause or articles.consent)


def compare_the_register_with_the_loan(reserved: FolioReserved, loan: CaseLoan) -> Says:
    """LC-R2 各金融机构要梳理业务流程各环节存在的风险点，做好内控、审批、发放、管理等方面衔接。"""
    certificate = loan.book.imported.mortgage_certificate
    if all(mortgage.certificate != certificate for mortgage in reserved.mortgages):
        what = f"the register does not show the mortgage {certificate}"
        why = f"it secures loan {loan.book.terms.loan_number}, and the folio was reserved without it"
        yield Alarm(what=what, why=why, clause="LC-R2")


# --- payoff -------------------------------------------------------------------------------------------------


def quote_the_payoff(
    asked: Filed[PayoffAsked],
    _: TransferRegistered,
    __: ConsentIssued,
    loan: CaseLoan,
    started: All[PeriodStarted],
) -> Says:
    """LC-F4 买方领取不动产权证书，信息共享至公证机构，并由公证机构将房款转移至卖方贷款银行、卖方账户；the
    amount, and in the mode with a loan the whole sentence, by LC-L6 卖方贷款银行开具卖方应还款余额证明。
    X-5: the statement is issued with its number, to be checked online."""
    payoff = loan.book.payoff(asked.at)
    yield PayoffQuoted(
        statement=Document.wanted(*STATEMENT),
        principal_fen=payoff.principal_fen,
        interest_fen=payoff.interest_fen,
        penalty_fen=payoff.penalty_fen,
        overdue_fen=payoff.overdue_fen,
        total_fen=payoff.total_fen,
        per_diem_microfen=payoff.per_diem_microfen,
        basis=payoff.basis,
        as_of=payoff.as_of,
        good_through=payoff.good_through,
        to_account=loan.book.imported.settlement_account,
        booking_order=payoff.booking_order,
    )
    if any(f.fact.period.name == QUOTE for f in started):
        yield PeriodEnded(name=QUOTE)
    yield quote_period(payoff)


def quote_period(payoff: Payoff) -> PeriodStarted:
    """The days of a quote as a period, so that its end comes to the file. A period that ends on a day off
    ends on the next worked day (Civil Code 203); the quote itself is not prolonged by that, only its reminder
    comes later."""
    days = (payoff.good_through - payoff.as_of).days
    period = Period(
        name=QUOTE,
        whose=Role.SELLER_BANK,
        days=days,
        count=Days.CALENDAR,
        clause="LC-L6",
        source=Source.PRACTICE,
    )
    return PeriodStarted(period=period, start=datetime.combine(payoff.as_of, time(12), CHINA_TIME))


def say_what_is_booked(untold: Untold) -> Says:
    """LC-F4 并由公证机构将房款转移至卖方贷款银行…；
    LC-L6 公证机构根据应还款余额证明将卖方未偿还贷款转至卖方贷款银行: here it has arrived and is booked, by the
    loan's own terms."""
    booking = untold.entry.booking
    yield PayoffCompleted(
        quote=untold.quote,
        booked_fen=booking.booked_fen,
        open_fen=booking.open_fen,
        surplus_fen=booking.surplus_fen,
        by_the_case=untold.by_the_case,
    )


def say_what_goes_back(accepted: PaymentAccepted, ledger: Ledger) -> Says:
    """X-1: what came without a debt is on its way back to whoever paid it; said again where it is sent
    again."""
    order = ledger.order(accepted.payment)
    if order is not None:
        yield PayoffReturned(
            amount_fen=order.pay.amount_fen,
            to_account=order.pay.to_account,
            rail_transfer=accepted.rail_transfer,
        )


def let_the_quote_rest(settled: QuoteSettled) -> Says:
    """LC-L6: nothing is owed any more, so nobody has to be reminded of the quote's last day."""
    yield PeriodEnded(name=settled.period.fact.period.name)


def say_that_nothing_is_owed(_: SettledUnquoted) -> Says:
    """LC-F4 贷款结清后，卖方贷款银行申请解除抵押登记 (LC-L6 likewise): the borrower has settled it himself, so
    nothing is quoted."""
    yield PayoffCompleted(booked_fen=0, open_fen=0, surplus_fen=0, by_the_case=False)


# --- release ------------------------------------------------------------------------------------------------


def apply_for_the_release(due: ReleaseDue) -> Says:
    """LC-F4 贷款结清后，卖方贷款银行申请解除抵押登记，买卖双方交易登记完成。
    LC-L6 卖方贷款银行申请解除抵押登记。"""
    book = due.loan.book
    yield ReleaseApplied(
        unit_number=book.imported.unit_number,
        mortgage_certificate=book.imported.mortgage_certificate,
        settled_on=book.settled_on,
    )


def report_a_release_before_the_debt(released: MortgageReleased, loan: CaseLoan) -> Says:
    """X-2 A mortgage is released only after its loan is settled."""
    book = loan.book
    if released.certificate == book.imported.mortgage_certificate and not book.settled:
        what = f"{released.certificate} is released, and loan {book.terms.loan_number} is not settled"
        yield Alarm(what=what, why="no release was applied for from here", clause="X-2")


# --- what waits for a person --------------------------------------------------------------------------------


def decide_on_consent(
    opened: CaseOpened, decided: ConsentDecided | None, loan: CaseLoan | None, articles: Articles
) -> Waiting | None:
    """LC-F2: the seller has told its bank."""
    if decided is not None:
        return None
    found = f"consent to the transfer with mortgage? loan {loan.book.terms.loan_number}" if loan is not None else ""
    missing = "no loan of these sellers is on this folio: import it, or refuse"
    period = CONSENT if named(opened, CONSENT) else None
    return Waiting("decide-consent", articles.consent, found or missing, period=period)


def report_an_entry_after_the_end(_: TransferRegistered, completed: CaseCompleted | None) -> Says:
    """X-2, X-3: the registry makes no entry in a case that it has closed. One that completed rests on its entry, whose
    news may come after it, on another line."""
    if completed is None:
        yield Alarm(what="an entry in a case that the registry had closed", why="it is closed for ever", clause="X-3")


def ask_for_the_payoff(
    _: TransferRegistered,
    __: ConsentIssued,
    loan: CaseLoan,
    articles: Articles,
    asked: All[PayoffAsked],
    started: All[PeriodStarted],
    passed: All[PeriodPassed],
) -> Waiting | None:
    """LC-F4, LC-L6: the transfer is entered, so the debt can be stated; again when a rest is open or the quote is
    past its day."""
    if loan.book.settled:
        return None
    what = "state what settles the loan"
    if asked:
        quotes = [f.id for f in started if f.fact.period.name == QUOTE]
        is_past = bool(quotes) and any(f.fact.started == quotes[-1] for f in passed)
        if loan.book.quoted is not None and not is_past:
            return None
        what = "the quote is past its last day: state it anew" if loan.book.quoted else "a rest is open: state it"
    return Waiting("ask-payoff", articles.payoff, what, about=str(len(asked)))


RULES = (
    Rule(refuse_the_consent, per=ConsentDecided),
    Rule(compare_the_register_with_the_loan),
    Rule(quote_the_payoff, per=PayoffAsked),
    Rule(say_what_is_booked, per=Untold),
    Rule(say_what_goes_back, per=PaymentAccepted, during=ALWAYS),
    Rule(let_the_quote_rest, per=QuoteSettled),
    Rule(say_that_nothing_is_owed),
    Rule(apply_for_the_release, per=ReleaseDue, during=ALWAYS),
    Rule(report_a_release_before_the_debt, per=MortgageReleased, during=ALWAYS),
    Rule(report_an_entry_after_the_end, during=(CLOSING, ENDED)),
    *MONEY_RULES,
    *PERIOD_RULES,
)

UNEXPECTED = (
    alarm(
        PayoffTransferred,
        (CLOSING, ENDED),
        "a payoff is on its way in a case that is called off or has ended",
    ),
    noted(DepositConfirmed, ALWAYS, "the bank is paid from it after the entry; it waits for the entry alone"),
    noted(BalancePaid, ALWAYS, "the seller's part does not concern the loan"),
    noted(ClosingRefused, ALWAYS, "the entry stands and the case goes on, as it did here"),
    noted(DeadlineMissed, ALWAYS, "a warning; who is late sees it on the own worklist"),
    noted(FolioReserved, (CLOSING, ENDED), "it crossed the end on another line"),
    noted(ConsentDecided, (CLOSING, ENDED), "a guard refuses it"),
    noted(PeriodStarted, ENDED, "nothing runs any more in an ended case"),
    noted(PeriodEnded, ENDED, "nothing runs any more in an ended case"),
    noted(PeriodPassed, ENDED, "nothing has to be done in time any more"),
    *IN_A_CASE,
)

WAITS = (Wait(ask_for_the_payoff), *MONEY_WAITS)

FULL = Chapter(
    "LC-FULL",
    (Rule(issue_the_consent, per=ConsentDecided), Rule(start_the_consent_period), *RULES),
    UNEXPECTED,
    guards=GUARDS,
    waits=(Wait(decide_on_consent), *WAITS),
)
