"""LC-R1: what an application must bring with it, at the counter and online, and the desk that shows it."""

from typing import Any

import httpx
import pytest

from contracts.event import Role
from contracts.events.registry import Stage
from contracts.procedures import PROCEDURES
from services.registry.facts import Material, NoticesEntered, OwnershipEntered
from services.registry.materials import MATERIALS, Applicant
from services.registry.service import PART
from services.runtime.desk.app import make_app
from tests.rules import registry_cases as home
from tests.rules import registry_loan_cases as sale
from tests.rules.registry_loan_cases import BANK, FUND_ALONE, REGISTRATION, TOGETHER
from tests.support import liaocheng as lc
from tests.support import loan

EVERY = [(p, stage, who, n) for p, table in MATERIALS.items() for (stage, who), needed in table.items() for n in needed]


# --- the table ----------------------------------------------------------------------------------------------


def test_LC_R1_every_case_type_of_the_registry_has_its_table():
    assert set(MATERIALS) == {name for name, _ in PROCEDURES}
    assert {stage for stage, _ in MATERIALS["LC-FULL"]} == {Stage.REGISTRATION}
    assert set(MATERIALS["LC-LOAN"]) == {(stage, who) for stage in Stage for who in Applicant}
    assert all(needed.clause for *_, needed in EVERY)


def test_LC_R1_table_has_what_the_document_names_for_the_notices():
    table = MATERIALS["LC-LOAN"]
    of_all = {n.material for who in Applicant for n in table[Stage.NOTICE, who] if n.clause == "LC-L4"}
    named = {Material.CONTRACT, Material.LOAN_CONTRACT, Material.MORTGAGE_CONTRACT, Material.CONSENT}
    assert of_all == named


# --- at the counter -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("left_out", sale.FOR_THE_NOTICE)
def test_LC_R1_counter_names_what_is_missing_for_the_notices(left_out: Material):
    bench = sale.agreed()
    brought = tuple(m for m in sale.FOR_THE_NOTICE if m is not left_out)
    refused = bench.refusal(bench.own(sale.counter(materials=brought)))
    assert (refused.status, refused.detail) == (422, left_out.value)
    assert sale.waits(bench) == []


def test_LC_R1_counter_names_all_that_is_missing_for_the_entry_at_once():
    bench = sale.paid()
    refused = bench.refusal(bench.own(sale.counter(REGISTRATION, materials=(Material.IDENTITY,))))
    assert refused.detail.split("、") == [material.value for material in sale.FOR_THE_ENTRY]
    assert refused.clause == "LC-L5, LC-L1, X-2, LC-R1"


def test_LC_R1_certificate_of_the_loan_is_asked_for_where_a_bank_lends():
    without = tuple(m for m in sale.FOR_THE_ENTRY if m is not Material.LOAN_CERTIFICATE)
    bench = sale.noticed(None, FUND_ALONE)
    bench.own(sale.counter(REGISTRATION, materials=without))
    sale.lenders_applied(bench, FUND_ALONE, REGISTRATION)
    assert len(sale.waits(bench)) == 1
    bench = sale.noticed(None, TOGETHER)
    refused = bench.refusal(bench.own(sale.counter(REGISTRATION, materials=without)))
    assert refused.detail == "贷款资金到账提存公证书"


def test_LC_R1_sale_paid_in_full_has_no_application_for_a_notice():
    bench = home.with_folio()
    home.open_case(bench)
    refused = bench.refusal(bench.own(home.applied_at_the_counter(stage=Stage.NOTICE)))
    assert (refused.status, refused.title) == (422, "no such application")


# --- online -------------------------------------------------------------------------------------------------


def test_LC_R1_online_application_names_its_documents_by_their_numbers():
    bench = sale.ready(None, TOGETHER)
    sale.approve(bench, REGISTRATION)
    assert sale.transfer(bench)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"deposit_certificates": ()}, "首付款到账提存公证书 (LC-L1, X-2)"),
        ({"deposit_certificates": (lc.document("别的", 99).number,)}, "首付款到账提存公证书 (LC-L1, X-2)"),
        ({"contract_number": ""}, "买卖协议（合同） (LC-L4)"),
    ],
)
def test_LC_R1_online_application_of_the_notary_without_a_document_is_not_approved(changes: dict[str, Any], says: str):
    bench = sale.agreed()
    bench.hear(sale.applied(**changes), sale.NOTARY)
    sale.lenders_applied(bench)
    refused = bench.refusal(sale.approve(bench))
    assert (refused.title, refused.detail) == ("materials are missing", f"{sale.number()}: {says}")
    assert not bench.said(NoticesEntered)


