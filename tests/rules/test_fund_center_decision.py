"""LC-R2, LC-L3, LC-R3: the fund centre examines, decides and pays; and its ways out. What it shares with any lender is
shown in test_lender_*; here is what it does beside that, and the way as a whole."""

from collections.abc import Callable
from typing import Any

import pytest

from contracts.event import Event
from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.escrow import MoneyKind
from contracts.events.lender import (
    LendingEnded,
    LoanApproved,
    LoanDisbursed,
    LoanRejected,
    LoanReturned,
    MortgageApplicationMade,
)
from contracts.events.registry import FolioRefused, Reason, RefusalReason, RegisteredMortgage
from contracts.values import Fen
from services.fund_center.facts import BorrowerExamined
from services.fund_center.policy import Home
from services.fund_center.views import Examination
from services.lending.facts import LoanWithdrawn
from services.runtime.core.facts import Pay, Purpose
from services.runtime.core.rule import view
from tests.rules import lender_cases as any_lender
from tests.rules.fund_center_cases import (
    BANKS_FEN,
    CASE,
    FOR_THE_OLD,
    POLICY,
    applied,
    approved,
    contributor,
    examined,
    looked_at,
    named,
    noticed,
    paid,
    yes,
)
from tests.rules.lender_cases import accepted, actions, alarms, settled, what
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import Bench

NO = any_lender.no()


def examination(bench: Bench) -> Examination:
    """What the examination has come to."""
    subject = bench.subject()
    found = view(Examination, subject, subject.file(CASE))
    assert found is not None
    return found


def money_back(amount_fen: Fen = ln.FUND_FEN) -> Any:
    """The escrow sends the loan back."""
    return lc.money(amount_fen, lc.ESCROW_ACCOUNT, 9, ln.FUND_ACCOUNT).model_copy(update={"reference": CASE})


def registered() -> Event:
    """The transfer, the bank's mortgage and the centre's are entered."""
    new = tuple(
        RegisteredMortgage(role=role, lender=name, rank=rank, certificate=ln.NEW_MORTGAGES[role, name])
        for rank, (role, name) in enumerate((ln.LENDER, ln.FUND), start=2)
    )
    return lc.registered().model_copy(update={"new_mortgages": new})


# --- the examination --------------------------------------------------------------------------------------------------


def test_LC_R2_who_has_applied_is_examined_before_the_decision() -> None:
    bench = named()
    assert actions(bench) == ["apply-for-loan"]
    bench = applied()
    assert actions(bench) == ["examine-borrower"]
    assert what(bench, "examine-borrower") == "30000000 fen over 240 months, applicants: 1"
    bench.own(examined())
    assert actions(bench) == ["decide-loan"]
    bench.own(yes())
    assert actions(bench) == ["sign-contracts"]


def test_LC_L3_the_decision_waits_once_quota_and_ability_are_known() -> None:
    waiting = looked_at().rows("wait")
    assert [(row.data["action"], row.data["clause"]) for row in waiting] == [("decide-loan", "LC-L3")]


def test_LC_R2_the_examination_takes_price_and_term_from_the_file() -> None:
    found = examination(looked_at(months=120))
    assert (found.quota.price_fen, found.quota.down_payment_fen) == (lc.PRICE_FEN, ln.DOWN_PAYMENT_FEN)
    assert (found.quota.contributors, found.quota.balances_fen) == (1, 4_000_000)
    assert (found.quota.quota_fen, found.ability.months) == (50_000_000, 120)
    assert found.most_fen == 50_000_000 < found.ability.ability_fen
    assert (found.term.on, found.term.born) == (lc.NOON.date(), lc.BUYER.id_number.born)  # type: ignore[union-attr]
    assert (found.term.building_completed, found.unmet) == (2012, ())


def test_LC_R2_nobody_but_the_centre_hears_of_the_examination() -> None:
    assert looked_at().conversation() == []


