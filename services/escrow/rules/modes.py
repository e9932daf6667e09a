"""The two modes of sale in Liaocheng, side by side (聊自然资规发〔2023〕6号 二): FULL and LOAN are the indexes.

In the order of the document. `both` is what neither mode has alone, `full` and `loan` are their own.
"""

from contracts.events.case import DeadlineMissed
from contracts.events.lender import LendingEnded, LoanDisbursed, LoanReturned
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    ClosingRefused,
    FolioRefused,
    FolioReserved,
    MortgageReleased,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    TransferRegistered,
)
from contracts.events.seller_bank import (
    ConsentIssued,
    ConsentRefused,
    PayoffCompleted,
    PayoffQuoted,
    PayoffReturned,
)
from services.escrow.applications import ReadyForTheNotice, ReadyForTheRegistration, ReadyToApply
from services.escrow.deposits import BanksLoanHeld, Excess, FundsLoanHeld
from services.escrow.facts import (
    ApplicationMended,
    RejectionAnswered,
    SaleBrought,
    Signed,
    WithdrawalAgreed,
)
from services.escrow.lenders import TooMuchLent
from services.escrow.payoff import PayableQuote, Remaining, UnpayableQuote
from services.escrow.rules import liaocheng as both
from services.escrow.rules import liaocheng_full as full
from services.escrow.rules import liaocheng_loan as loan
from services.escrow.rules.liaocheng_guards import FULL_GUARDS, LOAN_GUARDS
from services.money.facts import ReturnOrdered
from services.money.rules.failed_payments import a_payment_has_failed, pay_again, report_a_failed_payment
from services.money.rules.returns import send_it_back
from services.runtime.core.facts import (
    MoneyReceived,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
    PeriodPassed,
)
from services.runtime.core.file import Phase
from services.runtime.core.rule import Chapter, Rule, Wait, alarm, noted
from services.runtime.core.verdicts import IN_A_CASE, PERIODS_OF_AN_OPEN_CASE

OPEN, CLOSING, ENDED = Phase.OPEN, Phase.CLOSING, Phase.ENDED
ALWAYS = (OPEN, CLOSING, ENDED)

OPENING = (
    Rule(both.open_the_case),
    Rule(both.start_the_clock_for_the_price),
)
PAYING_IN = (
    Rule(both.stop_the_clock_for_the_price),
    Rule(both.say_that_the_price_is_late, per=PeriodPassed),
    Rule(both.return_the_excess, per=Excess),
    Rule(both.report_a_strangers_money, per=MoneyReceived),
    Rule(both.certify_the_top_up),
)
WAYS_OUT = (
    Rule(both.ask_for_the_closing),
    Rule(both.refund_each_payer, per=MoneyReceived, during=(CLOSING,)),
    Rule(both.report_money_that_came_back, per=MoneyReceived, during=(CLOSING,)),
    Rule(both.cancel_the_case, during=(CLOSING,)),
)
PAYMENTS = (
    Rule(both.say_that_money_is_on_its_way, per=PaymentAccepted, during=ALWAYS),
    Rule(send_it_back, per=ReturnOrdered, during=ALWAYS),
    Rule(report_a_failed_payment, per=(PaymentRefused, PaymentReturned), during=ALWAYS),
    Rule(pay_again, per=PaymentOrderedAgain, during=ALWAYS),
)
WAITS = (
    Wait(both.signatures_are_missing),
    Wait(both.the_buyers_money_is_short),
    Wait(both.the_top_up_is_short),
    Wait(both.an_application_was_returned),
    Wait(both.money_is_to_be_sent_back, during=ALWAYS),
    Wait(a_payment_has_failed, during=ALWAYS),
)
UNEXPECTED = (
    *IN_A_CASE,
    *PERIODS_OF_AN_OPEN_CASE,
    alarm(MoneyReceived, ENDED, why="no article covers money after the end; order its return at the desk"),
    alarm(ConsentRefused, ENDED, why="the bank takes its consent back after the end"),
    noted(FolioReserved, (CLOSING, ENDED), why="the registry answered before it heard of the closing"),
    noted(FolioRefused, ENDED, why="the case has ended for another reason"),
    noted(ConsentIssued, (CLOSING, ENDED), why="it crossed the closing; nothing is applied for any more"),
    noted(ConsentRefused, CLOSING, why="the case is being called off already"),
    noted(RegistrationReturned, (CLOSING, ENDED), why="nothing is applied for any more"),
    noted(RegistrationRefused, (CLOSING, ENDED), why="the case is being called off already"),
    noted(TransferRegistered, (CLOSING, ENDED), why="it crossed the closing; closing-refused follows, all go on"),
    noted(RegistrationClosed, (OPEN, ENDED), why="the answer to a closing that this escrow asks for only once"),
    noted(ClosingRefused, ALWAYS, why="it moves the case back to open; the rules read the entry itself"),
    noted(PayoffQuoted, (CLOSING, ENDED), why="after an entry the case is open until it is complete"),
    noted(PayoffCompleted, (CLOSING, ENDED), why="somebody else settled the loan; the case is called off"),
    noted(PayoffReturned, ALWAYS, why="the money itself is reported by the rail"),
    noted(MortgageReleased, (CLOSING, ENDED), why="the loan was settled outside the case"),
    noted(DeadlineMissed, ALWAYS, why="the period is another institution's; its desk shows it"),
    noted(PaymentSettled, ENDED, why="the return of money that came after the end"),
    noted(Signed, (CLOSING, ENDED), why="a guard lets it in only before the opening"),
    noted(SaleBrought, (CLOSING, ENDED), why="a guard lets it in once, at the start"),
    noted(WithdrawalAgreed, (CLOSING, ENDED), why="a guard lets it in only while the case is open"),
    noted(ApplicationMended, (CLOSING, ENDED), why="nothing is applied for any more"),
    noted(RejectionAnswered, (CLOSING, ENDED), why="a guard lets it in only while the case is open"),
)
"""What becomes, in both modes, of what no sentence of a phase reads."""

