"""What the bank's people do at their desk, and the loans of a folio as its book has them."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from contracts.values import Person
from services.runtime.core.file import STANDING
from services.runtime.core.rule import view
from services.runtime.desk.access import Clerk, Here
from services.runtime.desk.actions import Action, in_case, of_unmatched_money, on_folio
from services.runtime.desk.actions import unit_number as checked
from services.runtime.desk.commands import Desk
from services.runtime.desk.problems import Problem
from services.seller_bank.books import Books, Entry, LoanBook
from services.seller_bank.facts import ConsentDecided, LoanImported, MoneyDecided, PayoffAsked
from services.seller_bank.loan_terms import LoanTerms
from services.seller_bank.payoff import Booking, Payoff

RECEIPT = "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11"
UNIT = "371502001001GB00012F00030045"

router = Desk(
    Action(
        command=LoanImported,
        path="/folios/{unit_number}/loans",
        summary="Take over a loan that a mortgage on this home secures",
        clause="LC-F2",
        example={
            "terms": {
                "loan_number": "ICBC-LC-2021-0007788",
                "principal_fen": 61_234_567,
                "annual_rate_ppm": 31_000,
                "day_count_basis": 360,
                "interest_paid_through": "2026-03-01",
                "cut_off": "24:00",
                "good_through_days": 3,
            },
            "borrowers": [{"name": "王建国", "id_number": "371502197904180005"}],
            "mortgage_certificate": "鲁(2021)聊城市不动产证明第0001234号",
            "settlement_account": "ICBC-LC-SETTLE",
            "no_transfer_clause": True,
        },
        where=on_folio,
    ),
    Action(
        command=ConsentDecided,
        path="/cases/{case}/consent",
        summary="Decide on the transfer with mortgage",
        clause="LC-F2, LC-L4",
        example={"consents": True},
        where=in_case,
        answers="decide-consent",
    ),
    Action(
        command=PayoffAsked,
        path="/cases/{case}/payoff-statement",
        summary="Have the payoff statement drawn up, as of now",
        clause="LC-F4, LC-L6",
        example={},
        where=in_case,
        answers="ask-payoff",
    ),
    *(
        Action(
            command=MoneyDecided,
            path=f"{path}/money/decision",
            summary=f"Decide on money {which} that no rule may book: for which loan, or back",
            clause="X-1",
            example={"money": RECEIPT, "unit_number": UNIT} if path.startswith("/unmatched") else {"money": RECEIPT},
            where=where,
            answers="decide-money",
        )
        for path, which, where in (
            ("/cases/{case}", "of a case", in_case),
            ("/folios/{unit_number}", "for a home", on_folio),
            ("/unmatched/{account}", "that names no case", of_unmatched_money),
        )
    ),
)


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True)


class BookingLine(_Page):
    """A receipt, and how it was booked."""

    money: str
    case: str
    booked_at: datetime
    amount_fen: int
    booking: Booking


class HeldMoney(_Page):
    """Money that no rule may book: a clerk decides on it."""

    money: str
    case: str
    booked_at: datetime
    amount_fen: int


class LoanPage(_Page):
    """One loan: as it was taken over, its terms after every booking, the bookings, the quote that binds the
    bank."""

    loan_number: str
    borrowers: tuple[Person, ...]
    mortgage_certificate: str
    settlement_account: str
    no_transfer_clause: bool
    imported: LoanTerms
    terms: LoanTerms
    settled: bool
    settled_on: date | None
    quoted: Payoff | None
    bookings: tuple[BookingLine, ...]


class LoansPage(_Page):
    """The loans of a home, oldest first, and money for them that waits for a clerk."""

    unit_number: str
    loans: tuple[LoanPage, ...]
    held: tuple[HeldMoney, ...]


@router.get("/folios/{unit_number}/loans", summary="The loans that this home secures", tags=["reading"])
async def read_loans(unit_number: str, _: Clerk, institution: Here) -> LoansPage:
    """Each loan with its account book. 404 for a home of which nothing is known here."""
    subject = await institution.turns.read_subject(checked(unit_number))
    books = view(Books, subject, subject.file(STANDING))
    if books is None or not (books.loans or books.held):
        raise Problem(404, "no loan", "no loan on this home is known here", clause="LC-F2")
    held = (
        HeldMoney(money=m.id, case=m.case, booked_at=m.fact.booked_at, amount_fen=m.fact.amount_fen) for m in books.held
    )
    loans = tuple(_loan(book) for book in books.loans)
    return LoansPage(unit_number=subject.key, loans=loans, held=tuple(held))


def _loan(book: LoanBook) -> LoanPage:
    imported = book.imported
    return LoanPage(
        loan_number=book.terms.loan_number,
        borrowers=imported.borrowers,
        mortgage_certificate=imported.mortgage_certificate,
        settlement_account=imported.settlement_account,
        no_transfer_clause=imported.no_transfer_clause,
        imported=imported.terms,
        terms=book.terms,
        settled=book.settled,
        settled_on=book.settled_on if book.settled else None,
        quoted=book.quoted,
        bookings=tuple(_booking(entry) for entry in book.entries),
    )


def _booking(entry: Entry) -> BookingLine:
    money = entry.money
    return BookingLine(
        money=money.id,
        case=money.case,
        booked_at=money.fact.booked_at,
        amount_fen=money.fact.amount_fen,
        booking=entry.booking,
    )
