"""The catalogue: each way out by name, with what is done otherwise and how it must end."""

from collections.abc import Iterator

from contracts.event import Role
from contracts.events.case import ClosingRequested
from contracts.events.escrow import DepositConfirmed, PayoffTransferred
from contracts.events.lender import LendingEnded, LoanApproved, LoanDisbursed, LoanReturned
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeRegistered,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentRefused
from deploy.ways_out import decisions, deeds
from deploy.ways_out.moments import STAGES, STAGES_IN_FULL, At, said
from deploy.ways_out.way import CANCELLED, COMPLETED, Incident, ProcedureName, WayOut

FULL: ProcedureName = "LC-FULL"
LOAN: ProcedureName = "LC-LOAN"
REASONS = {"consents": False, "because": "the seller is in arrears"}


def consent() -> Iterator[WayOut]:
    """The seller's bank does not agree."""
    refused = (ConsentRefused, ClosingRequested, RegistrationClosed)
    yield WayOut(
        name="consent-refused",
        procedure=FULL,
        clauses=("LC-F2",),
        title="the seller's bank does not consent; the buyers have their price back",
        ends=CANCELLED,
        said=refused,
        unsaid=(TransferRegistered, PayoffTransferred),
        sale=decisions.decides("decide-consent", **REASONS),
    )
    yield WayOut(
        name="consent-refused-after-approval",
        procedure=LOAN,
        clauses=("LC-L4",),
        title="the lenders have approved, and the seller's bank does not consent",
        ends=CANCELLED,
        said=(LoanApproved, *refused, LendingEnded),
        unsaid=(AdvanceNoticeRegistered, LoanDisbursed, TransferRegistered),
        sale=decisions.decides("decide-consent", **REASONS),
    )


def applications() -> Iterator[WayOut]:
    """The registry does not take an application as it is."""
    yield WayOut(
        name="notice-returned-and-mended",
        procedure=LOAN,
        clauses=("X-3", "LC-L4"),
        title="the application for the notices is given back, mended, and entered",
        ends=COMPLETED,
        said=(RegistrationReturned,),
        unsaid=(RegistrationRefused, ClosingRequested),
        acts=decisions.registrar("return"),
    )
    yield WayOut(
        name="transfer-refused-for-good",
        procedure=LOAN,
        clauses=("X-3", "LC-R1"),
        title="the transfer is refused for good; lenders and buyers each have their own back",
        ends=CANCELLED,
        said=(LoanDisbursed, RegistrationRefused, RegistrationClosed, LoanReturned, AdvanceNoticeEnded),
        unsaid=(TransferRegistered, PayoffTransferred),
        acts=decisions.registrar("approve", "refuse"),
    )


RESTRICTIONS = {"freeze": "freeze", "seizure": "seizure", "right-of-residence": "right of residence"}


def entered_meanwhile() -> Iterator[WayOut]:
    """X-4: what is entered against the title after the reservation ends the sale at the next entry."""
    for stage in ("reserved", "approved", "noticed", "disbursed", "applied"):
        yield from _entered_once(stage, STAGES[stage], LOAN, "")
    for stage, at in STAGES_IN_FULL.items():
        yield from _entered_once(stage, at, FULL, "-full")


def _entered_once(stage: str, at: At, procedure: ProcedureName, tail: str) -> Iterator[WayOut]:
    named = {short: (kind, deeds.restricted(kind, at)) for short, kind in RESTRICTIONS.items()}
    for short, (kind, deed) in {**named, "second-mortgage": ("second mortgage", deeds.mortgaged(at))}.items():
        yield WayOut(
            name=f"{short}-once-{stage}{tail}",
            procedure=procedure,
            clauses=("X-4",),
            title=f"a {kind} is entered once {stage}, which ends the sale",
            ends=CANCELLED,
            said=(RegistrationRefused, RegistrationClosed),
            unsaid=(TransferRegistered, PayoffTransferred),
            deeds=(deed,),
        )


def withdrawals() -> Iterator[WayOut]:
    """X-3: buyers and sellers call the sale off together."""
    for stage, at in STAGES.items():
        if stage == "reserved":
            continue
        yield WayOut(
            name=f"withdrawal-once-{stage}",
            procedure=LOAN,
            clauses=("X-3",),
            title=f"buyers and seller withdraw once {stage}",
            ends=CANCELLED,
            said=(ClosingRequested, RegistrationClosed),
            unsaid=(TransferRegistered, RegistrationRefused),
            deeds=(deeds.withdrawn(at),),
        )


def institutions_away() -> Iterator[WayOut]:
    """An institution is down for the whole middle of a case; its inbox waits."""
    yield WayOut(
        name="away-seller-bank",
        procedure=LOAN,
        clauses=("X-1", "LC-L4"),
        title="the seller's bank is down from the opening until the loans are approved",
        ends=COMPLETED,
        unsaid=(ClosingRequested,),
        deeds=deeds.away(Role.SELLER_BANK, said(DepositConfirmed), STAGES["approved"].once),
    )


def rail() -> Iterator[WayOut]:
    """The payment rail fails."""
    yield WayOut(
        name="rail-refused",
        procedure=FULL,
        clauses=("X-1", "LC-F4"),
        title="the rail refuses the payoff; a clerk orders it again",
        ends=COMPLETED,
        unsaid=(ClosingRequested,),
        deeds=(deeds.rail_fails("the rail is to refuse the first order", "refuse", from_account="ESCROW-LC-01"),),
        incidents=(Incident(Role.ESCROW, "(payoff,"),),
    )


FAMILIES = (consent, applications, entered_meanwhile, withdrawals, institutions_away, rail)
WAYS_OUT = {way.name: way for family in FAMILIES for way in family()}
