"""The escrow in LC-LOAN: whatever crosses on the wire, the same money moves and the case ends the same."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Event, Role
from contracts.events.escrow import MoneyKind, TransferApplicationMade
from services.runtime.core.facts import Pay, Purpose
from tests.rules.escrow_cases import borrowing_from_both, close, kinds, paid, paid_in, settle_all, waits
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import Bench
from tests.support.liaocheng import BANK, PAYOFF_FEN, PRICE_FEN, REGISTRY, SELLER_ACCOUNT
from tests.support.loan import (
    DOWN_PAYMENT_FEN,
    FUND,
    FUND_ACCOUNT,
    FUND_FEN,
    LENDER,
    LENDER_ACCOUNT,
    LOAN_FEN,
)

BANKS_FEN = LOAN_FEN - FUND_FEN
Line = list[Callable[[], object]]


def words(bench: Bench, speaker: tuple[Role, str], *said: Event) -> Line:
    """One speaker's line: its words keep their order."""
    return [lambda word=word: bench.hear(word, speaker) for word in said]


def receipts(bench: Bench) -> Line:
    """The rail's line, of three payers."""
    payers = ((DOWN_PAYMENT_FEN, lc.BUYER_ACCOUNT), (BANKS_FEN, LENDER_ACCOUNT), (FUND_FEN, FUND_ACCOUNT))
    return [lambda payer=payer: paid_in(bench, *payer) for payer in payers]


def in_any_order(data: st.DataObject, lines: list[Line], may: Callable[[Line], bool] = bool) -> None:
    """Each line in its own order, and the lines among each other in any."""
    while any(lines):
        open_lines = [line for line in lines if line and may(line)]
        open_lines[data.draw(st.integers(0, len(open_lines) - 1))].pop(0)()


@settings(max_examples=40)
@given(st.data())
def test_X_1_LC_L5_LC_L7_words_and_money_in_any_order_pay_the_same(data: st.DataObject) -> None:
    bench, quote = borrowing_from_both(), lc.quoted()
    registry = words(bench, REGISTRY, lc.reserved(), loan.noticed(LENDER, FUND), loan.registered(LENDER, FUND))
    release = words(bench, REGISTRY, lc.released())
    bank = words(bench, BANK, lc.consent(), quote, lc.booked(quote))
    lender = words(bench, LENDER, loan.approved(BANKS_FEN), loan.disbursed(BANKS_FEN))
    fund = words(bench, FUND, loan.approved(FUND_FEN, FUND_ACCOUNT, n=25), loan.disbursed(FUND_FEN, FUND))

    def may(line: Line) -> bool:
        repaid = any(p.fact.purpose is Purpose.PAYOFF for p in bench.file(Pay))
        return repaid if line is release or (line is bank and len(bank) == 1) else True

    in_any_order(data, [registry, release, bank, lender, fund, receipts(bench)], may)
    settle_all(bench)
    assert paid(bench) == [
        (Purpose.PAYOFF, lc.BANK_ACCOUNT, PAYOFF_FEN),
        (Purpose.BALANCE, SELLER_ACCOUNT, PRICE_FEN - PAYOFF_FEN),
    ]
    assert bench.conversation().count("CaseCompleted") == 1 and waits(bench) == [] and bench.dead == []
    assert sorted(kinds(bench)) == [MoneyKind.DOWN_PAYMENT, MoneyKind.LOAN, MoneyKind.LOAN]
    assert len({(a.stage, a.round) for a in bench.said(TransferApplicationMade)}) == len(
        bench.said(TransferApplicationMade)
    )


@settings(max_examples=40)
@given(st.data())
def test_X_1_X_3_words_and_money_in_any_order_go_back_to_who_paid(data: st.DataObject) -> None:
    bench, notice = borrowing_from_both(), loan.noticed(LENDER, FUND)
    registry = words(bench, REGISTRY, lc.reserved(), notice)
    closed: Line = [lambda: close(bench)]
    ended = words(bench, REGISTRY, loan.notice_ended(notice))
    withdrawal: Line = [lambda: bench.own(loan.withdrawal())]
    money = receipts(bench)
    before = [
        words(bench, LENDER, loan.approved(BANKS_FEN)),
        words(bench, FUND, loan.approved(FUND_FEN, FUND_ACCOUNT, n=25), loan.rejected()),
        words(bench, BANK, lc.consent()),
    ]
    bank = words(bench, LENDER, loan.lending_ended(BANKS_FEN), loan.loan_returned(BANKS_FEN))
    fund = words(bench, FUND, loan.lending_ended(FUND_FEN), loan.loan_returned(FUND_FEN))

    def may(line: Line) -> bool:
        if line is closed:
            return not withdrawal and not registry
        if line is bank or line is fund:
            account, own = (LENDER_ACCOUNT, before[0]) if line is bank else (FUND_ACCOUNT, before[1])
            refunded = any(to == account for _, to, _ in paid(bench))
            return not closed and not own and (len(line) == 2 or refunded)
        return line is not ended or not (bank or fund or money)

    in_any_order(data, [registry, closed, ended, withdrawal, money, *before, bank, fund], may)
    settle_all(bench)
    back: dict[str, int] = {}
    for _, account, fen in paid(bench):
        back[account] = back.get(account, 0) + fen
    assert back == {lc.BUYER_ACCOUNT: DOWN_PAYMENT_FEN, LENDER_ACCOUNT: BANKS_FEN, FUND_ACCOUNT: FUND_FEN}
    assert bench.conversation().count("CaseCancelled") == 1 and waits(bench) == []
