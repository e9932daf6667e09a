"""The observer's process: a reader for each feed, and the desk. It writes to no topic."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import uvicorn
from fastapi import FastAPI

from services.observer.desk import make_app
from services.observer.feeds import OPEN, Feed, Observer
from services.runtime import logs
from services.runtime.clock import SystemClock
from services.runtime.core.periods import Calendar
from services.runtime.inbox.inbox import Inbox
from services.runtime.settings import Settings
from services.runtime.store import StoreUnavailable
from services.runtime.store.mongo import MongoStore

OBSERVER = "observer"
MEASURE_EVERY_S = 2.0
LEAVE_WITHIN_S = 3


class Service:
    """The running parts of the observer's process."""

    def __init__(self, name: str, settings: Settings) -> None:
        feeds = tuple(Feed(role, institution) for role, institution in settings.observes)
        self.store = MongoStore(settings.mongodb, OBSERVER, name, settings.mongodb_driver)
        self.observer = Observer(feeds, self.store, settings.sandbox_clock or SystemClock(), Calendar.published())
        # A group per observer and feed: each feed goes on where this observer was, whatever becomes of the others.
        self.readers = {feed: self._reader(feed, f"daiya.{OBSERVER}.{name}", settings) for feed in feeds}
        self._tasks: list[asyncio.Task[None]] = []

    def _reader(self, feed: Feed, group: str, settings: Settings) -> Inbox:
        return Inbox(
            settings.kafka_addresses,
            feed.topic,
            f"{group}.{feed.role.value}.{feed.institution}",
            take=partial(self.observer.take, feed),
            starts=partial(self.observer.starts, feed),
            remade=partial(self.observer.remade, feed),
            revoked=lambda _: None,
        )

    async def start(self) -> None:
        """Begin to read. The broker and the feeds need not be there yet; the database need not either."""
        for reader in self.readers.values():
            await reader.start()
        self._tasks = [asyncio.create_task(self._measure()), asyncio.create_task(self._ensure())]

    async def stop(self) -> None:
        """Finish the batches in hand, then leave."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(reader.stop() for reader in self.readers.values()))
        await self.store.close()

    async def is_ready(self) -> str:
        """Why not all is read that stood in the feeds; empty when it is."""
        for feed, reader in self.readers.items():
            if not reader.held:
                return f"{feed.topic} is not read: no partition of it is held"
            if not all(reader.caught_up(partition) for partition in reader.held):
                return f"catching up with {feed.topic}"
        try:
            await self.store.ping()
        except StoreUnavailable as error:
            return f"database: {error}"
        return ""

    async def _ensure(self) -> None:
        """The indexes, as soon as the database is there; without them all is the same, but slower."""
        while True:
            try:
                return await self.store.ensure()
            except StoreUnavailable as error:
                logs.log().warning("not there yet", error=str(error))
                await asyncio.sleep(MEASURE_EVERY_S)

    async def _measure(self) -> None:
        metrics = self.observer.metrics
        while True:
            for feed, reader in self.readers.items():
                metrics.lag.labels(feed.topic).set(sum(reader.lag.values()))
            with contextlib.suppress(StoreUnavailable):
                metrics.open_cases.set(await self.store.count(OPEN))
            await asyncio.sleep(MEASURE_EVERY_S)


class _Server(uvicorn.Server):
    """Ends the live streams when it is told to stop: it would wait for them for ever."""

    def __init__(self, config: uvicorn.Config, running: list[Service]) -> None:
        super().__init__(config)
        self._running = running

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for service in self._running:
            service.observer.close()
        await super().shutdown(sockets)  # pyright: ignore[reportArgumentType]


def application(name: str, settings: Settings, running: list[Service] | None = None) -> FastAPI:
    """The observer's ASGI application; starting it starts the service, stopping it stops it. The service is put into
    `running` meanwhile."""
    services: list[Service] = [] if running is None else running

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = Service(name, settings)
        services.append(service)
        app.state.observer = service.observer
        await service.start()
        yield
        await service.stop()
        services.remove(service)

    async def ready() -> str:
        return await services[0].is_ready() if services else "starting"

    return make_app(name, settings.tokens, ready, lifespan)


def serve(name: str, settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises ValueError where the settings name no feed."""
    if not settings.observes:
        raise ValueError("DAIYA_OBSERVES names no feed to read")
    logs.configure(OBSERVER, name, settings)
    running: list[Service] = []
    config = uvicorn.Config(
        application(name, settings, running),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=LEAVE_WITHIN_S,
    )
    _Server(config, running).run()
