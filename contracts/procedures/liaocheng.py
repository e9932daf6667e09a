"""Liaocheng: two modes of sale with an escrow deposit (聊自然资规发〔2023〕6号, in force from 2023-03-20)."""

from contracts.event import Role
from contracts.events.case import (
    CaseCancelled,
    CaseCompleted,
    CaseOpened,
    ClosingRequested,
    DeadlineMissed,
    JoinRefused,
    PartyJoined,
)
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    DepositRefunded,
    PayoffTransferred,
    TransferApplicationMade,
)
from contracts.events.lender import (
    JoinRequested,
    LendingEnded,
    LoanApproved,
    LoanDisbursed,
    LoanRejected,
    LoanReturned,
    MortgageApplicationMade,
)
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    ClosingRefused,
    FolioRefused,
    FolioReserved,
    MortgageReleased,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    TransferRegistered,
)
from contracts.events.seller_bank import (
    ConsentIssued,
    ConsentRefused,
    PayoffCompleted,
    PayoffQuoted,
    PayoffReturned,
    ReleaseApplied,
)
from contracts.procedures.procedure import Procedure, Step, awaited, step

ESCROW, REGISTRY, SELLER_BANK = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK
LENDERS = (Role.BUYER_BANK, Role.FUND_CENTER)
ENDS = (CaseCompleted, CaseCancelled)

# --- what both modes have ---------------------------------------------------------------------------------------------

FOLIO = (
    step(FolioReserved, REGISTRY, "X-4", after=[CaseOpened], not_after=[FolioReserved, FolioRefused]),
    step(FolioRefused, REGISTRY, "X-4", after=[CaseOpened], not_after=[FolioReserved], way_out=True),
)
REGISTRATION_REFUSED = step(
    RegistrationRefused, REGISTRY, "X-3", after=[FolioReserved], not_after=[TransferRegistered], way_out=True
)
CLOSING = (
    step(
        RegistrationClosed,
        REGISTRY,
        "X-3",
        after=[ClosingRequested],
        not_after=[TransferRegistered, RegistrationClosed],
        way_out=True,
        awaited=awaited(ClosingRequested),
    ),
    step(
        ClosingRefused,
        REGISTRY,
        "X-3",
        after=[ClosingRequested],
        not_after=[RegistrationClosed],
        way_out=True,
        awaited=awaited(TransferRegistered),
        reopens=[ClosingRequested],
    ),
    step(
        DepositRefunded,
        ESCROW,
        "X-1",
        after=[CaseOpened],
        way_out=True,
        awaited=awaited((FolioRefused, RegistrationClosed), DepositConfirmed),
    ),
)
CANCELLED = step(
    CaseCancelled,
    ESCROW,
    "X-3",
    after=[(FolioRefused, RegistrationClosed)],
    not_after=[TransferRegistered, *ENDS],
    way_out=True,
    awaited=awaited((FolioRefused, RegistrationClosed)),
)


def payoff(article: str) -> tuple[Step, ...]:
    """The seller's loan is stated, paid and booked; a rest is stated and paid again."""
    return (
        step(
            PayoffQuoted,
            SELLER_BANK,
            article,
            after=[TransferRegistered, ConsentIssued],
            awaited=awaited(not_after=[PayoffCompleted]),
        ),
        step(
            PayoffTransferred,
            ESCROW,
            article,
            after=[TransferRegistered, PayoffQuoted],
            awaited=awaited(not_after=[PayoffCompleted]),
        ),
        step(
            PayoffCompleted,
            SELLER_BANK,
            article,
            after=[TransferRegistered],
            awaited=awaited(PayoffTransferred, period="payoff-booking"),
            reopens=[PayoffQuoted, PayoffTransferred, PayoffCompleted],
            reopens_if="open_fen",
        ),
        step(PayoffReturned, SELLER_BANK, "X-1", after=[CaseOpened], unawaited=True),
    )


def release_applied(article: str) -> Step:
    """The settled loan's mortgage may go."""
    return step(
        ReleaseApplied,
        SELLER_BANK,
        article,
        awaited=awaited(PayoffCompleted, not_after=[MortgageReleased], period="release"),
    )


def completed(article: str) -> Step:
    """The end that everybody wants."""
    return step(
        CaseCompleted,
        ESCROW,
        article,
        after=[TransferRegistered, PayoffCompleted, MortgageReleased],
        not_after=ENDS,
    )


# --- paid in full -----------------------------------------------------------------------------------------------------

