"""Finds the files of a recipe in what the user has: a folder, a file, a zip, or a folder with both.

Names and encodings change from version to version of a data set. So a file is chosen by its name patterns, and among
several by the columns it has; two that differ are refused, because only the user knows which one is meant. Nothing is
downloaded.
"""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from counterfoil.election.csv_scan import MAX_HEADER_BYTES
from counterfoil.election.recipe_format import RecipeFile
from counterfoil.election.table_files import ROW, SUFFIXES, FileOptions, RawTable, read_table_file
from counterfoil.primitives.errors import InputError

MAX_FILES = 10_000
MAX_UNPACKED_BYTES = 4_000_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """One file of the data set, read."""

    raw: RawTable
    label: str
    """Where it was: "RESULTADOS.zip: RESULTADOS.csv"."""
    encoding: str
    sha256: str
    missing: tuple[str, ...]
    """Columns of `unknown_if_missing` that it lacks."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    label: str
    name: str
    path: Path
    member: str | None

    def materialise(self, folder: Path) -> Path:
        """The file itself; a member of a zip is unpacked into `folder`."""
        if self.member is None:
            return self.path
        target = folder / hashlib.sha256(self.label.encode()).hexdigest()[:16] / self.name
        if not target.exists():
            target.parent.mkdir()
            try:
                with (
                    zipfile.ZipFile(self.path) as package,
                    package.open(self.member) as source,
                    target.open("wb") as to,
                ):
                    shutil.copyfileobj(source, to)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
                raise InputError(
                    self.label, expected="a whole zip file", found=str(error)[:100], code="bad-zip"
                ) from None
        return target


def candidates(source: Path) -> list[_Candidate]:
    """Every table file there is, in zips too, by name.

    Raises:
        InputError: nothing there, too many files, a broken or too large zip.
    """
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if path.is_file())
    elif source.is_file():
        files = [source]
    else:
        raise InputError(str(source), expected="a folder or a file", found="none of that name", code="no-file")
    if len(files) > MAX_FILES:
        raise InputError(str(source), expected=f"at most {MAX_FILES} files", found=f"{len(files)}", code="too-large")
    found = []
    for path in files:
        label = str(path.relative_to(source)) if source.is_dir() else path.name
        if path.suffix.lower() in SUFFIXES:
            found.append(_Candidate(label, path.name, path, None))
        elif path.suffix.lower() == ".zip":
            found += _members(path, label)
    return found


def _members(path: Path, label: str) -> list[_Candidate]:
    try:
        with zipfile.ZipFile(path) as package:
            members = [m for m in package.infolist() if Path(m.filename).suffix.lower() in SUFFIXES]
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(label, expected="a whole zip file", found=str(error)[:100], code="bad-zip") from None
    size = sum(member.file_size for member in members)
    if size > MAX_UNPACKED_BYTES:
        raise InputError(
            label, expected=f"at most {MAX_UNPACKED_BYTES} bytes unpacked", found=f"{size}", code="too-large"
        )
    return [_Candidate(f"{label}: {m.filename}", Path(m.filename).name, path, m.filename) for m in members]


def find_file(spec: RecipeFile, available: Sequence[_Candidate], unpacked: Path, place: str) -> Found | None:
    """The file that `spec` means; None where it may be missing and is.

    Raises:
        InputError: none, several that differ, needed columns missing (all named), or not readable.
    """
    for pattern in spec.names:
        matching = [c for c in available if fnmatch.fnmatch(c.name.lower(), pattern.lower())]
        if not matching:
            continue
        paths = {candidate: candidate.materialise(unpacked) for candidate in matching}
        fitting = [c for c in matching if not _lacking(spec, _header(spec, paths[c]))]
        if not fitting and "*" in pattern and len(matching) > 1:
            continue
        return _one_of(spec, fitting or matching, paths, place)
    if spec.optional is not None:
        return None
    raise InputError(
        place,
        expected=f"{' or '.join(spec.names)}, {spec.about}",
        found=", ".join(c.label for c in available[:10]) or "no table file",
        code="no-file",
    )


def _one_of(spec: RecipeFile, several: Sequence[_Candidate], paths: Mapping[_Candidate, Path], place: str) -> Found:
    """The file, where all that match say the same; of those the one with most columns."""
    by_content: dict[str, _Candidate] = {}
    for candidate in several:
        by_content.setdefault(_sha256(paths[candidate]), candidate)
    found = [_read(spec, candidate, paths[candidate]) for candidate in by_content.values()]
    fullest = min(found, key=lambda file: len(file.missing))
    if all(_same(fullest, other) for other in found):
        return fullest
    raise InputError(
        place,
        expected="one version of the file",
        found="several that differ: " + ", ".join(file.label for file in found),
        do="name the one you mean instead of the folder, or leave only that one there",
        code="several-versions",
    )


def _same(one: Found, other: Found) -> bool:
    """Whether two files hold the same rows in the columns that both have: a table saved in another encoding."""
    shared = [c for c in one.raw.frame.columns if c not in (ROW, *one.missing, *other.missing)]
    rows, others = one.raw.frame.select(shared), other.raw.frame.select(shared)
    return rows.height == others.height and rows.sort(shared).equals(others.sort(shared))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _header(spec: RecipeFile, path: Path) -> list[str]:
    """The column names of a CSV, leniently: only to choose among files; the real reading is strict."""
    if path.suffix.lower() != ".csv":
        return list(read_table_file(path).columns)
    with path.open("rb") as stream:
        line = stream.readline(MAX_HEADER_BYTES)
    text = line.decode("utf-8-sig" if b"\0" not in line else "utf-16", errors="replace")
    widest: list[str] = []
    for delimiter in spec.delimiters:
        names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter), [])]
        widest = max(widest, names, key=len)
    return widest


def _lacking(spec: RecipeFile, header: Sequence[str]) -> list[str]:
    return [c for c in spec.columns if _their_name(spec, c, header) is None]


def _their_name(spec: RecipeFile, column: str, header: Sequence[str]) -> str | None:
    return next((name for name in (column, *spec.other_names.get(column, ())) if name in header), None)


def _read(spec: RecipeFile, chosen: _Candidate, path: Path) -> Found:
    raw, encoding = _decoded(spec, path)
    lacking = _lacking(spec, raw.columns)
    if lacking:
        raise InputError(
            chosen.label,
            expected="the columns " + ", ".join(lacking),
            found="only " + ", ".join(raw.columns),
            do="take another version of the file, or write a recipe for this one",
            code="missing-columns",
        )
    names = {c: _their_name(spec, c, raw.columns) for c in (*spec.columns, *spec.unknown_if_missing)}
    missing = tuple(column for column, name in names.items() if name is None)
    frame = raw.frame.select(
        pl.first(),
        *(pl.col(name).alias(c) if name else pl.lit(None, dtype=pl.String).alias(c) for c, name in names.items()),
    )
    for column, derived in spec.derive.items():
        cell = pl.col(derived.source)
        if derived.match is not None:
            cell = cell.str.extract(derived.match, 1)
        if derived.values:
            cell = cell.replace_strict(dict(derived.values), default=None, return_dtype=pl.String)
        frame = frame.with_columns(cell.alias(column))
    return Found(
        RawTable(chosen.label, frame, raw.columns, raw.path, raw.first, raw.unit, raw.multiline, raw.options),
        chosen.label,
        encoding,
        _sha256(path),
        missing,
    )


def _decoded(spec: RecipeFile, path: Path) -> tuple[RawTable, str]:
    """The first of the recipe's encodings and delimiters that fits the whole file."""
    wanted = {name for c in (*spec.columns, *spec.unknown_if_missing) for name in (c, *spec.other_names.get(c, ()))}
    refusal: InputError | None = None
    for encoding in spec.encodings:
        for delimiter in spec.delimiters:
            try:
                return read_table_file(path, needed=wanted, options=FileOptions(encoding, delimiter)), encoding
            except InputError as error:
                if error.code not in ("not-utf-8", "bad-encoding", "other-delimiter"):
                    raise
                refusal = refusal or error
    raise refusal or InputError(path.name, expected="an encoding to try", found="none", code="bad-recipe")
