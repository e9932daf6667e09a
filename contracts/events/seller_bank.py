"""What the seller's bank (卖方贷款银行) says."""

from typing import Annotated

from contracts.document import Document
from contracts.event import Event, Role, only
from contracts.values import AccountNumber, Clause, Day, DocumentNumber, Fen, FreeText, PositiveFen, UnitNumber

E, R, S, B, F = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK, Role.BUYER_BANK, Role.FUND_CENTER


class ConsentIssued(Event, by=[S], to=[E, R, B, F], article="LC-F2, LC-L4"):
    """The opinion of consent to the transfer with mortgage (同意“带押过户”意见书)."""

    opinion: Document
    mortgage_certificate: DocumentNumber
    lifts_no_transfer_clause: bool
    estimated_payoff_fen: Annotated[Fen | None, only(E, B, F)] = None
    payoff_account: Annotated[AccountNumber | None, only(E, F)] = None


class ConsentRefused(Event, by=[S], to=[E, R, B, F], article="LC-F2, X-3"):
    """The seller's bank does not agree."""

    because: FreeText
    clause: Clause


class PayoffQuoted(Event, by=[S], to=[E, F], article="LC-L6"):
    """The payoff statement (应还款余额证明): what settles the loan, in fen, on each day until good-through."""

    statement: Document
    principal_fen: Fen
    interest_fen: Fen
    penalty_fen: Fen
    overdue_fen: Fen
    total_fen: PositiveFen
    per_diem_microfen: Fen
    basis: int
    as_of: Day
    good_through: Day
    to_account: AccountNumber
    booking_order: tuple[str, ...]


class PayoffCompleted(Event, by=[S], to=[E, R, F], article="LC-F4, LC-L6"):
    """Money for a loan has arrived and is booked: what is left open, and what is on its way back. Without a quote the
    borrower had settled the loan before anyone asked for one."""

    quote: DocumentNumber | None = None
    booked_fen: Annotated[Fen | None, only(E, F)] = None
    open_fen: Fen
    surplus_fen: Annotated[Fen | None, only(E, F)] = None
    by_the_case: bool


class PayoffReturned(Event, by=[S], to=[E, F], article="X-1"):
    """Money without a debt is on its way back to whoever paid it."""

    amount_fen: PositiveFen
    to_account: AccountNumber
    rail_transfer: str


class ReleaseApplied(Event, by=[S, F], to=[R], article="LC-F4, LC-L6", standing=True):
    """The loan is settled, so its mortgage may go. It belongs to the mortgage, not to the case."""

    unit_number: UnitNumber
    mortgage_certificate: DocumentNumber
    settled_on: Day
