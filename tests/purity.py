"""Proves that what must be pure is pure: `python -m tests.purity` names each fault and exits 1 if there is one.

Contracts, the core of the runtime and all of an institution but its desk and its process give the same words for
the same file, whenever and wherever they run. So: no clock, no chance, no I/O, no hash or id, no order that comes
from a set, no state outside the values handed in. A file of rules also reads as sentences: no `self`, no `async`,
no decorators, no functions named handler, manager, process or data.
"""

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.purity_names import Names, names_of_sets
from tests.purity_sets import unordered

ROOT = Path(__file__).resolve().parent.parent

PURE = ("contracts/**/*.py", "services/runtime/core/**/*.py", "services/*/*.py", "services/*/rules/**/*.py")
IMPURE = ("contracts/generate.py", "services/runtime/*.py", "services/*/desk*.py", "services/*/service.py",
          "services/observer/feeds.py")  # fmt: skip

EXCUSED: Mapping[tuple[str, str], str] = {
    ("contracts/event.py", "EVENTS"): "the register of events, filled once, while their classes are made",
}
"""Module-level names that functions may write to after all, by file, each with the reason."""

MODULES = {
    "clock": "calendar_clock sched time timeit zoneinfo",
    "chance": "random secrets",
    "I/O": (
        "aiokafka asyncio builtins concurrent ctypes fastapi faststream fileinput ftplib glob http httpx importlib "
        "io logging mmap motor multiprocessing os pathlib prometheus_client pymongo requests rich select selectors "
        "shutil signal smtplib socket socketserver sqlite3 ssl starlette structlog subprocess sys tempfile "
        "threading typer urllib uvicorn warnings yaml"
    ),
}
FORBIDDEN_MODULES = {name: what for what, names in MODULES.items() for name in names.split()}
CALLS = {
    **dict.fromkeys(("now", "utcnow", "today", "utcfromtimestamp", "fromtimestamp"), "asks the clock"),
    **dict.fromkeys(("uuid1", "uuid4", "urandom", "getrandbits"), "is chance"),
}
BUILTINS = {
    **dict.fromkeys(("open", "print", "input", "breakpoint", "exec", "eval", "__import__"), "is I/O"),
    "hash": "differs from run to run (PYTHONHASHSEED)",
    "id": "is an address in memory",
    "globals": "reaches state outside the values handed in",
}
MUTATORS = frozenset(
    {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse"}
    | {"setdefault", "sort", "update"}
)
NOT_NAMES = ("handler", "manager", "process", "data")


@dataclass(frozen=True, order=True, slots=True)
class Fault:
    """What is wrong, and where."""

    path: str
    line: int
    what: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def pure_files(root: Path = ROOT) -> list[str]:
    """The files that must be pure, as paths from the root."""
    found = {file.relative_to(root).as_posix() for pattern in PURE for file in root.glob(pattern)}
    spared = {file.relative_to(root).as_posix() for pattern in IMPURE for file in root.glob(pattern)}
    return sorted(found - spared)


def faults(root: Path = ROOT, excused: Mapping[tuple[str, str], str] = EXCUSED) -> list[Fault]:
    """Every fault in the tree under `root`, excuses taken into account; an excuse for nothing is a fault too."""
    trees = {path: ast.parse((root / path).read_text("utf-8")) for path in pure_files(root)}
    sets = names_of_sets(trees.values())
    found = [fault for path, tree in trees.items() for fault in faults_in(path, tree, sets)]
    used = {(fault.path, fault.name) for fault in found if (fault.path, fault.name) in excused}
    stale = [
        Fault(path, 1, f"nothing here writes to {name}, so it needs no excuse", name)
        for path, name in set(excused) - used
        if path in trees
    ]
    return sorted([fault for fault in found if (fault.path, fault.name) not in used] + stale)


def faults_in(path: str, tree: ast.Module, sets: frozenset[str] | None = None) -> Iterator[Fault]:
    """The faults of one file. `sets`: attributes and functions known to be sets; by default those of the file."""
    names = Names(tree)
    known = names_of_sets([tree]) if sets is None else sets
    for node in ast.walk(tree):
        for what in (*_imports(node), *_clock_chance_io(node, names)):
            yield Fault(path, _line(node), what)
        for name in _written_state(node, names):
            yield Fault(path, _line(node), f"writes to {name}, which outlives the call", name)
        if "/rules/" in path:
            for what in _not_a_sentence(node):
                yield Fault(path, _line(node), what)
    for node in unordered(tree, names, known):
        yield Fault(path, _line(node), "takes its order from a set: sort it")


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 1)


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [node.module or ""]
        for alias in node.names:
            if alias.name in CALLS:
                yield f"imports {alias.name}, which {CALLS[alias.name]}"
    else:
        return
    for module in modules:
        what = FORBIDDEN_MODULES.get(module.split(".")[0])
        if what is not None:
            yield f"imports {module} ({what})"


def _clock_chance_io(node: ast.AST, names: Names) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        if node.attr in CALLS and isinstance(names.parent(node), ast.Call):
            yield f"{node.attr} {CALLS[node.attr]}"
        if node.attr == "environ":
            yield "environ is I/O"
        if node.attr == "astimezone" and _called_bare(node, names):
            yield "astimezone without a zone asks the machine for its own"
    if isinstance(node, ast.Name) and node.id in BUILTINS and names.is_builtin(node):
        yield f"{node.id} {BUILTINS[node.id]}"


def _called_bare(node: ast.Attribute, names: Names) -> bool:
    """Whether an attribute is called without any argument."""
    call = names.parent(node)
    return isinstance(call, ast.Call) and call.func is node and not call.args and not call.keywords


def _written_state(node: ast.AST, names: Names) -> Iterator[str]:
    """The module-level names that this node writes to from within a function."""
    if names.function(node) is None:
        return
    if isinstance(node, ast.Global):
        yield from node.names
    targets: Sequence[ast.expr] = ()
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    for target in targets:
        root = _root(target) if isinstance(target, ast.Subscript | ast.Attribute) else None
        if root is not None and names.is_of_the_module(root):
            yield root.id
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        root = _root(node.func)
        if root is not None and names.is_of_the_module(root):
            yield root.id


def _root(node: ast.expr) -> ast.Name | None:
    """The name that a chain of attributes and subscripts starts from."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _not_a_sentence(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
        yield "a rule is not async"
    if isinstance(node, ast.arg) and node.arg in ("self", "cls"):
        yield f"a rule has no {node.arg}: views belong in facts.py"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for decorator in node.decorator_list:
            yield f"a rule has no decorators: @{ast.unparse(decorator)}"
        for word in NOT_NAMES:
            if word in node.name.lower():
                yield f"{node.name} says how, not what: no {word}"


def main() -> int:
    """Exit status 1 where there is a fault; each on its own line."""
    found = faults()
    for fault in found:
        sys.stdout.write(f"{fault}\n")
    if not found:
        sys.stdout.write(f"{len(pure_files())} files are pure\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
