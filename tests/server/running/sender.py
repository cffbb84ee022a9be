"""`python -m tests.server.running.sender FOLDER FIRST COUNT`: takes photos as the web process does, in its main thread,
and says `acknowledged <copy>` or `refused <code>` after each, so that strace can stop it anywhere in between."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from counterfoil.bootstrap.setup import setup_django


def main() -> int:
    folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    setup_django(folder)
    from counterfoil.bootstrap.server import server
    from counterfoil.storage.arrivals import Door, NotReceived, receive
    from counterfoil.workflow.sending import Claim
    from tests.server.running.material import photo

    at = server()
    photos = [photo(first + number) for number in range(count)]
    door = Door(at.sandbox, at.intake, at.pepper, at.slot, at.templates)
    try:
        for data in photos:
            try:
                for received in receive(door, data, Claim("001", "president", 1, "wall_copy")):
                    say(f"acknowledged {received.copy}")
            except NotReceived as error:
                say(f"refused {error.code}")
    finally:
        at.close()
    return 0


def say(line: str) -> None:
    """In one system call, at once."""
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
