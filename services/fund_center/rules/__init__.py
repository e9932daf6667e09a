"""The fund centre's rulebook: what any lender does, and before it decides an examination and a look at the pool."""

from dataclasses import replace

from services.fund_center.facts import OWN_FACTS
from services.fund_center.rules import examination, pool
from services.lending.rules import PHASES, lender_chapters
from services.lending.rules.liaocheng_loan import decide_on_the_loan
from services.runtime.core.rule import rulebook

_STANDING, _LOAN = lender_chapters(
    rules=pool.CASE_RULES,
    waits=examination.WAITS,
    guards=examination.GUARDS,
    unexpected=examination.UNEXPECTED,
)

STANDING = replace(
    _STANDING,
    rules=(*_STANDING.rules, *pool.POOL_RULES),
    guards=(*_STANDING.guards, *pool.POOL_GUARDS),
)

LOAN = replace(_LOAN, waits=tuple(wait for wait in _LOAN.waits if wait.says is not decide_on_the_loan))
"""Here the decision waits for the examination."""

RULEBOOK = rulebook(STANDING, LOAN, phases=PHASES, own_facts=OWN_FACTS)

__all__ = ["RULEBOOK"]
