"""The long campaigns about pictures: (name, cases, failed) for the table of `python -m tests.campaign`."""

from __future__ import annotations

from collections.abc import Iterator

from counterfoil.sandbox import Sandbox
from tests.evidence import hostile, sensor
from tests.sandbox import files

MUTATED = 10_000
PHOTOS = 12
ALLOWED = 1
"""Of twelve photos of a phone, how many may still be tied to it."""


def rows() -> Iterator[tuple[str, int, int]]:
    """Runs everything; takes about ten minutes on two cores."""
    _, wrong = hostile.campaign(1, MUTATED)
    yield "pictures: mutated and hand-made files", MUTATED + len(files.special()), len(wrong)
    with Sandbox(workers=1) as sandbox:
        for sigma in (0.01, 0.004):
            figures = sensor.identified(
                sandbox, sigma=sigma, photos=PHOTOS, width=4000, height=3000, recipe=sensor.ours
            )
            tied = sum(figure > sensor.IDENTIFIED for figure in figures)
            yield f"pictures: tied to a simulated phone, sensor of {sigma:.1%}", PHOTOS, tied if tied > ALLOWED else 0
