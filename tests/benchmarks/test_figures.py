"""The arithmetic of the benchmark: percentiles, ranges, what is made of samples and of the rail's books."""

from dataclasses import asdict

import pytest

from benchmarks.bank import Moved, settled_cases
from benchmarks.counting import Seen, case_times_ms, hops_ms
from benchmarks.figures import Measured, Spread, Times, percentile, read_measured, shares, spread, times
from benchmarks.profile import by_function, by_part, by_whole, read
from benchmarks.stand import Variant, moved_in, short


def test_a_percentile_is_one_of_the_values() -> None:
    assert [percentile([5.0, 1.0, 3.0, 2.0, 4.0], p) for p in (0, 20, 21, 50, 99, 100)] == [1, 1, 2, 3, 5, 5]
    assert times([7.0]) == Times(7.0, 7.0, 1)
    assert times([]) is None
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_figure_has_its_median_and_its_range() -> None:
    assert spread([103.4, 98.0, 110.6]) == Spread(103.4, 98.0, 110.6, 3)
    assert spread([103.4, 98.0, 110.6]).text() == "103 (98–111)"
    assert spread([1234.56]).text(1) == "1,234.6"
    with pytest.raises(ValueError, match="no round"):
        spread([])


def measured(**changes: object) -> Measured:
    values: dict[str, object] = {
        "variant": "daiya",
        "cases": 10,
        "completed": 10,
        "paid": 10,
        "took_s": 2.0,
        "drained_s": 4.0,
        "records": {"inbox": 1500, "feed": 500},
        "processor_s": {"escrow": 1.0, "kafka": 0.5, "load": 3.0},
        "memory_bytes": {"escrow": 1, "kafka": 1, "load": 1},
        "others_s": 0.0,
    }
    return Measured(**{**values, **changes})  # type: ignore[arg-type]


def test_a_case_counts_only_where_databases_and_books_agree() -> None:
    assert measured().cases_per_s == 5
    assert measured(completed=6).cases_per_s == 3
    assert measured(paid=4).cases_per_s == 2


def test_records_are_counted_until_all_are_consumed_and_cost_all_parts_but_the_people() -> None:
    one = measured()
    assert (one.all_records, one.records_per_case, one.records_per_s) == (2000, 200, 500)
    assert one.us_per_record == 750
    assert one.us_per_record_of("load") == 1500


def test_a_round_is_read_as_it_was_written() -> None:
    one = measured(hop=Times(1.0, 2.0, 3))
    assert read_measured(asdict(one)) == one


def test_shares_add_up_and_the_largest_is_first() -> None:
    assert shares({"a": 1, "b": 3}) == {"b": 75, "a": 25}
    assert list(shares({"b": 1, "a": 1})) == ["a", "b"]
    assert shares({}) == {}


def test_a_case_is_whole_by_the_books_when_the_price_came_in_and_went_out() -> None:
    in_, out = Moved("buyer", "ESCROW", 100, "LCL-1 price"), Moved("ESCROW", "seller", 100, "LCL-1 balance")
    assert settled_cases([in_, out], "ESCROW", 100) == 1
    assert settled_cases([in_], "ESCROW", 100) == 0
    assert settled_cases([in_, in_, out, out], "ESCROW", 100) == 0
    other = Moved("buyer", "ESCROW", 100, "LCL-2 price")
    assert settled_cases([in_, out, other], "ESCROW", 100) == 1


def test_the_sandboxs_movements_are_read_by_their_keys() -> None:
    order = {"key": "k", "amount_fen": 7, "reference": "LCL-1 x"}
    movements = [
        {"kind": "opening", "debit": "WORLD", "credit": "A", "amount_fen": 9, "key": None, "reference": ""},
        {"kind": "accepted", "debit": "A", "credit": "ON-ITS-WAY", **order},
        {"kind": "settled", "debit": "ON-ITS-WAY", "credit": "B", **order},
        {"kind": "accepted", "debit": "A", "credit": "ON-ITS-WAY", **order, "key": "still on its way"},
    ]
    assert moved_in(movements) == [Moved("A", "B", 7, "LCL-1 x")]


