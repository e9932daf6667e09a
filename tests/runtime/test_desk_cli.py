"""Operations at a terminal: the `daiya` command at a desk in memory, where a rule fails and is mended."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from services import desk_client
from services.cli import app
from services.desk_client import Desk
from services.runtime.core.fold import SERIES
from services.runtime.core.rows import Row
from tests.runtime.desk_house import DeskHouse
from tests.runtime.test_desk import BOXES
from tests.support.bench import FOLIO, NOON

AT_THE_DESK = ("--desk", "http://desk", "--token", "token-of-li")
STOPPED = f"/folios/{FOLIO}/boxes"


class InMemory(httpx.AsyncBaseTransport):
    """The desk's application without a network; as long as it is asked something, the service takes turns."""

    def __init__(self, house: DeskHouse) -> None:
        self.house = house
        self.desk = httpx.ASGITransport(house.app, raise_app_exceptions=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self.house.running():
            return await self.desk.handle_async_request(request)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> DeskHouse:
    """A registry on which opening box 13 fails as long as its release is broken."""
    made = DeskHouse(BOXES)

    def reach(name: str, url: str, token: str = "") -> Desk:
        return Desk(name, url, token, InMemory(made))

    monkeypatch.setattr(desk_client, "Desk", reach)
    return made


def run(*arguments: str) -> tuple[int, str, str]:
    with capture_logs():  # the desk's, which is in this process too
        result = CliRunner().invoke(app, [*arguments, *AT_THE_DESK], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def stop(house: DeskHouse) -> None:
    """A clerk opens the box on which the rule fails."""

    async def opens() -> None:
        async with Desk("desk", "http://desk", "token-of-li", InMemory(house)) as desk:
            with pytest.raises(desk_client.DeskRefused, match="stopped"):
                await desk.post(STOPPED, {"box": 13}, "thirteen")

    asyncio.run(opens())


def test_a_stopped_subject_is_seen_and_goes_on_when_its_rule_is_mended(
    house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("incidents", "registry") == (0, "no incident is open here\n", "")
    stop(house)
    code, out, _ = run("incidents", "registry")
    assert code == 0 and out.count("\n") == 1
    assert FOLIO in out and "stopped" in out and "box 13" in out and f"POST /subjects/{FOLIO}/resume" in out
    assert json.loads(run("incidents", "registry", "--json")[1])[0]["kind"] == "stopped"

    code, out, err = run("resume", FOLIO, "--role", "registry", "--note", "perhaps")
    assert (code, out) == (1, "") and "stopped again" in err and "box 13" in err

    monkeypatch.setattr("tests.runtime.test_desk.broken", False)
    assert run("resume", FOLIO, "--role", "registry", "--note", "perhaps") == (0, f"{FOLIO} goes on\n", "")
    assert run("incidents", "registry")[1] == "no incident is open here\n"


def test_what_does_not_stand_cannot_be_resumed(house: DeskHouse) -> None:
    code, _, err = run("resume", f"{SERIES}({{year}})第{{n}}号", "--note", "x")
    assert code == 1 and "unknown subject" in err
    code, _, err = run("resume", FOLIO)
    assert code == 2 and "--note" in err


def test_a_line_that_is_held_says_whose_and_which_word(house: DeskHouse) -> None:
    held: dict[str, Any] = {"source": "/escrow/here", "first_missing": 3, "last_missing": 5}
    struck: dict[str, Any] = {"source": "/escrow/here", "sequence": 7, "why": "no part in it"}
    lines = [Row("1", "held", FOLIO, 0, "", NOON, held), Row("2", "struck", FOLIO, 0, "", NOON, struck)]
    asyncio.run(house.store.change_rows(lines, ()))
    _, out, _ = run("incidents", "registry")
    first, second = out.splitlines()
    assert "/escrow/here has said number 3, and it is not here" in first
    assert "number 7 of /escrow/here is a dead letter: no part in it" in second
