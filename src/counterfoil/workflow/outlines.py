"""Where the fields and the masks of a form lie in one photo: by the machine's registration and the form's template.

Pure; millionths of the photo in and out. Local outlines that the reader found itself stand over the page's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from counterfoil.election.template_format import FormTemplate, TemplatePage
from counterfoil.election.template_geometry import mapped, through_corners
from counterfoil.primitives.errors import InputError
from counterfoil.workflow.machine import WHOLE, MachineRead, Point

Outline = tuple[Point, ...]


def page_of(read: MachineRead, template: FormTemplate) -> TemplatePage | None:
    """The page of the template that the photo shows, where the machine says so."""
    for page in template.pages if read.accepted and read.template == template.name else ():
        if page.number == read.page and (page.variant or "") == read.variant:
            return page
    return None


def fields(read: MachineRead, template: FormTemplate) -> dict[str, Outline]:
    """Each field of the page: four corners as the form is read. Empty: nothing is known of where they lie."""
    page = page_of(read, template)
    if page is None:
        return {}
    found: dict[str, Outline] = {place.id: _through(read.quad, page, place.quad) for place in page.fields}
    return {name: outline for name, outline in (found | dict(read.places)).items() if outline}


def masks(read: MachineRead, template: FormTemplate) -> list[Outline]:
    """What the template covers on the page, as polygons within the photo; what lies outside of it is left out."""
    page = page_of(read, template)
    placed = [_through(read.quad, page, polygon) for polygon in page.masks] if page is not None else []
    inside = [tuple((min(max(x, 0), WHOLE), min(max(y, 0), WHOLE)) for x, y in polygon) for polygon in placed]
    return [polygon for polygon in inside if _area(polygon) > 0]


def _through(quad: Sequence[Point], page: TemplatePage, points: Sequence[tuple[float, float]]) -> Outline:
    """Points of the template's picture, where they lie in the photo; () where the sheet's corners make no sheet."""
    if len(quad) != 4 or _area(quad) < WHOLE * WHOLE // 1000:
        return ()
    try:
        with np.errstate(all="ignore"):  # a sheet seen from its edge has points at infinity
            there = mapped(points, through_corners(page, quad))
    except InputError:
        return ()
    if not all(abs(value) <= 100 * WHOLE for point in there for value in point):  # not a number is no place either
        return ()
    return tuple((round(x), round(y)) for x, y in there)


def _area(corners: Sequence[Point]) -> int:
    """Shoelace formula, without sign."""
    ends = (*corners[1:], corners[0])
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(corners, ends, strict=True))) // 2
