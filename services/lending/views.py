"""What several facts of a lender say together: views of a case's file, each a pure function of it.

Two lenders of one case say the same words, and each hears the other's. `Us` tells them apart: what people do at our
desk is filed in our name.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from contracts.document import Document
from contracts.envelope import parse_source
from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened, JoinRefused
from contracts.events.escrow import DepositConfirmed, MoneyKind
from contracts.events.lender import (
    JoinRequested,
    LendingEnded,
    LoanApproved,
    LoanRejected,
    MortgageApplicationMade,
)
from contracts.events.registry import (
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    FolioRefused,
    FolioReserved,
    RegisteredMortgage,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    Stage,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued
from contracts.values import Clause, DocumentNumber, IdentityNumber
from services.lending.facts import (
    ApplicationClosed,
    ApplicationMended,
    ContractsSigned,
    LoanAppliedFor,
    LoanDecided,
    LoanWithdrawn,
)
from services.runtime.core.facts import (
    MoneyReceived,
    PaymentAccepted,
    PeriodStarted,
    Purpose,
)
from services.runtime.core.file import Filed
from services.runtime.core.money import Ledger, Order, OrderState
from services.runtime.core.periods import day_in_china
from services.runtime.core.rule import All, View
from services.runtime.core.running import Running, in_time

DECISION, DISBURSEMENT = "loan-decision", "disbursement"
"""A lender's periods, by the names under which an opening pins them."""

# --- who we are, and how far the case is ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Us(View):
    """This institution, as its own facts name it. None before anybody has done anything at its desk."""

    role: Role
    institution: str
    source: str

    @classmethod
    def of(cls, own: All[LoanAppliedFor | LoanDecided]) -> Self | None:
        return cls(*parse_source(own[0].speaker), own[0].speaker) if own else None

    @property
    def pays_by(self) -> Clause:
        """The sentence by which it pays: a bank's loan, or a provident-fund loan."""
        return "LC-R3" if self.role is Role.FUND_CENTER else "LC-L5"


@dataclass(frozen=True, slots=True)
class Over(View):
    """Nothing is lent in this case any more; `why` says since which word."""

    why: str

    @classmethod
    def of(
        cls,
        refused: FolioRefused | None,
        closed: RegistrationClosed | None,
        completed: CaseCompleted | None,
        cancelled: CaseCancelled | None,
        turned_away: ApplicationClosed | None,
    ) -> Self | None:
        stages = (
            (turned_away, "the keeper takes no lender into the case any more"),
            (cancelled, "the case is cancelled"),
            (completed, "the case is completed"),
            (closed, "the registry has closed the case"),
            (refused, "the registry has refused the folio"),
        )
        return next((cls(why) for fact, why in stages if fact is not None), None)


# --- from the application to the contracts ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asking(View):
    """We have asked the keeper for our part in the case, and it has not answered."""

    asked: JoinRequested

    @classmethod
    def of(cls, asked: Filed[JoinRequested], answers: All[JoinRefused], opened: CaseOpened | None) -> Self | None:
        answered = opened is not None or any(answer.order > asked.order for answer in answers)
        return None if answered else cls(asked.fact)


def join_request(applied: LoanAppliedFor) -> JoinRequested:
    """What we ask the keeper because of an application."""
    return JoinRequested(
        keeper=applied.keeper,
        contract_number=applied.contract_number,
        deposit_certificate=applied.deposit_certificate,
        code=applied.code,
    )


@dataclass(frozen=True, slots=True)
class NotLetIn(View):
    """The keeper has refused us a part in the case, and since then nobody has applied here again or let it rest."""

    refused: JoinRefused

    @classmethod
    def of(
        cls, refused: Filed[JoinRefused], since: Filed[LoanAppliedFor | LoanDecided], opened: CaseOpened | None
    ) -> Self | None:
        return None if opened is not None or since.order > refused.order else cls(refused.fact)


@dataclass(frozen=True, slots=True)
class Answer(View):
    """What we have last decided, as long as nobody has applied anew since. `stands`: a yes that was not taken back."""

    decided: Filed[LoanDecided]
    stands: bool

    @classmethod
    def of(
        cls,
        decided: Filed[LoanDecided],
        applied: Filed[LoanAppliedFor] | None,
        withdrawn: Filed[LoanWithdrawn] | None,
    ) -> Self | None:
        if applied is not None and applied.order > decided.order:
            return None
        taken_back = withdrawn is not None and withdrawn.order > decided.order
        return cls(decided, decided.fact.approve and not taken_back)

    @property
    def mark(self) -> str:
        """Once per decision."""
        return self.decided.id


