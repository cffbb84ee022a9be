"""Sending: what a sender may say about a photo, and who gets in when there is no room for all.

Leaves out: pictures (`evidence`), rows (`storage.arrivals`), pages (`web.sending`). Nothing here knows who a sender is.

Rules:

* What a sender says about a photo is a claim from fixed lists: station, contest, page, kind. No free text.
* A claim is never believed: readers identify every copy. So a wrong or missing station is no reason to refuse a photo.
* Three lanes: `stranger` gives way to `invited`, that to `organisation`. Giving way happens before the answer, never
  after it: what was acknowledged stays.
* A look-alike never keeps a photo out. Only a station at which enough copies agree, one of them from an invited sender,
  closes for strangers, and not for one who says that their paper shows something else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from counterfoil.election.definition import Election
from counterfoil.primitives.errors import InputError, Refusal

COPY_KINDS = ("wall_copy", "agents_copy", "authoritys_scan", "tally_board", "other")
"""Of the paper on the photo. The first is the protocol on the station's wall; a tally board is no protocol."""
DISPUTE_REASONS = (
    "figures_differ",
    "wrong_station",
    "newer_protocol",
    "not_a_protocol",
    "copy_is_forged",
    "photo_shows_a_person",
)
"""Why somebody disputes a station. There is no free text: it could name people, and could not be counted."""

Lane = Literal["stranger", "invited", "organisation"]
LANES: tuple[Lane, ...] = ("stranger", "invited", "organisation")
"""From the lowest to the highest."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the sender says the photo shows. Station and contest are empty where the sender does not know."""

    station: str = ""
    contest: str = ""
    page: int = 1
    kind: str = "other"
    differs: bool = False
    """The sender says that this paper shows something else than what is published."""


def check_claim(claim: Claim, election: Election) -> Claim:
    """`claim`, if the election knows its contest, page and kind. The station is looked up by the caller.

    Raises:
        InputError: which part is unknown; a form that was not changed by hand never sends such a thing.
    """
    if claim.kind not in COPY_KINDS:
        raise _unknown("kind", f"one of {', '.join(COPY_KINDS)}", claim.kind)
    if claim.station and not claim.contest:
        raise _unknown("contest", "the contest of the protocol", "none")
    if claim.contest and claim.contest not in {contest.id for contest in election.contests}:
        raise _unknown("contest", "a contest of this election", claim.contest)
    pages = election.form(election.contest(claim.contest).form).pages if claim.contest else 1
    if not 1 <= claim.page <= pages:
        raise _unknown("page", f"1 to {pages}", str(claim.page))
    return claim


MOST_VOTES = 1_000_000_000
"""A figure above this is a slip of the finger."""


def read_figures(typed: Mapping[str, str], contest: str, election: Election) -> dict[str, int]:
    """Figures that somebody told us, by field; an empty one is unknown and left out, never 0.

    Raises:
        InputError: an unknown contest or field, no figure at all, or one that is no whole number.
    """
    if contest not in {one.id for one in election.contests}:
        raise _unknown("contest", "a contest of this election", contest)
    fields = election.form(election.contest(contest).form).field_ids
    values: dict[str, int] = {}
    for name, text in typed.items():
        plain = "".join(text.split())
        if not plain:
            continue
        if name not in fields:
            raise _unknown("field", "a field of the form", name)
        if not plain.isdecimal() or len(plain) > 10 or int(plain) > MOST_VOTES:
            raise InputError(
                name, expected="a whole number", found=repr(text[:20]), do="type digits only", code="no-number"
            )
        values[name] = int(plain)
    if not values:
        raise InputError("figures", expected="at least one figure", found="none", do="type one", code="no-figures")
    return values


