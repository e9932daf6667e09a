"""What is known of a case after its end, from each who knows something of it, and whether they agree to the fen.

Pure: `checks` reads what was collected and asks nobody. The rail's books are the witness that no institution writes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from contracts.document import Document
from contracts.event import Event, Role
from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened, MoneyStatement, Party, PartyJoined
from contracts.events.lender import LoanApproved, LoanDisbursed, LoanRejected
from contracts.events.registry import (
    AdvanceNoticeRegistered,
    MortgageReleased,
    NoticedMortgage,
    RegisteredMortgage,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued, PayoffCompleted, PayoffQuoted
from contracts.procedures import Procedure, Word, violations
from deploy.clerks import yuan
from deploy.ways_out.way import Done
from deploy.witness import Spoken
from services.sale_file import SaleFile

ACCEPTED, SETTLED = "accepted", "settled"
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Verified:
    """A document that an event named, who issued it, and what that one's desk objects to its number and code; empty
    when it verifies."""

    document: Document
    issuer: Role
    objection: str


@dataclass(frozen=True, slots=True)
class Registered:
    """What the register shows of a folio: (identity number, share as `1/2`) of each owner, the ownership certificate,
    (rank, certificate, mortgagee) of each mortgage that stands, the certificates of the advance notices that stand, the
    case that claims it, the numbers of the restrictions."""

    owners: frozenset[tuple[str, str]]
    ownership_certificate: str
    mortgages: tuple[tuple[int, str, str], ...]
    notices: tuple[str, ...]
    reserved_for: str
    restrictions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """What the observer's desk says of the case, from the public feeds alone; `trouble` where it says nothing."""

    status: str = ""
    events: tuple[str, ...] = ()
    waiting_for: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    in_fen: int = 0
    out_fen: int = 0
    held_fen: int = 0
    documents: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything collected. `phases`: the phase of the case's file by institution; `books`: the rail's, of this case;
    `ledger`: the escrow's own of the case as it stands now; `waiting`: worklists and incidents that are left;
    `standing`: those that are to stand; `settled`: incidents that a clerk has closed; `dead`: dead letters; `before`:
    the register before the case was opened; `done`: what somebody did who interfered."""

    file: SaleFile
    case: str
    procedure: Procedure
    spoken: tuple[Spoken, ...]
    money: MoneyStatement | None
    books: Mapping[str, Any]
    register: Registered
    documents: tuple[Verified, ...]
    phases: Mapping[str, str]
    waiting: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    observed: Observed = Observed(trouble="nobody asked the observer")
    ledger: MoneyStatement | None = None
    standing: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    before: Registered | None = None
    done: tuple[Done, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what must be so, whether it is, and the figures or what differs."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class RailTransfer:
    """One transfer of the case in the rail's books: what was sent, and what of it has arrived."""

    from_account: str
    to_account: str
    amount_fen: int
    settled: bool
    arrived_fen: int


@dataclass(frozen=True, slots=True)
class Lent:
    """One lender's loan as it came about: its yes, its notice's and its mortgage's certificate and rank, and the words
    with which it paid. None where it did not come so far."""

    role: Role
    institution: str
    approved: LoanApproved
    notice: NoticedMortgage | None
    mortgage: RegisteredMortgage | None
    disbursed: tuple[LoanDisbursed, ...]


def lent(spoken: Sequence[Spoken]) -> list[Lent]:
    """The loans whose lenders' yes stood to the end, in the order of the yes."""
    answers: dict[tuple[Role, str], LoanApproved | LoanRejected] = {}
    for one in spoken:
        if isinstance(said := one.event, LoanApproved | LoanRejected):
            answers[one.by, one.institution] = said
    noticed = {(m.role, m.lender): m for said in _of(spoken, AdvanceNoticeRegistered) for m in said.mortgages}
    entered = {(m.role, m.lender): m for said in _of(spoken, TransferRegistered) for m in said.new_mortgages}
    paid = [((one.by, one.institution), said) for one in spoken if isinstance(said := one.event, LoanDisbursed)]
    return [
        Lent(*who, said, noticed.get(who), entered.get(who), tuple(word for by, word in paid if by == who))
        for who, said in answers.items()
        if isinstance(said, LoanApproved)
    ]


