"""LC-L4, LC-L6: the seller's bank where the buyer borrows. It is asked once a loan is approved; the rest is as in the
sale paid in full, under the articles of this mode."""

from datetime import date

import pytest

from contracts.event import Event, Role
from contracts.events.case import DeadlineMissed, Lateness
from contracts.events.escrow import MoneyKind
from contracts.events.lender import LoanApproved, LoanRejected
from contracts.events.registry import AdvanceNoticeRegistered, FolioRefused, RegistrationClosed
from contracts.events.seller_bank import ConsentIssued, ConsentRefused, PayoffCompleted, PayoffQuoted, ReleaseApplied
from services.runtime.core.facts import PeriodEnded, PeriodStarted
from services.seller_bank.facts import ConsentDecided, PayoffAsked
from services.seller_bank.views import BOOKING, CONSENT, RELEASE
from tests.rules.seller_bank_cases import (
    CASE,
    NOTARY,
    OWED_TODAY_FEN,
    REGISTRY,
    TODAY,
    actions,
    alarms,
    bank,
    cancelled,
    completed,
    days,
    example,
    loan,
    money,
    opened,
    passed,
    period,
    registered,
    released,
    reserved,
    sent,
    with_loan,
    words,
)
from tests.support.bench import NOON, Bench, command
from tests.support.loan import FUND, LENDER, OTHER_BANK, PROCEDURE, WITH_BOTH, certified, joined

LAST_DAY = date(2026, 11, 26)  # three days after NOON, a Thursday
YES = command(ConsentDecided, consents=True)
NO = command(ConsentDecided, consents=False, because="instalments are overdue")


def with_sale(*periods: object, **changes: object) -> Bench:
    """A bank with the seller's loan, in a case of a buyer who borrows from the bank and the fund."""
    bench = with_loan()
    terms = {**PROCEDURE, "institutions": WITH_BOTH, "periods": periods, **changes}
    bench.hear(opened().model_copy(update=terms), NOTARY)
    return bench


def approved(*periods: object) -> Bench:
    """The same, and the buyers' bank has approved its loan."""
    bench = with_sale(*periods)
    bench.hear(example(LoanApproved), LENDER)
    return bench


def consented(*periods: object) -> Bench:
    """The same, and the seller's bank has consented."""
    bench = approved(*periods)
    bench.own(YES)
    return bench


def entered(*periods: object) -> Bench:
    """The same, the loan is paid on its notice, and the transfer is registered."""
    bench = consented(*periods)
    bench.hear(reserved(), REGISTRY)
    bench.hear(example(AdvanceNoticeRegistered), REGISTRY)
    bench.hear(certified(MoneyKind.LOAN, LENDER[1], price_complete=True), NOTARY)
    bench.hear(registered(), REGISTRY)
    return bench


def quoted(*periods: object) -> Bench:
    """The same, and a clerk has asked for the payoff statement."""
    bench = entered(*periods)
    bench.own(command(PayoffAsked))
    return bench


def running(bench: Bench) -> list[str]:
    return [row.data["period"]["name"] for row in bench.rows("period")]


# --- consent ----------------------------------------------------------------------------------------------------------


def test_LC_L4_the_sellers_bank_is_asked_once_a_loan_is_approved() -> None:
    bench = with_sale()
    assert (actions(bench), bench.conversation()) == ([], [])
    bench.hear(example(LoanApproved), LENDER)
    waiting = bench.rows("wait")
    assert [(row.data["action"], row.data["clause"]) for row in waiting] == [("decide-consent", "LC-L4")]
    assert "ICBC-2019-0001" in waiting[0].data["what"]
    bench.own(YES)
    assert actions(bench) == []


def test_LC_L4_X_5_the_opinion_is_issued_with_its_number_and_goes_to_the_lenders_too() -> None:
    bench = consented()
    opinion = bench.said(ConsentIssued)[-1]
    assert (opinion.opinion.title, opinion.opinion.number) == ("同意“带押过户”意见书", "(2026)测试同字第0000001号")
    assert opinion.opinion.code == bench.house.code(opinion.opinion.number)
    assert opinion.estimated_payoff_fen == OWED_TODAY_FEN
    assert bench.conversation() == ["ConsentIssued"]
    said = next(s for s in bench.outbox if isinstance(s.filed.fact, ConsentIssued))
    assert {to for to, _ in said.to} == {
        "daiya.escrow.liaocheng-notary",
        "daiya.registry.liaocheng-registry",
        "daiya.buyer_bank.liaocheng-ccb",
        "daiya.fund_center.liaocheng-fund",
    }