@dataclass(frozen=True, slots=True)
class Undecided(View):
    """The application that waits for our decision."""

    applied: Filed[LoanAppliedFor]

    @classmethod
    def of(cls, applied: Filed[LoanAppliedFor], answer: Answer | None, _: CaseOpened) -> Self | None:
        return cls(applied) if answer is None else None


@dataclass(frozen=True, slots=True)
class Unfit(View):
    """Why nothing can be lent on the newest application, as far as words are on file."""

    why: str

    @classmethod
    def of(cls, applied: LoanAppliedFor, opened: CaseOpened, confirmed: All[DepositConfirmed]) -> Self | None:
        why = _not_the_cases(applied, opened) or _not_proved(applied, confirmed)
        return cls(why) if why else None


def _not_the_cases(applied: LoanAppliedFor, opened: CaseOpened) -> str:
    """In what an application is not about the sale of the case; no names, for worklists are read."""
    if applied.contract_number != opened.contract_number:
        return f"it is for contract {applied.contract_number}, the case for {opened.contract_number}"
    if applied.unit_number != opened.unit_number:
        return "it is for another home than the case"
    buyers = {party.person.id_number for party in opened.buyers or ()}
    if not buyers or not buyers <= {person.id_number for person in applied.applicants}:
        return "not every buyer is among its applicants"
    return ""


def _not_proved(applied: LoanAppliedFor, confirmed: All[DepositConfirmed]) -> str:
    """In what its proof of the down payment is not the one that the escrow has issued."""
    issued = [c.fact.certificate for c in confirmed if c.fact.kind is MoneyKind.DOWN_PAYMENT]
    if not issued:
        return "the escrow has not confirmed the down payment"
    if all((c.number, c.code) != (applied.deposit_certificate, applied.code) for c in issued):
        return f"{applied.deposit_certificate} with this code is not what the escrow has issued for the down payment"
    return ""


@dataclass(frozen=True, slots=True)
class Gap(View):
    """What is still to be lent: the price without the down payment, and without what others have approved. In fen."""

    open_fen: int

    @classmethod
    def of(cls, us: Us, opened: CaseOpened, words: All[LoanApproved | LoanRejected]) -> Self:
        newest = {word.speaker: word.fact for word in words if word.speaker != us.source}
        others = sum(word.amount_fen or 0 for word in newest.values() if isinstance(word, LoanApproved))
        return cls((opened.price_fen or 0) - (opened.down_payment_fen or 0) - others)


@dataclass(frozen=True, slots=True)
class Granted(View):
    """We have decided yes: what was decided, on which application, and who has not signed the contracts yet."""

    applied: LoanAppliedFor
    decided: Filed[LoanDecided]
    unsigned: tuple[IdentityNumber, ...]

    @classmethod
    def of(cls, applied: LoanAppliedFor, answer: Answer, signatures: All[ContractsSigned]) -> Self | None:
        if not answer.stands:
            return None
        signed = {person for s in signatures if s.order > answer.decided.order for person in s.fact.signed_by}
        unsigned = tuple(p.id_number for p in applied.applicants if p.id_number not in signed)
        return cls(applied, answer.decided, unsigned)


@dataclass(frozen=True, slots=True)
class Contracted(View):
    """Every applicant has signed both contracts."""

    applied: LoanAppliedFor
    decided: Filed[LoanDecided]

    @classmethod
    def of(cls, granted: Granted) -> Self | None:
        return None if granted.unsigned else cls(granted.applied, granted.decided)

    @property
    def mark(self) -> str:
        """Once per decision."""
        return self.decided.id


@dataclass(frozen=True, slots=True)
class Approval(View):
    """Our yes, said and not taken back, with the application behind it."""

    said: Filed[LoanApproved]
    applied: LoanAppliedFor

    @classmethod
    def of(cls, us: Us, approvals: All[LoanApproved], applied: LoanAppliedFor, answer: Answer) -> Self | None:
        ours = [a for a in approvals if a.speaker == us.source and a.order > answer.decided.order]
        return cls(ours[-1], applied) if ours and answer.stands else None

    @property
    def amount_fen(self) -> int:
        """What we lend."""
        return self.said.fact.amount_fen or 0

    @property
    def contract(self) -> DocumentNumber:
        """The loan contract's number, which tells one approval from the next."""
        return self.said.fact.loan_contract.number


