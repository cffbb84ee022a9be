"""What the digits network learns from: fields drawn at random with their truth, as a bad photo shows them.

`lessons` draws one field in two views; `chunk` gives arrays for training from a seed and a number alone, so that any of
them can be made again. Never uses a picture of a real form: those measure, they do not teach. Training:
`workflow.train_reader`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.evidence.smoothing import smoothed_light
from counterfoil.reading import views
from counterfoil.simulate.glyphs import Glyph, glyph
from counterfoil.simulate.mnist import Strokes
from counterfoil.simulate.pen import Style
from counterfoil.simulate.strokes import Drawn, draw_field
from counterfoil.simulate.written import SIGNS, Write

CHUNK = 512
BATCH = 64


@dataclass(frozen=True, slots=True)
class Lesson:
    """`view` as the network sees it, `signs` its truth, `steps` where each stands in the network's steps."""

    view: views.Floats
    signs: str
    steps: tuple[int, ...]


def hand(rng: np.random.Generator, strokes: Strokes | None, wobble: float) -> Write | None:
    """A writer who takes half of the digits from MNIST, half from own polylines; without MNIST, None."""
    if strokes is None:
        return None
    own = float(rng.choice([0.0, 0.5, 1.0]))

    def write(rng: np.random.Generator, sign: str) -> Glyph:
        return glyph(rng, sign, "western", wobble) if rng.random() < own else strokes.glyph(rng, int(sign))

    return write


def number(rng: np.random.Generator, most: int) -> str:
    """Digits as counts of votes have them: many small ones, some long."""
    length = int(rng.choice(np.arange(1, 6), p=[0.26, 0.24, 0.36, 0.1, 0.04]))
    digits = rng.integers(0, 10, min(length, most))
    lone = rng.random()
    if lone < 0.06:
        return str(rng.integers(0, 2))
    if lone < 0.16:
        digits[:] = rng.choice([0, 1])
    if len(digits) > 1 and digits[0] == 0 and rng.random() < 0.8:
        digits[0] = rng.integers(1, 10)
    return "".join(str(d) for d in digits)


def sample_style(rng: np.random.Generator, script: str = "western") -> Style:
    """How a hand writes, how a form is printed, how far the outline is off; drawn at random."""
    marks = {
        name: float(rng.uniform(low, high))
        for name, chance, low, high in (
            ("texture", 0.25, 0.08, 0.4),
            ("print", 0.25, 0.3, 1.0),
            ("block", 0.06, 0.3, 1.0),
            ("through", 0.015, 1.0, 1.0),
            ("stamp", 0.05, 0.2, 0.8),
            ("bleed", 0.06, 0.1, 0.3),
            ("specks", 0.12, 1.0, 1.0),
            ("beside", 0.06, 0.05, 0.8),
        )
        if rng.random() < chance
    }
    far = rng.random() < 0.15
    floats = rng.random() < 0.25
    return Style(
        slant=float(rng.normal(0.05, 0.15)),
        narrow=float(rng.uniform(0.5, 0.95)),
        loose=float(rng.choice([0.02, 0.05, 0.1])),
        wobble=float(rng.uniform(0.02, 0.06)),
        rows=bool(rng.random() < 0.8),
        shift=(
            float(rng.uniform(-0.2, 0.2) if far else rng.normal(0, 0.05)),
            float(rng.uniform(-0.2, 0.2) if far else rng.normal(0, 0.05)),
        ),
        turn=float(rng.normal(0, 0.9)),
        script=script,
        neighbours=1.0 if floats else float(rng.choice([0.0, 0.5, 1.0])),
        rise=float(rng.uniform(0.1, 0.4) * rng.choice([-1, 1])) if floats else 0.0,
        column=bool(rng.random() < 0.6),
        marks=marks,
    )


def _boxed_text(rng: np.random.Generator, boxes: int) -> tuple[str, str]:
    digits = number(rng, boxes)
    kind = rng.choice(13, p=[0.32, 0.12, 0.13, 0.07, 0.05, 0.06, 0.03, 0.03, 0.04, 0.05, 0.05, 0.02, 0.03])
    if kind < 4:
        filled = digits.zfill(boxes) if kind == 0 else digits.rjust(boxes, "_X-"[kind - 1])
        return filled, "right"
    if kind < 9:
        whole = {4: digits, 5: digits, 6: "X" * boxes, 7: "-" * boxes, 8: ""}
        return whole[int(kind)], {4: "left", 5: "squeezed"}.get(int(kind), "right")
    if kind == 11 or (kind == 12 and rng.random() < 0.5):
        return ("n", "/")[kind - 11], "anywhere"
    if kind == 12:  # struck out, and nothing new
        return "/" * int(rng.integers(1, boxes + 1)), "right"
    if kind == 9 and rng.random() < 0.5:  # struck, and written in the next boxes or squeezed beside
        return "/" + digits, "left" if len(digits) < boxes else "anywhere"
    text = list(digits.rjust(boxes, str(rng.choice(list("0X-_")))))
    text[int(rng.integers(boxes))] = "/" if kind == 9 else "?"
    return "".join(text), "right"


