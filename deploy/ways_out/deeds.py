"""What somebody does who interferes: at a desk, in the register, at the rail, to a process."""

import asyncio
import signal
from typing import Any

from contracts.event import Event, Role
from deploy.clerks import Hold
from deploy.ways_out.moments import At, at_once, for_good
from deploy.ways_out.scene import Scene
from deploy.ways_out.way import Deed, Do, Entered, Moment
from services.desk_client import in_path, key_for

WITHDRAWAL = "the buyers move elsewhere"
STRANGER = ("6222021609900000991", "郑远")


def at_the_desk(role: Role, path: str, body: dict[str, Any]) -> Do:
    """Somebody hands this in at a desk; `{case}` and `{unit}` in the path are the case's."""

    async def do(scene: Scene) -> None:
        to = path.format(case=in_path(scene.case), unit=scene.file.sale.unit_number)
        await scene.desks[role].post(to, body, key_for(scene.case, path, str(sorted(body))))

    return do


# --- in the register ----------------------------------------------------------------------------------------


def restriction(kind: str) -> dict[str, Any]:
    """A restriction of this kind, as the registry's desk takes it."""
    return {"kind": kind, "number": "(2026)鲁15执77号", "authority": "聊城市中级人民法院", "since": "2026-03-02"}


FOREIGN_MORTGAGE: dict[str, Any] = {
    "certificate": "鲁(2026)聊城市不动产证明第0099001号",
    "mortgagee": "某小额贷款公司",
    "principal_fen": 10_000_000,
    "no_transfer_clause": False,
    "since": "2026-03-02",
}


def restricted(kind: str, at: At) -> Deed:
    """X-4: a restriction of this kind is entered at this stage."""
    entered = restriction(kind)
    return Deed(
        once=at.once,
        do=at_the_desk(Role.REGISTRY, "/folios/{unit}/restrictions", {"restriction": entered}),
        role=Role.REGISTRY,
        what=f"a {kind} is entered: {entered['number']}",
        clause="X-4",
        holds=at.holds,
        before=at.before,
        enters=(Entered(restriction=entered["number"]),),
    )


def mortgaged(at: At) -> Deed:
    """X-4: somebody else's mortgage is entered at this stage."""
    named = (FOREIGN_MORTGAGE["certificate"], FOREIGN_MORTGAGE["mortgagee"])
    return Deed(
        once=at.once,
        do=at_the_desk(Role.REGISTRY, "/folios/{unit}/mortgages", {"mortgage": FOREIGN_MORTGAGE}),
        role=Role.REGISTRY,
        what=f"a second mortgage is entered: {named[0]} of {named[1]}",
        clause="X-4",
        holds=at.holds,
        before=at.before,
        enters=(Entered(mortgage=named),),
    )


# --- at the escrow ------------------------------------------------------------------------------------------


async def withdraw(scene: Scene) -> None:
    """X-3: buyers and sellers call the sale off together."""
    sale = scene.file.sale
    signed_by = [str(party.person.id_number) for party in (*sale.sellers, *sale.buyers)]
    await at_the_desk(Role.ESCROW, "/cases/{case}/withdrawal", {"signed_by": signed_by, "because": WITHDRAWAL})(scene)


def withdrawn(at: At) -> Deed:
    """X-3: buyers and sellers call the sale off at this stage; nobody goes on with it."""
    return withdrawn_once(at.once, for_good(at.holds), at.before)


def withdrawn_once(once: Moment, holds: tuple[Hold, ...] = (), before: tuple[type[Event], ...] = ()) -> Deed:
    """X-3: buyers and sellers call the sale off at this moment."""
    return Deed(
        once=once,
        do=withdraw,
        role=Role.ESCROW,
        what=f"buyers and seller call the sale off: {WITHDRAWAL}",
        clause="X-3",
        holds=holds,
        before=before,
    )


# --- at the rail --------------------------------------------------------------------------------------------


def paid_in(amount_fen: int, from_account: str, once: Moment, what: str, occasion: str = "more") -> Deed:
    """Somebody pays this into the deposit account, with the case number in the remittance text."""

    async def do(scene: Scene) -> None:
        to = scene.file.sale.deposit_account.account
        key = key_for(scene.case, from_account, occasion)
        await scene.rail.pay(from_account, to, amount_fen, f"{scene.case} 购房款", key)

    return Deed(once, do, Role.ESCROW, what, "X-1")


def rail_fails(what: str, kind: str, **fault: Any) -> Deed:
    """As soon as the case has its number, the rail is to fail so with orders that name it; the kinds are those of
    deploy/sandbox/rail_faults.py."""

    async def do(scene: Scene) -> None:
        await scene.rail.arm({"kind": kind, "reference": scene.case, **fault})

    return Deed(at_once, do, Role.ESCROW, what, "X-1")


# --- to a process -------------------------------------------------------------------------------------------


def away(role: Role, once: Moment, until: Moment) -> tuple[Deed, ...]:
    """An institution's service is killed at this moment, and started again at that."""

    async def kill(scene: Scene) -> None:
        scene.stack.kill(role.value, signal.SIGKILL)

    async def start(scene: Scene) -> None:
        await asyncio.to_thread(scene.stack.restart, role.value)

    name = role.value.replace("_", " ")
    return (
        Deed(once, kill, role, f"the service of the {name} is killed", "X-1"),
        Deed(until, start, role, f"the service of the {name} is started again", "X-1"),
    )
