"""The publication over HTTP: the right bytes and headers, nothing outside its folder, no Django, no database."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.web.site import MAX_CACHED_BYTES, Files

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    for name, data in {
        "index.html": b"<p>start" * 200,
        "areas/index.html": b"<p>areas",
        "reader.html": b"<p>one file",
        "data/stations.csv": b"station\n001\n",
        "data/stations.parquet": b"PAR1",
        "objects/ab/abcd": b"\xff\xd8\xff\xe0picture",
        "objects/cd/cdef": b"station,area\n<script>alert(1)</script>,x\n",
        "copies/ab/abcd.jpg": b"\xff\xd8\xff\xe0released",
        "record/checkpoint": b"origin\n1\n",
        "record/tile/0/000": b"\0" * 64,
        "record/tile/0/001.p/3": b"\0" * 96,
        "big.bin": os.urandom(MAX_CACHED_BYTES + 10),
        "nulls/Ω area.html": b"<p>name",
        "empty.html": b"",
        "404.html": b'<link href="data:,"><link href="assets/site.css"><a href="#main">x</a><a href="index.html">none',
        "ru/404.html": b'<link href="../assets/site.css"><a href="index.html">net',
    }.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "secret").write_bytes(b"key")
    (site / "link.html").symlink_to(tmp_path / "secret")
    (site / ".hidden").write_bytes(b"hidden")
    os.mkfifo(site / "pipe")
    return site


def ask(files: Files, path: str, method: str = "GET", **headers: str) -> Answer:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": path.encode("utf-8").decode("latin-1"), "REQUEST_METHOD": method}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    told: list[Any] = []
    body = files(environ, lambda status, head, *_: told.extend((status, head)) or io.BytesIO().write)  # type: ignore[func-returns-value]
    data = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    return int(told[0][:3]), dict(told[1]), data


@pytest.fixture
def files(folder: Path) -> Files:
    return Files(folder, public=True)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/areas/", "text/html; charset=utf-8"),
        ("/data/stations.csv", "text/csv; charset=utf-8"),
        ("/data/stations.parquet", "application/vnd.apache.parquet"),
        ("/objects/ab/abcd", "image/jpeg"),
        ("/objects/cd/cdef", "text/plain; charset=utf-8"),
        ("/record/checkpoint", "text/plain; charset=utf-8"),
        ("/record/tile/0/000", "application/octet-stream"),
        ("/nulls/Ω area.html", "text/html; charset=utf-8"),
        ("/empty.html", "text/html; charset=utf-8"),
        ("/big.bin", "application/octet-stream"),
    ],
)
def test_each_file_has_its_bytes_length_and_type(files: Files, folder: Path, path: str, kind: str) -> None:
    status, headers, data = ask(files, path)
    name = path[1:] + ("index.html" if path.endswith("/") else "")
    assert (status, data) == (200, (folder / name).read_bytes())
    assert headers["Content-Type"] == kind
    assert int(headers["Content-Length"]) == len(data)
    assert headers["X-Content-Type-Options"] == "nosniff"
    head = ask(files, path, "HEAD")
    assert head == (200, headers, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/areas/../../secret",
        "//secret",
        "/.hidden",
        "/link.html",
        "/pipe",
        "/areas//index.html",
        "/areas/./index.html",
        "/..\\secret",
        "/index.html\0.csv",
        "/nothing.html",
        "/index.html/more",
        "/" + "a" * 5000,
    ],
)
def test_attack_nothing_outside_the_publication_is_served(files: Files, path: str) -> None:
    status, _, data = ask(files, path)
    assert (status, data) == (404, b"not found\n")


@pytest.mark.parametrize(
    ("path", "up", "says"),
    [
        ("/nothing.html", b"", b"none"),
        ("/areas/nothing.html", b"../", b"none"),
        ("/areas/../../x", b"../../../", b"none"),
        ("/a/b/c/d", b"../../../", b"none"),
        ("//secret", b"../", b"none"),
        ("/ru/nothing.html", b"", b"net"),
        ("/ru/stations/nothing.html", b"../", b"net"),
    ],
)
def test_a_browser_is_told_on_a_page_whose_links_lead_home(files: Files, path: str, up: bytes, says: bytes) -> None:
    status, headers, data = ask(files, path, accept="text/html,*/*;q=0.8")
    assert status == 404
    assert data.endswith(says)
    assert b'<a href="' + up + b'index.html">' in data
    assert b'href="data:,"' in data or says == b"net"
    assert b'href="#main"' in data or says == b"net"
    assert headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert int(headers["Content-Length"]) == len(data)
    assert ask(files, path, "HEAD", accept="text/html")[::2] == (404, b"")
    assert ask(files, path, accept="application/json")[2] == b"not found\n"


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("./\\ab%\0 é~"), max_size=12))
def test_attack_any_path_gives_a_file_of_the_folder_or_nothing(path: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "site/a").mkdir(parents=True)
        (Path(work) / "site/a/b").write_bytes(b"inside")
        (Path(work) / "a").mkdir()
        (Path(work) / "a/b").write_bytes(b"outside")
        (Path(work) / "b").write_bytes(b"outside")
        assert ask(Files(Path(work) / "site", public=True), "/" + path)[2] != b"outside"


def test_a_folder_without_its_slash_leads_to_itself_and_nowhere_else(files: Files) -> None:
    assert ask(files, "/areas")[1]["Location"] == "/areas/"
    assert ask(files, "//areas")[0] == 404


def test_only_reading_is_possible(files: Files) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        status, headers, _ = ask(files, "/", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_an_unchanged_file_is_not_sent_again(files: Files, folder: Path) -> None:
    _, headers, _ = ask(files, "/")
    assert ask(files, "/", if_none_match=headers["ETag"])[0] == 304
    assert ask(files, "/", if_modified_since=headers["Last-Modified"])[0] == 304
    (folder / "index.html").write_bytes(b"<p>other" * 200)
    status, after, data = ask(files, "/", if_none_match=headers["ETag"])
    assert status == 200
    assert data.startswith(b"<p>other")
    assert after["ETag"] != headers["ETag"]


def test_a_folder_that_is_swapped_is_served_at_once(files: Files, folder: Path) -> None:
    assert ask(files, "/empty.html")[2] == b""
    other = folder.with_name("new")
    other.mkdir()
    (other / "index.html").write_bytes(b"<p>new")
    folder.rename(folder.with_name("old"))
    other.rename(folder)
    assert ask(files, "/")[2] == b"<p>new"
    assert ask(files, "/empty.html")[0] == 404


def test_text_is_compressed_for_whoever_takes_it(files: Files, folder: Path) -> None:
    status, headers, data = ask(files, "/", accept_encoding="br, gzip")
    assert (status, headers["Content-Encoding"], headers["Vary"]) == (200, "gzip", "Accept-Encoding")
    assert gzip.decompress(data) == (folder / "index.html").read_bytes()
    assert int(headers["Content-Length"]) == len(data)
    assert "Content-Encoding" not in ask(files, "/objects/ab/abcd", accept_encoding="gzip")[1]


@pytest.mark.parametrize(
    ("asked", "status", "start", "stop"),
    [
        ("bytes=0-3", 206, 0, 4),
        ("bytes=4-", 206, 4, None),
        ("bytes=-5", 206, -5, None),
        ("bytes=0-99999999", 206, 0, None),
        ("bytes=99999999-", 416, 0, 0),
        ("bytes=5-2", 200, 0, None),
        ("bytes=0-1,3-4", 200, 0, None),
        ("lines=0-1", 200, 0, None),
    ],
)
def test_one_range_can_be_asked_for(
    files: Files, folder: Path, asked: str, status: int, start: int, stop: int | None
) -> None:
    whole = (folder / "big.bin").read_bytes()
    found, headers, data = ask(files, "/big.bin", range=asked)
    assert found == status
    if status != 416:
        assert data == whole[start:stop]
        assert int(headers["Content-Length"]) == len(data)
    else:
        assert headers["Content-Range"] == f"bytes */{len(whole)}"


def test_policies_let_pages_run_their_own_script_and_objects_nothing(files: Files) -> None:
    page = ask(files, "/")[1]["Content-Security-Policy"]
    assert "default-src 'none'" in page
    assert "unsafe" not in page
    for path in ("/objects/cd/cdef", "/copies/ab/abcd.jpg", "/record/checkpoint"):
        assert "sandbox" in ask(files, path)[1]["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in ask(files, "/reader.html")[1]["Content-Security-Policy"]


def test_only_what_never_changes_may_be_kept(files: Files) -> None:
    assert "immutable" in ask(files, "/record/tile/0/000")[1]["Cache-Control"]
    assert "immutable" in ask(files, "/objects/ab/abcd")[1]["Cache-Control"]
    for path in ("/", "/record/checkpoint", "/record/tile/0/001.p/3"):
        assert ask(files, path)[1]["Cache-Control"] == "no-cache"


def test_the_addresses_of_django_are_those_that_the_site_leaves_to_it(folder: Path) -> None:
    from counterfoil.web import urls
    from counterfoil.web.wsgi import DYNAMIC

    firsts = {str(getattr(one, "pattern", "")).partition("/")[0] for one in urls.urlpatterns}
    assert firsts == set(DYNAMIC)
