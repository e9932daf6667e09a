"""The fold: one letter goes on file, every rule whose conditions are met speaks, and the turn says what was added.

Pure: no clock, no chance, no I/O. Times come with the letter, ids are uuid5 of cause, kind and key, numbers come from
the file. The same letters in the same order give the same items, however they are cut into batches.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from contracts.envelope import Envelope, inbox, to_data
from contracts.event import EVENTS, Event, Fact, Role
from contracts.events.case import CaseOpened, PartyJoined
from contracts.events.line import RepeatRequested
from contracts.procedures import PROCEDURES, permitted
from services.runtime.core.admission import admission
from services.runtime.core.dead import struck_id, word_id
from services.runtime.core.facts import (
    Alarm,
    Command,
    DeadLetterRetried,
    DeadLetterSkipped,
    DocumentDrafted,
    DocumentVoided,
    NumberAllotted,
    NumberWanted,
    OwnFact,
    SubjectResumed,
)
from services.runtime.core.file import (
    STANDING,
    Admitted,
    Decided,
    Filed,
    Heard,
    Item,
    Kept,
    Letter,
    Readdressed,
    Refusal,
    Refused,
    Resumed,
    Said,
    Spoke,
    Stopped,
    Struck,
    Subject,
    apply,
    file_of,
    known_by,
    line,
    spoken_words,
)
from services.runtime.core.house import House
from services.runtime.core.numbering import fill_in, number, places, wanted_documents
from services.runtime.core.rule import Chapter, For, Rule, Tell, chances, is_worth_a_look, refusal
from services.runtime.core.turn import Ask, DeadLetter, Turn

NAMESPACE = uuid.UUID("6f1c7a52-2f0e-5d0b-9a3f-6b2d1f0c4e11").bytes
MOST_SENTENCES = 1000  # in one turn of one subject; more is a rule that feeds itself
SERIES = "series:"


def hear(house: House, subject: Subject, letter: Letter) -> Turn:
    """One letter. A rule that raises stops the subject: nothing of this letter's turn is kept but the letter."""
    try:
        turn = _Fold(house, subject, letter)
        turn.take()
        return Turn(turn.subject, tuple(turn.items), tuple(turn.again), tuple(turn.dead), tuple(turn.asks))
    except Exception as failure:  # whatever it is, it stops this subject, and no other
        error = str(failure) if isinstance(failure, RuleFailed) else f"{type(failure).__name__}: {failure}"
        return stop(house, subject, letter, error)


def stop(house: House, subject: Subject, letter: Letter, error: str) -> Turn:
    """The subject stands before this letter, which is kept, until somebody resumes it."""
    items = (Stopped(letter.envelope.id, error), Kept(letter, "stopped"))
    for item in items:
        subject = apply(subject, item, house.rulebook.phases)
    return Turn(subject, items)


def strike(house: House, subject: Subject, envelope: Envelope, why: str, at: datetime, place: tuple[int, int]) -> Turn:
    """A record whose envelope was fine and whose fact was not: it holds its speaker's line for this subject, until a
    person decides. The record itself, taken by the log `at` this `place`, is among the dead letters already."""
    e = envelope
    if known_by(e.id, e.source, e.sequence) in subject.digests:
        return Turn(subject)
    item = Struck(e.id, e.case, e.source, e.sequence, e.digest(), why, at, place)
    return Turn(apply(subject, item, house.rulebook.phases), (item,))


def load(house: House, key: str, items: tuple[Item, ...]) -> Subject:
    """The subject that these items add up to."""
    subject = Subject(key)
    for item in items:
        subject = apply(subject, item, house.rulebook.phases)
    return subject


def derived_id(*parts: str) -> str:
    """An id that follows from its cause: uuid5, so that the same cause gives the same id again."""
    named = hashlib.sha1(NAMESPACE + "\n".join(parts).encode(), usedforsecurity=False).digest()
    return str(uuid.UUID(bytes=named[:16], version=5))


class RuleFailed(Exception):
    """A rule raised, or said what its procedure does not allow it to say."""


