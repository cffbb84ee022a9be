"""A small real publication, counted twice, and what somebody with or without the log's key can do to it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from counterfoil import workflow
from counterfoil.record.builder import TileBuilder
from counterfoil.record.checkpoint import Checkpoint, open_checkpoint
from counterfoil.record.entries import encode_entry
from counterfoil.record.keys import create_key, create_secret, load_key, load_seed
from counterfoil.record.layout import VKEY
from counterfoil.record.log import Log
from counterfoil.record.manifest import MANIFEST, encode_manifest
from counterfoil.record.note import Signer, Verifier, sign
from counterfoil.record.objects import ObjectStore
from counterfoil.record.reader import FolderReader, read_entries
from counterfoil.verify import Report, verify_folder
from counterfoil.workflow.holdings import PSEUDONYM_KEY
from tests.record.worlds import MemoryReader

EVENING, MORNING = datetime(2026, 3, 1, 20, 0, tzinfo=UTC), datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PICTURE = b"\xff\xd8 stands for a masked picture \xff\xd9"
FIRST, SECOND = "first", "second"

_DEFINITION = """\
counterfoil: 1
id: example-2026
title: {en: An example election}
country: XX
date: 2026-03-01
languages: [en]
contests:
  - id: president
    title: {en: President}
    form: protocol
    base: {kind: valid, official: valid}
    roles: {registered: voters, ballots_cast: ballots, valid: valid, invalid: spoilt}
    options: [{id: ada, name: Ada}, {id: bob, name: Bob}, {id: against, name: Against all, kind: against_all}]
forms:
  - id: protocol
    title: {en: Protocol}
    fields:
      - {id: voters, kind: total}
      - {id: ballots, kind: total}
      - {id: spoilt, kind: total}
      - {id: valid, kind: total}
      - {id: ada}
      - {id: bob}
      - {id: against}
    checks: [{id: options, rule: ada + bob + against == valid, code: sum-mismatch}]
