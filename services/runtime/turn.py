"""The turn: read what has arrived, fold it through the rules, insert one entry per subject, send, and only then commit.

Redelivery is the only recovery. Whatever fails here raises, the offset stays where it was, and the same records come
again: one that is on file already says its words again, and nothing else.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.envelope import encode
from services.runtime import diary, logs
from services.runtime.core.file import Heard, Item, Refused, Resumed, Subject, known_by, spoken_words
from services.runtime.core.fold import hear, load, stop, strike
from services.runtime.core.house import House
from services.runtime.core.journal import SCHEMA, UPCASTERS, dump, vocabulary
from services.runtime.core.journal import load as load_item
from services.runtime.core.rows import PROJECTED, Row, rows
from services.runtime.core.turn import Turn
from services.runtime.keys import Keys
from services.runtime.log import Log, Received
from services.runtime.metrics import Metrics
from services.runtime.post import Parcel, Post
from services.runtime.reading import Letter, Unreadable, read
from services.runtime.store import Entry, JsonItems, Snapshot, Store

SNAPSHOT_EVERY = 64
MOST_SNAPSHOT_ITEMS = 4096
"""A snapshot is as long as its subject. Beyond this, which only series of numbers reach, writing them would take longer
than reading the entries after the newest one takes when the subject is needed."""
MOST_SNAPSHOT_BYTES = MOST_ENTRY_BYTES = 8 * 1024 * 1024
"""As JSON. A document of the database holds 16 MB, and BSON is less than twice as long."""
CACHED_SUBJECTS = 20_000

Letters = Sequence[tuple[Letter | Unreadable, Received]]


@dataclass(frozen=True, slots=True)
class Known:
    """A subject as this worker knows it: after which version, which of them the newest snapshot holds, and its rows."""

    subject: Subject
    version: int
    snapshot: int
    rows: Mapping[str, Row]


@dataclass(slots=True)
class Folded:
    """What a batch did to one subject, before it is written. `left` are the letters that the entry has no room for.
    `after` is what is known of the subject now: what it was before, until this is written."""

    before: Known
    subject: Subject
    turns: list[tuple[Turn, Received]]
    items: JsonItems
    left: Letters
    after: Known

    def behind(self, first: "Folded | None") -> "Folded":
        """This and what was written before it of the same batch, as one."""
        if first is None:
            return self
        return Folded(first.before, self.subject, [*first.turns, *self.turns], self.items, self.left, self.after)

    @property
    def place(self) -> tuple[int, int]:
        received = self.turns[-1][1]
        return received.partition, received.offset


class Turns:
    """Takes batches of the own inbox, one after another."""

    def __init__(self, house: House, keys: Keys, log: Log, store: Store, metrics: Metrics) -> None:
        self.house = house
        self.keys = keys
        self.store = store
        self.metrics = metrics
        self.post = Post(house, keys, log, store, metrics)
        self.words = vocabulary(house.rulebook)
        self.changed = asyncio.Event()  # rows have changed: workers look again
        self.answered: dict[str, asyncio.Event] = {}
        self._known: OrderedDict[str, Known] = OrderedDict()

    async def take(self, batch: Sequence[Received]) -> None:
        """One turn. Raises StoreUnavailable or LogUnavailable; then the same records must come again."""
        known = self._known
        try:
            await self._take(batch, known)
        except BaseException:
            # What was folded may or may not be written: read it again before the next turn.
            self._known = OrderedDict()
            raise

    def forget(self) -> None:
        """Partitions moved: what this worker knows may be old. A new dictionary, for a turn may be using this one."""
        self._known = OrderedDict()

    def known(self, key: str) -> Subject | None:
        """A subject as this worker has it in memory from its own turns; None where it would read it first."""
        found = self._known.get(key)
        return found.subject if found is not None else None

    async def read_subject(self, key: str) -> Subject:
        """A subject as the database has it now, for desks and reports."""
        return (await self.read_subjects([key]))[key]

    async def read_subjects(self, keys: Collection[str]) -> Mapping[str, Subject]:
        """Several at once."""
        return {key: subject for key, (subject, _, _) in (await self._load(keys)).items()}

    # --- one turn, step by step ---------------------------------------------------------------------------------------

    async def _take(self, batch: Sequence[Received], known: OrderedDict[str, Known]) -> None:
        by_subject: dict[str, list[tuple[Letter | Unreadable, Received]]] = {}
        buried: list[tuple[Received, str, str]] = []
        for received in batch:
            letter = read(received, self.house, self.keys, self.words)
            envelope = letter.envelope
            if isinstance(letter, Unreadable):
                buried.append((received, letter.where, letter.why))
            if envelope is not None and (isinstance(letter, Letter) or envelope.sequence is not None):
                by_subject.setdefault(envelope.key, []).append((letter, received))
        folded = await self._fold_and_write(by_subject, known)
        await self._write_rows(folded.values())
        for one in folded.values():
            for turn, received in one.turns:
                for dead in turn.dead:
                    original = received
                    if dead.letter.place != (received.partition, received.offset):
                        original = Received(encode(dead.letter.envelope), *dead.letter.place, dead.letter.at)
                    buried.append((original, f"case {dead.letter.envelope.case}", dead.why))
        for original, where, why in buried:
            await self.post.dead_letters.bury(original, where, why)
            place = f"{original.partition}/{original.offset}"
            logs.log().warning("dead letter", place=place, where=where, why=why)
        await self.post.send(self._parcels(folded))
        await self._mark_places(batch, folded.values())
        self._tell_who_waits(batch, folded.values(), len(buried))

    async def _fold_and_write(
        self, by_subject: Mapping[str, Letters], known: OrderedDict[str, Known]
    ) -> dict[str, Folded]:
        """Fold every subject's letters and insert the entries. Where another worker was first, read what it wrote and
        fold again; what an entry has no room for goes into the next."""
        done: dict[str, Folded] = {}
        todo = dict(by_subject)
        while todo:
            cold = [key for key in todo if key not in known]
            if cold:
                loaded = await self._load(cold)
                known.update({key: Known(*found, rows(self.house, found[0])) for key, found in loaded.items()})
                await self._mend_rows([known[key] for key in cold])
            folded = {key: self._fold(known[key], letters) for key, letters in todo.items()}
            entries = [
                Entry(key, one.before.version + 1, SCHEMA, one.items, one.place)
                for key, one in folded.items()
                if one.subject is not one.before.subject
            ]
            taken = await self.store.insert(entries) if entries else frozenset[str]()
            for key, one in folded.items():
                if key in taken:
                    self.metrics.conflicts.inc()
                    known.pop(key, None)
                    continue
                one.after = known[key] = await self._keep(one)
                done[key] = one.behind(done.get(key))
                known.move_to_end(key)
            todo = {key: letters if key in taken else folded[key].left for key, letters in todo.items()}
            todo = {key: letters for key, letters in todo.items() if letters}
        while len(known) > CACHED_SUBJECTS:
            known.popitem(last=False)
        return done

    def _fold(self, before: Known, letters: Letters) -> Folded:
        """As many letters as an entry has room for, and at least one."""
        subject, turns, items, full = before.subject, list[tuple[Turn, Received]](), list[dict[str, Any]](), 0
        for n, (letter, received) in enumerate(letters):
            turn, added, size = self._turn(subject, letter)
            if turns and full + size > MOST_ENTRY_BYTES:
                return Folded(before, subject, turns, tuple(items), letters[n:], before)
            subject, full = turn.subject, full + size
            turns.append((turn, received))
            items += added
        return Folded(before, subject, turns, tuple(items), (), before)

    def _turn(self, subject: Subject, letter: Letter | Unreadable) -> tuple[Turn, JsonItems, int]:
        """What one letter did, its items as they are stored, and how many bytes these take."""
        if isinstance(letter, Unreadable):
            assert letter.envelope is not None
            at, place = letter.received.at, (letter.received.partition, letter.received.offset)
            turn = strike(self.house, subject, letter.envelope, f"{letter.where}: {letter.why}", at, place)
            items = _dumped(turn.items)
            return turn, items, _json_bytes(items)
        e = letter.envelope
        self.metrics.known_again.inc(known_by(e.id, e.source, e.sequence) in subject.digests)
        turn = hear(self.house, subject, letter)
        items = _dumped(turn.items)
        size = _json_bytes(items)
        if size > MOST_ENTRY_BYTES:
            # It is written whole or not at all, and no document holds it. It must not hold up the partition for ever.
            turn = stop(self.house, subject, letter, f"what follows from it takes more than {MOST_ENTRY_BYTES} bytes")
            items = _dumped(turn.items)
            size = _json_bytes(items)
        return turn, items, size

    async def _keep(self, one: Folded) -> Known:
        """What is known after a subject's entry is written; a snapshot now and then bounds loading."""
        if one.subject is one.before.subject:
            return one.before
        version, snapshot = one.before.version + 1, one.before.snapshot
        if version - snapshot >= SNAPSHOT_EVERY and len(one.subject.items) <= MOST_SNAPSHOT_ITEMS:
            items = _dumped(one.subject.items)
            # Without one the entries are read, which is slower; a turn must not fail for it.
            if _json_bytes(items) <= MOST_SNAPSHOT_BYTES:
                await self.store.snapshot(Snapshot(one.subject.key, version, SCHEMA, items))
            snapshot = version
        return Known(one.subject, version, snapshot, rows(self.house, one.subject, one.before.rows))

    async def _load(self, keys: Collection[str]) -> dict[str, tuple[Subject, int, int]]:
        """Subjects as they are stored, with their version, and that of the newest snapshot."""
        found: dict[str, tuple[Subject, int, int]] = {}
        for key, (snapshot, entries) in (await self.store.load(keys)).items():
            stored = [(snapshot.schema, snapshot.items)] if snapshot is not None else []
            stored += [(entry.schema, entry.items) for entry in entries]
            items = tuple(load_item(lift(data, schema), self.words) for schema, some in stored for data in some)
            version = entries[-1].version if entries else snapshot.version if snapshot is not None else 0
            found[key] = load(self.house, key, items), version, snapshot.version if snapshot is not None else 0
        return found

    async def _write_rows(self, folded: Iterable[Folded]) -> None:
        put: list[Row] = []
        gone: list[str] = []
        for one in folded:
            before, after = one.before.rows, one.after.rows
            put += [row for row_id, row in after.items() if row_id not in before]
            gone += [row_id for row_id in before if row_id not in after]
        if put or gone:
            await self.store.change_rows(put, gone)

    async def _mend_rows(self, cold: Iterable[Known]) -> None:
        """A crash may have come between an entry and its rows: make them agree with the file again."""
        put: list[Row] = []
        gone: list[str] = []
        for known in cold:
            if known.subject.items:
                there = {row.id: row.kind for row in await self.store.rows_of(known.subject.key)}
                put += [row for row_id, row in known.rows.items() if row_id not in there]
                gone += [row_id for row_id, kind in there.items() if kind in PROJECTED and row_id not in known.rows]
        if put or gone:
            await self.store.change_rows(put, gone)

    def _parcels(self, folded: dict[str, Folded]) -> list[Parcel]:
        parcels: list[Parcel] = []
        for key, one in folded.items():
            for turn, received in one.turns:
                new = [said for _, said in spoken_words(turn.subject, turn.items)]
                for said in (*turn.again, *new):
                    parcels += self.post.pack(key, said)
                parcels += [self.post.ask(key, ask, received.at) for ask in turn.asks]
        return parcels

    async def _mark_places(self, batch: Sequence[Received], folded: Iterable[Folded]) -> None:
        """A place that left no entry is marked, so that a service does not start from it again for ever."""
        newest = {received.partition: received.offset for received in batch}
        written: dict[int, int] = {}
        for one in folded:
            if one.subject is not one.before.subject:
                partition, offset = one.place
                written[partition] = max(offset, written.get(partition, -1))
        for partition, offset in newest.items():
            if written.get(partition, -1) < offset:
                await self.store.mark_place(partition, offset)

    def _tell_who_waits(self, batch: Sequence[Received], folded: Iterable[Folded], buried: int) -> None:
        self.metrics.records.inc(len(batch))
        self.metrics.dead_letters.inc(buried)
        for one in folded:
            diary.write(one.subject.key, (turn for turn, _ in one.turns))
            for turn, _ in one.turns:
                for item in turn.items:
                    if isinstance(item, Heard):
                        self._answer(item.letter.envelope.id)
                    elif isinstance(item, Refused | Resumed):
                        self._answer(item.id)
        self.changed.set()

    def _answer(self, command_id: str) -> None:
        event = self.answered.pop(command_id, None)
        if event is not None:
            event.set()


def _dumped(items: Iterable[Item]) -> JsonItems:
    return tuple(dump(item) for item in items)


def _json_bytes(items: JsonItems) -> int:
    """How long they are as JSON, at least: what is no ASCII counts more than it takes."""
    return len(json.dumps(items))


def lift(data: dict[str, object], schema: int) -> dict[str, object]:
    """Stored values of an older form as this release reads them. Raises KeyError for a form nobody can lift."""
    while schema < SCHEMA:
        data = UPCASTERS[schema](data)
        schema += 1
    return data
