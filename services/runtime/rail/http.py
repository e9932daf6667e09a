"""The payment rail over HTTP."""

import asyncio
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from services.runtime.rail import (
    LONGEST_WAIT_S,
    MOST_LINES,
    Accepted,
    KeyReused,
    NotThere,
    RailUnavailable,
    Refused,
    StatementLine,
    Transfer,
    Unknown,
    without_gap,
)


class _Page(BaseModel):
    lines: tuple[StatementLine, ...]


class _Problem(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    transfer_status: str | None = None


class _Booked(BaseModel):
    key: str
    transfer: str
    status: str
    refusal: _Problem | None = None


class HttpRail:
    """A `Rail` at this address. Use as an async context manager, or call `aclose`.

    `connect_s` bounds making a connection, `answer_s` a whole exchange, in seconds (a waiting statement gets
    its wait on top).
    `transport` is httpx's, for tests. The environment's proxies are not used: money does not go through them.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connect_s: float = 2.0,
        answer_s: float = 5.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._answer_s = answer_s
        self._client = httpx.AsyncClient(
            base_url=base_url,
            transport=transport,
            # httpx counts each read anew, so `_ask` bounds the whole exchange; these end a connection that
            # hangs.
            timeout=httpx.Timeout(connect=connect_s, read=answer_s + LONGEST_WAIT_S, write=answer_s, pool=answer_s),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def transfer(self, order: Transfer) -> Accepted | Refused | Unknown:
        """See `Rail.transfer`."""
        try:
            answer = await self._ask(
                "POST",
                "/transfers",
                headers={"Idempotency-Key": order.key},
                json=order.model_dump(exclude={"key"}),
            )
        except RailUnavailable as error:
            return Unknown(key=order.key, why=str(error))
        if answer.status_code == 202:
            return _booked(order.key, answer)
        problem = _problem(answer)
        if problem is not None and problem.type.endswith("/key-reused"):
            raise KeyReused(problem.detail)
        # Only a refusal that the rail has booked is a no for ever; anything else may yet turn out booked.
        if problem is not None and problem.transfer_status == "refused":
            return _refused(order.key, problem)
        return Unknown(key=order.key, why=_unforeseen(answer))

    async def find(self, key: str) -> Accepted | Refused | NotThere | Unknown:
        """See `Rail.find`."""
        try:
            answer = await self._ask("GET", f"/transfers/{quote(key, safe='')}")
        except RailUnavailable as error:
            return Unknown(key=key, why=str(error))
        if answer.status_code == 200:
            return _booked(key, answer)
        problem = _problem(answer)
        # A 404 of something else on the way (a proxy, another service) says nothing about the order.
        if problem is not None and problem.status == 404 and problem.type.endswith("/unknown-transfer"):
            return NotThere(key=key)
        return Unknown(key=key, why=_unforeseen(answer))

    async def statement(self, account: str, after: int, wait_s: float = 0) -> tuple[StatementLine, ...]:
        """See `Rail.statement`."""
        wait_s = min(max(wait_s, 0.0), LONGEST_WAIT_S)
        answer = await self._ask(
            "GET",
            f"/accounts/{quote(account, safe='')}/statement",
            wait_s,
            params={"after": after, "limit": MOST_LINES, "wait": wait_s},
        )
        if answer.status_code != 200:
            raise RailUnavailable(_unforeseen(answer))
        try:
            page = _Page.model_validate_json(answer.content)
        except ValidationError as error:
            raise RailUnavailable(f"{_asked(answer)}: unreadable statement ({_first(error)})") from error
        return without_gap(account, after, page.lines)

    async def _ask(self, method: str, path: str, wait_s: float = 0, **kwargs: Any) -> httpx.Response:
        bound_s = self._answer_s + wait_s
        try:
            async with asyncio.timeout(bound_s):
                return await self._client.request(method, path, **kwargs)
        except TimeoutError as error:
            raise RailUnavailable(f"{method} {path}: no answer in {bound_s:g} s") from error
        except httpx.HTTPError as error:
            raise RailUnavailable(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from error


def _booked(key: str, answer: httpx.Response) -> Accepted | Refused | Unknown:
    try:
        booked = _Booked.model_validate_json(answer.content)
    except ValidationError as error:
        return Unknown(key=key, why=f"{_asked(answer)}: unreadable answer ({_first(error)})")
    if booked.key != key:
        return Unknown(key=key, why=f"{_asked(answer)}: the answer is about key {booked.key}")
    if booked.status in ("accepted", "settled", "returned"):
        return Accepted(key=key, transfer=booked.transfer)
    if booked.status == "refused" and booked.refusal is not None:
        return _refused(key, booked.refusal)
    return Unknown(key=key, why=f"{_asked(answer)}: status {booked.status} is not one that this client knows")


def _refused(key: str, problem: _Problem) -> Refused:
    return Refused(key=key, type=problem.type, title=problem.title, status=problem.status, detail=problem.detail)


def _problem(answer: httpx.Response) -> _Problem | None:
    try:
        return _Problem.model_validate_json(answer.content)
    except ValidationError:
        return None


def _asked(answer: httpx.Response) -> str:
    return f"{answer.request.method} {answer.request.url.path}"


def _unforeseen(answer: httpx.Response) -> str:
    problem = _problem(answer)
    return f"{_asked(answer)}: answered {answer.status_code}" + ("" if problem is None else f", {problem.detail}")


def _first(error: ValidationError) -> str:
    one = error.errors()[0]
    return f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}"
