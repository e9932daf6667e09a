"""The ways out that need days: each period of the city has one, and the last days are the calendar's."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from contracts.event import Role
from contracts.events.case import DeadlineMissed, Lateness
from contracts.period import Period
from deploy.city import load_city
from deploy.evidence import Check, Evidence
from deploy.ways_out import WAYS_OUT
from deploy.ways_out.checks import checks
from deploy.ways_out.days import LAPSED_AFTER_DAYS, MONDAY
from deploy.ways_out.way import Missed, WayOut
from services.registry.notices import NOTICE_PERIOD, valid_until
from services.runtime.core.periods import CHINA, deadline, due
from services.runtime.settings import HouseSettings
from tests.sandbox.test_evidence import agreed, spoken

ESCROW = next(one for one in load_city("liaocheng").institutions if one.role is Role.ESCROW)
PERIODS = HouseSettings.model_validate_json(json.dumps({"title": ESCROW.title, **ESCROW.settings})).periods
OF_DAYS = [way for way in WAYS_OUT.values() if way.starts is not None]
PRICE = next(iter(WAYS_OUT["missed-price"].missed))
THE_CHECK = "the periods that are missed are this way's"


def last_day(period: Period) -> date:
    found = due(MONDAY, period, CHINA)
    assert isinstance(found, date), "these ways are played in a year that is published"
    return found


def test_each_period_of_the_city_has_a_way_that_misses_it_on_its_own_last_day() -> None:
    cities = {Missed(p.name, p.whose, p.clause, last_day(p)) for p in PERIODS}
    assert {missed for way in OF_DAYS for missed in way.missed} == cities
    assert len(cities) == len(PERIODS) == 10


def test_X_3_notices_lapse_after_the_day_on_which_the_rest_day_ends() -> None:
    """民法典 203, 221: the ninetieth day is a Sunday, so the Monday after it is the last."""
    assert valid_until(MONDAY) == date(2026, 5, 31) and date(2026, 5, 31).isoweekday() == 7
    assert last_day(NOTICE_PERIOD) == date(2026, 6, 1)
    now = MONDAY + timedelta(days=LAPSED_AFTER_DAYS)
    assert now - timedelta(days=1) < deadline(last_day(NOTICE_PERIOD)) <= now


def of_the_periods(way: WayOut, *said: Missed) -> Check:
    """What the check says of agreed evidence in which these were said to be missed."""
    words = [(one.late, _word(one)) for one in said]
    trace: Evidence = replace(agreed(), spoken=(*agreed().spoken, *spoken(*words)))
    return next(check for check in checks(trace, way) if check.name == THE_CHECK)


def _word(missed: Missed) -> DeadlineMissed:
    period = next(p for p in PERIODS if (p.name, p.whose) == (missed.period, missed.late))
    period = period.model_copy(update={"clause": missed.clause})
    return DeadlineMissed(period=period, due=missed.due, late=missed.late, lateness=missed.lateness)


def test_a_period_that_is_missed_is_named_with_who_is_late_its_clause_and_its_day() -> None:
    check = of_the_periods(WAYS_OUT["missed-price"], PRICE)
    assert check.passed and check.detail == "escrow: price (LC-F1) was due on 2026-03-16, not done"


@pytest.mark.parametrize(
    "said",
    [
        (),
        (PRICE, PRICE),
        (replace(PRICE, due=date(2026, 3, 17)),),
        (replace(PRICE, lateness=Lateness.DONE_LATE),),
        (replace(PRICE, clause="LC-F2"),),
        (PRICE, *WAYS_OUT["missed-registration"].missed),
    ],
    ids=["none", "twice", "another day", "another word", "another clause", "one more"],
)
def test_any_other_word_of_a_missed_period_fails_the_check(said: tuple[Missed, ...]) -> None:
    assert not of_the_periods(WAYS_OUT["missed-price"], *said).passed


def test_where_no_days_pass_no_period_may_be_missed() -> None:
    assert not of_the_periods(WAYS_OUT["rail-refused"], PRICE).passed
    assert of_the_periods(WAYS_OUT["rail-refused"]).passed


@pytest.mark.parametrize("way", OF_DAYS, ids=lambda way: way.name)
def test_a_way_of_days_starts_in_a_published_year_and_lets_days_pass(way: WayOut) -> None:
    assert way.starts == MONDAY
    assert any("days pass" in deed.what for deed in way.deeds)
