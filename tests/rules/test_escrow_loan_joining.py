"""LC-L2: a lender that holds the contract and the proof of the down payment asks for its part in a case."""

import pytest

from contracts.event import Role
from contracts.events.case import JoinRefused, PartyJoined
from contracts.events.escrow import DepositConfirmed
from contracts.events.lender import JoinRequested
from contracts.values import VerificationCode
from services.runtime.core.file import spoken_words
from tests.rules.escrow_cases import agreed, alarms, borrowing, certified, close, noticed, opened, paid_in, signed
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import Bench
from tests.support.liaocheng import REGISTRY
from tests.support.loan import FUND, LENDER, OTHER_BANK


@pytest.fixture
def bench() -> Bench:
    """A case without a lender, whose down payment is certified."""
    bench = signed(loan.sale())
    certified(bench)
    return bench


def asked(bench: Bench, **other: object) -> JoinRequested:
    """What the buyer has shown to a bank: the certificate as it was issued."""
    certificate = bench.said(DepositConfirmed)[0].certificate
    return loan.join_requested(deposit_certificate=certificate.number, code=certificate.code, **other)


def hearers(bench: Bench, kind: type) -> set[str]:
    """The inboxes to which words of a kind went."""
    return {to for _, s in spoken_words(bench.subject()) if isinstance(s.filed.fact, kind) for to, _ in s.to}


def test_LC_L2_a_bank_that_holds_the_certificate_joins_and_all_hear_it(bench: Bench) -> None:
    bench.hear(asked(bench), LENDER)
    assert bench.said(PartyJoined) == [loan.joined()]
    parties = ("registry.liaocheng-registry", "seller_bank.liaocheng-icbc", "buyer_bank.liaocheng-ccb")
    assert hearers(bench, PartyJoined) == {f"daiya.{party}" for party in parties}
    bench.hear(loan.approved(), LENDER)
    assert alarms(bench) == [] and bench.dead == []


def test_LC_L2_who_has_its_part_is_not_answered_again(bench: Bench) -> None:
    bench.hear(asked(bench), LENDER)
    bench.hear(asked(bench), LENDER)
    assert len(bench.said(PartyJoined)) == 1 and bench.said(JoinRefused) == []
    named = borrowing()
    certified(named)
    named.hear(asked(named), LENDER)
    assert named.said(PartyJoined) == [] and named.said(JoinRefused) == []


def test_LC_L2_bank_and_fund_centre_both_join(bench: Bench) -> None:
    bench.hear(asked(bench), LENDER)
    bench.hear(asked(bench), FUND)
    assert bench.said(PartyJoined) == [loan.joined(), loan.joined(FUND)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"contract_number": "LC-2026-000999"},
        {"deposit_certificate": lc.document("首付款到账提存公证书", 999).number},
        {"code": VerificationCode("FFFF-FFFF-FFFF")},
    ],
    ids=["contract", "number", "code"],
)
def test_LC_L2_LC_R4_who_does_not_hold_the_proof_is_refused_and_learns_nothing(
    bench: Bench, wrong: dict[str, object]
) -> None:
    certificate = bench.said(DepositConfirmed)[0].certificate
    shown: dict[str, object] = {"deposit_certificate": certificate.number, "code": certificate.code}
    bench.hear(loan.join_requested(**{**shown, **wrong}), LENDER)
    (refused,) = bench.said(JoinRefused)
    assert (refused.role, refused.institution, refused.clause) == (*LENDER, "LC-L2")
    assert refused.because == "no certificate of this number and code was issued for this case and contract"
    assert not refused.final
    assert hearers(bench, JoinRefused) == {"daiya.buyer_bank.liaocheng-ccb"}
    assert bench.said(PartyJoined) == []


def test_LC_L2_a_case_that_nobody_knows_here_has_no_part_to_give(bench: Bench) -> None:
    bench.hear(asked(bench), LENDER, case="LCF-NOBODYS-1")
    assert [r.institution for r in bench.said(JoinRefused, case="LCF-NOBODYS-1")] == [LENDER[1]]
    assert bench.said(JoinRefused) == [] and bench.said(PartyJoined) == []


def test_LC_L2_a_second_bank_waits_for_the_firsts_no(bench: Bench) -> None:
    bench.hear(asked(bench), LENDER)
    bench.hear(asked(bench), OTHER_BANK)
    assert [(r.institution, r.final) for r in bench.said(JoinRefused)] == [(OTHER_BANK[1], False)]
    bench.hear(loan.approved(), LENDER)
    bench.hear(asked(bench), OTHER_BANK)
    assert len(bench.said(JoinRefused)) == 2
    bench.hear(loan.rejected(), LENDER)
    bench.hear(asked(bench), OTHER_BANK)
    assert bench.said(PartyJoined) == [loan.joined(), loan.joined(OTHER_BANK)]


def test_LC_L2_a_case_that_is_being_called_off_or_over_takes_nobody(bench: Bench) -> None:
    bench.own(loan.withdrawal())
    bench.hear(asked(bench), LENDER)
    close(bench)
    bench.hear(asked(bench), LENDER)
    assert [("takes no lender any more" in r.because, r.final) for r in bench.said(JoinRefused)] == [(True, True)] * 2
    assert bench.said(PartyJoined) == []


def test_LC_L2_after_the_entry_nobody_joins() -> None:
    bench = borrowing()
    noticed(agreed(bench))
    bench.hear(loan.registered(), REGISTRY)
    bench.hear(asked(bench), FUND)
    assert [(r.institution, r.final) for r in bench.said(JoinRefused)] == [(FUND[1], True)]


def test_LC_L2_a_sale_paid_in_full_has_no_lenders_part_and_a_person_must_tell_the_bank() -> None:
    bench = opened()
    paid_in(bench)
    bench.hear(asked(bench), LENDER)
    assert bench.said(PartyJoined) == [] and bench.said(JoinRefused) == []
    assert alarms(bench) == ["liaocheng-ccb asks for a lender's part in case LCF-TEST-1, which has none"]


def test_LC_L2_the_fund_centre_of_another_case_on_the_same_home_changes_nothing(bench: Bench) -> None:
    bench.hear(asked(bench), FUND, case="LCF-NOBODYS-1")
    bench.hear(asked(bench), FUND)
    assert [j.role for j in bench.said(PartyJoined)] == [Role.FUND_CENTER]
