"""What is still open on a subject, as rows: payments asked for, periods running, what waits for a person, incidents,
gaps, and the lists by which desks find a case or a document.

Rows are a projection of the file and of nothing else, so a row that a crash swallowed is simply made again. A row that
some worker has marked keeps its mark, for it is only ever inserted where it is missing, and deleted when it is done.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.envelope import partition_of, wire_time
from contracts.event import Fact
from contracts.events.case import JoinRefused
from contracts.events.lender import JoinRequested
from services.runtime.core.dead import struck_id
from services.runtime.core.facts import (
    Alarm,
    DeadLetterRetried,
    DeadLetterSkipped,
    IncidentClosed,
    MoneyReceived,
    NumberAllotted,
    Pay,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
    PeriodEnded,
    PeriodPassed,
    PeriodStarted,
    PeriodUnpublished,
)
from services.runtime.core.file import STANDING, File, Filed, Phase, Subject
from services.runtime.core.fold import derived_id
from services.runtime.core.house import House
from services.runtime.core.rule import waiting

UNMATCHED_LINE = "unmatched"
"""The rows of statement lines that no case was found for: once so, always so."""

PROJECTED = frozenset(
    {"case", "decided", "document", "held", "incident", "payment", "period", "stopped", "struck", "wait"}
)
"""The kinds of row that the file alone makes and takes away. Others are kept by whoever put them: records left over,
claims of commands, lines of a statement, which are there before anything is on file."""


@dataclass(frozen=True, slots=True)
class Row:
    """One open thing of one subject."""

    id: str
    kind: str
    subject: str
    partition: int
    case: str
    since: datetime
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values."""
        return {
            "id": self.id, "kind": self.kind, "subject": self.subject, "partition": self.partition,
            "case": self.case, "since": wire_time(self.since), "data": self.data,
        }  # fmt: skip


NONE: Mapping[str, Row] = {}


def rows(house: House, subject: Subject, known: Mapping[str, Row] = NONE) -> dict[str, Row]:
    """Every row of a subject, by its id. A row never changes, so what stands among the `known` ones of this subject, as
    it was before, is that row."""
    partition = partition_of(subject.key)
    found: dict[str, Row] = {}
    of_files = ((file.case, one) for file in subject.files.values() for one in _of_file(house, subject, file))
    of_none = ((STANDING, one) for one in _of_subject(subject))
    for case, (kind, row_id, since, said) in (*of_files, *of_none):
        if row_id in known:
            found[row_id] = known[row_id]
        else:
            data = said.to_json() if isinstance(said, Fact) else said
            found[row_id] = Row(row_id, kind, subject.key, partition, case, since, data)
    return found


_Open = tuple[str, str, datetime, Fact | dict[str, Any]]


def _of_file(house: House, subject: Subject, file: File) -> Iterator[_Open]:
    if file.case != STANDING and file.facts and _is_known(file):
        first = min((facts[0] for facts in file.facts.values()), key=lambda f: f.order)
        yield "case", f"case/{file.case}", first.at, {"procedure": file.procedure}
    yield from _payments(file)
    closed = {f.fact.incident for f in file.every(IncidentClosed)}
    for one in (*_periods(file), *_alarms(file), *_waits(house, subject, file)):
        if one[0] != "incident" or one[1] not in closed:
            yield one
    for allotted in file.every(NumberAllotted):
        document = allotted.fact.document
        yield "document", f"document/{document.number}", allotted.at, allotted.fact
    for line in file.every(MoneyReceived, PaymentSettled, PaymentReturned) if file.case == STANDING else ():
        account, n = line.fact.account, line.fact.line
        if line.id == derived_id(f"statement/{account}", str(n)):  # the statement's own word, not a copy told on
            yield UNMATCHED_LINE, f"{UNMATCHED_LINE}/{account}/{n}", line.at, {}


def _is_known(file: File) -> bool:
    """Whether a case is one that this institution knows. Once its keeper has refused us a part in a case that we had
    asked for, it is not, until we ask again: so the next request need not lie where a wrong one has lain."""
    asked, refused = file.every(JoinRequested), file.every(JoinRefused)
    return bool(file.parties) or not refused or bool(asked and asked[-1].order > refused[-1].order)


