"""One home sold in Liaocheng: who is in it, and what each institution says on the way. Figures in fen."""

from datetime import date, timedelta

from contracts.document import Document
from contracts.event import Role
from contracts.events.case import CaseOpened, DepositAccount, Party
from contracts.events.registry import FolioReserved, MortgageReleased, RankedMortgage, TransferRegistered
from contracts.events.seller_bank import ConsentIssued, PayoffCompleted, PayoffQuoted
from contracts.values import DocumentNumber, Share, UnitNumber, VerificationCode, document_number
from services.escrow.facts import Paper, SaleBrought, Signed
from services.runtime.core.facts import MoneyReceived
from tests.support.bench import FOLIO, NOON
from tests.support.people import example_person

NOTARY = (Role.ESCROW, "liaocheng-notary")
REGISTRY = (Role.REGISTRY, "liaocheng-registry")
BANK = (Role.SELLER_BANK, "liaocheng-icbc")
INSTITUTIONS: dict[Role, str] = dict((NOTARY, REGISTRY, BANK))

SELLER, BUYER, STRANGER = example_person(1), example_person(2), example_person(3)
SELLER_ACCOUNT, BUYER_ACCOUNT = "6222021602000000001", "6222021602000000002"
STRANGER_ACCOUNT, ESCROW_ACCOUNT, BANK_ACCOUNT = "6222021602000000009", "ESCROW-LC-01", "ICBC-LC-SETTLE"
PRICE_FEN = 128_000_000
PAYOFF_FEN = 61_234_567
MORTGAGE = DocumentNumber("鲁(2021)聊城市不动产证明第0001234号")
WHOLE = Share(numerator=1, denominator=1)


def document(title: str, n: int = 1) -> Document:
    """A numbered document of somebody."""
    number = document_number("", 2026, "聊城字", n)
    return Document(title=title, number=number, code=VerificationCode("0123-4567-89AB"))


def sale(**other: object) -> SaleBrought:
    """The sale as buyer and seller bring it."""
    fields: dict[str, object] = {
        "by_clerk": "Li",
        "procedure": "LC-FULL",
        "edition": "2023-03-20",
        "unit_number": UnitNumber(FOLIO),
        "institutions": INSTITUTIONS,
        "contract_number": "LC-2026-000123",
        "contract_date": date(2026, 11, 20),
        "sellers": (Party(person=SELLER, share=WHOLE, account=SELLER_ACCOUNT),),
        "buyers": (Party(person=BUYER, share=WHOLE, account=BUYER_ACCOUNT),),
        "price_fen": PRICE_FEN,
        "deposit_account": DepositAccount(account=ESCROW_ACCOUNT, owner="聊城市公证机构"),
    }
    return SaleBrought.model_validate({**fields, **other})


def signatures() -> tuple[Signed, ...]:
    """Both of them sign both papers."""
    people = (SELLER, BUYER)
    return tuple(Signed(by_clerk="Li", person=p.id_number, paper=paper) for p in people for paper in Paper)


def opened(**other: object) -> CaseOpened:
    """The case as the escrow opens it."""
    s = sale()
    fields: dict[str, object] = {name: getattr(s, name) for name in SaleBrought.model_fields if name != "by_clerk"}
    papers = {"agreement": document("提存协议"), "power_of_attorney": document("授权委托书", 2)}
    return CaseOpened.model_validate({**fields, **papers, **other})


def money(amount_fen: int, payer: str = BUYER_ACCOUNT, line: int = 1, account: str = ESCROW_ACCOUNT) -> MoneyReceived:
    """Money that arrived on an account."""
    return MoneyReceived(
        account=account,
        line=line,
        amount_fen=amount_fen,
        from_account=payer,
        from_owner="somebody",
        reference="LCF-TEST-1",
        rail_transfer=f"T{line}",
        booked_at=NOON,
    )


def reserved() -> FolioReserved:
    """The registry has checked and claimed the title."""
    mortgage = RankedMortgage(certificate=MORTGAGE, mortgagee=BANK[1], rank=1)
    return FolioReserved(unit_number=UnitNumber(FOLIO), mortgages=(mortgage,))


def consent(estimate_fen: int = PAYOFF_FEN) -> ConsentIssued:
    """The seller's bank agrees."""
    return ConsentIssued(
        opinion=document("同意“带押过户”意见书", 3),
        mortgage_certificate=MORTGAGE,
        lifts_no_transfer_clause=False,
        estimated_payoff_fen=estimate_fen,
        payoff_account=BANK_ACCOUNT,
    )


def registered(application: DocumentNumber | None = None) -> TransferRegistered:
    """The transfer is entered."""
    return TransferRegistered(
        application=application or document("申请").number,
        unit_number=UnitNumber(FOLIO),
        entry_number=2,
        entered_at=NOON,
        ownership_certificate=document("不动产权证书", 4),
        mortgages=(RankedMortgage(certificate=MORTGAGE, mortgagee=BANK[1], rank=1),),
    )


def quoted(total_fen: int = PAYOFF_FEN, n: int = 5, good_through: date | None = None) -> PayoffQuoted:
    """The bank states what settles the loan."""
    return PayoffQuoted(
        statement=document("应还款余额证明", n),
        principal_fen=total_fen,
        interest_fen=0,
        penalty_fen=0,
        overdue_fen=0,
        total_fen=total_fen,
        per_diem_microfen=0,
        basis=360,
        as_of=NOON.date(),
        good_through=good_through or NOON.date() + timedelta(days=5),
        to_account=BANK_ACCOUNT,
        booking_order=("costs", "interest", "principal"),
    )


def booked(quote: PayoffQuoted, *, open_fen: int = 0, surplus_fen: int = 0) -> PayoffCompleted:
    """The bank has booked the money that the case sent."""
    return PayoffCompleted(
        quote=quote.statement.number,
        booked_fen=quote.total_fen - open_fen,
        open_fen=open_fen,
        surplus_fen=surplus_fen,
        by_the_case=True,
    )


def released() -> MortgageReleased:
    """The old mortgage is gone."""
    return MortgageReleased(
        unit_number=UnitNumber(FOLIO), certificate=MORTGAGE, released_at=NOON, entry_number=3, remaining=()
    )
