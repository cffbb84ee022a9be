"""Reading a publication over the web, as `verify` needs it: a file at a time, from one host, of bounded size.

* Only http and https; a redirect to another host is refused, so that what is verified is what was named.
* A file larger than `MAX_FILE_BYTES` is refused before it is read into memory.
* What the server does not have is a missing file (a finding); a server that can't be reached is not.
"""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from typing import IO

from counterfoil.primitives.errors import CounterfoilError, InputError, RecordError

MAX_FILE_BYTES = 4_000_000_000
TIMEOUT_S = 60


def is_address(text: str) -> bool:
    """Whether this names a publication on the web rather than a folder."""
    return text.startswith(("http://", "https://"))


class UnreachableError(CounterfoilError):
    """The server fails or sends us elsewhere: that says nothing about the publication, so it is no finding."""

    def __init__(self, address: str, found: str, do: str = "try again, or name a mirror") -> None:
        super().__init__(f"{address}: expected a file of the publication, found {found}; {do}.", code="unreachable")


class WebReader:
    """The files below an address; can't list them."""

    def __init__(self, address: str, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise InputError(
                "the address", expected="http:// or https:// and the publication's place", found=repr(address[:200])
            )
        self.base = address.rstrip("/") + "/"
        self._max = max_file_bytes
        self._opener = urllib.request.build_opener(_SameHost(parts.scheme, parts.netloc))

    def names(self) -> None:
        """The web does not list folders."""

    def read(self, path: str) -> bytes:
        """All bytes of a file.

        Raises:
            FileNotFoundError: the server says that there is none.
            UnreachableError: the server can't be reached, fails, or sends us to another host.
            RecordError: a path with `..`, or too large a file.
        """
        if any(part in ("", ".", "..") for part in path.split("/")):
            raise RecordError(f"expected a relative path without .., found {path[:200]!r}", code="bad-path")
        address = self.base + urllib.parse.quote(path)
        request = urllib.request.Request(address, headers={"Accept-Encoding": "identity"})  # noqa: S310 - scheme checked
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return self._limited(answer, path)
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                raise FileNotFoundError(f"{path}: no such file") from None
            raise UnreachableError(address, f"the answer {error.code}") from None
        except (OSError, HTTPException) as error:
            raise UnreachableError(address, str(getattr(error, "reason", error)) or type(error).__name__) from None

    def _limited(self, answer: IO[bytes], path: str) -> bytes:
        data = answer.read(self._max + 1)
        if len(data) > self._max:
            raise RecordError(f"{path}: expected at most {self._max} bytes, found more", code="too-large")
        return data


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects on the same host, and from http to https there."""

    def __init__(self, scheme: str, host: str) -> None:
        self.scheme, self.host = scheme, host

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> urllib.request.Request | None:
        to = urllib.parse.urlsplit(newurl)
        if to.netloc != self.host or to.scheme not in {self.scheme, "https"}:
            raise UnreachableError(req.full_url, f"a redirect to {newurl[:200]}", "name that address if you trust it")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
