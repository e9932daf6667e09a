"""The auditor: sees what each institution durably decided, in the true order, and what the rail booked, and keeps a
small model of its own. What it finds wrong ends the run.

It reads the journals' entries as they are stored and the rail's books as they are, never the product's own views: so a
fault in a view cannot hide itself.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn

from contracts.event import EVENTS, Event, Fact, Role
from contracts.procedures import PROCEDURES, Procedure
from services.runtime.core.fold import derived_id
from services.runtime.core.periods import day_in_china
from services.runtime.rail import Transfer
from services.runtime.store import Entry

if TYPE_CHECKING:
    from tests.simulation.city import City
    from tests.simulation.house import House

Data = dict[str, Any]
ENDS = frozenset({"CaseCompleted", "CaseCancelled"})


class Violation(Exception):
    """An invariant is broken. `name` is the invariant's, the rest says where."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(name, what)
        self.name = name

    def __str__(self) -> str:
        return ": ".join(self.args)


@dataclass
class Receipt:
    """Money that an institution has on file, and what was ordered back of it and is not known to have failed."""

    case: str
    account: str
    line: int
    amount_fen: int
    payer: str
    back_fen: int = 0
    after_end: bool = False


@dataclass
class Paid:
    """A payment that an institution's rule has asked for."""

    role: Role
    case: str
    data: Data
    at: datetime
    booked: bool = False
    arrived: bool = False
    failed: bool = False


@dataclass
class CaseModel:
    """What is true of a case, whoever knows it already."""

    name: str
    opened: Data = field(default_factory=dict[str, Any])
    procedure: Procedure | None = None
    said: dict[str, list[tuple[Role, str, Data]]] = field(default_factory=lambda: defaultdict(list))
    known: dict[tuple[Role, str], set[type[Fact]]] = field(default_factory=lambda: defaultdict(set))
    entered: bool = False
    closed: bool = False
    refused: bool = False
    stood: list[str] = field(default_factory=list[str])  # the mortgages at the moment of the entry
    whole: set[str] = field(default_factory=set[str])  # the lenders of which the registry knows that they are

    def has(self, word: str) -> bool:
        """Whether somebody has said it."""
        return bool(self.said.get(word))

    @property
    def over(self) -> str:
        """How it has ended; empty while it goes on."""
        return next((end for end in sorted(ENDS) if self.has(end)), "")


@dataclass
class FolioModel:
    """The register of one home, from the registry's own facts."""

    owners: frozenset[str] = frozenset()
    mortgages: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # certificate, mortgagee
    left: dict[str, list[str]] = field(default_factory=dict[str, list[str]])  # by a release: what it left standing
    restrictions: dict[str, str] = field(default_factory=dict[str, str])
    reserved_for: str = ""
    notices: dict[str, str] = field(default_factory=dict[str, str])


