"""A desk's pages as plain lines for a terminal. What was said is shown by type and article, without the rest: a page
holds personal data, and `--json` shows all of it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.runtime.core.periods import CHINA_TIME

OWN = "daiya.own."


def page(case: Mapping[str, Any]) -> list[str]:
    """A whole case."""
    head = (
        f"case {case['case']} · {case['procedure']} ({case['edition']}) · {case['phase']} · folio {case['unit_number']}"
    )
    parts: list[tuple[str, list[str]]] = [
        ("said", [_fact(fact) for fact in case["facts"] if not fact["type"].startswith(OWN)]),
        ("waits for a person", worklist(case["waiting"])),
        ("money", list(_money(case["money"])) if case["money"] else []),
        ("documents", [f"{d['title']}  {d['number']}  {d['code']}  {d['issuer']}" for d in case["documents"]]),
        ("incidents", [_incident(one) for one in case["incidents"]]),
    ]
    return [
        head,
        *(line for name, lines in parts if lines for line in ("", f"{name}:", *(f"  {one}" for one in lines))),
    ]


def news(case: Mapping[str, Any], seen: set[str]) -> list[str]:
    """What a case's page has that is not in `seen`; from then on it is in there."""
    lines = [(fact["id"], _fact(fact)) for fact in case["facts"] if not fact["type"].startswith(OWN)]
    lines += [(f"{one['action']} {one['about']}", f"waits: {_work(one)}") for one in case["waiting"]]
    lines += [(one["id"], f"incident: {_incident(one)}") for one in case["incidents"]]
    if case["phase"] == "ended":
        lines.append(("ended", f"case {case['case']} has ended"))
    fresh = [(mark, line) for mark, line in lines if mark not in seen]
    seen.update(mark for mark, _ in fresh)
    return [line for _, line in fresh]


def worklist(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """What waits, a line each."""
    return [_work(item) for item in items]


def incidents(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a person must see, a line each: since when, on which subject, in which case, and where it is dealt with."""
    return [
        "  ".join(
            part
            for part in (
                moment(one["since"]),
                one["subject"],
                one["case"],
                _incident(one),
                f"POST {one['link']}" if one["link"] else "",
                f"see {one['help']}",
            )
            if part
        )
        for one in found
    ]


def yuan(amount_fen: int) -> str:
    """An amount for people: 61234567 fen are ¥612,345.67."""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}¥{whole:,}.{part:02d}"


def _fact(fact: Mapping[str, Any]) -> str:
    name = fact["type"].split(".")[1]
    return f"{moment(fact['time'])}  {fact['by'][1:]:<30}  {name}  ({fact['article'] or '-'})"


def _work(item: Mapping[str, Any]) -> str:
    until = f", until {item['until']}" if item["until"] else ""
    where = f"  POST {item['link']}" if item["link"] else ""
    since = f"since {moment(item['since'])}{until}"
    return f"{item['action']}  {item['case']}  {item['what']} ({item['clause']}), {since}{where}"


def _money(money: Mapping[str, Any]) -> Iterator[str]:
    yield f"in {yuan(money['in_fen'])} = out {yuan(money['out_fen'])} + held {yuan(money['held_fen'])}"
    for line in money["lines"]:
        why = " ".join(str(line[name]) for name in ("purpose", "state") if line[name])
        yield f"{line['direction']:<4}{yuan(line['amount_fen']):>18}  {line['account']}  {why}".rstrip()


def _incident(one: Mapping[str, Any]) -> str:
    data: Mapping[str, Any] = one["data"]
    if one["kind"] == "held":
        return f"held: {data['source']} has said number {data['first_missing']}, and it is not here"
    if one["kind"] == "struck":
        return f"struck: number {data['sequence']} of {data['source']} is a dead letter: {data['why']}"
    words = (one["kind"], data.get("what"), data.get("why") or data.get("error"))
    return ": ".join(str(word) for word in words if word)


def moment(text: str) -> str:
    """A time for people: China's, to the second."""
    return datetime.fromisoformat(text).astimezone(CHINA_TIME).strftime("%m-%d %H:%M:%S")
