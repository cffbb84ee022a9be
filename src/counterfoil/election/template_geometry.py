"""Where the fields and masks of a page lie in a photo of it: plain projective geometry, no pixels.

A photo of a flat sheet and the template's picture differ by a homography (Hartley and Zisserman, Multiple View
Geometry, 2nd edition, section 2.3). It comes from a registration, as nine numbers, or from the page's four corners. A
curled sheet is flat only nearly: good enough for crops with a margin and for masks that a person confirms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from counterfoil.election.template_format import Point, Polygon, TemplatePage
from counterfoil.primitives.errors import InputError

Homography = NDArray[np.float64]
"""3 x 3: pixels of the template's picture to pixels of the photo."""


def corners_of(page: TemplatePage) -> Polygon:
    """The four corners of the sheet in the template's picture; of the whole picture where no sheet is outlined."""
    if page.outline is not None:
        return page.outline
    width, height = float(page.width), float(page.height)
    return ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))


def homography(source: Sequence[Point], target: Sequence[Point]) -> Homography:
    """The one homography that takes four points to four points (Hartley and Zisserman, equation 4.2, with h33 = 1).

    Raises:
        InputError: not four points each, or three of them in a line.
    """
    if not (_spread(source) and _spread(target)):
        raise InputError("corners", expected="four corners, no three in a line", found="others", code="bad-corners")
    rows, sides = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        sides += [u, v]
    found = np.linalg.solve(np.array(rows, float), np.array(sides, float))
    return np.append(found, 1.0).reshape(3, 3)


def _spread(points: Sequence[Point]) -> bool:
    """Four points, each three of which make a triangle."""
    if len(points) != 4 or not np.isfinite(np.array(points, float)).all():
        return False
    for left_out in range(4):
        (ax, ay), (bx, by), (cx, cy) = (point for at, point in enumerate(points) if at != left_out)
        if abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) < 1e-6:
            return False
    return True


def mapped(points: Sequence[Point], through: Homography) -> Polygon:
    """`points` of the template's picture in the photo."""
    whole = np.c_[np.array(points, float), np.ones(len(points))] @ np.asarray(through, float).T
    return tuple((float(x / w), float(y / w)) for x, y, w in whole)


def through_corners(page: TemplatePage, corners: Sequence[Point]) -> Homography:
    """The homography of a page whose sheet (`corners_of`) lies at `corners` of the photo, in the same order."""
    return homography(corners_of(page), corners)
