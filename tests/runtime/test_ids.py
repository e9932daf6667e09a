"""An id follows from whoever says a word, and why: the same again for the same, and never one for two."""

from contracts.envelope import Envelope, to_data
from contracts.event import Fact, Role
from contracts.events.lender import LendingEnded
from services.buyer_bank.rules import RULEBOOK as BANK
from services.fund_center.rules import RULEBOOK as FUND
from services.runtime.core.facts import Alarm
from services.runtime.core.file import Admitted, Filed, Heard, Item, Letter, Spoke, Struck, Subject, apply
from services.runtime.core.rule import Rule, Rulebook, Says, chances
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import FOLIO, NOON, Bench


def lending_ended(lender: tuple[Role, str], rulebook: Rulebook) -> str:
    """The id of the word by which this lender answers the registry's closing; the closing's is the same for all."""
    bench = Bench(*lender, rulebook)
    bench.hear(loan.opened(institutions=loan.WITH_BOTH), by=lc.NOTARY)
    bench.hear(loan.closed(), by=lc.REGISTRY)
    (word,) = bench.file(LendingEnded)
    return word.id


def test_X_1_two_lenders_that_say_the_same_of_one_cause_say_two_words() -> None:
    """With one id, whoever hears both would take the second for the first: its rules speak once per word."""
    assert lending_ended(loan.LENDER, BANK) != lending_ended(loan.FUND, FUND)


def test_the_same_word_of_the_same_cause_has_the_same_id_again() -> None:
    assert lending_ended(loan.LENDER, BANK) == lending_ended(loan.LENDER, BANK)


# --- two speakers that choose one id ----------------------------------------------------------------------------------

CASE, ID = "LC-2026-000001", "6f1c7a52-2f0e-5d0b-9a3f-6b2d1f0c4e11"
FIRST, SECOND = "/buyer_bank/liaocheng-ccb", "/buyer_bank/liaocheng-abc"
WORD = Alarm(what="a", why="b", clause="X-3")


def note_each(word: Filed[Alarm]) -> Says:
    """Says nothing, once for each."""
    yield from ()


def heard(source: str, *, parked: bool) -> Heard:
    fact: Fact = WORD
    e = Envelope(ID, source, fact.type_name, CASE, NOON, FOLIO, 1, None, to_data(fact.to_json()))
    return Heard(Letter(e, fact, NOON, (0, 0)), parked)


def after(*items: Item) -> Subject:
    subject = Subject(FOLIO)
    for item in items:
        subject = apply(subject, item, {})
    return subject


def test_a_rule_speaks_for_each_of_two_words_that_have_one_id() -> None:
    rule = Rule(note_each, per=Alarm)
    subject = after(heard(FIRST, parked=False), heard(SECOND, parked=False))
    marks = [mark for mark, _ in chances(rule, subject, subject.file(CASE))]
    subject = apply(subject, Spoke(CASE, rule.name, marks[0]), {})
    assert [word.speaker for _, (word,) in chances(rule, subject, subject.file(CASE))] == [SECOND]


def test_of_two_parked_words_that_have_one_id_the_one_is_admitted_that_is_meant() -> None:
    both = (heard(FIRST, parked=True), heard(SECOND, parked=True))
    file = after(*both, Admitted(ID, CASE, SECOND)).file(CASE)
    assert [word.speaker for word in file.every(Alarm)] == [SECOND]
    assert [word.speaker for word in file.parked] == [FIRST]
    file = after(*both, Struck(ID, CASE, SECOND, 1, "ab12", "not a party", NOON, (0, 1))).file(CASE)
    assert [word.speaker for word in file.parked] == [FIRST]
