"""The API for senders and for whoever wants to look something up."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from counterfoil.bootstrap.server import Server
from counterfoil.storage import tokens
from counterfoil.storage.models import Arrival, Branch
from tests.server.conftest import Person

HEADER = "HTTP_AUTHORIZATION"


@pytest.fixture
def photo() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((900, 700), 80).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def send(client: Client, photo: bytes, token: str = "", **claim: object) -> tuple[int, dict[str, object]]:
    more = {HEADER: f"Bearer {token}"} if token else {}
    data = {"photo": SimpleUploadedFile("x.jpg", photo), **claim}
    answer = client.post("/api/v1/copies", data, **more)  # type: ignore[arg-type]
    return answer.status_code, answer.json()


def test_the_election_and_its_stations_can_be_looked_up_by_anybody(server: Server, client: Client) -> None:
    assert client.get("/api/v1/election").json()["definition"]["id"] == "example-2026"
    areas = client.get("/api/v1/areas").json()
    assert areas["areas"]
    found = client.get("/api/v1/stations", {"q": "001"}).json()
    assert [one["id"] for one in found] == ["001"]
    assert client.get("/api/v1/stations/001").json()["id"] == "001"
    missing = client.get("/api/v1/stations/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "bad-input")


def test_a_photo_is_acknowledged_once_it_is_durable(server: Server, client: Client, photo: bytes) -> None:
    status, answer = send(client, photo, station="001", contest="president", kind="wall_copy", receipt="true")
    assert status == 201, answer
    assert len(str(answer["receipt"]).split()) == 6
    arrival = Arrival.objects.get()
    assert (arrival.lane, arrival.station) == ("stranger", "001")
    assert server.intake.get(arrival.picture)


def test_a_branch_s_token_sends_as_its_organisation(server: Server, client: Client, photo: bytes) -> None:
    branch = Branch.objects.create(name="Observers", kind="organisation")
    token = tokens.make("scanner", branch=branch)
    assert send(client, photo, token, station="001", contest="president", kind="agents_copy")[0] == 201
    assert Arrival.objects.get().lane == "organisation"
    Branch.objects.update(revoked=True)
    status, answer = send(client, photo, token, station="001", contest="president", kind="agents_copy")
    assert (status, answer["code"]) == (401, "no-token")


def test_what_is_no_photo_is_refused_in_one_sentence(server: Server, client: Client) -> None:
    status, answer = send(client, b"GIF89a" + b"\0" * 100, station="001", contest="president", kind="wall_copy")
    assert (status, answer["code"]) == (422, "gif")


def test_a_wrong_token_is_refused_even_where_none_is_needed(server: Server, client: Client) -> None:
    answer = client.get("/api/v1/election", **{HEADER: "Bearer counterfoil_wrong"})  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (401, "no-token")


def test_a_cookie_means_nothing_to_the_api(server: Server, person: Person, as_person: object) -> None:
    client = as_person(person("organiser"))  # type: ignore[operator]
    assert client.get("/api/v1/me").status_code == 401


def test_a_token_ends_with_its_account(server: Server, person: Person) -> None:
    account = person("reader")
    token = tokens.make("script", account=account)
    assert tokens.find(token) is not None
    account.is_active = False
    account.save()
    assert tokens.find(token) is None
