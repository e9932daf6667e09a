"""What a register folio is made of: the lines of its history, and what stands by them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    FolioReserved,
    Owner,
    RankedMortgage,
    TransferRegistered,
)
from contracts.values import Day, DocumentNumber
from services.registry.facts import (
    FolioImported,
    MortgageCancelled,
    MortgageEntered,
    MortgagesEntered,
    MortgageTerms,
    Notice,
    NoticeEnded,
    NoticeKind,
    NoticesEntered,
    OwnershipEntered,
    Restriction,
    RestrictionEntered,
    RestrictionLifted,
)

EntryFact = (
    FolioImported
    | RestrictionEntered
    | RestrictionLifted
    | MortgageEntered
    | NoticeEnded
    | FolioReserved
    | NoticesEntered
    | AdvanceNoticeRegistered
    | AdvanceNoticeEnded
    | AdvanceNoticeLapsed
    | OwnershipEntered
    | MortgagesEntered
    | TransferRegistered
    | MortgageCancelled
    | CaseCompleted
    | CaseCancelled
)
"""Every fact that changes a register."""

Content = tuple[Owner, ...] | MortgageTerms | Restriction | Notice


class EntryKind(StrEnum):
    """What an entry does to the register."""

    OWNERSHIP = "ownership"
    MORTGAGE = "mortgage"
    MORTGAGE_CANCELLED = "mortgage cancelled"
    RESTRICTION = "restriction"
    RESTRICTION_LIFTED = "restriction lifted"
    NOTICE = "notice"
    NOTICE_ENDED = "notice ended"
    NOTICE_LAPSED = "notice lapsed"
    NOTICE_CONVERTED = "notice converted"
    RESERVATION = "reservation"
    RESERVATION_ENDED = "reservation ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the folio's history. `about` is the number of the certificate, the application, the restriction or
    the case that it is about; a mortgage or a notice that a case enters is named by its application, without content,
    until its certificate is numbered. `content` is what an entry of ownership, mortgage, restriction or notice said."""

    number: int
    at: datetime
    kind: EntryKind
    about: str
    case: str = ""
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Mortgage:
    """A mortgage that stands. The rank is kept, not read off the order of entries (Civil Code 414): entries made
    together share their time, and ranks close up when one is cancelled. `certificate` is None between the entry and
    the numbering; `entry` is the number of its entry."""

    certificate: DocumentNumber | None
    mortgagee: str
    principal_fen: int
    no_transfer_clause: bool
    since: Day
    rank: int
    entry: int

    @property
    def ranked(self) -> RankedMortgage | None:
        """As events show it: without the sum secured. None as long as it has no certificate."""
        if self.certificate is None:
            return None
        return RankedMortgage(certificate=self.certificate, mortgagee=self.mortgagee, rank=self.rank)

    def numbered(self, certificate: DocumentNumber) -> MortgageTerms:
        """As its certificate states it."""
        return MortgageTerms(
            certificate=certificate,
            mortgagee=self.mortgagee,
            principal_fen=self.principal_fen,
            no_transfer_clause=self.no_transfer_clause,
            since=self.since,
        )


@dataclass(frozen=True, slots=True)
class StandingNotice:
    """An advance notice that stands: `case` is the one that entered it, or empty. `certificate` and `entry` are as a
    mortgage's."""

    kind: NoticeKind
    certificate: DocumentNumber | None
    in_favour_of: str
    since: Day
    case: str
    entry: int

    def numbered(self, certificate: DocumentNumber) -> Notice:
        """As its certificate states it."""
        return Notice(kind=self.kind, certificate=certificate, in_favour_of=self.in_favour_of, since=self.since)
