"""What people do at a lender's desk, and what they read there of a loan: the same at the buyer's bank's and at the fund
centre's. An institution adds its own actions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from contracts.document import Document
from contracts.events.lender import LoanDisbursed
from contracts.events.registry import AdvanceNoticeRegistered
from contracts.values import Day, DocumentNumber, Person
from services.lending.facts import (
    ApplicationMended,
    ContractsSigned,
    LoanAppliedFor,
    LoanDecided,
    LoanWithdrawn,
    ReturnOrdered,
)
from services.lending.views import Answer, Approval, Granted, Lent, OurMortgage, OurNotice
from services.runtime.core.file import Filed
from services.runtime.core.rule import view
from services.runtime.desk.access import Clerk, Here
from services.runtime.desk.actions import (
    Action,
    case_place,
    in_case,
    in_case_on_folio,
    in_case_that_waits,
    of_unmatched_money,
)
from services.runtime.desk.commands import Desk
from services.runtime.desk.problems import Problem
from services.runtime.institution import Institution

BUYER = {"name": "李明轩", "id_number": "371502199109030007"}
RECEIPT = "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11"


def _from_settings(institution: Institution) -> Mapping[str, Any]:
    """What the house itself knows of a loan: the account that it is paid from."""
    account = institution.settings.loan_account
    return {"pays_from": account} if account is not None else {}


ACTIONS = (
    Action(
        command=LoanAppliedFor,
        path="/cases/{case}/loan-application",
        summary="Buyers apply for a loan, holding the contract and the proof of the down payment",
        clause="LC-L2",
        example={
            "procedure": "LC-LOAN",
            "edition": "2023-03-20",
            "unit_number": "371502001001GB00012F00030045",
            "keeper": "liaocheng-notary",
            "contract_number": "LC-HT-000123",
            "applicants": [BUYER],
            "amount_fen": 80_000_000,
            "months": 240,
            "deposit_certificate": "(2026)聊城证提字第0000001号",
            "code": "7K3M-9QXA-0TWZ-5H2D",
        },
        where=in_case_on_folio,
        answers="apply-for-loan",
        fill=_from_settings,
        filled=("pays_from",),
    ),
    Action(
        command=LoanDecided,
        path="/cases/{case}/loan-decision",
        summary="Decide on the loan, or take no part in the case",
        clause="LC-L3, LC-L4",
        example={"approve": True, "amount_fen": 80_000_000},
        where=in_case_that_waits,
        answers="decide-loan",
        looked_up=("pool_ratio_ppm",),
    ),
    Action(
        command=ContractsSigned,
        path="/cases/{case}/contracts",
        summary="Applicants sign the loan contract and the mortgage contract",
        clause="LC-L4",
        example={"signed_by": [BUYER["id_number"]]},
        where=in_case,
        answers="sign-contracts",
    ),
    Action(
        command=LoanWithdrawn,
        path="/cases/{case}/loan-withdrawal",
        summary="Take a yes back",
        clause="X-3",
        example={"because": "The borrower has lost the income that the loan rests on.", "clause": "LC-R2"},
        where=in_case,
    ),
    Action(
        command=ApplicationMended,
        path="/cases/{case}/application/mended",
        summary="What the registry gave the joint application back for has been put right in our part",
        clause="X-3",
        example={"application": "(2026)聊城登申字第0000001号", "mended": "The mortgage contract has its annex now."},
        where=in_case,
        answers="mend-application",
    ),
    Action(
        command=ReturnOrdered,
        path="/cases/{case}/money/return",
        summary="Send money of a case that is no return of our loan back to its payer",
        clause="X-1",
        example={"money": RECEIPT},
        where=in_case,
        answers="return-money",
    ),
    Action(
        command=ReturnOrdered,
        path="/unmatched/{account}/money/return",
        summary="Send money that names no case back to its payer",
        clause="X-1",
        example={"money": RECEIPT},
        where=of_unmatched_money,
        answers="return-money",
    ),
)
"""What can be done at the desk of any lender."""


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True)


class LoanApplication(_Page):
    """What buyers have applied for here."""

    at: datetime
    applicants: tuple[Person, ...]
    amount_fen: int
    months: int
    deposit_certificate: DocumentNumber


class LoanDecision(_Page):
    """What was decided on it; `stands` is false for a no, and for a yes that was taken back."""

    at: datetime
    approve: bool
    stands: bool
    amount_fen: int | None
    because: str
    unsigned: int


class LoanNotice(_Page):
    """The advance notice of our mortgage; `why_not` says why nothing is paid on it, empty where the loan is."""

    certificate: Document | None
    valid_until: Day
    why_not: str


class LoanPage(_Page):
    """A loan from its application to its mortgage, and its money, in fen: `sent_fen` is what the rail has taken,
    `returned_fen` what has come back. What has not come to pass yet is null."""

    case: str
    application: LoanApplication | None
    decision: LoanDecision | None
    loan_contract: Document | None
    mortgage_contract: Document | None
    notice: LoanNotice | None
    disbursed: tuple[LoanDisbursed, ...]
    sent_fen: int
    returned_fen: int
    mortgage_rank: int | None
    mortgage_certificate: Document | None


def lender_desk(*own: Action) -> Desk:
    """A lender's desk: the shared actions, the institution's own, and the page of a loan. One of its own takes the
    place of a shared one at the same path."""
    desk = Desk(*{action.path: action for action in (*ACTIONS, *own)}.values())
    desk.add_api_route(
        "/cases/{case}/loan",
        read_loan,
        methods=["GET"],
        summary="The loan of a case, from its application to its mortgage",
        tags=["reading"],
    )
    return desk


async def read_loan(case: str, _: Clerk, institution: Here) -> LoanPage:
    """404 for a case that is not known here, or in which nobody has applied and nothing was decided."""
    place = await case_place(institution, case)
    subject = await institution.turns.read_subject(place.subject)
    file = subject.file(place.case)
    applied = file.every(LoanAppliedFor)[-1:]
    answer = view(Answer, subject, file)
    if not applied and answer is None:
        raise Problem(404, "no loan", "nobody has applied for a loan in this case here", clause="LC-L2")
    granted, approval = view(Granted, subject, file), view(Approval, subject, file)
    notice, mortgage = view(OurNotice, subject, file), view(OurMortgage, subject, file)
    lent = view(Lent, subject, file)
    said = approval.said.fact if approval is not None else None
    return LoanPage(
        case=place.case,
        application=_application(applied[0]) if applied else None,
        decision=_decision(answer, granted) if answer is not None else None,
        loan_contract=said.loan_contract if said is not None else None,
        mortgage_contract=said.mortgage_contract if said is not None else None,
        notice=_notice(notice.notice.fact, notice) if notice is not None else None,
        disbursed=tuple(f.fact for f in file.every(LoanDisbursed)),
        sent_fen=lent.sent_fen if lent is not None else 0,
        returned_fen=lent.returned_fen if lent is not None else 0,
        mortgage_rank=mortgage.mortgage.rank if mortgage is not None else None,
        mortgage_certificate=mortgage.mortgage.certificate if mortgage is not None else None,
    )


def _application(applied: Filed[LoanAppliedFor]) -> LoanApplication:
    fact = applied.fact
    return LoanApplication(
        at=applied.at,
        applicants=fact.applicants,
        amount_fen=fact.amount_fen,
        months=fact.months,
        deposit_certificate=fact.deposit_certificate,
    )


def _decision(answer: Answer, granted: Granted | None) -> LoanDecision:
    fact = answer.decided.fact
    return LoanDecision(
        at=answer.decided.at,
        approve=fact.approve,
        stands=answer.stands,
        amount_fen=fact.amount_fen,
        because=fact.because,
        unsigned=len(granted.unsigned) if granted is not None else 0,
    )


def _notice(registered: AdvanceNoticeRegistered, ours: OurNotice) -> LoanNotice:
    return LoanNotice(certificate=ours.certificate, valid_until=registered.valid_until, why_not=ours.why_not)
