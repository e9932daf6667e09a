"""LC-F4, LC-L6: the debt is stated, the money is booked by the loan's terms, the release is applied for."""

from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.event import Event
from contracts.events.registry import RegistrationClosed
from contracts.events.seller_bank import PayoffCompleted, PayoffQuoted, ReleaseApplied
from services.runtime.core.facts import Pay, PeriodStarted
from services.runtime.core.periods import CHINA_TIME
from services.seller_bank.facts import ConsentDecided, PayoffAsked, names_case
from services.seller_bank.views import QUOTE
from tests.rules.seller_bank_cases import (
    CASE,
    NOTARY,
    OWED_TODAY_FEN,
    PER_DIEM_FEN,
    PRINCIPAL_FEN,
    REGISTRY,
    SECOND_CASE,
    TODAY,
    UNIT,
    actions,
    alarms,
    cancelled,
    completed,
    consented,
    days,
    entered,
    example,
    loan,
    money,
    opened,
    own_money,
    passed,
    quoted,
    registered,
    released,
    reserved,
    sent,
    terms,
    with_case,
    with_loan,
)
from tests.support.bench import NOON, Bench, command
from tests.support.examples import BANKS_ACCOUNT, MORTGAGE


def booked(bench: Bench) -> list[PayoffCompleted]:
    return bench.said(PayoffCompleted)


def test_LC_F4_the_quote_is_what_settles_the_loan() -> None:
    bench = quoted()
    quote = bench.said(PayoffQuoted)[-1]
    assert quote.statement.title == "应还款余额证明"
    assert quote.statement.number == "(2026)测试余字第0000001号"
    assert (quote.principal_fen, quote.interest_fen) == (PRINCIPAL_FEN, 10 * PER_DIEM_FEN)
    assert (quote.overdue_fen, quote.penalty_fen) == (0, 0)
    assert quote.total_fen == OWED_TODAY_FEN
    assert (quote.per_diem_microfen, quote.basis) == (PER_DIEM_FEN * 1_000_000, 360)
    assert (quote.as_of, quote.good_through) == (TODAY, date(2026, 11, 26))
    assert quote.to_account == BANKS_ACCOUNT
    assert quote.booking_order == ("costs", "interest", "principal")
    sent(bench, quote.total_fen)
    bench.own(money(quote.total_fen))
    assert booked(bench) == [
        PayoffCompleted(
            quote=quote.statement.number,
            booked_fen=quote.total_fen,
            open_fen=0,
            surplus_fen=0,
            by_the_case=True,
        )
    ]
    assert bench.said(ReleaseApplied)[-1].settled_on == TODAY
    assert bench.conversation() == ["ConsentIssued", "PayoffQuoted", "PayoffCompleted", "ReleaseApplied"]


def test_X_5_each_statement_has_a_number_and_a_code_to_check_it_by() -> None:
    bench = quoted()
    bench.later(days=4)
    bench.own(command(PayoffAsked))
    papers = [quote.statement for quote in bench.said(PayoffQuoted)]
    assert [paper.number for paper in papers] == ["(2026)测试余字第0000001号", "(2026)测试余字第0000002号"]
    assert [paper.code for paper in papers] == [bench.house.code(paper.number) for paper in papers]
    assert papers[0].code != papers[1].code


@pytest.mark.parametrize("later", [0, 1, 2, 3])
def test_LC_F4_a_days_interest_more_settles_it_on_each_day_that_the_quote_stands(later: int) -> None:
    bench = quoted()
    bench.later(days=later)
    bench.own(money(OWED_TODAY_FEN + later * PER_DIEM_FEN, at=bench.now))
    assert [(b.open_fen, b.surplus_fen) for b in booked(bench)] == [(0, 0)]
    assert bench.said(ReleaseApplied)[-1].settled_on == TODAY + timedelta(days=later)


def test_LC_F4_the_release_names_the_mortgage_and_the_day_in_china() -> None:
    bench = quoted(terms=terms(cut_off="24:00"))
    midnight_in_china = datetime(2026, 11, 24, 0, 30, tzinfo=CHINA_TIME)
    bench.own(money(OWED_TODAY_FEN + PER_DIEM_FEN, at=midnight_in_china.astimezone(UTC)))
    assert bench.said(ReleaseApplied) == [
        ReleaseApplied(unit_number=UNIT, mortgage_certificate=MORTGAGE, settled_on=midnight_in_china.date())
    ]
    said = next(s for s in bench.outbox if isinstance(s.filed.fact, ReleaseApplied))
    assert [to for to, _ in said.to] == ["daiya.registry.liaocheng-registry"]


