"""What the escrow institution (公证机构, 提存) says."""

from enum import StrEnum
from typing import Annotated

from pydantic import PositiveInt

from contracts.document import Document
from contracts.event import Event, Role, only
from contracts.events.registry import Stage
from contracts.values import AccountNumber, DocumentNumber, InstitutionName, Person, PositiveFen

E, R, S, B, F = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK, Role.BUYER_BANK, Role.FUND_CENTER


class MoneyKind(StrEnum):
    """What a deposit is for."""

    PRICE = "price"
    DOWN_PAYMENT = "down payment"
    LOAN = "loan"
    TOP_UP = "top-up"


class DepositConfirmed(Event, by=[E], to=[R, S, B, F], article="LC-F1, LC-L1, LC-L5"):
    """One kind of money is held in full: the deposit certificate (到账提存公证书)."""

    kind: MoneyKind
    certificate: Document
    price_complete: bool
    lender: InstitutionName | None = None
    amount_fen: Annotated[PositiveFen | None, only(E, R, B, F)] = None


class TransferApplicationMade(Event, by=[E], to=[R], article="LC-F3, LC-L4, LC-L5"):
    """Buyer and seller apply for the transfer, or for its advance notice, by the notary under their power of attorney
    (授权委托书). Lenders make their part of a joint application themselves."""

    application: Document
    round: PositiveInt
    sellers: tuple[Person, ...]
    buyers: tuple[Person, ...]
    contract_number: str
    consent: DocumentNumber
    deposit_certificates: tuple[DocumentNumber, ...]
    power_of_attorney: str
    stage: Stage = Stage.REGISTRATION
    notice: DocumentNumber | None = None


class PayoffTransferred(Event, by=[E], to=[S], article="LC-F4, LC-L6"):
    """The payoff that a quote named is on its way to the seller's bank."""

    quote: DocumentNumber
    amount_fen: PositiveFen
    to_account: AccountNumber
    rail_transfer: str


class BalancePaid(Event, by=[E], to=[R, S], article="LC-F4, LC-L7"):
    """The rest of the price is on its way to the seller."""

    amount_fen: Annotated[PositiveFen | None, only(E)] = None
    rail_transfer: str


class DepositRefunded(Event, by=[E], to=[B, F], article="X-1, LC-L3"):
    """One payer's money is on its way back to that payer."""

    kind: MoneyKind
    amount_fen: PositiveFen
    to_account: AccountNumber
    rail_transfer: str
