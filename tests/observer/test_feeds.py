"""The observer on memory: what it keeps of the feeds, how often it hears it, and what its desk answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import jsonschema
import pytest

from contracts.envelope import PARTITIONS, Record, partition_of
from contracts.event import Role
from services.observer.cases import Heard
from services.observer.desk import make_app
from services.observer.feeds import WAITING_NEWS, Feed, Observer
from services.runtime.core.periods import Calendar
from services.runtime.log import Received
from services.runtime.store import StoreUnavailable
from services.runtime.store.memory import MemoryStore
from tests.observer.words import ASKED, CANCELLED, CASE, CLOSED, NAMES, E, R, record, told, whole, word
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON

HERE = partition_of(FOLIO)
AUTHORISED = {"Authorization": "Bearer token-of-zhang"}


class Clock:
    moment = NOON

    def now(self) -> datetime:
        return self.moment


class House:
    """An observer, its desk, and feeds whose records arrive when the test says so."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = Clock()
        self.feeds = {role: Feed(role, name) for role, name in NAMES.items()}
        self.ends: dict[tuple[Role, int], int] = {}
        self.unready = ""
        self.observer = self.start()
        self.app = make_app("liaocheng-regulator", {"token-of-zhang": "Zhang"}, ready=self.ready)
        self.app.state.observer = self.observer
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.anybody = httpx.AsyncClient(transport=transport, base_url="http://desk")
        self.client = httpx.AsyncClient(transport=transport, base_url="http://desk", headers=AUTHORISED)

    def start(self) -> Observer:
        return Observer(self.feeds.values(), self.store, self.clock, Calendar.published())

    async def ready(self) -> str:
        return self.unready

    async def arrive(self, words: Sequence[Heard]) -> None:
        """Words arrive, each in the feed of its speaker's role, one batch per feed."""
        for role in self.feeds:
            for partition in range(PARTITIONS):
                here = [one for one in words if one.by is role and partition_of(one.subject) == partition]
                await self.records(role, [record(one) for one in here], partition)

    async def records(self, role: Role, records: Sequence[Record], partition: int = HERE) -> None:
        start = self.ends.get((role, partition), 0)
        batch = [Received(one, partition, start + n, NOON) for n, one in enumerate(records)]
        if batch:
            await self.observer.take(self.feeds[role], batch)
            self.ends[role, partition] = start + len(batch)

    async def case(self, case: str = CASE) -> Any:
        return (await self.client.get(f"/cases/{case}")).raise_for_status().json()

    async def listed(self, **query: Any) -> list[str]:
        answer = (await self.client.get("/cases", params=query)).raise_for_status().json()
        return [line["case"] for line in answer]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    yield made
    await made.client.aclose()
    await made.anybody.aclose()


def other(case: str, days: int = 0) -> list[Heard]:
    """The first words of another case, on another home, some days later."""
    said = told((E, lc.opened()), (R, lc.reserved()))
    unit = f"371502001001GB00001F0001{len(case):04d}"
    return [
        replace(
            one,
            id=f"{one.id[:24]}{days:04d}{len(case):04d}{n:04d}",
            case=case,
            subject=unit,
            at=one.at + timedelta(days=days),
            values={**one.values, "unit_number": unit},
        )
        for n, one in enumerate(said)
    ]


# --- keeping --------------------------------------------------------------------------------------------------


async def test_a_case_is_read_from_several_feeds(house: House) -> None:
    await house.arrive(whole())
    found = await house.case()
    assert (found["status"], found["waiting_for"], found["violations"]) == ("completed", [], [])
    assert [line["event"] for line in found["timeline"]][-1] == "case-completed"
    assert found["money"]["held_fen"] == 0 and found["unit_number"] == FOLIO


async def test_what_comes_again_is_kept_once(house: House) -> None:
    await house.arrive(whole())
    before = await house.case()
    await house.arrive(whole())
    assert await house.case() == before
    assert len(await house.store.rows("word")) == len(whole())


async def test_a_restart_goes_on_where_it_was_and_an_empty_database_begins_at_the_start(house: House) -> None:
    feed = house.feeds[E]
    assert set((await house.observer.starts(feed, range(PARTITIONS), "topic")).values()) == {0}
    await house.arrive(whole())
    again = house.start()
    assert (await again.starts(feed, [HERE], "topic"))[HERE] == house.ends[E, HERE] == 6
    house.store = MemoryStore()
    assert (await house.start().starts(feed, [HERE], "topic"))[HERE] == 0


async def test_a_feed_made_anew_is_read_from_its_start_and_once_only(house: House) -> None:
    await house.arrive(whole())
    feed = house.feeds[E]
    await house.observer.starts(feed, [HERE], "topic")
    await house.observer.remade(feed, [HERE])
    assert (await house.observer.starts(feed, [HERE], "topic"))[HERE] == 0
    house.ends[E, HERE] = 0
    await house.arrive([one for one in whole() if one.by is E][:2])
    again = house.start()
    assert (await again.starts(feed, [HERE], "topic"))[HERE] == 2
    assert (await house.case())["status"] == "completed"


