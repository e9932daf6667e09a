"""Every event of a procedure has words for people."""

from collections.abc import Iterator
from typing import cast

import pytest
from pydantic import BaseModel

from contracts.event import Event
from contracts.events.escrow import MoneyKind
from contracts.events.registry import Stage
from contracts.procedures import PROCEDURES
from contracts.values import Person
from deploy.telling import TOLD, name_of, title, told
from tests.support import loan
from tests.support.examples import EXAMPLES

EVENTS_OF_PROCEDURES = sorted({s.event for p in PROCEDURES.values() for s in p.steps}, key=lambda kind: kind.type_name)


@pytest.mark.parametrize("kind", EVENTS_OF_PROCEDURES, ids=name_of)
def test_every_event_of_a_procedure_has_a_chinese_title_and_words(kind: type[Event]) -> None:
    assert title(kind) and any("一" <= character <= "鿿" for character in title(kind))
    assert kind in TOLD


@pytest.mark.parametrize("kind", TOLD, ids=name_of)
def test_what_is_told_of_an_event_names_nobody(kind: type[Event]) -> None:
    said = EXAMPLES[kind.type_name]
    words = told(said)
    assert words
    for person in _people(said):
        assert person.name not in words and str(person.id_number) not in words


def _people(value: object) -> Iterator[Person]:
    if isinstance(value, Person):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _people(getattr(value, name))
    elif isinstance(value, tuple):
        for one in cast(tuple[object, ...], value):
            yield from _people(one)


def test_LC_L4_LC_L5_the_two_applications_and_the_two_deposits_are_told_apart() -> None:
    notice, entry = (loan.transfer_application(stage, n=n) for n, stage in enumerate(Stage, start=50))
    assert "for the notice of the transfer" in told(notice)
    assert "for the registration of the transfer" in told(entry)
    assert "for the notice of its mortgage for ¥800,000.00" in told(loan.mortgage_application())
    assert "for the registration of its mortgage" in told(loan.mortgage_application(Stage.REGISTRATION))
    assert "¥480,000.00 of down payment held" in told(loan.certified())
    lent = loan.certified(MoneyKind.LOAN, "liaocheng-ccb", price_complete=True)
    assert "¥800,000.00 of loan of liaocheng-ccb held" in told(lent) and told(lent).endswith("the price is complete")


def test_LC_L6_the_entry_is_told_with_every_lenders_mortgage_and_rank() -> None:
    words = told(loan.registered(loan.LENDER, loan.FUND))
    for rank, lender in enumerate((loan.LENDER, loan.FUND), start=2):
        assert f"{loan.NEW_MORTGAGES[lender].number} at rank {rank}" in words
