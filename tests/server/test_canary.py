"""A real server, asked and sent photos with planted marks by a stranger; then everything that lies on a disk is
searched: database with its journal, pictures, record, publication, temporary files, what the terminal and `ps` show."""

from __future__ import annotations

import http.client
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from counterfoil.workflow.folder import init
from tests.server.sending.photos import drawn
from tests.servers.ports import free_port

MARKS = (
    b"CanaryPhone", b"canaryowner", b"canaryname", b"canarytongue", b"canaryplace", b"canarycookie", b"canarycomment",
    b"203.0.113.77", b"2026:03:01 20:14:09",
)  # fmt: skip
HEADERS = {
    "User-Agent": "CanaryPhone/11.7",
    "Sec-CH-UA-Model": "CanaryPhone",
    "X-Forwarded-For": "203.0.113.77",
    "X-Real-IP": "203.0.113.77",
    "Forwarded": "for=203.0.113.77",
    "Accept-Language": "en, x-canarytongue;q=0.2",
    "Cookie": "tracker=canarycookie",
    "Referer": "http://localhost/canaryplace?canaryplace",
}
START_S = 180
_MAKE, _OWNER, _WHEN = 0x010F, 0xA430, 0x9003


def photo() -> bytes:
    """A photo as a phone makes it."""
    exif = Image.Exif()
    exif[_MAKE] = "CanaryPhone"
    exif.get_ifd(0x8769).update({_OWNER: "canaryowner", _WHEN: "2026:03:01 20:14:09"})
    out = io.BytesIO()
    drawn(7).save(out, "JPEG", quality=90, exif=exif, comment=b"canarycomment")
    return out.getvalue()


class Running:
    """`counterfoil serve` on a folder."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COUNTERFOIL_", "DJANGO_"))}
        environment = kept | {"COUNTERFOIL_REHEARSAL": "true", "COUNTERFOIL_BATCH_S": "10", "TMPDIR": str(temporary)}
        self.terminal = (temporary.parent / "terminal").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "counterfoil", "serve", str(folder), "--port", str(self.port)],
            env=environment,
            stdout=self.terminal,
            stderr=subprocess.STDOUT,
        )

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {**HEADERS, "Host": f"localhost:{self.port}", **({"Content-Type": kind} if kind else {})}
            connection.request(method, path, body=body or None, headers=headers)
            answer = connection.getresponse()
            assert answer.getheader("Set-Cookie") is None or not path.startswith("/send")
            return answer.status, answer.read()
        finally:
            connection.close()

    def wait(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            try:
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"the server did not start: {Path(self.terminal.name).read_text('utf-8')}")

    def visible(self) -> bytes:
        """What other users of the machine may see of the processes."""
        family = {str(self.process.pid)}
        seen = b""
        for _ in range(3):  # the server, its halves, their workers
            for stat in Path("/proc").glob("[0-9]*/stat"):
                try:
                    if stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1] in family:
                        family.add(stat.parent.name)
                except OSError:  # it ended meanwhile
                    continue
        for pid in family:
            seen += Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/comm").read_bytes()
        assert len(family) >= 3
        return seen

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.terminal.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canary")


@pytest.fixture(scope="module")
def running(place: Path) -> Iterator[Running]:
    folder, temporary = place / "election", place / "temporary"
    temporary.mkdir()
    init(folder)
    found = Running(folder, temporary)
    try:
        found.wait()
        yield found
    finally:
        if found.process.poll() is None:
            found.stop()


def _multipart(fields: dict[str, str], photo: bytes) -> tuple[bytes, str]:
    edge = "canary0edge"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts.append(
        f'--{edge}\r\nContent-Disposition: form-data; name="photo-1"; filename="canaryname.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode()
        + photo
        + b"\r\n"
    )
    return b"".join(parts) + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


def test_attack_by_a_path_that_leads_out_of_the_site(running: Running, place: Path) -> None:
    key = next((place / "election" / "keys").iterdir())
    secret = key.read_bytes().strip()
    for way in (
        "/../keys/{}", "/static/../../../keys/{}", "/%2e%2e/keys/{}", "/..%2fkeys/{}", "/static/%2e%2e/%2e%2e/keys/{}",
        "//keys/{}", "/./../keys/{}", "/keys/{}", "/..;/keys/{}", "/static//../keys/{}", "/\\..\\keys\\{}",
        "/server/work.sqlite3", "/election.yaml", "/server.toml",
    ):  # fmt: skip
        status, body = running.ask("GET", way.format(key.name).replace("\\", "%5c"))
        assert status in (400, 404), way
        assert secret not in body


def test_canary_a_real_server_keeps_nothing_of_a_sender(running: Running, place: Path) -> None:
    sent = 0
    for _ in range(2):
        status, page = running.ask("GET", "/send/to/001/")
        assert status == 200
        token = re.search(rb'name="token" value="([^"]+)"', page)
        assert token
        fields = {"kind": "wall_copy", "contest": "president", "token": token[1].decode(), "receipt": "on"}
        status, page = running.ask("POST", "/send/to/001/", *_multipart(fields, photo()))
        assert status == 200, page
        sent += page.count(b"Received")
    assert sent >= 2
    for path in (
        "/", "/send/", "/send/?q=canaryplace", "/send/nowhere/canaryplace", "/account/login/", "/static/../canaryplace",
        "/nowhere/canaryplace", "/api/v1/election", "/account/invitation/canaryplace", "/send/to/canaryplace/",
    ):  # fmt: skip
        assert running.ask("GET", path)[0] < 500, path
    running.ask("POST", "/account/login/", b"login=canaryname&password=canaryname", "application/x-www-form-urlencoded")
    running.ask("POST", "/send/to/001/", *_multipart({"token": "canaryname"}, b"canarycomment"))
    seen = running.visible()
    alive = _found(place)
    running.stop()
    found = alive + _found(place) + [("processes", mark) for mark in MARKS if mark in seen]
    assert found == []
    assert (place / "election" / "server" / "work.sqlite3").stat().st_size > 0


def _found(folder: Path) -> list[tuple[str, bytes]]:
    found = []
    for path in (Path(place, name) for place, _, names in os.walk(folder) for name in names):
        try:
            data = path.read_bytes() + str(path).encode()
        except FileNotFoundError:  # the server renames as it publishes; what it became is read once it has stopped
            continue
        found += [(str(path), mark) for mark in MARKS if mark in data]
    return found
