"""Resumable uploads, spoken with tus-js-client in Node, and the protocol's rules one by one."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django.live_server_helper import LiveServer

from counterfoil.bootstrap.server import Server
from counterfoil.storage import running
from counterfoil.storage.models import Arrival
from counterfoil.web.sending import partials, tmpfs
from counterfoil.web.sending.memory import Nonces, memory
from counterfoil.web.sending.partials import InMemory, InSharedMemory, Partials
from counterfoil.workflow import tus
from counterfoil.workflow.codes import solves
from counterfoil.workflow.sending import PUZZLE_BITS, NotNow
from tests.server.sending.photos import jpeg

HERE = Path(__file__).parent
CLAIM = {"station": "001", "contest": "president", "page": "1", "kind": "wall_copy"}
TUS: dict[str, Any] = {"HTTP_TUS_RESUMABLE": "1.0.0"}
BYTES = "application/offset+octet-stream"


def metadata(**said: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())


def create(length: int, **said: str) -> str:
    answer = Client().post("/send/tus/", HTTP_UPLOAD_LENGTH=str(length), HTTP_UPLOAD_METADATA=metadata(**said), **TUS)
    assert answer.status_code == 201, answer.content
    assert "Upload-Expires" in answer.headers
    return str(answer.headers["Location"])


def patch(where: str, offset: int, data: bytes, **headers: str) -> Any:
    return Client().patch(where, data, content_type=BYTES, HTTP_UPLOAD_OFFSET=str(offset), **{**TUS, **headers})


def head(where: str) -> Any:
    return Client().head(where, **TUS)


def node(port: int, photo: bytes, folder: Path, said: dict[str, str], *, cuts: int = 0, chunk: int = 0) -> Any:
    """What tus-js-client saw."""
    file = folder / "photo"
    file.write_bytes(photo)
    assert (HERE / "node_modules").is_dir(), "npm install --prefix tests/server/sending --no-package-lock"
    command = ["node", str(HERE / "tus_client.cjs"), str(port), str(file), json.dumps(said), str(cuts), str(chunk)]
    done = subprocess.run(command, capture_output=True, timeout=300, check=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.usefixtures("transactional_db")
class TestTusJsClient:
    def test_an_upload_that_is_cut_three_times_goes_on_and_comes_in_once(
        self, live_server: LiveServer, server: Server, tmp_path: Path
    ) -> None:
        photo = jpeg(1, (1200, 1600))
        assert len(photo) > 200_000
        seen = node(live_server.thread.port, photo, tmp_path, {**CLAIM, "receipt": "new"}, cuts=3)
        assert seen["success"], seen
        assert seen["requests"].count("POST") == 1 and seen["requests"].count("HEAD") == 3
        assert seen["headers"]["Counterfoil-Received"] == "1"
        assert len(seen["headers"]["Counterfoil-Receipt"].split()) == 6
        assert (Arrival.objects.get().station, Arrival.objects.get().receipt != "") == ("001", True)

    def test_an_upload_in_small_chunks_comes_in(self, live_server: LiveServer, server: Server, tmp_path: Path) -> None:
        seen = node(live_server.thread.port, jpeg(2), tmp_path, CLAIM, chunk=20_000)
        assert seen["success"] and seen["requests"].count("PATCH") > 3
        assert Arrival.objects.count() == 1

    def test_a_file_that_is_refused_is_an_error_with_its_sentence(
        self, live_server: LiveServer, server: Server, tmp_path: Path
    ) -> None:
        seen = node(live_server.thread.port, b"GIF89a" + bytes(200), tmp_path, CLAIM)
        assert (seen["success"], seen["status"]) == (False, 422)
        assert json.loads(seen["body"])["code"] == "gif"
        assert not Arrival.objects.exists()


def test_head_and_patch_go_on_where_the_upload_stands(server: Server) -> None:
    photo = jpeg(1)
    where = create(len(photo), **CLAIM)
    answer = patch(where, 0, photo[:1000])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "1000")
    standing = head(where)
    assert (standing.status_code, standing.headers["Upload-Offset"]) == (200, "1000")
    assert standing.headers["Upload-Length"] == str(len(photo))
    assert "no-store" in standing.headers["Cache-Control"]
    assert patch(where, 1000, photo[1000:]).headers["Counterfoil-Received"] == "1"
    assert Arrival.objects.count() == 1


def test_an_answer_that_was_lost_is_asked_for_again_and_the_photo_is_not_taken_twice(server: Server) -> None:
    photo = jpeg(1)
    where = create(len(photo), **CLAIM, receipt="new")
    words = patch(where, 0, photo).headers["Counterfoil-Receipt"]
    standing = head(where)
    assert standing.headers["Upload-Offset"] == str(len(photo))
    assert standing.headers["Counterfoil-Receipt"] == words
    assert Arrival.objects.count() == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"HTTP_TUS_RESUMABLE": "0.2.2", "HTTP_UPLOAD_LENGTH": "5"}, 412),
        ({"HTTP_UPLOAD_LENGTH": "5"}, 412),
        ({**TUS}, 400),
        ({**TUS, "HTTP_UPLOAD_LENGTH": "-5"}, 400),
        ({**TUS, "HTTP_UPLOAD_LENGTH": "1e3"}, 400),
        ({**TUS, "HTTP_UPLOAD_LENGTH": "25000001"}, 413),
        ({**TUS, "HTTP_UPLOAD_LENGTH": "5", "HTTP_UPLOAD_METADATA": "station !!"}, 400),
        ({**TUS, "HTTP_UPLOAD_LENGTH": "5", "HTTP_UPLOAD_METADATA": "a YQ==,a YQ=="}, 400),
    ],
)
def test_a_creation_against_the_protocol_is_refused(server: Server, headers: dict[str, str], status: int) -> None:
    answer = Client().post("/send/tus/", **headers)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert answer.headers["Tus-Resumable"] == "1.0.0"


def test_a_patch_against_the_protocol_changes_nothing(server: Server) -> None:
    where = create(10, **CLAIM)
    assert patch(where, 0, b"12345").status_code == 204
    assert patch(where, 3, b"x").status_code == 409
    assert Client().patch(where, b"x", content_type="text/plain", HTTP_UPLOAD_OFFSET="5", **TUS).status_code == 415
    assert patch(where, 5, b"x", HTTP_TUS_RESUMABLE="2.0.0").status_code == 412
    assert head(where).headers["Upload-Offset"] == "5"
    assert head("/send/tus/" + "0" * 32).status_code == 404
    assert head("/send/tus/..%2f..%2fetc").status_code == 404


def test_options_says_what_is_spoken_and_an_override_stands_for_the_method(server: Server) -> None:
    answer = Client().options("/send/tus/")
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0" and "creation" in answer.headers["Tus-Extension"]
    where = create(10, **CLAIM)
    sent = Client().post(
        where, b"123", content_type=BYTES, HTTP_UPLOAD_OFFSET="0", HTTP_X_HTTP_METHOD_OVERRIDE="PATCH", **TUS
    )
    assert (sent.status_code, sent.headers.get("Upload-Offset")) == (204, "3"), sent.content
    assert Client().delete(where, **TUS).status_code == 204
    assert head(where).status_code == 404


def test_where_there_is_no_room_the_last_byte_is_not_received_and_can_be_sent_again(server: Server) -> None:
    kept = memory(server.settings)
    photo = jpeg(1)
    where = create(len(photo), **CLAIM)
    kept.strangers.resize(1)
    kept.strangers.take("budget", "")
    refused = patch(where, 0, photo)
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
    assert head(where).headers["Upload-Offset"] == str(len(photo) - 1)
    memory(server.settings).strangers.__init__(300)  # type: ignore[misc]
    assert patch(where, len(photo) - 1, photo[-1:]).status_code == 204
    assert Arrival.objects.count() == 1


def test_under_flood_work_buys_a_place_once(server: Server) -> None:
    running.put("flood", True, None)
    running.put("strangers_per_minute", 10, None)
    memory(server.settings).idle.resize(1)
    memory(server.settings).idle.take("flood", "")
    photo = jpeg(1)
    refused = patch(create(len(photo), **CLAIM), 0, photo)
    assert refused.status_code == 503
    puzzle, bits = refused.headers["Counterfoil-Puzzle"].split()
    assert int(bits) == PUZZLE_BITS
    number = next(n for n in itertools.count() if solves(puzzle, str(n), PUZZLE_BITS))
    for work, status in ((f"{puzzle}:{number + 1}", 503), (f"{puzzle}:{number}", 204), (f"{puzzle}:{number}", 503)):
        assert patch(create(len(photo), **CLAIM, work=work), 0, photo).status_code == status
    assert Arrival.objects.count() == 1


def test_a_token_is_used_once_over_all_processes(server: Server) -> None:
    folder = tmpfs.shared_folder(server.settings, "nonces")
    assert folder is not None
    one, other = Nonces(folder), Nonces(folder)
    assert one.use("a" * 32, 10**12) and not other.use("a" * 32, 10**12)
    one.give_back("a" * 32, 10**12)
    assert other.use("a" * 32, 10**12)


@pytest.fixture(params=["memory", "shared memory"])
def lying(request: pytest.FixtureRequest, server: Server) -> Partials:
    if request.param == "memory":
        return InMemory()
    folder = tmpfs.shared_folder(server.settings, f"test-{id(request)}")
    assert folder is not None and tmpfs.is_tmpfs(folder)
    return InSharedMemory(folder)


def test_partial_uploads_are_capped_and_end_after_half_an_hour(
    lying: Partials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partials, "MAX_BYTES", 100)
    key, expires = lying.create(90, {})
    with pytest.raises(NotNow):
        lying.create(20, {})
    monkeypatch.setattr("time.time", lambda: expires + 1)
    with lying.opened(key) as found:
        assert found is None
    lying.create(90, {})


def test_an_upload_is_worked_on_by_one_request_at_a_time(lying: Partials) -> None:
    key, _ = lying.create(10, {})
    with lying.opened(key) as found:
        found.data += b"12345"
        with pytest.raises(partials.Busy), lying.opened(key):
            pass
    with lying.opened(key) as found:
        assert bytes(found.data) == b"12345"
        del found.data[-1]
    with lying.opened(key) as found:
        assert bytes(found.data) == b"1234"
        found.outcome = {"receipt": ""}
        found.data = bytearray()
    with lying.opened(key) as found:
        assert (found.offset, found.outcome) == (10, {"receipt": ""})


def test_a_folder_on_a_disk_is_not_taken_for_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not tmpfs.is_tmpfs(Path("/usr"))
    monkeypatch.setattr(tmpfs, "TMPFS_MAGIC", 1)
    assert not tmpfs.is_tmpfs(tmpfs._CANDIDATES[0])


def test_what_a_server_that_was_killed_left_is_gone_when_the_next_one_starts(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmpfs.shared_folder(server.settings, "uploads")
    assert folder is not None
    (folder / "left").mkdir()
    tmpfs.release(folder.parent)
    again = tmpfs.shared_folder(server.settings, "uploads")
    assert again == folder and not (folder / "left").exists()


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z0-9_-]{1,12}", fullmatch=True), st.text(max_size=20), max_size=6))
def test_metadata_reads_back_what_was_said(said: dict[str, str]) -> None:
    assert tus.read_metadata(metadata(**said)) == said


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_metadata_of_any_kind_is_read_or_refused(text: str) -> None:
    try:
        tus.read_metadata(text)
    except tus.ProtocolError as error:
        assert error.status == 400
