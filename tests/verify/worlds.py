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

_READINGS = """\
station,voters,ballots,spoilt,valid,ada,bob,against
003,400,301,1,300,100,195,5
004,350,,illegible,150,90,60,struck
"""
_TABLE = """\
  - {kind: readings, file: readings.csv, contest: president, source: {name: An observers' organisation}}
"""


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
    """The example election, counted on the evening and on the morning after; one picture is released."""
    election = folder / "election"
    workflow.init(election)
    create_key(election / "keys", "counterfoil.example/example-2026", bytes(range(32)))  # the same bytes in every run
    create_secret(election / "keys", PSEUDONYM_KEY, bytes(range(32)).hex().encode() + b"\n")
    (election / "readings.csv").write_text(_READINGS)
    definition = (election / "election.yaml").read_text()
    (election / "election.yaml").write_text(definition.replace("tables: ", f"tables:\n{_TABLE}#", 1))
    workflow.count(election, folder / FIRST, now=EVENING)
    rows = (election / "transcripts.csv").read_text().rstrip("\n")
    more = "photo-5,002,president,1,photo,reader-{},,900,605,5,600,310,280,10"
    (election / "transcripts.csv").write_text("\n".join([rows, more.format(1), more.format(2), ""]))
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
