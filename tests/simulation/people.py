"""The people of a city: buyers, sellers, clerks. Everybody does what the own worklist allows, at random; most do what
is usual, and what a seed has them do besides is drawn when a sale is thought of."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from contracts.event import Role
from contracts.events.case import DepositAccount, Party
from contracts.period import Days, Period, Source
from contracts.values import Person, Share
from services.escrow.facts import ApplicationMended, Paper, ReturnOrdered, SaleBrought, Signed, WithdrawalAgreed
from services.registry.facts import (
    FolioImported,
    MortgageEntered,
    RegistrationDecided,
    RestrictionEntered,
    RestrictionLifted,
    TransferAppliedFor,
)
from services.runtime.core.facts import Command, PaymentOrderedAgain
from services.runtime.core.file import STANDING
from services.runtime.core.fold import derived_id
from services.runtime.core.rows import Row
from services.runtime.rail import Transfer
from services.seller_bank.facts import ConsentDecided, LoanImported, MoneyDecided, PayoffAsked
from tests.simulation.house import House
from tests.simulation.lenders import (
    DOWN_PAYMENT_FEN,
    Loan,
    answer_rejection,
    apply_again,
    decide,
    examine,
    loans_of,
    mend,
    send_back,
    sign_contracts,
    state_the_pool,
    take_back,
    turn_to_the_lenders,
)
from tests.support.people import example_person

if TYPE_CHECKING:
    from tests.simulation.city import City

WHOLE = Share(numerator=1, denominator=1)
PRICE_FEN, LOAN_FEN = 128_000_000, 61_000_000
MOST_TRIES = 25
MOST_SENT_BACK = 5


@lru_cache(maxsize=2**14)
def desk_id(house: str, key: str) -> str:
    """The id of what is handed in at the desk of an institution under a key."""
    return derived_id("desk", house, key)


@dataclass
class Home:
    """A home with its owner, and the owner's loan."""

    unit: str
    owner: int
    mortgage: str
    debt_fen: int
    imported: FolioImported
    loan: LoanImported


@dataclass
class Sale:
    """One sale as its people mean it: `acts` are the unusual things, each with the tick at which somebody does it."""

    case: str
    home: Home
    seller: Person
    buyer: Person
    seller_account: str
    buyer_account: str
    price_fen: int
    brought: SaleBrought
    acts: dict[str, int]
    answers: dict[str, list[Any]]
    begins_at: int
    own_part_fen: int
    loans: list[Loan]
    pays_at: int
    ticks: int = 0
    sent_fen: int = 0
    topped_up: int = 0
    gives_up: bool = False


@dataclass
class Told:
    """Something done at a desk, until its outcome is known."""

    house: House
    fact: Command
    case: str
    subject: str
    id: str
    tries: int = 0


