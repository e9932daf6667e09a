"""The fund centre's desk: what it looks up itself, and the pages of quota and pool."""

from typing import Any

from services.fund_center.facts import BorrowerExamined
from services.fund_center.service import PART as FUND_CENTER
from services.lending.facts import LoanDecided
from services.runtime.desk.commands import claim_id
from tests.rules.fund_center_cases import FOR_THE_OLD, examined, stated
from tests.runtime.test_lender_desk import CASE, Bank, body
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import FOLIO

POLICY = FOR_THE_OLD.model_dump(mode="json")
YES = {"approve": True, "amount_fen": ln.FUND_FEN}
DECIDE, EXAMINE = f"/cases/{CASE}/loan-decision", f"/cases/{CASE}/examination"


def centre(policy: dict[str, Any] | None = POLICY) -> Bank:
    """The fund centre, with the city's policy in its settings."""
    return Bank(FUND_CENTER, ln.FUND_ACCOUNT, lending_policy=policy)


def without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """A command as a clerk hands it in."""
    return {name: value for name, value in values.items() if name not in ("by_clerk", *names)}


EXAMINATION = without(examined().to_json(), "policy")
STATEMENT = without(stated().to_json(), "limit_ppm")


async def applied(house: Bank) -> None:
    """The buyer has applied in a case in which the centre has a part."""
    for word in (ln.opened(institutions=ln.WITH_BOTH), ln.certified()):
        await house.hears(word)
    await house.hears(lc.reserved(), lc.REGISTRY)
    await house.done(f"/cases/{CASE}/loan-application", {**body(), "amount_fen": ln.FUND_FEN})


async def filed(house: Bank, kind: type[Any]) -> list[Any]:
    """What of this kind is on the case's file."""
    subject = await house.institution.turns.read_subject(FOLIO)
    return [found.fact for found in subject.file(CASE).every(kind)]


async def test_LC_R2_the_desk_takes_the_policy_from_the_settings_and_the_ratio_from_the_pool() -> None:
    async with centre() as house:
        await applied(house)
        (item,) = await house.get("/worklist")
        assert (item["action"], item["link"]) == ("examine-borrower", EXAMINE)
        await house.done(EXAMINE, EXAMINATION)
        (found,) = await filed(house, BorrowerExamined)
        assert found.policy == FOR_THE_OLD
        (item,) = await house.get("/worklist")
        assert (item["action"], item["link"]) == ("decide-loan", DECIDE)
        assert (await house.done(DECIDE, YES, status=409))["title"] == "pool not stated"
        await house.done("/pool", STATEMENT)
        await house.done(DECIDE, YES)
        (decided,) = await filed(house, LoanDecided)
        assert decided.pool_ratio_ppm == 800_000


async def test_LC_R2_no_clerk_says_what_the_desk_looks_up() -> None:
    async with centre() as house:
        await applied(house)
        for path, values, field in (
            (EXAMINE, {**EXAMINATION, "policy": POLICY}, "policy"),
            (DECIDE, {**YES, "pool_ratio_ppm": 1}, "pool_ratio_ppm"),
            ("/pool", {**STATEMENT, "limit_ppm": 1_000_000}, "limit_ppm"),
        ):
            problem = await house.done(path, values, status=422)
            assert [error["field"] for error in problem["errors"]] == [field]
        assert await filed(house, BorrowerExamined) == []


async def test_LC_R2_a_command_handed_in_again_carries_what_was_looked_up_first() -> None:
    async with centre() as house:
        await applied(house)
        await house.done(EXAMINE, EXAMINATION)
        await house.done("/pool", STATEMENT)
        answer = await house.post(DECIDE, YES, "the-decision")
        assert answer.status_code == 202
        row = await house.store.row(claim_id(answer.json()["command"]))
        assert row is not None and row.data["found"] == {"pool_ratio_ppm": 800_000}
        later = {**STATEMENT, "loans_fen": 850_000_000}
        assert (await house.post("/pool", later)).status_code == 202
        await house.turns()
        assert (await house.get("/pool"))["ratio_ppm"] == 850_000
        assert (await house.done(DECIDE, YES, "the-decision"))["command"] == answer.json()["command"]
        assert [decided.pool_ratio_ppm for decided in await filed(house, LoanDecided)] == [800_000]
        assert not house.log.everything(f"{house.institution.inbox}.dead")


async def test_LC_R2_without_a_policy_nothing_is_examined() -> None:
    for policy, where in ((None, "lending_policy"), ({**POLICY, "step_fen": 0}, "step_fen")):
        async with centre(policy) as house:
            await applied(house)
            problem = await house.done(EXAMINE, EXAMINATION, status=503)
            assert (problem["title"], problem["clause"]) == ("no lending policy", "LC-R2")
            assert problem["detail"].endswith(where)


async def test_LC_R2_the_page_of_the_quota_shows_inputs_and_results() -> None:
    async with centre() as house:
        await applied(house)
        unknown = await house.client.get(f"/cases/{CASE}/quota")
        assert (unknown.status_code, unknown.json()["title"]) == (404, "not examined")
        await house.done(EXAMINE, {**EXAMINATION, "owes_fund_loan": True})
        page = await house.get(f"/cases/{CASE}/quota")
        assert page["quota"]["price_fen"] == lc.PRICE_FEN
        assert page["quota"]["quota_fen"] == page["most_fen"] == 50_000_000
        assert (page["quota"]["home"], page["quota"]["balance_limit_fen"]) == ("first home", 60_000_000)
        assert (page["ability"]["months"], page["ability"]["left_microfen"]) == (240, 700_000_000_000)
        assert page["ability"]["ability_fen"] > 50_000_000
        assert (page["term"]["on"], page["term"]["building_limit_months"]) == ("2026-11-23", 432)
        assert page["unmet"] == ["an open provident-fund loan is owed"]


async def test_LC_R2_LC_R3_the_page_of_the_pool_goes_on_with_what_is_lent() -> None:
    async with centre() as house:
        unknown = await house.client.get("/pool")
        assert (unknown.status_code, unknown.json()["title"]) == (404, "not stated")
        await applied(house)
        await house.done(EXAMINE, EXAMINATION)
        await house.done("/pool", STATEMENT)
        await house.done(DECIDE, YES)
        await house.done(f"/cases/{CASE}/contracts", {"signed_by": [lc.BUYER.id_number]})
        await house.hears(lc.consent(), lc.BANK)
        await house.day()
        await house.hears(ln.noticed(ln.LENDER, ln.FUND), lc.REGISTRY)
        await house.day()
        assert await house.get("/pool") == {
            "as_of": "2026-11-22",
            "deposits_fen": 1_000_000_000,
            "stated_loans_fen": 800_000_000,
            "lent_since_fen": ln.FUND_FEN,
            "loans_fen": 830_000_000,
            "ratio_ppm": 830_000,
            "limit_ppm": 900_000,
        }
