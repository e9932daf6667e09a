"""One loan for one home in Liaocheng, as a lender's tests have it: step by step to its end, at a bank or at the fund
centre, whose sentences are the same.

Built from tests.support.loan; each helper takes the fields that a test wants otherwise.
"""

from datetime import date
from typing import Any

from contracts.event import Event, Role
from contracts.events.case import CaseOpened
from contracts.events.escrow import MoneyKind
from contracts.events.lender import LoanApproved, MortgageApplicationMade
from contracts.period import Days, Period, Source
from contracts.values import UnitNumber
from services.lending.facts import OWN_FACTS, ContractsSigned, LoanAppliedFor, LoanDecided, LoanWithdrawn
from services.lending.rules import PHASES, lender_chapters
from services.runtime.core.facts import (
    Alarm,
    MoneyReceived,
    NumberWanted,
    Pay,
    PaymentAccepted,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
    PeriodPassed,
    PeriodStarted,
    Purpose,
)
from services.runtime.core.file import Said
from services.runtime.core.rule import rulebook
from services.runtime.core.turn import Turn
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import FOLIO, NOON, Bench

CASE = "LCL-TEST-1"
BOOK = rulebook(*lender_chapters(), phases=PHASES, own_facts=OWN_FACTS)
ACCOUNTS = {ln.LENDER: ln.LENDER_ACCOUNT, ln.FUND: ln.FUND_ACCOUNT, ln.OTHER_BANK: "ABC-LC-LOANS"}
APPLICATION = ln.transfer_application().application.number
UNMATCHED = f"unmatched:{ln.LENDER_ACCOUNT}"

By = tuple[Role, str]


class SlowNumbers(Bench):
    """A lender whose documents are numbered only when the test says so."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wanted: list[Said] = []

    def number(self) -> None:
        """The series answer."""
        wanted, self.wanted = self.wanted, []
        for said in wanted:
            super()._tell(said)

    def _tell(self, said: Said) -> None:
        if isinstance(said.filed.fact, NumberWanted):
            self.wanted.append(said)
        else:
            super()._tell(said)


def lender(by: By = ln.LENDER) -> Bench:
    """A lender that has heard nothing."""
    return Bench(*by, BOOK, case=CASE)


def us(bench: Bench) -> By:
    """Who is on the bench."""
    return bench.house.role, bench.house.institution


def period(name: str, days: int = 3, whose: Role = Role.BUYER_BANK) -> Period:
    """A period that a city might name."""
    return Period(name=name, whose=whose, days=days, count=Days.CALENDAR, clause="LC-R2", source=Source.PRACTICE)


def applied(bench: Bench | None = None, **changes: Any) -> LoanAppliedFor:
    """The buyer applies with what the escrow has given out."""
    fields: dict[str, Any] = {
        **ln.PROCEDURE,
        "by_clerk": "Qian",
        "unit_number": UnitNumber(FOLIO),
        "keeper": lc.NOTARY[1],
        "contract_number": ln.opened().contract_number,
        "applicants": (lc.BUYER,),
        "amount_fen": ln.LOAN_FEN,
        "months": 240,
        "deposit_certificate": ln.CERTIFICATE.number,
        "code": ln.CERTIFICATE.code,
        "pays_from": ACCOUNTS[us(bench)] if bench is not None else ln.LENDER_ACCOUNT,
    }
    return LoanAppliedFor.model_validate({**fields, **changes})


def yes(amount_fen: int | None = ln.LOAN_FEN) -> LoanDecided:
    """A clerk says yes."""
    return LoanDecided(by_clerk="Qian", approve=True, amount_fen=amount_fen)


def no(because: str = "income does not carry the instalments") -> LoanDecided:
    """A clerk says no."""
    return LoanDecided(by_clerk="Qian", approve=False, because=because)


def signed(*people: Any) -> ContractsSigned:
    """These have signed, the buyer unless others are named."""
    return ContractsSigned(by_clerk="Qian", signed_by=tuple(p.id_number for p in people or (lc.BUYER,)))


def withdrawn() -> LoanWithdrawn:
    """The lender takes its yes back."""
    return LoanWithdrawn(by_clerk="Qian", because="the income is lost", clause="LC-R2")


# --- from step to step ------------------------------------------------------------------------------------------------


def opened(*periods: Period, by: By = ln.LENDER, **changes: Any) -> CaseOpened:
    """The case as the escrow opens it, this lender named."""
    return ln.opened(**{"institutions": {**lc.INSTITUTIONS, by[0]: by[1]}, "periods": periods, **changes})


def named(*periods: Period, by: By = ln.LENDER, **changes: Any) -> Bench:
    """A lender that was named at the opening, with the down payment certified."""
    bench = lender(by)
    bench.hear(opened(*periods, by=by, **changes), lc.NOTARY)
    bench.hear(lc.reserved(), lc.REGISTRY)
    bench.hear(ln.certified(), lc.NOTARY)
    return bench


def asked(by: By = ln.LENDER, **changes: Any) -> Bench:
    """A lender that nobody has named, and that has asked the keeper for its part."""
    bench = lender(by)
    bench.own(applied(bench, **changes))
    return bench


def let_in(bench: Bench, *periods: Period) -> Bench:
    """The keeper lets it in, and the others say again what its role must know."""
    bench.hear(ln.joined(us(bench)), lc.NOTARY)
    bench.hear(ln.opened(periods=periods), lc.NOTARY)
    bench.hear(ln.certified(), lc.NOTARY)
    bench.hear(lc.reserved(), lc.REGISTRY)
    return bench


def granted(
    *periods: Period, by: By = ln.LENDER, amount_fen: int = ln.LOAN_FEN, application: Any = None, **changes: Any
) -> Bench:
    """The same as `named`; the buyer has applied, a clerk has said yes. `application`: what it has otherwise."""
    bench = named(*periods, by=by, **changes)
    bench.own(applied(bench, amount_fen=amount_fen, **(application or {})))
    bench.own(yes(amount_fen))
    return bench


def approved(*periods: Period, by: By = ln.LENDER, amount_fen: int = ln.LOAN_FEN, **changes: Any) -> Bench:
    """The same, and the contracts are signed."""
    bench = granted(*periods, by=by, amount_fen=amount_fen, **changes)
    bench.own(signed())
    return bench


def applied_for(*periods: Period, by: By = ln.LENDER, amount_fen: int = ln.LOAN_FEN, **changes: Any) -> Bench:
    """The same, the seller's bank consents, and the lender's part of the joint application is made."""
    bench = approved(*periods, by=by, amount_fen=amount_fen, **changes)
    bench.hear(lc.consent(), lc.BANK)
    return bench


def noticed(*periods: Period, by: By = ln.LENDER, amount_fen: int = ln.LOAN_FEN, **changes: Any) -> Bench:
    """The same, and the advance notices are registered."""
    bench = applied_for(*periods, by=by, amount_fen=amount_fen, **changes)
    bench.hear(ln.noticed(by), lc.REGISTRY)
    return bench


def paid(*periods: Period, by: By = ln.LENDER, amount_fen: int = ln.LOAN_FEN, **changes: Any) -> Bench:
    """The same, and the rail has taken the loan and settled it."""
    bench = noticed(*periods, by=by, amount_fen=amount_fen, **changes)
    accepted(bench)
    settled(bench)
    return bench


def certified(by: By = ln.LENDER, *, complete: bool = True) -> Event:
    """The escrow holds this lender's loan."""
    return ln.certified(MoneyKind.LOAN, by[1], price_complete=complete, n=25)


