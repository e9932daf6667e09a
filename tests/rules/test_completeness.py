"""Architecture, decision 5: nothing is dropped silently.

For every fact that can come to a chapter, in every phase, a sentence active then reads it, or one verdict
says what becomes of it; an alarm may stand beside a sentence, as for money after the end. A new institution
is one more line in HOUSES (tests/support/answers.py).
"""

from collections.abc import Iterator

import pytest

from contracts.event import Fact
from services.runtime.core.file import Phase
from services.runtime.core.rule import Chapter, reads_of
from tests.support.answers import HOUSES, House, heard, looked_at_in, own, phases

CHAPTERS = [
    pytest.param(house, chapter, id=f"{house.role.value} {chapter.procedure or 'standing'}")
    for house in HOUSES
    for chapter in house.rulebook.chapters.values()
]


def readers(chapter: Chapter, kind: type[Fact], phase: Phase) -> list[str]:
    """The sentences that read a kind of fact in a phase."""
    rules = [rule.name for rule in chapter.rules if phase in rule.during and kind in rule.reads]
    return rules + [w.name for w in chapter.waits if phase in w.during and kind in reads_of(w.needs)]


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
    house = HOUSES[0]
    full = house.rulebook.chapters["LC-FULL"]
    less = Chapter(full.procedure, full.rules, full.unexpected[1:], full.guards, full.waits)
    more = Chapter(full.procedure, full.rules, (*full.unexpected, full.unexpected[0]), full.guards, full.waits)
    assert len(list(unanswered(house, less))) == len(full.unexpected[0].when)
    assert len(list(unanswered(house, more))) == len(full.unexpected[0].when)
