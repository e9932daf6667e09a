"""What is said by whoever opens a case, and by its keeper, who says how it ended."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from contracts.document import Document
from contracts.event import ALL_ROLES, Event, Opening, Role, only
from contracts.period import Period
from contracts.values import (
    AccountNumber,
    Clause,
    Day,
    Fen,
    FreeText,
    InstitutionName,
    Person,
    PositiveFen,
    Share,
    UnitNumber,
)

E, R, S, B, F = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK, Role.BUYER_BANK, Role.FUND_CENTER


class Party(BaseModel):
    """A buyer or a seller: the person, the share of ownership, and the account that pays or is paid."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: Person
    share: Share
    account: AccountNumber


class DepositAccount(BaseModel):
    """Where the escrow holds the money of a case; payers put the case number into the remittance text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: AccountNumber
    owner: str


class CaseOpened(Event, Opening, by=[E, R, S, B, F], to=ALL_ROLES, article="LC-F1, LC-L1"):
    """The people have signed: these are the terms. In Liaocheng the deposit agreement is part of it. Where loans pay a
    part of the price, `down_payment_fen` is the buyers' own part."""

    unit_number: UnitNumber
    institutions: dict[Role, InstitutionName]
    contract_number: str
    contract_date: Day
    sellers: tuple[Party, ...]
    buyers: Annotated[tuple[Party, ...] | None, only(E, R, B, F)] = None
    price_fen: Annotated[PositiveFen | None, only(E, R, B, F)] = None
    down_payment_fen: Annotated[PositiveFen | None, only(E, R, B, F)] = None
    deposit_account: Annotated[DepositAccount | None, only(E, B, F)] = None
    agreement: Document
    power_of_attorney: Annotated[Document | None, only(E, R)] = None
    periods: tuple[Period, ...] = ()


class Payment(BaseModel):
    """One line of the money statement of a case, from the escrow's account with the rail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction: Annotated[str, "in or out"]
    purpose: str
    account: AccountNumber
    amount_fen: PositiveFen


class MoneyStatement(BaseModel):
    """What came in, what went out, what is still held (X-1: in = out + held), in fen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_fen: Fen
    out_fen: Fen
    held_fen: Fen
    payments: tuple[Payment, ...]


class CaseCompleted(Event, by=[E, R, F], to=ALL_ROLES, article="LC-F4, LC-L7"):
    """The keeper: the home is transferred, everyone is paid, the old mortgage is released."""

    ownership_certificate: Document
    money: Annotated[MoneyStatement | None, only(E, B, F)] = None


class CaseCancelled(Event, by=[E, R, F], to=ALL_ROLES, article="X-1, X-3, LC-L3"):
    """The keeper: called off; every payer has its own back, nothing is entered, the folio is free."""

    because: FreeText
    clause: Clause
    money: Annotated[MoneyStatement | None, only(E, B, F)] = None


class PartyJoined(Event, by=[E, R, F], to=ALL_ROLES, article="LC-L2"):
    """The keeper: an institution whose part was not known at the opening takes it from now on. The others say again to
    it, in their own lines, what its role must know of the case."""

    role: Role
    institution: InstitutionName

    @property
    def institutions(self) -> dict[Role, InstitutionName]:
        """Who has a part by this word."""
        return {self.role: self.institution}


class JoinRefused(Event, by=[E, R, F], to=ALL_ROLES, article="LC-L2"):
    """The keeper: who asked to join has no part in the case, and why. `final`: the case takes nobody any more, so that
    whoever asked need not ask again."""

    role: Role
    institution: InstitutionName
    because: FreeText
    clause: Clause
    final: bool = False

    @property
    def addressees(self) -> dict[Role, str]:
        """Who hears it: whoever asked, and nobody else."""
        return {self.role: self.institution}


class ClosingRequested(Event, by=[E, F], to=[R], article="X-3"):
    """The keeper to the registry: make no entry for this case any more."""

    because: FreeText
    clause: Clause


class Lateness(StrEnum):
    """What is known of a missed period when it is said."""

    NOT_DONE = "not done"
    DONE_LATE = "done late"


class DeadlineMissed(Event, by=ALL_ROLES, to=ALL_ROLES, article="choreography, periods"):
    """Whoever's clock it is: a period has passed without the act; by the date of the act, not of its news."""

    period: Period
    due: Day
    late: Role
    lateness: Lateness
