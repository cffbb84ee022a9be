"""Resumable uploads by the tus protocol 1.0.0 (`workflow.tus`): what the page's scripts and other programs use.

    POST   /send/tus/        Upload-Length, Upload-Metadata: station, typed, contest, page, kind, code, differs, receipt
    HEAD   /send/tus/<key>   how far it is
    PATCH  /send/tus/<key>   more bytes; the last of them lets the photo in, the same way as the form
    DELETE /send/tus/<key>   forget it

Rules:

* The answer to the last PATCH is the acknowledgement: 204 only after the picture is durable. Where there is no room at
  the moment it is 503, and the last byte counts as not received, so that a client that goes on tries again.
* A file that is not taken is answered 422 with its code and sentence, and forgotten: an upload that stands at its full
  length was received, always.
* Other sites cannot send from a visitor's browser: these requests need headers that a browser lets only our own pages
  set. So there is no form token here.
* Under flood the 503 of a stranger's photo has a puzzle (`Counterfoil-Puzzle: <puzzle> <bits>`); a new upload whose
  metadata `work` is `<puzzle>:<number>` that solves it has the full budget of strangers, the others a tenth of it.
* Metadata that the client adds about the file (its name, its type) is not looked at.
"""

from __future__ import annotations

import secrets
import time
from email.utils import formatdate
from typing import Any

from django.db import Error as DatabaseTrouble
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from counterfoil.bootstrap.server import server
from counterfoil.sandbox.jail.codes import MAX_FILE_BYTES
from counterfoil.storage import senders
from counterfoil.storage.arrivals import Received
from counterfoil.web.sending.answers import Outcome, outcome, sentence
from counterfoil.web.sending.door import take
from counterfoil.web.sending.memory import memory
from counterfoil.web.sending.partials import Busy, Upload
from counterfoil.workflow.codes import (
    draw_receipt,
    form_key,
    hash_receipt,
    make_token,
    read_receipt,
    read_token,
    solves,
)
from counterfoil.workflow.sending import PUZZLE_BITS, Claim, NotNow
from counterfoil.workflow.stores import StoreError
from counterfoil.workflow.tus import EXTENSIONS, VERSION, ProtocolError, check_version, read_creation, read_patch

_CHUNK = 1 << 16


@csrf_exempt
def uploads(request: HttpRequest) -> HttpResponse:
    """OPTIONS: what this server speaks. POST: a new upload."""
    method = request.headers.get("X-HTTP-Method-Override", request.method or "").upper()
    if method == "OPTIONS":
        headers = {"Tus-Version": VERSION, "Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(MAX_FILE_BYTES)}
        return _answer(204, **headers)
    try:
        asked = read_creation(request.headers, MAX_FILE_BYTES)
        key, expires = memory(server().settings).partials.create(asked.length, asked.metadata)
    except ProtocolError as error:
        return _answer(error.status, said=str(error))
    except NotNow as error:
        return _not_now(error.code, error.retry_after_s)
    return _answer(201, **{"Location": f"{request.path}{key}", "Upload-Expires": formatdate(expires, usegmt=True)})


@csrf_exempt
def upload(request: HttpRequest, key: str) -> HttpResponse:
    """HEAD, PATCH and DELETE of one upload; by the protocol, also by POST with X-HTTP-Method-Override."""
    method = request.headers.get("X-HTTP-Method-Override", request.method or "").upper()
    if method == "OPTIONS":
        return uploads(request)
    try:
        check_version(request.headers)
        with memory(server().settings).partials.opened(key) as found:
            answer = _asked(request, method, found) if found is not None else _answer(404)
    except ProtocolError as error:
        return _answer(error.status, said=str(error))
    except Busy:
        return _answer(423)
    if method == "DELETE" or answer.status_code == 422:
        memory(server().settings).partials.drop(key)
    return answer


def _asked(request: HttpRequest, method: str, upload: Upload) -> HttpResponse:
    match method:
        case "HEAD":
            return _standing(upload)
        case "PATCH":
            return _patch(request, upload)
        case "DELETE":
            return _answer(204)
        case _:
            return _answer(405, Allow="DELETE, HEAD, OPTIONS, PATCH")


def _standing(upload: Upload) -> HttpResponse:
    said = {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.length), "Cache-Control": "no-store"}
    return _answer(200, **said, **_told(upload))


