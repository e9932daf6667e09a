"""Faults planted in the product, one at a time: each must break an invariant within a hundred seeds. `make mutants`.

A fault is a small patch to a function, a view or a rule of the product, in this process alone. A kill counts only where
the same seed breaks nothing without the fault.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from multiprocessing import get_context
from typing import Any

import services.escrow.payoff
import services.escrow.rules.liaocheng
import services.escrow.rules.liaocheng_guards
import services.registry.rules.liaocheng
import services.registry.rules.liaocheng_loan
import services.registry.title
import services.runtime.core.file
import services.runtime.core.fold
import services.runtime.statement
from contracts.events.case import CaseOpened
from contracts.events.registry import TransferRegistered
from contracts.events.seller_bank import ConsentIssued
from services.escrow.deposits import Deposits
from services.escrow.ends import CalledOff
from services.escrow.facts import SaleBrought
from services.escrow.lenders import LendersDone
from services.escrow.payoff import LoanSettled
from services.lending.views import Approval, Us
from services.registry.notices import LendersWhole
from services.registry.register import Register
from services.registry.rules.liaocheng_guards import approve_no_entry_before_the_deposit
from services.registry.views import PriceHeld
from services.runtime.core.facts import MoneyReceived, Pay, Purpose
from services.runtime.core.file import Filed
from services.runtime.core.fold import derived_id
from services.runtime.core.numbering import number
from services.runtime.core.rule import Rule, Says, View, view_parameters
from services.runtime.log import LogUnavailable
from services.runtime.payments import Payments
from services.runtime.post import Post
from services.runtime.rail import Accepted, Transfer
from services.runtime.store import StoreUnavailable
from services.runtime.timers import Timers
from services.runtime.turn import Turns
from services.seller_bank.books import LoanBook
from tests.simulation.chance import Plan
from tests.simulation.city import SEATS, Seat, run

SEEDS = 100
FULL, LOAN = "LC-FULL", "LC-LOAN"
Fold: Any = services.runtime.core.fold._Fold  # pyright: ignore[reportPrivateUsage]


class Planting:
    """Patches that are taken back."""

    def __init__(self, procedure: str) -> None:
        self.seats: tuple[Seat, ...] = SEATS[procedure]
        self._undo: list[tuple[Any, str, Any]] = []

    def put(self, target: Any, name: str, new: Any) -> Any:
        """`target.name` is this from now on; the answer is what it was."""
        before = target.__dict__[name]
        self._undo.append((target, name, before))
        setattr(target, name, new)
        return before

    def view(self, kind: type[View], of: Callable[..., Any]) -> None:
        """A view says this from now on; `of` takes what its `of` takes."""
        view_parameters(kind)  # its conditions stay what they were
        self.put(kind, "of", staticmethod(of))

    def rule(self, name: str, new: Callable[..., Says] | None) -> None:
        """A rule's sentence is this from now on, wherever it stands; None takes it away."""
        self._each(lambda rule: rule if rule.name != name else None if new is None else _spoken(rule, new))

    def guards(self, *refuse: Callable[..., Any]) -> None:
        """These guards are gone."""
        seats: list[Seat] = []
        for seat in self.seats:
            chapters = {
                key: replace(chapter, guards=tuple(g for g in chapter.guards if g.refuse not in refuse))
                for key, chapter in seat.rulebook.chapters.items()
            }
            seats.append(replace(seat, rulebook=replace(seat.rulebook, chapters=chapters)))
        self.seats = tuple(seats)

    def _each(self, change: Callable[[Rule], Rule | None]) -> None:
        seats: list[Seat] = []
        for seat in self.seats:
            chapters = {
                key: replace(chapter, rules=tuple(r for r in map(change, chapter.rules) if r is not None))
                for key, chapter in seat.rulebook.chapters.items()
            }
            seats.append(replace(seat, rulebook=replace(seat.rulebook, chapters=chapters)))
        self.seats = tuple(seats)

    def undo(self) -> None:
        """Everything is as it was."""
        for target, name, before in reversed(self._undo):
            setattr(target, name, before)


def _spoken(rule: Rule, new: Callable[..., Says]) -> Rule:
    named = {p.view for p in Rule(new).needs} | {kind for p in Rule(new).needs for kind in p.kinds}
    return Rule(new, per=rule.per if rule.per in named else None, during=rule.during)


@dataclass(frozen=True)
class Mutant:
    """A fault, and in which procedure it is looked for."""

    name: str
    procedure: str
    plant: Callable[[Planting], None]


# --- the runtime ------------------------------------------------------------------------------------------------------


def _dedupe_dropped(p: Planting) -> None:
    p.put(Fold, "take", lambda self: self.take_new())


def _held_numbers_applied(p: Planting) -> None:
    p.put(Fold, "take_in_line", lambda self, sequence: self.accept(self.letter))


def _commit_before_write(p: Planting) -> None:
    async def take(self: Turns, batch: Any) -> None:
        try:
            await before(self, batch)
        except (StoreUnavailable, LogUnavailable):
            return  # so it is committed, whatever was written

    before = p.put(Turns, "take", take)


