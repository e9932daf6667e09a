"""A city of one seed: its institutions and their outside, its homes and people, and everything that can happen next."""

import gc
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.event import Role
from services.buyer_bank.rules import RULEBOOK as BUYER_BANK
from services.escrow.rules import RULEBOOK as ESCROW
from services.fund_center.rules import RULEBOOK as FUND_CENTER
from services.registry.rules import RULEBOOK as REGISTRY
from services.runtime.core.rule import Rulebook
from services.runtime.rail import Transfer
from services.runtime.settings import HouseSettings
from services.seller_bank.rules import RULEBOOK as SELLER_BANK
from tests.simulation.auditor import Auditor, Violation
from tests.simulation.chance import Chances, Plan
from tests.simulation.house import House
from tests.simulation.lenders import BANK, FUND, OTHER_BANK, POLICY
from tests.simulation.loop import SteppedLoop
from tests.simulation.outside import Bank, Broker
from tests.simulation.scheduler import Scheduler

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # a Monday morning in China, in a year whose holidays are published
LIVELY_STEPS, MOST_STEPS = 6_000, 60_000
MOST_JUMPS = 6
TO_LEND_FEN = 10**11


@dataclass(frozen=True)
class Seat:
    """An institution's place in a city: its role and name, its rules, what it knows of itself."""

    role: Role
    name: str
    rulebook: Rulebook
    settings: HouseSettings


def _seat(role: Role, name: str, rulebook: Rulebook, title: str, *accounts: str, **settings: object) -> Seat:
    known = {"title": title, "accounts": accounts, **settings}
    return Seat(role, name, rulebook, HouseSettings.model_validate(known))


ESCROW_ACCOUNT, BANK_ACCOUNT = "ESCROW-LC-01", "ICBC-LC-SETTLE"
FULL_SEATS = (
    _seat(Role.ESCROW, "liaocheng-notary", ESCROW, "聊城公证", ESCROW_ACCOUNT),
    _seat(Role.REGISTRY, "liaocheng-registry", REGISTRY, "聊城登记"),
    _seat(Role.SELLER_BANK, "liaocheng-icbc", SELLER_BANK, "聊城工行", BANK_ACCOUNT),
)
LENDER_SEATS = (
    _seat(Role.BUYER_BANK, BANK, BUYER_BANK, "聊城建行", "CCB-LC-LOANS", loan_account="CCB-LC-LOANS"),
    _seat(Role.BUYER_BANK, OTHER_BANK, BUYER_BANK, "聊城农行", "ABC-LC-LOANS", loan_account="ABC-LC-LOANS"),
    _seat(
        Role.FUND_CENTER,
        FUND,
        FUND_CENTER,
        "聊城公积金",
        "FUND-LC-LOANS",
        loan_account="FUND-LC-LOANS",
        lending_policy=POLICY.model_dump(mode="json"),
    ),
)
SEATS: dict[str, tuple[Seat, ...]] = {"LC-FULL": FULL_SEATS, "LC-LOAN": (*FULL_SEATS, *LENDER_SEATS)}
"""Who takes part in a procedure's cases."""


@dataclass
class Ran:
    """What became of a run."""

    plan: Plan
    steps: int
    violation: Violation | None
    counted: dict[str, int]
    met: dict[tuple[str, str, str, str], int]
    happened: list[tuple[tuple[str, int], str]]
    story: list[str]
    ends: Mapping[str, int]


