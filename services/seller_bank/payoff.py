"""What settles a loan on a day, by the loan's own terms, and how money for it is booked.

Pure: exact fractions all the way, each amount rounded to fen once. The law: interest for the actual period
of the loan (Civil Code 677), what early repayment costs the bank is the debtor's (530), money goes to costs,
then interest, then principal unless agreed otherwise (561). Convention of the banks: a day's interest is a
360th (or a 365th) of a year's, the first day counts and the last does not (算头不算尾). All of it is a term
of the loan.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Literal, Self

from pydantic import model_validator

from contracts.values import Day, Fen, PositiveFen
from services.runtime.core.periods import CHINA_TIME
from services.seller_bank.loan_terms import (
    CIVIL_CODE_561,
    MILLION,
    NO_CUT_OFF,
    Frozen,
    LoanTerms,
    Part,
    Penalty,
    RateChange,
    Rounding,
)

__all__ = [
    "CIVIL_CODE_561", "Booking", "Due", "ExactFen", "LoanTerms", "Payoff", "Penalty", "RateChange", "book",
    "quote", "rest", "rounded", "value_day",
]  # fmt: skip


class ExactFen(Frozen):
    """An exact amount of money: whole fen and a reduced fraction of one, such as 6888 and 8/9."""

    fen: Fen
    numerator: Fen = 0
    denominator: PositiveFen = 1

    @model_validator(mode="after")
    def _is_reduced(self) -> Self:
        part = Fraction(self.numerator, self.denominator)
        if part >= 1 or part.denominator != self.denominator:
            raise ValueError("the fraction of a fen must be below 1 and reduced")
        return self

    @classmethod
    def of(cls, amount: Fraction) -> Self:
        """Return `amount`, in fen and not negative, split into whole fen and the rest."""
        whole = amount // 1
        rest = amount - whole
        return cls(fen=whole, numerator=rest.numerator, denominator=rest.denominator)

    @property
    def exact(self) -> Fraction:
        """The amount in fen as one number."""
        return self.fen + Fraction(self.numerator, self.denominator)


class Due(Frozen):
    """What is owed on a day, in the three parts that money is booked to."""

    costs_fen: Fen
    interest_fen: Fen
    principal_fen: Fen

    @property
    def total_fen(self) -> int:
        """All three together."""
        return self.costs_fen + self.interest_fen + self.principal_fen


class Payoff(Frozen):
    """What settles the loan with money that counts for `as_of`, or for a later day up to `good_through`.

    It stands on its own: `total_on` needs no terms. `interest_fen` is the interest since it was last paid
    (`days` of it, exactly `accrued`, one more `per_diem` each day), `overdue_fen` what was due before and
    unpaid, default interest included, `penalty_fen` the penalty and other costs. Nothing but the days'
    interest changes until `good_through`.
    """

    loan_number: str
    as_of: Day
    days: Fen
    principal_fen: Fen
    interest_fen: Fen
    overdue_fen: Fen
    penalty_fen: Fen
    total_fen: Fen
    accrued: ExactFen
    per_diem: ExactFen
    basis: Literal[360, 365]
    rounding: Rounding
    booking_order: tuple[Part, Part, Part]
    good_through: Day

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.good_through < self.as_of:
            raise ValueError("good_through is before as_of")
        if self.interest_fen != rounded(self.accrued.exact, self.rounding):
            raise ValueError("interest_fen is not what accrued, rounded")
        if self.total_fen != self.due_on(self.as_of).total_fen:
            raise ValueError("total_fen is not the sum of its parts")
        return self

    def due_on(self, day: date) -> Due:
        """Return what is owed for `day`. Raises `ValueError` outside `as_of` to `good_through`."""
        if not self.as_of <= day <= self.good_through:
            raise ValueError(f"the quote stands from {self.as_of} to {self.good_through}, not on {day}")
        interest = self.accrued.exact + self.per_diem.exact * (day - self.as_of).days
        return Due(
            costs_fen=self.penalty_fen,
            interest_fen=rounded(interest, self.rounding) + self.overdue_fen,
            principal_fen=self.principal_fen,
        )

    def total_on(self, day: date) -> int:
        """Return the fen that settle the loan on `day`. Raises `ValueError` as `due_on`."""
        return self.due_on(day).total_fen

    def totals(self) -> Iterator[tuple[date, int]]:
        """Yield every day on which the quote stands, with the fen that settle the loan on it."""
        for offset in range((self.good_through - self.as_of).days + 1):
            day = self.as_of + timedelta(days=offset)
            yield day, self.total_on(day)

    @property
    def per_diem_microfen(self) -> int:
        """A day's interest in millionths of a fen, rounded down: to show, not to reckon with."""
        return int(self.per_diem.exact * MILLION)


