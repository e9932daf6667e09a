"""LC-FULL told whole: three institutions, any order of arrival, doubled words, processes killed in the middle."""

import json

import pytest

from contracts.envelope import PARTITIONS
from contracts.event import Role
from contracts.values import DocumentNumber
from services.registry.facts import RegistrationDecided, RestrictionEntered
from services.runtime.core.facts import Pay, Purpose
from services.runtime.core.file import STANDING, Phase
from services.runtime.rail import Transfer
from services.seller_bank.facts import ConsentDecided
from tests.stories import home
from tests.stories.world import CASE, World
from tests.support import liaocheng as lc
from tests.support.bench import NOON

SEEDS = range(40)
THROUGH = ["CaseOpened", "FolioReserved", "DepositConfirmed", "ConsentIssued", "TransferApplicationMade"]
THROUGH += ["TransferRegistered", "PayoffQuoted", "PayoffTransferred", "PayoffCompleted"]
THROUGH += ["BalancePaid", "ReleaseApplied", "MortgageReleased", "CaseCompleted"]


async def begun(seed: int, **terms: object) -> World:
    world = World(seed)
    await world.begin(home.folio(), home.loan(**terms))
    return world


async def opened(world: World) -> World:
    """Go on until the case is open at the escrow."""
    while not (await world.file(Role.ESCROW)).parties:
        await world.step()
    return world


@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_F4_a_home_is_sold(seed: int) -> None:
    world = await opened(await begun(seed))
    await world.pay(lc.PRICE_FEN)
    await world.run()
    await world.check()
    assert sorted(await world.names()) == sorted(THROUGH)
    assert set((await world.phases()).values()) == {Phase.ENDED}
    register = await world.register()
    assert [o.person for o in register.owners] == [lc.BUYER] and register.mortgages == () and not register.reserved_for
    ledger = await world.ledger()
    assert (ledger.in_fen, ledger.held_fen) == (lc.PRICE_FEN, 0)
    paid = {p.fact.purpose: p.fact.amount_fen for p in (await world.file(Role.ESCROW)).every(Pay)}
    interest = round(61_000_000 * 0.031 * 17 / 360)
    assert paid[Purpose.PAYOFF] == 61_000_000 + interest == world.rail.balance_fen(lc.BANK_ACCOUNT)
    assert paid[Purpose.BALANCE] == lc.PRICE_FEN - paid[Purpose.PAYOFF]
    assert not await world.rows("wait") and not await world.rows("incident")
    assert await world.rows("payment") == [] and await world.rows("leftover") == []


async def called_off(world: World) -> None:
    """True of every case called off: each payer has its own back, the register is as it was, the folio is free."""
    await world.check()
    assert set((await world.phases()).values()) == {Phase.ENDED}
    assert (await world.ledger()).held_fen == 0
    assert world.rail.balance_fen(lc.BUYER_ACCOUNT) == 10 * lc.PRICE_FEN
    assert world.rail.balance_fen(lc.SELLER_ACCOUNT) == lc.PRICE_FEN
    register = await world.register()
    assert [o.person for o in register.owners] == [lc.SELLER] and not register.reserved_for
    assert (await world.names()).count("CaseCancelled") == 1


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_consent_refused(seed: int) -> None:
    world = await begun(seed)
    world.answers["decide-consent"] = lambda row: ConsentDecided(by_clerk="Wang", consents=False, because="overdue")
    await opened(world)
    await world.pay(lc.PRICE_FEN)
    await world.run()
    await called_off(world)


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_4_folio_refused_for_a_freeze(seed: int) -> None:
    world = await begun(seed)
    freeze = {"kind": "freeze", "number": "(2026)鲁15执77号", "authority": "court", "since": NOON.date().isoformat()}
    entered = RestrictionEntered.model_validate_json(json.dumps({"by_clerk": "Zhao", "restriction": freeze}))
    await world.tell(Role.REGISTRY, entered, STANDING)
    await opened(world)
    await world.pay(lc.PRICE_FEN)
    await world.run()
    await called_off(world)
    assert "FolioRefused" in await world.names() and "ClosingRequested" not in await world.names()


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_withdrawal_before_the_application(seed: int) -> None:
    from services.escrow.facts import WithdrawalAgreed

    world = await opened(await begun(seed))
    await world.pay(1_000_000)
    for _ in range(world.chance.randrange(60)):
        await world.step()
    signed = (lc.SELLER.id_number, lc.BUYER.id_number)
    await world.tell(Role.ESCROW, WithdrawalAgreed(by_clerk="Li", signed_by=signed, because="moved away"), CASE)
    await world.run()
    await called_off(world)


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_1_deposit_in_parts_and_too_much(seed: int) -> None:
    world = await opened(await begun(seed))
    await world.pay(lc.PRICE_FEN - 100)
    await world.pay(250)
    await world.run()
    await world.check()
    assert (await world.names()).count("CaseCompleted") == 1
    assert world.rail.balance_fen(lc.BUYER_ACCOUNT) == 9 * lc.PRICE_FEN


