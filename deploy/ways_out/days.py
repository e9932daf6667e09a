"""The ways out that need days: a period is missed, a quote expires, notices lapse.

They are played on a sandbox's clock from a fixed day on, in a year whose holidays are published: so each last day is
known, and stands here as it was counted by hand.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from contracts.event import Event, Role
from contracts.events.case import ClosingRequested, DeadlineMissed
from contracts.events.escrow import DepositConfirmed, PayoffTransferred, TransferApplicationMade
from contracts.events.lender import LendingEnded, LoanApproved, LoanDisbursed, LoanReturned
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    FolioReserved,
    MortgageReleased,
    RegistrationClosed,
    Stage,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued, PayoffCompleted, PayoffQuoted
from deploy.clerks import Hold
from deploy.ways_out import deeds
from deploy.ways_out.moments import NO_MONEY, all_of, running, said, said_by_every_lender, stands
from deploy.ways_out.scene import Scene
from deploy.ways_out.way import CANCELLED, COMPLETED, Deed, Do, Incident, Missed, Moment, WayOut
from services.runtime.core.periods import CHINA_TIME

MONDAY = datetime(2026, 3, 2, 9, tzinfo=CHINA_TIME)
"""When the stack starts. In force since 2023-03-20; the next holiday is 清明节, of which 6 April is a weekday."""
IN_A_DAY, IN_5, IN_10, IN_15 = date(2026, 3, 3), date(2026, 3, 9), date(2026, 3, 16), date(2026, 3, 23)
"""The last days of so many working days from Monday on."""
IN_30 = date(2026, 4, 14)
IN_15_OF_THE_CALENDAR = date(2026, 3, 17)
LAPSED = date(2026, 6, 2)
"""90 calendar days from Monday on end on Sunday, 31 May; so the last is Monday, 1 June (民法典 203)."""
EXPIRED = date(2026, 3, 6)
"""The statement of Monday is good for three days more."""
ONE_DAY = timedelta(days=1)

FINANCED = {Role.BUYER_BANK: "CCB-LC-LOANS", Role.FUND_CENTER: "FUND-LC-LOANS"}
FAILED_LOAN = "(loan,"


def days_pass(day: date, once: Moment, until: Moment, role: Role, clause: str, **more: Any) -> Deed:
    """From this moment on days pass until this one; it is done when what that brings about has come."""

    async def do(scene: Scene) -> None:
        await scene.until_day(day)
        await until(scene)

    return Deed(once, do, role, f"days pass until {day}, and nothing is done", clause, **more)


def missed(period: Missed, once: Moment, holds: tuple[Hold, ...], act: type[Event]) -> Deed:
    """Days pass over the last of this period, while its act is held up; the act is not said before the breach is."""
    late, runs = period.late, running(period.late, period.period)
    said_so = said(DeadlineMissed, late)
    return days_pass(period.due + ONE_DAY, all_of(runs, once), said_so, late, period.clause, holds=holds, before=(act,))


def periods_of_the_escrow() -> Iterator[WayOut]:
    """The buyers pay in late."""
    price = Missed("price", Role.ESCROW, "LC-F1", IN_10)
    yield WayOut(
        name="missed-price",
        procedure="LC-FULL",
        clauses=("LC-F1",),
        title="the buyers pay the price in after the city's period, and the sale goes on",
        ends=COMPLETED,
        unsaid=(ClosingRequested,),
        deeds=(missed(price, said(ConsentIssued), NO_MONEY, TransferRegistered),),
        starts=MONDAY,
        missed=(price,),
    )
    down_payment = Missed("down-payment", Role.ESCROW, "LC-L1", IN_10)
    yield WayOut(
        name="missed-down-payment",
        procedure="LC-LOAN",
        clauses=("LC-L1",),
        title="the buyers pay the down payment in after the city's period, and the sale goes on",
        ends=COMPLETED,
        unsaid=(ClosingRequested,),
        deeds=(missed(down_payment, said(FolioReserved), NO_MONEY, LoanApproved),),
        starts=MONDAY,
        missed=(down_payment,),
    )


def periods_of_decisions() -> Iterator[WayOut]:
    """A clerk decides late: at the seller's bank, at a lender, at the registry."""
    yield _decided_late(
        "missed-consent",
        "the seller's bank consents after the city's period",
        Missed("consent", Role.SELLER_BANK, "LC-F2, LC-L4", IN_5),
        once=said_by_every_lender(LoanApproved),
        act=ConsentIssued,
    )
    yield _decided_late(
        "missed-loan-decision",
        "the buyers' bank decides after the city's period",
        Missed("loan-decision", Role.BUYER_BANK, "LC-L3", IN_15),
        once=all_of(said(LoanApproved, Role.FUND_CENTER), said(ConsentIssued)),
        act=AdvanceNoticeRegistered,
    )
    yield _decided_late(
        "missed-fund-decision",
        "the fund centre decides after the 15 days that it has by law",
        Missed("loan-decision", Role.FUND_CENTER, "住房公积金管理条例 26", IN_15_OF_THE_CALENDAR),
        once=all_of(said(LoanApproved, Role.BUYER_BANK), said(ConsentIssued)),
        act=AdvanceNoticeRegistered,
    )
    yield _decided_late(
        "missed-registration",
        "the registry decides after the 30 working days that it has by law",
        Missed("registration", Role.REGISTRY, "不动产登记暂行条例 20", IN_30),
        act=AdvanceNoticeRegistered,
    )


