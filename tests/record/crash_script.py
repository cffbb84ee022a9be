"""The program that the crash tests kill: make a key and a log, store objects, append batches, say what is acknowledged.

Run again on the same folder it goes on from where it is. `python -m tests.record.crash_script FOLDER`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from counterfoil.primitives.errors import RecordError
from counterfoil.record.keys import LOG_KEY, create_key, load_key
from counterfoil.record.layout import VKEY
from counterfoil.record.log import Log
from counterfoil.record.objects import ObjectStore
from tests.record.worlds import ORIGIN, entries

SIZES = (3, 258, 259)
"""Of the log after each batch: a partial tile, a full one with the first of level 1, one more entry."""


def run(root: Path, acknowledge: Callable[[int], None]) -> None:
    if not (root / "keys" / LOG_KEY).exists():
        create_key(root / "keys", ORIGIN, bytes(range(32)))
    key = load_key(root / "keys")
    store = ObjectStore(root / "objects")
    with (Log.open if (root / "record" / VKEY).exists() else Log.create)(root / "record", key) as log:
        for size in SIZES:
            if log.size < size:
                store.put(b"object %d" % size)
                log.append(entries(size - log.size, log.size))
                acknowledge(size)


def _say(size: int) -> None:
    os.write(1, b"ack %d\n" % size)


def main() -> None:
    try:
        run(Path(sys.argv[1]), _say)
    except RecordError as error:
        sys.exit(f"{error.code}: {error}")


if __name__ == "__main__":
    main()
