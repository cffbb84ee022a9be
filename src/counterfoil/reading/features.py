"""Points of print in a picture, and the perspective that carries those of a page onto those of a photo.

* Two kinds: ORB (quick, 1,000 pixels) and SIFT (surer, 1,600 pixels). Small photos are enlarged, large ones reduced.
* A match counts only where both sides choose each other. Many template points on one photo point once gave a
  perspective that folds the page to a line, with 766 matches "in agreement" (docs/reading.md).
* A perspective must be one that a camera can see: corners convex, in the page's own turning sense (not mirrored), sides
  and scales not torn apart, enough of the page inside the photo.
* Same pictures, same answer: no random start anywhere.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.reading.belief import Grey, Quad
from counterfoil.reading.flat import inside, polygon_area

Points = NDArray[np.float32]
"""n x 2 pixels."""
Homography = NDArray[np.float64]
"""3 x 3, template to photo."""

MIN_MATCHES = 12
MIN_AGREEING = 10
MIN_INSIDE = 0.25
"""Part of the page's area that must lie in the photo."""
MIN_AREA = 0.02
"""Part of the photo's area that the page must cover."""
FAR = 20
"""Times the photo's longer side, from which a corner is no place any more."""
MAX_STRETCH = 3.5
"""Ratio of opposite sides, and of scale along and across in the page's middle."""


class Kind(enum.StrEnum):
    ORB = "orb"
    SIFT = "sift"

    @property
    def side(self) -> int:
        """The longest side at which points are looked for."""
        return 1_000 if self is Kind.ORB else 1_600

    @property
    def most(self) -> int:
        return 3_000 if self is Kind.ORB else 5_000


@dataclass(frozen=True, slots=True)
class Features:
    """Points in pixels of the whole picture, and their descriptors (ORB: 32 bytes, SIFT: 128 bytes)."""

    kind: Kind
    points: Points
    descriptors: NDArray[np.uint8]

    def where(self, keep: NDArray[np.bool_]) -> Features:
        return Features(self.kind, self.points[keep], self.descriptors[keep])


def features(grey: Grey, kind: Kind) -> Features:
    """Points of `grey`, strongest first, in its own pixels."""
    height, width = grey.shape
    scale = kind.side / max(height, width)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    sized = cv2.resize(grey, size, interpolation=how)
    if kind is Kind.ORB:
        finder: cv2.Feature2D = cv2.ORB.create(nfeatures=kind.most, fastThreshold=10)
    else:
        finder = cv2.SIFT.create(nfeatures=kind.most, contrastThreshold=0.03)
    found, descriptors = finder.detectAndCompute(sized, None)
    if not found:
        length = 32 if kind is Kind.ORB else 128
        return Features(kind, np.zeros((0, 2), np.float32), np.zeros((0, length), np.uint8))
    points = np.array([point.pt for point in found], np.float32)
    whole = (points + 0.5) * (np.array([width, height], np.float32) / np.array(size, np.float32)) - 0.5
    return Features(kind, whole.astype(np.float32), descriptors.astype(np.uint8))


def matches(page: Features, photo: Features, ratio: float = 0.85) -> tuple[Points, Points]:
    """Pairs that choose each other, where the second choice is clearly worse."""
    if len(page.points) < 2 or len(photo.points) < 2:
        return page.points[:0], photo.points[:0]
    first, best, second = _nearest(page, photo)
    back = np.full(len(photo.points), -1)
    order = np.argsort(-best, kind="stable")  # the nearest is written last
    back[first[order]] = order
    good = (best <= ratio * second) & (back[first] == np.arange(len(first)))
    return page.points[good], photo.points[first[good]]


