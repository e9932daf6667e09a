"""A sale with a loan as the registry's tests have it: who lends how much, and each step up to the entry.

The words are those of `tests.support.loan`; each helper takes the fields that a test wants otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.event import Role
from contracts.events.case import CaseOpened
from contracts.events.escrow import DepositConfirmed, MoneyKind, TransferApplicationMade
from contracts.events.lender import LoanApproved, MortgageApplicationMade
from contracts.events.registry import AdvanceNoticeRegistered, Owner, Stage, TransferRegistered
from contracts.values import DocumentNumber
from services.registry.applications import counter_number
from services.registry.facts import Decision, Material, RegistrationDecided, TransferAppliedFor
from services.registry.notices import NOTICE_PERIOD
from services.runtime.core.facts import PeriodPassed, PeriodStarted
from services.runtime.core.turn import Turn
from tests.rules import registry_cases as home
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import Bench

Lending = Mapping[tuple[Role, str], int]

BANK, FUND, NOTARY, SELLERS_BANK = loan.LENDER, loan.FUND, lc.NOTARY, lc.BANK
BANK_FEN = loan.LOAN_FEN - loan.FUND_FEN  # where the fund centre lends beside it
ALONE: Lending = {BANK: loan.LOAN_FEN}
FUND_ALONE: Lending = {FUND: loan.LOAN_FEN}
TOGETHER: Lending = {BANK: BANK_FEN, FUND: loan.FUND_FEN}
CASE = home.FIRST
COUNTER = counter_number(CASE, 1)
NUMBERS = {BANK: 21, FUND: 51}  # of a lender's loan contract; its other papers follow from it

NOTICE, REGISTRATION = Stage.NOTICE, Stage.REGISTRATION
FOR_THE_NOTICE = (Material.CONTRACT, Material.CONSENT, Material.DOWN_PAYMENT_CERTIFICATE)
FOR_THE_ENTRY = (*FOR_THE_NOTICE, Material.LOAN_CERTIFICATE, Material.TRANSFER_NOTICE)


def with_folio(bench: Bench | None = None, **changes: Any) -> Bench:
    """A registry with the seller's folio: the seller owns it whole, the seller's bank has the one mortgage."""
    bench = bench or home.registry()
    owners = (Owner(person=lc.SELLER, share=lc.WHOLE),)
    bench.standing(home.folio(**{"owners": owners, "mortgages": (home.mortgage(lc.MORTGAGE),), **changes}))
    return bench


def opened(lending: Lending = ALONE, **changes: Any) -> CaseOpened:
    """The opening, which names these lenders; it pins no period unless a test does."""
    return loan.opened(**{"institutions": {**lc.INSTITUTIONS, **dict(lending.keys())}, **changes})


def approved(lender: tuple[Role, str] = BANK, amount_fen: int = loan.LOAN_FEN, n: int = 0) -> LoanApproved:
    """A lender's yes; `n` tells its contracts from those of a yes before it."""
    return loan.approved(amount_fen, n=NUMBERS[lender] + n)


def applied(stage: Stage = NOTICE, n: int = 1, lending: Lending = ALONE, **changes: Any) -> TransferApplicationMade:
    """The notary's n-th application, with the certificates that are due by then."""
    certificates = [loan.CERTIFICATE.number]
    if stage is REGISTRATION and BANK in lending:
        certificates.append(certificate(BANK))
    notice = notice_of_the_transfer(lending) if stage is REGISTRATION else None
    fields: dict[str, Any] = {"round": n, "deposit_certificates": tuple(certificates), "notice": notice}
    return loan.transfer_application(stage, application_place(stage, n), **{**fields, **changes})


def application_place(stage: Stage, n: int) -> int:
    """The place of the notary's n-th application of a stage in its series."""
    return (200 if stage is NOTICE else 300) + n


def number(stage: Stage = NOTICE, n: int = 1) -> DocumentNumber:
    """The number of the notary's n-th application of a stage."""
    return lc.document("不动产登记申请书", application_place(stage, n)).number


def of_the_series(n: int) -> DocumentNumber:
    """The n-th certificate of the registry's series for notices and mortgages."""
    return DocumentNumber(f"鲁(2026)聊城市不动产证明第{n:07d}号")


def notice_of(lender: tuple[Role, str], lending: Lending) -> DocumentNumber:
    """The number of a lender's notice, where the lenders apply in the order of `lending`: they come first."""
    return of_the_series(list(lending).index(lender) + 1)


def notice_of_the_transfer(lending: Lending) -> DocumentNumber:
    """The number of the transfer's notice: it comes after the lenders'."""
    return of_the_series(len(lending) + 1)


def part(
    lender: tuple[Role, str] = BANK, stage: Stage = NOTICE, n: int = 1, lending: Lending = ALONE, **changes: Any
) -> MortgageApplicationMade:
    """A lender's part of the n-th round."""
    yes = approved(lender)
    fields: dict[str, Any] = {
        "round": n,
        "amount_fen": lending[lender],
        "loan_contract": yes.loan_contract.number,
        "mortgage_contract": yes.mortgage_contract.number,
        "notice": notice_of(lender, lending) if stage is REGISTRATION else None,
    }
    place = NUMBERS[lender] * 100 + (0 if stage is NOTICE else 50) + n
    return loan.mortgage_application(stage, n=place, **{**fields, **changes})


