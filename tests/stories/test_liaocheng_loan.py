"""LC-LOAN told whole: five institutions and a bank more, any order of arrival, doubled words, processes killed."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.event import Role
from contracts.events.case import CaseCompleted, ClosingRequested, JoinRefused
from contracts.events.escrow import DepositConfirmed, MoneyKind, TransferApplicationMade
from contracts.events.lender import (
    LendingEnded,
    LoanApproved,
    LoanDisbursed,
    LoanRejected,
    MortgageApplicationMade,
)
from contracts.events.registry import (
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    ClosingRefused,
    RegistrationClosed,
    Stage,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued
from contracts.values import DocumentNumber, VerificationCode
from services.lending.facts import LoanWithdrawn
from services.registry.facts import (
    Material,
    MortgageEntered,
    NoticesEntered,
    OwnershipEntered,
    RegistrationDecided,
    RestrictionEntered,
    RestrictionKind,
    TransferAppliedFor,
)
from services.runtime.core.calendar_table import YearTable
from services.runtime.core.file import STANDING
from services.runtime.core.rows import Row
from services.runtime.rail.memory import Fault
from tests.stories import home
from tests.stories.loan_world import BANK, BOTH_FEN, FUND, OTHER_BANK, Asked, LoanWorld, asks
from tests.stories.world import CASE
from tests.support import liaocheng as lc
from tests.support import loan as ll

MANY, SEEDS, FEW = range(200), range(16), range(8)


async def begun(seed: int, *lenders: str, named: tuple[str, ...] = ()) -> LoanWorld:
    """A sale whose buyer asks these lenders, between them for the whole gap; the case is open."""
    world = LoanWorld(seed, asks(*lenders), named)
    await world.opened()
    return world


def borrowing(world: LoanWorld) -> tuple[str, ...]:
    """Who lends in a city of one bank, one centre, or both, as the seed draws."""
    return tuple(world.asked)


def some_lenders(seed: int) -> tuple[str, ...]:
    """A bank alone, the centre alone, or both."""
    return ((BANK,), (BANK,), (FUND,), (BANK, FUND))[seed % 4]


# --- the way through --------------------------------------------------------------------------------------------------

ONE_LENDER = ["CaseOpened", "FolioReserved", "DepositConfirmed", "LoanApproved", "ConsentIssued"]
ONE_LENDER += ["TransferApplicationMade", "MortgageApplicationMade", "AdvanceNoticeRegistered"]
ONE_LENDER += ["LoanDisbursed", "DepositConfirmed", "TransferApplicationMade", "MortgageApplicationMade"]
ONE_LENDER += ["TransferRegistered", "PayoffQuoted", "PayoffTransferred", "PayoffCompleted", "ReleaseApplied"]
ONE_LENDER += ["MortgageReleased", "BalancePaid", "CaseCompleted"]
OF_A_LENDER = [
    "LoanApproved",
    "MortgageApplicationMade",
    "LoanDisbursed",
    "DepositConfirmed",
    "MortgageApplicationMade",
]
JOINING = ["JoinRequested", "PartyJoined"]


@pytest.mark.parametrize("seed", MANY)
async def test_LC_L7_a_home_is_sold_with_the_loan_of_a_bank_named_at_the_opening(seed: int) -> None:
    world = await begun(seed, BANK, named=(BANK,))
    await world.run()
    await world.is_sold(BANK)
    names = await world.names()
    assert sorted(name for name in names if name != "JoinRequested") == sorted(ONE_LENDER)
    assert await world.alarms() == [] and await world.who_joined() == []


@pytest.mark.parametrize("seed", MANY)
async def test_LC_L2_the_buyer_turns_to_a_bank_that_joins_late(seed: int) -> None:
    world = await begun(seed, BANK)
    await world.run()
    await world.is_sold(BANK)
    assert sorted(await world.names()) == sorted(ONE_LENDER + JOINING)
    assert await world.alarms() == [] and await world.who_joined() == [BANK]


@pytest.mark.parametrize("seed", MANY)
async def test_LC_R3_the_fund_centre_alone_lends(seed: int) -> None:
    world = await begun(seed, FUND, named=(FUND,) if seed % 2 else ())
    await world.run()
    await world.is_sold(FUND)
    assert await world.alarms() == []
    paid = (await world.said(LoanDisbursed))[0]
    assert (await world.said(AdvanceNoticeRegistered))[0].at < paid.at < (await world.said(TransferRegistered))[0].at


@pytest.mark.parametrize("seed", MANY)
async def test_LC_R3_a_bank_and_the_fund_centre_lend_side_by_side_and_both_join_late(seed: int) -> None:
    world = await begun(seed, BANK, FUND)
    await world.run()
    await world.is_sold(BANK, FUND)
    assert sorted(await world.names()) == sorted(ONE_LENDER + OF_A_LENDER + 2 * JOINING)
    assert await world.alarms() == [] and sorted(await world.who_joined()) == [BANK, FUND]
    parts = (await world.file(Role.REGISTRY)).every(MortgageApplicationMade)
    applied = [part.speaker.split("/")[2] for part in parts if part.fact.stage is Stage.NOTICE]
    noticed = (await world.said(AdvanceNoticeRegistered))[0].fact
    assert [m.lender for m in noticed.mortgages] == applied
    assert [m.mortgagee for m in (await world.register()).ranked()] == applied, "a notice keeps its rank"


@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_R3_the_application_does_not_wait_for_the_fund_centres_money(seed: int) -> None:
    world = LoanWorld(seed, [Asked(name, fen) for name, fen in BOTH_FEN.items()], (BANK, FUND))
    world.rail.slow.add(ll.FUND_ACCOUNT)
    await world.opened()
    await world.run()
    applied = await world.said(TransferApplicationMade)
    assert [a.fact.stage for a in applied] == [Stage.NOTICE, Stage.REGISTRATION]
    assert {d.fact.lender for d in await world.said(DepositConfirmed)} == {None, BANK}
    assert not await world.said(TransferRegistered), "entered before the price was complete"
    world.rail.slow.clear()
    await world.run()
    await world.is_sold(BANK, FUND)
    complete = [d.fact.price_complete for d in await world.said(DepositConfirmed)]
    assert complete == [False, False, True]


@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_L2_a_wrong_certificate_lets_nobody_join_and_the_right_one_does(seed: int) -> None:
    wrong = (
        {"code": VerificationCode("0123-4567-89AB-CDEF")},
        {"deposit_certificate": DocumentNumber("(2026)聊城公证证提字第0000099号")},
        {"contract_number": "LC-2026-000999"},
    )[seed % 3]
    world = LoanWorld(seed, [Asked(BANK, ll.LOAN_FEN, wrong=wrong)])
    await world.opened()
    await world.run()
    await world.is_sold(BANK)
    refused, joined = await world.said(JoinRefused), await world.who_joined()
    assert [r.fact.institution for r in refused] == [BANK] == joined


# --- the rail ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", FEW)
async def test_X_3_no_lender_says_what_it_has_sent_before_the_rail_has_answered(seed: int) -> None:
    """The rail is out of reach when the loan is ordered and the case is closed: nobody knows what became of it."""
    world = await begun(seed, *some_lenders(seed))
    assert await world.until(world.heard(Role.REGISTRY, NoticesEntered))
    world.rail.reachable = False
    await world.run()
    await world.tell(Role.ESCROW, ll.withdrawal(), CASE)
    await world.run()
    assert len(await world.said(RegistrationClosed)) == 1 and not await world.said(LendingEnded)
    world.rail.reachable = True
    await world.run()
    await world.is_called_off()
    sent = {ended.speaker: ended.fact.sent_fen for ended in await world.said(LendingEnded)}
    assert sorted(sent.values()) == sorted(world.asked[name].amount_fen for name in borrowing(world))


# --- ways out ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_L2_of_two_banks_that_are_asked_one_has_the_part(seed: int) -> None:
    world = LoanWorld(seed, [Asked(BANK, ll.LOAN_FEN), Asked(OTHER_BANK, ll.LOAN_FEN)])
    await world.opened()
    await world.run()
    (lender,) = await world.who_joined()
    await world.is_sold(lender)
    assert {r.fact.institution for r in await world.said(JoinRefused)} == {BANK, OTHER_BANK} - {lender}


@pytest.mark.parametrize("seed", range(24))
async def test_X_3_withdrawal_by_agreement_at_any_moment(seed: int) -> None:
    world = await begun(seed, *some_lenders(seed))
    await world.some_moment(some_lenders(seed)[0])
    await world.tell(Role.ESCROW, ll.withdrawal(), CASE)
    await world.run()
    assert len(await world.said(ClosingRequested)) <= 1
    await either_way(world)


async def either_way(world: LoanWorld) -> str:
    """The case has ended, one way or the other, and everything fits; what people have entered from outside stands."""
    entered = await world.file(Role.REGISTRY, STANDING)
    restrictions = [one.fact.restriction.number for one in entered.every(RestrictionEntered)]
    mortgages = [one.fact.mortgage.certificate for one in entered.every(MortgageEntered)]
    if await world.said(CaseCompleted):
        await world.is_sold(*borrowing(world), restrictions=restrictions, mortgages=mortgages)
        return "sold"
    await world.is_called_off(restrictions=restrictions, mortgages=mortgages)
    return "called off"


@pytest.mark.parametrize("seed", range(24))
async def test_X_3_a_lenders_no_after_its_yes_at_any_moment(seed: int) -> None:
    lenders = some_lenders(seed)
    world = await begun(seed, *lenders)
    name = world.chance.choice(lenders)
    assert await world.until(world.heard(name, LoanApproved))
    await world.some_moment(name)
    await world.tell(name, LoanWithdrawn(by_clerk="Chen", because="the income is gone", clause="LC-R2"), CASE)
    await world.run()
    ended = await either_way(world)
    if await world.said(LoanRejected):
        assert ended == "called off" or await world.said(TransferRegistered)
    else:
        assert ended == "sold"


@pytest.mark.parametrize("seed", range(24))
async def test_X_4_a_freeze_or_a_second_mortgage_entered_at_any_moment(seed: int) -> None:
    """Also while the entry is being made: what is in the register first counts."""
    against = (*(home.restriction(kind) for kind in RestrictionKind), home.second_mortgage())[seed // 4 % 4]
    world = await begun(seed, *some_lenders(seed))
    await world.some_moment(some_lenders(seed)[0])
    await world.tell(Role.REGISTRY, against, STANDING)
    await world.run()
    await either_way(world)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("entered", [NoticesEntered, OwnershipEntered])
async def test_X_3_closing_and_entry_exclude_each_other(seed: int, entered: type[Any]) -> None:
    """The closing is asked for while the registrar decides: the registry alone orders the two."""
    world = await begun(seed, *some_lenders(seed))
    stage = Stage.NOTICE if entered is NoticesEntered else Stage.REGISTRATION
    if seed % 2:
        assert await world.until(world.heard(Role.REGISTRY, TransferApplicationMade, stage=stage))
        await world.some_steps(20)
    else:
        assert await world.until(world.heard(Role.REGISTRY, entered))
    await world.tell(Role.ESCROW, ll.withdrawal(), CASE)
    await world.run()
    closed, refused = await world.said(RegistrationClosed), await world.said(ClosingRefused)
    assert len(closed) + len(refused) <= 1
    ended = await either_way(world)
    assert (ended == "called off") == bool(closed) == (not await world.said(TransferRegistered))


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_a_notice_lapses_while_a_loan_is_on_its_way_back(seed: int) -> None:
    """After the closing the law's period runs on; the case ends when the lender has its own."""
    lenders = some_lenders(seed)
    world = await begun(seed, *lenders)
    assert await world.until(world.heard(Role.ESCROW, DepositConfirmed, kind=MoneyKind.LOAN))
    world.rail.arm(Fault(kind="refuse", from_account=lc.ESCROW_ACCOUNT, n=None))
    again = world.answers["order-payment-again"]
    world.answers["order-payment-again"] = lambda row: None
    await world.tell(Role.ESCROW, ll.withdrawal(), CASE)
    await world.run()
    world.publish(YearTable(2027, frozenset(), frozenset()))
    world.log.now += timedelta(days=120)
    await world.run()
    world.rail.disarm()
    world.answers["order-payment-again"] = again
    await world.run()
    await either_way(world)
    assert len(await world.said(AdvanceNoticeLapsed)) <= 1


