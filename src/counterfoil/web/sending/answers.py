"""What a sender is told about one photo: a sentence by its code, in the language of the page, and the answer's status.

A code without a sentence here (it would be the operator's trouble, with paths in its text) gets one that says only what
the sender can do. A test holds this list against every code that can come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from counterfoil.primitives.errors import CounterfoilError
from counterfoil.sandbox import SandboxBusy, SandboxStopped, SandboxUnavailable
from counterfoil.storage.arrivals import NotReceived, Received
from counterfoil.workflow.sending import NotNow

_AGAIN: Mapping[str, str] = {
    "busy": gettext_noop("Not received: too many photos are coming in at this moment. Keep it and send it again."),
    "budget": gettext_noop("Not received: too many photos are coming in. Keep it and send it again later."),
    "flood": gettext_noop("Not received yet: the server is being flooded. Keep it, and send it as this page says."),
    "disk-short": gettext_noop("Not received: the server is nearly full. Keep it and send it again later."),
    "station-full": gettext_noop(
        "Not received: very many photos of this station came just now. Keep it and send it again later."
    ),
    "frozen": gettext_noop("Not received: the organisers take no photos for now. Keep it; the site says why."),
    "decoder-stopped": gettext_noop("Not received: it could not be opened. Send it again, or a smaller photo."),
    "decoder-timeout": gettext_noop("Not received: opening it took too long. Send it again, or a smaller photo."),
    "decoder-broke-rules": gettext_noop("Not received: it could not be opened. Take another photo and send that."),
    "not-received": gettext_noop("Not received: the server could not write it down. Keep it and send it again."),
}
_REFUSED: Mapping[str, str] = {
    "empty": gettext_noop("Not received: the file is empty. Choose the photo again."),
    "unknown-format": gettext_noop("Not received: this is no photo that we can open. Send JPEG, PNG, WebP or HEIC."),
    "gif": gettext_noop("Not received: this is a GIF. Send a photo."),
    "avif": gettext_noop("Not received: this is an AVIF picture. Send a JPEG photo."),
    "svg": gettext_noop("Not received: this is a drawing. Send a photo."),
    "film": gettext_noop("Not received: this is a film or a sound. Send a photo."),
    "bitmap": gettext_noop("Not received: this is a BMP picture. Send a JPEG photo."),
    "pdf-from-stranger": gettext_noop("Not received: this is a PDF. Send a photo."),
    "tiff-from-stranger": gettext_noop("Not received: this is a TIFF. Send a photo."),
    "animated": gettext_noop("Not received: this is a moving picture. Send a photo."),
    "too-many-pixels": gettext_noop("Not received: the picture has too many pixels. Set the camera to a smaller size."),
    "side-too-short": gettext_noop("Not received: the picture is too small to read. Send the photo in full size."),
    "side-too-long": gettext_noop("Not received: the picture is too long. Send a photo that is no panorama."),
    "damaged": gettext_noop("Not received: the file is damaged or cut off. Send it again or take another photo."),
    "too-many-pages": gettext_noop("Not received: the document has more than 20 pages. Send it in parts."),
    "no-pages": gettext_noop("Not received: the document has no page. Send a photo."),
    "locked": gettext_noop("Not received: the document is locked. Send it unlocked."),
    "unsupported-colours": gettext_noop("Not received: its colours cannot be opened. Send a JPEG photo."),
    "file-too-large": gettext_noop("Not received: the file is larger than 25 MB. Send a smaller photo."),
    "station-closed": gettext_noop(
        "Not received: enough copies of this station agree already. If your paper shows something else, tick that box "
        "and send it again."
    ),
    "quota-used": gettext_noop("Not received: this invitation is used up. Send it without the code."),
    "code-used": gettext_noop("Not received: this invitation is used up. Send it without the code."),
    "branch-revoked": gettext_noop("Not received: this invitation was taken back. Send it without the code."),
    "unknown-station": gettext_noop("Not received: this station is not known. Look for the station again."),
    "unknown-contest": gettext_noop("Not received: the form was changed. Open it again."),
    "unknown-page": gettext_noop("Not received: the form was changed. Open it again."),
    "unknown-kind": gettext_noop("Not received: the form was changed. Open it again."),
}
_OTHERWISE = gettext_noop("Not received: the server has a fault. Keep the photo and send it again later.")

PASSING = (NotNow, SandboxBusy, SandboxStopped, SandboxUnavailable, NotReceived)
"""Refusals of a moment: the same photo is welcome later."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one photo. `copies` is empty where it was not received; then `code` says why."""

    number: int
    name: str = ""
    """Of the file, on pages of organisations only."""
    copies: Sequence[Received] = ()
    code: str = ""
    passing: bool = False
    retry_after_s: int = 0

    @property
    def received(self) -> bool:
        return bool(self.copies)

    @property
    def sentence(self) -> str:
        """For the sender, in the language in force."""
        return _("Received.") if self.received else sentence(self.code)


def sentence(code: str) -> str:
    """Why a photo was not received."""
    return _(_AGAIN.get(code) or _REFUSED.get(code) or _OTHERWISE)


def outcome(number: int, doing: Callable[[], Sequence[Received]], name: str = "") -> Outcome:
    """What became of photo `number` (from 1)."""
    try:
        return Outcome(number, name, copies=doing())
    except PASSING as error:
        return Outcome(number, name, code=error.code, passing=True, retry_after_s=getattr(error, "retry_after_s", 10))
    except CounterfoilError as error:
        return Outcome(number, name, code=error.code)


def status(outcomes: Sequence[Outcome]) -> int:
    """200 if anything was received; 503 if the same photos are welcome later; 422 if they are not."""
    if any(one.received for one in outcomes):
        return 200
    return 503 if any(one.passing for one in outcomes) else 422


def retry_after_s(outcomes: Sequence[Outcome]) -> int:
    """Seconds after which it makes sense to send again; 0 if it makes none."""
    return max((one.retry_after_s for one in outcomes if one.passing), default=0)
