"""The ways out that need days: each period of the city has one, and the last days are the calendar's."""

import asyncio
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from contracts.event import Role
from contracts.events.case import DeadlineMissed, Lateness
from contracts.period import Period
from deploy.all_ways_out import at_once, by_stack
from deploy.city import load_city
from deploy.days import Days, Together
from deploy.evidence import Check, Evidence
from deploy.sales import EXAMPLES
from deploy.ways_out import WAYS_OUT
from deploy.ways_out.checks import checks
from deploy.ways_out.days import EXPIRED, LAPSED, MONDAY
from deploy.ways_out.way import Missed, WayOut
from services.registry.notices import NOTICE_PERIOD, valid_until
from services.runtime.core.periods import CHINA, day_in_china, deadline, due
from services.runtime.settings import HouseSettings
from services.sale_file import load_sale
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
    assert day_in_china(deadline(last_day(NOTICE_PERIOD))) == LAPSED


def test_LC_L6_the_statement_of_the_first_day_has_expired() -> None:
    file = load_sale(EXAMPLES["LC-FULL"], MONDAY)
    assert MONDAY.date() + timedelta(days=file.loan.terms["good_through_days"] + 1) == EXPIRED


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


# --- several on one clock -----------------------------------------------------------------------------------


@pytest.fixture
def days(tmp_path: Path) -> Days:
    return Days(tmp_path / "clock", MONDAY)


async def test_a_day_comes_when_everybody_waits_for_it_or_a_later_one(days: Days) -> None:
    together = Together(days)
    today: dict[str, date] = {}

    async def wait(who: str, *days_to_come: int) -> None:
        for number in days_to_come:
            await together.until(who, date(2026, 3, number))
            today[f"{who} {number}"] = day_in_china(days.clock.now())
        together.leave(who)

    for who in ("early", "late", "busy"):
        together.join(who)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(wait("early", 4, 6)), group.create_task(wait("late", 9))]
        await asyncio.sleep(0)
        assert day_in_china(days.clock.now()) == MONDAY.date() and not any(one.done() for one in waiting)
        together.leave("busy")
    assert today == {"early 4": date(2026, 3, 4), "early 6": date(2026, 3, 6), "late 9": date(2026, 3, 9)}


async def test_a_day_that_has_come_already_is_not_waited_for_and_the_clock_goes_not_back(days: Days) -> None:
    together = Together(days)
    together.join("alone")
    await together.until("alone", date(2026, 3, 9))
    await together.until("alone", date(2026, 3, 4))
    assert day_in_china(days.clock.now()) == date(2026, 3, 9)


def test_every_way_is_played_once_and_one_that_stops_a_service_alone() -> None:
    groups = [group for ways in by_stack(WAYS_OUT.values()) for group in at_once(ways)]
    assert sorted(way.name for group in groups for way in group) == sorted(WAYS_OUT)
    assert all(len(group) == 1 for group in groups if any(way.stops_a_service for way in group))


def test_ways_that_start_on_one_day_share_its_clock_unless_one_stops_a_service() -> None:
    machine, shared, *alone = by_stack(WAYS_OUT.values())
    assert all(way.starts is None for way in machine)
    assert {way.starts for way in shared} == {MONDAY} and not any(way.stops_a_service for way in shared)
    assert [[way.name for way in ways] for ways in alone] == [["missed-release"]]
    assert sorted(way.name for ways in (shared, *alone) for way in ways) == sorted(way.name for way in OF_DAYS)
