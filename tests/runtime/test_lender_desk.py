"""A lender's desk: an application for a case that is not known there yet, and the page of a loan."""

from typing import Any

import pytest

from contracts.envelope import Envelope, encode, partition_of, to_data
from contracts.event import Event, Role
from contracts.events.escrow import MoneyKind
from contracts.events.registry import Stage
from services.buyer_bank.service import PART as BUYER_BANK
from services.runtime.core.fold import derived_id
from services.runtime.keys import Keys
from services.runtime.log import Received
from services.runtime.rail import Transfer
from services.runtime.service import Part
from tests.runtime.desk_house import DeskHouse
from tests.support import liaocheng as lc
from tests.support import loan as ln
from tests.support.bench import FOLIO, NOON

CASE = "LCL-0B1F3A526A4E"
ELSEWHERE = "371502001001GB00001F00010002"
EXAMPLE = {"signed_by": [lc.BUYER.id_number]}


class Bank(DeskHouse):
    """A lender, the buyer's bank unless a test says otherwise, with its account at the rail; the others' words arrive
    when the test says so."""

    def __init__(self, part: Part = BUYER_BANK, account: str = ln.LENDER_ACCOUNT, **settings: Any) -> None:
        super().__init__(part, {"accounts": [account], "loan_account": account, **settings})
        self.lines: dict[tuple[str, str], int] = {}
        for number, amount_fen in ((account, 2 * ln.LOAN_FEN), (lc.ESCROW_ACCOUNT, ln.LOAN_FEN)):
            self.rail.open(number, f"owner of {number}", amount_fen)

    async def hears(self, event: Event, by: tuple[Role, str] = lc.NOTARY, folio: str = FOLIO) -> None:
        """The next word of a speaker about a folio."""
        source = f"/{by[0].value}/{by[1]}"
        self.lines[source, folio] = number = self.lines.get((source, folio), 0) + 1
        data = to_data(event.copy_for(self.part.role))
        word_id = derived_id(source, folio, str(number))
        word = Envelope(word_id, source, event.type_name, CASE, NOON, folio, number, None, data)
        record = encode(Keys(b"n" * 32).sign_word(word))
        where = partition_of(folio)
        stands = self.log.topics[self.institution.inbox][where]
        stands.append(Received(record, where, len(stands), self.log.now))
        await self.turns()

    async def apply(self, status: int = 200, case: str = CASE, **other: Any) -> dict[str, Any]:
        """The buyer applies with what the escrow has given out."""
        return await self.done(f"/cases/{case}/loan-application", {**body(), **other}, status=status)

    def asked(self) -> list[str]:
        """The folios about which the keeper was asked."""
        inbox = self.log.everything(f"daiya.escrow.{lc.NOTARY[1]}")
        return [received.record.key.decode() for received in inbox if received.record.key]


def body() -> dict[str, Any]:
    """What a clerk hands in: without what the desk knows itself."""
    return {
        **ln.PROCEDURE,
        "unit_number": FOLIO,
        "keeper": lc.NOTARY[1],
        "contract_number": ln.opened().contract_number,
        "applicants": [{"name": lc.BUYER.name, "id_number": lc.BUYER.id_number}],
        "amount_fen": ln.LOAN_FEN,
        "months": 240,
        "deposit_certificate": ln.CERTIFICATE.number,
        "code": ln.CERTIFICATE.code,
    }


async def let_in(bank: Bank) -> None:
    for word in (ln.joined(), ln.opened(), ln.certified()):
        await bank.hears(word)
    await bank.hears(lc.reserved(), lc.REGISTRY)


async def test_LC_L2_an_application_for_a_case_not_known_here_lies_on_the_folio_that_it_names() -> None:
    async with Bank() as bank:
        outcome = await bank.apply()
        assert outcome["case"] == CASE
        assert [word["type"] for word in outcome["said"]] == ["daiya.join-requested.v1"]
        assert bank.asked() == [FOLIO]
        page = await bank.get(f"/cases/{CASE}")
        assert (page["subject"], page["procedure"]) == (FOLIO, "LC-LOAN")
        assert page["facts"][0]["data"]["pays_from"] == ln.LENDER_ACCOUNT
        await let_in(bank)
        (item,) = await bank.get("/worklist")
        assert (item["action"], item["link"]) == ("decide-loan", f"/cases/{CASE}/loan-decision")


@pytest.mark.parametrize("case", ["LCL", "lcl-0b1f3a526a4e", "LCL 0B1F3A526A4E"])
async def test_LC_L2_what_is_no_case_is_not_applied_in(case: str) -> None:
    async with Bank() as bank:
        problem = await bank.apply(422, case)
        assert problem["errors"][0]["field"] == "path.case"
        assert bank.asked() == []


async def test_LC_L2_a_case_that_is_known_here_keeps_its_folio() -> None:
    async with Bank() as bank:
        await bank.apply()
        await let_in(bank)
        problem = await bank.apply(422, unit_number=ELSEWHERE)
        assert (problem["title"], problem["clause"]) == ("another home", "LC-L2")


