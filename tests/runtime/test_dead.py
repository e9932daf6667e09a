"""Dead letters and the decision on them, in the fold: the same bytes through the same checks, or the line goes on."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.envelope import PARTITIONS, Envelope, Record, encode, partition_of, to_data
from contracts.event import Event, Role
from contracts.events.case import CaseOpened, PartyJoined
from contracts.events.lender import LoanRejected
from services.runtime.core.dead import KeptBytes, KeptRecord, dead_letter_id, struck_id, word_id
from services.runtime.core.facts import (
    Alarm,
    Command,
    DeadLetterRetried,
    DeadLetterSkipped,
    IncidentClosed,
    SubjectResumed,
)
from services.runtime.core.file import Decided, Filed, Heard, Kept, Letter, Refused, Said, Subject
from services.runtime.core.fold import derived_id, hear, load, strike
from services.runtime.core.house import House
from services.runtime.core.journal import digest
from services.runtime.core.rows import rows
from services.runtime.core.rule import Chapter, Rule, Rulebook, Says, rulebook
from services.runtime.core.turn import Ask, Turn
from services.runtime.keys import Keys
from services.runtime.log import Received
from services.runtime.reading import make_house
from services.runtime.store.memory import MemoryStore
from services.seller_bank.rules import RULEBOOK
from tests.runtime.test_turn import House as BankHouse
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import FOLIO, NOON

CASE = "LCL-TEST-1"
OURS, THEIRS = Keys(b"s" * 32), Keys(b"e" * 32)
HERE = partition_of(FOLIO)
ABC = ln.OTHER_BANK


def report_the_no(no: Filed[LoanRejected]) -> Says:
    """A rule that speaks for each word, so that what was heard is seen."""
    yield Alarm(what=no.fact.because, why="said", clause="X-3")


def choke(no: LoanRejected) -> Says:
    """A fault in a release."""
    raise ValueError("divided by nought")
    yield


def book(rule: Any = report_the_no) -> Rulebook:
    return rulebook(
        Chapter("LC-FULL", (Rule(rule, per=LoanRejected),), ()), Chapter("", (), ()), phases={}, own_facts=()
    )


class Line:
    """A seller's bank that folds what comes, letter by letter."""

    def __init__(self, rules: Rulebook | None = None) -> None:
        self.subject = Subject(FOLIO)
        self.offset = 0
        self.now = NOON
        self.release(rules or book())

    def release(self, rules: Rulebook) -> None:
        """From now on these are the rules."""
        self.house: House = make_house(Role.SELLER_BANK, lc.BANK[1], "聊城工行", OURS, rules)

    def letter(self, envelope: Envelope, fact: Any) -> Letter:
        self.offset += 1
        self.now += timedelta(seconds=1)
        return Letter(envelope, fact, self.now, (HERE, self.offset))

    def take(self, letter: Letter) -> Turn:
        turn = hear(self.house, self.subject, letter)
        self.subject = turn.subject
        return turn

    def hear(self, event: Event, by: tuple[Role, str], number: int) -> Turn:
        """A word of another institution with this number of its line."""
        return self.take(self.letter(word(event, by, number), event))

    def decide(self, kind: type[Command], key: str, **fields: Any) -> Turn:
        """A clerk's command, whose id follows from `key`."""
        fact = kind(by_clerk="Li", **fields)
        own = Envelope(
            derived_id(key), self.house.source, fact.type_name, "", NOON, FOLIO, None, None, to_data(fact.to_json())
        )
        return self.take(self.letter(OURS.sign_own(own), fact))

    def retry(self, envelope: Envelope, key: str = "retry") -> Turn:
        record = KeptRecord.of(encode(envelope))
        return self.decide(DeadLetterRetried, key, letter=word_id(envelope), place=(HERE, 1), record=record)

    def skip(self, envelope: Envelope, key: str = "skip") -> Turn:
        return self.decide(DeadLetterSkipped, key, letter=word_id(envelope), note="said by mistake")

    def nos(self) -> list[str]:
        """What was heard of lenders that say no, in order."""
        return [f.fact.because for f in self.subject.file(CASE).every(LoanRejected)]

    def rows(self, kind: str) -> list[Any]:
        return [row for row in rows(self.house, self.subject).values() if row.kind == kind]


