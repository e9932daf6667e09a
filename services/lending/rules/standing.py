"""What a lender does with what belongs to no case: money that nobody can match."""

from services.lending.facts import ApplicationClosed
from services.money.rules import unmatched
from services.runtime.core.file import STANDING as NO_CASE
from services.runtime.core.file import Phase
from services.runtime.core.rule import Chapter, noted
from services.runtime.core.verdicts import OUTSIDE_A_CASE

STANDING = Chapter(
    procedure=NO_CASE,
    rules=unmatched.RULES,
    guards=unmatched.GUARDS,
    waits=unmatched.WAITS,
    unexpected=(
        *OUTSIDE_A_CASE,
        *unmatched.UNEXPECTED,
        noted(ApplicationClosed, Phase.OPEN, why="it lies in the case that was applied for, never outside of one"),
    ),
)
