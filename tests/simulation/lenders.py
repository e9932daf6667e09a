"""What the buyers of a city want to borrow, from whom, and what they and the lenders' clerks do about it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from contracts.event import Role
from services.escrow.facts import RejectionAnswered
from services.fund_center.facts import POOL, BorrowerExamined, Contributor, PoolStated
from services.fund_center.policy import Home as Which
from services.fund_center.policy import LendingPolicy
from services.lending import facts as lending
from services.lending.facts import ContractsSigned, LoanAppliedFor, LoanDecided, LoanWithdrawn
from services.runtime.core.facts import Command
from services.runtime.core.file import STANDING
from services.runtime.core.rows import Row
from tests.simulation.house import House

if TYPE_CHECKING:
    from tests.simulation.people import People, Sale

BANK, OTHER_BANK, FUND = "liaocheng-ccb", "liaocheng-abc", "liaocheng-fund"
DOWN_PAYMENT_FEN = 48_000_000
FUND_FEN = 30_000_000  # of the loans, where the fund centre lends beside a bank
MOST_APPLICATIONS = 3


def _policy() -> LendingPolicy:
    """The city's policy as its settings have it, for people who are old and need much."""
    city: Any = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "liaocheng.yaml").read_text(encoding="utf-8"))
    settings = next(one["settings"] for one in city["institutions"] if one["role"] == Role.FUND_CENTER.value)
    policy = LendingPolicy.model_validate(settings["lending_policy"])
    first_home = policy.first_home.model_copy(update={"most_for_one_fen": 10**9})
    return policy.model_copy(update={"oldest_years": 140, "first_home": first_home, "least_months_contributed": 0})


POLICY = _policy()


@dataclass
class Loan:
    """What a buyer asks one lender for. `wrong`: the first application shows a certificate that nobody issued."""

    lender: str
    amount_fen: int
    wrong: bool
    rejected: bool
    begins_at: int
    applied: int = 0


def loans_of(people: "People", gap_fen: int) -> list[Loan]:
    """Whom a buyer turns to, for how much of what the down payment leaves."""
    chances = people.city.chances
    both = ((BANK, gap_fen - FUND_FEN), (FUND, FUND_FEN))
    asked = chances.city.choice((((BANK, gap_fen),), both, ((FUND, gap_fen),)))
    return [
        Loan(
            lender,
            amount,
            chances.unusual("a wrong certificate", 0.06),
            chances.unusual("loan rejected", 0.08),
            chances.city.choice((0, 0, 30)),
        )
        for lender, amount in asked
    ]


def state_the_pool(people: "People") -> bool:
    """The fund centre's books are handed in."""
    if FUND not in people.city.houses:
        return False
    stated = PoolStated(
        by_clerk="Sun", deposits_fen=10**12, loans_fen=7 * 10**11, as_of=people.city.began.date() - timedelta(days=2),
        limit_ppm=POLICY.pool_limit_ppm,
    )  # fmt: skip
    return people.tell_house(people.city.houses[FUND], stated, STANDING, POOL, "pool")


def turn_to_the_lenders(people: "People", sale: "Sale") -> bool:
    """The buyer shows contract and certificate at a lender's desk; again where that lender was not let in."""
    confirmed = [
        data
        for _, _, data in people.city.auditor.case(sale.case).said.get("DepositConfirmed", ())
        if data["kind"] == "down payment"
    ]
    if not confirmed:
        return False
    return any(
        _apply(people, sale, loan, confirmed[0]["certificate"])
        for loan in sale.loans
        if not loan.applied and (sale.ticks >= loan.begins_at or people.city.chances.calm)
    )


def _apply(people: "People", sale: "Sale", loan: Loan, certificate: dict[str, Any]) -> bool:
    house = people.city.houses[loan.lender]
    if not house.processes:
        return False
    loan.applied += 1
    is_wrong = loan.wrong and loan.applied == 1
    applied = LoanAppliedFor.model_validate(
        {
            "by_clerk": "Chen",
            "procedure": sale.brought.procedure,
            "edition": sale.brought.edition,
            "unit_number": sale.home.unit,
            "keeper": "liaocheng-notary",
            "contract_number": sale.brought.contract_number,
            "applicants": (sale.buyer,),
            "amount_fen": loan.amount_fen,
            "months": 240,
            "deposit_certificate": certificate["number"],
            "code": "0123-4567-89AB-CDEF" if is_wrong else certificate["code"],
            "pays_from": house.settings.loan_account,
        }
    )
    return people.tell_house(house, applied, sale.case, sale.home.unit, f"loan {sale.case} {loan.applied}")


