"""Fields and checks of a form, as an election's definition and a form template both write them.

One reader for both, so that a template cannot say what a definition could not.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from counterfoil.election.expressions import Rule, parse_rule
from counterfoil.election.nodes import Node
from counterfoil.primitives.errors import InputError
from counterfoil.primitives.ids import FieldId

Text = Mapping[str, str]
"""A text by language tag; the first of the election's languages is always there."""


class Severity(enum.StrEnum):
    NOTE = "note"
    """Unusual."""
    CHECK = "check"
    """Somebody should look."""
    CONTRADICTION = "contradiction"
    """These statements can't all be true."""


class Blank(enum.StrEnum):
    """What a check does with a field that holds no number."""

    UNKNOWN = "unknown"
    """The check cannot be made."""
    NOT_USED = "not_used"
    """The line is taken as not used on this form and left out of the sum."""


@dataclass(frozen=True, slots=True)
class FormField:
    id: FieldId
    label: Text
    page: int = 1
    kind: str = "votes"
    """`votes` (struck and word count 0 in sums) or `total` (they are unknown)."""
    empty_is_zero: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One arithmetic rule on a form. It annotates, it never refuses."""

    id: str
    rule: Rule
    code: str
    severity: Severity
    tolerance: int
    blank: Blank
    explanation: Text


CHECK_CODES = ("turnout-over-register", "votes-over-ballots", "sum-mismatch", "negative-figure")
"""Codes that a form's check may raise."""
RESERVED_IDS = frozenset(
    "action agreed area base basis batch cast cluster comparison contest copies copy difference differing "
    "entries entry form item kind latitude listed_registered longitude machine name option options_sum others "
    "page problem reader reason register replaced_by reports source sources stated_cast state station stratum "
    "sure table value".split()
)
"""Names of our own columns: no field and no option can have one of them as its id."""


def read_field(node: Node, language: str) -> FormField:
    """One item of `fields:`."""
    return FormField(
        id=FieldId(node.id("id")),
        label=node.text("label", language, default=node.string("id")),
        page=node.integer("page", default=1, least=1),
        kind=node.choice("kind", ["votes", "total"], default="votes"),
        empty_is_zero=node.choice("empty", ["unknown", "zero"], default="unknown") == "zero",
    )


def read_checks(node: Node, language: str, names: Sequence[FieldId]) -> tuple[Check, ...]:
    """The `checks:` of a form or template with the fields `names`; none where the key is missing."""
    checks = []
    for item in node.get("checks").items() if node.has("checks") else ():
        item.only("id rule code severity tolerance blank explanation")
        checks.append(
            Check(
                id=item.id("id"),
                rule=parse_rule(item.string("rule"), names, where=item.where("rule")),
                code=item.choice("code", CHECK_CODES, default="sum-mismatch"),
                severity=Severity(item.choice("severity", [s.value for s in Severity], default="note")),
                tolerance=item.integer("tolerance", default=0),
                blank=Blank(item.choice("blank", [b.value for b in Blank], default="unknown")),
                explanation=item.text("explanation", language, default=item.string("rule")),
            )
        )
    return tuple(checks)


def refuse_reserved(node: Node, key: str, ids: Collection[str]) -> None:
    """No id is the name of one of our own columns."""
    taken = [name for name in ids if name in RESERVED_IDS]
    if taken:
        raise InputError(
            node.where(key),
            expected="ids that are no column of ours",
            found=taken[0],
            do="give it another id and keep the name as its label",
            code="reserved-id",
        )
