"""What any lender does, put together: an institution composes its rulebook from it, with sentences of its own."""

from collections.abc import Mapping

from contracts.event import Fact
from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.registry import FolioRefused, RegistrationClosed
from services.lending.facts import ApplicationClosed
from services.lending.rules import liaocheng_loan
from services.lending.rules.standing import STANDING
from services.runtime.core.file import Phase
from services.runtime.core.rule import Chapter, Guard, Rule, Verdict, Wait

PHASES: Mapping[type[Fact], Phase] = {
    RegistrationClosed: Phase.CLOSING,
    FolioRefused: Phase.CLOSING,
    CaseCompleted: Phase.ENDED,
    CaseCancelled: Phase.ENDED,
    ApplicationClosed: Phase.ENDED,
}
"""The facts that move a case at a lender."""


def lender_chapters(
    *,
    rules: tuple[Rule, ...] = (),
    waits: tuple[Wait, ...] = (),
    guards: tuple[Guard, ...] = (),
    unexpected: tuple[Verdict, ...] = (),
) -> tuple[Chapter, Chapter]:
    """A lender's chapters: what belongs to no case, and the sale in which the buyer borrows. `rules` and the others are
    the institution's own sentences in such a sale; its guards are asked after the lenders' own."""
    loan = liaocheng_loan
    sale = Chapter(
        procedure="LC-LOAN",
        rules=(*loan.RULES, *rules),
        unexpected=(*loan.UNEXPECTED, *unexpected),
        guards=(*loan.GUARDS, *guards),
        waits=(*loan.WAITS, *waits),
    )
    return STANDING, sale
