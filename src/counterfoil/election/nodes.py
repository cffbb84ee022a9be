"""Plain data with the place of every value: strict reading that names where something is missing, unknown or wrong.

Used by everything that reads YAML or JSON written by people: definitions, folders, recipes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from counterfoil.primitives.errors import InputError
from counterfoil.primitives.ids import check_id

Path = tuple[str | int, ...]
Locate = Callable[[Path], str]
"""Turns a path in the plain data into "election.yaml, line 12, column 5"."""

_MISSING: Any = object()
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\dZ)?")


class Node:
    """A value of the plain data with the path that leads to it, for errors that name the place."""

    def __init__(self, value: Any, path: Path, locate: Locate) -> None:
        self.value, self.path, self.locate = value, path, locate

    def where(self, key: str) -> str:
        return self.locate((*self.path, key))

    def bad(self, key: str, expected: str) -> InputError:
        found = self.value.get(key, _MISSING) if isinstance(self.value, Mapping) else self.value
        shown = "nothing" if found is _MISSING else repr(found)[:80]
        return InputError(self.where(key), expected=f"{key}: {expected}", found=shown, code="bad-definition")

    def mapping(self) -> Mapping[str, Any]:
        if not isinstance(self.value, Mapping):
            raise InputError(
                self.locate(self.path),
                expected="keys with values",
                found=repr(self.value)[:80],
                code="bad-definition",
            )
        return self.value

    def only(self, keys: str) -> None:
        """Refuses any key that is not among `keys`, names with spaces between."""
        allowed = keys.split()
        for key in self.mapping():
            if key not in allowed:
                raise InputError(
                    self.where(str(key)), expected="one of " + ", ".join(allowed), found=repr(key), code="unknown-key"
                )

    def has(self, key: str) -> bool:
        return self.mapping().get(key) is not None

    def get(self, key: str) -> Node:
        if not self.has(key):
            raise self.bad(key, "a value")
        return Node(self.mapping()[key], (*self.path, key), self.locate)

    def items(self) -> list[Node]:
        if not isinstance(self.value, list):
            raise InputError(
                self.locate(self.path), expected="a list", found=repr(self.value)[:80], code="bad-definition"
            )
        return [Node(item, (*self.path, i), self.locate) for i, item in enumerate(self.value)]

    def texts(self) -> list[str]:
        found = [node.value for node in self.items()]
        if not found or not all(isinstance(text, str) for text in found):
            raise InputError(self.locate(self.path), expected="texts", found=repr(found)[:80], code="bad-definition")
        return found

    def strings(self, key: str) -> Mapping[str, str]:
        """Texts by name; none where the key is missing."""
        if not self.has(key):
            return {}
        node = self.get(key)
        return {name: node.string(name) for name in node.mapping()}

    def string(self, key: str) -> str:
        value = self.mapping().get(key)
        if not isinstance(value, str) or not value:
            raise self.bad(key, "a text (put figures in quotes)")
        return value

    def id(self, key: str) -> str:
        return check_id(self.string(key), where=self.where(key))

    def date(self, key: str) -> str:
        value = self.mapping().get(key)
        text = value if isinstance(value, str) else getattr(value, "isoformat", lambda: "")()
        try:
            known = len(text) == 10 and date.fromisoformat(text).isoformat() == text
        except ValueError:
            known = False
        if not known:
            raise self.bad(key, "a date such as 2026-03-01")
        return str(text)

    def moment(self, key: str) -> str:
        """A day, or a day with a time in UTC to the minute."""
        text = self.string(key)
        try:
            known = _MOMENT.fullmatch(text) and datetime.fromisoformat(text)
        except ValueError:
            known = None
        if not known:
            raise self.bad(key, "a date such as 2026-03-01, or with a time in UTC such as 2026-03-01T20:00Z")
        return text

    def text(self, key: str, language: str, default: str | None = None) -> Mapping[str, str]:
        value = self.mapping().get(key)
        if value is None and default is not None:
            return {language: default}
        if isinstance(value, str) and value:
            return {language: value}
        if isinstance(value, Mapping) and all(isinstance(v, str) and v for v in value.values()):
            if language not in value:
                raise self.bad(key, f"a text in {language}, the election's first language")
            return dict(value)
        raise self.bad(key, "a text, or texts by language")

    def integer(self, key: str, default: int | None = None, least: int = 0) -> int:
        value = self.mapping().get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.bad(key, f"a whole number of {least} or more")
        return value

    def boolean(self, key: str, *, default: bool) -> bool:
        value = self.mapping().get(key, default)
        if not isinstance(value, bool):
            raise self.bad(key, "true or false")
        return value

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        value = self.mapping().get(key)
        if value is None and default is not None:
            return default
        if value not in allowed:
            raise self.bad(key, "one of " + ", ".join(allowed))
        return str(value)

    def one_of(self, key: str, allowed: Sequence[str], what: str) -> str:
        """An id that must be one of `allowed`; `what` says of what they are the ids."""
        name = self.string(key)
        if name not in allowed:
            raise self.bad(key, f"{what}: " + ", ".join(allowed))
        return name

    def unique(self, key: str, ids: Sequence[str]) -> None:
        seen: set[str] = set()
        for name in ids:
            if name in seen:
                raise InputError(self.where(key), expected="each id once", found=f"{name} twice", code="duplicate-id")
            seen.add(name)
