"""The registry's own facts: what its clerks decide, what its rules enter; and its views of a case.

Entries are never changed or deleted: the register of a folio (`register.py`) is the sum of these facts.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, PositiveInt, StringConstraints

from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened
from contracts.events.escrow import DepositConfirmed, TransferApplicationMade
from contracts.events.registry import FolioRefused, MortgageReleased, Owner, Reason, RegistrationClosed
from contracts.values import Day, DocumentNumber, Instant, Person, PositiveFen, UnitNumber
from services.runtime.core.facts import Command, OwnFact, PeriodEnded, PeriodPassed, PeriodStarted
from services.runtime.core.file import Filed
from services.runtime.core.rule import All, View

Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""One line of 1 to 120 characters, as a clerk writes it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# --- what a register folio is made of -----------------------------------------------------------------------


class MortgageTerms(_Part):
    """A mortgage as its certificate (不动产证明) states it. `mortgagee` is the name of an institution on the
    platform, or the plain name of anybody else; `no_transfer_clause`: 禁止或限制转让抵押不动产的约定 is
    registered."""

    certificate: DocumentNumber
    mortgagee: Text
    principal_fen: PositiveFen
    no_transfer_clause: bool
    since: Day


class ImportedMortgage(MortgageTerms):
    """A mortgage with the rank that the imported register gives it."""

    rank: PositiveInt


class RestrictionKind(StrEnum):
    """What keeps an owner from disposing of the home (X-4)."""

    FREEZE = "freeze"
    SEIZURE = "seizure"
    RIGHT_OF_RESIDENCE = "right of residence"


class Restriction(_Part):
    """One restriction: the number of its order or deed, who ordered or registered it, and since when."""

    kind: RestrictionKind
    number: Text
    authority: Text
    since: Day


class NoticeKind(StrEnum):
    """预告登记: of a transfer (转移预告) or of a mortgage (抵押权预告)."""

    TRANSFER = "transfer"
    MORTGAGE = "mortgage"


class Notice(_Part):
    """An advance notice, in favour of whom, and since when."""

    kind: NoticeKind
    certificate: DocumentNumber
    in_favour_of: Text
    since: Day


# --- commands for the register itself: they lie on the folio's standing file --------------------------------


class FolioImported(Command):
    """A folio of the existing register, as it stands."""

    unit_number: UnitNumber
    owners: tuple[Owner, ...]
    ownership_certificate: DocumentNumber
    mortgages: tuple[ImportedMortgage, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    notices: tuple[Notice, ...] = ()


class RestrictionEntered(Command):
    """A freeze, a seizure or a right of residence is entered."""

    restriction: Restriction


class RestrictionLifted(Command):
    """A restriction is lifted, named by its number."""

    number: Text


class MortgageEntered(Command):
    """A mortgage that was applied for outside the platform is entered, behind those that stand."""

    mortgage: MortgageTerms


class NoticeEnded(Command):
    """An advance notice from outside the platform has lapsed or was given up."""

    certificate: DocumentNumber


# --- commands in a case -------------------------------------------------------------------------------------


class Material(StrEnum):
    """What people hand in with an application at the counter (LC-F3)."""

    CONTRACT = "买卖协议（合同）"
    CONSENT = "同意“带押过户”意见书"
    DEPOSIT_CERTIFICATE = "购房款到账提存公证书"
    OWNERSHIP_CERTIFICATE = "不动产权证书"
    IDENTITY = "身份证明"


class TransferAppliedFor(Command):
    """Buyer and seller apply for the transfer themselves, at the counter. The application gets its number
    there: that of the case and a running number (see `Applications`)."""

    sellers: tuple[Person, ...]
    buyers: tuple[Person, ...]
    contract_number: str
    materials: tuple[Material, ...]


class Decision(StrEnum):
    """What a registrar can decide: approve, give back to be mended, refuse for good."""

    APPROVE = "approve"
    RETURN = "return"
    REFUSE = "refuse"


class RegistrationDecided(Command):
    """A registrar has decided an application; a return and a refusal name their reasons."""

    application: DocumentNumber
    decision: Decision
    reasons: tuple[Reason, ...] = ()


# --- entries that the rules make ----------------------------------------------------------------------------


class OwnershipEntered(OwnFact):
    """The entry: from here on the home is the buyers' (Civil Code 214). `lifted_clauses`: the certificates
    whose no-transfer clause the consent has lifted."""

    application: DocumentNumber
    entry_number: PositiveInt
    entered_at: Instant
    owners: tuple[Owner, ...]
    lifted_clauses: tuple[DocumentNumber, ...] = ()


class MortgageCancelled(OwnFact):
    """抵押权注销登记. `for_case` is the case in which the release was applied for; empty if in none."""

    certificate: DocumentNumber
    entry_number: PositiveInt
    entered_at: Instant
    for_case: str


REGISTER_COMMANDS: tuple[type[Command], ...] = (
    FolioImported,
    RestrictionEntered,
    RestrictionLifted,
    MortgageEntered,
    NoticeEnded,
)
OWN_FACTS: tuple[type[OwnFact], ...] = (
    *REGISTER_COMMANDS,
    TransferAppliedFor,
    RegistrationDecided,
    OwnershipEntered,
    MortgageCancelled,
)

# --- views of one case --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms(View):
    """What the case was opened with. The first opening counts: terms do not change behind the register's
    back."""

    case: str
    opened: CaseOpened

    @classmethod
    def of(cls, openings: All[CaseOpened]) -> Self | None:
        """None as long as the case is not opened here."""
        return cls(openings[0].case, openings[0].fact) if openings else None


@dataclass(frozen=True, slots=True)
class PriceHeld(View):
    """The deposits that LC-FULL names are confirmed: the whole price is held."""

    certificates: tuple[DocumentNumber, ...]

    @classmethod
    def of(cls, deposits: All[DepositConfirmed]) -> Self | None:
        """None until a deposit certificate says that the price is complete."""
        if not any(d.fact.price_complete for d in deposits):
            return None
        return cls(tuple(d.fact.certificate.number for d in deposits))


@dataclass(frozen=True, slots=True)
class Application:
    """One application for the transfer, made by the notary under power of attorney or by the people
    themselves."""

    id: str
    number: DocumentNumber
    received_at: datetime
    sellers: tuple[Person, ...]
    buyers: tuple[Person, ...]
    contract_number: str
    consent: DocumentNumber | None


@dataclass(frozen=True, slots=True)
class Applications(View):
    """All applications of a case in the order they came, with what was decided on them."""

    made: tuple[Application, ...]
    decided: frozenset[DocumentNumber]
    entered: bool

    @classmethod
    def of(
        cls,
        made: All[TransferApplicationMade | TransferAppliedFor],
        decisions: All[RegistrationDecided],
        entered: OwnershipEntered | None,
    ) -> Self:
        """Always there, perhaps empty."""
        at_the_counter = [f.id for f in made if isinstance(f.fact, TransferAppliedFor)]
        applications = tuple(_application(f, at_the_counter) for f in made)
        return cls(applications, frozenset(d.fact.application for d in decisions), entered is not None)

    @property
    def undecided(self) -> tuple[Application, ...]:
        """Those that wait for a registrar. Once the entry stands, none does: the transfer is made."""
        return () if self.entered else tuple(a for a in self.made if a.number not in self.decided)

    def named(self, number: str) -> Application | None:
        """The application of this number."""
        return next((a for a in self.made if a.number == number), None)


def _application(made: Filed[TransferApplicationMade | TransferAppliedFor], at_the_counter: list[str]) -> Application:
    fact = made.fact
    if isinstance(fact, TransferApplicationMade):
        number, consent = fact.application.number, fact.consent
    else:
        number, consent = counter_number(made.case, at_the_counter.index(made.id) + 1), None
    return Application(made.id, number, made.at, fact.sellers, fact.buyers, fact.contract_number, consent)


def counter_number(case: str, n: int) -> DocumentNumber:
    """The number of a case's n-th application at the counter: `LC-2026-000001柜台受理第001号`."""
    return DocumentNumber(f"{case}柜台受理第{n:03d}号")


