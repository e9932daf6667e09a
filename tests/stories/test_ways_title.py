"""What stands in the register against a sale: when the folio is claimed, and at each stage from then until the entry.

X-4: the case ends with the reason, each payer has its own back, and what was entered stands as it was entered."""

from typing import Any

import pytest

from contracts.event import Role
from contracts.events.case import CaseOpened, ClosingRequested
from contracts.events.registry import FolioRefused, FolioReserved, RefusalReason, RegistrationRefused
from services.registry.facts import MortgageEntered, RestrictionEntered, RestrictionKind
from services.runtime.core.file import STANDING
from tests.stories import home
from tests.stories.acts import Registrar
from tests.stories.ends import cancelled, over
from tests.stories.loan_world import BANK, LoanWorld, asks
from tests.stories.world import CASE, World
from tests.support import liaocheng as lc

SEEDS, SOME, FEW = range(8), range(5), range(3)
AGAINST: dict[str, RestrictionEntered | MortgageEntered] = {
    "freeze": home.restriction(RestrictionKind.FREEZE),
    "seizure": home.restriction(RestrictionKind.SEIZURE),
    "right-of-residence": home.restriction(RestrictionKind.RIGHT_OF_RESIDENCE),
    "second-mortgage": home.second_mortgage(),
}
REFUSED = {
    "folio-frozen": ("freeze", RefusalReason.FREEZE),
    "folio-seized": ("seizure", RefusalReason.SEIZURE),
    "folio-right-of-residence": ("right-of-residence", RefusalReason.RIGHT_OF_RESIDENCE),
    "folio-foreign-mortgage": ("second-mortgage", RefusalReason.FOREIGN_MORTGAGE),
}


def stands(what: str) -> dict[str, Any]:
    """What of it is in the register at the end."""
    if isinstance(AGAINST[what], MortgageEntered):
        return {"mortgages": [home.SECOND_MORTGAGE]}
    return {"restrictions": [home.ORDER]}


@pytest.mark.parametrize("seed", SOME)
@pytest.mark.parametrize("borrows", [False, True], ids=["full", "loan"])
@pytest.mark.parametrize("way", [pytest.param(way, marks=pytest.mark.way_out(way)) for way in REFUSED])
async def test_X_4_the_folio_is_refused_and_says_why(seed: int, way: str, borrows: bool) -> None:
    what, reason = REFUSED[way]
    world = LoanWorld(seed, asks(BANK)) if borrows else World(seed)
    await world.tell(Role.REGISTRY, home.folio(), STANDING)
    await world.tell(Role.REGISTRY, AGAINST[what], STANDING)
    await world.opened()
    await world.run()
    await cancelled(world, clause="X-4", **stands(what))
    assert [r.reason for r in (await world.said(FolioRefused))[0].fact.reasons] == [reason]
    assert not await world.said(ClosingRequested) and not await world.said(FolioReserved)


@pytest.mark.way_out("folio-second-case")
@pytest.mark.parametrize("seed", SEEDS)
async def test_X_4_of_two_sales_of_one_home_one_goes_through_and_the_other_is_refused(seed: int) -> None:
    other = f"{CASE[:-1]}2"
    world = World(seed)
    world.cases = [CASE, other]
    await world.begin(home.folio(), home.loan())
    await world.some_steps(40)
    await world.bring(world.sale(contract_number="LC-2026-000124"), other)
    for case in world.cases:
        assert await world.until(world.heard(Role.ESCROW, CaseOpened, case=case))
        await world.pay(lc.PRICE_FEN, reference=case)
    await world.run()
    (through,) = [case for case in world.cases if await world.said(FolioReserved, case=case)]
    (refused,) = [case for case in world.cases if await world.said(FolioRefused, case=case)]
    assert {through, refused} == {CASE, other}
    reasons = (await world.said(FolioRefused, case=refused))[0].fact.reasons
    assert [r.reason for r in reasons] == [RefusalReason.OTHER_CASE]
    ended = {case: type(await over(world, case)).__name__ for case in world.cases}
    assert ended == {through: "CaseCompleted", refused: "CaseCancelled"}
    assert world.rail.balance_fen(lc.BUYER_ACCOUNT) == 9 * lc.PRICE_FEN
    assert world.rail.balance_fen(lc.ESCROW_ACCOUNT) == 0
    assert (await world.register()).mortgages == () and not (await world.register()).reserved_for


async def entered_once(world: World, stage: str, what: str) -> None:
    """This is entered once the case has come to a stage, and before the registrar decides on the entry."""
    registrar = Registrar(world, enters=False)
    await world.opened()
    assert await world.until(world.stages()[stage])
    await world.tell(Role.REGISTRY, AGAINST[what], STANDING)
    assert await world.until(world.heard(Role.REGISTRY, type(AGAINST[what]), case=STANDING))
    registrar.enters = True
    await world.run()
    assert len(await world.said(FolioReserved)) == 1
    (refused,) = await world.said(RegistrationRefused)
    assert len(refused.fact.reasons) == 1
    assert (home.SECOND_MORTGAGE if what == "second-mortgage" else home.ORDER) in refused.fact.reasons[0].detail
    await cancelled(world, clause="X-4", **stands(what))


def ways(stages: tuple[str, ...], ending: str = "") -> list[Any]:
    """Each of the four at each of these stages, with its name."""
    names = {(what, stage): f"{what}-once-{stage}{ending}" for what in AGAINST for stage in stages}
    return [pytest.param(*one, id=name, marks=pytest.mark.way_out(name)) for one, name in names.items()]


@pytest.mark.parametrize("seed", FEW)
@pytest.mark.parametrize(("what", "stage"), ways(("reserved", "applied"), "-full"))
async def test_X_4_it_is_entered_before_the_transfer_of_a_home_paid_in_full(what: str, stage: str, seed: int) -> None:
    await entered_once(World(seed), stage, what)


@pytest.mark.parametrize("seed", FEW)
@pytest.mark.parametrize(("what", "stage"), ways(("reserved", "approved", "noticed", "disbursed", "applied")))
async def test_X_4_it_is_entered_before_the_transfer_of_a_home_that_is_lent_on(
    what: str, stage: str, seed: int
) -> None:
    await entered_once(LoanWorld(seed, asks(BANK)), stage, what)
