"""LC-L4 to LC-L7: all apply together, for the notices and then for the entry; new mortgages stand behind the old."""

from typing import Any

import pytest

from contracts.events.escrow import MoneyKind
from contracts.events.registry import (
    MortgageReleased,
    Owner,
    RankedMortgage,
    RefusalReason,
    RegisteredMortgage,
    RegistrationRefused,
    RegistrationReturned,
    TransferRegistered,
)
from services.registry.entries import EntryKind
from services.registry.facts import Decision, MortgageEntered, NoticesEntered, OwnershipEntered, RestrictionKind
from services.runtime.core.facts import Alarm, PeriodStarted
from services.runtime.core.file import STANDING
from tests.rules import registry_cases as home
from tests.rules import registry_loan_cases as sale
from tests.rules.registry_loan_cases import ALONE, BANK, FUND, FUND_ALONE, NOTICE, REGISTRATION, TOGETHER
from tests.support import liaocheng as lc
from tests.support import loan

OLD = RankedMortgage(certificate=lc.MORTGAGE, mortgagee=lc.BANK[1], rank=1)
PERIODS = (home.PERIOD,)
LENDINGS = pytest.mark.parametrize("lending", [ALONE, FUND_ALONE, TOGETHER], ids=["bank", "fund", "both"])

# --- who applies together -----------------------------------------------------------------------------------


def test_LC_L4_application_for_the_notices_waits_until_notary_and_lender_have_applied():
    bench = sale.agreed()
    bench.hear(sale.applied(), sale.NOTARY)
    assert sale.waits(bench) == []
    sale.lenders_applied(bench)
    assert sale.waits(bench) == [("decide-registration", "LC-L4", sale.number())]


def test_LC_L4_order_of_notary_and_lender_does_not_matter():
    bench = sale.agreed()
    sale.lenders_applied(bench)
    assert sale.waits(bench) == []
    bench.hear(sale.applied(), sale.NOTARY)
    assert sale.waits(bench) == [("decide-registration", "LC-L4", sale.number())]


def test_LC_L4_every_lender_with_a_live_approval_must_have_applied():
    bench = sale.agreed(None, TOGETHER)
    bench.hear(sale.applied(), sale.NOTARY)
    bench.hear(sale.part(FUND, NOTICE, 1, TOGETHER), FUND)
    assert sale.waits(bench) == []
    refused = bench.refusal(sale.approve(bench))
    assert (refused.title, refused.detail) == ("joint application is not complete", "the part of liaocheng-ccb")
    bench.hear(sale.part(BANK, NOTICE, 1, TOGETHER), BANK)
    assert len(sale.waits(bench)) == 1


@pytest.mark.parametrize("other", [-1, 1])
def test_LC_L4_loans_that_do_not_fill_the_gap_exactly_make_no_joint_application(other: int):
    lending: sale.Lending = {BANK: loan.LOAN_FEN + other}
    bench = sale.all_applied(sale.agreed(None, lending), lending)
    assert sale.waits(bench) == []
    assert str(loan.LOAN_FEN) in bench.refusal(sale.approve(bench)).detail


def test_LC_L4_second_bank_in_place_of_one_that_has_refused():
    bench = sale.agreed()
    bench.hear(loan.rejected(), BANK)
    bench.hear(sale.applied(), sale.NOTARY)
    bench.hear(sale.part(), BANK)
    assert sale.waits(bench) == []
    bench.hear(loan.joined(loan.OTHER_BANK), sale.NOTARY)
    other = loan.approved(n=81)
    bench.hear(other, loan.OTHER_BANK)
    contracts: dict[str, Any] = {
        "loan_contract": other.loan_contract.number,
        "mortgage_contract": other.mortgage_contract.number,
    }
    bench.hear(sale.part(**contracts), loan.OTHER_BANK)
    sale.approve(bench)
    assert [m.lender for m in sale.notices(bench).mortgages] == ["liaocheng-abc"]


def test_LC_L4_only_a_whole_application_is_approved_or_given_back_and_any_is_refused():
    bench = sale.agreed()
    bench.hear(sale.applied(), sale.NOTARY)
    for decision in (Decision.APPROVE, Decision.RETURN):
        assert bench.refusal(bench.own(sale.decided(decision))).title == "joint application is not complete"
    bench.own(sale.decided(Decision.REFUSE))
    assert sale.names(bench) == ["RegistrationRefused"]


