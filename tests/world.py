"""A small record in memory, for tests: entries and objects as the log would hold them, without a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from counterfoil.primitives.canonical import canonical, sha256_hex
from counterfoil.record.entries import encode_entry
from counterfoil.record.replay import replay
from counterfoil.record.state import Replay
from counterfoil.tally import compute
from counterfoil.tally.results import ContestTally

BATCH = "2026-03-01T20:00Z"


def definition(options: Sequence[str] = ("ada", "bob"), **more: Any) -> dict[str, Any]:
    """An election with one contest `president` on one form, which states valid votes, ballots cast and the register."""
    fields: list[dict[str, Any]] = [{"id": o} for o in options]
    fields += [{"id": name, "kind": "total"} for name in ("valid", "ballots_cast", "registered")]
    return {
        "counterfoil": 1,
        "id": "test-2026",
        "title": "A test",
        "country": "XX",
        "date": "2026-03-01",
        "contests": [
            {
                "id": "president",
                "form": "protocol",
                "base": {"kind": "valid", "official": "valid"},
                "options": [{"id": o} for o in options],
                "roles": {"registered": "registered", "ballots_cast": "ballots_cast", "valid": "valid"},
            }
        ],
        "forms": [{"id": "protocol", "fields": fields, "checks": []}],
        **more,
    }


def copy_id(label: str) -> str:
    return sha256(label.encode()).hexdigest()


def reader_id(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:16]


class World:
    """Entries are added in order; each method gives the index of its entry."""

    def __init__(self, plain: Mapping[str, Any] | None = None) -> None:
        self.entries: list[bytes] = []
        self.objects: dict[str, bytes] = {}
        self.add("election", definition=self.put(canonical(dict(plain or definition()))))

    def put(self, data: bytes) -> dict[str, Any]:
        name = sha256_hex(data)
        self.objects[name] = data
        return {"sha256": name, "bytes": len(data)}

    def add(self, type_: str, **values: Any) -> int:
        self.entries.append(encode_entry({"type": type_, "v": 1, "batch": BATCH, **values}))
        return len(self.entries) - 1

    def table(self, kind: str, text: str, **values: Any) -> int:
        """`text`: CSV, lines stripped."""
        lines = [line.strip() for line in text.strip().splitlines()]
        named = {"name": kind, "source": {"name": "a test"}, **values}
        if kind not in ("areas", "stations"):
            named.setdefault("contest", "president")
        data = ("\n".join(lines) + "\n").encode()
        return self.add("table", kind=kind, object=self.put(data), rows=len(lines) - 1, **named)

    def official(self, text: str, unit: str = "area", snapshot: str = "final", at: str = "2026-03-02") -> int:
        return self.table("official", text, unit=unit, snapshot=snapshot, announced_at=at)

    def stations(self, *names: str, area: str = "XX", registered: int | str = "") -> int:
        rows = "\n".join(f"{name},{area},{registered}" for name in names)
        return self.table("stations", "station,area,registered\n" + rows)

    def copy(self, label: str, station: str, page: int = 1) -> str:
        self.add("copy", copy=copy_id(label), station=station, contest="president", page=page, kind="wall")
        return copy_id(label)

    def read(self, label: str, reader: str, **values: int | str) -> int:
        who = reader if "@" in reader else reader_id(reader)
        return self.add("reading", copy=copy_id(label), reader=who, values=values)

    def problem(self, label: str, reader: str, problem: str) -> int:
        return self.add("reading", copy=copy_id(label), reader=reader_id(reader), problem=problem)

    def decide(self, station: str, action: str, label: str | None = None, **values: int | str) -> int:
        more: dict[str, Any] = {"copy": copy_id(label)} if label else {}
        if values:
            more["values"] = values
        return self.add("decision", station=station, contest="president", action=action, reason="read_again", **more)

    def replay(self, size: int | None = None) -> Replay:
        return replay(self.entries, self.objects.__getitem__, size=size)

    def tally(self, contest: str = "president") -> ContestTally:
        return compute(self.replay()).contests[contest]  # type: ignore[index]
