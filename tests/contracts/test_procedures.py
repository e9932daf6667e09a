"""The procedures as data: a legal trace passes, disorder is found, every step can be reached and is drawn."""

import itertools
import re
from collections.abc import Iterable, Iterator

import pytest

from contracts.event import Event, Fact, Role
from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened, ClosingRequested, PartyJoined
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    PayoffTransferred,
    TransferApplicationMade,
)
from contracts.events.lender import (
    JoinRequested,
    LendingEnded,
    LoanApproved,
    LoanDisbursed,
    LoanRejected,
    LoanReturned,
    MortgageApplicationMade,
)
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeRegistered,
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
from contracts.procedures.liaocheng import LC_FULL, LC_LOAN
from contracts.procedures.procedure import step
from contracts.procedures.waiting import Known

E, R, S = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK
B, F = Role.BUYER_BANK, Role.FUND_CENTER
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


LOAN = (
    Word(E, CaseOpened),
    Word(R, FolioReserved),
    Word(E, DepositConfirmed),
    Word(B, JoinRequested),
    Word(E, PartyJoined),
    Word(B, LoanApproved),
    Word(S, ConsentIssued),
    Word(E, TransferApplicationMade),
    Word(B, MortgageApplicationMade),
    Word(R, AdvanceNoticeRegistered),
    Word(B, LoanDisbursed),
    Word(E, DepositConfirmed),
    Word(E, TransferApplicationMade),
    Word(B, MortgageApplicationMade),
    Word(R, TransferRegistered),
    Word(S, PayoffQuoted),
    Word(E, PayoffTransferred),
    Word(S, PayoffCompleted),
    Word(S, ReleaseApplied),
    Word(R, MortgageReleased),
    Word(E, BalancePaid),
    Word(E, CaseCompleted),
)


def test_the_loan_as_the_document_tells_it_breaks_nothing_and_is_awaited_word_by_word() -> None:
    assert violations(LC_LOAN, LOAN) == []
    known: Known = frozenset()
    for place, word in enumerate(LOAN):
        present = {E, R, S} | ({B} if any(w.event is PartyJoined for w in LOAN[:place]) else set())
        waited = {(found.by, found.event) for found in awaited_now(LC_LOAN, known, present)}
        assert (word.by, word.event) in waited or word.event is JoinRequested, (place, word)
        known = known_after(LC_LOAN, known, word.by, word.event, {})


def test_LC_L5_the_loan_is_not_paid_before_the_notice_nor_LC_L7_the_seller_before_the_release() -> None:
    for first, second in ((AdvanceNoticeRegistered, LoanDisbursed), (MortgageReleased, BalancePaid)):
        places = [n for n, w in enumerate(LOAN) if w.event in (first, second)]
        swapped = list(LOAN)
        swapped[places[0]], swapped[places[1]] = swapped[places[1]], swapped[places[0]]
        assert violations(LC_LOAN, swapped)


def test_after_a_rejection_another_bank_or_the_closing_is_waited_for() -> None:
    known: Known = frozenset()
    for word in (*LOAN[:5], Word(B, LoanRejected)):
        known = known_after(LC_LOAN, known, word.by, word.event, {})
    waited = {(s.event, s.article) for s in awaited_now(LC_LOAN, known, {E, R, S, B})}
    assert waited == {(ClosingRequested, "LC-L3")}
    known = known_after(LC_LOAN, known, E, PartyJoined, {})
    assert LoanApproved in {s.event for s in awaited_now(LC_LOAN, known, {E, R, S, B})}


def test_in_a_closed_case_each_lender_is_waited_for_by_what_it_did_itself() -> None:
    known: Known = frozenset()
    closed = (Word(E, ClosingRequested), Word(R, RegistrationClosed))
    for word in (*LOAN[:11], *closed):
        known = known_after(LC_LOAN, known, word.by, word.event, {})
    present = {E, R, S, B, F}
    assert {s.by for s in awaited_now(LC_LOAN, known, present) if s.event is LendingEnded} == {B, F}
    for role in (B, F):
        known = known_after(LC_LOAN, known, role, LendingEnded, {})
    assert {s.by for s in awaited_now(LC_LOAN, known, present) if s.event is LoanReturned} == {B}
    assert AdvanceNoticeEnded in {s.event for s in awaited_now(LC_LOAN, known, present)}


