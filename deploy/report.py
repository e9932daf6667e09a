"""What people see of a case: events as they are said, then timeline, documents, money, register and checks.

Plain lines where the output is no terminal; colours only where it is one and NO_COLOR is not set (rich sees to both).
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.event import Event, Fact, Role
from contracts.events.case import CaseCancelled, CaseCompleted
from contracts.events.escrow import DepositConfirmed
from contracts.events.registry import AdvanceNoticeRegistered
from contracts.events.seller_bank import PayoffQuoted
from contracts.procedures import Procedure, obstacle
from deploy.clerks import yuan
from deploy.evidence import Check, Evidence, Observed, Verified, lent, rail_transfers, took_part
from deploy.telling import name_of, title, told
from deploy.ways_out.played import Played
from deploy.ways_out.way import WayOut
from deploy.witness import Spoken
from services.runtime.core.periods import CHINA_TIME, day_in_china

E = TypeVar("E", bound=Event)

PLAIN_WIDTH = 200
ONE_DAY = timedelta(days=1)
COLOURS = {
    Role.ESCROW: "cyan",
    Role.REGISTRY: "green",
    Role.SELLER_BANK: "magenta",
    Role.BUYER_BANK: "yellow",
    Role.FUND_CENTER: "blue",
}
NAMES = {
    Role.ESCROW: "escrow",
    Role.REGISTRY: "registry",
    Role.SELLER_BANK: "seller's bank",
    Role.BUYER_BANK: "buyer's bank",
    Role.FUND_CENTER: "fund centre",
}


def make_console() -> Console:
    """The console of this process; where it is no terminal, wide enough that a line stays a line."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


