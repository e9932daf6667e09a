"""The escrow in LC-LOAN, on the ways out: a lender says no, refusal, withdrawal, lapse; who is waited for then."""

import pytest

from contracts.event import Event
from contracts.events.case import CaseCancelled, CaseCompleted, ClosingRequested
from contracts.events.escrow import DepositConfirmed, DepositRefunded, MoneyKind, TransferApplicationMade
from contracts.events.lender import LoanApproved, LoanRejected
from contracts.events.registry import ClosingRefused, FolioRefused, Stage
from contracts.events.seller_bank import ConsentRefused
from services.escrow.facts import ReturnOrdered
from services.runtime.core.facts import MoneyReceived, Pay, PaymentAccepted, Purpose
from services.runtime.core.file import Phase
from tests.rules.escrow_cases import (
    FREEZE,
    agreed,
    agreed_by_both,
    alarms,
    applied,
    borrowing,
    borrowing_from_both,
    carry_out,
    certified,
    close,
    entered,
    lent,
    noticed,
    opened,
    paid,
    paid_in,
    settle_all,
    signed,
    waits,
)
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import Bench
from tests.support.liaocheng import BANK, BANK_ACCOUNT, BUYER_ACCOUNT, PAYOFF_FEN, REGISTRY
from tests.support.loan import (
    DOWN_PAYMENT_FEN,
    FUND,
    FUND_ACCOUNT,
    FUND_FEN,
    LENDER,
    LENDER_ACCOUNT,
    LOAN_FEN,
    OTHER_BANK,
)


@pytest.fixture
def bench() -> Bench:
    return borrowing()


def ended(bench: Bench) -> CaseCancelled | None:
    """The end of a case that was called off."""
    return next(iter(bench.said(CaseCancelled)), None)


# --- LC-L3 ------------------------------------------------------------------------------------------------------------


def test_LC_L3_a_rejected_loan_returns_the_down_payment_and_cancels_the_sale(bench: Bench) -> None:
    certified(bench)
    bench.hear(loan.rejected(), LENDER)
    row = bench.rows("wait")[0].data
    assert (row["action"], row["clause"]) == ("answer-rejection", "LC-L3") and bench.said(ClosingRequested) == []
    bench.own(loan.rejection_answered(another_bank=False))
    assert [c.clause for c in bench.said(ClosingRequested)] == ["LC-L3"] and waits(bench) == []
    close(bench)
    bench.hear(loan.lending_ended(), LENDER)
    assert ended(bench) is None, "the refund has not settled"
    refund = carry_out(bench, Purpose.REFUND)
    assert (refund.to_account, refund.amount_fen) == (BUYER_ACCOUNT, DOWN_PAYMENT_FEN)
    assert [r.kind for r in bench.said(DepositRefunded)] == [MoneyKind.DOWN_PAYMENT]
    end = ended(bench)
    assert end is not None and end.clause == "LC-L3" and end.money is not None and end.money.held_fen == 0


def test_LC_L3_a_buyer_who_turns_to_another_bank_is_waited_for(bench: Bench) -> None:
    certificate = certified(bench).certificate
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(lc.consent(), BANK)
    bench.hear(loan.rejected(), LENDER)
    bench.own(loan.rejection_answered(another_bank=True))
    assert waits(bench) == [] and bench.said(ClosingRequested) == []
    bench.hear(loan.join_requested(deposit_certificate=certificate.number, code=certificate.code), OTHER_BANK)
    bench.hear(loan.approved(pays_from="ABC-LC-LOANS"), OTHER_BANK)
    assert [a.stage for a in bench.said(TransferApplicationMade)] == [Stage.NOTICE]


