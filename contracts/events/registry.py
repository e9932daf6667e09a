"""What the real-estate registry (不动产登记机构) says."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PositiveInt

from contracts.document import Document
from contracts.event import ALL_ROLES, Event, Role, only
from contracts.values import Clause, DocumentNumber, FreeText, Instant, Person, Share, UnitNumber

E, R, S, B, F = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK, Role.BUYER_BANK, Role.FUND_CENTER


class RefusalReason(StrEnum):
    """Why a folio or an application is refused (X-4, SZ-0, ZZ-10(6))."""

    UNKNOWN_UNIT = "unit not in the register"
    OTHER_CASE = "another case is under way"
    NOT_THE_OWNER = "the sellers are not the owners in the register"
    FREEZE = "freeze"
    SEIZURE = "seizure"
    RIGHT_OF_RESIDENCE = "right of residence"
    FOREIGN_MORTGAGE = "a mortgage of somebody who is no party"
    NO_TRANSFER_CLAUSE = "a registered clause forbids the transfer"
    MATERIALS = "materials are missing or wrong"
    NOT_APPROVED = "the registrar does not approve"


class Reason(BaseModel):
    """One reason, with what the register or the file says and the clause it rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: RefusalReason
    detail: FreeText
    clause: Clause


class Owner(BaseModel):
    """An owner as the register has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: Person
    share: Share


class RankedMortgage(BaseModel):
    """A mortgage that stands in the register, with its rank; ranks have no gaps (X-2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate: DocumentNumber
    mortgagee: str
    rank: PositiveInt


class FolioReserved(Event, by=[R], to=ALL_ROLES, article="X-4"):
    """Title checked and claimed in one step; what the register says of mortgages at that moment."""

    unit_number: UnitNumber
    mortgages: tuple[RankedMortgage, ...]


class FolioRefused(Event, by=[R], to=ALL_ROLES, article="X-4"):
    """The property cannot be sold in this case, with every reason. The register closes the case at once."""

    reasons: tuple[Reason, ...]


class RegistrationReturned(Event, by=[R], to=[E, B, F], article="X-3"):
    """An application is given back to be mended; it can be made again."""

    application: DocumentNumber
    reasons: tuple[Reason, ...]


class RegistrationRefused(Event, by=[R], to=[E, B, F], article="X-3"):
    """An application is refused for good."""

    application: DocumentNumber
    reasons: tuple[Reason, ...]


class TransferRegistered(Event, by=[R], to=ALL_ROLES, article="LC-F4, LC-L6"):
    """Entered together: ownership, and the mortgages with their ranks. Nobody undoes an entry."""

    application: DocumentNumber
    unit_number: UnitNumber
    entry_number: PositiveInt
    entered_at: Instant
    owners: Annotated[tuple[Owner, ...] | None, only(E, B, F)] = None
    ownership_certificate: Document
    mortgages: tuple[RankedMortgage, ...]


class MortgageReleased(Event, by=[R], to=ALL_ROLES, article="LC-F4, LC-L7"):
    """A mortgage is cancelled in the register, and the ranks that remain."""

    unit_number: UnitNumber
    certificate: DocumentNumber
    released_at: Instant
    entry_number: PositiveInt
    remaining: tuple[RankedMortgage, ...]


class RegistrationClosed(Event, by=[R], to=[E, S, B, F], article="X-3"):
    """The registry: no entry will ever be made for this case."""

    because: FreeText


class ClosingRefused(Event, by=[R], to=[E, S, B, F], article="X-3"):
    """The registry: the entry stands, so the case goes forward."""

    entry_number: PositiveInt
