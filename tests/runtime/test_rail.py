"""The rail as a service sees it: one suite over the rail in memory and over HTTP to the sandbox."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from deploy.sandbox.books import Books
from deploy.sandbox.rail import create_app
from services.runtime.rail import (
    Accepted,
    KeyReused,
    NotThere,
    Rail,
    RailUnavailable,
    Refused,
    StatementLine,
    Transfer,
    Unknown,
)
from services.runtime.rail.http import HttpRail
from services.runtime.rail.memory import Fault, MemoryRail


class Bench(Protocol):
    """A rail to be tested and the hands that move what is outside of it."""

    @property
    def rail(self) -> Rail: ...

    async def open(self, account: str, owner: str, opening_fen: int) -> None: ...
    async def arm(self, **fault: Any) -> None: ...
    async def fired(self) -> list[int]: ...
    async def settle(self) -> None: ...
    async def money_fen(self, account: str) -> tuple[int, int]: ...
    async def close(self) -> None: ...


class Clock:
    """A second later at every look."""

    def __init__(self) -> None:
        self.at = datetime(2024, 5, 6, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


class MemoryBench:
    def __init__(self) -> None:
        self.rail = self.memory = MemoryRail(Clock())

    async def open(self, account: str, owner: str, opening_fen: int) -> None:
        self.memory.open(account, owner, opening_fen)

    async def arm(self, **fault: Any) -> None:
        self.memory.arm(Fault(**fault))

    async def fired(self) -> list[int]:
        return [fired for _, fired in self.memory.armed()]

    async def settle(self) -> None:
        self.memory.settle_all()

    async def money_fen(self, account: str) -> tuple[int, int]:
        return self.memory.balance_fen(account), self.memory.on_its_way_fen(account)

    async def close(self) -> None:
        """Nothing is held."""


class Wire(httpx.ASGITransport):
    """The sandbox without a socket; an answer broken off is what a broken connection gives."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except AssertionError as error:
            raise httpx.RemoteProtocolError("the connection was closed in the middle of the answer") from error


class HttpBench:
    def __init__(self) -> None:
        self._books = Books(":memory:", Clock())
        # Settles only when told, so that both rails are at the same point in every test.
        app = create_app(self._books, delay_s=0, settling=False)
        self._rail = app.state.rail
        transport = Wire(app)
        self.rail = HttpRail("http://rail", transport=transport)
        self.http = httpx.AsyncClient(base_url="http://rail", transport=transport)

    async def open(self, account: str, owner: str, opening_fen: int) -> None:
        answer = await self.http.put(f"/accounts/{account}", json={"owner": owner, "opening_fen": opening_fen})
        answer.raise_for_status()

    async def arm(self, **fault: Any) -> None:
        if fault["kind"] in ("timeout", "timeout-after"):
            fault["hold_s"] = 0
        (await self.http.post("/faults", json=fault)).raise_for_status()

    async def fired(self) -> list[int]:
        return [fault["fired"] for fault in (await self.http.get("/faults")).json()["faults"]]

    async def settle(self) -> None:
        self._rail.settle(all_of_them=True)

    async def money_fen(self, account: str) -> tuple[int, int]:
        said = (await self.http.get(f"/accounts/{account}")).json()
        return said["balance_fen"], said["on_its_way_fen"]

    async def close(self) -> None:
        await self.rail.aclose()
        await self.http.aclose()
        self._books.close()


@asynccontextmanager
async def a_bench(kind: str) -> AsyncGenerator[Bench]:
    """A rail of this kind, with escrow (1000 fen) and seller (0 fen) opened."""
    bench: Bench = HttpBench() if kind == "http" else MemoryBench()
    await bench.open("escrow", "公证处", 1000)
    await bench.open("seller", "卖方", 0)
    yield bench
    await bench.close()


both = pytest.mark.parametrize("kind", ["memory", "http"])


def order(key: str = "k1", amount_fen: int = 300, **other: Any) -> Transfer:
    said = {"from_account": "escrow", "to_account": "seller", "reference": "case 1 LC-L6"} | other
    return Transfer(key=key, amount_fen=amount_fen, **said)


