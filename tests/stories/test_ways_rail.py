"""The rail fails with a payment: it refuses, gives the money back, does not answer, or answers twice.

X-1: whatever the rail does, each payment arrives once, to the fen; what it refused or gave back is ordered again."""

from collections import Counter

import pytest

from contracts.event import Role
from contracts.events.registry import RegistrationRefused
from contracts.events.seller_bank import PayoffQuoted
from services.registry.facts import Decision
from services.runtime.core.facts import PaymentOrderedAgain
from services.runtime.rail.memory import Fault
from tests.stories.acts import Registrar, refuses
from tests.stories.ends import cancelled, completed
from tests.stories.loan_world import ACCOUNTS, BANK, FUND, LoanWorld, asks
from tests.stories.world import CASE, World
from tests.support import liaocheng as lc

SEEDS, FEW = range(6), range(4)
FAILS = [
    pytest.param(kind, marks=pytest.mark.way_out(way))
    for kind, way in {
        "refuse": "rail-refused",
        "return": "rail-returned",
        "timeout": "rail-timed-out",
        "timeout-after": "rail-timed-out",
        "twice": "rail-answered-twice",
    }.items()
]
"""`timeout`: nothing is booked, `timeout-after`: the money is gone; in both nobody says so."""
ESCROWS = {"payoff": lc.BANK_ACCOUNT, "balance": lc.SELLER_ACCOUNT, "refund": lc.BUYER_ACCOUNT}
"""Whom the escrow pays."""


def fails(world: World, kind: str, payer: str, account: str, payee: str | None = None) -> None:
    """The next payment of this institution from its account fails so; or all that it hears of it, it hears twice."""
    if kind == "twice":
        world.log.echoes.add(world.house(payer).institution.inbox)
    else:
        world.rail.arm(Fault(kind=kind, from_account=account, to_account=payee))  # type: ignore[arg-type]


async def was_met(world: World, kind: str, times: int, *payers: str) -> None:
    """The fault came about, and a clerk ordered again what had failed, and nothing else."""
    if kind == "twice":
        for inbox in world.log.echoes:
            heard = Counter(dict(one.record.headers)["ce_id"] for one in world.log.everything(inbox))
            assert max(heard.values()) > 1
    else:
        assert sum(fired for _, fired in world.rail.armed()) == times
    ordered = [again for payer in payers for again in (await world.file(payer)).every(PaymentOrderedAgain)]
    failed = [what for _, what in await world.alarms() if "failed on the rail" in what or "not back with" in what]
    assert len(ordered) == len(failed) == (times if kind in ("refuse", "return") else 0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", FAILS)
@pytest.mark.parametrize("payment", ESCROWS)
async def test_X_1_the_rail_fails_once_and_nothing_is_paid_twice(payment: str, kind: str, seed: int) -> None:
    world = World(seed)
    fails(world, kind, lc.NOTARY[1], lc.ESCROW_ACCOUNT, ESCROWS[payment])
    if payment == "refund":
        world.answers["decide-consent"] = refuses
    await world.opened()
    await world.run()
    await was_met(world, kind, 1, lc.NOTARY[1])
    await (cancelled(world, clause="LC-F2") if payment == "refund" else completed(world))


@pytest.mark.parametrize("seed", FEW)
@pytest.mark.parametrize("kind", FAILS)
async def test_X_1_the_rail_fails_with_the_banks_surplus_and_it_comes_back_once(kind: str, seed: int) -> None:
    """The seller pays the debt himself while the payoff is on the rail: the bank sends it back to the escrow."""
    world = World(seed)
    fails(world, kind, lc.BANK[1], lc.BANK_ACCOUNT)
    world.rail.slow.add(lc.ESCROW_ACCOUNT)
    await world.opened()
    assert await world.until(world.heard(Role.ESCROW, PayoffQuoted))
    owed_fen = (await world.said(PayoffQuoted))[0].fact.total_fen
    await world.run()
    await world.pay(owed_fen, payer=lc.SELLER_ACCOUNT, to=lc.BANK_ACCOUNT, reference=CASE)
    await world.run()
    world.rail.slow.clear()
    await world.run()
    await was_met(world, kind, 1, lc.BANK[1])
    await completed(world)


def lenders_of(seed: int) -> tuple[str, ...]:
    """A bank alone, the centre alone, or both."""
    return ((BANK,), (FUND,), (BANK, FUND), (BANK,))[seed % 4]


def loan_fails(world: LoanWorld, kind: str, *, on_its_way_back: bool) -> None:
    """The payment of each lender's loan fails so, or that of its return."""
    for name in world.asked:
        if on_its_way_back:
            fails(world, kind, lc.NOTARY[1], lc.ESCROW_ACCOUNT, ACCOUNTS[name])
        else:
            fails(world, kind, name, ACCOUNTS[name])


@pytest.mark.parametrize("seed", FEW)
@pytest.mark.parametrize("kind", FAILS)
async def test_X_1_the_rail_fails_with_the_loan_and_it_is_paid_once(kind: str, seed: int) -> None:
    lenders = lenders_of(seed)
    world = LoanWorld(seed, asks(*lenders))
    loan_fails(world, kind, on_its_way_back=False)
    await world.opened()
    await world.run()
    await was_met(world, kind, len(lenders), *lenders)
    await world.is_sold(*lenders)


@pytest.mark.parametrize("seed", FEW)
@pytest.mark.parametrize("kind", FAILS)
async def test_X_1_the_rail_fails_with_the_return_of_a_loan_and_it_comes_back_once(kind: str, seed: int) -> None:
    lenders = lenders_of(seed)
    world = LoanWorld(seed, asks(*lenders))
    Registrar(world, Decision.APPROVE, Decision.REFUSE)
    await world.opened()
    assert await world.until(world.heard(Role.ESCROW, RegistrationRefused))
    loan_fails(world, kind, on_its_way_back=True)
    await world.run()
    await was_met(world, kind, len(lenders), lc.NOTARY[1])
    await world.is_called_off(clause="LC-R1")
