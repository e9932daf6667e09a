"""Three institutions in one process: the real rules, the real turns and workers, over a wire that shuffles and doubles.

Everything that can happen next is drawn by a seed: which record of which sender comes where and when, who works, which
clerk acts, who is killed in the middle. The world goes on until nothing is left to do; then it is looked at as a whole.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from contracts.envelope import PARTITIONS, Record
from contracts.event import Event, Role
from contracts.procedures import PROCEDURES, Word, violations
from contracts.values import UnitNumber
from services.escrow.facts import ReturnOrdered
from services.escrow.rules import RULEBOOK as ESCROW
from services.observer.cases import case_page
from services.observer.feeds import Feed
from services.observer.pages import Status
from services.registry.facts import FolioImported, RegistrationDecided
from services.registry.register import Register
from services.registry.rules import RULEBOOK as REGISTRY
from services.runtime.core.facts import Command, OwnFact, PaymentOrderedAgain
from services.runtime.core.file import STANDING, File, Phase, Said
from services.runtime.core.fold import derived_id
from services.runtime.core.journal import digest
from services.runtime.core.money import Ledger
from services.runtime.core.periods import Calendar
from services.runtime.core.rows import Row
from services.runtime.core.rule import Rulebook, view
from services.runtime.institution import Institution
from services.runtime.keys import Keys
from services.runtime.log import LogUnavailable
from services.runtime.log.memory import MemoryLog
from services.runtime.rail import Transfer
from services.runtime.rail.memory import MemoryRail
from services.runtime.settings import HouseSettings
from services.runtime.store.memory import MemoryStore
from services.seller_bank.facts import ConsentDecided, LoanImported, MoneyDecided, PayoffAsked
from services.seller_bank.rules import RULEBOOK as SELLER_BANK
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON

MOST_STEPS = 6_000
CALENDAR = Calendar.published()
TITLES = {Role.ESCROW: "聊城公证", Role.REGISTRY: "聊城登记", Role.SELLER_BANK: "聊城工行"}


class Wire(MemoryLog):
    """A log that delivers words between institutions late, in any order, and some of them twice. What an institution
    tells itself, and what it publishes, is there at once, as it is on a real log."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(NOON, seed=chance.randrange(10**9))
        self.chance = chance
        self.on_the_way: list[tuple[str, Record]] = []
        self.own: dict[str, bytes] = {}

    async def append(self, topic: str, record: Record) -> None:
        speaker = dict(record.headers).get("ce_source")
        if topic in self._down:
            raise LogUnavailable(f"{topic} is down")
        if topic.endswith(".dead") or speaker == self.own.get(topic):
            await super().append(topic, record)
            return
        self.on_the_way += [(topic, record)] * (2 if self.chance.random() < 0.1 else 1)

    async def deliver(self) -> None:
        """One record arrives: mostly one of the oldest, sometimes any."""
        last = len(self.on_the_way) - 1
        topic, record = self.on_the_way.pop(self.chance.randint(0, last) if self.chance.random() < 0.3 else 0)
        if topic in self._down:
            self.on_the_way.append((topic, record))
        else:
            await MemoryLog.append(self, topic, record)


@dataclass
class House:
    """One institution in the world, with what it had committed."""

    institution: Institution
    store: MemoryStore
    committed: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PARTITIONS), 0))

    @property
    def behind(self) -> bool:
        log = self.institution.post.log
        assert isinstance(log, Wire)
        ends = log.ends(self.institution.inbox)
        return any(ends[p] > n for p, n in self.committed.items())


class WorldClock:
    """The world's clock: the log's."""

    def __init__(self, log: Wire) -> None:
        self.log = log

    def now(self) -> Any:
        return self.log.now


