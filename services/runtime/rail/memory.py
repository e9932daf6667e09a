"""A payment rail in memory, for stories and the simulator: answers as the sandbox does, moves when told.

No clock and no chance of its own: the time comes from the `now` that it is given, and an accepted transfer
stays on its way until `settle`, `settle_due` or `settle_all` is called.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from services.runtime.rail import (
    MOST_LINES,
    Accepted,
    KeyReused,
    NotThere,
    RailUnavailable,
    Refused,
    StatementLine,
    Transfer,
    Unknown,
)

_TRANSFERS = uuid.UUID("b1a7c7f4-2f3e-5b0e-8a3c-6f5d0e9d7c21")
_OUT_OF_REACH = "the rail is out of reach"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next `n` orders (None: all) of this payer, payee and part of the reference.

    `refuse`: a no to what could be booked. `return`: accepted, and given back at settlement. `timeout`: not
    booked, not answered. `timeout-after`: booked, not answered. `delay`: due only `seconds` after it was
    accepted.
    """

    kind: Literal["refuse", "return", "timeout", "timeout-after", "delay"]
    n: int | None = 1
    from_account: str | None = None
    to_account: str | None = None
    reference: str | None = None
    reason: str | None = None
    seconds: float = 0

    def matches(self, order: Transfer) -> bool:
        """Whether the order is one that this fault waits for."""
        return (
            self.from_account in (None, order.from_account)
            and self.to_account in (None, order.to_account)
            and (self.reference is None or self.reference in order.reference)
        )


@dataclass
class _Account:
    owner: str
    opening_fen: int
    balance_fen: int
    on_its_way_fen: int = 0
    lines: list[StatementLine] = field(default_factory=list[StatementLine])


@dataclass(frozen=True)
class _OnItsWay:
    order: Transfer
    transfer: str
    due_at: datetime
    return_reason: str | None