def _patch(request: HttpRequest, upload: Upload) -> HttpResponse:
    read_patch(request.headers, upload.offset)
    if upload.outcome is None:
        try:
            while chunk := request.read(_CHUNK):
                upload.data += chunk[: upload.length - len(upload.data)]
        except UnreadablePostError:
            return _answer(400)  # nobody reads it; what came so far is kept
        if len(upload.data) == upload.length:
            refused = _finish(upload)
            if refused is not None:
                return refused
    said = {"Upload-Offset": str(upload.offset), "Upload-Expires": formatdate(upload.expires, usegmt=True)}
    return _answer(204, **said, **_told(upload))


def _finish(upload: Upload) -> HttpResponse | None:
    """Let the photo in; None when it is received. Else the answer, and the upload is not finished."""
    try:
        done, words = _let_in(upload)
    except (DatabaseTrouble, StoreError):
        done, words = Outcome(1, code="not-received", passing=True, retry_after_s=30), ""
    if done.received:
        upload.data = bytearray()
        upload.outcome = {"receipt": words}
        return None
    if done.passing:
        if upload.data:
            del upload.data[-1]
        return _not_now(done.code, done.retry_after_s)
    answer = JsonResponse({"code": done.code, "sentence": sentence(done.code)}, status=422)
    answer.headers["Tus-Resumable"] = VERSION
    return answer


def _let_in(upload: Upload) -> tuple[Outcome, str]:
    said = upload.metadata
    words = read_receipt(said.get("receipt", "")) or (draw_receipt(secrets.token_bytes) if said.get("receipt") else "")
    kept = hash_receipt(words, server().pepper) if words else ""
    station = said.get("station", "")
    if said.get("typed") and senders.station(station) is None:
        station = ""  # typed without a network: readers find the station, the photo is not lost over a slip
    claim = Claim(
        station=station,
        contest=said.get("contest", "") if station else "",
        page=int(said["page"]) if said.get("page", "").isdecimal() and station else 1,
        kind=said.get("kind", ""),
        differs=said.get("differs") == "on",
    )

    def doing() -> list[Received]:
        sender = senders.sender_of(said.get("code", "")[:100], server().pepper)
        return take(bytes(upload.data), claim, sender=sender, receipt=kept, worked=_worked(upload))

    return outcome(1, doing), words


def _worked(upload: Upload) -> bool:
    """Whether the client worked for its place: a puzzle of ours, in time, solved, and not used before."""
    puzzle, _, answer = upload.metadata.get("work", "").rpartition(":")
    found = read_token(puzzle, form_key(server().pepper), "work", time.time())
    return found is not None and solves(puzzle, answer, PUZZLE_BITS) and memory(server().settings).nonces.use(*found)


def _told(upload: Upload) -> dict[str, str]:
    """What a client learns of an upload that was received."""
    if upload.outcome is None:
        return {}
    words: str = upload.outcome["receipt"]
    return {"Counterfoil-Received": "1"} | ({"Counterfoil-Receipt": words} if words else {})


def _not_now(code: str, retry_after_s: int) -> HttpResponse:
    answer = JsonResponse({"code": code, "sentence": sentence(code)}, status=503)
    answer.headers["Retry-After"] = str(retry_after_s)
    if code == "flood":
        puzzle = make_token(form_key(server().pepper), "work", time.time(), secrets.token_bytes)
        answer.headers["Counterfoil-Puzzle"] = f"{puzzle} {PUZZLE_BITS}"
    answer.headers["Tus-Resumable"] = VERSION
    return answer


def _answer(status: int, said: str = "", **headers: Any) -> HttpResponse:
    answer = HttpResponse(said, status=status, content_type="text/plain; charset=utf-8")
    if not said:
        del answer.headers["Content-Type"]
    answer.headers["Tus-Resumable"] = VERSION
    if status == 412:
        answer.headers["Tus-Version"] = VERSION
    for name, value in headers.items():
        answer.headers[name] = value
    return answer
