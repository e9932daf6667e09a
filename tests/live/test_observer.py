"""The observer on a real broker and a real database: it reads feeds from their start, goes on where it was, and no case
misses it."""

import asyncio
import json
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from pymongo import MongoClient

from contracts.events.case import CaseCompleted, CaseOpened
from deploy.embedded.choose import Infrastructure
from deploy.sales import Sales
from deploy.stack import CHECKOUT, Stack
from deploy.topics import create_topics
from services.observer.cases import Heard
from services.observer.pages import CasePage
from services.observer.service import OBSERVER, Service
from services.runtime.log.kafka import KafkaLog
from services.runtime.settings import Settings
from services.runtime.store.mongo import database_name
from tests.live.sales import agreed, demo, killed, sold
from tests.observer.words import CASE, NAMES, record, whole

pytestmark = pytest.mark.live
WITHIN_S = 60


class City:
    """The feeds of a city of its own on the broker that all live tests share, and observers of it."""

    def __init__(self, infra: Infrastructure) -> None:
        self.infra = infra
        self.mark = uuid.uuid4().hex[:8]
        self.names = {role: f"{name}-{self.mark}" for role, name in NAMES.items()}
        self.log = KafkaLog([infra.kafka])
        self.words = [self._here(one) for one in whole()]

    def _here(self, one: Heard) -> Heard:
        values = dict(one.values)
        if one.kind is CaseOpened:
            values["institutions"] = {role.value: name for role, name in self.names.items()}
        return replace(one, institution=self.names[one.by], values=values)

    async def say(self, words: Sequence[Heard]) -> None:
        for one in words:
            await self.log.append(f"daiya.{one.by.value}.{one.institution}.public", record(one))

    @asynccontextmanager
    async def observer(self, name: str) -> AsyncIterator[Service]:
        """An observer's process, but for its HTTP."""
        observes = json.dumps([(role.value, name) for role, name in self.names.items()])
        settings = Settings.model_validate(
            {"kafka": self.infra.kafka, "mongodb": self.infra.mongodb, "observes": json.loads(observes)}
        )
        service = Service(f"{name}-{self.mark}", settings)
        await service.start()
        try:
            yield service
        finally:
            await service.stop()

    def forget(self, name: str) -> None:
        """The observer's database is lost."""
        with MongoClient[dict[str, object]](self.infra.mongodb) as client:
            client.drop_database(database_name(OBSERVER, f"{name}-{self.mark}"))


@pytest.fixture
async def city(infra: Infrastructure) -> AsyncIterator[City]:
    made = City(infra)
    await create_topics(infra.kafka, [(role.value, name) for role, name in made.names.items()])
    yield made
    await made.log.close()
    for name in ("first", "second"):
        made.forget(name)


async def read(service: Service, words: int) -> CasePage:
    """The case's page once so many words of it are there and every feed is caught up."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            page = await service.observer.page(CASE)
            if page is not None and len(page.timeline) == words and not await service.is_ready():
                return page
            await asyncio.sleep(0.05)


def taken(service: Service) -> float:
    """How many records this process has read."""
    (counter,) = (m for m in service.observer.metrics.registry.collect() if m.name == "daiya_observer_records")
    return sum(sample.value for sample in counter.samples if sample.name.endswith("_total"))


async def test_feeds_are_read_from_their_start_a_restart_goes_on_and_a_lost_database_is_made_again(city: City) -> None:
    await city.say(city.words[:4])
    async with city.observer("first") as observer:
        page = await read(observer, 4)
        assert {one.event for one in page.waiting_for} == {"transfer-application-made"} and page.violations == ()
        assert taken(observer) == 4
        await city.say(city.words[4:6])
        await read(observer, 6)
    await city.say([city.words[5], *city.words[6:]])  # one of them comes again
    async with city.observer("first") as observer:
        page = await read(observer, 13)
        assert (page.status.value, page.waiting_for, page.violations) == ("completed", (), ())
        assert taken(observer) == 8
    city.forget("first")  # and the group has committed everything
    async with city.observer("first") as again, city.observer("second") as second:
        assert await read(again, 13) == await read(second, 13) == page
        assert taken(again) == taken(second) == 14


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A whole stack of its own: this test kills its observer."""
    with Stack(CHECKOUT, ephemeral=True) as running:
        yield running


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Sales:
    return Sales(tmp_path_factory.mktemp("sales"), n=50)


async def test_LC_R5_a_case_completes_with_the_observer_away_and_is_there_when_it_comes_back(
    stack: Stack, sales: Sales
) -> None:
    stack.kill(OBSERVER, signal.SIGKILL)
    case = demo(stack, sales.next())
    async with case.connected():
        await sold(case)  # nobody waits for it
        assert stack.addresses.observer and not await answers(stack)
        await asyncio.to_thread(stack.restart, OBSERVER)
        assert await agreed(case) == []


async def test_LC_R5_an_observer_killed_in_the_middle_has_missed_nothing(stack: Stack, sales: Sales) -> None:
    case = demo(stack, sales.next())
    async with case.connected():
        await sold(case, killed(stack, OBSERVER, CaseOpened))
        assert await agreed(case) == []


async def test_LC_R5_a_live_stream_tells_the_case_and_ends_when_the_observer_stops(stack: Stack, sales: Sales) -> None:
    case = demo(stack, sales.next())
    headers = {"Authorization": f"Bearer {stack.token(OBSERVER)}"}
    events: list[str] = []
    async with (
        case.connected(),
        httpx.AsyncClient(base_url=stack.addresses.observer, headers=headers, trust_env=False) as client,
        client.stream("GET", "/events", timeout=WITHIN_S) as stream,
    ):
        assert stream.status_code == 200 and stream.headers["content-type"].startswith("text/event-stream")

        async def listen() -> None:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    events.append(json.loads(line.removeprefix("data: "))["event"])

        listening = asyncio.create_task(listen())
        await sold(case)
        async with asyncio.timeout(WITHIN_S):
            while "case-completed" not in events:  # noqa: ASYNC110  the stream itself is what is looked at
                await asyncio.sleep(0.05)
        assert case.witness.heard(case.case, CaseCompleted)
        assert sorted(events) == sorted(set(events)) and len(events) == 13
        stopped = time.monotonic()
        stack.kill(OBSERVER, signal.SIGTERM)
        await asyncio.wait_for(listening, 10)
        assert time.monotonic() - stopped < 3
    await asyncio.to_thread(stack.restart, OBSERVER)
    assert "Traceback" not in await asyncio.to_thread(stack.log(OBSERVER).read_text, encoding="utf-8")


async def answers(stack: Stack) -> bool:
    """Whether the observer's process answers."""
    try:
        async with httpx.AsyncClient(base_url=stack.addresses.observer, trust_env=False) as client:
            return (await client.get("/healthz")).is_success
    except httpx.HTTPError:
        return False
