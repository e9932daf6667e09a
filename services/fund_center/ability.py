"""What the borrowers can repay (还款能力): the largest loan whose equal monthly instalment (等额本息) fits what their
income leaves.

Other debts reduce it, as in Zaozhuang (ZZ-11) and Panjin (PJ-7); Liaocheng's document sets no formula, so the share of
the income and the rates are the city's settings (LC-R2).
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from services.fund_center.policy import MILLION, Home, LendingPolicy


@dataclass(frozen=True, slots=True)
class Ability:
    """Inputs, intermediate results and result. `left_microfen` is what may go to this loan each month, exact, in
    millionths of a fen, not below 0; `worth_ppm` what one fen a month is worth today, in millionths of a fen, cut off:
    that is shown, and not calculated with. `ability_fen` is the product of the exact two, rounded down;
    `instalment_fen` what that loan costs each month, rounded up."""

    home: Home
    months: int
    annual_rate_ppm: int
    monthly_income_fen: int
    income_share_ppm: int
    monthly_debts_fen: int
    left_microfen: int
    worth_ppm: int
    ability_fen: int
    instalment_fen: int


def ability(
    policy: LendingPolicy, home: Home, *, months: int, monthly_income_fen: int, monthly_debts_fen: int
) -> Ability:
    """Return the largest loan over `months` whose exact instalment is at most income x share - debts. All is exact, and
    rounded once. Raises ValueError for less than a month."""
    rate = policy.terms(home).annual_rate_ppm(months)
    left = max(0, monthly_income_fen * policy.income_share_ppm - monthly_debts_fen * MILLION)
    worth = worth_of_one_a_month(rate, months)
    most = floor(left * worth / MILLION)
    return Ability(
        home=home,
        months=months,
        annual_rate_ppm=rate,
        monthly_income_fen=monthly_income_fen,
        income_share_ppm=policy.income_share_ppm,
        monthly_debts_fen=monthly_debts_fen,
        left_microfen=left,
        worth_ppm=floor(worth * MILLION),
        ability_fen=most,
        instalment_fen=ceil(most / worth),
    )


def worth_of_one_a_month(annual_rate_ppm: int, months: int) -> Fraction:
    """Return what a payment of 1 at the end of each of so many months is worth today: (1 - (1 + r)^-n) / r, r a twelfth
    of the yearly rate; without interest n. Raises ValueError for less than a month."""
    if months < 1:
        raise ValueError(f"a loan runs for at least a month, not {months}")
    if not annual_rate_ppm:
        return Fraction(months)
    rate = Fraction(annual_rate_ppm, 12 * MILLION)
    return (1 - (1 + rate) ** -months) / rate
