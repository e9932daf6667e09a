"""The own inbox as FastStream reads it: batches of raw records, in order, committed after the work.

What a library or a broker may do wrong here is caught here. A batch that fails comes again, after a rest. A
record that no parser could read still arrives, as bytes. A partition starts at the lower of the committed
offset and the newest place that the database knows, never later. A record that aiokafka would skip is noticed
by its offset and fetched again. A consumer that no longer moves is started anew.
"""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import structlog
from aiokafka.errors import KafkaError

from services.runtime.inbox.probe import ANSWER_S, Probe, ask
from services.runtime.inbox.session import Remade, Revoked, Session, Starts, Take, Wiring, rest, set_within

START_S = 60.0  # a join waits for the other members' batches

log = structlog.get_logger(__name__)


class Inbox:
    """Reads one topic as a member of a group, from `start()` to `stop()`, whatever happens to the broker.

    - `take` gets each batch; when it returns the batch is committed, when it raises the same records come
      again.
    - `starts` tells, for partitions just assigned, the newest place that the database knows plus one; what it leaves
      out is read from the beginning. It is given the topic's id too, which a topic made anew has not: places of another
      one say nothing. It may raise: it is asked again.
    - `remade` hears of partitions whose log ends before what was committed or is known: they were made anew and are
      read from the beginning. It may raise, like `starts`.
    - `revoked` hears of partitions that are no longer held. It must not raise.

    `watch_s`: a consumer that holds nothing, or does not move though there is something to read, for twice as
    long is started anew.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        topic: str,
        group: str,
        *,
        take: Take,
        starts: Starts,
        remade: Remade,
        revoked: Revoked,
        watch_s: float = 15.0,
    ) -> None:
        self._wiring = Wiring(tuple(addresses), topic, group, take, starts, remade, revoked)
        self._watch_s = watch_s
        self._stopping = asyncio.Event()
        self._session: Session | None = None
        self._running: asyncio.Task[None] | None = None
        self.restarts = 0

    async def start(self) -> None:
        """Begin. Returns at once; the broker need not be there yet."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish the batch in hand, commit it, leave the group."""
        self._stopping.set()
        if self._running is not None:
            await self._running

    @property
    def held(self) -> frozenset[int]:
        """The partitions held now."""
        return frozenset(self._session.parts) if self._session is not None else frozenset()

    def caught_up(self, partition: int) -> bool:
        """Whether everything that stood in a partition when it was assigned has been taken; False if it is
        not held."""
        part = self._session.parts.get(partition) if self._session is not None else None
        return part is not None and part.settled and part.next >= part.end

    @property
    def lag(self) -> Mapping[int, int]:
        """How many records are known to stand in each held partition that were not taken yet."""
        return self._session.lag() if self._session is not None else {}

    async def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            session = self._session = Session(self._wiring, self._stopping)
            try:
                if await self._unless_stopping(session.open(), START_S):
                    failures = 0
                    await self._until_stuck(session)
            except Exception as failure:
                log.warning("the inbox could not be opened", topic=self._wiring.topic, failure=repr(failure))
                failures += 1
            finally:
                await session.close()
            if not self._stopping.is_set():
                self.restarts += 1
                await rest(failures, self._stopping)

    async def _until_stuck(self, session: Session) -> None:
        """Returns when the consumer is stuck, or when it is time to stop.

        Known lock-ups (aiokafka issues 1095 and 1154) leave a consumer that looks alive: so the broker is
        asked, over a connection of its own, whether there is anything to read. Twice, so that a record that
        has come this moment is not taken for one that nobody fetches.
        """
        suspected, asked_at = False, time.monotonic()
        looked_at = asked_at
        while not await set_within(self._stopping, min(1.0, self._watch_s / 4)):
            if time.monotonic() - looked_at >= self._watch_s:
                if await self._is_another_topic(session):
                    log.error("the topic was made anew: starting the inbox anew", topic=self._wiring.topic)
                    return
                looked_at = time.monotonic()
            if session.idle_s() < self._watch_s:
                suspected, asked_at = False, time.monotonic()
            elif time.monotonic() - asked_at >= self._watch_s:
                stuck = await self._is_stuck(session)
                if stuck and suspected:
                    log.error("the inbox does not move: starting it anew", topic=self._wiring.topic)
                    return
                suspected, asked_at = stuck, time.monotonic()

    async def _is_another_topic(self, session: Session) -> bool:
        try:
            return await session.reads_another_topic()
        except (KafkaError, OSError, TimeoutError) as failure:
            log.warning("the broker does not answer", topic=self._wiring.topic, failure=repr(failure))
            return False

    async def _is_stuck(self, session: Session) -> bool:
        probe = Probe(self._wiring.addresses, self._wiring.topic, self._wiring.group)
        found: dict[str, Any] = {}

        async def asking() -> None:
            found["answer"] = await ask(probe)

        try:
            if not await self._unless_stopping(asking(), ANSWER_S):
                return False
        except Exception as failure:
            # The broker is away: whoever waits for it is not stuck.
            log.warning("the broker does not answer", topic=self._wiring.topic, failure=repr(failure))
            return False
        return session.is_behind(found["answer"].ends, found["answer"].unowned)

    async def _unless_stopping(self, work: Coroutine[Any, Any, None], within_s: float) -> bool:
        """Whether the work was done; cancelled when it is time to stop. Raises what it raises, and
        TimeoutError."""
        doing = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({doing, stopping}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
                return True
            if not stopping.done():
                raise TimeoutError(f"no answer within {within_s} s")
            return False
        finally:
            for task in (doing, stopping):
                task.cancel()
            await asyncio.wait({doing, stopping})
