"""The buyer's bank's rulebook: what any lender does, and nothing beside it."""

from services.lending.facts import OWN_FACTS
from services.lending.rules import PHASES, lender_chapters
from services.runtime.core.rule import rulebook

RULEBOOK = rulebook(*lender_chapters(), phases=PHASES, own_facts=OWN_FACTS)

__all__ = ["RULEBOOK"]
