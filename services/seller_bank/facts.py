"""The seller's bank's own facts: what its people hand in and decide, and which loan a case is about.

What its account book says of that loan is in `books.py`.
"""

import re
from dataclasses import dataclass

from contracts.event import Event, Role
from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened
from contracts.events.registry import FolioRefused, RegistrationClosed
from contracts.events.seller_bank import ConsentIssued, PayoffQuoted
from contracts.procedures import PROCEDURES
from contracts.values import AccountNumber, Clause, DocumentNumber, Person, UnitNumber
from services.runtime.core.facts import Command, OwnFact
from services.runtime.core.rule import View
from services.seller_bank.loan_terms import LoanTerms


class LoanImported(Command):
    """A loan that a mortgage on this folio secures, as the bank's own system has it. It belongs to the folio,
    not to a case. `no_transfer_clause`: the register says that the home may not be transferred without the
    bank's consent (Civil Code 406); `settlement_account`: where money for the loan arrives, an account whose
    statement is read."""

    terms: LoanTerms
    unit_number: UnitNumber
    borrowers: tuple[Person, ...]
    mortgage_certificate: DocumentNumber
    settlement_account: AccountNumber
    no_transfer_clause: bool = False

    def same_loan(self, other: "LoanImported") -> bool:
        """Whether both say the same of the loan, whoever handed it in."""
        return self.model_dump(exclude={"by_clerk"}) == other.model_dump(exclude={"by_clerk"})


class ConsentDecided(Command):
    """The bank's decision on the transfer with mortgage. A refusal says why and under which clause; where it names
    none, it is the procedure's own on the consent."""

    consents: bool
    because: str = ""
    clause: Clause | None = None


class PayoffAsked(Command):
    """A clerk asks for the payoff statement; its day is the day on which this arrives."""


class MoneyDecided(Command):
    """A clerk decides on money that no rule may book: `money` is the receipt's id. With a unit number it is
    for the loan on that folio, without one it goes back to whoever paid it."""

    money: str
    unit_number: UnitNumber | None = None


Ends = FolioRefused | RegistrationClosed | CaseCompleted | CaseCancelled
"""The words after which nothing new is decided, quoted or booked in a case."""

OWN_FACTS: tuple[type[OwnFact], ...] = (LoanImported, ConsentDecided, PayoffAsked, MoneyDecided)


@dataclass(frozen=True, slots=True)
class Over(View):
    """Nothing is decided or quoted in this case any more; `why` says since which word."""

    why: str

    @classmethod
    def of(
        cls,
        refused: FolioRefused | None,
        closed: RegistrationClosed | None,
        completed: CaseCompleted | None,
        cancelled: CaseCancelled | None,
    ) -> "Over | None":
        """The view of one case's file: the newest stage it has come to."""
        stages = (
            (cancelled, "the case is cancelled"),
            (completed, "the case is completed"),
            (closed, "the registry has closed the case"),
            (refused, "the registry has refused the folio"),
        )
        return next((cls(why) for fact, why in stages if fact is not None), None)


@dataclass(frozen=True, slots=True)
class Articles(View):
    """Under which articles of the case's procedure the bank consents, and states what settles the loan."""

    consent: Clause
    payoff: Clause

    @classmethod
    def of(cls, opened: CaseOpened) -> "Articles":
        """The view of one case's file, as the procedure's steps have it."""
        return cls(_article(opened, ConsentIssued), _article(opened, PayoffQuoted))


def _article(opened: CaseOpened, event: type[Event]) -> Clause:
    found = PROCEDURES[opened.procedure, opened.edition].article(Role.SELLER_BANK, event)
    assert found is not None, f"the seller's bank says no {event.__name__} in {opened.procedure}"
    return found


def sold_by(opened: CaseOpened, loan: LoanImported) -> bool:
    """Whether a borrower of this loan is a seller in this case."""
    return bool(
        {person.id_number for person in loan.borrowers} & {seller.person.id_number for seller in opened.sellers}
    )


def names_case(reference: str, case: str) -> bool:
    """Whether a remittance text names this case, and not merely one whose id begins alike."""
    return re.search(rf"(?<![A-Z0-9-]){re.escape(case)}(?![A-Z0-9-])", reference) is not None
