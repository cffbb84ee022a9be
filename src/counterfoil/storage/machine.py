"""Machine readings: which copies are to be read, who reads one now, what is kept, and when the record hears of it.

    claim -> (the jail reads, outside of any transaction) -> keep | failed

Rules:

* What is due follows from rows: a sealed copy with a picture that the machine, as it is now, has not read. The queue is
  a hint; killed in the middle, the claim runs out and the copy is read again.
* A claim is one row, made or taken over in one statement: two worker hosts never read one copy in vain.
* The reading enters the record (`say_if_time`) only once people have typed the copy; until then no page shows it.
* A copy that was moved has its earlier reading: the picture is the same.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from counterfoil.election.definition import Election
from counterfoil.primitives.cells import Cell
from counterfoil.storage import inbox
from counterfoil.storage.models import Batch, Copy, Entry, MachineReading, Station
from counterfoil.workflow import machine as rules
from counterfoil.workflow.machine import MachineRead
from counterfoil.workflow.work import AGREED, Said, Work, fields_of

CLAIM_S = 150
"""Longer than any photo takes; after it another worker may try."""
MOST_TRIES = 3
AGAIN_S = 30
"""After a failure, before the next try."""


def to_read(made_by: str, contests: Sequence[str], now: datetime) -> QuerySet[Copy]:
    """Copies of these contests, or of which nobody said the contest, that the machine, as it is now, has not read and
    nobody reads at this moment."""
    over = Q(made_by=made_by, state__in=("read", "failed")) | Q(taken_until__gt=now)
    done = MachineReading.objects.filter(over, copy=OuterRef("pk"))
    return _readable(contests).filter(~Exists(done))


def _readable(contests: Sequence[str]) -> QuerySet[Copy]:
    return Copy.objects.exclude(picture="").exclude(state="withdrawn").filter(contest__in=[*contests, ""])


def newest_batch() -> uuid.UUID | None:
    """Changes when copies came in."""
    return Batch.objects.order_by("-size_before").values_list("pk", flat=True).first()


def claim(made_by: str, contests: Sequence[str], now: datetime) -> Copy | None:
    """A copy for the caller alone, until `keep`, `failed` or the claim's end. None: nothing is due."""
    due = to_read(made_by, contests, now)
    start = secrets.token_hex(32)  # names of copies are random: hosts that begin anywhere rarely want the same one
    while (copy := due.filter(pk__gte=start).order_by("pk").first() or due.order_by("pk").first()) is not None:
        if _claimed(copy, made_by, now):
            return copy
    return None


def _claimed(copy: Copy, made_by: str, now: datetime) -> bool:
    until = now + timedelta(seconds=CLAIM_S)
    new = {"made_by": made_by, "taken_until": until}
    with transaction.atomic():
        _, made = MachineReading.objects.get_or_create(copy=copy, defaults=new)
        if made:
            return True
        free = MachineReading.objects.filter(copy=copy).exclude(made_by=made_by, state__in=("read", "failed"))
        free = free.filter(Q(taken_until=None) | Q(taken_until__lte=now))
        other = free.exclude(made_by=made_by).update(**new, state="taken", tries=0)
        return bool(other or free.filter(made_by=made_by).update(**new))


def earlier(copy: Copy, made_by: str) -> MachineRead | None:
    """What the machine, as it is now, read of the same picture under another name."""
    same = MachineReading.objects.filter(copy__picture=copy.picture, made_by=made_by, state="read").exclude(copy=copy)
    row = same.first() if copy.moved_from_id is not None else None
    return rules.of_data(row.found) if row is not None else None


def keep(copy: Copy, read: MachineRead, made_by: str) -> bool:
    """Keep what was read; whether the claim was still the caller's. The caller refreshes the copy."""
    mine = MachineReading.objects.filter(copy=copy, made_by=made_by, state="taken")
    return bool(
        mine.update(
            state="read",
            taken_until=None,
            found=read.data(),
            read_by=made_by,
            template=read.template,
            rank=rules.rank(read),
        )
    )


