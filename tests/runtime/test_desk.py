"""Commands at a desk: handed in once, answered once, whatever comes between."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts.envelope import inbox
from contracts.event import Role
from services.runtime.core.facts import Command
from services.runtime.core.file import STANDING, Phase
from services.runtime.core.rule import Chapter, Rule, Says, noted, rulebook
from services.runtime.desk.actions import Action, on_folio
from services.runtime.desk.body import MOST_BYTES
from services.runtime.desk.commands import Desk, preferred_wait_s
from services.runtime.service import Part
from tests.runtime.desk_house import WAIT, DeskHouse, escrow, opened, sale_body
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO

PROBLEM = "application/problem+json"


def problem(answer: Any, status: int, slug: str) -> dict[str, Any]:
    """The problem in an answer, which must be of this status and type."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    found = answer.json()
    assert found["status"] == status
    assert found["type"] == f"urn:daiya:problem:{slug}"
    assert found["title"] and found["detail"] and found["instance"]
    return found


# --- outcomes -------------------------------------------------------------------------------------------------


async def test_a_command_is_answered_at_once_with_a_link_to_its_outcome() -> None:
    async with escrow() as house:
        answer = await house.post("/cases", sale_body())
        assert answer.status_code == 202
        link = answer.headers["location"]
        assert answer.json() | {"status": "pending", "outcome": link} == answer.json()
        assert (await house.client.get(link)).status_code == 202
        await house.turns()
        outcome = await house.client.get(link)
        assert outcome.status_code == 200
        assert outcome.json()["status"] == "done"
        assert outcome.json()["case"] == answer.json()["case"]
        command = link.removeprefix("/commands/")
        assert answer.json()["case"] == "LCF-" + command.replace("-", "")[:12].upper()


async def test_the_outcome_itself_comes_to_whoever_prefers_to_wait() -> None:
    async with escrow() as house, house.running():
        answer = await house.post("/cases", sale_body(), **WAIT)
        assert answer.status_code == 200
        assert answer.headers["preference-applied"] == WAIT["Prefer"]
        page = await house.get(f"/cases/{answer.json()['case']}")
        assert page["facts"][0]["type"] == "daiya.own.sale-brought.v1"
        assert page["facts"][0]["data"]["by_clerk"] == "Li"
        assert page["facts"][0]["data"]["deposit_account"] == {"account": lc.ESCROW_ACCOUNT, "owner": "聊城"}
        assert not house.institution.turns.answered, "nobody waits any more"


async def test_after_the_wait_has_run_out_the_command_is_still_on_its_way() -> None:
    async with escrow() as house:
        answer = await house.post("/cases", sale_body(), Prefer="respond-async, wait=0")
        assert answer.status_code == 202
        answer = await house.post("/cases", sale_body(), "slow", Prefer="wait=1")
        assert answer.status_code == 202
        assert answer.headers["preference-applied"] == "wait=1"
        assert answer.headers["location"] == answer.json()["outcome"]


async def test_another_process_of_the_institution_may_take_the_turn() -> None:
    async with escrow() as house:
        async with house.running(house.start()):
            answer = await house.post("/cases", sale_body(), **WAIT)
        assert answer.status_code == 200, "this process hears of it through the database"


async def test_an_outcome_waits_for_its_documents_to_be_numbered() -> None:
    async with escrow() as house:
        case = (await house.done("/cases", sale_body()))["case"]
        outcomes = [
            await house.done(f"/cases/{case}/signatures", {"person": s.person, "paper": s.paper.value})
            for s in lc.signatures()
        ]
        assert [o["documents"] for o in outcomes[:-1]] == [[], [], []]
        assert len(outcomes[-1]["documents"]) == 2
        assert outcomes[-1]["numbering"] is False
        assert "daiya.case-opened.v1" in [word["type"] for word in outcomes[-1]["said"]]


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, None),
        ([], None),
        (["wait=5"], 5),
        (["respond-async, wait=7"], 7),
        (["respond-async", 'Wait = "9"; foo=bar'], 9),
        (["wait=900"], 30),
        (["wait=soon"], None),
        (["wait=-1"], None),
        (["handling=lenient"], None),
    ],
)
def test_preferences_are_read_as_rfc_7240_has_them(prefer: list[str] | None, seconds: int | None) -> None:
    assert preferred_wait_s(prefer) == seconds


# --- refusals -------------------------------------------------------------------------------------------------


