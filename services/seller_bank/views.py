"""What several facts of the seller's bank say together: views of a case's file, or of a folio's, over its books.

Each is a pure function of the file. The rules read as sentences because of them: a rule that names a view speaks where
the view is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from contracts.events.case import CaseOpened
from contracts.events.escrow import PayoffTransferred
from contracts.events.lender import LoanApproved, LoanRejected
from contracts.events.registry import FolioReserved, MortgageReleased, TransferRegistered
from contracts.events.seller_bank import PayoffCompleted, PayoffQuoted, ReleaseApplied
from contracts.values import DocumentNumber
from services.runtime.core.facts import MoneyReceived, Pay, PeriodStarted
from services.runtime.core.file import Filed
from services.runtime.core.rule import Across, All, View
from services.runtime.core.running import Running, in_time
from services.seller_bank.books import Books, CaseLoan, Entry, LoanBook
from services.seller_bank.facts import ConsentDecided, Ends, PayoffAsked, names_case, sold_by

CONSENT, BOOKING, RELEASE = "consent", "payoff-booking", "release"
"""The bank's periods, by the names under which an opening pins them."""

QUOTE = "payoff-quote"
"""The period that a quote runs as."""


# --- the loan of the buyers -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LoanStands(View):
    """A lender has approved a loan to the buyers and has not taken it back; `since`: the approval since which there was
    always one that stood."""

    since: Filed[LoanApproved | LoanRejected]

    @classmethod
    def of(cls, words: All[LoanApproved | LoanRejected]) -> "LoanStands | None":
        """The view of one case's file: of each lender its newest word counts."""
        since: Filed[LoanApproved | LoanRejected] | None = None
        standing: frozenset[str] = frozenset()
        for word in words:
            if isinstance(word.fact, LoanApproved):
                since = word if since is None else since
                standing |= {word.speaker}
            else:
                standing -= {word.speaker}
                since = since if standing else None
        return cls(since) if since is not None else None


@dataclass(frozen=True, slots=True)
class ConsentAwaited(View):
    """A loan stands, and the bank has not decided on its consent."""

    since: Filed[LoanApproved | LoanRejected]

    @classmethod
    def of(cls, stands: LoanStands, decided: ConsentDecided | None) -> "ConsentAwaited | None":
        """The view of one case's file."""
        return cls(stands.since) if decided is None else None

    @property
    def mark(self) -> str:
        """Once per approval that the bank has to decide upon."""
        return self.since.id


@dataclass(frozen=True, slots=True)
class ConsentUnasked(View):
    """The period for the consent runs, nothing is decided, and no loan stands any more."""

    period: Filed[PeriodStarted]

    @classmethod
    def of(
        cls, running: "Running", stands: LoanStands | None, decided: ConsentDecided | None
    ) -> "ConsentUnasked | None":
        """The view of one case's file."""
        found = [f for f in running.periods if f.fact.period.name == CONSENT]
        return cls(found[0]) if found and stands is None and decided is None else None

    @property
    def mark(self) -> str:
        """Once per period."""
        return self.period.id


# --- the payoff and the release ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Untold(View):
    """The oldest booking since the first quote was asked for that the case has not been told of. Earlier ones
    are in the quote. `by_the_case`: the escrow's own word names its transfer, or its text names the case and
    it does not come from a seller or a borrower himself."""

    entry: Entry
    quote: DocumentNumber
    by_the_case: bool

    @classmethod
    def of(
        cls,
        opened: Filed[CaseOpened],
        loan: CaseLoan,
        asked: All[PayoffAsked],
        quotes: All[PayoffQuoted],
        told: All[PayoffCompleted],
        transfers: All[PayoffTransferred],
    ) -> "Untold | None":
        """The view of one case's file, over the books of the folio."""
        if not quotes:
            return None
        entries = [entry for entry in loan.book.entries if entry.money.order > asked[0].order]
        if len(told) >= len(entries):
            return None
        entry = entries[len(told)]
        money = entry.money.fact
        sent = [f.fact for f in transfers if f.fact.rail_transfer == money.rail_transfer]
        own_accounts = {seller.account for seller in opened.fact.sellers}
        own_names = {person.name for person in loan.book.imported.borrowers}
        himself = money.from_account in own_accounts or money.from_owner in own_names
        by_the_case = bool(sent) or (names_case(money.reference, opened.case) and not himself)
        # The quote that the escrow paid need not be the newest: its word says which, or the remittance text.
        numbers = [quote.fact.statement.number for quote in quotes]
        named = [number for number in numbers if number in money.reference] or numbers[-1:]
        return cls(entry, sent[0].quote if sent else named[-1], by_the_case)

    @property
    def mark(self) -> str:
        """Once per receipt."""
        return self.entry.money.id


@dataclass(frozen=True, slots=True)
class QuoteSettled(View):
    """The loan is settled while the period of its newest quote runs."""

    period: Filed[PeriodStarted]

    @classmethod
    def of(cls, loan: CaseLoan, started: All[PeriodStarted]) -> "QuoteSettled | None":
        """The view of one case's file."""
        quotes = [f for f in started if f.fact.period.name == QUOTE]
        return cls(quotes[-1]) if quotes and loan.book.settled else None

    @property
    def mark(self) -> str:
        """Once per quote."""
        return self.period.id


