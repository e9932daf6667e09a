"""The pool of the fund: what was paid into it, what is lent out of it. A subject of its own; every case tells it what
the rail has reported of its loan."""

from services.fund_center.facts import POOL, LentInCase, PoolStated
from services.fund_center.views import FullPool, LentNow, Pool
from services.runtime.core.facts import Alarm
from services.runtime.core.file import STANDING, Filed, Phase, Refusal
from services.runtime.core.periods import day_in_china
from services.runtime.core.rule import Guard, Rule, Says, Tell


def tell_the_pool_what_is_lent(lent: LentNow) -> Says:
    """LC-R3 预告登记后即放款, and LC-R2: what goes out of the pool, and what comes back, is known to it at once."""
    yield Tell(POOL, STANDING, LentInCase(case=lent.case, out_fen=lent.out_fen, on=lent.on, step=lent.step))


def report_a_pool_that_is_lent_out(full: FullPool) -> Says:
    """LC-R2: above the limit nothing is approved, and a person must see it."""
    pool = full.pool
    what = f"the pool has lent {pool.ratio_ppm} ppm of its deposits, more than {pool.stated.limit_ppm}"
    yield Alarm(what=what, why="no loan is approved until a statement shows less", clause="LC-R2")


def state_a_day_that_is_over(stated: Filed[PoolStated], pool: Pool | None) -> Refusal | None:
    """LC-R2: a statement is of the end of a day, and never older than the last."""
    if stated.fact.as_of >= day_in_china(stated.at):
        return Refusal("not over yet", f"{stated.fact.as_of} is not over", "LC-R2", 422)
    if pool is not None and stated.fact.as_of < pool.stated.as_of:
        return Refusal("older", f"the pool is stated as of {pool.stated.as_of}", "LC-R2")
    return None


CASE_RULES = (Rule(tell_the_pool_what_is_lent, per=LentNow, during=tuple(Phase)),)

POOL_RULES = (Rule(report_a_pool_that_is_lent_out, per=FullPool),)

POOL_GUARDS = (Guard(state_a_day_that_is_over),)
