"""A small world: one home, one sale, the institutions of a procedure, and what everybody can do next in each state.

A state is a tuple of numbers: what each institution knows, what lies in each line between two of them, the rail's
books, and the auditor. What comes of a step is worked out once for what it depends on.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from contracts.event import Role
from contracts.events.case import DepositAccount, Party
from contracts.events.escrow import DepositConfirmed, MoneyKind
from services.escrow.facts import Paper, RejectionAnswered, ReturnOrdered, SaleBrought, Signed, WithdrawalAgreed
from services.lending.facts import ContractsSigned, LoanAppliedFor, LoanDecided, LoanWithdrawn
from services.registry.facts import FolioImported, RegistrationDecided, RestrictionEntered
from services.runtime.core.facts import Command, PaymentOrderedAgain
from services.runtime.core.file import STANDING, Letter
from services.runtime.core.fold import derived_id
from services.runtime.core.rows import Row
from services.runtime.rail import StatementLine, Transfer
from services.seller_bank.facts import ConsentDecided, LoanImported, MoneyDecided, PayoffAsked
from tests.explore.canonical import ORDERS, TakenForOne
from tests.explore.house import Act, House, Step
from tests.explore.table import Table
from tests.explore.watch import Town, Watch
from tests.simulation.auditor import Violation
from tests.simulation.city import BANK_ACCOUNT, ESCROW_ACCOUNT, TO_LEND_FEN, Seat
from tests.simulation.lenders import BANK, DOWN_PAYMENT_FEN
from tests.simulation.outside import Bank
from tests.simulation.people import LOAN_FEN, PRICE_FEN, WHOLE
from tests.support.people import example_person

FOLIO = "371502001001GB00001F00010001"
MORTGAGE = "鲁(2021)聊城市不动产证明第0001234号"
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # of a Monday in China, in a year whose holidays are published
SELLER, BUYER = example_person(1), example_person(2)
OWN_MONEY_FEN = 20_000_000
SELLER_ACCOUNT, BUYER_ACCOUNT = "6222021602000000001", "6222021602000000002"
State = tuple[int, ...]
"""What each institution knows, what lies in each line, the rail's books, the auditor: all by number."""


@dataclass(frozen=True)
class Move:
    """Something that can happen next. `who` is an institution's place, `what` a number of that kind of thing."""

    kind: str
    who: int
    what: int = 0
    extra: bool = False
    key: str = ""


NOTHING = Move("nothing", -1)


def _now() -> datetime:
    return NOON


def _silent(order: Transfer) -> None:
    pass


