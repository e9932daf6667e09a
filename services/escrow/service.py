"""The escrow's service."""

from contracts.event import Role
from services.escrow.desk import router
from services.escrow.rules import RULEBOOK
from services.runtime.service import Part

PART = Part(Role.ESCROW, RULEBOOK, router)
