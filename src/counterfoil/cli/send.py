"""`counterfoil send`: a folder of photos to a server, by the API, with an organisation's token."""

from __future__ import annotations

import csv
import http.client
import json
import os
import time
import urllib.parse
import uuid
from pathlib import Path
from typing import Any

import click

from counterfoil.cli.options import FOLDER
from counterfoil.cli.output import Output, with_output
from counterfoil.primitives.errors import CounterfoilError, InputError

CLAIMS, DONE = "claims.csv", "sent.csv"
KINDS = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".pdf", ".tif", ".tiff")
FIELDS = ("station", "contest", "page", "kind")
TRIES, MOST_WAIT_S = 8, 60.0


class NotSent(CounterfoilError):  # noqa: N818 - it is what happened
    """The server could not be reached or did not take a file."""


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--to", "address", required=True, metavar="URL", help="The server, such as https://count.example.")
@click.option(
    "--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with the branch's token."
)
@with_output
def send(folder: Path, address: str, token_file: Path | None, say: Output) -> int:
    """Send every photo in FOLDER (JPEG, PNG, WebP, HEIC; with an organisation's token PDF and TIFF).

    FOLDER/claims.csv may say what they show: file, station, contest, page, kind; readers identify the others. What was
    acknowledged is written into FOLDER/sent.csv, so that a run that was cut off goes on; delete it afterwards, and the
    photos too where they endanger somebody.
    """
    claims = _claims(folder)
    done = _done(folder / DONE)
    files = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in KINDS and p.is_file())
    unknown = sorted(set(claims) - set(files))
    if unknown:
        raise InputError(f"{folder / CLAIMS}", expected="names of photos in this folder", found=repr(unknown[0]))
    token = token_file.read_text("utf-8").strip() if token_file else ""
    refused: list[tuple[str, str]] = []
    sent = 0
    for number, name in enumerate(files):
        say.progress("send", number, len(files))
        if name in done:
            continue
        status, answer = _send(address, token, folder / name, claims.get(name, {}))
        if status == 201:
            _note(folder / DONE, name, [copy["copy_id"] for copy in answer["copies"]])
            sent += 1
        else:
            refused.append((name, answer.get("message", str(status))))
    lines = [f"{sent} sent now, {len(done)} before, {len(refused)} refused"]
    lines += [f"  {name}: {why}" for name, why in refused]
    say.result({"sent": sent, "before": len(done), "refused": dict(refused)}, lines)
    return 1 if refused else 0


def _claims(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / CLAIMS
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if "file" not in (rows.fieldnames or ()):
            raise InputError(str(path), expected="the columns file, station, contest, page, kind", found="no file")
        return {row["file"]: {name: row[name] for name in FIELDS if row.get(name)} for row in rows}


def _done(path: Path) -> set[str]:
    if not path.exists():
        return set()
    with path.open(newline="", encoding="utf-8") as file:
        return {row[0] for row in csv.reader(file) if len(row) == 2}


def _note(path: Path, name: str, copies: list[str]) -> None:
    """One line, synced: a photo that was acknowledged is not sent again."""
    with path.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow([name, " ".join(copies)])
        file.flush()
        os.fsync(file.fileno())


def _send(address: str, token: str, path: Path, claim: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """(status, answer); tries again while the server says that it is welcome later, or the line is down."""
    boundary = uuid.uuid4().hex
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"kind": "other", **claim}.items()
    )
    head = f'{fields}--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="photo"\r\n\r\n'
    body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    wait, why = 1.0, "no answer"
    for _ in range(TRIES):
        try:
            status, after, data = _post(address, headers, body)
        except (OSError, http.client.HTTPException) as error:
            why = str(error)
        else:
            if status != 503:
                return status, _json(data)
            why, wait = _json(data).get("message", "503"), max(wait, float(after or 1))
        time.sleep(min(wait, MOST_WAIT_S))
        wait *= 2
    raise NotSent(
        f"{path.name}: expected {address} to take it, found {why}; what was sent is in {DONE}: run this again later",
        code="unreachable",
    )


def _post(address: str, headers: dict[str, str], body: bytes) -> tuple[int, str | None, bytes]:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError("--to", expected="http:// or https:// and the server's name", found=repr(address[:100]))
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    line = kind(parts.hostname, parts.port, timeout=120)
    try:
        line.request("POST", f"{parts.path.rstrip('/')}/api/v1/copies", body=body, headers=headers)
        answer = line.getresponse()
        return answer.status, answer.headers.get("Retry-After"), answer.read()
    finally:
        line.close()


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
