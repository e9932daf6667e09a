"""A service's settings: `DAIYA_*` in the environment. The table in docs/operations.md lists them."""

import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.event import Role
from contracts.period import Period
from contracts.values import AccountNumber, InstitutionName, document_number
from services.runtime.sandbox_clock import SandboxClock


class HouseSettings(BaseModel):
    """What an institution knows of itself, from the file that DAIYA_SETTINGS_FILE names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(description="short name on documents and their numbers")
    accounts: tuple[AccountNumber, ...] = Field((), description="accounts with the rail whose statements are read")
    deposit_account: AccountNumber | None = Field(None, description="escrow: where buyers pay in")
    loan_account: AccountNumber | None = Field(None, description="lender: where loans are paid from, and come back to")
    lending_policy: dict[str, Any] | None = Field(
        None, description="fund centre: the figures of its quota, ability and pool ratio, as its desk names them"
    )
    periods: tuple[Period, ...] = Field((), description="opener: the periods that a case pins when it opens")

    @field_validator("title")
    @classmethod
    def _stands_in_a_number(cls, title: str) -> str:
        document_number("", 2026, title + "字", 1)  # raises where such a number would not be one
        return title


class Settings(BaseSettings):
    """Where this service finds what it needs."""

    model_config = SettingsConfigDict(env_prefix="DAIYA_", frozen=True)

    kafka: str = Field("127.0.0.1:9092", description="bootstrap servers, separated by commas")
    mongodb: str = Field("mongodb://127.0.0.1:27017/?replicaSet=rs0", description="connection string")
    mongodb_driver: Literal["motor", "pymongo"] = Field("motor", description="which driver the store uses")
    rail: str = Field("http://127.0.0.1:8600", description="address of the payment rail")
    host: str = Field("127.0.0.1", description="where the desk listens")
    port: int = Field(8000, description="the desk's port; 0: any free one")
    key_file: Path = Field(Path("build/run/keys/key"), description="the institution's key: 64 hex digits")
    tokens_file: Path = Field(Path("build/run/keys/tokens.json"), description="JSON: bearer token → clerk's name")
    settings_file: Path | None = Field(None, description="JSON: what the institution knows of itself")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="from which level on it logs")
    observes: tuple[tuple[Role, InstitutionName], ...] = Field(
        (), description="observer: JSON list of [role, institution] whose public feeds it is entitled to"
    )
    drain_every_s: float = Field(1.0, description="seconds between looks at what could not be sent")
    ask_again_every_s: float = Field(5.0, description="seconds between requests for what is missing in a line")
    timers_every_s: float = Field(1.0, description="seconds between looks at running periods")
    sandbox_clock: Annotated[SandboxClock, PlainValidator(SandboxClock)] | None = Field(
        None, description="demos and tests: the file that says how far ahead the clock is; never where money is real"
    )

    @property
    def kafka_addresses(self) -> list[str]:
        """The bootstrap servers as a list: FastStream does not split them."""
        return [address.strip() for address in self.kafka.split(",") if address.strip()]

    @cached_property
    def house(self) -> HouseSettings:
        """The institution's own settings. Raises pydantic.ValidationError, OSError or ValueError naming the file."""
        if self.settings_file is None:
            return HouseSettings.model_validate({"title": "Daiya"})
        return HouseSettings.model_validate_json(self.settings_file.read_bytes())

    @cached_property
    def tokens(self) -> dict[str, str]:
        """Bearer token → clerk's name."""
        found: Any = json.loads(self.tokens_file.read_bytes())
        return {str(token): str(clerk) for token, clerk in found.items()}
