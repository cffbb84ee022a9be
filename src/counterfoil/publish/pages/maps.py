"""The map of stations: one mark per station, or per cell of a grid where there are too many.

Projection: longitude and latitude as x and y, with the longitude shrunk by the cosine of the middle latitude
(equirectangular, true to scale along that parallel). The frame holds the middle 98 % of stations in each direction and
a margin; stations far outside (embassies), and those without coordinates, are counted and said. Marks differ in shape
and colour. All marks of one class are one path, so that 20,000 of them stay a small file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from counterfoil.publish.pages import drawings
from counterfoil.publish.pages.stations import STATES
from counterfoil.publish.pages.view import Page, View
from counterfoil.tally.results import ContestTally

MOST_MARKS = 20_000
GRID = 140
"""Cells along the longer side, above `MOST_MARKS`."""
SIZE = 1000
"""Longer side of the picture, in its own units."""
_EDGE = 12


@dataclass(frozen=True, slots=True)
class _Class:
    """Stations drawn alike. `mark` is the shape and colour; `kind` the family of classes in the style sheet."""

    label: str
    kind: str
    mark: int
    count: int
    xs: Sequence[int]
    ys: Sequence[int]


def map_page(view: View) -> tuple[str, bytes]:
    """`map.html`."""
    page = Page(view, "map.html", view._("Map of stations"))
    body = Markup().join(_contest(view, tally) for tally in view.plan.tallies)
    lede = view._("Where a confirmed protocol came from, which option has most votes in it, and where nothing came in.")
    return view.render("text.html", page, lede=lede, body=body)


def _contest(view: View, tally: ContestTally) -> Markup:
    title = view.pick(tally.contest.title) if len(view.plan.tallies) > 1 else ""
    head = Markup('<h2 class="of">{}</h2>').format(title) if title else Markup()
    placed = tally.stations.filter(pl.col("latitude").is_not_null() & pl.col("longitude").is_not_null())
    frame = in_frame(_classified(tally, placed)) if placed.height else placed
    notes = _notes(view, tally.stations.height - placed.height, placed.height - frame.height)
    if not frame.height:
        return Markup("<section>{}<p>{}</p></section>").format(head, notes)
    gridded = frame.height > MOST_MARKS
    marks, height = project(frame, gridded=gridded)
    classes = _classes(view, tally, marks)
    kept = (
        view._("A mark stands for all stations of a small square, by what most of them show.")
        if gridded
        else view._("A mark stands for one station.")
    )
    radius = 4 if marks.height > 2_000 else 6
    paths = Markup().join(
        Markup('<path class="{} {}{}" d="{}"/>').format(c.kind, c.kind, c.mark, _path(c, radius)) for c in classes
    )
    legend = Markup().join(
        Markup("<li>{}{}: {}</li>").format(drawings.legend_mark(c.mark, c.kind), c.label, view.n(c.count))
        for c in classes
    )
    return Markup(
        '<section>{}<figure class="map"><div class="frame"><svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
        '</div><figcaption><ul class="legend">{}</ul><p>{} {}</p></figcaption></figure></section>'
    ).format(head, SIZE, height, view._("Map of stations"), paths, legend, kept, notes)


def _notes(view: View, without: int, outside: int) -> Markup:
    notes = []
    if without:
        notes.append(
            view.plural(
                "%(n)s station has no coordinates and is not on the map.",
                "%(n)s stations have no coordinates and are not on the map.",
                without,
            )
        )
    if outside:
        notes.append(
            view.plural(
                "%(n)s station lies far outside, such as abroad, and is not on the map.",
                "%(n)s stations lie far outside, such as abroad, and are not on the map.",
                outside,
            )
        )
    return Markup(" ").join(notes)


def in_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Stations within the middle 98 % in each direction and a quarter of that on every side."""
    keep = pl.lit(value=True)
    for axis in ("x", "y"):
        low, high = (frame[axis].quantile(q, "nearest") or 0.0 for q in (0.01, 0.99))
        margin = (high - low) / 4 + 0.05
        keep = keep & pl.col(axis).is_between(low - margin, high + margin)
    return frame.filter(keep)


