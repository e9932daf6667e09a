"""The observer itself: takes the words of the feeds, keeps each once, and answers what a case's words add up to.

What is kept are rows of the runtime's store, in a database of the observer's own. All of them follow from the feeds:
with an empty database everything is read again from the start.

- `word`: one word, under its folio; the key is speaker and id, so what a feed has twice is here once
- `case`: where a case lies, since its opening; with `open` or `ended` beside it, for the lists
"""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from contracts.envelope import Malformed, decode, public_feed, source, wire_time
from contracts.event import EVENTS, Role
from services.observer.cases import Heard, Institutions, case_page, in_order, line_of, opens_a_case
from services.observer.pages import CaseLine, CasePage, News, Status
from services.runtime.clock import Clock
from services.runtime.core.periods import Calendar, day_in_china
from services.runtime.core.rows import Row
from services.runtime.log import Received
from services.runtime.store import Store, all_rows

WORD, CASE, OPEN, ENDED = "word", "case", "open", "ended"
WAITING_NEWS = 1000  # words that somebody who listens may be behind

log = structlog.get_logger(__name__)


class Metrics:
    """What Prometheus reads of an observer."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter("daiya_observer_records", "Records of the feeds read", ["feed"], registry=self.registry)
        self.refused = Counter(
            "daiya_observer_refused", "Records that are no public word", ["feed"], registry=self.registry
        )
        self.lag = Gauge("daiya_observer_lag_records", "Records not yet read", ["feed"], registry=self.registry)
        self.open_cases = Gauge("daiya_observer_open_cases", "Cases that have not ended", registry=self.registry)

    def text(self) -> bytes:
        """The metrics in Prometheus' text form."""
        return generate_latest(self.registry)


@dataclass(frozen=True, slots=True)
class Feed:
    """One institution's public feed."""

    role: Role
    institution: str

    @property
    def topic(self) -> str:
        """Its topic."""
        return public_feed(self.role, self.institution)

    def read(self, received: Received) -> Heard:
        """The word in a record. Raises Malformed for what is none, or is another one's."""
        envelope = decode(received.record, received.partition)
        if envelope.speaker != (self.role, self.institution):
            raise Malformed("ce_source", f"{envelope.source} speaks in the feed of {self.institution}")
        kind = EVENTS.get(envelope.type)
        if kind is not None and self.role not in kind.spoken_by:
            raise Malformed("ce_type", f"{self.role.value} may not say {envelope.type}")
        return Heard(
            id=envelope.id,
            at=envelope.time,
            by=self.role,
            institution=self.institution,
            type_name=envelope.type,
            kind=kind,
            case=envelope.case,
            subject=envelope.key,
            cause=envelope.cause,
            values=json.loads(envelope.data),
            place=(self.topic, received.partition, received.offset),
        )


class Listener:
    """Somebody who hears words as they come; over when it is too far behind, or when the observer stops."""

    def __init__(self) -> None:
        self.over = False
        self._words: asyncio.Queue[Heard | None] = asyncio.Queue()

    def tell(self, word: Heard) -> None:
        """Another word, as long as there is room."""
        if self._words.qsize() >= WAITING_NEWS:
            self.end()
        elif not self.over:
            self._words.put_nowait(word)

    def end(self) -> None:
        """There will be no more."""
        self.over = True
        self._words.put_nowait(None)

    async def next(self, within_s: float) -> Heard | None:
        """The next word; None when none has come in so many seconds, or it is over."""
        if self.over:
            return None
        try:
            async with asyncio.timeout(within_s):
                return await self._words.get()
        except TimeoutError:
            return None


