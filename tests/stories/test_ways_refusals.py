"""Somebody says no, or not yet: the seller's bank, a lender, the registrar. X-3: what can be mended is mended and goes
on; else the case is called off under the clause of whoever said so, and each payer has its own back."""

import pytest

from contracts.event import Role
from contracts.events.case import ClosingRequested
from contracts.events.escrow import TransferApplicationMade
from contracts.events.lender import LendingEnded, LoanApproved, LoanDisbursed, LoanRejected, LoanReturned
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeRegistered,
    RegistrationRefused,
    RegistrationReturned,
    Stage,
)
from contracts.events.seller_bank import ConsentIssued, ConsentRefused
from services.escrow.facts import ApplicationMended, RejectionAnswered
from services.lending.facts import LoanWithdrawn
from services.registry.facts import Decision
from tests.stories.acts import Registrar, consents, nobody, refuses
from tests.stories.ends import cancelled, completed
from tests.stories.loan_world import BANK, BOTH_FEN, FUND, OTHER_BANK, Asked, LoanWorld, asks
from tests.stories.world import CASE, World
from tests.support import loan as ll

SEEDS = range(16)


def some_lenders(seed: int) -> tuple[str, ...]:
    """A bank alone, the centre alone, or both."""
    return ((BANK,), (BANK,), (FUND,), (BANK, FUND))[seed % 4]


# --- paid in full -----------------------------------------------------------------------------------------------------


@pytest.mark.way_out("consent-refused")
@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_consent_refused(seed: int) -> None:
    world = World(seed)
    world.answers["decide-consent"] = refuses
    await world.opened()
    await world.run()
    await cancelled(world, clause="LC-F2")
    assert not await world.said(ConsentIssued) and not await world.said(TransferApplicationMade)


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_registration_returned_mended_and_then_entered(seed: int) -> None:
    world = World(seed)
    Registrar(world, Decision.RETURN)
    world.answers["mend-application"] = lambda row: ApplicationMended(
        by_clerk="Li", application=row.data["about"], mended="a legible copy"
    )
    await world.opened()
    await world.run()
    await completed(world)
    assert [made.fact.round for made in await world.said(TransferApplicationMade)] == [1, 2]


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_registration_refused_for_good(seed: int) -> None:
    world = World(seed)
    Registrar(world, Decision.REFUSE)
    await world.opened()
    await world.run()
    await cancelled(world, clause="LC-R1")
    assert len(await world.said(RegistrationRefused)) == 1


# --- the buyer borrows ------------------------------------------------------------------------------------------------


@pytest.mark.way_out("loan-rejected-the-end")
@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_L3_the_loan_is_rejected_and_the_buyer_has_the_down_payment_back(seed: int) -> None:
    world = LoanWorld(seed, asks(BANK), (BANK,) if seed % 2 else ())
    world.rejects(BANK)
    await world.opened()
    await world.run()
    await world.is_called_off()
    names = await world.names()
    assert names.count("LoanRejected") == 1 and "ConsentIssued" not in names and "LoanApproved" not in names
    assert (await world.said(ClosingRequested))[0].fact.clause == "LC-L3"


@pytest.mark.way_out("loan-rejected-another-bank")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("when", ["at once", "after its yes"])
async def test_LC_L3_the_loan_is_rejected_and_another_bank_lends(seed: int, when: str) -> None:
    """Alone, or beside a loan of the fund centre, which stands."""
    beside = (FUND,) if seed % 2 else ()
    fen = BOTH_FEN[BANK] if beside else ll.LOAN_FEN
    other = Asked(OTHER_BANK, fen, when=lambda: world.heard(Role.ESCROW, RejectionAnswered)())
    asked = [Asked(BANK, fen), other, *(Asked(name, ll.FUND_FEN) for name in beside)]
    world = LoanWorld(seed, asked, (BANK,) if seed % 3 else ())
    world.answers["answer-rejection"] = lambda row: RejectionAnswered(
        by_clerk="Li", another_bank=True, because="the buyer asks another bank"
    )
    await world.opened()
    if when == "at once":
        world.rejects(BANK)
    else:
        world.answers["decide-consent"] = nobody
        assert await world.until(world.heard(BANK, LoanApproved))
        await world.some_steps(30)
        await world.tell(BANK, LoanWithdrawn(by_clerk="Chen", because="the income is gone", clause="LC-R2"), CASE)
        assert await world.until(world.heard(Role.ESCROW, LoanRejected))
        world.answers["decide-consent"] = consents
    await world.run()
    await world.is_sold(OTHER_BANK, *beside)
    assert OTHER_BANK in await world.who_joined()


