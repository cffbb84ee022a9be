"""The publication grows: from the record as it lies on the disk to the folder that is served, swapped in one step.

Answers: is the site what the record says now, and make it so. Leaves out how entries get into the record
(`storage.inbox`) and when this is done (`storage.jobs`).

Rules:

* The site is a function of the record: it can be thrown away at any time.
* It is current when it holds the record's newest checkpoint and was written by this version of the program.
* Whoever kills this at any point finds the old site, whole (`publish.site`).
"""

from __future__ import annotations

from pathlib import Path

from counterfoil.publish.assemble import Progress, publication, silent
from counterfoil.publish.site import MANIFESTS, Sign, write_site
from counterfoil.record.durable import make_folder, replace_file
from counterfoil.record.layout import RECORD, checkpoint_sizes
from counterfoil.record.reader import FolderReader, SubReader


def is_current(folder: Path, site: Path) -> bool:
    """Whether `site` shows the newest checkpoint of the record in `folder`."""
    try:
        return (site / RECORD / "checkpoint").read_bytes() == (folder / RECORD / "checkpoint").read_bytes()
    except FileNotFoundError:
        return False


def grow_site(folder: Path, site: Path, sign: Sign, progress: Progress = silent) -> int:
    """Publish the record in `folder` to `site`; the number of entries that it shows now.

    The caller keeps everybody else from appending meanwhile.

    Raises:
        RecordError: the record or an object is not what it must be; `site` is as it was.
        Refusal: `site` is something else than a publication of this record.
    """
    reader = FolderReader(folder)
    sizes = checkpoint_sizes(SubReader(reader, RECORD))
    made = publication(reader, [f"{RECORD}checkpoints/{size}" for size in sizes], progress)
    note = write_site(made, folder, site, sign, progress)
    if note is not None:
        kept = folder / RECORD / MANIFESTS
        make_folder(kept)
        replace_file(kept / str(made.record.size), note)
    return made.record.size
