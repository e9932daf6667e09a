"""What the runtime asks of a database: an insert-only journal whose key is the fence, and rows of what is open."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.runtime.core.rows import Row

JsonItems = tuple[dict[str, Any], ...]
PAGE_ROWS = 1000


class StoreUnavailable(Exception):
    """The database does not answer now; what was asked may or may not have been done."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one turn added to one subject. (subject, version) is the key; `version` is the parent's plus one, so that of
    two workers that both believe they own the subject only one can write. `place`: the newest record in it."""

    subject: str
    version: int
    schema: int
    items: JsonItems
    place: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All items of a subject up to and including `version`, so that loading reads few documents."""

    subject: str
    version: int
    schema: int
    items: JsonItems


class Store(Protocol):
    """Every write is there for good (majority, journaled) when its call returns; a lost reply raises
    StoreUnavailable and the call can be made again."""

    async def load(self, subjects: Collection[str]) -> Mapping[str, tuple[Snapshot | None, Sequence[Entry]]]:
        """For each subject its newest snapshot and the entries after it, in order."""
        ...

    async def subjects(self, after: str, limit: int) -> Sequence[str]:
        """At most `limit` subjects of which something is on file, by their keys: those that come after `after`."""
        ...

    async def insert(self, entries: Sequence[Entry]) -> frozenset[str]:
        """Insert them; the answer names the subjects whose key was taken, and of which nothing was inserted."""
        ...

    async def snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot. One of the same subject and version is the same."""
        ...

    async def mark_place(self, partition: int, offset: int) -> None:
        """Everything up to and including this place is dealt with, though it left no entry."""
        ...

    async def newest_places(self, partitions: Collection[int]) -> Mapping[int, int]:
        """The newest place that the journal or a mark knows, by partition; none for a partition never heard of."""
        ...

    async def forget_places(self, partitions: Collection[int]) -> None:
        """The log was made anew: its places say nothing any more (entries keep theirs for the audit)."""
        ...

    async def change_rows(self, put: Sequence[Row], delete: Collection[str]) -> None:
        """Insert rows where they are missing (a row that is there stays as it is), and delete others."""
        ...

    async def rows_of(self, subject: str) -> Sequence[Row]:
        """All rows of one subject."""
        ...

    async def rows(
        self,
        kind: str,
        *,
        partitions: Collection[int] | None = None,
        after: Row | None = None,
        newest_first: bool = False,
        limit: int = PAGE_ROWS,
    ) -> Sequence[Row]:
        """At most `limit` rows of a kind, by `since` and then by id, oldest first unless told otherwise; only of these
        partitions if any are named, and only those that come after a row, which need not be there any more."""
        ...

    async def count(self, kind: str, *, partitions: Collection[int] | None = None) -> int:
        """How many rows of a kind there are; only of these partitions if any are named."""
        ...

    async def row(self, row_id: str) -> Row | None:
        """One row."""
        ...

    async def mark_row(self, row_id: str, mark: str, value: str) -> bool:
        """Set `data[mark]`, for workers; False where the row is gone."""
        ...

    async def cursor(self, name: str) -> int:
        """How far a reader of an outside list has come; 0 at first."""
        ...

    async def move_cursor(self, name: str, to: int) -> None:
        """The reader has come so far. It never goes back."""
        ...

    async def ping(self) -> None:
        """Raises StoreUnavailable where the database does not answer."""
        ...


async def row_pages(
    store: Store,
    kind: str,
    partitions: Collection[int] | None = None,
    *,
    after: Row | None = None,
    newest_first: bool = False,
) -> AsyncIterator[Sequence[Row]]:
    """All rows of a kind, or all that come after one, PAGE_ROWS at a time. Rows may be put and deleted meanwhile; one
    that is there all the while comes once."""
    last = after
    while True:
        page = await store.rows(kind, partitions=partitions, after=last, newest_first=newest_first, limit=PAGE_ROWS)
        if page:
            yield page
        if len(page) < PAGE_ROWS:
            return
        last = page[-1]


async def all_rows(
    store: Store,
    kind: str,
    partitions: Collection[int] | None = None,
    *,
    after: Row | None = None,
    newest_first: bool = False,
) -> AsyncIterator[Row]:
    """The same, one after another: for whoever works on rows, since none may hide another."""
    async for page in row_pages(store, kind, partitions, after=after, newest_first=newest_first):
        for row in page:
            yield row
