"""Clerks: each does what its worklist asks for, once; what is refused is tried again, what nobody knows is said so."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from contracts.event import Event, Role
from contracts.events.escrow import MoneyKind
from deploy.clerks import ACTS, MOST_TRIES, People, Rail, Stuck, yuan
from deploy.stack import CHECKOUT
from services.buyer_bank.desk import router as buyer_bank
from services.desk_client import Desk
from services.escrow.desk import router as escrow
from services.fund_center.desk import router as fund_center
from services.registry.desk import router as registry
from services.runtime.desk.app import EVERYWHERE
from services.sale_file import SaleFile, load_sale
from services.seller_bank.desk import router as seller_bank
from tests.support import loan
from tests.support.bench import NOON

CASE = "LCF-TEST-1"
FILE = load_sale(CHECKOUT / "examples" / "liaocheng-loan.yaml", NOON)
DESKS = {
    Role.ESCROW: escrow,
    Role.REGISTRY: registry,
    Role.SELLER_BANK: seller_bank,
    Role.BUYER_BANK: buyer_bank,
    Role.FUND_CENTER: fund_center,
}
BANK, FUND = FILE.loans
AT_THE_RAIL = {(Role.ESCROW, "pay-in"), (Role.ESCROW, "top-up")}


class FakeDesk:
    """A desk with a worklist, and a page of the case with these facts; `refusals` are answered first."""

    def __init__(self, *actions: str, case: str = CASE, refusals: int = 0, facts: tuple[Event, ...] = ()) -> None:
        self.items = [
            {"case": case, "action": a, "about": "n1", "what": "", "clause": "LC-F2", "link": f"/{a}"} for a in actions
        ]
        self.refusals = refusals
        self.page = {"facts": [{"type": fact.type_name, "data": fact.to_json()} for fact in facts]}
        self.posted: list[tuple[str, dict[str, Any], str]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=self.items if request.url.path == "/worklist" else self.page)
        if len(self.posted) < self.refusals:
            problem = {"title": "no consent", "detail": "not yet", "clause": "LC-F2"}
            self._note(request)
            return httpx.Response(409, json=problem)
        self._note(request)
        return httpx.Response(200, json={"status": "done"})

    def _note(self, request: httpx.Request) -> None:
        self.posted.append((request.url.path, json.loads(request.content), request.headers["Idempotency-Key"]))


@asynccontextmanager
async def people(
    role: Role, fake: FakeDesk, said: list[str] | None = None, *, file: SaleFile = FILE, **others: FakeDesk
) -> AsyncIterator[People]:
    """The people of the example at one fake desk, and at those of other roles, by name."""
    async with AsyncExitStack() as closing:
        rail = Rail("http://127.0.0.1:1")
        closing.push_async_callback(rail.aclose)
        desks: dict[Role, Desk] = {}
        for at, one in {role: fake, **{Role(name): other for name, other in others.items()}}.items():
            desk = Desk(f"the {at.value}", "http://desk", "token", httpx.MockTransport(one.answer))
            desks[at] = await closing.enter_async_context(desk)
        yield People(file, desks, rail, lambda _, what, __: said.append(what) if said is not None else None)


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


# --- loans --------------------------------------------------------------------------------------------------


async def test_LC_L2_the_buyers_turn_to_each_lender_once_with_contract_and_proof() -> None:
    notary, bank, fund, said = FakeDesk(facts=(loan.certified(),)), FakeDesk(), FakeDesk(refusals=1), list[str]()
    async with people(Role.ESCROW, notary, said, buyer_bank=bank, fund_center=fund) as all_of_them:
        await all_of_them.apply_for_loans(CASE)
        await all_of_them.apply_for_loans(CASE)
    [(path, body, key)] = {(path, json.dumps(body), key) for path, body, key in bank.posted}
    assert path == f"/cases/{CASE}/loan-application"
    assert json.loads(body) == {
        "procedure": "LC-LOAN",
        "edition": "2023-03-20",
        "unit_number": FILE.sale.unit_number,
        "keeper": "liaocheng-notary",
        "contract_number": FILE.sale.contract_number,
        "applicants": [person.model_dump(mode="json") for person in BANK.applicants],
        "amount_fen": BANK.amount_fen,
        "months": BANK.months,
        "deposit_certificate": loan.CERTIFICATE.number,
        "code": loan.CERTIFICATE.code,
    }
    assert {body["amount_fen"] for _, body, _ in fund.posted} == {FUND.amount_fen}
    assert key not in {key for _, _, key in fund.posted}
    assert said == [f"the buyers apply for {yuan(one.amount_fen)} over 240 months" for one in FILE.loans]


async def test_LC_L2_without_the_proof_the_buyers_go_nowhere() -> None:
    bank = FakeDesk()
    notary = FakeDesk(facts=(loan.certified(MoneyKind.LOAN, "liaocheng-ccb"),))
    async with people(Role.ESCROW, notary, buyer_bank=bank) as all_of_them:
        with pytest.raises(Stuck, match="not certified the down payment"):
            await all_of_them.apply_for_loans(CASE)
    assert bank.posted == []


async def test_a_lender_named_at_the_opening_waits_for_the_buyers_and_its_clerk_does_nothing() -> None:
    bank = FakeDesk("apply-for-loan")
    async with people(Role.BUYER_BANK, bank) as all_of_them:
        assert not await all_of_them.look(Role.BUYER_BANK, CASE)
    assert bank.posted == []


def deciding(decision: dict[str, Any]) -> SaleFile:
    """The example, the bank's decision another."""
    return FILE.model_copy(update={"loans": (BANK.model_copy(update={"decision": decision}), FUND)})


