"""What the demo checks: agreed evidence passes, and what differs fails the check that is there for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.document import Document, documents_in
from contracts.event import Event, Role
from contracts.events.case import CaseCompleted, MoneyStatement, Payment
from contracts.events.escrow import (
    BalancePaid,
    DepositConfirmed,
    MoneyKind,
    PayoffTransferred,
    TransferApplicationMade,
)
from contracts.events.lender import LoanDisbursed
from contracts.events.registry import AdvanceNoticeRegistered, Stage
from contracts.events.seller_bank import ReleaseApplied
from contracts.procedures import PROCEDURES
from contracts.values import UnitNumber
from deploy.evidence import Check, Evidence, Observed, Registered, Verified, checks, lent, rail_transfers
from deploy.stack import CHECKOUT
from deploy.witness import Spoken
from services.sale_file import load_sale
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import FOLIO, NOON

CASE = "LCF-TEST-1"
NAMES = loan.WITH_BOTH
FILE = load_sale(CHECKOUT / "examples" / "liaocheng-full.yaml", NOON)
LOAN_FILE = load_sale(CHECKOUT / "examples" / "liaocheng-loan.yaml", NOON)
BUYERS = [(p.from_account, p.amount_fen) for p in FILE.payments]
SELLER = FILE.sale.sellers[0].account
REST_FEN = lc.PRICE_FEN - lc.PAYOFF_FEN


def spoken(*said: tuple[Role, Event]) -> tuple[Spoken, ...]:
    """These events, a second after each other."""
    return tuple(
        Spoken(str(n), NOON + timedelta(seconds=n), role, NAMES[role], type(event), CASE, event.to_json(), n)
        for n, (role, event) in enumerate(said)
    )


def whole_trace() -> tuple[Spoken, ...]:
    """A case from beginning to end."""
    escrow, registry, bank = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK
    certificate, application = lc.document("购房款到账提存公证书", 6), lc.document("不动产登记申请书", 7)
    quote, people = lc.quoted(), FILE.sale
    applied = TransferApplicationMade(
        application=application,
        round=1,
        sellers=tuple(p.person for p in people.sellers),
        buyers=tuple(p.person for p in people.buyers),
        contract_number=people.contract_number,
        consent=lc.consent().opinion.number,
        deposit_certificates=(certificate.number,),
        power_of_attorney="委",
    )
    sent = PayoffTransferred(
        quote=quote.statement.number, amount_fen=quote.total_fen, to_account=lc.BANK_ACCOUNT, rail_transfer="T3"
    )
    release = ReleaseApplied(unit_number=UnitNumber(FOLIO), mortgage_certificate=lc.MORTGAGE, settled_on=NOON.date())
    held = DepositConfirmed(kind=MoneyKind.PRICE, certificate=certificate, price_complete=True)
    return spoken(
        (escrow, lc.opened()),
        (registry, lc.reserved()),
        (escrow, held),
        (bank, lc.consent()),
        (escrow, applied),
        (registry, lc.registered(application.number)),
        (bank, quote),
        (escrow, sent),
        (bank, lc.booked(quote)),
        (bank, release),
        (registry, lc.released()),
        (escrow, BalancePaid(rail_transfer="T4")),
        (escrow, CaseCompleted(ownership_certificate=lc.registered().ownership_certificate)),
    )


def movements(*transfers: tuple[str, str, int]) -> list[dict[str, Any]]:
    """What the rail books for transfers of the case that have settled: (payer, payee, fen)."""
    found: list[dict[str, Any]] = []
    for n, (payer, payee, fen) in enumerate(transfers):
        found.append({"kind": "accepted", "debit": payer, "credit": "ON-ITS-WAY", "amount_fen": fen, "key": f"K{n}"})
        found.append({"kind": "settled", "debit": "ON-ITS-WAY", "credit": payee, "amount_fen": fen, "key": f"K{n}"})
    return found


def books(*transfers: tuple[str, str, int], held_fen: int = 0, differences: tuple[str, ...] = ()) -> dict[str, Any]:
    """The rail's books after these transfers."""
    return {
        "accounts": {lc.ESCROW_ACCOUNT: {"owner": "公证", "balance_fen": held_fen}},
        "movements": movements(*transfers),
        "total_fen": lc.PRICE_FEN,
        "balanced": not differences,
        "differences": list(differences),
    }


