"""What public words add up to: each who is waited for on the way and on the ways out, money, documents, violations."""

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from contracts.envelope import to_data
from contracts.event import Event, Role
from contracts.events.case import MoneyStatement, PartyJoined
from contracts.events.escrow import MoneyKind
from contracts.events.registry import ClosingRefused, RegistrationRefused
from contracts.period import Days, Period, Source
from services.observer.cases import Heard, in_order
from services.observer.pages import CasePage, Status
from tests.observer.words import (
    ALL,
    ASKED,
    BALANCE,
    CANCELLED,
    CASE,
    CLOSED,
    CONSENT_REFUSED,
    NAMES,
    E,
    R,
    S,
    applied,
    completed,
    deposit,
    folio_refused,
    page,
    refunded,
    release,
    returned,
    told,
    transferred,
    waits,
    whole,
    word,
)
from tests.support import liaocheng as lc
from tests.support.bench import NOON

NOTARY, REGISTRY, BANK = NAMES[E], NAMES[R], NAMES[S]

ON_THE_WAY: list[tuple[str, set[tuple[str, str]]]] = [
    ("case-opened", {(REGISTRY, "folio-reserved"), (NOTARY, "deposit-confirmed"), (BANK, "consent-issued")}),
    ("folio-reserved", {(NOTARY, "deposit-confirmed"), (BANK, "consent-issued")}),
    ("deposit-confirmed", {(BANK, "consent-issued")}),
    ("consent-issued", {(NOTARY, "transfer-application-made")}),
    ("transfer-application-made", {(REGISTRY, "transfer-registered")}),
    ("transfer-registered", {(BANK, "payoff-quoted")}),
    ("payoff-quoted", {(NOTARY, "payoff-transferred")}),
    ("payoff-transferred", {(BANK, "payoff-completed")}),
    ("payoff-completed", {(NOTARY, "balance-paid"), (BANK, "release-applied")}),
    ("release-applied", {(NOTARY, "balance-paid"), (REGISTRY, "mortgage-released")}),
    ("mortgage-released", {(NOTARY, "balance-paid"), (NOTARY, "case-completed")}),
    ("balance-paid", {(NOTARY, "case-completed")}),
    ("case-completed", set()),
]


@pytest.mark.parametrize(("number", "event", "expected"), [(n, e, w) for n, (e, w) in enumerate(ON_THE_WAY, start=1)],
                         ids=[event for event, _ in ON_THE_WAY])  # fmt: skip
def test_on_the_way_of_LC_FULL_it_says_who_is_waited_for(number: int, event: str, expected: set[Any]) -> None:
    said = whole()[:number]
    assert said[-1].name == event
    assert waits(said) == expected
    assert page(said).violations == ()


def test_each_wait_has_its_clause_and_the_moment_since_which_it_holds_up() -> None:
    first, consent = page(whole()[:2]).waiting_for
    assert (first.clause, first.since, consent.clause, consent.since) == ("LC-F1", NOON, "LC-F2", NOON)
    (application,) = page(whole()[:4]).waiting_for
    assert (application.by.role, application.since) == (E, NOON + timedelta(minutes=3))


def test_LC_R5_a_case_from_beginning_to_end() -> None:
    found = page(whole())
    assert (found.status, found.waiting_for, found.violations, found.unobserved) == (Status.COMPLETED, (), (), ())
    assert (found.procedure, found.edition) == ("LC-FULL", "2023-03-20")
    assert [line.event for line in found.timeline] == [event for event, _ in ON_THE_WAY]
    assert [line.article for line in found.timeline][:3] == ["LC-F1", "X-4", "LC-F1"]
    assert "到账提存公证书" in found.timeline[2].says
    assert [(party.role, party.institution) for party in found.institutions] == list(NAMES.items())
    assert found.line.status is Status.COMPLETED and not found.line.overdue and found.line.since == NOON


def test_LC_R5_nothing_personal_is_on_the_page() -> None:
    shown = page(whole()).model_dump_json()
    for person in (lc.SELLER, lc.BUYER):
        assert person.name not in shown and str(person.id_number) not in shown
    assert not [one for one in (lc.SELLER_ACCOUNT, lc.BUYER_ACCOUNT, lc.BANK_ACCOUNT) if one in shown]


def test_in_whatever_order_and_however_often_the_feeds_are_read_the_page_is_the_same() -> None:
    said, expected = whole(), page(whole())
    for seed in range(20):
        random.Random(seed).shuffle(said)
        assert page(said) == expected


# --- not the straight way -------------------------------------------------------------------------------------


