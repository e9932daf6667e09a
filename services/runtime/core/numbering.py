"""Where an event wants numbers put, and putting them there."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from contracts.document import WANTED, is_wanted

CHINA = timezone(timedelta(hours=8), "CST")


def wanted_documents(data: Any) -> tuple[tuple[str, str], ...]:
    """(form, title) of every document in these JSON values that still wants its number, in order."""
    if is_wanted(data):
        return ((data["number"].removeprefix(WANTED), data["title"]),)
    return tuple(found for _, value in _inside(data) for found in wanted_documents(value))


def places(forms: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Which document of its series each of a draft's is: (form, 0), and (form, 1) for a second one of the same."""
    return tuple((form, forms[:n].count(form)) for n, form in enumerate(forms))


def fill_in(data: Any, numbered: Iterator[Any]) -> Any:
    """The same values with each wanted document replaced by the numbered ones, in order."""
    if is_wanted(data):
        return next(numbered)
    if isinstance(data, dict):
        return {name: fill_in(value, numbered) for name, value in _inside(data)}
    if isinstance(data, list):
        return [fill_in(value, numbered) for _, value in _inside(data)]
    return data


def number(form: str, at: datetime, house: str, n: int) -> str:
    """The n-th number of a series: `({year}){house}证提字第{n:07d}号` → `(2026)聊城证提字第0000012号`. The year is
    China's at that moment."""
    return form.format(year=at.astimezone(CHINA).year, house=house, n=n)


def _inside(data: Any) -> list[tuple[str, Any]]:
    """The named values of an object, the unnamed ones of a list, nothing of anything else."""
    if isinstance(data, dict):
        return list(cast(dict[str, Any], data).items())
    if isinstance(data, list):
        return [("", value) for value in cast(list[Any], data)]
    return []
