"""One suite for the store in memory and for MongoDB by either driver."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from pymongo.errors import BulkWriteError, WriteConcernError

from contracts.event import Role
from services.runtime.core.rows import Row
from services.runtime.store import PAGE_ROWS, Entry, Snapshot, Store, StoreUnavailable, all_rows, row_pages
from services.runtime.store import mongo as store_mongo
from services.runtime.store.memory import MemoryStore
from services.runtime.store.mongo import Driver, MongoStore, database_name

MORNING = datetime(2026, 11, 22, 9, 30, 0, 123_000, tzinfo=UTC)
ROLE = next(iter(Role))
DRIVERS: tuple[Driver, ...] = ("motor", "pymongo")
MONGO = [pytest.param(driver, marks=pytest.mark.live) for driver in DRIVERS]
CLOSED_PORT = "mongodb://127.0.0.1:1/?replicaSet=rs0"


@pytest.fixture(params=["memory", *MONGO])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    institution = f"test-{uuid.uuid4().hex[:12]}"
    address = request.getfixturevalue("infrastructure").mongodb
    mongo = MongoStore(address, ROLE, institution, cast(Driver, request.param))
    await mongo.ensure()
    yield mongo
    await mongo._client.drop_database(database_name(ROLE, institution))
    await mongo.close()


def entry(subject: str, version: int, place: tuple[int, int] = (0, 0), **said: Any) -> Entry:
    return Entry(subject, version, 1, ({"k": "said", **said},), place)


def row(row_id: str, kind: str = "wait", partition: int = 0, age_s: int = 0, **data: Any) -> Row:
    return Row(row_id, kind, "folio", partition, "case", MORNING - timedelta(seconds=age_s), data)


def words(entries: Any) -> list[Any]:
    return [item["word"] for one in entries for item in one.items]


# --- the journal --------------------------------------------------------------------------------------------


async def test_nothing_is_known_of_a_new_subject(store: Store) -> None:
    assert await store.load(["folio"]) == {"folio": (None, ())}
    assert await store.load([]) == {}


async def test_entries_come_back_as_they_were_and_in_order(store: Store) -> None:
    large = 2**53 - 1
    one = {"k": "a", "n": large, "none": None, "list": [1, True, {"名": "押"}]}
    items = (one, {"k": "b", "$": 1, "x.y": ""})
    given = tuple(Entry("folio", v, 7, items, (2, large + v - 3)) for v in (1, 2, 3))
    for each in given:
        assert await store.insert([each]) == frozenset()
    _, entries = (await store.load(["folio"]))["folio"]
    assert entries == given
    assert {type(entries[0].items[0]["n"]), type(entries[0].version), type(entries[0].place[1])} == {int}


async def test_the_key_is_the_fence(store: Store) -> None:
    assert await store.insert([entry("folio", 1, word="first")]) == frozenset()
    both = [entry("folio", 1, word="second"), entry("other", 1, word="other's")]
    assert await store.insert(both) == {"folio"}
    loaded = await store.load(["folio", "other"])
    assert words(loaded["folio"][1]) == ["first"]
    assert words(loaded["other"][1]) == ["other's"]


async def test_of_two_at_once_one_is_first(store: Store) -> None:
    results = await asyncio.gather(*(store.insert([entry("folio", 1, word=n)]) for n in range(8)))
    assert sorted(results, key=len) == [frozenset(), *[frozenset({"folio"})] * 7]
    won = results.index(frozenset())
    assert words((await store.load(["folio"]))["folio"][1]) == [won]


async def test_a_superseded_version_stays_taken(store: Store) -> None:
    """A worker that slept through five versions and a snapshot must not get its own in."""
    for version in range(1, 6):
        await store.insert([entry("folio", version, word=version)])
    await store.snapshot(Snapshot("folio", 5, 1, ({"word": "all"},)))
    for version in range(1, 6):
        assert await store.insert([entry("folio", version, word="zombie")]) == {"folio"}


async def test_a_snapshot_and_the_entries_after_it(store: Store) -> None:
    for version in range(1, 13):
        await store.insert([entry("folio", version, word=version)])
    await store.snapshot(Snapshot("folio", 4, 1, ({"word": "four"},)))
    await store.snapshot(Snapshot("folio", 10, 2, ({"word": "ten"},)))
    await store.snapshot(Snapshot("folio", 10, 3, ({"word": "again"},)))
    snapshot, entries = (await store.load(["folio"]))["folio"]
    assert snapshot == Snapshot("folio", 10, 2, ({"word": "ten"},))
    assert words(entries) == [11, 12]


async def test_many_subjects_of_which_some_begin_alike(store: Store) -> None:
    names = [f"folio{n}" for n in range(230)]
    await store.insert([entry(name, 1, word=name) for name in names])
    await store.insert([entry(name, 2, word="two") for name in names[::2]])
    for name in names[::10]:
        await store.snapshot(Snapshot(name, 1, 1, ({"word": name},)))
    loaded = await store.load([*names, "unknown"])
    assert loaded["unknown"] == (None, ())
    for n, name in enumerate(names):
        snapshot, entries = loaded[name]
        assert (snapshot is not None) == (n % 10 == 0)
        heard = words(entries) if snapshot is None else [name, *words(entries)]
        assert heard == ([name, "two"] if n % 2 == 0 else [name])


async def test_what_is_stored_is_nobody_elses_value(store: Store) -> None:
    inner = ["one"]
    given = Entry("folio", 1, 1, ({"word": inner},), (0, 0))
    await store.insert([given])
    inner.append("two")
    first = (await store.load(["folio"]))["folio"][1][0]
    assert first.items == ({"word": ["one"]},)
    first.items[0]["word"].append("three")
    assert (await store.load(["folio"]))["folio"][1][0].items == ({"word": ["one"]},)


async def test_subjects_come_by_their_keys_page_by_page(store: Store) -> None:
    keys = ["daiya:pool", "series:{n}第", "series:{n}書", "371502001001GB00012F00030045"]
    await store.insert([entry(key, 1) for key in keys] + [entry(keys[0], 2)])
    assert await store.subjects("", 10) == sorted(keys)
    pages, after = list[str](), ""
    while page := await store.subjects(after, 3):
        pages, after = [*pages, *page], page[-1]
    assert pages == sorted(keys)


# --- places -------------------------------------------------------------------------------------------------


async def test_the_newest_place_is_the_journals_or_a_marks(store: Store) -> None:
    assert await store.newest_places([0, 1]) == {}
    await store.insert([entry("a", 1, (0, 7)), entry("b", 1, (0, 9)), entry("c", 1, (2, 4))])
    assert await store.newest_places([0, 1, 2]) == {0: 9, 2: 4}
    await store.mark_place(0, 8)
    await store.mark_place(1, 0)
    assert await store.newest_places([0, 1]) == {0: 9, 1: 0}
    await store.mark_place(0, 12)
    await store.mark_place(0, 11)  # a late one never takes it back
    assert await store.newest_places([0]) == {0: 12}


async def test_places_of_a_log_made_anew_are_forgotten(store: Store) -> None:
    await store.insert([entry("a", 1, (0, 700)), entry("b", 1, (1, 500))])
    await store.mark_place(0, 800)
    await store.forget_places([0])
    assert await store.newest_places([0, 1]) == {1: 500}
    _, entries = (await store.load(["a"]))["a"]
    assert entries[0].place == (0, 700)
    await store.insert([entry("a", 2, (0, 3))])
    assert await store.newest_places([0]) == {0: 3}
    await store.mark_place(0, 5)
    assert await store.newest_places([0]) == {0: 5}
    await store.forget_places([0])
    assert await store.newest_places([0]) == {}


# --- rows ---------------------------------------------------------------------------------------------------


async def test_a_row_comes_back_as_it_was(store: Store) -> None:
    put = row("pay/1", "payment", 3, amount_fen=2**40, to={"a.b": ["$x"]})
    await store.change_rows([put], [])
    assert await store.row("pay/1") == put
    assert await store.rows_of("folio") == (put,)
    assert await store.row("pay/2") is None
    assert await store.rows_of("other") == ()


async def test_a_row_that_is_there_stays_and_keeps_its_marks(store: Store) -> None:
    await store.change_rows([row("pay/1", amount_fen=5)], [])
    assert await store.mark_row("pay/1", "state", "tried")
    await store.change_rows([row("pay/1", amount_fen=6), row("pay/2", amount_fen=7)], [])
    kept = await store.row("pay/1")
    assert kept is not None
    assert kept.data == {"amount_fen": 5, "state": "tried"}
    assert [one.id for one in await store.rows("wait")] == ["pay/1", "pay/2"]


async def test_a_row_that_is_done_is_gone_and_takes_no_mark(store: Store) -> None:
    await store.change_rows([row("a"), row("b")], [])
    await store.change_rows([row("c")], ["a", "never-there"])
    assert [one.id for one in await store.rows("wait")] == ["b", "c"]
    assert not await store.mark_row("a", "state", "tried")
    await store.change_rows([], [])


async def test_rows_oldest_first_of_the_partitions_named(store: Store) -> None:
    put = [row(f"r{n}", "wait" if n % 2 else "held", n % 3, age_s=n) for n in range(12)]
    await store.change_rows(put, [])
    assert [one.id for one in await store.rows("wait")] == ["r11", "r9", "r7", "r5", "r3", "r1"]
    assert [one.id for one in await store.rows("wait", partitions=[0, 1])] == ["r9", "r7", "r3", "r1"]
    assert [one.id for one in await store.rows("wait", limit=2)] == ["r11", "r9"]
    assert await store.rows("wait", partitions=[]) == ()


async def test_rows_come_page_after_page_in_either_order(store: Store) -> None:
    """Three of each moment, which the id puts in order; the row that a page ended with may be gone."""
    await store.change_rows([row(f"r{n:02}", partition=n % 2, age_s=n // 3) for n in range(12)], [])
    oldest_first = [f"r{n:02}" for n in (9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2)]
    for newest_first in (False, True):
        ids, last = list[str](), None
        for _ in range(4):
            page = await store.rows("wait", after=last, newest_first=newest_first, limit=4)
            ids += [one.id for one in page]
            last = page[-1] if page else last
        assert ids == oldest_first[:: -1 if newest_first else 1]
    gone = await store.row("r06")
    assert gone is not None
    await store.change_rows([], ["r06"])
    assert [one.id for one in await store.rows("wait", partitions=[0], after=gone)] == ["r08", "r04", "r00", "r02"]
    finer = replace(gone, since=gone.since + timedelta(microseconds=400))
    assert [one.id for one in await store.rows("wait", after=finer, limit=1)] == ["r07"], "milliseconds order them"


async def test_all_rows_are_all_and_are_counted(store: Store) -> None:
    many = 2 * PAGE_ROWS + 1
    await store.change_rows([row(f"r{n}", partition=n % 3, age_s=n % 7) for n in range(many)], [])
    found = [one async for one in all_rows(store, "wait")]
    assert len(found) == len({one.id for one in found}) == many == await store.count("wait")
    assert [(one.since, one.id) for one in found] == sorted((one.since, one.id) for one in found)
    some = [one async for one in all_rows(store, "wait", [0, 2])]
    assert len(some) == await store.count("wait", partitions=[0, 2]) == sum(one.partition != 1 for one in found)
    assert [one async for one in all_rows(store, "wait", [])] == [] and await store.count("wait", partitions=[]) == 0
    assert [len(page) async for page in row_pages(store, "wait")] == [PAGE_ROWS, PAGE_ROWS, 1]


async def test_rows_that_a_worker_deletes_on_the_way_hide_no_other(store: Store) -> None:
    await store.change_rows([row(f"r{n}", age_s=n % 5) for n in range(PAGE_ROWS + 500)], [])
    seen = 0
    async for page in row_pages(store, "wait"):
        seen += len(page)
        await store.change_rows([], [one.id for one in page])
    assert seen == PAGE_ROWS + 500 and await store.count("wait") == 0


# --- cursors ------------------------------------------------------------------------------------------------


async def test_a_cursor_never_goes_back(store: Store) -> None:
    assert await store.cursor("statement/1") == 0
    await store.move_cursor("statement/1", 2**33)
    await store.move_cursor("statement/1", 7)
    assert await store.cursor("statement/1") == 2**33
    assert await store.cursor("statement/2") == 0


# --- not there ----------------------------------------------------------------------------------------------


async def everything_raises(store: Store) -> None:
    calls = [
        store.load(["a"]),
        store.insert([entry("a", 1)]),
        store.subjects("", 1),
        store.snapshot(Snapshot("a", 1, 1, ())),
        store.mark_place(0, 1),
        store.newest_places([0]),
        store.forget_places([0]),
        store.change_rows([row("a")], ["b"]),
        store.rows_of("a"),
        store.rows("wait"),
        store.count("wait"),
        store.row("a"),
        store.mark_row("a", "state", "tried"),
        store.cursor("a"),
        store.move_cursor("a", 1),
        store.ping(),
    ]
    for result in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(result, StoreUnavailable)


async def test_a_store_set_down_raises_and_does_nothing() -> None:
    store = MemoryStore()
    store.down = True
    await everything_raises(store)
    store.down = False
    assert await store.load(["a"]) == {"a": (None, ())}


async def test_a_lost_reply_raises_though_it_is_written() -> None:
    store = MemoryStore()
    store.lost_replies = 1
    with pytest.raises(StoreUnavailable):
        await store.insert([entry("a", 1, word="written")])
    assert words((await store.load(["a"]))["a"][1]) == ["written"]
    assert await store.insert([entry("a", 1, word="again")]) == {"a"}


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_database_that_is_not_there(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_mongo, "SELECTION_MS", 200)
    store = MongoStore(CLOSED_PORT, ROLE, "nobody", driver)
    await everything_raises(store)
    with pytest.raises(StoreUnavailable) as raised:
        await store.ensure()
    assert raised.value.__cause__ is not None
    await store.close()


@pytest.mark.live
@pytest.mark.parametrize("driver", DRIVERS)
async def test_it_can_be_made_ready_twice(driver: Driver, infrastructure: Any) -> None:
    store = MongoStore(infrastructure.mongodb, ROLE, f"test-{uuid.uuid4().hex[:12]}", driver)
    await store.ensure()
    await store.ensure()
    await store.ping()
    names = await store._db.journal.index_information(), await store._db.rows.index_information()
    assert [len(found) for found in names] == [2, 4]
    await store._client.drop_database(store._db.name)
    await store.close()


TAKEN = {"index": 1, "code": 11000}
NO_MAJORITY = {"code": 64, "errmsg": "waiting for replication timed out"}


@pytest.mark.parametrize(
    "details",
    [
        {"writeErrors": [TAKEN, {"index": 2, "code": 17280}], "writeConcernErrors": []},
        {"writeErrors": [TAKEN], "writeConcernErrors": [NO_MAJORITY]},
        {"writeErrors": [], "writeConcernErrors": [NO_MAJORITY]},
    ],
)
async def test_only_taken_keys_are_conflicts(details: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no majority has, and what failed for any other reason, is not written and is no conflict."""
    store = await one_that_fails(BulkWriteError(details), monkeypatch)
    with pytest.raises(StoreUnavailable) as raised:
        await store.insert([entry("a", 1), entry("b", 1), entry("c", 1)])
    assert isinstance(raised.value.__cause__, BulkWriteError)
    await store.close()


