"""The desk's OpenAPI document: each command with the schema of its body, an example, and every answer it
can get."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaValue, models_json_schema

from services.runtime.desk.actions import Action
from services.runtime.desk.commands import Pending
from services.runtime.desk.outcome import Outcome
from services.runtime.desk.problems import MEDIA_TYPE, ProblemDetails

REF = "#/components/schemas/{model}"

DESCRIPTION = """\
What people and systems of this institution do in the sale of a mortgaged home (带押过户).

**Commands** are handed in by POST, each with an `Idempotency-Key`, and answered at once with 202 and the link
to the outcome; with `Prefer: wait=5` the outcome itself comes back: done, or a refusal as problem details
(RFC 9457) with the clause it rests on. The same key with the same body has the same outcome; with another
body it is refused.

**Reading** shows the institution's own file of a case and what waits for a person. Everything needs a clerk's
bearer token but the public check of a document and what operations look at. Money is in fen (1/100 yuan);
times name their zone.
"""

PATH_PARAMETERS = {
    "case": ("the case's number", "LCF-0B1F3A526A4E"),
    "unit_number": ("the unit number that names the folio (不动产单元号)", "371502001001GB00012F00030045"),
    "account": ("the account on which the money came", "ESCROW-LC-01"),
    "incident": ("the incident's id", "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11"),
    "dead_letter": ("the dead letter's number", "17"),
    "payment": ("the payment's id", "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11"),
    "subject": ("the subject's key, mostly a unit number", "371502001001GB00012F00030045"),
    "command": ("the command's id", "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11"),
    "number": ("the document's number", "(2026)聊城证提字第0000012号"),
    "procedure": ("the procedure's name", "LC-LOAN"),
}

READING_PROBLEMS = {"401": "no clerk's token", "404": "unknown here", "422": "a parameter is wrong"}
COMMAND_PROBLEMS = {
    "400": "no Idempotency-Key, or no JSON object",
    "401": "no clerk's token",
    "404": "what the path names is not known here",
    "409": "refused, with the clause",
    "413": "more than 64 KiB",
    "415": "not application/json",
    "422": "wrong fields, or an Idempotency-Key used for another request",
    "503": "something does not answer now, or the subject is stopped",
}


def install(app: FastAPI, actions: Sequence[Action]) -> None:
    """Let this application's document show its commands. It is made when it is first asked for."""
    made_by_fastapi: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None or "x-daiya" not in app.openapi_schema["info"]:
            document = made_by_fastapi()
            _complete(document, actions)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # FastAPI's own way to change the document


def body_schema(action: Action, schema: JsonSchemaValue) -> JsonSchemaValue:
    """A body's schema from its command's: the clerk is left out and what the desk looks up, and what the
    desk knows is not required."""
    left_out = ("by_clerk", *action.looked_up)
    properties = {name: one for name, one in schema["properties"].items() if name not in left_out}
    required = [n for n in schema.get("required", []) if n in properties and n not in action.optional]
    rest = {name: one for name, one in schema.items() if name not in ("properties", "required", "description")}
    return {**rest, "properties": properties, **({"required": required} if required else {})}


def _complete(document: dict[str, Any], actions: Sequence[Action]) -> None:
    document["info"]["x-daiya"] = "complete"
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    answers: tuple[type[BaseModel], ...] = (ProblemDetails, Outcome, Pending)
    commands = {action.command: action for action in actions}
    wanted: list[type[BaseModel]] = [*answers, *commands]
    refs, definitions = models_json_schema([(model, "validation") for model in wanted], ref_template=REF)
    made: dict[str, Any] = definitions.get("$defs", {})
    bodies = {command: made.pop(refs[command, "validation"]["$ref"].rsplit("/", 1)[1]) for command in commands}
    for name, schema in made.items():
        schemas.setdefault(name, schema)
    for path, calls in document["paths"].items():
        for call in calls.values():
            _describe_path(path, call)
            problems = (
                READING_PROBLEMS if "security" in call else {"404": "unknown here", "422": "a parameter is wrong"}
            )
            _describe_problems(call, problems)
    for action in actions:
        call = document["paths"][re.sub(r":path}", "}", action.path)]["post"]
        schema = body_schema(action, bodies[action.command])
        content = {"application/json": {"schema": schema, "example": dict(action.example)}}
        call["requestBody"] = {"required": "required" in schema, "content": content}
        _describe_answers(call)
    for path in ("/healthz", "/readyz", "/metrics"):
        answers_of: dict[str, Any] = document["paths"][path]["get"]["responses"]
        for status in ("404", "422"):
            answers_of.pop(status)
    _describe_problems(document["paths"]["/readyz"]["get"], {"503": "not ready, and why"})
    _describe_answers(document["paths"]["/commands/{command}"]["get"])
    _drop_unused(document)


def _drop_unused(document: dict[str, Any]) -> None:
    """Take out the models to which nothing leads any more: those of what no body has."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    while unused := schemas.keys() - set(re.findall(r"#/components/schemas/([^\"]+)", json.dumps(document))):
        for name in unused:
            del schemas[name]


def _describe_path(path: str, call: dict[str, Any]) -> None:
    there = {p["name"]: p for p in call.get("parameters", []) if p["in"] == "path"}
    for name in re.findall(r"{(\w+)}", path):
        what, example = PATH_PARAMETERS[name]
        parameter: dict[str, Any] = {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
        }
        if name in there:
            parameter = there[name]
        else:
            call.setdefault("parameters", []).insert(0, parameter)
        parameter |= {"description": what, "example": example}
    for parameter in call.get("parameters", []):
        if parameter["name"] == "idempotency-key":
            parameter["required"] = True  # a missing one is answered with 400, which FastAPI's own check could not do


def _describe_problems(call: dict[str, Any], problems: dict[str, str]) -> None:
    for status, why in problems.items():
        schema = {"$ref": REF.format(model="ProblemDetails")}
        call["responses"][status] = {"description": why, "content": {MEDIA_TYPE: {"schema": schema}}}


def _describe_answers(call: dict[str, Any]) -> None:
    link = {"description": "where the outcome is", "schema": {"type": "string"}}
    of_wait = {"description": "the seconds that were granted", "schema": {"type": "string"}}
    for status, model, headers in (
        ("200", "Outcome", {"Preference-Applied": of_wait}),
        ("202", "Pending", {"Location": link}),
    ):
        content = {"application/json": {"schema": {"$ref": REF.format(model=model)}}}
        description = "done: what was said in answer" if status == "200" else "on its way"
        call["responses"][status] = {"description": description, "headers": headers, "content": content}
    _describe_problems(call, COMMAND_PROBLEMS)
