"""The rail sandbox: stands for the interbank payment rail, its books an independent witness of every yuan.

Start: `python -m deploy.sandbox.rail` with DAIYA_RAIL_PORT and DAIYA_RAIL_BOOKS (a file), and as wished
DAIYA_HOST (127.0.0.1) and DAIYA_RAIL_DELAY_S (seconds from accepted to settled, 0.05). Money is integer fen,
times are RFC 3339 with their zone, whatever is refused is an `application/problem+json` that says what, where
and why.
"""

import asyncio
import logging
import re
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path as FilePath
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from deploy.sandbox.books import Books, utc_now
from deploy.sandbox.rail_faults import Delay, Fault, Faults, Fee, Plant, Refuse, Return, Timeout, TimeoutAfter
from deploy.sandbox.rail_file import BooksUnreadable
from deploy.sandbox.rail_orders import MAX_FEN, Answer, Order, Problem

LONGEST_WAIT_S = 10
DELAY_S = 0.05
_INT64 = 2**63 - 1
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,199}")
_LOG = logging.getLogger("daiya.rail")

Account = Annotated[str, Path(pattern=r"^\w[\w.:-]{0,63}$", description="letters, digits and . : - _, at most 64")]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Opening(_Body):
    """Whose account it is and what the world brings into it."""

    owner: Annotated[str, Field(min_length=1, max_length=140)]
    opening_fen: Annotated[int, Field(ge=0, le=MAX_FEN)]


class OrderBody(_Body):
    """An order.

    The books judge the amount, and remember a refusal; here it only has to be a number they can hold.
    """

    from_account: Annotated[str, Field(min_length=1, max_length=64)]
    to_account: Annotated[str, Field(min_length=1, max_length=64)]
    amount_fen: Annotated[int, Field(ge=-_INT64, le=_INT64)]
    reference: Annotated[str, Field(max_length=140)]


class Settling(_Body):
    """What is on its way with this in its reference is settled at once, however long it was to take."""

    reference: Annotated[str, Field(min_length=1, max_length=140)]


class HangUp(Response):
    """No answer: holds the connection for some seconds, or until the caller leaves, then breaks it off."""

    def __init__(self, hold_s: float) -> None:
        super().__init__(status_code=504)
        self._hold_s = hold_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._hold_s):
                while (await receive())["type"] != "http.disconnect":
                    pass
        # A body announced and never sent: the server can only close the connection in the middle of the
        # answer.
        await send({"type": "http.response.start", "status": 504, "headers": [(b"content-length", b"1")]})


class Rail:
    """The books with what moves them: orders with armed faults, and settlement after a delay."""

    def __init__(self, books: Books, delay_s: float = DELAY_S) -> None:
        self.books = books
        self.faults = Faults()
        self._delay_s = delay_s
        self._ordered = asyncio.Event()
        self._settled = asyncio.Event()

    def take(self, key: str, order: Order) -> Answer | HangUp:
        """Answer an order as the idempotency key, the books and the armed faults have it.

        There is no await in here: orders are taken one after the other, and what is answered is on disk.
        Raises Problem when the key stood for another order.
        """
        if unheard := self.faults.fire(Timeout, order):
            return HangUp(unheard.hold_s)
        answer = self.books.earlier(key, order)
        if answer is None:
            answer = self._book(key, order)
        if unanswered := self.faults.fire(TimeoutAfter, order):
            return HangUp(unanswered.hold_s)
        return answer

    def _book(self, key: str, order: Order) -> Answer:
        problem = self.books.why_not(order)
        if problem is None and (refused := self.faults.fire(Refuse, order)):
            problem = Problem(
                "refused-by-the-payees-bank", "Refused", 409, f"account {order.to_account}: {refused.reason}"
            )
        if problem is not None:
            return self.books.refuse(key, order, problem)
        slow, back = self.faults.fire(Delay, order), self.faults.fire(Return, order)
        kept = self.faults.fire(Fee, order)
        delay_s = self._delay_s if slow is None else slow.seconds
        answer = self.books.accept(
            key, order, delay_s, None if back is None else back.reason, 0 if kept is None else kept.fen
        )
        self._ordered.set()
        return answer

    def settle(self, all_of_them: bool = False, reference: str = "") -> int:
        """Close what is due (or all that is on its way with this in its reference) and wake the readers of
        statements; returns how many were closed.
        """
        closed = 0
        while some := self.books.settle(all_of_them, reference):
            closed += some
        if closed:
            self._settled.set()
            self._settled = asyncio.Event()
        return closed

    async def keep_settling(self) -> None:
        """Settle whatever comes due, until cancelled; starts with what was on its way when the rail went
        down.
        """
        while True:
            self._ordered.clear()
            try:
                self.settle()
                due = self.books.next_due()
            except sqlite3.Error:
                _LOG.exception("settling failed, trying again in a second")
                await asyncio.sleep(1)
                continue
            # At most a second: the wall clock may be set, and a machine may have slept.
            wait_s = 1.0 if due is None else min(1.0, max(0.0, (due - utc_now()).total_seconds()))
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._ordered.wait()

    async def statement(self, account: str, after: int, limit: int, wait_s: float) -> list[dict[str, Any]]:
        """The account's lines after `after`; when there are none, waits for one up to `wait_s` seconds."""
        if after and self.faults.repeats(account):
            return self.books.statement(account, 0, limit)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while True:
                    settled = self._settled
                    if lines := self.books.statement(account, after, limit):
                        return lines
                    await settled.wait()
        return self.books.statement(account, after, limit)


