"""What people see of the machine: nothing before they typed, only the box in dispute in a third reading, what a printed
code says, masks placed by registration, and for organisers a tally that is none."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from django.test import Client
from django.urls import reverse
from PIL import Image

from counterfoil.evidence.picture import encode
from counterfoil.storage import machine
from counterfoil.storage.models import Account, Arrival, Copy, MachineReading, Task
from counterfoil.workflow.machine import checked
from tests.server.machine.conftest import HEIGHT, WIDTH, Machines, make_template, reading, row_of
from tests.server.reading.conftest import FIELDS, PAPER

AsPerson = Callable[[Account], Client]
DISAGREES = {**PAPER, "ada": 318}
COLOURS = {name: (30 + 20 * n, 200 - 20 * n, 90) for n, name in enumerate(FIELDS)}


def coloured() -> bytes:
    """A photo in which every field is of a colour of its own."""
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for name in FIELDS:
        left, top, right, bottom = row_of(name)
        image[top:bottom, left:right] = COLOURS[name]
    return encode(image)


def sheet_at(told: dict[str, Any], quad: Any) -> dict[str, Any]:
    return told | {"page": told["page"] | {"quad": quad}}


WHOLE = [[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]]


def disputed(hall: Machines, told: dict[str, Any] | None = None) -> tuple[Copy, Account, Task]:
    """A copy whose field `ada` is in dispute, a third reader and their task; the machine read the page."""
    name = hall.arrive("001", picture=b"")
    picture = coloured()
    sha = hall.server.intake.put(picture)
    Arrival.objects.filter(copy=name).update(picture=sha["sha256"], width=WIDTH, height=HEIGHT)
    hall.grow()
    copy = Copy.objects.get(pk=name)
    hall.type(copy, PAPER)
    hall.type(copy, DISAGREES)
    if told is not None:
        keep(hall, copy, told)
    third = hall.person("reader")
    return copy, third, hall.task(third, "third")


def keep(hall: Machines, copy: Copy, told: dict[str, Any]) -> None:
    import json

    read = checked(json.dumps(told).encode(), [make_template()], copy.width, copy.height)
    made_by = hall.reading().machine.made_by
    row = {"made_by": made_by, "read_by": made_by, "state": "read", "found": read.data(), "template": read.template}
    MachineReading.objects.update_or_create(copy=copy, defaults=row)


def pixels(jpeg: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), np.int32)


def has(image: np.ndarray[Any, Any], name: str) -> float:
    """The share of the picture that has the colour of this field, within what JPEG does to it."""
    return float((np.abs(image - COLOURS[name]).max(axis=2) < 9).mean())


def test_a_third_reader_sees_the_box_in_dispute_and_no_other(hall: Machines, as_person: AsPerson) -> None:
    _, third, task = disputed(hall, sheet_at(reading(outcome="people"), WHOLE))
    client = as_person(third)
    page = client.get(reverse("work_task", kwargs={"key": task.pk})).content.decode()
    address = reverse("work_crop", kwargs={"key": task.pk, "field": "ada"})
    assert address in page
    assert reverse("work_photo", kwargs={"key": task.pk}) not in page
    for shown in (address, reverse("work_photo", kwargs={"key": task.pk})):
        answer = client.get(shown)
        assert answer["Content-Type"] == "image/jpeg"
        assert answer["Cache-Control"] == "no-store"
        image = pixels(answer.content)
        assert has(image, "ada") > 0.3
        assert all(has(image, other) == 0 for other in FIELDS if other != "ada")


def test_attack_ask_for_a_box_that_is_not_in_dispute(hall: Machines, as_person: AsPerson) -> None:
    _, third, task = disputed(hall, sheet_at(reading(outcome="people"), WHOLE))
    for field in ("bob", "nothing", "ada/../bob"):
        assert as_person(third).get(f"/work/task/{task.pk}/field/{field}").status_code == 404


def test_attack_a_box_of_a_first_reading_or_of_another_reader(hall: Machines, as_person: AsPerson) -> None:
    _, _, task = disputed(hall, sheet_at(reading(outcome="people"), WHOLE))
    assert as_person(hall.person("reader")).get(f"/work/task/{task.pk}/field/ada").status_code == 404
    first = hall.person("reader")
    hall.copies("002")
    mine = hall.task(first, "read")
    assert as_person(first).get(f"/work/task/{mine.pk}/field/ada").status_code == 404


def test_without_a_registration_the_whole_photo_is_shown(hall: Machines, as_person: AsPerson) -> None:
    copy, third, task = disputed(hall)
    client = as_person(third)
    assert reverse("work_photo", kwargs={"key": task.pk}) in client.get(f"/work/task/{task.pk}/").content.decode()
    assert client.get(f"/work/task/{task.pk}/photo").content == hall.server.pictures.get(copy.picture)
    assert client.get(f"/work/task/{task.pk}/field/ada").status_code == 404


def test_attack_corners_that_make_no_sheet_show_the_whole_photo(hall: Machines, as_person: AsPerson) -> None:
    for quad in (
        [[0, 0], [0, 0], [0, 0], [0, 0]],
        [[0, 0], [1, 1], [2, 2], [3, 3]],
        [[9000, 0], [0, 0], [0, 1], [1, 9]],
    ):
        Copy.objects.all().delete()
        _, third, task = disputed(hall, sheet_at(reading(outcome="people"), quad))
        answer = as_person(third).get(f"/work/task/{task.pk}/photo")
        assert answer.status_code == 200
        assert pixels(answer.content).shape == (HEIGHT, WIDTH, 3)


def test_a_turned_sheet_is_cut_out_upright(hall: Machines, as_person: AsPerson) -> None:
    """Local outlines of the reader stand over those of the page."""
    left, top, right, bottom = row_of("ada")
    told = sheet_at(reading(outcome="people"), WHOLE)
    told["places"] = {"ada": [[right, bottom], [left, bottom], [left, top], [right, top]]}
    _, third, task = disputed(hall, told)
    image = pixels(as_person(third).get(f"/work/task/{task.pk}/field/ada").content)
    assert image.shape[1] > image.shape[0] * 1.5
    assert has(image, "ada") > 0.3


def test_no_page_of_a_reader_holds_what_the_machine_read(hall: Machines, as_person: AsPerson) -> None:
    told = reading({**PAPER, "ada": 271828, "bob": 314159})
    copy = hall.copy(told)
    hall.machine()
    reader = hall.person("reader", "arbiter")
    client = as_person(reader)
    task = hall.task(reader, "read")
    assert task.copy_id == copy.pk
    for address in (f"/work/task/{task.pk}/", "/work/", f"/api/v1/tasks/{task.pk}"):
        text = client.get(address).content.decode()
        assert "271828" not in text
        assert "314159" not in text
        assert "counterfoil-reader" not in text


def test_a_printed_code_fills_in_the_station_and_nothing_else_does(hall: Machines, as_person: AsPerson) -> None:
    told = reading(codes=[{"kind": "qr", "payload": "X002P1"}])
    hall.copy(told, "001", lane="stranger")
    hall.machine()
    reader = hall.person("reader")
    task = hall.task(reader, "identify")
    page = as_person(reader).get(f"/work/task/{task.pk}/").content.decode()
    assert 'value="002" checked' in page
    assert "code printed on the paper" in page
    assert "271828" not in page
    searched = as_person(reader).post(f"/work/task/{task.pk}/", {"find": "003"}).content.decode()
    assert 'value="002"' not in searched
    assert "code printed" not in searched


def test_a_code_that_only_the_photo_as_it_came_in_showed_fills_in_the_station(
    hall: Machines, as_person: AsPerson
) -> None:
    copy = hall.copy(reading(), "001", lane="stranger")
    Copy.objects.filter(pk=copy.pk).update(printed=[["station", "002"]])
    reader = hall.person("reader")
    task = hall.task(reader, "identify")
    for _ in range(2):  # before the machine has looked, and where it saw no code on the copy
        page = as_person(reader).get(f"/work/task/{task.pk}/").content.decode()
        assert 'value="002" checked' in page
        assert "code printed on the paper" in page
        hall.machine()
    MachineReading.objects.update(found={**MachineReading.objects.get().found, "codes": [["station", "003"]]})
    assert machine.code_says(Copy.objects.get()) == ("", 0), "two that differ say nothing"


def test_attack_a_code_of_a_station_that_we_do_not_have(hall: Machines, as_person: AsPerson) -> None:
    for codes in (["X777P1"], ["X001P1", "X002P1"], ["see evil.example"]):
        Copy.objects.all().delete()
        hall.copy(reading(codes=[{"kind": "qr", "payload": c} for c in codes]), "001", lane="stranger")
        hall.machine()
        reader = hall.person("reader")
        task = hall.task(reader, "identify")
        page = as_person(reader).get(f"/work/task/{task.pk}/").content.decode()
        assert "code printed" not in page
        assert "777" not in page.replace(str(task.pk), "")


def test_the_machine_only_tally_is_for_organisers_who_do_not_read(hall: Machines, as_person: AsPerson) -> None:
    hall.copy(reading(), "001")
    hall.copy(reading({**PAPER, "ada": 77}, outcome="suggest"), "002")
    hall.machine()
    page = as_person(hall.person("organiser")).get("/organise/machine/").content.decode()
    assert "No person has confirmed these figures" in page
    assert ">310<" in page
    assert f">{310 + 77}<" in page
    for roles in (("organiser", "reader"), ("organiser", "arbiter")):
        page = as_person(hall.person(*roles)).get("/organise/machine/").content.decode()
        assert ">310<" not in page
        assert "neither read nor decide" in page
    for role in ("reader", "arbiter", "auditor", "sender_coordinator"):
        assert as_person(hall.person(role)).get("/organise/machine/").status_code == 403


def test_masks_of_the_template_are_placed_where_the_sheet_lies(hall: Machines, as_person: AsPerson) -> None:
    # the sheet fills the right half of the photo
    quad = [[WIDTH / 2, 0], [WIDTH, 0], [WIDTH, HEIGHT], [WIDTH / 2, HEIGHT]]
    copy, _, _ = disputed(hall, sheet_at(reading(outcome="people"), quad))
    page = as_person(hall.person("organiser")).get(f"/organise/copies/{copy.pk}/").content.decode()
    assert "placed on this photo" in page
    assert f'name="left-0" value="{50 + 60 / WIDTH * 50:.4f}"'.rstrip('0"') in page
    assert 'name="top-0" value="86.6' in page
