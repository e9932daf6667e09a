"""What a turn did, as log lines: case, subject and event id, who said it and to whom it went, and no personal data."""

from collections.abc import Iterable

from contracts.event import Event
from services.runtime import logs
from services.runtime.core.facts import Alarm
from services.runtime.core.file import Decided, Heard, Item, Kept, Refused, Resumed, Said, Stopped, Struck
from services.runtime.core.turn import Turn


def write(subject: str, turns: Iterable[Turn]) -> None:
    """One line for each thing that a subject's turns added and that somebody may look for."""
    log = logs.log().bind(subject=subject)
    for turn in turns:
        for item in turn.items:
            _line(log, item)


def _line(log: logs.Log, item: Item) -> None:
    match item:
        case Heard(letter, parked):
            e = letter.envelope
            log.info("heard", case=e.case, id=e.id, type=e.type, speaker=e.source, sequence=e.sequence, parked=parked)
        case Said(filed) if isinstance(filed.fact, Alarm):
            # The text may name what people wrote; it is on file under this id.
            log.warning("incident", case=filed.case, id=filed.id, cause=filed.cause, clause=filed.fact.clause)
        case Said(filed, rule=rule, to=to) if isinstance(filed.fact, Event):
            hearers = [recipient for recipient, _ in to]
            named = {"type": filed.fact.type_name, "rule": rule, "to": hearers}
            log.info("said", case=filed.case, id=filed.id, cause=filed.cause, **named)
        case Refused():
            log.info("refused", id=item.id, title=item.refusal.title, clause=item.refusal.clause)
        case Kept(letter, why):
            log.info("kept", case=letter.envelope.case, id=letter.envelope.id, type=letter.envelope.type, why=why)
        case Struck():
            log.warning("struck", case=item.case, id=item.id, speaker=item.source, sequence=item.sequence, why=item.why)
        case Stopped():
            log.error("subject stopped", id=item.letter_id, error=item.error)
        case Decided():
            named = {"letter": item.letter, "command": item.command, "id": item.word}
            log.warning("dead letter decided on", how=item.how, **named)
        case Resumed():
            log.warning("subject resumed", id=item.id)
        case _:
            pass
