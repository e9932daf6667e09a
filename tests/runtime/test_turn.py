"""The turn, decision by decision: lines, gaps, dead letters, fences, stopped subjects, recipients that are down."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.envelope import MAX_VALUE_BYTES, PARTITIONS, Envelope, Record, decode, encode, partition_of, to_data
from contracts.event import Event, Role
from contracts.events.case import CaseOpened
from contracts.events.escrow import DepositConfirmed, MoneyKind
from contracts.events.line import RepeatRequested
from contracts.events.registry import FolioReserved
from services.runtime.core.facts import Alarm, SubjectResumed
from services.runtime.core.file import Said
from services.runtime.core.fold import derived_id
from services.runtime.core.periods import Calendar
from services.runtime.core.rule import Chapter, Rule, Rulebook, Says, rulebook
from services.runtime.institution import Institution
from services.runtime.keys import Keys
from services.runtime.log import LogUnavailable, Received
from services.runtime.log.memory import MemoryLog
from services.runtime.rail.memory import MemoryRail
from services.runtime.settings import HouseSettings
from services.runtime.store import StoreUnavailable
from services.runtime.store.memory import MemoryStore
from services.seller_bank.rules import RULEBOOK
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON

CASE = "LCF-TEST-1"
CALENDAR = Calendar.published()
ESCROW_KEYS = Keys(b"e" * 32)


class Clock:
    now_ = NOON

    def now(self) -> Any:
        return self.now_


class House:
    """A seller's bank on memory, and an escrow that writes to it."""

    def __init__(self, rules: Rulebook = RULEBOOK) -> None:
        self.log = MemoryLog(NOON)
        self.store = MemoryStore()
        self.rules = rules
        self.places = dict.fromkeys(range(PARTITIONS), 0)
        self.start()
        self.inbox = self.institution.inbox
        self.log.create(
            self.inbox,
            self.inbox + ".dead",
            self.inbox + ".public",
            "daiya.escrow.liaocheng-notary",
            "daiya.registry.liaocheng-registry",
        )
        self.number = 0

    def start(self, rules: Rulebook | None = None) -> None:
        """A process starts on the database that is there, perhaps with other rules."""
        self.institution = Institution(
            Role.SELLER_BANK,
            lc.BANK[1],
            rules or self.rules,
            keys=Keys(b"s" * 32),
            settings=HouseSettings.model_validate({"title": "聊城工行"}),
            log=self.log,
            store=self.store,
            rail=MemoryRail(lambda: NOON),
            clock=Clock(),
            calendar=CALENDAR,
        )

    def envelope(self, event: Event, number: int | None, speaker: tuple[Role, str] = lc.NOTARY) -> Envelope:
        """What a speaker writes."""
        data = to_data(event.copy_for(Role.SELLER_BANK))
        source = f"/{speaker[0].value}/{speaker[1]}"
        unsigned = Envelope(
            derived_id(source, str(number), event.type_name, data.decode()),
            source,
            event.type_name,
            CASE,
            NOON,
            FOLIO,
            number,
            None,
            data,
        )
        return ESCROW_KEYS.sign_word(unsigned)

    async def hears(self, event: Event, number: int | None = None, **other: Any) -> None:
        """A word arrives with the next number, or the given one."""
        self.number = number or self.number + 1
        await self.arrives(encode(self.envelope(event, self.number, **other)))

    async def arrives(self, record: Record, partition: int | None = None) -> None:
        """A record stands in the inbox and is taken."""
        where = partition_of(FOLIO) if partition is None else partition
        stands = self.log.topics[self.inbox][where]
        stands.append(Received(record, where, len(stands), self.log.now))
        await self.take()

    async def take(self) -> None:
        """Everything that stands in the inbox and was not taken."""
        while any(n > self.places[p] for p, n in self.log.ends(self.inbox).items()):
            batch = self.log.batch(self.inbox, self.places)
            await self.institution.turns.take(batch)
            for received in batch:
                self.places[received.partition] = received.offset + 1

    async def again(self) -> None:
        """The whole inbox comes once more."""
        self.places = dict.fromkeys(self.places, 0)
        await self.take()

    async def subject(self) -> Any:
        return await self.institution.turns.read_subject(FOLIO)

    async def file(self) -> Any:
        return (await self.subject()).file(CASE)

    def dead(self) -> list[dict[str, str]]:
        """Why each dead letter is dead."""
        return [
            {k.removeprefix("daiya_"): v.decode() for k, v in r.record.headers if k.startswith("daiya_")}
            for r in self.log.everything(self.inbox + ".dead")
        ]

    def sent(self, topic: str) -> list[str]:
        return [dict(r.record.headers)["ce_type"].decode() for r in self.log.everything(topic)]

    async def rows(self, kind: str) -> list[Any]:
        return list(await self.store.rows(kind))