@dataclass
class World:
    """One sale under one procedure. `extras` names what people may do besides, each once, at any moment. `joins`: the
    lender is not named at the opening. `twice` as in House."""

    procedure: str
    seats: tuple[Seat, ...]
    extras: tuple[str, ...] = ("withdrawal",)
    joins: bool = True
    twice: bool = True
    letters: Table[Letter] = field(default_factory=Table[Letter])
    acts: Table[Act] = field(default_factory=Table[Act])
    lines: Table[tuple[int, ...]] = field(default_factory=Table[tuple[int, ...]])
    banks: Table[Bank] = field(default_factory=Table[Bank])
    statements: Table[StatementLine] = field(default_factory=Table[StatementLine])

    def __post_init__(self) -> None:
        self.case = f"{self.procedure}-11"
        self.lends = lends = self.procedure == "LC-LOAN"
        there = [s for s in self.seats if s.settings.loan_account is None or (lends and s.name == BANK)]
        newcomers = frozenset({Role.BUYER_BANK}) if lends and self.joins else frozenset[Role]()
        self.houses = [
            House(s, self.case, FOLIO, NOON, self.letters, self.acts, self._answers, self.twice, newcomers)
            for s in there
        ]
        self.by_inbox = {house.inbox: n for n, house in enumerate(self.houses)}
        for house in self.houses:
            house.neighbours = {other.inbox: other for other in self.houses}
        self.channels = [(a, b) for a in range(len(there)) for b in range(len(there)) if a != b]
        self.channel_of = {pair: len(there) + n for n, pair in enumerate(self.channels)}
        self.rail_at = len(there) + len(self.channels)
        self.own_part_fen = DOWN_PAYMENT_FEN if lends else PRICE_FEN
        payers = {SELLER_ACCOUNT, BUYER_ACCOUNT} | {s.settings.loan_account for s in there if s.settings.loan_account}
        by_name = {house.name: house for house in self.houses}
        self.watch = Watch(Town(by_name, self.case, FOLIO, LOAN_FEN, frozenset(payers)))
        self._moves: dict[tuple[int, int, int], tuple[Move, ...]] = {}
        self._lines = [Move("line", hearer, n) for n, (_, hearer) in enumerate(self.channels)]
        self._free: dict[tuple[int, int, int], bool] = {}
        self._free_own: dict[tuple[int, int, int], Move] = {}
        self._of_rail: dict[int, tuple[Move, ...]] = {}
        self._popped: dict[int, tuple[int, int]] = {}
        self._pushed: dict[tuple[int, int], int] = {}
        self._offers: dict[int, tuple[tuple[int, int], ...]] = {}
        self._booked: dict[tuple[int, int, int, str], tuple[int, tuple[Transfer, ...], tuple[int, ...]]] = {}
        self._settled: dict[tuple[int, str], tuple[int, Transfer, bool]] = {}
        self.empty = self.lines.number((), ())

    def place(self, house: House) -> int:
        """An institution's place in a state."""
        return self.houses.index(house)

    def house(self, role: Role) -> House:
        """The institution of a role."""
        return next(house for house in self.houses if house.role is role)

    # --- what people do -----------------------------------------------------------------------------------------------

    def command(
        self,
        house: House,
        name: str,
        fact: Command,
        key: str,
        *,
        extra: bool = False,
        answers: bool = False,
        case: str | None = None,
    ) -> int:
        """The number of handing something in at a desk, once under this key."""
        act_id = derived_id("desk", house.name, key)
        letter = house.own_letter(fact, act_id, self.case if case is None else case, FOLIO)
        return self.acts.number(act_id, Act(f"at {house.name}: {name}", letter, extra=extra, answers=answers))

    def payment(self, name: str, key: str, payer: str, amount_fen: int) -> int:
        """The number of having a bank pay into the deposit account."""
        order = Transfer(
            key=key,
            from_account=payer,
            to_account=ESCROW_ACCOUNT,
            amount_fen=amount_fen,
            reference=f"{self.case} {name}",
        )
        return self.acts.number(key, Act(f"{payer[-3:]} pays the {name}", order=order, answers=True))

    def _answers(self, house: House, row: Row) -> Iterator[int]:
        """What can be done about a line of a worklist."""
        about, action = row.data["about"], row.data["action"]
        if action == "pay-in":
            yield self.payment("price", "buyer", BUYER_ACCOUNT, self.own_part_fen)
        fact = self._answer(house, action, about)
        if fact is not None:
            yield self.command(house, type(fact).__name__, fact, row.id, answers=True)

    def _answer(self, house: House, action: str, about: str) -> Command | None:
        match action:
            case "decide-consent":
                return ConsentDecided(by_clerk="Wang", consents=True)
            case "ask-payoff":
                return PayoffAsked(by_clerk="Wang")
            case "decide-registration":
                values = {"by_clerk": "Zhao", "application": about, "decision": "approve", "reasons": []}
                return RegistrationDecided.model_validate(values)
            case "decide-loan":
                return LoanDecided(by_clerk="Chen", approve=True, amount_fen=PRICE_FEN - self.own_part_fen)
            case "sign-contracts":
                return ContractsSigned(by_clerk="Chen", signed_by=(BUYER.id_number,))
            case "order-payment-again":
                return PaymentOrderedAgain(by_clerk="Li", payment=about)
            case "return-money" if house.role is Role.ESCROW:
                return ReturnOrdered(by_clerk="Li", money=about)
            case "answer-rejection":
                return RejectionAnswered(by_clerk="Li", another_bank=False, because="as the buyer wishes")
            case "decide-money":
                return MoneyDecided(by_clerk="Wang", money=about)
            case _:
                return None

    def loan_application(self, confirmed: DepositConfirmed) -> int:
        """The buyer shows the certificate of the down payment at the bank's desk."""
        house = self.house(Role.BUYER_BANK)
        applied = LoanAppliedFor.model_validate(
            {
                "by_clerk": "Chen", "procedure": self.procedure, "edition": "2023-03-20", "unit_number": FOLIO,
                "keeper": self.house(Role.ESCROW).name, "contract_number": "LC-2026-11", "applicants": (BUYER,),
                "amount_fen": PRICE_FEN - self.own_part_fen, "months": 240,
                "deposit_certificate": confirmed.certificate.number, "code": confirmed.certificate.code,
                "pays_from": house.settings.loan_account,
            }
        )  # fmt: skip
        return self.command(house, "LoanAppliedFor", applied, "loan")

    # --- the beginning ------------------------------------------------------------------------------------------------

    def begin(self) -> State:
        """Register and loan are there, the sale is brought and signed; nothing of it has been heard elsewhere yet."""
        bank = Bank(_now, _silent)
        for account, fen in ((SELLER_ACCOUNT, OWN_MONEY_FEN), (BUYER_ACCOUNT, PRICE_FEN)):
            bank.open(account, f"owner of {account}", fen)
        for house in self.houses:
            for account in house.settings.accounts:
                bank.open(account, f"owner of {account}", TO_LEND_FEN if house.settings.loan_account else 0)
        rail = self.banks.number(_books(bank), bank)
        first = (house.nothing for house in self.houses)
        state: State = (*first, *(self.empty for _ in self.channels), rail, self.watch.first)
        for role, case, fact in self._at_first():
            house = self.house(role)
            act = self.acts[self.command(house, "", fact, f"first {fact.model_dump_json()}", case=case)]
            assert act.letter is not None
            n = self.place(house)
            state = must(self._after_turn(state, n, house.take(state[n], house.lies_before(act.letter))))
        for name in self.extras:
            for n, extra in EXTRAS[name](self):
                state = _with(state, n, self.houses[n].with_act(state[n], extra))
        return state

    def _at_first(self) -> Iterator[tuple[Role, str, Command]]:
        person = SELLER.model_dump(mode="json")
        ranked = {
            "certificate": MORTGAGE, "mortgagee": self.house(Role.SELLER_BANK).name, "principal_fen": LOAN_FEN,
            "no_transfer_clause": False, "since": "2021-06-01", "rank": 1,
        }  # fmt: skip
        folio = {
            "by_clerk": "Zhao", "unit_number": FOLIO, "ownership_certificate": "鲁(2019)聊城市不动产权第0004567号",
            "owners": [{"person": person, "share": {"numerator": 1, "denominator": 1}}], "mortgages": [ranked],
        }  # fmt: skip
        yield Role.REGISTRY, STANDING, FolioImported.model_validate_json(json.dumps(folio))
        terms = {
            "loan_number": "ICBC-LC-2021-0001", "principal_fen": LOAN_FEN, "annual_rate_ppm": 31_000,
            "day_count_basis": 360, "interest_paid_through": "2026-03-01", "cut_off": "24:00", "good_through_days": 3,
        }  # fmt: skip
        loan = {
            "by_clerk": "Wang", "unit_number": FOLIO, "terms": terms, "borrowers": [person],
            "mortgage_certificate": MORTGAGE, "settlement_account": BANK_ACCOUNT, "no_transfer_clause": False,
        }  # fmt: skip
        yield Role.SELLER_BANK, STANDING, LoanImported.model_validate_json(json.dumps(loan))
        yield Role.ESCROW, self.case, self._sale()
        for person_ in (SELLER, BUYER):
            for paper in Paper:
                yield Role.ESCROW, self.case, Signed(by_clerk="Li", person=person_.id_number, paper=paper)

    def _sale(self) -> SaleBrought:
        named = [h for h in self.houses if h.settings.loan_account is None or not self.joins]
        return SaleBrought.model_validate(
            {
                "by_clerk": "Li", "procedure": self.procedure, "edition": "2023-03-20", "unit_number": FOLIO,
                "institutions": {house.role: house.name for house in named},
                "down_payment_fen": self.own_part_fen if self.lends else None,
                "contract_number": "LC-2026-11", "contract_date": "2026-02-20",
                "sellers": (Party(person=SELLER, share=WHOLE, account=SELLER_ACCOUNT),),
                "buyers": (Party(person=BUYER, share=WHOLE, account=BUYER_ACCOUNT),), "price_fen": PRICE_FEN,
                "deposit_account": DepositAccount(account=ESCROW_ACCOUNT, owner="聊城市公证机构"),
            }
        )  # fmt: skip

    # --- what can happen next -----------------------------------------------------------------------------------------

    def moves(self, state: State) -> Iterator[Move]:
        """Everything that can happen next, in a fixed order."""
        empty, rail = self.empty, state[self.rail_at]
        for n in range(len(self.channels)):
            if state[len(self.houses) + n] != empty:
                yield self._lines[n]
        yield from self._rail_moves(rail)
        for n in range(len(self.houses)):
            at = (n, state[n], rail)
            found = self._moves.get(at)
            if found is None:
                found = self._moves[at] = tuple(self._moves_of(n, state[n], self.banks[rail]))
            yield from found

    def free(self, state: State) -> Move | None:
        """A move that may as well happen at once: all else that can happen comes out the same before it and after."""
        empty, first = self.empty, len(self.houses)
        for n, move in enumerate(self._lines):
            line = state[first + n]
            if line != empty:
                at = (move.who, state[move.who], line)
                is_free = self._free.get(at)
                if is_free is None:
                    house = self.houses[move.who]
                    is_free = self._free[at] = house.changes_nothing(house.take(at[1], self._pop(line)[0]))
                if is_free:
                    return move
        rail = state[self.rail_at]
        for n in range(first):
            at = (n, state[n], rail)
            found = self._free_own.get(at)
            if found is None:
                found = self._free_own[at] = next(self._free_of(n, state[n], self.banks[rail]), NOTHING)
            if found is not NOTHING:
                return found
        return None

    def _free_of(self, n: int, known: int, bank: Bank) -> Iterator[Move]:
        house = self.houses[n]
        for own in dict.fromkeys(house.known[known].own):
            if house.changes_nothing(house.take_own(known, own)):
                yield Move("own", n, own)
        if house.settings.loan_account is None:  # the auditor compares what a lender says it has sent with the rail
            yield from (Move("order", n, key=row.id) for row in house.orders_asked(known) if row.id not in bank.orders)

    def _rail_moves(self, rail: int) -> tuple[Move, ...]:
        found = self._of_rail.get(rail)
        if found is None:
            on_its_way = sorted(self.banks[rail].books.on_its_way())
            found = self._of_rail[rail] = tuple(Move("settle", -1, key=key) for key in on_its_way)
        return found

    def _moves_of(self, n: int, known: int, bank: Bank) -> Iterator[Move]:
        """What an institution and the people at its desk can do, and what the rail can do for it."""
        house = self.houses[n]
        its = house.known[known]
        yield from (Move("own", n, letter) for letter in dict.fromkeys(its.own))
        for account, name in enumerate(house.settings.accounts):
            lines = bank.statement(name, its.read[account])
            if lines and not (lines[0].key and house.waits_for_its_acceptance(known, lines[0].key)):
                yield Move("statement", n, account)
        yield from (Move("order", n, key=row.id) for row in house.orders_asked(known) if row.id not in bank.orders)
        waits = [row for row in house.rows(known).values() if row.kind == "wait"]
        live = {act for row in waits for act in self._answers(house, row)}
        for n_act in its.desk:
            act = self.acts[n_act]
            extra = act.extra or (act.answers and n_act not in live)
            yield Move("pay" if act.order else "act", n, n_act, extra)

    # --- doing it -----------------------------------------------------------------------------------------------------

    def do(self, state: State, move: Move) -> State | Violation | None:
        """What comes of a move; None where nothing does, as of a command that is refused."""
        match move.kind:
            case "line":
                channel = len(self.houses) + move.what
                head, rest = self._pop(state[channel])
                step = self.houses[move.who].take(state[move.who], head)
                return self._after_turn(_with(state, channel, rest), move.who, step)
            case "own":
                return self._after_turn(state, move.who, self.houses[move.who].take_own(state[move.who], move.what))
            case "act":
                step = self.houses[move.who].take_act(state[move.who], move.what)
                return None if step.refused else self._after_turn(state, move.who, step)
            case "statement":
                return self._after_turn(state, move.who, self._read(state, move))
            case "pay":
                return self._pays(state, move)
            case "order":
                return self._orders(state, move)
            case _:
                return self._settles(state, move.key)

    def _after_turn(self, state: State, n: int, step: Step) -> State | Violation:
        if step.violation is not None:
            return step.violation
        rail = state[self.rail_at]
        seen = self.watch.on_step(state[-1], self.houses[n], step, id(step), rail, self.banks[rail])
        if isinstance(seen, Violation):
            return seen
        after = list(state)
        after[n], after[-1] = step.after, seen
        for topic, letter in step.out:
            channel = self.channel_of[n, self.by_inbox[topic]]
            after[channel] = self._push(after[channel], letter)
        for hearer, act in self._offered_by(step):
            after[hearer] = self.houses[hearer].with_act(after[hearer], act)
        return tuple(after)

    def _offered_by(self, step: Step) -> tuple[tuple[int, int], ...]:
        """What people can do elsewhere after this: who holds the certificate can ask the bank for a loan."""
        found = self._offers.get(id(step))
        if found is None:
            found = self._offers[id(step)] = tuple(self._people_can(step)) if self.lends else ()
        return found

    def _people_can(self, step: Step) -> Iterator[tuple[int, int]]:
        for entry in step.entries:
            for item in entry.items:
                if item["k"] == "said" and item["fact"]["type"] == DepositConfirmed.type_name:
                    confirmed = DepositConfirmed.read(item["fact"]["data"])
                    if confirmed.kind is MoneyKind.DOWN_PAYMENT:
                        yield self.place(self.house(Role.BUYER_BANK)), self.loan_application(confirmed)

    def _read(self, state: State, move: Move) -> Step:
        house, bank = self.houses[move.who], self.banks[state[self.rail_at]]
        account = house.settings.accounts[move.what]
        line = bank.statement(account, house.known[state[move.who]].read[move.what])[0]
        return house.read_line(state[move.who], move.what, line, self.statements.number((account, repr(line)), line))

    # --- the rail -----------------------------------------------------------------------------------------------------

    def _pays(self, state: State, move: Move) -> State | Violation:
        """Somebody has a bank pay."""
        order = self.acts[move.what].order
        assert order is not None
        rail, booked, _ = self._book(state, move.who, -1, order.key, lambda bank: (bank.transfer(order), ())[1])
        after = _with(state, move.who, self.houses[move.who].with_paid(state[move.who], move.what))
        return self._seen(_with(after, self.rail_at, rail), "booked", booked)

    def _orders(self, state: State, move: Move) -> State | Violation:
        """The rail takes a payment that a rule has asked for."""
        house, known = self.houses[move.who], state[move.who]
        row = house.rows(known)[move.key]
        rail, booked, told = self._book(state, move.who, known, move.key, lambda bank: house.order(known, row, bank))
        after = _with(state, self.rail_at, rail)
        for letter in told:
            after = _with(after, move.who, house.with_own(after[move.who], letter))
        return self._seen(after, "booked", booked)

    def _book(
        self, state: State, who: int, known: int, key: str, book: Callable[[Bank], tuple[int, ...]]
    ) -> tuple[int, tuple[Transfer, ...], tuple[int, ...]]:
        at = (state[self.rail_at], who, known, key)
        found = self._booked.get(at)
        if found is None:
            bank, booked = copy.deepcopy(self.banks[at[0]]), list[Transfer]()
            bank.booked = booked.append
            told = book(bank)
            bank.booked = _silent
            found = self._booked[at] = self.banks.number(_books(bank), bank), tuple(booked), told
        return found

    def _settles(self, state: State, key: str) -> State | Violation:
        """A transfer arrives."""
        at = (state[self.rail_at], key)
        found = self._settled.get(at)
        if found is None:
            bank, seen = copy.deepcopy(self.banks[at[0]]), list[tuple[Transfer, bool]]()
            bank.settled = [lambda order, arrived: seen.append((order, arrived))]
            bank.settle(key)
            bank.settled = []
            found = self._settled[at] = self.banks.number(_books(bank), bank), *seen[0]
        rail, order, arrived = found
        return self._seen(_with(state, self.rail_at, rail), "settled", (order,), arrived=arrived)

    def _seen(
        self, after: State, kind: str, orders: tuple[Transfer, ...], *, arrived: bool = False
    ) -> State | Violation:
        """What the auditor makes of what the rail did."""
        rail = after[self.rail_at]
        for order in orders:
            seen = self.watch.on_rail(after[-1], rail, kind, order, self.banks[rail], arrived)
            if isinstance(seen, Violation):
                return seen
            after = _with(after, len(after) - 1, seen)
        return after

    # --- lines --------------------------------------------------------------------------------------------------------

    def _pop(self, line: int) -> tuple[int, int]:
        found = self._popped.get(line)
        if found is None:
            letters = self.lines[line]
            found = self._popped[line] = letters[0], self.lines.number(letters[1:], letters[1:])
        return found

    def _push(self, line: int, letter: int) -> int:
        found = self._pushed.get((line, letter))
        if found is None:
            letters = (*self.lines[line], letter)
            found = self._pushed[line, letter] = self.lines.number(letters, letters)
        return found

    def check(self) -> None:
        """Raises TakenForOne where an order that makes a difference was not kept."""
        if any(house.took_for_one() for house in self.houses):
            ORDERS.keep()
            raise TakenForOne

    # --- looking on ---------------------------------------------------------------------------------------------------

    def look_at_the_end(self, state: State) -> list[str]:
        """Raises Violation where the end is not as it must be; the incidents that are open."""
        known = {house.name: state[n] for n, house in enumerate(self.houses)}
        ORDERS.at = self.house(Role.REGISTRY).name
        return self.watch.look_at_the_end(state[-1], known, self.banks[state[self.rail_at]])

    def at_rest(self, state: State) -> bytes:
        """What lies on all files, and the rail's books, in whatever order it came."""
        subjects = (
            subject for n, house in enumerate(self.houses) for subject in house.known[state[n]].subjects.values()
        )
        filed = sorted(
            (type(fact.fact).__name__, fact.id, file.phase.value)
            for subject in subjects
            for file in subject.files.values()
            for facts in file.facts.values()
            for fact in facts
        )
        orders = sorted(self.banks[state[self.rail_at]].orders)
        return hashlib.blake2b(repr((filed, orders)).encode(), digest_size=16).digest()

    def name(self, state: State, move: Move) -> str:
        """A move in words."""
        who = self.houses[move.who].name if move.who >= 0 else ""
        match move.kind:
            case "line":
                letter = self.letters[self._pop(state[len(self.houses) + move.what])[0]]
                return f"{who} hears {_kind(letter)} of {letter.envelope.source.split('/')[2]}"
            case "own":
                return f"{who} takes {_kind(self.letters[move.what])} from its own inbox"
            case "act" | "pay":
                return self.acts[move.what].name
            case "statement":
                return f"{who} reads its statement"
            case "order":
                return f"the rail takes an order of {who}"
            case _:
                return "a transfer arrives"

    def story(self, state: State, move: Move) -> list[str]:
        """What the auditor tells of a move."""
        rail = state[self.rail_at]
        auditor = self.watch.copy(state[-1], self.banks[rail])
        step = self._step_of(state, move)
        if step is not None:
            house = self.houses[move.who]
            try:
                auditor.case(self.case).known[house.role, house.name] = set(step.before)
                for entry in step.entries:
                    auditor.on_entry(house, entry)  # pyright: ignore[reportArgumentType]
            except Violation:
                pass  # told as the last line
        return [f"{self.name(state, move)}", *(f"    {line}" for line in auditor.story)]

    def _step_of(self, state: State, move: Move) -> Step | None:
        house = self.houses[move.who]
        match move.kind:
            case "line":
                return house.take(state[move.who], self._pop(state[len(self.houses) + move.what])[0])
            case "own":
                return house.take_own(state[move.who], move.what)
            case "act":
                return house.take_act(state[move.who], move.what)
            case "statement":
                return self._read(state, move)
            case _:
                return None