@dataclass
class _Fold:
    """One letter's turn under construction."""

    house: House
    subject: Subject
    letter: Letter
    items: list[Item] = field(default_factory=list[Item])
    again: list[Said] = field(default_factory=list[Said])
    dead: list[DeadLetter] = field(default_factory=list[DeadLetter])
    asks: list[Ask] = field(default_factory=list[Ask])
    dirty: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])  # places of file and rule, to look at

    # --- taking a letter ----------------------------------------------------------------------------------------------

    def take(self) -> None:
        e = self.letter.envelope
        known = self.subject.digests.get(known_by(e.id, e.source, e.sequence))
        if known is not None:
            self.take_again(known)
        else:
            self.take_new()

    def take_new(self) -> None:
        """A letter that nothing is known of, or a dead one that a person hands in again."""
        e, fact = self.letter.envelope, self.letter.fact
        if isinstance(fact, SubjectResumed):
            self.resume()
        elif isinstance(fact, RepeatRequested):
            self.repeat(fact)
        elif self.subject.stopped is not None:
            if not any(_same(kept, self.letter) for kept in self.subject.queue):
                self.add(Kept(self.letter, "stopped"))
        elif isinstance(fact, DeadLetterRetried):
            self.retry(fact)
        elif isinstance(fact, DeadLetterSkipped):
            self.skip(fact)
        elif e.sequence is not None:
            self.take_in_line(e.sequence)
        else:
            self.accept(self.letter)

    def take_again(self, known_digest: str) -> None:
        """A letter that is on file already: say again what it caused. Other bytes under its number are an alarm."""
        e = self.letter.envelope
        if known_digest == e.digest():
            causes = {e.id}
            if isinstance(self.letter.fact, SubjectResumed):  # what was kept spoke in its turn
                causes |= {i.letter.envelope.id for i in self.subject.items if isinstance(i, Kept)}
            if isinstance(self.letter.fact, DeadLetterRetried):  # what was handed in again spoke for itself
                causes |= {i.word for i in self.subject.items if isinstance(i, Decided) and i.command == e.id}
            self.again += [said for cause, said in spoken_words(self.subject) if cause in causes]
            self.dead += self.struck_with_it()
            return
        self.two_different_words()

    def struck_with_it(self) -> Iterator[DeadLetter]:
        """The dead letters of the turn that took this letter: a crash may have come before they were written. One that
        a person has decided on was there."""
        e = self.letter.envelope
        there: dict[tuple[str, str], Letter] = {}  # by source and id
        until: tuple[int, int] | None = None  # the place of the letter, as long as the items are of its turn
        for item in self.subject.items:
            match item:
                case Heard(letter) | Kept(letter):
                    there[letter.envelope.source, letter.envelope.id] = letter
                    if _same(letter, self.letter):
                        until = letter.place
                    elif until is not None and letter.place > until:
                        until = None
                case Resumed(resumed, _) if resumed == e.id:
                    until = self.letter.place
                case Struck() if self.subject.struck.get(item.known_by) != item:
                    pass
                case Struck() if (item.id, item.source, item.sequence) == (e.id, e.source, e.sequence):
                    until = self.letter.place
                    yield DeadLetter(self.letter, item.why)
                case Struck() if until is not None and (item.source, item.id) in there:
                    yield DeadLetter(there[item.source, item.id], item.why)
                case _:
                    pass

    def two_different_words(self) -> None:
        """The second of two different words under one number or id: a dead letter, and in a line an alarm."""
        e = self.letter.envelope
        self.dead.append(DeadLetter(self.letter, "the same number or id was used before for other words"))
        if e.sequence is not None:
            note = Alarm(
                what=f"{e.source} said two different things as number {e.sequence}",
                why=f"the second is {e.type} of case {e.case}; it is among the dead letters",
                clause="architecture, decision 6",
            )
            self.say_once(note, STANDING, f"same number {line(e.source, e.sequence)} {e.digest()}")

    def take_in_line(self, sequence: int) -> None:
        """Only number n+1 is applied; later ones are held, and the missing ones asked for."""
        e = self.letter.envelope
        held = self.subject.held.get(e.source, {})
        # One that is behind its line can only be a dead letter handed in again, which had been parked and counted.
        if sequence <= self.subject.incoming.get(e.source, 0) + 1:
            self.accept(self.letter)
            self.take_held(e.source)
        elif sequence not in held:
            self.add(Kept(self.letter, "held"))
            gap = self.subject.gap(e.source, sequence)
            if gap is not None:
                self.asks.append(Ask(e.source, *gap))
        elif held[sequence].envelope.digest() != e.digest():
            self.two_different_words()

    def take_held(self, speaker: str) -> None:
        """The letters that waited for this one, in their order, up to a gap or a dead letter: heard as if they came
        now."""
        while True:
            following = self.subject.incoming.get(speaker, 0) + 1
            letter = self.subject.held.get(speaker, {}).get(following)
            if letter is None:
                return
            self.accept(replace(letter, at=self.letter.at))

    def resume(self) -> None:
        """A stopped subject goes on: what was kept is heard as if it came now."""
        e = self.letter.envelope
        kept = self.subject.queue
        self.add(Resumed(e.id, e.digest()))
        for letter in kept:
            turn = hear(self.house, self.subject, replace(letter, at=self.letter.at))
            self.subject = turn.subject
            self.items += turn.items
            self.again += turn.again
            self.dead += turn.dead
            self.asks += turn.asks

    def repeat(self, request: RepeatRequested) -> None:
        """Somebody misses words of ours: say them again, with the numbers and bytes they had."""
        asker = "daiya." + self.letter.envelope.source[1:].replace("/", ".")
        wanted = range(request.first_missing, request.last_missing + 1)
        for _, said in spoken_words(self.subject):
            if any(to == asker and n in wanted for to, n in said.to):
                self.again.append(said)

    # --- dead letters, decided on by a person -------------------------------------------------------------------------

    def retry(self, retried: DeadLetterRetried) -> None:
        """The record is read and heard as one that has just come. Dead again, it stays what it was."""
        refusal = self.not_to_be_decided(retried.letter)
        if refusal is None:
            found = self.house.read(retried.record.record(), retried.place, self.letter.at)
            still = isinstance(found, str)
            refusal = self.refusal("still a dead letter", found) if still else self.hear_again(retried, found)
        if refusal is not None:
            self.refuse(self.letter, refusal)

    def hear_again(self, retried: DeadLetterRetried, letter: Letter) -> Refusal | None:
        """Hear a letter that was dead; why it cannot be, and then nothing of it stays."""
        e, before, struck = letter.envelope, self.subject, self.struck(retried.letter)
        place = known_by(e.id, e.source, e.sequence)
        if word_id(e) != retried.letter:
            return self.refusal("another letter", "the record is not that of the dead letter named")
        if struck is None and before.digests.get(place) == e.digest():
            return self.refusal("on file already", "these words were heard when they came another time")
        self.add(Heard(self.letter, parked=False))
        self.add(Decided(retried.letter, "retried", self.letter.envelope.id, e.id, place if struck else ""))
        trial = _Fold(self.house, self.subject, letter)
        if struck is None:
            trial.take()
        else:
            trial.take_new()
        why = next((dead.why for dead in trial.dead if dead.letter is letter), "")
        if why:
            self.subject, self.items = before, []
            return self.refusal("still a dead letter", why)
        self.subject = trial.subject
        self.items += trial.items
        self.again += trial.again
        self.dead += trial.dead
        self.asks += trial.asks
        return None

    def skip(self, skipped: DeadLetterSkipped) -> None:
        """The line goes on as if the word had never been said; its number is used up."""
        refusal = self.not_to_be_decided(skipped.letter)
        if refusal is not None:
            self.refuse(self.letter, refusal)
            return
        struck, command = self.struck(skipped.letter), self.letter.envelope.id
        word, place = (struck.id, struck.known_by) if struck is not None else ("", "")
        self.add(Heard(self.letter, parked=False))
        self.add(Decided(skipped.letter, "skipped", command, word, place))
        if struck is not None and struck.sequence is not None:
            self.take_held(struck.source)

    def struck(self, letter: str) -> Struck | None:
        """What is on file of a dead letter that nobody has decided on."""
        return next((one for one in self.subject.struck.values() if struck_id(self.subject.key, one) == letter), None)

    def not_to_be_decided(self, letter: str) -> Refusal | None:
        """A dead letter is decided on once; one that was parked and then struck is a dead letter anew."""
        decided = self.subject.decided.get(letter)
        if decided is None or self.struck(letter) is not None:
            return None
        return self.refusal("decided before", f"this dead letter was {decided.how} by command {decided.command}")

    def refusal(self, title: str, detail: str) -> Refusal:
        return Refusal(title, detail, "architecture, decision 6")

    # --- accepting ----------------------------------------------------------------------------------------------------

    def accept(self, letter: Letter) -> None:
        """Put a letter on file, unless it is refused, or its speaker has no part in the case."""
        fact, case = letter.fact, file_of(letter.envelope.case, letter.fact)
        if isinstance(fact, Command):
            refused = self.refused(fact, letter, case)
            if refused is not None:
                self.refuse(letter, refused)
                return
        admitted, why = admission(self.house, self.subject.file(case), letter.envelope.source, fact)
        if why:
            self.strike(letter, case, why)
            return
        self.add(Heard(letter, parked=not admitted))
        if admitted:
            self.on_file(case, fact)
        elif isinstance(fact, PartyJoined):  # it may be what the opening of the case has waited for
            self.admit_parked(case)
        self.run()

    def refuse(self, letter: Letter, refusal: Refusal) -> None:
        self.add(Refused(letter.envelope.id, letter.envelope.digest(), refusal))

    def refused(self, command: Command, letter: Letter, case: str) -> Refusal | None:
        """What the guards say to a command."""
        file = self.subject.file(case)
        if not file.procedure and case != STANDING:
            file = replace(file, procedure=getattr(command, "procedure", ""))
        chapter = self.house.rulebook.chapter(file)
        if chapter is None:
            return Refusal("unknown case", f"nothing is known here of case {case}", "X-3", status=404)
        if type(command) not in chapter.commands:
            return Refusal("not in this procedure", f"{type(command).__name__} has no place in {file.procedure}", "X-3")
        named: Mapping[Role, str] = getattr(command, "institutions", None) or {}
        if named.get(self.house.role, self.house.institution) != self.house.institution:
            detail = f"this is {self.house.institution}, not {named[self.house.role]}"
            return Refusal("another institution", detail, "X-3", status=422)
        e = letter.envelope
        unfiled: Filed[Fact] = Filed(e.id, command, e.case, e.source, e.time, letter.at, e.cause)
        for guard in chapter.guards:
            if guard.command is type(command):
                answer = self.guarded(lambda guard=guard: refusal(guard, unfiled, self.subject, file), "a guard")
                if answer is not None:
                    return answer
        return None

    def strike(self, letter: Letter, case: str, why: str) -> None:
        """A readable dead letter; it holds its speaker's line for this subject until a person decides."""
        e = letter.envelope
        self.add(Struck(e.id, case, e.source, e.sequence, e.digest(), why, self.letter.at, letter.place))
        self.dead.append(DeadLetter(letter, why))

    # --- filing and speaking ------------------------------------------------------------------------------------------

    def add(self, item: Item) -> None:
        self.subject = apply(self.subject, item, self.house.rulebook.phases)
        self.items.append(item)

    def on_file(self, case: str, fact: Fact) -> None:
        """What follows from a fact that was just filed: rules to look at, parked letters, verdicts."""
        kind = type(fact)
        moves = kind in self.house.rulebook.phases or "procedure" in kind.model_fields
        for n, file in enumerate(self.subject.files.values()):
            chapter = self.house.rulebook.chapter(file)
            if chapter is None:
                continue
            if file.case != case:
                places = chapter.readers_across.get(kind, ())
            else:
                places = range(len(chapter.rules)) if moves else chapter.readers.get(kind, ())
            self.dirty |= {(n, place) for place in places if is_worth_a_look(chapter.rules[place], file)}
        self.verdict(case, kind)
        if isinstance(fact, CaseOpened | PartyJoined):
            self.admit_parked(case)
        if isinstance(fact, PartyJoined):
            self.tell_the_newcomer(case, fact)
        if isinstance(fact, NumberAllotted):
            self.finish_draft(case, fact)
        if isinstance(fact, NumberWanted):
            self.allot(fact)

    def verdict(self, case: str, kind: type[Fact]) -> None:
        """A fact that no rule expects in this phase, and that a person must see."""
        file = self.subject.file(case)
        chapter = self.house.rulebook.chapter(file)
        found = chapter.alarms.get((kind, file.phase)) if chapter is not None else None
        if found is not None:
            fact = file.facts[kind][-1]
            what = f"{kind.__name__} in a case that is {file.phase.value}"
            self.say_once(Alarm(what=what, why=found.why, clause="X-3"), case, f"unexpected {fact.id}")

    def admit_parked(self, case: str) -> None:
        """The parties are known now: letters that came before are admitted or struck."""
        for parked in self.subject.file(case).parked:
            if parked not in self.subject.file(case).parked:
                continue  # another one that was admitted has let it in already
            admitted, why = admission(self.house, self.subject.file(case), parked.speaker, parked.fact)
            if admitted:
                self.add(Admitted(parked.id, case, parked.speaker))
                self.on_file(case, parked.fact)
            elif why:
                heard = (i.letter for i in self.subject.items if isinstance(i, Heard))
                word = (parked.speaker, parked.id)
                letter = next(one for one in heard if (one.envelope.source, one.envelope.id) == word)
                self.strike(letter, case, why)

    def tell_the_newcomer(self, case: str, joined: PartyJoined) -> None:
        """Say again to an institution that has joined what its role must know of the case, in its own line."""
        newcomer = inbox(joined.role, joined.institution)
        if newcomer == inbox(self.house.role, self.house.institution):
            return
        words = list(spoken_words(self.subject))
        told = {said.filed.id for _, said in words if any(recipient == newcomer for recipient, _ in said.to)}
        for _, said in words:
            event = said.filed.fact
            if said.filed.case != case or not isinstance(event, Event) or joined.role not in event.heard_by:
                continue
            if said.filed.id not in told:  # what another newcomer was told comes there a second time
                told.add(said.filed.id)
                number = self.subject.outgoing.get(newcomer, 0) + 1
                self.add(Readdressed(said.filed.id, self.letter.envelope.id, ((newcomer, number),)))

    def run(self) -> None:
        """Let every rule speak whose conditions are met; what one says is on file before the next is asked."""
        sentences = 0
        while self.dirty:
            n, place = min(self.dirty)
            case = list(self.subject.files)[n]
            rule = self.chapter(case).rules[place]
            chance = self.chance(case, rule)
            if chance is None:
                self.dirty.discard((n, place))
                continue
            sentences += 1
            if sentences > MOST_SENTENCES:
                raise RuleFailed(f"more than {MOST_SENTENCES} sentences in one turn: {rule.name} feeds itself")
            self.speak(case, rule, *chance)

    def chance(self, case: str, rule: Rule) -> tuple[str, tuple[Any, ...]] | None:
        """The mark and the arguments with which a rule can speak now, if it can."""
        file = self.subject.file(case)
        return self.guarded(lambda: next(chances(rule, self.subject, file), None), rule.name)

    def chapter(self, case: str) -> Chapter:
        chapter = self.house.rulebook.chapter(self.subject.file(case))
        if chapter is None:
            raise RuleFailed(f"case {case} has no procedure")
        return chapter

    def speak(self, case: str, rule: Rule, mark: str, arguments: tuple[Any, ...]) -> None:
        words = self.guarded(lambda: list(rule.then(*arguments)), rule.name)
        self.add(Spoke(case, rule.name, mark))
        for n, word in enumerate(words):
            self.say(word, case, rule.name, f"{rule.name} {mark} {n}")

    def guarded(self, call: Callable[[], Any], name: str) -> Any:
        """Whatever a sentence raises becomes RuleFailed with its name."""
        try:
            return call()
        except Exception as error:
            raise RuleFailed(f"{name}: {type(error).__name__}: {error}") from error

    def say_once(self, fact: OwnFact, case: str, key: str) -> None:
        """What the runtime itself notes, once per key."""
        if ("", key) not in self.subject.file(case).spoken:
            self.add(Spoke(case, "", key))
            self.say(fact, case, "", key)

    def say(self, word: Event | OwnFact | For | Tell, case: str, rule: str, key: str) -> None:
        """File a word, and address it to whoever must hear it."""
        if isinstance(word, Tell):
            told = self.new(word.fact, word.case, key)
            self.add(Said(told, case, rule, tell=word.subject))
            return
        if isinstance(word, For):
            case, word = word.case, word.event
        if isinstance(word, Event) and wanted_documents(word.to_json()):
            self.draft(word, case, rule, key)
            return
        filed = self.new(word, case, key)
        to: tuple[tuple[str, int], ...] = ()
        if isinstance(word, Event):
            why = self.forbidden(word, case)
            if why:  # the procedure guards what a service says: this is a fault of the rule
                raise RuleFailed(why)
            to = tuple((r, self.subject.outgoing.get(r, 0) + 1) for r in self.recipients(word, case))
        self.add(Said(filed, case, rule, to))
        self.on_file(case, word)

    def new(self, fact: Fact, case: str, key: str) -> Filed[Fact]:
        cause = self.letter.envelope.id
        # By whose it is too: of one cause two institutions may say the same, as two lenders that a closing ends.
        new_id = derived_id(self.house.source, cause, fact.type_name, case, key)
        now: datetime = self.letter.at
        return Filed(new_id, fact, case, self.house.source, now, now, cause)

    def forbidden(self, event: Event, case: str) -> str:
        """Why the case's procedure does not let this institution say an event now; empty if it does."""
        file = self.subject.file(case)
        named = (file.procedure or getattr(event, "procedure", ""), file.edition or getattr(event, "edition", ""))
        procedure = PROCEDURES.get(named)
        if procedure is None or event.standing:
            return ""
        known = frozenset(file.facts) | frozenset(self.subject.file(STANDING).facts)
        return permitted(procedure, self.house.role, type(event), known)

    def recipients(self, event: Event, case: str) -> Iterator[str]:
        """The inboxes of the case's parties that the event's audience names, or of those whom the event itself names as
        its addressees; in a case that is not known here, of whoever asked."""
        file = self.subject.file(case)
        parties: Mapping[Role, frozenset[str]] = file.parties
        addressees: Mapping[Role, str] | None = getattr(event, "addressees", None)
        named: Mapping[Role, str] | None = getattr(event, "institutions", None) if addressees is None else addressees
        if named is not None and (not parties or addressees is not None):
            parties = {role: frozenset({name}) for role, name in named.items()}
        if not parties and self.letter.envelope.source != self.house.source:
            role, institution = self.letter.envelope.speaker
            parties = {role: frozenset({institution})}
        for role in sorted(event.heard_by & parties.keys()):
            for institution in sorted(parties[role]):
                if (role, institution) != (self.house.role, self.house.institution):
                    yield inbox(role, institution)

    # --- documents ----------------------------------------------------------------------------------------------------

    def draft(self, event: Event, case: str, rule: str, key: str) -> None:
        """Keep an event until its documents are numbered, and ask their series for the numbers, in the order in which
        its bytes have them."""
        data = to_data(event.to_json()).decode()
        wanted = wanted_documents(json.loads(data))
        forms = tuple(form for form, _ in wanted)
        note = DocumentDrafted(event_type=event.type_name, for_case=case, data=data, forms=forms)
        drafted = self.new(note, case, key)
        self.add(Said(drafted, case, rule))
        for (form, place), (_, title) in zip(places(forms), wanted, strict=True):
            ask = NumberWanted(
                form=form, for_draft=drafted.id, for_subject=self.subject.key, for_case=case, title=title, place=place
            )
            self.say(Tell(SERIES + form, STANDING, ask), case, rule, f"{key} {form} {place}")

    def finish_draft(self, case: str, allotted: NumberAllotted) -> None:
        """Say the drafted event once every document of it has its number."""
        file = self.subject.file(case)
        draft = next(d for d in file.every(DocumentDrafted) if d.id == allotted.for_draft)
        numbers = {
            (n.fact.form, n.fact.place): n.fact.document.model_dump(mode="json")
            for n in file.every(NumberAllotted)
            if n.fact.for_draft == draft.id
        }
        wanted = places(draft.fact.forms)
        if all(place in numbers for place in wanted):
            data = fill_in(json.loads(draft.fact.data), iter([numbers[place] for place in wanted]))
            event = EVENTS[draft.fact.event_type].read(to_data(data))
            why = self.forbidden(event, case)
            word = DocumentVoided(draft=draft.id, why=why) if why else event
            self.say(word, case, "numbered", f"numbered {draft.id}")

    def allot(self, wanted: NumberWanted) -> None:
        """The series itself: the next number, told to the file that wants it."""
        n = len(self.subject.file(STANDING).every(NumberWanted))
        allotted = number(wanted.form, self.letter.at, self.house.title, n)
        document = {"title": wanted.title, "number": allotted, "code": self.house.code(allotted)}
        reply = NumberAllotted.model_validate(
            {"form": wanted.form, "for_draft": wanted.for_draft, "document": document, "place": wanted.place},
            strict=True,
        )
        key = f"allotted {wanted.for_draft} {wanted.place}"
        self.say(Tell(wanted.for_subject, wanted.for_case, reply), STANDING, "", key)


def _same(letter: Letter, other: Letter) -> bool:
    """What makes two letters the same: who said it, its id, what it says and where in the line."""
    a, b = letter.envelope, other.envelope
    return (a.source, a.id) == (b.source, b.id) and a.digest() == b.digest()
