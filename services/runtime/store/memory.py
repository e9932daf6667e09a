"""The store in memory, for tests and simulations: behaves as the real one does, faults included.

Everything goes in and comes out through canonical JSON, so that two holders never share a value, and what
could not be stored for real cannot be stored here.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from contracts.values import canonical_json
from services.runtime.core.rows import Row
from services.runtime.store import PAGE_ROWS, Entry, JsonItems, Snapshot, StoreUnavailable


class MemoryStore:
    """A `Store` whose faults are set by hand: `down` makes every call raise before anything is done,
    `lost_replies` makes that many writes raise after all of it is done."""

    def __init__(self) -> None:
        self.down = False
        self.lost_replies = 0
        self.journal: dict[tuple[str, int], Entry] = {}
        self._made: dict[tuple[str, int], int] = {}  # how often the entry's log had been made anew
        self._snapshots: dict[tuple[str, int], Snapshot] = {}
        self._rows: dict[str, Row] = {}
        self._places: dict[int, int] = {}
        self._remade: dict[int, int] = {}
        self._cursors: dict[str, int] = {}

    async def load(self, subjects: Collection[str]) -> Mapping[str, tuple[Snapshot | None, Sequence[Entry]]]:
        await self._answer()
        found: dict[str, tuple[Snapshot | None, Sequence[Entry]]] = {}
        for subject in subjects:
            newest = max((v for s, v in self._snapshots if s == subject), default=0)
            after = sorted(v for s, v in self.journal if s == subject and v > newest)
            snapshot = self._snapshots.get((subject, newest))
            entries = [self.journal[subject, v] for v in after]
            found[subject] = (
                replace(snapshot, items=_copied(snapshot.items)) if snapshot is not None else None,
                tuple(replace(entry, items=_copied(entry.items)) for entry in entries),
            )
        return found

    async def subjects(self, after: str, limit: int) -> Sequence[str]:
        await self._answer()
        return sorted({subject for subject, _ in self.journal if subject > after})[:limit]

    async def insert(self, entries: Sequence[Entry]) -> frozenset[str]:
        await self._answer()
        taken: set[str] = set()
        for entry in entries:
            key = (entry.subject, entry.version)
            if key in self.journal:
                taken.add(entry.subject)
            else:
                self.journal[key] = replace(entry, items=_copied(entry.items))
                self._made[key] = self._remade.get(entry.place[0], 0)
        self._reply()
        return frozenset(taken)

    async def snapshot(self, snapshot: Snapshot) -> None:
        await self._answer()
        key = (snapshot.subject, snapshot.version)
        self._snapshots.setdefault(key, replace(snapshot, items=_copied(snapshot.items)))
        self._reply()

    async def mark_place(self, partition: int, offset: int) -> None:
        await self._answer()
        self._places[partition] = max(offset, self._places.get(partition, -1))
        self._reply()

    async def newest_places(self, partitions: Collection[int]) -> Mapping[int, int]:
        await self._answer()
        newest = {p: self._places[p] for p in partitions if p in self._places}
        for key, entry in self.journal.items():
            partition, offset = entry.place
            if partition in partitions and self._made[key] == self._remade.get(partition, 0):
                newest[partition] = max(offset, newest.get(partition, -1))
        return newest

    async def forget_places(self, partitions: Collection[int]) -> None:
        await self._answer()
        for partition in partitions:
            self._places.pop(partition, None)
            self._remade[partition] = self._remade.get(partition, 0) + 1
        self._reply()

    async def change_rows(self, put: Sequence[Row], delete: Collection[str]) -> None:
        await self._answer()
        for row in put:
            self._rows.setdefault(row.id, _copied_row(row))
        for row_id in delete:
            self._rows.pop(row_id, None)
        self._reply()

    async def rows_of(self, subject: str) -> Sequence[Row]:
        await self._answer()
        found = [row for row in self._rows.values() if row.subject == subject]
        return tuple(_copied_row(row) for row in sorted(found, key=_age))

    async def rows(
        self,
        kind: str,
        *,
        partitions: Collection[int] | None = None,
        after: Row | None = None,
        newest_first: bool = False,
        limit: int = PAGE_ROWS,
    ) -> Sequence[Row]:
        await self._answer()
        found = sorted(self._of_kind(kind, partitions), key=_age, reverse=newest_first)
        if after is not None:
            last = _age(after)
            found = [row for row in found if (_age(row) < last if newest_first else _age(row) > last)]
        return tuple(_copied_row(row) for row in found[:limit])

    async def count(self, kind: str, *, partitions: Collection[int] | None = None) -> int:
        await self._answer()
        return len(self._of_kind(kind, partitions))

    async def row(self, row_id: str) -> Row | None:
        await self._answer()
        row = self._rows.get(row_id)
        return _copied_row(row) if row is not None else None

    async def mark_row(self, row_id: str, mark: str, value: str) -> bool:
        await self._answer()
        if row_id in self._rows:
            self._rows[row_id].data[mark] = value
        self._reply()
        return row_id in self._rows

    async def cursor(self, name: str) -> int:
        await self._answer()
        return self._cursors.get(name, 0)

    async def move_cursor(self, name: str, to: int) -> None:
        await self._answer()
        self._cursors[name] = max(to, self._cursors.get(name, 0))
        self._reply()

    async def ping(self) -> None:
        await self._answer()

    async def _answer(self) -> None:
        await asyncio.sleep(0)  # as with a real one, others get their turn here
        if self.down:
            raise StoreUnavailable("set down by hand")

    def _reply(self) -> None:
        if self.lost_replies:
            self.lost_replies -= 1
            raise StoreUnavailable("it is written, but the reply was lost")

    def _of_kind(self, kind: str, partitions: Collection[int] | None) -> list[Row]:
        of_kind = (row for row in self._rows.values() if row.kind == kind)
        return [row for row in of_kind if partitions is None or row.partition in partitions]


def _copied(items: JsonItems) -> JsonItems:
    return tuple(json.loads(canonical_json(items)))


def _age(row: Row) -> tuple[datetime, str]:
    """By what rows are ordered: the database knows milliseconds."""
    return row.since.replace(microsecond=row.since.microsecond // 1000 * 1000), row.id


def _copied_row(row: Row) -> Row:
    return replace(row, since=_age(row)[0], data=json.loads(canonical_json(row.data)))
