"""The `daiya` command: quick help, one clear line and exit status 1 for whatever goes wrong."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from deploy.stack import CHECKOUT
from services.cli import app

EXAMPLE = str(CHECKOUT / "examples" / "liaocheng-full.yaml")
LOAN_EXAMPLE = str(CHECKOUT / "examples" / "liaocheng-loan.yaml")
HEAVY = ("aiokafka", "faststream", "fastapi", "motor", "pymongo", "httpx", "pydantic")
CASE = "LCF-TEST-000001"
AT = "2026-03-20T04:00:00.000Z"
WORK = {
    "action": "sign", "case": CASE, "about": "", "what": "signatures are missing", "clause": "LC-F1", "since": AT,
    "until": "2026-04-01", "link": f"/cases/{CASE}/signatures",
}  # fmt: skip
PAGE: dict[str, Any] = {
    "case": CASE, "procedure": "LC-FULL", "edition": "2023-03-20", "phase": "ended", "unit_number": "U",
    "facts": [
        {"id": "1", "type": "daiya.case-opened.v1", "by": "/escrow/here", "time": AT, "article": "LC-F1", "data": {}},
        {"id": "2", "type": "daiya.own.signed.v1", "by": "/escrow/here", "time": AT, "article": None, "data": {}},
    ],
    "waiting": [WORK],
    "money": {"in_fen": 3, "out_fen": 1, "held_fen": 2, "lines": [
        {"direction": "in", "amount_fen": 3, "account": "A-1", "purpose": None, "state": None},
    ]},
    "documents": [{"title": "提存协议", "number": "N", "code": "C", "issuer": "/escrow/here"}],
    "incidents": [{"id": "3", "kind": "incident", "data": {"what": "a stranger's money", "why": "send it back"}}],
}  # fmt: skip


CERTIFIED, UNCERTIFIED = "LCL-TEST-000001", "LCL-TEST-000002"
PROOF = {"title": "首付款到账提存公证书", "number": "(2026)聊城证提字第0000001号", "code": "7K3M-9QXA-0TWZ-5H2D"}
HELD = {"type": "daiya.deposit-confirmed.v1", "data": {"kind": "down payment", "certificate": PROOF}}


class FakeDesk(BaseHTTPRequestHandler):
    """Answers as a desk does, and remembers what was posted."""

    posted: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        answers = {
            f"/cases/{CASE}": PAGE,
            f"/cases/{CERTIFIED}": {"facts": [HELD]},
            f"/cases/{UNCERTIFIED}": {"facts": []},
            "/worklist": [WORK],
        }
        if self.headers["Authorization"] != "Bearer right":
            self._answer(401, {"title": "not a clerk", "detail": "no", "clause": ""})
        elif self.path in answers:
            self._answer(200, answers[self.path])
        else:
            self._answer(404, {"title": "unknown case", "detail": "nothing is known", "clause": "X-3"})

    def do_POST(self) -> None:
        self.posted.append((self.path, self.headers["Idempotency-Key"]))
        self._answer(200, {"status": "done", "case": CASE})

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is http.server's)
        pass


@pytest.fixture
def files(tmp_path: Path) -> Iterator[list[str]]:
    """The options that name a stack of one desk in all roles."""
    FakeDesk.posted = []
    server = HTTPServer(("127.0.0.1", 0), FakeDesk)
    Thread(target=server.serve_forever, daemon=True).start()
    names = {
        "escrow": "liaocheng-notary",
        "registry": "liaocheng-registry",
        "seller_bank": "liaocheng-icbc",
        "buyer_bank": "liaocheng-ccb",
        "fund_center": "liaocheng-fund",
    }
    url = f"http://127.0.0.1:{server.server_port}"
    addresses, tokens = tmp_path / "addresses.json", tmp_path / "tokens.json"
    addresses.write_text(json.dumps({"desks": {role: {name: url} for role, name in names.items()}}))
    tokens.write_text(json.dumps({role: {name: "right"} for role, name in names.items()}))
    yield ["--addresses", str(addresses), "--tokens", str(tokens)]
    server.shutdown()
    server.server_close()


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from services.cli import app; print([m for m in sys.argv[1:] if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command", ["open", "apply-for-loan", "show", "watch", "worklist", "incidents", "resume", "dead", "serve"]
)
def test_every_command_has_help(command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0 and "Usage" in out


@pytest.mark.parametrize(("observes", "why"), [
    ("[]", "DAIYA_OBSERVES names no feed to read"),
    ('[["king", "liaocheng-notary"]]', "settings: observes.0.0: Input should be"),
    ('[["escrow", "Not A Name"]]', "settings: observes.0.1: String should match"),
])  # fmt: skip
def test_an_observer_without_feeds_that_it_can_read_says_so(
    observes: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAIYA_OBSERVES", observes)
    code, out, err = run("serve", "observer", "--institution", "liaocheng-regulator")
    assert (code, out) == (1, "") and err.startswith(f"daiya: {why}")


def test_there_is_no_service_for_a_role_without_one() -> None:
    code, _, err = run("serve", "king", "--institution", "liaocheng-regulator")
    assert code == 1
    there = "escrow, registry, seller_bank, buyer_bank, fund_center, observer"
    assert err == f"daiya: there is no service for king; there are {there}\n"


def test_open_brings_a_sale_once_and_again_only_when_told(files: list[str]) -> None:
    assert run("open", EXAMPLE, *files) == (0, f"{CASE}\n", "")
    assert run("open", EXAMPLE, "--prepare", *files)[1] == f"{CASE}\n"
    run("open", EXAMPLE, "--again", *files)
    paths = [path for path, _ in FakeDesk.posted]
    unit = "371502001001GB00012F00030045"
    assert paths == ["/cases", f"/folios/{unit}/import", f"/folios/{unit}/loans", "/cases", "/cases"]
    keys = [key for path, key in FakeDesk.posted if path == "/cases"]
    assert keys[0] == keys[1] != keys[2]


def test_LC_L2_apply_for_loan_brings_each_application_once_and_says_where(files: list[str]) -> None:
    told = "liaocheng-ccb: ¥500,000.00 applied for\nliaocheng-fund: ¥300,000.00 applied for\n"
    for _ in range(2):
        assert run("apply-for-loan", CERTIFIED, LOAN_EXAMPLE, *files) == (0, told, "")
    assert {path for path, _ in FakeDesk.posted} == {f"/cases/{CERTIFIED}/loan-application"}
    assert len(FakeDesk.posted) == 4 and len(set(FakeDesk.posted)) == 2  # the same keys again


def test_open_with_prepare_states_the_funds_figures_too(files: list[str]) -> None:
    assert run("open", LOAN_EXAMPLE, "--prepare", *files)[0] == 0
    unit = "371502001001GB00027F00080112"
    paths = [path for path, _ in FakeDesk.posted]
    assert paths == [f"/folios/{unit}/import", f"/folios/{unit}/loans", "/pool", "/cases"]


def test_show_tells_of_a_case_without_personal_data(files: list[str]) -> None:
    code, out, _ = run("show", CASE, *files)
    assert code == 0
    for part in ("ended", "case-opened  (LC-F1)", "¥0.03 = out ¥0.01 + held ¥0.02", "提存协议", "stranger"):
        assert part in out
    assert "own.signed" not in out
    assert json.loads(run("show", CASE, "--json", *files)[1]) == PAGE


def test_watch_tells_what_is_new_and_ends_with_the_case(files: list[str]) -> None:
    code, out, _ = run("watch", CASE, *files)
    assert code == 0 and out.endswith(f"case {CASE} has ended\n")


def test_worklist_says_what_until_when_and_where(files: list[str]) -> None:
    code, out, _ = run("worklist", "registry", *files)
    assert code == 0 and "sign" in out and "until 2026-04-01" in out and WORK["link"] in out


@pytest.mark.parametrize("role", ["escrow", "registry", "seller_bank", "buyer_bank", "fund_center"])
def test_every_role_can_be_asked(files: list[str], role: str) -> None:
    assert "signatures are missing" in run("worklist", role, *files)[1]
    assert "case-opened" in run("show", CASE, "--role", role, *files)[1]
    assert run("watch", CASE, "--role", role, *files)[1].endswith("has ended\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "LCF-NONE"], "unknown case: nothing is known (X-3)"),
        (["show", CASE, "--token", "wrong"], "not a clerk"),
        (["show", CASE, "--desk", "http://127.0.0.1:1"], "http://127.0.0.1:1"),
        (["worklist", "dentist"], "dentist is no role"),
        (["worklist", "escrow", "--institution", "liaocheng-fund"], "liaocheng-fund is no escrow"),
        (["apply-for-loan", UNCERTIFIED, LOAN_EXAMPLE], "the down payment of LCL-TEST-000002 is not certified yet"),
        (["apply-for-loan", CERTIFIED, EXAMPLE], "names no loans"),
        (["worklist", "escrow", "--institution", "elsewhere"], "elsewhere is no escrow"),
        (["open", "no-such-file.yaml"], "no-such-file.yaml"),
        (["worklist", "escrow", "--addresses", "no-such-file.json"], "make up"),
    ],
)
def test_what_goes_wrong_is_one_line_and_status_1(files: list[str], arguments: list[str], told: str) -> None:
    given = [*arguments[:1], *files, *arguments[1:]]
    code, out, err = run(*given)
    assert (code, out) == (1, "")
    assert err.startswith("daiya: ") and told in err and err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["observer", "--institution", "here"], ["escrow", "--institution", "-"]])
def test_serve_refuses_what_it_cannot_run(arguments: list[str]) -> None:
    code, _, err = run("serve", *arguments)
    assert code == 1 and err.count("\n") == 1


def test_serve_says_which_setting_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAIYA_PORT", "much")
    code, _, err = run("serve", "escrow", "--institution", "here")
    assert code == 1 and "settings: port" in err and err.count("\n") == 1
