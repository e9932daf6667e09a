"""An event loop without a clock, threads or sockets: it runs what is ready, in order, and stops.

The runtime uses tasks, `gather` and events; these work on any loop. What a task waits for outside itself is an
adapter's future, which the scheduler alone completes: between two choices of the scheduler nothing is left to chance.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any


class SteppedLoop(asyncio.AbstractEventLoop):
    """Runs callbacks first in, first out, when told to."""

    def __init__(self) -> None:
        self._ready: deque[tuple[Callable[..., Any], tuple[Any, ...], Context | None]] = deque()

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        self._ready.append((callback, args, context))

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], **named: Any) -> "asyncio.Task[Any]":  # type: ignore[override]
        return asyncio.Task(coro, loop=self, **named)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A task that a killed process left behind has nobody to tell."""

    def settle(self) -> None:
        """Run what is ready, and what gets ready by it, until every task waits."""
        ready = self._ready
        while ready:
            callback, args, context = ready.popleft()
            if context is None:
                callback(*args)
            else:
                context.run(callback, *args)

    @contextmanager
    def running(self) -> Iterator[None]:
        """This is the running loop of the thread meanwhile."""
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)
