"""One person of a rehearsal before the API: a token, and answers as they come. Knows nothing of the server's inside."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NO_ANSWER = 0
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: no answer came. `retry_after_s`: when to come again, None if it does not say."""

    status: int
    body: bytes = b""
    retry_after_s: float | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def impolite(self) -> bool:
        """A fault of the server, or "not now" without saying when."""
        return self.status == NO_ANSWER or ((self.status >= 500 or self.status == 429) and not self.later)

    @property
    def later(self) -> bool:
        """The same is welcome later, and it says when."""
        return self.status in (429, 503) and self.retry_after_s is not None


class Client:
    """A connection for each call: threads share it."""

    def __init__(self, port: int, token: str = "") -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, b"", {})

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """POST to the API."""
        return self._ask(
            "POST", f"/api/v1/{path}", json.dumps(body or {}).encode(), {"Content-Type": "application/json"}
        )

    def must(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST where only success is expected.

        Raises:
            RuntimeError: another answer.
        """
        return _expected(path, self.call(path, body))

    def upload(self, path: str, fields: Mapping[str, str], file: str, data: bytes) -> Answer:
        """A form with one file."""
        edge = uuid.uuid4().hex
        head = f"--{edge}\r\nContent-Disposition: form-data; name="
        parts = [f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
        parts.append(f'{head}"{file}"; filename="file"\r\nContent-Type: application/octet-stream\r\n\r\n')
        body = "".join(parts).encode() + data + f"\r\n--{edge}--\r\n".encode()
        return self._ask("POST", f"/api/v1/{path}", body, {"Content-Type": f"multipart/form-data; boundary={edge}"})

    def must_upload(self, path: str, fields: Mapping[str, str], file: str, data: bytes) -> Any:
        """As `must`, of a form with a file."""
        return _expected(path, self.upload(path, fields, file, data))

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body, {**self._headers, **headers})
            answer = connection.getresponse()
            again = answer.getheader("Retry-After")
            return Answer(answer.status, answer.read(), float(again) if again and again.isdecimal() else None)
        except (OSError, http.client.HTTPException):
            return Answer(NO_ANSWER)
        finally:
            connection.close()


def _expected(path: str, answer: Answer) -> Any:
    if answer.status not in (200, 201, 202, 204):
        said = answer.body[:400].decode("utf-8", "replace")
        raise RuntimeError(f"{path}: expected success, found {answer.status}: {said}")
    return answer.json if answer.body else None
