"""What the escrow does in Liaocheng when the price is paid in full (聊自然资规发〔2023〕6号 二（一）). FULL: its index.

No clock, no chance, no numbers, no Kafka, no MongoDB: the same file gives the same words.
"""

from contracts.document import Document
from contracts.event import Role
from contracts.events.case import (
    CaseCancelled,
    CaseCompleted,
    CaseOpened,
    ClosingRequested,
    DeadlineMissed,
    Lateness,
)
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    DepositRefunded,
    MoneyKind,
    PayoffTransferred,
    TransferApplicationMade,
)
from contracts.events.registry import (
    ClosingRefused,
    FolioRefused,
    FolioReserved,
    MortgageReleased,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    TransferRegistered,
)
from contracts.events.seller_bank import (
    ConsentIssued,
    ConsentRefused,
    PayoffCompleted,
    PayoffQuoted,
    PayoffReturned,
)
from contracts.values import DocumentNumber
from services.escrow.facts import (
    AllPaidOut,
    AllSigned,
    ApplicationMended,
    CalledOff,
    Deposits,
    LoanSettled,
    OldMortgageGone,
    Paper,
    PayableQuote,
    PriceHeld,
    ReadyToApply,
    ReasonToCallOff,
    Remaining,
    ReturnOrdered,
    SaleBrought,
    Signed,
    TopUp,
    TopUpHeld,
    UnpayableQuote,
    WithdrawalAgreed,
    missing_signatures,
    split,
)
from services.escrow.rules.liaocheng_guards import GUARDS
from services.runtime.core.facts import (
    Alarm,
    MoneyReceived,
    Pay,
    PaymentAccepted,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
    PeriodEnded,
    PeriodPassed,
    PeriodStarted,
    Purpose,
)
from services.runtime.core.file import Filed, Phase
from services.runtime.core.money import Ledger
from services.runtime.core.periods import kept
from services.runtime.core.rule import All, Chapter, Rule, Says, Wait, Waiting, alarm, noted
from services.runtime.core.verdicts import IN_A_CASE, PERIODS_OF_AN_OPEN_CASE

OPEN, CLOSING, ENDED = Phase.OPEN, Phase.CLOSING, Phase.ENDED
ALWAYS = (OPEN, CLOSING, ENDED)

CERTIFICATE = ("购房款到账提存公证书", "({year}){house}证提字第{n:07d}号")
AGREEMENT = ("提存协议", "({year}){house}提协字第{n:07d}号")
POWER_OF_ATTORNEY = ("授权委托书", "({year}){house}委字第{n:07d}号")
APPLICATION = ("不动产登记申请书", "({year}){house}登申字第{n:07d}号")


# --- the way through --------------------------------------------------------------------------------------------------


def open_the_case(sale: SaleBrought, _: AllSigned) -> Says:
    """LC-F1 买卖双方持房屋买卖协议（合同），到公证机构签订提存协议、授权委托书等文书。
    X-5: both papers are issued with their numbers, to be checked online."""
    yield CaseOpened(
        procedure=sale.procedure,
        edition=sale.edition,
        unit_number=sale.unit_number,
        institutions=sale.institutions,
        contract_number=sale.contract_number,
        contract_date=sale.contract_date,
        sellers=sale.sellers,
        buyers=sale.buyers,
        price_fen=sale.price_fen,
        deposit_account=sale.deposit_account,
        agreement=Document.wanted(*AGREEMENT),
        power_of_attorney=Document.wanted(*POWER_OF_ATTORNEY),
        periods=sale.periods,
    )


def certify_the_price(_: CaseOpened, held: PriceHeld) -> Says:
    """LC-F1 将购房款提交至公证机构提存账户，由公证机构出具购房款到账提存公证书。
    X-5: issued with its number, to be checked online."""
    yield DepositConfirmed(
        kind=MoneyKind.PRICE,
        amount_fen=held.amount_fen,
        certificate=Document.wanted(*CERTIFICATE),
        price_complete=True,
    )


def certify_the_top_up(_: CaseOpened, held: TopUpHeld) -> Says:
    """X-2: a price below the debt cannot settle it, so the seller's own money must lie there beforehand.
    X-5: certified as the price is, with a number of its own."""
    yield DepositConfirmed(
        kind=MoneyKind.TOP_UP,
        amount_fen=held.amount_fen,
        certificate=Document.wanted(*CERTIFICATE),
        price_complete=False,
    )


def return_the_excess(money: Filed[MoneyReceived], sale: SaleBrought, deposits: Deposits) -> Says:
    """X-1: what a buyer pays beyond the price goes back to that buyer."""
    excess = deposits.excess_fen.get(money.id, 0)
    if excess:
        yield _pay(sale, money, excess, Purpose.EXCESS, money.fact.from_account, "X-1")