def test_LC_L5_application_for_the_entry_is_decided_when_all_have_applied_again():
    bench = sale.paid()
    bench.hear(sale.applied(REGISTRATION), sale.NOTARY)
    assert bench.refusal(sale.approve(bench, REGISTRATION)).title == "joint application is not complete"
    assert sale.waits(bench) == []
    sale.lenders_applied(bench, ALONE, REGISTRATION)
    assert sale.waits(bench) == [("decide-registration", "LC-L5", sale.number(REGISTRATION))]


def test_LC_L4_no_lender_no_joint_application():
    bench = sale.with_folio()
    bench.hear(sale.opened({}, price_fen=loan.DOWN_PAYMENT_FEN), sale.NOTARY)
    bench.hear(loan.certified(), sale.NOTARY)
    bench.hear(lc.consent(), sale.SELLERS_BANK)
    bench.hear(sale.applied(), sale.NOTARY)
    assert sale.waits(bench) == []
    assert bench.refusal(sale.approve(bench)).detail == "a lender's part"


# --- rounds -------------------------------------------------------------------------------------------------


def test_X_3_what_is_given_back_is_given_back_whole_and_made_anew_by_all():
    bench = sale.all_applied(sale.agreed(None, TOGETHER), TOGETHER)
    bench.own(sale.decided(Decision.RETURN))
    (returned,) = bench.said(RegistrationReturned)
    assert (returned.application, returned.reasons) == (sale.number(), (home.REASON,))
    assert bench.outbox[-1].to[-3:] == (
        ("daiya.buyer_bank.liaocheng-ccb", 2),
        ("daiya.escrow.liaocheng-notary", 2),
        ("daiya.fund_center.liaocheng-fund", 2),
    )
    bench.hear(sale.applied(n=2), sale.NOTARY)
    bench.hear(sale.part(BANK, NOTICE, 2, TOGETHER), BANK)
    assert sale.waits(bench) == []
    bench.hear(sale.part(FUND, NOTICE, 2, TOGETHER), FUND)
    assert [about for *_, about in sale.waits(bench)] == [sale.number(n=2)]
    sale.approve(bench, n=2)
    assert sale.notices(bench).application == sale.number(n=2)


def test_X_3_lender_that_mends_before_the_notary_is_waiting_for_it():
    bench = sale.all_applied(sale.agreed())
    bench.own(sale.decided(Decision.RETURN))
    sale.lenders_applied(bench, ALONE, NOTICE, 2)
    assert sale.waits(bench) == []
    bench.hear(sale.applied(n=2), sale.NOTARY)
    assert [about for *_, about in sale.waits(bench)] == [sale.number(n=2)]


def test_X_3_round_given_back_for_the_entry_uses_up_no_part_for_the_notices():
    bench = sale.ready()
    bench.own(sale.decided(Decision.RETURN, sale.number(REGISTRATION)))
    sale.all_applied(bench, ALONE, REGISTRATION, 2)
    sale.approve(bench, REGISTRATION, 2)
    assert sale.transfer(bench).application == sale.number(REGISTRATION, 2)


def test_X_3_refused_for_good_is_approved_no_more():
    bench = sale.ready()
    bench.own(sale.decided(Decision.REFUSE, sale.number(REGISTRATION)))
    (refused,) = bench.said(RegistrationRefused)
    assert refused.application == sale.number(REGISTRATION)
    sale.all_applied(bench, ALONE, REGISTRATION, 2)
    assert bench.refusal(sale.approve(bench, REGISTRATION, 2)).title == "refused for good"


# --- at the counter -----------------------------------------------------------------------------------------


def test_LC_L4_LC_L5_people_apply_themselves_for_both_stages():
    bench = sale.agreed()
    bench.own(sale.counter())
    sale.lenders_applied(bench)
    bench.own(sale.decided(about=sale.COUNTER))
    assert sale.notices(bench).application == sale.COUNTER
    bench.hear(sale.loan_held(), sale.NOTARY)
    bench.own(sale.counter(REGISTRATION))
    sale.lenders_applied(bench, ALONE, REGISTRATION)
    second = sale.counter_number(sale.CASE, 2)
    assert sale.waits(bench) == [("decide-registration", "LC-L5", second)]
    bench.own(sale.decided(about=second))
    assert sale.transfer(bench).application == second


