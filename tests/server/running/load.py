"""Senders who send photos one after the other over HTTP, and remember what was acknowledged."""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from collections import Counter

from tests.server.running.material import photo

STATIONS = ("001", "002", "003")


class Load:
    """Threads that send to a server of the example election until they are stopped."""

    def __init__(self, port: int, senders: int = 3) -> None:
        self._port, self._stopping = port, threading.Event()
        self.acknowledged: list[str] = []
        self.answers: Counter[int] = Counter()
        """By status; 0: the connection broke."""
        self._numbers = iter(range(10_000_000))
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(senders)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def _send(self) -> None:
        while not self._stopping.is_set():
            number = next(self._numbers)
            try:
                status, body = send(self._port, photo(number % 40), STATIONS[number % 3])
            except (OSError, http.client.HTTPException):
                self.answers[0] += 1
                self._stopping.wait(0.1)
                continue
            self.answers[status] += 1
            if status == 201:
                self.acknowledged += [one["copy_id"] for one in json.loads(body)["copies"]]
            else:
                self._stopping.wait(0.1)


def send(port: int, data: bytes, station: str) -> tuple[int, bytes]:
    """One photo by the API: (status, body)."""
    edge = uuid.uuid4().hex
    fields = {"station": station, "contest": "president", "page": "1", "kind": "wall_copy"}
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{edge}\r\nContent-Disposition: form-data; name="photo"; filename="x"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = b"".join([*parts, head.encode(), data, f"\r\n--{edge}--\r\n".encode()])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/api/v1/copies", body, {"Content-Type": f"multipart/form-data; boundary={edge}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
