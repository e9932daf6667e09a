"""Dead letters: how one is written, how the institution's own topic of them is read, and what each reason means.

The topic has one partition; a dead letter's *number* is its offset there. The same one may be there more than once,
for it is written before its record is committed: copies have one *name* (core.dead).
"""

import re
from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import Record, wire_time
from services.runtime.core.dead import dead_letter_id
from services.runtime.log import Log, Received
from services.runtime.log.place import DEAD

NOTES = ("where", "why", "place", "at")
"""What is added to a record's own headers, in this order: `daiya_where` and so on."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One of the topic: its number there, its name, the record as it came and where it stood, and why it is dead."""

    number: int
    name: str
    received: Received
    where: str
    why: str


class DeadLetters:
    """An institution's own, page by page."""

    def __init__(self, inbox: str, log: Log) -> None:
        self.inbox = inbox
        self.log = log

    async def bury(self, received: Received, where: str, why: str) -> None:
        """Write one: the record as it came, with the reason and the place. Raises LogUnavailable."""
        place = f"{self.inbox}/{received.partition}/{received.offset}"
        notes = zip(NOTES, (where, why, place, wire_time(received.at)), strict=True)
        headers = tuple((f"daiya_{name}", value.encode()) for name, value in notes)
        r = received.record
        await self.log.append(self.inbox + DEAD, Record(r.key, r.value, (*r.headers, *headers)))

    async def page(self, start: int, limit: int) -> tuple[list[DeadLetter], int | None]:
        """Those among at most `limit` records from this number on, and the number where the next page starts; None at
        the end. What this service did not write is passed over. Raises LogUnavailable."""
        records = await self.log.page(self.inbox + DEAD, 0, start, limit)
        found = [letter for record in records if (letter := _read(record)) is not None]
        return found, records[-1].offset + 1 if len(records) == limit else None

    async def one(self, number: int) -> DeadLetter | None:
        """The one of this number, if there is one. Raises LogUnavailable."""
        found, _ = await self.page(number, 1)
        return next((letter for letter in found if letter.number == number), None)


def _read(buried: Received) -> DeadLetter | None:
    """The sender may have put headers of the same names into its record: the last ones are ours."""
    r = buried.record
    headers, notes = r.headers[: -len(NOTES)], r.headers[-len(NOTES) :]
    if tuple(name for name, _ in notes) != tuple(f"daiya_{name}" for name in NOTES):
        return None
    try:
        where, why, place, at = (value.decode() for _, value in notes)
        _, partition, offset = place.rsplit("/", 2)
        stood = (int(partition), int(offset))
        original = Received(Record(r.key, r.value, headers), *stood, datetime.fromisoformat(at))
    except (AttributeError, ValueError):  # null, no text, no place, no time: somebody else's, under our names
        return None
    return DeadLetter(buried.offset, dead_letter_id(original.record, stood), original, where, why)


# --- reasons --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """Why records are dead: the pattern of `where` and of `why`, both whole. docs/operations.md has a paragraph of
    this name."""

    name: str
    where: str
    why: str
    what_to_do: str

    def fits(self, where: str, why: str) -> bool:
        """Whether this is the reason of a dead letter that says so."""
        return bool(re.fullmatch(self.where, where, re.DOTALL) and re.fullmatch(self.why, why, re.DOTALL))


_ASK_THE_SPEAKER = "A fault of the speaker: tell its operations, with the place. "
_ANY = r".*"
_CASE = r"case .*"

REASONS = (
    Reason(
        "forged",
        "ce_signature",
        r"claims to be this institution's own and is not",
        "Somebody else writes in this institution's name, or the key file was exchanged: find out at once. A retry "
        "succeeds only under the key that signed it; else skip.",
    ),
    Reason(
        "unknown-type",
        "ce_type",
        r".* is not known in this release",
        "Its speaker has a newer release: bring this one up to date, then retry.",
    ),
    Reason(
        "not-for-us",
        "ce_type",
        r".* is not for .*",
        _ASK_THE_SPEAKER + "Skip; retry only under a release that hears it.",
    ),
    Reason(
        "may-not-say",
        "ce_type",
        r".* may not say .*",
        _ASK_THE_SPEAKER + "It may be an attempt. Skip.",
    ),
    Reason(
        "wrong-number",
        "ce_sequence",
        r"a word in a line needs its number|has a number, but no line",
        _ASK_THE_SPEAKER + "It holds no line. Skip.",
    ),
    Reason(
        "no-case",
        "ce_subject",
        r".* is said in a case, and this names none",
        _ASK_THE_SPEAKER + "It may be an attempt. Skip.",
    ),
    Reason(
        "another-home",
        "ce_partitionkey",
        r"the fact is about .*",
        _ASK_THE_SPEAKER + "Skip.",
    ),
    Reason(
        "wrong-values",
        r"value/.*",
        _ANY,
        "The releases do not agree on the contract: compare them. If this one is to be mended, retry afterwards; if "
        "the speaker's, skip.",
    ),
    Reason(
        "too-large",
        "value",
        r"\S+ bytes, more than \S+",
        _ASK_THE_SPEAKER + "Skip.",
    ),
    Reason(
        "wrong-partition",
        "partition",
        _ANY,
        "A producer with another partitioner: mend it, let it send again, then skip this one.",
    ),
    Reason(
        "malformed",
        r"content-type|key|value|ce_.*",
        _ANY,
        "Whoever wrote it does not use these contracts: find the writer. It holds no line. Skip.",
    ),
    Reason(
        "no-part",
        _CASE,
        r".* has no part in case .*|this institution has not asked .* to join case .*",
        "Ask its speaker and the opener of the case. Retry once the opener has said that the speaker has joined; "
        "skip where it never will.",
    ),
    Reason(
        "may-not-open",
        _CASE,
        r".* may not open a case of .*",
        "Ask the speaker: a mistake at its desk, or an attempt. Skip.",
    ),
    Reason(
        "no-part-here",
        _CASE,
        r"this institution has no part in it",
        "Ask the opener, who has named another institution for our part. Retry if we have joined meanwhile, else skip.",
    ),
    Reason(
        "unknown-procedure",
        _CASE,
        r"procedure .* in edition .* is not known here",
        "The opener has a newer release: bring this one up to date, then retry.",
    ),
    Reason(
        "two-words",
        _CASE,
        r"the same number or id was used before for other words",
        "See the incident of the same words, and ask the speaker which of the two it means. The first counts: skip.",
    ),
)
OTHER = Reason("other", _ANY, _ANY, "Another release wrote this: look into that release's docs/operations.md.")
"""What this release itself would not give as a reason."""


def reason_of(where: str, why: str) -> Reason:
    """What a dead letter's `where` and `why` mean."""
    return next((reason for reason in REASONS if reason.fits(where, why)), OTHER)
