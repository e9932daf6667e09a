"""Periods by the Civil Code, on the calendar that the State Council published."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.event import Role
from contracts.period import Days, Period, Source
from services.runtime.core.calendar_table import LATER_YEARS, YearTable, days
from services.runtime.core.periods import CHINA, CHINA_TIME, Calendar, Unpublished, deadline, due, kept

CALENDAR, WORKING = Days.CALENDAR, Days.WORKING


def period(count: Days, number: int) -> Period:
    return Period(
        name="release",
        whose=Role.SELLER_BANK,
        days=number,
        count=count,
        clause="ZZ-13(5)",
        source=Source.DOCUMENT,
    )


def noon(text: str) -> datetime:
    """Noon of a day in China."""
    return datetime.fromisoformat(f"{text}T12:00:00+08:00")


@pytest.mark.parametrize(
    ("start", "count", "number", "last", "why"),
    [
        ("2025-03-03", CALENDAR, 1, "2025-03-04", "201: the day it starts on does not count"),
        ("2025-03-03", CALENDAR, 30, "2025-04-02", "30 days on"),
        ("2025-03-03", CALENDAR, 5, "2025-03-10", "203: Saturday 8 March rolls to Monday"),
        ("2025-03-03", CALENDAR, 4, "2025-03-07", "a Friday does not roll"),
        ("2025-03-08", CALENDAR, 2, "2025-03-10", "days off within the period count"),
        ("2025-01-20", CALENDAR, 8, "2025-02-05", "Spring Festival, 28 January to 4 February"),
        ("2025-01-20", CALENDAR, 6, "2025-01-26", "Sunday 26 January 2025 was worked to make up"),
        ("2025-09-21", CALENDAR, 7, "2025-09-28", "Sunday 28 September 2025 was worked to make up"),
        ("2025-09-24", CALENDAR, 7, "2025-10-09", "National Day and Mid-Autumn, 1 to 8 October"),
        ("2024-02-28", CALENDAR, 1, "2024-02-29", "the leap day is a day"),
        ("2024-02-29", CALENDAR, 365, "2025-02-28", "a year of 365 days over a leap day"),
        ("2025-03-03", WORKING, 3, "2025-03-06", "Monday to Thursday"),
        ("2025-03-06", WORKING, 3, "2025-03-11", "over a weekend"),
        ("2025-01-24", WORKING, 1, "2025-01-26", "a made-up Sunday is a working day"),
        ("2025-01-24", WORKING, 3, "2025-02-05", "26, 27 January, 5 February"),
        ("2025-09-26", WORKING, 5, "2025-10-10", "28, 29, 30 September, 9, 10 October"),
        ("2025-03-08", WORKING, 1, "2025-03-10", "started on a Saturday"),
        ("2025-03-03", CALENDAR, 0, "2025-03-03", "on the day"),
        ("2025-03-03", WORKING, 0, "2025-03-03", "on the day"),
        ("2025-03-08", CALENDAR, 0, "2025-03-10", "on the day, which is a Saturday"),
        ("2025-03-08", WORKING, 0, "2025-03-10", "on the day, which is a Saturday"),
        (
            "2018-12-27",
            WORKING,
            2,
            "2018-12-29",
            "the notice for 2019 made Saturday 29 December a working day",
        ),
        ("2018-12-28", WORKING, 2, "2019-01-02", "and 30 December to 1 January days off"),
        ("2025-12-26", CALENDAR, 90, "2026-03-26", "Civil Code 221, into the next year"),
    ],
)
def test_the_last_day(start: str, count: Days, number: int, last: str, why: str) -> None:
    assert due(noon(start), period(count, number), CHINA) == date.fromisoformat(last), why


def test_the_day_that_does_not_count_is_the_day_in_china() -> None:
    before_midnight = datetime(2025, 3, 3, 15, 59, 59, 999000, tzinfo=UTC)
    assert due(before_midnight, period(CALENDAR, 1), CHINA) == date(2025, 3, 4)
    assert due(before_midnight + timedelta(milliseconds=1), period(CALENDAR, 1), CHINA) == date(2025, 3, 5)


def test_a_period_ends_at_midnight_in_china() -> None:
    assert deadline(date(2025, 3, 4)) == datetime(2025, 3, 4, 16, 0, tzinfo=UTC)
    assert deadline(date(2025, 12, 31)).isoformat() == "2026-01-01T00:00:00+08:00"


def test_a_breach_goes_by_the_date_of_the_act() -> None:
    last = date(2025, 3, 4)
    end = deadline(last)
    assert kept(end - timedelta(milliseconds=1), last)
    assert not kept(end, last)
    assert kept(datetime(2025, 3, 4, 15, 59, 59, tzinfo=UTC), last)
    assert not kept(datetime(2025, 3, 4, 16, 0, 0, tzinfo=UTC), last)
    assert kept(noon("2024-01-01"), last)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    naive = datetime(2025, 3, 3)  # noqa: DTZ001 a naive one is what is refused
    with pytest.raises(ValueError, match="with a time zone"):
        due(naive, period(CALENDAR, 1), CHINA)
    with pytest.raises(ValueError, match="with a time zone"):
        kept(naive, date(2025, 3, 3))


# What is not published


LAST = max(chinese_calendar.holidays).year
"""The last year that the package knows."""


def table(year: int) -> YearTable:
    """A made-up notice: New Year's Day off, nothing else."""
    return YearTable(year, frozenset({date(year, 1, 1)}), frozenset())