def report_a_strangers_money(money: Filed[MoneyReceived], _: SaleBrought, deposits: Deposits) -> Says:
    """X-1: money of somebody who is no party pays for nothing; a clerk sends it back."""
    if any(stranger.id == money.id for stranger in deposits.strangers):
        yield Alarm(
            what=f"{money.fact.amount_fen} fen came from an account of nobody in this case (receipt {money.id})",
            why="only buyers, sellers and the seller's bank pay into a case; order its return at the desk",
            clause="X-1",
        )


def send_it_back(order: ReturnOrdered, sale: SaleBrought, received: All[MoneyReceived]) -> Says:
    """X-1: a clerk has ordered the return of money that no article covers."""
    money = next(m for m in received if m.id == order.money)
    yield _pay(sale, money, money.fact.amount_fen, Purpose.REFUND, money.fact.from_account, "X-1")


def apply_for_the_transfer(sale: SaleBrought, opened: CaseOpened, ready: ReadyToApply) -> Says:
    """LC-F3 买卖双方持买卖协议（合同）、卖方贷款银行出具的同意“带押过户”意见书，向不动产登记部门申请不动产转移登记。
    X-5: the application is issued with its number, to be checked online."""
    assert opened.power_of_attorney is not None
    yield TransferApplicationMade(
        application=Document.wanted(*APPLICATION),
        round=ready.round,
        sellers=tuple(party.person for party in sale.sellers),
        buyers=tuple(party.person for party in sale.buyers),
        contract_number=sale.contract_number,
        consent=ready.consent,
        deposit_certificates=ready.certificates,
        power_of_attorney=opened.power_of_attorney.number,
    )


def repay_the_sellers_bank(sale: SaleBrought, _: TransferRegistered, payable: PayableQuote) -> Says:
    """LC-F4 买方领取不动产权证书，信息共享至公证机构，并由公证机构将房款转移至卖方贷款银行。"""
    yield Pay(
        purpose=Purpose.PAYOFF,
        from_account=sale.deposit_account.account,
        to_account=payable.quote.to_account,
        amount_fen=payable.quote.total_fen,
        reference=Purpose.PAYOFF.value,
        about=payable.quote.statement.number,
        because="LC-F4",
    )


def report_a_quote_that_cannot_be_paid(unpayable: UnpayableQuote) -> Says:
    """X-2: never the balance first, and never to another account; somebody must see it."""
    yield Alarm(
        what=f"the payoff statement {unpayable.quote.statement.number} cannot be paid", why=unpayable.why, clause="X-2"
    )


def pay_the_seller(sale: SaleBrought, settled: LoanSettled, remaining: Remaining) -> Says:
    """LC-F4 并由公证机构将房款转移至卖方贷款银行、卖方账户。 The seller's part waits until the bank's is booked."""
    for seller, amount in split(remaining.amount_fen, sale.sellers):
        yield Pay(
            purpose=Purpose.BALANCE,
            from_account=sale.deposit_account.account,
            to_account=seller.account,
            amount_fen=amount,
            reference=Purpose.BALANCE.value,
            about=settled.quote or "settled by the borrower",
            because="LC-F4",
        )


def say_that_money_is_on_its_way(accepted: PaymentAccepted, ledger: Ledger, sale: SaleBrought) -> Says:
    """LC-F4, X-1: whoever waits for money hears that the rail has taken the order."""
    order = ledger.order(accepted.payment)
    if order is None:
        return
    pay, transfer = order.pay, accepted.rail_transfer
    if pay.purpose is Purpose.PAYOFF:
        yield PayoffTransferred(
            quote=DocumentNumber(pay.about),
            amount_fen=pay.amount_fen,
            to_account=pay.to_account,
            rail_transfer=transfer,
        )
    elif pay.purpose is Purpose.BALANCE:
        yield BalancePaid(amount_fen=pay.amount_fen, rail_transfer=transfer)
    else:
        sellers = {party.account for party in sale.sellers}
        kind = MoneyKind.TOP_UP if pay.to_account in sellers else MoneyKind.PRICE
        yield DepositRefunded(kind=kind, amount_fen=pay.amount_fen, to_account=pay.to_account, rail_transfer=transfer)


def complete_the_case(registered: TransferRegistered, _: LoanSettled, __: OldMortgageGone, paid: AllPaidOut) -> Says:
    """LC-F4 贷款结清后，卖方贷款银行申请解除抵押登记，买卖双方交易登记完成。"""
    yield CaseCompleted(ownership_certificate=registered.ownership_certificate, money=paid.statement)


# --- ways out ---------------------------------------------------------------------------------------------------------


