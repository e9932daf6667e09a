"""Everything small that a state is made of, by number."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Table(Generic[T]):
    """Things by number, each once: of those that have the same key the first stands for all."""

    def __init__(self) -> None:
        self.all: list[T] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, thing: T) -> int:
        """The number of what has this key; `thing` where nothing has it yet."""
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = len(self.all)
            self.all.append(thing)
        return known

    def __getitem__(self, number: int) -> T:
        return self.all[number]

    def __len__(self) -> int:
        return len(self.all)