PAID_IN = tuple((account, lc.ESCROW_ACCOUNT, fen) for account, fen in BUYERS)
PAID_OUT = ((lc.ESCROW_ACCOUNT, lc.BANK_ACCOUNT, lc.PAYOFF_FEN), (lc.ESCROW_ACCOUNT, SELLER, REST_FEN))


def statement(in_fen: int = lc.PRICE_FEN, out_fen: int = lc.PRICE_FEN, held_fen: int = 0) -> MoneyStatement:
    """What the escrow states."""
    incoming = [Payment(direction="in", purpose="deposit", account=a, amount_fen=f) for a, f in BUYERS]
    outgoing = [
        Payment(direction="out", purpose="payoff", account=lc.BANK_ACCOUNT, amount_fen=lc.PAYOFF_FEN),
        Payment(direction="out", purpose="balance", account=SELLER, amount_fen=REST_FEN),
    ]
    return MoneyStatement(in_fen=in_fen, out_fen=out_fen, held_fen=held_fen, payments=(*incoming, *outgoing))


def agreed() -> Evidence:
    """A case in which everybody's papers agree."""
    trace = whole_trace()
    named = [d for one in trace for d in documents_in(one.values)]
    return Evidence(
        file=FILE,
        case=CASE,
        procedure=PROCEDURES["LC-FULL", "2023-03-20"],
        spoken=trace,
        money=statement(),
        books=books(*PAID_IN, *PAID_OUT),
        register=Registered(
            owners=frozenset((str(p.person.id_number), "1/2") for p in FILE.sale.buyers),
            ownership_certificate=lc.registered().ownership_certificate.number,
            mortgages=(),
            notices=(),
            reserved_for="",
        ),
        documents=tuple(Verified(d, Role.ESCROW, "") for d in named),
        phases=dict.fromkeys(lc.INSTITUTIONS.values(), "ended"),
        observed=observed(trace),
    )


BANK_FEN = loan.LOAN_FEN - loan.FUND_FEN
LENT = ((loan.LENDER_ACCOUNT, lc.ESCROW_ACCOUNT, BANK_FEN), (loan.FUND_ACCOUNT, lc.ESCROW_ACCOUNT, loan.FUND_FEN))
DOWN_PAID = tuple((p.from_account, lc.ESCROW_ACCOUNT, p.amount_fen) for p in LOAN_FILE.payments)
LOAN_OUT = (PAID_OUT[0], (lc.ESCROW_ACCOUNT, LOAN_FILE.sale.sellers[0].account, REST_FEN))


def loan_trace() -> tuple[Spoken, ...]:
    """A case in which a bank and the fund centre join and lend, from beginning to end."""
    escrow, registry, bank = Role.ESCROW, Role.REGISTRY, Role.SELLER_BANK
    lender, fund = loan.LENDER[0], loan.FUND[0]
    quote, fund_notice = lc.quoted(), loan.NOTICES[loan.FUND].number
    to_fund = {"amount_fen": loan.FUND_FEN, "pays_from": loan.FUND_ACCOUNT}
    sent = PayoffTransferred(
        quote=quote.statement.number, amount_fen=quote.total_fen, to_account=lc.BANK_ACCOUNT, rail_transfer="T3"
    )
    release = ReleaseApplied(unit_number=UnitNumber(FOLIO), mortgage_certificate=lc.MORTGAGE, settled_on=NOON.date())
    entry = loan.registered(loan.LENDER, loan.FUND)
    return spoken(
        (escrow, loan.opened()),
        (registry, lc.reserved()),
        (escrow, loan.certified()),
        (lender, loan.join_requested()),
        (escrow, loan.joined()),
        (escrow, loan.joined(loan.FUND)),
        (fund, loan.approved(**to_fund, n=22)),
        (lender, loan.approved(BANK_FEN)),
        (bank, lc.consent()),
        (escrow, loan.transfer_application()),
        (lender, loan.mortgage_application(amount_fen=BANK_FEN)),
        (fund, loan.mortgage_application(amount_fen=loan.FUND_FEN, n=24)),
        (registry, loan.noticed(loan.LENDER, loan.FUND)),
        (lender, loan.disbursed(BANK_FEN)),
        (fund, loan.disbursed(loan.FUND_FEN, loan.FUND)),
        (escrow, loan.certified(MoneyKind.LOAN, loan.LENDER[1], n=25)),
        (escrow, loan.certified(MoneyKind.LOAN, loan.FUND[1], price_complete=True, n=26)),
        (escrow, loan.transfer_application(Stage.REGISTRATION, n=27)),
        (lender, loan.mortgage_application(Stage.REGISTRATION, BANK_FEN, n=28)),
        (fund, loan.mortgage_application(Stage.REGISTRATION, loan.FUND_FEN, n=29, notice=fund_notice)),
        (registry, entry),
        (bank, quote),
        (escrow, sent),
        (bank, lc.booked(quote)),
        (bank, release),
        (registry, lc.released()),
        (escrow, BalancePaid(rail_transfer="T4")),
        (escrow, CaseCompleted(ownership_certificate=entry.ownership_certificate)),
    )


