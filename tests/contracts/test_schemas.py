"""The JSON Schemas: the writer's is closed, the reader's open, and both say what the models do."""

import json
from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from contracts import generate
from contracts.event import ALL_ROLES, EVENTS, Event, Role, narrowed_to
from contracts.schema import reader_schema, writer_schema
from tests.support.examples import CASE, EXAMPLES, QUOTE, UNIT

each_event = pytest.mark.parametrize("event", EXAMPLES.values(), ids=list(EXAMPLES))


def committed(name: str) -> dict[str, Any]:
    return json.loads((generate.ROOT / f"contracts/schemas/{name}.json").read_text("utf-8"))


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, offline=True)


WRITERS = {name: validator(writer_schema(event)) for name, event in EVENTS.items()}
READERS = {name: validator(reader_schema(event)) for name, event in EVENTS.items()}


def test_every_event_has_both_files_and_they_are_up_to_date() -> None:
    assert generate.drift() == []
    for name, event in EVENTS.items():
        assert committed(name) == writer_schema(event)
        assert committed(f"{name}.reader") == reader_schema(event)


@each_event
def test_a_schema_is_one_and_says_who_speaks_and_who_hears(event: Event) -> None:
    for name in (event.type_name, f"{event.type_name}.reader"):
        schema = committed(name)
        jsonschema_rs.meta.validate(schema)
        assert schema["x-daiya-speaker"] == [r.value for r in sorted(event.spoken_by, key=_place)]
        assert schema["x-daiya-audience"] == [r.value for r in sorted(event.heard_by, key=_place)]
        assert schema["x-daiya-article"] == event.article
        for field, info in type(event).model_fields.items():
            readers = narrowed_to(info)
            narrowed = schema["properties"][field].get("x-daiya-only")
            assert narrowed == (None if readers is None else [r.value for r in sorted(readers, key=_place)])


def _place(role: Role) -> int:
    return ALL_ROLES.index(role)


@each_event
def test_an_example_is_valid_for_both(event: Event) -> None:
    data = event.to_json()
    assert [str(e) for e in WRITERS[event.type_name].iter_errors(data)] == []
    assert [str(e) for e in READERS[event.type_name].iter_errors(data)] == []
    assert type(event).read(json.dumps(data)) == event


@each_event
def test_a_copy_is_valid_for_every_reader(event: Event) -> None:
    for role in event.heard_by:
        assert READERS[event.type_name].is_valid(event.copy_for(role)), role


@each_event
def test_an_unknown_field_is_an_error_to_write_and_passed_over_in_reading(event: Event) -> None:
    for path, data in _with_a_field_more(event.to_json()):
        assert not WRITERS[event.type_name].is_valid(data), path
        assert READERS[event.type_name].is_valid(data), path
        assert type(event).read(json.dumps(data)) == event, path
        with pytest.raises(ValidationError):
            type(event).model_validate_json(json.dumps(data))


