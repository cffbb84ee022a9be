"""The small language of a form's checks: `ada + bob + invalid == ballots_cast`, parsed, never evaluated as code.

    rule   := sum ("==" | "<=" | ">=" | "<" | ">") sum
    sum    := term (("+" | "-") term)*
    term   := integer | [integer "*"] (field | "(" sum ")")

A rule is kept as linear form `sum(coefficient * field) + constant OP 0`, so the same rule is computed the same way over
one sheet and over a frame of a million.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterfoil.primitives.errors import InputError

MAX_RULE_CHARACTERS = 10_000
MAX_FACTOR = 1_000
MAX_CONSTANT = 10**12
"""With figures of at most 12 digits and 1,000 fields, no side of a rule leaves 64 bits."""
_TOKEN = re.compile(r"\s*(?:([0-9]{1,15})|(==|<=|>=|<|>|[+*()-])|([^\W\d][\w.]*(?:-[\w.]+)*))")


@dataclass(frozen=True, slots=True)
class Rule:
    """`left - right` as coefficients per field and a constant; the rule holds when `difference OP 0`."""

    text: str
    left: Mapping[str, int]
    left_constant: int
    right: Mapping[str, int]
    right_constant: int
    operator: str

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.left, *self.right]))

    def sides(self, values: Mapping[str, int]) -> tuple[int, int]:
        """Both sides for the fields in `values`; a field that is not in it is left out of its sum."""
        left = self.left_constant + sum(c * values[f] for f, c in self.left.items() if f in values)
        right = self.right_constant + sum(c * values[f] for f, c in self.right.items() if f in values)
        return left, right

    def holds(self, difference: Any, tolerance: int = 0) -> Any:
        """Whether `difference` (left minus right, a number or a Polars column) is allowed, within `tolerance` votes."""
        match self.operator:
            case "==":
                return abs(difference) <= tolerance
            case "<=":
                return difference <= tolerance
            case "<":
                return difference < tolerance
            case ">=":
                return difference >= -tolerance
            case _:
                return difference > -tolerance


def parse_rule(text: str, fields: Sequence[str], *, where: str) -> Rule:
    """A rule over the named fields.

    Raises:
        InputError: a character, word or order the language does not have, or a field the form does not have.
    """
    return _Parser(text, fields, where).rule()


class _Parser:
    def __init__(self, text: str, fields: Sequence[str], where: str) -> None:
        self.text, self.fields, self.where, self.at = text, set(fields), where, 0
        if len(text) > MAX_RULE_CHARACTERS:
            raise self.bad(f"a rule of at most {MAX_RULE_CHARACTERS} characters", f"{len(text)}")
        self.tokens = list(self._tokens())
        self.depth = 0

    def bad(self, expected: str, found: str) -> InputError:
        return InputError(
            self.where, expected=expected, found=f"{found} in the rule {self.text[:80]!r}", code="bad-rule"
        )

    def _tokens(self) -> list[str]:
        found, at = [], 0
        text = self.text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.bad("fields, whole numbers, + - * ( ) and one comparison", repr(text[at : at + 10].strip()))
            name = match.group(3)
            if name is None or name in self.fields:
                found.append(match.group(match.lastindex or 0))
                at = match.end()
            else:  # `a-b` may be one field named a-b, or a minus b: the longest known name wins
                parts = name.split("-")
                known = next((n for n in range(len(parts), 0, -1) if "-".join(parts[:n]) in self.fields), 0)
                if not known:
                    raise self.bad("a field of the form: " + ", ".join(sorted(self.fields)), repr(name))
                field = "-".join(parts[:known])
                found.append(field)
                at = match.start(3) + len(field)
        return found

    def rule(self) -> Rule:
        left, left_constant = self.sum()
        operator = self.next()
        if operator not in ("==", "<=", ">=", "<", ">"):
            raise self.bad("one of == <= >= < >", repr(operator or "the end"))
        right, right_constant = self.sum()
        if self.at != len(self.tokens):
            raise self.bad("the end", repr(self.tokens[self.at]))
        if len({**left, **right}) > MAX_FACTOR or any(abs(c) > MAX_FACTOR for c in (*left.values(), *right.values())):
            raise self.bad(f"at most {MAX_FACTOR} fields, each at most {MAX_FACTOR} times", "more")
        if max(abs(left_constant), abs(right_constant)) > MAX_CONSTANT:
            raise self.bad(f"whole numbers of at most {MAX_CONSTANT}", f"{left_constant or right_constant}")
        return Rule(self.text, left, left_constant, right, right_constant, operator)

    def next(self) -> str:
        word = self.tokens[self.at] if self.at < len(self.tokens) else ""
        self.at += 1
        return word

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def sum(self) -> tuple[dict[str, int], int]:
        total: dict[str, int] = {}
        constant = 0
        sign = 1
        if self.peek() == "-":
            self.at += 1
            sign = -1
        while True:
            part, part_constant = self.term()
            for name, coefficient in part.items():
                total[name] = total.get(name, 0) + sign * coefficient
            constant += sign * part_constant
            if self.peek() not in ("+", "-"):
                return total, constant
            sign = 1 if self.next() == "+" else -1

    def term(self) -> tuple[dict[str, int], int]:
        word = self.next()
        if word.isdigit():
            if self.peek() != "*":
                return {}, int(word)
            self.at += 1
            if self.peek().isdigit():
                raise self.bad("a field or a bracket after *", repr(self.peek()))
            part, constant = self.term()
            return {name: int(word) * c for name, c in part.items()}, int(word) * constant
        if word == "(":
            self.depth += 1
            if self.depth > 50:
                raise self.bad("at most 50 nested brackets", "more")
            part, constant = self.sum()
            closing = self.next()
            if closing != ")":
                raise self.bad("a closing bracket", repr(closing or "the end"))
            self.depth -= 1
            return part, constant
        if word in self.fields:
            return {word: 1}, 0
        raise self.bad("a field, a whole number or a bracket", repr(word or "the end"))
