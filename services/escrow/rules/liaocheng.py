"""What the escrow does in Liaocheng in both modes of sale (聊自然资规发〔2023〕6号 二). What only one mode has is in
`liaocheng_full` and `liaocheng_loan`; the indexes of both stand in `modes`.

No clock, no chance, no numbers, no Kafka, no MongoDB: the same file gives the same words.
"""

from collections.abc import Iterator

from contracts.document import Document
from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseOpened, ClosingRequested, DeadlineMissed, Lateness
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    DepositRefunded,
    MoneyKind,
    PayoffTransferred,
    TransferApplicationMade,
)
from contracts.events.seller_bank import PayoffQuoted
from contracts.values import DocumentNumber
from services.escrow.applications import Applications, Ready
from services.escrow.deposits import AllPaidOut, Deposits, Excess, OwnPartHeld, TopUp, TopUpHeld
from services.escrow.ends import CalledOff, ReasonToCallOff
from services.escrow.facts import AllSigned, Paper, SaleBrought, Signed, missing_signatures
from services.escrow.lenders import LendersDone
from services.escrow.payoff import LoanSettled, Remaining, UnpayableQuote, split
from services.money.rules.returns import pay_back
from services.runtime.core.facts import (
    Alarm,
    MoneyReceived,
    Pay,
    PaymentAccepted,
    PeriodEnded,
    PeriodPassed,
    PeriodStarted,
    Purpose,
)
from services.runtime.core.file import Filed
from services.runtime.core.periods import kept
from services.runtime.core.rule import All, Says, Waiting

CERTIFICATES = "({year}){house}证提字第{n:07d}号"
PRICE_CERTIFICATE = ("购房款到账提存公证书", CERTIFICATES)
AGREEMENT = ("提存协议", "({year}){house}提协字第{n:07d}号")
POWER_OF_ATTORNEY = ("授权委托书", "({year}){house}委字第{n:07d}号")
APPLICATION = ("不动产登记申请书", "({year}){house}登申字第{n:07d}号")

CLAUSES = {MoneyKind.PRICE: "LC-F1", MoneyKind.DOWN_PAYMENT: "LC-L1"}
"""Under which sentence the buyers sign, and pay in what is theirs to pay."""


# --- the way through --------------------------------------------------------------------------------------------------


def open_the_case(sale: SaleBrought, _: AllSigned) -> Says:
    """LC-F1, LC-L1 买卖双方持房屋买卖协议（合同），到公证机构签订提存协议、授权委托书等文书。
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
        down_payment_fen=sale.down_payment_fen,
        deposit_account=sale.deposit_account,
        agreement=Document.wanted(*AGREEMENT),
        power_of_attorney=Document.wanted(*POWER_OF_ATTORNEY),
        periods=sale.periods,
    )


def certify_the_top_up(_: CaseOpened, held: TopUpHeld) -> Says:
    """X-2: a price below the debt cannot settle it, so the seller's own money must lie there beforehand.
    X-5: certified as the price is, with a number of its own."""
    yield DepositConfirmed(
        kind=MoneyKind.TOP_UP,
        amount_fen=held.amount_fen,
        certificate=Document.wanted(*PRICE_CERTIFICATE),
        price_complete=False,
    )


def return_the_excess(excess: Excess) -> Says:
    """X-1: what a payer pays beyond its part goes back to that payer."""
    yield pay_back(excess.money, excess.amount_fen, Purpose.EXCESS)


def report_a_strangers_money(money: Filed[MoneyReceived], _: SaleBrought, deposits: Deposits) -> Says:
    """X-1: money of somebody who is no party pays for nothing; a clerk sends it back."""
    if any(stranger.id == money.id for stranger in deposits.strangers):
        yield Alarm(
            what=f"{money.fact.amount_fen} fen came from an account of nobody in this case (receipt {money.id})",
            why="only buyers, sellers, lenders and the seller's bank pay into a case; order its return at the desk",
            clause="X-1",
        )


def report_a_quote_that_cannot_be_paid(unpayable: UnpayableQuote) -> Says:
    """X-2: never the balance first, and never to another account; somebody must see it."""
    yield Alarm(
        what=f"the payoff statement {unpayable.quote.statement.number} cannot be paid", why=unpayable.why, clause="X-2"
    )


def say_that_money_is_on_its_way(accepted: PaymentAccepted, opened: CaseOpened, deposits: Deposits) -> Says:
    """LC-F4, LC-L6, LC-L7, X-1: whoever waits for money hears that the rail has taken the order."""
    order = deposits.ledger.order(accepted.payment)
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
        payer = deposits.payer(pay.about)
        yield DepositRefunded(
            kind=payer.kind if payer is not None else deposits.own_kind,
            amount_fen=pay.amount_fen,
            to_account=pay.to_account,
            rail_transfer=transfer,
        )


# --- ways out ---------------------------------------------------------------------------------------------------------


def ask_for_the_closing(_: CaseOpened, reason: ReasonToCallOff) -> Says:
    """X-3, LC-L3: a reason has come; only the registry can say that no entry will be made."""
    yield ClosingRequested(because=reason.because, clause=reason.clause)


def refund_each_payer(money: Filed[MoneyReceived], _: CalledOff, deposits: Deposits) -> Says:
    """X-1: each yuan of a cancelled case returns to whoever paid it, also what arrives only now.
    LC-L3 由公证机构将首付款返还至买方账户。"""
    ledger = deposits.ledger
    returned = ledger.claimed_fen(Purpose.EXCESS, money.id) + ledger.claimed_fen(Purpose.REFUND, money.id)
    rest = money.fact.amount_fen - returned
    if rest and all(back.id != money.id for back in deposits.come_back):
        yield pay_back(money, rest)


def report_money_that_came_back(money: Filed[MoneyReceived], _: CalledOff, deposits: Deposits) -> Says:
    """X-1: what the seller's bank was sent back, and sends again, is not returned a second time by itself: a clerk
    asks the bank whose it is."""
    if any(back.id == money.id for back in deposits.come_back):
        yield Alarm(
            what=f"{money.fact.amount_fen} fen came from the seller's bank once more (receipt {money.id})",
            why="money was sent back to it before: ask the bank whose this is, then order its return at the desk",
            clause="X-1",
        )


def cancel_the_case(reason: CalledOff, _: LendersDone, paid: AllPaidOut) -> Says:
    """X-3: the end of a case called off, once every refund has settled and every lender is whole.
    LC-L3 买卖双方交易取消。"""
    yield CaseCancelled(because=reason.because, clause=reason.clause, money=paid.statement)


# --- periods ----------------------------------------------------------------------------------------------------------


def start_the_clock_for_the_price(opened: Filed[CaseOpened], sale: SaleBrought) -> Says:
    """Practice: Liaocheng names no period for paying the price in, or the down payment; a city's settings may."""
    for period in opened.fact.periods:
        if period.name == sale.own_period:
            yield PeriodStarted(period=period, start=opened.time)