def _drain_skips_a_leftover(p: Planting) -> None:
    async def drain(self: Post, topic: str, rows: Any) -> int:
        await self.store.change_rows((), [rows[0].id])
        return await before(self, topic, rows[1:]) if rows[1:] else 0

    before = p.put(Post, "_drain", drain)


def _effect_retried_blind(p: Planting) -> None:
    async def carry_out(self: Payments, row: Any) -> bool:
        if row.data.get("state") is not None:
            data = row.data
            order = Transfer(
                key=row.id + "-again", from_account=data["from_account"], to_account=data["to_account"],
                amount_fen=data["amount_fen"], reference=f"{row.case} {data['reference']}".strip(),
            )  # fmt: skip
            if not isinstance(await self.rail.transfer(order), Accepted):
                return False
        return await before(self, row)

    before = p.put(Payments, "carry_out", carry_out)


def _receipt_counted_twice(p: Planting) -> None:
    counted = [0]

    def new_id(*parts: str) -> str:
        counted[0] += 1
        return derived_id(*parts, str(counted[0] // 3)) if counted[0] % 3 == 0 else derived_id(*parts)

    p.put(services.runtime.statement, "derived_id", new_id)


def _deadline_without_effect(p: Planting) -> None:
    async def work(self: Timers, partitions: Any) -> int:
        return 0

    p.put(Timers, "work", work)


def _number_reused(p: Planting) -> None:
    def again(form: str, at: datetime, house: str, n: int) -> str:
        return number(form, at, house, max(1, n - 1))

    p.put(services.runtime.core.fold, "number", again)


def _old_views(p: Planting) -> None:
    p.put(services.runtime.core.file, "_still_seen", lambda subject, case, kind: subject.memo)


def _joined_bank_not_told(p: Planting) -> None:
    p.put(Fold, "tell_the_newcomer", lambda self, case, joined: None)


# --- money ------------------------------------------------------------------------------------------------------------


def _refund_without_closed(p: Planting) -> None:
    def of(closed: Any, refused: Any, asked: Any) -> CalledOff | None:
        found = before(closed, refused, asked)
        return found or (CalledOff("asked for", "X-3") if asked is not None else None)

    before = CalledOff.of
    p.view(CalledOff, of)


def _balance_before_payoff(p: Planting) -> None:
    p.view(LoanSettled, lambda booked, deposits: LoanSettled(None))


def _payoff_without_quote(p: Planting) -> None:
    def repay(sale: SaleBrought, _: TransferRegistered, consent: ConsentIssued) -> Says:
        yield Pay(
            purpose=Purpose.PAYOFF, from_account=sale.deposit_account.account,
            to_account=consent.payoff_account or "", amount_fen=consent.estimated_payoff_fen or 1,
            reference="payoff", about="estimate", because="LC-F4",
        )  # fmt: skip

    p.rule("repay_the_sellers_bank", repay)


def _quote_after_its_date(p: Planting) -> None:
    p.put(services.escrow.payoff, "day_in_china", lambda moment: date.min)
    p.put(services.escrow.rules.liaocheng_guards, "day_in_china", lambda moment: date.min)


def _refund_to_the_wrong_payer(p: Planting) -> None:
    def refund_each_payer(money: Filed[MoneyReceived], sale: SaleBrought, off: CalledOff, deposits: Deposits) -> Says:
        for pay in services.escrow.rules.liaocheng.refund_each_payer(money, off, deposits):
            assert isinstance(pay, Pay)
            yield pay.model_copy(update={"to_account": sale.sellers[0].account})

    p.rule("refund_each_payer", refund_each_payer)


def _top_up_not_returned(p: Planting) -> None:
    def refund_each_payer(money: Filed[MoneyReceived], sale: SaleBrought, off: CalledOff, deposits: Deposits) -> Says:
        if money.fact.from_account != sale.sellers[0].account:
            yield from services.escrow.rules.liaocheng.refund_each_payer(money, off, deposits)

    p.rule("refund_each_payer", refund_each_payer)


def _lender_without_entry(p: Planting) -> None:
    def pay_the_loan(approval: Approval, us: Us, opened: CaseOpened, _: ConsentIssued) -> Says:
        assert opened.deposit_account is not None and approval.said.fact.pays_from is not None
        yield Pay(
            purpose=Purpose.LOAN, from_account=approval.said.fact.pays_from,
            to_account=opened.deposit_account.account, amount_fen=approval.amount_fen, reference="loan",
            about=approval.contract, because=us.pays_by,
        )  # fmt: skip

    p.rule("pay_the_loan", pay_the_loan)


def _cancelled_before_the_lenders(p: Planting) -> None:
    p.view(LendersDone, lambda lenders, *facts: LendersDone(lenders.parties))


# --- the register -----------------------------------------------------------------------------------------------------


def _rank_not_moved(p: Planting) -> None:
    p.put(
        Register, "_without", lambda self, certificate: tuple(m for m in self.mortgages if m.certificate != certificate)
    )


def _two_live_transfers(p: Planting) -> None:
    p.put(services.registry.title, "_of_other_sales", lambda register, case: iter(()))


def _entry_without_title_check(p: Planting) -> None:
    for module in (services.registry.rules.liaocheng, services.registry.rules.liaocheng_loan):
        p.put(module, "objections_to_an_entry", lambda register, terms, consent: ())


def _restriction_ignored(p: Planting) -> None:
    p.put(services.registry.title, "_of_restrictions", lambda register: iter(()))


def _entry_without_deposit(p: Planting) -> None:
    p.view(PriceHeld, lambda deposits: PriceHeld(()))
    p.guards(approve_no_entry_before_the_deposit)


def _release_before_settlement(p: Planting) -> None:
    before = p.put(LoanBook, "settled", property(lambda self: self.quoted is not None or before.fget(self)))
    at = p.put(LoanBook, "settled_at", property(lambda self: _paid_through(self)))
    del at


def _paid_through(book: Any) -> datetime:
    return book.entries[0].money.fact.booked_at if book.entries else datetime.fromisoformat("2026-03-01T00:00:00+08:00")


def _reservation_not_freed(p: Planting) -> None:
    def with_entry(self: Register, entry: Any) -> Register:
        return self if type(entry.fact).__name__ == "CaseCancelled" else before(self, entry)

    before = p.put(Register, "_with", with_entry)


def _lender_not_closed_first(p: Planting) -> None:
    def of(closed: Any, notices: Any, ended: Any, returned: Any) -> LendersWhole:
        return LendersWhole(tuple(notices.of_lenders))

    p.view(LendersWhole, of)


def _notice_not_ended(p: Planting) -> None:
    p.rule("end_the_notices", None)


MUTANTS = (
    Mutant("dedupe dropped", FULL, _dedupe_dropped),
    Mutant("held numbers applied", FULL, _held_numbers_applied),
    Mutant("commit before write", FULL, _commit_before_write),
    Mutant("drain skips a leftover", FULL, _drain_skips_a_leftover),
    Mutant("effect retried blind", FULL, _effect_retried_blind),
    Mutant("receipt counted twice", FULL, _receipt_counted_twice),
    Mutant("deadline without effect", FULL, _deadline_without_effect),
    Mutant("certificate number reused", FULL, _number_reused),
    Mutant("view not looked at again", FULL, _old_views),
    Mutant("refund without closed", FULL, _refund_without_closed),
    Mutant("balance before payoff", FULL, _balance_before_payoff),
    Mutant("payoff without quote", FULL, _payoff_without_quote),
    Mutant("quote used after its date", FULL, _quote_after_its_date),
    Mutant("refund to the wrong payer", FULL, _refund_to_the_wrong_payer),
    Mutant("top-up not returned", FULL, _top_up_not_returned),
    Mutant("two live transfers", FULL, _two_live_transfers),
    Mutant("entry without title check", FULL, _entry_without_title_check),
    Mutant("restriction ignored", FULL, _restriction_ignored),
    Mutant("entry without deposit", FULL, _entry_without_deposit),
    Mutant("release before settlement", FULL, _release_before_settlement),
    Mutant("reservation not freed", FULL, _reservation_not_freed),
    Mutant("rank not moved", LOAN, _rank_not_moved),
    Mutant("lender paid without its entry", LOAN, _lender_without_entry),
    Mutant("lender not closed before the registry", LOAN, _lender_not_closed_first),
    Mutant("cancelled before its lenders have ended", LOAN, _cancelled_before_the_lenders),
    Mutant("notice not ended", LOAN, _notice_not_ended),
    Mutant("joined bank not told", LOAN, _joined_bank_not_told),
)


@contextmanager
def planted(mutant: Mutant) -> Iterator[tuple[Seat, ...]]:
    """The seats of the mutant's procedure, with the fault in the product meanwhile."""
    planting = Planting(mutant.procedure)
    try:
        mutant.plant(planting)
        yield planting.seats
    finally:
        planting.undo()


def hunt(mutant: Mutant, seeds: int = SEEDS) -> tuple[Mutant, int | None, str]:
    """The first seed that the fault breaks, and which invariant; None where none does."""
    for seed in range(seeds):
        plan = Plan(seed, mutant.procedure)
        with planted(mutant) as seats:
            broken = run(plan, seats).violation
        if broken is not None and run(plan).violation is None:
            return mutant, seed, str(broken)
    return mutant, None, ""


def _hunt(name: str) -> tuple[str, int | None, str]:
    mutant, seed, broken = hunt(next(m for m in MUTANTS if m.name == name))
    return mutant.name, seed, broken


def table(names: list[str]) -> int:
    """Print each fault with the seed and the invariant that kill it. 1 where one survives."""
    wanted = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    survived = 0
    with get_context("fork").Pool(os.cpu_count()) as pool:
        for name, seed, broken in pool.imap(_hunt, [mutant.name for mutant in wanted]):
            procedure = next(m.procedure for m in wanted if m.name == name)
            survived += seed is None
            found = "SURVIVES" if seed is None else f"seed {seed:>3}  {broken[:110]}"
            print(f"{name:<42} {procedure:<8} {found}", flush=True)
    print(f"{len(wanted) - survived} of {len(wanted)} planted faults are found within {SEEDS} seeds")
    return 1 if survived else 0
