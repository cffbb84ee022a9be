"""A second count of a publication in plain Python that shares no line with Counterfoil: only the files are common.

From `record/` and `objects/`: the tree's root, stations by state, votes, reports beside protocols, what was announced.
Leaves out signatures, bounds, forms of several pages, and choosing or excluding copies and stations.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections import Counter, defaultdict
from hashlib import sha256
from pathlib import Path
from typing import Any

Cell = int | str


def root_of(hashes: list[bytes]) -> bytes:
    split = 1 << ((len(hashes) - 1).bit_length() - 1) if len(hashes) > 1 else 0
    return sha256(b"\1" + root_of(hashes[:split]) + root_of(hashes[split:])).digest() if split else hashes[0]


def read_entries(site: Path) -> list[dict[str, Any]]:
    size, root = (site / "record/checkpoint").read_text("utf-8").split("\n")[1:3]
    entries, hashes = [], []
    for number in range(-(-int(size) // 256)):
        name, rest = f"{number % 1000:03}", number // 1000
        while rest:
            name, rest = f"x{rest % 1000:03}/{name}", rest // 1000
        width = min(256, int(size) - number * 256)
        data = (site / "record/tile/entries" / (name + (f".p/{width}" if width < 256 else ""))).read_bytes()
        at = 0
        while at < len(data):
            entry = data[at + 2 : (at := at + 2 + int.from_bytes(data[at : at + 2], "big"))]
            hashes.append(sha256(b"\0" + entry).digest())
            entries.append(json.loads(entry))
    if len(entries) != int(size) or root_of(hashes) != base64.b64decode(root):
        raise ValueError("the entries have another root")
    return entries


class Recount:
    def __init__(self, site: Path) -> None:
        self.site, self.entries = site, read_entries(site)
        gone = set[int]()
        for i in range(len(self.entries) - 1, -1, -1):
            if self.entries[i]["type"] == "withdrawal" and i not in gone:
                gone.add(self.entries[i]["entry"])
        gone |= {e["replaces"] for i, e in enumerate(self.entries) if i not in gone and "replaces" in e}
        self.live = [e for i, e in enumerate(self.entries) if i not in gone]
        election = json.loads(self.object([e for e in self.live if e["type"] == "election"][-1]["definition"]))
        contest = election["contests"][0]
        self.options = {o["id"]: o.get("field", o["id"]) for o in contest["options"]}
        self.cast, self.snapshot = contest.get("roles", {}).get("ballots_cast", ""), election.get("compare_with", "")
        form = next(f for f in election["forms"] if f["id"] == contest["form"])
        self.fields = {f["id"]: f for f in form["fields"]}
        self.tables = [(e, self.rows(e)) for e in self.live if e["type"] == "table"]
        self.parent = {r["area"]: r["parent"] for r in self.kind("areas")}
        self.area = {r["station"]: r["area"] for r in self.kind("stations")}
        self.received, self.read, self.disputed = set[str](), set[str](), set[str]()
        self.confirmed: dict[str, dict[str, int | None]] = {}
        self.count(self.papers())

    def object(self, name: dict[str, Any]) -> bytes:
        data: bytes = (self.site / "objects" / name["sha256"][:2] / name["sha256"]).read_bytes()
        if sha256(data).hexdigest() == name["sha256"]:
            return data
        raise ValueError(f"another object than {name}")

    def rows(self, table: dict[str, Any]) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.object(table["object"]).decode("utf-8"), newline="")))

    def kind(self, kind: str) -> list[dict[str, str]]:
        return [row for e, rows in self.tables if e["kind"] == kind for row in rows]

    def papers(self) -> dict[str, list[dict[str, Cell]]]:
        """Per station the table rows and agreed copies: what one paper says."""
        found: dict[str, list[dict[str, Cell]]] = defaultdict(list)
        for row in self.kind("readings"):
            texts = {f: row.get(f) or "absent" for f in self.fields}
            found[row["station"]].append({f: int(t) if t.lstrip("-").isdigit() else t for f, t in texts.items()})
        self.received |= set(found)
        self.read |= set(found)
        typed: dict[tuple[str, str], dict[str, Cell]] = defaultdict(dict)
        strange: dict[str, Counter[str]] = defaultdict(Counter)
        for e in self.live:
            for field, value in e.get("values", {}).items():
                # A decision stands over whatever was typed: as if two persons had typed it and nobody else.
                if e["type"] == "decision":
                    typed[e["copy"], field] = {"ruled": value, "again": value}
                else:
                    typed[e["copy"], field][e["reader"]] = value
            if "problem" in e:
                strange[e["copy"]][e["problem"]] += 1
        for e in self.live:
            if e["type"] != "copy" or max(strange[e["copy"]].values(), default=0) > 1:
                continue
            self.received.add(e["station"])
            said = {f: Counter(typed[e["copy"], f].values()) for f in self.fields}
            self.read |= {e["station"]} if any(said.values()) else set()
            agreed = {f: [v for v, n in voices.items() if n >= 2] for f, voices in said.items()}
            if all(len(values) == 1 for values in agreed.values()):
                found[e["station"]].append({f: values[0] for f, values in agreed.items()})
        return found

    def count(self, papers: dict[str, list[dict[str, Cell]]]) -> None:
        for station, all_ in papers.items():
            said = {f: {p[f] for p in all_} - {"illegible", "absent"} for f in self.fields}
            if any(len(values) > 1 for values in said.values()):
                self.disputed.add(station)
            else:
                self.confirmed[station] = {f: self.figure(f, *values) for f, values in said.items()}

    def figure(self, field: str, value: Cell = "absent") -> int | None:
        if isinstance(value, int):
            return value
        blank = value == "empty" and self.fields[field].get("empty") == "zero"
        return 0 if blank or (value in ("struck", "word") and self.fields[field].get("kind") != "total") else None

    def inside(self, station: str, area: str) -> bool:
        at = self.area[station]
        while at and at != area:
            at = self.parent[at]
        return at == area

    def votes(self, option: str, area: str) -> int:
        return sum(v[self.options[option]] or 0 for s, v in self.confirmed.items() if self.inside(s, area))

    def announced(self) -> dict[tuple[str, str], int]:
        official = [(e["announced_at"], i, e["snapshot"]) for i, (e, _) in enumerate(self.tables) if "snapshot" in e]
        chosen = (self.snapshot or max(official)[2], "area")
        rows = [r for e, rows in self.tables if (e.get("snapshot"), e.get("unit")) == chosen for r in rows]
        return {(r["area"], r["item"]): int(r["value"]) for r in rows if r["value"].isdigit()}

    def exceeding(self, option: str, area: str) -> tuple[int, int, int]:
        """Stations with more reports than votes, their excess, and how many more fail the gate."""
        told: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.kind("reports"):
            told[row["station"]][row["option"]] += int(row["reports"])
        over = []
        for station, figures in self.confirmed.items():
            votes = figures[self.options[option]]
            if votes is not None and 0 != told[station][option] > votes and self.inside(station, area):
                cast = max(figures.get(self.cast) or 0, sum(figures[f] or 0 for f in self.options.values()))
                over.append((told[station][option] - votes, told[station].total() <= cast and votes >= 0))
        return sum(ok for _, ok in over), sum(by for by, ok in over if ok), sum(not ok for _, ok in over)
