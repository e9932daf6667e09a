"""Every desk under schemathesis: requests made from its own OpenAPI document, right ones and wrong ones, with a clerk's
token and without. No request is a fault (500), every answer is one that the document describes, and every refusal is
problem details (RFC 9457) of its own status.

A few of each kind for each call in the suite; many more with DAIYA_FAULTS=all.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from contracts.envelope import Envelope, encode, source, to_data
from contracts.event import Event, Role
from deploy.city import load_city
from services.buyer_bank.service import PART as BUYER_BANK
from services.fund_center.service import PART as FUND_CENTER
from services.registry.service import PART as REGISTRY
from services.runtime.core.fold import derived_id
from services.runtime.desk.problems import MEDIA_TYPE
from services.runtime.keys import Keys
from services.runtime.service import Part
from services.runtime.store import all_rows
from services.seller_bank.service import PART as SELLER_BANK
from tests.faults.dose import dose
from tests.observer import test_feeds as feeds
from tests.runtime.desk_house import NAMES, DeskHouse, escrow, opened
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import FOLIO, NOON

OF_EACH = dose(3, 150)
"""Requests of each mode for each call of each desk."""

load_all_checks()
ALWAYS: list[Any] = [
    CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]
WRONG: Any = CHECKS.get_one("negative_data_rejection")
CASE = "LCL-TEST-000001"
PART_OF: dict[str, Part] = {
    "registry": REGISTRY,
    "seller_bank": SELLER_BANK,
    "buyer_bank": BUYER_BANK,
    "fund_center": FUND_CENTER,
}
ROLES = ("escrow", *PART_OF, "observer")

T = TypeVar("T")
Values = Mapping[str, list[str]]


class House(Protocol):
    """A desk, someone with a token and someone without."""

    app: FastAPI
    client: httpx.AsyncClient
    anybody: httpx.AsyncClient


class Desk:
    """A desk in memory, with something on file, in an event loop of its own."""

    def __init__(self, role: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.role = role
        self.turns: Callable[[], Coroutine[Any, Any, Any]] = _nothing
        self.house: House = self.do(self._observer() if role == "observer" else self._institution())
        document = self.house.app.openapi()
        self.schema = schemathesis.openapi.from_dict(document)
        self.guarded = {
            (method.upper(), path)
            for path, calls in document["paths"].items()
            for method, call in calls.items()
            if "security" in call
        }
        self.known: Values = self.do(self._known())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def operations(self) -> list[APIOperation[Any, Any, Any, Any]]:
        found = [one.ok() for one in self.schema.get_all_operations() if isinstance(one, Ok)]
        assert len(found) == sum(len(calls) for calls in self.schema.raw_schema["paths"].values())
        return found

    async def _institution(self) -> DeskHouse:
        """A case, and a dead letter."""
        house = escrow() if self.role == "escrow" else DeskHouse(PART_OF[self.role], SETTINGS[self.role])
        for account in house.settings.accounts:
            if self.role != "escrow":
                house.rail.open(account, "owner", 10**12)
        self.turns = house.day
        if self.role == "escrow":
            self.case = await opened(house)
        else:
            self.case = CASE
            await house.log.append(house.institution.inbox, encode(_word(house, ln.opened(institutions=NAMES), 1)))
        broken = encode(_word(house, ln.joined(), 9))
        await house.log.append(house.institution.inbox, type(broken)(broken.key, b"{", broken.headers))
        await house.day()
        return house

    async def _observer(self) -> feeds.House:
        house = feeds.House()
        await house.arrive(feeds.told((feeds.E, lc.opened()), (feeds.R, lc.reserved())))
        self.case = feeds.CASE
        return house

    async def _known(self) -> Values:
        """What a path can name here."""
        found: dict[str, list[str]] = {"case": [self.case], "unit_number": [FOLIO], "subject": [FOLIO, "dead-letters"]}
        house = self.house
        if isinstance(house, DeskHouse):
            found |= {"dead_letter": ["0"], "account": list(house.settings.accounts)}
            for kind, name in (("incident", "incident"), ("payment", "payment"), ("document", "number")):
                found[name] = [row.id.removeprefix("document/") async for row in all_rows(house.store, kind)]
            found["command"] = [row.id.removeprefix("command/") async for row in all_rows(house.store, "command")]
        return {name: values for name, values in found.items() if values}

    async def ask(self, case: Case, client: httpx.AsyncClient) -> httpx.Response:
        """The answer; what it has brought about is done before the next."""
        kwargs = case.as_transport_kwargs(base_url="http://desk")
        headers = {name: value for name, value in kwargs.pop("headers").items() if name.lower() != "authorization"}
        if "prefer" in headers and "wait" in headers["prefer"]:
            headers["prefer"] = "wait=0"  # nobody is at work meanwhile
        kwargs = {("content" if name == "data" else name): value for name, value in kwargs.items() if value}
        answer = await client.request(headers=_sendable(headers), **kwargs)
        await self.turns()
        return answer


async def _nothing() -> None:
    return None


SETTINGS: Mapping[str, dict[str, Any]] = {one.role: dict(one.settings) for one in load_city("liaocheng").institutions}


def _word(house: DeskHouse, event: Event, number: int) -> Envelope:
    """What the escrow says to this house."""
    speaker, data = source(Role.ESCROW, NAMES[Role.ESCROW]), to_data(event.copy_for(house.part.role))
    word = Envelope(derived_id(str(number)), speaker, event.type_name, CASE, NOON, FOLIO, number, None, data)
    return Keys(b"e" * 32).sign_word(word)


def _sendable(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.encode("latin-1", "replace"): value.encode("latin-1", "replace") for name, value in headers.items()}


@pytest.fixture(scope="module", params=ROLES)
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    made = Desk(request.param)
    yield made
    made.do(made.house.client.aclose())
    made.do(made.house.anybody.aclose())
    made.loop.close()


def is_problem(answer: httpx.Response) -> bool:
    """RFC 9457: its own media type, the status once more, a type, a title and a detail."""
    if answer.headers.get("content-type") != MEDIA_TYPE:
        return False
    said = answer.json()
    named = all(isinstance(said.get(name), str) and said[name] for name in ("title", "detail", "instance"))
    return named and said["status"] == answer.status_code and said["type"].startswith("urn:daiya:problem:")


def _is_wrong(case: Case) -> bool:
    """Whether something in path, query or body is what the document does not allow. Of headers, the token is this
    test's own, and a preference that is not understood is passed over (RFC 7240)."""
    if case.meta is None:
        return False
    wrong = {place for place, made in case.meta.components.items() if made.mode is GenerationMode.NEGATIVE}
    return bool(wrong) and wrong <= {ParameterLocation.BODY, ParameterLocation.PATH, ParameterLocation.QUERY}


