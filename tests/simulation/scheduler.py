"""The scheduler: everything that waits for the outside waits here, and one thing happens at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.runtime.log import LogUnavailable
from services.runtime.rail import RailUnavailable
from services.runtime.store import StoreUnavailable
from tests.simulation.chance import Chances
from tests.simulation.loop import SteppedLoop

Effect = Callable[[], Any]


class Killed(BaseException):
    """The process is dead: nothing of it goes on. No `except Exception` catches it."""


class CommitFailed(Exception):
    """The broker did not take the offsets."""


class Owner(Protocol):
    """Who waits: a process that can be killed."""

    alive: bool

    def kill(self) -> None: ...


@dataclass(slots=True)
class Waiting:
    """One await on an adapter: what would happen, and what can go wrong with it. `half` does only a part of it; `late`
    puts it off, and it happens all the same."""

    owner: Owner
    kind: str
    effect: Effect
    half: Effect | None
    late: Callable[[Effect], None] | None
    future: "asyncio.Future[Any]"


FAILURES: dict[str, Callable[[str], Exception]] = {
    "store": StoreUnavailable,
    "log": LogUnavailable,
    "rail": RailUnavailable,
    "commit": CommitFailed,
}

_CRASHES = (("killed before", 0.0003), ("killed after", 0.0005))
FAULTS: dict[str, Sequence[tuple[str, float]]] = {
    "store": (("no answer", 0.004), ("reply lost", 0.004), *_CRASHES),
    "store write": (
        ("no answer", 0.004),
        ("reply lost", 0.006),
        ("half done", 0.006),
        ("killed half", 0.0008),
        *_CRASHES,
    ),
    "log": (("no answer", 0.006), ("reply lost", 0.006), ("written late", 0.006), *_CRASHES),
    "rail": (("no answer", 0.03), ("reply lost", 0.04), *_CRASHES),
    "commit": (("no answer", 0.05), ("reply lost", 0.02), *_CRASHES),
}
"""What can go wrong with each kind of await, with its chance where the city's storm is 1."""


class Scheduler:
    """Keeps what waits, and lets one of it happen."""

    def __init__(self, chances: Chances, loop: SteppedLoop) -> None:
        self.chances = chances
        self.loop = loop
        self.waiting: list[Waiting] = []
        self.away: set[str] = set()  # the outside as a whole: "store escrow", "rail", a topic

    def wait(
        self,
        owner: Owner,
        kind: str,
        effect: Effect,
        half: Effect | None = None,
        late: Callable[[Effect], None] | None = None,
    ) -> "asyncio.Future[Any]":
        """A future that is done when this has happened, or has failed."""
        future: asyncio.Future[Any] = asyncio.Future(loop=self.loop)
        if owner.alive:
            self.waiting.append(Waiting(owner, kind, effect, half, late, future))
        else:
            future.set_exception(Killed())
        return future

    def let_one_happen(self) -> str:
        """One of what waits happens; the answer says what it was."""
        n = 0 if self.chances.plan.in_order else self.chances.order.randrange(len(self.waiting))
        one = self.waiting.pop(n)
        family = one.kind.split()[0]
        kind = "store write" if one.half is not None and family == "store" else family
        fault = self.chances.fault(FAULTS.get(kind, ()))
        self._happen(one, fault, FAILURES.get(family, RuntimeError))
        self.loop.settle()
        return f"{one.kind}: {fault}" if fault else one.kind

    def _happen(self, one: Waiting, fault: str | None, failure: Callable[[str], Exception]) -> None:
        future = one.future
        if fault == "killed before":
            one.owner.kill()
        elif fault == "no answer":
            future.set_exception(failure(f"{one.kind}: no answer"))
        elif fault == "written late" and one.late is not None:
            one.late(one.effect)
            future.set_exception(failure(f"{one.kind}: taken, written later"))
        else:
            self._do(one, fault, failure)
        if one.owner.alive is False and not future.done():
            future.set_exception(Killed())

    def _do(self, one: Waiting, fault: str | None, failure: Callable[[str], Exception]) -> None:
        is_half = fault in ("half done", "killed half") and one.half is not None
        try:
            result = one.half() if is_half and one.half is not None else one.effect()
        except (LogUnavailable, StoreUnavailable, RailUnavailable, CommitFailed) as refused:
            one.future.set_exception(refused)
            return
        if fault in ("killed after", "killed half"):
            one.owner.kill()
        elif fault in ("reply lost", "half done"):
            one.future.set_exception(failure(f"{one.kind}: {fault}"))
        else:
            one.future.set_result(result)

    def forget(self, owner: Owner) -> None:
        """A killed process waits for nothing any more."""
        gone = [one for one in self.waiting if one.owner is owner]
        self.waiting = [one for one in self.waiting if one.owner is not owner]
        for one in gone:
            one.future.set_exception(Killed())