def loan_at(people: "People", house: House, row: Row) -> Loan | None:
    """What the buyer of this case asks this lender for."""
    return next((loan for loan in people.sales[row.case].loans if loan.lender == house.name), None)


def apply_again(people: "People", house: House, row: Row) -> bool:
    """The keeper has not let the lender in, or nobody has applied yet."""
    loan = loan_at(people, house, row)
    if loan is not None and "refused" in row.data["what"] and 0 < loan.applied < MOST_APPLICATIONS:
        _, _, data = people.city.auditor.case(row.case).said["DepositConfirmed"][0]
        return _apply(people, people.sales[row.case], loan, data["certificate"])
    return False


def decide(people: "People", house: House, row: Row) -> Command | bool | None:
    """A lender's clerk decides, mostly yes; where the application is not as it should be, the buyer mends it."""
    loan = loan_at(people, house, row)
    if loan is None:
        return LoanDecided(by_clerk="Chen", approve=False, because="nobody has applied here")
    if loan.wrong and loan.applied == 1 and "; " in row.data["what"]:
        _, _, data = people.city.auditor.case(row.case).said["DepositConfirmed"][0]
        return _apply(people, people.sales[row.case], loan, data["certificate"])
    if loan.rejected:
        return LoanDecided(by_clerk="Chen", approve=False, because="income does not carry the instalments")
    ratio = 700_000 if house.role is Role.FUND_CENTER else None  # its desk looks it up
    return LoanDecided(by_clerk="Chen", approve=True, amount_fen=loan.amount_fen, pool_ratio_ppm=ratio)


def sign_contracts(people: "People", house: House, row: Row) -> Command:
    """The buyer signs."""
    return ContractsSigned(by_clerk="Chen", signed_by=(people.sales[row.case].buyer.id_number,))


def examine(people: "People", house: House, row: Row) -> Command:
    """The fund centre looks at the buyer, who can carry it."""
    buyer = people.sales[row.case].buyer
    return BorrowerExamined.model_validate(
        {
            "by_clerk": "Sun",
            "contributors": (Contributor(id_number=buyer.id_number, balance_fen=10**9, months_without_gap=60),),  # type: ignore[arg-type]
            "home": Which.FIRST,
            "owes_fund_loan": False,
            "monthly_income_fen": 5_000_000,
            "monthly_debts_fen": 0,
            "building_completed": 2020,
            "policy": POLICY,
        }
    )


def answer_rejection(people: "People", house: House, row: Row) -> Command:
    """The buyer turns to the other bank, once, or the sale is off."""
    sale = people.sales[row.case]
    another = people.city.chances.people.random() < 0.7 and all(loan.lender != OTHER_BANK for loan in sale.loans)
    if another:
        said = people.city.auditor.case(row.case).said
        newest = {name: word for word in ("LoanApproved", "LoanRejected") for _, name, _ in said.get(word, ())}
        gone = [loan for loan in sale.loans if newest.get(loan.lender) == "LoanRejected"]
        another = len(gone) == 1 and gone[0].lender == BANK
        if another:
            sale.loans.append(Loan(OTHER_BANK, gone[0].amount_fen, False, False, 0))
    return RejectionAnswered(by_clerk="Li", another_bank=another, because="as the buyer wishes")


def take_back(people: "People", sale: "Sale") -> bool:
    """A lender says no after its yes."""
    loan = sale.loans[people.city.chances.people.randrange(len(sale.loans))]
    fact = LoanWithdrawn(by_clerk="Chen", because="the buyer has lost the job", clause="LC-R2")
    return people.tell_house(people.city.houses[loan.lender], fact, sale.case, sale.home.unit, f"take back {sale.case}")


def mend(people: "People", house: House, row: Row) -> Command:
    """The lender's part of an application is put right."""
    return lending.ApplicationMended(by_clerk="Chen", application=row.data["about"], mended="a legible copy")


def send_back(people: "People", house: House, row: Row) -> Command:
    """Money at a lender that is no return of its loan goes back."""
    return lending.ReturnOrdered(by_clerk="Chen", money=row.data["about"])