@dataclass
class People:
    """All of them."""

    city: "City"
    homes: list[Home] = field(default_factory=list[Home])
    sales: dict[str, Sale] = field(default_factory=dict[str, Sale])
    told: dict[str, Told] = field(default_factory=dict[str, Told])
    tried: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    to_loan: dict[str, str] = field(default_factory=dict[str, str])
    sent_back: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    _paid: int = 0
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def __post_init__(self) -> None:
        chance = self.city.chances.city
        for n in range(1 if chance.random() < 0.75 else 2):
            self._build(n)
        for home in self.homes:
            for n in range(chance.choice((1, 1, 1, 2, 2, 3))):
                self._think_of_a_sale(home, n)

    # --- how it begins ------------------------------------------------------------------------------------------------

    def _account(self, person: int) -> str:
        return f"62220216020000{person:05d}"

    def _open(self, person: int, fen: int) -> str:
        account = self._account(person)
        if account not in self.city.bank.accounts:
            self.city.bank.open(account, example_person(person).name, fen)
        return account

    def _build(self, n: int) -> None:
        chances = self.city.chances
        unit = f"371502001001GB00001F0001{n + 1:04d}"
        mortgage = f"鲁(2021)聊城市不动产证明第{1234 + n:07d}号"
        owner = 10 * n + 1
        debt = LOAN_FEN + n
        if chances.unusual("a debt above the price", 0.1):
            debt = PRICE_FEN + 1_000_000
        self._open(owner, 10 * PRICE_FEN)
        person = example_person(owner).model_dump(mode="json")
        ranked = {
            "certificate": mortgage, "mortgagee": "liaocheng-icbc", "principal_fen": debt,
            "no_transfer_clause": chances.city.random() < 0.3, "since": "2021-06-01", "rank": 1,
        }  # fmt: skip
        values = {
            "by_clerk": "Zhao", "unit_number": unit, "ownership_certificate": "鲁(2019)聊城市不动产权第0004567号",
            "owners": [{"person": person, "share": {"numerator": 1, "denominator": 1}}], "mortgages": [ranked],
        }  # fmt: skip
        terms = {
            "loan_number": f"ICBC-LC-2021-000{n + 1}", "principal_fen": debt, "annual_rate_ppm": 31_000,
            "day_count_basis": 360, "interest_paid_through": "2026-03-01", "cut_off": "24:00", "good_through_days": 3,
        }  # fmt: skip
        loan = {
            "by_clerk": "Wang", "unit_number": unit, "terms": terms, "borrowers": [person],
            "mortgage_certificate": mortgage, "settlement_account": "ICBC-LC-SETTLE",
            "no_transfer_clause": ranked["no_transfer_clause"],
        }  # fmt: skip
        imported = FolioImported.model_validate_json(json.dumps(values))
        lent = LoanImported.model_validate_json(json.dumps(loan))
        self.homes.append(Home(unit, owner, mortgage, debt, imported, lent))

    def _think_of_a_sale(self, home: Home, n: int) -> None:
        chances, plan = self.city.chances, self.city.plan
        buyer = home.owner + 1 + n
        case = f"{plan.procedure}-{home.unit[-1]}{n + 1}"
        accounts = self._open(home.owner, 0), self._open(buyer, 10 * PRICE_FEN)
        institutions = {seat.role: seat.name for seat in self.city.houses.values() if seat.role in NEEDED}
        own_part_fen, loans = PRICE_FEN, list[Loan]()
        if plan.procedure == "LC-LOAN":
            own_part_fen = DOWN_PAYMENT_FEN
            loans = loans_of(self, PRICE_FEN - own_part_fen)
            for loan in loans:
                if chances.city.random() < 0.35:
                    institutions[self.city.houses[loan.lender].role] = loan.lender
        people = example_person(home.owner), example_person(buyer)
        sale = SaleBrought.model_validate(
            {
                "by_clerk": "Li",
                "procedure": plan.procedure,
                "edition": "2023-03-20",
                "unit_number": home.unit,
                "institutions": institutions,
                "down_payment_fen": own_part_fen if loans else None,
                "contract_number": f"LC-2026-{home.unit[-1]}{n}",
                "contract_date": "2026-02-20",
                "sellers": (Party(person=people[0], share=WHOLE, account=accounts[0]),),
                "buyers": (Party(person=people[1], share=WHOLE, account=accounts[1]),),
                "price_fen": PRICE_FEN,
                "deposit_account": DepositAccount(account="ESCROW-LC-01", owner="聊城市公证机构"),
                "periods": PERIODS if chances.city.random() < 0.6 else (),
            }
        )
        acts = {
            kind: chances.people.randrange(60)
            for kind, chance in ACTS.items()
            if (kind != LENDERS_NO or loans) and chances.unusual(kind, chance)
        }
        pays_at = chances.city.choice((0, 0, 0, 15, 40))
        if "applies at the counter" in acts:  # who does so is often early, and pays late
            acts["applies at the counter"], pays_at = 0, chances.city.choice((0, 60, 120))
        decisions: list[str] = []
        for kind, chance in (("return", 0.12), ("return", 0.04), ("refuse", 0.05)):
            if chances.unusual(f"application {DONE[kind]}", chance):
                decisions.append(kind)
        answers: dict[str, list[Any]] = {
            "decide-registration": decisions,
            "decide-consent": [False] if chances.unusual("consent refused", 0.06) else [],
        }
        self.sales[case] = Sale(
            case, home, *people, *accounts, PRICE_FEN, sale, acts, answers,
            n * chances.city.choice((0, 10, 60)), own_part_fen, loans,
            pays_at,
            gives_up=chances.unusual("the buyer gives up paying", 0.05),
        )  # fmt: skip

    # --- what the auditor asks ----------------------------------------------------------------------------------------

    def payers(self, case: str) -> frozenset[str]:
        """Whose money an article of the case covers."""
        sale = self.sales.get(case)
        if sale is None:
            return frozenset()
        lenders = (self.city.houses[loan.lender].settings.loan_account or "" for loan in sale.loans)
        return frozenset((sale.buyer_account, sale.seller_account, *lenders))

    def loan_paid_by(self, order: Transfer, case: str) -> str:
        """The folio whose old loan a transfer is for."""
        if order.to_account != "ICBC-LC-SETTLE":
            return ""
        sale = self.sales.get(case)
        return sale.home.unit if sale is not None else self.to_loan.get(order.key, "")

    def debt_fen(self, folio: str, certificate: str) -> int:
        """The principal of the loan behind a mortgage."""
        return next((h.debt_fen for h in self.homes if h.unit == folio and h.mortgage == certificate), 0)

    def busy(self) -> str:
        """What they are about."""
        return f"told {[(t.house.name, type(t.fact).__name__, t.tries) for t in self.told.values()]}"

    # --- what somebody does -------------------------------------------------------------------------------------------

    def act(self) -> bool:
        """Somebody does something. False where nobody has anything to do now."""
        chance = self.city.chances.order
        ways = [self._hand_in_again, self._begin, self._borrow, self._answer_a_worklist, self._do_something_unusual]
        chance.shuffle(ways)
        return any(way() for way in ways)

    def _tell(self, role: Role, fact: Command, case: str, subject: str, key: str) -> bool:
        """Hand something in at a desk, under a key of its own: once done, it is not done again."""
        house = self.city.role(role)
        return self.tell_house(house, fact, case, subject, key)

    def tell_house(self, house: House, fact: Command, case: str, subject: str, key: str) -> bool:
        told_id = desk_id(house.name, key)
        if told_id in self.told or told_id in self.city.auditor.outcomes or not house.processes:
            return False
        self.told[told_id] = Told(house, fact, case, subject, told_id)
        self.city.auditor.tell(f"at {house.name}: {type(fact).__name__} in {case or subject[-4:]}")
        self._append(self.told[told_id])
        return True

    def _append(self, told: Told) -> None:
        told.tries += 1
        process = told.house.processes[self.city.chances.order.randrange(len(told.house.processes))]
        work = process.institution.tell(told.fact, told.id, told.case, told.subject)
        process.start(f"desk {told.id} {told.tries}", work)

    def _hand_in_again(self) -> bool:
        """What has no outcome yet is perhaps lost: the same again, under the same key."""
        outcomes = self.city.auditor.outcomes
        for told_id in [i for i in self.told if i in outcomes]:
            del self.told[told_id]
        if not self.told or self.city.chances.order.random() > (0.02 if self.city.scheduler.waiting else 1):
            return False
        told = list(self.told.values())[self.city.chances.order.randrange(len(self.told))]
        if not told.house.processes or any(
            name.startswith(f"desk {told.id}") for p in told.house.processes for name in p.busy
        ):
            return False
        if told.house.processes[0].is_behind and self.city.chances.order.random() < 0.9:
            return False
        self._append(told)
        return True

    def _begin(self) -> bool:
        for home in self.homes:
            if self._tell(Role.REGISTRY, home.imported, STANDING, home.unit, f"folio {home.unit}"):
                return True
            if self._tell(Role.SELLER_BANK, home.loan, STANDING, home.unit, f"loan {home.unit}"):
                return True
        outcomes = self.city.auditor.outcomes
        if state_the_pool(self):
            return True
        for sale in self.sales.values():
            sale.ticks += 1
            first = desk_id(self.city.role(Role.REGISTRY).name, f"folio {sale.home.unit}")
            if (sale.ticks < sale.begins_at and not self.city.chances.calm) or first not in outcomes:
                continue
            if self._tell(Role.ESCROW, sale.brought, sale.case, sale.home.unit, f"sale {sale.case}"):
                return True
        return False

    def _borrow(self) -> bool:
        return any(turn_to_the_lenders(self, sale) for sale in self.sales.values() if sale.loans)

    def _answer_a_worklist(self) -> bool:
        """One clerk looks at one worklist, or one buyer or seller is told of it."""
        houses = list(self.city.houses.values())
        start = self.city.chances.order.randrange(len(houses))
        for house in houses[start:] + houses[:start]:
            rows = house.database.of_kind("wait")
            if rows:
                self.city.chances.order.shuffle(rows)
                if any(self._answer(house, row) for row in rows):
                    return True
        return False

    def _answer(self, house: House, row: Row) -> bool:
        action = row.data["action"]
        answer = ANSWERS.get(action)
        lend = LENDERS_ANSWERS.get(action) if house.settings.loan_account else None
        if answer is None and lend is None:
            self.city.auditor.broken("every wait can be answered", f"{house.name}: nobody knows how to {row.data}")
        mark = f"{house.name}/{row.id}/{row.since}"
        n, then = self.tried.get(mark, (0, -1))
        if n and desk_id(house.name, f"{mark} {n}") not in self.city.auditor.outcomes:
            return False  # its outcome is not known yet
        if n >= MOST_TRIES or house.database.changes == then:
            return False  # it was refused, and nothing has changed since
        fact = lend(self, house, row) if lend is not None else answer(self, row) if answer is not None else None
        if fact is None or isinstance(fact, bool):
            return bool(fact)
        self.tried[mark] = n + 1, house.database.changes
        return self.tell_house(house, fact, row.case, row.subject, f"{mark} {n + 1}")

    def _do_something_unusual(self) -> bool:
        if self.city.chances.calm:
            return False
        for sale in self.sales.values():
            for kind, tick in list(sale.acts.items()):
                if sale.ticks >= tick:
                    del sale.acts[kind]
                    if UNUSUAL[kind](self, sale):
                        self.city.auditor.tell(f"somebody in {sale.case}: {kind}")
                        return True
        return False

    # --- money --------------------------------------------------------------------------------------------------------

    def pay(self, payer: str, payee: str, amount_fen: int, reference: str, loan_of: str = "") -> bool:
        """Somebody pays at a bank."""
        self._paid += 1
        key = f"people-{self._paid}"
        if loan_of:
            self.to_loan[key] = loan_of
        order = Transfer(key=key, from_account=payer, to_account=payee, amount_fen=amount_fen, reference=reference)
        self.city.bank.transfer(order)
        self.city.auditor.tell(f"{payer[-5:]} pays {amount_fen} fen to {payee}: {reference!r}")
        return True

    def pay_in(self, row: Row) -> bool:
        """The buyer's own money, as far as it has not been sent yet."""
        sale = self.sales[row.case]
        rest = sale.own_part_fen - sale.sent_fen
        if rest <= 0 or sale.gives_up or (sale.ticks < sale.pays_at and not self.city.chances.calm):
            return False
        chance = self.city.chances.people
        amount = rest
        if "pays in parts" in sale.acts and rest > 1_000:
            amount = chance.randrange(1, rest)
            if chance.random() < 0.4:
                del sale.acts["pays in parts"]
        elif sale.acts.pop("pays too much", None) is not None:
            amount = rest + chance.randrange(1, 1_000_000)
        sale.sent_fen += amount
        return self.pay(sale.buyer_account, "ESCROW-LC-01", amount, f"{row.case} price")

    def top_up(self, row: Row) -> bool:
        """The seller's own money where the debt is more than the price; once for each sum that is short."""
        sale = self.sales[row.case]
        found = re.match(r"(\d+) fen", row.data["what"])
        on_its_way = any(order.from_account == sale.seller_account for order in self._moving())
        if found is None or on_its_way or sale.topped_up >= 3 or sale.gives_up:
            return False
        sale.topped_up += 1
        return self.pay(sale.seller_account, "ESCROW-LC-01", int(found[1]), f"{row.case} top-up")

    def _moving(self) -> Iterator[Transfer]:
        return (self.city.bank.orders[key] for key in self.city.bank.books.on_its_way())

    # --- at the desks -------------------------------------------------------------------------------------------------

    def sign(self, row: Row) -> Command | None:
        """Somebody signs a paper that is not signed yet."""
        sale = self.sales[row.case]
        outcomes = self.city.auditor.outcomes
        for person in (sale.seller, sale.buyer):
            for paper in Paper:
                key = f"sign {sale.case} {person.id_number} {paper}"
                told_id = desk_id(self.city.role(Role.ESCROW).name, key)
                if told_id not in self.told and told_id not in outcomes:
                    signed = Signed(by_clerk="Li", person=person.id_number, paper=paper)
                    self._tell(Role.ESCROW, signed, sale.case, sale.home.unit, key)
                    return None
        return None

    def decide_registration(self, row: Row) -> Command:
        """The registrar decides as the seed has it, and at last approves."""
        decisions = self.sales[row.case].answers["decide-registration"]
        decision = "approve" if not decisions or self.city.chances.calm else decisions.pop(0)
        reason = {"reason": "materials are missing or wrong", "detail": "a page is missing", "clause": "LC-R1"}
        reasons = [] if decision == "approve" else [reason]
        values = {"by_clerk": "Zhao", "application": row.data["about"], "decision": decision, "reasons": reasons}
        return RegistrationDecided.model_validate(values)

    def decide_consent(self, row: Row) -> Command:
        """The bank consents, mostly; without a loan it can only refuse."""
        no = [*self.sales[row.case].answers["decide-consent"]]
        if no or "no loan" in row.data["what"]:
            return ConsentDecided(by_clerk="Wang", consents=False, because="not with this loan")
        return ConsentDecided(by_clerk="Wang", consents=True)

    def decide_money(self, row: Row) -> Command | None:
        """Money that no rule may book goes back; but who has sent it back again and again first asks the other side."""
        sent_back = self.sent_back.setdefault(row.case, set())
        if len(sent_back | {row.data["about"]}) > MOST_SENT_BACK:
            return None
        sent_back.add(row.data["about"])
        return MoneyDecided(by_clerk="Wang", money=row.data["about"])

    # --- what is unusual ----------------------------------------------------------------------------------------------

    def withdraw(self, sale: Sale) -> bool:
        """Buyer and seller call the sale off."""
        signed = (sale.seller.id_number, sale.buyer.id_number)
        fact = WithdrawalAgreed(by_clerk="Li", signed_by=signed, because="moved away")
        return self._tell(Role.ESCROW, fact, sale.case, sale.home.unit, f"withdraw {sale.case}")

    def restrict(self, sale: Sale) -> bool:
        """A court freezes the home, or a right of residence is entered; some of it is lifted again."""
        chance = self.city.chances.people
        kind = chance.choice(("freeze", "seizure", "right of residence"))
        values = {"kind": kind, "number": f"(2026)鲁15执{sale.case}号", "authority": "court", "since": "2026-03-01"}
        fact = RestrictionEntered.model_validate_json(json.dumps({"by_clerk": "Zhao", "restriction": values}))
        if chance.random() < 0.5:
            sale.acts["restriction lifted"] = sale.ticks + chance.randrange(5, 60)
        return self._tell(Role.REGISTRY, fact, STANDING, sale.home.unit, f"restrict {sale.case}")

    def lift(self, sale: Sale) -> bool:
        """The restriction goes."""
        fact = RestrictionLifted(by_clerk="Zhao", number=f"(2026)鲁15执{sale.case}号")
        return self._tell(Role.REGISTRY, fact, STANDING, sale.home.unit, f"lift {sale.case}")

    def mortgage(self, sale: Sale) -> bool:
        """Somebody else's mortgage is entered behind the bank's."""
        values = {
            "certificate": f"鲁(2026)聊城市不动产证明第{8000000 + len(sale.case) + int(sale.case[-2:]):07d}号",
            "mortgagee": "a moneylender", "principal_fen": 100, "no_transfer_clause": False, "since": "2026-03-01",
        }  # fmt: skip
        fact = MortgageEntered.model_validate_json(json.dumps({"by_clerk": "Zhao", "mortgage": values}))
        return self._tell(Role.REGISTRY, fact, STANDING, sale.home.unit, f"mortgage {sale.case}")

    def apply_at_the_counter(self, sale: Sale) -> bool:
        """Buyer and seller apply themselves, as soon as they hold the consent."""
        if not self.city.auditor.case(sale.case).has("ConsentIssued"):
            sale.acts["applies at the counter"] = sale.ticks + 1
            return False
        values = {
            "by_clerk": "Zhao", "sellers": (sale.seller,), "buyers": (sale.buyer,),
            "contract_number": sale.brought.contract_number,
            "materials": ("买卖协议（合同）", "同意“带押过户”意见书", "购房款到账提存公证书"),
        }  # fmt: skip
        fact = TransferAppliedFor.model_validate(values)
        return self._tell(Role.REGISTRY, fact, sale.case, sale.home.unit, f"counter {sale.case}")

    def stranger(self, sale: Sale) -> bool:
        """Somebody who is no party pays into the case."""
        account = self._open(99, PRICE_FEN)
        return self.pay(account, "ESCROW-LC-01", 12_345, f"{sale.case} a gift")

    def nameless(self, sale: Sale) -> bool:
        """The buyer's money comes without the case's number."""
        return self.pay(sale.buyer_account, "ESCROW-LC-01", 777_777, "for the home")

    def again(self, sale: Sale) -> bool:
        """The buyer pays once more."""
        return self.pay(sale.buyer_account, "ESCROW-LC-01", 5_000_000, f"{sale.case} price")

    def seller_pays(self, sale: Sale) -> bool:
        """The seller pays in without need."""
        return self.pay(sale.seller_account, "ESCROW-LC-01", 1_000_000, f"{sale.case} top-up")

    def settles_himself(self, sale: Sale) -> bool:
        """The borrower repays his loan with his own money, perhaps a part of it, perhaps with his case's number."""
        chance = self.city.chances.people
        part = sale.home.debt_fen + 2_000_000 if chance.random() < 0.5 else sale.home.debt_fen // 3
        named = sale.case if chance.random() < 0.6 else "my loan"
        # Without a case's number a clerk sends it back, and it counts for nothing.
        loan_of = sale.home.unit if named == sale.case else ""
        return self.pay(sale.seller_account, "ICBC-LC-SETTLE", part, named, loan_of)


