"""What notaries do at the escrow's desk."""

from collections.abc import Mapping
from typing import Any

from services.escrow.facts import (
    ApplicationMended,
    RejectionAnswered,
    ReturnOrdered,
    SaleBrought,
    Signed,
    WithdrawalAgreed,
)
from services.runtime.desk.actions import Action, in_case, of_unmatched_money, opens_case
from services.runtime.desk.commands import Desk
from services.runtime.institution import Institution

SELLER = {"name": "王建国", "id_number": "371502197904180005"}
BUYER = {"name": "李明轩", "id_number": "371502199109030007"}
WHOLE = {"numerator": 1, "denominator": 1}
RECEIPT = "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11"


def _from_settings(institution: Institution) -> Mapping[str, Any]:
    """What the house itself knows of a sale: where buyers pay in, and the periods that its city names."""
    settings = institution.settings
    known: dict[str, Any] = {"periods": [period.model_dump(mode="json") for period in settings.periods]}
    if settings.deposit_account is not None:
        known["deposit_account"] = {"account": settings.deposit_account, "owner": settings.title}
    return known


router = Desk(
    Action(
        command=SaleBrought,
        path="/cases",
        summary="Buyer and seller bring their sale contract",
        clause="LC-F1, LC-L1",
        example={
            "procedure": "LC-FULL",
            "edition": "2023-03-20",
            "unit_number": "371502001001GB00012F00030045",
            "institutions": {
                "escrow": "liaocheng-notary",
                "registry": "liaocheng-registry",
                "seller_bank": "liaocheng-icbc",
            },
            "contract_number": "LC-HT-000123",
            "contract_date": "2026-03-20",
            "sellers": [{"person": SELLER, "share": WHOLE, "account": "6222021602000000017"}],
            "buyers": [{"person": BUYER, "share": WHOLE, "account": "6222021602000000025"}],
            "price_fen": 128_000_000,
        },
        where=opens_case,
        fill=_from_settings,
        filled=("deposit_account", "periods"),
    ),
    Action(
        command=Signed,
        path="/cases/{case}/signatures",
        summary="A buyer or a seller signs a paper before the notary",
        clause="LC-F1",
        example={"person": BUYER["id_number"], "paper": "deposit agreement"},
        where=in_case,
        answers="sign",
    ),
    Action(
        command=WithdrawalAgreed,
        path="/cases/{case}/withdrawal",
        summary="Buyers and sellers call the sale off together",
        clause="X-3",
        example={
            "signed_by": [SELLER["id_number"], BUYER["id_number"]],
            "because": "The buyer moves elsewhere.",
        },
        where=in_case,
    ),
    Action(
        command=ApplicationMended,
        path="/cases/{case}/application/mended",
        summary="What the registry returned an application for has been put right",
        clause="X-3",
        example={"application": "(2026)聊城转移申请第0000001号", "mended": "The second page is signed now."},
        where=in_case,
        answers="mend-application",
    ),
    Action(
        command=RejectionAnswered,
        path="/cases/{case}/rejection",
        summary="The buyer turns to another bank after a lender's no, or the sale is off",
        clause="LC-L3",
        example={"another_bank": True, "because": "The buyer asks another bank."},
        where=in_case,
        answers="answer-rejection",
    ),
    Action(
        command=ReturnOrdered,
        path="/cases/{case}/money/return",
        summary="Send money of a case that no article covers back to its payer",
        clause="X-1",
        example={"money": RECEIPT},
        where=in_case,
        answers="return-money",
    ),
    Action(
        command=ReturnOrdered,
        path="/unmatched/{account}/money/return",
        summary="Send money that names no case back to its payer",
        clause="X-1",
        example={"money": RECEIPT},
        where=of_unmatched_money,
        answers="return-money",
    ),
)
