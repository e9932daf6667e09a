"""What somebody who means harm, or a crash at the worst moment, may do to an institution; each once seen to work."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.envelope import PARTITIONS, Record, encode, partition_of
from contracts.event import Event, Role
from contracts.events.case import CaseCompleted, CaseOpened
from contracts.events.escrow import DepositConfirmed
from contracts.events.line import RepeatRequested
from contracts.period import Days, Period, Source
from services.runtime import turn
from services.runtime.core.facts import (
    MoneyReceived,
    Pay,
    PaymentAccepted,
    PaymentSettled,
    PeriodStarted,
    Purpose,
    SubjectResumed,
)
from services.runtime.core.fold import derived_id
from services.runtime.core.rows import Row
from services.runtime.core.rule import Chapter, Wait, Waiting, rulebook
from services.runtime.log import Received
from services.runtime.post import Parcel
from services.runtime.rail import RailUnavailable, Transfer
from services.runtime.rail.memory import Fault, MemoryRail
from services.runtime.statement import Statement
from services.runtime.store.memory import MemoryStore
from services.seller_bank.facts import ConsentDecided
from services.seller_bank.rules import RULEBOOK
from tests.runtime.test_turn import CASE, House, broken, changed, deposit
from tests.stories.home import loan
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON
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
    assert (row.data["first_missing"], row.data["last_missing"]) == (1, 1), "what was struck is not missing"
    await house.hears(opened(), number=1)
    assert len((await house.file()).every(DepositConfirmed)) == 1, "number 2 stands before the dead letter"
    (row,) = await house.rows("struck")
    assert row.data["sequence"] == 3 and not await house.rows("held")


async def test_a_held_letter_that_is_refused_is_not_held_any_more(house: House) -> None:
    other = opened(institutions={**lc.INSTITUTIONS, Role.SELLER_BANK: "another-bank"})
    await house.arrives(unsigned(house, other, 2, case="LCF-OTHER-1"))
    await house.hears(opened(), number=1)
    subject = await house.subject()
    assert list(subject.holding()) and not subject.held


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


async def crashed(house: House, part: Any, what: str) -> None:
    """Take what stands in the inbox, but die when `what` of this part of the house is called; then start anew."""

    async def dies(*_: object) -> None:
        raise Crash

    setattr(part, what, dies)
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
    await crashed(house, house.institution.post, "send")
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
    await crashed(house, house.institution.dead_letters, "bury")
    assert [d["why"] for d in house.dead()] == ["/registry/jinan-registry has no part in case LCF-TEST-1"]


async def test_dead_letters_that_another_letter_made_are_written_after_a_crash(house: House) -> None:
    await house.hears(lc.reserved(), number=1, speaker=(Role.REGISTRY, "jinan-registry"))
    stands = encode(house.envelope(opened(), 1))
    where = partition_of(FOLIO)
    log = house.log.topics[house.inbox][where]
    log.append(Received(stands, where, len(log), house.log.now))
    await crashed(house, house.institution.dead_letters, "bury")
    assert ["jinan-registry has no part" in d["why"] for d in house.dead()] == [True]
    await house.hears(deposit(), number=2)
    await house.again()
    assert len(house.dead()) == 3, "with itself and with the letter that made it one, not with every later one"


# --- rows -------------------------------------------------------------------------------------------------------------


def stumble(_: CaseOpened) -> Waiting | None:
    """A fault in a sentence of the worklist."""
    raise ValueError("divided by nought")


async def test_a_wait_that_raises_is_an_incident_and_stops_nobody() -> None:
    chapters = [RULEBOOK.chapters[""], Chapter("LC-FULL", (), (), waits=(Wait(stumble),))]
    house = House(rulebook(*chapters, phases=RULEBOOK.phases, own_facts=RULEBOOK.own_facts))
    await house.hears(opened())
    (row,) = await house.rows("incident")
    assert "stumble" in row.data["what"] and "divided by nought" in row.data["why"]


async def test_a_snapshot_that_no_document_can_hold_is_left_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "SNAPSHOT_EVERY", 2)
    monkeypatch.setattr(turn, "MOST_SNAPSHOT_BYTES", 3_000)
    await house.hears(opened())
    for _ in range(7):
        await house.hears(deposit())
    assert max(version for _, version in house.store._snapshots) < 6
    house.start()
    assert len((await house.file()).every(DepositConfirmed)) == 7


# --- payments, periods, leftovers -------------------------------------------------------------------------------------


def pay_row(n: int, state: str | None = None) -> Row:
    """A payment that a rule asked for."""
    pay = Pay(
        purpose=Purpose.REFUND,
        from_account=lc.ESCROW_ACCOUNT,
        to_account=lc.BUYER_ACCOUNT,
        amount_fen=1,
        reference="refund",
        about="x",
        because="X-1",
    )
    data = pay.to_json() | ({"state": state} if state else {})
    return Row(derived_id(str(n)), "payment", FOLIO, partition_of(FOLIO), CASE, NOON + timedelta(seconds=n), data)


def rail_of(house: House) -> MemoryRail:
    rail = house.institution.payments.rail
    assert isinstance(rail, MemoryRail)
    rail.open(lc.ESCROW_ACCOUNT, "escrow", 1_000)
    rail.open(lc.BUYER_ACCOUNT, "buyer")
    return rail


async def test_a_key_that_stood_for_another_order_stops_no_other_payment_and_is_seen(house: House) -> None:
    rail = rail_of(house)
    first, second = pay_row(1), pay_row(2)
    used = Transfer(
        key=first.id, from_account=lc.ESCROW_ACCOUNT, to_account=lc.BUYER_ACCOUNT, amount_fen=9, reference="other"
    )
    await rail.transfer(used)
    await house.store.change_rows([first, second], ())
    for _ in range(3):
        await house.institution.payments.work(range(PARTITIONS))
    assert second.id in rail.on_its_way()
    await house.take()
    (incident,) = await house.rows("incident")
    assert first.id in incident.data["what"] and "used for another order" in incident.data["why"]


async def test_a_payment_is_carried_out_though_very_many_are_on_their_way(house: House) -> None:
    rail = rail_of(house)
    await house.store.change_rows([pay_row(n, "accepted") for n in range(1_200)], ())
    newest = pay_row(5_000)
    await house.store.change_rows([newest], ())
    await house.institution.payments.work(range(PARTITIONS))
    assert rail.on_its_way() == (newest.id,)


async def test_a_period_passes_though_very_many_run(house: House) -> None:
    def period(n: int, days: int) -> Row:
        started = PeriodStarted(
            period=Period(
                name="price",
                whose=Role.ESCROW,
                days=days,
                count=Days.CALENDAR,
                clause="LC-F1",
                source=Source.PRACTICE,
            ),
            start=NOON - timedelta(days=30),
        )
        since = NOON + timedelta(seconds=n)
        return Row(derived_id("p", str(n)), "period", FOLIO, partition_of(FOLIO), CASE, since, started.to_json())

    await house.store.change_rows([period(n, 300) for n in range(1_200)], ())
    await house.store.change_rows([period(5_000, 3)], ())
    assert await house.institution.timers.work(range(PARTITIONS)) == 1


async def test_a_recipient_gets_its_leftovers_though_very_many_wait_for_another(house: House) -> None:
    down, up = "daiya.escrow.liaocheng-notary", "daiya.registry.liaocheng-registry"
    house.log.down(down)
    record = encode(house.envelope(deposit(), 1))
    post = house.institution.post
    parcels = [Parcel(f"leftover/{n}", down, record, FOLIO, NOON + timedelta(seconds=n)) for n in range(1_200)]
    late = Parcel("leftover/late", up, record, FOLIO, NOON + timedelta(hours=9))
    await house.store.change_rows([post._row(parcel) for parcel in (*parcels, late)], ())
    assert await post.drain(range(PARTITIONS)) == 1_200
    assert len(house.log.everything(up)) == 1


# --- the rail's statement ---------------------------------------------------------------------------------------------


def bank(house: House) -> tuple[Statement, MemoryRail]:
    """The reader of the bank's account, and a rail on which the buyer can pay into it."""
    rail = rail_of(house)
    rail.open(lc.BANK_ACCOUNT, "bank", 1_000)
    return Statement(lc.BANK_ACCOUNT, house.store, house.institution.post, rail), rail


