"""LC-LOAN on a real broker and a real database, six separate processes, clerks at the desks' HTTP.

A lender away for the whole middle of a case; two processes of one institution, one of them killed; fifty cases of both
procedures at once. The same end, the same money, and every service working again by itself.
"""

import asyncio
import signal
from collections.abc import Iterator

import httpx
import pytest

from contracts.event import Event, Role
from contracts.events.case import CaseOpened, PartyJoined
from contracts.events.escrow import DepositConfirmed, TransferApplicationMade
from contracts.events.lender import LoanApproved, LoanDisbursed, MortgageApplicationMade
from contracts.events.registry import AdvanceNoticeRegistered, FolioReserved, Stage, TransferRegistered
from contracts.events.seller_bank import ConsentIssued
from deploy.demo import Demo
from deploy.sales import Sales
from deploy.stack import CHECKOUT, Stack
from tests.live.sales import Crowd, agreed, demo, killed, sold

pytestmark = pytest.mark.live
CASES = 50


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A whole stack of its own: this test kills parts of it."""
    with Stack(CHECKOUT, ephemeral=True) as running:
        yield running


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Sales:
    return Sales(tmp_path_factory.mktemp("sales"))


async def test_LC_L7_a_home_is_bought_with_a_bank_loan_and_a_fund_loan_by_six_processes(
    stack: Stack, sales: Sales
) -> None:
    case = demo(stack, sales.next("LC-LOAN"))
    async with case.connected():
        await sold(case)
        assert await agreed(case) == []


KILLS: list[tuple[str, type[Event]]] = [
    ("buyer_bank", PartyJoined),
    ("buyer_bank", AdvanceNoticeRegistered),
    ("fund_center", AdvanceNoticeRegistered),
    ("registry", LoanDisbursed),
    ("escrow", LoanDisbursed),
    ("seller_bank", LoanApproved),
]


@pytest.mark.parametrize(("victim", "once"), KILLS, ids=[f"{v} once {e.__name__}" for v, e in KILLS])
async def test_X_1_killed_in_the_middle_the_case_ends_the_same(
    stack: Stack, sales: Sales, victim: str, once: type[Event]
) -> None:
    case = demo(stack, sales.next("LC-LOAN"))
    async with case.connected():
        await sold(case, killed(stack, victim, once))
        assert await agreed(case) == []


def has_said(case: Demo, role: Role, kind: type[Event], stage: Stage | None = None) -> bool:
    """Whether a role has said such a word in the case, for this stage."""
    return any(
        one.case == case.case and one.by is role and one.kind is kind and stage in (None, one.values.get("stage"))
        for one in case.witness.spoken
    )


async def test_LC_L4_the_buyers_bank_is_down_for_the_whole_middle_and_the_others_go_on_without_it(
    stack: Stack, sales: Sales
) -> None:
    """Down from the opening until nothing can be done any more without it; then again from the notice on."""
    case = demo(stack, sales.next("LC-LOAN"))

    async def away(case: Demo) -> None:
        stack.kill("buyer_bank", signal.SIGKILL)
        await case.witness.until(
            lambda: (
                case.witness.heard(case.case, FolioReserved)
                and has_said(case, Role.ESCROW, DepositConfirmed)
                and case.witness.heard(case.case, CaseOpened)
            )
        )
        await asyncio.to_thread(stack.restart, "buyer_bank")
        await case.witness.until(lambda: has_said(case, Role.BUYER_BANK, LoanApproved))
        stack.kill("buyer_bank", signal.SIGKILL)
        await case.witness.until(
            lambda: (
                case.witness.heard(case.case, ConsentIssued)
                and has_said(case, Role.ESCROW, TransferApplicationMade, Stage.NOTICE)
                and has_said(case, Role.FUND_CENTER, MortgageApplicationMade, Stage.NOTICE)
            )
        )
        await asyncio.to_thread(stack.restart, "buyer_bank")
        await case.witness.until(lambda: case.witness.heard(case.case, AdvanceNoticeRegistered))
        stack.kill("buyer_bank", signal.SIGKILL)
        await case.witness.until(
            lambda: (
                has_said(case, Role.FUND_CENTER, LoanDisbursed)
                and has_said(case, Role.FUND_CENTER, MortgageApplicationMade, Stage.REGISTRATION)
            )
        )
        await asyncio.to_thread(stack.restart, "buyer_bank")

    async with case.connected():
        await sold(case, away)
        assert await agreed(case) == []


async def handled(stack: Stack, name: str) -> float:
    """How many records of the inbox a process has handled, by its own metrics."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{stack.address(name)}/metrics", timeout=10)
    found = [line.split()[1] for line in answer.text.splitlines() if line.startswith("daiya_records_total ")]
    return float(found[0])


async def test_X_1_two_processes_of_one_institution_share_its_folios_and_one_is_killed(
    stack: Stack, sales: Sales
) -> None:
    files = [sales.next("LC-LOAN") for _ in range(8)]
    crowd = Crowd(stack, files)
    shared: dict[str, float] = {}

    async def kill_one(crowd: Crowd) -> None:
        await crowd.until(AdvanceNoticeRegistered, 1)
        shared.update({name: await handled(stack, name) for name in twins})
        for name in twins:
            stack.kill(name, signal.SIGKILL)
        assert crowd.completed() < len(files), "killed in the middle"

    twins = [await asyncio.to_thread(stack.twin, role) for role in ("escrow", "registry")]
    async with crowd.connected():
        await crowd.play(kill_one)
        assert {name: n for name, n in shared.items() if not n} == {}, "both processes had folios"
        assert [(case, found) for case, one in crowd.cases.items() for found in await agreed(one)] == []


async def test_LC_R4_fifty_cases_of_both_procedures_at_once(stack: Stack, sales: Sales) -> None:
    files = [sales.next("LC-LOAN" if n % 2 else "LC-FULL") for n in range(CASES)]
    crowd = Crowd(stack, files)
    async with crowd.connected():
        await crowd.play()
        assert crowd.said(TransferRegistered) == CASES
        assert [(case, found) for case, one in crowd.cases.items() for found in await agreed(one)] == []