async def test_records_that_are_no_public_word_are_counted_and_passed_over(house: House) -> None:
    good = whole()[0]
    wrong = [
        replace(record(good), value=b"{"),
        record(good, source="/escrow/another-notary"),
        record(replace(whole()[1], by=E, institution=NAMES[E])),  # the escrow does not say folio-reserved
        Record(b"k", None, ()),
    ]
    await house.records(E, [*wrong, record(good)])
    await house.records(E, [record(good)], partition=(HERE + 1) % PARTITIONS)
    assert [row.data["id"] for row in await house.store.rows("word")] == [good.id]
    metrics = (await house.anybody.get("/metrics")).text
    feed = house.feeds[E].topic
    assert f'daiya_observer_refused_total{{feed="{feed}"}} 5.0' in metrics
    assert f'daiya_observer_records_total{{feed="{feed}"}} 6.0' in metrics


async def test_a_word_that_a_database_would_not_take_stops_no_feed(house: House) -> None:
    odd = replace(whole()[0], values={**whole()[0].values, "$set": {"a.b": 1, "\u0000": "\u0000"}})
    await house.arrive([odd])
    assert (await house.case())["timeline"][0]["data"]["$set"] == {"a.b": 1, "\u0000": "\u0000"}


async def test_a_word_of_a_later_release_is_kept_and_shown(house: House) -> None:
    later = replace(word(3, R, lc.reserved()), kind=None, type_name="daiya.folio-valued.v1")
    await house.arrive([whole()[0], later])
    assert [line["event"] for line in (await house.case())["timeline"]] == ["case-opened", "folio-valued"]


async def test_an_outage_of_the_database_raises_and_the_same_records_do_it_later(house: House) -> None:
    house.store.down = True
    with pytest.raises(StoreUnavailable):
        await house.arrive(whole())
    answer = await house.client.get("/cases")
    assert answer.status_code == 503 and answer.headers["content-type"] == "application/problem+json"
    house.store.down = False
    await house.arrive(whole())
    assert (await house.case())["status"] == "completed"


async def test_nobody_takes_a_case_away_by_opening_it_on_another_folio(house: House) -> None:
    await house.arrive(whole()[:2])
    stolen = replace(whole()[0], id=whole()[0].id[:-1] + "9", subject="371502001001GB00001F00019999")
    await house.arrive([stolen, replace(stolen, by=R, institution=NAMES[R], id=stolen.id[:-1] + "8")])
    assert (await house.case())["unit_number"] == FOLIO
    assert [line["event"] for line in (await house.case())["timeline"]] == ["case-opened", "folio-reserved"]


# --- lists ----------------------------------------------------------------------------------------------------


async def test_cases_are_listed_newest_first_by_status_institution_and_lateness(house: House) -> None:
    await house.arrive([*whole(), *other("LCF-22", 1), *other("LCF-3333", 2)])
    cancelled = [replace(one, case="LCF-444", subject="371502001001GB00001F00010444", id=one.id.replace("5000", "5444"),
                         at=one.at - timedelta(days=1))
                 for one in told((E, lc.opened()), (E, ASKED), (R, CLOSED), (E, CANCELLED))]  # fmt: skip
    await house.arrive(cancelled)
    assert await house.listed() == ["LCF-3333", "LCF-22", CASE, "LCF-444"]
    assert await house.listed(status="open") == ["LCF-3333", "LCF-22"]
    assert await house.listed(status="completed") == [CASE]
    assert await house.listed(status="cancelled") == ["LCF-444"]
    assert await house.listed(institution="liaocheng-icbc", limit=1) == ["LCF-3333"]
    assert await house.listed(institution="another-bank") == []
    assert await house.listed(overdue="true") == [] and len(await house.listed(overdue="false")) == 4
    assert await house.listed(limit=2) == ["LCF-3333", "LCF-22"]
    assert await house.listed(limit=2, before="LCF-22") == [CASE, "LCF-444"]
    assert await house.listed(status="open", before="LCF-3333") == ["LCF-22"]
    assert (await house.client.get("/cases", params={"before": "LCF-NONE"})).status_code == 404


async def test_what_is_overdue_is_found_among_the_open_cases(house: House) -> None:
    period = {
        "name": "price",
        "whose": "escrow",
        "days": 3,
        "count": "calendar",
        "clause": "LC-F1",
        "source": "practice",
    }
    opened = replace(whole()[0], values={**whole()[0].values, "periods": [{**period, "on_passing": "warn"}]})
    await house.arrive([opened, *other("LCF-22", 1)])
    assert await house.listed(overdue="true") == []
    house.clock.moment = NOON + timedelta(days=4)
    assert await house.listed(overdue="true") == [CASE]
    (line,) = (await house.client.get("/cases", params={"overdue": "true"})).json()
    late = [one for one in line["waiting_for"] if one["overdue"]]
    assert [(one["event"], one["until"]) for one in late] == [("deposit-confirmed", "2026-11-26")]