def _classified(tally: ContestTally, placed: pl.DataFrame) -> pl.DataFrame:
    """x (longitude), y (latitude), class: the leading option's number, -1 a tie, or a state."""
    options = [f"votes.{o.id}" for o in tally.contest.options]
    best = pl.max_horizontal(options)
    leading = pl.coalesce(
        *(
            pl.when(
                (pl.col(name) == best) & (pl.sum_horizontal((pl.col(o) == best).cast(pl.Int8) for o in options) == 1)
            ).then(pl.lit(str(number)))
            for number, name in enumerate(options)
        ),
        pl.lit("tie"),
    )
    state = pl.col("state").cast(pl.String)
    return placed.select(
        pl.col("longitude").alias("x"),
        pl.col("latitude").alias("y"),
        pl.when((state == "confirmed") & best.is_not_null()).then(leading).otherwise(state).alias("class"),
    )


def project(frame: pl.DataFrame, *, gridded: bool) -> tuple[pl.DataFrame, int]:
    """Integer picture coordinates, and the picture's height; with `gridded`, one row per cell that holds stations."""
    west, east = float(frame["x"].min()), float(frame["x"].max())  # type: ignore[arg-type]
    south, north = float(frame["y"].min()), float(frame["y"].max())  # type: ignore[arg-type]
    shrink = max(0.05, math.cos(math.radians((south + north) / 2)))
    scale = (SIZE - 2 * _EDGE) / max((east - west) * shrink, north - south, 1e-9)
    height = max(200, round((north - south) * scale) + 2 * _EDGE)
    step = SIZE / GRID if gridded else 1.0

    def place(value: pl.Expr) -> pl.Expr:
        return ((value / step).floor() * step + step / 2 if gridded else value).round(0).cast(pl.Int64)

    frame = frame.select(
        "class",
        place((pl.col("x") - west) * shrink * scale + _EDGE).alias("x"),
        place((north - pl.col("y")) * scale + _EDGE).alias("y"),
    )
    if gridded:
        counted = frame.group_by("x", "y", "class").agg(pl.len().alias("stations"))
        # What most stations of a cell show; among equals the first by name: the order of rows must not matter.
        frame = (
            counted.sort(["x", "y", "stations", "class"], descending=[False, False, True, False])
            .group_by("x", "y", maintain_order=True)
            .agg(pl.col("class").first(), pl.col("stations").sum())
        )
    else:
        frame = frame.with_columns(pl.lit(1, pl.UInt32).alias("stations"))
    return frame, height


def _classes(view: View, tally: ContestTally, frame: pl.DataFrame) -> list[_Class]:
    """Missing stations first, so that marks with votes lie above them."""
    found = []
    names: list[tuple[str, str, str, int]] = [("missing", view._(STATES["missing"]), "x", 0)]
    names += [
        (state, view._(STATES[state]), "x", number) for number, state in enumerate(("received", "read", "disputed"), 1)
    ]
    names += [("confirmed", view._("confirmed, votes unknown"), "x", 4), ("tie", view._("tie"), "x", 5)]
    names += [
        (str(number), view.option_name(option), "m", min(number, drawings.SHAPES - 1))
        for number, option in enumerate(tally.contest.options)
    ]
    for key, label, kind, mark in names:
        mine = frame.filter(pl.col("class") == key).sort("x", "y")
        if mine.height:
            found.append(_Class(label, kind, mark, mine.height, mine["x"].to_list(), mine["y"].to_list()))
    return found


def _path(c: _Class, radius: int) -> str:
    shape = drawings.mark(c.mark, radius)
    return "".join(f"M{x} {y}{shape}" for x, y in zip(c.xs, c.ys, strict=True))