# --- the joint applications, and the notice ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OurNotice(View):
    """The advance notices are registered: our certificate among them, and why we do not pay on it (empty: we do)."""

    notice: Filed[AdvanceNoticeRegistered]
    certificate: Document | None
    why_not: str

    @classmethod
    def of(
        cls,
        us: Us,
        approval: Approval | None,
        opened: CaseOpened,
        notice: Filed[AdvanceNoticeRegistered],
        said: All[LoanApproved],
        made: All[MortgageApplicationMade],
    ) -> Self | None:
        named = [m.certificate for m in notice.fact.mortgages if (m.role, m.lender) == (us.role, us.institution)]
        once_approved = any(word.speaker == us.source for word in said)
        if approval is None and (once_approved or not named):
            return None  # taken back meanwhile, or no business of ours
        if approval is None:
            why = "it names us, and we have approved no loan"
        elif len(named) != 1:
            why = "it does not name us" if not named else "it names us more than once"
        elif notice.fact.unit_number != opened.unit_number:
            why = f"it is about another home, {notice.fact.unit_number}"
        elif all(m.fact.loan_contract != approval.contract for m in made):
            why = f"we have not applied for it by loan contract {approval.contract}"
        elif opened.deposit_account is None:
            why = "the case names no deposit account"
        elif day_in_china(notice.at) > notice.fact.valid_until:
            why = f"it was valid until {notice.fact.valid_until}, and came later"
        else:
            why = ""
        return cls(notice, named[0] if named else None, why)


@dataclass(frozen=True, slots=True)
class PayableNotice(View):
    """We hold the certificate of our mortgage's advance notice, in time, as we applied for it."""

    certificate: DocumentNumber

    @classmethod
    def of(cls, ours: OurNotice) -> Self | None:
        return cls(ours.certificate.number) if ours.certificate is not None and not ours.why_not else None

    @property
    def mark(self) -> str:
        """Once per certificate."""
        return self.certificate


@dataclass(frozen=True, slots=True)
class UnpayableNotice(View):
    """The notices are registered, and we do not pay on them."""

    notice: AdvanceNoticeRegistered
    why: str

    @classmethod
    def of(cls, ours: OurNotice) -> Self | None:
        return cls(ours.notice.fact, ours.why_not) if ours.why_not else None

    @property
    def mark(self) -> str:
        """Once per registration."""
        return str(self.notice.entry_number)


@dataclass(frozen=True, slots=True)
class GivenBack(View):
    """The joint applications of the present stage that the registry has given back: how many, and which of them we have
    not mended. What we have approved since then needs no mending: it is applied for anew."""

    stage: Stage
    count: int
    unmended: tuple[Filed[RegistrationReturned], ...]

    @classmethod
    def of(
        cls,
        approval: Approval,
        notice: Filed[AdvanceNoticeRegistered] | None,
        returned: All[RegistrationReturned],
        mended: All[ApplicationMended],
        made: All[MortgageApplicationMade],
    ) -> Self:
        since = notice.order if notice is not None else 0
        here = [answer for answer in returned if answer.order > since]
        ours = [m for m in made if m.fact.loan_contract == approval.contract and m.order > since]
        done = {m.fact.application for m in mended}
        unmended = tuple(
            answer
            for answer in here
            if answer.fact.application not in done and any(m.order < answer.order for m in ours)
        )
        return cls(Stage.NOTICE if notice is None else Stage.REGISTRATION, len(here), unmended)


@dataclass(frozen=True, slots=True)
class Part(View):
    """Everything that our part of the joint application rests on is there. `round` counts how often it was made."""

    stage: Stage
    round: int
    approval: Approval
    contract_number: str
    consent: DocumentNumber
    notice: DocumentNumber | None

    @classmethod
    def of(
        cls,
        us: Us,
        opened: CaseOpened,
        _: FolioReserved,
        consent: ConsentIssued,
        approval: Approval,
        back: GivenBack,
        held: All[DepositConfirmed],
        payable: PayableNotice | None,
        over: All[TransferRegistered | RegistrationRefused | AdvanceNoticeLapsed],
    ) -> Self | None:
        if back.unmended or over:
            return None
        if back.stage is Stage.REGISTRATION:
            ours = [h for h in held if h.fact.kind is MoneyKind.LOAN and h.fact.lender == us.institution]
            if payable is None or (us.role is Role.BUYER_BANK and not ours):
                return None
        notice = payable.certificate if payable is not None else None
        return cls(back.stage, back.count + 1, approval, opened.contract_number, consent.opinion.number, notice)

    @property
    def mark(self) -> str:
        """Once per stage, contract and round."""
        return f"{self.stage.value} {self.approval.contract} {self.round}"


