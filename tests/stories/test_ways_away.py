"""An institution is down for the whole middle of a case: its inbox waits, the others do what they can without it."""

from datetime import timedelta

import pytest

from contracts.event import Role
from services.runtime.core.file import Phase
from tests.stories import home
from tests.stories.loan_world import BANK, FUND, LoanWorld, asks

AWAY = {
    "away-escrow": (Role.ESCROW, ("joined", "decided", "notice registered", "loan arrived", "entry applied for")),
    "away-registry": (Role.REGISTRY, ("opened", "approved", "notice applied for", "loan arrived", "entry applied for")),
    "away-seller-bank": (Role.SELLER_BANK, ("opened", "approved", "notice registered", "loan certified")),
    "away-buyer-bank": (Role.BUYER_BANK, ("joined", "decided", "approved", "notice registered", "loan arrived")),
    "away-fund-center": (Role.FUND_CENTER, ("joined", "decided", "approved", "notice registered", "loan arrived")),
}
"""Who, and from which stages on."""


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("way", [pytest.param(way, marks=pytest.mark.way_out(way)) for way in AWAY])
async def test_X_1_an_institution_that_was_away_finds_everything_in_its_inbox(way: str, seed: int) -> None:
    who, stages = AWAY[way]
    world = LoanWorld(seed, asks(BANK, FUND))
    await world.opened(loan=home.loan(annual_rate_ppm=0))
    assert await world.until(world.moments(FUND if who is Role.FUND_CENTER else BANK)[stages[seed % len(stages)]])
    house = world.house(who)
    house.down = True
    knew = sum(house.committed.values())
    await world.run()
    phases = await world.phases()
    assert phases.pop(house.member.name, Phase.OPEN) is Phase.OPEN and sum(house.committed.values()) == knew
    # Only a lender that has said all it has to say may miss the end.
    assert set(phases.values()) == {Phase.OPEN} or who in (Role.BUYER_BANK, Role.FUND_CENTER)
    world.log.now += timedelta(days=world.chance.randrange(20))
    await world.run()
    house.down = False
    await world.run()
    await world.is_sold(BANK, FUND, settled_fen=61_000_000)
