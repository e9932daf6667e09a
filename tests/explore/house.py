"""One institution in an exploration: what it may know, and what one step makes of that, each worked out once.

A step is the product's: a record is read, folded by `hear`, its words are packed by the post; payments and statements
are those of the runtime, over a rail in memory. What comes of it depends on nothing but what the institution knows, so
it is worked out once and kept.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from contracts.envelope import Record, inbox, partition_of
from contracts.event import Event, Fact, Role
from contracts.procedures import PROCEDURES
from services.runtime.core.facts import OWN_PREFIX, MoneyReceived, OwnFact, PaymentAccepted
from services.runtime.core.file import Letter, Phase, Refused, Subject, spoken_words
from services.runtime.core.fold import SERIES, hear
from services.runtime.core.journal import SCHEMA, dump, vocabulary
from services.runtime.core.periods import Calendar
from services.runtime.core.rows import Row, rows
from services.runtime.core.rule import Guard, reads_of
from services.runtime.core.turn import Turn
from services.runtime.institution import Institution
from services.runtime.keys import Keys
from services.runtime.log import Received
from services.runtime.payments import ACCEPTED, STATE
from services.runtime.rail import StatementLine, Transfer
from services.runtime.reading import Unreadable, read
from services.runtime.store import Entry
from tests.explore.canonical import ORDERS, canonical, kinds_in_order
from tests.explore.table import Table
from tests.simulation.auditor import HEARD, SAID, Violation
from tests.simulation.city import Seat
from tests.simulation.outside import Bank, at_once

CALENDAR = Calendar.published()
FEED = ".public"
MONEY = MoneyReceived.type_name


@dataclass(frozen=True)
class Act:
    """What a person can do: hand `letter` in at an institution's desk, or have a bank carry out `order`. An `extra` one
    need never be done; nor, once the line has gone, one that only answers a line of the worklist."""

    name: str
    letter: Letter | None = None
    order: Transfer | None = None
    extra: bool = False
    answers: bool = False


@dataclass(frozen=True)
class Known:
    """All that an institution knows, and what lies before it: own facts in its inbox (`own`), what people can do at its
    desk and what of that they have done (`desk`, `paid`), how far each statement is read. `heard` is how this came on
    the first way to it: the newest letter, its turn, and what had been heard before."""

    subjects: Mapping[str, Subject] = field(default_factory=dict[str, Subject])
    own: tuple[int, ...] = ()
    desk: tuple[int, ...] = ()
    paid: tuple[int, ...] = ()
    read: tuple[int, ...] = ()
    heard: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Step:
    """What one step makes of an institution: the number of what it knows then, the words that go out, the entries of
    its journal, and which kinds lay on the case's file before. `to_see`: there is something in it for an auditor, and
    with `money` something that he compares with the rail's books."""

    after: int
    out: tuple[tuple[str, int], ...] = ()
    entries: tuple[Entry, ...] = ()
    before: frozenset[type[Fact]] = frozenset()
    to_see: bool = False
    money: bool = False
    refused: bool = False
    violation: Violation | None = None


