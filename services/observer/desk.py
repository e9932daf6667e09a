"""The observer's desk: reading alone. Nothing personal is behind it, and it needs a token all the same: what the feeds
say of homes and prices is for those who are entitled."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic.json_schema import models_json_schema

from services.observer.feeds import Observer, news
from services.observer.pages import CaseLine, CasePage, News, Status
from services.runtime.desk import problems
from services.runtime.desk.access import Clerk, Clerks
from services.runtime.desk.app import Health, Lifespan, Ready
from services.runtime.desk.problems import MEDIA_TYPE, Problem, ProblemDetails

KEEP_ALIVE_S = 15.0
REF = "#/components/schemas/{model}"

DESCRIPTION = """\
What institutions' public words about the sale of mortgaged homes (带押过户) add up to: how each case stands, who holds
it up under which clause since when, its money and documents, and what broke the order of its procedure.

The observer reads the public feeds that it is entitled to, and nothing else; it says nothing to anybody. What is
personal is masked before it comes here. Money is in fen (1/100 yuan); times name their zone.
"""

Case = Annotated[str, Query(max_length=40, examples=["LCF-0B1F3A526A4E"])]


async def _observer(request: Request) -> Observer:
    found: Observer | None = getattr(request.app.state, "observer", None)
    if found is None:
        raise Problem.later("starting", "the observer is starting")
    return found


Here = Annotated[Observer, Depends(_observer)]
"""The observer whose desk this is."""


def _problems(**why: str) -> dict[int | str, dict[str, Any]]:
    """The problems of a call, by status (`_404`), for its document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="ProblemDetails")}}}
    return {status[1:]: {"description": text, "content": content} for status, text in why.items()}


GUARDED = {"_401": "no clerk's token", "_503": "something does not answer now"}

router = APIRouter(tags=["reading"])


@router.get(
    "/cases",
    summary="Cases, newest first",
    responses=_problems(**GUARDED, _404="nothing is known of `before`", _422="a parameter is wrong"),
)
async def list_cases(
    _: Clerk,
    observer: Here,
    status: Annotated[Status | None, Query(description="only cases that stand so")] = None,
    institution: Annotated[
        str | None, Query(description="only cases in which it has a part", examples=["liaocheng-icbc"])
    ] = None,
    overdue: Annotated[
        bool | None, Query(description="only cases in which a word is waited for past its last day, or none is")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="at most so many")] = 100,
    before: Annotated[Case, Query(description="the next page: the number of the last case of the one before")] = "",
) -> list[CaseLine]:
    """Each case whose opening has been read: how it stands, who is waited for, whether something is overdue, how many
    words broke the order."""
    last = await observer.case_row(before) if before else None
    if before and last is None:
        raise _unknown(before)
    found: list[CaseLine] = []
    async for line in observer.lines(status, institution, overdue, last):
        found.append(line)
        if len(found) == limit:
            break
    return found


@router.get(
    "/cases/{case}",
    summary="One case: timeline, who is waited for, money, documents, violations",
    responses=_problems(**GUARDED, _404="its opening has not been read", _422="a parameter is wrong"),
)
async def read_case(case: str, _: Clerk, observer: Here) -> CasePage:
    """What the public words about a case add up to now."""
    page = await observer.page(case)
    if page is None:
        raise _unknown(case)
    return page


@router.get(
    "/events",
    summary="Words as they come: Server-Sent Events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "each word as an event `word`: its id, and as data one JSON object as in `News`",
            "content": {
                "text/event-stream": {"schema": {"type": "string"}, "example": "event: word\nid: 0b1f3a52-…\n"}
            },
        },
        **_problems(**GUARDED, _404="the opening of `case` has not been read", _422="a parameter is wrong"),
    },
)
async def stream_events(
    request: Request,
    _: Clerk,
    observer: Here,
    case: Annotated[Case | None, Query(description="only this case, and first what was said in it before")] = None,
) -> StreamingResponse:
    """The words that this process reads from now on. Whoever connects again asks for the case once more, or reads the
    list: a stream remembers nothing. It ends where a reader is too slow for it."""
    if case is not None and await observer.page(case) is None:
        raise _unknown(case)
    return StreamingResponse(
        _stream(observer, case), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _stream(observer: Observer, case: str | None) -> AsyncIterator[str]:
    with observer.listening() as heard:
        told: set[str] = set()
        if case is not None:
            for word in await observer.words(case):
                told.add(word.id)
                yield _event(news(word))
        yield ": what follows is new\n\n"
        while True:
            word = await heard.next(KEEP_ALIVE_S)
            if word is None and heard.over:
                return
            if word is None:
                yield ": still here\n\n"
            elif case in (None, word.case) and word.id not in told:
                yield _event(news(word))


def _event(one: News) -> str:
    return f"event: word\nid: {one.id}\ndata: {one.model_dump_json()}\n\n"


def _unknown(case: str) -> Problem:
    return Problem(404, "unknown case", f"no opening of case {case[:40]} has been read here")


def _operations(ready: Ready) -> APIRouter:
    """What operations look at; open, for it holds nothing of any case."""
    operations = APIRouter(tags=["operations"])

    @operations.get("/healthz", summary="Whether the process lives")
    async def healthz() -> Health:
        """200 as long as the process answers."""
        return Health(status="alive")

    @operations.get(
        "/readyz",
        summary="Whether everything that stood in the feeds is read",
        responses=_problems(_503="not ready, and why"),
    )
    async def readyz() -> Health:
        """200 when every feed is held and caught up and the database answers; else 503 with the reason."""
        why = await ready()
        if why:
            raise Problem.later("not ready", why)
        return Health(status="ready")

    @operations.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics(observer: Here) -> Response:
        """Records read and refused by feed, lag, open cases."""
        return Response(observer.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return operations


def make_app(name: str, tokens: Mapping[str, str], ready: Ready, lifespan: Lifespan | None = None) -> FastAPI:
    """The observer's desk as an ASGI application. `tokens` are bearer token → reader; `ready` says why it is not
    ready, or nothing. `app.state.observer` must be set before the first call, mostly by `lifespan`."""
    app = FastAPI(
        title=f"Daiya: the desk of {name} (observer)",
        description=DESCRIPTION,
        version="0.1.0",
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
    )
    app.state.clerks = Clerks(tokens)
    for part in (router, _operations(ready)):
        app.include_router(part)
    problems.install(app)
    _complete(app)
    return app


def _complete(app: FastAPI) -> None:
    """Put into the document what no call returns as a model: problems, and the words of the stream."""
    made_by_fastapi: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        document = made_by_fastapi()
        schemas: dict[str, Any] = document["components"]["schemas"]
        _, definitions = models_json_schema(
            [(ProblemDetails, "serialization"), (News, "serialization")], ref_template=REF
        )
        for model, schema in definitions["$defs"].items():
            schemas.setdefault(model, schema)
        stream = document["paths"]["/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]
        stream["x-daiya-data"] = {"$ref": REF.format(model="News")}
        for parameter in document["paths"]["/cases/{case}"]["get"]["parameters"]:
            parameter |= {"description": "the case's number", "example": "LCF-0B1F3A526A4E"}
        return document

    app.openapi = openapi  # FastAPI's own way to change the document
