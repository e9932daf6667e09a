"""A stack to measure on, with its load process: started for one round, ended with it."""

import asyncio
import contextlib
import importlib
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.bank import Moved
from benchmarks.counting import Topics
from benchmarks.log_rail import ORDERS
from benchmarks.processes import Taken, all_taken
from contracts.envelope import PARTITIONS
from deploy.city import City
from deploy.stack import CHECKOUT, Stack
from deploy.topics import KEPT
from services.runtime.service import Part

CITY = "liaocheng"
TURNS = "daiya_batch_records_count "
LINE_BYTES = 64 * 1024 * 1024

Payments = Literal["log", "http"]


class LoadFailed(RuntimeError):
    """The load process has ended; what it said of it is on its standard error."""


@dataclass(frozen=True, slots=True)
class Variant:
    """How Daiya is run: how payments reach the rail, and how many processes each institution has."""

    payments: Payments = "log"
    workers: int = 1

    @property
    def name(self) -> str:
        """`daiya`, `daiya, rail over HTTP`, `daiya, 2 workers`."""
        said = ["daiya"]
        said += ["rail over HTTP"] if self.payments == "http" else []
        said += [f"{self.workers} workers"] if self.workers > 1 else []
        return ", ".join(said)


class Load:
    """The load process, as whoever gives it orders sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def do(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Its answer. Raises LoadFailed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise LoadFailed(f"the load process ended with {await self._process.wait()} at {order}")
        return json.loads(line)


class Stand:
    """A running stack, its load process, and what looks at both."""

    def __init__(self, stack: Stack, variant: Variant, load: Load, topics: Topics) -> None:
        self.stack = stack
        self.variant = variant
        self.load = load
        self.topics = topics

    @property
    def city(self) -> City:
        """Whose institutions run."""
        return self.stack.city

    @property
    def parts(self) -> dict[str, Part]:
        """What makes each institution's service, by role."""
        roles = [one.role.value for one in self.city.institutions]
        return {role: importlib.import_module(f"services.{role}.service").PART for role in roles}

    def taken(self) -> dict[str, Taken]:
        """What every process has taken by now, by its name; several workers of one institution together."""
        pids = {name: one.pid for name, one in self.stack.processes.items()}
        found: dict[str, Taken] = {}
        for name, one in all_taken({**pids, "load": self.load.pid}).items():
            known = found.get(short(name), Taken(0, 0))
            found[short(name)] = Taken(known.processor_s + one.processor_s, known.memory_bytes + one.memory_bytes)
        return found

    async def turns(self) -> float:
        """How many turns the institutions' services have taken by now, by their own metrics."""
        urls = [url for of_role in self.stack.addresses.desks.values() for url in of_role.values()]
        async with httpx.AsyncClient(timeout=10, trust_env=False) as desks:
            told = [(await desks.get(f"{url}/metrics")).raise_for_status().text for url in urls]
        return sum(float(line.split()[1]) for text in told for line in text.splitlines() if line.startswith(TURNS))

    async def moved(self) -> list[Moved]:
        """What has arrived, by the rail's own books."""
        if self.variant.payments == "log":
            return [Moved(*one) for one in (await self.load.do({"do": "moved"}))["moved"]]
        async with httpx.AsyncClient(base_url=self.stack.addresses.rail, timeout=60, trust_env=False) as rail:
            books = (await rail.get("/books")).raise_for_status().json()
        if not books["balanced"]:
            raise RuntimeError(f"the rail's books do not agree: {books['differences'][:3]}")
        return moved_in(books["movements"])


def moved_in(movements: list[dict[str, Any]]) -> list[Moved]:
    """What has arrived, from the movements of the sandbox's books: an order is accepted, then settled."""
    asked = {one["key"]: one["debit"] for one in movements if one["kind"] == "accepted"}
    settled = [one for one in movements if one["kind"] == "settled"]
    return [Moved(asked[one["key"]], one["credit"], one["amount_fen"], one["reference"]) for one in settled]


def short(name: str) -> str:
    """A process's name without its institution's, and without the number of a twin: `escrow`, `kafka`."""
    *_, of = [part for part in name.split(".") if not part.isdigit()][:1] or [name]
    return of


@contextmanager
def started(variant: Variant) -> Iterator[Stack]:
    """A stack of the variant's. Not to be called from within a running event loop."""
    served_by = "benchmarks.serve" if variant.payments == "log" else "services.cli"
    env = {"DAIYA_LOG_LEVEL": "warning"}
    with Stack(ephemeral=True, served_by=served_by, env=env) as stack:
        for one in stack.city.institutions:
            for _ in range(variant.workers - 1):
                stack.twin(one.key)
        yield stack


@asynccontextmanager
async def stand(stack: Stack, variant: Variant) -> AsyncIterator[Stand]:
    """The stack with its load process."""
    at = stack.addresses
    await _create_orders(at.kafka)
    keys = {one.role.value: str(stack.key_file(one)) for one in stack.city.institutions}
    plan = {"kafka": at.kafka, "city": CITY, "keys": keys, "rail": at.rail if variant.payments == "http" else ""}
    argv = (sys.executable, "-m", "benchmarks.load", json.dumps(plan))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, cwd=CHECKOUT, limit=LINE_BYTES)
    topics = Topics(at.kafka)
    try:
        await topics.start()
        yield Stand(stack, variant, Load(process), topics)
    finally:
        await topics.stop()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _create_orders(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(ORDERS, PARTITIONS, 1, topic_configs=dict(KEPT))])
        while True:
            (described,) = await admin.describe_topics([ORDERS])
            led = [one for one in described["partitions"] if one["leader"] >= 0]
            if len(led) == PARTITIONS:
                return
            await asyncio.sleep(0.05)
    finally:
        await admin.close()
