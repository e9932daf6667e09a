"""Facts come in any order: a lender says the same, whatever overtakes what on the lines to it; and a case may be closed
at any moment."""

import re
from collections.abc import Callable, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Event
from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.escrow import MoneyKind
from contracts.events.lender import LendingEnded, LoanDisbursed, LoanReturned
from services.lending.facts import ApplicationMended
from services.lending.views import Lent
from services.runtime.core.facts import Command, Pay
from services.runtime.core.file import Phase, Refused
from services.runtime.core.money import Ledger
from services.runtime.core.rows import Row
from services.runtime.core.rule import view
from tests.rules import lender_cases as own
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import Bench

Arrival = Callable[[Bench], object]
LEADING = ln.transfer_application().application.number

UP_TO_THE_PART: dict[str, Arrival] = {
    "opened": lambda bench: bench.hear(own.opened(institutions=ln.WITH_BOTH), lc.NOTARY),
    "certified": lambda bench: bench.hear(ln.certified(), lc.NOTARY),
    "reserved": lambda bench: bench.hear(lc.reserved(), lc.REGISTRY),
    "consent": lambda bench: bench.hear(lc.consent(), lc.BANK),
    "no": lambda bench: bench.hear(ln.rejected(), ln.FUND),
    "applied": lambda bench: bench.own(own.applied(bench)),
}
UP_TO_THE_ENTRY: dict[str, Arrival] = {
    "accepted": lambda bench: own.accepted(bench),
    "settled": lambda bench: own.settled(bench),
    "loan": lambda bench: bench.hear(ln.certified(MoneyKind.LOAN, ln.LENDER[1], price_complete=True, n=25), lc.NOTARY),
}
THE_END: dict[str, Arrival] = {
    "registered": lambda bench: bench.hear(ln.registered(), lc.REGISTRY),
    "released": lambda bench: bench.hear(lc.released(), lc.REGISTRY),
}
EXPECTED = ["JoinRequested", "LoanApproved", "LoanDisbursed", "MortgageApplicationMade", "MortgageApplicationMade"]


def act_for(row: Row) -> Command | None:
    """What a clerk does about what waits."""
    match row.data["action"]:
        case "decide-loan":
            return own.yes() if "has not confirmed" not in row.data["what"] else None
        case "sign-contracts":
            return own.signed()
        case "mend-application":
            return ApplicationMended(by_clerk="Qian", application=row.data["about"], mended="done")
        case _:
            return None


def clerks(bench: Bench) -> None:
    """People do what their worklist says, until nothing waits that they can do."""
    while found := next((act for row in bench.rows("wait") if (act := act_for(row)) is not None), None):
        assert not [item for item in bench.own(found).items if isinstance(item, Refused)]


def play(bench: Bench, names: list[str], arrivals: Mapping[str, Arrival]) -> None:
    for name in names:
        arrivals[name](bench)
        clerks(bench)


def words(bench: Bench) -> list[str]:
    """All it said to others, with content and recipients, sorted; but for whether it still had to ask for its part."""
    said = [s for s in bench.outbox if isinstance(s.filed.fact, Event) and "join" not in s.filed.fact.type_name]
    lines = [f"{s.filed.fact.type_name} {s.filed.fact.model_dump_json()} {s.to}" for s in said]
    return sorted(re.sub(r", [0-9]+\)", ")", line) for line in lines)


def way_through(first: list[str], then: list[str], last: list[str]) -> Bench:
    bench = own.lender()
    play(bench, first, UP_TO_THE_PART)
    bench.hear(ln.returned(LEADING), lc.REGISTRY)
    clerks(bench)
    bench.hear(ln.noticed(), lc.REGISTRY)
    play(bench, then, UP_TO_THE_ENTRY)
    play(bench, last, THE_END)
    bench.hear(CaseCompleted(ownership_certificate=lc.document("不动产权证书", 4)), lc.NOTARY)
    return bench


ORDERS = [st.permutations(list(arrivals)) for arrivals in (UP_TO_THE_PART, UP_TO_THE_ENTRY, THE_END)]


@settings(max_examples=20, deadline=None)
@given(*ORDERS)
def test_LC_L5_facts_in_any_order_give_the_same_conversation(
    first: list[str], then: list[str], last: list[str]
) -> None:
    bench = way_through(first, then, last)
    expected = way_through(list(UP_TO_THE_PART), list(UP_TO_THE_ENTRY), list(THE_END))
    assert words(bench) == words(expected)
    assert bench.dead == []
    assert len(own.loans(bench)) == 1
    assert bench.rows("wait") == bench.rows("period") == bench.rows("incident") == []


# --- closed at any moment ---------------------------------------------------------------------------------------------

STEPS: tuple[tuple[str, Arrival], ...] = (
    *UP_TO_THE_PART.items(),
    ("noticed", lambda bench: bench.hear(ln.noticed(), lc.REGISTRY)),
    *UP_TO_THE_ENTRY.items(),
)


def rail_answers(bench: Bench, answer: str) -> None:
    """The rail says what becomes of an order that it has not answered yet; then the escrow sends back what it got."""
    lent = view(Lent, bench.subject(), bench.subject().file(own.CASE))
    order = lent.orders[-1] if lent is not None and lent.orders else None
    if order is None:
        return
    if answer == "refused" and order.state == "asked":
        own.refused_by_the_rail(bench)
        return
    if order.state == "asked":
        own.accepted(bench)
    if answer == "returned" and order.state != "settled":
        own.returned_by_the_rail(bench)
        return
    if order.state != "settled":
        own.settled(bench)
    half = order.pay.amount_fen // 2
    bench.own(own.money(half, line=70))
    assert bench.said(LoanReturned) == []
    bench.own(own.money(order.pay.amount_fen - half, line=71))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, len(STEPS)), st.sampled_from(["refused", "returned", "settled"]), st.booleans())
def test_X_1_X_3_a_case_closed_at_any_moment_leaves_the_lender_whole(at: int, answer: str, withdraws: bool) -> None:
    bench = own.lender()
    bench.hear(own.opened(), lc.NOTARY)
    for name, arrive in STEPS[:at]:
        if name != "opened":
            arrive(bench)
            clerks(bench)
    if withdraws:
        bench.own(own.withdrawn())
    bench.hear(ln.closed(), lc.REGISTRY)
    ordered = len(own.loans(bench))
    rail_answers(bench, answer)
    (ended,) = bench.said(LendingEnded)
    sent = sum(word.amount_fen or 0 for word in bench.said(LoanDisbursed))
    assert ended.sent_fen == sent
    assert [word.amount_fen for word in bench.said(LoanReturned)] == ([sent] if sent else [])
    assert len(own.loans(bench)) == ordered
    ledger = view(Ledger, bench.subject(), bench.subject().file(own.CASE))
    assert ledger is not None and ledger.in_fen == ledger.out_fen
    bench.hear(CaseCancelled(because="called off", clause="X-3"), lc.NOTARY)
    assert bench.subject().file(own.CASE).phase is Phase.ENDED
    assert bench.rows("wait") == bench.rows("period") == bench.rows("payment") == []
    assert [pay for pay in bench.said(Pay) if pay.purpose != "loan"] == []


def test_the_way_through_says_what_it_should() -> None:
    bench = way_through(["applied", "opened", "certified", "reserved", "consent", "no"], list(UP_TO_THE_ENTRY), [])
    rounds = ["MortgageApplicationMade"]  # what was given back once was made again
    assert sorted(bench.conversation()) == sorted(EXPECTED + rounds)
