"""A sale as one YAML file has it: what people bring to which desk, and what they decide there.

The desks check what they are given; here only that the file is complete and that its values have their form.
`examples/liaocheng-loan.yaml` shows every part.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from contracts.event import Role
from contracts.events.case import DepositAccount, Party
from contracts.events.registry import Owner
from contracts.identity import Person
from contracts.period import Period
from contracts.values import AccountNumber, Day, DocumentNumber, Fen, InstitutionName, PositiveFen, UnitNumber

DAYS_AGO = "days_ago"
CHINA_AHEAD_OF_UTC = timedelta(hours=8)
LONGEST_AGO_DAYS = 40_000


class BadSaleFile(ValueError):
    """The file is no sale. The text says where, and why; one line."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Sale(_Part):
    """What buyer and seller bring to the escrow (LC-F1, LC-L1)."""

    procedure: str
    edition: str
    unit_number: UnitNumber
    institutions: dict[Role, InstitutionName]
    contract_number: str
    contract_date: Day
    price_fen: PositiveFen
    down_payment_fen: PositiveFen | None = None
    sellers: tuple[Party, ...] = Field(min_length=1)
    buyers: tuple[Party, ...] = Field(min_length=1)
    deposit_account: DepositAccount
    periods: tuple[Period, ...] = ()


class RegisteredMortgage(_Part):
    """A mortgage in the existing register."""

    certificate: DocumentNumber
    mortgagee: str
    rank: int
    principal_fen: PositiveFen
    no_transfer_clause: bool
    since: Day


class Folio(_Part):
    """The folio as it stands in the existing register."""

    ownership_certificate: DocumentNumber
    owners: tuple[Owner, ...] = Field(min_length=1)
    mortgages: tuple[RegisteredMortgage, ...] = ()
    restrictions: tuple[dict[str, Any], ...] = ()
    notices: tuple[dict[str, Any], ...] = ()


class Loan(_Part):
    """The seller's loan; its terms are checked by the bank's desk."""

    mortgage_certificate: DocumentNumber
    borrowers: tuple[Person, ...] = Field(min_length=1)
    settlement_account: AccountNumber
    no_transfer_clause: bool
    terms: dict[str, Any]


class RailAccount(_Part):
    """An account at the payment rail, and what is on it at first."""

    account: AccountNumber
    owner: str
    opening_fen: Fen


class PayIn(_Part):
    """One transfer of a buyer into the deposit account."""

    from_account: AccountNumber
    amount_fen: PositiveFen


class LoanSought(_Part):
    """Where buyers turn to for a loan, once they hold the proof of the down payment (LC-L2), and what the lender makes
    of it: `decision` as its desk takes it, by default a yes, and a yes by default to the whole amount; `examination`:
    what the fund centre finds of the borrowers."""

    lender: Literal[Role.BUYER_BANK, Role.FUND_CENTER]
    institution: InstitutionName
    amount_fen: PositiveFen
    months: PositiveInt
    applicants: tuple[Person, ...] = Field(min_length=1)
    examination: dict[str, Any] = Field(default_factory=dict[str, Any])
    decision: dict[str, Any] = Field(default_factory=dict[str, Any])


Action = Literal["decide-consent", "decide-registration", "answer-rejection"]


class SaleFile(_Part):
    """The whole file; `people` only holds what other parts refer to. `pool`: the provident fund's figures."""

    people: dict[str, Person] = Field(default_factory=dict[str, Person])
    sale: Sale
    register_: Folio = Field(alias="register")
    loan: Loan
    rail: tuple[RailAccount, ...] = ()
    payments: tuple[PayIn, ...] = ()
    loans: tuple[LoanSought, ...] = ()
    pool: dict[str, Any] = Field(default_factory=dict[str, Any])
    decisions: dict[Action, dict[str, Any]] = Field(default_factory=dict[Action, dict[str, Any]])

    @property
    def institutions(self) -> dict[Role, InstitutionName]:
        """Everybody who takes part: those known at the opening, and the lenders that the buyers turn to."""
        return {**self.sale.institutions, **{loan.lender: loan.institution for loan in self.loans}}

    def loan_at(self, lender: Role) -> LoanSought | None:
        """The loan that is sought at this lender."""
        return next((loan for loan in self.loans if loan.lender is lender), None)

    @model_validator(mode="after")
    def _one_loan_of_each_lender(self) -> Self:
        named = [loan.lender for loan in self.loans]
        if len(named) != len(set(named)):
            raise PydanticCustomError("loans", "loans: at most one of each kind of lender")
        return self


def load_sale(path: Path, now: datetime) -> SaleFile:
    """The sale in the file at `path`, its days counted back from the day that `now` (aware) is in China.

    Raises BadSaleFile, also where the file cannot be read.
    """
    try:
        raw: object = yaml.safe_load(path.read_text(encoding="utf-8"))
        today = (now.astimezone(UTC) + CHINA_AHEAD_OF_UTC).date()
        # By JSON, so that the strict values read what a desk would read.
        return SaleFile.model_validate(with_days(raw, today), by_alias=True)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSaleFile(f"{path}: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)[0]
        named = (str(part) for part in found["loc"])
        where = ".".join(part for part in named if "[" not in part) or "the file"  # pydantic's own names have brackets
        raise BadSaleFile(f"{path}: {where}: {found['msg']}") from error


def with_days(value: object, today: date) -> Any:
    """The same values with each `{days_ago: n}` replaced by the text of the day `n` days before `today`.

    Raises BadSaleFile where `n` is no whole number of days.
    """
    match value:
        case {"days_ago": int() as days, **rest} if not rest and not isinstance(days, bool):
            if not 0 <= days <= LONGEST_AGO_DAYS:
                raise BadSaleFile(f"{DAYS_AGO}: {days} is not from 0 to {LONGEST_AGO_DAYS}")
            return (today - timedelta(days=days)).isoformat()
        case {"days_ago": _}:
            raise BadSaleFile(f"{DAYS_AGO}: stands alone, with a whole number of days")
        case dict():
            return {key: with_days(one, today) for key, one in cast(dict[object, object], value).items()}
        case list():
            return [with_days(one, today) for one in cast(list[object], value)]
        case date():
            return value.isoformat()  # YAML reads 2026-03-20 as a date; on the wire it is text
        case _:
            return value
