"""Stands where the reader stands, in the real jail: it says of a photo what the photo tells it to say.

A "photo" here is a JPEG's first bytes, then JSON: what to answer, or the name of something else to do. Its version
follows the calibration that it is handed, as the reader's does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from counterfoil.reading.handed import unpack

MARK = b"\xff\xd8\xff\xe0 says "


def prepare(setup: bytes) -> Callable[[bytes], bytes]:
    _, calibration = unpack(setup)
    version = b"pretend"
    if calibration is not None:
        version += b"-" + json.loads(calibration)["version"].encode()

    def answer(question: bytes) -> bytes:
        if question == b"V":
            return version
        told = question[1:].partition(MARK)[2].partition(b"\n")[0]
        if told == b"raise":
            raise ValueError(told)
        if told == b"die":
            os._exit(1)
        if told.startswith(b"raw "):
            return told[4:]
        return json.dumps(json.loads(told)).encode()

    return answer
