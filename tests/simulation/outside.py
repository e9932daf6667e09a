"""The outside of a simulated city: the log, the databases and the rail, as they are when nobody waits for them.

Nothing here awaits or fails by itself; `adapters.py` puts the scheduler and its faults in front. What goes in comes out
as it would for real: records as bytes, documents as BSON.
"""

import random
from bisect import insort
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import bson
from bson.codec_options import CodecOptions, TypeRegistry

from contracts.envelope import PARTITIONS, Record
from services.runtime.core.rows import Row
from services.runtime.log import LogUnavailable, Received
from services.runtime.log.place import partition_in_topic, partitions_of_topic
from services.runtime.rail import StatementLine, Transfer
from services.runtime.rail.memory import MemoryRail
from services.runtime.store import Entry, Snapshot
from services.runtime.store.mongo import _PlainInteger, _row, _row_values  # the forms that the real one writes

T = TypeVar("T")

AS_STORED: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, type_registry=TypeRegistry([_PlainInteger()]))


def at_once(answer: Coroutine[Any, Any, T]) -> T:
    """What a coroutine answers that never waits."""
    try:
        answer.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("it waits for something")


class Broker:
    """Topics with their partitions. A topic may be `down`; `mirrored` words arrive later, in any order, some twice."""

    def __init__(self, now: Callable[[], datetime], chance: random.Random, mirrored: float) -> None:
        self.now = now
        self.chance = chance
        self.mirrored = mirrored
        self.topics: dict[str, list[list[Received]]] = {}
        self.down: set[str] = set()
        self.on_the_way: list[tuple[str, Record]] = []
        self.late: list[Callable[[], Any]] = []
        self.ends: dict[str, list[int]] = {}

    def create(self, *topics: str) -> None:
        """Create those that are not there."""
        for topic in topics:
            if topic not in self.topics:
                self.topics[topic] = [[] for _ in range(partitions_of_topic(topic))]
                self.ends[topic] = [0] * partitions_of_topic(topic)

    def append(self, topic: str, record: Record, own: bool) -> None:
        """A record is there for good; one from another cluster as soon as it is mirrored. Raises LogUnavailable."""
        if topic not in self.topics or topic in self.down:
            raise LogUnavailable(f"{topic} takes nothing")
        if not own and self.mirrored and self.chance.random() < self.mirrored:
            self.on_the_way += [(topic, record)] * (2 if self.chance.random() < 0.1 else 1)
        else:
            self.put(topic, record)

    def put(self, topic: str, record: Record) -> None:
        """The record stands in its partition."""
        partition = _partition(topic, record.key) if record.key else partition_in_topic(topic, record)
        stands = self.topics[topic][partition]
        stands.append(Received(record, partition, len(stands), self.now()))
        self.ends[topic][partition] = len(stands)

    def arrive(self) -> bool:
        """One that was late or on the way arrives: mostly one of the oldest. False where none can now."""
        if self.late and (not self.on_the_way or self.chance.random() < 0.5):
            n = self.chance.randrange(len(self.late))
            try:
                self.late[n]()
            except LogUnavailable:
                return False  # the producer still tries
            del self.late[n]
        elif self.on_the_way:
            last = len(self.on_the_way) - 1
            n = self.chance.randint(0, last) if self.chance.random() < 0.3 else 0
            self.put(*self.on_the_way.pop(n))
        else:
            return False
        return True

    def batch(self, topic: str, places: Mapping[int, int], limit: int) -> list[Received]:
        """Up to `limit` records from these places on: in order within a partition, in any order between them."""
        queues = [self.topics[topic][p][start : start + limit] for p, start in sorted(places.items())]
        queues = [queue for queue in queues if queue]
        if len(queues) == 1:
            return queues[0][:limit]
        taken: list[Received] = []
        while queues and len(taken) < limit:
            queue = queues[self.chance.randrange(len(queues))]
            taken.append(queue.pop(0))
            if not queue:
                queues.remove(queue)
        return taken


@lru_cache(maxsize=4096)
def _partition(topic: str, key: bytes) -> int:
    return partition_in_topic(topic, Record(key, b"", ()))