def test_a_returned_application_is_waited_for_again_and_then_the_registry() -> None:
    said = told(*_upto(5), (R, returned()))
    assert waits(said) == {(NOTARY, "transfer-application-made")}
    assert waits([*said, word(6, E, applied(8))]) == {(REGISTRY, "transfer-registered")}


def test_while_a_rest_is_open_the_bank_states_it_anew() -> None:
    quote = lc.quoted()
    said = told(*_upto(8), (S, lc.booked(quote, open_fen=100)))
    assert waits(said) == {(BANK, "payoff-quoted")}
    said += [word(9, S, lc.quoted(100, n=8))]
    assert waits(said) == {(NOTARY, "payoff-transferred")}
    said += [word(10, E, transferred(100)), word(11, S, lc.booked(lc.quoted(100, n=8)))]
    assert waits(said) == {(NOTARY, "balance-paid"), (BANK, "release-applied")}
    assert page(said).violations == ()


def test_a_loan_that_the_seller_settled_himself_is_waited_for_no_more() -> None:
    said = told(*_upto(6), (S, lc.booked(lc.quoted()).model_copy(update={"quote": None, "by_the_case": False})))
    assert waits(said) == {(NOTARY, "balance-paid"), (BANK, "release-applied")}


def test_a_top_up_does_not_stand_for_the_price() -> None:
    top_up = deposit(MoneyKind.TOP_UP, 1000)
    said = told(*_upto(2), (E, top_up))
    assert (NOTARY, "deposit-confirmed") in waits(said)
    both = told(*_upto(3), (E, top_up))
    assert waits(both) == {(BANK, "consent-issued")}
    assert page(both).money.in_fen == lc.PRICE_FEN + 1000


# --- calling off ----------------------------------------------------------------------------------------------


def test_calling_off_waits_for_the_registry_and_then_for_the_keeper() -> None:
    said = told(*_upto(4), (E, ASKED))
    assert waits(said) == {(REGISTRY, "registration-closed")}
    said.append(word(5, R, CLOSED))
    assert waits(said) == {(NOTARY, "deposit-refunded"), (NOTARY, "case-cancelled")}
    said.append(word(6, E, refunded()))
    assert waits(said) == {(NOTARY, "case-cancelled")}
    said.append(word(7, E, CANCELLED))
    found = page(said)
    assert (found.status, found.waiting_for, found.violations) == (Status.CANCELLED, (), ())
    assert (found.money.in_fen, found.money.out_fen, found.money.held_fen) == (lc.PRICE_FEN, lc.PRICE_FEN, 0)


def test_a_refusal_of_the_bank_or_of_the_registry_waits_for_the_closing() -> None:
    assert waits(told(*_upto(2), (S, CONSENT_REFUSED))) == {(NOTARY, "closing-requested")}
    reasons = folio_refused().reasons
    refused = RegistrationRefused(application=applied().application.number, reasons=reasons)
    assert waits(told(*_upto(5), (R, refused))) == {(NOTARY, "closing-requested")}


def test_a_refused_folio_waits_for_the_keeper_alone() -> None:
    said = told(*_upto(1), (R, folio_refused()))
    assert waits(said) == {(NOTARY, "case-cancelled")}
    assert page([*said, word(2, E, CANCELLED)]).status is Status.CANCELLED


def test_a_closing_that_comes_after_the_entry_is_refused_and_the_case_goes_on() -> None:
    said = [*whole()[:6], word(6, E, ASKED)]
    assert waits(said) == {(REGISTRY, "closing-refused")}
    assert waits([*said, word(7, R, ClosingRefused(entry_number=2))]) == {(BANK, "payoff-quoted")}


def test_only_the_keeper_ends_a_case() -> None:
    found = page([*whole()[:3], word(3, R, completed())])
    assert found.status is Status.OPEN
    assert [one.why.split(" in ")[0] for one in found.violations] == ["registry says no CaseCompleted"]


# --- periods --------------------------------------------------------------------------------------------------


def pinned(**other: Any) -> Period:
    fields: dict[str, Any] = {"name": "consent", "whose": S, "days": 5, "count": Days.WORKING, "clause": "LC-F2"}
    return Period.model_validate({**fields, "source": Source.PRACTICE, **other})


@pytest.mark.parametrize(("today", "overdue"), [(date(2026, 11, 30), False), (date(2026, 12, 1), True)])
def test_until_is_the_last_day_of_the_period_that_the_case_pins(today: date, overdue: bool) -> None:
    opened = lc.opened(periods=(pinned(), pinned(name="registration", whose=R, days=30)))
    said = told((E, opened), (R, lc.reserved()), (E, deposit()))
    (consent,) = page(said, today=today).waiting_for
    assert (consent.event, consent.until, consent.overdue) == ("consent-issued", date(2026, 11, 30), overdue)
    assert page(said, today=today).line.overdue is overdue