@dataclass(frozen=True, slots=True)
class SettledUnquoted(View):
    """The transfer is entered, and the borrower has settled the loan before anyone asked for a payoff
    statement."""

    @classmethod
    def of(cls, _: TransferRegistered, loan: CaseLoan, asked: PayoffAsked | None) -> "SettledUnquoted | None":
        """The view of one case's file."""
        return cls() if asked is None and loan.book.settled else None


@dataclass(frozen=True, slots=True)
class ReleaseDue(View):
    """The loan is settled, its mortgage stands, no release was applied for, and this is the case to do it in: of those
    that are not over the one that holds the folio, for it waits for the release; else the newest; else the newest of
    all."""

    loan: CaseLoan

    @classmethod
    def of(
        cls,
        opened: Filed[CaseOpened],
        loan: CaseLoan,
        cases: Across[CaseOpened],
        ended: Across[Ends],
        reserved: Across[FolioReserved],
        told: Across[ReleaseApplied | MortgageReleased],
    ) -> "ReleaseDue | None":
        """The view of one case's file, over the whole folio."""
        certificate = loan.book.imported.mortgage_certificate
        if not loan.book.settled or any(_about(filed.fact) == certificate for filed in told):
            return None
        over = {filed.case for filed in ended}
        of_this_loan = [case.case for case in cases if sold_by(case.fact, loan.book.imported)]
        live = [case for case in of_this_loan if case not in over]
        holding = [case for case in live if case in {filed.case for filed in reserved}]
        return cls(loan) if (holding or live or of_this_loan)[-1] == opened.case else None

    @property
    def mark(self) -> str:
        """Once per settlement."""
        return self.loan.book.terms.loan_number


def _about(fact: ReleaseApplied | MortgageReleased) -> str:
    return fact.mortgage_certificate if isinstance(fact, ReleaseApplied) else fact.certificate


@dataclass(frozen=True, slots=True)
class SettledWithoutACase(View):
    """The newest loan is settled, and no case is known in which its release could be applied for."""

    book: LoanBook

    @classmethod
    def of(cls, books: Books, cases: Across[CaseOpened]) -> "SettledWithoutACase | None":
        """The view of a folio's standing file."""
        if not books.loans or not books.loans[-1].settled:
            return None
        book = books.loans[-1]
        return None if any(sold_by(case.fact, book.imported) for case in cases) else cls(book)

    @property
    def mark(self) -> str:
        """Once per loan."""
        return self.book.terms.loan_number


# --- money ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SurplusDue(View):
    """The oldest receipt of this file that was more than the debt, as long as the rest has not been ordered
    back."""

    money: Filed[MoneyReceived]
    amount_fen: int

    @classmethod
    def of(cls, books: Books, here: All[MoneyReceived], payments: All[Pay]) -> "SurplusDue | None":
        """The view of one file, over the books of the folio."""
        ordered = {payment.fact.about for payment in payments}
        surplus_fen = {entry.money.id: entry.booking.surplus_fen for entry in books.entries}
        for money in here:
            if surplus_fen.get(money.id, 0) and money.id not in ordered:
                return cls(money, surplus_fen[money.id])
        return None

    @property
    def mark(self) -> str:
        """Once per receipt."""
        return self.money.id


# --- periods ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settled(View):
    """The loan of this case is settled, since the case was heard of."""

    at: datetime

    @classmethod
    def of(cls, opened: Filed[CaseOpened], loan: CaseLoan) -> "Settled | None":
        """The view of one case's file."""
        return cls(max(loan.book.settled_at, opened.at)) if loan.book.settled else None


@dataclass(frozen=True, slots=True)
class Acts(View):
    """When each act that a period waits for was done, as far as they are done: the moment of the act
    itself."""

    done: Mapping[str, datetime] = field(default_factory=dict[str, datetime])

    @classmethod
    def of(
        cls,
        decided: Filed[ConsentDecided] | None,
        transfers: All[PayoffTransferred],
        books: Books,
        loan: CaseLoan | None,
        released: All[MortgageReleased],
    ) -> "Acts":
        """The view of one case's file."""
        done: dict[str, datetime] = {}
        if decided is not None:
            done[CONSENT] = decided.at
        arrived = {entry.money.fact.rail_transfer: entry.money.fact.booked_at for entry in books.entries}
        moments = [arrived.get(sent.fact.rail_transfer) for sent in transfers]
        if moments and all(moments):
            done[BOOKING] = max(moment for moment in moments if moment is not None)
        gone = [
            f.fact.released_at
            for f in released
            if loan and f.fact.certificate == loan.book.imported.mortgage_certificate
        ]
        if gone:
            done[RELEASE] = gone[0]
        return cls(done)


@dataclass(frozen=True, slots=True)
class DoneInTime(View):
    """A running period whose act is done, and was done in time as far as the calendar says."""

    started: Filed[PeriodStarted]

    @classmethod
    def of(cls, running: Running, acts: Acts) -> "DoneInTime | None":
        """The view of one case's file."""
        for started in running.periods:
            act = acts.done.get(started.fact.period.name)
            if act is not None and in_time(started.fact, act):
                return cls(started)
        return None

    @property
    def mark(self) -> str:
        """Once per period."""
        return self.started.id