def test_LC_L5_no_application_at_the_counter_for_the_entry_before_the_notices():
    bench = sale.agreed()
    assert bench.refusal(bench.own(sale.counter(REGISTRATION))).title == "no advance notice"


def test_LC_L4_no_application_at_the_counter_for_notices_that_are_entered():
    bench = sale.noticed()
    assert bench.refusal(bench.own(sale.counter(NOTICE))).title == "notices are entered"


def test_LC_L4_X_2_application_left_over_when_the_notices_are_entered_is_decided_no_more():
    bench = sale.agreed()
    bench.own(sale.counter())
    bench.hear(sale.applied(), sale.NOTARY)
    sale.lenders_applied(bench)
    bench.own(sale.decided(about=sale.COUNTER))
    assert sale.waits(bench) == []
    for decision in Decision:
        assert bench.refusal(bench.own(sale.decided(decision))).title == "notices are entered"
    assert len(bench.file(NoticesEntered)) == 1


# --- what the decision asks for -----------------------------------------------------------------------------


def test_LC_L1_X_2_no_notice_before_the_down_payment_is_certified():
    bench = sale.with_folio()
    bench.hear(sale.opened(), sale.NOTARY)
    bench.hear(sale.approved(), BANK)
    bench.hear(lc.consent(), sale.SELLERS_BANK)
    bench.hear(loan.certified(MoneyKind.TOP_UP, n=29), sale.NOTARY)
    bench.own(sale.counter())
    sale.lenders_applied(bench)
    assert bench.refusal(bench.own(sale.decided(about=sale.COUNTER))).clause == "X-2, LC-L1"
    bench.hear(loan.certified(), sale.NOTARY)
    bench.own(sale.decided(about=sale.COUNTER))
    assert sale.notices(bench)


def test_LC_L4_no_notice_before_the_consent():
    bench = sale.with_folio()
    bench.hear(sale.opened(), sale.NOTARY)
    bench.hear(loan.certified(), sale.NOTARY)
    bench.hear(sale.approved(), BANK)
    sale.all_applied(bench)
    assert bench.refusal(sale.approve(bench)).clause == "LC-F2, LC-L4"
    assert not bench.said(NoticesEntered)


def test_LC_L5_LC_R3_X_2_application_need_not_wait_for_the_funds_money_but_the_entry_does():
    bench = sale.noticed(None, TOGETHER)
    bench.hear(sale.loan_held(BANK, complete=False), sale.NOTARY)
    sale.all_applied(bench, TOGETHER, REGISTRATION)
    assert sale.waits(bench) == [("decide-registration", "LC-L5", sale.number(REGISTRATION))]
    assert bench.refusal(sale.approve(bench, REGISTRATION)).title == "price is not held"
    assert not bench.said(OwnershipEntered)
    bench.hear(sale.loan_held(FUND), sale.NOTARY)
    sale.approve(bench, REGISTRATION)
    assert sale.transfer(bench)


def test_LC_L5_X_2_no_entry_without_notices():
    bench = sale.agreed()
    bench.hear(sale.loan_held(), sale.NOTARY)
    sale.all_applied(bench, ALONE, REGISTRATION)
    assert bench.refusal(sale.approve(bench, REGISTRATION)).clause == "LC-L5, X-2"
    assert not bench.said(OwnershipEntered)


def test_LC_L5_lenders_no_after_its_yes_leaves_nothing_to_enter():
    bench = sale.ready()
    bench.hear(loan.rejected(), BANK)
    assert sale.waits(bench) == []
    assert bench.refusal(sale.approve(bench, REGISTRATION)).title == "joint application is not complete"


DIFFERENT: list[tuple[dict[str, Any], str]] = [
    ({"contract_number": "LC-0"}, "it is for contract LC-0"),
    ({"loan_contract": lc.document("借款合同", 99).number}, "loan contract"),
    ({"mortgage_contract": lc.document("抵押合同", 99).number}, "mortgage contract"),
    ({"amount_fen": loan.LOAN_FEN - 1}, "the sum of 79999999 fen"),
    ({"consent": lc.document("同意", 99).number}, "it names consent"),
    ({"debtors": (lc.STRANGER,)}, "no buyer is among its debtors"),
]


