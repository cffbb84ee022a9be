"""Attack: tie a kept picture to a seized phone by its sensor's pattern. Here a small sensor; in the campaign 12 MP."""

from __future__ import annotations

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
