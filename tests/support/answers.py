"""Which facts can come to a chapter of an institution, and in which phases of a case its sentences look at them."""

from dataclasses import dataclass

from contracts.event import Event, Fact, Role
from contracts.procedures import PROCEDURES
from services.buyer_bank.rules import RULEBOOK as BUYER_BANK
from services.escrow.rules import RULEBOOK as ESCROW
from services.fund_center.rules import RULEBOOK as FUND_CENTER
from services.registry.rules import RULEBOOK as REGISTRY
from services.runtime.core.facts import (
    RUNTIME_FACTS,
    Command,
    MoneyReceived,
    NumberWanted,
    OwnFact,
    Pay,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
)
from services.runtime.core.file import STANDING, Phase
from services.runtime.core.rule import Chapter, Rulebook
from services.seller_bank.rules import RULEBOOK as SELLER_BANK

NEVER_IN_A_CASE: frozenset[type[OwnFact]] = frozenset({NumberWanted})
"""It is told to the series, a subject of its own, and lies on no case's file."""

MONEY: frozenset[type[OwnFact]] = frozenset(
    {
        MoneyReceived,
        Pay,
        PaymentAccepted,
        PaymentOrderedAgain,
        PaymentRefused,
        PaymentReturned,
        PaymentSettled,
    }
)


@dataclass(frozen=True)
class House:
    """An institution's rulebook, and which of the runtime's facts never come to it."""

    role: Role
    rulebook: Rulebook
    never: frozenset[type[OwnFact]] = frozenset()


HOUSES = (
    House(Role.REGISTRY, REGISTRY, never=MONEY),
    House(Role.ESCROW, ESCROW),
    House(Role.SELLER_BANK, SELLER_BANK),
    House(Role.BUYER_BANK, BUYER_BANK),
    House(Role.FUND_CENTER, FUND_CENTER),
)


def heard(house: House, chapter: Chapter) -> frozenset[type[Event]]:
    """The events of others that a chapter gets: those of its procedure, or the standing ones of any."""
    standing = chapter.procedure == STANDING
    steps = (s for p in PROCEDURES.values() if standing or p.name == chapter.procedure for s in p.steps)
    events = (s.event for s in steps if s.by is not house.role and house.role in s.event.heard_by)
    return frozenset(event for event in events if event.standing == standing)


def own(house: House, chapter: Chapter) -> frozenset[type[OwnFact]]:
    """The own facts that can lie on a chapter's file; a command that it does not know is refused."""
    facts = {*RUNTIME_FACTS, *house.rulebook.own_facts} - house.never
    if chapter.procedure != STANDING:
        facts -= NEVER_IN_A_CASE
    return frozenset(f for f in facts if not issubclass(f, Command) or f in chapter.commands)


def phases(chapter: Chapter) -> tuple[Phase, ...]:
    """What belongs to no case has no phase but open."""
    return (Phase.OPEN,) if chapter.procedure == STANDING else tuple(Phase)


def looked_at_in(house: House, chapter: Chapter, kind: type[Fact]) -> tuple[Phase, ...]:
    """The phases in which a fact is looked at: one that moves a case, only in the phase it moves it to."""
    moves = house.rulebook.phases
    return (moves[kind],) if kind in moves and chapter.procedure != STANDING else phases(chapter)
