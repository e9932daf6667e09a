"""What is asked of the rail sandbox and what it answers."""

import uuid
from dataclasses import dataclass
from typing import Any

MAX_FEN = 10**15
"""The most that one order or opening may move; SQLite's integer holds thousands of such sums."""

_TRANSFERS = uuid.UUID("5f0c2e0a-6d0f-5c1b-9d63-2f7a1b4c8e11")


@dataclass(eq=False)  # not frozen: Python itself writes the traceback into an exception
class Problem(Exception):
    """What the rail says no with (RFC 9457): a name that programs read, and what, where and why for
    people.
    """

    name: str
    title: str
    status: int
    detail: str

    def document(self) -> dict[str, Any]:
        """The problem document, its type an absolute URI that ends with the name."""
        uri = f"urn:daiya:problem:rail/{self.name}"
        return {"type": uri, "title": self.title, "status": self.status, "detail": self.detail}


@dataclass(frozen=True)
class Order:
    """What a payer asks for: so many fen from one account to another, with a reference that the payee can
    read.
    """

    from_account: str
    to_account: str
    amount_fen: int
    reference: str


@dataclass(frozen=True)
class Answer:
    """What was said to an order and will be said again: the HTTP status and the document."""

    status: int
    document: dict[str, Any]


def transfer_id(key: str) -> str:
    """The transfer's id, derived from its idempotency key: the same key never makes two transfers."""
    return str(uuid.uuid5(_TRANSFERS, key))


def unknown_account(account: str) -> Problem:
    """No such account at this rail."""
    return Problem("unknown-account", "Unknown account", 404, f"account {account}: not opened at this rail")


def insufficient(account: str, available_fen: int, asked_fen: int) -> Problem:
    """The account has less than what was asked."""
    detail = f"account {account}: {available_fen} fen available, {asked_fen} fen asked"
    return Problem("insufficient-funds", "Insufficient funds", 409, detail)
