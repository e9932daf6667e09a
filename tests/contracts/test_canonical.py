"""Canonical JSON: one value, one sequence of bytes; and what has none is refused with its place."""

import hashlib
import json
import math
from enum import StrEnum
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import canonical_json, digest
from contracts.values import UnitNumber

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


def shuffled(value: Any) -> Any:
    """The same value with every mapping's keys in reverse order of insertion, and tuples for lists."""
    if isinstance(value, dict):
        fields = cast(dict[str, Any], value)
        return {key: shuffled(fields[key]) for key in reversed(fields)}
    return tuple(map(shuffled, cast(list[Any], value))) if isinstance(value, list) else value


@given(JSON_VALUES)
def test_canonical_json_reads_back_and_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    data = canonical_json(value)
    assert json.loads(data) == value
    assert canonical_json(shuffled(value)) == data == canonical_json(json.loads(data))


def test_the_bytes_are_as_written_here() -> None:
    value: dict[str, Any] = {"b": [1, True, None, {}], "a": '聊城 "€" \\ /\n\t\x1f\x7f', "é": (), "Z": -7}
    expected = '{"Z":-7,"a":"聊城 \\"€\\" \\\\ /\\n\\t\\u001f\x7f","b":[1,true,null,{}],"é":[]}'
    assert canonical_json(value) == expected.encode()


def test_keys_are_sorted_by_utf16_units_as_rfc_8785_has_it() -> None:
    # The example of RFC 8785, 3.2.3: U+1F600 sorts before U+FB33, since its first code unit is D83D.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical_json(dict.fromkeys(keys, 0)))) == [
        "\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip


def test_subclasses_of_text_are_text() -> None:
    class Colour(StrEnum):
        RED = "red"

    unit = UnitNumber("340121261006GB00014F00220045")
    assert canonical_json({Colour.RED: unit, "c": Colour.RED}) == f'{{"c":"red","red":"{unit}"}}'.encode()


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (1.0, r"\$: float"),
        ({"a": [0, {"b": math.nan}]}, r"\$\.a\[1\]\.b: float"),
        ([math.inf], r"\$\[0\]: float"),
        ({"a": b"x"}, r"\$\.a: bytes"),
        ({"a": {1, 2}}, r"\$\.a: set"),
        (object(), r"\$: object"),
        ({"a": {1: "x"}}, r"\$\.a: key 1 is int, not a string"),
        ({None: 1}, r"\$: key None is NoneType, not a string"),
    ],
)
def test_what_has_no_canonical_form_is_a_type_error_that_names_the_path(value: object, place: str) -> None:
    with pytest.raises(TypeError, match=place):
        canonical_json(value)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": 2**53}, r"\$\.a: beyond 2\*\*53"),
        ([-(2**53)], r"\$\[0\]: beyond"),
        ([10**5000], r"\$\[0\]: beyond"),
        ({"a": "\ud800"}, r"\$\.a: a lone surrogate"),
        ({"\ud800": 1}, r"\$: a lone surrogate"),
    ],
)
def test_what_readers_do_not_read_alike_is_a_value_error_that_names_the_path(value: object, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        canonical_json(value)


@given(st.binary())
def test_the_digest_is_sha256_in_hex(data: bytes) -> None:
    assert digest(data) == hashlib.sha256(data).hexdigest()


def test_the_digest_of_nothing_is_the_known_one() -> None:
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