def test_LC_L3_each_no_is_answered_anew_and_who_waits_may_still_let_the_sale_go(bench: Bench) -> None:
    certified(bench)
    bench.hear(loan.rejected(), LENDER)
    bench.own(loan.rejection_answered(another_bank=True))
    assert bench.refusal(bench.own(loan.rejection_answered(another_bank=True))).title == "answered already"
    bench.hear(loan.rejected("and after another look"), LENDER)
    assert waits(bench) == ["answer-rejection"]
    bench.own(loan.rejection_answered(another_bank=True))
    bench.own(loan.rejection_answered(another_bank=False))
    assert len(bench.said(ClosingRequested)) == 1
    assert bench.refusal(bench.own(loan.rejection_answered(another_bank=False))).title == "called off"


def test_LC_L3_without_a_no_that_leaves_a_gap_there_is_nothing_to_answer(bench: Bench) -> None:
    assert bench.refusal(bench.own(loan.rejection_answered(another_bank=False))).title == "nothing to answer"
    full = opened()
    assert full.refusal(full.own(loan.rejection_answered(another_bank=False))).title == "nothing to answer"


def test_LC_L3_a_lender_that_is_not_needed_may_say_no() -> None:
    bench = borrowing_from_both()
    agreed(bench)
    bench.hear(loan.rejected("takes no part"), FUND)
    assert waits(bench) == [] and bench.said(ClosingRequested) == []
    assert bench.refusal(bench.own(loan.rejection_answered(another_bank=False))).title == "nothing to answer"


def test_LC_L3_a_no_after_the_application_calls_the_sale_off_by_itself(bench: Bench) -> None:
    agreed(bench)
    bench.hear(loan.rejected("the borrower has lost his work"), LENDER)
    assert [c.because for c in bench.said(ClosingRequested)] == ["loan rejected: the borrower has lost his work"]
    assert waits(bench) == []


def test_LC_L3_a_no_before_the_application_takes_the_yes_back(bench: Bench) -> None:
    certified(bench)
    bench.hear(loan.approved(), LENDER)
    bench.hear(loan.rejected(), LENDER)
    assert waits(bench) == ["answer-rejection"]
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(lc.consent(), BANK)
    assert bench.said(TransferApplicationMade) == []
    bench.hear(loan.approved(n=26), LENDER)
    assert waits(bench) == [] and len(bench.said(TransferApplicationMade)) == 1


def test_LC_L3_one_lenders_no_after_the_application_ends_the_sale_and_the_others_money_goes_home() -> None:
    bench = borrowing_from_both()
    noticed(agreed_by_both(bench), LENDER, FUND)
    paid_in(bench, LOAN_FEN - FUND_FEN, LENDER_ACCOUNT)
    bench.hear(loan.rejected(), FUND)
    assert len(bench.said(ClosingRequested)) == 1
    close(bench)
    refunds = {(to, fen) for _, to, fen in paid(bench)}
    assert refunds == {(BUYER_ACCOUNT, DOWN_PAYMENT_FEN), (LENDER_ACCOUNT, LOAN_FEN - FUND_FEN)}


def test_LC_L3_a_no_after_the_entry_is_noted_and_the_loan_stands(bench: Bench) -> None:
    entered(bench).hear(loan.rejected(), LENDER)
    assert bench.said(ClosingRequested) == [] and waits(bench) == [] and alarms(bench) == []
    assert bench.refusal(bench.own(loan.rejection_answered(another_bank=False))).title == "nothing to answer"
    bench.hear(lc.quoted(), BANK)
    assert carry_out(bench, Purpose.PAYOFF).amount_fen == PAYOFF_FEN


def test_LC_L3_a_no_that_crosses_the_entry_is_asked_about_and_the_sale_goes_on(bench: Bench) -> None:
    lent(bench)
    bench.hear(loan.rejected(), LENDER)
    assert len(bench.said(ClosingRequested)) == 1
    bench.hear(loan.registered(), REGISTRY)
    bench.hear(ClosingRefused(entry_number=3), REGISTRY)
    quote = lc.quoted()
    bench.hear(quote, BANK)
    carry_out(bench, Purpose.PAYOFF)
    bench.hear(lc.booked(quote), BANK)
    bench.hear(lc.released(), REGISTRY)
    settle_all(bench)
    assert len(bench.said(CaseCompleted)) == 1 and len(bench.said(ClosingRequested)) == 1


