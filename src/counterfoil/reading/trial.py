"""A template while it is drawn, tried on photos: where would its fields lie, and which codes does a page show?

A program for the jail (`sandbox.Program`). It is handed a draft with its pictures (`templates.write_template_zip`), or
nothing where only codes are looked for, and asked picture by picture:

    `C` picture -> the codes in it, of all kinds and tag families
    `R` photo   -> where the template's pages lie in it

Both answers are JSON; coordinates are pixels of the picture that was asked about. Leaves out what figures stand there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from counterfoil.election.template_geometry import corners_of
from counterfoil.election.templates import picture_of, read_template_bytes
from counterfoil.reading.belief import Rgb
from counterfoil.reading.codes import KINDS, read_codes
from counterfoil.reading.pages import decode
from counterfoil.reading.register import Prepared, register
from counterfoil.reading.register import prepare as prepare_page

_FAMILIES = ("25h9", "36h10", "36h11")
"""Of tags. Those of 16 bits are seen in any clutter; who has them writes them down by hand."""
Answer = Callable[[bytes], bytes]


def prepare(given: bytes) -> Answer:
    """Ready for pictures. `given`: a draft in the one-file form, or nothing."""
    cv2.setNumThreads(1)  # in the jail no thread can be started
    _warm()
    template = read_template_bytes(given, draft=True) if given else None
    prepared: list[Prepared] = []
    if template is not None:
        prepared = [prepare_page(template.name, page, decode(picture_of(page))) for page in template.pages]

    def answer(question: bytes) -> bytes:
        image = decode(question[1:])
        said = _codes(image) if question[:1] == b"C" else _laid(image, prepared)
        return json.dumps(said, allow_nan=False, separators=(",", ":")).encode("ascii")

    return answer


def _warm() -> None:
    """Decoders load the rest of themselves with the first picture, and later no file can be opened."""
    for ending in (".jpg", ".png"):
        _, data = cv2.imencode(ending, np.full((64, 64, 3), 255, np.uint8))
        _codes(decode(data.tobytes()))


def _codes(image: Rgb) -> dict[str, Any]:
    found = read_codes(image, dictionaries=_FAMILIES, kinds=tuple(KINDS))
    return {
        "codes": [
            {"kind": c.kind, "payload": c.payload, "dictionary": c.dictionary, "quad": _points(c.quad)} for c in found
        ]
    }


def _laid(image: Rgb, prepared: Sequence[Prepared]) -> dict[str, Any]:
    found = register(image, prepared)
    if not found.accepted or found.placing is None or found.page is None or found.residual_px is None:
        return {"accepted": False, "reason": found.code or ""}
    page, place = found.page, found.placing.place
    return {
        "accepted": True,
        "reason": "",
        "page": page.name,
        "residual_px": round(float(found.residual_px), 3),
        "sheet": _points(place(np.array(corners_of(page)))),
        "fields": {one.id: _points(place(np.array(one.quad))) for one in page.fields},
        "masks": [_points(place(np.array(mask))) for mask in page.masks],
    }


def _points(corners: Iterable[Iterable[float]]) -> list[list[float]]:
    return [[round(float(value), 2) for value in corner] for corner in corners]
