"""LC-LOAN as whoever looks on sees it: lenders join late, one asks in vain, each is waited for by what it did."""

from datetime import date

from contracts.event import Event, Role
from contracts.events.case import CaseOpened, JoinRefused, PartyJoined
from contracts.events.escrow import DepositConfirmed, TransferApplicationMade
from contracts.events.lender import (
    JoinRequested,
    LendingEnded,
    LoanApproved,
    LoanDisbursed,
    LoanRejected,
    MortgageApplicationMade,
)
from contracts.events.registry import (
    AdvanceNoticeRegistered,
    FolioReserved,
    RegistrationClosed,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued
from services.observer.cases import Heard, Institutions
from services.observer.pages import CasePage
from tests.observer.words import page, word
from tests.support.examples import EXAMPLES

E, R, S, B, F = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK, Role.BUYER_BANK, Role.FUND_CENTER
NAMES = {
    E: "liaocheng-notary",
    R: "liaocheng-registry",
    S: "liaocheng-icbc",
    B: "liaocheng-ccb",
    F: "liaocheng-fund",
}
CITY: Institutions = frozenset(NAMES.items())


def example(kind: type[Event], **other: object) -> Event:
    return EXAMPLES[kind.type_name].model_copy(update=other)


OPENED = (E, example(CaseOpened, procedure="LC-LOAN"))
CERTIFIED = (E, example(DepositConfirmed, price_complete=False, lender=None))
ASKED = (B, example(JoinRequested))
JOINED = (E, PartyJoined(role=B, institution=NAMES[B]))
JOINED_TOO = (E, PartyJoined(role=F, institution=NAMES[F]))
TO_THE_NOTICE = (
    OPENED,
    (R, example(FolioReserved)),
    CERTIFIED,
    ASKED,
    JOINED,
    (B, example(LoanApproved)),
    (S, example(ConsentIssued)),
    (E, example(TransferApplicationMade)),
    (B, example(MortgageApplicationMade)),
    (R, example(AdvanceNoticeRegistered)),
)


def told(*said: tuple[Role, Event]) -> list[Heard]:
    return [word(n, by, event, institution=NAMES[by]) for n, (by, event) in enumerate(said)]


def seen(*said: tuple[Role, Event]) -> CasePage:
    return page(told(*said), observed=CITY)


def waits(*said: tuple[Role, Event]) -> set[tuple[str, str, str]]:
    return {(w.by.role.value, w.event, w.clause) for w in seen(*said).waiting_for}


def test_LC_L2_before_a_bank_has_joined_the_keeper_is_waited_for_and_whoever_asks_is_no_stranger() -> None:
    assert ("escrow", "party-joined", "LC-L2") in waits(*TO_THE_NOTICE[:3])
    asked = seen(*TO_THE_NOTICE[:4])
    assert asked.violations == ()
    assert [p.institution for p in asked.institutions if p.role is B] == []
    joined = seen(*TO_THE_NOTICE[:5])
    assert [p.institution for p in joined.institutions if p.role is B] == ["liaocheng-ccb"]
    assert ("buyer_bank", "loan-approved", "LC-L4") in waits(*TO_THE_NOTICE[:5])


def test_LC_L2_who_is_refused_has_no_part_and_nothing_is_out_of_order() -> None:
    refused = seen(*TO_THE_NOTICE[:4], (E, example(JoinRefused)))
    assert refused.violations == ()
    assert [p for p in refused.institutions if p.role is B] == []
    spoke = seen(*TO_THE_NOTICE[:4], (E, example(JoinRefused)), (B, example(LoanApproved)))
    assert [(v.event, "no part" in v.why) for v in spoke.violations] == [("loan-approved", True)]


def test_LC_L5_on_the_notice_the_loan_is_waited_for_and_then_its_certificate() -> None:
    assert ("buyer_bank", "loan-disbursed", "LC-L5") in waits(*TO_THE_NOTICE)
    paid = (*TO_THE_NOTICE, (B, example(LoanDisbursed)))
    assert {w[:2] for w in waits(*paid)} == {
        ("escrow", "deposit-confirmed"),
        ("buyer_bank", "mortgage-application-made"),
    }
    assert seen(*paid).violations == ()


def test_LC_L5_a_loan_paid_before_the_notice_and_an_entry_without_one_are_found() -> None:
    early = seen(*TO_THE_NOTICE[:9], (B, example(LoanDisbursed)))
    assert [(v.event, v.clause) for v in early.violations] == [("loan-disbursed", "LC-L5")]
    bare = seen(*TO_THE_NOTICE[:9], (R, example(TransferRegistered)))
    assert [(v.event, v.clause) for v in bare.violations] == [("transfer-registered", "LC-L5")]


def test_LC_R3_two_lenders_are_waited_for_each_by_what_it_did_itself() -> None:
    both = (*TO_THE_NOTICE[:5], JOINED_TOO, *TO_THE_NOTICE[5:], (B, example(LoanDisbursed)))
    assert ("fund_center", "loan-disbursed", "LC-R3") in waits(*both)
    assert not any(w[:2] == ("buyer_bank", "loan-disbursed") for w in waits(*both))
    closed = (*both, (R, example(RegistrationClosed)), (B, example(LendingEnded)), (F, LendingEnded(sent_fen=0)))
    back = {w[0] for w in waits(*closed) if w[1] == "loan-returned"}
    assert back == {"buyer_bank"}


def test_LC_L3_after_a_rejection_the_keeper_is_waited_for() -> None:
    assert waits(*TO_THE_NOTICE[:5], (B, example(LoanRejected))) == {("escrow", "closing-requested", "LC-L3")}


def test_the_page_of_a_loan_shows_its_documents_and_nothing_personal() -> None:
    shown = page(told(*TO_THE_NOTICE), observed=CITY, today=date(2026, 11, 23))
    titles = {document.title for document in shown.documents}
    assert {"借款合同", "抵押合同", "不动产登记证明（转移预告登记）", "不动产登记证明（抵押权预告登记）"} <= titles
    text = shown.model_dump_json()
    opened = OPENED[1]
    assert isinstance(opened, CaseOpened)
    assert opened.buyers
    assert not [p for p in (*opened.buyers, *opened.sellers) if p.person.name in text or p.person.id_number in text]
