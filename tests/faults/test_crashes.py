"""Kills, freezes and losses in the middle of cases: the same end, the same money, nothing twice on the rail, and every
service working again by itself.

One stack for all, as long as no money is left on it. A kill counts only where something was found to be done again
after it; it is repeated until it counts, and the counts are printed.
"""

import asyncio
import itertools
import signal
from collections.abc import Callable, Iterator

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from contracts.envelope import Record, inbox, partition_of
from contracts.event import Role
from contracts.events.case import CaseCompleted
from contracts.events.escrow import PayoffTransferred
from contracts.events.lender import LoanApproved
from contracts.events.line import RepeatRequested
from contracts.events.registry import AdvanceNoticeRegistered, TransferRegistered
from deploy.demo import Demo
from deploy.sales import Sales
from deploy.stack import CHECKOUT, Stack
from tests.faults.crashes import (
    OUTSIDE,
    SERVICES,
    OnFile,
    Toll,
    done_again,
    forget_everything,
    holder,
    institutions,
    kill,
    left,
    next_words,
    workers_of,
)
from tests.faults.dose import dose
from tests.live.sales import Crowd, agreed, demo, sold
from tests.support import kafka

pytestmark = pytest.mark.live

MOST_CASES = 5  # in which a kill is tried until it counts
VICTIMS = ("buyer_bank", "registry", "escrow", "kafka", "seller_bank", "mongodb", "fund_center", "rail")
CROWD = dose(10, 200)
WORDS_BETWEEN_KILLS = dose(8, 40)
Tell = Callable[[object], None]


class Stacks:
    """One stack after another: a new one where a test has left money on the old."""

    def __init__(self) -> None:
        self._running: Stack | None = None

    def current(self) -> Stack:
        if self._running is None:
            self._running = Stack(CHECKOUT, ephemeral=True)
            self._running.up()
        return self._running

    def close(self, *, keep_logs: bool = False) -> None:
        if self._running is not None:
            failed = AssertionError if keep_logs else None
            self._running.__exit__(failed, None, None)
            self._running = None

    def is_clean(self) -> bool:
        """Whether everything answers, and no case has money in the deposit account."""
        stack = self.current()
        try:
            books = httpx.get(f"{stack.addresses.rail}/books", params={"reference": ""}, timeout=10, trust_env=False)
        except httpx.HTTPError:
            return False
        accounts = [one.settings.get("deposit_account") for one in stack.city.institutions]
        return not any(books.json()["accounts"][name]["balance_fen"] for name in accounts if name)


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    found = Stacks()
    yield found
    found.close()


