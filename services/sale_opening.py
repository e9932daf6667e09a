"""Bringing a sale to the desks: the register and the loan that exist already, then the case itself.

`occasion` makes the idempotency keys: the same sale on the same occasion is brought once, however often it is tried.
"""

from collections.abc import Mapping
from typing import Any

from contracts.event import Role
from contracts.values import canonical_json, digest
from services.desk_client import Desk, key_for
from services.sale_file import SaleFile


async def prepare(desks: Mapping[Role, Desk], file: SaleFile, occasion: str) -> None:
    """Import the folio at the registry and the loan at the seller's bank; what is there already stays as it is.

    Raises DeskRefused (also where something else is on file there), DeskUnreachable.
    """
    unit = file.sale.unit_number
    folio = file.register_.model_dump(mode="json")
    await desks[Role.REGISTRY].post(f"/folios/{unit}/import", folio, _key(file, occasion, "folio", folio))
    loan = file.loan.model_dump(mode="json")
    await desks[Role.SELLER_BANK].post(f"/folios/{unit}/loans", loan, _key(file, occasion, "loan", loan))


async def open_case(escrow: Desk, file: SaleFile, occasion: str) -> str:
    """Bring the sale to the escrow; gives the case's number. Raises DeskRefused, DeskUnreachable."""
    sale = file.sale.model_dump(mode="json", exclude_defaults=True)
    outcome = await escrow.post("/cases", sale, _key(file, occasion, "sale", sale))
    return str(outcome["case"])


def _key(file: SaleFile, occasion: str, what: str, body: dict[str, Any]) -> str:
    return key_for(occasion, what, str(file.sale.unit_number), digest(canonical_json(body)))
