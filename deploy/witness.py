"""A witness: reads along in every inbox of a case and notes each event as it is said, once, by whom and when.

It belongs to no group and commits nothing, so no service notices it. Several institutions hear one event, each its own
copy with what its role may read; the witness lays the copies together. Who hears a case follows from what is said:
the opening names those who take part, and others join later, to whom what was said before is said again.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord
from pydantic import ValidationError

from contracts.envelope import Envelope, Malformed, Record, decode
from contracts.event import EVENTS, Event, Role
from contracts.events.case import CaseOpened, PartyJoined
from contracts.procedures import in_causal_order


class WitnessLost(RuntimeError):
    """The witness cannot read on; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """An institution, and its inbox."""

    role: Role
    name: str
    inbox: str


@dataclass(slots=True)
class Spoken:
    """One event as it was said. `values` has every field that any of the copies seen so far has; `seen` counts the
    events seen before it, `copies` names the inboxes whose copies were seen, and `due` those of whoever had a part in
    the case when it was said; None as long as nobody knows who has."""

    id: str
    at: datetime
    by: Role
    institution: str
    kind: type[Event]
    case: str
    values: dict[str, Any]
    seen: int
    copies: set[str] = field(default_factory=set[str])
    due: frozenset[str] | None = None

    @property
    def event(self) -> Event:
        """The event itself. Raises pydantic.ValidationError where no copy that was seen is one."""
        return self.kind.read(json.dumps(self.values))


class Witness:
    """Reads along from the first record on. Use as an async context manager.

    `on_event` hears of each event once, when all copies of it are there, and of what caused it before. `changed[inbox]`
    is set with each record there.
    """

    def __init__(
        self, kafka: str, places: tuple[Place, ...], on_event: Callable[[Spoken], None] = lambda _: None
    ) -> None:
        self.changed: Mapping[str, asyncio.Event] = {place.inbox: asyncio.Event() for place in places}
        self.dead: list[str] = []
        self._failed: BaseException | None = None
        self._news = asyncio.Event()
        self._places = places
        self._on_event = on_event
        self._spoken: dict[str, Spoken] = {}
        self._untold: list[Spoken] = []
        self._parties: dict[str, set[tuple[Role, str]]] = {}
        self._causes: dict[str, str | None] = {}
        self._said: set[tuple[str, type[Event]]] = set()
        self._kafka = kafka
        self._reading = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        topics = [name for place in self._places for name in (place.inbox, f"{place.inbox}.dead")]
        consumer = AIOKafkaConsumer(
            *topics,
            bootstrap_servers=self._kafka,
            group_id=None,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        self._reading.push_async_callback(consumer.stop)
        await consumer.start()
        reader = asyncio.create_task(self._read(consumer))
        self._reading.push_async_callback(asyncio.gather, reader, return_exceptions=True)
        self._reading.callback(reader.cancel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reading.aclose()

    @property
    def spoken(self) -> list[Spoken]:
        """Every event so far, in the order of saying: by time, then what caused before what was caused."""
        return in_causal_order(self._spoken.values(), self._causes)

    def heard(self, case: str, kind: type[Event]) -> bool:
        """Whether such an event was said in the case."""
        return (case, kind) in self._said

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until this is so; it is looked at with every record. Raises WitnessLost where reading has failed."""
        while not true():
            if self._failed is not None:
                raise WitnessLost(f"the witness cannot read on: {self._failed!r}")
            await self._news.wait()
            self._news.clear()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        try:
            async for record in consumer:
                self.take(record.topic, record.partition, _record(record))
                await asyncio.sleep(0)  # what is fetched already comes without a pause, and others have a turn to take
        except Exception as error:
            self._failed = error
            self._news.set()
            raise

    def take(self, topic: str, partition: int, record: Record) -> None:
        """One record of one topic."""
        if topic.endswith(".dead"):
            notes = {name: (value or b"?").decode(errors="replace") for name, value in record.headers}
            self.dead.append(f"{topic}: {notes.get('daiya_where', '?')}: {notes.get('daiya_why', '?')}")
            return
        try:
            envelope = decode(record, partition)
        except Malformed as error:
            self.dead.append(f"{topic}: {error}")
            return
        self._causes[envelope.id] = envelope.cause
        kind = EVENTS.get(envelope.type)
        if kind is not None and kind.numbered and _is_one(kind, envelope.data):
            self._note(envelope, kind, topic)
        self._tell()
        self.changed[topic].set()
        self._news.set()

    def _note(self, envelope: Envelope, kind: type[Event], topic: str) -> None:
        role, institution = envelope.speaker
        spoken = self._spoken.get(envelope.id)
        if spoken is None:
            spoken = Spoken(envelope.id, envelope.time, role, institution, kind, envelope.case, {}, len(self._spoken))
            self._spoken[envelope.id] = spoken
            self._said.add((spoken.case, kind))
            self._untold.append(spoken)
        spoken.values.update(json.loads(envelope.data))
        spoken.copies.add(topic)
        self._admit(spoken)
        for one in self._untold:
            if one.due is None and one.case in self._parties:
                one.due = self._due(one)

    def _tell(self) -> None:
        """Tell of what is whole, in the order in which it was seen, but of what caused a word before the word."""
        while (found := self._next()) is not None:
            self._untold.remove(found)
            self._on_event(found)

    def _next(self) -> Spoken | None:
        """The first whose cause was told; None as long as a copy of it or of one before it is still to come."""
        for one in self._untold:
            if one.due is None or not one.due <= one.copies:
                return None
            if self._causes_told(one):
                return one
        return None

    def _causes_told(self, one: Spoken) -> bool:
        """Whether every word in the chain of its causes was told. A cause that was not read yet is on its way: it lies
        in the inbox of who spoke."""
        waited_for = {word.id for word in self._untold}
        cause = self._causes[one.id]
        while cause is not None and cause not in waited_for:
            if cause not in self._causes:
                return False
            waited_for.add(cause)  # a circle, which only a forger can write, ends here
            cause = self._causes[cause]
        return cause is None

    def _admit(self, spoken: Spoken) -> None:
        """Who has a part in the case by this word."""
        if spoken.kind in (CaseOpened, PartyJoined) and isinstance(word := spoken.event, CaseOpened | PartyJoined):
            self._parties.setdefault(spoken.case, set()).update(word.institutions.items())

    def _due(self, spoken: Spoken) -> frozenset[str]:
        """The inboxes that a word comes into: those of its addressees, else of the parties that hear such words."""
        named: Mapping[Role, str] | None = getattr(spoken.event, "addressees", None)
        hearers = set(named.items()) if named is not None else self._parties[spoken.case]
        return frozenset(
            place.inbox
            for place in self._places
            if (place.role, place.name) in hearers
            and place.role in spoken.kind.heard_by
            and (place.role, place.name) != (spoken.by, spoken.institution)
        )


def _is_one(kind: type[Event], data: bytes) -> bool:
    """Whether a copy can be read at all; whose it is makes a dead letter of one that cannot."""
    try:
        kind.read(data)
    except ValidationError:
        return False
    return True


def _record(record: ConsumerRecord) -> Record:
    return Record(record.key, record.value, tuple(record.headers))