def _alarms(file: File) -> Iterator[_Open]:
    for alarm in file.every(Alarm):
        yield "incident", alarm.id, alarm.at, alarm.fact


def _waits(house: House, subject: Subject, file: File) -> Iterator[_Open]:
    chapter = house.rulebook.chapter(file)
    if chapter is None or not chapter.waits or not file.facts:
        return
    newest = max(facts[-1].at for facts in file.facts.values())  # of a kind the last is the newest
    for wait in chapter.waits:
        try:
            found = waiting(wait, subject, file)
        except Exception as failure:  # it must not stop the partition, for what it looks at is on file already
            why = f"{type(failure).__name__}: {failure}"
            fault = {"what": f"{wait.name} cannot be worked out for {file.case}", "why": why, "clause": "X-3"}
            # Another failure is another incident, also where this one was closed.
            yield "incident", derived_id("wait failed", subject.key, file.case, wait.name, why), newest, fault
            continue
        if found is not None:
            data = {"action": found.action, "clause": found.clause, "what": found.what, "about": found.about}
            until = {"period": found.period} if found.period else {}
            # Another text is another wait: rows are never changed.
            row_id = "/".join(("wait", subject.key, file.case, wait.name, found.about, found.what))
            yield "wait", row_id, newest, {**data, **until}


def _payments(file: File) -> Iterator[_Open]:
    done = {f.fact.payment for f in file.every(PaymentSettled, PaymentRefused, PaymentReturned)}
    for pay in file.every(Pay):
        if pay.id not in done:
            yield "payment", pay.id, pay.at, pay.fact


def running_periods(file: File) -> Iterator[Filed[PeriodStarted]]:
    """The periods that run on a file: started, and since then neither ended nor passed."""
    if file.phase is Phase.ENDED:
        return
    passed = {f.fact.started for f in file.every(PeriodPassed)}
    ended: dict[str, int] = {f.fact.name: f.order for f in file.every(PeriodEnded)}  # the newest of each name
    for started in file.every(PeriodStarted):
        if started.id not in passed and ended.get(started.fact.period.name, -1) <= started.order:
            yield started


def _periods(file: File) -> Iterator[_Open]:
    running = {started.id for started in running_periods(file)}
    for started in file.every(PeriodStarted):
        if started.id in running:
            yield "period", started.id, started.at, started.fact
    for unpublished in file.every(PeriodUnpublished):
        if unpublished.fact.started in running:
            yield "incident", unpublished.id, unpublished.at, unpublished.fact


def _of_subject(subject: Subject) -> Iterator[_Open]:
    for speaker, held in subject.held.items():
        gap = subject.gap(speaker, min(held))
        if gap is not None:
            newest = max(letter.at for letter in held.values())
            data: dict[str, Any] = {"source": speaker, "first_missing": gap[0], "last_missing": gap[1]}
            # Another gap is another row: rows are never changed.
            yield "held", f"held/{subject.key}/{speaker}/{gap[0]}-{gap[1]}", newest, data
    yield from _dead_letters(subject)
    if subject.stopped is not None:
        since = subject.queue[0].at
        yield "stopped", f"stopped/{subject.key}/{subject.stopped.letter_id}", since, {"error": subject.stopped.error}


def decided_row(letter: str) -> str:
    """The id of the row that says what a person has decided on the dead letter of this name."""
    return f"decided/{letter}"


def _dead_letters(subject: Subject) -> Iterator[_Open]:
    """The lines that dead letters hold, and the dead letters that nobody need decide on any more."""
    for struck in subject.holding():
        word = {"source": struck.source, "sequence": struck.sequence, "case": struck.case, "why": struck.why}
        letter = {"letter": struck_id(subject.key, struck), "place": list(struck.place)}
        yield "struck", f"struck/{subject.key}/{struck.known_by}", struck.at, {**word, **letter}
    undecided = {struck_id(subject.key, struck) for struck in subject.struck.values()}
    for f in subject.file(STANDING).every(DeadLetterRetried, DeadLetterSkipped):
        if f.fact.letter not in undecided:
            data = {"how": subject.decided[f.fact.letter].how, "by": f.fact.by_clerk, "command": f.id}
            yield "decided", decided_row(f.fact.letter), f.at, data | ({"note": f.fact.note} if f.fact.note else {})
