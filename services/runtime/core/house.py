"""The institution itself, as the pure core needs to know it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from contracts.envelope import Record, source
from contracts.event import Role
from services.runtime.core.file import Letter
from services.runtime.core.rule import Rulebook


@dataclass(frozen=True)
class House:
    """The institution itself, as the fold needs to know it. `title` is its short name on documents; `code` turns a
    document's number into its verification code, under the institution's key. `read` makes a letter of a record of the
    inbox (its partition and offset, and when it counts as taken), or says where in it and why it is none."""

    role: Role
    institution: str
    title: str
    code: Callable[[str], str]
    rulebook: Rulebook
    read: Callable[[Record, tuple[int, int], datetime], Letter | str]

    @cached_property
    def source(self) -> str:
        """This institution as CloudEvents' source."""
        return source(self.role, self.institution)
