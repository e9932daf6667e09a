"""Who stands at the desk: a clerk, known by a bearer token."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.runtime.desk.problems import Problem
from services.runtime.institution import Institution

_bearer = HTTPBearer(auto_error=False, description="A clerk's token; `make up` writes them to `tokens.json`.")


class Clerks:
    """The clerks by their tokens. Only the tokens' hashes are kept."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._clerks = [(_hashed(token), clerk) for token, clerk in tokens.items()]

    def of(self, token: str) -> str | None:
        """The clerk of this token. All tokens are compared, each in constant time: how long it takes says
        nothing."""
        given, found = _hashed(token), None
        for known, clerk in self._clerks:
            if hmac.compare_digest(known, given):
                found = clerk
        return found


async def _clerk(request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> str:
    clerks: Clerks = request.app.state.clerks
    found = clerks.of(bearer.credentials) if bearer is not None else None
    if found is None:
        detail = "this needs `Authorization: Bearer` with the token of a clerk of this institution"
        raise Problem(401, "not a clerk", detail, headers={"WWW-Authenticate": "Bearer"})
    return found


async def _institution(request: Request) -> Institution:
    found: Institution | None = getattr(request.app.state, "institution", None)
    if found is None:
        raise Problem.later("starting", "this institution's service is starting")
    return found


Clerk = Annotated[str, Depends(_clerk)]
"""The clerk's name; without a valid token the request is answered with 401."""

Here = Annotated[Institution, Depends(_institution)]
"""The institution whose desk this is."""


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
