"""X-1: what is no debt goes back to whoever paid it, and money that no rule may book waits for a clerk."""

from typing import TypedDict

import pytest

from contracts.event import Role
from contracts.events.registry import RegistrationClosed
from contracts.events.seller_bank import PayoffCompleted, PayoffReturned, ReleaseApplied
from contracts.values import Fen
from services.runtime.core.facts import (
    MoneyReceived,
    OwnFact,
    Pay,
    PaymentOrderedAgain,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
    Purpose,
)
from services.seller_bank.facts import MoneyDecided
from tests.rules.seller_bank_cases import (
    BANKS_UNMATCHED,
    CASE,
    NOTARY,
    OWED_TODAY_FEN,
    REGISTRY,
    UNIT,
    accepted,
    actions,
    alarms,
    bank,
    cancelled,
    completed,
    consented,
    example,
    loan,
    money,
    opened,
    own_money,
    quoted,
    released,
    sent,
)
from tests.support.bench import FOLIO, Bench, command
from tests.support.examples import BANKS_ACCOUNT, ESCROW_ACCOUNT

SURPLUS_FEN: Fen = 250


class Place(TypedDict):
    """A file of a subject."""

    case: str
    subject: str


def overpaid() -> Bench:
    """The notary has paid 2.50 yuan too much."""
    bench = quoted()
    sent(bench, OWED_TODAY_FEN + SURPLUS_FEN)
    bench.own(money(OWED_TODAY_FEN + SURPLUS_FEN))
    return bench


def the_pay(bench: Bench, case: str = CASE, subject: str = FOLIO) -> str:
    return bench.file(Pay, case=case, subject=subject)[-1].id


def receipt(bench: Bench, case: str = CASE, subject: str = FOLIO) -> str:
    return bench.file(MoneyReceived, case=case, subject=subject)[-1].id


def test_X_1_the_surplus_goes_back_to_its_payer() -> None:
    bench = overpaid()
    done = bench.said(PayoffCompleted)[-1]
    assert (done.booked_fen, done.open_fen, done.surplus_fen) == (OWED_TODAY_FEN, 0, SURPLUS_FEN)
    assert bench.said(Pay) == [
        Pay(
            purpose=Purpose.SURPLUS,
            from_account=BANKS_ACCOUNT,
            to_account=ESCROW_ACCOUNT,
            amount_fen=SURPLUS_FEN,
            reference="退回",
            about=receipt(bench),
            because="X-1",
        )
    ]
    assert bench.said(PayoffReturned) == []
    accepted(bench, "B-1")
    assert bench.said(PayoffReturned) == [
        PayoffReturned(amount_fen=SURPLUS_FEN, to_account=ESCROW_ACCOUNT, rail_transfer="B-1")
    ]
    bench.own(PaymentSettled(payment=the_pay(bench), account=BANKS_ACCOUNT, line=2, amount_fen=SURPLUS_FEN))
    assert (bench.rows("payment"), alarms(bench), actions(bench)) == ([], [], [])
    assert bench.conversation()[-3:] == ["PayoffCompleted", "ReleaseApplied", "PayoffReturned"]


def test_X_1_money_without_a_debt_goes_back_whole() -> None:
    bench = quoted()
    bench.own(own_money(OWED_TODAY_FEN))
    bench.own(money(OWED_TODAY_FEN))
    last = bench.said(PayoffCompleted)[-1]
    assert (last.booked_fen, last.open_fen, last.surplus_fen) == (0, 0, OWED_TODAY_FEN)
    assert last.by_the_case
    assert [(p.to_account, p.amount_fen) for p in bench.said(Pay)] == [(ESCROW_ACCOUNT, OWED_TODAY_FEN)]
    assert len(bench.said(ReleaseApplied)) == 1


