"""From a record of the inbox to a letter, or to a dead letter with the reason and the place.

What is checked here needs no file: form, partition, own signature, that the kind is known, that this speaker may say it
and this institution hear it, and the fact's own values. Who has a part in a case only the file knows (core.fold).
"""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from contracts.envelope import Envelope, Malformed, Record, decode
from contracts.event import Event, Role
from services.runtime.core.facts import OWN_PREFIX
from services.runtime.core.file import Letter
from services.runtime.core.house import House
from services.runtime.core.journal import Vocabulary, vocabulary
from services.runtime.core.rule import Rulebook
from services.runtime.keys import Keys
from services.runtime.log import Received

MOST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is no letter: `where` in it, and `why`. With an envelope its line is known, and held."""

    received: Received
    where: str
    why: str
    envelope: Envelope | None = None


def read(received: Received, house: House, keys: Keys, words: Vocabulary) -> Letter | Unreadable:
    """The letter in a record. Never raises for what somebody else wrote."""
    try:
        envelope = decode(received.record, received.partition)
    except Malformed as error:
        return Unreadable(received, error.where, error.why)
    own = envelope.source == house.source
    if own and not keys.is_own(envelope):
        return Unreadable(received, "ce_signature", "claims to be this institution's own and is not")
    line = None if own else envelope
    if envelope.type.startswith(OWN_PREFIX) != own:
        return Unreadable(received, "ce_type", f"{envelope.source} may not say {envelope.type} here", line)
    kind = words.get(envelope.type)
    if kind is None:
        return Unreadable(received, "ce_type", f"{envelope.type} is not known in this release", line)
    if issubclass(kind, Event):
        why = _may_be_said(kind, envelope.speaker[0], house.role)
        if why:
            return Unreadable(received, "ce_type", why, line)
        if kind.numbered != (envelope.sequence is not None):
            why = "a word in a line needs its number" if kind.numbered else "has a number, but no line"
            return Unreadable(received, "ce_sequence", why)
        if kind.numbered and not kind.standing and not envelope.case:
            # Without a case it would lie on the standing file, where nobody's part is asked for.
            return Unreadable(received, "ce_subject", f"{kind.type_name} is said in a case, and this names none", line)
    try:
        fact = kind.read(envelope.data)
    except ValidationError as error:
        return Unreadable(received, *_first(error), line)
    unit = getattr(fact, "unit_number", envelope.key)
    if isinstance(fact, Event) and unit != envelope.key:
        return Unreadable(received, "ce_partitionkey", f"the fact is about {unit}", line)
    return Letter(envelope, fact, received.at, (received.partition, received.offset))


def make_house(role: Role, institution: str, title: str, keys: Keys, rulebook: Rulebook) -> House:
    """An institution as the fold needs to know it: what it hears again is read as what comes."""
    words = vocabulary(rulebook)

    def read_again(record: Record, place: tuple[int, int], at: datetime) -> Letter | str:
        found = read(Received(record, *place, at), house, keys, words)
        return f"{found.where}: {found.why}" if isinstance(found, Unreadable) else found

    house = House(role, institution, title, keys.code, rulebook, read_again)
    return house


def _may_be_said(kind: type[Event], speaker: Role, hearer: Role) -> str:
    if speaker not in kind.spoken_by:
        return f"{speaker.value} may not say {kind.type_name}"
    if hearer not in kind.heard_by:
        return f"{kind.type_name} is not for {hearer.value}"
    return ""


def _first(error: ValidationError) -> tuple[str, str]:
    """Where and why the values are wrong; the values themselves stay out, for they may be personal. A name that its
    writer chose stands in it no longer than a line."""
    found = error.errors(include_input=False, include_url=False)
    places = ["/".join(str(part) for part in e["loc"])[:MOST_SHOWN] or "value" for e in found]
    more = f" (and {len(found) - 1} more: {', '.join(places[1:6])})" if len(found) > 1 else ""
    return f"value/{places[0]}", found[0]["msg"] + more