def word(event: Event, by: tuple[Role, str], number: int | None) -> Envelope:
    """What a speaker writes."""
    data, source = to_data(event.copy_for(Role.SELLER_BANK)), f"/{by[0].value}/{by[1]}"
    letter_id = derived_id(source, str(number), event.type_name, data.decode())
    return THEIRS.sign_word(Envelope(letter_id, source, event.type_name, CASE, NOON, FOLIO, number, None, data))


def no(because: str, number: int) -> Envelope:
    """The other bank's no, which nobody may hear as long as it has no part in the case."""
    return word(ln.rejected(because), ABC, number)


def opened() -> CaseOpened:
    """In a procedure that lets nobody join later: where it does, another bank's word would wait, and not be dead."""
    return ln.opened(procedure="LC-FULL", institutions=ln.WITH_LENDER)


def joined() -> PartyJoined:
    return ln.joined(ABC)


def struck(*said: str) -> Line:
    """The case is open with another bank; this one has said all this, and the first of it is a dead letter."""
    line = Line()
    line.hear(opened(), lc.NOTARY, 1)
    for number, because in enumerate(said, 1):
        line.hear(ln.rejected(because), ABC, number)
    return line


def refusal(turn: Turn) -> str:
    """Why a command was refused, and nothing else was added."""
    (item,) = turn.items
    assert isinstance(item, Refused), turn.items
    return f"{item.refusal.title}: {item.refusal.detail}"


# --- retry ------------------------------------------------------------------------------------------------------------


def test_a_struck_word_is_heard_once_its_speaker_has_joined_and_so_is_what_waited_behind_it() -> None:
    line = struck("first", "second", "third")
    assert line.nos() == [] and [row.data["sequence"] for row in line.rows("struck")] == [1]
    line.hear(joined(), lc.NOTARY, 2)
    assert line.nos() == [], "a decision is a person's"
    turn = line.retry(no("first", 1))
    assert line.nos() == ["first", "second", "third"]
    assert [type(item) for item in turn.items[:3]] == [Heard, Decided, Heard]
    heard = turn.items[2]
    assert isinstance(heard, Heard) and heard.letter.envelope == no("first", 1), "byte by byte"
    assert heard.letter.at == line.now and not line.rows("struck") and not line.rows("held")
    assert [f.fact.what for f in line.subject.file(CASE).every(Alarm)] == ["first", "second", "third"]
    line.hear(ln.rejected("fourth"), ABC, 4)
    assert line.nos()[-1] == "fourth"


def test_a_word_that_is_still_dead_stays_what_it_was_and_may_be_retried_again() -> None:
    line = struck("first", "second")
    before = line.subject
    assert "has no part in case" in refusal(line.retry(no("first", 1), "too early"))
    assert (line.subject.struck, line.subject.held, line.subject.decided) == (before.struck, before.held, {})
    assert line.rows("struck") and not line.rows("decided")
    line.hear(joined(), lc.NOTARY, 2)
    line.retry(no("first", 1), "in time")
    assert line.nos() == ["first", "second"]


@pytest.mark.parametrize("again", [Line.retry, Line.skip])
@pytest.mark.parametrize("first", [Line.retry, Line.skip])
def test_a_dead_letter_is_decided_on_once(first: Any, again: Any) -> None:
    line = struck("first")
    line.hear(joined(), lc.NOTARY, 2)
    first(line, no("first", 1), "one")
    items = line.subject.items
    how = "retried" if first is Line.retry else "skipped"
    assert refusal(again(line, no("first", 1), "two")) == (
        f"decided before: this dead letter was {how} by command {derived_id('one')}"
    )
    assert line.subject.items[:-1] == tuple(items)
    (row,) = line.rows("decided")
    assert (row.data["how"], row.data["by"], row.data["command"]) == (how, "Li", derived_id("one"))


def test_a_retried_word_before_which_others_are_missing_is_held_until_they_come() -> None:
    line = Line()
    line.hear(opened(), lc.NOTARY, 1)
    for number in (3, 1):  # the third is held behind a gap, then the first is struck
        line.hear(ln.rejected(str(number)), ABC, number)
    (unknown,) = [no("2", 2)]
    line.subject = strike(line.house, line.subject, unknown, "ce_type: not known", NOON, (HERE, 9)).subject
    line.hear(joined(), lc.NOTARY, 2)
    turn = line.retry(unknown, "the second")
    assert isinstance(turn.items[2], Kept) and line.nos() == []
    line.retry(no("1", 1), "the first")
    assert line.nos() == ["1", "2", "3"]


