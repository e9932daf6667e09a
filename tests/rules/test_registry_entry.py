"""LC-F3, LC-F4, X-2: a registrar decides an application; the entry's own decision reads the title again."""

from typing import Any

import pytest

from contracts.events.registry import (
    Owner,
    RankedMortgage,
    RefusalReason,
    RegistrationRefused,
    RegistrationReturned,
    TransferRegistered,
)
from contracts.values import DocumentNumber, Share
from services.registry.applications import counter_number
from services.registry.facts import (
    Decision,
    Material,
    MortgageEntered,
    OwnershipEntered,
    RestrictionKind,
)
from services.runtime.core.facts import DocumentDrafted
from tests.rules import registry_cases as home
from tests.support.bench import NOON, Bench

COUNTER = counter_number(home.FIRST, 1)


def waits(bench: Bench) -> list[tuple[str, str, str]]:
    """What waits for a registrar: action, clause, application."""
    return [(row.data["action"], row.data["clause"], row.data["about"]) for row in bench.rows("wait")]


def test_LC_F3_application_waits_for_a_registrar():
    bench = home.ready()
    assert waits(bench) == [("decide-registration", "LC-F3", home.number(1))]
    home.approve(bench)
    assert waits(bench) == []


def test_LC_F3_LC_F4_approved_transfer_is_entered_and_said_with_its_certificate():
    bench = home.ready()
    bench.later(hours=3)
    home.approve(bench)
    (word,) = bench.said(TransferRegistered)
    assert word.application == home.number(1)
    assert word.unit_number == home.UNIT
    assert word.entry_number == 4  # ownership, mortgage, reservation were before
    assert word.entered_at == bench.now > NOON
    assert word.ownership_certificate.title == "不动产权证书"
    assert word.ownership_certificate.number == "鲁(2026)聊城市不动产权第0000001号"
    assert word.mortgages == (RankedMortgage(certificate=home.MORTGAGE, mortgagee="liaocheng-icbc", rank=1),)
    assert word.owners == tuple(Owner(person=b.person, share=b.share) for b in home.opened().buyers or ())
    register = home.register(bench)
    assert register.owners == word.owners
    assert register.ownership_certificate == word.ownership_certificate.number


def test_LC_F3_people_apply_themselves_at_the_counter():
    bench = home.with_folio()
    home.open_case(bench)
    bench.hear(home.deposited(), home.NOTARY)
    bench.hear(home.consented(), home.BANK)
    bench.own(home.applied_at_the_counter())
    assert waits(bench) == [("decide-registration", "LC-F3", COUNTER)]
    bench.own(home.decided(application=COUNTER))
    assert bench.said(TransferRegistered)[0].application == COUNTER


def test_LC_F3_application_at_the_counter_gets_the_next_number_of_its_case():
    bench = home.with_folio()
    home.open_case(bench)
    bench.own(home.applied_at_the_counter())
    bench.own(home.decided(Decision.RETURN, COUNTER))
    bench.own(home.applied_at_the_counter())
    assert waits(bench)[0][2] == counter_number(home.FIRST, 2) == "LCF-TEST-1柜台受理第002号"


@pytest.mark.parametrize(
    ("changes", "status", "clause"),
    [
        ({"materials": (Material.IDENTITY,)}, 422, "LC-F3, LC-R1"),
        ({"buyers": (home.BUYER,)}, 422, "LC-F3, 条例 14"),
        ({"sellers": (home.SPOUSE,)}, 422, "LC-F3, 条例 14"),
        ({"contract_number": "LC-WQ-0"}, 422, "LC-F3, 条例 14"),
    ],
)
def test_LC_F3_counter_takes_only_the_joint_application_with_its_materials(
    changes: dict[str, Any], status: int, clause: str
):
    bench = home.with_folio()
    home.open_case(bench)
    refused = bench.refusal(bench.own(home.applied_at_the_counter(**changes)))
    assert (refused.status, refused.clause) == (status, clause)
    assert waits(bench) == []


def test_LC_R1_counter_names_all_missing_materials_at_once():
    bench = home.with_folio()
    home.open_case(bench)
    refused = bench.refusal(bench.own(home.applied_at_the_counter(materials=())))
    assert refused.detail == "买卖协议（合同）、同意“带押过户”意见书"


def test_LC_F3_counter_takes_no_second_application_while_one_waits():
    bench = home.ready()
    assert bench.refusal(bench.own(home.applied_at_the_counter())).title == "already applied"