PARTIES = (CaseOpened, PartyJoined)


def took_part(spoken: Iterable[Spoken]) -> dict[Role, str]:
    """Who had a part in the case: whom the opening names, and who joined."""
    found: dict[Role, str] = {}
    for said in _events(spoken):
        if isinstance(said, PARTIES):
            found.update(said.institutions)
    return found


def rail_transfers(books: Mapping[str, Any]) -> list[RailTransfer]:
    """The transfers that the movements in the books make: accepted takes from the payer, settled gives to the payee."""
    of_key: dict[str, dict[str, Mapping[str, Any]]] = {}
    for movement in books["movements"]:
        if movement["key"] is not None:
            of_key.setdefault(movement["key"], {})[movement["kind"]] = movement
    found: list[RailTransfer] = []
    for kinds in of_key.values():
        accepted, settled = kinds.get(ACCEPTED), kinds.get(SETTLED)
        if accepted is not None:
            payee, arrived_fen = (settled["credit"], settled["amount_fen"]) if settled is not None else ("", 0)
            sent = (accepted["debit"], payee, accepted["amount_fen"])
            found.append(RailTransfer(*sent, settled is not None, arrived_fen))
    return found


def checks(evidence: Evidence) -> list[Check]:
    """Every check of a case that should be completed, in the order in which a reader follows it."""
    return [
        order_is_the_procedures(evidence),
        *_of_the_money(evidence),
        *_of_the_loans(evidence),
        *_of_the_register(evidence),
        documents_verify(evidence),
        everybody_has_ended(evidence),
        nothing_is_left(evidence),
        the_observer_agrees(evidence),
    ]


# --- procedure ----------------------------------------------------------------------------------------------


def order_is_the_procedures(evidence: Evidence) -> Check:
    """Everything that was said follows what the procedure asks for."""
    trace = [Word(one.by, one.kind) for one in evidence.spoken]
    found = violations(evidence.procedure, trace)
    name = f"the order is that of {evidence.procedure.name} ({evidence.procedure.edition})"
    return Check(name, not found and bool(trace), "; ".join(found) or f"{len(evidence.spoken)} events")


# --- money --------------------------------------------------------------------------------------------------


def _of_the_money(evidence: Evidence) -> Iterator[Check]:
    money = evidence.money
    if money is None:
        yield Check("in = out + held", False, "the escrow shows no money statement")
    else:
        yield from statement_agrees(evidence, money)
        price_fen = evidence.file.sale.price_fen
        yield Check("the whole price came in", money.in_fen >= price_fen, f"{yuan(money.in_fen)} of {yuan(price_fen)}")
    yield never_more_out_than_in(evidence)
    yield books_balance(evidence)
    yield _bank_got_the_payoff(evidence)
    yield _seller_got_the_rest(evidence)


def statement_agrees(evidence: Evidence, money: MoneyStatement) -> Iterator[Check]:
    """X-1: a statement adds up, and it is line by line what the rail has booked."""
    sums = {"in": 0, "out": 0}
    for payment in money.payments:
        sums[payment.direction] += payment.amount_fen
    told = f"{yuan(money.in_fen)} = {yuan(money.out_fen)} + {yuan(money.held_fen)}"
    adds_up = sums == {"in": money.in_fen, "out": money.out_fen} and money.in_fen == money.out_fen + money.held_fen
    yield Check("in = out + held, and the lines add up to it", adds_up, told)

    ours = evidence.file.sale.deposit_account.account
    stated = Counter((p.direction, p.account, p.amount_fen) for p in money.payments)
    booked: Counter[tuple[str, str, int]] = Counter()
    for transfer in rail_transfers(evidence.books):
        if transfer.settled and transfer.to_account == ours:
            booked["in", transfer.from_account, transfer.amount_fen] += 1
        elif transfer.settled and transfer.from_account == ours:
            booked["out", transfer.to_account, transfer.amount_fen] += 1
    differing = [f"stated and not in the rail's books: {_line(one)}" for one in (stated - booked).elements()]
    differing += [f"in the rail's books and not stated: {_line(one)}" for one in (booked - stated).elements()]
    told = "; ".join(differing) or f"{stated.total()} lines, {booked.total()} transfers"
    yield Check("each line of the statement is a transfer at the rail, and each transfer a line", not differing, told)

    there_fen = evidence.books["accounts"].get(ours, {}).get("balance_fen", 0)
    told = f"account {ours}: {yuan(there_fen)} at the rail, {yuan(money.held_fen)} held by the statement"
    if there_fen != money.held_fen:
        told += f", a difference of {there_fen - money.held_fen:+d} fen"
    yield Check("the deposit account holds what the statement says", there_fen == money.held_fen, told)


