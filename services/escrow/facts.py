"""The escrow's own facts: what buyers, sellers and notaries do at its desk; and what several facts say together."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Self

from pydantic import Field, model_validator

from contracts.event import Opening, Role
from contracts.events.case import CaseCancelled, CaseCompleted, DepositAccount, MoneyStatement, Party, Payment
from contracts.events.escrow import DepositConfirmed, MoneyKind
from contracts.events.registry import (
    FolioRefused,
    FolioReserved,
    MortgageReleased,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued, ConsentRefused, PayoffCompleted, PayoffQuoted
from contracts.period import Period
from contracts.values import (
    Clause,
    Day,
    DocumentNumber,
    IdentityNumber,
    InstitutionName,
    PositiveFen,
    UnitNumber,
    require_whole,
)
from services.runtime.core.facts import Command, MoneyReceived, Purpose
from services.runtime.core.file import Filed
from services.runtime.core.money import Ledger, OrderState
from services.runtime.core.periods import day_in_china
from services.runtime.core.rule import All, View

# --- what people do at the desk ---------------------------------------------------------------------------------------


class SaleBrought(Command, Opening):
    """Buyer and seller bring the sale contract (LC-F1, LC-L1); nothing is opened before all of them have signed. Where
    loans pay a part of the price, `down_payment_fen` is the buyers' own part."""

    unit_number: UnitNumber
    institutions: dict[Role, InstitutionName]
    contract_number: str = Field(min_length=1, max_length=64)
    contract_date: Day
    sellers: tuple[Party, ...] = Field(min_length=1)
    buyers: tuple[Party, ...] = Field(min_length=1)
    price_fen: PositiveFen
    down_payment_fen: PositiveFen | None = None
    deposit_account: DepositAccount
    periods: tuple[Period, ...] = ()

    @model_validator(mode="after")
    def _shares_are_whole(self) -> Self:
        require_whole(p.share for p in self.sellers)
        require_whole(p.share for p in self.buyers)
        return self


class Paper(StrEnum):
    """What each of them signs."""

    AGREEMENT = "deposit agreement"
    POWER_OF_ATTORNEY = "power of attorney"


class Signed(Command):
    """One person signed one paper before the notary (提存协议, 授权委托书)."""

    person: IdentityNumber
    paper: Paper


class WithdrawalAgreed(Command):
    """Buyers and sellers together call the sale off; each of them has signed."""

    signed_by: tuple[IdentityNumber, ...]
    because: str = Field(min_length=1, max_length=500)


class ApplicationMended(Command):
    """What the registry returned an application for has been put right."""

    application: DocumentNumber
    mended: str = Field(min_length=1, max_length=500)


class RejectionAnswered(Command):
    """What the buyer does after a lender's no (LC-L3): turns to another bank, or the sale is off."""

    another_bank: bool
    because: str = Field(min_length=1, max_length=500)


class ReturnOrdered(Command):
    """A clerk sends money that no article covers back to whoever paid it. `money` is the receipt's id."""

    money: str


# --- what several facts say together ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AllSigned(View):
    """Every buyer and every seller has signed both papers."""

    missing: tuple[tuple[str, Paper], ...]

    @classmethod
    def of(cls, sale: SaleBrought, signatures: All[Signed]) -> Self | None:
        missing = missing_signatures(sale, signatures)
        return None if missing else cls(missing)


def missing_signatures(sale: SaleBrought, signatures: All[Signed]) -> tuple[tuple[str, Paper], ...]:
    """Who has not signed what yet: (identity number, paper)."""
    there = {(s.fact.person, s.fact.paper) for s in signatures}
    people = [party.person.id_number for party in (*sale.sellers, *sale.buyers)]
    return tuple((person, paper) for person in people for paper in Paper if (person, paper) not in there)


