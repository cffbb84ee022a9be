"""What the machine made of a copy: held to strict rules when it comes out of the jail, and what follows from it. Pure.

Leaves out: how a photo is read (`reading`), and when (`storage.machine`).

Rules:

* Only figures come in: every key, word, length and number is checked against the form's template; a text that a crafted
  photo could have put into the answer is dropped or refused, never kept.
* A reading of the paper is what stands there (`raw`), not what the sums would like better.
* The machine is *sure* of a field where its outcome is `accept` and its probability reaches the agreement rule's
  certainty; on a small picture (`LEAST_SURE_PX`) of none. Only a sure machine can ask for one more look at what persons
  agreed on; by itself it settles nothing.
* Before people have typed a copy nothing of this is said anywhere (`may_be_said`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from counterfoil.election.definition import AgreementRule
from counterfoil.election.template_format import FormTemplate, TemplatePage
from counterfoil.primitives.cells import Cell, FieldState
from counterfoil.primitives.errors import RecordError

READER = "counterfoil-reader"
MOST_ANSWER_BYTES = 500_000
MOST_FIGURE = 10**12 - 1
MOST_ALTERNATIVES = 20
MOST_CODES = 20
WHOLE = 1_000_000
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,40}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_MARKS = "-_? ./,"
LEAST_SURE_PX = 1_050
"""Longer side of a kept copy below which the machine is sure of nothing. Set when copies of every size were bent by up
to 6 pixels: of 19 under 1,067 pixels two were taken with fields off by half their height and more, of 30 larger ones
none. Small ones are bent less now; what they could be trusted with is not measured again."""
_FAR = 10
"""Corners of the sheet may lie outside the photo, this many times its size at most."""
OUTCOMES = ("accept", "suggest", "people")
STATES = ("number", *(state.value for state in FieldState))
_BLANK = (FieldState.EMPTY, FieldState.STRUCK, FieldState.WORD)

Point = tuple[int, int]
"""Right and down, in millionths of the picture's width and height."""


class NotAReading(RecordError):  # noqa: N818 - it is an answer
    """The reader's answer is not what it must be: it is thrown away whole."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(f"the machine's reading: expected {expected}, found {found!r:.60}", code="bad-machine-reading")


@dataclass(frozen=True, slots=True)
class FieldRead:
    """One field. `raw`: character by character; `value`: the number that is meant once the sums are looked at."""

    raw: str
    state: str
    value: int | None
    millionths: int
    outcome: str
    alternatives: tuple[tuple[int, int], ...] = ()
    """number, millionths"""

    @property
    def cell(self) -> Cell:
        """What the paper says, by `raw` alone."""
        digits = "".join(str(int(c)) for c in self.raw if c.isdecimal())
        if digits and "?" not in self.raw and len(digits) <= 12:
            return int(digits)
        return FieldState(self.state) if self.state != "number" else FieldState.ILLEGIBLE

    @property
    def certainty(self) -> int:
        """Millionths: how probable `cell` is, with the sums looked at."""
        cell = self.cell
        if cell == self.value or (isinstance(cell, FieldState) and cell.value == self.state):
            return self.millionths
        return next((p for value, p in self.alternatives if value == cell), 0)


@dataclass(frozen=True, slots=True)
class MachineRead:
    """One copy. A page that was refused has no figures."""

    accepted: bool
    reason: str = ""
    template: str = ""
    page: int = 0
    variant: str = ""
    quad: tuple[Point, ...] = ()
    """Where the corners of the template's sheet lie in the photo."""
    codes: tuple[tuple[str, str], ...] = ()
    """What a printed code says: (`station` or `page`, the word), of codes that fit the template."""
    fields: Mapping[str, FieldRead] = field(default_factory=dict)
    places: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    """Where each field lies in the photo: four corners, as far as the reader says."""

    @property
    def unread(self) -> int:
        """Fields that the machine leaves to people."""
        return sum(one.outcome == "people" for one in self.fields.values())

    def data(self) -> dict[str, Any]:
        """For a row; `of_data` gives it back."""
        return {
            "accepted": self.accepted,
            "reason": self.reason,
            "template": self.template,
            "page": self.page,
            "variant": self.variant,
            "quad": [list(corner) for corner in self.quad],
            "codes": [list(code) for code in self.codes],
            "fields": {
                name: [f.raw, f.state, f.value, f.millionths, f.outcome, [list(a) for a in f.alternatives]]
                for name, f in self.fields.items()
            },
            "places": {name: [list(corner) for corner in corners] for name, corners in self.places.items()},
        }


