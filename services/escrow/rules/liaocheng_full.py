"""What the escrow does in Liaocheng only where the price is paid in full (聊自然资规发〔2023〕6号 二（一）)."""

from contracts.document import Document
from contracts.events.case import CaseCompleted, CaseOpened
from contracts.events.escrow import DepositConfirmed, MoneyKind
from contracts.events.registry import TransferRegistered
from services.escrow.applications import ReadyToApply
from services.escrow.deposits import AllPaidOut, OwnPartHeld
from services.escrow.facts import SaleBrought
from services.escrow.payoff import LoanSettled, OldMortgageGone, PayableQuote, Remaining
from services.escrow.rules.liaocheng import PRICE_CERTIFICATE, application_of, balance_of, payoff_of
from services.runtime.core.rule import Says


def certify_the_price(_: CaseOpened, held: OwnPartHeld) -> Says:
    """LC-F1 将购房款提交至公证机构提存账户，由公证机构出具购房款到账提存公证书。
    X-5: issued with its number, to be checked online."""
    yield DepositConfirmed(
        kind=MoneyKind.PRICE,
        amount_fen=held.amount_fen,
        certificate=Document.wanted(*PRICE_CERTIFICATE),
        price_complete=True,
    )


def apply_for_the_transfer(sale: SaleBrought, opened: CaseOpened, ready: ReadyToApply) -> Says:
    """LC-F3 买卖双方持买卖协议（合同）、卖方贷款银行出具的同意“带押过户”意见书，向不动产登记部门申请不动产转移登记。
    X-5: the application is issued with its number, to be checked online."""
    yield application_of(sale, opened, ready)


def repay_the_sellers_bank(sale: SaleBrought, _: TransferRegistered, payable: PayableQuote) -> Says:
    """LC-F4 买方领取不动产权证书，信息共享至公证机构，并由公证机构将房款转移至卖方贷款银行。"""
    yield payoff_of(sale, payable.quote, "LC-F4")


def pay_the_seller(sale: SaleBrought, settled: LoanSettled, remaining: Remaining) -> Says:
    """LC-F4 并由公证机构将房款转移至卖方贷款银行、卖方账户。 The seller's part waits until the bank's is booked."""
    yield from balance_of(sale, settled, remaining, "LC-F4")


def complete_the_case(registered: TransferRegistered, _: LoanSettled, __: OldMortgageGone, paid: AllPaidOut) -> Says:
    """LC-F4 贷款结清后，卖方贷款银行申请解除抵押登记，买卖双方交易登记完成。"""
    yield CaseCompleted(ownership_certificate=registered.ownership_certificate, money=paid.statement)
