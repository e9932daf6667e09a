"""Many ways out on one stack: several at once on homes of their own, those that stop a service one after the other."""

import asyncio
import contextlib
import io
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from contracts.procedures import PROCEDURES
from deploy.days import Together
from deploy.playing import TROUBLES, Arguments, Demo, why
from deploy.report import Report, name_of_the_end
from deploy.sales import EXAMPLES, Sales
from deploy.stack import Stack
from deploy.ways_out.checks import checks
from deploy.ways_out.played import Played
from deploy.ways_out.way import WayOut

AT_ONCE = 6
PLAYED_WITHIN_S = 600
OBSERVED_WITHIN_S = 60


def by_stack(ways: Iterable[WayOut]) -> Iterator[tuple[WayOut, ...]]:
    """The ways that can be played on one stack: those on the machine's clock; those that start on the same day, on one
    clock; and each that stops a service on such a clock, for then the others could not come to wait for a day."""
    ways = tuple(ways)
    yield tuple(way for way in ways if way.starts is None)
    of_days = [way for way in ways if way.starts is not None]
    for starts in dict.fromkeys(way.starts for way in of_days):
        yield tuple(way for way in of_days if way.starts == starts and not way.stops_a_service)
    yield from ((way,) for way in of_days if way.stops_a_service)


def at_once(ways: Sequence[WayOut]) -> Iterator[Sequence[WayOut]]:
    """Of the ways on one stack those that are played at the same time: so many, or all where days pass, for to who
    comes later they have passed; and one that stops a service alone."""
    together = [way for way in ways if not way.stops_a_service]
    if together and together[0].starts is not None:
        yield together
    else:
        yield from (together[first : first + AT_ONCE] for first in range(0, len(together), AT_ONCE))
    yield from ([way] for way in ways if way.stops_a_service)


async def play(stack: Stack, ways: Sequence[WayOut], report: Report) -> list[Played]:
    """Play these on a stack that has what they need, and tell of each when it has ended. Raises what is no trouble of a
    case, as deploy.playing has it."""
    played: list[Played] = []
    with tempfile.TemporaryDirectory() as folder:
        sales = Sales(Path(folder))
        for group in at_once(ways):
            for one in await _at_once(stack, group, sales):
                report.way_played(one)
                played.append(one)
    return played


async def _at_once(stack: Stack, ways: Sequence[WayOut], sales: Sales) -> list[Played]:
    """Collected once all of them have ended: until then others' money lies on the same account."""
    async with contextlib.AsyncExitStack() as closing:
        demos = [_demo(stack, way, sales) for way in ways]
        if ways[0].starts is not None:
            together = Together(stack.days)
            for demo in demos:
                demo.shares_days(together)
        for demo in demos:
            await closing.enter_async_context(demo.connected())
        began = time.monotonic()
        ended = await asyncio.gather(*(_ended(demo) for demo in demos))
        return [
            await _looked_at(demo, way, at_s - began, trouble)
            for demo, way, (at_s, trouble) in zip(demos, ways, ended, strict=True)
        ]


def _demo(stack: Stack, way: WayOut, sales: Sales) -> Demo:
    file = sales.next(way.procedure, way.starts)
    quiet = Report(Console(file=io.StringIO()), PROCEDURES[file.sale.procedure, file.sale.edition])
    demo = Demo(stack, file, Arguments(way.procedure, EXAMPLES[way.procedure], planted_fen=0), quiet, way)
    demo.played_within_s, demo.observed_within_s = PLAYED_WITHIN_S, OBSERVED_WITHIN_S
    return demo


async def _ended(demo: Demo) -> tuple[float, tuple[str, ...]]:
    """When it had ended, and what is known where it had not."""
    try:
        await demo.play()
    except (ExceptionGroup, *TROUBLES) as trouble:
        return time.monotonic(), (why(trouble), *await demo.explain())
    return time.monotonic(), ()


async def _looked_at(demo: Demo, way: WayOut, took_s: float, trouble: tuple[str, ...]) -> Played:
    if trouble:
        return Played(way, "", (), took_s, trouble)
    evidence = await demo.collect()
    return Played(way, name_of_the_end(evidence), tuple(checks(evidence, way)), took_s)