def of_data(data: Mapping[str, Any]) -> MachineRead:
    """The reading of a row."""
    return MachineRead(
        data["accepted"],
        data["reason"],
        data["template"],
        data["page"],
        data["variant"],
        tuple((x, y) for x, y in data["quad"]),
        tuple((says, word) for says, word in data["codes"]),
        {
            name: FieldRead(raw, state, value, p, outcome, tuple((v, q) for v, q in others))
            for name, (raw, state, value, p, outcome, others) in data["fields"].items()
        },
        {name: tuple((x, y) for x, y in corners) for name, corners in data["places"].items()},
    )


# --- out of the jail ----------------------------------------------------------------------------------------------


def version(said: bytes) -> str:
    """The reader's version, as it goes behind the `@`.

    Raises:
        NotAReading: no such word.
    """
    text = said.decode("ascii", "replace")
    if not _VERSION.fullmatch(text):
        raise NotAReading("a version", text)
    return text


def checked(said: bytes, templates: Sequence[FormTemplate], width: int, height: int) -> MachineRead:
    """The reader's answer about a photo of this size, held to the rules.

    Raises:
        NotAReading: anything that is not exactly what an honest reader says.
    """
    if len(said) > MOST_ANSWER_BYTES:
        raise NotAReading(f"at most {MOST_ANSWER_BYTES} bytes", len(said))
    try:
        data = json.loads(said, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise NotAReading("JSON", said[:40]) from None
    page, fields = _object(data, "page"), _object(data, "fields")
    if type(page.get("accepted")) is not bool:
        raise NotAReading("accepted: true or false", page.get("accepted"))
    if not page["accepted"]:
        if fields:
            raise NotAReading("no figures of a page that was refused", sorted(fields)[0])
        reason = page.get("code")
        known = isinstance(reason, str) and _WORD.fullmatch(reason)
        return MachineRead(False, str(reason) if known else "refused", codes=_codes(data, templates))
    template = next((t for t in templates if t.name == page.get("template")), None)
    if template is None:
        raise NotAReading("the name of a template", page.get("template"))
    found = _page_of(page, template, fields)
    places = data.get("places", {})
    if not isinstance(places, dict) or not places.keys() <= fields.keys():
        raise NotAReading("places of the fields", type(places))
    return MachineRead(
        True,
        "",
        template.name,
        found.number,
        found.variant or "",
        _quad(page.get("quad"), width, height),
        _codes(data, [template]),
        {name: _field(name, given, large=max(width, height) >= LEAST_SURE_PX) for name, given in fields.items()},
        {name: _quad(corners, width, height) for name, corners in places.items()},
    )


def _no_number(word: str) -> Any:
    raise ValueError(word)


def _object(data: Any, name: str) -> dict[str, Any]:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, dict):
        raise NotAReading(f"an object {name}", value)
    return value


def _page_of(page: Mapping[str, Any], template: FormTemplate, fields: Mapping[str, Any]) -> TemplatePage:
    """The page whose fields these are: all of them, and no other."""
    for one in template.pages:
        named = page.get("page", one.number) == one.number and page.get("variant", one.variant) == one.variant
        if named and fields.keys() == {place.id for place in one.fields}:
            return one
    raise NotAReading("all fields of one page of the template", sorted(map(str, fields))[:4])


def _quad(value: Any, width: int, height: int) -> tuple[Point, ...]:
    corners: list[Point] = []
    for corner in value if isinstance(value, list) and len(value) == 4 else [None]:
        if not isinstance(corner, list) or len(corner) != 2 or not all(type(v) in (int, float) for v in corner):
            raise NotAReading("four corners", value)
        x, y = corner[0] / width, corner[1] / height
        if not (math.isfinite(x) and math.isfinite(y) and abs(x) <= _FAR and abs(y) <= _FAR):
            raise NotAReading("corners near the photo", corner)
        corners.append((round(x * WHOLE), round(y * WHOLE)))
    return tuple(corners)


def _codes(data: Mapping[str, Any], templates: Sequence[FormTemplate]) -> tuple[tuple[str, str], ...]:
    """What the codes say by the patterns of these templates; a payload that fits none is dropped, here for good."""
    given = data.get("codes", [])
    if not isinstance(given, list) or len(given) > MOST_CODES:
        raise NotAReading(f"at most {MOST_CODES} codes", type(given))
    for code in given:
        if not isinstance(code, dict) or not isinstance(code.get("payload"), str):
            raise NotAReading("a code with its payload", type(code))
    return said_by_codes([code["payload"] for code in given], templates)


