"""The books of the rail sandbox: double entry in one SQLite file.

Money that is on its way between two accounts stands in an account of its own, ON-ITS-WAY, and money brought in at an
opening comes out of WORLD, so that every movement has two sides and all accounts together always make nought.
Every change is one transaction, on disk before the call returns (WAL, synchronous=FULL): what was answered survives kill -9.
"""

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.sandbox.rail_audit import ON_ITS_WAY, WORLD, whole

MAX_FEN = 10**15
"""The most that one order or opening may move: ten thousand billion yuan, and a thousand such sums still fit SQLite's integer."""

_SCHEMA_NUMBER = 1
_TRANSFERS = uuid.UUID("5f0c2e0a-6d0f-5c1b-9d63-2f7a1b4c8e11")
_SETTLED_AT_ONCE = 500

_SCHEMA = """
CREATE TABLE accounts (
    account TEXT PRIMARY KEY, owner TEXT NOT NULL, opening_fen INTEGER NOT NULL CHECK (opening_fen >= 0),
    balance_fen INTEGER NOT NULL CHECK (balance_fen >= 0), on_its_way_fen INTEGER NOT NULL CHECK (on_its_way_fen >= 0)
);
CREATE TABLE transfers (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, transfer TEXT NOT NULL UNIQUE,
    from_account TEXT NOT NULL, to_account TEXT NOT NULL, amount_fen INTEGER NOT NULL, reference TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('accepted', 'settled', 'returned', 'refused')),
    reason TEXT, refusal TEXT, asked_at TEXT NOT NULL, due_at TEXT, return_reason TEXT, closed_at TEXT
);
CREATE INDEX transfers_due ON transfers (due_at, seq) WHERE status = 'accepted';
CREATE TABLE movements (
    movement INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, debit TEXT NOT NULL, credit TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0), transfer TEXT, key TEXT, reference TEXT NOT NULL, booked_at TEXT NOT NULL
);
CREATE TABLE lines (
    account TEXT NOT NULL, line INTEGER NOT NULL CHECK (line > 0),
    kind TEXT NOT NULL CHECK (kind IN ('in', 'out-settled', 'out-returned')),
    amount_fen INTEGER NOT NULL, counterparty_account TEXT NOT NULL, counterparty_owner TEXT NOT NULL, reference TEXT NOT NULL,
    transfer TEXT NOT NULL, key TEXT, reason TEXT, booked_at TEXT NOT NULL, PRIMARY KEY (account, line)
) WITHOUT ROWID;
"""


