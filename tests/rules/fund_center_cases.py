"""A fund loan for one home in Liaocheng, as the fund centre's tests have it: the city's policy, the examination, the
pool; then step by step to its end, as at any lender (tests.rules.lender_cases)."""

from datetime import date
from typing import Any

from contracts.events.case import CaseOpened
from services.fund_center.facts import POOL, BorrowerExamined, Contributor, PoolStated
from services.fund_center.policy import Home, HomeTerms, LendingPolicy
from services.fund_center.rules import RULEBOOK
from services.fund_center.views import Pool
from services.lending.facts import LoanDecided
from services.runtime.core.file import STANDING
from services.runtime.core.rule import view
from services.runtime.core.turn import Turn
from tests.rules import lender_cases as any_lender
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import Bench

CASE = any_lender.CASE
BANKS_FEN = ln.LOAN_FEN - ln.FUND_FEN

FIRST_HOME = HomeTerms(
    most_for_one_fen=50_000_000,
    most_for_two_fen=80_000_000,
    least_down_payment_ppm=200_000,
    annual_rate_up_to_5_years_ppm=21_000,
    annual_rate_above_5_years_ppm=26_000,
)
SECOND_HOME = HomeTerms(
    most_for_one_fen=40_000_000,
    most_for_two_fen=60_000_000,
    least_down_payment_ppm=300_000,
    annual_rate_up_to_5_years_ppm=25_250,
    annual_rate_above_5_years_ppm=30_750,
)
POLICY = LendingPolicy(
    first_home=FIRST_HOME,
    second_home=SECOND_HOME,
    balance_multiple=15,
    step_fen=100_000,
    least_months_contributed=6,
    income_share_ppm=600_000,
    most_months=360,
    oldest_years=68,
    oldest_building_years=50,
    pool_limit_ppm=900_000,
)

FOR_THE_OLD = POLICY.model_copy(update={"oldest_years": 100})
"""The same, for the people of these tests, who were born in 1950."""


def contributor(balance_fen: int = 4_000_000, months: int = 24, person: Any = lc.BUYER) -> Contributor:
    """The buyer pays into the fund."""
    return Contributor(id_number=person.id_number, balance_fen=balance_fen, months_without_gap=months)


def examined(**changes: Any) -> BorrowerExamined:
    """What a clerk has found: 500,000.00 yuan by quota, and more by the income."""
    fields: dict[str, Any] = {
        "by_clerk": "Qian",
        "contributors": (contributor(),),
        "home": Home.FIRST,
        "owes_fund_loan": False,
        "monthly_income_fen": 1_500_000,
        "monthly_debts_fen": 200_000,
        "building_completed": 2012,
        "policy": FOR_THE_OLD,
    }
    return BorrowerExamined.model_validate({**fields, **changes})


def stated(**changes: Any) -> PoolStated:
    """The pool's books of the day before NOON: 80 % are lent."""
    fields: dict[str, Any] = {
        "by_clerk": "Qian",
        "deposits_fen": 1_000_000_000,
        "loans_fen": 800_000_000,
        "as_of": date(2026, 11, 22),
        "limit_ppm": POLICY.pool_limit_ppm,
    }
    return PoolStated.model_validate({**fields, **changes})


def yes(amount_fen: int = ln.FUND_FEN, ratio_ppm: int | None = 800_000) -> LoanDecided:
    """A clerk says yes; the desk has read the pool's ratio."""
    return LoanDecided(by_clerk="Qian", approve=True, amount_fen=amount_fen, pool_ratio_ppm=ratio_ppm)


# --- from step to step ------------------------------------------------------------------------------------------------


def opened(**changes: Any) -> CaseOpened:
    """A sale in which a bank and the centre lend."""
    return ln.opened(**{"institutions": ln.WITH_BOTH, **changes})


def centre() -> Bench:
    """A fund centre that has heard nothing."""
    return Bench(*ln.FUND, RULEBOOK, case=CASE)


def named(**changes: Any) -> Bench:
    """A centre that was named at the opening, beside a bank, with the down payment certified."""
    bench = centre()
    bench.hear(opened(**changes), lc.NOTARY)
    bench.hear(lc.reserved(), lc.REGISTRY)
    bench.hear(ln.certified(), lc.NOTARY)
    return bench


def applied(amount_fen: int = ln.FUND_FEN, months: int = 240, **changes: Any) -> Bench:
    """The same, and the buyer has applied."""
    bench = named()
    bench.own(any_lender.applied(bench, amount_fen=amount_fen, months=months, **changes))
    return bench


def looked_at(found: BorrowerExamined | None = None, **application: Any) -> Bench:
    """The same, and a clerk has examined who applied."""
    bench = applied(**application)
    bench.own(found or examined())
    return bench


def approved() -> Bench:
    """The same, a clerk has said yes, and the contracts are signed."""
    bench = looked_at()
    bench.own(yes())
    bench.own(any_lender.signed())
    return bench


def noticed() -> Bench:
    """The same, the seller's bank consents, and the advance notices of both lenders are registered."""
    bench = approved()
    bench.hear(lc.consent(), lc.BANK)
    bench.hear(ln.noticed(ln.LENDER, ln.FUND), lc.REGISTRY)
    return bench


def paid() -> Bench:
    """The same, and the rail has taken the loan and settled it."""
    bench = noticed()
    any_lender.accepted(bench)
    any_lender.settled(bench)
    return bench


# --- the pool ---------------------------------------------------------------------------------------------------------


def in_the_pool(bench: Bench, statement: PoolStated) -> Turn:
    """A clerk states the pool."""
    return bench.standing(statement, subject=POOL)


def pool(bench: Bench) -> Pool:
    """The pool as its file has it."""
    subject = bench.subject(POOL)
    found = view(Pool, subject, subject.file(STANDING))
    assert found is not None
    return found
