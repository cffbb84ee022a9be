"""The publication and the pages' own files, served at the speed of files: no Django, no database, no log.

* What is served is a folder that is replaced as a whole by one rename: whoever reads finds the old file or the new one.
* A path is refused before the disk is touched if a part of it is empty, starts with a dot, or holds a separator or NUL;
  a name that is a link is never followed.
* GET and HEAD only. A file carries a validator (size, time and number of the file), so that a phone asks for
  unchanged pages for nothing; one range can be asked for.
* Text is sent compressed to whoever takes it. Nothing here is secret, so its length may be known.
* Where there is no file a browser gets the publication's own page that says so (404.html, in the language of the folder
  asked for), its links made to fit the address asked for; a program gets two words.
* The type comes from the ending; objects have none and come from strangers: they get a fixed type and a policy that
  runs nothing.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import IO
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import FileWrapper

TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PLAIN = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
_COMPRESSED = ("text/", "application/json", "image/svg+xml", "application/manifest+json")
_JPEG = b"\xff\xd8\xff"
MAX_CACHED_BYTES = 1_000_000
"""A larger file goes from the disk to the socket."""
CACHE_BYTES = 32_000_000
_LEAST_COMPRESSED = 600
_NOT_OURS = (b"objects/", b"copies/", b"record/")
"""What strangers and tables are in: opened by itself it runs nothing."""
_MISSING = b"404.html"
_LINK = re.compile(rb'((?:href|src)=")(?!#|[a-z]+:)')
"""Where a link of one of our pages begins that is relative to the page."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the publication's pages need; each page repeats the stricter part of it for USB sticks and mirrors."""
POLICY_OF_READER = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""`reader.html` holds everything inline and names its own parts by hash, in its own policy."""
POLICY_OF_OBJECTS = "default-src 'none'; sandbox; frame-ancestors 'none'"
POLICY_OF_SCRIPTS = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The pages' own files; a service worker may ask what its policy lets it."""


class Files:
    """A WSGI application over `folder`.

    Args:
        folder: looked up afresh for each request, so that it may be replaced as a whole.
        headers: sent with everything.
        public: whether this is the publication (its policies, its objects), not the pages' own files.
    """

    def __init__(self, folder: Path, headers: Iterable[tuple[str, str]] = (), *, public: bool) -> None:
        self._folder, self._public = os.fsencode(folder), public
        self._headers = [
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "cross-origin" if public else "same-origin"),
            *headers,
        ]
        self._cache = _Cache()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            return self._say("405 Method Not Allowed", start_response, method, ("Allow", "GET, HEAD"))
        name = _name_of(environ.get("PATH_INFO", "/"))
        found = self._open(name) if name is not None else None
        if name is None or found is None:
            return self._missing(environ, start_response)
        if isinstance(found, str):
            to = quote(environ["PATH_INFO"].encode("latin-1")) + "/"
            return self._say("301 Moved Permanently", start_response, method, ("Location", to))
        return self._send(environ, start_response, name, found)

    def _open(self, name: bytes) -> IO[bytes] | str | None:
        """The file; "folder" if it is one; None if there is none that may be served."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe must not block
        try:
            handle = os.open(self._folder + b"/" + name, flags)
        except (OSError, ValueError):
            return None
        mode = os.fstat(handle).st_mode
        if stat.S_ISREG(mode):
            return os.fdopen(handle, "rb")
        os.close(handle)
        return "folder" if stat.S_ISDIR(mode) else None

    def _send(
        self, environ: WSGIEnvironment, start_response: StartResponse, name: bytes, file: IO[bytes]
    ) -> Iterable[bytes]:
        found = os.fstat(file.fileno())
        tag = f'"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"'
        kind = self._kind(name, file)
        headers = [*self._headers, *self._policy(name), ("ETag", tag), ("Cache-Control", _caching(name))]
        if tag in environ.get("HTTP_IF_NONE_MATCH", "") or (
            "HTTP_IF_NONE_MATCH" not in environ and environ.get("HTTP_IF_MODIFIED_SINCE", "") == _date(found.st_mtime)
        ):
            file.close()
            start_response("304 Not Modified", headers)
            return []
        headers += [("Last-Modified", _date(found.st_mtime)), ("Content-Type", kind), ("Accept-Ranges", "bytes")]
        head = environ["REQUEST_METHOD"] == "HEAD"
        asked = environ.get("HTTP_RANGE") if environ.get("HTTP_IF_RANGE", tag) == tag else None
        part = _part(asked, found.st_size)
        if part is not None:
            return _send_part(start_response, headers, file, part, found.st_size, head=head)
        if found.st_size > MAX_CACHED_BYTES:
            start_response("200 OK", [*headers, ("Content-Length", str(found.st_size))])
            if head:
                file.close()
                return []
            wrapper = environ.get("wsgi.file_wrapper", FileWrapper)
            return wrapper(file, 65_536)  # type: ignore[no-any-return]
        with file:
            data, packed = self._cache.read(name, tag, file, packable=kind.startswith(_COMPRESSED))
        if kind.startswith(_COMPRESSED):
            headers.append(("Vary", "Accept-Encoding"))
        if packed is not None and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            data = packed
            headers.append(("Content-Encoding", "gzip"))
        start_response("200 OK", [*headers, ("Content-Length", str(len(data)))])
        return [] if head else [data]

    def _kind(self, name: bytes, file: IO[bytes]) -> str:
        if self._public and name.startswith(b"objects/"):
            start = file.read(len(_JPEG))
            file.seek(0)
            return "image/jpeg" if start == _JPEG else PLAIN
        if self._public and name.startswith(b"record/"):
            return BYTES if name.startswith(b"record/tile/") else PLAIN
        return TYPES.get(os.path.splitext(os.fsdecode(name))[1], BYTES)  # noqa: PTH122 - a thousand times a second

    def _policy(self, name: bytes) -> list[tuple[str, str]]:
        if not self._public:
            return [("Content-Security-Policy", POLICY_OF_SCRIPTS)]
        if name.startswith(_NOT_OURS):
            return [("Content-Security-Policy", POLICY_OF_OBJECTS)]
        reader = name.rpartition(b"/")[2] == b"reader.html"
        return [("Content-Security-Policy", POLICY_OF_READER if reader else POLICY)]

    def _missing(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """404, as a page for whoever wants one."""
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
        wanted = self._public and "text/html" in environ.get("HTTP_ACCEPT", "")
        data = self._page_for(path.encode("latin-1", "replace")) if wanted else None
        if data is None:
            return self._say("404 Not Found", start_response, method)
        headers = [
            *self._headers,
            ("Content-Security-Policy", POLICY),
            ("Cache-Control", "no-cache"),
            ("Vary", "Accept"),
        ]
        headers += [("Content-Type", TYPES[".html"]), ("Content-Length", str(len(data)))]
        start_response("404 Not Found", headers)
        return [] if method == "HEAD" else [data]

    def _page_for(self, path: bytes) -> bytes | None:
        """`404.html` of the language's folder or of the top, as seen from `path`; None: there is none."""
        folders = path.split(b"/")[1:-1]
        for place in ([folders[0] + b"/"] if folders else []) + [b""]:
            name = _name_of("/" + (place + _MISSING).decode("latin-1"))
            found = self._open(name) if name is not None else None
            if found is None or isinstance(found, str):
                continue
            with found:
                data = found.read(MAX_CACHED_BYTES)
            return _LINK.sub(rb"\1" + b"../" * (len(folders) - place.count(b"/")), data)
        return None

    def _say(
        self, status: str, start_response: StartResponse, method: str, *headers: tuple[str, str]
    ) -> Iterable[bytes]:
        text = status[4:].lower().encode() + b"\n"
        start_response(status, [*self._headers, *headers, ("Content-Type", PLAIN), ("Content-Length", str(len(text)))])
        return [] if method == "HEAD" else [text]