@pytest.mark.parametrize(("changes", "says"), DIFFERENT, ids=[next(iter(changes)) for changes, _ in DIFFERENT])
def test_LC_L4_lenders_part_that_is_not_what_it_approved_cannot_be_approved(changes: dict[str, Any], says: str):
    bench = sale.agreed()
    bench.hear(sale.applied(), sale.NOTARY)
    bench.hear(sale.part(**changes), BANK)
    refused = bench.refusal(sale.approve(bench))
    assert refused.title == "application differs from the case"
    assert says in refused.detail
    assert not bench.said(NoticesEntered)
    bench.own(sale.decided(Decision.RETURN))
    assert bench.said(RegistrationReturned)


def test_LC_L5_X_2_application_for_the_entry_is_on_the_notices_that_were_registered():
    bench = sale.paid(None, TOGETHER)
    bench.hear(sale.applied(REGISTRATION, lending=TOGETHER, notice=home.THIRD_MORTGAGE), sale.NOTARY)
    bench.hear(sale.part(BANK, REGISTRATION, 1, TOGETHER, notice=sale.notice_of(FUND, TOGETHER)), BANK)
    bench.hear(sale.part(FUND, REGISTRATION, 1, TOGETHER), FUND)
    refused = bench.refusal(sale.approve(bench, REGISTRATION))
    assert f"it names notice {home.THIRD_MORTGAGE}" in refused.detail
    assert "is not this lender's" in refused.detail
    assert not bench.said(OwnershipEntered)


def test_LC_L5_X_2_sum_that_the_notice_does_not_secure_is_not_entered():
    bench = sale.paid(None, TOGETHER)
    more = {BANK: sale.BANK_FEN + 1, FUND: loan.FUND_FEN - 1}
    for lender, amount_fen in more.items():
        bench.hear(sale.approved(lender, amount_fen), lender)
    sale.all_applied(bench, more, REGISTRATION)
    refused = bench.refusal(sale.approve(bench, REGISTRATION))
    assert f"its notice secures {sale.BANK_FEN} fen, not {sale.BANK_FEN + 1}" in refused.detail


def test_LC_L5_X_2_lender_with_a_notice_and_no_part_hinders_the_entry():
    bench = sale.paid(None, TOGETHER)
    bench.hear(loan.rejected(), FUND)
    bench.hear(sale.approved(BANK, loan.LOAN_FEN), BANK)
    bench.hear(sale.applied(REGISTRATION, lending=TOGETHER), sale.NOTARY)
    bench.hear(sale.part(BANK, REGISTRATION, 1, ALONE), BANK)
    refused = bench.refusal(sale.approve(bench, REGISTRATION))
    assert "liaocheng-fund has a notice and no part in the application" in refused.detail


# --- the entry ----------------------------------------------------------------------------------------------


@LENDINGS
def test_LC_L5_LC_L6_X_5_ownership_and_mortgages_are_entered_and_said_with_their_certificates(lending: sale.Lending):
    bench = sale.ready(None, lending)
    bench.later(hours=3)
    sale.approve(bench, REGISTRATION)
    word = sale.transfer(bench)
    assert word.application == sale.number(REGISTRATION)
    assert word.entered_at == bench.now
    assert word.owners == (Owner(person=lc.BUYER, share=lc.WHOLE),)
    assert word.ownership_certificate.number == "鲁(2026)聊城市不动产权第0000001号"
    assert word.mortgages == (OLD,)
    first = len(lending) + 2
    assert word.new_mortgages == tuple(
        RegisteredMortgage(role=role, lender=name, rank=2 + n, certificate=word.new_mortgages[n].certificate)
        for n, (role, name) in enumerate(lending)
    )
    certificates = [m.certificate for m in word.new_mortgages]
    assert [c.number for c in certificates] == [sale.of_the_series(first + n) for n in range(len(lending))]
    assert {c.title for c in certificates} == {"不动产登记证明"}
    assert [c.code for c in certificates] == [bench.house.code(c.number) for c in certificates]