# --- the other reasons -------------------------------------------------------------------------------------------


def test_X_3_notices_that_lapse_call_the_sale_off(bench: Bench) -> None:
    noticed(agreed(bench)).hear(loan.notice_lapsed(), REGISTRY)
    (asked,) = bench.said(ClosingRequested)
    assert (asked.clause, asked.because) == ("Civil Code 221", "the advance notices lapsed on 2027-02-22")
    assert [a.stage for a in bench.said(TransferApplicationMade)] == [Stage.NOTICE]


def test_X_3_a_refused_consent_calls_the_sale_off(bench: Bench) -> None:
    certified(bench)
    bench.hear(ConsentRefused(because="overdue", clause="LC-L4"), BANK)
    assert [c.clause for c in bench.said(ClosingRequested)] == ["LC-L4"]


@pytest.mark.parametrize("stage", list(Stage))
def test_X_3_a_final_refusal_of_either_application_calls_the_sale_off(bench: Bench, stage: Stage) -> None:
    lent(bench) if stage is Stage.REGISTRATION else agreed(bench)
    bench.hear(loan.refused(applied(bench, stage)), REGISTRY)
    assert [c.because for c in bench.said(ClosingRequested)] == ["a page is missing"]


def test_X_3_withdrawal_by_agreement_before_any_loan_refunds_the_buyer() -> None:
    bench = signed(loan.sale())
    certified(bench)
    bench.own(loan.withdrawal())
    close(bench)
    settle_all(bench)
    assert ended(bench) is not None, "without a lender nobody else is waited for"


# --- who is waited for --------------------------------------------------------------------------------------


def closed_with_the_loan_here(bench: Bench) -> Bench:
    """Called off after the bank has paid; its money and the buyer's are back on the rail."""
    lent(bench)
    bench.own(loan.withdrawal())
    close(bench)
    settle_all(bench)
    return bench


def test_X_1_each_payer_of_a_cancelled_case_has_its_own_back(bench: Bench) -> None:
    closed_with_the_loan_here(bench)
    refunds = [(Purpose.REFUND, BUYER_ACCOUNT, DOWN_PAYMENT_FEN), (Purpose.REFUND, LENDER_ACCOUNT, LOAN_FEN)]
    assert paid(bench) == refunds
    assert [r.kind for r in bench.said(DepositRefunded)] == [MoneyKind.DOWN_PAYMENT, MoneyKind.LOAN]


@pytest.mark.parametrize("last", ["lending ended", "loan returned", "notice ended"])
def test_X_3_the_case_is_cancelled_when_the_last_of_lender_and_registry_has_spoken(bench: Bench, last: str) -> None:
    closed_with_the_loan_here(bench)
    words: dict[str, tuple[Event, tuple]] = {
        "lending ended": (loan.lending_ended(LOAN_FEN), LENDER),
        "loan returned": (loan.loan_returned(), LENDER),
        "notice ended": (loan.notice_ended(), REGISTRY),
    }
    for name, (word, speaker) in words.items():
        if name != last:
            bench.hear(word, speaker)
    assert ended(bench) is None
    bench.hear(*words[last])
    assert ended(bench) is not None and alarms(bench) == []


def test_X_3_a_lender_that_had_sent_nothing_has_nothing_to_get_back(bench: Bench) -> None:
    noticed(agreed(bench)).own(loan.withdrawal())
    close(bench)
    settle_all(bench)
    bench.hear(loan.lending_ended(), LENDER)
    assert ended(bench) is None, "the notices still stand"
    bench.hear(loan.notice_ended(), REGISTRY)
    assert ended(bench) is not None


