"""A city of lenders: the world of a sale with a loan, its buyer at their desks, and what is true of it at rest."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseOpened, PartyJoined
from contracts.events.escrow import DepositConfirmed, MoneyKind
from contracts.events.lender import LendingEnded, LoanApproved, LoanDisbursed, LoanReturned, MortgageApplicationMade
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    RegistrationClosed,
    Stage,
    TransferRegistered,
)
from contracts.values import UnitNumber
from services.buyer_bank.rules import RULEBOOK as BUYER_BANK
from services.escrow.facts import ApplicationMended, RejectionAnswered, SaleBrought
from services.fund_center.facts import POOL, BorrowerExamined, PoolStated
from services.fund_center.policy import Home, LendingPolicy
from services.fund_center.rules import RULEBOOK as FUND_CENTER
from services.lending import facts as lending
from services.lending.facts import ContractsSigned, LoanAppliedFor, LoanDecided
from services.registry.facts import FolioImported
from services.runtime.core.facts import Pay, Purpose
from services.runtime.core.file import STANDING
from services.runtime.core.money import OrderState
from services.runtime.settings import HouseSettings
from services.seller_bank.facts import LoanImported
from tests.stories.ends import cancelled, completed
from tests.stories.house import MEMBERS, Member
from tests.stories.world import CASE, World
from tests.support import liaocheng as lc
from tests.support import loan as ll
from tests.support.bench import FOLIO, NOON

BANK, OTHER_BANK, FUND = ll.LENDER[1], ll.OTHER_BANK[1], ll.FUND[1]
ACCOUNTS = {BANK: ll.LENDER_ACCOUNT, OTHER_BANK: "ABC-LC-LOANS", FUND: ll.FUND_ACCOUNT}
TO_LEND_FEN = 10 * lc.PRICE_FEN


def _settings(role: Role) -> dict[str, Any]:
    """What an institution of Liaocheng knows of itself."""
    city: Any = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "liaocheng.yaml").read_text(encoding="utf-8"))
    return next(one["settings"] for one in city["institutions"] if one["role"] == role.value)


def _policy() -> LendingPolicy:
    """The city's policy, as its settings have it, for a buyer of the stories: people there are old, and need much."""
    policy = LendingPolicy.model_validate(_settings(Role.FUND_CENTER)["lending_policy"])
    first_home = policy.first_home.model_copy(update={"most_for_one_fen": 2 * ll.LOAN_FEN})
    return policy.model_copy(update={"oldest_years": 110, "first_home": first_home})


POLICY = _policy()
PERIODS = HouseSettings.model_validate(_settings(Role.ESCROW) | {"title": "聊城公证"}).periods
"""The periods that the city has every case pin."""


def _lender(role: Role, name: str, title: str, *, fund: bool = False) -> Member:
    settings: dict[str, Any] = {"loan_account": ACCOUNTS[name]}
    if fund:
        settings["lending_policy"] = POLICY.model_dump(mode="json")
    return Member(role, name, title, FUND_CENTER if fund else BUYER_BANK, {ACCOUNTS[name]: TO_LEND_FEN}, settings)


LENDERS = {
    BANK: _lender(*ll.LENDER, "聊城建行"),
    OTHER_BANK: _lender(*ll.OTHER_BANK, "聊城农行"),
    FUND: _lender(*ll.FUND, "聊城公积金", fund=True),
}


@dataclass
class Asked:
    """What the buyer asks a lender for, and when: as soon as the down payment is certified, or later. `wrong`: fields
    of a first application that are not so."""

    lender: str
    amount_fen: int
    when: Callable[[], Awaitable[bool]] | None = None
    wrong: dict[str, Any] | None = None


BOTH_FEN = {BANK: ll.LOAN_FEN - ll.FUND_FEN, FUND: ll.FUND_FEN}


def asks(*lenders: str) -> list[Asked]:
    """The buyer asks these lenders, between them for the whole gap."""
    fen = BOTH_FEN if len(lenders) == 2 else dict.fromkeys(lenders, ll.LOAN_FEN)
    return [Asked(name, fen[name]) for name in lenders]