@dataclass(frozen=True, slots=True)
class RegistrationPeriod(View):
    """The registry's own period for deciding an application, as it runs now."""

    started: PeriodStarted

    @classmethod
    def of(cls, marks: All[PeriodStarted | PeriodEnded | PeriodPassed]) -> Self | None:
        """None where none runs: not started, ended, or passed."""
        running: PeriodStarted | None = None
        running_id = ""
        for mark in marks:
            match mark.fact:
                case PeriodStarted() as started:
                    running, running_id = started, mark.id
                case PeriodEnded(name=name) if running is not None and name == running.period.name:
                    running = None
                case PeriodPassed(started=passed) if passed == running_id:
                    running = None
                case _:
                    pass  # of another period
        return cls(running) if running is not None else None

    @property
    def name(self) -> str:
        """Its name, as the case pinned it."""
        return self.started.period.name


@dataclass(frozen=True, slots=True)
class NoEntryAnyMore(View):
    """Why no transfer can be entered in this case any more."""

    title: str
    detail: str
    clause: str

    @classmethod
    def of(
        cls,
        entered: OwnershipEntered | None,
        closed: RegistrationClosed | None,
        refused: FolioRefused | None,
        ended: Filed[CaseCompleted | CaseCancelled] | None,
    ) -> Self | None:
        """None as long as one can be entered."""
        if entered is not None:
            return cls("transfer is entered", f"the entry stands, number {entered.entry_number}", "X-2")
        if closed is not None:
            return cls("registration is closed", f"closed for ever: {closed.because}", "X-3")
        if refused is not None:
            return cls("folio is refused", "; ".join(r.detail for r in refused.reasons), "X-4")
        if ended is not None:
            return cls("case has ended", "its keeper has ended the case", "X-3")
        return None


@dataclass(frozen=True, slots=True)
class UnheardRelease(View):
    """A mortgage was released in this case before the case was opened here, so only whoever applied was
    told."""

    released: MortgageReleased

    @classmethod
    def of(cls, openings: All[CaseOpened], said: All[MortgageReleased]) -> Self | None:
        """The first that its institutions have not heard since; None if there is none."""
        if not openings:
            return None
        opened = openings[0].order
        heard = {s.fact.certificate for s in said if s.order > opened}
        unheard = (s.fact for s in said if s.order < opened and s.fact.certificate not in heard)
        return next((cls(released) for released in unheard), None)

    @property
    def mark(self) -> str:
        """Once per mortgage."""
        return self.released.certificate
