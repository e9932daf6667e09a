"""The page for operations names every metric, every kind of open row and every incident that the code can raise."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import runtime
from services.buyer_bank.rules import RULEBOOK as BUYER_BANK
from services.escrow.rules import RULEBOOK as ESCROW
from services.fund_center.rules import RULEBOOK as FUND_CENTER
from services.observer.desk import make_app
from services.observer.feeds import Metrics as ObserverMetrics
from services.registry.rules import RULEBOOK as REGISTRY
from services.runtime.core.rule import Rulebook
from services.runtime.dead_letters import OTHER, REASONS, reason_of
from services.runtime.desk.pages import INCIDENT_HELP
from services.runtime.metrics import Metrics
from services.seller_bank.rules import RULEBOOK as SELLER_BANK
from tests.docs.reasons import given
from tests.runtime.test_settings_table import PAGE

RUNTIME = Path(runtime.__file__ or "").parent
RULEBOOKS = {
    "escrow": ESCROW,
    "registry": REGISTRY,
    "seller_bank": SELLER_BANK,
    "buyer_bank": BUYER_BANK,
    "fund_center": FUND_CENTER,
}


def raised(rulebook: Rulebook) -> Iterator[str]:
    """What raises incidents: rules that say an Alarm, by name, and facts that a verdict calls one, by kind."""
    for chapter in rulebook.chapters.values():
        yield from (rule.name for rule in chapter.rules if "yield Alarm(" in inspect.getsource(rule.then))
        yield from (verdict.kind.__name__ for verdict in chapter.unexpected if verdict.alarms)


@pytest.mark.parametrize("name", RULEBOOKS)
def test_every_incident_has_a_line(name: str) -> None:
    incidents = PAGE.read_text(encoding="utf-8").split("## Incidents")[1].split("### Stopped")[0]
    found = set(raised(RULEBOOKS[name]))
    assert len(found) > 3
    assert sorted(one for one in found if f"`{one}`" not in incidents) == []


OF_THE_RUNTIME = {
    "fold.two_different_words": "said two different things as number",
    "fold.verdict": "alarm on `MoneyReceived`",
    "payments._report_fault": "cannot be sent to the rail as it stands",
    "rows._waits": "cannot be worked out",
    "statement._unreadable": "statement is on no file",
}
"""Where the runtime itself raises incidents, and what its line says."""


def test_every_incident_of_the_runtime_has_a_line() -> None:
    found: set[str] = set()
    for path in RUNTIME.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.unparse(function)
                if re.search(r"\bAlarm\(", text) or "derived_id('wait failed'" in text:
                    found.add(f"{path.stem}.{function.name}")
    assert found == set(OF_THE_RUNTIME)
    incidents = PAGE.read_text(encoding="utf-8").split("## Incidents")[1].split("### Stopped")[0]
    assert [words for words in OF_THE_RUNTIME.values() if words not in incidents] == []


def test_what_the_table_of_incidents_names_can_be_raised() -> None:
    incidents = PAGE.read_text(encoding="utf-8").split("| raised by |")[1].split("| the runtime |")[0]
    first_cells = [line.split("|")[1] for line in incidents.splitlines() if line.count("|") >= 4]
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert named - {one for rulebook in RULEBOOKS.values() for one in raised(rulebook)} == set()


def sections(marks: str) -> dict[str, str]:
    """The text under each heading of this depth, up to the next heading, by the name that links use."""
    parts = re.split(r"^(#+) (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return {name.lower().replace(" ", "-"): text.strip() for depth, name, text in found if depth == marks}


def test_every_reason_that_the_code_gives_has_a_paragraph() -> None:
    reasons = {where_and_why: reason_of(*where_and_why).name for where_and_why in given()}
    assert [found for found, name in reasons.items() if name == OTHER.name] == []
    assert set(reasons.values()) == {reason.name for reason in REASONS}, "a reason that nothing gives"
    paragraphs = sections("####")
    assert set(paragraphs) == {reason.name for reason in REASONS}
    assert all(len(text.split()) > 15 and re.search("[Rr]etr(y|ied)|[Ss]kip", text) for text in paragraphs.values())


@pytest.mark.parametrize("kind", INCIDENT_HELP)
def test_every_kind_of_incident_has_a_section_that_its_help_leads_to(kind: str) -> None:
    page, _, anchor = INCIDENT_HELP[kind].partition("#")
    assert page == "docs/operations.md" and f"`{kind}`" in PAGE.read_text(encoding="utf-8")
    assert (sections("##") | sections("###"))[anchor]


TABLES = [(Metrics, "| metric |"), (ObserverMetrics, "| the observer's metric |")]


@pytest.mark.parametrize(("metrics", "head"), TABLES, ids=["institution", "observer"])
def test_the_metrics_are_those_of_the_code(metrics: type[Metrics | ObserverMetrics], head: str) -> None:
    """Prometheus adds `_total` to a counter's name when it is asked."""
    kinds = {"counter": "_total", "gauge": "", "histogram": ""}
    known = {metric.name + kinds[metric.type] for metric in metrics().registry.collect()}
    table = PAGE.read_text(encoding="utf-8").split(head)[1].split("\n\n")[0]
    named = {found for line in table.splitlines() for found in re.findall(r"^\| `(daiya_\w+)", line)}
    assert named == known


def test_the_paths_of_the_observer_are_those_of_its_desk() -> None:
    async def ready() -> str:
        return ""

    part = PAGE.read_text(encoding="utf-8").split("## The observer")[1].split("| the observer's metric |")[0]
    named = set(re.findall(r"^\| `(/[^`]*)`", part, re.MULTILINE))
    assert named == set(make_app("liaocheng-regulator", {}, ready).openapi()["paths"])