class Observer:
    """What is known from the feeds that this observer is entitled to."""

    def __init__(self, feeds: Iterable[Feed], store: Store, clock: Clock, calendar: Calendar) -> None:
        self.feeds = tuple(feeds)
        self.store = store
        self.clock = clock
        self.calendar = calendar
        self.metrics = Metrics()
        self.observed: Institutions = frozenset((feed.role, feed.institution) for feed in self.feeds)
        self._listening: set[Listener] = set()
        self._remade: dict[tuple[str, int], int] = {}
        self._placing = asyncio.Lock()  # feeds are read side by side, and meet in their cases

    # --- reading the feeds ------------------------------------------------------------------------------------

    async def starts(self, feed: Feed, partitions: Collection[int], _: str) -> Mapping[int, int]:
        """The place after the last that was kept, by partition. Which topic it was in makes no odds: a topic made anew
        has nothing committed, and is read from the beginning."""
        for partition in partitions:
            self._remade[feed.topic, partition] = await self.store.cursor(f"{feed.topic}/{partition}/remade")
        return {partition: await self.store.cursor(self._cursor(feed, partition)) for partition in partitions}

    async def remade(self, feed: Feed, partitions: Collection[int]) -> None:
        """The feed was made anew: its places start again. What was kept stays, for a word has its id."""
        log.warning("a feed was made anew", feed=feed.topic, partitions=sorted(partitions))
        for partition in partitions:
            times = self._remade.get((feed.topic, partition), 0) + 1
            await self.store.move_cursor(f"{feed.topic}/{partition}/remade", times)
            self._remade[feed.topic, partition] = times

    async def take(self, feed: Feed, batch: Sequence[Received]) -> None:
        """Keep the words of a batch. Raises StoreUnavailable; then the same records come again."""
        words: list[Heard] = []
        for received in batch:
            try:
                words.append(feed.read(received))
            except Malformed as error:
                self.metrics.refused.labels(feed.topic).inc()
                place = f"{received.partition}/{received.offset}"
                log.warning("no public word", feed=feed.topic, place=place, where=error.where, why=error.why)
        fresh = await self._fresh(words) if self._listening else []
        await self.store.change_rows([_row(word) for word in words], ())
        await self._place_cases(words)
        for partition, offset in {r.partition: r.offset for r in batch}.items():
            await self.store.move_cursor(self._cursor(feed, partition), offset + 1)
        self.metrics.records.labels(feed.topic).inc(len(batch))
        for word in fresh:
            for listener in self._listening:
                listener.tell(word)

    async def _fresh(self, words: Iterable[Heard]) -> list[Heard]:
        """Those that are not kept yet, each once."""
        found: dict[str, Heard] = {}
        for word in words:
            if _row_id(word) not in found and await self.store.row(_row_id(word)) is None:
                found[_row_id(word)] = word
        return list(found.values())

    async def _place_cases(self, words: Iterable[Heard]) -> None:
        """Where cases lie, and whether they are open: looked at where a word may have changed that."""
        openings = [word for word in words if opens_a_case(word)]
        rows = [Row(f"{CASE}/{w.case}", CASE, w.subject, w.place[1], w.case, w.at, {}) for w in openings]
        if rows:
            await self.store.change_rows(rows, ())
        turning = {word.case for word in (*openings, *(word for word in words if word.ends))}
        for case in sorted(turning):
            async with self._placing:
                row = await self.case_row(case)
                if row is not None:
                    await self._place_case(row)

    async def _place_case(self, case: Row) -> None:
        page = await self._page(case)
        here = {OPEN: replace(case, id=f"{OPEN}/{case.case}", kind=OPEN)}
        here[ENDED] = replace(case, id=f"{ENDED}/{case.case}", kind=ENDED, data={"status": page.status.value})
        now, before = (OPEN, ENDED) if page.status is Status.OPEN else (ENDED, OPEN)
        await self.store.change_rows([here[now]], [here[before].id])

    def _cursor(self, feed: Feed, partition: int) -> str:
        return f"{feed.topic}/{partition}/{self._remade.get((feed.topic, partition), 0)}"

    # --- answering --------------------------------------------------------------------------------------------

    async def case_row(self, case: str) -> Row | None:
        """Where a case lies; None where its opening is not known here."""
        return await self.store.row(f"{CASE}/{case}")

    async def page(self, case: str) -> CasePage | None:
        """One case; None where its opening is not known here."""
        row = await self.case_row(case)
        return await self._page(row) if row is not None else None

    async def words(self, case: str) -> list[Heard]:
        """What was said in a case, in order."""
        row = await self.case_row(case)
        folio = await self._folio(row) if row is not None else []
        return [word for word in in_order(folio) if word.case == case]

    async def lines(
        self, status: Status | None, institution: str | None, overdue: bool | None, before: Row | None
    ) -> AsyncIterator[CaseLine]:
        """Cases, newest first: of one status, with an institution in them, with or without something overdue; those
        that come after `before` in this order."""
        kind = OPEN if overdue or status is Status.OPEN else CASE if status is None else ENDED
        after = replace(before, id=f"{kind}/{before.case}") if before is not None else None
        async for row in all_rows(self.store, kind, after=after, newest_first=True):
            if kind == ENDED and row.data["status"] != status:
                continue
            line = (await self._page(row)).line
            named = institution is None or any(party.institution == institution for party in line.institutions)
            if named and status in (None, line.status) and overdue in (None, line.overdue):
                yield line

    async def _page(self, row: Row) -> CasePage:
        words = await self._folio(row)
        return case_page(row.case, words, self.observed, self.calendar, day_in_china(self.clock.now()))

    async def _folio(self, row: Row) -> list[Heard]:
        return [_word(one) for one in await self.store.rows_of(row.subject) if one.kind == WORD]

    # --- listening --------------------------------------------------------------------------------------------

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Every word that this process keeps from now on, as it comes."""
        listener = Listener()
        self._listening.add(listener)
        try:
            yield listener
        finally:
            self._listening.discard(listener)

    def close(self) -> None:
        """Nobody hears anything more: the process stops."""
        for listener in self._listening:
            listener.end()


def news(word: Heard) -> News:
    """A word as the live stream tells it."""
    line = line_of(word)
    return News(case=word.case, subject=word.subject, **{name: getattr(line, name) for name in type(line).model_fields})


# --- words as rows ----------------------------------------------------------------------------------------------------


def _row_id(word: Heard) -> str:
    return f"{WORD}{source(word.by, word.institution)}/{word.id}"


def _row(word: Heard) -> Row:
    """A word as it is kept; its values as text, for what others write need not be what a database takes."""
    data = {
        "id": word.id, "role": word.by.value, "institution": word.institution, "type": word.type_name,
        "cause": word.cause, "time": wire_time(word.at), "values": json.dumps(word.values, ensure_ascii=False),
        "place": list(word.place),
    }  # fmt: skip
    return Row(_row_id(word), WORD, word.subject, word.place[1], word.case, word.at, data)


def _word(row: Row) -> Heard:
    data = row.data
    topic, partition, offset = data["place"]
    return Heard(
        id=data["id"],
        at=datetime.fromisoformat(data["time"]),
        by=Role(data["role"]),
        institution=data["institution"],
        type_name=data["type"],
        kind=EVENTS.get(data["type"]),
        case=row.case,
        subject=row.subject,
        cause=data["cause"],
        values=json.loads(data["values"]),
        place=(topic, partition, offset),
    )
