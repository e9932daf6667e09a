"""Clerks: the people of a case, played by robots at the desks' HTTP and at the payment rail.

None of them knows the order of a case. Each looks at its own desk's worklist and does what it finds there: ACTS says
how each thing on a worklist is done. Only the buyers come by themselves, to lenders that may not know of the case.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from contracts.event import Role
from contracts.values import Person
from services import sale_opening
from services.desk_client import Desk, DeskRefused, in_path, key_for
from services.sale_file import Action, LoanSought, SaleFile
from services.sale_opening import down_payment_proof

FIRST_LOOK_S, LAST_LOOK_S = 0.01, 1.0
"""After something has arrived in its inbox a clerk looks at once, then in ever longer steps."""
TRY_AGAIN_S = 0.2
MOST_TRIES = 40
PAPERS = ("deposit agreement", "power of attorney")
UNSAID: Mapping[Action, dict[str, Any]] = {
    "decide-consent": {"consents": True},
    "decide-registration": {"decision": "approve"},
    "answer-rejection": {"another_bank": False, "because": "without the loan there is no sale"},
}
"""What is decided where the file says nothing."""
APPLY = "apply-for-loan"


class Stuck(RuntimeError):
    """A clerk cannot do what its worklist asks for. The text says which and why."""


class RailAway(Stuck):
    """The rail does not answer: the same order, under its key, may be given again."""


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


@dataclass(frozen=True, slots=True)
class Hold:
    """What people leave alone for a while: an action of a role, perhaps only under one clause. `for_good`: nobody does
    it any more."""

    role: Role
    action: str
    clause: str = ""
    for_good: bool = False

    def keeps(self, role: Role, task: Task) -> bool:
        """Whether this line of a worklist is left alone."""
        return (self.role, self.action) == (role, task.action) and self.clause in ("", task.clause)


class Rail:
    """The payment rail as a payer sees it, and its books as an auditor does. Close it with `aclose`."""

    def __init__(self, url: str) -> None:
        # No connection is kept: the rail might be closing it just when something is asked for.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(base_url=url, timeout=10, limits=limits, trust_env=False)

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

    async def arm(self, fault: Mapping[str, Any]) -> None:
        """Let the rail fail, as deploy/sandbox/rail_faults.py has it. Raises Stuck."""
        await self._ask("POST", "/faults", json=dict(fault))

    async def plant(self, account: str, amount_fen: int) -> None:
        """Falsify the balance of an account, as a thief or a bug would. Raises Stuck."""
        await self.arm({"kind": "plant", "account": account, "amount_fen": amount_fen})

    async def settle(self, reference: str) -> None:
        """Let everything that is on its way with this in its remittance text arrive now, also what is delayed. Raises
        Stuck."""
        await self._ask("POST", "/settlements", json={"reference": reference})

    async def books(self, reference: str) -> dict[str, Any]:
        """The whole books, with the movements whose remittance text holds `reference`. Raises Stuck."""
        return await self._ask("GET", "/books", params={"reference": reference})

    async def _ask(self, method: str, path: str, **kwargs: Any) -> Any:
        try:
            answer = await self._client.request(method, path, **kwargs)
        except httpx.HTTPError as error:
            raise RailAway(f"the rail: {method} {path}: {type(error).__name__} {error}".rstrip()) from error
        if not answer.is_success:
            raise Stuck(f"the rail: {method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()


Say = Callable[[Role, str, str], None]
"""Told of each thing before it is done: role of the desk, what is done, the clause."""


@dataclass
class People:
    """Everybody in one sale: who they are and what they decide is in the file, what they use is here. `acts`: how each
    thing is done; `holds`: what they leave alone."""

    file: SaleFile
    desks: dict[Role, Desk]
    rail: Rail
    say: Say
    most_tries: int = MOST_TRIES
    acts: "Mapping[tuple[Role, str], Act]" = field(default_factory=lambda: ACTS)
    holds: list[Hold] = field(default_factory=list[Hold])
    doing: set[tuple[Role, Task]] = field(default_factory=set[tuple[Role, Task]])
    done: set[tuple[Role, Task]] = field(default_factory=set[tuple[Role, Task]])
    tries: dict[tuple[Role, Task], int] = field(default_factory=dict[tuple[Role, Task], int])
    refusals: dict[tuple[Role, Task], str] = field(default_factory=dict[tuple[Role, Task], str])

    def turn_to(self, desk: Desk, loan: LoanSought) -> None:
        """The buyers turn to this lender instead of the one in its role, where nothing is done yet."""
        self.desks[loan.lender] = desk
        others = tuple(one for one in self.file.loans if one.lender is not loan.lender)
        self.file = self.file.model_copy(update={"loans": (*others, loan)})
        self.done = {(role, task) for role, task in self.done if role is not loan.lender}

    async def look(self, role: Role, case: str) -> bool:
        """Look at a worklist once and do what it asks for in this case; whether anything was done.

        What a desk refuses is tried again at the next look: mostly a word is still on its way to it. Raises Stuck
        after `most_tries`, and where nobody here knows how; services.desk_client.DeskUnreachable.
        """
        something = False
        held = tuple(self.holds)  # a line that was read before a hold was lifted may be gone by now
        for task in await worklist(self.desks[role]):
            if task.case == case and not any(hold.keeps(role, task) for hold in (*held, *self.holds)):
                something |= await self.act(role, task)
        return something

    async def act(self, role: Role, task: Task) -> bool:
        """Do what one line of a worklist asks for, unless it was done before; whether it is done now. Raises as `look`
        does."""
        if (role, task) in self.done or (role, task) in self.doing or task.action == APPLY:
            return False
        return await self._try(role, task)

    async def apply_for_loans(self, case: str) -> None:
        """The buyers turn to every lender that the file names, holding the proof of the down payment (LC-L2).

        Raises as `look` does.
        """
        for loan in self.file.loans:
            await self.apply_for_loan(case, loan)

    async def apply_for_loan(self, case: str, loan: LoanSought) -> None:
        """The buyers turn to this lender. Raises as `look` does."""
        task = Task(case, APPLY, loan.institution, "", "LC-L2", "")
        done = False
        while not done:
            if not any(hold.keeps(loan.lender, task) for hold in self.holds):
                done = await self._try(loan.lender, task)
            if not done:
                await asyncio.sleep(TRY_AGAIN_S)

    async def _try(self, role: Role, task: Task) -> bool:
        act = self.acts.get((role, task.action))
        if act is None:
            raise Stuck(f"{role.value}: nobody here knows how to {task.action}: {task.what} ({task.clause})")
        tried = self.tries[role, task] = self.tries.get((role, task), 0) + 1
        if tried == 1:
            self.say(role, act.told(self, role), task.clause)
        self.doing.add((role, task))
        try:
            await act.do(self, role, task, str(tried))
        except DeskRefused as refused:
            self.refusals[role, task] = str(refused)
            if tried >= self.most_tries:
                raise Stuck(f"{role.value}: {task.action} was refused {tried} times: {refused}") from refused
            return False
        finally:
            self.doing.discard((role, task))
        self.done.add((role, task))
        self.refusals.pop((role, task), None)
        return True


Do = Callable[[People, Role, Task, str], Awaitable[None]]
"""Does a task at the desk of a role; the text is the number of the attempt."""


@dataclass(frozen=True, slots=True)
class Act:
    """How something at a desk is done: told in a few words, and done."""

    told: Callable[[People, Role], str]
    do: Do


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


async def _hand_in(people: People, role: Role, task: Task, attempt: str, body: dict[str, Any]) -> None:
    await people.desks[role].post(task.link, body, key_for(task.case, task.action, task.about, attempt))


def _signers(people: People) -> list[Person]:
    return [party.person for party in (*people.file.sale.sellers, *people.file.sale.buyers)]


async def sign(people: People, role: Role, task: Task, _: str) -> None:
    """LC-F1: buyers and sellers sign both papers before the notary."""
    for person in _signers(people):
        for paper in PAPERS:
            body = {"person": person.id_number, "paper": paper}
            key = key_for(task.case, task.action, person.id_number, paper)
            await people.desks[role].post(task.link, body, key)


async def pay_in(people: People, _: Role, task: Task, __: str) -> None:
    """LC-F1, LC-L1: the buyers pay in, with the case number first in the remittance text."""
    to = people.file.sale.deposit_account.account
    for number, payment in enumerate(people.file.payments):
        key = key_for(task.case, task.action, str(number))
        await people.rail.pay(payment.from_account, to, payment.amount_fen, f"{task.case} 购房款", key)


async def top_up(people: People, _: Role, task: Task, __: str) -> None:
    """X-2: the seller pays in what the price is below the debt, as the worklist says it."""
    to = people.file.sale.deposit_account.account
    short_fen = int(task.what.split()[0])
    key = key_for(task.case, task.action, str(short_fen))
    await people.rail.pay(people.file.sale.sellers[0].account, to, short_fen, f"{task.case} 补足款", key)


def _payments(people: People, _: Role) -> str:
    payments = people.file.payments
    return f"the buyers pay {yuan(sum(p.amount_fen for p in payments))}, from {len(payments)} account(s)"


def _loan(people: People, lender: Role) -> LoanSought:
    loan = people.file.loan_at(lender)
    if loan is None:
        raise Stuck(f"{lender.value}: the sale's file names no loan there")
    return loan


async def apply_for_loan(people: People, lender: Role, task: Task, _: str) -> None:
    """LC-L2: the buyers turn to a lender, with the contract and the proof that the notary has given them."""
    proof = await down_payment_proof(people.desks[Role.ESCROW], task.case)
    if proof is None:
        raise Stuck("the notary has not certified the down payment")
    await sale_opening.apply_for_loan(people.desks[lender], people.file, _loan(people, lender), task.case, proof)


async def examine_borrower(people: People, lender: Role, task: Task, attempt: str) -> None:
    """LC-R2: the fund centre's clerk examines what the applicants can be lent."""
    await _hand_in(people, lender, task, attempt, _loan(people, lender).examination)


