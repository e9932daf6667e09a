"""Paying: each payment that a rule asked for is carried out once, with its own id as the rail's idempotency key.

asked → tried → accepted, and then the rail's statement says settled or returned. What was tried and not answered is
*unknown*: it is asked after, never sent again blind.
"""

from collections.abc import Collection
from datetime import datetime

from services.runtime.clock import Clock
from services.runtime.core.facts import Alarm, OwnFact, PaymentAccepted, PaymentRefused
from services.runtime.core.fold import derived_id
from services.runtime.core.rows import Row
from services.runtime.log import LogUnavailable
from services.runtime.post import Post
from services.runtime.rail import Accepted, NotThere, Rail, Refused, Transfer, Unknown
from services.runtime.store import Store, all_rows

STATE = "state"
ACCEPTED = "accepted"
REFUSED = "refused"
ANSWERED = (ACCEPTED, REFUSED)
FAULT = "fault"
REPORTED = "reported"


class Payments:
    """Carries out the payments of the partitions it is given."""

    def __init__(self, store: Store, post: Post, rail: Rail, clock: Clock) -> None:
        self.store = store
        self.post = post
        self.rail = rail
        self.clock = clock

    async def work(self, partitions: Collection[int]) -> int:
        """One look at what is asked; the answer counts what is still unknown."""
        unknown = 0
        async for row in all_rows(self.store, "payment", partitions):
            if row.data.get(STATE) not in ANSWERED:
                try:
                    unknown += not await self.carry_out(row)
                except ValueError as fault:  # a fault of ours (KeyReused): it must not hold up the others
                    unknown += 1
                    await self._report_fault(row, fault)
        return unknown

    async def ask_again(self, partition: int) -> None:
        """What the rail answered was told to a log that is gone: it is asked once more."""
        async for row in all_rows(self.store, "payment", [partition]):
            if row.data.get(STATE) in ANSWERED:
                await self.store.mark_row(row.id, STATE, "unknown")
            if row.data.get(FAULT) == REPORTED:
                await self.store.mark_row(row.id, FAULT, "to report")

    async def carry_out(self, row: Row) -> bool:
        """Bring one payment forward; False where nobody knows yet what became of it."""
        order = Transfer(
            key=row.id,
            from_account=row.data["from_account"],
            to_account=row.data["to_account"],
            amount_fen=row.data["amount_fen"],
            reference=f"{row.case} {row.data['reference']}".strip(),  # the case first: so the payee finds it
        )
        if row.data.get(STATE) is None:
            if not await self.store.mark_row(row.id, STATE, "tried"):
                return True  # the row is gone: settled meanwhile
            answer = await self.rail.transfer(order)
        else:
            self.post.metrics.asked_after.inc()
            answer = await self.rail.find(row.id)
            if isinstance(answer, NotThere):
                answer = await self.rail.transfer(order)
        match answer:
            case Accepted():
                fact: OwnFact = PaymentAccepted(payment=row.id, rail_transfer=answer.transfer)
                return await self._report(row, fact, ACCEPTED, self.clock.now())
            case Refused():
                fact = PaymentRefused(payment=row.id, why=answer.detail)
                return await self._report(row, fact, REFUSED, self.clock.now())
            case Unknown() | NotThere():
                await self.store.mark_row(row.id, STATE, "unknown")
                return False

    async def _report_fault(self, row: Row, fault: ValueError) -> None:
        """An incident, once: nobody knows what became of this order, and asking again will not help."""
        if row.data.get(FAULT) != REPORTED:
            what = f"payment {row.id} cannot be sent to the rail as it stands"
            alarm = Alarm(what=what, why=str(fault), clause=row.data["because"])
            await self.post.tell(alarm, derived_id(row.id, FAULT), row.case, row.subject, self.clock.now())
            await self.store.mark_row(row.id, FAULT, REPORTED)

    async def _report(self, row: Row, fact: OwnFact, state: str, now: datetime) -> bool:
        try:
            await self.post.tell(fact, derived_id(row.id, state), row.case, row.subject, now)
        except LogUnavailable:
            return False  # the row still says tried: the rail is asked again, and answers the same
        await self.store.mark_row(row.id, STATE, state)
        return True