class Booking(Frozen):
    """How received money was booked: received = costs + interest + principal + surplus, to the fen.

    `open_*_fen` is what the part still owes for `day`; with `surplus_fen` above 0 nothing is open.
    """

    loan_number: str
    day: Day
    received_fen: PositiveFen
    costs_fen: Fen
    interest_fen: Fen
    principal_fen: Fen
    surplus_fen: Fen
    open_costs_fen: Fen
    open_interest_fen: Fen
    open_principal_fen: Fen
    open_fen: Fen

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.received_fen != self.booked_fen + self.surplus_fen:
            raise ValueError("received_fen is not what was booked and the surplus")
        if self.open_fen != self.open_costs_fen + self.open_interest_fen + self.open_principal_fen:
            raise ValueError("open_fen is not the sum of its parts")
        if self.open_fen and self.surplus_fen:
            raise ValueError("there is no surplus while something is open")
        return self

    @property
    def booked_fen(self) -> int:
        """What went to the loan."""
        return self.costs_fen + self.interest_fen + self.principal_fen


def rounded(amount: Fraction, how: Rounding) -> int:
    """Return `amount`, which is not negative, in whole units; `down` cuts off, the others round halves."""
    if how == "half-even":
        return round(amount)
    return (amount + Fraction(1, 2)) // 1 if how == "half-up" else amount // 1


def value_day(terms: LoanTerms, at: datetime) -> date:
    """Return the day for which money counts that arrives `at`: that day in China, or the next after cut-off.

    Exactly at the cut-off is in time. Raises `ValueError` if `at` has no time zone.
    """
    if at.utcoffset() is None:
        raise ValueError("money arrives at a moment with a time zone")
    local = at.astimezone(CHINA_TIME)
    late = terms.cut_off != NO_CUT_OFF and local.time() > time.fromisoformat(terms.cut_off)
    return local.date() + timedelta(days=late)


def quote(terms: LoanTerms, on: datetime) -> Payoff:
    """Return what settles the loan with money that arrives at `on`, and how long that stands.

    It stands for `good_through_days`, but not past the day on which another rate begins to run or a penalty
    still falls due: so one daily amount is right all the time. Raises `ValueError` if `on` has no time zone,
    or counts for a day before `interest_paid_through` (what was paid ahead is not given back here).
    """
    day = value_day(terms, on)
    accrued = _interest(terms, day)
    penalty_fen = _penalty_fen(terms, day)
    interest_fen = rounded(accrued, terms.rounding)
    overdue_fen = terms.arrears_fen + terms.overdue_interest_fen
    costs_fen = terms.costs_fen + penalty_fen
    return Payoff(
        loan_number=terms.loan_number,
        as_of=day,
        days=(day - terms.interest_paid_through).days,
        principal_fen=terms.principal_fen,
        interest_fen=interest_fen,
        overdue_fen=overdue_fen,
        penalty_fen=costs_fen,
        total_fen=terms.principal_fen + interest_fen + overdue_fen + costs_fen,
        accrued=ExactFen.of(accrued),
        per_diem=ExactFen.of(_interest_of_a_day(terms, day)),
        basis=terms.day_count_basis,
        rounding=terms.rounding,
        booking_order=terms.booking_order,
        good_through=_good_through(terms, day, has_penalty=penalty_fen > 0),
    )


