"""The registry's own facts: what its clerks decide and what its rules enter.

Entries are never changed or deleted: the register of a folio (`register.py`) is the sum of these facts. What several
facts of a case say together is in `views.py`, `applications.py` and `notices.py`.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PositiveInt, StringConstraints

from contracts.event import Role
from contracts.events.registry import Owner, Reason, Stage
from contracts.values import Day, DocumentNumber, Instant, InstitutionName, Person, PositiveFen, UnitNumber
from services.runtime.core.facts import Command, OwnFact

Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""One line of 1 to 120 characters, as a clerk writes it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# --- what a register folio is made of -----------------------------------------------------------------------


class MortgageTerms(_Part):
    """A mortgage as its certificate (不动产证明) states it. `mortgagee` is the name of an institution on the
    platform, or the plain name of anybody else; `no_transfer_clause`: 禁止或限制转让抵押不动产的约定 is
    registered."""

    certificate: DocumentNumber
    mortgagee: Text
    principal_fen: PositiveFen
    no_transfer_clause: bool
    since: Day


class ImportedMortgage(MortgageTerms):
    """A mortgage with the rank that the imported register gives it."""

    rank: PositiveInt


class RestrictionKind(StrEnum):
    """What keeps an owner from disposing of the home (X-4)."""

    FREEZE = "freeze"
    SEIZURE = "seizure"
    RIGHT_OF_RESIDENCE = "right of residence"


class Restriction(_Part):
    """One restriction: the number of its order or deed, who ordered or registered it, and since when."""

    kind: RestrictionKind
    number: Text
    authority: Text
    since: Day


class NoticeKind(StrEnum):
    """预告登记: of a transfer (转移预告) or of a mortgage (抵押权预告)."""

    TRANSFER = "transfer"
    MORTGAGE = "mortgage"


class Notice(_Part):
    """An advance notice, in favour of whom, and since when."""

    kind: NoticeKind
    certificate: DocumentNumber
    in_favour_of: Text
    since: Day


# --- commands for the register itself: they lie on the folio's standing file --------------------------------


class FolioImported(Command):
    """A folio of the existing register, as it stands."""

    unit_number: UnitNumber
    owners: tuple[Owner, ...]
    ownership_certificate: DocumentNumber
    mortgages: tuple[ImportedMortgage, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    notices: tuple[Notice, ...] = ()


class RestrictionEntered(Command):
    """A freeze, a seizure or a right of residence is entered."""

    restriction: Restriction


class RestrictionLifted(Command):
    """A restriction is lifted, named by its number."""

    number: Text


class MortgageEntered(Command):
    """A mortgage that was applied for outside the platform is entered, behind those that stand."""

    mortgage: MortgageTerms


class NoticeEnded(Command):
    """An advance notice from outside the platform has lapsed or was given up."""

    certificate: DocumentNumber


# --- commands in a case -------------------------------------------------------------------------------------


class Material(StrEnum):
    """What is handed in with an application, in the document's words; what is needed is in `materials.py`."""

    CONTRACT = "买卖协议（合同）"
    CONSENT = "同意“带押过户”意见书"
    LOAN_CONTRACT = "借（贷）款合同"
    MORTGAGE_CONTRACT = "抵押合同"
    DEPOSIT_CERTIFICATE = "购房款到账提存公证书"
    DOWN_PAYMENT_CERTIFICATE = "首付款到账提存公证书"
    LOAN_CERTIFICATE = "贷款资金到账提存公证书"
    TRANSFER_NOTICE = "不动产登记证明（转移预告登记）"
    MORTGAGE_NOTICE = "抵押预告登记不动产登记证明"
    OWNERSHIP_CERTIFICATE = "不动产权证书"
    IDENTITY = "身份证明"


class TransferAppliedFor(Command):
    """Buyer and seller apply themselves, at the counter: for the transfer, or for its advance notice where the
    procedure has one. The application gets its number there: that of the case and a running number (see
    `Applications`)."""

    sellers: tuple[Person, ...]
    buyers: tuple[Person, ...]
    contract_number: str
    materials: tuple[Material, ...]
    stage: Stage = Stage.REGISTRATION


class Decision(StrEnum):
    """What a registrar can decide: approve, give back to be mended, refuse for good."""

    APPROVE = "approve"
    RETURN = "return"
    REFUSE = "refuse"


class RegistrationDecided(Command):
    """A registrar has decided an application; a return and a refusal name their reasons."""

    application: DocumentNumber
    decision: Decision
    reasons: tuple[Reason, ...] = ()


# --- entries that the rules make ----------------------------------------------------------------------------


class OwnershipEntered(OwnFact):
    """The entry: from here on the home is the buyers' (Civil Code 214). `lifted_clauses`: the certificates
    whose no-transfer clause the consent has lifted."""

    application: DocumentNumber
    entry_number: PositiveInt
    entered_at: Instant
    owners: tuple[Owner, ...]
    lifted_clauses: tuple[DocumentNumber, ...] = ()


class LendersMortgage(_Part):
    """One lender's mortgage, or its advance notice: whose, for how much, on which application of the lender's."""

    role: Role
    lender: InstitutionName
    principal_fen: PositiveFen
    application: DocumentNumber


class NoticesEntered(OwnFact):
    """预告登记: the notice of the transfer in the buyers' favour, and behind it those of the mortgages in their order
    of rank. Each has an entry of its own, the first of them `entry_number`; certificates are numbered afterwards."""

    application: DocumentNumber
    entry_number: PositiveInt
    entered_at: Instant
    valid_until: Day
    buyers: tuple[Person, ...]
    mortgages: tuple[LendersMortgage, ...]


class MortgagesEntered(OwnFact):
    """Entered together with the buyers' ownership: the lenders' mortgages behind those that stand, each with an entry
    of its own, the first of them `entry_number`. The case's notices are converted into them and gone."""

    application: DocumentNumber
    entry_number: PositiveInt
    entered_at: Instant
    mortgages: tuple[LendersMortgage, ...]


class MortgageCancelled(OwnFact):
    """抵押权注销登记. `for_case` is the case in which the release was applied for; empty if in none."""

    certificate: DocumentNumber
    entry_number: PositiveInt
    entered_at: Instant
    for_case: str


REGISTER_COMMANDS: tuple[type[Command], ...] = (
    FolioImported,
    RestrictionEntered,
    RestrictionLifted,
    MortgageEntered,
    NoticeEnded,
)
OWN_FACTS: tuple[type[OwnFact], ...] = (
    *REGISTER_COMMANDS,
    TransferAppliedFor,
    RegistrationDecided,
    NoticesEntered,
    OwnershipEntered,
    MortgagesEntered,
    MortgageCancelled,
)
