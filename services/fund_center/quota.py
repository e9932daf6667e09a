"""How much the centre lends at most (可贷额度), and for how long: the least of several limits, each shown.

The model of such a formula is Zaozhuang's (枣住公管〔2025〕6号, Articles 9 to 11: ZZ-9, ZZ-10, ZZ-11), which takes the
least of its limits and rounds down to 1,000 yuan, and Panjin's (盘房公积金字〔2024〕31号, Articles 6 to 8: PJ-6, PJ-7,
PJ-8), which bounds the term by the building's age. Liaocheng's document sets none: its demands are LC-R2 and LC-R3, and
every parameter is the city's setting.
"""

from dataclasses import dataclass
from datetime import date

from services.fund_center.policy import MILLION, Home, LendingPolicy


@dataclass(frozen=True, slots=True)
class Quota:
    """Inputs, limits and result, in fen: `least_fen` of the four limits, and `quota_fen`, that rounded down."""

    home: Home
    contributors: int
    balances_fen: int
    price_fen: int
    down_payment_fen: int
    least_down_payment_ppm: int
    balance_multiple: int
    step_fen: int
    city_limit_fen: int
    ratio_limit_fen: int
    balance_limit_fen: int
    price_limit_fen: int
    least_fen: int
    quota_fen: int


def quota(
    policy: LendingPolicy, home: Home, *, contributors: int, balances_fen: int, price_fen: int, down_payment_fen: int
) -> Quota:
    """Return the least of: the city's maximum for so many `contributors`, what the least down payment leaves of the
    price, the contributors' balances times the multiple, what the down payment made leaves of the price; rounded down
    to the policy's step."""
    terms = policy.terms(home)
    city = terms.most_fen(contributors)
    ratio = price_fen * (MILLION - terms.least_down_payment_ppm) // MILLION
    balance = balances_fen * policy.balance_multiple
    price = max(0, price_fen - down_payment_fen)
    least = min(city, ratio, balance, price)
    return Quota(
        home=home,
        contributors=contributors,
        balances_fen=balances_fen,
        price_fen=price_fen,
        down_payment_fen=down_payment_fen,
        least_down_payment_ppm=terms.least_down_payment_ppm,
        balance_multiple=policy.balance_multiple,
        step_fen=policy.step_fen,
        city_limit_fen=city,
        ratio_limit_fen=ratio,
        balance_limit_fen=balance,
        price_limit_fen=price,
        least_fen=least,
        quota_fen=least - least % policy.step_fen,
    )


@dataclass(frozen=True, slots=True)
class Term:
    """Inputs, limits and result, in months: `most_months` is the least of the three limits."""

    on: date
    born: date
    building_completed: int
    oldest_years: int
    oldest_building_years: int
    city_limit_months: int
    age_limit_months: int
    building_limit_months: int
    most_months: int


def term(policy: LendingPolicy, *, on: date, born: date, building_completed: int) -> Term:
    """Return for how many months a loan of this day may run: the city's maximum, the whole months until the borrower is
    too old, the years until the building (completed in that year) is."""
    months = (born.year + policy.oldest_years - on.year) * 12 + born.month - on.month
    age = max(0, months - (1 if on.day > born.day else 0))
    building = max(0, building_completed + policy.oldest_building_years - on.year) * 12
    return Term(
        on=on,
        born=born,
        building_completed=building_completed,
        oldest_years=policy.oldest_years,
        oldest_building_years=policy.oldest_building_years,
        city_limit_months=policy.most_months,
        age_limit_months=age,
        building_limit_months=building,
        most_months=min(policy.most_months, age, building),
    )
