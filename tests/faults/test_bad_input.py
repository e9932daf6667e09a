"""Bad input to running services, while sales go on beside it: what was sent is dead or refused, and nobody is harmed.

2,000 records, 10,000 with DAIYA_FAULTS=all; how many of each kind, and what has become of them, is printed.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import MessageSizeTooLargeError, RecordTooLargeError

from contracts.envelope import PARTITIONS, Record, dead_letters, decode, inbox
from contracts.event import Role
from contracts.events.line import RepeatRequested
from contracts.events.registry import AdvanceNoticeRegistered
from deploy.demo import Demo
from deploy.evidence import checks
from deploy.sales import Sales
from deploy.stack import CHECKOUT, Stack
from services.desk_client import Desk, DeskRefused, in_path
from services.runtime.dead_letters import reason_of
from services.runtime.inbox.session import received
from services.runtime.log import Received
from tests.faults.bad_input import Bad, Fate, Maker
from tests.faults.dose import dose
from tests.live.sales import Crowd

pytestmark = pytest.mark.live

RECORDS = dose(2000, 10_000)
SALES = ("LC-LOAN", "LC-LOAN", "LC-FULL", "LC-LOAN", "LC-FULL")
"""Played beside it. The first is the one that contradictions and strangers' words are about."""
SEED = 5
AT_ONCE = 250
WITHIN_S = 300
OUT_OF_SERVICE = 503
ADDED = ("daiya_where", "daiya_why", "daiya_place", "daiya_at")
Institution = tuple[Role, str]
Desks = Mapping[Role, Desk]


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it stands in its topic: the record, and what is said of it."""

    record: Record
    where: str
    why: str

    @classmethod
    def of(cls, buried: Received) -> tuple[str, "Letter"]:
        """With the place in the inbox that it names."""
        r = buried.record
        added = r.headers[-len(ADDED) :]
        assert tuple(name for name, _ in added) == ADDED
        where, why, place, at = (value.decode() for _, value in added)
        assert at
        return place, cls(Record(r.key, r.value, r.headers[: -len(ADDED)]), where, why)


@dataclass
class Attack:
    """Writes the bad records, and remembers where each stands. `places`: the records by their place in an inbox."""

    kafka: str
    institutions: Sequence[Institution]
    sent: list[Bad] = field(default_factory=list[Bad])
    places: dict[str, Bad] = field(default_factory=dict[str, Bad])
    refused: list[Bad] = field(default_factory=list[Bad])

    async def on(self, harmed: str) -> None:
        """Write them all: made of what stands in the inboxes by now."""
        maker = Maker(SEED, await self.inboxes(), harmed)
        plain, packing = (
            AIOKafkaProducer(bootstrap_servers=self.kafka, max_request_size=64 * 1024 * 1024, compression_type=how)
            for how in (None, "gzip")
        )
        async with plain, packing:
            everything = list(maker.everything(RECORDS))
            for start in range(0, len(everything), AT_ONCE):
                some = everything[start : start + AT_ONCE]
                await asyncio.gather(*(self._write(packing if bad.packed else plain, bad) for bad in some))

    async def _write(self, producer: AIOKafkaProducer, bad: Bad) -> None:
        r = bad.record
        self.sent.append(bad)
        try:
            written = await producer.send_and_wait(bad.topic, r.value, r.key, bad.partition, headers=list(r.headers))
        except (MessageSizeTooLargeError, RecordTooLargeError):
            self.refused.append(bad)
        else:
            self.places[f"{bad.topic}/{written.partition}/{written.offset}"] = bad

    async def inboxes(self) -> dict[Institution, list[Received]]:
        """What stands in every inbox."""
        return {one: await self._read(inbox(*one), PARTITIONS) for one in self.institutions}

    async def dead(self) -> dict[str, list[Letter]]:
        """Every dead letter, by the place that it names."""
        found: dict[str, list[Letter]] = defaultdict(list)
        for one in self.institutions:
            for buried in await self._read(dead_letters(*one), 1):
                place, letter = Letter.of(buried)
                found[place].append(letter)
        return found

    async def _read(self, topic: str, partitions: int) -> list[Received]:
        """A topic from its beginning to where it ends now, partition by partition."""
        places = [TopicPartition(topic, partition) for partition in range(partitions)]
        found: list[Received] = []
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False) as reader:
            reader.assign(places)
            await reader.seek_to_beginning(*places)
            ends = await reader.end_offsets(places)
            while any([await reader.position(place) < end for place, end in ends.items()]):
                for some in (await reader.getmany(timeout_ms=200)).values():
                    found += [received(record) for record in some]
        return sorted(found, key=lambda one: (one.partition, one.offset))

    async def until_nothing_lags(self) -> None:
        """Every inbox is read to its end, and that is committed."""
        end = time.monotonic() + WITHIN_S
        while behind := [one async for one in self._behind()]:
            assert time.monotonic() < end, behind
            await asyncio.sleep(0.2)

    async def _behind(self) -> AsyncIterator[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        asker = AIOKafkaConsumer(bootstrap_servers=self.kafka)
        async with asker:
            await admin.start()
            try:
                for one in self.institutions:
                    topic = inbox(*one)
                    ends = await asker.end_offsets([TopicPartition(topic, p) for p in range(PARTITIONS)])
                    committed: Mapping[Any, Any] = await admin.list_consumer_group_offsets(topic)
                    for place, last in ends.items():
                        at = committed[place].offset if place in committed else 0
                        if at < last:
                            yield f"{topic}/{place.partition}: {at} of {last}"
            finally:
                await admin.close()


@pytest.fixture(scope="module")
def stack() -> Any:
    with Stack(CHECKOUT, ephemeral=True) as running:
        yield running


async def test_bad_input_of_every_kind_is_dead_or_refused_and_harms_nobody(
    stack: Stack, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    sales = Sales(tmp_path)
    files = [sales.next(procedure) for procedure in SALES]
    institutions = [(Role(one.role), one.name) for one in stack.city.institutions]
    crowd, attack = Crowd(stack, files), Attack(stack.addresses.kafka, institutions)

    async def write(crowd: Crowd) -> None:
        first = next(one for one in crowd.cases.values() if one.file is files[0])
        await first.witness.until(lambda: first.witness.heard(first.case, AdvanceNoticeRegistered))
        await attack.on(files[0].sale.unit_number)

    async with crowd.connected():
        await crowd.play(write)
        await attack.until_nothing_lags()
        dead = await attack.dead()
        with capsys.disabled():
            print("\n" + "\n".join(table(attack, dead)), flush=True)

        assert each_is_what_it_should_be(attack, dead) == []
        desks = next(one.desks for one in crowd.cases.values() if one.file is files[0])
        assert await desks_show(desks, attack, dead) == []
        assert await left_as_it_was(desks, attack) == []
        assert [twice for one in crowd.cases.values() for twice in await heard_twice(one)] == []
        for case, one in crowd.cases.items():
            found = checks(replace(await one.collect(), dead=()))  # whose dead letters these are was looked at above
            if one.file is files[0]:
                assert (await one.rail.books(case))["balanced"]
                assert [check.detail for check in found if "file has ended" in check.name and not check.passed] == []
            else:
                assert [str(check) for check in found if not check.passed] == []


# --- what has become of them ------------------------------------------------------------------------------------------


def table(attack: Attack, dead: Mapping[str, Sequence[Letter]]) -> list[str]:
    """How many of each kind were sent, and what they are now."""
    sent = Counter(bad.kind for bad in attack.sent)
    refused = Counter(bad.kind for bad in attack.refused)
    died = Counter(bad.kind for place, bad in attack.places.items() if place in dead)
    other = {bad.kind: bad.fate.value for bad in attack.sent if bad.fate not in (Fate.DEAD, Fate.REFUSED)}
    lines = [f"{'sent':>6} {'dead':>6} {'refused':>8}  kind"]
    for kind in sorted(sent):
        became = f" ({other[kind]})" if kind in other else ""
        lines.append(f"{sent[kind]:6} {died[kind]:6} {refused[kind]:8}  {kind}{became}")
    return [*lines, f"{sent.total():6} {died.total():6} {refused.total():8}  in all"]


def each_is_what_it_should_be(attack: Attack, dead: Mapping[str, Sequence[Letter]]) -> list[str]:
    """Sent = dead + refused for each kind; a dead letter has its bytes, and says where and why. What is wrong."""
    found = [f"{bad.kind} was refused" for bad in attack.refused if bad.fate is not Fate.REFUSED]
    found += [f"nobody sent what is dead of {place}" for place in dead.keys() - attack.places.keys()]
    for place, bad in attack.places.items():
        letters = dead.get(place, ())
        if bool(letters) != (bad.fate is Fate.DEAD):
            found.append(f"{bad.kind} at {place} is {'dead' if letters else 'not dead'}, it should be {bad.fate.value}")
        for letter in letters:
            found += [f"{bad.kind} at {place} {why}" for why in _wrong_with(letter, bad)]
    return found[:20]


def _wrong_with(letter: Letter, bad: Bad) -> Iterable[str]:
    if letter.record != bad.record:
        yield "has not kept its bytes"
    reason = reason_of(letter.where, letter.why).name
    if reason not in bad.reasons or not letter.where.startswith(bad.where) or not letter.why:
        yield f"is dead as {reason}: {letter.where[:80]}: {letter.why[:200]}"


async def shown(desk: Desk, path: str, **query: str) -> Any:
    """A page; asked for again where the machine was too slow to answer."""
    end = time.monotonic() + WITHIN_S
    while True:
        try:
            return await desk.get(path, **query)
        except DeskRefused as refused:
            if refused.status != OUT_OF_SERVICE or time.monotonic() > end:
                raise


# --- what the desks show ----------------------------------------------------------------------------------------------


async def desks_show(desks: Desks, attack: Attack, dead: Mapping[str, Sequence[Letter]]) -> list[str]:
    """Every dead letter with what to do about it, and the incidents that are deserved, no other. What is wrong."""
    found: list[str] = []
    explained: set[str] = set()
    for one in attack.institutions:
        desk = desks[one[0]]
        here = {place: bad for place, bad in attack.places.items() if bad.topic == inbox(*one)}
        kinds: set[str] = set()
        reasons: dict[str, int] = {}
        start: int | None = 0
        while start is not None:
            page = await shown(desk, "/dead-letters", start=str(start), limit="100")
            for line in page["letters"]:
                bad = here[f"{inbox(*one)}/{line['place'][0]}/{line['place'][1]}"]
                kinds.add(bad.kind)
                reasons[line["reason"]] = line["number"]
                if (line["status"], line["reason"] in bad.reasons) != ("open", True):
                    found.append(f"{one[1]} shows {bad.kind} as {line['status']}, {line['reason']}")
            start = page["next"]
        missing = {bad.kind for bad in here.values() if bad.fate is Fate.DEAD} - kinds
        found += [f"{one[1]} shows no {kind}" for kind in missing]
        for reason in reasons.keys() - explained:
            explained.add(reason)
            page = await shown(desk, f"/dead-letters/{reasons[reason]}")
            if not page["what_to_do"] or page["help"] != f"docs/operations.md#{reason}":
                found.append(f"{one[1]} does not say what to do about {reason}")
        seen = Counter((i["kind"], i["subject"], i["data"].get("source", "")) for i in await shown(desk, "/incidents"))
        wanted = Counter(_deserved(here, dead))
        found += [f"{one[1]}: nobody deserves {incident}" for incident in (seen - wanted).elements()]
        found += [f"{one[1]} does not show {incident}" for incident in (wanted - seen).elements()]
    return found[:20]


def _deserved(here: Mapping[str, Bad], dead: Mapping[str, Sequence[Letter]]) -> Iterable[tuple[str, str, str]]:
    """The incidents at one institution: kind, subject, speaker. Of contradictions, one for each."""
    contradictions: set[tuple[str, str]] = set()
    for place, bad in here.items():
        if bad.fate is Fate.WAITS or bad.holds:
            e = decode(bad.record, bad.partition)
            yield "struck" if bad.holds else "held", e.key, e.source
        elif any(reason_of(letter.where, letter.why).name == "two-words" for letter in dead.get(place, ())):
            e = decode(bad.record, bad.partition)
            contradictions.add((e.key, f"{e.source}#{e.sequence} {e.digest()}"))
    yield from (("incident", key, "") for key, _ in contradictions)


async def left_as_it_was(desks: Desks, attack: Attack) -> list[str]:
    """What is no dead letter: a later number is asked for, a word of an unknown case is parked and nothing follows from
    it. What is wrong."""
    found: list[str] = []
    asked = {
        (at, e.source, e.key)
        for at, records in (await attack.inboxes()).items()
        for e in _readable(records)
        if e.type == RepeatRequested.type_name
    }
    for bad in attack.places.values():
        if bad.fate is Fate.PARKED:
            e = decode(bad.record, bad.partition)
            journal = await shown(desks[bad.to[0]], f"/subjects/{in_path(e.key)}/journal")
            if [(line["kind"], line["note"].get("parked")) for line in journal] != [("heard", True)]:
                found.append(f"{bad.kind}: {journal}")
        elif bad.fate is Fate.WAITS and "nobody" not in bad.kind:
            e = decode(bad.record, bad.partition)
            if (e.speaker, f"/{bad.to[0].value}/{bad.to[1]}", e.key) not in asked:
                found.append(f"{bad.kind} about {e.key}: {bad.to[1]} asks for nothing")
    return found[:20]


async def heard_twice(case: Demo) -> list[str]:
    """What an institution has heard more than once about a home that is sold, by number or by id."""
    found: list[str] = []
    for place in case.places:
        journal = await shown(case.desks[place.role], f"/subjects/{in_path(case.file.sale.unit_number)}/journal")
        heard = Counter(
            (line["by"], line["note"].get("sequence", line["id"])) for line in journal if line["kind"] == "heard"
        )
        found += [f"{place.name}: {word}" for word, times in heard.items() if times > 1]
    return found


def _readable(records: Collection[Received]) -> Iterable[Any]:
    for one in records:
        try:
            yield decode(one.record, one.partition)
        except ValueError:
            continue
