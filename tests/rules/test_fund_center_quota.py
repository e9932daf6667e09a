"""LC-R2: how much the fund centre lends, by worked examples and for all figures. Liaocheng's document sets no formula:
the figures are the city's settings."""

from dataclasses import asdict
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fund_center.ability import ability, worth_of_one_a_month
from services.fund_center.policy import Home
from services.fund_center.quota import Quota, quota, term
from tests.rules.fund_center_cases import POLICY

AMOUNT = st.integers(0, 10**12)


def worked(home: Home = Home.FIRST, **changes: int) -> Quota:
    """1,280,000.00 yuan of which 480,000.00 are paid down; 60,000.00 on two accounts."""
    fields = {"contributors": 2, "balances_fen": 6_000_000, "price_fen": 128_000_000, "down_payment_fen": 48_000_000}
    return quota(POLICY, home, **{**fields, **changes})


# --- the quota --------------------------------------------------------------------------------------------------------


def test_LC_R2_the_quota_shows_every_input_and_every_limit() -> None:
    assert asdict(worked()) == {
        "home": Home.FIRST,
        "contributors": 2,
        "balances_fen": 6_000_000,
        "price_fen": 128_000_000,
        "down_payment_fen": 48_000_000,
        "least_down_payment_ppm": 200_000,
        "balance_multiple": 15,
        "step_fen": 100_000,
        "city_limit_fen": 80_000_000,
        "ratio_limit_fen": 102_400_000,
        "balance_limit_fen": 90_000_000,
        "price_limit_fen": 80_000_000,
        "least_fen": 80_000_000,
        "quota_fen": 80_000_000,
    }


@pytest.mark.parametrize(
    ("home", "changes", "most_fen"),
    [
        (Home.FIRST, {"contributors": 1}, 50_000_000),
        (Home.FIRST, {"contributors": 3}, 80_000_000),
        (Home.SECOND, {"contributors": 1}, 40_000_000),
        (Home.SECOND, {}, 60_000_000),
        (Home.FIRST, {"balances_fen": 1_000_050}, 15_000_000),
        (Home.FIRST, {"price_fen": 90_000_050, "down_payment_fen": 0}, 72_000_000),
        (Home.SECOND, {"price_fen": 80_000_000, "down_payment_fen": 10_000_000}, 56_000_000),
        (Home.FIRST, {"down_payment_fen": 98_765_432}, 29_200_000),
        (Home.FIRST, {"balances_fen": 0}, 0),
        (Home.FIRST, {"balances_fen": 6_666}, 0),
        (Home.FIRST, {"price_fen": 1, "down_payment_fen": 2}, 0),
    ],
)
def test_LC_R2_the_least_limit_counts_rounded_down_to_the_step(
    home: Home, changes: dict[str, int], most_fen: int
) -> None:
    assert worked(home, **changes).quota_fen == most_fen


@given(st.sampled_from(Home), st.integers(1, 5), AMOUNT, AMOUNT, AMOUNT)
def test_LC_R2_no_quota_is_above_any_of_its_limits(
    home: Home, contributors: int, balances: int, price: int, down: int
) -> None:
    found = quota(
        POLICY, home, contributors=contributors, balances_fen=balances, price_fen=price, down_payment_fen=down
    )
    limits = (found.city_limit_fen, found.ratio_limit_fen, found.balance_limit_fen, found.price_limit_fen)
    assert 0 <= found.quota_fen <= found.least_fen == min(limits)
    assert found.quota_fen % POLICY.step_fen == 0
    assert found.least_fen - found.quota_fen < POLICY.step_fen
    # The buyers pay at least the least share themselves, and no loan is for money that they have paid.
    least_down = Fraction(price * POLICY.terms(home).least_down_payment_ppm, 10**6)
    assert price - found.quota_fen >= least_down
    assert found.quota_fen == 0 or found.quota_fen + down <= price


@given(AMOUNT, AMOUNT, AMOUNT, AMOUNT)
def test_LC_R2_who_has_more_on_the_account_or_paid_down_less_gets_no_less(
    balances: int, price: int, down: int, more: int
) -> None:
    fields: dict[str, Any] = {"contributors": 2, "price_fen": price}
    before = quota(POLICY, Home.FIRST, balances_fen=balances, down_payment_fen=down + more, **fields)
    after = quota(POLICY, Home.FIRST, balances_fen=balances + more, down_payment_fen=down, **fields)
    assert before.quota_fen <= after.quota_fen


# --- the ability to repay ---------------------------------------------------------------------------------------------


def test_LC_R2_the_ability_shows_every_input_and_every_intermediate_result() -> None:
    found = ability(POLICY, Home.FIRST, months=240, monthly_income_fen=1_500_001, monthly_debts_fen=200_000)
    worth = worth_of_one_a_month(26_000, 240)
    assert asdict(found) == {
        "home": Home.FIRST,
        "months": 240,
        "annual_rate_ppm": 26_000,
        "monthly_income_fen": 1_500_001,
        "income_share_ppm": 600_000,
        "monthly_debts_fen": 200_000,
        "left_microfen": 700_000_600_000,
        "worth_ppm": int(worth * 10**6),
        "ability_fen": int(Fraction(700_000_600_000, 10**6) * worth),
        "instalment_fen": 700_001,
    }


