"""The link from demand to rule to test: it is there, and a broken one is found."""

import ast
import textwrap
from pathlib import Path

import pytest

from tests.demands import DEMANDS, RELEASED, all_rules, all_tests, in_force, main, missing
from tests.demands_proof import emptied, unproved

RULE = '''
"""Rules."""

RATE = 3


def pay(amount):
    """X-1 每笔钱都有去处: what came in goes out."""
    yield amount * RATE


def refuse(amount):
    """X-1, X-3: nothing is paid of nothing."""
    return "refused" if amount == 0 else None


def helper():
    """No demand here."""
    return 1
'''
TEST = """
import pytest

from services.house.rules.sale import pay, refuse


def test_X_1_what_came_in_goes_out():
    assert list(pay(2)) == [6]


class TestRefusal:
    @pytest.mark.parametrize("amount", [0])
    def test_X_1_X_3_nothing_is_paid_of_nothing(self, amount):
        assert refuse(amount) == "refused"


def test_something_else():
    assert True
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project with two rules and their tests."""
    for name, text in {
        "services/house/rules/sale.py": RULE,
        "tests/rules/test_sale.py": TEST,
        "tests/stories/test_told.py": "def test_X_2_told(): pass\n",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), "utf-8")
    for folder in ("services", "services/house", "services/house/rules", "tests", "tests/rules", "tests/stories"):
        (tmp_path / folder / "__init__.py").touch()
    return tmp_path


# --- the project itself -------------------------------------------------------------------------------


def test_every_demand_in_force_has_a_rule_and_a_test() -> None:
    assert missing() == []


def test_emptying_a_rule_of_each_demand_fails_a_test_of_each_demand_that_it_names() -> None:
    path = Path(__file__).resolve().parent.parent
    first = {demand: rule for rule in reversed(all_rules(path)) for demand in rule.demands}
    assert unproved(path, in_force(), within=600, rules=sorted(set(first.values()))) == []


def test_no_demand_is_listed_twice_and_released_procedures_are_known() -> None:
    every = [demand for demands in DEMANDS.values() for demand in demands]
    assert len(every) == len(set(every))
    assert set(RELEASED) <= set(DEMANDS)
    assert {"LC-F1", "LC-F4", "X-1", "X-5"} <= set(in_force())


# --- reading ------------------------------------------------------------------------------------------


def test_rules_are_read_from_docstrings_and_tests_from_names(tree: Path) -> None:
    assert [(r.name, r.demands) for r in all_rules(tree)] == [("pay", ("X-1",)), ("refuse", ("X-1", "X-3"))]
    assert [(t.name, t.demands) for t in all_tests(tree)] == [
        ("TestRefusal::test_X_1_X_3_nothing_is_paid_of_nothing", ("X-1", "X-3")),
        ("test_X_1_what_came_in_goes_out", ("X-1",)),
        ("test_X_2_told", ("X-2",)),
    ]


@pytest.mark.parametrize(
    ("name", "demands"),
    [
        ("test_LC_F4_a", ("LC-F4",)),
        ("test_LC_F3_LC_F4_a", ("LC-F3", "LC-F4")),
        ("test_X_1", ("X-1",)),
        ("test_ZZ_F_a", ("ZZ-F",)),
        ("test_ZZ_13_a", ("ZZ-13",)),
        ("test_SZ_0_a", ("SZ-0",)),
        ("test_a_LC_F4", None),
    ],
)
def test_a_tests_name_starts_with_its_demands(tree: Path, name: str, demands: tuple[str, ...] | None) -> None:
    (tree / "tests/rules/test_sale.py").write_text(f"async def {name}(): pass\n")
    found = [t.demands for t in all_tests(tree) if "rules" in t.path]
    assert found == ([] if demands is None else [demands])


def test_what_is_missing_is_said(tree: Path) -> None:
    assert missing(tree, ["every procedure"]) == [
        "X-2: no rule names it in its docstring",
        "X-4: no rule names it in its docstring",
        "X-4: no test is named test_X_4_…",
        "X-5: no rule names it in its docstring",
        "X-5: no test is named test_X_5_…",
    ]


def test_a_demand_that_nobody_makes_is_found(tree: Path) -> None:
    (tree / "tests/stories/test_told.py").write_text("def test_LC_F9_told(): pass\n")
    assert "tests/stories/test_told.py::test_LC_F9_told names LC-F9, which nobody demands" in missing(tree)


# --- emptying -----------------------------------------------------------------------------------------


