"""`counterfoil read` and `counterfoil reader fit`, as people and programs call them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from counterfoil.cli.app import counterfoil
from counterfoil.reading.confidence import Calibration, shipped
from counterfoil.reading.fit import current

FORMS = Path(__file__).parents[3] / "shared" / "data" / "forms"
TEMPLATE = Path(__file__).parents[1] / "forms" / "id2014p4.yaml"
SMALL = FORMS / "indonesia" / "id14-1420467.jpg"
LABELS = FORMS / "indonesia" / "labels.json"


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(counterfoil, [str(argument) for argument in arguments])


def test_one_photo_prints_one_object_and_draws_what_was_read(tmp_path: Path) -> None:
    drawn = tmp_path / "overlay.jpg"
    result = _run("read", SMALL, "--template", TEMPLATE, "--json", "--overlay", drawn)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["page"]["accepted"]
    assert found["fields"]["c2"]["value"] == 166
    picture = cv2.imread(str(drawn))
    assert picture is not None
    before = cv2.imread(str(SMALL))
    assert before is not None
    plain = cv2.resize(before, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    assert (np.abs(picture.astype(int) - plain.astype(int)).max(axis=2) > 60).sum() > 500


def test_a_folder_is_read_over_processes_in_order_with_a_line_each(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, source in (("b.jpg", SMALL), ("a.jpg", FORMS / "indonesia" / "id14-1420460.jpg")):
        shutil.copy(source, folder / name)
    (folder / "c.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no photo")
    result = _run("read", folder, "--template", TEMPLATE, "--json", "--workers", "2", "--overlay", tmp_path / "drawn")
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [Path(one["photo"]).name for one in found] == ["a.jpg", "b.jpg", "c.png"]
    assert [one["page"]["accepted"] for one in found] == [True, True, False]
    assert found[2]["fields"] == {}
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["a.jpg", "b.jpg"]


def test_a_person_sees_each_figure_with_its_certainty_and_outcome() -> None:
    result = _run("read", SMALL, "--fields", LABELS, "--id", "id14-1420467")
    assert result.exit_code == 0, result.output
    line = next(line for line in result.stdout.splitlines() if line.split()[0] == "c2")
    assert line.split()[1] == "166"
    assert line.split()[2].endswith("%")
    assert line.split()[3] in ("accept", "suggest", "people")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--template"),
        (["--template", "no-such-form"], "no-such-form"),
        (["--fields", str(LABELS)], "--id"),
        (["--fields", str(LABELS), "--id", "nobody"], "nobody"),
        (["--template", str(TEMPLATE), "--fields", str(LABELS), "--id", "id14-ok"], "both"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(arguments: list[str], says: str) -> None:
    result = _run("read", SMALL, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    result = _run("read", tmp_path, "--template", TEMPLATE)
    assert result.exit_code == 2
    assert "photos" in result.stderr


# reader fit


def _labels(path: Path, *, sheets: int = 60, said: float = 0.97, right: float = 0.75, **more: Any) -> Path:
    """Settled fields of a reader that says `said` and is right in a share of `right`."""
    random = np.random.default_rng(1)
    lines = []
    for sheet in range(sheets):
        fields = {}
        for name in "abcde":
            value = int(random.integers(0, 300))
            read = value if random.random() < right else value + 1
            fields[name] = {
                "state": "number",
                "value": value,
                "machine": {"state": "number", "value": read, "p": said - 0.02 * random.random()},
            }
        lines.append({"sheet": f"copy-{sheet}", "template": "one" if sheet % 3 else "two", "fields": fields, **more})
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def _server(tmp_path: Path) -> Path:
    (tmp_path / "server" / "reader").mkdir(parents=True)
    return tmp_path / "server" / "reader"


def test_a_reader_that_was_too_sure_learns_it_and_says_so(tmp_path: Path) -> None:
    place = _server(tmp_path)
    _labels(place / "labels.jsonl")
    result = _run("reader", "fit", tmp_path, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["in_use"] == "fit1"
    assert set(found["before"]) == {"all", "one", "two"}
    assert found["after"]["all"]["ece"] < found["before"]["all"]["ece"] / 2
    made = current(place)
    assert made.version == "fit1"
    assert (made.weights, made.merging, made.accept) == (shipped().weights, shipped().merging, shipped().accept)
    assert json.loads((place / "calibration.log.jsonl").read_text())["version"] == "fit1"


def test_every_fit_can_be_taken_back(tmp_path: Path) -> None:
    place = _server(tmp_path)
    _labels(place / "labels.jsonl")
    assert _run("reader", "fit", tmp_path).exit_code == 0
    first = (place / "calibration.json").read_bytes()
    _labels(place / "labels.jsonl", said=0.7, right=0.97, calibration="fit1")
    assert _run("reader", "fit", tmp_path).exit_code == 0
    assert current(place).version == "fit2"
    assert "fit1" in _run("reader", "fit", tmp_path, "--undo").stdout
    assert (place / "calibration.json").read_bytes() == first
    assert "shipped" in _run("reader", "fit", tmp_path, "--undo").stdout
    assert not (place / "calibration.json").exists()
    assert _run("reader", "fit", tmp_path, "--undo").exit_code == 3
    assert [json.loads(line)["did"] for line in (place / "calibration.log.jsonl").read_text().splitlines()] == [
        "fit",
        "fit",
        "undo",
        "undo",
    ]


def test_a_fit_that_does_not_help_on_what_was_held_out_changes_nothing(tmp_path: Path) -> None:
    """What is fitted on says the reader is too sure; what is held out says it is not sure enough."""
    place = _server(tmp_path)
    path = _labels(place / "labels.jsonl", right=1.0)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    from counterfoil.primitives.canonical import sha256_hex

    lines.sort(key=lambda line: sha256_hex(line["sheet"].encode()))
    for line in lines[len(lines) // 4 :]:
        for field in line["fields"].values():
            field["value"] += 1
    for line in lines:
        line["fields"]["a"]["value"] = line["fields"]["a"]["machine"]["value"]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    result = _run("reader", "fit", tmp_path)
    assert result.exit_code == 0, result.output
    assert "does not help" in result.stdout
    assert list(place.iterdir()) == [path]


def test_labels_of_another_version_are_left_out_and_counted(tmp_path: Path) -> None:
    place = _server(tmp_path)
    _labels(place / "labels.jsonl", calibration="fit7")
    result = _run("reader", "fit", tmp_path)
    assert result.exit_code == 3
    assert "there are 0" in result.stderr


@pytest.mark.parametrize("broken", ["no json", '{"sheet": "a"}', '{"sheet": "a", "template": "b", "fields": {"x": 1}}'])
def test_labels_of_another_shape_are_refused_by_line(tmp_path: Path, broken: str) -> None:
    place = _server(tmp_path)
    (place / "labels.jsonl").write_text(broken)
    result = _run("reader", "fit", tmp_path)
    assert result.exit_code == 2
    assert "line 1" in result.stderr


def test_a_calibration_reads_back_as_it_was_written() -> None:
    assert Calibration.from_bytes(shipped().to_bytes()) == shipped()
