"""The bank's own periods, where a case names them; a breach goes by the date of the act itself."""

from datetime import UTC, date, datetime

import pytest

from contracts.event import Role
from contracts.events.case import DeadlineMissed, Lateness
from contracts.events.registry import RegistrationClosed
from services.runtime.core.facts import PeriodEnded, PeriodStarted
from services.seller_bank.facts import ConsentDecided
from tests.rules.seller_bank_cases import (
    NOTARY,
    OWED_TODAY_FEN,
    REGISTRY,
    actions,
    cancelled,
    consented,
    days,
    example,
    money,
    passed,
    period,
    quoted,
    released,
    sent,
    with_case,
)
from tests.support.bench import NOON, Bench, command

LAST_DAY = date(2026, 11, 26)  # three days after NOON, a Thursday


def running(bench: Bench) -> list[str]:
    return [row.data["period"]["name"] for row in bench.rows("period")]


def missed(bench: Bench) -> list[tuple[str, Lateness, Role, date]]:
    return [(m.period.name, m.lateness, m.late, m.due) for m in bench.said(DeadlineMissed)]


def test_periods_run_only_where_the_case_names_them_for_this_bank() -> None:
    assert running(with_case()) == []
    assert running(with_case(period("consent", whose=Role.REGISTRY))) == []
    bench = with_case(period("consent"))
    assert running(bench) == ["consent"]
    assert bench.file(PeriodStarted)[-1].fact.start == NOON


@pytest.mark.parametrize("consents", [True, False])
def test_LC_F2_the_period_ends_with_the_decision(consents: bool) -> None:
    bench = with_case(period("consent"))
    bench.later(days=3)
    bench.own(command(ConsentDecided, consents=consents, because="" if consents else "overdue"))
    assert running(bench) == []
    assert "DeadlineMissed" not in bench.conversation()


def test_LC_F2_no_decision_in_time_is_said() -> None:
    bench = with_case(period("consent"))
    bench.later(days=4)
    passed(bench, "consent", LAST_DAY)
    assert missed(bench) == [("consent", Lateness.NOT_DONE, Role.SELLER_BANK, LAST_DAY)]
    assert actions(bench) == ["decide-consent"]
    bench.own(command(ConsentDecided, consents=True))
    assert bench.conversation() == ["DeadlineMissed", "ConsentIssued"]


def test_LC_F2_a_decision_too_late_is_said_when_the_clock_comes_after_it() -> None:
    bench = with_case(period("consent"))
    bench.later(days=4)
    bench.own(command(ConsentDecided, consents=True))
    assert running(bench) == ["consent"]
    passed(bench, "consent", LAST_DAY)
    assert missed(bench) == [("consent", Lateness.DONE_LATE, Role.SELLER_BANK, LAST_DAY)]


def test_LC_F2_a_decision_in_time_is_in_time_though_the_clock_was_faster() -> None:
    bench = with_case(period("consent"))
    started = bench.file(PeriodStarted)[-1].id
    bench.later(days=3, hours=11)
    bench.own(command(ConsentDecided, consents=True))
    passed(bench, "consent", LAST_DAY)
    assert bench.file(PeriodStarted)[-1].id == started
    assert missed(bench) == []


def test_LC_F4_the_booking_period_runs_from_the_news_to_the_booking() -> None:
    bench = quoted(period("payoff-booking"))
    assert "payoff-booking" not in running(bench)
    sent(bench, OWED_TODAY_FEN)
    assert "payoff-booking" in running(bench)
    bench.own(money(OWED_TODAY_FEN))
    assert running(bench) == []


def test_LC_F4_money_that_was_booked_in_time_is_in_time_though_it_was_reported_late() -> None:
    bench = quoted(period("payoff-booking"))
    sent(bench, OWED_TODAY_FEN)
    bench.later(days=8)
    bench.own(money(OWED_TODAY_FEN, at=NOON + days(1)))
    passed(bench, "payoff-booking", LAST_DAY)
    assert missed(bench) == []


def test_LC_F4_money_that_was_booked_late_was_late() -> None:
    bench = quoted(period("payoff-booking"))
    sent(bench, OWED_TODAY_FEN)
    bench.own(money(OWED_TODAY_FEN, at=NOON + days(4)))
    passed(bench, "payoff-booking", LAST_DAY)
    assert missed(bench) == [("payoff-booking", Lateness.DONE_LATE, Role.SELLER_BANK, LAST_DAY)]


def test_LC_F4_the_release_period_runs_from_the_settlement_to_the_release() -> None:
    bench = quoted(period("release"))
    bench.own(money(OWED_TODAY_FEN))
    assert running(bench) == ["release"]
    assert bench.file(PeriodStarted)[-1].fact.start == NOON
    bench.hear(released(released_at=datetime(2026, 11, 26, 15, 59, tzinfo=UTC)), REGISTRY)
    assert running(bench) == []


def test_LC_F4_a_late_release_is_said_by_its_own_date() -> None:
    bench = quoted(period("release"))
    bench.own(money(OWED_TODAY_FEN))
    bench.hear(released(released_at=datetime(2026, 11, 26, 16, 0, tzinfo=UTC)), REGISTRY)
    passed(bench, "release", LAST_DAY)
    assert missed(bench) == [("release", Lateness.DONE_LATE, Role.SELLER_BANK, LAST_DAY)]


def test_LC_F4_a_mortgage_not_released_in_time_is_said() -> None:
    bench = quoted(period("release"))
    bench.own(money(OWED_TODAY_FEN))
    passed(bench, "release", LAST_DAY)
    assert missed(bench) == [("release", Lateness.NOT_DONE, Role.SELLER_BANK, LAST_DAY)]
    said = next(s for s in bench.outbox if isinstance(s.filed.fact, DeadlineMissed))
    assert {to for to, _ in said.to} == {"daiya.escrow.liaocheng-notary", "daiya.registry.liaocheng-registry"}


def test_X_3_nothing_has_to_be_done_in_time_in_a_case_that_is_closed() -> None:
    bench = with_case(period("consent"))
    bench.hear(example(RegistrationClosed), REGISTRY)
    assert running(bench) == []
    assert [f.fact.name for f in bench.file(PeriodEnded)] == ["consent"]
    passed(bench, "consent", LAST_DAY)
    assert missed(bench) == []
    ended = consented(period("release"))
    ended.hear(cancelled(), NOTARY)
    assert running(ended) == []


def test_a_year_without_a_published_calendar_does_not_hold_the_act_up() -> None:
    bench = with_case(period("consent", days=5_000))
    bench.own(command(ConsentDecided, consents=True))
    assert running(bench) == []
