"""The AsyncAPI document: valid by AsyncAPI's own schema, and true of the codec and of the copies."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from contracts import generate
from contracts.asyncapi_document import asyncapi_document
from contracts.envelope import PARTITIONS, Envelope, Record, dead_letters, encode, inbox, public_feed, source, to_data
from contracts.event import EVENTS, Role, narrowed_to
from tests.support.examples import CASE, EXAMPLES, UNIT

HERE = Path(__file__).parent
ID = "0b8ff6a4-9d0e-5c39-8a55-5f6f5f3c9a11"
DOCUMENT: dict[str, Any] = yaml.safe_load((generate.ROOT / "contracts/asyncapi/daiya.yaml").read_text("utf-8"))
HEARD = [(event, role) for event in EXAMPLES.values() for role in Role if role in event.heard_by]
names_of = pytest.mark.parametrize(("event", "role"), HEARD, ids=[f"{e.type_name} {r.value}" for e, r in HEARD])


@pytest.fixture(scope="module")
def specification() -> jsonschema_rs.Draft7Validator:
    """AsyncAPI's own schema; every part of it is in the one file, so nothing is fetched."""
    schema = json.loads((HERE / "asyncapi-3.0.0.schema.json").read_text("utf-8"))
    return jsonschema_rs.Draft7Validator(schema, offline=True)


def resolved(reference: dict[str, Any]) -> dict[str, Any]:
    """What a reference within the document points to."""
    found: Any = DOCUMENT
    for part in reference["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def message(event: type[Any], role: Role) -> dict[str, Any]:
    """The message in a role's inbox that carries an event."""
    return resolved(DOCUMENT["channels"][f"{role.value}-inbox"]["messages"][event.type_name])


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft7Validator:
    """A validator of a schema that points into the document's components."""
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft7Validator(whole, validate_formats=True, offline=True)


def record(event: Any, role: Role, speaker: Role) -> Record:
    """The record in which `speaker` says an event to `role`."""
    moment = datetime(2026, 11, 23, 4, tzinfo=UTC)
    number = 7 if event.numbered else None
    said_by = source(speaker, "liaocheng-1")
    data = to_data(event.copy_for(role))
    return encode(Envelope(ID, said_by, event.type_name, CASE, moment, UNIT, number, ID, data, "ed25519:QUJD"))


def headers_of(record: Record) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers}


def test_the_document_is_valid_by_asyncapis_own_schema(specification: jsonschema_rs.Draft7Validator) -> None:
    assert [str(error) for error in specification.iter_errors(DOCUMENT)] == []


def test_that_schema_finds_what_is_wrong(specification: jsonschema_rs.Draft7Validator) -> None:
    def faults(change: Any) -> list[Any]:
        wrong = copy.deepcopy(DOCUMENT)
        change(wrong)
        return list(specification.iter_errors(wrong))

    assert faults(lambda d: d.update(asyncapi="2.6.0"))
    assert faults(lambda d: d["info"].pop("version"))
    assert faults(lambda d: d["channels"]["escrow-inbox"].update(adress="x"))
    assert faults(lambda d: d["channels"]["escrow-inbox"]["bindings"]["kafka"].update(partitions=0))
    assert faults(lambda d: d["operations"]["escrow.tells.registry"].update(action="publish"))
    assert faults(lambda d: d["components"]["messages"]["consent-issued.v1"].update(payloads={}))


def test_every_reference_points_to_something() -> None:
    def references(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, dict):
            here = [node] if isinstance(node.get("$ref"), str) else []
            return here + [found for value in node.values() for found in references(value)]
        return [found for item in node for found in references(item)] if isinstance(node, list) else []

    found = references(DOCUMENT)
    assert len(found) > 200
    for reference in found:
        assert resolved(reference) is not None


def test_nothing_in_the_components_is_unused() -> None:
    text = yaml.safe_dump({**DOCUMENT, "components": {"messages": DOCUMENT["components"]["messages"]}})
    schemas = DOCUMENT["components"]["schemas"]
    everything = text + yaml.safe_dump(schemas)
    for name in DOCUMENT["components"]["messages"]:
        assert f"'#/components/messages/{name}'" in text
    for name in schemas:
        assert f"'#/components/schemas/{name}'" in everything


def test_addresses_are_those_of_the_runtime() -> None:
    channels = DOCUMENT["channels"]
    own = {f"{role.value}-{what}" for role in Role for what in ("inbox", "public")}
    assert set(channels) == own | {"dead-letters"}
    for role in Role:
        channel = channels[f"{role.value}-inbox"]
        assert channel["address"].format(institution="liaocheng-1") == inbox(role, "liaocheng-1")
        assert channel["bindings"]["kafka"]["partitions"] == PARTITIONS
        feed = channels[f"{role.value}-public"]
        assert feed["address"].format(institution="liaocheng-1") == public_feed(role, "liaocheng-1")
        assert feed["bindings"]["kafka"] == channel["bindings"]["kafka"]
        buried = channels["dead-letters"]["address"].format(role=role.value, institution="liaocheng-1")
        assert buried == dead_letters(role, "liaocheng-1")


