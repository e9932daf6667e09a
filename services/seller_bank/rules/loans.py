"""What the seller's bank does with what belongs to no case: loans as they are imported, money for them.

The same chapter reads the subject of money that names no case, and the series that number this bank's
documents.
"""

from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened
from contracts.events.escrow import PayoffTransferred
from contracts.events.registry import FolioRefused
from contracts.events.seller_bank import PayoffReturned
from services.runtime.core.facts import (
    Alarm,
    PaymentAccepted,
)
from services.runtime.core.file import STANDING, Phase, Refusal
from services.runtime.core.money import Ledger
from services.runtime.core.rule import Across, Chapter, For, Guard, Rule, Says, noted
from services.runtime.core.verdicts import OUTSIDE_A_CASE
from services.seller_bank.books import Books
from services.seller_bank.facts import ConsentDecided, LoanImported, PayoffAsked, sold_by
from services.seller_bank.rules.money import MONEY_GUARDS, MONEY_RULES, MONEY_WAITS
from services.seller_bank.views import SettledWithoutACase

OPEN = Phase.OPEN


def report_a_settled_loan_without_a_case(settled: SettledWithoutACase) -> Says:
    """Civil Code 393: the mortgage ends with the debt, and the register still shows it. Without a case the
    registry is not told from here."""
    loan = settled.book
    what = f"loan {loan.terms.loan_number} is settled and no case is open on its home"
    why = f"apply at the registry to release {loan.imported.mortgage_certificate}"
    yield Alarm(what=what, why=why, clause="Civil Code 393")


def tell_the_case_what_goes_back(
    accepted: PaymentAccepted, ledger: Ledger, transfers: Across[PayoffTransferred]
) -> Says:
    """X-1: money of a case that a clerk had to find a loan for goes back under that case, as its sender knows
    it."""
    order = ledger.order(accepted.payment)
    for receipt in ledger.receipts:
        if order is None or receipt.id != order.pay.about:
            continue
        for sent in transfers:
            if sent.fact.rail_transfer == receipt.fact.rail_transfer:
                word = PayoffReturned(
                    amount_fen=order.pay.amount_fen,
                    to_account=order.pay.to_account,
                    rail_transfer=accepted.rail_transfer,
                )
                yield For(sent.case, word)


def refuse_a_quote_outside_a_case(asked: PayoffAsked) -> Refusal | None:
    """LC-L6: the statement is made for a case, and its escrow pays by it."""
    return Refusal("no case", "a payoff statement is asked for in its case", "LC-L6")


def refuse_a_decision_outside_a_case(decided: ConsentDecided) -> Refusal | None:
    """LC-F2: the bank consents to one sale, in its case."""
    return Refusal("no case", "consent is decided in its case", "LC-F2")


def refuse_other_terms(imported: LoanImported, books: Books) -> Refusal | None:
    """LC-R2: a loan's terms stand as they were handed in; handing in the same again changes nothing."""
    number = imported.terms.loan_number
    for book in books.loans:
        if book.terms.loan_number == number and not book.imported.same_loan(imported):
            return Refusal("other terms", f"loan {number} is on file with other terms", "LC-R2")
    return None


def refuse_a_second_loan(
    imported: LoanImported,
    books: Books,
    cases: Across[CaseOpened],
    ends: Across[CaseCompleted | CaseCancelled | FolioRefused],
) -> Refusal | None:
    """LC-R2: one loan at a time is open on a folio, and none is exchanged while its home is being sold: money
    and quotes name no loan, and must not be taken for another one's."""
    number = imported.terms.loan_number
    if not books.loans or any(book.terms.loan_number == number for book in books.loans):
        return None
    former = books.loans[-1]
    if not former.settled:
        detail = f"loan {former.terms.loan_number} on this folio is not settled"
        return Refusal("another loan is open", detail, "LC-R2")
    over = {end.case for end in ends}
    live = [case.case for case in cases if case.case not in over and sold_by(case.fact, former.imported)]
    if live:
        detail = f"the home is being sold in case {live[0]}, over loan {former.terms.loan_number}"
        return Refusal("a sale is under way", detail, "LC-R2")
    return None


RULES = (
    Rule(report_a_settled_loan_without_a_case, per=SettledWithoutACase),
    Rule(tell_the_case_what_goes_back, per=PaymentAccepted),
    *MONEY_RULES,
)

UNEXPECTED = (
    noted(ConsentDecided, OPEN, "a guard refuses it: it belongs in a case"),
    *OUTSIDE_A_CASE,
)

LOANS = Chapter(
    STANDING,
    RULES,
    UNEXPECTED,
    guards=(
        Guard(refuse_other_terms),
        Guard(refuse_a_second_loan),
        Guard(refuse_a_quote_outside_a_case),
        Guard(refuse_a_decision_outside_a_case),
        *MONEY_GUARDS,
    ),
    waits=MONEY_WAITS,
)
