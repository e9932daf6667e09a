"""The witness: one event for all its copies, in the order of saying, and dead letters."""

from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.envelope import Envelope, Record, encode, inbox, partition_of, source, to_data
from contracts.event import Event, Role
from contracts.events.case import CaseOpened, PartyJoined
from contracts.events.lender import JoinRequested
from contracts.events.registry import FolioReserved, TransferRegistered
from contracts.events.seller_bank import ConsentIssued
from deploy.witness import Place, Spoken, Witness
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import FOLIO, NOON

ESCROW, REGISTRY, BANK = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK
NAMES = loan.WITH_LENDER
PLACES = tuple(Place(role, name, inbox(role, name)) for role, name in lc.INSTITUTIONS.items())
INBOX: dict[Role, str] = {place.role: place.inbox for place in PLACES}
LENDER = loan.LENDER[0]
LENDERS_PLACE = Place(*loan.LENDER, inbox(*loan.LENDER))
BOXES: dict[Role, str] = {**INBOX, LENDER: LENDERS_PLACE.inbox}


def envelope(event: Event, by: Role, to: Role, number: int, cause: str | None = None) -> Envelope:
    """One recipient's copy; the event's id is its number."""
    record_id = f"00000000-0000-5000-8000-{number:012d}"
    data = to_data(event.copy_for(to))
    at = NOON + timedelta(milliseconds=number)
    speaker = source(by, NAMES[by])
    return Envelope(record_id, speaker, event.type_name, "LCF-TEST-1", at, FOLIO, 1, cause, data, "signed")


@pytest.fixture
async def told() -> tuple[Witness, list[Spoken]]:
    """A witness that is not reading, and what it has told of."""
    heard: list[Spoken] = []
    return Witness("127.0.0.1:1", PLACES, heard.append), heard


def take(witness: Witness, to: Role, one: Envelope) -> None:
    witness.take(INBOX[to], partition_of(FOLIO), encode(one))


async def test_an_event_is_told_once_when_all_its_copies_are_there(told: tuple[Witness, list[Spoken]]) -> None:
    witness, heard = told
    opened = lc.opened()
    take(witness, BANK, envelope(opened, ESCROW, BANK, 1))
    assert heard == [] and witness.heard("LCF-TEST-1", CaseOpened)
    take(witness, REGISTRY, envelope(opened, ESCROW, REGISTRY, 1))
    take(witness, REGISTRY, envelope(opened, ESCROW, REGISTRY, 1))  # a broker may deliver twice
    assert [one.kind for one in heard] == [CaseOpened]
    assert heard[0].event == opened.model_copy(update={"deposit_account": None})  # for the escrow's own eyes
    assert not witness.heard("LCF-OTHER", CaseOpened)


async def test_events_are_told_in_the_order_in_which_they_were_first_seen(told: tuple[Witness, list[Spoken]]) -> None:
    witness, heard = told
    take(witness, BANK, envelope(lc.opened(), ESCROW, BANK, 1))
    for to in (ESCROW, BANK):
        take(witness, to, envelope(lc.reserved(), REGISTRY, to, 2))
    assert heard == []
    take(witness, REGISTRY, envelope(lc.opened(), ESCROW, REGISTRY, 1))
    assert [one.kind for one in heard] == [CaseOpened, FolioReserved]


@pytest.fixture
async def with_lender() -> tuple[Witness, list[Spoken]]:
    """The same, with a lender's inbox to read."""
    heard: list[Spoken] = []
    return Witness("127.0.0.1:1", (*PLACES, LENDERS_PLACE), heard.append), heard


def take_in(witness: Witness, event: Event, by: Role, number: int, *to: Role) -> None:
    """The copies of these recipients."""
    for role in to:
        witness.take(BOXES[role], partition_of(FOLIO), encode(envelope(event, by, role, number)))