def test_LC_L4_no_consent_before_a_loan_is_approved() -> None:
    bench = with_sale()
    refused = bench.refusal(bench.own(YES))
    assert (refused.title, refused.clause) == ("no loan approved", "LC-L4")
    bench.hear(example(LoanApproved), LENDER)
    bench.own(YES)
    assert bench.conversation() == ["ConsentIssued"]


@pytest.mark.parametrize("is_approved", [False, True])
def test_X_3_the_bank_can_refuse_at_any_time_after_the_opening(is_approved: bool) -> None:
    bench = approved() if is_approved else with_sale()
    bench.own(NO)
    assert bench.said(ConsentRefused) == [ConsentRefused(because="instalments are overdue", clause="LC-L4")]
    bench.hear(example(LoanApproved), LENDER)
    assert actions(bench) == []
    assert bench.conversation() == ["ConsentRefused"]


def test_X_3_a_refusal_names_the_clause_that_the_clerk_names() -> None:
    bench = approved()
    bench.own(NO.model_copy(update={"clause": "LC-R2"}))
    assert bench.said(ConsentRefused)[-1].clause == "LC-R2"


def test_LC_L3_LC_L4_without_a_loan_that_stands_nothing_is_to_be_decided() -> None:
    bench = approved()
    bench.hear(example(LoanRejected), LENDER)
    assert actions(bench) == []
    assert bench.refusal(bench.own(YES)).title == "no loan approved"
    bench.hear(joined(OTHER_BANK), NOTARY)
    assert actions(bench) == []
    bench.hear(example(LoanApproved), OTHER_BANK)
    assert actions(bench) == ["decide-consent"]
    bench.own(YES)
    assert bench.conversation() == ["ConsentIssued"]


def test_LC_L4_one_of_two_loans_that_stands_is_enough() -> None:
    bench = approved()
    bench.hear(example(LoanApproved), FUND)
    bench.hear(example(LoanRejected), LENDER)
    assert actions(bench) == ["decide-consent"]
    bench.hear(example(LoanRejected), FUND)
    assert actions(bench) == []


def test_LC_L3_a_lender_that_takes_no_part_asks_nothing_of_the_bank() -> None:
    bench = with_sale()
    bench.hear(example(LoanRejected), FUND)
    assert actions(bench) == []
    bench.hear(example(LoanApproved), LENDER)
    assert actions(bench) == ["decide-consent"]


def test_LC_L3_LC_L4_what_is_said_of_loans_after_the_consent_asks_for_no_second_one() -> None:
    bench = consented()
    bench.hear(example(LoanRejected), LENDER)
    bench.hear(example(LoanApproved), LENDER)
    assert actions(bench) == []
    refused = bench.refusal(bench.own(YES))
    assert (refused.title, refused.clause) == ("decided already", "LC-L4")
    assert bench.conversation() == ["ConsentIssued"]


def test_LC_L4_an_approval_may_be_heard_before_the_opening() -> None:
    bench = with_loan()
    bench.hear(example(LoanApproved), LENDER)
    assert actions(bench) == []
    bench.hear(opened(**PROCEDURE, institutions=WITH_BOTH), NOTARY)
    assert actions(bench) == ["decide-consent"]
    bench.own(YES)
    assert bench.conversation() == ["ConsentIssued"]


def test_LC_L2_LC_L4_a_lender_that_has_joined_hears_the_consent_issued_before() -> None:
    bench = consented()
    bench.hear(example(LoanRejected), LENDER)
    before = len(bench.turns)
    bench.hear(joined(OTHER_BANK), NOTARY)
    told = [item for turn in bench.turns[before:] for item in turn.items if type(item).__name__ == "Readdressed"]
    assert ["daiya.buyer_bank.liaocheng-abc" in str(item) for item in told] == [True]


