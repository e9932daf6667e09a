"""The look at the end, when nothing fails any more and nobody has anything left to do."""

from typing import TYPE_CHECKING

from contracts.envelope import to_data
from contracts.event import Role
from services.registry.register import Register
from services.runtime.core.facts import PeriodStarted
from services.runtime.core.file import Phase, Subject
from services.runtime.core.fold import load
from services.runtime.core.journal import load as load_item
from services.runtime.core.periods import Unpublished, deadline, due
from services.runtime.core.rows import rows
from services.runtime.core.rule import view
from tests.simulation.house import House
from tests.simulation.process import CALENDAR

if TYPE_CHECKING:
    from tests.simulation.city import City

NAMED = ("wait", "period", "incident")
FORGOTTEN = ("leftover", "held", "stopped", "payment")
"""What no institution may have left when it is at rest: a word not sent, a gap in a line, a subject that stands, a
payment whose end is not known."""


def look_at_the_end(city: "City") -> None:
    """Raises Violation for the first thing that is not as it must be."""
    for house in city.houses.values():
        _nothing_is_left(city, house)
        _live_is_stored(city, house)
        _periods_have_passed(city, house)
    for sale in city.people.sales.values():
        _ended_or_waiting(city, sale.case)
    _register_agrees(city)
    _accounts_agree(city)


def _nothing_is_left(city: "City", house: House) -> None:
    for kind in FORGOTTEN:
        found = house.database.of_kind(kind)
        if found:
            city.auditor.broken("nothing forgotten", f"{house.name} has at rest: {found[0]}")
    if any(city.broker.topics[house.inbox + ".dead"]) and city.broker.ends[house.inbox + ".dead"] != [0]:
        city.auditor.broken("dead letter", f"{house.name}: {city.broker.topics[house.inbox + '.dead'][0][0].record}")


def _live_is_stored(city: "City", house: House) -> None:
    """What the process knows from its own turns is what the database gives; and its rows are the file's."""
    institution = house.processes[0].institution
    for key in sorted(house.database.journal):
        known = institution.turns.known(key)
        if known is None:
            continue
        stored = load_now(house, key)
        if known != stored:
            city.auditor.broken("loading is folding", f"{house.name} knows other things of {key} than it stored")
        for (case, kind), seen in known.memo.items():
            if view(kind, stored, stored.file(case)) != seen.said:
                city.auditor.broken("views are of the facts", f"{house.name} has {kind.__name__} of {case} from before")
        right = rows(institution.house, stored)
        there = {row.id for row in house.database.rows_of(key) if row.kind in ("wait", "incident", "period", "case")}
        wanted = {row.id for row in right.values() if row.kind in ("wait", "incident", "period", "case")}
        if there != wanted:
            odd = sorted(there ^ wanted)[:3]
            city.auditor.broken("rows are the file's", f"{house.name} on {key}: {odd}")


def load_now(house: House, key: str) -> Subject:
    """A subject as the database has it, folded anew."""
    snapshot, entries = house.database.load([key])[key]
    stored = [*(snapshot.items if snapshot is not None else ()), *(item for entry in entries for item in entry.items)]
    return load(house.processes[0].institution.house, key, tuple(load_item(item, house.words) for item in stored))


def _periods_have_passed(city: "City", house: House) -> None:
    for row in house.database.of_kind("period"):
        started = PeriodStarted.read(to_data(row.data))
        last_day = due(started.start, started.period, CALENDAR)
        if not isinstance(last_day, Unpublished) and deadline(last_day) <= city.now():
            city.auditor.broken("deadlines have effect", f"{house.name}: {started.period.name} of {row.case} is over")


def _ended_or_waiting(city: "City", case: str) -> None:
    """A case has ended everywhere, or something with a name holds it up."""
    model = city.auditor.case(case)
    open_rows = {
        (house.name, row.kind, row.data.get("action") or row.data.get("what"))
        for house in city.houses.values()
        for kind in NAMED
        for row in house.database.of_kind(kind)
        if row.case == case
    }
    if not model.over:
        if not open_rows:
            city.auditor.broken("ended or waiting", f"{case} has not ended and waits for nothing that has a name")
        return
    for house in city.houses.values():
        parties = set(model.opened["institutions"].values()) | city.joined(case)
        if house.name in parties and city.auditor.phases.get((house.name, case)) != Phase.ENDED.value:
            city.auditor.broken("no open file", f"{case} is over, and open at {house.name}")
        left = [row for kind in ("period",) for row in house.database.of_kind(kind) if row.case == case]
        if left:
            city.auditor.broken("no open file", f"{case} is over, and {house.name} has {left[0].data}")
    held = city.auditor.held_fen[Role.ESCROW, case]
    if held and not any(action in ("return-money", "order-payment-again") for _, kind, action in open_rows):
        city.auditor.broken("nothing held is forgotten", f"{case} is over and {held} fen are held, and nobody is told")


def _register_agrees(city: "City") -> None:
    house = city.role(Role.REGISTRY)
    for unit, folio in city.auditor.folios.items():
        subject = load_now(house, unit)
        register = view(Register, subject, subject.file(""))
        if register is None:
            continue
        if folio.reserved_for and city.auditor.case(folio.reserved_for).over:
            city.auditor.broken("no reservation of an ended case", f"{unit}: {folio.reserved_for}")
        if register.reserved_for != folio.reserved_for:
            there = register.reserved_for or "nobody"
            city.auditor.broken("no reservation of an ended case", f"{unit} is reserved for {there}")
        found = [(m.certificate, m.rank) for m in register.ranked()]
        if found != [(m[0], rank) for rank, m in enumerate(folio.mortgages, 1)]:
            city.auditor.broken("ranks", f"{unit}: the register has {found}, entered were {folio.mortgages}")
        if frozenset(o.person.id_number for o in register.owners) != folio.owners:
            city.auditor.broken("one owner set", f"{unit}: the register has other owners than were entered")


def _accounts_agree(city: "City") -> None:
    """X-1: what lies on the deposit account is what its cases hold, to the fen."""
    for house in city.houses.values():
        if house.role is not Role.ESCROW:
            continue
        lies = sum(city.bank.books.balance_fen(account) for account in house.settings.accounts)
        held = sum(fen for (role, _), fen in city.auditor.held_fen.items() if role is Role.ESCROW)
        if lies != held:
            city.auditor.broken(
                "X-1 conservation", f"{house.name}: {lies} fen on its accounts, {held} fen on its files"
            )
