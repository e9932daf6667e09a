"""Sending: each recipient on its own, so that one who does not take them stops nobody.

What a recipient does not take in time becomes a row, sent when that recipient takes again. Its number in the line
keeps the order right whenever it comes.
"""

import asyncio
import base64
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contracts.envelope import (
    Envelope,
    Record,
    encode,
    inbox,
    parse_source,
    partition_of,
    public_feed,
    to_data,
    wire_time,
)
from contracts.event import Event, Role
from contracts.events.line import RepeatRequested
from services.runtime.core.facts import OwnFact
from services.runtime.core.file import Said
from services.runtime.core.fold import derived_id
from services.runtime.core.house import House
from services.runtime.core.rows import Row
from services.runtime.core.turn import Ask
from services.runtime.dead_letters import DeadLetters
from services.runtime.keys import Keys
from services.runtime.log import Log, LogUnavailable
from services.runtime.metrics import Metrics
from services.runtime.store import Store, row_pages

LEFTOVER = "leftover"
SHORTEST_REST = timedelta(seconds=5)
LONGEST_REST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A record for one topic. `id` is the same whenever it is packed again. `kept`: it becomes a row where its topic
    does not take it; what is asked for again as long as it is missing need not."""

    id: str
    topic: str
    record: Record
    subject: str
    since: datetime
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Silence:
    """A topic took no request: it is given none before `until`, and each time in vain doubles the rest. Its owner may
    be away; it may also be somebody who never was."""

    until: datetime
    rest: timedelta

    @classmethod
    def after(cls, now: datetime, before: "Silence | None") -> "Silence":
        """From now on; `before`: what had gone before, if anything had."""
        rest = SHORTEST_REST if before is None else min(before.rest * 2, LONGEST_REST)
        return cls(now + rest, rest)


class Post:
    """Packs words into records, sends them, and keeps what could not be sent."""

    def __init__(self, house: House, keys: Keys, log: Log, store: Store, metrics: Metrics) -> None:
        self.house = house
        self.keys = keys
        self.log = log
        self.store = store
        self.metrics = metrics
        self.inbox = inbox(house.role, house.institution)
        self.dead_letters = DeadLetters(self.inbox, log)
        self.feed = public_feed(house.role, house.institution)
        self.resting: set[str] = set()  # topics that did not take a record: tried again by `drain` alone
        self.silent: dict[str, Silence] = {}  # that took no request

    # --- packing ------------------------------------------------------------------------------------------------------

    def pack(self, subject: str, said: Said) -> list[Parcel]:
        """The records of one word: one per recipient, each holding what that role may read, and one for the public
        feed."""
        filed = said.filed
        if said.tell is not None:
            assert isinstance(filed.fact, OwnFact)
            return [self.own(filed.fact, filed.id, filed.case, said.tell, filed.time, filed.cause)]
        if not isinstance(filed.fact, Event):
            return []
        word, parcels = filed.fact, list[Parcel]()
        reader = {to: Role(to.split(".")[1]) for to, _ in said.to}
        narrowed = word.copies_for(reader.values())
        copies = [(to, n, narrowed[reader[to]]) for to, n in said.to]
        for topic, number, copy in (*copies, (self.feed, None, word.public_copy())):
            envelope = Envelope(
                filed.id,
                self.house.source,
                word.type_name,
                filed.case,
                filed.time,
                subject,
                number,
                filed.cause,
                to_data(copy),
            )
            record = encode(self.keys.sign_word(envelope))
            parcels.append(Parcel(f"{LEFTOVER}/{filed.id}/{topic}", topic, record, subject, filed.time))
        return parcels

    def own(
        self, fact: OwnFact, fact_id: str, case: str, subject: str, time: datetime, cause: str | None = None
    ) -> Parcel:
        """An own fact for the own inbox."""
        data = to_data(fact.to_json())
        envelope = Envelope(fact_id, self.house.source, fact.type_name, case, time, subject, None, cause, data)
        record = encode(self.keys.sign_own(envelope))
        return Parcel(f"{LEFTOVER}/{fact_id}/{self.inbox}", self.inbox, record, subject, time)

    def ask(self, subject: str, ask: Ask, time: datetime) -> Parcel:
        """A request for the words of a line that are missing."""
        request = RepeatRequested(first_missing=ask.first_missing, last_missing=ask.last_missing)
        ask_id = derived_id("ask", subject, ask.source, str(ask), wire_time(time))
        topic = inbox(*parse_source(ask.source))
        envelope = Envelope(
            ask_id, self.house.source, request.type_name, "", time, subject, None, None, to_data(request.to_json())
        )
        return Parcel(
            f"{LEFTOVER}/{ask_id}/{topic}", topic, encode(self.keys.sign_word(envelope)), subject, time, False
        )

    # --- sending ------------------------------------------------------------------------------------------------------

    async def tell(self, fact: OwnFact, fact_id: str, case: str, subject: str, time: datetime) -> None:
        """Append an own fact. Raises LogUnavailable; then the caller tries again, under the same id."""
        parcel = self.own(fact, fact_id, case, subject, time)
        await self.log.append(parcel.topic, parcel.record)

    async def send(self, parcels: Iterable[Parcel]) -> int:
        """Send them all, in their order for each topic; the answer counts those that became rows."""
        by_topic: dict[str, list[Parcel]] = {}
        for parcel in parcels:
            by_topic.setdefault(parcel.topic, []).append(parcel)
        left = await asyncio.gather(*(self._send(topic, sent) for topic, sent in by_topic.items()))
        rows = [self._row(parcel) for some in left for parcel in some if parcel.kept]
        if rows:
            await self.store.change_rows(rows, ())
        return len(rows)

    async def _send(self, topic: str, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        """The parcels that this topic did not take."""
        kept = any(parcel.kept for parcel in parcels)
        silence = self.silent.get(topic)
        if topic in self.resting or (silence and not kept and all(p.since < silence.until for p in parcels)):
            return parcels
        results = await asyncio.gather(*(self.log.append(topic, p.record) for p in parcels), return_exceptions=True)
        left: list[Parcel] = []
        for parcel, result in zip(parcels, results, strict=True):
            if isinstance(result, LogUnavailable):
                left.append(parcel)
            elif isinstance(result, BaseException):
                raise result
        if any(parcel.kept for parcel in left):
            self.resting.add(topic)
        elif left:
            self.silent[topic] = Silence.after(max(parcel.since for parcel in left), silence)
        else:
            self.silent.pop(topic, None)
        return left

    async def drain(self, partitions: Collection[int]) -> int:
        """Send what was left over, and ask again for what is missing; the answer counts what is still left."""
        left: dict[str, int] = {}
        async for page in row_pages(self.store, LEFTOVER, partitions):
            by_topic: dict[str, list[Row]] = {}
            for row in page:
                by_topic.setdefault(row.data["topic"], []).append(row)
            away = {topic: len(rows) for topic, rows in by_topic.items() if left.get(topic)}  # seen on an earlier page
            there = {topic: rows for topic, rows in by_topic.items() if topic not in away}
            # Side by side: a topic that is not there takes the log's whole deadline to say so.
            unsent = await asyncio.gather(*(self._drain(topic, rows) for topic, rows in there.items()))
            for topic, n in (*away.items(), *zip(there, unsent, strict=True)):
                left[topic] = left.get(topic, 0) + n
        self.resting &= {topic for topic, n in left.items() if n}
        return sum(left.values())

    async def _drain(self, topic: str, rows: Sequence[Row]) -> int:
        """Send what was left over for one topic, until it does not take one; the answer counts those."""
        sent: list[str] = []
        for row in rows:
            try:
                await self.log.append(topic, _record(row.data))
            except LogUnavailable:
                break
            sent.append(row.id)
            self.metrics.sent_late.inc()
        if sent:
            self.silent.pop(topic, None)
            await self.store.change_rows((), sent)
        return len(rows) - len(sent)

    async def ask_again(self, partitions: Collection[int], now: datetime) -> None:
        """Whatever is held still waits for the numbers before it: ask for them once more."""
        async for page in row_pages(self.store, "held", partitions):
            asks = [(row, Ask(row.data["source"], row.data["first_missing"], row.data["last_missing"])) for row in page]
            await self.send([self.ask(row.subject, ask, now) for row, ask in asks])

    def _row(self, parcel: Parcel) -> Row:
        r = parcel.record
        data: dict[str, Any] = {
            "topic": parcel.topic,
            "key": _text(r.key),
            "value": _text(r.value),
            "headers": [[name, _text(value)] for name, value in r.headers],
        }
        return Row(parcel.id, LEFTOVER, parcel.subject, partition_of(parcel.subject), "", parcel.since, data)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _record(data: dict[str, Any]) -> Record:
    headers = tuple((name, _bytes(value) or b"") for name, value in data["headers"])
    return Record(_bytes(data["key"]), _bytes(data["value"]), headers)