def _line(line: tuple[str, str, int]) -> str:
    direction, account, amount_fen = line
    return f"{direction} {account} {yuan(amount_fen)}"


def never_more_out_than_in(evidence: Evidence) -> Check:
    """X-1 at every instant, by the rail: what the case has sent was there, after each of its movements."""
    ours = evidence.file.sale.deposit_account.account
    held_fen, least_fen, moved = 0, 0, 0
    for movement in evidence.books["movements"]:
        sign = (movement["credit"] == ours) - (movement["debit"] == ours)
        held_fen += sign * movement["amount_fen"]
        least_fen, moved = min(least_fen, held_fen), moved + abs(sign)
    told = (
        f"{moved} movements, {yuan(held_fen)} left"
        if least_fen >= 0
        else f"{yuan(-least_fen)} of others' money was used"
    )
    name = "at no instant had more gone out of the deposit account than had come in"
    return Check(name, least_fen >= 0 and moved > 0, told)


def books_balance(evidence: Evidence) -> Check:
    """The rail's books agree with themselves."""
    books = evidence.books
    told = f"{len(books['accounts'])} accounts, {yuan(books['total_fen'])} in all"
    balanced = bool(books["balanced"]) and not books["differences"]
    return Check("the rail's books balance", balanced, "; ".join(books["differences"]) or told)


def _bank_got_the_payoff(evidence: Evidence) -> Check:
    name = "the seller's bank got exactly the payoff"
    consent = last_said(evidence, ConsentIssued)
    booked = all_said(evidence, PayoffCompleted)
    quotes = {one.statement.number: one for one in all_said(evidence, PayoffQuoted)}
    answered = [
        quotes[number]
        for number in dict.fromkeys(b.quote for b in booked if b.by_the_case)
        if number and number in quotes
    ]
    if consent is None or not answered:
        return Check(name, False, "no payoff was booked")
    owed_fen = sum(quote.total_fen for quote in answered)
    paid = [t for t in _outgoing(evidence) if t.to_account == consent.payoff_account]
    paid_fen, arrived_fen = sum(t.amount_fen for t in paid), sum(t.arrived_fen for t in paid)
    booked_fen = sum((b.booked_fen or 0) for b in booked if b.by_the_case)
    open_fen = booked[-1].open_fen
    told = f"quoted {yuan(owed_fen)}, paid {yuan(paid_fen)}, booked {yuan(booked_fen)}, open {yuan(open_fen)}"
    if arrived_fen != paid_fen:
        told += f", kept on the way {yuan(paid_fen - arrived_fen)}"
    return Check(name, owed_fen == paid_fen and booked_fen == arrived_fen and not open_fen, told)


def _seller_got_the_rest(evidence: Evidence) -> Check:
    name = "the seller got the rest"
    sale = evidence.file.sale
    consent = last_said(evidence, ConsentIssued)
    payoff_account = consent.payoff_account if consent is not None else None
    sellers = {party.account for party in sale.sellers}
    ours = sale.deposit_account.account
    came = [t for t in rail_transfers(evidence.books) if t.settled and t.to_account == ours]
    topped_up_fen = sum(t.amount_fen for t in came if t.from_account in sellers)
    back_fen = sum(t.amount_fen for t in came if t.from_account == payoff_account)
    paid_fen = sum(t.amount_fen for t in _outgoing(evidence) if t.to_account in sellers)
    payoff_fen = sum(t.amount_fen for t in _outgoing(evidence) if t.to_account == payoff_account) - back_fen
    rest_fen = sale.price_fen + topped_up_fen - payoff_fen
    added = f" + {yuan(topped_up_fen)} of the seller" if topped_up_fen else ""
    told = f"{yuan(sale.price_fen)}{added} - {yuan(payoff_fen)} = {yuan(rest_fen)}, paid {yuan(paid_fen)}"
    return Check(name, paid_fen == rest_fen, told)


