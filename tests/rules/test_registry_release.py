"""LC-F4, X-2: a release is served at any time, once, for its own mortgagee; ranks close up without gaps."""

import pytest

from contracts.events.registry import MortgageReleased, TransferRegistered
from contracts.values import DocumentNumber, UnitNumber
from services.registry.entries import EntryKind
from services.registry.facts import MortgageCancelled, MortgageEntered
from services.runtime.core.facts import Alarm
from services.runtime.core.file import STANDING, Heard
from tests.rules import registry_cases as home
from tests.support.bench import NOON, Bench

THREE = (
    home.mortgage(home.MORTGAGE, 1),
    home.mortgage(home.SECOND_MORTGAGE, 2),
    home.mortgage(home.THIRD_MORTGAGE, 3),
)


def recipients(bench: Bench) -> list[list[str]]:
    """Who was told of each release, in order."""
    words = [s for s in bench.outbox if isinstance(s.filed.fact, MortgageReleased)]
    return [[recipient for recipient, _ in said.to] for said in words]


def alarm(bench: Bench) -> str:
    """Why the one release on the folio was not done."""
    (found,) = bench.file(Alarm, case=STANDING)
    assert not bench.file(MortgageCancelled, case=STANDING)
    assert "MortgageReleased" not in bench.conversation()
    return found.fact.why


def test_LC_F4_settled_loans_mortgage_is_cancelled_and_all_parties_of_the_case_hear_it():
    bench = home.ready()
    home.approve(bench)
    bench.later(days=2)
    bench.hear(home.released(), home.BANK)
    (word,) = bench.said(MortgageReleased)
    assert (word.unit_number, word.certificate, word.remaining) == (home.UNIT, home.MORTGAGE, ())
    assert word.released_at == bench.now > NOON
    assert word.entry_number == bench.said(TransferRegistered)[0].entry_number + 1
    assert recipients(bench) == [["daiya.escrow.liaocheng-notary", "daiya.seller_bank.liaocheng-icbc"]]
    assert home.register(bench).mortgages == ()


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        (home.MORTGAGE, [(home.SECOND_MORTGAGE, 1), (home.THIRD_MORTGAGE, 2)]),
        (home.SECOND_MORTGAGE, [(home.MORTGAGE, 1), (home.THIRD_MORTGAGE, 2)]),
        (home.THIRD_MORTGAGE, [(home.MORTGAGE, 1), (home.SECOND_MORTGAGE, 2)]),
    ],
)
def test_X_2_ranks_close_up_without_gaps(gone: DocumentNumber, left: list[tuple[str, int]]):
    bench = home.with_folio(mortgages=THREE)
    home.open_case(bench)
    bench.hear(home.released(gone), home.BANK)
    (word,) = bench.said(MortgageReleased)
    assert [(m.certificate, m.rank) for m in word.remaining] == left
    assert [(m.certificate, m.rank) for m in home.register(bench).mortgages] == left


def test_X_2_next_mortgage_ranks_behind_those_that_stand():
    bench = home.with_folio(mortgages=THREE[:2])
    bench.hear(home.released(), home.BANK, case=STANDING)
    bench.standing(MortgageEntered(by_clerk="Li", mortgage=home.foreign_mortgage(home.THIRD_MORTGAGE)))
    ranks = [(m.certificate, m.rank) for m in home.register(bench).mortgages]
    assert ranks == [(home.SECOND_MORTGAGE, 1), (home.THIRD_MORTGAGE, 2)]


def test_LC_F4_release_without_a_case_is_served_and_told_to_whoever_applied():
    bench = home.with_folio()
    bench.hear(home.released(), home.BANK, case=STANDING)
    assert home.register(bench).mortgages == ()
    assert recipients(bench) == [["daiya.seller_bank.liaocheng-icbc"]]


