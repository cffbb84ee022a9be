"""`counterfoil reader fit --fine-tune` from end to end: sheets as hands fill them are settled by people, the network is
taught on the kept photos in the jail, taken only if held-out sheets are read as well, read with, and taken back.

Needs the extra `train`, which the test suite does not: see `tests/reading/fine_tuning.py`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from counterfoil.bootstrap.machine import CALIBRATION
from counterfoil.bootstrap.server import Server
from counterfoil.cli.app import counterfoil
from counterfoil.reading import handed
from counterfoil.reading.confidence import Calibration
from counterfoil.reading.digits import shipped_weights
from counterfoil.reading.fit import LEAST_LABELS, LEAST_SHEETS
from counterfoil.reading.reader import VERSION
from counterfoil.reading.train import tune
from counterfoil.simulate.blank import BlankForm, Printed
from counterfoil.simulate.drawing import draw_protocol, paper_form
from counterfoil.storage import answers
from counterfoil.storage.models import Copy, MachineReading
from counterfoil.workflow.machine import checked
from tests.server.conftest import Clock
from tests.server.machine.conftest import CHECKS, HEIGHT, TOTALS, WIDTH, Machines, reading, serve
from tests.server.reading.conftest import FIELDS
from tests.server.reading.paper import LABELS

pytestmark = pytest.mark.slow
STATIONS = 16


@pytest.fixture
def form() -> BlankForm:
    printed = [Printed(name, LABELS[name], "total" if name in TOTALS else "votes") for name in FIELDS]
    return paper_form("Protocol of the polling station", printed, CHECKS)


@pytest.fixture
def server(tmp_path: Path, db: None, form: BlankForm, clock: Clock, settings: object) -> Iterator[Server]:
    program = (handed.MODULE, *handed.PACKAGES)
    found = serve(tmp_path / "election", form.template, clock, settings, program, stations=STATIONS)
    yield found
    found.close()
    shutil.rmtree(found.settings.folder, ignore_errors=True)


def paper(number: int) -> dict[str, int]:
    """What stands on the protocol of a station."""
    ada, bob, against, spoilt = 17 * number % 290, 41 + 29 * number % 350, number % 12, number % 7
    valid = ada + bob + against
    figures = {"valid": valid, "ada": ada, "bob": bob, "against": against, "spoilt": spoilt}
    return figures | {"ballots": valid + spoilt, "voters": valid + spoilt + 60}


def settle_all(hall: Machines, form: BlankForm) -> None:
    """The protocol of each station comes in and is typed by persons. The machine said something of each, once."""
    papers = {}
    for number in range(1, STATIONS + 1):
        station, figures = f"{number:03}", paper(number)
        photo = draw_protocol(form, {n: str(v) for n, v in figures.items()}, seed=number, station=station, width=WIDTH)
        papers[hall.arrive(station, picture=photo)] = figures
    hall.grow()
    told = reading(dict.fromkeys(FIELDS, 1))
    told["page"]["template"] = form.template.name
    said = checked(json.dumps(told).encode(), [form.template], WIDTH, HEIGHT)
    for copy in Copy.objects.all():
        defaults = {
            "made_by": "1 x",
            "read_by": "1 x",
            "state": "read",
            "found": said.data(),
            "template": said.template,
        }
        MachineReading.objects.create(copy=copy, **defaults)
    while Copy.objects.exclude(state="agreed").exists():
        who = hall.person("reader")
        task = hall.task(who, "read")
        answers.read(task, who, {name: papers[task.copy_id][name] for name in task.fields}, hall.desk)  # type: ignore[index]


def run(hall: Machines, *more: str) -> dict[str, Any]:
    done = CliRunner().invoke(counterfoil, ["reader", "fit", str(hall.server.settings.folder), *more, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_network_learns_from_settled_photos_is_checked_on_others_taken_and_taken_back(
    hall: Machines, form: BlankForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COUNTERFOIL_FOLDER", "DJANGO_SETTINGS_MODULE"):  # the command sets them
        monkeypatch.setenv(name, "")
    settle_all(hall, form)
    fitted = hall.server.settings.private / CALIBRATION

    with monkeypatch.context() as worse:
        worse.setattr(tune, "RATE", 0.03)
        worse.setattr(tune, "BLEND", 1.0)
        found = run(hall, "--fine-tune", "--rounds", "1")
    was, became = found["before"]["all"], found["after"]["all"]
    assert became["alone"] < was["alone"], found
    assert not found["helps"]
    assert found["in_use"] == "shipped"
    assert not fitted.exists()
    assert not fitted.with_suffix(".log.jsonl").exists()

    found = run(hall, "--fine-tune", "--rounds", "1")
    assert found["sheets"] == STATIONS >= LEAST_SHEETS
    assert STATIONS * len(FIELDS) >= LEAST_LABELS
    assert found["lessons"] > STATIONS * len(FIELDS)
    assert found["before"]["all"]["fields"] == len(FIELDS) * (STATIONS // 4)
    assert found["before"]["all"]["right"] > 0.8 * found["before"]["all"]["fields"]
    assert found["before"][form.template.name] == found["before"]["all"]
    assert found["after"]["all"]["right"] >= found["before"]["all"]["right"]
    assert found["after"]["all"]["alone"] >= found["before"]["all"]["alone"] > 0
    assert found["helps"]
    assert found["in_use"] == found["version"] == "fit1"
    made = Calibration.from_bytes(fitted.read_bytes())
    assert made.network != shipped_weights("western")[0]
    assert made.made["from"] == "shipped"

    now = hall.server.reading()
    assert now is not None
    assert now.machine.made_by.partition(" ")[0] == f"{VERSION}-fit1"
    copy = Copy.objects.first()
    assert copy is not None
    read = now.machine.read(hall.server.pictures.get(copy.picture), copy.width, copy.height)
    assert read.accepted

    assert run(hall, "--undo") == {"version": "shipped"}
    assert not fitted.exists()
    log = [json.loads(line) for line in fitted.with_suffix(".log.jsonl").read_text("utf-8").splitlines()]
    assert [line["did"] for line in log] == ["fine-tune", "undo"]
    assert log[0]["network"] == found["network"]


def test_too_little_that_people_settled_is_refused(hall: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COUNTERFOIL_FOLDER", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "")
    done = CliRunner().invoke(counterfoil, ["reader", "fit", str(hall.server.settings.folder), "--fine-tune", "--json"])
    assert done.exit_code == 3
    assert json.loads(done.stdout)["error"]["code"] == "too-few-labels"