def agreed_loans() -> Evidence:
    """The same of a case with two loans."""
    trace = loan_trace()
    ways = [("in", payer, fen) for payer, _, fen in (*DOWN_PAID, *LENT)]
    ways += [("out", payee, fen) for _, payee, fen in LOAN_OUT]
    entry = loan.registered(loan.LENDER, loan.FUND)
    return replace(
        agreed(),
        file=LOAN_FILE,
        procedure=PROCEDURES["LC-LOAN", "2023-03-20"],
        spoken=trace,
        money=statement().model_copy(update={"payments": tuple(
            Payment(direction=way, purpose="deposit", account=account, amount_fen=fen) for way, account, fen in ways
        )}),
        books=books(*DOWN_PAID, *LENT, *LOAN_OUT),
        register=Registered(
            owners=frozenset((str(p.person.id_number), "1/2") for p in LOAN_FILE.sale.buyers),
            ownership_certificate=entry.ownership_certificate.number,
            mortgages=tuple((m.rank - 1, str(m.certificate.number), m.lender) for m in entry.new_mortgages),
            notices=(),
            reserved_for="",
        ),
        phases=dict.fromkeys(loan.WITH_BOTH.values(), "ended"),
        observed=observed(trace),
    )  # fmt: skip


def observed(trace: tuple[Spoken, ...], **other: Any) -> Observed:
    """What an observer says that has read every word."""
    events = tuple(one.kind.type_name.split(".")[1] for one in trace)
    return replace(Observed(status="completed", events=events, in_fen=lc.PRICE_FEN, out_fen=lc.PRICE_FEN), **other)


def failed(evidence: Evidence) -> dict[str, Check]:
    """The checks that failed, by name."""
    return {check.name: check for check in checks(evidence) if not check.passed}


def without(evidence: Evidence, kind: type[Event]) -> Evidence:
    return replace(evidence, spoken=tuple(one for one in evidence.spoken if one.kind is not kind))


def swapped(evidence: Evidence) -> Evidence:
    first, second, *rest = evidence.spoken
    return replace(evidence, spoken=(second, first, *rest))


def registered(evidence: Evidence, **other: Any) -> Evidence:
    return replace(evidence, register=replace(evidence.register, **other))


def test_agreed_evidence_passes_every_check() -> None:
    assert failed(agreed()) == {}
    assert len(checks(agreed())) == 18
    assert failed(agreed_loans()) == {}
    assert len(checks(agreed_loans())) == 21


