"""Two of the three readers: small networks of our own over the whole field; how many boxes it has need not be known.

They say for every few pixels which sign stands there: a digit, a cross, a dash, a word that means none, another word,
something struck out, a digit written over another. Boxes, left-aligned, squeezed and free figures are read alike. Each
field is shown in several views (`views`); what it may say is scored in all of them, and no view alone rules it out. One
thread, same answer on every run. The two differ in kind and were taught apart (`reading.train.network`). The weights
and how they were made: docs/reading-weights.md.

Leaves out: arithmetic, calibration, training (`train`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from counterfoil.primitives.errors import RecordError
from counterfoil.reading import ctc, views
from counterfoil.reading.belief import Belief, Candidate, Crop, State
from counterfoil.reading.layout import MAX_WIDTH_PX

SCRIPTS: Final = ("western", "arabic", "persian", "devanagari")
"""Arabic: the Eastern digits of Arabic; Persian has its own 4, 5 and 6."""
RECURRENT: Final = "recurrent"
"""The file and the name of the other network."""
_KEPT = 10
_TOGETHER = 16
_NONE_WORD = "nil"
_DRAWN_OUT = 1.35


_FLOOR = 1e-3
"""What a view leaves to a string it does not believe in, so that no view alone can rule one out."""


@dataclass(frozen=True, slots=True)
class _View:
    picture: views.Floats
    window: views.Window


class DigitsReader:
    """Our own network on every field.

    Args:
        script: one of `SCRIPTS`.
        taught: weights of the same network that were taught further (`reading.train.tune`); empty: as shipped.
        recurrent: the other network, for Western digits alone.

    Raises:
        RecordError: the weights that lie in the package are not those that `weights.json` names.
    """

    def __init__(self, script: str = "western", taught: bytes = b"", *, recurrent: bool = False) -> None:
        data, said = shipped_weights(RECURRENT if recurrent else script)
        self.name = RECURRENT if recurrent else "digits"
        data = taught or data
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(data, sess_options=options, providers=["CPUExecutionProvider"])
        self._head = list(said["scripts"]).index(script)
        self._signs = str(said["signs"])
        self.version = f"{self.name}-{hashlib.sha256(data).hexdigest()[:8]}"

    def read(self, crops: Sequence[Crop]) -> list[Belief]:
        """One belief a crop, in their order."""
        shown = [_views(crop, close=self.name == RECURRENT) for crop in crops]
        answers = iter(self.steps([view.picture for of_one in shown for view in of_one]))
        return [self._belief(crop, own, [next(answers) for _ in own]) for crop, own in zip(crops, shown, strict=True)]

    def sign(self, sign: str) -> int:
        """Its number in what `steps` says."""
        return self._signs.index(sign) + 1

    def says(self, pictures: Sequence[views.Floats]) -> tuple[State, int | None]:
        """State and value that it holds for likeliest in a field of which these are the views."""
        short = [ctc.shortened(steps) for steps in self.steps(pictures)]
        texts = sorted({text for steps in short for text in ctc.likeliest(steps)})
        p = _together(np.stack([ctc.probabilities(steps, texts) for steps in short]))
        chances: dict[tuple[State, int | None], float] = {}
        for text, chance in zip(texts, p, strict=True):
            state, value, _ = meaning("".join(self._signs[sign - 1] for sign in text))
            chances[state, value] = chances.get((state, value), 0.0) + float(chance)
        return max(chances, key=lambda key: chances[key])

    def steps(self, pictures: Sequence[views.Floats]) -> list[ctc.Steps]:
        """What the network says of each; pictures of one width run together, so none depends on the others."""
        answers: dict[int, ctc.Steps] = {}
        by_width: dict[int, list[int]] = {}
        for number, picture in enumerate(pictures):
            by_width.setdefault(-(-picture.shape[2] // 32) * 32, []).append(number)
        for width, numbers in by_width.items():
            for start in range(0, len(numbers), _TOGETHER):
                part = numbers[start : start + _TOGETHER]
                x = np.zeros((len(part), 2, views.VIEW_HEIGHT, width), np.float32)
                for row, number in zip(x, part, strict=True):
                    row[:, :, : pictures[number].shape[2]] = pictures[number]
                (y,) = self._session.run(None, {"x": x})
                for row, number in zip(y, part, strict=True):
                    steps = np.exp(row[self._head, : pictures[number].shape[2] // views.STRIDE].astype(np.float64))
                    answers[number] = steps / steps.sum(axis=1, keepdims=True)
        return [answers[number] for number in range(len(pictures))]

    def _belief(self, crop: Crop, shown: Sequence[_View], answers: Sequence[ctc.Steps]) -> Belief:
        short = [ctc.shortened(steps) for steps in answers]
        texts = sorted({text for steps in short for text in ctc.likeliest(steps)})
        each = np.stack([ctc.probabilities(steps, texts) for steps in short])
        p = _together(each)
        merged: dict[tuple[State, int | None], list[tuple[float, ctc.Text]]] = {}
        for text, chance in zip(texts, p, strict=True):
            state, value, _ = meaning("".join(self._signs[sign - 1] for sign in text))
            merged.setdefault((state, value), []).append((float(chance), text))
        candidates = []
        for (state, value), found in merged.items():
            best = max(found)[1]
            raw = meaning("".join(self._signs[sign - 1] for sign in best))[2]
            if crop.boxes is None:
                raw = raw.strip("-") or raw[:1] if state is State.NUMBER else raw
            elif state is not State.WORD and 0 < len(best) < crop.boxes:
                raw = _in_boxes(raw, best, crop, shown, answers)
            candidates.append(Candidate(raw, state, value, min(sum(chance for chance, _ in found), 1.0)))
        candidates = [one for one in candidates if one.p > 1e-6]
        candidates.sort(key=lambda one: (-one.p, one.state, one.value if one.value is not None else -1))
        return Belief(self.name, tuple(candidates[:_KEPT]), self._marks(texts, p, each))

    def _marks(self, texts: Sequence[ctc.Text], p: NDArray[Any], each: NDArray[Any]) -> dict[str, float]:
        """What calibration uses: marks of struck and overwritten signs, and whether the views say the same."""
        first = each.argmax(axis=1)
        held = {
            name: float(sum(chance for text, chance in zip(texts, p, strict=True) if self.sign(sign) in text))
            for name, sign in (("struck", "/"), ("over", "?"))
        }
        return held | {"views_agree": float((first == np.bincount(first).argmax()).mean())}


def meaning(signs: str) -> tuple[State, int | None, str]:
    """State, number meant, and `raw`, of signs from left to right.

    Crosses and dashes before or behind digits stand in unused boxes or lead into the figure; alone they mean none. What
    is struck out, and other words, count nothing where a figure stands beside; a word that means none beside a number
    above 0 contradicts it, and neither is read.
    """
    kept = "".join(sign for sign in signs if sign not in "/w")
    digits = kept.replace("n", "").strip("X-")
    contradicts = "n" in kept and digits.strip("0") != ""
    if "?" in kept or contradicts or (digits and not digits.isdigit()):
        return State.ILLEGIBLE, None, kept.replace("n", _NONE_WORD)
    if digits:
        return State.NUMBER, int(digits), kept.replace("n", "")
    if "n" in kept:
        return State.WORD, 0, _NONE_WORD
    if kept or "/" in signs:
        return State.STRUCK, 0 if kept else None, kept or "?"
    return (State.WORD, None, "word") if signs else (State.EMPTY, None, "")


def _in_boxes(raw: str, text: ctc.Text, crop: Crop, shown: Sequence[_View], answers: Sequence[ctc.Steps]) -> str:
    """`raw` with `_` for each empty box, where every sign stands in a box of its own."""
    boxes = crop.boxes or 0
    if len(raw) != len(text):
        return raw
    scale = (shown[0].window.right - shown[0].window.left) / shown[0].picture.shape[2]
    field = crop.ink.shape[1] - 2 * crop.margin_px
    out = ["_"] * boxes
    for sign, step in zip(raw, ctc.places(answers[0], text), strict=True):
        x = shown[0].window.left + (step + 0.5) * views.STRIDE * scale - crop.margin_px
        box = int(np.clip(x / field * boxes, 0, boxes - 1))
        if out[box] != "_":
            return raw
        out[box] = sign
    return "".join(out)


def _views(crop: Crop, *, close: bool = False) -> list[_View]:
    """With margins; the field; cut to the ink; and the ink alone, printed lines taken out. `close`: the third alone, or
    the first where there is no ink.

    A field at the greatest width of crops was squeezed to fit: what is written there is drawn out again, and its whole
    height is shown around the ink only.
    """
    margin = crop.margin_px
    dark = views.darkness(views.grey_of(crop.image), margin)
    squeezed = crop.ink.shape[1] - 2 * margin >= MAX_WIDTH_PX
    stretch = _DRAWN_OUT if squeezed else 1.0
    windows = [(dark, views.whole(dark), 1.0), (dark, views.inner(dark, margin), 1.0)]
    if crop.written is not None:
        tight = views.around(dark, margin, *crop.written, 0.25)
        if squeezed:
            windows[0] = (dark, replace(tight, top=0.0, bottom=float(dark.shape[0])), stretch)
        windows.append((dark, tight, stretch))
    if close:
        windows = windows[2:] or windows[:1]
    elif crop.written is not None:
        alone = np.power(np.clip(crop.ink, 0, 1), 0.75).astype(np.float32)
        windows.append((alone, tight, stretch))
    return [_View(views.view(on, margin, window, drawn_out), window) for on, window, drawn_out in windows]


def _together(each: NDArray[Any]) -> NDArray[Any]:
    """Of views x strings, the strings' probabilities by all views: their geometric mean, scaled to one."""
    mean = np.maximum(np.exp(np.log(each + _FLOOR).mean(axis=0)) - _FLOOR, 0)
    return np.asarray(mean / max(float(mean.sum()), 1e-9))


def shown(crop: Crop) -> list[views.Floats]:
    """The views of a field that the network is given."""
    return [view.picture for view in _views(crop)]


def shipped_weights(script: str) -> tuple[bytes, dict[str, Any]]:
    """The weights in the package that read a script, or those of `RECURRENT`, and what `weights.json` says of them."""
    folder = resources.files("counterfoil.reading") / "weights"
    listed = json.loads((folder / "weights.json").read_text("utf-8"))["files"]
    for name, said in listed.items():
        if script == name or (name != RECURRENT and script in said["scripts"]):
            data = (folder / said["file"]).read_bytes()
            if hashlib.sha256(data).hexdigest() != said["sha256"]:
                raise RecordError(
                    f"{said['file']}: expected SHA-256 {said['sha256']}, found other bytes; install Counterfoil again",
                    code="bad-weights",
                )
            return data, said
    raise RecordError(f"weights for {script!r}: expected in weights.json, found none", code="bad-weights")
