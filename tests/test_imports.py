"""The direction of imports: the tree keeps it, and the list of what may be imported refuses all else."""

import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from grimp import ImportGraph

from tests.only_contract import OnlyContract

ROOT = Path(__file__).resolve().parent.parent


def test_the_tree_keeps_the_direction_of_imports() -> None:
    """Run as `make check` does, without naming a file; so it is shown too which file is read, and that it is whole."""
    written = ConfigParser()
    written.read(ROOT / ".importlinter", encoding="utf-8")
    names = {written[part]["name"] for part in written.sections() if part.startswith("importlinter:contract:")}
    command = [str(Path(sys.executable).parent / "lint-imports")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = {line.removesuffix(" KEPT") for line in done.stdout.splitlines() if line.endswith(" KEPT")}
    assert kept == names and len(names) >= 7


def test_there_is_one_list_of_what_may_be_imported() -> None:
    elsewhere = [name for name in ("setup.cfg", "pyproject.toml") if (ROOT / name).is_file()]
    assert not [name for name in elsewhere if "importlinter" in (ROOT / name).read_text(encoding="utf-8")]


def graph(*imports: tuple[str, str]) -> ImportGraph:
    made = ImportGraph()
    for importer, imported in imports:
        for module in (importer, imported):
            if module not in made.modules:
                made.add_module(module, is_squashed=not module.startswith(("services", "contracts")))
        made.add_import(importer=importer, imported=imported, line_number=3, line_contents=f"import {imported}")
    return made


def wrong(imports: ImportGraph, **options: Any) -> list[str]:
    """What a contract over rules finds in these imports."""
    rules = {
        "source_modules": ["services.*.rules", "services.*.facts"],
        "allowed_modules": ["contracts", "services.runtime.core", "typing"],
        "private_modules": ["services.*.desk*"],
        "own_depth": "2",
    }
    contract = OnlyContract("rules", {"root_packages": ["services"]}, {**rules, **options})
    return contract.check(imports, verbose=False).metadata["wrong"]


RULES = "services.escrow.rules.liaocheng"


@pytest.mark.parametrize(
    "imported",
    [
        "contracts.event",
        "services.runtime.core.rule",
        "services.escrow.facts",
        "services.escrow.rules.x",
        "typing",
    ],
)
def test_what_is_listed_or_ones_own_may_be_imported(imported: str) -> None:
    assert wrong(graph((RULES, imported))) == []


@pytest.mark.parametrize(
    "imported",
    [
        "os",
        "httpx",
        "services.runtime.store",
        "services.registry.facts",
        "services.escrow.desk",
        "contractsx",
    ],
)
def test_everything_else_may_not(imported: str) -> None:
    assert wrong(graph((RULES, imported))) == [f"{RULES} imports {imported} (line 3)"]


def test_only_the_named_modules_are_held_to_it() -> None:
    assert wrong(graph((RULES, "typing"), ("services.escrow.desk", "httpx"))) == []
    assert wrong(graph((RULES, "os")), any_external="true") == []
    outside = graph((RULES, "services.runtime.store"))
    assert wrong(outside, any_external="true") != []
    assert wrong(graph((RULES, "os"), ("services.escrow.facts", "typing")), except_modules=["services.*.rules"]) == []


def test_a_contract_over_nothing_is_broken() -> None:
    assert wrong(graph(("services.other", "os"))) == ["no module is named services.*.rules, services.*.facts"]
