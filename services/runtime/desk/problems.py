"""Every error of a desk as RFC 9457 problem details: what is wrong, where, under which clause. Never what
was typed."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from services.runtime import logs
from services.runtime.core.file import Refusal
from services.runtime.log import LogUnavailable
from services.runtime.store import StoreUnavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2


class FieldError(BaseModel):
    """One field that is wrong. The message names the rule, not the value."""

    field: Annotated[str, Field(examples=["buyers.0.person.id_number"])]
    message: Annotated[str, Field(examples=["Field required"])]


class ProblemDetails(BaseModel):
    """RFC 9457. `clause` is the article that a refusal rests on."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:daiya:problem:too-late",
                "title": "too late",
                "status": 409,
                "detail": "the transfer is registered; nobody undoes an entry",
                "instance": "/commands/0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11",
                "clause": "X-3",
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    clause: str | None = None
    errors: tuple[FieldError, ...] | None = None


class Problem(Exception):
    """Answer with problem details. `instance` is the request's path unless it is given."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        clause: str | None = None,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        instance: str | None = None,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.clause = clause
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.instance = instance

    @classmethod
    def refused(cls, refusal: Refusal, instance: str) -> "Problem":
        """A command's refusal, with its clause."""
        return cls(refusal.status, refusal.title, refusal.detail, clause=refusal.clause, instance=instance)

    @classmethod
    def invalid(cls, errors: Sequence[tuple[str, str]]) -> "Problem":
        """Fields that are wrong: (field, message) of each."""
        detail = "1 field is wrong" if len(errors) == 1 else f"{len(errors)} fields are wrong"
        return cls(422, "invalid fields", detail, errors=errors)

    @classmethod
    def later(cls, title: str, detail: str) -> "Problem":
        """Something behind the desk does not answer now; the same request may be made again."""
        return cls(503, title, detail, headers={"Retry-After": str(RETRY_AFTER_S)})

    def response(self, request: Request) -> JSONResponse:
        """The answer to this request."""
        content: dict[str, Any] = {
            "type": problem_type(self.title),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": self.instance or request.url.path,
        }
        if self.clause is not None:
            content["clause"] = self.clause
        if self.errors:
            content["errors"] = [{"field": field, "message": message} for field, message in self.errors]
        return JSONResponse(content, self.status, self.headers, MEDIA_TYPE)


def problem_type(title: str) -> str:
    """`Too late` → `urn:daiya:problem:too-late`."""
    return "urn:daiya:problem:" + (re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "problem")


def field_errors(error: ValidationError | RequestValidationError) -> list[tuple[str, str]]:
    """Where values are wrong, and why. The values stay out, for they may be personal."""
    found = (
        error.errors(include_input=False, include_url=False) if isinstance(error, ValidationError) else error.errors()
    )
    return [(".".join(str(part) for part in e["loc"]) or "body", str(e["msg"])) for e in found]


def install(app: FastAPI) -> None:
    """Let every error of this application be answered with problem details."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreUnavailable, _outage)
    app.add_exception_handler(LogUnavailable, _outage)
    app.add_exception_handler(Exception, _fault)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return error.response(request)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return Problem.invalid(field_errors(error)).response(request)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    titles = {404: "not found", 405: "method not allowed"}
    details = {404: "there is nothing under this path", 405: f"this path takes no {request.method}"}
    title = titles.get(error.status_code, "request refused")
    detail = details.get(error.status_code, str(error.detail))
    return Problem(error.status_code, title, detail, headers=error.headers).response(request)


async def _outage(request: Request, error: Exception) -> JSONResponse:
    what = "the database" if isinstance(error, StoreUnavailable) else "the log"
    logs.log().warning("outage at the desk", path=request.url.path, error=str(error))
    detail = f"{what} does not answer now; make the same request again, with the same Idempotency-Key"
    return Problem.later("out of service", detail).response(request)


async def _fault(request: Request, error: Exception) -> JSONResponse:
    logs.log().error("a fault at the desk", path=request.url.path, kind=type(error).__name__)
    return Problem(500, "fault", "this should not have happened; it is in the logs").response(request)