def run(source: str, name: str, *arguments: object) -> object:
    scope: dict[str, object] = {}
    exec(source, scope)  # noqa: S102
    function = scope[name]
    assert callable(function)
    return function(*arguments)


def test_an_emptied_generator_yields_nothing_and_any_other_function_gives_none() -> None:
    assert list(run(emptied(RULE, "pay"), "pay", 2)) == []  # pyright: ignore[reportArgumentType]
    assert list(run(emptied(RULE, "refuse"), "pay", 2)) == [6]  # pyright: ignore[reportArgumentType]
    assert run(emptied(RULE, "refuse"), "refuse", 0) is None
    inner = "def f():\n    def g():\n        yield 1\n    return list(g())\n"
    assert run(inner, "f") == [1]
    assert run(emptied(inner, "f"), "f") is None


def test_emptying_keeps_all_else_of_a_rule() -> None:
    kept = ast.parse(emptied("@once\ndef f(a: int, *, b: str = 'x') -> str:\n    return b\n", "f")).body[0]
    assert isinstance(kept, ast.FunctionDef)
    assert ast.unparse(kept.args) == "a: int, *, b: str='x'"
    assert len(kept.decorator_list) == 1
    with pytest.raises(ValueError, match="no function g"):
        emptied("def f(): pass", "g")


# --- proving ------------------------------------------------------------------------------------------

DEMANDED = ("X-1", "X-3")


def test_rules_that_tests_notice_are_proved_and_nothing_is_written(tree: Path) -> None:
    before = {file: file.read_bytes() for file in tree.rglob("*.py")}
    assert unproved(tree, DEMANDED, within=60) == []
    assert {file: file.read_bytes() for file in tree.rglob("*.py")} == before


def test_a_rule_that_no_test_of_its_demand_notices_is_found(tree: Path) -> None:
    file = tree / "tests/rules/test_sale.py"
    file.write_text(file.read_text().replace("test_X_1_X_3_nothing", "test_X_3_nothing"))
    assert unproved(tree, DEMANDED, within=60) == [
        "X-1: with services/house/rules/sale.py::refuse emptied: each of its tests still passes"
    ]


def test_a_story_may_notice_what_the_tests_of_rules_do_not(tree: Path) -> None:
    file = tree / "tests/rules/test_sale.py"
    file.write_text(file.read_text().replace("test_X_1_X_3_nothing", "test_X_3_nothing"))
    story = "from services.house.rules.sale import refuse\n\n\ndef test_X_1_told():\n    assert refuse(0)\n"
    (tree / "tests/stories/test_told.py").write_text(story)
    assert unproved(tree, DEMANDED, within=60) == []


def test_a_test_that_fails_anyway_proves_nothing(tree: Path) -> None:
    file = tree / "tests/rules/test_sale.py"
    file.write_text(file.read_text().replace("== [6]", "== [7]"))
    lines = unproved(tree, DEMANDED, within=60)
    node = "tests/rules/test_sale.py::test_X_1_what_came_in_goes_out"
    assert f"{node} fails with every rule in place, so it proves nothing" in lines
    assert any(line.startswith("X-1: with services/house/rules/sale.py::pay emptied") for line in lines)


def test_tests_that_cannot_be_read_prove_nothing(tree: Path) -> None:
    file = tree / "tests/rules/test_sale.py"
    file.write_text("import nothing_of_this_name\n" + file.read_text())
    lines = unproved(tree, DEMANDED, within=60)
    assert any("its tests did not run" in line and "test_sale.py" in line for line in lines)
    assert any(line.startswith("X-3: with") for line in lines)


def test_time_runs_out(tree: Path) -> None:
    file = tree / "tests/rules/test_sale.py"
    file.write_text("import time\ntime.sleep(600)\n" + file.read_text())
    lines = unproved(tree, DEMANDED, within=3)
    assert "tests/rules: its tests did not run: out of time" in lines


# --- the command --------------------------------------------------------------------------------------


def test_the_command_says_per_demand_and_exits_1_where_a_link_is_missing(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(tree), "--released", "every procedure"]) == 1
    said = capsys.readouterr().out
    assert "X-1      2 rules    2 tests  linked\n" in said
    assert "X-4      0 rules    0 tests  NOT LINKED\n" in said
    assert "X-4: no rule names it in its docstring\n" in said


def test_the_command_exits_0_where_all_is_linked(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.demands.DEMANDS", {"every procedure": DEMANDED, "others": ("X-2",)})
    assert main(["--root", str(tree), "--released", "every procedure"]) == 0
    assert main(["--root", str(tree), "--released", "every procedure", "--prove", "--within", "60"]) == 0