def test_LC_F3_notarys_application_waits_behind_the_one_at_the_counter():
    bench = home.with_folio()
    home.open_case(bench)
    bench.own(home.applied_at_the_counter())
    bench.hear(home.applied(), home.NOTARY)
    assert [about for *_, about in waits(bench)] == [COUNTER]
    bench.own(home.decided(Decision.RETURN, COUNTER))
    assert [about for *_, about in waits(bench)] == [home.number(1)]


def test_LC_F1_X_2_no_entry_before_the_deposit_certificate_of_the_whole_price():
    bench = home.with_folio()
    home.open_case(bench)
    bench.hear(home.consented(), home.BANK)
    bench.hear(home.applied(), home.NOTARY)
    assert bench.refusal(home.approve(bench)).clause == "X-2, LC-F1, LC-L5"
    bench.hear(home.partly_deposited(), home.NOTARY)
    assert bench.refusal(home.approve(bench)).clause == "X-2, LC-F1, LC-L5"
    assert not bench.said(OwnershipEntered)
    bench.hear(home.deposited(), home.NOTARY)
    home.approve(bench)
    assert bench.said(TransferRegistered)


def test_LC_F1_X_2_no_entry_before_the_deposit_certificate_also_when_people_apply_themselves():
    bench = home.with_folio()
    home.open_case(bench)
    bench.hear(home.consented(), home.BANK)
    bench.own(home.applied_at_the_counter())
    assert bench.refusal(bench.own(home.decided(application=COUNTER))).clause == "X-2, LC-F1, LC-L5"
    assert not bench.said(OwnershipEntered)


def test_LC_F2_no_entry_before_the_consent():
    bench = home.with_folio()
    home.open_case(bench)
    bench.hear(home.deposited(), home.NOTARY)
    bench.hear(home.applied(), home.NOTARY)
    assert bench.refusal(home.approve(bench)).clause == "LC-F2, LC-L4"
    assert not bench.said(OwnershipEntered)


def test_X_4_no_entry_on_a_folio_that_another_case_has_claimed():
    bench = home.with_folio()
    home.open_case(bench, home.SECOND)
    home.ready(bench)
    refused = bench.refusal(home.approve(bench))
    assert (refused.title, refused.clause) == ("folio is refused", "X-4")


def test_LC_F3_unknown_application_and_unknown_case_are_not_found():
    bench = home.ready()
    assert bench.refusal(home.approve(bench, n=7)).status == 404
    assert bench.refusal(bench.own(home.decided(), case="LCF-NOWHERE")).status == 404


@pytest.mark.parametrize(
    ("decision", "reasons"),
    [(Decision.APPROVE, (home.REASON,)), (Decision.RETURN, ()), (Decision.REFUSE, ())],
)
def test_X_4_return_and_refusal_name_reasons_and_an_approval_none(decision: Decision, reasons: tuple[Any, ...]):
    bench = home.ready()
    assert bench.refusal(bench.own(home.decided(decision, reasons=reasons))).status == 422


def test_X_3_returned_application_is_mended_and_the_next_round_is_decided_anew():
    bench = home.ready()
    bench.own(home.decided(Decision.RETURN))
    (returned,) = bench.said(RegistrationReturned)
    assert (returned.application, returned.reasons) == (home.number(1), (home.REASON,))
    assert bench.refusal(home.approve(bench)).title == "already decided"
    assert waits(bench) == []
    bench.hear(home.applied(2), home.NOTARY)
    home.approve(bench, n=2)
    assert bench.said(TransferRegistered)[0].application == home.number(2)


def test_X_3_refused_application_is_refused_for_good():
    bench = home.ready()
    bench.own(home.decided(Decision.REFUSE))
    (refused,) = bench.said(RegistrationRefused)
    assert (refused.application, refused.reasons) == (home.number(1), (home.REASON,))
    bench.hear(home.applied(2), home.NOTARY)
    assert bench.refusal(home.approve(bench, n=2)).title == "refused for good"
    assert not bench.said(OwnershipEntered)


def test_X_3_after_the_entry_nothing_is_decided_or_applied_for():
    bench = home.ready()
    bench.hear(home.applied(2), home.NOTARY)
    home.approve(bench)
    assert waits(bench) == []
    assert bench.refusal(home.approve(bench, n=2)).title == "transfer is entered"
    assert bench.refusal(bench.own(home.applied_at_the_counter())).title == "transfer is entered"
    assert len(bench.said(TransferRegistered)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"buyers": (home.SPOUSE,)},
        {"sellers": (home.BUYER,)},
        {"contract_number": "LC-WQ-0"},
        {"consent": DocumentNumber("(2026)工行聊城同意第0000099号")},
    ],
)
def test_LC_F3_application_for_another_sale_than_the_cases_cannot_be_approved(changes: dict[str, Any]):
    bench = home.with_folio()
    home.open_case(bench)
    bench.hear(home.deposited(), home.NOTARY)
    bench.hear(home.consented(), home.BANK)
    bench.hear(home.applied(**changes), home.NOTARY)
    assert bench.refusal(home.approve(bench)).title == "application differs from the case"
    bench.own(home.decided(Decision.RETURN))
    assert bench.said(RegistrationReturned)


