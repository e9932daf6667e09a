"""What a case's money did, read from its file: what was ordered, what became of it, what arrived. Views for every
institution that has accounts with the rail."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from services.runtime.core.facts import (
    MoneyReceived,
    Pay,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
    Purpose,
)
from services.runtime.core.file import Filed
from services.runtime.core.rule import All, View


class OrderState(StrEnum):
    """How far a payment has come. The last three are ends."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    SETTLED = "settled"
    REFUSED = "refused"
    RETURNED = "returned"


_PAYOFF_OR_AFTER = (Purpose.PAYOFF, Purpose.BALANCE)


@dataclass(frozen=True, slots=True)
class Order:
    """A payment that this institution ordered, and its state."""

    id: str
    pay: Pay
    state: OrderState

    @property
    def moves(self) -> bool:
        """It took the money, or is about to."""
        return self.state in (OrderState.ASKED, OrderState.ACCEPTED, OrderState.SETTLED)

    @property
    def under_way(self) -> bool:
        """Nobody knows yet how it ends."""
        return self.state in (OrderState.ASKED, OrderState.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Ledger(View):
    """Money in and out of one case, as this institution's own statement and orders have it. All in fen."""

    receipts: tuple[Filed[MoneyReceived], ...]
    orders: tuple[Order, ...]
    ordered_again: frozenset[str]

    @classmethod
    def of(
        cls,
        received: All[MoneyReceived],
        pays: All[Pay],
        steps: All[PaymentAccepted | PaymentRefused | PaymentSettled | PaymentReturned],
        again: All[PaymentOrderedAgain],
    ) -> Self:
        """Always says something; nothing moved is a ledger too."""
        ends = {PaymentAccepted: OrderState.ACCEPTED, PaymentRefused: OrderState.REFUSED}
        ends |= {PaymentSettled: OrderState.SETTLED, PaymentReturned: OrderState.RETURNED}
        states: dict[str, OrderState] = {}
        for step in steps:
            state = ends[type(step.fact)]
            # The rail's acceptance may be reported after its statement: an end stays an end.
            if state is not OrderState.ACCEPTED or step.fact.payment not in states:
                states[step.fact.payment] = state
        orders = tuple(Order(p.id, p.fact, states.get(p.id, OrderState.ASKED)) for p in pays)
        # Ordered again is what has its new order on file: between the two the money is nobody else's.
        caused = {p.cause for p in pays}
        return cls(received, orders, frozenset(a.fact.payment for a in again if a.id in caused))

    @property
    def in_fen(self) -> int:
        """What arrived."""
        return sum(r.fact.amount_fen for r in self.receipts)

    @property
    def out_fen(self) -> int:
        """What has left for good: settled."""
        return sum(o.pay.amount_fen for o in self.orders if o.state is OrderState.SETTLED)

    @property
    def held_fen(self) -> int:
        """What is still here, on its way out or not (X-1: in = out + held)."""
        return self.in_fen - self.out_fen

    @property
    def free_fen(self) -> int:
        """What no order has taken."""
        return self.in_fen - sum(o.pay.amount_fen for o in self.orders if o.moves)

    @property
    def anything_under_way(self) -> bool:
        """Some payment's end is not known yet, or one failed and nobody has ordered it again."""
        return any(o.under_way for o in self.orders) or bool(self.failed)

    @property
    def failed(self) -> tuple[Order, ...]:
        """Payments that the rail refused or returned and that nobody has ordered again: a clerk decides. A payoff is
        not among them once a newer statement was paid, or the balance, which waits until nothing is owed."""
        ends = (OrderState.REFUSED, OrderState.RETURNED)
        newest = max((n for n, o in enumerate(self.orders) if o.pay.purpose in _PAYOFF_OR_AFTER), default=-1)
        return tuple(
            o
            for n, o in enumerate(self.orders)
            if o.state in ends
            and o.id not in self.ordered_again
            and not (o.pay.purpose is Purpose.PAYOFF and n < newest)
        )

    @property
    def promised_fen(self) -> int:
        """What still has to go to whom it failed to reach. A payoff is not promised: the next statement replaces it."""
        return sum(o.pay.amount_fen for o in self.failed if o.pay.purpose is not Purpose.PAYOFF)

    def paid_fen(self, purpose: Purpose, about: str | None = None) -> int:
        """What was ordered for a purpose (and about one thing), leaving out what failed."""
        return sum(
            o.pay.amount_fen
            for o in self.orders
            if o.moves and o.pay.purpose is purpose and (about is None or o.pay.about == about)
        )

    def claimed_fen(self, purpose: Purpose, about: str) -> int:
        """What was ordered for a purpose about one thing, with what failed and waits to be ordered again."""
        waiting = sum(o.pay.amount_fen for o in self.failed if o.pay.purpose is purpose and o.pay.about == about)
        return self.paid_fen(purpose, about) + waiting

    def order(self, payment: str) -> Order | None:
        """One order."""
        return next((o for o in self.orders if o.id == payment), None)
