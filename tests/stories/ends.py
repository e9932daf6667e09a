"""The end of a case, looked at from every side: each institution's file and worklist, every payer's money, the escrow's
statement beside the rail's books, the register, what the observer shows. Figures in fen."""

from collections import Counter
from collections.abc import Collection, Mapping

from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseCompleted, MoneyStatement
from contracts.events.lender import LendingEnded, LoanReturned
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    RegistrationClosed,
    TransferRegistered,
)
from contracts.events.seller_bank import PayoffQuoted
from contracts.values import Person
from services.observer.pages import Status
from services.runtime.core.file import Phase
from tests.stories.world import CASE, World
from tests.support import liaocheng as lc
from tests.support.bench import NOON

End = CaseCompleted | CaseCancelled
LEFT = ("payment", "leftover", "held", "stopped", "struck", "period")
"""What no institution has left when everything is over."""


async def over(world: World, case: str = CASE) -> End:
    """The end of a case that is over at everybody who has a part in it, with nothing left to do for anybody."""
    await world.check()
    phases = await world.phases(case)
    assert set(phases.values()) == {Phase.ENDED}, (phases, await world.waits(), await world.alarms())
    ends = [*await world.said(CaseCompleted, case=case), *await world.said(CaseCancelled, case=case)]
    assert len(ends) == 1
    assert not [wait for wait in await world.waits() if wait[0] in phases]
    for kind in LEFT:
        assert await world.rows(kind) == []
    end: End = ends[0].fact
    assert end.money is not None
    await _statement_is_the_rails(world, end.money, case)
    page = world.page(case)
    assert page.status is (Status.COMPLETED if isinstance(end, CaseCompleted) else Status.CANCELLED)
    assert (page.money.in_fen, page.money.out_fen) == (end.money.in_fen, end.money.out_fen)
    return end


async def completed(
    world: World,
    *,
    lent: Mapping[str, int] | None = None,
    settled_fen: int | None = None,
    restrictions: Collection[str] = (),
    mortgages: Collection[str] = (),
) -> CaseCompleted:
    """The home is the buyer's and free of the old mortgage; everybody has his money. `lent`: by account, what was lent;
    `settled_fen`: what settled the seller's loan, where that was not the loan of the stories as it was quoted;
    `restrictions` and `mortgages`: what people have entered from outside after the sale."""
    end = await over(world)
    assert isinstance(end, CaseCompleted), end
    lent = lent or {}
    if settled_fen is None:
        quote = (await world.said(PayoffQuoted))[-1].fact
        settled_fen = debt_fen(days=17 + (quote.as_of - NOON.date()).days)
    moved = {
        lc.BUYER_ACCOUNT: sum(lent.values()) - lc.PRICE_FEN,
        lc.SELLER_ACCOUNT: lc.PRICE_FEN - settled_fen,
        lc.BANK_ACCOUNT: settled_fen,
        **{account: -fen for account, fen in lent.items()},
    }
    everybody_has(world, moved)
    entered = (await world.said(TransferRegistered))[0].fact
    assert [m.rank for m in entered.new_mortgages] == list(range(2, 2 + len(lent)))
    certificates = [*(m.certificate.number for m in entered.new_mortgages), *mortgages]
    await _register_is(world, lc.BUYER, certificates, restrictions)
    return end


async def cancelled(
    world: World,
    *,
    clause: str | None = None,
    restrictions: Collection[str] = (),
    mortgages: Collection[str] = (),
) -> CaseCancelled:
    """Everybody has his own back, and the register is as it was but for what people have entered from outside:
    `restrictions` by their numbers, `mortgages` by their certificates. `clause`: under which it was called off."""
    end = await over(world)
    assert isinstance(end, CaseCancelled), end
    assert clause in (None, end.clause), end
    everybody_has(world, {})
    assert not await world.said(TransferRegistered)
    await _register_is(world, lc.SELLER, [lc.MORTGAGE, *mortgages], restrictions)
    await _lenders_are_whole(world)
    return end


async def stands(world: World, at: Role, action: str, *, clause: str) -> None:
    """The case is open everywhere and rests: at this institution something with a name waits for a person, and the
    observer shows it open. What has a name can be found: a worklist line, an incident."""
    await world.check()
    assert set((await world.phases()).values()) == {Phase.OPEN}
    name = world.house(at).member.name
    waits = [row for row in await world.house(at).store.rows("wait") if row.case == CASE]
    assert (action, clause) in [(row.data["action"], row.data["clause"]) for row in waits], (name, waits)
    assert world.page().status is Status.OPEN


def everybody_has(world: World, moved: Mapping[str, int]) -> None:
    """Every account has what it opened with, and what is said to have moved besides."""
    found = {account: world.rail.balance_fen(account) - fen for account, fen in world.opening_fen.items()}
    assert found == {account: moved.get(account, 0) for account in found}


def debt_fen(*, principal_fen: int = 61_000_000, days: int, annual_rate_ppm: int = 31_000) -> int:
    """What settles the loan of the stories after so many days: reckoned once more, by hand."""
    return principal_fen + round(principal_fen * annual_rate_ppm * days / 360 / 1_000_000)


async def _statement_is_the_rails(world: World, money: MoneyStatement, case: str) -> None:
    """X-1: what the keeper states, line by line, is what the rail has booked on the deposit account for this case; what
    came after the end, which no statement has, has gone back as it came."""
    assert money.in_fen == money.out_fen and money.held_fen == 0
    kinds = {"in": "in", "out-settled": "out"}
    lines = Counter(
        (kinds[line.kind], line.counterparty_account, line.amount_fen)
        for line in await world.rail.statement(lc.ESCROW_ACCOUNT, 0)
        if line.kind in kinds and line.reference.split()[:1] == [case]
    )
    stated = Counter((p.direction, p.account, p.amount_fen) for p in money.payments)
    assert stated <= lines, "stated, and not on the rail's books"
    beside = lines - stated
    came, went = ({(who, fen): n for (w, who, fen), n in beside.items() if w == way} for way in ("in", "out"))
    assert came == went, "came after the end, and did not go back"
    assert sum(fen * n for (way, _, fen), n in stated.items() if way == "in") == money.in_fen


async def _register_is(
    world: World, owner: Person, certificates: Collection[str], restrictions: Collection[str]
) -> None:
    """One owner, these mortgages in their order, these restrictions; no notice, and nobody's reservation."""
    register = await world.register()
    assert [o.person for o in register.owners] == [owner]
    assert [m.certificate for m in register.ranked()] == list(certificates)
    assert [m.rank for m in register.ranked()] == list(range(1, len(certificates) + 1))
    assert [r.number for r in register.restrictions] == list(restrictions)
    assert register.notices == () and not register.reserved_for


async def _lenders_are_whole(world: World) -> None:
    """X-3: a closed case has ended when every lender has, each with its own back, and the notices are gone."""
    if not await world.said(RegistrationClosed):
        return
    sent = {word.speaker: word.fact.sent_fen for word in await world.said(LendingEnded)}
    back = {word.speaker: word.fact.amount_fen for word in await world.said(LoanReturned)}
    assert back == {speaker: fen for speaker, fen in sent.items() if fen}
    gone = [*await world.said(AdvanceNoticeEnded), *await world.said(AdvanceNoticeLapsed)]
    assert len(gone) == len(await world.said(AdvanceNoticeRegistered))
