"""The desk of an institution: what its people and systems may do, over HTTP.

Reading shows what the database has; every change is a command into the institution's own inbox.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Annotated

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from contracts.event import Role
from services.runtime.core.facts import IncidentClosed, PaymentOrderedAgain, SubjectResumed
from services.runtime.desk import dead, documents, journal, openapi, pages, problems
from services.runtime.desk.access import Clerks, Here
from services.runtime.desk.actions import Action, of_incident, of_payment, of_subject
from services.runtime.desk.commands import Desk, read_outcome
from services.runtime.desk.outcome import Outcome
from services.runtime.desk.problems import Problem

Ready = Callable[[], Awaitable[str]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

EVERYWHERE = (
    Action(
        command=IncidentClosed,
        path="/incidents/{incident}/close",
        summary="Close an incident, saying how it was dealt with",
        clause="architecture, decision 5",
        example={"note": "The payer was called; the money goes back today."},
        where=of_incident,
    ),
    Action(
        command=SubjectResumed,
        path="/subjects/{subject:path}/resume",
        summary="Let a stopped subject go on",
        clause="architecture, decision 7",
        example={"note": "Release 0.1.1 mends the rule that failed."},
        where=of_subject,
    ),
    Action(
        command=PaymentOrderedAgain,
        path="/payments/{payment}/again",
        summary="Order a payment again that the rail refused or returned",
        clause="X-1",
        example={"to_account": "6222021602000000017"},
        where=of_payment,
        answers="order-payment-again",
    ),
    *dead.ACTIONS,
)


class Health(BaseModel):
    """The process answers."""

    status: Annotated[str, Field(examples=["alive"])]


def make_app(
    role: Role,
    name: str,
    router: APIRouter,
    tokens: Mapping[str, str],
    ready: Ready,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """The desk as an ASGI application. `router` has what only this institution does; `tokens` are bearer
    token → clerk; `ready` says why the service is not ready, or nothing. `app.state.institution` must be
    set before the first call that needs it, mostly by `lifespan`."""
    app = FastAPI(
        title=f"Daiya: the desk of {name} ({role.value})",
        description=openapi.DESCRIPTION,
        version="0.1.0",
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
    )
    everywhere = Desk(*EVERYWHERE)
    app.state.clerks = Clerks(tokens)
    app.state.actions = (*(router.actions if isinstance(router, Desk) else ()), *everywhere.actions)
    everywhere.add_api_route(
        "/commands/{command}",
        read_outcome,
        methods=["GET"],
        name="get-command",
        summary="What became of a command",
        tags=["commands"],
        response_model=Outcome,
    )
    for part in (
        router,
        everywhere,
        pages.router,
        journal.router,
        dead.router,
        documents.router,
        _operations(ready),
    ):
        app.include_router(part)
    problems.install(app)
    openapi.install(app, app.state.actions)
    return app


def _operations(ready: Ready) -> APIRouter:
    """What operations look at; open, for it holds nothing of any case."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", summary="Whether the process lives")
    async def healthz() -> Health:
        """200 as long as the process answers."""
        return Health(status="alive")

    @router.get("/readyz", summary="Whether the service can work")
    async def readyz() -> Health:
        """200 when partitions are held, every one of them is caught up, and the database answers; else 503 with the
        reason."""
        why = await ready()
        if why:
            raise Problem.later("not ready", why)
        return Health(status="ready")

    @router.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics(_: Request, institution: Here) -> Response:
        """Lag, batch sizes, handling time, dead letters, open rows."""
        return Response(institution.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router
