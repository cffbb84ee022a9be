"""The reader as a program in the jail: `sandbox.Program` starts this module by its name and asks it, photo by photo.

    `V`        -> the reader's version
    `P` photo  -> the reading as JSON (`PageReading.to_dict`), with `places`: the outline of each field in the photo
    `L` photo  -> what our network is shown of each field, to learn from (`lessons.pack_views`)

Everything is loaded in `prepare`: who answers a question can open no file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import cv2

from counterfoil.election.templates import FormTemplate, picture_of
from counterfoil.reading.digits import shown
from counterfoil.reading.handed import unpack
from counterfoil.reading.lessons import pack_views
from counterfoil.reading.pages import decode
from counterfoil.reading.reader import Reader


def prepare(given: bytes) -> Callable[[bytes], bytes]:
    """The reader, ready for photos of the templates in `given` (`handed.pack`)."""
    templates, calibration = unpack(given)
    reader = Reader(templates, calibration=calibration)
    for template in templates[:1]:
        _told(reader, _as_photo(template))  # libraries load the rest of themselves with the first photo

    def answer(question: bytes) -> bytes:
        if question[:1] == b"V":
            return reader.version.encode("ascii")
        if question[:1] == b"L":
            return pack_views({crop.name: shown(crop) for crop in reader.crops(question[1:])})
        return json.dumps(_told(reader, question[1:]), allow_nan=False, separators=(",", ":")).encode("ascii")

    return answer


def _as_photo(template: FormTemplate) -> bytes:
    """The template's first picture as a JPEG."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(decode(picture_of(template.pages[0])), cv2.COLOR_RGB2BGR))
    return data.tobytes()


def _told(reader: Reader, photo: bytes) -> dict[str, Any]:
    reading = reader.read(photo)
    places = {
        name: [[round(float(x), 2), round(float(y), 2)] for x, y in quad] for name, quad in reading.places.items()
    }
    return {**reading.to_dict(), "places": places}
