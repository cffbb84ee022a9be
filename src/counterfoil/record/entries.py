"""What an entry of the record may say: one canonical JSON object of a known type, every key known.

Every entry has `type`, `v` (1) and `batch` (UTC, "2026-11-22T20:10Z": the start of the batch, never a finer time).
No entry has a key for a name, handle, address, phone number, device or exact time, and unknown keys are refused, so
none can slip in. Readers must refuse an unknown type or version loudly: skipping it would change figures silently.

| type | keys besides type, v, batch |
| --- | --- |
| election | definition: object |
| table | kind, object, rows, name, source, [contest, snapshot, announced_at, unit, replaces] |
| copy | copy, station, contest, page, kind |
| reading | copy, reader, values or problem, [probability] |
| decision | station, contest, action, reason, [copy, values, rests_on] |
| report | commitment, contest, station, verified |
| withdrawal | entry, reason |
| release | copy, object, mask |
| notice | kind, text, [rests_on] |

An *object* is `{"sha256": 64 hex, "bytes": n}`. Where an entry means an earlier one, it gives its index.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from counterfoil.primitives.canonical import MAX_INTEGER, canonical
from counterfoil.primitives.cells import FieldState
from counterfoil.primitives.errors import RecordError
from counterfoil.primitives.words import (
    DECISION_ACTIONS,
    DECISION_REASONS,
    NOTICE_KINDS,
    PROBLEMS,
    TABLE_KINDS,
    VERIFIED_HOW,
    WITHDRAWAL_REASONS,
)

MAX_ENTRY_BYTES = 65_535
"""tlog-tiles: entries of a bundle carry a 16-bit length."""

_BATCH = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ")
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\dZ)?")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_READER = re.compile(r"[0-9a-f]{16}|[a-z0-9._-]{1,40}@[A-Za-z0-9._-]{1,40}")

_STATES = frozenset(state.value for state in FieldState)

_Test = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INTEGER


def _one_of(*allowed: str) -> _Test:
    return lambda value: value in allowed


def _hex64(value: Any) -> bool:
    return isinstance(value, str) and _HEX64.fullmatch(value) is not None


def _object(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"sha256", "bytes"}
        and _hex64(value["sha256"])
        and _count(value["bytes"])
    )


def _values(value: Any) -> bool:
    """Cells by field. Written as one loop: a record has a dozen of them for each of a million readings."""
    if not isinstance(value, dict):
        return False
    for cell in value.values():
        if type(cell) is int:
            if not -MAX_INTEGER <= cell <= MAX_INTEGER:
                return False
        elif not (isinstance(cell, str) and cell in _STATES):
            return False
    return True


def _indexes(value: Any) -> bool:
    return isinstance(value, list) and all(map(_count, value))


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_text, value.values()))


def _source(value: Any) -> bool:
    """Who published the data, where, when: {"name": ..., "published_at": ..., "address": ..., "note": ...}"""
    return (
        isinstance(value, dict)
        and "name" in value
        and value.keys() <= {"name", "published_at", "address", "note", "original_sha256"}
        and all(map(_text, value.values()))
    )


def _matches(pattern: re.Pattern[str]) -> _Test:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _millionths(value: Any) -> bool:
    return isinstance(value, dict) and all(_count(v) and v <= 1_000_000 for v in value.values())


REQUIRED: Mapping[str, Mapping[str, _Test]] = {
    "election": {"definition": _object},
    "table": {
        "kind": _one_of(*TABLE_KINDS),
        "name": _text,
        "object": _object,
        "rows": _count,
        "source": _source,
    },
    "copy": {"copy": _hex64, "station": _text, "contest": _text, "page": _count, "kind": _text},
    "reading": {"copy": _hex64, "reader": _matches(_READER)},
    "decision": {
        "station": _text,
        "contest": _text,
        "action": _one_of(*DECISION_ACTIONS),
        "reason": _one_of(*DECISION_REASONS),
    },
    "report": {"commitment": _hex64, "contest": _text, "station": _text, "verified": _one_of(*VERIFIED_HOW)},
    "withdrawal": {"entry": _count, "reason": _one_of(*WITHDRAWAL_REASONS)},
    "release": {"copy": _hex64, "object": _object, "mask": _text},
    "notice": {"kind": _one_of(*NOTICE_KINDS), "text": _texts},
}
OPTIONAL: Mapping[str, Mapping[str, _Test]] = {
    "table": {
        "contest": _text,
        "snapshot": _text,
        "announced_at": _matches(_DAY),
        "unit": _one_of("area", "station"),
        "replaces": _count,
    },
    "reading": {"values": _values, "problem": _one_of(*PROBLEMS), "probability": _millionths},
    "decision": {"copy": _hex64, "values": _values, "rests_on": _indexes},
    "notice": {"rests_on": _indexes},
}
_COMMON: Mapping[str, _Test] = {
    "type": _text,
    "v": lambda v: v == 1 and v is not True,
    "batch": _matches(_BATCH),
}
_ALLOWED = {kind: {**_COMMON, **tests, **OPTIONAL.get(kind, {})} for kind, tests in REQUIRED.items()}
_NEEDED = {kind: frozenset((*_COMMON, *tests)) for kind, tests in REQUIRED.items()}


def check_entry(entry: Any, *, where: str = "entry") -> dict[str, Any]:
    """`entry` if it may stand in the record.

    Raises:
        RecordError: unknown type or version, a missing, unknown or ill-formed key; `code` says which.
    """
    kind = entry.get("type") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in _ALLOWED:
        raise RecordError(
            f"{where}: expected one of the entry types {', '.join(REQUIRED)}, found {kind!r}",
            code="unknown-entry-type",
        )
    allowed = _ALLOWED[kind]
    for key, value in entry.items():
        test = allowed.get(key)
        if test is None:
            raise RecordError(f"{where}: a {kind} entry has no key {key!r}", code="unknown-key")
        if not test(value):
            raise RecordError(f"{where}: {key} of a {kind} entry can't be {value!r:.80}", code="bad-value")
    missing = _NEEDED[kind] - entry.keys()
    if missing:
        raise RecordError(f"{where}: a {kind} entry needs {', '.join(sorted(missing))}", code="missing-key")
    if kind == "reading" and ("values" in entry) == ("problem" in entry):
        raise RecordError(f"{where}: a reading has either values or a problem", code="bad-value")
    return entry  # type: ignore[no-any-return]


def encode_entry(entry: Mapping[str, Any]) -> bytes:
    """The bytes of an entry as they go into the log.

    Raises:
        RecordError: what `check_entry` refuses, or more than 65,535 bytes.
    """
    data = canonical(check_entry(dict(entry)))
    if len(data) > MAX_ENTRY_BYTES:
        raise RecordError(
            f"expected an entry of at most {MAX_ENTRY_BYTES} bytes, found {len(data)}; large values go into an object",
            code="entry-too-large",
        )
    return data