class LoanWorld(World):
    """A city of one seed in which a buyer borrows (LC-LOAN). `named`: the lenders that the opening names."""

    own_fen = ll.DOWN_PAYMENT_FEN

    def __init__(self, seed: int, asked: Iterable[Asked], named: Iterable[str] = (), *, kills: bool = True) -> None:
        self.asked = {one.lender: one for one in asked}
        self.named = {LENDERS[name].role: name for name in named}
        there = {*self.asked, *self.named.values()}
        lenders = [member for name, member in LENDERS.items() if name in there]
        super().__init__(seed, (*MEMBERS, *lenders), kills=kills)
        self.lenders = [member.name for member in lenders]
        for one in self.asked.values():
            self._buyer_applies(one)

    def sale(self, **other: Any) -> SaleBrought:
        """The sale as buyer and seller bring it, with the lenders that are named."""
        return ll.sale(**{"institutions": {**lc.INSTITUTIONS, **self.named}, **other})

    async def begin(self, folio: FolioImported, loan: LoanImported, sale: SaleBrought | None = None) -> None:
        """As without a loan; and the fund centre knows how much of its pool is lent."""
        await super().begin(folio, loan, sale or self.sale())
        if FUND in self.houses:
            stated = PoolStated(
                by_clerk="Sun",
                deposits_fen=10**12,
                loans_fen=7 * 10**11,
                as_of=(NOON - timedelta(days=1)).date(),
                limit_ppm=POLICY.pool_limit_ppm,
            )
            await self.tell(FUND, stated, STANDING, POOL)

    # --- what people do -----------------------------------------------------------------------------------------------

    def _clerks(self) -> None:
        super()._clerks()
        self.answers |= {
            "apply-for-loan": lambda row: None,
            "mend-application": lambda row: ApplicationMended(
                by_clerk="Li", application=row.data["about"], mended="a legible copy"
            ),
            "answer-rejection": lambda row: RejectionAnswered(by_clerk="Li", another_bank=False, because="no money"),
            "sign-contracts": lambda row: ContractsSigned(by_clerk="Chen", signed_by=(lc.BUYER.id_number,)),
            "examine-borrower": lambda row: examined(),
        }
        for name, one in self.asked.items():
            ratio = 700_000 if name == FUND else None  # its desk looks it up
            self.answers[f"{name}/decide-loan"] = lambda row, fen=one.amount_fen, ratio=ratio: LoanDecided(
                by_clerk="Chen", approve=True, amount_fen=fen, pool_ratio_ppm=ratio
            )
            self.answers[f"{name}/mend-application"] = lambda row: lending.ApplicationMended(
                by_clerk="Chen", application=row.data["about"], mended="a legible copy"
            )
            self.answers[f"{name}/return-money"] = lambda row: lending.ReturnOrdered(
                by_clerk="Chen", money=row.data["about"]
            )

    def rejects(self, name: str) -> None:
        """This lender says no."""
        self.answers[f"{name}/decide-loan"] = lambda row: LoanDecided(
            by_clerk="Chen", approve=False, because="income does not carry the instalments"
        )

    def _buyer_applies(self, asked: Asked) -> None:
        """The buyer reads number and code from the certificate that the escrow has issued, and turns to the lender; to
        one that the opening names mostly when that is waiting for it."""
        waits = asked.lender in self.named.values() and self.chance.random() < 0.7

        async def when() -> bool:
            if not await self._certificate() or self.house(asked.lender).down:
                return False
            if waits and (asked.lender, "apply-for-loan") not in await self.waits():
                return False
            return asked.when is None or await asked.when()

        async def do() -> None:
            if asked.wrong is not None:
                await self.tell(asked.lender, await self.application(asked, **asked.wrong), CASE)
                self.plan(refused, again)
            else:
                await again()

        async def refused() -> bool:
            waiting = await self.house(asked.lender).store.rows("wait")
            return any("refused" in row.data["what"] for row in waiting if row.data["action"] == "apply-for-loan")

        async def again() -> None:
            await self.tell(asked.lender, await self.application(asked), CASE)

        self.plan(when, do)

    async def _certificate(self) -> DepositConfirmed | None:
        issued = (await self.file(Role.ESCROW)).every(DepositConfirmed)
        return next((c.fact for c in issued if c.fact.kind is MoneyKind.DOWN_PAYMENT), None)

    async def application(self, asked: Asked, **other: Any) -> LoanAppliedFor:
        """What the buyer signs at a lender's desk."""
        held = await self._certificate()
        assert held is not None
        fields: dict[str, Any] = {
            "by_clerk": "Chen",
            **ll.PROCEDURE,
            "unit_number": UnitNumber(FOLIO),
            "keeper": lc.NOTARY[1],
            "contract_number": ll.sale().contract_number,
            "applicants": (lc.BUYER,),
            "amount_fen": asked.amount_fen,
            "months": 240,
            "deposit_certificate": held.certificate.number,
            "code": held.certificate.code,
            "pays_from": ACCOUNTS[asked.lender],
        }
        return LoanAppliedFor.model_validate({**fields, **other})

    # --- moments ------------------------------------------------------------------------------------------------------

    def ordered(self, lender: str, *states: OrderState) -> Callable[[], Awaitable[bool]]:
        """Whether a loan was ordered, and has come so far at the rail."""

        async def found() -> bool:
            ledger = await self.ledger(lender)
            return any(o.pay.purpose is Purpose.LOAN and o.state in states for o in ledger.orders)

        return found

    def moments(self, lender: str = BANK) -> dict[str, Callable[[], Awaitable[bool]]]:
        """The stages of a case in which this lender lends, each as it is reached."""
        return {
            "opened": self.heard(Role.ESCROW, CaseOpened),
            "down payment": self.heard(Role.ESCROW, DepositConfirmed),
            "joined": self.heard(lender, CaseOpened),
            "decided": self.heard(lender, LoanDecided),
            "approved": self.heard(Role.ESCROW, LoanApproved),
            "notice applied for": self.heard(Role.REGISTRY, MortgageApplicationMade),
            "notice registered": self.heard(Role.REGISTRY, AdvanceNoticeRegistered),
            "loan ordered": self.ordered(lender, OrderState.ASKED),
            "loan on the rail": self.ordered(lender, OrderState.ACCEPTED),
            "loan arrived": self.ordered(lender, OrderState.SETTLED),
            "loan certified": self.heard(Role.ESCROW, DepositConfirmed, kind=MoneyKind.LOAN),
            "entry applied for": self.heard(Role.REGISTRY, MortgageApplicationMade, stage=Stage.REGISTRATION),
        }

    def stages(self) -> dict[str, Callable[[], Awaitable[bool]]]:
        """See `World.stages`."""
        return super().stages() | {
            "approved": self.heard(Role.ESCROW, LoanApproved),
            "noticed": self.heard(Role.REGISTRY, AdvanceNoticeRegistered),
            "disbursed": self.heard(Role.ESCROW, LoanDisbursed),
        }

    async def some_moment(self, lender: str = BANK) -> str:
        """Go on to one of these stages, and a little further, as the seed draws."""
        moments = self.moments(lender)
        name = self.chance.choice(list(moments))
        await self.until(moments[name])
        await self.some_steps(12)
        return name

    # --- what is true at rest -----------------------------------------------------------------------------------------

    async def check(self) -> None:
        await super().check()
        for name in self.lenders:
            await self.check_the_loan(name)
        await self.check_the_notices()

    async def check_the_loan(self, name: str) -> None:
        """X-2: a lender's money goes out only on its own certificate in the registered notices, in time, as much as it
        approved, once; X-1: what it says it has sent is what the rail took, and it says so only once."""
        notices = await self.said(AdvanceNoticeRegistered)
        approvals = await self.said(LoanApproved, name)
        orders = (await self.file(name)).every(Pay)
        for order in (o for o in orders if o.fact.purpose is Purpose.LOAN):
            notice = next(n for n in notices if n.at < order.at)
            certificates = {m.lender: m.certificate.number for m in notice.fact.mortgages}
            assert order.fact.about == certificates[name], "paid on another's certificate"
            assert order.fact.amount_fen in {a.fact.amount_fen for a in approvals if a.at < order.at}
            assert order.fact.because == ("LC-R3" if name == FUND else "LC-L5")
        ledger = await self.ledger(name)
        loans = [o for o in ledger.orders if o.pay.purpose is Purpose.LOAN]
        assert sum(o.moves for o in loans) <= 1, "a loan is out twice"
        assert all(o.state in (OrderState.SETTLED, OrderState.REFUSED, OrderState.RETURNED) for o in loans)
        sent_fen = sum(o.pay.amount_fen for o in loans if o.state is OrderState.SETTLED)
        ended = await self.said(LendingEnded, name)
        returned = await self.said(LoanReturned, name)
        assert len(ended) <= 1 and len(returned) <= len(ended)
        if ended:
            assert await self.said(RegistrationClosed) and ended[0].fact.sent_fen >= sent_fen
            assert all(order.at < ended[0].at for order in orders if order.fact.purpose is Purpose.LOAN)
        told = {d.fact.rail_transfer for d in await self.said(LoanDisbursed, name)}
        assert len(told) == len(await self.said(LoanDisbursed, name)), "one payment is told twice"

    async def check_the_notices(self) -> None:
        """X-2, X-3: notices end once, when every lender is whole, or they are converted by the entry or lapse."""
        gone = await self.said(AdvanceNoticeEnded) + await self.said(AdvanceNoticeLapsed)
        entered = await self.said(TransferRegistered)
        noticed = await self.said(AdvanceNoticeRegistered)
        assert len(noticed) <= 1 and len(gone) + len(entered) <= 1
        register = await self.register()
        certificates = {number for word in noticed for number in ll.certificates(word.fact)}
        standing = {notice.certificate for notice in register.notices}
        assert standing == (certificates if noticed and not gone and not entered else set())
        for word in await self.said(AdvanceNoticeEnded):
            ended = {e.speaker: e.fact.sent_fen for e in await self.said(LendingEnded) if e.at < word.at}
            whole = {r.speaker for r in await self.said(LoanReturned) if r.at < word.at}
            for mortgage in noticed[0].fact.mortgages:
                speaker = self.house(mortgage.lender).institution.house.source
                assert speaker in ended and (not ended[speaker] or speaker in whole), "a notice ended under a loan"

    async def is_sold(self, *lenders: str, **other: Any) -> None:
        """The home is the buyer's, the loans of these are secured in the order of the applications, and everybody has
        his money."""
        await completed(self, lent={ACCOUNTS[name]: self.asked[name].amount_fen for name in lenders}, **other)
        register = await self.register()
        entered = (await self.said(TransferRegistered))[0].fact
        assert [m.mortgagee for m in register.ranked()][: len(lenders)] == [m.lender for m in entered.new_mortgages]
        assert sorted(m.lender for m in entered.new_mortgages) == sorted(lenders)

    async def is_called_off(self, **other: Any) -> CaseCancelled:
        """Everybody has his own back, the register is as it was, the folio is free."""
        return await cancelled(self, **other)

    async def who_joined(self) -> list[str]:
        """The institutions that came later, in their order."""
        return [word.fact.institution for word in await self.said(PartyJoined)]


def examined(**other: Any) -> BorrowerExamined:
    """What the fund centre finds of the buyer: enough for every loan of the stories."""
    fields: dict[str, Any] = {
        "by_clerk": "Sun",
        "contributors": ({"id_number": lc.BUYER.id_number, "balance_fen": 20_000_000, "months_without_gap": 60},),
        "home": Home.FIRST,
        "owes_fund_loan": False,
        "monthly_income_fen": 5_000_000,
        "monthly_debts_fen": 0,
        "building_completed": 2020,
        "policy": POLICY,
    }
    return BorrowerExamined.model_validate({**fields, **other})