def opened() -> CaseOpened:
    return lc.opened()


def deposit() -> DepositConfirmed:
    return DepositConfirmed(kind=MoneyKind.PRICE, certificate=lc.document("购房款到账提存公证书"), price_complete=True)


@pytest.fixture
def house() -> House:
    return House()


# --- lines ------------------------------------------------------------------------------------------------------------


async def test_a_later_number_is_held_and_the_missing_ones_are_asked_for(house: House) -> None:
    await house.hears(deposit(), number=3)
    assert not (await house.file()).facts
    (asked,) = house.log.everything("daiya.escrow.liaocheng-notary")
    request = RepeatRequested.read(asked.record.value or b"")
    assert (request.first_missing, request.last_missing) == (1, 2)
    (row,) = await house.rows("held")
    assert (row.data["first_missing"], row.data["last_missing"]) == (1, 2)


async def test_held_letters_are_filed_when_the_missing_ones_come(house: House) -> None:
    await house.hears(deposit(), number=2)
    await house.hears(opened(), number=1)
    file = await house.file()
    assert len(file.every(CaseOpened)) == len(file.every(DepositConfirmed)) == 1
    assert not await house.rows("held")


async def test_what_was_held_comes_when_it_is_let_go_on(house: House) -> None:
    """So no view takes for today's what lay here for days."""
    await house.hears(deposit(), number=2)
    house.log.now = NOON + timedelta(days=3)
    await house.hears(opened(), number=1)
    (held,) = (await house.file()).every(DepositConfirmed)
    assert (held.time, held.at) == (NOON, NOON + timedelta(days=3))
    house.start()
    assert (await house.file()).every(DepositConfirmed) == (held,)


async def test_what_is_held_survives_a_restart(house: House) -> None:
    await house.hears(deposit(), number=2)
    house.start()
    await house.hears(opened(), number=1)
    assert len((await house.file()).every(DepositConfirmed)) == 1


async def test_a_gap_is_asked_for_again_until_it_is_filled(house: House) -> None:
    await house.hears(deposit(), number=2)
    for _ in range(2):
        await house.institution.work(range(PARTITIONS))
    assert house.sent("daiya.escrow.liaocheng-notary") == [RepeatRequested.type_name] * 3


async def test_who_is_asked_and_is_not_there_keeps_nobody_else_from_being_asked(house: House) -> None:
    """Whoever may write to an inbox can make up a speaker, who has no inbox of its own."""
    for n in range(3):
        await house.hears(deposit(), number=7, speaker=(Role.ESCROW, f"made-up-{n}"))
    await house.hears(deposit(), number=2)
    assert len(await house.rows("held")) == 4 and not await house.rows("leftover"), "it is asked again, not sent later"
    tried: list[str] = []
    append = house.log.append

    async def counted(topic: str, record: Record) -> None:
        tried.append(topic)
        await append(topic, record)

    house.log.append = counted
    await house.hears(deposit(), number=9, speaker=(Role.ESCROW, "made-up-0"))
    assert "daiya.escrow.made-up-0" not in tried, "a turn does not wait for it again"
    await house.institution.work(range(PARTITIONS))
    assert house.sent("daiya.escrow.liaocheng-notary") == [RepeatRequested.type_name] * 2
    assert not await house.rows("leftover")


async def test_who_never_answers_is_asked_ever_more_seldom_until_he_takes_something(house: House) -> None:
    """Made-up speakers must not keep an institution busy for ever; one that was away is asked again."""
    ghost = "daiya.escrow.made-up"
    await house.hears(deposit(), number=7, speaker=(Role.ESCROW, "made-up"))
    asked: list[int] = []
    append = house.log.append
    second = 0

    async def counted(topic: str, record: Record) -> None:
        if topic == ghost:
            asked.append(second)
        await append(topic, record)

    house.log.append = counted
    for second in range(5, 600, 5):
        await house.institution.post.ask_again(range(PARTITIONS), NOON + timedelta(seconds=second))
    assert asked == [5, 15, 35, *range(75, 600, 60)]

    house.log.create(ghost)
    for second in range(600, 700, 5):
        await house.institution.post.ask_again(range(PARTITIONS), NOON + timedelta(seconds=second))
    assert house.sent(ghost) == [RepeatRequested.type_name] * len(range(615, 700, 5))


