"""Look-alikes are found and measured, on real forms: the same shot again, a crop, a changed figure, another sheet."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from counterfoil.evidence import (
    Fingerprint,
    Kind,
    MemoryIndex,
    Sanitised,
    candidates,
    decode,
    fingerprint,
    likeness,
    sanitise,
)
from counterfoil.evidence.fingerprints import distance, shared_words
from counterfoil.evidence.picture import Image as Pixels
from counterfoil.sandbox import Sandbox
from tests.sandbox import files

FORMS = Path(__file__).parents[2] / "../shared/data/forms"
SHEETS = (
    *("honduras/hn-18137.png", "honduras/hn-18108.png", "indonesia/id14-ok.jpg", "indonesia/id14-1634246.jpg"),
    *("indonesia/id15-pek4221.jpg", "indonesia/id15-pek4218.jpg", "indonesia/id24-h2-a.jpg"),
)


@cache
def sheet(name: str) -> Image.Image:
    return Image.open(FORMS / name).convert("RGB")


def sent(sandbox: Sandbox, image: Image.Image, seed: int, quality: int = 90) -> Sanitised:
    (only,) = sanitise(files.jpeg(image, quality=quality), sandbox, random=np.random.default_rng(seed).bytes)
    return only


def pixels(kept: Sanitised) -> Pixels:
    return decode(kept.picture, sha256=kept.sha256)


@pytest.fixture(scope="module")
def first(sandbox: Sandbox) -> dict[str, Sanitised]:
    return {name: sent(sandbox, sheet(name), 1) for name in SHEETS}


@pytest.fixture(scope="module")
def index(first: dict[str, Sanitised]) -> MemoryIndex:
    made = MemoryIndex()
    for name, kept in first.items():
        made.add(name, kept.fingerprint)
    return made


@pytest.mark.parametrize("name", SHEETS)
def test_the_same_photo_again_is_found_and_fits(
    sandbox: Sandbox, first: dict[str, Sanitised], index: MemoryIndex, name: str
) -> None:
    image = sheet(name)
    smaller = image.resize((image.width * 7 // 10, image.height * 7 // 10))
    for number, again in enumerate((image, smaller, image.rotate(1.5, Image.Resampling.BICUBIC, fillcolor="white"))):
        kept = sent(sandbox, again, 10 + number, quality=55)
        assert name in candidates(kept.fingerprint, index)
        found = likeness(pixels(kept), pixels(first[name]))
        assert found.kind in (Kind.SAME, Kind.DIFFERS)
        assert found.equal >= 0.75 * found.tiles


@pytest.mark.parametrize("name", ["indonesia/id14-ok.jpg", "indonesia/id24-h2-a.jpg"])
def test_a_crop_is_found_and_fits(sandbox: Sandbox, first: dict[str, Sanitised], index: MemoryIndex, name: str) -> None:
    image = sheet(name)
    part = image.crop((image.width // 10, image.height // 8, image.width * 85 // 100, image.height * 9 // 10))
    kept = sent(sandbox, part, 20)
    assert name in candidates(kept.fingerprint, index)
    found = likeness(pixels(kept), pixels(first[name]))
    assert found.kind in (Kind.PART, Kind.DIFFERS)
    assert 300_000 < found.overlap < 900_000


def test_another_sheet_of_the_same_form_is_never_called_the_same(first: dict[str, Sanitised]) -> None:
    for one, two in itertools.combinations(SHEETS, 2):
        assert likeness(pixels(first[one]), pixels(first[two])).kind in (Kind.OTHER, Kind.DIFFERS)


def test_attack_change_figures_in_a_photo_that_is_already_there(
    sandbox: Sandbox, first: dict[str, Sanitised], index: MemoryIndex
) -> None:
    """It is found as the look-alike of the true one, with the changed places counted; nothing is dropped."""
    name = "indonesia/id24-h2-a.jpg"
    image = sheet(name).copy()
    width, height = image.size
    for row in range(4):
        box = (width // 3, height * (4 + row) // 10, width // 3 + width // 4, height * (4 + row) // 10 + height // 12)
        image.paste(
            image.crop((width // 2, height // 6, width // 2 + box[2] - box[0], height // 6 + box[3] - box[1])), box
        )
    forged = sent(sandbox, image, 30)
    assert name in candidates(forged.fingerprint, index)
    found = likeness(pixels(forged), pixels(first[name]))
    honest = likeness(pixels(sent(sandbox, sheet(name), 31)), pixels(first[name]))
    assert found.kind is Kind.DIFFERS
    assert found.tiles - found.equal >= 4 + honest.tiles - honest.equal


def test_likeness_gives_the_same_answer_twice(first: dict[str, Sanitised]) -> None:
    one, two = (pixels(first[name]) for name in SHEETS[2:4])
    assert likeness(one, two) == likeness(one, two)


def test_blank_pictures_have_a_fingerprint_and_no_likeness() -> None:
    blank = np.full((300, 400, 3), 255, np.uint8)
    assert fingerprint(blank).words == ()
    assert likeness(blank, blank).kind is Kind.OTHER


def test_a_fingerprint_comes_from_the_kept_picture_alone(sandbox: Sandbox) -> None:
    """Whoever holds the fingerprint knows nothing that the kept picture does not say."""
    kept = sent(sandbox, sheet(SHEETS[0]), 3)
    again = fingerprint(pixels(kept))
    assert distance(kept.fingerprint, again) <= 2
    assert shared_words(kept.fingerprint, again) > len(again.words) // 2


prints = st.builds(
    Fingerprint,
    st.integers(0, 2**64 - 1),
    st.lists(st.integers(0, 2**20 - 1), max_size=8, unique=True).map(lambda words: tuple(sorted(words))),
)


@settings(deadline=None, max_examples=60)
@given(prints)
def test_storage_form(print_: Fingerprint) -> None:
    assert Fingerprint.stored(print_.signed(), iter(print_.words)) == print_
    assert -(2**63) <= print_.signed() < 2**63


@settings(deadline=None, max_examples=30)
@given(st.lists(prints, max_size=12), prints)
def test_the_index_finds_what_a_look_at_everything_finds(stored: list[Fingerprint], asked: Fingerprint) -> None:
    index = MemoryIndex()
    for number, print_ in enumerate(stored):
        index.add(number, print_)
    wanted = {
        number
        for number, print_ in enumerate(stored)
        if distance(asked, print_) <= 8 or shared_words(asked, print_) >= 3
    }
    assert set(candidates(asked, index)) == wanted


def test_a_word_that_every_form_has_says_nothing() -> None:
    index = MemoryIndex()
    for number in range(60):
        index.add(number, Fingerprint(number << 40, (1, 2, 3, 100 + number)))
    assert candidates(Fingerprint(2**63 - 1, (1, 2, 3)), index) == []
