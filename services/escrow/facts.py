"""The escrow's own facts: what buyers, sellers and notaries do at its desk; and who has not signed yet."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from contracts.event import Opening, Role
from contracts.events.case import DepositAccount, Party
from contracts.events.escrow import MoneyKind
from contracts.period import Period
from contracts.values import (
    Day,
    DocumentNumber,
    IdentityNumber,
    InstitutionName,
    PositiveFen,
    UnitNumber,
    require_whole,
)
from services.money.facts import ReturnOrdered
from services.runtime.core.facts import Command, OwnFact
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

    @property
    def own_kind(self) -> MoneyKind:
        """What the buyers themselves pay in: the price, or the down payment."""
        return MoneyKind.PRICE if self.down_payment_fen is None else MoneyKind.DOWN_PAYMENT

    @property
    def own_fen(self) -> int:
        """How much that is."""
        return self.price_fen if self.down_payment_fen is None else self.down_payment_fen

    @property
    def own_period(self) -> str:
        """The name of the period that a city may set for it."""
        return "price" if self.down_payment_fen is None else "down-payment"


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


OWN_FACTS: tuple[type[OwnFact], ...] = (
    SaleBrought,
    Signed,
    WithdrawalAgreed,
    ApplicationMended,
    RejectionAnswered,
    ReturnOrdered,
)


# --- who has not signed -----------------------------------------------------------------------------------------------


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
