"""Which page of which template a photo shows, and where each point of that page lies in it: `register`.

* What a code on the page says is tried first; then every page that was given, the likely ones first.
* A page is accepted only if its print is in place, tile by tile (`alignment`); else the photo is refused with a reason.
  Refused photos have no figures.
* A page with hardly any print is known by the lines of its table (`grid`), under conditions of their own.
* Upside down and sideways are no matter; a mirrored picture, and two pages in one picture, are refused and named.
* Part of a page is accepted where enough of it is seen to know it; fields outside the picture are absent, never empty.
* Same photo, same templates: same answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from counterfoil.election.template_format import TemplatePage
from counterfoil.reading.alignment import BENT, FLAT, Fit, Placing, Sheet, flat_placing, followed, settled, sheet
from counterfoil.reading.belief import Grey, Ink, Quad, Rgb
from counterfoil.reading.codes import CodeSeen
from counterfoil.reading.features import (
    Features,
    Homography,
    Kind,
    features,
    homography,
    implausible,
    matches,
    size_at,
)
from counterfoil.reading.flat import inside, polygon_area
from counterfoil.reading.grid import Grid, grid, laid
from counterfoil.reading.snapping import lines_around

FIT_SIDE = 1_600
"""Longest side of the photo in which print is compared, in pixels."""
MIN_FOUND = 0.6
MIN_TYPICAL = 0.55
MIN_TOGETHER = 1.47
"""Of `found` and `typical` together. Right pages reach 1.49 and more; pages of the same print for another province or
election, with other names or a row more, up to 1.44 (docs/reading.md)."""
HOPELESS = 0.5
"""Of both together, below which no bend makes a page right."""
MAX_OFF = 2.5
"""Pixels of 1,000. Lines alone fit many pages, each of them a little beside its place."""
MIN_ASKED = 0.3
"""Part of the page's print that the photo must show before it can be told which page it is."""
MOST_TRIED = 8
"""Pages for which the slower points are tried, where many are given."""
BESIDE_PX = 5
MOST_COMMON = 0.2
"""Part of the smaller page that two pages in one photo may share; more, and it is one page found twice."""
WHOLE_PAGE = 0.75
"""Part of a page that half a picture must show to hold a page of its own: half of one page does not."""
SPARSE = 1_000
"""Slower points of a page; one with fewer has hardly any print, and may be known by its table's lines (`grid`). Forms
have 2,900 and more, Kenya's cut-outs 441."""
SECOND_POINTS = 150
"""Points outside the page found, from which a second page is looked for."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known of one page of a template before any photo comes; computed once, can be pickled."""

    template: str
    page: TemplatePage
    picture: Rgb
    orb: Features
    sift: Features
    sheet: Sheet
    lines: Mapping[str, Ink]
    """Printed lines around each field, for `snapping`."""
    grid: Grid | None = None
    """Lines of its table, where it has hardly any print."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the page's picture."""
        return self.page.width, self.page.height

    @property
    def corners(self) -> Quad:
        """The sheet in the page's picture."""
        width, height = self.size
        if self.page.outline is not None and len(self.page.outline) == 4:
            return np.array(self.page.outline, np.float64)
        return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)

    def features(self, kind: Kind) -> Features:
        return self.orb if kind is Kind.ORB else self.sift


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a page was found in a photo, or why none was."""

    accepted: bool
    reason: str | None
    """One sentence where the photo is refused."""
    code: str | None = None
    """The reason in one stable word: `no-page`, `wrong-page`, `mirrored`, `two-pages`, `too-little`,
    `other-code`, `no-template`."""
    template: str | None = None
    page: TemplatePage | None = None
    placing: Placing | None = None
    """In pixels of the photo."""
    residual_px: float | None = None
    """Median distance by which print still misses its place, in pixels of the photo."""
    quad: Quad | None = None
    """Corners of the page in the photo, as the page is read."""
    found: float = 0.0
    """Part of the page's print, of what the photo shows, that was found in its place."""
    typical: float = 0.0
    """Median correlation of that print."""
    pixels: float = 1.0
    """Pixels of the photo for one pixel of the template's picture."""

    @property
    def homography(self) -> Homography | None:
        """Template to photo, without the bend of the paper."""
        return None if self.placing is None else self.placing.turn


NO_PAGE: Final = "No page of the form was found in the picture."
_MIRRORED: Final = "The picture is mirrored; take it again without a mirror or selfie camera, or turn it over."
_TWO: Final = "The picture shows two pages; photograph each page on its own."
_WRONG: Final = "The picture shows another page or form than the template; its print is not in place."
_LITTLE: Final = "Too little of the page is in the picture to know it."
_OTHER: Final = "The code on the page is of another page or form than its print."


