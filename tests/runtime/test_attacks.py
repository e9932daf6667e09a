"""What somebody who means harm, or a crash at the worst moment, may do to an institution; each once seen to work."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from contracts.envelope import PARTITIONS, Record, encode, partition_of
from contracts.event import Event, Role
from contracts.events.case import CaseCompleted, CaseOpened
from contracts.events.escrow import DepositConfirmed
from contracts.events.line import RepeatRequested
from services.runtime.core.facts import MoneyReceived, SubjectResumed
from services.runtime.core.fold import derived_id
from services.runtime.log import Received
from services.seller_bank.facts import ConsentDecided
from services.seller_bank.rules import RULEBOOK
from tests.runtime.test_turn import CASE, House, broken, changed, deposit
from tests.stories.test_liaocheng_full import loan
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO
from tests.support.liaocheng import opened


@pytest.fixture
def house() -> House:
    return House()


def unsigned(house: House, event: Event, number: int | None, **other: Any) -> Record:
    """A record of the notary's whose envelope is not what the house expects."""
    return encode(replace(house.envelope(event, number), **other))


# --- forged and foreign facts -----------------------------------------------------------------------------------------


async def test_a_word_that_names_no_case_does_not_end_the_folio_itself(house: House) -> None:
    word = CaseCompleted(ownership_certificate=lc.document("不动产权证书"))
    await house.arrives(unsigned(house, word, 1, case=""))
    assert [d["where"] for d in house.dead()] == ["ce_subject"]
    subject = await house.subject()
    assert not subject.files, "what belongs to the folio itself is said by no case's end"
    await house.hears(opened(), number=2)


async def test_a_foreign_word_cannot_use_up_the_id_of_an_own_fact(house: House) -> None:
    await house.hears(opened())
    coming = derived_id("statement/ICBC-LC-SETTLE", "1")
    await house.arrives(unsigned(house, deposit(), 2, id=coming))
    await house.institution.tell(lc.money(500, account=lc.BANK_ACCOUNT), coming, CASE, FOLIO)
    await house.take()
    file = await house.file()
    assert len(file.every(DepositConfirmed)) == len(file.every(MoneyReceived)) == 1
    assert house.dead() == []


async def test_a_case_is_not_opened_again_by_one_of_its_other_parties(house: House) -> None:
    await house.hears(opened())
    await house.hears(opened(contract_number="forged"), number=1, speaker=lc.REGISTRY)
    assert "may not open" in house.dead()[0]["why"]
    assert [f.fact.contract_number for f in (await house.file()).every(CaseOpened)] == ["LC-2026-000123"]


# --- lines ------------------------------------------------------------------------------------------------------------


async def test_a_number_far_beyond_the_line_is_held_at_once_and_asked_for(house: House) -> None:
    far = 999_999_999_999
    async with asyncio.timeout(5):
        await house.arrives(unsigned(house, deposit(), far))
    (asked,) = house.log.everything("daiya.escrow.liaocheng-notary")
    request = RepeatRequested.read(asked.record.value or b"")
    assert (request.first_missing, request.last_missing) == (1, far - 1)


def unknown(house: House, number: int) -> Record:
    return changed(encode(house.envelope(deposit(), number)), ce_type=b"daiya.never-heard-of.v1")


async def test_what_comes_before_a_dead_letter_is_filed_and_asked_for(house: House) -> None:
    await house.arrives(unknown(house, 3))
    await house.hears(deposit(), number=4)
    (asked,) = house.log.everything("daiya.escrow.liaocheng-notary")
    assert RepeatRequested.read(asked.record.value or b"").first_missing == 1
    await house.hears(deposit(), number=2)
    (row,) = await house.rows("held")
    assert not row.data["dead_letter"]
    await house.hears(opened(), number=1)
    assert len((await house.file()).every(DepositConfirmed)) == 1, "number 2 stands before the dead letter"
    (row,) = await house.rows("held")
    assert row.data["dead_letter"] and row.data["first_missing"] == 3


