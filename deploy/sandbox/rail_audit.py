"""Whether the rail's books agree: balances with movements, money with statement lines, all with the world.

Reads the tables anew each time and trusts no running total: what a balance should be is counted from the
movements.
"""

import sqlite3
from typing import Any

WORLD = "WORLD"
"""The account that opening money comes out of."""

ON_ITS_WAY = "ON-ITS-WAY"
"""The account that money stands in between its payer and its payee."""

FEES = "RAIL-FEES"
"""The account of what was kept on the way; opened with the first fee."""

_ACCOUNTS = "SELECT account, owner, opening_fen, balance_fen, on_its_way_fen FROM accounts ORDER BY account"
_LINES = "SELECT account, kind, sum(amount_fen) FROM lines GROUP BY account, kind"
_SIDES = """
SELECT account, sum(amount_fen) FROM (
  SELECT credit AS account, amount_fen FROM movements UNION ALL SELECT debit, -amount_fen FROM movements
) GROUP BY account
"""
_MOVEMENTS = """
SELECT movement, kind, debit, credit, amount_fen, transfer, key, reference, booked_at FROM movements
WHERE :reference IS NULL OR instr(reference, :reference) > 0 ORDER BY movement
"""


def whole(db: sqlite3.Connection, reference: str | None) -> dict[str, Any]:
    """The books as one document; call inside a transaction, so that it is one moment's.

    `accounts` with owner and sums (`in_fen` and `out_fen`: what settled, without the opening), `movements`
    whose reference holds `reference`, `total_fen` in accounts and on its way, `world_fen` ever brought in,
    `differences` in words (which account, how many fen), `balanced` when there are none.
    """
    settled = {(account, kind): fen for account, kind, fen in db.execute(_LINES)}
    moved: dict[str, int] = dict(db.execute(_SIDES).fetchall())
    accounts: dict[str, dict[str, Any]] = {}
    for account, owner, opening_fen, balance_fen, on_its_way_fen in db.execute(_ACCOUNTS):
        accounts[account] = {
            "owner": owner,
            "opening_fen": opening_fen,
            "balance_fen": balance_fen,
            "on_its_way_fen": on_its_way_fen,
            "in_fen": settled.get((account, "in"), 0),
            "out_fen": settled.get((account, "out-settled"), 0),
        }
    total_fen = sum(account["balance_fen"] + account["on_its_way_fen"] for account in accounts.values())
    world_fen = -moved.get(WORLD, 0)
    differences = _differences(accounts, moved, total_fen, world_fen)
    return {
        "accounts": accounts,
        "movements": [dict(row) for row in db.execute(_MOVEMENTS, {"reference": reference})],
        "total_fen": total_fen,
        "world_fen": world_fen,
        "balanced": not differences,
        "differences": differences,
    }


def _differences(
    accounts: dict[str, dict[str, Any]], moved: dict[str, int], total_fen: int, world_fen: int
) -> list[str]:
    found: list[str] = []
    for name, account in accounts.items():
        if wrong_fen := account["balance_fen"] - moved.get(name, 0):
            found.append(f"account {name}: the balance is {wrong_fen:+d} fen off its movements")
        lines_fen = account["opening_fen"] + account["in_fen"] - account["out_fen"]
        if wrong_fen := account["balance_fen"] + account["on_its_way_fen"] - lines_fen:
            found.append(f"account {name}: the money is {wrong_fen:+d} fen off its opening and its statement")
    on_its_way_fen = sum(account["on_its_way_fen"] for account in accounts.values())
    if wrong_fen := on_its_way_fen - moved.get(ON_ITS_WAY, 0):
        found.append(f"{ON_ITS_WAY}: the accounts are {wrong_fen:+d} fen off the movements")
    if wrong_fen := total_fen - world_fen:
        found.append(f"{WORLD}: the accounts are {wrong_fen:+d} fen off what was ever brought in")
    return found