DECIDES = {Role.SELLER_BANK: "decide-consent", Role.REGISTRY: "decide-registration"}


def _decided_late(name: str, title: str, period: Missed, *, act: type[Event], once: Moment | None = None) -> WayOut:
    hold = Hold(period.late, DECIDES.get(period.late, "decide-loan"))
    waits = stands(period.late, hold.action)
    return WayOut(
        name=name,
        procedure="LC-LOAN",
        clauses=(period.clause,),
        title=f"{title}, and the sale goes on",
        ends=COMPLETED,
        unsaid=(ClosingRequested,),
        deeds=(missed(period, all_of(waits, once) if once is not None else waits, (hold,), act),),
        starts=MONDAY,
        missed=(period,),
    )


def lenders_late() -> Iterator[WayOut]:
    """A lender's rail refuses the loan, and its clerk orders it again only after the city's period."""
    yield _lent_late(
        "missed-disbursement",
        "the buyers' bank pays after the city's period; the application for the transfer waits for it",
        Missed("disbursement", Role.BUYER_BANK, "LC-L5", IN_5),
        said(LoanDisbursed, Role.FUND_CENTER),
        TransferRegistered,
    )
    yield _lent_late(
        "lender-late",
        "the fund centre pays after the city's period; the application for the transfer does not wait for it",
        Missed("disbursement", Role.FUND_CENTER, "LC-R3", IN_5),
        said(TransferApplicationMade, stage=Stage.REGISTRATION),
        TransferRegistered,
    )


def _refused_loan(lender: Role) -> Deed:
    what = f"the rail is to refuse the first order of the {lender.value.replace('_', ' ')}"
    return deeds.rail_fails(what, "refuse", from_account=FINANCED[lender])


def _lent_late(name: str, title: str, period: Missed, once: Moment, act: type[Event]) -> WayOut:
    lender = period.late
    hold = Hold(lender, "order-payment-again")
    return WayOut(
        name=name,
        procedure="LC-LOAN",
        clauses=(period.clause,),
        title=title,
        ends=COMPLETED,
        said=(LoanDisbursed,),
        unsaid=(ClosingRequested, AdvanceNoticeLapsed),
        deeds=(_refused_loan(lender), missed(period, all_of(stands(lender, hold.action), once), (hold,), act)),
        incidents=(Incident(lender, FAILED_LOAN),),
        starts=MONDAY,
        missed=(period,),
    )