LC_FULL = Procedure(
    name="LC-FULL",
    edition="2023-03-20",
    title="全款买房模式 / sale with mortgage, paid in full",
    document="聊自然资规发〔2023〕6号 二（一）",
    openers=frozenset({ESCROW}),
    keeper=ESCROW,
    roles=(ESCROW, REGISTRY, SELLER_BANK),
    steps=(
        step(CaseOpened, ESCROW, "LC-F1", not_after=[CaseOpened]),
        *FOLIO,
        step(
            DepositConfirmed,
            ESCROW,
            "LC-F1",
            after=[CaseOpened],
            not_after=ENDS,
            awaited=awaited(period="price"),
            counts_if="price_complete",
        ),
        step(
            ConsentIssued,
            SELLER_BANK,
            "LC-F2",
            after=[CaseOpened],
            not_after=[ConsentIssued],
            awaited=awaited(period="consent"),
        ),
        step(ConsentRefused, SELLER_BANK, "LC-F2", after=[CaseOpened], not_after=[ConsentIssued], way_out=True),
        step(
            TransferApplicationMade,
            ESCROW,
            "LC-F3",
            after=[FolioReserved, DepositConfirmed, ConsentIssued],
            not_after=[TransferRegistered, ClosingRequested, *ENDS],
        ),
        step(
            RegistrationReturned,
            REGISTRY,
            "X-3",
            after=[FolioReserved],
            not_after=[TransferRegistered],
            way_out=True,
            reopens=[TransferApplicationMade],
        ),
        REGISTRATION_REFUSED,
        step(
            TransferRegistered,
            REGISTRY,
            "LC-F4",
            after=[FolioReserved, DepositConfirmed, ConsentIssued],
            not_after=[TransferRegistered, RegistrationClosed],
            awaited=awaited(TransferApplicationMade, period="registration"),
        ),
        *payoff("LC-F4"),
        step(BalancePaid, ESCROW, "LC-F4", after=[TransferRegistered, PayoffCompleted]),
        release_applied("LC-F4"),
        step(MortgageReleased, REGISTRY, "LC-F4", after=[ReleaseApplied]),
        completed("LC-F4"),
        step(
            ClosingRequested,
            ESCROW,
            "X-3",
            after=[CaseOpened],
            not_after=[ClosingRequested, *ENDS],
            way_out=True,
            awaited=awaited((ConsentRefused, RegistrationRefused), not_after=[ClosingRefused]),
        ),
        *CLOSING,
        CANCELLED,
        *(
            step(DeadlineMissed, role, "periods", after=[CaseOpened], way_out=True)
            for role in (ESCROW, REGISTRY, SELLER_BANK)
        ),
    ),
)

# --- the buyer borrows ------------------------------------------------------------------------------------------------