def _free_text(rng: np.random.Generator) -> tuple[str, str]:
    digits = number(rng, 5)
    if rng.random() < 0.3:
        digits = digits.zfill(3)
    kind = rng.choice(11, p=[0.37, 0.14, 0.07, 0.07, 0.02, 0.1, 0.08, 0.02, 0.04, 0.03, 0.06])
    place = str(rng.choice(["anywhere", "left", "right"], p=[0.5, 0.2, 0.3]))
    text = (
        digits,
        "-" + digits,
        "-" + digits + "-",
        "-",
        "--",
        "n",
        "",
        digits + "-",
        "/" + digits,
        "?" + digits[1:] if rng.random() < 0.5 else digits[:-1] + "?",
        "w" if rng.random() < 0.4 else "/",
    )[kind]
    return text, place


def sample_field(rng: np.random.Generator, write: Write | None, script: str = "western") -> Drawn:
    """One field of any kind of form."""
    style = sample_style(rng, script)
    if rng.random() < 0.6:
        boxes = int(rng.choice([2, 3, 4, 5], p=[0.07, 0.77, 0.11, 0.05]))
        pitch = float(np.exp(rng.uniform(np.log(0.5), np.log(1.9))))
        size = float(np.clip(rng.uniform(0.3, 0.85), 0.2, pitch * 1.1))
        if pitch < 0.7:
            size = float(rng.uniform(0.16, 0.5))
        kind = str(rng.choice(["grid", "apart", "dots", "none"], p=[0.55, 0.25, 0.13, 0.07]))
        guides = str(rng.choice(["", "eight", "square"], p=[0.8, 0.12, 0.08])) if kind in ("grid", "apart") else ""
        pen = max(size * float(rng.uniform(0.05, 0.15)), 0.018)
        style = replace(style, boxes=kind, guides=guides, size=size, pen=pen)
        text, place = _boxed_text(rng, boxes)
        return draw_field(rng, text, style, width=pitch * boxes, boxes=boxes, place=place, write=write)
    width = float(
        np.exp(rng.uniform(np.log(1.3), np.log(6)) if rng.random() < 0.8 else rng.uniform(np.log(6), np.log(10)))
    )
    size = float(rng.uniform(0.35, 1.1))
    pen = max(size * float(rng.uniform(0.05, 0.15)), 0.018)
    style = replace(style, narrow=float(rng.uniform(0.35, 0.95)))  # long fields are squeezed when they are cut out
    text, place = _free_text(rng)
    return draw_field(rng, text, replace(style, size=size, pen=pen), width=width, place=place, write=write)


def photographed(rng: np.random.Generator, drawn: Drawn) -> NDArray[np.uint8]:
    """Grey picture of the field in uneven light, out of focus, of few pixels, noisy, compressed; same size."""
    high, wide = drawn.ink.shape
    ink_dark = float(np.exp(rng.uniform(np.log(0.15), np.log(0.95))))
    print_dark = float(rng.uniform(0.08, min(0.95, ink_dark * 3)))
    ink = drawn.ink
    if rng.random() < 0.25:  # a pen that skips
        rough = cv2.resize(rng.random((max(high // 4, 2), max(wide // 4, 2))).astype(np.float32), (wide, high))
        ink = ink * np.clip(0.35 + 1.3 * rough, 0, 1).astype(np.float32)
    paper = float(rng.uniform(0.45, 1.0))
    light = cv2.resize(rng.uniform(0.8, 1.0, (2, 3)).astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.12:  # the edge of a shadow
        at, soft = rng.uniform(0, wide), rng.uniform(4, 60)
        slope = (np.arange(wide)[None, :] + rng.normal(0, 0.7) * np.arange(high)[:, None] - at) / soft
        light = light * (1 - rng.uniform(0.2, 0.5) / (1 + np.exp(-slope)))
    lit = (light * np.float32(paper)).astype(np.float32)
    picture = lit * (1 - np.float32(print_dark) * drawn.printed) * (1 - np.float32(ink_dark) * ink)
    sign_high = max(drawn.rows[1] - drawn.rows[0], 8.0) / (high - 2 * drawn.margin)
    field_high = float(np.exp(rng.uniform(np.log(max(12, 8 / sign_high)), np.log(130))))
    factor = min(field_high / 64, 1.0)
    size = (max(8, round(wide * factor)), max(8, round(high * factor)))
    if rng.random() < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 1.1)) / factor)
    if factor < 1:
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    noise = min(float(rng.choice([0.004, 0.015, 0.035])), 0.15 * ink_dark)
    picture = picture + rng.standard_normal(picture.shape, np.float32) * np.float32(noise * paper)
    out = np.clip(picture * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:  # as a server keeps it
        out = np.asarray(smoothed_light(out), np.uint8)
    if rng.random() < 0.6:
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))])
        out = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    if factor < 1:
        out = cv2.resize(out, (wide, high), interpolation=cv2.INTER_CUBIC)
    return np.asarray(out, np.uint8)