def failed(copy: Copy, made_by: str, now: datetime) -> None:
    """It could not be read this time: tried again a little later, a few times."""
    row = MachineReading.objects.filter(copy=copy, made_by=made_by, state="taken").first()
    if row is None:
        return
    row.tries += 1
    over = row.tries >= MOST_TRIES
    row.state, row.taken_until = ("failed", None) if over else ("taken", now + timedelta(seconds=AGAIN_S))
    row.save(update_fields=["tries", "state", "taken_until"])


def give_up(copy: Copy, made_by: str) -> None:
    """It was not tried at all: it is as if nobody had claimed it."""
    MachineReading.objects.filter(copy=copy, made_by=made_by, state="taken").update(taken_until=None)


# --- what is known of a copy ------------------------------------------------------------------------------------


def found(copy: Copy) -> MachineRead | None:
    """The newest reading of a copy, whatever it says."""
    row = MachineReading.objects.filter(copy=copy).exclude(read_by="").first()
    return rules.of_data(row.found) if row is not None else None


def fitting(copy: Copy, election: Election) -> MachineRead | None:
    """The reading, where it is one of the very form and page that the copy stands under."""
    read = found(copy)
    return read if read is not None and fits(read, copy, election) else None


def fits(read: MachineRead, copy: Copy, election: Election) -> bool:
    """Whether these figures are of the form and page that the copy stands under."""
    if not read.accepted or not copy.station or copy.contest not in {c.id for c in election.contests}:
        return False
    form = election.form(election.contest(copy.contest).form)
    same = form.template is not None and (form.template.name, copy.page) == (read.template, read.page)
    return same and read.fields.keys() <= set(fields_of(form, copy.page))


def code_says(copy: Copy) -> tuple[str, int]:
    """Station and page that a code printed on the paper names, if it does and they are ours: "" and 0 else. Two codes
    that differ say nothing. What was read when the photo came in counts like what the kept copy still shows."""
    read = found(copy)
    said: dict[str, set[str]] = {}
    for what, word in (*copy.printed, *(read.codes if read is not None else ())):
        said.setdefault(what, set()).add(word)
    stations = said.get("station", set())
    known = Station.objects.filter(pk__in=stations).values_list("pk", flat=True)
    pages = said.get("page", set())
    station = known[0] if len(stations) == 1 and len(known) == 1 else ""
    return station, int(next(iter(pages))) if len(pages) == 1 else 0


def sure_of(copy: Copy, election: Election) -> dict[str, Cell]:
    """Fields of which the machine is sure, with what it read."""
    read = fitting(copy, election)
    return rules.sure(read, election.agreement) if read is not None else {}


def rank_of(copy: Copy) -> int:
    """For the order of work."""
    row = MachineReading.objects.filter(copy=copy).exclude(read_by="").values_list("rank", flat=True).first()
    return 1 if row is None else row


def contests_with_template(election: Election) -> list[str]:
    """The contests whose protocols the machine can read."""
    return [c.id for c in election.contests if election.form(c.form).template is not None]


# --- into the record --------------------------------------------------------------------------------------------


def say_if_time(copy: Copy, said: Said, made: Work, election: Election, slot: str) -> bool:
    """Put the reading into the record, if people have typed the copy and it does not stand there; whether it was said.

    What an earlier version read is replaced. One that organisers withdrew does not come back.
    """
    read = fitting(copy, election)
    if read is None or said.withdrawn:
        return False
    names = set(fields_of(election.form(election.contest(copy.contest).form), copy.page))
    persons = {a.reader for a in said.answers if not a.machine and names <= a.values.keys()}
    if not rules.may_be_said(len(persons), made.state in AGREED, election.agreement):
        return False
    program = f"{rules.READER}@{MachineReading.objects.get(copy=copy).read_by.partition(' ')[0]}"
    entries = list(Entry.objects.filter(copy=copy.pk, type__in=("copy", "reading")))
    before = [e for e in entries if e.type == "reading" and "@" in e.body["reader"]]
    standing = [e for e in before if not e.withdrawn]
    body = {"type": "reading", "copy": copy.pk, "reader": program, **rules.entry(read, election.agreement)}
    mine = [e for e in before if e.body["reader"] == program]
    withdrawn_for_good = bool(mine) and not standing
    if len(before) == len(entries) or withdrawn_for_good or any(e.body == body for e in mine if e in standing):
        return False
    for old in standing:
        inbox.say({"type": "withdrawal", "reason": "replaced"}, slot=slot, refers=[old])
    inbox.say(body, slot=slot, program=program, station=copy.station)
    return True


