"""The file of facts (案卷): what lies on it, and everything else an institution knows of one subject.

A subject (mostly a folio) holds the files of its cases and a standing file for what belongs to no case. All of it is
the sum of its items, in order: `apply` is the only way anything changes, live and when it is read from the journal.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar, cast

from contracts.envelope import Envelope
from contracts.event import Event, Fact, Opening, Role
from services.runtime.core.growing import Chain, Index, but

F = TypeVar("F", bound=Fact, covariant=True)
STANDING = ""  # the name of the file for what belongs to no case


class Phase(StrEnum):
    """The only state of a case. Everything else is what lies on its file."""

    OPEN = "open"
    CLOSING = "closing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Filed(Generic[F]):
    """A fact on file: who said it and when (`time`, theirs), when it came to us (`at`), and what caused it."""

    id: str
    fact: F
    case: str
    speaker: str
    time: datetime
    at: datetime
    cause: str | None
    order: int = 0

    @property
    def mark(self) -> str:
        """What tells it from every other fact. An id is what its speaker chose: another may have chosen the same."""
        return f"{self.speaker} {self.id}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A record of the own inbox as the fold gets it: read, not yet filed. `place` is partition and offset."""

    envelope: Envelope
    fact: Fact
    at: datetime
    place: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command is not done (RFC 9457: title, detail, status), with the clause it rests on."""

    title: str
    detail: str
    clause: str
    status: int = 409


# --- items: what a turn adds ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    """A letter is on file; parked where its speaker's part in the case is not known yet."""

    letter: Letter
    parked: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    """A parked letter's speaker turned out to have a part in the case."""

    id: str
    case: str
    source: str


@dataclass(frozen=True, slots=True)
class Struck:
    """A letter that is a dead letter, until a person decides on it. If its number is still to come in its line, it
    holds that line. `at` is when that was found, `place` partition and offset of its record."""

    id: str
    case: str
    source: str
    sequence: int | None
    digest: str
    why: str
    at: datetime
    place: tuple[int, int]

    @property
    def known_by(self) -> str:
        """Its place in its speaker's line, or its id."""
        return known_by(self.id, self.source, self.sequence)


@dataclass(frozen=True, slots=True)
class Decided:
    """A person has decided on the dead letter of this name: `retried`, it was taken after all by what follows here, or
    `skipped`, its line goes on without it. `command` is the id of the clerk's command, `word` the letter's own, and
    `place` what a struck one is known by; empty where nothing of it was on file."""

    letter: str
    how: Literal["retried", "skipped"]
    command: str
    word: str
    place: str


@dataclass(frozen=True, slots=True)
class Said:
    """A rule spoke. `to` has each recipient with the number of the word in that recipient's line; `tell` is another
    subject of this institution, told through the own inbox."""

    filed: Filed[Fact]
    file: str
    rule: str
    to: tuple[tuple[str, int], ...] = ()
    tell: str | None = None


