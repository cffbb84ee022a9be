"""The third reader: the text recogniser that `rapidocr` brings, asked for figures alone.

It reads a field as a line of writing, where our own networks read boxes and strokes: it fails differently.

* The recogniser (PP-OCR, Apache-2.0, see docs/dependencies.md) is run by onnxruntime; of `rapidocr` only the model's
  file is used, its program never runs.
* A field is shown to it in up to three views: with what stands around it, the pen's ink alone with the gaps between
  boxes taken out, and cut close to the ink (a lone 1 or 0 in a wide field is lost otherwise). What a field says is
  scored in every view, and the views are averaged, so that one view that fails can't silence the others.
* Where the views so far say the same as another reader, and both rather surely, no further view is looked at. Other
  readers never add to what this one says.
* The recogniser knows 18,708 characters; here it may say digits, dashes and crosses. Letters that writers and it take
  for digits (O, l, Z, S) stand for them, unless the whole is a word of `ZERO_WORDS`.
* Scores are those of connectionist temporal classification: a string's probability is the sum over all ways of
  stretching it over the columns (Graves et al. 2006, DOI 10.1145/1143844.1143891), not that of the best way.

Leaves out: arithmetic, calibration, and whether anything should be believed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from counterfoil.primitives.errors import InputError
from counterfoil.reading import ctc
from counterfoil.reading.belief import Belief, Candidate, Crop, Grey, Ink, State
from counterfoil.reading.ink import central

MODEL: Final = "PP-OCRv6_rec_small.onnx"
HEIGHT: Final = 48
"""Pixels of a line, as the recogniser was trained."""
MIN_WIDTH, MAX_WIDTH = 96, 640
COLUMN: Final = 8
"""Pixels of the line for one column of the answer."""

ZERO_WORDS: Final = ("nil", "none", "nihil", "nol", "cero", "zero", "null", "nothing", "kosong", "sifuri", "niente")
"""Words that officers write where none was cast; only these are taken for 0."""

_LOOK_ALIKE: Final = {
    "0": "0OoDQ〇○°",
    "1": "1lI|!i丨/",
    "2": "2Zz",
    "3": "3",
    "4": "4",
    "5": "5Ss",
    "6": "6b",
    "7": "7",
    "8": "8B",
    "9": "9gq",
    "-": "-—–_一~",
    "X": "Xx×*乂",
}
_SYMBOLS: Final = "".join(_LOOK_ALIKE)
_BEAM: Final = 12
_LEAST: Final = 1e-4
_KEPT: Final = 10
_FLOOR: Final = 0.01
"""Of a view's probability, where views are averaged."""
_ENOUGH: Final = 0.5
"""Where two readers give the same answer at least so much, no further view is looked at."""
_MARKED: Final = 0.1
_CORE: Final = 0.25
"""Part of a stroke that must be strong ink: guide digits and lines that were half taken away are weak all over."""
_GAP: Final = 0.22
"""Of the writing's height: what is left of a gap between signs."""

Scores = NDArray[np.float64]
"""Columns x (blank, then `_SYMBOLS`): probabilities."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the recogniser makes of one view."""

    scores: Scores
    free: str
    """What it would say by itself, in any script."""
    texts: tuple[str, ...]
    """The likeliest strings of symbols, best first."""