# --- everything together ----------------------------------------------------------------------------------------------

PAPERS = {
    Stage.NOTICE: (Material.CONTRACT, Material.CONSENT, Material.DOWN_PAYMENT_CERTIFICATE),
    Stage.REGISTRATION: (
        Material.CONTRACT,
        Material.CONSENT,
        Material.DOWN_PAYMENT_CERTIFICATE,
        Material.LOAN_CERTIFICATE,
        Material.TRANSFER_NOTICE,
    ),
}


def apply_at_the_counter(world: LoanWorld, stage: Stage) -> None:
    """Buyer and seller go to the registry themselves too, as soon as it has heard what is needed there."""
    needed = AdvanceNoticeRegistered if stage is Stage.REGISTRATION else ConsentIssued

    async def do() -> None:
        applied = TransferAppliedFor(
            by_clerk="Zhao",
            sellers=(lc.SELLER,),
            buyers=(lc.BUYER,),
            contract_number=ll.sale().contract_number,
            materials=PAPERS[stage],
            stage=stage,
        )
        await world.tell(Role.REGISTRY, applied, CASE)

    world.plan(world.heard(Role.REGISTRY, needed), do)


def wavers(world: LoanWorld, refuses: float) -> Any:
    """A registrar who returns up to two applications, and seldom refuses one for good."""
    returned: set[str] = set()
    reason = {"reason": "materials are missing or wrong", "detail": "the copy is not legible", "clause": "LC-R1"}

    def decide(row: Row) -> RegistrationDecided:
        number, decision = row.data["about"], "approve"
        if world.chance.random() < refuses:
            decision = "refuse"
        elif len(returned) < 2 and world.chance.random() < 0.4:
            decision = "return"
            returned.add(number)
        reasons = [] if decision == "approve" else [reason]
        return RegistrationDecided.model_validate(
            {"by_clerk": "Zhao", "application": number, "decision": decision, "reasons": reasons}
        )

    return decide


