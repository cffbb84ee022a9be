"""The record's tables in the database: areas and stations for searching, and which entries are tables.

Rules: everything here can be dropped and made again from the record. A database that is new beside a record that exists
takes the record as it is (`adopt`); what readers had typed is then in the record only, not by person.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from django.db import transaction

from counterfoil.record.entries import encode_entry
from counterfoil.record.log import Log
from counterfoil.record.state import Replay
from counterfoil.storage import search
from counterfoil.storage.models import Area, Entry, Head, Setting, Station

_TABLES = "mirrored-tables"
_OF_TABLES = ("election", "table", "withdrawal")


def adopt(log: Log, head: Head) -> None:
    """Take the entries that the log has as recorded."""
    rows = []
    for index, data in enumerate(log.entries()):
        body = json.loads(data)
        slot = body.pop("batch")
        body.pop("v")
        rows.append(
            Entry(
                type=body["type"],
                body=body,
                copy=body.get("copy", ""),
                station=body.get("station", ""),
                contest=body.get("contest", ""),
                slot=slot,
                index=index,
            )
        )
        if len(rows) == 5000:
            Entry.objects.bulk_create(rows)
            rows = []
    Entry.objects.bulk_create(rows)
    head.size, head.root = log.size, log.root.hex()
    head.save()


def tables_stamp() -> str:
    """Changes when an entry that can change the tables was recorded."""
    newest = (
        Entry.objects.filter(type__in=_OF_TABLES, index__isnull=False)
        .order_by("-index")
        .values_list("index", flat=True)
    )
    return str(newest.first())


def table_entries() -> list[bytes]:
    """The entries of elections and tables, and the withdrawals of them, as a small log of its own: what names an entry
    by its index names it by its place here."""
    rows = list(Entry.objects.filter(type__in=("election", "table"), index__isnull=False).order_by("index"))
    place = {row.index: i for i, row in enumerate(rows)}
    by_id = {str(row.pk): row.index for row in rows}
    found = []
    for row in rows:
        body = dict(row.body)
        if "replaces" in body:
            body["replaces"] = place[body["replaces"]]
        found.append(encode_entry({**body, "v": 1, "batch": row.slot}))
    for row in Entry.objects.filter(type="withdrawal", index__isnull=False).order_by("index"):
        target = by_id.get(row.refers[0]) if row.refers else row.body["entry"]
        if target in place:
            found.append(encode_entry({**row.body, "entry": place[target], "v": 1, "batch": row.slot}))
    return found


def mirror_tables(state: Replay) -> None:
    """Areas and stations as the record has them now."""
    stamp = hashlib.sha256(repr([(t.entry, t.sha256) for t in state.tables]).encode()).hexdigest()
    with transaction.atomic():
        kept = Setting.objects.filter(pk=_TABLES).first()
        if kept is not None and kept.value == stamp:
            return
        areas = {row["area"]: row for row in state.areas.iter_rows(named=True)}
        for area in _parents_first(areas):
            row = areas[area]
            Area.objects.update_or_create(
                pk=area,
                defaults={
                    "parent_id": row["parent"],
                    "name": row["name"] or area,
                    "kind": row["kind"] or "",
                    "deadline": row["deadline"] or "",
                },
            )
        names = {area: _line_of(area, areas) for area in areas}
        stations = []
        for row in state.stations.iter_rows(named=True):
            if row["replaced_by"] is not None:
                continue
            stations.append(
                Station(
                    id=row["station"],
                    area_id=row["area"],
                    name=row["name"] or "",
                    kind=row["kind"] or "",
                    registered=row["registered"],
                    latitude=row["latitude"],
                    longitude=row["longitude"],
                    search=f"{row['station']} {row['name'] or ''} {names[row['area']]}".casefold(),
                    spread=_spread(row["station"]),
                )
            )
        Station.objects.bulk_create(
            stations,
            batch_size=2000,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["area", "name", "kind", "registered", "latitude", "longitude", "search", "spread"],
        )
        search.build()
        Setting.objects.update_or_create(pk=_TABLES, defaults={"value": stamp})


def _parents_first(areas: dict[str, dict[str, object]]) -> Iterator[str]:
    done: set[str | None] = {None}
    left = list(areas)
    while left:
        ready = [area for area in left if areas[area]["parent"] in done]
        yield from ready
        done.update(ready)
        left = [area for area in left if area not in done]


def _line_of(area: str, areas: dict[str, dict[str, object]]) -> str:
    names, at = [], area
    while at in areas:
        names.append(str(areas[at]["name"] or at))
        parent = areas[at]["parent"]
        at = str(parent) if parent is not None else ""
    return " ".join(names)


def _spread(station: str) -> int:
    """A fixed, evenly spread rank: the early sample is geographically mixed and nobody chose it."""
    return int.from_bytes(hashlib.sha256(station.encode("utf-8")).digest()[:3], "big")
