"""LC-F2: the seller has told its bank, and the bank's people decide."""

import pytest

from contracts.event import Role
from contracts.events.case import CaseOpened
from contracts.events.registry import FolioRefused, RegistrationClosed
from contracts.events.seller_bank import ConsentIssued, ConsentRefused
from services.runtime.core.facts import DocumentDrafted
from services.runtime.core.file import Said
from services.seller_bank.facts import ConsentDecided, LoanImported, PayoffAsked
from tests.rules.seller_bank_cases import (
    CASE,
    NOTARY,
    OTHER_MORTGAGE,
    OWED_TODAY_FEN,
    REGISTRY,
    SECOND_CASE,
    actions,
    alarms,
    bank,
    cancelled,
    completed,
    consented,
    example,
    loan,
    opened,
    period,
    released,
    reserved,
    terms,
    with_case,
    with_loan,
)
from tests.support.bench import Bench, command
from tests.support.examples import BANKS_ACCOUNT, BUYER, MORTGAGE


def test_LC_F2_the_sellers_bank_issues_its_opinion_of_consent() -> None:
    bench = consented()
    opinion = bench.said(ConsentIssued)[-1]
    assert opinion.opinion.title == "同意“带押过户”意见书"
    assert opinion.opinion.number == "(2026)测试同字第0000001号"
    assert opinion.mortgage_certificate == MORTGAGE
    assert opinion.lifts_no_transfer_clause
    assert opinion.estimated_payoff_fen == OWED_TODAY_FEN
    assert opinion.payoff_account == BANKS_ACCOUNT
    assert bench.conversation() == ["ConsentIssued"]


def test_LC_F2_a_person_decides_and_nobody_else() -> None:
    bench = with_case()
    assert bench.conversation() == []
    waiting = bench.rows("wait")
    assert [(row.data["action"], row.data["clause"]) for row in waiting] == [("decide-consent", "LC-F2")]
    assert "ICBC-2019-0001" in waiting[0].data["what"]
    assert "period" not in waiting[0].data
    bench.own(command(ConsentDecided, consents=True))
    assert actions(bench) == []


def test_LC_F2_the_worklist_names_the_period_that_the_case_pins() -> None:
    assert with_case(period("consent")).rows("wait")[0].data["period"] == "consent"
    assert "period" not in with_case(period("consent", whose=Role.REGISTRY)).rows("wait")[0].data


def test_LC_F2_a_clause_that_is_not_registered_is_not_lifted() -> None:
    assert not consented(no_transfer_clause=False).said(ConsentIssued)[-1].lifts_no_transfer_clause


def test_LC_F2_what_each_role_hears_of_the_consent() -> None:
    bench = consented()
    said = next(s for s in bench.outbox if isinstance(s.filed.fact, ConsentIssued))
    assert [to for to, _ in said.to] == ["daiya.escrow.liaocheng-notary", "daiya.registry.liaocheng-registry"]
    opinion = bench.said(ConsentIssued)[-1]
    registrys = opinion.copy_for(Role.REGISTRY)
    assert set(registrys) == {"opinion", "mortgage_certificate", "lifts_no_transfer_clause"}
    assert str(OWED_TODAY_FEN) not in str(registrys)
    escrows = opinion.copy_for(Role.ESCROW)
    assert (escrows["estimated_payoff_fen"], escrows["payoff_account"]) == (OWED_TODAY_FEN, BANKS_ACCOUNT)


def test_X_3_the_bank_does_not_agree() -> None:
    bench = with_case()
    bench.own(command(ConsentDecided, consents=False, because="instalments are overdue", clause="LC-R2"))
    assert bench.said(ConsentRefused) == [ConsentRefused(because="instalments are overdue", clause="LC-R2")]
    assert bench.conversation() == ["ConsentRefused"]
    assert actions(bench) == []


