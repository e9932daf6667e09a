"""What belongs to the folio itself, whatever becomes of the cases: import, restrictions, releases.

RULES is the index.
No clock, no chance, no numbers: the same file gives the same words.
"""

from collections.abc import Iterator

from contracts.envelope import parse_source
from contracts.events.registry import MortgageReleased
from contracts.events.seller_bank import ReleaseApplied
from contracts.values import instant_text, require_whole
from services.registry.entries import EntryKind, Mortgage
from services.registry.facts import (
    FolioImported,
    MortgageCancelled,
    MortgageEntered,
    NoticeEnded,
    RestrictionEntered,
    RestrictionLifted,
)
from services.registry.register import NumberedRegister, Register
from services.runtime.core.facts import (
    Alarm,
    IncidentClosed,
)
from services.runtime.core.file import STANDING, Filed, Phase, Refusal
from services.runtime.core.rule import Across, All, Chapter, For, Guard, Rule, Says
from services.runtime.core.verdicts import OUTSIDE_A_CASE

OPEN = Phase.OPEN


def cancel_the_mortgage(applied: Filed[ReleaseApplied], numbered: NumberedRegister) -> Says:
    """LC-F4 贷款结清后，卖方贷款银行申请解除抵押登记。
    LC-L6 卖方贷款银行申请解除抵押登记。
    Also after a case has ended: it belongs to the mortgage, not to the case. Only where mortgages are entered and not
    numbered yet it waits for their numbers, for the ranks that remain are said with them.

    X-2 Ranks have no gaps: what stood behind moves up.
    """
    application, register = applied.fact, numbered.register
    mortgage = register.mortgage(application.mortgage_certificate) if register is not None else None
    why = _why_not_released(applied, register, mortgage)
    if register is None or mortgage is None or why:
        what = f"release of mortgage {application.mortgage_certificate} applied for by {applied.speaker}"
        yield Alarm(what=what, why=why, clause="LC-F4, LC-L6, X-2")
        return
    certificate = application.mortgage_certificate
    yield MortgageCancelled(
        certificate=certificate,
        entry_number=register.next_entry,
        entered_at=applied.at,
        for_case=applied.case,
    )
    released = MortgageReleased(
        unit_number=register.unit_number,
        certificate=certificate,
        released_at=applied.at,
        entry_number=register.next_entry,
        remaining=register.ranked_without(certificate),
    )
    yield For(applied.case, released)


def _why_not_released(applied: Filed[ReleaseApplied], register: Register | None, mortgage: Mortgage | None) -> str:
    """Why a mortgage cannot be cancelled on this application; empty if it can."""
    certificate = applied.fact.mortgage_certificate
    if register is None or register.unit_number != applied.fact.unit_number:
        return f"unit {applied.fact.unit_number} is not in this register"
    if mortgage is None:
        gone = register.cancelled(certificate)
        if gone is not None:
            return f"it was cancelled before, entry {gone.number}"
        return "no such mortgage is in the register"
    _, institution = parse_source(applied.speaker)
    if mortgage.mortgagee != institution:
        return f"{institution} is not its mortgagee"
    return ""


RULES = (Rule(cancel_the_mortgage, per=ReleaseApplied),)


# --- what a clerk's command may not do ----------------------------------------------------------------------


def import_a_folio_once(command: FolioImported, imported: Across[FolioImported]) -> Refusal | None:
    """X-2 A folio has one current owner set: a second import of other contents would make two of it."""
    if imported and _contents(imported[0].fact) != _contents(command):
        since = instant_text(imported[0].at)
        detail = f"unit {command.unit_number} is in the register with other contents since {since}"
        return Refusal("folio is there", detail, "X-2")
    return None


def _contents(folio: FolioImported) -> FolioImported:
    return folio.model_copy(update={"by_clerk": ""})


