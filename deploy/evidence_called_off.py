"""What must be so after a case was called off (X-1, X-3): each payer has his own back, the register is as it was and
has what was entered meanwhile, everybody has ended. Pure, as deploy/evidence.py."""

from collections import Counter
from collections.abc import Iterator

from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.lender import LendingEnded, LoanDisbursed, LoanReturned
from contracts.events.registry import TransferRegistered
from deploy.clerks import yuan
from deploy.evidence import (
    Check,
    Evidence,
    all_said,
    books_balance,
    documents_verify,
    everybody_has_ended,
    last_said,
    never_more_out_than_in,
    nothing_is_left,
    order_is_the_procedures,
    rail_transfers,
    statement_agrees,
    the_observer_agrees,
    took_part,
)


def checks(evidence: Evidence) -> list[Check]:
    """Every check of a case that should be called off, in the order in which a reader follows it."""
    return [
        order_is_the_procedures(evidence),
        _called_off(evidence),
        *_of_the_money(evidence),
        *_of_the_lenders(evidence),
        *_of_the_register(evidence),
        documents_verify(evidence),
        everybody_has_ended(evidence, CaseCancelled),
        nothing_is_left(evidence),
        the_observer_agrees(evidence, "cancelled"),
    ]


def _called_off(evidence: Evidence) -> Check:
    said = last_said(evidence, CaseCancelled)
    ends = len(all_said(evidence, CaseCancelled)) + len(all_said(evidence, CaseCompleted))
    entered = all_said(evidence, TransferRegistered)
    told = f"{said.clause}: {said.because}" if said is not None else "nobody said so"
    return Check(
        "the case is called off, once, and nothing was entered", ends == 1 and bool(said) and not entered, told
    )


def _of_the_money(evidence: Evidence) -> Iterator[Check]:
    money = evidence.money
    if money is None:
        yield Check("in = out + held", False, "the escrow shows no money statement")
    else:
        yield from statement_agrees(evidence, money)
        yield Check("nothing is held any more", money.held_fen == 0, f"{yuan(money.held_fen)} held")
    yield each_has_his_own_back(evidence)
    if evidence.books["movements"]:
        yield never_more_out_than_in(evidence)
    yield books_balance(evidence)


def each_has_his_own_back(evidence: Evidence) -> Check:
    """X-1: what each account paid into the case has settled back to that very account, to the fen, by the rail."""
    ours = evidence.file.sale.deposit_account.account
    paid, back = Counter[str](), Counter[str]()
    for transfer in rail_transfers(evidence.books):
        if transfer.settled and transfer.to_account == ours:
            paid[transfer.from_account] += transfer.amount_fen
        elif transfer.settled and transfer.from_account == ours:
            back[transfer.to_account] += transfer.amount_fen
    differing = [
        f"{account} paid {yuan(paid[account])} and has {yuan(back[account])} back"
        for account in sorted(paid.keys() | back.keys())
        if paid[account] != back[account]
    ]
    told = "; ".join(differing) or ", ".join(f"{account} {yuan(fen)}" for account, fen in sorted(paid.items()))
    return Check("each payer has exactly his own back", not differing, told or "nobody had paid")


def _of_the_lenders(evidence: Evidence) -> Iterator[Check]:
    """X-2, X-3: a lender has ended its part, and what it had sent is booked back with it."""
    ours = evidence.file.sale.deposit_account.account
    for role, name in took_part(evidence.spoken).items():
        of_it = [one for one in evidence.spoken if (one.by, one.institution) == (role, name)]
        ended = [said for one in of_it if isinstance(said := one.event, LendingEnded)]
        if role not in (evidence.procedure.may_join):
            continue
        sent_fen = sum(said.sent_fen for said in ended)
        disbursed_fen = sum((said.amount_fen or 0) for one in of_it if isinstance(said := one.event, LoanDisbursed))
        returned_fen = sum((said.amount_fen or 0) for one in of_it if isinstance(said := one.event, LoanReturned))
        accounts = {one.values.get("pays_from") for one in of_it} - {None}
        at_the_rail_fen = sum(
            t.amount_fen
            for t in rail_transfers(evidence.books)
            if t.settled and t.from_account in accounts and t.to_account == ours
        )
        told = f"sent {yuan(sent_fen)}, booked back {yuan(returned_fen)}, at the rail {yuan(at_the_rail_fen)}"
        whole = len(ended) == 1 and sent_fen == returned_fen == at_the_rail_fen and disbursed_fen <= sent_fen
        yield Check(f"{name} has ended its lending and is whole", whole, told)


def _of_the_register(evidence: Evidence) -> Iterator[Check]:
    now, before = evidence.register, evidence.before
    if before is None:
        yield Check("the register is as before", False, "nobody looked before")
        return
    entered = [one for done in evidence.done for one in done.deed.enters]
    same = (now.owners, now.ownership_certificate) == (before.owners, before.ownership_certificate)
    yield Check("the owners are as before", same, f"{len(now.owners)} owners under {now.ownership_certificate}")

    added = [one.mortgage for one in entered if any(one.mortgage)]
    expected = (*before.mortgages, *((len(before.mortgages) + n, *named) for n, named in enumerate(added, start=1)))
    told = ", ".join(f"{rank}: {certificate} of {mortgagee}" for rank, certificate, mortgagee in now.mortgages)
    name = "the mortgages are as before, with what was entered meanwhile"
    yield Check(name, now.mortgages == expected, told or "none stands")

    restricted = (*before.restrictions, *(one.restriction for one in entered if one.restriction))
    name = "the restrictions are as before, with what was entered meanwhile"
    yield Check(name, now.restrictions == restricted, ", ".join(now.restrictions) or "none stands")
    yield Check("no advance notice is left", now.notices == before.notices, ", ".join(now.notices) or "none stands")
    told = f"reserved for {now.reserved_for}" if now.reserved_for else "no case claims it"
    yield Check("the folio is free again", not now.reserved_for, told)
