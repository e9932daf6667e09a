"""Every demand in force has a rule and a test that name it: `python -m tests.demands`.

A rule names its demands in its docstring (`LC-F4, X-1 …`), a test in its name (`test_LC_F4_…`). What the regulator asks
for is answered by the observer, whose pages count as rules. With `--prove` each
rule's body is emptied in turn, and of each demand that it names some test must then fail: so the link is not only
written down. Exit status 1 where something is missing, each on its own line.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = ("services/*/rules/**/*.py", "services/observer/cases.py")
TESTS = ("tests/rules/**/test_*.py", "tests/observer/test_*cases.py", "tests/stories/**/test_*.py")

DEMANDS: Mapping[str, tuple[str, ...]] = {
    "LC-FULL": ("LC-F1", "LC-F2", "LC-F3", "LC-F4"),
    "LC-LOAN": ("LC-L1", "LC-L2", "LC-L3", "LC-L4", "LC-L5", "LC-L6", "LC-L7"),
    "Liaocheng's responsibilities": ("LC-R1", "LC-R2", "LC-R3", "LC-R4", "LC-R5"),
    "Shenzhen": ("SZ-0", "SZ-V1", "SZ-R2", "SZ-R4", "SZ-P1", "SZ-G1", "SZ-B1"),
    "SZ-SEQ": ("SZ-S1", "SZ-S2", "SZ-S3", "SZ-S4", "SZ-S5", "SZ-S6", "SZ-S7"),
    "SZ-DUAL": ("SZ-D1", "SZ-D2", "SZ-D3", "SZ-D4", "SZ-D5", "SZ-D6", "SZ-D7"),
    "Zaozhuang": (*(f"ZZ-{n}" for n in range(3, 15)), "ZZ-F"),
    "Panjin": tuple(f"PJ-{n}" for n in range(3, 11)),
    "PN": tuple(f"PN-{n}" for n in range(1, 10)),
    "every procedure": ("X-1", "X-2", "X-3", "X-4", "X-5"),
}
"""What the policy documents demand, by the procedure that answers it."""

RELEASED = ("LC-FULL", "LC-LOAN", "Liaocheng's responsibilities", "every procedure")
"""The procedures of this release: their demands are in force."""

ID = re.compile(r"\b(?:(?:LC|SZ)-[A-Z]?[0-9]+|(?:ZZ|PJ|PN)-(?:[0-9]+|F)|X-[0-9]+)\b")
TEST = re.compile(r"test_((?:(?:(?:LC|SZ)_[A-Z]?[0-9]+|(?:ZZ|PJ|PN)_(?:[0-9]+|F)|X_[0-9]+)(?:_|$))+)")


@dataclass(frozen=True, order=True, slots=True)
class Named:
    """A rule or a test, with the demands that it names."""

    path: str
    name: str
    demands: tuple[str, ...]

    @property
    def node(self) -> str:
        """As pytest writes it: path::name."""
        return f"{self.path}::{self.name}"


def in_force(released: Iterable[str] = RELEASED) -> tuple[str, ...]:
    """The demands of the released procedures, in their order."""
    return tuple(demand for procedure in released for demand in DEMANDS[procedure])


def all_rules(root: Path = ROOT) -> list[Named]:
    """Every function in a file of rules whose docstring names a demand."""
    found: list[Named] = []
    for path, tree in _trees(root, RULES):
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                demands = tuple(dict.fromkeys(ID.findall(ast.get_docstring(node) or "")))
                if demands:
                    found.append(Named(path, node.name, demands))
    return sorted(found)


def all_tests(root: Path = ROOT) -> list[Named]:
    """Every test whose name names a demand."""
    found: list[Named] = []
    for path, tree in _trees(root, TESTS):
        classes = [(f"{node.name}::", node.body) for node in tree.body if isinstance(node, ast.ClassDef)]
        for within, body in (("", tree.body), *classes):
            for node in body:
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                if named := TEST.match(node.name):
                    demands = re.findall(r"[A-Z]+_[A-Z]?[0-9]+|ZZ_F", named[1])
                    found.append(Named(path, within + node.name, tuple(d.replace("_", "-") for d in demands)))
    return sorted(found)


def _trees(root: Path, patterns: Iterable[str]) -> Iterator[tuple[str, ast.Module]]:
    for pattern in patterns:
        for file in sorted(root.glob(pattern)):
            yield file.relative_to(root).as_posix(), ast.parse(file.read_text("utf-8"))


def missing(root: Path = ROOT, released: Iterable[str] = RELEASED) -> list[str]:
    """What is not linked: a line for each demand in force without a rule or a test, and for each unknown id."""
    ruling, showing = all_rules(root), all_tests(root)
    known = {demand for demands in DEMANDS.values() for demand in demands}
    lines: list[str] = []
    for demand in in_force(released):
        if not any(demand in rule.demands for rule in ruling):
            lines.append(f"{demand}: no rule names it in its docstring")
        if not any(demand in test.demands for test in showing):
            lines.append(f"{demand}: no test is named test_{demand.replace('-', '_')}_…")
    for named in (*ruling, *showing):
        unknown = [demand for demand in named.demands if demand not in known]
        lines += [f"{named.node} names {demand}, which nobody demands" for demand in unknown]
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 where a link is missing or, with `--prove`, only written down."""
    parser = argparse.ArgumentParser(prog="python -m tests.demands", description=__doc__)
    parser.add_argument("--prove", action="store_true", help="empty each rule in turn and see its tests fail")
    parser.add_argument("--within", type=float, default=300.0, help="seconds that the proof may take")
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree to look at")
    parser.add_argument("--released", nargs="+", choices=list(DEMANDS), default=list(RELEASED))
    chosen = parser.parse_args(arguments)
    lines = missing(chosen.root, chosen.released)
    if chosen.prove:
        from tests.demands_proof import unproved

        lines += unproved(chosen.root, in_force(chosen.released), chosen.within)
    ruling, showing = all_rules(chosen.root), all_tests(chosen.root)
    for demand in in_force(chosen.released):
        spoken = sum(demand in rule.demands for rule in ruling)
        shown = sum(demand in test.demands for test in showing)
        broken = any(demand in ID.findall(line) for line in lines)
        sys.stdout.write(f"{demand:6} {spoken:3} rules {shown:4} tests  {'NOT LINKED' if broken else 'linked'}\n")
    for line in lines:
        sys.stdout.write(line + "\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
