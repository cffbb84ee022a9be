"""Small forms of our own, sheets of them with something wrong, and one reader for all tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from counterfoil.reading.reader import PageReading, Reader
from counterfoil.simulate.blank import BlankForm, Layout, Printed, printed_form
from counterfoil.simulate.drawing import LAYOUT
from counterfoil.simulate.hand import Hand
from counterfoil.simulate.paper import Look
from counterfoil.simulate.sheets import Sheet, Style, fill
from counterfoil.simulate.wear import Wear
from counterfoil.simulate.writing import Person, Problem

FIELDS = ("ada", "bob", "cyd", "valid")
FIGURES = {"ada": 35, "bob": 187, "cyd": 64, "valid": 286}
_PLAIN = replace(LAYOUT, options=3, boxes=3, row=58, box=56)
LAYOUTS: Mapping[str, Layout] = {
    "boxed": _PLAIN,
    "free": replace(_PLAIN, boxes=None, parting="none", box=190, language=1),
    "guides": replace(_PLAIN, parting="guides", language=2),
    "dots": replace(_PLAIN, parting="dots", tint=(190, 170, 60), language=3),
    "watermark": replace(_PLAIN, watermark=True, language=1),
}


@cache
def form(name: str) -> BlankForm:
    """One of `LAYOUTS` with three options and their sum."""
    printed = [Printed("ada", "Ada"), Printed("bob", "Bob"), Printed("cyd", "Cyd"), Printed("valid", "Valid", "total")]
    checks = [{"id": "sum", "rule": "ada + bob + cyd == valid"}]
    number = list(LAYOUTS).index(name)
    return printed_form(f"small-{name}", f"Small form {name}", [[printed]], checks, LAYOUTS[name], number=number)


@cache
def reader(*names: str) -> Reader:
    """A reader that knows some of the forms."""
    return Reader([form(name).template for name in names])


def person(seed: int) -> Person:
    """Somebody with a plain hand, who leaves unused boxes empty."""
    return Person(Hand.of(np.random.default_rng((5, seed))), size=0.6, pen=0.065, unused="empty")


def sheet(
    name: str,
    seed: int,
    *,
    figures: Mapping[str, int | None] = FIGURES,
    problems: Mapping[str, Problem] | None = None,
    wear: Wear = Wear(noise=2.0, defocus_px=0.4, tilt_degrees=1.0, perspective=0.01),  # noqa: B008 - frozen
    width: int = 1000,
    writer: Person | None = None,
) -> Sheet:
    """A sheet of one of the forms, as a calm person photographs it."""
    style = Style(width=width, person=writer or person(seed), look=Look(), wear=wear)
    return fill(form(name).template, figures, seed=seed, style=style, problems=problems)


def read(name: str, one: Sheet) -> PageReading:
    """Read a sheet by the reader of its form."""
    return reader(name).read(one.picture)


def wrongly_accepted(one: Sheet, seen: PageReading) -> list[str]:
    """Fields accepted with anything else than what stands there."""
    return [
        name
        for name, field in seen.fields.items()
        if field.outcome == "accept" and (field.value != one.fields[name].value or one.fields[name].state is not None)
    ]


def right(one: Sheet, seen: PageReading, names: Sequence[str]) -> list[str]:
    """Those of some fields that are read as what stands there."""
    return [
        name
        for name in names
        if name in seen.fields
        and seen.fields[name].value == one.fields[name].value
        and (str(seen.fields[name].state) == "number") is (one.fields[name].state is None)
    ]
