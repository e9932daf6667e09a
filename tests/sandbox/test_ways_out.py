"""Ways out: the catalogue is whole, what is done otherwise is what the outside takes, and each check of a case that
goes otherwise can fail."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from pydantic import TypeAdapter
from rich.console import Console

from contracts.event import Event, Role
from contracts.events.case import CaseCancelled, CaseCompleted, ClosingRequested, MoneyStatement, Payment
from contracts.events.escrow import DepositRefunded, MoneyKind, TransferApplicationMade
from contracts.events.lender import LendingEnded, LoanReturned
from contracts.events.registry import RegistrationClosed, TransferRegistered
from contracts.procedures import PROCEDURES
from deploy import evidence_called_off as called_off
from deploy.clerks import Hold, People
from deploy.collecting import meets, on_their_way
from deploy.demo import main, read_arguments
from deploy.evidence import Check, Evidence, Observed, Registered
from deploy.report import Report
from deploy.sales import EXAMPLES, UNLIKE, Sales
from deploy.sandbox.rail_faults import Fault
from deploy.ways_out import WAYS_OUT, UnknownWayOut, decisions, way_out
from deploy.ways_out.checks import checks
from deploy.ways_out.played import Played
from deploy.ways_out.scene import Scene
from deploy.ways_out.way import CANCELLED, COMPLETED, Done, Incident, WayOut
from services.registry.facts import MortgageEntered, RestrictionEntered
from services.sale_file import SaleFile, load_sale
from tests.sandbox.test_clerks import CASE as CLERKS_CASE
from tests.sandbox.test_clerks import FILE as CLERKS_FILE
from tests.sandbox.test_clerks import FakeDesk, people
from tests.sandbox.test_evidence import (
    BANK_FEN,
    CASE,
    DOWN_PAID,
    LENT,
    PAID_IN,
    agreed,
    agreed_loans,
    books,
    loan_trace,
    observed,
    spoken,
)
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import NOON

E, R = Role.ESCROW, Role.REGISTRY
STAGE_NAMES = ("reserved", "approved", "noticed", "disbursed", "applied")
NAMES = {
    "consent-refused", "consent-refused-after-approval", "loan-rejected-another-bank", "loan-rejected-the-end",
    "folio-frozen", "folio-seized", "folio-right-of-residence", "folio-foreign-mortgage", "folio-second-case",
    *(f"{what}-once-{stage}" for what in ("freeze", "seizure", "right-of-residence", "second-mortgage")
      for stage in (*STAGE_NAMES, "reserved-full", "applied-full")),
    "deposit-short", "deposit-over", "deposit-twice", "deposit-in-instalments", "deposit-from-a-stranger",
    "notice-returned-and-mended", "notice-refused-for-good", "transfer-returned-and-mended",
    "transfer-refused-for-good",
    *(f"withdrawal-once-{stage}" for stage in ("opened", "deposited", *STAGE_NAMES[1:])),
    "closing-against-entry", "closing-while-a-loan-is-on-the-rail", "quote-expired", "payoff-one-fen-short",
    "price-below-payoff-topped-up", "price-below-payoff-without-top-up", "notice-lapsed", "lender-late",
    "money-after-the-end",
    *(f"away-{who}" for who in ("escrow", "registry", "seller-bank", "buyer-bank", "fund-center")),
    *(f"rail-{how}" for how in ("refused", "returned", "timed-out", "answered-twice")),
}  # fmt: skip
ALL = pytest.mark.parametrize("way", WAYS_OUT.values(), ids=list(WAYS_OUT))


# --- the catalogue ----------------------------------------------------------------------------------------------------


def test_X_3_the_catalogue_has_every_way_out_and_those_of_the_periods() -> None:
    assert set(WAYS_OUT) >= NAMES
    assert all(name.startswith("missed-") for name in WAYS_OUT.keys() - NAMES)
    assert all(way.name == name for name, way in WAYS_OUT.items())


def test_the_nearest_names_are_told_to_who_asks_for_an_unknown_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownWayOut, match="freeze-once-noticed"):
        way_out("freez-once-notised")
    with pytest.raises(SystemExit) as ended:
        read_arguments([], {"WAY_OUT": "rail-retuned"})
    assert ended.value.code == 2 and "rail-returned" in capsys.readouterr().err
    assert read_arguments([], {"WAY_OUT": "rail-returned"}).procedure == "LC-FULL"


def test_the_list_names_each_with_procedure_clause_and_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--way-out", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for way in WAYS_OUT.values():
        line = next(line for line in lines if line.startswith(f"{way.name} "))
        assert way.procedure in line and way.clauses[0] in line and way.title[:20] in line


@ALL
def test_each_way_asks_for_words_of_its_procedure(way: WayOut) -> None:
    procedure = next(p for p in PROCEDURES.values() if p.name == way.procedure)
    words = {step.event for step in procedure.steps}
    assert {*way.said, *way.unsaid, *way.exactly_one_of, *way.twice, *way.ends} <= words
    assert not {*way.said} & {*way.unsaid}
    assert way.clauses and way.title and way.ends


@ALL
def test_the_sale_of_each_way_is_one_that_a_file_could_hold(way: WayOut, tmp_path: Path) -> None:
    file = way.sale(Sales(tmp_path).next(way.procedure, NOON))
    text = file.model_dump_json(by_alias=True)
    assert SaleFile.model_validate_json(text) == file
    opened = {one.account: one.opening_fen for one in file.rail}
    paid = Counter[str]()
    for payment in file.payments:
        paid[payment.from_account] += payment.amount_fen
    assert all(opened[account] >= fen for account, fen in paid.items()), "the buyers have what they pay"
    if file.sale.down_payment_fen is not None:
        assert sum(one.amount_fen for one in file.loans) + file.sale.down_payment_fen == file.sale.price_fen


def test_sales_are_unlike_each_other_in_all_that_names_them(tmp_path: Path) -> None:
    sales = Sales(tmp_path)
    for procedure, parts in UNLIKE.items():
        one, other = (sales.next(procedure, NOON).model_dump_json() for _ in range(2))
        example = load_sale(EXAMPLES[procedure], NOON).model_dump_json()
        for old, _ in parts:
            assert old in example and old not in one and old not in other
        assert one != other


# --- what is done otherwise -------------------------------------------------------------------------------------------


class Watched:
    """A scene in which nothing is there but the rail, which notes what it is told."""

    def __init__(self, file: SaleFile) -> None:
        self.file, self.case = file, CASE
        self.rail = self
        self.armed: list[dict[str, Any]] = []

    async def arm(self, fault: Mapping[str, Any]) -> None:
        self.armed.append(dict(fault))


AT_THE_RAIL = [
    deed
    for way in WAYS_OUT.values()
    for deed in way.deeds
    if deed.what.startswith(("the rail is", "the bank's loan is"))
]


async def test_the_rail_takes_every_fault_that_is_armed_and_binds_it_to_the_case() -> None:
    assert len(AT_THE_RAIL) >= 6
    for deed in AT_THE_RAIL:
        watched = Watched(CLERKS_FILE)
        await deed.do(cast(Scene, watched))
        (fault,) = watched.armed
        TypeAdapter[Any](Fault).validate_json(json.dumps(fault))
        assert fault["kind"] == "repeat" or fault["reference"].startswith(CASE)


def test_X_4_what_is_entered_meanwhile_is_what_the_registrys_desk_takes() -> None:
    for kind in ("freeze", "seizure", "right of residence"):
        body = {"by_clerk": "Zhao", "restriction": decisions.restriction(kind)}
        assert RestrictionEntered.model_validate_json(json.dumps(body)).restriction.kind == kind
        (stands,) = decisions.restricted(kind)(CLERKS_FILE).register_.restrictions
        assert stands == decisions.restriction(kind)
    body = {"by_clerk": "Zhao", "mortgage": decisions.FOREIGN_MORTGAGE}
    entered = MortgageEntered.model_validate_json(json.dumps(body)).mortgage
    second = decisions.mortgaged_to_another(CLERKS_FILE).register_.mortgages[1]
    assert (second.certificate, second.mortgagee, second.rank) == (entered.certificate, entered.mortgagee, 2)


def test_only_what_stops_a_service_is_played_alone() -> None:
    alone = {name for name, way in WAYS_OUT.items() if way.stops_a_service and way.starts is None}
    assert alone == {name for name in WAYS_OUT if name.startswith(("away-", "folio-"))}


async def test_people_leave_alone_what_they_hold_and_take_it_up_again() -> None:
    fake = FakeDesk("decide-registration")
    async with people(Role.REGISTRY, fake) as everybody:
        hold = Hold(Role.REGISTRY, "decide-registration", "LC-F2")
        everybody.holds = [hold, hold]  # two who interfere, each with the same
        assert not await everybody.look(Role.REGISTRY, CLERKS_CASE)
        everybody.holds.remove(hold)
        assert not await everybody.look(Role.REGISTRY, CLERKS_CASE)
        everybody.holds.remove(hold)
        everybody.holds.append(replace(hold, clause="LC-L5"))
        assert await everybody.look(Role.REGISTRY, CLERKS_CASE)


class LiftsHolds(FakeDesk):
    """Whoever reads its worklist has the holds lifted meanwhile."""

    everybody: People

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.everybody.holds.clear()
        return super().answer(request)


async def test_a_line_that_was_read_before_a_hold_was_lifted_is_left_alone() -> None:
    fake = LiftsHolds("decide-registration")
    async with people(Role.REGISTRY, fake) as everybody:
        fake.everybody = everybody
        everybody.holds = [Hold(Role.REGISTRY, "decide-registration")]
        assert not await everybody.look(Role.REGISTRY, CLERKS_CASE) and not everybody.holds
        assert await everybody.look(Role.REGISTRY, CLERKS_CASE)


async def test_LC_L3_whom_the_buyers_turn_to_instead_has_done_nothing_yet() -> None:
    fake, other = FakeDesk("decide-loan"), FakeDesk("decide-loan")
    first = CLERKS_FILE.loans[0]
    async with people(first.lender, fake) as everybody, people(first.lender, other) as others:
        assert await everybody.look(first.lender, CLERKS_CASE)
        second = first.model_copy(
            update={"institution": "liaocheng-abc", "decision": {"approve": True, "amount_fen": 7}}
        )
        everybody.turn_to(others.desks[first.lender], second)
        assert await everybody.look(first.lender, CLERKS_CASE)
        assert everybody.file.loan_at(first.lender) == second
        assert everybody.file.loan_at(Role.FUND_CENTER) == CLERKS_FILE.loan_at(Role.FUND_CENTER)
    assert (len(fake.posted), other.posted[0][1]["amount_fen"]) == (1, 7)


async def test_the_registrar_decides_in_turn_and_then_approves() -> None:
    fake = FakeDesk("decide-registration")
    bodies: list[dict[str, Any]] = []
    async with people(Role.REGISTRY, fake) as everybody:
        everybody.acts = {**everybody.acts, **decisions.registrar("approve", "return")}
        for n in range(3):
            fake.items[0]["about"] = f"n{n}"
            assert await everybody.look(Role.REGISTRY, CLERKS_CASE)
            bodies.append(fake.posted[-1][1])
    assert [body["decision"] for body in bodies] == ["approve", "return", "approve"]
    assert [bool(body.get("reasons")) for body in bodies] == [False, True, False]


# --- the end of a case that is called off -----------------------------------------------------------------------------


def refunded(account: str, fen: int) -> DepositRefunded:
    return DepositRefunded(kind=MoneyKind.LOAN, amount_fen=fen, to_account=account, rail_transfer="T9")


BACK = tuple((lc.ESCROW_ACCOUNT, payer, fen) for payer, _, fen in (*DOWN_PAID, *LENT))
FREEZE = "(2026)鲁15执77号"


def cancelled_trace() -> tuple[Any, ...]:
    """The sale with two loans, which the registry refuses for good when all money is there."""
    until = next(n for n, one in enumerate(loan_trace()) if one.kind is TransferRegistered)
    said: list[tuple[Role, Event]] = [(one.by, one.event) for one in loan_trace()[:until]]
    application = next(one for by, one in reversed(said) if isinstance(one, TransferApplicationMade)).application
    bank, fund = loan.LENDER[0], loan.FUND[0]
    said += [
        (R, loan.refused(application.number)),
        (E, ClosingRequested(because="refused", clause="X-4")),
        (R, loan.closed()),
        (bank, loan.lending_ended(BANK_FEN)),
        (fund, loan.lending_ended(loan.FUND_FEN)),
        (E, refunded(loan.LENDER_ACCOUNT, BANK_FEN)),
        (bank, loan.loan_returned(BANK_FEN)),
        (fund, loan.loan_returned(loan.FUND_FEN)),
        (R, loan.notice_ended(loan.noticed(loan.LENDER, loan.FUND))),
        (E, CaseCancelled(because="refused", clause="X-4")),
    ]
    return spoken(*said)


def statement(transfers: tuple[tuple[str, str, int], ...]) -> MoneyStatement:
    ours = lc.ESCROW_ACCOUNT
    lines = tuple(
        Payment(direction="in", purpose="x", account=a, amount_fen=fen)
        if b == ours
        else Payment(direction="out", purpose="x", account=b, amount_fen=fen)
        for a, b, fen in transfers
    )
    sums = Counter[str]()
    for line in lines:
        sums[line.direction] += line.amount_fen
    return MoneyStatement(in_fen=sums["in"], out_fen=sums["out"], held_fen=sums["in"] - sums["out"], payments=lines)


OLD = (1, "鲁(2020)聊城市不动产证明第0005678号", lc.BANK[1])
BEFORE = Registered(
    owners=frozenset({("seller", "1/1")}),
    ownership_certificate="old",
    mortgages=(OLD,),
    notices=(),
    reserved_for="",
)
MOVED = (*DOWN_PAID, *LENT, *BACK)
A_WAY = WAYS_OUT["freeze-once-applied"]
KNOWN = frozenset({TransferApplicationMade})


def cancelled() -> Evidence:
    """A case of A_WAY in which everybody's papers agree."""
    trace = cancelled_trace()
    return replace(
        agreed_loans(),
        spoken=trace,
        money=statement(MOVED),
        ledger=statement(MOVED),
        books=books(*MOVED),
        register=replace(BEFORE, restrictions=(FREEZE,)),
        before=BEFORE,
        done=(Done(A_WAY.deeds[0], KNOWN, {}),),
        observed=observed(trace, status="cancelled"),
    )


