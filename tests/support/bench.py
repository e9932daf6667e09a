"""One institution on the bench: facts go in, what it says comes out. Pure, no broker, no database.

bench = Bench(Role.ESCROW, "liaocheng-notary", RULEBOOK)
bench.hear(FolioReserved(...), by=(Role.REGISTRY, "liaocheng-registry"))
bench.own(WithdrawalAgreed(...))
assert bench.said(ClosingRequested)
"""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from contracts.document import Document
from contracts.envelope import Envelope, source, to_data
from contracts.event import Event, Fact, Role
from services.runtime.core.facts import Command, OwnFact
from services.runtime.core.file import STANDING, Filed, Letter, Refusal, Refused, Said, Subject
from services.runtime.core.fold import derived_id, hear
from services.runtime.core.journal import vocabulary
from services.runtime.core.rows import Row, rows
from services.runtime.core.rule import Rulebook
from services.runtime.core.turn import DeadLetter, Turn
from services.runtime.keys import Keys
from services.runtime.reading import make_house

F = TypeVar("F", bound=Fact)
FOLIO = "371502001001GB00001F00010001"
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # noon of a Monday in China


class Bench:
    """Folds letters for one institution; letters to its own other subjects are delivered at once."""

    def __init__(self, role: Role, institution: str, rulebook: Rulebook, *, case: str = "LCF-TEST-1") -> None:
        self.house = make_house(role, institution, "测试", Keys(bytes(32)), rulebook)
        self.words = vocabulary(rulebook)
        self.case = case
        self.now = NOON
        self.subjects: dict[str, Subject] = {}
        self.lines: dict[tuple[str, str], int] = {}
        self.outbox: list[Said] = []
        self.dead: list[DeadLetter] = []
        self.turns: list[Turn] = []
        self._count = 0

    def hear(
        self,
        event: Event,
        by: tuple[Role, str],
        *,
        case: str | None = None,
        subject: str = FOLIO,
        time: datetime | None = None,
    ) -> Turn:
        """An event of another institution arrives, with the next number of its line, cut to what this role may read."""
        line = (source(*by), subject)
        self.lines[line] = self.lines.get(line, 0) + 1
        fact = type(event).read(to_data(event.copy_for(self.house.role)))
        return self._take(fact, line[0], self.case if case is None else case, subject, self.lines[line], time)

    def own(
        self, fact: OwnFact, *, case: str | None = None, subject: str = FOLIO, time: datetime | None = None
    ) -> Turn:
        """An own fact arrives from the desk, the clock or the rail."""
        return self._take(fact, self.house.source, self.case if case is None else case, subject, None, time)

    def standing(self, fact: OwnFact, *, subject: str = FOLIO) -> Turn:
        """An own fact that belongs to no case: an import, a restriction."""
        return self.own(fact, case=STANDING, subject=subject)

    def later(self, **by: float) -> None:
        """Time goes on (timedelta's words)."""
        self.now += timedelta(**by)

    def file(self, *kinds: type[F], case: str | None = None, subject: str = FOLIO) -> tuple[Filed[F], ...]:
        """The facts of these kinds on a case's file."""
        return self.subject(subject).file(self.case if case is None else case).every(*kinds)

    def said(self, kind: type[F], *, case: str | None = None) -> list[F]:
        """Everything of this kind that it said or asked for, in order."""
        wanted = self.case if case is None else case
        return [s.filed.fact for s in self.outbox if isinstance(s.filed.fact, kind) and s.filed.case == wanted]  # pyright: ignore[reportReturnType]

    def issued(self, *, case: str | None = None) -> list[Document]:
        """The documents of all that it said to others in a case, in order."""
        wanted = self.case if case is None else case
        words = [s.filed.fact for s in self.outbox if s.filed.case == wanted and isinstance(s.filed.fact, Event)]
        return [value for word in words for _, value in word if isinstance(value, Document)]

    def conversation(self) -> list[str]:
        """All events it said to others, by name, in order."""
        return [type(s.filed.fact).__name__ for s in self.outbox if isinstance(s.filed.fact, Event)]

    def refusal(self, turn: Turn) -> Refusal:
        """Why a turn's command was refused; fails where it was not."""
        found = [item.refusal for item in turn.items if isinstance(item, Refused)]
        assert found, f"nothing was refused: {turn.items}"
        return found[0]

    def rows(self, kind: str, subject: str = FOLIO) -> list[Row]:
        """What is open on a subject, of one kind: wait, incident, payment, period."""
        return [row for row in rows(self.house, self.subject(subject)).values() if row.kind == kind]

    def subject(self, key: str = FOLIO) -> Subject:
        """What is known of a subject."""
        return self.subjects.get(key) or Subject(key)

    def _take(
        self, fact: Fact, speaker: str, case: str, subject: str, sequence: int | None, time: datetime | None
    ) -> Turn:
        self._count += 1
        letter_id = derived_id("bench", str(self._count), fact.type_name)
        envelope = Envelope(
            letter_id, speaker, fact.type_name, case, time or self.now, subject, sequence, None, to_data(fact.to_json())
        )
        return self.take(Letter(envelope, fact, self.now, (0, self._count)))

    def take(self, letter: Letter) -> Turn:
        """A letter as it is; what it tells other subjects of this institution is delivered too."""
        key = letter.envelope.key
        turn = hear(self.house, self.subject(key), letter)
        self.subjects[key] = turn.subject
        self.turns.append(turn)
        self.dead += turn.dead
        for item in turn.items:
            if isinstance(item, Said):
                self.outbox.append(item)
                if item.tell is not None:
                    self._tell(item)
        assert turn.subject.stopped is None, turn.subject.stopped
        return turn

    def _tell(self, said: Said) -> None:
        f = said.filed
        assert said.tell is not None
        data = to_data(f.fact.to_json())
        envelope = Envelope(f.id, f.speaker, f.fact.type_name, f.case, f.time, said.tell, None, f.cause, data)
        self.take(Letter(envelope, self.words[f.fact.type_name].read(data), self.now, (0, self._count)))


def command(kind: type[Command], **fields: Any) -> Command:
    """A command of a clerk named Li."""
    return kind(by_clerk="Li", **fields)
