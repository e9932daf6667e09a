"""The seller's bank's service."""

from contracts.event import Role
from services.runtime.service import Part
from services.seller_bank.desk import router
from services.seller_bank.rules import RULEBOOK

PART = Part(Role.SELLER_BANK, RULEBOOK, router)
