"""A form template while it is drawn: how it begins, and what a code on its page seems to say."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from counterfoil.election.form_fields import Blank, Check, FormField

Draft = dict[str, Any]
"""Plain data of a template (`template_format`, read with `draft=True`)."""
_SHORTEST_STATION = 3
"""Digits and letters of a station's id that are looked for in a payload: shorter ones stand in every payload."""


def draft_of(
    name: str, title: Mapping[str, str], languages: Sequence[str], fields: Sequence[FormField], checks: Sequence[Check]
) -> Draft:
    """A draft with a form's fields and checks, and no page yet."""
    return {
        "counterfoil_template": 1,
        "name": name,
        "version": 1,
        "title": dict(title),
        "languages": list(languages),
        "fields": [_field(one) for one in fields],
        "pages": [],
        "checks": [_check(one) for one in checks],
    }


def _field(one: FormField) -> dict[str, Any]:
    empty = {"empty": "zero"} if one.empty_is_zero else {}
    return {"id": one.id, "label": dict(one.label), "kind": one.kind, **empty}


def _check(one: Check) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": one.id, "rule": one.rule.text, "code": one.code, "severity": one.severity.value}
    if one.tolerance:
        plain["tolerance"] = one.tolerance
    if one.blank is not Blank.UNKNOWN:
        plain["blank"] = one.blank.value
    return {**plain, "explanation": dict(one.explanation)}


def pattern_of(payload: str, stations: Collection[str]) -> str | None:
    """A pattern for payloads like this one: its figures may be others, its letters not. Where it holds the id of one of
    `stations` (the longest counts), that part is the station. A guess, for a person to look at; None: of a payload with
    blanks or signs that a pattern cannot say."""
    if not re.fullmatch(r"[0-9A-Za-z/_.:-]{1,80}", payload):
        return None
    inside = [one for one in stations if len(one) >= _SHORTEST_STATION and payload.count(one) == 1]
    if not inside:
        return _like(payload)
    station = max(inside, key=len)
    before, _, after = payload.partition(station)
    return f"{_like(before)}(?P<station>{_like(station)}){_like(after)}"


def _like(text: str) -> str:
    return "".join(
        f"[0-9]{{{len(run)}}}" if run.isdecimal() else re.sub(r"([.])", r"\\\1", run)
        for run in re.findall(r"[0-9]+|[^0-9]+", text)
    )
