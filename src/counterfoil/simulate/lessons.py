"""What the digits network learns from: fields drawn at random with their truth, as a bad photo shows them.

`lesson` draws one; `batches` gives arrays for training, each from its own seed, so that any of them can be made again.
`teach` is `counterfoil reader train`. Never uses a picture of a real form: those measure, they do not teach.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from counterfoil.primitives.errors import InputError
from counterfoil.reading import views
from counterfoil.simulate.glyphs import Glyph, Strokes, glyph, hashes, mnist
from counterfoil.simulate.strokes import SIGNS, Drawn, Style, Write, draw_field

CHUNK = 256
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
    if rng.random() < 0.12:
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
        )
        if rng.random() < chance
    }
    far = rng.random() < 0.15
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
        neighbours=float(rng.choice([0.0, 0.5, 1.0])),
        marks=marks,
    )


def _boxed_text(rng: np.random.Generator, boxes: int) -> tuple[str, str]:
    digits = number(rng, boxes)
    kind = rng.choice(12, p=[0.34, 0.12, 0.13, 0.07, 0.05, 0.06, 0.03, 0.04, 0.04, 0.05, 0.05, 0.02])
    if kind == 0:
        return digits.zfill(boxes), "right"
    if kind in (1, 2, 3):
        return digits.rjust(boxes, "_X-"[kind - 1]), "right"
    if kind in (4, 5):
        return digits, ("left", "squeezed")[kind - 4]
    if kind in (6, 7):
        return "X-"[kind - 6] * boxes, "right"
    if kind == 8:
        return "", "right"
    text = list(digits.rjust(boxes, str(rng.choice(list("0X-_")))))
    if kind == 9:  # struck, and written in the next boxes or squeezed beside
        if rng.random() < 0.5:
            return "/" + digits, "left" if len(digits) < boxes else "anywhere"
        text[int(rng.integers(boxes))] = "/"
        return "".join(text), "right"
    if kind == 10:
        text[int(rng.integers(boxes))] = "?"
        return "".join(text), "right"
    return "n", "anywhere"


def _free_text(rng: np.random.Generator) -> tuple[str, str]:
    digits = number(rng, 5)
    if rng.random() < 0.3:
        digits = digits.zfill(3)
    kind = rng.choice(11, p=[0.42, 0.17, 0.05, 0.08, 0.02, 0.05, 0.08, 0.02, 0.05, 0.03, 0.03])
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
        "w" if rng.random() < 0.7 else "/",
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
            size = float(rng.uniform(0.2, 0.5))
        kind = str(rng.choice(["grid", "apart", "dots", "none"], p=[0.55, 0.25, 0.13, 0.07]))
        guides = str(rng.choice(["", "eight", "square"], p=[0.8, 0.12, 0.08])) if kind in ("grid", "apart") else ""
        pen = max(size * float(rng.uniform(0.05, 0.15)), 0.018)
        style = replace(style, boxes=kind, guides=guides, size=size, pen=pen)
        text, place = _boxed_text(rng, boxes)
        return draw_field(rng, text, style, width=pitch * boxes, boxes=boxes, place=place, write=write)
    width = float(np.exp(rng.uniform(np.log(1.3), np.log(10))))
    size = float(rng.uniform(0.4, 1.1))
    pen = max(size * float(rng.uniform(0.05, 0.15)), 0.018)
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
        ink = ink * np.clip(0.35 + 1.3 * rough, 0, 1)
    paper = float(rng.uniform(0.45, 1.0))
    light = cv2.resize(rng.uniform(0.8, 1.0, (2, 3)).astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.12:  # the edge of a shadow
        at, soft = rng.uniform(0, wide), rng.uniform(4, 60)
        slope = (np.arange(wide)[None, :] + rng.normal(0, 0.7) * np.arange(high)[:, None] - at) / soft
        light = light * (1 - rng.uniform(0.2, 0.5) / (1 + np.exp(-slope)))
    picture = paper * light * (1 - print_dark * drawn.printed) * (1 - ink_dark * ink)
    sign_high = max(drawn.rows[1] - drawn.rows[0], 8.0) / (high - 2 * drawn.margin)
    field_high = float(np.exp(rng.uniform(np.log(max(12, 8 / sign_high)), np.log(130))))
    factor = min(field_high / 64, 1.0)
    size = (max(8, round(wide * factor)), max(8, round(high * factor)))
    if rng.random() < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 1.1)) / factor)
    if factor < 1:
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    noise = min(float(rng.choice([0.004, 0.015, 0.035])), 0.15 * ink_dark)
    picture = picture + rng.normal(0, noise, picture.shape) * paper
    out = np.clip(picture * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))])
        out = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    if factor < 1:
        out = cv2.resize(out, (wide, high), interpolation=cv2.INTER_CUBIC)
    return np.asarray(out, np.uint8)


def lesson(rng: np.random.Generator, strokes: Strokes | None, script: str = "western") -> Lesson:
    """One field as one view of it."""
    drawn = sample_field(rng, hand(rng, strokes, 0.04), script)
    dark = views.darkness(photographed(rng, drawn), drawn.margin)
    kind = rng.random()
    if kind < 0.4:
        window = views.whole(dark)
    elif kind < 0.7 or not drawn.signs:
        window = views.inner(dark, drawn.margin)
    else:
        top, bottom = drawn.rows
        shake = (bottom - top) * 0.15
        top, bottom = top + rng.normal(0, shake), bottom + rng.normal(0, shake)
        left, right = drawn.places[0], drawn.places[-1]
        window = views.around(dark, drawn.margin, top, max(bottom, top + 8), left, right, float(rng.uniform(0.1, 0.5)))
    seen = views.view(dark, drawn.margin, window)
    scale = seen.shape[2] / (window.right - window.left)
    steps = [int((x - window.left) * scale / views.STRIDE) for x in drawn.places]
    inside = [0 <= step < seen.shape[2] // views.STRIDE for step in steps]
    signs = "".join(sign for sign, ok in zip(drawn.signs, inside, strict=True) if ok)
    return Lesson(seen, signs, tuple(step for step, ok in zip(steps, inside, strict=True) if ok))


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
    made = sorted((lesson(rng, strokes, script) for _ in range(size)), key=lambda item: item.view.shape[2])
    groups = [collate(made[i : i + BATCH]) for i in range(0, size, BATCH)]
    return [groups[i] for i in rng.permutation(len(groups))]


def _offer(out: Any, seed: int, chunks: int, folder: Path | None, scripts: tuple[str, ...], limit: int) -> None:
    """The background process: chunks in their order into a queue of bounded length."""
    cv2.setNumThreads(1)
    strokes = None if folder is None else mnist(folder, "train", limit)
    for number in range(chunks):
        out.put(chunk(seed, number, strokes, scripts[number % len(scripts)]))


def stream(
    seed: int, steps: int, folder: Path | None, scripts: tuple[str, ...], limit: int
) -> Iterator[tuple[int, Batch]]:
    """`steps` batches with the number of their script, made in one process beside, always in the same order."""
    context = multiprocessing.get_context("spawn")
    queue: Any = context.Queue(maxsize=8)
    chunks = -(-steps // (CHUNK // BATCH))
    process = context.Process(target=_offer, args=(queue, seed, chunks, folder, scripts, limit), daemon=True)
    process.start()
    given = 0
    try:
        for number in range(chunks):
            while True:
                try:
                    batches = queue.get(timeout=5)
                    break
                except Empty:
                    if not process.is_alive():
                        raise RuntimeError(
                            "the process that draws training fields ended early; its message is above"
                        ) from None
            for batch in batches:
                if given < steps:
                    given += 1
                    yield number % len(scripts), batch
    finally:
        process.terminate()
        process.join()


def teach(
    out: Path,
    *,
    folder: Path | None,
    numerals: str,
    seed: int,
    steps: int,
    threads: int,
    note: Callable[[str], None],
    start: Path | None = None,
    limit: int = 20000,
) -> dict[str, Any]:
    """Train a network on `steps` batches and write `out/NUMERALS.onnx` and its line of `out/weights.json`.

    `folder`: MNIST's files, its first `limit` training pictures are used; needed for `western`. `start`: a saved state
    to go on from. Returns what `weights.json` says of the file.
    """
    from counterfoil.reading.train import learn  # noqa: PLC0415 torch

    if numerals == "western" and folder is None:
        raise InputError("--digits", expected="the folder of MNIST's files for Western digits", found="none")
    scripts = ("western",) if numerals == "western" else ("arabic", "persian", "devanagari")
    source = None if numerals != "western" else folder
    batches = stream(seed, steps, source, scripts, limit)
    out.mkdir(parents=True, exist_ok=True)
    name = f"{numerals}.onnx"
    data = learn.train(
        batches,
        signs=len(SIGNS),
        heads=len(scripts),
        seed=seed,
        steps=steps,
        threads=threads,
        note=note,
        start=start,
        keep=out / f"{numerals}.pt",
    )
    (out / name).write_bytes(data)
    made: dict[str, Any] = {
        "file": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "scripts": list(scripts),
        "signs": SIGNS,
        "seed": seed,
        "steps": steps,
        "batch": BATCH,
        "mnist_train_pictures": limit if source else 0,
        "mnist_sha256": dict(hashes(source, "train")) if source else {},
        "continues": hashlib.sha256(start.read_bytes()).hexdigest() if start else None,
        "command": f"counterfoil reader train OUT --numerals {numerals} --seed {seed} --steps {steps}"
        + (" --digits MNIST" if source else ""),
        **learn.made_with(),
    }
    path = out / "weights.json"
    listed = json.loads(path.read_text("utf-8")) if path.exists() else {"schema": "counterfoil-weights/1", "files": {}}
    listed["files"][numerals] = made
    path.write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n", "utf-8")
    return made
