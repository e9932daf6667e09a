"""A city as data: who takes part there, and what each needs to know of itself (`deploy/<city>.yaml`)."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from contracts.event import Role
from contracts.values import Fen

FOLDER = Path(__file__).parent
OBSERVER = "observer"


class Institution(BaseModel):
    """One institution: role, name on the wire, title and clerk's title for people, its service's settings, and what is
    on each of its accounts when they are opened at the sandbox of the rail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,40}$")
    title: str
    clerk: str
    opening_fen: Fen = 0
    settings: dict[str, Any]

    @property
    def key(self) -> str:
        """`role.name`: one institution may act in two roles, by two services."""
        return f"{self.role}.{self.name}"


class Observer(BaseModel):
    """Who reads the public feeds of all institutions of the city: name, and title of whoever reads at its desk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,40}$")
    clerk: str

    @property
    def key(self) -> str:
        """`observer.name`, beside the institutions' keys."""
        return f"{OBSERVER}.{self.name}"


class City(BaseModel):
    """A city, its institutions in the order of the file, and its observer, if it has one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    city: str
    institutions: tuple[Institution, ...] = Field(min_length=1)
    observer: Observer | None = None


def load_city(name: str) -> City:
    """Read `deploy/<name>.yaml`.

    FileNotFoundError when there is none, pydantic's ValidationError when it is wrong.
    """
    return City.model_validate(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
