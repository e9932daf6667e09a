"""Everything that `make check` holds the code to, two at a time; says which failed, with what they said."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

# The longest first: it sets how long the whole takes.
CHECKS = {
    "types": [str(BIN / "basedpyright"), "--level", "error"],
    "generated files": [sys.executable, "-m", "contracts.generate", "--check"],
    "demands": [sys.executable, "-m", "tests.demands"],
    "purity": [sys.executable, "-m", "tests.purity"],
    "imports": [str(BIN / "lint-imports")],
    "lint": [str(BIN / "ruff"), "check"],
    "format": [str(BIN / "ruff"), "format", "--check"],
}


def check(name: str) -> tuple[str, int, float, str]:
    """Run one check: its name, exit status, seconds and output."""
    started = time.monotonic()
    done = subprocess.run(CHECKS[name], cwd=ROOT, capture_output=True, text=True, check=False)
    return name, done.returncode, time.monotonic() - started, (done.stdout + done.stderr).strip()


def main() -> int:
    """Exit status 0 when every check passed."""
    failed: list[str] = []
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 2)) as pool:
        for name, status, seconds, output in pool.map(check, CHECKS):
            print(f"{'ok    ' if status == 0 else 'FAILED'} {name} ({seconds:.1f} s)", flush=True)
            if status != 0:
                failed.append(name)
                print(output, flush=True)
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
