"""The bank's own periods, where a case names them. LC and SZ name none: what a city adds is practice, and
warns.

An act that comes too late does not end its period: the clock then finds it passed, and says that it was done
late.
"""

from collections.abc import Iterable

from contracts.event import Role
from contracts.events.case import CaseOpened, DeadlineMissed, Lateness
from contracts.events.escrow import PayoffTransferred
from contracts.period import Period
from services.runtime.core.facts import PeriodEnded, PeriodPassed, PeriodStarted
from services.runtime.core.file import Filed, Phase
from services.runtime.core.periods import kept
from services.runtime.core.rule import All, Rule, Says
from services.runtime.core.running import Running
from services.seller_bank.views import (
    BOOKING,
    CONSENT,
    RELEASE,
    Acts,
    ConsentAwaited,
    ConsentUnasked,
    DoneInTime,
    Settled,
)


def named(opened: CaseOpened, name: str) -> Iterable[Period]:
    """The period of this name that the case pins for the seller's bank, if it pins one."""
    return [period for period in opened.periods if period.name == name and period.whose is Role.SELLER_BANK]


def start_the_consent_period(opened: Filed[CaseOpened]) -> Says:
    """LC-F2, where the case names a period for it: it runs from the day on which the bank hears of the
    case."""
    for period in named(opened.fact, CONSENT):
        yield PeriodStarted(period=period, start=opened.at)


def start_the_consent_period_with_the_loan(awaited: ConsentAwaited, opened: Filed[CaseOpened]) -> Says:
    """LC-L4 若贷款审核通过，通知卖方贷款银行: where the case names a period for the consent, it runs from the day on
    which the bank hears that a loan is approved, of a case that it knows."""
    for period in named(opened.fact, CONSENT):
        yield PeriodStarted(period=period, start=max(awaited.since.at, opened.at))


def rest_until_a_loan_stands_again(unasked: ConsentUnasked) -> Says:
    """LC-L3, LC-L4: the lender has said no, so nothing has to be decided until another loan is approved."""
    yield PeriodEnded(name=unasked.period.fact.period.name)


def start_the_booking_period(transferred: Filed[PayoffTransferred], opened: CaseOpened) -> Says:
    """LC-F4, LC-L6, where the case names a period for booking the payoff: it runs from the news that money is on its
    way."""
    for period in named(opened, BOOKING):
        yield PeriodStarted(period=period, start=transferred.at)


def start_the_release_period(settled: Settled, opened: CaseOpened) -> Says:
    """LC-F4, LC-L6, where the case names a period for the release: it runs from the day on which the loan is
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
    Rule(start_the_booking_period, per=PayoffTransferred),
    Rule(start_the_release_period),
    Rule(end_the_period, per=DoneInTime),
    Rule(say_that_it_is_late, per=PeriodPassed),
    Rule(stop_a_period_of_a_closed_case, per=Running, during=(Phase.CLOSING,)),
)