def test_each_inbox_takes_what_its_role_hears_and_nothing_else() -> None:
    for role in Role:
        taken = set(DOCUMENT["channels"][f"{role.value}-inbox"]["messages"])
        assert taken == {name for name, event in EVENTS.items() if role in event.heard_by}
        read = DOCUMENT["operations"][f"{role.value}.reads-its-inbox"]
        assert {reference["$ref"].split("/")[-1] for reference in read["messages"]} == taken


def test_each_role_may_write_what_it_says_to_whom_and_nothing_else() -> None:
    for speaker in Role:
        for hearer in Role:
            told = DOCUMENT["operations"][f"{speaker.value}.tells.{hearer.value}"]
            assert told["channel"] == {"$ref": f"#/channels/{hearer.value}-inbox"}
            said = {reference["$ref"].split("/")[-1] for reference in told["messages"]}
            wanted = {n for n, e in EVENTS.items() if speaker in e.spoken_by and hearer in e.heard_by}
            assert said == wanted


@names_of
def test_a_copy_is_valid_and_one_with_more_than_the_role_may_read_is_not(event: Any, role: Role) -> None:
    payload = validator(resolved(message(type(event), role)["payload"]))
    mine = event.copy_for(role)
    assert [str(error) for error in payload.iter_errors(mine)] == []
    for name, value in event.to_json().items():
        if name not in mine:
            assert not payload.is_valid({**mine, name: value})
    assert payload.is_valid({**mine, "a_field_of_a_later_release": 1})


@names_of
def test_the_headers_that_the_codec_writes_are_valid_and_each_is_needed(event: Any, role: Role) -> None:
    schema = validator(message(type(event), role)["headers"])
    for speaker in event.spoken_by:
        written = headers_of(record(event, role, speaker))
        assert [str(error) for error in schema.iter_errors(written)] == []
        for name in set(written) - {"ce_subject", "ce_causationid"}:
            assert not schema.is_valid({n: v for n, v in written.items() if n != name}), name
    for other in set(Role) - event.spoken_by:
        assert not schema.is_valid(headers_of(record(event, role, other)))


def test_headers_of_another_event_are_not_valid() -> None:
    wrong = headers_of(record(EXAMPLES["daiya.consent-refused.v1"], Role.ESCROW, Role.SELLER_BANK))
    assert not validator(message(EVENTS["daiya.consent-issued.v1"], Role.ESCROW)["headers"]).is_valid(wrong)


def test_a_request_about_the_line_has_no_place_in_it() -> None:
    event = EXAMPLES["daiya.repeat-requested.v1"]
    written = headers_of(record(event, Role.ESCROW, Role.REGISTRY))
    schema = validator(message(type(event), Role.ESCROW)["headers"])
    assert schema.is_valid(written)
    assert not schema.is_valid({**written, "ce_sequence": "1"})


SAID = [(event, role) for event in EXAMPLES.values() if event.numbered for role in Role if role in event.spoken_by]


def test_each_feed_takes_what_its_role_says_in_a_line_and_nothing_else() -> None:
    for role in Role:
        taken = set(DOCUMENT["channels"][f"{role.value}-public"]["messages"])
        assert taken == {event.type_name for event, speaker in SAID if speaker is role}
        sent = DOCUMENT["operations"][f"{role.value}.publishes"]
        assert (sent["action"], {reference["$ref"].split("/")[-1] for reference in sent["messages"]}) == ("send", taken)


@pytest.mark.parametrize(("event", "role"), SAID, ids=[f"{e.type_name} {r.value}" for e, r in SAID])
def test_a_public_copy_is_valid_there_and_one_that_is_not_masked_is_not(event: Any, role: Role) -> None:
    found = resolved(DOCUMENT["channels"][f"{role.value}-public"]["messages"][event.type_name])
    payload, headers = validator(resolved(found["payload"])), validator(found["headers"])
    assert [str(error) for error in payload.iter_errors(event.public_copy())] == []
    if event.public_copy() != event.to_json():
        assert not payload.is_valid(event.to_json())
    written = headers_of(record(event, min(event.heard_by), role))
    assert not headers.is_valid(written)  # the number is that of a line between two institutions
    del written["ce_sequence"]
    assert [str(error) for error in headers.iter_errors(written)] == []


def test_only_narrowed_events_have_copies_of_their_own() -> None:
    for name, found in DOCUMENT["components"]["messages"].items():
        if ".for-" in name:
            event = EVENTS[found["name"]]
            assert any(narrowed_to(field) is not None for field in event.model_fields.values())


def test_the_committed_document_is_the_generated_one() -> None:
    assert asyncapi_document() == DOCUMENT