def ask_for_the_closing(_: CaseOpened, reason: ReasonToCallOff) -> Says:
    """X-3: a reason has come; only the registry can say that no entry will be made."""
    yield ClosingRequested(because=reason.because, clause=reason.clause)


def refund_each_payer(money: Filed[MoneyReceived], sale: SaleBrought, _: CalledOff, ledger: Ledger) -> Says:
    """X-1: each yuan of a cancelled case returns to whoever paid it, also what arrives only now."""
    returned = ledger.claimed_fen(Purpose.EXCESS, money.id) + ledger.claimed_fen(Purpose.REFUND, money.id)
    rest = money.fact.amount_fen - returned
    if rest:
        yield _pay(sale, money, rest, Purpose.REFUND, money.fact.from_account, "X-1")


def cancel_the_case(reason: CalledOff, paid: AllPaidOut) -> Says:
    """X-3: the end of a case called off, once every refund has settled."""
    yield CaseCancelled(because=reason.because, clause=reason.clause, money=paid.statement)


def report_a_failed_payment(failed: Filed[PaymentRefused | PaymentReturned], ledger: Ledger) -> Says:
    """X-1: the rail did not carry a payment out; the money is still here, and a clerk decides."""
    order = ledger.order(failed.fact.payment)
    if order is not None:
        yield Alarm(
            what=f"payment {order.id} ({order.pay.purpose.value}, {order.pay.amount_fen} fen) failed on the rail",
            why=f"{failed.fact.why}; order it again at the desk, if need be to a corrected account",
            clause=order.pay.because,
        )


def pay_again(order: PaymentOrderedAgain, ledger: Ledger) -> Says:
    """X-1: a clerk orders a failed payment again; it is a payment of its own, with a key of its own."""
    failed = ledger.order(order.payment)
    if failed is not None:
        yield failed.pay.model_copy(update={"to_account": order.to_account or failed.pay.to_account})


# --- periods ----------------------------------------------------------------------------------------------------------


def start_the_clock_for_the_price(opened: Filed[CaseOpened]) -> Says:
    """Practice: Liaocheng names no period for paying in; a city's settings may."""
    for period in opened.fact.periods:
        if period.name == "price":
            yield PeriodStarted(period=period, start=opened.time)


def stop_the_clock_for_the_price(_: PeriodStarted, __: PriceHeld) -> Says:
    """The price is held in full."""
    yield PeriodEnded(name="price")


def say_that_the_price_is_late(passed: PeriodPassed, started: All[PeriodStarted], deposits: Deposits) -> Says:
    """The period for paying in has passed without the price. It goes by the day on which the rail booked it."""
    held_at = deposits.price_held_at
    if held_at is not None and kept(held_at, passed.due):
        return
    period = next(s.fact.period for s in started if s.id == passed.started)
    lateness = Lateness.NOT_DONE if held_at is None else Lateness.DONE_LATE
    yield DeadlineMissed(period=period, due=passed.due, late=Role.ESCROW, lateness=lateness)


def _pay(
    sale: SaleBrought, money: Filed[MoneyReceived], amount_fen: int, purpose: Purpose, to: str, clause: str
) -> Pay:
    return Pay(
        purpose=purpose,
        from_account=sale.deposit_account.account,
        to_account=to,
        amount_fen=amount_fen,
        reference=purpose.value,
        about=money.id,
        because=clause,
    )


# --- what waits for a person ------------------------------------------------------------------------------------------


def signatures_are_missing(sale: SaleBrought, signatures: All[Signed], opened: CaseOpened | None) -> Waiting | None:
    """LC-F1 签订提存协议、授权委托书等文书。"""
    missing = missing_signatures(sale, signatures)
    if opened is not None or not missing:
        return None
    papers = ", ".join(f"{sum(p is paper for _, p in missing)} × {paper.value}" for paper in Paper)
    return Waiting(action="sign", clause="LC-F1", what=f"signatures are missing: {papers}")


def the_price_is_short(opened: CaseOpened, deposits: Deposits) -> Waiting | None:
    """LC-F1 将购房款提交至公证机构提存账户。"""
    if not deposits.short_fen:
        return None
    return Waiting(action="pay-in", clause="LC-F1", what=f"{deposits.short_fen} fen of the price", period="price")


def the_top_up_is_short(top_up: TopUp) -> Waiting | None:
    """X-2: the bank's estimate is more than the price."""
    if not top_up.short_fen:
        return None
    return Waiting(action="top-up", clause="X-2", what=f"{top_up.short_fen} fen from the seller")


def an_application_was_returned(returned: All[RegistrationReturned], mended: All[ApplicationMended]) -> Waiting | None:
    """X-3: what the registry gave back can be made again."""
    done = {m.fact.application for m in mended}
    for answer in returned:
        if answer.fact.application not in done:
            reasons = "; ".join(reason.detail for reason in answer.fact.reasons)
            return Waiting("mend-application", "X-3", reasons, about=answer.fact.application)
    return None