async def test_a_word_that_is_asked_for_again_has_the_same_number_and_bytes(house: House) -> None:
    from services.seller_bank.facts import ConsentDecided
    from tests.stories.home import loan

    await house.hears(opened())
    await house.institution.tell(loan(), derived_id("loan"), "", FOLIO)
    await house.institution.tell(ConsentDecided(by_clerk="Wang", consents=True), derived_id("yes"), CASE, FOLIO)
    await house.take()
    await house.take()
    first = house.log.everything("daiya.escrow.liaocheng-notary")
    assert [dict(r.record.headers)["ce_type"] for r in first] == [b"daiya.consent-issued.v1"]
    ask = replace(house.envelope(RepeatRequested(first_missing=1, last_missing=1), None), case="")
    await house.arrives(encode(ESCROW_KEYS.sign_word(ask)))
    second = house.log.everything("daiya.escrow.liaocheng-notary")
    assert len(second) == 2 and second[0].record == second[1].record


async def test_a_record_that_comes_twice_is_filed_once(house: House) -> None:
    await house.hears(opened())
    before = (await house.subject()).items
    await house.again()
    assert (await house.subject()).items == before


async def test_the_same_number_for_other_words_is_an_alarm_and_a_dead_letter(house: House) -> None:
    await house.hears(opened())
    await house.hears(deposit(), number=1)
    assert [d["why"] for d in house.dead()] == ["the same number or id was used before for other words"]
    (incident,) = await house.rows("incident")
    assert "two different things as number 1" in incident.data["what"]
    await house.hears(deposit(), number=1)
    assert len(await house.rows("incident")) == 1, "the same trouble is one incident"


# --- dead letters -----------------------------------------------------------------------------------------------------


def changed(record: Record, **headers: bytes | None) -> Record:
    """The record with headers replaced, or removed where None."""
    kept = [(k, headers.get(k, v)) for k, v in record.headers]
    return replace(record, headers=tuple((k, v) for k, v in kept if v is not None))


async def test_bad_records_go_to_the_dead_letters_with_their_bytes_and_the_place(house: House) -> None:
    good = encode(house.envelope(opened(), 1))
    bad = {
        "ce_id": changed(good, ce_id=None),
        "value": replace(good, value=b"{not json"),
        "value ": replace(good, value=b'{"a":"' + b"x" * MAX_VALUE_BYTES + b'"}'),
        "key": replace(good, key=b"another"),
        "ce_type": changed(good, ce_type=b"daiya.never-heard-of.v1"),
        "value/sellers": replace(good, value=to_data({**json.loads(good.value or b""), "sellers": "nobody"})),
    }
    for record in bad.values():
        await house.arrives(record)
    await house.arrives(good, partition=(partition_of(FOLIO) + 1) % PARTITIONS)
    dead = house.log.everything(house.inbox + ".dead")
    assert [d["where"] for d in house.dead()] == [where.strip() for where in (*bad, "partition")]
    assert [d.record.value for d in dead] == [*(r.value for r in bad.values()), good.value]
    assert all(d["place"].startswith(house.inbox + "/") and d["why"] for d in house.dead())


async def test_an_own_fact_that_somebody_else_wrote_is_a_dead_letter(house: House) -> None:
    parcel = house.institution.post.own(SubjectResumed(by_clerk="?", note="forged"), derived_id("x"), "", FOLIO, NOON)
    await house.arrives(changed(parcel.record, ce_signature=b"hmac-sha256:" + b"0" * 64))
    assert [d["where"] for d in house.dead()] == ["ce_signature"]
    assert not (await house.subject()).items


async def test_who_may_not_say_it_is_refused(house: House) -> None:
    await house.hears(opened())
    await house.hears(lc.reserved(), speaker=lc.NOTARY)
    assert "may not say" in house.dead()[0]["why"]


async def test_who_has_no_part_in_the_case_is_refused(house: House) -> None:
    await house.hears(opened())
    await house.hears(lc.reserved(), number=1, speaker=(Role.REGISTRY, "jinan-registry"))
    assert "has no part in case" in house.dead()[0]["why"]
    assert not (await house.file()).every(FolioReserved)


