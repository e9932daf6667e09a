"""The register of one folio: the sum of its entries, each with its time and its number.

Nothing is ever deleted; what no longer stands is in the history.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

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
from contracts.values import DocumentNumber, UnitNumber
from services.registry.entries import Content, Entry, EntryFact, EntryKind, Mortgage, StandingNotice
from services.registry.facts import (
    FolioImported,
    LendersMortgage,
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
from services.runtime.core.file import Filed
from services.runtime.core.periods import day_in_china
from services.runtime.core.rule import Across, View


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
    notices: tuple[StandingNotice, ...] = ()
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
        return _ranked(self.mortgages)

    def mortgage(self, certificate: str) -> Mortgage | None:
        """The mortgage of this certificate, if it stands."""
        return next((m for m in self.mortgages if m.certificate == certificate), None)

    def ranked_without(self, certificate: str) -> tuple[RankedMortgage, ...]:
        """The mortgages that stand once this one is cancelled, their ranks closed up."""
        return _ranked(self._without(certificate))

    def cancelled(self, certificate: str) -> Entry | None:
        """The entry by which the mortgage of this certificate was cancelled, if it was."""
        of_it = (e for e in self.history if e.kind is EntryKind.MORTGAGE_CANCELLED and e.about == certificate)
        return next(of_it, None)

    # --- one more entry ---------------------------------------------------------------------------------------

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
                entered = replace(self, mortgages=(*self.mortgages, self._next_mortgage(terms)))
                return entered._noted(at, EntryKind.MORTGAGE, terms.certificate, content=terms)
            case NoticeEnded(certificate=certificate):
                return self._without_notices((certificate,), EntryKind.NOTICE_ENDED, at)
            case FolioReserved():
                return replace(self, reserved_for=case)._noted(at, EntryKind.RESERVATION, case, case)
            case CaseCompleted() | CaseCancelled():
                if self.reserved_for != case:
                    return self
                return replace(self, reserved_for="")._noted(at, EntryKind.RESERVATION_ENDED, case, case)
            case OwnershipEntered() as ownership:
                return self._transferred(ownership, case)
            case MortgageCancelled() as gone:
                released = replace(self, mortgages=self._without(gone.certificate))
                return released._noted(at, EntryKind.MORTGAGE_CANCELLED, gone.certificate, gone.for_case)
            case MortgagesEntered() as mortgages:
                return self._mortgaged(mortgages, case)
            case TransferRegistered() as said:
                register = replace(self, ownership_certificate=said.ownership_certificate.number)
                numbers = [mortgage.certificate.number for mortgage in said.new_mortgages]
                return register._numbered(said.entry_number + 1, numbers)  # they follow the ownership's entry
            case NoticesEntered() as notices:
                return self._noticed(notices, case)
            case AdvanceNoticeRegistered() as said:
                numbers = [said.transfer.number, *(m.certificate.number for m in said.mortgages)]
                return self._numbered(said.entry_number, numbers)
            case AdvanceNoticeEnded(certificates=certificates):
                return self._without_notices(certificates, EntryKind.NOTICE_ENDED, at, case)
            case AdvanceNoticeLapsed(certificates=certificates):
                return self._without_notices(certificates, EntryKind.NOTICE_LAPSED, at, case)

    def _imported(self, folio: FolioImported, at: datetime) -> Self:
        """Each part of the imported folio becomes an entry of its own."""
        register = replace(self, owners=folio.owners, ownership_certificate=folio.ownership_certificate)
        register = register._noted(at, EntryKind.OWNERSHIP, folio.ownership_certificate, content=folio.owners)
        for mortgage in sorted(folio.mortgages, key=lambda m: m.rank):
            terms = MortgageTerms.model_validate(mortgage.model_dump(exclude={"rank"}))
            register = replace(register, mortgages=(*register.mortgages, register._next_mortgage(terms)))
            register = register._noted(at, EntryKind.MORTGAGE, terms.certificate, content=terms)
        for restriction in folio.restrictions:
            register = replace(register, restrictions=(*register.restrictions, restriction))
            register = register._noted(at, EntryKind.RESTRICTION, restriction.number, content=restriction)
        for notice in folio.notices:
            register = replace(register, notices=(*register.notices, register._next_notice(notice)))
            register = register._noted(at, EntryKind.NOTICE, notice.certificate, content=notice)
        return register

    def _next_mortgage(self, terms: MortgageTerms) -> Mortgage:
        """Behind those that stand."""
        facts = (terms.certificate, terms.mortgagee, terms.principal_fen, terms.no_transfer_clause, terms.since)
        return Mortgage(*facts, rank=len(self.mortgages) + 1, entry=self.next_entry)

    def _next_notice(self, notice: Notice) -> StandingNotice:
        facts = (notice.kind, notice.certificate, notice.in_favour_of, notice.since)
        return StandingNotice(*facts, case="", entry=self.next_entry)

    def _transferred(self, entered: OwnershipEntered, case: str) -> Self:
        """The mortgages follow the home (Civil Code 406), those that the consent freed without their
        clause."""
        mortgages = tuple(
            replace(m, no_transfer_clause=False) if m.certificate in entered.lifted_clauses else m
            for m in self.mortgages
        )
        register = replace(self, owners=entered.owners, ownership_certificate=None, mortgages=mortgages)
        made = (entered.entered_at, EntryKind.OWNERSHIP, entered.application)
        return register._noted(*made, case, entered.owners)

    def _mortgaged(self, entered: MortgagesEntered, case: str) -> Self:
        """The new mortgages stand behind the others, in the order of their notices, and these are gone."""
        register, since = self, day_in_china(entered.entered_at)
        for new in entered.mortgages:
            rank = len(register.mortgages) + 1
            mortgage = Mortgage(None, new.lender, new.principal_fen, False, since, rank, register.next_entry)
            register = replace(register, mortgages=(*register.mortgages, mortgage))
            register = register._noted(entered.entered_at, EntryKind.MORTGAGE, new.application, case)
        converted = [n.certificate for n in register.notices if n.case == case and n.certificate is not None]
        return register._without_notices(converted, EntryKind.NOTICE_CONVERTED, entered.entered_at, case)

    def _noticed(self, entered: NoticesEntered, case: str) -> Self:
        """The notice of the transfer, and behind it those of the mortgages."""
        buyers = "、".join(buyer.name for buyer in entered.buyers)
        notices = [(NoticeKind.TRANSFER, buyers, entered.application)]
        notices += [_of_a_mortgage(mortgage) for mortgage in entered.mortgages]
        register, since = self, day_in_china(entered.entered_at)
        for kind, in_favour_of, application in notices:
            notice = StandingNotice(kind, None, in_favour_of, since, case, register.next_entry)
            register = replace(register, notices=(*register.notices, notice))
            register = register._noted(entered.entered_at, EntryKind.NOTICE, application, case)
        return register

    def _numbered(self, first: int, numbers: Sequence[DocumentNumber]) -> Self:
        """The mortgages or notices of these entries, from the `first` on, have their certificates."""
        certificates = dict(enumerate(numbers, first))
        mortgages = tuple(replace(m, certificate=certificates.get(m.entry, m.certificate)) for m in self.mortgages)
        notices = tuple(replace(n, certificate=certificates.get(n.entry, n.certificate)) for n in self.notices)
        history = list(self.history)
        for standing in (*self.mortgages, *self.notices):
            if standing.entry in certificates:
                number = certificates[standing.entry]
                named = replace(history[standing.entry - 1], about=number, content=standing.numbered(number))
                history[standing.entry - 1] = named
        return replace(self, mortgages=mortgages, notices=notices, history=tuple(history))

    def _without_notices(self, gone: Iterable[str], kind: EntryKind, at: datetime, case: str = "") -> Self:
        """Without the notices of these certificates: an entry for each."""
        register = self
        for certificate in gone:
            left = tuple(n for n in register.notices if n.certificate != certificate)
            register = replace(register, notices=left)._noted(at, kind, certificate, case)
        return register

    def _without(self, certificate: str) -> tuple[Mortgage, ...]:
        """The other mortgages in their order, with ranks from one on without gaps (X-2)."""
        others = (m for m in self.mortgages if m.certificate != certificate)
        return tuple(replace(m, rank=rank) for rank, m in enumerate(others, start=1))

    def _noted(self, at: datetime, kind: EntryKind, about: str, case: str = "", content: Content | None = None) -> Self:
        entry = Entry(self.next_entry, at, kind, about, case, content)
        return replace(self, history=(*self.history, entry))


@dataclass(frozen=True, slots=True)
class NumberedRegister(View):
    """The register while every mortgage in it has its certificate: so that ranks can be said to others. `register` is
    None where the folio was never imported."""

    register: Register | None

    @classmethod
    def of(cls, register: Register | None) -> Self | None:
        """None between an entry of mortgages and the numbering of their certificates."""
        waiting = register is not None and any(m.certificate is None for m in register.mortgages)
        return None if waiting else cls(register)


def _ranked(mortgages: tuple[Mortgage, ...]) -> tuple[RankedMortgage, ...]:
    return tuple(m.ranked for m in mortgages if m.ranked is not None)


def _of_a_mortgage(mortgage: LendersMortgage) -> tuple[NoticeKind, str, DocumentNumber]:
    return NoticeKind.MORTGAGE, mortgage.lender, mortgage.application
