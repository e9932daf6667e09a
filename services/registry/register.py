"""The register of one folio: the sum of its entries, each with its time and its number.

Nothing is ever deleted; what no longer stands is in the history.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.registry import FolioReserved, Owner, RankedMortgage, TransferRegistered
from contracts.values import DocumentNumber, UnitNumber
from services.registry.facts import (
    FolioImported,
    ImportedMortgage,
    MortgageCancelled,
    MortgageEntered,
    MortgageTerms,
    Notice,
    NoticeEnded,
    OwnershipEntered,
    Restriction,
    RestrictionEntered,
    RestrictionLifted,
)
from services.runtime.core.file import Filed
from services.runtime.core.rule import Across, View

EntryFact = (
    FolioImported
    | RestrictionEntered
    | RestrictionLifted
    | MortgageEntered
    | NoticeEnded
    | FolioReserved
    | OwnershipEntered
    | TransferRegistered
    | MortgageCancelled
    | CaseCompleted
    | CaseCancelled
)


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
    RESERVATION = "reservation"
    RESERVATION_ENDED = "reservation ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the folio's history. `about` is the number of the certificate, the application, the
    restriction or the case that it is about; `content` is what an entry of ownership, mortgage, restriction
    or notice said."""

    number: int
    at: datetime
    kind: EntryKind
    about: str
    case: str = ""
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Mortgage:
    """A mortgage that stands. The rank is kept, not read off the order of entries (Civil Code 414): entries
    made together share their time, and ranks close up when one is cancelled."""

    terms: MortgageTerms
    rank: int

    def ranked(self) -> RankedMortgage:
        """As events show it: without the sum secured."""
        return RankedMortgage(certificate=self.terms.certificate, mortgagee=self.terms.mortgagee, rank=self.rank)


