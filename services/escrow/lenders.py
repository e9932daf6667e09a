"""What the lenders of a sale have said: who has a part, who lends how much, whose no has left a gap, who has ended."""

from dataclasses import dataclass
from typing import Self

from contracts.envelope import parse_source
from contracts.event import Role
from contracts.events.case import CaseOpened, PartyJoined
from contracts.events.escrow import TransferApplicationMade
from contracts.events.lender import LendingEnded, LoanApproved, LoanRejected, LoanReturned
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    FolioRefused,
    Stage,
    TransferRegistered,
)
from services.escrow.facts import RejectionAnswered, SaleBrought
from services.runtime.core.file import Filed
from services.runtime.core.rule import All, View

LENDING = (Role.BUYER_BANK, Role.FUND_CENTER)
Lender = tuple[Role, str]


@dataclass(frozen=True, slots=True)
class Loan:
    """A lender's newest yes. `live`: it has said no no since. From the advance notices on only those who have one lend,
    whatever they say later (`lends`), and only their money belongs into the case (`pays`); before, nobody knows yet
    whose money crosses his no."""

    lender: Lender
    approved: LoanApproved
    accounts: tuple[str, ...]
    live: bool
    lends: bool
    pays: bool

    @property
    def amount_fen(self) -> int:
        """What it lends."""
        return self.approved.amount_fen or 0


@dataclass(frozen=True, slots=True)
class Lenders(View):
    """Every lender with a part in the case, the loans that were ever approved, and each no that is a newest word."""

    parties: tuple[Lender, ...]
    loans: tuple[Loan, ...]
    noes: tuple[Filed[LoanRejected], ...]

    @classmethod
    def of(
        cls,
        opened: CaseOpened,
        joined: All[PartyJoined],
        decisions: All[LoanApproved | LoanRejected],
        notice: AdvanceNoticeRegistered | None,
    ) -> Self:
        named = [(role, name) for role, name in opened.institutions.items() if role in LENDING]
        parties = tuple(dict.fromkeys((*named, *((j.fact.role, j.fact.institution) for j in joined))))
        noticed = {(m.role, m.lender) for m in notice.mortgages} if notice is not None else None
        loans: list[Loan] = []
        noes: list[Filed[LoanRejected]] = []
        for lender in parties:
            said = [d for d in decisions if parse_source(d.speaker) == lender]
            yeses = [d.fact for d in said if isinstance(d.fact, LoanApproved)]
            live = bool(said) and isinstance(said[-1].fact, LoanApproved)
            if yeses:
                accounts = tuple(yes.pays_from for yes in yeses if yes.pays_from is not None)
                pays = noticed is None or lender in noticed
                loans.append(Loan(lender, yeses[-1], accounts, live, live if noticed is None else pays, pays))
            noes += [d for d in said[-1:] if isinstance(d.fact, LoanRejected)]  # pyright: ignore[reportAssignmentType]
        return cls(parties, tuple(loans), tuple(sorted(noes, key=lambda no: no.order)))


@dataclass(frozen=True, slots=True)
class Financing(View):
    """What the loans must bring beside the down payment, and who lends."""

    needed_fen: int
    loans: tuple[Loan, ...]
    live_fen: int

    @classmethod
    def of(cls, sale: SaleBrought, lenders: Lenders) -> Self | None:
        if sale.down_payment_fen is None:
            return None
        live_fen = sum(loan.amount_fen for loan in lenders.loans if loan.live)
        return cls(sale.price_fen - sale.down_payment_fen, tuple(x for x in lenders.loans if x.lends), live_fen)

    @property
    def approved_fen(self) -> int:
        """What those who lend bring."""
        return sum(loan.amount_fen for loan in self.loans)

    @property
    def exact(self) -> bool:
        """They bring just what is needed."""
        return self.approved_fen == self.needed_fen


@dataclass(frozen=True, slots=True)
class Financed(View):
    """The approved loans are just what the down payment leaves of the price."""

    loans: tuple[Loan, ...]

    @classmethod
    def of(cls, financing: Financing) -> Self | None:
        return cls(financing.loans) if financing.exact else None


@dataclass(frozen=True, slots=True)
class TooMuchLent(View):
    """The approved loans are more than the down payment leaves of the price."""

    approved_fen: int
    needed_fen: int
    contracts: tuple[str, ...]

    @classmethod
    def of(cls, financing: Financing) -> Self | None:
        if financing.approved_fen <= financing.needed_fen:
            return None
        contracts = tuple(loan.approved.loan_contract.number for loan in financing.loans)
        return cls(financing.approved_fen, financing.needed_fen, contracts)

    @property
    def mark(self) -> str:
        return " ".join(self.contracts)


@dataclass(frozen=True, slots=True)
class Rejection(View):
    """A lender's no has left the price without the loans that it needs. `applied`: the registry has been applied to
    already. `answer`: what the buyer has answered to it. After the entry no lender's no counts any more."""

    no: LoanRejected
    applied: bool
    answer: RejectionAnswered | None

    @classmethod
    def of(
        cls,
        financing: Financing,
        lenders: Lenders,
        made: All[TransferApplicationMade],
        notice: AdvanceNoticeRegistered | None,
        registered: TransferRegistered | None,
        answers: All[RejectionAnswered],
    ) -> Self | None:
        if registered is not None or not lenders.noes or financing.live_fen >= financing.needed_fen:
            return None
        newest = lenders.noes[-1]
        applied = notice is not None or any(m.fact.stage is Stage.NOTICE for m in made)
        since = [a.fact for a in answers if a.order > newest.order]
        return cls(newest.fact, applied, since[-1] if since else None)


@dataclass(frozen=True, slots=True)
class LendersDone(View):
    """Nobody has anything of his in this case any more: each lender has said that nothing more goes out, and has back
    what it had sent; the advance notices are gone. A refused folio has been lent on by nobody."""

    lenders: tuple[Lender, ...]

    @classmethod
    def of(
        cls,
        lenders: Lenders,
        ended: All[LendingEnded],
        whole: All[LoanReturned],
        notice: AdvanceNoticeRegistered | None,
        gone: All[AdvanceNoticeEnded | AdvanceNoticeLapsed],
        refused: FolioRefused | None,
    ) -> Self | None:
        if refused is not None:
            return cls(lenders.parties)
        back = {parse_source(w.speaker) for w in whole}
        done = {parse_source(e.speaker) for e in ended if not e.fact.sent_fen or parse_source(e.speaker) in back}
        if not done.issuperset(lenders.parties) or (notice is not None and not gone):
            return None
        return cls(lenders.parties)
