"""Faults that a test arms at the rail sandbox: what goes wrong outside, on order and counted.

They live in memory: a rail that is started again has none armed. What a fault did to the books is in the
books.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.rail_orders import MAX_FEN, Order


class _Fault(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _OnTransfers(_Fault):
    """Fires on the next `n` orders that match all that is given: payer, payee, a part of the reference."""

    n: Annotated[int, Field(ge=1)] | None = 1
    from_account: str | None = None
    to_account: str | None = None
    reference: str | None = None

    def matches(self, order: Order) -> bool:
        """Whether the order is one that this fault waits for."""
        return (
            self.from_account in (None, order.from_account)
            and self.to_account in (None, order.to_account)
            and (self.reference is None or self.reference in order.reference)
        )


class Refuse(_OnTransfers):
    """Refuse an order that could be booked."""

    kind: Literal["refuse"]
    reason: Annotated[str, Field(min_length=1, max_length=300)] = "the payee's bank does not take this payment"


class Return(_OnTransfers):
    """Accept the order, and when it would settle give the money back to the payer."""

    kind: Literal["return"]
    reason: Annotated[str, Field(min_length=1, max_length=300)] = "the payee's bank sent the payment back"


class Timeout(_OnTransfers):
    """Book nothing and answer nothing: the connection is held for `hold_s` and closed."""

    kind: Literal["timeout"]
    hold_s: Annotated[float, Field(ge=0, le=600)] = 30.0


class TimeoutAfter(_OnTransfers):
    """Book the order and answer nothing: the connection is held for `hold_s` and closed."""

    kind: Literal["timeout-after"]
    hold_s: Annotated[float, Field(ge=0, le=600)] = 30.0


class Delay(_OnTransfers):
    """Settle after so many seconds instead of the rail's own delay; all that match, unless `n` is given."""

    kind: Literal["delay"]
    n: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(ge=0, le=10**8)]


class Fee(_OnTransfers):
    """Settle, and keep so many fen of it on the way: the payee gets less than the payer sent."""

    kind: Literal["fee"]
    fen: Annotated[int, Field(ge=1)]

    def matches(self, order: Order) -> bool:
        """Whether the order is one that this fault waits for, and something is left of it."""
        return super().matches(order) and order.amount_fen > self.fen


class Repeat(_Fault):
    """Tell the next `n` readers of an account's statement its lines from the first one on, told before or not."""

    kind: Literal["repeat"]
    account: str
    n: Annotated[int, Field(ge=1)] = 1


class Plant(_Fault):
    """Falsify one account's balance by so many fen, at once and with no counter-entry."""

    kind: Literal["plant"]
    account: str
    amount_fen: Annotated[int, Field(ge=-MAX_FEN, le=MAX_FEN)]


AnyFault = Refuse | Return | Timeout | TimeoutAfter | Delay | Fee | Repeat | Plant
Fault = Annotated[AnyFault, Field(discriminator="kind")]
Kind = TypeVar("Kind", bound=_OnTransfers)


@dataclass
class _Armed:
    number: int
    fault: AnyFault
    fired: int = 0

    def document(self) -> dict[str, Any]:
        n = getattr(self.fault, "n", 1)
        left = None if n is None else n - self.fired
        return {
            "fault": self.number,
            **self.fault.model_dump(exclude_none=True),
            "fired": self.fired,
            "left": left,
        }


class Faults:
    """What is armed. Of one kind, the fault that was armed first fires first."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._numbers = 0

    def arm(self, fault: AnyFault, fired: int = 0) -> dict[str, Any]:
        """Arm a fault, or note one that has `fired` already; gives what `listed` says about it."""
        self._numbers += 1
        armed = _Armed(self._numbers, fault, fired)
        self._armed.append(armed)
        return armed.document()

    def fire(self, kind: type[Kind], order: Order) -> Kind | None:
        """The first armed fault of this kind that the order sets off, counted as fired; None when there is
        none.
        """
        for armed in self._armed:
            fault = armed.fault
            if isinstance(fault, kind) and (fault.n is None or armed.fired < fault.n) and fault.matches(order):
                armed.fired += 1
                return fault
        return None

    def repeats(self, account: str) -> bool:
        """Whether this account's statement is to be told from its first line on, counted as fired."""
        for armed in self._armed:
            if isinstance(armed.fault, Repeat) and armed.fault.account == account and armed.fired < armed.fault.n:
                armed.fired += 1
                return True
        return False

    def listed(self) -> list[dict[str, Any]]:
        """Every fault since the last `clear`, with how often it `fired` and how often it still will (`left`,
        None: always).
        """
        return [armed.document() for armed in self._armed]

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()
