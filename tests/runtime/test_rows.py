"""Rows: which of them the file makes and takes away, and what closing an incident does."""

from dataclasses import replace
from datetime import timedelta

from contracts.events.case import CaseOpened
from services.escrow.service import PART as ESCROW
from services.runtime.core.facts import MoneyReceived
from services.runtime.core.periods import Calendar
from services.runtime.core.rows import PROJECTED, UNMATCHED_LINE, Row, rows
from services.runtime.core.rule import All, Rulebook, Wait, Waiting
from services.seller_bank.rules import RULEBOOK as BANK
from tests.runtime.desk_house import DeskHouse, escrow, opened
from tests.runtime.test_desk_pages import WITH_A_PERIOD, pay_in
from tests.runtime.test_turn import CASE, House, deposit
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON


def stumble(_: CaseOpened, money: All[MoneyReceived]) -> Waiting | None:
    """A fault in a sentence of the worklist."""
    raise ValueError(f"{len(money)} divided by nought")


def stumbling(rulebook: Rulebook) -> Rulebook:
    """The same rules in a release whose worklist fails."""
    chapter = replace(rulebook.chapters["LC-FULL"], waits=(Wait(stumble),))
    return replace(rulebook, chapters={**rulebook.chapters, "LC-FULL": chapter})


async def close_all(house: DeskHouse) -> int:
    """A clerk follows the link of every open incident; the answer counts them."""
    incidents = await house.get("/incidents")
    for incident in incidents:
        assert (await house.done(incident["link"], {"note": "seen"}))["status"] == "done"
    return len(incidents)


async def test_rows_that_no_file_makes_outlive_a_process() -> None:
    house = House()
    await house.hears(lc.opened())
    kinds = ("leftover", "command", UNMATCHED_LINE, "of-a-later-release")
    others = [Row(f"{kind}/1", kind, FOLIO, 0, "", NOON, {"topic": "t"}) for kind in kinds]
    gone = Row("wait/that/nobody/waits/for", "wait", FOLIO, 0, CASE, NOON, {"action": "x"})
    await house.store.change_rows([*others, gone], ())
    house.start()
    await house.hears(deposit())
    there = {row.id for row in await house.store.rows_of(FOLIO)}
    assert {row.id for row in others} <= there, "they are not the file's to take away"
    assert gone.id not in there


async def test_what_a_file_makes_is_among_the_kinds_that_it_takes_away() -> None:
    async with escrow(settings=WITH_A_PERIOD) as house:
        await opened(house)
        known = [await house.institution.turns.read_subject(key) for key in {s for s, _ in house.store.journal}]
        made = {row.kind for subject in known for row in rows(house.institution.house, subject).values()}
        assert {"case", "document", "period", "wait"} <= made <= PROJECTED
    bank = House(stumbling(BANK))
    await bank.hears(lc.opened())
    await bank.hears(deposit(), number=5)
    made = {row.kind for row in rows(bank.institution.house, await bank.subject()).values()}
    assert {"held", "incident"} <= made <= PROJECTED


async def test_closing_takes_an_unpublished_year_away_and_its_period_runs_on() -> None:
    async with escrow(settings=WITH_A_PERIOD, calendar=Calendar([])) as house:
        await opened(house)
        await house.day()
        assert await close_all(house) == 1
        await house.day()
        assert await house.get("/incidents") == [], "it was seen, and once is enough"
        assert len(await house.store.rows("period")) == 1


async def test_an_unpublished_year_is_an_incident_once_it_has_come() -> None:
    settings = {"periods": [{**WITH_A_PERIOD["periods"][0], "days": 400}]}
    async with escrow(settings=settings) as house:
        await opened(house)
        await house.day()
        assert len(await house.store.rows("period")) == 1
        assert await house.get("/incidents") == [], "no period that ends then can be over before"
        house.log.now += timedelta(days=380)
        await house.day()
        (incident,) = await house.get("/incidents")
        assert incident["data"]["year"] == house.log.now.year


async def test_closing_takes_a_wait_that_failed_away_until_it_fails_otherwise() -> None:
    settings = {"accounts": [lc.ESCROW_ACCOUNT], "deposit_account": lc.ESCROW_ACCOUNT}
    async with DeskHouse(replace(ESCROW, rulebook=stumbling(ESCROW.rulebook)), settings) as house:
        house.rail.open(lc.ESCROW_ACCOUNT, "escrow")
        house.rail.open(lc.BUYER_ACCOUNT, "buyer", lc.PRICE_FEN)
        case = await opened(house)
        assert await close_all(house) == 1
        assert await house.get("/incidents") == []
        await pay_in(house, 500, lc.BUYER_ACCOUNT, case)
        (incident,) = await house.get("/incidents")
        assert "1 divided by nought" in incident["data"]["why"]