def stop_the_clock_for_the_price(sale: SaleBrought, _: PeriodStarted, __: OwnPartHeld) -> Says:
    """What the buyers pay in themselves is held in full."""
    yield PeriodEnded(name=sale.own_period)


def say_that_the_price_is_late(passed: PeriodPassed, started: All[PeriodStarted], deposits: Deposits) -> Says:
    """The period for paying in has passed without the money. It goes by the day on which the rail booked it."""
    held_at = deposits.own_held_at
    if held_at is not None and kept(held_at, passed.due):
        return
    period = next(s.fact.period for s in started if s.id == passed.started)
    lateness = Lateness.NOT_DONE if held_at is None else Lateness.DONE_LATE
    yield DeadlineMissed(period=period, due=passed.due, late=Role.ESCROW, lateness=lateness)


# --- what waits for a person ------------------------------------------------------------------------------------------


def signatures_are_missing(sale: SaleBrought, signatures: All[Signed], opened: CaseOpened | None) -> Waiting | None:
    """LC-F1, LC-L1 签订提存协议、授权委托书等文书。"""
    missing = missing_signatures(sale, signatures)
    if opened is not None or not missing:
        return None
    papers = ", ".join(f"{sum(p is paper for _, p in missing)} × {paper.value}" for paper in Paper)
    return Waiting(action="sign", clause=CLAUSES[sale.own_kind], what=f"signatures are missing: {papers}")


def the_buyers_money_is_short(_: CaseOpened, sale: SaleBrought, deposits: Deposits) -> Waiting | None:
    """LC-F1, LC-L1 将购房款（首付款）提交至公证机构提存账户。"""
    if not deposits.short_fen:
        return None
    what = f"{deposits.short_fen} fen of the {sale.own_kind.value}"
    return Waiting(action="pay-in", clause=CLAUSES[sale.own_kind], what=what, period=sale.own_period)


def the_top_up_is_short(top_up: TopUp) -> Waiting | None:
    """X-2: the bank's estimate is more than the price."""
    if not top_up.short_fen:
        return None
    return Waiting(action="top-up", clause="X-2", what=f"{top_up.short_fen} fen from the seller")


def an_application_was_returned(applications: Applications) -> Waiting | None:
    """X-3: what the registry gave back can be made again."""
    for answer in applications.to_mend:
        reasons = "; ".join(reason.detail for reason in answer.reasons)
        return Waiting("mend-application", "X-3", reasons, about=answer.application)
    return None


def money_is_to_be_sent_back(deposits: Deposits) -> Waiting | None:
    """X-1: money that no article covers."""
    for money in deposits.to_send_back:
        return Waiting("return-money", "X-1", f"{money.fact.amount_fen} fen that no article covers", about=money.id)
    return None


# --- verbs that several sentences share -------------------------------------------------------------------------------


def application_of(sale: SaleBrought, opened: CaseOpened, ready: Ready) -> TransferApplicationMade:
    """The verb of applying for buyer and seller, under their power of attorney."""
    assert opened.power_of_attorney is not None
    return TransferApplicationMade(
        application=Document.wanted(*APPLICATION),
        round=ready.round,
        sellers=tuple(party.person for party in sale.sellers),
        buyers=tuple(party.person for party in sale.buyers),
        contract_number=sale.contract_number,
        consent=ready.consent,
        deposit_certificates=ready.certificates,
        power_of_attorney=opened.power_of_attorney.number,
        stage=ready.stage,
        notice=ready.notice,
    )


def payoff_of(sale: SaleBrought, quote: PayoffQuoted, clause: str) -> Pay:
    """The verb of settling the seller's loan: just what the statement says, to the account that it names."""
    return Pay(
        purpose=Purpose.PAYOFF,
        from_account=sale.deposit_account.account,
        to_account=quote.to_account,
        amount_fen=quote.total_fen,
        reference=f"{Purpose.PAYOFF.value} {quote.statement.number}",
        about=quote.statement.number,
        because=clause,
    )


def balance_of(sale: SaleBrought, settled: LoanSettled, remaining: Remaining, clause: str) -> Iterator[Pay]:
    """The verb of paying the sellers: each its share of what is left."""
    for seller, amount in split(remaining.amount_fen, sale.sellers):
        yield Pay(
            purpose=Purpose.BALANCE,
            from_account=sale.deposit_account.account,
            to_account=seller.account,
            amount_fen=amount,
            reference=Purpose.BALANCE.value,
            about=settled.quote or "settled by the borrower",
            because=clause,
        )
