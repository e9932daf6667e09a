"""A payment rail without HTTP: orders go to a topic, and whoever keeps the books answers in the institutions' inboxes.

So do the systems of a bank that has its rail in the house: the order is taken once it stands in the log, and what
becomes of it is appended to the inbox as an own fact, as what a desk has taken is. The services' own readers of
statements find nothing to read.
"""

import asyncio

from contracts.envelope import Record
from services.runtime.log import Log, LogUnavailable
from services.runtime.rail import Accepted, NotThere, StatementLine, Transfer, Unknown

ORDERS = "benchmark.orders"
"""The topic of the orders, in as many partitions as an inbox has; a record's value is the order as JSON."""


def order_record(order: Transfer) -> Record:
    """The record that carries an order. Its key is the order's, which stands for this order for ever."""
    return Record(order.key.encode(), order.model_dump_json().encode(), ())


class LogRail:
    """A `Rail` whose orders are records of the topic ORDERS."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def transfer(self, order: Transfer) -> Accepted | Unknown:
        """See `Rail.transfer`. The rail's name for the transfer is the order's own key."""
        try:
            await self._log.append(ORDERS, order_record(order))
        except LogUnavailable as failure:
            return Unknown(key=order.key, why=str(failure))
        return Accepted(key=order.key, transfer=order.key)

    async def find(self, key: str) -> NotThere:
        """See `Rail.find`. Nobody remembers here: sent again, the same order under its key is booked once."""
        return NotThere(key=key)

    async def statement(self, account: str, after: int, wait_s: float = 0) -> tuple[StatementLine, ...]:
        """See `Rail.statement`. There is never a line: what is booked is told to the inbox by the bank's own system."""
        await asyncio.sleep(wait_s)
        return ()