@both
async def test_an_accepted_order_is_a_line_on_both_statements_when_it_settles(kind: str) -> None:
    async with a_bench(kind) as bench:
        accepted = await bench.rail.transfer(order())
        assert isinstance(accepted, Accepted)
        assert await bench.money_fen("escrow") == (700, 300)
        assert await bench.rail.statement("escrow", 0) == ()
        assert await bench.rail.find("k1") == accepted
        await bench.settle()
        assert await bench.money_fen("escrow") == (700, 0)
        assert await bench.money_fen("seller") == (300, 0)
        [out] = await bench.rail.statement("escrow", 0)
        [came] = await bench.rail.statement("seller", 0)
        shared = {"line": 1, "amount_fen": 300, "reference": "case 1 LC-L6", "transfer": accepted.transfer}
        assert out.model_dump(exclude={"booked_at"}) == shared | {
            "kind": "out-settled",
            "counterparty_account": "seller",
            "counterparty_owner": "卖方",
            "key": "k1",
            "reason": None,
        }
        assert came.model_dump(exclude={"booked_at"}) == shared | {
            "kind": "in",
            "counterparty_account": "escrow",
            "counterparty_owner": "公证处",
            "key": None,
            "reason": None,
        }
        assert await bench.rail.statement("escrow", 1) == ()
        assert await bench.rail.find("k1") == accepted  # what became of it, the statement tells


@both
async def test_a_returned_order_stays_accepted_and_its_line_says_why_it_came_back(kind: str) -> None:
    async with a_bench(kind) as bench:
        await bench.arm(kind="return", reason="account closed")
        accepted = await bench.rail.transfer(order())
        assert isinstance(accepted, Accepted)
        await bench.settle()
        [line] = await bench.rail.statement("escrow", 0)
        assert (line.kind, line.reason, line.key) == ("out-returned", "account closed", "k1")
        assert await bench.rail.statement("seller", 0) == ()
        assert await bench.money_fen("escrow") == (1000, 0)
        assert await bench.rail.find("k1") == accepted


@both
async def test_the_same_order_again_is_booked_once_and_another_under_its_key_is_our_fault(kind: str) -> None:
    async with a_bench(kind) as bench:
        first = await bench.rail.transfer(order())
        await bench.settle()
        assert await bench.rail.transfer(order()) == first
        with pytest.raises(KeyReused, match="k1"):
            await bench.rail.transfer(order(amount_fen=301))
        await bench.settle()
        assert len(await bench.rail.statement("seller", 0)) == 1
        assert await bench.money_fen("escrow") == (700, 0)


@both
@pytest.mark.parametrize(
    ("other", "status", "name"),
    [
        ({"amount_fen": 1001}, 409, "insufficient-funds"),
        ({"to_account": "nobody"}, 404, "unknown-account"),
        ({"from_account": "nobody"}, 404, "unknown-account"),
        ({"to_account": "escrow"}, 422, "same-account"),
    ],
)
async def test_a_refusal_stands_for_ever(kind: str, other: dict[str, Any], status: int, name: str) -> None:
    async with a_bench(kind) as bench:
        refused = await bench.rail.transfer(order(**other))
        assert isinstance(refused, Refused)
        assert (refused.status, refused.type) == (status, f"urn:daiya:problem:rail/{name}")
        await bench.open("nobody", "now somebody", 5000)
        await bench.rail.transfer(order("more", 5000, from_account="nobody", to_account="escrow"))
        await bench.settle()
        assert await bench.rail.transfer(order(**other)) == refused
        assert await bench.rail.find("k1") == refused


@both
async def test_an_armed_refusal_fires_once_on_what_it_matches(kind: str) -> None:
    async with a_bench(kind) as bench:
        await bench.arm(kind="refuse", reference="L6", to_account="seller", reason="no such payee")
        assert isinstance(await bench.rail.transfer(order("k0", reference="LC-L3")), Accepted)
        # An order that fails by itself does not use the fault up.
        poor = await bench.rail.transfer(order("k1", 5000))
        assert isinstance(poor, Refused)
        assert poor.type.endswith("/insufficient-funds")
        refused = await bench.rail.transfer(order("k2"))
        assert isinstance(refused, Refused)
        assert refused.detail == "account seller: no such payee"
        assert isinstance(await bench.rail.transfer(order("k3")), Accepted)
        assert await bench.fired() == [1]


@both
async def test_unknown_before_booking_is_not_there_and_may_be_sent_again(kind: str) -> None:
    async with a_bench(kind) as bench:
        await bench.arm(kind="timeout")
        assert isinstance(await bench.rail.transfer(order()), Unknown)
        assert await bench.rail.find("k1") == NotThere(key="k1")
        assert await bench.money_fen("escrow") == (1000, 0)
        assert isinstance(await bench.rail.transfer(order()), Accepted)
        assert await bench.fired() == [1]


