"""The load process: the institutions' own systems in one process, which append what people decide and what money did.

It follows the institutions' words in their inboxes and answers as the people of examples/liaocheng-loan.yaml would,
each own fact under the institution's own key. A word in an inbox is answered in the same inbox and partition, so the
institution has heard it before. Only what names a document is read; of all else the headers say enough.

`python -m benchmarks.load` takes orders, one JSON object a line on its standard input, each answered by one on its
standard output: see `Load.obey`.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from benchmarks.bank import SETTLED_AFTER_S, Bank
from benchmarks.log_rail import ORDERS
from benchmarks.story import Deed, Names, Story
from contracts.envelope import PARTITIONS, Envelope, Record, encode, inbox, partition_of, public_feed, source, to_data
from contracts.event import Role
from contracts.events.case import CaseCompleted, CaseOpened, PartyJoined
from contracts.events.escrow import DepositConfirmed, TransferApplicationMade
from contracts.events.lender import LoanApproved, MortgageApplicationMade
from contracts.events.registry import TransferRegistered
from deploy.city import load_city
from services.fund_center.facts import POOL
from services.registry.facts import RestrictionEntered, RestrictionLifted
from services.runtime.core.facts import OwnFact
from services.runtime.core.file import STANDING
from services.runtime.core.fold import derived_id
from services.runtime.keys import Keys
from services.runtime.rail import Transfer

PARTS = 3
"""Of each joint application: the notary's, and one of each lender."""
APPLICATIONS = (TransferApplicationMade.type_name, MortgageApplicationMade.type_name)
QUIET_S = 30.0
AT_ONCE = 8
"""Orders of the people under way at the rail over HTTP."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the load process is told at its start. `keys`: the file with each role's secret. `rail`: the address of the
    rail where payments go over HTTP, empty where they go by the log."""

    kafka: str
    city: str
    keys: Mapping[str, str]
    rail: str


@dataclass(slots=True)
class Line:
    """The words of one speaker to one hearer about one folio: which number is due, and what has come before it."""

    next: int = 1
    held: dict[int, ConsumerRecord] = field(default_factory=dict[int, ConsumerRecord])


@dataclass(slots=True)
class Sale:
    """How far one sale has come, as far as its people must know."""

    names: Names
    heard: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    words: set[tuple[str, bytes]] = field(default_factory=set[tuple[str, bytes]])
    lines: dict[tuple[str, bytes], Line] = field(default_factory=dict[tuple[str, bytes], Line])
    joined: set[Role] = field(default_factory=set[Role])
    lent: set[Role] = field(default_factory=set[Role])
    application: str = ""
    certificate: str = ""
    done: int = 0


