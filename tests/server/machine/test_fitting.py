"""`counterfoil reader fit` from end to end: people settle copies, the fit is a new version, the server's jail takes it, and
`--undo` goes back."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from counterfoil.bootstrap.machine import CALIBRATION, make
from counterfoil.bootstrap.server import Server
from counterfoil.cli.reader import reader
from counterfoil.reading import handed
from counterfoil.reading.fit import LEAST_LABELS, LEAST_SHEETS
from counterfoil.reading.reader import VERSION
from counterfoil.storage import answers
from counterfoil.storage.models import Copy, MachineReading
from tests.server.conftest import Clock
from tests.server.machine.conftest import PRETEND, Machines, make_template, photo, reading, serve
from tests.server.reading.conftest import FIELDS, PAPER

STATIONS = 16
WRONG = {**PAPER, "ada": 318}
"""What the machine reads of every second paper, as surely as all else."""


@pytest.fixture
def server(tmp_path: Path, db: None, clock: Clock, settings: object) -> Iterator[Server]:
    found = serve(tmp_path / "election", make_template(), clock, settings, PRETEND, stations=STATIONS)
    yield found
    found.close()
    shutil.rmtree(found.settings.folder, ignore_errors=True)


def stations(hall: Machines) -> list[str]:
    with (hall.server.settings.folder / "stations.csv").open(encoding="utf-8", newline="") as file:
        return [row["station"] for row in csv.DictReader(file)][:STATIONS]


def settle_all(hall: Machines) -> list[Copy]:
    """One paper of each station comes in, is read by the machine, and typed by two persons."""
    names = [
        hall.arrive(station, picture=photo(reading(WRONG if number % 2 else PAPER, outcome="suggest")))
        for number, station in enumerate(stations(hall))
    ]
    hall.grow()
    while hall.machine():
        pass
    for _ in range(2 * STATIONS):
        who = hall.person("reader")
        task = hall.task(who, "read")
        answers.read(task, who, {name: PAPER[name] for name in task.fields}, hall.desk)
    copies = list(Copy.objects.filter(pk__in=names))
    assert {copy.state for copy in copies} == {"agreed"}
    return copies


def run(hall: Machines, *more: str) -> dict[str, Any]:
    done = CliRunner().invoke(reader, ["fit", str(hall.server.settings.folder), *more, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def versions(hall: Machines, copies: list[Copy]) -> set[str]:
    """By whom the machine's readings are that stand in the record, once the machine has read what is due."""
    while hall.machine():
        pass
    return {said["reader"] for copy in copies for said in hall.said(copy)}


def test_what_people_settled_makes_a_new_version_that_the_jail_takes_and_undo_takes_back(
    hall: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COUNTERFOIL_FOLDER", "DJANGO_SETTINGS_MODULE"):  # the command sets them
        monkeypatch.setenv(name, "")
    copies = settle_all(hall)
    assert versions(hall, copies) == {"counterfoil-reader@pretend"}
    private = hall.server.settings.private

    made = run(hall)
    assert made["in_use"] == made["version"] == "fit1"
    assert made["sheets"] == STATIONS >= LEAST_SHEETS
    assert STATIONS * len(FIELDS) >= LEAST_LABELS
    assert made["left_out"] == 0
    assert 0 < made["before"]["all"]["fields"] < STATIONS * len(FIELDS), "a part is held out"
    assert made["after"]["example"]["log_loss"] < made["before"]["example"]["log_loss"]

    assert versions(hall, copies) == {"counterfoil-reader@pretend-fit1"}
    assert all(len(hall.said(copy)) == 1 for copy in copies), "the older reading is withdrawn"
    assert {row.read_by.partition(" ")[0] for row in MachineReading.objects.all()} == {"pretend-fit1"}

    fitted = (private / CALIBRATION).read_bytes()
    real = make(hall.reading().machine.templates, fitted, 1, (handed.MODULE, *handed.PACKAGES))
    assert real.made_by.partition(" ")[0] == f"{VERSION}-fit1"
    real.program.close()

    assert run(hall, "--undo") == {"version": "shipped"}
    assert versions(hall, copies) == {"counterfoil-reader@pretend"}
    did = [json.loads(line)["did"] for line in (private / CALIBRATION).with_suffix(".log.jsonl").open(encoding="utf-8")]
    assert did == ["fit", "undo"]


def test_labels_that_were_said_with_another_calibration_are_left_out(
    hall: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COUNTERFOIL_FOLDER", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "")
    settle_all(hall)
    run(hall)
    again = CliRunner().invoke(reader, ["fit", str(hall.server.settings.folder), "--json"])
    assert again.exit_code == 3, "the machine has not read by fit1 yet, so there is no label of it"
    assert json.loads(again.stdout)["error"]["code"] == "too-few-labels"
