"""`python -m benchmarks.server_load [--readers 200] [--seconds 60] [--processes 2] [--photos 40]`: people at once.

A real server (web processes and worker) on a private PostgreSQL 15, driven over HTTP on this machine, where the clients
take their share of the cores too.

* **readers**: each asks for the next task, looks at its photo, saves a draft, sends the reading, and begins again; a
  person needs half a minute for a page, here they are hurried (`--page-s`). Goal: 95 of 100 answers within 300 ms.
* **photos**: 12-megapixel JPEGs sent one after another by several senders at once, until acknowledged. Goal: 8 a
  second. The limit, decoding at half scale and encoding, is measured in the same run with as many processes.

Prints two Markdown tables.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers.postgres import postgres_server

from benchmarks.evidence import limit_per_s, photo
from counterfoil.workflow.rehearsal_folder import make_rehearsal

STATIONS, COPIES_EACH = 1_000, 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server_load", description=__doc__)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--page-s", type=float, default=10.0, help="seconds that a reader takes for a page")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--photos", type=int, default=40)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="counterfoil-load-") as name, postgres_server() as database:
        folder = Path(name) / "election"
        make_rehearsal(folder, stations=STATIONS, seed=1)
        (folder / "keys").mkdir(mode=0o700)
        (folder / "keys" / "database.password").write_text(database.password, "ascii")
        os.environ["COUNTERFOIL_DATABASE"] = database.url(database.create_database())
        sizes = [str(given.readers), str(COPIES_EACH)]
        made = subprocess.run(
            [sys.executable, "-m", "benchmarks.server_material", str(folder), *sizes],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        seeded = json.loads(made.stdout.splitlines()[-1])
        os.environ["COUNTERFOIL_BATCH_S"] = "600"  # as in earnest; the rehearsal's ten seconds were for the seeding
        with serving(folder, given.processes) as port:
            readers(port, seeded["tokens"], given.seconds, given.page_s)
            photos(port, seeded, given.photos)


@contextmanager
def serving(folder: Path, processes: int) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "counterfoil", "serve", str(folder), "--port", str(port), "--processes", str(processes)]
    server = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + 120
        while time.monotonic() < limit:
            try:
                if ask(http.client.HTTPConnection("localhost", port, timeout=5), "GET", "/healthz")[0] == 200:
                    break
            except OSError:
                time.sleep(0.3)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def ask(
    line: http.client.HTTPConnection, method: str, path: str, token: str = "", body: Any = None, kind: str = ""
) -> tuple[int, bytes]:
    headers = {"Host": "localhost"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None and not kind:
        body, kind = json.dumps(body).encode(), "application/json"
    if kind:
        headers["Content-Type"] = kind
    try:
        line.request(method, path, body=body, headers=headers)
        answer = line.getresponse()
    except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):  # an idle line was closed
        line.close()
        line.request(method, path, body=body, headers=headers)
        answer = line.getresponse()
    return answer.status, answer.read()


def readers(port: int, words: list[str], seconds: int, page_s: float) -> None:
    took: dict[str, list[float]] = defaultdict(list)
    wrong: dict[str, int] = defaultdict(int)
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=_reader, args=(port, word, until, page_s, took, wrong)) for word in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"\n{len(words)} readers, {page_s:g} s a page, {seconds} s, {os.cpu_count()} cores shared with the clients\n")
    print("| answer | number | a second | p50 ms | p95 ms | p99 ms | failed |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    everything = [one for times in took.values() for one in times]
    for what, times in [*took.items(), ("all", everything)]:
        if len(times) < 2:
            continue
        cut = statistics.quantiles(times, n=100)
        failed = sum(wrong.values()) if what == "all" else wrong[what]
        cells = [len(times), f"{len(times) / seconds:.1f}", *(f"{cut[i] * 1000:.0f}" for i in (49, 94, 98)), failed]
        print(f"| {what} | {' | '.join(map(str, cells))} |")


def _reader(
    port: int, word: str, until: float, page_s: float, took: dict[str, list[float]], wrong: dict[str, int]
) -> None:
    line = http.client.HTTPConnection("localhost", port, timeout=60)
    chance = random.Random(word)  # noqa: S311 - when a simulated person acts

    def timed(what: str, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        began = time.perf_counter()
        answer = ask(line, method, path, word, body)
        took[what].append(time.perf_counter() - began)
        wrong[what] += answer[0] >= 400
        return answer

    time.sleep(chance.uniform(0, page_s))
    while time.monotonic() < until:
        status, data = timed("next task", "POST", "/api/v1/tasks/next")
        if status != 200:
            time.sleep(page_s)
            continue
        task = json.loads(data)
        timed("photo", "GET", f"/api/v1/tasks/{task['id']}/picture")
        time.sleep(page_s * chance.uniform(0.4, 0.6))
        timed("autosave", "POST", f"/api/v1/tasks/{task['id']}/draft", {"draft": {"typed": {}}})
        time.sleep(page_s * chance.uniform(0.4, 0.6))
        values = {name: chance.choice((100, 100, 100, 101)) for name in task["fields"]}
        timed("reading", "POST", f"/api/v1/tasks/{task['id']}/reading", {"values": values})


def photos(port: int, seeded: dict[str, Any], number: int) -> None:
    data = photo()
    boundary = uuid.uuid4().hex
    fields = {"station": "", "kind": "other"}
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="p"\r\n'
    body = head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + data + f"\r\n--{boundary}--\r\n".encode()
    print(f"\n12-megapixel JPEGs of {len(data) / 1e6:.1f} MB, acknowledged durably over HTTP\n")
    print("| senders at once | a second | median s | asked to come again | limit a second |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for at_once in (1, 2, 4, 8):
        done: list[float] = []
        later = [0]
        left = list(range(number))
        began = time.perf_counter()
        threads = [
            threading.Thread(target=_sender, args=(port, body, boundary, left, done, later)) for _ in range(at_once)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rate = len(done) / (time.perf_counter() - began)
        limit = limit_per_s(data, number, min(at_once, os.cpu_count() or 1))
        print(f"| {at_once} | {rate:.1f} | {statistics.median(done):.2f} | {later[0]} | {limit:.1f} |", flush=True)


def _sender(port: int, body: bytes, boundary: str, left: list[int], done: list[float], later: list[int]) -> None:
    line = http.client.HTTPConnection("localhost", port, timeout=60)
    kind = f"multipart/form-data; boundary={boundary}"
    while left:
        left.pop()
        began = time.perf_counter()
        while True:
            status, answer = ask(line, "POST", "/api/v1/copies", body=body, kind=kind)
            if status == 201:
                break
            if status != 503:
                raise SystemExit(f"{status}: {answer[:300]!r}")
            later[0] += 1
            time.sleep(0.2)
        done.append(time.perf_counter() - began)


if __name__ == "__main__":
    main()
