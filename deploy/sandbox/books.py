"""The books of the rail sandbox: double entry in one SQLite file.

Money between two accounts stands in an account of its own, ON-ITS-WAY, and money brought in at an opening
comes out of WORLD, so every movement has two sides and all accounts together always make nought. Every change
is one transaction, on disk before the call returns (WAL, synchronous=FULL): what was answered survives kill
-9.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.sandbox.rail_audit import FEES, ON_ITS_WAY, WORLD, whole
from deploy.sandbox.rail_file import BookFile
from deploy.sandbox.rail_orders import (
    MAX_FEN,
    Answer,
    Order,
    Problem,
    insufficient,
    transfer_id,
    unknown_account,
)

_SETTLED_AT_ONCE = 500
_LINES = """
SELECT line, kind, amount_fen, counterparty_account, counterparty_owner, reference, transfer, key, reason,
  booked_at FROM lines WHERE account = ? AND line > ? ORDER BY line LIMIT ?
"""


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


class Books:
    """Accounts, transfers, movements and statement lines. Use from one thread; `now` gives aware times.

    Raises `BooksUnreadable` when the file is something else, `sqlite3.Error` when the disk fails.
    """

    def __init__(self, path: str | Path, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._file = BookFile(path)

    def close(self) -> None:
        """Close the file; what was booked is in it."""
        self._file.close()

    def _stamp(self, after_s: float = 0) -> str:
        # One length and one zone, so that text order is time order.
        return (self._now().astimezone(UTC) + timedelta(seconds=after_s)).isoformat(timespec="microseconds")

    # accounts

    def open_account(self, account: str, owner: str, opening_fen: int) -> bool:
        """Open an account with what the world brings in: True when it is new, False when it was opened just
        so before.

        Raises Problem 409 when it is somebody else's or was opened with another sum, 422 for a name that the
        rail keeps for itself.
        """
        if account in (WORLD, ON_ITS_WAY, FEES):
            raise Problem("reserved-account", "Reserved account", 422, f"account {account}: the rail's own name")
        with self._file.transaction():
            known = self._file.row("SELECT owner, opening_fen FROM accounts WHERE account = ?", account)
            if known is None:
                self._file.insert(
                    "accounts",
                    account=account,
                    owner=owner,
                    opening_fen=opening_fen,
                    balance_fen=opening_fen,
                    on_its_way_fen=0,
                )
                if opening_fen:
                    self._move("opening", WORLD, account, opening_fen, reference="opening balance")
                return True
        if known["owner"] != owner:
            detail = f"account {account}: opened already for another owner"
            raise Problem("other-owner", "Account of another owner", 409, detail)
        if known["opening_fen"] != opening_fen:
            detail = f"account {account}: opened with {known['opening_fen']} fen, asked with {opening_fen} fen"
            raise Problem("other-opening", "Opened with another sum", 409, detail)
        return False

    def account(self, account: str) -> dict[str, Any]:
        """Owner and money: `balance_fen` can be spent, `on_its_way_fen` has left and not arrived.

        Problem 404.
        """
        row = self._file.row(
            "SELECT account, owner, balance_fen, on_its_way_fen FROM accounts WHERE account = ?", account
        )
        if row is None:
            raise unknown_account(account)
        return dict(row)

    # orders

    def earlier(self, key: str, order: Order) -> Answer | None:
        """What was said to this key before, None when it is new.

        Raises Problem 422 when it stood for another order.
        """
        row = self._file.row("SELECT * FROM transfers WHERE key = ?", key)
        if row is None:
            return None
        if _order(row) != order:
            detail = f"Idempotency-Key {key}: another order's since {row['asked_at']}; nothing was booked now"
            raise Problem("key-reused", "Idempotency key used for another order", 422, detail)
        if row["refusal"] is not None:
            refusal = json.loads(row["refusal"])
            return Answer(refusal["status"], refusal)
        # The first answer word for word, whatever became of the money since: `transfer` tells that.
        return Answer(202, _accepted(row))

    def why_not(self, order: Order) -> Problem | None:
        """Why this order cannot be booked, None when it can."""
        if not 0 < order.amount_fen <= MAX_FEN:
            detail = f"amount_fen {order.amount_fen}: a transfer moves from 1 to {MAX_FEN} fen"
            return Problem("bad-amount", "Bad amount", 422, detail)
        if order.from_account == order.to_account:
            detail = f"account {order.from_account}: cannot pay itself"
            return Problem("same-account", "Payer and payee are one account", 422, detail)
        if FEES in (order.from_account, order.to_account):
            return unknown_account(FEES)
        payer = self._file.row("SELECT balance_fen FROM accounts WHERE account = ?", order.from_account)
        if payer is None:
            return unknown_account(order.from_account)
        if self._file.row("SELECT 1 FROM accounts WHERE account = ?", order.to_account) is None:
            return unknown_account(order.to_account)
        if payer["balance_fen"] < order.amount_fen:
            return insufficient(order.from_account, payer["balance_fen"], order.amount_fen)
        return None

    def refuse(self, key: str, order: Order, problem: Problem) -> Answer:
        """Book that the order was refused: no money moves, and the key gets the same answer for ever."""
        document = problem.document() | {
            "key": key,
            "transfer": transfer_id(key),
            "transfer_status": "refused",
        }
        with self._file.transaction():
            self._file.insert(
                "transfers",
                key=key,
                transfer=transfer_id(key),
                **asdict(order),
                status="refused",
                reason=problem.detail,
                refusal=json.dumps(document, ensure_ascii=False),
                asked_at=self._stamp(),
            )
        return Answer(problem.status, document)

    def accept(
        self, key: str, order: Order, settle_after_s: float, return_reason: str | None = None, fee_fen: int = 0
    ) -> Answer:
        """Take the money from the payer and send it on its way, to settle after so many seconds, or to come
        back; of what settles `fee_fen` is kept on the way.

        Ask `why_not` first: an order that cannot be booked raises `sqlite3.IntegrityError` and books nothing, and so
        does a fee that leaves nothing.
        """
        if fee_fen >= order.amount_fen:
            raise sqlite3.IntegrityError(f"a fee of {fee_fen} fen leaves nothing of {order.amount_fen}")
        with self._file.transaction():
            if fee_fen:
                self._open_for_fees()
            self._file.insert(
                "transfers",
                key=key,
                transfer=transfer_id(key),
                **asdict(order),
                status="accepted",
                asked_at=self._stamp(),
                due_at=self._stamp(settle_after_s),
                return_reason=return_reason,
                fee_fen=fee_fen,
            )
            row = self._file.one("SELECT * FROM transfers WHERE key = ?", key)
            self._change(order.from_account, -order.amount_fen, +order.amount_fen)
            self._move("accepted", order.from_account, ON_ITS_WAY, order.amount_fen, row)
            return Answer(202, _accepted(row))

    def transfer(self, key: str) -> dict[str, Any]:
        """Everything about the order under this key. Raises Problem 404."""
        row = self._file.row("SELECT * FROM transfers WHERE key = ?", key)
        if row is None:
            detail = f"Idempotency-Key {key}: no order has come under it"
            raise Problem("unknown-transfer", "Unknown transfer", 404, detail)
        refusal = json.loads(row["refusal"]) if row["refusal"] else None
        return {
            "transfer": row["transfer"],
            "key": row["key"],
            "status": row["status"],
            **asdict(_order(row)),
            "reason": row["reason"],
            "asked_at": row["asked_at"],
            "closed_at": row["closed_at"],
            "refusal": refusal,
        }

    # settlement

    def next_due(self) -> datetime | None:
        """When the next accepted transfer is to be settled, None when nothing is on its way."""
        due_at = self._file.one("SELECT min(due_at) FROM transfers WHERE status = 'accepted'")[0]
        return None if due_at is None else datetime.fromisoformat(due_at)

    def settle(self, all_of_them: bool = False, reference: str = "") -> int:
        """Settle or return what is due by now, or all that is on its way, with this in its reference, oldest first;
        returns how many were closed.

        At most some hundreds in one transaction: call again until it gives nought.
        """
        until = "9999" if all_of_them else self._stamp()
        sql = (
            "SELECT * FROM transfers WHERE status = 'accepted' AND due_at <= ? AND instr(reference, ?) > 0"
            " ORDER BY due_at, seq LIMIT ?"
        )
        if self._file.row(sql, until, reference, 1) is None:
            return 0  # most looks find nothing, and an empty transaction would still wait for the disk
        with self._file.transaction():
            due = self._file.db.execute(sql, (until, reference, _SETTLED_AT_ONCE)).fetchall()
            for transfer in due:
                self._close(transfer)
        return len(due)

    def _close(self, transfer: sqlite3.Row) -> None:
        amount_fen, reason = transfer["amount_fen"], transfer["return_reason"]
        payer, payee = transfer["from_account"], transfer["to_account"]
        status, goes_to = ("settled", payee) if reason is None else ("returned", payer)
        self._file.db.execute(
            "UPDATE transfers SET status = ?, reason = ?, closed_at = ? WHERE seq = ?",
            (status, reason, self._stamp(), transfer["seq"]),
        )
        fee_fen = transfer["fee_fen"] if reason is None else 0
        self._change(payer, 0, -amount_fen)
        self._change(goes_to, amount_fen - fee_fen, 0)
        self._move(status, ON_ITS_WAY, goes_to, amount_fen - fee_fen, transfer)
        self._write_line(payer, f"out-{status}", payee, transfer["key"], transfer, amount_fen)
        if reason is None:
            self._write_line(payee, "in", payer, None, transfer, amount_fen - fee_fen)
        if fee_fen:
            self._change(FEES, fee_fen, 0)
            self._move("fee", ON_ITS_WAY, FEES, fee_fen, transfer)
            self._write_line(FEES, "in", payer, None, transfer, fee_fen)

    def _open_for_fees(self) -> None:
        if self._file.row("SELECT 1 FROM accounts WHERE account = ?", FEES) is None:
            nothing = {"opening_fen": 0, "balance_fen": 0, "on_its_way_fen": 0}
            self._file.insert("accounts", account=FEES, owner="the rail", **nothing)

    def _change(self, account: str, balance_fen: int, on_its_way_fen: int) -> None:
        changed = self._file.db.execute(
            "UPDATE accounts SET balance_fen = balance_fen + ?, on_its_way_fen = on_its_way_fen + ? WHERE account = ?",
            (balance_fen, on_its_way_fen, account),
        )
        if changed.rowcount != 1:
            raise sqlite3.IntegrityError(f"account {account} is not in the books")

    def _move(
        self,
        kind: str,
        debit: str,
        credit: str,
        amount_fen: int,
        transfer: sqlite3.Row | None = None,
        reference: str = "",
    ) -> None:
        self._file.insert(
            "movements",
            kind=kind,
            debit=debit,
            credit=credit,
            amount_fen=amount_fen,
            transfer=None if transfer is None else transfer["transfer"],
            key=None if transfer is None else transfer["key"],
            reference=reference if transfer is None else transfer["reference"],
            booked_at=self._stamp(),
        )

    def _write_line(
        self, account: str, kind: str, other: str, key: str | None, transfer: sqlite3.Row, amount_fen: int
    ) -> None:
        self._file.insert(
            "lines",
            account=account,
            line=self._last_line(account) + 1,
            kind=kind,
            amount_fen=amount_fen,
            counterparty_account=other,
            counterparty_owner=self._file.one("SELECT owner FROM accounts WHERE account = ?", other)[0],
            reference=transfer["reference"],
            transfer=transfer["transfer"],
            key=key,
            reason=transfer["return_reason"],
            booked_at=self._stamp(),
        )

    # reading

    def _last_line(self, account: str) -> int:
        return self._file.one("SELECT coalesce(max(line), 0) FROM lines WHERE account = ?", account)[0]

    def statement(self, account: str, after: int, limit: int) -> list[dict[str, Any]]:
        """The account's lines after number `after`, oldest first, at most `limit`.

        Raises Problem 404 for an unknown account, and 409 when the statement ends before `after`: such a
        reader has read other books than these.
        """
        self.account(account)
        last = self._last_line(account)
        if after > last:
            detail = f"account {account}: asked for lines after {after}, but the statement ends at line {last}"
            raise Problem("beyond-the-end", "Cursor beyond the end", 409, detail)
        rows = self._file.db.execute(_LINES, (account, after, limit))
        return [dict(row) for row in rows]

    def whole(self, reference: str | None = None) -> dict[str, Any]:
        """The books as one document, and whether all in them agrees: see `rail_audit.whole`."""
        with self._file.transaction():
            return whole(self._file.db, reference)

    def plant(self, account: str, amount_fen: int) -> None:
        """Falsify one balance with no movement beside it, as a thief or a bug would.

        Problem 404, or 409 below nought.
        """
        balance_fen = self.account(account)["balance_fen"]
        if balance_fen + amount_fen < 0:
            raise insufficient(account, balance_fen, -amount_fen)
        with self._file.transaction():
            self._change(account, amount_fen, 0)


def _order(row: sqlite3.Row) -> Order:
    return Order(row["from_account"], row["to_account"], row["amount_fen"], row["reference"])


def _accepted(row: sqlite3.Row) -> dict[str, Any]:
    told = {"transfer": row["transfer"], "key": row["key"], "status": "accepted", "asked_at": row["asked_at"]}
    return told | asdict(_order(row))