async def paid(rail: MemoryRail, key: str, reference: str, payer: str = lc.ESCROW_ACCOUNT) -> None:
    order = Transfer(key=key, from_account=payer, to_account=lc.BANK_ACCOUNT, amount_fen=5, reference=reference)
    await rail.transfer(order)
    rail.settle_all()


async def test_a_receipt_that_was_unmatched_stays_so_after_a_restart(house: House) -> None:
    statement, rail = bank(house)
    await paid(rail, "k", CASE)
    await statement.work()
    await house.take()
    house.store._cursors.clear()  # the crash came before the reader's place was kept
    house.start()
    await house.again()
    await house.hears(opened())
    await Statement(lc.BANK_ACCOUNT, house.store, house.institution.post, rail).work()
    await house.take()
    assert not (await house.file()).every(MoneyReceived), "one receipt lies on one file"


async def test_a_receipt_that_was_unmatched_stays_so_with_an_empty_database(house: House) -> None:
    statement, rail = bank(house)
    await paid(rail, "k", CASE)
    await statement.work()
    await house.take()
    await house.hears(opened())
    house.store = MemoryStore()
    house.start()
    await house.again()
    await Statement(lc.BANK_ACCOUNT, house.store, house.institution.post, rail).work()
    await house.take()
    assert not (await house.file()).every(MoneyReceived), "one receipt lies on one file"


