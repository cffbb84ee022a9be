"""One field of a form as hands fill it, with the truth: strokes of the pen and printed lines, kept apart.

`draw_field` writes a text into a field of given size, with or without boxes, and with what real sheets show
(leading dashes, crosses, struck and overwritten digits, words, guide digits, figures that float, tails of the rows
above and below, letters of the next column, stamps, a layout that lies up to a fifth of the height beside where the
outline says). All randomness is the generator given; same seed, same field. Leaves out: what to write, light, blur and
compression (`lessons`), whole sheets (`sheets`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterfoil.simulate.pen import Layer, Style, line
from counterfoil.simulate.surroundings import Box, around, layout
from counterfoil.simulate.written import Write, Written


@dataclass(frozen=True, slots=True)
class Drawn:
    """A field with its margins. `ink`, `printed` 0 (paper) to 1; `places` the middle of each sign of `signs` in pixels
    from the left; `value` as `reading.belief` has it."""

    ink: Layer
    printed: Layer
    signs: str
    places: tuple[float, ...]
    raw: str
    value: int | None
    margin: int
    rows: tuple[float, float]
    """First and last row of the signs, in pixels from the top; the field's own where there are none."""


def draw_field(
    rng: np.random.Generator,
    text: str,
    style: Style,
    *,
    width: float,
    boxes: int | None = None,
    height_px: int = 64,
    margin: float = 0.25,
    place: str = "right",
    write: Write | None = None,
) -> Drawn:
    """Fill a field `width` times as wide as high with `text`: `SIGNS`, and `_` for an empty box.

    `place`: where the text stands: `right`, `left`, `squeezed` (all in one box, or close together), `anywhere`. `write`
    gives the strokes of digits (see `mnist.Strokes`); None: own polylines of the style's script.
    """
    work = Written(rng, style, width, boxes, height_px, margin, write)
    places = layout(work)
    size = style.size
    if boxes is not None and place in ("right", "left") and len(text) <= boxes:
        first = boxes - len(text) if place == "right" else 0
        _fill_boxes(work, text, places[first : first + len(text)], size)
    else:
        _fill_free(work, text, places, size, place)
    around(work)
    ink, printed = (np.asarray(layer.astype(np.float32) / 255, np.float32) for layer in (work.ink, work.printed))
    order = sorted(work.signs)
    signs = "".join(sign for _, sign in order)
    rows = work.rows or [margin * height_px, (1 + margin) * height_px]
    return Drawn(
        ink,
        printed,
        signs,
        tuple(x for x, _ in order),
        text,
        value_of(text),
        round(margin * height_px),
        (min(rows), max(rows)),
    )


def value_of(text: str) -> int | None:
    """The number meant: digits whatever stands in unused boxes; 0 for dashes, crosses, a word that means none."""
    if "?" in text or ("w" in text and not any(c.isdigit() for c in text)):
        return None
    digits = "".join(c for c in text if c.isdigit())
    if digits:
        return int(digits)
    return 0 if any(c in "X-n" for c in text) else None


def _fill_boxes(work: Written, text: str, places: list[Box], size: float) -> None:
    rng, style = work.rng, work.style
    drift = rng.normal(0, 0.06)
    for sign, (x0, x1, y0, y1) in zip(text, places, strict=True):
        if sign == "_":
            continue
        high = y1 - y0
        wide_box = x1 - x0
        tall = min(size * high * rng.uniform(0.88, 1.12), 1.3)
        wide = min(tall * style.narrow * rng.uniform(0.8, 1.2), wide_box * 1.05)
        if sign == "X" and rng.random() < 0.35:
            tall, wide = high * rng.uniform(0.7, 1.0), wide_box * rng.uniform(0.7, 1.0)
        x = (x0 + x1) / 2 + rng.normal(0, 0.1) * wide_box
        y = (y0 + y1) / 2 + drift + style.rise + rng.normal(0, style.loose) * high
        work.put(sign, x, y, tall, wide)


def _fill_free(work: Written, text: str, places: list[Box], size: float, place: str) -> None:
    """Written as one group, whatever is printed."""
    rng, style, width = work.rng, work.style, work.usable
    text = text.replace("_", "")
    if not text:
        return
    pitch = size * style.narrow * rng.uniform(0.8, 1.5)
    wide = [pitch * (2.4 if s in "nw" else rng.uniform(0.9, 2.5) if s == "/" else 1.0) for s in text]
    long_dash = [s == "-" and len(text) > 1 and rng.random() < 0.75 for s in text]
    for i, is_long in enumerate(long_dash):
        if is_long:
            wide[i] = rng.uniform(0.5, 2.5) * max(size, 0.4)
    room = places[0][1] - places[0][0] if place == "squeezed" else width
    total = sum(wide)
    if total > room * 0.98:
        wide = [w * room * 0.98 / total for w in wide]
        size = max(size * max(room * 0.98 / total, 0.5), 0.12)
        total = room * 0.98
    if place == "right":
        start = max(width - total - rng.uniform(0, 0.4), 0.0)
    elif place == "left":
        start = min(rng.uniform(0, 0.4), width - total)
    elif place == "squeezed":
        start = places[0][0] + (room - total) * rng.uniform(0, 1)
    else:
        start = (width - total) * rng.uniform(0, 1)
    y = 0.5 + style.rise + rng.normal(0, 0.08) + style.loose * rng.normal()
    rise = rng.normal(0, 0.03)
    at = start
    for sign, w, is_long in zip(text, wide, long_dash, strict=True):
        high = size * rng.uniform(0.85, 1.15) * (0.8 if sign == "0" and rng.random() < 0.2 else 1.0)
        given = (
            w * rng.uniform(0.9, 1.1)
            if is_long or sign == "/"
            else min(high * style.narrow, w * 1.05)
            if sign != "-"
            else None
        )
        work.put(sign, at + w / 2, y + rise * (at - start) + rng.normal(0, style.loose * 0.5), high, given)
        at += w
        if rng.random() < 0.03:
            work.pen.lines(work.ink, [line(at, y + high * 0.4, at - 0.03, y + high * 0.6)], style.pen)  # a comma
