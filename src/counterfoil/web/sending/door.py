"""The one way in for pictures: admission, the line before the decoders, receiving. All that sends calls `take`."""

from __future__ import annotations

import os

from counterfoil.bootstrap.server import Server, server
from counterfoil.primitives.errors import InputError
from counterfoil.storage import arrivals, senders
from counterfoil.storage.arrivals import STRANGER, Door, Received, Sender
from counterfoil.web.sending.memory import memory
from counterfoil.workflow.sending import IDLE_SHARE, Claim, Limits, Situation, admit, check_claim


def take(
    data: bytes,
    claim: Claim,
    *,
    sender: Sender = STRANGER,
    receipt: str = "",
    documents: bool = False,
    worked: bool = False,
) -> list[Received]:
    """Take one file from anybody, durably: when this returns it is acknowledged.

    Args:
        receipt: hash of the receipt code, or empty.
        documents: whether PDF and TIFF are taken; only from branches of the kind `organisation`.
        worked: a proof of work came with it; it matters only while strangers flood the server.

    Raises:
        InputError: the claim names what does not exist; `FileRefused`: the file is not taken.
        NotNow, SandboxBusy, SandboxStopped, SandboxUnavailable: the same photo is welcome later.
        Refusal: the station is closed for strangers, the invitation is used up or taken back.
        NotReceived: store or database failed.
    """
    here = server()
    limits = senders.limits()
    check_claim(claim, here.election)
    station = senders.station(claim.station)
    if claim.station and station is None:
        raise InputError("station", expected="a station of this election", found=repr(claim.station[:40]))
    kept = memory(here.settings)
    if sender.lane == "stranger":
        situation = Situation(
            "stranger",
            closed=station is not None and station.closed_for_strangers,
            differs=claim.differs,
            in_batch=arrivals.strangers_in_batch(claim.station, claim.contest, here.slot) if station else 0,
            free_bytes=_free_bytes(here),
        )
    else:
        situation = Situation(sender.lane)
    admit(situation, limits, batch_s=here.settings.batch_s)
    if sender.lane == "stranger":
        _spend(limits, worked=worked)
    with kept.gate.inside(sender.lane, reserve_share=limits.reserve_share):
        door = Door(here.sandbox, here.intake, here.pepper, here.slot, here.templates)
        return arrivals.receive(door, data, claim, sender=sender, receipt=receipt, documents=documents)


def _spend(limits: Limits, *, worked: bool) -> None:
    kept = memory(server().settings)
    kept.strangers.resize(limits.strangers_per_minute / kept.processes)
    if limits.flood and not worked:
        kept.idle.resize(max(1.0, limits.strangers_per_minute * IDLE_SHARE / kept.processes))
        kept.idle.take("flood", "not received yet: the server is being flooded; keep the photo and send it again")
    kept.strangers.take("budget", "not received: too many photos are coming in; keep the photo and send it again later")


def _free_bytes(here: Server) -> int | None:
    """Bytes that the disk of the private pictures has free; None where they lie in a bucket."""
    if here.settings.objects:
        return None
    here.settings.private.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = os.statvfs(here.settings.private)
    return found.f_bavail * found.f_frsize
