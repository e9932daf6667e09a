"""The advance notices of one case (预告登记), as they stand: numbered, applied on in time, to be ended, or lapsed.

民法典 221 预告登记后，债权消灭或者自能够进行不动产登记之日起九十日内未申请登记的，预告登记失效。
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from contracts.event import Role
from contracts.events.lender import LendingEnded, LoanReturned
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    RegistrationClosed,
    Stage,
)
from contracts.period import Days, OnPassing, Period, Source
from contracts.values import Day, DocumentNumber, Instant
from services.registry.applications import Application, Applications, Lender, lender_of
from services.registry.facts import NoticesEntered, OwnershipEntered
from services.registry.views import running_period
from services.runtime.core.facts import PeriodEnded, PeriodPassed, PeriodStarted
from services.runtime.core.periods import day_in_china, kept
from services.runtime.core.rule import All, View

NOTICE_PERIOD = Period(
    name="advance-notice",
    whose=Role.ESCROW,
    days=90,
    count=Days.CALENDAR,
    clause="Civil Code 221",
    source=Source.LAW,
    on_passing=OnPassing.ENDS,
)
"""The law's period, which no case pins. It runs from the entry of the notices: our reading, the cautious one, for the
registration can be applied for from then on."""


def valid_until(entered_at: Instant) -> Day:
    """The last day on which a notice entered then is valid for whoever pays on it: the period's last calendar day in
    China, not moved where it is a day off."""
    return day_in_china(entered_at) + timedelta(days=NOTICE_PERIOD.days)


@dataclass(frozen=True, slots=True)
class StandingNotices(View):
    """The case's notices have their certificates, and none of them has been converted, ended or lost its force."""

    said: AdvanceNoticeRegistered

    @classmethod
    def of(
        cls,
        said: AdvanceNoticeRegistered,
        entered: OwnershipEntered | None,
        ended: AdvanceNoticeEnded | None,
        lapsed: AdvanceNoticeLapsed | None,
    ) -> Self | None:
        """None where none stands."""
        return cls(said) if entered is None and ended is None and lapsed is None else None

    @property
    def certificates(self) -> tuple[DocumentNumber, ...]:
        """The numbers of all certificates, that of the transfer first."""
        return (self.said.transfer.number, *(m.certificate.number for m in self.said.mortgages))

    @property
    def of_lenders(self) -> dict[Lender, DocumentNumber]:
        """The certificate of each lender, in their order of rank."""
        return {Lender(m.role, m.lender): m.certificate.number for m in self.said.mortgages}


@dataclass(frozen=True, slots=True)
class NumberedNotices(View):
    """No notice of the case waits for the number of its certificate."""

    @classmethod
    def of(cls, entered: NoticesEntered | None, said: AdvanceNoticeRegistered | None) -> Self | None:
        """None between the entry of notices and the word that they are registered."""
        return None if entered is not None and said is None else cls()


@dataclass(frozen=True, slots=True)
class NoticePeriod(View):
    """The law's period within which the registration must be applied for, as it runs now."""

    started: PeriodStarted

    @classmethod
    def of(cls, marks: All[PeriodStarted | PeriodEnded | PeriodPassed]) -> Self | None:
        """None where none runs."""
        running = running_period(marks, NOTICE_PERIOD.name)
        return cls(running) if running is not None else None


@dataclass(frozen=True, slots=True)
class AppliedInTime(View):
    """Buyer and seller have applied for the registration while the notices were valid without a doubt."""

    application: Application

    @classmethod
    def of(cls, entered: NoticesEntered, applications: Applications) -> Self | None:
        """None until then. Whether one that comes later is in time shows when the period has passed."""
        first = applied_by(entered.valid_until, applications)
        return cls(first) if first is not None else None


def applied_by(last_day: Day, applications: Applications) -> Application | None:
    """The first application for the registration that was received on this day in China or before."""
    in_time = (a for a in applications.made if a.stage is Stage.REGISTRATION and kept(a.received_at, last_day))
    return next(in_time, None)


@dataclass(frozen=True, slots=True)
class LendersWhole(View):
    """The case is closed, and every lender with a notice has sent nothing or has its own back."""

    lenders: tuple[Lender, ...]

    @classmethod
    def of(
        cls,
        _: RegistrationClosed,
        notices: StandingNotices,
        ended: All[LendingEnded],
        returned: All[LoanReturned],
    ) -> Self | None:
        """None as long as one of them has not said so."""
        whole = {lender_of(e.speaker) for e in ended if e.fact.sent_fen == 0} | {lender_of(r.speaker) for r in returned}
        lenders = tuple(notices.of_lenders)
        return cls(lenders) if whole.issuperset(lenders) else None
