"""What every event is: who says it, who must hear it, under which article, and what each hearer may read.

An event class is closed for its writer (an unknown field is an error) and open for its reader (a field that
a newer release added is passed over). Its class line is its contract::

    class ConsentIssued(Event, by=[SELLER_BANK], to=[ESCROW, REGISTRY], article="LC-F2"):

EVENTS is the register of all of them, by the type name that goes on the wire (`daiya.consent-issued.v1`).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from contracts.personal import PUBLIC


class Role(StrEnum):
    """The part an institution plays. Several institutions of a city can play the same one."""

    ESCROW = "escrow"
    REGISTRY = "registry"
    SELLER_BANK = "seller_bank"
    BUYER_BANK = "buyer_bank"
    FUND_CENTER = "fund_center"


ALL_ROLES = tuple(Role)


@dataclass(frozen=True, slots=True)
class Only:
    """Narrows a field's audience: `Annotated[X | None, only(Role.REGISTRY)] = None`."""

    roles: frozenset[Role]


def only(*roles: Role) -> Only:
    """The mark for a field that just these roles may read; its default must be None, for the others' copies."""
    return Only(frozenset(roles))


class Fact(BaseModel):
    """Anything that can lie on a file: frozen, in the past tense, closed for whoever writes it."""

    # Inputs stay out of errors: they may be personal.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type_name: ClassVar[str]

    @classmethod
    def read(cls, value: bytes | str) -> Self:
        """A fact from its JSON, strictly typed, but passing over fields of newer releases.

        Raises pydantic.ValidationError, naming each field and what is wrong with it.
        """
        return cls.model_validate_json(value, strict=True, extra="ignore")

    def to_json(self) -> dict[str, Any]:
        """The fact as JSON values. Left out is what is None, as in a narrowed copy, and what nobody set: a field that a
        newer release adds with a default does not change the bytes of a word that was said before."""
        return self.model_dump(mode="json", exclude_none=True, exclude_unset=True)


class Opening(BaseModel):
    """Mixed into the facts that open a case: they name the procedure and pin its edition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    procedure: str
    edition: str


class Event(Fact):
    """What one institution says to others."""

    spoken_by: ClassVar[frozenset[Role]]
    heard_by: ClassVar[frozenset[Role]]
    article: ClassVar[str]
    numbered: ClassVar[bool]
    standing: ClassVar[bool]
    narrowed: ClassVar[Mapping[str, frozenset[Role]]]

    def __init_subclass__(cls, **contract: Any) -> None:
        # pydantic hands the class keywords to __pydantic_init_subclass__; here they are only let through.
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        *,
        by: Collection[Role],
        to: Collection[Role],
        article: str,
        version: int = 1,
        numbered: bool = True,
        standing: bool = False,
        **kwargs: Any,
    ) -> None:
        """`by`: who may say it; `to`: who hears it; `article`: the demand it answers; `version`: of its form;
        `numbered`: it has a place in the speaker's line (only the requests about the line itself have none);
        `standing`: it belongs to the folio itself, whatever becomes of the case in which it is said."""
        cls.spoken_by = frozenset(by)
        cls.heard_by = frozenset(to)
        cls.article = article
        cls.numbered = numbered
        cls.standing = standing
        cls.type_name = f"daiya.{kebab(cls.__name__)}.v{version}"
        if cls.type_name in EVENTS:
            raise TypeError(f"{cls.type_name} is declared twice: {EVENTS[cls.type_name]} and {cls}")
        readers = {name: narrowed_to(field) for name, field in cls.model_fields.items()}
        cls.narrowed = {name: roles for name, roles in readers.items() if roles is not None}
        for name in cls.narrowed:
            if cls.model_fields[name].default is not None:
                raise TypeError(f"{cls.__name__}.{name} is narrowed, so its default must be None")
        EVENTS[cls.type_name] = cls

    def copy_for(self, role: Role) -> dict[str, Any]:
        """What `role` may read of this event, as JSON values."""
        return self.copies_for([role])[role]

    def copies_for(self, roles: Iterable[Role]) -> dict[Role, dict[str, Any]]:
        """What each of these roles may read of this event, as JSON values."""
        whole = self.to_json()
        return {
            role: {name: v for name, v in whole.items() if name not in self.narrowed or role in self.narrowed[name]}
            for role in roles
        }

    def public_copy(self) -> dict[str, Any]:
        """The whole event for the public feed, as JSON values: what is personal is masked (contracts.personal), money
        and everything else stands as it is."""
        return self.model_dump(mode="json", exclude_none=True, exclude_unset=True, context=dict(PUBLIC))


EVENTS: dict[str, type[Event]] = {}


def narrowed_to(field: FieldInfo) -> frozenset[Role] | None:
    """The roles a field is narrowed to, or None where every hearer of the event may read it."""
    marks = [mark for mark in field.metadata if isinstance(mark, Only)]
    return marks[0].roles if marks else None


def meaning(event: type[Event]) -> str:
    """What an event says, in one line: the first paragraph of its description."""
    return " ".join((event.__doc__ or "").strip().split("\n\n")[0].split())


def kebab(name: str) -> str:
    """`AdvanceNoticeRegistered` → `advance-notice-registered`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def spoken_by(role: Role, events: Iterable[type[Event]] | None = None) -> tuple[type[Event], ...]:
    """All events that `role` may say, in the order of their names."""
    known = EVENTS.values() if events is None else events
    return tuple(sorted((e for e in known if role in e.spoken_by), key=lambda e: e.type_name))


def heard_by(role: Role, events: Iterable[type[Event]] | None = None) -> tuple[type[Event], ...]:
    """All events that `role` can hear, in the order of their names."""
    known = EVENTS.values() if events is None else events
    return tuple(sorted((e for e in known if role in e.heard_by), key=lambda e: e.type_name))