def test_LC_R2_an_application_made_anew_is_examined_anew() -> None:
    bench = looked_at()
    bench.own(any_lender.applied(bench, amount_fen=ln.FUND_FEN, months=120))
    assert actions(bench) == ["examine-borrower"]
    assert bench.refusal(bench.own(yes())).title == "not examined"
    bench.own(examined())
    bench.own(yes())
    assert actions(bench) == ["sign-contracts"]


def test_LC_R2_the_newest_examination_counts() -> None:
    bench = looked_at(examined(owes_fund_loan=True))
    bench.own(examined())
    bench.own(yes())
    assert actions(bench) == ["sign-contracts"]


@pytest.mark.parametrize("step", [named, approved])
def test_LC_R2_nothing_is_examined_without_an_application_that_waits(step: Callable[[], Bench]) -> None:
    bench = step()
    refused = bench.refusal(bench.own(examined()))
    assert (refused.title, refused.clause) == ("nothing to examine", "LC-R2")


@pytest.mark.parametrize(
    ("contributors", "title"),
    [
        ((contributor(), contributor(person=lc.STRANGER)), "no applicant"),
        ((contributor(), contributor(balance_fen=1)), "named twice"),
    ],
)
def test_LC_R2_whose_balance_counts_has_applied_and_counts_once(contributors: Any, title: str) -> None:
    bench = applied()
    refused = bench.refusal(bench.own(examined(contributors=contributors)))
    assert (refused.title, refused.status, refused.clause) == (title, 422, "LC-R2")
    assert bench.file(BorrowerExamined) == ()


def test_LC_R2_two_who_contribute_are_lent_more() -> None:
    both = (contributor(), contributor(person=lc.STRANGER))
    bench = looked_at(examined(contributors=both), applicants=(lc.BUYER, lc.STRANGER))
    assert examination(bench).quota.city_limit_fen == POLICY.first_home.most_for_two_fen


# --- the decision -----------------------------------------------------------------------------------------------------


def test_LC_R2_nothing_is_approved_without_an_examination() -> None:
    bench = applied()
    refused = bench.refusal(bench.own(yes()))
    assert (refused.title, refused.clause) == ("not examined", "LC-R2")
    assert actions(bench) == ["examine-borrower"]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"contributors": (contributor(months=5),)}, "paid in 5 months without a gap, 6 are needed"),
        ({"owes_fund_loan": True}, "an open provident-fund loan is owed"),
    ],
)
def test_LC_R2_nobody_gets_a_loan_without_the_conditions(found: dict[str, Any], why: str) -> None:
    bench = looked_at(examined(**found))
    refused = bench.refusal(bench.own(yes()))
    assert (refused.title, refused.clause) == ("conditions not met", "LC-R2")
    assert why in refused.detail
    assert examination(bench).unmet


def test_LC_R2_months_enough_are_enough() -> None:
    bench = looked_at(examined(contributors=(contributor(months=6),)))
    bench.own(yes())
    assert actions(bench) == ["sign-contracts"]


def test_LC_R2_no_more_than_the_quota_is_approved() -> None:
    found = examined(contributors=(contributor(balance_fen=1_999_999),))
    bench = looked_at(found)
    refused = bench.refusal(bench.own(yes()))
    assert (refused.title, refused.clause) == ("more than quota and ability", "LC-R2")
    assert refused.detail.startswith("30000000 fen are decided; quota is 29900000 fen, ability ")
    exact = looked_at(examined(contributors=(contributor(balance_fen=2_000_000),)))
    exact.own(yes())
    assert actions(exact) == ["sign-contracts"]


def test_LC_R2_no_more_than_the_ability_is_approved() -> None:
    bench = looked_at(examined(monthly_income_fen=500_000, monthly_debts_fen=150_000))
    most = examination(bench).ability.ability_fen
    assert most < ln.FUND_FEN < examination(bench).quota.quota_fen
    refused = bench.refusal(bench.own(yes(most + 1)))
    assert refused.title == "more than quota and ability"
    assert f"ability {most} fen" in refused.detail
    bench.own(yes(most))
    assert actions(bench) == ["sign-contracts"]


