"""Verifying over the web, against a real server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from counterfoil import workflow
from counterfoil.cli.files import make_server
from counterfoil.cli.web import UnreachableError, WebReader, is_address
from counterfoil.primitives.errors import InputError, RecordError
from tests.cli.conftest import Run
from tests.workflow.folders import NOW, make_folder


def served(server: ThreadingHTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    workflow.count(make_folder(tmp_path / "e"), tmp_path / "site", now=NOW)
    return tmp_path / "site"


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    yield from served(make_server(site, 0))


class _Elsewhere(BaseHTTPRequestHandler):
    """Sends everyone to another host; /broken fails."""

    def do_GET(self) -> None:
        self.send_response(500 if "broken" in self.path else 302)
        self.send_header("Location", "http://127.0.0.2:9/record/checkpoint")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Keep the test's output clean."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    yield from served(ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere))


def test_a_publication_verifies_over_the_web(run: Run, address: str) -> None:
    ran = run("verify", address, "--json")
    assert (ran.code, ran.json["holds"]) == (0, True)
    assert any("can't be listed" in sentence for sentence in ran.json["not_checked"])


def test_a_change_on_the_mirror_is_found(run: Run, site: Path, address: str) -> None:
    page = site / "index.html"
    page.write_bytes(page.read_bytes() + b" ")
    assert run("verify", address).code == 1
    page.unlink()
    assert run("verify", address).code == 1


def test_a_server_that_is_not_there_is_no_finding(run: Run) -> None:
    ran = run("verify", "http://127.0.0.1:9", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (2, "unreachable")


def test_an_address_without_a_publication_can_not_be_read(run: Run, address: str) -> None:
    ran = run("verify", f"{address}/data", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (2, "cannot-read")


def test_a_redirect_to_another_host_is_refused(run: Run, elsewhere: str) -> None:
    ran = run("verify", elsewhere)
    assert ran.code == 2
    assert "127.0.0.2" in ran.err


def test_a_failing_server_is_no_missing_file(elsewhere: str) -> None:
    with pytest.raises(UnreachableError, match="500"):
        WebReader(elsewhere).read("broken")


def test_a_file_larger_than_agreed_is_refused(address: str) -> None:
    with pytest.raises(RecordError, match="at most 10 bytes"):
        WebReader(address, max_file_bytes=10).read("index.html")


def test_a_file_that_is_not_there_is_missing(address: str) -> None:
    with pytest.raises(FileNotFoundError):
        WebReader(address).read("nothing")


@pytest.mark.parametrize("path", ["../keys/log.key", "/etc/passwd", "a//b", "./x"])
def test_no_path_leads_out_of_the_publication(address: str, path: str) -> None:
    with pytest.raises(RecordError, match="relative path"):
        WebReader(address).read(path)


@pytest.mark.parametrize("text", ["http:///x", "https://", "http://host/?a=1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert is_address(text)
    with pytest.raises(InputError):
        WebReader(text)


def test_no_other_scheme_is_read(run: Run) -> None:
    assert run("verify", "file:///etc").code == 2
    assert run("verify", "ftp://host/x").code == 2


def test_the_demo_server_serves_files_to_this_machine_only(address: str, site: Path) -> None:
    assert WebReader(address).read("data/summary.json") == (site / "data" / "summary.json").read_bytes()
    server = make_server(site, 0)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()


def test_a_port_that_is_taken_is_one_sentence_before_anything_is_made(run: Run, address: str, tmp_path: Path) -> None:
    ran = run("demo", "--port", address.rpartition(":")[2], "--out", tmp_path / "demo", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (2, "port-taken")
    assert not (tmp_path / "demo").exists()
