"""One home in Liaocheng as the registry's tests have it: an imported folio, and what is said in a sale of it.

Built from the examples of the contracts; each helper takes the fields that a test wants otherwise.
"""

from typing import Any

from contracts.document import Document
from contracts.event import Role
from contracts.events.case import CaseCancelled, CaseCompleted, CaseOpened, ClosingRequested
from contracts.events.escrow import DepositConfirmed, MoneyKind, TransferApplicationMade
from contracts.events.registry import Owner, Reason, RefusalReason
from contracts.events.seller_bank import ConsentIssued, ReleaseApplied
from contracts.period import Days, Period, Source
from contracts.values import Day, DocumentNumber, Share, UnitNumber
from services.registry.facts import (
    Decision,
    FolioImported,
    ImportedMortgage,
    Material,
    MortgageTerms,
    RegistrationDecided,
    Restriction,
    RestrictionEntered,
    RestrictionKind,
    TransferAppliedFor,
)
from services.registry.register import Register
from services.registry.rules import RULEBOOK
from services.runtime.core.file import STANDING, Said
from services.runtime.core.rule import view
from services.runtime.core.turn import Turn
from tests.support.bench import FOLIO, NOON, Bench
from tests.support.examples import BUYER, CERTIFICATE, CONSENT, EXAMPLES, MORTGAGE, SELLER, SPOUSE, document

NOTARY = (Role.ESCROW, "liaocheng-notary")
BANK = (Role.SELLER_BANK, "liaocheng-icbc")
OTHER_BANK = (Role.SELLER_BANK, "liaocheng-abc")

FIRST, SECOND = "LCF-TEST-1", "LCF-TEST-2"
UNIT = UnitNumber(FOLIO)
SECOND_MORTGAGE = DocumentNumber("鲁(2021)聊城市不动产证明第0000002号")
THIRD_MORTGAGE = DocumentNumber("鲁(2022)聊城市不动产证明第0000003号")
OLD_CERTIFICATE = DocumentNumber("鲁(2018)聊城市不动产权第0007777号")
DAY: Day = NOON.date()
WHOLE = Share(numerator=1, denominator=1)
PERIOD = Period(
    name="registration",
    whose=Role.REGISTRY,
    days=30,
    count=Days.WORKING,
    clause="不动产登记暂行条例 20",
    source=Source.LAW,
)
REASON = Reason(reason=RefusalReason.MATERIALS, detail="page 3 of the contract is missing", clause="LC-R1")


class SlowSeries(Bench):
    """A registry whose series of certificate numbers answers only when the test says so."""

    waiting: list[Said]

    def _tell(self, said: Said) -> None:
        self.__dict__.setdefault("waiting", []).append(said)

    def answer(self) -> None:
        """The series answers everything that waits, and what that makes it ask."""
        while waiting := self.__dict__.pop("waiting", []):
            for said in waiting:
                super()._tell(said)


def registry() -> Bench:
    """A registry that has heard nothing."""
    return Bench(Role.REGISTRY, "liaocheng-registry", RULEBOOK)


def with_slow_series() -> SlowSeries:
    """A registry that has heard nothing, and whose series are slow."""
    return SlowSeries(Role.REGISTRY, "liaocheng-registry", RULEBOOK)


def with_folio(**changes: Any) -> Bench:
    """A registry with the seller's folio in its register."""
    bench = registry()
    bench.standing(folio(**changes))
    return bench


def mortgage(certificate: DocumentNumber = MORTGAGE, rank: int = 1, **changes: Any) -> ImportedMortgage:
    """A mortgage of the seller's bank."""
    fields = {"mortgagee": "liaocheng-icbc", "principal_fen": 80_000_000, "no_transfer_clause": False}
    return ImportedMortgage.model_validate(
        {"certificate": certificate, "rank": rank, "since": DAY, **fields, **changes}
    )


def foreign_mortgage(certificate: DocumentNumber = SECOND_MORTGAGE) -> MortgageTerms:
    """A mortgage of somebody who is no party, as a clerk enters it."""
    return MortgageTerms(
        certificate=certificate,
        mortgagee="王某",
        principal_fen=5_000_000,
        no_transfer_clause=False,
        since=DAY,
    )


def folio(**changes: Any) -> FolioImported:
    """The seller owns it whole; the seller's bank has the one mortgage."""
    fields: dict[str, Any] = {
        "by_clerk": "Li",
        "unit_number": UNIT,
        "owners": (Owner(person=SELLER, share=WHOLE),),
        "ownership_certificate": OLD_CERTIFICATE,
        "mortgages": (mortgage(),),
    }
    return FolioImported.model_validate({**fields, **changes})


