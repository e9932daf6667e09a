"""The rail sandbox: its HTTP, its faults, its books under every sequence of orders, and after kill -9."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.books import Books
from deploy.sandbox.rail import Rail, create_app
from deploy.sandbox.rail_file import BooksUnreadable
from deploy.sandbox.rail_orders import Order

ROOT = Path(__file__).resolve().parents[2]


class Http(httpx.AsyncClient):
    """A client of a rail in this process, with a hand on its settlement."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(transport=httpx.ASGITransport(app), base_url="http://rail")
        self._rail: Rail = app.state.rail

    def settle(self) -> int:
        return self._rail.settle(all_of_them=True)


@asynccontextmanager
async def a_rail(settling: bool = False, delay_s: float = 0) -> AsyncGenerator[Http]:
    """A rail with two accounts and a client of it; it settles by `settle` alone, or `settling` by itself."""
    books = Books(":memory:")
    app = create_app(books, delay_s, settling)
    async with app.router.lifespan_context(app), Http(app) as http:
        await http.put("/accounts/escrow", json={"owner": "公证处", "opening_fen": 1000})
        await http.put("/accounts/seller", json={"owner": "卖方", "opening_fen": 0})
        yield http
    books.close()


def order(amount_fen: int = 300, reference: str = "case 1 LC-L6", **other: Any) -> dict[str, Any]:
    return {
        "from_account": "escrow",
        "to_account": "seller",
        "amount_fen": amount_fen,
        "reference": reference,
    } | other


async def send(http: httpx.AsyncClient, key: str, body: dict[str, Any]) -> httpx.Response:
    return await http.post("/transfers", headers={"Idempotency-Key": key}, json=body)


async def money(http: httpx.AsyncClient, account: str) -> tuple[int, int]:
    said = (await http.get(f"/accounts/{account}")).json()
    return said["balance_fen"], said["on_its_way_fen"]


async def lines(http: httpx.AsyncClient, account: str) -> list[dict[str, Any]]:
    return (await http.get(f"/accounts/{account}/statement")).json()["lines"]