def tried(desk: Desk, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> None:
    """Some requests of this mode; every other one is about something that is there."""

    @settings(
        max_examples=OF_EACH, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), there=st.booleans())
    def each(case: Case, there: bool) -> None:
        if there and mode is GenerationMode.POSITIVE:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = desk.known.get(name, [case.path_parameters[name]])[0]
        for client in (desk.house.anybody, desk.house.client):
            answer = desk.do(desk.ask(case, client))
            if client is desk.house.anybody and (operation.method.upper(), operation.path) in desk.guarded:
                assert answer.status_code in (401, 404, 405), f"{answer.status_code} without a token"
                assert is_problem(answer), answer.text
                continue
            case.validate_response(answer, checks=[*ALWAYS, *((WRONG,) if _is_wrong(case) else ())])
            assert answer.status_code < 400 or is_problem(answer), answer.text

    try:
        each()
    except Unsatisfiable:  # there is nothing in this call that could be wrong
        assert mode is GenerationMode.NEGATIVE and operation.method == "get" and not operation.query


@pytest.mark.parametrize("mode", GenerationMode)
def test_no_generated_request_is_a_fault_and_every_answer_is_in_the_document(desk: Desk, mode: GenerationMode) -> None:
    operations = [one for one in desk.operations() if one.path != "/events"]  # that answer never ends
    assert len(operations) >= 5
    for operation in operations:
        tried(desk, operation, mode)
