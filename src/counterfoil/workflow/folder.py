"""An election's folder: starting one, and taking files into it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from counterfoil.election.folder import DEFINITION_FILE, FolderInput, load_folder
from counterfoil.election.preview import Preview
from counterfoil.election.preview import preview as preview_tables
from counterfoil.primitives.canonical import parse
from counterfoil.primitives.errors import InputError, Refusal
from counterfoil.publish.assemble import Progress, silent
from counterfoil.record.durable import sync_folder
from counterfoil.workflow.count import CountResult, count
from counterfoil.workflow.holdings import Holdings
from counterfoil.workflow.intake import Plan, batch_of
from counterfoil.workflow.intake import plan as plan_intake
from counterfoil.workflow.moment import moment


def init(folder: Path) -> list[Path]:
    """A folder with a commented example that can be counted as it is; the files that were written.

    Raises:
        Refusal: something stands in `folder` already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refusal(
            f"{folder}: expected no folder or an empty one, found something; nothing was written, name another folder.",
            code="not-empty",
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for item in sorted(files("counterfoil.workflow").joinpath("example").iterdir(), key=lambda one: one.name):
        target = folder / item.name
        target.write_bytes(item.read_bytes())
        written.append(target)
    return written


@dataclass(frozen=True)
class Found:
    """What an import would do. `tables`: table by table, against what stands; `plan`: the entries it would append."""

    tables: Preview
    plan: Plan


@dataclass(frozen=True)
class ImportResult:
    """`result`: the count after it was taken in; None if it was not."""

    found: Found
    result: CountResult | None


def import_files(
    folder: Path,
    given: Sequence[Path],
    confirm: Callable[[Found], bool],
    *,
    now: datetime | None = None,
    progress: Progress = silent,
) -> ImportResult:
    """Take files into the folder and its record, if all of it fits together and `confirm` says so.

    Args:
        given: files named as `election.yaml` names them; one of the same name is replaced. None: the folder as it is.
        confirm: shown what is new, changed and ignored, before anything is written.

    Raises:
        InputError: a file is not as it must be, or `election.yaml` does not name it; nothing was written.
    """
    with tempfile.TemporaryDirectory(prefix="counterfoil-") as name:
        view = _view(folder, given, Path(name))
        loaded = load_folder(view)
        _refuse_unnamed(given, loaded)
        with Holdings(folder, read_only=True) as held:
            found = _found(loaded, held, batch_of(moment(now)))
    if not confirm(found):
        return ImportResult(found, None)
    for file in given:
        _place(file, folder / file.name)
    return ImportResult(found, count(folder, None, now=now, progress=progress))


def _found(loaded: FolderInput, held: Holdings, batch: str) -> Found:
    known = held.known()
    standing = {
        (kind, contest, name): held.objects.get(entry["object"]["sha256"])
        for (kind, contest, _, name), (index, entry) in known.tables.items()
        if index not in known.withdrawn
    }
    definition = parse(held.objects.get(known.definition)) if known.definition is not None else None
    tables = preview_tables(loaded, standing, definition)
    return Found(tables, plan_intake(loaded, known, held.pseudonyms, batch))


def _view(folder: Path, given: Sequence[Path], view: Path) -> Path:
    """The folder as it would be: links to what stands there and to the new files."""
    new = {file.name: file for file in given}
    if len(new) != len(given):
        raise InputError("import", expected="files of different names", found="two of one name", code="duplicate-file")
    for path in folder.iterdir():
        if path.name not in new and path.name not in ("keys", "record", "objects"):
            (view / path.name).symlink_to(path.absolute())
    for file_name, file in new.items():
        (view / file_name).symlink_to(file.absolute())
    return view


def _refuse_unnamed(given: Sequence[Path], loaded: FolderInput) -> None:
    named = {DEFINITION_FILE, *(t.file for t in loaded.tables), *(r.file for r in loaded.rows)}
    for file in given:
        if file.name not in named:
            raise InputError(
                str(file),
                expected=f"a file that {DEFINITION_FILE} names",
                found=f"{file.name}, which it does not",
                do="add it under `tables:` or `entries:` first",
                code="unnamed-file",
            )


def _place(source: Path, target: Path) -> None:
    """Copy beside, then rename: whoever reads the folder finds the old file or the new one."""
    if target.exists() and target.samefile(source):
        return
    temporary = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, temporary)
    temporary.replace(target)
    sync_folder(target.parent)
