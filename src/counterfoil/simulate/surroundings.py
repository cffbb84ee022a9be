"""What a field shows besides its own signs: printed boxes, lines and guides, other rows, stamps, bleed, specks.

`layout` prints the form before anything is written, `around` draws the rest after. Nothing of this is in the truth.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from counterfoil.simulate.glyphs import OTHER_WORDS, glyph
from counterfoil.simulate.pen import line, placed
from counterfoil.simulate.written import Written

Box = tuple[float, float, float, float]
"""Left, right, top, bottom, in heights of the field."""


def layout(work: Written) -> list[Box]:
    """Print the form; the boxes as x0, x1, y0, y1 (one over all for a free field)."""
    rng, style, width = work.rng, work.style, work.usable
    dark, thick = rng.uniform(0.25, 1.0), rng.uniform(0.012, 0.05)
    far = work.margin + 0.3
    if style.rows:
        for y in (0.0, 1.0):
            _print_line(
                work,
                -far,
                y,
                work.width + far,
                y + rng.normal(0, 0.01),
                dark,
                thick * rng.uniform(0.7, 1.5),
                style.boxes == "dots",
            )
    if work.boxes is None:
        if style.rows and rng.random() < 0.7:
            for x in (0.0, width):
                _print_line(work, x, -far, x, 1 + far, dark, thick)
        return [(0.0, width, 0.0, 1.0)]
    places = []
    gap = rng.uniform(0.02, 0.12) if style.boxes == "apart" else 0.0
    top = rng.uniform(0.0, 0.2) if style.boxes == "apart" else 0.0
    pitch = width / work.boxes
    for i in range(work.boxes):
        x0, x1 = i * pitch + gap, (i + 1) * pitch - gap
        places.append((x0, x1, top, 1 - top))
        if style.boxes == "apart":
            _print_box(work, x0, x1, top, 1 - top, dark, thick, False)
        if style.guides:
            _guide(work, (x0 + x1) / 2, 0.5, (1 - 2 * top) * rng.uniform(0.6, 0.75), dark * 0.6)
    if style.boxes in ("grid", "dots"):
        inner = style.boxes == "dots" or rng.random() < 0.15
        for i in range(work.boxes + 1):
            edge = i in (0, work.boxes)
            reach = far if rng.random() < 0.6 and style.boxes == "grid" else 0.0
            _print_line(
                work,
                i * pitch,
                -reach,
                i * pitch,
                1 + reach,
                dark * (1 if edge else rng.uniform(0.5, 1)),
                thick,
                inner and not edge,
            )
    return places


def around(work: Written) -> None:
    """What belongs to other fields or to nobody: it is drawn, and not in the truth."""
    rng, style = work.rng, work.style
    for side in (-1.0, 1.0):
        if rng.random() < style.neighbours:
            _row(work, side)
    if "beside" in style.marks:  # letters of the next column, of which the outline takes some in
        size = style.size * rng.uniform(0.7, 1.1)
        pitch = size * rng.uniform(0.5, 0.8)
        text = str(rng.choice(OTHER_WORDS))
        for i, letter in enumerate(text.upper() if rng.random() < 0.7 else text):
            x = work.usable + rng.uniform(0.03, 0.2) + pitch * (i + 0.5)
            strokes = glyph(rng, letter, wobble=style.wobble)
            letters = placed(rng, strokes, x, 0.5 + style.rise, style, size, pitch * 0.85)
            work.pen.lines(work.ink, letters, style.pen)
    _prints(work)
    _smears(work)


def _row(work: Written, side: float) -> None:
    """What stands in the row above (-1) or below (1), for which the same hand has the same habits."""
    rng, style, width = work.rng, work.style, work.usable
    size = style.size * rng.uniform(0.9, 1.3)
    pitch = max(size * style.narrow * 1.1, width / (work.boxes or 99))
    count = int(rng.integers(1, 5))
    start = width - pitch * count if work.boxes else rng.uniform(0, max(width - pitch * count, 0.01))
    if style.column and not work.boxes and work.span:
        low, high = work.span
        start = (low if rng.random() < 0.6 else high - pitch * count) + rng.normal(0, 0.15) * size
    if style.column or style.rise:
        away = rng.uniform(0.92, 1.05)
        y = 0.5 + style.rise + side * max(away, size * 0.8) + rng.normal(0, 0.04)
    else:
        away = max(rng.uniform(0.72, 1.08), size * 0.95)  # outlines of rows may overlap
        y = 0.5 + side * away + rng.normal(0, 0.03)
    if rng.random() < 0.1:
        work.put("n", start + pitch * count / 2, y, size, None, record=False)
        return
    for i in range(count):
        sign = str(rng.integers(10)) if rng.random() < 0.85 else "X"
        work.put(sign, start + pitch * (i + 0.5), y, size, None, record=False)


def _prints(work: Written) -> None:
    rng, style, width = work.rng, work.style, work.width
    marks = style.marks
    if "block" in marks:
        x0 = -rng.uniform(0.1, 0.6)
        corners = work.pen.pixels(np.array([[x0 - 1, 0], [x0 + 0.1, 0], [x0 + 0.1, 1], [x0 - 1, 1]], np.float32))
        cv2.fillPoly(work.printed, [np.round(corners).astype(np.int32)], int(255 * marks["block"]))
    if "print" in marks:
        text = "".join(chr(int(c)) for c in rng.integers(65, 122, int(rng.integers(4, 16))))
        x, y = work.pen.pixels(np.array([[rng.uniform(-0.3, width * 0.6), rng.choice([-0.05, 1.27])]], np.float32))[0]
        cv2.putText(
            work.printed,
            text,
            (int(x), int(y)),
            int(rng.integers(0, 5)),
            rng.uniform(0.25, 0.6),
            int(255 * marks["print"]),
            1,
            cv2.LINE_AA,
        )
    if "stamp" in marks:
        t = np.linspace(0, 2 * np.pi, 40)
        r = rng.uniform(0.8, 2.0)
        middle = np.array([rng.uniform(0, width), rng.uniform(-0.5, 1.5)], np.float32)
        for radius in (r, r * 0.8):
            ring = np.stack([np.cos(t), np.sin(t)], axis=1).astype(np.float32) * radius + middle
            work.pen.lines(work.printed, [ring], rng.uniform(0.02, 0.06), marks["stamp"])
    if "texture" in marks:
        for _ in range(int(rng.integers(2, 7))):
            at = np.array([rng.uniform(0, width), rng.uniform(0, 1)], np.float32)
            shape = glyph(rng, str(rng.choice(list("0235689"))), wobble=0.2)
            scale = rng.uniform(0.3, 1.2)
            work.pen.lines(
                work.printed, [(s - 0.5) * scale + at for s in shape], rng.uniform(0.02, 0.12), marks["texture"]
            )


def _smears(work: Written) -> None:
    rng, style, width = work.rng, work.style, work.width
    marks = style.marks
    if "through" in marks:
        y = rng.uniform(0.2, 0.8)
        work.pen.lines(work.ink, [line(-0.3, y, width + 0.3, y + rng.normal(0, 0.3))], style.pen)
    if "bleed" in marks:
        own = work.pen.layer()
        other = [
            s * np.array([-1, 1], np.float32) + np.array([1, 0], np.float32) for s in glyph(rng, str(rng.integers(10)))
        ]
        work.pen.lines(
            own,
            placed(rng, other, rng.uniform(0, width), rng.uniform(0.2, 0.8), style, style.size, style.size),
            style.pen * 1.5,
            marks["bleed"],
        )
        np.maximum(work.printed, cv2.GaussianBlur(own, (0, 0), 1.5), out=work.printed)
    if "specks" in marks:
        for _ in range(int(rng.integers(1, 8))):
            x, y = rng.uniform(0, work.ink.shape[1]), rng.uniform(0, work.ink.shape[0])
            cv2.circle(
                work.ink, (int(x), int(y)), int(rng.integers(0, 2)), int(255 * rng.uniform(0.3, 1)), -1, cv2.LINE_AA
            )


def _print_box(
    work: Written, x0: float, x1: float, y0: float, y1: float, dark: float, width: float, dots: bool
) -> None:
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
    for (ax, ay), (bx, by) in itertools.pairwise(corners):
        _print_line(work, ax, ay, bx, by, dark, width, dots)


def _print_line(
    work: Written, ax: float, ay: float, bx: float, by: float, dark: float, width: float, dots: bool = False
) -> None:
    if not dots:
        work.pen.lines(work.printed, [line(ax, ay, bx, by)], width, dark)
        return
    length = max(abs(bx - ax), abs(by - ay))
    count = max(2, int(length / 0.09))
    t = np.linspace(0, 1, count * 2)
    points = np.stack([ax + (bx - ax) * t, ay + (by - ay) * t], axis=1).astype(np.float32)
    work.pen.lines(work.printed, [points[i : i + 2] for i in range(0, count * 2, 2)], width, dark)


def _guide(work: Written, x: float, y: float, size: float, dark: float) -> None:
    half = size * 0.25
    if work.style.guides == "eight":
        _print_box(work, x - half, x + half, y - size / 2, y, dark, 0.02, False)
        _print_box(work, x - half, x + half, y, y + size / 2, dark, 0.02, False)
    else:
        _print_box(work, x - half, x + half, y - size / 2, y + size / 2, dark, 0.02, work.rng.random() < 0.5)
