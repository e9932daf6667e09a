"""Why a case cannot go on, and that the registry has closed it."""

from dataclasses import dataclass
from typing import Self

from contracts.events.case import ClosingRequested
from contracts.events.registry import (
    AdvanceNoticeLapsed,
    FolioRefused,
    RegistrationClosed,
    RegistrationRefused,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentRefused
from contracts.values import Clause
from services.escrow.facts import WithdrawalAgreed
from services.escrow.lenders import Rejection
from services.runtime.core.rule import View


@dataclass(frozen=True, slots=True)
class ReasonToCallOff(View):
    """Why the case cannot go on, from whoever said it."""

    because: str
    clause: Clause

    @classmethod
    def of(
        cls,
        refused: ConsentRefused | None,
        final: RegistrationRefused | None,
        withdrawn: WithdrawalAgreed | None,
        rejection: Rejection | None,
        lapsed: AdvanceNoticeLapsed | None,
        registered: TransferRegistered | None,
    ) -> Self | None:
        if registered is not None:
            return None
        if refused is not None:
            return cls(f"consent refused: {refused.because}", refused.clause)
        if final is not None:
            return cls("; ".join(r.detail for r in final.reasons), final.reasons[0].clause)
        if withdrawn is not None:
            return cls(f"withdrawal by agreement: {withdrawn.because}", "X-3")
        if lapsed is not None:
            return cls(f"the advance notices lapsed on {lapsed.lapsed_on.isoformat()}", "Civil Code 221")
        return cls._of_a_rejection(rejection) if rejection is not None else None

    @classmethod
    def _of_a_rejection(cls, rejection: Rejection) -> Self | None:
        """LC-L3 ends the sale; as long as nothing is applied for, the buyer may turn to another bank instead."""
        because = f"loan rejected: {rejection.no.because}"
        if rejection.applied:
            return cls(because, rejection.no.clause)
        if rejection.answer is not None and not rejection.answer.another_bank:
            return cls(f"{because}; {rejection.answer.because}", rejection.no.clause)
        return None


@dataclass(frozen=True, slots=True)
class CalledOff(View):
    """The registry will make no entry for this case: money goes back to whoever paid it."""

    because: str
    clause: Clause

    @classmethod
    def of(
        cls, closed: RegistrationClosed | None, refused: FolioRefused | None, asked: ClosingRequested | None
    ) -> Self | None:
        if refused is not None:
            return cls("; ".join(r.detail for r in refused.reasons), refused.reasons[0].clause)
        if closed is None:
            return None
        return cls(closed.because, asked.clause if asked is not None else "X-3")
