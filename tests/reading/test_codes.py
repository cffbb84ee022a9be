"""Codes on real forms, and that no payload is ever made up."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.reading.belief import Rgb
from counterfoil.reading.codes import read_codes
from tests.reading.real_forms import labels, photo

WITH_CODES = sorted(form for form, entry in labels().items() if entry["codes"] and entry["template"] != "id2024h2")


@pytest.mark.parametrize("form", WITH_CODES)
def test_every_code_of_the_real_forms_is_read(form: str) -> None:
    assert {code.payload for code in read_codes(photo(form))} == {code["text"] for code in labels()[form]["codes"]}


def test_a_tag_is_read_with_its_own_family_and_lies_where_it_is_printed() -> None:
    image = photo("id24-h2-b")
    (tag,) = read_codes(image, dictionaries=["36h10"], kinds=[])
    assert (tag.kind, tag.payload, tag.dictionary) == ("apriltag", "102", "36h10")
    # It stands right of the middle and in the upper quarter of the page.
    assert (tag.quad.mean(axis=0) > (0.5 * image.shape[1], 0)).all()
    assert tag.quad[:, 1].max() < image.shape[0] / 2


def test_no_family_is_looked_for_that_the_template_does_not_name() -> None:
    image = photo("id24-h2-b")[:1_600]
    assert read_codes(image, kinds=[]) == ()
    assert all(code.dictionary == "36h11" for code in read_codes(image, dictionaries=["36h11"], kinds=[]))


def test_a_page_without_a_code_has_none() -> None:
    assert read_codes(photo("id17-6"), dictionaries=["36h10"]) == ()


def test_a_code_out_of_focus_is_read_from_the_sharpened_copy() -> None:
    image = cv2.GaussianBlur(photo("ke-030157078100101"), (0, 0), 2.0).astype(np.uint8)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    assert not zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormat.QRCode)
    assert [code.payload for code in read_codes(image)] == ["03015707810010134"]


def _sheet_with(text: str) -> Rgb:
    code = np.array(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=4))
    page = np.full((500, 400), 235, np.uint8)
    page[40 : 40 + code.shape[0], 200 : 200 + code.shape[1]] = np.minimum(code[:460, :200], 235)
    return cv2.cvtColor(page, cv2.COLOR_GRAY2RGB).astype(np.uint8)


@settings(max_examples=15, deadline=None)
@given(
    text=st.text("0123456789ABCDEF-", min_size=4, max_size=20),
    turn=st.floats(-180, 180),
    blur=st.floats(0.3, 4.0),
    noise=st.integers(0, 60),
)
def test_however_bad_the_photo_a_code_is_read_right_or_not_at_all(
    text: str, turn: float, blur: float, noise: int
) -> None:
    page = _sheet_with(text)
    turned = cv2.warpAffine(page, cv2.getRotationMatrix2D((200, 250), turn, 0.8), (400, 500), borderValue=(90, 90, 90))
    grain = np.random.default_rng(len(text)).normal(0, noise, turned.shape)
    seen = np.clip(cv2.GaussianBlur(turned, (0, 0), blur) + grain, 0, 255).astype(np.uint8)
    assert {code.payload for code in read_codes(seen)} <= {text}


def test_the_sheet_of_the_property_is_read_when_it_is_sharp() -> None:
    assert [code.payload for code in read_codes(_sheet_with("033-7-AB"))] == ["033-7-AB"]