def _loan_decision(people: People, lender: Role) -> dict[str, Any]:
    loan = _loan(people, lender)
    decided = loan.decision or {"approve": True}
    return {"amount_fen": loan.amount_fen, **decided} if decided["approve"] else decided


async def decide_loan(people: People, lender: Role, task: Task, attempt: str) -> None:
    """LC-L3, LC-L4: the lender's clerk decides."""
    await _hand_in(people, lender, task, attempt, _loan_decision(people, lender))


async def sign_contracts(people: People, lender: Role, task: Task, attempt: str) -> None:
    """LC-L4: the applicants sign loan contract and mortgage contract."""
    signed_by = [str(person.id_number) for person in _loan(people, lender).applicants]
    await _hand_in(people, lender, task, attempt, {"signed_by": signed_by})


def _decision(people: People, action: Action) -> dict[str, Any]:
    return people.file.decisions.get(action, UNSAID[action])


def _decided(action: Action) -> "Do":
    """A clerk hands in what the file says."""

    async def decide(people: People, role: Role, task: Task, attempt: str) -> None:
        await _hand_in(people, role, task, attempt, _decision(people, action))

    return decide


async def decide_registration(people: People, role: Role, task: Task, attempt: str) -> None:
    """LC-F3, LC-L4, LC-L5: a registrar decides the application."""
    body = {"application": task.about, **_decision(people, "decide-registration")}
    await _hand_in(people, role, task, attempt, body)