def _kind(letter: Letter) -> str:
    return type(letter.fact).__name__


def _with(state: State, at: int, number: int) -> State:
    return (*state[:at], number, *state[at + 1 :])


def must(came: State | Violation | None) -> State:
    """The state that has come of a move. Raises the violation, where it is one."""
    assert came is not None
    if isinstance(came, Violation):
        raise came
    return came


def _books(bank: Bank) -> object:
    """What tells one state of the rail from another."""
    lines = [(account, [(line.key, line.transfer) for line in bank.statement(account, 0)]) for account in bank.accounts]
    return repr((sorted(bank.orders), sorted(bank.books.on_its_way()), lines))


def _withdrawal(world: World) -> Iterator[tuple[int, int]]:
    """X-3: withdrawal by agreement."""
    house = world.house(Role.ESCROW)
    signed = (SELLER.id_number, BUYER.id_number)
    fact = WithdrawalAgreed(by_clerk="Li", signed_by=signed, because="moved away")
    yield world.place(house), world.command(house, "buyer and seller withdraw", fact, "withdrawal", extra=True)


def _second_no(world: World) -> Iterator[tuple[int, int]]:
    """X-3: the lender's no after its yes; the buyer then lets the sale go."""
    if world.lends:
        house = world.house(Role.BUYER_BANK)
        fact = LoanWithdrawn(by_clerk="Chen", because="the buyer has lost the job", clause="LC-R2")
        yield world.place(house), world.command(house, "the bank takes its yes back", fact, "no", extra=True)


