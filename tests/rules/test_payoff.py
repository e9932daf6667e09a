"""The payoff by the loan's terms: known values, the ways out of them, and what holds for all of them."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.values import canonical_json
from services.seller_bank.payoff import (
    CIVIL_CODE_561,
    Booking,
    ExactFen,
    LoanTerms,
    Payoff,
    Penalty,
    RateChange,
    book,
    quote,
    rest,
    rounded,
    value_day,
)

PAID = date(2026, 3, 20)


def terms(**changes: Any) -> LoanTerms:
    """¥800,000 at 3.1 % on 360 days, interest paid through 20 March 2026, nothing special agreed."""
    return LoanTerms.model_validate(
        {
            "loan_number": "ICBC-2019-0042",
            "principal_fen": 80_000_000,
            "annual_rate_ppm": 31_000,
            "day_count_basis": 360,
            "interest_paid_through": PAID,
            "cut_off": "16:30",
            "good_through_days": 3,
            **changes,
        }
    )


def at(day: date, clock: str = "10:00") -> datetime:
    """A moment in China."""
    return datetime.fromisoformat(f"{day.isoformat()}T{clock}+08:00")


def after(days: int) -> datetime:
    """Ten in the morning, so many days after interest was paid."""
    return at(PAID + timedelta(days=days))


# Known values


@pytest.mark.parametrize(("basis", "interest_fen"), [(360, 117_111), (365, 115_507)])
def test_17_days_on_800_000_yuan_at_3_1_percent(basis: int, interest_fen: int) -> None:
    payoff = quote(terms(day_count_basis=basis), after(17))
    assert (payoff.interest_fen, payoff.days, payoff.basis) == (interest_fen, 17, basis)
    assert payoff.total_fen == 80_000_000 + interest_fen == payoff.total_on(date(2026, 4, 6))


def test_the_daily_amount_is_exact_and_not_rounded_before_it_is_multiplied() -> None:
    payoff = quote(terms(), after(17))
    assert payoff.per_diem == ExactFen(fen=6888, numerator=8, denominator=9)
    assert payoff.per_diem_microfen == 6_888_888_888
    assert payoff.accrued.exact == 17 * payoff.per_diem.exact == Fraction(80_000_000 * 31_000 * 17, 360 * 10**6)
    assert payoff.interest_fen != 17 * 6889


def test_the_payoff_names_every_part() -> None:
    payoff = quote(
        terms(arrears_fen=206_667, overdue_interest_fen=310, costs_fen=5_000, penalty={"amount_fen": 100_000}),
        after(17),
    )
    assert (payoff.principal_fen, payoff.interest_fen) == (80_000_000, 117_111)
    assert (payoff.overdue_fen, payoff.penalty_fen) == (206_977, 105_000)
    assert payoff.total_fen == 80_000_000 + 117_111 + 206_977 + 105_000
    assert (payoff.loan_number, payoff.as_of) == ("ICBC-2019-0042", date(2026, 4, 6))
    assert (payoff.rounding, payoff.booking_order) == ("half-up", CIVIL_CODE_561)


def test_paid_off_on_the_day_that_interest_was_paid_there_is_no_interest() -> None:
    payoff = quote(terms(), after(0))
    assert (payoff.days, payoff.interest_fen, payoff.total_fen) == (0, 0, 80_000_000)
    assert payoff.accrued == ExactFen(fen=0)


def test_paid_off_in_the_first_month_interest_is_for_its_actual_days_and_not_for_an_instalment() -> None:
    # Interest is paid through the day of disbursement: nothing of the schedule has fallen due yet.
    first_month = terms(interest_paid_through=date(2026, 1, 31), day_count_basis=365)
    payoff = quote(first_month, at(date(2026, 2, 10)))
    assert payoff.interest_fen == round(80_000_000 * 31_000 * 10 / 365 / 10**6)
    assert payoff.interest_fen < 80_000_000 * 31_000 // 12 // 10**6


@pytest.mark.parametrize(("paid", "on", "days"), [
    (date(2024, 2, 28), date(2024, 3, 1), 2),
    (date(2024, 2, 29), date(2024, 3, 1), 1),
    (date(2025, 2, 28), date(2025, 3, 1), 1),
    (date(2024, 1, 1), date(2025, 1, 1), 366),
])  # fmt: skip
def test_the_29th_of_february_is_a_day_and_the_basis_stays(paid: date, on: date, days: int) -> None:
    payoff = quote(terms(interest_paid_through=paid, day_count_basis=365), at(on))
    assert payoff.days == days
    assert payoff.accrued.exact == Fraction(80_000_000 * 31_000 * days, 365 * 10**6)


@pytest.mark.parametrize(("how", "half", "three_halves"), [("half-up", 1, 2), ("half-even", 0, 2), ("down", 0, 1)])
def test_a_half_is_rounded_as_the_loan_says(how: Any, half: int, three_halves: int) -> None:
    assert rounded(Fraction(1, 2), how) == half
    assert rounded(Fraction(3, 2), how) == three_halves
    assert rounded(Fraction(7), how) == 7
    assert rounded(Fraction(49, 100), how) == 0
    # 180 yuan at 1 % for a 360th of a year is exactly half a fen
    assert quote(terms(principal_fen=18_000, annual_rate_ppm=10_000, rounding=how), after(1)).interest_fen == half


def test_a_loan_without_interest_or_without_principal_still_has_a_payoff() -> None:
    assert quote(terms(annual_rate_ppm=0), after(17)).total_fen == 80_000_000
    nothing = terms(principal_fen=0, arrears_fen=7, penalty={"amount_fen": 100_000})
    assert quote(nothing, after(17)).total_fen == 7


# The cut-off and the day that money counts for


@pytest.mark.parametrize(
    ("cut_off", "clock", "days_later"),
    [
        ("16:30", "16:29:59.999", 0),
        ("16:30", "16:30:00", 0),
        ("16:30", "16:30:00.001", 1),
        ("16:30", "23:59:59.999", 1),
        ("16:30", "00:00:00", 0),
        ("00:00", "00:00:00", 0),
        ("00:00", "00:00:00.001", 1),
        ("23:59", "23:59:00.001", 1),
        ("24:00", "23:59:59.999999", 0),
    ],
)
def test_money_after_the_cut_off_counts_for_the_next_day(cut_off: str, clock: str, days_later: int) -> None:
    moment = at(date(2026, 4, 6), clock)
    day = date(2026, 4, 6) + timedelta(days=days_later)
    loan = terms(cut_off=cut_off)
    assert value_day(loan, moment) == value_day(loan, moment.astimezone(UTC)) == day
    assert quote(loan, moment).as_of == day


def test_the_day_is_the_one_in_china() -> None:
    assert value_day(terms(), datetime(2026, 4, 6, 15, 59, tzinfo=UTC)) == date(2026, 4, 7)
    assert value_day(terms(), datetime(2026, 4, 6, 16, 0, tzinfo=UTC)) == date(2026, 4, 7)
    assert value_day(terms(cut_off="24:00"), datetime(2026, 4, 6, 15, 59, tzinfo=UTC)) == date(2026, 4, 6)


def test_money_late_on_the_last_day_of_the_month_and_year_counts_for_the_next() -> None:
    payoff = quote(terms(), at(date(2026, 12, 31), "16:31"))
    assert (payoff.as_of, payoff.days) == (date(2027, 1, 1), (date(2027, 1, 1) - PAID).days)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    naive = datetime(2026, 4, 6)  # noqa: DTZ001 a naive one is what is refused
    with pytest.raises(ValueError, match="with a time zone"):
        quote(terms(), naive)
    with pytest.raises(ValueError, match="with a time zone"):
        book(terms(), quote(terms(), after(17)), 1, naive)


def test_before_the_day_that_interest_is_paid_through_there_is_no_quote() -> None:
    with pytest.raises(ValueError, match="interest is paid through 2026-03-20, which is after 2026-03-19"):
        quote(terms(), after(-1))


# How long a quote stands


def test_a_quote_stands_through_its_last_day_and_adds_a_day_of_interest_each() -> None:
    payoff = quote(terms(), after(17))
    assert payoff.good_through == date(2026, 4, 9)
    assert list(payoff.totals()) == [
        (date(2026, 4, 6), 80_117_111),
        (date(2026, 4, 7), 80_124_000),
        (date(2026, 4, 8), 80_130_889),
        (date(2026, 4, 9), 80_137_778),
    ]
    for day in (date(2026, 4, 5), date(2026, 4, 10)):
        with pytest.raises(ValueError, match="the quote stands from 2026-04-06 to 2026-04-09, not on"):
            payoff.total_on(day)


def test_money_after_the_cut_off_of_the_last_day_is_past_the_quote() -> None:
    loan = terms(good_through_days=0)
    payoff = quote(loan, after(17))
    in_time = book(loan, payoff, payoff.total_fen, at(date(2026, 4, 6), "16:30"))
    late = book(loan, payoff, payoff.total_fen, at(date(2026, 4, 6), "16:31"))
    assert (in_time.day, in_time.open_fen, in_time.surplus_fen) == (date(2026, 4, 6), 0, 0)
    assert (late.day, late.open_fen, late.open_principal_fen) == (date(2026, 4, 7), 6_889, 6_889)


def test_a_day_late_but_within_the_quote_leaves_a_days_interest_open() -> None:
    payoff = quote(terms(), after(17))
    booking = book(terms(), payoff, payoff.total_fen, after(18))
    assert booking.open_fen == payoff.total_on(date(2026, 4, 7)) - payoff.total_fen == 6_889


def test_a_quote_does_not_stand_past_a_reset_of_the_rate() -> None:
    loan = terms(rate_changes=[{"from_day": date(2026, 4, 8), "annual_rate_ppm": 36_000}], good_through_days=10)
    before = quote(loan, after(17))
    assert before.good_through == date(2026, 4, 8)
    assert before.total_on(date(2026, 4, 8)) == quote(loan, after(19)).total_fen
    on_the_day = quote(loan, after(19))
    assert on_the_day.per_diem == ExactFen(fen=8000) and on_the_day.good_through == date(2026, 4, 18)
    assert quote(loan, after(21)).accrued.exact == 19 * Fraction(62_000, 9) + 2 * 8_000


def test_resets_before_interest_was_paid_count_only_by_their_rate() -> None:
    changes = [
        RateChange(from_day=date(2025, 1, 1), annual_rate_ppm=40_000),
        RateChange(from_day=PAID, annual_rate_ppm=36_000),
    ]
    assert quote(terms(rate_changes=changes), after(10)).accrued.exact == 80_000
    assert quote(terms(rate_changes=changes), after(0)).interest_fen == 0


def test_overdue_principal_bears_the_surcharge_on_top() -> None:
    loan = terms(overdue_principal_fen=9_000_000, overdue_surcharge_ppm=12_000)
    assert quote(loan, after(30)).accrued.exact == 30 * (Fraction(62_000, 9) + 300)


# The penalty


@pytest.mark.parametrize(
    ("penalty", "penalty_fen"),
    [
        (None, 0),
        ({"ppm_of_principal": 10_000}, 800_000),
        ({"amount_fen": 123_456}, 123_456),
        ({"ppm_of_principal": 10_000, "free_after": date(2026, 4, 5)}, 0),
        ({"ppm_of_principal": 10_000, "free_after": date(2026, 4, 6)}, 800_000),
        ({"ppm_of_principal": 0}, 0),
    ],
)
def test_repaying_early_costs_what_was_agreed(penalty: object, penalty_fen: int) -> None:
    payoff = quote(terms(penalty=penalty), after(17))
    assert payoff.penalty_fen == penalty_fen and payoff.total_fen == 80_117_111 + penalty_fen


def test_the_penalty_is_rounded_like_the_interest() -> None:
    for how, penalty_fen in (("half-up", 1), ("half-even", 0), ("down", 0)):
        loan = terms(principal_fen=50, penalty={"ppm_of_principal": 10_000}, rounding=how)
        assert quote(loan, after(0)).penalty_fen == penalty_fen


def test_a_quote_with_a_penalty_does_not_stand_past_the_day_that_frees_of_it() -> None:
    penalty = Penalty(ppm_of_principal=10_000, free_after=date(2026, 4, 7))
    payoff = quote(terms(penalty=penalty), after(17))
    assert payoff.good_through == date(2026, 4, 7)
    free = quote(terms(penalty=penalty), after(19))
    assert free.penalty_fen == 0 and free.good_through == date(2026, 4, 11)


# Booking


def owing() -> LoanTerms:
    """Costs 1,000, interest 117,111 + 500 and principal 80,000,000 fen on the 17th day."""
    return terms(costs_fen=1_000, arrears_fen=500)


@pytest.mark.parametrize(
    ("received", "costs", "interest", "principal", "surplus"),
    [
        (1, 1, 0, 0, 0),
        (1_000, 1_000, 0, 0, 0),
        (1_001, 1_000, 1, 0, 0),
        (118_611, 1_000, 117_611, 0, 0),
        (118_612, 1_000, 117_611, 1, 0),
        (80_118_610, 1_000, 117_611, 79_999_999, 0),
        (80_118_611, 1_000, 117_611, 80_000_000, 0),
        (80_118_612, 1_000, 117_611, 80_000_000, 1),
    ],
)
def test_civil_code_561_costs_then_interest_then_principal(
    received: int, costs: int, interest: int, principal: int, surplus: int
) -> None:
    booking = book(owing(), quote(owing(), after(17)), received, after(17))
    assert (booking.costs_fen, booking.interest_fen, booking.principal_fen) == (costs, interest, principal)
    assert booking.surplus_fen == surplus
    assert booking.open_fen == max(0, 80_118_611 - received)


def test_money_that_goes_wholly_to_the_principal_leaves_the_interest_open() -> None:
    loan = owing().model_copy(update={"booking_order": ("principal", "interest", "costs")})
    booking = book(loan, quote(loan, after(17)), 80_000_000, after(17))
    assert (booking.principal_fen, booking.open_principal_fen) == (80_000_000, 0)
    assert (booking.open_interest_fen, booking.open_costs_fen) == (117_611, 1_000)
    left = rest(loan, booking)
    assert (left.principal_fen, left.arrears_fen, left.costs_fen) == (0, 117_611, 1_000)
    assert quote(left, after(50)).total_fen == 118_611


def test_an_open_rest_is_quoted_again_with_its_own_interest_and_no_second_penalty() -> None:
    loan = terms(penalty={"amount_fen": 100_000}, overdue_principal_fen=300_000)
    short = book(loan, quote(loan, after(17)), 80_117_111, after(17))
    assert short.open_fen == short.open_principal_fen == 100_000
    left = rest(loan, short)
    assert (left.principal_fen, left.overdue_principal_fen, left.penalty) == (100_000, 0, None)
    again = quote(left, after(27))
    assert (again.days, again.penalty_fen, again.interest_fen) == (10, 0, 86)
    settled = book(left, again, again.total_fen, after(27))
    assert (settled.open_fen, settled.surplus_fen) == (0, 0)


def test_overdue_principal_is_paid_before_the_rest_of_it() -> None:
    loan = terms(overdue_principal_fen=300_000)
    booking = book(loan, quote(loan, after(0)), 200_000, after(0))
    assert rest(loan, booking).overdue_principal_fen == 100_000
    LoanTerms.model_validate(rest(loan, booking).model_dump())


def test_within_its_days_the_quote_binds_the_bank() -> None:
    payoff = quote(terms(), after(17))
    corrected = terms(arrears_fen=999)
    assert book(corrected, payoff, payoff.total_fen, after(17)).open_fen == 0
    assert book(corrected, payoff, payoff.total_on(date(2026, 4, 9)), after(20)).open_fen == 0
    assert book(corrected, payoff, payoff.total_on(date(2026, 4, 9)), after(21)).open_fen == 999 + 6_889


def test_money_that_arrives_before_the_quotes_day_is_booked_by_the_terms() -> None:
    payoff = quote(terms(), after(17))
    assert book(terms(), payoff, payoff.total_fen, after(16)).surplus_fen == 6_889


def test_what_cannot_be_booked_is_refused() -> None:
    payoff = quote(terms(), after(17))
    for nothing in (0, -1):
        with pytest.raises(ValueError, match="nothing to book"):
            book(terms(), payoff, nothing, after(17))
    other = terms(loan_number="ICBC-2019-0043")
    with pytest.raises(ValueError, match="another loan's"):
        book(other, payoff, 1, after(17))
    with pytest.raises(ValueError, match="another loan's"):
        rest(other, book(terms(), payoff, 1, after(17)))
    with pytest.raises(ValueError, match="interest is paid through"):
        book(terms(), payoff, 1, after(-1))


# What the values refuse


@pytest.mark.parametrize(
    "change",
    [
        {"principal_fen": -1},
        {"principal_fen": 10**13 + 1},
        {"principal_fen": 1.0},
        {"annual_rate_ppm": 1_000_001},
        {"annual_rate_ppm": 0.031},
        {"day_count_basis": 366},
        {"cut_off": "24:01"},
        {"cut_off": "9:30"},
        {"cut_off": "١٦:٣٠"},
        {"cut_off": "16:30\n"},
        {"loan_number": ""},
        {"loan_number": "a b"},
        {"rounding": "up"},
        {"good_through_days": -1},
        {"good_through_days": 367},
        {"booking_order": ("costs", "interest", "interest")},
        {"booking_order": ("costs", "interest")},
        {"overdue_principal_fen": 80_000_001},
        {"penalty": {}},
        {"penalty": {"ppm_of_principal": 1, "amount_fen": 1}},
        {"penalty": {"amount_fen": 0}},
        {
            "rate_changes": [
                {"from_day": PAID, "annual_rate_ppm": 1},
                {"from_day": PAID, "annual_rate_ppm": 2},
            ]
        },
        {
            "rate_changes": [
                {"from_day": date(2026, 5, 1), "annual_rate_ppm": 1},
                {"from_day": date(2026, 4, 1), "annual_rate_ppm": 2},
            ]
        },
        {"interest_paid_through": datetime(2026, 3, 20, tzinfo=UTC)},
        {"colour": "red"},
    ],
)
def test_terms_that_contradict_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        terms(**change)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"total_fen": 80_117_112}, "total_fen is not the sum"),
        ({"interest_fen": 117_112, "total_fen": 80_117_112}, "interest_fen is not what accrued"),
        ({"good_through": date(2026, 4, 5)}, "good_through is before as_of"),
        ({"per_diem": {"fen": 1, "numerator": 2, "denominator": 4}}, "reduced"),
        ({"per_diem": {"fen": 1, "numerator": 1, "denominator": 1}}, "below 1"),
    ],
)
def test_a_payoff_that_does_not_add_up_is_refused(change: dict[str, Any], why: str) -> None:
    payoff = quote(terms(), after(17)).model_dump()
    with pytest.raises(ValidationError, match=why):
        Payoff.model_validate({**payoff, **change})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"received_fen": 2}, "received_fen is not"),
        ({"open_fen": 0}, "open_fen is not the sum"),
        ({"surplus_fen": 1, "received_fen": 2}, "no surplus while something is open"),
    ],
)
def test_a_booking_that_does_not_add_up_is_refused(change: dict[str, Any], why: str) -> None:
    booking = book(terms(), quote(terms(), after(17)), 1, after(17)).model_dump()
    with pytest.raises(ValidationError, match=why):
        Booking.model_validate({**booking, **change})


# Properties


RATES = st.integers(0, 240_000)
FEN = st.integers(0, 10**9)
LOANS = st.builds(
    terms,
    principal_fen=st.integers(0, 10**10),
    annual_rate_ppm=RATES,
    day_count_basis=st.sampled_from([360, 365]),
    arrears_fen=FEN,
    overdue_interest_fen=FEN,
    costs_fen=FEN,
    penalty=st.none()
    | st.builds(
        lambda ppm, days: Penalty(ppm_of_principal=ppm, free_after=PAID + timedelta(days=days)),
        st.integers(0, 50_000),
        st.integers(0, 60),
    ),
    rate_changes=st.dictionaries(st.integers(-30, 60), RATES, max_size=3).map(
        lambda by_day: [
            RateChange(from_day=PAID + timedelta(days=day), annual_rate_ppm=by_day[day]) for day in sorted(by_day)
        ]
    ),
    cut_off=st.sampled_from(["00:00", "16:30", "24:00"]),
    rounding=st.sampled_from(["half-up", "half-even", "down"]),
    booking_order=st.sampled_from(list(permutations(CIVIL_CODE_561))),
    good_through_days=st.integers(0, 40),
)
MOMENTS = st.integers(0, 60 * 24 * 60).map(lambda minutes: at(PAID, "00:00") + timedelta(minutes=minutes))


@given(LOANS, MOMENTS)
def test_every_day_of_a_quote_is_what_the_terms_say_on_that_day(loan: LoanTerms, moment: datetime) -> None:
    payoff = quote(loan, moment)
    for day, total_fen in payoff.totals():
        assert total_fen == quote(loan, at(day, "00:00")).total_fen
    assert payoff.as_of <= payoff.good_through <= payoff.as_of + timedelta(days=loan.good_through_days)


@given(LOANS, MOMENTS)
def test_interest_is_the_sum_of_the_days(loan: LoanTerms, moment: datetime) -> None:
    payoff = quote(loan, moment)
    exact = Fraction(0)
    day = loan.interest_paid_through
    while day < payoff.as_of:
        rate = loan.annual_rate_ppm
        for change in loan.rate_changes:
            rate = change.annual_rate_ppm if change.from_day <= day else rate
        exact += Fraction(loan.principal_fen * rate, loan.day_count_basis * 10**6)
        day += timedelta(days=1)
    assert payoff.accrued.exact == exact
    assert abs(payoff.interest_fen - exact) <= (Fraction(1) if loan.rounding == "down" else Fraction(1, 2))


@given(LOANS, MOMENTS, st.integers(1, 2 * 10**10), st.integers(0, 60 * 24 * 60))
def test_no_fen_is_lost_in_booking(loan: LoanTerms, moment: datetime, received_fen: int, later: int) -> None:
    payoff = quote(loan, moment)
    received_at = moment + timedelta(minutes=later)
    booking = book(loan, payoff, received_fen, received_at)
    due = quote(loan, received_at)
    assert received_fen == booking.booked_fen + booking.surplus_fen
    assert booking.open_fen + booking.booked_fen == due.total_fen
    assert booking.open_costs_fen + booking.costs_fen == due.penalty_fen
    assert booking.open_interest_fen + booking.interest_fen == due.interest_fen + due.overdue_fen
    assert booking.open_principal_fen + booking.principal_fen == due.principal_fen
    booked: dict[str, int] = {
        "costs": booking.costs_fen,
        "interest": booking.interest_fen,
        "principal": booking.principal_fen,
    }
    still_open = [
        {
            "costs": booking.open_costs_fen,
            "interest": booking.open_interest_fen,
            "principal": booking.open_principal_fen,
        }[part]
        for part in loan.booking_order
    ]
    for place, part in enumerate(loan.booking_order):
        assert not (any(still_open[:place]) and booked[part]), "a later part got money before an earlier was settled"


@given(LOANS, MOMENTS, st.integers(1, 2 * 10**10))
def test_the_rest_of_a_loan_on_the_same_day_is_what_was_left_open(
    loan: LoanTerms, moment: datetime, received_fen: int
) -> None:
    booking = book(loan, quote(loan, moment), received_fen, moment)
    left = LoanTerms.model_validate(rest(loan, booking).model_dump())
    assert left == rest(loan, booking)
    assert quote(left, moment).total_fen == booking.open_fen


@given(LOANS, MOMENTS)
def test_a_payoff_survives_the_wire_byte_for_byte(loan: LoanTerms, moment: datetime) -> None:
    payoff = quote(loan, moment)
    wire = canonical_json(payoff.model_dump(mode="json"))
    again = Payoff.model_validate_json(wire, strict=True)
    assert again == payoff and canonical_json(again.model_dump(mode="json")) == wire
    assert LoanTerms.model_validate_json(loan.model_dump_json(), strict=True) == loan