async def test_a_held_letter_that_is_refused_is_not_held_any_more(house: House) -> None:
    other = opened(institutions={**lc.INSTITUTIONS, Role.SELLER_BANK: "another-bank"})
    await house.arrives(unsigned(house, other, 2, case="LCF-OTHER-1"))
    await house.hears(opened(), number=1)
    subject = await house.subject()
    assert subject.blocked and not subject.held


async def test_the_row_of_a_gap_names_the_gap_that_there_is_now(house: House) -> None:
    for number in (3, 6, 1, 2):
        await house.hears(opened() if number == 1 else deposit(), number=number)
    (row,) = await house.rows("held")
    assert (row.data["first_missing"], row.data["last_missing"]) == (4, 5)
    before = len(house.log.everything("daiya.escrow.liaocheng-notary"))
    await house.institution.work(range(PARTITIONS))
    (asked,) = house.log.everything("daiya.escrow.liaocheng-notary")[before:]
    assert RepeatRequested.read(asked.record.value or b"").first_missing == 4


async def test_two_different_words_under_a_held_number_are_an_alarm_too(house: House) -> None:
    await house.hears(deposit(), number=3)
    await house.hears(opened(), number=3)
    (incident,) = await house.rows("incident")
    assert "two different things as number 3" in incident.data["what"]


# --- stopped subjects, and crashes between an entry and what follows it -----------------------------------------------


class Crash(Exception):
    """The process is gone at this moment."""


async def crashed(house: House, what: str) -> None:
    """Take what stands in the inbox, but die when `what` of the post is called; then start anew."""

    async def dies(*_: object) -> None:
        raise Crash

    setattr(house.institution.post, what, dies)
    with pytest.raises(Crash):
        await house.take()
    house.start()
    await house.take()


async def test_what_a_resumed_subject_says_is_said_again_after_a_crash() -> None:
    house = House(broken())
    await house.hears(opened())
    await house.institution.tell(loan(), derived_id("loan"), "", FOLIO)
    await house.institution.tell(ConsentDecided(by_clerk="Wang", consents=True), derived_id("yes"), CASE, FOLIO)
    await house.take()
    house.rules = RULEBOOK
    house.start()
    await house.institution.tell(SubjectResumed(by_clerk="Li", note="release 2"), derived_id("resume"), "", FOLIO)
    await crashed(house, "send")
    await house.take()
    assert house.sent("daiya.escrow.liaocheng-notary") == ["daiya.consent-issued.v1"]


async def test_two_words_under_one_id_are_both_kept_while_a_subject_stands() -> None:
    house = House(broken())
    await house.hears(opened())
    twice = derived_id("the same id")
    await house.arrives(unsigned(house, deposit(), 2, id=twice))
    await house.arrives(unsigned(house, deposit(), 3, id=twice))
    await house.again()
    assert [letter.envelope.sequence for letter in (await house.subject()).queue] == [1, 2, 3]


async def test_a_dead_letter_that_a_crash_swallowed_is_written_when_its_letter_comes_again(house: House) -> None:
    await house.hears(opened())
    stranger = (Role.REGISTRY, "jinan-registry")
    stands = encode(house.envelope(lc.reserved(), 1, stranger))
    where = partition_of(FOLIO)
    log = house.log.topics[house.inbox][where]
    log.append(Received(stands, where, len(log), house.log.now))
    await crashed(house, "bury")
    assert [d["why"] for d in house.dead()] == ["/registry/jinan-registry has no part in case LCF-TEST-1"]


async def test_dead_letters_that_another_letter_made_are_written_after_a_crash(house: House) -> None:
    await house.hears(lc.reserved(), number=1, speaker=(Role.REGISTRY, "jinan-registry"))
    stands = encode(house.envelope(opened(), 1))
    where = partition_of(FOLIO)
    log = house.log.topics[house.inbox][where]
    log.append(Received(stands, where, len(log), house.log.now))
    await crashed(house, "bury")
    assert ["jinan-registry has no part" in d["why"] for d in house.dead()] == [True]
    await house.hears(deposit(), number=2)
    await house.again()
    assert len(house.dead()) == 3, "with itself and with the letter that made it one, not with every later one"
