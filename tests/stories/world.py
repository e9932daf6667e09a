"""Institutions in one process: the real rules, the real turns and workers, over a wire that shuffles and doubles.

Everything that can happen next is drawn by a seed: which record of which sender comes where and when, who works, which
clerk acts, who is killed in the middle. The world goes on until nothing is left to do; then it is looked at as a whole.
"""

import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from contracts.envelope import PARTITIONS
from contracts.event import Event, Role
from contracts.events.case import CaseOpened
from contracts.events.escrow import DepositConfirmed, TransferApplicationMade
from contracts.events.registry import FolioReserved, MortgageReleased, Stage, TransferRegistered
from contracts.procedures import PROCEDURES, Procedure, Word, violations
from contracts.values import UnitNumber
from services.escrow.facts import Paper, ReturnOrdered, SaleBrought, Signed
from services.observer.cases import Heard, case_page
from services.observer.feeds import Feed
from services.observer.pages import CasePage, Status
from services.registry.facts import FolioImported, RegistrationDecided
from services.registry.register import Register
from services.runtime.core.calendar_table import LATER_YEARS, YearTable
from services.runtime.core.facts import (
    Command,
    MoneyReceived,
    OwnFact,
    Pay,
    PaymentOrderedAgain,
    PaymentSettled,
    Purpose,
)
from services.runtime.core.file import STANDING, File, Filed, Phase, Refused, Said
from services.runtime.core.fold import derived_id
from services.runtime.core.money import Ledger
from services.runtime.core.periods import Calendar, day_in_china
from services.runtime.core.rows import Row
from services.runtime.core.rule import view
from services.runtime.institution import Institution
from services.runtime.keys import Keys
from services.runtime.rail import Transfer
from services.runtime.settings import HouseSettings
from services.runtime.statement import UNMATCHED
from services.runtime.store.memory import MemoryStore
from services.seller_bank.facts import ConsentDecided, LoanImported, MoneyDecided, PayoffAsked
from tests.stories import home
from tests.stories.house import MEMBERS, PEOPLE, House, Member, WorldClock
from tests.stories.wire import QuickStore, WatchedRail, Wire
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO

MOST_STEPS = 12_000
CALENDAR = Calendar.published()
CASE = "LCF-STORY-1"
Who = Role | str
"""An institution: by its name, or by its role where it is the first of that role."""


@dataclass
class Plan:
    """What somebody does as soon as something is so, once; `do` may answer False where it was not possible yet."""

    when: Callable[[], Awaitable[bool]]
    do: Callable[[], Awaitable[bool | None]]
    done: bool = False