def _nearest(page: Features, photo: Features) -> tuple[NDArray[np.intp], Points, Points]:
    """For each page point: the nearest photo point, its distance, and that of the second nearest."""
    if page.kind is Kind.ORB:
        pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(page.descriptors, photo.descriptors, k=2)
        first = np.array([pair[0].trainIdx for pair in pairs], np.intp)
        near = np.array([[pair[0].distance, pair[1].distance] for pair in pairs], np.float32)
        return first, near[:, 0], near[:, 1]
    # Square roots of shares (Arandjelovic and Zisserman 2012, "Three things everyone should know", section 3).
    left, right = _rooted(page.descriptors), _rooted(photo.descriptors)
    first = np.empty(len(left), np.intp)
    near = np.empty((len(left), 2), np.float32)
    for start in range(0, len(left), 1_000):
        alike = left[start : start + 1_000] @ right.T
        rows = np.arange(len(alike))
        top = alike.argmax(axis=1)
        first[start : start + len(alike)] = top
        near[start : start + len(alike), 0] = alike[rows, top]
        alike[rows, top] = -1
        near[start : start + len(alike), 1] = alike.max(axis=1)
    distance = np.sqrt(np.maximum(2 - 2 * near, 0)).astype(np.float32)
    return first, distance[:, 0], distance[:, 1]


def _rooted(descriptors: NDArray[np.uint8]) -> Points:
    shares = descriptors.astype(np.float32)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1)
    return np.sqrt(shares)


def homography(page: Points, photo: Points, *, tolerance_px: float) -> tuple[Homography | None, NDArray[np.bool_]]:
    """The perspective that most pairs agree on (MAGSAC), and which pairs do."""
    none = np.zeros(len(page), bool)
    if len(page) < MIN_MATCHES:
        return None, none
    found, agree = cv2.findHomography(page, photo, cv2.USAC_MAGSAC, tolerance_px, maxIters=4_000, confidence=0.9999)
    turn = np.asarray(found, np.float64)
    if turn.shape != (3, 3):  # None where nothing agrees
        return None, none
    mask = np.asarray(agree).ravel().astype(bool)
    return (turn, mask) if int(mask.sum()) >= MIN_AGREEING else (None, none)


def projected(turn: Homography, points: NDArray[np.float64] | Points) -> Quad:
    """Points of the page in the photo."""
    flat = np.asarray(points, np.float64).reshape(-1, 1, 2)
    if not flat.size:
        return np.zeros((0, 2))
    return np.asarray(cv2.perspectiveTransform(flat, turn).reshape(-1, 2), np.float64)


def local_scale(turn: Homography, point: NDArray[np.float64]) -> NDArray[np.float64]:
    """2 x 2: how a pixel of the page to the right and one down lie in the photo, at `point`."""
    step = projected(turn, np.stack((point, point + np.array((1.0, 0.0)), point + np.array((0.0, 1.0)))))
    return np.asarray((step[1:] - step[0]).T, np.float64)


def size_at(turn: Homography, point: NDArray[np.float64]) -> float:
    """Pixels of the photo for one of the page, at `point`."""
    return float(np.sqrt(abs(np.linalg.det(local_scale(turn, point)))))


def implausible(turn: Homography, page_size: tuple[int, int], photo_size: tuple[int, int]) -> str | None:
    """Why no camera sees a page of `page_size` (width, height) so, or None."""
    width, height = page_size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    depth = np.c_[corners, np.ones(4)] @ turn[2]
    if not (np.isfinite(turn).all() and (depth * np.sign(depth[0]) > 1e-6).all()):
        return "part of the page would lie behind the camera"
    quad = projected(turn, corners)
    area = float(cv2.contourArea(quad.astype(np.float32), oriented=True))
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    apart = float(max(np.max(sides[:2] / sides[2:]), np.max(sides[2:] / sides[:2])))
    scales = np.linalg.svd(local_scale(turn, corners.mean(axis=0)), compute_uv=False)
    wrong = {
        "part of the page would lie far outside the picture": np.abs(quad).max() > FAR * max(photo_size),
        "the page would be folded over": not cv2.isContourConvex(quad.astype(np.float32)),
        "the page would be mirrored": area <= 0,
        "the page would be too small in the picture": area < MIN_AREA * photo_size[0] * photo_size[1],
        "the page would be seen from too flat an angle": apart > MAX_STRETCH,
        "the page would be stretched": scales[0] > MAX_STRETCH * max(float(scales[1]), 1e-9),
        "most of the page would lie outside": polygon_area(inside(quad, *photo_size)) < MIN_INSIDE * area,
    }
    return next((reason for reason, holds in wrong.items() if holds), None)