def failed(evidence: Evidence, way: WayOut = A_WAY) -> dict[str, Check]:
    return {check.name: check for check in checks(evidence, way) if not check.passed}


def moved(evidence: Evidence, *transfers: tuple[str, str, int]) -> Evidence:
    """The rail and the statement have these."""
    stated = statement(transfers)
    return replace(evidence, books=books(*transfers), money=stated, ledger=stated)


def without(evidence: Evidence, *kinds: type[Event]) -> Evidence:
    return replace(evidence, spoken=tuple(one for one in evidence.spoken if one.kind not in kinds))


def resaid(evidence: Evidence, event: Event, by: Role) -> Evidence:
    said = [replace(o, values=event.to_json()) if (o.by, o.kind) == (by, type(event)) else o for o in evidence.spoken]
    return replace(evidence, spoken=tuple(said))


def more(evidence: Evidence, by: Role, event: Event) -> Evidence:
    (one,) = spoken((by, event))
    return replace(evidence, spoken=(*evidence.spoken, one))


def registered(evidence: Evidence, **other: Any) -> Evidence:
    return replace(evidence, register=replace(evidence.register, **other))


def test_X_1_X_3_agreed_evidence_of_a_case_that_is_called_off_passes_every_check() -> None:
    assert failed(cancelled()) == {}
    assert len(checks(cancelled(), A_WAY)) == 28


