"""What the seller's bank does in Liaocheng where the buyer borrows (聊自然资规发〔2023〕6号 二（二）): the sentences of
both modes, and in place of two of them those that wait for the loan.
"""

from contracts.events.case import CaseOpened, JoinRefused, PartyJoined
from contracts.events.lender import LoanApproved, LoanRejected
from contracts.events.registry import AdvanceNoticeRegistered
from services.runtime.core.file import Filed, Phase
from services.runtime.core.rule import Chapter, Rule, Says, Wait, Waiting, noted
from services.seller_bank.books import CaseLoan
from services.seller_bank.facts import Articles, ConsentDecided
from services.seller_bank.rules.liaocheng import RULES, UNEXPECTED, WAITS, decide_on_consent, issue_the_consent
from services.seller_bank.rules.liaocheng_guards import LOAN_GUARDS
from services.seller_bank.rules.periods import rest_until_a_loan_stands_again, start_the_consent_period_with_the_loan
from services.seller_bank.views import ConsentAwaited, ConsentUnasked

OVER = (Phase.CLOSING, Phase.ENDED)


def issue_the_consent_to_a_loan(decided: Filed[ConsentDecided], loan: CaseLoan, _: LoanApproved) -> Says:
    """LC-L4 若贷款审核通过，通知卖方贷款银行出具同意“带押过户”意见书；
    X-5: issued with its number, to be checked online."""
    yield from issue_the_consent(decided, loan)


def decide_on_consent_to_a_loan(
    awaited: ConsentAwaited, opened: CaseOpened, loan: CaseLoan | None, articles: Articles
) -> Waiting | None:
    """LC-L4: a loan is approved, and the seller's bank is told; LC-L3: without one there is nothing to decide."""
    return decide_on_consent(opened, None, loan, articles)


LOAN_UNEXPECTED = (
    noted(PartyJoined, tuple(Phase), "it tells who hears what the bank says"),
    noted(JoinRefused, tuple(Phase), "whoever asked has no part, as before; only that lender hears it"),
    noted(
        AdvanceNoticeRegistered, tuple(Phase), "the old mortgage stands as before; its debt is stated after the entry"
    ),
    noted(LoanApproved, OVER, "nothing is decided any more"),
    noted(LoanRejected, OVER, "nothing is decided any more"),
)

LOAN = Chapter(
    "LC-LOAN",
    (
        Rule(issue_the_consent_to_a_loan, per=ConsentDecided),
        Rule(start_the_consent_period_with_the_loan, per=ConsentAwaited),
        Rule(rest_until_a_loan_stands_again, per=ConsentUnasked),
        *RULES,
    ),
    (*UNEXPECTED, *LOAN_UNEXPECTED),
    guards=LOAN_GUARDS,
    waits=(Wait(decide_on_consent_to_a_loan), *WAITS),
)
