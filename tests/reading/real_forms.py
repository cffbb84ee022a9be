"""The labelled photos of real forms and their templates, each loaded once for all tests."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from counterfoil.election.templates import FormTemplate, picture_of, read_template
from counterfoil.reading.belief import Quad, Rgb
from counterfoil.reading.pages import decode
from counterfoil.reading.register import Prepared, Registration, prepare

FORMS = Path(__file__).parents[3] / "shared" / "data" / "forms"
TEMPLATES = Path(__file__).parents[1] / "forms"

cv2.setNumThreads(1)


@functools.cache
def labels() -> dict[str, dict[str, Any]]:
    """Each form's entry of `labels.json` by its id, with its `path`."""
    entries: dict[str, dict[str, Any]] = {}
    for file in sorted(FORMS.glob("*/labels.json")):
        for entry in json.loads(file.read_text())["forms"]:
            entries[entry["id"]] = {**entry, "path": file.parent / entry["file"]}
    return entries


@functools.lru_cache(maxsize=6)
def photo(form_id: str) -> Rgb:
    return decode(labels()[form_id]["path"].read_bytes())


def quads(form_id: str) -> dict[str, Quad]:
    """The labelled outlines of a form's fields."""
    return {name: np.array(figure["quad"], np.float64) for name, figure in labels()[form_id]["figures"].items()}


@functools.cache
def template(name: str) -> FormTemplate:
    return read_template(TEMPLATES / f"{name}.yaml")


@functools.cache
def prepared(name: str) -> Prepared:
    """The first page of a template, ready."""
    page = template(name).pages[0]
    return prepare(name, page, decode(picture_of(page)))


def worst(form_id: str, registration: Registration, name: str) -> float:
    """The largest distance of a field's corner from its label, in heights of that field."""
    assert registration.placing is not None
    found = 0.0
    for field, quad in quads(form_id).items():
        place = np.array(prepared(name).page.place(field).quad, np.float64)
        off = np.linalg.norm(registration.placing.place(place) - quad, axis=1).max()
        found = max(found, float(off / np.linalg.norm(quad[3] - quad[0])))
    return found