def _outgoing(evidence: Evidence) -> list[RailTransfer]:
    ours = evidence.file.sale.deposit_account.account
    return [t for t in rail_transfers(evidence.books) if t.settled and t.from_account == ours]


# --- loans --------------------------------------------------------------------------------------------------


def _of_the_loans(evidence: Evidence) -> Iterator[Check]:
    sale = evidence.file.sale
    if sale.down_payment_fen is None:
        return
    loans = lent(evidence.spoken)
    parts_fen = [sale.down_payment_fen, *((loan.approved.amount_fen or 0) for loan in loans)]
    told = f"{' + '.join(map(yuan, parts_fen))} = {yuan(sum(parts_fen))} of {yuan(sale.price_fen)}"
    filled = bool(loans) and sum(parts_fen) == sale.price_fen
    yield Check("down payment and loans fill the price exactly", filled, told)
    for loan in loans:
        found = list(_paid_otherwise(evidence, loan))
        amount = yuan(loan.approved.amount_fen or 0)
        certificate = loan.notice.certificate.number if loan.notice is not None else ""
        name = f"{loan.institution} paid once, on its notice's certificate, into the deposit account"
        yield Check(name, not found, "; ".join(found) or f"{amount} on {certificate}")


def _paid_otherwise(evidence: Evidence, loan: Lent) -> Iterator[str]:
    """What is wrong with a lender's payment (LC-L5, LC-R3), by its own words and by the rail's books."""
    ours = evidence.file.sale.deposit_account.account
    certificate = loan.notice.certificate.number if loan.notice is not None else None
    for word in loan.disbursed:
        if certificate is None or word.notice != certificate:
            yield f"it paid on {word.notice}, its notice is {certificate or 'not registered'}"
        if (word.amount_fen, word.to_account) != (loan.approved.amount_fen, ours):
            yield f"it says {yuan(word.amount_fen or 0)} to {word.to_account}"
    if len(loan.disbursed) != 1:
        yield f"it says {len(loan.disbursed)} times that it has paid"
    if _place(evidence, AdvanceNoticeRegistered) > _place(evidence, LoanDisbursed):
        yield "it was paid before the notice was registered"
    paid = [t for t in rail_transfers(evidence.books) if t.from_account == loan.approved.pays_from]
    if [(t.to_account, t.amount_fen, t.settled) for t in paid] != [(ours, loan.approved.amount_fen, True)]:
        yield f"the rail has {', '.join(f'{yuan(t.amount_fen)} to {t.to_account}' for t in paid) or 'nothing'}"


def _place(evidence: Evidence, kind: type[Event]) -> int:
    """Where in the trace the first such word stands; after all where there is none."""
    places = (n for n, one in enumerate(evidence.spoken) if one.kind is kind)
    return next(places, len(evidence.spoken))


# --- register -----------------------------------------------------------------------------------------------


def _of_the_register(evidence: Evidence) -> Iterator[Check]:
    register, sale = evidence.register, evidence.file.sale
    buyers = frozenset(owner_of(party) for party in sale.buyers)
    registered = last_said(evidence, TransferRegistered)
    certificate = registered.ownership_certificate.number if registered is not None else "none"
    told = f"{len(register.owners)} owners under {register.ownership_certificate}"
    holds = register.owners == buyers and register.ownership_certificate == certificate
    yield Check(
        "the owners in the register are the buyers", holds, told if holds else f"{told}; expected {certificate}"
    )

    consent = last_said(evidence, ConsentIssued)
    old = consent.mortgage_certificate if consent is not None else evidence.file.loan.mortgage_certificate
    released = any(one.certificate == old for one in all_said(evidence, MortgageReleased))
    standing = [certificate for _, certificate, _ in register.mortgages]
    told = f"{old} released" if released else f"{old} was not released"
    yield Check("the seller's mortgage is gone", released and old not in standing, told)

    new = registered.new_mortgages if registered is not None else ()
    expected = tuple((n, str(m.certificate.number), m.lender) for n, m in enumerate(new, start=1))
    ranked = ", ".join(f"{rank}: {certificate} of {mortgagee}" for rank, certificate, mortgagee in register.mortgages)
    name = "the mortgages that stand are the lenders', their ranks without gaps"
    yield Check(
        name, register.mortgages == expected and len(new) == len(lent(evidence.spoken)), ranked or "none stands"
    )
    told = f"{', '.join(register.notices)} stands still" if register.notices else "none stands"
    yield Check("no advance notice is left", not register.notices, told)
    told = f"reserved for {register.reserved_for}" if register.reserved_for else "no case claims it"
    yield Check("the folio is free again", not register.reserved_for, told)


