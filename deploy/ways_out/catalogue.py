"""The catalogue: each way out by name. What each is, the modules of their subjects say."""

from deploy.ways_out import days, decided, interfering, money, outages
from deploy.ways_out.way import WayOut

FAMILIES = (*decided.FAMILIES, *interfering.FAMILIES, *money.FAMILIES, *days.FAMILIES, *outages.FAMILIES)
"""Every family of ways, in the order of a case."""

WAYS_OUT: dict[str, WayOut] = {way.name: way for family in FAMILIES for way in family()}
