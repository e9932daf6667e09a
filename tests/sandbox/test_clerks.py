"""Clerks: each does what its worklist asks for, once; what is refused is tried again, what nobody knows is said so."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from contracts.event import Role
from deploy.clerks import ACTS, MOST_TRIES, People, Rail, Stuck, yuan
from deploy.stack import CHECKOUT
from services.desk_client import Desk
from services.escrow.desk import router as escrow
from services.registry.desk import router as registry
from services.sale_file import load_sale
from services.seller_bank.desk import router as seller_bank
from tests.support.bench import NOON

CASE = "LCF-TEST-1"
FILE = load_sale(CHECKOUT / "examples" / "liaocheng-full.yaml", NOON)
DESKS = {Role.ESCROW: escrow, Role.REGISTRY: registry, Role.SELLER_BANK: seller_bank}
AT_THE_RAIL = {(Role.ESCROW, "pay-in")}


class FakeDesk:
    """A desk with a worklist; `refusals` are answered first."""

    def __init__(self, *actions: str, case: str = CASE, refusals: int = 0) -> None:
        self.items = [
            {"case": case, "action": a, "about": "n1", "what": "", "clause": "LC-F2", "link": f"/{a}"} for a in actions
        ]
        self.refusals = refusals
        self.posted: list[tuple[str, dict[str, Any], str]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=self.items)
        if len(self.posted) < self.refusals:
            problem = {"title": "no consent", "detail": "not yet", "clause": "LC-F2"}
            self._note(request)
            return httpx.Response(409, json=problem)
        self._note(request)
        return httpx.Response(200, json={"status": "done"})

    def _note(self, request: httpx.Request) -> None:
        self.posted.append((request.url.path, json.loads(request.content), request.headers["Idempotency-Key"]))


@asynccontextmanager
async def people(role: Role, fake: FakeDesk, said: list[str] | None = None) -> AsyncIterator[People]:
    """The people of the example at one fake desk."""
    rail = Rail("http://127.0.0.1:1")
    desk = Desk("somewhere", "http://desk", "token", httpx.MockTransport(fake.answer))
    async with desk:
        yield People(FILE, {role: desk}, rail, lambda _, what, __: said.append(what) if said is not None else None)
    await rail.aclose()


async def test_what_a_worklist_asks_for_is_done_once() -> None:
    fake, said = FakeDesk("decide-registration"), list[str]()
    async with people(Role.REGISTRY, fake, said) as all_of_them:
        assert await all_of_them.look(Role.REGISTRY, CASE)
        assert not await all_of_them.look(Role.REGISTRY, CASE)
    assert [(path, body) for path, body, _ in fake.posted] == [
        ("/decide-registration", {"application": "n1", "decision": "approve"})
    ]
    assert said == ["the registrar decides to approve"]


async def test_a_refusal_is_tried_again_with_a_key_of_its_own() -> None:
    fake = FakeDesk("decide-consent", refusals=2)
    async with people(Role.SELLER_BANK, fake) as all_of_them:
        assert not await all_of_them.look(Role.SELLER_BANK, CASE)
        assert "not yet" in next(iter(all_of_them.refusals.values()))
        assert not await all_of_them.look(Role.SELLER_BANK, CASE)
        assert await all_of_them.look(Role.SELLER_BANK, CASE)
        assert all_of_them.refusals == {}
    assert len({key for _, _, key in fake.posted}) == 3


async def test_a_clerk_that_is_refused_for_ever_is_stuck_and_says_why() -> None:
    fake = FakeDesk("ask-payoff", refusals=MOST_TRIES)
    async with people(Role.SELLER_BANK, fake) as all_of_them:
        for _ in range(MOST_TRIES - 1):
            await all_of_them.look(Role.SELLER_BANK, CASE)
        with pytest.raises(Stuck, match="not yet"):
            await all_of_them.look(Role.SELLER_BANK, CASE)


async def test_what_nobody_knows_how_to_do_is_said_so() -> None:
    async with people(Role.ESCROW, FakeDesk("dance")) as all_of_them:
        with pytest.raises(Stuck, match="dance"):
            await all_of_them.look(Role.ESCROW, CASE)


async def test_other_cases_are_left_alone() -> None:
    fake = FakeDesk("sign", case="LCF-OTHER")
    async with people(Role.ESCROW, fake) as all_of_them:
        assert not await all_of_them.look(Role.ESCROW, CASE)
    assert fake.posted == []


async def test_everybody_signs_every_paper_once() -> None:
    fake = FakeDesk("sign")
    async with people(Role.ESCROW, fake) as all_of_them:
        await all_of_them.look(Role.ESCROW, CASE)
    signed = [(body["person"], body["paper"]) for _, body, _ in fake.posted]
    assert len(signed) == len(set(signed)) == 2 * len((*FILE.sale.sellers, *FILE.sale.buyers))
    assert len({key for _, _, key in fake.posted}) == len(signed)


@pytest.mark.parametrize(("role", "action"), ACTS, ids=lambda one: str(one))
def test_what_clerks_know_to_do_is_what_a_desk_takes(role: Role, action: str) -> None:
    taken = {one.answers for one in DESKS[role].actions}
    assert action in taken or (role, action) in AT_THE_RAIL


@pytest.mark.parametrize(
    ("fen", "text"),
    [(0, "¥0.00"), (1, "¥0.01"), (61_234_567, "¥612,345.67"), (-100, "-¥1.00"), (100_000_000, "¥1,000,000.00")],
)
def test_money_for_people(fen: int, text: str) -> None:
    assert yuan(fen) == text
