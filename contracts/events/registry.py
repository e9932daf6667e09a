"""What the real-estate registry (不动产登记机构) says."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PositiveInt

from contracts.document import Document
from contracts.event import ALL_ROLES, Event, Role, only
from contracts.values import (
    Clause,
    Day,
    DocumentNumber,
    FreeText,
    Instant,
    InstitutionName,
    Person,
    Share,
    UnitNumber,
)

E, R, S, B, F = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK, Role.BUYER_BANK, Role.FUND_CENTER


class Stage(StrEnum):
    """What an application is for: the advance notice (预告登记) first, where a procedure has one, then the entry."""

    NOTICE = "advance notice"
    REGISTRATION = "registration"


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


class NoticedMortgage(BaseModel):
    """The advance notice of one lender's mortgage (抵押权预告登记), with its certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    lender: InstitutionName
    certificate: Document


class AdvanceNoticeRegistered(Event, by=[R], to=[E, S, B, F], article="LC-L4"):
    """Registered together: the advance notice of the transfer (转移预告登记), and those of the mortgages in their order
    of rank. A lender pays on its certificate through the last day on which it is valid, and not later."""

    application: DocumentNumber
    unit_number: UnitNumber
    entry_number: PositiveInt
    registered_at: Instant
    valid_until: Day
    transfer: Document
    mortgages: tuple[NoticedMortgage, ...]


class AdvanceNoticeEnded(Event, by=[R], to=[E, B, F], article="X-3"):
    """The notices of a closed case are cancelled: every lender has sent nothing, or has its own back."""

    certificates: tuple[DocumentNumber, ...]
    entry_number: PositiveInt


class AdvanceNoticeLapsed(Event, by=[R], to=[E, B, F], article="X-3, Civil Code 221"):
    """The notices have lost their force: nobody has applied for the registration in time."""

    certificates: tuple[DocumentNumber, ...]
    entry_number: PositiveInt
    lapsed_on: Day


class RegisteredMortgage(BaseModel):
    """A lender's mortgage entered together with the transfer, with its certificate (不动产登记证明)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    lender: InstitutionName
    rank: PositiveInt
    certificate: Document


class TransferRegistered(Event, by=[R], to=ALL_ROLES, article="LC-F4, LC-L6"):
    """Entered together: ownership, and the lenders' mortgages, behind those that stood before. Nobody undoes an
    entry."""

    application: DocumentNumber
    unit_number: UnitNumber
    entry_number: PositiveInt
    entered_at: Instant
    owners: Annotated[tuple[Owner, ...] | None, only(E, B, F)] = None
    ownership_certificate: Document
    mortgages: tuple[RankedMortgage, ...]
    new_mortgages: tuple[RegisteredMortgage, ...] = ()


class MortgageReleased(Event, by=[R], to=ALL_ROLES, article="LC-F4, LC-L7"):
    """A mortgage is cancelled in the register, and the ranks that this entry left."""

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
