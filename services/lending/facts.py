"""What people do at the desk of any lender in a sale: the buyer's bank's, and the fund centre's alike.

The words that a lender says are in `contracts.events.lender`; what several facts say together is in `views.py`.
"""

from typing import Annotated

from pydantic import Field, PositiveInt

from contracts.event import Opening
from contracts.values import (
    AccountNumber,
    Clause,
    DocumentNumber,
    Fen,
    IdentityNumber,
    InstitutionName,
    Person,
    PositiveFen,
    UnitNumber,
    VerificationCode,
)
from services.money.facts import ReturnOrdered
from services.runtime.core.facts import Command, OwnFact

LONGEST_MONTHS = 360
"""The longest term of a housing loan in China: 30 years."""

Reason = Annotated[str, Field(min_length=1, max_length=500)]


class LoanAppliedFor(Command, Opening):
    """Buyers apply for a loan, holding the contract and the proof of the down payment (LC-L2). The case need not be
    known here: `keeper` is the escrow that has issued that proof, `deposit_certificate` and `code` are on it.
    `pays_from`: this house's account that the loan would be paid from."""

    unit_number: UnitNumber
    keeper: InstitutionName
    contract_number: str = Field(min_length=1, max_length=64)
    applicants: tuple[Person, ...] = Field(min_length=1)
    amount_fen: PositiveFen
    months: Annotated[PositiveInt, Field(le=LONGEST_MONTHS)]
    deposit_certificate: DocumentNumber
    code: VerificationCode
    pays_from: AccountNumber


class LoanDecided(Command):
    """The lender's decision: a yes names the amount; a no says why and under which clause. It can say no without an
    application: then it takes no part in the case. `pool_ratio_ppm`: of a fund centre's loans to its deposits, in
    millionths, as its desk has read it at that moment."""

    approve: bool
    amount_fen: PositiveFen | None = None
    because: str = ""
    clause: Clause = "LC-L3"
    pool_ratio_ppm: Fen | None = None


class ContractsSigned(Command):
    """These applicants have signed loan contract and mortgage contract (借款合同、抵押合同)."""

    signed_by: tuple[IdentityNumber, ...] = Field(min_length=1)


class LoanWithdrawn(Command):
    """The lender's no after its yes, with the reason and the clause."""

    because: Reason
    clause: Clause


class ApplicationMended(Command):
    """What the registry gave the joint application back for has been put right in the lender's part. `application` is
    the number that the registry named."""

    application: DocumentNumber
    mended: Reason


class ApplicationClosed(OwnFact):
    """The keeper takes nobody into the case any more, where we had asked for our part: what was applied for here is at
    its end."""

    because: str
    clause: Clause


OWN_FACTS: tuple[type[OwnFact], ...] = (
    LoanAppliedFor,
    LoanDecided,
    ContractsSigned,
    LoanWithdrawn,
    ApplicationMended,
    ApplicationClosed,
    ReturnOrdered,
)
