"""`python -m tests.server.running.checker FOLDER [lost=N] COPY...`: a server starts again on the folder, grows until
nothing waits, and must hold every one of these copies: row, picture, entry of the record, and a publication that
verifies. So many copies of the record may lack their row: those that came after a backup from which it was restored."""

from __future__ import annotations

import sys
from pathlib import Path

from counterfoil.bootstrap.setup import setup_django


def main() -> int:
    folder, wanted, lost = Path(sys.argv[1]), sys.argv[2:], 0
    if wanted and wanted[0].startswith("lost="):
        lost = int(wanted.pop(0).removeprefix("lost="))
    setup_django(folder)
    from counterfoil.bootstrap.jobs import grow_now
    from counterfoil.bootstrap.prepare import prepare
    from counterfoil.primitives.canonical import sha256_hex
    from counterfoil.storage.models import Arrival, Copy, Entry
    from counterfoil.workflow.verify import verify

    at = prepare()
    grow_now(at)
    assert not Arrival.objects.exists()
    for name in wanted:
        copy = Copy.objects.get(pk=name)
        assert sha256_hex(at.pictures.get(copy.picture)) == copy.picture
        entry = Entry.objects.get(type="copy", copy=name)
        assert entry.index is not None
        with at.log(read_only=True) as log:
            assert name.encode() in next(log.entries(entry.index))
    with at.log(read_only=True) as log:
        said = [data for data in log.entries() if b'"type":"copy"' in data]
    assert len(said) == Copy.objects.count() + lost == len(set(said))
    result = verify(at.settings.site)
    assert result.holds, result
    print(len(said))  # noqa: T201 - what a program for tests answers
    at.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