def test_LC_F3_buyers_whose_shares_make_no_whole_cannot_be_entered():
    (seller,) = home.opened().sellers
    buyers = tuple(
        seller.model_copy(update={"person": person, "share": Share(numerator=1, denominator=3)})
        for person in (home.BUYER, home.SPOUSE)
    )
    bench = home.ready(buyers=buyers)
    assert "2/3" in bench.refusal(home.approve(bench)).detail


@pytest.mark.parametrize("kind", RestrictionKind, ids=lambda kind: kind.name)
def test_X_4_restriction_entered_after_the_reservation_refuses_the_entry(kind: RestrictionKind):
    bench = home.ready()
    bench.standing(home.restricted(kind))
    home.approve(bench)
    (refused,) = bench.said(RegistrationRefused)
    assert refused.application == home.number(1)
    assert [r.reason.value for r in refused.reasons] == [kind.value]
    assert not bench.said(OwnershipEntered)
    assert not bench.file(DocumentDrafted)
    assert home.register(bench).owners == home.folio().owners


def test_X_4_foreign_mortgage_entered_after_the_reservation_refuses_the_entry():
    bench = home.ready()
    bench.standing(MortgageEntered(by_clerk="Li", mortgage=home.foreign_mortgage()))
    home.approve(bench)
    (refused,) = bench.said(RegistrationRefused)
    assert [r.reason for r in refused.reasons] == [RefusalReason.FOREIGN_MORTGAGE]
    assert not bench.said(OwnershipEntered)


def test_LC_F2_no_transfer_clause_that_the_consent_lifts_hinders_no_entry_and_goes():
    bench = home.with_folio(mortgages=(home.mortgage(no_transfer_clause=True),))
    home.ready(bench, consent=home.consented(lifts_no_transfer_clause=True))
    home.approve(bench)
    assert bench.said(TransferRegistered)
    assert [m.no_transfer_clause for m in home.register(bench).mortgages] == [False]


@pytest.mark.parametrize(
    "consent",
    [
        pytest.param({"lifts_no_transfer_clause": False}, id="not lifted"),
        pytest.param({"lifts_no_transfer_clause": True, "mortgage_certificate": home.SECOND_MORTGAGE}, id="of another"),
    ],
)
def test_LC_F2_no_transfer_clause_that_the_consent_does_not_lift_refuses_the_entry(consent: dict[str, Any]):
    clause = home.mortgage(no_transfer_clause=True)
    bench = home.with_folio(mortgages=(clause, home.mortgage(home.SECOND_MORTGAGE, 2)))
    home.ready(bench, consent=home.consented(**consent))
    home.approve(bench)
    (refused,) = bench.said(RegistrationRefused)
    assert [r.reason for r in refused.reasons] == [RefusalReason.NO_TRANSFER_CLAUSE]
    assert not bench.said(OwnershipEntered)


def test_X_5_every_ownership_certificate_has_a_number_of_its_own_and_a_code_to_check_it_by():
    bench = home.ready()
    home.approve(bench)
    bench.hear(home.completed(), home.NOTARY)
    buyers, sellers = home.opened().buyers, home.opened().sellers
    home.ready(bench, home.SECOND, sellers=buyers, buyers=sellers)
    swapped = {"sellers": (home.BUYER, home.SPOUSE), "buyers": (home.SELLER,)}
    bench.hear(home.applied(2, home.SECOND, **swapped), home.NOTARY, case=home.SECOND)
    home.approve(bench, home.SECOND, n=2)
    first, second = *bench.issued(), *bench.issued(case=home.SECOND)
    assert (first.title, first.number) == ("不动产权证书", "鲁(2026)聊城市不动产权第0000001号")
    assert (second.title, second.number) == ("不动产权证书", "鲁(2026)聊城市不动产权第0000002号")
    assert home.register(bench).ownership_certificate == second.number
    assert (first.code, second.code) == (bench.house.code(first.number), bench.house.code(second.number))
    assert first.code != second.code
