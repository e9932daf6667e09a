"""What a round has come to, counted from outside: from the institutions' databases, from the topics, from what the
readers have committed. Nothing here asks whoever sent."""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from contracts.envelope import PARTITIONS, inbox, parse_source, public_feed
from contracts.events.case import CaseCompleted
from deploy.city import OBSERVER, City, Institution
from services.runtime.core.file import Phase
from services.runtime.core.fold import load
from services.runtime.core.journal import load as load_item
from services.runtime.core.journal import vocabulary
from services.runtime.keys import KEY_BYTES, Keys
from services.runtime.reading import make_house
from services.runtime.service import Part
from services.runtime.store.mongo import MongoStore

POLL_S = 0.1
READ_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """A topic and the group that reads it."""

    topic: str
    group: str


def readings(city: City) -> tuple[Reading, ...]:
    """Who reads what in a city: each institution its inbox, the observer every public feed."""
    found = [Reading(inbox(one.role, one.name), inbox(one.role, one.name)) for one in city.institutions]
    if city.observer is not None:
        group = f"daiya.{OBSERVER}.{city.observer.name}"
        found += [
            Reading(public_feed(one.role, one.name), f"{group}.{one.role.value}.{one.name}")
            for one in city.institutions
        ]
    return tuple(found)


class Topics:
    """Looks at topics and at how far their readers are. Use `start` and `stop`."""

    def __init__(self, kafka: str) -> None:
        self._admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")

    async def start(self) -> None:
        """Connect."""
        await self._admin.start()
        await self._consumer.start()

    async def stop(self) -> None:
        """Give the connections back."""
        await self._consumer.stop()
        await self._admin.close()

    async def ends(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """The place after the last record of every partition."""
        places = [TopicPartition(topic, partition) for topic in topics for partition in range(PARTITIONS)]
        return await self._consumer.end_offsets(places)

    async def drained(self, read: Sequence[Reading], within_s: float) -> float:
        """Wait until every reader has committed all that is there; the time (time.monotonic) at which it had. Raises
        TimeoutError."""
        async with asyncio.timeout(within_s):
            while True:
                ends = await self.ends(one.topic for one in read)
                at = time.monotonic()
                behind = [await self._is_behind(one, ends) for one in read]
                if not any(behind):
                    return at
                await asyncio.sleep(POLL_S)

    async def _is_behind(self, one: Reading, ends: Mapping[TopicPartition, int]) -> bool:
        committed = await self._admin.list_consumer_group_offsets(one.group)
        at = {place: found.offset for place, found in committed.items()}
        return any(at.get(place, 0) < end for place, end in ends.items() if place.topic == one.topic)

    async def records(self, begins: Mapping[TopicPartition, int]) -> list["Seen"]:
        """Every record from these places on until the ends of now, by its headers."""
        ends = await self.ends({place.topic for place in begins})
        places = [place for place in begins if ends[place] > begins[place]]
        self._consumer.assign(places)
        for place in places:
            self._consumer.seek(place, begins[place])
        found: list[Seen] = []
        left = {place: ends[place] - begins[place] for place in places}
        while left:
            for place, records in (await self._consumer.getmany(timeout_ms=1000)).items():
                found += [_seen(record) for record in records if record.offset < ends[place]]
                if records and records[-1].offset >= ends[place] - 1:
                    left.pop(place, None)
        return found


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as it stands in a topic: `at_ms` is the broker's time of its append, `bytes` key, value and headers."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    id: str
    type: str
    source: str
    case: str
    key: str
    cause: str
    bytes: int


def _seen(record: object) -> Seen:
    topic, value, key = record.topic, record.value or b"", record.key or b""  # type: ignore[attr-defined]
    headers = {name: raw.decode() for name, raw in record.headers}  # type: ignore[attr-defined]
    size = len(value) + len(key) + sum(len(n) + len(v.encode()) for n, v in headers.items())
    return Seen(
        topic, record.partition, record.offset, record.timestamp,  # type: ignore[attr-defined]
        headers.get("ce_id", ""), headers.get("ce_type", ""), headers.get("ce_source", ""),
        headers.get("ce_subject", ""), key.decode(), headers.get("ce_causationid", ""), size,
    )  # fmt: skip


def hops_ms(seen: Collection[Seen]) -> list[float]:
    """For each record that another one caused: from the append of its cause, in the inbox of whoever says it, to its
    own append, in milliseconds."""
    at = {(one.topic, one.id): one.at_ms for one in reversed(list(seen))}
    causes = ((one, at.get((inbox(*parse_source(one.source)), one.cause))) for one in seen if one.cause)
    return [float(one.at_ms - before) for one, before in causes if before is not None]


def case_times_ms(seen: Collection[Seen]) -> dict[str, tuple[int, int]]:
    """For each case that has completed: the append of its first record, and of the last copy of its end."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for one in seen:
        if one.case:
            first[one.case] = min(one.at_ms, first.get(one.case, one.at_ms))
            if one.type == CaseCompleted.type_name:
                last[one.case] = max(one.at_ms, last.get(one.case, 0))
    return {case: (first[case], at) for case, at in last.items()}


@dataclass(frozen=True, slots=True)
class Filed:
    """What an institution's database has of some cases: those that have ended as completed, and why it has refused
    something that people have brought."""

    completed: frozenset[str]
    refusals: tuple[str, ...]


async def files(mongodb: str, city: City, parts: Mapping[str, Part], units: Mapping[str, str]) -> dict[str, Filed]:
    """By institution, what is on file of these cases (with their folios)."""
    found: dict[str, Filed] = {}
    for one in city.institutions:
        found[one.name] = await _filed(mongodb, one, parts[one.role.value], units)
    return found


async def _filed(mongodb: str, one: Institution, part: Part, units: Mapping[str, str]) -> Filed:
    keys = Keys(bytes(KEY_BYTES))  # signatures were checked when the records were taken; here nothing is
    house = make_house(one.role, one.name, one.title, keys, part.rulebook)
    words = vocabulary(part.rulebook)
    store = MongoStore(mongodb, one.role.value, one.name)
    completed: set[str] = set()
    refusals: list[str] = []
    try:
        cases = list(units)
        for n in range(0, len(cases), READ_AT_ONCE):
            some = cases[n : n + READ_AT_ONCE]
            stored = await store.load({units[case] for case in some})
            for case in some:
                snapshot, entries = stored[units[case]]
                values = [*(snapshot.items if snapshot else ()), *(item for e in entries for item in e.items)]
                subject = load(house, units[case], tuple(load_item(value, words) for value in values))
                file = subject.file(case)
                if file.phase is Phase.ENDED and file.every(CaseCompleted):
                    completed.add(case)
                refused = (value["refusal"] for value in values if value["k"] == "refused")
                refusals += [f"{case}: {one['title']}: {one['detail']}" for one in refused]
    finally:
        await store.close()
    return Filed(frozenset(completed), tuple(refusals))
