#!/usr/bin/env python3
"""Check this publication with nothing but Python (3.8 or newer) and this file. No installation, no network.

    python3 check.py [--key VERIFIER-KEY] [FOLDER]

In this order:
  signatures  every checkpoint and the manifest are signed by one Ed25519 key (RFC 8032, written out below)
  history     no older checkpoint is larger, or of the same size and different
  tree        the entries have the root that each checkpoint states (RFC 6962); the hash tiles follow from them
  entries     each is canonical JSON of a known type
  objects     each has the SHA-256 that it is named by; those that entries name are there
  files       no file was changed, added or taken away since the manifest was signed
  totals      the votes in data/results_wide.csv add up to data/summary.json; where a station's count rests on a table
              of the record, its figures are those of that table
NOT checked: counts that rest on single readings and decisions, comparison, bounds, findings, the pages and the other
data files: `counterfoil verify` computes them all again. Without --key the key is taken from this folder: that shows
that nothing was changed, not who made it. Exit code: 0 it holds, 1 something does not, 2 it can't be read.
"""
# ruff: noqa: T201 - it speaks to a person; nothing imports this file, it is copied into every publication

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - for Python 3.8

TYPES = ("election", "table", "copy", "reading", "decision", "report", "withdrawal", "release", "notice")


class Wrong(Exception):  # noqa: N818 - it is not a fault of the program
    """Something does not follow."""


def need(holds: object, sentence: str) -> None:
    if not holds:
        raise Wrong(sentence)


class Folder:
    def __init__(self, root: str) -> None:
        self.root = Path(root)

    def read(self, path: str) -> bytes:
        try:
            return (self.root / path).read_bytes()
        except OSError:
            raise Wrong(path + ": expected this file, found none") from None

    def names(self) -> Iterator[str]:
        for where, folders, files in os.walk(str(self.root)):
            for name in files + [name for name in folders if (Path(where) / name).is_symlink()]:
                yield (Path(where) / name).relative_to(self.root).as_posix()


