"""X-3: a way out of each family, on a real broker, a real database and separate processes, ends as it must."""

import asyncio

import pytest
from rich.console import Console

from contracts.procedures import PROCEDURES
from deploy import all_ways_out
from deploy.report import Report
from deploy.stack import CHECKOUT, Stack
from deploy.ways_out import WAYS_OUT, way_out
from deploy.ways_out.catalogue import FAMILIES

pytestmark = pytest.mark.live

PLAYED = (
    "consent-refused",
    "loan-rejected-another-bank",
    "folio-second-case",
    "transfer-refused-for-good",
    "freeze-once-disbursed",
    "withdrawal-once-applied",
    "closing-while-a-loan-is-on-the-rail",
    "deposit-from-a-stranger",
    "payoff-one-fen-short",
    "money-after-the-end",
    "rail-returned",
    "away-buyer-bank",
)


def test_X_3_each_family_that_needs_no_days_is_played() -> None:
    """Those that do are played in tests/live/test_days.py."""
    names = [{way.name for way in family() if way.starts is None} for family in FAMILIES]
    assert all(of_it & set(PLAYED) for of_it in names if of_it)
    assert set(PLAYED) <= WAYS_OUT.keys()


def test_X_3_a_way_out_of_each_family_ends_with_money_and_register_as_they_must_be() -> None:
    ways = [way_out(name) for name in PLAYED]
    also = [one for way in ways for one in way.also]
    with Stack(CHECKOUT, ephemeral=True, also=also) as stack:
        report = Report(Console(), next(iter(PROCEDURES.values())))
        played = asyncio.run(all_ways_out.play(stack, ways, report))
    wrong = {
        one.way.name: [*(f"{check.name}: {check.detail}" for check in one.checks if not check.passed), *one.trouble]
        for one in played
        if not one.as_it_must
    }
    assert wrong == {}
    assert {one.way.name for one in played} == set(PLAYED)
