"""The escrow in LC-LOAN, on the way through: each demand by name, from the down payment to the balance."""

from datetime import date

import pytest

from contracts.event import Role
from contracts.events.case import CaseCompleted, CaseOpened, DeadlineMissed
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    DepositRefunded,
    MoneyKind,
    PayoffTransferred,
    TransferApplicationMade,
)
from contracts.events.registry import Stage
from contracts.period import Days, Period, Source
from services.escrow.facts import ApplicationMended, ReturnOrdered
from services.escrow.rules import RULEBOOK
from services.runtime.core.facts import (
    MoneyReceived,
    Pay,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PeriodPassed,
    PeriodStarted,
    Purpose,
)
from tests.rules.escrow_cases import (
    agreed,
    agreed_by_both,
    alarms,
    applied,
    borrowing,
    borrowing_from_both,
    carry_out,
    certified,
    entered,
    kinds,
    lent,
    noticed,
    paid,
    paid_in,
    settle_all,
    signed,
    waits,
)
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import Bench
from tests.support.liaocheng import BANK, BUYER_ACCOUNT, PAYOFF_FEN, PRICE_FEN, REGISTRY, SELLER_ACCOUNT
from tests.support.loan import DOWN_PAYMENT_FEN, FUND, FUND_ACCOUNT, FUND_FEN, LENDER, LENDER_ACCOUNT, LOAN_FEN


@pytest.fixture
def bench() -> Bench:
    return borrowing()


# --- LC-L1 ------------------------------------------------------------------------------------------------------------


def test_LC_L1_the_case_opens_with_the_down_payment_when_all_have_signed() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    bench.own(loan.sale())
    *others, last = lc.signatures()
    for signature in others:
        bench.own(signature)
    row = bench.rows("wait")[0].data
    assert bench.conversation() == [] and (row["action"], row["clause"]) == ("sign", "LC-L1")
    bench.own(last)
    said = bench.said(CaseOpened)[0]
    assert (said.procedure, said.down_payment_fen) == ("LC-LOAN", DOWN_PAYMENT_FEN)
    assert said.institutions == lc.INSTITUTIONS, "no lender need be known"


def test_LC_L1_a_sale_without_its_sellers_bank_is_refused_and_one_without_a_lender_is_not() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    without = {role: name for role, name in lc.INSTITUTIONS.items() if role is not Role.SELLER_BANK}
    refused = bench.refusal(bench.own(loan.sale(institutions=without)))
    assert (refused.title, refused.status) == ("institution missing", 422)


@pytest.mark.parametrize(
    ("down_payment_fen", "title"),
    [(None, "down payment missing"), (PRICE_FEN, "nothing to lend"), (PRICE_FEN + 1, "nothing to lend")],
)
def test_LC_L1_loans_pay_a_part_of_the_price_and_the_buyers_another(down_payment_fen: int | None, title: str) -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    refused = bench.refusal(bench.own(loan.sale(down_payment_fen=down_payment_fen)))
    assert (refused.title, refused.status) == (title, 422)


def test_LC_F1_a_sale_paid_in_full_has_no_down_payment_and_no_lender() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    refused = bench.refusal(bench.own(lc.sale(down_payment_fen=1)))
    assert (refused.title, refused.status) == ("no loan here", 422)
    refused = bench.refusal(bench.own(lc.sale(institutions=loan.WITH_LENDER)))
    assert (refused.title, refused.status) == ("institution without a part", 422)


def test_LC_L1_a_signature_of_nobody_in_the_contract_is_refused() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    bench.own(loan.sale())
    stranger = lc.signatures()[0].model_copy(update={"person": lc.STRANGER.id_number})
    assert bench.refusal(bench.own(stranger)).title == "no party"


def test_LC_L1_the_down_payment_is_certified_when_the_last_fen_is_there(bench: Bench) -> None:
    paid_in(bench, DOWN_PAYMENT_FEN - 1)
    row = bench.rows("wait")[0].data
    assert (row["action"], row["clause"], row["what"]) == ("pay-in", "LC-L1", "1 fen of the down payment")
    assert bench.said(DepositConfirmed) == []
    paid_in(bench, 1)
    said = bench.said(DepositConfirmed)[0]
    assert (said.kind, said.amount_fen, said.price_complete) == (MoneyKind.DOWN_PAYMENT, DOWN_PAYMENT_FEN, False)
    assert said.certificate.title == "首付款到账提存公证书" and waits(bench) == []