@dataclass(eq=False)  # not frozen: Python itself writes the traceback into an exception
class Problem(Exception):
    """What the rail says no with (RFC 9457): a name that programs read, and what, where and why for people."""

    name: str
    title: str
    status: int
    detail: str

    def document(self) -> dict[str, Any]:
        """The problem document, its type an absolute URI that ends with the name."""
        return {
            "type": f"urn:daiya:problem:rail/{self.name}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class Order:
    """What a payer asks for: so many fen from one account to another, with a reference that the payee can read."""

    from_account: str
    to_account: str
    amount_fen: int
    reference: str


@dataclass(frozen=True)
class Answer:
    """What was said to an order and will be said again: the HTTP status and the document."""

    status: int
    document: dict[str, Any]


class BooksUnreadable(RuntimeError):
    """The file is not the books of this rail, or of another edition."""


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


def transfer_id(key: str) -> str:
    """The transfer's id, derived from its idempotency key: the same key never makes two transfers."""
    return str(uuid.uuid5(_TRANSFERS, key))


class Books:
    """Accounts, transfers, movements and statement lines. Use from one thread; `now` gives aware times.

    Raises `BooksUnreadable` when the file is something else, `sqlite3.Error` when the disk fails.
    """

    def __init__(self, path: str | Path, now: Callable[[], datetime] = utc_now) -> None:
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._now = now
        # Seconds to wait for another process's lock, then an error: never a silent hang.
        self._db = sqlite3.connect(path, isolation_level=None, timeout=5)
        self._db.row_factory = sqlite3.Row
        try:
            self._prepare(path)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, path: str | Path) -> None:
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            with self._transaction():
                edition = self._one("PRAGMA user_version")[0]
                tables = self._one("SELECT count(*) FROM sqlite_master")[0]
                if edition == 0 and tables == 0:
                    for statement in _SCHEMA.split(";\n"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version={_SCHEMA_NUMBER}")
                elif edition != _SCHEMA_NUMBER:
                    raise BooksUnreadable(f"{path}: edition {edition} of the books, this rail reads edition {_SCHEMA_NUMBER}")
        except sqlite3.DatabaseError as error:
            raise BooksUnreadable(f"{path}: not a book of this rail ({error})") from error

    def close(self) -> None:
        """Close the file; what was booked is in it."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # A failed COMMIT (disk full) leaves the transaction open; some errors have ended it already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _one(self, sql: str, *values: object) -> sqlite3.Row:
        return self._db.execute(sql, values).fetchone()

    def _stamp(self, after_s: float = 0) -> str:
        # One length and one zone, so that text order is time order.
        return (self._now().astimezone(UTC) + timedelta(seconds=after_s)).isoformat(timespec="microseconds")

    # accounts

    def open_account(self, account: str, owner: str, opening_fen: int) -> bool:
        """Open an account with what the world brings in. True when it is new, False when it was opened just so before.

        Raises Problem 409 when it is somebody else's, or was opened with another sum; 422 for a name the rail keeps for itself.
        """
        if account in (WORLD, ON_ITS_WAY):
            raise Problem("reserved-account", "Reserved account", 422, f"account {account}: the rail keeps this name for itself")
        with self._transaction():
            known = self._one("SELECT owner, opening_fen FROM accounts WHERE account = ?", account)
            if known is not None:
                if known["owner"] != owner:
                    raise Problem(
                        "other-owner", "Account of another owner", 409, f"account {account}: opened already for another owner"
                    )
                if known["opening_fen"] != opening_fen:
                    raise Problem(
                        "other-opening", "Opened with another sum", 409,
                        f"account {account}: opened already with {known['opening_fen']} fen, now asked with {opening_fen} fen",
                    )  # fmt: skip
                return False
            self._db.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, 0)", (account, owner, opening_fen, opening_fen))
            if opening_fen:
                self._move("opening", WORLD, account, opening_fen, None, None, "opening balance", self._stamp())
            return True

    def account(self, account: str) -> dict[str, Any]:
        """Owner and money of an account: `balance_fen` can be spent, `on_its_way_fen` has left and not arrived. Problem 404."""
        row = self._one("SELECT account, owner, balance_fen, on_its_way_fen FROM accounts WHERE account = ?", account)
        if row is None:
            raise _unknown_account(account)
        return dict(row)

    # transfers

    def earlier(self, key: str, order: Order) -> Answer | None:
        """What was said to this key before, None when it is new. Raises Problem 422 when it stood for another order."""
        row = self._one("SELECT * FROM transfers WHERE key = ?", key)
        if row is None:
            return None
        if Order(row["from_account"], row["to_account"], row["amount_fen"], row["reference"]) != order:
            raise Problem(
                "key-reused", "Idempotency key used for another order", 422,
                f"Idempotency-Key {key}: used at {row['asked_at']} for another order, and nothing was booked now",
            )  # fmt: skip
        if row["refusal"] is not None:
            refusal = json.loads(row["refusal"])
            return Answer(refusal["status"], refusal)
        # The first answer word for word, whatever became of the money since: GET tells that.
        return Answer(202, _accepted_document(row))

    def why_not(self, order: Order) -> Problem | None:
        """Why this order cannot be booked, None when it can."""
        if not 0 < order.amount_fen <= MAX_FEN:
            return Problem(
                "bad-amount", "Bad amount", 422, f"amount_fen {order.amount_fen}: a transfer moves from 1 to {MAX_FEN} fen"
            )
        if order.from_account == order.to_account:
            return Problem(
                "same-account", "Payer and payee are one account", 422, f"account {order.from_account}: cannot pay itself"
            )
        payer = self._one("SELECT balance_fen FROM accounts WHERE account = ?", order.from_account)
        if payer is None:
            return _unknown_account(order.from_account)
        if self._one("SELECT 1 FROM accounts WHERE account = ?", order.to_account) is None:
            return _unknown_account(order.to_account)
        if payer["balance_fen"] < order.amount_fen:
            return Problem(
                "insufficient-funds", "Insufficient funds", 409,
                f"account {order.from_account}: {payer['balance_fen']} fen available, {order.amount_fen} fen asked",
            )  # fmt: skip
        return None

    def refuse(self, key: str, order: Order, problem: Problem) -> Answer:
        """Book that the order was refused: no money moves, and the key gets the same answer for ever."""
        document = problem.document() | {"key": key, "transfer": transfer_id(key), "transfer_status": "refused"}
        with self._transaction():
            self._db.execute(
                "INSERT INTO transfers (key, transfer, from_account, to_account, amount_fen, reference, status, reason, refusal,"
                " asked_at) VALUES (?, ?, ?, ?, ?, ?, 'refused', ?, ?, ?)",
                (
                    key, transfer_id(key), order.from_account, order.to_account, order.amount_fen, order.reference,
                    problem.detail, json.dumps(document, ensure_ascii=False), self._stamp(),
                ),
            )  # fmt: skip
        return Answer(problem.status, document)

    def accept(self, key: str, order: Order, settle_after_s: float, return_reason: str | None = None) -> Answer:
        """Take the money from the payer and send it on its way, to settle after so many seconds, or to come back for a reason.

        Ask `why_not` first: an order that cannot be booked raises `sqlite3.IntegrityError` and books nothing.
        """
        at = self._stamp()
        with self._transaction():
            self._db.execute(
                "INSERT INTO transfers (key, transfer, from_account, to_account, amount_fen, reference, status, asked_at, due_at,"
                " return_reason) VALUES (?, ?, ?, ?, ?, ?, 'accepted', ?, ?, ?)",
                (
                    key, transfer_id(key), order.from_account, order.to_account, order.amount_fen, order.reference,
                    at, self._stamp(settle_after_s), return_reason,
                ),
            )  # fmt: skip
            self._change(order.from_account, -order.amount_fen, +order.amount_fen)
            self._move(
                "accepted", order.from_account, ON_ITS_WAY, order.amount_fen, transfer_id(key), key, order.reference, at
            )
            return Answer(202, _accepted_document(self._one("SELECT * FROM transfers WHERE key = ?", key)))

    def transfer(self, key: str) -> dict[str, Any]:
        """Everything about the transfer under this key. Raises Problem 404."""
        row = self._one("SELECT * FROM transfers WHERE key = ?", key)
        if row is None:
            raise Problem("unknown-transfer", "Unknown transfer", 404, f"Idempotency-Key {key}: no order has come under it")
        fields = ("transfer", "key", "status", "from_account", "to_account", "amount_fen", "reference", "reason", "asked_at")
        refusal = json.loads(row["refusal"]) if row["refusal"] else None
        return {name: row[name] for name in fields} | {"closed_at": row["closed_at"], "refusal": refusal}

    # settlement

    def next_due(self) -> datetime | None:
        """When the next accepted transfer is to be settled, None when nothing is on its way."""
        due_at = self._one("SELECT min(due_at) FROM transfers WHERE status = 'accepted'")[0]
        return None if due_at is None else datetime.fromisoformat(due_at)

    def settle(self, all_of_them: bool = False) -> int:
        """Settle or return what is due by now, or all that is on its way, oldest first; returns how many were closed.

        At most some hundreds in one transaction: call again until it gives nought.
        """
        until = "9999" if all_of_them else self._stamp()
        with self._transaction():
            due = self._db.execute(
                "SELECT * FROM transfers WHERE status = 'accepted' AND due_at <= ? ORDER BY due_at, seq LIMIT ?",
                (until, _SETTLED_AT_ONCE),
            ).fetchall()
            for transfer in due:
                self._close(transfer)
        return len(due)

    def _close(self, transfer: sqlite3.Row) -> None:
        at, amount_fen, reason = self._stamp(), transfer["amount_fen"], transfer["return_reason"]
        payer, payee = transfer["from_account"], transfer["to_account"]
        status = "settled" if reason is None else "returned"
        self._db.execute(
            "UPDATE transfers SET status = ?, reason = ?, closed_at = ? WHERE seq = ?", (status, reason, at, transfer["seq"])
        )
        self._change(payer, 0, -amount_fen)
        goes_to = payee if reason is None else payer
        self._change(goes_to, +amount_fen, 0)
        self._move(status, ON_ITS_WAY, goes_to, amount_fen, transfer["transfer"], transfer["key"], transfer["reference"], at)
        self._line(payer, f"out-{status}", transfer, payee, transfer["key"], at)
        if reason is None:
            self._line(payee, "in", transfer, payer, None, at)

    def _change(self, account: str, balance_fen: int, on_its_way_fen: int) -> None:
        changed = self._db.execute(
            "UPDATE accounts SET balance_fen = balance_fen + ?, on_its_way_fen = on_its_way_fen + ? WHERE account = ?",
            (balance_fen, on_its_way_fen, account),
        )
        if changed.rowcount != 1:
            raise sqlite3.IntegrityError(f"account {account} is not in the books")

    def _move(self, kind: str, debit: str, credit: str, amount_fen: int, transfer: str | None, key: str | None,
              reference: str, at: str) -> None:  # fmt: skip
        self._db.execute(
            "INSERT INTO movements (kind, debit, credit, amount_fen, transfer, key, reference, booked_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (kind, debit, credit, amount_fen, transfer, key, reference, at),
        )

    def _line(self, account: str, kind: str, transfer: sqlite3.Row, other: str, key: str | None, at: str) -> None:
        line = self._last_line(account) + 1
        owner = self._one("SELECT owner FROM accounts WHERE account = ?", other)[0]
        reason = transfer["return_reason"]
        self._db.execute(
            "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                account, line, kind, transfer["amount_fen"], other, owner, transfer["reference"],
                transfer["transfer"], key, reason, at,
            ),
        )  # fmt: skip

    # reading

    def _last_line(self, account: str) -> int:
        return self._one("SELECT coalesce(max(line), 0) FROM lines WHERE account = ?", account)[0]

    def statement(self, account: str, after: int, limit: int) -> list[dict[str, Any]]:
        """The account's lines after number `after`, oldest first, at most `limit`.

        Raises Problem 404 for an unknown account, 409 when the statement ends before `after`: then the reader has read other books.
        """
        self.account(account)
        last = self._last_line(account)
        if after > last:
            raise Problem(
                "beyond-the-end", "Cursor beyond the end", 409,
                f"account {account}: asked for lines after {after}, but the statement ends at line {last}",
            )  # fmt: skip
        rows = self._db.execute(
            "SELECT line, kind, amount_fen, counterparty_account, counterparty_owner, reference, transfer, key, reason, booked_at"
            " FROM lines WHERE account = ? AND line > ? ORDER BY line LIMIT ?",
            (account, after, limit),
        )
        return [dict(row) for row in rows]

    def whole(self, reference: str | None = None) -> dict[str, Any]:
        """The books as one document, and whether all in them agrees: see `rail_audit.whole`."""
        with self._transaction():
            return whole(self._db, reference)

    def plant(self, account: str, amount_fen: int) -> None:
        """Falsify one balance with no movement beside it, as a thief or a bug would. Problem 404, or 409 below nought."""
        balance_fen = self.account(account)["balance_fen"]
        if balance_fen + amount_fen < 0:
            raise Problem(
                "insufficient-funds", "Insufficient funds", 409,
                f"account {account}: {balance_fen} fen cannot be changed by {amount_fen} fen",
            )  # fmt: skip
        with self._transaction():
            self._change(account, amount_fen, 0)


def _unknown_account(account: str) -> Problem:
    return Problem("unknown-account", "Unknown account", 404, f"account {account}: not opened at this rail")


def _accepted_document(row: sqlite3.Row) -> dict[str, Any]:
    order = Order(row["from_account"], row["to_account"], row["amount_fen"], row["reference"])
    return {"transfer": row["transfer"], "key": row["key"], "status": "accepted", "asked_at": row["asked_at"]} | asdict(order)
