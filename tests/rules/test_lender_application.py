"""A loan from the buyer's application to the lender's yes or no (LC-L2, LC-L3, LC-L4)."""

from typing import Any

import pytest

from contracts.events.lender import JoinRequested, LoanApproved, LoanRejected
from contracts.events.registry import FolioRefused, Reason, RefusalReason
from contracts.values import UnitNumber, VerificationCode
from services.runtime.core.file import Phase
from tests.rules import lender_cases as own
from tests.rules.lender_cases import actions, applied, approved, asked, granted, lender, let_in, named, no, signed, yes
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import Bench

ELSEWHERE = UnitNumber("371502001001GB00001F00010002")
WRONG_CODE = VerificationCode("7777-7777-7777")


def refused(bench: Bench, command: Any) -> tuple[str, str]:
    """Why a command is refused: title and clause."""
    refusal = bench.refusal(bench.own(command))
    return refusal.title, refusal.clause


# --- joining ----------------------------------------------------------------------------------------------------------


def test_LC_L2_a_lender_that_nobody_has_named_asks_the_keeper_with_the_proof_of_the_down_payment() -> None:
    bench = asked()
    assert bench.said(JoinRequested) == [ln.join_requested()]
    assert bench.outbox[-1].to == (("daiya.escrow.liaocheng-notary", 1),)
    assert actions(bench) == []


def test_LC_L2_a_lender_that_has_a_part_asks_nobody() -> None:
    bench = named()
    assert actions(bench) == ["apply-for-loan"]
    bench.own(applied())
    assert bench.said(JoinRequested) == []
    assert actions(bench) == ["decide-loan"]


def test_LC_L2_the_case_may_be_opened_here_after_the_application() -> None:
    bench = asked()
    bench.hear(own.opened(), lc.NOTARY)
    assert actions(bench) == ["decide-loan"]
    assert "has not confirmed the down payment" in own.what(bench, "decide-loan")
    bench.hear(ln.certified(), lc.NOTARY)
    assert own.what(bench, "decide-loan") == f"{ln.LOAN_FEN} fen over 240 months"


def test_LC_L2_whoever_is_let_in_decides() -> None:
    bench = let_in(asked())
    assert actions(bench) == ["decide-loan"]
    bench.own(yes())
    bench.own(signed())
    assert len(bench.said(LoanApproved)) == 1


@pytest.mark.parametrize("first", range(4))
def test_LC_L2_words_come_in_any_order_to_a_newcomer(first: int) -> None:
    words: list[Any] = [ln.joined(), ln.opened(), ln.certified()]
    bench = asked()
    if first < 3:
        for word in words[first:] + words[:first]:
            bench.hear(word, lc.NOTARY)
    else:
        bench.hear(lc.reserved(), lc.REGISTRY)
        for word in reversed(words):
            bench.hear(word, lc.NOTARY)
    assert actions(bench) == ["decide-loan"]
    assert bench.refusal(bench.own(yes(None))).title == "no amount given"
    bench.own(yes())
    assert actions(bench) == ["sign-contracts"]


def test_LC_L2_the_keepers_refusal_is_shown_and_the_application_is_made_again_with_other_numbers() -> None:
    bench = asked(code=WRONG_CODE)
    bench.hear(ln.join_refused(because="no such code"), lc.NOTARY)
    assert actions(bench) == ["apply-for-loan"]
    assert "no such code" in own.what(bench, "apply-for-loan")
    bench.own(applied())
    assert actions(bench) == []
    assert [request.code for request in bench.said(JoinRequested)] == [WRONG_CODE, ln.CERTIFICATE.code]
    let_in(bench)
    assert actions(bench) == ["decide-loan"]


def test_LC_L2_a_case_in_which_the_keeper_has_refused_us_a_part_is_none_of_ours_until_we_ask_again() -> None:
    bench = asked(contract_number="LC-2026-000124")
    assert [row.id for row in bench.rows("case")] == [f"case/{own.CASE}"]
    bench.hear(ln.join_refused(), lc.NOTARY)
    assert bench.rows("case") == []
    bench.own(applied())
    assert [row.id for row in bench.rows("case")] == [f"case/{own.CASE}"]
    let_in(bench)
    assert [row.id for row in bench.rows("case")] == [f"case/{own.CASE}"]


