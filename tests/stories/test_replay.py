"""State is a function of the log: any cut into batches, any hash seed and an empty database give the same file."""

import asyncio
import os
import random
import subprocess
import sys
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from contracts.envelope import PARTITIONS, Record
from contracts.event import Role
from services.runtime.core.journal import digest
from services.runtime.log.memory import MemoryLog
from services.runtime.store.memory import MemoryStore
from tests.stories.world import World
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON


class Muted(MemoryLog):
    """A log that takes everything and keeps nothing: what a replay says again reaches nobody."""

    async def append(self, topic: str, record: Record) -> None:
        """Nothing happens."""


async def sold(seed: int) -> World:
    world = World(seed)
    await world.opened()
    await world.run()
    return world


async def digests(world: World, role: Role) -> dict[str, str]:
    """The digest of every subject that an institution lived through."""
    house = world.house(role)
    keys = {subject for subject, _ in house.store.journal}
    return {key: digest((await house.institution.turns.read_subject(key)).items) for key in sorted(keys)}


async def replayed(world: World, role: Role, seed: int) -> dict[str, str]:
    """The same from the log alone, by a service with an empty database, in batches that a seed cuts."""
    chance = random.Random(seed)
    log = Muted(NOON)
    house = world.house(role)
    topic = house.institution.inbox
    store = world._stores[house.member.name] = MemoryStore()
    original, world.log = world.log, log  # type: ignore[assignment]
    log.own = {}  # type: ignore[attr-defined]
    world.start(house.member.name)
    places = dict.fromkeys(range(PARTITIONS), 0)
    while any(original.ends(topic)[p] > n for p, n in places.items()):
        batch = original.batch(topic, places, chance.randint(1, 30))
        await world.house(role).institution.turns.take(batch)
        for received in batch:
            places[received.partition] = received.offset + 1
    assert world.house(role).store is store
    found = await digests(world, role)
    world.log = original
    return found


@pytest.mark.parametrize("seed", range(5))
async def test_any_cut_of_the_log_into_batches_gives_one_digest(seed: int) -> None:
    world = await sold(seed)
    for role in lc.INSTITUTIONS:
        lived = await digests(world, role)
        assert len(lived) >= 1
        for cut in range(4):
            assert await replayed(world, role, cut) == lived


async def test_what_a_process_knows_and_the_database_does_not_is_seen() -> None:
    """Without it the check of every world could pass by comparing nothing."""
    world = World(1, kills=False)
    await world.opened(pays_fen=0)
    await world.run()
    for role in lc.INSTITUTIONS:
        await world.live_is_stored(lc.INSTITUTIONS[role])
        journal = world.house(role).store.journal
        newest = max(version for key, version in journal if key == FOLIO)
        entry = journal[FOLIO, newest]
        journal[FOLIO, newest] = replace(entry, items=entry.items[:-1])
        with pytest.raises(AssertionError, match="knows other items"):
            await world.live_is_stored(lc.INSTITUTIONS[role])


@pytest.mark.parametrize("seed", range(3))
async def test_a_service_with_an_empty_database_pays_nothing_again(seed: int) -> None:
    world = await sold(seed)
    for role in lc.INSTITUTIONS:
        await replayed(world, role, 0)
    balances = {account: world.rail.balance_fen(account) for account in (lc.ESCROW_ACCOUNT, lc.BANK_ACCOUNT)}
    for house in world.houses.values():
        assert not await house.store.rows("payment")
        await house.institution.payments.work(range(PARTITIONS))
    assert balances == {account: world.rail.balance_fen(account) for account in balances}


def test_two_hash_seeds_give_one_digest() -> None:
    program = "import tests.stories.test_replay as t; t.print_digests()"
    outs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "4242")
    ]
    assert outs[0] == outs[1] and outs[0].count("\n") >= 3


def print_digests() -> None:
    """What the test above runs in two processes."""

    async def main() -> None:
        world = await sold(7)
        for role in lc.INSTITUTIONS:
            for key, found in (await digests(world, role)).items():
                print(role.value, key, found)

    with capture_logs():  # they have the time of day
        asyncio.run(main())
