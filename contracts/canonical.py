"""One value, one sequence of bytes: the JSON that digests and signatures are made over.

The bytes are those of RFC 8785 (JSON Canonicalization Scheme) for the values allowed here, so that a party
with any conforming library can make them again. Fractional numbers are not allowed: money is integer fen,
and no two languages print every float alike.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader reads exactly (RFC 7493, 2.2)."""


def canonical_json(value: object) -> bytes:
    """Return the canonical UTF-8 JSON of `value`: keys sorted, no spaces, nothing escaped that need not be.

    `value` is made of `None`, `bool`, `int`, `str`, lists, tuples (they become arrays) and mappings with
    string keys. Raises `TypeError` for anything else (floats, bytes, dates, models: dump them first), and
    `ValueError` for an integer beyond 2**53 - 1 or text that is not Unicode (a lone surrogate). Both name the
    path, as in `$.parties[0].name`.
    """
    if _is_simple(value):
        try:
            return _SORTING.encode(value).encode()
        except UnicodeEncodeError:
            pass  # a lone surrogate somewhere: the slow way finds the place
    return _KEEPING.encode(_plain(value, ())).encode()


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


_SORTING = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), sort_keys=True
)
_KEEPING = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), sort_keys=False
)


def _is_simple(value: object) -> bool:
    """Whether the encoder's own sorting gives the canonical bytes. Nearly all comes this way."""
    kind = type(value)
    if kind is dict:
        fields = cast(dict[object, object], value)
        for key in fields:
            if type(key) is not str or not key.isascii():
                return False
        inside = fields.values()
    elif kind is list:
        inside = cast(list[object], value)
    elif kind is int:
        return -MAX_SAFE_INTEGER <= cast(int, value) <= MAX_SAFE_INTEGER
    else:
        return kind in _PLAIN
    # What is plain is looked at here: a call for each leaf would take most of the time.
    return all(type(one) in _PLAIN or _is_simple(one) for one in inside)


_PLAIN = frozenset({str, bool, type(None)})


_Path = tuple[str | int, ...]


def _plain(value: object, path: _Path) -> object:
    """`value` checked, mappings in RFC 8785 order of keys. Raises as `canonical_json`."""
    if isinstance(value, str):
        return _text(value, path)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            raise ValueError(f"canonical JSON: {_shown(path)}: beyond 2**53 - 1, not every reader reads it")
        return int(value)
    if isinstance(value, Mapping):
        return _object(cast(Mapping[Any, object], value), path)
    if isinstance(value, list | tuple):
        items = cast(list[object] | tuple[object, ...], value)
        return [_plain(item, (*path, place)) for place, item in enumerate(items)]
    is_float = isinstance(value, float)
    why = "has no canonical form, write an integer in a smaller unit" if is_float else "is not a JSON value"
    raise TypeError(f"canonical JSON: {_shown(path)}: {type(value).__name__} {why}")


def _object(value: Mapping[Any, object], path: _Path) -> dict[str, object]:
    keys: list[str] = []
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"canonical JSON: {_shown(path)}: key {key!r} is {type(key).__name__}, not a string")
        keys.append(_text(key, path))
    # RFC 8785 3.2.3 sorts by UTF-16 code units, which differs from code points beyond U+FFFF.
    keys.sort(key=None if all(map(str.isascii, keys)) else _utf16)
    return {key: _plain(value[key], (*path, key)) for key in keys}


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _text(value: str, path: _Path) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"canonical JSON: {_shown(path)}: a lone surrogate is not Unicode text") from None
    return value


def _shown(path: _Path) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
