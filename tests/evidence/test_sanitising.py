"""What is kept of a photo: small enough, turned, bent, the same for the same randomness, and still to be read."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from counterfoil.evidence import Kind, Sanitised, decode, likeness, sanitise
from counterfoil.evidence.sanitising import treated
from counterfoil.evidence.turning import MOST_BEND_PX, bend_px, drawn_turn
from counterfoil.sandbox import FileRefused, Sandbox
from tests.sandbox import files

FORMS = Path(__file__).parents[2] / "../shared/data/forms"


def photo(sandbox: Sandbox, image: Image.Image, seed: int = 1, quality: int = 92) -> Sanitised:
    (only,) = sanitise(files.jpeg(image, quality=quality), sandbox, random=np.random.default_rng(seed).bytes)
    return only


def pixels(kept: Sanitised) -> NDArray[np.uint8]:
    return decode(kept.picture, sha256=kept.sha256)


@pytest.mark.parametrize(
    ("size", "longest"), [((4000, 3000), 2000), ((3000, 4000), 2000), ((2400, 1800), 1200), ((1990, 1000), 1990)]
)
def test_a_photo_is_halved_at_most_two_thousand_and_loses_nothing_at_its_edges(
    sandbox: Sandbox, size: tuple[int, int], longest: int
) -> None:
    kept = photo(sandbox, files.scene(*size))
    image = pixels(kept)
    assert image.shape == (kept.height, kept.width, 3)
    assert longest <= max(kept.width, kept.height) <= min(2000, longest + 80)
    assert kept.page == 1
    # The outermost corners are still there: red above on the left, blue below on the right.
    height, width = image.shape[:2]
    assert (image[: height // 8, : width // 8, 0].astype(int) - image[: height // 8, : width // 8, 1] > 120).any()
    assert (image[-height // 8 :, -width // 8 :, 2].astype(int) - image[-height // 8 :, -width // 8 :, 1] > 120).any()


def test_the_same_randomness_gives_the_same_bytes_and_other_randomness_others(sandbox: Sandbox) -> None:
    image = files.scene(900, 700)
    assert photo(sandbox, image, 1) == photo(sandbox, image, 1)
    assert len({photo(sandbox, image, seed).sha256 for seed in range(8)}) == 8


def test_turns_lie_on_both_sides_between_their_limits() -> None:
    draw = np.random.default_rng(4).bytes
    turns = np.array([drawn_turn(draw) for _ in range(2_000)])
    assert ((np.abs(turns) >= 0.4) & (np.abs(turns) <= 0.9)).all()
    assert 0.45 < (turns > 0).mean() < 0.55
    assert np.abs(turns).min() < 0.41
    assert np.abs(turns).max() > 0.89


def test_every_picture_is_bent_in_its_own_way_by_a_few_pixels(sandbox: Sandbox) -> None:
    """Dots on paper are found again; after the best turn and shift is taken out, what is left is the bend."""
    places = [(x, y) for y in range(60, 1140, 60) for x in range(60, 1540, 60)]
    paper = np.full((1200, 1600, 3), 235, np.uint8)
    for place in places:
        cv2.circle(paper, place, 6, (20, 20, 20), -1)
    found = []
    for seed in (1, 2):
        image = pixels(photo(sandbox, Image.fromarray(paper), seed))
        labels, _, _, centres = cv2.connectedComponentsWithStats((image[:, :, 0] < 110).astype(np.uint8))
        assert labels == len(places) + 1
        found.append(centres[1:])
    bends = []
    for centres in found:
        grid = np.array(places)
        nearest = grid[[int(np.abs(grid - centre + 12).sum(1).argmin()) for centre in centres]]
        matrix, _ = cv2.estimateAffinePartial2D(nearest.astype(np.float32), centres.astype(np.float32))
        bends.append(np.hypot(*(centres - (nearest @ matrix[:, :2].T + matrix[:, 2])).T))
    for bend in bends:
        assert 1.0 < np.median(bend) < bend_px(1600, 1200) < MOST_BEND_PX
        assert bend.max() < 3 * bend_px(1600, 1200)
    assert abs(float(np.median(bends[0]) - np.median(bends[1]))) > 1e-3


def test_what_may_have_been_reduced_only_a_little_is_smoothed_as_if_it_were_not() -> None:
    noise = np.random.default_rng(1).normal(200, 4, (1500, 2000, 1)).clip(0, 255).astype(np.uint8).repeat(3, axis=2)
    draw = np.random.default_rng(2).bytes
    photo, page = (float(treated(noise, draw, documents=one).std()) for one in (False, True))
    assert page < 0.8 * photo


def test_figures_of_a_form_stay_to_be_read(sandbox: Sandbox) -> None:
    """Digits as tall as on a photographed form, found again among ten by their look alone."""
    paper = np.full((3000, 4000), 232, np.uint8)
    draw = np.random.default_rng(6)
    written = []
    for row in range(40):
        for column in range(30):
            digit = int(draw.integers(10))
            place = (120 + column * 126, 150 + row * 70)
            cv2.putText(paper, str(digit), place, cv2.FONT_HERSHEY_SIMPLEX, 1.6, 60, 4)
            written.append((place, digit))
    kept = pixels(photo(sandbox, Image.fromarray(paper), quality=85))[:, :, 0]
    looks = []
    for digit in range(10):
        look = np.full((60, 50), 232, np.uint8)
        cv2.putText(look, str(digit), (8, 48), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 60, 4)
        looks.append(cv2.resize(look, (25, 30), interpolation=cv2.INTER_AREA))
    wrong = 0
    middle_y, middle_x = kept.shape[0] / 2, kept.shape[1] / 2
    turn = np.deg2rad(drawn_turn(np.random.default_rng(1).bytes))
    scale = max(kept.shape) / 2000 * 2000 / (4000 * np.cos(turn) + 3000 * abs(np.sin(turn)) + 12)
    for (x, y), digit in written:
        dx, dy = (x + 17 - 2000) * scale, (y - 18 - 1500) * scale
        at_x = middle_x + dx * np.cos(turn) + dy * np.sin(turn)
        at_y = middle_y - dx * np.sin(turn) + dy * np.cos(turn)
        around = kept[max(0, int(at_y) - 30) : int(at_y) + 30, max(0, int(at_x) - 27) : int(at_x) + 27]
        fit = [cv2.matchTemplate(around, look, cv2.TM_CCOEFF_NORMED).max() for look in looks]
        wrong += int(np.argmax(fit)) != digit
    assert wrong <= len(written) // 100


@pytest.mark.parametrize("name", ["honduras/hn-18137.png", "indonesia/id15-pek4221.jpg", "indonesia/id14-ok.jpg"])
def test_a_real_form_keeps_its_ink(sandbox: Sandbox, name: str) -> None:
    image = Image.open(FORMS / name).convert("RGB")
    kept = photo(sandbox, image, quality=95)
    found = likeness(np.asarray(image, np.uint8), pixels(kept))
    assert found.kind in (Kind.SAME, Kind.DIFFERS)
    assert found.equal >= 0.95 * found.tiles > 20, json.dumps([found.equal, found.tiles])


def test_pages_of_a_document_are_all_taken_or_none(sandbox: Sandbox) -> None:
    draw = np.random.default_rng(1).bytes
    pages = sanitise(files.pdf(3), sandbox, random=draw, documents=True)
    assert [page.page for page in pages] == [1, 2, 3]
    broken = files.saved(files.scene(), "TIFF", save_all=True, append_images=[files.scene(50, 50)])
    with pytest.raises(FileRefused):
        sanitise(broken, sandbox, random=draw, documents=True)
    with pytest.raises(FileRefused):
        sanitise(files.pdf(3), sandbox, random=draw)


def coded() -> list[tuple[Path, set[str], list[str]]]:
    """The labelled photos with codes: where they lie, what the codes say, what is asked for."""
    found = []
    for labels in sorted(FORMS.glob("*/labels.json")):
        for form in json.loads(labels.read_text("utf-8"))["forms"]:
            said = {code["text"] for code in form["codes"]}
            kinds = [code["type"].lower().removeprefix("apriltag") for code in form["codes"]]
            if said:
                found.append((labels.parent / form["file"], said, kinds))
    return found


def test_every_code_of_the_labelled_photos_is_read_before_the_photo_is_made_small(sandbox: Sandbox) -> None:
    forms = coded()
    assert len(forms) >= 9
    for path, said, kinds in forms:
        (kept,) = sanitise(path.read_bytes(), sandbox, random=np.random.default_rng(1).bytes, codes=kinds)
        assert {code.payload for code in kept.codes} == said, path.name


def test_codes_change_nothing_of_what_is_kept(sandbox: Sandbox) -> None:
    data = files.jpeg(files.scene(900, 700))
    without, asked = (sanitise(data, sandbox, random=np.random.default_rng(3).bytes, codes=c) for c in ((), ("qr",)))
    assert without == asked