# --- money ------------------------------------------------------------------------------------------------------------


def loans(bench: Bench) -> list[Pay]:
    """What it has ordered to pay as its loan."""
    return [pay for pay in bench.said(Pay) if pay.purpose is Purpose.LOAN]


def newest(bench: Bench, case: str = CASE, subject: str = FOLIO) -> str:
    """The newest order's id."""
    return bench.file(Pay, case=case, subject=subject)[-1].id


def accepted(bench: Bench, transfer: str = "L-1") -> Turn:
    """The rail has taken the newest order."""
    return bench.own(PaymentAccepted(payment=newest(bench), rail_transfer=transfer))


def settled(bench: Bench) -> Turn:
    """The payee of the newest order has the money."""
    pay = bench.file(Pay)[-1]
    fact = PaymentSettled(
        payment=pay.id, account=pay.fact.from_account, line=len(bench.turns), amount_fen=pay.fact.amount_fen
    )
    return bench.own(fact)


def refused_by_the_rail(bench: Bench) -> Turn:
    """The rail does not take the newest order."""
    return bench.own(PaymentRefused(payment=newest(bench), why="the account is blocked"))


def returned_by_the_rail(bench: Bench) -> Turn:
    """The newest order's money comes back from the way."""
    pay = bench.file(Pay)[-1]
    fact = PaymentReturned(
        payment=pay.id,
        account=pay.fact.from_account,
        line=len(bench.turns),
        amount_fen=pay.fact.amount_fen,
        why="no such account",
    )
    return bench.own(fact)


def money(amount_fen: int = ln.LOAN_FEN, payer: str = lc.ESCROW_ACCOUNT, line: int = 9) -> MoneyReceived:
    """Money on the lender's account, from the deposit account unless a test says otherwise."""
    return lc.money(amount_fen, payer, line, ln.LENDER_ACCOUNT).model_copy(update={"reference": f"{CASE} refund"})


# --- what can be seen -------------------------------------------------------------------------------------------------


def approval(bench: Bench) -> LoanApproved:
    """The newest yes of its own."""
    return bench.said(LoanApproved)[-1]


def parts(bench: Bench) -> list[tuple[str, int]]:
    """Its parts of joint applications: stage and round."""
    return [(made.stage.value, made.round) for made in bench.said(MortgageApplicationMade)]


def actions(bench: Bench, subject: str = FOLIO) -> list[str]:
    """What waits for a person, by the desk's word for it."""
    return [row.data["action"] for row in bench.rows("wait", subject)]


def what(bench: Bench, action: str, subject: str = FOLIO) -> str:
    """What the worklist says about the one thing of this kind that waits."""
    (row,) = (row for row in bench.rows("wait", subject) if row.data["action"] == action)
    return str(row.data["what"])


def alarms(bench: Bench, case: str = CASE) -> list[Alarm]:
    """The incidents of a case."""
    return bench.said(Alarm, case=case)


def running(bench: Bench) -> list[str]:
    """The periods that run."""
    return [row.data["period"]["name"] for row in bench.rows("period")]


def passed(bench: Bench, name: str, due: date) -> Turn:
    """The clock reports the last day of the newest period of this name as over."""
    started = [f.id for f in bench.file(PeriodStarted) if f.fact.period.name == name][-1]
    return bench.own(PeriodPassed(started=started, name=name, due=due))


TODAY = NOON.date()
