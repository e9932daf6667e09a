"""What the public words about a case add up to: how it stands, who holds it up under which clause, what broke an order.

Pure: words in, a page out. Nothing here trusts a word's values further than it has looked at them, for a feed is
written by others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pydantic import ValidationError

from contracts.document import documents_in
from contracts.envelope import ROLES
from contracts.event import Event, Fact, Role, kebab, meaning
from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened, PartyJoined
from contracts.events.escrow import BalancePaid, DepositConfirmed, DepositRefunded, PayoffTransferred
from contracts.events.lender import JoinRequested
from contracts.period import Period
from contracts.procedures import PROCEDURES, Procedure, Step, awaited_now, in_causal_order, known_after, permitted
from contracts.procedures.waiting import Known
from services.observer.pages import CasePage, Issued, Line, Money, MoneyLine, Party, Status, Violation, Waiting
from services.runtime.core.periods import Calendar, Unpublished, due

Institutions = frozenset[tuple[Role, str]]

MONEY: Mapping[type[Event], Literal["in", "out"]] = {
    DepositConfirmed: "in",
    PayoffTransferred: "out",
    BalancePaid: "out",
    DepositRefunded: "out",
}
"""The words that tell of a case's money, each by its `amount_fen`."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One word of a public feed: the envelope's attributes, the masked values, and its place (topic, partition,
    offset). `kind` is None for a word of a later release."""

    id: str
    at: datetime
    by: Role
    institution: str
    type_name: str
    kind: type[Event] | None
    case: str
    subject: str
    cause: str | None
    values: Mapping[str, Any]
    place: tuple[str, int, int]

    @property
    def name(self) -> str:
        """`daiya.case-opened.v1` is called case-opened."""
        return self.type_name.split(".")[1]

    @property
    def ends(self) -> bool:
        """Whether it says that a case has ended; only its keeper's word counts."""
        return self.kind in ENDS


ENDS: Mapping[type[Event], Status] = {CaseCompleted: Status.COMPLETED, CaseCancelled: Status.CANCELLED}


@dataclass(frozen=True, slots=True)
class _Case:
    """A case's words in their order, split by whether their speaker has a part in it."""

    name: str
    procedure: Procedure | None
    opened: Heard | None
    parties: Institutions
    words: Sequence[Heard]
    strangers: Sequence[Heard]
    around: Sequence[Heard]  # all words on the folio, those of other cases included
    observed: Institutions

    def end(self) -> Heard | None:
        """The keeper's word that the case has ended."""
        keeper = self.procedure.keeper if self.procedure is not None else None
        return next((w for w in self.words if w.kind in ENDS and w.by is keeper), None)

    def unseen(self, event: type[Event]) -> bool:
        """Whether an event may have been said where nobody looks: all who say it here are on feeds not read."""
        speakers = {step.by for step in self.procedure.steps if step.event is event} if self.procedure else set[Role]()
        return not any(role in speakers for role, name in self.parties if (role, name) in self.observed)


def case_page(case: str, folio: Iterable[Heard], observed: Institutions, calendar: Calendar, today: date) -> CasePage:
    """LC-R5 依法依规对金融机构“带押过户”业务进行指导、监督、管理: the page of one case, from every public word about
    its folio, in any order, each once.

    `observed`: whose feeds are read; `today` in China, for what is overdue.
    """
    found = _case(case, folio, observed)
    end = found.end()
    status = ENDS[end.kind] if end is not None and end.kind is not None else Status.OPEN
    every = in_order((*found.words, *found.strangers))
    return CasePage(
        case=case,
        status=status,
        procedure=found.procedure.name if found.procedure is not None else _text(found.opened, "procedure"),
        edition=found.procedure.edition if found.procedure is not None else _text(found.opened, "edition"),
        unit_number=_text(found.opened, "unit_number") or next((w.subject for w in every), ""),
        institutions=_named(found.parties),
        unobserved=_named(found.parties - observed),
        timeline=tuple(line_of(word, found.procedure) for word in every),
        waiting_for=tuple(_waiting(found, calendar, today)) if status is Status.OPEN else (),
        money=_money(found, end),
        documents=tuple(_documents(found.words)),
        violations=tuple(_violations(found)),
    )


