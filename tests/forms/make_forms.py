"""Writes the templates of this folder from the labelled forms in ../shared/data/forms.

    .venv/bin/python -m tests.forms.make_forms [FOLDER OF OVERLAYS]

Where a blank page of the form is there, its outlines are those of `templates.json`; else a filled sheet is the
reference, with the outlines of `labels.json` (never its `raw`, `value` or `mark`). What no file says stands below: the
number of digit boxes, the sheet in a photo, masks of blank pages, and what codes say. Codes are looked for in the
reference picture, for their outlines. Overlays are for the eye.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from counterfoil.election.templates import read_template, write_template_yaml

HERE = Path(__file__).resolve().parent
FORMS = HERE.parents[2] / "shared/data/forms"
BELOW = "../../../shared/data/forms"
"""From this folder to the pictures."""

Quad = list[list[int]]

FILLED = {
    "id2014p1": "id14p1-kupang1",
    "id2015-bengkulu": "id15-bengkulu",
    "id2015-jambi": "id15-jambi",
    "id2015-kepri": "id15-kepri",
    "id19-dpr-pdi": "id19-dpr-pdi",
    "idea-dpr1": "idea-dpr1",
    "hn2025": "hn-18137",
    "ke34a": "ke-030157078100101",
    "kecrop": "ke-033177088101501",
    "nggov": "ng-14",
    "ngsta": "ng-06",
}
"""Form types without a blank page: the flattest and sharpest sheet."""
PAGE = {"id2024h2": 2, "id2024h3": 3, "ideapwp": 2, "idea-dpr1": 2}
FREE = ("ke34a", "kecrop", "nggov", "ngsta")
"""Figures stand on a line, without boxes. All other forms have three boxes a figure."""
CODES: Mapping[str, Sequence[Mapping[str, str]]] = {
    "hn2025": [{"kind": "qr", "pattern": "[0-9]{4}(?P<station>[0-9]{5})0041000"}],
    "ke34a": [{"kind": "qr", "pattern": "(?P<station>[0-9]{15})(?P<form>34)"}],
    "ideapwp": [{"kind": "qr", "pattern": "(?P<form>010200)-(?P<page>02)"}],
    "ideadata": [{"kind": "qr", "pattern": "(?P<form>010200)-(?P<page>01)"}],
    "idea-dpr1": [{"kind": "qr", "pattern": "(?P<form>299999)-(?P<page>02)"}],
    "id2024h2": [{"kind": "apriltag", "dictionary": "36h10", "pattern": "(?P<page>102)"}],
    "id2024h3": [{"kind": "apriltag", "dictionary": "36h10", "pattern": "(?P<page>103)"}],
}
OUTLINES: Mapping[str, Quad] = {"id19-dpr-pdi": [[40, 54], [1205, 47], [1259, 1706], [60, 1744]]}
"""The sheet, where it lies on a table."""
MASKS: Mapping[str, list[tuple[int, int, int, int]]] = {
    "id2014p4": [(240, 620, 755, 850), (130, 930, 290, 1030), (590, 930, 755, 1030)],
    "id2017": [(150, 945, 860, 1085), (80, 1120, 270, 1255), (625, 1120, 860, 1255)],
    "id2019": [(20, 1630, 1520, 1775), (20, 1900, 1520, 2020)],
    "id2024h2": [(110, 1470, 1105, 1530), (110, 1625, 1105, 1685)],
    "id2024h3": [(70, 860, 1195, 930), (70, 1045, 1195, 1150)],
    "idea-dpr1": [(74, 1166, 760, 1240)],
    "ideadata": [(160, 2520, 1670, 2575), (160, 2610, 1670, 2640)],
    "ideapwp": [(160, 2520, 1670, 2575), (160, 2645, 1670, 2710)],
}
"""Left, top, right, bottom: places for names and signatures. On filled sheets most are the grey areas."""
PRINTED = {"id2024h3": [{"rules": [{"parts": ["valid", "invalid"], "total": "cast"}]}]}
"""Rules that a form prints and no labelled sheet shows."""
ZERO_WORDS = {
    "nggov": ["nil", "none", "zero", "nought"],
    "ngsta": ["nil", "none", "zero", "nought"],
    "hn2025": ["cero"],
}
TITLES = {
    "id2014p1": "Indonesia 2014, model C1 PPWP, page 1: voters and ballots",
    "id2015-bengkulu": "Indonesia 2015, model C1-KWK, Bengkulu",
    "id2015-jambi": "Indonesia 2015, model C1-KWK, Jambi",
    "id2015-kepri": "Indonesia 2015, model C1-KWK, Kepulauan Riau",
    "id19-dpr-pdi": "Indonesia 2019, model C1.Plano-DPR, one party",
    "idea-dpr1": "Redesign of C.HASIL-DPR, page 2, one party",
    "hn2025": "Honduras 2025, acta de cierre, presidential",
    "ke34a": "Kenya 2022, form 34A",
    "kecrop": "Kenya 2022, form 34A, right end of the candidates' table",
    "nggov": "Nigeria 2023, form EC 8A, governorship",
    "ngsta": "Nigeria 2023, form EC 8A (I), state constituency",
}
_VOTES = re.compile(r"c\d+|party|[A-Z]+|odinga|ruto|waihiga|wajackoyah")


def main(overlays: Path | None) -> None:
    labels, blanks = _labels(), _blanks()
    for name in sorted({*FILLED, *blanks}):
        sheets = [form for form in labels if form["template"] == name]
        if name in FILLED:
            form = next(form for form in sheets if form["id"] == FILLED[name])
            file = f"{form['country']}/{form['file']}"
            quads = {key: figure["quad"] for key, figure in form["figures"].items()}
            title = TITLES[name]
        else:
            file = f"indonesia/templates/{blanks[name]['file']}"
            quads, title = blanks[name]["fields"], blanks[name]["description"]
        if quads:
            _write(name, title, file, quads, sheets, overlays)


def _write(
    name: str, title: str, file: str, quads: Mapping[str, Any], sheets: list[Any], overlays: Path | None
) -> None:
    data = (FORMS / file).read_bytes()
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert image is not None
    height, width = image.shape[:2]
    filled = name in FILLED
    places = {key: _inside(quad, width, height) for key, quad in quads.items()}
    codes = [{**code, **_found(image, code)} for code in CODES.get(name, ())]
    masks = [*(_grey(image) if filled else []), *(_box(*mask) for mask in MASKS.get(name, []))]
    boxes = {} if name in FREE else {"boxes": 3}
    page = {
        "page": PAGE.get(name, 1),
        "picture": {
            "file": file,
            "sha256": hashlib.sha256(data).hexdigest(),
            "width": width,
            "height": height,
            **({"filled": True} if filled else {}),
        },
        **({"outline": OUTLINES[name]} if OUTLINES.get(name) else {}),
        "places": places,
        **({"codes": codes} if codes else {}),
        **({"masks": masks} if masks else {}),
    }
    checks = _checks([*sheets, *PRINTED.get(name, ())], places)
    plain = {
        "counterfoil_template": 1,
        "name": name,
        "version": 1,
        "title": title,
        **({"zero_words": ZERO_WORDS[name]} if name in ZERO_WORDS else {}),
        "pictures": BELOW,
        "fields": [{"id": key, "kind": "votes" if _VOTES.fullmatch(key) else "total", **boxes} for key in places],
        "pages": [page],
        **({"checks": checks} if checks else {}),
    }
    target = HERE / f"{name}.yaml"
    target.write_bytes(write_template_yaml(plain))
    template = read_template(target)
    sys.stdout.write(
        f"{name}: {len(places)} fields, {len(template.sums)} sums, {len(codes)} codes, {len(masks)} masks\n"
    )
    if overlays is not None:
        _overlay(image, page, overlays / f"{name}.png")


def _labels() -> list[dict[str, Any]]:
    found = []
    for path in sorted(FORMS.glob("*/labels.json")):
        for form in json.loads(path.read_text(encoding="utf-8"))["forms"]:
            found.append({**form, "country": path.parent.name})
    return found


def _blanks() -> dict[str, Any]:
    text = (FORMS / "indonesia/templates/templates.json").read_text(encoding="utf-8")
    return {blank["template"]: blank for blank in json.loads(text)["templates"]}


def _inside(quad: Sequence[Sequence[float]], width: int, height: int) -> Quad:
    return [[min(max(round(x), 0), width), min(max(round(y), 0), height)] for x, y in quad]


def _box(left: int, top: int, right: int, bottom: int) -> Quad:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def _found(image: NDArray[Any], code: Mapping[str, str]) -> dict[str, Quad]:
    """The code's outline in the picture, where a reader finds it."""
    height, width = image.shape[:2]
    if code["kind"] == "apriltag":
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h10)
        corners, ids, _ = cv2.aruco.ArucoDetector(dictionary).detectMarkers(image)
        wanted = [
            quad[0]
            for quad, number in zip(corners, [] if ids is None else ids, strict=True)
            if re.fullmatch(code["pattern"], str(int(number[0])))
        ]
    else:
        wanted = [
            [
                (p.x, p.y)
                for p in (r.position.top_left, r.position.top_right, r.position.bottom_right, r.position.bottom_left)
            ]
            for r in zxingcpp.read_barcodes(image)
            if re.fullmatch(code["pattern"], r.text)
        ]
    return {"outline": _inside(wanted[0], width, height)} if wanted else {}