def lessons(rng: np.random.Generator, strokes: Strokes | None, script: str = "western") -> tuple[Lesson, Lesson]:
    """One field in two views: all of it, and cut to what is written."""
    drawn = sample_field(rng, hand(rng, strokes, 0.04), script)
    dark = _taken(rng, drawn)
    top, bottom = drawn.rows
    if not drawn.signs and rng.random() < 0.5:  # what is cut out of an empty field is a bit of print or of a neighbour
        top, bottom = sorted(rng.uniform(0, dark.shape[0], 2))
    shake = (bottom - top) * 0.15
    top, bottom = top + rng.normal(0, shake), bottom + rng.normal(0, shake)
    if rng.random() < 0.2:  # ink of other rows is taken for the field's
        whole = (0.0, float(dark.shape[0]))
        top, bottom = ((whole[0], bottom), (top, whole[1]), whole)[int(rng.integers(3))]
    left, right = (drawn.places[0], drawn.places[-1]) if drawn.places else (drawn.margin, dark.shape[1] - drawn.margin)
    if rng.random() < 0.15:
        left, right = left - rng.uniform(0, 60), right + rng.uniform(0, 60)
    room = float(rng.uniform(0.1, 0.5))
    near = views.around(dark, drawn.margin, top, max(bottom, top + 8), left, right, room)
    far = views.whole(dark) if rng.random() < 0.5 else views.inner(dark, drawn.margin)
    stretch = float(rng.uniform(0.85, 1.5)) if rng.random() < 0.5 else 1.0
    return _seen(dark, drawn, far), _seen(dark, drawn, near, stretch)


def _taken(rng: np.random.Generator, drawn: Drawn) -> views.Floats:
    """Darkness of the photographed field; one in five as the ink alone, print and noise taken out but for crumbs."""
    if rng.random() > 0.2:
        return views.darkness(photographed(rng, drawn), drawn.margin)
    high, wide = drawn.ink.shape
    left = cv2.resize(rng.random((6, max(wide // 16, 2))).astype(np.float32), (wide, high)) > rng.uniform(0.75, 1)
    dark = views.darkness(photographed(rng, replace(drawn, printed=drawn.printed * left)), drawn.margin)
    floor = float(rng.uniform(0.1, 0.5))
    return np.asarray(np.clip((dark - floor) / (1 - floor), 0, 1), np.float32)


def _seen(dark: views.Floats, drawn: Drawn, window: views.Window, stretch: float = 1.0) -> Lesson:
    picture = views.view(dark, drawn.margin, window, stretch)
    scale = picture.shape[2] / (window.right - window.left)
    steps = [int((x - window.left) * scale // views.STRIDE) for x in drawn.places]
    inside = [0 <= step < picture.shape[2] // views.STRIDE for step in steps]
    signs = "".join(sign for sign, ok in zip(drawn.signs, inside, strict=True) if ok)
    return Lesson(picture, signs, tuple(step for step, ok in zip(steps, inside, strict=True) if ok))


@dataclass(frozen=True, slots=True)
class Batch:
    """`x` batch x 2 x height x width; `steps` per item the network's steps; `signs` flat sign numbers from 1, `lengths`
    of each item; `marks` batch x steps, the sign number standing there, 0 none, -1 not asked."""

    x: NDArray[np.float32]
    steps: NDArray[np.int64]
    signs: NDArray[np.int64]
    lengths: NDArray[np.int64]
    marks: NDArray[np.int64]


def collate(lessons: list[Lesson]) -> Batch:
    """Pad to the widest."""
    wide = max(item.view.shape[2] for item in lessons)
    x = np.zeros((len(lessons), 2, views.VIEW_HEIGHT, wide), np.float32)
    marks = np.full((len(lessons), wide // views.STRIDE), -1, np.int64)
    signs: list[int] = []
    for i, item in enumerate(lessons):
        x[i, :, :, : item.view.shape[2]] = item.view
        marks[i, : item.view.shape[2] // views.STRIDE] = 0
        numbers = [SIGNS.index(sign) + 1 for sign in item.signs]
        for step in item.steps:  # the steps beside may say the sign or not
            marks[i, max(step - 1, 0) : step + 2] = -1
        for step, sign in zip(item.steps, numbers, strict=True):
            marks[i, step] = sign
        signs += numbers
    steps = np.array([item.view.shape[2] // views.STRIDE for item in lessons], np.int64)
    lengths = np.array([len(item.signs) for item in lessons], np.int64)
    return Batch(x, steps, np.array(signs, np.int64), lengths, marks)


def chunk(seed: int, number: int, strokes: Strokes | None, script: str = "western", size: int = CHUNK) -> list[Batch]:
    """Batches of like widths, made from `seed` and `number` alone."""
    rng = np.random.default_rng([seed, number])
    made = sorted(
        (one for _ in range(size // 2) for one in lessons(rng, strokes, script)), key=lambda item: item.view.shape[2]
    )
    groups = [collate(made[i : i + BATCH]) for i in range(0, size, BATCH)]
    return [groups[i] for i in rng.permutation(len(groups))]
