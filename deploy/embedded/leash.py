"""Run a command that the kernel kills when its parent ends: `python leash.py PARENT_PID COMMAND…`.

A file of its own, run before the command takes its place: setting this between fork and exec of a program
with threads is unsafe, and the setting survives exec. Linux only (prctl(2), PR_SET_PDEATHSIG).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie_to(parent: int) -> None:
    """Let the kernel kill this process when `parent` ends. Exits 1 when that has gone already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent:  # it ended before the line above: no signal will come any more
        sys.exit(1)


def main() -> None:
    """Tie this process to its parent, then become the command."""
    tie_to(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
