"""The procedures as data: a legal trace passes, disorder is found, every step can be reached and is drawn."""

import itertools
import re
from collections.abc import Iterable, Iterator

import pytest

from contracts.event import Event, Fact, Role
from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened, ClosingRequested
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    PayoffTransferred,
    TransferApplicationMade,
)
from contracts.events.registry import (
    FolioRefused,
    FolioReserved,
    MortgageReleased,
    RegistrationClosed,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued, PayoffCompleted, PayoffQuoted, ReleaseApplied
from contracts.procedures import (
    PROCEDURES,
    Procedure,
    Step,
    Word,
    awaited_now,
    known_after,
    permitted,
    possible,
    violations,
)
from contracts.procedures.diagram import drawing_order, page, sequence_diagram, table, ways_out_diagram
from contracts.procedures.liaocheng import LC_FULL
from contracts.procedures.procedure import step

E, R, S = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK
every_procedure = pytest.mark.parametrize("procedure", PROCEDURES.values(), ids=lambda p: p.name)
every_step = pytest.mark.parametrize(
    ("procedure", "wanted"),
    [(p, s) for p in PROCEDURES.values() for s in p.steps],
    ids=lambda x: x.name if isinstance(x, Procedure) else f"{x.by.value} {x.event.__name__}",
)

LEGAL = (
    Word(E, CaseOpened),
    Word(R, FolioReserved),
    Word(E, DepositConfirmed),
    Word(S, ConsentIssued),
    Word(E, TransferApplicationMade),
    Word(R, TransferRegistered),
    Word(S, PayoffQuoted),
    Word(E, PayoffTransferred),
    Word(S, PayoffCompleted),
    Word(E, BalancePaid),
    Word(S, ReleaseApplied),
    Word(R, MortgageReleased),
    Word(E, CaseCompleted),
)


def test_a_case_as_the_document_tells_it_breaks_nothing() -> None:
    assert violations(LC_FULL, LEGAL) == []


def test_what_waits_for_nothing_of_each_other_may_be_said_in_any_order() -> None:
    first, parallel, rest = LEGAL[:1], LEGAL[1:4], LEGAL[4:]
    for order in itertools.permutations(parallel):
        assert violations(LC_FULL, (*first, *order, *rest)) == []
    balance, release, gone = LEGAL[9:12]
    assert violations(LC_FULL, (*LEGAL[:9], release, gone, balance, LEGAL[12])) == []


def dependent(procedure: Procedure, trace: tuple[Word, ...]) -> Iterator[tuple[int, int]]:
    """Each pair of places where the later waits for the earlier alone, or must not come before it."""
    for later, word in enumerate(trace):
        found = procedure.step(word.by, word.event)
        assert found is not None
        for group in found.after:
            before = [n for n, w in enumerate(trace[:later]) if w.event in group]
            if len(before) == 1:
                yield before[0], later
        for earlier, other in enumerate(trace[:later]):
            theirs = procedure.step(other.by, other.event)
            assert theirs is not None
            if word.event in theirs.not_after:
                yield earlier, later


def test_swapping_any_two_that_depend_on_each_other_is_found() -> None:
    pairs = set(dependent(LC_FULL, LEGAL))
    assert len(pairs) >= 20
    for earlier, later in pairs:
        swapped = list(LEGAL)
        swapped[earlier], swapped[later] = swapped[later], swapped[earlier]
        assert violations(LC_FULL, swapped), (LEGAL[earlier].event, LEGAL[later].event)


def test_leaving_out_what_another_word_waits_for_is_found() -> None:
    for place in {earlier for earlier, later in dependent(LC_FULL, LEGAL) if waits(LEGAL[later], LEGAL[earlier])}:
        assert violations(LC_FULL, LEGAL[:place] + LEGAL[place + 1 :]), LEGAL[place].event


def waits(word: Word, other: Word) -> bool:
    found = LC_FULL.step(word.by, word.event)
    return found is not None and any(group == {other.event} for group in found.after)


def test_a_violation_names_the_word_what_is_missing_and_the_article() -> None:
    found = violations(LC_FULL, [Word(E, CaseOpened), Word(R, TransferRegistered)])
    assert found == ["word 2: TransferRegistered comes after FolioReserved in LC-FULL (2023-03-20), LC-F4"]
    twice = violations(LC_FULL, [Word(E, CaseOpened), Word(E, CaseOpened)])
    assert twice == ["word 2: CaseOpened does not come after CaseOpened in LC-FULL (2023-03-20), LC-F1"]


def test_nobody_says_what_is_not_theirs() -> None:
    for role in (R, S, Role.BUYER_BANK):
        assert permitted(LC_FULL, role, CaseOpened, frozenset()) == (
            f"{role.value} says no CaseOpened in LC-FULL (2023-03-20)"
        )
    with pytest.raises(TypeError, match="is not said by registry"):
        step(ConsentIssued, R, "LC-F2")


def test_calling_off_goes_through_the_registry() -> None:
    asked = (*LEGAL[:4], Word(E, ClosingRequested))
    assert violations(LC_FULL, (*asked, Word(R, RegistrationClosed), Word(E, CaseCancelled))) == []
    assert violations(LC_FULL, (*asked, Word(E, CaseCancelled)))
    assert violations(LC_FULL, (*asked, Word(R, RegistrationClosed), Word(R, TransferRegistered)))
    entered = LEGAL[:6]
    assert violations(LC_FULL, (*entered, Word(E, ClosingRequested), Word(R, RegistrationClosed)))
    assert violations(LC_FULL, (*entered, Word(E, CaseCancelled)))
    assert violations(LC_FULL, (LEGAL[0], Word(R, FolioRefused), Word(E, CaseCancelled))) == []


def test_what_is_possible_next_is_what_breaks_nothing() -> None:
    for length in range(len(LEGAL)):
        said = frozenset(word.event for word in LEGAL[:length])
        following = possible(LC_FULL, said)
        assert LEGAL[length].event in {found.event for found in following}
        for found in following:
            assert violations(LC_FULL, (*LEGAL[:length], Word(found.by, found.event))) == []


def traces_to(procedure: Procedure, events: frozenset[type[Event]]) -> Iterator[tuple[Step, ...]]:
    """The shortest traces that say all of these, with each choice among alternatives in turn."""
    order = drawing_order(procedure)
    steps = {event: next(s for s in order if s.event is event) for event in events}
    wanted = [group for s in steps.values() for group in s.after if not group & events]
    if not wanted:
        yield tuple(s for s in order if steps.get(s.event) is s)
        return
    for choice in itertools.product(*(sorted(group, key=lambda e: e.type_name) for group in wanted)):
        yield from traces_to(procedure, events | set(choice))


@every_step
def test_every_step_can_be_reached(procedure: Procedure, wanted: Step) -> None:
    def said(steps: Iterable[Step]) -> list[Word]:
        before = [Word(s.by, s.event) for s in steps if s.event is not wanted.event]
        return [*before, Word(wanted.by, wanted.event)]

    assert any(violations(procedure, said(trace)) == [] for trace in traces_to(procedure, frozenset({wanted.event})))


@every_step
def test_every_step_has_its_article_and_its_speaker_a_part(procedure: Procedure, wanted: Step) -> None:
    assert re.fullmatch(r"(LC|SZ|ZZ|PJ|PN)-[0-9A-Z/]+|X-[1-5]|periods", wanted.article)
    assert wanted.event.article
    assert wanted.by in procedure.roles
    assert wanted.by in wanted.event.spoken_by


@every_procedure
def test_a_procedure_is_whole(procedure: Procedure) -> None:
    assert procedure.keeper in procedure.roles
    assert procedure.openers <= set(procedure.roles)
    assert len({(s.by, s.event) for s in procedure.steps}) == len(procedure.steps)
    events = {s.event for s in procedure.steps}
    for found in procedure.steps:
        assert found.not_after <= events
        for group in found.after:
            assert group <= events
    for opener in procedure.openers:
        assert permitted(procedure, opener, CaseOpened, frozenset()) == ""


@every_procedure
def test_what_is_awaited_can_be_said_in_it_and_is_awaited_on_some_way(procedure: Procedure) -> None:
    events = {s.event for s in procedure.steps}
    for found in procedure.steps:
        when = found.awaited
        assert found.reopens | (when.not_after if when is not None else frozenset()) <= events
        if when is None:
            continue
        assert set().union(*when.after) <= events
        before = frozenset(min(group, key=lambda e: e.type_name) for group in (*found.after, *when.after))
        assert found in awaited_now(procedure, before), found.event


@every_procedure
def test_the_way_through_is_awaited_step_by_step(procedure: Procedure) -> None:
    known = frozenset[type[Fact]]()
    for found in drawing_order(procedure):
        if not found.way_out and found.awaited is not None:
            assert found in awaited_now(procedure, known), found.event
            known |= {found.event}


def test_a_word_that_does_not_count_or_that_reopens_is_told_by_its_fields() -> None:
    def after(
        event: type[Event], by: Role, known: frozenset[type[Fact]] = frozenset(), **values: object
    ) -> frozenset[type[Fact]]:
        return known_after(LC_FULL, known, by, event, values)

    assert after(DepositConfirmed, E, price_complete=False) == frozenset()
    assert after(DepositConfirmed, E, price_complete=True) == {DepositConfirmed}
    paid = frozenset({TransferRegistered, PayoffQuoted, PayoffTransferred})
    assert after(PayoffCompleted, S, paid, open_fen=1) == {TransferRegistered}
    assert after(PayoffCompleted, S, paid, open_fen=0) == paid | {PayoffCompleted}
    assert after(PayoffCompleted, R, paid, open_fen=0) == paid  # not the registry's to say
    with pytest.raises(TypeError, match="has no field opened_fen"):
        step(PayoffCompleted, S, "LC-F4", reopens=[PayoffQuoted], reopens_if="opened_fen")


# --- drawn --------------------------------------------------------------------------------------------


@every_procedure
def test_steps_are_drawn_below_what_comes_before_them(procedure: Procedure) -> None:
    order = drawing_order(procedure)
    assert sorted(map(id, order)) == sorted(map(id, procedure.steps))
    for place, found in enumerate(order):
        above = {s.event for s in order[:place]}
        for group in found.after:
            assert group - {found.event} <= above


def test_a_circle_cannot_be_drawn() -> None:
    circle = Procedure(
        name="CIRCLE",
        edition="1",
        title="",
        document="",
        openers=frozenset({E}),
        keeper=E,
        roles=(E, R),
        steps=(
            step(CaseOpened, E, "X-1"),
            step(FolioReserved, R, "X-1", after=[DepositConfirmed]),
            step(DepositConfirmed, E, "X-1", after=[FolioReserved]),
        ),
    )
    with pytest.raises(ValueError, match=r"CIRCLE: .*: folio-reserved, deposit-confirmed"):
        drawing_order(circle)


ARROW = re.compile(r"    ([a-z_]+)->>([a-z_]+): ([a-z-]+) \(([^)]+)\)")


@every_procedure
def test_the_diagram_shows_each_word_to_each_who_hears_it(procedure: Procedure) -> None:
    arrows = [ARROW.search(line) for line in sequence_diagram(procedure).splitlines()]
    drawn = {(found[1], found[3], found[2], found[4]) for found in arrows if found}
    wanted = {
        (s.by.value, s.event.type_name[6:-3], hearer.value, s.article)
        for s in procedure.steps
        for hearer in procedure.roles
        if not s.way_out and hearer in s.event.heard_by and hearer != s.by
    }
    assert drawn == wanted


@every_procedure
def test_every_line_of_a_diagram_is_mermaid(procedure: Procedure) -> None:
    line = (
        r"sequenceDiagram|    participant [a-z_]+ as [^;#]+|        Note over [a-z_]+: [^;#]+"
        r"|    opt [^;#]+|    end|( {4}| {8})[a-z_]+->>[a-z_]+: [^;#]+"
    )
    both = sequence_diagram(procedure) + ways_out_diagram(procedure)
    assert [text for text in both.splitlines() if not re.fullmatch(line, text)] == []
    assert both.count("    opt ") == both.count("    end\n") == sum(s.way_out for s in procedure.steps)


@every_procedure
def test_the_tables_have_a_row_for_every_step_and_the_page_has_both(procedure: Procedure) -> None:
    way, out = table(procedure, way_out=False), table(procedure, way_out=True)
    rows = (way + out).splitlines()
    assert len(rows) == len(procedure.steps) + 4
    assert {row.count(" | ") for row in rows if "---" not in row} == {6}
    for found in procedure.steps:
        name = f"`{found.event.type_name[6:-3]}`"
        assert any(row.startswith(f"| {name} |") and row.endswith(f"| {found.article} |") for row in rows)
    whole = page(procedure)
    assert way in whole
    assert out in whole
    assert procedure.document in whole
