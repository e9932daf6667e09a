"""What people bring and decide in one LC-LOAN sale, ready to be appended: each a record's data, made once from
examples/liaocheng-loan.yaml and checked by the institutions' own models, then written for the n-th sale by putting that
sale's names in the place of the example's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.envelope import to_data
from contracts.event import Role
from deploy.city import City
from deploy.sales import EXAMPLES
from services.escrow.facts import Paper, SaleBrought, Signed
from services.fund_center.facts import BorrowerExamined, PoolStated
from services.lending.facts import ContractsSigned, LoanAppliedFor, LoanDecided
from services.registry.facts import FolioImported, RegistrationDecided
from services.runtime.core.facts import OwnFact
from services.runtime.rail import Transfer
from services.sale_file import BadSaleFile, LoanSought, SaleFile, load_sale
from services.seller_bank.facts import ConsentDecided, LoanImported, PayoffAsked

PROCEDURE = "LC-LOAN"
CLERK = "benchmark"
UNIT = "371502001001GB00027F00080112"
NUMBER, CODE = "(2026)聊城市公证机构证提字第0000001号", "0123-4567-89AB-CDEF"
"""Where a document's number and its code stand until the document is there."""
PRICE_FEN = 128_000_000
MOST_SALES = 4_000
"""The lenders' accounts are opened with so much, and no more."""

# What in the example names one sale alone, and how it is written for the n-th.
NAMES = (
    (UNIT, "371502001001GB00027F{n:08d}"),
    ("62220216020000", "62{n:012d}"),
    ("第0005678号", "第{n:07d}号"),
    ("第0011223号", "第{n:07d}号"),
    ("LC-HT-000207", "LC-HT-{n:06d}"),
    ("ICBC-LC-2020-0005566", "ICBC-LC-2020-{n:07d}"),
)


@dataclass(frozen=True, slots=True)
class Deed:
    """An own fact of one institution: its kind and its data, with the example's names in it."""

    role: Role
    type_name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Names:
    """What names the n-th sale: its folio, its case, and what takes the place of each name of the example."""

    n: int
    unit: str
    case: str
    put: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, n: int) -> "Names":
        """`n` from 1 on."""
        put = tuple((old.encode(), new.format(n=n).encode()) for old, new in NAMES)
        return cls(n, NAMES[0][1].format(n=n), f"LCL-{n:012X}", put)

    def write(self, data: bytes, number: str = "", code: str = "") -> bytes:
        """The data of a deed for this sale; `number` and `code` of the document that it names, if it names one."""
        for old, new in self.put:
            data = data.replace(old, new)
        return data.replace(NUMBER.encode(), number.encode()).replace(CODE.encode(), code.encode()) if number else data


@dataclass(frozen=True, slots=True)
class Story:
    """The deeds of one sale, by what they wait for."""

    pool: Deed
    imports: tuple[Deed, ...]
    brings: tuple[Deed, ...]  # the sale, then all signatures: at one desk, one after the other
    pay_ins: tuple[Transfer, ...]
    accounts: tuple[tuple[str, str, int], ...]  # of the people at the rail: account, owner, what is on it
    applies: tuple[Deed, ...]
    lends: Mapping[Role, tuple[Deed, ...]]
    consents: Deed
    registers: Deed
    asks_payoff: Deed

    @classmethod
    def of(cls, city: City, now: datetime) -> "Story":
        """From the example, its days counted back from `now` (aware). Raises BadSaleFile, pydantic.ValidationError."""
        file = load_sale(EXAMPLES[PROCEDURE], now)
        house: dict[Role, Mapping[str, Any]] = {one.role: one.settings for one in city.institutions}
        sale = file.sale
        if (sale.price_fen, sale.unit_number) != (PRICE_FEN, UNIT):
            raise BadSaleFile(f"{EXAMPLES[PROCEDURE]}: another sale than the one that is measured")
        periods = house[Role.ESCROW]["periods"]
        brought = {**sale.model_dump(mode="json", exclude_defaults=True), "periods": periods}
        people = [party.person.id_number for party in (*sale.sellers, *sale.buyers)]
        signed = [Signed(by_clerk=CLERK, person=one, paper=paper) for one in people for paper in Paper]
        policy = house[Role.FUND_CENTER]["lending_policy"]
        unit = {"unit_number": UNIT}
        decided = {"application": NUMBER, "decision": "approve"}
        limit = {"limit_ppm": policy["pool_limit_ppm"]}
        return cls(
            pool=_deed(Role.FUND_CENTER, PoolStated, {**file.pool, **limit}),
            imports=(
                _deed(Role.REGISTRY, FolioImported, {**file.register_.model_dump(mode="json"), **unit}),
                _deed(Role.SELLER_BANK, LoanImported, {**file.loan.model_dump(mode="json"), **unit}),
            ),
            brings=(
                _deed(Role.ESCROW, SaleBrought, brought),
                *(_deed(Role.ESCROW, Signed, one.to_json()) for one in signed),
            ),
            pay_ins=_pay_ins(file),
            accounts=tuple((one.account, one.owner, one.opening_fen) for one in file.rail),
            applies=tuple(_applies(file, loan, house[loan.lender]["loan_account"]) for loan in file.loans),
            lends={loan.lender: _lends(loan, policy) for loan in file.loans},
            consents=_deed(Role.SELLER_BANK, ConsentDecided, {"consents": True}),
            registers=_deed(Role.REGISTRY, RegistrationDecided, decided),
            asks_payoff=_deed(Role.SELLER_BANK, PayoffAsked, {}),
        )


def _deed(role: Role, kind: type[OwnFact], values: Mapping[str, Any]) -> Deed:
    """As the institution's desk would write it. Raises pydantic.ValidationError."""
    fact = kind.read(to_data({**values, "by_clerk": CLERK}))
    return Deed(role, kind.type_name, to_data(fact.to_json()))


def _pay_ins(file: SaleFile) -> tuple[Transfer, ...]:
    to = file.sale.deposit_account.account
    return tuple(
        Transfer(
            key=f"pay-in-{n}", from_account=p.from_account, to_account=to, amount_fen=p.amount_fen, reference="购房款"
        )
        for n, p in enumerate(file.payments)
    )


def _applies(file: SaleFile, loan: LoanSought, pays_from: str) -> Deed:
    values = {
        "procedure": file.sale.procedure,
        "edition": file.sale.edition,
        "unit_number": UNIT,
        "keeper": file.sale.institutions[Role.ESCROW],
        "contract_number": file.sale.contract_number,
        "applicants": [person.model_dump(mode="json") for person in loan.applicants],
        "amount_fen": loan.amount_fen,
        "months": loan.months,
        "deposit_certificate": NUMBER,
        "code": CODE,
        "pays_from": pays_from,
    }
    return _deed(loan.lender, LoanAppliedFor, values)


def _lends(loan: LoanSought, policy: Mapping[str, Any]) -> tuple[Deed, ...]:
    """Examined where the lender examines, decided, signed: at one desk, one after the other."""
    fund = loan.lender is Role.FUND_CENTER
    examined = [_deed(loan.lender, BorrowerExamined, {**loan.examination, "policy": policy})] if fund else []
    ratio = {"pool_ratio_ppm": 820_000} if fund else {}
    signed_by = [str(person.id_number) for person in loan.applicants]
    return (
        *examined,
        _deed(loan.lender, LoanDecided, {"approve": True, "amount_fen": loan.amount_fen, **ratio}),
        _deed(loan.lender, ContractsSigned, {"signed_by": signed_by}),
    )
