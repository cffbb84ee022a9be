"""Stores two objects and says after each how many are in. A program of its own, to be killed and to meet full disks.

python -m tests.storage_objects.fill_script FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from counterfoil.storage.objects.folder import FolderStore
from counterfoil.workflow.stores import StoreError

OBJECTS = [bytes([number]) * 50_000 for number in range(2)]


def main(folder: Path) -> int:
    try:
        store = FolderStore(folder / "store")
        for done, data in enumerate(OBJECTS, start=1):
            store.put(data)
            os.write(1, b"stored %d\n" % done)  # the acknowledgement, in one call
    except StoreError as error:
        print(error.code, error.passing, error, flush=True, file=sys.stderr)  # noqa: T201
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