def test_LC_L4_no_loan_of_the_seller_here() -> None:
    bench = bank()
    bench.hear(opened(**PROCEDURE, institutions=WITH_BOTH), NOTARY)
    bench.hear(example(LoanApproved), LENDER)
    assert "no loan" in bench.rows("wait")[0].data["what"]
    refused = bench.refusal(bench.own(YES))
    assert (refused.title, refused.clause) == ("no loan here", "LC-L4")
    bench.standing(loan())
    bench.own(YES)
    assert bench.conversation() == ["ConsentIssued"]


@pytest.mark.parametrize(
    ("end", "by"),
    [
        (example(FolioRefused), REGISTRY),
        (example(RegistrationClosed), REGISTRY),
        (cancelled(), NOTARY),
        (completed(), NOTARY),
    ],
    ids=lambda value: type(value).__name__,
)
def test_X_3_nothing_is_decided_in_a_case_that_is_over(end: Event, by: tuple[Role, str]) -> None:
    bench = approved()
    bench.hear(end, by)
    bench.hear(example(LoanApproved), FUND)
    bench.hear(example(LoanRejected), LENDER)
    bench.hear(joined(OTHER_BANK), NOTARY)
    assert (actions(bench), alarms(bench), bench.conversation()) == ([], [], [])
    assert bench.refusal(bench.own(YES)).title == "too late"


# --- the consent's period ---------------------------------------------------------------------------------------------


def test_LC_L4_the_period_runs_from_the_news_of_the_approval() -> None:
    bench = with_sale(period(CONSENT))
    assert running(bench) == []
    bench.later(days=2)
    bench.hear(example(LoanApproved), LENDER)
    assert running(bench) == ["consent"]
    assert bench.file(PeriodStarted)[-1].fact.start == NOON + days(2)
    assert bench.rows("wait")[0].data["period"] == "consent"
    bench.own(YES)
    assert running(bench) == []


def test_LC_L4_an_approval_heard_before_the_opening_starts_the_period_with_the_opening() -> None:
    bench = with_loan()
    bench.hear(example(LoanApproved), LENDER)
    bench.later(days=2)
    bench.hear(opened(period(CONSENT), **PROCEDURE, institutions=WITH_BOTH), NOTARY)
    assert [f.fact.start for f in bench.file(PeriodStarted)] == [NOON + days(2)]


def test_LC_L3_LC_L4_the_period_rests_while_no_loan_stands_and_runs_anew_with_the_next() -> None:
    bench = approved(period(CONSENT))
    bench.later(days=1)
    bench.hear(example(LoanRejected), LENDER)
    assert running(bench) == []
    bench.hear(joined(OTHER_BANK), NOTARY)
    bench.later(days=1)
    bench.hear(example(LoanApproved), OTHER_BANK)
    assert running(bench) == ["consent"]
    assert [f.fact.start for f in bench.file(PeriodStarted)] == [NOON, NOON + days(2)]
    bench.hear(example(LoanApproved), FUND)
    assert len(bench.file(PeriodStarted)) == 2
    bench.own(YES)
    assert (running(bench), len(bench.file(PeriodEnded))) == ([], 2)
    bench.hear(example(LoanRejected), OTHER_BANK)
    bench.hear(example(LoanRejected), FUND)
    assert len(bench.file(PeriodEnded)) == 2


def test_LC_L4_a_refusal_before_the_approval_leaves_nothing_to_run() -> None:
    bench = with_sale(period(CONSENT))
    bench.own(NO)
    bench.hear(example(LoanApproved), LENDER)
    assert running(bench) == []


def test_LC_L4_no_decision_in_time_is_said_to_the_lenders_too() -> None:
    bench = approved(period(CONSENT))
    bench.later(days=4)
    passed(bench, CONSENT, LAST_DAY)
    assert [(m.lateness, m.late) for m in bench.said(DeadlineMissed)] == [(Lateness.NOT_DONE, Role.SELLER_BANK)]
    said = next(s for s in bench.outbox if isinstance(s.filed.fact, DeadlineMissed))
    assert {"daiya.buyer_bank.liaocheng-ccb", "daiya.fund_center.liaocheng-fund"} <= {to for to, _ in said.to}


# --- payoff and release -----------------------------------------------------------------------------------------------


