"""Public words of one case in Liaocheng, as the observer reads them: one after another, a minute apart."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from contracts.document import Document
from contracts.envelope import Envelope, Record, encode, to_data
from contracts.event import Event, Role
from contracts.events.case import CaseCancelled, CaseCompleted, ClosingRequested, MoneyStatement
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    DepositRefunded,
    MoneyKind,
    PayoffTransferred,
    TransferApplicationMade,
)
from contracts.events.registry import (
    FolioRefused,
    Reason,
    RefusalReason,
    RegistrationClosed,
    RegistrationReturned,
)
from contracts.events.seller_bank import ConsentRefused, ReleaseApplied
from contracts.values import UnitNumber
from services.observer.cases import Heard, Institutions, case_page
from services.observer.pages import CasePage
from services.runtime.core.periods import Calendar
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON

CASE = "LCF-TEST-1"
E, R, S = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK
NAMES: dict[Role, str] = {role: str(name) for role, name in lc.INSTITUTIONS.items()}
ALL: Institutions = frozenset(NAMES.items())
CALENDAR = Calendar.published()
TODAY = date(2026, 11, 23)


def word(
    n: int,
    by: Role,
    event: Event,
    *,
    case: str = CASE,
    institution: str = "",
    cause: int | None = None,
    minutes: int | None = None,
    **values: Any,
) -> Heard:
    """The `n`th word of a case, its values masked, some of them perhaps others."""
    name = institution or NAMES[by]
    return Heard(
        id=f"00000000-0000-5000-8000-{n:012d}",
        at=NOON + timedelta(minutes=n if minutes is None else minutes),
        by=by,
        institution=name,
        type_name=event.type_name,
        kind=type(event),
        case=case,
        subject=FOLIO,
        cause=f"00000000-0000-5000-8000-{cause:012d}" if cause is not None else None,
        values={**event.public_copy(), **values},
        place=(f"daiya.{by.value}.{name}.public", 0, n),
    )


def told(*said: tuple[Role, Event]) -> list[Heard]:
    """These words, one after another."""
    return [word(n, by, event) for n, (by, event) in enumerate(said)]


def page(words: Iterable[Heard], *, case: str = CASE, observed: Institutions = ALL, today: date = TODAY) -> CasePage:
    return case_page(case, words, observed, CALENDAR, today)


def waits(words: Iterable[Heard], **other: Any) -> set[tuple[str, str]]:
    """Who is waited for, and for which word."""
    return {(one.by.institution, one.event) for one in page(words, **other).waiting_for}


def deposit(kind: MoneyKind = MoneyKind.PRICE, amount_fen: int = lc.PRICE_FEN) -> DepositConfirmed:
    whole = kind is MoneyKind.PRICE
    certificate = lc.document("购房款到账提存公证书", 6 if whole else 16)
    return DepositConfirmed(kind=kind, certificate=certificate, price_complete=whole, amount_fen=amount_fen)


def applied(n: int = 7) -> TransferApplicationMade:
    return TransferApplicationMade(
        application=lc.document("不动产登记申请书", n),
        round=1,
        sellers=(lc.SELLER,),
        buyers=(lc.BUYER,),
        contract_number="LC-2026-000123",
        consent=lc.consent().opinion.number,
        deposit_certificates=(deposit().certificate.number,),
        power_of_attorney="委",
    )


def returned() -> RegistrationReturned:
    reason = Reason(reason=RefusalReason.MATERIALS, detail="page 2 is missing", clause="X-3")
    return RegistrationReturned(application=applied().application.number, reasons=(reason,))


def transferred(amount_fen: int = lc.PAYOFF_FEN) -> PayoffTransferred:
    quote = lc.quoted().statement.number
    return PayoffTransferred(quote=quote, amount_fen=amount_fen, to_account=lc.BANK_ACCOUNT, rail_transfer="T3")


def release() -> ReleaseApplied:
    return ReleaseApplied(unit_number=UnitNumber(FOLIO), mortgage_certificate=lc.MORTGAGE, settled_on=NOON.date())


def completed(money: MoneyStatement | None = None) -> CaseCompleted:
    certificate: Document = lc.registered().ownership_certificate
    return CaseCompleted(ownership_certificate=certificate, money=money)


def refunded(amount_fen: int = lc.PRICE_FEN) -> DepositRefunded:
    return DepositRefunded(kind=MoneyKind.PRICE, amount_fen=amount_fen, to_account=lc.BUYER_ACCOUNT, rail_transfer="T9")


def folio_refused() -> FolioRefused:
    return FolioRefused(reasons=(Reason(reason=RefusalReason.SEIZURE, detail="查封", clause="X-4"),))


CONSENT_REFUSED = ConsentRefused(because="instalments overdue", clause="LC-F2")
ASKED = ClosingRequested(because="buyer and seller withdraw", clause="X-3")
CLOSED = RegistrationClosed(because="buyer and seller withdraw")
CANCELLED = CaseCancelled(because="buyer and seller withdraw", clause="X-3")
BALANCE = BalancePaid(amount_fen=lc.PRICE_FEN - lc.PAYOFF_FEN, rail_transfer="T4")


def whole() -> list[Heard]:
    """A case from beginning to end."""
    quote = lc.quoted()
    return told(
        (E, lc.opened()),
        (R, lc.reserved()),
        (E, deposit()),
        (S, lc.consent()),
        (E, applied()),
        (R, lc.registered(applied().application.number)),
        (S, quote),
        (E, transferred()),
        (S, lc.booked(quote)),
        (S, release()),
        (R, lc.released()),
        (E, BALANCE),
        (E, completed()),
    )


def record(one: Heard, source: str = "") -> Record:
    """The record that carries a word in its feed."""
    data = to_data(dict(one.values))
    spoken_by = source or f"/{one.by.value}/{one.institution}"
    envelope = Envelope(
        one.id, spoken_by, one.type_name, one.case, one.at, one.subject, None, one.cause, data, "ed25519:QUJD"
    )
    return encode(envelope)