class Report:
    """Writes to a console; knows the procedure, for the clauses."""

    def __init__(self, console: Console, procedure: Procedure) -> None:
        self.console = console
        self.procedure = procedure
        self._began = time.monotonic()
        self._said: set[type[Fact]] = set()
        self._day: date | None = None

    # --- as it happens --------------------------------------------------------------------------------------

    def heading(self, text: str) -> None:
        """A part of the output begins."""
        self.console.print()
        self.console.print(f"[bold]{escape(text)}[/bold]")

    def started(self, line: str) -> None:
        """Something of the stack is done."""
        self.console.print(f"  [dim]{time.monotonic() - self._began:5.1f} s  {escape(line)}[/dim]", soft_wrap=True)

    def acted(self, at: datetime, role: Role, what: str, clause: str) -> None:
        """A person did something at a desk or at the rail."""
        self._day_of(at)
        who = f"at the {NAMES[role]}"
        line = f"{clock(at)}  {who:<20}  {escape(what)} ({escape(clause)})"
        self.console.print(f"  [dim]{line}[/dim]", soft_wrap=True)

    def said(self, spoken: Spoken) -> None:
        """An event was said."""
        self._day_of(spoken.at)
        who = f"[{COLOURS[spoken.by]}]{NAMES[spoken.by]:<20}[/]"
        what = f"[bold]{name_of(spoken.kind)}[/bold] {title(spoken.kind)}"
        line = f"{who}  {what} [dim]({escape(self.clause(spoken, self._said))})[/dim]: {escape(told(spoken.event))}"
        self.console.print(f"  {clock(spoken.at)}  {line}", soft_wrap=True)
        self._said.add(spoken.kind)

    def _day_of(self, at: datetime) -> None:
        """Show the day, in China, where it is a later one than that of what was shown before."""
        day = day_in_china(at)
        if self._day is not None and day > self._day:
            self.console.print(f"  [dim]{day}[/dim]")
        self._day = max(day, self._day or day)

    def clause(self, spoken: Spoken, said: Collection[type[Fact]]) -> str:
        """The clause under which it was said, after all this. Of several steps of the procedure that allowed it, that
        which rests on most: a deposit is the loan's once a loan is approved."""
        ways = self.procedure.ways(spoken.by, spoken.kind)
        allowed = [step for step in ways if not obstacle(step, frozenset(said))]
        return max(allowed, key=lambda step: len(step.after)).article if allowed else spoken.kind.article

    def way_out(self, way: WayOut) -> None:
        """What will be done otherwise."""
        self.console.print(
            f"  otherwise: [bold]{way.name}[/bold], {escape(way.title)} ({escape(', '.join(way.clauses))})"
        )

    # --- afterwards -----------------------------------------------------------------------------------------

    def timeline(self, spoken: Sequence[Spoken]) -> None:
        """Every event in the order of saying, with the time since the first."""
        self.heading("Timeline")
        table = _table("", "time", "after", "who", "event", "", "clause", "heard by")
        parties, said = took_part(spoken), set[type[Fact]]()
        for number, one in enumerate(spoken, start=1):
            named: Mapping[Role, str] = getattr(one.event, "addressees", parties)
            heard = ", ".join(NAMES[role] for role in named if role in one.kind.heard_by and role != one.by)
            row = (_after(one.at - spoken[0].at), NAMES[one.by], name_of(one.kind), title(one.kind))
            table.add_row(str(number), clock(one.at), *row, self.clause(one, said), heard)
            said.add(one.kind)
        self.console.print(table)

    def documents(self, found: Iterable[Verified]) -> None:
        """Every numbered document with its code, and what its issuer's desk says to them (X-5)."""
        self.heading("Documents, each asked after at its issuer's desk (X-5)")
        table = _table("document", "number", "code", "issuer", "verifies")
        for one in found:
            d = one.document
            verdict = _mark(not one.objection) + (f" {escape(one.objection)}" if one.objection else "")
            table.add_row(d.title, d.number, d.code, NAMES[one.issuer], verdict)
        self.console.print(table)

    def loans(self, evidence: Evidence) -> None:
        """Each lender's loan: what it approved, the notice on which it paid, the mortgage that it got; nothing where
        nobody lent."""
        found = lent(evidence.spoken)
        if not found:
            return
        self.heading("Loans (LC-L4, LC-L5, LC-R3): paid on the certificate of the notice, secured by the mortgage")
        table = _table("lender", "approved", "loan contract", "notice", "valid until", "paid", "mortgage", "rank")
        until = [str(said.valid_until) for said in _said(evidence, AdvanceNoticeRegistered)]
        for loan in found:
            paid = ", ".join(yuan(word.amount_fen or 0) for word in loan.disbursed)
            table.add_row(
                loan.institution,
                yuan(loan.approved.amount_fen or 0),
                loan.approved.loan_contract.number,
                loan.notice.certificate.number if loan.notice is not None else _none(),
                ", ".join(until),
                paid or _none(),
                loan.mortgage.certificate.number if loan.mortgage is not None else _none(),
                str(loan.mortgage.rank) if loan.mortgage is not None else _none(),
            )
        self.console.print(table)
        self.console.print("  rank: as entered behind the seller's mortgage, before its release")

    def statements(self, evidence: Evidence) -> None:
        """What was certified to be held, and what the seller's bank stated as owed."""
        self.heading("Statements: what the escrow certified to hold, what the seller's bank stated as owed")
        for held in _said(evidence, DepositConfirmed):
            of_lender = f" of {held.lender}" if held.lender else ""
            amount = yuan(held.amount_fen or 0)
            self.console.print(
                f"  {held.certificate.number}  {amount:>16}  {held.kind.value}{of_lender}", soft_wrap=True
            )
        for quote in _said(evidence, PayoffQuoted):
            parts = f"{yuan(quote.principal_fen)} principal, {yuan(quote.interest_fen)} interest as of {quote.as_of}"
            line = f"{quote.statement.number}  {yuan(quote.total_fen):>16}  owed: {parts}"
            self.console.print(f"  {line}", soft_wrap=True)

    def money(self, evidence: Evidence) -> None:
        """The escrow's statement beside the rail's books."""
        self.heading("Money (X-1: in = out + held): the escrow's statement beside the rail's own books")
        ours = evidence.file.sale.deposit_account.account
        owners = {name: account["owner"] for name, account in evidence.books["accounts"].items()}
        booked = [t for t in rail_transfers(evidence.books) if t.settled]
        table = _table("", "account", "owner", "purpose", "statement", "rail")
        for payment in evidence.money.payments if evidence.money is not None else ():
            ends = (payment.account, ours) if payment.direction == "in" else (ours, payment.account)
            match = next(
                (t for t in booked if (t.from_account, t.to_account, t.amount_fen) == (*ends, payment.amount_fen)), None
            )
            if match is not None:
                booked.remove(match)
            row = (payment.direction, payment.account, owners.get(payment.account, ""), payment.purpose)
            table.add_row(*row, yuan(payment.amount_fen), yuan(match.amount_fen) if match is not None else _none())
        for transfer in booked:
            other = transfer.from_account if transfer.to_account == ours else transfer.to_account
            direction = "in" if transfer.to_account == ours else "out"
            table.add_row(direction, other, owners.get(other, ""), "", _none(), yuan(transfer.amount_fen))
        self.console.print(table)
        if evidence.money is not None:
            m = evidence.money
            self.console.print(f"  in {yuan(m.in_fen)} = out {yuan(m.out_fen)} + held {yuan(m.held_fen)}")

    def register(self, evidence: Evidence) -> None:
        """What the register shows of the folio now."""
        self.heading(f"Register: folio {evidence.file.sale.unit_number.shown}")
        names = {str(p.person.id_number): p.person for p in (*evidence.file.sale.sellers, *evidence.file.sale.buyers)}
        for number, share in sorted(evidence.register.owners):
            person = names.get(number)
            self.console.print(f"  owner     {person.masked() if person is not None else 'unknown'}, {share}")
        self.console.print(f"  title     {evidence.register.ownership_certificate}")
        for rank, certificate, mortgagee in evidence.register.mortgages:
            self.console.print(f"  mortgage  rank {rank}: {certificate}, {mortgagee}")
        if not evidence.register.mortgages:
            self.console.print("  mortgage  none")
        for certificate in evidence.register.notices or ("none",):
            self.console.print(f"  notice    {certificate}")
        for number in evidence.register.restrictions:
            self.console.print(f"  restricted by {number}")
        reserved_for = evidence.register.reserved_for
        self.console.print(f"  folio     {f'claimed by {reserved_for}' if reserved_for else 'free'}")

    def end(self, evidence: Evidence) -> None:
        """How the case has ended, and under which clause."""
        self.heading("End")
        for said in _said(evidence, CaseCancelled):
            self.console.print(f"  cancelled under {escape(said.clause)}: {escape(said.because)}", soft_wrap=True)
        for _ in _said(evidence, CaseCompleted):
            clause = self.procedure.article(self.procedure.keeper, CaseCompleted)
            self.console.print(f"  completed under {clause}", soft_wrap=True)

    def observed(self, observed: Observed) -> None:
        """What the observer says of the case, which reads the masked public feeds and nothing else."""
        self.heading("Observer: the case by the public feeds alone (LC-R5)")
        if observed.trouble:
            self.console.print(f"  [red]{escape(observed.trouble)}[/red]", soft_wrap=True)
            return
        m = observed
        lines = (
            ("status", observed.status),
            ("waiting for", "; ".join(observed.waiting_for) or "nobody"),
            ("violations", "; ".join(observed.violations) or "none"),
            ("money", f"in {yuan(m.in_fen)} = out {yuan(m.out_fen)} + held {yuan(m.held_fen)}"),
            ("read", f"{len(observed.events)} words, {observed.documents} documents"),
        )
        for name, text in lines:
            self.console.print(f"  {name:<13}{escape(text)}", soft_wrap=True)

    def checks(self, found: Sequence[Check]) -> None:
        """Every check with its verdict."""
        self.heading("Checks")
        for check in found:
            self.console.print(
                f"  {_mark(check.passed)} {escape(check.name)} [dim]({escape(check.detail)})[/dim]", soft_wrap=True
            )

    def verdict(self, case: str, found: Sequence[Check]) -> None:
        """One line at the end."""
        failed = [check for check in found if not check.passed]
        self.console.print()
        if failed:
            self.console.print(f"[bold red]Case {case}: {len(failed)} of {len(found)} checks failed[/bold red]")
            for check in failed:
                self.console.print(f"[red]  {escape(check.name)}: {escape(check.detail)}[/red]", soft_wrap=True)
        else:
            self.console.print(f"[bold green]Case {case}: all {len(found)} checks passed[/bold green]")

    def way_played(self, one: Played) -> None:
        """One of many ways out, and what is wrong with it."""
        failed = [check for check in one.checks if not check.passed]
        line = (
            f"{_mark(one.as_it_must)} {one.way.name}: {escape(one.end)}, {len(one.checks)} checks, {one.took_s:.1f} s"
        )
        self.console.print(f"  {line}", soft_wrap=True)
        for text in (*(f"{check.name}: {check.detail}" for check in failed), *one.trouble):
            self.console.print(f"      [red]{escape(text)}[/red]", soft_wrap=True)

    def ways_out(self, played: Sequence[Played]) -> None:
        """All that were played, a line each."""
        self.heading("Ways out")
        table = _table("", "name", "end", "checks passed", "seconds")
        for one in played:
            passed = f"{sum(check.passed for check in one.checks)} of {len(one.checks)}"
            table.add_row(_mark(one.as_it_must), one.way.name, one.end or "none", passed, f"{one.took_s:.1f}")
        self.console.print(table)
        wrong = [one.way.name for one in played if not one.as_it_must]
        if wrong:
            self.console.print(
                f"[bold red]{len(wrong)} of {len(played)} did not end as they must: {', '.join(wrong)}[/]"
            )
        else:
            self.console.print(f"[bold green]all {len(played)} ways out ended as they must[/bold green]")

    def trouble(self, title: str, lines: Iterable[str]) -> None:
        """What is known about why a case does not go on."""
        self.heading(title)
        for line in lines:
            self.console.print(f"  {escape(line)}", soft_wrap=True)


