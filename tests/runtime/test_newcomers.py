"""LC-L2: the buyer turns to a bank when the case is open. It joins, and hears in its own line what it must know."""

from dataclasses import replace
from typing import Any

from contracts.envelope import Envelope, to_data
from contracts.event import Event, Opening, Role
from contracts.events.case import CaseOpened, JoinRefused, PartyJoined
from contracts.events.escrow import DepositConfirmed
from contracts.events.lender import JoinRequested, LoanRejected
from contracts.events.line import RepeatRequested
from services.escrow.rules import RULEBOOK as ESCROW
from services.runtime.core.facts import Command
from services.runtime.core.file import Heard, Letter, Phase, Readdressed, Said, spoken_words
from services.runtime.core.fold import derived_id
from services.runtime.core.rule import Chapter, Rule, Says, noted, rulebook
from services.runtime.core.turn import Turn
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON, Bench
from tests.support.examples import EXAMPLES

CCB = (Role.BUYER_BANK, "liaocheng-ccb")
INBOX = "daiya.buyer_bank.liaocheng-ccb"


class BankNamed(Command):
    """The keeper's clerk names a bank that the buyer has turned to."""

    institution: str


def let_it_join(named: BankNamed) -> Says:
    """LC-L2 买方持购房协议及首付款到账证明，联系银行申请贷款。"""
    yield PartyJoined(role=Role.BUYER_BANK, institution=named.institution)


def keeper() -> Bench:
    """An escrow whose case is open and whose price is certified, and that lets a bank join."""
    full = ESCROW.chapters["LC-FULL"]
    # No released procedure has a joiner yet: the chapter says what none forbids.
    open_ended = replace(full, procedure="LC-OPEN", rules=(*full.rules, Rule(let_it_join, per=BankNamed)), guards=())
    book = rulebook(open_ended, ESCROW.chapters[""], phases=ESCROW.phases, own_facts=(*ESCROW.own_facts, BankNamed))
    bench = Bench(*lc.NOTARY, book)
    bench.own(lc.sale(procedure="LC-OPEN", edition="draft"))
    for signature in lc.signatures():
        bench.own(signature)
    bench.own(lc.money(lc.PRICE_FEN))
    return bench


def bank() -> Bench:
    """A bank that has rules for nothing yet."""
    heard = (CaseOpened, PartyJoined, DepositConfirmed, JoinRefused)
    verdicts = tuple(noted(kind, tuple(Phase), "the bank waits for the application") for kind in heard)
    chapter = Chapter("LC-FULL", (Rule(ask_to_join, per=Asked),), verdicts)
    return Bench(*CCB, rulebook(chapter, Chapter("", (), ()), phases={}, own_facts=(Asked,)))


class Asked(Command, Opening):
    """A buyer has brought the proof of the deposit to the bank."""


def ask_to_join(_: Asked) -> Says:
    """LC-L2 买方持购房协议及首付款到账证明，联系银行申请贷款。"""
    yield REQUEST


def asking() -> Bench:
    """A bank that has asked to join."""
    bench = bank()
    bench.own(Asked(by_clerk="Qian", procedure="LC-FULL", edition="2023-03-20"))
    return bench


REQUEST = EXAMPLES[JoinRequested.type_name]
REFUSAL = JoinRefused(role=CCB[0], institution=CCB[1], because="no such certificate", clause="LC-L2")


def words_for_ccb(turn: Turn) -> list[tuple[int, Event]]:
    """What a turn sends to the newcomer: number in its line, and event."""
    found = [(n, s.filed.fact) for _, s in spoken_words(turn.subject, turn.items) for to, n in s.to if to == INBOX]
    return sorted(found, key=lambda word: word[0])  # type: ignore[arg-type, return-value]


def test_LC_L2_a_newcomer_hears_in_its_own_line_what_its_role_must_know() -> None:
    turn = keeper().own(BankNamed(by_clerk="Li", institution="liaocheng-ccb"))
    words = words_for_ccb(turn)
    assert [n for n, _ in words] == list(range(1, len(words) + 1))
    assert {type(event) for _, event in words} == {CaseOpened, PartyJoined, DepositConfirmed}
    assert [i for i in turn.items if isinstance(i, Readdressed)]


def test_LC_L2_what_is_said_from_then_on_goes_to_the_newcomer_too() -> None:
    bench = keeper()
    bench.own(BankNamed(by_clerk="Li", institution="liaocheng-ccb"))
    bench.hear(lc.consent(), lc.BANK)
    last = bench.subject()
    assert last.outgoing[INBOX] == len([1 for _, s in spoken_words(last) for to, _ in s.to if to == INBOX])


def test_a_newcomer_can_ask_for_its_words_again_and_a_redelivery_says_them_again() -> None:
    bench = keeper()
    first = bench.own(BankNamed(by_clerk="Li", institution="liaocheng-ccb"))
    letter = next(i.letter for i in first.items if isinstance(i, Heard))
    again = bench.take(letter)
    assert len([1 for s in again.again for to, _ in s.to if to == INBOX]) == len(words_for_ccb(first))
    request = RepeatRequested(first_missing=1, last_missing=2)
    data = to_data(request.to_json())
    envelope = Envelope(
        derived_id("ask"), "/buyer_bank/liaocheng-ccb", request.type_name, "", NOON, FOLIO, None, None, data
    )
    asked = bench.take(Letter(envelope, request, NOON, (0, 99)))
    assert {n for s in asked.again for to, n in s.to if to == INBOX} == {1, 2}


def open_without_a_bank() -> CaseOpened:
    return lc.opened()