def _freeze(world: World) -> Iterator[tuple[int, int]]:
    """X-4: a court freezes the home."""
    house = world.house(Role.REGISTRY)
    values = {"kind": "freeze", "number": "(2026)鲁15执1号", "authority": "court", "since": "2026-03-01"}
    fact = RestrictionEntered.model_validate_json(json.dumps({"by_clerk": "Zhao", "restriction": values}))
    act = world.command(house, "a court freezes the home", fact, "freeze", extra=True, case=STANDING)
    yield world.place(house), act


def _own_money(world: World) -> Iterator[tuple[int, int]]:
    """X-1: the borrower pays a part of his debt himself, whatever is quoted."""
    order = Transfer(
        key="own-money", from_account=SELLER_ACCOUNT, to_account=BANK_ACCOUNT, amount_fen=OWN_MONEY_FEN,
        reference=f"{world.case} my loan",
    )  # fmt: skip
    act = world.acts.number(order.key, Act("the borrower pays his bank himself", order=order, extra=True))
    yield world.place(world.house(Role.SELLER_BANK)), act


EXTRAS: Mapping[str, Callable[[World], Iterator[tuple[int, int]]]] = {
    "withdrawal": _withdrawal,
    "second no": _second_no,
    "freeze": _freeze,
    "own money": _own_money,
}
"""What may happen at any moment, and need not: where it lies, and what it is."""