@both
async def test_unknown_after_booking_is_found_accepted_and_paid_once(kind: str) -> None:
    async with a_bench(kind) as bench:
        await bench.arm(kind="timeout-after")
        unknown = await bench.rail.transfer(order())
        assert isinstance(unknown, Unknown)
        assert unknown.why
        found = await bench.rail.find("k1")
        assert isinstance(found, Accepted)
        assert await bench.rail.transfer(order()) == found
        await bench.settle()
        assert [line.amount_fen for line in await bench.rail.statement("seller", 0)] == [300]


@both
async def test_a_refusal_that_was_not_heard_is_found(kind: str) -> None:
    async with a_bench(kind) as bench:
        await bench.arm(kind="timeout-after")
        assert isinstance(await bench.rail.transfer(order(amount_fen=5000)), Unknown)
        assert isinstance(await bench.rail.find("k1"), Refused)


@both
async def test_a_statement_that_cannot_be_relied_on_is_unavailable(kind: str) -> None:
    async with a_bench(kind) as bench:
        with pytest.raises(RailUnavailable, match="nobody"):
            await bench.rail.statement("nobody", 0)
        with pytest.raises(RailUnavailable, match="line 0"):
            await bench.rail.statement("escrow", 3)


@both
async def test_a_long_statement_comes_in_parts(kind: str) -> None:
    async with a_bench(kind) as bench:
        for number in range(503):
            await bench.rail.transfer(order(f"k{number}", 1))
        await bench.settle()
        first = await bench.rail.statement("escrow", 0)
        rest = await bench.rail.statement("escrow", len(first))
        assert (len(first), len(rest)) == (500, 3)
        assert [line.line for line in first + rest] == list(range(1, 504))
        assert [line.key for line in first + rest] == [f"k{number}" for number in range(503)]


# both rails are one rail

ACCOUNTS = ("a", "b", "c")
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from((*ACCOUNTS, "nobody")),
            st.sampled_from((*ACCOUNTS, "nobody")),
            st.integers(1, 500),
        ),
        st.sampled_from(("settle", "refuse", "return", "timeout", "timeout-after")),
    ),
    max_size=20,
)


async def told(kind: str, steps: list[Any]) -> list[Any]:
    """Everything that a rail of this kind says to these steps, without what is its own: ids and times."""
    heard: list[Any] = []
    async with a_bench(kind) as bench:
        for account in ACCOUNTS:
            await bench.open(account, f"owner of {account}", 1000)
        for step in steps:
            if step == "settle":
                await bench.settle()
            elif isinstance(step, str):
                await bench.arm(kind=step)
            else:
                heard.append(await ask(bench.rail, *step))
        await bench.settle()
        heard += [await bench.money_fen(account) for account in ACCOUNTS]
        for account in ACCOUNTS:
            lines = await bench.rail.statement(account, 0)
            heard += [line.model_dump(exclude={"transfer", "booked_at"}) for line in lines]
    return heard


async def ask(rail: Rail, key: int, payer: str, payee: str, amount_fen: int) -> Any:
    try:
        answer = await rail.transfer(order(f"k{key}", amount_fen, from_account=payer, to_account=payee))
    except KeyReused:
        return "reused"
    return (
        type(answer).__name__,
        answer.model_dump(exclude={"transfer", "why"}),
        type(await rail.find(f"k{key}")).__name__,
    )


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_the_rail_in_memory_answers_as_the_sandbox_does(steps: list[Any]) -> None:
    assert asyncio.run(told("memory", steps)) == asyncio.run(told("http", steps))


# over HTTP only: what the network and strangers answer


