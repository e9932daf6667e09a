"""Each period that a city may set for Liaocheng's two modes of sale passes without the act: it warns, and ends nothing.

choreography, periods: whose clock it is says so, once, to the keeper and to who is late; the act comes late, and the
case goes on to its end. Only the law's period of the advance notices ends something."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from contracts.event import Role
from contracts.events.case import DeadlineMissed, Lateness
from contracts.events.lender import LendingEnded, LoanDisbursed
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    TransferRegistered,
)
from contracts.period import Period
from services.lending.facts import LoanWithdrawn
from services.runtime.core.calendar_table import YearTable
from services.runtime.core.file import Phase
from services.runtime.rail.memory import Fault
from tests.stories import home
from tests.stories.acts import nobody
from tests.stories.ends import completed
from tests.stories.loan_world import ACCOUNTS, BANK, FUND, PERIODS, LoanWorld, asks
from tests.stories.world import CASE, World
from tests.support import liaocheng as lc

SEEDS, FEW = range(5), range(4)


def nobody_does(*actions: str) -> Callable[[World], None]:
    """Nobody does this until it is let go."""

    def hold(world: World) -> None:
        for action in actions:
            world.answers[action] = nobody

    return hold


def keeps_the_payoff(world: World) -> None:
    """What the escrow pays stays on the rail."""
    world.rail.slow.add(lc.ESCROW_ACCOUNT)


def keeps_the_registry_away(world: World) -> None:
    """Nobody is at the registry any more, once the transfer is entered."""

    async def close() -> None:
        world.house(Role.REGISTRY).down = True

    world.plan(world.heard(Role.SELLER_BANK, TransferRegistered), close)


def refuses_the_loan(lender: str) -> Callable[[World], None]:
    """The rail refuses this lender's loan, and nobody orders it again."""

    def hold(world: World) -> None:
        world.rail.arm(Fault(kind="refuse", from_account=ACCOUNTS[lender]))
        world.answers[f"{lender}/order-payment-again"] = nobody

    return hold


@dataclass(frozen=True)
class Missed:
    """One of the city's periods: its name and whose it is, what keeps the act from being done (None: nobody pays in),
    under which clause the observer waits for the word that is late, if for one; and who lends."""

    name: str
    whose: Role
    hold: Callable[[World], None] | None
    shown: str | None
    lender: str | None = BANK

    @property
    def period(self) -> Period:
        """As the city's settings have it."""
        return next(p for p in PERIODS if (p.name, p.whose) == (self.name, self.whose))


BANKS, CENTRES = nobody_does(f"{BANK}/decide-loan"), nobody_does(f"{FUND}/decide-loan")
LATE_LOAN = Missed("disbursement", Role.BUYER_BANK, refuses_the_loan(BANK), "LC-L5")
MISSED = (
    ("missed-price", Missed("price", Role.ESCROW, None, "LC-F1", lender=None)),
    ("missed-down-payment", Missed("down-payment", Role.ESCROW, None, "LC-L1")),
    ("missed-loan-decision", Missed("loan-decision", Role.BUYER_BANK, BANKS, "LC-L4")),
    ("missed-fund-decision", Missed("loan-decision", Role.FUND_CENTER, CENTRES, "LC-L4", FUND)),
    ("missed-consent", Missed("consent", Role.SELLER_BANK, nobody_does("decide-consent"), "LC-L4")),
    ("missed-registration", Missed("registration", Role.REGISTRY, nobody_does("decide-registration"), "LC-L4")),
    ("missed-disbursement", LATE_LOAN),
    ("missed-disbursement", Missed("disbursement", Role.FUND_CENTER, refuses_the_loan(FUND), "LC-R3", FUND)),
    ("missed-payoff", Missed("payoff-booking", Role.SELLER_BANK, keeps_the_payoff, "LC-L6")),
    ("missed-release", Missed("release", Role.SELLER_BANK, keeps_the_registry_away, None)),
)


