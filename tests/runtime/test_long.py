"""Subjects that grow long, and turns that grow large: no document of the database is ever too large for it."""

import json
from typing import Any

import pytest

from contracts.envelope import encode, partition_of
from contracts.events.escrow import DepositConfirmed
from services.runtime import turn
from services.runtime.core.facts import NumberAllotted, NumberWanted, SubjectResumed
from services.runtime.core.file import STANDING, Said
from services.runtime.core.fold import SERIES, derived_id
from services.runtime.core.journal import digest
from services.runtime.log import Received
from services.runtime.store import StoreUnavailable
from tests.runtime.test_turn import House, deposit, opened
from tests.support.bench import FOLIO

FORM = "({year}){house}证提字第{n:07d}号"


@pytest.fixture
def house() -> House:
    return House()


def stand(house: House, *numbers: int) -> None:
    """Words with these numbers stand in the inbox together, as one batch; number 1 opens the case."""
    where = partition_of(FOLIO)
    log = house.log.topics[house.inbox][where]
    for number in numbers:
        event = opened() if number == 1 else deposit()
        log.append(Received(encode(house.envelope(event, number)), where, len(log), house.log.now))


def entries(house: House) -> list[int]:
    """How many bytes each entry of the folio takes, in the order of their versions."""
    there = sorted((version, e) for (key, version), e in house.store.journal.items() if key == FOLIO)
    assert [version for version, _ in there] == list(range(1, len(there) + 1))
    return [len(json.dumps(e.items)) for _, e in there]


async def whole(house: House) -> str:
    """The digest of the folio as the database has it, which must be that of what the process knows."""
    stored = await house.subject()
    live = house.institution.turns.known(FOLIO)
    assert live is not None and digest(live.items) == digest(stored.items)
    return digest(stored.items)


async def test_a_batch_too_large_for_an_entry_is_written_in_several(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand(house, *range(1, 30))
    await house.take()
    (size,) = entries(house)
    uncut, sent = await whole(house), house.log.topics
    for most in (size // 2, 4_000):
        monkeypatch.setattr(turn, "MOST_ENTRY_BYTES", most)
        other = House()
        stand(other, *range(1, 30))
        await other.take()
        assert len(entries(other)) > 1 and max(entries(other)) <= most
        assert await whole(other) == uncut, "however it is cut"
        assert {t: len(r) for t, r in other.log.topics.items()} == {t: len(r) for t, r in sent.items()}
        assert sorted(other.store._rows) == sorted(house.store._rows)


async def test_a_crash_between_two_entries_of_one_batch_loses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand(house, *range(1, 30))
    await house.take()
    uncut = await whole(house)
    monkeypatch.setattr(turn, "MOST_ENTRY_BYTES", 4_000)
    other = House()
    stand(other, *range(1, 30))
    insert, calls = other.store.insert, list[Any]()

    async def dies(given: Any) -> Any:
        calls.append(given)
        if len(calls) == 3:
            raise StoreUnavailable("gone")
        return await insert(given)

    monkeypatch.setattr(other.store, "insert", dies)
    with pytest.raises(StoreUnavailable):
        await other.take()
    assert len(entries(other)) == 2
    await other.take()
    assert await whole(other) == uncut
    assert sorted(other.store._rows) == sorted(house.store._rows)


async def test_one_letter_whose_turn_no_entry_holds_stops_its_subject_and_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "MOST_ENTRY_BYTES", 9_000)
    for number in range(2, 20):
        stand(house, number)
        await house.take()
    stand(house, 1)  # with it all that was held would go on file
    await house.take()
    (row,) = await house.rows("stopped")
    assert "9000 bytes" in row.data["error"]
    assert max(entries(house)) <= 9_000
    assert house.places[partition_of(FOLIO)] == house.log.ends(house.inbox)[partition_of(FOLIO)], (
        "the partition goes on"
    )
    await house.again()
    assert (await house.subject()).stopped is not None

    monkeypatch.setattr(turn, "MOST_ENTRY_BYTES", 90_000)  # a release with more room
    house.start()
    await house.institution.tell(SubjectResumed(by_clerk="Li", note="release 2"), derived_id("resume"), "", FOLIO)
    await house.take()
    assert len((await house.file()).every(DepositConfirmed)) == 18


async def test_a_long_series_is_read_from_its_newest_snapshot_and_the_entries_after_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "SNAPSHOT_EVERY", 4)
    monkeypatch.setattr(turn, "MOST_SNAPSHOT_ITEMS", 40)
    key = SERIES + FORM
    for n in range(60):
        wanted = NumberWanted(form=FORM, for_draft=str(n), for_subject=FOLIO, for_case="", title="提存协议")
        await house.institution.tell(wanted, derived_id("wanted", str(n)), STANDING, key)
        await house.take()
    snapshots = {version: len(s.items) for (of, version), s in house.store._snapshots.items() if of == key}
    assert snapshots and max(snapshots.values()) <= 40 and max(snapshots) < 30
    live = house.institution.turns.known(key)
    assert live is not None
    house.start()
    subject = await house.institution.turns.read_subject(key)
    assert digest(subject.items) == digest(live.items)
    said = [i.filed.fact for i in subject.items if isinstance(i, Said)]
    numbers = [fact.document.number for fact in said if isinstance(fact, NumberAllotted)]
    assert len(set(numbers)) == 60
