"""One round on Daiya itself: so many sales prepared, played, waited for, and counted."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bank import settled_cases
from benchmarks.counting import case_times_ms, files, hops_ms, readings
from benchmarks.figures import Measured, times
from benchmarks.peers.trace import Trace, recorded
from benchmarks.processes import machine_busy_s
from benchmarks.profile import sample
from benchmarks.stand import Stand, Variant, short, stand, started
from benchmarks.story import MOST_SALES, PRICE_FEN, Names
from contracts.event import Role
from deploy.stack import Stack

WITHIN_S = 420.0
PROFILE_AFTER_S, PROFILE_S = 5, 20
FOLIOS_AT_ONCE = 1_000
WARMING = 10
"""Cases played before the measured ones: every process has then imported, connected and cached what it needs."""


@dataclass(frozen=True, slots=True)
class Before:
    """What is there before the measured cases: so many cases that were played, so many other folios with their loans
    that were imported, and on each measured folio so many restrictions that were entered and lifted again."""

    warming: int = WARMING
    folios: int = 0
    history: int = 0

    @property
    def told(self) -> str:
        """Beside a variant's name, where it is not the usual."""
        folios = f", {self.folios:,} other folios" if self.folios else ""
        return folios + (f", {self.history} restrictions before" if self.history else "")


USUAL = Before()


def play(variant: Variant, cases: int, rate: float = 0, before: Before = USUAL, within_s: float = WITHIN_S) -> Measured:
    """A stack of its own, `cases` sales at once, or `rate` a second. Raises TimeoutError where services do not come to
    an end with what is in their topics, ValueError for more cases than the lenders have money for, and what a stack
    raises."""
    if before.warming + cases > MOST_SALES:
        raise ValueError(f"at most {MOST_SALES - before.warming} cases in a round: the lenders have no money for more")
    with started(variant) as stack:
        return asyncio.run(_on(stack, variant, cases, rate, before, within_s))


async def _on(stack: Stack, variant: Variant, cases: int, rate: float, before: Before, within_s: float) -> Measured:
    warming, read = before.warming, readings(stack.city)
    async with stand(stack, variant) as here:
        await prepare(here, 1, warming + cases)
        for n in range(0, before.folios, FOLIOS_AT_ONCE):
            first = warming + cases + 1 + n
            await prepare(here, first, min(FOLIOS_AT_ONCE, before.folios - n))
        if warming:
            await here.load.do({"do": "play", "first": 1, "cases": warming, "rate": 0, "within_s": WITHIN_S})
        if before.history:
            burden = {"do": "burden", "first": warming + 1, "cases": cases, "times": before.history}
            await here.load.do(burden)
        await here.topics.drained(read, WITHIN_S)
        measured = await measure(here, warming + 1, cases, rate, within_s)
        told = f", {rate:g} cases a second" if rate else ""
        return replace(measured, variant=variant.name + before.told + told)


async def prepare(here: Stand, first: int, cases: int) -> None:
    """Import folios and loans of the sales from `first` on, and wait until they are on file."""
    await here.load.do({"do": "prepare", "first": first, "cases": cases})
    await here.topics.drained(readings(here.city), WITHIN_S)


def record_trace() -> Trace:
    """The trace of one case that is played alone."""

    async def run(stack: Stack) -> Trace:
        async with stand(stack, Variant()) as here:
            await prepare(here, 1, 2)
            await measure(here, 1, 1)
            read = readings(here.city)
            begins = await here.topics.ends(one.topic for one in read)
            await measure(here, 2, 1)
            return recorded(await here.topics.records(begins), read)

    with started(Variant()) as stack:
        return asyncio.run(run(stack))


async def profile(here: Stand, first: int, cases: int, process: str, py_spy: str, out: Path) -> None:
    """Play the prepared sales from `first` on and sample one process meanwhile, until the first half has ended."""
    pid = next(one.pid for name, one in here.stack.processes.items() if short(name) == process)
    order = {"do": "play", "first": first, "cases": cases, "rate": 0, "within_s": WITHIN_S}
    playing = asyncio.create_task(here.load.do(order))
    await asyncio.sleep(PROFILE_AFTER_S)
    await sample(py_spy, pid, PROFILE_S, out)
    await playing


def play_profiled(cases: int, process: str, py_spy: str, out: Path) -> None:
    """A flood on a stack of its own, one of whose processes is sampled; py-spy's raw samples go to `out`."""
    variant = Variant()

    async def run(stack: Stack) -> None:
        async with stand(stack, variant) as here:
            await prepare(here, 1, cases)
            await profile(here, 1, cases, process, py_spy, out)

    with started(variant) as stack:
        asyncio.run(run(stack))


async def measure(here: Stand, first: int, cases: int, rate: float = 0, within_s: float = WITHIN_S) -> Measured:
    """Play the prepared sales from `first` on and count what came of them."""
    read = readings(here.city)
    topics = [one.topic for one in read]
    begins = await here.topics.ends(topics)
    turns = await here.turns()
    before, busy_s, began = here.taken(), machine_busy_s(), asyncio.get_running_loop().time()
    order = {"do": "play", "first": first, "cases": cases, "rate": rate, "within_s": within_s}
    played = await here.load.do(order)
    if played["ended"] < cases:
        print(f"{cases - played['ended']} cases have not ended; the first after", *played["stuck_after"], sep="\n  ")
    drained_s = await here.topics.drained(read, WITHIN_S) - began
    after, busy_s = here.taken(), machine_busy_s() - busy_s
    turns = await here.turns() - turns
    ends = await here.topics.ends(topics)
    records = {topic: sum(ends[p] - begins[p] for p in ends if p.topic == topic) for topic in topics}

    inboxes = {one.topic for one in read if one.topic == one.group}
    workers = here.variant.workers
    names = {one.case: one for one in (Names.of(n) for n in range(first, first + cases))}
    units = {case: one.unit for case, one in names.items()}
    filed = await files(here.stack.addresses.mongodb, here.city, here.parts, units)
    whole = set(units).intersection(*(one.completed for one in filed.values()))
    for name, one in filed.items():
        print(*(f"{name} has refused: {why}" for why in one.refusals[:5]), sep="\n", end="\n" * bool(one.refusals))
    deposit = next(one for one in here.city.institutions if one.role is Role.ESCROW).settings["deposit_account"]
    paid = [one for one in await here.moved() if one.reference.split()[0] in units]
    seen = await here.topics.records(begins)
    spans = case_times_ms(seen)
    took_ms = max((end for _, end in spans.values()), default=0) - min((at for at, _ in spans.values()), default=0)
    processor_s = {name: one.processor_s - before[name].processor_s for name, one in after.items()}
    measured = Measured(
        variant=here.variant.name,
        cases=cases,
        completed=len(whole),
        paid=settled_cases(paid, deposit, PRICE_FEN),
        took_s=max(took_ms / 1000, 0.001),
        drained_s=drained_s,
        records=records,
        processor_s=processor_s,
        memory_bytes={name: one.memory_bytes for name, one in after.items()},
        records_per_turn=sum(n for topic, n in records.items() if topic in inboxes) / turns if workers == 1 else 0,
        others_s=max(0.0, busy_s - sum(processor_s.values())),
        case=times([float(end - at) for at, end in spans.values()]),
    )
    return replace(measured, hop=times(hops_ms(seen)))
