"""What a turn logs: enough to find a case, a subject and an event by, and nothing personal."""

import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from contracts.envelope import encode
from services.runtime import logs
from services.runtime.settings import Settings
from tests.runtime.test_turn import House, broken, consented, deposit, opened
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO

pytestmark = pytest.mark.usefixtures("loud")


async def test_a_turn_logs_what_was_heard_and_said_with_case_subject_and_id() -> None:
    with capture_logs() as lines:
        await consented(House())
    said = next(line for line in lines if line["event"] == "said")
    assert said["case"] == "LCF-TEST-1" and said["subject"] == FOLIO and said["type"] == "daiya.consent-issued.v1"
    assert said["cause"] in {line["id"] for line in lines if line["event"] == "heard"}
    assert {"id", "rule", "to"} <= said.keys()


async def test_a_stopped_subject_and_a_dead_letter_are_logged() -> None:
    house = House(broken())
    with capture_logs() as lines:
        await house.hears(opened())
        await house.arrives(replace(encode(house.envelope(deposit(), 2)), value=b"{"))
    assert {"subject stopped", "dead letter"} <= {line["event"] for line in lines}


async def test_nothing_personal_is_logged() -> None:
    house = House()
    with capture_logs() as lines:
        await consented(house)
        await house.hears(opened(), number=1, speaker=(lc.NOTARY[0], "another-notary"))
    written = json.dumps(lines, ensure_ascii=False, default=str)
    for person in (lc.SELLER, lc.BUYER):
        assert person.name not in written and person.id_number not in written
    for account in (lc.SELLER_ACCOUNT, lc.BUYER_ACCOUNT):
        assert account not in written


def test_log_lines_are_json_with_role_and_institution(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("escrow", "liaocheng-notary", Settings())  # pyright: ignore[reportCallIssue]
    logs.log().info("said", case="LCF-1")
    logs.log().debug("not shown")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line).items() >= {"event": "said", "case": "LCF-1", "role": "escrow"}.items()