@dataclass(frozen=True, slots=True)
class Deposits(View):
    """The case's money by whose it is, in fen. Receipts count in the order in which the rail booked them to us."""

    ledger: Ledger
    price_fen: int
    from_buyers_fen: int
    from_sellers_fen: int
    surplus_fen: int
    price_held_at: datetime | None
    strangers: tuple[Filed[MoneyReceived], ...]
    too_late: tuple[Filed[MoneyReceived], ...]
    excess_fen: dict[str, int]

    @classmethod
    def of(
        cls,
        sale: SaleBrought,
        ledger: Ledger,
        consent: ConsentIssued | None,
        ended: All[CaseCompleted | CaseCancelled],
    ) -> Self:
        buyers = {party.account for party in sale.buyers}
        sellers = {party.account for party in sale.sellers}
        bank = consent.payoff_account if consent is not None else None
        price = top_up = surplus = 0
        price_held_at: datetime | None = None
        strangers: list[Filed[MoneyReceived]] = []
        too_late = tuple(r for r in ledger.receipts for end in ended if r.order > end.order)
        excess: dict[str, int] = {}
        for receipt in ledger.receipts:
            payer, amount = receipt.fact.from_account, receipt.fact.amount_fen
            if receipt in too_late:
                continue
            if payer in buyers:
                price += amount
                if price >= sale.price_fen and price_held_at is None:
                    price_held_at = receipt.fact.booked_at
                excess[receipt.id] = min(amount, max(0, price - sale.price_fen))
            elif payer in sellers:
                top_up += amount
            elif payer == bank:
                surplus += amount
            else:
                strangers.append(receipt)
        theirs = (price, top_up, surplus, price_held_at)
        return cls(ledger, sale.price_fen, *theirs, tuple(strangers), too_late, excess)

    @property
    def short_fen(self) -> int:
        """What is missing of the price."""
        return max(0, self.price_fen - self.from_buyers_fen)

    @property
    def to_send_back(self) -> tuple[Filed[MoneyReceived], ...]:
        """Money that no article covers, a stranger's or too late, and that nobody has sent back. A return that failed
        is ordered again, and not made a second time."""
        uncovered = (*self.strangers, *self.too_late)
        return tuple(m for m in uncovered if not self.ledger.claimed_fen(Purpose.REFUND, m.id))

    @property
    def free_fen(self) -> int:
        """What the case itself can still pay with: held, not ordered away, nobody's still to be reached, and covered
        by an article."""
        return self.ledger.free_fen - self.ledger.promised_fen - sum(m.fact.amount_fen for m in self.to_send_back)


@dataclass(frozen=True, slots=True)
class PriceHeld(View):
    """The full price has arrived."""

    amount_fen: int

    @classmethod
    def of(cls, deposits: Deposits) -> Self | None:
        return None if deposits.short_fen else cls(deposits.price_fen)


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
class ReadyToApply(View):
    """Everything that the application for the transfer rests on is there; `round` counts how often it was mended."""

    round: int
    consent: DocumentNumber
    certificates: tuple[DocumentNumber, ...]

    @classmethod
    def of(
        cls,
        _: FolioReserved,
        consent: ConsentIssued,
        confirmed: All[DepositConfirmed],
        top_up: TopUp | None,
        returned: All[RegistrationReturned],
        mended: All[ApplicationMended],
    ) -> Self | None:
        kinds = {c.fact.kind for c in confirmed}
        if MoneyKind.PRICE not in kinds or (top_up is not None and MoneyKind.TOP_UP not in kinds):
            return None
        answered = {r.fact.application for r in returned}
        rounds = 1 + sum(m.fact.application in answered for m in mended)
        return cls(rounds, consent.opinion.number, tuple(c.fact.certificate.number for c in confirmed))

    @property
    def mark(self) -> str:
        return str(self.round)


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
        deposits: Deposits,
    ) -> Self | None:
        if not quotes:
            return None
        newest = quotes[-1]
        settled = {b.fact.quote for b in booked if b.fact.by_the_case}
        for order in deposits.ledger.orders:
            paid_newest = order.pay.about == newest.fact.statement.number
            on_its_way = order.pay.about not in settled
            if order.pay.purpose is Purpose.PAYOFF and order.moves and (paid_newest or on_its_way):
                return None
        last_receipt = [r.at for r in deposits.ledger.receipts[-1:]]
        if day_in_china(max(newest.at, registered.at, *last_receipt)) > newest.fact.good_through:
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
class AllPaidOut(View):
    """Every order has settled and nothing is left of the case's money."""

    statement: MoneyStatement

    @classmethod
    def of(cls, deposits: Deposits) -> Self | None:
        ledger = deposits.ledger
        if ledger.held_fen or ledger.anything_under_way:
            return None
        return cls(money_statement(ledger))


def money_statement(ledger: Ledger) -> MoneyStatement:
    """The statement of a case's money, line by line."""
    incoming = [
        Payment(direction="in", purpose="deposit", account=r.fact.from_account, amount_fen=r.fact.amount_fen)
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


@dataclass(frozen=True, slots=True)
class ReasonToCallOff(View):
    """Why the case cannot go on, from whoever said it first."""

    because: str
    clause: Clause

    @classmethod
    def of(
        cls,
        refused: ConsentRefused | None,
        final: RegistrationRefused | None,
        withdrawn: WithdrawalAgreed | None,
        registered: TransferRegistered | None,
    ) -> Self | None:
        if registered is not None:
            return None
        if refused is not None:
            return cls(f"consent refused: {refused.because}", refused.clause)
        if final is not None:
            return cls("; ".join(r.detail for r in final.reasons), final.reasons[0].clause)
        if withdrawn is not None:
            return cls(f"withdrawal by agreement: {withdrawn.because}", "X-3")
        return None


@dataclass(frozen=True, slots=True)
class CalledOff(View):
    """The registry will make no entry for this case: money goes back to whoever paid it."""

    because: str
    clause: Clause

    @classmethod
    def of(cls, closed: RegistrationClosed | None, refused: FolioRefused | None) -> Self | None:
        if refused is not None:
            return cls("; ".join(r.detail for r in refused.reasons), refused.reasons[0].clause)
        return cls(closed.because, "X-3") if closed is not None else None


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
