"""Who reads what: a copy holds nothing that its role may not read, and is whole in all else."""

from datetime import UTC, datetime
from typing import Annotated

import pytest

from contracts.envelope import Envelope, decode, encode, partition_of, source, to_data
from contracts.event import EVENTS, Event, Role, narrowed_to, only
from contracts.schema import withheld
from tests.support.examples import CASE, EXAMPLES, UNIT

ID = "0b8ff6a4-9d0e-5c39-8a55-5f6f5f3c9a11"
each_event = pytest.mark.parametrize("event", EXAMPLES.values(), ids=list(EXAMPLES))


def test_every_event_has_an_example() -> None:
    assert set(EXAMPLES) == set(EVENTS)


@each_event
def test_an_example_fills_every_field(event: Event) -> None:
    empty = [name for name in type(event).model_fields if getattr(event, name) in (None, ())]
    assert empty == []


@each_event
def test_each_roles_copy_holds_just_what_it_may_read_and_goes_over_the_wire(event: Event) -> None:
    whole = event.to_json()
    for role in event.heard_by:
        mine = event.copy_for(role)
        gone = set(withheld(type(event), role))
        assert mine == {name: value for name, value in whole.items() if name not in gone}
        read = type(event).read(over_the_wire(event, role))
        assert read.to_json() == mine
        for name, field in type(event).model_fields.items():
            readers = narrowed_to(field)
            may_read = readers is None or role in readers
            assert getattr(read, name) == (getattr(event, name) if may_read else None), (role, name)


@each_event
def test_a_field_is_narrowed_to_roles_that_hear_the_event(event: Event) -> None:
    for name, field in type(event).model_fields.items():
        readers = narrowed_to(field) or frozenset()
        assert readers <= event.heard_by | event.spoken_by, name


def test_the_sellers_bank_sees_nothing_of_the_buyer() -> None:
    said = EXAMPLES["daiya.case-opened.v1"].to_json()
    copy = to_data(EXAMPLES["daiya.case-opened.v1"].copy_for(Role.SELLER_BANK)).decode()
    for party in said["buyers"]:
        assert party["person"]["id_number"] not in copy
        assert party["person"]["name"] not in copy
        assert party["account"] not in copy
    assert str(said["price_fen"]) not in copy


def test_the_registry_sees_no_debt() -> None:
    copy = EXAMPLES["daiya.consent-issued.v1"].copy_for(Role.REGISTRY)
    assert not {"estimated_payoff_fen", "payoff_account"} & set(copy)
    assert "money" not in EXAMPLES["daiya.case-completed.v1"].copy_for(Role.REGISTRY)


def test_a_narrowed_field_that_must_be_there_is_no_contract() -> None:
    with pytest.raises(TypeError, match="must be None"):

        class NarrowedBadly(Event, by=[Role.ESCROW], to=[Role.REGISTRY], article="X-1"):  # pyright: ignore[reportUnusedClass]
            secret: Annotated[int, only(Role.REGISTRY)]

    assert "daiya.narrowed-badly.v1" not in EVENTS


def over_the_wire(event: Event, role: Role) -> bytes:
    """The data of an event as `role` gets it, after it has been a Kafka record."""
    speaker = min(event.spoken_by)
    moment = datetime(2026, 11, 23, 4, tzinfo=UTC)
    number = 1 if event.numbered else None
    data = to_data(event.copy_for(role))
    sent = Envelope(ID, source(speaker, "liaocheng-1"), event.type_name, CASE, moment, UNIT, number, ID, data, "x")
    received = decode(encode(sent), partition_of(UNIT))
    assert received == sent
    return received.data