@dataclass(frozen=True, slots=True)
class Register(View):
    """What stands on a folio now, and everything that was ever entered. `ownership_certificate` is None
    between the entry of new owners and the numbering of their certificate; `reserved_for` is the live case,
    or empty."""

    unit_number: UnitNumber
    owners: tuple[Owner, ...] = ()
    ownership_certificate: DocumentNumber | None = None
    mortgages: tuple[Mortgage, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    notices: tuple[Notice, ...] = ()
    reserved_for: str = ""
    history: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, entries: Across[EntryFact]) -> Self | None:
        """The sum of the entries; None where the folio was never imported. Entries count from the import
        on."""
        register: Self | None = None
        for entry in entries:
            if register is None and isinstance(entry.fact, FolioImported):
                register = cls(entry.fact.unit_number)
            if register is not None:
                register = register._with(entry)
        return register

    @property
    def next_entry(self) -> int:
        """The number that the next entry of this folio gets."""
        return len(self.history) + 1

    def ranked(self) -> tuple[RankedMortgage, ...]:
        """The mortgages that stand, first rank first."""
        return tuple(mortgage.ranked() for mortgage in self.mortgages)

    def mortgage(self, certificate: str) -> Mortgage | None:
        """The mortgage of this certificate, if it stands."""
        return next((m for m in self.mortgages if m.terms.certificate == certificate), None)

    def ranked_without(self, certificate: str) -> tuple[RankedMortgage, ...]:
        """The mortgages that stand once this one is cancelled, their ranks closed up."""
        return tuple(m.ranked() for m in self._without(certificate))

    def cancelled(self, certificate: str) -> Entry | None:
        """The entry by which the mortgage of this certificate was cancelled, if it was."""
        of_it = (e for e in self.history if e.kind is EntryKind.MORTGAGE_CANCELLED and e.about == certificate)
        return next(of_it, None)

    def _with(self, entry: Filed[EntryFact]) -> Self:
        at, case = entry.at, entry.case
        match entry.fact:
            case FolioImported() as folio:
                return self if self.history else self._imported(folio, at)
            case RestrictionEntered(restriction=restriction):
                entered = replace(self, restrictions=(*self.restrictions, restriction))
                return entered._noted(at, EntryKind.RESTRICTION, restriction.number, content=restriction)
            case RestrictionLifted(number=number):
                rest = tuple(r for r in self.restrictions if r.number != number)
                return replace(self, restrictions=rest)._noted(at, EntryKind.RESTRICTION_LIFTED, number)
            case MortgageEntered(mortgage=terms):
                entered = replace(self, mortgages=(*self.mortgages, Mortgage(terms, len(self.mortgages) + 1)))
                return entered._noted(at, EntryKind.MORTGAGE, terms.certificate, content=terms)
            case NoticeEnded(certificate=certificate):
                left = tuple(n for n in self.notices if n.certificate != certificate)
                return replace(self, notices=left)._noted(at, EntryKind.NOTICE_ENDED, certificate)
            case FolioReserved():
                return replace(self, reserved_for=case)._noted(at, EntryKind.RESERVATION, case, case)
            case CaseCompleted() | CaseCancelled():
                if self.reserved_for != case:
                    return self
                return replace(self, reserved_for="")._noted(at, EntryKind.RESERVATION_ENDED, case, case)
            case OwnershipEntered() as ownership:
                return self._transferred(ownership, case)
            case TransferRegistered(ownership_certificate=document):
                return replace(self, ownership_certificate=document.number)
            case MortgageCancelled() as gone:
                released = replace(self, mortgages=self._without(gone.certificate))
                return released._noted(at, EntryKind.MORTGAGE_CANCELLED, gone.certificate, gone.for_case)

    def _imported(self, folio: FolioImported, at: datetime) -> Self:
        """Each part of the imported folio becomes an entry of its own."""
        mortgages = tuple(_as_imported(m) for m in sorted(folio.mortgages, key=lambda m: m.rank))
        register = replace(
            self, owners=folio.owners, ownership_certificate=folio.ownership_certificate, mortgages=mortgages,
            restrictions=folio.restrictions, notices=folio.notices,
        )  # fmt: skip
        parts: list[tuple[EntryKind, str, Content]] = [
            (EntryKind.OWNERSHIP, folio.ownership_certificate, folio.owners),
            *((EntryKind.MORTGAGE, m.terms.certificate, m.terms) for m in mortgages),
            *((EntryKind.RESTRICTION, r.number, r) for r in folio.restrictions),
            *((EntryKind.NOTICE, n.certificate, n) for n in folio.notices),
        ]
        for kind, about, content in parts:
            register = register._noted(at, kind, about, content=content)
        return register

    def _transferred(self, entered: OwnershipEntered, case: str) -> Self:
        """The mortgages follow the home (Civil Code 406), those that the consent freed without their
        clause."""
        mortgages = tuple(
            replace(m, terms=m.terms.model_copy(update={"no_transfer_clause": False}))
            if m.terms.certificate in entered.lifted_clauses
            else m
            for m in self.mortgages
        )
        register = replace(self, owners=entered.owners, ownership_certificate=None, mortgages=mortgages)
        made = (entered.entered_at, EntryKind.OWNERSHIP, entered.application)
        return register._noted(*made, case, entered.owners)

    def _without(self, certificate: str) -> tuple[Mortgage, ...]:
        """The other mortgages in their order, with ranks from one on without gaps (X-2)."""
        others = (m for m in self.mortgages if m.terms.certificate != certificate)
        return tuple(replace(m, rank=rank) for rank, m in enumerate(others, start=1))

    def _noted(self, at: datetime, kind: EntryKind, about: str, case: str = "", content: Content | None = None) -> Self:
        entry = Entry(self.next_entry, at, kind, about, case, content)
        return replace(self, history=(*self.history, entry))


def _as_imported(mortgage: ImportedMortgage) -> Mortgage:
    terms = MortgageTerms(
        certificate=mortgage.certificate, mortgagee=mortgage.mortgagee, principal_fen=mortgage.principal_fen,
        no_transfer_clause=mortgage.no_transfer_clause, since=mortgage.since,
    )  # fmt: skip
    return Mortgage(terms, mortgage.rank)