def test_X_1_each_surplus_goes_back_to_its_own_payer_once() -> None:
    bench = overpaid()
    bench.own(own_money(70, "T-8"))
    bench.own(money(80, "T-9"))
    payers = [(p.to_account, p.amount_fen) for p in bench.said(Pay)]
    sellers = opened().sellers[0].account
    assert payers == [(ESCROW_ACCOUNT, SURPLUS_FEN), (sellers, 70), (ESCROW_ACCOUNT, 80)]
    assert [b.by_the_case for b in bench.said(PayoffCompleted)] == [True, False, True]


def failures(payment: str) -> list[OwnFact]:
    refused = PaymentRefused(payment=payment, why="the account is closed")
    back = PaymentReturned(
        payment=payment, account=BANKS_ACCOUNT, line=3, amount_fen=SURPLUS_FEN, why="the account is closed"
    )
    return [refused, back]


@pytest.mark.parametrize("which", [0, 1], ids=["refused", "returned"])
def test_X_1_a_return_that_fails_is_ordered_again_by_a_clerk(which: int) -> None:
    bench = overpaid()
    failed = the_pay(bench)
    if which:
        accepted(bench, "B-1")
    bench.own(failures(failed)[which])
    assert [(a.clause, "the account is closed" in a.why) for a in alarms(bench)] == [("X-1", True)]
    waiting = bench.rows("wait")
    assert [(row.data["action"], row.data["about"]) for row in waiting] == [("order-payment-again", failed)]
    bench.own(command(PaymentOrderedAgain, payment=failed, to_account="ESCROW-LC-02"))
    first, second = bench.said(Pay)
    assert second == first.model_copy(update={"to_account": "ESCROW-LC-02"})
    assert the_pay(bench) != failed
    assert actions(bench) == []
    accepted(bench, "B-2")
    assert bench.said(PayoffReturned)[-1] == PayoffReturned(
        amount_fen=SURPLUS_FEN, to_account="ESCROW-LC-02", rail_transfer="B-2"
    )
    assert bench.refusal(bench.own(command(PaymentOrderedAgain, payment=failed))).title == "not failed"


def test_X_1_ordered_again_to_the_same_account() -> None:
    bench = overpaid()
    bench.own(failures(the_pay(bench))[0])
    bench.own(command(PaymentOrderedAgain, payment=the_pay(bench)))
    assert [p.to_account for p in bench.said(Pay)] == [ESCROW_ACCOUNT] * 2


def test_X_1_what_has_not_failed_is_not_paid_again() -> None:
    bench = overpaid()
    refused = bench.refusal(bench.own(command(PaymentOrderedAgain, payment=the_pay(bench))))
    assert (refused.title, refused.clause) == ("not failed", "X-1")
    assert len(bench.said(Pay)) == 1


# --- money that no rule may book -------------------------------------------------------------------------


def test_X_1_money_that_names_no_case_waits_for_a_clerk() -> None:
    bench = quoted()
    bench.standing(money(OWED_TODAY_FEN, reference="贷款 0001"), subject=BANKS_UNMATCHED)
    assert actions(bench, BANKS_UNMATCHED) == ["decide-money"]
    assert [(row.data["clause"], row.kind) for row in bench.rows("incident", BANKS_UNMATCHED)] == [("X-1", "incident")]
    assert bench.conversation() == ["ConsentIssued", "PayoffQuoted"]
    assert bench.rows("payment", BANKS_UNMATCHED) == []


def test_X_1_a_clerk_sends_it_back_with_the_payers_own_words() -> None:
    bench = quoted()
    bench.standing(money(500, reference="LC-X payoff"), subject=BANKS_UNMATCHED)
    given = receipt(bench, "", BANKS_UNMATCHED)
    bench.own(command(MoneyDecided, money=given), case="", subject=BANKS_UNMATCHED)
    pay = bench.file(Pay, case="", subject=BANKS_UNMATCHED)[-1].fact
    assert (pay.to_account, pay.amount_fen, pay.about) == (ESCROW_ACCOUNT, 500, given)
    assert pay.reference == "LC-X payoff 退回"
    assert actions(bench, BANKS_UNMATCHED) == []
    accepted(bench, case="", subject=BANKS_UNMATCHED)
    assert bench.said(PayoffReturned, case="") == bench.said(PayoffReturned) == []
    again = bench.own(command(MoneyDecided, money=given, unit_number=UNIT), case="", subject=BANKS_UNMATCHED)
    assert bench.refusal(again).title == "nothing to decide"


