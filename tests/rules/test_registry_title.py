"""X-4: the title is checked and the folio claimed in one step, or refused with every reason."""

import pytest

from contracts.event import Role
from contracts.events.case import CaseOpened
from contracts.events.registry import FolioRefused, FolioReserved, Owner, Reason, RefusalReason
from contracts.values import Share, UnitNumber
from services.registry.facts import (
    MortgageEntered,
    Notice,
    NoticeKind,
    RestrictionKind,
    RestrictionLifted,
)
from services.registry.rules.liaocheng import FULL
from services.runtime.core.facts import Alarm
from tests.rules import registry_cases as home
from tests.support.bench import Bench

REASON_OF = {
    RestrictionKind.FREEZE: RefusalReason.FREEZE,
    RestrictionKind.SEIZURE: RefusalReason.SEIZURE,
    RestrictionKind.RIGHT_OF_RESIDENCE: RefusalReason.RIGHT_OF_RESIDENCE,
}
HALF = Share(numerator=1, denominator=2)


def refusal(bench: Bench, case: str = home.FIRST) -> tuple[Reason, ...]:
    """The reasons of the one refusal of a case that was not reserved."""
    assert not bench.said(FolioReserved, case=case)
    (refused,) = bench.said(FolioRefused, case=case)
    return refused.reasons


def reasons(bench: Bench, case: str = home.FIRST) -> list[RefusalReason]:
    """The kinds of reason of that refusal."""
    return [reason.reason for reason in refusal(bench, case)]


def test_X_4_clean_title_reserves_the_folio_and_shows_the_mortgages_by_rank():
    bench = home.with_folio(mortgages=(home.mortgage(home.SECOND_MORTGAGE, 2), home.mortgage()))
    home.open_case(bench)
    (reserved,) = bench.said(FolioReserved)
    assert reserved.unit_number == home.UNIT
    assert [(m.certificate, m.mortgagee, m.rank) for m in reserved.mortgages] == [
        (home.MORTGAGE, "liaocheng-icbc", 1),
        (home.SECOND_MORTGAGE, "liaocheng-icbc", 2),
    ]
    assert home.register(bench).reserved_for == home.FIRST
    assert bench.outbox[-1].to == (
        ("daiya.escrow.liaocheng-notary", 1),
        ("daiya.seller_bank.liaocheng-icbc", 1),
    )


@pytest.mark.parametrize("kind", RestrictionKind, ids=lambda kind: kind.name)
def test_X_4_each_restriction_refuses_the_folio_with_its_number(kind: RestrictionKind):
    bench = home.with_folio()
    bench.standing(home.restricted(kind))
    home.open_case(bench)
    (reason,) = refusal(bench)
    assert reason.reason is REASON_OF[kind]
    assert "(2026)鲁15执保12号" in reason.detail
    assert "聊城市中级人民法院" in reason.detail
    assert home.register(bench).reserved_for == ""


def test_X_4_freeze_refuses_the_folio():
    bench = home.with_folio(restrictions=(home.restriction(RestrictionKind.FREEZE),))
    home.open_case(bench)
    assert reasons(bench) == [RefusalReason.FREEZE]


def test_X_4_lifted_freeze_refuses_no_more():
    bench = home.with_folio()
    bench.standing(home.restricted(RestrictionKind.FREEZE))
    bench.standing(RestrictionLifted(by_clerk="Li", number="(2026)鲁15执保12号"))
    home.open_case(bench)
    assert bench.conversation() == ["FolioReserved"]


def test_X_4_foreign_mortgage_refuses_the_folio():
    bench = home.with_folio()
    bench.standing(MortgageEntered(by_clerk="Li", mortgage=home.foreign_mortgage()))
    home.open_case(bench)
    (reason,) = refusal(bench)
    assert reason.reason is RefusalReason.FOREIGN_MORTGAGE
    assert home.SECOND_MORTGAGE in reason.detail
    assert "王某" not in reason.detail  # reasons are heard by all roles


def test_X_4_mortgage_of_the_notary_or_the_registry_is_foreign_too():
    bench = home.with_folio(mortgages=(home.mortgage(mortgagee="liaocheng-notary"),))
    home.open_case(bench)
    assert reasons(bench) == [RefusalReason.FOREIGN_MORTGAGE]


def test_X_4_unit_that_is_not_in_the_register_is_refused_also_after_a_later_import():
    bench = home.registry()
    home.open_case(bench)
    assert reasons(bench) == [RefusalReason.UNKNOWN_UNIT]
    bench.standing(home.folio())
    assert bench.conversation() == ["FolioRefused"]


def test_X_4_unit_of_another_number_is_unknown():
    bench = home.with_folio(unit_number=UnitNumber("371502001001GB00001F00010002"))
    home.open_case(bench)
    assert reasons(bench) == [RefusalReason.UNKNOWN_UNIT]


@pytest.mark.parametrize(
    "owners",
    [
        pytest.param((Owner(person=home.BUYER, share=home.WHOLE),), id="somebody else"),
        pytest.param((Owner(person=home.SELLER, share=HALF), Owner(person=home.BUYER, share=HALF)), id="one of two"),
    ],
)
def test_X_4_sellers_who_are_not_the_owners_are_refused(owners: tuple[Owner, ...]):
    bench = home.with_folio(owners=owners)
    home.open_case(bench)
    assert reasons(bench) == [RefusalReason.NOT_THE_OWNER]


