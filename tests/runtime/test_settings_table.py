"""The tables of settings in docs/operations.md are those of the code, so they cannot drift.

`python -m tests.runtime.test_settings_table` writes them anew.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from services.runtime.settings import HouseSettings, Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operations.md"
SOURCES = ("contracts", "services", "deploy", ".ci", "Makefile")
TABLES: dict[str, tuple[type[BaseModel], str]] = {"settings": (Settings, "DAIYA_"), "house": (HouseSettings, "")}


def table(model: type[BaseModel], prefix: str) -> str:
    """One line per field: name as it is set, default, meaning."""
    lines = [f"| {'variable' if prefix else 'field'} | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        default = "required" if field.default is PydanticUndefined else _shown(field.default)
        shown = f"{prefix}{name.upper()}" if prefix else name
        lines.append(f"| `{shown}` | {default} | {field.description} |")
    return "\n".join(lines)


def _shown(default: object) -> str:
    return "none" if default in (None, ()) else f"`{default}`"


def block(name: str) -> re.Pattern[str]:
    """A table's place in the page: between its two marks."""
    return re.compile(rf"(<!-- {name}: begin[^\n]*-->\n)(.*?)(<!-- {name}: end -->)", re.DOTALL)


def mentioned() -> Iterator[str]:
    """Every DAIYA_ variable that the tree reads or sets."""
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix in ("", ".py", ".sh", ".yaml"):
                yield from re.findall(r"\bDAIYA_[A-Z_]*[A-Z]\b", file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", TABLES)
def test_the_table_in_the_page_is_that_of_the_code(name: str) -> None:
    found = block(name).search(PAGE.read_text(encoding="utf-8"))
    assert found is not None, f"{PAGE} has lost its marks for {name}"
    assert found[2].strip() == table(*TABLES[name])


@pytest.mark.parametrize("name", TABLES)
def test_every_setting_says_what_it_is(name: str) -> None:
    assert [n for n, field in TABLES[name][0].model_fields.items() if not field.description] == []


def test_the_page_names_every_variable_that_the_tree_does() -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = set(mentioned())
    assert "DAIYA_RAIL_BOOKS" in names
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def write() -> None:
    """Put the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    for name, of in TABLES.items():
        text = table(*of).replace("\\", r"\\")
        page = block(name).sub(rf"\g<1>{text}\n\g<3>", page)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    write()