def restriction(kind: RestrictionKind, number: str = "(2026)鲁15执保12号") -> Restriction:
    """A restriction of the court in Liaocheng."""
    return Restriction(kind=kind, number=number, authority="聊城市中级人民法院", since=DAY)


def restricted(kind: RestrictionKind, number: str = "(2026)鲁15执保12号") -> RestrictionEntered:
    """The command that enters it."""
    return RestrictionEntered(by_clerk="Li", restriction=restriction(kind, number))


def _example(kind: type[Any], /, **changes: Any) -> Any:
    return EXAMPLES[kind.type_name].model_copy(update=changes)


def opened(**changes: Any) -> CaseOpened:
    """The seller sells to buyer and spouse; no period is pinned unless a test pins one."""
    return _example(CaseOpened, **{"unit_number": UNIT, "periods": (), **changes})


def deposited(**changes: Any) -> DepositConfirmed:
    """The whole price is held."""
    return _example(DepositConfirmed, **changes)


def partly_deposited() -> DepositConfirmed:
    """The seller's top-up is held, but not the whole price."""
    return deposited(kind=MoneyKind.TOP_UP, price_complete=False)


def consented(**changes: Any) -> ConsentIssued:
    """The seller's bank agrees; it lifts no clause unless a test says so."""
    return _example(ConsentIssued, **{"lifts_no_transfer_clause": False, **changes})


def number(n: int, case: str = FIRST) -> DocumentNumber:
    """The number of the notary's n-th application in a case."""
    return DocumentNumber(f"(2026)聊城登申{case}字第{n:07d}号")


def applied(n: int = 1, case: str = FIRST, **changes: Any) -> TransferApplicationMade:
    """The notary applies by power of attorney."""
    application: Document = document("不动产登记申请书", number(n, case))
    return _example(TransferApplicationMade, **{"application": application, "round": n, **changes})


def applied_at_the_counter(**changes: Any) -> TransferAppliedFor:
    """The people apply themselves."""
    fields: dict[str, Any] = {
        "by_clerk": "Li",
        "sellers": (SELLER,),
        "buyers": (BUYER, SPOUSE),
        "contract_number": opened().contract_number,
        "materials": (Material.CONTRACT, Material.CONSENT, Material.IDENTITY),
    }
    return TransferAppliedFor.model_validate({**fields, **changes})


def decided(
    decision: Decision = Decision.APPROVE, application: DocumentNumber | None = None, **changes: Any
) -> RegistrationDecided:
    """Registrar Zhao decides an application, the notary's first unless another is named."""
    reasons = () if decision is Decision.APPROVE else (REASON,)
    fields: dict[str, Any] = {"by_clerk": "Zhao", "decision": decision, "reasons": reasons}
    return RegistrationDecided.model_validate({"application": application or number(1), **fields, **changes})


def released(certificate: DocumentNumber = MORTGAGE, unit: UnitNumber = UNIT) -> ReleaseApplied:
    """The bank's loan is settled, its mortgage may go."""
    return ReleaseApplied(unit_number=unit, mortgage_certificate=certificate, settled_on=DAY)


def closing() -> ClosingRequested:
    """The keeper asks that no entry be made any more."""
    return _example(ClosingRequested)


def completed() -> CaseCompleted:
    """The keeper says that the case is done."""
    return _example(CaseCompleted)


def cancelled() -> CaseCancelled:
    """The keeper says that the case is called off."""
    return _example(CaseCancelled)


def open_case(bench: Bench, case: str = FIRST, **changes: Any) -> Turn:
    """The case is opened by the notary."""
    return bench.hear(opened(**changes), NOTARY, case=case)


def ready(bench: Bench | None = None, case: str = FIRST, consent: ConsentIssued | None = None, **changes: Any) -> Bench:
    """A case of which everything is on file for the registrar to approve the notary's first application."""
    bench = bench or with_folio()
    open_case(bench, case, **changes)
    bench.hear(deposited(), NOTARY, case=case)
    bench.hear(consent or consented(), BANK, case=case)
    bench.hear(applied(case=case), NOTARY, case=case)
    return bench


def approve(bench: Bench, case: str = FIRST, n: int = 1) -> Turn:
    """The registrar approves the notary's n-th application."""
    return bench.own(decided(application=number(n, case)), case=case)


def register(bench: Bench) -> Register:
    """The folio's register as it stands."""
    subject = bench.subject()
    found = view(Register, subject, subject.file(STANDING))
    assert found is not None, "the folio is not in the register"
    return found


__all__ = ["BUYER", "CERTIFICATE", "CONSENT", "MORTGAGE", "SELLER", "SPOUSE", "STANDING"]
