"""Bringing a sale to the desks: the register and the loan that exist already, the case itself, then the buyers'
applications for loans.

`occasion` makes the idempotency keys: the same sale on the same occasion is brought once, however often it is tried.
"""

from collections.abc import Mapping
from typing import Any

from contracts.document import Document
from contracts.event import Role
from contracts.events.escrow import DepositConfirmed, MoneyKind
from contracts.values import canonical_json, digest
from services.desk_client import Desk, in_path, key_for
from services.sale_file import LoanSought, SaleFile


async def prepare(desks: Mapping[Role, Desk], file: SaleFile, occasion: str) -> None:
    """Import the folio at the registry and the loan at the seller's bank, state the provident fund's figures at the
    fund centre, if the file has them; what is there already stays as it is.

    Raises DeskRefused (also where something else is on file there), DeskUnreachable.
    """
    unit = file.sale.unit_number
    folio = file.register_.model_dump(mode="json")
    await desks[Role.REGISTRY].post(f"/folios/{unit}/import", folio, _key(file, occasion, "folio", folio))
    loan = file.loan.model_dump(mode="json")
    await desks[Role.SELLER_BANK].post(f"/folios/{unit}/loans", loan, _key(file, occasion, "loan", loan))
    if file.pool:
        await desks[Role.FUND_CENTER].post("/pool", file.pool, _key(file, occasion, "pool", file.pool))


async def open_case(escrow: Desk, file: SaleFile, occasion: str) -> str:
    """Bring the sale to the escrow; gives the case's number. Raises DeskRefused, DeskUnreachable."""
    sale = file.sale.model_dump(mode="json", exclude_defaults=True)
    outcome = await escrow.post("/cases", sale, _key(file, occasion, "sale", sale))
    return str(outcome["case"])


async def down_payment_proof(escrow: Desk, case: str) -> Document | None:
    """The deposit certificate of the down payment (首付款到账提存公证书), which the buyers get from the notary; None as
    long as there is none. Raises DeskRefused, DeskUnreachable."""
    page = await escrow.get(f"/cases/{in_path(case)}")
    for fact in page["facts"]:
        if fact["type"] == DepositConfirmed.type_name and fact["data"]["kind"] == MoneyKind.DOWN_PAYMENT:
            return Document.model_validate(fact["data"]["certificate"])
    return None


async def apply_for_loan(lender: Desk, file: SaleFile, loan: LoanSought, case: str, proof: Document) -> None:
    """Hand in the buyers' application at the lender's desk, with contract and proof of the down payment (LC-L2).

    Raises DeskRefused, DeskUnreachable.
    """
    application = {
        "procedure": file.sale.procedure,
        "edition": file.sale.edition,
        "unit_number": str(file.sale.unit_number),
        "keeper": file.sale.institutions[Role.ESCROW],
        "contract_number": file.sale.contract_number,
        "applicants": [person.model_dump(mode="json") for person in loan.applicants],
        "amount_fen": loan.amount_fen,
        "months": loan.months,
        "deposit_certificate": str(proof.number),
        "code": str(proof.code),
    }
    key = key_for(case, "apply for loan", lender.name, digest(canonical_json(application)))
    await lender.post(f"/cases/{in_path(case)}/loan-application", application, key)


def _key(file: SaleFile, occasion: str, what: str, body: dict[str, Any]) -> str:
    return key_for(occasion, what, str(file.sale.unit_number), digest(canonical_json(body)))
