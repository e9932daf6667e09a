"""Facts come in any order: the bank says the same, whatever overtakes what on the lines to it."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events.escrow import BalancePaid, DepositConfirmed
from contracts.events.registry import ClosingRefused, RegistrationClosed
from contracts.events.seller_bank import PayoffQuoted
from services.runtime.core.facts import MoneyReceived, Pay
from services.runtime.core.file import Phase, Refused
from services.seller_bank.facts import ConsentDecided, PayoffAsked
from tests.rules.seller_bank_cases import (
    CASE,
    NOTARY,
    OWED_TODAY_FEN,
    REGISTRY,
    accepted,
    bank,
    cancelled,
    completed,
    example,
    loan,
    money,
    opened,
    own_money,
    period,
    registered,
    released,
    reserved,
    sent,
    words,
)
from tests.support.bench import Bench, command

Arrival = Callable[[Bench], object]

# What the bank hears before it has quoted, and what it hears of the payoff; within each, any order.
UP_TO_THE_QUOTE: dict[str, Arrival] = {
    "loan": lambda bench: bench.standing(loan()),
    "opened": lambda bench: bench.hear(opened(period("consent")), NOTARY),
    "deposit": lambda bench: bench.hear(example(DepositConfirmed), NOTARY),
    "reserved": lambda bench: bench.hear(reserved(), REGISTRY),
    "registered": lambda bench: bench.hear(registered(), REGISTRY),
}
THE_PAYOFF: dict[str, Arrival] = {
    "sent": lambda bench: sent(bench, OWED_TODAY_FEN + 5),
    "arrived": lambda bench: bench.own(money(OWED_TODAY_FEN + 5)),
    "closing refused": lambda bench: bench.hear(example(ClosingRefused), REGISTRY),
}
THE_END: dict[str, Arrival] = {
    "back": lambda bench: accepted(bench),
    "released": lambda bench: bench.hear(released(), REGISTRY),
    "balance": lambda bench: bench.hear(example(BalancePaid), NOTARY),
    "completed": lambda bench: bench.hear(completed(), NOTARY),
}
EXPECTED = ["ConsentIssued", "PayoffCompleted", "PayoffQuoted", "PayoffReturned", "ReleaseApplied"]


ACTS = {"decide-consent": command(ConsentDecided, consents=True), "ask-payoff": command(PayoffAsked)}


def clerks(bench: Bench) -> None:
    """People do what their worklist says, as soon as it says it, until nothing waits for them."""
    while True:
        # A case without its loan waits for the import; a clerk does not refuse for want of it.
        waiting = [row.data for row in bench.rows("wait") if "no loan" not in row.data["what"]]
        found = next((ACTS[data["action"]] for data in waiting if data["action"] in ACTS), None)
        if found is None:
            return
        turn = bench.own(found)
        assert not [item for item in turn.items if isinstance(item, Refused)]


def play(*acts: list[str]) -> Bench:
    bench = bank()
    for names, arrivals in zip(acts, (UP_TO_THE_QUOTE, THE_PAYOFF, THE_END), strict=True):
        for name in names:
            arrivals[name](bench)
            clerks(bench)
    return bench


ORDERS = [st.permutations(list(arrivals)) for arrivals in (UP_TO_THE_QUOTE, THE_PAYOFF, THE_END)]


@settings(max_examples=25, deadline=None)
@given(*ORDERS)
def test_facts_in_any_order_give_the_same_conversation(first: list[str], then: list[str], last: list[str]) -> None:
    bench = play(first, then, last)
    assert words(bench) == words(play(list(UP_TO_THE_QUOTE), list(THE_PAYOFF), list(THE_END)))
    assert sorted(bench.conversation()) == EXPECTED
    assert bench.dead == []
    assert [p.amount_fen for p in bench.said(Pay)] == [5]


@settings(max_examples=25, deadline=None)
@given(st.permutations(["own part", "loan", "opened", "registered", "reserved"]))
def test_the_borrowers_own_part_may_come_at_any_time_before_the_quote(order: list[str]) -> None:
    arrivals = {**UP_TO_THE_QUOTE, "own part": lambda bench: bench.own(own_money(1_000))}  # pyright: ignore
    bench = bank()
    for name in order:
        arrivals[name](bench)
    clerks(bench)
    total = bench.said(PayoffQuoted)[-1].total_fen
    assert total == OWED_TODAY_FEN - 1_000
    bench.own(money(total))
    assert sorted(bench.conversation()) == [n for n in EXPECTED if n != "PayoffReturned"]


@settings(max_examples=25, deadline=None)
@given(st.permutations(["closed", "cancelled"]), st.booleans())
def test_the_end_of_a_case_that_is_called_off_in_either_order(order: list[str], decided: bool) -> None:
    bench = bank()
    bench.standing(loan())
    bench.hear(opened(), NOTARY)
    if decided:
        bench.own(command(ConsentDecided, consents=True))
    for name in order:
        bench.hear(example(RegistrationClosed), REGISTRY) if name == "closed" else bench.hear(cancelled(), NOTARY)
    assert bench.subject().file(CASE).phase is Phase.ENDED
    assert bench.rows("wait") == []
    assert bench.rows("period") == []
    bench.own(money(10))
    assert [row.data["clause"] for row in bench.rows("incident")] == ["X-1"]
    assert bench.conversation() == (["ConsentIssued"] if decided else [])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=OWED_TODAY_FEN), min_size=1, max_size=6))
def test_X_1_every_fen_that_comes_is_booked_or_goes_back(amounts: list[int]) -> None:
    bench = bank()
    bench.standing(loan())
    bench.hear(opened(), NOTARY)
    clerks(bench)
    bench.hear(registered(), REGISTRY)
    for number, amount in enumerate(amounts):
        clerks(bench)
        bench.own(money(amount, f"T-{number}"))
    received = sum(m.fact.amount_fen for m in bench.file(MoneyReceived))
    back = sum(p.amount_fen for p in bench.said(Pay))
    assert back == max(0, received - OWED_TODAY_FEN)
    assert ("ReleaseApplied" in bench.conversation()) == (received >= OWED_TODAY_FEN)
    assert bench.conversation().count("PayoffCompleted") == len(amounts)
