"""Events for people: a Chinese title, and what was said in a few English words. No names, no identity numbers."""

from collections.abc import Callable, Mapping
from typing import Any

from contracts.event import Event
from contracts.events.case import (
    CaseCancelled,
    CaseCompleted,
    CaseOpened,
    ClosingRequested,
    DeadlineMissed,
    JoinRefused,
    PartyJoined,
)
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    DepositRefunded,
    PayoffTransferred,
    TransferApplicationMade,
)
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
    ClosingRefused,
    FolioRefused,
    FolioReserved,
    MortgageReleased,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    Stage,
    TransferRegistered,
)
from contracts.events.seller_bank import (
    ConsentIssued,
    ConsentRefused,
    PayoffCompleted,
    PayoffQuoted,
    PayoffReturned,
    ReleaseApplied,
)
from deploy.clerks import yuan


def _money(amount_fen: int | None) -> str:
    return "money" if amount_fen is None else yuan(amount_fen)


def _late(said: DeadlineMissed) -> str:
    period = said.period
    return f"{said.late.value}: {period.name} ({period.clause}) was due on {said.due}, {said.lateness.value}"


def _booked(said: PayoffCompleted) -> str:
    rest = f", {yuan(said.open_fen)} still open" if said.open_fen else ", nothing is open any more"
    return f"{_money(said.booked_fen)} has arrived and is booked{rest}"


def _quoted(said: PayoffQuoted) -> str:
    parts = f"{yuan(said.principal_fen)} principal, {yuan(said.interest_fen)} interest"
    return f"{yuan(said.total_fen)} settles the loan ({parts}), good through {said.good_through}"


def _ranks(remaining: int) -> str:
    return "none remains" if not remaining else f"{remaining} remain"


def _opened(said: CaseOpened) -> str:
    down = said.down_payment_fen
    own = f", the buyers pay {yuan(down)} of {_money(said.price_fen)} themselves" if down is not None else ""
    return f"all have signed {said.agreement.number}: the case is open{own}"


def _held(said: DepositConfirmed) -> str:
    of_lender = f" of {said.lender}" if said.lender else ""
    whole = "; the price is complete" if said.price_complete else ""
    return f"{_money(said.amount_fen)} of {said.kind.value}{of_lender} held: {said.certificate.number}{whole}"


def _what(stage: Stage) -> str:
    return "the notice" if stage is Stage.NOTICE else "the registration"


def _transfer_applied(said: TransferApplicationMade) -> str:
    return f"applies for buyer and seller for {_what(said.stage)} of the transfer: {said.application.number}"


def _mortgage_applied(said: MortgageApplicationMade) -> str:
    return f"applies for {_what(said.stage)} of its mortgage for {yuan(said.amount_fen)}: {said.application.number}"


def _approved(said: LoanApproved) -> str:
    return f"lends {_money(said.amount_fen)}: {said.loan_contract.number}, {said.mortgage_contract.number}"


def _noticed(said: AdvanceNoticeRegistered) -> str:
    certificates = ", ".join(one.certificate.number for one in said.mortgages)
    return f"notices of the transfer and of {certificates}, valid until {said.valid_until}"


def _entered(said: TransferRegistered) -> str:
    new = "".join(f", mortgage {one.certificate.number} at rank {one.rank}" for one in said.new_mortgages)
    return f"the home is the buyers': {said.ownership_certificate.number}{new}"


TOLD: Mapping[type[Event], tuple[str, Callable[[Any], str]]] = {
    CaseOpened: ("立案、提存协议", _opened),
    JoinRequested: (
        "请求加入",
        lambda s: f"buyers have applied here, holding {s.deposit_certificate}: may we have a part?",
    ),
    PartyJoined: ("加入办理", lambda s: f"{s.institution} has its part in the case as {s.role.value}"),
    JoinRefused: (
        "不予加入",
        lambda s: f"{s.institution} has no part in the case{' for good' if s.final else ''}: {s.because}",
    ),
    FolioReserved: ("产权核验、锁定", lambda s: f"title checked and claimed, {len(s.mortgages)} mortgage(s) stand"),
    FolioRefused: ("不予受理", lambda s: "; ".join(r.detail for r in s.reasons)),
    DepositConfirmed: ("到账提存公证书", _held),
    LoanApproved: ("贷款审批通过", _approved),
    LoanRejected: ("贷款审核未通过", lambda s: s.because),
    ConsentIssued: ("同意“带押过户”意见书", lambda s: f"consents, about {_money(s.estimated_payoff_fen)} is owed"),
    ConsentRefused: ("不同意带押过户", lambda s: s.because),
    TransferApplicationMade: ("转移登记申请", _transfer_applied),
    MortgageApplicationMade: ("抵押权登记申请", _mortgage_applied),
    RegistrationReturned: ("退回补正", lambda s: "; ".join(r.detail for r in s.reasons)),
    RegistrationRefused: ("不予登记", lambda s: "; ".join(r.detail for r in s.reasons)),
    AdvanceNoticeRegistered: ("预告登记", _noticed),
    AdvanceNoticeEnded: (
        "预告登记注销",
        lambda s: f"{len(s.certificates)} notices are cancelled, every lender is whole",
    ),
    AdvanceNoticeLapsed: (
        "预告登记失效",
        lambda s: f"{len(s.certificates)} notices have lost their force on {s.lapsed_on}",
    ),
    LoanDisbursed: ("发放贷款", lambda s: f"{_money(s.amount_fen)} is on its way, on the certificate {s.notice}"),
    LendingEnded: ("终止放款", lambda s: f"nothing more goes out; {yuan(s.sent_fen)} had been sent"),
    LoanReturned: ("贷款退回", lambda s: f"{_money(s.amount_fen)} has come back"),
    TransferRegistered: ("转移登记", _entered),
    PayoffQuoted: ("应还款余额证明", _quoted),
    PayoffTransferred: ("转还贷款", lambda s: f"{yuan(s.amount_fen)} is on its way to the seller's bank"),
    PayoffCompleted: ("贷款结清", _booked),
    PayoffReturned: ("退回款项", lambda s: f"{yuan(s.amount_fen)} goes back to whoever paid it"),
    BalancePaid: ("支付余款", lambda _: "the rest is on its way to the seller"),
    ReleaseApplied: ("申请解除抵押", lambda s: f"the loan is settled, so {s.mortgage_certificate} may go"),
    MortgageReleased: ("抵押权注销登记", lambda s: f"{s.certificate} is released, {_ranks(len(s.remaining))}"),
    CaseCompleted: ("交易完成", lambda _: "the home is transferred, everybody is paid"),
    CaseCancelled: ("交易取消", lambda s: s.because),
    ClosingRequested: ("请求终止登记", lambda s: s.because),
    RegistrationClosed: ("终止登记", lambda s: s.because),
    ClosingRefused: ("登记不可撤销", lambda s: f"entry {s.entry_number} stands, the case goes on"),
    DepositRefunded: ("退还提存款", lambda s: f"{yuan(s.amount_fen)} is on its way back to its payer"),
    DeadlineMissed: ("逾期", lambda s: _late(s)),
}


def title(kind: type[Event]) -> str:
    """The event's Chinese title; empty for one that this release has no words for."""
    return TOLD[kind][0] if kind in TOLD else ""


def told(said: Event) -> str:
    """What was said in a few words; empty for an event that this release has no words for."""
    found = TOLD.get(type(said))
    return found[1](said) if found is not None else ""


def name_of(kind: type[Event]) -> str:
    """`daiya.case-opened.v1` is called case-opened."""
    return kind.type_name.split(".")[1]
