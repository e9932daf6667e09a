"""Dead letters on a real broker and a real database, decided on at a terminal; the service is killed in between."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from contracts.envelope import Record, encode, inbox
from contracts.event import Event, Role
from deploy.embedded.choose import Infrastructure
from deploy.stack import CHECKOUT
from deploy.topics import create_topics
from services.cli import app
from services.runtime.log.kafka import KafkaLog
from tests.live.test_process import free_port, until
from tests.runtime.test_dead import CASE, word
from tests.support import loan as ln
from tests.support.bench import FOLIO

pytestmark = pytest.mark.live
WITHIN_S = 30


class Bank:
    """A seller's bank as a process of its own, and those who write to it."""

    def __init__(self, infra: Infrastructure, folder: Path) -> None:
        mark = uuid.uuid4().hex[:8]
        self.infra, self.folder, self.port = infra, folder, free_port()
        self.names = {role: f"{name}-{mark}" for role, name in ln.WITH_LENDER.items()}
        self.notary = (Role.ESCROW, self.names[Role.ESCROW])
        self.stranger = (Role.BUYER_BANK, f"liaocheng-abc-{mark}")
        self.name = self.names[Role.SELLER_BANK]
        (folder / "key").write_text("ab" * 32)
        (folder / "tokens.json").write_text(json.dumps({"right": "Li"}))
        (folder / "house.json").write_text(json.dumps({"title": "聊城工行"}))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it has caught up."""
        settings = {
            "DAIYA_KAFKA": self.infra.kafka,
            "DAIYA_MONGODB": self.infra.mongodb,
            "DAIYA_PORT": str(self.port),
            "DAIYA_KEY_FILE": str(self.folder / "key"),
            "DAIYA_TOKENS_FILE": str(self.folder / "tokens.json"),
            "DAIYA_SETTINGS_FILE": str(self.folder / "house.json"),
        }
        command = [sys.executable, "-m", "services.cli", "serve", "seller_bank", "--institution", self.name]
        self.process = subprocess.Popen(
            command, cwd=CHECKOUT, env={**os.environ, **settings}, stderr=subprocess.DEVNULL
        )
        until(f"{self.url}/readyz", 200)

    def kill(self) -> None:
        """As a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hears(self, event: Event, by: tuple[Role, str], number: int) -> None:
        self.arrives(encode(word(event, by, number)))

    def arrives(self, record: Record) -> None:
        """A record stands in the inbox."""

        async def append() -> None:
            log = KafkaLog([self.infra.kafka])
            await log.append(inbox(Role.SELLER_BANK, self.name), record)
            await log.close()

        asyncio.run(append())

    def daiya(self, *arguments: str) -> str:
        """What the command prints; it must succeed."""
        code, out, err = self.tried(*arguments)
        assert code == 0, err
        return out

    def tried(self, *arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, [*arguments, "--desk", self.url, "--token", "right"], catch_exceptions=False)
        return result.exit_code, result.stdout, result.stderr

    def listed(self) -> list[dict[str, Any]]:
        return json.loads(self.daiya("dead", "list", "seller_bank", "--json"))

    def see(self, letters: int) -> list[dict[str, Any]]:
        """The open dead letters, once there are so many."""
        eventually(lambda: len(self.listed()) == letters)
        return self.listed()

    def journal(self) -> list[dict[str, Any]]:
        """What happened to the home, in order."""
        answer = httpx.get(
            f"{self.url}/subjects/{FOLIO}/journal", headers={"Authorization": "Bearer right"}, trust_env=False
        )
        return answer.json()

    def heard(self, speaker: tuple[Role, str]) -> list[int]:
        """The numbers of a speaker's words that were heard, in order."""
        source = f"/{speaker[0].value}/{speaker[1]}"
        return [one["note"]["sequence"] for one in self.journal() if (one["kind"], one["by"]) == ("heard", source)]

    def open_rows(self, kind: str) -> float:
        """What the metric of open rows says once it was measured again."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False).text
        return float(text.split(f'daiya_open{{kind="{kind}"}} ')[1].split("\n")[0])


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture
def bank(infra: Infrastructure, tmp_path: Path) -> Iterator[Bank]:
    made = Bank(infra, tmp_path)
    owners = [(role.value, name) for role, name in (*made.names.items(), made.stranger)]
    asyncio.run(create_topics(infra.kafka, owners))
    made.start()
    yield made
    made.kill()


def test_dead_letters_are_seen_retried_when_the_speaker_has_joined_and_skipped(bank: Bank) -> None:
    bank.arrives(replace(encode(word(ln.rejected(), bank.stranger, 9)), value=b"\xff{"))
    # In a procedure that lets nobody join later: where it does, the word would wait, and not be dead.
    bank.hears(ln.opened(procedure="LC-FULL", institutions=bank.names), bank.notary, 1)
    for number, because in enumerate(("first", "second", "third"), 1):
        bank.hears(ln.rejected(because), bank.stranger, number)

    broken, struck = bank.see(2)
    assert (broken["reason"], struck["reason"], struck["case"]) == ("malformed", "no-part", CASE)
    assert "base64 /3s=" in bank.daiya("dead", "show", str(broken["number"]))
    shown = bank.daiya("dead", "show", str(struck["number"]))
    assert '"because":"first"' in shown and "docs/operations.md#no-part" in shown
    assert "struck: number 1 of" in bank.daiya("incidents", "seller_bank")
    eventually(lambda: bank.open_rows("struck") == 1)
    retry = ("dead", "retry", str(struck["number"]))
    code, _, err = bank.tried(*retry)
    assert code == 1 and "still a dead letter" in err and "has no part" in err

    bank.hears(ln.joined(bank.stranger), bank.notary, 2)
    bank.kill()
    bank.start()
    assert bank.heard(bank.notary) == [1, 2]
    assert bank.daiya(*retry, "--note", "it has joined") == f"dead letter {struck['number']}: retried, heard\n"
    assert bank.heard(bank.stranger) == [1, 2, 3]
    assert "decided before" in bank.tried(*retry)[2]

    bank.daiya("dead", "skip", str(broken["number"]), "--note", "a test of theirs")
    unknown = encode(replace(word(ln.rejected("fourth"), bank.stranger, 4), type="daiya.never-heard-of.v1"))
    bank.arrives(unknown)
    bank.hears(ln.rejected("fifth"), bank.stranger, 5)
    (last,) = bank.see(1)
    assert last["reason"] == "unknown-type"
    assert bank.daiya("dead", "skip", str(last["number"]), "--note", "agreed with the bank").endswith("skipped\n")
    assert bank.heard(bank.stranger) == [1, 2, 3, 5]

    before = bank.journal()
    bank.kill()
    bank.start()
    assert bank.journal() == before and bank.listed() == []
    assert bank.daiya("incidents", "seller_bank") == "no incident is open here\n"
    everything = json.loads(bank.daiya("dead", "list", "seller_bank", "--all", "--json"))
    assert [(one["status"], one["decision"]["by"]) for one in everything] == [
        ("skipped", "Li"), ("retried", "Li"), ("skipped", "Li"),
    ]  # fmt: skip