# --- for organisers ---------------------------------------------------------------------------------------------


def progress(contests: Sequence[str]) -> dict[str, int]:
    """Copies of these contests by what the machine made of them: `read`, `refused`, `failed`, `waiting`."""
    read = MachineReading.objects.exclude(read_by="").exclude(copy__state="withdrawn")
    known = {
        "read": read.exclude(template="").count(),
        "refused": read.filter(template="").count(),
        "failed": MachineReading.objects.filter(state="failed", read_by="").count(),
    }
    return {**known, "waiting": max(0, _readable(contests).count() - sum(known.values()))}


def short_rows(contest: str) -> Iterator[tuple[str, str, str, int]]:
    """Station, copy, by whom it was read and page of each row of one contest, in the order of stations."""
    return _placed(contest).values_list("copy__station", "copy_id", "read_by", "copy__page").iterator(chunk_size=10_000)


def long_rows(
    contest: str, election: Election, stations: Sequence[str]
) -> Iterator[tuple[tuple[str, str, str, int], MachineRead | None]]:
    """Rows of these stations as `short_rows` has them, with the reading; None where it does not fit."""
    for row in _placed(contest).filter(copy__station__in=stations).select_related("copy"):
        read = rules.of_data(row.found)
        short = (row.copy.station, row.copy_id, row.read_by, row.copy.page)
        yield short, read if fits(read, row.copy, election) else None


def _placed(contest: str) -> QuerySet[MachineReading]:
    rows = MachineReading.objects.filter(copy__contest=contest).exclude(template="")
    rows = rows.exclude(copy__station="").exclude(copy__state="withdrawn")
    return rows.order_by("copy__station", "copy__page", "copy_id")


def label(copy: Copy, settled: Mapping[str, Cell], election: Election) -> dict[str, Any] | None:
    """What people settled of a copy, beside what the machine read (`bootstrap.labels`); None: it shows another page."""
    read = fitting(copy, election)
    if read is None or not copy.picture or not settled:
        return None
    return {
        "sheet": f"{copy.station} {copy.contest} {copy.page}",
        "picture": copy.picture,
        "template": read.template,
        "page": read.page,
        "calibration": _calibration(copy),
        "quad": [[x * copy.width / rules.WHOLE, y * copy.height / rules.WHOLE] for x, y in read.quad],
        "fields": {
            name: {
                "state": "number" if isinstance(cell, int) else cell.value,
                "value": cell if isinstance(cell, int) else None,
                "machine": _plain(read, name),
            }
            for name, cell in settled.items()
        },
    }


def _calibration(copy: Copy) -> str:
    """The calibration in the newest reader's version: `1` is as shipped, `1-fit2` the second fit."""
    made_by = MachineReading.objects.values_list("read_by", flat=True).get(copy=copy)
    return made_by.partition(" ")[0].partition("-")[2] or "shipped"


def _plain(read: MachineRead, name: str) -> dict[str, Any] | None:
    one = read.fields.get(name)
    if one is None:
        return None
    return {
        "raw": one.raw,
        "state": one.state,
        "value": one.value,
        "p": one.millionths / rules.WHOLE,
        "outcome": one.outcome,
    }


def settled_copies(after: str = "", most: int = 500) -> Sequence[Copy]:
    """Copies that people settled, by name, from behind `after`."""
    return list(Copy.objects.filter(state__in=AGREED, pk__gt=after).order_by("pk")[:most])
