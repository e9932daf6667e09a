"""One home in Liaocheng as the seller's bank's tests have it: its loan, and what is said in a sale of it.

Built from the examples of the contracts; each helper takes the fields that a test wants otherwise.
"""

import re
from datetime import date, datetime, timedelta
from typing import Any

from contracts.event import Event, Role
from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened
from contracts.events.escrow import PayoffTransferred
from contracts.events.registry import FolioReserved, MortgageReleased, TransferRegistered
from contracts.events.seller_bank import PayoffQuoted
from contracts.period import Days, Period, Source
from contracts.values import DocumentNumber, UnitNumber
from services.runtime.core.facts import (
    Alarm,
    MoneyReceived,
    Pay,
    PaymentAccepted,
    PeriodPassed,
    PeriodStarted,
)
from services.runtime.core.turn import Turn
from services.seller_bank.facts import ConsentDecided, LoanImported, PayoffAsked
from services.seller_bank.loan_terms import LoanTerms
from services.seller_bank.rules import RULEBOOK
from tests.support.bench import FOLIO, NOON, Bench, command
from tests.support.examples import BANKS_ACCOUNT, ESCROW_ACCOUNT, EXAMPLES, MORTGAGE, SELLER

NOTARY = (Role.ESCROW, "liaocheng-notary")
REGISTRY = (Role.REGISTRY, "liaocheng-registry")
BANKS_UNMATCHED = f"unmatched:{BANKS_ACCOUNT}"
UNIT = UnitNumber(FOLIO)
OTHER_MORTGAGE = DocumentNumber("鲁(2021)聊城市不动产证明第0000002号")
CASE, SECOND_CASE = "LCF-TEST-1", "LCF-TEST-2"
TODAY = date(2026, 11, 23)  # NOON, in China

# 400,000.00 yuan at 3.6 % over 360 days: exactly 40.00 yuan a day.
PRINCIPAL_FEN, PER_DIEM_FEN = 40_000_000, 4_000
OWED_TODAY_FEN = PRINCIPAL_FEN + 10 * PER_DIEM_FEN  # interest is paid through the 13th


def terms(**changes: Any) -> LoanTerms:
    """The loan that the tests quote and settle."""
    fields: dict[str, Any] = {
        "loan_number": "ICBC-2019-0001",
        "principal_fen": PRINCIPAL_FEN,
        "annual_rate_ppm": 36_000,
        "day_count_basis": 360,
        "interest_paid_through": date(2026, 11, 13),
        "cut_off": "17:00",
        "good_through_days": 3,
    }
    return LoanTerms.model_validate({**fields, **changes})


def loan(**changes: Any) -> LoanImported:
    """The seller's loan, as a clerk imports it."""
    fields: dict[str, Any] = {
        "by_clerk": "Li",
        "terms": terms(),
        "unit_number": UNIT,
        "borrowers": (SELLER,),
        "mortgage_certificate": MORTGAGE,
        "settlement_account": BANKS_ACCOUNT,
        "no_transfer_clause": True,
    }
    return LoanImported.model_validate({**fields, **changes})


def period(name: str, days: int = 3, whose: Role = Role.SELLER_BANK) -> Period:
    """A period that a city might name."""
    return Period(name=name, whose=whose, days=days, count=Days.CALENDAR, clause="LC-R2", source=Source.PRACTICE)


def example(kind: type[Any], **changes: Any) -> Any:
    """The contracts' example of an event, with other fields."""
    return EXAMPLES[kind.type_name].model_copy(update=changes)


def opened(*periods: Period, **changes: Any) -> CaseOpened:
    """The seller sells to buyer and spouse; no period is pinned unless a test pins one."""
    return example(CaseOpened, **{"unit_number": UNIT, "periods": periods, **changes})


def bank() -> Bench:
    """A seller's bank that has heard nothing."""
    return Bench(Role.SELLER_BANK, "liaocheng-icbc", RULEBOOK)


def with_loan(**changes: Any) -> Bench:
    """A bank that has imported the seller's loan."""
    bench = bank()
    bench.standing(loan(**changes))
    return bench


def with_case(*periods: Period, **changes: Any) -> Bench:
    """A bank with the loan, in a case that the notary has opened."""
    bench = with_loan(**changes)
    bench.hear(opened(*periods), NOTARY)
    return bench