@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_L3_who_was_rejected_applies_again_at_the_same_bank(seed: int) -> None:
    world = LoanWorld(seed, [Asked(BANK, ll.LOAN_FEN)], (BANK,) if seed % 2 else ())
    yes = world.answers[f"{BANK}/decide-loan"]
    world.rejects(BANK)
    world.answers["answer-rejection"] = lambda row: RejectionAnswered(
        by_clerk="Li", another_bank=True, because="the buyer brings a guarantor"
    )
    await world.opened()
    assert await world.until(world.heard(Role.ESCROW, RejectionAnswered))
    world.answers[f"{BANK}/decide-loan"] = yes
    await world.tell(BANK, await world.application(world.asked[BANK], months=300), CASE)
    await world.run()
    await world.is_sold(BANK)


@pytest.mark.way_out("loan-rejected-the-end")
@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_L3_one_of_two_loans_is_rejected_and_the_sale_is_off(seed: int) -> None:
    world = LoanWorld(seed, asks(BANK, FUND))
    await world.opened()
    world.rejects((BANK, FUND)[seed % 2])
    await world.run()
    await world.is_called_off()


@pytest.mark.way_out("consent-refused-after-approval")
@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_L4_consent_is_refused_after_the_loans_approval(seed: int) -> None:
    world = LoanWorld(seed, asks(*some_lenders(seed)))
    await world.opened()
    world.answers["decide-consent"] = refuses
    await world.run()
    await world.is_called_off()
    approved, refused = await world.said(LoanApproved), await world.said(ConsentRefused)
    assert len(approved) >= 1 and len(refused) == 1 and approved[0].at < refused[0].at


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage.NOTICE, marks=pytest.mark.way_out("notice-returned-and-mended")),
        pytest.param(Stage.REGISTRATION, marks=pytest.mark.way_out("transfer-returned-and-mended")),
    ],
)
async def test_X_3_the_joint_application_is_returned_mended_and_then_entered(seed: int, stage: Stage) -> None:
    world = LoanWorld(seed, asks(*some_lenders(seed)))
    await world.opened()
    before = () if stage is Stage.NOTICE else (Decision.APPROVE,)
    Registrar(world, *before, Decision.RETURN)
    await world.run()
    await world.is_sold(*world.asked)
    returned = await world.said(RegistrationReturned)
    assert len(returned) == 1
    made = [m.fact for m in await world.said(TransferApplicationMade) if m.fact.stage is stage]
    assert [m.round for m in made] == [1, 2]


@pytest.mark.way_out("transfer-refused-for-good")
@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_registration_refused_for_good_after_the_loan_was_paid_in(seed: int) -> None:
    world = LoanWorld(seed, asks(*some_lenders(seed)))
    await world.opened()
    Registrar(world, Decision.APPROVE, Decision.REFUSE)
    await world.run()
    await world.is_called_off()
    assert len(await world.said(AdvanceNoticeEnded)) == 1
    for name in world.asked:
        sent = (await world.said(LendingEnded, name))[0].fact.sent_fen
        if name == BANK:
            assert sent == world.asked[name].amount_fen
        assert len(await world.said(LoanReturned, name)) == (1 if sent else 0)


@pytest.mark.way_out("notice-refused-for-good")
@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_notices_refused_for_good(seed: int) -> None:
    world = LoanWorld(seed, asks(*some_lenders(seed)))
    await world.opened()
    Registrar(world, Decision.REFUSE)
    await world.run()
    await world.is_called_off()
    assert not await world.said(AdvanceNoticeRegistered) and not await world.said(LoanDisbursed)