def in_order(words: Iterable[Heard]) -> list[Heard]:
    """Words in the order of saying: by time, after their causes, else by their places in the feeds."""
    placed = sorted(words, key=lambda word: word.place)
    return in_causal_order(placed, {word.id: word.cause for word in placed})


def opens_a_case(word: Heard) -> bool:
    """Whether a case is known from this word on: an opening by one who is named in it, and may open such a case."""
    return word.kind is CaseOpened and bool(word.case) and _may_open(word)


def line_of(word: Heard, procedure: Procedure | None = None) -> Line:
    """A word as a line of the timeline; of a later release's words only what the envelope says is known."""
    article = procedure.article(word.by, word.kind) if procedure is not None and word.kind is not None else None
    article = article or (word.kind.article if word.kind is not None else None)
    return Line(
        id=word.id,
        time=word.at,
        by=_party(word),
        event=word.name,
        article=article,
        says=meaning(word.kind) if word.kind is not None else "",
        data=dict(word.values),
    )


# --- who has a part -----------------------------------------------------------------------------------------


def _case(case: str, folio: Iterable[Heard], observed: Institutions) -> _Case:
    around = in_order(folio)
    mine = [word for word in around if word.case == case]
    opened = next((word for word in mine if opens_a_case(word)), None)
    if opened is None:
        return _Case(case, None, None, frozenset(), mine, (), around, observed)
    procedure = PROCEDURES.get((_text(opened, "procedure"), _text(opened, "edition")))
    parties = set(_institutions(opened))
    for word in mine:
        by_keeper = procedure is not None and word.by is procedure.keeper and (word.by, word.institution) in parties
        role = ROLES.get(_text(word, "role"))
        if word.kind is PartyJoined and by_keeper and role is not None:
            parties.add((role, _text(word, "institution")))
    # Who asks to join has no part yet, and may speak all the same.
    of_parties = [w for w in mine if (w.by, w.institution) in parties or w.kind is JoinRequested]
    strangers = [word for word in mine if word not in of_parties]
    return _Case(case, procedure, opened, frozenset(parties), of_parties, strangers, around, observed)


def _may_open(word: Heard) -> bool:
    """Whether an opening is by one who is named in it, in a role that may open such a case."""
    procedure = PROCEDURES.get((_text(word, "procedure"), _text(word, "edition")))
    may = procedure is None or word.by in procedure.openers
    return may and (word.by, word.institution) in _institutions(word)


def _institutions(opened: Heard) -> list[tuple[Role, str]]:
    named: Any = opened.values.get("institutions")
    pairs: list[tuple[str, Any]] = sorted(named.items()) if isinstance(named, dict) else []
    return [(ROLES[role], str(name)) for role, name in pairs if role in ROLES]


# --- who is waited for --------------------------------------------------------------------------------------


def _waiting(case: _Case, calendar: Calendar, today: date) -> Iterator[Waiting]:
    if case.procedure is None:
        return
    known: Known = frozenset()
    since = dict[Step, datetime]()
    present = {role for role, _ in case.parties}
    for word in case.words:
        if word.kind is not None:
            known = known_after(case.procedure, known, word.by, word.kind, word.values)
            since = {step: since.get(step, word.at) for step in awaited_now(case.procedure, known, present)}
    periods = _periods(case.opened)
    for step, moment in since.items():
        for role, name in sorted(case.parties & case.observed):
            if role is step.by:
                named = step.awaited.period if step.awaited is not None else ""
                until = due(moment, periods[named, role], calendar) if (named, role) in periods else None
                yield Waiting(
                    by=Party(role=role, institution=name),
                    event=kebab(step.event.__name__),
                    clause=step.article,
                    since=moment,
                    until=None if isinstance(until, Unpublished) else until,
                    calendar_unpublished=until.year if isinstance(until, Unpublished) else None,
                    overdue=isinstance(until, date) and until < today,
                )


def _periods(opened: Heard | None) -> dict[tuple[str, Role], Period]:
    """The periods that the case pins, by name and whose they are."""
    found: dict[tuple[str, Role], Period] = {}
    listed: Any = opened.values.get("periods") if opened is not None else None
    for one in listed if isinstance(listed, list) else ():  # pyright: ignore[reportUnknownVariableType]
        try:
            period = Period.model_validate(one)
        except ValidationError:
            continue
        found[period.name, period.whose] = period
    return found


# --- what broke an order ------------------------------------------------------------------------------------


