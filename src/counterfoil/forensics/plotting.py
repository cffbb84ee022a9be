"""The pictures of the results; the only module that knows matplotlib.

Figures are built without the global state of pyplot, so that a library user's settings stay theirs, and `svg` gives
the same bytes for the same figure.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from counterfoil.forensics.arrays import Floats, Ints

INK, BAND, MARK = "#1f2a44", "#c9d3e6", "#b2452f"


def svg(figure: Figure) -> str:
    """The figure as an SVG element to be set into a page: no date, no random ids, no XML prologue."""
    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "counterfoil", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def _figure(rows: int = 1, columns: int = 1, *, width: float = 8.0, height: float = 3.6) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, list(axes.flat)


def _legend(figure: Figure) -> None:
    """Above the picture: within it a legend lies on what is drawn."""
    figure.legend(loc="outside upper right", ncols=4, frameon=False)


def comb(*variables: tuple[str, Ints, Ints]) -> Figure:
    """Stations per tenth of a percentage point, one row per (name, numerators, denominators);

    whole points are marked.
    """
    figure, axes = _figure(len(variables), height=2.6)
    for ax, (name, k, n) in zip(axes, variables, strict=True):
        tenth = (1000 * k + n // 2) // n
        height = np.bincount(tenth, minlength=1001)[:1001]
        edges = (np.arange(1002) - 0.5) / 10
        ax.stairs(height, edges, fill=True, color=INK)
        ax.stairs(np.where(np.arange(1001) % 10 == 0, height, 0), edges, fill=True, color=MARK)
        ax.set(xlabel=f"{name}, %", ylabel="stations", xlim=(0, 100))
    return figure


def bars(names: Sequence[str], observed: Floats, expected: Floats, sd: Floats, *, xlabel: str, ylabel: str) -> Figure:
    """Observed heights beside expectation with a band of two standard deviations."""
    figure, (ax,) = _figure()
    at = np.arange(len(names))
    ax.bar(at, observed, color=INK, width=0.6, label="observed")
    ax.errorbar(at, expected, yerr=2 * sd, fmt="o", color=MARK, capsize=4, label="expected, two standard deviations")
    ax.set_xticks(at, list(names))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    _legend(figure)
    return figure


def heatmap(matrix: Floats, *, xlabel: str, ylabel: str, values: str, diverging: bool = False) -> Figure:
    """A 100 x 100 histogram in percent, first axis to the right; signed values around a white zero.

    `values`: what the colours mean.
    """
    figure, (ax,) = _figure(width=5.4, height=5.0)
    limit = float(np.abs(matrix).max()) or 1.0
    image = ax.imshow(
        matrix.T,
        origin="lower",
        extent=(0, 100, 0, 100),
        aspect="equal",
        cmap="RdBu_r" if diverging else "Blues",
        vmin=-limit if diverging else 0.0,
        vmax=limit,
    )
    figure.colorbar(image, ax=ax, shrink=0.8, label=values)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return figure


def scatter(x: Floats, y: Floats, *, xlabel: str, ylabel: str, line: tuple[float, float] | None = None) -> Figure:
    """A cloud of stations (0 to 1), with a line (slope, intercept)."""
    figure, (ax,) = _figure(width=5.4, height=5.0)
    ax.plot(100 * x, 100 * y, ".", markersize=1.2, alpha=0.4, color=INK, rasterized=x.size > 5_000)
    if line:
        ends = np.array([0.0, 1.0])
        ax.plot(100 * ends, 100 * (line[0] * ends + line[1]), color=MARK)
    ax.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, 100), ylim=(0, 100))
    return figure


def curves(
    x: Floats, lines: dict[str, Floats], *, xlabel: str, ylabel: str, marks: Sequence[float] = (), title: str = ""
) -> Figure:
    """Several curves over one axis, with vertical marks."""
    figure, (ax,) = _figure()
    for (name, y), colour in zip(lines.items(), (INK, MARK, "#5b8c5a", "#8a6fb0"), strict=False):
        ax.plot(x, y, color=colour, label=name, drawstyle="steps-mid")
    for mark in marks:
        ax.axvline(mark, color="#888888", linewidth=0.8, linestyle="--")
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if len(lines) > 1:
        _legend(figure)
    return figure


def histogram(
    values: Floats, *, marks: Sequence[float], xlabel: str, ylabel: str, of_values: str, of_marks: str
) -> Figure:
    """Values as a histogram, with vertical marks, and what both are called."""
    figure, (ax,) = _figure()
    ax.hist(values, bins=40, color=BAND, label=of_values)
    for number, mark in enumerate(marks):
        ax.axvline(mark, color=MARK, label=of_marks if number == 0 else None)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    _legend(figure)
    return figure


def groups(names: Sequence[str], heights: Floats, series: Sequence[str], *, xlabel: str) -> Figure:
    """Grouped bars: one group per name, one bar per series."""
    figure, (ax,) = _figure(height=max(2.4, 0.5 * len(names) + 1.2))
    at, width = np.arange(len(names)), 0.8 / len(series)
    for j, (label, colour) in enumerate(zip(series, mpl.color_sequences["tab20"], strict=False)):
        ax.barh(at + (j - (len(series) - 1) / 2) * width, heights[:, j], height=width, color=colour, label=label)
    ax.set_yticks(at, list(names))
    ax.invert_yaxis()
    ax.set(xlabel=xlabel)
    if heights.min(initial=0) >= 0:
        ax.set_xlim(0, None if heights.max(initial=0) > 0 else 1)
    if len(series) > 1:
        _legend(figure)
    return figure
