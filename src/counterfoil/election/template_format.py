"""A form template as plain data: what a page of a protocol looks like, and where each figure stands on it.

    counterfoil_template: 1
    name: example-34a
    title: Form 34A
    fields:
      - {id: ada, label: Ada Hill}
      - {id: valid, kind: total, boxes: 3}
    pages:
      - picture: {file: page-1.png, sha256: 5f..., width: 800, height: 1200}
        places: {ada: [[600, 200], [760, 200], [760, 240], [600, 240]], valid: [[...], ...]}
        codes: [{kind: qr, pattern: "(?P<station>[0-9]{15})34"}]
        masks: [[[100, 900], [700, 900], [700, 1100], [100, 1100]]]
    checks: [{id: sum, rule: ada == valid}]

* Strict as the election's definition: an unknown key, a missing key or a wrong type is refused with its place.
* Outlines are whole pixels of the page's picture as it is stored: no fraction stands in the record. The corners of a
  field are top left, top right, bottom right, bottom left *as the form is read*, so that a sideways picture is no
  special case.
* A page may have variants (another print of the same page): each shows the same fields.
* What a code says is a pattern of a small language (`Code.says`): a template comes from other people, and no pattern
  of theirs may keep us busy.

Left out: pictures' bytes and files (`templates.py`), pixels (`reading`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from counterfoil.election.form_fields import Check, FormField, Text, read_checks, read_field
from counterfoil.election.nodes import Locate, Node
from counterfoil.primitives.errors import InputError
from counterfoil.primitives.ids import FieldId

Point = tuple[float, float]
"""Right and down, in pixels of the page's picture, from its top left corner."""
Polygon = tuple[Point, ...]