@dataclass(frozen=True, slots=True)
class OurMortgage(View):
    """Our mortgage is in the register (LC-L6)."""

    mortgage: RegisteredMortgage

    @classmethod
    def of(cls, us: Us, registered: TransferRegistered) -> Self | None:
        ours = (m for m in registered.new_mortgages if (m.role, m.lender) == (us.role, us.institution))
        return next((cls(mortgage) for mortgage in ours), None)


# --- money ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lent(View):
    """What we have sent, and what has come back from the deposit account, in fen. `not_ours`: what has come beside
    that, receipt by receipt, and has not been sent back."""

    orders: tuple[Order, ...]
    returned_fen: int
    not_ours: tuple[tuple[Filed[MoneyReceived], int], ...]

    @classmethod
    def of(cls, ledger: Ledger, opened: CaseOpened | None) -> Self:
        loans = tuple(order for order in ledger.orders if order.pay.purpose is Purpose.LOAN)
        deposit = opened.deposit_account.account if opened is not None and opened.deposit_account else None
        owed = sum(order.pay.amount_fen for order in loans if order.moves)
        returned = 0
        beside: list[tuple[Filed[MoneyReceived], int]] = []
        for receipt in ledger.receipts:
            amount = receipt.fact.amount_fen
            ours = min(amount, owed - returned) if receipt.fact.from_account == deposit else 0
            returned += ours
            if amount > ours and not ledger.claimed_fen(Purpose.REFUND, receipt.id):
                beside.append((receipt, amount - ours))
        return cls(loans, returned, tuple(beside))

    @property
    def sent_fen(self) -> int:
        """What the rail has taken from us and not brought back."""
        sent = (OrderState.ACCEPTED, OrderState.SETTLED)
        return sum(order.pay.amount_fen for order in self.orders if order.state in sent)

    @property
    def out_fen(self) -> int:
        """What of it has not come back."""
        return self.sent_fen - self.returned_fen

    @property
    def undecided(self) -> bool:
        """The rail has not said what becomes of a payment."""
        return any(order.state is OrderState.ASKED for order in self.orders)


@dataclass(frozen=True, slots=True)
class LendingOver(View):
    """The registry has closed the case, and the rail has answered every payment of ours."""

    sent_fen: int

    @classmethod
    def of(cls, _: RegistrationClosed, lent: Lent) -> Self | None:
        return None if lent.undecided else cls(lent.sent_fen)


@dataclass(frozen=True, slots=True)
class Whole(View):
    """What we had sent in a case that was closed is back with us: booked, or never arrived."""

    amount_fen: int

    @classmethod
    def of(cls, ended: LendingEnded, lent: Lent) -> Self | None:
        return cls(ended.sent_fen) if ended.sent_fen and lent.out_fen <= 0 else None


# --- periods ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Acts(View):
    """What we have done that a period may wait for: our decisions as they were said, our loan as the rail took it."""

    decisions: tuple[Filed[LoanApproved | LoanRejected], ...]
    refusals: tuple[Filed[LoanApproved | LoanRejected], ...]
    payments: tuple[Filed[PaymentAccepted], ...]

    @classmethod
    def of(cls, us: Us, words: All[LoanApproved | LoanRejected], taken: All[PaymentAccepted], ledger: Ledger) -> Self:
        loans = {order.id for order in ledger.orders if order.pay.purpose is Purpose.LOAN}
        ours = tuple(word for word in words if word.speaker == us.source)
        noes = tuple(word for word in ours if isinstance(word.fact, LoanRejected))
        return cls(ours, noes, tuple(t for t in taken if t.fact.payment in loans))

    def done_at(self, started: Filed[PeriodStarted]) -> datetime | None:
        """When the act that this period waits for was done; None as long as it is not."""
        acts = self.decisions if started.fact.period.name == DECISION else (*self.refusals, *self.payments)
        return min((act.at for act in acts if act.order > started.order), default=None)


@dataclass(frozen=True, slots=True)
class DoneInTime(View):
    """A running period whose act is done, and was done in time as far as the calendar says."""

    started: Filed[PeriodStarted]

    @classmethod
    def of(cls, running: Running, acts: Acts) -> Self | None:
        for started in running.periods:
            act = acts.done_at(started)
            if act is not None and in_time(started.fact, act):
                return cls(started)
        return None

    @property
    def mark(self) -> str:
        """Once per period."""
        return self.started.id
