"""Fields that people settled, as lessons for our network: what it is shown of each, and which signs stand there.

* Views come out of the jail as bytes (`pack_views`, `unpack_views`): darkness in 255 steps, nothing else, of fields
  that the form has; anything that is not exactly that is thrown away whole.
* People settle what is meant; which signs say it (`88`, `088`, `--88`, `XX88`) is the spelling that the network as it
  is holds for likeliest. A field that it reads otherwise is a lesson all the same.
* Numbers and empty fields are lessons. A word, and what is struck out or illegible, is none: how it looks is not
  settled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.primitives.errors import RecordError
from counterfoil.reading import ctc
from counterfoil.reading.digits import DigitsReader
from counterfoil.reading.views import STRIDE, VIEW_HEIGHT, VIEW_WIDTH, Floats

MOST_VIEWS: Final = 4
MOST_BYTES: Final = 60_000_000
"""Of one photo."""
MOST_SIGNS: Final = 12
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Lesson:
    """`view`: 2 x height x width, 0 to 255; `signs`: numbers of the network's signs, from left to right."""

    view: Bytes
    signs: tuple[int, ...]


def pack_views(fields: Mapping[str, Sequence[Floats]]) -> bytes:
    """The views of each field."""
    head = [[name, [int(view.shape[2]) for view in views]] for name, views in fields.items()]
    parts = [
        np.clip(view * 255 + 0.5, 0, 255).astype(np.uint8).tobytes() for views in fields.values() for view in views
    ]
    return b"".join((json.dumps(head).encode("ascii"), b"\n", *parts))


def unpack_views(said: bytes, names: frozenset[str]) -> dict[str, list[Bytes]]:
    """What `pack_views` was given.

    Raises:
        RecordError: anything else, or a field that is none of `names`.
    """
    head, _, rest = said.partition(b"\n")
    found: dict[str, list[Bytes]] = {}
    try:
        fields = json.loads(head)
        if type(fields) is not list:
            raise ValueError("no list")
        for name, widths in fields:
            if name not in names or name in found or len(widths) > MOST_VIEWS:
                raise ValueError("names")
            found[name] = []
            for width in widths:
                if type(width) is not int or not 0 < width <= VIEW_WIDTH or width % STRIDE:
                    raise ValueError("width")
                size = 2 * VIEW_HEIGHT * width
                found[name].append(np.frombuffer(rest[:size], np.uint8).reshape(2, VIEW_HEIGHT, width))
                rest = rest[size:]
        if rest:
            raise ValueError("bytes behind the last view")
    except (ValueError, TypeError, RecursionError):
        raise RecordError(
            "views of a photo: expected those of the form's fields, found something else", code="bad-views"
        ) from None
    return found


def floats(view: Bytes) -> Floats:
    """As the network takes it."""
    return np.divide(view, np.float32(255), dtype=np.float32)


def lessons(
    views: Sequence[Bytes], state: str, value: int | None, boxes: int | None, network: DigitsReader
) -> list[Lesson]:
    """Of one field that people settled: one lesson a view; none where it is not settled how it looks."""
    texts = [tuple(network.sign(s) for s in text) for text in spellings(state, value, boxes)]
    if not texts or not views:
        return []
    each = [ctc.probabilities(steps, texts) for steps in network.steps([floats(view) for view in views])]
    best = texts[int(np.log(np.stack(each) + 1e-12).sum(axis=0).argmax())]
    return [Lesson(view, best) for view in views if len(best) + 1 <= view.shape[2] // STRIDE]


def spellings(state: str, value: int | None, boxes: int | None) -> list[str]:
    """How what people settled may stand in a field."""
    if state == "empty":
        return [""]
    if state != "number" or value is None:
        return []
    digits = str(value)
    room = min(boxes or len(digits) + 2, MOST_SIGNS) - len(digits)
    found = [sign * count + digits for count in range(max(0, room) + 1) for sign in ("0-X" if count else "0")]
    if value == 0:
        found += [sign * count for count in range(1, min(boxes or 3, MOST_SIGNS) + 1) for sign in "-X"]
    return found
