"""The store on MongoDB, and the only file that touches it: through motor, or through PyMongo's own asyncio
client.

Both drivers take the same calls here; what differs between them (`aggregate`, `close`) is avoided or awaited
either way. Collections, in a database of the institution's own:

- `journal`    `_id` {s: subject, v: version}: the key is the fence, so nothing is ever deleted; items; the
  newest place (partition, offset), and `remade`: how often that partition's log had been made anew by then
- `snapshots`  `_id` {s, v}
- `rows`       `_id`, kind, subject, partition, case, since, data
- `places`     `_id` partition, `offset`: dealt with though no entry says so, `remade`
- `cursors`    `_id` name, `at`

Reads see only what a majority has: what one worker acts on, no election can take back. A write that meets a
key that is taken still waits for the majority (MongoDB moves the writer's last operation up to the newest one
then), so a reload after a conflict sees the entry that was there first.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any, Literal

from bson import Int64, MaxKey
from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, DeleteOne, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, ConnectionFailure, DuplicateKeyError, OperationFailure
from pymongo.read_concern import ReadConcern

from services.runtime.core.rows import Row
from services.runtime.store import PAGE_ROWS, Entry, JsonItems, Snapshot, StoreUnavailable

SELECTION_MS = 3_000  # how long to look for a primary: one election of a healthy set, hardly more
SOCKET_MS = 10_000
MAJORITY_MS = 5_000
DUPLICATE_KEY = 11000
SUBJECTS_PER_QUERY = 100

Driver = Literal["motor", "pymongo"]
Json = dict[str, Any]


class _PlainInteger(TypeDecoder):
    """64-bit integers come back as `int`: canonical JSON knows no other."""

    @property
    def bson_type(self) -> Any:
        return Int64

    def transform_bson(self, value: Any) -> Any:
        return int(value)


class MongoStore:
    """`Store` on MongoDB. Every call raises StoreUnavailable where the database does not answer, loses its
    primary or cannot keep what it was given on a majority; it may have been done then."""

    def __init__(self, address: str, role: str, institution: str, driver: Driver = "motor") -> None:
        """`address` is a connection string; `role` may also be "observer". Nothing is connected yet. Raises
        pymongo.errors.ConfigurationError or InvalidURI."""
        limits = {
            "serverSelectionTimeoutMS": SELECTION_MS,
            "connectTimeoutMS": SELECTION_MS,
            "socketTimeoutMS": SOCKET_MS,
        }
        client_of: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        self._client = client_of(address, **limits)
        self._db: Any = self._client.get_database(
            database_name(role, institution),
            codec_options=CodecOptions(tz_aware=True, type_registry=TypeRegistry([_PlainInteger()])),
            write_concern=WriteConcern("majority", j=True, wtimeout=MAJORITY_MS),
            read_concern=ReadConcern("majority"),
        )
        self._remade: dict[int, int] = {}

    async def ensure(self) -> None:
        """Create the indexes that are missing. Called at every start."""
        with _available():
            by_place = [("partition", ASCENDING), ("remade", ASCENDING), ("offset", DESCENDING)]
            await self._db.journal.create_index(by_place)
            for by_age in (("kind", "partition", "since", "_id"), ("kind", "since", "_id")):  # workers', desks'
                await self._db.rows.create_index([(name, ASCENDING) for name in by_age])
            await self._db.rows.create_index([("subject", ASCENDING)])

    async def close(self) -> None:
        """Give the connections back."""
        closing = self._client.close()
        if isawaitable(closing):
            await closing

    async def ping(self) -> None:
        with _available():
            await self._db.command("ping")

    # --- the journal ----------------------------------------------------------------------------------------

    async def load(self, subjects: Collection[str]) -> Mapping[str, tuple[Snapshot | None, Sequence[Entry]]]:
        """Keys of snapshots first, then the newest of them and the entries after it: never all versions."""
        names = sorted(set(subjects))
        parts = [names[i : i + SUBJECTS_PER_QUERY] for i in range(0, len(names), SUBJECTS_PER_QUERY)]
        with _available():
            loaded = await asyncio.gather(*(self._load(part) for part in parts))
        return {subject: found for part in loaded for subject, found in part.items()}

    async def _load(self, subjects: Sequence[str]) -> dict[str, tuple[Snapshot | None, Sequence[Entry]]]:
        newest = dict.fromkeys(subjects, 0)
        wanted = {"$or": [_after(subject, 0) for subject in subjects]}
        for document in await self._db.snapshots.find(wanted, {"_id": 1}).to_list(None):
            key = document["_id"]
            newest[key["s"]] = max(key["v"], newest[key["s"]])
        keys = [_key(subject, version) for subject, version in newest.items() if version]
        later = {"$or": [_after(subject, version) for subject, version in newest.items()]}
        snapshots, entries = await asyncio.gather(
            self._db.snapshots.find({"_id": {"$in": keys}}).to_list(None),
            self._db.journal.find(later).sort("_id", ASCENDING).to_list(None),
        )
        of_subject: dict[str, Snapshot] = {d["_id"]["s"]: _snapshot(d) for d in snapshots}
        after: dict[str, list[Entry]] = {subject: [] for subject in subjects}
        for document in entries:
            after[document["_id"]["s"]].append(_entry(document))
        return {subject: (of_subject.get(subject), tuple(after[subject])) for subject in subjects}

    async def subjects(self, after: str, limit: int) -> Sequence[str]:
        first = {"_id": {"$gt": {"s": after, "v": MaxKey()}}, "_id.v": 1}  # every subject has one such entry
        with _available():
            found = await self._db.journal.find(first, {"_id": 1}).sort("_id", ASCENDING).limit(limit).to_list(None)
        return [document["_id"]["s"] for document in found]

    async def insert(self, entries: Sequence[Entry]) -> frozenset[str]:
        if not entries:
            return frozenset()
        with _available():
            remade = await self._times_remade({entry.place[0] for entry in entries})
            documents = [
                {
                    "_id": _key(entry.subject, entry.version),
                    "schema": entry.schema,
                    "items": list(entry.items),
                    "partition": entry.place[0],
                    "offset": Int64(entry.place[1]),
                    "remade": remade[entry.place[0]],
                }
                for entry in entries
            ]
            try:
                await self._db.journal.insert_many(documents, ordered=False)
            except BulkWriteError as failure:
                return frozenset(entries[i].subject for i in _taken(failure))
        return frozenset()

    async def snapshot(self, snapshot: Snapshot) -> None:
        key = _key(snapshot.subject, snapshot.version)
        with _available():
            try:
                items = list(snapshot.items)
                await self._db.snapshots.insert_one({"_id": key, "schema": snapshot.schema, "items": items})
            except DuplicateKeyError:
                pass  # the same subject and version: the same snapshot

    # --- places ---------------------------------------------------------------------------------------------

    async def mark_place(self, partition: int, offset: int) -> None:
        with _available():
            mine = {"_id": partition, "remade": (await self._times_remade([partition]))[partition]}
            change = {"$max": {"offset": Int64(offset)}}
            try:
                await self._db.places.update_one(mine, change, upsert=True)
            except DuplicateKeyError:
                # Another worker has just made it; or knows of a newer log, of which this mark says nothing.
                await self._db.places.update_one(mine, change)

    async def newest_places(self, partitions: Collection[int]) -> Mapping[int, int]:
        with _available():
            marks = await self._db.places.find({"_id": {"$in": list(partitions)}}).to_list(None)
            self._remade |= dict.fromkeys(partitions, 0) | {d["_id"]: d["remade"] for d in marks}
            newest = {d["_id"]: d["offset"] for d in marks if d["offset"] >= 0}
            in_journal = await asyncio.gather(*(self._newest_entry(partition) for partition in partitions))
        for document in in_journal:
            if document is not None:
                partition, offset = document["partition"], document["offset"]
                newest[partition] = max(offset, newest.get(partition, -1))
        return newest

    async def _newest_entry(self, partition: int) -> Json | None:
        wanted = {"partition": partition, "remade": self._remade[partition]}
        shown = {"_id": 0, "partition": 1, "offset": 1}
        return await self._db.journal.find_one(wanted, shown, sort=[("offset", DESCENDING)])

    async def forget_places(self, partitions: Collection[int]) -> None:
        """Entries keep their places; they are told from later ones by how often the log had been made
        anew."""
        changes = [
            UpdateOne({"_id": p}, {"$inc": {"remade": 1}, "$set": {"offset": Int64(-1)}}, upsert=True)
            for p in partitions
        ]
        with _available():
            if changes:
                await self._db.places.bulk_write(changes, ordered=False)
        for partition in partitions:
            self._remade.pop(partition, None)

    async def _times_remade(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Remembered between calls: it changes only where `newest_places` is asked anew, at every
        assignment."""
        unknown = [partition for partition in partitions if partition not in self._remade]
        if unknown:
            found = await self._db.places.find({"_id": {"$in": unknown}}).to_list(None)
            self._remade |= dict.fromkeys(unknown, 0) | {d["_id"]: d["remade"] for d in found}
        return self._remade

    # --- rows -----------------------------------------------------------------------------------------------

    async def change_rows(self, put: Sequence[Row], delete: Collection[str]) -> None:
        changes: list[Any] = [UpdateOne({"_id": r.id}, {"$setOnInsert": _row_values(r)}, upsert=True) for r in put]
        changes += [DeleteOne({"_id": row_id}) for row_id in delete]
        if not changes:
            return
        with _available():
            try:
                await self._db.rows.bulk_write(changes, ordered=False)
            except BulkWriteError as failure:
                _taken(failure)  # another worker inserted the same row at the same moment

    async def rows_of(self, subject: str) -> Sequence[Row]:
        return await self._rows({"subject": subject}, 0, ASCENDING)

    async def rows(
        self,
        kind: str,
        *,
        partitions: Collection[int] | None = None,
        after: Row | None = None,
        newest_first: bool = False,
        limit: int = PAGE_ROWS,
    ) -> Sequence[Row]:
        wanted = _of_kind(kind, partitions)
        if after is not None:
            beyond = "$lt" if newest_first else "$gt"
            # The database keeps milliseconds; the driver cuts what it is asked by in the same way.
            same = {"since": after.since, "_id": {beyond: after.id}}
            wanted["$or"] = [{"since": {beyond: after.since}}, same]
        return await self._rows(wanted, limit, DESCENDING if newest_first else ASCENDING) if limit else ()

    async def count(self, kind: str, *, partitions: Collection[int] | None = None) -> int:
        with _available():
            return await self._db.rows.count_documents(_of_kind(kind, partitions))

    async def _rows(self, wanted: Json, limit: int, order: int) -> Sequence[Row]:
        with _available():
            found = await self._db.rows.find(wanted).sort([("since", order), ("_id", order)]).limit(limit).to_list(None)
        return tuple(_row(document) for document in found)

    async def row(self, row_id: str) -> Row | None:
        with _available():
            found = await self._db.rows.find_one({"_id": row_id})
        return _row(found) if found is not None else None

    async def mark_row(self, row_id: str, mark: str, value: str) -> bool:
        with _available():
            result = await self._db.rows.update_one({"_id": row_id}, {"$set": {f"data.{mark}": value}})
        return result.matched_count == 1

    # --- cursors --------------------------------------------------------------------------------------------

    async def cursor(self, name: str) -> int:
        with _available():
            found = await self._db.cursors.find_one({"_id": name})
        return found["at"] if found is not None else 0

    async def move_cursor(self, name: str, to: int) -> None:
        with _available():
            await self._db.cursors.update_one({"_id": name}, {"$max": {"at": Int64(to)}}, upsert=True)


