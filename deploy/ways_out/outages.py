"""Ways out by outage: an institution is down for the whole middle of a case; its inbox waits, the others go on with
what does not need it."""

from collections.abc import Iterator

from contracts.event import Role
from contracts.events.case import CaseOpened, ClosingRequested
from contracts.events.lender import LoanApproved, MortgageApplicationMade
from contracts.events.seller_bank import ConsentIssued
from deploy.ways_out import deeds
from deploy.ways_out.moments import STAGES, all_of, said, said_by_every_lender
from deploy.ways_out.way import COMPLETED, LOAN, WayOut

APPROVED = STAGES["approved"].once
AWAY = {
    "escrow": (
        Role.ESCROW,
        "from the loans' approval until the others have applied for their part",
        APPROVED,
        all_of(said(ConsentIssued), said_by_every_lender(MortgageApplicationMade)),
    ),
    "registry": (
        Role.REGISTRY,
        "from the opening until loans and consent are there",
        said(CaseOpened),
        all_of(APPROVED, said(ConsentIssued)),
    ),
    "seller-bank": (Role.SELLER_BANK, "from the opening until the loans are approved", said(CaseOpened), APPROVED),
    "buyer-bank": (
        Role.BUYER_BANK,
        "from the opening until the fund centre has approved",
        said(CaseOpened),
        said(LoanApproved, by=Role.FUND_CENTER),
    ),
    "fund-center": (
        Role.FUND_CENTER,
        "from the opening until the bank has approved",
        said(CaseOpened),
        said(LoanApproved, by=Role.BUYER_BANK),
    ),
}
"""Who is away, from when until when."""


def away() -> Iterator[WayOut]:
    """X-1: the same end, the same money."""
    for name, (role, when, once, until) in AWAY.items():
        yield WayOut(
            name=f"away-{name}",
            procedure=LOAN,
            clauses=("X-1",),
            title=f"the {role.value.replace('_', ' ')} is down {when}",
            ends=COMPLETED,
            said=(LoanApproved, ConsentIssued),
            unsaid=(ClosingRequested,),
            deeds=deeds.away(role, once, until),
        )


FAMILIES = (away,)
