"""The example election with a template for its form, and a machine that reads what the tests tell it to."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from PIL import Image, ImageDraw, ImageFont

from counterfoil.bootstrap.jobs import desk_of
from counterfoil.bootstrap.machine import Reading
from counterfoil.bootstrap.server import Server
from counterfoil.bootstrap.server import server as current
from counterfoil.config.settings import Settings
from counterfoil.election.templates import (
    FormTemplate,
    picture_of,
    read_template_plain,
    with_pictures,
    write_template_zip,
)
from counterfoil.primitives.canonical import sha256_hex
from counterfoil.storage.models import Copy, Entry, Task
from counterfoil.workflow.folder import init
from tests.server.conftest import Clock
from tests.server.machine.pretend import MARK
from tests.server.reading.conftest import FIELDS, PAPER, Hall
from tests.server.reading.paper import LABELS
from tests.servers.fixtures import fast_postgres, postgres

__all__ = ["fast_postgres", "postgres"]

PRETEND = ("tests.server.machine.pretend", "tests", "cv2", "numpy", "PIL", "yaml")
WIDTH, HEIGHT = 900, 1200
CHECKS = [
    {"id": "options", "rule": "ada + bob + against == valid", "code": "sum-mismatch"},
    {"id": "paper", "rule": "valid + spoilt == ballots", "code": "sum-mismatch"},
    {"id": "register", "rule": "ballots <= voters", "code": "turnout-over-register", "severity": "check"},
]
TOTALS = ("voters", "ballots", "spoilt", "valid")


def row_of(name: str) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a field on the blank sheet."""
    top = 180 + FIELDS.index(name) * 120
    return 600, top, 840, top + 90


def blank() -> bytes:
    """The blank sheet as PNG."""
    sheet = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((60, 60), "PROTOCOL   Station", fill="black", font=ImageFont.load_default(44))
    for name in FIELDS:
        box = row_of(name)
        draw.rectangle(box, outline="black", width=3)
        draw.text((60, box[1] + 26), LABELS[name], fill="black", font=ImageFont.load_default(30))
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def make_template() -> FormTemplate:
    """The template of the example's form."""
    picture = blank()
    plain: dict[str, Any] = {
        "counterfoil_template": 1,
        "name": "example",
        "title": {"en": "Protocol of the polling station"},
        "languages": ["en"],
        "fields": [
            {"id": name, "label": {"en": LABELS[name]}, "kind": "total" if name in TOTALS else "votes"}
            for name in FIELDS
        ],
        "checks": CHECKS,
        "pages": [
            {
                "page": 1,
                "picture": {"file": "page-1.png", "sha256": sha256_hex(picture), "width": WIDTH, "height": HEIGHT},
                "places": {name: _corners(row_of(name)) for name in FIELDS},
                "codes": [{"kind": "qr", "pattern": "X(?P<station>\\d{3})P1"}],
                "masks": [_corners((60, 1040, 840, 1160))],
            }
        ],
    }
    return with_pictures(read_template_plain(plain), lambda sha: picture)


def _corners(box: tuple[int, int, int, int]) -> list[list[int]]:
    left, top, right, bottom = box
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def reading(
    values: Mapping[str, object] = PAPER, *, p: float = 0.9999, outcome: str = "accept", **more: Any
) -> dict[str, Any]:
    """What an honest reader says of a photo that shows the sheet and nothing else."""
    fields = {}
    for name, value in values.items():
        number = isinstance(value, int)
        fields[name] = {
            "raw": str(value) if number else "",
            "value": value if number else None,
            "state": "number" if number else value,
            "p": p,
            "alternatives": [],
            "outcome": outcome,
        }
    page = {
        "accepted": True,
        "reason": None,
        "template": "example",
        "page": 1,
        "registration_residual_px": 0.4,
        "quad": [[0, 0], [1, 0], [1, 1], [0, 1]],
    }
    return {"page": page, "codes": [], "fields": fields, "broken_rules": [], "seconds": 0.5} | more


