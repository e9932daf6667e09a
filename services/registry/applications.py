"""Applications and what belongs to them: who leads one, which lenders take part, what was decided.

Buyer and seller lead, by the notary or at the counter. In a sale with a loan every lender whose approval is live makes
its own part, and all of it is decided together, first for the advance notices and then for the entry.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from contracts.envelope import parse_source
from contracts.event import Role
from contracts.events.escrow import TransferApplicationMade
from contracts.events.lender import LoanApproved, LoanRejected, MortgageApplicationMade
from contracts.events.registry import AdvanceNoticeLapsed, Stage
from contracts.values import DocumentNumber, Person
from services.registry.facts import (
    Decision,
    Material,
    NoticesEntered,
    OwnershipEntered,
    RegistrationDecided,
    TransferAppliedFor,
)
from services.registry.views import Terms
from services.runtime.core.file import Filed
from services.runtime.core.rule import All, View

# --- who leads ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Application:
    """One application of buyer and seller, made by the notary under power of attorney or by the people themselves.
    `materials`: what the people handed in; None where the notary's application names its documents by their numbers."""

    id: str
    number: DocumentNumber
    received_at: datetime
    order: int
    stage: Stage
    sellers: tuple[Person, ...]
    buyers: tuple[Person, ...]
    contract_number: str
    consent: DocumentNumber | None
    notice: DocumentNumber | None
    deposit_certificates: tuple[DocumentNumber, ...]
    materials: tuple[Material, ...] | None


@dataclass(frozen=True, slots=True)
class Applications(View):
    """All applications of buyer and seller in a case in the order they came, with what was decided on them. `done`: the
    stages in which nothing waits any more."""

    made: tuple[Application, ...]
    decided: frozenset[DocumentNumber]
    done: frozenset[Stage]

    @classmethod
    def of(
        cls,
        made: All[TransferApplicationMade | TransferAppliedFor],
        decisions: All[RegistrationDecided],
        noticed: NoticesEntered | None,
        entered: OwnershipEntered | None,
        lapsed: AdvanceNoticeLapsed | None,
    ) -> Self:
        """Always there, perhaps empty."""
        at_the_counter = [f.id for f in made if isinstance(f.fact, TransferAppliedFor)]
        applications = tuple(_application(f, at_the_counter) for f in made)
        done = frozenset({Stage.NOTICE} if noticed is not None else ())
        if entered is not None or lapsed is not None:
            done = frozenset(Stage)
        return cls(applications, frozenset(d.fact.application for d in decisions), done)

    @property
    def undecided(self) -> tuple[Application, ...]:
        """Those that wait for a registrar. What has been entered, and what cannot be any more, waits for nobody."""
        return tuple(a for a in self.made if a.number not in self.decided and a.stage not in self.done)

    def named(self, number: str) -> Application | None:
        """The application of this number."""
        return next((a for a in self.made if a.number == number), None)


def _application(made: Filed[TransferApplicationMade | TransferAppliedFor], at_the_counter: list[str]) -> Application:
    fact = made.fact
    common = (made.at, made.order, fact.stage, fact.sellers, fact.buyers, fact.contract_number)
    if isinstance(fact, TransferApplicationMade):
        papers = (fact.consent, fact.notice, fact.deposit_certificates, None)
        return Application(made.id, fact.application.number, *common, *papers)
    number = counter_number(made.case, at_the_counter.index(made.id) + 1)
    return Application(made.id, number, *common, None, None, (), fact.materials)


def counter_number(case: str, n: int) -> DocumentNumber:
    """The number of a case's n-th application at the counter: `LC-2026-000001柜台受理第001号`."""
    return DocumentNumber(f"{case}柜台受理第{n:03d}号")


# --- who lends ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lender:
    """A lender of the case: the same institution in another role is another lender."""

    role: Role
    institution: str


@dataclass(frozen=True, slots=True)
class Financing(View):
    """The live approvals, in the order they came, and the gap that they must fill: what the buyers' own part leaves of
    the price. In a sale paid in full there is neither."""

    gap_fen: int
    live: tuple[tuple[Lender, LoanApproved], ...]

    @classmethod
    def of(cls, terms: Terms, answers: All[LoanApproved | LoanRejected]) -> Self:
        """Of a lender's words its newest counts: a yes is live until its no."""
        price_fen, own_fen = terms.opened.price_fen, terms.opened.down_payment_fen
        newest = {lender_of(answer.speaker): answer.fact for answer in answers}
        live = tuple((lender, yes) for lender, yes in newest.items() if isinstance(yes, LoanApproved))
        return cls((price_fen or 0) - own_fen if own_fen is not None else 0, live)

    @property
    def approved_fen(self) -> int:
        """What the live approvals add up to."""
        return sum(approval.amount_fen or 0 for _, approval in self.live)

    @property
    def exact(self) -> bool:
        """Whether the loans fill the gap, no fen more and no fen less."""
        return self.approved_fen == self.gap_fen

    def approval(self, lender: Lender) -> LoanApproved | None:
        """The live approval of this lender."""
        return dict(self.live).get(lender)


def lender_of(speaker: str) -> Lender:
    """The lender that says a word, from the word's source."""
    return Lender(*parse_source(speaker))


# --- all of it together -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JointApplication:
    """An application with the parts of the lenders, in the order in which these came. `missing`: what is not there yet,
    each in words for a clerk; nothing where it is whole."""

    leading: Application
    parts: tuple[tuple[Lender, MortgageApplicationMade], ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JointApplications(View):
    """Each application of buyer and seller with the lenders' parts that belong to it. A part belongs to the stage that
    it names and to the round in which it was made: what is given back is given back whole, so the parts made before
    that are used up."""

    joint: tuple[JointApplication, ...]

    @classmethod
    def of(
        cls,
        applications: Applications,
        financing: Financing | None,
        parts: All[MortgageApplicationMade],
        decisions: All[RegistrationDecided],
    ) -> Self:
        """Always there, perhaps empty."""
        stages = {a.number: a.stage for a in applications.made}
        returned = [
            (stages[d.fact.application], d.order)
            for d in decisions
            if d.fact.decision is Decision.RETURN and d.fact.application in stages
        ]
        decided = {d.fact.application: d.order for d in decisions}
        joint: list[JointApplication] = []
        for leading in applications.made:
            until = decided.get(leading.number)
            since = [o for stage, o in returned if stage is leading.stage and (until is None or o < until)]
            of_its_round = [
                part
                for part in parts
                if part.fact.stage is leading.stage
                and part.order > max(since, default=-1)
                and (until is None or part.order < until)
            ]
            joint.append(_joint(leading, of_its_round, financing))
        return cls(tuple(joint))

    def led_by(self, number: str) -> JointApplication | None:
        """The joint application that the application of this number leads."""
        return next((j for j in self.joint if j.leading.number == number), None)


def _joint(
    leading: Application, parts: list[Filed[MortgageApplicationMade]], financing: Financing | None
) -> JointApplication:
    """Of each lender whose approval is live, its newest part."""
    live = financing.live if financing is not None else ()
    newest = {lender_of(part.speaker): part for part in parts}
    belonging = sorted((lender for lender, _ in live if lender in newest), key=lambda lender: newest[lender].order)
    missing = [f"the part of {lender.institution}" for lender, _ in live if lender not in newest]
    if financing is not None and not financing.exact:
        missing.append(f"loans of {financing.gap_fen} fen in all: approved are {financing.approved_fen}")
    return JointApplication(leading, tuple((lender, newest[lender].fact) for lender in belonging), tuple(missing))
