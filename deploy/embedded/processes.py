"""Child processes: started, recognised, waited for and stopped without ever touching somebody else's.

A process id alone says little: it is used again after its owner has ended. An *identity* is the id together
with the time at which the process started and the boot of the machine, so an old note never leads to a
stranger's process.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LEASH = Path(__file__).with_name("leash.py")
POLL_S = 0.05

# Ports handed out by the kernel (32768 and up) may be taken by any outgoing connection before the child
# listens on them; below that range only listeners compete.
PORT_RANGE = range(20_000, 32_000)

# The kernel ties a leashed child to the *thread* that started it, so one thread that lives as long as the
# process starts them all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")


class StartFailed(RuntimeError):
    """A child did not come up. The text says which, why, and where its log is."""


@dataclass(frozen=True)
class Identity:
    """One process of this machine for ever: its id, its start in clock ticks since boot, the boot's id."""

    pid: int
    started: int
    boot: str


@dataclass(frozen=True)
class Command:
    """What to start: a name for people, the arguments, what to add to the environment, where output goes."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: Path | None = None


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> Identity | None:
    """The identity of a running process, or None when there is none or a zombie.

    Source: proc(5), stat.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat[stat.rindex(")") + 2 :].split()  # the command's name may hold spaces and brackets
    state, started = fields[0], int(fields[19])  # fields 3 and 22
    return None if state in "ZX" else Identity(pid, started, _boot())


def alive(who: Identity) -> bool:
    """Whether exactly this process still runs."""
    return identify(who.pid) == who


def send(who: Identity, sig: signal.Signals) -> bool:
    """Send a signal to exactly this process; False when it has ended.

    PermissionError when it is another user's.
    """
    try:
        handle = os.pidfd_open(who.pid)  # from here on the id cannot come to mean another process
    except ProcessLookupError:
        return False
    try:
        if not alive(who):
            return False
        signal.pidfd_send_signal(handle, sig)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)


def stop(processes: Iterable[Identity], grace_s: float) -> list[Identity]:
    """SIGTERM to all at once, SIGKILL to whatever runs `grace_s` seconds later; returns the killed."""
    waiting = [who for who in processes if send(who, signal.SIGTERM)]
    deadline = time.monotonic() + grace_s
    while (waiting := [who for who in waiting if alive(who)]) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    for who in waiting:
        send(who, signal.SIGKILL)
    while any(alive(who) for who in waiting):
        time.sleep(POLL_S)
    return waiting


class Running(ABC):
    """A process that was started for this one, and how to deal with it."""

    def __init__(self, command: Command, pid: int) -> None:
        self.command = command
        self.identity = identify(pid) or Identity(pid, 0, _boot())  # ended at once: matches nobody

    @abstractmethod
    def ended(self) -> int | None:
        """Its exit status once it has ended (negative: the signal), else None."""

    @abstractmethod
    def signal(self, sig: signal.Signals) -> None:
        """Send it a signal, if it still runs."""

    @abstractmethod
    def stop(self, grace_s: float) -> None:
        """End it: SIGTERM, then SIGKILL after `grace_s` seconds; a grace of 0 kills at once."""

    def wait_until(self, ready: Callable[[], bool], deadline_s: float) -> None:
        """Ask `ready` until it says yes.

        StartFailed when the process ends before, or `deadline_s` seconds pass.
        """
        deadline = time.monotonic() + deadline_s
        while not ready():
            if (status := self.ended()) is not None:
                raise StartFailed(f"{self.command.name} ended with status {status}\n{last_words(self.command.log)}")
            if time.monotonic() > deadline:
                late = f"{self.command.name} is not ready after {deadline_s:.0f} s"
                raise StartFailed(f"{late}\n{last_words(self.command.log)}")
            time.sleep(POLL_S)


def last_words(log: Path, lines: int = 15) -> str:
    """The end of a log, and where the whole of it is."""
    tail = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
    return "\n".join([*(f"  | {line}" for line in tail), f"  whole log: {log}"])


class Child(Running):
    """A process that this one started."""

    def __init__(self, command: Command, leashed: bool) -> None:
        """Start `command` in a session of its own: a Ctrl-C reaches only the parent, which stops it in order.

        Leashed children are killed by the kernel when this process ends in whatever way; the others outlive
        it.
        """
        self._process = start(command, leashed)
        super().__init__(command, self._process.pid)

    def ended(self) -> int | None:
        return self._process.poll()

    def signal(self, sig: signal.Signals) -> None:
        self._process.send_signal(sig)

    def stop(self, grace_s: float) -> None:
        if grace_s > 0:
            self._process.terminate()
            try:
                self._process.wait(grace_s)
                return
            except subprocess.TimeoutExpired:
                pass
        self._process.kill()
        self._process.wait()


def start(command: Command, leashed: bool, *, spoken_with: bool = False) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, on a leash or not; `spoken_with`: by pipes to its input and from its
    output, of which only its errors then go to the log."""
    return _starter.submit(_start, command, leashed, spoken_with).result()


def _start(command: Command, leashed: bool, spoken_with: bool) -> subprocess.Popen[bytes]:
    argv: Sequence[str] = command.argv
    if leashed:
        argv = (sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *argv)
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        return subprocess.Popen(
            argv,
            cwd=command.cwd,
            env={**os.environ, **command.env},
            stdin=subprocess.PIPE if spoken_with else subprocess.DEVNULL,
            stdout=subprocess.PIPE if spoken_with else log,
            stderr=log,
            start_new_session=True,
        )


def run(command: Command, deadline_s: float) -> None:
    """Run a command to its end, on a leash.

    StartFailed when it fails or takes longer than `deadline_s` seconds.
    """
    child = Child(command, leashed=True)
    try:
        child.wait_until(lambda: child.ended() == 0, deadline_s)
    finally:
        child.stop(0)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT does not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Ports:
    """Hands out free loopback ports by purpose, the same ones as last time where those are still free."""

    def __init__(self, remembered: Mapping[str, int] | None = None) -> None:
        """`remembered`: purpose → port of an earlier run."""
        self._remembered = dict(remembered or {})
        self.taken: dict[str, int] = {}

    def take(self, purpose: str) -> int:
        """A free port for `purpose`; the same one whenever asked again.

        OSError when 1,000 tries find none.
        """
        if purpose in self.taken:
            return self.taken[purpose]
        tries = [self._remembered[purpose]] if purpose in self._remembered else []
        tries += random.SystemRandom().sample(PORT_RANGE, 1000)
        for port in tries:
            if port not in self.taken.values() and _is_free(port):
                self.taken[purpose] = port
                return port
        raise OSError(f"no free loopback port in {PORT_RANGE.start}–{PORT_RANGE.stop} for {purpose}")


def listens(port: int) -> bool:
    """Whether something on this machine takes connections on this loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Let a Ctrl-C or a request to end wait until the block is done, then take its usual course.

    Signals reach Python in its main thread only; in any other there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before: dict[int, Any] = {kind: signal.signal(kind, lambda number, _: waiting.append(number)) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        for number in waiting[:1]:
            signal.raise_signal(number)
