"""`python -m benchmarks.server_material FOLDER READERS COPIES`: a rehearsal's folder filled for `server_load`.

Every station has so many copies (one and the same small picture, each with a commitment of its own), sealed, so that
each has its reading tasks; and so many readers, each with a token. Prints the tokens as JSON.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path

from counterfoil.bootstrap.setup import setup_django
from counterfoil.evidence import commit, sanitise
from counterfoil.simulate.blank import Printed
from counterfoil.simulate.drawing import draw_protocol, paper_form


def main() -> None:
    folder, readers, copies = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    setup_django(folder)
    from counterfoil.bootstrap.jobs import grow_now  # noqa: PLC0415 - models, after Django is ready
    from counterfoil.bootstrap.prepare import prepare  # noqa: PLC0415 - as above
    from counterfoil.storage import tokens  # noqa: PLC0415 - as above
    from counterfoil.storage.models import Account, Arrival, Branch, Station  # noqa: PLC0415 - as above

    at = prepare()
    drawn = draw_protocol(paper_form("Protocol", [Printed("valid", "Valid")]), {"valid": "100"}, seed=1)
    picture = sanitise(drawn, at.sandbox, random=secrets.token_bytes)[0]
    at.intake.put(picture.picture)
    branch = Branch.objects.create(name="benchmark", kind="organisation")
    rows = []
    for station in Station.objects.order_by("pk"):
        for _ in range(copies):
            made = commit(picture.picture, random=secrets.token_bytes)
            rows.append(
                Arrival(
                    copy=made.copy,
                    salt=made.salt.hex(),
                    picture=picture.sha256,
                    width=picture.width,
                    height=picture.height,
                    station=station.pk,
                    contest=at.election.contests[0].id,
                    kind="wall_copy",
                    lane="organisation",
                    branch=branch,
                    slot=at.slot,
                )
            )
    Arrival.objects.bulk_create(rows, batch_size=500)
    grow_now(at)
    people = [Account.objects.create_account(f"reader-{number}", ["reader"]) for number in range(readers)]
    print(json.dumps({"tokens": [tokens.make("benchmark", account=one) for one in people]}))


if __name__ == "__main__":
    main()
