"""A nursery: one process that has imported what every service needs, and from which each of them is forked.

What a service imports costs it seconds of a core, and it is the same for all: FastAPI, FastStream, motor, the models
of the contracts. A nursery pays that once, while Kafka starts. A service that comes from it is a process of its own
like any other, with a session, an environment and memory of its own; what it shares is code, which nobody writes to.

`python -m deploy.nursery MODULE…` imports the modules, then takes orders: one JSON object a line on its standard input,
each answered by one on its standard output. It ends when nobody can give it orders any more; what it forked on a leash
ends with it, the others go on.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

from deploy.embedded.leash import tie_to
from deploy.embedded.processes import (
    Command,
    Running,
    StartFailed,
    alive,
    last_words,
    send,
    signals_held_back,
    start,
    stop,
)

PR_SET_NAME = 15
LONGEST_NAME = 15  # bytes, of a process's name in the kernel
NOBODY_KNOWS = 0


class Nursery:
    """A running nursery, as the process that started it sees it."""

    def __init__(self, command: Command, leashed: bool) -> None:
        """`command`: how `python -m deploy.nursery` is started. On a leash it ends with this process in whatever way,
        and what it forks with it."""
        self._leashed = leashed
        self._process = start(command, leashed, spoken_with=True)
        self._log = command.log
        self._turn = threading.Lock()

    def fork(self, command: Command) -> Nursling:
        """Start `command`, which is a Python module, from here. Raises StartFailed where the nursery has ended."""
        order = {
            "argv": command.argv,
            "env": {**os.environ, **command.env},
            "cwd": str(command.cwd or Path.cwd()),
            "log": str(command.log),
            "name": command.name,
            "leashed": self._leashed,
        }
        command.log.parent.mkdir(parents=True, exist_ok=True)
        answer = self._ask({"fork": order})
        if answer is None:
            raise StartFailed(f"{command.name} was not started: the nursery has ended\n{last_words(self._log)}")
        return Nursling(command, answer["pid"], self)

    def status(self, pid: int) -> int | None:
        """The exit status of a process that was forked here, None while it runs, or where the nursery has ended."""
        answer = self._ask({"status": pid})
        return answer["status"] if answer is not None else None

    def close(self) -> None:
        """End it, whatever it does: nothing more will be started from it."""
        with self._turn:
            self._process.kill()
            self._process.communicate()  # closes the pipes, and reaps it

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any] | None:
        """Its answer; None where it has ended."""
        with self._turn, signals_held_back():  # between an order and its answer nothing may come
            to, of = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
            try:
                to.write(json.dumps(order).encode() + b"\n")
                to.flush()
                line = of.readline()
            except (OSError, ValueError):  # a broken pipe, or one that was closed
                return None
            return json.loads(line) if line else None


class Nursling(Running):
    """A process that was forked from a nursery."""

    def __init__(self, command: Command, pid: int, nursery: Nursery) -> None:
        super().__init__(command, pid)
        self._nursery = nursery

    def ended(self) -> int | None:
        """As of any child; NOBODY_KNOWS where the nursery ended before it."""
        if alive(self.identity):
            return None
        status = self._nursery.status(self.identity.pid)
        return NOBODY_KNOWS if status is None else status

    def signal(self, sig: signal.Signals) -> None:
        send(self.identity, sig)

    def stop(self, grace_s: float) -> None:
        stop([self.identity], grace_s)


# --- the process itself -------------------------------------------------------------------------------------


def main(modules: Sequence[str]) -> None:
    """Import these, then fork what is asked for. In a process that was forked this returns only at that one's end."""
    for name in modules:
        importlib.import_module(name)
    if (threads := len(list(Path("/proc/self/task").iterdir()))) != 1:
        raise RuntimeError(f"importing has started threads ({threads} run): a process with threads is not to be forked")
    gc.collect()
    gc.freeze()  # what is here is never garbage: collecting would write to every page and so unshare it
    nursery = os.getpid()
    order = _serve()
    if order is not None:
        _become(order, nursery)


def _serve() -> Mapping[str, Any] | None:
    """Take orders until nobody gives any. Returns twice: in a forked process with its order, at the end with None."""
    statuses: dict[int, int] = {}
    for line in iter(sys.stdin.readline, ""):
        order: Mapping[str, Any] = json.loads(line)
        if "fork" in order:
            pid = os.fork()
            if pid == 0:
                return order["fork"]
            answer = {"pid": pid}
        else:
            answer = {"status": _status(order["status"], statuses)}
        print(json.dumps(answer), flush=True)
    return None


def _status(pid: int, statuses: dict[int, int]) -> int | None:
    if pid not in statuses:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            return None
        statuses[pid] = os.waitstatus_to_exitcode(status)
    return statuses[pid]


def _become(order: Mapping[str, Any], nursery: int) -> None:
    """Be the process that was ordered: as one of its own would be started, but for what is imported already."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_NAME, order["name"].encode()[:LONGEST_NAME], 0, 0, 0)
    if order["leashed"]:
        tie_to(nursery)
    with Path(os.devnull).open("rb") as nothing, Path(order["log"]).open("ab") as log:
        for ours, its in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(ours.fileno(), its)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    _, _, module, *arguments = order["argv"]  # python -m MODULE …
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