class _Caught:
    """A log that keeps what is appended."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def append(self, topic: str, record: Record) -> None:
        self.records.append(record)

    async def page(self, topic: str, partition: int, start: int, limit: int) -> Sequence[Received]:
        return ()


class _Rows:
    """A store with one institution's rows, as far as the rail's workers ask for them."""

    def __init__(self) -> None:
        self.rows: Mapping[str, Row] = {}
        self.read_to = 0

    async def row(self, row_id: str) -> Row | None:
        return self.rows.get(row_id)

    async def mark_row(self, row_id: str, mark: str, value: str) -> bool:
        return row_id in self.rows

    async def change_rows(self, put: Sequence[Row], delete: Collection[str]) -> None:
        """What was unmatched once is so again at the next look."""

    async def cursor(self, name: str) -> int:
        return self.read_to

    async def move_cursor(self, name: str, to: int) -> None:
        self.read_to = to


class _Rail:
    """The rail, with the books of one state of the world."""

    def __init__(self) -> None:
        self.bank: Bank | None = None
        self.lines: tuple[StatementLine, ...] = ()

    async def transfer(self, order: Transfer) -> Any:
        assert self.bank is not None
        return self.bank.transfer(order)

    async def statement(self, account: str, after: int, wait_s: float = 0) -> tuple[StatementLine, ...]:
        return self.lines


Answers = Callable[["House", Row], Iterator[int]]


@dataclass
class House:
    """An institution of the exploration. `twice`: whatever was heard is heard again after each turn, and must change
    nothing and say the same."""

    seat: Seat
    case: str
    folio: str
    at: datetime
    letters: Table[Letter]
    acts: Table[Act]
    answers: Answers
    twice: bool
    newcomers: frozenset[Role] = frozenset()
    neighbours: "dict[str, House]" = field(default_factory=dict[str, "House"])
    known: Table[Known] = field(default_factory=Table[Known])

    def __post_init__(self) -> None:
        seat = self.seat
        self.role, self.name, self.rulebook, self.settings = seat.role, seat.name, seat.rulebook, seat.settings
        self.words = vocabulary(seat.rulebook)
        self.keys = Keys(seat.name.encode().ljust(32, b"."))
        self.inbox = inbox(seat.role, seat.name)
        self._caught, self._store, self._rail = _Caught(), _Rows(), _Rail()
        self.institution = Institution(
            seat.role, seat.name, seat.rulebook, keys=self.keys, settings=seat.settings, log=self._caught,
            store=cast(Any, self._store), rail=cast(Any, self._rail), clock=self, calendar=CALENDAR,
        )  # fmt: skip
        self.house = self.institution.house
        self._steps: dict[tuple[str, int, int], Step] = {}
        self._more: dict[tuple[str, int, int], int] = {}
        self._rows: dict[int, Mapping[str, Row]] = {}
        self._digests: dict[int, tuple[Subject, bytes]] = {}
        self._also: dict[int, set[tuple[str, ...]]] = {}
        self.turns = 0
        self.turns_again = 0
        self.nothing = self._number(Known(read=(0,) * len(self.settings.accounts)))

    def now(self) -> datetime:
        """The clock stands still."""
        return self.at

    # --- what it knows ------------------------------------------------------------------------------------------------

    def _number(self, known: Known) -> int:
        digests = tuple(self._digest(known.subjects[key]) for key in sorted(known.subjects))
        n = self.known.number((digests, known.own, known.desk, known.paid, known.read), known)
        if self.known[n] is not known:
            self._also.setdefault(n, set()).add(kinds_in_order(known.subjects))
        return n

    def took_for_one(self) -> bool:
        """Whether files were taken for one that differ in an order which somebody has looked at since."""
        pairs = ORDERS.new[self.name]
        for n, others in self._also.items() if pairs else ():
            first = kinds_in_order(self.known[n].subjects)
            for pair in pairs:
                lie = [kind for kind in first if kind in pair]
                if any([kind for kind in other if kind in pair] != lie for other in others):
                    return True
        return False

    def _digest(self, subject: Subject) -> bytes:
        found = self._digests.get(id(subject))
        if found is None:
            ORDERS.at = self.name
            found = self._digests[id(subject)] = subject, canonical(subject, self.newcomers)
        return found[1]

    def subject(self, n: int) -> Subject:
        """The file of the home."""
        return self.known[n].subjects.get(self.folio) or Subject(self.folio)

    def rows(self, n: int) -> Mapping[str, Row]:
        """Everything open, by the rows' ids."""
        found = self._rows.get(n)
        if found is None:
            ORDERS.at = self.name
            some = (rows(self.house, subject) for subject in self.known[n].subjects.values())
            found = self._rows[n] = {row_id: row for one in some for row_id, row in one.items()}
        return found

    def orders_asked(self, n: int) -> tuple[Row, ...]:
        """The payments that are asked for and not known to have ended."""
        return tuple(row for row in self.rows(n).values() if row.kind == "payment")

    # --- letters ------------------------------------------------------------------------------------------------------

    def own_letter(self, fact: OwnFact, letter_id: str, case: str, subject: str) -> Letter:
        """An own fact as it is read from the own inbox."""
        return self.read(self.institution.post.own(fact, letter_id, case, subject, self.at).record)

    def read(self, record: Record) -> Letter:
        """The letter in a record. Raises Violation where there is none."""
        partition = partition_of((record.key or b"").decode())
        found = read(Received(record, partition, 0, self.at), self.house, self.keys, self.words)
        if isinstance(found, Unreadable):
            raise Violation("dead letter", f"{self.name}: {found.where}: {found.why}")
        return found

    def lies_before(self, letter: Letter) -> int:
        """The number of a letter that lies before this institution."""
        e = letter.envelope
        return self.letters.number((self.inbox, e.source, e.id, e.sequence, e.digest()), letter)

    # --- steps --------------------------------------------------------------------------------------------------------

    def take(self, n: int, letter: int) -> Step:
        """One turn with the next letter of a line."""
        return self._once("line", n, letter, lambda known: self._turn(n, (self.letters[letter],), known))

    def take_own(self, n: int, letter: int) -> Step:
        """One turn with an own fact that lies in the inbox."""

        def turn(known: Known) -> Step:
            return self._turn(n, (self.letters[letter],), replace(known, own=_without(known.own, letter)))

        return self._once("own", n, letter, turn)

    def take_act(self, n: int, act: int) -> Step:
        """One turn with a command from the desk. One that is refused changes nothing, and can be handed in again."""
        letter = self.acts[act].letter
        assert letter is not None

        def turn(known: Known) -> Step:
            return self._turn(n, (letter,), replace(known, desk=_without(known.desk, act)))

        return self._once("act", n, act, turn)

    def read_line(self, n: int, account: int, line: StatementLine, number: int) -> Step:
        """What the statement's next line says is heard at once: nobody else could tell when it was read."""

        def turn(known: Known) -> Step:
            self._store.rows = {row.id: _accepted(row) for row in self.rows(n).values()}
            self._store.read_to, self._rail.lines = known.read[account], (line,)
            self._caught.records.clear()
            at_once(self.institution.statements[account].work())
            letters = tuple(self.read(record) for record in self._caught.records)
            read_to = tuple(self._store.read_to if a == account else to for a, to in enumerate(known.read))
            return self._turn(n, letters, replace(known, read=read_to))

        return self._once("statement", n, number, turn)

    def order(self, n: int, row: Row, bank: Bank) -> tuple[int, ...]:
        """The rail takes a payment into its books; the letters in which this is reported."""
        self._store.rows, self._rail.bank = self.rows(n), bank
        self._caught.records.clear()
        at_once(self.institution.payments.carry_out(row))
        return tuple(self.lies_before(self.read(record)) for record in self._caught.records)

    def waits_for_its_acceptance(self, n: int, payment: str) -> bool:
        """Whether the rail's acceptance lies in the inbox: what its statement says comes behind it."""
        facts = (self.letters[letter].fact for letter in self.known[n].own)
        return any(isinstance(fact, PaymentAccepted) and fact.payment == payment for fact in facts)

    def with_own(self, n: int, letter: int) -> int:
        """What is known with one more own fact in the inbox."""
        return self._with("own", n, letter, lambda known: replace(known, own=tuple(sorted((*known.own, letter)))))

    def with_act(self, n: int, act: int) -> int:
        """What is known when a person can do one thing more at this desk."""
        return self._with("desk", n, act, lambda known: replace(known, desk=tuple(sorted({*known.desk, act}))))

    def with_paid(self, n: int, act: int) -> int:
        """What is known when a person has had a bank pay."""

        def paid(known: Known) -> Known:
            return replace(known, desk=_without(known.desk, act), paid=tuple(sorted((*known.paid, act))))

        return self._with("paid", n, act, paid)

    def _once(self, kind: str, n: int, number: int, work: Callable[[Known], Step]) -> Step:
        found = self._steps.get((kind, n, number))
        if found is None:
            ORDERS.at = self.name
            try:
                found = work(self.known[n])
            except Violation as broken:
                found = Step(n, violation=broken)
            self._steps[kind, n, number] = found
        return found

    def _with(self, kind: str, n: int, number: int, change: Callable[[Known], Known]) -> int:
        found = self._more.get((kind, n, number))
        if found is None:
            found = self._more[kind, n, number] = self._number(change(self.known[n]))
        return found

    def changes_nothing(self, step: Step) -> bool:
        """Whether all that a turn did was to file a fact that no sentence here can read any more, and no procedure asks
        for."""
        items = [item for entry in step.entries for item in entry.items]
        if step.refused or step.out or step.to_see or len(items) != 1:
            return False
        if items[0]["k"] != "heard" or items[0]["parked"]:
            return False
        kind = self.words[items[0]["letter"]["type"]]
        standing = issubclass(kind, Event) and kind.standing
        over = self.subject(step.after).file(self.case).phase is Phase.ENDED and not standing
        return kind not in (self._read_after_the_end if over else self._read)

    @cached_property
    def _read(self) -> frozenset[type[Fact]]:
        """Every kind of fact that some sentence reads, or that says what may be said."""
        found: set[type[Fact]] = set(self.rulebook.phases)
        for chapter in self.rulebook.chapters.values():
            for sentence in (*chapter.rules, *chapter.guards, *chapter.waits):
                found |= reads_of(sentence.needs)
        return frozenset(found) | self._asked_for

    @cached_property
    def _read_after_the_end(self) -> frozenset[type[Fact]]:
        """The same of the facts on a file whose case has ended: for good, so other sentences are silent there."""
        found: set[type[Fact]] = set()
        for chapter in self.rulebook.chapters.values():
            for sentence in (*chapter.rules, *chapter.guards, *chapter.waits):
                speaks = isinstance(sentence, Guard) or Phase.ENDED in sentence.during
                found |= reads_of(sentence.needs, across_only=not speaks)
        return frozenset(found) | self._asked_for

    @cached_property
    def _asked_for(self) -> frozenset[type[Fact]]:
        """What a procedure says must lie on the file before a word, or must not. Of a draft's numbers, which are not
        among it, the last one speaks, whichever it is."""
        steps = [step for procedure in PROCEDURES.values() for step in procedure.steps if step.by is self.role]
        after = {kind for step in steps for group in step.after for kind in group}
        return frozenset(after | {kind for step in steps for kind in (step.event, *step.not_after)})

    # --- a turn -------------------------------------------------------------------------------------------------------

    def _turn(self, n: int, letters: tuple[Letter, ...], known: Known) -> Step:
        before = frozenset(self.subject(n).file(self.case).facts)
        out, entries, own, waiting = list[tuple[str, int]](), list[Entry](), list(known.own), list(letters)
        while waiting:
            letter = waiting.pop(0)
            key = letter.envelope.key
            turn = hear(self.house, known.subjects.get(key) or Subject(key), letter)
            self.turns += 1
            if turn.dead:
                raise Violation("dead letter", f"{self.name}: {turn.dead[0].why}")
            if turn.items:
                items = tuple(dump(item) for item in turn.items)
                entries.append(Entry(key, len(turn.subject.items), SCHEMA, items, letter.place))
            if any(isinstance(item, Refused) for item in turn.items):
                return Step(n, (), tuple(entries), before, True, refused=True)
            heard = (letter, turn, known.heard)
            known = replace(known, subjects={**known.subjects, key: turn.subject}, heard=heard)
            for topic, record in self._words(turn):
                if topic != self.inbox:
                    hearer = self.neighbours[topic]
                    out.append((topic, hearer.lies_before(hearer.read(record))))
                elif (told := self.read(record)).envelope.key.startswith(SERIES):
                    waiting.append(told)  # a series answers at once: only its answer's way back can take long
                else:
                    own.append(self.lies_before(told))
            if self.twice:
                self._hear_again(known)
        after = self._number(self._with_the_worklist(replace(known, own=tuple(sorted(own)))))
        money = any(item["k"] == "heard" and item["letter"]["type"] == MONEY for e in entries for item in e.items)
        return Step(after, tuple(out), tuple(entries), before, any(map(_to_see, entries)), money)

    def _words(self, turn: Turn) -> list[tuple[str, Record]]:
        """The records of what a turn says, as the post packs them; nobody in here reads the public feed."""
        new = [said for _, said in spoken_words(turn.subject, turn.items)]
        parcels = [p for said in (*turn.again, *new) for p in self.institution.post.pack(turn.subject.key, said)]
        return [(p.topic, p.record) for p in parcels if not p.topic.endswith(FEED)]

    def _hear_again(self, known: Known) -> None:
        """Each letter that was heard on the way here comes once more. Raises Violation where that changes anything."""
        heard = known.heard
        while heard:
            letter, turn, heard = heard
            again = hear(self.house, known.subjects[letter.envelope.key], letter)
            self.turns_again += 1
            if again.items or _named(again.again) != _named(w for _, w in spoken_words(turn.subject, turn.items)):
                what = f"{self.name} hears {letter.envelope.type} again, and files {len(again.items)} items"
                raise Violation("what comes twice is done once", f"{what}, says {_named(again.again)}")

    def _with_the_worklist(self, known: Known) -> Known:
        """What a line of the worklist lets people do can be done from now on, also when the line has gone: it may have
        been handed in before."""
        desk = set(known.desk)
        subject = known.subjects.get(self.folio)
        if subject is None:
            return known
        for row in rows(self.house, subject).values():
            if row.kind == "wait":
                desk |= {act for act in self.answers(self, row) if not self._is_done(known, subject, act)}
        return replace(known, desk=tuple(sorted(desk)))

    def _is_done(self, known: Known, subject: Subject, act: int) -> bool:
        letter = self.acts[act].letter
        return act in known.paid if letter is None else letter.envelope.id in subject.digests


