"""LC-R2, LC-R3: the pool knows what it has taken in and lent out, by its books and by what every case tells it."""

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.case import CaseCancelled
from services.fund_center.facts import POOL, LentInCase, PoolStated
from services.fund_center.views import Pool
from services.runtime.core.facts import Alarm, MoneyReceived, PaymentOrderedAgain
from services.runtime.core.file import STANDING, Filed, Said
from tests.rules.fund_center_cases import CASE, approved, centre, in_the_pool, noticed, paid, pool, stated
from tests.rules.lender_cases import accepted, newest, refused_by_the_rail, returned_by_the_rail, settled
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import NOON, Bench

TODAY = date(2026, 11, 23)
DEPOSITS_FEN, LOANS_FEN = 1_000_000_000, 800_000_000


def told(bench: Bench) -> list[tuple[int, date]]:
    """What the cases have told the pool."""
    return [(f.fact.out_fen, f.fact.on) for f in bench.file(LentInCase, case=STANDING, subject=POOL)]


def back(amount_fen: int, line: int = 9) -> MoneyReceived:
    return lc.money(amount_fen, lc.ESCROW_ACCOUNT, line, ln.FUND_ACCOUNT).model_copy(update={"reference": CASE})


def incidents(bench: Bench) -> list[Alarm]:
    return bench.said(Alarm, case=STANDING)


# --- the statement ----------------------------------------------------------------------------------------------------


def test_LC_R2_the_ratio_of_loans_to_deposits() -> None:
    bench = centre()
    in_the_pool(bench, stated())
    assert (pool(bench).loans_fen, pool(bench).ratio_ppm) == (LOANS_FEN, 800_000)
    assert incidents(bench) == []


def test_LC_R2_a_ratio_a_little_above_the_limit_is_above_it() -> None:
    bench = centre()
    in_the_pool(bench, stated(loans_fen=900_000_000))
    assert (pool(bench).ratio_ppm, incidents(bench)) == (900_000, [])
    in_the_pool(bench, stated(loans_fen=900_000_001))
    assert pool(bench).ratio_ppm == 900_001
    (alarm,) = incidents(bench)
    assert (alarm.clause, alarm.what) == ("LC-R2", "the pool has lent 900001 ppm of its deposits, more than 900000")


def test_LC_R2_a_pool_lent_out_is_reported_once_for_each_day_stated() -> None:
    bench = centre()
    for day, incidents_then in ((date(2026, 11, 20), 1), (date(2026, 11, 20), 1), (date(2026, 11, 21), 2)):
        in_the_pool(bench, stated(loans_fen=950_000_000, as_of=day))
        assert len(incidents(bench)) == incidents_then


@pytest.mark.parametrize("as_of", [TODAY, TODAY + timedelta(days=1)])
def test_LC_R2_a_statement_is_of_a_day_that_is_over(as_of: date) -> None:
    bench = centre()
    refused = bench.refusal(in_the_pool(bench, stated(as_of=as_of)))
    assert (refused.title, refused.status, refused.clause) == ("not over yet", 422, "LC-R2")
    assert bench.file(PoolStated, case=STANDING, subject=POOL) == ()


def test_LC_R2_a_statement_is_never_older_than_the_last_and_may_correct_it() -> None:
    bench = centre()
    in_the_pool(bench, stated())
    assert bench.refusal(in_the_pool(bench, stated(as_of=date(2026, 11, 21)))).title == "older"
    in_the_pool(bench, stated(loans_fen=700_000_000))
    assert pool(bench).loans_fen == 700_000_000


def test_LC_R2_the_pool_belongs_to_no_case() -> None:
    bench = approved()
    assert bench.refusal(bench.own(stated())).title == "not in this procedure"


# --- what the cases tell it -------------------------------------------------------------------------------------------


def test_LC_R2_LC_R3_what_the_rail_has_taken_is_lent_at_once() -> None:
    bench = noticed()
    in_the_pool(bench, stated())
    assert pool(bench).lent_since_fen == 0
    accepted(bench)
    assert told(bench) == [(ln.FUND_FEN, TODAY)]
    assert (pool(bench).lent_since_fen, pool(bench).loans_fen) == (ln.FUND_FEN, LOANS_FEN + ln.FUND_FEN)
    assert pool(bench).ratio_ppm == 830_000
    settled(bench)
    assert pool(bench).loans_fen == LOANS_FEN + ln.FUND_FEN