def name_of_the_end(evidence: Evidence) -> str:
    """What the keeper said at the end, and under which clause."""
    for said in _said(evidence, CaseCancelled):
        return f"cancelled under {said.clause}"
    return "completed" if _said(evidence, CaseCompleted) else ""


def list_ways_out(console: Console, ways: Iterable[WayOut]) -> None:
    """Every way out: name, procedure, clause, title."""
    table = _table("name", "procedure", "clause", "title")
    for way in ways:
        table.add_row(way.name, way.procedure, ", ".join(way.clauses), way.title)
    console.print(table)


def _after(passed: timedelta) -> str:
    """How long after: seconds, and days where some have passed."""
    rest_s = (passed % ONE_DAY).total_seconds()
    return f"{passed // ONE_DAY} d {rest_s:.2f} s" if passed >= ONE_DAY else f"{rest_s:.2f} s"


def clock(at: datetime) -> str:
    """The time of day in China, to the millisecond."""
    return at.astimezone(CHINA_TIME).strftime("%H:%M:%S.%f")[:-3]


def _said(evidence: Evidence, kind: type[E]) -> list[E]:
    return [said for one in evidence.spoken if isinstance(said := one.event, kind)]


def _none() -> str:
    return "[red]none[/red]"


def _mark(passed: bool) -> str:
    return "[green]✓[/green]" if passed else "[bold red]✗[/bold red]"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        right = name in ("statement", "rail", "after", "approved", "paid", "rank")
        table.add_column(
            name, justify="right" if right else "left", no_wrap=name in ("time", "number", "code", "event")
        )
    return table
