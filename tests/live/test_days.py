"""Days pass on a real broker, a real database and six processes: advance notices lapse, and a service that reads its
inbox again sees the same times."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from rich.console import Console

from contracts.event import Role
from contracts.events.case import CaseCancelled, DeadlineMissed
from contracts.events.registry import AdvanceNoticeLapsed, AdvanceNoticeRegistered
from contracts.procedures import PROCEDURES
from deploy.all_ways_out import OBSERVED_WITHIN_S, PLAYED_WITHIN_S
from deploy.playing import Arguments, Demo
from deploy.report import Report
from deploy.sales import EXAMPLES
from deploy.stack import CHECKOUT, Stack
from deploy.ways_out import way_out
from deploy.ways_out.checks import checks
from deploy.ways_out.days import MONDAY
from services.desk_client import in_path
from services.runtime.core.periods import day_in_china
from services.runtime.store.mongo import database_name
from services.sale_file import load_sale

pytestmark = pytest.mark.live
LAPSED = way_out("notice-lapsed")


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A stack of its own, on which days pass and a database is dropped."""
    with Stack(CHECKOUT, ephemeral=True, starts=MONDAY) as running:
        yield running


async def test_X_3_notices_lapse_when_their_days_are_over_and_a_replay_sees_the_same_days(stack: Stack) -> None:
    file = load_sale(EXAMPLES[LAPSED.procedure], MONDAY)
    report = Report(Console(file=io.StringIO()), PROCEDURES[file.sale.procedure, file.sale.edition])
    case = Demo(stack, file, Arguments(LAPSED.procedure, EXAMPLES[LAPSED.procedure], planted_fen=0), report, LAPSED)
    case.played_within_s, case.observed_within_s = PLAYED_WITHIN_S, OBSERVED_WITHIN_S  # however slow the machine is
    async with case.connected():
        await case.play()
        found = checks(await case.collect(), LAPSED)
        assert [str(check) for check in found if not check.passed] == []
        days = {one.kind: day_in_china(one.at).isoformat() for one in case.witness.spoken if one.case == case.case}
        said_on = {kind: days[kind] for kind in (AdvanceNoticeRegistered, DeadlineMissed, AdvanceNoticeLapsed)}
        assert list(said_on.values()) == ["2026-03-02", "2026-03-10", "2026-06-02"]
        assert days[CaseCancelled] == "2026-06-02"

        before = await facts(case)
        database = database_name(Role.REGISTRY, case.file.institutions[Role.REGISTRY])
        stack.kill("registry")
        with MongoClient[dict[str, Any]](stack.addresses.mongodb) as client:
            client.drop_database(database)
        stack.restart("registry")
        assert await facts(case) == before


async def facts(case: Demo) -> list[tuple[Any, ...]]:
    """What the registry has on file of the case, and when it was said and taken."""
    page = await case.desks[Role.REGISTRY].get(f"/cases/{in_path(case.case)}")
    return [(fact["id"], fact["type"], fact["time"], fact["at"]) for fact in page["facts"]]