def book(terms: LoanTerms, payoff: Payoff, received_fen: int, received_at: datetime) -> Booking:
    """Return how `received_fen`, arrived at `received_at`, is booked, in the order that the terms name.

    Within its days the quote binds the bank; on any other day it is what the terms say for that day. Money
    that falls short leaves open what comes last in the order; money over it is surplus and goes back. Raises
    `ValueError` for less than 1 fen, another loan's quote, and as `quote`.
    """
    if received_fen < 1:
        raise ValueError(f"nothing to book: {received_fen} fen")
    if payoff.loan_number != terms.loan_number:
        raise ValueError("the quote is another loan's")
    day = value_day(terms, received_at)
    stands = payoff.as_of <= day <= payoff.good_through
    due = (payoff if stands else quote(terms, received_at)).due_on(day)
    owed: dict[Part, int] = {
        "costs": due.costs_fen,
        "interest": due.interest_fen,
        "principal": due.principal_fen,
    }
    left = received_fen
    booked: dict[Part, int] = {}
    for part in terms.booking_order:
        booked[part] = min(left, owed[part])
        left -= booked[part]
    return Booking(
        loan_number=terms.loan_number,
        day=day,
        received_fen=received_fen,
        costs_fen=booked["costs"],
        interest_fen=booked["interest"],
        principal_fen=booked["principal"],
        surplus_fen=left,
        open_costs_fen=owed["costs"] - booked["costs"],
        open_interest_fen=owed["interest"] - booked["interest"],
        open_principal_fen=owed["principal"] - booked["principal"],
        open_fen=due.total_fen - (received_fen - left),
    )


def rest(terms: LoanTerms, booking: Booking) -> LoanTerms:
    """Return the loan after `booking`, to quote what is still open. Raises `ValueError` if it was another
    loan's.

    The penalty was charged with the booking and is not charged again; overdue principal is paid before the
    rest of the principal (Civil Code 560: 优先履行已经到期的债务); interest runs on from the booking's day
    on what is left.
    """
    if booking.loan_number != terms.loan_number:
        raise ValueError("the booking is another loan's")
    return terms.model_copy(
        update={
            "principal_fen": booking.open_principal_fen,
            "overdue_principal_fen": max(0, terms.overdue_principal_fen - booking.principal_fen),
            "interest_paid_through": booking.day,
            "arrears_fen": booking.open_interest_fen,
            "overdue_interest_fen": 0,
            "costs_fen": booking.open_costs_fen,
            "penalty": None,
        }
    )


def _interest(terms: LoanTerms, until: date) -> Fraction:
    """The interest from `interest_paid_through` to `until`, first day in, last day out, rate by rate."""
    if until < terms.interest_paid_through:
        raise ValueError(f"interest is paid through {terms.interest_paid_through}, which is after {until}")
    starts = [terms.interest_paid_through]
    starts += [c.from_day for c in terms.rate_changes if terms.interest_paid_through < c.from_day < until]
    ends = [*starts[1:], until]
    return sum(
        (_interest_of_a_day(terms, start) * (end - start).days for start, end in zip(starts, ends, strict=True)),
        Fraction(0),
    )


def _interest_of_a_day(terms: LoanTerms, day: date) -> Fraction:
    rate_ppm = terms.annual_rate_ppm
    for change in terms.rate_changes:
        if change.from_day <= day:
            rate_ppm = change.annual_rate_ppm
    yearly = terms.principal_fen * rate_ppm + terms.overdue_principal_fen * terms.overdue_surcharge_ppm
    return Fraction(yearly, MILLION * terms.day_count_basis)


def _penalty_fen(terms: LoanTerms, day: date) -> int:
    penalty = terms.penalty
    if penalty is None or terms.principal_fen == 0:
        return 0
    if penalty.free_after is not None and day > penalty.free_after:
        return 0
    if penalty.amount_fen is not None:
        return penalty.amount_fen
    return rounded(Fraction(terms.principal_fen * (penalty.ppm_of_principal or 0), MILLION), terms.rounding)


def _good_through(terms: LoanTerms, day: date, *, has_penalty: bool) -> date:
    ends = [day + timedelta(days=terms.good_through_days)]
    # Money for the reset's own day owes interest up to the day before: that day is still quoted right.
    ends += [change.from_day for change in terms.rate_changes if change.from_day > day]
    if has_penalty and terms.penalty is not None and terms.penalty.free_after is not None:
        ends.append(terms.penalty.free_after)
    return min(ends)
