"""What the escrow does in Liaocheng only where the buyer borrows (聊自然资规发〔2023〕6号 二（二）)."""

from contracts.document import Document
from contracts.events.case import CaseCompleted, CaseOpened
from contracts.events.escrow import DepositConfirmed, MoneyKind
from contracts.events.registry import TransferRegistered
from services.escrow.applications import ReadyForTheNotice, ReadyForTheRegistration
from services.escrow.deposits import AllPaidOut, BanksLoanHeld, FundsLoanHeld, LoanHeld, OwnPartHeld
from services.escrow.facts import SaleBrought
from services.escrow.lenders import Rejection, TooMuchLent
from services.escrow.payoff import LoanSettled, OldMortgageGone, PayableQuote, Remaining
from services.escrow.rules.liaocheng import CERTIFICATES, application_of, balance_of, payoff_of
from services.runtime.core.facts import Alarm
from services.runtime.core.rule import Says, Waiting

DOWN_PAYMENT_CERTIFICATE = ("首付款到账提存公证书", CERTIFICATES)
LOAN_CERTIFICATE = ("贷款资金到账提存公证书", CERTIFICATES)


def certify_the_down_payment(_: CaseOpened, held: OwnPartHeld) -> Says:
    """LC-L1 将买方首付款提交至公证机构提存账户，由公证机构出具首付款到账提存公证书；
    X-5: issued with its number, to be checked online."""
    yield DepositConfirmed(
        kind=MoneyKind.DOWN_PAYMENT,
        amount_fen=held.amount_fen,
        certificate=Document.wanted(*DOWN_PAYMENT_CERTIFICATE),
        price_complete=False,
    )


def report_loans_that_are_too_much(much: TooMuchLent) -> Says:
    """LC-L4: the mortgages are registered for just what the down payment leaves of the price; a lender must lower its
    loan, or step back."""
    yield Alarm(
        what=f"loans of {much.approved_fen} fen are approved, {much.needed_fen} fen are needed",
        why=f"nothing can be applied for; ask the lenders: {', '.join(much.contracts)}",
        clause="LC-L4",
    )


def apply_for_the_notice(sale: SaleBrought, opened: CaseOpened, ready: ReadyForTheNotice) -> Says:
    """LC-L4 由买卖双方及买方贷款银行持房屋买卖协议、借（贷）款合同、抵押合同及卖方贷款银行同意带押过户意见书
    向不动产登记部门申请办理不动产转移预告登记和抵押权预告登记；
    X-5: the application is issued with its number, to be checked online."""
    yield application_of(sale, opened, ready)


def certify_the_banks_loan(_: CaseOpened, held: BanksLoanHeld) -> Says:
    """LC-L5 将买方贷款资金转至公证机构提存账户，由公证机构出具贷款资金到账提存公证书。
    X-5: issued with its number, to be checked online."""
    yield certificate_of(held)


def certify_the_funds_loan(_: CaseOpened, held: FundsLoanHeld) -> Says:
    """LC-R3 预告登记后即放款: the centre's money comes on the notices as the bank's does, and is certified alike.
    X-5: issued with its number, to be checked online."""
    yield certificate_of(held)


def certificate_of(held: LoanHeld) -> DepositConfirmed:
    """The verb of certifying a lender's money."""
    return DepositConfirmed(
        kind=MoneyKind.LOAN,
        lender=held.loan.lender[1],
        amount_fen=held.loan.amount_fen,
        certificate=Document.wanted(*LOAN_CERTIFICATE),
        price_complete=held.price_complete,
    )


def apply_for_the_registration(sale: SaleBrought, opened: CaseOpened, ready: ReadyForTheRegistration) -> Says:
    """LC-L5 买卖双方与买方贷款银行，向不动产登记部门申请不动产转移登记及抵押登记。
    LC-R3 实现贷款资金的到账与转移登记手续同步办理: a fund loan is not waited for.
    X-5: the application is issued with its number, to be checked online."""
    yield application_of(sale, opened, ready)


def repay_the_sellers_bank(sale: SaleBrought, _: TransferRegistered, payable: PayableQuote) -> Says:
    """LC-L6 公证机构根据应还款余额证明将卖方未偿还贷款转至卖方贷款银行。"""
    yield payoff_of(sale, payable.quote, "LC-L6")


def pay_the_seller(sale: SaleBrought, settled: LoanSettled, _: OldMortgageGone, remaining: Remaining) -> Says:
    """LC-L7 卖方贷款银行解除卖方抵押登记后，信息共享至公证机构，并由公证机构将剩余房款转至卖方账户。"""
    yield from balance_of(sale, settled, remaining, "LC-L7")


def complete_the_case(registered: TransferRegistered, _: LoanSettled, __: OldMortgageGone, paid: AllPaidOut) -> Says:
    """LC-L7 买卖双方交易登记完成。"""
    yield CaseCompleted(ownership_certificate=registered.ownership_certificate, money=paid.statement)


# --- what waits for a person ------------------------------------------------------------------------------------------


def a_rejection_wants_an_answer(_: CaseOpened, rejection: Rejection) -> Waiting | None:
    """LC-L3 若贷款审核未通过，由公证机构将首付款返还至买方账户，买卖双方交易取消: or the buyer asks another bank."""
    if rejection.applied or rejection.answer is not None:
        return None
    return Waiting("answer-rejection", "LC-L3", f"another bank, or call the sale off: {rejection.no.because}")
