"""When a period ends, by Articles 200 to 204 of the Civil Code and China's published working days.

Pure: the calendar is data, nothing is read and no clock is asked. What no notice has settled yet is answered
with `Unpublished`, never with a guess.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, time, timedelta, timezone
from typing import Final, Self

# The package is two dictionaries of dates; importing it reads no file and asks no clock.
from chinese_calendar.constants import holidays as _package_holidays  # pyright: ignore[reportMissingTypeStubs]
from chinese_calendar.constants import workdays as _package_workdays  # pyright: ignore[reportMissingTypeStubs]

from contracts.period import Days, Period
from services.runtime.core.calendar_table import LATER_YEARS, YearTable

CHINA_TIME: Final = timezone(timedelta(hours=8))
"""China Standard Time, +08:00 in every part of the country, without summer time since 1991."""

_FIRST_DAY_OF_THE_NEXT_NOTICE = (12, 28)
"""The New Year's holiday and its make-up day reach back into December: 29 to 31 December 2018 were settled by
the notice for 2019. So the last days of a year are known only with the notice for the next."""


@dataclass(frozen=True, slots=True)
class Unpublished:
    """The answer that there is no answer yet: the calendar lacks the notice for `year`."""

    year: int


class Calendar:
    """Which days are worked, for the years whose notices are known."""

    __slots__ = ("_holidays", "_workdays", "_years")

    def __init__(self, tables: Iterable[YearTable]) -> None:
        """`tables`: one notice a year. A year may come twice if both move the same days.

        Raises `ValueError` for notices that contradict each other or themselves.
        """
        known: dict[int, YearTable] = {}
        for table in tables:
            _check(table)
            # A weekend within a holiday is off anyway; one source lists it, another does not.
            moved = YearTable(table.year, frozenset(filter(_is_weekday, table.holidays)), table.workdays)
            if known.setdefault(table.year, moved) != moved:
                raise ValueError(f"calendar: two different notices for {table.year}")
        self._years = frozenset(known)
        self._holidays = frozenset(day for table in known.values() for day in table.holidays)
        self._workdays = frozenset(day for table in known.values() for day in table.workdays)

    @classmethod
    def published(cls, later: Iterable[YearTable] = LATER_YEARS) -> Self:
        """Return the calendar of the package and the `later` notices. Raises `ValueError` as `Calendar`."""
        return cls([*_package_tables(), *later])

    def is_working_day(self, day: date) -> bool | Unpublished:
        """Whether `day` is worked: a weekday that is no holiday, or a weekend day that makes up for one."""
        if missing := {day.year, _notice_of(day)} - self._years:
            return Unpublished(min(missing))
        return day in self._workdays or (_is_weekday(day) and day not in self._holidays)


def due(start: datetime, period: Period, calendar: Calendar) -> date | Unpublished:
    """Return the last day of `period`, or `Unpublished` where a notice that it depends on is not known.

    `start` is when the period was set running, with a time zone; its day in China does not count. The last
    day counts whole ("within" includes the number). Of calendar days every day counts, and if the last is a
    day off, the period ends on the next day that is worked; of working days only those that are worked count.
    A period of 0 days is "on the day", or on the next that is worked.

    Civil Code 201 按照年、月、日计算期间的，开始的当日不计入，自下一日开始计算。
    203 期间的最后一日是法定休假日的，以法定休假日结束的次日为期间的最后一日。1259 “以内”…包括本数。
    Raises `ValueError` if `start` has no time zone.
    """
    day = day_in_china(start)
    if period.count is Days.CALENDAR:
        if day.toordinal() + period.days > date.max.toordinal():
            return Unpublished(MAXYEAR)
        return _worked_from(day + timedelta(days=period.days), calendar)
    for _ in range(period.days):
        found = _worked_from(day + timedelta(days=1), calendar)
        if isinstance(found, Unpublished):
            return found
        day = found
    return _worked_from(day, calendar)


def deadline(due: date) -> datetime:
    """Return the first moment at which a period with the last day `due` is over: 00:00 of the next in China.

    Civil Code 203 期间的最后一日的截止时间为二十四时；有业务时间的，停止业务活动的时间为截止时间。
    Our reading: acts done online have no business hours, so it is 24:00 for all of them.
    """
    return datetime.combine(due + timedelta(days=1), time(), CHINA_TIME)


def kept(act_at: datetime, due: date) -> bool:
    """Whether an act done at `act_at` kept the period with the last day `due`.

    It goes by the act itself: one that is heard of late was still in time, and one that was late stays late.
    Raises `ValueError` if `act_at` has no time zone.
    """
    return day_in_china(act_at) <= due


def day_in_china(moment: datetime) -> date:
    """The day on which a moment falls in China. Raises `ValueError` if it has no time zone."""
    if moment.utcoffset() is None:
        raise ValueError("a period is counted from a moment with a time zone")
    return moment.astimezone(CHINA_TIME).date()


def _worked_from(day: date, calendar: Calendar) -> date | Unpublished:
    """`day`, or the next day after it that is worked."""
    while True:
        worked = calendar.is_working_day(day)
        if isinstance(worked, Unpublished):
            return worked
        if worked:
            return day
        day += timedelta(days=1)


def _check(table: YearTable) -> None:
    for day in sorted(table.holidays | table.workdays):
        if table.year not in (day.year, _notice_of(day)):
            raise ValueError(f"calendar: {day} does not belong to the notice for {table.year}")
    for day in sorted(table.workdays):
        if _is_weekday(day):
            raise ValueError(f"calendar: {day} is worked to make up, but it is no weekend day")
        if day in table.holidays:
            raise ValueError(f"calendar: {day} is both a holiday and worked")


def _is_weekday(day: date) -> bool:
    return day.weekday() < 5


def _package_tables() -> list[YearTable]:
    """The package's days as one table a notice. Every notice has a New Year's Day, so none is missed."""
    years = sorted(day.year for day in _package_holidays if (day.month, day.day) == (1, 1))
    return [
        YearTable(
            year=year,
            holidays=frozenset(day for day in _package_holidays if _notice_of(day) == year),
            workdays=frozenset(day for day in _package_workdays if _notice_of(day) == year),
        )
        for year in years
    ]


def _notice_of(day: date) -> int:
    """The year whose notice settles `day`, if that day is not what its weekday says."""
    return day.year + ((day.month, day.day) >= _FIRST_DAY_OF_THE_NEXT_NOTICE)


CHINA: Final = Calendar.published()
"""The calendar that services use."""
