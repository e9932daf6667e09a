"""What one process sees of the outside: each call waits for the scheduler, and may fail there."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from contracts.envelope import Record
from services.runtime.core.rows import Row
from services.runtime.log import Received
from services.runtime.rail import Accepted, NotThere, RailUnavailable, Refused, StatementLine, Transfer, Unknown
from services.runtime.rail.memory import Fault
from services.runtime.store import PAGE_ROWS, Entry, Snapshot, StoreUnavailable
from tests.simulation.outside import Bank, Broker, Database, at_once
from tests.simulation.scheduler import Effect, Scheduler

if TYPE_CHECKING:
    from tests.simulation.process import Process


class LogOf:
    """`Log` for one process."""

    def __init__(self, process: "Process", broker: Broker, scheduler: Scheduler) -> None:
        self.process = process
        self.broker = broker
        self.scheduler = scheduler

    async def append(self, topic: str, record: Record) -> None:
        own = topic.startswith(self.process.inbox)  # its own inbox, its dead letters and its public feed
        await self.scheduler.wait(
            self.process, "log append", lambda: self.broker.append(topic, record, own), late=self._late
        )

    async def page(self, topic: str, partition: int, start: int, limit: int) -> Sequence[Received]:
        return await self.scheduler.wait(
            self.process, "log page", lambda: tuple(self.broker.topics[topic][partition][start : start + limit])
        )

    def _late(self, effect: Effect) -> None:
        """The producer goes on trying: the record may be written long after its caller gave up."""
        self.broker.late.append(effect)


class StoreOf:
    """`Store` for one process."""

    def __init__(self, process: "Process", database: Database, scheduler: Scheduler, chance: random.Random) -> None:
        self.process = process
        self.database = database
        self.scheduler = scheduler
        self.chance = chance

    async def _ask(self, kind: str, effect: Effect, half: Effect | None = None) -> Any:
        def reached(do: Effect) -> Effect:
            def effect() -> Any:
                if self.process.house.database_is_away:
                    raise StoreUnavailable(f"{kind}: no primary")
                return do()

            return effect

        return await self.scheduler.wait(
            self.process, f"store {kind}", reached(effect), reached(half) if half is not None else None
        )

    def _some(self, all_of_it: Sequence[Any]) -> list[Any]:
        return [one for one in all_of_it if self.chance.random() < 0.5]

    async def load(self, subjects: Collection[str]) -> Mapping[str, tuple[Snapshot | None, Sequence[Entry]]]:
        return await self._ask("load", lambda: self.database.load(subjects))

    async def subjects(self, after: str, limit: int) -> Sequence[str]:
        return await self._ask("subjects", lambda: self.database.subjects(after, limit))

    async def insert(self, entries: Sequence[Entry]) -> frozenset[str]:
        return await self._ask(
            "insert", lambda: self.database.insert(entries), lambda: self.database.insert(self._some(entries))
        )

    async def snapshot(self, snapshot: Snapshot) -> None:
        await self._ask("snapshot", lambda: self.database.snapshot(snapshot))

    async def mark_place(self, partition: int, offset: int) -> None:
        await self._ask("mark_place", lambda: self.database.mark_place(partition, offset))

    async def newest_places(self, partitions: Collection[int]) -> Mapping[int, int]:
        return await self._ask("newest_places", lambda: self.database.newest_places(partitions))

    async def forget_places(self, partitions: Collection[int]) -> None:
        await self._ask("forget_places", lambda: self.database.forget_places(partitions))

    async def change_rows(self, put: Sequence[Row], delete: Collection[str]) -> None:
        gone = sorted(delete)
        await self._ask(
            "change_rows",
            lambda: self.database.change_rows(put, gone),
            lambda: self.database.change_rows(self._some(put), self._some(gone)),
        )

    async def rows_of(self, subject: str) -> Sequence[Row]:
        return await self._ask("rows_of", lambda: self.database.rows_of(subject))

    async def rows(
        self,
        kind: str,
        *,
        partitions: Collection[int] | None = None,
        after: Row | None = None,
        newest_first: bool = False,
        limit: int = PAGE_ROWS,
    ) -> Sequence[Row]:
        def read() -> tuple[Row, ...]:
            ids = list(self.database.ids(kind, partitions, after, newest_first))[:limit]
            return tuple(self.database.row_of(self.database.rows[row_id]) for row_id in ids)

        return await self._ask("rows", read)

    async def count(self, kind: str, *, partitions: Collection[int] | None = None) -> int:
        return await self._ask("count", lambda: len(list(self.database.ids(kind, partitions, None, False))))

    async def row(self, row_id: str) -> Row | None:
        return await self._ask("row", lambda: self.database.row(row_id))

    async def mark_row(self, row_id: str, mark: str, value: str) -> bool:
        return await self._ask("mark_row", lambda: self.database.mark_row(row_id, mark, value))

    async def cursor(self, name: str) -> int:
        return await self._ask("cursor", lambda: self.database.cursors.get(name, 0))

    async def move_cursor(self, name: str, to: int) -> None:
        await self._ask("move_cursor", lambda: self.database.move_cursor(name, to))

    async def ping(self) -> None:
        await self._ask("ping", lambda: None)


class RailOf:
    """`Rail` for one process."""

    def __init__(self, process: "Process", bank: Bank, scheduler: Scheduler, is_away: Callable[[], bool]) -> None:
        self.process = process
        self.bank = bank
        self.scheduler = scheduler
        self.is_away = is_away

    async def transfer(self, order: Transfer) -> Accepted | Refused | Unknown:
        try:
            return await self.scheduler.wait(self.process, "rail transfer", lambda: self._book(order))
        except RailUnavailable as failure:
            return Unknown(key=order.key, why=str(failure))

    def _book(self, order: Transfer) -> Any:
        self._reached()
        fault = self.scheduler.chances.fault((("refused", 0.04), ("returned", 0.04)))
        if fault is not None and order.key not in self.bank.orders:
            self.bank.books.arm(Fault("refuse" if fault == "refused" else "return"))
        return self.bank.transfer(order)

    async def find(self, key: str) -> Accepted | Refused | NotThere | Unknown:
        try:
            return await self.scheduler.wait(self.process, "rail find", lambda: self._find(key))
        except RailUnavailable as failure:
            return Unknown(key=key, why=str(failure))

    def _find(self, key: str) -> Any:
        self._reached()
        return at_once(self.bank.books.find(key))

    async def statement(self, account: str, after: int, wait_s: float = 0) -> tuple[StatementLine, ...]:
        def read() -> tuple[StatementLine, ...]:
            self._reached()
            return self.bank.statement(account, after)

        return await self.scheduler.wait(self.process, "rail statement", read)

    def _reached(self) -> None:
        if self.is_away():
            raise RailUnavailable("the rail is out of reach")
