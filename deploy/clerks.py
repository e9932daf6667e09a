"""Clerks: the people of a case, played by robots at the desks' HTTP and at the payment rail.

None of them knows the order of a case. Each looks at its own desk's worklist and does what it finds there: ACTS says
how each thing on a worklist is done.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from contracts.event import Role
from contracts.values import Person
from services.desk_client import Desk, DeskRefused, in_path, key_for
from services.sale_file import SaleFile

FIRST_LOOK_S, LAST_LOOK_S = 0.01, 1.0
"""After something has arrived in its inbox a clerk looks at once, then in ever longer steps."""
MOST_TRIES = 40
PAPERS = ("deposit agreement", "power of attorney")
YES = {"decide-consent": {"consents": True}, "decide-registration": {"decision": "approve"}}


class Stuck(RuntimeError):
    """A clerk cannot do what its worklist asks for. The text says which and why."""


@dataclass(frozen=True, slots=True)
class Task:
    """One line of a worklist: what there is to do, in which case, about what; `link` takes the POST, if a desk does."""

    case: str
    action: str
    about: str
    what: str = field(compare=False)  # it may be told anew, with the rest that is still missing
    clause: str = field(compare=False)
    link: str = field(compare=False)

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> "Task":
        """The task in a line of GET /worklist."""
        names = ("case", "action", "about", "what", "clause", "link")
        return cls(*(str(line.get(name) or "") for name in names))


class Rail:
    """The payment rail as a payer sees it, and its books as an auditor does. Close it with `aclose`."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=10, trust_env=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def open_account(self, account: str, owner: str, opening_fen: int) -> None:
        """Open an account with what is on it at first; opened just so before, nothing happens. Raises Stuck."""
        body = {"owner": owner, "opening_fen": opening_fen}
        await self._ask("PUT", f"/accounts/{in_path(account)}", json=body)

    async def pay(self, from_account: str, to_account: str, amount_fen: int, reference: str, key: str) -> None:
        """Order a transfer; the same key is one transfer. Raises Stuck where the rail refuses it."""
        order = {"from_account": from_account, "to_account": to_account, "amount_fen": amount_fen}
        body = {**order, "reference": reference}
        await self._ask("POST", "/transfers", json=body, headers={"Idempotency-Key": key})

    async def plant(self, account: str, amount_fen: int) -> None:
        """Falsify the balance of an account, as a thief or a bug would. Raises Stuck."""
        await self._ask("POST", "/faults", json={"kind": "plant", "account": account, "amount_fen": amount_fen})

    async def books(self, reference: str) -> dict[str, Any]:
        """The whole books, with the movements whose remittance text holds `reference`. Raises Stuck."""
        return await self._ask("GET", "/books", params={"reference": reference})

    async def _ask(self, method: str, path: str, **kwargs: Any) -> Any:
        try:
            answer = await self._client.request(method, path, **kwargs)
        except httpx.HTTPError as error:
            raise Stuck(f"the rail: {method} {path}: {type(error).__name__} {error}".rstrip()) from error
        if not answer.is_success:
            raise Stuck(f"the rail: {method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()


Say = Callable[[Role, str, str], None]
"""Told of each thing before it is done: role of the desk, what is done, the clause."""


@dataclass
class People:
    """Everybody in one sale: who they are and what they decide is in the file, what they use is here."""

    file: SaleFile
    desks: Mapping[Role, Desk]
    rail: Rail
    say: Say
    done: set[tuple[Role, Task]] = field(default_factory=set[tuple[Role, Task]])
    tries: dict[tuple[Role, Task], int] = field(default_factory=dict[tuple[Role, Task], int])
    refusals: dict[tuple[Role, Task], str] = field(default_factory=dict[tuple[Role, Task], str])

    async def look(self, role: Role, case: str) -> bool:
        """Look at a worklist once and do what it asks for in this case; whether anything was done.

        What a desk refuses is tried again at the next look: mostly a word is still on its way to it. Raises Stuck
        after MOST_TRIES, and where nobody here knows how; services.desk_client.DeskUnreachable.
        """
        something = False
        for task in await worklist(self.desks[role]):
            if task.case != case or (role, task) in self.done:
                continue
            act = ACTS.get((role, task.action))
            if act is None:
                raise Stuck(f"{role.value}: nobody here knows how to {task.action}: {task.what} ({task.clause})")
            something |= await self._try(role, task, act)
        return something

    async def _try(self, role: Role, task: Task, act: "Act") -> bool:
        tried = self.tries[role, task] = self.tries.get((role, task), 0) + 1
        if tried == 1:
            self.say(role, act.told(self, task), task.clause)
        try:
            await act.do(self, task, str(tried))
        except DeskRefused as refused:
            self.refusals[role, task] = str(refused)
            if tried >= MOST_TRIES:
                raise Stuck(f"{role.value}: {task.action} was refused {tried} times: {refused}") from refused
            return False
        self.done.add((role, task))
        self.refusals.pop((role, task), None)
        return True


@dataclass(frozen=True, slots=True)
class Act:
    """How something on a worklist is done: told in a few words, and done, with the number of the attempt."""

    told: Callable[[People, Task], str]
    do: Callable[[People, Task, str], Awaitable[None]]


async def worklist(desk: Desk) -> list[Task]:
    """What waits at a desk. Raises DeskRefused, DeskUnreachable."""
    return [Task.read(line) for line in await desk.get("/worklist")]


async def keep_looking(people: People, role: Role, case: str, arrived: asyncio.Event) -> None:
    """One clerk's day: look when something has arrived in the institution's inbox, until cancelled."""
    pause_s = FIRST_LOOK_S
    while True:
        # Not asyncio.wait_for: until Python 3.12 that loses a cancellation which comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await arrived.wait()
        pause_s = FIRST_LOOK_S if arrived.is_set() else min(LAST_LOOK_S, pause_s * 2)
        arrived.clear()
        if await people.look(role, case):
            pause_s = FIRST_LOOK_S


# --- how each thing is done ---------------------------------------------------------------------------------


def _signers(people: People) -> list[Person]:
    return [party.person for party in (*people.file.sale.sellers, *people.file.sale.buyers)]


async def sign(people: People, task: Task, _: str) -> None:
    """LC-F1: buyers and sellers sign both papers before the notary."""
    for person in _signers(people):
        for paper in PAPERS:
            body = {"person": person.id_number, "paper": paper}
            key = key_for(task.case, task.action, person.id_number, paper)
            await people.desks[Role.ESCROW].post(task.link, body, key)


async def pay_in(people: People, task: Task, _: str) -> None:
    """LC-F1: the buyers pay the price in, with the case number first in the remittance text."""
    to = people.file.sale.deposit_account.account
    for number, payment in enumerate(people.file.payments):
        key = key_for(task.case, task.action, str(number))
        await people.rail.pay(payment.from_account, to, payment.amount_fen, f"{task.case} 购房款", key)


def _payments(people: People, _: Task) -> str:
    payments = people.file.payments
    return f"the buyers pay {yuan(sum(p.amount_fen for p in payments))}, from {len(payments)} account(s)"


def _decision(people: People, task: Task) -> dict[str, Any]:
    """What the file says is decided; without a word there, yes."""
    return next((d for action, d in people.file.decisions.items() if action == task.action), YES[task.action])


async def decide_consent(people: People, task: Task, attempt: str) -> None:
    """LC-F2: the seller's bank decides on the transfer with mortgage."""
    key = key_for(task.case, task.action, task.about, attempt)
    await people.desks[Role.SELLER_BANK].post(task.link, _decision(people, task), key)


async def decide_registration(people: People, task: Task, attempt: str) -> None:
    """LC-F3: a registrar decides the application."""
    body = {"application": task.about, **_decision(people, task)}
    key = key_for(task.case, task.action, task.about, attempt)
    await people.desks[Role.REGISTRY].post(task.link, body, key)


async def ask_payoff(people: People, task: Task, attempt: str) -> None:
    """LC-F4: the bank's clerk has the payoff statement drawn up."""
    key = key_for(task.case, task.action, task.about, attempt)
    await people.desks[Role.SELLER_BANK].post(task.link, {}, key)


async def mend_application(people: People, task: Task, _: str) -> None:
    """X-3: the notary puts right what the registry returned an application for."""
    body = {"application": task.about, "mended": "the materials are complete now"}
    key = key_for(task.case, task.action, task.about)
    await people.desks[Role.ESCROW].post(task.link, body, key)


async def return_money(people: People, task: Task, _: str) -> None:
    """X-1: the notary sends money back that no article covers."""
    key = key_for(task.case, task.action, task.about)
    await people.desks[Role.ESCROW].post(task.link, {"money": task.about}, key)


ACTS: dict[tuple[Role, str], Act] = {
    (Role.ESCROW, "sign"): Act(lambda p, _: f"{len(_signers(p))} people sign: {', '.join(PAPERS)}", sign),
    (Role.ESCROW, "pay-in"): Act(_payments, pay_in),
    (Role.ESCROW, "mend-application"): Act(lambda _, t: f"application {t.about} is mended", mend_application),
    (Role.ESCROW, "return-money"): Act(lambda _, t: f"sends back {t.what}", return_money),
    (Role.SELLER_BANK, "decide-consent"): Act(
        lambda p, t: "the clerk consents" if _decision(p, t).get("consents") else "the clerk does not consent",
        decide_consent,
    ),
    (Role.SELLER_BANK, "ask-payoff"): Act(lambda *_: "the payoff statement is drawn up", ask_payoff),
    (Role.REGISTRY, "decide-registration"): Act(
        lambda p, t: f"the registrar decides to {_decision(p, t)['decision']}", decide_registration
    ),
}


def yuan(amount_fen: int) -> str:
    """An amount for people: 61234567 fen are ¥612,345.67."""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}¥{whole:,}.{part:02d}"
