"""Templates: what they say is kept, the same on every way, and nothing hostile gets further than its first byte."""

from __future__ import annotations

import io
import json
import pickle
import re
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.election import template_geometry, templates
from counterfoil.election.template_format import read_template_plain
from counterfoil.election.templates import (
    picture_of,
    read_template,
    read_template_bytes,
    template_plain,
    with_pictures,
    write_template_yaml,
    write_template_zip,
)
from counterfoil.election.yaml_source import read_yaml
from counterfoil.primitives.canonical import canonical, parse, sha256_hex
from counterfoil.primitives.errors import InputError

from .template_world import BACK, FRONT, archive, plain, png, sheet, whole, write_folder

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "form-templates.md"


def test_a_template_says_what_its_file_says(tmp_path: Path) -> None:
    found = sheet(tmp_path)
    assert (found.name, found.version, found.title["be"]) == ("sheet", 2, "Аркуш")
    assert [(f.id, f.page, f.kind, f.empty_is_zero) for f in found.fields] == [
        ("ada", 1, "votes", False),
        ("bob", 1, "votes", False),
        ("valid", 1, "total", False),
        ("registered", 2, "total", True),
    ]
    front, back = found.pages
    assert front.place("ada").quad == ((100, 20), (160, 20), (160, 40), (100, 40))
    assert (front.place("ada").boxes, front.place("bob").boxes) == (3, None)
    assert (front.picture.filled, back.picture.filled) == (False, True)
    assert [(s.parts, s.total, s.check) for s in found.sums] == [(("ada", "bob"), "valid", "sum")]
    assert picture_of(front) == FRONT
    assert picture_of(back) == BACK
    assert found.zero_words == ("nil",)
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes: workers get templates this way


def test_a_code_says_what_its_pattern_names_and_nothing_of_another_payload(tmp_path: Path) -> None:
    qr, tag = sheet(tmp_path).pages[0].codes
    assert qr.match("S0017") == {"station": "0017"}
    assert (qr.says, tag.says) == (("station",), ("page",))
    assert qr.match("S00171") is None
    assert qr.match("S001\u0667") is None  # figures of other alphabets are other payloads
    assert qr.match("S" * 100_000) is None
    assert (tag.dictionary, tag.match("101")) == ("36h10", {})


def test_one_file_has_the_same_bytes_every_time_and_gives_the_template_back(tmp_path: Path) -> None:
    found = sheet(tmp_path)
    data = write_template_zip(found)
    again = read_template_bytes(data)
    assert again == read_template_bytes(write_template_zip(again))
    assert write_template_zip(again) == data
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert {(info.date_time, info.create_system) for info in packed.infolist()} == {((1980, 1, 1, 0, 0, 0), 3)}
    assert again.fields == found.fields
    assert again.pages == found.pages
    assert picture_of(again.pages[1]) == BACK
    (tmp_path / "one.zip").write_bytes(data)
    assert read_template(tmp_path / "one.zip") == again


def test_the_order_of_keys_in_a_file_changes_no_byte_of_the_one_file_form(tmp_path: Path) -> None:
    turned = dict(reversed(plain().items()))
    turned["pages"] = [dict(reversed(page.items())) for page in turned["pages"]]
    turned["fields"] = [dict(reversed(item.items())) for item in turned["fields"]]
    one = read_template(write_folder(tmp_path / "a"))
    other = read_template(write_folder(tmp_path / "b", turned))
    assert write_template_zip(one) == write_template_zip(other)


def test_a_template_stands_in_the_record_as_plain_data_without_fractions_and_gets_its_pictures_back(
    tmp_path: Path,
) -> None:
    found = sheet(tmp_path)
    kept = parse(canonical(template_plain(found)))
    again = read_template_plain(kept)
    with pytest.raises(InputError, match="page-1"):
        picture_of(again.pages[0])
    store = {sha256_hex(data): data for data in (FRONT, BACK)}
    complete = with_pictures(again, store.__getitem__)
    assert complete == found
    assert write_template_zip(complete) == write_template_zip(found)
    with pytest.raises(InputError, match="SHA-256"):
        with_pictures(again, lambda _sha256: BACK)


