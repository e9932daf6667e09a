"""A lender's own periods, where a case names them. LC names none: what a city adds is practice, and warns.

An act that comes too late does not end its period: the clock then finds it passed, and says that it was done late.
"""

from contracts.events.case import CaseOpened, DeadlineMissed, Lateness
from contracts.period import Period
from services.lending.facts import LoanAppliedFor
from services.lending.views import DECISION, DISBURSEMENT, Acts, DoneInTime, OurNotice, PayableNotice, Us
from services.runtime.core.facts import PeriodEnded, PeriodPassed, PeriodStarted
from services.runtime.core.file import Filed, Phase
from services.runtime.core.periods import kept
from services.runtime.core.rule import All, Rule, Says
from services.runtime.core.running import Running


def named(opened: CaseOpened, name: str, us: Us) -> tuple[Period, ...]:
    """The period of this name that the case pins for this lender's role, if it pins one."""
    return tuple(period for period in opened.periods if period.name == name and period.whose is us.role)


def start_the_decisions_period(
    applied: Filed[LoanAppliedFor], opened: CaseOpened, us: Us, running: Running | None
) -> Says:
    """LC-L3, where the case names a period for the decision: it runs from the application, and one that is corrected
    before the decision does not prolong it."""
    if running is not None and any(started.fact.period.name == DECISION for started in running.periods):
        return
    for period in named(opened, DECISION, us):
        yield PeriodStarted(period=period, start=applied.at)


def start_the_disbursements_period(_: PayableNotice, notice: OurNotice, opened: CaseOpened, us: Us) -> Says:
    """LC-L5, LC-R3, where the case names a period for paying the loan: it runs from the news of the notice."""
    for period in named(opened, DISBURSEMENT, us):
        yield PeriodStarted(period=period, start=notice.notice.at)


def end_the_period(done: DoneInTime) -> Says:
    """LC-L3, LC-L5: the act was done in time."""
    yield PeriodEnded(name=done.started.fact.period.name)


def say_that_it_is_late(
    passed: Filed[PeriodPassed], started: All[PeriodStarted], acts: Acts, opened: CaseOpened, us: Us
) -> Says:
    """LC-L3, LC-L5: a breach goes by the date of the act itself, not of its news."""
    period = next(s for s in started if s.id == passed.fact.started)
    act = acts.done_at(period)
    if (act is not None and kept(act, passed.fact.due)) or not named(opened, passed.fact.name, us):
        return
    lateness = Lateness.NOT_DONE if act is None else Lateness.DONE_LATE
    yield DeadlineMissed(period=period.fact.period, due=passed.fact.due, late=us.role, lateness=lateness)


def stop_a_period_of_a_closed_case(running: Running) -> Says:
    """X-3: nothing of a closed case has to be done in time any more."""
    yield PeriodEnded(name=running.periods[0].fact.period.name)


PERIOD_RULES = (
    Rule(start_the_decisions_period, per=LoanAppliedFor),
    Rule(start_the_disbursements_period, per=PayableNotice),
    Rule(end_the_period, per=DoneInTime),
    Rule(say_that_it_is_late, per=PeriodPassed),
    Rule(stop_a_period_of_a_closed_case, per=Running, during=(Phase.CLOSING,)),
)