def test_LC_R3_the_loan_that_fills_the_pool_is_reported() -> None:
    bench = noticed()
    in_the_pool(bench, stated(loans_fen=DEPOSITS_FEN * 9 // 10))
    assert incidents(bench) == []
    accepted(bench)
    assert [alarm.clause for alarm in incidents(bench)] == ["LC-R2"]


def test_LC_R3_what_comes_back_is_lent_no_more() -> None:
    bench = paid()
    in_the_pool(bench, stated())
    bench.hear(ln.closed(), lc.REGISTRY)
    bench.own(back(ln.FUND_FEN // 3))
    assert pool(bench).lent_since_fen == ln.FUND_FEN - ln.FUND_FEN // 3
    bench.own(back(ln.FUND_FEN - ln.FUND_FEN // 3, 10))
    assert pool(bench).lent_since_fen == 0
    bench.hear(CaseCancelled(because="called off", clause="X-3"), lc.NOTARY)
    assert pool(bench).loans_fen == LOANS_FEN


def test_LC_R3_what_the_rail_refuses_or_brings_back_is_not_lent_and_ordered_again_it_is() -> None:
    bench = noticed()
    in_the_pool(bench, stated())
    refused_by_the_rail(bench)
    assert pool(bench).lent_since_fen == 0
    bench.own(PaymentOrderedAgain(by_clerk="Qian", payment=newest(bench)))
    accepted(bench, "L-2")
    assert pool(bench).lent_since_fen == ln.FUND_FEN
    returned_by_the_rail(bench)
    assert pool(bench).lent_since_fen == 0


def test_LC_R3_a_case_without_a_loan_of_ours_tells_the_pool_nothing() -> None:
    bench = approved()
    bench.own(back(5))
    assert told(bench) == []


def test_LC_R2_what_was_lent_by_the_day_of_the_statement_is_in_it() -> None:
    bench = paid()
    bench.later(days=1)
    in_the_pool(bench, stated(as_of=TODAY, loans_fen=LOANS_FEN + ln.FUND_FEN))
    assert (pool(bench).lent_since_fen, pool(bench).loans_fen) == (0, LOANS_FEN + ln.FUND_FEN)
    bench.hear(ln.closed(), lc.REGISTRY)
    bench.own(back(ln.FUND_FEN))
    assert (pool(bench).lent_since_fen, pool(bench).loans_fen) == (-ln.FUND_FEN, LOANS_FEN)


def test_LC_R2_a_pool_may_be_stated_after_the_cases_have_told_it() -> None:
    bench = paid()
    assert told(bench)
    in_the_pool(bench, stated())
    assert pool(bench).loans_fen == LOANS_FEN + ln.FUND_FEN


def test_LC_R3_words_that_come_late_undo_no_newer_one() -> None:
    bench = paid()
    in_the_pool(bench, stated())
    waiting: list[Said] = []

    def keep(said: Said) -> None:
        waiting.append(said)

    deliver, bench._tell = bench._tell, keep  # pyright: ignore[reportPrivateUsage]
    bench.hear(ln.closed(), lc.REGISTRY)
    bench.own(back(1))
    bench.own(back(ln.FUND_FEN - 1, 10))
    for said in reversed(waiting):
        deliver(said)
    assert len(waiting) == 2
    assert pool(bench).lent_since_fen == 0


AMOUNTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 10**9), st.integers(0, 9)), max_size=12)


@given(AMOUNTS, st.integers(0, 9), st.randoms(use_true_random=False))
def test_LC_R2_in_any_order_of_arrival_the_pool_is_the_same(
    changes: list[tuple[int, int, int]], stated_on: int, random: Random
) -> None:
    """Cases by number, what is out in them from a day on; days go on within each case."""
    words: list[Filed[LentInCase]] = []
    newest_of: dict[int, int] = {}
    within: dict[int, int] = {}
    for step, (case, out_fen, day) in enumerate(sorted(changes, key=lambda change: change[2]), start=1):
        fact = LentInCase(case=f"LCL-{case:04}", out_fen=out_fen, on=TODAY + timedelta(days=day), step=step)
        words.append(Filed(str(step), fact, STANDING, "", NOON, NOON, None))
        newest_of[case] = out_fen
        if day <= stated_on:
            within[case] = out_fen
    random.shuffle(words)
    found = Pool.of(stated(as_of=TODAY + timedelta(days=stated_on)), tuple(words))
    assert found.lent_since_fen == sum(newest_of.values()) - sum(within.values())
    assert found.ratio_ppm == max(0, -(-found.loans_fen * 10**6 // DEPOSITS_FEN))
