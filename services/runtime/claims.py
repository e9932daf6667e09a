"""What a desk keeps of a command: the claim of its Idempotency-Key, and since it was told the command itself.

A command is on file once the inbox has brought it. Until then it lies in the log alone, and a log can be made anew.
"""

import json
from typing import Any

from contracts.envelope import to_data
from contracts.event import Fact
from services.runtime.core.journal import Vocabulary
from services.runtime.core.rows import Row

CLAIM = "command"
TOLD = "told"


def claim_id(command_id: str) -> str:
    """The id of the row that holds a key and its request together."""
    return f"{CLAIM}/{command_id}"


def claimed_id(claim: Row) -> str:
    """The id of the command whose claim this is."""
    return claim.id.removeprefix(f"{CLAIM}/")


def told_text(command: Fact) -> str:
    """A command as its claim keeps it."""
    return to_data({"type": command.type_name, "values": command.to_json()}).decode()


def told_in(claim: Row, words: Vocabulary) -> Fact | None:
    """The command that was told under a claim; None where none was. Raises KeyError for a kind that this release does
    not know, pydantic.ValidationError for values that it does not."""
    text = claim.data.get(TOLD)
    if text is None:
        return None
    told: dict[str, Any] = json.loads(text)
    return words[told["type"]].read(to_data(told["values"]))