def database_name(role: str, institution: str) -> str:
    """The institution's own database: `daiya_escrow_liaocheng_notary`."""
    return f"daiya_{role}_{institution}".replace("-", "_")


@contextmanager
def _available() -> Iterator[None]:
    """What the server or the way to it refuses means "not now"; what the driver refuses to send at all (a
    document too large, a value that is no BSON) is a fault of ours and passes."""
    try:
        yield
    except (ConnectionFailure, OperationFailure) as failure:
        raise StoreUnavailable(str(failure)) from failure


def _taken(failure: BulkWriteError) -> list[int]:
    """The numbers of the writes whose key was taken. Raises the failure on if there is more to it than
    that."""
    details: Any = failure.details or {}
    errors: list[Json] = details.get("writeErrors", [])
    if details.get("writeConcernErrors") or not errors or any(e["code"] != DUPLICATE_KEY for e in errors):
        raise failure
    return [error["index"] for error in errors]


def _key(subject: str, version: int) -> Json:
    """A key is a document: its fields' order is part of it."""
    return {"s": subject, "v": Int64(version)}


def _after(subject: str, version: int) -> Json:
    return {"_id": {"$gt": _key(subject, version), "$lt": {"s": subject, "v": MaxKey()}}}


def _entry(document: Json) -> Entry:
    key, items = document["_id"], tuple(document["items"])
    return Entry(key["s"], key["v"], document["schema"], items, (document["partition"], document["offset"]))


def _snapshot(document: Json) -> Snapshot:
    items: JsonItems = tuple(document["items"])
    return Snapshot(document["_id"]["s"], document["_id"]["v"], document["schema"], items)


def _of_kind(kind: str, partitions: Collection[int] | None) -> Json:
    return {"kind": kind} if partitions is None else {"kind": kind, "partition": {"$in": list(partitions)}}


def _row_values(row: Row) -> Json:
    return {
        "kind": row.kind,
        "subject": row.subject,
        "partition": row.partition,
        "case": row.case,
        "since": row.since,
        "data": row.data,
    }


def _row(document: Json) -> Row:
    since: datetime = document["since"].astimezone(UTC)
    kept = (document["kind"], document["subject"], document["partition"], document["case"])
    return Row(document["_id"], *kept, since, document["data"])
