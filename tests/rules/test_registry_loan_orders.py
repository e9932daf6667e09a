"""Facts may come in any order between different speakers: in a sale with a loan too the registry says the same.

What one institution says comes in its own order. That each word is one that the procedure allows then, the fold sees
to; a word out of order stops the bench.
"""

from collections import Counter
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Event, Role
from contracts.events.registry import (
    AdvanceNoticeRegistered,
    ClosingRefused,
    RegistrationClosed,
    Stage,
    TransferRegistered,
)
from services.registry.facts import NoticesEntered, OwnershipEntered
from services.registry.register import Register
from services.runtime.core.journal import digest
from tests.rules import registry_cases as home
from tests.rules import registry_loan_cases as sale
from tests.rules.registry_loan_cases import BANK, FUND, NOTICE, REGISTRATION, TOGETHER
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import Bench

Act = Callable[[Bench], object]
Line = tuple[Act, ...]


def says(by: tuple[Role, str], *events: Event) -> Line:
    """What one institution says, in its order."""
    return tuple(lambda bench, event=event: bench.hear(event, by) for event in events)


def lenders_part(lender: tuple[Role, str], stage: Stage) -> Event:
    """A lender's part, on the notice that it was given."""
    return sale.part(lender, stage, 1, TOGETHER)


def merged(lines: tuple[Line, ...], order: list[int]) -> list[Act]:
    """The acts of all lines, the next of a line wherever the order names it."""
    left = [list(line) for line in lines]
    return [left[n].pop(0) for n in order]


def orders(lines: tuple[Line, ...]) -> st.SearchStrategy[list[int]]:
    """Every way in which the lines can come together."""
    return st.permutations([n for n, line in enumerate(lines) for _ in line])


# The lenders apply in the order of TOGETHER, so that their notices have the numbers that the words below name.
NOTICES: tuple[Line, ...] = (
    says(sale.NOTARY, sale.opened(TOGETHER, periods=(home.PERIOD,)), loan.certified(), sale.applied(lending=TOGETHER)),
    says(sale.SELLERS_BANK, lc.consent()),
    says(BANK, sale.approved(BANK, sale.BANK_FEN), lenders_part(BANK, NOTICE)),
    says(FUND, sale.approved(FUND, loan.FUND_FEN)),
)
FUNDS_PART = says(FUND, lenders_part(FUND, NOTICE))
ENTRY: tuple[Line, ...] = (
    says(
        sale.NOTARY,
        sale.loan_held(BANK, complete=False),
        sale.applied(REGISTRATION, lending=TOGETHER),
        sale.loan_held(FUND),
    ),
    says(BANK, loan.disbursed(sale.BANK_FEN, BANK), lenders_part(BANK, REGISTRATION)),
    says(FUND, lenders_part(FUND, REGISTRATION), loan.disbursed(loan.FUND_FEN, FUND)),
    says(sale.SELLERS_BANK, home.released(lc.MORTGAGE)),
)


def try_the_notices(bench: Bench) -> None:
    """The registrar comes back until the notices are entered."""
    if not bench.said(NoticesEntered):
        sale.approve(bench)


def try_the_entry(bench: Bench) -> None:
    """The registrar comes back until the transfer is entered."""
    if not bench.said(OwnershipEntered):
        sale.approve(bench, REGISTRATION)


@settings(max_examples=60, deadline=None)
@given(orders(NOTICES), orders(ENTRY), st.lists(st.integers(0, 8), max_size=3))
def test_LC_L4_LC_L5_any_order_of_escrow_and_lenders_gives_the_same_conversation(
    to_the_notices: list[int], to_the_entry: list[int], tries: list[int]
):
    bench = sale.with_folio()
    for place, act in enumerate((*merged(NOTICES, to_the_notices), *FUNDS_PART)):
        act(bench)
        for _ in range(tries.count(place)):
            try_the_notices(bench)
    try_the_notices(bench)
    for place, act in enumerate(merged(ENTRY, to_the_entry)):
        act(bench)
        for _ in range(tries.count(place)):
            try_the_entry(bench)
    try_the_entry(bench)
    assert Counter(bench.conversation()) == Counter(
        ("FolioReserved", "AdvanceNoticeRegistered", "TransferRegistered", "MortgageReleased")
    )
    register = home.register(bench)
    assert [(m.mortgagee, m.rank) for m in register.mortgages] == [(BANK[1], 1), (FUND[1], 2)]
    assert [o.person for o in register.owners] == [lc.BUYER]
    assert register.notices == ()
    assert [entry.number for entry in register.history] == list(range(1, len(register.history) + 1))
    assert not bench.rows("incident") and not bench.rows("period") and not bench.rows("wait")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_X_3_notices_entry_and_closing_in_every_order_end_in_one_state(data: st.DataObject):
    acts: list[Act] = [*merged(NOTICES, data.draw(orders(NOTICES))), *FUNDS_PART, try_the_notices]
    acts.insert(data.draw(st.integers(0, len(acts))), *says(sale.NOTARY, home.closing()))
    bench = sale.with_folio()
    for act in acts:
        act(bench)
    for act in merged(ENTRY[:3], data.draw(orders(ENTRY[:3]))):
        act(bench)
    try_the_entry(bench)
    ends = says(BANK, loan.lending_ended()), says(FUND, loan.lending_ended(1), loan.loan_returned(1))
    for act in merged(ends, data.draw(orders(ends))):
        act(bench)
    noticed = bench.said(AdvanceNoticeRegistered)
    assert len(bench.said(RegistrationClosed)) == 1
    assert not bench.said(TransferRegistered) and not bench.said(ClosingRefused)
    assert bench.conversation().count("AdvanceNoticeEnded") == len(noticed) <= 1
    register = home.register(bench)
    assert (register.notices, register.owners) == ((), home.register(sale.with_folio()).owners)
    assert [(m.certificate, m.rank) for m in register.mortgages] == [(lc.MORTGAGE, 1)]


def test_same_letters_give_the_same_register_and_digest():
    def play() -> tuple[Register, str]:
        bench = sale.entered(None, TOGETHER)
        return home.register(bench), digest(bench.subject().items)

    assert play() == play()