async def test_a_taken_key_names_its_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = BulkWriteError({"writeErrors": [TAKEN], "writeConcernErrors": []})
    store = await one_that_fails(failure, monkeypatch)
    assert await store.insert([entry("a", 1), entry("b", 1), entry("c", 1)]) == {"b"}
    await store.close()


async def test_one_write_that_no_majority_has_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    store = await one_that_fails(WriteConcernError("waiting for replication timed out", 64), monkeypatch)
    with pytest.raises(StoreUnavailable):
        await store.snapshot(Snapshot("a", 1, 1, ()))
    await store.close()


async def one_that_fails(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> MongoStore:
    """A store whose inserts fail so: a single node cannot be made to lose its majority."""

    class Failing:
        async def insert_many(self, *_: object, **__: object) -> None:
            raise failure

        async def insert_one(self, *_: object) -> None:
            raise failure

    class Database:
        journal = snapshots = Failing()

    store = MongoStore(CLOSED_PORT, ROLE, "nobody", "pymongo")
    monkeypatch.setattr(store, "_db", Database())
    monkeypatch.setattr(store, "_remade", {0: 0})
    return store


def test_each_institution_has_a_database_of_its_own() -> None:
    assert database_name(Role("escrow"), "liaocheng-notary") == "daiya_escrow_liaocheng_notary"