def test_X_1_a_return_outside_a_case_that_fails_is_ordered_again_by_a_clerk() -> None:
    bench = quoted()
    place = Place(case="", subject=BANKS_UNMATCHED)
    bench.own(money(SURPLUS_FEN, reference="还贷"), **place)
    bench.own(command(MoneyDecided, money=receipt(bench, **place)), **place)
    failed = the_pay(bench, **place)
    early = bench.own(command(PaymentOrderedAgain, payment=failed), **place)
    assert bench.refusal(early).title == "not failed"
    bench.own(failures(failed)[0], **place)
    assert [a.why.split(";")[0] for a in alarms(bench, case="")][1:] == ["the account is closed"]
    assert actions(bench, BANKS_UNMATCHED) == ["order-payment-again"]
    bench.own(command(PaymentOrderedAgain, payment=failed, to_account="ESCROW-LC-02"), **place)
    assert [p.to_account for p in bench.said(Pay, case="")] == [ESCROW_ACCOUNT, "ESCROW-LC-02"]
    assert actions(bench, BANKS_UNMATCHED) == []


def test_X_1_a_clerk_finds_the_loan_that_it_is_for() -> None:
    bench = quoted()
    sent(bench, OWED_TODAY_FEN, "T-1")
    bench.standing(money(OWED_TODAY_FEN, "T-1", reference="贷款 0001"), subject=BANKS_UNMATCHED)
    decided = command(MoneyDecided, money=receipt(bench, "", BANKS_UNMATCHED), unit_number=UNIT)
    bench.own(decided, case="", subject=BANKS_UNMATCHED)
    assert actions(bench, BANKS_UNMATCHED) == []
    assert [(b.open_fen, b.by_the_case) for b in bench.said(PayoffCompleted)] == [(0, True)]
    assert len(bench.said(ReleaseApplied)) == 1
    assert bench.said(Pay) == bench.said(Pay, case="") == []


def test_X_1_the_surplus_of_money_found_for_a_case_goes_back_under_that_case() -> None:
    bench = quoted()
    sent(bench, OWED_TODAY_FEN + 9, "T-1")
    bench.standing(money(OWED_TODAY_FEN + 9, "T-1", reference="贷款 0001"), subject=BANKS_UNMATCHED)
    decided = command(MoneyDecided, money=receipt(bench, "", BANKS_UNMATCHED), unit_number=UNIT)
    bench.own(decided, case="", subject=BANKS_UNMATCHED)
    assert [(p.amount_fen, p.reference) for p in bench.said(Pay, case="")] == [(9, "贷款 0001 退回")]
    accepted(bench, "B-1", case="")
    word = PayoffReturned(amount_fen=9, to_account=ESCROW_ACCOUNT, rail_transfer="B-1")
    assert bench.said(PayoffReturned) == [word]
    said = next(s for s in bench.outbox if isinstance(s.filed.fact, PayoffReturned))
    assert [to for to, _ in said.to] == ["daiya.escrow.liaocheng-notary"]


def test_X_1_a_borrowers_own_surplus_is_nothing_to_the_case() -> None:
    bench = quoted()
    bench.standing(own_money(OWED_TODAY_FEN + 9, reference="还贷"))
    accepted(bench, case="")
    assert bench.said(PayoffReturned) == bench.said(PayoffReturned, case="") == []
    assert [(b.surplus_fen, b.by_the_case) for b in bench.said(PayoffCompleted)] == [(9, False)]


