"""One case from beginning to end, on a stack of its own: `python -m deploy.demo`.

Starts everything, lets clerks play the case by their worklists, shows each event as it is said, then lays what
everybody has on file beside the rail's own books. With a way out (deploy/ways_out) people and clerks do what that says
otherwise, and the case must end as it says. Exit status: 0 all agree, 1 something differs, 2 the case does not go
on, 130 after Ctrl-C.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from contracts.procedures import PROCEDURES
from deploy import all_ways_out
from deploy.city import Institution
from deploy.embedded.jars import CannotFetch, WrongJar
from deploy.embedded.processes import StartFailed
from deploy.evidence import checks
from deploy.playing import TROUBLES, Arguments, Demo, why
from deploy.report import Report, list_ways_out, make_console
from deploy.sales import EXAMPLES
from deploy.stack import ENDS, Stack
from deploy.topics import TopicMismatch, TopicsRefused
from deploy.ways_out import WAYS_OUT, UnknownWayOut, way_out
from deploy.ways_out.checks import checks as checks_of_a_way
from deploy.ways_out.played import Played
from deploy.ways_out.way import WayOut
from services.sale_file import BadSaleFile, SaleFile, load_sale

LIST, ALL = "list", "all"
ALL_AGREE, DIFFERS, NO_PROGRESS, INTERRUPTED = 0, 1, 2, 130


async def _run(stack: Stack, file: SaleFile, arguments: Arguments, report: Report, way: WayOut | None) -> int:
    demo = Demo(stack, file, arguments, report, way)
    report.heading(f"{demo.procedure.name} ({demo.procedure.title}, {demo.procedure.document})")
    if way is not None:
        report.way_out(way)
    async with demo.connected():
        try:
            await demo.play()
            evidence = await demo.collect()
        except (ExceptionGroup, *TROUBLES) as trouble:
            report.trouble(f"The case does not go on: {why(trouble)}", await demo.explain())
            return NO_PROGRESS
    found = checks(evidence) if way is None else checks_of_a_way(evidence, way)
    report.timeline(evidence.spoken)
    report.documents(evidence.documents)
    report.loans(evidence)
    report.statements(evidence)
    report.money(evidence)
    report.register(evidence)
    report.observed(evidence.observed)
    report.checks(found)
    if way is not None:
        report.end(evidence)
    report.verdict(evidence.case, found)
    return ALL_AGREE if all(check.passed for check in found) else DIFFERS


def read_arguments(given: list[str], environment: Mapping[str, str]) -> Arguments:
    """The arguments, else PROCEDURE and PLANTED_FEN of the environment. Exits with status 2 for what is no argument."""
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--procedure", default=environment.get("PROCEDURE") or next(iter(EXAMPLES)), choices=EXAMPLES)
    parser.add_argument("--file", type=Path, help="a sale; by default the procedure's own in examples/")
    parser.add_argument(
        "--planted-fen",
        default=environment.get("PLANTED_FEN") or "0",
        help="falsify the rail's books on the way by so many fen",
    )
    parser.add_argument("--way-out", default=environment.get("WAY_OUT") or "", help="its name, list or all")
    found = parser.parse_args(given)
    procedure = found.procedure
    if found.way_out not in ("", LIST, ALL):
        try:
            procedure = way_out(found.way_out).procedure
        except UnknownWayOut as unknown:
            parser.error(f"WAY_OUT: {unknown}")
    if found.procedure not in EXAMPLES:  # argparse does not look at a default
        parser.error(f"PROCEDURE: {found.procedure} is none of {', '.join(EXAMPLES)}")
    try:
        planted_fen = int(found.planted_fen)
    except ValueError:
        parser.error(f"PLANTED_FEN: {found.planted_fen!r} is no whole number of fen")
    return Arguments(procedure, found.file or EXAMPLES[procedure], planted_fen, found.way_out)


async def _until_interrupted(work: Coroutine[Any, Any, int]) -> int:
    """What `work` gives. Raises KeyboardInterrupt after the first signal to end, once `work` has cleared up: raised by
    the signal itself it could come in the middle of anybody's code."""
    loop, running = asyncio.get_running_loop(), asyncio.create_task(work)
    interrupted = asyncio.Event()

    def end() -> None:
        if not interrupted.is_set():
            interrupted.set()
            running.cancel()

    for kind in ENDS:
        loop.add_signal_handler(kind, end)
    try:
        return await running
    except asyncio.CancelledError:
        if interrupted.is_set():
            raise KeyboardInterrupt from None
        raise


def _end_by_interrupt() -> None:
    for kind in ENDS:
        signal.signal(kind, _interrupt_once)


def _interrupt_once(_: int, __: FrameType | None) -> None:
    _ignore_further()
    raise KeyboardInterrupt


def _ignore_further() -> None:
    """To be ended means to clear up; a second Ctrl-C (make passes its own on) must not cut that short."""
    for kind in ENDS:
        signal.signal(kind, signal.SIG_IGN)


def play(arguments: Arguments, console: Console) -> int:
    """Start a stack, play the case on it, stop it; returns the exit status."""
    way = way_out(arguments.way_out) if arguments.way_out else None
    starts = way.starts if way is not None else None
    file = load_sale(arguments.file, starts or datetime.now(UTC))
    if (file.sale.procedure, file.sale.edition) not in PROCEDURES:
        raise BadSaleFile(f"{arguments.file}: {file.sale.procedure} {file.sale.edition} is no procedure known here")
    report = Report(console, PROCEDURES[file.sale.procedure, file.sale.edition])
    return _on_a_stack(
        report, way.also if way is not None else (), starts, lambda stack: _run(stack, file, arguments, report, way)
    )


def play_all(console: Console) -> int:
    """Play every way out: many on one stack, those that need days on a clock of their own."""
    report, played = Report(console, next(iter(PROCEDURES.values()))), list[Played]()
    for ways in all_ways_out.by_stack(WAYS_OUT.values()):
        also = {one.name: one for way in ways for one in way.also}

        async def run(stack: Stack, ways: Sequence[WayOut] = ways) -> int:
            played.extend(await all_ways_out.play(stack, ways, report))
            return ALL_AGREE

        _on_a_stack(report, also.values(), ways[0].starts, run)
    report.ways_out(played)
    return ALL_AGREE if all(one.as_it_must for one in played) else DIFFERS


def _on_a_stack(
    report: Report,
    also: Collection[Institution],
    starts: datetime | None,
    run: Callable[[Stack], Coroutine[Any, Any, int]],
) -> int:
    report.heading("Starting Kafka, MongoDB, the rail and one process per institution")
    with Stack(ephemeral=True, also=also, starts=starts, on_progress=report.started) as stack:
        try:
            status = asyncio.run(_until_interrupted(run(stack)))
        except KeyboardInterrupt:
            _ignore_further()
            raise
        _end_by_interrupt()
        report.heading("Stopping")
    report.started("done")
    return status


def main(given: list[str]) -> int:
    """The command line; returns the exit status."""
    arguments = read_arguments(given, os.environ)
    if arguments.way_out == LIST:
        list_ways_out(make_console(), WAYS_OUT.values())
        return ALL_AGREE
    _end_by_interrupt()
    try:
        return play_all(make_console()) if arguments.way_out == ALL else play(arguments, make_console())
    except KeyboardInterrupt:
        print("interrupted; nothing that was started is left running", file=sys.stderr)
        return INTERRUPTED
    except (BadSaleFile, CannotFetch, StartFailed, TopicMismatch, TopicsRefused, WrongJar) as failure:
        print(failure, file=sys.stderr)
        return NO_PROGRESS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