class Load:
    """Everybody who is no institution's service."""

    def __init__(self, plan: Plan, producer: AIOKafkaProducer, rail: httpx.AsyncClient | None) -> None:
        city = load_city(plan.city)
        self._name = {one.role: one.name for one in city.institutions}
        self._keys = {role: Keys.read(Path(plan.keys[role.value])) for role in self._name}
        self._story = Story.of(city, datetime.now(UTC))
        read_by = {account: one.role for one in city.institutions for account in one.settings.get("accounts", ())}
        self._bank = Bank(read_by)
        self._producer = producer
        self._rail = rail
        self._paying = asyncio.Semaphore(AT_ONCE)
        self._sales: dict[str, Sale] = {}
        self._outgoing = asyncio.Queue[tuple[str, Record, int]]()
        self._heard = 0
        self._left = 0
        self._all_ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: BaseException | None = None
        self._answers = self._table()

    @property
    def topics(self) -> tuple[str, ...]:
        """What it follows."""
        hearers = (Role.REGISTRY, Role.SELLER_BANK, Role.BUYER_BANK, Role.FUND_CENTER)
        inboxes = tuple(inbox(role, self._name[role]) for role in hearers)
        return (*inboxes, public_feed(Role.ESCROW, self._name[Role.ESCROW]), ORDERS)

    # --- orders to this process ---------------------------------------------------------------------------------------

    async def obey(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """`prepare`: import folio and loan of the sales from `first` on, `cases` of them, and open their accounts.
        `burden`: enter and lift a restriction on each of their folios `times` times. `play`: bring them, all at once
        or `rate` a second, and answer their words until all have ended, or `within_s` seconds have passed.
        `moved`: what the books of this process have seen arrive."""
        names = [Names.of(n) for n in range(order.get("first", 1), order.get("first", 1) + order.get("cases", 0))]
        match order["do"]:
            case "prepare":
                await self._prepare(names)
                return {}
            case "burden":
                await self._burden(names, order["times"])
                return {}
            case "play":
                return await self._play(names, order["rate"], order["within_s"])
            case "moved":
                moved = [(m.from_account, m.to_account, m.amount_fen, m.reference) for m in self._bank.moved]
                return {"moved": moved}
            case _:
                raise ValueError(f"no such order: {order['do']}")

    async def _prepare(self, names: Sequence[Names]) -> None:
        self._append(self._story.pool, STANDING, POOL, "pool", self._story.pool.data)
        for one in names:
            for account, owner, fen in self._story.accounts:
                await self._open(one.write(account.encode()).decode(), owner, fen)
            for deed in self._story.imports:
                self._append(deed, STANDING, one.unit, "import", one.write(deed.data))
        await self._flush()

    async def _open(self, account: str, owner: str, fen: int) -> None:
        self._bank.open(account, owner, fen)
        if self._rail is not None:
            answer = await self._rail.put(f"/accounts/{account}", json={"owner": owner, "opening_fen": fen})
            answer.raise_for_status()

    async def _burden(self, names: Sequence[Names], times: int) -> None:
        terms = {"kind": "freeze", "authority": "court", "since": "2026-03-02"}
        for n in range(times):
            number = f"(2026)鲁15执保{n}号"
            entered = to_data({"by_clerk": "benchmark", "restriction": {**terms, "number": number}})
            lifted = to_data({"by_clerk": "benchmark", "number": number})
            for one in names:
                for kind, data in ((RestrictionEntered, entered), (RestrictionLifted, lifted)):
                    deed = Deed(Role.REGISTRY, kind.type_name, data)
                    self._append(deed, STANDING, one.unit, f"restriction {n}", data)
            await self._flush()

    async def _play(self, names: Sequence[Names], rate: float, within_s: float) -> dict[str, Any]:
        self._left = len(names)
        self._all_ended.clear()
        began = time.monotonic()
        try:
            async with asyncio.timeout(within_s):
                for n, one in enumerate(names):
                    if rate:
                        await asyncio.sleep(max(0.0, began + n / rate - time.monotonic()))
                    self._sales[one.case] = Sale(one)
                    for i, deed in enumerate(self._story.brings):
                        self._append(deed, one.case, one.unit, f"bring {i}", one.write(deed.data))
                    if not rate and not n % 20:
                        await asyncio.sleep(0)  # whoever answers has a turn meanwhile
                await self._until_ended_or_quiet()
        except TimeoutError:
            pass
        if self._failed is not None:
            raise self._failed
        heard = next((one.heard for one in self._sales.values() if not self._has_ended(one)), {})
        stuck = [f"{topic}: {kind} × {n}" for (topic, kind), n in heard.items()]
        return {"ended": len(names) - self._left, "stuck_after": stuck}

    async def _until_ended_or_quiet(self) -> None:
        """Until all have ended, or nothing has been heard for so long that nothing will be."""
        while not self._all_ended.is_set():
            heard = self._heard
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(QUIET_S):
                    await self._all_ended.wait()
            if self._heard == heard:
                return

    def _has_ended(self, sale: Sale) -> bool:
        return any(kind == CaseCompleted.type_name for _, kind in sale.heard)

    # --- following the words ------------------------------------------------------------------------------------------

    async def follow(self, consumer: AIOKafkaConsumer) -> None:
        """Answer what is said, until cancelled."""
        while True:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=2000)).values():
                for record in records:
                    if record.topic == ORDERS:
                        await self._order(Transfer.model_validate_json(record.value or b""))
                    else:
                        self._hear(record)

    def _hear(self, record: ConsumerRecord) -> None:
        """Take a word in the order of its line, as the institution does, and answer it."""
        headers = dict(record.headers)
        sale = self._sales.get(headers.get("ce_subject", b"").decode())
        if sale is None:
            return
        number = headers.get("ce_sequence")
        if number is None:
            self._answer(sale, record, headers)
            return
        line = sale.lines.setdefault((record.topic, headers["ce_source"]), Line())
        line.held[int(number)] = record
        while line.next in line.held:
            due = line.held.pop(line.next)
            line.next += 1
            self._answer(sale, due, dict(due.headers))

    def _answer(self, sale: Sale, record: ConsumerRecord, headers: Mapping[str, bytes]) -> None:
        type_name = headers["ce_type"].decode()
        answer = self._answers.get((record.topic, type_name))
        once = (record.topic, headers["ce_id"])  # what was said before is said again to somebody who joins
        if answer is not None and once not in sale.words:
            sale.words.add(once)
            self._heard += 1
            sale.heard[record.topic, type_name] += 1
            answer(sale, record)

    def _table(self) -> dict[tuple[str, str], Callable[[Sale, ConsumerRecord], None]]:
        """Which word, heard where, is answered how."""
        registry, seller_bank, buyer_bank, fund_center, escrow_says, _ = self.topics
        lenders = ((Role.BUYER_BANK, buyer_bank), (Role.FUND_CENTER, fund_center))
        let_in = (CaseOpened.type_name, DepositConfirmed.type_name, PartyJoined.type_name)
        return {
            (escrow_says, CaseOpened.type_name): self._pay_in,
            (registry, DepositConfirmed.type_name): self._apply,
            **{(topic, kind): self._lend(role, topic, let_in) for role, topic in lenders for kind in let_in},
            (seller_bank, LoanApproved.type_name): self._consent,
            **{(registry, kind): self._register for kind in APPLICATIONS},
            (seller_bank, TransferRegistered.type_name): self._ask_payoff,
            (escrow_says, CaseCompleted.type_name): self._end,
        }

    def _pay_in(self, sale: Sale, _: ConsumerRecord) -> None:
        """LC-L1: the buyers pay, with the case's number first in the remittance text."""
        for order in self._story.pay_ins:
            named = {"key": f"{sale.names.case}.{order.key}", "reference": f"{sale.names.case} {order.reference}"}
            payer = sale.names.write(order.from_account.encode()).decode()
            mine = order.model_copy(update={**named, "from_account": payer})
            self._start(self._order(mine) if self._rail is None else self._order_over_http(self._rail, mine))

    def _apply(self, sale: Sale, record: ConsumerRecord) -> None:
        """LC-L2: with the proof of the down payment, which is the first that is certified."""
        if sale.certificate:
            self._register(sale, record)
            return
        certificate = json.loads(record.value or b"")["certificate"]
        sale.certificate = certificate["number"]
        for deed in self._story.applies:
            data = sale.names.write(deed.data, certificate["number"], certificate["code"])
            self._append(deed, sale.names.case, sale.names.unit, "apply", data)

    def _lend(self, role: Role, topic: str, let_in: Sequence[str]) -> Callable[[Sale, ConsumerRecord], None]:
        def lend(sale: Sale, record: ConsumerRecord) -> None:
            """LC-L3, LC-L4: once the lender has a part, and has been told again what was said before."""
            if record_type(record) == PartyJoined.type_name and json.loads(record.value or b"")["role"] == role:
                sale.joined.add(role)
            if role not in sale.joined or role in sale.lent:
                return
            if all(sale.heard[topic, kind] for kind in let_in):
                sale.lent.add(role)
                for i, deed in enumerate(self._story.lends[role]):
                    self._append(deed, sale.names.case, sale.names.unit, f"lend {i}", sale.names.write(deed.data))

        return lend

    def _consent(self, sale: Sale, record: ConsumerRecord) -> None:
        """LC-L4: when all lenders have approved."""
        if sale.heard[record.topic, LoanApproved.type_name] == len(self._story.lends):
            self._do(sale, self._story.consents, "consent")

    def _register(self, sale: Sale, record: ConsumerRecord) -> None:
        """LC-L4, LC-L5: when all parts of a joint application are there, by the number of the notary's; the entry also
        waits until the whole price is certified (LC-R3: the application for it need not)."""
        if record_type(record) == TransferApplicationMade.type_name:
            sale.application = json.loads(record.value or b"")["application"]["number"]
        parts = sum(sale.heard[record.topic, kind] for kind in APPLICATIONS)
        held = sale.heard[record.topic, DepositConfirmed.type_name] == 1 + len(self._story.applies)
        if parts == PARTS * (sale.done + 1) and (sale.done == 0 or held):
            sale.done += 1
            data = sale.names.write(self._story.registers.data, sale.application, "-")
            self._append(self._story.registers, sale.names.case, sale.names.unit, f"register {sale.done}", data)

    def _ask_payoff(self, sale: Sale, _: ConsumerRecord) -> None:
        """LC-L6: the seller's bank has the payoff statement drawn up."""
        self._do(sale, self._story.asks_payoff, "payoff")

    def _end(self, sale: Sale, _: ConsumerRecord) -> None:
        self._left -= 1
        if not self._left:
            self._all_ended.set()

    # --- what is appended ---------------------------------------------------------------------------------------------

    def _do(self, sale: Sale, deed: Deed, key: str) -> None:
        self._append(deed, sale.names.case, sale.names.unit, key, sale.names.write(deed.data))

    def _append(self, deed: Deed, case: str, subject: str, key: str, data: bytes) -> None:
        """An own fact to its institution's inbox, under that one's key."""
        fact_id = derived_id("benchmark", deed.role.value, deed.type_name, case, subject, key)
        self._send(deed.role, Envelope(
            fact_id, self._source(deed.role), deed.type_name, case, datetime.now(UTC), subject, None, None, data
        ))  # fmt: skip

    def _source(self, role: Role) -> str:
        return source(role, self._name[role])

    def _send(self, role: Role, envelope: Envelope) -> None:
        record = encode(self._keys[role].sign_own(envelope))
        self._outgoing.put_nowait((inbox(role, self._name[role]), record, partition_of(envelope.key)))

    async def deliver(self) -> None:
        """Give the producer what is appended, in its order: what one person does after another arrives so. Until
        cancelled."""
        while True:
            topic, record, partition = await self._outgoing.get()
            headers = list(record.headers)
            await self._producer.send(topic, record.value, record.key, partition=partition, headers=headers)
            self._outgoing.task_done()

    async def _flush(self) -> None:
        await self._outgoing.join()
        await self._producer.flush()

    # --- money --------------------------------------------------------------------------------------------------------

    async def _order(self, order: Transfer) -> None:
        await self._bank.order(order)
        loop = asyncio.get_running_loop()
        loop.call_later(SETTLED_AFTER_S, lambda: self._start(self._settle(order.key)))

    async def _settle(self, key: str) -> None:
        for told in await self._bank.settle(key):
            self._tell(told.role, told.fact, told.fact_id, told.case)

    def _tell(self, role: Role, fact: OwnFact, fact_id: str, case: str) -> None:
        unit = self._sales[case].names.unit
        data = to_data(fact.to_json())
        now = datetime.now(UTC)
        self._send(role, Envelope(fact_id, self._source(role), fact.type_name, case, now, unit, None, None, data))

    async def _order_over_http(self, rail: httpx.AsyncClient, order: Transfer) -> None:
        async with self._paying:
            body = order.model_dump(exclude={"key"})
            answer = await rail.post("/transfers", json=body, headers={"Idempotency-Key": order.key})
            answer.raise_for_status()

    def _start(self, work: Awaitable[None]) -> None:
        """Side by side with all else; what fails ends the play."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Future[None]") -> None:
        self._tasks.discard(task)  # pyright: ignore[reportArgumentType]
        if not task.cancelled() and task.exception() is not None:
            self._failed = task.exception()
            self._all_ended.set()


def record_type(record: ConsumerRecord) -> str:
    """The kind of word in a record."""
    return dict(record.headers)["ce_type"].decode()


async def main(plan: Plan) -> None:
    """Take orders until nobody gives any."""
    producer = AIOKafkaProducer(bootstrap_servers=plan.kafka, acks="all", enable_idempotence=True, linger_ms=0)
    consumer = AIOKafkaConsumer(bootstrap_servers=plan.kafka, group_id=None, enable_auto_commit=False)
    rail = httpx.AsyncClient(base_url=plan.rail, timeout=60, trust_env=False) if plan.rail else None
    await producer.start()
    await consumer.start()
    load = Load(plan, producer, rail)
    places = [TopicPartition(topic, partition) for topic in load.topics for partition in range(PARTITIONS)]
    consumer.assign(places)
    await consumer.seek_to_end(*places)
    following = asyncio.gather(load.follow(consumer), load.deliver())
    asked = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    try:
        while line := await asked.readline():
            obeying = asyncio.ensure_future(load.obey(json.loads(line)))
            await asyncio.wait({obeying, following}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
            print(json.dumps(await obeying), flush=True)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await consumer.stop()
        await producer.stop()
        if rail is not None:
            await rail.aclose()


if __name__ == "__main__":
    asyncio.run(main(Plan(**json.loads(sys.argv[1]))))