def test_X_1_what_a_buyer_pays_beyond_the_down_payment_goes_back(bench: Bench) -> None:
    paid_in(bench, PRICE_FEN)
    assert paid(bench) == [(Purpose.EXCESS, BUYER_ACCOUNT, LOAN_FEN)]
    carry_out(bench, Purpose.EXCESS)
    assert [(r.kind, r.amount_fen) for r in bench.said(DepositRefunded)] == [(MoneyKind.DOWN_PAYMENT, LOAN_FEN)]


def test_X_1_money_that_comes_and_goes_before_all_have_signed_is_told_once_the_case_is_open() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    bench.own(loan.sale())
    paid_in(bench, DOWN_PAYMENT_FEN + 1)
    carry_out(bench, Purpose.EXCESS)
    assert bench.conversation() == []
    for signature in lc.signatures():
        bench.own(signature)
    assert sorted(bench.conversation()) == ["CaseOpened", "DepositConfirmed", "DepositRefunded"]


# --- LC-L4 ------------------------------------------------------------------------------------------------------------


def test_LC_L4_the_notice_is_applied_for_with_the_consent_and_the_down_payment(bench: Bench) -> None:
    agreed(bench)
    application = bench.said(TransferApplicationMade)[0]
    assert (application.stage, application.round, application.notice) == (Stage.NOTICE, 1, None)
    assert application.consent == lc.consent().opinion.number
    assert application.deposit_certificates == (bench.said(DepositConfirmed)[0].certificate.number,)


@pytest.mark.parametrize("missing", ["folio", "deposit", "loan", "consent"])
def test_LC_L4_nothing_is_applied_for_before_all_papers_are_there(bench: Bench, missing: str) -> None:
    ways = {
        "folio": lambda: bench.hear(lc.reserved(), REGISTRY),
        "deposit": lambda: certified(bench),
        "loan": lambda: bench.hear(loan.approved(), LENDER),
        "consent": lambda: bench.hear(lc.consent(), BANK),
    }
    for name, come in ways.items():
        if name != missing:
            come()
    assert bench.said(TransferApplicationMade) == []
    ways[missing]()
    assert len(bench.said(TransferApplicationMade)) == 1


def test_LC_L4_loans_of_bank_and_fund_fill_just_what_the_down_payment_leaves() -> None:
    bench = borrowing_from_both()
    bench.hear(lc.reserved(), REGISTRY)
    certified(bench)
    bench.hear(lc.consent(), BANK)
    bench.hear(loan.approved(LOAN_FEN - FUND_FEN), LENDER)
    assert bench.said(TransferApplicationMade) == [], "the bank alone is not enough"
    bench.hear(loan.approved(FUND_FEN, FUND_ACCOUNT, n=25), FUND)
    assert len(bench.said(TransferApplicationMade)) == 1 and alarms(bench) == []


def test_LC_L4_loans_that_are_too_much_are_an_incident_and_nothing_is_applied_for() -> None:
    bench = borrowing_from_both()
    bench.hear(lc.reserved(), REGISTRY)
    certified(bench)
    bench.hear(lc.consent(), BANK)
    bench.hear(loan.approved(FUND_FEN, FUND_ACCOUNT, n=25), FUND)
    bench.hear(loan.approved(LOAN_FEN), LENDER)
    assert bench.said(TransferApplicationMade) == []
    assert alarms(bench) == [f"loans of {LOAN_FEN + FUND_FEN} fen are approved, {LOAN_FEN} fen are needed"]
    bench.hear(loan.approved(LOAN_FEN - FUND_FEN, n=26), LENDER)
    assert len(bench.said(TransferApplicationMade)) == 1, "the newest yes counts"


