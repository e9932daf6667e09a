"""What clerks and people decide otherwise at the lines of their worklists, and which sale is brought otherwise."""

from collections.abc import Mapping
from typing import Any

from contracts.event import Role
from deploy.clerks import Act, People, Task
from deploy.ways_out.way import Sale
from services.desk_client import key_for
from services.sale_file import Action, PayIn, SaleFile

FLAW = {"reason": "materials are missing or wrong", "detail": "the copy is not legible", "clause": "LC-R1"}


def decides(action: Action, **decision: Any) -> Sale:
    """The sale in which this is decided so."""
    return lambda file: file.model_copy(update={"decisions": {**file.decisions, action: decision}})


def lender_decides(lender: Role, **decision: Any) -> Sale:
    """The sale in which this lender decides so."""

    def brought(file: SaleFile) -> SaleFile:
        loans = tuple(
            one.model_copy(update={"decision": decision}) if one.lender is lender else one for one in file.loans
        )
        return file.model_copy(update={"loans": loans})

    return brought


def pays(*shares_of_each: int) -> Sale:
    """The sale in which each payment of the buyers is made in parts, in percent; what is not named is not paid."""

    def brought(file: SaleFile) -> SaleFile:
        parts = tuple(
            PayIn(from_account=paid.from_account, amount_fen=paid.amount_fen * share // 100)
            for paid in file.payments
            for share in shares_of_each
        )
        return file.model_copy(update={"payments": parts})

    return brought


def registrar(*decisions: str, reason: Mapping[str, str] = FLAW) -> dict[tuple[Role, str], Act]:
    """The registrar decides the case's applications so, one after the other, and approves the rest."""

    def next_one(people: People) -> str:
        made = sum(role is Role.REGISTRY and task.action == "decide-registration" for role, task in people.done)
        return decisions[made] if made < len(decisions) else "approve"

    async def do(people: People, role: Role, task: Task, attempt: str) -> None:
        decision = next_one(people)
        body: dict[str, Any] = {"application": task.about, "decision": decision}
        if decision != "approve":
            body["reasons"] = [dict(reason)]
        await people.desks[role].post(task.link, body, key_for(task.case, task.action, task.about, attempt))

    return {(Role.REGISTRY, "decide-registration"): Act(lambda p, _: f"the registrar decides to {next_one(p)}", do)}