def test_a_variant_says_what_is_not_usual_of_it() -> None:
    assert Variant().name == "daiya"
    assert Variant("http", 2).name == "daiya, rail over HTTP, 2 workers"
    assert [short(name) for name in ("kafka", "escrow.liaocheng-notary", "2.escrow.liaocheng-notary")] == [
        "kafka",
        "escrow",
        "escrow",
    ]


# --- records ----------------------------------------------------------------------------------------------------------

BANK, ESCROW = "/buyer_bank/liaocheng-ccb", "/escrow/liaocheng-notary"
BANKS, ESCROWS = "daiya.buyer_bank.liaocheng-ccb", "daiya.escrow.liaocheng-notary"


def seen(topic: str, at_ms: int, record_id: str, of: str = ESCROW, cause: str = "", kind: str = "daiya.x.v1") -> Seen:
    return Seen(topic, 0, at_ms, at_ms, record_id, kind, of, "LCL-1", "unit", cause, 100)


def test_a_hop_is_from_the_cause_in_the_speakers_inbox_to_each_copy_of_the_word() -> None:
    cause = seen(ESCROWS, 1000, "a")
    elsewhere = seen(BANKS, 990, "a")  # the same id in another inbox is not what the speaker has heard
    word = seen(BANKS, 1030, "b", ESCROW, "a"), seen(f"{ESCROWS}.public", 1035, "b", ESCROW, "a")
    unknown = seen(BANKS, 1100, "c", ESCROW, "nobody saw it")
    assert hops_ms([cause, elsewhere, *word, unknown]) == [30, 35]


def test_a_hop_of_what_was_appended_twice_is_from_its_first_append() -> None:
    twice = seen(ESCROWS, 1000, "a"), seen(ESCROWS, 1020, "a")
    assert hops_ms([*twice, seen(BANKS, 1030, "b", ESCROW, "a")]) == [30]


def test_a_case_takes_from_its_first_record_to_the_last_copy_of_its_end() -> None:
    completed = "daiya.case-completed.v1"
    first, middle = seen(ESCROWS, 1000, "a"), seen(BANKS, 1500, "b")
    ends = seen(BANKS, 1700, "c", kind=completed), seen(f"{ESCROWS}.public", 1690, "c", kind=completed)
    assert case_times_ms([middle, first, *ends]) == {"LCL-1": (1000, 1700)}
    assert case_times_ms([first, middle]) == {}


# --- samples ----------------------------------------------------------------------------------------------------------

LOOP = "run (asyncio/runners.py:118)"
TAKE = f"{LOOP};Turns._take (services/runtime/turn.py:140)"
RAW = f"""\
{TAKE};hear (services/runtime/core/fold.py:90);repay (services/escrow/rules/liaocheng.py:12) 30
{TAKE};hear (services/runtime/core/fold.py:91);model_copy (pydantic/main.py:400) 10
{TAKE};_dumped (services/runtime/turn.py:300);dump (services/runtime/core/journal.py:50) 20
{TAKE};MongoStore.insert (services/runtime/store/mongo.py:150);encode (bson/__init__.py:9) 20
{LOOP};select (selectors.py:468) 20
"""


def test_a_sample_counts_for_the_innermost_part_and_libraries_for_who_called_them() -> None:
    assert by_part(read(RAW.splitlines())) == {"rules": 40, "codec": 20, "driver": 20, "other": 20}


def test_a_sample_counts_for_the_innermost_function_of_ours_or_for_a_library() -> None:
    assert by_function(read(RAW.splitlines())) == {
        "services/escrow/rules/liaocheng.py:repay": 30,
        "asyncio": 20,
        "services/runtime/core/journal.py:dump": 20,
        "services/runtime/store/mongo.py:insert": 20,
        "services/runtime/core/fold.py:hear": 10,
    }


def test_with_what_it_calls_a_function_counts_once_a_sample() -> None:
    found = by_whole(read([*RAW.splitlines(), "a (motor/y.py:1);a (motor/y.py:2);b (x.py:3) 100"]))
    assert found["services/runtime/turn.py:_take"] == 40
    assert found["motor/y.py:a"] == 50
    assert "x.py:b" not in found