def test_LC_L4_the_joint_application_given_back_is_mended_and_made_again_in_each_stage(bench: Bench) -> None:
    agreed(bench)
    first = applied(bench, Stage.NOTICE)
    mended = ApplicationMended(by_clerk="Li", application=first, mended="the page is there now")
    assert bench.refusal(bench.own(mended)).title == "not returned"
    bench.hear(loan.returned(first), REGISTRY)
    assert waits(bench) == ["mend-application"]
    bench.own(mended)
    assert bench.refusal(bench.own(mended)).title == "mended already"
    noticed(bench)
    paid_in(bench, LOAN_FEN, LENDER_ACCOUNT)
    second = applied(bench, Stage.REGISTRATION)
    bench.hear(loan.returned(second), REGISTRY)
    bench.own(ApplicationMended(by_clerk="Li", application=second, mended="and here too"))
    made = [(a.stage, a.round) for a in bench.said(TransferApplicationMade)]
    assert made == [(Stage.NOTICE, 1), (Stage.NOTICE, 2), (Stage.REGISTRATION, 1), (Stage.REGISTRATION, 2)]


def test_X_3_an_application_of_somebody_else_is_not_the_notarys_to_mend(bench: Bench) -> None:
    agreed(bench)
    theirs = loan.mortgage_application().application.number
    bench.hear(loan.returned(theirs), REGISTRY)
    assert waits(bench) == []
    mended = ApplicationMended(by_clerk="Li", application=theirs, mended="by us")
    assert bench.refusal(bench.own(mended)).title == "not returned"


def test_X_2_an_estimate_above_the_price_waits_for_the_sellers_top_up(bench: Bench) -> None:
    bench.hear(lc.reserved(), REGISTRY)
    certified(bench)
    bench.hear(loan.approved(), LENDER)
    bench.hear(lc.consent(PRICE_FEN + 300), BANK)
    assert bench.said(TransferApplicationMade) == [] and waits(bench) == ["top-up"]
    paid_in(bench, 300, SELLER_ACCOUNT)
    assert kinds(bench) == [MoneyKind.DOWN_PAYMENT, MoneyKind.TOP_UP]
    assert len(bench.said(TransferApplicationMade)[0].deposit_certificates) == 2


def test_LC_L4_notices_that_people_have_applied_for_themselves_need_no_application_of_the_notary(bench: Bench) -> None:
    certified(bench)
    bench.hear(loan.approved(), LENDER)
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(loan.noticed(), REGISTRY)
    bench.hear(lc.consent(), BANK)
    assert bench.said(TransferApplicationMade) == []


# --- LC-L5 ------------------------------------------------------------------------------------------------------------


def test_LC_L5_the_loan_is_certified_and_the_price_is_complete_with_it(bench: Bench) -> None:
    noticed(agreed(bench))
    assert waits(bench) == [] and kinds(bench) == [MoneyKind.DOWN_PAYMENT]
    paid_in(bench, LOAN_FEN - 1, LENDER_ACCOUNT)
    assert kinds(bench) == [MoneyKind.DOWN_PAYMENT], "a loan one fen short is none"
    paid_in(bench, 1, LENDER_ACCOUNT)
    said = bench.said(DepositConfirmed)[-1]
    assert (said.kind, said.lender, said.amount_fen) == (MoneyKind.LOAN, LENDER[1], LOAN_FEN)
    assert said.price_complete and said.certificate.title == "贷款资金到账提存公证书"


def test_LC_L5_the_registration_is_applied_for_with_the_notice_and_all_certificates(bench: Bench) -> None:
    lent(bench)
    application = bench.said(TransferApplicationMade)[-1]
    assert (application.stage, application.round) == (Stage.REGISTRATION, 1)
    assert application.notice == loan.TRANSFER_NOTICE.number
    assert application.deposit_certificates == tuple(c.certificate.number for c in bench.said(DepositConfirmed))
    assert len(application.deposit_certificates) == 2


def test_LC_L5_nothing_is_applied_for_twice_when_the_entry_is_there_already(bench: Bench) -> None:
    noticed(agreed(bench))
    bench.hear(loan.registered(), REGISTRY)
    paid_in(bench, LOAN_FEN, LENDER_ACCOUNT)
    assert [a.stage for a in bench.said(TransferApplicationMade)] == [Stage.NOTICE]