class World:
    """A city of one seed."""

    def __init__(self, seed: int, *, kills: bool = True) -> None:
        self.chance = random.Random(seed)
        self.kills = kills
        self.log = Wire(self.chance)
        self.clock = WorldClock(self.log)
        self.rail = MemoryRail(self.clock.now)
        self.houses: dict[Role, House] = {}
        self.answers: dict[str, Callable[[Row], Command | None]] = {}
        self.killed = 0
        self._paid = 0
        self._tried: dict[str, int] = {}
        self._stores = {role: MemoryStore() for role in lc.INSTITUTIONS}
        for role in lc.INSTITUTIONS:
            self.start(role)
        self._open_accounts()
        self._total_fen = self.rail.total_fen()
        self._clerks()

    # --- the city -----------------------------------------------------------------------------------------------------

    def start(self, role: Role) -> None:
        """A process of this institution starts, on the database that is there."""
        rulebook: dict[Role, Rulebook] = {Role.ESCROW: ESCROW, Role.REGISTRY: REGISTRY, Role.SELLER_BANK: SELLER_BANK}
        accounts = {Role.ESCROW: (lc.ESCROW_ACCOUNT,), Role.SELLER_BANK: (lc.BANK_ACCOUNT,)}.get(role, ())
        institution = Institution(
            role,
            lc.INSTITUTIONS[role],
            rulebook[role],
            keys=Keys(role.value.encode().ljust(32, b".")),
            settings=HouseSettings.model_validate({"title": TITLES[role], "accounts": accounts}),
            log=self.log,
            store=self._stores[role],
            rail=self.rail,
            clock=self.clock,
            calendar=CALENDAR,
        )
        self.log.create(institution.inbox, institution.inbox + ".dead", institution.inbox + ".public")
        for topic in (institution.inbox, institution.inbox + ".public"):
            self.log.own[topic] = institution.house.source.encode()
        committed = self.houses[role].committed if role in self.houses else dict.fromkeys(range(PARTITIONS), 0)
        self.houses[role] = House(institution, self._stores[role], committed)

    def _open_accounts(self) -> None:
        for account, opening in (
            (lc.BUYER_ACCOUNT, 10 * lc.PRICE_FEN),
            (lc.SELLER_ACCOUNT, lc.PRICE_FEN),
            (lc.STRANGER_ACCOUNT, lc.PRICE_FEN),
            (lc.ESCROW_ACCOUNT, 0),
            (lc.BANK_ACCOUNT, 0),
        ):
            self.rail.open(account, f"owner of {account}", opening)

    async def begin(self, folio: FolioImported, loan: LoanImported, **terms: Any) -> None:
        """The register and the loan are there; buyer and seller bring their sale and sign."""
        await self.tell(Role.REGISTRY, folio, STANDING)
        await self.tell(Role.SELLER_BANK, loan, STANDING)
        await self.tell(Role.ESCROW, lc.sale(**terms), CASE)
        for signature in lc.signatures():
            await self.tell(Role.ESCROW, signature, CASE)

    async def tell(self, role: Role, fact: OwnFact, case: str) -> None:
        """Somebody does something at a desk; once for the same words."""
        told_id = derived_id("desk", role.value, case, fact.type_name, fact.model_dump_json())
        await self.houses[role].institution.tell(fact, told_id, case, FOLIO)

    async def pay(self, amount_fen: int, payer: str = lc.BUYER_ACCOUNT, reference: str | None = None) -> None:
        """Somebody pays into the deposit account."""
        self._paid += 1
        key = f"pay-{self._paid}"
        order = Transfer(
            key=key,
            from_account=payer,
            to_account=lc.ESCROW_ACCOUNT,
            amount_fen=amount_fen,
            reference=CASE if reference is None else reference,
        )
        await self.rail.transfer(order)

    # --- what people do -----------------------------------------------------------------------------------------------

    def _clerks(self) -> None:
        """What each wait is answered with; stories change single answers."""
        self.answers = {
            "sign": lambda row: None,
            "pay-in": lambda row: None,
            "top-up": lambda row: None,
            "decide-consent": lambda row: ConsentDecided(by_clerk="Wang", consents=True),
            "decide-money": lambda row: MoneyDecided(
                by_clerk="Wang", money=row.data["about"], unit_number=UnitNumber(FOLIO)
            ),
            "ask-payoff": lambda row: PayoffAsked(by_clerk="Wang"),
            "decide-registration": lambda row: RegistrationDecided.model_validate(
                {"by_clerk": "Zhao", "application": row.data["about"], "decision": "approve"}
            ),
            "order-payment-again": lambda row: PaymentOrderedAgain(by_clerk="Li", payment=row.data["about"]),
            "return-money": lambda row: ReturnOrdered(by_clerk="Li", money=row.data["about"]),
        }

    async def clerk(self, role: Role) -> bool:
        """One clerk looks at the worklist, and does one thing that waits there; what was refused is tried again."""
        house = self.houses[role]
        rows = list(await house.store.rows("wait"))
        self.chance.shuffle(rows)
        for row in rows:
            mark = f"{role}/{row.id}/{row.since}"
            tried = self._tried.get(mark, 0)
            if tried:
                outcomes = (await house.institution.turns.read_subject(row.subject)).outcomes
                if outcomes.get(derived_id("clerk", mark, str(tried))) is None:
                    continue  # done, or not answered yet
            self._tried[mark] = tried + 1
            answer = self.answers[row.data["action"]](row)
            if answer is not None:
                told_id = derived_id("clerk", mark, str(tried + 1))
                await house.institution.tell(answer, told_id, row.case, row.subject)
                return True
        return False

    # --- time ---------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until nothing is left to do, however often everybody looks: what is unknown is asked after only later."""
        idle = 0
        for _ in range(MOST_STEPS):
            idle = 0 if await self.step() else idle + 1
            if idle == 4:
                return
        raise AssertionError(f"not at rest after {MOST_STEPS} steps: {self.where()}")

    async def step(self) -> bool:
        """One thing happens; False when nothing can."""
        self.log.now += timedelta(milliseconds=self.chance.randint(1, 400))
        ways: list[Callable[[], Any]] = []
        if self.log.on_the_way:
            ways += [self.log.deliver] * 3
        behind = [role for role, house in self.houses.items() if house.behind]
        ways += [lambda role=role: self.turn(role) for role in behind] * 3
        if not ways or self.chance.random() < 0.2:
            if await self.round():
                return True
            return bool(ways) and await self._do(self.chance.choice(ways))
        return await self._do(self.chance.choice(ways))

    async def _do(self, way: Callable[[], Any]) -> bool:
        await way()
        return True

    async def turn(self, role: Role) -> None:
        """A batch of the inbox, sometimes again, sometimes killed before the commit."""
        house = self.houses[role]
        batch = self.log.batch(house.institution.inbox, house.committed, self.chance.choice((1, 2, 5, 500)))
        await house.institution.turns.take(batch)
        if self.kills and self.chance.random() < 0.08:
            self.killed += 1
            self.start(role)  # nothing was committed: the same records come again, to a process that knows nothing
            return
        for received in batch:
            house.committed[received.partition] = received.offset + 1

    async def round(self) -> bool:
        """Workers, clerks and the rail have a look; False when none of them found anything to do."""
        before = self._moved()
        roles = list(self.houses)
        self.chance.shuffle(roles)
        self.rail.settle_all()
        acted = False
        for role in roles:
            institution = self.houses[role].institution
            await institution.work(range(PARTITIONS))
            await institution.read_statements(range(PARTITIONS))
            acted = await self.clerk(role) or acted
        return acted or self._moved() != before

    def _moved(self) -> tuple[int, ...]:
        ends = tuple(sum(self.log.ends(topic).values()) for topic in sorted(self.log.topics))
        return (*ends, len(self.log.on_the_way))

    # --- looking ------------------------------------------------------------------------------------------------------

    async def file(self, role: Role, case: str | None = None) -> File:
        subject = await self.houses[role].institution.turns.read_subject(FOLIO)
        return subject.file(CASE if case is None else case)

    async def phases(self) -> dict[Role, Phase]:
        return {role: (await self.file(role)).phase for role in self.houses}

    async def register(self) -> Register:
        subject = await self.houses[Role.REGISTRY].institution.turns.read_subject(FOLIO)
        found = view(Register, subject, subject.file(STANDING))
        assert found is not None
        return found

    async def ledger(self, role: Role = Role.ESCROW) -> Ledger:
        subject = await self.houses[role].institution.turns.read_subject(FOLIO)
        found = view(Ledger, subject, subject.file(CASE))
        assert found is not None
        return found

    async def rows(self, kind: str) -> list[Row]:
        return [row for house in self.houses.values() for row in await house.store.rows(kind)]

    async def trace(self) -> list[Said]:
        """Everything the institutions said to others, in the order of saying."""
        said: list[Said] = []
        for role, house in self.houses.items():
            subject = await house.institution.turns.read_subject(FOLIO)
            said += [i for i in subject.items if isinstance(i, Said) and isinstance(i.filed.fact, Event)]
            assert role in self.houses
        return sorted(said, key=lambda s: (s.filed.at, s.filed.speaker))

    async def names(self) -> list[str]:
        return [type(s.filed.fact).__name__ for s in await self.trace()]

    async def check(self) -> None:
        """True of every world at rest, whatever happened in it."""
        for role, house in self.houses.items():
            subject = await house.institution.turns.read_subject(FOLIO)
            assert subject.stopped is None, f"{role}: {subject.stopped}"
            assert not subject.held, f"{role} holds {subject.held}"
            await self.live_is_stored(role)
            assert not self.log.everything(house.institution.inbox + ".dead"), f"{role} has dead letters"
        assert self.rail.total_fen() == self._total_fen
        ledger = await self.ledger()
        assert ledger.in_fen == ledger.out_fen + ledger.held_fen
        assert ledger.held_fen == self.rail.balance_fen(lc.ESCROW_ACCOUNT), "our ledger beside the rail's books"
        words = [Word(Role(s.filed.speaker.split("/")[1]), type(s.filed.fact)) for s in await self.trace()]  # type: ignore[arg-type]
        assert violations(PROCEDURES["LC-FULL", "2023-03-20"], words) == []
        await self.check_the_public_words()

    async def check_the_public_words(self) -> None:
        """Everything said is public, once or more; an observer finds no disorder, waits for nobody in a case that has
        ended, and reads nothing personal."""
        feeds = [Feed(role, name) for role, name in lc.INSTITUTIONS.items()]
        records = [(feed, received) for feed in feeds for received in self.log.everything(feed.topic)]
        public = {word.id: word for word in (feed.read(received) for feed, received in reversed(records))}
        assert set(public) == {said.filed.id for said in await self.trace()}
        for case in sorted({word.case for word in public.values() if word.case}):
            page = case_page(case, public.values(), frozenset(lc.INSTITUTIONS.items()), CALENDAR, NOON.date())
            assert page.violations == (), page.violations
            phases = {(await self.file(role, case)).phase for role in self.houses}
            assert (page.status is Status.OPEN) == (phases != {Phase.ENDED}), (page.status, phases)
            assert page.status is Status.OPEN or page.waiting_for == ()
            told = page.model_dump_json()
            people = (lc.BUYER, lc.SELLER, lc.STRANGER)
            assert not [p.name for p in people if p.name in told or str(p.id_number) in told]

    async def live_is_stored(self, role: Role) -> None:
        """What a process knows from its own turns is what the database gives: loading is folding."""
        house = self.houses[role]
        compared = 0
        for key in sorted({subject for subject, _ in house.store.journal}):
            live = house.institution.turns.known(key)
            if live is not None:
                stored = await house.institution.turns.read_subject(key)
                assert digest(live.items) == digest(stored.items), f"{role} knows other items of {key} than it stored"
                assert live == stored, f"{role}: the items of {key} add up to something else when they are loaded"
                compared += 1
        assert compared or self.killed, f"{role} knows nothing from its own turns"

    def where(self) -> str:
        return f"{len(self.log.on_the_way)} on the way, behind: {[r.value for r, h in self.houses.items() if h.behind]}"


CASE = "LCF-STORY-1"