@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_L4_buyer_and_seller_apply_at_the_counter_beside_the_notary(seed: int) -> None:
    world = await begun(seed, *some_lenders(seed))
    for stage in Stage:
        if world.chance.random() < 0.8:
            apply_at_the_counter(world, stage)
    world.answers["decide-registration"] = wavers(world, refuses=0)
    await world.run()
    await world.is_sold(*borrowing(world))


@pytest.mark.parametrize("seed", range(24))
async def test_X_3_whatever_comes_together_the_case_ends_and_everybody_has_his_own(seed: int) -> None:
    lenders = ((BANK,), (FUND,), (BANK, FUND))[seed % 3]
    world = await begun(seed, *lenders)
    chance = world.chance
    world.answers["decide-registration"] = wavers(world, refuses=0.05)
    for stage in Stage:
        if chance.random() < 0.2:
            apply_at_the_counter(world, stage)
    accounts = [lc.ESCROW_ACCOUNT, *(world.house(name).institution.settings.loan_account for name in lenders)]
    for _ in range(chance.randrange(4)):
        kind = chance.choice(("refuse", "return", "timeout", "timeout-after"))
        world.rail.arm(Fault(kind=kind, from_account=chance.choice(accounts)))  # type: ignore[arg-type]
    if chance.random() < 0.3:
        await world.pay(chance.choice((1, 70_000)), payer=chance.choice((lc.STRANGER_ACCOUNT, lc.BUYER_ACCOUNT)))
    events = [one for one in ("withdrawal", "no", "freeze", "down") if chance.random() < 0.35]
    chance.shuffle(events)
    for event in events:
        await world.some_moment(chance.choice(lenders))
        name = chance.choice(lenders)
        if event == "withdrawal":
            await world.tell(Role.ESCROW, ll.withdrawal(), CASE)
        elif event == "no":
            await world.tell(name, LoanWithdrawn(by_clerk="Chen", because="the income is gone", clause="LC-R2"), CASE)
        elif event == "freeze":
            await world.tell(Role.REGISTRY, home.restriction(RestrictionKind.FREEZE), STANDING)
        else:
            world.house(chance.choice(list(world.houses))).down = True
            await world.some_steps(60)
            for house in world.houses.values():
                house.down = False
    await world.run()
    await either_way(world)