def test_a_word_struck_out_of_parking_is_heard_and_its_line_does_not_go_back() -> None:
    line = Line()
    for number in (1, 2):
        line.hear(ln.rejected(str(number)), ABC, number)
    turn = line.hear(opened(), lc.NOTARY, 1)
    assert [dead.why for dead in turn.dead] == [f"/buyer_bank/{ABC[1]} has no part in case {CASE}"] * 2
    assert not line.rows("struck"), "their numbers were counted: they hold nothing"
    line.hear(joined(), lc.NOTARY, 2)
    line.retry(no("1", 1))
    assert line.nos() == ["1"] and line.subject.incoming[f"/buyer_bank/{ABC[1]}"] == 2
    line.hear(ln.rejected("3"), ABC, 3)
    assert line.nos() == ["1", "3"]


def test_a_retried_word_that_is_parked_and_struck_again_is_a_dead_letter_anew() -> None:
    line = Line()
    unknown = no("first", 1)
    line.subject = strike(line.house, line.subject, unknown, "ce_type: not known", NOON, (HERE, 9)).subject
    line.retry(unknown, "after the upgrade")
    assert [f.id for f in line.subject.file(CASE).parked] == [unknown.id] and line.rows("decided")
    line.hear(opened(), lc.NOTARY, 1)
    assert list(line.subject.struck) and not line.rows("decided")
    line.skip(unknown)
    (row,) = line.rows("decided")
    assert row.data["how"] == "skipped" and not line.subject.struck


def test_what_a_retried_opening_strikes_is_buried_also_when_the_retry_comes_again() -> None:
    line = Line()
    opening = word(opened(), lc.NOTARY, 1)
    line.subject = strike(line.house, line.subject, opening, "ce_type: not known", NOON, (HERE, 9)).subject
    line.hear(ln.rejected("a stranger's"), ABC, 1)
    turn = line.retry(opening)
    (dead,) = turn.dead
    assert dead.letter.envelope == no("a stranger's", 1) and "has no part in case" in dead.why
    assert line.retry(opening).dead == turn.dead, "a crash may have come before it was written"


def test_what_is_missing_before_a_retried_word_is_asked_for() -> None:
    line = struck()
    line.hear(joined(), lc.NOTARY, 2)
    line.subject = strike(line.house, line.subject, no("3", 3), "ce_type: not known", NOON, (HERE, 9)).subject
    assert line.retry(no("3", 3)).asks == (Ask(f"/buyer_bank/{ABC[1]}", 1, 2),)


def test_what_is_no_letter_stays_none_and_nothing_is_smuggled_in() -> None:
    line = struck("first")
    forged = IncidentClosed(by_clerk="?", incident="x", note="forged")
    own = Envelope(
        derived_id("f"), line.house.source, forged.type_name, "", NOON, FOLIO, None, None, to_data(forged.to_json())
    )
    by_another_key = THEIRS.sign_own(own)
    cases = {
        "ce_signature: claims to be": by_another_key,
        "escrow may not say": word(ln.rejected(), lc.NOTARY, 2),
        "ce_partitionkey: the fact is about": word(replace_unit(opened()), lc.NOTARY, 2),
    }
    for why, envelope in cases.items():
        assert why in refusal(line.retry(envelope, why))
    assert line.subject.file("").every(IncidentClosed) == () and line.nos() == []


def replace_unit(event: CaseOpened) -> CaseOpened:
    return CaseOpened.model_validate({**dict(event), "unit_number": FOLIO[:-4] + "0099"})


def test_the_record_must_be_that_of_the_dead_letter_named() -> None:
    line = struck("first")
    line.hear(joined(), lc.NOTARY, 2)
    record = KeptRecord.of(encode(no("never said", 1)))
    turn = line.decide(DeadLetterRetried, "x", letter=word_id(no("first", 1)), place=(HERE, 1), record=record)
    assert refusal(turn).startswith("another letter") and line.rows("struck")


def test_words_that_were_heard_another_time_are_not_heard_again() -> None:
    line = struck()
    line.hear(joined(), lc.NOTARY, 2)
    line.hear(ln.rejected("first"), ABC, 1)
    assert refusal(line.retry(no("first", 1))).startswith("on file already")
    assert "used before for other words" in refusal(line.retry(no("other words", 1), "other"))
    assert line.nos() == ["first"] and len(line.subject.file("").every(Alarm)) == 0, "the alarm was raised when it came"