def test_LC_R2_the_figures_of_a_loan_as_banks_publish_them() -> None:
    """1,000,000 yuan over 30 years at 3.1 %: 4,270.16 yuan a month, by any bank's table."""
    assert round(Fraction(100_000_000) / worth_of_one_a_month(31_000, 360)) == 427_016
    policy = POLICY.model_copy(update={"income_share_ppm": 1_000_000})
    second = policy.second_home.model_copy(update={"annual_rate_above_5_years_ppm": 31_000})
    policy = policy.model_copy(update={"second_home": second})
    for left, fits in ((427_017, True), (427_015, False)):
        found = ability(policy, Home.SECOND, months=360, monthly_income_fen=left, monthly_debts_fen=0)
        assert (found.ability_fen >= 100_000_000) is fits


@pytest.mark.parametrize(
    ("home", "months", "rate_ppm"),
    [(Home.FIRST, 60, 21_000), (Home.FIRST, 61, 26_000), (Home.SECOND, 60, 25_250), (Home.SECOND, 61, 30_750)],
)
def test_LC_R2_the_rate_is_that_of_home_and_term(home: Home, months: int, rate_ppm: int) -> None:
    found = ability(POLICY, home, months=months, monthly_income_fen=10**6, monthly_debts_fen=0)
    assert found.annual_rate_ppm == rate_ppm


def test_LC_R2_debts_above_the_share_of_the_income_leave_nothing() -> None:
    found = ability(POLICY, Home.FIRST, months=240, monthly_income_fen=1_000_000, monthly_debts_fen=600_001)
    assert (found.left_microfen, found.ability_fen, found.instalment_fen) == (0, 0, 0)


def test_LC_R2_without_interest_a_loan_is_repaid_by_its_months() -> None:
    free = POLICY.first_home.model_copy(update={"annual_rate_up_to_5_years_ppm": 0})
    policy = POLICY.model_copy(update={"first_home": free, "income_share_ppm": 1_000_000})
    found = ability(policy, Home.FIRST, months=12, monthly_income_fen=1_000, monthly_debts_fen=0)
    assert (found.ability_fen, found.instalment_fen) == (12_000, 1_000)


def test_LC_R2_a_loan_runs_for_a_month_at_least() -> None:
    with pytest.raises(ValueError, match="at least a month"):
        worth_of_one_a_month(26_000, 0)


@given(st.sampled_from(Home), st.integers(1, 72), st.integers(0, 10**8), st.integers(0, 10**7))
def test_LC_R2_paid_month_by_month_the_largest_loan_is_repaid_and_one_fen_more_is_not(
    home: Home, months: int, income: int, debts: int
) -> None:
    found = ability(POLICY, home, months=months, monthly_income_fen=income, monthly_debts_fen=debts)
    left = Fraction(found.left_microfen, 10**6)

    def rest(owed: Fraction) -> Fraction:
        for _ in range(months):
            owed = owed * (1 + Fraction(found.annual_rate_ppm, 12 * 10**6)) - left
        return owed

    assert rest(Fraction(found.ability_fen)) <= 0 < rest(Fraction(found.ability_fen + 1))
    assert found.instalment_fen <= left + 1


# --- the term ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "age_months"),
    [
        (date(2026, 11, 23), 36 * 12 - 8 - 1),
        (date(2026, 3, 10), 36 * 12),
        (date(2026, 3, 11), 36 * 12 - 1),
        (date(2026, 3, 9), 36 * 12),
        (date(2062, 2, 10), 1),
        (date(2062, 3, 11), 0),
        (date(2070, 1, 1), 0),
    ],
)
def test_LC_R2_the_loan_ends_in_whole_months_before_the_borrower_is_too_old(on: date, age_months: int) -> None:
    found = term(POLICY, on=on, born=date(1994, 3, 10), building_completed=on.year)
    assert found.age_limit_months == age_months
    assert found.most_months == min(360, age_months)


@pytest.mark.parametrize(("completed", "months"), [(2026, 600), (2012, 432), (1990, 168), (1976, 0), (1950, 0)])
def test_LC_R2_the_loan_ends_before_the_building_is_too_old(completed: int, months: int) -> None:
    found = term(POLICY, on=date(2026, 11, 23), born=date(2000, 1, 1), building_completed=completed)
    assert found.building_limit_months == months
    assert found.most_months == min(360, months)


def test_LC_R2_the_term_shows_every_input_and_every_limit() -> None:
    found = term(POLICY, on=date(2026, 11, 23), born=date(1970, 3, 10), building_completed=2012)
    assert asdict(found) == {
        "on": date(2026, 11, 23),
        "born": date(1970, 3, 10),
        "building_completed": 2012,
        "oldest_years": 68,
        "oldest_building_years": 50,
        "city_limit_months": 360,
        "age_limit_months": 135,
        "building_limit_months": 432,
        "most_months": 135,
    }
