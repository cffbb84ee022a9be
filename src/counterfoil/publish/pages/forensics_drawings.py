"""Pictures of the forensics page as inline SVG: heat squares of turnout and share, and combs with their null band.

Coordinates are integers, colours come from the style sheet by class; the only text inside a picture are the figures of
its axes, so that words stay translatable HTML beside it. Turnout runs from left to right on every page.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from counterfoil.forensics.arrays import Floats, Ints
from counterfoil.forensics.comb import STEPS, Comb

SHADES = 5
CELL = 10
"""Units of a cell of the large square; 100 cells a side."""
_LEFT, _TOP, _BELOW = 70, 24, 60
_BAR, _HEIGHT = 44, 200
FINE_HEIGHT = 240


@dataclass(frozen=True, slots=True)
class Shades:
    """Smallest number of stations of each shade, ascending; `most` the largest number in any cell."""

    least: tuple[int, ...]
    most: int

    def ranges(self) -> list[tuple[int, int]]:
        """First and last number of stations of each shade."""
        ends = [*(low - 1 for low in self.least[1:]), self.most]
        return list(zip(self.least, ends, strict=True))


def shades(cells: Floats) -> Shades:
    """At most five steps, each as many times the one before: thin tails must be seen beside a dense middle."""
    most = max(1, int(cells.max()))
    least = sorted({max(1, int(np.ceil(most ** (i / SHADES)))) for i in range(SHADES)})
    return Shades(tuple(least), most)


def _squares(cells: Floats, steps: Shades, size: int, left: int, top: int) -> Markup:
    """One path per shade; neighbours of a row that have the same shade are one rectangle."""
    shade = np.searchsorted(np.array(steps.least), cells, side="right")
    paths: list[list[str]] = [[] for _ in range(len(steps.least) + 1)]
    columns, rows = cells.shape
    for j in range(rows):
        line = shade[:, j]
        if not line.any():
            continue
        edges = np.flatnonzero(np.diff(line)) + 1
        starts = [0, *edges.tolist()]
        ends = [*edges.tolist(), columns]
        y = top + (rows - 1 - j) * size
        for start, end in zip(starts, ends, strict=True):
            if line[start]:
                width = (end - start) * size
                paths[line[start]].append(f"M{left + start * size} {y}h{width}v{size}h-{width}z")
    drawn = "".join(f'<path class="h{level}" d="{"".join(d)}"/>' for level, d in enumerate(paths) if d)
    return Markup(drawn)  # noqa: S704 - integers and our own class names


def fingerprint(cells: Floats, steps: Shades, label: str) -> Markup:
    """The large square of 100 x 100 cells with its axes."""
    side = 100 * CELL
    ticks = "".join(
        f'<path class="axis" d="M{_LEFT + at * CELL} {_TOP + side}v12M{_LEFT} {_TOP + side - at * CELL}h-12"/>'
        f'<text x="{_LEFT + at * CELL}" y="{_TOP + side + 46}" text-anchor="middle">{at}</text>'
        f'<text x="{_LEFT - 18}" y="{_TOP + side - at * CELL + 11}" text-anchor="end">{at}</text>'
        for at in (0, 25, 50, 75, 100)
    )
    return Markup(
        '<svg class="heat" viewBox="0 0 {} {}" role="img" aria-label="{}"><rect class="plot" x="{}" y="{}" width="{}" '
        'height="{}"/>{}{}</svg>'
    ).format(
        _LEFT + side + 40,
        _TOP + side + _BELOW,
        label,
        _LEFT,
        _TOP,
        side,
        side,
        _squares(cells, steps, CELL, _LEFT, _TOP),
        Markup(ticks),  # noqa: S704 - integers only
    )


def cloud(cells: Floats, label: str) -> Markup:
    """A small square without figures; `cells` are 50 x 50."""
    return Markup(
        '<svg class="cloud" viewBox="0 0 100 100" role="img" aria-label="{}"><rect class="plot" width="100" '
        'height="100"/>{}</svg>'
    ).format(label, _squares(cells, shades(cells), 2, 0, 0))


def folded(comb: Comb, label: str) -> Markup:
    """Ten bars by distance from a whole percentage, the null's band of two standard deviations and its mean."""
    top = float(max(comb.observed.max(), (comb.mean + 2 * comb.sd).max())) or 1.0

    def height(value: float) -> int:
        return max(0, round(value / top * _HEIGHT))

    parts = []
    for i, step in enumerate(STEPS):
        x, bar = 10 + i * _BAR, height(float(comb.observed[i]))
        low, high = height(float(comb.mean[i] - 2 * comb.sd[i])), height(float(comb.mean[i] + 2 * comb.sd[i]))
        middle = height(float(comb.mean[i]))
        parts.append(
            f'<rect class="{"hit" if step == 0 else "obs"}" x="{x + 8}" y="{10 + _HEIGHT - bar}" width="{_BAR - 16}" '
            f'height="{bar}"/><rect class="band" x="{x}" y="{10 + _HEIGHT - high}" width="{_BAR}" '
            f'height="{max(1, high - low)}"/><path class="mean" d="M{x} {10 + _HEIGHT - middle}h{_BAR}"/>'
            f'<text x="{x + _BAR // 2}" y="{10 + _HEIGHT + 24}" text-anchor="middle">{step:+d}</text>'
        )
    return Markup(
        '<svg class="comb" viewBox="0 0 {} {}" role="img" aria-label="{}">{}<path class="axis" d="M10 {}h{}"/></svg>'
    ).format(
        20 + _BAR * len(STEPS),
        _HEIGHT + 44,
        label,
        Markup("".join(parts).replace('">+0<', '">0<')),  # noqa: S704 - integers only
        10 + _HEIGHT,
        _BAR * len(STEPS),
    )


def fine(observed: Ints, low: Ints, high: Ints, label: str) -> Markup:
    """Stations per tenth of a point from 0 to 100: the null's band behind, whole percentages marked."""
    top = float(max(observed[1:-1].max(), high[1:-1].max())) or 1.0

    def heights(values: Ints) -> list[int]:
        return [FINE_HEIGHT - min(FINE_HEIGHT, round(float(v) / top * FINE_HEIGHT)) for v in values]

    lows, highs, seen = heights(low), heights(high), heights(observed)
    band = "M0 {}{}{}z".format(
        highs[0],
        "".join(f"L{x} {y}" for x, y in enumerate(highs)),
        "".join(f"L{x} {lows[x]}" for x in range(len(lows) - 1, -1, -1)),
    )
    rest = "".join(f"M{x} {FINE_HEIGHT}V{y}" for x, y in enumerate(seen) if x % 10 and y < FINE_HEIGHT)
    whole = "".join(f"M{x} {FINE_HEIGHT}V{y}" for x, y in enumerate(seen) if x % 10 == 0 and y < FINE_HEIGHT)
    ticks = "".join(
        f'<text x="{min(max(at * 10, 12), 984)}" y="{FINE_HEIGHT + 26}" text-anchor="middle">{at}</text>'
        for at in range(0, 101, 10)
    )
    return Markup(
        '<svg class="fine" viewBox="0 0 1001 {}" role="img" aria-label="{}"><path class="null" d="{}"/><path '
        'class="tooth" d="{}"/><path class="whole" d="{}"/>{}</svg>'
    ).format(FINE_HEIGHT + 34, label, band, rest, whole, Markup(ticks))  # noqa: S704 - integers only