def test_LC_F4_a_person_asks_for_the_quote_after_the_entry() -> None:
    bench = consented()
    assert actions(bench) == []
    refused = bench.refusal(bench.own(command(PayoffAsked)))
    assert (refused.title, refused.clause) == ("not entered yet", "LC-F4")
    bench.hear(registered(), REGISTRY)
    assert actions(bench) == ["ask-payoff"]
    bench.own(command(PayoffAsked))
    assert actions(bench) == []


def test_LC_F4_no_quote_without_consent_or_loan() -> None:
    bench = with_case()
    bench.hear(registered(), REGISTRY)
    assert bench.refusal(bench.own(command(PayoffAsked))).title == "no consent"
    assert "PayoffQuoted" not in bench.conversation()


def test_LC_L6_one_quote_stands_at_a_time() -> None:
    bench = quoted()
    bench.later(days=3)
    refused = bench.refusal(bench.own(command(PayoffAsked)))
    assert (refused.title, refused.clause) == ("a statement stands", "LC-L6")
    assert "2026-11-26" in refused.detail
    bench.later(hours=6)  # 18:00 of the last day, after the cut-off: money would count for the 27th
    bench.own(command(PayoffAsked))
    assert [q.as_of for q in bench.said(PayoffQuoted)] == [TODAY, date(2026, 11, 27)]


def test_LC_L6_nothing_is_quoted_where_nothing_is_owed() -> None:
    bench = quoted()
    bench.own(money(OWED_TODAY_FEN))
    refused = bench.refusal(bench.own(command(PayoffAsked)))
    assert refused.title == "nothing is owed"
    assert actions(bench) == []


def test_LC_F4_one_fen_short_leaves_a_rest_that_is_quoted_paid_and_then_released() -> None:
    bench = quoted()
    first = bench.said(PayoffQuoted)[-1]
    sent(bench, first.total_fen - 1)
    bench.own(money(first.total_fen - 1))
    assert [(b.open_fen, b.by_the_case, b.quote) for b in booked(bench)] == [(1, True, first.statement.number)]
    assert bench.said(ReleaseApplied) == []
    assert [(r.data["action"], "rest" in r.data["what"]) for r in bench.rows("wait")] == [("ask-payoff", True)]
    bench.own(command(PayoffAsked))
    second = bench.said(PayoffQuoted)[-1]
    assert (second.total_fen, second.principal_fen, second.statement.number) == (
        1,
        1,
        "(2026)测试余字第0000002号",
    )
    assert actions(bench) == []
    sent(bench, 1, "T-2")
    bench.own(money(1, "T-2"))
    assert [(b.booked_fen, b.open_fen, b.quote) for b in booked(bench)[1:]] == [(1, 0, second.statement.number)]
    assert len(bench.said(ReleaseApplied)) == 1
    assert bench.said(Pay) == []


def test_LC_F4_a_quote_past_its_day_is_stated_anew() -> None:
    bench = quoted()
    passed(bench, QUOTE, date(2026, 11, 26))
    assert [(r.data["action"], "last day" in r.data["what"]) for r in bench.rows("wait")] == [("ask-payoff", True)]
    assert bench.conversation() == ["ConsentIssued", "PayoffQuoted"]
    bench.later(days=4)
    bench.own(command(PayoffAsked))
    assert actions(bench) == []
    assert bench.said(PayoffQuoted)[-1].total_fen == OWED_TODAY_FEN + 4 * PER_DIEM_FEN


def test_LC_F4_money_that_comes_after_the_quotes_last_day_owes_the_days_since() -> None:
    bench = quoted()
    bench.later(days=5)
    bench.own(money(OWED_TODAY_FEN, at=bench.now))
    assert [b.open_fen for b in booked(bench)] == [5 * PER_DIEM_FEN]
    assert actions(bench) == ["ask-payoff"]


def test_LC_L6_the_payoff_says_itself_which_statement_it_pays_where_a_newer_one_stands() -> None:
    """The escrow's word of its transfer is still on the way, and a clerk has stated the debt anew."""
    bench = quoted()
    bench.later(days=4)
    bench.own(command(PayoffAsked))
    first, second = bench.said(PayoffQuoted)
    bench.own(money(OWED_TODAY_FEN, reference=f"{CASE} payoff {first.statement.number}"))
    bench.own(money(4 * PER_DIEM_FEN, transfer="T-2", line=2, at=bench.now))
    assert [b.quote for b in booked(bench)] == [first.statement.number, second.statement.number]


