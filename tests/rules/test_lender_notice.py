"""A lender's parts of the joint applications, and the loan that it pays on the notice (LC-L4, LC-L5, LC-L6, LC-R3)."""

from datetime import date
from typing import Any

import pytest

from contracts.events.escrow import MoneyKind
from contracts.events.lender import LoanApproved, LoanDisbursed, MortgageApplicationMade
from contracts.events.registry import Stage
from contracts.values import UnitNumber
from services.lending.facts import ApplicationMended
from services.runtime.core.facts import Pay, PaymentOrderedAgain
from tests.rules import lender_cases as own
from tests.rules.lender_cases import actions, applied_for, approved, loans, named, noticed, paid, parts
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import Bench

NOTICE, REGISTRATION = Stage.NOTICE.value, Stage.REGISTRATION.value
LEADING = ln.transfer_application().application.number
SECOND = ln.transfer_application(n=26).application.number
ENTRY = ln.transfer_application(Stage.REGISTRATION, n=24).application.number
BOTH = (ln.LENDER, ln.FUND)
BY_CLAUSE = {ln.LENDER: "LC-L5", ln.FUND: "LC-R3"}


def mended(application: Any = LEADING) -> ApplicationMended:
    return ApplicationMended(by_clerk="Qian", application=application, mended="the page is there")


def again(payment: str, to_account: str | None = None) -> PaymentOrderedAgain:
    return PaymentOrderedAgain(by_clerk="Qian", payment=payment, to_account=to_account)


# --- the advance notice -----------------------------------------------------------------------------------------------


def test_LC_L4_X_5_the_lender_applies_for_its_notice_with_both_contracts_and_the_consent() -> None:
    bench = applied_for()
    (made,) = bench.said(MortgageApplicationMade)
    word = own.approval(bench)
    assert (made.application.title, made.application.number) == ("不动产登记申请书", "(2026)测试登申字第0000001号")
    assert (made.stage, made.round, made.notice) == (Stage.NOTICE, 1, None)
    assert (made.loan_contract, made.mortgage_contract) == (word.loan_contract.number, word.mortgage_contract.number)
    assert (made.consent, made.contract_number) == (lc.consent().opinion.number, ln.opened().contract_number)
    assert (made.amount_fen, made.debtors) == (ln.LOAN_FEN, (lc.BUYER,))


def test_LC_L4_no_part_is_made_without_the_folio_the_consent_or_the_yes() -> None:
    bench = own.lender()
    bench.hear(own.opened(), lc.NOTARY)
    bench.hear(ln.certified(), lc.NOTARY)
    bench.hear(lc.consent(), lc.BANK)
    bench.own(own.applied())
    bench.own(own.yes())
    bench.own(own.signed())
    assert parts(bench) == []
    bench.hear(lc.reserved(), lc.REGISTRY)
    assert parts(bench) == [(NOTICE, 1)]
    assert parts(approved()) == []
    another = named()
    another.hear(lc.consent(), lc.BANK)
    another.hear(ln.approved(), ln.FUND)
    assert parts(another) == []


def test_LC_L4_X_3_what_the_registry_gives_back_is_mended_and_made_again() -> None:
    bench = applied_for()
    bench.hear(ln.returned(LEADING), lc.REGISTRY)
    assert own.what(bench, "mend-application") == "a page is missing"
    assert [row.data["about"] for row in bench.rows("wait")] == [LEADING]
    assert parts(bench) == [(NOTICE, 1)]
    bench.own(mended())
    assert parts(bench) == [(NOTICE, 1), (NOTICE, 2)]
    assert actions(bench) == []
    bench.hear(ln.returned(SECOND), lc.REGISTRY)
    bench.own(mended(SECOND))
    assert parts(bench)[2:] == [(NOTICE, 3)]
    assert len({made.application.number for made in bench.said(MortgageApplicationMade)}) == 3


def test_X_3_only_what_was_given_back_is_mended_and_once() -> None:
    bench = applied_for()
    assert bench.refusal(bench.own(mended())).title == "not given back"
    bench.hear(ln.returned(LEADING), lc.REGISTRY)
    assert bench.refusal(bench.own(mended(SECOND))).title == "not given back"
    bench.own(mended())
    assert bench.refusal(bench.own(mended())).clause == "X-3"


