"""The dress rehearsal of the machine: photos through the real pipeline, in a scratch server on the same disk.

The scratch server (`workflow.preflight.scratch_of`) has its own keys, database and record, and is deleted afterwards;
nothing enters the real one.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from django.db import connections

from counterfoil.bootstrap.jobs import grow_now
from counterfoil.bootstrap.prepare import prepare
from counterfoil.bootstrap.server import Server
from counterfoil.primitives.errors import CounterfoilError
from counterfoil.storage.arrivals import Door, receive
from counterfoil.storage.models import Copy, Station
from counterfoil.workflow.preflight import Check
from counterfoil.workflow.sending import Claim

LEAST_PER_S = 0.5
"""Photos in a second; below it a queue grows on election night even where nobody floods."""
MOST_PUBLISH_S = 60.0
Progress = Callable[[str, int, int], None]


def pipeline_checks(photos: Sequence[tuple[str, bytes]], count: int, progress: Progress) -> Iterator[Check]:
    """Send `count` photos, taken in turn from `photos` (name, bytes), to the server of this process, and publish.

    Raises:
        InputError: a file of the election is not what it must be.
    """
    at = prepare()
    try:
        yield Check("jail", "Jail of the decoders", at.sandbox.level.name.lower())
        yield _files(at, photos)
        yield _load(at, photos, count, progress)
        yield _publish(at)
    finally:
        at.close()


def _files(at: Server, photos: Sequence[tuple[str, bytes]]) -> Check:
    refused = []
    for name, data in photos:
        try:
            receive(_door(at), data, Claim())
        except CounterfoilError as error:
            refused.append(f"{name}: {error.code}")
    text = f"{len(photos) - len(refused)} of {len(photos)} kinds of files were taken"
    mend = "" if not refused else f"look at {', '.join(refused[:5])}"
    return Check("files", "Files", text, mend)


def _door(at: Server) -> Door:
    return Door(at.sandbox, at.intake, at.pepper, at.slot, at.templates)


def _load(at: Server, photos: Sequence[tuple[str, bytes]], count: int, progress: Progress) -> Check:
    """As many senders at once as pictures are decoded at once."""
    stations = list(Station.objects.values_list("pk", flat=True)[: max(1, count)])
    contest = at.election.contests[0].id
    numbers, done, failed = itertools.count(), itertools.count(1), []

    def send() -> None:
        try:
            while (number := next(numbers)) < count:
                try:
                    claim = Claim(stations[number % len(stations)], contest, 1, "other")
                    receive(_door(at), photos[number % len(photos)][1], claim)
                except CounterfoilError as error:
                    failed.append(error.code)
                progress("send photos", next(done), count)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(at.settings.sandboxes)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = count / max(0.001, time.monotonic() - began)
    mend = ""
    if failed:
        mend = f"{len(failed)} were not taken ({', '.join(sorted(set(failed)))}): see to that first"
    elif rate < LEAST_PER_S:
        mend = "use a machine with more cores, and set `sandboxes` to their number"
    return Check("load", "Photos sanitised and synced", f"{count} photos, {rate:.1f} in a second", mend)


def _publish(at: Server) -> Check:
    began = time.monotonic()
    grow_now(at)
    took = time.monotonic() - began
    slow = took > MOST_PUBLISH_S
    text = f"{took:.0f} s for {Station.objects.count()} stations and {Copy.objects.count()} copies"
    mend = "the site will be more than a minute behind: use a quicker machine" if slow else ""
    return Check("publish", "From a sealed batch to the site", text, mend)