def test_a_period_of_another_role_or_of_an_unpublished_year_says_no_day() -> None:
    said = told((E, lc.opened(periods=(pinned(whose=R),))), (R, lc.reserved()), (E, deposit()))
    assert page(said).waiting_for[0].until is None
    said = told((E, lc.opened(periods=(pinned(days=2000),))), (R, lc.reserved()), (E, deposit()))
    (consent,) = page(said).waiting_for
    assert consent.until is None and consent.calendar_unpublished is not None and not consent.overdue


# --- violations -----------------------------------------------------------------------------------------------


def test_an_entry_before_the_deposit_is_found_with_its_clause() -> None:
    said = whole()
    early = [*said[:2], replace(said[5], at=said[1].at), *said[2:5], *said[6:]]
    found = page(early).violations
    entry = next(one for one in found if one.event == "transfer-registered")
    assert entry.why == "TransferRegistered comes after DepositConfirmed in LC-FULL (2023-03-20), LC-F4"
    assert (entry.by.role, entry.clause, entry.unseen) == (R, "LC-F4", ())


def test_what_should_have_been_said_and_is_on_no_feed_yet_is_named() -> None:
    said = [one for one in whole() if one.name != "deposit-confirmed"]
    found = {one.event: one.unseen for one in page(said).violations}
    assert found == dict.fromkeys(("transfer-application-made", "transfer-registered"), ("deposit-confirmed",))
    assert page(whole()).violations == ()  # it has come after all


def test_a_second_opening_and_a_word_of_nobody_in_the_case_are_found_and_change_nothing() -> None:
    again = word(20, E, lc.opened(price_fen=1))
    stranger = word(21, S, lc.consent(), institution="another-bank")
    found = page([*whole()[:3], again, stranger])
    assert [one.why for one in found.violations] == [
        "seller_bank another-bank has no part in the case",
        "CaseOpened does not come after CaseOpened in LC-FULL (2023-03-20), LC-F1",
    ]
    assert waits([*whole()[:3], again, stranger]) == {(BANK, "consent-issued")}
    assert [line.by.institution for line in found.timeline][-1] == "another-bank"


def test_a_newcomer_has_a_part_by_the_keepers_word_alone() -> None:
    joined = PartyJoined(role=Role.BUYER_BANK, institution="liaocheng-ccb")
    found = page([*whole()[:1], word(1, E, joined)])
    assert ("buyer_bank", "liaocheng-ccb") in {(p.role, p.institution) for p in found.institutions}
    assert [p.institution for p in found.unobserved] == ["liaocheng-ccb"]
    found = page([*whole()[:1], word(1, R, joined)])
    assert "liaocheng-ccb" not in {p.institution for p in found.institutions}


def test_a_release_that_was_applied_for_in_another_case_on_the_folio_counts() -> None:
    elsewhere = word(1, S, release(), case="LCF-EARLIER")
    said = [word(0, E, lc.opened()), elsewhere, word(2, R, lc.released())]
    assert page(said).violations == ()
    assert [one.event for one in page(said).timeline] == ["case-opened", "mortgage-released"]
    assert [one.event for one in page([said[0], said[2]]).violations] == ["mortgage-released"]


# --- what is not known ----------------------------------------------------------------------------------------


def test_what_only_an_unobserved_institution_says_is_neither_waited_for_nor_missed() -> None:
    without = ALL - {(S, BANK)}
    said = [one for one in whole() if one.by is not S]
    found = page(said, observed=without)
    assert found.violations == () and [p.institution for p in found.unobserved] == [BANK]
    assert waits(said[:3], observed=without) == set()
    disorder = [said[0], said[4], *said[1:4]]
    moved = [replace(one, at=NOON + timedelta(minutes=n)) for n, one in enumerate(disorder)]
    assert "transfer-registered" in {one.event for one in page(moved, observed=without).violations}


def test_before_its_opening_is_read_a_case_is_open_and_nothing_is_judged() -> None:
    found = page(whole()[1:4])
    assert (found.status, found.procedure, found.waiting_for, found.violations) == (Status.OPEN, "", (), ())
    assert found.unit_number == whole()[0].subject


def test_an_opening_of_a_procedure_that_is_not_known_here_is_shown_and_not_judged() -> None:
    found = page(told((E, lc.opened(procedure="LC-NEW", edition="2030-01-01"))))
    assert (found.procedure, found.status, found.waiting_for) == ("LC-NEW", Status.OPEN, ())


