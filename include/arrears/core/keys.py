"""Natural keys: what a thing is, never which run, try, file or moment made it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

_STRICT = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_PLAIN = frozenset({str, int, bool, type(None), orjson.Fragment})


def canonical(value: Mapping[str, Any] | list[Any] | str | int) -> bytes:
    """Return the one byte form of JSON data (RFC 8785 for integers, strings, lists and ASCII-keyed objects).

    Raises:
        TypeError: a float, which has no place in evidence.
    """
    _refuse_floats(value)
    return orjson.dumps(value, option=_STRICT)


def _refuse_floats(value: object) -> None:
    """Look at the commonest kinds first: a day of a large book passes here a hundred million times."""
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is dict or isinstance(value, Mapping):
        _refuse_odd_keys(value)  # type: ignore[arg-type] # a dict, which the first test hides
        for inner in value.values():  # type: ignore[attr-defined] # as above
            if type(inner) not in _PLAIN:
                _refuse_floats(inner)
    elif kind is list or isinstance(value, list | tuple):
        for inner in value:  # type: ignore[attr-defined] # as above
            _refuse_floats(inner)
    elif isinstance(value, float):
        raise TypeError("floats have no canonical form here: use integers of minor units or text")


def _refuse_odd_keys(value: Mapping[Any, Any]) -> None:
    """Look at all keys in one go, and at each only when something is wrong."""
    try:
        if "".join(value).isascii():
            return
    except TypeError:
        pass
    odd = next(key for key in value if not isinstance(key, str) or not key.isascii())
    raise TypeError(f"object keys are ASCII text, not {odd!r}")


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest(value: Mapping[str, Any] | list[Any] | str | int) -> str:
    """Return the SHA-256 of the canonical form of data."""
    return sha256(canonical(value))


def natural_key(*parts: str | int) -> str:
    """Return a 64-hex key over parts; no part may be empty, so nothing collides by omission.

    Raises:
        ValueError: a part is empty.
    """
    if any(part == "" for part in parts):
        raise ValueError("a natural key has no empty part")
    return digest([str(part) for part in parts])
