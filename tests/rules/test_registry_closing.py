"""X-3: the registry alone orders the entry against the closing, and nobody undoes an entry."""

from contracts.events.registry import ClosingRefused, RegistrationClosed, TransferRegistered
from services.registry.facts import Decision, OwnershipEntered, RestrictionKind
from services.runtime.core.facts import Alarm
from services.runtime.core.file import Phase
from tests.rules import registry_cases as home


def test_X_3_closing_before_the_entry_closes_the_case_for_ever():
    bench = home.ready()
    bench.hear(home.closing(), home.NOTARY)
    (closed,) = bench.said(RegistrationClosed)
    assert closed.because == home.closing().because
    assert bench.rows("wait") == []
    assert bench.refusal(home.approve(bench)).title == "registration is closed"
    assert bench.refusal(bench.own(home.decided(Decision.REFUSE))).clause == "X-3"
    assert bench.refusal(bench.own(home.applied_at_the_counter())).title == "registration is closed"
    assert not bench.said(OwnershipEntered)
    assert not bench.said(ClosingRefused)


def test_X_3_closing_after_the_entry_is_refused_and_the_entry_stands():
    bench = home.ready()
    home.approve(bench)
    bench.hear(home.closing(), home.NOTARY)
    (refused,) = bench.said(ClosingRefused)
    assert refused.entry_number == bench.said(TransferRegistered)[0].entry_number
    assert not bench.said(RegistrationClosed)
    assert bench.subject().file(home.FIRST).phase is Phase.OPEN


def test_X_3_closing_between_the_entry_and_its_certificates_number_is_refused():
    bench = home.with_slow_series()
    bench.standing(home.folio())
    home.ready(bench)
    home.approve(bench)
    assert bench.conversation() == ["FolioReserved"]
    (entered,) = bench.said(OwnershipEntered)
    assert bench.refusal(home.approve(bench)).title == "transfer is entered"
    bench.hear(home.closing(), home.NOTARY)
    bench.answer()
    assert bench.conversation() == ["FolioReserved", "ClosingRefused", "TransferRegistered"]
    assert bench.said(ClosingRefused)[0].entry_number == entered.entry_number
    assert bench.said(TransferRegistered)[0].entry_number == entered.entry_number


def test_X_3_returned_application_does_not_hinder_the_closing():
    bench = home.ready()
    bench.own(home.decided(Decision.RETURN))
    bench.hear(home.closing(), home.NOTARY)
    assert bench.conversation() == ["FolioReserved", "RegistrationReturned", "RegistrationClosed"]


def test_X_3_entry_that_the_title_refused_leaves_the_case_to_be_closed():
    bench = home.ready()
    bench.standing(home.restricted(RestrictionKind.SEIZURE))
    home.approve(bench)
    bench.hear(home.closing(), home.NOTARY)
    assert bench.conversation() == ["FolioReserved", "RegistrationRefused", "RegistrationClosed"]


def test_X_3_closing_that_crossed_the_folios_refusal_is_answered_too():
    bench = home.registry()
    home.open_case(bench)
    bench.hear(home.closing(), home.NOTARY)
    assert bench.conversation() == ["FolioRefused", "RegistrationClosed"]


def test_X_3_asked_twice_the_registry_closes_once():
    bench = home.ready()
    bench.hear(home.closing(), home.NOTARY)
    bench.hear(home.closing(), home.NOTARY)
    assert len(bench.said(RegistrationClosed)) == 1


def test_X_3_application_after_the_closing_waits_for_nobody():
    bench = home.with_folio()
    home.open_case(bench)
    bench.hear(home.closing(), home.NOTARY)
    bench.hear(home.applied(), home.NOTARY)
    assert bench.rows("wait") == []
    assert not bench.file(Alarm)


def test_X_3_after_the_end_nothing_is_decided():
    bench = home.with_folio()
    home.open_case(bench)
    bench.hear(home.cancelled(), home.NOTARY)
    refused = bench.refusal(bench.own(home.applied_at_the_counter()))
    assert (refused.title, refused.clause) == ("case has ended", "X-3")


def test_X_3_cancelling_a_case_whose_entry_stands_is_an_incident():
    bench = home.ready()
    home.approve(bench)
    bench.hear(home.cancelled(), home.NOTARY)
    (found,) = bench.file(Alarm)
    assert "the transfer stands in the register, entry 4" in found.fact.what
    assert home.register(bench).owners == bench.said(OwnershipEntered)[0].owners


def test_X_2_completing_a_case_without_an_entry_is_an_incident():
    bench = home.ready()
    bench.hear(home.completed(), home.NOTARY)
    (found,) = bench.file(Alarm)
    assert found.fact.clause == "X-2"


def test_X_2_X_3_good_ends_are_no_incidents():
    sold, called_off = home.ready(), home.ready()
    home.approve(sold)
    sold.hear(home.released(), home.BANK)
    sold.hear(home.completed(), home.NOTARY)
    called_off.hear(home.closing(), home.NOTARY)
    called_off.hear(home.cancelled(), home.NOTARY)
    assert not sold.rows("incident")
    assert not called_off.rows("incident")
    assert sold.conversation() == ["FolioReserved", "TransferRegistered", "MortgageReleased"]


def test_X_3_keeper_that_goes_on_after_its_own_end_is_an_incident():
    bench = home.with_folio()
    home.open_case(bench)
    bench.hear(home.cancelled(), home.NOTARY)
    bench.hear(home.applied(), home.NOTARY)
    bench.hear(home.closing(), home.NOTARY)
    assert [found.fact.why for found in bench.file(Alarm)] == [
        "the keeper applies for a transfer in a case that it has ended",
        "the keeper asks to close a case that it has ended",
    ]
