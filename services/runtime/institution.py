"""One institution at work: its turns, and the workers that look at rows. It awaits only Log, Store, Rail and Clock, so
tests step the same coroutines over in-memory ones.
"""

import asyncio
from collections.abc import Collection

from contracts.envelope import inbox, partition_of
from contracts.event import Role
from services.runtime.clock import Clock
from services.runtime.core.facts import OwnFact
from services.runtime.core.periods import Calendar
from services.runtime.core.rule import Rulebook
from services.runtime.keys import Keys
from services.runtime.log import Log
from services.runtime.made_anew import MadeAnew
from services.runtime.metrics import Metrics
from services.runtime.payments import Payments
from services.runtime.rail import Rail
from services.runtime.reading import make_house
from services.runtime.settings import HouseSettings
from services.runtime.statement import Statement
from services.runtime.store import Store
from services.runtime.timers import Timers
from services.runtime.turn import Turns


class Institution:
    """Everything of one institution but the shells around it: the Kafka consumer, the desk's HTTP, the loops."""

    def __init__(
        self,
        role: Role,
        name: str,
        rulebook: Rulebook,
        *,
        keys: Keys,
        settings: HouseSettings,
        log: Log,
        store: Store,
        rail: Rail,
        clock: Clock,
        calendar: Calendar,
    ) -> None:
        self.house = make_house(role, name, settings.title, keys, rulebook)
        self.settings = settings
        self.store = store
        self.clock = clock
        self.calendar = calendar
        self.metrics = Metrics()
        self.turns = Turns(self.house, keys, log, store, self.metrics)
        self.post = self.turns.post
        self.dead_letters = self.post.dead_letters
        self.payments = Payments(store, self.post, rail, clock)
        self.timers = Timers(store, self.post, clock, calendar)
        self.statements = tuple(Statement(account, store, self.post, rail) for account in settings.accounts)
        self.made_anew = MadeAnew(self.turns, store, self.payments, self.timers, self.statements, clock)

    @property
    def inbox(self) -> str:
        """The topic that this institution owns."""
        return inbox(self.house.role, self.house.institution)

    async def tell(self, fact: OwnFact, fact_id: str, case: str, subject: str) -> None:
        """Append an own fact to the own inbox. Raises LogUnavailable; the same id may then be told again."""
        await self.post.tell(fact, fact_id, case, subject, self.clock.now())

    async def work(self, partitions: Collection[int]) -> None:
        """One look at everything open in these partitions: payments, periods, leftovers, gaps."""
        await self.payments.work(partitions)
        await self.timers.work(partitions)
        await self.post.drain(partitions)
        await self.post.ask_again(partitions, self.clock.now())
        await self.made_anew.work(partitions)

    async def read_statements(self, partitions: Collection[int], wait_s: float = 0) -> int:
        """Report what the rail's statements have new, for the accounts whose reader's place is here."""
        ours = [s for s in self.statements if partition_of(s.name) in partitions]
        # Side by side: an account that cannot be read must not hide the others.
        read = await asyncio.gather(*(statement.work(wait_s) for statement in ours), return_exceptions=True)
        for failure in read:
            if isinstance(failure, BaseException):
                raise failure
        return sum(n for n in read if isinstance(n, int))
