"""The simulation's auditor in an exploration. It is a model that steps with the world, so what it knows is a part of
each state; what it makes of a step depends on nothing else, and is worked out once.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from contracts.event import Role
from contracts.procedures import PROCEDURES, Procedure
from services.runtime.core.file import Subject
from services.runtime.core.journal import SCHEMA, dump
from services.runtime.core.rows import Row
from services.runtime.rail import Transfer
from services.runtime.store import Entry
from tests.explore.house import House, Step
from tests.explore.table import Table
from tests.simulation.auditor import Auditor, Violation
from tests.simulation.ending import look_at_the_end
from tests.simulation.outside import Bank

NOT_KEPT = ("city", "story", "met", "alarms", "outcomes", "phases")
"""What the auditor keeps for others, or what is on the institutions' own files here: no part of a state."""

Seen = Callable[[Auditor], None]


class Town:
    """The city, as the auditor and the look at the end ask it: one home, one sale, the state that is looked at."""

    def __init__(
        self, houses: Mapping[str, House], case: str, folio: str, debt_fen: int, payers: frozenset[str]
    ) -> None:
        self.all = houses
        self.case, self.folio, self._debt_fen, self._payers = case, folio, debt_fen, payers
        self.bank: Bank | None = None
        self.auditor: Auditor | None = None

    def house_of_account(self, account: str) -> House | None:
        """Whose account it is."""
        return next((house for house in self.all.values() if account in house.settings.accounts), None)

    def role(self, role: Role) -> House:
        """The first institution of a role."""
        return next(house for house in self.all.values() if house.role is role)

    def payers(self, case: str) -> frozenset[str]:
        """Whose money an article of the case covers."""
        return self._payers if case == self.case else frozenset()

    def joined(self, case: str) -> frozenset[str]:
        """Who has joined since the opening."""
        assert self.auditor is not None
        return frozenset(data["institution"] for _, _, data in self.auditor.case(case).said.get("PartyJoined", ()))

    def loan_paid_by(self, order: Transfer, case: str) -> str:
        """The folio whose old loan a transfer is for."""
        sellers_bank = self.role(Role.SELLER_BANK)
        of_it = case == self.case or order.reference.startswith(self.case)
        return self.folio if order.to_account in sellers_bank.settings.accounts and of_it else ""

    def debt_fen(self, folio: str, certificate: str) -> int:
        """The principal of the old loan."""
        return self._debt_fen


class Watch:
    """Auditors by number, and what each makes of each step."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.kept: Table[Auditor] = Table()
        self._made: dict[tuple[object, ...], int | Violation] = {}
        self.first = self._keep(self._new())
        self.looks = 0

    def _new(self) -> Auditor:
        return Auditor(self.town)  # pyright: ignore[reportArgumentType]

    def on_step(self, n: int, house: House, step: Step, number: int, bank: int, books: Bank) -> int | Violation:
        """The auditor's number after a turn (`number` is the step's own)."""
        if not step.to_see:
            return n

        def see(auditor: Auditor) -> None:
            auditor.case(self.town.case).known[house.role, house.name] = set(step.before)
            for entry in step.entries:
                auditor.on_entry(house, entry)  # pyright: ignore[reportArgumentType]

        return self._after((n, number, bank if step.money else -1), n, books, see)

    def on_rail(
        self, n: int, bank: int, kind: str, order: Transfer, books: Bank, arrived: bool = False
    ) -> int | Violation:
        """The auditor's number after the rail took an order or settled one."""

        def see(auditor: Auditor) -> None:
            if kind == "booked":
                auditor.on_booked(order)
            else:
                auditor.on_settled(order, arrived)

        return self._after((n, kind, order.key, bank), n, books, see)

    def _after(self, key: tuple[object, ...], n: int, books: Bank, see: Seen) -> int | Violation:
        found = self._made.get(key)
        if found is None:
            self.looks += 1
            auditor = self.copy(n, books)
            try:
                see(auditor)
                found = self._keep(auditor)
            except Violation as broken:
                found = broken
            self._made[key] = found
        return found

    def copy(self, n: int, books: Bank) -> Auditor:
        """An auditor of this number that may go on."""
        kept, auditor = self.kept[n], self._new()
        for name, value in vars(kept).items():
            if name not in NOT_KEPT:
                setattr(auditor, name, _copied(value))
        for model in auditor.cases.values():
            if model.opened:
                model.procedure = PROCEDURES[model.opened["procedure"], model.opened["edition"]]
        self.town.bank, self.town.auditor = books, auditor
        return auditor

    def _keep(self, auditor: Auditor) -> int:
        for model in auditor.cases.values():
            model.known.clear()
        known = {name: value for name, value in vars(auditor).items() if name not in NOT_KEPT}
        return self.kept.number(_key(known), auditor)

    # --- the end ------------------------------------------------------------------------------------------------------

    def look_at_the_end(self, n: int, known: Mapping[str, int], books: Bank) -> list[str]:
        """Raises Violation where the end of a case is not as it must be; the incidents that somebody must see."""
        auditor = self.copy(n, books)
        end = _End(self.town, auditor, known, books)
        look_at_the_end(end)  # pyright: ignore[reportArgumentType]
        if not auditor.case(self.town.case).over:
            waits = [row.data for house in end.houses.values() for row in house.database.of_kind("wait")]
            auditor.broken(
                "every case ends", f"nothing can be done any more, and {self.town.case} has not ended: {waits}"
            )
        rows = (row for house in end.houses.values() for row in house.database.of_kind("incident"))
        return sorted(str(row.data.get("what")) for row in rows)


