"""Pictures as inline SVG: bars with bounds, coverage bars, dot plots, maps. No text stands inside a picture that is
stretched: labels are HTML beside it, so nothing overlaps on a phone and right-to-left pages only mirror the track.

Coordinates are integers. Colours come from the style sheet by class; shapes differ as well as colours, for readers who
do not see the difference of colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from markupsafe import Markup

WIDTH = 1000
"""Of a track, in its own units; it is stretched to the space there is."""
SHAPES = 6
"""Number of marks that can be told apart; further options share the last one."""

_MARK_PATHS = (
    "h0",  # a dot: a line of length 0 with round caps
    "m-{r} -{r}h{d}v{d}h-{d}z",
    "m0 -{r}l{r} {d}h-{d}z",
    "m0 -{r}l{r} {r}l-{r} {r}l-{r} -{r}z",
    "m-{r} -{r}l{d} {d}m0 -{d}l-{d} {d}",
    "m-{r} 0h{d}m-{r} -{r}v{d}",
)


def _x(value: Fraction) -> int:
    return max(0, min(WIDTH, round(value * WIDTH)))


def bounds_track(lower: Fraction, upper: Fraction | None, announced: Fraction | None, mark: int) -> Markup:
    """Counted part solid, what may still come light, the announced share as a line. 0 to 1 from start to end."""
    low = _x(lower)
    light = f'<rect class="may" x="{low}" width="{_x(upper) - low}" y="6" height="20"/>' if upper is not None else ""
    line = f'<path class="ann" d="M{_x(announced)} 0v32"/>' if announced is not None else ""
    return Markup(  # noqa: S704 - integers only
        f'<svg class="track" viewBox="0 0 {WIDTH} 32" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bed" width="{WIDTH}" y="6" height="20"/>{light}'
        f'<rect class="o{mark}" width="{low}" y="6" height="20"/>{line}</svg>'
    )


def coverage_track(parts: Sequence[tuple[str, int]], whole: int) -> Markup:
    """Stacked parts (class, stations) of `whole` stations."""
    at, bars = 0, []
    for name, count in parts:
        width = _x(Fraction(count, whole)) if whole > 0 else 0
        bars.append(f'<rect class="{name}" x="{at}" width="{width}" height="20"/>')
        at += width
    return Markup(  # noqa: S704 - integers and our own class names
        f'<svg class="track thin" viewBox="0 0 {WIDTH} 20" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bed" width="{WIDTH}" height="20"/>{"".join(bars)}</svg>'
    )


def dots(shares: Iterable[tuple[int, Fraction]]) -> Markup:
    """One mark per option (its number, its share) on a line from 0 to 1 with ticks at every quarter."""
    marks = "".join(
        f'<path class="m m{number}" d="M{8 + _x(value) * 184 // WIDTH} 10{mark(number, 4)}"/>'
        for number, value in shares
    )
    return Markup(  # noqa: S704 - integers only
        f'<svg class="dots" viewBox="0 0 200 20" aria-hidden="true"><path class="axis" d="M8 10h184M8 6v8M54 6v8M100 '
        f'6v8M146 6v8M192 6v8"/>{marks}</svg>'
    )


def mark(number: int, radius: int) -> str:
    """The path of an option's mark, to follow an `M x y`."""
    return _MARK_PATHS[min(number, SHAPES - 1)].format(r=radius, d=2 * radius)


def legend_mark(number: int, kind: str = "m") -> Markup:
    """A mark on its own, to stand beside a name."""
    path = mark(number, 5)
    return Markup(  # noqa: S704 - integers and our own class names
        f'<svg class="key" viewBox="0 0 16 16" aria-hidden="true"><path class="{kind} {kind}{number}" d="M8 '
        f'8{path}"/></svg>'
    )
