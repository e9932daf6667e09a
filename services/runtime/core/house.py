"""The institution itself, as the pure core needs to know it."""

from collections.abc import Callable
from dataclasses import dataclass

from contracts.envelope import source
from contracts.event import Role
from services.runtime.core.rule import Rulebook


@dataclass(frozen=True, slots=True)
class House:
    """The institution itself, as the fold needs to know it. `title` is its short name on documents; `code` turns a
    document's number into its verification code, under the institution's key."""

    role: Role
    institution: str
    title: str
    code: Callable[[str], str]
    rulebook: Rulebook

    @property
    def source(self) -> str:
        """This institution as CloudEvents' source."""
        return source(self.role, self.institution)
