"""What registrars do at the registry's desk, and the register as it stands."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from contracts.event import Role
from contracts.events.registry import Owner, Stage
from contracts.values import Day, DocumentNumber
from services.registry.entries import Content, EntryKind, Mortgage, StandingNotice
from services.registry.facts import (
    FolioImported,
    Material,
    MortgageEntered,
    NoticeEnded,
    NoticeKind,
    RegistrationDecided,
    Restriction,
    RestrictionEntered,
    RestrictionLifted,
    TransferAppliedFor,
)
from services.registry.materials import MATERIALS, Applicant, Table
from services.registry.register import Register
from services.runtime.core.file import STANDING
from services.runtime.core.rule import view
from services.runtime.desk.access import Clerk, Here
from services.runtime.desk.actions import Action, in_case, on_folio
from services.runtime.desk.actions import unit_number as checked
from services.runtime.desk.commands import Desk
from services.runtime.desk.problems import Problem

SELLER = {"name": "王建国", "id_number": "371502197904180005"}
BUYER = {"name": "李明轩", "id_number": "371502199109030007"}
WHOLE = {"numerator": 1, "denominator": 1}
MORTGAGE = {
    "certificate": "鲁(2021)聊城市不动产证明第0001234号",
    "mortgagee": "liaocheng-icbc",
    "principal_fen": 80_000_000,
    "no_transfer_clause": True,
    "since": "2021-06-01",
}
FREEZE = {
    "kind": "freeze",
    "number": "(2026)鲁15执保12号",
    "authority": "聊城市中级人民法院",
    "since": "2026-03-02",
}
APPLICATION = "(2026)聊城转移申请第0000001号"

router = Desk(
    Action(
        command=FolioImported,
        path="/folios/{unit_number}/import",
        summary="Take over a folio of the existing register, as it stands",
        clause="X-2",
        example={
            "owners": [{"person": SELLER, "share": WHOLE}],
            "ownership_certificate": "鲁(2019)聊城市不动产权第0004567号",
            "mortgages": [{**MORTGAGE, "rank": 1}],
        },
        where=on_folio,
    ),
    Action(
        command=RestrictionEntered,
        path="/folios/{unit_number}/restrictions",
        summary="Enter a freeze, a seizure or a right of residence",
        clause="X-4",
        example={"restriction": FREEZE},
        where=on_folio,
    ),
    Action(
        command=RestrictionLifted,
        path="/folios/{unit_number}/restrictions/lift",
        summary="Lift a restriction, named by its number",
        clause="X-4",
        example={"number": FREEZE["number"]},
        where=on_folio,
    ),
    Action(
        command=MortgageEntered,
        path="/folios/{unit_number}/mortgages",
        summary="Enter a mortgage that was applied for outside the platform",
        clause="X-2",
        example={"mortgage": MORTGAGE},
        where=on_folio,
    ),
    Action(
        command=NoticeEnded,
        path="/folios/{unit_number}/notices/end",
        summary="End an advance notice from outside the platform",
        clause="Civil Code 221",
        example={"certificate": "鲁(2025)聊城市不动产证明第0009876号"},
        where=on_folio,
    ),
    Action(
        command=TransferAppliedFor,
        path="/cases/{case}/applications",
        summary="Buyer and seller apply themselves, at the counter: for the transfer, or first for its advance notice",
        clause="LC-F3, LC-L4, LC-L5",
        example={
            "sellers": [SELLER],
            "buyers": [BUYER],
            "contract_number": "LC-HT-000123",
            "materials": ["买卖协议（合同）", "同意“带押过户”意见书", "购房款到账提存公证书"],
        },
        where=in_case,
    ),
    Action(
        command=RegistrationDecided,
        path="/cases/{case}/decision",
        summary="Decide an application, with all its parts: approve, give back to be mended, refuse for good",
        clause="LC-F3, LC-L4, LC-L5, X-3",
        example={"application": APPLICATION, "decision": "approve"},
        where=in_case,
        answers="decide-registration",
    ),
)


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True)


class MortgageLine(_Page):
    """A mortgage that stands, with its rank and the number of its entry."""

    certificate: DocumentNumber | None
    mortgagee: str
    principal_fen: int
    no_transfer_clause: bool
    since: Day
    rank: int
    entry: int


class NoticeLine(_Page):
    """An advance notice that stands, with the number of its entry; `case` is the one that entered it, or empty."""

    kind: NoticeKind
    certificate: DocumentNumber | None
    in_favour_of: str
    since: Day
    case: str
    entry: int


class EntryLine(_Page):
    """One entry of the folio's history."""

    number: int
    at: datetime
    kind: EntryKind
    about: str
    case: str
    content: Any = None


