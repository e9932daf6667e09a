"""Whether a case that went otherwise has come to the end that its way must come to. Pure, as deploy/evidence.py."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from contracts.event import Event
from contracts.events.case import CaseCancelled, CaseCompleted, DeadlineMissed
from contracts.events.seller_bank import ConsentIssued
from deploy import evidence as completed
from deploy import evidence_called_off as called_off
from deploy.clerks import yuan
from deploy.evidence import Check, Evidence, all_said, last_said, lent, rail_transfers
from deploy.telling import name_of
from deploy.ways_out.way import Missed, WayOut


def checks(evidence: Evidence, way: WayOut) -> list[Check]:
    """Every check of this way: of the way itself, then those of the end that the case came to."""
    of_the_end = completed if last_said(evidence, CaseCompleted) is not None else called_off
    now = replace(evidence, money=evidence.ledger) if way.late_money else evidence
    return [*_of_the_way(evidence, way), *of_the_end.checks(now)]


def _of_the_way(evidence: Evidence, way: WayOut) -> Iterator[Check]:
    said = {one.kind for one in evidence.spoken}
    ended = [kind for kind in (CaseCompleted, CaseCancelled) if kind in said]
    may_end = " or ".join(map(name_of, way.ends))
    told = ", ".join(map(name_of, ended)) or "it has not ended"
    yield Check(f"the case ends as {may_end}", len(ended) == 1 and ended[0] in way.ends, told)

    cancelled = last_said(evidence, CaseCancelled)
    if cancelled is not None:
        under = f"it is called off under {' or '.join(way.clauses)}"
        rests = any(clause in cancelled.clause.split(", ") for clause in way.clauses)
        yield Check(under, rests, f"{cancelled.clause}: {cancelled.because}")

    yield _words("what this way must say was said", way.said, [kind for kind in way.said if kind not in said])
    yield _words("what it must not say was not said", way.unsaid, [kind for kind in way.unsaid if kind in said])
    if way.exactly_one_of:
        either = [name_of(kind) for kind in way.exactly_one_of if kind in said]
        name = f"exactly one was said of {', '.join(map(name_of, way.exactly_one_of))}"
        yield Check(name, len(either) == 1, ", ".join(either) or "none")
    if way.twice:
        times = Counter(one.kind for one in evidence.spoken if one.kind in way.twice)
        told = ", ".join(f"{name_of(kind)} {times[kind]} times" for kind in way.twice)
        name = f"said exactly twice: {', '.join(map(name_of, way.twice))}"
        yield Check(name, all(times[kind] == 2 for kind in way.twice), told)
    yield _missed(evidence, way)
    if way.deeds:
        yield _done(evidence, way)
    yield _incidents(evidence, way)
    if CaseCompleted in ended:
        yield _each_paid_his_part(evidence)
    if evidence.ledger is not None:
        yield _stated_what_is_on_file(evidence, way)


def _words(name: str, looked_for: tuple[type[Event], ...], wrong: list[type[Event]]) -> Check:
    told = ", ".join(map(name_of, wrong or looked_for)) or "nothing is asked for"
    return Check(name, not wrong, told)


def _missed(evidence: Evidence, way: WayOut) -> Check:
    """Each period that this way misses was said to be, with who is late, the clause and the last day; no other was."""
    said = Counter(
        Missed(word.period.name, word.late, word.period.clause, word.due, word.lateness)
        for word in all_said(evidence, DeadlineMissed)
    )
    expected = Counter(way.missed)
    wrong = [f"not said: {_late(one)}" for one in (expected - said).elements()]
    wrong += [f"said: {_late(one)}" for one in (said - expected).elements()]
    told = "; ".join(wrong) or "; ".join(map(_late, way.missed)) or "none"
    return Check("the periods that are missed are this way's", not wrong, told)


def _late(one: Missed) -> str:
    return f"{one.late.value}: {one.period} ({one.clause}) was due on {one.due}, {one.lateness.value}"


def _done(evidence: Evidence, way: WayOut) -> Check:
    """Everybody who was to interfere did, at his moment."""
    done = [one.deed for one in evidence.done]
    wrong = [f"not done: {deed.what}" for deed in way.deeds if deed not in done]
    wrong += [
        f"{one.deed.what}: after {name_of(kind)}"
        for one in evidence.done
        for kind in one.deed.before
        if kind in one.known
    ]
    for n, later in enumerate(evidence.done):
        away = later.deed.went_on_without
        stopped = [one for one in evidence.done[:n] if one.deed.stops and one.deed.role is away]
        if away is not None:
            before = stopped[-1].words if stopped else later.words
            if not sum(n - before.get(role, 0) for role, n in later.words.items() if role is not away):
                wrong.append(f"{later.deed.what}: nobody had gone on meanwhile")
    told = "; ".join(wrong) or "; ".join(deed.what for deed in done)
    return Check("what somebody did otherwise was done at its stage", not wrong, told)


def _incidents(evidence: Evidence, way: WayOut) -> Check:
    """Each incident that this way is to raise was seen, and nothing stands that is not to."""
    wrong = [
        f"not seen: {one.what}"
        for one in way.incidents
        if not any(one.what in line for line in (evidence.standing if one.stands else evidence.settled))
    ]
    told = "; ".join(wrong) or "; ".join((*evidence.settled, *evidence.standing)) or "none is expected"
    return Check("its incidents were raised and seen to", not wrong, told)


def _each_paid_his_part(evidence: Evidence) -> Check:
    """X-1: by the rail, each payer has paid what is his to pay, to the fen, and has back whatever he paid beyond it."""
    sale, ours = evidence.file.sale, evidence.file.sale.deposit_account.account
    owed_fen = {"the buyers": sale.down_payment_fen or sale.price_fen}
    who = {party.account: "the buyers" for party in sale.buyers}
    for loan in lent(evidence.spoken):
        who[str(loan.approved.pays_from)] = loan.institution
        owed_fen[loan.institution] = loan.approved.amount_fen or 0
    consent = last_said(evidence, ConsentIssued)
    paid_otherwise = {*(party.account for party in sale.sellers), consent.payoff_account if consent is not None else ""}
    paid_fen = Counter[str]()
    for transfer in rail_transfers(evidence.books):
        for account, fen in ((transfer.from_account, transfer.amount_fen), (transfer.to_account, -transfer.amount_fen)):
            if transfer.settled and account not in (ours, *paid_otherwise):
                paid_fen[who.get(account, account)] += fen
    wrong = [
        f"{name} paid {yuan(paid_fen[name])} of {yuan(owed_fen.get(name, 0))}"
        for name in sorted(owed_fen.keys() | paid_fen.keys())
        if paid_fen[name] != owed_fen.get(name, 0)
    ]
    told = "; ".join(wrong) or ", ".join(f"{name} {yuan(fen)}" for name, fen in paid_fen.items())
    return Check("each payer has paid his part, and has back what he paid beyond it", not wrong, told)


def _stated_what_is_on_file(evidence: Evidence, way: WayOut) -> Check:
    """X-1: what the keeper stated at the end is what its ledger has; where money moves after it, the first part."""
    name = "the statement at the end is the escrow's ledger"
    if evidence.money is None or evidence.ledger is None:
        return Check(name, False, "there is no statement")
    stated = [(one.direction, one.account, one.amount_fen) for one in evidence.money.payments]
    on_file = [(one.direction, one.account, one.amount_fen) for one in evidence.ledger.payments]
    later = sorted(on_file)
    for line in stated:
        if line in later:
            later.remove(line)
        else:
            return Check(name, False, f"not on file: {line}")
    return Check(name, bool(later) == way.late_money, f"{len(stated)} lines, {len(later)} later")
