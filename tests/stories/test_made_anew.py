"""The log is lost in the middle, all inboxes and feeds at once, as when Kafka's data is wiped and its topics are made
anew: what lay in it and was not taken is said again by those who had said it, and the case ends the same."""

from datetime import datetime, timedelta

import pytest

from contracts.envelope import PARTITIONS
from services.runtime.claims import CLAIM, TOLD, claim_id, told_text
from services.runtime.core.facts import OwnFact
from services.runtime.core.rows import Row
from services.runtime.log import Received
from services.runtime.made_anew import EPOCH, LOST, MILLISECOND
from tests.stories.loan_world import BANK, FUND, LoanWorld, asks
from tests.stories.world import House

SEEDS = range(40)
ALL = range(PARTITIONS)


class Mortal(LoanWorld):
    """A city whose broker loses everything `left` times, at moments that the seed draws."""

    def __init__(self, seed: int, *lenders: str, losses: int) -> None:
        super().__init__(seed, asks(*lenders))
        self.left = losses
        self.lost = 0

    def start(self, name: str) -> None:
        """As the process does: it notes where a log begins, and its desk keeps the commands that it has told."""
        super().start(name)
        institution, store = self.houses[name].institution, self.houses[name].store
        take, tell = institution.turns.take, institution.tell

        async def noted(batch: tuple[Received, ...]) -> None:
            await institution.made_anew.remember(batch)
            await take(batch)

        async def claimed(fact: OwnFact, fact_id: str, case: str, subject: str) -> None:
            await tell(fact, fact_id, case, subject)
            data = {"subject": subject, TOLD: told_text(fact)}
            await store.change_rows([Row(claim_id(fact_id), CLAIM, "", 0, case, self.log.now, data)], ())

        institution.turns.take = noted  # pyright: ignore[reportAttributeAccessIssue]
        institution.tell = claimed

    async def step(self) -> bool:
        """Also, the broker may lose everything; then each process finds out in its own time."""
        if self.left and self.chance.random() < 0.02:
            self.left -= 1
            await self.lose_everything()
            return True
        for house in self.houses.values():
            if house.down and self.chance.random() < 0.3:
                await self.settle(house)
                return True
        return await super().step()

    async def lose_everything(self) -> None:
        """What was said and not taken is counted, so that a loss can be told from a quiet moment."""
        for name, house in self.houses.items():
            ends = self.log.ends(house.institution.inbox)
            self.lost += sum(ends[p] - house.committed[p] for p in ALL)
            house.committed = dict.fromkeys(ALL, 0)
            house.down = True
            self.start(name) if self.chance.random() < 0.3 else house.institution.turns.forget()
            self.houses[name].down = True
        self.lost += len(self.log.on_the_way)
        self.log.on_the_way.clear()
        for topic in self.log.topics:
            self.log.topics[topic] = [[] for _ in self.log.topics[topic]]
        self.log.now += timedelta(seconds=1)

    async def settle(self, house: House) -> None:
        """Partitions are assigned: is it the log that the database knows?"""
        log = self.log.topics[house.institution.inbox]
        began = {p: _millisecond(log[p][0].at) if log[p] else None for p in ALL}
        known = await house.institution.made_anew.known(began)
        assert all(place <= len(log[p]) for p, place in known.items()), "a place of the log that is gone"
        house.down = False


def _millisecond(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_1_the_log_is_lost_in_the_middle_and_the_case_ends_the_same(seed: int) -> None:
    lenders = ((BANK,), (FUND,), (BANK, FUND))[seed % 3]
    world = Mortal(seed, *lenders, losses=1 + seed % 3)
    await world.opened()
    await world.run()
    assert world.left == 0
    await world.is_sold(*lenders)
    assert await world.rows(LOST) == [] and await world.alarms() == []


async def test_X_1_losing_the_log_has_lost_something_that_nobody_had_taken() -> None:
    """The test above shows nothing where there was nothing to lose."""
    lost = 0
    for seed in SEEDS:
        world = Mortal(seed, BANK, losses=1)
        await world.opened()
        await world.run()
        lost += world.lost
    assert lost > len(SEEDS)