async def test_a_stranger_who_was_early_is_refused_when_the_parties_are_known(house: House) -> None:
    await house.hears(lc.reserved(), number=1, speaker=(Role.REGISTRY, "jinan-registry"))
    await house.hears(lc.reserved(), number=1, speaker=lc.REGISTRY)
    assert house.dead() == []
    await house.hears(opened(), number=1)
    assert len((await house.file()).every(FolioReserved)) == 1
    assert "jinan-registry has no part" in house.dead()[0]["why"]


async def test_a_case_that_this_institution_has_no_part_in_is_refused(house: House) -> None:
    other = opened().model_copy(update={"institutions": {**lc.INSTITUTIONS, Role.SELLER_BANK: "another-bank"}})
    await house.hears(other)
    assert house.dead()[0]["why"] == "this institution has no part in it"


async def test_an_unknown_edition_is_refused(house: House) -> None:
    await house.hears(opened().model_copy(update={"edition": "1999-01-01"}))
    assert "is not known here" in house.dead()[0]["why"]


async def test_a_readable_dead_letter_holds_its_line_and_is_not_asked_for_for_ever(house: House) -> None:
    unknown = changed(encode(house.envelope(opened(), 1)), ce_type=b"daiya.never-heard-of.v1")
    await house.arrives(unknown)
    await house.hears(deposit(), number=2)
    (row,) = await house.rows("struck")
    assert (row.data["source"], row.data["sequence"]) == ("/escrow/liaocheng-notary", 1)
    assert not await house.rows("held")
    await house.institution.work(range(PARTITIONS))
    assert house.sent("daiya.escrow.liaocheng-notary") == []
    assert len(house.dead()) == 1


# --- a rule that raises -----------------------------------------------------------------------------------------------


def choke(_: CaseOpened) -> Says:
    """A fault in a release."""
    raise ValueError("divided by nought")
    yield


def broken() -> Rulebook:
    chapters = [RULEBOOK.chapters[""], Chapter("LC-FULL", (Rule(choke),), ())]
    return rulebook(*chapters, phases=RULEBOOK.phases, own_facts=RULEBOOK.own_facts)


async def test_a_rule_that_raises_stops_its_subject_and_no_other() -> None:
    house = House(broken())
    await house.hears(opened())
    await house.hears(deposit())
    subject = await house.subject()
    assert subject.stopped.error == "choke: ValueError: divided by nought" and len(subject.queue) == 2
    (row,) = await house.rows("stopped")
    assert "divided by nought" in row.data["error"]
    assert house.log.ends(house.inbox)[partition_of(FOLIO)] == house.places[partition_of(FOLIO)], (
        "the partition goes on"
    )


async def test_a_mended_release_resumes_a_stopped_subject_with_all_that_was_kept() -> None:
    house = House(broken())
    await house.hears(opened())
    await house.hears(deposit())
    house.start(RULEBOOK)
    await house.institution.tell(SubjectResumed(by_clerk="Li", note="release 2"), derived_id("resume"), "", FOLIO)
    await house.take()
    file = await house.file()
    assert (await house.subject()).stopped is None and not await house.rows("stopped")
    assert len(file.every(CaseOpened)) == len(file.every(DepositConfirmed)) == 1


async def test_a_release_that_is_not_mended_stops_the_subject_again_and_loses_nothing() -> None:
    house = House(broken())
    await house.hears(opened())
    await house.hears(deposit())
    await house.institution.tell(SubjectResumed(by_clerk="Li", note="hoping"), derived_id("resume"), "", FOLIO)
    await house.take()
    subject = await house.subject()
    assert subject.stopped is not None and len(subject.queue) == 2


# --- outages ----------------------------------------------------------------------------------------------------------


async def consented(house: House) -> None:
    from services.seller_bank.facts import ConsentDecided
    from tests.stories.home import loan

    await house.hears(opened())
    await house.institution.tell(loan(), derived_id("loan"), "", FOLIO)
    await house.institution.tell(ConsentDecided(by_clerk="Wang", consents=True), derived_id("yes"), CASE, FOLIO)
    for _ in range(3):
        await house.take()


async def test_a_recipient_that_is_down_stops_nobody_and_gets_its_words_later(house: House) -> None:
    house.log.down("daiya.escrow.liaocheng-notary")
    await consented(house)
    assert house.sent("daiya.registry.liaocheng-registry") == ["daiya.consent-issued.v1"]
    assert len(await house.rows("leftover")) == 1
    assert await house.institution.post.drain(range(PARTITIONS)) == 1
    house.log.up("daiya.escrow.liaocheng-notary")
    assert await house.institution.post.drain(range(PARTITIONS)) == 0
    assert house.sent("daiya.escrow.liaocheng-notary") == ["daiya.consent-issued.v1"]
    assert not await house.rows("leftover")


