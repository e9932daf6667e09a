"""When somebody interferes: once a word was said, a line stands on a worklist, something is on file, or at a stage of
the case. STAGES is the table of stages."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from contracts.event import Event, Fact, Role
from contracts.events.case import CaseOpened
from contracts.events.escrow import DepositConfirmed, TransferApplicationMade
from contracts.events.lender import LoanApproved, LoanDisbursed, MortgageApplicationMade
from contracts.events.registry import AdvanceNoticeRegistered, FolioReserved, Stage, TransferRegistered
from contracts.events.seller_bank import ConsentIssued
from deploy.clerks import APPLY, Hold, worklist
from deploy.ways_out.scene import Scene, words
from deploy.ways_out.way import Moment
from services.desk_client import DeskRefused, DeskUnreachable, in_path
from services.runtime.core.facts import PeriodStarted

LOOK_AGAIN_S = 0.05


async def at_once(_: Scene) -> None:
    """Nothing is waited for."""


def said(kind: type[Event], by: Role | None = None, stage: Stage | None = None, times: int = 1) -> Moment:
    """Once this was said so often, perhaps by this role, perhaps for this stage."""

    async def until(scene: Scene) -> None:
        await scene.witness.until(lambda: len(words(scene, kind, by, stage)) >= times)

    return until


def said_by_every_lender(kind: type[Event], stage: Stage | None = None) -> Moment:
    """Once every lender of the sale's file has said this."""

    async def until(scene: Scene) -> None:
        lenders = [loan.lender for loan in scene.file.loans]
        await scene.witness.until(lambda: all(words(scene, kind, lender, stage) for lender in lenders))

    return until


def all_of(*moments: Moment) -> Moment:
    """Once all of these have come."""

    async def until(scene: Scene) -> None:
        for moment in moments:
            await moment(scene)

    return until


def stands(role: Role, action: str, clause: str = "") -> Moment:
    """Once a line for this action, perhaps under this clause, stands on a worklist."""

    async def there(scene: Scene) -> bool:
        lines = await worklist(scene.desks[role])
        return any((one.case, one.action) == (scene.case, action) and clause in ("", one.clause) for one in lines)

    return _patiently(there)


def on_file(role: Role, kind: type[Fact]) -> Moment:
    """Once a fact of this kind is on a role's file of the case."""

    async def there(scene: Scene) -> bool:
        page = await scene.desks[role].get(f"/cases/{in_path(scene.case)}")
        return any(fact["type"] == kind.type_name for fact in page["facts"])

    return _patiently(there)


def running(role: Role, period: str) -> Moment:
    """Once a period of this name runs at a role."""

    async def there(scene: Scene) -> bool:
        page = await scene.desks[role].get(f"/cases/{in_path(scene.case)}")
        started = (fact["data"]["period"]["name"] for fact in page["facts"] if fact["type"] == PeriodStarted.type_name)
        return period in started

    return _patiently(there)


def came_in(amount_fen: int) -> Moment:
    """Once so much has come into the case, by the escrow's own statement."""

    async def there(scene: Scene) -> bool:
        money = (await scene.desks[Role.ESCROW].get(f"/cases/{in_path(scene.case)}"))["money"]
        return money["in_fen"] >= amount_fen

    return _patiently(there)


def arrived(account: str, amount_fen: int) -> Moment:
    """Once a payment of just so much from this account has come into the case, by the escrow's own statement."""

    async def there(scene: Scene) -> bool:
        money = (await scene.desks[Role.ESCROW].get(f"/cases/{in_path(scene.case)}"))["money"]
        lines = [(line["direction"], line["account"], line["amount_fen"]) for line in money["lines"]]
        return ("in", account, amount_fen) in lines

    return _patiently(there)


def _patiently(there: Callable[[Scene], Awaitable[bool]]) -> Moment:
    async def until(scene: Scene) -> None:
        while True:
            try:
                if await there(scene):
                    return
            except (DeskRefused, DeskUnreachable):  # not known there yet, or away
                pass
            await asyncio.sleep(LOOK_AGAIN_S)

    return until


@dataclass(frozen=True, slots=True)
class At:
    """A stage of a case: when it is reached, what people leave alone so that the case stays there, and the word with
    which it would go on."""

    once: Moment
    holds: tuple[Hold, ...]
    before: tuple[type[Event], ...]


NO_ENTRY = (Hold(Role.REGISTRY, "decide-registration", "LC-L5"),)
NO_ENTRY_IN_FULL = (Hold(Role.REGISTRY, "decide-registration", "LC-F3"),)
NO_MONEY = (Hold(Role.ESCROW, "pay-in"),)
NO_LENDER = (Hold(Role.BUYER_BANK, APPLY), Hold(Role.FUND_CENTER, APPLY))

STAGES: dict[str, At] = {
    "opened": At(said(CaseOpened), NO_MONEY, (DepositConfirmed,)),
    "reserved": At(said(FolioReserved), NO_MONEY, (DepositConfirmed,)),
    "deposited": At(said(DepositConfirmed), NO_LENDER, (LoanApproved,)),
    "approved": At(said_by_every_lender(LoanApproved), (Hold(Role.SELLER_BANK, "decide-consent"),), (ConsentIssued,)),
    "noticed": At(said(AdvanceNoticeRegistered), NO_ENTRY, (TransferRegistered,)),
    "disbursed": At(said_by_every_lender(LoanDisbursed), NO_ENTRY, (TransferRegistered,)),
    "applied": At(
        all_of(
            said(TransferApplicationMade, stage=Stage.REGISTRATION),
            said_by_every_lender(MortgageApplicationMade, Stage.REGISTRATION),
        ),
        NO_ENTRY,
        (TransferRegistered,),
    ),
}
"""The stages of a sale with a loan before the entry."""

STAGES_IN_FULL: dict[str, At] = {
    "reserved": STAGES["reserved"],
    "applied": At(said(TransferApplicationMade), NO_ENTRY_IN_FULL, (TransferRegistered,)),
}
"""The stages of a sale paid in full before the entry."""


def for_good(holds: Sequence[Hold]) -> tuple[Hold, ...]:
    """The same, and nobody does it any more."""
    return tuple(Hold(hold.role, hold.action, hold.clause, for_good=True) for hold in holds)
