"""The escrow in LC-FULL: each demand by name, each way out, every order of arrival."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.event import Event, Role
from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened, ClosingRequested, DeadlineMissed
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    DepositRefunded,
    MoneyKind,
    PayoffTransferred,
    TransferApplicationMade,
)
from contracts.events.registry import (
    ClosingRefused,
    FolioRefused,
    RegistrationRefused,
    RegistrationReturned,
)
from contracts.events.seller_bank import ConsentRefused
from contracts.period import Days, Period, Source
from services.escrow.facts import ApplicationMended, ReturnOrdered, WithdrawalAgreed
from services.escrow.rules import RULEBOOK
from services.runtime.core.facts import (
    MoneyReceived,
    Pay,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    PeriodPassed,
    PeriodStarted,
    Purpose,
)
from tests.rules.escrow_cases import FREEZE, alarms, carry_out, close, opened, paid_in, settle, waits
from tests.support import liaocheng as lc
from tests.support.bench import Bench
from tests.support.liaocheng import BANK, BANK_ACCOUNT, BUYER_ACCOUNT, PAYOFF_FEN, PRICE_FEN, REGISTRY, SELLER_ACCOUNT


@pytest.fixture
def bench() -> Bench:
    return opened()


def entered(bench: Bench) -> Bench:
    """Up to the entry in the register."""
    paid_in(bench)
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(lc.consent(), BANK)
    bench.hear(lc.registered(), REGISTRY)
    return bench


# --- LC-F1 ------------------------------------------------------------------------------------------------------------


def test_LC_F1_the_case_opens_when_everybody_has_signed_both_papers() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    bench.own(lc.sale())
    *others, last = lc.signatures()
    for signature in others:
        bench.own(signature)
    assert bench.conversation() == [] and waits(bench) == ["sign"]
    bench.own(last)
    assert bench.conversation() == ["CaseOpened"]
    said = bench.said(CaseOpened)[0]
    assert said.agreement.number == "(2026)测试提协字第0000001号"
    assert said.price_fen == PRICE_FEN


def test_LC_F1_the_sellers_bank_does_not_hear_the_price_or_who_buys(bench: Bench) -> None:
    copy = bench.said(CaseOpened)[0].copy_for(Role.SELLER_BANK)
    assert {"price_fen", "buyers", "deposit_account"}.isdisjoint(copy)
    assert "buyers" in bench.said(CaseOpened)[0].copy_for(Role.REGISTRY)


def test_LC_F1_a_signature_of_nobody_in_the_contract_is_refused() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    bench.own(lc.sale())
    stranger = lc.signatures()[0].model_copy(update={"person": lc.STRANGER.id_number})
    assert bench.refusal(bench.own(stranger)).title == "no party"


def test_LC_F1_the_same_signature_twice_is_refused(bench: Bench) -> None:
    assert bench.refusal(bench.own(lc.signatures()[0])).title == "signed already"


def test_LC_F1_a_sale_without_its_registry_is_refused() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    without = {role: name for role, name in lc.INSTITUTIONS.items() if role is not Role.REGISTRY}
    refused = bench.refusal(bench.own(lc.sale(institutions=without)))
    assert (refused.title, refused.status) == ("institution missing", 422)


def test_LC_F1_a_procedure_nobody_knows_is_refused() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    assert bench.refusal(bench.own(lc.sale(edition="1999-01-01"))).status in (404, 422)


def test_LC_F1_the_full_price_is_certified(bench: Bench) -> None:
    paid_in(bench)
    certificate = bench.said(DepositConfirmed)[0]
    assert (certificate.kind, certificate.amount_fen, certificate.price_complete) == (MoneyKind.PRICE, PRICE_FEN, True)
    assert certificate.certificate.title == "购房款到账提存公证书"


def test_LC_F1_a_deposit_one_fen_short_is_not_certified(bench: Bench) -> None:
    paid_in(bench, PRICE_FEN - 1)
    assert bench.said(DepositConfirmed) == [] and waits(bench) == ["pay-in"]
    assert bench.rows("wait")[0].data["what"] == "1 fen of the price"
    paid_in(bench, 1)
    assert [d.amount_fen for d in bench.said(DepositConfirmed)] == [PRICE_FEN] and waits(bench) == []


def test_X_1_what_a_buyer_pays_too_much_goes_back_to_that_buyer(bench: Bench) -> None:
    paid_in(bench, PRICE_FEN - 10)
    paid_in(bench, 25)
    assert [(p.amount_fen, p.to_account, p.purpose) for p in bench.said(Pay)] == [(15, BUYER_ACCOUNT, Purpose.EXCESS)]
    carry_out(bench, Purpose.EXCESS)
    assert [r.amount_fen for r in bench.said(DepositRefunded)] == [15]


def test_X_1_a_strangers_money_pays_for_nothing_and_a_clerk_sends_it_back(bench: Bench) -> None:
    paid_in(bench, PRICE_FEN, lc.STRANGER_ACCOUNT)
    assert bench.said(DepositConfirmed) == []
    assert len(alarms(bench)) == 1 and set(waits(bench)) == {"pay-in", "return-money"}
    receipt = bench.file(MoneyReceived)[0].id
    assert bench.refusal(bench.own(ReturnOrdered(by_clerk="Li", money="another"))).title == "nothing to return"
    bench.own(ReturnOrdered(by_clerk="Li", money=receipt))
    assert [(p.to_account, p.amount_fen) for p in bench.said(Pay)] == [(lc.STRANGER_ACCOUNT, PRICE_FEN)]
    assert bench.refusal(bench.own(ReturnOrdered(by_clerk="Li", money=receipt))).title == "nothing to return"


# --- LC-F2, LC-F3 -----------------------------------------------------------------------------------------------------


def test_LC_F3_the_application_names_consent_and_deposit(bench: Bench) -> None:
    paid_in(bench)
    bench.hear(lc.reserved(), REGISTRY)
    assert bench.said(TransferApplicationMade) == []
    bench.hear(lc.consent(), BANK)
    application = bench.said(TransferApplicationMade)[0]
    assert application.consent == lc.consent().opinion.number
    assert application.deposit_certificates == (bench.said(DepositConfirmed)[0].certificate.number,)
    assert application.power_of_attorney == bench.said(CaseOpened)[0].power_of_attorney.number  # type: ignore[union-attr]


def test_X_2_an_estimate_above_the_price_waits_for_the_sellers_top_up(bench: Bench) -> None:
    paid_in(bench)
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(lc.consent(PRICE_FEN + 300), BANK)
    assert bench.said(TransferApplicationMade) == [] and waits(bench) == ["top-up"]
    paid_in(bench, 299, SELLER_ACCOUNT)
    assert bench.said(TransferApplicationMade) == []
    paid_in(bench, 1, SELLER_ACCOUNT)
    assert [d.kind for d in bench.said(DepositConfirmed)] == [MoneyKind.PRICE, MoneyKind.TOP_UP]
    assert len(bench.said(TransferApplicationMade)[0].deposit_certificates) == 2


def test_X_3_a_returned_application_is_mended_and_made_again(bench: Bench) -> None:
    paid_in(bench)
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(lc.consent(), BANK)
    first = bench.said(TransferApplicationMade)[0].application.number
    mended = ApplicationMended(by_clerk="Li", application=first, mended="the contract's copy is legible now")
    assert bench.refusal(bench.own(mended)).title == "not returned"
    bench.hear(RegistrationReturned(application=first, reasons=(FREEZE,)), REGISTRY)
    assert waits(bench) == ["mend-application"]
    bench.own(mended)
    assert [a.round for a in bench.said(TransferApplicationMade)] == [1, 2]
    assert bench.refusal(bench.own(mended)).title == "mended already"


# --- LC-F4 ------------------------------------------------------------------------------------------------------------


def test_LC_F4_the_bank_is_paid_what_its_statement_says_and_then_the_seller(bench: Bench) -> None:
    entered(bench)
    assert bench.said(Pay) == []
    quote = lc.quoted()
    bench.hear(quote, BANK)
    payoff = carry_out(bench, Purpose.PAYOFF)
    assert (payoff.amount_fen, payoff.to_account) == (PAYOFF_FEN, BANK_ACCOUNT)
    assert bench.said(PayoffTransferred)[0].quote == quote.statement.number
    assert len(bench.said(Pay)) == 1, "the seller waits until the bank has booked its own"
    bench.hear(lc.booked(quote), BANK)
    balance = carry_out(bench, Purpose.BALANCE)
    assert (balance.amount_fen, balance.to_account) == (PRICE_FEN - PAYOFF_FEN, SELLER_ACCOUNT)
    assert len(bench.said(BalancePaid)) == 1 and bench.said(CaseCompleted) == []
    bench.hear(lc.released(), REGISTRY)
    end = bench.said(CaseCompleted)[0]
    assert end.money is not None
    assert (end.money.in_fen, end.money.out_fen, end.money.held_fen) == (PRICE_FEN, PRICE_FEN, 0)
    assert alarms(bench) == [] and waits(bench) == []


def test_X_2_nobody_is_paid_before_the_entry(bench: Bench) -> None:
    paid_in(bench)
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(lc.consent(), BANK)
    bench.hear(lc.quoted(), BANK)
    assert bench.said(Pay) == []


def test_LC_F4_the_case_is_not_complete_before_the_balance_has_settled(bench: Bench) -> None:
    quote = lc.quoted()
    entered(bench).hear(quote, BANK)
    carry_out(bench, Purpose.PAYOFF)
    bench.hear(lc.booked(quote), BANK)
    bench.hear(lc.released(), REGISTRY)
    order = bench.file(Pay)[-1]
    bench.own(PaymentAccepted(payment=order.id, rail_transfer="R"))
    assert bench.said(CaseCompleted) == []
    settle(bench, order.id, order.fact.amount_fen)
    assert len(bench.said(CaseCompleted)) == 1


def test_LC_F4_a_statement_made_before_a_booking_is_not_paid_after_it(bench: Bench) -> None:
    first = lc.quoted()
    entered(bench).hear(first, BANK)
    carry_out(bench, Purpose.PAYOFF)
    bench.hear(lc.quoted(PAYOFF_FEN + 100, n=6), BANK)  # it was stated anew before the money was booked
    bench.hear(lc.booked(first, open_fen=100), BANK)
    bench.hear(lc.quoted(100, n=7), BANK)
    assert [pay.amount_fen for pay in bench.said(Pay)] == [PAYOFF_FEN, 100]


def test_LC_F4_an_open_rest_is_paid_by_a_new_statement_before_the_seller(bench: Bench) -> None:
    first, second = lc.quoted(n=5), lc.quoted(1, n=6)
    entered(bench).hear(first, BANK)
    carry_out(bench, Purpose.PAYOFF)
    bench.hear(lc.booked(first, open_fen=1), BANK)
    assert [p.purpose for p in bench.said(Pay)] == [Purpose.PAYOFF]
    bench.hear(second, BANK)
    assert carry_out(bench, Purpose.PAYOFF).amount_fen == 1
    bench.hear(lc.booked(second), BANK)
    assert carry_out(bench, Purpose.BALANCE).amount_fen == PRICE_FEN - PAYOFF_FEN - 1


def test_LC_F4_a_second_statement_while_the_first_is_on_its_way_is_not_paid(bench: Bench) -> None:
    entered(bench).hear(lc.quoted(n=5), BANK)
    bench.hear(lc.quoted(n=6), BANK)
    assert len(bench.said(Pay)) == 1


def test_LC_F4_a_statement_past_its_date_is_not_paid(bench: Bench) -> None:
    entered(bench).hear(lc.quoted(good_through=date(2026, 11, 22)), BANK)
    assert bench.said(Pay) == []
    bench.hear(lc.quoted(n=6), BANK)
    assert len(bench.said(Pay)) == 1


def test_LC_F4_a_statement_that_grew_old_while_an_earlier_payment_was_on_its_way_is_not_paid(bench: Bench) -> None:
    entered(bench).hear(lc.quoted(n=5), BANK)
    first = bench.file(Pay)[0]
    bench.hear(lc.quoted(n=6), BANK)
    bench.later(days=6)
    back = {"account": lc.ESCROW_ACCOUNT, "line": 2, "amount_fen": PAYOFF_FEN}
    bench.own(PaymentReturned(payment=first.id, why="account closed", **back))
    assert len(bench.said(Pay)) == 1
    bench.hear(lc.quoted(n=7, good_through=(bench.now + timedelta(days=3)).date()), BANK)
    assert len(bench.said(Pay)) == 2


def test_LC_F4_the_banks_surplus_comes_back_before_the_seller_is_paid(bench: Bench) -> None:
    quote = lc.quoted()
    entered(bench).hear(quote, BANK)
    carry_out(bench, Purpose.PAYOFF)
    bench.hear(lc.booked(quote, surplus_fen=7), BANK)
    assert [p.purpose for p in bench.said(Pay)] == [Purpose.PAYOFF]
    paid_in(bench, 7, BANK_ACCOUNT)
    assert carry_out(bench, Purpose.BALANCE).amount_fen == PRICE_FEN - PAYOFF_FEN + 7


def test_X_2_a_debt_that_outgrew_the_money_waits_for_a_late_top_up(bench: Bench) -> None:
    entered(bench).hear(lc.quoted(PRICE_FEN + 5), BANK)
    assert bench.said(Pay) == [] and len(alarms(bench)) == 1
    paid_in(bench, 5, SELLER_ACCOUNT)
    assert carry_out(bench, Purpose.PAYOFF).amount_fen == PRICE_FEN + 5


def test_LC_F4_a_statement_for_another_account_than_the_consents_is_not_paid(bench: Bench) -> None:
    entered(bench).hear(lc.quoted().model_copy(update={"to_account": "SOMEBODY-ELSE"}), BANK)
    assert bench.said(Pay) == [] and len(alarms(bench)) == 1


def test_LC_F4_a_price_that_is_just_the_debt_leaves_nothing_for_the_seller(bench: Bench) -> None:
    quote = lc.quoted(PRICE_FEN)
    entered(bench).hear(quote, BANK)
    carry_out(bench, Purpose.PAYOFF)
    bench.hear(lc.booked(quote), BANK)
    bench.hear(lc.released(), REGISTRY)
    assert bench.conversation()[-1] == "CaseCompleted" and bench.said(BalancePaid) == []


@pytest.mark.parametrize("failure", [PaymentRefused, PaymentReturned])
def test_X_1_a_payment_that_fails_waits_for_a_clerk_and_is_paid_once_more(bench: Bench, failure: type) -> None:
    entered(bench).hear(lc.quoted(), BANK)
    first = bench.file(Pay)[0]
    extra = {"account": lc.ESCROW_ACCOUNT, "line": 2, "amount_fen": PAYOFF_FEN} if failure is PaymentReturned else {}
    bench.own(failure(payment=first.id, why="account closed", **extra))
    assert waits(bench) == ["order-payment-again"] and len(alarms(bench)) == 1 and len(bench.said(Pay)) == 1
    again = PaymentOrderedAgain(by_clerk="Li", payment=first.id)
    bench.own(again)
    assert len(bench.said(Pay)) == 2 and waits(bench) == []
    assert bench.file(Pay)[1].id != first.id
    assert bench.refusal(bench.own(again)).title == "not failed"


def test_X_2_a_failed_payoff_goes_to_no_other_account_than_the_consents(bench: Bench) -> None:
    entered(bench).hear(lc.quoted(), BANK)
    failed = bench.file(Pay)[0]
    bench.own(PaymentRefused(payment=failed.id, why="closed"))
    elsewhere = PaymentOrderedAgain(by_clerk="Li", payment=failed.id, to_account=lc.STRANGER_ACCOUNT)
    assert bench.refusal(bench.own(elsewhere)).title == "another account"
    assert len(bench.said(Pay)) == 1


def test_LC_L6_a_failed_payoff_is_not_paid_again_on_an_old_statement(bench: Bench) -> None:
    entered(bench).hear(lc.quoted(), BANK)
    failed = bench.file(Pay)[0]
    bench.own(PaymentRefused(payment=failed.id, why="closed"))
    bench.later(days=6)
    again = PaymentOrderedAgain(by_clerk="Li", payment=failed.id)
    assert bench.refusal(bench.own(again)).title == "statement out of date"
    bench.hear(lc.quoted(PAYOFF_FEN + 1, n=6, good_through=(bench.now + timedelta(days=3)).date()), BANK)
    assert [pay.amount_fen for pay in bench.said(Pay)] == [PAYOFF_FEN, PAYOFF_FEN + 1] and waits(bench) == []
    assert bench.refusal(bench.own(again)).title == "not failed"


def test_LC_F1_a_sale_of_another_notary_is_refused() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK)
    refused = bench.refusal(bench.own(lc.sale(institutions={**lc.INSTITUTIONS, Role.ESCROW: "another-notary"})))
    assert (refused.title, refused.status) == ("another institution", 422)


# --- ways out ---------------------------------------------------------------------------------------------------------


def test_X_3_a_refused_consent_calls_the_sale_off_and_the_buyer_has_his_money_back(bench: Bench) -> None:
    paid_in(bench)
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(ConsentRefused(because="overdue", clause="LC-F2"), BANK)
    assert bench.said(ClosingRequested)[0].clause == "LC-F2" and bench.said(Pay) == []
    close(bench)
    refund = carry_out(bench, Purpose.REFUND)
    assert (refund.amount_fen, refund.to_account) == (PRICE_FEN, BUYER_ACCOUNT)
    end = bench.said(CaseCancelled)[0]
    assert end.money is not None and end.money.held_fen == 0 and end.money.out_fen == PRICE_FEN


def test_X_4_a_refused_folio_ends_the_case_without_a_closing(bench: Bench) -> None:
    paid_in(bench)
    bench.hear(FolioRefused(reasons=(FREEZE,)), REGISTRY)
    carry_out(bench, Purpose.REFUND)
    assert bench.said(ClosingRequested) == [] and bench.said(CaseCancelled)[0].because == "frozen by the court"


def test_X_3_a_final_refusal_by_the_registry_calls_the_sale_off(bench: Bench) -> None:
    paid_in(bench)
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(lc.consent(), BANK)
    number = bench.said(TransferApplicationMade)[0].application.number
    bench.hear(RegistrationRefused(application=number, reasons=(FREEZE,)), REGISTRY)
    close(bench)
    carry_out(bench, Purpose.REFUND)
    assert bench.conversation()[-1] == "CaseCancelled"


def withdrawal(*people: str) -> WithdrawalAgreed:
    signed = people or (lc.SELLER.id_number, lc.BUYER.id_number)
    return WithdrawalAgreed.model_validate({"by_clerk": "Li", "signed_by": signed, "because": "changed their minds"})


def test_X_3_withdrawal_before_the_application_refunds_each_payer_its_own(bench: Bench) -> None:
    paid_in(bench, 1_000)
    paid_in(bench, 50, SELLER_ACCOUNT)
    bench.own(withdrawal())
    close(bench)
    assert {(p.to_account, p.amount_fen) for p in bench.said(Pay)} == {(BUYER_ACCOUNT, 1_000), (SELLER_ACCOUNT, 50)}
    for order in bench.file(Pay):
        settle(bench, order.id, order.fact.amount_fen)
    assert len(bench.said(CaseCancelled)) == 1


def test_X_3_a_withdrawal_that_not_all_have_signed_is_refused(bench: Bench) -> None:
    assert bench.refusal(bench.own(withdrawal(lc.SELLER.id_number))).title == "not agreed"


def test_X_3_a_withdrawal_after_the_entry_is_too_late(bench: Bench) -> None:
    assert bench.refusal(entered(bench).own(withdrawal())).title == "too late"


def test_X_3_nothing_is_refunded_before_the_registry_has_closed(bench: Bench) -> None:
    paid_in(bench)
    bench.own(withdrawal())
    assert bench.said(Pay) == []


def test_X_3_money_that_arrives_during_the_closing_is_refunded_on_arrival(bench: Bench) -> None:
    bench.own(withdrawal())
    paid_in(bench, 10)
    close(bench)
    paid_in(bench, 20)
    assert [p.amount_fen for p in bench.said(Pay)] == [10, 20]


def test_X_3_a_closing_refused_lets_the_case_go_on(bench: Bench) -> None:
    paid_in(bench)
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(lc.consent(), BANK)
    bench.own(withdrawal())
    bench.hear(ClosingRefused(entry_number=2), REGISTRY)
    bench.hear(lc.registered(), REGISTRY)
    bench.hear(lc.quoted(), BANK)
    assert carry_out(bench, Purpose.PAYOFF).amount_fen == PAYOFF_FEN


def test_X_3_money_after_the_end_is_an_incident_and_a_clerk_returns_it(bench: Bench) -> None:
    bench.own(withdrawal())
    close(bench)
    assert bench.conversation()[-1] == "CaseCancelled"
    paid_in(bench, 30)
    assert len(alarms(bench)) == 1 and waits(bench) == ["return-money"] and bench.said(Pay) == []
    bench.own(ReturnOrdered(by_clerk="Li", money=bench.file(MoneyReceived)[0].id))
    assert [(p.to_account, p.amount_fen) for p in bench.said(Pay)] == [(BUYER_ACCOUNT, 30)]


def test_X_1_money_that_names_no_case_waits_for_a_clerk() -> None:
    bench = Bench(*lc.NOTARY, RULEBOOK, case="")
    key = "unmatched:" + lc.ESCROW_ACCOUNT
    bench.own(lc.money(77), subject=key)
    receipt = bench.file(MoneyReceived, subject=key)[0]
    assert [row.data["about"] for row in bench.rows("wait", key)] == [receipt.id]
    bench.own(ReturnOrdered(by_clerk="Li", money=receipt.id), subject=key)
    assert [p.amount_fen for p in bench.said(Pay)] == [77] and bench.rows("wait", key) == []


def unmatched(*amounts_fen: int) -> tuple[Bench, str]:
    """An escrow that got money without a case, and the subject it is kept under."""
    bench, key = Bench(*lc.NOTARY, RULEBOOK, case=""), "unmatched:" + lc.ESCROW_ACCOUNT
    for line, amount_fen in enumerate(amounts_fen, 1):
        bench.own(lc.money(amount_fen, line=line), subject=key)
    return bench, key


def test_X_1_money_that_names_no_case_is_an_incident_so_that_somebody_sees_it() -> None:
    bench, key = unmatched(77, 78)
    receipts = bench.file(MoneyReceived, subject=key)
    shown = [row.data["what"] for row in bench.rows("incident", key)]
    assert len(shown) == 2
    for receipt, what in zip(receipts, shown, strict=True):
        assert f"{receipt.fact.amount_fen} fen" in what and receipt.id in what


def test_X_1_money_that_names_no_case_goes_back_once() -> None:
    bench, key = unmatched(77, 78)
    first, _ = bench.file(MoneyReceived, subject=key)
    order = ReturnOrdered(by_clerk="Li", money=first.id)
    unknown = ReturnOrdered(by_clerk="Li", money="another")
    assert bench.refusal(bench.own(unknown, subject=key)).title == "nothing to return"
    bench.own(order, subject=key)
    assert bench.refusal(bench.own(order, subject=key)).title == "nothing to return"
    assert [(p.amount_fen, p.to_account) for p in bench.said(Pay)] == [(77, BUYER_ACCOUNT)]


def test_X_1_a_return_of_unmatched_money_that_the_rail_refused_is_ordered_again() -> None:
    bench, key = unmatched(77)
    order = ReturnOrdered(by_clerk="Li", money=bench.file(MoneyReceived, subject=key)[0].id)
    bench.own(order, subject=key)
    failed = bench.file(Pay, subject=key)[0].id
    bench.own(PaymentRefused(payment=failed, why="closed"), subject=key)
    again = PaymentOrderedAgain(by_clerk="Li", payment=failed)
    assert bench.refusal(bench.own(again, subject=key)).title == "ordered by its receipt"
    bench.own(order, subject=key)
    assert [p.amount_fen for p in bench.said(Pay)] == [77, 77]


# --- X-5 --------------------------------------------------------------------------------------------------------------


def test_X_5_each_paper_of_the_notary_has_a_number_and_a_code_to_check_it_by(bench: Bench) -> None:
    paid_in(bench)
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(lc.consent(PRICE_FEN + 300), BANK)
    paid_in(bench, 300, SELLER_ACCOUNT)
    papers = bench.issued()
    assert [(paper.title, paper.number) for paper in papers] == [
        ("提存协议", "(2026)测试提协字第0000001号"),
        ("授权委托书", "(2026)测试委字第0000001号"),
        ("购房款到账提存公证书", "(2026)测试证提字第0000001号"),
        ("购房款到账提存公证书", "(2026)测试证提字第0000002号"),
        ("不动产登记申请书", "(2026)测试登申字第0000001号"),
    ]
    assert [paper.code for paper in papers] == [bench.house.code(paper.number) for paper in papers]
    assert len({paper.code for paper in papers}) == 5


def test_X_5_an_application_made_again_has_a_number_of_its_own(bench: Bench) -> None:
    paid_in(bench)
    bench.hear(lc.reserved(), REGISTRY)
    bench.hear(lc.consent(), BANK)
    first = bench.issued()[-1]
    bench.hear(RegistrationReturned(application=first.number, reasons=(FREEZE,)), REGISTRY)
    bench.own(ApplicationMended(by_clerk="Li", application=first.number, mended="the copy is legible now"))
    again = bench.issued()[-1]
    assert (again.title, again.number) == (first.title, "(2026)测试登申字第0000002号")
    assert again.code == bench.house.code(again.number) != first.code


# --- periods ----------------------------------------------------------------------------------------------------------


def test_periods_a_price_that_is_not_there_in_time_is_said_to_be_late() -> None:
    period = Period(name="price", whose=Role.ESCROW, days=5, count=Days.WORKING, clause="city", source=Source.PRACTICE)
    bench = opened(periods=(period,))
    started = bench.file(PeriodStarted)[0]
    assert [row.id for row in bench.rows("period")] == [started.id]
    bench.own(PeriodPassed(started=started.id, name="price", due=date(2026, 11, 30)))
    assert [m.due for m in bench.said(DeadlineMissed)] == [date(2026, 11, 30)]
    assert waits(bench) == ["pay-in"], "a practice period warns and ends nothing"


def test_periods_the_clock_stops_when_the_price_is_held() -> None:
    period = Period(name="price", whose=Role.ESCROW, days=5, count=Days.WORKING, clause="city", source=Source.PRACTICE)
    bench = opened(periods=(period,))
    paid_in(bench)
    assert bench.rows("period") == []


# --- any order --------------------------------------------------------------------------------------------------------


@given(st.data())
def test_X_3_facts_in_any_order_give_the_same_words(data: st.DataObject) -> None:
    """Whatever may cross on the wire: each sender's line keeps its order, and nothing comes before its cause."""
    quote = lc.quoted()
    registry: list[Event] = [lc.reserved(), lc.registered(), lc.released()]
    bank: list[Event] = [lc.consent(), quote, lc.booked(quote)]
    bench = opened()
    unpaid = True
    while registry or bank or unpaid:
        paid_out = any(p.fact.purpose is Purpose.PAYOFF for p in bench.file(Pay))
        ways = ["money"] if unpaid else []
        ways += ["registry"] if registry and not (unpaid and len(registry) < 3) else []
        ways += ["bank"] if bank and not (len(bank) == 1 and not paid_out) else []
        match data.draw(st.sampled_from(ways)):
            case "money":
                paid_in(bench)
                unpaid = False
            case "registry":
                bench.hear(registry.pop(0), REGISTRY)
            case _:
                bench.hear(bank.pop(0), BANK)
    for purpose in (Purpose.PAYOFF, Purpose.BALANCE):
        for order in bench.file(Pay):
            if order.fact.purpose is purpose:
                bench.own(PaymentAccepted(payment=order.id, rail_transfer="R"))
                settle(bench, order.id, order.fact.amount_fen)
    payments = [(p.purpose, p.amount_fen) for p in bench.said(Pay)]
    assert payments == [(Purpose.PAYOFF, PAYOFF_FEN), (Purpose.BALANCE, PRICE_FEN - PAYOFF_FEN)]
    assert bench.conversation().count("CaseCompleted") == 1 and alarms(bench) == []