def import_only_what_adds_up(command: FolioImported) -> Refusal | None:
    """X-2 Ranks have no gaps; 民法典 298: the owners' shares make one whole; nothing is named twice."""
    wrong = "; ".join(_faults(command))
    return Refusal("no whole folio", wrong, "X-2, Civil Code 298", status=422) if wrong else None


def _faults(folio: FolioImported) -> Iterator[str]:
    try:
        require_whole(owner.share for owner in folio.owners)
    except ValueError as error:
        yield str(error)
    if len({owner.person.id_number for owner in folio.owners}) != len(folio.owners):
        yield "an owner is named twice"
    ranks = sorted(mortgage.rank for mortgage in folio.mortgages)
    if ranks != list(range(1, len(ranks) + 1)):
        yield f"the ranks {ranks} do not run from 1 without gaps"
    numbers = [
        folio.ownership_certificate,
        *(m.certificate for m in folio.mortgages),
        *(n.certificate for n in folio.notices),
        *(r.number for r in folio.restrictions),
    ]
    if len(set(numbers)) != len(numbers):
        yield "a number is used twice"


def restrict_a_registered_folio_once(command: RestrictionEntered, register: Register | None) -> Refusal | None:
    """X-4: a restriction is found again by its number, so a number stands once."""
    if register is None:
        return _no_folio()
    number = command.restriction.number
    if any(r.number == number for r in register.restrictions):
        return Refusal("restriction stands", f"{number} is in the register already", "X-4")
    return None


def lift_what_stands(command: RestrictionLifted, register: Register | None) -> Refusal | None:
    """X-4: only a restriction that stands can be lifted."""
    if register is None:
        return _no_folio()
    if all(r.number != command.number for r in register.restrictions):
        return Refusal("unknown restriction", f"no restriction {command.number} stands", "X-4", status=404)
    return None


def enter_a_mortgage_once(command: MortgageEntered, register: Register | None) -> Refusal | None:
    """X-2: one certificate, one mortgage, also after it was cancelled."""
    if register is None:
        return _no_folio()
    certificate = command.mortgage.certificate
    if any(e.kind is EntryKind.MORTGAGE and e.about == certificate for e in register.history):
        return Refusal("mortgage is there", f"{certificate} was entered before", "X-2")
    return None


def end_a_notice_that_stands(command: NoticeEnded, register: Register | None) -> Refusal | None:
    """民法典 221 预告登记…失效: only a notice that stands can end. X-3: that of a case ends with its case, when every
    lender is whole."""
    if register is None:
        return _no_folio()
    notice = next((n for n in register.notices if n.certificate == command.certificate), None)
    if notice is None:
        detail = f"no advance notice {command.certificate} stands"
        return Refusal("unknown notice", detail, "Civil Code 221", status=404)
    if notice.case:
        return Refusal("notice of a case", f"it ends with case {notice.case}", "X-3")
    return None


def close_an_open_incident(command: IncidentClosed, alarms: All[Alarm], closed: All[IncidentClosed]) -> Refusal | None:
    """Architecture, decision 5: an incident is open until one clerk closes it, with a note."""
    if all(found.id != command.incident for found in alarms):
        detail = f"there is no incident {command.incident} here"
        return Refusal("unknown incident", detail, "architecture, decision 5", status=404)
    if any(before.fact.incident == command.incident for before in closed):
        detail = f"incident {command.incident} is closed already"
        return Refusal("incident is closed", detail, "architecture, decision 5")
    return None


def _no_folio() -> Refusal:
    return Refusal("unknown unit", "this unit is not in the register", "X-4", status=404)


GUARDS = (
    Guard(import_a_folio_once),
    Guard(import_only_what_adds_up),
    Guard(restrict_a_registered_folio_once),
    Guard(lift_what_stands),
    Guard(enter_a_mortgage_once),
    Guard(end_a_notice_that_stands),
    Guard(close_an_open_incident),
)

UNEXPECTED = (*OUTSIDE_A_CASE,)

STANDING_CHAPTER = Chapter(STANDING, RULES, UNEXPECTED, guards=GUARDS)
