"""The register of a folio: its import, what clerks enter, and a history of which nothing is ever lost."""

from typing import Any

import pytest

from contracts.events.registry import Owner, TransferRegistered
from contracts.values import Share
from services.registry.entries import EntryKind
from services.registry.facts import (
    FolioImported,
    MortgageEntered,
    Notice,
    NoticeEnded,
    NoticeKind,
    RestrictionKind,
    RestrictionLifted,
)
from services.runtime.core.facts import Alarm, Command, IncidentClosed
from services.runtime.core.file import STANDING, Heard
from services.runtime.core.journal import dump, load, vocabulary
from tests.rules import registry_cases as home

NOTICE = Notice(kind=NoticeKind.TRANSFER, certificate=home.THIRD_MORTGAGE, in_favour_of="赵某", since=home.DAY)


def test_folio_is_imported_with_an_entry_for_each_part():
    bench = home.with_folio(
        restrictions=(home.restriction(RestrictionKind.FREEZE),),
        notices=(NOTICE,),
    )
    register = home.register(bench)
    assert register.unit_number == home.UNIT
    assert register.ownership_certificate == home.OLD_CERTIFICATE
    assert [(e.number, e.kind, e.about, e.at) for e in register.history] == [
        (1, EntryKind.OWNERSHIP, home.OLD_CERTIFICATE, bench.now),
        (2, EntryKind.MORTGAGE, home.MORTGAGE, bench.now),
        (3, EntryKind.RESTRICTION, "(2026)鲁15执保12号", bench.now),
        (4, EntryKind.NOTICE, home.THIRD_MORTGAGE, bench.now),
    ]


def test_X_2_import_with_other_contents_is_refused_and_with_the_same_changes_nothing():
    bench = home.with_folio()
    before = home.register(bench)
    other = home.folio(owners=(Owner(person=home.BUYER, share=home.WHOLE),))
    refused = bench.refusal(bench.standing(other))
    assert (refused.status, refused.clause) == (409, "X-2")
    bench.later(days=1)
    bench.standing(home.folio(by_clerk="Sun"))
    assert home.register(bench) == before


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"owners": ()}, "sum to 1"),
        ({"owners": (Owner(person=home.SELLER, share=Share(numerator=1, denominator=3)),)}, "1/3"),
        (
            {"owners": (Owner(person=home.SELLER, share=Share(numerator=1, denominator=2)),) * 2},
            "an owner is named twice",
        ),
        ({"mortgages": (home.mortgage(rank=2),)}, "the ranks [2] do not run from 1"),
        ({"mortgages": (home.mortgage(), home.mortgage(home.SECOND_MORTGAGE))}, "the ranks [1, 1]"),
        ({"mortgages": (home.mortgage(), home.mortgage(rank=2))}, "a number is used twice"),
    ],
)
def test_X_2_folio_that_does_not_add_up_is_not_imported(changes: dict[str, Any], says: str):
    bench = home.registry()
    refused = bench.refusal(bench.standing(home.folio(**changes)))
    assert refused.status == 422
    assert says in refused.detail
    assert not bench.file(FolioImported, case=STANDING)


@pytest.mark.parametrize(
    "command",
    [
        home.restricted(RestrictionKind.FREEZE),
        RestrictionLifted(by_clerk="Li", number="冻1"),
        MortgageEntered(by_clerk="Li", mortgage=home.foreign_mortgage()),
        NoticeEnded(by_clerk="Li", certificate=home.THIRD_MORTGAGE),
    ],
    ids=lambda command: type(command).__name__,
)
def test_X_4_nothing_is_entered_on_a_unit_that_is_not_in_the_register(command: Command):
    assert home.registry().standing(command).items
    bench = home.registry()
    assert bench.refusal(bench.standing(command)).status == 404


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (home.restricted(RestrictionKind.SEIZURE, "冻1"), 409),
        (RestrictionLifted(by_clerk="Li", number="冻2"), 404),
        (MortgageEntered(by_clerk="Li", mortgage=home.foreign_mortgage(home.MORTGAGE)), 409),
        (NoticeEnded(by_clerk="Li", certificate=home.SECOND_MORTGAGE), 404),
    ],
    ids=lambda value: type(value).__name__,
)
def test_X_4_what_stands_is_not_entered_twice_and_what_does_not_stand_is_not_lifted(command: Command, status: int):
    bench = home.with_folio(restrictions=(home.restriction(RestrictionKind.FREEZE, "冻1"),), notices=(NOTICE,))
    assert bench.refusal(bench.standing(command)).status == status
    assert len(home.register(bench).history) == 4


