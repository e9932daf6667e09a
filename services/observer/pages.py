"""The pages of the observer: what it tells of a case. Nothing personal is in them, for nothing is in the feeds."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.event import Role


class Status(StrEnum):
    """How a case stands, by its keeper's words."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Party(_Part):
    """An institution in its role."""

    role: Role
    institution: str


class Line(_Part):
    """One word: who said what when, under which article; `says` in a few words, `data` with what is personal masked."""

    id: str
    time: datetime
    by: Party
    event: str
    article: str | None
    says: str
    data: dict[str, Any]


class News(Line):
    """One word, as it comes: with its case (empty for what belongs to none) and what it is about, mostly a folio."""

    case: str
    subject: str


class Waiting(_Part):
    """A word that holds the case up: whose it is, under which clause, since when. `until` is the last day by the
    period that the case pins for it; None where it pins none, or where that year's holidays are not published."""

    by: Party
    event: str
    clause: str
    since: datetime
    until: date | None = None
    calendar_unpublished: int | None = None
    overdue: bool = False


class MoneyLine(_Part):
    """A word that tells of money."""

    time: datetime
    direction: Literal["in", "out"]
    event: str
    amount_fen: int


class Money(_Part):
    """What came in, went out and is held, in fen, as far as the public words tell; `stated` by the keeper at the end,
    else counted from the lines."""

    in_fen: int
    out_fen: int
    held_fen: int
    stated: bool
    lines: tuple[MoneyLine, ...]


class Issued(_Part):
    """A numbered document; anybody who holds it can check it at its issuer's desk."""

    number: str
    title: str
    issuer: Party
    event: str
    time: datetime


class Violation(_Part):
    """A word that the procedure did not allow when it was said. `unseen` names words that should have been said before
    and are on no feed yet: should they come, said in time, this goes."""

    time: datetime
    by: Party
    event: str
    why: str
    clause: str | None
    unseen: tuple[str, ...] = ()


_UNIT, _AT = "371502001001GB00012F00030045", "2026-11-23T04:00:00Z"
_BANK: dict[str, Any] = {"role": "seller_bank", "institution": "liaocheng-icbc"}
_WAITING: dict[str, Any] = {
    "by": _BANK,
    "event": "consent-issued",
    "clause": "LC-F2",
    "since": _AT,
    "until": "2026-11-30",
}


class CaseLine(_Part):
    """A case in the list."""

    model_config = ConfigDict(json_schema_extra={"example": {
        "case": "LCF-0B1F3A526A4E", "status": "open", "procedure": "LC-FULL", "edition": "2023-03-20",
        "unit_number": _UNIT, "since": _AT, "institutions": [_BANK], "waiting_for": [_WAITING], "overdue": False,
        "violations": 0,
    }})  # fmt: skip

    case: str
    status: Status
    procedure: str
    edition: str
    unit_number: str
    since: datetime
    institutions: tuple[Party, ...]
    waiting_for: tuple[Waiting, ...]
    overdue: bool
    violations: int


class CasePage(_Part):
    """One case, by the public words alone. `unobserved` names institutions of the case whose feeds are not read here:
    what only they say is neither waited for nor missed."""

    model_config = ConfigDict(json_schema_extra={"example": {
        "case": "LCF-0B1F3A526A4E", "status": "open", "procedure": "LC-FULL", "edition": "2023-03-20",
        "unit_number": _UNIT, "institutions": [_BANK], "unobserved": [],
        "timeline": [{
            "id": "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11", "time": _AT,
            "by": {"role": "escrow", "institution": "liaocheng-notary"}, "event": "case-opened", "article": "LC-F1",
            "says": "The people have signed: these are the terms.",
            "data": {"procedure": "LC-FULL", "edition": "2023-03-20", "unit_number": _UNIT},
        }],
        "waiting_for": [_WAITING],
        "money": {"in_fen": 0, "out_fen": 0, "held_fen": 0, "stated": False, "lines": []},
        "documents": [{
            "number": "(2026)聊城提协字第0000001号", "title": "提存协议", "event": "case-opened", "time": _AT,
            "issuer": {"role": "escrow", "institution": "liaocheng-notary"},
        }],
        "violations": [],
    }})  # fmt: skip

    case: str
    status: Status
    procedure: Annotated[str, Field(description="empty as long as the case's opening has not been read")]
    edition: str
    unit_number: str
    institutions: tuple[Party, ...]
    unobserved: tuple[Party, ...]
    timeline: tuple[Line, ...]
    waiting_for: tuple[Waiting, ...]
    money: Money
    documents: tuple[Issued, ...]
    violations: tuple[Violation, ...]

    @property
    def line(self) -> CaseLine:
        """The case as it stands in the list."""
        return CaseLine(
            case=self.case,
            status=self.status,
            procedure=self.procedure,
            edition=self.edition,
            unit_number=self.unit_number,
            since=self.timeline[0].time,
            institutions=self.institutions,
            waiting_for=self.waiting_for,
            overdue=any(one.overdue for one in self.waiting_for),
            violations=len(self.violations),
        )
