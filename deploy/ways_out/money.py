"""Ways out by money: paid in otherwise, owed otherwise, carried otherwise by the rail, or come too late."""

from collections.abc import Iterator

from contracts.event import Role
from contracts.events.case import CaseCompleted, CaseOpened, ClosingRequested
from contracts.events.escrow import BalancePaid, DepositConfirmed, TransferApplicationMade
from contracts.events.registry import RegistrationClosed, TransferRegistered
from contracts.events.seller_bank import PayoffCompleted, PayoffQuoted
from deploy.clerks import Hold
from deploy.ways_out import decisions, deeds
from deploy.ways_out.moments import NO_ENTRY_IN_FULL, all_of, came_in, on_file, said, stands
from deploy.ways_out.way import CANCELLED, COMPLETED, FULL, LOAN, Deed, Incident, WayOut

WHOLE_FEN = (90_000_000, 38_000_000)
"""What each of the two buyers pays in, where nothing is otherwise: together the price."""
LATE_FEN = 100_000
PRICE_BELOW_THE_DEBT_FEN = 60_000_000


def deposits() -> Iterator[WayOut]:
    """X-1: the price comes otherwise than it should."""
    husband, wife = WHOLE_FEN
    yield WayOut(
        name="deposit-short",
        procedure=FULL,
        clauses=("X-3",),
        title="the buyers cannot pay the whole price in; the sale is called off and they have back what they paid",
        ends=CANCELLED,
        said=(RegistrationClosed,),
        unsaid=(DepositConfirmed, TransferApplicationMade),
        sale=decisions.pays((0, husband), (1, wife - 8_000_000)),
        deeds=(deeds.withdrawn_once(came_in(husband + wife - 8_000_000)),),
    )
    for name, title, paid in (
        ("over", "a buyer pays too much; the rest goes back", ((0, husband + 1_000_000), (1, wife))),
        ("twice", "a buyer pays twice; the second payment goes back", ((0, husband), (1, wife), (1, wife))),
    ):
        yield WayOut(
            name=f"deposit-{name}",
            procedure=FULL,
            clauses=("X-1", "LC-F1"),
            title=title,
            ends=COMPLETED,
            unsaid=(ClosingRequested,),
            sale=decisions.pays(*paid),
        )
    yield WayOut(
        name="deposit-in-instalments",
        procedure=FULL,
        clauses=("LC-F1",),
        title="the buyers pay the price in five instalments; it is certified once, when it is whole",
        ends=COMPLETED,
        said=(DepositConfirmed,),
        unsaid=(ClosingRequested,),
        sale=decisions.pays((0, 30_000_000), (1, 1), (0, 59_999_999), (1, wife - 1), (0, 1)),
    )
    yield WayOut(
        name="deposit-from-a-stranger",
        procedure=FULL,
        clauses=("X-1",),
        title="somebody who is no party pays in; a clerk sends the money back",
        ends=COMPLETED,
        unsaid=(ClosingRequested,),
        deeds=(deeds.strangers_money(500_000, said(CaseOpened), NO_ENTRY_IN_FULL),),
        incidents=(Incident(Role.ESCROW, "came from an account of nobody in this case"),),
    )


def debts() -> Iterator[WayOut]:
    """X-2: the debt is not what the money covers, to the fen."""
    yield WayOut(
        name="payoff-one-fen-short",
        procedure=LOAN,
        clauses=("LC-L6",),
        title="the payoff arrives one fen short; the rest is stated and paid before the release",
        ends=COMPLETED,
        said=(PayoffQuoted, PayoffCompleted),
        unsaid=(ClosingRequested,),
        twice=(PayoffQuoted, PayoffCompleted),
        deeds=(deeds.rail_fails("the rail is to keep a fen of the payoff", "fee", fen=1, about="payoff"),),
    )
    below = decisions.both(
        decisions.priced(PRICE_BELOW_THE_DEBT_FEN, 10_000_000), decisions.borrows_all_from(Role.BUYER_BANK)
    )
    yield WayOut(
        name="price-below-payoff-topped-up",
        procedure=LOAN,
        clauses=("X-2",),
        title="the price is below the debt; the seller pays the difference in",
        ends=COMPLETED,
        unsaid=(ClosingRequested,),
        sale=decisions.both(below, decisions.seller_has(5_000_000)),
    )
    yield WayOut(
        name="price-below-payoff-without-top-up",
        procedure=FULL,
        clauses=("X-3",),
        title="the price is below the debt, and the seller cannot pay the difference: the sale is called off",
        ends=CANCELLED,
        said=(DepositConfirmed, RegistrationClosed),
        unsaid=(TransferApplicationMade, TransferRegistered),
        sale=decisions.both(
            decisions.priced(PRICE_BELOW_THE_DEBT_FEN), decisions.pays((0, 40_000_000), (1, 20_000_000))
        ),
        deeds=(
            deeds.withdrawn_once(
                all_of(said(DepositConfirmed), stands(Role.ESCROW, "top-up")),
                (Hold(Role.ESCROW, "top-up", for_good=True),),
            ),
        ),
    )


def late() -> Iterator[WayOut]:
    """X-1: money that comes when all is over goes back to its payer."""
    yield WayOut(
        name="money-after-the-end",
        procedure=FULL,
        clauses=("X-1",),
        title="a buyer pays again when the case has ended; a clerk sends the money back",
        ends=COMPLETED,
        deeds=(
            Deed(
                once=on_file(Role.ESCROW, CaseCompleted),
                do=deeds.pay_again(LATE_FEN),
                role=Role.ESCROW,
                what="a buyer pays once more, when all is over",
                clause="X-1",
            ),
        ),
        incidents=(Incident(Role.ESCROW, "MoneyReceived in a case that is ended"),),
        late_money=True,
    )


def rail() -> Iterator[WayOut]:
    """X-1: the payment rail fails; nothing is paid twice, and nothing is lost."""
    failed = "failed on the rail"
    for name, title, fault, incidents in (
        (
            "refused",
            "the rail refuses the payoff; a clerk orders it again",
            deeds.rail_fails("the rail is to refuse the payoff", "refuse", about="payoff"),
            (Incident(Role.ESCROW, failed),),
        ),
        (
            "returned",
            "the rail returns the seller's money; a clerk orders it again",
            deeds.rail_fails("the rail is to return the balance", "return", about="balance"),
            (Incident(Role.ESCROW, failed),),
        ),
        (
            "timed-out",
            "the rail takes the payoff and does not answer; it is asked after, and not sent again",
            deeds.rail_fails("the rail is not to answer the payoff", "timeout-after", hold_s=0.5, about="payoff"),
            (),
        ),
        (
            "answered-twice",
            "the rail tells its statement twice; no receipt is counted twice",
            deeds.statement_twice(),
            (),
        ),
    ):
        yield WayOut(
            name=f"rail-{name}",
            procedure=FULL,
            clauses=("X-1", "LC-F4"),
            title=title,
            ends=COMPLETED,
            said=(BalancePaid,),
            unsaid=(ClosingRequested,),
            deeds=(fault,),
            incidents=incidents,
        )


FAMILIES = (deposits, debts, late, rail)