def test_X_3_a_refusal_says_why() -> None:
    bench = with_case()
    refused = bench.refusal(bench.own(command(ConsentDecided, consents=False, because=" ")))
    assert (refused.title, refused.status) == ("no reason given", 422)
    assert bench.conversation() == []


def test_LC_F2_no_loan_here() -> None:
    bench = bank()
    bench.hear(opened(), NOTARY)
    assert "no loan" in bench.rows("wait")[0].data["what"]
    refused = bench.refusal(bench.own(command(ConsentDecided, consents=True)))
    assert (refused.title, refused.clause) == ("no loan here", "LC-F2")
    assert "no loan with this bank is on this folio" in refused.detail
    bench.standing(loan(borrowers=(BUYER,)))
    refused = bench.refusal(bench.own(command(ConsentDecided, consents=True)))
    assert "not a seller's" in refused.detail
    assert bench.conversation() == []


def test_X_3_a_bank_named_by_mistake_can_say_no() -> None:
    bench = bank()
    bench.hear(opened(), NOTARY)
    bench.own(command(ConsentDecided, consents=False, because="no loan with us"))
    assert bench.conversation() == ["ConsentRefused"]


def test_LC_F2_one_of_two_borrowers_sells() -> None:
    bench = with_case(borrowers=(BUYER, opened().sellers[0].person))
    bench.own(command(ConsentDecided, consents=True))
    assert bench.conversation() == ["ConsentIssued"]


def test_LC_F2_an_unknown_case() -> None:
    bench = with_loan()
    refused = bench.refusal(bench.own(command(ConsentDecided, consents=True)))
    assert (refused.status, refused.title) == (404, "unknown case")


@pytest.mark.parametrize("consents", [True, False])
def test_LC_F2_the_bank_decides_once(consents: bool) -> None:
    bench = with_case()
    bench.own(command(ConsentDecided, consents=consents, because="" if consents else "overdue"))
    said = bench.conversation()
    for again in (True, False):
        refused = bench.refusal(bench.own(command(ConsentDecided, consents=again, because="x")))
        assert refused.title == "decided already"
        assert ("consented" if consents else "refused") in refused.detail
    assert bench.conversation() == said


