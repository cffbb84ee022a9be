"""`counterfoil reader fit` from end to end: people settle copies, the fit is a new version, the server's jail takes it,
and `--undo` goes back."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from counterfoil.bootstrap.machine import CALIBRATION, make
from counterfoil.bootstrap.server import Server
from counterfoil.cli.app import counterfoil
from counterfoil.config import checks_state as state
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
"""What the machine reads of three papers in four, as surely as all else."""


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
    """One paper of each station comes in, is read by the machine, and typed by persons until all are settled."""
    names = [
        hall.arrive(station, picture=photo(reading(WRONG if number % 4 else PAPER, outcome="suggest")))
        for number, station in enumerate(stations(hall))
    ]
    hall.grow()
    while hall.machine():
        pass
    copies = Copy.objects.filter(pk__in=names)
    while copies.exclude(state="agreed").exists():
        who = hall.person("reader")
        task = hall.task(who, "read")
        answers.read(task, who, {name: PAPER[name] for name in task.fields}, hall.desk)
    return list(copies)


def run(hall: Machines, *more: str) -> dict[str, Any]:
    done = CliRunner().invoke(counterfoil, ["reader", "fit", str(hall.server.settings.folder), *more, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_reader_that_does_not_start_is_found(hall: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    at = hall.server
    assert state.reader(at.settings, at.now()) == []
    monkeypatch.setattr(handed, "MODULE", "counterfoil.reading.is_not_installed")
    found = state.reader(at.settings, at.now())
    assert found is not None
    assert len(list(found)) == 1
    assert state.reader(replace(at.settings, readers=0), at.now()) == []


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
    assert made["in_use"] == made["version"] == "fit1", made
    assert made["sheets"] == STATIONS >= LEAST_SHEETS
    assert STATIONS * len(FIELDS) >= LEAST_LABELS
    assert made["left_out"] == 0
    assert 0 < made["before"]["all"]["fields"] < STATIONS * len(FIELDS), "a part is held out"
    assert made["after"]["example"]["log_loss"] < made["before"]["example"]["log_loss"]

    again = CliRunner().invoke(counterfoil, ["reader", "fit", str(hall.server.settings.folder), "--json"])
    assert again.exit_code == 3, "nothing was read by fit1 yet: labels of another calibration are left out"
    assert json.loads(again.stdout)["error"]["code"] == "too-few-labels"

    assert versions(hall, copies) == {"counterfoil-reader@pretend-fit1"}
    assert all(len(hall.said(copy)) == 1 for copy in copies), "the older reading is withdrawn"
    assert {row.read_by.partition(" ")[0] for row in MachineReading.objects.all()} == {"pretend-fit1"}

    fitted = (private / CALIBRATION).read_bytes()
    real = make(hall.reading().machine.templates, fitted, 1, (handed.MODULE, *handed.PACKAGES))
    assert real.made_by.partition(" ")[0] == f"{VERSION}-fit1"
    real.program.close()

    assert run(hall, "--undo") == {"version": "shipped"}
    assert versions(hall, copies) == {"counterfoil-reader@pretend"}
    log = (private / CALIBRATION).with_suffix(".log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["did"] for line in log] == ["fit", "undo"]