class _End:
    """A city at rest, as `look_at_the_end` sees one."""

    def __init__(self, town: Town, auditor: Auditor, known: Mapping[str, int], books: Bank) -> None:
        self.town, self.auditor, self.bank = town, auditor, books
        self.houses = {name: _AtRest(house, known[name]) for name, house in town.all.items()}
        self.people = _People(town.case)
        self.broker = _Broker({house.inbox + ".dead": [] for house in self.houses.values()})
        for name, house in town.all.items():
            phase = house.subject(known[name]).file(town.case).phase
            auditor.phases[name, town.case] = phase.value

    def role(self, role: Role) -> "_AtRest":
        return next(house for house in self.houses.values() if house.role is role)

    def now(self) -> Any:
        return next(iter(self.town.all.values())).at

    def joined(self, case: str) -> frozenset[str]:
        return self.town.joined(case)


class _Broker:
    def __init__(self, topics: dict[str, list[Any]]) -> None:
        self.topics = topics


class _People:
    def __init__(self, case: str) -> None:
        self.sales = {case: _Sale(case)}


class _Sale:
    def __init__(self, case: str) -> None:
        self.case = case


class _AtRest:
    """An institution at the end: its file as its database, and as its one process knows it."""

    def __init__(self, house: House, n: int) -> None:
        self.name, self.role, self.settings, self.words, self.inbox = (
            house.name, house.role, house.settings, house.words, house.inbox,
        )  # fmt: skip
        self.database = _Stored(house, n)
        self.processes = [self]
        self.institution = self
        self.turns = self
        self.house = house.house
        self._subjects = house.known[n].subjects

    def known(self, key: str) -> Subject | None:
        return self._subjects.get(key)


class _Stored:
    def __init__(self, house: House, n: int) -> None:
        self._house, self._n = house, n
        self.journal = house.known[n].subjects

    def of_kind(self, kind: str) -> list[Row]:
        return [row for row in self._house.rows(self._n).values() if row.kind == kind]

    def rows_of(self, key: str) -> list[Row]:
        return [row for row in self._house.rows(self._n).values() if row.subject == key]

    def load(self, keys: list[str]) -> dict[str, tuple[None, tuple[Entry, ...]]]:
        return {
            key: (None, (Entry(key, 1, SCHEMA, tuple(dump(item) for item in self.journal[key].items), (0, 0)),))
            for key in keys
            if key in self.journal
        }


# --- copying, and telling one from the other --------------------------------------------------------------------------


def _copied(value: Any) -> Any:
    """A copy of what changes; tuples, facts' values among them, never do."""
    if isinstance(value, Counter):
        return Counter(value)
    if isinstance(value, defaultdict):
        return defaultdict(value.default_factory, {k: _copied(v) for k, v in value.items()})
    if isinstance(value, dict):
        return {k: _copied(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_copied(v) for v in value]
    if isinstance(value, set):
        return set(value)
    if is_dataclass(value) and not isinstance(value, (type, Procedure)):
        copied = object.__new__(type(value))
        for one in fields(value):
            object.__setattr__(copied, one.name, _copied(getattr(value, one.name)))
        return copied
    return value


def _key(value: Any) -> bytes:
    return hashlib.blake2b(repr(_plain(value)).encode(), digest_size=16).digest()


_texts: dict[int, tuple[object, str]] = {}


def _plain(value: Any) -> Any:
    """The same values without the order in which they came where it means nothing."""
    if isinstance(value, Procedure):
        return value.name
    if isinstance(value, dict):
        return sorted((repr(_plain(k)), _plain(v)) for k, v in value.items() if v or v == 0)
    if isinstance(value, set | frozenset):
        return sorted(repr(_plain(v)) for v in value)
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, tuple):  # never changed, and shared by many auditors: worked out once
        known = _texts.get(id(value))
        if known is None or known[0] is not value:
            text = repr([_plain(v) for v in value])
            known = _texts[id(value)] = value, hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
        return known[1]
    if is_dataclass(value) and not isinstance(value, type):
        return [(one.name, _plain(getattr(value, one.name))) for one in fields(value)]
    return value