@pytest.mark.parametrize(
    ("start", "count", "number", "year"),
    [
        (f"{LAST}-12-26", CALENDAR, 10, LAST + 1),
        (f"{LAST}-12-26", WORKING, 10, LAST + 1),
        (f"{LAST}-12-28", WORKING, 1, LAST + 1),
        (f"{LAST}-12-25", CALENDAR, 5, LAST + 1),
        (f"{LAST}-01-05", CALENDAR, 800, LAST + 2),
        ("2003-06-01", CALENDAR, 5, 2003),
        ("9999-12-30", CALENDAR, 5, 9999),
        ("9999-12-30", WORKING, 5, 9999),
    ],
)
def test_an_unpublished_year_is_never_guessed(start: str, count: Days, number: int, year: int) -> None:
    unpublished = Calendar.published(later=())
    assert due(noon(start), period(count, number), unpublished) == Unpublished(year)


def test_the_last_days_of_december_wait_for_the_next_notice() -> None:
    unpublished = Calendar.published(later=())
    assert unpublished.is_working_day(date(LAST, 12, 27)) in (True, False)
    for day in (28, 29, 30, 31):
        assert unpublished.is_working_day(date(LAST, 12, day)) == Unpublished(LAST + 1)


def test_every_december_day_of_the_past_that_a_notice_moved_is_among_the_last() -> None:
    moved = [day for day in (*chinese_calendar.holidays, *chinese_calendar.workdays) if day.month == 12]
    assert len(moved) > 5 and min(day.day for day in moved) >= 28


def test_a_table_for_a_later_year_answers_what_was_open() -> None:
    year = LAST + 1
    notice = YearTable(
        year=year,
        holidays=frozenset({date(year, 1, 1), date(year - 1, 12, 31)}),
        workdays=frozenset(),
    )
    calendar = Calendar.published(later=[notice])
    assert calendar.is_working_day(date(year - 1, 12, 31)) is False
    assert calendar.is_working_day(date(year, 1, 1)) is False
    last = due(noon(f"{year - 1}-12-30"), period(WORKING, 1), calendar)
    assert isinstance(last, date) and last > date(year, 1, 1)
    assert calendar.is_working_day(date(year, 12, 31)) == Unpublished(year + 1)


def test_years_between_two_known_ones_stay_unpublished() -> None:
    calendar = Calendar([table(2031), table(2033)])
    assert calendar.is_working_day(date(2032, 6, 1)) == Unpublished(2032)
    assert calendar.is_working_day(date(2031, 12, 31)) == Unpublished(2032)
    assert calendar.is_working_day(date(2031, 6, 2)) is True


