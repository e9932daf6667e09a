"""The registry's rules: a chapter for the folio itself, and one per policy document's procedure."""

from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.registry import FolioRefused, RegistrationClosed
from services.registry.facts import OWN_FACTS
from services.registry.rules.liaocheng import FULL
from services.registry.rules.liaocheng_loan import LOAN
from services.registry.rules.register import STANDING_CHAPTER
from services.runtime.core.file import Phase
from services.runtime.core.rule import rulebook

RULEBOOK = rulebook(
    STANDING_CHAPTER,
    FULL,
    LOAN,
    phases={
        FolioRefused: Phase.CLOSING,
        RegistrationClosed: Phase.CLOSING,
        CaseCompleted: Phase.ENDED,
        CaseCancelled: Phase.ENDED,
    },
    own_facts=OWN_FACTS,
)

__all__ = ["RULEBOOK"]