def test_X_1_what_a_lender_pays_beyond_its_loan_goes_back_to_the_lender(bench: Bench) -> None:
    noticed(agreed(bench))
    paid_in(bench, LOAN_FEN + 7, LENDER_ACCOUNT)
    assert paid(bench) == [(Purpose.EXCESS, LENDER_ACCOUNT, 7)]
    carry_out(bench, Purpose.EXCESS)
    assert [(r.kind, r.amount_fen) for r in bench.said(DepositRefunded)] == [(MoneyKind.LOAN, 7)]
    assert kinds(bench)[-1] is MoneyKind.LOAN


def test_X_1_a_lenders_money_before_its_yes_is_nobodys_until_the_yes_comes(bench: Bench) -> None:
    paid_in(bench, LOAN_FEN + 7, LENDER_ACCOUNT)
    assert set(waits(bench)) == {"pay-in", "return-money"} and len(alarms(bench)) == 1
    noticed(agreed(bench))
    assert waits(bench) == [] and paid(bench) == [(Purpose.EXCESS, LENDER_ACCOUNT, 7)]
    assert kinds(bench) == [MoneyKind.DOWN_PAYMENT, MoneyKind.LOAN]


def test_X_1_a_lenders_early_money_that_a_clerk_has_sent_back_does_not_count_as_its_loan(bench: Bench) -> None:
    paid_in(bench, LOAN_FEN, LENDER_ACCOUNT)
    bench.own(ReturnOrdered(by_clerk="Li", money=bench.file(MoneyReceived)[0].id))
    settle_all(bench)
    noticed(agreed(bench))
    assert kinds(bench) == [MoneyKind.DOWN_PAYMENT]
    paid_in(bench, LOAN_FEN, LENDER_ACCOUNT)
    assert kinds(bench) == [MoneyKind.DOWN_PAYMENT, MoneyKind.LOAN]


def test_X_1_the_money_of_a_lender_without_a_notice_pays_for_nothing() -> None:
    bench = borrowing_from_both()
    bench.hear(loan.approved(FUND_FEN, FUND_ACCOUNT, n=25), FUND)
    bench.hear(loan.rejected(), FUND)
    noticed(agreed(bench))
    paid_in(bench, FUND_FEN, FUND_ACCOUNT)
    assert kinds(bench) == [MoneyKind.DOWN_PAYMENT] and waits(bench)[-1] == "return-money"
    bench.own(ReturnOrdered(by_clerk="Li", money=bench.file(MoneyReceived)[-1].id))
    assert paid(bench) == [(Purpose.REFUND, FUND_ACCOUNT, FUND_FEN)]


def test_X_1_a_strangers_money_pays_for_nothing(bench: Bench) -> None:
    paid_in(bench, DOWN_PAYMENT_FEN, lc.STRANGER_ACCOUNT)
    assert kinds(bench) == [] and set(waits(bench)) == {"pay-in", "return-money"} and len(alarms(bench)) == 1


def test_X_1_a_lenders_money_that_failed_to_go_back_goes_to_no_other_account(bench: Bench) -> None:
    noticed(agreed(bench))
    paid_in(bench, LOAN_FEN + 7, LENDER_ACCOUNT)
    failed = bench.file(Pay)[0].id
    bench.own(PaymentRefused(payment=failed, why="closed"))
    elsewhere = PaymentOrderedAgain(by_clerk="Li", payment=failed, to_account=lc.STRANGER_ACCOUNT)
    assert bench.refusal(bench.own(elsewhere)).title == "another account"
    bench.own(PaymentOrderedAgain(by_clerk="Li", payment=failed, to_account=LENDER_ACCOUNT))
    assert paid(bench) == [(Purpose.EXCESS, LENDER_ACCOUNT, 7)] * 2


# --- LC-R3 ------------------------------------------------------------------------------------------------------------


