"""The desks' OpenAPI documents: whole, true to the commands, with examples that the desks themselves accept."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest

from contracts.envelope import to_data
from deploy.city import load_city
from services.buyer_bank.service import PART as BUYER_BANK
from services.escrow.service import PART as ESCROW
from services.fund_center.service import PART as FUND_CENTER
from services.registry.service import PART as REGISTRY
from services.runtime.desk.app import EVERYWHERE as COMMON
from services.runtime.desk.app import make_app
from services.runtime.desk.problems import MEDIA_TYPE
from services.runtime.service import Part
from services.seller_bank.service import PART as SELLER_BANK

PARTS = {
    "escrow": ESCROW,
    "registry": REGISTRY,
    "seller_bank": SELLER_BANK,
    "buyer_bank": BUYER_BANK,
    "fund_center": FUND_CENTER,
}
OPEN = {"/documents/{number}", "/healthz", "/readyz", "/metrics"}

LENDER = {
    "/cases/{case}/loan-application",
    "/cases/{case}/loan-decision",
    "/cases/{case}/contracts",
    "/cases/{case}/loan-withdrawal",
    "/cases/{case}/application/mended",
    "/cases/{case}/money/return",
    "/unmatched/{account}/money/return",
}

AGREED = {
    "escrow": {
        "/cases",
        "/cases/{case}/signatures",
        "/cases/{case}/withdrawal",
        "/cases/{case}/application/mended",
        "/cases/{case}/money/return",
        "/unmatched/{account}/money/return",
    },
    "registry": {
        "/folios/{unit_number}/import",
        "/folios/{unit_number}/restrictions",
        "/folios/{unit_number}/restrictions/lift",
        "/folios/{unit_number}/mortgages",
        "/cases/{case}/applications",
        "/cases/{case}/decision",
    },
    "seller_bank": {"/folios/{unit_number}/loans", "/cases/{case}/consent", "/cases/{case}/payoff-statement"},
    "buyer_bank": LENDER,
    "fund_center": LENDER | {"/cases/{case}/examination", "/pool"},
}
EVERYWHERE = {"/incidents/{incident}/close", "/subjects/{subject}/resume", "/payments/{payment}/again"}
READING = {
    "/cases",
    "/cases/{case}",
    "/worklist",
    "/incidents",
    "/commands/{command}",
    "/subjects/{subject}/journal",
    *OPEN,
}


def document(part: Part) -> dict[str, Any]:
    async def ready() -> str:
        return ""

    return make_app(part.role, "liaocheng-house", part.desk, {}, ready=ready).openapi()


@pytest.fixture(params=list(PARTS))
def role(request: pytest.FixtureRequest) -> str:
    return request.param


@cache
def made_once(role: str) -> dict[str, Any]:
    return document(PARTS[role])


@pytest.fixture
def api(role: str) -> dict[str, Any]:
    return made_once(role)


def calls(api: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in api["paths"].items():
        for method, call in methods.items():
            yield path, method, call


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_agreed_path_is_there(role: str, api: dict[str, Any]) -> None:
    posts = {path for path, method, _ in calls(api) if method == "post"}
    assert AGREED[role] | EVERYWHERE <= posts
    assert {path for path, method, _ in calls(api) if method == "get"} >= READING


def test_every_call_is_described(api: dict[str, Any]) -> None:
    names = [call["operationId"] for _, _, call in calls(api)]
    assert len(set(names)) == len(names)
    for path, method, call in calls(api):
        assert call["summary"] and call["description"], f"{method} {path}"
        named = {p["name"] for p in call.get("parameters", []) if p["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), f"{method} {path}"
        for parameter in call.get("parameters", []):
            if parameter["in"] == "path":
                assert parameter["description"] and parameter["example"]


def test_every_call_but_the_open_ones_asks_for_a_token(api: dict[str, Any]) -> None:
    assert api["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    for path, method, call in calls(api):
        assert ("security" in call) == (path not in OPEN), f"{method} {path}"


def test_every_error_is_problem_details(api: dict[str, Any]) -> None:
    for path, method, call in calls(api):
        for status, answer in call["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == [MEDIA_TYPE], f"{method} {path} {status}"
                assert answer["content"][MEDIA_TYPE]["schema"]["$ref"].endswith("/ProblemDetails")


def test_every_command_has_its_key_its_wait_and_its_answers(api: dict[str, Any]) -> None:
    for path, method, call in calls(api):
        if method != "post":
            continue
        headers = {p["name"]: p["required"] for p in call["parameters"] if p["in"] == "header"}
        assert headers == {"idempotency-key": True, "prefer": False}, path
        assert {"200", "202", "400", "401", "404", "409", "413", "415", "422", "503"} == call["responses"].keys()
        assert "Location" in call["responses"]["202"]["headers"]


def test_every_reference_leads_somewhere_and_nothing_is_left_over(api: dict[str, Any]) -> None:
    there = {f"#/components/schemas/{name}" for name in api["components"]["schemas"]}
    assert set(references(api)) == there


def test_bodies_have_the_commands_fields_without_the_clerk(role: str, api: dict[str, Any]) -> None:
    for action in PARTS[role].desk.actions:  # pyright: ignore[reportAttributeAccessIssue]
        schema = _body(api, action.path)["schema"]
        assert set(schema["properties"]) == set(action.command.model_fields) - {"by_clerk", *action.looked_up}
        assert schema["additionalProperties"] is False
        left_out = set(schema["properties"]) - set(schema.get("required", []))
        defaults = {name for name, field in action.command.model_fields.items() if not field.is_required()}
        assert left_out == (defaults | set(action.optional)) - {"by_clerk", *action.looked_up}


KNOWN_TO_THE_DESK = {
    "unit_number": "371502001001GB00012F00030045",
    "deposit_account": {"account": "ESCROW-LC-01", "owner": "聊城市公证机构"},
    "incident": "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11",
    "letter": "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11",
    "place": [3, 17],
    "record": {"headers": []},
    "payment": "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11",
    "periods": [],
    "pays_from": "CCB-LC-LOANS",
    "pool_ratio_ppm": 850_000,
    "limit_ppm": 900_000,
    "policy": load_city("liaocheng").institutions[-1].settings["lending_policy"],
}


def test_examples_keep_to_their_schemas_and_are_read_as_commands(role: str, api: dict[str, Any]) -> None:
    for action in (*PARTS[role].desk.actions, *COMMON):  # pyright: ignore[reportAttributeAccessIssue]
        body = _body(api, action.path)
        assert body["example"] == action.example
        validator = jsonschema.Draft202012Validator({**body["schema"], "components": api["components"]})
        validator.validate(body["example"])
        assert not validator.is_valid({**body["example"], "by_clerk": "Li"})
        assert all(
            not validator.is_valid({**body["example"], name: KNOWN_TO_THE_DESK[name]}) for name in action.looked_up
        )
        known = {name: KNOWN_TO_THE_DESK[name] for name in (*action.optional, *action.looked_up)}
        values = {**known, **body["example"], "by_clerk": "Li"}
        assert action.command.model_validate_json(to_data(values), strict=True).to_json()["by_clerk"] == "Li"


def _body(api: dict[str, Any], path: str) -> dict[str, Any]:
    return api["paths"][path.replace(":path", "")]["post"]["requestBody"]["content"]["application/json"]


def test_the_document_is_the_same_however_often_it_is_asked_for(role: str) -> None:
    assert document(PARTS[role]) == made_once(role)