def _accepted(row: Row) -> Row:
    """A payment's row once the rail has answered; before its acceptance is heard, no statement is read here."""
    return replace(row, data={**row.data, STATE: ACCEPTED}) if row.kind == "payment" else row


def _without(numbers: tuple[int, ...], one: int) -> tuple[int, ...]:
    at = numbers.index(one)
    return numbers[:at] + numbers[at + 1 :]


def _named(words: Any) -> list[tuple[str, object, str | None]]:
    return [(said.filed.id, said.to, said.tell) for said in words if isinstance(said.filed.fact, Event) or said.tell]


def _to_see(entry: Entry) -> bool:
    """Whether an entry has something for the auditor's model: what was said to others or looked at, or went wrong."""
    return any(_is_looked_at(item) for item in entry.items)


def _is_looked_at(item: Mapping[str, Any]) -> bool:
    match item["k"]:
        case "said":
            said = item["fact"]["type"]
            return not said.startswith(OWN_PREFIX) or item["tell"] is not None or _name(said) in SAID
        case "heard":
            return not item["parked"] and _name(item["letter"]["type"]) in HEARD
        case "stopped" | "struck":
            return True
        case _:
            return False


def _name(type_name: str) -> str:
    """The class behind a name on the wire: `daiya.own.pay.v1` → `Pay`."""
    return "".join(word.capitalize() for word in type_name.split(".")[-2].split("-"))