@settings(max_examples=60, deadline=None)
@given(
    label=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    corners=st.lists(st.integers(0, 60), min_size=8, max_size=8),
)
def test_what_is_written_as_yaml_is_read_back_the_same(label: str, corners: list[int]) -> None:
    value = plain()
    value["fields"][0]["label"] = label
    value["pages"][0]["masks"] = [[[corners[2 * at], corners[2 * at + 1]] for at in range(4)]]
    again, _ = read_yaml(write_template_yaml(value), "template.yaml")
    assert again == json.loads(json.dumps(value))


CHANGES: dict[str, tuple[tuple[Any, ...], Any, str, str]] = {
    "another key": (("surprise",), 1, "unknown-key", "line"),
    "another version of the format": (("counterfoil_template",), 2, "bad-definition", "line 1"),
    "a field without a place": (("pages", 1, "places"), {}, "bad-definition", "registered"),
    "a place of no field": (("pages", 0, "places", "eve"), [[1, 1], [9, 1], [9, 9], [1, 9]], "unknown-key", "eve"),
    "a field on two pages": (("pages", 1, "places", "ada"), [[1, 1], [9, 1], [9, 9], [1, 9]], "bad-definition", "ada"),
    "corners the other way round": (
        ("pages", 0, "places", "ada"),
        [[100, 20], [100, 40], [160, 40], [160, 20]],
        "bad-definition",
        "round to the right",
    ),
    "a folded outline": (
        ("pages", 0, "places", "ada"),
        [[100, 20], [160, 40], [160, 20], [100, 40]],
        "bad-definition",
        "round to the right",
    ),
    "an outline outside the picture": (("pages", 0, "places", "ada", 1, 0), 201, "outside-picture", "200 x 300"),
    "a fraction": (("pages", 0, "places", "ada", 1, 0), "160.5", "bad-outline", "whole numbers"),
    "a field too small": (
        ("pages", 0, "places", "ada"),
        [[1, 1], [3, 1], [3, 9], [1, 9]],
        "bad-definition",
        "4 pixels",
    ),
    "no digest": (("pages", 0, "picture", "sha256"), "abc", "bad-definition", "64 small"),
    "a path upwards": (("pages", 0, "picture", "file"), "../page-1.png", "bad-definition", "path below"),
    "an absolute path": (("pages", 0, "picture", "file"), "/etc/x.png", "bad-definition", "path below"),
    "a picture too large": (("pages", 0, "picture", "width"), 12_001, "bad-definition", "12000"),
    "two pages of one name": (("pages", 1, "page"), 1, "duplicate-id", "1 twice"),
    "a rule of no field": (("checks", 0, "rule"), "ada + eve == valid", "bad-rule", "eve"),
    "a tag without its family": (("pages", 0, "codes", 1, "dictionary"), None, "bad-definition", "family"),
    "a word that is none": (("zero_words", 0), "nil nil", "bad-definition", "small letters"),
    "13 boxes": (("fields", 0, "boxes"), 13, "bad-definition", "12"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_template_may_not_say_is_refused_with_its_place(change: str, tmp_path: Path) -> None:
    path, value, code, shown = CHANGES[change]
    changed: Any = plain()
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    if change == "two pages of one name":
        changed["pages"][1]["places"] = changed["pages"][0]["places"]
        changed["fields"].pop()
        changed["checks"].pop()
    with pytest.raises(InputError) as caught:
        read_template(write_folder(tmp_path, changed))
    assert caught.value.code == code
    assert shown in str(caught.value)
    assert "template.yaml, line" in str(caught.value)


def test_a_variant_of_a_page_shows_the_same_fields(tmp_path: Path) -> None:
    value = plain()
    value["pages"].append({**value["pages"][1], "variant": "b"})
    found = read_template(write_folder(tmp_path / "same", value))
    assert [page.name for page in found.variants(2)] == ["2", "2-b"]
    assert read_template_bytes(write_template_zip(found)).pages == found.pages
    value["pages"][2]["places"] = {}
    with pytest.raises(InputError, match="variant"):
        read_template(write_folder(tmp_path / "other", value))


PATTERNS = ("(a+)+", "(?P<station>(?:a|b)*)", "(?P<station>a{2}", "a|b", ".*", "(?P<other>a)", "\\w+", "[a-z", "a**")


@pytest.mark.parametrize("pattern", [*PATTERNS, "a+b+c+", "[^a]", "(?P<page>1)(?P<page>2)", "x" * 201, "a{3,2}"])
def test_attack_a_pattern_that_could_keep_the_server_busy_is_refused(pattern: str, tmp_path: Path) -> None:
    value = plain()
    value["pages"][0]["codes"][0]["pattern"] = pattern
    with pytest.raises(InputError, match="pattern"):
        read_template(write_folder(tmp_path, value))


def test_attack_the_slowest_pattern_that_is_allowed_is_still_fast(tmp_path: Path) -> None:
    value = plain()
    value["pages"][0]["codes"][0]["pattern"] = "a*(?P<station>a*)b"
    code = read_template(write_folder(tmp_path, value)).pages[0].codes[0]
    before = time.process_time()
    assert code.match("a" * 499 + "b") == {"station": ""}
    assert code.match("a" * 500) is None
    assert code.match("a" * 500 + "b") is None  # longer than any payload may be
    assert time.process_time() - before < 5  # it takes some milliseconds; an exponential one takes for ever


def test_attack_a_zip_bomb_is_refused_by_what_it_says_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = archive({**whole(), "page-1.png": bytes(21_000_000)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    with pytest.raises(InputError) as caught:
        read_template_bytes(bomb)
    assert caught.value.code == "too-large"
    text = archive({**whole(), "template.yaml": b"#" * 5_000_000}, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError) as caught:
        read_template_bytes(text)
    assert caught.value.code == "too-large"
    monkeypatch.setattr(templates, "MAX_ZIP_BYTES", 300_000)
    many = archive({**whole(), **{f"p{n}.png": bytes(200_000) for n in range(3)}}, zipfile.ZIP_DEFLATED)
    assert len(many) < 300_000
    with pytest.raises(InputError) as caught:
        read_template_bytes(many)
    assert caught.value.code == "too-large"


def test_attack_a_member_that_is_larger_than_it_says_is_read_no_further() -> None:
    data = bytearray(archive({"template.yaml": bytes(2_000_000)}, zipfile.ZIP_DEFLATED))
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = (1000).to_bytes(4, "little")
    with pytest.raises(InputError) as caught:
        read_template_bytes(bytes(data))
    assert caught.value.code in ("not-zip", "no-template")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../evil.png", "extra-file"),
        ("/etc/evil.png", "extra-file"),
        ("a/b.png", "extra-file"),
        ("evil.svg", "extra-file"),
        ("folder/", "extra-file"),
        ("..\\evil.png", "extra-file"),
        ("other.png", "extra-file"),
        ("PAGE-1.PNG", "extra-file"),
    ],
)
def test_attack_a_zip_with_another_path_or_file_is_refused(name: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_template_bytes(archive({**whole(), name: FRONT}))
    assert caught.value.code == code


def test_attack_a_link_an_encrypted_file_or_the_same_name_twice_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        info = zipfile.ZipInfo("page-1.png")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")
    with pytest.raises(InputError) as caught:
        read_template_bytes(out.getvalue())
    assert caught.value.code == "extra-file"

    locked = bytearray(archive(whole()))
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(sign) + offset] |= 1
    with pytest.raises(InputError) as caught:
        read_template_bytes(bytes(locked))
    assert caught.value.code == "encrypted"

    twice = archive({**whole(), "page-3.png": FRONT}).replace(b"page-3.png", b"page-1.png")
    with pytest.raises(InputError) as caught:
        read_template_bytes(twice)
    assert caught.value.code == "duplicate-file"


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.booleans())
def test_attack_a_damaged_zip_is_whole_or_refused_and_never_anything_else(at: int, value: int, cut: bool) -> None:
    data = bytearray(archive(whole()))
    at %= len(data)
    damaged = bytes(data[:at]) if cut else bytes([*data[:at], value, *data[at + 1 :]])
    try:
        found = read_template_bytes(damaged)
    except InputError:
        return
    assert picture_of(found.pages[0]) == FRONT


def test_a_picture_is_the_stated_one_or_none(tmp_path: Path) -> None:
    path = write_folder(tmp_path)
    found = read_template(path)
    (tmp_path / "page-1.png").write_bytes(BACK)
    with pytest.raises(InputError, match="SHA-256"):
        read_template(path)
    with pytest.raises(InputError, match="SHA-256"):
        picture_of(found.pages[0])
    (tmp_path / "page-1.png").unlink()
    with pytest.raises(InputError, match="no such file"):
        read_template(path)
    value = plain()
    value["pages"][0]["picture"]["sha256"] = sha256_hex(png(100, 300))
    (tmp_path / "template.yaml").write_bytes(write_template_yaml(value))
    (tmp_path / "page-1.png").write_bytes(png(100, 300))
    with pytest.raises(InputError, match="200 x 300"):
        read_template(path)


def test_the_pictures_of_a_yaml_may_lie_elsewhere_but_not_those_of_a_zip(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "pictures")
    (tmp_path / "here").mkdir()
    moved = path.rename(tmp_path / "here" / "template.yaml")
    assert read_template(moved, tmp_path / "pictures").name == "sheet"
    moved.write_bytes(write_template_yaml({**plain(), "pictures": "../pictures"}))
    assert read_template(moved).name == "sheet"
    with pytest.raises(InputError, match="pictures"):
        read_template_bytes(archive({**whole(), "template.yaml": moved.read_bytes()}))


def test_a_jpeg_tells_its_size_by_its_frame() -> None:
    head = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2\x00\x11\x08" + (300).to_bytes(2) + (200).to_bytes(2) + bytes(12)
    assert templates.picture_size(head) == (200, 300)
    assert templates.picture_size(head[:12]) is None
    assert templates.picture_size(b"GIF89a" + bytes(20)) is None


def test_fields_and_masks_of_a_page_are_found_in_a_photo_by_its_corners(tmp_path: Path) -> None:
    page = sheet(tmp_path).pages[0]
    turned = ((298.0, 2.0), (298.0, 198.0), (2.0, 198.0), (2.0, 2.0))  # the sheet lies on its right side
    through = template_geometry.through_corners(page, turned)
    (ada,) = (place.quad for place in page.fields if place.id == "ada")
    assert np.allclose(template_geometry.mapped(ada, through), [(280, 100), (280, 160), (260, 160), (260, 100)])
    assert np.allclose(template_geometry.mapped(page.masks[0], through)[0], (100, 10))
    with pytest.raises(InputError, match="no three in a line"):
        template_geometry.through_corners(page, ((0, 0), (1, 1), (2, 2), (0, 5)))


@settings(max_examples=60, deadline=None)
@given(shift=st.lists(st.integers(-40, 40), min_size=8, max_size=8))
def test_a_homography_takes_the_corners_where_they_were_found_and_lines_to_lines(shift: list[int]) -> None:
    source = ((0.0, 0.0), (200.0, 0.0), (200.0, 300.0), (0.0, 300.0))
    target = tuple((x + shift[2 * at], y + shift[2 * at + 1]) for at, (x, y) in enumerate(source))
    through = template_geometry.homography(source, target)
    assert np.allclose(template_geometry.mapped(source, through), target, atol=1e-6)
    start, middle, end = (np.array(p) for p in template_geometry.mapped(((0, 0), (100, 150), (200, 300)), through))
    (ax, ay), (bx, by) = end - start, middle - start
    assert abs(ax * by - ay * bx) < 1e-6 * max(1.0, float(np.linalg.norm(end - start)) ** 2)


KEYS_OF = {
    "The template": (),
    "A field": ("fields", 0),
    "A page": ("pages", 0),
    "A picture": ("pages", 0, "picture"),
    "A code": ("pages", 0, "codes", 0),
}


@pytest.mark.parametrize("title", KEYS_OF)
def test_the_page_on_templates_names_every_key_that_the_reader_takes_and_no_other(title: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    section = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
    assert section is not None
    documented = set(re.findall(r"^\| `([a-z_0-9]+)` \|", section[1], re.MULTILINE))
    value: Any = plain()
    at = value
    for step in KEYS_OF[title]:
        at = at[step]
    at["surprise"] = 1
    with pytest.raises(InputError) as caught:
        read_template_plain(value)
    keys = set(caught.value.expected.removeprefix("one of ").split(", "))
    assert keys | ({"pictures"} if title == "The template" else set()) == documented


def test_the_example_of_the_page_on_templates_is_read() -> None:
    example = re.search(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    found = read_template_plain(*read_yaml(example[1].encode(), "template.yaml"))
    assert [one.total for one in found.sums] == ["valid"]
    assert found.pages[0].codes[0].match("03015707810010134") == {"station": "030157078100101", "form": "34"}