# --- Ed25519, verifying only (RFC 8032 section 5.1.7). Slow, and not for signing: nothing here is secret. ---

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def add(a: Any, b: Any) -> Any:
    """Points as (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z."""
    k, m = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = m - k, d - c, d + c, m + k
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number: int, point: Any) -> Any:
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def decode_point(data: bytes) -> Any:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signature_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = decode_point(public), decode_point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(k, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


# --- Signed notes, checkpoints, the manifest ---


def strict_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        data = b""
    need(data and base64.b64encode(data).decode() == text, "not strict base64: " + text[:60])
    return data


class Key:
    def __init__(self, vkey: str) -> None:
        self.vkey = vkey
        self.name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        key = strict_base64(encoded)
        self.id, self.public = hashlib.sha256(self.name.encode() + b"\n" + key).digest()[:4], key[1:]
        need(len(key) == 33 and key[0] == 1 and self.id.hex() == key_id, "not an Ed25519 verifier key: " + vkey[:100])

    def open(self, note: bytes, where: str) -> str:
        """The text of a note that this key signed."""
        try:
            whole = note.decode("utf-8")
        except UnicodeDecodeError:
            raise Wrong(where + ": not a signed note") from None
        head, blank, lines = whole.rpartition("\n\n")
        need(blank and lines.endswith("\n"), where + ": not a signed note")
        signed = 0
        for line in lines[:-1].split("\n"):
            name, _, encoded = line[2:].partition(" ")
            need(line.startswith("\u2014 "), where + ": not a signature line: " + line[:60])
            signature = strict_base64(encoded)
            if name == self.name and signature[:4] == self.id:
                holds = signature_holds(self.public, (head + "\n").encode(), signature[4:])
                need(holds, where + ": the signature of " + name + " does not fit")
                signed += 1
        need(signed, where + ": not signed by " + self.vkey)
        return head + "\n"

    def checkpoint(self, note: bytes, where: str) -> tuple[int, bytes]:
        return self.parse(self.open(note, where).split("\n"), where)

    def parse(self, lines: list[str], where: str) -> tuple[int, bytes]:
        need(len(lines) == 4 and lines[0] == self.name and not lines[3], where + ": not a checkpoint of " + self.name)
        need(re.fullmatch("0|[1-9][0-9]*", lines[1]), where + ": not a size: " + lines[1][:40])
        return int(lines[1]), strict_base64(lines[2])


# --- The tree (RFC 6962) in tiles of 256 hashes (C2SP tlog-tiles) ---


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def root(hashes: list[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    level = list(hashes)
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def tile_path(level: str, index: int, width: int) -> str:
    path = f"{index % 1000:03d}" + ("" if width == 256 else f".p/{width}")
    while index >= 1000:
        index //= 1000
        path = f"x{index % 1000:03d}/{path}"
    return f"record/tile/{level}/{path}"


def read_bundles(folder: Folder, size: int) -> Iterator[bytes]:
    for index in range(-(-size // 256)):
        width = min(256, size - 256 * index)
        path = tile_path("entries", index, width)
        data, at = folder.read(path), 0
        for _ in range(width):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            need(at + 2 <= end <= len(data), f"{path}: expected {width} entries, found fewer")
            yield data[at + 2 : end]
            at = end
        need(at == len(data), f"{path}: expected {width} entries, found more")


def check_tiles(folder: Folder, leaves: list[bytes]) -> None:
    level, hashes = 0, leaves
    while hashes:
        for first in range(0, len(hashes), 256):
            part = hashes[first : first + 256]
            path = tile_path(str(level), first // 256, len(part))
            need(folder.read(path) == b"".join(part), path + ": does not follow from the entries")
        hashes = [root(hashes[i : i + 256]) for i in range(0, len(hashes) - 255, 256)]
        level += 1


# --- The checks ---


class Publication:
    def __init__(self, folder: Folder, key: Key) -> None:
        self.folder, self.key = folder, key
        self.names = sorted(folder.names())
        self.kept: dict[int, bytes] = {}
        self.entries: dict[int, Any] = {}
        self.gone: set[int] = set()
        self.tables: dict[int, Any] = {}
        self.rules: dict[str, Any] = {}

    def signatures(self) -> str:
        key = self.key
        self.size, self.root = key.checkpoint(self.folder.read("record/checkpoint"), "record/checkpoint")
        for name in self.names:
            found = re.fullmatch("record/checkpoints/(0|[1-9][0-9]*)", name)
            if found:
                size, top = key.checkpoint(self.folder.read(name), name)
                need(size == int(found.group(1)), f"{name}: is a checkpoint of {size} entries")
                self.kept[size] = top
        self.manifest = key.open(self.folder.read("record/manifest"), "record/manifest").split("\n")
        return f"{len(self.kept)} checkpoints and the manifest, by {key.vkey}"

    def history(self) -> str:
        size, newest = self.size, max(self.kept, default=0)
        need(newest <= size, f"rolled back: a checkpoint of {newest} entries is kept, the newest has {size}")
        need(size in self.kept, f"record/checkpoints/{size}: expected this file, found none")
        need(self.kept[size] == self.root, f"two different logs of one size under one key ({size} entries)")
        stated = self.key.parse([*self.manifest[1:4], ""], "record/manifest")
        need(stated == (self.size, self.root), f"record/manifest: is of a checkpoint of {stated[0]} entries")
        return f"{size} entries, nothing larger, nothing different"

    def tree(self) -> str:
        leaves = [leaf(data) for data in read_bundles(self.folder, self.size)]
        for size, top in sorted(self.kept.items()):
            need(root(leaves[:size]) == top, f"the first {size} entries don't have the root that was signed")
        check_tiles(self.folder, leaves)
        return "root " + self.root.hex()

    def known(self) -> str:
        for number, data in enumerate(read_bundles(self.folder, self.size)):
            try:
                entry = json.loads(data.decode("utf-8"), parse_float=int)
            except ValueError:
                raise Wrong(f"entry {number}: not JSON") from None
            again = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            need(again.encode() == data, f"entry {number}: not canonical")
            need(isinstance(entry, dict) and entry.get("type") in TYPES, f"entry {number}: of an unknown type")
            if entry["type"] in ("election", "table", "release", "withdrawal"):
                self.entries[number] = entry
        # A withdrawal takes an entry back; one that is itself withdrawn takes back nothing.
        for number in sorted(self.entries, reverse=True):
            if self.entries[number]["type"] == "withdrawal" and number not in self.gone:
                self.gone.add(self.entries[number]["entry"])
        return "all canonical, all of known types"

    def objects(self) -> str:
        count = 0
        for name in self.names:
            if name.startswith("objects/"):
                digest = hashlib.sha256(self.folder.read(name)).hexdigest()
                need(name == f"objects/{digest[:2]}/{digest}", name + ": has other bytes")
                count += 1
        for number, entry in self.entries.items():
            if number not in self.gone and entry["type"] != "withdrawal":
                self.read_object(entry.get("object") or entry["definition"])
        return f"{count}, each with its own hash"

    def read_object(self, named: Any) -> bytes:
        sha256 = named["sha256"]
        data = self.folder.read(f"objects/{sha256[:2]}/{sha256}")
        need(len(data) == named["bytes"], sha256 + ": of another length")
        return data

    def files(self) -> str:
        wanted = {line[66:]: line[:64] for line in self.manifest[4:-1]}
        found = set(self.names) - {"record/manifest"}
        need(not wanted.keys() - found, "missing: " + ", ".join(sorted(wanted.keys() - found)[:5]))
        need(not found - wanted.keys(), "added: " + ", ".join(sorted(found - wanted.keys())[:5]))
        for path in sorted(found):
            digest = hashlib.sha256(self.folder.read(path)).hexdigest()
            need(digest == wanted[path], path + ": changed since the manifest was signed")
        return f"{len(wanted)}, as they were signed"

    def totals(self) -> str:
        summary = json.loads(self.folder.read("data/summary.json").decode("utf-8"))
        record = {"size": self.size, "root_hash": self.root.hex()}
        need(all(summary["record"][k] == v for k, v in record.items()), "data/summary.json: is of another record")
        votes = {contest: dict.fromkeys(stated["options"], 0) for contest, stated in summary["contests"].items()}
        confirmed, rows, traced = dict.fromkeys(votes, 0), 0, 0
        text = self.folder.read("data/results_wide.csv").decode("utf-8")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            rows += 1
            if row["state"] == "confirmed":
                traced += self.trace(row) if row["basis"] == "table" else 0
                confirmed[row["contest"]] += 1
                for option in votes[row["contest"]]:
                    votes[row["contest"]][option] += int(row["votes." + option] or 0)
        for contest, stated in summary["contests"].items():
            says = stated["stations"]["confirmed"], {o: one["votes"] for o, one in stated["options"].items()}
            rows_give = confirmed[contest], votes[contest]
            need(
                says == rows_give, f"{contest}: data/summary.json says {says}, data/results_wide.csv gives {rows_give}"
            )
        return f"{rows} rows add up; {traced} of them found again in tables of the record"

    def trace(self, row: Any) -> int:
        """The fields of a count that rests on tables stand so in each of them; the votes follow from the fields."""
        where = f"data/results_wide.csv, {row['contest']}, station {row['station']}"
        behind = [int(number) for number in row["entries"].split()]
        tables = [n for n in behind if self.entries.get(n, {}).get("kind") == "readings" and n not in self.gone]
        need(tables, where + ": rests on a table, and no table stands behind it")
        for number in tables:
            cells = self.cells(number, row["station"])
            need(cells, f"{where}: not in the table of entry {number}")
            for column in [name for name in cells if f"field.{name}" in row]:
                shown = row[f"field.{column}"] or row[f"field.{column}.state"]
                need(shown == (cells[column] or "absent"), f"{where}: {column} is {cells[column]!r} in entry {number}")
        for option, field, zero in self.options(row["contest"]):
            expected = row["field." + field] or ("0" if row[f"field.{field}.state"] in zero else "")
            need(row["votes." + option] == expected, f"{where}: votes of {option} are not its field")
        return 1

    def cells(self, number: int, station: str) -> Any:
        """One row of a table of the record. Such tables hold ids, digits and state words: nothing in them is quoted."""
        if number not in self.tables:
            lines = self.read_object(self.entries[number]["object"]).decode("utf-8").split("\n")
            self.tables[number] = lines[0].split(","), {line.partition(",")[0]: line for line in lines[1:]}
        header, rows = self.tables[number]
        return dict(zip(header, rows[station].split(","))) if station in rows else None  # noqa: B905

    def options(self, contest: str) -> Any:
        """(option, its field, states of the field that count as 0), from the newest definition."""
        if contest not in self.rules:
            newest = [e for i, e in sorted(self.entries.items()) if e["type"] == "election" and i not in self.gone][-1]
            definition = json.loads(self.read_object(newest["definition"]).decode("utf-8"))
            found = next(c for c in definition["contests"] if c["id"] == contest)
            form = next(f for f in definition["forms"] if f["id"] == found["form"])
            zero = {
                field["id"]: ["struck", "word"] * (field.get("kind", "votes") == "votes")
                + ["empty"] * (field.get("empty") == "zero")
                for field in form["fields"]
            }
            fields = [(o["id"], o.get("field", o["id"])) for o in found["options"]]
            self.rules[contest] = [(option, field, zero[field]) for option, field in fields]
        return self.rules[contest]


def main(arguments: list[str]) -> int:
    given = ""
    if arguments[:1] == ["--key"] and len(arguments) > 1:
        given, arguments = arguments[1], arguments[2:]
    folder = Folder(arguments[0] if arguments else str(Path(__file__).resolve().parent))
    try:
        folder.read("record/checkpoint")
        key = Key(given.strip() or folder.read("record/log.vkey").decode("utf-8", "replace").strip())
    except Wrong as error:
        print(f"can't be read: {error}")
        return 2
    if hasattr(sys.stdout, "reconfigure"):  # a terminal that has no letter for a name still shows the rest
        sys.stdout.reconfigure(errors="backslashreplace")
    publication = Publication(folder, key)
    for name in ("signatures", "history", "tree", "entries", "objects", "files", "totals"):
        try:
            check = publication.known if name == "entries" else getattr(publication, name)
            print(f"ok  {name:11} {check()}")
        except Exception as error:
            kind = "" if isinstance(error, Wrong) else type(error).__name__ + " "
            text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in kind + str(error))
            print(f"NO  {name:11} {text}")
            print("This publication does not hold. What comes after this was not checked.")
            return 1
    print(
        "Not checked: single readings and decisions, comparison, bounds, findings, pages (counterfoil verify does it)."
    )
    if not given:
        print("The key was taken from this folder: this shows that nothing was changed, not who made it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