def test_LC_L6_the_statement_the_money_and_the_release() -> None:
    bench = entered()
    assert [(r.data["action"], r.data["clause"]) for r in bench.rows("wait")] == [("ask-payoff", "LC-L6")]
    bench.own(command(PayoffAsked))
    quote = bench.said(PayoffQuoted)[-1]
    assert (quote.statement.title, quote.total_fen) == ("应还款余额证明", OWED_TODAY_FEN)
    sent(bench, quote.total_fen)
    bench.own(money(quote.total_fen))
    assert bench.said(PayoffCompleted) == [
        PayoffCompleted(
            quote=quote.statement.number,
            booked_fen=quote.total_fen,
            open_fen=0,
            surplus_fen=0,
            by_the_case=True,
        )
    ]
    assert bench.said(ReleaseApplied)[-1].settled_on == TODAY
    bench.hear(released(), REGISTRY)
    bench.hear(completed(), NOTARY)
    assert bench.conversation() == ["ConsentIssued", "PayoffQuoted", "PayoffCompleted", "ReleaseApplied"]
    assert (actions(bench), alarms(bench)) == ([], [])


def test_LC_L6_the_statement_follows_the_entry_and_the_consent() -> None:
    bench = consented()
    bench.hear(example(AdvanceNoticeRegistered), REGISTRY)
    assert actions(bench) == []
    refused = bench.refusal(bench.own(command(PayoffAsked)))
    assert (refused.title, refused.clause) == ("not entered yet", "LC-L6")
    unasked = approved()
    unasked.hear(registered(), REGISTRY)
    refused = unasked.refusal(unasked.own(command(PayoffAsked)))
    assert (refused.title, refused.clause) == ("no consent", "LC-L4")
    bench.hear(registered(), REGISTRY)
    bench.own(command(PayoffAsked))
    refused = bench.refusal(bench.own(command(PayoffAsked)))
    assert (refused.title, refused.clause) == ("a statement stands", "LC-L6")


def test_LC_L6_nothing_is_stated_where_nothing_is_owed() -> None:
    bench = entered()
    bench.own(money(OWED_TODAY_FEN))
    assert [(p.quote, p.open_fen, p.by_the_case) for p in bench.said(PayoffCompleted)] == [(None, 0, False)]
    assert bench.conversation() == ["ConsentIssued", "PayoffCompleted", "ReleaseApplied"]
    refused = bench.refusal(bench.own(command(PayoffAsked)))
    assert (refused.title, refused.clause) == ("nothing is owed", "LC-L6")


def test_LC_L6_the_quote_rests_when_nothing_is_owed_any_more() -> None:
    bench = quoted()
    assert running(bench) == ["payoff-quote"]
    bench.own(money(OWED_TODAY_FEN))
    assert running(bench) == []


def test_LC_L6_the_periods_for_booking_and_release() -> None:
    bench = quoted(period(BOOKING), period(RELEASE))
    sent(bench, OWED_TODAY_FEN)
    assert sorted(running(bench)) == ["payoff-booking", "payoff-quote"]
    bench.own(money(OWED_TODAY_FEN))
    assert running(bench) == ["release"]
    bench.hear(released(), REGISTRY)
    passed(bench, RELEASE, LAST_DAY)
    assert [(m.period.name, m.lateness) for m in bench.said(DeadlineMissed)] == [("release", Lateness.DONE_LATE)]


def test_X_3_the_registry_s_notice_is_no_entry() -> None:
    bench = consented()
    bench.hear(example(AdvanceNoticeRegistered), REGISTRY)
    bench.hear(example(RegistrationClosed), REGISTRY)
    bench.hear(cancelled(), NOTARY)
    assert bench.conversation() == ["ConsentIssued"]
    assert alarms(bench) == []


def test_LC_L4_LC_L6_any_order_of_what_others_say_gives_the_same_words() -> None:
    said = [
        (example(LoanApproved), LENDER),
        (reserved(), REGISTRY),
        (example(AdvanceNoticeRegistered), REGISTRY),
        (registered(), REGISTRY),
    ]
    told: list[list[str]] = []
    for order in (said, [said[2], said[3], said[0], said[1]], said[::-1]):
        bench = with_sale()
        for event, by in order:
            bench.hear(event, by)
        bench.own(YES)
        bench.own(command(PayoffAsked))
        told.append(words(bench))
    assert told[0] == told[1] == told[2]
    assert bench.conversation() == ["ConsentIssued", "PayoffQuoted"]
    assert bench.file(ConsentDecided, case=CASE)
