"""The digits reader on drawn fields with unseen strokes: each sign read, no votes made up, one answer every time."""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from counterfoil.primitives.errors import RecordError
from counterfoil.reading import digits
from counterfoil.reading.belief import Belief, Crop, State
from counterfoil.reading.digits import SCRIPTS, DigitsReader
from counterfoil.reading.ink import ink_box
from counterfoil.reading.layout import MAX_WIDTH_PX
from counterfoil.simulate.glyphs import Glyph
from counterfoil.simulate.thinning import traced
from counterfoil.simulate.written import Write
from tests.reading.drawn_fields import Field, field, unseen

WEIGHTS = Path(str(resources.files("counterfoil.reading"))) / "weights"


@pytest.fixture(scope="module")
def reader() -> DigitsReader:
    return DigitsReader()


def _read(reader: DigitsReader, fields: list[Field]) -> list[Belief]:
    return reader.read([one.crop for one in fields])


def _right(beliefs: list[Belief], fields: list[Field]) -> float:
    return float(
        np.mean([b.best is not None and b.best.value == f.drawn.value for b, f in zip(beliefs, fields, strict=True)])
    )


def test_two_runs_of_two_readers_give_the_same_answer(reader: DigitsReader) -> None:
    fields = [field(seed, "217", strokes=unseen()) for seed in range(6)]
    assert repr(_read(reader, fields)) == repr(_read(DigitsReader(), fields))


def test_a_field_is_read_alike_alone_and_among_others(reader: DigitsReader) -> None:
    fields = [field(seed, str(100 + 37 * seed)) for seed in range(8)]
    together = _read(reader, fields)
    for one, belief in zip(fields, together, strict=True):
        (alone,) = _read(reader, [one])
        assert [(c.raw, c.value) for c in alone.candidates[:3]] == [(c.raw, c.value) for c in belief.candidates[:3]]
        assert [c.p for c in alone.candidates] == pytest.approx([c.p for c in belief.candidates], abs=1e-4)


def test_weights_are_small_and_say_their_hash_and_how_they_were_made() -> None:
    listed = json.loads((WEIGHTS / "weights.json").read_text("utf-8"))["files"]
    files = [WEIGHTS / said["file"] for said in listed.values()]
    assert sum(file.stat().st_size for file in files) <= 5_000_000
    assert {script for said in listed.values() for script in said["scripts"]} == set(SCRIPTS)
    for said, file in zip(listed.values(), files, strict=True):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == said["sha256"]
        assert said["bytes"] == file.stat().st_size
        assert said["command"].startswith("counterfoil reader train")
        assert {"seed", "steps", "torch"} <= set(said)
    assert {file.name for file in WEIGHTS.glob("*.onnx")} == {file.name for file in files}


