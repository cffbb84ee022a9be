"""A small count in progress: copies with pictures, organisers who do and do not know each other, a log that grows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

import numpy as np

from counterfoil.bootstrap.server import Server
from counterfoil.evidence.commitment import commit
from counterfoil.evidence.picture import encode
from counterfoil.record.keys import load_key
from counterfoil.storage import inbox, mirror
from counterfoil.storage.means import Means
from counterfoil.storage.models import Account, Copy, Entry, Head
from counterfoil.workflow.grow import Grower
from counterfoil.workflow.slots import slot_of


def means(server: Server) -> Means:
    """What an action works with, as the pages make it."""
    now = server.now()

    def entries() -> list[bytes]:
        with server.log(read_only=True) as log:
            return list(log.entries())

    return Means(
        now=now,
        slot=server.slot,
        at_once=slot_of(now - timedelta(seconds=600), 600),
        objects=server.objects,
        pictures=server.pictures,
        intake=server.intake,
        state=server.state,
        entries=entries,
        pseudonyms=server.pseudonyms,
        site=server.settings.site,
    )


def picture(text: str = "", width: int = 640, height: int = 480) -> bytes:
    """A picture of ours with a pattern that `text` decides."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    coarse = np.random.default_rng(seed).integers(60, 220, (12, 16, 3), dtype=np.uint8)
    image = np.kron(coarse, np.ones((height // 12, width // 16, 1), dtype=np.uint8))
    return encode(image)


def bring(server: Server, station: str = "001", text: str = "", *, page: int = 1, kind: str = "wall_copy") -> Copy:
    """A copy with its picture and its entry, as it is after its batch was sealed."""
    data = picture(text or station)
    named = server.pictures.put(data)
    made = commit(data, random=lambda n: hashlib.sha256(f"{station}{text}".encode()).digest()[:n])
    copy = Copy.objects.create(
        copy=made.copy,
        salt=made.salt.hex(),
        picture=named["sha256"],
        width=640,
        height=480,
        exact=named["sha256"],
        station=station,
        contest="president",
        page=page,
        kind=kind,
        lane="stranger",
        slot=server.slot,
        state="agreed",
    )
    body = {
        "type": "copy",
        "copy": copy.copy,
        "station": station,
        "contest": "president",
        "page": page,
        "kind": kind,
    }
    inbox.say(body, slot=server.slot)
    return copy


def read(server: Server, copy: Copy, by: Account, **values: int) -> Entry:
    """A reading of a copy by a person."""
    body = {
        "type": "reading",
        "copy": copy.copy,
        "reader": hashlib.sha256(f"{by.pk}{copy.copy}".encode()).hexdigest()[:16],
        "values": values,
    }
    return inbox.say(body, slot=server.slot, author=by, station=copy.station)


Forward = Callable[..., None]


def grow(server: Server, forward: Forward, *, publish: bool = False) -> None:
    """The slot ends, and what waits goes into the log; with `publish` the site is written."""
    forward(minutes=10)
    while True:
        head = Head.objects.get()
        batch = inbox.seal(server.now(), 600, server.intake, server.pictures, lambda copies: None, head)
        if batch is None:
            break
        with server.log() as log:
            inbox.put_into_log(batch, log, head)
    mirror.mirror_tables(server.state())
    if publish:
        Grower(server.settings.folder, server.settings.site, load_key(server.settings.keys).sign_manifest).grow()
