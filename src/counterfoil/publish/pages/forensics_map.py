"""The forensics page's map: how far each station's share lies from that of its area.

* The residual of a station is the option's share there less its share in all stations used of the same area (of all,
  where areas are unknown). Comparing with the area takes out what regions differ by.
* Stations are sorted into five classes by whole numbers only, so that every machine draws the same map.
* Projection and frame are those of the map of stations (`maps`); stations without coordinates are counted and said.

A map shows where stations differ from their neighbours. It cannot show why.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from markupsafe import Markup

from counterfoil.forensics.arrays import Ints
from counterfoil.forensics.stations import Stations
from counterfoil.publish.pages import drawings
from counterfoil.publish.pages.maps import in_frame, project
from counterfoil.publish.pages.view import N_, View

NEAR, FAR = 5, 20
"""Points of the share between the classes."""
_CLASSES = (
    ("x", 0, N_("within %(near)s points of the area")),
    ("m", 1, N_("%(near)s to %(far)s points below")),
    ("m", 2, N_("%(near)s to %(far)s points above")),
    ("m", 3, N_("more than %(far)s points below")),
    ("m", 4, N_("more than %(far)s points above")),
)
MOST_MARKS = 20_000
LEAST = 20


def residual_class(table: Stations) -> Ints:
    """For each station the index into the five classes; -1 where nothing was cast or its figures contradict."""
    if table.cast is None:
        return np.full(table.size, -1, dtype=np.int64)
    usable = (table.cast > 0) & (table.leader <= table.cast)
    area = table.area if table.area is not None else np.zeros(table.size, dtype=np.int64)
    cast, votes = np.where(usable, table.cast, 0), np.where(usable, table.leader, 0)
    count = int(area.max(initial=0)) + 1
    whole, mine = np.zeros((2, count), dtype=np.int64)
    np.add.at(whole, area, cast)
    np.add.at(mine, area, votes)
    # 100 (votes/cast - mine/whole) against a limit, multiplied out.
    scaled = 100 * (votes * whole[area] - mine[area] * cast)
    unit = cast * whole[area]
    far, near = np.abs(scaled) > FAR * unit, np.abs(scaled) > NEAR * unit
    found = np.where(far, 3, np.where(near, 1, 0)) + (near & (scaled > 0))
    return np.where(usable, found, -1).astype(np.int64)


def residual_map(view: View, table: Stations, places: pl.DataFrame) -> Markup:
    """The map with its legend; nothing where fewer than twenty stations have coordinates."""
    marked = places.with_columns(pl.Series("class", residual_class(table)).cast(pl.String)).filter(
        pl.col("class") != "-1"
    )
    placed = marked.filter(pl.col("x").is_not_null() & pl.col("y").is_not_null())
    if placed.height < LEAST:
        return Markup()
    frame = in_frame(placed)
    marks, height = project(frame, gridded=frame.height > MOST_MARKS)
    radius = 4 if marks.height > 2_000 else 6
    paths, legend = [], []
    for index, (kind, mark, label) in enumerate(_CLASSES):
        mine = marks.filter(pl.col("class") == str(index)).sort("x", "y")
        if not mine.height:
            continue
        shape = drawings.mark(mark, radius)
        drawn = "".join(f"M{x} {y}{shape}" for x, y in mine.select("x", "y").iter_rows())
        paths.append(Markup('<path class="{} {}{}" d="{}"/>').format(kind, kind, mark, drawn))
        text = view.say(label, near=view.n(NEAR), far=view.n(FAR))
        legend.append(Markup("<li>{}{}: {}</li>").format(drawings.legend_mark(mark, kind), text, view.n(mine.height)))
    absent = marked.height - frame.height
    note = (
        view.plural(
            "%(n)s station has no coordinates or lies far outside and is not on the map.",
            "%(n)s stations have no coordinates or lie far outside and are not on the map.",
            absent,
        )
        if absent
        else Markup()
    )
    title = view._("Share beside that of the area")
    return Markup(
        '<h2>{}</h2><p class="hint">{}</p><figure class="map"><div class="frame"><svg viewBox="0 0 1000 {}" role="img" '
        'aria-label="{}">{}</svg></div><figcaption><ul class="legend">{}</ul><p>{}</p></figcaption></figure>'
    ).format(
        title,
        view._(
            "How far the share of the option tested at a station lies from its share in the whole area. Neighbourhoods "
            "differ everywhere; what stands alone among its neighbours is worth a look at its protocol."
        ),
        height,
        title,
        Markup("").join(paths),
        Markup("").join(legend),
        note,
    )