def test_X_3_notices_that_have_lapsed_need_not_be_ended(bench: Bench) -> None:
    noticed(agreed(bench)).hear(loan.notice_lapsed(), REGISTRY)
    close(bench)
    settle_all(bench)
    bench.hear(loan.lending_ended(), LENDER)
    assert ended(bench) is not None


def test_X_3_every_lender_is_waited_for_also_one_that_refused_and_one_that_joined() -> None:
    bench = borrowing_from_both()
    certificate = certified(bench).certificate
    bench.hear(loan.rejected(), LENDER)
    bench.own(loan.rejection_answered(another_bank=True))
    bench.hear(loan.join_requested(deposit_certificate=certificate.number, code=certificate.code), OTHER_BANK)
    bench.own(loan.withdrawal())
    close(bench)
    settle_all(bench)
    for lender in (LENDER, FUND, OTHER_BANK):
        assert ended(bench) is None
        bench.hear(loan.lending_ended(), lender)
    assert ended(bench) is not None


def test_X_3_a_loan_that_arrives_while_the_case_closes_is_sent_back_on_arrival(bench: Bench) -> None:
    noticed(agreed(bench)).own(loan.withdrawal())
    close(bench)
    bench.hear(loan.lending_ended(LOAN_FEN), LENDER)
    bench.hear(loan.notice_ended(), REGISTRY)
    settle_all(bench)
    assert ended(bench) is None, "the bank has said that its money is on the way"
    paid_in(bench, LOAN_FEN, LENDER_ACCOUNT)
    assert paid(bench)[-1] == (Purpose.REFUND, LENDER_ACCOUNT, LOAN_FEN)
    settle_all(bench)
    bench.hear(loan.loan_returned(), LENDER)
    assert ended(bench) is not None and bench.said(DepositConfirmed)[-1].kind is MoneyKind.DOWN_PAYMENT


def test_X_3_a_refused_folio_ends_the_case_without_a_word_of_the_lenders(bench: Bench) -> None:
    certified(bench)
    bench.hear(FolioRefused(reasons=(FREEZE,)), REGISTRY)
    assert bench.said(ClosingRequested) == []
    settle_all(bench)
    end = ended(bench)
    assert end is not None and (end.because, end.clause) == ("frozen by the court", "X-4")


def test_X_3_an_entry_that_stands_sends_the_case_forward_and_nothing_is_refunded(bench: Bench) -> None:
    lent(bench)
    bench.own(loan.withdrawal())
    bench.hear(loan.registered(), REGISTRY)
    bench.hear(ClosingRefused(entry_number=3), REGISTRY)
    bench.hear(lc.quoted(), BANK)
    assert [purpose for purpose, _, _ in paid(bench)] == [Purpose.PAYOFF]


def test_X_3_notices_that_were_being_registered_while_the_closing_was_asked_for_are_waited_for(bench: Bench) -> None:
    agreed(bench).own(loan.withdrawal())
    bench.hear(loan.noticed(application=applied(bench, Stage.NOTICE)), REGISTRY)
    close(bench)
    settle_all(bench)
    bench.hear(loan.lending_ended(), LENDER)
    assert ended(bench) is None
    bench.hear(loan.notice_ended(), REGISTRY)
    assert ended(bench) is not None


def test_X_3_money_after_the_end_is_an_incident(bench: Bench) -> None:
    bench.own(loan.withdrawal())
    close(bench)
    bench.hear(loan.lending_ended(), LENDER)
    assert ended(bench) is not None
    paid_in(bench, LOAN_FEN, LENDER_ACCOUNT)
    assert len(alarms(bench)) == 1 and waits(bench) == ["return-money"] and paid(bench) == []


@pytest.mark.parametrize("word", [loan.lending_ended(), loan.loan_returned()])
def test_X_3_a_lender_that_ends_what_nobody_has_closed_is_an_incident(bench: Bench, word: Event) -> None:
    agreed(bench).hear(word, LENDER)
    assert len(alarms(bench)) == 1


