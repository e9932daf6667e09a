"""What a view says is kept until a fact that it reads is filed: then it is what it would say anew."""

from dataclasses import dataclass, replace
from typing import Self

import pytest

from contracts.event import Fact
from services.runtime.core.facts import Alarm, IncidentClosed, SubjectResumed
from services.runtime.core.file import STANDING, Filed, Said, Spoke, Subject, apply
from services.runtime.core.rule import Across, All, View, view
from tests.support.bench import FOLIO, NOON

CASE, OTHER = "LC-2026-000001", "LC-2026-000002"


@dataclass(frozen=True)
class Open(View):
    """The alarms of one file that nobody has closed."""

    ids: tuple[str, ...]

    @classmethod
    def of(cls, alarms: All[Alarm], closed: All[IncidentClosed]) -> Self | None:
        gone = {one.fact.incident for one in closed}
        ids = tuple(alarm.id for alarm in alarms if alarm.id not in gone)
        return cls(ids) if ids else None


@dataclass(frozen=True)
class Worst(View):
    """A view of a view and of a fact that need not be there."""

    id: str
    noted: str

    @classmethod
    def of(cls, found: Open, resumed: SubjectResumed | None) -> Self:
        return cls(found.ids[-1], resumed.note if resumed is not None else "")


@dataclass(frozen=True)
class Everywhere(View):
    """The alarms of all files."""

    many: int

    @classmethod
    def of(cls, alarms: Across[Alarm]) -> Self:
        return cls(len(alarms))


def said(n: int, fact: Fact, case: str) -> Said:
    return Said(Filed(str(n), fact, case, "/escrow/liaocheng-notary", NOON, NOON, None), case, "rule")


FACTS = (
    (Alarm(what="a", why="b", clause="X-3"), CASE),
    (SubjectResumed(by_clerk="Li", note="mended"), OTHER),
    (Alarm(what="c", why="d", clause="X-3"), OTHER),
    (SubjectResumed(by_clerk="Li", note="mended too"), CASE),
    (IncidentClosed(by_clerk="Li", incident="0", note="seen"), OTHER),
    (IncidentClosed(by_clerk="Li", incident="0", note="seen"), CASE),
    (Alarm(what="e", why="f", clause="X-3"), STANDING),
    (Alarm(what="g", why="h", clause="X-3"), CASE),
)


def looked_at(subject: Subject) -> dict[tuple[str, type], View | None]:
    kinds = (Open, Worst, Everywhere)
    return {(case, kind): view(kind, subject, subject.file(case)) for case in (CASE, OTHER, STANDING) for kind in kinds}


def test_a_view_says_what_it_would_say_anew_after_every_fact() -> None:
    subject = Subject(FOLIO)
    for n, (fact, case) in enumerate(FACTS):
        subject = apply(subject, said(n, fact, case), {})
        assert looked_at(subject) == looked_at(replace(subject, memo={}))
    last = looked_at(subject)
    assert (last[CASE, Worst], last[OTHER, Worst]) == (Worst("7", "mended too"), Worst("2", "mended"))
    assert (last[STANDING, Open], last[CASE, Everywhere]) == (Open(("6",)), Everywhere(4))


def test_a_view_is_not_worked_out_again_for_what_it_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = apply(Subject(FOLIO), said(0, *FACTS[0]), {})
    looked_at(subject)
    after = apply(apply(subject, said(1, *FACTS[1]), {}), Spoke(CASE, "rule", ""), {})
    monkeypatch.setattr(Open, "of", None)
    assert view(Worst, after, after.file(CASE)) == Worst("0", "")
    with pytest.raises(TypeError):
        view(Open, apply(after, said(2, FACTS[0][0], CASE), {}), after.file(CASE))