def test_X_3_a_lender_without_a_part_of_its_own_mends_nothing() -> None:
    bench = named(institutions=ln.WITH_BOTH)
    bench.hear(ln.returned(LEADING), lc.REGISTRY)
    assert actions(bench) == ["apply-for-loan"]
    assert bench.refusal(bench.own(mended())).title == "not given back"


def test_LC_L4_after_a_no_and_a_second_yes_the_part_is_made_anew_by_its_contracts() -> None:
    bench = applied_for()
    bench.hear(ln.returned(LEADING), lc.REGISTRY)
    bench.own(own.withdrawn())
    assert actions(bench) == []
    bench.own(own.applied())
    bench.own(own.yes())
    bench.own(own.signed())
    first, second = bench.said(MortgageApplicationMade)
    assert second.loan_contract == bench.said(LoanApproved)[1].loan_contract.number != first.loan_contract
    assert parts(bench) == [(NOTICE, 1), (NOTICE, 2)]
    assert actions(bench) == []


# --- the loan ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", BOTH)
def test_LC_L5_LC_R3_X_2_the_loan_is_paid_once_on_the_certificate_of_our_own_notice(by: own.By) -> None:
    bench = applied_for(by=by)
    assert loans(bench) == []
    bench.hear(ln.noticed(by), lc.REGISTRY)
    assert [(pay.from_account, pay.to_account, pay.amount_fen, pay.about, pay.because) for pay in loans(bench)] == [
        (own.ACCOUNTS[by], lc.ESCROW_ACCOUNT, ln.LOAN_FEN, ln.NOTICES[by].number, BY_CLAUSE[by])
    ]
    bench.hear(ln.noticed(by), lc.REGISTRY)
    assert len(loans(bench)) == 1
    assert own.alarms(bench) == []


def test_LC_R3_beside_a_bank_the_centre_pays_its_own_part() -> None:
    bench = applied_for(by=ln.FUND, amount_fen=ln.FUND_FEN, institutions=ln.WITH_BOTH)
    bench.hear(ln.approved(ln.LOAN_FEN - ln.FUND_FEN), ln.LENDER)
    bench.hear(ln.noticed(ln.LENDER, ln.FUND), lc.REGISTRY)
    assert [(pay.amount_fen, pay.about) for pay in loans(bench)] == [(ln.FUND_FEN, ln.NOTICES[ln.FUND].number)]


@pytest.mark.parametrize("by", BOTH)
def test_LC_L5_LC_R3_the_loan_is_said_to_be_on_its_way_once_the_rail_has_taken_it(by: own.By) -> None:
    bench = noticed(by=by)
    assert bench.said(LoanDisbursed) == []
    own.accepted(bench)
    expected = ln.disbursed(by=by).model_copy(update={"rail_transfer": "L-1"})
    assert bench.said(LoanDisbursed) == [expected]


@pytest.mark.parametrize(
    ("days", "orders"), [(90, 1), (91, 0)], ids=["on the last day of the notice", "on the day after"]
)
def test_LC_L5_X_2_the_loan_is_paid_through_the_last_day_on_which_the_notice_is_valid(days: int, orders: int) -> None:
    bench = applied_for()
    bench.later(days=days)
    assert (bench.now.date() == ln.VALID_UNTIL) == bool(orders)
    bench.hear(ln.noticed(), lc.REGISTRY)
    assert len(loans(bench)) == orders
    why = f"it was valid until {ln.VALID_UNTIL}, and came later"
    assert [alarm.why for alarm in own.alarms(bench)] == [why][orders:]


def test_X_2_a_notice_that_is_older_than_our_part_in_the_case_is_not_paid_on() -> None:
    bench = own.asked()
    bench.hear(ln.noticed(), lc.REGISTRY)
    own.let_in(bench)
    assert loans(bench) == []
    assert bench.refusal(bench.own(own.yes())).title == "too late"


def late(bench: Bench) -> None:
    bench.hear(ln.noticed(valid_until=date(2026, 11, 22)), lc.REGISTRY)


