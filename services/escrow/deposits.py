"""The money of a case by whose it is, and what of it is held in full. All in fen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseCompleted, MoneyStatement, Payment
from contracts.events.escrow import MoneyKind
from contracts.events.seller_bank import ConsentIssued
from services.escrow.facts import SaleBrought
from services.escrow.lenders import Financing, Lender, Lenders, Loan
from services.runtime.core.facts import MoneyReceived, Pay, Purpose
from services.runtime.core.file import Filed
from services.runtime.core.money import Ledger, OrderState
from services.runtime.core.rule import All, View

UNCOVERED = "not covered"


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays into a case. `most_fen`: what goes beyond is sent back; None where nothing does. What comes from one
    that is not `covered` pays for nothing."""

    purpose: str
    kind: MoneyKind
    lender: Lender | None = None
    most_fen: int | None = None
    covered: bool = True


def payers_of(sale: SaleBrought, consent: ConsentIssued | None, lenders: Lenders | None) -> dict[str, Payer]:
    """Those who pay into a case, by account: buyers, sellers, the seller's bank with its surplus, lenders."""
    known: dict[str, Payer] = {}
    for loan in lenders.loans if lenders is not None else ():
        payer = Payer(MoneyKind.LOAN.value, MoneyKind.LOAN, loan.lender, loan.amount_fen, loan.pays)
        known |= dict.fromkeys(loan.accounts, payer)
    if consent is not None and consent.payoff_account is not None:
        known[consent.payoff_account] = Payer(Purpose.SURPLUS.value, sale.own_kind)
    known |= {party.account: Payer(MoneyKind.TOP_UP.value, MoneyKind.TOP_UP) for party in sale.sellers}
    buyers = Payer(sale.own_kind.value, sale.own_kind, most_fen=sale.own_fen)
    return known | {party.account: buyers for party in sale.buyers}


@dataclass(frozen=True, slots=True)
class Deposits(View):
    """The case's money by whose it is. Receipts count in the order in which the rail booked them to us; what was sent
    back to its payer counts for nothing."""

    ledger: Ledger
    price_fen: int
    own_kind: MoneyKind
    own_fen: int
    payers: Mapping[str, Payer]
    from_payers_fen: Mapping[Payer, int]
    own_held_at: datetime | None
    strangers: tuple[Filed[MoneyReceived], ...]
    come_back: tuple[Filed[MoneyReceived], ...]
    too_late: tuple[Filed[MoneyReceived], ...]
    excess_fen: Mapping[str, int]

    @classmethod
    def of(
        cls,
        sale: SaleBrought,
        ledger: Ledger,
        pays: All[Pay],
        consent: ConsentIssued | None,
        lenders: Lenders | None,
        ended: All[CaseCompleted | CaseCancelled],
    ) -> Self:
        payers = payers_of(sale, consent, lenders)
        held: dict[Payer, int] = {}
        excess: dict[str, int] = {}
        own_held_at: datetime | None = None
        strangers: list[Filed[MoneyReceived]] = []
        come_back: list[Filed[MoneyReceived]] = []
        too_late = tuple(r for r in ledger.receipts for end in ended if r.order > end.order)
        for receipt in ledger.receipts:
            if receipt in too_late or ledger.claimed_fen(Purpose.REFUND, receipt.id):
                continue
            payer, amount = payers.get(receipt.fact.from_account), receipt.fact.amount_fen
            if payer is None or not payer.covered:
                strangers.append(receipt)
                continue
            if payer.purpose == Purpose.SURPLUS.value and _was_sent_back_before(receipt, pays):
                come_back.append(receipt)
                continue
            held[payer] = held.get(payer, 0) + amount
            if payer.most_fen is not None:
                excess[receipt.id] = min(amount, max(0, held[payer] - payer.most_fen))
            if payer.kind is sale.own_kind and payer.most_fen is not None and held[payer] >= payer.most_fen:
                own_held_at = own_held_at or receipt.fact.booked_at
        own = (sale.price_fen, sale.own_kind, sale.own_fen)
        return cls(ledger, *own, payers, held, own_held_at, tuple(strangers), tuple(come_back), too_late, excess)

    def held_fen(self, purpose: str, lender: Lender | None = None) -> int:
        """What came for a purpose: of everybody, or of one lender."""
        theirs = self.from_payers_fen.items()
        return sum(fen for who, fen in theirs if who.purpose == purpose and lender in (None, who.lender))

    @property
    def from_buyers_fen(self) -> int:
        """What came from the buyers."""
        return self.held_fen(MoneyKind.PRICE.value) + self.held_fen(MoneyKind.DOWN_PAYMENT.value)

    @property
    def from_sellers_fen(self) -> int:
        """What came from the sellers."""
        return self.held_fen(MoneyKind.TOP_UP.value)

    @property
    def surplus_fen(self) -> int:
        """What the seller's bank has sent back."""
        return self.held_fen(Purpose.SURPLUS.value)

    @property
    def short_fen(self) -> int:
        """What is missing of what the buyers pay in themselves: the price, or the down payment."""
        return max(0, self.own_fen - self.from_buyers_fen)

    @property
    def to_send_back(self) -> tuple[Filed[MoneyReceived], ...]:
        """Money that no article covers, a stranger's, come back or too late, and that nobody has sent back. A return
        that failed is ordered again, and not made a second time."""
        uncovered = (*self.strangers, *self.come_back, *self.too_late)
        return tuple(m for m in uncovered if not self.ledger.claimed_fen(Purpose.REFUND, m.id))

    @property
    def free_fen(self) -> int:
        """What the case itself can still pay with: held, not ordered away, nobody's still to be reached, and covered
        by an article."""
        return self.ledger.free_fen - self.ledger.promised_fen - sum(m.fact.amount_fen for m in self.to_send_back)

    def payer(self, money: str) -> Payer | None:
        """Who paid a receipt, by its id; None for a stranger."""
        account = next((m.fact.from_account for m in self.ledger.receipts if m.id == money), "")
        return self.payers.get(account)