def test_a_word_of_a_later_release_is_shown_and_not_judged() -> None:
    later = replace(word(3, S, lc.consent()), kind=None, type_name="daiya.consent-renewed.v1")
    found = page([*whole()[:3], later])
    assert found.timeline[-1].event == "consent-renewed" and found.timeline[-1].article is None
    assert found.violations == () and waits([*whole()[:3], later]) == {(BANK, "consent-issued")}


NONSENSE: list[dict[str, Any]] = [
    {"institutions": "everybody"}, {"institutions": {"escrow": 7, "king": "x"}}, {"periods": [{"name": 3}]},
    {"periods": "soon"}, {"procedure": ["LC-FULL"]}, {"agreement": {"title": 1, "number": "x", "code": None}},
    {"amount_fen": "much"}, {"unit_number": {}}, {"role": ["escrow"]},
]  # fmt: skip


@pytest.mark.parametrize("values", NONSENSE, ids=lambda v: next(iter(v)))
@pytest.mark.parametrize("place", range(4))
def test_nonsense_in_a_feed_spoils_no_page(values: dict[str, Any], place: int) -> None:
    said = [*whole()[:3], word(3, E, PartyJoined(role=Role.BUYER_BANK, institution="liaocheng-ccb"))]
    said[place] = replace(said[place], values={**said[place].values, **values})
    assert isinstance(page(said), CasePage)


# --- money, documents, order ----------------------------------------------------------------------------------


def test_money_is_counted_from_the_words_until_the_keeper_states_it() -> None:
    money = page(whole()[:8]).money
    assert (money.in_fen, money.out_fen, money.stated) == (lc.PRICE_FEN, lc.PAYOFF_FEN, False)
    assert money.held_fen == lc.PRICE_FEN - lc.PAYOFF_FEN
    assert [(line.direction, line.event) for line in money.lines] == [
        ("in", "deposit-confirmed"),
        ("out", "payoff-transferred"),
    ]
    statement = MoneyStatement(in_fen=lc.PRICE_FEN + 7, out_fen=lc.PRICE_FEN + 7, held_fen=0, payments=())
    stated = page([*whole()[:12], word(12, E, completed(statement))]).money
    assert (stated.in_fen, stated.held_fen, stated.stated) == (lc.PRICE_FEN + 7, 0, True)


def test_money_that_goes_back_had_come_in() -> None:
    money = page(told((E, lc.opened()), (E, refunded(500)))).money
    assert (money.in_fen, money.out_fen, money.held_fen) == (500, 500, 0)


def test_documents_are_listed_once_with_their_issuers_and_without_their_codes() -> None:
    found = page(whole()).documents
    assert [(d.title, d.issuer.institution) for d in found] == [
        ("提存协议", NOTARY),
        ("授权委托书", NOTARY),
        ("购房款到账提存公证书", NOTARY),
        (lc.consent().opinion.title, BANK),
        ("不动产登记申请书", NOTARY),
        ("不动产权证书", REGISTRY),
        ("应还款余额证明", BANK),
    ]
    assert len({d.number for d in found}) == len(found)
    assert "0123-4567-89AB" not in to_data([d.model_dump(mode="json") for d in found]).decode()


def test_a_cause_stands_before_what_it_caused_whatever_the_clocks_say() -> None:
    first = word(1, E, BALANCE, minutes=10)
    second = word(2, R, lc.reserved(), cause=1, minutes=3)
    third = word(3, S, lc.consent(), cause=2, minutes=3)
    other = word(4, E, applied(), minutes=5)
    assert in_order([other, third, second, first]) == [first, second, third, other]


def test_causes_in_a_circle_lose_no_word() -> None:
    circle: list[Heard] = [word(1, E, BALANCE, cause=2), word(2, R, lc.reserved(), cause=1)]
    assert sorted(one.id for one in in_order(circle)) == [one.id for one in circle]


def test_words_of_one_moment_stand_as_in_their_feed() -> None:
    said: list[Event] = [lc.booked(lc.quoted()), release()]
    moment = [word(n, S, event, minutes=0) for n, event in enumerate(said)]
    assert in_order(reversed(moment)) == moment


def _upto(number: int) -> list[tuple[Role, Event]]:
    """The first words of a case, as they are said."""
    quote = lc.quoted()
    return [
        (E, lc.opened()),
        (R, lc.reserved()),
        (E, deposit()),
        (S, lc.consent()),
        (E, applied()),
        (R, lc.registered(applied().application.number)),
        (S, quote),
        (E, transferred()),
    ][:number]


def test_a_case_of_another_name_is_not_this_one() -> None:
    other = replace(whole()[2], case="LCF-OTHER", id="00000000-0000-5000-8000-000000000099")
    assert [one.event for one in page([*whole()[:1], other]).timeline] == ["case-opened"]
    assert page([other], case=CASE).timeline == ()