class World:
    """A city of one seed. In this one the buyer pays the whole price in (LC-FULL): `own_fen`, the buyer's own part."""

    own_fen = lc.PRICE_FEN

    def __init__(self, seed: int, members: Iterable[Member] = MEMBERS, *, kills: bool = True) -> None:
        self.chance = random.Random(seed)
        self.kills = kills
        self.log = Wire(self.chance)
        self.clock = WorldClock(self.log)
        self.calendar = CALENDAR
        self.rail = WatchedRail(self.clock.now)
        self.members = {member.name: member for member in members}
        self.houses: dict[str, House] = {}
        self.answers: dict[str, Callable[[Row], Command | None]] = {}
        self.plans: list[Plan] = []
        self.cases = [CASE]
        self.killed = 0
        self._paid = 0
        self._tried: dict[str, tuple[int, int]] = {}
        self._stores: dict[str, MemoryStore] = {name: QuickStore() for name in self.members}
        for name in self.members:
            self.start(name)
        self.opening_fen = {**PEOPLE, **{a: n for member in self.members.values() for a, n in member.accounts.items()}}
        for account, fen in self.opening_fen.items():
            self.rail.open(account, f"owner of {account}", fen)
        self._clerks()

    # --- the city -----------------------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """A process of this institution starts, on the database that is there."""
        member = self.members[name]
        settings = {"title": member.title, "accounts": tuple(member.accounts), **member.settings}
        institution = Institution(
            member.role,
            name,
            member.rulebook,
            keys=Keys(name.encode().ljust(32, b".")),
            settings=HouseSettings.model_validate(settings),
            log=self.log,
            store=self._stores[name],
            rail=self.rail,
            clock=self.clock,
            calendar=self.calendar,
        )
        self.log.create(institution.inbox, institution.inbox + ".dead", institution.inbox + ".public")
        for topic in (institution.inbox, institution.inbox + ".public"):
            self.log.own[topic] = institution.house.source.encode()
        committed = self.houses[name].committed if name in self.houses else dict.fromkeys(range(PARTITIONS), 0)
        self.houses[name] = House(member, institution, self._stores[name], committed)

    def publish(self, year: YearTable) -> None:
        """The holidays of one more year are known: every service gets the release that has them."""
        self.calendar = Calendar.published((*LATER_YEARS, year))
        for name, house in list(self.houses.items()):
            self.start(name)
            self.houses[name].down = house.down

    def house(self, who: Who) -> House:
        """One institution."""
        if isinstance(who, Role):
            return next(house for house in self.houses.values() if house.member.role is who)
        return self.houses[who]

    async def begin(self, folio: FolioImported, loan: LoanImported, sale: SaleBrought | None = None) -> None:
        """The register and the loan are there; buyer and seller bring their sale and sign."""
        await self.tell(Role.REGISTRY, folio, STANDING)
        await self.tell(Role.SELLER_BANK, loan, STANDING)
        await self.bring(sale or lc.sale())

    def sale(self, **other: Any) -> SaleBrought:
        """The sale as buyer and seller bring it."""
        return lc.sale(**other)

    async def opened(
        self, *, pays_fen: int | None = None, folio: FolioImported | None = None,
        loan: LoanImported | None = None, **sale: Any,
    ) -> None:  # fmt: skip
        """The sale is brought and signed, the case opened, and the buyer pays: without `pays_fen` the whole own part.
        `sale`: what of it is otherwise."""
        await self.begin(folio or home.folio(), loan or home.loan(), self.sale(**sale))
        assert await self.until(self.heard(Role.ESCROW, CaseOpened))
        if pays_fen != 0:
            await self.pay(self.own_fen if pays_fen is None else pays_fen)

    async def bring(self, sale: SaleBrought, case: str = CASE) -> None:
        """Buyer and seller bring a sale and sign."""
        await self.tell(Role.ESCROW, sale, case)
        for person in (*sale.sellers, *sale.buyers):
            for paper in Paper:
                await self.tell(Role.ESCROW, Signed(by_clerk="Li", person=person.person.id_number, paper=paper), case)

    async def tell(self, who: Who, fact: OwnFact, case: str, subject: str = FOLIO) -> str:
        """Somebody does something at a desk; once for the same words. Answers the id by which the outcome is known."""
        house = self.house(who)
        told_id = derived_id("desk", house.member.name, case, fact.type_name, fact.model_dump_json())
        await house.institution.tell(fact, told_id, case, subject)
        return told_id

    async def pay(
        self, amount_fen: int, payer: str = lc.BUYER_ACCOUNT, reference: str = CASE, to: str = lc.ESCROW_ACCOUNT
    ) -> None:
        """Somebody pays, mostly into the deposit account."""
        self._paid += 1
        key = f"pay-{self._paid}"
        order = Transfer(key=key, from_account=payer, to_account=to, amount_fen=amount_fen, reference=reference)
        await self.rail.transfer(order)

    # --- what people do -----------------------------------------------------------------------------------------------

    def _clerks(self) -> None:
        """What each wait is answered with; stories change single answers, also of one institution: `name/action`."""
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

    async def clerk(self, name: str) -> bool:
        """One clerk looks at the worklist, and does one thing that waits there; what was refused is tried again when
        something new has come to the file since."""
        house = self.houses[name]
        rows = list(await house.store.rows("wait"))
        self.chance.shuffle(rows)
        for row in rows:
            mark = f"{name}/{row.id}/{row.since}"
            tried, known = self._tried.get(mark, (0, 0))
            subject = await house.subject(row.subject)
            news = sum(not isinstance(item, Refused) for item in subject.items)
            if tried and (subject.outcomes.get(derived_id("clerk", mark, str(tried))) is None or news == known):
                continue  # done, not answered yet, or refused and nothing has changed
            action = row.data["action"]
            answer = (self.answers.get(f"{name}/{action}") or self.answers[action])(row)
            if answer is not None:
                self._tried[mark] = tried + 1, news
                await house.institution.tell(answer, derived_id("clerk", mark, str(tried + 1)), row.case, row.subject)
                return True
        return False

    def plan(self, when: Callable[[], Awaitable[bool]], do: Callable[[], Awaitable[bool | None]]) -> Plan:
        """Somebody intends to do something once something is so."""
        self.plans.append(Plan(when, do))
        return self.plans[-1]

    async def _carry_out_a_plan(self) -> bool:
        open_plans = [plan for plan in self.plans if not plan.done]
        self.chance.shuffle(open_plans)
        for plan in open_plans:
            if await plan.when():
                plan.done = await plan.do() is not False
                if plan.done:
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

    async def until(self, so: Callable[[], Awaitable[bool]]) -> bool:
        """Go on until something is so; False where the world came to rest before."""
        idle = 0
        while idle < 4:
            if await so():
                return True
            idle = 0 if await self.step() else idle + 1
        return await so()

    def heard(self, who: Who, *kinds: Any, case: str = CASE, **fields: Any) -> Callable[[], Awaitable[bool]]:
        """Whether a fact of these kinds, with these values, is on somebody's file of the case."""

        async def found() -> bool:
            facts = (await self.file(who, case)).every(*kinds)
            return any(all(getattr(f.fact, name) == value for name, value in fields.items()) for f in facts)

        return found

    def stages(self) -> dict[str, Callable[[], Awaitable[bool]]]:
        """The stages at which a way out begins, each as it is reached; `applied` is for the entry."""
        return {
            "opened": self.heard(Role.ESCROW, CaseOpened),
            "deposited": self.heard(Role.ESCROW, DepositConfirmed),
            "reserved": self.heard(Role.REGISTRY, FolioReserved),
            "applied": self.heard(Role.REGISTRY, TransferApplicationMade, stage=Stage.REGISTRATION),
        }

    async def some_steps(self, most: int) -> None:
        """Go on for up to so many steps, as the seed draws."""
        for _ in range(self.chance.randrange(most)):
            await self.step()

    async def step(self) -> bool:
        """One thing happens; False when nothing can."""
        self.log.now += timedelta(milliseconds=self.chance.randint(1, 400))
        ways: list[Callable[[], Any]] = []
        if self.log.on_the_way:
            ways += [self.log.deliver] * 3
        behind = [name for name, house in self.houses.items() if house.behind]
        ways += [lambda name=name: self.turn(name) for name in behind] * 3
        if not ways or self.chance.random() < 0.2:
            if await self.round():
                return True
            return bool(ways) and await self._do(self.chance.choice(ways))
        return await self._do(self.chance.choice(ways))

    async def _do(self, way: Callable[[], Any]) -> bool:
        await way()
        return True

    async def turn(self, name: str) -> None:
        """A batch of the inbox, sometimes again, sometimes killed before the commit."""
        house = self.houses[name]
        batch = self.log.batch(house.institution.inbox, house.committed, self.chance.choice((1, 2, 5, 500)))
        await house.institution.turns.take(batch)
        if self.kills and self.chance.random() < 0.05:
            self.killed += 1
            self.start(name)  # nothing was committed: the same records come again, to a process that knows nothing
            return
        for received in batch:
            house.committed[received.partition] = received.offset + 1

    async def round(self) -> bool:
        """Workers, clerks, people and the rail have a look; False when none of them found anything to do."""
        before = self._moved()
        names = [name for name, house in self.houses.items() if not house.down]
        self.chance.shuffle(names)
        on_its_way = self.rail.moving()
        for key in on_its_way:
            if self.chance.random() < 0.5:
                self.rail.settle(key)
        acted = bool(on_its_way)
        for name in names:
            institution = self.houses[name].institution
            await institution.work(range(PARTITIONS))
            if self.rail.reachable:
                await institution.read_statements(range(PARTITIONS))
            acted = await self.clerk(name) or acted
        acted = await self._carry_out_a_plan() or acted
        return acted or self._moved() != before

    def _moved(self) -> tuple[int, ...]:
        ends = tuple(sum(self.log.ends(topic).values()) for topic in sorted(self.log.topics))
        return (*ends, len(self.log.on_the_way))

    # --- looking ------------------------------------------------------------------------------------------------------

    async def file(self, who: Who, case: str = CASE) -> File:
        return (await self.house(who).subject()).file(case)

    async def phases(self, case: str = CASE) -> dict[str, Phase]:
        """How far the case is at each institution that knows its parties: who was not let in hears nothing of it."""
        files = {name: await self.file(name, case) for name in self.houses}
        return {name: file.phase for name, file in files.items() if file.parties}

    async def register(self) -> Register:
        subject = await self.house(Role.REGISTRY).subject()
        found = view(Register, subject, subject.file(STANDING))
        assert found is not None
        return found

    async def ledger(self, who: Who = Role.ESCROW, case: str = CASE) -> Ledger:
        subject = await self.house(who).subject()
        found = view(Ledger, subject, subject.file(case))
        assert found is not None
        return found

    async def rows(self, kind: str) -> list[Row]:
        return [row for house in self.houses.values() for row in await house.store.rows(kind)]

    async def waits(self) -> list[tuple[str, str]]:
        """What waits for a person, and where: (institution, action)."""
        return [
            (name, row.data["action"]) for name, house in self.houses.items() for row in await house.store.rows("wait")
        ]

    async def trace(self) -> list[Said]:
        """Everything the institutions said to others, in the order of saying."""
        said: list[Said] = []
        for house in self.houses.values():
            subject = await house.subject()
            said += [i for i in subject.items if isinstance(i, Said) and isinstance(i.filed.fact, Event)]
        return sorted(said, key=lambda s: (s.filed.at, s.filed.speaker))

    async def names(self) -> list[str]:
        return [type(s.filed.fact).__name__ for s in await self.trace()]

    async def said(self, kind: type[Event], who: Who | None = None, case: str = CASE) -> list[Filed[Any]]:
        """Every word of this kind in a case, of everybody or of one, in the order of saying."""
        source = self.house(who).institution.house.source if who is not None else None
        words = [s.filed for s in await self.trace() if isinstance(s.filed.fact, kind) and s.filed.case == case]
        return [word for word in words if source in (None, word.speaker)]

    async def alarms(self) -> list[tuple[str, str]]:
        """What a person must see, and where: (institution, what)."""
        return [
            (name, row.data["what"])
            for name, house in self.houses.items()
            for row in await house.store.rows("incident")
        ]

    async def procedure(self, case: str = CASE) -> Procedure | None:
        """What the case was opened under; None if it was not."""
        opened = await self.said(CaseOpened, case=case)
        return PROCEDURES[opened[0].fact.procedure, opened[0].fact.edition] if opened else None

    def page(self, case: str = CASE) -> CasePage:
        """The case as an observer shows it now, from the public feeds alone."""
        seats = frozenset((member.role, member.name) for member in self.members.values())
        return case_page(case, self._public_words().values(), seats, self.calendar, day_in_china(self.log.now))

    def _public_words(self) -> dict[str, Heard]:
        feeds = [Feed(member.role, member.name) for member in self.members.values()]
        records = [(feed, received) for feed in feeds for received in self.log.everything(feed.topic)]
        return {word.id: word for word in (feed.read(received) for feed, received in reversed(records))}

    # --- what is true of every world at rest --------------------------------------------------------------------------

    async def check(self) -> None:
        """True of every world at rest, whatever happened in it."""
        for name, house in self.houses.items():
            for key in sorted({key for key, _ in house.store.journal}):
                subject = await house.subject(key)
                assert subject.stopped is None, f"{name}: {subject.stopped}"
                assert not subject.held, f"{name} holds {subject.held}"
            await self.live_is_stored(name)
            assert not self.log.everything(house.institution.inbox + ".dead"), f"{name} has dead letters"
        ids = [said.filed.id for said in await self.trace()]
        assert len(set(ids)) == len(ids), "two words under one id"
        await self.check_the_money()
        await self.check_the_register()
        for case in self.cases:
            procedure = await self.procedure(case)
            if procedure is not None:
                words = [said.filed for said in await self.trace() if said.filed.case == case]
                found = violations(procedure, [Word(_role(word), type(word.fact)) for word in words])  # type: ignore[arg-type]
                assert found == [], found
        await self.check_the_public_words()

    async def check_the_money(self) -> None:
        """X-1: nothing came from nowhere; what each institution has on file is what the rail's books have, and the
        escrow holds what came in and did not go out."""
        assert self.rail.total_fen() == sum(self.opening_fen.values())
        for name, house in self.houses.items():
            files = [
                file
                for key in {key for key, _ in house.store.journal}
                for file in (await house.subject(key)).files.values()
            ]
            for account, opening_fen in house.member.accounts.items():
                received = {(r.fact.line, r.fact.amount_fen) for f in files for r in f.every(MoneyReceived)}
                ended = [s.fact for f in files for s in f.every(PaymentSettled) if s.fact.account == account]
                should_be = opening_fen + sum(n for _, n in received) - sum(s.amount_fen for s in ended)
                assert should_be == self.rail.balance_fen(account), f"{name}: its files beside the rail's books"
        ledgers = [await self.ledger(case=case) for case in self.cases]
        assert all(ledger.in_fen == ledger.out_fen + ledger.held_fen and ledger.free_fen >= 0 for ledger in ledgers)
        held_fen = sum(ledger.held_fen for ledger in ledgers) + await self._unmatched_fen()
        assert held_fen == self.rail.balance_fen(lc.ESCROW_ACCOUNT), "our ledgers beside the rail's books"
        for case in self.cases:
            await self.check_that_nobody_was_paid_early(case)

    async def _unmatched_fen(self) -> int:
        """What the escrow holds that names no case."""
        subject = await self.house(Role.ESCROW).subject(UNMATCHED + lc.ESCROW_ACCOUNT)
        ledger = view(Ledger, subject, subject.file(STANDING))
        return ledger.held_fen if ledger is not None else 0

    async def check_that_nobody_was_paid_early(self, case: str) -> None:
        """X-2: the seller's bank is paid only after the entry, the seller only after what the procedure requires."""
        entered = [word.at for word in await self.said(TransferRegistered, case=case)]
        released = [word.at for word in await self.said(MortgageReleased, case=case)]
        for order in (await self.file(Role.ESCROW, case)).every(Pay):
            if order.fact.purpose in (Purpose.PAYOFF, Purpose.BALANCE):
                assert entered and order.at > entered[0], f"{order.fact.purpose.value} before the entry"
            if order.fact.purpose is Purpose.BALANCE and order.fact.because == "LC-L7":
                assert released and order.at > released[0], "the seller was paid before the release"

    async def check_the_register(self) -> None:
        """X-2: one owner set, ranks without gaps, and the folio is free once the case has ended."""
        register = await self.register()
        assert [o.person for o in register.owners] in ([lc.SELLER], [lc.BUYER])
        assert [m.rank for m in register.ranked()] == list(range(1, len(register.ranked()) + 1))
        entered = any([await self.said(TransferRegistered, case=case) for case in self.cases])
        assert [o.person for o in register.owners] == [lc.BUYER if entered else lc.SELLER]
        if {phase for case in self.cases for phase in (await self.phases(case)).values()} == {Phase.ENDED}:
            assert not register.reserved_for and register.notices == ()

    async def check_the_public_words(self) -> None:
        """Everything said is public, once or more; an observer finds no disorder, waits for nobody in a case that has
        ended, and reads nothing personal."""
        public = self._public_words()
        assert set(public) == {said.filed.id for said in await self.trace()}
        for case in sorted({word.case for word in public.values() if word.case}):
            page = self.page(case)
            assert page.violations == (), page.violations
            phases = set((await self.phases(case)).values())
            assert (page.status is Status.OPEN) == (phases != {Phase.ENDED}), (page.status, phases)
            assert page.status is Status.OPEN or page.waiting_for == ()
            told = page.model_dump_json()
            people = (lc.BUYER, lc.SELLER, lc.STRANGER)
            assert not [p.name for p in people if p.name in told or str(p.id_number) in told]

    async def live_is_stored(self, name: str) -> None:
        """What a process knows from its own turns is what the database gives: loading is folding."""
        house = self.houses[name]
        compared = 0
        for key in sorted({subject for subject, _ in house.store.journal}):
            live = house.institution.turns.known(key)
            if live is not None:
                stored = await house.institution.turns.read_subject(key)
                assert live.items == stored.items, f"{name} knows other items of {key} than it stored"
                assert live == stored, f"{name}: the items of {key} add up to something else when they are loaded"
                compared += 1
        assert compared or self.killed or not house.store.journal, f"{name} knows nothing from its own turns"

    def where(self) -> str:
        return f"{len(self.log.on_the_way)} on the way, behind: {[n for n, h in self.houses.items() if h.behind]}"


def _role(word: Filed[Any]) -> Role:
    return Role(word.speaker.split("/")[1])