LC_LOAN = Procedure(
    name="LC-LOAN",
    edition="2023-03-20",
    title="贷款买房模式 / sale with mortgage, the buyer borrows",
    document="聊自然资规发〔2023〕6号 二（二）",
    openers=frozenset({ESCROW}),
    keeper=ESCROW,
    roles=(ESCROW, REGISTRY, SELLER_BANK, *LENDERS),
    may_join=frozenset(LENDERS),
    steps=(
        step(CaseOpened, ESCROW, "LC-L1", not_after=[CaseOpened]),
        *FOLIO,
        step(
            DepositConfirmed,
            ESCROW,
            "LC-L1",
            after=[CaseOpened],
            not_after=ENDS,
            awaited=awaited(not_after=[LoanDisbursed], period="down-payment"),
        ),
        *(step(JoinRequested, lender, "LC-L2", after=[DepositConfirmed], unawaited=True) for lender in LENDERS),
        step(
            PartyJoined,
            ESCROW,
            "LC-L2",
            after=[CaseOpened],
            not_after=[ClosingRequested, *ENDS],
            awaited=awaited(DepositConfirmed, absent=LENDERS),
        ),
        step(JoinRefused, ESCROW, "LC-L2", after=[JoinRequested], way_out=True),
        *(
            step(
                LoanApproved,
                lender,
                "LC-L4",
                after=[CaseOpened, DepositConfirmed],
                not_after=[FolioRefused, RegistrationClosed, *ENDS],
                awaited=awaited(period="loan-decision"),
            )
            for lender in LENDERS
        ),
        *(
            step(
                LoanRejected,
                lender,
                "LC-L3",
                after=[CaseOpened],
                not_after=[TransferRegistered, *ENDS],
                way_out=True,
                reopens=[LoanApproved, PartyJoined],
            )
            for lender in LENDERS
        ),
        step(
            ConsentIssued,
            SELLER_BANK,
            "LC-L4",
            after=[CaseOpened, LoanApproved],
            not_after=[ConsentIssued],
            awaited=awaited(period="consent"),
        ),
        step(ConsentRefused, SELLER_BANK, "LC-L4", after=[CaseOpened], not_after=[ConsentIssued], way_out=True),
        step(
            TransferApplicationMade,
            ESCROW,
            "LC-L4",
            after=[FolioReserved, DepositConfirmed, LoanApproved, ConsentIssued],
            not_after=[AdvanceNoticeRegistered, ClosingRequested, *ENDS],
        ),
        *(
            step(
                MortgageApplicationMade,
                lender,
                "LC-L4",
                after=[FolioReserved, LoanApproved, ConsentIssued],
                not_after=[AdvanceNoticeRegistered, RegistrationClosed, *ENDS],
            )
            for lender in LENDERS
        ),
        step(
            AdvanceNoticeRegistered,
            REGISTRY,
            "LC-L4",
            after=[FolioReserved, DepositConfirmed, LoanApproved, ConsentIssued, MortgageApplicationMade],
            not_after=[AdvanceNoticeRegistered, RegistrationClosed],
            awaited=awaited(TransferApplicationMade, MortgageApplicationMade, period="registration"),
            reopens=[TransferApplicationMade, MortgageApplicationMade],
        ),
        *(
            step(
                LoanDisbursed,
                lender,
                article,
                after=[AdvanceNoticeRegistered],
                awaited=awaited(period="disbursement"),
                reopens=[DepositConfirmed],
            )
            for lender, article in zip(LENDERS, ("LC-L5", "LC-R3"), strict=True)
        ),
        step(
            DepositConfirmed,
            ESCROW,
            "LC-L5",
            after=[CaseOpened, LoanApproved],
            not_after=ENDS,
            awaited=awaited(LoanDisbursed),
        ),
        step(
            TransferApplicationMade,
            ESCROW,
            "LC-L5",
            after=[AdvanceNoticeRegistered, DepositConfirmed, ConsentIssued],
            not_after=[TransferRegistered, ClosingRequested, *ENDS],
        ),
        *(
            step(
                MortgageApplicationMade,
                lender,
                "LC-L5",
                after=[AdvanceNoticeRegistered],
                not_after=[TransferRegistered, RegistrationClosed, *ENDS],
            )
            for lender in LENDERS
        ),
        step(
            RegistrationReturned,
            REGISTRY,
            "X-3",
            after=[FolioReserved],
            not_after=[TransferRegistered],
            way_out=True,
            reopens=[TransferApplicationMade, MortgageApplicationMade],
        ),
        REGISTRATION_REFUSED,
        step(
            TransferRegistered,
            REGISTRY,
            "LC-L5",
            after=[FolioReserved, AdvanceNoticeRegistered, DepositConfirmed, ConsentIssued],
            not_after=[TransferRegistered, RegistrationClosed, AdvanceNoticeLapsed],
            awaited=awaited(TransferApplicationMade, MortgageApplicationMade, period="registration"),
        ),
        *payoff("LC-L6"),
        release_applied("LC-L6"),
        step(MortgageReleased, REGISTRY, "LC-L7", after=[ReleaseApplied]),
        step(BalancePaid, ESCROW, "LC-L7", after=[TransferRegistered, PayoffCompleted, MortgageReleased]),
        completed("LC-L7"),
        step(
            ClosingRequested,
            ESCROW,
            "LC-L3",
            after=[CaseOpened, LoanRejected],
            not_after=[ClosingRequested, *ENDS],
            way_out=True,
            awaited=awaited(not_after=[ClosingRefused, PartyJoined]),
        ),
        step(
            ClosingRequested,
            ESCROW,
            "X-3",
            after=[CaseOpened],
            not_after=[ClosingRequested, *ENDS],
            way_out=True,
            awaited=awaited((ConsentRefused, RegistrationRefused, AdvanceNoticeLapsed), not_after=[ClosingRefused]),
        ),
        *CLOSING,
        *(
            step(LendingEnded, lender, "X-3", after=[RegistrationClosed], way_out=True, awaited=awaited())
            for lender in LENDERS
        ),
        *(
            step(
                LoanReturned,
                lender,
                "X-1",
                after=[LendingEnded],
                way_out=True,
                awaited=awaited(LendingEnded, LoanDisbursed),
            )
            for lender in LENDERS
        ),
        step(
            AdvanceNoticeEnded,
            REGISTRY,
            "X-3",
            after=[AdvanceNoticeRegistered, RegistrationClosed],
            not_after=[AdvanceNoticeEnded, AdvanceNoticeLapsed],
            way_out=True,
            awaited=awaited(LendingEnded),
        ),
        step(
            AdvanceNoticeLapsed,
            REGISTRY,
            "X-3",
            after=[AdvanceNoticeRegistered],
            not_after=[TransferRegistered, AdvanceNoticeEnded, AdvanceNoticeLapsed],
            way_out=True,
        ),
        CANCELLED,
        *(
            step(DeadlineMissed, role, "periods", after=[CaseOpened], way_out=True)
            for role in (ESCROW, REGISTRY, SELLER_BANK, *LENDERS)
        ),
    ),
)
