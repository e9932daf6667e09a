"""The client of a desk, over a socket: where the desk closes a connection just then, nothing is lost or done twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.desk_client import MOST_WAITS, Desk, DeskRefused, DeskUnreachable

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class ClosingDesk:
    """Answers so many requests on each connection, and closes it as the next one comes; notes each request."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self.heard: list[str] = []
        self.keys: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for left in range(self.answers, -1, -1):
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except asyncio.IncompleteReadError:
                break
            self.heard.append(head.split(" HTTP")[0])
            fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
            await reader.readexactly(int(fields.get("content-length", "0")))
            self.keys += [fields["idempotency-key"]] if "idempotency-key" in fields else []
            if left:
                writer.write(ANSWER)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def a_desk(closing: ClosingDesk) -> AsyncIterator[Desk]:
    server = await asyncio.start_server(closing.serve, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    async with server, Desk("desk", f"http://127.0.0.1:{port}") as desk:
        yield desk


async def test_what_is_asked_for_on_a_connection_that_is_just_being_closed_is_asked_for_again() -> None:
    closing = ClosingDesk(answers=1)
    async with a_desk(closing) as desk:
        await desk.get("/first")
        await desk.get("/second")
        await desk.post("/third", {}, "the-key")
    assert closing.heard == ["GET /first", "GET /second", "GET /second", "POST /third", "POST /third"]
    assert closing.keys == ["the-key"] * 2


async def test_a_desk_that_answers_nothing_is_unreachable() -> None:
    closing = ClosingDesk(answers=0)
    async with a_desk(closing) as desk:
        with pytest.raises(DeskUnreachable, match="GET /first: RemoteProtocolError"):
            await desk.get("/first")
    assert closing.heard == ["GET /first"] * 2


class AwayFor:
    """A desk that is out of service for so many requests."""

    def __init__(self, requests: int, **headers: str) -> None:
        self.left = requests
        self.headers = headers
        self.keys: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers["Idempotency-Key"])
        self.left -= 1
        if self.left < 0:
            return httpx.Response(200, json={"status": "done"})
        return httpx.Response(503, json={"title": "out of service", "detail": "later"}, headers=self.headers)

    def desk(self) -> Desk:
        return Desk("desk", "http://desk", transport=httpx.MockTransport(self.answer))


async def test_what_a_desk_wants_later_is_handed_in_again_under_the_same_key() -> None:
    away = AwayFor(2, **{"Retry-After": "0"})
    async with away.desk() as desk:
        assert await desk.post("/x", {}, "the-key") == {"status": "done"}
    assert away.keys == ["the-key"] * 3


@pytest.mark.parametrize(("headers", "requests"), [({"Retry-After": "0"}, MOST_WAITS), ({}, 1)], ids=["late", "never"])
async def test_a_desk_that_stays_out_of_service_has_refused(headers: dict[str, str], requests: int) -> None:
    away = AwayFor(100, **headers)
    async with away.desk() as desk:
        with pytest.raises(DeskRefused, match="out of service: later") as refused:
            await desk.post("/x", {}, "the-key")
    assert refused.value.status == 503 and away.keys == ["the-key"] * requests