def test_X_2_cancelled_mortgage_is_not_entered_again_under_its_old_certificate():
    bench = home.with_folio()
    bench.hear(home.released(), home.BANK, case=STANDING)
    again = MortgageEntered(by_clerk="Li", mortgage=home.foreign_mortgage(home.MORTGAGE))
    assert bench.refusal(bench.standing(again)).status == 409


def test_register_commands_are_guarded_in_a_cases_file_too():
    bench = home.with_folio()
    home.open_case(bench)
    other = home.folio(owners=(Owner(person=home.BUYER, share=home.WHOLE),))
    assert bench.refusal(bench.own(other)).clause == "X-2"


def test_clerks_decision_has_no_place_on_the_folios_own_file():
    bench = home.with_folio()
    assert bench.refusal(bench.standing(home.decided())).title == "not in this procedure"


def test_history_keeps_every_entry_with_its_time_and_number():
    bench = home.with_folio(notices=(NOTICE,))
    bench.later(days=1)
    bench.standing(home.restricted(RestrictionKind.FREEZE))
    bench.standing(RestrictionLifted(by_clerk="Li", number="(2026)鲁15执保12号"))
    bench.standing(NoticeEnded(by_clerk="Li", certificate=home.THIRD_MORTGAGE))
    bench.later(days=1)
    home.ready(bench)
    home.approve(bench)
    bench.hear(home.released(), home.BANK)
    bench.hear(home.completed(), home.NOTARY)
    register = home.register(bench)
    assert (register.restrictions, register.notices, register.mortgages) == ((), (), ())
    assert [(entry.number, entry.kind) for entry in register.history] == [
        (1, EntryKind.OWNERSHIP),
        (2, EntryKind.MORTGAGE),
        (3, EntryKind.NOTICE),
        (4, EntryKind.RESTRICTION),
        (5, EntryKind.RESTRICTION_LIFTED),
        (6, EntryKind.NOTICE_ENDED),
        (7, EntryKind.RESERVATION),
        (8, EntryKind.OWNERSHIP),
        (9, EntryKind.MORTGAGE_CANCELLED),
        (10, EntryKind.RESERVATION_ENDED),
    ]
    times = [entry.at for entry in register.history]
    assert times == sorted(times)
    assert len(set(times)) == 3
    first, mortgage = register.history[0], register.history[1]
    assert first.content == home.folio().owners
    assert getattr(mortgage.content, "principal_fen", None) == 80_000_000
    assert register.history[7].number == bench.said(TransferRegistered)[0].entry_number


def test_mortgage_follows_the_home_to_its_new_owners():
    bench = home.with_folio(mortgages=(home.mortgage(), home.mortgage(home.SECOND_MORTGAGE, 2)))
    home.ready(bench)
    home.approve(bench)
    register = home.register(bench)
    assert [m.rank for m in register.mortgages] == [1, 2]
    assert [m.rank for m in bench.said(TransferRegistered)[0].mortgages] == [1, 2]


def test_incident_is_closed_once_and_only_where_it_is():
    bench = home.with_folio()
    bench.hear(home.released(home.SECOND_MORTGAGE), home.BANK)
    (found,) = bench.file(Alarm, case=STANDING)
    closing = IncidentClosed(by_clerk="Sun", incident=found.id, note="the bank has seen its mistake")
    assert bench.refusal(bench.standing(closing.model_copy(update={"incident": "none"}))).status == 404
    assert [row.id for row in bench.rows("incident")] == [found.id]
    bench.standing(closing)
    assert bench.rows("incident") == []
    assert bench.refusal(bench.standing(closing)).title == "incident is closed"


def test_everything_on_a_folio_is_read_back_from_its_journal():
    bench = home.ready()
    home.approve(bench)
    bench.hear(home.released(), home.BANK)
    words = vocabulary(bench.house.rulebook)
    items = bench.subject().items
    assert any(isinstance(item, Heard) for item in items)
    assert tuple(load(dump(item), words) for item in items) == items
