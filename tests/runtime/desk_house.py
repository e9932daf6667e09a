"""One institution with its desk, in memory: what is appended to its inbox is taken in turns when the test says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Self

import httpx
from fastapi import FastAPI

from contracts.envelope import PARTITIONS
from services.escrow.service import PART as ESCROW
from services.runtime.core.periods import Calendar
from services.runtime.desk.app import make_app
from services.runtime.institution import Institution
from services.runtime.keys import Keys
from services.runtime.log.memory import MemoryLog
from services.runtime.rail.memory import MemoryRail
from services.runtime.service import Part
from services.runtime.settings import HouseSettings
from services.runtime.store.memory import MemoryStore
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import NOON

TOKENS = {"token-of-li": "Li", "token-of-wang": "Wang"}
WAIT = {"Prefer": "wait=30"}
NAMES = ln.WITH_BOTH


class LogClock:
    """The log's clock is everybody's."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log

    def now(self) -> datetime:
        return self.log.now


class DeskHouse:
    """An institution, its desk's application and a client with a clerk's token. Use as an async context manager."""

    def __init__(self, part: Part, settings: dict[str, Any] | None = None, calendar: Calendar | None = None) -> None:
        self.part = part
        self.name = NAMES[part.role]
        self.log = MemoryLog(NOON)
        self.store = MemoryStore()
        self.clock = LogClock(self.log)
        self.rail = MemoryRail(self.clock.now)
        self.settings = HouseSettings.model_validate({"title": "聊城", **(settings or {})})
        self.calendar = calendar or Calendar.published()
        self.institution = self.start()
        for role, name in NAMES.items():
            inbox = f"daiya.{role.value}.{name}"
            self.log.create(inbox, f"{inbox}.dead", f"{inbox}.public")
        self.places = dict.fromkeys(range(PARTITIONS), 0)
        self.unready = ""
        self.app: FastAPI = make_app(part.role, self.name, part.desk, TOKENS, ready=self.ready)
        self.app.state.institution = self.institution
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.anybody = httpx.AsyncClient(transport=transport, base_url="http://desk")
        headers = {"Authorization": "Bearer token-of-li"}
        self.client = httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers)
        self._keys = 0

    def start(self) -> Institution:
        """A process of this institution, on the log and the database that are there."""
        return Institution(
            self.part.role,
            self.name,
            self.part.rulebook,
            keys=Keys(b"k" * 32),
            settings=self.settings,
            log=self.log,
            store=self.store,
            rail=self.rail,
            clock=self.clock,
            calendar=self.calendar,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()
        await self.anybody.aclose()

    async def ready(self) -> str:
        return self.unready

    async def turns(self, institution: Institution | None = None) -> int:
        """Take what has arrived until nothing more does; the answer counts the records."""
        worker, taken = institution or self.institution, 0
        while batch := self.log.batch(worker.inbox, self.places):
            await worker.turns.take(batch)
            taken += len(batch)
            for received in batch:
                self.places[received.partition] = received.offset + 1
        return taken

    async def day(self) -> None:
        """Turns, workers and the rail until nothing moves any more."""
        for _ in range(20):
            await self.turns()
            await self.institution.work(range(PARTITIONS))
            self.rail.settle_all()
            await self.institution.read_statements(range(PARTITIONS))
            if not await self.turns():
                return
        raise AssertionError("not at rest")

    @asynccontextmanager
    async def running(self, institution: Institution | None = None) -> AsyncIterator[None]:
        """A process takes turns all the while, as the real one does; it ends the last one before it stops."""
        stopped = asyncio.Event()

        async def run() -> None:
            while not stopped.is_set():
                await self.turns(institution)
                await asyncio.sleep(0.005)

        async with asyncio.TaskGroup() as group:
            group.create_task(run())
            try:
                yield
            finally:
                stopped.set()

    async def post(self, path: str, body: dict[str, Any], key: str = "", **headers: str) -> httpx.Response:
        """Hand in a command, with a new key unless one is given."""
        self._keys += 1
        sent = {"Idempotency-Key": key or f"key-{self._keys}", **headers}
        return await self.client.post(path, json=body, headers=sent)

    async def done(self, path: str, body: dict[str, Any], key: str = "", status: int = 200) -> dict[str, Any]:
        """Hand in a command and wait for its outcome, which must have this status."""
        async with self.running():
            answer = await self.post(path, body, key, **WAIT)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def get(self, path: str) -> Any:
        """A page, as its JSON."""
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def escrow(**other: Any) -> DeskHouse:
    """The notary's desk, with its account at the rail and its buyer's."""
    settings = {"accounts": [lc.ESCROW_ACCOUNT], "deposit_account": lc.ESCROW_ACCOUNT, **other.pop("settings", {})}
    house = DeskHouse(ESCROW, settings, **other)
    for account in (lc.ESCROW_ACCOUNT, lc.BUYER_ACCOUNT, lc.SELLER_ACCOUNT, lc.STRANGER_ACCOUNT):
        house.rail.open(account, f"owner of {account}", 0 if account == lc.ESCROW_ACCOUNT else 2 * lc.PRICE_FEN)
    return house


def sale_body(**other: Any) -> dict[str, Any]:
    """The sale as a clerk hands it in: without what the desk knows itself."""
    body = lc.sale().to_json()
    for known in ("by_clerk", "deposit_account", "periods"):
        body.pop(known, None)
    return {**body, **other}


async def opened(house: DeskHouse) -> str:
    """A sale that was brought and signed by all: the number of its case."""
    case = (await house.done("/cases", sale_body()))["case"]
    for signed in lc.signatures():
        body = {"person": signed.person, "paper": signed.paper.value}
        await house.done(f"/cases/{case}/signatures", body)
    return case