@pytest.mark.parametrize(
    ("found", "limit"),
    [
        ({"building_completed": 1990}, "168 by the building"),
        ({"policy": FOR_THE_OLD.model_copy(update={"oldest_years": 90})}, "159 by age"),
        ({"policy": FOR_THE_OLD.model_copy(update={"most_months": 180})}, "180 by the city"),
    ],
)
def test_LC_R2_no_longer_than_the_term_is_approved(found: dict[str, Any], limit: str) -> None:
    bench = looked_at(examined(**found))
    refused = bench.refusal(bench.own(yes()))
    assert (refused.title, refused.clause) == ("too long", "LC-R2")
    assert "240 months" in refused.detail and limit in refused.detail
    shorter = looked_at(examined(**found), months=120)
    shorter.own(yes())
    assert actions(shorter) == ["sign-contracts"]


def test_LC_R2_a_second_home_by_its_own_figures() -> None:
    bench = looked_at(examined(home=Home.SECOND))
    assert examination(bench).quota.city_limit_fen == POLICY.second_home.most_for_one_fen
    assert examination(bench).ability.annual_rate_ppm == POLICY.second_home.annual_rate_above_5_years_ppm


def test_LC_R2_nothing_is_approved_out_of_a_full_pool() -> None:
    bench = looked_at()
    refused = bench.refusal(bench.own(yes(ratio_ppm=900_001)))
    assert (refused.title, refused.clause) == ("pool is lent out", "LC-R2")
    assert "900001 ppm" in refused.detail and "900000 ppm" in refused.detail
    bench.own(yes(ratio_ppm=900_000))
    assert actions(bench) == ["sign-contracts"]


def test_LC_R2_nothing_is_approved_out_of_a_pool_that_nobody_has_stated() -> None:
    bench = looked_at()
    refused = bench.refusal(bench.own(yes(ratio_ppm=None)))
    assert (refused.title, refused.clause) == ("pool not stated", "LC-R2")


@pytest.mark.parametrize("step", [named, applied, looked_at])
def test_LC_L3_a_no_needs_neither_examination_nor_pool(step: Callable[[], Bench]) -> None:
    bench = step()
    bench.own(NO)
    assert bench.conversation() == ["LoanRejected"]
    assert actions(bench) == []


# --- the whole way ----------------------------------------------------------------------------------------------------


def test_LC_R3_the_centre_pays_on_the_two_notices_and_its_part_needs_no_certificate_of_its_money() -> None:
    bench = noticed()
    (order,) = bench.said(Pay)
    assert (order.purpose, order.amount_fen, order.because) == (Purpose.LOAN, ln.FUND_FEN, "LC-R3")
    assert (order.from_account, order.to_account) == (ln.FUND_ACCOUNT, lc.ESCROW_ACCOUNT)
    assert order.about == ln.NOTICES[ln.FUND].number
    # Money and transfer are handled at the same time: its part is there before its money.
    made = bench.said(MortgageApplicationMade)
    assert [(m.stage.value, m.amount_fen) for m in made] == [
        ("advance notice", ln.FUND_FEN),
        ("registration", ln.FUND_FEN),
    ]
    assert made[-1].notice == ln.NOTICES[ln.FUND].number


def test_LC_R3_the_whole_way_beside_a_bank() -> None:
    bench = named()
    bench.hear(ln.approved(BANKS_FEN), ln.LENDER)
    bench.own(any_lender.applied(bench, amount_fen=ln.FUND_FEN))
    bench.own(examined())
    bench.own(yes())
    bench.own(any_lender.signed())
    assert bench.said(LoanApproved)[-1].amount_fen == ln.FUND_FEN
    bench.hear(lc.consent(), lc.BANK)
    bench.hear(ln.noticed(ln.LENDER, ln.FUND), lc.REGISTRY)
    accepted(bench)
    settled(bench)
    bench.hear(ln.certified(MoneyKind.LOAN, ln.LENDER[1], n=25), lc.NOTARY)
    bench.hear(ln.certified(MoneyKind.LOAN, ln.FUND[1], price_complete=True, n=26), lc.NOTARY)
    bench.hear(registered(), lc.REGISTRY)
    quote = lc.quoted()
    bench.hear(quote, lc.BANK)
    bench.hear(lc.booked(quote), lc.BANK)
    bench.hear(lc.released(), lc.REGISTRY)
    bench.hear(CaseCompleted(ownership_certificate=lc.document("不动产权证书", 4)), lc.NOTARY)
    assert bench.conversation() == [
        "LoanApproved",
        "MortgageApplicationMade",
        "MortgageApplicationMade",
        "LoanDisbursed",
    ]
    assert (actions(bench), alarms(bench)) == ([], [])