def is_problem(answer: httpx.Response, status: int, name: str) -> str:
    """Checks that the answer is this problem document and gives its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["type"].endswith(f"/{name}")
    assert said["status"] == status
    assert said["title"]
    return said["detail"]


# accounts


async def test_an_account_is_opened_once() -> None:
    async with a_rail() as http:
        fresh = {"owner": "信用社", "opening_fen": 7}
        first, again = (
            await http.put("/accounts/bank", json=fresh),
            await http.put("/accounts/bank", json=fresh),
        )
        assert (first.status_code, again.status_code) == (201, 200)
        assert (
            first.json()
            == again.json()
            == {
                "account": "bank",
                "owner": "信用社",
                "balance_fen": 7,
                "on_its_way_fen": 0,
            }
        )
        is_problem(await http.put("/accounts/bank", json=fresh | {"owner": "else"}), 409, "other-owner")
        is_problem(await http.put("/accounts/bank", json=fresh | {"opening_fen": 8}), 409, "other-opening")
        assert await money(http, "bank") == (7, 0)


@pytest.mark.parametrize("name", ["WORLD", "ON-ITS-WAY"])
async def test_the_rails_own_accounts_cannot_be_opened_or_paid(name: str) -> None:
    async with a_rail() as http:
        is_problem(
            await http.put(f"/accounts/{name}", json={"owner": "x", "opening_fen": 1}),
            422,
            "reserved-account",
        )
        is_problem(await send(http, "k", order(to_account=name)), 404, "unknown-account")


# the life of a transfer


async def test_money_is_on_its_way_until_it_settles() -> None:
    async with a_rail() as http:
        answer = await send(http, "k1", order(300))
        assert answer.status_code == 202
        assert answer.json().items() >= {"key": "k1", "status": "accepted", "amount_fen": 300}.items()
        assert await money(http, "escrow") == (700, 300)
        assert await money(http, "seller") == (0, 0)
        assert await lines(http, "escrow") == await lines(http, "seller") == []
        assert http.settle() == 1
        assert await money(http, "escrow") == (700, 0)
        assert await money(http, "seller") == (300, 0)
        [out], [came] = await lines(http, "escrow"), await lines(http, "seller")
        assert datetime.fromisoformat(out.pop("booked_at")).tzinfo is not None
        del came["booked_at"]
        shared = {
            "line": 1,
            "amount_fen": 300,
            "reference": "case 1 LC-L6",
            "transfer": answer.json()["transfer"],
        }
        seller = {"counterparty_account": "seller", "counterparty_owner": "卖方"}
        escrow = {"counterparty_account": "escrow", "counterparty_owner": "公证处"}
        assert out == shared | seller | {"kind": "out-settled", "key": "k1", "reason": None}
        assert came == shared | escrow | {"kind": "in", "key": None, "reason": None}
        assert (await http.get("/transfers/k1")).json()["status"] == "settled"


async def test_a_returned_transfer_comes_back_with_its_reason() -> None:
    async with a_rail() as http:
        await http.post("/faults", json={"kind": "return", "reason": "account closed"})
        assert (await send(http, "k1", order(300))).status_code == 202
        assert await money(http, "escrow") == (700, 300)
        http.settle()
        assert await money(http, "escrow") == (1000, 0)
        [line] = await lines(http, "escrow")
        assert (line["kind"], line["reason"], line["key"]) == ("out-returned", "account closed", "k1")
        assert await lines(http, "seller") == []
        found = (await http.get("/transfers/k1")).json()
        assert (found["status"], found["reason"]) == ("returned", "account closed")
        assert (await http.get("/books")).json()["balanced"]


async def test_a_key_is_one_order_and_one_answer() -> None:
    async with a_rail() as http:
        first = await send(http, "k1", order(300))
        http.settle()
        again = await send(http, "k1", order(300))
        assert (again.status_code, again.json()) == (202, first.json())
        assert "k1" in is_problem(await send(http, "k1", order(301)), 422, "key-reused")
        assert await money(http, "escrow") == (700, 0)
        assert len(await lines(http, "seller")) == 1


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        (order(1001), 409, "insufficient-funds"),
        (order(0), 422, "bad-amount"),
        (order(-5), 422, "bad-amount"),
        (order(10**15 + 1), 422, "bad-amount"),
        (order(to_account="nobody"), 404, "unknown-account"),
        (order(from_account="nobody"), 404, "unknown-account"),
        (order(to_account="escrow"), 422, "same-account"),
    ],
)
async def test_a_refusal_is_remembered_under_its_key(body: dict[str, Any], status: int, name: str) -> None:
    async with a_rail() as http:
        first = await send(http, "k1", body)
        assert is_problem(first, status, name)
        # What stood in its way is gone, and the key still means no.
        await http.put("/accounts/nobody", json={"owner": "now somebody", "opening_fen": 5000})
        await send(http, "more", order(5000, from_account="nobody", to_account="escrow"))
        http.settle()
        again = await send(http, "k1", body)
        assert (again.status_code, again.json()) == (status, first.json())
        found = (await http.get("/transfers/k1")).json()
        assert (found["status"], found["refusal"]) == ("refused", first.json())
        assert len(await lines(http, "escrow")) == 1


async def test_what_cannot_be_read_is_a_problem_that_says_where() -> None:
    async with a_rail() as http:
        assert "body.amount_fen" in is_problem(await send(http, "k", order() | {"amount_fen": "3"}), 422, "malformed")
        assert "body.amount_fen" in is_problem(await send(http, "k", order() | {"amount_fen": True}), 422, "malformed")
        assert "body.amount_fen" in is_problem(await send(http, "k", order(2**70)), 422, "malformed")
        assert "body.reference" in is_problem(await send(http, "k", order(reference="x" * 141)), 422, "malformed")
        assert "body.more" in is_problem(await send(http, "k", order(more=1)), 422, "malformed")
        is_problem(await http.post("/transfers", json=order()), 400, "no-key")
        is_problem(await send(http, "a/b", order()), 400, "bad-key")
        is_problem(await http.post("/transfers", content=b"{", headers={"Idempotency-Key": "k"}), 422, "malformed")
        assert "nowhere" in is_problem(await http.get("/nowhere"), 404, "no-such-call")
        is_problem(await http.delete("/books"), 405, "no-such-call")
        is_problem(await http.get("/accounts/nobody"), 404, "unknown-account")
        is_problem(await http.get("/accounts/nobody/statement"), 404, "unknown-account")
        is_problem(await http.get("/accounts/escrow/statement?wait=11"), 422, "malformed")
        assert "line 0" in is_problem(await http.get("/accounts/escrow/statement?after=1"), 409, "beyond-the-end")
        # None of it took a key.
        is_problem(await http.get("/transfers/k"), 404, "unknown-transfer")
        assert await money(http, "escrow") == (1000, 0)


# statements


async def test_a_statement_is_read_on_from_its_cursor() -> None:
    async with a_rail() as http:
        for number in range(5):
            await send(http, f"k{number}", order(10 + number))
        http.settle()
        read: list[dict[str, Any]] = []
        after = 0
        while page := (await http.get(f"/accounts/seller/statement?after={after}&limit=2")).json():
            if not page["lines"]:
                assert page["next"] == after
                break
            read += page["lines"]
            after = page["next"]
        assert [line["line"] for line in read] == [1, 2, 3, 4, 5]
        assert [line["amount_fen"] for line in read] == [10, 11, 12, 13, 14]


async def test_a_waiting_statement_answers_when_a_line_comes_or_when_the_time_is_over() -> None:
    async with a_rail(settling=True, delay_s=0.1) as http:
        reading = asyncio.create_task(http.get("/accounts/seller/statement?wait=10", timeout=20))
        await asyncio.sleep(0.05)
        assert not reading.done()
        await send(http, "k1", order(300))
        async with asyncio.timeout(5):
            assert [line["kind"] for line in (await reading).json()["lines"]] == ["in"]
        started = time.monotonic()
        assert (await http.get("/accounts/seller/statement?after=1&wait=0.2")).json() == {
            "lines": [],
            "next": 1,
        }
        assert time.monotonic() - started >= 0.2


async def test_an_order_is_settled_when_it_is_due_and_not_at_the_next_look() -> None:
    async with a_rail(settling=True, delay_s=0) as http:
        started = time.monotonic()
        for number in range(6):
            await send(http, f"k{number}", order(1))
            await http.get(f"/accounts/seller/statement?after={number}&wait=10", timeout=20)
        # The rail looks by itself once a second: six looks would take some five seconds.
        assert time.monotonic() - started < 3


# faults


async def test_faults_fire_on_what_matches_as_often_as_armed() -> None:
    async with a_rail() as http:
        armed = await http.post("/faults", json={"kind": "refuse", "n": 2, "to_account": "seller", "reference": "L6"})
        assert armed.status_code == 201
        assert (await send(http, "k0", order(reference="LC-L3"))).status_code == 202
        assert "payee's bank" in is_problem(await send(http, "k1", order(1)), 409, "refused-by-the-payees-bank")
        assert (await send(http, "k1", order(1))).status_code == 409  # remembered: does not use the fault up
        assert (await send(http, "k2", order(1))).status_code == 409
        assert (await send(http, "k3", order(1))).status_code == 202
        [listed] = (await http.get("/faults")).json()["faults"]
        assert (listed["kind"], listed["fired"], listed["left"]) == ("refuse", 2, 0)
        assert (await http.delete("/faults")).status_code == 204
        assert (await http.get("/faults")).json() == {"faults": []}
        is_problem(await http.post("/faults", json={"kind": "earthquake"}), 422, "malformed")


@pytest.mark.parametrize(("kind", "booked"), [("timeout", False), ("timeout-after", True)])
async def test_a_time_out_answers_nothing_and_books_only_when_it_comes_after(kind: str, booked: bool) -> None:
    async with a_rail() as http:
        await http.post("/faults", json={"kind": kind, "hold_s": 60})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await send(http, "k1", order(300))
        assert (await http.get("/transfers/k1")).status_code == (200 if booked else 404)
        assert await money(http, "escrow") == ((700, 300) if booked else (1000, 0))
        assert (await send(http, "k1", order(300))).status_code == 202
        assert await money(http, "escrow") == (700, 300)


async def test_a_delay_holds_the_settlement_back() -> None:
    async with a_rail(settling=True, delay_s=0) as http:
        await http.post("/faults", json={"kind": "delay", "seconds": 3600, "reference": "slow"})
        await send(http, "slow", order(1, reference="slow one"))
        await send(http, "fast", order(2))
        got = (await http.get("/accounts/seller/statement?wait=5", timeout=10)).json()["lines"]
        assert [line["amount_fen"] for line in got] == [2]
        assert (await http.get("/transfers/slow")).json()["status"] == "accepted"


async def test_what_a_reference_names_is_settled_at_once_however_long_it_was_to_take() -> None:
    async with a_rail(settling=True) as http:
        await http.post("/faults", json={"kind": "delay", "seconds": 10**6})
        await send(http, "k1", order(300, "case 1 loan"))
        await send(http, "k2", order(200, "case 2 loan"))
        assert (await http.post("/settlements", json={"reference": "case 1"})).json() == {"settled": 1}
        assert await money(http, "seller") == (300, 0)
        assert await money(http, "escrow") == (500, 200)
        is_problem(await http.post("/settlements", json={}), 422, "malformed")


async def test_a_fee_is_kept_on_the_way_and_the_books_balance() -> None:
    async with a_rail() as http:
        await http.post("/faults", json={"kind": "fee", "fen": 1, "reference": "case 1"})
        await send(http, "k1", order(300))
        await send(http, "k2", order(200))
        http.settle()
        assert await money(http, "seller") == (499, 0)
        assert [line["amount_fen"] for line in await lines(http, "seller")] == [299, 200]
        assert [line["amount_fen"] for line in await lines(http, "escrow")] == [300, 200]
        books = (await http.get("/books")).json()
        assert books["balanced"] and books["accounts"]["RAIL-FEES"]["balance_fen"] == 1
        is_problem(await send(http, "k3", order(1, to_account="RAIL-FEES")), 404, "unknown-account")
        is_problem(
            await http.put("/accounts/RAIL-FEES", json={"owner": "x", "opening_fen": 0}), 422, "reserved-account"
        )


async def test_a_fee_that_comes_back_is_not_kept() -> None:
    async with a_rail() as http:
        await http.post("/faults", json={"kind": "fee", "fen": 1})
        await http.post("/faults", json={"kind": "return"})
        await send(http, "k1", order(300))
        http.settle()
        assert await money(http, "escrow") == (1000, 0)
        assert (await http.get("/books")).json()["balanced"]


async def test_a_fee_takes_no_transfer_whole() -> None:
    async with a_rail() as http:
        await http.post("/faults", json={"kind": "fee", "fen": 300})
        await send(http, "k1", order(300))
        http.settle()
        assert await money(http, "seller") == (300, 0)
        assert (await http.get("/faults")).json()["faults"][0]["left"] == 1


async def test_a_statement_is_told_again_from_its_first_line() -> None:
    async with a_rail() as http:
        for key in ("k1", "k2"):
            await send(http, key, order(100))
        http.settle()
        await http.post("/faults", json={"kind": "repeat", "account": "seller"})
        told = [
            (await http.get("/accounts/seller/statement", params={"after": after})).json()["lines"]
            for after in (0, 1, 1)
        ]
        assert [[line["line"] for line in lines] for lines in told] == [[1, 2], [1, 2], [2]]
        assert (await http.get("/faults")).json()["faults"][0]["left"] == 0


async def test_one_planted_fen_is_seen() -> None:
    async with a_rail() as http:
        await send(http, "k1", order(300))
        http.settle()
        before = (await http.get("/books")).json()
        assert (before["balanced"], before["differences"]) == (True, [])
        assert (
            await http.post("/faults", json={"kind": "plant", "account": "seller", "amount_fen": 1})
        ).status_code == 201
        after = (await http.get("/books")).json()
        assert not after["balanced"]
        assert after["differences"] == [
            "account seller: the balance is +1 fen off its movements",
            "account seller: the money is +1 fen off its opening and its statement",
            "WORLD: the accounts are +1 fen off what was ever brought in",
        ]
        assert after["total_fen"] == before["total_fen"] + 1 == after["world_fen"] + 1
        assert await money(http, "seller") == (301, 0)
        assert sum(line["amount_fen"] for line in await lines(http, "seller")) == 300
        # Two plants that make nought together are seen as well.
        await http.post("/faults", json={"kind": "plant", "account": "escrow", "amount_fen": -1})
        healed = (await http.get("/books")).json()
        assert healed["total_fen"] == healed["world_fen"]
        assert not healed["balanced"]
        is_problem(
            await http.post("/faults", json={"kind": "plant", "account": "seller", "amount_fen": -302}),
            409,
            "insufficient-funds",
        )


async def test_the_books_show_every_movement_with_both_sides() -> None:
    async with a_rail() as http:
        await send(http, "k1", order(300, reference="case 1"))
        await send(http, "k2", order(50, reference="case 2"))
        http.settle()
        await send(http, "k3", order(7, reference="case 3"))
        books = (await http.get("/books")).json()
        assert books["accounts"]["escrow"] == {
            "owner": "公证处",
            "opening_fen": 1000,
            "balance_fen": 643,
            "on_its_way_fen": 7,
            "in_fen": 0,
            "out_fen": 350,
        }
        assert (books["total_fen"], books["world_fen"], books["balanced"]) == (1000, 1000, True)
        sides = [(one["kind"], one["debit"], one["credit"], one["amount_fen"]) for one in books["movements"]]
        assert sides == [
            ("opening", "WORLD", "escrow", 1000),
            ("accepted", "escrow", "ON-ITS-WAY", 300),
            ("accepted", "escrow", "ON-ITS-WAY", 50),
            ("settled", "ON-ITS-WAY", "seller", 300),
            ("settled", "ON-ITS-WAY", "seller", 50),
            ("accepted", "escrow", "ON-ITS-WAY", 7),
        ]
        one_case = (await http.get("/books", params={"reference": "case 2"})).json()
        assert [one["key"] for one in one_case["movements"]] == ["k2", "k2"]
        assert one_case["balanced"]


# the books by themselves

ACCOUNTS = ("a", "b", "c", "d")
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("order"),
            st.integers(0, 12),  # few keys, so that some come again
            st.sampled_from((*ACCOUNTS, "nobody")),
            st.sampled_from((*ACCOUNTS, "nobody")),
            st.integers(-1, 600),
            st.sampled_from((None, "account closed")),
            st.sampled_from((0.0, 5.0)),
        ),
        st.tuples(st.just("settle"), st.booleans()),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(openings=st.lists(st.integers(0, 1000), min_size=4, max_size=4), steps=STEPS)
def test_any_sequence_keeps_the_sum_the_numbers_and_the_statements(openings: list[int], steps: list[Any]) -> None:
    clock = datetime(2024, 5, 6, 9, tzinfo=UTC)

    def now() -> datetime:
        nonlocal clock
        clock += timedelta(seconds=1)
        return clock

    books = Books(":memory:", now)
    for account, opening_fen in zip(ACCOUNTS, openings, strict=True):
        books.open_account(account, f"owner of {account}", opening_fen)
    for step in steps:
        if step[0] == "settle":
            books.settle(all_of_them=step[1])
        else:
            _, number, payer, payee, amount_fen, return_reason, delay_s = step
            wanted = Order(payer, payee, amount_fen, "r")
            key = f"{number}-{payer}-{payee}-{amount_fen}"
            if books.earlier(key, wanted) is None:
                problem = books.why_not(wanted)
                if problem is None:
                    books.accept(key, wanted, delay_s, return_reason)
                else:
                    books.refuse(key, wanted, problem)
        whole = books.whole()
        assert whole["differences"] == []
        assert whole["total_fen"] == whole["world_fen"] == sum(openings)
    books.settle(all_of_them=True)
    assert books.next_due() is None
    for account, opening_fen in zip(ACCOUNTS, openings, strict=True):
        said = books.statement(account, 0, 1000)
        assert [line["line"] for line in said] == list(range(1, len(said) + 1))
        signs = {"in": 1, "out-settled": -1, "out-returned": 0}
        moved_fen = sum(signs[line["kind"]] * line["amount_fen"] for line in said)
        assert books.account(account) | {"owner": ""} == {
            "account": account,
            "owner": "",
            "balance_fen": opening_fen + moved_fen,
            "on_its_way_fen": 0,
        }
    books.close()


def test_an_order_that_cannot_be_booked_books_nothing() -> None:
    books = Books(":memory:")
    books.open_account("a", "A", 10)
    books.open_account("b", "B", 0)
    for wanted in (Order("a", "b", 11, ""), Order("nobody", "b", 1, "")):
        with pytest.raises(sqlite3.IntegrityError):
            books.accept("k", wanted, 0)
    assert books.earlier("k", Order("a", "b", 11, "")) is None
    assert books.account("a")["balance_fen"] == 10
    assert books.whole()["balanced"]
    books.close()


def test_another_file_is_not_taken_for_books(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear rail, this is no database. " * 50)
    with pytest.raises(BooksUnreadable, match="letter"):
        Books(tmp_path / "letter")
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE something (x)")
    with pytest.raises(BooksUnreadable, match="edition 0"):
        Books(tmp_path / "other")
    with pytest.raises(BooksUnreadable, match="cannot be opened"):
        Books(tmp_path)


# a process of its own


@contextmanager
def a_process(port: int, books: Path, delay_s: float) -> Iterator[subprocess.Popen[bytes]]:
    env = os.environ | {
        "DAIYA_RAIL_PORT": str(port),
        "DAIYA_RAIL_BOOKS": str(books),
        "DAIYA_RAIL_DELAY_S": str(delay_s),
    }
    process = subprocess.Popen([sys.executable, "-m", "deploy.sandbox.rail"], cwd=ROOT, env=env)
    try:
        deadline = time.monotonic() + 30
        while True:
            assert process.poll() is None, "the rail ended by itself"
            assert time.monotonic() < deadline, "the rail did not come up"
            try:
                if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def test_kill_9_in_the_middle_of_settlements_loses_nothing(tmp_path: Path) -> None:
    port, books = free_port(), tmp_path / "run" / "rail.sqlite"
    url, answered = f"http://127.0.0.1:{port}", dict[str, Any]()
    keys = [f"k{number}" for number in range(60)]
    with httpx.Client(base_url=url, trust_env=False) as http:
        with a_process(port, books, delay_s=0.05) as process:
            http.put("/accounts/escrow", json={"owner": "公证处", "opening_fen": 10_000}).raise_for_status()
            http.put("/accounts/seller", json={"owner": "卖方", "opening_fen": 0}).raise_for_status()
            http.post("/faults", json={"kind": "delay", "seconds": 0.6, "n": 20}).raise_for_status()
            http.post("/faults", json={"kind": "return", "n": 5}).raise_for_status()
            for key in keys[:40]:
                answered[key] = send_now(http, key).json()
            # Some have settled, some have not: only then is the kill in the middle.
            deadline = time.monotonic() + 10
            while http.get("/books").json()["accounts"]["seller"]["in_fen"] == 0:
                assert time.monotonic() < deadline
            process.send_signal(signal.SIGKILL)
            process.wait()
        with a_process(port, books, delay_s=0.05):
            middle = http.get("/books").json()
            assert (middle["balanced"], middle["total_fen"]) == (True, 10_000)
            for key in keys:
                said = send_now(http, key).json()
                assert said == answered.get(key, said)
            deadline = time.monotonic() + 10
            while (whole := http.get("/books").json())["accounts"]["escrow"]["on_its_way_fen"]:
                assert time.monotonic() < deadline, "what was accepted did not go on"
                time.sleep(0.05)
            assert (whole["balanced"], whole["total_fen"], whole["world_fen"]) == (True, 10_000, 10_000)
            paid = http.get("/accounts/escrow/statement").json()["lines"]
            assert [line["line"] for line in paid] == list(range(1, 61))
            assert sorted(line["key"] for line in paid) == sorted(keys)
            assert sum(line["kind"] == "out-returned" for line in paid) == 5
            assert whole["accounts"]["seller"]["balance_fen"] == 55 * 10


def send_now(http: httpx.Client, key: str) -> httpx.Response:
    return http.post("/transfers", headers={"Idempotency-Key": key}, json=order(10)).raise_for_status()


def test_over_a_socket_a_time_out_ends_in_a_broken_connection_and_sigterm_in_an_exit(tmp_path: Path) -> None:
    port = free_port()
    with (
        a_process(port, tmp_path / "rail.sqlite", delay_s=0) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        http.put("/accounts/escrow", json={"owner": "公证处", "opening_fen": 1000}).raise_for_status()
        http.put("/accounts/seller", json={"owner": "卖方", "opening_fen": 0}).raise_for_status()
        http.post("/faults", json={"kind": "timeout-after", "hold_s": 0.2}).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            send_now(http, "k1")
        assert http.get("/transfers/k1").status_code == 200
        process.terminate()
        assert process.wait(timeout=10) in (0, -signal.SIGTERM)


def test_missing_settings_are_named() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("DAIYA_")}
    run = subprocess.run(
        [sys.executable, "-m", "deploy.sandbox.rail"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "DAIYA_RAIL_PORT" in run.stderr
    assert "DAIYA_RAIL_BOOKS" in run.stderr