agreement: {persons: 2}
min_cell: 5
tables:
  - {kind: areas, file: areas.csv}
  - {kind: stations, file: stations.csv}
  - {kind: readings, file: readings.csv, contest: president, source: {name: An observers' organisation}}
  - {kind: official, file: official.csv, contest: president, snapshot: first, announced_at: 2026-03-02,
     source: {name: The authority}}
  - {kind: reports, file: reports.csv, contest: president, source: {name: Photos of ballots}}
entries:
  - {kind: transcripts, file: transcripts.csv}
  - {kind: notices, file: notices.csv}
"""
_FILES = {
    "election.yaml": _DEFINITION,
    "areas.csv": """\
area,parent,name,kind,expected_stations,deadline
XX,,Exampleland,country,,
NORTH,XX,Northern region,region,,2026-03-04
SOUTH,XX,Southern region,region,,2026-03-04
""",
    "stations.csv": """\
station,area,name,kind,registered,latitude,longitude
001,NORTH,School 1,town,1200,50.10,20.10
002,NORTH,Library,town,900,50.20,20.30
003,SOUTH,Village hall,village,400,49.10,20.20
004,SOUTH,School 4,village,350,49.00,20.40
""",
    "readings.csv": """\
station,voters,ballots,spoilt,valid,ada,bob,against
003,400,301,1,300,100,195,5
004,350,,illegible,150,90,60,struck
""",
    "official.csv": """\
area,item,value
XX,valid,1900
XX,ada,700
XX,bob,1150
XX,against,50
""",
    "reports.csv": """\
station,area,option,reports
001,NORTH,ada,61
001,NORTH,bob,12
004,SOUTH,ada,33
""",
    "transcripts.csv": """\
copy,station,contest,page,kind,reader,problem,voters,ballots,spoilt,valid,ada,bob,against
wall-1,001,president,1,wall_copy,reader-1,,1200,810,10,800,450,330,20
wall-1,001,president,1,wall_copy,reader-2,,1200,810,10,800,450,330,20
photo-2,002,president,1,photo,reader-1,,900,605,5,600,310,280,10
photo-2,002,president,1,photo,reader-3,,900,605,5,600,310,280,10
photo-3,003,president,1,photo,reader-2,page_missing,,,,,,,
""",
    "notices.csv": """\
kind,text
announced,The count begins.
""",
}
_LATER = "photo-5,002,president,1,photo,reader-{},,900,605,5,600,310,280,10\n"


@dataclass
class Published:
    """The files of a publication, as a dictionary that a test may change; and the key, for those who have it."""

    files: dict[str, bytes]
    signer: Signer
    older: dict[str, bytes] = field(default_factory=dict)
    """The publication before."""

    def copy(self) -> Published:
        return Published(dict(self.files), self.signer, self.older)

    @property
    def checkpoint(self) -> Checkpoint:
        return open_checkpoint(self.files["record/checkpoint"], Verifier(self.signer.vkey))[0]

    def entries(self) -> list[bytes]:
        return list(read_entries(MemoryReader(self.files), self.checkpoint.size, "record/"))

    def path(self, start: str, end: str = "") -> str:
        """The one path that starts and ends so."""
        (found,) = [path for path in self.files if path.startswith(start) and path.endswith(end)]
        return found

    def verify(self, *, key: str | None = None, seen: bytes | None = None, pages: bool = False) -> Report:
        return verify_folder(MemoryReader(self.files), key=key, seen=seen, pages=pages)

    def write(self, to: Path) -> Path:
        for path, data in self.files.items():
            (to / path).parent.mkdir(parents=True, exist_ok=True)
            (to / path).write_bytes(data)
        return to

    # What the holder of a key can do

    def resign(self, signer: Signer | None = None) -> None:
        """A new manifest over the files as they now are."""
        key = signer or self.signer
        digests = [(path, hashlib.sha256(data).hexdigest()) for path, data in self.files.items() if path != MANIFEST]
        self.files[MANIFEST] = sign(encode_manifest(self.checkpoint_of(key), digests), key)

    def checkpoint_of(self, signer: Signer) -> Checkpoint:
        return open_checkpoint(self.files["record/checkpoint"], Verifier(signer.vkey))[0]

    def rewrite_log(self, entries: list[bytes], sizes: list[int], signer: Signer | None = None) -> None:
        """Another log of the same name: tiles and checkpoints of `entries`, signed, at `sizes`."""
        key = signer or self.signer
        for path in [
            p for p in self.files if p.startswith(("record/tile/", "record/checkpoints/", "record/manifests/"))
        ]:
            del self.files[path]
        tree = TileBuilder()
        for size in sizes:
            made = dict(tree.grow(entries[tree.size : size]))
            self.files.update({f"record/{path}": data for path, data in made.items()})
            note = Checkpoint(key.name, size, tree.root()).sign(key)
            self.files[f"record/checkpoints/{size}"] = self.files["record/checkpoint"] = note
        self.files[f"record/{VKEY}"] = f"{key.vkey}\n".encode()
        self.resign(key)


def publish(folder: Path) -> Published:
    """A small election, counted on the evening and on the morning after; one picture is released."""
    election = folder / "election"
    election.mkdir()
    for name, text in _FILES.items():
        (election / name).write_text(text)
    create_key(election / "keys", "counterfoil.example/example-2026", bytes(range(32)))  # the same bytes in every run
    create_secret(election / "keys", PSEUDONYM_KEY, bytes(range(32)).hex().encode() + b"\n")
    workflow.count(election, folder / FIRST, now=EVENING)
    (election / "transcripts.csv").write_text(_FILES["transcripts.csv"] + _LATER.format(1) + _LATER.format(2))
    workflow.count(election, now=MORNING)
    _release(election)
    workflow.publish(election, folder / SECOND)
    signer = Signer(*load_seed(election / "keys"))
    older, newest = (_read(folder / name) for name in (FIRST, SECOND))
    return Published(newest, signer, older)


def _release(election: Path) -> None:
    with Log.open(election / "record", load_key(election / "keys")) as log:
        copy = next(e for e in map(_parsed, log.entries()) if e["type"] == "copy")["copy"]
        named = ObjectStore(election / "objects").put(PICTURE)
        entry = {"type": "release", "v": 1, "batch": "2026-03-02T08:00Z", "copy": copy, "object": named, "mask": "none"}
        log.append([encode_entry(entry)])


def _parsed(data: bytes) -> dict[str, str]:
    return json.loads(data)  # type: ignore[no-any-return]


def _read(folder: Path) -> dict[str, bytes]:
    reader = FolderReader(folder)
    return {path: reader.read(path) for path in reader.names()}


def load_check(path: Path) -> ModuleType:
    """check.py as it lies in a publication."""
    spec = importlib.util.spec_from_file_location("check_of_a_publication", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
