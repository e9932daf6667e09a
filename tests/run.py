"""The whole suite, on two processors at once: `python -m tests.run [pytest's options]`, which is `make test`.

What needs nothing but a processor, stories and simulation, runs beside all the rest, which starts brokers, databases
and services. The rest is told as it goes, the other half when it is done. Exit status: how many halves have failed.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALONE = ("tests/stories", "tests/simulation")
NOT_HERE = ("tests/faults",)  # what takes too long beside all the rest: `make faults`
NOTHING_FAILED = 0


def pytest(*arguments: str) -> list[str]:
    """The command for a part of the suite."""
    return [sys.executable, "-m", "pytest", *arguments]


def main(options: list[str]) -> int:
    """Both halves, at the same time."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as told:
        beside = subprocess.Popen(
            pytest(*ALONE, "-p", "no:cacheprovider", *options), cwd=ROOT, stdout=told, stderr=subprocess.STDOUT
        )
        try:
            rest = subprocess.run(
                pytest("tests", *(f"--ignore={part}" for part in (*ALONE, *NOT_HERE)), *options), cwd=ROOT, check=False
            )
            status = beside.wait()
        finally:
            beside.kill()
            beside.wait()
        told.seek(0)
        print(f"\n{' and '.join(ALONE)}:", flush=True)
        sys.stdout.buffer.write(told.read())
    failed = [name for name, code in (("the rest", rest.returncode), (ALONE[0], status)) if code != NOTHING_FAILED]
    verdict = f"failed: {', '.join(failed)}" if failed else "both halves passed"
    print(f"{verdict}, {time.monotonic() - started:.0f} s", flush=True)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