def test_LC_L2_a_centre_that_nobody_named_joins_examines_and_approves() -> None:
    bench = Bench(*ln.FUND, named().house.rulebook, case=CASE)
    bench.own(any_lender.applied(bench, amount_fen=ln.FUND_FEN))
    assert bench.conversation() == ["JoinRequested"]
    assert actions(bench) == []
    assert bench.refusal(bench.own(examined())).title == "nothing to examine"
    any_lender.let_in(bench)
    assert actions(bench) == ["examine-borrower"]
    bench.own(examined())
    bench.own(yes())
    bench.own(any_lender.signed())
    assert bench.conversation() == ["JoinRequested", "LoanApproved"]


def test_LC_R3_what_was_sent_is_said_to_escrow_and_registry() -> None:
    bench = noticed()
    accepted(bench)
    (said,) = bench.said(LoanDisbursed)
    assert (said.notice, said.amount_fen, said.to_account) == (
        ln.NOTICES[ln.FUND].number,
        ln.FUND_FEN,
        lc.ESCROW_ACCOUNT,
    )


# --- ways out ---------------------------------------------------------------------------------------------------------


def test_X_3_a_yes_taken_back_is_a_no() -> None:
    bench = approved()
    bench.own(LoanWithdrawn(by_clerk="Qian", because="the income is lost", clause="LC-R2"))
    assert bench.said(LoanRejected) == [LoanRejected(because="the income is lost", clause="LC-R2")]
    bench.hear(lc.consent(), lc.BANK)
    bench.hear(ln.noticed(ln.LENDER, ln.FUND), lc.REGISTRY)
    assert bench.said(Pay) == []


def test_X_1_X_3_what_the_centre_had_sent_comes_back_and_is_said() -> None:
    bench = paid()
    bench.hear(ln.closed(), lc.REGISTRY)
    assert bench.said(LendingEnded) == [LendingEnded(sent_fen=ln.FUND_FEN)]
    assert bench.said(LoanReturned) == []
    bench.own(money_back())
    assert bench.said(LoanReturned) == [LoanReturned(amount_fen=ln.FUND_FEN)]
    bench.hear(CaseCancelled(because="called off", clause="X-3"), lc.NOTARY)
    assert (actions(bench), alarms(bench)) == ([], [])


@pytest.mark.parametrize("step", [named, applied, looked_at, approved])
def test_X_3_a_case_called_off_before_the_notice_costs_the_centre_nothing(step: Callable[[], Bench]) -> None:
    bench = step()
    bench.hear(ln.closed(), lc.REGISTRY)
    assert bench.said(LendingEnded) == [LendingEnded(sent_fen=0)]
    assert actions(bench) == []
    refused = bench.refusal(bench.own(examined()))
    assert (refused.title, refused.clause) == ("too late", "X-3")
    bench.hear(CaseCancelled(because="called off", clause="X-3"), lc.NOTARY)
    assert (bench.said(Pay), alarms(bench)) == ([], [])


def test_X_3_a_folio_refused_ends_the_examination() -> None:
    bench = applied()
    reason = Reason(reason=RefusalReason.FREEZE, detail="冻结", clause="X-4")
    bench.hear(FolioRefused(reasons=(reason,)), lc.REGISTRY)
    assert actions(bench) == []
    assert bench.refusal(bench.own(examined())).title == "too late"