class City:
    """The city of one plan. It is the clock of its institutions, too."""

    def __init__(self, plan: Plan, seats: tuple[Seat, ...] | None = None) -> None:
        from tests.simulation.people import People

        self.plan = plan
        self.chances = chances = Chances(plan)
        self.time = self.began = START + timedelta(hours=chances.city.randrange(24 * 7))
        self.steps = 0
        self.loop = SteppedLoop()
        self.scheduler = Scheduler(chances, self.loop)
        mirrored = chances.city.choice((0.0, 0.0, 0.2, 0.6))
        self.broker = Broker(self.now, random.Random(f"{plan.seed}/broker"), mirrored)
        self.auditor = Auditor(self)
        self.bank = Bank(self.now, self.auditor.on_booked)
        self.bank.settled.append(self.auditor.on_settled)
        self.rail_is_away = False
        self.failed: Violation | None = None
        self.houses = {
            seat.name: House(self, seat.role, seat.name, seat.rulebook, seat.settings)
            for seat in (SEATS[plan.procedure] if seats is None else seats)
        }
        self._accounts = {account: house for house in self.houses.values() for account in house.settings.accounts}
        for account, house in self._accounts.items():
            self.bank.open(account, f"owner of {account}", TO_LEND_FEN if house.settings.loan_account else 0)
        self.people = People(self)
        self.jumps = 0

    def now(self) -> datetime:
        """The city's clock, to the millisecond."""
        return self.time

    def role(self, role: Role) -> House:
        """The first institution of a role."""
        return next(house for house in self.houses.values() if house.role is role)

    # --- what the auditor asks ----------------------------------------------------------------------------------------

    def house_of_account(self, account: str) -> House | None:
        """Whose account it is, where an institution has it."""
        return self._accounts.get(account)

    def payers(self, case: str) -> frozenset[str]:
        """The accounts whose money an article of this case covers."""
        return self.people.payers(case)

    def joined(self, case: str) -> frozenset[str]:
        """The institutions that have joined a case since it was opened."""
        said = self.auditor.case(case).said.get("PartyJoined", ())
        return frozenset(data["institution"] for _, _, data in said)

    def loan_paid_by(self, order: Transfer, case: str) -> str:
        """The folio whose old loan a transfer to its bank is for; empty for any other transfer."""
        return self.people.loan_paid_by(order, case)

    def debt_fen(self, folio: str, certificate: str) -> int:
        """What must at least have arrived before this mortgage may go."""
        return self.people.debt_fen(folio, certificate)

    def broken(self, what: str, cause: BaseException) -> None:
        """A worker has failed in a way that no outage explains."""
        self.auditor.tell(f"VIOLATED a worker never fails: {what}")
        self.failed = cause if isinstance(cause, Violation) else Violation("a worker never fails", what)

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self) -> Ran:
        """Everything from the first to the last step, and the look at the end."""
        from tests.simulation.ending import look_at_the_end

        violation: Violation | None = None
        with self.loop.running():
            try:
                for house in self.houses.values():
                    house.start()
                self._live()
                look_at_the_end(self)
            except Violation as broken:
                violation = broken
            counted = dict(self.chances.counted)
            for house in self.houses.values():
                for process in list(house.processes):
                    process.kill()
            self.loop.settle()
        ends = Counter[str]()
        for sale in self.people.sales.values():
            model = self.auditor.case(sale.case)
            ends[model.over or ("waiting" if model.opened else "never opened")] += 1
        return Ran(
            self.plan, self.steps, violation, counted, dict(self.auditor.met),
            self.chances.happened, self.auditor.story, ends,
        )  # fmt: skip

    def _live(self) -> None:
        """First everything may go wrong; then nothing does any more, and everybody does what waits; then time passes
        until every period is over."""
        while self.steps < LIVELY_STEPS and self.jumps < MOST_JUMPS:
            if self.plan.calm_after is not None and self.steps >= self.plan.calm_after:
                break
            if not self.step():
                self.jump()
        self.chances.calm = True
        self.auditor.tell("--- from here on nothing fails any more ---")
        for days in (0, 40, 60):
            self.time += timedelta(days=days)
            self._come_to_rest()

    def _come_to_rest(self) -> None:
        self.rail_is_away = False
        self.broker.down.clear()
        for house in self.houses.values():
            house.database_is_away = False
            house.gather()
        idle = 0
        while idle < 2:
            if self.step():
                idle = 0
                continue
            idle += 1
            for house in self.houses.values():
                house.gather()
            self.time += timedelta(seconds=10)  # who holds something may ask again
        self.auditor.tell("--- at rest ---")

    def step(self) -> bool:
        """One thing happens. False where nothing can."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            self.auditor.broken("comes to rest", f"not after {MOST_STEPS} steps: {self._busy()}")
        chance = self.chances.order
        self.time += timedelta(milliseconds=chance.randrange(1, 60))
        waiting = self.scheduler.waiting
        if waiting and chance.random() < 0.85:
            self.scheduler.let_one_happen()
        elif not self._something_else() and not waiting:
            return False
        if self.failed is not None:
            raise self.failed
        return True

    def _something_else(self) -> bool:
        """Something that no process waits for begins or happens."""
        roll = self.chances.order.random()
        first = 0 if roll < 0.55 else 1 if roll < 0.7 else 2 if roll < 0.8 else 3 if roll < 0.98 else 4
        ways: tuple[Callable[[], bool], ...] = (
            self._work,
            self._settle,
            self._arrive,
            self.people.act,
            self._mishap,
        )
        if ways[first]():
            return True
        return not self.scheduler.waiting and any(way() for n, way in enumerate(ways[:4]) if n != first)

    def _work(self) -> bool:
        chance = self.chances.order
        there = [process for house in self.houses.values() for process in house.processes]
        first = chance.randrange(len(there) or 1)
        for process in there[first:] + there[:first]:
            could = process.could()
            if could:
                process.begin(could[chance.randrange(len(could))])
                return True
        return False

    def _settle(self) -> bool:
        on_its_way = self.bank.books.on_its_way()
        if not on_its_way:
            return False
        self.bank.settle(on_its_way[self.chances.order.randrange(len(on_its_way))])
        return True

    def _arrive(self) -> bool:
        return self.broker.arrive()

    # --- mishaps ------------------------------------------------------------------------------------------------------

    def _mishap(self) -> bool:
        """Something happens to a whole institution, or it ends."""
        chance = self.chances.order
        house = list(self.houses.values())[chance.randrange(len(self.houses))]
        if not house.processes and chance.random() < 0.7:
            house.start()
            return True
        kind = self.chances.fault(
            (
                ("second process", 0.06),
                ("group shared anew", 0.06),
                ("killed", 0.03),
                ("database away", 0.04),
                ("inbox takes nothing", 0.04),
                ("rail away", 0.03),
                ("clock jumps", 0.06),
            )
        )
        if kind is None:
            self._repair(house)
            return False
        self.auditor.tell(f"* {kind} at {house.name}")
        MISHAPS[kind](self, house)
        return True

    def _repair(self, house: House) -> None:
        house.database_is_away = False
        self.broker.down.discard(house.inbox)
        self.rail_is_away = False

    def jump(self) -> None:
        """Nobody has anything to do now: it gets later."""
        self.jumps += 1
        for house in self.houses.values():
            self._repair(house)
            if not house.processes or not house.is_whole:
                house.start() if not house.processes else house.rebalance()
        self.time += timedelta(hours=self.chances.order.choice((1, 20, 26, 75, 150, 400)))
        self.auditor.tell(f"* it is {self.time:%Y-%m-%d %H:%M}")

    def _busy(self) -> str:
        waiting = [one.kind for one in self.scheduler.waiting]
        could = [f"{house.name} {p.could()}" for house in self.houses.values() for p in house.processes]
        return f"waiting {waiting[:10]}, could {could}, {self.people.busy()}"


def _second(city: City, house: House) -> None:
    if len(house.processes) < 2:
        house.start()


def _shared(city: City, house: House) -> None:
    house.rebalance()


def _kill(city: City, house: House) -> None:
    for process in house.processes[:1]:
        process.kill()
    if house.processes:
        house.rebalance()


def _database_away(city: City, house: House) -> None:
    house.database_is_away = True


def _inbox_down(city: City, house: House) -> None:
    city.broker.down.add(house.inbox)


def _rail_away(city: City, house: House) -> None:
    city.rail_is_away = True


def _clock(city: City, house: House) -> None:
    city.time += timedelta(hours=city.chances.order.choice((5, 30, 100)))
    city.auditor.tell(f"* it is {city.time:%Y-%m-%d %H:%M}")


MISHAPS: Mapping[str, Callable[[City, House], None]] = {
    "second process": _second,
    "group shared anew": _shared,
    "killed": _kill,
    "database away": _database_away,
    "inbox takes nothing": _inbox_down,
    "rail away": _rail_away,
    "clock jumps": _clock,
}


def run(plan: Plan, seats: tuple[Seat, ...] | None = None) -> Ran:
    """Run one plan."""
    collecting = gc.isenabled()
    gc.disable()  # a city is small and soon over; looking for garbage again and again takes a fifth of the time
    try:
        return City(plan, seats).run()
    finally:
        if collecting:
            gc.enable()
