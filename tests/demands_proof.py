"""Empties each rule in turn and runs the tests of the demands that it names: for tests.demands.

Each rule is emptied in a process of its own, forked, so that nothing is imported twice; there the file of the rule
is read with that one body taken out. The tree stays as it is: any number of proofs can run beside each other.
"""

import ast
import importlib
import importlib.util
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest

from tests.demands import ROOT, Named, all_rules, all_tests

ONE_RULE_WITHIN = 60.0
SEEDS = 3
FOLDERS = (("tests/rules/", True), ("tests/observer/", True), ("tests/rules/", False), ("tests/stories/", None))
"""Where tests are, in the order of asking, and whether near to a rule, far from it, or either."""
# Only that a test fails matters, not what it says then: so nothing that makes messages, and no plugin not needed.
PYTEST = ("-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin")
CONTEXT = multiprocessing.get_context("fork")


def emptied(source: str, function: str) -> str:
    """The source with the body of one function taken out: a generator then yields nothing, any other gives None.

    Raises ValueError where the module has no such function.
    """
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            silent: list[ast.stmt] = [ast.Return(None)]
            node.body = [*silent, ast.Expr(ast.Yield(None))] if _yields(node) else silent
            return ast.unparse(ast.fix_missing_locations(tree))
    raise ValueError(f"there is no function {function}")


def _yields(function: ast.FunctionDef) -> bool:
    """Whether a function is a generator; what functions within it yield does not count."""
    nodes: list[ast.AST] = list(function.body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            nodes += ast.iter_child_nodes(node)
    return False


def unproved(root: Path, demands: Sequence[str], within: float, rules: Sequence[Named] = ()) -> list[str]:
    """A line for each of these demands and each rule that names it, where no test of the demand fails once the
    rule is emptied; and for each test that fails anyway, which proves nothing. `within`: seconds for all of it;
    `rules`: which ones, all where none is given.

    Asked first are the tests of the rule's own institution, then the others, and last the stories: each only
    about what those before did not notice.
    """
    ends = time.monotonic() + within
    if root == ROOT:
        _preload()
    shown = [test for test in all_tests(root) if set(test.demands) & set(demands)]
    left = {rule: frozenset(rule.demands) & frozenset(demands) for rule in rules or all_rules(root)}
    sound: dict[str, list[Named]] = {}
    lines: list[str] = []
    why: dict[Named, str] = {}
    for folder, near in FOLDERS:
        left = {rule: wanted for rule, wanted in left.items() if wanted}
        if left and folder not in sound:
            of_it = [test for test in shown if test.path.startswith(folder)]
            sound[folder] = _sound(root, of_it, ends, lines)
        proofs = [
            _Proof(root, rule, _asked(rule, sound[folder], wanted, near), wanted) for rule, wanted in left.items()
        ]
        for proof in _run_all([proof for proof in proofs if proof.shown], ends):
            assert proof.rule is not None
            left[proof.rule] = proof.unnoticed
            why[proof.rule] = "each of its tests still passes" if proof.answer is not None else proof.why
    for rule, wanted in left.items():
        happened = f"with {rule.node} emptied: {why.get(rule, 'it has no test that passes')}"
        lines += [f"{demand}: {happened}" for demand in sorted(wanted)]
    return lines


def _sound(root: Path, of_it: list[Named], ends: float, lines: list[str]) -> list[Named]:
    """Those tests that pass with every rule in place; about the others a line is added."""
    (whole,) = _run_all([_Proof(root, None, of_it)], ends)
    if whole.answer is None:
        lines.append(f"{of_it[0].path.rsplit('/', 1)[0]}: its tests did not run: {whole.why}")
        return []
    lines += [f"{node} fails with every rule in place, so it proves nothing" for node in whole.answer]
    return [test for test in of_it if test.node not in whole.answer]


def _asked(rule: Named, sound: Iterable[Named], wanted: frozenset[str], near: bool | None) -> list[Named]:
    """The tests of these demands that are near to a rule, in files named by its institution, or far, or either."""
    institution = rule.path.split("/")[1]
    of_it = [test for test in sound if wanted & set(test.demands)]
    return [test for test in of_it if near is None or (institution in test.path) == near]


@dataclass
class _Proof:
    """One rule emptied (or none), and the tests that should notice."""

    root: Path
    rule: Named | None
    shown: Sequence[Named]
    wanted: frozenset[str] = frozenset()
    answer: list[str] | None = None
    why: str = "out of time"
    started: float = field(default_factory=time.monotonic)

    @property
    def unnoticed(self) -> frozenset[str]:
        """The demands of which no test has failed."""
        by_node = {test.node: test for test in self.shown}
        return self.wanted - {demand for node in self.answer or () for demand in by_node[node].demands}


def _preload() -> None:
    """Import once, before any fork, what takes long; what knows the rule that is emptied is imported anew."""
    parts = sorted(f"services.{path.parent.name}.{path.stem}" for path in (ROOT / "services").glob("*/service.py"))
    for module in ("pytest_asyncio.plugin", "services.runtime.core.fold", *parts, "tests.conftest"):
        importlib.import_module(module)


def _run_all(proofs: Sequence[_Proof], ends: float) -> list[_Proof]:
    """Run the proofs, as many at a time as there are processors, until all are done or the time is up."""
    waiting, running = [proof for proof in reversed(proofs) if proof.shown], dict[Any, tuple[_Proof, Any]]()
    for proof in proofs:
        if not proof.shown:
            proof.answer = []
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 2) and time.monotonic() < ends:
            proof = waiting.pop()
            ours, theirs = CONTEXT.Pipe(duplex=False)
            process = CONTEXT.Process(target=_prove, args=(proof, theirs))
            proof.started = time.monotonic()
            process.start()
            theirs.close()
            running[ours] = (proof, process)
        if time.monotonic() >= ends:
            waiting.clear()
        for connection in wait(list(running), timeout=0.2):
            proof, process = running.pop(connection)
            _read(proof, connection)
            process.join()
        for connection, (proof, process) in list(running.items()):
            limit = ends if proof.rule is None else min(ends, proof.started + ONE_RULE_WITHIN)
            if time.monotonic() >= limit:
                process.kill()
                process.join()
                del running[connection]
    return list(proofs)


