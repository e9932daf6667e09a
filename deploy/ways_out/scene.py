"""The stage on which a case is played, as whoever interferes sees it."""

from collections.abc import Callable
from datetime import date
from typing import Protocol

from contracts.event import Event, Role
from contracts.events.registry import Stage
from deploy.clerks import People, Rail
from deploy.stack import Stack
from deploy.witness import Spoken, Witness
from services.desk_client import Desk
from services.sale_file import SaleFile


class Scene(Protocol):
    """A case on a running stack: `desks` by role, as people know them now; `at` by name, of everybody who may come to
    have a part; `case` is empty until it is opened; `notes` is what whoever interferes wants to remember."""

    @property
    def stack(self) -> Stack: ...
    @property
    def file(self) -> SaleFile: ...
    @property
    def case(self) -> str: ...
    @property
    def desks(self) -> dict[Role, Desk]: ...
    @property
    def at(self) -> dict[str, Desk]: ...
    @property
    def rail(self) -> Rail: ...
    @property
    def witness(self) -> Witness: ...
    @property
    def people(self) -> People: ...
    @property
    def notes(self) -> dict[str, str]: ...
    @property
    def acted(self) -> Callable[[Role, str, str], None]: ...
    async def until_day(self, day: date) -> None:
        """Days pass until this one, on a stack on which they can; others who are played on it wait for it too."""
        ...


def words(scene: Scene, kind: type[Event], by: Role | None = None, stage: Stage | None = None) -> list[Spoken]:
    """What was said of this kind in the case so far, perhaps only by this role, perhaps only for this stage."""
    return [
        one
        for one in scene.witness.spoken
        if one.case == scene.case
        and one.kind is kind
        and by in (None, one.by)
        and stage in (None, one.values.get("stage"))
    ]