class Database:
    """One institution's database, shared by all its processes. `heard_of` is told of every entry that is really in."""

    def __init__(self, heard_of: Callable[[Entry], None]) -> None:
        self.heard_of = heard_of
        self.journal: dict[str, list[bytes]] = {}
        self.snapshots: dict[str, tuple[int, bytes]] = {}
        self.places: dict[int, int] = {}
        self.marked: dict[int, int] = {}
        self.cursors: dict[str, int] = {}
        self.rows: dict[str, bytes] = {}
        self.kinds: dict[str, list[tuple[datetime, str, int, str]]] = {}  # by kind: since, id, partition, subject
        self.kind: dict[str, tuple[str, tuple[datetime, str, int, str]]] = {}  # of each row, with its place there
        self.unpaid: set[str] = set()  # payments that the rail has not answered for good
        self.changes = 0  # how often rows have changed
        self._read: dict[str, tuple[bytes, Row]] = {}  # for those who only look on

    # --- the journal --------------------------------------------------------------------------------------------------

    def load(self, subjects: Collection[str]) -> dict[str, tuple[Snapshot | None, Sequence[Entry]]]:
        """As Store.load."""
        return {subject: self._load(subject) for subject in subjects}

    def _load(self, subject: str) -> tuple[Snapshot | None, Sequence[Entry]]:
        version, raw = self.snapshots.get(subject, (0, b""))
        snapshot = None
        if raw:
            document = bson.decode(raw, AS_STORED)
            snapshot = Snapshot(subject, version, document["schema"], tuple(document["items"]))
        entries = [bson.decode(raw, AS_STORED) for raw in self.journal.get(subject, ())[version:]]
        return snapshot, tuple(
            Entry(subject, version + n, d["schema"], tuple(d["items"]), (d["partition"], d["offset"]))
            for n, d in enumerate(entries, 1)
        )

    def insert(self, entries: Sequence[Entry]) -> frozenset[str]:
        """As Store.insert: the key is the fence."""
        taken: set[str] = set()
        for entry in entries:
            there = self.journal.setdefault(entry.subject, [])
            if entry.version != len(there) + 1:
                assert entry.version <= len(there), f"{entry.subject}: version {entry.version} after {len(there)}"
                taken.add(entry.subject)
                continue
            partition, offset = entry.place
            document = {"schema": entry.schema, "items": list(entry.items), "partition": partition, "offset": offset}
            there.append(bson.encode(document))
            self.places[partition] = max(offset, self.places.get(partition, -1))
            self.heard_of(entry)
        return frozenset(taken)

    def subjects(self, after: str, limit: int) -> list[str]:
        """As Store.subjects."""
        return sorted(key for key in self.journal if key > after)[:limit]

    def snapshot(self, snapshot: Snapshot) -> None:
        """As Store.snapshot."""
        if self.snapshots.get(snapshot.subject, (0, b""))[0] < snapshot.version:
            document = {"schema": snapshot.schema, "items": list(snapshot.items)}
            self.snapshots[snapshot.subject] = (snapshot.version, bson.encode(document))

    def newest_places(self, partitions: Collection[int]) -> dict[int, int]:
        """As Store.newest_places."""
        known = {p: max(self.places.get(p, -1), self.marked.get(p, -1)) for p in partitions}
        return {p: place for p, place in known.items() if place >= 0}

    def mark_place(self, partition: int, offset: int) -> None:
        """As Store.mark_place."""
        self.marked[partition] = max(offset, self.marked.get(partition, -1))

    def forget_places(self, partitions: Collection[int]) -> None:
        """As Store.forget_places."""
        for partition in partitions:
            self.places.pop(partition, None)
            self.marked.pop(partition, None)

    # --- rows ---------------------------------------------------------------------------------------------------------

    def change_rows(self, put: Sequence[Row], delete: Collection[str]) -> None:
        """As Store.change_rows."""
        for row in put:
            if row.id not in self.rows:
                self.rows[row.id] = bson.encode({"_id": row.id, **_row_values(row)})
                since = row.since.replace(microsecond=row.since.microsecond // 1000 * 1000)
                place = since, row.id, row.partition, row.subject
                insort(self.kinds.setdefault(row.kind, []), place)
                self.kind[row.id] = row.kind, place
                if row.kind == "payment":
                    self.unpaid.add(row.id)
        for row_id in delete:
            if self.rows.pop(row_id, None) is not None:
                kind, place = self.kind.pop(row_id)
                self.kinds[kind].remove(place)
                self.unpaid.discard(row_id)
        self.changes += 1

    def row_of(self, raw: bytes) -> Row:
        """The row in a document."""
        return _row(bson.decode(raw, AS_STORED))

    def row(self, row_id: str) -> Row | None:
        """As Store.row."""
        raw = self.rows.get(row_id)
        return self.row_of(raw) if raw is not None else None

    def rows_of(self, subject: str) -> tuple[Row, ...]:
        """As Store.rows_of."""
        found = sorted(one for some in self.kinds.values() for one in some if one[3] == subject)
        return tuple(self.row_of(self.rows[row_id]) for _, row_id, _, _ in found)

    def ids(
        self, kind: str, partitions: Collection[int] | None, after: Row | None, newest_first: bool
    ) -> Iterator[str]:
        """The ids of a kind's rows as Store.rows has them."""
        last = (after.since, after.id) if after is not None else None
        for since, row_id, partition, _ in (
            reversed(self.kinds.get(kind, [])) if newest_first else self.kinds.get(kind, [])
        ):
            if partitions is not None and partition not in partitions:
                continue
            if last is None or ((since, row_id) < last if newest_first else (since, row_id) > last):
                yield row_id

    def of_kind(self, kind: str) -> list[Row]:
        """All rows of a kind, for whoever looks on."""
        return [self._seen(row_id) for _, row_id, _, _ in self.kinds.get(kind, ())]

    def _seen(self, row_id: str) -> Row:
        raw = self.rows[row_id]
        there = self._read.get(row_id)
        if there is None or there[0] is not raw:
            there = self._read[row_id] = raw, self.row_of(raw)
        return there[1]

    def mark_row(self, row_id: str, mark: str, value: str) -> bool:
        """As Store.mark_row."""
        raw = self.rows.get(row_id)
        if raw is None:
            return False
        document: dict[str, Any] = bson.decode(raw, AS_STORED)
        document["data"][mark] = value
        self.rows[row_id] = bson.encode(document)
        if (mark == "state" and value in ("accepted", "refused")) or mark == "fault":
            self.unpaid.discard(row_id)
        return True

    def move_cursor(self, name: str, to: int) -> None:
        """As Store.move_cursor."""
        self.cursors[name] = max(to, self.cursors.get(name, 0))


class Bank:
    """The rail's own books, and whoever must see each movement. Transfers settle when the city lets them."""

    def __init__(self, now: Callable[[], datetime], booked: Callable[[Transfer], None]) -> None:
        self.books = MemoryRail(now)
        self.booked = booked
        self.orders: dict[str, Transfer] = {}
        self.settled: list[Callable[[Transfer, bool], None]] = []
        self.accounts: list[str] = []
        self.total_fen = 0

    def open(self, account: str, owner: str, opening_fen: int) -> None:
        """Open an account."""
        self.books.open(account, owner, opening_fen)
        self.accounts.append(account)
        self.total_fen += opening_fen

    def transfer(self, order: Transfer) -> Any:
        """Book an order; whoever looks on sees it when it is new and was taken."""
        before = self.books.on_its_way_fen(order.from_account) if order.from_account in self.accounts else 0
        answer = at_once(self.books.transfer(order))
        if order.from_account in self.accounts and self.books.on_its_way_fen(order.from_account) != before:
            self.orders[order.key] = order
            self.booked(order)
        return answer

    def settle(self, key: str) -> None:
        """One transfer arrives or comes back."""
        order = self.orders[key]
        before = self.books.balance_fen(order.to_account)
        self.books.settle(key)
        for told in self.settled:
            told(order, self.books.balance_fen(order.to_account) != before)

    def lines(self, account: str) -> int:
        """How many lines its statement has."""
        return len(self.books._accounts[account].lines)

    def statement(self, account: str, after: int) -> tuple[StatementLine, ...]:
        """As Rail.statement."""
        return at_once(self.books.statement(account, after))


ALL_PARTITIONS = frozenset(range(PARTITIONS))