def test_what_waits_for_nothing_of_each_other_may_be_said_in_any_order() -> None:
    first, parallel, rest = LEGAL[:1], LEGAL[1:4], LEGAL[4:]
    for order in itertools.permutations(parallel):
        assert violations(LC_FULL, (*first, *order, *rest)) == []
    balance, release, gone = LEGAL[9:12]
    assert violations(LC_FULL, (*LEGAL[:9], release, gone, balance, LEGAL[12])) == []


def test_words_that_cross_are_no_disorder_and_whoever_has_heard_the_other_may_not_say_it() -> None:
    closed = (*LOAN[:9], Word(E, ClosingRequested), Word(R, RegistrationClosed))
    assert violations(LC_LOAN, (*closed, Word(B, MortgageApplicationMade))) == []
    known = frozenset[type[Fact]](word.event for word in closed)
    assert permitted(LC_LOAN, B, MortgageApplicationMade, known).startswith(
        "MortgageApplicationMade does not come after RegistrationClosed"
    )
    assert permitted(LC_LOAN, B, MortgageApplicationMade, known, frozenset({LoanApproved})) == ""
    assert violations(LC_LOAN, (*closed, Word(R, AdvanceNoticeRegistered)))


def dependent(procedure: Procedure, trace: tuple[Word, ...]) -> Iterator[tuple[int, int]]:
    """Each pair of places where the later waits for the earlier alone, or is its speaker's too and must not come before
    it."""
    for later, word in enumerate(trace):
        found = procedure.step(word.by, word.event, frozenset(w.event for w in trace[:later]))
        assert found is not None
        for group in found.after:
            before = [n for n, w in enumerate(trace[:later]) if w.event in group]
            if len(before) == 1:
                yield before[0], later
        for earlier, other in enumerate(trace[:later]):
            theirs = procedure.step(other.by, other.event, frozenset(w.event for w in trace[:earlier]))
            assert theirs is not None
            if word.by is other.by and word.event in theirs.not_after:
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
        said = frozenset((word.by, word.event) for word in LEGAL[:length])
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
        before = [Word(s.by, s.event) for s in steps if s is not wanted and s.event not in wanted.not_after]
        return [*before, Word(wanted.by, wanted.event)]

    before = frozenset(min(group, key=lambda e: e.type_name) for group in wanted.after)
    assert any(violations(procedure, said(trace)) == [] for trace in traces_to(procedure, before | {wanted.event}))


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
    assert len({(s.by, s.event, s.article) for s in procedure.steps}) == len(procedure.steps)
    assert procedure.may_join <= set(procedure.roles) - {procedure.keeper, *procedure.openers}
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
        groups = (*found.after, *when.after)
        before = said_by_whom(procedure, found, (min(group, key=lambda e: e.type_name) for group in groups))
        assert found in awaited_now(procedure, before, set(procedure.roles) - when.absent), found.event


def said_by_whom(procedure: Procedure, found: Step, events: Iterable[type[Event]]) -> Known:
    """These words as said: by the step's own speaker where it says them, else by the first who does."""
    speakers = {event: [s.by for s in procedure.steps if s.event is event] for event in events}
    return frozenset((found.by if found.by in by else by[0], event) for event, by in speakers.items())


@every_procedure
def test_the_way_through_is_awaited_step_by_step(procedure: Procedure) -> None:
    known: Known = frozenset()
    for found in drawing_order(procedure):
        if not found.way_out and found.awaited is not None:
            present = set(procedure.roles) - found.awaited.absent
            assert found in awaited_now(procedure, known, present), found.event
            known = known_after(procedure, known, found.by, found.event, {found.counts_if: True})


def test_a_word_that_does_not_count_or_that_reopens_is_told_by_its_fields() -> None:
    def after(event: type[Event], by: Role, known: Known = frozenset(), **values: object) -> Known:
        return known_after(LC_FULL, known, by, event, values)

    assert after(DepositConfirmed, E, price_complete=False) == frozenset()
    assert after(DepositConfirmed, E, price_complete=True) == {(E, DepositConfirmed)}
    paid: Known = frozenset({(R, TransferRegistered), (S, PayoffQuoted), (E, PayoffTransferred)})
    assert after(PayoffCompleted, S, paid, open_fen=1) == {(R, TransferRegistered)}
    assert after(PayoffCompleted, S, paid, open_fen=0) == paid | {(S, PayoffCompleted)}
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