async def test_every_word_is_published_masked_without_a_place_in_a_line(house: House) -> None:
    await consented(house)
    (received,) = house.log.everything(house.inbox + ".public")
    (sent,) = house.log.everything("daiya.escrow.liaocheng-notary")
    shown, word = decode(received.record, partition_of(FOLIO)), decode(sent.record)
    assert shown.sequence is None and word.sequence == 1
    same = ("id", "source", "type", "case", "key", "time", "cause")
    assert [getattr(shown, name) for name in same] == [getattr(word, name) for name in same]
    assert lc.BANK_ACCOUNT in word.data.decode() and lc.BANK_ACCOUNT not in shown.data.decode()
    assert house.institution.post.keys.sign_word(replace(shown, signature="")).signature == shown.signature


async def test_a_public_feed_that_is_down_stops_nobody_and_gets_its_words_later(house: House) -> None:
    feed = house.inbox + ".public"
    house.log.down(feed)
    await consented(house)
    for topic in ("daiya.registry.liaocheng-registry", "daiya.escrow.liaocheng-notary"):
        assert house.sent(topic) == ["daiya.consent-issued.v1"]
    assert [row.data["topic"] for row in await house.rows("leftover")] == [feed]
    house.log.up(feed)
    assert await house.institution.post.drain(range(PARTITIONS)) == 0
    assert house.sent(feed) == ["daiya.consent-issued.v1"] and not await house.rows("leftover")


async def test_what_comes_again_is_published_again_under_the_same_id(house: House) -> None:
    await consented(house)
    await house.again()
    published = [decode(r.record) for r in house.log.everything(house.inbox + ".public")]
    assert len(published) > 1 and len({one.id for one in published}) == 1


async def test_a_database_outage_raises_and_the_same_records_do_it_later(house: House) -> None:
    house.store.down = True
    with pytest.raises(StoreUnavailable):
        await house.hears(opened())
    house.store.down = False
    await house.take()
    assert len((await house.file()).every(CaseOpened)) == 1


async def test_a_write_whose_reply_was_lost_is_recognised(house: House) -> None:
    house.store.lost_replies = 1
    with pytest.raises(StoreUnavailable):
        await house.hears(opened())
    await house.take()
    assert len((await house.file()).every(CaseOpened)) == 1
    assert [v for s, v in house.store.journal if s == FOLIO] == [1]


async def test_a_worker_that_lost_its_partition_cannot_write(house: House) -> None:
    await house.hears(opened())
    zombie = house.institution
    house.start()
    await house.hears(deposit())
    late = house.log.batch(house.inbox, dict.fromkeys(range(PARTITIONS), 0))
    await zombie.turns.take(late)
    versions = sorted(v for s, v in house.store.journal if s == FOLIO)
    assert versions == [1, 2] and len((await house.file()).every(DepositConfirmed)) == 1


async def test_rows_that_a_crash_swallowed_are_made_again(house: House) -> None:
    await house.hears(deposit(), number=2)
    house.store._rows.clear()
    house.start()
    await house.again()
    assert len(await house.rows("held")) == 1


async def test_a_dead_letter_that_cannot_be_written_is_not_committed(house: House) -> None:
    house.log.down(house.inbox + ".dead")
    with pytest.raises(LogUnavailable):
        await house.arrives(replace(encode(house.envelope(opened(), 1)), value=b"{"))
    house.log.up(house.inbox + ".dead")
    await house.take()
    assert len(house.dead()) == 1


async def test_a_place_that_left_no_entry_is_marked(house: House) -> None:
    await house.arrives(replace(encode(house.envelope(opened(), 1)), value=b"{"))
    partition = partition_of(FOLIO)
    assert await house.store.newest_places([partition]) == {partition: 0}


async def test_what_is_said_names_its_cause_and_carries_the_time_it_was_caused(house: House) -> None:
    house.log.now = NOON + timedelta(hours=3)
    await consented(house)
    said = [i for i in (await house.subject()).items if isinstance(i, Said) and i.to]
    assert said and all(s.filed.cause and s.filed.time == house.log.now for s in said)
    assert not (await house.file()).every(Alarm)