def test_LC_R3_the_registration_is_applied_for_without_waiting_for_the_funds_money() -> None:
    bench = borrowing_from_both()
    noticed(agreed_by_both(bench), LENDER, FUND)
    paid_in(bench, LOAN_FEN - FUND_FEN, LENDER_ACCOUNT)
    application = bench.said(TransferApplicationMade)[-1]
    assert application.stage is Stage.REGISTRATION and len(application.deposit_certificates) == 2
    assert not any(c.price_complete for c in bench.said(DepositConfirmed))
    paid_in(bench, FUND_FEN, FUND_ACCOUNT)
    said = bench.said(DepositConfirmed)[-1]
    assert (said.lender, said.amount_fen, said.price_complete) == (FUND[1], FUND_FEN, True)
    assert len(bench.said(TransferApplicationMade)) == 2


def test_LC_R3_where_the_fund_lends_alone_the_notice_is_enough_to_apply() -> None:
    bench = borrowing(institutions={**lc.INSTITUTIONS, FUND[0]: FUND[1]})
    bench.hear(lc.reserved(), REGISTRY)
    certified(bench)
    bench.hear(loan.approved(LOAN_FEN, FUND_ACCOUNT), FUND)
    bench.hear(lc.consent(), BANK)
    noticed(bench, FUND)
    assert bench.said(TransferApplicationMade)[-1].stage is Stage.REGISTRATION
    paid_in(bench, LOAN_FEN, FUND_ACCOUNT)
    assert bench.said(DepositConfirmed)[-1].price_complete


def test_LC_R3_the_funds_money_may_be_there_before_the_banks() -> None:
    bench = borrowing_from_both()
    noticed(agreed_by_both(bench), LENDER, FUND)
    paid_in(bench, FUND_FEN, FUND_ACCOUNT)
    assert [a.stage for a in bench.said(TransferApplicationMade)] == [Stage.NOTICE], "the bank is waited for"
    paid_in(bench, LOAN_FEN - FUND_FEN, LENDER_ACCOUNT)
    told = [(c.lender, c.price_complete) for c in bench.said(DepositConfirmed)]
    assert told == [(None, False), (FUND[1], False), (LENDER[1], True)]
    assert bench.said(TransferApplicationMade)[-1].stage is Stage.REGISTRATION


# --- LC-L6, LC-L7 -----------------------------------------------------------------------------------------------------


def test_LC_L6_the_sellers_bank_is_paid_exactly_what_its_statement_says(bench: Bench) -> None:
    entered(bench)
    assert paid(bench) == []
    quote = lc.quoted()
    bench.hear(quote, BANK)
    payoff = carry_out(bench, Purpose.PAYOFF)
    assert (payoff.amount_fen, payoff.to_account, payoff.because) == (PAYOFF_FEN, lc.BANK_ACCOUNT, "LC-L6")
    assert bench.said(PayoffTransferred)[0].quote == quote.statement.number


def test_LC_L6_X_2_nobody_is_paid_before_the_entry(bench: Bench) -> None:
    lent(bench)
    bench.hear(lc.quoted(), BANK)
    assert paid(bench) == []
    bench.hear(loan.registered(), REGISTRY)
    assert [purpose for purpose, _, _ in paid(bench)] == [Purpose.PAYOFF]


def test_LC_L6_X_2_a_debt_that_outgrew_the_money_waits_for_a_late_top_up(bench: Bench) -> None:
    entered(bench).hear(lc.quoted(PRICE_FEN + 5), BANK)
    assert paid(bench) == [] and len(alarms(bench)) == 1
    paid_in(bench, 5, SELLER_ACCOUNT)
    assert carry_out(bench, Purpose.PAYOFF).amount_fen == PRICE_FEN + 5


def test_LC_L7_the_seller_is_paid_only_after_the_old_mortgage_is_released(bench: Bench) -> None:
    quote = lc.quoted()
    entered(bench).hear(quote, BANK)
    carry_out(bench, Purpose.PAYOFF)
    bench.hear(lc.booked(quote), BANK)
    assert len(paid(bench)) == 1, "the debt is settled, and its mortgage still stands"
    bench.hear(lc.released(), REGISTRY)
    balance = carry_out(bench, Purpose.BALANCE)
    assert (balance.amount_fen, balance.to_account) == (PRICE_FEN - PAYOFF_FEN, SELLER_ACCOUNT)
    assert balance.because == "LC-L7" and len(bench.said(BalancePaid)) == 1
    assert bench.conversation()[-1] == "CaseCompleted"


