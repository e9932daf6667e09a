"""The demo as people run it: a process of its own on a real Kafka and MongoDB."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from deploy.embedded.processes import alive, identify
from deploy.stack import CHECKOUT

DEMO = (sys.executable, "-m", "deploy.demo")
WITHIN_S = 180
FAILED = {"the deposit account holds what the statement says", "the rail's books balance"}


def played(**environment: str) -> subprocess.CompletedProcess[str]:
    """A whole demo."""
    unset = {name: value for name, value in os.environ.items() if name not in ("PROCEDURE", "PLANTED_FEN", "WAY_OUT")}
    return subprocess.run(
        DEMO, cwd=CHECKOUT, env=unset | environment, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What each check found."""
    return {name: mark for mark, name in re.findall(r"^  ([✓✗]) (.*?) \(", done.stdout, re.MULTILINE)}


def test_a_planted_fen_is_the_only_thing_that_differs_in_a_whole_case_with_two_loans() -> None:
    done = played(PLANTED_FEN="1")
    assert done.returncode == 1, done.stdout + done.stderr
    found = verdicts(done)
    assert {name for name, mark in found.items() if mark == "✗"} == FAILED
    assert len(found) == 21 and "the order is that of LC-LOAN" in found
    for lender in ("liaocheng-ccb", "liaocheng-fund"):
        assert found[f"{lender} paid once, on its notice's certificate, into the deposit account"] == "✓"
    assert re.search(r"^  mortgage  rank 1: .*\n  mortgage  rank 2: .*\n  notice    none$", done.stdout, re.MULTILINE)
    assert re.search(r"^  waiting for +nobody$", done.stdout, re.MULTILINE)
    assert "account ESCROW-LC-01: the balance is +1 fen off" in done.stdout
    assert "\x1b" not in done.stdout  # no terminal, no colours


def test_a_case_paid_in_full_passes_every_check_without_lenders() -> None:
    done = played(PROCEDURE="LC-FULL")
    assert done.returncode == 0, done.stdout + done.stderr
    found = verdicts(done)
    assert set(found.values()) == {"✓"} and len(found) == 18
    assert "the order is that of LC-FULL" in found
    assert "  mortgage  none\n  notice    none\n" in done.stdout


def test_X_3_a_way_out_prints_its_clause_the_money_and_the_register_and_passes_every_check() -> None:
    done = played(WAY_OUT="price-below-payoff-without-top-up")
    assert done.returncode == 0, done.stdout + done.stderr
    found = verdicts(done)
    assert set(found.values()) == {"✓"} and "each payer has exactly his own back" in found
    assert "otherwise: price-below-payoff-without-top-up" in done.stdout
    assert re.search(r"^  cancelled under X-3: withdrawal by agreement", done.stdout, re.MULTILINE)
    assert re.search(r"^out  .*refund +¥400,000.00 +¥400,000.00$", done.stdout, re.MULTILINE)
    assert re.search(r"^  mortgage  rank 1: .*\n  notice    none\n  folio     free$", done.stdout, re.MULTILINE)


def test_an_unknown_procedure_is_told_which_there_are() -> None:
    done = played(PROCEDURE="LC-NONE")
    assert done.returncode == 2 and done.stdout == ""
    assert "PROCEDURE: LC-NONE is none of LC-LOAN, LC-FULL" in done.stderr


def test_ctrl_c_in_the_middle_of_a_case_leaves_no_process(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("w") as file:
        demo = subprocess.Popen(DEMO, cwd=CHECKOUT, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + WITHIN_S
        while "case-opened" not in output.read_text() and demo.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        started = [identify(pid) for pid in _descendants(demo.pid)]
        assert len(started) >= 10, output.read_text()  # Kafka, MongoDB, rail, nursery, five services, observer
        demo.send_signal(signal.SIGINT)
        time.sleep(0.2)
        demo.send_signal(signal.SIGINT)  # make passes its own on
        assert demo.wait(60) == 130
    finally:
        demo.kill()
        demo.wait()
    assert not [one for one in started if one is not None and alive(one)]
    assert "interrupted; nothing that was started is left running" in output.read_text()
    assert "Traceback" not in output.read_text()


def _descendants(pid: int) -> list[int]:
    """The process ids of a process's children and of theirs, whichever of its threads started them."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return [one for child in children for one in (child, *_descendants(child))]