async def test_an_end_that_is_read_before_the_opening_counts_when_the_opening_comes(house: House) -> None:
    said = whole()
    await house.arrive(said[1:])
    assert await house.listed() == [] and (await house.client.get(f"/cases/{CASE}")).status_code == 404
    await house.arrive(said[:1])
    assert await house.listed(status="completed") == [CASE] and await house.listed(status="open") == []


# --- the desk -------------------------------------------------------------------------------------------------


async def test_reading_needs_a_token_and_health_does_not(house: House) -> None:
    for path in ("/cases", f"/cases/{CASE}", "/events"):
        answer = await house.anybody.get(path)
        assert answer.status_code == 401 and answer.json()["title"] == "not a clerk"
    assert (await house.anybody.get("/healthz")).json() == {"status": "alive"}
    assert (await house.anybody.get("/readyz")).json() == {"status": "ready"}
    house.unready = "catching up"
    answer = await house.anybody.get("/readyz")
    assert (answer.status_code, answer.json()["detail"]) == (503, "catching up")


async def test_what_is_not_known_or_wrong_is_answered_with_problem_details(house: House) -> None:
    for path, status in (("/cases/LCF-NONE", 404), ("/events?case=LCF-NONE", 404), ("/cases?status=late", 422),
                         ("/cases?limit=0", 422), ("/nothing", 404)):  # fmt: skip
        answer = await house.client.get(path)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await house.client.post("/cases")).status_code == 405


async def stream(house: House, query: str, until: int) -> tuple[asyncio.Task[list[dict[str, Any]]], asyncio.Event]:
    """Read the live stream until so many words have come. httpx gives an ASGI answer only when it has ended, so the
    application is called as a server calls it."""
    told, listening = list[dict[str, Any]](), asyncio.Event()
    enough = asyncio.Event()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/events",
        "raw_path": b"/events", "query_string": query.encode(), "scheme": "http", "server": ("desk", 80),
        "headers": [(b"authorization", AUTHORISED["Authorization"].encode())],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        for block in message.get("body", b"").decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "data" in lines:
                assert lines["event"] == "word" and lines["id"] == json.loads(lines["data"])["id"]
                told.append(json.loads(lines["data"]))
            if "what follows is new" in block:
                listening.set()
        if len(told) >= until:
            enough.set()

    async def run() -> list[dict[str, Any]]:
        async with asyncio.timeout(5):
            await house.app(scope, receive, send)
        return told

    return asyncio.create_task(run()), listening


async def test_the_stream_tells_each_word_once_as_it_comes(house: House) -> None:
    await house.arrive(whole()[:2])
    reading, listening = await stream(house, "", 3)
    await listening.wait()
    await house.arrive(whole()[:3])
    await house.arrive([*whole()[:4], *other("LCF-22")[:1]])
    words = await reading
    assert [one["event"] for one in words] == ["deposit-confirmed", "case-opened", "consent-issued"]
    assert {one["case"] for one in words} == {CASE, "LCF-22"} and words[0]["subject"] == FOLIO


async def test_the_stream_of_one_case_begins_with_what_was_said_in_it(house: House) -> None:
    await house.arrive(whole()[:2])
    reading, listening = await stream(house, f"case={CASE}", 3)
    await listening.wait()
    await house.arrive([*other("LCF-22"), *whole()[:3]])
    words = await reading
    assert [one["event"] for one in words] == ["case-opened", "folio-reserved", "deposit-confirmed"]
    assert not [one for one in (lc.BUYER.name, lc.BUYER_ACCOUNT) if one in json.dumps(words, ensure_ascii=False)]


async def test_whoever_is_too_far_behind_is_let_go(house: House) -> None:
    with house.observer.listening() as listener:
        for _ in range(WAITING_NEWS + 5):
            listener.tell(whole()[0])
        assert listener.over and await listener.next(1) is None
    with house.observer.listening() as listener:
        assert await listener.next(0.01) is None and not listener.over
        house.observer.close()
        assert await listener.next(5) is None and listener.over


# --- the document ---------------------------------------------------------------------------------------------


async def test_the_document_describes_every_call_and_its_examples_keep_to_their_schemas(house: House) -> None:
    api = (await house.anybody.get("/openapi.json")).json()
    assert set(api["paths"]) == {"/cases", "/cases/{case}", "/events", "/healthz", "/readyz", "/metrics"}
    for path, calls in api["paths"].items():
        assert set(calls) == {"get"}, "the observer changes nothing"
        call = calls["get"]
        assert call["summary"] and call["description"]
        assert ("security" in call) == (path in ("/cases", "/cases/{case}", "/events"))
        for status, answer in call["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (path, status)
        for parameter in call.get("parameters", []):
            assert parameter["description"], parameter
    schemas = api["components"]["schemas"]
    for name in ("CasePage", "CaseLine", "ProblemDetails"):
        whole_schema = {**schemas[name], "components": api["components"]}
        jsonschema.Draft202012Validator(whole_schema).validate(schemas[name]["example"])
    assert {"News", "ProblemDetails", "FieldError"} <= set(schemas) and "HTTPValidationError" not in schemas
    text = json.dumps(api)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}:
        assert reference in schemas, reference
