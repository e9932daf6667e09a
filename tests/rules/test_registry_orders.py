"""Facts may come in any order: the registry's conversation is the same set.

That each word is one that the procedure allows then, the fold sees to; a word out of order stops the bench.
"""

from collections import Counter
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Event
from contracts.events.registry import ClosingRefused, FolioReserved, RegistrationClosed, TransferRegistered
from services.registry.facts import OwnershipEntered, RestrictionKind
from services.registry.register import Register
from services.runtime.core.file import Refused
from services.runtime.core.journal import digest
from tests.rules import registry_cases as home
from tests.support.bench import Bench

Act = Callable[[Bench], object]


def notary(event: Event, case: str = home.FIRST) -> Act:
    """The notary says it."""
    return lambda bench: bench.hear(event, home.NOTARY, case=case)


def bank(event: Event, case: str = home.FIRST) -> Act:
    """The seller's bank says it."""
    return lambda bench: bench.hear(event, home.BANK, case=case)


SALE: tuple[Act, ...] = (
    notary(home.opened(periods=(home.PERIOD,))),
    notary(home.deposited()),
    bank(home.consented()),
    notary(home.applied()),
    bank(home.released()),
)


def approve_until_done(bench: Bench) -> None:
    """The registrar comes back until the application is decided."""
    if not bench.said(OwnershipEntered):
        home.approve(bench)


@settings(max_examples=60, deadline=None)
@given(st.permutations(SALE), st.lists(st.integers(0, len(SALE)), max_size=3))
def test_LC_F3_LC_F4_any_order_of_facts_gives_the_same_conversation(order: list[Act], tries: list[int]):
    bench = home.with_folio()
    for place, act in enumerate(order):
        act(bench)
        for _ in range(tries.count(place)):
            approve_until_done(bench)
    approve_until_done(bench)
    assert set(bench.conversation()) == {"FolioReserved", "TransferRegistered", "MortgageReleased"}
    assert Counter(bench.conversation())["TransferRegistered"] == 1
    told = {
        recipient
        for said in bench.outbox
        if type(said.filed.fact).__name__ == "MortgageReleased"
        for recipient, _ in said.to
    }
    assert "daiya.escrow.liaocheng-notary" in told
    register = home.register(bench)
    assert (register.mortgages, [o.person for o in register.owners]) == ((), [home.BUYER, home.SPOUSE])
    assert [entry.number for entry in register.history] == list(range(1, len(register.history) + 1))
    assert not bench.rows("incident") and not bench.rows("period") and not bench.rows("wait")


@settings(max_examples=60, deadline=None)
@given(st.permutations((*SALE[1:4], notary(home.closing()), approve_until_done)))
def test_X_3_entry_and_closing_exclude_each_other_in_every_order(order: list[Act]):
    bench = home.with_folio()
    SALE[0](bench)
    for act in order:
        act(bench)
    entered, closed = bench.said(TransferRegistered), bench.said(RegistrationClosed)
    assert len(entered) + len(closed) <= 1
    assert len(closed) + len(bench.said(ClosingRefused)) == 1
    assert bool(bench.said(ClosingRefused)) == bool(entered)


@settings(max_examples=60, deadline=None)
@given(st.permutations([0, 1, 2]), st.permutations((*range(3), *range(3))))
def test_X_4_whatever_the_order_at_most_one_case_holds_the_folio(cases: list[int], steps: list[int]):
    bench = home.with_folio()
    names = [f"LCF-TEST-{n + 1}" for n in cases]
    reserved: list[str] = []
    seen: set[int] = set()
    for n in steps:
        bench.hear(home.cancelled() if n in seen else home.opened(), home.NOTARY, case=names[n])
        seen.add(n)
        live = [
            case
            for case in names
            if bench.said(FolioReserved, case=case) and not bench.file(type(home.cancelled()), case=case)
        ]
        assert len(live) <= 1
        assert home.register(bench).reserved_for == "".join(live)
        reserved += [case for case in live if case not in reserved]
    assert reserved
    for case in names:
        words = bench.said(FolioReserved, case=case)
        assert len(words) == (1 if case in reserved else 0)


@settings(max_examples=40, deadline=None)
@given(st.permutations((*SALE, lambda bench: bench.standing(home.restricted(RestrictionKind.FREEZE)))))
def test_X_4_freeze_and_sale_in_any_order_never_enter_a_frozen_home(order: list[Act]):
    bench = home.with_folio()
    for act in order:
        act(bench)
    turn = home.approve(bench)
    said = set(bench.conversation())
    assert not bench.said(OwnershipEntered)
    if "FolioRefused" in said:
        assert any(isinstance(item, Refused) for item in turn.items)
    else:
        assert "RegistrationRefused" in said
    assert home.register(bench).owners == home.folio().owners


def test_same_letters_give_the_same_register_and_digest():
    def play() -> tuple[Register, str]:
        bench = home.with_folio()
        for act in SALE:
            act(bench)
        home.approve(bench)
        return home.register(bench), digest(bench.subject().items)

    assert play() == play()