def test_X_4_sellers_with_other_shares_than_the_register_are_refused():
    both = (Owner(person=home.SELLER, share=HALF), Owner(person=home.SPOUSE, share=HALF))
    bench = home.with_folio(owners=both)
    (seller,) = home.opened().sellers
    third, rest = Share(numerator=1, denominator=3), Share(numerator=2, denominator=3)
    spouse = seller.model_copy(update={"person": home.SPOUSE, "share": rest})
    home.open_case(bench, sellers=(seller.model_copy(update={"share": third}), spouse))
    (reason,) = refusal(bench)
    assert reason.reason is RefusalReason.NOT_THE_OWNER
    assert "2 shares differ" in reason.detail


@pytest.mark.parametrize(
    ("kind", "of_whom", "expected"),
    [
        (NoticeKind.TRANSFER, "赵某", [RefusalReason.OTHER_CASE]),
        (NoticeKind.MORTGAGE, "赵某", [RefusalReason.FOREIGN_MORTGAGE]),
        (NoticeKind.MORTGAGE, "liaocheng-icbc", []),
    ],
)
def test_X_4_advance_notice_of_others_refuses_the_folio(kind: NoticeKind, of_whom: str, expected: list[RefusalReason]):
    notice = Notice(kind=kind, certificate=home.SECOND_MORTGAGE, in_favour_of=of_whom, since=home.DAY)
    bench = home.with_folio(notices=(notice,))
    home.open_case(bench)
    refused = bench.said(FolioRefused)
    assert [r.reason for word in refused for r in word.reasons] == expected


def test_X_4_refusal_names_every_reason_at_once():
    bench = home.with_folio(
        owners=(Owner(person=home.BUYER, share=home.WHOLE),),
        restrictions=(
            home.restriction(RestrictionKind.SEIZURE, "查1"),
            home.restriction(RestrictionKind.FREEZE, "冻2"),
        ),
        mortgages=(home.mortgage(mortgagee="王某"),),
    )
    home.open_case(bench)
    assert reasons(bench) == [
        RefusalReason.NOT_THE_OWNER,
        RefusalReason.SEIZURE,
        RefusalReason.FREEZE,
        RefusalReason.FOREIGN_MORTGAGE,
    ]


def test_X_4_registered_no_transfer_clause_does_not_refuse_the_folio_for_the_consent_may_lift_it():
    bench = home.with_folio(mortgages=(home.mortgage(no_transfer_clause=True),))
    home.open_case(bench)
    assert bench.conversation() == ["FolioReserved"]


@pytest.mark.parametrize("order", [(home.FIRST, home.SECOND), (home.SECOND, home.FIRST)])
def test_X_4_of_two_cases_exactly_one_is_reserved_in_both_orders(order: tuple[str, str]):
    bench = home.with_folio()
    for case in order:
        home.open_case(bench, case)
    assert bench.said(FolioReserved, case=order[0])
    assert reasons(bench, order[1]) == [RefusalReason.OTHER_CASE]
    assert home.register(bench).reserved_for == order[0]


def test_X_4_folio_of_a_cancelled_case_can_be_claimed_anew_but_the_refused_case_stays_refused():
    bench = home.with_folio()
    home.open_case(bench, home.FIRST)
    home.open_case(bench, home.SECOND)
    bench.hear(home.closing(), home.NOTARY)
    assert home.register(bench).reserved_for == home.FIRST  # closed, but money may still be on its way back
    bench.hear(home.cancelled(), home.NOTARY)
    assert home.register(bench).reserved_for == ""
    assert reasons(bench, home.SECOND) == [RefusalReason.OTHER_CASE]
    home.open_case(bench, "LCF-TEST-3")
    assert bench.said(FolioReserved, case="LCF-TEST-3")


def test_X_4_folio_of_a_completed_case_can_be_sold_by_its_new_owners():
    bench = home.ready()
    home.approve(bench)
    bench.hear(home.released(), home.BANK)
    bench.hear(home.completed(), home.NOTARY)
    home.open_case(bench, home.SECOND)
    assert reasons(bench, home.SECOND) == [RefusalReason.NOT_THE_OWNER]
    buyers = home.opened().buyers
    home.open_case(bench, "LCF-TEST-3", sellers=buyers, buyers=home.opened().sellers)
    assert bench.said(FolioReserved, case="LCF-TEST-3")


def test_X_4_end_of_a_refused_case_does_not_free_the_folio_of_another():
    bench = home.with_folio()
    home.open_case(bench, home.FIRST)
    home.open_case(bench, home.SECOND)
    bench.hear(home.cancelled(), home.NOTARY, case=home.SECOND)
    assert home.register(bench).reserved_for == home.FIRST


def test_X_2_second_opening_with_other_terms_is_an_incident_and_changes_nothing():
    bench = home.ready()
    bench.hear(home.opened(buyers=home.opened().sellers), home.NOTARY)
    (found,) = bench.file(Alarm)
    assert "opened a second time" in found.fact.what
    home.approve(bench)
    assert [owner.person for owner in home.register(bench).owners] == [home.BUYER, home.SPOUSE]


def test_chapter_is_that_of_the_case_that_was_opened():
    opening: CaseOpened = home.opened()
    assert opening.procedure == FULL.procedure
    assert Role.REGISTRY in opening.institutions
