"""A loan's terms as its contract has them, and its account's state: all that a payoff is reckoned from."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.values import Day, Fen, PositiveFen

Rounding = Literal["half-up", "half-even", "down"]
Part = Literal["costs", "interest", "principal"]

CIVIL_CODE_561: tuple[Part, Part, Part] = ("costs", "interest", "principal")
"""The order of booking where the parties agreed on none: 实现债权的有关费用；利息；主债务。"""

MILLION = 1_000_000
NO_CUT_OFF = "24:00"

LoanFen = Annotated[int, Field(strict=True, ge=0, le=10**13)]
"""A loan's principal: at most 100 thousand million yuan, so that a lifetime's interest is still `Fen`."""

YearlyPpm = Annotated[int, Field(strict=True, ge=0, le=MILLION)]
"""A yearly rate in parts per million: 3.1 % is 31,000. At most 100 %."""


class Frozen(BaseModel):
    """A value that cannot be changed, and knows all its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RateChange(Frozen):
    """The rate is reset: from `from_day` on, that day included, interest runs at `annual_rate_ppm`."""

    from_day: Day
    annual_rate_ppm: YearlyPpm


class Penalty(Frozen):
    """What repaying early costs (违约金, Civil Code 530): either a part of the principal, or a fixed sum.

    Money that counts for a day after `free_after` pays none; without that date all money does.
    """

    ppm_of_principal: YearlyPpm | None = None
    amount_fen: PositiveFen | None = None
    free_after: Day | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.ppm_of_principal is None) == (self.amount_fen is None):
            raise ValueError("a penalty is either ppm_of_principal or amount_fen")
        return self


class LoanTerms(Frozen):
    """A loan as its contract and its account have it. Raises `ValidationError` for terms that contradict.

    `principal_fen` is all principal that is open; `overdue_principal_fen` is the part of it that should have
    been paid already, and bears `overdue_surcharge_ppm` a year on top of the rate (罚息利率加收).
    `rate_changes` are resets known ahead, in order.
    `interest_paid_through`: interest is paid up to this day, which itself is the first to bear interest
    again. `arrears_fen` is interest due and unpaid up to that day (the current instalment's, say),
    `overdue_interest_fen` default interest charged up to it, `costs_fen` costs charged up to it; none of the
    three bears interest.
    `cut_off`: money that arrives later on a day, by China's clock, counts for the next day; `24:00` means
    there is none. `good_through_days`: for how many days after its own a quote stands.
    """

    loan_number: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Za-z一-鿿()-]{1,64}$")]
    principal_fen: LoanFen
    annual_rate_ppm: YearlyPpm
    rate_changes: tuple[RateChange, ...] = ()
    day_count_basis: Literal[360, 365]
    interest_paid_through: Day
    overdue_principal_fen: LoanFen = 0
    overdue_surcharge_ppm: YearlyPpm = 0
    arrears_fen: Fen = 0
    overdue_interest_fen: Fen = 0
    costs_fen: Fen = 0
    penalty: Penalty | None = None
    cut_off: Annotated[str, StringConstraints(strict=True, pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
    rounding: Rounding = "half-up"
    booking_order: tuple[Part, Part, Part] = CIVIL_CODE_561
    good_through_days: Annotated[int, Field(strict=True, ge=0, le=366)] = 0

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if sorted(self.booking_order) != sorted(CIVIL_CODE_561):
            raise ValueError("booking_order must name costs, interest and principal once each")
        if self.overdue_principal_fen > self.principal_fen:
            raise ValueError("overdue_principal_fen is part of principal_fen and cannot be more")
        starts = [change.from_day for change in self.rate_changes]
        if starts != sorted(set(starts)):
            raise ValueError("rate_changes must be in order, one a day")
        return self
