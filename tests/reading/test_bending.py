"""A bend is followed where it was measured, both ways or across a line; what disagrees with all others is left."""

from __future__ import annotations

import cv2
import numpy as np

from counterfoil.election.templates import picture_of
from counterfoil.evidence.turning import turned_and_bent
from counterfoil.reading.bending import Floats, Measured, bent
from counterfoil.reading.pages import decode
from counterfoil.reading.register import register
from tests.reading.real_forms import photo, prepared, template


def _smooth(places: Floats) -> Floats:
    x, y = places.T / 1_000
    return np.stack((6 * np.sin(3 * x + y) + 20 * x, 5 * np.cos(4 * y)), axis=1)


def _everywhere(step: int) -> Floats:
    across, down = np.meshgrid(np.arange(20, 700, step), np.arange(20, 1_000, step))
    return np.stack((across, down), axis=2).reshape(-1, 2).astype(np.float64)


def _both_ways(places: Floats, shift: Floats) -> Measured:
    along = np.repeat(np.eye(2), len(places), axis=0)
    return Measured(np.tile(places, (2, 1)), along, shift.T.ravel())


def test_a_smooth_bend_is_followed_between_what_was_measured() -> None:
    places = _everywhere(40)
    found = bent((700, 1_000), 80, _both_ways(places, _smooth(places)), stiff=0.05, reaches=(6.0, 3.0))
    between = _everywhere(37)
    assert np.abs(found.at(between) - _smooth(between)).max() < 0.3


def test_what_disagrees_with_all_around_it_moves_nothing() -> None:
    places = _everywhere(40)
    shift = _smooth(places)
    shift[::9] += (15.0, -12.0)
    found = bent((700, 1_000), 80, _both_ways(places, shift), stiff=0.05, reaches=(6.0, 4.0, 2.0, 2.0))
    assert np.abs(found.at(places) - _smooth(places)).max() < 1


def test_a_line_says_how_far_it_lies_across_itself_and_not_along() -> None:
    places = _everywhere(40)
    across = np.tile((0.0, 1.0), (len(places), 1))
    found = bent((700, 1_000), 80, Measured(places, across, np.full(len(places), 3.0)), stiff=0.05, reaches=(6.0,))
    assert np.abs(found.at(places) - (0.0, 3.0)).max() < 0.05


def test_the_bend_of_a_kept_copy_is_followed_to_less_than_a_pixel() -> None:
    size = (1_050, 638)
    small = cv2.resize(photo("id14p1-kupang1"), size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)
    copy = turned_and_bent(small, np.random.default_rng(3).bytes)
    found = register(copy, [prepared("id2014p1")])
    assert found.accepted, found.reason
    assert found.residual_px is not None
    assert found.residual_px < 0.6


def test_a_page_that_lies_flat_is_left_as_it_was_found() -> None:
    found = register(decode(picture_of(template("id2014p1").pages[0])), [prepared("id2014p1")])
    assert found.accepted, found.reason
    assert found.placing is not None
    assert found.placing.bending is None
