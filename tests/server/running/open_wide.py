"""`python -m tests.server.running.open_wide FOLDER`: prepares the election and lifts the limits for strangers."""

from __future__ import annotations

import sys
from pathlib import Path

from counterfoil.bootstrap.setup import setup_django


def main() -> int:
    setup_django(Path(sys.argv[1]))
    from counterfoil.bootstrap.prepare import prepare
    from counterfoil.storage import running

    prepare()
    wide = {"strangers_per_minute": 100_000, "station_per_batch": 1000, "copies_enough": 100, "keep_free_mb": 0}
    for name, value in wide.items():
        running.put(name, value, None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
