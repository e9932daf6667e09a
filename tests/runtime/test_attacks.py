"""What somebody who means harm, or a crash at the worst moment, may do to an institution; each once seen to work."""

from dataclasses import replace

import pytest

from contracts.envelope import encode
from contracts.event import Event
from contracts.events.case import CaseCompleted
from tests.runtime.test_turn import House, opened
from tests.support import liaocheng as lc


@pytest.fixture
def house() -> House:
    return House()


def unsigned(house: House, event: Event, number: int | None, **other: object) -> object:
    """A record of the notary's whose envelope is not what the house expects."""
    return encode(replace(house.envelope(event, number), **other))  # type: ignore[arg-type]


# --- forged and foreign facts -----------------------------------------------------------------------------------------


async def test_a_word_that_names_no_case_does_not_end_the_folio_itself(house: House) -> None:
    word = CaseCompleted(ownership_certificate=lc.document("不动产权证书"))
    await house.arrives(unsigned(house, word, 1, case=""))  # type: ignore[arg-type]
    assert [d["where"] for d in house.dead()] == ["ce_subject"]
    subject = await house.subject()
    assert not subject.files, "what belongs to the folio itself is said by no case's end"
    await house.hears(opened(), number=2)
