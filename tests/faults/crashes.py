"""Faults on a running stack, and what is found after each: whether the services had something to do again."""

import asyncio
import hashlib
import json
import re
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from pymongo import AsyncMongoClient

from contracts.envelope import inbox
from contracts.event import Role
from deploy.clerks import Rail
from deploy.stack import Stack
from deploy.witness import Witness
from services.runtime.store.mongo import MongoStore, database_name
from tests.support import kafka

SERVICES = ("registry", "buyer_bank", "escrow", "seller_bank", "fund_center")
OUTSIDE = ("kafka", "mongodb", "rail")
AGAIN = re.compile(r"^daiya_(?:known_again|sent_late|payments_asked_after)_total ([0-9.]+)$", re.MULTILINE)
FAILED_BATCH = "a batch failed and comes again"
LOOK_S = 0.2
FOUND_WITHIN_S = 10
QUIET_WITHIN_S = 300


@dataclass
class Toll:
    """How often each process was killed, and after how many of its kills something was found to be done again."""

    killed: Counter[str] = field(default_factory=Counter[str])
    counted: Counter[str] = field(default_factory=Counter[str])

    def __str__(self) -> str:
        each = ", ".join(f"{victim} {self.counted[victim]} of {n}" for victim, n in self.killed.items())
        return f"{self.killed.total()} kills, {self.counted.total()} that count: {each}"


async def metrics(stack: Stack, name: str) -> str:
    """What a process says of itself; empty where it does not answer."""
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"{stack.address(name)}/metrics", timeout=10)).text
        except httpx.HTTPError:
            return ""


async def done_again(stack: Stack, name: str) -> float:
    """How many records this process has found on file already, sent late, or payments asked after."""
    return sum(float(n) for n in AGAIN.findall(await metrics(stack, name)))


async def _in_all(stack: Stack) -> float:
    """Over all services, with the batches that failed and came again."""
    found = await asyncio.gather(*(done_again(stack, name) for name in SERVICES))
    logs = (stack.log(name).read_text(errors="replace") for name in SERVICES)
    return sum(found) + sum(text.count(FAILED_BATCH) for text in logs)


async def kill(stack: Stack, victims: Iterable[str], toll: Toll) -> bool:
    """kill -9, all of them at once; start them again. Whether that counts: something was left to be done again."""
    names = list(victims)
    outside = names[0] in OUTSIDE
    before = await _in_all(stack) if outside else 0
    for name in names:
        stack.kill(name, signal.SIGKILL)
    for name in names:
        await asyncio.to_thread(stack.restart, name)
    counts = False
    if outside:
        end = time.monotonic() + FOUND_WITHIN_S
        while not counts and time.monotonic() < end:
            counts = await _in_all(stack) > before
            await asyncio.sleep(0 if counts else LOOK_S)
    else:  # they are ready, so what came again has been handled; and they count from their start
        counts = any([await done_again(stack, name) for name in names])
    victim = names[0] if len(names) == 1 else " and ".join(names)
    toll.killed[victim] += 1
    toll.counted[victim] += counts
    return counts


async def next_words(witness: Witness, by: Role | None, more: int = 1) -> None:
    """Wait until so many more words were said, by one role or by anybody."""

    def count() -> int:
        return sum(by in (None, one.by) for one in witness.spoken)

    until = count() + more
    await witness.until(lambda: count() >= until)


async def holder(stack: Stack, names: Iterable[str], partition: int) -> str:
    """Which of these processes holds a partition of their inbox."""
    while True:
        for name in names:
            if f'daiya_lag_records{{partition="{partition}"}}' in await metrics(stack, name):
                return name
        await asyncio.sleep(LOOK_S)


# --- what everybody has on file -----------------------------------------------------------------------------


def institutions(stack: Stack) -> list[tuple[Role, str]]:
    """Everybody in the city."""
    return [(Role(one.role), one.name) for one in stack.city.institutions]


def workers_of(stack: Stack, role: Role) -> tuple[str, str]:
    """The names of an institution's process and of its twin."""
    first = next(f"{one.value}.{name}" for one, name in institutions(stack) if one is role)
    return first, f"2.{first}"


async def digests(stack: Stack, role: Role, name: str) -> dict[str, str]:
    """One hash for each subject of an institution over everything on its file, read from its database."""
    store = MongoStore(stack.addresses.mongodb, role, name)
    try:
        keys, found = [""], dict[str, str]()
        while keys := list(await store.subjects(keys[-1], 100)):
            for key, (snapshot, entries) in (await store.load(keys)).items():
                items = [
                    *(snapshot.items if snapshot is not None else ()),
                    *(i for entry in entries for i in entry.items),
                ]
                found[key] = hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()
        return found
    finally:
        await store.close()


@dataclass(frozen=True)
class OnFile:
    """What everybody has on file, and the rail's whole books."""

    files: dict[str, dict[str, str]]
    books: dict[str, Any]

    @classmethod
    async def now(cls, stack: Stack) -> "OnFile":
        """Once nobody has anything left to hear."""
        await quiet(stack)
        files = {f"{role.value} {name}": await digests(stack, role, name) for role, name in institutions(stack)}
        async with rail(stack) as books:
            return cls(files, await books.books(""))


@asynccontextmanager
async def rail(stack: Stack) -> AsyncIterator[Rail]:
    """The rail's books."""
    found = Rail(stack.addresses.rail)
    try:
        yield found
    finally:
        await found.aclose()


async def left(stack: Stack) -> int:
    """How many records stand in the inboxes that nobody has taken, by what was committed."""
    count = 0
    for one in institutions(stack):
        topic = inbox(*one)
        taken = await kafka.committed(stack.addresses.kafka, topic, topic)
        ends = Counter(record.partition for record in await kafka.everything(stack.addresses.kafka, topic))
        count += sum(end - taken.get(partition, 0) for partition, end in ends.items())
    return count


async def quiet(stack: Stack) -> None:
    """Until every inbox was read to its end: what is said in answer lies in another before its cause is committed."""
    end = time.monotonic() + QUIET_WITHIN_S
    while await left(stack):
        assert time.monotonic() < end, "the inboxes are not read to their end"
        await asyncio.sleep(LOOK_S)


async def forget_everything(stack: Stack, role: Role, name: str) -> None:
    """The institution's database is gone."""
    client: Any = AsyncMongoClient(stack.addresses.mongodb)
    await client.drop_database(database_name(role.value, name))
    await client.close()
