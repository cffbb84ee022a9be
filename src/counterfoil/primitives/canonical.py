"""Canonical JSON (RFC 8785) for the values Counterfoil writes, and SHA-256.

Only a part of RFC 8785 is needed, and the part is chosen so that the standard library writes it exactly:

* objects, arrays, strings, booleans, null and integers with |n| < 2**53; **no floats** (probabilities are millionths);
* keys are sorted. RFC 8785 section 3.2.3 sorts by UTF-16 code units, Python by code points; the two agree for all
  characters below U+D800, so keys beyond that are refused;
* strings are Unicode without lone surrogates; they are not normalised.

    >>> canonical({"b": 1, "a": "Мінск"})
    b'{"a":"\\xd0\\x9c\\xd1\\x96\\xd0\\xbd\\xd1\\x81\\xd0\\xba","b":1}'
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn

from counterfoil.primitives.errors import RecordError

MAX_INTEGER = 2**53 - 1
"""Largest integer that every JSON reader keeps exact (RFC 7493 section 2.2)."""

_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode


def _no_float(text: str) -> NoReturn:
    raise RecordError(f"a canonical value holds no fractions, found {text[:40]}", code="float-in-entry")


_decode = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float).decode


def canonical(value: Any) -> bytes:
    """The one byte string for `value`.

    Raises:
        RecordError: a float, an integer beyond 2**53 - 1, a key that is no string below U+D800, or a lone surrogate.
    """
    _check(value)
    return _encode(value).encode("utf-8")


def parse(data: bytes, *, integers_checked_later: bool = False) -> Any:
    """The value of canonical bytes; refuses bytes that are not exactly the canonical form of their value.

    `integers_checked_later=True` is for the million entries of a record, whose every integer `check_entry` looks at.
    """
    try:
        value = _decode(data.decode("utf-8"))
        again = _encode(value).encode("utf-8")
    except (UnicodeError, ValueError, RecursionError) as error:
        raise RecordError(f"expected canonical JSON, found {data[:60]!r} ({error})", code="not-json") from error
    if again != data:
        raise RecordError(
            f"expected canonical JSON (RFC 8785), found another form in {data[:60]!r}", code="not-canonical"
        )
    if not (integers_checked_later and data.isascii()):
        _check(value)
    return value


def sha256_hex(data: bytes) -> str:
    """SHA-256 as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def _check(value: Any) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if item is None or item is True or item is False or isinstance(item, str):
            continue
        if isinstance(item, int):
            if abs(item) > MAX_INTEGER:
                raise RecordError(f"expected an integer below 2**53, found {item}", code="integer-too-large")
        elif isinstance(item, dict):
            for key in item:
                if not isinstance(key, str) or (key and max(key) >= "\ud800"):
                    raise RecordError(f"expected a plain text key, found {key!r}", code="bad-key")
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
        else:
            raise RecordError(f"expected text, integer, list or object, found {type(item).__name__}", code="bad-value")
