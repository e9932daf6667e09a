"""What a process tells operations of itself: lag and open rows of what it holds, and whether it is ready."""

from types import SimpleNamespace
from typing import Any, cast

from services.runtime.core.rows import Row
from services.runtime.metrics import Metrics
from services.runtime.service import Service
from services.runtime.store import PAGE_ROWS
from services.runtime.store.memory import MemoryStore
from tests.support.bench import FOLIO, NOON


class Process:
    """As much of a service as measures."""

    def __init__(self, lag: dict[int, int]) -> None:
        self.institution = SimpleNamespace(metrics=Metrics())
        self._starting = None  # it has started
        self.store = MemoryStore()
        self.hold(lag)

    def hold(self, lag: dict[int, int]) -> None:
        """These partitions are held now, and so many records of each are not taken yet."""
        self.inbox = SimpleNamespace(lag=lag, held=frozenset(lag), caught_up=lambda p: lag[p] == 0)

    async def measured(self) -> str:
        await Service._measure(cast(Any, self))
        return self.institution.metrics.text().decode()

    async def unready(self) -> str:
        return await Service.is_ready(cast(Any, self))


async def test_a_partition_that_moved_away_has_no_lag_here() -> None:
    process = Process({0: 7, 3: 2})
    assert 'daiya_lag_records{partition="3"} 2.0' in await process.measured()
    process.hold({0: 5})
    told = await process.measured()
    assert 'partition="0"} 5.0' in told and 'partition="3"' not in told


async def test_open_rows_are_counted_however_many_there_are() -> None:
    process = Process({1: 0})
    many = [Row(f"w{n}", "wait", FOLIO, 1 + n % 2, "", NOON, {}) for n in range(2 * PAGE_ROWS + 20)]
    await process.store.change_rows(many, ())
    assert f'daiya_open{{kind="wait"}} {PAGE_ROWS + 10}.0' in await process.measured()


async def test_ready_is_who_has_caught_up_in_every_partition_that_it_holds() -> None:
    process = Process({})
    assert "no partition" in await process.unready()
    process.hold({0: 0, 1: 4})
    assert await process.unready() == "catching up in partitions [1]"
    process.hold({0: 0, 1: 0})
    assert await process.unready() == ""
    process.store.down = True
    assert "database" in await process.unready()