@dataclass(frozen=True, slots=True)
class Readdressed:
    """A word said before, addressed to a newcomer too. `id` is the word's, `cause` what brought the newcomer."""

    id: str
    cause: str
    to: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Spoke:
    """A rule has spoken for this mark and will not again."""

    case: str
    rule: str
    mark: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A command was refused; nothing of it is on file."""

    id: str
    digest: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Kept:
    """A letter that must wait: `held` for the numbers before it, or `stopped` with its subject."""

    letter: Letter
    why: Literal["held", "stopped"]


@dataclass(frozen=True, slots=True)
class Stopped:
    """A rule raised: the subject stands until somebody resumes it."""

    letter_id: str
    error: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """A stopped subject goes on; what was kept is read again."""

    id: str
    digest: str


Item = Heard | Admitted | Struck | Said | Readdressed | Spoke | Refused | Kept | Stopped | Resumed | Decided


# --- what the items add up to -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """What a view says of a file, and the kinds of fact behind it: on this file, and on every file of the subject."""

    said: Any
    reads: frozenset[type[Fact]]
    reads_across: frozenset[type[Fact]]


@dataclass(frozen=True)
class File:
    """One case's facts by kind, in the order they were filed."""

    case: str
    facts: Mapping[type[Fact], tuple[Filed[Any], ...]] = field(default_factory=dict[type[Fact], tuple[Filed[Any], ...]])
    procedure: str = ""
    edition: str = ""
    phase: Phase = Phase.OPEN
    parties: Mapping[Role, frozenset[str]] = field(default_factory=dict[Role, frozenset[str]])
    spoken: frozenset[tuple[str, str]] = frozenset()
    parked: tuple[Filed[Any], ...] = ()

    def newest(self, *kinds: type[Fact]) -> Filed[Any] | None:
        """The fact of these kinds that was filed last; None where there is none."""
        found = [self.facts[kind][-1] for kind in kinds if kind in self.facts]
        return max(found, key=lambda filed: filed.order, default=None)

    def every(self, *kinds: type[Fact]) -> tuple[Filed[Any], ...]:
        """All facts of these kinds, in the order they were filed."""
        if len(kinds) == 1:
            return self.facts.get(kinds[0], ())
        return tuple(sorted((f for k in kinds for f in self.facts.get(k, ())), key=lambda filed: filed.order))


@dataclass(frozen=True)
class Subject:
    """Everything an institution knows of one subject. `memo` has what views say of its files, by case and view, as far
    as somebody has asked: a view is a function of facts alone, so it stands until one of a kind that it reads is
    filed."""

    key: str
    items: Chain[Item] = field(default_factory=Chain[Item])
    files: Mapping[str, File] = field(default_factory=dict[str, File])
    digests: Index[str] = field(default_factory=Index[str])  # of letters: source#sequence, or id
    incoming: Mapping[str, int] = field(default_factory=dict[str, int])
    outgoing: Mapping[str, int] = field(default_factory=dict[str, int])
    held: Mapping[str, Mapping[int, Letter]] = field(default_factory=dict[str, Mapping[int, Letter]])
    struck: Mapping[str, Struck] = field(default_factory=dict[str, Struck])  # undecided: source#sequence, or id
    passed: frozenset[str] = frozenset()  # source#sequence of skipped words whose line has not come to them yet
    decided: Mapping[str, Decided] = field(default_factory=dict[str, Decided])  # by the dead letter's name
    outcomes: Index[Refusal | None] = field(default_factory=Index[Refusal | None])
    stopped: Stopped | None = None
    queue: tuple[Letter, ...] = ()
    memo: dict[tuple[str, type], Seen] = field(default_factory=dict[tuple[str, type], Seen], compare=False, repr=False)

    def file(self, case: str) -> File:
        """The file of a case; an empty one if nothing is known of it."""
        return self.files.get(case) or File(case)

    def holding(self) -> Iterator[Struck]:
        """The dead letters that hold their speaker's line: nothing behind them is heard."""
        for struck in self.struck.values():
            if struck.sequence is not None and struck.sequence > self.incoming.get(struck.source, 0):
                yield struck

    def gap(self, source: str, before: int) -> tuple[int, int] | None:
        """The first and the last number of a line that are missing before this one; None where none is."""
        held = self.held.get(source, {})
        first, last = self.incoming.get(source, 0) + 1, before - 1
        # Step by step from both ends, past what is here: the numbers between may be very many.
        while first <= last and (first in held or line(source, first) in self.digests):
            first += 1
        while first <= last and (last in held or line(source, last) in self.digests):
            last -= 1
        return (first, last) if first <= last else None


def line(source: str, sequence: int) -> str:
    """The place of a word in its speaker's line."""
    return f"{source}#{sequence}"


def known_by(letter_id: str, source: str, sequence: int | None) -> str:
    """What a letter is known by. A word in a line by its place there alone: others choose its id, and own facts' ids
    can be foretold."""
    return letter_id if sequence is None else line(source, sequence)


