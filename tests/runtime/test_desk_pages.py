"""What a desk shows: cases, what waits, incidents, money, the register, the loans, and the public check."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from contracts.event import Role
from contracts.period import Days, Period, Source
from contracts.values import VerificationCode
from services.registry.service import PART as REGISTRY
from services.runtime.core.periods import Calendar
from services.runtime.core.rows import Row
from services.runtime.rail import Transfer
from services.runtime.rail.memory import Fault
from services.runtime.store import PAGE_ROWS
from services.seller_bank.service import PART as SELLER_BANK
from tests.runtime.desk_house import DeskHouse, escrow, opened, sale_body
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON

PRICE_PERIOD = Period(
    name="price", whose=Role.ESCROW, days=10, count=Days.WORKING, clause="LC-F1", source=Source.PRACTICE
)
WITH_A_PERIOD = {"periods": [PRICE_PERIOD.model_dump(mode="json")]}


async def pay_in(house: DeskHouse, amount_fen: int, payer: str, reference: str) -> None:
    """Somebody pays into the deposit account."""
    key = f"{payer}-{amount_fen}"
    order = Transfer(
        key=key, from_account=payer, to_account=lc.ESCROW_ACCOUNT, amount_fen=amount_fen, reference=reference
    )
    await house.rail.transfer(order)
    await house.day()


# --- cases ----------------------------------------------------------------------------------------------------


async def test_a_case_is_shown_in_order_with_its_articles() -> None:
    async with escrow() as house:
        case = await opened(house)
        page = await house.get(f"/cases/{case}")
        assert page["phase"] == "open"
        assert (page["procedure"], page["edition"]) == ("LC-FULL", "2023-03-20")
        assert page["unit_number"] == page["subject"] == FOLIO
        types = [fact["type"] for fact in page["facts"]]
        assert types[0] == "daiya.own.sale-brought.v1"
        assert types[-1] == "daiya.case-opened.v1"
        said = page["facts"][-1]
        assert said["article"] == "LC-F1"
        assert said["by"] == "/escrow/liaocheng-notary"
        assert said["data"]["price_fen"] == lc.PRICE_FEN
        assert {d["title"] for d in page["documents"]} == {"提存协议", "授权委托书"}
        assert {d["issuer"] for d in page["documents"]} == {"/escrow/liaocheng-notary"}


async def test_a_cases_money_is_in_equals_out_plus_held() -> None:
    async with escrow() as house:
        case = await opened(house)
        assert (await house.get(f"/cases/{case}"))["money"]["lines"] == []
        await pay_in(house, lc.PRICE_FEN + 77, lc.BUYER_ACCOUNT, f"{case} 购房款")
        money = (await house.get(f"/cases/{case}"))["money"]
        assert (money["in_fen"], money["out_fen"], money["held_fen"]) == (lc.PRICE_FEN + 77, 77, lc.PRICE_FEN)
        received, excess = money["lines"]
        assert (received["direction"], received["account"]) == ("in", lc.BUYER_ACCOUNT)
        assert (excess["direction"], excess["purpose"], excess["state"]) == ("out", "excess", "settled")
        assert excess["about"] == received["id"]


async def test_cases_are_listed_newest_first_and_by_phase() -> None:
    async with escrow() as house:
        first = (await house.done("/cases", sale_body()))["case"]
        house.log.now += timedelta(minutes=1)
        second = (await house.done("/cases", sale_body()))["case"]
        assert [line["case"] for line in await house.get("/cases")] == [second, first]
        assert [line["case"] for line in await house.get("/cases?limit=1&phase=open")] == [second]
        assert await house.get("/cases?phase=ended") == []
        assert (await house.client.get("/cases/LCF-NOBODY")).json()["clause"] == "X-3"


async def test_cases_come_page_after_page_each_once() -> None:
    async with escrow() as house:
        cases = list[str]()
        for _ in range(5):
            cases.append((await house.done("/cases", sale_body()))["case"])
            house.log.now += timedelta(minutes=len(cases) % 2)  # two pairs of the same moment
        seen, page = list[str](), await house.get("/cases?limit=2")
        while page:
            seen += [line["case"] for line in page]
            page = await house.get(f"/cases?limit=2&phase=open&before={seen[-1]}")
        assert len(seen) == 5 and set(seen) == set(cases)
        newest, oldest = (seen.index(cases[n]) for n in (4, 0))
        assert newest < oldest
        assert await house.get(f"/cases?phase=ended&before={seen[0]}") == []
        problem = (await house.client.get("/cases?before=LCF-NOBODY")).json()
        assert (problem["status"], problem["clause"]) == (404, "X-3")


async def test_a_worklist_and_the_incidents_show_all_that_there_is() -> None:
    many = PAGE_ROWS + 5
    what = {"action": "sign", "clause": "LC-F1", "what": "w", "about": "", "why": "y"}
    async with escrow() as house:
        for kind in ("wait", "incident"):
            rows = [Row(f"{kind}{n}", kind, FOLIO, 0, "LCF-1", NOON + timedelta(seconds=n), what) for n in range(many)]
            await house.store.change_rows(rows, ())
        assert len(await house.get("/worklist")) == len(await house.get("/incidents")) == many
        (oldest, _) = await house.get("/incidents?limit=2")
        assert oldest["id"] == "incident0"
        assert len(await house.get(f"/worklist?limit={PAGE_ROWS + 1}")) == PAGE_ROWS + 1


# --- what waits -----------------------------------------------------------------------------------------------


async def test_the_worklist_says_what_since_when_until_when_and_where() -> None:
    async with escrow(settings=WITH_A_PERIOD) as house:
        case = (await house.done("/cases", sale_body()))["case"]
        (sign,) = await house.get("/worklist")
        assert (sign["action"], sign["clause"], sign["case"]) == ("sign", "LC-F1", case)
        assert sign["link"] == f"/cases/{case}/signatures"
        assert sign["until"] is None
        for signed in lc.signatures():
            await house.done(sign["link"], {"person": signed.person, "paper": signed.paper.value})
        (pay,) = await house.get("/worklist")
        assert (pay["action"], pay["link"]) == ("pay-in", None), "money comes by the rail, not by the desk"
        assert pay["until"] == "2026-12-07", "ten working days from Monday 2026-11-23"
        assert pay["calendar_unpublished"] is None
        assert (await house.get(f"/cases/{case}"))["waiting"] == [pay]


async def test_an_unpublished_year_is_named_and_no_day_guessed() -> None:
    async with escrow(settings=WITH_A_PERIOD, calendar=Calendar([])) as house:
        await opened(house)
        (pay,) = await house.get("/worklist")
        assert (pay["until"], pay["calendar_unpublished"]) == (None, 2026)


# --- incidents, and money that nobody expected ----------------------------------------------------------------


async def test_money_that_names_no_case_is_an_incident_and_goes_back_by_its_link() -> None:
    async with escrow() as house:
        await pay_in(house, 500, lc.STRANGER_ACCOUNT, "happy new year")
        (incident,) = await house.get("/incidents")
        assert (incident["kind"], incident["data"]["clause"]) == ("incident", "X-1")
        (item,) = await house.get("/worklist")
        assert (item["action"], item["link"]) == ("return-money", f"/unmatched/{lc.ESCROW_ACCOUNT}/money/return")
        await house.done(item["link"], {"money": item["about"]})
        await house.day()
        assert house.rail.balance_fen(lc.STRANGER_ACCOUNT) == 2 * lc.PRICE_FEN
        assert await house.get("/worklist") == []
        await house.done(incident["link"], {"note": "sent back"}, "closing")
        assert await house.get("/incidents") == []
        again = await house.done(incident["link"], {"note": "sent back"}, "closing")
        assert again["status"] == "done", "the same key, though the incident is gone"
        await house.done("/unmatched/ESCROW-LC-99/money/return", {"money": item["about"]}, status=404)


async def test_money_of_a_stranger_in_a_case_goes_back_by_its_link() -> None:
    async with escrow() as house:
        case = await opened(house)
        await pay_in(house, 500, lc.STRANGER_ACCOUNT, case)
        item = next(i for i in await house.get("/worklist") if i["action"] == "return-money")
        assert item["link"] == f"/cases/{case}/money/return"
        await house.done(item["link"], {"money": item["about"]})
        await house.day()
        assert house.rail.balance_fen(lc.STRANGER_ACCOUNT) == 2 * lc.PRICE_FEN


async def test_a_failed_payment_is_ordered_again_by_its_id() -> None:
    async with escrow() as house:
        case = await opened(house)
        house.rail.arm(Fault("refuse", n=2, from_account=lc.ESCROW_ACCOUNT))
        await pay_in(house, lc.PRICE_FEN + 77, lc.BUYER_ACCOUNT, case)
        await pay_in(house, 11, lc.BUYER_ACCOUNT, case)
        failed = [line for line in (await house.get(f"/cases/{case}"))["money"]["lines"] if line["state"] == "refused"]
        assert [line["amount_fen"] for line in failed] == [77, 11]
        (item,) = [i for i in await house.get("/worklist") if i["action"] == "order-payment-again"]
        assert item["link"] == f"/payments/{failed[0]['id']}/again"
        await house.done(f"/payments/{failed[1]['id']}/again", {})
        await house.done(item["link"], {"to_account": lc.SELLER_ACCOUNT}, "again")
        await house.done(item["link"], {"to_account": lc.SELLER_ACCOUNT}, "again")
        await house.day()
        assert house.rail.balance_fen(lc.SELLER_ACCOUNT) == 2 * lc.PRICE_FEN + 77
        assert house.rail.balance_fen(lc.BUYER_ACCOUNT) == lc.PRICE_FEN - 77


# --- the public check (X-5) -----------------------------------------------------------------------------------


async def test_X_5_anybody_can_check_a_document_at_its_issuer() -> None:
    async with escrow() as house:
        case = await opened(house)
        document = (await house.get(f"/cases/{case}"))["documents"][0]
        path = "/documents/" + quote(document["number"], safe="")
        answer = await house.anybody.get(path, params={"code": document["code"]})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["valid"] is True
        assert (found["number"], found["title"], found["issuer"]) == (document["number"], document["title"], "聊城")
        assert (found["event"], found["issued_at"]) == ("daiya.case-opened.v1", "2026-11-23T04:00:00.000Z")
        assert found["content"]["price_fen"] == lc.PRICE_FEN
        assert found["content"]["unit_number"] == FOLIO
        assert "deposit_account" not in found["content"], "nothing of it is public"
        for personal in (lc.SELLER.name, lc.SELLER.id_number, lc.BUYER_ACCOUNT, document["code"]):
            assert personal not in answer.text


async def test_X_5_numbers_and_codes_are_read_as_people_type_them() -> None:
    async with escrow() as house:
        case = await opened(house)
        document = (await house.get(f"/cases/{case}"))["documents"][1]
        typed = document["number"].replace("(", "（").replace(")", "）")
        code = document["code"].replace("-", " ").lower()
        answer = await house.anybody.get(f"/documents/{quote(typed)}", params={"code": code})
        assert answer.json()["number"] == document["number"]


async def test_X_5_a_wrong_code_and_an_unknown_number_are_answered_alike() -> None:
    async with escrow() as house:
        case = await opened(house)
        document = (await house.get(f"/cases/{case}"))["documents"][0]
        unknown = document["number"].replace("第0000001号", "第0000999号")
        other = "0" if document["code"][0] != "0" else "1"
        tries = [
            (document["number"], other + document["code"][1:]),
            (unknown, document["code"]),
            (unknown, house.institution.house.code(unknown)),
            ("no number at all", "键"),
            (document["number"], ""),
        ]
        answers: list[Any] = []
        for number, code in tries:
            answer = await house.anybody.get(f"/documents/{quote(number, safe='')}", params={"code": code})
            assert answer.status_code == 404
            answers.append({name: text for name, text in answer.json().items() if name != "instance"})
        assert all(answer == answers[0] for answer in answers)
        assert (await house.anybody.get(f"/documents/{quote(unknown)}")).status_code == 422


async def test_X_5_a_wrong_code_is_known_as_wrong_without_the_database() -> None:
    async with escrow() as house:
        case = await opened(house)
        document = (await house.get(f"/cases/{case}"))["documents"][0]
        house.store.down = True
        wrong = VerificationCode("ZZZZ-ZZZZ-ZZZZ")
        for number in (document["number"], document["number"].replace("第0", "第9")):
            answer = await house.anybody.get(f"/documents/{quote(number)}", params={"code": wrong})
            assert answer.status_code == 404, "so the time it takes says nothing of what is there"


# --- the register and the loans -------------------------------------------------------------------------------

MORTGAGE = {
    "certificate": lc.MORTGAGE,
    "mortgagee": "liaocheng-icbc",
    "principal_fen": 80_000_000,
    "no_transfer_clause": True,
    "since": "2021-06-01",
}
WHOLE = {"numerator": 1, "denominator": 1}
SELLER = {"name": lc.SELLER.name, "id_number": lc.SELLER.id_number}
FOLIO_BODY = {
    "owners": [{"person": SELLER, "share": WHOLE}],
    "ownership_certificate": "鲁(2019)聊城市不动产权第0004567号",
    "mortgages": [{**MORTGAGE, "rank": 1}],
}
FREEZE = {"kind": "freeze", "number": "(2026)鲁15执保12号", "authority": "中级人民法院", "since": "2026-03-02"}


async def test_the_register_of_a_home_with_its_history() -> None:
    async with DeskHouse(REGISTRY) as house:
        assert (await house.client.get(f"/folios/{FOLIO}")).json()["clause"] == "X-4"
        imported = await house.done(f"/folios/{FOLIO}/import", {**FOLIO_BODY, "unit_number": FOLIO})
        assert imported["case"] == ""
        await house.done(f"/folios/{FOLIO}/restrictions", {"restriction": FREEZE})
        second = {**MORTGAGE, "certificate": "鲁(2026)聊城市不动产证明第0000009号", "mortgagee": "a friend"}
        await house.done(f"/folios/{FOLIO}/mortgages", {"mortgage": second})
        page = await house.get(f"/folios/{FOLIO}")
        assert page["owners"] == FOLIO_BODY["owners"]
        assert [(m["rank"], m["mortgagee"]) for m in page["mortgages"]] == [(1, "liaocheng-icbc"), (2, "a friend")]
        assert page["restrictions"] == [FREEZE]
        assert page["reserved_for"] == ""
        assert [e["kind"] for e in page["entries"]] == ["ownership", "mortgage", "restriction", "mortgage"]
        assert page["entries"][2]["content"] == FREEZE
        await house.done(f"/folios/{FOLIO}/restrictions/lift", {"number": FREEZE["number"]})
        assert (await house.get(f"/folios/{FOLIO}"))["restrictions"] == []
        refused = await house.done(f"/folios/{FOLIO}/restrictions/lift", {"number": FREEZE["number"]}, status=404)
        assert refused["clause"] == "X-4"
        assert await house.get("/cases") == []
        assert (await house.client.get("/folios/nowhere")).status_code == 422


async def test_a_folio_is_imported_under_its_own_number_only() -> None:
    async with DeskHouse(REGISTRY) as house:
        other = FOLIO[:-1] + "9"
        answer = await house.done(f"/folios/{FOLIO}/import", {**FOLIO_BODY, "unit_number": other}, status=422)
        assert answer["errors"] == [{"field": "unit_number", "message": "differs from the path"}]


LOAN = {
    "terms": {
        "loan_number": "ICBC-LC-2021-0007788",
        "principal_fen": 61_234_567,
        "annual_rate_ppm": 31_000,
        "day_count_basis": 360,
        "interest_paid_through": "2026-11-01",
        "cut_off": "24:00",
        "good_through_days": 3,
    },
    "borrowers": [SELLER],
    "mortgage_certificate": lc.MORTGAGE,
    "settlement_account": lc.BANK_ACCOUNT,
    "no_transfer_clause": True,
}


async def test_the_loans_of_a_home() -> None:
    async with DeskHouse(SELLER_BANK) as house:
        assert (await house.client.get(f"/folios/{FOLIO}/loans")).status_code == 404
        await house.done(f"/folios/{FOLIO}/loans", LOAN)
        (loan,) = (await house.get(f"/folios/{FOLIO}/loans"))["loans"]
        assert (loan["loan_number"], loan["settled"], loan["bookings"]) == ("ICBC-LC-2021-0007788", False, [])
        assert loan["terms"]["principal_fen"] == 61_234_567
        other = {**LOAN, "terms": {**LOAN["terms"], "principal_fen": 1}}
        assert (await house.done(f"/folios/{FOLIO}/loans", other, status=409))["clause"] == "LC-R2"


# --- operations -----------------------------------------------------------------------------------------------


async def test_the_journal_of_a_subject_tells_all_with_its_places_and_without_contents() -> None:
    async with escrow() as house:
        case = await opened(house)
        answer = await house.client.get(f"/subjects/{FOLIO}/journal")
        lines = answer.json()
        assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
        heard = [line for line in lines if line["kind"] == "heard"]
        assert heard[0]["type"] == "daiya.own.sale-brought.v1"
        assert heard[0]["case"] == case
        assert [line["place"] for line in heard] == sorted(line["place"] for line in heard)
        said = next(line for line in lines if line["type"] == "daiya.case-opened.v1")
        assert set(said["note"]["to"]) == {"daiya.registry.liaocheng-registry", "daiya.seller_bank.liaocheng-icbc"}
        for personal in (lc.SELLER.name, lc.SELLER.id_number, lc.BUYER_ACCOUNT):
            assert personal not in answer.text
        series = next(line["note"]["tell"] for line in lines if line["note"].get("tell"))
        (wanted, *_) = await house.get(f"/subjects/{quote(series, safe='')}/journal")
        assert wanted["type"] == "daiya.own.number-wanted.v1"
        assert (await house.client.get("/subjects/nobody/journal")).status_code == 404


async def test_health_readiness_and_metrics() -> None:
    async with escrow() as house:
        await house.done("/cases", sale_body())
        assert (await house.anybody.get("/healthz")).json() == {"status": "alive"}
        assert (await house.anybody.get("/readyz")).json() == {"status": "ready"}
        house.unready = "catching up in partitions [3]"
        answer = await house.anybody.get("/readyz")
        assert (answer.status_code, answer.json()["detail"]) == (503, house.unready)
        assert "daiya_records_total 1.0" in (await house.anybody.get("/metrics")).text
        del house.app.state.institution
        assert (await house.client.get("/worklist")).status_code == 503


@pytest.mark.parametrize("path", ["/cases", "/worklist", "/incidents"])
async def test_lists_of_an_institution_that_knows_nothing_yet(path: str) -> None:
    async with DeskHouse(SELLER_BANK) as house:
        assert await house.get(path) == []
