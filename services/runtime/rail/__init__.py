"""The payment rail as a service sees it: orders asked once per key, and a statement that alone tells their
end.

An order is answered in one of three words: `Accepted` (the rail has it; whether the money arrived or came
back is a statement line), `Refused` (the rail will never do it under this key) or `Unknown` (nobody here
knows; ask with
`find`, never send the order under another key).
"""

from typing import Annotated, Literal, Protocol, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

LONGEST_WAIT_S = 10.0
"""The longest that one reading of a statement waits for a line, in seconds."""

MOST_LINES = 500
"""The most lines that one reading of a statement gives."""

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:~-]{0,199}$")]
"""An idempotency key: safe in a header and in an address as it stands."""

AccountName = Annotated[str, Field(pattern=r"^\w[\w.:-]{0,63}$")]
"""An account at the rail."""

AmountFen = Annotated[int, Field(strict=True, gt=0, le=10**15)]
"""Money that moves, in fen: never nought, never less, at most what the rail takes in one order."""


class _Said(BaseModel):
    """What the rail says is read openly: a later rail may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Transfer(BaseModel):
    """An order to the rail. The key stands for this order and no other, for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Key
    from_account: AccountName
    to_account: AccountName
    amount_fen: AmountFen
    reference: Annotated[str, Field(max_length=140)]


class Accepted(_Said):
    """The rail took the order and the money; said too of what has arrived or come back since."""

    key: Key
    transfer: str


class Refused(_Said):
    """The rail has said no, and says the same again to this key. No money moved.

    `type` is the problem's URI, which ends with its name (`/insufficient-funds`); `detail` says what, where
    and why.
    """

    key: Key
    type: str
    title: str
    status: int
    detail: str


class NotThere(_Said):
    """No order has reached the rail under this key: the same order may be sent again, under the same key."""

    key: Key


class Unknown(_Said):
    """No answer that can be relied on, and why. The order may be booked or not."""

    key: Key
    why: str


class StatementLine(_Said):
    """One line of an account's statement; lines are numbered 1, 2, 3… and never change.

    `in`: money came. `out-settled`: money we sent arrived. `out-returned`: it came back, for `reason`.
    `key` is our order's key on lines of money that we sent, and None on lines of money that came.
    """

    line: Annotated[int, Field(strict=True, gt=0)]
    kind: Literal["in", "out-settled", "out-returned"]
    amount_fen: AmountFen
    counterparty_account: str
    counterparty_owner: str
    reference: str
    transfer: str
    key: str | None
    reason: str | None
    booked_at: AwareDatetime

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.key is None) != (self.kind == "in"):
            raise ValueError("key: on money that we sent, and only there")
        if (self.reason is None) == (self.kind == "out-returned"):
            raise ValueError("reason: on money that came back, and only there")
        return self


class RailUnavailable(RuntimeError):
    """The rail gave no statement that can be relied on; the message says what was asked and what came.

    Ask again later.
    """


class KeyReused(ValueError):
    """A fault of ours: the key stood for another order before.

    Nothing was booked now, and asking again will not help.
    """


class Rail(Protocol):
    """What the runtime asks of a payment rail."""

    async def transfer(self, order: Transfer) -> Accepted | Refused | Unknown:
        """Send an order; the same order again under its key is answered the same and booked once.

        Whatever fails outside is `Unknown`. Raises `KeyReused` when the key stood for another order.
        """
        ...

    async def find(self, key: str) -> Accepted | Refused | NotThere | Unknown:
        """What the rail said to the order under this key. Whatever fails outside is `Unknown`."""
        ...

    async def statement(self, account: str, after: int, wait_s: float = 0) -> tuple[StatementLine, ...]:
        """The account's lines with numbers after `after`, oldest first, at most `MOST_LINES`.

        When there are none, waits for one up to `wait_s` seconds (at most `LONGEST_WAIT_S`).
        Raises `RailUnavailable`, also for an unknown account and when the statement ends before `after`.
        """
        ...


def without_gap(account: str, after: int, lines: tuple[StatementLine, ...]) -> tuple[StatementLine, ...]:
    """The lines, when they go on from `after` one by one.

    Raises `RailUnavailable` when a line is missing: it may be money.
    """
    for number, line in enumerate(lines, start=after + 1):
        if line.line != number:
            raise RailUnavailable(
                f"statement of {account} after {after}: line {line.line} came where line {number} was due"
            )
    return lines
