"""What rounds have given: a JSON file for each run in benchmarks/results/, and all of them as a table in README.md."""

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import OUTSIDE, Measured, read_measured, spread

HERE = Path(__file__).resolve().parent
RESULTS, README = HERE / "results", HERE / "README.md"
BEGIN, END = "<!-- figures: written by `python -m benchmarks table` -->", "<!-- end of the figures -->"


@dataclass(frozen=True, slots=True)
class Run:
    """The rounds of one command, in their order; `command` prints them again."""

    command: str
    at: str
    rounds: tuple[Measured, ...]


def keep(command: str, began: datetime, rounds: Sequence[Measured]) -> Path:
    """Write the rounds of a run that `began` then (aware), as far as it has come; its file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{began.astimezone(UTC):%Y%m%dT%H%M%SZ}.json"
    values = {
        "command": command,
        "at": began.isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "rounds": [asdict(one) for one in rounds],
    }
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def runs(folder: Path = RESULTS) -> list[Run]:
    """All that are kept, oldest first."""
    found: list[Run] = []
    for path in sorted(folder.glob("*.json")):
        values = json.loads(path.read_text(encoding="utf-8"))
        rounds = tuple(read_measured(one) for one in values["rounds"])
        found.append(Run(values["command"], values["at"], rounds))
    return found


def table(found: Iterable[Run]) -> str:
    """The runs as tables in Markdown: a line for each variant of each run."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    commands: list[str] = []
    parts = ["| variant | " + " | ".join(PROCESSES) + " |", "|---|" + "---|" * len(PROCESSES)]
    for run in found:
        commands.append(f"- `{run.command}` ({run.at[:16]})")
        for variant in dict.fromkeys(one.variant for one in run.rounds):
            some = [one for one in run.rounds if one.variant == variant]
            lines.append(_line(variant, some))
            parts.append(_parts(variant, some))
    of_parts = "Processor µs for one record, by process (MiB of memory at the end):"
    paragraphs = ("\n".join(lines), of_parts, "\n".join(parts), "Printed by:", "\n".join(commands))
    return "\n\n".join(paragraphs)


COLUMNS = (
    "variant", "cases", "cases/s", "records/case", "records/s", "records/turn", "µs/record", "hop p50/p99 ms",
    "case p50/p99 ms",
)  # fmt: skip
PROCESSES = (
    "escrow", "registry", "seller_bank", "buyer_bank", "fund_center", "observer", "kafka", "mongodb", "peer", *OUTSIDE
)  # fmt: skip


def _line(variant: str, some: Sequence[Measured]) -> str:
    turns = [one.records_per_turn for one in some]
    cells = [
        variant,
        f"{some[0].cases:,}",
        spread([one.cases_per_s for one in some]).text(1),
        spread([one.records_per_case for one in some]).text(),
        spread([one.records_per_s for one in some]).text(),
        spread(turns).text(1) if all(turns) else "–",
        spread([one.us_per_record for one in some]).text(),
        _times(some, "hop"),
        _times(some, "case"),
    ]
    return f"| {' | '.join(cells)} |"


def _times(some: Sequence[Measured], which: str) -> str:
    found = [one.hop if which == "hop" else one.case for one in some]
    known = [one for one in found if one is not None]
    if not known:
        return "–"
    p50, p99 = spread([one.p50_ms for one in known]), spread([one.p99_ms for one in known])
    return f"{p50.median:,.0f} / {p99.median:,.0f}"


def _parts(variant: str, some: Sequence[Measured]) -> str:
    cells = [variant]
    for name in PROCESSES:
        known = [one for one in some if name in one.processor_s]
        if not known:
            cells.append("–")
            continue
        us = spread([one.us_per_record_of(name) for one in known]).median
        memory = spread([one.memory_bytes[name] / 2**20 for one in known]).median
        cells.append(f"{us:,.0f} ({memory:,.0f})")
    return f"| {' | '.join(cells)} |"


def write_table() -> None:
    """Put the table of all runs into README.md, between its marks. Raises ValueError where they are not there."""
    text = README.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{README.name} has not the marks {BEGIN} and {END}")
    README.write_text(f"{before}{begin}\n\n{table(runs())}\n\n{end}{after}", encoding="utf-8")
