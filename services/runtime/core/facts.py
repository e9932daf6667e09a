"""Facts of an institution's own: what its desk, its clock and the rail report, and what its rules note for themselves.

They travel only through the institution's own inbox, under its own HMAC, or stay on the file. The kinds here belong to
the runtime and are the same everywhere; each institution adds its own in its `facts.py`.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, NonNegativeInt

from contracts.document import Document
from contracts.event import Fact, kebab
from contracts.period import Period
from contracts.values import AccountNumber, Clause, Day, Instant, PositiveFen
from services.runtime.core.dead import KeptRecord

OWN_PREFIX = "daiya.own."


class OwnFact(Fact):
    """A fact that never leaves the institution."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        cls.type_name = f"{OWN_PREFIX}{kebab(cls.__name__)}.v1"


class Command(OwnFact):
    """What a person decided or handed in at the desk. It is answered: done, or refused with the clause."""

    by_clerk: str


class Alarm(OwnFact):
    """An incident that a person must see. It stays open until a clerk closes it."""

    what: str
    why: str
    clause: Clause


class IncidentClosed(Command):
    """A clerk has dealt with an incident; `note` says how."""

    incident: str
    note: str


class SubjectResumed(Command):
    """Operations let a stopped subject go on, mostly with a mended release."""

    note: str


Note = Annotated[str, Field(min_length=1, max_length=1000)]


class DeadLetterRetried(Command):
    """Operations hand a dead letter in again: the same record goes through the same checks as when it came. Taken
    now, its line goes on; dead again, the command is refused with the reason, and nothing has changed.

    `letter` is its name, `place` partition and offset of `record` in the inbox.
    """

    letter: str
    place: tuple[NonNegativeInt, NonNegativeInt]
    record: KeptRecord
    note: Note | None = None


class DeadLetterSkipped(Command):
    """Operations pass over a dead letter, saying why: nothing of it is heard, its number in its line is used up, and
    what waited behind it is heard."""

    letter: str
    note: Note


# --- money -----------------------------------------------------------------------------------------------------------


class Purpose(StrEnum):
    """Why an institution pays."""

    PAYOFF = "payoff"
    BALANCE = "balance"
    REFUND = "refund"
    EXCESS = "excess"
    SURPLUS = "surplus"
    LOAN = "loan"


class Pay(OwnFact):
    """An effect: pay on the rail. The id of this fact is the idempotency key; a worker carries it out, once."""

    purpose: Purpose
    from_account: AccountNumber
    to_account: AccountNumber
    amount_fen: PositiveFen
    reference: str
    about: str
    because: Clause


class PaymentAccepted(OwnFact):
    """The rail took the order: the money is on its way."""

    payment: str
    rail_transfer: str


class PaymentRefused(OwnFact):
    """The rail did not take the order; nothing moved."""

    payment: str
    why: str


class PaymentSettled(OwnFact):
    """Our statement: the payee has the money. `line` is the statement's."""

    payment: str
    account: AccountNumber
    line: int
    amount_fen: PositiveFen


class PaymentReturned(OwnFact):
    """Our statement: the money has come back from the way."""

    payment: str
    account: AccountNumber
    line: int
    amount_fen: PositiveFen
    why: str


class MoneyReceived(OwnFact):
    """Our statement: money of somebody else arrived on one of our accounts. The only receipt there is."""

    account: AccountNumber
    line: int
    amount_fen: PositiveFen
    from_account: AccountNumber
    from_owner: str
    reference: str
    rail_transfer: str
    booked_at: Instant


class PaymentOrderedAgain(Command):
    """A clerk orders a payment again that the rail refused or returned, perhaps to a corrected account."""

    payment: str
    to_account: AccountNumber | None = None


# --- documents -------------------------------------------------------------------------------------------------------


class DocumentDrafted(OwnFact):
    """An event that cannot be said before its documents have their numbers; `forms` are the series they want."""

    event_type: str
    for_case: str
    data: str
    forms: tuple[str, ...]


class NumberWanted(OwnFact):
    """A file to a series, through the own inbox: the next number, please. `place`: which of the draft's documents of
    this series it is for, from 0."""

    form: str
    for_draft: str
    for_subject: str
    for_case: str
    title: str
    place: NonNegativeInt = 0


class NumberAllotted(OwnFact):
    """A series to a file, through the own inbox."""

    form: str
    for_draft: str
    document: Document
    place: NonNegativeInt = 0


class DocumentVoided(OwnFact):
    """Documents were numbered for an event that may not be said any more; the numbers stay unused."""

    draft: str
    why: str


# --- periods ---------------------------------------------------------------------------------------------------------


class PeriodStarted(OwnFact):
    """A period runs from `start` (that day does not count: Civil Code 201)."""

    period: Period
    start: Instant


class PeriodEnded(OwnFact):
    """The act was done, or need not be done any more."""

    name: str


class PeriodPassed(OwnFact):
    """The clock: the last day of a period is over. `due` is that day."""

    started: str
    name: str
    due: Day


class PeriodUnpublished(OwnFact):
    """The clock: the holidays of `year` are not published, so the period's last day is not known yet."""

    started: str
    name: str
    year: int


RUNTIME_FACTS: tuple[type[OwnFact], ...] = (
    Alarm,
    IncidentClosed,
    SubjectResumed,
    DeadLetterRetried,
    DeadLetterSkipped,
    Pay,
    PaymentAccepted,
    PaymentRefused,
    PaymentSettled,
    PaymentReturned,
    MoneyReceived,
    PaymentOrderedAgain,
    DocumentDrafted,
    NumberWanted,
    NumberAllotted,
    DocumentVoided,
    PeriodStarted,
    PeriodEnded,
    PeriodPassed,
    PeriodUnpublished,
)
