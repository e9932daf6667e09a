"""The order of saying, from what several institutions' records tell: their times, and what caused what."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar


class Timed(Protocol):
    """A word as somebody has read it."""

    @property
    def id(self) -> str: ...

    @property
    def at(self) -> datetime: ...


W = TypeVar("W", bound=Timed)


def in_causal_order(words: Iterable[W], causes: Mapping[str, str | None]) -> list[W]:
    """The words by their time, but what caused a word before it, whatever the clocks say. Where both are silent, their
    order as given counts.

    `causes` has the cause of each record that is known, also of records that are no words. Causes that go round in a
    circle, which only a forger can write, count for nothing where the circle closes.
    """
    by_time = sorted(words, key=lambda word: word.at)
    by_id = {word.id: word for word in by_time}
    placed: dict[str, W] = {}
    for word in by_time:
        chain: list[str] = []
        at: str | None = word.id
        while at is not None and at not in placed and at not in chain:
            chain.append(at)
            at = causes.get(at)
        placed.update((one, by_id[one]) for one in reversed(chain) if one in by_id)
    return list(placed.values())
