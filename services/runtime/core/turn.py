"""What one letter did: the answer of the fold."""

from dataclasses import dataclass

from services.runtime.core.file import Item, Letter, Said, Subject


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A letter that could be read but not accepted, and why."""

    letter: Letter
    why: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a speaker for the words of its line that are missing."""

    source: str
    first_missing: int
    last_missing: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What one letter did: the subject after it, the items added, the words that must be said again because they were
    asked for or because the letter was here before, what went to the dead letters, what is missing."""

    subject: Subject
    items: tuple[Item, ...] = ()
    again: tuple[Said, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    asks: tuple[Ask, ...] = ()