def without_us(bench: Bench) -> None:
    bench.hear(ln.noticed(ln.FUND), lc.REGISTRY)


def twice(bench: Bench) -> None:
    bench.hear(ln.noticed(ln.LENDER, ln.LENDER), lc.REGISTRY)


def of_another_home(bench: Bench) -> None:
    unit = UnitNumber("371502001001GB00001F00010002")
    bench.hear(ln.noticed().model_copy(update={"unit_number": unit}), lc.REGISTRY)


@pytest.mark.parametrize(
    ("registered", "why"),
    [(late, "was valid until"), (without_us, "not name us"), (twice, "more than once"), (of_another_home, "home")],
)
def test_X_2_nothing_is_paid_on_a_notice_that_is_late_not_ours_or_another_and_a_person_sees_why(
    registered: Any, why: str
) -> None:
    bench = applied_for()
    registered(bench)
    assert loans(bench) == []
    (alarm,) = own.alarms(bench)
    assert why in alarm.why


def test_X_2_nothing_is_paid_on_a_notice_that_we_have_not_applied_for() -> None:
    for bench, why in ((approved(), "have not applied"), (own.granted(), "approved no loan")):
        bench.hear(ln.noticed(), lc.REGISTRY)
        assert loans(bench) == []
        (alarm,) = own.alarms(bench)
        assert why in alarm.why


def test_X_2_nothing_is_paid_on_a_notice_after_our_no() -> None:
    bench = applied_for()
    bench.own(own.withdrawn())
    bench.hear(ln.noticed(), lc.REGISTRY)
    assert loans(bench) == []
    assert own.alarms(bench) == []


def test_X_2_nothing_is_paid_on_a_notice_in_a_case_that_was_closed() -> None:
    bench = applied_for()
    bench.hear(ln.closed(), lc.REGISTRY)
    bench.hear(ln.noticed(), lc.REGISTRY)
    assert loans(bench) == []


# --- the registration -------------------------------------------------------------------------------------------------


def test_LC_L5_a_bank_applies_for_its_mortgage_once_its_own_money_is_certified() -> None:
    bench = paid(institutions=ln.WITH_BOTH)
    bench.hear(own.certified(ln.FUND), lc.NOTARY)
    assert parts(bench) == [(NOTICE, 1)]
    bench.hear(own.certified(), lc.NOTARY)
    assert parts(bench) == [(NOTICE, 1), (REGISTRATION, 1)]
    assert bench.said(MortgageApplicationMade)[-1].notice == ln.NOTICES[ln.LENDER].number


def test_LC_L5_LC_R3_the_centre_applies_for_its_mortgage_without_waiting_for_the_money() -> None:
    bench = noticed(by=ln.FUND)
    assert parts(bench) == [(NOTICE, 1), (REGISTRATION, 1)]
    assert bench.said(MortgageApplicationMade)[-1].notice == ln.NOTICES[ln.FUND].number


def test_LC_L5_X_3_the_second_application_is_given_back_and_made_again_too() -> None:
    bench = paid()
    bench.hear(own.certified(), lc.NOTARY)
    bench.hear(ln.returned(ENTRY), lc.REGISTRY)
    assert actions(bench) == ["mend-application"]
    bench.own(mended(ENTRY))
    assert parts(bench) == [(NOTICE, 1), (REGISTRATION, 1), (REGISTRATION, 2)]


def test_LC_L5_rounds_are_counted_in_each_stage() -> None:
    bench = applied_for()
    bench.hear(ln.returned(LEADING), lc.REGISTRY)
    bench.own(mended())
    bench.hear(ln.noticed(), lc.REGISTRY)
    own.accepted(bench)
    bench.hear(own.certified(), lc.NOTARY)
    assert parts(bench) == [(NOTICE, 1), (NOTICE, 2), (REGISTRATION, 1)]


@pytest.mark.parametrize("word", [ln.registered(), ln.refused(ENTRY), ln.notice_lapsed()])
def test_X_3_no_part_is_made_after_the_entry_a_refusal_for_good_or_the_lapse(word: Any) -> None:
    bench = paid()
    bench.hear(word, lc.REGISTRY)
    bench.hear(own.certified(), lc.NOTARY)
    assert parts(bench) == [(NOTICE, 1)]