def test_X_3_decisions_of_a_lender_that_cross_the_closing_change_nothing(bench: Bench) -> None:
    certified(bench)
    bench.own(loan.withdrawal())
    for word in (loan.approved(), loan.rejected()):
        bench.hear(word, LENDER)
    close(bench)
    assert (len(bench.file(LoanApproved)), len(bench.file(LoanRejected))) == (1, 1)
    assert bench.subject().file(bench.case).phase is Phase.CLOSING
    assert waits(bench) == [] and bench.said(TransferApplicationMade) == []
    assert paid(bench) == [(Purpose.REFUND, BUYER_ACCOUNT, DOWN_PAYMENT_FEN)]


def test_X_1_two_loans_and_a_down_payment_are_all_accounted_for_when_the_case_is_cancelled() -> None:
    bench = borrowing_from_both()
    noticed(agreed_by_both(bench), LENDER, FUND)
    paid_in(bench, LOAN_FEN - FUND_FEN + 5, LENDER_ACCOUNT)
    paid_in(bench, FUND_FEN, FUND_ACCOUNT)
    bench.own(PaymentAccepted(payment=bench.file(Pay)[0].id, rail_transfer="R"))
    bench.own(loan.withdrawal())
    close(bench)
    settle_all(bench)
    sent = {LENDER: LOAN_FEN - FUND_FEN + 5, FUND: FUND_FEN}
    for lender, fen in sent.items():
        bench.hear(loan.lending_ended(fen), lender)
        bench.hear(loan.loan_returned(fen), lender)
    bench.hear(loan.notice_ended(), REGISTRY)
    end = ended(bench)
    assert end is not None and end.money is not None and end.money.held_fen == 0
    back: dict[str, int] = {}
    for line in end.money.payments:
        back[line.account] = back.get(line.account, 0) + (1 if line.direction == "in" else -1) * line.amount_fen
    assert set(back) == {BUYER_ACCOUNT, LENDER_ACCOUNT, FUND_ACCOUNT} and not any(back.values())
    assert end.money.in_fen == sum(m.fact.amount_fen for m in bench.file(MoneyReceived))


def test_X_1_money_that_crosses_its_lenders_no_is_kept_until_the_registry_has_answered(bench: Bench) -> None:
    agreed(bench)
    paid_in(bench, LOAN_FEN, LENDER_ACCOUNT)
    bench.hear(loan.rejected(), LENDER)
    assert waits(bench) == [] and paid(bench) == [], "the entry may stand, and would need it"
    close(bench)
    settle_all(bench)
    assert [r.kind for r in bench.said(DepositRefunded)] == [MoneyKind.DOWN_PAYMENT, MoneyKind.LOAN]


# --- money that goes to and fro ---------------------------------------------------------------------------------------


def test_X_1_money_does_not_go_to_and_fro_between_the_escrow_and_the_sellers_bank(bench: Bench) -> None:
    """Sent by hand, while a lender is late: the bank returns by itself what pays no debt."""
    agreed(bench)
    bench.own(loan.withdrawal())
    close(bench)
    settle_all(bench)
    for line, sent in enumerate((7_00, 7_00, 5_00), start=70):
        bench.own(lc.money(sent, payer=BANK_ACCOUNT, line=line))
        settle_all(bench)
    back = [pay for pay in bench.said(Pay) if pay.to_account == BANK_ACCOUNT]
    assert [pay.amount_fen for pay in back] == [7_00], "the first time it goes back by itself"
    assert waits(bench) == ["return-money"] and len(alarms(bench)) == 2
    bench.hear(loan.lending_ended(), LENDER)
    assert ended(bench) is None, "the case does not end over money that is still here"
    for row in (bench.file(MoneyReceived)[-2], bench.file(MoneyReceived)[-1]):
        bench.own(ReturnOrdered(by_clerk="Wang", money=row.id))
        settle_all(bench)
    end = ended(bench)
    assert end is not None and end.money is not None and end.money.held_fen == 0 and waits(bench) == []