def test_attack_exchanged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS, folder)
    data = bytearray((folder / "western.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "western.onnx").write_bytes(bytes(data))
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    with pytest.raises(RecordError, match="SHA-256"):
        DigitsReader()


@pytest.mark.parametrize("digit", list("0123456789"))
def test_each_digit_is_read_in_unseen_strokes(reader: DigitsReader, digit: str) -> None:
    fields = [field(100 * int(digit) + seed, digit * 3, strokes=unseen()) for seed in range(16)]
    assert _right(_read(reader, fields), fields) >= 0.6


@pytest.mark.parametrize(
    ("text", "place", "floor"),
    [
        ("XX7", "right", 0.8),
        ("--5", "right", 0.75),
        ("__2", "right", 0.8),
        ("26", "left", 0.75),
    ],
)
def test_figures_beside_crosses_dashes_and_empty_boxes_are_read(
    reader: DigitsReader, text: str, place: str, floor: float
) -> None:
    fields = [field(3000 + seed, text, place=place, strokes=unseen()) for seed in range(16)]
    assert _right(_read(reader, fields), fields) >= floor


def test_a_figure_squeezed_into_one_box_is_among_the_candidates(reader: DigitsReader) -> None:
    fields = [field(4000 + seed, "148", place="squeezed", pitch=1.4, strokes=unseen()) for seed in range(16)]
    offered = [148 in [c.value for c in belief.candidates] for belief in _read(reader, fields)]
    assert np.mean(offered) >= 0.6


def test_a_figure_in_a_free_field_is_read_behind_a_leading_dash(reader: DigitsReader) -> None:
    for text in ("161", "-161", "1", "0"):
        fields = [field(5000 + seed, text, boxes=None, place="anywhere", strokes=unseen()) for seed in range(16)]
        assert _right(_read(reader, fields), fields) >= 0.65, text


@pytest.mark.parametrize(
    ("text", "boxes", "most"),
    [("", 3, 2), ("XXX", 3, 2), ("---", 3, 2), ("", None, 3), ("-", None, 2), ("--", None, 2), ("n", None, 6)],
)
def test_attack_votes_are_not_made_up_of_empty_and_crossed_fields(
    reader: DigitsReader, text: str, boxes: int | None, most: int
) -> None:
    """Words are the weak side of this reader (NIL looks like strokes of 1); the other reader knows them."""
    fields = [field(7000 + seed, text, boxes=boxes, place="right" if boxes else "anywhere") for seed in range(24)]
    invented = [b.best.p for b in _read(reader, fields) if b.best is not None and b.best.value]
    assert len(invented) <= most
    assert [p for p in invented if p >= 0.6] == []  # from there on the reader suggests


@pytest.mark.parametrize("boxes", [3, None])
def test_attack_figures_that_float_into_the_next_row_are_read_whole_or_not_for_sure(
    reader: DigitsReader, boxes: int | None
) -> None:
    place = "right" if boxes else "anywhere"
    fields = [
        field(
            10000 + seed,
            str(100 + 37 * seed % 900),
            boxes=boxes,
            place=place,
            strokes=unseen(),
            rise=0.3 - 0.6 * (seed % 2),
        )
        for seed in range(32)
    ]
    beliefs = _read(reader, fields)
    wrong = [b.best.p for b, f in zip(beliefs, fields, strict=True) if b.best and b.best.value != f.drawn.value]
    assert _right(beliefs, fields) >= 0.6  # 0.53 and 0.56 with the weights before
    assert [p for p in wrong if p > 0.9] == []


def test_attack_letters_of_the_next_column_are_never_surely_digits(reader: DigitsReader) -> None:
    """Measured: 9 of 24 read right, the others unsure; with the weights before, 5, and 4585 for 458 at 0.92."""
    fields = [field(10500 + seed, str(211 + 13 * seed), strokes=unseen(), beside=0.6) for seed in range(24)]
    beliefs = _read(reader, fields)
    wrong = [b.best.p for b, f in zip(beliefs, fields, strict=True) if b.best and b.best.value != f.drawn.value]
    assert _right(beliefs, fields) >= 0.3
    assert [p for p in wrong if p > 0.85] == []


def test_an_empty_field_is_empty_and_not_zero(reader: DigitsReader) -> None:
    fields = [field(8000 + seed, "") for seed in range(24)]
    best = [b.best for b in _read(reader, fields) if b.best is not None]
    assert [one.state for one in best].count(State.EMPTY) >= 16
    assert not [one for one in best if one.state is State.NUMBER and one.p > 0.5]


def test_struck_and_overwritten_signs_are_noticed(reader: DigitsReader) -> None:
    plain = _read(reader, [field(9000 + seed, "127") for seed in range(16)])
    struck = _read(reader, [field(9000 + seed, "1/7") for seed in range(16)])
    over = _read(reader, [field(9000 + seed, "1?7") for seed in range(16)])
    assert np.mean([b.signs["struck"] for b in struck]) > np.mean([b.signs["struck"] for b in plain]) + 0.4
    assert np.mean([b.signs["over"] for b in over]) > np.mean([b.signs["over"] for b in plain]) + 0.3


def test_the_raw_text_shows_which_boxes_are_empty(reader: DigitsReader) -> None:
    right = _read(reader, [field(9500 + seed, "__4") for seed in range(16)])
    left = _read(reader, [field(9500 + seed, "4", place="left") for seed in range(16)])
    assert [b.best.raw for b in right if b.best].count("__4") >= 11
    assert [b.best.raw for b in left if b.best].count("4__") >= 11


def test_probabilities_are_probabilities_and_fall(reader: DigitsReader) -> None:
    for belief in _read(reader, [field(seed, str(seed * 13)) for seed in range(12)]):
        chances = [candidate.p for candidate in belief.candidates]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) <= 1 + 1e-6
        assert len({(c.state, c.value) for c in belief.candidates}) == len(chances)


def test_a_field_that_was_squeezed_to_fit_its_crop_is_drawn_out_again() -> None:
    for across, stretched in ((MAX_WIDTH_PX, True), (MAX_WIDTH_PX - 64, False)):
        image = np.full((96, across + 32, 3), 255, np.uint8)
        ink = np.zeros((96, across + 32), np.float32)
        ink[40:70, 100:150] = 1
        image[ink > 0] = 0
        shown = digits._views(Crop("field", image, ink, 16, None, 1.0, 64.0, ink_box(ink, 16)))
        tight = shown[2]
        shape = (tight.window.right - tight.window.left) / (tight.window.bottom - tight.window.top)
        drawn_out = tight.picture.shape[2] / tight.picture.shape[1] / shape
        assert (drawn_out > 1.3) == stretched
        assert (shown[0].window.right < across / 2) == stretched  # its whole height around the ink alone
        assert (shown[0].window.top, shown[0].window.bottom) == (0, 96)


@pytest.mark.parametrize("size", [(96, 64), (96, 672), (96, 40)])
def test_a_black_or_white_field_of_any_width_holds_no_votes(reader: DigitsReader, size: tuple[int, int]) -> None:
    for level in (0, 128, 255):
        image = np.full((*size, 3), level, np.uint8)
        crop = Crop("field", image, np.zeros(size, np.float32), 16, None, 1.0, 64.0, None)
        (belief,) = reader.read([crop])
        assert belief.best is None or not belief.best.value


NOTO = Path("/usr/share/fonts/truetype/noto")
FONTS = {
    "arabic": (0x660, ("NotoNaskhArabic-Regular", "NotoKufiArabic-Regular", "NotoSansArabic-Regular")),
    "persian": (0x6F0, ("NotoSansArabic-Regular", "NotoKufiArabic-Regular")),
    "devanagari": (0x966, ("NotoSansDevanagari-Regular", "NotoSerifDevanagari-Regular")),
}


def _font_hand(script: str, font: str) -> Write:
    """Writes the digits of a font as a hand bends them: the middle of its strokes, moved smoothly at random."""
    zero = FONTS[script][0]
    face = ImageFont.truetype(str(NOTO / f"{font}.ttf"), 80)
    pictures = []
    for digit in range(10):
        canvas = Image.new("L", (200, 240), 0)
        ImageDraw.Draw(canvas).text((100, 120), chr(zero + digit), font=face, anchor="mm", fill=255)
        pictures.append(np.asarray(canvas) > 127)
    rows = [np.flatnonzero(picture.any(axis=1)) for picture in pictures]
    high = max(int(of_one[-1] - of_one[0]) for of_one in rows) + 3  # the tallest digit fills the box
    glyphs = {}
    for digit, (picture, of_one) in enumerate(zip(pictures, rows, strict=True)):
        top = int(of_one[0] + of_one[-1] - high) // 2
        glyphs[str(digit)] = traced(picture[top : top + high])

    def write(rng: np.random.Generator, sign: str) -> Glyph:
        waves = rng.normal(0, 0.03, (2, 2, 3))
        bent = []
        for stroke in glyphs[sign]:
            moved = [
                stroke[:, axis]
                + sum(waves[axis, other] @ np.sin(np.outer([2, 4, 6], stroke[:, other])) for other in (0, 1))
                for axis in (0, 1)
            ]
            bent.append(np.stack(moved, axis=1).astype(np.float32))
        return bent

    return write


@pytest.mark.parametrize("script", list(FONTS))
def test_other_numerals_are_read_in_drawn_strokes(script: str) -> None:
    fields = [field(11000 + seed, f"{(seed * 263 + 17) % 1000:03d}", script=script) for seed in range(24)]
    assert _right(_read(DigitsReader(script), fields), fields) >= 0.8


@pytest.mark.parametrize(("script", "font"), [(script, font) for script, (_, fonts) in FONTS.items() for font in fonts])
def test_other_numerals_are_read_in_the_bent_strokes_of_a_font(script: str, font: str) -> None:
    write = _font_hand(script, font)
    fields = [field(12000 + seed, f"{(seed * 263 + 17) % 1000:03d}", script=script, write=write) for seed in range(24)]
    # Measured over 48 fields: 0.60 to 0.77 of whole figures (docs/reading-weights.md).
    assert _right(_read(DigitsReader(script), fields), fields) >= 0.35
