"""What becomes public, and what is taken back: masks, releases, withdrawals, the purge of a dangerous picture.

Rules:

* A copy is released as a newly encoded picture with black pixels, made from the mask that one organiser drew and
  another confirmed while looking at that very picture. No release without a mask; "nothing to hide" is a mask too.
* A released copy is not released again: first the earlier release is withdrawn, so that its picture goes.
* A withdrawal names a reason of the fixed list. What was withdrawn once is not withdrawn again.
* Of readings all that this person gave of this copy go: an older one must not come back from behind the newest.
* A purge protects a person, so it waits for nobody: one organiser deletes the picture everywhere at once and withdraws
  its release. That changes no figure. The copy itself still counts until a second person agrees (`withdraw`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from counterfoil.evidence import Mask as Regions
from counterfoil.evidence import Masked, apply_mask
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.primitives.words import WITHDRAWAL_REASONS
from counterfoil.record.layout import object_path
from counterfoil.storage import audit, inbox, work
from counterfoil.storage.imports import check_tables_without
from counterfoil.storage.means import Means
from counterfoil.storage.models import Account, Arrival, Band, Copy, Entry, Mask, Proposal, Task
from counterfoil.storage.proposals import WAIT, Action, Payload, is_data, is_keys, is_text

WITHDRAWABLE = ("copy", "reading", "decision", "table", "release", "notice")
EXCLUDE_REASONS = ("forged", "station_merged", "wrong_station", "cannot_be_settled")
"""Of `DECISION_REASONS`, those for which a whole station stays out."""
_WHOLE = ("areas", "stations")


def entry_of(copy: str) -> Entry | None:
    """The entry of a copy that still counts."""
    return Entry.objects.filter(type="copy", copy=copy, withdrawn=False).first()


def release_of(copy: str) -> Entry | None:
    """The release of a copy that still counts."""
    return Entry.objects.filter(type="release", copy=copy, withdrawn=False).first()


def waiting_for_release() -> QuerySet[Copy]:
    """Copies that stand in the record, were read, and are not public yet."""
    asked = Proposal.objects.filter(action="release", state="open").values_list("payload__copy", flat=True)
    return (
        Copy.objects.filter(released="")
        .exclude(state__in=("identify", "withdrawn"))
        .exclude(picture="")
        .exclude(station="")
        .exclude(copy__in=[copy for copy in asked if copy])
        .order_by("state", "station", "page", "copy")
    )


def draw(copy: Copy, regions: Regions, by: Account, means: Means) -> dict[str, Any]:
    """Keep a drawn mask; the payload of the release that a second person confirms.

    Raises:
        Refusal: the copy can't be released now.
    """
    payload = {"copy": copy.copy, "mask": regions.data(), "mask_id": regions.id}
    _check_release(payload, means)
    earlier = Proposal.objects.filter(action="release", state="open", payload__copy=copy.copy)
    with transaction.atomic():
        for proposal in earlier.select_for_update():
            proposal.state = "outdated"
            proposal.save(update_fields=["state"])
            audit.note(by, "outdate", str(proposal.pk), {"action": "release", "why": "drawn again"}, now=means.now)
        Mask.objects.update_or_create(
            copy=copy,
            defaults={"regions": regions.data()["regions"], "drawn_by": by, "confirmed_by": None},
        )
    return payload


def masked(payload: Payload, means: Means) -> Masked:
    """The picture as it would be public; made anew, kept nowhere."""
    copy = Copy.objects.get(pk=payload["copy"])
    return apply_mask(means.pictures.get(copy.picture), Regions.from_data(payload["mask"]), sha256=copy.picture)


def _check_release(payload: Payload, means: Means) -> None:
    copy = Copy.objects.filter(pk=payload["copy"]).first()
    if copy is None or entry_of(payload["copy"]) is None or copy.state == "withdrawn":
        raise Refusal("expected a copy that counts in the record, found none", code="no-copy")
    if not copy.picture:
        raise Refusal("expected the copy's picture, found that it was purged", code="purged")
    if release_of(copy.copy) is not None:
        raise Refusal(
            "expected a copy that is not public, found a release; withdraw that first, so that its picture goes",
            code="already-released",
        )
    if Regions.from_data(payload["mask"]).id != payload["mask_id"]:
        raise InputError("the mask", expected="the one that was drawn", found="another", code="mask-changed")


def _release(proposal: Proposal, means: Means) -> Mapping[str, Any]:
    copy = Copy.objects.select_for_update().get(pk=proposal.payload["copy"])
    made = masked(proposal.payload, means)
    named = means.objects.put(made.picture)
    body = {"type": "release", "copy": copy.copy, "object": dict(named), "mask": made.mask.id}
    entry = inbox.say(body, slot=means.slot, author=proposal.proposed_by, station=copy.station)
    Mask.objects.filter(copy=copy).update(confirmed_by=proposal.decided_by)
    copy.released = named["sha256"]
    copy.save(update_fields=["released"])
    return {"entry": str(entry.pk), "copy": copy.copy, "mask": made.mask.id}


def withdrawal(entries: Sequence[Entry], reason: str) -> dict[str, Any]:
    """The payload of a withdrawal."""
    return {"entries": sorted(str(entry.pk) for entry in entries), "reason": reason}


def with_what_hangs_on(entry: Entry) -> list[Entry]:
    """The entry and those that go with it: a copy's release, a reader's older readings of the same copy."""
    match entry.type:
        case "copy":
            released = release_of(entry.copy)
            return [entry, *([released] if released is not None else [])]
        case "reading":
            same = Entry.objects.filter(type="reading", copy=entry.copy, withdrawn=False)
            if entry.author_id is None:  # taken over from the record: the pseudonym says who
                return [one for one in same if one.body["reader"] == entry.body["reader"]]
            return list(same.filter(author_id=entry.author_id))
        case _:
            return [entry]


def _check_withdraw(payload: Payload, means: Means) -> None:
    if payload["reason"] not in WITHDRAWAL_REASONS:
        raise InputError(
            "reason",
            expected=f"one of {', '.join(WITHDRAWAL_REASONS)}",
            found=repr(payload["reason"]),
            code="bad-reason",
        )
    entries = list(Entry.objects.filter(pk__in=payload["entries"]))
    if not entries or len(entries) != len(payload["entries"]):
        raise Refusal("expected entries of this record, found others", code="no-entry")
    for entry in entries:
        if entry.withdrawn:
            raise Refusal("expected an entry that counts, found one that is withdrawn already", code="withdrawn")
        if entry.type not in WITHDRAWABLE:
            raise Refusal(
                f"an entry of type {entry.type} can't be withdrawn; upload a new one", code="not-withdrawable"
            )
        if entry.type == "table":
            _check_table(entry, means)


def _check_table(entry: Entry, means: Means) -> None:
    if entry.body["kind"] in _WHOLE:
        raise Refusal(
            f"a table of {entry.body['kind']} can't be withdrawn; upload one that is right in its place",
            code="not-withdrawable",
        )
    if entry.index is None:
        raise Refusal("the table still waits for its batch; try again when it stands in the record", code=WAIT)
    waiting = Entry.objects.filter(index__isnull=True, type__in=("table", "election"))
    if waiting.exists() or Entry.objects.filter(body__replaces=entry.index, withdrawn=False).exists():
        raise Refusal(
            "the table was replaced, or a new one waits for its batch; withdraw the newest version, or wait",
            code=WAIT if waiting.exists() else "replaced",
        )
    check_tables_without(entry.index, means)


def _withdraw(proposal: Proposal, means: Means) -> Mapping[str, Any]:
    entries = list(Entry.objects.select_for_update().filter(pk__in=proposal.payload["entries"]))
    for entry in entries:
        take_out(entry, proposal.payload["reason"], means.slot, proposal.proposed_by)
    names = {entry.copy for entry in entries if entry.type in ("copy", "reading")}
    for entry in entries:
        if entry.type == "decision":
            names |= copies_at(entry.station, entry.contest)
    work.refresh(names, desk(means))
    return {"entries": proposal.payload["entries"], "reason": proposal.payload["reason"]}


def copies_at(station: str, contest: str) -> set[str]:
    """The copies that a decision about a station and contest is about."""
    return set(Copy.objects.filter(station=station, contest=contest).values_list("copy", flat=True))


def desk(means: Means) -> work.Desk:
    """What work on copies needs, from the same means."""
    return work.Desk(means.state(), means.now, means.slot, means.pseudonyms)


def take_out(entry: Entry, reason: str, slot: str, by: Account | None) -> Entry:
    """Say the withdrawal of one entry, and let the rows know."""
    said = inbox.say(
        {"type": "withdrawal", "reason": reason}, slot=slot, author=by, refers=[entry], station=entry.station
    )
    if entry.type == "copy":
        Copy.objects.filter(pk=entry.copy).update(state="withdrawn")
        Task.objects.filter(copy_id=entry.copy, leased_by=None).delete()
    elif entry.type == "release":
        Copy.objects.filter(pk=entry.copy).update(released="")
        Mask.objects.filter(copy_id=entry.copy).update(confirmed_by=None)
    return said


def _check_exclude(payload: Payload, means: Means) -> None:
    if payload["reason"] not in EXCLUDE_REASONS:
        raise InputError(
            "reason", expected=f"one of {', '.join(EXCLUDE_REASONS)}", found=repr(payload["reason"]), code="bad-reason"
        )
    state = means.state()
    stations = set(state.stations["station"].to_list())
    if payload["station"] not in stations or payload["contest"] not in {c.id for c in state.election.contests}:
        raise InputError(
            "station", expected="a station and contest of this election", found=repr(payload["station"]), code="unknown"
        )


def _exclude(proposal: Proposal, means: Means) -> Mapping[str, Any]:
    given = proposal.payload
    body = {
        "type": "decision",
        "station": given["station"],
        "contest": given["contest"],
        "action": "exclude_station",
        "reason": given["reason"],
    }
    rests = Entry.objects.filter(type="copy", station=given["station"], contest=given["contest"], withdrawn=False)
    entry = inbox.say(body, slot=means.slot, author=proposal.proposed_by, refers=list(rests))
    work.refresh(copies_at(given["station"], given["contest"]), desk(means))
    return {"entry": str(entry.pk), "station": given["station"]}


def purge(copy: Copy, by: Account, means: Means) -> dict[str, Any] | None:
    """Delete a picture that endangers somebody, everywhere, now. Safe to repeat; what a crash left is deleted then.

    Returns:
        The payload of the withdrawal of the copy, which a second person has to approve; None: it is withdrawn already.

    Raises:
        StoreError: a store did not delete; repeat it.
    """
    with transaction.atomic():
        # Locked in the order in which a release is approved: one of the two comes first, and no release comes after.
        list(Proposal.objects.select_for_update().filter(action="release", state="open").order_by("pk"))
        picture = Copy.objects.select_for_update().get(pk=copy.pk).picture
        # A copy that was moved to its right station is another copy of the same picture.
        copies = [copy.pk, *Copy.objects.exclude(picture="").filter(picture=picture).values_list("pk", flat=True)]
        released = {entry.body["object"]["sha256"] for entry in _releases(copies)}
        for entry in _releases(copies).filter(withdrawn=False):
            take_out(entry, "endangers_somebody", means.at_once, by)
        Task.objects.filter(copy__in=copies).delete()
        Mask.objects.filter(copy__in=copies).update(confirmed_by=None)
        Proposal.objects.filter(action="release", state="open", payload__copy__in=copies).update(state="outdated")
        audit.note(by, "purge", copy.copy, {"released": sorted(released)}, now=means.now)
    for sha256 in sorted(released):
        for folder in (means.objects.folder, means.site / "objects"):
            (folder / object_path(sha256)).unlink(missing_ok=True)
        (means.site / "copies" / f"{sha256}.jpg").unlink(missing_ok=True)
    if picture:
        means.pictures.delete(picture)
        if not Arrival.objects.filter(picture=picture).exists():
            means.intake.delete(picture)
    # Last: until every store has deleted it, the row still says what has to be deleted.
    Band.objects.filter(copy__in=copies).delete()
    Copy.objects.filter(pk__in=copies).update(picture="", salt="", released="", look=[], printed=[])
    counted = list(Entry.objects.filter(type="copy", copy__in=copies, withdrawn=False))
    return withdrawal(counted, "endangers_somebody") if counted else None


def _releases(copies: Sequence[str]) -> QuerySet[Entry]:
    """Every release that ever was of these copies."""
    return Entry.objects.filter(type="release", copy__in=copies)


RELEASE = Action(_check_release, _release, {"copy": is_text, "mask": is_data, "mask_id": is_text})
WITHDRAW = Action(_check_withdraw, _withdraw, {"entries": is_keys, "reason": is_text})
EXCLUDE = Action(_check_exclude, _exclude, {"station": is_text, "contest": is_text, "reason": is_text})
