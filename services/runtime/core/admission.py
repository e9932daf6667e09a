"""Who may speak in a case. Only the file knows: its opening names the parties, and others join later.

Every answer is (admitted, why not). Neither admitted nor a reason: the letter is parked, until its speaker's part in
the case is known.
"""

from contracts.envelope import parse_source
from contracts.event import Event, Fact
from contracts.events.case import CaseOpened, JoinRefused, PartyJoined
from contracts.events.lender import JoinRequested
from contracts.procedures import PROCEDURES
from services.runtime.core.file import STANDING, File
from services.runtime.core.house import House


def admission(house: House, file: File, speaker: str, fact: Fact) -> tuple[bool, str]:
    """Whether a speaker may say this in the case of this file."""
    if not isinstance(fact, Event) or speaker == house.source or file.case == STANDING:
        return True, ""
    role, institution = parse_source(speaker)
    if isinstance(fact, CaseOpened):
        admitted, why = _opening(house, file, speaker, fact)
        if why or not file.parties:
            return admitted, why
    if isinstance(fact, JoinRefused):
        asked = any(a.fact.addressees.get(role) == institution for a in file.every(JoinRequested))
        return asked, "" if asked else f"this institution has not asked {speaker} to join case {file.case}"
    if role in file.parties:
        if institution in file.parties[role]:
            return True, ""
        procedure = PROCEDURES.get((file.procedure, file.edition))
        if procedure is not None and role in procedure.may_join:
            return False, ""  # that it has joined may still be on its way, in the keeper's line
        return False, f"{speaker} has no part in case {file.case}"
    return False, ""


def _opening(house: House, file: File, speaker: str, opened: CaseOpened) -> tuple[bool, str]:
    """Whether this institution may open such a case with us in it. As long as nobody is named for our part, it is
    parked until its opener says that we have joined."""
    role, institution = parse_source(speaker)
    procedure = PROCEDURES.get((opened.procedure, opened.edition))
    if procedure is None:
        return False, f"procedure {opened.procedure} in edition {opened.edition} is not known here"
    if role not in procedure.openers or opened.institutions.get(role) != institution:
        return False, f"{institution} as {role.value} may not open a case of {opened.procedure}"
    named = opened.institutions.get(house.role)
    if named == house.institution:
        return True, ""
    if named is not None and not file.every(JoinRequested):  # who has asked to join may come after another
        return False, "this institution has no part in it"
    us = (house.role, house.institution)
    joined = [p for p in file.parked if isinstance(p.fact, PartyJoined)]
    return any(p.speaker == speaker and (p.fact.role, p.fact.institution) == us for p in joined), ""