def test_LC_L2_the_opening_is_parked_at_the_newcomer_until_its_opener_says_that_it_has_joined() -> None:
    bench = bank()
    bench.hear(open_without_a_bank(), lc.NOTARY)
    assert not bench.file(CaseOpened) and bench.dead == []
    bench.hear(PartyJoined(role=Role.BUYER_BANK, institution="liaocheng-ccb"), lc.NOTARY)
    assert len(bench.file(CaseOpened)) == len(bench.file(PartyJoined)) == 1


def test_LC_L2_the_news_of_joining_may_come_before_the_opening() -> None:
    bench = bank()
    bench.hear(PartyJoined(role=Role.BUYER_BANK, institution="liaocheng-ccb"), lc.NOTARY)
    assert not bench.file(PartyJoined)
    bench.hear(open_without_a_bank(), lc.NOTARY)
    assert len(bench.file(CaseOpened)) == len(bench.file(PartyJoined)) == 1


def test_nobody_joins_by_the_word_of_somebody_else_than_the_opener() -> None:
    bench = bank()
    bench.hear(open_without_a_bank(), lc.NOTARY)
    bench.hear(PartyJoined(role=Role.BUYER_BANK, institution="liaocheng-ccb"), (Role.ESCROW, "another-notary"))
    assert not bench.file(CaseOpened)


def test_another_bank_that_joined_does_not_open_the_case_here() -> None:
    bench = bank()
    bench.hear(open_without_a_bank(), lc.NOTARY)
    bench.hear(PartyJoined(role=Role.BUYER_BANK, institution="another-bank"), lc.NOTARY)
    assert not bench.file(CaseOpened)


def test_LC_L2_a_second_newcomer_hears_each_word_once_too() -> None:
    bench = keeper()
    bench.own(BankNamed(by_clerk="Li", institution="another-bank"))
    words = words_for_ccb(bench.own(BankNamed(by_clerk="Li", institution="liaocheng-ccb")))
    assert [n for n, _ in words] == list(range(1, len(words) + 1))
    assert [type(event).__name__ for _, event in words].count("CaseOpened") == 1
    again = bench.own(BankNamed(by_clerk="Li", institution="liaocheng-ccb"))
    assert [type(event) for _, event in words_for_ccb(again)] == [PartyJoined]


def test_a_readdressed_word_is_read_from_the_journal_as_it_was() -> None:
    bench = keeper()
    turn = bench.own(BankNamed(by_clerk="Li", institution="liaocheng-ccb"))
    from services.runtime.core.fold import load

    again: Any = load(bench.house, FOLIO, tuple(turn.subject.items))
    assert again.outgoing == turn.subject.outgoing and again == turn.subject
    assert any(isinstance(item, Said) for item in again.items)


def test_LC_L2_who_asks_to_join_is_heard_by_the_keeper_alone_before_any_party_is_known() -> None:
    said = [item for item in asking().outbox if isinstance(item.filed.fact, JoinRequested)]
    assert [to for item in said for to in item.to] == [("daiya.escrow.liaocheng-notary", 1)]


def test_LC_L2_the_keepers_refusal_is_heard_and_one_that_nobody_asked_for_is_a_dead_letter() -> None:
    bench = asking()
    bench.hear(REFUSAL, lc.NOTARY)
    assert len(bench.file(JoinRefused)) == 1 and bench.dead == []
    for other, by in ((asking(), (Role.ESCROW, "another-notary")), (bank(), lc.NOTARY)):
        other.hear(REFUSAL, by)
        assert not other.file(JoinRefused)
        assert "has not asked" in other.dead[0].why


def test_LC_L2_a_refusal_goes_to_whoever_asked_though_another_bank_has_that_part() -> None:
    bench = keeper()
    bench.own(BankNamed(by_clerk="Li", institution="another-bank"))
    request = bench.hear(REQUEST, CCB, case="LCF-NEVER-OPENED")
    assert request.dead == (), "its own standing file takes it, whatever case it names"
    assert not bench.file(JoinRequested, case="LCF-NEVER-OPENED") and bench.file(JoinRequested, case="")


def test_LC_L2_a_bank_that_comes_after_another_hears_the_opening_once_it_has_joined() -> None:
    opened = lc.opened()
    with_another = opened.model_copy(update={"institutions": {**opened.institutions, CCB[0]: "another-bank"}})
    stranger = bank()
    stranger.hear(with_another, lc.NOTARY)
    assert "no part" in stranger.dead[0].why
    bench = asking()
    bench.hear(with_another, lc.NOTARY)
    assert not bench.file(CaseOpened) and bench.dead == []
    bench.hear(PartyJoined(role=CCB[0], institution=CCB[1]), lc.NOTARY)
    assert len(bench.file(CaseOpened)) == 1


def test_LC_L2_a_second_banks_word_that_overtakes_the_news_of_its_joining_waits_for_it() -> None:
    no = EXAMPLES[LoanRejected.type_name]
    bench = Bench(*CCB, rulebook(Chapter("LC-LOAN", (), ()), Chapter("", (), ()), phases={}, own_facts=()))
    opened = lc.opened().model_copy(update={"procedure": "LC-LOAN"})
    with_us = opened.model_copy(update={"institutions": {**opened.institutions, CCB[0]: CCB[1]}})
    bench.hear(with_us, lc.NOTARY)
    bench.hear(no, (CCB[0], "another-bank"))
    assert bench.dead == [] and not bench.file(LoanRejected)
    bench.hear(PartyJoined(role=CCB[0], institution="another-bank"), lc.NOTARY)
    assert [f.fact for f in bench.file(LoanRejected)] == [no]