def _grey(image: NDArray[Any]) -> list[Quad]:
    """Areas that were painted over before the pictures were handed on."""
    flat = (np.abs(image.astype(int) - 128).max(axis=2) <= 3).astype(np.uint8)
    flat = cv2.morphologyEx(flat, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))
    masks = []
    for contour in cv2.findContours(flat, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
        x, y, w, h = cv2.boundingRect(contour)
        if w * h >= 900:
            masks.append(_box(x, y, x + w, y + h))
    return sorted(masks)


def _checks(sheets: list[Any], places: Mapping[str, Quad]) -> list[dict[str, Any]]:
    """The forms' own arithmetic, over all sheets of the type: the same rule once."""
    rules = {(tuple(rule["parts"]), rule["total"]): None for form in sheets for rule in form["rules"]}
    seen: dict[str, int] = {}
    checks = []
    for parts, total in rules:
        if not {*parts, total} <= places.keys():
            continue
        seen[total] = seen.get(total, 0) + 1
        name = f"sum-{total}" if seen[total] == 1 else f"sum-{total}-{seen[total]}"
        checks.append({"id": name, "rule": f"{' + '.join(parts)} == {total}"})
    return checks


def _overlay(image: NDArray[Any], page: Mapping[str, Any], target: Path) -> None:
    canvas = image.copy()
    scale = max(1, round(canvas.shape[0] / 1000))
    for name, quad in page["places"].items():
        cv2.polylines(canvas, [np.array(quad, np.int32)], isClosed=True, color=(0, 0, 255), thickness=scale)
        cv2.putText(canvas, name, quad[0], cv2.FONT_HERSHEY_SIMPLEX, 0.4 * scale, (255, 0, 0), scale)
    shown = [(mask, (0, 160, 0)) for mask in page.get("masks", [])]
    shown += [(code["outline"], (200, 0, 200)) for code in page.get("codes", []) if "outline" in code]
    shown += [(page["outline"], (0, 160, 255))] if "outline" in page else []
    for polygon, colour in shown:
        cv2.polylines(canvas, [np.array(polygon, np.int32)], isClosed=True, color=colour, thickness=2 * scale)
    cv2.imwrite(str(target), canvas)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
