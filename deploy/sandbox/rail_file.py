"""The SQLite file under the rail's books: its tables, and transactions that are on disk when they return."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_EDITION = 2

_TABLES = """
CREATE TABLE accounts (
    account TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    opening_fen INTEGER NOT NULL CHECK (opening_fen >= 0),
    balance_fen INTEGER NOT NULL CHECK (balance_fen >= 0),
    on_its_way_fen INTEGER NOT NULL CHECK (on_its_way_fen >= 0)
);
CREATE TABLE transfers (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    transfer TEXT NOT NULL UNIQUE,
    from_account TEXT NOT NULL,
    to_account TEXT NOT NULL,
    amount_fen INTEGER NOT NULL,
    reference TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('accepted', 'settled', 'returned', 'refused')),
    reason TEXT,
    refusal TEXT,
    asked_at TEXT NOT NULL,
    due_at TEXT,
    return_reason TEXT,
    fee_fen INTEGER NOT NULL DEFAULT 0 CHECK (fee_fen >= 0),
    closed_at TEXT
);
CREATE INDEX transfers_due ON transfers (due_at, seq) WHERE status = 'accepted';
CREATE TABLE movements (
    movement INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('opening', 'accepted', 'settled', 'returned', 'fee')),
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    transfer TEXT,
    key TEXT,
    reference TEXT NOT NULL,
    booked_at TEXT NOT NULL
);
CREATE TABLE lines (
    account TEXT NOT NULL,
    line INTEGER NOT NULL CHECK (line > 0),
    kind TEXT NOT NULL CHECK (kind IN ('in', 'out-settled', 'out-returned')),
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    counterparty_account TEXT NOT NULL,
    counterparty_owner TEXT NOT NULL,
    reference TEXT NOT NULL,
    transfer TEXT NOT NULL,
    key TEXT,
    reason TEXT,
    booked_at TEXT NOT NULL,
    PRIMARY KEY (account, line)
) WITHOUT ROWID;
"""


class BooksUnreadable(RuntimeError):
    """The file is not the books of this rail, or of another edition."""


class BookFile:
    """An open book. Use from one thread. Raises `BooksUnreadable` when the file is something else."""

    def __init__(self, path: str | Path) -> None:
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        try:
            # Five seconds for another process's lock, then an error: never a silent hang.
            self.db = sqlite3.connect(path, isolation_level=None, timeout=5)
        except sqlite3.Error as error:
            raise BooksUnreadable(f"{path}: cannot be opened ({error})") from error
        self.db.row_factory = sqlite3.Row
        try:
            self._prepare(path)
        except BaseException:
            self.db.close()
            raise

    def _prepare(self, path: str | Path) -> None:
        try:
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute("PRAGMA synchronous=FULL")
            with self.transaction():
                edition = self.one("PRAGMA user_version")[0]
                empty = self.one("SELECT count(*) FROM sqlite_master")[0] == 0
                if edition == 0 and empty:
                    for statement in _TABLES.split(";\n"):
                        self.db.execute(statement)
                    self.db.execute(f"PRAGMA user_version={_EDITION}")
                elif edition != _EDITION:
                    raise BooksUnreadable(f"{path}: edition {edition}, and this rail reads books of edition {_EDITION}")
        except sqlite3.DatabaseError as error:
            raise BooksUnreadable(f"{path}: not a book of this rail ({error})") from error

    def close(self) -> None:
        """Close the file; what was booked is in it."""
        self.db.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing, and on disk when it ends without an exception."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            # A COMMIT that failed (disk full) leaves the transaction open; some errors have ended it already.
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        """The first row, None when there is none."""
        return self.db.execute(sql, values).fetchone()

    def one(self, sql: str, *values: object) -> sqlite3.Row:
        """The row that must be there. Raises `sqlite3.IntegrityError` when it is not."""
        row = self.row(sql, *values)
        if row is None:
            raise sqlite3.IntegrityError(f"the books lack a row that must be there: {sql} {values}")
        return row

    def insert(self, table: str, **values: object) -> None:
        """A new row. Table and column names are this program's own, never what a caller sent."""
        places = ", ".join("?" * len(values))
        columns = ", ".join(values)
        sql = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 (see above: no caller's text)
        self.db.execute(sql, tuple(values.values()))
