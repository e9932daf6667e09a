"""What processes take: processor time and memory, from /proc (proc(5), stat and statm)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Taken:
    """Processor time of a process since its start, in seconds, all its threads together; and its memory now, in bytes.
    Pages that forked processes share count in each of them."""

    processor_s: float
    memory_bytes: int


def taken(pid: int) -> Taken:
    """What a process has taken by now. Raises OSError where it has ended."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()  # the command's name may hold spaces and brackets
    user, system = int(fields[11]), int(fields[12])  # fields 14 and 15
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Taken((user + system) / TICKS_PER_S, pages * PAGE_BYTES)


def all_taken(pids: Mapping[str, int]) -> dict[str, Taken]:
    """The same for several, by name."""
    return {name: taken(pid) for name, pid in pids.items()}


def machine_busy_s() -> float:
    """How long the processors of the machine have been busy since it started, in seconds, whoever was at work."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, soft = (int(field) for field in fields[:7])
    return (user + nice + system + irq + soft) / TICKS_PER_S