class LineReader:
    """The bundled recogniser on every field. One thread, the same answer on every run."""

    name = "line"

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(_model()), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        known = self._session.get_modelmeta().custom_metadata_map["character"].splitlines()
        # 0 is the blank, the last is the space; the list itself stands between them
        self._characters = ["", *known, " "]
        place = {character: number for number, character in enumerate(self._characters)}
        self._columns = [[place[c] for c in alike if c in place] for alike in _LOOK_ALIKE.values()]
        self.version = Path(MODEL).stem

    def read(self, crops: Sequence[Crop], beside: Sequence[Sequence[Belief]] | None = None) -> list[Belief]:
        """One belief a crop, in their order. `beside`: what other readers make of each."""
        views = [_views(crop) for crop in crops]
        signs = [_signs(crop) for crop in crops]
        answers: list[list[Answer]] = [[] for _ in crops]
        beliefs: dict[int, Belief] = {}
        open_ = list(range(len(crops)))
        while shown := {number: line for number in open_ if (line := next(views[number], None)) is not None}:
            for number, answer in zip(shown, self._recognise(list(shown.values())), strict=True):
                answers[number].append(answer)
                beliefs[number] = _belief(signs[number], answers[number])
            open_ = [
                number
                for number in shown
                if not (beside is not None and any(_settled(beliefs[number], one) for one in beside[number]))
            ]
        return [beliefs[number] for number in range(len(crops))]

    def _recognise(self, lines: Sequence[Grey]) -> list[Answer]:
        """An answer a line; lines of one width run together."""
        answers: list[Answer | None] = [None] * len(lines)
        by_width: dict[int, list[int]] = {}
        for number, line in enumerate(lines):
            by_width.setdefault(line.shape[1], []).append(number)
        for numbers in by_width.values():
            for start in range(0, len(numbers), 8):
                part = numbers[start : start + 8]
                batch = np.stack([lines[number] for number in part]).astype(np.float32) / 127.5 - 1.0
                (found,) = self._session.run(
                    None, {self._input: np.ascontiguousarray(np.repeat(batch[:, None], 3, axis=1))}
                )
                for number, probabilities in zip(part, found, strict=True):
                    answers[number] = self._restrict(probabilities)
        return [answer for answer in answers if answer is not None]

    def _restrict(self, probabilities: NDArray[np.float32]) -> Answer:
        scores = np.empty((len(probabilities), 1 + len(_SYMBOLS)))
        scores[:, 0] = probabilities[:, 0] + probabilities[:, len(self._characters) - 1]
        for number, alike in enumerate(self._columns, 1):
            scores[:, number] = probabilities[:, alike].sum(axis=1)
        best = probabilities.argmax(axis=1)
        kept = best[np.flatnonzero(np.diff(best, prepend=-1))]
        free = "".join(self._characters[number] for number in kept if number)
        likeliest = ctc.likeliest(scores, _BEAM, _LEAST)
        return Answer(scores, free, tuple("".join(_SYMBOLS[sign - 1] for sign in text) for text in likeliest))


def _model() -> Path:
    """The recogniser's file in the installed package.

    Raises:
        InputError: the package, or its model, is not there.
    """
    package = importlib.util.find_spec("rapidocr")
    for folder in package.submodule_search_locations or () if package else ():
        path = Path(folder) / "models" / MODEL
        if path.is_file():
            return path
    raise InputError(
        "the package rapidocr", expected=f"its file models/{MODEL}", found="none", do="install rapidocr 3.10.0"
    )


# Views


