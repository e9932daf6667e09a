"""What becomes of a lender's request to join a case: decided by the files of the folio alone, the escrow's own."""

from contracts.envelope import parse_source
from contracts.event import Event, Role
from contracts.events.case import (
    CaseCancelled,
    CaseCompleted,
    CaseOpened,
    ClosingRequested,
    JoinRefused,
    PartyJoined,
)
from contracts.events.escrow import DepositConfirmed, MoneyKind
from contracts.events.lender import JoinRequested, LoanApproved, LoanRejected
from contracts.events.registry import FolioRefused, RegistrationClosed, TransferRegistered
from contracts.procedures import PROCEDURES
from services.escrow.facts import SaleBrought
from services.runtime.core.file import Filed

OF_A_CASE = (
    SaleBrought | CaseOpened | DepositConfirmed | PartyJoined | LoanApproved | LoanRejected | ClosingRequested
    | FolioRefused | RegistrationClosed | TransferRegistered | CaseCompleted | CaseCancelled
)  # fmt: skip
"""The facts that an answer rests on."""

Facts = tuple[Filed[OF_A_CASE], ...]
TOO_LATE = (ClosingRequested, FolioRefused, RegistrationClosed, TransferRegistered, CaseCompleted, CaseCancelled)


def has_a_place(request: Filed[JoinRequested], known: Facts) -> bool:
    """Whether the case's procedure has lenders at all. Of a case that is not known here nothing can be said."""
    sale = next((f.fact for f in _of_the_case(request, known) if isinstance(f.fact, SaleBrought)), None)
    procedure = PROCEDURES.get((sale.procedure, sale.edition)) if sale is not None else None
    return procedure is None or parse_source(request.speaker)[0] in procedure.may_join


def answer_to(request: Filed[JoinRequested], known: Facts) -> PartyJoined | JoinRefused | None:
    """The keeper's answer; None to whom has its part already."""
    facts = _of_the_case(request, known)
    role, institution = parse_source(request.speaker)
    parties = _parties(facts, role)
    if institution in parties:
        return None
    why, final = _why_not(request.fact, facts, [p for p in parties if not _has_refused(facts, role, p)])
    if why:
        return JoinRefused(role=role, institution=institution, because=why, clause="LC-L2", final=final)
    return PartyJoined(role=role, institution=institution)


def _why_not(request: JoinRequested, facts: Facts, in_its_place: list[str]) -> tuple[str, bool]:
    """Why a lender may not join, and whether that is for good; no reason if it may. Who does not hold the certificate
    learns nothing of the case."""
    opened = next((f.fact for f in facts if isinstance(f.fact, CaseOpened)), None)
    shown = (request.deposit_certificate, request.code)
    issued = {
        (f.fact.certificate.number, f.fact.certificate.code)
        for f in facts
        if isinstance(f.fact, DepositConfirmed) and f.fact.kind is MoneyKind.DOWN_PAYMENT
    }
    if opened is None or opened.contract_number != request.contract_number or shown not in issued:
        return "no certificate of this number and code was issued for this case and contract", False
    if any(isinstance(f.fact, TOO_LATE) for f in facts):
        return "the case takes no lender any more: it is entered, being called off, or over", True
    if in_its_place:
        return f"{', '.join(in_its_place)} has this part, and has not refused the loan", False
    return "", False


def _of_the_case(request: Filed[JoinRequested], known: Facts) -> Facts:
    return tuple(f for f in known if f.case == request.case)


def _parties(facts: Facts, role: Role) -> tuple[str, ...]:
    """Who has a part in this role."""
    named: list[str] = []
    for fact in (f.fact for f in facts):
        if isinstance(fact, CaseOpened | PartyJoined) and role in fact.institutions:
            named.append(fact.institutions[role])
    return tuple(named)


def _has_refused(facts: Facts, role: Role, institution: str) -> bool:
    """Whether the newest word of an institution about the loan is a no."""
    said = [f.fact for f in facts if _by(f) == (role, institution) and isinstance(f.fact, LoanApproved | LoanRejected)]
    return bool(said) and isinstance(said[-1], LoanRejected)


def _by(filed: Filed[OF_A_CASE]) -> tuple[Role, str] | None:
    return parse_source(filed.speaker) if isinstance(filed.fact, Event) else None
