"""Items as values, and back. `journal-1.json` is what the first release wrote: every later one reads it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from contracts.envelope import Envelope, to_data
from contracts.event import Fact
from contracts.events.case import CaseOpened
from contracts.events.line import RepeatRequested
from contracts.values import canonical_json
from services.runtime.core import facts, journal
from services.runtime.core.file import (
    Admitted,
    Decided,
    Filed,
    Heard,
    Item,
    Kept,
    Letter,
    Readdressed,
    Refusal,
    Refused,
    Resumed,
    Said,
    Spoke,
    Stopped,
    Struck,
    Subject,
    apply,
)
from services.runtime.core.rule import rulebook
from services.runtime.store import Entry
from services.runtime.store.memory import MemoryStore
from services.runtime.turn import lift
from tests.support.examples import CASE, EXAMPLES, UNIT

MORNING = datetime(2026, 11, 22, 9, 30, 0, 123_000, tzinfo=UTC)
GOLDEN = Path(__file__).parent
WORDS = journal.vocabulary(rulebook(phases={}, own_facts=()))
ID = "6f1c7a52-2f0e-5d0b-9a3f-6b2d1f0c4e11"
OTHER_ID = "0f1c7a52-2f0e-5d0b-9a3f-6b2d1f0c4e12"
NOTARY = "/escrow/liaocheng-notary"


def letter(fact: Fact, sequence: int | None = 3, cause: str | None = OTHER_ID) -> Letter:
    data = to_data(fact.to_json())
    envelope = Envelope(ID, NOTARY, fact.type_name, CASE, MORNING, UNIT, sequence, cause, data, "c2ln")
    return Letter(envelope, fact, MORNING + timedelta(milliseconds=7), (5, 2**40))


def filed(fact: Fact, cause: str | None = OTHER_ID) -> Filed[Fact]:
    return Filed(ID, fact, CASE, NOTARY, MORNING, MORNING + timedelta(milliseconds=7), cause)


def examples() -> Iterator[Item]:
    """Every kind of item with every field filled, and with every field empty that may be."""
    fact = RepeatRequested(first_missing=2, last_missing=3)
    own = facts.IncidentClosed(by_clerk="王丽", incident=ID, note='"退回"\n\\')
    yield Heard(letter(fact), parked=False)
    yield Heard(letter(own, sequence=None, cause=None), parked=True)
    yield Admitted(ID, CASE, NOTARY)
    yield Struck(ID, CASE, NOTARY, 4, "ab12", "ce_time: missing", MORNING, (5, 2**40))
    yield Struck(ID, "", NOTARY, None, "ab12", "不是当事人", MORNING, (0, 0))
    yield Said(filed(fact), CASE, "open_the_case", (("registry/liaocheng-registry", 1), ("seller_bank/x", 2**33)))
    yield Said(filed(own, cause=None), "", "tell", (), tell="series:certificate")
    yield Readdressed(ID, OTHER_ID, (("daiya.buyer_bank.ccb", 1),))
    yield Spoke(CASE, "open_the_case", ID)
    yield Refused(ID, "ab12", Refusal("folio reserved", "another sale is open", "LC-F1", 409))
    yield Kept(letter(fact), "held")
    yield Kept(letter(own, sequence=None), "stopped")
    yield Stopped(ID, "pay: ZeroDivisionError: division by zero")
    yield Resumed(ID, "ab12")
    yield Decided("ab12", "retried", ID, OTHER_ID, f"{NOTARY}#4")
    yield Decided("ab12", "skipped", ID, "", "")


EVERY = tuple(examples())


def test_the_examples_are_every_kind_of_item() -> None:
    assert {type(item) for item in EVERY} == set(get_args(Item))


@pytest.mark.parametrize("item", EVERY, ids=lambda item: type(item).__name__)
def test_what_was_dumped_is_loaded_as_it_was(item: Item) -> None:
    stored = json.loads(canonical_json(journal.dump(item)))
    assert stored == journal.dump(item)
    loaded = journal.load(stored, WORDS)
    assert loaded == item
    assert canonical_json(journal.dump(loaded)) == canonical_json(stored)


@pytest.mark.parametrize("fact", EXAMPLES.values(), ids=lambda fact: fact.type_name)
def test_every_event_survives_as_heard_and_as_said(fact: Fact) -> None:
    for item in (Heard(letter(fact), parked=False), Said(filed(fact), CASE, "rule")):
        assert journal.load(json.loads(canonical_json(journal.dump(item))), WORDS) == item


async def test_the_subject_is_the_same_from_the_store() -> None:
    store = MemoryStore()
    heard = [Heard(letter(fact, sequence=n + 1), parked=False) for n, fact in enumerate(EXAMPLES.values())]
    for version, item in enumerate(heard, 1):
        await store.insert([Entry(UNIT, version, journal.SCHEMA, (journal.dump(item),), (0, version))])
    _, entries = (await store.load([UNIT]))[UNIT]
    live = again = Subject(UNIT)
    for item in heard:
        live = apply(live, item, {})
    for entry in entries:
        for data in entry.items:
            again = apply(again, journal.load(data, WORDS), {})
    assert again == live
    assert journal.digest(again.items) == journal.digest(live.items)


def test_the_digest_is_of_what_was_said_and_in_which_order() -> None:
    assert journal.digest(EVERY) == journal.digest(iter(EVERY))
    assert journal.digest(EVERY) != journal.digest(EVERY[::-1])
    assert journal.digest(EVERY) != journal.digest(EVERY[:-1])
    assert journal.digest((EVERY[0],)) != journal.digest((EVERY[1],))


def test_what_is_no_item_is_refused() -> None:
    with pytest.raises(ValueError, match="no kind of item"):
        journal.load({"k": "forgotten"}, WORDS)
    stranger = journal.dump(EVERY[0])
    stranger["letter"]["type"] = "daiya.never-said.v1"
    with pytest.raises(KeyError):
        journal.load(stranger, WORDS)


def golden(schema: int) -> list[Any]:
    return json.loads((GOLDEN / f"journal-{schema}.json").read_bytes())


def test_what_this_release_writes_is_the_golden_document() -> None:
    """If this fails the form has changed: raise SCHEMA, write an upcaster, and add a golden document beside
    the old ones."""
    assert [journal.dump(item) for item in EVERY] == golden(journal.SCHEMA)


@pytest.mark.parametrize("schema", range(1, journal.SCHEMA + 1))
def test_what_any_release_wrote_is_still_read(schema: int) -> None:
    assert tuple(journal.load(lift(data, schema), WORDS) for data in golden(schema)) == EVERY


def test_a_word_said_before_keeps_its_bytes_when_a_release_adds_a_field_with_a_default() -> None:
    """A repeat must be the same bytes under the same number, whatever release says it again."""
    opened = next(event for event in EXAMPLES.values() if isinstance(event, CaseOpened))
    as_an_older_release_knew_it = {name: value for name, value in opened.to_json().items() if name != "periods"}
    read = CaseOpened.read(to_data(as_an_older_release_knew_it))
    assert read.periods == () and read.to_json() == as_an_older_release_knew_it
    again = journal.load(journal.dump(Said(filed(read), CASE, "rule")), WORDS)
    assert isinstance(again, Said) and again.filed.fact.to_json() == as_an_older_release_knew_it