def test_X_1_money_that_came_before_the_loan_is_booked_when_the_loan_is_there() -> None:
    bench = bank()
    bench.hear(opened(), NOTARY)
    bench.own(own_money(OWED_TODAY_FEN + 3))
    assert [a.clause for a in alarms(bench)] == ["X-1"]
    assert sorted(actions(bench)) == ["decide-consent", "decide-money"]
    bench.standing(loan())
    assert actions(bench) == ["decide-consent"]
    assert [p.amount_fen for p in bench.said(Pay)] == [3]
    assert bench.conversation() == ["ReleaseApplied"]


def test_X_1_money_sent_back_before_the_loan_came_is_not_booked() -> None:
    bench = bank()
    bench.hear(opened(), NOTARY)
    bench.own(own_money(OWED_TODAY_FEN))
    bench.own(command(MoneyDecided, money=receipt(bench)))
    bench.standing(loan())
    assert bench.conversation() == []
    assert [p.amount_fen for p in bench.said(Pay)] == [OWED_TODAY_FEN]


def ended(bench: Bench, how: str) -> Bench:
    if how == "closed":
        bench.hear(example(RegistrationClosed), REGISTRY)
    elif how == "cancelled":
        bench.hear(cancelled(), NOTARY)
    else:
        bench.own(money(OWED_TODAY_FEN))
        bench.hear(released(), REGISTRY)
        bench.hear(completed(), NOTARY)
    return bench


@pytest.mark.parametrize("how", ["closed", "cancelled", "completed"])
def test_X_1_money_after_the_end_is_an_incident_and_a_clerk_sends_it_back(how: str) -> None:
    bench = ended(quoted() if how == "completed" else consented(), how)
    said = bench.conversation()
    bench.own(money(1_000, "T-5"))
    assert [(a.clause, "over" in a.why) for a in alarms(bench)] == [("X-1", True)]
    assert actions(bench) == ["decide-money"]
    assert (bench.said(Pay), bench.conversation()) == ([], said)
    bench.own(command(MoneyDecided, money=receipt(bench)))
    assert [(p.to_account, p.amount_fen, p.reference) for p in bench.said(Pay)] == [(ESCROW_ACCOUNT, 1_000, "退回")]
    assert actions(bench) == []
    accepted(bench, "B-5")
    assert bench.said(PayoffReturned)[-1].rail_transfer == "B-5"


def test_X_1_a_clerk_books_money_that_came_after_the_end() -> None:
    bench = ended(consented(), "cancelled")
    bench.own(own_money(OWED_TODAY_FEN))
    assert bench.conversation() == ["ConsentIssued"]
    bench.own(command(MoneyDecided, money=receipt(bench), unit_number=UNIT))
    assert actions(bench) == []
    assert bench.conversation() == ["ConsentIssued", "ReleaseApplied"]
    assert bench.said(Pay) == bench.said(Pay, case="") == []


def test_X_1_what_is_booked_stands() -> None:
    bench = quoted()
    bench.own(money(100))
    refused = bench.refusal(bench.own(command(MoneyDecided, money=receipt(bench))))
    assert (refused.title, refused.status) == ("nothing to decide", 409)
    refused = bench.refusal(bench.own(command(MoneyDecided, money="nowhere")))
    assert (refused.title, refused.status) == ("unknown money", 404)


def test_X_1_in_is_out_and_booked_to_the_fen() -> None:
    bench = overpaid()
    bench.own(own_money(70, "T-8"))
    received = sum(m.fact.amount_fen for m in bench.file(MoneyReceived))
    out = sum(p.amount_fen for p in bench.said(Pay))
    assert received == out + sum(b.booked_fen or 0 for b in bench.said(PayoffCompleted))


def test_what_the_registry_may_read_of_a_payoff() -> None:
    done = overpaid().said(PayoffCompleted)[-1]
    assert set(done.copy_for(Role.REGISTRY)) == {"quote", "open_fen", "by_the_case"}
