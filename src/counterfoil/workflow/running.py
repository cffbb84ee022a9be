"""What organisers may change while the server runs: names, kinds, limits, defaults. And the phases of a count.

Rules:

* A value that nobody set is its default; a name that is not here is refused, so that a mistyped one is no default in
  silence.
* Whatever the public must know (a phase, a freeze) also stands in the record as a notice; the value here only makes
  the server act on it.

>>> value("lease_s", None)
900
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.workflow.words import gettext_noop

Kind = Literal["number", "switch", "word", "data"]


@dataclass(frozen=True, slots=True)
class Running:
    """One value. `least` and `most` of a number, `words` of a word; `by_hand`: shown on the page of settings, the
    others have pages of their own."""

    kind: Kind
    default: Any
    meaning: str
    least: int = 0
    most: int = 0
    words: tuple[str, ...] = ()
    by_hand: bool = True


PHASES = ("preparing", "intake_open", "official_published", "objection_window", "frozen")
_NEXT: Mapping[str, tuple[str, ...]] = {
    "preparing": ("intake_open",),
    "intake_open": ("official_published",),
    "official_published": ("objection_window", "intake_open"),
    "objection_window": ("official_published",),
    "frozen": (),
}
"""What may follow by a notice. Into and out of `frozen` leads only a freeze, by two persons. A new official snapshot
leads back from the objection window; that the vote is held again opens the intake again."""

RUNNING: Mapping[str, Running] = {
    "phase": Running("word", "preparing", gettext_noop("Phase of the count"), words=PHASES, by_hand=False),
    "frozen": Running("data", {}, gettext_noop("What stands still and which notice says why"), by_hand=False),
    "form_masks": Running(
        "data", {}, gettext_noop("Regions that are black on every copy, by form and page"), by_hand=False
    ),
    "lease_s": Running(
        "number", 900, gettext_noop("Seconds for which a task is lent to a person"), least=60, most=7200
    ),
    "gold_every": Running(
        "number", 20, gettext_noop("One task in so many has a known answer; 0: none"), least=0, most=1000
    ),
    "copies_enough": Running(
        "number",
        3,
        gettext_noop("Agreed copies of a page after which a station is closed for strangers"),
        least=1,
        most=100,
    ),
    "flood": Running("switch", False, gettext_noop("Whether senders without a code must do a proof of work")),
    "strangers_per_minute": Running(
        "number",
        300,
        gettext_noop("Photos of senders without a code that are taken in a minute"),
        least=1,
        most=100_000,
    ),
    "station_per_batch": Running(
        "number", 20, gettext_noop("Photos of senders without a code for one station in one batch"), least=1, most=1000
    ),
    "reserve_percent": Running(
        "number",
        50,
        gettext_noop("Percent of the places before the decoders that are kept for invited senders"),
        least=0,
        most=90,
    ),
    "keep_free_mb": Running(
        "number",
        2000,
        gettext_noop("Megabytes of the disk that senders without a code may not fill"),
        least=0,
        most=1_000_000,
    ),
    "figures_from_strangers": Running(
        "switch", False, gettext_noop("Whether senders without a code may send figures without a photo")
    ),
}


def value(name: str, stored: Any) -> Any:
    """The value in force; `stored` None: nobody set it."""
    return RUNNING[name].default if stored is None else stored


def read(name: str, text: str) -> Any:
    """The value that a form's text stands for.

    Raises:
        InputError: an unknown name, or what the value can't be.
    """
    found = RUNNING.get(name)
    if found is None or not found.by_hand:
        raise InputError("settings", expected=f"one of {', '.join(RUNNING)}", found=repr(name), code="bad-setting")
    match found.kind:
        case "number":
            if text.isascii() and text.isdecimal() and found.least <= int(text) <= found.most:
                return int(text)
            expected = f"a whole number from {found.least} to {found.most}"
        case "switch":
            if text in ("on", "off", ""):
                return text == "on"
            expected = "on or off"
        case _:
            if text in found.words:
                return text
            expected = f"one of {', '.join(found.words)}"
    raise InputError(name, expected=expected, found=repr(text[:40]), code="bad-setting")


def next_phases(phase: str) -> tuple[str, ...]:
    """The phases that a notice may lead to."""
    return _NEXT[phase]


def check_phase(phase: str, to: str) -> None:
    """Whether the count may go from one phase to another by a notice.

    Raises:
        Refusal: it may not.
    """
    if to not in _NEXT[phase]:
        raise Refusal(
            f"expected a phase that follows {phase.replace('_', ' ')} "
            f"({', '.join(p.replace('_', ' ') for p in _NEXT[phase]) or 'none'}), found {to[:40]!r}",
            code="wrong-phase",
        )


FREEZABLE = ("intake", "publication")
"""intake: nothing more is taken from senders. publication: once the notice stands in it, it stays as it is; what comes
in still goes into the log, and is published when the freeze ends."""


def needs_two(phase: str, published_figures: bool) -> bool:
    """Whether an import has to be approved by a second person: always, but for setting up before anything is counted,
    when there may be one organiser only and no figure can change."""
    return phase != "preparing" or published_figures
