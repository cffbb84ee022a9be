"""Form templates on a server: their pictures in its private store, and pictures of pages through the jail.

The jail decodes what somebody brought; a second program there (`reading.trial`) looks for codes and lays a template
over photos. Both get bytes and give back pixels or a short answer that is checked here.
"""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterfoil.election.definition import Election
from counterfoil.election.folder import load_templates
from counterfoil.election.nodes import Node
from counterfoil.election.template_drafts import pattern_of
from counterfoil.election.template_format import (
    CODE_KINDS,
    DICTIONARIES,
    MAX_CORNERS,
    MAX_PAYLOAD,
    FormTemplate,
    Picture,
    read_quad,
)
from counterfoil.election.templates import picture_of, picture_size, write_template_zip
from counterfoil.evidence import sanitise
from counterfoil.evidence.picture import encode
from counterfoil.primitives.errors import InputError, RecordError
from counterfoil.sandbox import Program, Sandbox
from counterfoil.storage.layouts import PagePicture
from counterfoil.workflow.stores import Store

MODULE = "counterfoil.reading.trial"
PACKAGES = ("cv2", "numpy", "PIL", "scipy", "yaml", "zxingcpp")
CPU_S, WALL_S = 20, 40.0
MOST_ANSWER_BYTES = 500_000
MOST_CODES = 20

Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A code in a picture; corners in pixels."""

    kind: str
    payload: str
    family: str | None
    """Of an AprilTag."""
    corners: Corners


@dataclass(frozen=True, slots=True)
class Laid:
    """A template laid over a photo, in pixels of it; nothing but `reason` where it was not found there."""

    accepted: bool
    reason: str
    page: str = ""
    residual_px: float = 0.0
    sheet: Corners = ()
    fields: Mapping[str, Corners] | None = None
    masks: tuple[Corners, ...] = ()


def keep_pictures(folder: Path, election: Election, pictures: Store) -> None:
    """Put the pictures of the templates that the folder's election.yaml names into the private store, where the
    election needs them. What the folder does not hold any more is left out: the reader then says so."""
    needed = {p.picture.sha256 for form in election.forms if form.template for p in form.template.pages}
    missing = {sha256 for sha256 in needed if not pictures.has(sha256)}
    if not missing:
        return
    with suppress(InputError, OSError):  # the record has its definition; the file may be an older or a newer one
        for template in load_templates(folder).values():
            for page in template.pages:
                if page.picture.sha256 in missing:
                    pictures.put(picture_of(page))


def show(data: bytes, sandbox: Sandbox) -> bytes:
    """A picture as somebody brought it, decoded in the jail and written by us.

    Raises:
        FileRefused: it is none. SandboxBusy, SandboxStopped, SandboxUnavailable: try again.
    """
    for pixels in sandbox.pictures(data, documents=True):
        return encode(np.frombuffer(pixels.rgb, np.uint8).reshape(pixels.height, pixels.width, 3))
    raise InputError("the picture", expected="a picture", found="none", code="no-picture")


def page_picture(data: bytes, sandbox: Sandbox, *, filled: bool) -> PagePicture:
    """A page's picture. A filled sheet is somebody's: it is turned and bent a little as every photo that comes in, so
    that its hash in the record tells nobody whose photo it was.

    Raises:
        FileRefused: it is no picture. SandboxBusy, SandboxStopped, SandboxUnavailable: try again.
    """
    if filled:
        made = sanitise(data, sandbox, random=secrets.token_bytes, documents=True)[0]
        return PagePicture(made.picture, made.picture, made.width, made.height, filled=True)
    shown = show(data, sandbox)
    size = picture_size(shown)
    if size is None:
        raise RecordError("expected a JPEG of ours, found something else", code="no-picture")
    return PagePicture(shown, shown, *size, filled=False)


class Trial:
    """The program in the jail, with one draft or none. A context manager: its process ends with it."""

    def __init__(self, draft: FormTemplate | None = None) -> None:
        setup = b"" if draft is None else write_template_zip(draft)
        self._pages = {} if draft is None else {page.name: page for page in draft.pages}
        self._program = Program(MODULE, PACKAGES, setup, cpu_s=CPU_S, wall_s=WALL_S, answer_bytes=MOST_ANSWER_BYTES)

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self._program.close()

    def codes(self, picture: bytes) -> list[Found]:
        """Codes in a picture of ours.

        Raises:
            SandboxBusy, SandboxStopped, SandboxUnavailable: try again. RecordError: it answered something else.
        """
        said = self._ask(b"C" + picture).get("codes")
        if not isinstance(said, list) or len(said) > MOST_CODES:
            raise _wrong("codes", said)
        return [_found(one) for one in said]

    def lay(self, photo: bytes) -> Laid:
        """Where the draft lies in a photo of ours. Raises as `codes`."""
        said = self._ask(b"R" + photo)
        if said.get("accepted") is not True:
            reason = said.get("reason")
            known = isinstance(reason, str) and re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", reason)
            return Laid(False, str(reason) if known else "refused")
        page = self._pages.get(str(said.get("page")))
        fields, masks, residual = said.get("fields"), said.get("masks"), said.get("residual_px")
        if page is None or not isinstance(fields, dict) or fields.keys() != {place.id for place in page.fields}:
            raise _wrong("a page of the draft with its fields", said.get("page"))
        if not isinstance(masks, list) or len(masks) != len(page.masks) or not isinstance(residual, int | float):
            raise _wrong("its masks", masks)
        return Laid(
            True,
            "",
            page.name,
            float(residual),
            _corners(said.get("sheet")),
            {name: _corners(quad) for name, quad in fields.items()},
            tuple(_corners(mask) for mask in masks),
        )

    def _ask(self, question: bytes) -> dict[str, Any]:
        try:
            said = json.loads(self._program.ask(question))
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise _wrong("an object", said)
        return said


def _found(one: object) -> Found:
    if not isinstance(one, dict) or one.get("kind") not in CODE_KINDS:
        raise _wrong("a code", one)
    payload, family = one.get("payload"), one.get("dictionary")
    if not isinstance(payload, str) or len(payload) > MAX_PAYLOAD or not (family is None or family in DICTIONARIES):
        raise _wrong("a code's payload", payload)
    return Found(one["kind"], payload, family, _corners(one.get("quad")))


def _corners(given: object) -> Corners:
    if not isinstance(given, list) or not 3 <= len(given) <= MAX_CORNERS:
        raise _wrong("corners", given)
    corners = []
    for corner in given:
        good = isinstance(corner, list) and len(corner) == 2 and all(type(v) in (int, float) for v in corner)
        if not good or not all(math.isfinite(v) and abs(v) <= 1e6 for v in corner):
            raise _wrong("a corner", corner)
        corners.append((float(corner[0]), float(corner[1])))
    return tuple(corners)


def _wrong(expected: str, found: object) -> RecordError:
    return RecordError(f"the trial: expected {expected}, found {found!r:.60}", code="bad-trial")


def code_of(found: Found, width: int, height: int, stations: Collection[str]) -> dict[str, Any] | None:
    """A code as a template has it, with a first guess at its pattern; None: of a payload that no pattern can say."""
    pattern = pattern_of(found.payload, stations) if found.kind != "apriltag" else found.payload
    if pattern is None:
        return None
    code: dict[str, Any] = {"kind": found.kind, "pattern": pattern}
    if found.family is not None:
        code["dictionary"] = found.family
    outline = [[min(max(round(x), 0), width), min(max(round(y), 0), height)] for x, y in found.corners]
    try:  # a code that is seen from behind, or half outside, keeps its payload and loses its place
        read_quad(Node({"outline": outline}, (), str), "outline", Picture("a.png", "", width, height))
    except InputError:
        return code
    return {**code, "outline": outline}
