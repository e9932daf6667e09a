"""The fund centre's own facts, beside those of any lender: who was examined, and what its pool holds."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from contracts.identity import ResidentId
from contracts.values import CaseId, Day, Fen, PositiveFen
from services.fund_center.policy import Home, LendingPolicy
from services.lending.facts import OWN_FACTS as LENDERS_FACTS
from services.runtime.core.facts import Command, OwnFact

POOL = "pool"
"""The subject on which the pool's statements, and what was lent since, lie."""


class Contributor(BaseModel):
    """An applicant who pays into the fund here: the balance of the account, and for how many months it was paid in full
    without a gap, back-payments not counted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id_number: ResidentId
    balance_fen: Fen
    months_without_gap: NonNegativeInt


class BorrowerExamined(Command):
    """What the centre has found of the applicants and of the home, and the policy of that day.

    The first contributor is the main borrower (主借款人), whose age bounds the term. `monthly_income_fen` is what all
    applicants earn, `monthly_debts_fen` what they pay on other loans, a bank's for this home among them.
    `owes_fund_loan`: an applicant or a spouse has an open provident-fund loan. `building_completed` is a year.
    """

    contributors: tuple[Contributor, ...] = Field(min_length=1)
    home: Home
    owes_fund_loan: bool
    monthly_income_fen: Fen
    monthly_debts_fen: Fen
    building_completed: Annotated[int, Field(ge=1900, le=2100)]
    policy: LendingPolicy


class PoolStated(Command):
    """The centre's books: what the pool had taken in and what it had lent out at the end of the day `as_of`.
    `limit_ppm`: the policy's, above which ratio of loans to deposits nothing is approved."""

    deposits_fen: PositiveFen
    loans_fen: Fen
    as_of: Day
    limit_ppm: PositiveInt


class LentInCase(OwnFact):
    """A case to the pool, through the own inbox: how much of its loan is out since the day `on`. `step` counts what the
    rail has reported in the case, so that an older word does not undo a newer one."""

    case: CaseId
    out_fen: Fen
    on: Day
    step: PositiveInt


OWN_FACTS: tuple[type[OwnFact], ...] = (*LENDERS_FACTS, BorrowerExamined, PoolStated, LentInCase)