FULL = Chapter(
    procedure="LC-FULL",
    rules=(
        *OPENING,
        Rule(full.certify_the_price),
        *PAYING_IN,
        Rule(full.apply_for_the_transfer, per=ReadyToApply),
        Rule(full.repay_the_sellers_bank, per=PayableQuote),
        Rule(both.report_a_quote_that_cannot_be_paid, per=UnpayableQuote),
        Rule(full.pay_the_seller, per=Remaining),
        Rule(full.complete_the_case),
        *WAYS_OUT,
        *PAYMENTS,
    ),
    guards=FULL_GUARDS,
    waits=WAITS,
    unexpected=UNEXPECTED,
)

LOAN = Chapter(
    procedure="LC-LOAN",
    rules=(
        *OPENING,
        Rule(loan.certify_the_down_payment),
        *PAYING_IN,
        Rule(loan.report_loans_that_are_too_much, per=TooMuchLent),
        Rule(loan.apply_for_the_notice, per=ReadyForTheNotice),
        Rule(loan.certify_the_banks_loan, per=BanksLoanHeld),
        Rule(loan.certify_the_funds_loan, per=FundsLoanHeld),
        Rule(loan.apply_for_the_registration, per=ReadyForTheRegistration),
        Rule(loan.repay_the_sellers_bank, per=PayableQuote),
        Rule(both.report_a_quote_that_cannot_be_paid, per=UnpayableQuote),
        Rule(loan.pay_the_seller, per=Remaining),
        Rule(loan.complete_the_case),
        *WAYS_OUT,
        *PAYMENTS,
    ),
    guards=LOAN_GUARDS,
    waits=(*WAITS, Wait(loan.a_rejection_wants_an_answer)),
    unexpected=(
        *UNEXPECTED,
        noted(LoanDisbursed, ALWAYS, why="the money itself is reported by the rail"),
        alarm(LendingEnded, (OPEN, ENDED), why="lending ends only for a case that is being called off"),
        alarm(LoanReturned, (OPEN, ENDED), why="a loan comes back only from a case that is being called off"),
        alarm(AdvanceNoticeEnded, (OPEN, ENDED), why="notices are ended only for a case that is being called off"),
        alarm(AdvanceNoticeLapsed, ENDED, why="the notices of a case that is over have ended or become entries"),
    ),
)
