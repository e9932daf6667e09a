"""What several facts of the fund centre say together, beside the views of any lender: what an examination has come to,
and how full the pool is lent."""

from dataclasses import dataclass
from datetime import date
from typing import Self

from contracts.events.case import CaseOpened
from services.fund_center.ability import Ability, ability
from services.fund_center.facts import BorrowerExamined, LentInCase, PoolStated
from services.fund_center.policy import MILLION
from services.fund_center.quota import Quota, Term, quota, term
from services.lending.facts import LoanAppliedFor
from services.lending.views import Lent
from services.runtime.core.facts import (
    MoneyReceived,
    PaymentAccepted,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
)
from services.runtime.core.file import Filed
from services.runtime.core.periods import day_in_china
from services.runtime.core.rule import All, View


@dataclass(frozen=True, slots=True)
class Examination(View):
    """The newest examination of those who have applied, none where they have applied anew since: how much and for how
    long the centre can lend by it, and which conditions are not met."""

    examined: BorrowerExamined
    months: int
    quota: Quota
    ability: Ability
    term: Term
    unmet: tuple[str, ...]

    @classmethod
    def of(cls, examined: Filed[BorrowerExamined], applied: Filed[LoanAppliedFor], opened: CaseOpened) -> Self | None:
        if applied.order > examined.order:
            return None
        found, policy, months = examined.fact, examined.fact.policy, applied.fact.months
        return cls(
            found,
            months,
            quota(
                policy,
                found.home,
                contributors=len(found.contributors),
                balances_fen=sum(contributor.balance_fen for contributor in found.contributors),
                price_fen=opened.price_fen or 0,
                down_payment_fen=opened.down_payment_fen or 0,
            ),
            ability(
                policy,
                found.home,
                months=months,
                monthly_income_fen=found.monthly_income_fen,
                monthly_debts_fen=found.monthly_debts_fen,
            ),
            term(
                policy,
                on=day_in_china(examined.at),
                born=found.contributors[0].id_number.born,
                building_completed=found.building_completed,
            ),
            _unmet(found),
        )

    @property
    def most_fen(self) -> int:
        """The least of quota and ability."""
        return min(self.quota.quota_fen, self.ability.ability_fen)


def _unmet(found: BorrowerExamined) -> tuple[str, ...]:
    least = found.policy.least_months_contributed
    gaps = [c.months_without_gap for c in found.contributors if c.months_without_gap < least]
    short = tuple(f"a contributor has paid in {months} months without a gap, {least} are needed" for months in gaps)
    return (*short, *(("an open provident-fund loan is owed",) if found.owes_fund_loan else ()))


# --- the pool ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LentNow(View):
    """How much of a case's loan is out, since the newest report of the rail in it."""

    case: str
    out_fen: int
    on: date
    step: int

    @classmethod
    def of(
        cls,
        lent: Lent,
        reports: All[PaymentAccepted | PaymentSettled | PaymentRefused | PaymentReturned | MoneyReceived],
    ) -> Self | None:
        if not lent.orders or not reports:
            return None
        return cls(reports[-1].case, lent.out_fen, day_in_china(reports[-1].at), len(reports))

    @property
    def mark(self) -> str:
        """Once per report."""
        return str(self.step)


@dataclass(frozen=True, slots=True)
class Pool(View):
    """The pool: what its books stated last, and by how much what is lent in our cases has changed since, in fen."""

    stated: PoolStated
    lent_since_fen: int

    @classmethod
    def of(cls, stated: PoolStated, lent: All[LentInCase]) -> Self:
        newest: dict[str, LentInCase] = {}
        within: dict[str, LentInCase] = {}
        for word in sorted((filed.fact for filed in lent), key=lambda fact: fact.step):
            newest[word.case] = word
            if word.on <= stated.as_of:
                within[word.case] = word
        since = sum(w.out_fen for w in newest.values()) - sum(w.out_fen for w in within.values())
        return cls(stated, since)

    @property
    def loans_fen(self) -> int:
        """What is lent out now."""
        return self.stated.loans_fen + self.lent_since_fen

    @property
    def ratio_ppm(self) -> int:
        """Loans to deposits in millionths, rounded up: above a limit is above it."""
        return max(0, -(-self.loans_fen * MILLION // self.stated.deposits_fen))


@dataclass(frozen=True, slots=True)
class FullPool(View):
    """The pool's ratio is above the limit, since a statement or a payment."""

    pool: Pool

    @classmethod
    def of(cls, pool: Pool) -> Self | None:
        return cls(pool) if pool.ratio_ppm > pool.stated.limit_ppm else None

    @property
    def mark(self) -> str:
        """Once per statement."""
        return str(self.pool.stated.as_of)
