"""One process of an institution: its reader of the inbox, and its workers, each one pass at a time.

What `services.runtime.service` and the inbox's session do around the coroutines is done here in the same order: start
at the lower of what was committed and what the database knows, take a batch, commit after the work; the workers look
only at partitions that have caught up.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.runtime.core.periods import Calendar
from services.runtime.institution import Institution
from services.runtime.log import LogUnavailable
from services.runtime.rail import RailUnavailable
from services.runtime.store import StoreUnavailable
from tests.simulation.adapters import LogOf, RailOf, StoreOf
from tests.simulation.outside import ALL_PARTITIONS
from tests.simulation.scheduler import CommitFailed, Killed

if TYPE_CHECKING:
    from tests.simulation.house import House

CALENDAR = Calendar.published()
ASK_EVERY = timedelta(seconds=5)
OUTAGES = (StoreUnavailable, LogUnavailable, RailUnavailable, CommitFailed)


class Process:
    """A process that believes to hold `held`. Killed, it does nothing any more."""

    def __init__(self, house: "House", held: frozenset[int]) -> None:
        city = house.city
        self.house = house
        self.city = city
        self.inbox = house.inbox
        self.alive = True
        self.held = held
        self.generation = house.generation
        self.positions: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.busy: dict[str, asyncio.Task[Any]] = {}
        self.store = StoreOf(self, house.database, city.scheduler, city.chances.order)
        self.institution = Institution(
            house.role,
            house.name,
            house.rulebook,
            keys=house.keys,
            settings=house.settings,
            log=LogOf(self, city.broker, city.scheduler),
            store=self.store,
            rail=RailOf(self, city.bank, city.scheduler, lambda: city.rail_is_away),
            clock=city,
            calendar=CALENDAR,
        )

    # --- what it could begin now --------------------------------------------------------------------------------------

    def could(self) -> list[str]:
        """The workers that have something to look at and are not at it."""
        return [name for name, is_due in WORK if name not in self.busy and is_due(self)]

    def begin(self, name: str) -> None:
        """One pass of a worker."""
        self.start(name, PASSES[name](self))

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Run something in this process, as a task of its own."""
        task = self.city.loop.create_task(work)
        self.busy[name] = task
        task.add_done_callback(lambda done: self._done(name, done))
        self.city.loop.settle()

    def _done(self, name: str, task: "asyncio.Task[Any]") -> None:
        self.busy.pop(name, None)
        failure = None if task.cancelled() else task.exception()
        if failure is not None and self.alive and not isinstance(failure, (*OUTAGES, Killed)):
            self.city.broken(f"{self.house.name}: the {name} worker raised {failure!r}", failure)

    @property
    def active(self) -> frozenset[int]:
        """Partitions held here and caught up."""
        return frozenset(p for p in self.held if p in self.positions and self.positions[p] >= self.ends[p])

    @property
    def is_active(self) -> bool:
        """Whether any partition is."""
        ends = self.ends
        return any(at >= ends[p] for p, at in self.positions.items())

    @property
    def is_behind(self) -> bool:
        """Whether there is something in the inbox that it has not taken."""
        ends = self.city.broker.ends[self.inbox]
        return not self.positions or any(ends[p] > at for p, at in self.positions.items())

    # --- the reader ---------------------------------------------------------------------------------------------------

    async def read(self) -> None:
        """One batch, from the place that is found first if it is not known yet; then the commit."""
        if not self.positions:
            held = self.held
            known = await self.store.newest_places(sorted(held))
            if held == self.held:
                committed, ends = self.house.committed, self.city.broker.ends[self.inbox]
                self.ends = {p: ends[p] for p in held}
                self.positions = {p: min(committed[p], known.get(p, -1) + 1) for p in held}
            return
        positions, generation = self.positions, self.generation
        limit = self.city.chances.order.choice((1, 2, 5, 20, 500))
        batch = self.city.broker.batch(self.inbox, positions, limit)
        if not batch:
            return
        await self.institution.turns.take(batch)
        for received in batch:
            positions[received.partition] = received.offset + 1
        await self.city.scheduler.wait(self, "commit offsets", lambda: self._commit(positions, generation))

    def _commit(self, positions: dict[int, int], generation: int) -> None:
        if generation != self.house.generation:  # the group has gone on without this member
            self.house.notice(self)
            raise CommitFailed("of an older generation")
        self.house.committed.update(positions)

    # --- its life -----------------------------------------------------------------------------------------------------

    def hold(self, held: frozenset[int]) -> None:
        """The partitions have moved, and this process has noticed: places are found anew."""
        self.generation = self.house.generation
        self.held, self.positions, self.ends = held, {}, {}
        self.institution.turns.forget()

    def kill(self) -> None:
        """kill -9."""
        if self.alive:
            self.alive = False
            self.city.scheduler.forget(self)
            self.house.buried(self)


def _active(kind: str) -> Callable[[Process], bool]:
    return lambda process: bool(process.house.database.kinds.get(kind)) and process.is_active


def _payments_due(process: Process) -> bool:
    return bool(process.house.database.unpaid) and process.is_active


def _leftovers_due(process: Process) -> bool:
    there = bool(process.house.database.kinds.get("leftover")) or bool(process.institution.post.resting)
    return there and process.is_active


def _timers_due(process: Process) -> bool:
    running = process.house.database.kinds.get("period")
    return bool(running) and process.house.clock_looked_at != process.house.today and process.is_active


def _gaps_due(process: Process) -> bool:
    return _active("held")(process) and process.city.now() - process.house.asked_at >= ASK_EVERY


def _statements_due(process: Process) -> bool:
    cursors, bank = process.house.database.cursors, process.city.bank
    new = (bank.lines(account) > cursors.get(f"statement/{account}", 0) for account in process.house.settings.accounts)
    return any(new) and process.is_active


async def _look_at_the_clock(process: Process) -> None:
    today, active = process.house.today, process.active
    await process.institution.timers.work(active)
    if active == ALL_PARTITIONS:
        process.house.clock_looked_at = today


async def _ask_again(process: Process) -> None:
    process.house.asked_at = process.city.now()
    await process.institution.post.ask_again(process.active, process.city.now())


WORK: tuple[tuple[str, Callable[[Process], bool]], ...] = (
    ("reader", lambda process: process.is_behind),
    ("payments", _payments_due),
    ("leftovers", _leftovers_due),
    ("gaps", _gaps_due),
    ("timers", _timers_due),
    ("statements", _statements_due),
)
"""The workers, each with whether it has anything to look at: a pass that finds nothing changes nothing."""

PASSES: dict[str, Callable[[Process], Coroutine[Any, Any, Any]]] = {
    "reader": Process.read,
    "payments": lambda process: process.institution.payments.work(process.active),
    "leftovers": lambda process: process.institution.post.drain(process.active),
    "gaps": _ask_again,
    "timers": _look_at_the_clock,
    "statements": lambda process: process.institution.read_statements(process.active),
}
