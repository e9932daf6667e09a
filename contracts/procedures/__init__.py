"""The procedures that this release knows, by name and edition; a case pins one when it opens."""

from collections.abc import Mapping

from contracts.procedures.liaocheng import LC_FULL, LC_LOAN
from contracts.procedures.procedure import Procedure, Step, Word, obstacle, permitted, violations
from contracts.procedures.trace import in_causal_order
from contracts.procedures.waiting import awaited_now, kinds, known_after, possible

PROCEDURES: Mapping[tuple[str, str], Procedure] = {(p.name, p.edition): p for p in (LC_FULL, LC_LOAN)}

__all__ = [
    "PROCEDURES",
    "Procedure",
    "Step",
    "Word",
    "awaited_now",
    "in_causal_order",
    "kinds",
    "known_after",
    "obstacle",
    "permitted",
    "possible",
    "violations",
]
