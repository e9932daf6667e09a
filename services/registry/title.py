"""What in the register stands against a sale: read to claim the folio, and again in the entry's own decision.

Reasons go to every role, so they name certificates, orders and counts, never people.
"""

from collections.abc import Iterator

from contracts.events.case import Party
from contracts.events.registry import Owner, Reason, RefusalReason
from contracts.events.seller_bank import ConsentIssued
from contracts.values import DocumentNumber
from services.registry.entries import Mortgage, StandingNotice
from services.registry.facts import NoticeKind
from services.registry.register import Register
from services.registry.views import Terms


def objections(register: Register | None, terms: Terms) -> tuple[Reason, ...]:
    """Every reason why this home cannot be sold in this case; empty if it can.

    X-4 A second case on a property under transfer is refused. A property with a freeze, seizure, right of
    residence or foreign mortgage is refused, with the reason.
    """
    if register is None or register.unit_number != terms.opened.unit_number:
        return (_reason(RefusalReason.UNKNOWN_UNIT, f"{terms.opened.unit_number} is not in the register"),)
    return (
        *_of_other_sales(register, terms.case),
        *_of_the_owners(register.owners, terms.opened.sellers),
        *_of_restrictions(register),
        *_of_mortgages(register, terms),
    )


def objections_to_an_entry(register: Register, terms: Terms, consent: ConsentIssued) -> tuple[Reason, ...]:
    """Every reason why nothing can be entered for this case: no notice, no transfer."""
    return (*objections(register, terms), *unlifted_clauses(register, consent))


def unlifted_clauses(register: Register, consent: ConsentIssued) -> tuple[Reason, ...]:
    """A reason per registered clause that forbids the transfer and that the consent does not lift.

    担保制度解释 43: a registered clause defeats the transfer. So it is no hindrance when the folio is
    claimed, for the consent may come later, but nothing is entered against it.
    """
    lifted = lifted_clauses(register, consent)
    return tuple(
        Reason(
            reason=RefusalReason.NO_TRANSFER_CLAUSE,
            detail=f"mortgage {m.certificate} forbids the transfer and the consent does not lift that",
            clause="LC-F2, 担保制度解释 43",
        )
        for m in register.mortgages
        if m.no_transfer_clause and m.certificate not in lifted
    )


def lifted_clauses(register: Register, consent: ConsentIssued) -> tuple[DocumentNumber, ...]:
    """The mortgages whose no-transfer clause the consent lifts: only that of the mortgage it names."""
    if not consent.lifts_no_transfer_clause:
        return ()
    named = register.mortgage(consent.mortgage_certificate)
    if named is None or named.certificate is None or not named.no_transfer_clause:
        return ()
    return (named.certificate,)


def _of_other_sales(register: Register, case: str) -> Iterator[Reason]:
    if register.reserved_for not in ("", case):
        yield _reason(RefusalReason.OTHER_CASE, "the folio is reserved for another case")
    for notice in register.notices:
        if notice.kind is NoticeKind.TRANSFER and notice.case != case:
            detail = f"advance notice of transfer {_named(notice)} stands since {notice.since}"
            yield _reason(RefusalReason.OTHER_CASE, detail, "X-4, Civil Code 221")


def _of_the_owners(owners: tuple[Owner, ...], sellers: tuple[Party, ...]) -> Iterator[Reason]:
    in_the_register = {o.person.id_number: o.share for o in owners}
    selling = {s.person.id_number: s.share for s in sellers}
    strangers = sum(1 for person in selling if person not in in_the_register)
    missing = sum(1 for person in in_the_register if person not in selling)
    shares = sum(1 for person in selling if selling[person] != in_the_register.get(person, selling[person]))
    if strangers or missing or shares or len(selling) != len(sellers):
        detail = f"{strangers} sellers are no owners, {missing} owners do not sell, {shares} shares differ"
        yield _reason(RefusalReason.NOT_THE_OWNER, detail)


def _of_restrictions(register: Register) -> Iterator[Reason]:
    for r in register.restrictions:
        detail = f"{r.kind.value} {r.number} of {r.authority}, since {r.since}"
        yield _reason(RefusalReason(r.kind.value), detail)


def _of_mortgages(register: Register, terms: Terms) -> Iterator[Reason]:
    for m in register.mortgages:
        if m.mortgagee not in terms.mortgagees:
            detail = f"mortgage {_named(m)}, rank {m.rank}, is of no party of the case"
            yield _reason(RefusalReason.FOREIGN_MORTGAGE, detail)
    for notice in register.notices:
        if notice.kind is NoticeKind.MORTGAGE and notice.in_favour_of not in terms.mortgagees:
            detail = f"advance notice of mortgage {_named(notice)} is of no party of the case"
            yield _reason(RefusalReason.FOREIGN_MORTGAGE, detail, "X-4, Civil Code 221")


def _named(standing: Mortgage | StandingNotice) -> str:
    return standing.certificate or f"of entry {standing.entry}, not numbered yet"


def _reason(reason: RefusalReason, detail: str, clause: str = "X-4") -> Reason:
    return Reason(reason=reason, detail=detail, clause=clause)