async def test_a_refusal_comes_with_its_clause_and_comes_again_under_the_same_key() -> None:
    async with escrow() as house:
        case = (await house.done("/cases", sale_body()))["case"]
        body = {"person": lc.STRANGER.id_number, "paper": "deposit agreement"}
        async with house.running():
            first = await house.post(f"/cases/{case}/signatures", body, "a-stranger", **WAIT)
            again = await house.post(f"/cases/{case}/signatures", body, "a-stranger")
        found = problem(first, 409, "no-party")
        assert found["clause"] == "LC-F1"
        assert found["instance"].startswith("/commands/")
        assert again.json() == first.json()
        assert (await house.client.get(found["instance"])).json() == first.json()


async def test_a_case_that_nobody_knows() -> None:
    async with escrow() as house:
        answer = await house.post("/cases/LCF-000000000000/withdrawal", {"signed_by": [], "because": "x"})
        assert problem(answer, 404, "unknown-case")["clause"] == "X-3"
        assert not house.log.everything(house.institution.inbox)


# --- Idempotency-Key ------------------------------------------------------------------------------------------


async def test_the_same_key_with_the_same_body_opens_one_case() -> None:
    async with escrow() as house:
        first = await house.done("/cases", sale_body(), "one-sale")
        assert await house.done("/cases", sale_body(), "one-sale") == first
        assert len(await house.get("/cases")) == 1
        once = len(house.log.everything(house.institution.inbox))
        assert (await house.post("/cases", sale_body(), "one-sale")).json() == first, "known: no wait is needed"
        assert len(house.log.everything(house.institution.inbox)) == once


async def test_a_command_that_is_still_on_its_way_may_be_told_twice_and_is_done_once() -> None:
    async with escrow() as house:
        for _ in range(3):
            assert (await house.post("/cases", sale_body(), "impatient")).status_code == 202
        assert len(house.log.everything(house.institution.inbox)) == 3
        await house.turns()
        (case,) = await house.get("/cases")
        page = await house.get(f"/cases/{case['case']}")
        assert [f["type"] for f in page["facts"]].count("daiya.own.sale-brought.v1") == 1


@pytest.mark.parametrize(
    "other",
    [{"price_fen": 1}, {"unit_number": "371502001001GB00001F00010009"}],
    ids=["the same folio", "another folio"],
)
async def test_the_same_key_with_another_body_is_refused(other: dict[str, Any]) -> None:
    async with escrow() as house:
        await house.done("/cases", sale_body(), "one-sale")
        answer = await house.post("/cases", sale_body(**other), "one-sale")
        problem(answer, 422, "idempotency-key-used-before")
        await house.turns()
        assert len(await house.get("/cases")) == 1


async def test_of_two_bodies_under_one_key_at_once_one_is_taken() -> None:
    async with escrow() as house, house.running():
        bodies = [sale_body(), sale_body(unit_number="371502001001GB00001F00010009")]
        answers = await asyncio.gather(*(house.post("/cases", b, "at-once", **WAIT) for b in bodies))
        assert sorted(a.status_code for a in answers) == [200, 422]
        assert len(await house.get("/cases")) == 1


async def test_a_key_is_not_taken_from_one_case_to_another_or_one_clerk_to_another() -> None:
    async with escrow() as house:
        one = (await house.done("/cases", sale_body()))["case"]
        other = (await house.done("/cases", sale_body()))["case"]
        body = {"person": lc.SELLER.id_number, "paper": "deposit agreement"}
        await house.done(f"/cases/{one}/signatures", body, "signed")
        problem(await house.post(f"/cases/{other}/signatures", body, "signed"), 422, "idempotency-key-used-before")
        wang = {"Authorization": "Bearer token-of-wang", "Idempotency-Key": "signed"}
        answer = await house.anybody.post(f"/cases/{one}/signatures", json=body, headers=wang)
        problem(answer, 422, "idempotency-key-used-before")


async def test_a_key_is_known_again_from_the_log_alone() -> None:
    async with escrow() as house:
        await house.done("/cases", sale_body(), "one-sale")
        for row in await house.store.rows("command"):
            await house.store.change_rows((), [row.id])
        problem(await house.post("/cases", sale_body(price_fen=1), "one-sale"), 422, "idempotency-key-used-before")


