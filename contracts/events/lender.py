"""What a lender says in a sale: the buyer's bank (买方贷款银行), and the fund centre (住房公积金管理中心) alike."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import PositiveInt

from contracts.document import Document
from contracts.event import Event, Role, only
from contracts.events.registry import Stage
from contracts.values import (
    AccountNumber,
    Clause,
    DocumentNumber,
    Fen,
    FreeText,
    InstitutionName,
    Person,
    PositiveFen,
    VerificationCode,
)

E, R, S, B, F = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK, Role.BUYER_BANK, Role.FUND_CENTER


class JoinRequested(Event, by=[B, F], to=[E], article="LC-L2", standing=True):
    """A buyer has applied here for a loan, holding the contract and the proof of the down payment: may we have our part
    in the case? The keeper has issued that proof, and checks number and code. The case need not know the speaker, so
    the request belongs to the folio until it is answered."""

    keeper: InstitutionName
    contract_number: str
    deposit_certificate: DocumentNumber
    code: VerificationCode

    @property
    def addressees(self) -> Mapping[Role, str]:
        """Who hears it: of the case's parties its speaker knows the keeper alone."""
        return {Role.ESCROW: self.keeper}


class LoanApproved(Event, by=[B, F], to=[E, R, S, B, F], article="LC-L4"):
    """The lender's yes: loan contract and mortgage contract (借款合同、抵押合同) are signed."""

    loan_contract: Document
    mortgage_contract: Document
    amount_fen: Annotated[PositiveFen | None, only(E, R, B, F)] = None
    pays_from: Annotated[AccountNumber | None, only(E)] = None


class LoanRejected(Event, by=[B, F], to=[E, R, S, B, F], article="LC-L3"):
    """The lender's no, also after its yes; or it takes no part in the case."""

    because: FreeText
    clause: Clause


class MortgageApplicationMade(Event, by=[B, F], to=[R], article="LC-L4, LC-L5"):
    """The lender's part of the joint application: for the advance notice of its mortgage, or for the mortgage."""

    application: Document
    stage: Stage
    round: PositiveInt
    contract_number: str
    loan_contract: DocumentNumber
    mortgage_contract: DocumentNumber
    consent: DocumentNumber
    amount_fen: PositiveFen
    debtors: tuple[Person, ...]
    notice: DocumentNumber | None = None


class LoanDisbursed(Event, by=[B, F], to=[E, R], article="LC-L5, LC-R3"):
    """The loan is on its way into the deposit account, on the certificate of the mortgage's advance notice."""

    notice: DocumentNumber
    amount_fen: Annotated[PositiveFen | None, only(E)] = None
    to_account: Annotated[AccountNumber | None, only(E)] = None
    rail_transfer: str


class LendingEnded(Event, by=[B, F], to=[E, R], article="X-1, X-3"):
    """No entry will be made, so nothing more goes out from this lender; how much had been sent."""

    sent_fen: Fen


class LoanReturned(Event, by=[B, F], to=[E, R], article="X-1"):
    """What this lender had sent is booked back: it is whole, and its notice may end."""

    amount_fen: Annotated[PositiveFen | None, only(E)] = None