class MemoryRail:
    """A `Rail` in memory.

    `now` gives aware times; `reachable` set to False makes everything `Unknown` or unavailable.
    """

    def __init__(self, now: Callable[[], datetime], delay_s: float = 0) -> None:
        self.reachable = True
        self._now = now
        self._delay_s = delay_s
        self._accounts: dict[str, _Account] = {}
        self._orders: dict[str, tuple[Transfer, Accepted | Refused]] = {}
        self._on_its_way: dict[str, _OnItsWay] = {}
        self._faults: list[tuple[Fault, int]] = []

    # what a service calls

    async def transfer(self, order: Transfer) -> Accepted | Refused | Unknown:
        """See `Rail.transfer`."""
        if not self.reachable:
            return Unknown(key=order.key, why=_OUT_OF_REACH)
        if self._fire("timeout", order):
            return Unknown(key=order.key, why="no answer (armed: timeout)")
        known = self._orders.get(order.key)
        if known is not None and known[0] != order:
            raise KeyReused(f"Idempotency-Key {order.key}: used for another order, and nothing was booked now")
        answer = self._book(order) if known is None else known[1]
        if self._fire("timeout-after", order):
            return Unknown(key=order.key, why="no answer (armed: timeout-after)")
        return answer

    async def find(self, key: str) -> Accepted | Refused | NotThere | Unknown:
        """See `Rail.find`."""
        if not self.reachable:
            return Unknown(key=key, why=_OUT_OF_REACH)
        known = self._orders.get(key)
        return NotThere(key=key) if known is None else known[1]

    async def statement(self, account: str, after: int, wait_s: float = 0) -> tuple[StatementLine, ...]:
        """See `Rail.statement`. Never waits: what would come in time is for the test to settle first."""
        if not self.reachable:
            raise RailUnavailable(f"statement of {account}: {_OUT_OF_REACH}")
        if account not in self._accounts:
            raise RailUnavailable(f"statement of {account}: not opened at this rail")
        lines = self._accounts[account].lines
        if after > len(lines):
            raise RailUnavailable(f"statement of {account}: asked after {after}, but it ends at line {len(lines)}")
        return tuple(lines[after : after + MOST_LINES])

    # what a test calls

    def open(self, account: str, owner: str, opening_fen: int = 0) -> None:
        """Open an account; the same again changes nothing. Raises ValueError for another owner or sum."""
        known = self._accounts.get(account)
        if known is None:
            self._accounts[account] = _Account(owner, opening_fen, opening_fen)
        elif (known.owner, known.opening_fen) != (owner, opening_fen):
            raise ValueError(f"account {account}: opened already for another owner or with another sum")

    def arm(self, fault: Fault) -> None:
        """Arm a fault; of one kind, the first armed fires first."""
        self._faults.append((fault, 0))

    def armed(self) -> tuple[tuple[Fault, int], ...]:
        """Every fault since the last `disarm`, with how often it fired."""
        return tuple(self._faults)

    def disarm(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def balance_fen(self, account: str) -> int:
        """What the account can spend. Raises KeyError for an unknown one."""
        return self._accounts[account].balance_fen

    def on_its_way_fen(self, account: str) -> int:
        """What has left the account and neither arrived nor come back. Raises KeyError for an unknown one."""
        return self._accounts[account].on_its_way_fen

    def total_fen(self) -> int:
        """What stands in all accounts and on its way: the openings' sum, as long as nothing was planted."""
        return sum(account.balance_fen + account.on_its_way_fen for account in self._accounts.values())

    def plant(self, account: str, amount_fen: int) -> None:
        """Falsify one balance by so many fen with no line beside it."""
        self._accounts[account].balance_fen += amount_fen

    def on_its_way(self) -> tuple[str, ...]:
        """The keys of what is on its way, in the order in which it falls due."""
        waiting = enumerate(self._on_its_way.values())
        return tuple(one.order.key for _, one in sorted(waiting, key=lambda pair: (pair[1].due_at, pair[0])))

    def settle(self, key: str) -> None:
        """Settle one transfer, or return it if it was so armed, due or not.

        Raises KeyError when it is not on its way.
        """
        one = self._on_its_way.pop(key)
        order, reason = one.order, one.return_reason
        payer, payee = self._accounts[order.from_account], self._accounts[order.to_account]
        payer.on_its_way_fen -= order.amount_fen
        (payee if reason is None else payer).balance_fen += order.amount_fen
        out = StatementLine(
            line=len(payer.lines) + 1,
            kind="out-settled" if reason is None else "out-returned",
            amount_fen=order.amount_fen,
            counterparty_account=order.to_account,
            counterparty_owner=payee.owner,
            reference=order.reference,
            transfer=one.transfer,
            key=key,
            reason=reason,
            booked_at=self._now(),
        )
        payer.lines.append(out)
        if reason is None:
            came = {
                "line": len(payee.lines) + 1,
                "kind": "in",
                "key": None,
                "counterparty_account": order.from_account,
                "counterparty_owner": payer.owner,
            }
            payee.lines.append(out.model_copy(update=came))

    def settle_due(self) -> int:
        """Settle what is due by now, in the order in which it fell due; returns how many."""
        due = [key for key in self.on_its_way() if self._on_its_way[key].due_at <= self._now()]
        for key in due:
            self.settle(key)
        return len(due)

    def settle_all(self) -> int:
        """Settle everything that is on its way, due or not, in the order in which it falls due; returns how
        many.
        """
        keys = self.on_its_way()
        for key in keys:
            self.settle(key)
        return len(keys)

    # inside

    def _book(self, order: Transfer) -> Accepted | Refused:
        answer = self._why_not(order)
        if answer is None and (refuse := self._fire("refuse", order)):
            why = refuse.reason or "the payee's bank does not take this payment"
            answer = _no(order, "refused-by-the-payees-bank", "Refused", 409, f"account {order.to_account}: {why}")
        if answer is None:
            answer = self._send(order)
        self._orders[order.key] = (order, answer)
        return answer

    def _send(self, order: Transfer) -> Accepted:
        slow, back = self._fire("delay", order), self._fire("return", order)
        payer = self._accounts[order.from_account]
        payer.balance_fen -= order.amount_fen
        payer.on_its_way_fen += order.amount_fen
        transfer = str(uuid.uuid5(_TRANSFERS, order.key))
        due_at = self._now() + timedelta(seconds=self._delay_s if slow is None else slow.seconds)
        reason = None if back is None else back.reason or "the payee's bank sent the payment back"
        self._on_its_way[order.key] = _OnItsWay(order, transfer, due_at, reason)
        return Accepted(key=order.key, transfer=transfer)

    def _why_not(self, order: Transfer) -> Refused | None:
        if order.from_account == order.to_account:
            return _no(
                order,
                "same-account",
                "Payer and payee are one account",
                422,
                f"account {order.from_account}: cannot pay itself",
            )
        for account in (order.from_account, order.to_account):
            if account not in self._accounts:
                return _no(
                    order,
                    "unknown-account",
                    "Unknown account",
                    404,
                    f"account {account}: not opened at this rail",
                )
        available_fen = self._accounts[order.from_account].balance_fen
        if available_fen < order.amount_fen:
            return _no(
                order,
                "insufficient-funds",
                "Insufficient funds",
                409,
                f"account {order.from_account}: {available_fen} fen available, {order.amount_fen} fen asked",
            )
        return None

    def _fire(self, kind: str, order: Transfer) -> Fault | None:
        for place, (fault, fired) in enumerate(self._faults):
            if fault.kind == kind and (fault.n is None or fired < fault.n) and fault.matches(order):
                self._faults[place] = (fault, fired + 1)
                return fault
        return None


def _no(order: Transfer, name: str, title: str, status: int, detail: str) -> Refused:
    return Refused(key=order.key, type=f"urn:daiya:problem:rail/{name}", title=title, status=status, detail=detail)
