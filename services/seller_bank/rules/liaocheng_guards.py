"""What a clerk's command may not do at the seller's bank in Liaocheng's two modes of sale. GUARDS is the index, and
LOAN_GUARDS what is more where the buyer borrows."""

from contracts.events.registry import TransferRegistered
from contracts.events.seller_bank import ConsentIssued
from services.runtime.core.file import Filed, Refusal
from services.runtime.core.rule import Guard
from services.seller_bank.books import Books, CaseLoan
from services.seller_bank.facts import Articles, ConsentDecided, LoanImported, Over, PayoffAsked
from services.seller_bank.rules.money import MONEY_GUARDS
from services.seller_bank.views import LoanStands


def refuse_a_decision_too_late(
    decided: ConsentDecided, over: Over | None, former: ConsentDecided | None, articles: Articles
) -> Refusal | None:
    """LC-F2, LC-L4: the bank decides once, and in a case that goes on."""
    if over is not None:
        return Refusal("too late", over.why, "X-3")
    if former is not None:
        word = "consented" if former.consents else "refused"
        return Refusal("decided already", f"the bank has {word} in this case", articles.consent)
    return None


def refuse_a_consent_without_a_loan(
    decided: ConsentDecided, loan: CaseLoan | None, books: Books, articles: Articles
) -> Refusal | None:
    """LC-F2, LC-L4: only the bank of the seller's loan can consent. It can say no without one, or a case opened with
    the wrong bank would wait for ever."""
    if not decided.consents or loan is not None:
        return None
    what = "the loan on this folio is not a seller's" if books.loans else "no loan with this bank is on this folio"
    return Refusal("no loan here", f"{what}: import it, or refuse", articles.consent)


def refuse_a_refusal_without_a_reason(decided: ConsentDecided) -> Refusal | None:
    """X-3: whoever is refused is told why."""
    if decided.consents or decided.because.strip():
        return None
    return Refusal("no reason given", "a refusal says why, and under which clause", "X-3", status=422)


def refuse_a_consent_before_a_loan_is_approved(decided: ConsentDecided, stands: LoanStands | None) -> Refusal | None:
    """LC-L4 若贷款审核通过，通知卖方贷款银行出具同意“带押过户”意见书. A refusal need not wait for it."""
    if not decided.consents or stands is not None:
        return None
    return Refusal("no loan approved", "no lender's approval stands in this case, as far as is known here", "LC-L4")


def refuse_a_quote_before_the_entry(
    asked: PayoffAsked,
    over: Over | None,
    registered: TransferRegistered | None,
    consented: ConsentIssued | None,
    articles: Articles,
) -> Refusal | None:
    """LC-F4, LC-L6: the payoff statement follows the entry of the transfer, in a case that goes on."""
    if over is not None:
        return Refusal("too late", over.why, "X-3")
    if registered is None:
        detail = "the transfer is not registered, as far as is known here"
        return Refusal("not entered yet", detail, articles.payoff)
    if consented is None:
        return Refusal("no consent", "the bank has not issued its consent in this case", articles.consent)
    return None


def refuse_a_quote_of_nothing(asked: PayoffAsked, loan: CaseLoan | None, articles: Articles) -> Refusal | None:
    """LC-F4, LC-L6: what settles the loan is stated only while something is owed."""
    if loan is None:
        detail = "no loan with this bank is on this folio that a seller has borrowed"
        return Refusal("no loan here", detail, articles.payoff)
    if loan.book.settled:
        return Refusal("nothing is owed", f"loan {loan.book.terms.loan_number} is settled", articles.payoff)
    return None


def refuse_a_second_quote(asked: Filed[PayoffAsked], loan: CaseLoan | None) -> Refusal | None:
    """LC-L6: the escrow pays exactly what the statement says; two that stand at a time could both be paid."""
    if loan is None or loan.book.quoted is None:
        return None
    quoted = loan.book.quoted
    if loan.book.payoff(asked.at).as_of > quoted.good_through:
        return None
    detail = f"the one as of {quoted.as_of} is good through {quoted.good_through}, and nothing has come since"
    return Refusal("a statement stands", detail, "LC-L6")


def refuse_an_import_into_a_case(imported: LoanImported) -> Refusal | None:
    """LC-F2: a loan belongs to the folio, not to one case."""
    return Refusal("not in a case", "a loan is imported for its folio, without a case", "LC-F2")


GUARDS = (
    Guard(refuse_a_decision_too_late),
    Guard(refuse_a_consent_without_a_loan),
    Guard(refuse_a_refusal_without_a_reason),
    Guard(refuse_a_quote_before_the_entry),
    Guard(refuse_a_quote_of_nothing),
    Guard(refuse_a_second_quote),
    Guard(refuse_an_import_into_a_case),
    *MONEY_GUARDS,
)

LOAN_GUARDS = (Guard(refuse_a_consent_before_a_loan_is_approved), *GUARDS)