def create_app(books: Books, delay_s: float = DELAY_S, settling: bool = True) -> FastAPI:
    """The rail's HTTP over these books; with `settling` false only `app.state.rail.settle()` closes
    transfers.
    """
    rail = Rail(books, delay_s)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        task = asyncio.create_task(rail.keep_settling()) if settling else None
        yield
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    app = FastAPI(title="Rail sandbox", version="1", lifespan=lifespan)
    app.state.rail = rail
    _say_problems(app)
    _routes_of_accounts(app, rail)
    _routes_of_transfers(app, rail)
    _routes_of_faults(app, rail)
    return app


def _routes_of_accounts(app: FastAPI, rail: Rail) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        rail.books.next_due()  # a book that cannot be read is not healthy
        return {"status": "ok"}

    @app.put("/accounts/{account}")
    async def open_account(account: Account, opening: Opening) -> JSONResponse:
        new = rail.books.open_account(account, opening.owner, opening.opening_fen)
        return JSONResponse(rail.books.account(account), 201 if new else 200)

    @app.get("/accounts/{account}")
    async def account_of(account: str) -> dict[str, Any]:
        return rail.books.account(account)

    @app.get("/accounts/{account}/statement")
    async def statement(
        account: str,
        after: Annotated[int, Query(ge=0, le=_INT64)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 500,
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S)] = 0,
    ) -> dict[str, Any]:
        lines = await rail.statement(account, after, limit, wait)
        return {"lines": lines, "next": lines[-1]["line"] if lines else after}

    @app.get("/books")
    async def whole_books(reference: str | None = None) -> dict[str, Any]:
        return rail.books.whole(reference)


def _routes_of_transfers(app: FastAPI, rail: Rail) -> None:
    @app.post("/transfers", status_code=202)
    async def transfer(body: OrderBody, idempotency_key: Annotated[str | None, Header()] = None) -> Response:
        if idempotency_key is None:
            raise Problem("no-key", "Idempotency-Key missing", 400, "header Idempotency-Key: every transfer needs one")
        if not _KEY.fullmatch(idempotency_key):
            raise Problem(
                "bad-key",
                "Bad Idempotency-Key",
                400,
                "header Idempotency-Key: at most 200 letters, digits and . _ : ~ -, first a letter or digit",
            )
        answer = rail.take(idempotency_key, Order(**body.model_dump()))
        if isinstance(answer, HangUp):
            return answer
        kind = "application/json" if answer.status == 202 else "application/problem+json"
        return JSONResponse(answer.document, answer.status, media_type=kind)

    @app.post("/settlements")
    async def settle(what: Settling) -> dict[str, int]:
        return {"settled": rail.settle(all_of_them=True, reference=what.reference)}

    @app.get("/transfers/{key}")
    async def transfer_of(key: str) -> dict[str, Any]:
        return rail.books.transfer(key)


def _routes_of_faults(app: FastAPI, rail: Rail) -> None:
    @app.post("/faults", status_code=201)
    async def arm(fault: Fault) -> dict[str, Any]:
        if isinstance(fault, Plant):
            rail.books.plant(fault.account, fault.amount_fen)
            return rail.faults.arm(fault, fired=1)
        return rail.faults.arm(fault)

    @app.get("/faults")
    async def armed() -> dict[str, Any]:
        return {"faults": rail.faults.listed()}

    @app.delete("/faults", status_code=204)
    async def clear() -> None:
        rail.faults.clear()


def _say_problems(app: FastAPI) -> None:
    """Make every refusal, the framework's own included, a problem document."""

    def answer(problem: Problem) -> JSONResponse:
        return JSONResponse(problem.document(), problem.status, media_type="application/problem+json")

    @app.exception_handler(Problem)
    async def said_no(_: Request, problem: Problem) -> JSONResponse:
        return answer(problem)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        # Where and why, without what was sent: it may hold names.
        found = (f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())
        return answer(Problem("malformed", "Malformed request", 422, "; ".join(found)))

    @app.exception_handler(HTTPException)
    async def no_route(request: Request, error: HTTPException) -> JSONResponse:
        detail = f"{request.method} {request.url.path}: {error.detail}"
        return answer(Problem("no-such-call", "No such call", error.status_code, detail))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        detail = f"{request.method} {request.url.path}: {type(error).__name__}, see the rail's log"
        return answer(Problem("internal", "The rail failed", 500, detail))


class Settings(BaseSettings):
    """Where the rail listens and keeps its books: DAIYA_HOST, DAIYA_RAIL_PORT, DAIYA_RAIL_BOOKS,
    DAIYA_RAIL_DELAY_S.
    """

    model_config = SettingsConfigDict(env_prefix="DAIYA_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    rail_port: Annotated[int, Field(ge=1, le=65535)]
    rail_books: FilePath
    rail_delay_s: Annotated[float, Field(ge=0, le=86400)] = DELAY_S


def main() -> int:
    """Serve until SIGTERM or SIGINT; 2 when the settings or the books cannot be used."""
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] (the environment gives them)
    except ValidationError as error:
        for one in error.errors():
            print(
                f"rail: DAIYA_{'_'.join(str(part) for part in one['loc']).upper()}: {one['msg']}",
                file=sys.stderr,
            )
        return 2
    try:
        books = Books(settings.rail_books)
    except (BooksUnreadable, OSError) as error:
        print(f"rail: {error}", file=sys.stderr)
        return 2
    try:
        # One second for held connections and long polls: nothing that was answered depends on them.
        uvicorn.run(
            create_app(books, settings.rail_delay_s),
            host=settings.host,
            port=settings.rail_port,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
    finally:
        books.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
