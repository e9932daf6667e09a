"""When everything that an application rests on is there, and what became of those that were made."""

from dataclasses import dataclass
from typing import Self

from contracts.event import Role
from contracts.events.escrow import DepositConfirmed, MoneyKind, TransferApplicationMade
from contracts.events.registry import (
    AdvanceNoticeLapsed,
    AdvanceNoticeRegistered,
    FolioReserved,
    RegistrationReturned,
    Stage,
    TransferRegistered,
)
from contracts.events.seller_bank import ConsentIssued
from contracts.values import DocumentNumber
from services.escrow.deposits import TopUp
from services.escrow.facts import ApplicationMended
from services.escrow.lenders import Financed
from services.runtime.core.file import Filed
from services.runtime.core.rule import All, View


@dataclass(frozen=True, slots=True)
class Applications(View):
    """This notary's own applications: `to_mend` are those that the registry gave back, and nobody has mended."""

    to_mend: tuple[RegistrationReturned, ...]
    mended: tuple[TransferApplicationMade, ...]

    @classmethod
    def of(
        cls,
        made: All[TransferApplicationMade],
        returned: All[RegistrationReturned],
        mended: All[ApplicationMended],
    ) -> Self:
        ours = {m.fact.application.number: m.fact for m in made}
        done = [m.fact.application for m in mended]
        back = (r.fact for r in returned if r.fact.application in ours)
        return cls(
            tuple(b for b in back if b.application not in done),
            tuple(ours[number] for number in done if number in ours),
        )

    def round(self, stage: Stage) -> int:
        """Which application for this the next one is, from 1."""
        return 1 + sum(application.stage is stage for application in self.mended)


@dataclass(frozen=True, slots=True)
class Ready(View):
    """Everything that an application rests on is there; `round` counts how often it was mended."""

    stage: Stage
    round: int
    consent: DocumentNumber
    certificates: tuple[DocumentNumber, ...]
    notice: DocumentNumber | None = None

    @property
    def mark(self) -> str:
        return str(self.round)


@dataclass(frozen=True, slots=True)
class ReadyToApply(Ready):
    """For the transfer, where the price is paid in full."""

    @classmethod
    def of(
        cls,
        _: FolioReserved,
        consent: ConsentIssued,
        confirmed: All[DepositConfirmed],
        top_up: TopUp | None,
        applications: Applications,
    ) -> Self | None:
        if not _are_certified(confirmed, MoneyKind.PRICE, top_up):
            return None
        stage = Stage.REGISTRATION
        return cls(stage, applications.round(stage), consent.opinion.number, _numbers(confirmed))


@dataclass(frozen=True, slots=True)
class ReadyForTheNotice(Ready):
    """For the advance notice of the transfer: the loans are approved, and are just what is needed."""

    @classmethod
    def of(
        cls,
        _: FolioReserved,
        consent: ConsentIssued,
        __: Financed,
        confirmed: All[DepositConfirmed],
        top_up: TopUp | None,
        applications: Applications,
        notice: AdvanceNoticeRegistered | None,
    ) -> Self | None:
        if notice is not None or not _are_certified(confirmed, MoneyKind.DOWN_PAYMENT, top_up):
            return None
        return cls(Stage.NOTICE, applications.round(Stage.NOTICE), consent.opinion.number, _numbers(confirmed))


@dataclass(frozen=True, slots=True)
class ReadyForTheRegistration(Ready):
    """For the registration, once each bank that has a notice has paid. A fund loan is not waited for (LC-R3)."""

    @classmethod
    def of(
        cls,
        notice: AdvanceNoticeRegistered,
        consent: ConsentIssued,
        confirmed: All[DepositConfirmed],
        top_up: TopUp | None,
        applications: Applications,
        lapsed: AdvanceNoticeLapsed | None,
        registered: TransferRegistered | None,
    ) -> Self | None:
        paid = {c.fact.lender for c in confirmed if c.fact.kind is MoneyKind.LOAN}
        banks = {m.lender for m in notice.mortgages if m.role is Role.BUYER_BANK}
        if lapsed is not None or registered is not None or not banks <= paid:
            return None
        if not _are_certified(confirmed, MoneyKind.DOWN_PAYMENT, top_up):
            return None
        stage = Stage.REGISTRATION
        own = (consent.opinion.number, _numbers(confirmed), notice.transfer.number)
        return cls(stage, applications.round(stage), *own)


def _are_certified(confirmed: tuple[Filed[DepositConfirmed], ...], own: MoneyKind, top_up: TopUp | None) -> bool:
    """Whether the buyers' own part is certified, and the seller's where one is needed."""
    kinds = {c.fact.kind for c in confirmed}
    return own in kinds and (top_up is None or MoneyKind.TOP_UP in kinds)


def _numbers(confirmed: tuple[Filed[DepositConfirmed], ...]) -> tuple[DocumentNumber, ...]:
    return tuple(c.fact.certificate.number for c in confirmed)