def payoffs() -> Iterator[WayOut]:
    """The payoff comes late, or is not paid while its statement holds; the release comes late."""
    payoff: dict[str, Any] = {"to_account": "ICBC-LC-SETTLE", "n": 1}
    slow = deeds.rail_fails("the rail is to let the payoff wait", "delay", seconds=86_400, **payoff)
    booking = Missed("payoff-booking", Role.SELLER_BANK, "LC-F4, LC-L6", IN_A_DAY)
    yield WayOut(
        name="missed-payoff",
        procedure="LC-FULL",
        clauses=("LC-F4",),
        title="the payoff is booked after the city's period; the rest is the interest of those days, and is paid too",
        ends=COMPLETED,
        unsaid=(ClosingRequested,),
        deeds=(slow, _then(missed(booking, said(PayoffTransferred), (), PayoffCompleted), _arrives)),
        starts=MONDAY,
        missed=(booking,),
    )
    release = Missed("release", Role.SELLER_BANK, "LC-F4, LC-L6", IN_5)
    away, back = deeds.away(Role.REGISTRY, said(PayoffTransferred), said(DeadlineMissed, Role.SELLER_BANK))
    yield WayOut(
        name="missed-release",
        procedure="LC-FULL",
        clauses=("LC-F4",),
        title="the registry is away while the release is due; it releases the mortgage after the city's period",
        ends=COMPLETED,
        unsaid=(ClosingRequested,),
        deeds=(slow, _then(away, _arrives), missed(release, said(PayoffCompleted), (), MortgageReleased), back),
        starts=MONDAY,
        missed=(release,),
    )
    yield WayOut(
        name="quote-expired",
        procedure="LC-FULL",
        clauses=("LC-L6",),
        title="the rail refuses the payoff until its statement has expired; the bank states it anew, and that is paid",
        ends=COMPLETED,
        unsaid=(ClosingRequested,),
        twice=(PayoffQuoted,),
        deeds=(
            deeds.rail_fails("the rail is to refuse the payoff", "refuse", **payoff),
            days_pass(
                EXPIRED,
                stands(Role.ESCROW, "order-payment-again"),
                said(PayoffQuoted, times=2),
                Role.ESCROW,
                "LC-L6",
                holds=(Hold(Role.ESCROW, "order-payment-again"),),
                before=(PayoffTransferred,),
            ),
        ),
        incidents=(Incident(Role.ESCROW, "(payoff,"),),
        starts=MONDAY,
    )


async def _arrives(scene: Scene) -> None:
    await scene.rail.settle(scene.case)


def _then(deed: Deed, also: Do) -> Deed:
    """The same, and this after it."""

    async def do(scene: Scene) -> None:
        await deed.do(scene)
        await also(scene)

    return replace(deed, do=do)


def notices() -> Iterator[WayOut]:
    """民法典 221 …自能够进行不动产登记之日起九十日内未申请登记的，预告登记失效。"""
    bank, fund = Role.BUYER_BANK, Role.FUND_CENTER
    disbursement = Missed("disbursement", bank, "LC-L5", IN_5)
    unpaid = (Hold(bank, "order-payment-again", for_good=True),)
    lent = all_of(stands(bank, "order-payment-again"), said(DepositConfirmed, times=2))
    yield WayOut(
        name="notice-lapsed",
        procedure="LC-LOAN",
        clauses=("Civil Code 221",),
        title="the bank never pays, so nobody applies for the transfer; the notices lapse with the fund's loan out",
        ends=CANCELLED,
        said=(AdvanceNoticeLapsed, ClosingRequested, RegistrationClosed, LendingEnded, LoanReturned),
        unsaid=(AdvanceNoticeEnded, TransferRegistered, PayoffTransferred),
        deeds=(
            _refused_loan(bank),
            missed(disbursement, lent, unpaid, AdvanceNoticeLapsed),
            days_pass(
                LAPSED,
                said(DeadlineMissed, bank),
                said(AdvanceNoticeLapsed),
                Role.REGISTRY,
                "Civil Code 221",
                before=(TransferRegistered,),
            ),
        ),
        incidents=(Incident(bank, FAILED_LOAN), Incident(fund, "our notice has lapsed")),
        starts=MONDAY,
        missed=(disbursement,),
    )


FAMILIES = (periods_of_the_escrow, periods_of_decisions, lenders_late, payoffs, notices)
