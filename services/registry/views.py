"""What several facts of one case say together, whatever its procedure: its terms, its money, its period, its end."""

from dataclasses import dataclass
from typing import Self

from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened, PartyJoined
from contracts.events.escrow import DepositConfirmed, MoneyKind
from contracts.events.registry import AdvanceNoticeLapsed, FolioRefused, MortgageReleased, RegistrationClosed
from contracts.events.seller_bank import ConsentIssued
from contracts.values import DocumentNumber
from services.registry.facts import OwnershipEntered
from services.runtime.core.facts import PeriodEnded, PeriodPassed, PeriodStarted
from services.runtime.core.file import Filed
from services.runtime.core.rule import Across, All, View

REGISTRATION = "registration"
"""The name of the registry's own period, as the opening of a case pins it."""

MORTGAGEES = (Role.SELLER_BANK, Role.BUYER_BANK, Role.FUND_CENTER)


@dataclass(frozen=True, slots=True)
class Terms(View):
    """What the case was opened with. The first opening counts: terms do not change behind the register's back.
    `mortgagees`: the names of the banks and of the fund centre that have a part in it, also of those that joined."""

    case: str
    opened: CaseOpened
    mortgagees: frozenset[str]

    @classmethod
    def of(cls, openings: All[CaseOpened], joined: All[PartyJoined]) -> Self | None:
        """None as long as the case is not opened here."""
        if not openings:
            return None
        opened = openings[0].fact
        named = (*opened.institutions.items(), *((j.fact.role, j.fact.institution) for j in joined))
        return cls(openings[0].case, opened, frozenset(name for role, name in named if role in MORTGAGEES))


@dataclass(frozen=True, slots=True)
class PriceHeld(View):
    """The whole price is held: in a sale with a loan the down payment and every loan."""

    certificates: tuple[DocumentNumber, ...]

    @classmethod
    def of(cls, deposits: All[DepositConfirmed]) -> Self | None:
        """None until a deposit certificate says that the price is complete."""
        if not any(d.fact.price_complete for d in deposits):
            return None
        return cls(tuple(d.fact.certificate.number for d in deposits))


@dataclass(frozen=True, slots=True)
class DownPaymentHeld(View):
    """The buyers' own part of the price is held."""

    certificate: DocumentNumber

    @classmethod
    def of(cls, deposits: All[DepositConfirmed]) -> Self | None:
        """None until its deposit certificate (首付款到账提存公证书) is on file."""
        of_it = (d.fact.certificate.number for d in deposits if d.fact.kind is MoneyKind.DOWN_PAYMENT)
        return next((cls(certificate) for certificate in of_it), None)


PeriodMark = PeriodStarted | PeriodEnded | PeriodPassed


def running_period(marks: tuple[Filed[PeriodMark], ...], name: str) -> PeriodStarted | None:
    """The period of this name as it runs now; None where it was not started, was ended, or has passed."""
    running: PeriodStarted | None = None
    running_id = ""
    for mark in marks:
        match mark.fact:
            case PeriodStarted(period=period) as started if period.name == name:
                running, running_id = started, mark.id
            case PeriodEnded(name=ended) if ended == name:
                running = None
            case PeriodPassed(started=passed) if passed == running_id:
                running = None
            case _:
                pass  # of another period
    return running


@dataclass(frozen=True, slots=True)
class RegistrationPeriod(View):
    """The registry's own period for deciding an application, as it runs now."""

    started: PeriodStarted

    @classmethod
    def of(cls, marks: All[PeriodStarted | PeriodEnded | PeriodPassed]) -> Self | None:
        """None where none runs."""
        running = running_period(marks, REGISTRATION)
        return cls(running) if running is not None else None


@dataclass(frozen=True, slots=True)
class NoEntryAnyMore(View):
    """Why nothing can be entered in this case any more."""

    title: str
    detail: str
    clause: str

    @classmethod
    def of(
        cls,
        entered: OwnershipEntered | None,
        closed: RegistrationClosed | None,
        refused: FolioRefused | None,
        lapsed: AdvanceNoticeLapsed | None,
        ended: Filed[CaseCompleted | CaseCancelled] | None,
    ) -> Self | None:
        """None as long as something can be entered."""
        if entered is not None:
            return cls("transfer is entered", f"the entry stands, number {entered.entry_number}", "X-2")
        if closed is not None:
            return cls("registration is closed", f"closed for ever: {closed.because}", "X-3")
        if refused is not None:
            return cls("folio is refused", "; ".join(r.detail for r in refused.reasons), "X-4")
        if lapsed is not None:
            return cls(
                "notices have lapsed", f"nobody applied in time, since {lapsed.lapsed_on}", "X-3, Civil Code 221"
            )
        if ended is not None:
            return cls("case has ended", "its keeper has ended the case", "X-3")
        return None


@dataclass(frozen=True, slots=True)
class UnheardRelease(View):
    """A mortgage of this case was released where its institutions did not hear it: in this case before it was opened
    here, so that only whoever applied was told; or in another case of the home, and this one's consent names it."""

    released: MortgageReleased

    @classmethod
    def of(
        cls, openings: All[CaseOpened], consent: ConsentIssued | None, said: Across[MortgageReleased]
    ) -> Self | None:
        """The first that its institutions have not heard since; None if there is none."""
        if not openings:
            return None
        case, opened = openings[0].case, openings[0].order
        named = consent.mortgage_certificate if consent is not None else None
        heard = {s.fact.certificate for s in said if s.case == case and s.order > opened}
        ours = (s.fact for s in said if s.case == case or s.fact.certificate == named)
        return next((cls(released) for released in ours if released.certificate not in heard), None)

    @property
    def mark(self) -> str:
        """Once per mortgage."""
        return self.released.certificate
