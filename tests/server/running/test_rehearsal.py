"""`counterfoil serve --rehearsal`: somebody new can log in, read and see the site, minutes after the first command."""

from __future__ import annotations

import http.cookiejar
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from tests.server.running.material import ROOT, WAIT_S, environment, until
from tests.servers.ports import free_port


class Browser:
    """Cookies, forms and nothing else."""

    def __init__(self, port: int) -> None:
        self.base = f"http://localhost:{port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar)

    def open(self, path: str, **form: str) -> tuple[str, str]:
        """(address, text) of what came in the end."""
        data = urllib.parse.urlencode(form).encode() if form else None
        headers = {"Referer": self.base + path, "Origin": self.base}
        request = urllib.request.Request(self.base + path, data, headers)  # noqa: S310 - our own server
        with self._opener.open(request, timeout=WAIT_S) as answer:
            return urllib.parse.urlsplit(answer.url).path, answer.read().decode("utf-8", "replace")


def _token(text: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
    assert found is not None, text[:500]
    return found[1]


def _log_in(port: int, name: str, said: str) -> Browser:
    """A browser logged in by what stands on the terminal."""
    login = re.search(rf"^  {name} +(\S+)   (\d+)", said, re.MULTILINE)
    assert login is not None, said
    browser = Browser(port)
    _, text = browser.open("/account/login/")
    form = {"login": name, "password": login[1], "csrfmiddlewaretoken": _token(text)}
    path, text = browser.open("/account/login/", **form)
    assert path == "/account/login/code/", text
    path, text = browser.open(path, code=login[2], csrfmiddlewaretoken=_token(text))
    assert path in ("/work/", "/organise/"), text
    return browser


def test_a_newcomer_logs_in_reads_and_sees_the_site(tmp_path: Path) -> None:
    port, folder, log = free_port(), tmp_path / "e", tmp_path / "log"
    words = ["serve", str(folder), "--rehearsal", "--stations", "20", "--port", str(port)]
    with log.open("wb") as output:
        serve = subprocess.Popen(
            [sys.executable, "-m", "counterfoil", *words],
            cwd=ROOT,
            env=environment(),
            stdout=output,
            stderr=output,
        )
        try:
            until(lambda: serve.poll() is not None or "\nOpen http" in log.read_text("utf-8"), "expected a rehearsal")
            said = log.read_text("utf-8")
            browser = _log_in(port, "reader", said)
            path, _ = browser.open("/work/next")
            assert path.startswith("/work/task/")
            for public in ("/", "/coverage.html"):
                assert "A simulated election: nothing here is real." in browser.open(public)[1]
            assert "of 20 stations" in browser.open("/")[1]
            told = _log_in(port, "organiser", said).open("/organise/freeze/")[1]
            assert "<strong>Intake open</strong>" in told, told
            assert list((folder / "rehearsal/to-send").glob("*.jpg"))
            serve.terminate()
            assert serve.wait(WAIT_S) == 0
        finally:
            serve.kill()
            serve.wait()
