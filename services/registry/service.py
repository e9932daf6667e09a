"""The registry's service."""

from contracts.event import Role
from services.registry.desk import router
from services.registry.rules import RULEBOOK
from services.runtime.service import Part

PART = Part(Role.REGISTRY, RULEBOOK, router)
