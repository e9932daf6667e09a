"""Items as canonical JSON values, and back: what the journal stores. `load(dump(item)) == item`.

SCHEMA is the form's number; an older form is lifted by the entry of UPCASTERS for its number before it is read.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from contracts.envelope import Envelope, to_data, wire_time
from contracts.event import EVENTS, Fact
from services.runtime.core.facts import RUNTIME_FACTS
from services.runtime.core.file import (
    Admitted,
    Decided,
    Filed,
    Heard,
    Item,
    Kept,
    Letter,
    Readdressed,
    Refusal,
    Refused,
    Resumed,
    Said,
    Spoke,
    Stopped,
    Struck,
)
from services.runtime.core.rule import Rulebook

SCHEMA = 1
UPCASTERS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
Vocabulary = Mapping[str, type[Fact]]


def vocabulary(rulebook: Rulebook) -> Vocabulary:
    """Every kind of fact that an institution can read, by the name it has on the wire."""
    own = {kind.type_name: kind for kind in (*RUNTIME_FACTS, *rulebook.own_facts)}
    return {**EVENTS, **own}


def dump(item: Item) -> dict[str, Any]:
    """An item as JSON values."""
    match item:
        case Heard():
            return {"k": "heard", "letter": _dump_letter(item.letter), "parked": item.parked}
        case Admitted():
            return {"k": "admitted", "id": item.id, "case": item.case, "source": item.source}
        case Struck():
            return {
                "k": "struck", "id": item.id, "case": item.case, "source": item.source,
                "sequence": item.sequence, "digest": item.digest, "why": item.why,
                "at": wire_time(item.at), "place": list(item.place),
            }  # fmt: skip
        case Said():
            to = [[recipient, number] for recipient, number in item.to]
            said = {"k": "said", "fact": _dump_filed(item.filed), "file": item.file, "rule": item.rule}
            return {**said, "to": to, "tell": item.tell}
        case Readdressed():
            to = [[recipient, number] for recipient, number in item.to]
            return {"k": "readdressed", "id": item.id, "cause": item.cause, "to": to}
        case Spoke():
            return {"k": "spoke", "case": item.case, "rule": item.rule, "mark": item.mark}
        case Refused():
            r = item.refusal
            refusal = {"title": r.title, "detail": r.detail, "clause": r.clause, "status": r.status}
            return {"k": "refused", "id": item.id, "digest": item.digest, "refusal": refusal}
        case Kept():
            return {"k": "kept", "letter": _dump_letter(item.letter), "why": item.why}
        case Stopped():
            return {"k": "stopped", "letter": item.letter_id, "error": item.error}
        case Resumed():
            return {"k": "resumed", "id": item.id, "digest": item.digest}
        case Decided():
            return {
                "k": "decided", "letter": item.letter, "how": item.how, "command": item.command, "word": item.word,
                "place": item.place,
            }  # fmt: skip


def load(data: Mapping[str, Any], words: Vocabulary) -> Item:
    """The item that `dump` made these values of.

    Raises KeyError where a kind of fact is not in the vocabulary, ValueError where the values are no item.
    """
    match data["k"]:
        case "heard":
            return Heard(_load_letter(data["letter"], words), data["parked"])
        case "admitted":
            return Admitted(data["id"], data["case"], data["source"])
        case "struck":
            word = (data["id"], data["case"], data["source"], data["sequence"], data["digest"])
            partition, offset = data["place"]
            return Struck(*word, data["why"], _time(data["at"]), (partition, offset))
        case "said":
            to = tuple((recipient, number) for recipient, number in data["to"])
            return Said(_load_filed(data["fact"], words), data["file"], data["rule"], to, data["tell"])
        case "readdressed":
            to = tuple((recipient, number) for recipient, number in data["to"])
            return Readdressed(data["id"], data["cause"], to)
        case "spoke":
            return Spoke(data["case"], data["rule"], data["mark"])
        case "refused":
            return Refused(data["id"], data["digest"], Refusal(**data["refusal"]))
        case "kept":
            return Kept(_load_letter(data["letter"], words), data["why"])
        case "stopped":
            return Stopped(data["letter"], data["error"])
        case "resumed":
            return Resumed(data["id"], data["digest"])
        case "decided":
            return Decided(data["letter"], data["how"], data["command"], data["word"], data["place"])
        case other:
            raise ValueError(f"{other!r} is no kind of item")


def digest(items: Iterable[Item]) -> str:
    """One hash over everything a subject ever heard and said, whatever batches it came in; sha256, hex."""
    chain = hashlib.sha256()
    for item in items:
        chain.update(to_data(dump(item)))
        chain.update(b"\n")
    return chain.hexdigest()


def _dump_letter(letter: Letter) -> dict[str, Any]:
    e = letter.envelope
    return {
        "id": e.id, "source": e.source, "type": e.type, "case": e.case, "time": wire_time(e.time), "key": e.key,
        "sequence": e.sequence, "cause": e.cause, "data": e.data.decode(), "signature": e.signature,
        "at": wire_time(letter.at), "place": list(letter.place),
    }  # fmt: skip


def _load_letter(data: Mapping[str, Any], words: Vocabulary) -> Letter:
    envelope = Envelope(
        data["id"], data["source"], data["type"], data["case"], _time(data["time"]), data["key"],
        data["sequence"], data["cause"], data["data"].encode(), data["signature"],
    )  # fmt: skip
    partition, offset = data["place"]
    return Letter(envelope, words[envelope.type].read(envelope.data), _time(data["at"]), (partition, offset))


def _dump_filed(filed: Filed[Fact]) -> dict[str, Any]:
    return {
        "id": filed.id, "type": filed.fact.type_name, "case": filed.case, "speaker": filed.speaker,
        "time": wire_time(filed.time), "at": wire_time(filed.at), "cause": filed.cause,
        "data": to_data(filed.fact.to_json()).decode(),
    }  # fmt: skip


def _load_filed(data: Mapping[str, Any], words: Vocabulary) -> Filed[Fact]:
    fact = words[data["type"]].read(data["data"])
    times = (_time(data["time"]), _time(data["at"]))
    return Filed(data["id"], fact, data["case"], data["speaker"], *times, data["cause"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
