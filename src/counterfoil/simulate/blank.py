"""Blank protocols of our own: form templates of countries that do not exist, so that nothing depends on a data folder.

What it answers: a form template with its picture, in many layouts: one or two pages, few or many candidates, printed
boxes (lines, dots, gaps, guide digits) or free fields, words beside the figures, watermark, QR code, AprilTags. One
number decides the layout; the same number gives the same bytes. Candidates, places and languages are invented.

* Every template has rules: the options add up to `valid`, `valid + invalid == cast`, and on two pages the ballots too.
* Layouts of even numbers are for training and fitting, those of odd numbers for judging (`is_unseen`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from counterfoil.election.templates import FormTemplate, read_template_plain, with_pictures
from counterfoil.primitives.canonical import sha256_hex

WIDTH, HEIGHT = 1000, 1414
"""A4 at about 120 dots per inch."""
TAGS = "36h10"
_INK, _GREY, _PALE = (28, 28, 30), (150, 150, 150), (222, 222, 222)
_MARGIN = 62
_SQUARE = 92
"""Side of a printed code."""

Quad = tuple[tuple[float, float], ...]
_Box = tuple[float, float, float, float]

_WORDS = (
    ("PROTOCOL OF RESULTS", "Polling station", "Candidate", "Votes", "in words", "Valid votes", "Invalid votes",
     "Votes cast", "Registered voters", "Ballots received", "Ballots unused", "Ballots used", "Signatures"),
    ("ACTA DE ESCRUTINIO", "Mesa", "Candidatura", "Votos", "en letras", "Votos validos", "Votos nulos",
     "Total de votos", "Inscritos", "Papeletas recibidas", "Papeletas sobrantes", "Papeletas usadas", "Firmas"),
    ("PROCES-VERBAL", "Bureau de vote", "Liste", "Voix", "en lettres", "Suffrages exprimes", "Bulletins nuls",
     "Total des votants", "Inscrits", "Bulletins recus", "Bulletins restants", "Bulletins employes", "Signatures"),
    ("ATA DA VOTACAO", "Assembleia", "Lista", "Votos", "por extenso", "Votos validos", "Votos nulos",
     "Total de votantes", "Inscritos", "Boletins recebidos", "Boletins restantes", "Boletins usados", "Assinaturas"),
)  # fmt: skip
_NAMES = (
    "Ada Belmar", "Bo Castell", "Cora Dunne", "Dario Elm", "Edda Farr", "Finn Gorse", "Gala Hart", "Hugo Ivers",
    "Ines Jarl", "Jon Keld", "Kaya Lund", "Leo Marsh", "Mina Noor", "Nils Orme", "Olga Penn", "Pia Quist",
    "Rolf Stern", "Tove Udall",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """What one number decides."""

    options: int
    boxes: int | None
    parting: str
    """Between boxes: `lines`, `dots`, `gaps`, `guides` (a pale 8 in each box), `none` (a free field)."""
    row: int
    """Height of a row in pixels."""
    box: int
    """Width of a box; of the whole field where there are none."""
    words: bool
    watermark: bool
    code: str
    """`qr`, `apriltag` or `none`."""
    squares: bool
    """Black squares in the corners."""
    language: int
    line: int
    totals_apart: bool
    tint: tuple[int, int, int]
    """Colour of box lines and guides."""

    @classmethod
    def of(cls, number: int) -> Layout:
        """The layout of a number."""
        rng = np.random.default_rng((20_417, number))
        parting = str(rng.choice(["lines", "lines", "dots", "gaps", "guides", "none", "none"]))
        boxes = None if parting == "none" else int(rng.choice([3, 3, 4, 5]))
        row = int(rng.integers(36, 62))
        box = int(rng.integers(120, 230)) if boxes is None else int(row * rng.uniform(0.75, 1.05))
        tint = (
            _INK if rng.random() < 0.5 else tuple(int(c) for c in rng.choice([(190, 170, 60), (120, 150, 200), _GREY]))
        )
        return cls(
            options=int(rng.choice([2, 3, 4, 5, 6, 8, 10, 12, 14])),
            boxes=boxes,
            parting=parting,
            row=row,
            box=box,
            words=bool(rng.random() < 0.5),
            watermark=bool(rng.random() < 0.35),
            code=str(rng.choice(["qr", "qr", "apriltag", "none"])),
            squares=bool(rng.random() < 0.3),
            language=int(rng.integers(len(_WORDS))),
            line=int(rng.integers(1, 4)),
            totals_apart=bool(rng.random() < 0.5),
            tint=(tint[0], tint[1], tint[2]),
        )


@dataclass
class DrawnPage:
    """One page as it is drawn: its picture and where what is."""

    picture: Image.Image
    fields: dict[str, Quad] = field(default_factory=dict)
    code: Quad | None = None
    words: dict[str, Quad] = field(default_factory=dict)
    """Where the same figure is written in words, by field."""
    hidden: list[Quad] = field(default_factory=list)
    """Names and signatures."""


def is_unseen(number: int) -> bool:
    """Whether a layout is kept for judging."""
    return number % 2 == 1


def payload(station: str, page: int) -> str:
    """What the QR code of our own forms says."""
    return f"CF1/{station}/{page}"


@dataclass(frozen=True)
class BlankForm:
    """A form of our own."""

    template: FormTemplate
    words: Mapping[str, Quad]
    """Where each figure is written again in words, by field; empty where the form does not ask for it."""


@dataclass(frozen=True, slots=True)
class Printed:
    """One field as the form prints it."""

    id: str
    label: str
    kind: str = "votes"
    """`votes` or `total`."""


Pages = Sequence[Sequence[Sequence[Printed]]]
"""Fields by page and table."""


def blank_form(number: int, *, pages: int = 1) -> BlankForm:
    """The form of one layout, with its pictures.

    Args:
        number: of the layout; any whole number from 0.
        pages: 1, or 2: ballots on the first, votes on the second.
    """
    layout = Layout.of(number)
    words = _WORDS[layout.language]
    rng = np.random.default_rng((20_418, number))
    names = [_NAMES[i] for i in rng.permutation(len(_NAMES))[: layout.options]]
    options = [Printed(f"c{at + 1}", f"{at + 1}. {name}") for at, name in enumerate(names)]
    totals = [Printed(name, words[at], "total") for name, at in (("valid", 5), ("invalid", 6), ("cast", 7))]
    found = (("registered", 8), ("received", 9), ("unused", 10), ("used", 11))
    ballots = [Printed(name, words[at], "total") for name, at in found]
    checks = {"options": f"{' + '.join(one.id for one in options)} == valid", "votes": "valid + invalid == cast"}
    tables: Pages = [[options, totals] if layout.totals_apart else [options + totals]]
    if pages == 2:
        tables = [[ballots], [options, totals]]
        checks |= {"ballots": "used + unused == received", "box": "cast == used"}
    name = f"blank-{number}" + ("" if pages == 1 else f"-{pages}")
    plain = [{"id": check, "rule": rule} for check, rule in checks.items()]
    return printed_form(name, f"Blank protocol {number}", tables, plain, layout, number=number)


def printed_form(
    name: str, title: str, tables: Pages, checks: Sequence[Mapping[str, Any]], layout: Layout, *, number: int = 0
) -> BlankForm:
    """A form with given fields and checks.

    Args:
        checks: as a template's file has them.
        number: decides small print and watermark.
    """
    drawn = [_page(layout, title, number, at + 1, blocks) for at, blocks in enumerate(tables)]
    data = {f"page-{at + 1}.png": _png(page.picture) for at, page in enumerate(drawn)}
    boxes = {} if layout.boxes is None else {"boxes": layout.boxes}
    plain = {
        "counterfoil_template": 1,
        "name": name,
        "title": title,
        "zero_words": ["nil", "none", "zero"],
        "fields": [
            {"id": one.id, "label": one.label, "kind": one.kind, **boxes}
            for blocks in tables
            for block in blocks
            for one in block
        ],
        "pages": [_page_plain(layout, at + 1, page, data[f"page-{at + 1}.png"]) for at, page in enumerate(drawn)],
        "checks": [dict(check) for check in checks],
    }
    by_sha256 = {sha256_hex(one): one for one in data.values()}
    template = with_pictures(read_template_plain(plain), by_sha256.__getitem__)
    return BlankForm(template, {key: quad for page in drawn for key, quad in page.words.items()})


def _page_plain(layout: Layout, page: int, drawn: DrawnPage, data: bytes) -> dict[str, Any]:
    code: dict[str, Any] = {"kind": "qr", "pattern": r"CF1/(?P<station>[0-9A-Za-z_-]+)/(?P<page>\d)"}
    if layout.code == "apriltag":
        code = {"kind": "apriltag", "dictionary": TAGS, "pattern": f"10{page}"}
    return {
        "page": page,
        "picture": {"file": f"page-{page}.png", "sha256": sha256_hex(data), "width": WIDTH, "height": HEIGHT},
        "places": {name: _whole(quad) for name, quad in drawn.fields.items()},
        "codes": [] if drawn.code is None else [{**code, "outline": _whole(drawn.code)}],
        "masks": [_whole(quad) for quad in drawn.hidden],
    }


def _whole(quad: Quad) -> list[list[int]]:
    return [[round(x), round(y)] for x, y in quad]


def _page(layout: Layout, title: str, number: int, page: int, blocks: Sequence[Sequence[Printed]]) -> DrawnPage:
    drawn = DrawnPage(Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255)))
    words, pen = _WORDS[layout.language], ImageDraw.Draw(drawn.picture)
    if layout.watermark:
        _watermark(drawn.picture, number)
    pen.text((_MARGIN, 58), words[0], font=_font(34), fill=_INK)
    edition = f"{title} - {chr(65 + number % 26)}{number % 50 + 1}"
    pen.text((_MARGIN, 104), edition, font=_font(19), fill=_INK)
    pen.text((_MARGIN, 140), f"{words[1]} ____________________   {page}", font=_font(22), fill=_INK)
    _code(drawn, layout, page)
    if layout.squares:
        for x in (16, WIDTH - 42):
            for y in (16, HEIGHT - 42):
                pen.rectangle((x, y, x + 26, y + 26), fill=_INK)
    below = _small_print(pen, number, page, 184)
    rows = sum(len(block) for block in blocks)
    row = min(layout.row, int(HEIGHT - below - 250 - 70 * len(blocks)) // rows)
    for block in blocks:
        below = _block(drawn, layout, block, below, row) + 26
    _signatures(drawn, words[12], below)
    return drawn


def _block(drawn: DrawnPage, layout: Layout, rows: Sequence[Printed], top: float, row: int) -> float:
    pen, words, line = ImageDraw.Draw(drawn.picture), _WORDS[layout.language], layout.line
    box = layout.box if layout.boxes is None else min(layout.box, round(row * 1.1))
    wide = box * (layout.boxes or 1)
    pad = 8 if layout.parting == "gaps" else 0
    right = WIDTH - _MARGIN
    figures = right - wide - 2 * pad
    wording = figures - 260 if layout.words else figures
    pen.rectangle((_MARGIN, top, right, top + 34), outline=_INK, width=line, fill=(236, 236, 236))
    pen.text((_MARGIN + 12, top + 7), words[2], font=_font(18), fill=_INK)
    pen.text((figures + 8, top + 7), words[3], font=_font(18), fill=_INK)
    if layout.words:
        pen.text((wording + 8, top + 7), words[4], font=_font(18), fill=_INK)
    y = top + 34
    for one in rows:
        pen.rectangle((_MARGIN, y, right, y + row), outline=_INK, width=line)
        pen.text((_MARGIN + 12, y + row / 2 - 11), one.label, font=_font(19), fill=_INK)
        if layout.words:
            pen.line((wording, y, wording, y + row), fill=_INK, width=line)
            drawn.words[one.id] = _quad((wording + 4, y + 2, figures - 4, y + row - 2))
        pen.line((figures, y, figures, y + row), fill=_INK, width=line)
        place = (figures + pad, y + pad / 2, figures + pad + wide, y + row - pad / 2)
        _boxes(pen, layout, place)
        drawn.fields[one.id] = _quad(place)
        y += row
    return y


def _boxes(pen: ImageDraw.ImageDraw, layout: Layout, place: _Box) -> None:
    """What is printed inside one field."""
    x0, y0, x1, y1 = place
    count = layout.boxes or 1
    wide = (x1 - x0) / count
    for at in range(count):
        left = x0 + at * wide
        if layout.parting == "gaps":
            pen.rectangle(
                (left + 3, y0 + 2, left + wide - 3, y1 - 2), outline=layout.tint, width=max(1, layout.line - 1)
            )
        if layout.parting == "guides":
            _guide(pen, (left + 0.3 * wide, y0 + 0.16 * (y1 - y0), left + 0.7 * wide, y1 - 0.16 * (y1 - y0)))
        if at and layout.parting in {"lines", "guides"}:
            pen.line((left, y0, left, y1), fill=layout.tint, width=max(1, layout.line - 1))
        if at and layout.parting == "dots":
            for y in range(int(y0) + 3, int(y1) - 1, 6):
                pen.ellipse((left - 1, y - 1, left + 1, y + 1), fill=layout.tint)


def _guide(pen: ImageDraw.ImageDraw, box: _Box) -> None:
    """A pale 8 of seven bars, to be written along."""
    x0, y0, x1, y1 = box
    middle = (y0 + y1) / 2
    for a, b in (
        ((x0, y0), (x1, y0)),
        ((x0, middle), (x1, middle)),
        ((x0, y1), (x1, y1)),
        ((x0, y0), (x0, y1)),
        ((x1, y0), (x1, y1)),
    ):
        pen.line((*a, *b), fill=_GREY, width=1)


def _small_print(pen: ImageDraw.ImageDraw, number: int, page: int, top: float) -> float:
    """What nobody reads, in words that mean nothing: every form has its own."""
    rng = np.random.default_rng((20_419, number, page))
    for _ in range(int(rng.integers(2, 6))):
        text = ""
        while len(text) < 104:
            text += (
                "".join(
                    rng.choice(list("bdfgklmnprstv")) + rng.choice(list("aeiou")) for _ in range(rng.integers(1, 5))
                )
                + " "
            )
        pen.text((_MARGIN, top), text, font=_font(15), fill=_INK)
        top += 20
    return top + 14


def _signatures(drawn: DrawnPage, title: str, top: float) -> None:
    pen = ImageDraw.Draw(drawn.picture)
    high = min(240.0, HEIGHT - 60 - top)
    pen.text((_MARGIN, top), title, font=_font(18), fill=_INK)
    step = (WIDTH - 2 * _MARGIN) / 3
    for number in range(3):
        x = _MARGIN + number * step
        box = (x + 6, top + 30, x + step - 6, top + high)
        pen.rectangle(box, outline=_GREY)
        drawn.hidden.append(_quad(box))


def _watermark(picture: Image.Image, number: int) -> None:
    tile = Image.new("RGB", (170, 120), (255, 255, 255))
    pen = ImageDraw.Draw(tile)
    pen.ellipse((30, 20, 110, 100), outline=_PALE, width=7)
    pen.text((44, 44), f"EX{number % 100:02d}", font=_font(26), fill=_PALE)
    for x in range(0, WIDTH, tile.width):
        for y in range(0, HEIGHT, tile.height):
            picture.paste(tile.rotate(20, fillcolor=(255, 255, 255)), (x, y))


def _code(drawn: DrawnPage, layout: Layout, page: int) -> None:
    if layout.code == "none":
        return
    x, y = WIDTH - _MARGIN - _SQUARE, 48
    image = tag_picture(page) if layout.code == "apriltag" else qr_picture(payload("0", page))
    drawn.picture.paste(Image.fromarray(cv2.resize(image, (_SQUARE, _SQUARE), interpolation=cv2.INTER_NEAREST)), (x, y))
    drawn.code = _quad((x, y, x + _SQUARE, y + _SQUARE))


def qr_picture(text: str) -> cv2.typing.MatLike:
    """A QR code, one pixel a module, with its quiet zone."""
    code = cv2.QRCodeEncoder.create().encode(text)
    return np.pad(code, 2, constant_values=255)


def tag_picture(page: int) -> cv2.typing.MatLike:
    """The AprilTag of a page, one pixel a module, with a white edge."""
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h10)
    return np.pad(cv2.aruco.generateImageMarker(family, 100 + page, 8), 1, constant_values=255)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _quad(box: _Box) -> Quad:
    x0, y0, x1, y1 = box
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