class FolioPage(_Page):
    """What stands on a folio now, and everything that was ever entered. A certificate is None between an entry and
    its numbering; `reserved_for` is the live case, or empty."""

    unit_number: str
    owners: tuple[Owner, ...]
    ownership_certificate: DocumentNumber | None
    mortgages: tuple[MortgageLine, ...]
    restrictions: tuple[Restriction, ...]
    notices: tuple[NoticeLine, ...]
    reserved_for: str
    entries: tuple[EntryLine, ...]


@router.get("/folios/{unit_number}", summary="The register of one home", tags=["reading"])
async def read_folio(unit_number: str, _: Clerk, institution: Here) -> FolioPage:
    """Owners in shares, mortgages by rank, restrictions, notices, reservation, and the whole history. 404
    for a home that is not in this register."""
    subject = await institution.turns.read_subject(checked(unit_number))
    register = view(Register, subject, subject.file(STANDING))
    if register is None:
        raise Problem(404, "unknown unit", "this unit is not in the register", clause="X-4")
    return FolioPage(
        unit_number=register.unit_number,
        owners=register.owners,
        ownership_certificate=register.ownership_certificate,
        mortgages=tuple(_mortgage(m) for m in register.mortgages),
        restrictions=register.restrictions,
        notices=tuple(_notice(n) for n in register.notices),
        reserved_for=register.reserved_for,
        entries=tuple(
            EntryLine(number=e.number, at=e.at, kind=e.kind, about=e.about, case=e.case, content=_content(e.content))
            for e in register.history
        ),
    )


def _mortgage(mortgage: Mortgage) -> MortgageLine:
    return MortgageLine(**asdict(mortgage))


def _notice(notice: StandingNotice) -> NoticeLine:
    return NoticeLine(**asdict(notice))


def _content(content: Content | None) -> Any:
    """What an entry says, as JSON values."""
    if isinstance(content, tuple):
        return [owner.model_dump(mode="json") for owner in content]
    return content.model_dump(mode="json") if content is not None else None


# --- what is needed (LC-R1) ---------------------------------------------------------------------------------


class MaterialLine(_Page):
    """A material and its clause; `where` narrows it to sales in which a lender of this role lends."""

    material: Material
    clause: str
    where: Role | None


class Materials(_Page):
    """What one applicant brings to one stage of a procedure."""

    procedure: str
    stage: Stage
    applicant: Applicant
    materials: tuple[MaterialLine, ...]


@router.get("/materials", summary="The materials that each procedure needs", tags=["reading"])
async def read_all_materials(_: Clerk) -> tuple[Materials, ...]:
    """By procedure, stage and applicant, in the document's words (LC-R1)."""
    return tuple(line for procedure, table in MATERIALS.items() for line in _materials(procedure, table))


@router.get("/materials/{procedure}", summary="The materials that one procedure needs", tags=["reading"])
async def read_materials(procedure: str, _: Clerk) -> tuple[Materials, ...]:
    """By stage and applicant, in the document's words (LC-R1). 404 for a procedure that is not known here."""
    table = MATERIALS.get(procedure)
    if table is None:
        raise Problem(404, "unknown procedure", f"no procedure {procedure[:40]} is known here", clause="LC-R1")
    return _materials(procedure, table)


def _materials(procedure: str, table: Table) -> tuple[Materials, ...]:
    return tuple(
        Materials(
            procedure=procedure,
            stage=stage,
            applicant=applicant,
            materials=tuple(MaterialLine(material=n.material, clause=n.clause, where=n.where) for n in needed),
        )
        for (stage, applicant), needed in table.items()
    )