class _Cache:
    """Small files as they were last read, the least used dropped first; a file that was replaced has another tag."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: OrderedDict[bytes, tuple[str, bytes, bytes | None]] = OrderedDict()
        self._bytes = 0

    def read(self, name: bytes, tag: str, file: IO[bytes], *, packable: bool) -> tuple[bytes, bytes | None]:
        """The bytes, and the compressed bytes where that is worth it."""
        with self._lock:
            kept = self._files.get(name)
            if kept is not None and kept[0] == tag:
                self._files.move_to_end(name)
                return kept[1], kept[2]
        data = file.read()
        packed = gzip.compress(data, 6, mtime=0) if packable and len(data) >= _LEAST_COMPRESSED else None
        with self._lock:
            self._drop(self._files.pop(name, None))
            self._files[name] = (tag, data, packed)
            self._bytes += len(data) + len(packed or b"")
            while self._bytes > CACHE_BYTES:
                self._drop(self._files.popitem(last=False)[1])
        return data, packed

    def _drop(self, dropped: tuple[str, bytes, bytes | None] | None) -> None:
        if dropped is not None:
            self._bytes -= len(dropped[1]) + len(dropped[2] or b"")


def _name_of(path: str) -> bytes | None:
    """The file's name below the folder, or None if nothing of that name is served. WSGI gives bytes as Latin-1."""
    name = path.encode("latin-1", "replace").removeprefix(b"/")
    if not name or name.endswith(b"/"):
        name += b"index.html"
    for part in name.split(b"/"):
        if not part or part.startswith(b".") or b"\0" in part or b"\\" in part:
            return None
    return name


def _caching(name: bytes) -> str:
    """What is named by its hash, and full tiles of the log, never change."""
    fixed = name.startswith((b"objects/", b"copies/")) or (name.startswith(b"record/tile/") and b".p/" not in name)
    return "public, max-age=31536000, immutable" if fixed else "no-cache"


def _date(seconds: float) -> str:
    return formatdate(int(seconds), usegmt=True)


def _part(asked: str | None, size: int) -> range | None:
    """The bytes of a single range, empty if there are none; None: send everything."""
    match = _RANGE.fullmatch(asked.strip()) if asked else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)


def _send_part(
    start_response: StartResponse,
    headers: list[tuple[str, str]],
    file: IO[bytes],
    part: range,
    size: int,
    *,
    head: bool,
) -> Iterable[bytes]:
    if not part:
        file.close()
        start_response(
            "416 Range Not Satisfiable", [*headers, ("Content-Range", f"bytes */{size}"), ("Content-Length", "0")]
        )
        return []
    where = f"bytes {part.start}-{part.stop - 1}/{size}"
    start_response("206 Partial Content", [*headers, ("Content-Range", where), ("Content-Length", str(len(part)))])
    if head:
        file.close()
        return []
    return _Part(file, part)


class _Part:
    """Some bytes of a file, in pieces; closed by the server."""

    def __init__(self, file: IO[bytes], part: range) -> None:
        self._file, self._left = file, len(part)
        file.seek(part.start)

    def __iter__(self) -> Iterator[bytes]:
        while self._left:
            data = self._file.read(min(65_536, self._left))
            if not data:
                return
            self._left -= len(data)
            yield data

    def close(self) -> None:
        self._file.close()