def test_LC_L6_an_entry_with_our_mortgage_is_as_it_should_be_and_one_without_is_seen() -> None:
    bench = paid()
    bench.hear(ln.registered(), lc.REGISTRY)
    assert own.alarms(bench) == []
    bench = paid()
    bench.hear(ln.registered(ln.FUND), lc.REGISTRY)
    (alarm,) = own.alarms(bench)
    assert (alarm.clause, "our mortgage is not" in alarm.what) == ("LC-L6", True)


def test_LC_L6_an_entry_does_not_concern_a_lender_that_has_not_approved() -> None:
    bench = named(by=ln.FUND, institutions=ln.WITH_BOTH)
    bench.own(own.no())
    bench.hear(ln.noticed(), lc.REGISTRY)
    bench.hear(ln.registered(), lc.REGISTRY)
    assert own.alarms(bench) == []
    assert loans(bench) == []
    assert parts(bench) == []


# --- the rail says no -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", BOTH)
@pytest.mark.parametrize("failed", [own.refused_by_the_rail, own.returned_by_the_rail])
def test_LC_L5_LC_R3_X_1_a_loan_that_the_rail_did_not_pay_is_ordered_again(failed: Any, by: own.By) -> None:
    bench = noticed(by=by)
    own.accepted(bench)
    failed(bench)
    (wait,) = bench.rows("wait")
    assert (wait.data["action"], wait.data["clause"]) == ("order-payment-again", BY_CLAUSE[by])
    assert [alarm.clause for alarm in own.alarms(bench)] == [BY_CLAUSE[by]]
    bench.own(again(own.newest(bench)))
    first, second = loans(bench)
    assert first == second
    assert actions(bench) == []
    own.accepted(bench, "L-2")
    assert [word.rail_transfer for word in bench.said(LoanDisbursed)] == ["L-1", "L-2"]


def test_X_1_a_payment_that_has_not_failed_is_not_ordered_again() -> None:
    bench = noticed()
    payment = own.newest(bench)
    assert bench.refusal(bench.own(again(payment))).title == "not failed"
    own.refused_by_the_rail(bench)
    bench.own(again(payment))
    assert bench.refusal(bench.own(again(payment))).clause == "X-1"
    assert len(loans(bench)) == 2


def test_LC_L5_X_2_a_failed_loan_is_not_paid_elsewhere_or_after_its_notice() -> None:
    bench = noticed()
    own.refused_by_the_rail(bench)
    order = again(own.newest(bench), lc.STRANGER_ACCOUNT)
    assert bench.refusal(bench.own(order)).title == "another account"
    bench.later(days=91)
    assert bench.refusal(bench.own(again(own.newest(bench)))).clause == "LC-L5, X-2"
    assert len(loans(bench)) == 1


def test_LC_R3_X_2_once_its_mortgage_is_entered_the_centre_still_owes_its_loan() -> None:
    bench = noticed(by=ln.FUND)
    own.refused_by_the_rail(bench)
    bench.hear(ln.registered(ln.FUND), lc.REGISTRY)
    bench.later(days=91)
    bench.own(again(own.newest(bench)))
    assert len(loans(bench)) == 2


def test_X_2_a_failed_loan_is_not_paid_after_our_no_or_the_lapse() -> None:
    bench = noticed()
    own.refused_by_the_rail(bench)
    bench.hear(ln.notice_lapsed(), lc.REGISTRY)
    assert actions(bench) == []
    bench.own(own.withdrawn())
    assert bench.refusal(bench.own(again(own.newest(bench)))).title == "no loan"
    assert len(bench.said(Pay)) == 1


def test_LC_L5_what_the_escrow_certifies_beside_our_loan_is_not_our_money() -> None:
    bench = paid()
    bench.hear(ln.certified(MoneyKind.TOP_UP, n=27), lc.NOTARY)
    bench.hear(ln.certified(MoneyKind.LOAN, "liaocheng-abc", n=28), lc.NOTARY)
    assert parts(bench) == [(NOTICE, 1)]