def printed_kinds(templates: Sequence[FormTemplate]) -> tuple[str, ...]:
    """The kinds of codes that are printed on the pages of these templates, of tags their families: nothing else is
    looked for."""
    codes = [code for template in templates for page in template.pages for code in page.codes]
    named = {code.dictionary if code.kind == "apriltag" else code.kind for code in codes if code.kind != "printed"}
    return tuple(sorted(name for name in named if name))


def said_by_codes(payloads: Sequence[str], templates: Sequence[FormTemplate]) -> tuple[tuple[str, str], ...]:
    """What these payloads say by the patterns of these templates; one that fits none says nothing."""
    said: set[tuple[str, str]] = set()
    for payload in payloads:
        for page in (page for template in templates for page in template.pages):
            for one in page.codes:
                found = one.match(payload)
                if found is None:
                    continue
                said |= {(name, word) for name, word in found.items() if name == "station" and word}
                if "page" in one.says:
                    said.add(("page", str(page.number)))
    return tuple(sorted(said))


def _field(name: str, given: Any, *, large: bool) -> FieldRead:
    if not isinstance(given, dict):
        raise NotAReading(f"field {name}: an object", type(given))
    raw, state, value, outcome = (given.get(key) for key in ("raw", "state", "value", "outcome"))
    if not isinstance(raw, str) or len(raw) > 60 or not all(c.isdecimal() or c.isalpha() or c in _MARKS for c in raw):
        raise NotAReading(f"field {name}: digits, marks or a word", raw)
    if state not in STATES:
        raise NotAReading(f"field {name}: a state", state)
    if not (value is None or (type(value) is int and 0 <= value <= MOST_FIGURE)):
        raise NotAReading(f"field {name}: a number or null", value)
    if state == "number" and value is None:
        raise NotAReading(f"field {name}: the number", value)
    if outcome not in OUTCOMES:
        raise NotAReading(f"field {name}: an outcome", outcome)
    others = given.get("alternatives", [])
    if not isinstance(others, list) or len(others) > MOST_ALTERNATIVES:
        raise NotAReading(f"field {name}: at most {MOST_ALTERNATIVES} alternatives", type(others))
    alternatives = []
    for one in others:
        if not isinstance(one, list) or len(one) != 2 or type(one[0]) is not int or not 0 <= one[0] <= MOST_FIGURE:
            raise NotAReading(f"field {name}: a number and its probability", one)
        alternatives.append((one[0], _millionths(name, one[1])))
    if outcome == "accept" and not large:
        outcome = "suggest"
    return FieldRead(raw, state, value, _millionths(name, given.get("p")), outcome, tuple(alternatives))


def _millionths(name: str, value: Any) -> int:
    """Rounded down: a probability is never made larger."""
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise NotAReading(f"field {name}: a probability", value)
    return int(value * WHOLE)


# --- what follows -------------------------------------------------------------------------------------------------


def entry(read: MachineRead, rule: AgreementRule) -> dict[str, Any]:
    """`values` and `probability` of the reading's entry. What the reader did not accept stays below the certainty at
    which the rule would take it for a voice, whatever its probability."""
    below = max(0, rule.machine_certainty_millionths - 1)
    cells = {name: one.cell for name, one in read.fields.items()}
    return {
        "values": {name: cell if isinstance(cell, int) else cell.value for name, cell in cells.items()},
        "probability": {
            name: one.certainty if one.outcome == "accept" else min(one.certainty, below)
            for name, one in read.fields.items()
        },
    }


def sure(read: MachineRead, rule: AgreementRule) -> dict[str, Cell]:
    """The fields that the machine is sure of."""
    return {
        name: one.cell
        for name, one in read.fields.items()
        if one.outcome == "accept" and one.certainty >= rule.machine_certainty_millionths
    }


def contradicts(machine: Cell, settled: Cell) -> bool:
    """Whether a sure machine doubts what persons settled: another number of votes. A dash, a word and an empty box are
    no votes, like 0; which of them it is, is for people."""
    mine, theirs = _votes(machine), _votes(settled)
    return mine is not None and mine != theirs


def _votes(cell: Cell) -> int | None:
    if isinstance(cell, FieldState):
        return 0 if cell in _BLANK else None
    return cell


def may_be_said(whole: int, settled: bool, rule: AgreementRule) -> bool:
    """Whether the machine's reading may enter the record, which everybody can read.

    Args:
        whole: persons who typed the whole page.
        settled: the copy needs no first readers any more.
    """
    needed = rule.persons - 1 if rule.machine_second else rule.persons
    return settled or whole >= max(1, needed)


def rank(read: MachineRead | None) -> int:
    """For the order of work: 0 what the machine could not read, 1 what it has not looked at, 2 what it could."""
    if read is None:
        return 1
    return 2 if read.accepted and read.unread == 0 else 0