class Auditor:
    """Watches one city."""

    def __init__(self, city: "City") -> None:
        self.city = city
        self.cases: dict[str, CaseModel] = {}
        self.folios: dict[str, FolioModel] = defaultdict(FolioModel)
        self.paid: dict[str, Paid] = {}
        self.receipts: dict[str, Receipt] = {}
        self.lines: dict[tuple[str, int], str] = {}
        self.held_fen: Counter[tuple[Role, str]] = Counter()
        self.settled_fen: Counter[str] = Counter()  # at the seller's bank for the loan on a folio
        self.numbers: dict[str, str] = {}
        self.outcomes: dict[str, str | None] = {}
        self.phases: dict[tuple[str, str], str] = {}
        self.met: Counter[tuple[str, str, str, str]] = Counter()
        self.standing: dict[str, set[type[Event]]] = defaultdict(set)
        self.alarms: Counter[str] = Counter()
        self.story: list[str] = []

    # --- what is heard of ---------------------------------------------------------------------------------------------

    def on_entry(self, house: "House", entry: Entry) -> None:
        """An institution has durably decided this."""
        for place, item in enumerate(entry.items):
            match item["k"]:
                case "said":
                    fact = item["fact"]
                    if item["tell"] is None:
                        self._on_file(house, entry.subject, item["file"], fact, fact["type"])
                        self._said(house, entry.subject, item["file"], fact)
                    elif fact["type"] == "daiya.own.number-allotted.v1":
                        self._allotted(house, json.loads(fact["data"]))
                case "heard":
                    letter = item["letter"]
                    self.outcomes.setdefault(letter["id"], None)
                    if not item["parked"]:
                        self._heard(house, entry, place, letter)
                case "admitted":
                    self.outcomes.setdefault(item["id"], None)
                case "refused":
                    self.outcomes[item["id"]] = item["refusal"]["title"]
                    self.tell(f"{house.name} refuses: {item['refusal']['title']} ({item['refusal']['detail']})")
                case "stopped":
                    self.broken("a rule failed", f"{house.name} on {entry.subject}: {item['error']}")
                case "struck":
                    self.broken("dead letter", f"{house.name} on {entry.subject}: {item['why']}")
                case _:
                    pass

    def _on_file(self, house: "House", subject: str, file: str, fact: Data, type_name: str) -> None:
        """A fact lies on a file: which phase it leads to, and in which it met the rules."""
        kind = house.words[type_name]
        at = (house.name, file)
        procedure = ""
        if file:
            model = self.case(file)
            model.known[house.role, house.name].add(kind)
            procedure = model.procedure.name if model.procedure is not None else "?"
        phase = self.phases.get(at, "open")
        moved = house.rulebook.phases.get(kind)
        if file and moved is not None and phase != "ended":
            phase = self.phases[at] = moved.value
        self.met[procedure, house.role.value, phase, kind.__name__] += 1

    def _heard(self, house: "House", entry: Entry, place: int, letter: Data) -> None:
        kind = house.words[letter["type"]]
        standing = issubclass(kind, Event) and kind.standing
        self._on_file(house, entry.subject, "" if standing else letter["case"], letter, letter["type"])
        hear = HEARD.get(kind.__name__)
        if hear is not None:
            hear(self, house, entry.subject, letter["case"], letter, json.loads(letter["data"]))

    def _said(self, house: "House", subject: str, file: str, fact: Data) -> None:
        kind, case = house.words[fact["type"]], fact["case"]
        data = json.loads(fact["data"])
        if issubclass(kind, Event):
            model = self.case(case)
            if kind.__name__ == "CaseOpened" and not model.opened:
                model.opened = data
                model.procedure = PROCEDURES[data["procedure"], data["edition"]]
            if kind.standing:
                self.standing[subject].add(kind)
            self._in_order(house, model, kind, self.standing[subject])
            model.said[kind.__name__].append((house.role, house.name, data))
            self.tell(f"{house.name} says {kind.__name__} in {case} {_told(data)}")
        said = SAID.get(kind.__name__)
        if said is not None:
            said(self, house, subject, case, fact, data)

    def _in_order(self, house: "House", model: CaseModel, kind: type[Event], standing: set[type[Event]]) -> None:
        """Traces allowed by the procedure's data: what must be said before has been said, by anybody, or stands on the
        folio itself; what must not, the speaker does not know."""
        procedure = model.procedure
        if procedure is None or kind.standing:
            return
        said = frozenset(EVENTS_BY_NAME[name] for name in model.said) | frozenset(standing)
        own = frozenset(model.known[house.role, house.name] - {kind})
        own |= {k for k in (kind,) if any(n == house.name for _, n, _ in model.said.get(kind.__name__, ()))}
        ways = procedure.ways(house.role, kind)
        if all(_obstacle(step, said, own) for step in ways):
            why = _obstacle(ways[0], said, own) if ways else "has no step"
            self.broken("trace", f"{house.name} says {kind.__name__} in {model.name}: {why}")

    # --- money --------------------------------------------------------------------------------------------------------

    def on_booked(self, order: Transfer) -> None:
        """The rail has taken an order and the money."""
        self.conserved()
        house = self.city.house_of_account(order.from_account)
        if house is None:
            return
        paid = self.paid.get(order.key)
        if paid is None:
            self.broken("each effect once", f"{order.amount_fen} fen left {order.from_account}, asked for by no rule")
        wanted = (paid.data["from_account"], paid.data["to_account"], paid.data["amount_fen"])
        if wanted != (order.from_account, order.to_account, order.amount_fen):
            self.broken("each effect once", f"asked were {wanted}, sent was {order}")
        if paid.booked:
            self.broken("each effect once", f"{order.key} is booked a second time")
        paid.booked = True
        self.tell(f"the rail takes {order.amount_fen} fen to {order.to_account}: {order.reference}")
        at = (paid.role, paid.case)
        self.held_fen[at] -= order.amount_fen
        if paid.role is Role.ESCROW and self.held_fen[at] < 0:
            self.broken("X-1 conservation", f"{paid.case or 'unmatched money'} has paid {-self.held_fen[at]} too much")

    def on_settled(self, order: Transfer, arrived: bool) -> None:
        """A transfer has arrived, or come back."""
        self.conserved()
        paid = self.paid.get(order.key)
        if arrived and paid is not None:
            paid.arrived = True
        elif paid is not None:
            paid.failed = True
            self.held_fen[paid.role, paid.case] += order.amount_fen
            self._unclaim(paid)
        folio = self.city.loan_paid_by(order, paid.case if paid is not None else "")
        if arrived and folio:
            self.settled_fen[folio] += order.amount_fen
        self.tell(f"{order.amount_fen} fen {'arrive at' if arrived else 'come back from'} {order.to_account}")

    def conserved(self) -> None:
        """X-1: nothing is made and nothing is lost on the rail."""
        if self.city.bank.books.total_fen() != self.city.bank.total_fen:
            self.broken("X-1 conservation", "the rail's accounts do not add up to what they were opened with")

    def _unclaim(self, paid: Paid) -> None:
        receipt = self.receipts.get(paid.data["about"])
        if receipt is not None:
            receipt.back_fen -= paid.data["amount_fen"]

    def _pay(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        """An institution's rule asks for a payment: whether it may."""
        at = datetime.fromisoformat(fact["at"])
        self.paid[fact["id"]] = paid = Paid(house.role, case, data, at)
        self.tell(f"{house.name} orders {data['amount_fen']} fen to {data['to_account']}: {data['purpose']} in {case}")
        model = self.case(case)
        purpose = data["purpose"]
        if purpose == "payoff":
            self._may_pay_off(model, paid)
        elif purpose == "balance":
            self._may_pay_the_seller(model)
        elif purpose == "loan":
            self._may_lend(house, model, paid)
        else:
            self._may_send_back(house, model, paid)

    def _may_pay_off(self, model: CaseModel, paid: Paid) -> None:
        if not model.entered:
            self.broken("X-2 seller's part", f"{model.name}: a payoff without the entry")
        quotes = [q for _, _, q in model.said["PayoffQuoted"] if q["statement"]["number"] == paid.data["about"]]
        if not quotes:
            self.broken("X-2 seller's part", f"{model.name}: a payoff without its statement")
        quote = quotes[0]
        if (quote["total_fen"], quote["to_account"]) != (paid.data["amount_fen"], paid.data["to_account"]):
            self.broken("LC-L6 exactly that", f"{model.name}: the statement says {quote}, paid is {paid.data}")
        if day_in_china(paid.at) > date.fromisoformat(quote["good_through"]):
            self.broken(
                "quote in date", f"{model.name}: ordered {paid.at} on a statement through {quote['good_through']}"
            )

    def _may_pay_the_seller(self, model: CaseModel) -> None:
        if not model.entered:
            self.broken("X-2 seller's part", f"{model.name}: the balance without the entry")
        booked = [data for _, _, data in model.said["PayoffCompleted"]]
        if not booked or booked[-1]["open_fen"]:
            self.broken("X-2 seller's part", f"{model.name}: the balance before the payoff is booked")
        if model.opened["procedure"] == "LC-LOAN" and not model.has("MortgageReleased"):
            self.broken("LC-L7 after the release", f"{model.name}: the balance before the old mortgage is released")

    def _may_lend(self, house: "House", model: CaseModel, paid: Paid) -> None:
        mine = [
            noticed["certificate"]["number"]
            for _, _, data in model.said["AdvanceNoticeRegistered"]
            for noticed in data["mortgages"]
            if noticed["lender"] == house.name
        ]
        if paid.data["about"] not in mine:
            self.broken("X-2 lender's part", f"{model.name}: {house.name} pays without its notice")
        if any(name == house.name for _, name, _ in model.said["LendingEnded"]):
            self.broken("X-2 lender's part", f"{model.name}: {house.name} pays after its end of lending")
        approved = [data for _, name, data in model.said["LoanApproved"] if name == house.name]
        if not approved or approved[-1]["amount_fen"] != paid.data["amount_fen"]:
            self.broken("X-2 lender's part", f"{model.name}: {house.name} pays another amount than it approved")

    def _may_send_back(self, house: "House", model: CaseModel, paid: Paid) -> None:
        receipt = self.receipts.get(paid.data["about"])
        if receipt is None:
            self.broken("X-1 own payer", f"{model.name}: {house.name} sends back what it has not received")
        if paid.data["to_account"] != receipt.payer:
            self.broken("X-1 own payer", f"{receipt.payer} has paid, {paid.data['to_account']} would get it back")
        receipt.back_fen += paid.data["amount_fen"]
        if receipt.back_fen > receipt.amount_fen:
            self.broken("each effect once", f"of {receipt.amount_fen} fen {receipt.back_fen} fen would go back")
        if house.role is not Role.ESCROW or not model.opened or paid.data["purpose"] != "refund":
            return
        if receipt.after_end or receipt.payer not in self.city.payers(model.name):
            return
        if model.entered:
            self.broken("no refund beside an entry", f"{model.name}: {paid.data['amount_fen']} fen")
        if not (model.closed or model.refused):
            self.broken("no refund before closed", f"{model.name}: {paid.data['amount_fen']} fen")

    def _received(self, house: "House", subject: str, case: str, letter: Data, data: Data) -> None:
        """An institution has a receipt on file: once each line, and as the rail has it."""
        account, n = data["account"], data["line"]
        if letter["id"] != derived_id(f"statement/{account}", str(n)):
            if self.lines.get((account, n)) is None or house.role is Role.ESCROW:
                self.broken("receipts count once", f"{house.name} has line {n} of {account} under an id of its own")
            self.receipts[letter["id"]] = Receipt(case, account, n, data["amount_fen"], data["from_account"])
            return  # a copy that a clerk sent on to where it belongs
        if (account, n) in self.lines:
            self.broken("receipts count once", f"{house.name} has line {n} of {account} twice")
        line = self.city.bank.books._accounts[account].lines[n - 1]
        if (line.amount_fen, line.counterparty_account) != (data["amount_fen"], data["from_account"]):
            self.broken("receipts count once", f"{house.name} has other values for line {n} of {account}")
        self.lines[account, n] = letter["id"]
        after_end = bool(self.case(case).over) if case else False
        receipt = Receipt(case, account, n, data["amount_fen"], data["from_account"], 0, after_end)
        self.receipts[letter["id"]] = receipt
        self.held_fen[house.role, case] += data["amount_fen"]

    def _payment_failed(self, house: "House", subject: str, case: str, letter: Data, data: Data) -> None:
        paid = self.paid.get(data["payment"])
        if paid is not None and not paid.booked and not paid.failed:
            paid.failed = True
            self._unclaim(paid)

    # --- the register -------------------------------------------------------------------------------------------------

    def _imported(self, house: "House", subject: str, case: str, letter: Data, data: Data) -> None:
        folio = self.folios[subject]
        if not folio.owners:
            folio.owners = frozenset(owner["person"]["id_number"] for owner in data["owners"])
            ranked = sorted(data.get("mortgages", ()), key=lambda m: m["rank"])
            folio.mortgages = [(m["certificate"], m["mortgagee"]) for m in ranked]

    def _restricted(self, house: "House", subject: str, case: str, letter: Data, data: Data) -> None:
        self.folios[subject].restrictions[data["restriction"]["number"]] = data["restriction"]["kind"]
        self.tell(f"{house.name} enters a {data['restriction']['kind']} on {subject[-4:]}")

    def _lifted(self, house: "House", subject: str, case: str, letter: Data, data: Data) -> None:
        self.folios[subject].restrictions.pop(data["number"], None)

    def _mortgaged(self, house: "House", subject: str, case: str, letter: Data, data: Data) -> None:
        mortgage = data["mortgage"]
        self.folios[subject].mortgages.append((mortgage["certificate"], mortgage["mortgagee"]))

    def _reserved(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        folio = self.folios[subject]
        if folio.reserved_for not in ("", case):
            self.broken("one live transfer", f"{subject} is reserved for {folio.reserved_for}, and now for {case}")
        self._title_is_clear(folio, case, "reserved")
        folio.reserved_for = case

    def _title_is_clear(self, folio: FolioModel, case: str, what: str) -> None:
        if folio.restrictions:
            self.broken("X-4 title", f"{case}: {what} in spite of {sorted(folio.restrictions.values())}")
        parties = set(self.case(case).opened["institutions"].values()) | self.city.joined(case)
        foreign = [certificate for certificate, mortgagee in folio.mortgages if mortgagee not in parties]
        if foreign:
            self.broken("X-4 title", f"{case}: {what} in spite of the foreign mortgage {foreign}")
        sellers = {s["person"]["id_number"] for s in self.case(case).opened["sellers"]}
        if sellers != folio.owners:
            self.broken("X-4 title", f"{case}: {what}, though the sellers are not the owners")

    def _entered(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        model, folio = self.case(case), self.folios[subject]
        if model.entered:
            self.broken("one owner set", f"{case} is entered twice")
        if model.closed or model.refused or model.over:
            self.broken("closed for ever", f"{case} is entered though it is closed")
        if folio.reserved_for != case:
            self.broken("one live transfer", f"{case} is entered, {subject} is reserved for {folio.reserved_for!r}")
        self._title_is_clear(folio, case, "entered")
        if not any(data["price_complete"] for _, _, data in model.said["DepositConfirmed"]):
            self.broken("X-2 entry after the deposit", f"{case} is entered before the price is held")
        if not model.has("ConsentIssued"):
            self.broken("LC-F2 entry after the consent", f"{case} is entered without it")
        shares = [Fraction(o["share"]["numerator"], o["share"]["denominator"]) for o in data["owners"]]
        buyers = {b["person"]["id_number"] for b in model.opened["buyers"]}
        owners = frozenset(owner["person"]["id_number"] for owner in data["owners"])
        if sum(shares) != 1 or owners != buyers:
            self.broken("one owner set", f"{case}: the owners entered are not the buyers, or not whole")
        if model.procedure is not None and model.procedure.name == "LC-LOAN":
            standing = [n for n, of in folio.notices.items() if of == case]
            if not standing:
                self.broken("LC-L5 entry on its notice", f"{case} is entered without a notice that stands")
        model.entered, folio.owners = True, owners
        model.stood = [certificate for certificate, _ in folio.mortgages]

    def _registered(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        folio = self.folios[subject]
        stood = [m["certificate"] for m in data["mortgages"]]
        new = [m["certificate"]["number"] for m in data.get("new_mortgages", ())]
        self._ranks(case, [m["rank"] for m in (*data["mortgages"], *data.get("new_mortgages", ()))])
        if stood != self.case(case).stood:
            self.broken("ranks", f"{case}: it says {stood} stood, the register had {self.case(case).stood}")
        # Entered with the transfer: before whatever came upon the folio while their certificates were being numbered.
        place = sum(certificate in stood for certificate, _ in folio.mortgages)
        entered = [(c, m["lender"]) for c, m in zip(new, data.get("new_mortgages", ()), strict=True)]
        folio.mortgages[place:place] = entered
        folio.notices = {n: of for n, of in folio.notices.items() if of != case}

    def _ranks(self, case: str, ranks: list[int]) -> None:
        if ranks != list(range(1, len(ranks) + 1)):
            self.broken("ranks", f"{case}: the ranks are {ranks}")

    def _cancelled(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        self._is_settled(subject, data["certificate"])
        folio = self.folios[subject]
        folio.mortgages = [m for m in folio.mortgages if m[0] != data["certificate"]]
        folio.left[data["certificate"]] = [certificate for certificate, _ in folio.mortgages]

    def _released(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        self._ranks(case, [m["rank"] for m in data["remaining"]])
        if [m["certificate"] for m in data["remaining"]] != self.folios[subject].left.get(data["certificate"]):
            self.broken("ranks", f"{case}: after the release of {data['certificate']} remain {data['remaining']}")

    def _release_applied(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        self._is_settled(subject, data["mortgage_certificate"])

    def _is_settled(self, folio: str, certificate: str) -> None:
        debt = self.city.debt_fen(folio, certificate)
        if self.settled_fen[folio] < debt:
            got = self.settled_fen[folio]
            self.broken("no release before settlement", f"{folio}: {got} fen of at least {debt} have arrived")

    def _closed(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        if self.case(case).entered:
            self.broken("closed or too late", f"{case} is closed though it is entered")
        self.case(case).closed = True

    def _too_late(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        if not self.case(case).entered:
            self.broken("closed or too late", f"the closing of {case} is refused without an entry")

    def _folio_refused(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        self.case(case).refused = True

    def _ended_at_the_registry(self, house: "House", subject: str, case: str, letter: Data, data: Data) -> None:
        folio = self.folios[subject]
        if house.role is Role.REGISTRY and folio.reserved_for == case:
            folio.reserved_for = ""

    def _noticed(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        folio, model = self.folios[subject], self.case(case)
        if folio.reserved_for != case:
            self.broken("one live transfer", f"notices of {case}, {subject} is reserved for {folio.reserved_for!r}")
        if model.closed:
            self.broken("closed for ever", f"notices of {case} though it is closed")
        numbers = [data["transfer"]["number"], *(m["certificate"]["number"] for m in data["mortgages"])]
        folio.notices |= dict.fromkeys(numbers, case)

    def _notices_ended(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        """X-3: the notices end only when every lender that had sent something has it back."""
        model = self.case(case)
        whole = {name for _, name, _ in model.said["LoanReturned"]}
        whole |= {name for _, name, ended in model.said["LendingEnded"] if not ended["sent_fen"]}
        noticed = {m["lender"] for _, _, said in model.said["AdvanceNoticeRegistered"] for m in said["mortgages"]}
        if not noticed <= whole:
            self.broken("notices end last", f"{case}: {sorted(noticed - whole)} have not said that they are whole")
        self._notices_gone(house, subject, case, fact, data)

    def _lender_ended(self, house: "House", subject: str, case: str, letter: Data, data: Data) -> None:
        if house.role is Role.REGISTRY and not data["sent_fen"]:
            self._lender_whole(house, subject, case, letter, data)

    def _lender_whole(self, house: "House", subject: str, case: str, letter: Data, data: Data) -> None:
        if house.role is Role.REGISTRY:
            self.case(case).whole.add(letter["source"].rsplit("/", 1)[1])

    def _notices_lapsed(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        """X-3: in a closed case the notices end as soon as every lender is whole, and wait for no day."""
        model = self.case(case)
        noticed = {m["lender"] for _, _, said in model.said["AdvanceNoticeRegistered"] for m in said["mortgages"]}
        if model.closed and noticed <= model.whole:
            self.broken("notices end when lenders are whole", f"those of {case} lapse, its lenders were whole before")
        self._notices_gone(house, subject, case, fact, data)

    def _notices_gone(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        folio = self.folios[subject]
        for number in data["certificates"]:
            folio.notices.pop(number, None)

    def _cancelled_case(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        model = self.case(case)
        if model.entered:
            self.broken("nobody undoes an entry", f"{case} is cancelled")
        self._nothing_held(house, case)
        if any(of == case for folio in self.folios.values() for of in folio.notices.values()):
            self.broken("notices end", f"{case} is cancelled while its notices stand")

    def _completed_case(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        if not self.case(case).entered:
            self.broken("X-2 seller's part", f"{case} is completed without the entry")
        self._nothing_held(house, case)

    def _nothing_held(self, house: "House", case: str) -> None:
        if self.held_fen[house.role, case]:
            self.broken("X-1 conservation", f"{case} has ended with {self.held_fen[house.role, case]} fen held")

    def _lending_ended(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        loans = [
            p
            for p in self.paid.values()
            if p.case == case and p.data["purpose"] == "loan" and p.data["from_account"] in house.settings.accounts
        ]
        arrived = sum(p.data["amount_fen"] for p in loans if p.arrived)
        booked = sum(p.data["amount_fen"] for p in loans if p.booked)
        if not arrived <= data["sent_fen"] <= booked:
            what = f"{house.name} in {case} says {data['sent_fen']}; the rail took {booked}, {arrived} arrived"
            self.broken("LendingEnded says what was sent", what)

    def _allotted(self, house: "House", data: Data) -> None:
        number = data["document"]["number"]
        if number in self.numbers:
            self.broken("numbers are used once", f"{house.name} allots {number} a second time")
        self.numbers[number] = data["for_draft"]

    def _alarm(self, house: "House", subject: str, case: str, fact: Data, data: Data) -> None:
        self.alarms[data["what"]] += 1
        self.tell(f"{house.name} ALARM in {case or subject}: {data['what']} ({data['why']})")

    # --- small things -------------------------------------------------------------------------------------------------

    def case(self, name: str) -> CaseModel:
        """The model of a case."""
        found = self.cases.get(name)
        if found is None:
            found = self.cases[name] = CaseModel(name)
        return found

    def broken(self, name: str, what: str) -> NoReturn:
        """An invariant is broken. Raises Violation."""
        self.tell(f"VIOLATED {name}: {what}")
        raise Violation(name, what)

    def tell(self, line: str) -> None:
        """One line of the story."""
        self.story.append(line)


def _obstacle(step: Any, said: frozenset[type[Fact]], own: frozenset[type[Fact]]) -> str:
    for group in step.after:
        if not group & said:
            return "comes after " + " or ".join(sorted(kind.__name__ for kind in group))
    against = step.not_after & own
    return "does not come after " + ", ".join(sorted(kind.__name__ for kind in against)) if against else ""


def _told(data: Data) -> str:
    """What of a word tells it from the next."""
    shown = {k: v for k, v in data.items() if isinstance(v, int | bool) or k in ("because", "stage", "lender", "role")}
    return " ".join(f"{k}={v}" for k, v in shown.items())


On = Callable[[Auditor, "House", str, str, Data, Data], None]
EVENTS_BY_NAME = {event.__name__: event for event in EVENTS.values()}

SAID: dict[str, On] = {
    "Pay": Auditor._pay,
    "Alarm": Auditor._alarm,
    "FolioReserved": Auditor._reserved,
    "FolioRefused": Auditor._folio_refused,
    "OwnershipEntered": Auditor._entered,
    "TransferRegistered": Auditor._registered,
    "MortgageCancelled": Auditor._cancelled,
    "MortgageReleased": Auditor._released,
    "ReleaseApplied": Auditor._release_applied,
    "RegistrationClosed": Auditor._closed,
    "ClosingRefused": Auditor._too_late,
    "CaseCancelled": Auditor._cancelled_case,
    "CaseCompleted": Auditor._completed_case,
    "AdvanceNoticeRegistered": Auditor._noticed,
    "AdvanceNoticeEnded": Auditor._notices_ended,
    "AdvanceNoticeLapsed": Auditor._notices_lapsed,
    "LendingEnded": Auditor._lending_ended,
}
"""What is looked at when an institution has said it, or noted it for itself."""

HEARD: dict[str, On] = {
    "MoneyReceived": Auditor._received,
    "PaymentRefused": Auditor._payment_failed,
    "FolioImported": Auditor._imported,
    "RestrictionEntered": Auditor._restricted,
    "RestrictionLifted": Auditor._lifted,
    "MortgageEntered": Auditor._mortgaged,
    "CaseCompleted": Auditor._ended_at_the_registry,
    "CaseCancelled": Auditor._ended_at_the_registry,
    "LendingEnded": Auditor._lender_ended,
    "LoanReturned": Auditor._lender_whole,
}
"""What is looked at when an institution has it on file from its inbox."""