def test_a_rule_that_raises_at_a_retry_stops_the_subject_and_a_mended_release_does_it() -> None:
    line = Line(book(choke))
    line.hear(opened(), lc.NOTARY, 1)
    line.hear(ln.rejected("first"), ABC, 1)
    line.hear(joined(), lc.NOTARY, 2)
    line.retry(no("first", 1))
    assert line.subject.stopped is not None and [k.envelope.id for k in line.subject.queue] == [derived_id("retry")]
    assert line.subject.struck, "nothing of it was done"
    line.release(book())
    line.decide(SubjectResumed, "resume", note="mended")
    assert line.subject.stopped is None and line.nos() == ["first"] and not line.subject.struck


def test_a_retry_that_comes_again_says_the_same_again_and_does_nothing() -> None:
    line = struck("first", "second")
    line.hear(joined(), lc.NOTARY, 2)
    turn = line.retry(no("first", 1))
    said = [i.filed.id for i in turn.items if isinstance(i, Said)]
    again = line.retry(no("first", 1))
    assert again.items == () and [s.filed.id for s in again.again] == said and len(said) == 2
    assert line.hear(ln.rejected("first"), ABC, 1).dead == (), "and its word is no dead letter any more"


# --- skip -------------------------------------------------------------------------------------------------------------


def test_a_skipped_word_is_never_heard_and_its_line_goes_on() -> None:
    line = struck("first")
    line.hear(joined(), lc.NOTARY, 2)
    line.hear(ln.rejected("second"), ABC, 2)
    assert line.nos() == []
    line.skip(no("first", 1))
    assert line.nos() == ["second"] and not line.rows("struck")
    assert line.hear(ln.rejected("first"), ABC, 1).items == (), "its number is used up"
    assert line.hear(ln.rejected("first"), ABC, 1).dead == ()
    (said,) = line.subject.file("").every(DeadLetterSkipped)
    assert (said.fact.by_clerk, said.fact.note) == ("Li", "said by mistake")


def test_a_line_goes_on_past_several_in_any_order_of_deciding() -> None:
    for order in ((1, 2, 3), (3, 2, 1), (2, 1, 3)):
        line = Line()
        line.hear(opened(), lc.NOTARY, 1)
        line.hear(ln.rejected("4"), ABC, 4)
        for number in (1, 2, 3):
            turn = strike(line.house, line.subject, no(str(number), number), "value/x: wrong", NOON, (HERE, number))
            line.subject = turn.subject
        assert [row.data["sequence"] for row in line.rows("struck")] == [1, 2, 3] and not line.rows("held")
        line.hear(joined(), lc.NOTARY, 2)
        for number in order:
            assert line.nos() == []
            line.skip(no(str(number), number), f"skip {number}")
        assert line.nos() == ["4"] and not line.rows("struck")


def test_what_is_missing_before_a_skipped_word_is_still_asked_for() -> None:
    line = struck()
    line.hear(joined(), lc.NOTARY, 2)
    line.subject = strike(line.house, line.subject, no("2", 2), "value/x: wrong", NOON, (HERE, 2)).subject
    line.skip(no("2", 2))
    line.hear(ln.rejected("3"), ABC, 3)
    (held,) = line.rows("held")
    assert (held.data["first_missing"], held.data["last_missing"]) == (1, 1)
    line.hear(ln.rejected("1"), ABC, 1)
    assert line.nos() == ["1", "3"]


# --- names and bytes --------------------------------------------------------------------------------------------------


def test_a_word_has_one_name_wherever_it_stood_and_a_broken_record_one_for_each_place() -> None:
    line, envelope = struck("first"), no("first", 1)
    (on_file,) = line.subject.struck.values()
    assert dead_letter_id(encode(envelope), (HERE, 1)) == dead_letter_id(encode(envelope), (HERE, 2))
    assert word_id(envelope) == struck_id(FOLIO, on_file) == dead_letter_id(encode(envelope), (HERE, 1))
    assert word_id(envelope) != word_id(no("first", 2))
    broken = replace(encode(envelope), value=b"{")
    assert len({dead_letter_id(broken, (0, 1)), dead_letter_id(broken, (0, 2)), dead_letter_id(broken, (1, 1))}) == 3
    assert dead_letter_id(broken, (0, 1)) != dead_letter_id(replace(broken, value=b"["), (0, 1))