def money_is_to_be_sent_back(deposits: Deposits) -> Waiting | None:
    """X-1: money that no article covers."""
    for money in deposits.to_send_back:
        return Waiting("return-money", "X-1", f"{money.fact.amount_fen} fen that no article covers", about=money.id)
    return None


def a_payment_has_failed(ledger: Ledger) -> Waiting | None:
    """X-1: the rail refused or returned a payment."""
    for order in ledger.failed:
        what = f"{order.pay.purpose.value}, {order.pay.amount_fen} fen: the rail said no"
        return Waiting("order-payment-again", order.pay.because, what, about=order.id)
    return None


# --- the index --------------------------------------------------------------------------------------------------------

FULL = Chapter(
    procedure="LC-FULL",
    rules=(
        Rule(open_the_case),
        Rule(start_the_clock_for_the_price),
        Rule(certify_the_price),
        Rule(stop_the_clock_for_the_price),
        Rule(say_that_the_price_is_late, per=PeriodPassed),
        Rule(return_the_excess, per=MoneyReceived),
        Rule(report_a_strangers_money, per=MoneyReceived),
        Rule(certify_the_top_up),
        Rule(apply_for_the_transfer, per=ReadyToApply),
        Rule(repay_the_sellers_bank, per=PayableQuote),
        Rule(report_a_quote_that_cannot_be_paid, per=UnpayableQuote),
        Rule(pay_the_seller, per=Remaining),
        Rule(say_that_money_is_on_its_way, per=PaymentAccepted, during=ALWAYS),
        Rule(complete_the_case),
        Rule(ask_for_the_closing),
        Rule(refund_each_payer, per=MoneyReceived, during=(CLOSING,)),
        Rule(cancel_the_case, during=(CLOSING,)),
        Rule(send_it_back, per=ReturnOrdered, during=ALWAYS),
        Rule(report_a_failed_payment, per=(PaymentRefused, PaymentReturned), during=ALWAYS),
        Rule(pay_again, per=PaymentOrderedAgain, during=ALWAYS),
    ),
    guards=GUARDS,
    waits=(
        Wait(signatures_are_missing),
        Wait(the_price_is_short),
        Wait(the_top_up_is_short),
        Wait(an_application_was_returned),
        Wait(money_is_to_be_sent_back, during=ALWAYS),
        Wait(a_payment_has_failed, during=ALWAYS),
    ),
    unexpected=(
        *IN_A_CASE,
        *PERIODS_OF_AN_OPEN_CASE,
        alarm(MoneyReceived, ENDED, why="no article covers money after the end; order its return at the desk"),
        alarm(ConsentRefused, ENDED, why="the bank takes its consent back after the end"),
        noted(FolioReserved, (CLOSING, ENDED), why="the registry answered before it heard of the closing"),
        noted(FolioRefused, ENDED, why="the case has ended for another reason"),
        noted(ConsentIssued, (CLOSING, ENDED), why="it crossed the closing; nothing is applied for any more"),
        noted(ConsentRefused, CLOSING, why="the case is being called off already"),
        noted(RegistrationReturned, (CLOSING, ENDED), why="nothing is applied for any more"),
        noted(RegistrationRefused, (CLOSING, ENDED), why="the case is being called off already"),
        noted(TransferRegistered, (CLOSING, ENDED), why="it crossed the closing; closing-refused follows, all go on"),
        noted(RegistrationClosed, (OPEN, ENDED), why="the answer to a closing that this escrow asks for only once"),
        noted(ClosingRefused, ALWAYS, why="it moves the case back to open; the rules read the entry itself"),
        noted(PayoffQuoted, (CLOSING, ENDED), why="after an entry the case is open until it is complete"),
        noted(PayoffCompleted, (CLOSING, ENDED), why="somebody else settled the loan; the case is called off"),
        noted(PayoffReturned, ALWAYS, why="the money itself is reported by the rail"),
        noted(MortgageReleased, (CLOSING, ENDED), why="the loan was settled outside the case"),
        noted(DeadlineMissed, ALWAYS, why="the period is another institution's; its desk shows it"),
        noted(PaymentSettled, ENDED, why="the return of money that came after the end"),
        noted(Signed, (CLOSING, ENDED), why="a guard lets it in only before the opening"),
        noted(SaleBrought, (CLOSING, ENDED), why="a guard lets it in once, at the start"),
        noted(WithdrawalAgreed, (CLOSING, ENDED), why="a guard lets it in only while the case is open"),
        noted(ApplicationMended, (CLOSING, ENDED), why="nothing is applied for any more"),
    ),
)