@pytest.mark.parametrize(
    ("end", "by", "why"),
    [
        (example(FolioRefused), REGISTRY, "refused the folio"),
        (example(RegistrationClosed), REGISTRY, "closed the case"),
        (cancelled(), NOTARY, "cancelled"),
        (completed(), NOTARY, "completed"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_X_3_nothing_is_decided_in_a_case_that_is_over(end: object, by: tuple[Role, str], why: str) -> None:
    bench = with_case()
    bench.hear(end, by)  # pyright: ignore[reportArgumentType]
    assert actions(bench) == []
    for late in (command(ConsentDecided, consents=True), command(PayoffAsked)):
        refused = bench.refusal(bench.own(late))
        assert (refused.title, refused.clause) == ("too late", "X-3")
        assert why in refused.detail
    assert bench.conversation() == []


def test_X_3_an_opinion_decided_before_the_closing_is_said_when_it_has_its_number() -> None:
    bench = with_case()
    waiting: list[Said] = []

    def keep(said: Said) -> None:
        waiting.append(said)

    deliver, bench._tell = bench._tell, keep  # pyright: ignore[reportPrivateUsage]
    bench.own(command(ConsentDecided, consents=True))
    bench.hear(example(RegistrationClosed), REGISTRY)
    assert (len(bench.file(DocumentDrafted)), bench.conversation()) == (1, [])
    bench._tell = deliver  # pyright: ignore[reportPrivateUsage]
    for told in waiting:
        deliver(told)
    assert bench.conversation() == ["ConsentIssued"]


def test_LC_F2_each_case_has_its_own_opinion() -> None:
    bench = consented()
    bench.hear(example(RegistrationClosed), REGISTRY)
    bench.hear(cancelled(), NOTARY)
    bench.hear(opened(), NOTARY, case=SECOND_CASE)
    bench.own(command(ConsentDecided, consents=True), case=SECOND_CASE)
    assert bench.said(ConsentIssued, case=CASE)[-1].opinion.number == "(2026)测试同字第0000001号"
    assert bench.said(ConsentIssued, case=SECOND_CASE)[-1].opinion.number == "(2026)测试同字第0000002号"


def test_X_5_the_opinion_has_a_number_and_a_code_to_check_it_by() -> None:
    bench = consented()
    bench.hear(example(RegistrationClosed), REGISTRY)
    bench.hear(cancelled(), NOTARY)
    bench.hear(opened(), NOTARY, case=SECOND_CASE)
    bench.own(command(ConsentDecided, consents=True), case=SECOND_CASE)
    papers = [*bench.issued(), *bench.issued(case=SECOND_CASE)]
    assert [paper.number for paper in papers] == ["(2026)测试同字第0000001号", "(2026)测试同字第0000002号"]
    assert [paper.code for paper in papers] == [bench.house.code(paper.number) for paper in papers]
    assert papers[0].code != papers[1].code


def test_LC_R2_a_register_without_the_mortgage_is_an_incident() -> None:
    bench = with_case()
    bench.hear(reserved(mortgages=()), REGISTRY)
    assert [(a.clause, str(MORTGAGE) in a.what) for a in alarms(bench)] == [("LC-R2", True)]
    agreed = with_case()
    agreed.hear(reserved(), REGISTRY)
    assert alarms(agreed) == []


def test_X_2_a_mortgage_released_before_its_debt_is_an_incident() -> None:
    bench = consented()
    bench.hear(released(certificate=OTHER_MORTGAGE), REGISTRY)
    assert alarms(bench) == []
    bench.hear(released(), REGISTRY)
    assert [a.clause for a in alarms(bench)] == ["X-2"]


# --- the loans themselves --------------------------------------------------------------------------------


def imported(bench: Bench) -> list[str]:
    return [f.fact.terms.loan_number for f in bench.file(LoanImported, case="")]


def test_LC_R2_a_loan_is_imported_once_and_its_terms_stand() -> None:
    bench = with_loan()
    bench.standing(loan(by_clerk="Wang"))
    assert imported(bench) == ["ICBC-2019-0001"] * 2
    refused = bench.refusal(bench.standing(loan(terms=terms(annual_rate_ppm=1))))
    assert (refused.title, "ICBC-2019-0001" in refused.detail) == ("other terms", True)
    refused = bench.refusal(bench.standing(loan(settlement_account="ICBC-OTHER")))
    assert refused.title == "other terms"
    bench.hear(opened(), NOTARY)
    bench.own(command(ConsentDecided, consents=True))
    assert bench.said(ConsentIssued)[-1].estimated_payoff_fen == OWED_TODAY_FEN


def test_LC_R2_one_loan_at_a_time_is_open_on_a_folio() -> None:
    bench = with_loan()
    refused = bench.refusal(bench.standing(loan(terms=terms(loan_number="ICBC-2026-0002"))))
    assert refused.title == "another loan is open"


def test_LC_F2_LC_L6_a_loan_belongs_to_its_folio_and_a_decision_to_its_case() -> None:
    bench = with_case()
    assert bench.refusal(bench.own(loan())).title == "not in a case"
    assert bench.refusal(bench.standing(command(ConsentDecided, consents=True))).title == "no case"
    assert bench.refusal(bench.standing(command(PayoffAsked))).title == "no case"


def test_LC_F2_an_opening_of_somebody_else_is_no_case_here() -> None:
    bench = with_loan()
    turn = bench.hear(opened(institutions={**opened().institutions, Role.SELLER_BANK: "liaocheng-abc"}), NOTARY)
    assert turn.dead
    assert actions(bench) == []
    assert bench.file(CaseOpened) == ()
