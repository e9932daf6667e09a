"""What somebody does who interferes: at a desk, in the register, at the rail, to a process."""

import asyncio
import signal
import uuid
from typing import Any

from contracts.event import Event, Role
from contracts.events.case import CaseCancelled
from contracts.events.escrow import DepositConfirmed
from contracts.events.registry import FolioReserved
from deploy.city import Institution
from deploy.clerks import Hold, Stuck, Task, sign, worklist
from deploy.ways_out.decisions import FOREIGN_MORTGAGE, restriction
from deploy.ways_out.moments import At, arrived, at_once, for_good, said, stands
from deploy.ways_out.scene import Scene
from deploy.ways_out.way import Deed, Do, Entered, Moment
from services.desk_client import DeskRefused, in_path, key_for
from services.sale_opening import open_case

LOANS = "CCB-LC-LOANS"
"""What the buyer's bank lends from, as deploy/liaocheng.yaml has it."""
WITHDRAWAL = "the buyers move elsewhere"
STRANGER = ("6222021609900000991", "郑远")
"""Account and name of somebody who is no party."""


def at_the_desk(role: Role, path: str, body: dict[str, Any]) -> Do:
    """Somebody hands this in at a desk; `{case}` and `{unit}` in the path are the case's."""

    async def do(scene: Scene) -> None:
        to = path.format(case=in_path(scene.case), unit=scene.file.sale.unit_number)
        await scene.desks[role].post(to, body, key_for(scene.case, path, str(sorted(body))))

    return do


def takes_its_time(hold: Hold, until: Moment, what: str) -> Deed:
    """Nobody does this before that moment."""

    async def do(_: Scene) -> None:
        """It is done by whoever held it up."""

    return Deed(until, do, hold.role, what, "X-3", (hold,))


# --- in the register ----------------------------------------------------------------------------------------


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
    await _withdraw(scene, scene.case)


async def _withdraw(scene: Scene, case: str) -> None:
    sale = scene.file.sale
    signed_by = [str(party.person.id_number) for party in (*sale.sellers, *sale.buyers)]
    body = {"signed_by": signed_by, "because": WITHDRAWAL}
    await scene.desks[Role.ESCROW].post(f"/cases/{in_path(case)}/withdrawal", body, key_for(case, "withdraw"))


async def withdraw_and_approve_at_once(scene: Scene) -> None:
    """X-3: the withdrawal and the registrar's approval are on their way together; whichever is too late is refused."""
    await stands(Role.REGISTRY, "decide-registration", "LC-L5")(scene)
    lines = await worklist(scene.desks[Role.REGISTRY])
    line = next(one for one in lines if (one.case, one.action) == (scene.case, "decide-registration"))
    body = {"application": line.about, "decision": "approve"}
    approve = scene.desks[Role.REGISTRY].post(line.link, body, key_for(scene.case, "approve", line.about))
    for found in await asyncio.gather(withdraw(scene), approve, return_exceptions=True):
        if isinstance(found, DeskRefused):
            scene.acted(Role.ESCROW, f"too late: {found}", "X-3")
        elif isinstance(found, BaseException):
            raise found


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


def strangers_money(amount_fen: int, once: Moment, holds: tuple[Hold, ...]) -> Deed:
    """X-1: somebody who is no party pays this in, and it has arrived before the case goes on."""

    async def do(scene: Scene) -> None:
        account, owner = STRANGER
        await scene.rail.open_account(account, owner, 10**9)
        await _pay(scene, account, amount_fen)

    return Deed(once, do, Role.ESCROW, "somebody who is no party pays in", "X-1", holds)


def pay_again(amount_fen: int) -> Do:
    """A buyer pays this in, beside everything else."""

    async def do(scene: Scene) -> None:
        await _pay(scene, scene.file.sale.buyers[0].account, amount_fen)

    return do


async def _pay(scene: Scene, account: str, amount_fen: int) -> None:
    """It has come in by the escrow's own statement when this returns."""
    to = scene.file.sale.deposit_account.account
    await scene.rail.pay(account, to, amount_fen, f"{scene.case} 购房款", key_for(scene.case, account, str(amount_fen)))
    await arrived(account, amount_fen)(scene)


