"""A lender's own periods, where a case names them; a breach goes by the date of the act itself."""

from datetime import date

import pytest

from contracts.event import Role
from contracts.events.case import DeadlineMissed, Lateness
from services.runtime.core.facts import PeriodStarted
from tests.rules import lender_cases as own
from tests.rules.lender_cases import applied, applied_for, asked, let_in, named, no, noticed, passed, period, running
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import NOON, Bench

DECISION, DISBURSEMENT = "loan-decision", "disbursement"
LAST_DAY = date(2026, 11, 26)  # three days after NOON, a Thursday
BOTH = (ln.LENDER, ln.FUND)


def missed(bench: Bench) -> list[tuple[str, Lateness, Role, date]]:
    return [(m.period.name, m.lateness, m.late, m.due) for m in bench.said(DeadlineMissed)]


def decide(bench: Bench, *, yes: bool) -> None:
    if yes:
        bench.own(own.yes())
        bench.own(own.signed())
    else:
        bench.own(no())


def test_LC_L3_the_decisions_period_runs_from_the_application_where_the_case_names_one_for_us() -> None:
    bench = named(period(DECISION))
    assert running(bench) == []
    bench.later(days=1)
    bench.own(applied())
    assert running(bench) == [DECISION]
    assert (bench.file(PeriodStarted)[-1].fact.start - NOON).days == 1
    assert [row.data["period"] for row in bench.rows("wait")] == [DECISION]
    for other in (named(), named(period(DECISION, whose=Role.FUND_CENTER))):
        other.own(applied())
        assert running(other) == []
        assert [row.data.get("period") for row in other.rows("wait")] == [None]


def test_LC_L3_the_period_of_a_newcomer_runs_from_the_application_too() -> None:
    bench = asked()
    bench.later(days=2)
    let_in(bench, period(DECISION))
    assert bench.file(PeriodStarted)[-1].fact.start == NOON


def test_LC_L3_a_corrected_application_does_not_prolong_the_period() -> None:
    bench = named(period(DECISION))
    bench.own(applied())
    bench.later(days=1)
    bench.own(applied(months=120))
    assert len(bench.file(PeriodStarted)) == 1


@pytest.mark.parametrize("yes", [True, False])
def test_LC_L3_the_period_ends_with_the_word_and_runs_anew_for_another_application(yes: bool) -> None:
    bench = named(period(DECISION))
    bench.own(applied())
    bench.later(days=3)
    decide(bench, yes=yes)
    assert running(bench) == []
    assert missed(bench) == []
    if yes:
        bench.own(own.withdrawn())
    bench.own(applied(months=120))
    assert running(bench) == [DECISION]


def test_LC_L3_no_decision_in_time_is_said_and_so_is_one_that_was_late() -> None:
    bench = named(period(DECISION))
    bench.own(applied())
    bench.later(days=4)
    passed(bench, DECISION, LAST_DAY)
    assert missed(bench) == [(DECISION, Lateness.NOT_DONE, Role.BUYER_BANK, LAST_DAY)]
    bench = named(period(DECISION))
    bench.own(applied())
    bench.later(days=4)
    decide(bench, yes=True)
    assert running(bench) == [DECISION]
    passed(bench, DECISION, LAST_DAY)
    assert missed(bench) == [(DECISION, Lateness.DONE_LATE, Role.BUYER_BANK, LAST_DAY)]


def test_LC_L3_another_lenders_decision_is_none_of_ours() -> None:
    bench = named(period(DECISION), institutions=ln.WITH_BOTH)
    bench.own(applied())
    bench.hear(ln.rejected(), ln.FUND)
    bench.hear(ln.approved(), ln.FUND)
    assert running(bench) == [DECISION]


@pytest.mark.parametrize("by", BOTH)
def test_LC_L5_LC_R3_the_disbursements_period_runs_from_the_notice_until_the_rail_has_taken_the_loan(
    by: own.By,
) -> None:
    bench = applied_for(period(DISBURSEMENT, whose=by[0]), by=by)
    bench.later(days=1)
    bench.hear(ln.noticed(by), lc.REGISTRY)
    assert running(bench) == [DISBURSEMENT]
    assert (bench.file(PeriodStarted)[-1].fact.start - NOON).days == 1
    own.accepted(bench)
    assert running(bench) == []
    assert missed(bench) == []


@pytest.mark.parametrize("by", BOTH)
def test_LC_L5_LC_R3_a_loan_that_is_late_is_said(by: own.By) -> None:
    bench = noticed(period(DISBURSEMENT, whose=by[0]), by=by)
    own.refused_by_the_rail(bench)
    bench.later(days=4)
    passed(bench, DISBURSEMENT, LAST_DAY)
    assert missed(bench) == [(DISBURSEMENT, Lateness.NOT_DONE, by[0], LAST_DAY)]


def test_LC_L5_a_loan_that_was_sent_in_time_is_in_time_though_the_clock_was_faster() -> None:
    bench = noticed(period(DISBURSEMENT))
    own.accepted(bench)
    passed(bench, DISBURSEMENT, LAST_DAY)
    assert missed(bench) == []


def test_LC_L5_a_yes_that_was_taken_back_has_nothing_to_pay_in_time() -> None:
    bench = noticed(period(DISBURSEMENT))
    bench.own(own.withdrawn())
    assert running(bench) == []


def test_X_3_nothing_of_a_closed_case_has_to_be_done_in_time() -> None:
    bench = noticed(period(DISBURSEMENT))
    bench.hear(ln.closed(), lc.REGISTRY)
    assert running(bench) == []
    bench = named(period(DECISION))
    bench.own(applied())
    bench.hear(ln.closed(), lc.REGISTRY)
    assert running(bench) == []
