"""A log that was made anew: what the desk had accepted is told again, and nothing else. The rest of it is in
`tests/stories/test_made_anew.py`."""

from contracts.envelope import PARTITIONS
from services.runtime.made_anew import LOST
from tests.runtime.desk_house import DeskHouse
from tests.runtime.test_desk import escrow, sale_body

ALL = range(PARTITIONS)


async def lost(house: DeskHouse, topic: str) -> None:
    """The inbox is another topic now, and empty; the partitions are assigned, and the worker has looked."""
    house.log.topics[house.institution.inbox] = [[] for _ in ALL]
    assert await house.institution.made_anew.known(ALL, topic) == {}
    await house.institution.made_anew.work(ALL)
    assert await house.store.count(LOST) == 0


async def test_X_1_a_command_that_was_accepted_is_done_though_the_log_lost_it() -> None:
    async with escrow() as house:
        await house.institution.made_anew.known(ALL, "one")
        accepted = (await house.post("/cases", sale_body(), "sale")).json()
        await lost(house, "another")
        await house.turns()
        assert (await house.get(accepted["outcome"]))["status"] == "done"
        told = len(house.log.everything(house.institution.inbox))
        await house.institution.made_anew.known(ALL, "another")
        assert await house.institution.made_anew.work(ALL) == 0
        assert len(house.log.everything(house.institution.inbox)) == told


async def test_X_1_a_command_that_the_desk_did_not_take_is_not_told_later() -> None:
    async with escrow() as house:
        await house.institution.made_anew.known(ALL, "one")
        house.log.down(house.institution.inbox)
        assert (await house.post("/cases", sale_body(), "sale")).status_code == 503
        house.log.up(house.institution.inbox)
        await lost(house, "another")
        assert not house.log.everything(house.institution.inbox)


async def test_the_same_log_assigned_again_has_lost_nothing() -> None:
    async with escrow() as house:
        await house.institution.made_anew.known(ALL, "one")
        await house.done("/cases", sale_body(), "sale")
        known = await house.institution.made_anew.known(ALL, "one")
        ends = house.log.ends(house.institution.inbox)
        assert known == {partition: end for partition, end in ends.items() if end}
        assert await house.store.count(LOST) == 0