def test_LC_F4_the_rest_bears_interest_until_it_is_paid() -> None:
    bench = quoted()
    bench.own(money(OWED_TODAY_FEN - PRINCIPAL_FEN // 2))
    bench.later(days=10)
    bench.own(command(PayoffAsked))
    assert bench.said(PayoffQuoted)[-1].total_fen == PRINCIPAL_FEN // 2 + 10 * PER_DIEM_FEN // 2


def test_LC_L6_the_period_of_a_quote_runs_to_its_last_day_and_ends_with_the_debt() -> None:
    bench = quoted()
    running = bench.rows("period")
    assert [(row.data["period"]["name"], row.data["period"]["days"]) for row in running] == [(QUOTE, 3)]
    assert bench.file(PeriodStarted)[-1].fact.start.date() == TODAY
    bench.own(money(OWED_TODAY_FEN - 1))
    bench.own(command(PayoffAsked))
    assert len(bench.rows("period")) == 1
    bench.own(money(1, "T-2"))
    assert bench.rows("period") == []


# --- whose money -----------------------------------------------------------------------------------------


def test_LC_F4_the_borrower_settles_himself_after_the_quote() -> None:
    bench = quoted()
    bench.own(own_money(OWED_TODAY_FEN))
    assert [(b.by_the_case, b.open_fen) for b in booked(bench)] == [(False, 0)]
    assert len(bench.said(ReleaseApplied)) == 1


def test_LC_F4_the_escrows_own_word_says_that_money_is_the_cases() -> None:
    bench = quoted()
    sent(bench, OWED_TODAY_FEN, "T-77")
    bench.own(own_money(OWED_TODAY_FEN, "T-77", reference=f"{CASE} x"))
    assert [b.by_the_case for b in booked(bench)] == [True]


def test_LC_F4_money_that_names_no_case_is_not_the_cases() -> None:
    bench = quoted()
    bench.own(money(OWED_TODAY_FEN, reference="还贷"))
    assert [b.by_the_case for b in booked(bench)] == [False]


def test_a_reference_names_a_case_by_its_whole_id() -> None:
    assert names_case("LC-2026-000001 payoff", "LC-2026-000001")
    assert names_case("payoff,LC-2026-000001", "LC-2026-000001")
    assert not names_case("LC-2026-0000012 payoff", "LC-2026-000001")
    assert not names_case("XLC-2026-000001", "LC-2026-000001")


def test_LC_F4_the_quote_that_was_paid_is_named_and_not_merely_the_newest() -> None:
    bench = quoted()
    first = bench.said(PayoffQuoted)[0]
    sent(bench, first.total_fen, "T-1")
    bench.later(days=4)
    bench.own(command(PayoffAsked))
    assert len(bench.said(PayoffQuoted)) == 2
    bench.own(money(first.total_fen, "T-1", at=NOON + days(4)))
    assert [(b.quote, b.open_fen) for b in booked(bench)] == [(first.statement.number, 4 * PER_DIEM_FEN)]


def test_LC_F4_the_borrower_pays_part_before_the_quote_and_the_quote_knows_it() -> None:
    bench = entered()
    bench.own(own_money(100_000))
    assert booked(bench) == []
    bench.own(command(PayoffAsked))
    assert bench.said(PayoffQuoted)[-1].total_fen == OWED_TODAY_FEN - 100_000
    bench.own(money(OWED_TODAY_FEN - 100_000))
    assert [(b.booked_fen, b.open_fen) for b in booked(bench)] == [(OWED_TODAY_FEN - 100_000, 0)]


def test_LC_F4_a_loan_settled_before_any_quote_is_released_and_the_escrow_hears_it() -> None:
    bench = consented()
    bench.own(own_money(OWED_TODAY_FEN))
    assert bench.conversation() == ["ConsentIssued", "ReleaseApplied"]
    assert alarms(bench) == []
    bench.hear(registered(), REGISTRY)
    assert [(b.quote, b.open_fen, b.by_the_case) for b in booked(bench)] == [(None, 0, False)]
    assert bench.refusal(bench.own(command(PayoffAsked))).title == "nothing is owed"
    assert bench.conversation() == ["ConsentIssued", "ReleaseApplied", "PayoffCompleted"]


# --- the release belongs to the mortgage -----------------------------------------------------------------


def test_LC_F4_the_release_is_applied_for_once() -> None:
    bench = quoted()
    bench.own(money(OWED_TODAY_FEN))
    bench.own(own_money(5))
    bench.hear(released(), REGISTRY)
    bench.hear(completed(), NOTARY)
    assert len(bench.said(ReleaseApplied)) == 1
    assert alarms(bench) == []


def test_X_2_no_release_while_a_fen_is_owed() -> None:
    bench = quoted()
    bench.own(money(OWED_TODAY_FEN - 1))
    assert bench.said(ReleaseApplied) == []


def test_X_3_the_loan_goes_on_after_the_case_and_its_release_too() -> None:
    bench = consented()
    bench.hear(example(RegistrationClosed), REGISTRY)
    bench.hear(cancelled(), NOTARY)
    assert bench.conversation() == ["ConsentIssued"]
    bench.standing(own_money(OWED_TODAY_FEN, reference="还贷"))
    assert bench.conversation() == ["ConsentIssued", "ReleaseApplied"]
    said = next(s for s in bench.outbox if isinstance(s.filed.fact, ReleaseApplied))
    assert [to for to, _ in said.to] == ["daiya.registry.liaocheng-registry"]


def test_LC_F4_the_release_is_said_in_the_case_that_goes_on() -> None:
    bench = consented()
    bench.hear(cancelled(), NOTARY)
    bench.hear(opened(), NOTARY, case=SECOND_CASE)
    bench.own(command(ConsentDecided, consents=True), case=SECOND_CASE)
    bench.hear(registered(), REGISTRY, case=SECOND_CASE)
    bench.own(command(PayoffAsked), case=SECOND_CASE)
    bench.own(money(OWED_TODAY_FEN, reference=f"{SECOND_CASE} payoff"), case=SECOND_CASE)
    assert (
        len(bench.said(ReleaseApplied, case=CASE)),
        len(bench.said(ReleaseApplied, case=SECOND_CASE)),
    ) == (0, 1)
    assert [b.by_the_case for b in bench.said(PayoffCompleted, case=SECOND_CASE)] == [True]
    assert booked(bench) == []


def test_LC_F4_the_release_is_said_in_the_case_that_holds_the_folio_not_in_a_newer_one() -> None:
    bench = quoted()
    bench.hear(reserved(), REGISTRY)
    bench.hear(opened(), NOTARY, case=SECOND_CASE)
    bench.own(money(bench.said(PayoffQuoted)[0].total_fen))
    assert [bench.conversation().count("ReleaseApplied"), len(bench.said(ReleaseApplied))] == [1, 1]


def test_civil_code_393_a_loan_settled_without_a_case_is_seen_and_released_in_a_later_one() -> None:
    bench = with_loan()
    bench.standing(own_money(OWED_TODAY_FEN, reference="还贷"))
    assert [a.clause for a in alarms(bench, case="")] == ["Civil Code 393"]
    assert bench.conversation() == []
    bench.hear(opened(), NOTARY)
    assert bench.conversation() == ["ReleaseApplied"]
    assert bench.said(ReleaseApplied)[-1].settled_on == TODAY


def test_LC_R2_a_new_loan_follows_a_settled_one_and_has_a_release_of_its_own() -> None:
    bench = quoted()
    bench.own(money(OWED_TODAY_FEN))
    buyers_loan = loan(
        terms=terms(loan_number="ICBC-2026-0002"),
        borrowers=tuple(party.person for party in opened().buyers or ()),
        mortgage_certificate="鲁(2026)聊城市不动产证明第0000009号",
    )
    assert bench.refusal(bench.standing(buyers_loan)).title == "a sale is under way"
    bench.hear(released(), REGISTRY)
    bench.hear(completed(), NOTARY)
    bench.standing(buyers_loan)
    said = bench.conversation()
    bench.standing(own_money(OWED_TODAY_FEN, reference="还贷"))
    assert bench.conversation() == said
    assert [a.clause for a in alarms(bench, case="")] == ["Civil Code 393"]


@pytest.mark.parametrize(("end", "seen"), [(completed(), []), (cancelled(), ["X-3"])])
def test_X_2_X_3_an_entry_after_the_end_is_seen_unless_the_end_rests_on_it(end: Event, seen: list[str]) -> None:
    bench = consented()
    bench.hear(end, NOTARY)
    bench.hear(registered(), REGISTRY)
    assert [alarm.clause for alarm in alarms(bench)] == seen
