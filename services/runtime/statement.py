"""Reading the rail's statement: the only source of receipts. Each line becomes one own fact, with the line's own id.

The remittance text names the case first; money whose text names no case known here goes to a subject of its own, where
it waits for a clerk.
"""

from pydantic import ValidationError

from services.runtime.core.facts import (
    Alarm,
    MoneyReceived,
    OwnFact,
    PaymentAccepted,
    PaymentReturned,
    PaymentSettled,
)
from services.runtime.core.file import STANDING
from services.runtime.core.fold import derived_id
from services.runtime.core.rows import UNMATCHED_LINE, Row
from services.runtime.payments import ACCEPTED, STATE
from services.runtime.post import Post
from services.runtime.rail import Rail, StatementLine
from services.runtime.store import Store

UNMATCHED = "unmatched:"


class Statement:
    """Reads one account's statement from where it had come."""

    def __init__(self, account: str, store: Store, post: Post, rail: Rail) -> None:
        self.account = account
        self.store = store
        self.post = post
        self.rail = rail
        self.name = f"statement/{account}"

    async def work(self, wait_s: float = 0) -> int:
        """Report the lines since last time; the answer counts them. Raises RailUnavailable, LogUnavailable or
        StoreUnavailable; the lines then come again, under the same ids."""
        after = await self.store.cursor(self.name)
        lines = await self.rail.statement(self.account, after, wait_s)
        for line in lines:
            await self._report(line)
            await self.store.move_cursor(self.name, line.line)
        return len(lines)

    async def report_again(self) -> None:
        """Report what was reported before, to a log that is gone, once more. Raises as `work` does."""
        after, until = 0, await self.store.cursor(self.name)
        while after < until:
            for line in await self.rail.statement(self.account, after):
                await self._report(line)
                after = line.line

    async def _report(self, line: StatementLine) -> None:
        fact_id = derived_id(self.name, str(line.line))
        try:
            fact: OwnFact = self._fact(line)
            subject, case = await self._whose(line)
        except ValidationError as error:  # it is money all the same, and must not hide the lines after it
            fact, subject, case = self._unreadable(line, error), UNMATCHED + self.account, STANDING
            fact_id = derived_id(fact_id, "unreadable")
        await self.post.tell(fact, fact_id, case, subject, line.booked_at)

    async def _whose(self, line: StatementLine) -> tuple[str, str]:
        """Subject and case of a line. Decided once: a line that was unmatched stays so if it is reported again, or
        one receipt would lie on two files. What became of our own order lies where it was ordered."""
        order = await self.store.row(line.key) if line.key is not None else None
        if order is not None and order.kind == "payment":
            await self._accepted(order, line)
            return order.subject, order.case
        unmatched_id = f"{UNMATCHED_LINE}/{self.account}/{line.line}"
        if await self.store.row(unmatched_id) is None:
            named = line.reference.split()
            found = await self.store.row(f"case/{named[0]}") if named else None
            if found is not None:
                return found.subject, found.case
            subject = UNMATCHED + self.account
            row = Row(unmatched_id, UNMATCHED_LINE, subject, 0, STANDING, line.booked_at, {"reference": line.reference})
            await self.store.change_rows([row], ())
        return UNMATCHED + self.account, STANDING

    async def _accepted(self, order: Row, line: StatementLine) -> None:
        """The line shows that the rail took our order. Where its own answer was lost, nobody has said so yet, and
        after the line the order's row is gone; the fact is the one that the payments' worker tells."""
        if order.data.get(STATE) != ACCEPTED:
            fact = PaymentAccepted(payment=order.id, rail_transfer=line.transfer)
            await self.post.tell(fact, derived_id(order.id, ACCEPTED), order.case, order.subject, line.booked_at)

    def _unreadable(self, line: StatementLine, error: ValidationError) -> Alarm:
        places = sorted({str(e["loc"][0]) for e in error.errors(include_input=False, include_url=False) if e["loc"]})
        return Alarm(
            what=f"line {line.line} of {self.account}'s statement, {line.kind} {line.amount_fen} fen, is on no file",
            why=f"it cannot be read ({', '.join(places)}): look at the rail's own statement",
            clause="X-1",
        )

    def _fact(self, line: StatementLine) -> OwnFact:
        if line.kind == "in":
            return MoneyReceived(
                account=self.account,
                line=line.line,
                amount_fen=line.amount_fen,
                from_account=line.counterparty_account,
                from_owner=line.counterparty_owner,
                reference=line.reference,
                rail_transfer=line.transfer,
                booked_at=line.booked_at,
            )
        payment = line.key or ""
        if line.kind == "out-settled":
            return PaymentSettled(payment=payment, account=self.account, line=line.line, amount_fen=line.amount_fen)
        return PaymentReturned(
            payment=payment, account=self.account, line=line.line, amount_fen=line.amount_fen, why=line.reason or ""
        )