def certificate(lender: tuple[Role, str]) -> DocumentNumber:
    """The number of the escrow's certificate for a lender's loan."""
    return lc.document("贷款资金到账提存公证书", NUMBERS[lender] + 200).number


def loan_held(lender: tuple[Role, str] = BANK, *, complete: bool = True) -> DepositConfirmed:
    """A lender's loan has arrived; `complete`: with it the price is."""
    n = NUMBERS[lender] + 200
    return loan.certified(MoneyKind.LOAN, lender[1], price_complete=complete, n=n)


def counter(stage: Stage = NOTICE, **changes: Any) -> TransferAppliedFor:
    """The people apply themselves, with all materials."""
    fields: dict[str, Any] = {
        "by_clerk": "Li",
        "sellers": (lc.SELLER,),
        "buyers": (lc.BUYER,),
        "contract_number": loan.opened().contract_number,
        "materials": FOR_THE_NOTICE if stage is NOTICE else FOR_THE_ENTRY,
        "stage": stage,
    }
    return TransferAppliedFor.model_validate({**fields, **changes})


def decided(decision: Decision = Decision.APPROVE, about: DocumentNumber | None = None) -> RegistrationDecided:
    """Registrar Zhao decides the joint application that this one leads, the notary's first unless another is named."""
    return home.decided(decision, about or number())


def approve(bench: Bench, stage: Stage = NOTICE, n: int = 1) -> Turn:
    """The registrar approves the joint application that the notary's n-th leads."""
    return bench.own(decided(about=number(stage, n)))


# --- the way through, step by step --------------------------------------------------------------------------


def agreed(bench: Bench | None = None, lending: Lending = ALONE, **changes: Any) -> Bench:
    """The case is opened, the down payment is held, the loans are approved, the seller's bank consents."""
    bench = bench or with_folio()
    bench.hear(opened(lending, **changes), NOTARY)
    bench.hear(loan.certified(), NOTARY)
    for lender, amount_fen in lending.items():
        bench.hear(approved(lender, amount_fen), lender)
    bench.hear(lc.consent(), SELLERS_BANK)
    return bench


def all_applied(bench: Bench, lending: Lending = ALONE, stage: Stage = NOTICE, n: int = 1) -> Bench:
    """The notary and every lender apply, in the n-th round."""
    bench.hear(applied(stage, n, lending), NOTARY)
    lenders_applied(bench, lending, stage, n)
    return bench


def lenders_applied(bench: Bench, lending: Lending = ALONE, stage: Stage = NOTICE, n: int = 1) -> None:
    """Every lender makes its part."""
    for lender in lending:
        bench.hear(part(lender, stage, n, lending), lender)


def noticed(bench: Bench | None = None, lending: Lending = ALONE, **changes: Any) -> Bench:
    """The notices are registered."""
    bench = all_applied(agreed(bench, lending, **changes), lending)
    approve(bench)
    return bench


def paid(bench: Bench | None = None, lending: Lending = ALONE, **changes: Any) -> Bench:
    """The loans are held, and with the last of them the price is complete."""
    bench = noticed(bench, lending, **changes)
    for lender in lending:
        bench.hear(loan_held(lender, complete=lender == list(lending)[-1]), NOTARY)
    return bench


def ready(bench: Bench | None = None, lending: Lending = ALONE, **changes: Any) -> Bench:
    """Everything is on file for the registrar to approve the entry."""
    return all_applied(paid(bench, lending, **changes), lending, REGISTRATION)


def entered(bench: Bench | None = None, lending: Lending = ALONE, **changes: Any) -> Bench:
    """Ownership and mortgages are entered."""
    bench = ready(bench, lending, **changes)
    approve(bench, REGISTRATION)
    return bench


def closed(bench: Bench | None = None, lending: Lending = ALONE) -> Bench:
    """The notices are registered, and the case is called off."""
    bench = noticed(bench, lending)
    bench.hear(home.closing(), NOTARY)
    return bench


# --- reading ------------------------------------------------------------------------------------------------


def notices(bench: Bench) -> AdvanceNoticeRegistered:
    """What was said of the notices; fails unless it was said once."""
    (said,) = bench.said(AdvanceNoticeRegistered)
    return said


def transfer(bench: Bench) -> TransferRegistered:
    """What was said of the entry; fails unless it was said once."""
    (said,) = bench.said(TransferRegistered)
    return said


def waits(bench: Bench) -> list[tuple[str, str, str]]:
    """What waits for a registrar: action, clause, application."""
    return [(row.data["action"], row.data["clause"], row.data["about"]) for row in bench.rows("wait")]


def names(bench: Bench) -> Sequence[str]:
    """What it has said in the case, without the reservation that comes first."""
    return bench.conversation()[1:]


def period_passed(bench: Bench, due: home.Day = loan.VALID_UNTIL) -> Turn:
    """The clock finds the notices' period over."""
    (started,) = (s for s in bench.file(PeriodStarted) if s.fact.period == NOTICE_PERIOD)
    return bench.own(PeriodPassed(started=started.id, name=NOTICE_PERIOD.name, due=due))