def prepare(template: str, page: TemplatePage, picture: Rgb) -> Prepared:
    """Points and print of a page. `picture` is that of the page, decoded."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    hidden = [np.array(place.quad, np.float64) for place in page.fields]
    hidden += [np.array(mask, np.float64) for mask in page.masks]
    cover = np.zeros(grey.shape, np.uint8)
    for area in hidden:
        cv2.fillPoly(cover, [np.round(area).astype(np.int32)], 1)
    printed = []
    for kind in Kind:
        all_points = features(grey, kind)
        x, y = np.clip(np.round(all_points.points).astype(np.intp), 0, np.array(grey.shape[::-1]) - 1).T
        printed.append(all_points.where(cover[y, x] == 0))
    table = grid(grey, hidden) if len(printed[1].points) < SPARSE else None
    lines = {str(place.id): lines_around(picture, np.array(place.quad, np.float64)) for place in page.fields}
    return Prepared(template, page, picture, printed[0], printed[1], sheet(grey, hidden), lines, table)


class Photo:
    """A photo ready to be registered: grey, at most 1,600 pixels, its points computed when they are first asked for."""

    def __init__(self, image: Rgb) -> None:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        self.scale = min(1.0, FIT_SIDE / max(grey.shape))
        """Pixels here for one of the photo."""
        if self.scale < 1:
            sized = cv2.resize(grey, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA)
            grey = sized.astype(np.uint8, copy=False)
        self.grey: Grey = grey
        self._points: dict[Kind, Features] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Width and height here."""
        return self.grey.shape[1], self.grey.shape[0]

    def points(self, kind: Kind) -> Features:
        if kind not in self._points:
            self._points[kind] = features(self.grey, kind)
        return self._points[kind]


def register(image: Rgb | Photo, pages: Sequence[Prepared], codes: Sequence[CodeSeen] = ()) -> Registration:
    """The page of `pages` that `image` shows.

    Args:
        image: the photo; as a `Photo` where it is asked about more than once.
        codes: what `read_codes` saw; a page whose code says it is tried first, and a page that contradicts it refused.
    """
    if not pages:
        return Registration(False, "No template was given.", "no-template")
    photo = image if isinstance(image, Photo) else Photo(image)
    return _Search(photo, pages, codes).result()


@dataclass(frozen=True, slots=True)
class _Try:
    page: Prepared
    placing: Placing
    fit: Fit
    by_lines: bool = False
    """Known by its table's lines, which have their own measure."""

    @property
    def worth(self) -> float:
        return self.fit.found + self.fit.typical

    @property
    def right(self) -> bool:
        fit = self.fit
        if self.by_lines:
            return True
        enough = fit.found >= MIN_FOUND and fit.typical >= MIN_TYPICAL and self.worth >= MIN_TOGETHER
        return enough and fit.asked >= MIN_ASKED and fit.off is not None and fit.off <= MAX_OFF