def owner_of(party: Party) -> tuple[str, str]:
    return str(party.person.id_number), f"{party.share.numerator}/{party.share.denominator}"


# --- documents and files ------------------------------------------------------------------------------------


def documents_verify(evidence: Evidence) -> Check:
    """X-5: each document is known at its issuer's desk by number and code."""
    found = [f"{one.document.number}: {one.objection}" for one in evidence.documents if one.objection]
    told = "; ".join(found) or f"{len(evidence.documents)} documents"
    return Check("every document verifies at its issuer's desk", not found and bool(evidence.documents), told)


def everybody_has_ended(evidence: Evidence, end: type[Event] = CaseCompleted) -> Check:
    """Each institution that has a part has heard of the end, which is this one."""
    named = ", ".join(f"{who} {phase}" for who, phase in evidence.phases.items())
    parties = {
        name for said in _events(evidence.spoken) if isinstance(said, PARTIES) for name in said.institutions.values()
    }
    ended = evidence.phases == dict.fromkeys(parties, "ended")
    said = last_said(evidence, end) is not None and last_said(evidence, CaseOpened) is not None
    return Check("every institution's file has ended", ended and said, named)


def nothing_is_left(evidence: Evidence) -> Check:
    """Nobody is waited for, and nothing is wrong that nobody has seen to."""
    left = (*evidence.waiting, *evidence.dead)
    return Check("nothing waits, no incident is open, no dead letter", not left, "; ".join(left) or "none")


def observed_apart(observed: Observed, spoken: Sequence[Spoken]) -> list[str]:
    """What the observer does not know yet or finds wrong of a case that has ended, beside what was said in it."""
    if observed.trouble:
        return [observed.trouble]
    status = "cancelled" if any(one.kind is CaseCancelled for one in spoken) else "completed"
    unread = Counter(one.kind.type_name.split(".")[1] for one in spoken) - Counter(observed.events)
    return [
        *(f"it has not read {name}" for name in unread),
        *([] if observed.status == status else [f"for it the case is {observed.status}"]),
        *(f"it waits for {one}" for one in observed.waiting_for),
        *(f"violation: {one}" for one in observed.violations),
    ]


def the_observer_agrees(evidence: Evidence, status: str = "completed") -> Check:
    """LC-R5: who only reads the public feeds sees the same end."""
    apart = observed_apart(evidence.observed, evidence.spoken)
    told = "; ".join(apart) or f"{len(evidence.observed.events)} public words, nobody waited for, no violation"
    name = f"the observer, from the public feeds alone, sees the case {status} and nothing out of order"
    return Check(name, not apart and bool(evidence.spoken), told)


def all_said(evidence: Evidence, kind: type[E]) -> list[E]:
    """Every word of this kind that was said in the case, in order."""
    return _of(evidence.spoken, kind)


def last_said(evidence: Evidence, kind: type[E]) -> E | None:
    """The last of them, None where there is none."""
    found = all_said(evidence, kind)
    return found[-1] if found else None


def _of(spoken: Iterable[Spoken], kind: type[E]) -> list[E]:
    return [one for one in _events(spoken) if isinstance(one, kind)]


def _events(spoken: Iterable[Spoken]) -> Iterator[Event]:
    return (one.event for one in spoken)
