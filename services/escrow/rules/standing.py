"""What the escrow does with what belongs to no case: money that nobody can match, and who asks to join."""

from services.escrow.rules import joining
from services.money.rules import unmatched
from services.runtime.core.rule import Chapter
from services.runtime.core.verdicts import OUTSIDE_A_CASE

STANDING = Chapter(
    procedure="",
    rules=(*unmatched.RULES, *joining.RULES),
    guards=unmatched.GUARDS,
    waits=unmatched.WAITS,
    unexpected=(*OUTSIDE_A_CASE, *unmatched.UNEXPECTED),
)
