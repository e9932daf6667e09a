"""Money that goes back to whoever paid it: by a rule of the institution, or by a clerk's order."""

from services.money.facts import ReturnOrdered
from services.runtime.core.facts import MoneyReceived, Pay, Purpose
from services.runtime.core.file import Filed, Refusal
from services.runtime.core.rule import All, Says


def send_it_back(order: ReturnOrdered, received: All[MoneyReceived]) -> Says:
    """X-1: a clerk has ordered the return of money that no article covers."""
    money = next(m for m in received if m.id == order.money)
    yield pay_back(money, money.fact.amount_fen)


# --- verbs that several sentences share -------------------------------------------------------------------------------


def pay_back(
    money: Filed[MoneyReceived], amount_fen: int, purpose: Purpose = Purpose.REFUND, reference: str = ""
) -> Pay:
    """The verb of every return: this much of a receipt, out of the account that it came to, to whoever paid it. The
    remittance text is the purpose where no `reference` is given."""
    return Pay(
        purpose=purpose,
        from_account=money.fact.account,
        to_account=money.fact.from_account,
        amount_fen=amount_fen,
        reference=reference or purpose.value,
        about=money.id,
        because="X-1",
    )


def nothing_to_return(order: ReturnOrdered) -> Refusal:
    """The verb of refusing a return."""
    return Refusal("nothing to return", f"{order.money} is no receipt that waits to be sent back", "X-1")
