"""Codes on a photo that comes in: what they say by the form's template is kept, their payloads are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from counterfoil.storage.arrivals import Door, receive
from counterfoil.storage.models import Arrival
from counterfoil.workflow.machine import printed_kinds, said_by_codes
from counterfoil.workflow.sending import Claim
from tests.server.machine.conftest import Machines, blank, make_template

CLAIM = Claim("001", "president", 1, "wall_copy")


def sheet(*payloads: str) -> bytes:
    image = Image.open(io.BytesIO(blank())).convert("RGB")
    for number, payload in enumerate(payloads):
        code = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode).to_image(scale=4, add_quiet_zones=True)
        image.paste(Image.fromarray(np.array(code)).convert("RGB"), (520, 150 + 260 * number))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def arrived(hall: Machines, photo: bytes, *, templates: bool = True) -> Arrival:
    at = hall.server
    door = Door(at.sandbox, at.intake, at.pepper, at.slot, at.templates if templates else ())
    (received,) = receive(door, photo, CLAIM)
    return Arrival.objects.get(pk=received.copy)


@pytest.mark.django_db
def test_what_a_code_says_is_kept_and_its_payload_is_not(hall: Machines) -> None:
    arrival = arrived(hall, sheet("X002P1", "call 0123 456"))
    assert arrival.printed == [["station", "002"]]
    row = [str(getattr(arrival, field.attname)) for field in Arrival._meta.concrete_fields]
    assert not [value for value in row if "X002P1" in value or "0123" in value]


@pytest.mark.django_db
def test_without_a_template_no_code_is_looked_for(hall: Machines) -> None:
    assert arrived(hall, sheet("X002P1"), templates=False).printed == []
    assert printed_kinds([]) == ()
    assert printed_kinds([make_template()]) == ("qr",)


@pytest.mark.django_db
def test_attack_codes_of_strangers_say_nothing(hall: Machines) -> None:
    assert arrived(hall, sheet("see evil.example", "X00P1", "XX002P1")).printed == []


def test_two_codes_that_differ_are_both_kept_for_people_to_see_neither() -> None:
    said = said_by_codes(["X002P1", "X003P1", "X002P1"], [make_template()])
    assert said == (("station", "002"), ("station", "003"))