def test_LC_L2_an_application_that_the_keeper_has_refused_can_be_let_rest() -> None:
    bench = asked(code=WRONG_CODE)
    bench.hear(ln.join_refused(), lc.NOTARY)
    assert refused(bench, yes()) == ("not open here", "LC-L2")
    bench.own(no("the buyer has gone elsewhere"))
    assert actions(bench) == []
    assert refused(bench, no()) == ("not open here", "LC-L2")
    bench.own(applied())
    let_in(bench)
    assert bench.conversation() == ["JoinRequested", "JoinRequested"]
    assert actions(bench) == ["decide-loan"]


def test_LC_L2_X_3_an_application_that_is_refused_for_good_is_over() -> None:
    bench = asked()
    bench.hear(ln.join_refused(because="the case is over", final=True), lc.NOTARY)
    assert bench.subject().file(own.CASE).phase is Phase.ENDED
    assert actions(bench) == [] and bench.rows("case") == []
    assert refused(bench, applied(months=120)) == ("too late", "X-3")
    assert refused(bench, no("nothing comes of it")) == ("too late", "X-3")
    assert bench.conversation() == ["JoinRequested"]


def test_LC_L2_the_keeper_is_not_asked_the_same_twice() -> None:
    bench = asked()
    assert refused(bench, applied(months=120)) == ("keeper is asked", "LC-L2")
    bench.own(applied(keeper="another-notary"))
    assert [request.keeper for request in bench.said(JoinRequested)] == ["liaocheng-notary", "another-notary"]


def test_LC_L2_nothing_is_decided_before_the_keeper_has_let_us_in() -> None:
    for decision in (yes(), no()):
        assert refused(asked(), decision) == ("not open here", "LC-L2")


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"edition": "1999-01-01"}, "unknown procedure"),
        ({"applicants": (lc.BUYER, lc.BUYER)}, "named twice"),
    ],
)
def test_LC_L2_an_application_must_make_sense(changes: dict[str, Any], title: str) -> None:
    assert refused(lender(), applied(**changes)) == (title, "LC-L2")


def test_LC_L2_an_application_is_for_the_home_and_the_procedure_of_its_case() -> None:
    for bench in (named(), asked()):
        assert refused(bench, applied(unit_number=ELSEWHERE)) == ("another home", "LC-L2")
        assert refused(bench, applied(procedure="LC-FULL")) == ("another procedure", "LC-L2")


# --- the decision -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"contract_number": "LC-2026-000124"}, "is for contract LC-2026-000124"),
        ({"applicants": (lc.STRANGER,)}, "not every buyer"),
        ({"deposit_certificate": lc.document("", 21).number}, "is not what the escrow has issued"),
        ({"code": WRONG_CODE}, "is not what the escrow has issued"),
    ],
)
def test_LC_L2_LC_R2_nothing_is_approved_without_the_cases_buyers_contract_and_deposit_certificate(
    changes: dict[str, Any], why: str
) -> None:
    bench = named()
    bench.own(applied(**changes))
    assert why in own.what(bench, "decide-loan")
    assert refused(bench, yes()) == ("application cannot be approved", "LC-L2, LC-R2")
    bench.own(applied())
    bench.own(yes())
    assert actions(bench) == ["sign-contracts"]


def test_LC_L2_LC_R2_nothing_is_approved_before_the_down_payment_is_certified() -> None:
    bench = lender()
    bench.hear(own.opened(), lc.NOTARY)
    assert refused(bench, yes()) == ("no application", "LC-L2")
    bench.own(applied())
    assert refused(bench, yes()) == ("application cannot be approved", "LC-L2, LC-R2")


def test_LC_L2_LC_R2_an_application_for_another_home_is_not_approved_when_the_case_is_opened_late() -> None:
    bench = asked(unit_number=ELSEWHERE)
    let_in(bench)
    assert refused(bench, yes()) == ("application cannot be approved", "LC-L2, LC-R2")


