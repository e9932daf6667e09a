"""Every event of a procedure has words for people."""

import pytest

from contracts.event import Event
from contracts.procedures import PROCEDURES
from deploy.telling import TOLD, name_of, title

EVENTS_OF_PROCEDURES = sorted({s.event for p in PROCEDURES.values() for s in p.steps}, key=lambda kind: kind.type_name)


@pytest.mark.parametrize("kind", EVENTS_OF_PROCEDURES, ids=name_of)
def test_every_event_of_a_procedure_has_a_chinese_title_and_words(kind: type[Event]) -> None:
    assert title(kind) and any("一" <= character <= "鿿" for character in title(kind))
    assert callable(TOLD[kind][1])
