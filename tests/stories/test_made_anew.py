"""The log is lost in the middle, all inboxes and feeds at once, as when Kafka's data is wiped and its topics are made
anew: what lay in it and was not taken is said again by those who had said it, and the case ends the same."""

from datetime import timedelta

import pytest

from contracts.envelope import PARTITIONS
from services.escrow.facts import SaleBrought
from services.registry.facts import FolioImported
from services.runtime.claims import CLAIM, TOLD, claim_id, told_text
from services.runtime.core.facts import OwnFact
from services.runtime.core.rows import Row
from services.runtime.made_anew import LOST
from services.seller_bank.facts import LoanImported
from tests.stories.loan_world import BANK, FUND, LoanWorld, asks
from tests.stories.world import House

SEEDS = range(24)
ALL = range(PARTITIONS)


class Mortal(LoanWorld):
    """A city whose broker loses everything `left` times, at moments that the seed draws."""

    def __init__(self, seed: int, *lenders: str, losses: int) -> None:
        super().__init__(seed, asks(*lenders))
        self.left = losses

    async def begin(self, folio: FolioImported, loan: LoanImported, sale: SaleBrought | None = None) -> None:
        for house in self.houses.values():
            await self.settle(house)
        await super().begin(folio, loan, sale)

    def start(self, name: str) -> None:
        """As at a desk, which keeps the commands that it has told."""
        super().start(name)
        institution, store = self.houses[name].institution, self.houses[name].store
        tell = institution.tell

        async def claimed(fact: OwnFact, fact_id: str, case: str, subject: str) -> None:
            await tell(fact, fact_id, case, subject)
            self.log.now += timedelta(milliseconds=1)  # a desk takes one command after another
            data = {"subject": subject, TOLD: told_text(fact)}
            await store.change_rows([Row(claim_id(fact_id), CLAIM, "", 0, case, self.log.now, data)], ())

        institution.tell = claimed

    async def step(self) -> bool:
        """Also, the broker may lose what nobody has taken; then each process finds out in its own time."""
        if self.left and self.at_stake() and self.chance.random() < 0.05:
            self.left -= 1
            self.lose_everything()
            return True
        for house in self.houses.values():
            if house.down and self.chance.random() < 0.3:
                await self.settle(house)
                return True
        return await super().step() or any(house.down for house in self.houses.values())

    def at_stake(self) -> bool:
        """Whether something was said that nobody has taken."""
        return bool(self.log.on_the_way) or any(house.behind for house in self.houses.values())

    def lose_everything(self) -> None:
        """All topics, what was committed, and what is on its way; some processes are killed with it."""
        for name, house in list(self.houses.items()):
            house.committed = dict.fromkeys(ALL, 0)
            if self.chance.random() < 0.3:
                self.killed += 1
                self.start(name)
            self.houses[name].institution.turns.forget()
            self.houses[name].down = True
        self.log.on_the_way.clear()
        for topic in self.log.topics:
            self.log.topics[topic] = [[] for _ in self.log.topics[topic]]
        self.log.now += timedelta(seconds=1)

    async def settle(self, house: House) -> None:
        """Partitions are assigned: is it the log that the database knows?"""
        log = self.log.topics[house.institution.inbox]
        known = await house.institution.made_anew.known(ALL, f"log {self.left}")
        assert all(place <= len(log[p]) for p, place in known.items()), "a place of the log that is gone"
        house.down = False


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_1_the_log_is_lost_in_the_middle_and_the_case_ends_the_same(seed: int) -> None:
    lenders = ((BANK,), (FUND,), (BANK, FUND))[seed % 3]
    world = Mortal(seed, *lenders, losses=1 + seed % 3)
    await world.opened()
    await world.run()
    assert world.left == 0
    await world.is_sold(*lenders)
    assert await world.rows(LOST) == [] and await world.alarms() == []
