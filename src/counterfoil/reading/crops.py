"""Fields cut out of a photo, upright and flat, with what the pen left in them apart: `crops`, `crops_given`.

A crop's field is 64 pixels high, its width in proportion (at most 640), with 16 pixels around it; where a sheet's
outlines are given and no template, printed lines and boxes are looked for in the picture itself (`ink`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from counterfoil.reading.belief import Crop, Ink, Quad, Rgb
from counterfoil.reading.flat import canvas_width, field_height, flattened, seen
from counterfoil.reading.ink import (
    darkness,
    ink_box,
    level,
    own_marks,
    print_over,
    scaled,
    without_lines,
    without_print,
)
from counterfoil.reading.layout import MARGIN_PX
from counterfoil.reading.lines import guides, printed
from counterfoil.reading.register import Prepared, Registration
from counterfoil.reading.snapping import snapped

WHOLE = 0.98
"""Part of a field that must lie in the picture for it to be moved onto its lines."""
ALIKE = 0.08
"""Fields whose widths differ by no more than this part are taken for the same print."""


def crops_given(image: Rgb, quads: Mapping[str, Quad], boxes: Mapping[str, int | None] | None = None) -> list[Crop]:
    """One crop per outline, in the order of `quads`.

    Args:
        quads: 4 x 2 pixels of `image`: top left, top right, bottom right, bottom left as the form is read.
        boxes: printed boxes where they are known; for other fields they are looked for in the picture.
    """
    fields = {name: Field(quad, (boxes or {}).get(name)) for name, quad in quads.items()}
    return _cut(image, fields)


def field_quads(image: Rgb, registration: Registration, prepared: Prepared) -> dict[str, Quad]:
    """Where each field of the registered page lies in `image`, each moved onto its own printed lines.

    Raises:
        ValueError: the registration was refused; it has no field.
    """
    if not registration.accepted or registration.placing is None:
        raise ValueError("a refused page has no fields")
    result: dict[str, Quad] = {}
    for place in prepared.page.fields:
        quad = registration.placing.place(np.array(place.quad, np.float64))
        # What lies outside the picture has no lines to be moved to.
        whole = seen(image, quad) >= WHOLE
        result[str(place.id)] = snapped(image, quad, prepared.lines[str(place.id)]) if whole else quad
    return result


def crops(image: Rgb, quads: Mapping[str, Quad], prepared: Prepared) -> list[Crop]:
    """One crop per field of the registered page, in the form's order; printed parts of a blank template taken away.

    Args:
        quads: of every field of the page, by `field_quads`.
    """
    blank = None if prepared.page.picture.filled else prepared.picture
    fields = {
        str(place.id): Field(quads[str(place.id)], place.boxes, np.array(place.quad, np.float64))
        for place in prepared.page.fields
    }
    return _cut(image, fields, blank)


@dataclass(frozen=True, slots=True)
class Field:
    """What is asked of the picture."""

    quad: Quad
    boxes: int | None
    template: Quad | None = None
    """The field in the template's picture."""


def _cut(image: Rgb, fields: Mapping[str, Field], blank: Rgb | None = None) -> list[Crop]:
    """`blank`: the template's picture where nothing is written on it."""
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
            print_here = _print(blank, fields[name], darks[index].any_light)
            across = [path for field, path in print_.across if field == index]
            down = [path for field, path in print_.down if field == index]
            pen = darks[index].pen if print_here is None else without_print(darks[index].pen, print_here)
            pen = without_lines(pen, across, down)
            inks[name] = pen if guide is None else without_print(pen, guide)
            flat[name], found[name] = canvases[index], print_.boxes
    typical = level(list(inks.values()))
    marks = {name: own_marks(scaled(ink, typical)) for name, ink in inks.items()}
    return [
        Crop(
            name=name,
            image=flat[name],
            ink=marks[name],
            margin_px=MARGIN_PX,
            boxes=found[name],
            seen=seen(image, field.quad),
            height_px=field_height(field.quad),
            written=ink_box(marks[name], MARGIN_PX),
        )
        for name, field in fields.items()
    ]


def _print(blank: Rgb | None, field: Field, dark: Ink) -> Ink | None:
    """Darkness of the template's print as this photo shows it, laid over `dark`; None without a blank template."""
    if blank is None or field.template is None:
        return None
    width = dark.shape[1] - 2 * MARGIN_PX
    wanted = darkness(flattened(blank, field.template, width)).any_light
    return print_over(wanted, dark)


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