class _Search:
    """One photo against some pages."""

    def __init__(self, photo: Photo, pages: Sequence[Prepared], codes: Sequence[CodeSeen]) -> None:
        self._photo = photo
        self._pages = pages
        self._codes = codes
        self._named = [page for page in pages if any(_says(code, page) for code in codes)]

    def result(self) -> Registration:
        best: _Try | None = None
        for kind, candidates in self._rounds():
            tries = [tried for page in candidates if (tried := self._try(page, self._photo.points(kind), kind))]
            best = max([*tries, *([best] if best else [])], key=lambda tried: tried.worth, default=None)
            if best is not None and best.right:
                break
        if best is None or not best.right:
            best = self._by_lines() or best
        if best is None or not best.right:
            return self._refused(best)
        if self._contradicted(best):
            return self._found(best, _OTHER, "other-code")
        if not best.by_lines and self._second(best):
            return self._found(best, _TWO, "two-pages")
        if not best.by_lines:
            placing, fit = followed(self._photo.grey, best.placing, best.fit, best.page.sheet)
            best = replace(best, placing=placing, fit=fit)
        return self._found(best, None, None)

    def _rounds(self) -> list[tuple[Kind, Sequence[Prepared]]]:
        """What is tried, in this order, until a page is right."""
        others = [page for page in self._pages if page not in self._named]
        rounds: list[tuple[Kind, Sequence[Prepared]]] = [(kind, self._named) for kind in Kind if self._named]
        if others:
            rounds.append((Kind.ORB, others))
            rounds.append((Kind.SIFT, self._likely(others, self._photo.points(Kind.ORB))))
        return rounds

    def _likely(self, pages: Sequence[Prepared], points: Features) -> Sequence[Prepared]:
        """Those with most matches, where there are too many to try all."""
        if len(pages) <= MOST_TRIED:
            return pages
        alike = [len(matches(page.orb, points)[0]) / max(1, len(page.orb.points)) for page in pages]
        order = np.argsort(-np.array(alike), kind="stable")[:MOST_TRIED]
        return [pages[index] for index in order]

    def _try(self, page: Prepared, points: Features, kind: Kind, other: Grey | None = None) -> _Try | None:
        """`points` of the photo laid over the page's, or, of `other`, a picture made from it."""
        grey = self._photo.grey if other is None else other
        size = (grey.shape[1], grey.shape[0])
        there, here = matches(page.features(kind), points)
        turn, _ = homography(there, here, tolerance_px=4.0 * max(size) / kind.side)
        if turn is None or implausible(turn, page.size, size) is not None:
            return None
        best: _Try | None = None
        for paper in (FLAT, BENT):
            placing, fit = settled(grey, turn, page.sheet, paper)
            tried = _Try(page, placing, fit)
            if implausible(placing.turn, page.size, size) is None and (best is None or tried.worth > best.worth):
                best = tried
            if best is not None and (best.right or best.worth < HOPELESS):
                break
        return best

    def _by_lines(self) -> _Try | None:
        """The page among those with hardly any print whose table's lines lie in the photo."""
        tries: list[tuple[float, _Try]] = []
        for page in self._pages:
            found = None if page.grid is None else laid(self._photo.grey, page.grid)
            if found is None:
                continue
            grow = page.sheet.scale / size_at(found.turn, np.array(page.size, np.float64) / 2)
            shift = np.stack((np.zeros_like(found.off), found.off * grow), axis=1).astype(np.float32)
            all_found = np.full(len(found.off), found.alike, np.float32)
            fit = Fit(np.zeros((len(shift), 2)), np.ones(len(shift), bool), all_found, shift, found.seen)
            tries.append((found.alike, _Try(page, flat_placing(found.turn, page.sheet, FLAT), fit, True)))
        return max(tries, key=lambda one: one[0])[1] if tries else None

    def _contradicted(self, best: _Try) -> bool:
        """Whether a code on the page found is one of another page, and none its own."""
        if best.page in self._named:
            return False
        if self._named:
            return True
        quad = (best.placing.place(best.page.corners) / self._photo.scale).astype(np.float32)
        kinds = {(expected.kind, expected.dictionary) for expected in best.page.page.codes}
        on_it = [code for code in self._codes if (code.kind, code.dictionary) in kinds]
        return any(cv2.pointPolygonTest(quad, tuple(code.quad.mean(axis=0)), False) > 0 for code in on_it)

    def _second(self, first: _Try) -> bool:
        """Whether another page lies beside the one found."""
        quad = first.placing.place(first.page.corners).astype(np.float32)
        points = self._photo.points(Kind.ORB)
        away = [cv2.pointPolygonTest(quad, (float(x), float(y)), True) < -BESIDE_PX for x, y in points.points]
        outside = np.array(away, bool)
        if int(outside.sum()) < SECOND_POINTS:
            return False
        rest = points.where(outside)
        for page in self._pages:
            other = self._try(page, rest, Kind.ORB)
            if other is None or not other.right:
                continue
            there = other.placing.place(page.corners).astype(np.float32)
            common, _ = cv2.intersectConvexConvex(quad, there)
            if common < MOST_COMMON * min(cv2.contourArea(quad), cv2.contourArea(there)):
                return True
        return False

    def _refused(self, best: _Try | None) -> Registration:
        grey = self._photo.grey
        if template := self._seen_in(np.ascontiguousarray(grey[:, ::-1])):
            return Registration(False, _MIRRORED, "mirrored", template)
        # Two copies of one page take each other's matches away; each half of the picture then has one.
        height, width = grey.shape
        for halves in ((grey[:, : width // 2], grey[:, width // 2 :]), (grey[: height // 2], grey[height // 2 :])):
            if all(self._seen_in(np.ascontiguousarray(half), WHOLE_PAGE) for half in halves):
                return Registration(False, _TWO, "two-pages")
        if best is None:
            return Registration(False, NO_PAGE, "no-page")
        little = best.fit.asked < MIN_ASKED
        return self._found(best, _LITTLE if little else _WRONG, "too-little" if little else "wrong-page")

    def _seen_in(self, grey: Grey, least: float = 0.0) -> str | None:
        """The template of the first page of which another picture shows at least the part `least`."""
        points = features(grey, Kind.ORB)
        height, width = grey.shape
        for page in self._likely(self._pages, points):
            tried = self._try(page, points, Kind.ORB, grey)
            if tried is not None and tried.right:
                quad = tried.placing.place(page.corners)
                if polygon_area(inside(quad, width, height)) >= least * polygon_area(quad):
                    return page.template
        return None

    def _found(self, best: _Try, reason: str | None, code: str | None) -> Registration:
        grow = np.diag([1 / self._photo.scale, 1 / self._photo.scale, 1.0])
        placing = replace(best.placing, turn=grow @ best.placing.turn)
        size = size_at(placing.turn, np.array(best.page.size, np.float64) / 2)
        off = best.fit.off
        return Registration(
            accepted=reason is None,
            reason=reason,
            code=code,
            template=best.page.template,
            page=best.page.page,
            placing=placing,
            residual_px=None if off is None else off / best.page.sheet.scale * size,
            quad=placing.place(best.page.corners),
            found=best.fit.found,
            typical=best.fit.typical,
            pixels=size,
        )


def _says(seen: CodeSeen, page: Prepared) -> bool:
    """Whether a code is one that the page says it bears."""
    return any(
        expected.kind == seen.kind
        and (expected.dictionary is None or expected.dictionary == seen.dictionary)
        and expected.match(seen.payload) is not None
        for expected in page.page.codes
    )
