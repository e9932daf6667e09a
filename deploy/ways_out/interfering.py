"""Ways out by what comes between: something is entered against the title, buyers and seller withdraw, a closing meets
the entry or a loan on its way."""

from collections.abc import Iterator

from contracts.event import Role
from contracts.events.case import ClosingRequested
from contracts.events.escrow import PayoffTransferred
from contracts.events.lender import LendingEnded, LoanDisbursed, LoanReturned
from contracts.events.registry import (
    AdvanceNoticeEnded,
    RegistrationClosed,
    RegistrationRefused,
    TransferRegistered,
)
from deploy.ways_out import deeds
from deploy.ways_out.moments import NO_ENTRY, STAGES, STAGES_IN_FULL, At, all_of, for_good, said
from deploy.ways_out.way import CANCELLED, COMPLETED, FULL, LOAN, Deed, ProcedureName, WayOut

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
    """X-3: buyers and seller call the sale off together."""
    for stage in ("opened", "deposited", "approved", "noticed", "disbursed", "applied"):
        yield WayOut(
            name=f"withdrawal-once-{stage}",
            procedure=LOAN,
            clauses=("X-3",),
            title=f"buyers and seller withdraw once {stage}",
            ends=CANCELLED,
            said=(ClosingRequested, RegistrationClosed),
            unsaid=(TransferRegistered, RegistrationRefused),
            deeds=(deeds.withdrawn(STAGES[stage]),),
        )


def closings() -> Iterator[WayOut]:
    """X-3: a closing is asked for at a moment at which it may be too late, or at which money is on its way."""
    yield WayOut(
        name="closing-against-entry",
        procedure=LOAN,
        clauses=("X-3",),
        title="the sale is called off while the entry is being made: one of the two is too late",
        ends=(*COMPLETED, *CANCELLED),
        exactly_one_of=(RegistrationClosed, TransferRegistered),
        deeds=(
            Deed(
                once=STAGES["applied"].once,
                do=deeds.withdraw_and_approve_at_once,
                role=Role.ESCROW,
                what="buyers and seller withdraw while the registrar approves the entry",
                clause="X-3",
                holds=for_good(NO_ENTRY),
            ),
        ),
    )
    yield WayOut(
        name="closing-while-a-loan-is-on-the-rail",
        procedure=LOAN,
        clauses=("X-3",),
        title="the sale is called off while a lender's money is on its way; it comes back to the lender",
        ends=CANCELLED,
        said=(LoanDisbursed, RegistrationClosed, LendingEnded, LoanReturned, AdvanceNoticeEnded),
        unsaid=(TransferRegistered,),
        deeds=(
            deeds.rail_fails("the bank's loan is to stay on its way", "delay", seconds=10**6, from_account=deeds.LOANS),
            deeds.withdrawn_once(said(LoanDisbursed, by=Role.BUYER_BANK), for_good(NO_ENTRY)),
            Deed(
                once=all_of(said(RegistrationClosed), said(LendingEnded, by=Role.BUYER_BANK)),
                do=deeds.let_arrive,
                role=Role.ESCROW,
                what="the loan arrives after the closing",
                clause="X-1",
            ),
        ),
    )


FAMILIES = (entered_meanwhile, withdrawals, closings)
