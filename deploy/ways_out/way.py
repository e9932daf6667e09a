"""A way out as data: which sale is brought, what people do otherwise, when somebody interferes, how it must end."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from contracts.event import Event, Role
from contracts.events.case import CaseCancelled, CaseCompleted, Lateness
from deploy.city import Institution
from deploy.clerks import Act, Hold
from deploy.ways_out.scene import Scene
from services.sale_file import SaleFile

Moment = Callable[[Scene], Awaitable[None]]
"""Waits until it has come."""
Do = Callable[[Scene], Awaitable[None]]
Sale = Callable[[SaleFile], SaleFile]
"""Makes another sale of the example."""

ProcedureName = Literal["LC-LOAN", "LC-FULL"]

FULL: ProcedureName = "LC-FULL"
LOAN: ProcedureName = "LC-LOAN"
COMPLETED, CANCELLED = (CaseCompleted,), (CaseCancelled,)


@dataclass(frozen=True, slots=True)
class Entered:
    """What somebody enters in the register meanwhile, and what stands there at the end beside what stood before: the
    number of a restriction, or certificate and mortgagee of a mortgage."""

    restriction: str = ""
    mortgage: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Deed:
    """Somebody interferes: at a desk, at the rail, in the register, or with a process. `what`, `role` and `clause` are
    told before. Until it is done people leave `holds` alone. `early`: before the case is opened. `before`: words that
    must not have been said when it was done. `stops`: a process is stopped. `went_on_without`: others than this role
    must have said something since the deed before it."""

    once: Moment
    do: Do
    role: Role
    what: str
    clause: str
    holds: tuple[Hold, ...] = ()
    early: bool = False
    enters: tuple[Entered, ...] = ()
    stops: bool = False
    went_on_without: Role | None = None
    before: tuple[type[Event], ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that this way must raise at a role, known by a part of its text: a clerk closes it when all is done,
    or it `stands`."""

    role: Role
    what: str
    stands: bool = False


@dataclass(frozen=True, slots=True)
class Missed:
    """A period that must be said to be missed: its name, who is late, under which clause, its last day, and what is
    known then."""

    period: str
    late: Role
    clause: str
    due: date
    lateness: Lateness = Lateness.NOT_DONE


@dataclass(frozen=True, slots=True)
class WayOut:
    """One way in which a sale goes otherwise.

    `clauses`: on what it rests; a case that is called off must be so under one of them. `ends`: how the case may end.
    `said` and `unsaid`: what must, and must not, have been said; `exactly_one_of`: of what just one must; `twice`: what
    exactly two times. `sale`: what is brought instead of the example; `acts`: what people do otherwise at a line of a
    worklist; `also`: institutions that must be there beside the city's; `late_money`: money moves after the end too;
    `starts`: the stack has a sandbox's clock, on which it is so late when everything starts and days can pass;
    `missed`: the periods that are missed, and no other is.
    """

    name: str
    procedure: ProcedureName
    clauses: tuple[str, ...]
    title: str
    ends: tuple[type[Event], ...]
    said: tuple[type[Event], ...] = ()
    unsaid: tuple[type[Event], ...] = ()
    exactly_one_of: tuple[type[Event], ...] = ()
    twice: tuple[type[Event], ...] = ()
    sale: Sale = lambda file: file
    acts: Mapping[tuple[Role, str], Act] = field(default_factory=dict[tuple[Role, str], Act])
    deeds: tuple[Deed, ...] = ()
    incidents: tuple[Incident, ...] = ()
    also: tuple[Institution, ...] = ()
    late_money: bool = False
    starts: datetime | None = None
    missed: tuple[Missed, ...] = ()

    @property
    def stops_a_service(self) -> bool:
        """Whether a process is stopped, which every case on the same stack would feel."""
        return any(deed.stops for deed in self.deeds)


@dataclass(frozen=True, slots=True)
class Done:
    """A deed that was done, and what had been said in the case by then: kinds, and how many words by whom."""

    deed: Deed
    known: frozenset[type[Event]]
    words: Mapping[Role, int]