def _views(crop: Crop) -> Iterator[Grey]:
    """The field with what stands around it, made strong; the pen's ink alone; and the photo cut close to the ink.

    Of a wide field only the part around its ink: an empty line is the slowest to read, and says nothing.
    """
    m = crop.margin_px
    even = _evened(crop)
    high, wide = even.shape
    edge = m * 3 // 4
    if crop.written is None:
        yield _line(even[m - edge : high - m + edge, m - edge : wide - m + edge])
        return
    top, bottom, left, right = crop.written
    yield _line(even[m - edge : high - m + edge, max(m - edge, left - high) : min(wide - m + edge, right + high)])
    yield _line(_packed(crop.ink, m))
    pad = max(4, (bottom - top) // 8)
    close = np.s_[max(0, top - pad) : bottom + pad, max(0, left - 2 * pad) : right + 2 * pad]
    grey = cv2.cvtColor(crop.image, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    yield _line(grey[close])


def _packed(ink: Ink, margin: int) -> Grey:
    """The field's own strokes, dark on white, their gaps narrowed: the recogniser takes digits that stand far apart,
    each in its box, for signs of other scripts."""
    own = _strong(central(ink, margin))
    marks = own > 0.35
    rows, columns = np.flatnonzero(marks.any(axis=1)), np.flatnonzero(marks.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    part = np.pad(own[max(0, top - 6) : bottom + 6], ((0, 0), (12, 12)))[:, left : right + 24]
    column = np.arange(part.shape[1])
    since = column - np.maximum.accumulate(np.where((part > 0.35).any(axis=0), column, -1))
    keep = since <= max(6, int(_GAP * (bottom - top)))
    keep[:12] = keep[-12:] = True
    return np.asarray(255 - 255 * np.clip(part[:, keep], 0, 1), np.uint8)


def _strong(ink: Ink) -> Ink:
    """Without marks that are weak all over; all of it where nothing is strong."""
    count, labels = cv2.connectedComponents(np.asarray(ink > 0.12, np.uint8), connectivity=8)
    area = np.bincount(labels.ravel(), minlength=count)
    core = np.bincount(labels.ravel(), weights=(ink > 0.6).ravel(), minlength=count)
    good = core >= _CORE * area
    good[0] = False
    found = np.asarray(np.where(good[labels], ink, 0), np.float32)
    return found if (found > 0.35).any() else ink


def _evened(crop: Crop) -> Grey:
    """Grey with shade and colour of the paper divided away, and faint ink made strong."""
    grey = cv2.cvtColor(crop.image, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    red, green, blue = (np.asarray(channel, np.uint8) for channel in cv2.split(crop.image))
    least = np.minimum(np.minimum(red, green), blue)
    if _coloured(np.maximum(np.maximum(red, green), blue) - least, crop.ink):
        grey = least
    paper = cv2.GaussianBlur(cv2.dilate(grey, np.ones((9, 9), np.uint8)), (0, 0), 9).astype(np.float32)
    part = grey.astype(np.float32) / np.maximum(paper, 16)
    dark = min(float(np.quantile(part, 0.01)), 0.75)
    return np.asarray(np.clip((part - dark) / (0.98 - dark), 0, 1) * 235 + 10, np.uint8)


def _coloured(spread: Grey, ink: Ink) -> bool:
    """Whether a pen of a colour is darker in one channel than in the mean of all, by how far the channels differ."""
    strong = ink > 0.5
    return bool(strong.any()) and float(spread[strong].mean()) > 2 * float(spread.mean()) + 10


def _cut(ink: Ink, margin: int) -> float:
    """The share of the field's ink in strokes that run out of the crop above or below: figures between two rows."""
    _, marks = cv2.connectedComponents(np.asarray(ink > 0.35, np.uint8), connectivity=8)
    outside = np.union1d(marks[0], marks[-1])
    inner = marks[margin:-margin, margin:-margin]
    return float(np.isin(inner, outside[outside > 0]).sum() / max(1, (inner > 0).sum()))


def _line(picture: Grey) -> Grey:
    """Scaled to the recogniser's height; width in steps, so that lines can run together, the rest white."""
    high, wide = picture.shape
    width = int(np.clip(round(wide * HEIGHT / high), 8, MAX_WIDTH))
    how = cv2.INTER_AREA if high > HEIGHT else cv2.INTER_CUBIC
    scaled = cv2.resize(picture, (width, HEIGHT), interpolation=how)
    full = max(MIN_WIDTH, -(-width // 64) * 64)
    line = np.full((HEIGHT, full), 245, np.uint8)
    left = min((full - width) // 2, 16)
    line[:, left : left + width] = scaled
    return line


# Strings


def probability(scores: Scores, texts: Sequence[str]) -> NDArray[np.float64]:
    """Of each text under the columns, all ways of stretching it together."""
    return ctc.probabilities(scores, [tuple(1 + _SYMBOLS.index(symbol) for symbol in text) for text in texts])


def meaning(text: str) -> Candidate:
    """A string of digits, crosses and dashes as a candidate without probability.

    Crosses and dashes beside digits stand in unused boxes, or lead into the figure; alone they strike the field.
    """
    digits = text.strip("-X")
    if not text:
        return Candidate("", State.EMPTY, None, 0.0)
    if not digits:
        return Candidate(text, State.STRUCK, 0, 0.0)
    if not digits.isdigit():  # a mark between digits: no figure that could be meant
        return Candidate(text, State.ILLEGIBLE, None, 0.0)
    crosses = text[: len(text) - len(text.lstrip("-X"))].replace("-", "")
    return Candidate(crosses + digits, State.NUMBER, int(digits), 0.0)


def zero_word(text: str) -> str | None:
    """The word of `ZERO_WORDS` that `text` is, up to one letter in four; digits alone are no word."""
    letters = "".join(c for c in text.lower() if c.isalnum())
    if sum(c.isalpha() for c in letters) < 2:
        return None
    best = min(ZERO_WORDS, key=lambda word: _distance(letters, word))
    return best if _distance(letters, best) <= len(best) // 3 else None


def _distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, cb in enumerate(b, 1):
            alike = ca == cb or {ca, cb} in ({"1", "i"}, {"1", "l"}, {"0", "o"}, {"i", "l"})
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (not alike))
    return row[-1]


def _belief(signs: Mapping[str, float], answers: Sequence[Answer]) -> Belief:
    texts = list(dict.fromkeys(text for answer in answers for text in answer.texts))
    meanings = [meaning(text) for text in texts]
    views: list[dict[tuple[State, int | None], float]] = []
    raws: dict[tuple[State, int | None], tuple[float, str]] = {}
    for answer in answers:
        said: dict[tuple[State, int | None], float] = {}
        for one, p in zip(meanings, probability(answer.scores, texts).tolist(), strict=True):
            key = (one.state, one.value)
            said[key] = said.get(key, 0.0) + p
            raws[key] = max(raws.get(key, (0.0, one.raw)), (p, one.raw))
        views.append(said)
    if not signs["has_ink"]:
        views += [{(State.EMPTY, None): 1.0}] * 2
        raws.setdefault((State.EMPTY, None), (1.0, ""))
    words = [word for answer in answers if (word := zero_word(answer.free))]
    share = len(words) / len(answers)
    keys = list(raws)
    # the views' geometric mean; what no view names keeps its share too
    scores_of = {key: _mean([view.get(key, 0.0) for view in views]) for key in keys}
    rest = _mean([1 - sum(view.values()) for view in views])
    whole = sum(scores_of.values()) + rest
    candidates = [Candidate(raws[key][1], *key, (1 - share) * score / whole) for key, score in scores_of.items()]
    if words:
        candidates.append(Candidate(max(set(words), key=words.count), State.WORD, 0, share))
    candidates.sort(key=lambda candidate: -candidate.p)
    firsts = [answer.texts[0] for answer in answers]
    agree = firsts.count(max(set(firsts), key=firsts.count)) / len(firsts)
    return Belief("line", tuple(candidates[:_KEPT]), {**signs, "views_agree": agree})


def _settled(found: Belief, other: Belief) -> bool:
    """Whether both say the same, rather surely, and nothing is struck out."""
    mine, theirs = found.best, other.best
    if mine is None or theirs is None or (mine.state, mine.value) != (theirs.state, theirs.value):
        return False
    marked = max(other.signs.get("struck", 0.0), other.signs.get("over", 0.0))
    return min(mine.p, theirs.p) >= _ENOUGH and marked < _MARKED


def _mean(given: Sequence[float]) -> float:
    """Geometric mean above a floor, so that a view that sees nothing can't silence the others."""
    return float(np.exp(np.mean(np.log(np.clip(given, 0.0, 1.0) + _FLOOR)))) - _FLOOR


def _signs(crop: Crop) -> dict[str, float]:
    """What calibration may use: whether there is ink, how high, and whether it runs out."""
    return {
        "has_ink": float(crop.written is not None),
        "cut": _cut(crop.ink, crop.margin_px),
        "free": float(crop.boxes is None),
        "digit_px": crop.digit_px,
    }
