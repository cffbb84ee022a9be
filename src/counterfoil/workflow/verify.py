"""Checking a publication on the disk."""

from __future__ import annotations

from pathlib import Path

from counterfoil.publish.assemble import Progress, silent
from counterfoil.record.reader import FolderReader
from counterfoil.verify import Report, verify_folder


def verify(
    site: Path,
    *,
    key: str | None = None,
    seen: bytes | None = None,
    pages: bool = False,
    progress: Progress = silent,
) -> Report:
    """Whether everything in `site` follows from its record; see `counterfoil.verify.verify_folder`.

    Raises:
        InputError: there is no publication to check.
    """
    return verify_folder(FolderReader(site), key=key, seen=seen, pages=pages, progress=progress)
