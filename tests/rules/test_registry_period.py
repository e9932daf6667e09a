"""不动产登记暂行条例 20: the registry's period, where a case pins it; a missed one only warns."""

from datetime import date, datetime

from contracts.event import Role
from contracts.events.case import DeadlineMissed, Lateness
from services.registry.applications import counter_number
from services.registry.facts import Decision
from services.runtime.core.facts import PeriodEnded, PeriodPassed, PeriodStarted
from tests.rules import registry_cases as home
from tests.support.bench import NOON, Bench

DUE = date(2027, 1, 6)


def with_period(bench: Bench | None = None) -> Bench:
    """A case that pins the registry's period, with the notary's application made."""
    return home.ready(bench, periods=(home.PERIOD,))


def passed(bench: Bench) -> None:
    """The clock finds the period over."""
    started = bench.file(PeriodStarted)[-1]
    bench.own(PeriodPassed(started=started.id, name=home.PERIOD.name, due=DUE))


def wait_until(bench: Bench) -> str | None:
    """The period that the worklist shows for the one application that waits."""
    (row,) = bench.rows("wait")
    return row.data.get("period")


def test_LC_F3_period_runs_from_the_application_to_the_decision():
    bench = with_period()
    (started,) = bench.file(PeriodStarted)
    assert (started.fact.period, started.fact.start) == (home.PERIOD, NOON)
    assert wait_until(bench) == "registration"
    assert [row.id for row in bench.rows("period")] == [started.id]
    home.approve(bench)
    assert [ended.fact.name for ended in bench.file(PeriodEnded)] == ["registration"]
    assert bench.rows("period") == []


def test_LC_F3_period_runs_for_an_application_at_the_counter_too():
    bench = home.with_folio()
    home.open_case(bench, periods=(home.PERIOD,))
    bench.later(days=1)
    bench.own(home.applied_at_the_counter())
    (started,) = bench.file(PeriodStarted)
    assert started.fact.start == bench.now


def test_no_period_runs_where_the_case_pins_none():
    bench = home.ready()
    assert not bench.file(PeriodStarted)
    assert wait_until(bench) is None
    home.approve(bench)
    assert not bench.file(PeriodEnded)


def test_period_of_the_application_behind_starts_from_its_own_receipt():
    bench = home.with_folio()
    home.open_case(bench, periods=(home.PERIOD,))
    bench.own(home.applied_at_the_counter())
    bench.later(days=1)
    second: datetime = bench.now
    bench.hear(home.applied(), home.NOTARY)
    assert len(bench.file(PeriodStarted)) == 1
    bench.later(days=1)
    bench.own(home.decided(Decision.RETURN, counter_number(home.FIRST, 1)))
    assert [started.fact.start for started in bench.file(PeriodStarted)] == [NOON, second]
    assert wait_until(bench) == "registration"


def test_mended_application_gets_a_period_of_its_own():
    bench = with_period()
    bench.own(home.decided(Decision.RETURN))
    bench.hear(home.applied(2), home.NOTARY)
    assert len(bench.file(PeriodStarted)) == 2
    assert len(bench.rows("period")) == 1


def test_missed_period_is_said_and_the_application_stays_in_the_worklist():
    bench = with_period()
    bench.later(days=60)
    passed(bench)
    (missed,) = bench.said(DeadlineMissed)
    assert (missed.period, missed.due) == (home.PERIOD, DUE)
    assert (missed.late, missed.lateness) == (Role.REGISTRY, Lateness.NOT_DONE)
    assert wait_until(bench) is None
    home.approve(bench)
    assert len(bench.said(DeadlineMissed)) == 1
    assert "TransferRegistered" in bench.conversation()


def test_decision_in_time_is_no_breach_though_the_clock_comes_after_it():
    bench = with_period()
    home.approve(bench)
    passed(bench)
    assert not bench.said(DeadlineMissed)


def test_decision_after_the_last_day_is_a_breach_though_it_came_before_the_clock():
    bench = with_period()
    bench.later(days=60)
    home.approve(bench)
    passed(bench)
    (missed,) = bench.said(DeadlineMissed)
    assert missed.lateness is Lateness.DONE_LATE


def test_closing_ends_the_period():
    bench = with_period()
    bench.hear(home.closing(), home.NOTARY)
    assert bench.rows("period") == []
    assert [ended.fact.name for ended in bench.file(PeriodEnded)] == ["registration"]
