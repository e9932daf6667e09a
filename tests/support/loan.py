"""One home sold in Liaocheng to a buyer who borrows: who lends, and what each institution says on the way beyond a sale
paid in full (tests.support.liaocheng). Figures in fen."""

from datetime import date

from contracts.event import Role
from contracts.events.case import CaseOpened, JoinRefused, PartyJoined
from contracts.events.escrow import DepositConfirmed, MoneyKind, TransferApplicationMade
from contracts.events.lender import (
    JoinRequested,
    LendingEnded,
    LoanApproved,
    LoanDisbursed,
    LoanRejected,
    LoanReturned,
    MortgageApplicationMade,
)
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    NoticedMortgage,
    RankedMortgage,
    Reason,
    RefusalReason,
    RegisteredMortgage,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    Stage,
    TransferRegistered,
)
from contracts.values import DocumentNumber, UnitNumber
from services.escrow.facts import RejectionAnswered, SaleBrought, WithdrawalAgreed
from services.runtime.core.facts import MoneyReceived
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON

PROCEDURE = {"procedure": "LC-LOAN", "edition": "2023-03-20"}
LENDER = (Role.BUYER_BANK, "liaocheng-ccb")
FUND = (Role.FUND_CENTER, "liaocheng-fund")
OTHER_BANK = (Role.BUYER_BANK, "liaocheng-abc")
LENDER_ACCOUNT, FUND_ACCOUNT = "CCB-LC-LOANS", "FUND-LC-LOANS"
LENDERS: dict[Role, str] = dict((LENDER, FUND))
WITH_LENDER: dict[Role, str] = {**lc.INSTITUTIONS, LENDER[0]: LENDER[1]}
WITH_BOTH: dict[Role, str] = {**lc.INSTITUTIONS, **LENDERS}
DOWN_PAYMENT_FEN = 48_000_000
LOAN_FEN = lc.PRICE_FEN - DOWN_PAYMENT_FEN
FUND_FEN = 30_000_000  # of LOAN_FEN, where the fund centre lends beside the bank
VALID_UNTIL = date(2027, 2, 21)  # the 90th day after NOON
MISSING = Reason(reason=RefusalReason.MATERIALS, detail="a page is missing", clause="LC-R1")

CERTIFICATE = lc.document("首付款到账提存公证书", 20)
TRANSFER_NOTICE = lc.document("不动产登记证明", 30)
NOTICES = {LENDER: lc.document("不动产登记证明", 31), FUND: lc.document("不动产登记证明", 32)}
NEW_MORTGAGES = {LENDER: lc.document("不动产登记证明", 41), FUND: lc.document("不动产登记证明", 42)}


def sale(**other: object) -> SaleBrought:
    """The sale as buyer and seller bring it; no lender is known yet."""
    return lc.sale(**{**PROCEDURE, "down_payment_fen": DOWN_PAYMENT_FEN, **other})


def opened(**other: object) -> CaseOpened:
    """The case as the escrow opens it; no lender is known yet."""
    return lc.opened(**{**PROCEDURE, "down_payment_fen": DOWN_PAYMENT_FEN, **other})


def certified(
    kind: MoneyKind = MoneyKind.DOWN_PAYMENT, lender: str | None = None, *, price_complete: bool = False, n: int = 20
) -> DepositConfirmed:
    """The escrow holds one kind of money: the down payment, or the loan of `lender`. `n` numbers its certificate."""
    titles = {MoneyKind.DOWN_PAYMENT: "首付款到账提存公证书", MoneyKind.LOAN: "贷款资金到账提存公证书"}
    amounts = {MoneyKind.DOWN_PAYMENT: DOWN_PAYMENT_FEN, MoneyKind.LOAN: LOAN_FEN}
    return DepositConfirmed(
        kind=kind,
        certificate=lc.document(titles.get(kind, "购房款到账提存公证书"), n),
        price_complete=price_complete,
        lender=lender,
        amount_fen=amounts.get(kind, lc.PRICE_FEN),
    )


def join_requested(**other: object) -> JoinRequested:
    """A lender asks for its part, holding what the buyer has shown it."""
    fields: dict[str, object] = {
        "keeper": lc.NOTARY[1],
        "contract_number": opened().contract_number,
        "deposit_certificate": CERTIFICATE.number,
        "code": CERTIFICATE.code,
    }
    return JoinRequested.model_validate({**fields, **other})


def joined(by: tuple[Role, str] = LENDER) -> PartyJoined:
    """A lender has its part now."""
    return PartyJoined(role=by[0], institution=by[1])


def join_refused(
    by: tuple[Role, str] = LENDER, because: str = "no such certificate", *, final: bool = False
) -> JoinRefused:
    """A lender has no part."""
    return JoinRefused(role=by[0], institution=by[1], because=because, clause="LC-L2", final=final)


def approved(amount_fen: int = LOAN_FEN, pays_from: str = LENDER_ACCOUNT, n: int = 21) -> LoanApproved:
    """A lender's yes, its contracts numbered `n` and `n + 100`."""
    return LoanApproved(
        loan_contract=lc.document("借款合同", n),
        mortgage_contract=lc.document("抵押合同", n + 100),
        amount_fen=amount_fen,
        pays_from=pays_from,
    )


def rejected(because: str = "income does not carry the instalments") -> LoanRejected:
    """A lender's no."""
    return LoanRejected(because=because, clause="LC-L3")


