"""One valid instance of every event, of one sale in Liaocheng: 1,280,000.00 yuan, 415,320.55 yuan still owed.

Every field is filled, also those that only some roles may read, so that a narrowed copy has something to
leave out. A new event or a new field needs its example here; tests/contracts/test_audience.py says which is
missing.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from contracts.document import Document
from contracts.event import Event, Role
from contracts.events.case import (
    CaseCancelled,
    CaseCompleted,
    CaseOpened,
    ClosingRequested,
    DeadlineMissed,
    DepositAccount,
    JoinRefused,
    Lateness,
    MoneyStatement,
    Party,
    PartyJoined,
    Payment,
)
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    DepositRefunded,
    MoneyKind,
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
from contracts.events.line import RepeatRequested
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    ClosingRefused,
    FolioRefused,
    FolioReserved,
    MortgageReleased,
    NoticedMortgage,
    Owner,
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
from contracts.events.seller_bank import (
    ConsentIssued,
    ConsentRefused,
    PayoffCompleted,
    PayoffQuoted,
    PayoffReturned,
    ReleaseApplied,
)
from contracts.period import Days, OnPassing, Period, Source
from contracts.values import DocumentNumber, Share, UnitNumber, verification_code
from tests.support.people import example_person

UNIT = UnitNumber("371502001001GB00012F00030045")
CASE = "LC-2026-000001"
PRICE_FEN = 128_000_000
OWED_FEN = 41_532_055
DOWN_PAYMENT_FEN = 48_000_000
LOAN_FEN = PRICE_FEN - DOWN_PAYMENT_FEN

SELLER, BUYER, SPOUSE = (example_person(n) for n in (3, 14, 25))
SELLERS_ACCOUNT, BUYERS_ACCOUNT = "6222021611000000001", "6217001234500000002"
ESCROW_ACCOUNT, BANKS_ACCOUNT = "ESCROW-LC-01", "ICBC-LC-SETTLE"

MORTGAGE = DocumentNumber("鲁(2019)聊城市不动产证明第0034567号")
APPLICATION = DocumentNumber("(2026)聊城转移申请第0000001号")
QUOTE = DocumentNumber("(2026)工行聊城应还证第0000001号")
CERTIFICATE = DocumentNumber("(2026)聊城证提字第0000001号")
OWNERSHIP = DocumentNumber("鲁(2026)聊城市不动产权第0012345号")
CONSENT = DocumentNumber("(2026)工行聊城同意第0000001号")
LENDERS_ACCOUNT = "CCB-LC-LOANS"
LOAN_CONTRACT = DocumentNumber("(2026)建行聊城借字第0000001号")
MORTGAGE_CONTRACT = DocumentNumber("(2026)建行聊城抵字第0000001号")
TRANSFER_NOTICE = DocumentNumber("鲁(2026)聊城市不动产证明第0000101号")
MORTGAGE_NOTICE = DocumentNumber("鲁(2026)聊城市不动产证明第0000102号")


def document(title: str, number: DocumentNumber) -> Document:
    """A numbered document with a verification code of its own."""
    return Document(title=title, number=number, code=verification_code(number.encode().rjust(10)[-10:]))


_BANKS_MORTGAGE = RankedMortgage(certificate=MORTGAGE, mortgagee="liaocheng-icbc", rank=1)
_PERIOD = Period(
    name="registry decides",
    whose=Role.REGISTRY,
    days=30,
    count=Days.WORKING,
    clause="不动产登记暂行条例 20",
    source=Source.LAW,
    on_passing=OnPassing.BREACH,
)
_STATEMENT = MoneyStatement(
    in_fen=PRICE_FEN,
    out_fen=PRICE_FEN,
    held_fen=0,
    payments=(
        Payment(direction="in", purpose="price", account=BUYERS_ACCOUNT, amount_fen=PRICE_FEN),
        Payment(direction="out", purpose="payoff", account=BANKS_ACCOUNT, amount_fen=OWED_FEN),
        Payment(direction="out", purpose="balance", account=SELLERS_ACCOUNT, amount_fen=PRICE_FEN - OWED_FEN),
    ),
)
_REFUSAL = (
    Reason(reason=RefusalReason.SEIZURE, detail="查封 (2026)鲁15执保12号", clause="X-4"),
    Reason(reason=RefusalReason.OTHER_CASE, detail="LC-2026-000000", clause="X-4"),
)


def _of_the_case() -> tuple[Event, ...]:
    return (
        CaseOpened(
            procedure="LC-FULL",
            edition="2023-03-20",
            unit_number=UNIT,
            institutions={
                Role.ESCROW: "liaocheng-notary",
                Role.REGISTRY: "liaocheng-registry",
                Role.SELLER_BANK: "liaocheng-icbc",
            },
            contract_number="LC-WQ-2026-004711",
            contract_date=date(2026, 11, 20),
            sellers=(Party(person=SELLER, share=Share(numerator=1, denominator=1), account=SELLERS_ACCOUNT),),
            buyers=(
                Party(person=BUYER, share=Share(numerator=2, denominator=3), account=BUYERS_ACCOUNT),
                Party(person=SPOUSE, share=Share(numerator=1, denominator=3), account=BUYERS_ACCOUNT),
            ),
            price_fen=PRICE_FEN,
            down_payment_fen=DOWN_PAYMENT_FEN,
            deposit_account=DepositAccount(account=ESCROW_ACCOUNT, owner="聊城市公证机构"),
            agreement=document("提存协议", DocumentNumber("(2026)聊城提存协字第0000001号")),
            power_of_attorney=document("授权委托书", DocumentNumber("(2026)聊城委托字第0000001号")),
            periods=(_PERIOD,),
        ),
        CaseCompleted(
            ownership_certificate=document("不动产权证书", OWNERSHIP),
            money=_STATEMENT,
        ),
        CaseCancelled(because="buyer and seller withdraw", clause="X-3", money=_STATEMENT),
        ClosingRequested(because="buyer and seller withdraw", clause="X-3"),
        PartyJoined(role=Role.BUYER_BANK, institution="liaocheng-ccb"),
        JoinRefused(
            role=Role.BUYER_BANK, institution="liaocheng-ccb", because="the case is over", clause="LC-L2", final=True
        ),
        DeadlineMissed(period=_PERIOD, due=date(2027, 1, 5), late=Role.REGISTRY, lateness=Lateness.DONE_LATE),
        RepeatRequested(first_missing=3, last_missing=4),
    )


def _of_the_escrow() -> tuple[Event, ...]:
    return (
        DepositConfirmed(
            kind=MoneyKind.PRICE,
            certificate=document("购房款到账提存公证书", CERTIFICATE),
            price_complete=True,
            lender="liaocheng-ccb",
            amount_fen=PRICE_FEN,
        ),
        TransferApplicationMade(
            application=document("不动产登记申请书", APPLICATION),
            round=1,
            sellers=(SELLER,),
            buyers=(BUYER, SPOUSE),
            contract_number="LC-WQ-2026-004711",
            consent=CONSENT,
            deposit_certificates=(CERTIFICATE,),
            power_of_attorney="(2026)聊城委托字第0000001号",
            stage=Stage.REGISTRATION,
            notice=TRANSFER_NOTICE,
        ),
        PayoffTransferred(
            quote=QUOTE, amount_fen=OWED_FEN, to_account=BANKS_ACCOUNT, rail_transfer="T-20261203-000017"
        ),
        BalancePaid(amount_fen=PRICE_FEN - OWED_FEN, rail_transfer="T-20261204-000003"),
        DepositRefunded(
            kind=MoneyKind.PRICE,
            amount_fen=PRICE_FEN,
            to_account=BUYERS_ACCOUNT,
            rail_transfer="T-20261204-000009",
        ),
    )


def _of_the_registry() -> tuple[Event, ...]:
    return (
        FolioReserved(unit_number=UNIT, mortgages=(_BANKS_MORTGAGE,)),
        FolioRefused(reasons=_REFUSAL),
        RegistrationReturned(application=APPLICATION, reasons=_REFUSAL[:1]),
        RegistrationRefused(application=APPLICATION, reasons=_REFUSAL),
        TransferRegistered(
            application=APPLICATION,
            unit_number=UNIT,
            entry_number=58,
            entered_at=datetime(2026, 12, 2, 2, 30, tzinfo=UTC),
            owners=(
                Owner(person=BUYER, share=Share(numerator=2, denominator=3)),
                Owner(person=SPOUSE, share=Share(numerator=1, denominator=3)),
            ),
            ownership_certificate=document("不动产权证书", OWNERSHIP),
            mortgages=(_BANKS_MORTGAGE,),
            new_mortgages=(
                RegisteredMortgage(
                    role=Role.BUYER_BANK,
                    lender="liaocheng-ccb",
                    rank=2,
                    certificate=document("不动产登记证明", DocumentNumber("鲁(2026)聊城市不动产证明第0000103号")),
                ),
            ),
        ),
        AdvanceNoticeRegistered(
            application=APPLICATION,
            unit_number=UNIT,
            entry_number=57,
            registered_at=datetime(2026, 11, 30, 2, 30, tzinfo=UTC),
            valid_until=date(2027, 2, 28),
            transfer=document("不动产登记证明（转移预告登记）", TRANSFER_NOTICE),
            mortgages=(
                NoticedMortgage(
                    role=Role.BUYER_BANK,
                    lender="liaocheng-ccb",
                    certificate=document("不动产登记证明（抵押权预告登记）", MORTGAGE_NOTICE),
                ),
            ),
        ),
        AdvanceNoticeEnded(certificates=(TRANSFER_NOTICE, MORTGAGE_NOTICE), entry_number=58),
        AdvanceNoticeLapsed(
            certificates=(TRANSFER_NOTICE, MORTGAGE_NOTICE), entry_number=58, lapsed_on=date(2027, 3, 1)
        ),
        MortgageReleased(
            unit_number=UNIT,
            certificate=MORTGAGE,
            released_at=datetime(2026, 12, 4, 7, 5, 9, 250_000, tzinfo=UTC),
            entry_number=59,
            remaining=(_BANKS_MORTGAGE,),
        ),
        RegistrationClosed(because="buyer and seller withdraw"),
        ClosingRefused(entry_number=58),
    )


def _of_the_sellers_bank() -> tuple[Event, ...]:
    return (
        ConsentIssued(
            opinion=document("同意“带押过户”意见书", CONSENT),
            mortgage_certificate=MORTGAGE,
            lifts_no_transfer_clause=True,
            estimated_payoff_fen=42_000_000,
            payoff_account=BANKS_ACCOUNT,
        ),
        ConsentRefused(because="instalments overdue", clause="LC-R2"),
        PayoffQuoted(
            statement=document("应还款余额证明", QUOTE),
            principal_fen=41_300_000,
            interest_fen=232_055,
            penalty_fen=0,
            overdue_fen=0,
            total_fen=OWED_FEN,
            per_diem_microfen=4_015_277_778,
            basis=360,
            as_of=date(2026, 12, 2),
            good_through=date(2026, 12, 9),
            to_account=BANKS_ACCOUNT,
            booking_order=("interest", "principal"),
        ),
        PayoffCompleted(quote=QUOTE, booked_fen=OWED_FEN, open_fen=0, surplus_fen=100, by_the_case=True),
        PayoffReturned(amount_fen=100, to_account=ESCROW_ACCOUNT, rail_transfer="T-20261203-000021"),
        ReleaseApplied(unit_number=UNIT, mortgage_certificate=MORTGAGE, settled_on=date(2026, 12, 3)),
    )


def _of_a_lender() -> tuple[Event, ...]:
    return (
        JoinRequested(
            keeper="liaocheng-notary",
            contract_number="LC-WQ-2026-004711",
            deposit_certificate=CERTIFICATE,
            code=document("首付款到账提存公证书", CERTIFICATE).code,
        ),
        LoanApproved(
            loan_contract=document("借款合同", LOAN_CONTRACT),
            mortgage_contract=document("抵押合同", MORTGAGE_CONTRACT),
            amount_fen=LOAN_FEN,
            pays_from=LENDERS_ACCOUNT,
        ),
        LoanRejected(because="income does not carry the instalments", clause="LC-L3"),
        MortgageApplicationMade(
            application=document("不动产登记申请书", DocumentNumber("(2026)建行聊城登申字第0000001号")),
            stage=Stage.REGISTRATION,
            round=1,
            contract_number="LC-WQ-2026-004711",
            loan_contract=LOAN_CONTRACT,
            mortgage_contract=MORTGAGE_CONTRACT,
            consent=CONSENT,
            amount_fen=LOAN_FEN,
            debtors=(BUYER, SPOUSE),
            notice=MORTGAGE_NOTICE,
        ),
        LoanDisbursed(
            notice=MORTGAGE_NOTICE,
            amount_fen=LOAN_FEN,
            to_account=ESCROW_ACCOUNT,
            rail_transfer="T-20261201-000002",
        ),
        LendingEnded(sent_fen=LOAN_FEN),
        LoanReturned(amount_fen=LOAN_FEN),
    )


EXAMPLES: Mapping[str, Event] = {
    event.type_name: event
    for event in (*_of_the_case(), *_of_the_escrow(), *_of_the_registry(), *_of_the_sellers_bank(), *_of_a_lender())
}