def rail_fails(what: str, kind: str, *, about: str = "", **fault: Any) -> Deed:
    """As soon as the case has its number, the rail is to fail so with its orders, perhaps only those about this; the
    kinds are those of deploy/sandbox/rail_faults.py."""

    async def do(scene: Scene) -> None:
        await scene.rail.arm({"kind": kind, "reference": f"{scene.case} {about}".strip(), **fault})

    return Deed(at_once, do, Role.ESCROW, what, "X-1")


def statement_twice() -> Deed:
    """The rail tells the escrow's statement from its first line on again, three times."""

    async def do(scene: Scene) -> None:
        await scene.rail.arm({"kind": "repeat", "account": scene.file.sale.deposit_account.account, "n": 3})

    return Deed(said(DepositConfirmed), do, Role.ESCROW, "the rail is to tell its statement twice", "X-1")


async def let_arrive(scene: Scene) -> None:
    """What is on its way in the case arrives."""
    await scene.rail.settle(scene.case)


# --- to a process -------------------------------------------------------------------------------------------


def _service(scene: Scene, role: Role) -> str:
    return f"{role.value}.{scene.file.institutions[role]}"


def away(role: Role, once: Moment, until: Moment) -> tuple[Deed, ...]:
    """An institution's service is killed at this moment, and started again at that."""

    async def kill(scene: Scene) -> None:
        scene.stack.kill(_service(scene, role), signal.SIGKILL)

    async def start(scene: Scene) -> None:
        await asyncio.to_thread(scene.stack.restart, _service(scene, role))

    name = role.value.replace("_", " ")
    return (
        Deed(once, kill, role, f"the service of the {name} is killed", "X-1", stops=True),
        Deed(until, start, role, f"the service of the {name} is started again", "X-1", went_on_without=role),
    )


def paused(role: Role, until: Moment, what: str) -> tuple[Deed, ...]:
    """An institution's service stands still from before the opening until this moment."""

    async def stop(scene: Scene) -> None:
        scene.stack.kill(_service(scene, role), signal.SIGSTOP)

    async def go_on(scene: Scene) -> None:
        scene.stack.kill(_service(scene, role), signal.SIGCONT)

    name = role.value.replace("_", " ")
    return (
        Deed(at_once, stop, role, f"the service of the {name} stands still {what}", "X-1", early=True, stops=True),
        Deed(until, go_on, role, f"the service of the {name} goes on", "X-1"),
    )


# --- another bank, another sale -----------------------------------------------------------------------------

OTHER_BANK = Institution(
    role=Role.BUYER_BANK,
    name="liaocheng-abc",
    title="农业银行聊城分行",
    clerk="个贷经理",
    opening_fen=200_000_000_000,
    settings={"accounts": ["ABC-LC-LOANS"], "loan_account": "ABC-LC-LOANS"},
)
"""A second bank that lends to buyers, beside the city's own."""


async def turn_to_the_other_bank(scene: Scene) -> None:
    """LC-L3: the buyers apply there for what the first bank did not lend, and it lends."""
    first = scene.file.loan_at(Role.BUYER_BANK)
    if first is None:
        raise Stuck("the sale's file names no bank")
    loan = first.model_copy(update={"institution": OTHER_BANK.name, "decision": {"approve": True}})
    scene.people.turn_to(scene.at[OTHER_BANK.name], loan)
    await scene.people.apply_for_loan(scene.case, loan)


OTHER_SALE = "other sale"


async def open_another_sale(scene: Scene) -> None:
    """X-4: another sale of the same home is opened, and the home is reserved for it; nobody pays."""
    sale = scene.file.sale.model_copy(update={"contract_number": f"{scene.file.sale.contract_number}-A"})
    file = scene.file.model_copy(update={"sale": sale})
    case = await open_case(scene.desks[Role.ESCROW], file, str(uuid.uuid4()))
    await sign(scene.people, Role.ESCROW, Task(case, "sign", "", "", "", f"/cases/{in_path(case)}/signatures"), "1")
    await scene.witness.until(lambda: scene.witness.heard(case, FolioReserved))
    scene.notes[OTHER_SALE] = case


async def end_the_other_sale(scene: Scene) -> None:
    """X-3: it is called off by agreement."""
    case = scene.notes[OTHER_SALE]
    await _withdraw(scene, case)
    await scene.witness.until(lambda: scene.witness.heard(case, CaseCancelled))
