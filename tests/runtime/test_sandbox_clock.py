"""The clock on which days pass: one moment of the machine is one of the sandbox, whoever asks and whenever."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import uuid
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from contracts.envelope import PARTITIONS, Record, partition_of
from deploy.days import Days
from deploy.stack import CHECKOUT, Stack
from services.runtime import logs
from services.runtime.clock import SystemClock
from services.runtime.log.kafka import KafkaLog
from services.runtime.rail import Transfer
from services.runtime.rail.memory import MemoryRail
from services.runtime.sandbox_clock import BadClock, Jump, SandboxClock, SandboxLog, SandboxRail, read_jumps
from services.runtime.settings import Settings
from tests.support import kafka

CHINA = timezone(timedelta(hours=8))
STARTS = datetime(2026, 3, 2, 9, tzinfo=CHINA)
DAY = timedelta(days=1)
WAITS_S = 0.3  # long enough for who does not wait, and would be found out; who waits is given all the time
LINES = (
    "2026-11-22T19:00:00.000+00:00 -P10D",
    "2026-11-22T19:00:01.000+00:00 P0D",
    "2026-11-22T19:00:02.500+00:00 P90DT1H",
)


@pytest.fixture
def days(tmp_path: Path) -> Days:
    return Days(tmp_path / "clock", STARTS)


def of(path: Path, *lines: str) -> SandboxClock:
    path.write_text("".join(f"{line}\n" for line in lines))
    return SandboxClock(path)


@pytest.mark.parametrize(
    ("machine", "ahead"),
    [
        ("2026-11-01T00:00:00+00:00", -10 * DAY),
        ("2026-11-22T19:00:00.999+00:00", -10 * DAY),
        ("2026-11-22T19:00:01+00:00", 0 * DAY),
        ("2026-11-22T19:00:02.499999+00:00", 0 * DAY),
        ("2026-11-23T03:00:02.500+08:00", 90 * DAY + timedelta(hours=1)),
        ("2027-01-01T00:00:00+00:00", 90 * DAY + timedelta(hours=1)),
    ],
)
def test_a_moment_of_the_machine_is_as_far_ahead_as_the_newest_jump_before_it(
    tmp_path: Path, machine: str, ahead: timedelta
) -> None:
    moment = datetime.fromisoformat(machine)
    assert of(tmp_path / "clock", *LINES).at(moment) == moment + ahead


def test_a_line_is_read_as_it_is_written() -> None:
    for line in LINES:
        assert Jump.read(Jump.read(line).line()) == Jump.read(line)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), "it is empty"),
        (("tomorrow P1D",), "line 1"),
        (("2026-11-22T19:00:00 P1D",), "line 1"),
        (("2026-11-22T19:00:00+00:00",), "line 1"),
        (("2026-11-22T19:00:00+00:00 91",), "line 1"),
        ((*LINES, "2026-11-22T20:00:00+00:00 P90D"), "line 4: this clock does not go back"),
        ((*LINES, "2026-11-22T19:00:02.500+00:00 P91DT1H"), "line 4: this clock does not go back"),
    ],
)
def test_what_is_no_clock_is_refused_with_its_line(tmp_path: Path, lines: tuple[str, ...], why: str) -> None:
    with pytest.raises(BadClock, match=why) as refused:
        of(tmp_path / "clock", *lines)
    assert str(tmp_path / "clock") in str(refused.value)


def test_it_starts_when_it_is_told_to_and_days_pass_at_once(days: Days) -> None:
    machine = SystemClock()
    began = machine.now()
    assert STARTS <= days.clock.now() <= STARTS + (machine.now() - began) + DAY / 1000
    moments = [days.clock.now()]
    for count in (1, 90):
        days.pass_by(count)
        moments.append(days.clock.now())
    took = machine.now() - began + DAY / 1000
    assert all(
        count * DAY <= later - earlier <= count * DAY + took
        for count, earlier, later in zip((1, 90), moments, moments[1:], strict=False)
    )
    with pytest.raises(ValueError, match="0 days cannot pass"):
        days.pass_by(0)


def test_a_jump_begins_after_whoever_was_reading(days: Days) -> None:
    """Else a record that was read before the jump would have another time when it is read again."""
    with days.path.open() as reading:
        fcntl.flock(reading, fcntl.LOCK_SH)
        passing = threading.Thread(target=days.pass_by, args=(1,))
        passing.start()
        passing.join(WAITS_S)
        moment = datetime.now(UTC)
        before = days.clock.at(moment)
    passing.join()
    assert days.clock.at(moment) == before < days.clock.now() - DAY


def test_who_reads_while_a_jump_is_written_reads_the_jump(days: Days) -> None:
    with ThreadPoolExecutor(1) as pool:
        with days.path.open("r+") as writing:
            fcntl.flock(writing, fcntl.LOCK_EX)
            newest = read_jumps(writing)[-1]
            moment = newest.since + timedelta(seconds=1)
            reading = pool.submit(days.clock.at, moment)
            futures.wait([reading], WAITS_S)
            writing.write(f"{Jump(moment, newest.ahead + DAY).line()}\n")
        assert reading.result() == days.clock.at(moment) == moment + newest.ahead + DAY


async def test_the_rails_bookings_are_seen_by_it_and_so_whenever_they_are_read(days: Days) -> None:
    memory = MemoryRail(SystemClock().now)
    memory.open("escrow", "公证处", 1000)
    memory.open("seller", "卖方", 0)
    rail = SandboxRail(memory, days.clock)
    for _ in range(2):
        key = uuid.uuid4().hex
        order = Transfer(key=key, from_account="escrow", to_account="seller", amount_fen=1, reference="LC-1 购房款")
        await rail.transfer(order)
        memory.settle_all()
        days.pass_by(30)
    read = await rail.statement("seller", 0)
    assert [await rail.statement("seller", n) for n in (0, 1)] == [read, read[1:]]
    first, second = (line.booked_at for line in read)
    assert STARTS <= first < STARTS + DAY
    assert STARTS + 30 * DAY <= second < STARTS + 31 * DAY
    by_the_machine = [line.booked_at for line in await memory.statement("seller", 0)]
    assert [days.clock.at(at) for at in by_the_machine] == [first, second]


@pytest.mark.live
async def test_the_brokers_times_are_seen_by_it_and_so_whenever_they_are_read(infrastructure: Any, days: Days) -> None:
    topic = f"daiya.test.{uuid.uuid4().hex[:12]}"
    await kafka.create_topics(infrastructure.kafka, {topic: PARTITIONS})
    raw = KafkaLog([infrastructure.kafka])
    log = SandboxLog(raw, days.clock)
    partition = partition_of("folio")
    for n in range(3):
        await log.append(topic, Record(b"folio", str(n).encode(), ()))
        days.pass_by(45)
    read = await log.page(topic, partition, 0, 10)
    assert [int((one.at - STARTS) / DAY) for one in read] == [0, 45, 90]
    days.pass_by(45)
    assert await log.page(topic, partition, 0, 10) == read
    stamped = await raw.page(topic, partition, 0, 10)
    assert days.clock.batch(stamped) == list(read)
    assert stamped[-1].at - stamped[0].at < DAY  # the broker's own clock has not moved
    await raw.close()


@pytest.mark.parametrize("role", ["escrow", "observer"])
def test_a_service_refuses_to_start_with_a_clock_that_cannot_be_read(tmp_path: Path, role: str) -> None:
    clock = tmp_path / "clock"
    clock.write_text("half past nine\n")
    env = {"DAIYA_SANDBOX_CLOCK": str(clock)}
    command = [sys.executable, "-m", "services.cli", "serve", role, "--institution", "liaocheng-notary"]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=os.environ | env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert f"{clock}, line 1" in done.stderr


def test_the_first_that_a_service_logs_is_that_its_clock_is_a_sandboxs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, days: Days
) -> None:
    monkeypatch.setenv("DAIYA_SANDBOX_CLOCK", str(days.path))
    logs.configure("escrow", "liaocheng-notary", Settings())  # pyright: ignore[reportCallIssue]
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert told["level"] == "warning" and "sandbox" in told["event"] and told["now"].startswith("2026-03-02T01:00")


def test_no_days_pass_on_a_stack_that_was_not_started_for_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ephemeral"):
        Stack(tmp_path, starts=STARTS)
    with pytest.raises(RuntimeError, match="the machine's clock"):
        _ = Stack(tmp_path, ephemeral=True).days