Answer = Callable[[People, Row], Command | bool | None]

ANSWERS: dict[str, Answer] = {
    "sign": People.sign,
    "pay-in": People.pay_in,
    "top-up": People.top_up,
    "decide-consent": People.decide_consent,
    "decide-registration": People.decide_registration,
    "decide-money": People.decide_money,
    "ask-payoff": lambda _, row: PayoffAsked(by_clerk="Wang"),
    "mend-application": lambda _, row: ApplicationMended(
        by_clerk="Li", application=row.data["about"], mended="a legible copy"
    ),
    "order-payment-again": lambda _, row: PaymentOrderedAgain(by_clerk="Li", payment=row.data["about"]),
    "return-money": lambda _, row: ReturnOrdered(by_clerk="Li", money=row.data["about"]),
    "answer-rejection": lambda people, row: answer_rejection(people, people.city.role(Role.ESCROW), row),
}
"""How each thing that waits is done: the command, True where something else was done, None where nothing is now."""

LENDERS_ANSWERS: dict[str, Callable[[People, House, Row], Command | bool | None]] = {
    "apply-for-loan": apply_again,
    "decide-loan": decide,
    "sign-contracts": sign_contracts,
    "examine-borrower": examine,
    "mend-application": mend,
    "return-money": send_back,
}
"""The same at a lender's desk."""

