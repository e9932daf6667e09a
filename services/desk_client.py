"""A desk as its clerk's program sees it: HTTP with a bearer token, and problems with their clauses."""

import asyncio
import uuid
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

import httpx

WAIT_S = 5
"""For how long a desk may hold a call until the outcome is there (`Prefer: wait`, RFC 7240)."""
MOST_WAITS = 6
OUT_OF_SERVICE = 503
LONGEST_REST_S = 10
_KEYS = uuid.UUID("b3a0f2d4-8a57-5b0e-9d3c-1f0e7c2a6d95")


class DeskUnreachable(Exception):
    """The desk does not answer, or does not answer as a desk; one line that names it."""


class DeskRefused(Exception):
    """The desk said no (RFC 9457): `status`, `title`, `detail`, `clause` as in the problem; `clause` may be empty."""

    def __init__(self, what: str, status: int, title: str, detail: str, clause: str) -> None:
        under = f" ({clause})" if clause else ""
        super().__init__(f"{what}: {title}: {detail}{under}")
        self.status = status
        self.title = title
        self.detail = detail
        self.clause = clause


def key_for(*parts: str) -> str:
    """The idempotency key of one act, the same whenever the same act is tried again."""
    return str(uuid.uuid5(_KEYS, "\n".join(parts)))


class Desk:
    """One institution's desk. Use as an async context manager, or call `aclose`.

    `token` may be empty for calls that need none. The environment's proxies are not used: everything here is the
    institution's own.
    """

    def __init__(self, name: str, url: str, token: str = "", transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.name = name
        self.url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Timeout(10, read=WAIT_S + 10)
        self._client = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=limits, transport=transport, trust_env=False
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

    async def get(self, path: str, **params: str) -> Any:
        """What the desk has at `path`. Raises DeskRefused, DeskUnreachable."""
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, body: dict[str, Any], key: str) -> Any:
        """Do something, and wait for the outcome: the same `key` never does it twice. Where the desk asks for the same
        request later, for what is behind it is away, it is made again then.

        Raises DeskRefused, and DeskUnreachable also where the outcome is not there after so many requests.
        """
        headers = {"Idempotency-Key": key, "Prefer": f"wait={WAIT_S}"}
        for left in reversed(range(MOST_WAITS)):
            answer = await self._send("POST", path, json=body, headers=headers)
            if left and answer.status_code == OUT_OF_SERVICE and (later_s := _retry_after_s(answer)) is not None:
                await asyncio.sleep(later_s)
            elif answer.status_code != 202:
                return _read(self.name, answer)
        raise DeskUnreachable(f"{self.name}: POST {path}: no outcome after {MOST_WAITS * WAIT_S} s")

    async def _ask(self, method: str, path: str, **kwargs: Any) -> Any:
        return _read(self.name, await self._send(method, path, **kwargs))

    async def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            try:
                return await self._client.request(method, path, **kwargs)
            except httpx.RemoteProtocolError:
                # Mostly the desk was just closing a connection on which nothing had come for a while. Nothing is done
                # twice by asking twice: what does something has a key.
                return await self._client.request(method, path, **kwargs)
        except httpx.HTTPError as error:
            why = f"{type(error).__name__} {error}".rstrip()
            raise DeskUnreachable(f"{self.name} at {self.url}: {method} {path}: {why}") from error


def in_path(text: str) -> str:
    """Text as one segment of a path: document numbers have brackets and Chinese characters."""
    return quote(text, safe="")


def _retry_after_s(answer: httpx.Response) -> int | None:
    """After how many seconds the same request is wanted; None where it is not."""
    said = answer.headers.get("Retry-After", "")
    return min(int(said), LONGEST_REST_S) if said.isdecimal() else None


def _read(name: str, answer: httpx.Response) -> Any:
    what = f"{name}: {answer.request.method} {answer.request.url.path}"
    try:
        found: Any = answer.json()
    except ValueError:
        found = None
    if answer.is_success and found is not None:
        return found
    if isinstance(found, dict):
        problem = cast(dict[str, Any], found)
        title, detail, clause = (str(problem.get(name) or "") for name in ("title", "detail", "clause"))
        fields: list[dict[str, Any]] = problem.get("errors") or []
        wrong = "; ".join(f"{one.get('field')}: {one.get('message')}" for one in fields)
        raise DeskRefused(what, answer.status_code, title, f"{detail}: {wrong}" if wrong else detail, clause)
    raise DeskUnreachable(f"{what}: answered {answer.status_code}, not as a desk does")
