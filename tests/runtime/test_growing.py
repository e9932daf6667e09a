"""Values that grow: each stays what it was, whoever else grew from it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.core.growing import Chain, Index

# Each step grows one of the values made so far: their number modulo, and what is added.
STEPS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=60)


@given(STEPS)
def test_a_chain_is_the_tuple_that_it_was(steps: list[tuple[int, int]]) -> None:
    made: list[tuple[Chain[int], tuple[int, ...]]] = [(Chain(), ())]
    for whose, value in steps:
        chain, plain = made[whose % len(made)]
        made.append((chain.plus(value), (*plain, value)))
    for chain, plain in made:
        assert tuple(chain) == plain and len(chain) == len(plain) and bool(chain) == bool(plain)
        assert chain == plain and chain == Chain(plain) and chain != (*plain, 1)
        assert [chain[n] for n in range(-len(plain), len(plain))] == [*plain, *plain]
        assert chain[1:] == plain[1:] and list(reversed(chain)) == list(reversed(plain))


@given(STEPS)
def test_an_index_is_the_mapping_that_it_was(steps: list[tuple[int, int]]) -> None:
    made: list[tuple[Index[int], dict[str, int]]] = [(Index(), {})]
    for n, (whose, key) in enumerate(steps):
        index, plain = made[whose % len(made)]
        made.append((index.plus(str(key), n), {**plain, str(key): n}))
    for index, plain in made:
        assert dict(index) == plain and list(index) == list(plain) and len(index) == len(plain) and index == plain
        assert [index.get(str(key)) for key in range(10)] == [plain.get(str(key)) for key in range(10)]
        assert [str(key) in index for key in range(10)] == [str(key) in plain for key in range(10)]


@pytest.mark.parametrize("at", [3, -4])
def test_there_is_nothing_beyond_a_chains_end(at: int) -> None:
    chain = Chain[int]((1, 2, 3))
    chain.plus(4)
    with pytest.raises(IndexError):
        chain[at]


def test_who_grows_on_from_the_newest_copies_nothing() -> None:
    chain, index = Chain[Any](), Index[Any]()
    rooms = {id(chain._room), id(index._room)}
    for n in range(1_000):
        chain, index = chain.plus(n), index.plus(str(n), n)
    assert {id(chain._room), id(index._room)} == rooms