@LENDINGS
def test_X_2_register_after_the_entry_has_one_owner_set_and_ranks_without_gaps(lending: sale.Lending):
    bench = sale.entered(None, lending)
    register, word = home.register(bench), sale.transfer(bench)
    assert register.owners == word.owners
    assert register.ownership_certificate == word.ownership_certificate.number
    assert [(m.rank, m.certificate, m.mortgagee, m.principal_fen) for m in register.mortgages] == [
        (1, lc.MORTGAGE, lc.BANK[1], 80_000_000),
        *((m.rank, m.certificate.number, m.lender, lending[m.role, m.lender]) for m in word.new_mortgages),
    ]
    assert register.notices == ()
    assert register.history[word.entry_number - 1].kind is EntryKind.OWNERSHIP
    of_mortgages = [e for e in register.history if e.kind is EntryKind.MORTGAGE and e.case == sale.CASE]
    assert [e.about for e in of_mortgages] == [m.certificate.number for m in word.new_mortgages]
    assert [e.number for e in register.history] == list(range(1, len(register.history) + 1))


def test_X_2_ranks_follow_the_order_in_which_the_lenders_applied_for_their_notices():
    turned: sale.Lending = {FUND: loan.FUND_FEN, BANK: sale.BANK_FEN}
    bench = sale.all_applied(sale.agreed(None, TOGETHER), turned)
    sale.approve(bench)
    assert [m.lender for m in sale.notices(bench).mortgages] == [FUND[1], BANK[1]]
    for lender in TOGETHER:
        bench.hear(sale.loan_held(lender, complete=lender == FUND), sale.NOTARY)
    bench.hear(sale.applied(REGISTRATION, lending=turned), sale.NOTARY)
    for lender in TOGETHER:  # in the other order, which counts no more
        bench.hear(sale.part(lender, REGISTRATION, 1, turned), lender)
    sale.approve(bench, REGISTRATION)
    assert [(m.rank, m.lender) for m in sale.transfer(bench).new_mortgages] == [(2, FUND[1]), (3, BANK[1])]


@pytest.mark.parametrize("kind", RestrictionKind, ids=lambda kind: kind.name)
def test_X_4_restriction_entered_after_the_notice_refuses_the_entry_for_good(kind: RestrictionKind):
    bench = sale.ready()
    bench.standing(home.restricted(kind))
    sale.approve(bench, REGISTRATION)
    (refused,) = bench.said(RegistrationRefused)
    assert refused.application == sale.number(REGISTRATION)
    assert [r.reason.value for r in refused.reasons] == [kind.value]
    assert not bench.said(OwnershipEntered)
    assert home.register(bench).owners == (Owner(person=lc.SELLER, share=lc.WHOLE),)
    assert len(home.register(bench).notices) == 2


def test_X_4_foreign_mortgage_entered_after_the_reservation_refuses_the_notices():
    bench = sale.all_applied(sale.agreed())
    bench.standing(MortgageEntered(by_clerk="Li", mortgage=home.foreign_mortgage()))
    sale.approve(bench)
    (refused,) = bench.said(RegistrationRefused)
    assert [r.reason for r in refused.reasons] == [RefusalReason.FOREIGN_MORTGAGE]
    assert not bench.said(NoticesEntered)


def test_LC_L5_clause_that_the_consent_lifts_hinders_nothing_and_is_gone_with_the_entry():
    bench = sale.with_folio(mortgages=(home.mortgage(lc.MORTGAGE, no_transfer_clause=True),))
    bench.hear(sale.opened(), sale.NOTARY)
    bench.hear(loan.certified(), sale.NOTARY)
    bench.hear(sale.approved(), BANK)
    bench.hear(lc.consent().model_copy(update={"lifts_no_transfer_clause": True}), sale.SELLERS_BANK)
    sale.all_applied(bench)
    sale.approve(bench)
    bench.hear(sale.loan_held(), sale.NOTARY)
    sale.all_applied(bench, ALONE, REGISTRATION)
    sale.approve(bench, REGISTRATION)
    assert [m.no_transfer_clause for m in home.register(bench).mortgages] == [False, False]