def consented(*periods: Period, **changes: Any) -> Bench:
    """The same, and the bank has consented."""
    bench = with_case(*periods, **changes)
    bench.own(command(ConsentDecided, consents=True))
    return bench


def entered(*periods: Period, **changes: Any) -> Bench:
    """The same, and the transfer is registered."""
    bench = consented(*periods, **changes)
    bench.hear(reserved(), REGISTRY)
    bench.hear(registered(), REGISTRY)
    return bench


def quoted(*periods: Period, **changes: Any) -> Bench:
    """The same, and a clerk has asked for the payoff statement."""
    bench = entered(*periods, **changes)
    bench.own(command(PayoffAsked))
    return bench


def reserved(**changes: Any) -> FolioReserved:
    """The register shows the bank's mortgage."""
    return example(FolioReserved, **{"unit_number": UNIT, **changes})


def registered() -> TransferRegistered:
    """Buyer and spouse own the home; the bank's mortgage stands."""
    return example(TransferRegistered, unit_number=UNIT)


def released(**changes: Any) -> MortgageReleased:
    """The bank's mortgage is gone from the register."""
    return example(MortgageReleased, **{"unit_number": UNIT, "remaining": (), **changes})


def completed() -> CaseCompleted:
    """The end of a sale."""
    return example(CaseCompleted)


def cancelled() -> CaseCancelled:
    """The end of a sale that is called off."""
    return example(CaseCancelled)


def sent(bench: Bench, amount_fen: int, transfer: str = "T-1", quote: PayoffQuoted | None = None) -> Turn:
    """The notary says that the payoff is on its way, by its newest quote."""
    named = (quote or bench.said(PayoffQuoted)[-1]).statement.number
    word = PayoffTransferred(quote=named, amount_fen=amount_fen, to_account=BANKS_ACCOUNT, rail_transfer=transfer)
    return bench.hear(word, NOTARY)


def money(
    amount_fen: int,
    transfer: str = "T-1",
    *,
    at: datetime = NOON,
    reference: str = f"{CASE} payoff",
    **changes: Any,
) -> MoneyReceived:
    """Money that the rail's statement reports; from the notary's account unless a test says otherwise."""
    fields: dict[str, Any] = {
        "account": BANKS_ACCOUNT,
        "line": 1,
        "amount_fen": amount_fen,
        "from_account": ESCROW_ACCOUNT,
        "from_owner": "聊城市公证机构",
        "reference": reference,
        "rail_transfer": transfer,
        "booked_at": at,
    }
    return MoneyReceived.model_validate({**fields, **changes})


def own_money(amount_fen: int, transfer: str = "T-9", **changes: Any) -> MoneyReceived:
    """The borrower pays himself, and writes the number of his case into the text."""
    account = opened().sellers[0].account
    return money(amount_fen, transfer, **{"from_account": account, "from_owner": SELLER.name, **changes})


def accepted(bench: Bench, transfer: str = "B-1", *, case: str = CASE, subject: str = FOLIO) -> Turn:
    """The rail has taken the bank's newest order."""
    payment = bench.file(Pay, case=case, subject=subject)[-1].id
    return bench.own(PaymentAccepted(payment=payment, rail_transfer=transfer), case=case, subject=subject)


def passed(bench: Bench, name: str, due: date) -> Turn:
    """The clock reports the last day of the newest period of this name as over."""
    started = [f.id for f in bench.file(PeriodStarted) if f.fact.period.name == name][-1]
    return bench.own(PeriodPassed(started=started, name=name, due=due))


def actions(bench: Bench, subject: str = FOLIO) -> list[str]:
    """What waits for a person, by the desk's word for it."""
    return [row.data["action"] for row in bench.rows("wait", subject)]


def alarms(bench: Bench, case: str = CASE) -> list[Alarm]:
    """The incidents of a case."""
    return bench.said(Alarm, case=case)


def words(bench: Bench) -> list[str]:
    """All it said to others, each word with its case, content and recipients, sorted."""
    said = [word for word in bench.outbox if isinstance(word.filed.fact, Event)]
    facts = [(w.filed.case, w.filed.fact.type_name, w.filed.fact.model_dump_json(), str(w.to)) for w in said]
    return sorted("\n".join((*fact[:3], re.sub(r", [0-9]+\)", ")", fact[3]))) for fact in facts)


def days(count: int) -> timedelta:
    """So many days."""
    return timedelta(days=count)