def _was_sent_back_before(receipt: Filed[MoneyReceived], pays: Sequence[Filed[Pay]]) -> bool:
    """Whether money had been sent back to this payer before this came. Where a bank returns by itself what pays no
    debt, as the escrow returns what is no price, it would go to and fro for ever."""
    payer = receipt.fact.from_account
    back = (p for p in pays if p.fact.purpose is Purpose.REFUND and p.fact.to_account == payer)
    return any(p.order < receipt.order for p in back)


@dataclass(frozen=True, slots=True)
class OwnPartHeld(View):
    """What the buyers pay in themselves has arrived in full: the price, or the down payment."""

    amount_fen: int

    @classmethod
    def of(cls, deposits: Deposits) -> Self | None:
        return None if deposits.short_fen else cls(deposits.own_fen)


@dataclass(frozen=True, slots=True)
class Excess(View):
    """Money beyond what its payer has to pay, which nobody has ordered back yet: of one receipt."""

    money: Filed[MoneyReceived]
    amount_fen: int
    of_fen: int

    @classmethod
    def of(cls, deposits: Deposits) -> Self | None:
        for money in deposits.ledger.receipts:
            beyond = deposits.excess_fen.get(money.id, 0)
            rest = beyond - deposits.ledger.claimed_fen(Purpose.EXCESS, money.id)
            if rest > 0:
                return cls(money, rest, beyond)
        return None

    @property
    def mark(self) -> str:
        return f"{self.money.id} {self.of_fen}"


@dataclass(frozen=True, slots=True)
class LoanHeld(View):
    """A lender's money has arrived in full, and whether the whole price has with it."""

    loan: Loan
    price_complete: bool

    @property
    def mark(self) -> str:
        return self.loan.approved.loan_contract.number


@dataclass(frozen=True, slots=True)
class BanksLoanHeld(LoanHeld):
    """The buyer's bank's."""

    @classmethod
    def of(cls, financing: Financing, deposits: Deposits) -> Self | None:
        loan = held_loan(Role.BUYER_BANK, financing, deposits)
        return cls(loan, price_complete(financing, deposits)) if loan is not None else None


@dataclass(frozen=True, slots=True)
class FundsLoanHeld(LoanHeld):
    """The fund centre's."""

    @classmethod
    def of(cls, financing: Financing, deposits: Deposits) -> Self | None:
        loan = held_loan(Role.FUND_CENTER, financing, deposits)
        return cls(loan, price_complete(financing, deposits)) if loan is not None else None


def held_loan(role: Role, financing: Financing, deposits: Deposits) -> Loan | None:
    """The loan of who lends in this role, if its money is here."""
    return next((x for x in financing.loans if x.lender[0] is role and _is_held(x, deposits)), None)


def price_complete(financing: Financing, deposits: Deposits) -> bool:
    """Whether down payment and loans together are the price, and all of it is here."""
    return financing.exact and not deposits.short_fen and all(_is_held(x, deposits) for x in financing.loans)


def _is_held(loan: Loan, deposits: Deposits) -> bool:
    return deposits.held_fen(MoneyKind.LOAN.value, loan.lender) >= loan.amount_fen


@dataclass(frozen=True, slots=True)
class TopUp(View):
    """The bank's estimate is more than the price: the seller adds the difference before anything is applied for."""

    needed_fen: int
    held_fen: int

    @classmethod
    def of(cls, deposits: Deposits, consent: ConsentIssued) -> Self | None:
        needed = (consent.estimated_payoff_fen or 0) - deposits.price_fen
        return cls(needed, deposits.from_sellers_fen) if needed > 0 else None

    @property
    def short_fen(self) -> int:
        """What is missing of it."""
        return max(0, self.needed_fen - self.held_fen)


@dataclass(frozen=True, slots=True)
class TopUpHeld(View):
    """The seller's own money for it has arrived."""

    amount_fen: int

    @classmethod
    def of(cls, top_up: TopUp) -> Self | None:
        return None if top_up.short_fen else cls(top_up.held_fen)


@dataclass(frozen=True, slots=True)
class AllPaidOut(View):
    """Every order has settled and nothing is left of the case's money."""

    statement: MoneyStatement

    @classmethod
    def of(cls, deposits: Deposits) -> Self | None:
        ledger = deposits.ledger
        if ledger.held_fen or ledger.anything_under_way:
            return None
        return cls(money_statement(deposits))


def money_statement(deposits: Deposits) -> MoneyStatement:
    """The statement of a case's money, line by line."""
    ledger = deposits.ledger
    incoming = [
        Payment(
            direction="in",
            purpose=payer.purpose if (payer := deposits.payer(r.id)) is not None else UNCOVERED,
            account=r.fact.from_account,
            amount_fen=r.fact.amount_fen,
        )
        for r in ledger.receipts
    ]
    outgoing = [
        Payment(direction="out", purpose=o.pay.purpose.value, account=o.pay.to_account, amount_fen=o.pay.amount_fen)
        for o in ledger.orders
        if o.state is OrderState.SETTLED
    ]
    return MoneyStatement(
        in_fen=ledger.in_fen, out_fen=ledger.out_fen, held_fen=ledger.held_fen, payments=(*incoming, *outgoing)
    )
