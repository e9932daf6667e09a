"""What people do in the stories of the ways out: the registrar who decides in other ways, who holds a thing up."""

from contracts.events.registry import Reason, RefusalReason
from services.escrow.facts import WithdrawalAgreed
from services.registry.facts import Decision, RegistrationDecided
from services.runtime.core.rows import Row
from services.seller_bank.facts import ConsentDecided
from tests.stories.world import World
from tests.support import loan as ll

OF_THE_ENTRY = ("LC-F3", "LC-L5")
"""The clauses under which an application for the entry waits for its decision."""
ILLEGIBLE = Reason(reason=RefusalReason.MATERIALS, detail="the copy is not legible", clause="LC-R1")


class Registrar:
    """Approves what is applied for, but the entry only while it `enters`; or decides the first applications as is said:
    the first one so, the next so. A decision that could not be taken yet is taken again."""

    def __init__(self, world: World, *decisions: Decision, enters: bool = True) -> None:
        self.decisions = decisions
        self.enters = enters
        self.decided: dict[str, Decision] = {}
        world.answers["decide-registration"] = self

    def __call__(self, row: Row) -> RegistrationDecided | None:
        if row.data["clause"] in OF_THE_ENTRY and not self.enters:
            return None
        number, n = row.data["about"], len(self.decided)
        decision = self.decided.setdefault(number, self.decisions[n] if n < len(self.decisions) else Decision.APPROVE)
        reasons = () if decision is Decision.APPROVE else (ILLEGIBLE,)
        return RegistrationDecided(by_clerk="Zhao", application=number, decision=decision, reasons=reasons)


def nobody(row: Row) -> None:
    """Nobody does what waits."""


def consents(row: Row) -> ConsentDecided:
    """The seller's bank agrees."""
    return ConsentDecided(by_clerk="Wang", consents=True)


def refuses(row: Row) -> ConsentDecided:
    """The seller's bank does not agree."""
    return ConsentDecided(by_clerk="Wang", consents=False, because="two instalments are overdue")


def withdrawal() -> WithdrawalAgreed:
    """Buyer and seller call the sale off together."""
    return ll.withdrawal()
