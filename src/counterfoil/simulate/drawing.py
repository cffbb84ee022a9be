"""The paper form of a simulated election, and photos of papers on which stands what a table says.

What it answers: a form template for fields and checks that somebody has, and the photo of one protocol on it, drawn as
every sheet (`simulate.sheets`), a little kinder: whoever rehearses should find it readable. The same arguments give the
same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from counterfoil.simulate.blank import BlankForm, Layout, Printed, payload, printed_form
from counterfoil.simulate.chance import random_look, random_person, random_wear
from counterfoil.simulate.sheets import Style, fill
from counterfoil.simulate.writing import Problem

_STATES = {"struck": Problem.DASH, "word": Problem.WORD, "illegible": Problem.STRUCK}
_HARDNESS = 0.6
LAYOUT = Layout(
    options=0,
    boxes=4,
    parting="lines",
    row=52,
    box=54,
    words=False,
    watermark=False,
    code="qr",
    squares=False,
    language=0,
    line=2,
    totals_apart=False,
    tint=(28, 28, 30),
)
"""Of the form of every simulated election; `options` is not used where the fields are given."""


def paper_form(title: str, fields: Sequence[Printed], checks: Sequence[Mapping[str, Any]] = ()) -> BlankForm:
    """The form of a simulated election: one page, four boxes a figure, a QR code that names the station.

    Args:
        checks: as an election's definition has them.
    """
    totals = [one for one in fields if one.kind == "total"]
    others = [one for one in fields if one.kind != "total"]
    tables = [block for block in (totals, others) if block]
    return printed_form("simulated-protocol", title, [tables], checks, LAYOUT)


def draw_protocol(
    form: BlankForm,
    values: Mapping[str, str],
    *,
    seed: int,
    station: str | None = None,
    width: int = 1200,
    quality: int | None = None,
) -> bytes:
    """A JPEG photo of one protocol.

    Args:
        values: cells of a table by field: a number, the word of a state, or nothing.
        seed: decides hand, paper and light.
        station: what the QR code says; None: as printed on the blank form.
        width: of the photo in pixels.
        quality: of the JPEG; None: by the seed.
    """
    rng = np.random.default_rng((70_003, seed))
    wear = replace(random_wear(rng, hardness=_HARDNESS), quarters=0, moire=0.0)
    if wear.surface == "screen":
        wear = replace(wear, surface="table")
    if quality is not None:
        wear = replace(wear, quality=quality)
    person = replace(random_person(rng, None), none="figure")
    style = Style(width=width, ratio=4 / 3, person=person, look=random_look(rng), wear=wear)
    problems = {name: _STATES[text] for name, text in values.items() if text in _STATES}
    figures = {name: int(text) for name, text in values.items() if text.isdecimal()}
    figures |= {name: int(rng.integers(1, 100)) if one is Problem.STRUCK else 0 for name, one in problems.items()}
    said = None if station is None else payload(station, 1)
    return fill(form.template, figures, seed=seed, style=style, problems=problems, payload=said).picture