def _with_a_field_more(data: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The same data with an unknown field in each object, one at a time (a table by role is none)."""

    def places(node: Any, path: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if isinstance(node, dict):
            inner = [found for key, value in node.items() for found in places(value, (*path, key))]
            return ([] if path[-1:] == ("institutions",) else [path]) + inner
        if isinstance(node, list):
            return [found for key, value in enumerate(node) for found in places(value, (*path, key))]
        return []

    made: list[tuple[str, dict[str, Any]]] = []
    for path in places(data, ()):
        changed = json.loads(json.dumps(data))
        node = changed
        for step in path:
            node = node[step]
        node["zz_later"] = {"a": [1]}
        made.append((str(path), changed))
    return made


@each_event
def test_null_is_never_written_and_is_no_harm_in_reading(event: Event) -> None:
    data = event.to_json()
    for name, field in type(event).model_fields.items():
        if narrowed_to(field) is not None:
            with_null = {**data, name: None}
            assert not WRITERS[event.type_name].is_valid(with_null)
            assert READERS[event.type_name].is_valid(with_null)
            assert getattr(type(event).read(json.dumps(with_null)), name) is None


@each_event
def test_what_must_be_there_is_missed_by_schema_and_model_alike(event: Event) -> None:
    data = event.to_json()
    for name, field in type(event).model_fields.items():
        less = {key: value for key, value in data.items() if key != name}
        assert WRITERS[event.type_name].is_valid(less) == (not field.is_required())
        assert READERS[event.type_name].is_valid(less) == (not field.is_required())
        if field.is_required():
            with pytest.raises(ValidationError):
                type(event).read(json.dumps(less))


TRIED: list[Any] = [
    *(None, True, 0, -1, 10**16, "", "x", " x", "x\n", [], {}, [None], [{}]),
    *("2026-02-30", "2026-11-23", "２０２６-11-23", "20261123", "1700006400", "2026-11-23T04:00:00"),
    *("2026-11-23T04:00:00Z", "2026-11-23T12:00:00.25+08:00"),
    *(str(UNIT), UNIT[:-1], CASE, "7K3M-9QXA-0TWZ", "LC-F1", "escrow", str(QUOTE)),
]  # fmt: skip


@each_event
def test_what_the_model_reads_its_schema_for_readers_allows(event: Event) -> None:
    """A foreign reader that goes by the schema never refuses what ours takes."""
    for field in event.to_json():
        for value in TRIED:
            changed = {**event.to_json(), field: value}
            try:
                type(event).read(json.dumps(changed))
            except ValidationError:
                continue
            faults = [str(error) for error in READERS[event.type_name].iter_errors(changed)]
            assert faults == [], (field, value)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("daiya.case-opened.v1", "contract_date"),
        ("daiya.deadline-missed.v1", "due"),
        ("daiya.payoff-quoted.v1", "as_of"),
        ("daiya.payoff-quoted.v1", "good_through"),
        ("daiya.release-applied.v1", "settled_on"),
    ],
)
@pytest.mark.parametrize("wrong", ["1700006400", "20261123", "2026-11-23T00:00:00", "1899-12-31", 1_700_006_400, 0])
def test_what_is_no_day_is_refused_by_schema_and_model_alike(name: str, field: str, wrong: object) -> None:
    data = {**EXAMPLES[name].to_json(), field: wrong}
    assert not WRITERS[name].is_valid(data) and not READERS[name].is_valid(data)
    with pytest.raises(ValidationError):
        EVENTS[name].read(json.dumps(data))


def test_every_object_of_a_writer_is_closed() -> None:
    def objects(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, dict):
            here = [node] if "properties" in node and node.get("type") == "object" else []
            return here + [found for value in node.values() for found in objects(value)]
        return [found for item in node for found in objects(item)] if isinstance(node, list) else []

    for event in EVENTS.values():
        found = objects(writer_schema(event))
        assert found
        assert all(schema["additionalProperties"] is False for schema in found), event
        assert all("additionalProperties" not in schema for schema in objects(reader_schema(event))), event


@pytest.mark.parametrize("event", EVENTS.values(), ids=list(EVENTS))
def test_every_reader_accepts_whatever_a_writer_may_write(event: type[Event]) -> None:
    """Proved over all events at once, not by examples."""
    writer, reader = (
        jsonschema_rs.canonicalize(schema, validate_formats=True, offline=True)
        for schema in (writer_schema(event), reader_schema(event))
    )
    assert str(reader.covers(writer)) == "yes"


# --- drift --------------------------------------------------------------------------------------------


def test_drift_is_found_and_mended(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = generate.outputs()
    assert sorted(generate.write(tmp_path)) == sorted(wanted)
    assert generate.drift(tmp_path) == []
    schemas = tmp_path / "contracts/schemas"
    (schemas / "daiya.consent-issued.v1.json").write_text("{}")
    (schemas / "daiya.case-opened.v1.json").unlink()
    (schemas / "daiya.long-gone.v1.json").write_text('{"$comment": "Generated by `make contracts`."}')
    (tmp_path / "docs/procedures/by-hand.md").write_text("# Written by hand")
    assert generate.drift(tmp_path) == [
        "contracts/schemas/daiya.case-opened.v1.json: missing",
        "contracts/schemas/daiya.consent-issued.v1.json: differs",
        "contracts/schemas/daiya.long-gone.v1.json: not generated any more",
    ]
    generate.write(tmp_path)
    assert generate.drift(tmp_path) == []
    assert not (schemas / "daiya.long-gone.v1.json").exists()
    assert (tmp_path / "docs/procedures/by-hand.md").exists()


def test_check_fails_on_drift_and_lists_the_files(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--check"]) == 0
    monkeypatch.setattr(generate, "drift", lambda: ["contracts/schemas/x.json: differs"])
    assert generate.main(["--check"]) == 1
    assert "contracts/schemas/x.json: differs" in capsys.readouterr().out