def test_LC_F4_release_after_the_case_was_called_off_is_served():
    bench = home.with_folio()
    home.open_case(bench)
    bench.hear(home.closing(), home.NOTARY)
    bench.hear(home.cancelled(), home.NOTARY)
    bench.hear(home.released(), home.BANK)
    assert home.register(bench).mortgages == ()
    assert len(bench.said(MortgageReleased)) == 1


def test_LC_F4_release_before_the_opening_is_said_again_so_that_all_parties_hear_it():
    bench = home.with_folio(mortgages=THREE)
    bench.hear(home.released(home.MORTGAGE), home.BANK)
    bench.hear(home.released(home.THIRD_MORTGAGE), home.BANK)
    home.open_case(bench)
    alone, both = (
        ["daiya.seller_bank.liaocheng-icbc"],
        ["daiya.escrow.liaocheng-notary", "daiya.seller_bank.liaocheng-icbc"],
    )
    assert recipients(bench) == [alone, alone, both, both]
    first, third, *again = bench.said(MortgageReleased)
    assert again == [first, third]
    assert len(bench.file(MortgageCancelled, case=STANDING)) == 2


def test_LC_F4_a_release_said_in_another_case_of_the_home_is_said_in_the_one_whose_consent_names_it():
    """The bank knew of two sales of one home, and applied in the one that the registry had refused."""
    for consent_first in (True, False):
        bench = home.with_folio()
        home.open_case(bench, home.FIRST)
        home.open_case(bench, home.SECOND)
        facts = [(home.consented(), home.FIRST), (home.released(), home.SECOND)]
        for event, case in facts if consent_first else reversed(facts):
            bench.hear(event, home.BANK, case=case)
        assert [word.certificate for word in bench.said(MortgageReleased, case=home.SECOND)] == [home.MORTGAGE]
        assert bench.said(MortgageReleased, case=home.FIRST) == bench.said(MortgageReleased, case=home.SECOND)
        assert len(bench.file(MortgageCancelled, case=STANDING)) == 1


def test_X_2_release_that_somebody_else_applies_for_is_an_incident():
    bench = home.with_folio()
    home.open_case(bench)
    bench.hear(home.released(), home.OTHER_BANK)
    assert alarm(bench) == "liaocheng-abc is not its mortgagee"
    assert len(home.register(bench).mortgages) == 1


def test_X_2_release_of_an_unknown_mortgage_is_an_incident():
    bench = home.with_folio()
    bench.hear(home.released(home.SECOND_MORTGAGE), home.BANK)
    assert alarm(bench) == "no such mortgage is in the register"


@pytest.mark.parametrize("there", [True, False])
def test_X_2_release_on_a_unit_that_is_not_in_the_register_is_an_incident(there: bool):
    bench = home.with_folio() if there else home.registry()
    unit = UnitNumber("371502001001GB00001F00010002") if there else home.UNIT
    bench.hear(home.released(unit=unit), home.BANK)
    assert alarm(bench) == f"unit {unit} is not in this register"


def test_X_2_second_release_of_the_same_mortgage_is_an_incident_and_cancels_nothing_twice():
    bench = home.with_folio(mortgages=THREE)
    home.open_case(bench)
    bench.hear(home.released(), home.BANK)
    bench.hear(home.released(), home.BANK)
    (found,) = bench.file(Alarm, case=STANDING)
    assert found.fact.why == "it was cancelled before, entry 6"
    assert len(bench.said(MortgageReleased)) == 1
    assert len(home.register(bench).mortgages) == 2


def test_LC_F4_release_that_arrives_twice_is_served_once_and_answered_again():
    bench = home.with_folio()
    home.open_case(bench)
    turn = bench.hear(home.released(), home.BANK)
    (letter,) = (item.letter for item in turn.items if isinstance(item, Heard))
    again = bench.take(letter)
    assert again.items == ()
    assert [type(said.filed.fact) for said in again.again] == [MortgageCancelled, MortgageReleased]
    kinds = [entry.kind for entry in home.register(bench).history]
    assert kinds.count(EntryKind.MORTGAGE_CANCELLED) == 1
