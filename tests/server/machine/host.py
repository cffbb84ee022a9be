"""`python -m tests.server.machine.host FOLDER seed N`: N copies of which a pretended machine can read something.
`... FOLDER read`: a worker host that reads until nothing is due, with claims of three seconds, looked for each second;
it says `ready`, waits for a line, and says which copies it kept. `... FOLDER state`: one line of JSON, what stands."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from counterfoil.bootstrap.setup import setup_django

CLAIM_S = 3


def main() -> int:
    folder, what = Path(sys.argv[1]), sys.argv[2]
    setup_django(folder)
    from counterfoil.bootstrap import machine as bootstrap_machine
    from counterfoil.bootstrap.machine_host import MachineHost
    from counterfoil.bootstrap.prepare import prepare
    from counterfoil.bootstrap.server import Server, server
    from counterfoil.storage import machine
    from counterfoil.storage.models import Copy, MachineReading
    from counterfoil.workflow.machine import MachineRead
    from tests.server.machine.conftest import PRETEND

    at: Server = prepare() if what == "seed" else server()
    at.reader_program = PRETEND
    if what == "seed":
        _seed(at, int(sys.argv[3]))
    if what == "read":
        machine.CLAIM_S = CLAIM_S
        bootstrap_machine.LOOK_AGAIN = timedelta(seconds=1)
        kept = machine.keep

        def keep(copy: Copy, read: MachineRead, made_by: str) -> bool:
            done = kept(copy, read, made_by)
            print(f"{'kept' if done else 'lost'} {copy.pk}", flush=True)  # noqa: T201 - for the test
            return done

        machine.keep = keep
        host = MachineHost(at)
        reading = at.reading()
        assert reading is not None
        assert reading.is_due(at.now())  # its jail is up
        print("ready", flush=True)  # noqa: T201 - for the test
        sys.stdin.readline()
        idle_since = time.monotonic()
        while time.monotonic() - idle_since < CLAIM_S + 1:
            if host.round():
                idle_since = time.monotonic()
            else:
                time.sleep(0.1)
    if what == "state":
        rows = list(MachineReading.objects.values_list("state", "tries", "template"))
        print(json.dumps({"copies": Copy.objects.count(), "rows": rows}))  # noqa: T201
    at.close()
    return 0


def _seed(at: object, number: int) -> None:
    import hashlib

    from counterfoil.bootstrap.jobs import grow_now
    from counterfoil.bootstrap.server import Server
    from counterfoil.storage.models import Arrival
    from counterfoil.workflow.slots import slot_of
    from tests.server.machine.conftest import photo, reading

    assert isinstance(at, Server)
    for one in range(number):
        picture = photo(reading()) + str(one).encode()
        Arrival.objects.create(
            copy=hashlib.sha256(picture).hexdigest(),
            salt="00" * 32,
            picture=at.intake.put(picture)["sha256"],
            width=900,
            height=1200,
            exact=str(one),
            station=("001", "002", "003")[one % 3],
            contest="president",
            page=1,
            kind="wall_copy",
            lane="organisation",
            slot=slot_of(at.now() - timedelta(minutes=2), at.settings.batch_s),
        )
    grow_now(at)


if __name__ == "__main__":
    sys.exit(main())
