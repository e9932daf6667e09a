"""The whole suite, on two processors at once: `python -m tests.run [pytest's options]`, which is `make test`.

What needs nothing but a processor, stories and simulation, runs beside all the rest, which starts brokers, databases
and services, and gives way to it: it takes what that leaves while it waits. The rest is told as it goes, the others
when they are done. Exit status: how many parts have failed.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BESIDE = {"tests/stories": 5, "tests/simulation": 15}
"""How nice each is to the rest. The simulation takes every processor that is free, so it may be the last."""
NOT_HERE = ("tests/faults",)  # what takes too long beside all the rest: `make faults`


@dataclass(frozen=True)
class Part:
    """A part of the suite that runs beside the rest."""

    name: str
    process: subprocess.Popen[bytes]
    told: Path

    def end(self) -> int:
        """Wait for it and print what it told; its exit status."""
        status = self.process.wait()
        print(f"\n{self.name}:", flush=True)
        sys.stdout.buffer.write(self.told.read_bytes())
        sys.stdout.flush()
        return status


def pytest(*arguments: str) -> list[str]:
    """The command for a part of the suite."""
    return [sys.executable, "-m", "pytest", *arguments]


def _beside(stack: contextlib.ExitStack, name: str, nice: int, options: list[str], told: Path) -> Part:
    command = pytest(name, "-p", "no:cacheprovider", *options)
    with told.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, preexec_fn=lambda: os.nice(nice)
        )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return Part(name, process, told)


def main(options: list[str]) -> int:
    """All parts, at the same time."""
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        parts = [_beside(stack, name, nice, options, folder / Path(name).name) for name, nice in BESIDE.items()]
        left_out = [f"--ignore={part}" for part in (*BESIDE, *NOT_HERE)]
        rest = subprocess.run(pytest("tests", *left_out, *options), cwd=ROOT, check=False)
        ended = {"the rest": rest.returncode} | {part.name: part.end() for part in parts}
    failed = [name for name, status in ended.items() if status]
    verdict = f"failed: {', '.join(failed)}" if failed else "all parts passed"
    print(f"{verdict}, {time.monotonic() - started:.0f} s", flush=True)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
