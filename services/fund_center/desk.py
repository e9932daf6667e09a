"""What the centre's people do at their desk: what any lender's do, and before a decision the examination; the pool's
statement. What was worked out is read there, input by input."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from services.fund_center.ability import Ability
from services.fund_center.facts import POOL, BorrowerExamined, PoolStated
from services.fund_center.policy import LendingPolicy
from services.fund_center.quota import Quota, Term
from services.fund_center.views import Examination, Pool
from services.lending.desk import ACTIONS, BUYER, lender_desk
from services.lending.facts import LoanDecided
from services.runtime.core.file import STANDING
from services.runtime.core.rule import view
from services.runtime.desk.access import Clerk, Here
from services.runtime.desk.actions import Action, Handed, Place, case_place, in_case
from services.runtime.desk.problems import Problem
from services.runtime.institution import Institution


def policy_of(institution: Institution) -> LendingPolicy:
    """The city's policy, from the house's settings. Raises Problem 503 where there is none, or one that is wrong."""
    try:
        return LendingPolicy.model_validate(institution.settings.lending_policy, strict=True)
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False)[0]["loc"])) or "lending_policy"
        detail = f"the house's settings have no lending_policy that can be read: see {where}"
        raise Problem(503, "no lending policy", detail, clause="LC-R2") from None


async def _policy(institution: Institution) -> Mapping[str, Any]:
    return {"policy": policy_of(institution).model_dump(mode="json")}


async def _limit(institution: Institution) -> Mapping[str, Any]:
    return {"limit_ppm": policy_of(institution).pool_limit_ppm}


async def _ratio(institution: Institution) -> Mapping[str, Any]:
    pool = await _pool(institution)
    return {"pool_ratio_ppm": pool.ratio_ppm if pool is not None else None}


async def _pool(institution: Institution) -> Pool | None:
    subject = await institution.turns.read_subject(POOL)
    return view(Pool, subject, subject.file(STANDING))


async def _in_the_pool(_: Handed) -> Place:
    return Place(POOL)


_DECISION = next(action for action in ACTIONS if action.command is LoanDecided)

router = lender_desk(
    replace(_DECISION, look_up=_ratio),
    Action(
        command=BorrowerExamined,
        path="/cases/{case}/examination",
        summary="Examine who has applied: what their accounts, the home and their income allow",
        clause="LC-R2",
        example={
            "contributors": [{"id_number": BUYER["id_number"], "balance_fen": 6_000_000, "months_without_gap": 48}],
            "home": "first home",
            "owes_fund_loan": False,
            "monthly_income_fen": 1_500_000,
            "monthly_debts_fen": 200_000,
            "building_completed": 2012,
        },
        where=in_case,
        answers="examine-borrower",
        look_up=_policy,
        looked_up=("policy",),
    ),
    Action(
        command=PoolStated,
        path="/pool",
        summary="State what the pool has taken in and lent out, as the books have it",
        clause="LC-R2",
        example={"deposits_fen": 2_500_000_000_000, "loans_fen": 2_100_000_000_000, "as_of": "2026-10-31"},
        where=_in_the_pool,
        look_up=_limit,
        looked_up=("limit_ppm",),
    ),
)


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True)


class QuotaPage(_Page):
    """What the examination of a case has come to: `most_fen` is the least of quota and ability; `unmet` says which
    conditions are not met."""

    case: str
    quota: Quota
    ability: Ability
    term: Term
    unmet: tuple[str, ...]
    most_fen: int


class PoolPage(_Page):
    """The pool: the newest statement of the books, by how much our cases' loans have changed since, and the ratio of
    loans to deposits in millionths, above whose limit nothing is approved. In fen."""

    as_of: date
    deposits_fen: int
    stated_loans_fen: int
    lent_since_fen: int
    loans_fen: int
    ratio_ppm: int
    limit_ppm: int


@router.get("/cases/{case}/quota", summary="Quota, ability and term, input by input", tags=["reading"])
async def read_quota(case: str, _: Clerk, institution: Here) -> QuotaPage:
    """404 for a case that is not known here, or whose application is not examined."""
    place = await case_place(institution, case)
    subject = await institution.turns.read_subject(place.subject)
    found = view(Examination, subject, subject.file(place.case))
    if found is None:
        raise Problem(404, "not examined", "no application is examined in this case here", clause="LC-R2")
    return QuotaPage(
        case=place.case,
        quota=found.quota,
        ability=found.ability,
        term=found.term,
        unmet=found.unmet,
        most_fen=found.most_fen,
    )


@router.get("/pool", summary="The pool: deposits, loans, and their ratio", tags=["reading"])
async def read_pool(_: Clerk, institution: Here) -> PoolPage:
    """404 as long as nobody has stated the pool."""
    pool = await _pool(institution)
    if pool is None:
        raise Problem(404, "not stated", "nobody has stated what the pool holds", clause="LC-R2")
    return PoolPage(
        as_of=pool.stated.as_of,
        deposits_fen=pool.stated.deposits_fen,
        stated_loans_fen=pool.stated.loans_fen,
        lent_since_fen=pool.lent_since_fen,
        loans_fen=pool.loans_fen,
        ratio_ppm=pool.ratio_ppm,
        limit_ppm=pool.stated.limit_ppm,
    )