def file_of(filed_case: str, fact: Fact) -> str:
    """The file a fact lies on: its case's, or the standing one where it belongs to the folio itself."""
    return STANDING if isinstance(fact, Event) and fact.standing else filed_case


def filed(letter: Letter, order: int = 0) -> Filed[Fact]:
    """A letter as it lies on file."""
    e = letter.envelope
    return Filed(e.id, letter.fact, e.case, e.source, e.time, letter.at, e.cause, order)


Changes = dict[str, Any]
"""Fields of a subject by name, with what they are from now on."""


def apply(subject: Subject, item: Item, phases: Mapping[type[Fact], Phase]) -> Subject:
    """The subject with one more item. `phases` says which facts move a case to which phase."""
    return but(subject, items=subject.items.plus(item), **_changes(subject, item, phases))


def _changes(subject: Subject, item: Item, phases: Mapping[type[Fact], Phase]) -> Changes:
    match item:
        case Heard():
            return _heard(subject, item, phases)
        case Admitted():
            file = subject.file(item.case)
            fact = next(f for f in file.parked if (f.speaker, f.id) == (item.source, item.id))
            return _put(subject, _not_parked(file, item.source, item.id), fact, phases)
        case Struck():
            return _struck(subject, item)
        case Decided():
            return _decided(subject, item)
        case Said():
            changes: Changes = {"outgoing": {**subject.outgoing, **dict(item.to)}} if item.to else {}
            if item.tell is None:
                changes |= _put(subject, subject.file(item.file), item.filed, phases)
            return changes
        case Readdressed():
            return {"outgoing": {**subject.outgoing, **dict(item.to)}}
        case Spoke():
            file = subject.file(item.case)
            return _with(subject, but(file, spoken=file.spoken | {(item.rule, item.mark)}))
        case Refused():
            return {
                "digests": subject.digests.plus(item.id, item.digest),
                "outcomes": subject.outcomes.plus(item.id, item.refusal),
            }
        case Kept(letter, "held"):
            e = letter.envelope
            theirs = {**subject.held.get(e.source, {}), e.sequence or 0: letter}
            return {"held": {**subject.held, e.source: theirs}}
        case Kept(letter, _):
            return {"queue": (*subject.queue, letter)}
        case Stopped():
            return {"stopped": item}
        case Resumed():
            return {
                "stopped": None,
                "queue": (),
                "digests": subject.digests.plus(item.id, item.digest),
                "outcomes": subject.outcomes.plus(item.id, None),
            }


def spoken_words(subject: Subject, added: Iterable[Item] | None = None) -> Iterator[tuple[str | None, Said]]:
    """Every word that a subject has said, with what caused it and to whom it went: of `added` items, or of all. A word
    that was readdressed comes once more, for its new hearers."""
    said: dict[str, Said] = {}  # made where it is asked for: seldom
    for item in subject.items if added is None else added:
        if isinstance(item, Said):
            yield item.filed.cause, item
        elif isinstance(item, Readdressed):
            said = said or {one.filed.id: one for one in subject.items if isinstance(one, Said)}
            yield item.cause, replace(said[item.id], to=item.to)


def _heard(subject: Subject, item: Heard, phases: Mapping[type[Fact], Phase]) -> Changes:
    letter, e = item.letter, item.letter.envelope
    changes: Changes = {"digests": subject.digests.plus(known_by(e.id, e.source, e.sequence), e.digest())}
    if e.sequence is not None:
        # A word struck out of parking had been counted: taken after all, it does not bring its line back.
        counted = max(e.sequence, subject.incoming.get(e.source, 0))
        changes |= _past_skipped(subject, e.source, counted, subject.passed)
        changes["held"] = _without(subject.held, e.source, e.sequence)
    if not isinstance(letter.fact, Event):
        changes["outcomes"] = subject.outcomes.plus(e.id, None)
    file = subject.file(file_of(e.case, letter.fact))
    if item.parked:
        return changes | _with(subject, but(file, parked=(*file.parked, filed(letter))))
    return changes | _put(subject, file, filed(letter), phases)