async def ask_payoff(people: People, role: Role, task: Task, attempt: str) -> None:
    """LC-F4, LC-L6: the bank's clerk has the payoff statement drawn up."""
    await _hand_in(people, role, task, attempt, {})


async def mend_application(people: People, role: Role, task: Task, attempt: str) -> None:
    """X-3: whoever applied puts right what the registry returned the application for."""
    body = {"application": task.about, "mended": "the materials are complete now"}
    await _hand_in(people, role, task, attempt, body)


async def return_money(people: People, role: Role, task: Task, attempt: str) -> None:
    """X-1: money that no article covers is sent back."""
    await _hand_in(people, role, task, attempt, {"money": task.about})


async def order_payment_again(people: People, role: Role, task: Task, attempt: str) -> None:
    """X-1: a payment that the rail has refused or returned is ordered once more."""
    await _hand_in(people, role, task, attempt, {"payment": task.about})


def _told_answer(people: People, _: Role) -> str:
    another = _decision(people, "answer-rejection")["another_bank"]
    return "the buyers turn to another bank" if another else "the buyers give the sale up"


def _told_consent(people: People, _: Role) -> str:
    return "the clerk consents" if _decision(people, "decide-consent")["consents"] else "the clerk does not consent"


def _told_registration(people: People, _: Role) -> str:
    return f"the registrar decides to {_decision(people, 'decide-registration')['decision']}"