def test_notices_that_contradict_are_refused() -> None:
    monday, saturday = date(2031, 6, 2), date(2031, 6, 7)
    none: frozenset[date] = frozenset()
    with pytest.raises(ValueError, match="two different notices for 2031"):
        Calendar([table(2031), YearTable(2031, none, none)])
    with pytest.raises(ValueError, match="both a holiday and worked"):
        Calendar([YearTable(2031, frozenset({saturday}), frozenset({saturday}))])
    with pytest.raises(ValueError, match="no weekend day"):
        Calendar([YearTable(2031, none, frozenset({monday}))])
    with pytest.raises(ValueError, match="does not belong to the notice for 2032"):
        Calendar([YearTable(2032, frozenset({monday}), none)])
    with pytest.raises(ValueError, match="two different notices for 2025"):
        Calendar.published(later=[table(2025)])


def test_a_notice_that_the_package_has_learnt_meanwhile_may_stay_in_the_table() -> None:
    notice = YearTable(
        year=2019,
        holidays=days(
            "2018-12-30/2019-01-01 2019-02-04/2019-02-10 2019-04-05 2019-05-01/2019-05-04 2019-06-07"
            " 2019-09-13 2019-10-01/2019-10-07"
        ),
        workdays=days("2018-12-29 2019-02-02/2019-02-03 2019-04-28 2019-05-05 2019-09-29 2019-10-12"),
    )
    assert Calendar.published(later=[notice]).is_working_day(date(2018, 12, 29)) is True


def test_days_are_listed_single_and_by_first_and_last() -> None:
    assert days("2027-01-01/2027-01-03 2027-04-05") == {
        date(2027, 1, 1),
        date(2027, 1, 2),
        date(2027, 1, 3),
        date(2027, 4, 5),
    }
    assert days("") == frozenset()
    with pytest.raises(ValueError, match="the last day is before the first"):
        days("2027-01-03/2027-01-01")
    with pytest.raises(ValueError, match="day is out of range"):
        days("2027-02-30")


def test_the_table_that_is_shipped_agrees_with_the_package() -> None:
    assert Calendar.published(later=LATER_YEARS).is_working_day(date(2025, 10, 1)) is False


# Properties


STARTS = st.datetimes(
    datetime(2004, 1, 1),  # noqa: DTZ001 hypothesis wants the bounds naive
    datetime(LAST - 1, 6, 30),  # noqa: DTZ001
    timezones=st.just(CHINA_TIME),
)


@given(STARTS, st.integers(0, 90))
def test_calendar_days_end_on_the_first_worked_day_from_the_number_on(start: datetime, number: int) -> None:
    last = due(start, period(CALENDAR, number), CHINA)
    earliest = start.date() + timedelta(days=number)
    assert isinstance(last, date) and last >= earliest
    between = [earliest + timedelta(days=n) for n in range((last - earliest).days)]
    assert chinese_calendar.is_workday(last) and not any(map(chinese_calendar.is_workday, between))


@given(STARTS, st.integers(1, 40))
def test_working_days_are_counted_as_the_package_counts_them(start: datetime, number: int) -> None:
    last = due(start, period(WORKING, number), CHINA)
    assert isinstance(last, date) and chinese_calendar.is_workday(last)
    assert len(chinese_calendar.get_workdays(start.date() + timedelta(days=1), last)) == number


@given(STARTS, st.integers(0, 40))
def test_every_moment_before_the_deadline_keeps_it_and_none_after(start: datetime, number: int) -> None:
    last = due(start, period(WORKING, number), CHINA)
    assert isinstance(last, date)
    assert kept(deadline(last) - timedelta(microseconds=1), last) and not kept(deadline(last), last)
    assert number == 0 or kept(start, last)


def test_importing_the_module_opens_no_file_but_code_and_asks_no_clock() -> None:
    probe = (
        "import sys, contracts.period, services.runtime.core.calendar_table\n"
        "seen = []\n"
        "def hook(event, args):\n"
        "    code = args and isinstance(args[0], str) and args[0].endswith(('.py', '.pyc'))\n"
        "    code = code or event == 'open' and '.pyc.' in str(args[0])\n"
        "    if event.startswith(('socket', 'subprocess', 'os.system')) or event == 'open' and not code:\n"
        "        seen.append((event, args))\n"
        "sys.addaudithook(hook)\n"
        "import services.runtime.core.periods\n"
        "sys.exit(repr(seen) if seen else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
