"""Values that grow at their end, as a subject's file does, without being copied each time.

Each value is what it was when it was made, for ever; only the newest of them shares its room with the next. So a
subject of 20,000 letters takes the next one as fast as its first, and is read from the journal in one pass.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar, cast, overload

T = TypeVar("T")
V = TypeVar("V")


def but(value: T, **changes: Any) -> T:
    """A frozen dataclass with these fields changed. As `dataclasses.replace`, which takes ten times as long; for those
    without slots and `__post_init__`."""
    changed = object.__new__(type(value))
    changed.__dict__.update(value.__dict__, **changes)
    return changed


class Chain(Sequence[T]):
    """A tuple with `plus`."""

    __slots__ = ("_length", "_room")

    def __init__(self, values: Iterable[T] = ()) -> None:
        self._room = list(values)
        self._length = len(self._room)

    def plus(self, value: T) -> "Chain[T]":
        """These and one more."""
        grown = cast("Chain[T]", Chain.__new__(Chain))
        # Whoever grew from here before has taken the room behind: the second one needs its own.
        grown._room = self._room if len(self._room) == self._length else self._room[: self._length]
        grown._room.append(value)
        grown._length = self._length + 1
        return grown

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return islice(self._room, self._length)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._room[index % self._length]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Chain | tuple) and tuple(self) == tuple(other)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __repr__(self) -> str:
        return f"Chain({tuple(self)!r})"


class Index(Mapping[str, V], Generic[V]):
    """A mapping with `plus`."""

    __slots__ = ("_length", "_room")

    def __init__(self, values: Mapping[str, V] | None = None) -> None:
        self._room = {key: (place, value) for place, (key, value) in enumerate((values or {}).items())}
        self._length = len(self._room)

    def plus(self, key: str, value: V) -> "Index[V]":
        """The same with this value at this key."""
        if key in self:
            return Index({**self, key: value})
        grown = cast("Index[V]", Index.__new__(Index))
        whole = len(self._room) == self._length
        grown._room = self._room if whole else dict(islice(self._room.items(), self._length))
        grown._room[key] = (self._length, value)
        grown._length = self._length + 1
        return grown

    def __getitem__(self, key: str) -> V:
        place, value = self._room[key]
        if place >= self._length:
            raise KeyError(key)
        return value

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[str]:
        return islice(self._room, self._length)

    def __repr__(self) -> str:
        return f"Index({dict(self)!r})"
