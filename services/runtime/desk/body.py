"""The body of a command: one JSON object, small, and read alike by every reader."""

import json
from typing import Any, NoReturn, cast

from fastapi import Request

from services.runtime.desk.problems import Problem

MOST_BYTES = 64 * 1024
MOST_SAFE_INTEGER = 2**53 - 1


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body; an empty body is an empty object.

    Raises Problem: 413 beyond 64 KiB, 415 for another media type, 400 for what is no JSON object, or one
    that readers could take differently (a name twice, a number that is not whole, text that is not
    Unicode).
    """
    raw = await _read(request)
    if not raw.strip():
        return {}
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "unsupported media type", "the body must be application/json")
    try:
        found = json.loads(
            raw.decode(),
            object_pairs_hook=_no_duplicates,
            parse_int=_whole,
            parse_float=_not_whole,
            parse_constant=_not_whole,
        )
        json.dumps(found, ensure_ascii=False).encode()  # a lone surrogate is no text
    except (ValueError, RecursionError) as error:
        # JSON's own messages name a place; those of Unicode repeat what was typed.
        why = "it is not Unicode text" if isinstance(error, UnicodeError) else str(error)
        raise Problem(400, "not JSON", f"the body cannot be read: {why}") from None
    if not isinstance(found, dict):
        raise Problem(400, "not JSON", "the body must be one JSON object")
    return cast(dict[str, Any], found)


async def _read(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    too_large = Problem(413, "too large", f"a body has at most {MOST_BYTES} bytes")
    if not length.isdecimal() or int(length) > MOST_BYTES:
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return found


def _whole(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MOST_SAFE_INTEGER:
        raise ValueError("a number is beyond 2**53 - 1")
    return int(text)


def _not_whole(_: str) -> NoReturn:
    raise ValueError("numbers here are whole, in the smallest unit")