def _unknown(what: str, expected: str, found: str) -> InputError:
    return InputError(what, expected=expected, found=repr(found[:40]), do="open the form again", code=f"unknown-{what}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What organisers may change while the server runs (`workflow.running`; `storage.senders.limits` reads it)."""

    strangers_per_minute: int = 300
    """Photos of strangers that are taken in a minute, over all stations."""
    station_per_batch: int = 20
    """Photos of strangers for one station and contest in one batch: a flood at one station waits, others don't."""
    reserve_share: float = 0.5
    """Of the places before the decoder, the share that is kept for invited senders."""
    keep_free_bytes: int = 2_000_000_000
    """Strangers are asked to wait when the disk has less than this free; invited senders may use it."""
    close_after: int = 3
    """Copies that must agree before a station closes for strangers; 0: never."""
    figures_from_strangers: bool = False
    """Whether strangers may send figures without a photo."""
    flood: bool = False
    """Strangers do a proof of work, or wait."""
    frozen: bool = False
    """Nothing is taken from anybody."""


class NotNow(Refusal):
    """There is no room at the moment; the same photo is welcome later. `retry_after_s` is for Retry-After."""

    def __init__(self, message: str, *, code: str, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message, code=code)


PUZZLE_BITS = 17
"""About 130,000 hashes: two seconds of a laptop, half a minute of an old phone."""
IDLE_SHARE = 0.1
"""Under flood, the share of the strangers' budget for those who did no work: without scripts one waits longer."""


def closes(lanes_that_agree: Collection[str], limits: Limits) -> bool:
    """Whether a station has enough copies that agree, given the lane of each.

    Three forgeries sent by strangers must not shut out the true one, so one copy at least came from an invited sender.
    """
    enough = 0 < limits.close_after <= len(lanes_that_agree)
    return enough and any(lane != "stranger" for lane in lanes_that_agree)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a photo arrives, before it is looked at."""

    lane: Lane
    closed: bool = False
    """The station is closed for strangers."""
    differs: bool = False
    in_batch: int = 0
    """Photos of strangers for the same station and contest in this batch."""
    free_bytes: int | None = None
    """None: the store has no end that we could see (a bucket)."""


def admit(situation: Situation, limits: Limits, *, batch_s: int) -> None:
    """Let a photo in, or say why not now.

    Raises:
        NotNow: `frozen`, `disk-short`, `station-full`.
        Refusal: `station-closed`.
    """
    if limits.frozen:
        raise NotNow(
            "not received: the organisers take no photos for now; keep the photo, the site says when and why",
            code="frozen",
            retry_after_s=3600,
        )
    if situation.lane != "stranger":
        return
    if situation.closed and not situation.differs:
        raise Refusal(
            "expected photos of a station that still needs them; for this one enough copies agree already. If your "
            "paper shows something else, say so in the form and send it again",
            code="station-closed",
        )
    if situation.free_bytes is not None and situation.free_bytes < limits.keep_free_bytes:
        raise NotNow(
            "not received: the server's disk is nearly full; keep the photo and send it again later",
            code="disk-short",
            retry_after_s=600,
        )
    if situation.in_batch >= limits.station_per_batch:
        raise NotNow(
            "not received: very many photos of this station came just now; keep the photo and send it again later",
            code="station-full",
            retry_after_s=batch_s,
        )


@dataclass(frozen=True, slots=True)
class Bucket:
    """A budget that fills up evenly: at most `size`, `per_s` more each second. Times: seconds of any steady clock."""

    size: float
    per_s: float
    level: float = field(default=-1.0)
    at: float = 0.0
    """`level` was right at this time; a new bucket is full."""

    def take(self, now: float, amount: float = 1.0) -> tuple[Bucket, float]:
        """The bucket afterwards, and 0, or the same and the seconds after which `amount` would be there."""
        full = self.size if self.level < 0 else min(self.size, self.level + max(0.0, now - self.at) * self.per_s)
        if full >= amount:
            return Bucket(self.size, self.per_s, full - amount, max(now, self.at)), 0.0
        wait = (amount - full) / self.per_s if self.per_s > 0 else float("inf")
        return Bucket(self.size, self.per_s, full, max(now, self.at)), wait


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody who waits for a decoder. `number` counts up in the order of coming."""

    number: int
    lane: Lane


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a newcomer before the decoders: in, out, or in at the cost of another."""

    comes_in: bool
    gives_way: Place | None = None


def who_waits(waiting: Iterable[Place], newcomer: Place, *, places: int, reserve_share: float) -> Verdict:
    """Who waits, when `newcomer` comes to those who wait already.

    Strangers fill only what is not reserved. Where all places are taken, the lowest lane gives way, in it who came
    last; never to somebody of the same lane.
    """
    there = list(waiting)
    if newcomer.lane == "stranger":
        for_strangers = max(1, places - int(places * reserve_share))
        strangers = sum(place.lane == "stranger" for place in there)
        return Verdict(strangers < for_strangers and len(there) < places)
    if len(there) < places:
        return Verdict(True)
    last = min(there, key=lambda place: (LANES.index(place.lane), -place.number))
    if LANES.index(last.lane) < LANES.index(newcomer.lane):
        return Verdict(True, gives_way=last)
    return Verdict(False)


def next_of(waiting: Iterable[Place]) -> Place | None:
    """Whose turn it is: the highest lane, in it who came first."""
    return min(waiting, key=lambda place: (-LANES.index(place.lane), place.number), default=None)
