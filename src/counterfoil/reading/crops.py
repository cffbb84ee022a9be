"""Fields cut out of a photo, upright and flat, with what the pen left in them apart: `crops`, `crops_given`.

A crop's field is 64 pixels high, its width in proportion (at most 640), with 16 pixels around it; where a sheet's
outlines are given and no template, printed lines and boxes are looked for in the picture itself (`ink`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from counterfoil.reading.belief import Crop, Ink, Quad, Rgb
from counterfoil.reading.ink import darkness, level, own_marks, scaled, without_lines, without_print
from counterfoil.reading.layout import FIELD_PX, MARGIN_PX, MAX_WIDTH_PX
from counterfoil.reading.lines import guides, printed
from counterfoil.reading.register import Prepared, Registration

ALIKE = 0.08
"""Fields whose widths differ by no more than this part are taken for the same print."""
LEAST_SIDE = 2.0
"""Pixels; an outline with a shorter side holds nothing."""


def crops_given(image: Rgb, quads: Mapping[str, Quad], boxes: Mapping[str, int | None] | None = None) -> list[Crop]:
    """One crop per outline, in the order of `quads`.

    Args:
        quads: 4 x 2 pixels of `image`: top left, top right, bottom right, bottom left as the form is read.
        boxes: printed boxes where they are known; for other fields they are looked for in the picture.
    """
    fields = {name: Field(quad, (boxes or {}).get(name)) for name, quad in quads.items()}
    return _cut(image, fields)


def crops(image: Rgb, registration: Registration, prepared: Prepared) -> list[Crop]:
    """One crop per field of the registered page, in the form's order.

    Raises:
        ValueError: the registration was refused; there is no field to cut.
    """
    if not registration.accepted or registration.placing is None:
        raise ValueError("a refused page has no fields")
    fields = {
        place.id: Field(
            registration.placing.place(np.array(place.quad, np.float64)),
            place.boxes,
            None if prepared.page.picture.filled else np.array(place.quad, np.float64),
        )
        for place in prepared.page.fields
    }
    return _cut(image, fields)


@dataclass(frozen=True, slots=True)
class Field:
    """What is asked of the picture."""

    quad: Quad
    boxes: int | None
    template: Quad | None = None
    """The field in the template's picture, where that is blank."""


def _cut(image: Rgb, fields: Mapping[str, Field]) -> list[Crop]:
    flat: dict[str, Rgb] = {}
    inks: dict[str, Ink] = {}
    found: dict[str, int | None] = {}
    for names in _alike(fields):
        width = round(float(np.median([canvas_width(fields[name].quad) for name in names])))
        canvases = [flattened(image, fields[name].quad, width) for name in names]
        darks = [darkness(canvas) for canvas in canvases]
        stack = np.stack([dark.any_light for dark in darks])
        print_ = printed(stack, fields[names[0]].boxes)
        guide = guides(np.stack([dark.pen for dark in darks]), print_.boxes) if print_.boxes else None
        for index, name in enumerate(names):
            across = [path for field, path in print_.across if field == index]
            down = [path for field, path in print_.down if field == index]
            pen = without_lines(darks[index].pen, across, down)
            inks[name] = pen if guide is None else without_print(pen, guide)
            flat[name], found[name] = canvases[index], print_.boxes
    typical = level(list(inks.values()))
    return [
        Crop(
            name=name,
            image=flat[name],
            ink=own_marks(scaled(inks[name], typical)),
            margin_px=MARGIN_PX,
            boxes=found[name],
            seen=seen(image, field.quad),
            height_px=field_height(field.quad),
        )
        for name, field in fields.items()
    ]


def _alike(fields: Mapping[str, Field]) -> list[list[str]]:
    """Names of fields in groups of about the same shape, and the same number of boxes where it is known."""
    groups: list[tuple[float, int | None, list[str]]] = []
    for name, field in fields.items():
        width, boxes = canvas_width(field.quad), field.boxes
        for typical, number, names in groups:
            if boxes == number and abs(width / typical - 1) <= ALIKE:
                names.append(name)
                break
        else:
            groups.append((width, boxes, [name]))
    return [names for _, _, names in groups]


def field_height(quad: Quad) -> float:
    """Mean length of the left and right side, in pixels."""
    corners = np.asarray(quad, np.float64)
    return float(np.linalg.norm(corners[[3, 2]] - corners[[0, 1]], axis=1).mean())


def canvas_width(quad: Quad) -> int:
    """Width of the field in its crop, in pixels of the crop."""
    corners = np.asarray(quad, np.float64)
    wide = float(np.linalg.norm(corners[[1, 2]] - corners[[0, 3]], axis=1).mean())
    return int(np.clip(round(FIELD_PX * wide / max(field_height(quad), LEAST_SIDE)), FIELD_PX // 4, MAX_WIDTH_PX))


def flattened(image: Rgb, quad: Quad, width: int) -> Rgb:
    """The field and its margin as seen from straight above; what lies outside the picture repeats its edge."""
    # Reduced in two steps: bending reads four pixels for one, and would jump over the rest.
    over = int(np.clip(np.ceil(field_height(quad) / FIELD_PX), 1, 6))
    left, top, right, bottom = MARGIN_PX, MARGIN_PX, MARGIN_PX + width, MARGIN_PX + FIELD_PX
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32) * over
    # Places in outlines are edges of pixels, places in cv2 are their middles.
    turn = cv2.getPerspectiveTransform(corners - 0.5, np.asarray(quad, np.float32) - 0.5)
    size = ((width + 2 * MARGIN_PX) * over, (FIELD_PX + 2 * MARGIN_PX) * over)
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_LINEAR if over > 1 else cv2.INTER_CUBIC)
    large = cv2.warpPerspective(image, turn, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if over == 1:
        return large.astype(np.uint8, copy=False)
    small = cv2.resize(large, (size[0] // over, size[1] // over), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def seen(image: Rgb, quad: Quad) -> float:
    """The part of the field's area inside the picture, 0 to 1."""
    height, width = image.shape[:2]
    corners = np.asarray(quad, np.float32)
    whole = cv2.contourArea(corners)
    if whole < LEAST_SIDE**2 or not cv2.isContourConvex(corners):
        return 0.0
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inside, _ = cv2.intersectConvexConvex(corners, frame)
    return float(min(1.0, inside / whole))
