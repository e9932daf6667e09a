"""The seller's bank's rulebook: one chapter per procedure, and one for what belongs to no case."""

from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.registry import FolioRefused, RegistrationClosed
from services.runtime.core.file import Phase
from services.runtime.core.rule import rulebook
from services.seller_bank.facts import OWN_FACTS
from services.seller_bank.rules.liaocheng import FULL
from services.seller_bank.rules.liaocheng_loan import LOAN
from services.seller_bank.rules.loans import LOANS

RULEBOOK = rulebook(
    LOANS,
    FULL,
    LOAN,
    phases={
        RegistrationClosed: Phase.CLOSING,
        FolioRefused: Phase.CLOSING,
        CaseCompleted: Phase.ENDED,
        CaseCancelled: Phase.ENDED,
    },
    own_facts=OWN_FACTS,
)

__all__ = ["RULEBOOK"]