async def test_X_1_a_deposit_that_stays_short_waits_and_says_for_what() -> None:
    world = await opened(await begun(1))
    await world.pay(lc.PRICE_FEN - 1)
    await world.run()
    assert [(row.data["action"], row.data["what"]) for row in await world.rows("wait")] == [
        ("pay-in", "1 fen of the price")
    ]
    assert "DepositConfirmed" not in await world.names()


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_registration_returned_mended_and_then_entered(seed: int) -> None:
    from services.escrow.facts import ApplicationMended

    world = await begun(seed)
    decisions = iter(("return", "approve"))
    reason = {
        "reason": "materials are missing or wrong",
        "detail": "the contract's copy is not legible",
        "clause": "LC-F3",
    }

    def decide(row: object) -> RegistrationDecided:
        decision = next(decisions)
        about = row.data["about"]  # type: ignore[attr-defined]
        return RegistrationDecided.model_validate(
            {
                "by_clerk": "Zhao",
                "application": about,
                "decision": decision,
                "reasons": [reason] if decision == "return" else [],
            }
        )

    world.answers["decide-registration"] = decide
    world.answers["mend-application"] = lambda row: ApplicationMended(
        by_clerk="Li", application=DocumentNumber(row.data["about"]), mended="a legible copy"
    )
    await opened(world)
    await world.pay(lc.PRICE_FEN)
    await world.run()
    await world.check()
    names = await world.names()
    assert names.count("TransferApplicationMade") == 2 and names.count("CaseCompleted") == 1


@pytest.mark.parametrize("seed", SEEDS)
async def test_X_3_registration_refused_for_good(seed: int) -> None:
    world = await begun(seed)
    reason = {"reason": "the registrar does not approve", "detail": "the contract is void", "clause": "LC-F3"}
    world.answers["decide-registration"] = lambda row: RegistrationDecided.model_validate(
        {"by_clerk": "Zhao", "application": row.data["about"], "decision": "refuse", "reasons": [reason]}
    )
    await opened(world)
    await world.pay(lc.PRICE_FEN)
    await world.run()
    await called_off(world)


@pytest.mark.parametrize("seed", SEEDS)
async def test_LC_F4_a_borrower_who_settles_the_loan_himself_gets_the_whole_price(seed: int) -> None:
    world = await opened(await begun(seed, interest_paid_through=NOON.date().isoformat(), annual_rate_ppm=0))
    paid = Transfer(
        key="himself",
        from_account=lc.SELLER_ACCOUNT,
        to_account=lc.BANK_ACCOUNT,
        amount_fen=61_000_000,
        reference=CASE,
    )
    await world.rail.transfer(paid)
    world.rail.settle_all()
    while not await world.house(Role.SELLER_BANK).institution.read_statements(range(PARTITIONS)):
        await world.step()
    await world.pay(lc.PRICE_FEN)
    await world.run()
    await world.check()
    names = await world.names()
    assert names.count("CaseCompleted") == 1 and "PayoffQuoted" not in names and "PayoffTransferred" not in names
    assert world.rail.balance_fen(lc.SELLER_ACCOUNT) == 2 * lc.PRICE_FEN - 61_000_000