def mortgage_application(
    stage: Stage = Stage.NOTICE, amount_fen: int = LOAN_FEN, n: int = 23, **other: object
) -> MortgageApplicationMade:
    """A lender's part of the joint application, numbered `n`, for the loan of `approved()`."""
    fields: dict[str, object] = {
        "application": lc.document("不动产登记申请书", n),
        "stage": stage,
        "round": 1,
        "contract_number": opened().contract_number,
        "loan_contract": approved().loan_contract.number,
        "mortgage_contract": approved().mortgage_contract.number,
        "consent": lc.consent().opinion.number,
        "amount_fen": amount_fen,
        "debtors": (lc.BUYER,),
        "notice": NOTICES[LENDER].number if stage is Stage.REGISTRATION else None,
    }
    return MortgageApplicationMade.model_validate({**fields, **other})


def transfer_application(stage: Stage = Stage.NOTICE, n: int = 22, **other: object) -> TransferApplicationMade:
    """The leading part of the joint application, numbered `n`, which the escrow makes for buyer and seller."""
    fields: dict[str, object] = {
        "application": lc.document("不动产登记申请书", n),
        "round": 1,
        "sellers": (lc.SELLER,),
        "buyers": (lc.BUYER,),
        "contract_number": opened().contract_number,
        "consent": lc.consent().opinion.number,
        "deposit_certificates": (CERTIFICATE.number,),
        "power_of_attorney": lc.document("授权委托书", 2).number,
        "stage": stage,
        "notice": TRANSFER_NOTICE.number if stage is Stage.REGISTRATION else None,
    }
    return TransferApplicationMade.model_validate({**fields, **other})


def noticed(
    *lenders: tuple[Role, str], application: DocumentNumber | None = None, valid_until: date = VALID_UNTIL
) -> AdvanceNoticeRegistered:
    """The notices of transfer and mortgages are registered; without names for one bank's loan."""
    return AdvanceNoticeRegistered(
        application=application or transfer_application().application.number,
        unit_number=UnitNumber(FOLIO),
        entry_number=2,
        registered_at=NOON,
        valid_until=valid_until,
        transfer=TRANSFER_NOTICE,
        mortgages=tuple(
            NoticedMortgage(role=role, lender=lender, certificate=NOTICES[role, lender])
            for role, lender in lenders or (LENDER,)
        ),
    )


def certificates(notice: AdvanceNoticeRegistered) -> tuple[DocumentNumber, ...]:
    """The numbers of all certificates of these notices."""
    return (notice.transfer.number, *(mortgage.certificate.number for mortgage in notice.mortgages))


def notice_ended(notice: AdvanceNoticeRegistered | None = None) -> AdvanceNoticeEnded:
    """The notices of a closed case are cancelled."""
    return AdvanceNoticeEnded(certificates=certificates(notice or noticed()), entry_number=3)


def notice_lapsed(notice: AdvanceNoticeRegistered | None = None) -> AdvanceNoticeLapsed:
    """The notices have lost their force."""
    ended = certificates(notice or noticed())
    return AdvanceNoticeLapsed(certificates=ended, entry_number=3, lapsed_on=date(2027, 2, 22))


def disbursed(amount_fen: int = LOAN_FEN, by: tuple[Role, str] = LENDER) -> LoanDisbursed:
    """A lender's money is on its way into the deposit account."""
    return LoanDisbursed(
        notice=NOTICES[by].number, amount_fen=amount_fen, to_account=lc.ESCROW_ACCOUNT, rail_transfer="T-LOAN"
    )


def loan_money(amount_fen: int = LOAN_FEN, payer: str = LENDER_ACCOUNT, line: int = 50) -> MoneyReceived:
    """A lender's money on the deposit account, as the escrow's statement has it."""
    return lc.money(amount_fen, payer, line)


def registered(
    *lenders: tuple[Role, str], application: DocumentNumber | None = None, entry_number: int = 3
) -> TransferRegistered:
    """Ownership and the new mortgages are entered, these behind the old one; without names for one bank's loan."""
    old = (RankedMortgage(certificate=lc.MORTGAGE, mortgagee=lc.BANK[1], rank=1),)
    return TransferRegistered(
        application=application or transfer_application(Stage.REGISTRATION, n=24).application.number,
        unit_number=UnitNumber(FOLIO),
        entry_number=entry_number,
        entered_at=NOON,
        ownership_certificate=lc.document("不动产权证书", 4),
        mortgages=old,
        new_mortgages=tuple(
            RegisteredMortgage(role=role, lender=lender, rank=rank, certificate=NEW_MORTGAGES[role, lender])
            for rank, (role, lender) in enumerate(lenders or (LENDER,), 2)
        ),
    )


def returned(application: DocumentNumber) -> RegistrationReturned:
    """The registry gives an application back to be mended."""
    return RegistrationReturned(application=application, reasons=(MISSING,))


def refused(application: DocumentNumber) -> RegistrationRefused:
    """The registry refuses an application for good."""
    return RegistrationRefused(application=application, reasons=(MISSING,))


def closed(because: str = "asked for") -> RegistrationClosed:
    """No entry will ever be made for the case."""
    return RegistrationClosed(because=because)


def lending_ended(sent_fen: int = 0) -> LendingEnded:
    """Nothing more goes out from a lender."""
    return LendingEnded(sent_fen=sent_fen)


def loan_returned(amount_fen: int = LOAN_FEN) -> LoanReturned:
    """A lender has back what it had sent."""
    return LoanReturned(amount_fen=amount_fen)


def withdrawal(because: str = "changed their minds") -> WithdrawalAgreed:
    """Buyer and seller call the sale off together."""
    signed = (lc.SELLER.id_number, lc.BUYER.id_number)
    return WithdrawalAgreed.model_validate({"by_clerk": "Li", "signed_by": signed, "because": because})


def rejection_answered(*, another_bank: bool, because: str = "as the buyer wishes") -> RejectionAnswered:
    """What the buyer does after a lender's no."""
    return RejectionAnswered(by_clerk="Li", another_bank=another_bank, because=because)