def test_LC_R2_no_more_is_approved_than_was_applied_for_or_than_the_price_leaves() -> None:
    bench = named()
    bench.own(applied(amount_fen=ln.LOAN_FEN - 1))
    assert refused(bench, yes()) == ("more than applied for", "LC-R2")
    bench = named()
    bench.own(applied(amount_fen=2 * ln.LOAN_FEN))
    assert refused(bench, yes(ln.LOAN_FEN + 1)) == ("more than is needed", "LC-R2")


def test_LC_R2_what_another_lender_has_approved_needs_no_loan_of_ours() -> None:
    bench = named(institutions=ln.WITH_BOTH)
    bench.own(applied())
    bench.hear(ln.approved(ln.FUND_FEN, ln.FUND_ACCOUNT), ln.FUND)
    assert refused(bench, yes(ln.LOAN_FEN - ln.FUND_FEN + 1)) == ("more than is needed", "LC-R2")
    bench.hear(ln.rejected(), ln.FUND)
    bench.own(yes())
    assert actions(bench) == ["sign-contracts"]


def test_LC_R2_X_3_a_yes_names_its_amount_and_a_no_its_reason() -> None:
    bench = named()
    bench.own(applied())
    assert refused(bench, yes(None)) == ("no amount given", "LC-R2")
    assert refused(bench, no(" ")) == ("no reason given", "X-3")


def test_LC_L3_a_no_is_said_with_its_reason() -> None:
    bench = named()
    bench.own(applied())
    bench.own(no())
    assert bench.said(LoanRejected) == [ln.rejected()]
    assert actions(bench) == []


def test_LC_L3_a_lender_can_take_no_part_without_an_application() -> None:
    bench = named()
    bench.own(no("the fund does not lend on this home"))
    assert [word.because for word in bench.said(LoanRejected)] == ["the fund does not lend on this home"]
    assert actions(bench) == []


def test_LC_L3_an_application_is_answered_once_and_a_yes_is_not_applied_for_again() -> None:
    bench = granted()
    assert refused(bench, yes()) == refused(bench, no()) == ("decided already", "LC-L3")
    assert refused(bench, applied()) == ("granted already", "LC-L3")
    assert len(bench.said(LoanApproved)) == len(bench.said(LoanRejected)) == 0


def test_LC_L3_who_was_refused_can_apply_again_here() -> None:
    bench = named()
    bench.own(applied())
    bench.own(no())
    bench.own(applied(months=300))
    assert own.what(bench, "decide-loan") == f"{ln.LOAN_FEN} fen over 300 months"
    bench.own(yes())
    bench.own(signed())
    assert bench.conversation() == ["LoanRejected", "LoanApproved"]


# --- contracts --------------------------------------------------------------------------------------------------------


def test_LC_L4_X_5_the_yes_is_said_with_two_numbered_contracts_once_both_are_signed() -> None:
    bench = granted()
    assert bench.said(LoanApproved) == []
    assert own.what(bench, "sign-contracts") == "1 of 1 applicants have not signed the contracts"
    bench.own(signed())
    word = own.approval(bench)
    assert (word.loan_contract.title, word.loan_contract.number) == ("借款合同", "(2026)测试借字第0000001号")
    assert (word.mortgage_contract.title, word.mortgage_contract.number) == ("抵押合同", "(2026)测试抵字第0000001号")
    assert (word.amount_fen, word.pays_from) == (ln.LOAN_FEN, ln.LENDER_ACCOUNT)
    assert {document.code for document in bench.issued()} == {word.loan_contract.code, word.mortgage_contract.code}
    assert actions(bench) == []


def test_LC_L4_every_applicant_signs() -> None:
    bench = granted(application={"applicants": (lc.BUYER, lc.STRANGER)})
    bench.own(signed(lc.STRANGER))
    assert own.what(bench, "sign-contracts") == "1 of 2 applicants have not signed the contracts"
    assert bench.said(LoanApproved) == []
    bench.own(signed(lc.BUYER))
    assert len(bench.said(LoanApproved)) == 1