HIS_OWN = "each payer has exactly his own back"
WHOLE = "liaocheng-ccb has ended its lending and is whole"
ENDED = "every institution's file has ended"
CALLED_OFF = "the case is called off, once, and nothing was entered"
MORTGAGES = "the mortgages are as before, with what was entered meanwhile"
RESTRICTIONS = "the restrictions are as before, with what was entered meanwhile"
DONE = "what somebody did otherwise was done at its stage"
INCIDENTS = "its incidents were raised and seen to"
LEDGER = "the statement at the end is the escrow's ledger"
SAID, UNSAID = "what this way must say was said", "what it must not say was not said"
OBSERVER = "the observer, from the public feeds alone, sees the case cancelled and nothing out of order"
FIRST, SECOND, BANKS, FUNDS = BACK
WRONG: list[tuple[str, Callable[[Evidence], Evidence]]] = [
    ("the case ends as case-cancelled", lambda e: without(e, CaseCancelled)),
    ("it is called off under X-4", lambda e: resaid(e, CaseCancelled(because="x", clause="LC-L3"), E)),
    (SAID, lambda e: without(e, RegistrationClosed)),
    (UNSAID, lambda e: more(e, R, loan.registered(loan.LENDER))),
    (CALLED_OFF, lambda e: more(e, E, CaseCancelled(because="x", clause="X-4"))),
    (CALLED_OFF, lambda e: more(e, R, loan.registered(loan.LENDER))),
    ("the order is that of LC-LOAN (2023-03-20)", lambda e: replace(e, spoken=tuple(reversed(e.spoken)))),
    ("in = out + held", lambda e: replace(e, money=None)),
    ("nothing is held any more", lambda e: moved(e, *MOVED[:-1])),
    (HIS_OWN, lambda e: moved(e, *MOVED[:-1])),
    (HIS_OWN, lambda e: moved(e, *MOVED[:4], FIRST, (SECOND[0], FIRST[1], SECOND[2]), BANKS, FUNDS)),
    (HIS_OWN, lambda e: moved(e, *MOVED[:4], (*FIRST[:2], FIRST[2] - 1), (*SECOND[:2], SECOND[2] + 1), BANKS, FUNDS)),
    (HIS_OWN, lambda e: moved(e, *MOVED[:4], FIRST, SECOND, (BANKS[0], "6222", BANKS[2]), FUNDS)),
    ("the deposit account holds what the statement says", lambda e: replace(e, books=books(*MOVED, held_fen=1))),
    ("the rail's books balance", lambda e: replace(e, books=books(*MOVED, differences=("+1 fen",)))),
    ("at no instant had more gone out of the deposit account than had come in", lambda e: moved(e, *BACK, *MOVED[:4])),
    (WHOLE, lambda e: resaid(e, loan.loan_returned(BANK_FEN - 1), loan.LENDER[0])),
    (WHOLE, lambda e: resaid(e, loan.lending_ended(BANK_FEN - 1), loan.LENDER[0])),
    (WHOLE, lambda e: without(e, LendingEnded)),
    (WHOLE, lambda e: moved(e, *DOWN_PAID, *LENT[1:], FIRST, SECOND, FUNDS)),
    ("liaocheng-fund has ended its lending and is whole", lambda e: without(e, LoanReturned)),
    ("the register is as before", lambda e: replace(e, before=None)),
    ("the owners are as before", lambda e: registered(e, owners=frozenset({("buyer", "1/1")}))),
    ("the owners are as before", lambda e: registered(e, ownership_certificate="new")),
    (MORTGAGES, lambda e: registered(e, mortgages=())),
    (MORTGAGES, lambda e: registered(e, mortgages=(OLD, (2, "new", "liaocheng-ccb")))),
    (RESTRICTIONS, lambda e: registered(e, restrictions=())),
    (RESTRICTIONS, lambda e: registered(e, restrictions=(FREEZE, "another"))),
    ("no advance notice is left", lambda e: registered(e, notices=("a notice",))),
    ("the folio is free again", lambda e: registered(e, reserved_for=CASE)),
    ("every document verifies at its issuer's desk", lambda e: replace(e, documents=())),
    (ENDED, lambda e: replace(e, phases={**e.phases, "liaocheng-ccb": "closing"})),
    (ENDED, lambda e: replace(e, phases={name: p for name, p in e.phases.items() if name != "liaocheng-fund"})),
    ("nothing waits, no incident is open, no dead letter", lambda e: replace(e, waiting=("an incident",))),
    (OBSERVER, lambda e: replace(e, observed=observed(e.spoken))),
    (OBSERVER, lambda e: replace(e, observed=Observed(trouble="away"))),
    (DONE, lambda e: replace(e, done=())),
    (DONE, lambda e: replace(e, done=(Done(A_WAY.deeds[0], KNOWN | {TransferRegistered}, {}),))),
    (LEDGER, lambda e: replace(e, ledger=statement(MOVED[:-1]))),
    (LEDGER, lambda e: replace(e, ledger=statement((*MOVED, LENT[0])))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spoil"), WRONG, ids=[f"{n}-{name}" for n, (name, _) in enumerate(WRONG)])
def test_what_differs_in_a_case_called_off_fails_its_check(name: str, spoil: Callable[[Evidence], Evidence]) -> None:
    assert name in failed(spoil(cancelled()))


def test_X_4_a_mortgage_that_was_entered_meanwhile_stands_behind_the_others() -> None:
    way = WAYS_OUT["second-mortgage-once-applied"]
    named = way.deeds[0].enters[0].mortgage
    entered = replace(
        cancelled(), done=(Done(way.deeds[0], KNOWN, {}),), register=replace(BEFORE, mortgages=(OLD, (2, *named)))
    )
    assert failed(entered, way) == {}
    assert MORTGAGES in failed(registered(entered, mortgages=(OLD, (1, *named))), way)


def test_X_1_a_case_in_which_nobody_had_paid_has_nothing_to_give_back() -> None:
    check = next(one for one in called_off.checks(moved(cancelled())) if one.name == HIS_OWN)
    assert check.passed and check.detail == "nobody had paid"


# --- the end of a case that is completed otherwise --------------------------------------------------------------------

PLAIN = WayOut("plain", "LC-FULL", ("X-1",), "as it should be", COMPLETED)
PART = "each payer has paid his part, and has back what he paid beyond it"
STRANGER_PAYS = ("9999", lc.ESCROW_ACCOUNT, 500)


def completed(**other: Any) -> Evidence:
    found = agreed()
    return replace(found, ledger=found.money, **other)


def with_more(*transfers: tuple[str, str, int]) -> Evidence:
    """Beside what moves in any case, this moved too."""
    found = completed()
    all_of_them = (*PAID_IN, *transfers, *((lc.ESCROW_ACCOUNT, p.account, p.amount_fen) for p in _out(found)))
    return moved(found, *all_of_them)


def _out(found: Evidence) -> list[Payment]:
    assert found.money is not None
    return [line for line in found.money.payments if line.direction == "out"]


def test_X_1_who_paid_too_much_must_have_the_rest_back() -> None:
    assert failed(completed(), PLAIN) == {}
    back = (lc.ESCROW_ACCOUNT, "9999", 500)
    assert failed(with_more(STRANGER_PAYS, back), PLAIN) == {}
    assert PART in failed(with_more(STRANGER_PAYS), PLAIN)
    again = PAID_IN[0]
    assert PART in failed(with_more(again), PLAIN)
    assert PART not in failed(with_more(again, (again[1], again[0], again[2])), PLAIN)
    assert PART in failed(with_more(again, (again[1], "9999", again[2])), PLAIN)


def test_X_1_each_lender_has_paid_what_it_approved() -> None:
    found = replace(agreed_loans(), ledger=agreed_loans().money)
    way = replace(PLAIN, procedure="LC-LOAN")
    assert failed(found, way) == {}
    assert PART in failed(moved(found, *DOWN_PAID, LENT[1], LENT[1]), way)


def test_money_after_the_end_is_on_the_ledger_and_not_in_the_statement() -> None:
    way = replace(PLAIN, late_money=True)
    late = with_more(STRANGER_PAYS, (lc.ESCROW_ACCOUNT, "9999", 500))
    assert failed(replace(late, money=agreed().money), way) == {}
    assert LEDGER in failed(late, way)
    assert LEDGER in failed(replace(late, money=agreed().money), PLAIN)


def test_of_several_ends_and_words_just_one_is_right() -> None:
    either = replace(PLAIN, ends=(*COMPLETED, *CANCELLED), exactly_one_of=(RegistrationClosed, TransferRegistered))
    name = "exactly one was said of registration-closed, transfer-registered"
    assert failed(completed(), either) == {}
    assert name in failed(more(completed(), R, loan.closed()), either)
    assert name in failed(without(completed(), TransferRegistered), either)
    assert "the case ends as case-completed or case-cancelled" in failed(without(completed(), CaseCompleted), either)
    twice = replace(PLAIN, twice=(TransferRegistered,))
    assert "said exactly twice: transfer-registered" in failed(completed(), twice)
    again = more(completed(), R, lc.registered())
    assert "said exactly twice: transfer-registered" not in failed(again, twice)


def test_an_incident_that_is_expected_must_come_and_be_seen_to() -> None:
    closed = replace(PLAIN, incidents=(Incident(E, "failed on the rail"),))
    stands = replace(PLAIN, incidents=(Incident(E, "failed on the rail", stands=True),))
    line = ("liaocheng-notary: incident: payment 7 failed on the rail",)
    assert INCIDENTS in failed(completed(), closed)
    assert INCIDENTS not in failed(completed(settled=line), closed)
    assert INCIDENTS in failed(completed(settled=line), stands)
    assert INCIDENTS not in failed(completed(standing=line), stands)


def test_X_1_while_an_institution_is_away_the_others_must_have_gone_on() -> None:
    way = WAYS_OUT["away-escrow"]
    killed, started = way.deeds
    way = replace(PLAIN, deeds=way.deeds)

    def been_away(later: dict[Role, int]) -> Evidence:
        return completed(done=(Done(killed, frozenset(), {E: 2, R: 1}), Done(started, frozenset(), later)))

    assert DONE in failed(been_away({E: 2, R: 1}), way)
    assert DONE in failed(been_away({E: 3, R: 1}), way)
    assert DONE not in failed(been_away({E: 2, R: 2}), way)

    # What was said before somebody else's deed in between counts too; a start without a stop shows nothing.
    ends = (Done(killed, frozenset(), {E: 2, R: 1}), Done(started, frozenset(), {E: 2, R: 2}))
    between = Done(A_WAY.deeds[0], KNOWN, {E: 2, R: 2})
    way = replace(way, deeds=(killed, A_WAY.deeds[0], started))
    assert DONE not in failed(completed(done=(ends[0], between, ends[1])), way)
    assert DONE in failed(completed(done=(between, ends[1], ends[0])), way)


def test_LC_L6_a_fen_that_is_kept_on_the_way_is_paid_again_and_said() -> None:
    payoff = "the seller's bank got exactly the payoff"
    short = books(*PAID_IN, (lc.ESCROW_ACCOUNT, lc.BANK_ACCOUNT, lc.PAYOFF_FEN))
    kept = next(m for m in short["movements"] if m["credit"] == lc.BANK_ACCOUNT)
    kept["amount_fen"] -= 1
    check = failed(completed(books=short), PLAIN)[payoff]
    assert "kept on the way ¥0.01" in check.detail


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_what_was_played_is_told_with_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Console(width=200), next(iter(PROCEDURES.values())))
    good = Played(A_WAY, "cancelled under X-4", (Check("money", True, "all"),), 1.5)
    bad = Played(PLAIN, "completed", (Check("money", True, "all"), Check("rank", False, "a gap")), 2.0)
    stuck = Played(PLAIN, "", (), 3.0, ("no end in time",))
    for one in (good, bad, stuck):
        report.way_played(one)
    report.ways_out([good, bad, stuck])
    told = capsys.readouterr().out
    assert "rank: a gap" in told and "no end in time" in told and "1 of 2" in told
    assert "2 of 3 did not end as they must" in told
    report.ways_out([good])
    assert "all 1 ways out ended as they must" in capsys.readouterr().out


def test_the_end_of_a_case_is_told_with_its_clause_and_the_register(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Console(width=200), PROCEDURES["LC-LOAN", "2023-03-20"])
    report.way_out(A_WAY)
    report.register(cancelled())
    report.end(cancelled())
    told = capsys.readouterr().out
    assert "freeze-once-applied" in told and f"restricted by {FREEZE}" in told and "folio     free" in told
    assert "cancelled under X-4: refused" in told


# --- what is collected ------------------------------------------------------------------------------------------------


def test_what_the_rail_has_neither_settled_nor_returned_is_on_its_way() -> None:
    moves = books(*DOWN_PAID)
    assert on_their_way(moves) == set()
    moves["movements"] = moves["movements"][:-1]
    assert on_their_way(moves) == {"K1"}
    moves["movements"].append({**moves["movements"][-1], "kind": "returned"})
    assert on_their_way(moves) == set()


def test_an_incident_is_known_by_who_has_it_and_by_its_text() -> None:
    expected = (Incident(E, "failed on the rail"), Incident(R, "failed on the rail", stands=True))
    line = {"kind": "incident", "data": {"what": "payment 7 failed on the rail", "why": "no"}}
    named = {E: "notary", R: "registry", Role.SELLER_BANK: "bank"}
    assert meets(expected, "notary", named, line) == expected[0]
    assert meets(expected, "registry", named, line) == expected[1]
    assert meets(expected, "bank", named, line) is None
    assert meets(expected, "notary", named, {**line, "data": {"what": "something else"}}) is None
