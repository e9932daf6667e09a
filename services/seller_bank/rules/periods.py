"""The bank's own periods, where a case names them. LC and SZ name none: what a city adds is practice, and
warns.

An act that comes too late does not end its period: the clock then finds it passed, and says that it was done
late.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from contracts.event import Role
from contracts.events.case import CaseOpened, DeadlineMissed, Lateness
from contracts.events.escrow import PayoffTransferred
from contracts.events.registry import MortgageReleased
from contracts.period import Period
from services.runtime.core.facts import PeriodEnded, PeriodPassed, PeriodStarted
from services.runtime.core.file import Filed, Phase
from services.runtime.core.periods import CHINA, Unpublished, due, kept
from services.runtime.core.rule import All, Rule, Says, View
from services.seller_bank.books import Books, CaseLoan
from services.seller_bank.facts import ConsentDecided

CONSENT, BOOKING, RELEASE = "consent", "payoff-booking", "release"


def named(opened: CaseOpened, name: str) -> Iterable[Period]:
    """The period of this name that the case pins for the seller's bank, if it pins one."""
    return [period for period in opened.periods if period.name == name and period.whose is Role.SELLER_BANK]


@dataclass(frozen=True, slots=True)
class Settled(View):
    """The loan of this case is settled, since the case was heard of."""

    at: datetime

    @classmethod
    def of(cls, opened: Filed[CaseOpened], loan: CaseLoan) -> "Settled | None":
        """The view of one case's file."""
        return cls(max(loan.book.settled_at, opened.at)) if loan.book.settled else None


@dataclass(frozen=True, slots=True)
class Acts(View):
    """When each act that a period waits for was done, as far as they are done: the moment of the act
    itself."""

    done: Mapping[str, datetime] = field(default_factory=dict[str, datetime])

    @classmethod
    def of(
        cls,
        decided: Filed[ConsentDecided] | None,
        transfers: All[PayoffTransferred],
        books: Books,
        loan: CaseLoan | None,
        released: All[MortgageReleased],
    ) -> "Acts":
        """The view of one case's file."""
        done: dict[str, datetime] = {}
        if decided is not None:
            done[CONSENT] = decided.at
        arrived = {entry.money.fact.rail_transfer: entry.money.fact.booked_at for entry in books.entries}
        moments = [arrived.get(sent.fact.rail_transfer) for sent in transfers]
        if moments and all(moments):
            done[BOOKING] = max(moment for moment in moments if moment is not None)
        gone = [
            f.fact.released_at
            for f in released
            if loan and f.fact.certificate == loan.book.imported.mortgage_certificate
        ]
        if gone:
            done[RELEASE] = gone[0]
        return cls(done)


@dataclass(frozen=True, slots=True)
class Running(View):
    """The periods of this file that have been started and neither ended nor passed."""

    periods: tuple[Filed[PeriodStarted], ...]

    @classmethod
    def of(cls, started: All[PeriodStarted], ended: All[PeriodEnded], passed: All[PeriodPassed]) -> "Running | None":
        """The view of one case's file; None where no period runs."""
        over = {f.fact.started for f in passed}
        running = tuple(
            s
            for s in started
            if s.id not in over and not any(e.fact.name == s.fact.period.name and e.order > s.order for e in ended)
        )
        return cls(running) if running else None

    @property
    def mark(self) -> str:
        """Once per period."""
        return self.periods[0].id


@dataclass(frozen=True, slots=True)
class DoneInTime(View):
    """A running period whose act is done, and was done in time as far as the calendar says."""

    started: Filed[PeriodStarted]

    @classmethod
    def of(cls, running: Running, acts: Acts) -> "DoneInTime | None":
        """The view of one case's file."""
        for started in running.periods:
            act = acts.done.get(started.fact.period.name)
            if act is not None:
                last_day = due(started.fact.start, started.fact.period, CHINA)
                if isinstance(last_day, Unpublished) or kept(act, last_day):
                    return cls(started)
        return None

    @property
    def mark(self) -> str:
        """Once per period."""
        return self.started.id


def start_the_consent_period(opened: Filed[CaseOpened]) -> Says:
    """LC-F2, where the case names a period for it: it runs from the day on which the bank hears of the
    case."""
    for period in named(opened.fact, CONSENT):
        yield PeriodStarted(period=period, start=opened.at)


def start_the_booking_period(transferred: Filed[PayoffTransferred], opened: CaseOpened) -> Says:
    """LC-F4, where the case names a period for booking the payoff: it runs from the news that money is on its
    way."""
    for period in named(opened, BOOKING):
        yield PeriodStarted(period=period, start=transferred.at)


def start_the_release_period(settled: Settled, opened: CaseOpened) -> Says:
    """LC-F4, where the case names a period for the release: it runs from the day on which the loan is
    settled."""
    for period in named(opened, RELEASE):
        yield PeriodStarted(period=period, start=settled.at)


def end_the_period(done: DoneInTime) -> Says:
    """choreography, periods: the act was done in time."""
    yield PeriodEnded(name=done.started.fact.period.name)


def say_that_it_is_late(
    passed: Filed[PeriodPassed], started: All[PeriodStarted], acts: Acts, opened: CaseOpened
) -> Says:
    """choreography, periods: a breach goes by the date of the act itself, not of its news."""
    name, last_day = passed.fact.name, passed.fact.due
    act = acts.done.get(name)
    if (act is not None and kept(act, last_day)) or not named(opened, name):
        return
    period = next(f.fact.period for f in started if f.id == passed.fact.started)
    lateness = Lateness.NOT_DONE if act is None else Lateness.DONE_LATE
    yield DeadlineMissed(period=period, due=last_day, late=period.whose, lateness=lateness)


def stop_a_period_of_a_closed_case(running: Running) -> Says:
    """X-3: nothing of a closed case has to be done in time any more."""
    yield PeriodEnded(name=running.periods[0].fact.period.name)


PERIOD_RULES = (
    Rule(start_the_consent_period),
    Rule(start_the_booking_period, per=PayoffTransferred),
    Rule(start_the_release_period),
    Rule(end_the_period, per=DoneInTime),
    Rule(say_that_it_is_late, per=PeriodPassed),
    Rule(stop_a_period_of_a_closed_case, per=Running, during=(Phase.CLOSING,)),
)
