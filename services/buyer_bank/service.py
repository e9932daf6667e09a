"""The buyer's bank's service."""

from contracts.event import Role
from services.buyer_bank.desk import router
from services.buyer_bank.rules import RULEBOOK
from services.runtime.service import Part

PART = Part(Role.BUYER_BANK, RULEBOOK, router)
