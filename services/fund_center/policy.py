"""The city's policy on provident-fund loans: every figure by which the centre lends.

聊自然资规发〔2023〕6号 says when such a loan is paid (LC-R3) and that the risks of every step are controlled (LC-R2);
it sets no formula. So every figure here is the city's own, from the house's settings (`lending_policy`), and comes to
the file with the examination that was made by it.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from contracts.values import PositiveFen

MILLION = 1_000_000

Ppm = Annotated[int, Field(ge=0, le=MILLION)]
"""A share or a yearly rate in millionths: 31000 is 3.1 %."""


class Home(StrEnum):
    """Which home of the family's the loan is for."""

    FIRST = "first home"
    SECOND = "second home"


class HomeTerms(BaseModel):
    """What the city says of loans for a first home, or for a second: the most that it lends to one contributor and to
    two, the least share of the price that the buyers pay themselves, the yearly rates (national, ZZ-12 likewise)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    most_for_one_fen: PositiveFen
    most_for_two_fen: PositiveFen
    least_down_payment_ppm: Ppm
    annual_rate_up_to_5_years_ppm: Ppm
    annual_rate_above_5_years_ppm: Ppm

    def most_fen(self, contributors: int) -> int:
        """The city's maximum for so many applicants who contribute; from two on it is the same."""
        return self.most_for_one_fen if contributors == 1 else self.most_for_two_fen

    def annual_rate_ppm(self, months: int) -> int:
        """The yearly rate of a loan over so many months."""
        return self.annual_rate_up_to_5_years_ppm if months <= 60 else self.annual_rate_above_5_years_ppm


class LendingPolicy(BaseModel):
    """The city's policy.

    `balance_multiple`: how many times the contributors' balances are lent; `step_fen`: amounts are rounded down to a
    multiple of it; `income_share_ppm`: how much of the income may go to debts; `oldest_years`: how old the borrower may
    be when the loan ends; `oldest_building_years`: term and age of the building together; `pool_limit_ppm`: above which
    ratio of loans to deposits nothing is approved.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_home: HomeTerms
    second_home: HomeTerms
    balance_multiple: PositiveInt
    step_fen: PositiveFen
    least_months_contributed: NonNegativeInt
    income_share_ppm: Ppm
    most_months: PositiveInt
    oldest_years: PositiveInt
    oldest_building_years: PositiveInt
    pool_limit_ppm: PositiveInt

    def terms(self, home: Home) -> HomeTerms:
        """What is said of this home."""
        return self.first_home if home is Home.FIRST else self.second_home
