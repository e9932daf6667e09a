"""The home that is sold in the stories, as register and seller's bank have it at first; and what people enter there."""

from datetime import timedelta

from contracts.events.registry import Owner
from contracts.values import DocumentNumber, UnitNumber
from services.registry.facts import (
    FolioImported,
    ImportedMortgage,
    MortgageEntered,
    MortgageTerms,
    Restriction,
    RestrictionEntered,
    RestrictionKind,
)
from services.seller_bank.facts import LoanImported
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON


def folio(**other: object) -> FolioImported:
    """The seller owns the home; the bank's mortgage stands on it."""
    mortgage = ImportedMortgage(
        certificate=lc.MORTGAGE,
        mortgagee=lc.BANK[1],
        principal_fen=90_000_000,
        no_transfer_clause=False,
        since=(NOON - timedelta(days=1500)).date(),
        rank=1,
    )
    fields: dict[str, object] = {
        "by_clerk": "Zhao",
        "unit_number": UnitNumber(FOLIO),
        "owners": (Owner(person=lc.SELLER, share=lc.WHOLE),),
        "ownership_certificate": DocumentNumber("鲁(2021)聊城市不动产权第0004711号"),
        "mortgages": (mortgage,),
    }
    return FolioImported.model_validate({**fields, **other})


def loan(**terms: object) -> LoanImported:
    """What the seller still owes."""
    fields: dict[str, object] = {
        "loan_number": "2021-0001",
        "principal_fen": 61_000_000,
        "annual_rate_ppm": 31_000,
        "day_count_basis": 360,
        "interest_paid_through": (NOON - timedelta(days=17)).date(),
        "cut_off": "24:00",
        "good_through_days": 5,
    }
    return LoanImported.model_validate(
        {
            "by_clerk": "Wang",
            "terms": {**fields, **terms},
            "unit_number": UnitNumber(FOLIO),
            "borrowers": (lc.SELLER,),
            "mortgage_certificate": lc.MORTGAGE,
            "settlement_account": lc.BANK_ACCOUNT,
        }
    )


ORDER = "(2026)鲁15执77号"
SECOND_MORTGAGE = DocumentNumber("鲁(2026)聊城市不动产证明第0088888号")
STRANGERS_BANK = "枣庄银行"


def restriction(kind: RestrictionKind) -> RestrictionEntered:
    """What a clerk of the registry enters against the seller's free disposal."""
    found = Restriction(kind=kind, number=ORDER, authority="聊城市中级人民法院", since=NOON.date())
    return RestrictionEntered(by_clerk="Zhao", restriction=found)


def second_mortgage() -> MortgageEntered:
    """A mortgage of a bank that has no part in the sale, behind that which stands."""
    terms = MortgageTerms(
        certificate=SECOND_MORTGAGE,
        mortgagee=STRANGERS_BANK,
        principal_fen=5_000_000,
        no_transfer_clause=False,
        since=NOON.date(),
    )
    return MortgageEntered(by_clerk="Zhao", mortgage=terms)
