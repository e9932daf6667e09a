"""Holidays and make-up working days of years that the package `chinesecalendar` does not know yet. Data only.

The State Council's notice for a year (国务院办公厅关于部分节假日安排的通知) comes out in the autumn before.
Until the package is released with it, it is copied here, in this form::

    YearTable(
        year=2027,
        holidays=days("2027-01-01/2027-01-03 ..."),
        workdays=days("2027-02-20 ..."),
    )

What is not published is not written here: no holiday is a guess.
"""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class YearTable:
    """One year's notice: its days off on or beside weekends, and the weekend days that are worked to make up.

    `year` is the year that the notice is for; some of its days may be the last of the December before.
    """

    year: int
    holidays: frozenset[date]
    workdays: frozenset[date]


def days(text: str) -> frozenset[date]:
    """Return the days that `text` lists, single or as `first/last`, with blanks between.

    Raises `ValueError` for what is no date, or a last day before the first.
    """
    listed: set[date] = set()
    for item in text.split():
        first, _, last = item.partition("/")
        start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        if end < start:
            raise ValueError(f"{item}: the last day is before the first")
        listed.update(start + timedelta(days=offset) for offset in range((end - start).days + 1))
    return frozenset(listed)


LATER_YEARS: tuple[YearTable, ...] = ()
"""The notices that the package lacks, in the order of years."""