def _without(
    held: Mapping[str, Mapping[int, Letter]], source: str, sequence: int
) -> Mapping[str, Mapping[int, Letter]]:
    """What is held, without this one."""
    if sequence not in held.get(source, {}):
        return held
    rest = {n: kept for n, kept in held[source].items() if n != sequence}
    return {**{s: kept for s, kept in held.items() if s != source}, **({source: rest} if rest else {})}


def _struck(subject: Subject, item: Struck) -> Changes:
    changes: Changes = {
        "digests": subject.digests.plus(item.known_by, item.digest),
        "struck": {**subject.struck, item.known_by: item},
    }
    if item.sequence is not None:
        changes["held"] = _without(subject.held, item.source, item.sequence)
    file = subject.files.get(item.case)
    if file is None:
        return changes
    return changes | _with(subject, _not_parked(file, item.source, item.id))


def _not_parked(file: File, speaker: str, word: str) -> File:
    """The file without this parked word."""
    return but(file, parked=tuple(f for f in file.parked if (f.speaker, f.id) != (speaker, word)))


def _decided(subject: Subject, item: Decided) -> Changes:
    struck = subject.struck.get(item.place)
    rest = {place: one for place, one in subject.struck.items() if place != item.place}
    changes: Changes = {"struck": rest, "decided": {**subject.decided, item.letter: item}}
    if item.how == "retried" or struck is None or struck.sequence is None:
        return changes
    last = subject.incoming.get(struck.source, 0)
    skipped = subject.passed | {item.place} if struck.sequence > last else subject.passed
    return changes | _past_skipped(subject, struck.source, last, skipped)


def _past_skipped(subject: Subject, source: str, last: int, passed: frozenset[str]) -> Changes:
    """A line that has come to its number `last` goes on past the words of it that a person has skipped."""
    while line(source, last + 1) in passed:
        last += 1
        passed = passed - {line(source, last)}
    return {"passed": passed} | ({"incoming": {**subject.incoming, source: last}} if last else {})


def _put(subject: Subject, file: File, fact: Filed[Any], phases: Mapping[type[Fact], Phase]) -> Changes:
    """File a fact, and what follows from its kind: the procedure, the parties, the phase."""
    said = fact.fact
    kind = cast(type[Fact], type(said))
    order = len(subject.items) + 1
    fact = Filed(fact.id, said, fact.case, fact.speaker, fact.time, fact.at, fact.cause, order)
    changes: Changes = {"facts": {**file.facts, kind: (*file.facts.get(kind, ()), fact)}}
    if isinstance(said, Opening) and not file.procedure:
        changes |= {"procedure": said.procedure, "edition": said.edition}
    parties: Mapping[Role, str] | None = getattr(said, "institutions", None) if isinstance(said, Event) else None
    if parties is not None:
        known = {role: file.parties.get(role, frozenset()) | {name} for role, name in parties.items()}
        changes["parties"] = {**file.parties, **known}
    # An end is an end: on another line, words that were said before it may arrive after it.
    if kind in phases and file.phase is not Phase.ENDED:
        changes["phase"] = phases[kind]
    return {**_with(subject, but(file, **changes)), "memo": _still_seen(subject, file.case, kind)}


def _still_seen(subject: Subject, case: str, kind: type[Fact]) -> dict[tuple[str, type], Seen]:
    """What views say after a fact of this kind is on the file of this case: whatever does not read it."""
    return {
        at: seen
        for at, seen in subject.memo.items()
        if kind not in seen.reads_across and (at[0] != case or kind not in seen.reads)
    }


def _with(subject: Subject, file: File) -> Changes:
    return {"files": {**subject.files, file.case: file}}
