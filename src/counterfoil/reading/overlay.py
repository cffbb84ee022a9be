"""A photo with what was read drawn over it: a box a field, the figure, and how sure of it.

Certainty is told three ways, so that it can be seen without colours: by colour, by the line of the box, by a sign.

| outcome | colour | line | sign |
| --- | --- | --- | --- |
| accept | green | whole | = |
| suggest | blue | dashed | ~ |
| people | orange | dotted, with a cross in the corner | ? |
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.reading.belief import Rgb, State
from counterfoil.reading.confidence import Outcome
from counterfoil.reading.pages import decode
from counterfoil.reading.reader import PageReading
from counterfoil.reading.sheet import FieldReading

LONGEST: Final = 2_000
"""Pixels of the overlay's longer side at most; small photos are enlarged to half of it, so that figures can be read."""

_COLOUR: Final = {Outcome.ACCEPT: (0, 130, 40), Outcome.SUGGEST: (20, 60, 220), Outcome.PEOPLE: (215, 85, 0)}
_SIGN: Final = {Outcome.ACCEPT: "=", Outcome.SUGGEST: "~", Outcome.PEOPLE: "?"}
_DASH: Final = {Outcome.ACCEPT: (1, 0), Outcome.SUGGEST: (10, 6), Outcome.PEOPLE: (3, 5)}
_REFUSED: Final = (200, 0, 0)
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_Points = NDArray[np.float64]


def draw(image: Rgb, reading: PageReading) -> Rgb:
    """A copy of the upright photo with the reading drawn over it."""
    longest = max(image.shape[:2])
    scale = min(LONGEST / longest, max(1.0, LONGEST / 2 / longest))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = cv2.resize(image, None, fx=scale, fy=scale, interpolation=how).astype(np.uint8, copy=False)
    if not reading.accepted:
        _text(canvas, f"not read: {reading.reason}", (8.0, 28.0), 0.7, _REFUSED)
        return canvas
    cv2.polylines(canvas, [np.round(reading.quad * scale).astype(np.int32)], True, (120, 120, 120), 1, cv2.LINE_AA)
    for name, field in reading.fields.items():
        _field(canvas, field, reading.places[name] * scale)
    return canvas


def overlay_jpeg(photo: bytes, reading: PageReading) -> bytes:
    """The drawing as a JPEG.

    Raises:
        InputError: `photo` is no picture that can be decoded.
    """
    _, data = cv2.imencode(".jpg", cv2.cvtColor(draw(decode(photo), reading), cv2.COLOR_RGB2BGR))
    return data.tobytes()


def written(field: FieldReading) -> str:
    """What stands over a field's box; ASCII, for the drawing's font."""
    figure = str(field.value) if field.state is State.NUMBER else str(field.state)
    seen = f" seen {field.raw}" if not field.seen.same_as_raw else ""
    return f"{_SIGN[field.outcome]} {figure} {int(100 * field.p)}%{seen}"


def _field(canvas: Rgb, field: FieldReading, quad: _Points) -> None:
    colour = _COLOUR[field.outcome]
    high = float(np.linalg.norm(quad[3] - quad[0]))
    for start, end in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        _edge(canvas, start, end, colour, _DASH[field.outcome])
    if field.outcome is Outcome.PEOPLE:
        corner, side = quad[0], (quad[1] - quad[0]) / max(1.0, float(np.linalg.norm(quad[1] - quad[0]))) * high / 4
        down = (quad[3] - quad[0]) / 4
        _edge(canvas, corner, corner + side + down, colour, (1, 0))
        _edge(canvas, corner + side, corner + down, colour, (1, 0))
    size = float(np.clip(high / 60, 0.38, 0.9))
    right = quad[[1, 2]].mean(axis=0) + np.array([4, 5 * size])
    text = written(field)
    (wide, _), _ = cv2.getTextSize(text, _FONT, size, 1)
    place = (min(float(right[0]), canvas.shape[1] - wide - 2.0), float(right[1]))
    _text(canvas, text, place, size, colour)


def _edge(canvas: Rgb, start: _Points, end: _Points, colour: tuple[int, int, int], dash: tuple[int, int]) -> None:
    length = float(np.linalg.norm(end - start))
    on, off = (length, 0.0) if not dash[1] else dash
    at = 0.0
    while at < length:
        a = start + (end - start) * at / length
        b = start + (end - start) * min(1.0, (at + on) / length)
        cv2.line(canvas, _pixel(a), _pixel(b), colour, 2, cv2.LINE_AA)
        at += on + off


def _text(canvas: Rgb, text: str, place: tuple[float, float], size: float, colour: tuple[int, int, int]) -> None:
    """Dark writing on a white edge: readable over paper, print and shade."""
    at = _pixel(np.array(place))
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(canvas, plain, at, _FONT, size, (255, 255, 255), 4, cv2.LINE_AA)
    cv2.putText(canvas, plain, at, _FONT, size, colour, 1, cv2.LINE_AA)


def _pixel(point: _Points) -> tuple[int, int]:
    return int(np.clip(round(float(point[0])), -9_999, 99_999)), int(np.clip(round(float(point[1])), -9_999, 99_999))