async def rests_too_long(world: World, missed: Missed) -> None:
    """The case comes to rest before the act, and the period passes."""
    usual, period = dict(world.answers), missed.period
    if missed.hold is not None:
        missed.hold(world)
    # Without a rate nothing depends on the day on which the loan is settled.
    pays_fen = None if missed.hold is not None else 0
    await world.opened(pays_fen=pays_fen, loan=home.loan(annual_rate_ppm=0), periods=PERIODS)
    await world.run()
    assert not await world.said(DeadlineMissed)
    world.publish(YearTable(2027, frozenset({date(2027, 1, 1)}), frozenset()))
    world.log.now += timedelta(days=2 * period.days + 3)
    await world.run()
    (said,) = await world.said(DeadlineMissed)
    assert (said.fact.period, said.fact.late, said.fact.lateness) == (period, missed.whose, Lateness.NOT_DONE)
    assert said.speaker == world.house(missed.whose).institution.house.source
    assert set((await world.phases()).values()) == {Phase.OPEN}, "it warns and ends nothing"
    overdue = [(waits.by.role, waits.clause) for waits in world.page().waiting_for if waits.overdue]
    assert overdue == ([(missed.whose, missed.shown)] if missed.shown is not None else [])
    world.answers = usual
    world.rail.slow.clear()
    for house in world.houses.values():
        house.down = False


def test_X_3_every_period_that_the_city_names_is_missed_once() -> None:
    assert {(p.name, p.whose) for p in PERIODS} == {(missed.name, missed.whose) for _, missed in MISSED}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "missed", [pytest.param(one, id=f"{way}-{one.whose}", marks=pytest.mark.way_out(way)) for way, one in MISSED]
)
async def test_X_3_a_period_passes_and_is_told_and_the_case_goes_on(missed: Missed, seed: int) -> None:
    world = LoanWorld(seed, asks(missed.lender), (missed.lender,)) if missed.lender is not None else World(seed)
    await rests_too_long(world, missed)
    if missed.hold is None:
        await world.pay(world.own_fen)
    await world.run()
    assert len(await world.said(DeadlineMissed)) == 1
    if isinstance(world, LoanWorld):
        await world.is_sold(*world.asked, settled_fen=61_000_000)
    else:
        await completed(world, settled_fen=61_000_000)


@pytest.mark.way_out("lender-late")
@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_a_lender_that_is_late_pays_in_the_end_or_says_no(seed: int) -> None:
    """Its notice stands meanwhile, and secures it."""
    world = LoanWorld(seed, asks(BANK), (BANK,) if seed % 3 else ())
    await rests_too_long(world, LATE_LOAN)
    assert len((await world.register()).notices) == 2 and not await world.said(LoanDisbursed)
    if seed % 2:
        no = LoanWithdrawn(by_clerk="Chen", because="the money cannot be found", clause="LC-R2")
        await world.tell(BANK, no, CASE)
        await world.run()
        await world.is_called_off(clause="LC-R2")
        assert [ended.fact.sent_fen for ended in await world.said(LendingEnded)] == [0]
    else:
        await world.run()
        await world.is_sold(BANK, settled_fen=61_000_000)


@pytest.mark.way_out("notice-lapsed")
@pytest.mark.parametrize("seed", FEW)
async def test_X_3_a_notice_lapses_before_the_loan_could_be_paid(seed: int) -> None:
    lenders = ((BANK,), (BANK, FUND))[seed % 2]
    world = LoanWorld(seed, asks(*lenders))
    refuses_the_loan(BANK)(world)
    await world.opened()
    await world.run()
    assert set((await world.phases()).values()) == {Phase.OPEN}
    world.log.now += timedelta(days=120)
    await world.run()
    assert not await world.said(AdvanceNoticeLapsed), "whether the last day is worked nobody knows yet"
    assert [row.data["year"] for row in await world.rows("incident") if "year" in row.data] == [2027]
    world.publish(YearTable(2027, frozenset({date(2027, 2, 22)}), frozenset()))
    await world.run()
    await world.is_called_off(clause="Civil Code 221")
    assert len(await world.said(AdvanceNoticeLapsed)) == 1 and not await world.said(AdvanceNoticeEnded)
    assert (await world.said(AdvanceNoticeRegistered))[0].at < (await world.said(AdvanceNoticeLapsed))[0].at
