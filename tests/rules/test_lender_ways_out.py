"""How a lender gets out of a case: nothing more goes out, and what it has sent comes back (X-1, X-3)."""

from typing import Any

import pytest

from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.lender import LendingEnded, LoanDisbursed, LoanReturned
from contracts.events.registry import FolioRefused, Reason, RefusalReason
from services.lending.facts import ReturnOrdered
from services.runtime.core.facts import (
    MoneyReceived,
    Pay,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    Purpose,
)
from tests.rules import lender_cases as own
from tests.rules.lender_cases import UNMATCHED, actions, alarms, applied_for, approved, money, named, noticed, paid
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import FOLIO, Bench

CANCELLED = CaseCancelled(because="called off", clause="X-3")
COMPLETED = CaseCompleted(ownership_certificate=lc.document("不动产权证书", 4))
HALF_FEN = ln.LOAN_FEN // 2


def ended(bench: Bench) -> list[int]:
    """What it has said that it had sent."""
    return [word.sent_fen for word in bench.said(LendingEnded)]


def came_back(bench: Bench) -> list[int | None]:
    return [word.amount_fen for word in bench.said(LoanReturned)]


def closed(bench: Bench) -> Bench:
    bench.hear(ln.closed(), lc.REGISTRY)
    return bench


def back(receipt: str) -> ReturnOrdered:
    return ReturnOrdered(by_clerk="Qian", money=receipt)


def again(payment: str, to_account: str | None = None) -> PaymentOrderedAgain:
    return PaymentOrderedAgain(by_clerk="Qian", payment=payment, to_account=to_account)


# --- the closing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [named, approved, applied_for])
def test_X_3_X_1_every_party_says_once_that_nothing_goes_out_any_more(step: Any) -> None:
    bench = closed(step())
    assert ended(bench) == [0]
    assert came_back(bench) == []
    assert actions(bench) == []


def test_X_3_a_lender_that_has_refused_says_it_too() -> None:
    bench = named()
    bench.own(own.no())
    assert ended(closed(bench)) == [0]


def test_X_3_on_a_refused_folio_nothing_has_to_be_said() -> None:
    bench = named()
    reason = Reason(reason=RefusalReason.FREEZE, detail="冻结", clause="X-4")
    bench.hear(FolioRefused(reasons=(reason,)), lc.REGISTRY)
    assert ended(bench) == []
    assert actions(bench) == []


def test_X_1_what_was_sent_is_said_and_then_that_it_is_back() -> None:
    bench = closed(paid())
    assert (ended(bench), came_back(bench)) == ([ln.LOAN_FEN], [])
    bench.own(money(HALF_FEN))
    assert came_back(bench) == []
    bench.own(money(ln.LOAN_FEN - HALF_FEN, line=10))
    assert came_back(bench) == [ln.LOAN_FEN]
    assert alarms(bench) == []
    bench.hear(CANCELLED, lc.NOTARY)
    assert bench.conversation()[-2:] == ["LendingEnded", "LoanReturned"]
    assert alarms(bench) == []


def test_X_1_X_3_lending_has_not_ended_as_long_as_the_rail_has_not_answered() -> None:
    bench = closed(noticed())
    assert ended(bench) == []
    own.accepted(bench)
    assert bench.conversation()[-2:] == ["LoanDisbursed", "LendingEnded"]
    assert ended(bench) == [ln.LOAN_FEN]
    own.settled(bench)
    bench.own(money())
    assert came_back(bench) == [ln.LOAN_FEN]


def test_X_1_X_3_what_the_rail_refused_was_not_sent() -> None:
    bench = closed(noticed())
    own.refused_by_the_rail(bench)
    assert (ended(bench), came_back(bench)) == ([0], [])
    assert bench.said(LoanDisbursed) == []


def test_X_1_what_the_rail_brings_back_after_the_closing_is_back() -> None:
    bench = noticed()
    own.accepted(bench)
    closed(bench)
    assert ended(bench) == [ln.LOAN_FEN]
    own.returned_by_the_rail(bench)
    assert came_back(bench) == [ln.LOAN_FEN]


def test_X_1_what_had_come_back_before_the_closing_is_said_to_be_back_at_once() -> None:
    bench = paid()
    bench.own(money())
    closed(bench)
    assert (ended(bench), came_back(bench)) == ([ln.LOAN_FEN], [ln.LOAN_FEN])


def test_X_3_a_failed_loan_is_not_ordered_again_in_a_closed_case() -> None:
    bench = noticed()
    own.refused_by_the_rail(bench)
    closed(bench)
    assert actions(bench) == []
    assert bench.refusal(bench.own(again(own.newest(bench)))).clause == "X-3"
    assert len(own.loans(bench)) == 1
    assert ended(bench) == [0]


def test_X_3_a_no_after_the_money_is_out_leaves_it_to_the_closing() -> None:
    bench = paid()
    bench.own(own.withdrawn())
    assert ended(closed(bench)) == [ln.LOAN_FEN]


def test_X_3_a_lapse_with_our_loan_out_is_seen() -> None:
    for bench, seen in ((applied_for(), []), (paid(), ["X-3, Civil Code 221"])):
        bench.hear(ln.notice_lapsed(), lc.REGISTRY)
        assert [alarm.clause for alarm in alarms(bench)] == seen


def test_X_2_X_3_our_notice_ends_when_we_are_whole() -> None:
    for come_back, seen in ((True, []), (False, ["X-2, X-3"])):
        bench = closed(paid())
        if come_back:
            bench.own(money())
        bench.hear(ln.notice_ended(), lc.REGISTRY)
        assert [alarm.clause for alarm in alarms(bench)] == seen
    bench = paid()
    bench.hear(ln.notice_ended(), lc.REGISTRY)
    assert [alarm.clause for alarm in alarms(bench)] == ["X-3"]