@pytest.fixture
def stack(stacks: Stacks) -> Iterator[Stack]:
    yield stacks.current()
    if not stacks.is_clean():
        stacks.close(keep_logs=True)


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Sales:
    return Sales(tmp_path_factory.mktemp("sales"))


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Says something on the terminal."""

    def say(what: object) -> None:
        with capsys.disabled():
            print(f"\n{what}", flush=True)

    return say


# --- everything again -------------------------------------------------------------------------------------------------


async def feed_again(stack: Stack, role: Role, name: str) -> int:
    """Every record of an inbox once more, in order; how many of them are kept on file."""
    topic = inbox(role, name)
    records = await kafka.everything(stack.addresses.kafka, topic)
    async with AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka, acks="all") as producer:
        for r in records:
            await producer.send(topic, r.value, r.key, partition=r.partition, headers=list(r.headers))
        await producer.flush()
    return sum(dict(r.headers)["ce_type"] != RepeatRequested.type_name.encode() for r in records)


@pytest.mark.parametrize("role", SERVICES[: dose(1, len(SERVICES))])
async def test_X_1_an_inbox_fed_twice_changes_nothing_and_pays_nothing(
    stack: Stack, sales: Sales, role: str, tell: Tell
) -> None:
    case = demo(stack, sales.next("LC-LOAN"))
    async with case.connected():
        await sold(case)
        assert await agreed(case) == []
    before = await OnFile.now(stack)
    known = await done_again(stack, role)
    fed = await feed_again(stack, *next(one for one in institutions(stack) if one[0] == role))
    assert await OnFile.now(stack) == before
    found = await done_again(stack, role) - known
    tell(f"{role}: {fed} records fed again, {found:.0f} records known again")
    assert found >= fed


@pytest.mark.parametrize("role", SERVICES[: dose(1, len(SERVICES))])
async def test_X_1_a_service_with_an_empty_database_comes_to_the_same_by_its_inbox(
    stack: Stack, sales: Sales, role: str, tell: Tell
) -> None:
    """Nothing is paid again, and nobody hears a word that is new to him."""
    case = demo(stack, sales.next("LC-LOAN"))
    async with case.connected():
        await sold(case)
        before = await OnFile.now(stack)
        stack.kill(role, signal.SIGKILL)
        await forget_everything(stack, *next(one for one in institutions(stack) if one[0] == role))
        await asyncio.to_thread(stack.restart, role)
        after = await OnFile.now(stack)
        assert after == before
        assert await agreed(case) == []
    (subjects,) = [files for who, files in after.files.items() if who.startswith(role)]
    tell(f"{role}: {len(subjects)} subjects made anew from the inbox")


# --- killed -----------------------------------------------------------------------------------------------------------


async def killed_until_it_counts(case: Demo, stack: Stack, victims: tuple[str, ...], toll: Toll) -> None:
    """As soon as it has said a word, which may be before it has committed the word's cause; of what is outside, as soon
    as anybody has. Again with the next word, as long as it does not count and the case goes on."""
    by = Role(victims[0].split(".")[-2] if "." in victims[0] else victims[0]) if victims[0] not in OUTSIDE else None
    saying = asyncio.create_task(case.witness.until(lambda: case.witness.heard(case.case, CaseCompleted)))
    while not saying.done():
        word = asyncio.create_task(next_words(case.witness, by))
        await asyncio.wait({word, saying}, return_when=asyncio.FIRST_COMPLETED)
        if not word.done():
            word.cancel()
        elif await kill(stack, victims, toll):
            break
    saying.cancel()


@pytest.mark.parametrize("victim", VICTIMS[: dose(1, len(VICTIMS))])
async def test_X_1_killed_in_the_middle_the_case_ends_the_same(
    stack: Stack, sales: Sales, victim: str, tell: Tell
) -> None:
    toll = Toll()
    for _ in range(MOST_CASES):
        case = demo(stack, sales.next("LC-LOAN"))
        async with case.connected():
            await sold(case, lambda one: killed_until_it_counts(one, stack, (victim,), toll))
            assert await agreed(case) == []
        if toll.counted.total():
            break
    tell(toll)
    assert toll.counted.total(), "no kill has left anything to be done again"


@pytest.fixture
async def workers(stack: Stack) -> tuple[str, str]:
    """Two workers of the escrow."""
    first, second = workers_of(stack, Role.ESCROW)
    if not stack.runs(second):
        assert await asyncio.to_thread(stack.twin, first) == second
    return first, second


@pytest.mark.skipif(not dose(0, 1), reason="in the whole dose alone: DAIYA_FAULTS=all")
async def test_X_1_both_workers_of_an_institution_are_killed_in_the_middle(
    stack: Stack, sales: Sales, workers: tuple[str, str], tell: Tell
) -> None:
    toll = Toll()
    for _ in range(MOST_CASES):
        case = demo(stack, sales.next("LC-LOAN"))
        async with case.connected():
            await sold(case, lambda one: killed_until_it_counts(one, stack, workers, toll))
            assert await agreed(case) == []
        if toll.counted.total():
            break
    tell(toll)
    assert toll.counted.total(), "no kill has left anything to be done again"


async def test_X_1_a_worker_frozen_longer_than_its_session_writes_and_pays_nothing_when_it_wakes(
    stack: Stack, sales: Sales, workers: tuple[str, str], tell: Tell
) -> None:
    """It stops at a word that it has just said; the other takes over, does that again, and pays; then the first wakes
    in the middle of what it did, and believes that the partition is its own."""
    found = 0.0
    for _ in range(MOST_CASES):
        case = demo(stack, sales.next("LC-LOAN"))
        async with case.connected():

            async def freeze(one: Demo) -> None:
                nonlocal found
                frozen = await holder(stack, workers, partition_of(one.file.sale.unit_number))
                other = next(name for name in workers if name != frozen)
                await one.witness.until(lambda: one.witness.heard(one.case, AdvanceNoticeRegistered))
                await next_words(one.witness, Role.ESCROW)
                before = await done_again(stack, other)
                stack.kill(frozen, signal.SIGSTOP)
                assert await holder(stack, [other], partition_of(one.file.sale.unit_number)) == other
                await one.witness.until(lambda: one.witness.heard(one.case, PayoffTransferred))
                found = await done_again(stack, other) - before
                stack.kill(frozen, signal.SIGCONT)

            await sold(case, freeze)
            assert await agreed(case) == []
        if found:
            break
    tell(f"a frozen worker woke after another had taken over and done {found:.0f} records again")
    assert found, "nothing was left to be done again"


# --- many cases -------------------------------------------------------------------------------------------------------


async def test_LC_R4_many_cases_at_once_with_a_kill_every_few_seconds(stack: Stack, sales: Sales, tell: Tell) -> None:
    files = [sales.next("LC-FULL" if n % 4 == 3 else "LC-LOAN") for n in range(CROWD)]
    crowd, toll = Crowd(stack, files), Toll()

    async def kill_in_turn(crowd: Crowd) -> None:
        for victim in itertools.cycle((*VICTIMS[1:], *VICTIMS[:1])):  # the first was killed above, also in a small dose
            by = None if victim in OUTSIDE else Role(victim)
            if not (await crowd.goes_on(WORDS_BETWEEN_KILLS) and await crowd.goes_on(1, by)):
                return
            await kill(stack, (victim,), toll)

    async with crowd.connected():
        await crowd.play(kill_in_turn)
        assert crowd.said(TransferRegistered) == CROWD
        assert [(case, found) for case, one in crowd.cases.items() for found in await agreed(one)] == []
    tell(f"{CROWD} cases: {toll}")
    assert toll.counted.total(), "no kill has left anything to be done again"


# --- the log is lost --------------------------------------------------------------------------------------------------

MOMENTS = (AdvanceNoticeRegistered, LoanApproved, TransferRegistered)[: dose(1, 3)]
LOSING = dose(1, 12)


async def lose_the_log(crowd: Crowd, stack: Stack) -> int:
    """Everything stops with words on their way, Kafka's data is wiped, its topics are made anew, everything goes on;
    how many records were lost that nobody had taken."""
    deaf = "registry"  # and what is said to it meanwhile lies there
    stack.kill(deaf, signal.SIGSTOP)
    lost = 0
    twin = workers_of(stack, Role.ESCROW)[1]
    others = [name for name in (*SERVICES, "observer", *([twin] if stack.runs(twin) else [])) if name != deaf]
    while not lost:
        await crowd.next_record(Role.REGISTRY)
        for name in others:
            stack.kill(name, signal.SIGSTOP)
        lost = await left(stack)
        if not lost:
            for name in others:
                stack.kill(name, signal.SIGCONT)
    for one in institutions(stack):  # the witness may be behind, and what was taken is nowhere else to be read
        for r in await kafka.everything(stack.addresses.kafka, inbox(*one)):
            crowd.witness.take(inbox(*one), r.partition, Record(r.key, r.value, tuple(r.headers)))
    await crowd.witness.__aexit__()
    await asyncio.to_thread(stack.wipe_kafka)
    await crowd.witness.__aenter__()
    for name in (deaf, *others):
        stack.kill(name, signal.SIGCONT)
    return lost


async def test_X_1_kafkas_data_is_wiped_in_the_middle_and_the_cases_end_the_same(
    stack: Stack, sales: Sales, tell: Tell
) -> None:
    crowd = Crowd(stack, [sales.next("LC-LOAN") for _ in range(LOSING)])
    lost: list[int] = []

    async def lose(crowd: Crowd) -> None:
        for kind in MOMENTS:
            await crowd.until(kind, 1)
            lost.append(await lose_the_log(crowd, stack))
            assert await crowd.goes_on(1), "with the last case completed there is nothing more to lose"

    async with crowd.connected():
        await crowd.play(lose)
        assert [(case, found) for case, one in crowd.cases.items() for found in await agreed(one)] == []
    for name in SERVICES:
        assert "the log was made anew" in stack.log(name).read_text(), name
    tell(f"Kafka's data wiped with {' and '.join(map(str, lost))} records that nobody had taken")
