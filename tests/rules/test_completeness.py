"""Architecture, decision 5: nothing is dropped silently.

For every fact that can come to a chapter, in every phase, a sentence active then reads it, or one verdict
says what becomes of it; an alarm may stand beside a sentence, as for money after the end. A new institution
is one more line in HOUSES.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

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
    OwnFact,
    Pay,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
)
from services.runtime.core.file import STANDING, Phase
from services.runtime.core.rule import Chapter, Rulebook, reads_of
from services.seller_bank.rules import RULEBOOK as SELLER_BANK

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
CHAPTERS = [
    pytest.param(house, chapter, id=f"{house.role.value} {chapter.procedure or 'standing'}")
    for house in HOUSES
    for chapter in house.rulebook.chapters.values()
]


def heard(house: House, chapter: Chapter) -> frozenset[type[Event]]:
    """The events of others that a chapter gets: those of its procedure, or the standing ones of any."""
    standing = chapter.procedure == STANDING
    steps = (s for p in PROCEDURES.values() if standing or p.name == chapter.procedure for s in p.steps)
    events = (s.event for s in steps if s.by is not house.role and house.role in s.event.heard_by)
    return frozenset(event for event in events if event.standing == standing)


def own(house: House, chapter: Chapter) -> frozenset[type[OwnFact]]:
    """The own facts that can lie on a chapter's file; a command that it does not know is refused."""
    facts = {*RUNTIME_FACTS, *house.rulebook.own_facts} - house.never
    return frozenset(f for f in facts if not issubclass(f, Command) or f in chapter.commands)


def phases(chapter: Chapter) -> tuple[Phase, ...]:
    """What belongs to no case has no phase but open."""
    return (Phase.OPEN,) if chapter.procedure == STANDING else tuple(Phase)


def readers(chapter: Chapter, kind: type[Fact], phase: Phase) -> list[str]:
    """The sentences that read a kind of fact in a phase."""
    rules = [rule.name for rule in chapter.rules if phase in rule.during and kind in rule.reads]
    return rules + [w.name for w in chapter.waits if phase in w.during and kind in reads_of(w.needs)]


def looked_at_in(house: House, chapter: Chapter, kind: type[Fact]) -> tuple[Phase, ...]:
    """The phases in which a fact is looked at: one that moves a case, only in the phase it moves it to."""
    moves = house.rulebook.phases
    return (moves[kind],) if kind in moves and chapter.procedure != STANDING else phases(chapter)


def unanswered(house: House, chapter: Chapter) -> Iterator[str]:
    """Every (fact, phase) that no sentence reads and no verdict names, or that two verdicts name."""
    for kind in sorted(heard(house, chapter) | own(house, chapter), key=lambda kind: kind.__name__):
        for phase in looked_at_in(house, chapter, kind):
            verdicts = sum(1 for v in chapter.unexpected if v.kind is kind and phase in v.when)
            used = readers(chapter, kind, phase)
            if verdicts > 1 or not (verdicts or used):
                found = f"read by {used}" if used else "read by no sentence"
                yield f"{kind.__name__} in {phase.value}: {found}, {verdicts} verdicts"


@pytest.mark.parametrize(("house", "chapter"), CHAPTERS)
def test_every_fact_has_an_answer_in_every_phase(house: House, chapter: Chapter):
    assert list(unanswered(house, chapter)) == []


@pytest.mark.parametrize(("house", "chapter"), CHAPTERS)
def test_no_verdict_is_about_what_never_comes(house: House, chapter: Chapter):
    known = heard(house, chapter) | own(house, chapter)
    idle = {f"{v.kind.__name__}: {v.why}" for v in chapter.unexpected if v.kind not in known}
    idle |= {f"{v.kind.__name__} in {p}" for v in chapter.unexpected for p in v.when if p not in phases(chapter)}
    assert idle == set()


@pytest.mark.parametrize(("house", "chapter"), CHAPTERS)
def test_alarm_about_a_fact_that_moves_a_case_is_in_the_phase_it_moves_to(house: House, chapter: Chapter):
    moves = house.rulebook.phases
    never_raised = [
        f"{v.kind.__name__} in {phase.value}"
        for v in chapter.unexpected
        if v.alarms and v.kind in moves
        for phase in v.when
        if phase is not moves[v.kind]
    ]
    assert never_raised == []


@pytest.mark.parametrize(("house", "chapter"), CHAPTERS)
def test_every_verdict_and_rule_says_why(house: House, chapter: Chapter):
    assert all(verdict.why for verdict in chapter.unexpected)
    sentences = [rule.then for rule in chapter.rules] + [guard.refuse for guard in chapter.guards]
    assert [s.__name__ for s in (*sentences, *(w.says for w in chapter.waits)) if not s.__doc__] == []


def test_the_check_finds_what_is_missing_and_what_is_said_twice():
    full = REGISTRY.chapters["LC-FULL"]
    house = HOUSES[0]
    less = Chapter(full.procedure, full.rules, full.unexpected[1:], full.guards, full.waits)
    more = Chapter(full.procedure, full.rules, (*full.unexpected, full.unexpected[0]), full.guards, full.waits)
    assert len(list(unanswered(house, less))) == len(full.unexpected[0].when)
    assert len(list(unanswered(house, more))) == len(full.unexpected[0].when)
