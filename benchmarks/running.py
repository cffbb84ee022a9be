"""`python -m benchmarks.running static|growth [--sizes 600,6000,30000] [--seconds 5]`: a server at work.

* static: pages of a publication per second, from Python's plain file server, nginx (where Debian's is installed) and
  ours, asked by wrk with 16 connections over loopback.
* growth: seconds from a batch that stands in the record to the site that shows it, by a worker that published before,
  and by one that starts anew; and what most of it is.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from counterfoil.record.keys import load_key
from counterfoil.simulate.election import write_election
from counterfoil.workflow.count import count
from counterfoil.workflow.folder import init
from counterfoil.workflow.grow import Grower

PAGES = ("index.html", "data/results_long.csv", "assets/site.css")
NGINX = """
worker_processes 1; pid {work}/nginx.pid; error_log /dev/null crit; daemon off;
events {{ worker_connections 256; }}
http {{ access_log off; types {{ text/html html; text/css css; text/csv csv; }} sendfile on;
  client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c; uwsgi_temp_path {work}/d;
  scgi_temp_path {work}/e;
  server {{ listen 127.0.0.1:{port}; root {site}; }} }}
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.running", description=__doc__)
    parser.add_argument("what", choices=("static", "growth"))
    parser.add_argument("--sizes", default="600,6000,30000")
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="counterfoil-benchmarks-") as work:
        if arguments.what == "static":
            static(Path(work), arguments.seconds)
        else:
            growth(Path(work), [int(size) for size in arguments.sizes.split(",")])


def static(work: Path, seconds: int) -> None:
    """The table of the plain file servers and ours."""
    folder = work / "e"
    init(folder)
    count(folder, folder / "site", now=datetime(2026, 3, 2, tzinfo=UTC))
    work.chmod(0o755)
    print("| server | page | bytes | requests/s | p99 ms |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, command in _servers(work, folder).items():
        port = _free_port()
        with _running(command(port), port):
            for page in PAGES:
                said = subprocess.run(
                    ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}/{page}"],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
                rate = re.search(r"Requests/sec:\s*([\d.]+)", said)
                slow = re.search(r"99%\s*([\d.]+)(us|ms|s)", said)
                assert rate is not None and slow is not None, said
                p99 = float(slow[1]) * {"us": 0.001, "ms": 1, "s": 1000}[slow[2]]
                size = (folder / "site" / page).stat().st_size
                print(f"| {name} | {page} | {size:,} | {float(rate[1]):,.0f} | {p99:.1f} |", flush=True)


def _servers(work: Path, folder: Path) -> dict[str, Callable[[int], list[str]]]:
    """Name -> the command that serves on a port."""
    site = folder / "site"
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")

    def plain(port: int) -> list[str]:
        serve = "from counterfoil.cli.files import make_server, serve_forever; import pathlib, sys; "
        serve += "serve_forever(make_server(pathlib.Path(sys.argv[1]), int(sys.argv[2])))"
        return [sys.executable, "-c", serve, str(site), str(port)]

    def with_nginx(port: int) -> list[str]:
        (work / "nginx.conf").write_text(NGINX.format(work=work, site=site, port=port), "utf-8")
        return [str(nginx), "-c", str(work / "nginx.conf")]

    def ours(port: int) -> list[str]:
        return [sys.executable, "-m", "counterfoil", "web", str(folder), "--port", str(port)]

    found = {"Python's plain file server": plain, "nginx": with_nginx, "counterfoil web": ours}
    return {name: make for name, make in found.items() if name != "nginx" or nginx}


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        time.sleep(1)
        yield
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def growth(work: Path, sizes: Sequence[int]) -> None:
    """From a batch to the site, by the number of stations."""
    print("| stations | entries | files | new in the batch | worker at work, s | files taken over | worker anew, s |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for stations in sizes:
        folder, site = work / f"e{stations}", work / f"s{stations}"
        write_election("mixed", seed=1, to=folder, stations=stations)
        rows = (folder / "transcripts.csv").read_text("utf-8").splitlines(keepends=True)
        cut = len(rows) * 98 // 100
        (folder / "transcripts.csv").write_text("".join(rows[:cut]), "utf-8")
        count(folder, None, now=datetime(2026, 3, 2, 20, tzinfo=UTC))
        grower = Grower(folder, site, lambda text, folder=folder: load_key(folder / "keys").sign_manifest(text))  # type: ignore[misc]
        before = grower.grow()
        (folder / "transcripts.csv").write_text("".join(rows), "utf-8")
        count(folder, None, now=datetime(2026, 3, 2, 20, 10, tzinfo=UTC))
        began = time.perf_counter()
        grown = grower.grow()
        at_work = time.perf_counter() - began
        shutil.rmtree(site)
        began = time.perf_counter()
        Grower(folder, site, grower._sign).grow()
        anew = time.perf_counter() - began
        new = grown.size - before.size
        cells = [f"{n:,}" for n in (stations, grown.size, grown.files, new)]
        print(f"| {' | '.join(cells)} | {at_work:.1f} | {grown.reused:,} | {anew:.1f} |", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    main()