def test_X_4_clause_that_the_consent_does_not_lift_refuses_the_notices():
    bench = sale.with_folio(mortgages=(home.mortgage(lc.MORTGAGE, no_transfer_clause=True),))
    sale.all_applied(sale.agreed(bench))
    sale.approve(bench)
    (refused,) = bench.said(RegistrationRefused)
    assert [r.reason for r in refused.reasons] == [RefusalReason.NO_TRANSFER_CLAUSE]


def test_X_3_after_the_entry_nothing_is_decided_any_more():
    bench = sale.ready()
    bench.hear(sale.applied(REGISTRATION, 2), sale.NOTARY)
    sale.approve(bench, REGISTRATION)
    assert sale.waits(bench) == []
    assert bench.refusal(sale.approve(bench, REGISTRATION, 2)).title == "transfer is entered"
    assert len(bench.said(TransferRegistered)) == 1


# --- after the entry ----------------------------------------------------------------------------------------


@LENDINGS
def test_LC_L6_X_2_release_of_the_old_mortgage_moves_the_new_ones_up(lending: sale.Lending):
    bench = sale.entered(None, lending)
    new = sale.transfer(bench).new_mortgages
    bench.hear(home.released(lc.MORTGAGE), sale.SELLERS_BANK)
    (released,) = bench.said(MortgageReleased)
    assert released.remaining == tuple(
        RankedMortgage(certificate=m.certificate.number, mortgagee=m.lender, rank=m.rank - 1) for m in new
    )
    assert home.register(bench).ranked() == released.remaining


def test_X_2_certificate_of_a_new_mortgage_is_not_entered_once_more():
    bench = sale.entered()
    (new,) = sale.transfer(bench).new_mortgages
    again = MortgageEntered(by_clerk="Li", mortgage=home.foreign_mortgage(new.certificate.number))
    assert bench.refusal(bench.standing(again)).title == "mortgage is there"


def test_LC_L7_release_before_the_opening_is_told_to_the_cases_institutions():
    bench = sale.with_folio()
    bench.hear(home.released(lc.MORTGAGE), sale.SELLERS_BANK)
    bench.hear(sale.opened(), sale.NOTARY)
    (_, again) = bench.said(MortgageReleased)
    assert again.certificate == lc.MORTGAGE
    assert "daiya.escrow.liaocheng-notary" in {to for said in bench.outbox for to, _ in said.to}


def test_LC_L6_X_2_release_between_the_entry_and_its_numbers_waits_for_them():
    bench = home.with_slow_series()
    sale.all_applied(sale.agreed(sale.with_folio(bench)))
    sale.approve(bench)
    bench.answer()
    bench.hear(sale.loan_held(), sale.NOTARY)
    sale.all_applied(bench, ALONE, REGISTRATION)
    sale.approve(bench, REGISTRATION)
    assert [m.certificate for m in home.register(bench).mortgages] == [lc.MORTGAGE, None]
    bench.hear(home.released(lc.MORTGAGE), sale.SELLERS_BANK)
    assert not bench.said(MortgageReleased)
    bench.answer()
    (released,) = bench.said(MortgageReleased)
    assert [(m.mortgagee, m.rank) for m in released.remaining] == [(BANK[1], 1)]
    assert not bench.file(Alarm, case=STANDING)


def test_X_4_folio_is_free_again_once_the_keeper_has_completed_the_case():
    bench = sale.entered()
    bench.hear(home.released(lc.MORTGAGE), sale.SELLERS_BANK)
    bench.hear(home.completed(), sale.NOTARY)
    assert home.register(bench).reserved_for == ""
    assert not bench.rows("incident") and not bench.rows("period") and not bench.rows("wait")


# --- the registry's own period ------------------------------------------------------------------------------


def test_LC_L4_LC_L5_registrys_period_runs_for_each_leading_application():
    bench = sale.ready(periods=PERIODS)
    own = [started for started in bench.file(PeriodStarted) if started.fact.period == home.PERIOD]
    assert len(own) == 2
    (row,) = bench.rows("period")
    assert row.data["period"]["name"] == "registration"
    (wait,) = bench.rows("wait")
    assert wait.data["period"] == "registration"
    sale.approve(bench, REGISTRATION)
    assert bench.rows("period") == []
