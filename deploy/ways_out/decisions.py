"""What clerks and people decide otherwise at the lines of their worklists, and which sale is brought otherwise."""

import json
from collections.abc import Mapping
from typing import Any

from contracts.event import Role
from deploy.clerks import Act, People, Task
from deploy.ways_out.way import Sale
from services.desk_client import key_for
from services.sale_file import Action, PayIn, RegisteredMortgage, SaleFile

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


def both(first: Sale, then: Sale) -> Sale:
    """The sale changed by one, then by the other."""
    return lambda file: then(first(file))


def borrows_all_from(lender: Role) -> Sale:
    """The sale in which this lender alone lends what the buyers do not pay themselves."""

    def brought(file: SaleFile) -> SaleFile:
        lent_fen = file.sale.price_fen - (file.sale.down_payment_fen or 0)
        loans = tuple(one.model_copy(update={"amount_fen": lent_fen}) for one in file.loans if one.lender is lender)
        return file.model_copy(update={"loans": loans, "pool": file.pool if lender is Role.FUND_CENTER else {}})

    return brought


def pays(*payments: tuple[int, int]) -> Sale:
    """The sale in which the buyers pay this in: (which of them, fen) each. They have at least so much."""

    def brought(file: SaleFile) -> SaleFile:
        accounts = [paid.from_account for paid in file.payments]
        paid = tuple(PayIn(from_account=accounts[who], amount_fen=fen) for who, fen in payments)
        needed = {account: sum(p.amount_fen for p in paid if p.from_account == account) for account in accounts}
        return _richer(file.model_copy(update={"payments": paid}), needed)

    return brought


def seller_has(amount_fen: int) -> Sale:
    """The sale of a seller who has so much on the account."""
    return lambda file: _richer(file, {file.sale.sellers[0].account: amount_fen})


def _richer(file: SaleFile, needed_fen: Mapping[str, int]) -> SaleFile:
    opened = tuple(
        one.model_copy(update={"opening_fen": max(one.opening_fen, needed_fen.get(one.account, 0))})
        for one in file.rail
    )
    return file.model_copy(update={"rail": opened})


def priced(price_fen: int, down_payment_fen: int | None = None) -> Sale:
    """The sale at this price, of which the buyers pay so much themselves where they borrow: one half each."""

    def brought(file: SaleFile) -> SaleFile:
        sale = file.sale.model_copy(update={"price_fen": price_fen, "down_payment_fen": down_payment_fen})
        own_fen = down_payment_fen or price_fen
        half = own_fen // 2
        return pays((0, half), (1, own_fen - half))(file.model_copy(update={"sale": sale}))

    return brought


def restricted(kind: str) -> Sale:
    """The sale of a home on which such a restriction stands."""
    return lambda file: _registered(file, {"restrictions": (restriction(kind),)})


def mortgaged_to_another(file: SaleFile) -> SaleFile:
    """The sale of a home that is mortgaged to somebody else too."""
    second = RegisteredMortgage.model_validate_json(json.dumps({**FOREIGN_MORTGAGE, "rank": 2}))
    return _registered(file, {"mortgages": (*file.register_.mortgages, second)})


def _registered(file: SaleFile, update: Mapping[str, Any]) -> SaleFile:
    return file.model_copy(update={"register_": file.register_.model_copy(update=update)})


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
