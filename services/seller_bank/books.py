"""The account book of the loan on a folio: every receipt in the order it was reported, booked by the loan's
own terms.

A view like the others: the same file gives the same book, and a receipt that comes later changes no earlier
line.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

from contracts.events.case import CaseOpened
from services.runtime.core.facts import MoneyReceived
from services.runtime.core.file import Filed
from services.runtime.core.periods import CHINA_TIME
from services.runtime.core.rule import Across, View
from services.seller_bank.facts import Ends, LoanImported, MoneyDecided, PayoffAsked, sold_by
from services.seller_bank.loan_terms import LoanTerms
from services.seller_bank.payoff import Booking, Payoff, book, quote, rest


@dataclass(frozen=True, slots=True)
class Money:
    """A receipt: its id, the case it was reported in (or none), its place on the file."""

    id: str
    case: str
    order: int
    fact: MoneyReceived


@dataclass(frozen=True, slots=True)
class Entry:
    """A receipt and how it was booked."""

    money: Money
    booking: Booking


@dataclass(frozen=True, slots=True)
class LoanBook:
    """One loan: what was imported, what its terms are after every booking, the bookings, the quote that
    binds."""

    imported: LoanImported
    terms: LoanTerms
    entries: tuple[Entry, ...] = ()
    quoted: Payoff | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing is owed; without principal no day adds to it."""
        t = self.terms
        return t.principal_fen + t.arrears_fen + t.overdue_interest_fen + t.costs_fen == 0

    @property
    def settled_at(self) -> datetime:
        """When the money arrived that settled it; for a loan imported without a debt, the day it is paid
        through. Raises ValueError while something is owed."""
        if not self.settled:
            raise ValueError(f"loan {self.terms.loan_number} is not settled")
        settling = next((e for e in self.entries if e.booking.open_fen == 0), None)
        return settling.money.fact.booked_at if settling is not None else _midnight(self.terms.interest_paid_through)

    @property
    def settled_on(self) -> date:
        """The day of that in China. Raises ValueError as `settled_at`."""
        return self.settled_at.astimezone(CHINA_TIME).date()

    def payoff(self, at: datetime) -> Payoff:
        """What settles the loan with money that arrives at `at`; before the day through which interest is
        paid already, what settles it on that day."""
        return quote(self.terms, self._not_before(at))

    def with_money(self, money: Money) -> "LoanBook":
        """The book after one more receipt. A quote that stands binds the bank; after a booking it stands no
        more."""
        at = self._not_before(money.fact.booked_at)
        booking = book(self.terms, self.quoted or quote(self.terms, at), money.fact.amount_fen, at)
        entries = (*self.entries, Entry(money, booking))
        return LoanBook(self.imported, rest(self.terms, booking), entries)

    def _not_before(self, at: datetime) -> datetime:
        # Two accounts' statements are read side by side: money can be reported after money that came later.
        return max(at, _midnight(self.terms.interest_paid_through))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA_TIME)


@dataclass(frozen=True, slots=True)
class Books(View):
    """Every loan of this folio, oldest first; and the money that no rule may book and a clerk decides on: it
    came before any loan was known here, or in a case that was over."""

    loans: tuple[LoanBook, ...]
    held: tuple[Money, ...]

    @classmethod
    def of(
        cls,
        facts: Across[LoanImported | MoneyReceived | PayoffAsked | MoneyDecided | Ends],
    ) -> "Books":
        """The books of a folio; of any other subject they hold no loan."""
        keeper = _Keeper()
        for filed in facts:
            keeper.enter(filed)
        held = sorted((*keeper.early.values(), *keeper.late.values()), key=lambda money: money.order)
        return cls(tuple(keeper.loans), tuple(held))

    @property
    def entries(self) -> Iterable[Entry]:
        """All bookings."""
        return (entry for loan in self.loans for entry in loan.entries)


class _Keeper:
    """The books under construction."""

    def __init__(self) -> None:
        self.loans: list[LoanBook] = []
        self.early: dict[str, Money] = {}
        self.late: dict[str, Money] = {}
        self.over: set[str] = set()

    def enter(self, filed: Filed[Any]) -> None:
        """One fact, in the order of the file."""
        match filed.fact:
            case LoanImported() as imported:
                self.open_loan(imported)
            case MoneyReceived() as received:
                self.receive(Money(filed.id, filed.case, filed.order, received))
            case PayoffAsked() if self.loans:
                self.loans[-1] = replace(self.loans[-1], quoted=self.loans[-1].payoff(filed.at))
            case MoneyDecided() as decided:
                self.early.pop(decided.money, None)
                self.late.pop(decided.money, None)
            case _:
                self.over.add(filed.case)

    def open_loan(self, imported: LoanImported) -> None:
        """A loan handed in twice is one loan; what came before the first one is for it."""
        if any(loan.terms.loan_number == imported.terms.loan_number for loan in self.loans):
            return
        self.loans.append(LoanBook(imported, imported.terms))
        waiting, self.early = list(self.early.values()), {}
        for money in waiting:
            self.receive(money)

    def receive(self, money: Money) -> None:
        """Book money, unless nobody may."""
        if money.case in self.over:
            self.late[money.id] = money
        elif not self.loans:
            self.early[money.id] = money
        else:
            self.loans[-1] = self.loans[-1].with_money(money)


@dataclass(frozen=True, slots=True)
class CaseLoan(View):
    """The loan that this case is about: the newest one on the folio that a seller has borrowed."""

    book: LoanBook

    @classmethod
    def of(cls, opened: CaseOpened, books: Books) -> "CaseLoan | None":
        """The view of one case's file."""
        found = [loan for loan in books.loans if sold_by(opened, loan.imported)]
        return cls(found[-1]) if found else None