STATEMENT_LINES = "each line of the statement is a transfer at the rail, and each transfer a line"
DEPOSIT = "the deposit account holds what the statement says"
NEVER_LESS = "at no instant had more gone out of the deposit account than had come in"
MORTGAGES = "the mortgages that stand are the lenders', their ranks without gaps"
OBSERVER = "the observer, from the public feeds alone, sees the case completed and nothing out of order"
WRONG: list[tuple[str, Callable[[Evidence], Evidence]]] = [
    ("the order is that of LC-FULL (2023-03-20)", swapped),
    ("the order is that of LC-FULL (2023-03-20)", lambda e: replace(e, spoken=())),
    ("in = out + held", lambda e: replace(e, money=None)),
    ("in = out + held, and the lines add up to it", lambda e: replace(e, money=statement(held_fen=1))),
    ("in = out + held, and the lines add up to it", lambda e: replace(e, money=statement(out_fen=1, held_fen=0))),
    ("the whole price came in", lambda e: replace(e, money=statement(in_fen=lc.PRICE_FEN - 1))),
    (STATEMENT_LINES, lambda e: replace(e, books=books(*PAID_IN[1:], *PAID_OUT))),
    (STATEMENT_LINES, lambda e: replace(e, books=books(*PAID_IN, *PAID_IN[:1], *PAID_OUT))),
    (DEPOSIT, lambda e: replace(e, books=books(*PAID_IN, *PAID_OUT, held_fen=1))),
    (NEVER_LESS, lambda e: replace(e, books=books(*PAID_OUT, *PAID_IN))),
    (NEVER_LESS, lambda e: replace(e, books=books())),
    ("the rail's books balance", lambda e: replace(e, books=books(*PAID_IN, *PAID_OUT, differences=("+1 fen",)))),
    ("the seller's bank got exactly the payoff", lambda e: replace(e, books=books(*PAID_IN, PAID_OUT[1]))),
    ("the seller's bank got exactly the payoff", lambda e: replace(
        e, books=books(*PAID_IN, (lc.ESCROW_ACCOUNT, lc.BANK_ACCOUNT, lc.PAYOFF_FEN + 1), PAID_OUT[1])
    )),
    ("the seller got the rest", lambda e: replace(e, books=books(*PAID_IN, PAID_OUT[0]))),
    ("the owners in the register are the buyers", lambda e: registered(e, owners=frozenset())),
    ("the owners in the register are the buyers", lambda e: registered(
        e, owners=frozenset((number, "1/1") for number, _ in e.register.owners)
    )),
    ("the owners in the register are the buyers", lambda e: registered(e, ownership_certificate="another")),
    ("the seller's mortgage is gone", lambda e: registered(e, mortgages=((1, str(lc.MORTGAGE), lc.BANK[1]),))),
    (MORTGAGES, lambda e: registered(e, mortgages=((1, "another", "somebody"),))),
    ("no advance notice is left", lambda e: registered(e, notices=("a notice",))),
    ("the folio is free again", lambda e: registered(e, reserved_for=CASE)),
    ("every document verifies at its issuer's desk", lambda e: replace(e, documents=())),
    ("every document verifies at its issuer's desk", lambda e: replace(
        e, documents=(Verified(e.documents[0].document, Role.ESCROW, "no such document"),)
    )),
    ("every institution's file has ended", lambda e: replace(e, phases={**e.phases, "liaocheng-icbc": "open"})),
    ("every institution's file has ended", lambda e: replace(e, phases={"liaocheng-icbc": "ended"})),
    ("every institution's file has ended", lambda e: without(e, CaseCompleted)),
    (OBSERVER, lambda e: replace(e, observed=Observed(trouble="it does not answer"))),
    (OBSERVER, lambda e: replace(e, observed=observed(e.spoken[:-1]))),
    (OBSERVER, lambda e: replace(e, observed=observed(e.spoken, status="open"))),
    (OBSERVER, lambda e: replace(e, observed=observed(e.spoken, waiting_for=("case-completed",)))),
    (OBSERVER, lambda e: replace(e, observed=observed(e.spoken, violations=("word 3 comes too early",)))),
    ("nothing waits, no incident is open, no dead letter", lambda e: replace(e, waiting=("sign",))),
    ("nothing waits, no incident is open, no dead letter", lambda e: replace(e, dead=("a record",))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spoil"), WRONG, ids=[f"{n}-{name}" for n, (name, _) in enumerate(WRONG)])
def test_what_differs_fails_the_check_that_is_there_for_it(name: str, spoil: Callable[[Evidence], Evidence]) -> None:
    assert name in failed(spoil(agreed()))


BANK_PAID = "liaocheng-ccb paid once, on its notice's certificate, into the deposit account"
FUND_PAID = "liaocheng-fund paid once, on its notice's certificate, into the deposit account"


def resaid(evidence: Evidence, event: Event, by: Role) -> Evidence:
    """The event that `by` said of this kind was another."""
    said = [replace(o, values=event.to_json()) if (o.by, o.kind) == (by, type(event)) else o for o in evidence.spoken]
    return replace(evidence, spoken=tuple(said))


def paid(evidence: Evidence, *transfers: tuple[str, str, int]) -> Evidence:
    """The rail has these transfers beside the buyers' and those that went out."""
    return replace(evidence, books=books(*DOWN_PAID, *transfers, *LOAN_OUT))


LOAN_WRONG: list[tuple[str, Callable[[Evidence], Evidence]]] = [
    ("the order is that of LC-LOAN (2023-03-20)", swapped),
    ("down payment and loans fill the price exactly", lambda e: resaid(
        e, loan.approved(BANK_FEN + 1), Role.BUYER_BANK
    )),
    ("down payment and loans fill the price exactly", lambda e: resaid(
        e, loan.approved(BANK_FEN).model_copy(update={"amount_fen": None}), Role.BUYER_BANK
    )),
    (BANK_PAID, lambda e: resaid(e, loan.disbursed(BANK_FEN, loan.FUND), Role.BUYER_BANK)),
    (BANK_PAID, lambda e: resaid(e, loan.disbursed(BANK_FEN - 1), Role.BUYER_BANK)),
    (BANK_PAID, lambda e: without(e, LoanDisbursed)),
    (BANK_PAID, lambda e: without(e, AdvanceNoticeRegistered)),
    (BANK_PAID, lambda e: replace(e, spoken=(*e.spoken, *(o for o in e.spoken if o.kind is LoanDisbursed)))),
    (BANK_PAID, lambda e: paid(e, *LENT, LENT[0])),
    (BANK_PAID, lambda e: paid(e, LENT[1])),
    (FUND_PAID, lambda e: paid(e, LENT[0], (loan.FUND_ACCOUNT, SELLER, loan.FUND_FEN))),
    (MORTGAGES, lambda e: registered(e, mortgages=e.register.mortgages[:1])),
    (MORTGAGES, lambda e: registered(e, mortgages=tuple((m[0] + 1, *m[1:]) for m in e.register.mortgages))),
    (MORTGAGES, lambda e: registered(e, mortgages=tuple(reversed(e.register.mortgages)))),
    ("no advance notice is left", lambda e: registered(e, notices=(str(loan.TRANSFER_NOTICE.number),))),
    ("every institution's file has ended", lambda e: replace(
        e, phases={name: phase for name, phase in e.phases.items() if name != loan.FUND[1]}
    )),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spoil"), LOAN_WRONG, ids=[f"{n}-{name}" for n, (name, _) in enumerate(LOAN_WRONG)])
def test_what_differs_with_loans_fails_its_check(name: str, spoil: Callable[[Evidence], Evidence]) -> None:
    assert name in failed(spoil(agreed_loans()))


def test_LC_L5_a_loan_sent_before_its_notice_fails_its_check() -> None:
    trace = list(agreed_loans().spoken)
    place = next(n for n, one in enumerate(trace) if one.kind is LoanDisbursed)
    trace.insert(place - 1, trace.pop(place))
    check = failed(replace(agreed_loans(), spoken=tuple(trace)))[BANK_PAID]
    assert "before the notice was registered" in check.detail


def test_LC_L3_a_lender_that_said_no_is_not_asked_for_a_loan() -> None:
    trace = spoken(
        (loan.LENDER[0], loan.approved()), (loan.LENDER[0], loan.rejected()), (loan.FUND[0], loan.approved())
    )
    assert [one.role for one in lent(trace)] == [Role.FUND_CENTER]


def test_a_fen_too_much_at_the_rail_is_named_with_account_and_difference() -> None:
    check = failed(replace(agreed(), books=books(*PAID_IN, *PAID_OUT, held_fen=1)))[DEPOSIT]
    assert lc.ESCROW_ACCOUNT in check.detail and "+1 fen" in check.detail


def test_a_transfer_that_has_not_settled_is_no_line() -> None:
    on_its_way = books(*PAID_IN, *PAID_OUT)
    on_its_way["movements"] = on_its_way["movements"][:-1]
    assert [t.settled for t in rail_transfers(on_its_way)] == [True, True, True, False]
    assert "stated and not in the rail's books" in failed(replace(agreed(), books=on_its_way))[STATEMENT_LINES].detail


def test_documents_are_found_wherever_they_lie_in_an_event() -> None:
    one, two = lc.document("甲", 1), lc.document("乙", 2)
    values = {"a": one.model_dump(mode="json"), "b": [{"c": two.model_dump(mode="json")}], "title": "no document"}
    found: list[Document] = list(documents_in(values))
    assert found == [one, two]
