"""The linter of the pure core finds each planted fault, and only faults."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests import purity
from tests.purity import Fault, faults, faults_in, main, pure_files


def found(code: str, path: str = "services/escrow/facts.py") -> list[str]:
    """What is found in a file with this code."""
    return [fault.what for fault in faults_in(path, ast.parse(code))]


def test_what_must_be_pure_is_pure() -> None:
    assert [str(fault) for fault in faults()] == []


def test_it_looks_at_contracts_core_rules_and_facts_and_not_at_the_shells() -> None:
    files = set(pure_files())
    assert {
        "contracts/event.py",
        "contracts/events/registry.py",
        "services/runtime/core/fold.py",
        "services/escrow/facts.py",
        "services/registry/register.py",
        "services/seller_bank/payoff.py",
        "services/registry/rules/liaocheng.py",
    } <= files
    assert not {"contracts/generate.py", "services/runtime/turn.py", "services/escrow/service.py"} & files


IMPURE = [
    ("import time", "imports time (clock)"),
    ("import random", "imports random (chance)"),
    ("import os.path", "imports os.path (I/O)"),
    ("from pathlib import Path", "imports pathlib (I/O)"),
    ("from urllib.request import urlopen", "imports urllib.request (I/O)"),
    ("def f():\n import socket", "imports socket (I/O)"),
    ("import asyncio", "imports asyncio (I/O)"),
    ("import logging", "imports logging (I/O)"),
    ("import secrets", "imports secrets (chance)"),
    ("import httpx", "imports httpx (I/O)"),
    ("from uuid import uuid4", "imports uuid4, which is chance"),
    ("import uuid\ndef f(): return uuid.uuid4()", "uuid4 is chance"),
    ("import uuid\nx = uuid.uuid1()", "uuid1 is chance"),
    ("from datetime import datetime\ndef f(): return datetime.now(UTC)", "now asks the clock"),
    ("import datetime as d\ndef f(): return d.datetime.utcnow()", "utcnow asks the clock"),
    ("from datetime import date\ndef f(): return date.today()", "today asks the clock"),
    ("def f(t): return t.astimezone()", "astimezone without a zone asks the machine for its own"),
    ("def f(): open('x')", "open is I/O"),
    ("def f(): print(1)", "print is I/O"),
    ("def f(s): return eval(s)", "eval is I/O"),
    ("def f(o): return o.environ", "environ is I/O"),
    ("def f(x): return hash(x)", "hash differs from run to run (PYTHONHASHSEED)"),
    ("def f(xs): return sorted(xs, key=hash)", "hash differs from run to run (PYTHONHASHSEED)"),
    ("def f(x): return id(x)", "id is an address in memory"),
    ("def f(): return globals()", "globals reaches state outside the values handed in"),
]


@pytest.mark.parametrize(("code", "what"), IMPURE)
def test_clock_chance_and_io_are_found(code: str, what: str) -> None:
    assert found(code) == [what]


PURE = [
    "from datetime import datetime, time, timedelta",
    "def f(t, zone): return t.astimezone(zone)",
    "def f(id, hash): return id + hash",
    "class A:\n id: str\n def f(self): return self.id",
    "def f(letter): return letter.now",
    "import re\nx = re.compile('a')",
    "import uuid\ndef f(x): return uuid.uuid5(x, 'a')",
    "def open(x): return x\ndef f(): return open(1)",
]


@pytest.mark.parametrize("code", PURE)
def test_what_only_looks_like_it_is_let_through(code: str) -> None:
    assert found(code) == []


UNORDERED = [
    "def f():\n for x in {1, 2}: yield x",
    "def f(xs): return [x for x in set(xs)]",
    "def f(xs): return {x: 1 for x in frozenset(xs)}",
    "def f(xs): return list(set(xs))",
    "def f(xs): return tuple({x for x in xs})",
    "def f(xs): return ','.join({str(x) for x in xs})",
    "def f(xs): return next(iter(set(xs)))",
    "def f(xs, ys): return [x for x in set(xs) - set(ys)]",
    "def f(xs, ys): return [x for x in xs.keys() & ys.keys()]",
    "def f(xs):\n seen = set(xs)\n for x in seen: yield x",
    "def f(xs):\n seen: set[int] = set()\n return [*seen]",
    "def f(xs: frozenset[int]): return [x for x in xs]",
    "def f(xs: set[int]):\n yield from xs",
    "def f(xs: set[int]):\n a, b = xs",
    "def f(xs: set[int]): return xs.pop()",
    "def f(xs: set[int]): return list(enumerate(xs))",
    "def f(xs: set[int], b): return [x for x in (xs if b else ())]",
    "def f(xs: set[int], ys): return [x for x in xs.union(ys)]",
    "class A:\n xs: frozenset[int]\ndef f(a): return [x for x in a.xs]",
    "def g() -> set[int]: return set()\ndef f(): return [x for x in g()]",
    "SEEN = {1, 2}\ndef f(): return [x for x in SEEN]",
]


@pytest.mark.parametrize("code", UNORDERED)
def test_an_order_that_comes_from_a_set_is_found(code: str) -> None:
    assert found(code) == ["takes its order from a set: sort it"]


ORDERED = [
    "def f(xs): return [x for x in sorted(set(xs))]",
    "def f(xs): return any(x > 1 for x in set(xs))",
    "def f(xs): return {x + 1 for x in set(xs)}",
    "def f(xs): return sum(map(abs, set(xs)))",
    "def f(xs): return sorted(str(x) for x in frozenset(xs))",
    "def f(xs): return max(set(xs)), len(set(xs))",
    "def f(xs): return frozenset(x for x in set(xs))",
    "def f(xs: set[int], ys: set[int]): return {*xs, *ys}",
    "def f(xs): return [x for x in xs]",
    "def f(xs: tuple[int]): return list(xs)",
    "class A:\n xs: frozenset[int]\nclass B:\n xs: tuple[int]\ndef f(b): return [x for x in b.xs]",
    "def f(xs: list[int]): return xs.pop()",
]


@pytest.mark.parametrize("code", ORDERED)
def test_an_order_that_does_not_show_is_let_through(code: str) -> None:
    assert found(code) == []


STATE = [
    "N = 0\ndef f():\n global N\n N = 1",
    "N = {}\ndef f(): N['a'] = 1",
    "N = {}\ndef f():\n del N['a']",
    "N = []\ndef f(): N.append(1)",
    "N = {}\ndef f(): N['a']['b'].update(c=1)",
    "N = [0]\ndef f():\n N[0] += 1",
    "import x as N\ndef f(): N.setting = 1",
    "class N: pass\ndef f(): N.count = 1",
]


@pytest.mark.parametrize("code", STATE)
def test_a_write_to_what_outlives_the_call_is_found(code: str) -> None:
    assert found(code) == ["writes to N, which outlives the call"]


@pytest.mark.parametrize(
    "code",
    [
        "N = {}\nN['a'] = 1",
        "def f():\n n = []\n n.append(1)\n return n",
        "N = []\ndef f(N): N.append(1)",
        "N = {}\ndef f(): return N['a']",
    ],
)
def test_a_write_to_ones_own_is_let_through(code: str) -> None:
    assert found(code) == []


RULE = "services/escrow/rules/liaocheng.py"
NO_SENTENCES = [
    ("async def pay(): return 1", "a rule is not async"),
    ("def pay(self): return 1", "a rule has no self: views belong in facts.py"),
    ("@once\ndef pay(): return 1", "a rule has no decorators: @once"),
    ("def payment_handler(): return 1", "payment_handler says how, not what: no handler"),
    ("def process_payment(): return 1", "process_payment says how, not what: no process"),
    ("class DataManager: pass", "DataManager says how, not what: no manager"),
    ("def read_data(): return 1", "read_data says how, not what: no data"),
]


@pytest.mark.parametrize(("code", "what"), NO_SENTENCES)
def test_what_is_no_sentence_is_found_in_files_of_rules_alone(code: str, what: str) -> None:
    assert what in found(code, RULE)
    assert what not in found(code)


def test_a_fault_names_file_and_line(tmp_path: Path) -> None:
    planted = tmp_path / RULE
    planted.parent.mkdir(parents=True)
    planted.write_text('"""Rules."""\n\n\ndef pay():\n    return hash(1)\n')
    assert list(map(str, faults(tmp_path))) == [f"{RULE}:5: hash differs from run to run (PYTHONHASHSEED)"]


def test_sets_are_known_across_files(tmp_path: Path) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts/a.py").write_text("class A:\n    roles: frozenset[int]\n")
    (tmp_path / "contracts/b.py").write_text("def f(a):\n    return [r for r in a.roles]\n")
    assert list(map(str, faults(tmp_path))) == ["contracts/b.py:2: takes its order from a set: sort it"]


def test_an_excuse_covers_one_name_of_one_file_and_must_be_needed(tmp_path: Path) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts/a.py").write_text("N = []\nM = []\ndef f():\n    N.append(1)\n    M.append(1)\n")
    excused = {("contracts/a.py", "N"): "a reason"}
    assert [fault.name for fault in faults(tmp_path, excused)] == ["M"]
    unneeded = {**excused, ("contracts/a.py", "M"): "a reason", ("contracts/a.py", "K"): "a reason"}
    assert faults(tmp_path, unneeded) == [
        Fault("contracts/a.py", 1, "nothing here writes to K, so it needs no excuse", "K")
    ]


def test_the_command_exits_1_where_there_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(purity, "faults", lambda: [Fault("contracts/a.py", 7, "imports time (clock)")])
    assert main() == 1
    assert capsys.readouterr().out == "contracts/a.py:7: imports time (clock)\n"


def test_it_runs_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.purity"], cwd=purity.ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == (faults() == [])
    assert done.stdout
