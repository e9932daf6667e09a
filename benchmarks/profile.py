"""Where the processor time of a service goes, from py-spy's samples in its raw form: one stack a line, outermost frame
first, frames divided by semicolons, then how often it was seen.

py-spy is no dependency of ours: whoever profiles names the program. Only samples that hold the interpreter's lock are
taken (`--gil`), so what a thread waits for does not count; neither does what runs outside the lock, such as the kernel.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks.figures import shares
from contracts.envelope import ROLES

RATE_HZ = 200

# The first of these that the innermost known frame lies in names the part. What is in none (the standard library,
# asyncio) counts for whoever called it.
RUNTIME = "services/runtime/"
CODEC = ("core/journal.py", "reading.py", "keys.py", "turn.py:_dumped", "turn.py:_json_bytes")
PARTS = (
    ("codec", ("contracts/", *(RUNTIME + place for place in CODEC))),
    ("driver", ("pymongo/", "bson/", "motor/", "services/runtime/store/")),
    ("client", ("aiokafka/", "faststream/", "fast_depends/", "services/runtime/log/", "services/runtime/inbox/")),
    ("rules", ("services/runtime/core/", *(f"services/{one}/" for one in (*ROLES, "lending", "observer")))),
    ("other", ("services/", "httpx/", "httpcore/", "uvicorn/", "structlog/", "prometheus_client/")),
)
OURS = ("contracts/", "services/")
LIBRARIES = ("aiokafka/", "faststream/", "motor/", "pymongo/", "pydantic/")
_FRAME = re.compile(r"(?P<name>.*) \((?P<file>[^():]+)(:(?P<line>\d+))?\)$")

Frame = tuple[str, str]
"""A file, and a function in it."""


async def sample(py_spy: str, pid: int, seconds: int, out: Path) -> None:
    """Sample a process for so long. Raises RuntimeError where py-spy fails."""
    argv = (
        py_spy,
        "record",
        "--gil",
        "-d",
        str(seconds),
        "-r",
        str(RATE_HZ),
        "-f",
        "raw",
        "-o",
        str(out),
        "--pid",
        str(pid),
    )
    quiet = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdout=quiet, stderr=asyncio.subprocess.STDOUT)
    told, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{py_spy}: {told.decode()[-500:]}")


def read(lines: Iterable[str]) -> list[tuple[tuple[Frame, ...], int]]:
    """The stacks of py-spy's raw form, outermost frame first, each with how often it was seen."""
    found: list[tuple[tuple[Frame, ...], int]] = []
    for line in lines:
        stack, _, n = line.rstrip("\n").rpartition(" ")
        if stack:
            found.append((tuple(_frame(text) for text in stack.split(";")), int(n)))
    return found


def _frame(text: str) -> Frame:
    match = _FRAME.match(text)
    return (match["file"], match["name"].rsplit(".", 1)[-1]) if match else ("", text)


def part_of(stack: tuple[Frame, ...]) -> str:
    """Which part a sample counts for: rules, codec, driver, client or other."""
    for file, name in reversed(stack):
        for part, places in PARTS:
            if any(f"{file}:{name}".startswith(place) for place in places):
                return part
    return "other"


def by_part(stacks: Iterable[tuple[tuple[Frame, ...], int]]) -> dict[str, float]:
    """Per cent of the samples, by part."""
    counts = Counter[str]()
    for stack, n in stacks:
        counts[part_of(stack)] += n
    return shares(counts)


def by_function(stacks: Iterable[tuple[tuple[Frame, ...], int]]) -> dict[str, float]:
    """Per cent of the samples by function of ours, together with what it calls in libraries; where none of ours is at
    work, by library."""
    counts = Counter[str]()
    for stack, n in stacks:
        ours = next((f"{file}:{name}" for file, name in reversed(stack) if file.startswith(OURS)), "")
        library = next((file.split("/")[0] for file, _ in reversed(stack) if "/" in file and "<" not in file), "python")
        at = ours if ours and not ours.endswith((":serve", ":<module>")) else library
        counts[at] += n
    return shares(counts)


def by_whole(stacks: Iterable[tuple[tuple[Frame, ...], int]]) -> dict[str, float]:
    """Per cent of the samples in which a function of ours or of the libraries that do the work is busy, with
    all that it calls; these add up to more than all."""
    counts, whole = Counter[str](), 0
    for stack, n in stacks:
        whole += n
        for at in {f"{file}:{name}" for file, name in stack if file.startswith((*OURS, *LIBRARIES))}:
            counts[at] += n
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {at: n / whole * 100 for at, n in ordered}
