"""`python -m tests.server.running.rounds FOLDER [seed]`: a worker that does what is due until nothing is, as
`counterfoil worker` does, in the main thread; it says which job it begins. With `seed` there is work for every kind of
job first. At the end one line of JSON: what stands."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from counterfoil.bootstrap.setup import setup_django


def main() -> int:
    folder = Path(sys.argv[1])
    setup_django(folder)
    from django_tasks.signals import task_started

    from counterfoil.bootstrap.jobs import due
    from counterfoil.bootstrap.prepare import prepare
    from counterfoil.bootstrap.worker import Worker
    from counterfoil.storage.jobs import recomputed
    from counterfoil.storage.models import Arrival, Band, Batch, Copy, Entry, LookAlike, Standing
    from counterfoil.workflow.verify import verify

    at = prepare()
    if "seed" in sys.argv[2:]:
        _seed(at)
        return 0

    def begun(task_result: object, **_: object) -> None:
        say(f"job {task_result.task.name}")  # type: ignore[attr-defined]

    task_started.connect(begun)
    worker = Worker(at)
    for _ in range(8):
        if not due(at):
            break
        worker.round()
    with at.log(read_only=True) as log:
        copies = [json.loads(data)["copy"] for data in log.entries() if b'"type":"copy"' in data]
    told = recomputed()
    say(
        json.dumps(
            {
                "due": [job.name for job in due(at)],
                "arrivals": Arrival.objects.count(),
                "open_batches": Batch.objects.filter(logged=False).count(),
                "waiting": Entry.objects.filter(index__isnull=True).count(),
                "copies": sorted(copies),
                "rows": sorted(Copy.objects.values_list("pk", flat=True)),
                "links": LookAlike.objects.count(),
                "compared": Band.objects.values("copy").distinct().count(),
                "followed": list(Standing.objects.values_list("stage", "followed")),
                "drift": told["drift"] if told else None,
                "holds": verify(at.settings.site).holds,
                "pictures": len(list(at.pictures.names())),
            }
        )
    )
    at.close()
    return 0


def _seed(at: object) -> None:
    """Three photos, one of them twice, and a reader who came under closer scrutiny."""
    from counterfoil.bootstrap.server import Server
    from counterfoil.storage.arrivals import Door, receive
    from counterfoil.storage.models import Account, Standing
    from counterfoil.workflow.sending import Claim
    from tests.server.running.material import photo

    assert isinstance(at, Server)
    door = Door(at.sandbox, at.intake, at.pepper, at.slot, at.templates)
    for number in (1, 2, 1):
        receive(door, photo(number), Claim("001", "president", 1, "wall_copy"))
    account = Account.objects.create_account("reader", ["reader"])
    Standing.objects.create(account=account, stage="watched")
    at.close()


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