async def test_LC_L2_until_a_lender_joins_nothing_is_due_to_it(with_lender: tuple[Witness, list[Spoken]]) -> None:
    witness, heard = with_lender
    take_in(witness, loan.opened(), ESCROW, 1, REGISTRY, BANK)
    take_in(witness, lc.reserved(), REGISTRY, 2, ESCROW, BANK)
    take_in(witness, loan.join_requested(), LENDER, 3, ESCROW)  # it is for the keeper alone
    assert [one.kind for one in heard] == [CaseOpened, FolioReserved, JoinRequested]
    take_in(witness, loan.joined(), ESCROW, 4, REGISTRY, BANK)
    assert len(heard) == 3
    take_in(witness, loan.joined(), ESCROW, 4, LENDER)
    take_in(witness, loan.opened(), ESCROW, 1, LENDER)  # said again to it
    take_in(witness, lc.consent(), BANK, 5, ESCROW, REGISTRY)
    assert [one.kind for one in heard[3:]] == [PartyJoined]
    take_in(witness, lc.consent(), BANK, 5, LENDER)
    assert [one.kind for one in heard[3:]] == [PartyJoined, ConsentIssued]


async def test_what_is_seen_before_the_opening_waits_for_it(with_lender: tuple[Witness, list[Spoken]]) -> None:
    witness, heard = with_lender
    take_in(witness, lc.reserved(), REGISTRY, 2, ESCROW, BANK)
    assert heard == []
    take_in(witness, loan.opened(), ESCROW, 1, REGISTRY)
    assert [one.kind for one in heard] == [FolioReserved]
    take_in(witness, loan.opened(), ESCROW, 1, BANK)
    assert [one.kind for one in heard] == [FolioReserved, CaseOpened]


async def test_what_caused_a_word_is_told_before_it_whichever_was_read_first(
    with_lender: tuple[Witness, list[Spoken]],
) -> None:
    witness, heard = with_lender
    take_in(witness, loan.opened(), ESCROW, 1, REGISTRY, BANK)
    asked = envelope(loan.join_requested(), LENDER, ESCROW, 2)
    own = replace(envelope(lc.consent(), ESCROW, ESCROW, 3, cause=asked.id), type="daiya.own.number-allotted.v1")
    for to in (REGISTRY, BANK, LENDER):
        witness.take(BOXES[to], partition_of(FOLIO), encode(envelope(loan.joined(), ESCROW, to, 4, cause=own.id)))
    assert [one.kind for one in heard] == [CaseOpened]
    take_in(witness, loan.opened(), ESCROW, 1, LENDER)
    for one in (own, asked):
        take(witness, ESCROW, one)
    assert [one.kind for one in heard] == [CaseOpened, JoinRequested, PartyJoined]


async def test_of_two_events_of_one_moment_the_cause_comes_first(told: tuple[Witness, list[Spoken]]) -> None:
    witness, _ = told
    first = envelope(lc.opened(), ESCROW, BANK, 1)
    second = replace(envelope(lc.reserved(), REGISTRY, BANK, 2, cause=first.id), time=first.time)
    third = replace(envelope(lc.registered(), REGISTRY, BANK, 3, cause=second.id), time=first.time)
    for one in (third, second, first):
        take(witness, BANK, one)
    assert [one.kind for one in witness.spoken] == [CaseOpened, FolioReserved, TransferRegistered]


async def test_dead_letters_and_what_is_no_envelope_are_noted(told: tuple[Witness, list[Spoken]]) -> None:
    witness, heard = told
    notes = (("daiya_where", b"ce_type"), ("daiya_why", b"not known"))
    witness.take(f"{INBOX[BANK]}.dead", 0, Record(b"k", b"v", notes))
    witness.take(INBOX[BANK], 0, Record(b"k", b"v", ()))
    first, second = witness.dead
    assert first == f"{INBOX[BANK]}.dead: ce_type: not known"
    assert second.startswith(f"{INBOX[BANK]}: ") and heard == []