async def test_a_payer_whose_account_nobody_can_read_hides_no_later_receipt(house: House) -> None:
    statement, rail = bank(house)
    rail.open("alice.wallet", "Alice", 1_000)
    await house.hears(opened())
    await paid(rail, "odd", CASE, payer="alice.wallet")
    await paid(rail, "good", CASE)
    for _ in range(2):
        await statement.work()
    await house.take()
    assert len((await house.file()).every(MoneyReceived)) == 1
    found = [row for row in await house.rows("incident") if row.subject.startswith("unmatched:")]
    assert ["line 1 " in row.data["what"] and "5 fen" in row.data["what"] for row in found] == [True]


async def test_a_payment_settles_on_the_file_that_ordered_it_whatever_its_text_says(house: House) -> None:
    statement, rail = bank(house)
    await house.hears(opened())
    elsewhere = "371502001001GB00001F00010002"
    order = replace(pay_row(1), subject=elsewhere, case="")
    order.data.update(from_account=lc.BANK_ACCOUNT, reference=f"{CASE} 退回")
    await house.store.change_rows([order], ())
    await house.institution.payments.work(range(PARTITIONS))
    rail.settle_all()
    await statement.work()
    await house.take()
    standing = (await house.institution.turns.read_subject(elsewhere)).file("")
    assert len(standing.every(PaymentSettled)) == 1


async def test_a_payment_whose_answer_was_lost_is_accepted_when_it_has_settled(house: House) -> None:
    statement, rail = bank(house)
    await house.hears(opened())
    order = pay_row(1)
    order.data.update(from_account=lc.BANK_ACCOUNT)
    await house.store.change_rows([order], ())
    rail.arm(Fault(kind="timeout-after"))
    await house.institution.payments.work(range(PARTITIONS))
    rail.settle_all()
    await statement.work()
    await house.store.change_rows((), [order.id])  # as the turn does that hears of its end
    await house.institution.payments.work(range(PARTITIONS))
    await house.take()
    file = await house.file()
    assert len(file.every(PaymentAccepted)) == len(file.every(PaymentSettled)) == 1
    assert house.dead() == []


async def test_an_account_that_cannot_be_read_hides_no_other(house: House) -> None:
    rail = rail_of(house)
    rail.open(lc.BANK_ACCOUNT, "bank")
    await paid(rail, "k", CASE)
    statements = (Statement(name, house.store, house.institution.post, rail) for name in ("NOT-THERE", lc.BANK_ACCOUNT))
    house.institution.statements = tuple(statements)
    with pytest.raises(RailUnavailable):
        await house.institution.read_statements(range(PARTITIONS))
    assert await house.store.cursor(f"statement/{lc.BANK_ACCOUNT}") == 1
