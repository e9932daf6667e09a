"""Paying the seller's bank and then the seller: the statement to pay now, when nothing is owed, what is left."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from contracts.events.case import Party
from contracts.events.registry import MortgageReleased, TransferRegistered
from contracts.events.seller_bank import ConsentIssued, PayoffCompleted, PayoffQuoted
from contracts.values import DocumentNumber
from services.escrow.deposits import Deposits
from services.runtime.core.facts import PaymentRefused, PaymentReturned, PaymentSettled, Purpose
from services.runtime.core.file import Filed
from services.runtime.core.money import OrderState
from services.runtime.core.periods import day_in_china
from services.runtime.core.rule import All, View


@dataclass(frozen=True, slots=True)
class CurrentQuote(View):
    """The payoff statement to pay now: the newest, in date, and no earlier payment still on its way."""

    quote: PayoffQuoted

    @classmethod
    def of(
        cls,
        quotes: All[PayoffQuoted],
        registered: Filed[TransferRegistered],
        booked: All[PayoffCompleted],
        ends: All[PaymentRefused | PaymentReturned | PaymentSettled],
        deposits: Deposits,
    ) -> Self | None:
        if not quotes:
            return None
        newest = quotes[-1]
        if booked and booked[-1].order > newest.order:
            return None  # after a booking no earlier statement stands any more: the bank states what is left
        settled = {b.fact.quote for b in booked if b.fact.by_the_case}
        for order in deposits.ledger.orders:
            paid_newest = order.pay.about == newest.fact.statement.number
            on_its_way = order.pay.about not in settled
            if order.pay.purpose is Purpose.PAYOFF and order.moves and (paid_newest or on_its_way):
                return None
        # Whatever comes last makes it payable, and on that day it must be in date.
        last = [some[-1].at for some in (booked, ends, deposits.ledger.receipts) if some]
        if day_in_china(max(newest.at, registered.at, *last)) > newest.fact.good_through:
            return None
        return cls(newest.fact)

    @property
    def mark(self) -> str:
        return self.quote.statement.number


@dataclass(frozen=True, slots=True)
class PayableQuote(View):
    """The current statement names the account of the consent, and the money held covers it."""

    quote: PayoffQuoted

    @classmethod
    def of(cls, current: CurrentQuote, consent: ConsentIssued, deposits: Deposits) -> Self | None:
        if current.quote.to_account != consent.payoff_account or current.quote.total_fen > deposits.free_fen:
            return None
        return cls(current.quote)

    @property
    def mark(self) -> str:
        return self.quote.statement.number


@dataclass(frozen=True, slots=True)
class UnpayableQuote(View):
    """The current statement cannot be paid, and why."""

    quote: PayoffQuoted
    why: str

    @classmethod
    def of(cls, current: CurrentQuote, consent: ConsentIssued, deposits: Deposits) -> Self | None:
        quote = current.quote
        if quote.to_account != consent.payoff_account:
            return cls(quote, "it names another account than the opinion of consent; ask the bank")
        if quote.total_fen > deposits.free_fen:
            short = quote.total_fen - deposits.free_fen
            return cls(quote, f"{short} fen are missing: the debt has outgrown the money, the seller must top up")
        return None

    @property
    def mark(self) -> str:
        return self.quote.statement.number


@dataclass(frozen=True, slots=True)
class LoanSettled(View):
    """The seller's bank has booked the payoff, nothing is open, and its surplus has come back. Without a quote the
    borrower has settled the loan himself."""

    quote: DocumentNumber | None

    @classmethod
    def of(cls, booked: All[PayoffCompleted], deposits: Deposits) -> Self | None:
        if not booked or booked[-1].fact.open_fen:
            return None
        payoffs = [o for o in deposits.ledger.orders if o.pay.purpose is Purpose.PAYOFF]
        newest = booked[-1].fact
        # What the bank books as ours must be what our own statement says has arrived there.
        ours = {o.pay.about for o in payoffs if o.state is OrderState.SETTLED}
        if newest.by_the_case and newest.quote not in ours:
            return None
        owed_back = sum(b.fact.surplus_fen or 0 for b in booked if b.fact.by_the_case)
        if deposits.surplus_fen < owed_back or any(o.under_way for o in payoffs):
            return None
        return cls(newest.quote)


@dataclass(frozen=True, slots=True)
class Remaining(View):
    """What is left of the case's money once the bank has its own: the seller's."""

    amount_fen: int
    of_fen: int

    @classmethod
    def of(cls, _: TransferRegistered, __: LoanSettled, deposits: Deposits) -> Self | None:
        return cls(deposits.free_fen, deposits.ledger.in_fen) if deposits.free_fen > 0 else None

    @property
    def mark(self) -> str:
        return str(self.of_fen)


@dataclass(frozen=True, slots=True)
class OldMortgageGone(View):
    """The mortgage that the consent named is released."""

    certificate: DocumentNumber

    @classmethod
    def of(cls, consent: ConsentIssued, released: All[MortgageReleased]) -> Self | None:
        there = any(r.fact.certificate == consent.mortgage_certificate for r in released)
        return cls(consent.mortgage_certificate) if there else None


def split(amount_fen: int, parties: tuple[Party, ...]) -> list[tuple[Party, int]]:
    """An amount among owners by their shares, in whole fen; what rounding leaves goes to the first."""
    parts = [int(Fraction(amount_fen) * party.share.fraction) for party in parties]
    parts[0] += amount_fen - sum(parts)
    return [(party, part) for party, part in zip(parties, parts, strict=True) if part]