def _told_application(people: People, lender: Role) -> str:
    loan = _loan(people, lender)
    return f"the buyers apply for {yuan(loan.amount_fen)} over {loan.months} months"


def _told_decision(people: People, lender: Role) -> str:
    return f"the clerk {'approves' if _loan_decision(people, lender)['approve'] else 'rejects'} the loan"


def _told_contracts(people: People, lender: Role) -> str:
    return f"{len(_loan(people, lender).applicants)} applicants sign: loan contract, mortgage contract"


LENDERS = (Role.BUYER_BANK, Role.FUND_CENTER)
MENDED = Act(lambda *_: "the application is mended", mend_application)
SENT_BACK = Act(lambda *_: "money that no article covers is sent back", return_money)
PAID_AGAIN = Act(lambda *_: "a payment that failed is ordered again", order_payment_again)

ACTS: dict[tuple[Role, str], Act] = {
    (Role.ESCROW, "sign"): Act(lambda p, _: f"{len(_signers(p))} people sign: {', '.join(PAPERS)}", sign),
    (Role.ESCROW, "pay-in"): Act(_payments, pay_in),
    (Role.ESCROW, "top-up"): Act(lambda *_: "the seller pays in what the price is below the debt", top_up),
    (Role.ESCROW, "answer-rejection"): Act(_told_answer, _decided("answer-rejection")),
    (Role.SELLER_BANK, "decide-consent"): Act(_told_consent, _decided("decide-consent")),
    (Role.SELLER_BANK, "ask-payoff"): Act(lambda *_: "the payoff statement is drawn up", ask_payoff),
    (Role.REGISTRY, "decide-registration"): Act(_told_registration, decide_registration),
    (Role.FUND_CENTER, "examine-borrower"): Act(lambda *_: "the applicants are examined", examine_borrower),
    **{(lender, APPLY): Act(_told_application, apply_for_loan) for lender in LENDERS},
    **{(lender, "decide-loan"): Act(_told_decision, decide_loan) for lender in LENDERS},
    **{(lender, "sign-contracts"): Act(_told_contracts, sign_contracts) for lender in LENDERS},
    **{(role, "mend-application"): MENDED for role in (Role.ESCROW, *LENDERS)},
    **{(role, "return-money"): SENT_BACK for role in (Role.ESCROW, *LENDERS)},
    **{(role, "order-payment-again"): PAID_AGAIN for role in (Role.ESCROW, Role.SELLER_BANK, *LENDERS)},
}


def yuan(amount_fen: int) -> str:
    """An amount for people: 61234567 fen are ¥612,345.67."""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}¥{whole:,}.{part:02d}"
