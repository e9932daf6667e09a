"""What an application must bring with it, by procedure, stage and applicant (LC-R1), in the document's words.

LC-R1 各不动产登记中心应就二手房“带押过户”不同情形，规范登记流程及所需材料。At the counter the materials are handed in;
of an electronic application they are read off its fields, which name the documents by their numbers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from contracts.event import Role
from contracts.events.escrow import DepositConfirmed, MoneyKind
from contracts.events.lender import MortgageApplicationMade
from contracts.events.registry import Stage
from contracts.values import DocumentNumber
from services.registry.applications import Application, JointApplication, Lender
from services.registry.facts import Material


class Applicant(StrEnum):
    """Who makes a part of an application."""

    BUYER_AND_SELLER = "buyer and seller"
    LENDER = "lender"


@dataclass(frozen=True, slots=True)
class Needed:
    """A material, with its clause. `where` narrows it to sales in which a lender of this role lends."""

    material: Material
    clause: str
    where: Role | None = None


Table = Mapping[tuple[Stage, Applicant], tuple[Needed, ...]]

_LENDERS_CONTRACTS = (
    Needed(Material.CONTRACT, "LC-L4"),
    Needed(Material.LOAN_CONTRACT, "LC-L4"),
    Needed(Material.MORTGAGE_CONTRACT, "LC-L4"),
    Needed(Material.CONSENT, "LC-L4"),
)

MATERIALS: Mapping[str, Table] = {
    "LC-FULL": {
        (Stage.REGISTRATION, Applicant.BUYER_AND_SELLER): (
            Needed(Material.CONTRACT, "LC-F3"),
            Needed(Material.CONSENT, "LC-F3"),
        ),
    },
    "LC-LOAN": {
        (Stage.NOTICE, Applicant.BUYER_AND_SELLER): (
            Needed(Material.CONTRACT, "LC-L4"),
            Needed(Material.CONSENT, "LC-L4"),
            Needed(Material.DOWN_PAYMENT_CERTIFICATE, "LC-L1, X-2"),
        ),
        (Stage.NOTICE, Applicant.LENDER): _LENDERS_CONTRACTS,
        (Stage.REGISTRATION, Applicant.BUYER_AND_SELLER): (
            Needed(Material.CONTRACT, "LC-L5"),
            Needed(Material.CONSENT, "LC-L5"),
            Needed(Material.DOWN_PAYMENT_CERTIFICATE, "LC-L1, X-2"),
            # LC-R3: the application need not wait for a provident-fund loan, so for its certificate neither.
            Needed(Material.LOAN_CERTIFICATE, "LC-L5", where=Role.BUYER_BANK),
            Needed(Material.TRANSFER_NOTICE, "LC-L5"),
        ),
        (Stage.REGISTRATION, Applicant.LENDER): (
            *_LENDERS_CONTRACTS,
            Needed(Material.MORTGAGE_NOTICE, "LC-L5"),
        ),
    },
}
"""By procedure: which stages it has, and what each applicant brings to them."""

CERTIFICATES: Mapping[MoneyKind, Material] = {
    MoneyKind.PRICE: Material.DEPOSIT_CERTIFICATE,
    MoneyKind.DOWN_PAYMENT: Material.DOWN_PAYMENT_CERTIFICATE,
    MoneyKind.LOAN: Material.LOAN_CERTIFICATE,
}
"""The deposit certificates (到账提存公证书) among the materials, by the money that they are for."""

Deposits = Mapping[DocumentNumber, DepositConfirmed]
"""The deposits on file by the number of their certificate."""


def has_stage(procedure: str, stage: Stage) -> bool:
    """Whether this procedure has applications of this stage."""
    return (stage, Applicant.BUYER_AND_SELLER) in MATERIALS.get(procedure, {})


def missing_at_the_counter(
    procedure: str, stage: Stage, brought: tuple[Material, ...], lenders: tuple[Lender, ...]
) -> tuple[Needed, ...]:
    """What the people have not handed in, all of it, in the order of the table."""
    needed = _needed(procedure, stage, Applicant.BUYER_AND_SELLER, lenders)
    return tuple(one for one in needed if one.material not in brought)


def missing(procedure: str, joint: JointApplication, deposits: Deposits) -> tuple[tuple[DocumentNumber, Needed], ...]:
    """What is not with a joint application: the number of each part, and what is missing of it."""
    return tuple(_missing(procedure, joint, deposits))


def _missing(procedure: str, joint: JointApplication, deposits: Deposits) -> Iterator[tuple[DocumentNumber, Needed]]:
    leading, lenders = joint.leading, tuple(lender for lender, _ in joint.parts)
    brought = frozenset(_brought(leading, lenders, deposits))
    for needed in _needed(procedure, leading.stage, Applicant.BUYER_AND_SELLER, lenders):
        if needed.material not in brought:
            yield leading.number, needed
    for _, part in joint.parts:
        of_the_part = frozenset(_brought_by_a_lender(part))
        for needed in _needed(procedure, leading.stage, Applicant.LENDER, lenders):
            if needed.material not in of_the_part:
                yield part.application.number, needed


def _needed(procedure: str, stage: Stage, applicant: Applicant, lenders: tuple[Lender, ...]) -> tuple[Needed, ...]:
    roles = [lender.role for lender in lenders]
    of_the_table = MATERIALS.get(procedure, {}).get((stage, applicant), ())
    return tuple(needed for needed in of_the_table if needed.where is None or needed.where in roles)


def _brought(leading: Application, lenders: tuple[Lender, ...], deposits: Deposits) -> Iterator[Material]:
    """What came with the application of buyer and seller. Of the loans' certificates only a bank's is asked for."""
    if leading.materials is not None:
        yield from leading.materials
        return
    if leading.contract_number:
        yield Material.CONTRACT
    if leading.consent is not None:
        yield Material.CONSENT
    if leading.notice is not None:
        yield Material.TRANSFER_NOTICE
    banks = [lender.institution for lender in lenders if lender.role is Role.BUYER_BANK]
    for deposit in (deposits[number] for number in leading.deposit_certificates if number in deposits):
        if deposit.kind in CERTIFICATES and (deposit.kind is not MoneyKind.LOAN or deposit.lender in banks):
            yield CERTIFICATES[deposit.kind]


def _brought_by_a_lender(part: MortgageApplicationMade) -> Iterator[Material]:
    """What a lender's part names; loan contract, mortgage contract and consent cannot be left out of it."""
    yield from (Material.LOAN_CONTRACT, Material.MORTGAGE_CONTRACT, Material.CONSENT)
    if part.contract_number:
        yield Material.CONTRACT
    if part.notice is not None:
        yield Material.MORTGAGE_NOTICE
