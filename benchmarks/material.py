"""What the benchmarks work on: simulated elections as folders, and a log of single copies and readings.

Made once per size below `--work`, outside the measured time; one seed, so that two runs measure the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from counterfoil.primitives.canonical import canonical, sha256_hex
from counterfoil.record.builder import TileBuilder
from counterfoil.simulate.country import make_country
from counterfoil.simulate.election import definition, write_election

OPTIONS = 10
SEED = 2026
BATCH = "2026-03-02T10:00Z"
FIELDS = ("registered", "ballots_cast", "valid", "invalid")


def bulk_folder(work: Path, stations: int) -> Path:
    """An honest election with one table of readings: 10 options, 30 % of the stations missing."""
    folder = work / f"election-{stations}"
    if not folder.exists():
        write_election("honest", seed=SEED, to=folder, stations=stations, options=OPTIONS, bulk=True)
    return folder


def single_entries(work: Path, copies: int) -> Path:
    """A log (tiles, bundles, `root.json`; unsigned) of one copy per station and two readings of each."""
    folder = work / f"entries-{copies}"
    if not (folder / "root.json").exists():
        builder = TileBuilder()
        for path, data in builder.grow(_entries(folder, copies)):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        (folder / "root.json").write_text(json.dumps({"size": builder.size, "root": builder.root().hex()}))
    return folder


def _entries(folder: Path, copies: int) -> Iterator[bytes]:
    """Election, areas, stations, then a copy and its two readings each, as canonical bytes."""
    country = make_country(np.random.Generator(np.random.PCG64(SEED)), copies, OPTIONS)
    plain = definition(country, "benchmark")
    yield canonical({"type": "election", "v": 1, "batch": BATCH, "definition": _object(folder, canonical(plain))})
    for kind, frame in (("areas", country.areas), ("stations", country.stations)):
        named = _object(folder, frame.write_csv().encode("utf-8"))
        yield canonical(
            {
                "type": "table",
                "v": 1,
                "batch": BATCH,
                "kind": kind,
                "name": kind,
                "object": named,
                "rows": frame.height,
                "source": {"name": "benchmark"},
            }
        )
    # Written by hand in canonical form: keys in order, no spaces. The replay refuses any other form.
    names = sorted([*FIELDS, *country.options])
    valid = country.votes.sum(axis=1)
    columns = {
        "registered": country.registered,
        "ballots_cast": country.cast,
        "valid": valid,
        "invalid": country.invalid,
    }
    columns |= {option: country.votes[:, i] for i, option in enumerate(country.options)}
    values = np.column_stack([columns[name] for name in names]).tolist()
    form = "{" + ",".join(f'"{name}":%d' for name in names) + "}"
    for station, figures in zip(country.ids, values, strict=True):
        copy = sha256_hex(station.encode())
        yield (
            f'{{"batch":"{BATCH}","contest":"president","copy":"{copy}","kind":"photo","page":1,'
            f'"station":"{station}","type":"copy","v":1}}'
        ).encode()
        text = form % tuple(figures)
        for reader in (copy[:16], copy[16:32]):
            yield (
                f'{{"batch":"{BATCH}","copy":"{copy}","reader":"{reader}","type":"reading","v":1,"values":{text}}}'
            ).encode()


def _object(folder: Path, data: bytes) -> dict[str, str | int]:
    sha256 = sha256_hex(data)
    target = folder / "objects" / sha256[:2] / sha256
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return {"sha256": sha256, "bytes": len(data)}
