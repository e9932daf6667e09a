"""An institution of the city: its one database, its group of processes, and what the broker knows of the group."""

from datetime import date, datetime
from typing import TYPE_CHECKING

from contracts.envelope import inbox
from contracts.event import Role
from services.runtime.core.journal import vocabulary
from services.runtime.core.rule import Rulebook
from services.runtime.keys import Keys
from services.runtime.settings import HouseSettings
from tests.simulation.outside import ALL_PARTITIONS, Database
from tests.simulation.process import Process

if TYPE_CHECKING:
    from tests.simulation.city import City


class House:
    """One institution. Its processes share the partitions of its inbox; a killed one is missed only some time later."""

    def __init__(self, city: "City", role: Role, name: str, rulebook: Rulebook, settings: HouseSettings) -> None:
        self.city = city
        self.role = role
        self.name = name
        self.rulebook = rulebook
        self.settings = settings
        self.words = vocabulary(rulebook)
        self.keys = Keys(name.encode().ljust(32, b"."))
        self.inbox = inbox(role, name)
        self.database = Database(lambda entry: city.auditor.on_entry(self, entry))
        self.database_is_away = False
        self.committed = dict.fromkeys(ALL_PARTITIONS, 0)
        self.generation = 0
        self.clock_looked_at: tuple[date, int] | None = None
        self.asked_at: datetime = city.now()
        self.processes: list[Process] = []
        self.due: dict[Process, frozenset[int]] = {}  # what each will hold once it has noticed
        city.broker.create(self.inbox, self.inbox + ".dead", self.inbox + ".public")

    @property
    def today(self) -> tuple[date, int]:
        """The day, and how many periods run: what a look at the clock depends on."""
        return self.city.now().date(), len(self.database.kinds.get("period", ()))

    def start(self) -> None:
        """A process starts and joins the group."""
        self.processes.append(Process(self, frozenset()))
        self.rebalance()

    def rebalance(self) -> None:
        """The group shares the partitions anew. Who held some before notices only in its own time, and until then goes
        on; what it commits is not taken any more."""
        self.generation += 1
        members = self.processes
        shares: dict[Process, set[int]] = {process: set() for process in members}
        for partition in sorted(ALL_PARTITIONS):
            if members:
                shares[members[self.city.chances.order.randrange(len(members))]].add(partition)
        self.due = {process: frozenset(share) for process, share in shares.items()}
        for process in list(members):
            if process.held:
                self.city.scheduler.wait(process, "session notice", lambda process=process: self.notice(process))
            else:
                self.notice(process)

    def notice(self, process: Process) -> None:
        """A process learns what it holds."""
        if process.generation != self.generation or process.held != self.due.get(process, process.held):
            process.hold(self.due.get(process, frozenset()))

    def buried(self, process: Process) -> None:
        """A process was killed. The others get its partitions when the group notices."""
        self.processes.remove(process)
        self.due.pop(process, None)
        self.city.chances.counted["process killed"] += 1

    @property
    def is_whole(self) -> bool:
        """Whether every partition is held by a process that knows it."""
        held = [p for process in self.processes if process.generation == self.generation for p in process.held]
        return sorted(held) == sorted(ALL_PARTITIONS)

    def gather(self) -> None:
        """Back to one process that holds everything, as on a quiet day."""
        for process in self.processes[1:]:
            process.kill()
        if not self.processes:
            self.start()
        elif not self.is_whole:
            self.rebalance()
