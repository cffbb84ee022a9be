"""The long campaigns about pictures: (name, cases, failed) for the table of `python -m tests.campaign`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from counterfoil.sandbox import Sandbox
from tests.evidence import hostile, sensor
from tests.sandbox import files

MUTATED = 10_000
PHOTOS = 12
ALLOWED = 1
"""Of twelve photos of a phone, how many may still be tied to it."""
WIDTHS = (600, 1_000, 1_280, 1_600, 1_990, 4_000)
"""Of the sensor, in pixels; under 2,000 a picture keeps its size."""


def rows() -> Iterator[tuple[str, int, int]]:
    """Runs everything; takes about ten minutes on two cores."""
    _, wrong = hostile.campaign(1, MUTATED)
    yield "pictures: mutated and hand-made files", MUTATED + len(files.special()), len(wrong)
    with Sandbox(workers=1) as sandbox:
        for width, sigma in itertools.product(WIDTHS, (0.01, 0.004)):
            height = width * 3 // 4
            figures = sensor.identified(
                sandbox, sigma=sigma, photos=PHOTOS, width=width, height=height, recipe=sensor.ours
            )
            tied = sum(figure > sensor.IDENTIFIED for figure in figures)
            name = f"pictures: tied to a simulated phone, {width:,} x {height:,}, sensor of {sigma:.1%}"
            yield name, PHOTOS, tied if tied > ALLOWED else 0