def test_LC_R1_all_that_is_missing_of_all_parts_is_named_at_once():
    bench = sale.paid()
    bench.hear(sale.applied(REGISTRATION, notice=None, deposit_certificates=()), sale.NOTARY)
    part = sale.part(BANK, REGISTRATION, contract_number="", notice=None)
    bench.hear(part, BANK)
    refused = bench.refusal(sale.approve(bench, REGISTRATION))
    leading = [Material.DOWN_PAYMENT_CERTIFICATE, Material.LOAN_CERTIFICATE, Material.TRANSFER_NOTICE]
    assert [line.split(" (")[0] for line in refused.detail.split("、")] == [
        *(f"{sale.number(REGISTRATION)}: {material.value}" for material in leading),
        f"{part.application.number}: 买卖协议（合同）",
        f"{part.application.number}: 抵押预告登记不动产登记证明",
    ]
    assert not bench.said(OwnershipEntered)
    bench.own(sale.decided(home.Decision.RETURN, sale.number(REGISTRATION)))
    assert sale.names(bench)[-1] == "RegistrationReturned"


def test_LC_R1_certificate_of_the_funds_loan_is_not_that_of_the_banks():
    bench = sale.noticed(None, TOGETHER)
    bench.hear(sale.loan_held(BANK, complete=False), sale.NOTARY)
    bench.hear(sale.loan_held(sale.FUND), sale.NOTARY)
    certificates = (loan.CERTIFICATE.number, sale.certificate(sale.FUND))
    bench.hear(sale.applied(REGISTRATION, lending=TOGETHER, deposit_certificates=certificates), sale.NOTARY)
    sale.lenders_applied(bench, TOGETHER, REGISTRATION)
    assert "贷款资金到账提存公证书" in bench.refusal(sale.approve(bench, REGISTRATION)).detail


def test_LC_R1_sale_paid_in_full_is_checked_alike():
    bench = home.with_folio()
    home.open_case(bench, contract_number="")
    bench.hear(home.deposited(), home.NOTARY)
    bench.hear(home.consented(), home.BANK)
    bench.hear(home.applied(contract_number=""), home.NOTARY)
    assert bench.refusal(home.approve(bench)).detail == f"{home.number(1)}: 买卖协议（合同） (LC-F3)"


# --- the desk -----------------------------------------------------------------------------------------------


async def read(path: str) -> httpx.Response:
    """What the registry's desk answers a clerk."""

    async def ready() -> str:
        return ""

    app = make_app(Role.REGISTRY, "liaocheng-registry", PART.desk, {"token-of-li": "Li"}, ready)
    headers = {"Authorization": "Bearer token-of-li"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk", headers=headers) as desk:
        return await desk.get(path)


async def test_LC_R1_desk_shows_what_each_procedure_needs() -> None:
    shown = (await read("/materials")).json()
    assert [(t["procedure"], t["stage"], t["applicant"], m["material"]) for t in shown for m in t["materials"]] == [
        (procedure, stage.value, who.value, needed.material.value) for procedure, stage, who, needed in EVERY
    ]


async def test_LC_R1_desk_shows_what_one_procedure_needs_with_its_clauses() -> None:
    shown = (await read("/materials/LC-FULL")).json()
    assert shown == [
        {
            "procedure": "LC-FULL",
            "stage": "registration",
            "applicant": "buyer and seller",
            "materials": [
                {"material": "买卖协议（合同）", "clause": "LC-F3", "where": None},
                {"material": "同意“带押过户”意见书", "clause": "LC-F3", "where": None},
            ],
        }
    ]
    certificate = next(m for t in (await read("/materials/LC-LOAN")).json() for m in t["materials"] if m["where"])
    assert certificate == {"material": "贷款资金到账提存公证书", "clause": "LC-L5", "where": "buyer_bank"}


async def test_LC_R1_desk_knows_no_materials_of_an_unknown_procedure() -> None:
    answer = await read("/materials/LC-NONE")
    assert (answer.status_code, answer.json()["clause"]) == (404, "LC-R1")
