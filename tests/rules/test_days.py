"""A day of the calendar is spelt in one way in whatever comes from outside: events, commands, the clock, the rail.

Pydantic's own date would also read "1700006400" and midnights as days, which the published schemas refuse.
"""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from contracts.event import Fact
from contracts.values import Day
from services.escrow.facts import SaleBrought
from services.escrow.rules import RULEBOOK as ESCROW
from services.registry.rules import RULEBOOK as REGISTRY
from services.runtime.core.facts import PeriodPassed
from services.runtime.core.journal import vocabulary
from services.seller_bank.rules import RULEBOOK as SELLER_BANK
from tests.support import liaocheng as lc
from tests.support.bench import NOON

FACTS = {**vocabulary(ESCROW), **vocabulary(REGISTRY), **vocabulary(SELLER_BANK)}
SPELT = TypeAdapter(Day).json_schema()["pattern"]


def days_in(schema: Any) -> list[dict[str, Any]]:
    """Everything in a schema that is a day."""
    if isinstance(schema, dict):
        here = [schema] if schema.get("format") == "date" else []
        return here + [found for value in schema.values() for found in days_in(value)]
    return [found for item in schema for found in days_in(item)] if isinstance(schema, list) else []


@pytest.mark.parametrize("fact", FACTS.values(), ids=list(FACTS))
def test_every_day_of_every_fact_is_spelt_alike(fact: type[Fact]) -> None:
    assert [day for day in days_in(fact.model_json_schema()) if day.get("pattern") != SPELT] == []


def test_there_are_days_to_look_at() -> None:
    assert {name for name, fact in FACTS.items() if days_in(fact.model_json_schema())} >= {
        "daiya.case-opened.v1",
        "daiya.payoff-quoted.v1",
        SaleBrought.type_name,
        PeriodPassed.type_name,
    }


@pytest.mark.parametrize("wrong", ["1700006400", "2026-11-23T00:00:00", "20261123", 1_700_006_400])
def test_a_sale_and_a_passed_period_refuse_what_is_no_day(wrong: object) -> None:
    for fact, field in ((lc.sale(), "contract_date"), (PeriodPassed(started="s", name="n", due=NOON.date()), "due")):
        values = {**fact.model_dump(), field: wrong}
        with pytest.raises(ValidationError, match="day: must be a date"):
            type(fact).model_validate(values)
