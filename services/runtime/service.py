"""The process of one institution: consumer, workers and desk, started together and stopped in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import uvicorn
from fastapi import APIRouter, FastAPI

from contracts.event import Role
from services.runtime import logs
from services.runtime.clock import SystemClock
from services.runtime.core.periods import Calendar
from services.runtime.core.rule import Rulebook
from services.runtime.desk.app import make_app
from services.runtime.inbox.inbox import Inbox
from services.runtime.institution import Institution
from services.runtime.keys import Keys
from services.runtime.log import LogUnavailable, Received
from services.runtime.log.kafka import KafkaLog
from services.runtime.rail import Rail, RailUnavailable
from services.runtime.rail.http import HttpRail
from services.runtime.sandbox_clock import SandboxLog, SandboxRail
from services.runtime.settings import Settings
from services.runtime.store import StoreUnavailable
from services.runtime.store.mongo import MongoStore

OUTAGES = (StoreUnavailable, LogUnavailable, RailUnavailable)
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Part:
    """What makes a service this institution's and no other's: its role, its rules, its desk."""

    role: Role
    rulebook: Rulebook
    desk: APIRouter


class Service:
    """The running parts of one institution's process."""

    def __init__(self, part: Part, name: str, settings: Settings, rail: Rail | None = None) -> None:
        """`rail`: another than the one over HTTP that the settings name; whoever gives it closes it."""
        self.settings = settings
        self.log = KafkaLog(settings.kafka_addresses)
        self.store = MongoStore(settings.mongodb, part.role, name, settings.mongodb_driver)
        self.http_rail = HttpRail(settings.rail)
        self.rail = rail if rail is not None else self.http_rail
        self.sandbox = settings.sandbox_clock
        self.institution = Institution(
            part.role,
            name,
            part.rulebook,
            keys=Keys.read(settings.key_file),
            settings=settings.house,
            log=self.log if self.sandbox is None else SandboxLog(self.log, self.sandbox),
            store=self.store,
            rail=self.rail if self.sandbox is None else SandboxRail(self.rail, self.sandbox),
            clock=self.sandbox or SystemClock(),
            calendar=Calendar.published(),
        )
        self.inbox = Inbox(
            settings.kafka_addresses,
            self.institution.inbox,
            self.institution.inbox,
            take=self._take,
            starts=self.institution.made_anew.known,
            revoked=lambda _: self.institution.turns.forget(),
            remade=self.institution.made_anew.forget,
        )
        self._starting: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def active(self) -> frozenset[int]:
        """Partitions held here and caught up: while one catches up, its effects and timers wait."""
        return frozenset(p for p in self.inbox.held if self.inbox.caught_up(p))

    def begin(self) -> None:
        """Start in the background: the desk answers, and says that it is not ready, while the database is away."""
        self._starting = asyncio.create_task(self._start())

    async def _start(self) -> None:
        """Connect, take the first partitions, start the workers."""
        await _until_it_works(self.store.ensure)
        await self.inbox.start()
        s = self.settings
        self._tasks = [
            asyncio.create_task(self._loop(lambda: self.institution.payments.work(self.active), s.drain_every_s, True)),
            asyncio.create_task(self._loop(self._drain, s.drain_every_s)),
            asyncio.create_task(self._loop(self._ask_again, s.ask_again_every_s)),
            asyncio.create_task(self._loop(self._say_lost_again, s.drain_every_s)),
            asyncio.create_task(self._loop(lambda: self.institution.timers.work(self.active), s.timers_every_s)),
            asyncio.create_task(self._loop(self._read_statements, 0.05)),
            asyncio.create_task(self._loop(self._measure, 2.0)),
        ]

    async def stop(self) -> None:
        """Finish the batch in hand, then leave: workers first, so that nothing new is begun."""
        tasks = [*self._tasks, *([self._starting] if self._starting is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.inbox.stop()
        await self.log.close()
        await self.http_rail.aclose()
        await self.store.close()

    async def is_ready(self) -> str:
        """Why this process is not ready to work; empty when it is."""
        if self._starting is not None and self._starting.done() and self._starting.exception() is not None:
            return f"it could not start: {self._starting.exception()!r}"
        if not self.inbox.held:
            return "no partition of the inbox is held"
        behind = [p for p in self.inbox.held if not self.inbox.caught_up(p)]
        if behind:
            return f"catching up in partitions {sorted(behind)}"
        try:
            await self.store.ping()
        except StoreUnavailable as error:
            return f"database: {error}"
        return ""

    async def _take(self, batch: Sequence[Received]) -> None:
        metrics = self.institution.metrics
        metrics.batch_size.observe(len(batch))
        with metrics.turn_seconds.time():
            await self.institution.turns.take(batch if self.sandbox is None else self.sandbox.batch(batch))

    async def _drain(self) -> None:
        await self.institution.post.drain(self.active)

    async def _ask_again(self) -> None:
        await self.institution.post.ask_again(self.active, self.institution.clock.now())

    async def _say_lost_again(self) -> None:
        await self.institution.made_anew.work(self.active)

    async def _read_statements(self) -> None:
        """Not while anything here catches up: a database that was lost may not know yet the case that a line names."""
        if self.active == self.inbox.held:
            await self.institution.read_statements(self.active, wait_s=2.0)

    async def _measure(self) -> None:
        metrics = self.institution.metrics
        metrics.set_lag(self.inbox.lag)
        for kind in ("incident", "held", "struck", "stopped", "leftover", "lost", "payment", "wait"):
            metrics.open_rows.labels(kind).set(await self.store.count(kind, partitions=self.inbox.held))

    async def _loop(self, work: Callable[[], Awaitable[object]], every_s: float, woken: bool = False) -> None:
        """Work for ever. An outage is waited out; anything else is logged, and tried again: a worker never dies."""
        pause = every_s
        while True:
            try:
                await work()
                pause = every_s
            except OUTAGES as error:
                pause = min(LONGEST_PAUSE_S, pause * 2)
                logs.log().warning("outage", worker=str(work), error=str(error), next_try_s=pause)
            except Exception:
                pause = LONGEST_PAUSE_S
                logs.log().exception("a worker failed", worker=str(work))
            if woken:
                changed = self.institution.turns.changed
                # Not asyncio.wait_for: until Python 3.12 that loses a cancellation which comes together with the event.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await changed.wait()
                changed.clear()
            else:
                await asyncio.sleep(pause)


async def _until_it_works(connect: Callable[[], Awaitable[object]]) -> None:
    pause = 0.2
    while True:
        try:
            await connect()
            return
        except OUTAGES as error:
            logs.log().warning("not there yet", error=str(error), next_try_s=pause)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)


def application(part: Part, name: str, settings: Settings, rail: Rail | None = None) -> FastAPI:
    """The institution's ASGI application; starting it starts the service, stopping it stops the service. `rail`: see
    Service."""
    service: list[Service] = []

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running = Service(part, name, settings, rail)
        service.append(running)
        app.state.institution = running.institution
        running.begin()
        yield
        await running.stop()

    async def ready() -> str:
        return await service[0].is_ready() if service else "starting"

    return make_app(part.role, name, part.desk, settings.tokens, ready=ready, lifespan=lifespan)


def serve(part: Part, name: str, settings: Settings, rail: Rail | None = None) -> None:
    """Run until SIGTERM or SIGINT. `rail`: see Service."""
    logs.configure(part.role.value, name, settings)
    uvicorn.run(application(part, name, settings, rail), host=settings.host, port=settings.port, log_level="warning")