@pytest.mark.parametrize("key", [None, "", " ", "键", "x" * 201])
async def test_a_command_needs_a_key(key: str | None) -> None:
    async with escrow() as house:
        headers = [] if key is None else [(b"Idempotency-Key", key.encode())]
        answer = await house.client.post("/cases", json=sale_body(), headers=headers)
        assert "Idempotency-Key is required" in problem(answer, 400, "no-idempotency-key")["detail"]


# --- bodies ---------------------------------------------------------------------------------------------------


async def test_wrong_fields_are_named_and_never_repeated() -> None:
    async with escrow() as house:
        body = sale_body(price_fen="1280000")
        body["buyers"][0]["person"]["id_number"] = "371502199001019999"
        body["sellers"][0]["person"]["name"] = " 王 "
        del body["contract_number"]
        answer = await house.post("/cases", body)
        errors = {e["field"]: e["message"] for e in problem(answer, 422, "invalid-fields")["errors"]}
        assert {"price_fen", "contract_number", "sellers.0.person.name"} <= errors.keys()
        assert any(field.startswith("buyers.0.person.id_number") for field in errors)
        for personal in ("371502199001019999", " 王 "):
            assert personal not in answer.text


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"by_clerk": "somebody else"}, "by_clerk"),
        ({"sellers": []}, "sellers"),
        ({"contract_date": "yesterday"}, "contract_date"),
        ({"unit_number": 371502}, "unit_number"),
    ],
)
async def test_an_unknown_or_wrong_field_is_refused(other: dict[str, Any], field: str) -> None:
    async with escrow() as house:
        answer = await house.post("/cases", sale_body(**other))
        assert [e["field"] for e in problem(answer, 422, "invalid-fields")["errors"]] == [field]


@pytest.mark.parametrize(
    ("raw", "status", "slug"),
    [
        (b"{", 400, "not-json"),
        (b"[]", 400, "not-json"),
        (b"\xff{}", 400, "not-json"),
        (b'{"price_fen": 1.5}', 400, "not-json"),
        (b'{"price_fen": NaN}', 400, "not-json"),
        (b'{"price_fen": 99999999999999999999}', 400, "not-json"),
        (b'{"price_fen": 1, "price_fen": 2}', 400, "not-json"),
        (b'{"contract_number": "\\ud800"}', 400, "not-json"),
        (b"[" * 30_000, 400, "not-json"),
        (b"", 422, "invalid-fields"),
        (b" " * (MOST_BYTES + 1), 413, "too-large"),
    ],
)
async def test_a_body_that_is_no_command(raw: bytes, status: int, slug: str) -> None:
    async with escrow() as house:
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json; charset=utf-8"}
        problem(await house.client.post("/cases", content=raw, headers=headers), status, slug)


async def test_a_body_without_a_length_is_bounded_too() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // 1024 + 2):
            yield b" " * 1024

    async with escrow() as house:
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
        problem(await house.client.post("/cases", content=parts(), headers=headers), 413, "too-large")


async def test_a_body_of_another_media_type() -> None:
    async with escrow() as house:
        headers = {"Idempotency-Key": "k", "Content-Type": "text/plain"}
        problem(await house.client.post("/cases", content=b"{}", headers=headers), 415, "unsupported-media-type")


# --- who may --------------------------------------------------------------------------------------------------

PUBLIC = {"/documents/{number}", "/healthz", "/readyz", "/metrics"}


async def test_everything_but_the_public_check_needs_a_clerk() -> None:
    async with escrow() as house:
        for path, calls in house.app.openapi()["paths"].items():
            for method in calls:
                for headers in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic dG9rZW4="}):
                    answer = await house.anybody.request(method, path, headers=headers)
                    assert (answer.status_code == 401) == (path not in PUBLIC), f"{method} {path}"
                    if answer.status_code == 401:
                        problem(answer, 401, "not-a-clerk")
                        assert answer.headers["www-authenticate"] == "Bearer"
        assert (await house.anybody.get("/openapi.json")).status_code == 200
        assert (await house.anybody.get("/docs")).status_code == 200


async def test_unknown_paths_and_methods_are_problems_too() -> None:
    async with escrow() as house:
        problem(await house.client.get("/nothing"), 404, "not-found")
        problem(await house.client.get("/cases/"), 404, "not-found")
        assert problem(await house.client.delete("/cases"), 405, "method-not-allowed")
        problem(await house.client.get("/cases?limit=0"), 422, "invalid-fields")
        problem(await house.client.get("/cases?phase=asleep"), 422, "invalid-fields")
        problem(await house.client.get("/commands/0b1f3a52"), 404, "unknown-command")


