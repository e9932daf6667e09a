"""Ways out by what somebody decides: the seller's bank, a lender, the registry."""

from collections.abc import Iterator

from contracts.event import Role
from contracts.events.case import ClosingRequested, PartyJoined
from contracts.events.escrow import DepositConfirmed, DepositRefunded, PayoffTransferred, TransferApplicationMade
from contracts.events.lender import LendingEnded, LoanApproved, LoanDisbursed, LoanRejected, LoanReturned
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeRegistered,
    FolioRefused,
    FolioReserved,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued, ConsentRefused
from deploy.clerks import Hold
from deploy.ways_out import decisions, deeds
from deploy.ways_out.moments import at_once, on_file, said
from deploy.ways_out.way import CANCELLED, COMPLETED, FULL, LOAN, Deed, Sale, WayOut
from services.escrow.facts import RejectionAnswered

CALLED_OFF = (ClosingRequested, RegistrationClosed)
NOTHING_PAID = (TransferRegistered, PayoffTransferred)
BANK = Role.BUYER_BANK


def consent() -> Iterator[WayOut]:
    """The seller's bank does not agree."""
    refuses = decisions.decides("decide-consent", consents=False, because="the seller is in arrears")
    yield WayOut(
        name="consent-refused",
        procedure=FULL,
        clauses=("LC-F2",),
        title="the seller's bank does not consent; the buyers have their price back",
        ends=CANCELLED,
        said=(ConsentRefused, *CALLED_OFF),
        unsaid=NOTHING_PAID,
        sale=refuses,
        deeds=(
            deeds.takes_its_time(
                Hold(Role.SELLER_BANK, "decide-consent"),
                said(DepositConfirmed),
                "the price is paid in, and the bank decides",
            ),
        ),
    )
    yield WayOut(
        name="consent-refused-after-approval",
        procedure=LOAN,
        clauses=("LC-L4",),
        title="the lenders have approved, and the seller's bank does not consent",
        ends=CANCELLED,
        said=(LoanApproved, ConsentRefused, *CALLED_OFF, LendingEnded),
        unsaid=(AdvanceNoticeRegistered, LoanDisbursed, *NOTHING_PAID),
        sale=refuses,
    )


def loan() -> Iterator[WayOut]:
    """LC-L3: the bank says no."""
    rejects = decisions.lender_decides(BANK, approve=False, because="the income does not carry the instalments")
    alone = decisions.both(decisions.borrows_all_from(BANK), rejects)
    yield WayOut(
        name="loan-rejected-another-bank",
        procedure=LOAN,
        clauses=("LC-L3",),
        title="the bank says no, and the buyers turn to another, which lends",
        ends=COMPLETED,
        said=(LoanRejected, PartyJoined, LoanApproved),
        unsaid=(ClosingRequested,),
        sale=decisions.both(
            alone, decisions.decides("answer-rejection", another_bank=True, because="the buyers ask another bank")
        ),
        deeds=(
            Deed(
                once=on_file(Role.ESCROW, RejectionAnswered),
                do=deeds.turn_to_the_other_bank,
                role=BANK,
                what=f"the buyers turn to {deeds.OTHER_BANK.title}",
                clause="LC-L3",
            ),
        ),
        also=(deeds.OTHER_BANK,),
    )
    yield WayOut(
        name="loan-rejected-the-end",
        procedure=LOAN,
        clauses=("LC-L3",),
        title="the bank says no, and the buyers give the sale up",
        ends=CANCELLED,
        said=(LoanRejected, *CALLED_OFF, DepositRefunded),
        unsaid=(LoanApproved, ConsentIssued, *NOTHING_PAID),
        sale=alone,
    )


def folio() -> Iterator[WayOut]:
    """X-4: the home cannot be sold, and the registry says so instead of reserving it; the price was paid in already."""
    restricted = {"frozen": "freeze", "seized": "seizure", "right-of-residence": "right of residence"}
    bars = {name: (f"a {kind} stands", decisions.restricted(kind)) for name, kind in restricted.items()}
    bars["foreign-mortgage"] = ("somebody else's mortgage stands", decisions.mortgaged_to_another)
    for name, (what, sale) in bars.items():
        yield _refused(f"folio-{name}", f"{what} in the register: the home is not reserved", sale)
    first = Deed(
        once=at_once,
        do=deeds.open_another_sale,
        role=Role.ESCROW,
        what="another sale of this home is opened, and the home reserved for it",
        clause="X-4",
        early=True,
    )
    ends = Deed(
        once=said(FolioRefused),
        do=deeds.end_the_other_sale,
        role=Role.ESCROW,
        what="the other sale is called off too",
        clause="X-3",
    )
    yield _refused("folio-second-case", "the home is reserved for another sale", lambda file: file, first, ends)


def _refused(name: str, title: str, sale: Sale, *more: Deed) -> WayOut:
    return WayOut(
        name=name,
        procedure=FULL,
        clauses=("X-4",),
        title=title,
        ends=CANCELLED,
        said=(FolioRefused, DepositConfirmed),
        unsaid=(FolioReserved, TransferApplicationMade, *NOTHING_PAID),
        sale=sale,
        deeds=(*more, *deeds.paused(Role.REGISTRY, said(DepositConfirmed), "until the price is paid in")),
    )


def applications() -> Iterator[WayOut]:
    """The registry does not take an application as it is."""
    mended = "the application for {} is given back, mended, and entered"
    for name, what, acts in (
        ("notice", "the advance notices", decisions.registrar("return")),
        ("transfer", "transfer and mortgage", decisions.registrar("approve", "return")),
    ):
        yield WayOut(
            name=f"{name}-returned-and-mended",
            procedure=LOAN,
            clauses=("X-3", "LC-R1"),
            title=mended.format(what),
            ends=COMPLETED,
            said=(RegistrationReturned,),
            unsaid=(RegistrationRefused, ClosingRequested),
            acts=acts,
        )
    yield WayOut(
        name="notice-refused-for-good",
        procedure=LOAN,
        clauses=("X-3", "LC-R1"),
        title="the advance notices are refused for good; no loan goes out",
        ends=CANCELLED,
        said=(RegistrationRefused, *CALLED_OFF, LendingEnded),
        unsaid=(AdvanceNoticeRegistered, LoanDisbursed, *NOTHING_PAID),
        acts=decisions.registrar("refuse"),
    )
    yield WayOut(
        name="transfer-refused-for-good",
        procedure=LOAN,
        clauses=("X-3", "LC-R1"),
        title="the transfer is refused for good; lenders and buyers each have their own back",
        ends=CANCELLED,
        said=(LoanDisbursed, RegistrationRefused, *CALLED_OFF, LoanReturned, AdvanceNoticeEnded),
        unsaid=NOTHING_PAID,
        acts=decisions.registrar("approve", "refuse"),
    )


FAMILIES = (consent, loan, folio, applications)
