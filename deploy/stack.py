"""Daiya on one machine: Kafka, MongoDB, the rail sandbox and one process per institution, on loopback.

`python -m deploy.stack up|down|status` keeps a stack running below the checkout's `build/run`; as a library,
`with Stack(ephemeral=True) as stack:` makes one with data of its own that ends with the block, and with the
process.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import httpx

from deploy.city import OBSERVER, Institution, Observer, load_city
from deploy.days import Days
from deploy.embedded.jars import CannotFetch, WrongJar
from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.mongo import EmbeddedMongo
from deploy.embedded.processes import (
    Child,
    Command,
    Identity,
    Ports,
    Running,
    StartFailed,
    alive,
    identify,
    send,
    signals_held_back,
    stop,
)
from deploy.nursery import Nursery
from deploy.stack_files import (
    Addresses,
    Busy,
    Record,
    give_key,
    give_token,
    locked,
    read_record,
    write_json,
    write_record,
)
from deploy.topics import TOPICS, TopicMismatch, TopicsRefused, create_topics
from services.runtime.clock import SystemClock

CHECKOUT = Path(__file__).resolve().parent.parent
SERVICES = CHECKOUT / "services"
READY_WITHIN_S = 90
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IMPORTED_LATE = ("certifi", "typer", "uvicorn.lifespan.on", "uvicorn.protocols.http.h11_impl")
"""What a service would import only when it is under way."""
GRACE_S = 15  # a service finishes its batch, Kafka and MongoDB write what they hold


@dataclass(frozen=True)
class Part:
    """One process of the stack: how to start it, how to wait for it. `forked`: from the nursery, where there is one."""

    command: Command
    wait: Callable[[Running], None]
    forked: bool = False


@dataclass(frozen=True)
class Status:
    """What a stack does: `nothing`, `running` or `broken`, and which of its processes run or have ended."""

    verdict: str
    running: list[str]
    ended: list[str]


class Stack:
    """A stack below `root`/build: persistent (`up`, `down`), or ephemeral as a context manager."""

    def __init__(
        self,
        root: Path = CHECKOUT,
        *,
        city: str = "liaocheng",
        ephemeral: bool = False,
        kafka: str | None = None,
        mongodb: str | None = None,
        env: Mapping[str, str] | None = None,
        starts: datetime | None = None,
        also: Collection[Institution] = (),
        served_by: str = "services.cli",
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Nothing is started yet.

        `kafka` and `mongodb` (default: DAIYA_KAFKA and DAIYA_MONGODB) are used as they are where given. `env`
        is added to the environment of the rail and the services. `starts` (aware): the services have a
        sandbox's clock, which says so now, and on which `days` can pass. `also` take part beside the
        institutions of the city's file. `served_by`: the module whose `serve ROLE --institution NAME` runs an
        institution's service. `on_progress` hears a line for each thing done.

        Raises ValueError for such a clock on a persistent stack.
        """
        if starts is not None and not ephemeral:
            raise ValueError("days pass on an ephemeral stack alone")
        named = load_city(city)
        self.city = named.model_copy(update={"institutions": (*named.institutions, *also)})
        self.ephemeral = ephemeral
        self._served_by = served_by
        self._say = on_progress
        self._cache = root / "build" / "cache"
        run = root / "build" / "run"
        # An ephemeral stack carries its owner's process id in its name, so that a later one can clear what
        # was left.
        self._dir = run / "ephemeral" / f"{os.getpid()}-{uuid.uuid4().hex[:8]}" if ephemeral else run
        self._kafka = kafka or os.environ.get("DAIYA_KAFKA")
        self._mongodb = mongodb or os.environ.get("DAIYA_MONGODB")
        self._env = dict(env or {})
        self._record = Record()
        self._ports = Ports()
        self._parts: dict[str, Part] = {}
        self._children: dict[str, Running] = {}
        self._nursery: Nursery | None = None
        self._node: EmbeddedKafka | None = None
        self._tokens: dict[str, dict[str, str]] = {}
        self._starts = starts
        self._days: Days | None = None

    # -- what a user of the library asks --

    @property
    def addresses(self) -> Addresses:
        """Where everything listens. RuntimeError before `up`."""
        if self._record.addresses is None:
            raise RuntimeError("the stack is not up")
        return self._record.addresses

    def token(self, role: str, institution: str | None = None) -> str:
        """The bearer token of an institution's clerk; `institution` may be left out where there is one."""
        of_role = self._tokens[role]
        if institution is None and len(of_role) > 1:
            raise KeyError(f"{role} has several institutions: {', '.join(of_role)}")
        return of_role[institution] if institution else next(iter(of_role.values()))

    def key_file(self, one: Institution) -> Path:
        """The file with the secret of an institution of the city, for what signs in its name; only once it is up."""
        return give_key(self._dir / "keys", one)

    @property
    def processes(self) -> Mapping[str, Identity]:
        """Every process that was started, by its name."""
        return {name: child.identity for name, child in self._children.items()}

    @property
    def days(self) -> Days:
        """The clock of the services, and the hand on it. RuntimeError where they have the machine's."""
        if self._days is None:
            raise RuntimeError("no days can pass on this stack: its services have the machine's clock")
        return self._days

    def now(self) -> datetime:
        """What time it is for the services."""
        return (self._days.clock if self._days is not None else SystemClock()).now()

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self._parts[self._full_name(name)].command.log

    def kill(self, name: str, sig: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a process, named as in `status` or, where there is only one, by its role."""
        self._children[self._full_name(name)].signal(sig)

    def restart(self, name: str) -> None:
        """Stop a process if it still runs, start it again as it was, wait until it is ready."""
        name = self._full_name(name)
        self._children[name].stop(GRACE_S)
        self._start(self._parts[name])
        self._wait(name)

    def wipe_kafka(self) -> None:
        """Kill Kafka, throw away all that it holds, start it empty and make the topics anew; the services run on.
        RuntimeError where it is somebody else's. Not to be called from within a running event loop."""
        if self._node is None or not self.ephemeral:
            raise RuntimeError("only the Kafka of an ephemeral stack of one's own is wiped")
        self._children["kafka"].stop(0)
        shutil.rmtree(self._dir / "kafka")
        self._start(Part(self._node.prepare(self._cache, self._say), self._node.wait))
        self._wait("kafka")
        asyncio.run(create_topics(self._node.address, [(one.role.value, one.name) for one in self.city.institutions]))

    def twin(self, name: str) -> str:
        """Start one more process of a service, which shares the inbox with the first; its name, once it is ready."""
        command = self._parts[self._full_name(name)].command
        twin = f"{sum(part.endswith(command.name) for part in self._parts) + 1}.{command.name}"
        port = self._ports.take(twin)
        env = {**command.env, "DAIYA_PORT": str(port)}
        wait = _answers(f"http://127.0.0.1:{port}/readyz")
        self._start(Part(replace(command, name=twin, log=self._log_path(twin), env=env), wait, forked=True))
        self._wait(twin)
        return twin

    def runs(self, name: str) -> bool:
        """Whether a process of this name was started and has not ended."""
        return name in self._children and self._children[name].ended() is None

    def address(self, name: str) -> str:
        """Where a service listens, the first or a twin."""
        return f"http://127.0.0.1:{self._ports.taken[self._full_name(name)]}"

    def _full_name(self, name: str) -> str:
        if name in self._parts:
            return name
        found = [full for full in self._parts if full.startswith(f"{name}.")]
        if len(found) != 1:
            raise KeyError(f"{name} names {len(found)} of: {', '.join(self._parts)}")
        return found[0]

    # -- up --

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is not None and self.ephemeral:
            self._say(f"the logs are in {self._dir / 'logs'}")
        self._stop_all(keep_logs=kind is not None)

    def up(self) -> bool:
        """Start everything and wait until it is ready; False when it ran already.

        Whatever interrupts it (StartFailed, Ctrl-C), nothing that it started is left running. Busy: see
        there. Not to be called from within a running event loop; `asyncio.to_thread` will do.
        """
        if self.ephemeral:
            self._clear_forgotten()
            self._start_everything()
            return True
        with locked(self._dir / "lock"):
            now = self.status()
            self._record = read_record(self._dir / "stack.json")
            if now.verdict == "running":
                self._give_secrets()
                return False
            if now.verdict == "broken":
                why = f"{', '.join(now.ended)} ended" if now.ended else "its start was cut short"
                self._say(f"an earlier stack broke: {why}; clearing what is left of it")
                self._stop_all(keep_logs=True)
            self._start_everything()
            return True

    def status(self) -> Status:
        """What the persistent stack of this folder does, by its own note and the kernel's word."""
        record = read_record(self._dir / "stack.json")
        running = record.running()
        ended = [name for name in record.children if name not in running]
        if not record.children:
            return Status("nothing", [], [])
        return Status("running" if record.complete and not ended else "broken", running, ended)

    def _start_everything(self) -> None:
        try:
            self._ports = Ports(self._record.ports)
            self._dir.mkdir(parents=True, exist_ok=True)
            self._give_secrets()
            if self._starts is not None:
                self._days = Days(self._dir / "clock", self._starts)
                self._env["DAIYA_SANDBOX_CLOCK"] = str(self._days.path)
            self._open_nursery()
            kafka, mongodb = self._start_brokers()
            rail = self._start_rail()
            institutions = [(one.role.value, one.name) for one in self.city.institutions]
            for name in list(self._children):
                self._wait(name)
            self._open_accounts(rail)
            created = asyncio.run(create_topics(kafka, institutions))
            self._say(f"topics: {len(created)} new, {len(TOPICS) * len(institutions) - len(created)} there already")
            desks: dict[str, dict[str, str]] = {}
            for one in self._served:
                desks.setdefault(one.role.value, {})[one.name] = self._start_service(one, kafka, mongodb, rail)
            observer = self._start_observer(self.city.observer, kafka, mongodb) if self.city.observer else ""
            for one in self._served:
                self._wait(one.key)
            if self.city.observer is not None:
                self._wait(self.city.observer.key)
            self._record.addresses, self._record.complete = Addresses(kafka, mongodb, rail, desks, observer), True
            self._note()
            write_json(self._dir / "addresses.json", asdict(self._record.addresses))
            if not self.ephemeral:
                self._close_nursery()
        except BaseException:
            self._stop_all(keep_logs=True)
            raise

    @property
    def _served(self) -> list[Institution]:
        """The institutions whose services this release has. Others of the city have their inboxes and their keys, and
        their services elsewhere."""
        return [one for one in self.city.institutions if (SERVICES / one.role.value / "service.py").exists()]

    def _open_nursery(self) -> None:
        """It imports what all services need while Kafka and MongoDB start."""
        modules = {f"services.{name}.service" for name in (OBSERVER, *(one.role.value for one in self._served))}
        command = self._python("nursery", ("deploy.nursery", *sorted(modules), *IMPORTED_LATE), {})
        with signals_held_back():
            self._nursery = Nursery(command, leashed=self.ephemeral)

    def _close_nursery(self) -> None:
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None

    def _start_brokers(self) -> tuple[str, str]:
        """Start what no address was given for; MongoDB first, it comes up while Kafka is prepared."""
        mongodb, kafka = self._mongodb, self._kafka
        if mongodb is None:
            mongo = EmbeddedMongo(self._dir / "mongodb", self._log_path("mongodb"), self._ports.take("mongodb"))
            self._start(Part(mongo.prepare(), mongo.wait))
            mongodb = mongo.address
        if kafka is None:
            ports = self._ports.take("kafka"), self._ports.take("kafka controller")
            node = EmbeddedKafka(self._dir / "kafka", self._log_path("kafka"), *ports)
            self._start(Part(node.prepare(self._cache, self._say), node.wait))
            self._node, kafka = node, node.address
        return kafka, mongodb

    def _start_rail(self) -> str:
        port = self._ports.take("rail")
        books = self._dir / "rail" / "books.sqlite"
        books.parent.mkdir(parents=True, exist_ok=True)
        env = {"DAIYA_RAIL_PORT": str(port), "DAIYA_RAIL_BOOKS": str(books)}
        url = f"http://127.0.0.1:{port}"
        self._start(Part(self._python("rail", ("deploy.sandbox.rail",), env), _answers(f"{url}/healthz")))
        return url

    def _open_accounts(self, rail: str) -> None:
        """The institutions' own accounts: a service that finds none looks again ever more seldom."""
        for one in self.city.institutions:
            for account in one.settings.get("accounts", ()):
                opening = {"owner": one.title, "opening_fen": one.opening_fen}
                answer = httpx.put(f"{rail}/accounts/{account}", json=opening, timeout=5, trust_env=False)
                if not answer.is_success:
                    raise StartFailed(f"the rail does not open account {account}: {answer.text[:300]}")

    def _start_service(self, one: Institution, kafka: str, mongodb: str, rail: str) -> str:
        port = self._ports.take(one.key)
        settings = self._dir / "settings" / f"{one.key}.json"
        write_json(settings, {"title": one.title, **one.settings})
        env = {
            "DAIYA_KAFKA": kafka,
            "DAIYA_MONGODB": mongodb,
            "DAIYA_RAIL": rail,
            "DAIYA_HOST": "127.0.0.1",
            "DAIYA_PORT": str(port),
            "DAIYA_KEY_FILE": str(give_key(self._dir / "keys", one)),
            "DAIYA_TOKENS_FILE": str(give_token(self._dir / "tokens", one)[0]),
            "DAIYA_SETTINGS_FILE": str(settings),
        }
        url = f"http://127.0.0.1:{port}"
        serve = (self._served_by, "serve", one.role.value, "--institution", one.name)
        self._start(Part(self._python(one.key, serve, env), _answers(f"{url}/readyz"), forked=True))
        return url

    def _start_observer(self, observer: Observer, kafka: str, mongodb: str) -> str:
        port = self._ports.take(observer.key)
        env = {
            "DAIYA_KAFKA": kafka,
            "DAIYA_MONGODB": mongodb,
            "DAIYA_HOST": "127.0.0.1",
            "DAIYA_PORT": str(port),
            "DAIYA_TOKENS_FILE": str(give_token(self._dir / "tokens", observer)[0]),
            "DAIYA_OBSERVES": json.dumps([(one.role.value, one.name) for one in self.city.institutions]),
        }
        url = f"http://127.0.0.1:{port}"
        serve = ("services.cli", "serve", OBSERVER, "--institution", observer.name)
        self._start(Part(self._python(observer.key, serve, env), _answers(f"{url}/readyz"), forked=True))
        return url

    def _python(self, name: str, module: tuple[str, ...], env: Mapping[str, str]) -> Command:
        # Everything here is on loopback: a proxy of the machine must not be asked for it.
        direct = {
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "PYTHONUNBUFFERED": "1",
        }
        argv = (sys.executable, "-m", *module)
        return Command(name, argv, self._log_path(name), {**direct, **env, **self._env}, cwd=CHECKOUT)

    def _log_path(self, name: str) -> Path:
        return self._dir / "logs" / f"{name}.log"

    def _start(self, part: Part) -> None:
        name = part.command.name
        with signals_held_back():  # between the start of a process and the note of it
            self._parts[name] = part
            if part.forked and self._nursery is not None:
                self._children[name] = self._nursery.fork(part.command)
            else:
                self._children[name] = Child(part.command, leashed=self.ephemeral)
            self._record.children[name] = self._children[name].identity
            self._note()

    def _wait(self, name: str) -> None:
        self._parts[name].wait(self._children[name])
        self._say(f"{name} is ready")

    def _note(self) -> None:
        self._record.ports.update(self._ports.taken)
        write_record(self._dir / "stack.json", self._record)

    def _give_secrets(self) -> None:
        """Tokens, made once; the command line finds them in `tokens.json` (role → institution → token)."""
        for one in self.city.institutions:
            self._tokens.setdefault(one.role.value, {})[one.name] = give_token(self._dir / "tokens", one)[1]
        if self.city.observer is not None:
            named = {self.city.observer.name: give_token(self._dir / "tokens", self.city.observer)[1]}
            self._tokens[OBSERVER] = named
        write_json(self._dir / "tokens.json", self._tokens, mode=0o600)

    # -- down --

    def down(self) -> list[str]:
        """Stop the persistent stack of this folder; returns the names of what it stopped. Busy: see there."""
        with locked(self._dir / "lock"):
            self._record = read_record(self._dir / "stack.json")
            stopped = self._record.running()
            self._stop_all(keep_logs=True)
            return stopped

    def _stop_all(self, keep_logs: bool) -> None:
        """Services first, then the rail, then Kafka and MongoDB, each group together."""
        with signals_held_back():
            groups: dict[int, dict[str, Identity]] = {0: {}, 1: {}, 2: {}}
            for name, who in self._record.children.items():
                groups[2 if name in ("kafka", "mongodb") else 1 if name == "rail" else 0][name] = who
            for rank, group in groups.items():
                self._stop_group(group, at_once=self.ephemeral and rank > 0)
            for child in self._children.values():
                child.ended()  # reaps it
            self._children.clear()
            self._close_nursery()
            self._record = Record(ports=self._record.ports)
            if self.ephemeral:
                self._throw_away(keep_logs)
            else:
                (self._dir / "addresses.json").unlink(missing_ok=True)
                self._note()

    def _stop_group(self, group: Mapping[str, Identity], at_once: bool) -> None:
        running = {name: who for name, who in group.items() if alive(who)}
        if at_once:  # nobody will read what they would still write
            for who in running.values():
                send(who, signal.SIGKILL)
        killed = stop(running.values(), GRACE_S)
        for name, who in running.items():
            self._say(f"stopped {name}{' (it had to be killed)' if who in killed else ''}")

    def _throw_away(self, keep_logs: bool) -> None:
        for path in list(self._dir.iterdir()) if self._dir.exists() else []:
            if not (keep_logs and path.name == "logs"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not keep_logs:
            shutil.rmtree(self._dir, ignore_errors=True)

    def _clear_forgotten(self) -> None:
        """Remove the folders of ephemeral stacks whose process has ended without doing so."""
        for path in self._dir.parent.glob("*-*"):
            owner = identify(int(path.name.split("-")[0]))
            if owner is None:
                shutil.rmtree(path, ignore_errors=True)


def _answers(url: str) -> Callable[[Running], None]:
    """A wait for GET `url` to answer 200."""

    def ask() -> bool:
        try:
            return httpx.get(url, timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    return lambda child: child.wait_until(ask, READY_WITHIN_S)


def _tell(stack: Stack, say: Callable[[str], None]) -> None:
    at = stack.addresses
    say(f"kafka     {at.kafka}\nmongodb   {at.mongodb}\nrail      {at.rail}")
    for role, institutions in at.desks.items():
        for institution, url in institutions.items():
            say(f"{role} {institution}: {url}")
    if at.observer:
        say(f"observer  {at.observer}")


def _up(stack: Stack) -> int:
    if not stack.up():
        print("it runs already")
    _tell(stack, print)
    return 0


def _down(stack: Stack) -> int:
    if not stack.down():
        print("nothing runs here")
    return 0


def _status(stack: Stack) -> int:
    """0 when all runs, 3 when nothing does, 1 when it is broken (as init scripts answer)."""
    now = stack.status()
    print({"nothing": "nothing runs here", "running": "everything runs", "broken": "broken"}[now.verdict])
    for names, word in ((now.running, "runs"), (now.ended, "has ended")):
        for name in names:
            print(f"  {name} {word}")
    return {"running": 0, "nothing": 3}.get(now.verdict, 1)


def _interrupt_once(_: int, __: FrameType | None) -> None:
    """To be ended means to clear up; a second Ctrl-C (make passes its own on) must not cut that short."""
    for kind in ENDS:
        signal.signal(kind, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    """The command line: `up`, `down` or `status`; returns the exit status (130 after Ctrl-C)."""
    commands = {"up": _up, "down": _down, "status": _status}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("usage: python -m deploy.stack up|down|status", file=sys.stderr)
        return 2
    for kind in ENDS:
        signal.signal(kind, _interrupt_once)
    try:
        return commands[arguments[0]](Stack(on_progress=lambda line: print(line, flush=True)))
    except KeyboardInterrupt:
        print("interrupted; nothing that was started is left running", file=sys.stderr)
        return 130
    except (Busy, CannotFetch, StartFailed, TopicMismatch, TopicsRefused, WrongJar) as failure:
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