def test_LC_L7_the_statement_of_money_says_what_each_line_was_for(bench: Bench) -> None:
    quote = lc.quoted()
    entered(bench).hear(quote, BANK)
    carry_out(bench, Purpose.PAYOFF)
    bench.hear(lc.booked(quote), BANK)
    bench.hear(lc.released(), REGISTRY)
    carry_out(bench, Purpose.BALANCE)
    end = bench.said(CaseCompleted)[0].money
    assert end is not None and (end.in_fen, end.out_fen, end.held_fen) == (PRICE_FEN, PRICE_FEN, 0)
    assert [(p.direction, p.purpose, p.amount_fen) for p in end.payments] == [
        ("in", "down payment", DOWN_PAYMENT_FEN),
        ("in", "loan", LOAN_FEN),
        ("out", "payoff", PAYOFF_FEN),
        ("out", "balance", PRICE_FEN - PAYOFF_FEN),
    ]
    assert alarms(bench) == [] and waits(bench) == []


def test_LC_L7_the_case_is_not_complete_before_the_balance_has_settled(bench: Bench) -> None:
    quote = lc.quoted()
    entered(bench).hear(quote, BANK)
    carry_out(bench, Purpose.PAYOFF)
    bench.hear(lc.booked(quote), BANK)
    bench.hear(lc.released(), REGISTRY)
    bench.own(PaymentAccepted(payment=bench.file(Pay)[-1].id, rail_transfer="R"))
    assert bench.said(CaseCompleted) == []
    settle_all(bench)
    assert len(bench.said(CaseCompleted)) == 1


# --- X-5 --------------------------------------------------------------------------------------------------------------


def test_X_5_each_paper_of_the_notary_has_a_number_and_a_code_to_check_it_by() -> None:
    bench = borrowing_from_both()
    noticed(agreed_by_both(bench), LENDER, FUND)
    paid_in(bench, LOAN_FEN - FUND_FEN, LENDER_ACCOUNT)
    paid_in(bench, FUND_FEN, FUND_ACCOUNT)
    papers = bench.issued()
    assert [(paper.title, paper.number) for paper in papers] == [
        ("提存协议", "(2026)测试提协字第0000001号"),
        ("授权委托书", "(2026)测试委字第0000001号"),
        ("首付款到账提存公证书", "(2026)测试证提字第0000001号"),
        ("不动产登记申请书", "(2026)测试登申字第0000001号"),
        ("贷款资金到账提存公证书", "(2026)测试证提字第0000002号"),
        ("不动产登记申请书", "(2026)测试登申字第0000002号"),
        ("贷款资金到账提存公证书", "(2026)测试证提字第0000003号"),
    ]
    assert [paper.code for paper in papers] == [bench.house.code(paper.number) for paper in papers]
    assert len({paper.code for paper in papers}) == 7


# --- periods ----------------------------------------------------------------------------------------------------------


def paying_in() -> Bench:
    """A case whose city wants the down payment within five working days, and the price of other sales too."""
    names = ("down-payment", "price")
    rest = {"whose": Role.ESCROW, "days": 5, "count": Days.WORKING, "clause": "city", "source": Source.PRACTICE}
    return signed(loan.sale(periods=tuple(Period.model_validate({"name": name, **rest}) for name in names)))


def test_periods_a_down_payment_that_is_not_there_in_time_is_said_to_be_late() -> None:
    bench = paying_in()
    started = bench.file(PeriodStarted)
    assert [s.fact.period.name for s in started] == ["down-payment"]
    bench.own(PeriodPassed(started=started[0].id, name="down-payment", due=date(2026, 11, 30)))
    assert [m.period.name for m in bench.said(DeadlineMissed)] == ["down-payment"]
    assert waits(bench) == ["pay-in"], "a practice period warns and ends nothing"


def test_periods_the_clock_stops_when_the_down_payment_is_held() -> None:
    bench = paying_in()
    certified(bench)
    assert bench.rows("period") == []
