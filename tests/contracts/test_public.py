"""The public copy: nothing personal is left in it, money and the rest stand as they are."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from contracts.envelope import dead_letters, inbox, public_feed, to_data
from contracts.event import EVENTS, Event, Role
from contracts.events.case import CaseOpened
from contracts.events.registry import FolioRefused
from contracts.personal import Personal
from contracts.values import AccountNumber, FreeText, IdentityNumber, Person, PersonName, masked
from tests.support.examples import EXAMPLES
from tests.support.people import example_person, example_uscc

each_event = pytest.mark.parametrize("event", EXAMPLES.values(), ids=list(EXAMPLES))
ACCOUNT = re.compile(r"[A-Z0-9-]{4,34}")


def personal_values(value: object, name: str = "") -> Iterator[str]:
    """Names, identity numbers and accounts in an event, found by what fields are called and not by their marks."""
    if isinstance(value, Person):
        yield from (value.name, str(value.id_number))
    elif isinstance(value, BaseModel):
        for field in type(value).model_fields:
            yield from personal_values(getattr(value, field), field)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from personal_values(one, name)
    elif isinstance(value, str) and "account" in name and ACCOUNT.fullmatch(value):
        yield value


def money(value: Any, name: str = "") -> Iterator[tuple[str, int]]:
    """Every amount in JSON values, by its field."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from money(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from money(one, name)
    elif isinstance(value, int) and name.endswith(("_fen", "_microfen")):
        yield name, value


@each_event
def test_no_name_identity_number_or_account_is_left_in_the_public_copy(event: Event) -> None:
    shown = to_data(event.public_copy()).decode()
    assert [one for one in personal_values(event) if one in shown] == []


def test_that_looks_at_something() -> None:
    found = {name: set(personal_values(event)) for name, event in EXAMPLES.items()}
    assert len(found["daiya.case-opened.v1"]) == 9
    assert len(set().union(*found.values())) >= 10
    assert sum(bool(values) for values in found.values()) >= 8


@each_event
def test_money_stands_in_the_public_copy_also_where_an_audience_is_narrowed(event: Event) -> None:
    assert list(money(event.public_copy())) == list(money(event.to_json()))
    assert set(event.public_copy()) == set(event.to_json())


@given(people=st.lists(st.integers(0, 9_999_999), min_size=2, max_size=6, unique=True), company=st.booleans())
def test_whoever_the_parties_are_they_are_masked(people: list[int], company: bool) -> None:
    opened = EXAMPLES["daiya.case-opened.v1"]
    assert isinstance(opened, CaseOpened)
    persons = [example_person(n) for n in people]
    if company:
        persons[0] = Person(name="聊城市东昌府区某某置业有限公司", id_number=example_uscc(people[0]))
    parties = [opened.sellers[0].model_copy(update={"person": p, "account": f"62170012345{n:08d}"})
               for n, p in zip(people, persons, strict=True)]  # fmt: skip
    said = opened.model_copy(update={"sellers": tuple(parties[:1]), "buyers": tuple(parties[1:])})
    copy = said.public_copy()
    shown = to_data(copy).decode()
    assert [one for one in personal_values(said) if one in shown] == []
    first = copy["sellers"][0]
    assert first["person"]["id_number"] == masked(persons[0].id_number)
    assert first["account"] == masked(parties[0].account)


def test_what_people_write_freely_is_hidden_whole() -> None:
    refused = EXAMPLES["daiya.folio-refused.v1"]
    assert isinstance(refused, FolioRefused)
    reason = refused.reasons[0].model_copy(update={"detail": "王小明的房屋被查封，案号（2026）鲁15执保12号"})
    copy = refused.model_copy(update={"reasons": (reason,)}).public_copy()
    assert copy["reasons"] == [{"reason": "seizure", "detail": "***", "clause": "X-4"}]
    assert EXAMPLES["daiya.case-cancelled.v1"].public_copy()["because"] == "***"


def test_copies_for_institutions_are_not_masked() -> None:
    opened = EXAMPLES["daiya.case-opened.v1"]
    assert list(personal_values(opened)) != []
    assert all(one in to_data(opened.to_json()).decode() for one in personal_values(opened))
    assert type(opened).read(to_data(opened.to_json())) == opened


def test_the_personal_types_bear_the_mark() -> None:
    for kind in (PersonName, IdentityNumber, AccountNumber, FreeText):
        assert any(isinstance(mark, Personal) for mark in get_args(kind)), kind


def test_no_field_for_an_account_or_a_reason_is_plain_text() -> None:
    """A field that a later event adds under such a name must use the marked type."""

    def models(kind: Any) -> Iterator[type[BaseModel]]:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
            for one in get_type_hints(kind, include_extras=True).values():
                yield from models(one)
        for one in get_args(kind):
            yield from models(one)

    def marked(kind: Any) -> bool:
        return isinstance(kind, Personal) or any(marked(one) for one in get_args(kind))

    plain: list[str] = []
    seen = {model for event in EVENTS.values() for model in models(event)}
    for model in sorted(seen, key=lambda m: m.__name__):
        for name, kind in get_type_hints(model, include_extras=True).items():
            personal = name in ("account", "because", "detail", "name", "id_number") or name.endswith("_account")
            if personal and name in model.model_fields and not marked(kind):
                plain += [f"{model.__name__}.{name}"]
    # A deposit account is marked within; a period's name is that of a rule, and of nobody.
    assert plain == ["CaseOpened.deposit_account", "Period.name"]


def test_a_public_feed_is_a_topic_of_its_own() -> None:
    names = {make(Role.ESCROW, "liaocheng-notary") for make in (inbox, dead_letters, public_feed)}
    assert names == {"daiya.escrow.liaocheng-notary" + end for end in ("", ".dead", ".public")}


def test_a_public_copy_is_json() -> None:
    for event in EXAMPLES.values():
        assert json.loads(to_data(event.public_copy())) == event.public_copy()