def test_X_1_X_2_no_case_ends_with_our_loan_out_and_without_our_mortgage() -> None:
    bench = paid()
    bench.hear(ln.registered(), lc.REGISTRY)
    bench.hear(COMPLETED, lc.NOTARY)
    assert alarms(bench) == []
    bench = paid()
    bench.hear(CANCELLED, lc.NOTARY)
    assert [alarm.clause for alarm in alarms(bench)] == ["X-1, X-3"]


@pytest.mark.parametrize("mortgages", [ln.registered().new_mortgages, ()], ids=["with our mortgage", "without it"])
def test_X_1_X_2_of_a_completed_case_the_entry_decides_though_its_news_comes_after_the_end(mortgages: Any) -> None:
    bench = paid()
    bench.hear(COMPLETED, lc.NOTARY)
    assert alarms(bench) == []
    bench.hear(ln.registered().model_copy(update={"new_mortgages": mortgages}), lc.REGISTRY)
    assert [alarm.clause for alarm in alarms(bench)] == ([] if mortgages else ["X-1, X-2"])


@pytest.mark.parametrize("end", [ln.closed(), CANCELLED])
def test_X_2_X_3_an_entry_in_a_case_that_was_closed_is_seen(end: Any) -> None:
    bench = named()
    bench.hear(end, lc.NOTARY if end is CANCELLED else lc.REGISTRY)
    bench.hear(ln.registered(), lc.REGISTRY)
    assert [alarm.clause for alarm in alarms(bench)] == ["X-3"]


# --- money that is no return ------------------------------------------------------------------------------------------


def receipt(bench: Bench, case: str = own.CASE, subject: str = FOLIO) -> str:
    return bench.file(MoneyReceived, case=case, subject=subject)[-1].id


@pytest.mark.parametrize(
    ("arrived", "beside_fen"),
    [(money(500, lc.STRANGER_ACCOUNT), 500), (money(ln.LOAN_FEN + 7), 7)],
    ids=["from somebody", "more than we had sent"],
)
def test_X_1_what_is_no_return_of_our_loan_is_seen_and_sent_back(arrived: MoneyReceived, beside_fen: int) -> None:
    bench = closed(paid())
    bench.own(arrived)
    assert [alarm.what.split()[0] for alarm in alarms(bench)] == [str(beside_fen)]
    assert own.what(bench, "return-money") == f"{beside_fen} fen that are no return of our loan"
    assert bench.refusal(bench.own(back("no-such-receipt"))).title == "nothing to return"
    bench.own(back(receipt(bench)))
    order = bench.said(Pay)[-1]
    assert (order.purpose, order.amount_fen, order.to_account, order.from_account, order.because) == (
        Purpose.REFUND, beside_fen, arrived.from_account, ln.LENDER_ACCOUNT, "X-1",
    )  # fmt: skip
    assert actions(bench) == []
    assert bench.refusal(bench.own(back(receipt(bench)))).clause == "X-1"
    said = bench.said(LoanDisbursed)
    own.accepted(bench, "B-1")
    assert bench.said(LoanDisbursed) == said


@pytest.mark.parametrize("end", [CANCELLED, COMPLETED])
def test_X_1_money_after_the_end_is_seen_and_sent_back_though_the_rail_says_no_at_first(end: Any) -> None:
    bench = named()
    bench.hear(end, lc.NOTARY)
    bench.own(money(500))
    assert len(alarms(bench)) == 1
    bench.own(back(receipt(bench)))
    failed = own.newest(bench)
    own.refused_by_the_rail(bench)
    assert actions(bench) == ["order-payment-again"]
    assert [alarm.clause for alarm in alarms(bench)] == ["X-1", "X-1"]
    bench.own(again(failed, lc.STRANGER_ACCOUNT))
    assert [pay.to_account for pay in bench.said(Pay)] == [lc.ESCROW_ACCOUNT, lc.STRANGER_ACCOUNT]
    own.accepted(bench)
    own.settled(bench)
    assert actions(bench) == []


def test_X_1_money_that_names_no_case_is_seen_and_sent_back_by_its_receipt() -> None:
    bench = own.lender()
    bench.own(money(500, lc.STRANGER_ACCOUNT), case="", subject=UNMATCHED)
    assert len(alarms(bench, "")) == 1
    assert own.what(bench, "return-money", UNMATCHED) == "500 fen that name no case"
    order = back(receipt(bench, "", UNMATCHED))
    bench.own(order, case="", subject=UNMATCHED)
    assert actions(bench, UNMATCHED) == []
    assert bench.refusal(bench.own(order, case="", subject=UNMATCHED)).title == "nothing to return"
    payment = own.newest(bench, "", UNMATCHED)
    assert [(p.to_account, p.amount_fen) for p in bench.said(Pay, case="")] == [(lc.STRANGER_ACCOUNT, 500)]
    bench.own(PaymentAccepted(payment=payment, rail_transfer="B-1"), case="", subject=UNMATCHED)
    failed = PaymentReturned(payment=payment, account=ln.LENDER_ACCOUNT, line=3, amount_fen=500, why="closed")
    bench.own(failed, case="", subject=UNMATCHED)
    assert actions(bench, UNMATCHED) == ["return-money"]
    assert bench.refusal(bench.own(again(payment), case="", subject=UNMATCHED)).title == "ordered by its receipt"
    bench.own(order, case="", subject=UNMATCHED)
    assert len(bench.said(Pay, case="")) == 2
    bench.own(PaymentRefused(payment=own.newest(bench, "", UNMATCHED), why="closed"), case="", subject=UNMATCHED)
    assert actions(bench, UNMATCHED) == ["return-money"]
