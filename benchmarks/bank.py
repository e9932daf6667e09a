"""The banks' own systems: the rail's books, and what they tell the institutions whose accounts move.

The books are those that the simulation trusts (services/runtime/rail/memory.py): an order without cover is refused, a
key is one order. Each line of a statement becomes one own fact, as services/runtime/statement.py makes it of a line
that it has read.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.event import Role
from services.runtime.core.facts import MoneyReceived, OwnFact, PaymentSettled
from services.runtime.core.fold import derived_id
from services.runtime.rail import Accepted, StatementLine, Transfer
from services.runtime.rail.memory import MemoryRail

SETTLED_AFTER_S = 0.05
"""From accepted to settled, as at the sandbox of the rail."""
ENOUGH_FEN = 10**15


@dataclass(frozen=True, slots=True)
class Told:
    """A line of an institution's statement as it is told to its inbox; `case` is what the remittance text names."""

    role: Role
    fact: OwnFact
    fact_id: str
    case: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that has arrived, as the rail's books have it."""

    from_account: str
    to_account: str
    amount_fen: int
    reference: str


def settled_cases(moved: Iterable[Moved], deposit_account: str, price_fen: int) -> int:
    """How many cases are whole by the rail's books: the price has come into the deposit account, and all of it has gone
    out again. The remittance text names the case first."""
    came, went = Counter[str](), Counter[str]()
    for one in moved:
        case = one.reference.split()[0]
        if one.to_account == deposit_account:
            came[case] += one.amount_fen
        if one.from_account == deposit_account:
            went[case] += one.amount_fen
    return sum(came[case] == went[case] == price_fen for case in came)


class Bank:
    """Keeps the books. `read_by`: which institution's statement an account's is."""

    def __init__(self, read_by: Mapping[str, Role]) -> None:
        self._read_by = read_by
        self._rail = MemoryRail(lambda: datetime.now(UTC))
        self._told = dict.fromkeys(read_by, 0)
        self._ordered: set[str] = set()
        self._on_its_way: dict[str, Transfer] = {}
        self.moved: list[Moved] = []
        for account in read_by:
            self._rail.open(account, account, ENOUGH_FEN)

    def open(self, account: str, owner: str, fen: int) -> None:
        """A person's account."""
        self._rail.open(account, owner, fen)

    async def order(self, order: Transfer) -> None:
        """Book an order; one that comes again is the same. Raises ValueError where the rail refuses it: in a
        benchmark none is to be refused."""
        if order.key in self._ordered:
            return
        self._ordered.add(order.key)
        answer = await self._rail.transfer(order)
        if not isinstance(answer, Accepted):
            raise ValueError(f"order {order.key}: {answer}")
        self._on_its_way[order.key] = order

    async def settle(self, key: str) -> Sequence[Told]:
        """Let an order arrive; what the two sides are told of it. An order that came twice arrives once."""
        order = self._on_its_way.pop(key, None)
        if order is None:
            return ()
        self._rail.settle(key)
        self.moved.append(Moved(order.from_account, order.to_account, order.amount_fen, order.reference))
        told: list[Told] = []
        for account, role in self._read_by.items():
            for line in await self._rail.statement(account, self._told[account]):
                self._told[account] = line.line
                fact_id = derived_id(f"statement/{account}", str(line.line))
                told.append(Told(role, _fact(account, line), fact_id, line.reference.split()[0]))
        return told


def _fact(account: str, line: StatementLine) -> OwnFact:
    if line.kind == "in":
        return MoneyReceived(
            account=account,
            line=line.line,
            amount_fen=line.amount_fen,
            from_account=line.counterparty_account,
            from_owner=line.counterparty_owner,
            reference=line.reference,
            rail_transfer=line.transfer,
            booked_at=line.booked_at,
        )
    return PaymentSettled(payment=line.key or "", account=account, line=line.line, amount_fen=line.amount_fen)
