"""Attack: tie a kept picture to a seized phone by its sensor's pattern. Here a small sensor; in the campaign 12 MP."""

from __future__ import annotations

import pytest

from counterfoil.sandbox import Sandbox
from tests.evidence import sensor


def test_halving_and_encoding_alone_do_not_hide_the_phone(sandbox: Sandbox) -> None:
    """The attack works where it should: otherwise the next test would prove nothing."""
    figures = sensor.identified(sandbox, sigma=0.01, photos=2, width=2400, height=1800, recipe=sensor.only_halved)
    assert min(figures) > 10 * sensor.IDENTIFIED


def test_the_recipe_hides_the_phone_from_whoever_knows_turn_and_scale(sandbox: Sandbox) -> None:
    for sigma in (0.01, 0.004):
        figures = sensor.identified(sandbox, sigma=sigma, photos=4, width=2400, height=1800, recipe=sensor.ours)
        assert sum(figure > sensor.IDENTIFIED for figure in figures) == 0, figures


@pytest.mark.parametrize("width", [600, 1600])
def test_it_hides_the_phone_in_pictures_that_keep_their_size(sandbox: Sandbox, width: int) -> None:
    """Small pictures are bent less; pixel for pixel as the sensor gave them they show most of its pattern."""
    height = width * 3 // 4
    figures = sensor.identified(sandbox, sigma=0.01, photos=4, width=width, height=height, recipe=sensor.ours)
    assert sum(figure > sensor.IDENTIFIED for figure in figures) == 0, figures
