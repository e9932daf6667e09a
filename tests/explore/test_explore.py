"""All interleavings of small worlds; what makes them fewer loses nothing; what is planted is found, with its story."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from tests.explore.__main__ import told
from tests.explore.canonical import ORDERS
from tests.explore.scopes import SCOPES, run
from tests.simulation.__main__ import quiet
from tests.simulation.city import SEATS
from tests.simulation.mutants import MUTANTS, planted

FULL = next(scope for scope in SCOPES if scope.name == "full")
PAYOFF = replace(FULL, extras=(), after=("PayoffTransferred",))
QUIET_LOAN = next(scope for scope in SCOPES if scope.name == "loan-quiet")
SERVICES = Path(__file__).parents[2] / "services"


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet()


@pytest.fixture
def orders_anew() -> Iterator[None]:
    """What other worlds have taught is forgotten before, and what this one teaches after."""
    for kept in (ORDERS.pairs, ORDERS.new, ORDERS.of):
        kept.clear()
    yield
    for kept in (ORDERS.pairs, ORDERS.new, ORDERS.of):
        kept.clear()


def test_X_1_X_2_X_3_every_interleaving_of_a_sale_paid_in_full_with_a_withdrawal_at_any_moment() -> None:
    found = run(FULL)
    assert found.broken is None, told(FULL, found)
    assert found.whole and found.states > 3_000
    assert set(found.over) == {"CaseCompleted", "CaseCancelled"}


def test_X_1_X_2_every_interleaving_of_a_sale_with_a_lender_who_joins() -> None:
    found = run(QUIET_LOAN)
    assert found.broken is None, told(QUIET_LOAN, found)
    assert found.whole and found.states > 3_000
    assert set(found.over) == {"CaseCompleted"}


@pytest.mark.usefixtures("orders_anew")
def test_what_is_taken_at_once_or_for_one_loses_no_end() -> None:
    few = run(PAYOFF)
    for seat in SEATS["LC-FULL"]:
        kinds = {kind for chapter in seat.rulebook.chapters.values() for rule in chapter.rules for kind in rule.reads}
        ORDERS.new[seat.name] |= set(combinations(sorted(kind.__name__ for kind in kinds), 2))
    ORDERS.keep()
    many = run(PAYOFF, reduced=False, twice=False)
    assert few.whole and many.whole and few.broken is None and many.broken is None
    assert many.states > 2 * few.states
    assert few.at_rest == many.at_rest


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("refund without closed", "a rule failed"),
        ("balance before payoff", "X-2 seller's part"),
        ("dedupe dropped", "what comes twice is done once"),
        ("reservation not freed", "no reservation of an ended case"),
    ],
)
def test_X_1_X_2_X_3_a_planted_fault_is_told_as_a_short_story(name: str, says: str) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    with planted(mutant) as seats:
        found = run(FULL, seats)
    assert found.broken is not None and found.broken.name == says
    assert found.story and len(found.story) < 150


def test_a_cut_short_exploration_says_so() -> None:
    found = run(FULL, until=0)
    assert not found.whole and "CUT SHORT" in told(FULL, found)


def test_nothing_that_rules_use_reads_a_cause_but_the_ledger() -> None:
    """The same word of two causes is one here: so no sentence may tell them apart."""
    readers = {
        str(path.relative_to(SERVICES))
        for folder in ("runtime/core", "escrow", "registry", "seller_bank", "lending", "buyer_bank", "fund_center")
        for path in (SERVICES / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "cause"
    }
    assert readers == {f"runtime/core/{name}.py" for name in ("file", "fold", "journal", "money")}