def _read(proof: _Proof, connection: Any) -> None:
    try:
        answer = json.loads(connection.recv_bytes())
    except EOFError:
        proof.why = "the process that ran its tests died"
        return
    ran = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    if answer["status"] in ran and not answer["broken"]:
        proof.answer = answer["failed"]
    else:
        proof.why = f"its tests cannot be read (pytest status {answer['status']}): {answer['broken'][:3]}"


# --- in the forked process ------------------------------------------------------------------------------


def _prove(proof: _Proof, connection: Any) -> None:
    """Run the proof's tests and send what failed; never comes back to what was forked."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(proof.root)
    sys.path.insert(0, str(proof.root))
    for name in [name for name in sys.modules if _anew(name, proof)]:
        del sys.modules[name]
    if proof.rule is not None:
        sys.meta_path.insert(0, _Emptying(proof.root / proof.rule.path, proof.rule))
    # The first example that fails is enough: it need not be made small.
    hypothesis.settings.register_profile("proof", phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate])
    hypothesis.settings.load_profile("proof")
    watcher = _Watcher({test.node: test.demands for test in proof.shown}, proof.wanted)
    options = [*PYTEST, "--rootdir", str(proof.root)]
    status = pytest.main([*options, *(test.node for test in proof.shown)], plugins=[watcher])
    answer = {"status": int(status), "failed": sorted(watcher.failed), "broken": watcher.broken}
    connection.send_bytes(json.dumps(answer).encode())
    connection.close()
    os._exit(0)


SHARED = {
    "lending": ("buyer_bank", "fund_center"),
    "money": ("escrow", "seller_bank", "lending", "buyer_bank", "fund_center"),
}
"""Whose rules are composed of those of another part of the services."""


def _anew(module: str, proof: _Proof) -> bool:
    """Whether a module that was imported before the fork must be imported again: whatever may know the rule, and of
    another tree everything."""
    top, *inner = module.split(".")
    if proof.root != ROOT:
        return top in ("contracts", "deploy", "services", "tests")
    part = proof.rule.path.split("/")[1] if proof.rule is not None else ""
    return top == "tests" or (top == "services" and inner[:1] != [] and inner[0] in (part, *SHARED.get(part, ())))


class _Watcher:
    """A pytest plugin: which tests fail, and when enough of them have."""

    def __init__(self, demands: Mapping[str, Sequence[str]], wanted: frozenset[str]) -> None:
        self._demands = demands
        self._wanted = wanted
        self.failed: set[str] = set()
        self.broken: list[str] = []

    @pytest.hookimpl
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Of a story that is told with many seeds, a few."""
        told: dict[str, int] = {}
        for item in list(items):
            node = item.nodeid.split("[")[0]
            told[node] = told.get(node, 0) + 1
            if "/stories/" in node and told[node] > SEEDS:
                items.remove(item)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken.append(report.nodeid)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid.split("[")[0])

    @pytest.hookimpl
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        noticed = {demand for node in self.failed for demand in self._demands[node]}
        if self._wanted and self._wanted <= noticed:
            item.session.shouldstop = "each demand has a test that noticed"


class _Emptying(MetaPathFinder, Loader):
    """Finds one module, and makes it with one function emptied."""

    def __init__(self, file: Path, rule: Named) -> None:
        self._file = file
        self._rule = rule
        parts = Path(rule.path).with_suffix("").parts
        self._module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        return importlib.util.spec_from_file_location(fullname, self._file, loader=self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        source = emptied(self._file.read_text("utf-8"), self._rule.name)
        exec(compile(source, str(self._file), "exec"), module.__dict__)  # noqa: S102