MAX_PAGES = 40
MAX_SIDE_PX = 12_000
MAX_PIXELS = 64_000_000
"""Of a page's picture; what the reader takes too."""
MAX_MASKS = 100
MAX_CODES = 20
MAX_CORNERS = 100
MIN_FIELD_PX = 4
"""Shorter sides hold no figure."""
CODE_KINDS = ("qr", "aztec", "datamatrix", "pdf417", "code128", "apriltag", "printed")
"""`printed`: figures printed on the page; the reader looks for them at the code's outline."""
DICTIONARIES = ("16h5", "25h9", "36h10", "36h11")
NUMERALS = ("western", "arabic", "persian", "devanagari")
MAX_PATTERN = 200
MAX_PAYLOAD = 500
_GROUPS = ("station", "form", "page")
_LITERAL = r"[^\\\[\](){}.*+?|^$\s]|\\[-\\\[\](){}.*+?|^$/]"
_ATOM = re.compile(rf"(?:\[[0-9A-Za-z_/-]{{1,40}}\]|\\d|{_LITERAL})(\{{\d{{1,3}}\}}|\{{\d{{1,3}},\d{{1,3}}\}}|[+*?])?")
_VARIANT = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,99}/){0,8}[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.(?:png|jpg|jpeg)")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_WORD = re.compile(r"[^\W\d_]{1,30}")


@dataclass(frozen=True, slots=True)
class Picture:
    """The reference picture of a page. Its bytes are had by `templates.picture_of`."""

    file: str
    sha256: str
    width: int
    height: int
    filled: bool = False
    """Whether a figure is written on it: then its ink is not the form's print, and it stays private."""
    data: bytes | None = field(default=None, repr=False, compare=False)
    path: Path | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """One field where it stands on a page."""

    id: FieldId
    page: int
    quad: tuple[Point, Point, Point, Point]
    """Top left, top right, bottom right, bottom left, as the form is read."""
    boxes: int | None
    """Printed boxes for one digit each; None: a free field."""
    label: Text
    kind: str
    """`votes` or `total`."""


@dataclass(frozen=True, slots=True)
class PageCode:
    """A code printed on a page, and what its payload says."""

    kind: str
    dictionary: str | None
    """The family of an AprilTag; no other may be looked for (foreign families are seen where there are none)."""
    pattern: str
    quad: tuple[Point, Point, Point, Point] | None = None

    @property
    def says(self) -> tuple[str, ...]:
        """`station`, `form`, `page`: what the pattern's groups name. A pattern without groups says the page alone."""
        named = tuple(group for group in _GROUPS if f"(?P<{group}>" in self.pattern)
        return named or ("page",)

    def match(self, payload: str) -> Mapping[str, str] | None:
        """What `payload` says by group, or None where it is no code of this page."""
        if len(payload) > MAX_PAYLOAD:
            return None
        found = re.fullmatch(self.pattern, payload, re.ASCII)
        return None if found is None else found.groupdict()


@dataclass(frozen=True, slots=True)
class TemplatePage:
    number: int
    variant: str | None
    picture: Picture
    fields: tuple[FieldPlace, ...]
    """In the form's printed order."""
    codes: tuple[PageCode, ...]
    masks: tuple[Polygon, ...]
    """Names, signatures and whatever else is covered before a copy is released."""
    outline: Polygon | None
    """The sheet in the picture, four corners; None: the whole picture."""

    @property
    def width(self) -> int:
        return self.picture.width

    @property
    def height(self) -> int:
        return self.picture.height

    @property
    def name(self) -> str:
        """`1`, or `1-b` for a variant; unique in its template."""
        return str(self.number) if self.variant is None else f"{self.number}-{self.variant}"

    def place(self, field_id: str) -> FieldPlace:
        return next(place for place in self.fields if place.id == field_id)


@dataclass(frozen=True, slots=True)
class SumRule:
    """parts[0] + parts[1] + ... == total, as the form itself says."""

    parts: tuple[str, ...]
    total: str
    check: str
    """Id of the check that says so."""


@dataclass(frozen=True)
class FormTemplate:
    name: str
    version: int
    title: Text
    languages: tuple[str, ...]
    fields: tuple[FormField, ...]
    """In printed order, each with the number of its page."""
    pages: tuple[TemplatePage, ...]
    checks: tuple[Check, ...]
    boxes: Mapping[str, int]
    """Digit boxes by field; a free field is not among them."""
    numerals: str = "western"
    zero_words: tuple[str, ...] = ()
    """Words that officers write for none, in small letters: `nil`."""
    plain: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The plain data this was read from: what goes into the record."""

    @cached_property
    def sums(self) -> tuple[SumRule, ...]:
        """The checks that say that fields add up to a field."""
        return tuple(found for check in self.checks if (found := _sum(check)) is not None)

    @property
    def unplaced(self) -> tuple[FieldId, ...]:
        """Fields of a draft that stand nowhere yet, or not on each variant of their page."""
        placed = [{place.id for place in page.fields} for page in self.pages]
        homes = {place.id: page.number for page in self.pages for place in page.fields}
        return tuple(
            one.id
            for one in self.fields
            if one.id not in homes
            or any(
                one.id not in has for page, has in zip(self.pages, placed, strict=True) if page.number == homes[one.id]
            )
        )

    def page(self, name: str) -> TemplatePage:
        return next(page for page in self.pages if page.name == name)

    def variants(self, number: int) -> tuple[TemplatePage, ...]:
        return tuple(page for page in self.pages if page.number == number)


def read_template_plain(
    plain: Any, locate: Locate = lambda path: "template " + ".".join(map(str, path)), *, draft: bool = False
) -> FormTemplate:
    """Plain data (of YAML, or of the record) to a template without pictures' bytes.

    Args:
        draft: it is still being drawn: there may be no page yet, and fields without a place.

    Raises:
        InputError: naming the place, what was expected and what was found.
    """
    top = Node(plain, (), locate)
    top.only("counterfoil_template name version title languages numerals zero_words fields pages checks")
    if top.integer("counterfoil_template") != 1:
        raise top.bad("counterfoil_template", "1, the format this version reads")
    languages = tuple(top.get("languages").texts()) if top.has("languages") else ("en",)
    if not all(_LANGUAGE.fullmatch(language) for language in languages):
        raise top.bad("languages", "language tags such as en, be, pt-BR")
    declared, boxes = _fields(top, languages[0])
    pages = _pages(top, declared, boxes, draft=draft)
    where = {place.id: page.number for page in pages for place in page.fields}
    for one in declared:
        if one.id not in where and not draft:
            raise top.bad("pages", f"a place for each field, {one.id} among them")
    return FormTemplate(
        name=top.id("name"),
        version=top.integer("version", default=1, least=1),
        title=top.text("title", languages[0], default=top.string("name")),
        languages=languages,
        fields=tuple(FormField(f.id, f.label, where.get(f.id, 1), f.kind, f.empty_is_zero) for f in declared),
        pages=pages,
        checks=read_checks(top, languages[0], [f.id for f in declared]),
        boxes=boxes,
        numerals=top.choice("numerals", NUMERALS, default="western"),
        zero_words=_words(top),
        plain=top.mapping(),
    )


def _fields(top: Node, language: str) -> tuple[tuple[FormField, ...], dict[str, int]]:
    fields: list[FormField] = []
    boxes: dict[str, int] = {}
    for item in top.get("fields").items():
        item.only("id label kind empty boxes")
        one = read_field(item, language)
        fields.append(one)
        if item.has("boxes"):
            boxes[one.id] = item.integer("boxes", least=1)
            if boxes[one.id] > 12:
                raise item.bad("boxes", "at most 12 boxes")
    if not 1 <= len(fields) <= 1000:
        raise top.bad("fields", "1 to 1000 fields")
    top.unique("fields", [one.id for one in fields])
    return tuple(fields), boxes


def _words(top: Node) -> tuple[str, ...]:
    if not top.has("zero_words"):
        return ()
    words = tuple(top.get("zero_words").texts())
    if not all(_WORD.fullmatch(word) and word == word.lower() for word in words):
        raise top.bad("zero_words", "single words in small letters")
    return words


def _pages(
    top: Node, declared: Sequence[FormField], boxes: Mapping[str, int], *, draft: bool
) -> tuple[TemplatePage, ...]:
    given = top.mapping().get("pages")
    items = [] if draft and given in (None, []) else top.get("pages").items()
    if len(items) > MAX_PAGES or not (items or draft):
        raise top.bad("pages", f"1 to {MAX_PAGES} pages")
    pages = tuple(_page(item, declared, boxes) for item in items)
    top.unique("pages", [page.name for page in pages])
    by_number: dict[int, TemplatePage] = {}
    home: dict[str, int] = {}
    for page, item in zip(pages, items, strict=True):
        first = by_number.setdefault(page.number, page)
        if [f.id for f in first.fields] != [f.id for f in page.fields] and not draft:
            raise item.bad("places", f"the fields of page {first.name}, of which this is a variant")
        for place in page.fields:
            if home.setdefault(place.id, page.number) != page.number:
                raise item.bad("places", f"each field on one page, and {place.id} is on page {home[place.id]}")
    return pages


def _page(node: Node, declared: Sequence[FormField], boxes: Mapping[str, int]) -> TemplatePage:
    node.only("page variant picture outline places codes masks")
    picture = _picture(node.get("picture"))
    number = node.integer("page", default=1, least=1)
    variant = node.string("variant") if node.has("variant") else None
    if variant is not None and not _VARIANT.fullmatch(variant):
        raise node.bad("variant", "at most 20 small letters, digits and -")
    places: dict[str, tuple[Point, Point, Point, Point]] = {}
    if node.has("places"):
        given = node.get("places")
        given.only(" ".join(one.id for one in declared))
        places = {name: read_quad(given, name, picture) for name in given.mapping()}
    code_nodes = node.get("codes").items() if node.has("codes") else []
    mask_nodes = node.get("masks").items() if node.has("masks") else []
    if len(code_nodes) > MAX_CODES:
        raise node.bad("codes", f"at most {MAX_CODES} codes")
    if len(mask_nodes) > MAX_MASKS:
        raise node.bad("masks", f"at most {MAX_MASKS} masks")
    return TemplatePage(
        number=number,
        variant=variant,
        picture=picture,
        fields=tuple(
            FieldPlace(one.id, number, places[one.id], boxes.get(one.id), one.label, one.kind)
            for one in declared
            if one.id in places
        ),
        codes=tuple(_code(item, picture) for item in code_nodes),
        masks=tuple(_polygon(item, picture) for item in mask_nodes),
        outline=read_quad(node, "outline", picture) if node.has("outline") else None,
    )


def _picture(node: Node) -> Picture:
    node.only("file sha256 width height filled")
    file = node.string("file")
    if not _FILE.fullmatch(file):
        raise node.bad("file", "a path below the template's pictures that ends in .png, .jpg or .jpeg")
    if not _SHA256.fullmatch(node.string("sha256")):
        raise node.bad("sha256", "64 small hexadecimal digits")
    picture = Picture(
        file,
        node.string("sha256"),
        node.integer("width", least=1),
        node.integer("height", least=1),
        node.boolean("filled", default=False),
    )
    if max(picture.width, picture.height) > MAX_SIDE_PX or picture.width * picture.height > MAX_PIXELS:
        raise node.bad("width", f"at most {MAX_SIDE_PX} pixels a side and {MAX_PIXELS} in all")
    return picture


def _point(node: Node, picture: Picture) -> Point:
    value = node.value
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not all(isinstance(v, int) and not isinstance(v, bool) for v in value)
    ):
        raise InputError(
            node.locate(node.path),
            expected="a point: two whole numbers of pixels, right and down",
            found=repr(value)[:80],
            code="bad-outline",
        )
    if not (0 <= value[0] <= picture.width and 0 <= value[1] <= picture.height):
        raise InputError(
            node.locate(node.path),
            expected=f"a point inside the picture of {picture.width} x {picture.height} pixels",
            found=repr(value)[:80],
            code="outside-picture",
        )
    return (float(value[0]), float(value[1]))


def _polygon(node: Node, picture: Picture) -> Polygon:
    corners = tuple(_point(item, picture) for item in node.items())
    if not 3 <= len(corners) <= MAX_CORNERS:
        raise InputError(
            node.locate(node.path), expected=f"3 to {MAX_CORNERS} corners", found=str(len(corners)), code="bad-outline"
        )
    return corners


def read_quad(node: Node, key: str, picture: Picture) -> tuple[Point, Point, Point, Point]:
    """Four corners in the order a form is read: convex, going round to the right, sides of `MIN_FIELD_PX` at least."""
    corners = tuple(_point(item, picture) for item in node.get(key).items())
    if len(corners) != 4:
        raise node.bad(key, "four corners: top left, top right, bottom right, bottom left")
    for at in range(4):
        (ax, ay), (bx, by), (cx, cy) = corners[at], corners[(at + 1) % 4], corners[(at + 2) % 4]
        if (bx - ax) * (cy - by) - (by - ay) * (cx - bx) <= 0:
            raise node.bad(key, "four corners round to the right: top left, top right, bottom right, bottom left")
        if (bx - ax) ** 2 + (by - ay) ** 2 < MIN_FIELD_PX**2:
            raise node.bad(key, f"sides of at least {MIN_FIELD_PX} pixels")
    return (corners[0], corners[1], corners[2], corners[3])


def _code(node: Node, picture: Picture) -> PageCode:
    node.only("kind dictionary pattern outline")
    kind = node.choice("kind", CODE_KINDS)
    if (kind == "apriltag") != node.has("dictionary"):
        raise node.bad("dictionary", "the tag's family for an apriltag, and for nothing else")
    if kind == "printed" and not node.has("outline"):
        raise node.bad("outline", "where the figures are printed")
    return PageCode(
        kind=kind,
        dictionary=node.choice("dictionary", DICTIONARIES) if kind == "apriltag" else None,
        pattern=_pattern(node),
        quad=read_quad(node, "outline", picture) if node.has("outline") else None,
    )


def _pattern(node: Node) -> str:
    """A pattern whose match takes little time on any payload: literals, classes, counts, at most two open ends, and
    the groups `station`, `form`, `page`, once each and not nested."""
    text = node.string("pattern")
    wanted = r"letters, digits, [...], \d, {n}, + * ? and the groups (?P<station>...), (?P<form>...), (?P<page>...)"
    at, inside, variable = 0, False, 0
    seen: set[str] = set()
    while at < len(text):
        if text[at] == ")" and inside:
            at, inside = at + 1, False
            continue
        opening = re.compile(r"\(\?P<([a-z]+)>").match(text, at)
        if opening is not None and not inside and opening[1] in _GROUPS and opening[1] not in seen:
            seen.add(opening[1])
            at, inside = opening.end(), True
            continue
        atom = _ATOM.match(text, at)
        if atom is None:
            raise node.bad("pattern", wanted)
        variable += atom[1] is not None and not re.fullmatch(r"\{\d+\}", atom[1])
        at = atom.end()
    if inside or variable > 2 or len(text) > MAX_PATTERN:
        raise node.bad("pattern", f"{wanted}; at most two open counts and {MAX_PATTERN} characters")
    try:
        re.compile(text, re.ASCII)
    except re.error:
        raise node.bad("pattern", wanted) from None
    return text


def _sum(check: Check) -> SumRule | None:
    rule = check.rule
    if rule.operator != "==" or rule.left_constant or rule.right_constant or check.tolerance:
        return None
    if any(c != 1 for c in (*rule.left.values(), *rule.right.values())) or not rule.left or not rule.right:
        return None
    if len(rule.right) == 1:
        return SumRule(tuple(rule.left), next(iter(rule.right)), check.id)
    if len(rule.left) == 1:
        return SumRule(tuple(rule.right), next(iter(rule.left)), check.id)
    return None