async def test_LC_L2_after_the_keepers_no_the_application_is_made_again_for_the_right_folio() -> None:
    async with Bank() as bank:
        await bank.apply(unit_number=ELSEWHERE)
        await bank.hears(ln.join_refused(because="no such case on this folio"), folio=ELSEWHERE)
        (item,) = await bank.get("/worklist")
        assert (item["action"], item["link"]) == ("apply-for-loan", f"/cases/{CASE}/loan-application")
        assert "no such case" in item["what"]
        assert (await bank.client.get(f"/cases/{CASE}")).status_code == 404
        await bank.apply()
        assert sorted(bank.asked()) == [FOLIO, ELSEWHERE]
        await let_in(bank)
        assert (await bank.get(f"/cases/{CASE}"))["subject"] == FOLIO


async def test_LC_L2_after_the_keepers_no_the_application_can_be_let_rest() -> None:
    async with Bank() as bank:
        decision = {"approve": False, "because": "the buyer has gone elsewhere"}
        await bank.done(f"/cases/{CASE}/loan-decision", decision, status=404)
        await bank.apply()
        await bank.hears(ln.join_refused())
        await bank.done(f"/cases/{CASE}/contracts", EXAMPLE, status=404)
        await bank.done(f"/cases/{CASE}/loan-decision", decision)
        assert await bank.get("/worklist") == []
        await bank.done(f"/cases/{CASE}/loan-decision", decision, status=404)


async def test_without_an_account_to_lend_from_the_application_must_name_one() -> None:
    async with Bank() as bank:
        bank.institution.settings = bank.settings.model_copy(update={"loan_account": None})
        problem = await bank.apply(422)
        assert problem["errors"][0]["field"] == "pays_from"
        await bank.apply(pays_from=ln.LENDER_ACCOUNT)


async def test_LC_L6_the_page_of_a_loan_shows_it_from_its_application_to_its_mortgage() -> None:
    async with Bank() as bank:
        assert (await bank.client.get(f"/cases/{CASE}/loan")).status_code == 404
        await bank.hears(ln.opened(institutions=ln.WITH_LENDER))
        problem = (await bank.client.get(f"/cases/{CASE}/loan")).json()
        assert (problem["status"], problem["clause"]) == (404, "LC-L2")
        await bank.hears(ln.certified())
        await bank.hears(lc.reserved(), lc.REGISTRY)
        await bank.apply()
        page = await bank.get(f"/cases/{CASE}/loan")
        assert (page["application"]["amount_fen"], page["application"]["months"]) == (ln.LOAN_FEN, 240)
        assert page["decision"] is page["notice"] is page["loan_contract"] is page["mortgage_rank"] is None
        await bank.done(f"/cases/{CASE}/loan-decision", {"approve": True, "amount_fen": ln.LOAN_FEN})
        page = await bank.get(f"/cases/{CASE}/loan")
        assert (page["decision"]["stands"], page["decision"]["unsigned"]) == (True, 1)
        await bank.done(f"/cases/{CASE}/contracts", EXAMPLE)
        await bank.hears(lc.consent(), lc.BANK)
        await bank.hears(ln.noticed(), lc.REGISTRY)
        await bank.day()
        page = await bank.get(f"/cases/{CASE}/loan")
        assert page["loan_contract"]["title"] == "借款合同" and page["mortgage_contract"]["title"] == "抵押合同"
        assert (page["notice"]["certificate"]["number"], page["notice"]["why_not"]) == (
            ln.NOTICES[ln.LENDER].number, ""
        )  # fmt: skip
        assert (page["sent_fen"], page["returned_fen"], len(page["disbursed"])) == (ln.LOAN_FEN, 0, 1)
        await bank.hears(ln.certified(MoneyKind.LOAN, ln.LENDER[1], price_complete=True, n=25))
        await bank.hears(ln.registered(), lc.REGISTRY)
        page = await bank.get(f"/cases/{CASE}/loan")
        assert (page["mortgage_rank"], page["mortgage_certificate"]["number"]) == (
            2, ln.NEW_MORTGAGES[ln.LENDER].number
        )  # fmt: skip
        applied = [fact for fact in (await bank.get(f"/cases/{CASE}"))["facts"] if "application-made" in fact["type"]]
        assert [fact["data"]["stage"] for fact in applied] == [Stage.NOTICE.value, Stage.REGISTRATION.value]


async def test_LC_L3_the_page_of_a_loan_shows_a_no_without_an_application() -> None:
    async with Bank() as bank:
        await bank.hears(ln.opened(institutions=ln.WITH_LENDER))
        await bank.done(f"/cases/{CASE}/loan-decision", {"approve": False, "because": "not our district"})
        page = await bank.get(f"/cases/{CASE}/loan")
        assert page["application"] is None
        assert (page["decision"]["approve"], page["decision"]["because"]) == (False, "not our district")


async def test_X_1_money_that_names_the_case_lies_in_it_and_other_money_with_no_case() -> None:
    async with Bank() as bank:
        await bank.hears(ln.opened(institutions=ln.WITH_LENDER))
        for n, reference in enumerate((f"{CASE} refund", "no case")):
            accounts = {"from_account": lc.ESCROW_ACCOUNT, "to_account": ln.LENDER_ACCOUNT}
            await bank.rail.transfer(Transfer(key=str(n), amount_fen=700 + n, reference=reference, **accounts))
        await bank.day()
        found = [(item["case"], item["action"], item["link"]) for item in await bank.get("/worklist")]
        assert found == [
            (CASE, "apply-for-loan", f"/cases/{CASE}/loan-application"),
            (CASE, "return-money", f"/cases/{CASE}/money/return"),
            ("", "return-money", f"/unmatched/{ln.LENDER_ACCOUNT}/money/return"),
        ]
