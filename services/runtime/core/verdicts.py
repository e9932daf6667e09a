"""What becomes of the runtime's own facts that no institution's sentence need read: the same everywhere, said once.

In a case: `*IN_A_CASE`. On the standing file, where no document is drafted and no period runs: `*OUTSIDE_A_CASE`.
A chapter whose sentences read one of these kinds leaves it out: `without(IN_A_CASE, PeriodPassed)`.
"""

from contracts.event import Fact
from services.runtime.core.facts import (
    Alarm,
    DeadLetterRetried,
    DeadLetterSkipped,
    DocumentDrafted,
    DocumentVoided,
    IncidentClosed,
    NumberAllotted,
    NumberWanted,
    PeriodEnded,
    PeriodPassed,
    PeriodStarted,
    PeriodUnpublished,
)
from services.runtime.core.file import Phase
from services.runtime.core.rule import Verdict, alarm, noted

_ALWAYS = (Phase.OPEN, Phase.CLOSING, Phase.ENDED)
_OVER = (Phase.CLOSING, Phase.ENDED)

IN_A_CASE: tuple[Verdict, ...] = (
    noted(Alarm, _ALWAYS, "an incident is a row until a clerk closes it"),
    noted(IncidentClosed, _ALWAYS, "the incident's row goes"),
    noted(DocumentDrafted, _ALWAYS, "the runtime asks for its numbers"),
    noted(DocumentVoided, _ALWAYS, "the runtime's note that a number stays unused"),
    noted(NumberAllotted, _ALWAYS, "the runtime says what was drafted"),
    noted(PeriodUnpublished, _ALWAYS, "its row is the incident, until a clerk closes it or the period ends"),
)

PERIODS_OF_AN_OPEN_CASE: tuple[Verdict, ...] = (
    noted(PeriodStarted, _OVER, "nothing has to be done in time any more"),
    noted(PeriodEnded, _ALWAYS, "it takes the period's row away"),
    noted(PeriodPassed, _OVER, "nothing has to be done in time any more"),
)

OUTSIDE_A_CASE: tuple[Verdict, ...] = (
    noted(Alarm, Phase.OPEN, "an incident is a row until a clerk closes it"),
    noted(IncidentClosed, Phase.OPEN, "the incident's row goes"),
    noted(DeadLetterRetried, Phase.OPEN, "the runtime has heard the letter"),
    noted(DeadLetterSkipped, Phase.OPEN, "the runtime has read on past the letter"),
    noted(NumberWanted, Phase.OPEN, "a series answers by itself"),
    alarm(NumberAllotted, Phase.OPEN, "no document is drafted outside a case"),
    alarm(DocumentDrafted, Phase.OPEN, "no document is drafted outside a case"),
    alarm(DocumentVoided, Phase.OPEN, "no document is drafted outside a case"),
    alarm(PeriodStarted, Phase.OPEN, "no period runs outside a case"),
    alarm(PeriodEnded, Phase.OPEN, "no period runs outside a case"),
    alarm(PeriodPassed, Phase.OPEN, "no period runs outside a case"),
    alarm(PeriodUnpublished, Phase.OPEN, "no period runs outside a case"),
)


def without(verdicts: tuple[Verdict, ...], *kinds: type[Fact]) -> tuple[Verdict, ...]:
    """The verdicts but for those about these kinds, which a chapter's own sentences answer."""
    return tuple(verdict for verdict in verdicts if verdict.kind not in kinds)
