"""All of the escrow's rules: one chapter per policy document, and one for what belongs to no case."""

from contracts.events.case import CaseCancelled, CaseCompleted, ClosingRequested
from contracts.events.registry import ClosingRefused, FolioRefused
from services.escrow.facts import OWN_FACTS
from services.escrow.rules import modes, standing
from services.runtime.core.file import Phase
from services.runtime.core.rule import rulebook

RULEBOOK = rulebook(
    standing.STANDING,
    modes.FULL,
    modes.LOAN,
    phases={
        ClosingRequested: Phase.CLOSING,
        FolioRefused: Phase.CLOSING,
        ClosingRefused: Phase.OPEN,
        CaseCompleted: Phase.ENDED,
        CaseCancelled: Phase.ENDED,
    },
    own_facts=OWN_FACTS,
)
