"""The institutions of a story, and who else has an account with the rail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.event import Role
from services.escrow.rules import RULEBOOK as ESCROW
from services.registry.rules import RULEBOOK as REGISTRY
from services.runtime.core.file import Subject
from services.runtime.core.rule import Rulebook
from services.runtime.institution import Institution
from services.runtime.store.memory import MemoryStore
from services.seller_bank.rules import RULEBOOK as SELLER_BANK
from tests.stories.wire import Wire
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO


@dataclass(frozen=True)
class Member:
    """One institution of a city, as its settings have it, and what is on its accounts at first."""

    role: Role
    name: str
    title: str
    rulebook: Rulebook
    accounts: Mapping[str, int] = field(default_factory=dict[str, int])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


MEMBERS = (
    Member(*lc.NOTARY, "聊城公证", ESCROW, {lc.ESCROW_ACCOUNT: 0}),
    Member(*lc.REGISTRY, "聊城登记", REGISTRY),
    Member(*lc.BANK, "聊城工行", SELLER_BANK, {lc.BANK_ACCOUNT: 0}),
)
PEOPLE = {lc.BUYER_ACCOUNT: 10 * lc.PRICE_FEN, lc.SELLER_ACCOUNT: lc.PRICE_FEN, lc.STRANGER_ACCOUNT: lc.PRICE_FEN}


@dataclass
class House:
    """One institution in the world, with what it had committed."""

    member: Member
    institution: Institution
    store: MemoryStore
    committed: dict[int, int]
    down: bool = False
    read: dict[str, tuple[int, Subject]] = field(default_factory=dict[str, tuple[int, Subject]])

    @property
    def behind(self) -> bool:
        log = self.institution.post.log
        assert isinstance(log, Wire)
        ends = log.ends(self.institution.inbox)
        return not self.down and any(ends[p] > n for p, n in self.committed.items())

    async def subject(self, key: str = FOLIO) -> Subject:
        """What it knows of a subject: from its own turns, or else from its database, read once per entry."""
        live = self.institution.turns.known(key)
        if live is not None:
            return live
        entries = len(self.store.journal)
        if self.read.get(key, (-1,))[0] != entries:
            self.read[key] = entries, await self.institution.turns.read_subject(key)
        return self.read[key][1]


class WorldClock:
    """The world's clock: the log's."""

    def __init__(self, log: Wire) -> None:
        self.log = log

    def now(self) -> datetime:
        return self.log.now
