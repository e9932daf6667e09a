"""Reading the rail's statement: the only source of receipts. Each line becomes one own fact, with the line's own id.

The remittance text names the case first; money whose text names no case known here goes to a subject of its own, where
it waits for a clerk.
"""

from services.runtime.core.facts import MoneyReceived, OwnFact, PaymentReturned, PaymentSettled
from services.runtime.core.file import STANDING
from services.runtime.core.fold import derived_id
from services.runtime.core.rows import Row
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
            subject, case = await self._whose(line)
            fact_id = derived_id(self.name, str(line.line))
            await self.post.tell(self._fact(line), fact_id, case, subject, line.booked_at)
            await self.store.move_cursor(self.name, line.line)
        return len(lines)

    async def _whose(self, line: StatementLine) -> tuple[str, str]:
        """Subject and case of a line. Decided once: a line that was unmatched stays so if it is reported again, or
        one receipt would lie on two files."""
        unmatched_id = f"unmatched/{self.account}/{line.line}"
        if await self.store.row(unmatched_id) is None:
            named = line.reference.split()
            found = await self.store.row(f"case/{named[0]}") if named else None
            if found is not None:
                return found.subject, found.case
            subject = UNMATCHED + self.account
            row = Row(unmatched_id, "unmatched", subject, 0, STANDING, line.booked_at, {"reference": line.reference})
            await self.store.change_rows([row], ())
        return UNMATCHED + self.account, STANDING

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