def answering(status: int, body: Any = None, content: bytes | None = None) -> HttpRail:
    """A client of something that answers this to everything."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json=body) if content is None else httpx.Response(status, content=content)

    return HttpRail("http://rail", transport=httpx.MockTransport(answer))


STRANGE = [
    (200, None, b"<html>a proxy</html>"),
    (202, {"key": "another", "transfer": "t", "status": "accepted"}, None),
    (202, {"key": "k1", "transfer": "t", "status": "pondering"}, None),
    (202, {"key": "k1"}, None),
    (302, {}, None),
    (404, {"detail": "no such page"}, None),
    (404, {"type": "x/no-such-call", "title": "t", "status": 404, "detail": "d"}, None),
    (422, {"type": "x/malformed", "title": "t", "status": 422, "detail": "d"}, None),
    (500, {"type": "x/internal", "title": "t", "status": 500, "detail": "d"}, None),
    (503, None, b""),
]


@pytest.mark.parametrize(("status", "body", "content"), STRANGE)
async def test_an_answer_that_is_not_the_rails_is_unknown(status: int, body: Any, content: bytes | None) -> None:
    async with answering(status, body, content) as rail:
        sent, found = await rail.transfer(order()), await rail.find("k1")
        assert isinstance(sent, Unknown)
        assert isinstance(found, Unknown)
        assert "/transfers" in sent.why
        assert "/transfers/k1" in found.why
        with pytest.raises(RailUnavailable, match="/accounts/escrow/statement"):
            await rail.statement("escrow", 0)


async def test_a_rail_that_is_down_is_unknown_and_unavailable() -> None:
    async with HttpRail("http://127.0.0.1:1", connect_s=1) as rail:
        assert isinstance(await rail.transfer(order()), Unknown)
        assert isinstance(await rail.find("k1"), Unknown)
        with pytest.raises(RailUnavailable, match="ConnectError"):
            await rail.statement("escrow", 0)


async def test_memory_out_of_reach_is_unknown_and_unavailable() -> None:
    async with a_bench("memory") as bench:
        assert isinstance(bench, MemoryBench)
        bench.memory.reachable = False
        assert isinstance(await bench.rail.transfer(order()), Unknown)
        assert isinstance(await bench.rail.find("k1"), Unknown)
        with pytest.raises(RailUnavailable):
            await bench.rail.statement("escrow", 0)
        bench.memory.reachable = True
        assert await bench.rail.find("k1") == NotThere(key="k1")


async def test_a_rail_that_answers_drop_by_drop_is_given_up_in_time() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Each byte comes well within a read's own time-out; the answer as a whole never does.
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 100000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with HttpRail(f"http://127.0.0.1:{port}", answer_s=0.3) as rail, asyncio.timeout(5):
        unknown = await rail.transfer(order())
        assert isinstance(unknown, Unknown)
        assert "0.3 s" in unknown.why
    server.close()


def a_line(number: int, **other: Any) -> dict[str, Any]:
    said = {
        "line": number,
        "kind": "in",
        "amount_fen": 5,
        "counterparty_account": "b",
        "counterparty_owner": "B",
        "reference": "",
        "transfer": "t",
        "key": None,
        "reason": None,
        "booked_at": "2024-05-06T09:00:00+08:00",
    }
    return said | other


async def test_a_statement_with_a_gap_is_unavailable() -> None:
    async with answering(200, {"lines": [a_line(4), a_line(5)], "next": 5}) as rail:
        assert [line.line for line in await rail.statement("escrow", 3)] == [4, 5]
        with pytest.raises(RailUnavailable, match="line 4 came where line 3 was due"):
            await rail.statement("escrow", 2)


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "in", "key": "k1"},
        {"kind": "out-settled"},
        {"kind": "out-returned", "key": "k1"},
        {"kind": "out-settled", "key": "k1", "reason": "why"},
        {"kind": "sideways"},
        {"amount_fen": 0},
        {"amount_fen": 5.0},
        {"booked_at": "2024-05-06T09:00:00"},
    ],
)
def test_a_line_that_contradicts_itself_is_not_read(other: dict[str, Any]) -> None:
    assert StatementLine.model_validate(a_line(1))
    with pytest.raises(ValidationError):
        StatementLine.model_validate(a_line(1, **other))


@pytest.mark.parametrize(
    "other", [{"key": "a/b"}, {"key": ""}, {"amount_fen": 0}, {"amount_fen": -1}, {"amount_fen": True}]
)
def test_an_order_that_no_rail_takes_cannot_be_written(other: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        order(**other)


# in memory only: time is the test's own


async def test_in_memory_each_transfer_can_be_settled_alone_and_what_is_due_by_its_time() -> None:
    clock = Clock()
    rail = MemoryRail(clock)
    rail.open("a", "A", 100)
    rail.open("b", "B")
    rail.arm(Fault("delay", seconds=3600, reference="slow"))
    for key, reference in (("k1", "slow"), ("k2", "x"), ("k3", "x")):
        await rail.transfer(order(key, 1, from_account="a", to_account="b", reference=reference))
    assert rail.on_its_way() == ("k2", "k3", "k1")
    rail.settle("k3")
    with pytest.raises(KeyError):
        rail.settle("k3")
    assert rail.settle_due() == 1
    assert [line.key for line in await rail.statement("a", 0)] == ["k3", "k2"]
    clock.at += timedelta(hours=1)
    assert rail.settle_due() == 1
    assert (rail.balance_fen("b"), rail.on_its_way_fen("a"), rail.total_fen()) == (3, 0, 100)
    rail.plant("b", 1)
    assert rail.total_fen() == 101
    rail.disarm()
    assert rail.armed() == ()
    with pytest.raises(ValueError, match="another owner"):
        rail.open("a", "B", 100)