DONE = {"return": "returned", "refuse": "refused"}
LENDERS_NO = "a lender takes its yes back"
NEEDED = (Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK)

ACTS: dict[str, float] = {
    LENDERS_NO: 0.1,
    "withdrawal": 0.1,
    "restriction": 0.1,
    "foreign mortgage": 0.04,
    "applies at the counter": 0.1,
    "pays in parts": 0.15,
    "pays too much": 0.06,
    "pays once more": 0.06,
    "a stranger pays": 0.06,
    "pays without the case's number": 0.06,
    "the seller pays": 0.03,
    "the borrower settles himself": 0.06,
}
UNUSUAL: dict[str, Callable[[People, Sale], bool]] = {
    LENDERS_NO: take_back,
    "withdrawal": People.withdraw,
    "restriction": People.restrict,
    "restriction lifted": People.lift,
    "foreign mortgage": People.mortgage,
    "applies at the counter": People.apply_at_the_counter,
    "pays in parts": lambda people, sale: False,
    "pays too much": lambda people, sale: False,
    "pays once more": People.again,
    "a stranger pays": People.stranger,
    "pays without the case's number": People.nameless,
    "the seller pays": People.seller_pays,
    "the borrower settles himself": People.settles_himself,
}
"""What is unusual, with its chance in each sale."""


def _period(name: str, whose: Role, days: int, count: Days) -> Period:
    return Period(name=name, whose=whose, days=days, count=count, clause="X-3", source=Source.PRACTICE)


PERIODS = (
    _period("down-payment", Role.ESCROW, 3, Days.CALENDAR),
    _period("loan-decision", Role.BUYER_BANK, 4, Days.WORKING),
    _period("disbursement", Role.BUYER_BANK, 2, Days.WORKING),
    _period("price", Role.ESCROW, 3, Days.CALENDAR),
    _period("consent", Role.SELLER_BANK, 2, Days.WORKING),
    _period("registration", Role.REGISTRY, 5, Days.WORKING),
    _period("payoff-booking", Role.SELLER_BANK, 1, Days.WORKING),
    _period("release", Role.SELLER_BANK, 2, Days.WORKING),
)
