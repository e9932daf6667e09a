"""A city as data: who takes part there, and what each needs to know of itself (`deploy/<city>.yaml`)."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from contracts.event import Role

FOLDER = Path(__file__).parent


class Institution(BaseModel):
    """One institution: role, name on the wire, title and clerk's title for people, its service's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,40}$")
    title: str
    clerk: str
    settings: dict[str, Any]

    @property
    def key(self) -> str:
        """`role.name`: one institution may act in two roles, by two services."""
        return f"{self.role}.{self.name}"


class City(BaseModel):
    """A city and its institutions, in the order of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    city: str
    institutions: tuple[Institution, ...] = Field(min_length=1)


def load_city(name: str) -> City:
    """Read `deploy/<name>.yaml`.

    FileNotFoundError when there is none, pydantic's ValidationError when it is wrong.
    """
    return City.model_validate(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
