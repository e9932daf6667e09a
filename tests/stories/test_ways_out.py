"""The catalogue of ways out and the stories name the same ways. No I/O: the marks are read off the tests."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import tests.stories
from deploy.ways_out import WAYS_OUT


def marks_of(test: Any) -> Iterator[pytest.Mark]:
    """Every mark of a test: its own, and those of its single parameters."""
    for mark in getattr(test, "pytestmark", ()):
        yield mark
        if mark.name == "parametrize":
            yield from (of_one for one in mark.args[1] for of_one in getattr(one, "marks", ()))


def told() -> Counter[str]:
    """How many stories each way out has. Raises ValueError for a mark that does not hold just its name."""
    names: Counter[str] = Counter()
    for module in pkgutil.iter_modules(tests.stories.__path__, "tests.stories."):
        for name, test in vars(importlib.import_module(module.name)).items():
            if name.startswith("test_"):
                for mark in (mark for mark in marks_of(test) if mark.name == "way_out"):
                    (way,) = *mark.args, *mark.kwargs
                    names[way] += 1
    return names


def test_each_way_out_of_the_catalogue_has_a_story() -> None:
    assert sorted(set(WAYS_OUT) - set(told())) == []


def test_each_story_of_a_way_out_is_in_the_catalogue() -> None:
    assert sorted(set(told()) - set(WAYS_OUT)) == []
