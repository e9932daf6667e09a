"""One service as a process of its own, when its database is away: it answers, says so, and leaves when told."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from deploy.embedded.choose import Infrastructure
from deploy.stack import CHECKOUT

pytestmark = pytest.mark.live
WITHIN_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(answers: str, status: int) -> httpx.Response:
    """Ask until it answers with this status."""
    end = time.monotonic() + WITHIN_S
    while True:
        try:
            found = httpx.get(answers, trust_env=False)
            if found.status_code == status:
                return found
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, f"{answers} never answered {status}"
        time.sleep(0.05)


def test_without_its_database_a_service_answers_says_so_and_ends_when_told(
    infrastructure: Infrastructure, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("ab" * 32)
    (tmp_path / "tokens.json").write_text("{}")
    port = free_port()
    settings = {
        "DAIYA_KAFKA": infrastructure.kafka,
        "DAIYA_MONGODB": f"mongodb://127.0.0.1:{free_port()}/?replicaSet=rs0",
        "DAIYA_PORT": str(port),
        "DAIYA_KEY_FILE": str(tmp_path / "key"),
        "DAIYA_TOKENS_FILE": str(tmp_path / "tokens.json"),
    }
    command = [sys.executable, "-m", "services.cli", "serve", "escrow", "--institution", "lonely-notary"]
    process = subprocess.Popen(command, cwd=CHECKOUT, env={**os.environ, **settings}, stderr=subprocess.DEVNULL)
    try:
        assert until(f"http://127.0.0.1:{port}/healthz", 200).status_code == 200
        problem = until(f"http://127.0.0.1:{port}/readyz", 503).json()
        assert "partition" in problem["detail"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
