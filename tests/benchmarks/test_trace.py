"""What the peers replay: the trace of one case, and the table that is made of rounds."""

from pathlib import Path

from benchmarks.counting import Reading, Seen
from benchmarks.figures import Measured
from benchmarks.peers.peer import payload
from benchmarks.peers.trace import OUTSIDE, Step, read_trace, recorded, write
from benchmarks.results import Run, table
from benchmarks.story import Names

ESCROW, BANK = "daiya.escrow.liaocheng-notary", "daiya.buyer_bank.liaocheng-ccb"


def seen(topic: str, at_ms: int, record_id: str, cause: str = "") -> Seen:
    source = "/escrow/liaocheng-notary"
    return Seen(topic, 0, at_ms, at_ms, record_id, "daiya.x.v1", source, "LCL-1", "unit", cause, 100)


def test_a_copy_is_caused_by_what_its_speaker_heard() -> None:
    words = [seen(BANK, 30, "b", "a"), seen(ESCROW, 10, "a"), seen(BANK, 20, "a"), seen("elsewhere", 5, "x")]
    trace = recorded(words, (Reading(ESCROW, ESCROW), Reading(BANK, BANK)))
    assert trace.steps == (Step(0, 0, 100, OUTSIDE), Step(1, 1, 100, OUTSIDE), Step(2, 1, 100, 0))
    assert trace.caused == {0: (Step(2, 1, 100, 0),)}
    assert trace.roots == trace.steps[:2]


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    trace = recorded([seen(ESCROW, 10, "a")], (Reading(ESCROW, ESCROW),))
    write(trace, tmp_path / "trace.json")
    assert read_trace(tmp_path / "trace.json") == trace


def test_every_step_of_the_kept_trace_is_reached_from_what_the_load_appends() -> None:
    trace = read_trace()
    reached, todo = set[int](), list(trace.roots)
    while todo:
        step = todo.pop()
        reached.add(step.n)
        todo += trace.caused.get(step.n, ())
    assert reached == {step.n for step in trace.steps}
    assert len(reached) > 100


def test_a_peers_record_has_the_bytes_that_it_had() -> None:
    assert len(payload("case-1", Step(7, 0, 600, OUTSIDE))) == 600


def test_each_sale_has_its_own_names() -> None:
    one, two = Names.of(1), Names.of(2)
    assert len({one.unit, two.unit, one.case, two.case}) == 4
    data = b"371502001001GB00027F00080112 62220216020000041 LC-HT-000207"
    assert one.write(data) == b"371502001001GB00027F00000001 62000000000001041 LC-HT-000001"


def test_the_table_has_a_line_for_each_variant_and_the_command_that_prints_it() -> None:
    one = Measured("daiya", 10, 10, 10, 2.0, 4.0, {"inbox": 2000}, {"escrow": 1.0}, {"escrow": 2**20}, 0.0)
    text = table([Run("python -m benchmarks daiya", "2026-11-22T23:00:00+00:00", (one, one))])
    assert "| daiya | 10 | 5.0 (5.0–5.0) | 200 (200–200) |" in text
    assert "| daiya | 500 (1) | – |" in text
    assert "- `python -m benchmarks daiya` (2026-11-22T23:00)" in text
