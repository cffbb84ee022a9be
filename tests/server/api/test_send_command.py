"""`counterfoil send`: a folder goes to a real server; a run that was cut off goes on; what is refused is named."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from pytest_django.live_server_helper import LiveServer

from counterfoil.bootstrap.server import Server
from counterfoil.cli.app import counterfoil
from counterfoil.storage import tokens
from counterfoil.storage.models import Arrival, Branch


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        out = io.BytesIO()
        Image.effect_noise((700, 900), 60 + number).convert("RGB").save(out, "JPEG")
        (folder / f"{number}.jpg").write_bytes(out.getvalue())
    (folder / "claims.csv").write_text("file,station,contest,page,kind\n0.jpg,001,president,1,wall_copy\n", "utf-8")
    return folder


def run(folder: Path, live_server: LiveServer, *more: str) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(counterfoil, ["send", str(folder), "--to", live_server.url, "--json", *more])
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.django_db(transaction=True)
def test_a_folder_is_sent_once_and_says_what_was_refused(
    live_server: LiveServer, server: Server, photos: Path, tmp_path: Path
) -> None:
    branch = Branch.objects.create(name="Observers", kind="organisation")
    word = tmp_path / "token"
    word.write_text(tokens.make("scanner", branch=branch), "ascii")
    code, said = run(photos, live_server, "--token-file", str(word))
    assert (code, said["sent"]) == (0, 2)
    assert sorted(Arrival.objects.values_list("station", "lane")) == [("", "organisation"), ("001", "organisation")]
    (photos / "2.png").write_bytes(b"no picture at all")
    code, said = run(photos, live_server, "--token-file", str(word))
    assert (code, said["sent"], said["before"]) == (1, 0, 2)
    assert list(said["refused"]) == ["2.png"]  # type: ignore[call-overload]
    assert Arrival.objects.count() == 2


def test_a_claim_about_a_photo_that_is_not_there_is_refused_before_anything_is_sent(photos: Path) -> None:
    (photos / "claims.csv").write_text("file,station\nmissing.jpg,001\n", "utf-8")
    done = CliRunner().invoke(counterfoil, ["send", str(photos), "--to", "http://127.0.0.1:9"])
    assert done.exit_code == 2
    assert "missing.jpg" in done.output + done.stderr
