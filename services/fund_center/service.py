"""The fund centre's service."""

from contracts.event import Role
from services.fund_center.desk import router
from services.fund_center.rules import RULEBOOK
from services.runtime.service import Part

PART = Part(Role.FUND_CENTER, RULEBOOK, router)