def _violations(case: _Case) -> Iterator[Violation]:
    """Each word against what had been said in its case, or stood on the folio, before it."""
    for word in case.strangers:
        why = f"{word.by.value} {word.institution} has no part in the case"
        yield _violation(word, why, None)
    if case.procedure is None:
        return
    known = set[type[Fact]]()
    own = dict[tuple[Role, str], set[type[Fact]]]()
    parties = {word.id for word in case.words}
    for word in case.around:
        if word.kind is None or not (word.id in parties or (word.case != case.name and word.kind.standing)):
            continue
        if word.id in parties and not word.kind.standing:
            theirs = own.setdefault((word.by, word.institution), set())
            yield from _against(case, case.procedure, word, word.kind, frozenset(known), frozenset(theirs))
            theirs.add(word.kind)
        known.add(word.kind)


def _against(
    case: _Case,
    procedure: Procedure,
    word: Heard,
    kind: type[Event],
    known: frozenset[type[Fact]],
    own: frozenset[type[Fact]],
) -> Iterator[Violation]:
    """`own`: what the speaker had said itself. What it had heard by then the feeds do not tell."""
    step = procedure.step(word.by, kind, known, own)
    unmet = [group for group in step.after if not group & known] if step is not None else []
    # What only they say whose feeds are not read may have been said.
    barred = step.not_after if step is not None else frozenset[type[Event]]()
    hidden = {event for group in unmet for event in group - barred if case.unseen(event)}
    why = permitted(procedure, word.by, kind, known | hidden, own)
    if why:
        said = {other.kind for other in case.words}
        missing = {event for group in unmet if not group & (said | hidden) for event in group}
        unseen = tuple(sorted(kebab(event.__name__) for event in missing))
        yield _violation(word, why, step.article if step is not None else None, unseen)


def _violation(word: Heard, why: str, clause: str | None, unseen: tuple[str, ...] = ()) -> Violation:
    return Violation(time=word.at, by=_party(word), event=word.name, why=why, clause=clause, unseen=unseen)


# --- money and documents ------------------------------------------------------------------------------------


def _money(case: _Case, end: Heard | None) -> Money:
    """The keeper's statement where there is one, with the words that told of money on the way. Money that went out had
    come in, also where no word had told of it."""
    lines = tuple(
        MoneyLine(time=w.at, direction=MONEY[w.kind], event=w.name, amount_fen=_fen(w.values, "amount_fen"))
        for w in case.words
        if w.kind is not None and w.kind in MONEY
    )
    sums = {way: sum(line.amount_fen for line in lines if line.direction == way) for way in ("in", "out")}
    stated: Any = end.values.get("money") if end is not None else None
    if isinstance(stated, dict):
        names = ("in_fen", "out_fen", "held_fen")
        in_fen, out_fen, held_fen = (_fen(stated, name) for name in names)  # pyright: ignore[reportUnknownArgumentType]
        return Money(in_fen=in_fen, out_fen=out_fen, held_fen=held_fen, stated=True, lines=lines)
    in_fen = max(sums["in"], sums["out"])
    return Money(in_fen=in_fen, out_fen=sums["out"], held_fen=in_fen - sums["out"], stated=False, lines=lines)


def _fen(values: Mapping[str, Any], name: str) -> int:
    found = values.get(name)
    return found if type(found) is int else 0


def _documents(words: Iterable[Heard]) -> Iterator[Issued]:
    """Every numbered document, once, by the word that carried it first."""
    seen = set[str]()
    for word in words:
        try:
            carried = list(documents_in(dict(word.values)))
        except ValidationError:
            continue
        for document in carried:
            if document.number not in seen:
                seen.add(document.number)
                yield Issued(
                    number=document.number, title=document.title, issuer=_party(word), event=word.name, time=word.at
                )


# --- small ones ---------------------------------------------------------------------------------------------


def _named(institutions: Institutions) -> tuple[Party, ...]:
    order = list(Role)
    in_roles = sorted(institutions, key=lambda one: (order.index(one[0]), one[1]))
    return tuple(Party(role=role, institution=name) for role, name in in_roles)


def _party(word: Heard) -> Party:
    return Party(role=word.by, institution=word.institution)


def _text(word: Heard | None, name: str) -> str:
    found = word.values.get(name) if word is not None else None
    return found if isinstance(found, str) else ""