@pytest.mark.parametrize("raw", [b"", b"text", "中文\x00\x1b[2J".encode(), b"\xff\xfe", b'{"a":1}'])
def test_a_record_goes_through_a_command_byte_by_byte(raw: bytes) -> None:
    null: Any = None
    record = Record(raw, raw, (("ce_id", raw), ("ce_id", b"twice"), ("traceparent", null), ("\\xff", b"\xff")))
    for one in (record, Record(None, None, ())):
        fact = DeadLetterRetried(by_clerk="Li", letter="x", place=(1, 2), record=KeptRecord.of(one))
        read = DeadLetterRetried.read(to_data(fact.to_json()))
        assert read == fact and read.record.record() == one
    shown = KeptBytes.of(raw)
    assert (shown.text is None) == (raw == b"\xff\xfe")


# --- the log ----------------------------------------------------------------------------------------------------------


def history(now: datetime) -> list[Record]:
    """An inbox with dead letters of every kind, and what operations decided on them."""
    line = Line(RULEBOOK)  # only for its ids
    unknown = replace(no("2", 2), type="daiya.never-heard-of.v1")

    def own(fact: Command, key: str) -> Record:
        envelope = Envelope(
            derived_id(key), line.house.source, fact.type_name, "", now, FOLIO, None, None, to_data(fact.to_json())
        )
        return encode(OURS.sign_own(envelope))

    def retried(envelope: Envelope, key: str) -> Record:
        record = KeptRecord.of(encode(envelope))
        fact = DeadLetterRetried(by_clerk="Li", letter=word_id(envelope), place=(HERE, 0), record=record, note=key)
        return own(fact, key)

    def skipped(envelope: Envelope, key: str) -> Record:
        return own(DeadLetterSkipped(by_clerk="Li", letter=word_id(envelope), note=key), key)

    return [
        encode(no("parked", 1)),
        encode(word(opened(), lc.NOTARY, 1)),
        encode(unknown),
        encode(no("3", 3)),
        replace(encode(no("broken", 4)), value=b"{"),
        retried(no("parked", 1), "too early"),
        encode(word(joined(), lc.NOTARY, 2)),
        retried(no("parked", 1), "in time"),
        retried(no("parked", 1), "twice"),
        retried(unknown, "no upgrade"),
        skipped(unknown, "skip"),
        encode(no("4", 4)),
        skipped(unknown, "skip twice"),
    ]


async def lived(records: Sequence[Record], cut: int) -> tuple[str, list[str], BankHouse]:
    """The digest of the folio and what was heard, by a bank whose batches, crashes and redeliveries a seed chooses."""
    house, chance = BankHouse(), random.Random(cut)
    house.log.create("daiya.buyer_bank.liaocheng-abc")
    for offset, record in enumerate(records):
        house.log.topics[house.inbox][HERE].append(Received(record, HERE, offset, NOON + timedelta(seconds=offset)))
    taken = 0
    while taken < len(records):
        if cut and chance.random() < 0.3:
            house.start()  # what it knew is lost
            taken = chance.randint(0, taken)  # and what it had committed
        places = {p: taken if p == HERE else 0 for p in range(PARTITIONS)}
        batch = house.log.batch(house.inbox, places, chance.randint(1, 5) if cut else 1)
        await house.institution.turns.take(batch)
        taken = batch[-1].offset + 1
    subject = await house.subject()
    heard = [f.fact.because for f in subject.file(CASE).every(LoanRejected)]
    return digest(subject.items), heard, house


async def test_any_cut_crash_and_redelivery_gives_the_same_file() -> None:
    records = history(NOON)
    expected, heard, house = await lived(records, 0)
    assert heard == ["parked", "3", "4"]
    refused = [i.refusal.title for i in (await house.subject()).items if isinstance(i, Refused)]
    assert refused == ["still a dead letter", "decided before", "still a dead letter", "decided before"]
    subject = await house.subject()
    assert load(house.institution.house, FOLIO, tuple(subject.items)) == subject
    for cut in range(1, 25):
        assert (await lived(records, cut))[:2] == (expected, heard)


async def test_a_lost_database_is_made_again_from_the_log() -> None:
    records = history(NOON)
    expected, _, house = await lived(records, 0)
    house.store = MemoryStore()
    house.start()
    house.places = dict.fromkeys(range(PARTITIONS), 0)
    await house.take()
    assert digest((await house.subject()).items) == expected
    assert {row.data["how"] for row in await house.rows("decided")} == {"retried", "skipped"}