NO = {"approve": False, "because": "the income does not carry it", "clause": "LC-L3"}


@pytest.mark.parametrize(("decision", "handed_in", "told"), [
    ({}, {"approve": True, "amount_fen": BANK.amount_fen}, "the clerk approves the loan"),
    ({"approve": True}, {"approve": True, "amount_fen": BANK.amount_fen}, "the clerk approves the loan"),
    ({"approve": True, "amount_fen": 5}, {"approve": True, "amount_fen": 5}, "the clerk approves the loan"),
    (NO, NO, "the clerk rejects the loan"),
])  # fmt: skip
async def test_LC_L3_a_lenders_clerk_decides_as_the_file_says(
    decision: dict[str, Any], handed_in: dict[str, Any], told: str
) -> None:
    bank, said = FakeDesk("decide-loan"), list[str]()
    async with people(Role.BUYER_BANK, bank, said, file=deciding(decision)) as all_of_them:
        assert await all_of_them.look(Role.BUYER_BANK, CASE)
    assert [body for _, body, _ in bank.posted] == [handed_in]
    assert said == [told]


async def test_LC_L4_all_applicants_sign_and_the_fund_centre_examines_them() -> None:
    fund = FakeDesk("examine-borrower", "sign-contracts")
    async with people(Role.FUND_CENTER, fund) as all_of_them:
        assert await all_of_them.look(Role.FUND_CENTER, CASE)
    assert [body for _, body, _ in fund.posted] == [
        FUND.examination,
        {"signed_by": [str(person.id_number) for person in FUND.applicants]},
    ]


async def test_LC_L3_after_a_no_the_buyers_give_the_sale_up_unless_the_file_says_otherwise() -> None:
    another = FILE.model_copy(
        update={"decisions": {"answer-rejection": {"another_bank": True, "because": "as we say"}}}
    )
    for file, expected in ((FILE, False), (another, True)):
        notary = FakeDesk("answer-rejection")
        async with people(Role.ESCROW, notary, file=file) as all_of_them:
            assert await all_of_them.look(Role.ESCROW, CASE)
        [(_, body, _)] = notary.posted
        assert body["another_bank"] is expected and body["because"]


@pytest.mark.parametrize("role", [Role.ESCROW, Role.BUYER_BANK, Role.FUND_CENTER], ids=str)
async def test_X_3_whoever_applied_mends_its_part_and_sends_back_what_no_article_covers(role: Role) -> None:
    fake = FakeDesk("mend-application", "return-money", "order-payment-again")
    async with people(role, fake) as all_of_them:
        assert await all_of_them.look(role, CASE)
    mended, returned, again = (body for _, body, _ in fake.posted)
    assert mended["application"] == "n1" and mended["mended"]
    assert (returned, again) == ({"money": "n1"}, {"payment": "n1"})


async def test_a_lender_that_the_file_does_not_know_is_said_so() -> None:
    bank = FakeDesk("decide-loan")
    async with people(Role.BUYER_BANK, bank, file=FILE.model_copy(update={"loans": ()})) as all_of_them:
        with pytest.raises(Stuck, match="names no loan there"):
            await all_of_them.look(Role.BUYER_BANK, CASE)


@pytest.mark.parametrize(("role", "action"), ACTS, ids=lambda one: str(one))
def test_what_clerks_know_to_do_is_what_a_desk_takes(role: Role, action: str) -> None:
    taken = {one.answers for one in (*DESKS[role].actions, *EVERYWHERE)}
    assert action in taken or (role, action) in AT_THE_RAIL


@pytest.mark.parametrize(
    ("fen", "text"),
    [(0, "¥0.00"), (1, "¥0.01"), (61_234_567, "¥612,345.67"), (-100, "-¥1.00"), (100_000_000, "¥1,000,000.00")],
)
def test_money_for_people(fen: int, text: str) -> None:
    assert yuan(fen) == text