@pytest.mark.usefixtures("loud")
async def test_nothing_personal_is_logged() -> None:
    async with escrow() as house:
        with capture_logs() as logs:
            await opened(house)
        assert {"command", "id", "case", "subject"} <= logs[0].keys()
        for person in (lc.SELLER, lc.BUYER):
            assert person.id_number not in str(logs)
            assert person.name not in str(logs)


# --- outages --------------------------------------------------------------------------------------------------


async def test_without_its_log_or_its_database_a_desk_says_when_to_come_again() -> None:
    async with escrow() as house:
        topic = inbox(Role.ESCROW, lc.INSTITUTIONS[Role.ESCROW])
        house.log.down(topic)
        answer = await house.post("/cases", sale_body(), "patient")
        problem(answer, 503, "out-of-service")
        assert int(answer.headers["retry-after"]) > 0
        house.log.up(topic)
        house.store.down = True
        problem(await house.post("/cases", sale_body(), "patient"), 503, "out-of-service")
        problem(await house.client.get("/worklist"), 503, "out-of-service")
        house.store.down = False
        await house.done("/cases", sale_body(), "patient")
        assert len(await house.get("/cases")) == 1


async def test_a_write_whose_reply_was_lost_is_done_once() -> None:
    async with escrow() as house:
        house.store.lost_replies = 1
        problem(await house.post("/cases", sale_body(), "patient"), 503, "out-of-service")
        await house.done("/cases", sale_body(), "patient")
        assert len(await house.get("/cases")) == 1


# --- a subject that stands ------------------------------------------------------------------------------------

broken = True


class BoxOpened(Command):
    """A box is opened."""

    box: int


def look_into_the_box(opened: BoxOpened) -> Says:
    """Whether the release is broken decides."""
    if broken and opened.box == 13:
        raise ZeroDivisionError("box 13")
    yield from ()


BOXES = Part(
    Role.REGISTRY,
    rulebook(
        Chapter(STANDING, (Rule(look_into_the_box, per=BoxOpened),), (noted(BoxOpened, Phase.OPEN, "t"),)),
        phases={},
        own_facts=(BoxOpened,),
    ),
    Desk(Action(BoxOpened, "/folios/{unit_number}/boxes", "Open a box", "X-1", {"box": 1}, on_folio)),
)


async def test_a_stopped_subject_names_its_incident_and_takes_only_its_resuming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with DeskHouse(BOXES) as house:
        await house.done(f"/folios/{FOLIO}/boxes", {"box": 1})
        note = {"note": "mended"}
        async with house.running():
            answer = await house.post(f"/subjects/{FOLIO}/resume", note, **WAIT)
            problem(answer, 409, "not-stopped")
            answer = await house.post(f"/folios/{FOLIO}/boxes", {"box": 13}, "thirteen", **WAIT)
            kept = problem(answer, 503, "subject-stopped")
            answer = await house.post(f"/folios/{FOLIO}/boxes", {"box": 2}, "two", **WAIT)
            refused = problem(answer, 503, "subject-stopped")
        (incident,) = await house.get("/incidents")
        assert incident["kind"] == "stopped"
        assert incident["id"] in kept["detail"]
        assert "is kept" in kept["detail"]
        assert "was not taken" in refused["detail"]
        monkeypatch.setattr("tests.runtime.test_desk.broken", False)
        await house.done(incident["link"], note, "resume")
        await house.done(incident["link"], note, "resume")
        assert await house.get("/incidents") == []
        assert (await house.post(f"/folios/{FOLIO}/boxes", {"box": 13}, "thirteen")).status_code == 200
        await house.done(f"/folios/{FOLIO}/boxes", {"box": 2}, "two")


async def test_the_path_and_the_body_name_the_same_thing() -> None:
    async with DeskHouse(BOXES) as house:
        problem(await house.post("/folios/nowhere/boxes", {"box": 1}), 422, "invalid-fields")
        problem(await house.post("/subjects/nobody/resume", {"note": "x"}), 404, "unknown-subject")
        problem(await house.post("/incidents/none/close", {"note": "x"}), 404, "unknown-incident")
        problem(await house.post("/payments/none/again", {}), 404, "unknown-payment")
        answer = await house.post("/payments/none/again", {"payment": "another"})
        assert problem(answer, 422, "invalid-fields")["errors"] == [
            {"field": "payment", "message": "differs from the path"}
        ]
