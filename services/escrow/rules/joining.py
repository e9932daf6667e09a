"""Who asks to join a case is answered, whatever case it is: the request belongs to the folio."""

from contracts.envelope import parse_source
from contracts.events.lender import JoinRequested
from services.escrow.joining import OF_A_CASE, answer_to, has_a_place
from services.runtime.core.facts import Alarm
from services.runtime.core.file import Filed
from services.runtime.core.rule import Across, For, Rule, Says


def answer_who_asks_to_join(request: Filed[JoinRequested], known: Across[OF_A_CASE]) -> Says:
    """LC-L2 买方持购房协议及首付款到账证明，联系银行申请贷款；
    LC-R4: the notary, who issued the proof, tells the bank whether it is real."""
    answer = answer_to(request, known)
    if answer is not None and has_a_place(request, known):
        yield For(request.case, answer)


def report_who_asks_to_join_where_nobody_lends(request: Filed[JoinRequested], known: Across[OF_A_CASE]) -> Says:
    """LC-L2: a sale paid in full has no word for a lender; somebody must tell it what it was shown."""
    if not has_a_place(request, known):
        yield Alarm(
            what=f"{parse_source(request.speaker)[1]} asks for a lender's part in case {request.case}, which has none",
            why="its price is paid in full; ask the bank what it was shown, and tell it that nothing is lent here",
            clause="LC-L2",
        )


RULES = (
    Rule(answer_who_asks_to_join, per=JoinRequested),
    Rule(report_who_asks_to_join_where_nobody_lends, per=JoinRequested),
)
