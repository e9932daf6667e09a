"""Periods as the documents and the law set them; a city's periods are pinned by the case when it opens."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from contracts.event import Role
from contracts.values import Clause


class Days(StrEnum):
    """自然日 or 工作日: they are not the same, and every period says which it counts."""

    CALENDAR = "calendar"
    WORKING = "working"


class Source(StrEnum):
    """Where a period comes from. LC and SZ name none: what a city adds is practice."""

    LAW = "law"
    DOCUMENT = "document"
    PRACTICE = "practice"


class OnPassing(StrEnum):
    """What a passed period does: practice only warns unless the city's settings say otherwise."""

    WARN = "warn"
    BREACH = "breach"
    ENDS = "ends"


class Period(BaseModel):
    """So many days of one kind for one act of one role, with the clause it rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    whose: Role
    days: NonNegativeInt
    count: Days
    clause: Clause
    source: Source
    on_passing: OnPassing = OnPassing.WARN