def test_LC_L4_only_applicants_sign_once_what_was_granted() -> None:
    bench = named()
    bench.own(applied(applicants=(lc.BUYER, lc.STRANGER)))
    assert refused(bench, signed()) == ("nothing to sign", "LC-L4")
    bench.own(yes())
    assert refused(bench, signed(lc.SELLER)) == ("no applicant", "LC-L4")
    bench.own(signed())
    assert refused(bench, signed()) == ("signed already", "LC-L4")


def test_LC_L4_a_signature_counts_for_the_loan_that_it_was_given_for() -> None:
    bench = granted(application={"applicants": (lc.BUYER, lc.STRANGER)})
    bench.own(signed())
    bench.own(own.withdrawn())
    bench.own(applied(applicants=(lc.BUYER, lc.STRANGER)))
    bench.own(yes())
    assert own.what(bench, "sign-contracts") == "2 of 2 applicants have not signed the contracts"


# --- too late ---------------------------------------------------------------------------------------------------------


def folio_refused() -> FolioRefused:
    return FolioRefused(reasons=(Reason(reason=RefusalReason.SEIZURE, detail="查封", clause="X-4"),))


@pytest.mark.parametrize("word", [ln.closed(), folio_refused()])
def test_X_3_nothing_is_applied_for_decided_or_signed_in_a_case_that_is_over(word: Any) -> None:
    bench = granted()
    bench.hear(word, lc.REGISTRY)
    for command in (applied(), yes(), no(), signed(), own.withdrawn()):
        assert refused(bench, command) == ("too late", "X-3")
    assert actions(bench) == []
    assert bench.said(LoanApproved) == []


def test_X_3_nothing_is_decided_or_taken_back_once_the_transfer_is_entered() -> None:
    bench = own.paid()
    bench.hear(ln.registered(), lc.REGISTRY)
    assert refused(bench, no()) == refused(bench, own.withdrawn()) == ("too late", "X-3")


def test_X_2_nothing_is_approved_once_the_notices_are_registered_without_us() -> None:
    bench = named(by=ln.FUND, institutions=ln.WITH_BOTH)
    bench.own(applied(bench))
    bench.hear(ln.noticed(ln.LENDER), lc.REGISTRY)
    assert refused(bench, yes()) == ("too late", "X-2")
    assert own.alarms(bench) == []


# --- a no after the yes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bench", [granted, approved])
def test_X_3_a_lender_says_no_after_its_yes(bench: Any) -> None:
    lending = bench()
    lending.own(own.withdrawn())
    assert [(word.because, word.clause) for word in lending.said(LoanRejected)] == [("the income is lost", "LC-R2")]
    assert actions(lending) == []
    assert refused(lending, own.withdrawn()) == ("nothing to take back", "X-3")


def test_X_3_a_yes_is_not_taken_back_between_the_contracts_and_the_word_that_numbers_them() -> None:
    bench = own.SlowNumbers(*ln.LENDER, own.BOOK, case=own.CASE)
    for word in (own.opened(), ln.certified()):
        bench.hear(word, lc.NOTARY)
    for command in (applied(), yes(), signed()):
        bench.own(command)
    assert bench.said(LoanApproved) == []
    assert refused(bench, own.withdrawn()) == ("being numbered", "X-3")
    bench.number()
    bench.own(own.withdrawn())
    assert bench.conversation() == ["LoanApproved", "LoanRejected"]


def test_LC_L2_another_lenders_words_are_no_words_of_ours() -> None:
    bench = named(institutions=ln.WITH_BOTH)
    bench.own(applied())
    bench.hear(ln.rejected(), ln.FUND)
    bench.hear(ln.approved(ln.FUND_FEN, ln.FUND_ACCOUNT), ln.FUND)
    assert actions(bench) == ["decide-loan"]
    bench.hear(ln.noticed(ln.FUND), lc.REGISTRY)
    assert own.loans(bench) == []