def photo(told: object) -> bytes:
    """A picture of which the machine says this; a text is done as `pretend` knows it."""
    return MARK + (told if isinstance(told, str) else json.dumps(told)).encode() + b"\n"


def with_template(folder: Path, template: FormTemplate) -> FormTemplate:
    """Give the example election's form this template."""
    (folder / "example.template.zip").write_bytes(write_template_zip(template))
    definition, named = folder / "election.yaml", "    template: example.template.zip\n"
    text = definition.read_text("utf-8").replace("- id: protocol\n", f"- id: protocol\n{named}")
    definition.write_text(text, "utf-8")
    return template


def serve(
    folder: Path,
    template: FormTemplate,
    clock: Clock,
    settings: object,
    program: tuple[str, ...],
    agreement: str = "{persons: 2}",
    stations: int = 4,
) -> Server:
    """The example election in `folder`, with this template for its form, read by this program.

    Args:
        stations: at least the four of the example.
    """
    init(folder)
    with (folder / "stations.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{n:03},NORTH,School {n},town,1200,50.10,20.10\n" for n in range(5, stations + 1))
    transcripts = folder / "transcripts.csv"
    transcripts.write_text(transcripts.read_text("utf-8").split("\n")[0] + "\n", "utf-8")
    with_template(folder, template)
    definition = (folder / "election.yaml").read_text("utf-8")
    (folder / "election.yaml").write_text(definition.replace("{persons: 2}", agreement), "utf-8")
    base: Settings = django_settings.COUNTERFOIL
    settings.COUNTERFOIL = replace(base, folder=folder, batch_s=600, readers=1)  # type: ignore[attr-defined]
    found = current()
    found.now, found.reader_program = clock, program
    found.open_election()
    assert found.pictures.get(template.pages[0].picture.sha256) == picture_of(template.pages[0])
    return found


@pytest.fixture
def agreement() -> str:
    """Of the election's definition; tests of another rule have their own."""
    return "{persons: 2}"


@pytest.fixture
def server(agreement: str, tmp_path: Path, db: None, clock: Clock, settings: object) -> Iterator[Server]:
    """As everywhere, with a template for the form and the pretended reader in the real jail."""
    found = serve(tmp_path / "election", make_template(), clock, settings, PRETEND, agreement)
    yield found
    found.close()
    shutil.rmtree(found.settings.folder, ignore_errors=True)


class Machines(Hall):
    """A hall in which the machine reads too."""

    def reading(self) -> Reading:
        found = self.server.reading()
        assert found is not None
        return found

    def copy(self, told: object, station: str = "001", *, lane: str = "organisation") -> Copy:
        """A copy that came in and was sealed; the machine has not looked yet."""
        name = self.arrive(station, lane=lane, picture=photo(told))
        self.grow()
        return Copy.objects.get(pk=name)

    def machine(self) -> int:
        """Let the machine read what is due; how many it read."""
        return self.reading().some(lambda: desk_of(self.server))

    def type(self, copy: Copy, values: Mapping[str, object], *kinds: str) -> Task:
        """A new reader takes a task, which must be of this copy, and types it."""
        from counterfoil.storage import answers

        who = self.person("reader")
        task = self.task(who, *(kinds or ("read",)))
        assert task.copy_id == copy.pk
        answers.read(task, who, {n: values[n] for n in task.fields}, self.desk)  # type: ignore[misc]
        copy.refresh_from_db()
        return task

    def said(self, copy: Copy) -> list[dict[str, Any]]:
        """The machine's entries of this copy that stand."""
        entries = Entry.objects.filter(copy=copy.pk, type="reading", withdrawn=False)
        return [e.body for e in entries if "@" in e.body["reader"]]


@pytest.fixture
def hall(server: Server, clock: Clock) -> Machines:
    return Machines(server, clock)
