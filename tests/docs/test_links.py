"""The pages point to what is there: every relative link, every path and every test that they name."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("contracts", "services", "deploy", "examples", "tests", "docs", ".ci")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))],
    key=str,
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
IN_BACKTICKS = re.compile(r"`([^`\n]+)`")
A_PATH = re.compile(rf"(?:{'|'.join(re.escape(folder) for folder in FOLDERS)})/[\w./*-]*(?:::\w+)?")


def links(text: str) -> Iterator[str]:
    """The relative targets of a page's links."""
    return (found for found in LINK.findall(text) if not re.match(r"[a-z]+:", found))


def paths(text: str) -> Iterator[str]:
    """What stands in backticks and looks like a file, a folder or a test of the tree."""
    return (found for found in IN_BACKTICKS.findall(text) if A_PATH.fullmatch(found))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def functions(path: Path) -> frozenset[str]:
    """The functions and methods in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def leads_nowhere(page: Path, link: str) -> bool:
    """Whether a link's file is not there, or has no such heading."""
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target.read_text(encoding="utf-8"))


def is_missing(path: str) -> bool:
    """Whether a path of the tree is not there, or its file has no such function."""
    name, _, function = path.partition("::")
    found = list(ROOT.glob(name.rstrip("/"))) if "*" in name else [p for p in [ROOT / name] if p.exists()]
    return not found or (bool(function) and function not in functions(found[0]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in links(page.read_text(encoding="utf-8")) if leads_nowhere(page, link)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_is_there(page: Path) -> None:
    assert [path for path in paths(page.read_text(encoding="utf-8")) if is_missing(path)] == []


def test_the_pages_are_found() -> None:
    names = {str(page.relative_to(ROOT)) for page in PAGES}
    assert {"README.md", "README.zh-CN.md", "docs/operations.md", "docs/procedures/lc-full.md"} <= names


def test_what_leads_nowhere_is_found() -> None:
    page = ROOT / "README.md"
    text = "[a](docs/none.md) [b](README.md#no-such-heading) [c](https://x.test/) `docs/none.md` `tests/none.py::f`"
    assert [link for link in links(text) if leads_nowhere(page, link)] == ["docs/none.md", "README.md#no-such-heading"]
    assert [path for path in paths(text) if is_missing(path)] == ["docs/none.md", "tests/none.py::f"]
    assert not is_missing("tests/docs/test_links.py::test_the_pages_are_found")
    assert is_missing("tests/docs/test_links.py::test_that_nobody_wrote")
    assert not is_missing("services/*/rules")
