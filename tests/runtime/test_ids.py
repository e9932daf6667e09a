"""An id follows from whoever says a word, and why: the same again for the same, and never one for two."""

from contracts.event import Role
from contracts.events.lender import LendingEnded
from services.buyer_bank.rules import RULEBOOK as BANK
from services.fund_center.rules import RULEBOOK as FUND
from services.runtime.core.rule import Rulebook
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import Bench


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
