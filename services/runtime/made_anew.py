"""What a log that was made anew took with it: words on their way, and what this institution had told itself.

What was taken from the log is in the journals; what lay in it and was not taken yet is said again from where it came:
words from the journal, what became of payments by asking the rail, receipts from its statements, periods by the clock,
commands from their claims. All of it under the ids it had, so what was taken after all is known and changes nothing.

That something is to be said again is a row: a process that is killed in the middle leaves it to the next one.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from contracts.canonical import MAX_SAFE_INTEGER
from contracts.envelope import partition_of, source
from contracts.event import Event
from services.runtime import logs
from services.runtime.claims import CLAIM, claimed_id, told_in
from services.runtime.clock import Clock
from services.runtime.core.facts import OwnFact
from services.runtime.core.file import STANDING, Said, Subject, spoken_words
from services.runtime.core.rows import Row
from services.runtime.core.turn import Ask
from services.runtime.payments import Payments
from services.runtime.post import Parcel
from services.runtime.statement import Statement
from services.runtime.store import Store, all_rows, row_pages
from services.runtime.timers import Timers
from services.runtime.turn import Turns

LOST = "lost"
"""The rows of what is still to be said again: all of a partition, one account's statement, the desks' commands."""
PARTITION, ACCOUNT, COMMANDS = "partition", "account", "commands"
LOG, TOPIC = "log", "topic"
"""A row for each partition: which topic its places are of."""
SUBJECTS_AT_ONCE = 100


class MadeAnew:
    """Notices that the own log is not the one that the database knows, and says again what went with that one."""

    def __init__(
        self,
        turns: Turns,
        store: Store,
        payments: Payments,
        timers: Timers,
        statements: Sequence[Statement],
        clock: Clock,
    ) -> None:
        self.turns = turns
        self.post = turns.post
        self.store = store
        self.payments = payments
        self.timers = timers
        self.statements = statements
        self.clock = clock

    # --- noticing -----------------------------------------------------------------------------------------------------

    async def known(self, partitions: Collection[int], topic: str) -> Mapping[int, int]:
        """The place after the newest that the database knows, by partition; none where it is a place in another log.
        `topic`: the id of the topic that is there now."""
        anew = [p for p in partitions if await self._log_of(p) not in ("", topic)]
        if anew:
            await self.forget(anew)
        for partition in partitions:
            await self._remember(partition, topic)
        return {partition: place + 1 for partition, place in (await self.store.newest_places(partitions)).items()}

    async def _log_of(self, partition: int) -> str:
        """The id of the topic that this partition's places are of; empty where nobody has noted one."""
        row = await self.store.row(_log_row(partition))
        return row.data[TOPIC] if row is not None else ""

    async def _remember(self, partition: int, topic: str) -> None:
        if not await self.store.mark_row(_log_row(partition), TOPIC, topic):
            row = Row(_log_row(partition), LOG, "", partition, STANDING, self.clock.now(), {TOPIC: topic})
            await self.store.change_rows([row], ())

    async def forget(self, partitions: Collection[int]) -> None:
        """These partitions were made anew: their old places say nothing any more, and what lay there is said again."""
        logs.log().error("the log was made anew: what it held is said again", partitions=sorted(partitions))
        lost = await self._log_of(min(partitions))
        now = self.clock.now()
        rows = [Row(f"{LOST}/{lost}/{p}", LOST, "", p, STANDING, now, {PARTITION: p}) for p in partitions]
        rows.append(Row(f"{LOST}/{lost}/{COMMANDS}", LOST, "", 0, STANDING, now, {}))
        for one in self.statements:
            row_id = f"{LOST}/{lost}/{one.name}"
            rows.append(Row(row_id, LOST, "", partition_of(one.name), STANDING, now, {ACCOUNT: one.account}))
        await self.store.change_rows(rows, ())
        await self.store.forget_places(partitions)

    # --- saying again -------------------------------------------------------------------------------------------------

    async def work(self, partitions: Collection[int]) -> int:
        """Say again what these partitions' logs may have lost; the answer counts the rows that are done. Raises
        LogUnavailable, RailUnavailable or StoreUnavailable; what is not done is done again."""
        done = 0
        async for row in all_rows(self.store, LOST, partitions):
            if PARTITION in row.data:
                await self._say_words_again(row.data[PARTITION])
                await self.payments.ask_again(row.data[PARTITION])
                await self.timers.look_again(row.data[PARTITION])
            elif ACCOUNT in row.data:
                for statement in self.statements:
                    if statement.account == row.data[ACCOUNT]:
                        await statement.report_again()
            else:
                await self._tell_commands_again()
            await self.store.change_rows((), [row.id])
            done += 1
        return done

    async def _say_words_again(self, partition: int) -> None:
        """Of each subject there what somebody may not have taken, and a question to each who may have said more."""
        after = ""
        while keys := await self.store.subjects(after, SUBJECTS_AT_ONCE):
            after = keys[-1]
            here = await self.turns.read_subjects([key for key in keys if partition_of(key) == partition])
            told = {said.tell for one in here.values() for said in _told(one) if said.tell is not None}
            hearers = await self.turns.read_subjects(told)
            for subject in here.values():
                await self.post.send(self._parcels(subject, hearers))

    def _parcels(self, subject: Subject, hearers: Mapping[str, Subject]) -> Iterator[Parcel]:
        """The newest word in each line, which shows its hearer whether one before it is missing; what another subject
        here was told and has not heard; for the public feed everything; the questions."""
        for said in _told(subject):
            if said.tell is not None and said.filed.id not in hearers[said.tell].digests:
                yield from self.post.pack(subject.key, said)
        fed = set[str]()
        for _, said in spoken_words(subject):
            if isinstance(said.filed.fact, Event):
                newest = tuple((to, n) for to, n in said.to if n == subject.outgoing[to])
                for parcel in self.post.pack(subject.key, replace(said, to=newest)):
                    if parcel.topic != self.post.feed or parcel.id not in fed:
                        fed.add(parcel.id)
                        yield parcel
        for speaker in sorted(self._speakers(subject)):
            following = subject.incoming.get(speaker, 0) + 1
            question = self.post.ask(subject.key, Ask(speaker, following, MAX_SAFE_INTEGER), self.clock.now())
            yield replace(question, kept=True)  # nobody knows that something is missing, so it is asked this once

    def _speakers(self, subject: Subject) -> set[str]:
        """Who has said something of this subject, or has a part in a case of it."""
        parties = (party for file in subject.files.values() for party in file.parties.items())
        named = {source(role, name) for role, names in parties for name in names}
        return (named | set(subject.incoming)) - {self.post.house.source}

    async def _tell_commands_again(self) -> None:
        """What the desks have accepted and no file shows."""
        async for page in row_pages(self.store, CLAIM):
            for start in range(0, len(page), SUBJECTS_AT_ONCE):
                claims = page[start : start + SUBJECTS_AT_ONCE]
                subjects = await self.turns.read_subjects({claim.data["subject"] for claim in claims})
                for claim in claims:
                    fact, subject = told_in(claim, self.turns.words), subjects[claim.data["subject"]]
                    if isinstance(fact, OwnFact) and claimed_id(claim) not in subject.digests:
                        now = self.clock.now()
                        await self.post.tell(fact, claimed_id(claim), claim.case, subject.key, now)


def _log_row(partition: int) -> str:
    return f"{LOG}/{partition}"


def _told(subject: Subject) -> Iterator[Said]:
    """What a subject has told others of this institution, or this one itself."""
    return (said for _, said in spoken_words(subject) if said.tell is not None)
